"""Whole numbers at every size: counts, shares inside others, means, totals and quantiles, settled together or explained."""

from pathlib import Path

import pytest

from feasible import problem as random_problem
from synthor import Run, check, compile_problem, load_spec, parse_spec, synthesize
from synthor.sample.proof import no_whole_numbers
from synthor.spec.model import Spec

CASES = Path(__file__).parents[1] / "cases"
CENSUS = Path(__file__).parents[2] / "examples" / "census-tables" / "spec.yaml"
SIZES = (20, 50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10_000, 20_000)


def made(case: str) -> Run:
    return synthesize(load_spec(CASES / case))


@pytest.mark.slow
@pytest.mark.parametrize("records", [pytest.param(n, marks=[pytest.mark.long] if n in (7000, 10_000) else []) for n in SIZES])
def test_tables_with_shares_inside_others_are_met_at_every_size(records: int) -> None:
    run = synthesize(load_spec(CENSUS).model_copy(update={"records": records, "random_seed": records % 12}))
    assert run.verdict.startswith("Met: "), run.verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        "total_of_integer/smallest.yaml",
        "total_of_integer/by_tenure.yaml",
        "total_of_integer/zones/spec.yaml",
        "quantiles_of_a_part/c07d.yaml",
        "quantiles_of_a_part/c07_deciles.yaml",
        "means_of_numbers_tied_by_a_rule/stays.yaml",
        "means_of_numbers_tied_by_a_rule/trips.yaml",
        "od_with_modes_crash/spec.yaml",
    ],
)
def test_what_whole_numbers_can_meet_is_met(case: str) -> None:
    run = made(case)
    assert run.measurement.met, run.verdict
    assert run.model.status.value == "converged"
    assert not run.measurement.n_broken


@pytest.mark.long
def test_numbers_that_a_rule_ties_move_together() -> None:
    run = made("means_of_numbers_tied_by_a_rule/hotel.yaml")
    assert run.measurement.met, run.verdict
    stay = set((run.records["check_out"] - run.records["check_in"]).to_list())
    assert stay <= set(range(1, 15))
    assert len(stay) > 8  # they are no two spikes


def test_a_count_that_was_rounded_to_nothing_may_be_somebody() -> None:
    run = synthesize(
        parse_spec("""
        records: 20
        variables: {kind: {type: category, values: [a, b, c]}, old: {type: boolean}}
        targets:
          - {table: [{kind: a, count: 9}, {kind: b, count: 9}, {kind: c, count: 0}], rounded_to: 3}
          - {by: [kind], table: [{kind: c, old: "yes", share: 100}, {kind: c, old: "no", share: 0}]}
        """)
    )
    assert run.measurement.met, run.verdict
    assert (run.records["kind"] == "c").sum() == 1


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_total_of_whole_numbers_is_met_with_any_seed(seed: int) -> None:
    spec = load_spec(CASES / "total_of_integer" / "smallest.yaml").model_copy(update={"random_seed": seed})
    records = synthesize(spec).records["persons"]
    assert int(records.sum()) == 237
    assert [int((records == n).sum()) for n in (1, 2, 3)] == [31, 32, 17]


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        "interval_narrower_than_a_record/spec.yaml",
        pytest.param("interval_narrower_than_a_record/spec_r.yaml", marks=pytest.mark.long),
    ],
)
def test_intervals_without_whole_numbers_are_told_before_and_after(case: str) -> None:
    found = [finding for finding in check(load_spec(CASES / case)) if "whole numbers" in finding.message]
    assert found
    assert all("records are made" in finding.message for finding in found)
    told = [reason for reason in made(case).measurement.explanations if reason.kind == "rounding"]
    assert len(told) == 1
    assert told[0].sentence.startswith("No whole numbers can meet")
    assert told[0].details["proven"]


@pytest.mark.slow
def test_targets_that_fractions_meet_and_whole_numbers_do_not_are_proven_so() -> None:
    text = """
    records: 20
    variables: {sex: {type: category, values: [men, women]}, age: {type: integer, min: 0, max: 99, bins: [0, 50]}}
    targets:
      - {counts: {sex: {men: 17, women: 3}}}
      - {mean: age, by: [sex], table: [{sex: men, mean: "40.00"}, {sex: women, mean: "40.50"}]}
    """
    run = synthesize(parse_spec(text))  # three ages add up to a whole number, not to 121.5
    assert not run.measurement.met
    (told,) = (reason for reason in run.measurement.explanations if reason.kind == "rounding")
    assert told.details["proven"]
    assert "mean of age" in told.sentence


@pytest.mark.long
@pytest.mark.parametrize("seed", [2042, 3000, 3001, 3002, 3006])
def test_what_a_population_has_is_never_said_to_be_impossible(seed: int) -> None:
    """Seed 2042 was: sums of numbers up to 100,000, with windows near a solver's tolerance."""
    _, document = random_problem(seed)
    problem = compile_problem(Spec.model_validate(document))
    assert no_whole_numbers(problem, range(len(problem.targets))) == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(16, id="quantiles of 35 records beside counts"),
        pytest.param(119, id="a total that a variable without targets stands in the way of"),
        pytest.param(156, id="shares that add up to 98 beside counts"),
        pytest.param(167, id="a mean that a rule's other variable stands in the way of"),
        pytest.param(189, id="quantiles of 13 records beside shares"),
        pytest.param(269, id="a standard deviation around a mean that was rounded"),
        pytest.param(279, id="a mean to 7 digits, which few numbers of records have"),
        pytest.param(1002, id="seed 1002", marks=pytest.mark.long),
        pytest.param(1023, id="seed 1023", marks=pytest.mark.long),
        pytest.param(1026, id="seed 1026", marks=pytest.mark.long),
        pytest.param(1036, id="seed 1036", marks=pytest.mark.long),
    ],
)
def test_what_a_small_population_has_is_met(seed: int) -> None:
    _, document = random_problem(seed)
    run = synthesize(Spec.model_validate(document))
    assert run.measurement.met, run.verdict


def test_shares_that_do_not_add_up_to_one_are_met_as_printed() -> None:
    """45% of 98% would be 45.9%, and 454 of 1,000 be out of reach of its rounding."""
    run = synthesize(
        parse_spec("""
        records: 1000
        variables: {sex: {type: category, values: [men, women]}, work: {type: category, values: [a, b, c, d, e, f]}}
        targets:
          - counts: {work: {a: 454, b: 204, c: 154, d: 104, e: 54, f: 30}}
          - by: [sex]
            table:
              - {sex: men, work: a, share: 45}
              - {sex: men, work: b, share: 20}
              - {sex: men, work: c, share: 15}
              - {sex: men, work: d, share: 10}
              - {sex: men, work: e, share: 5}
              - {sex: men, work: f, share: 3}
          - counts: {sex: {men: 1000, women: 0}}
        """)
    )
    assert run.measurement.met, run.verdict


def test_shares_of_few_records_are_compared_to_the_next_whole_one() -> None:
    spec = parse_spec("""
        records: 35
        variables: {age: {type: integer, min: 0, max: 99, bins: [0, 30, 60]}, sex: {type: category, values: [men, women]}}
        targets:
          - {quantiles: age, values: {0.3: 30, 0.7: 60}}
          - counts: {age: {0-29: 10, 30-59: 14, 60+: 11}}
        """)
    assert not [finding for finding in check(spec) if finding.severity == "error"]
    assert synthesize(spec).measurement.met
    far = spec.model_dump(mode="json", by_alias=True)
    far["targets"][1]["counts"]["age"] = {"0-29": 7, "30-59": 17, "60+": 11}
    assert [finding for finding in check(Spec.model_validate(far)) if finding.severity == "error"]
