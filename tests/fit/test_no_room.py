"""Believed cells in which no record can be: the fit converges, candidates are drawn where they are allowed, and it is told."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthor import Prior, compile_problem, load_spec, parse_spec
from synthor.errors import Finding
from synthor.fit.face import Closing
from synthor.fit.lacking import lacking, openings
from synthor.fit.model import Model, fit
from synthor.fit.pool import draw_pool
from synthor.fit.status import Status
from synthor.loop import check_all, synthesize
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency
from synthor.report.misfit import explain_misfit
from synthor.run import Population, notes_on

HOMES = """
records: 1000
variables:
  persons: {type: integer, min: 1, max: 8, bins: [1, 2, 3]}
  kind: {type: category, values: [one person, family, other]}
  tenure: {type: category, values: [own, rent]}
targets:
  - {name: persons, counts: {persons: {1: 300, 2: 400, 3+: 300}}}
  - {name: kind, counts: {kind: {one person: 300, family: 500, other: 200}}}
  - {name: tenure, counts: {tenure: {own: 600, rent: 400}}}
rules: [{never: "persons = 1 and kind <> 'one person'", why: one person is one person}]
"""
LONELY_PAIRS = Dependency(given="persons", of="kind", rows=[[100, 0, 0], [20, 60, 20], [1, 70, 29]], confidence=0.95)
TENURES = Dependency(given="kind", of="tenure", rows=[[40, 60], [80, 20], [50, 50]], confidence=0.9)


def run_of(text: str, *beliefs: Dependency) -> Population:
    return synthesize(parse_spec(text), prior=Prior(dependencies=list(beliefs)))


def told(model: Model) -> list[str]:
    return [f"{entry.belief}: {entry.reason}" for entry in model.dropped if entry.action == "gave way"]


@pytest.mark.slow
def test_a_belief_where_two_targets_leave_no_room_gives_way_and_is_told() -> None:
    run = run_of(HOMES, LONELY_PAIRS, TENURES)
    model = run.model
    assert model.status.value == "converged"
    assert len(model.history) < 25
    assert run.measurement.met
    assert run.records.filter((pl.col("persons") > 1) & (pl.col("kind") == "one person")).is_empty()
    (where,) = told(model)
    share = 100 * model.beliefs.tables[0].grouped[1, 0]
    reason = f"believed {share:.2g}% of all records at 2, one person, where 'persons' and 'kind' leave no room"
    assert where == f"kind given persons: {reason}; likewise 1 more of its cells"
    sentences = [entry.sentence for entry in explain_misfit(model)]
    (strained,) = [text for text in sentences if "gave way" in text and "kind given persons" in text]
    assert strained.endswith("fitted 0%, where 'persons' and 'kind' leave no room.")


@pytest.mark.slow
def test_a_model_read_again_knows_which_candidates_weigh_nothing() -> None:
    model = run_of(HOMES, LONELY_PAIRS, TENURES).model
    again = Model.from_json(model.to_json())
    np.testing.assert_allclose(again.weights, model.weights, atol=1e-12)
    assert (again.weights == 0).sum() == 4
    assert again.tables == model.tables
    np.testing.assert_array_equal(np.isneginf(again.log_weight(again.pool.units)), again.weights == 0)


def test_a_single_record_of_room_is_used() -> None:
    text = HOMES.replace("one person: 300, family: 500", "one person: 301, family: 499")
    run = run_of(text, LONELY_PAIRS, TENURES)
    assert run.model.status.value == "converged"
    assert run.measurement.met
    assert run.records.filter((pl.col("persons") > 1) & (pl.col("kind") == "one person")).height == 1
    assert not told(run.model)


def test_a_rule_that_forbids_what_is_believed_is_named() -> None:
    rule = "rules: [{never: kind = 'family' and tenure = 'rent'}]"
    run = run_of(HOMES.split("rules:", maxsplit=1)[0] + rule, TENURES)
    assert run.model.status.value == "converged"
    (where,) = told(run.model)
    assert "at family, rent, where the rule never `kind = 'family' and tenure = 'rent'` leaves nothing" in where
    (pull,) = run.model.tables
    assert pull.barred is not None
    assert pull.barred.obstacles[0].text == "kind = 'family' and tenure = 'rent'"


@pytest.mark.slow
def test_empty_cells_of_a_table_that_forbid_what_is_believed_are_named() -> None:
    cells = [("1", "one person", 300), ("2", "family", 400), ("3+", "family", 100), ("3+", "other", 200)]
    table = ", ".join(f"{{persons: '{p}', kind: {k}, count: {n}}}" for p, k, n in cells)
    run = run_of(HOMES.split("targets:", maxsplit=1)[0] + f"targets: [{{name: both, table: [{table}]}}]", LONELY_PAIRS)
    assert run.model.status.value == "converged"
    assert "where the cells of 'both' that want 0 leave nothing" in told(run.model)[0]


RING = """
records: 1000
variables:
  a: {type: category, values: [p, q, r, s]}
  b: {type: category, values: [p, q, r, s]}
  c: {type: category, values: [p, q, r, s]}
targets: [{counts: {a: {p: 970, q: 10, r: 10, s: 10}}}]
"""


def ring(weight: float) -> Prior:
    """Two sure tables of which each says that nearly all is `p`, and a third that wants `s` with `s`."""
    same = [[97, 1, 1, 1], [1, 97, 1, 1], [1, 1, 97, 1], [1, 1, 1, 97]]
    odd = [[98 - weight, 1, 1, weight], [1, 97, 1, 1], [1, 1, 97, 1], [weight, 1, 1, 98 - weight]]
    tables = [("a", "b", same, 0.9), ("b", "c", same, 0.9), ("a", "c", odd, 0.5)]
    return Prior(dependencies=[Dependency(given=x, of=y, rows=rows, confidence=sure) for x, y, rows, sure in tables])


@pytest.mark.slow
def test_believed_cells_that_the_pool_lacks_get_candidates() -> None:
    problem, prior = compile_problem(parse_spec(RING)), ring(0.5)
    beliefs = resolve(prior, problem)
    before = draw_pool(problem, beliefs, size=50, random_seed=0)
    missing = lacking(problem, beliefs, before.units)
    assert missing
    model = fit(problem, prior, pool_size=50)
    assert [place.positions for place in model.recipe.inside[: len(missing)]] == [place.positions for place in missing]
    for table in model.beliefs.tables:
        held = table.cells(model.pool.units).totals(np.ones(len(model.pool.units)))
        assert (held[table.grouped.ravel() > 1e-5] > 0).all()
    assert model.status.value == "converged"
    assert not told(model)
    again = Model.from_json(model.to_json())
    np.testing.assert_allclose(again.weights, model.weights, atol=1e-12)


def test_room_that_the_pool_lacks_is_looked_for_among_all_combinations() -> None:
    problem = compile_problem(parse_spec(HOMES))
    names = [target.name for target in problem.targets]
    closing = Closing(
        tables=np.array([names.index("persons"), names.index("kind")]), cells=np.array([0, 0]), values=np.array([-1.0, 1.0])
    )
    assert openings(problem, [closing]) == ()  # the rule forbids what would make room
    (found,) = openings(problem.with_only(()), [closing])
    assert found.positions == (0, 1)
    assert {(int(row[0]), int(row[1])) for row in np.stack(found.units.columns(), axis=1)} == {(0, 1), (0, 2)}


SURVEY = HOMES.replace("kind <> 'one person'", "kind in ('family', 'other')") + "sample: {file: s.csv, weight: w}\n"
ROWS = "6,family,own,1\n1,one person,rent,1\n2,family,own,1\n4,family,own,2\n2,other,rent,1\n3,other,own,1\n"
PEOPLE = "persons,kind,tenure,w\n" + 30 * ROWS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "rows", "note"),
    [
        (
            SURVEY,
            "1,family,own,1\n1,family,rent,3\n",
            "2 of 182 {} break the rule never `persons = 1 and kind in ('family', 'other')`",
        ),
        (SURVEY.replace("family: 500, other: 200", "family: 700, other: 0"), "", "60 of 180 {} lie where 'kind' wants none"),
        (
            SURVEY.replace("persons = 1 and", "persons > 6 and"),
            "7,family,own,1\n8,family,own,1\n",
            "2 of 182 {} break the rule never `persons > 6 and kind in ('family', 'other')`",
        ),
    ],
    ids=["a rule", "a cell that wants none", "numbers inside a bin"],
)
def test_sample_records_that_cannot_be_are_left_out_and_told(tmp_path: Path, text: str, rows: str, note: str) -> None:
    (tmp_path / "s.csv").write_text(PEOPLE + rows, encoding="utf-8")
    spec = parse_spec(text).placed_in(tmp_path)
    said = note.format("sample records") + " and are left out"
    (warning,) = [finding for finding in check_all(spec) if finding.where == "s.csv"]
    assert (warning.message, warning.severity) == (said, "warning")
    run = synthesize(spec)
    assert run.model.status.value == "converged"
    assert run.measurement.met
    assert f"s.csv: {said}." in notes_on(run.model)
    without = {table.records for table in run.model.prior.dependencies}
    assert f"s.csv: {said}." in notes_on(Model.from_json(run.model.to_json()))
    (tmp_path / "s.csv").write_text(PEOPLE, encoding="utf-8")
    if rows:
        assert {table.records for table in synthesize(spec).model.prior.dependencies} == without


def test_sample_records_with_bins_for_numbers_are_judged_as_far_as_bins_tell(tmp_path: Path) -> None:
    rows = "3+,family,own,1\n1,family,own,1\n"
    (tmp_path / "s.csv").write_text(PEOPLE.replace("4,", "3+,").replace("3,", "3+,") + rows, encoding="utf-8")
    rule = ", {never: persons > 6 and kind = 'family'}]"
    spec = parse_spec(SURVEY.replace("is one person}]", "is one person}" + rule)).placed_in(tmp_path)
    (warning,) = [finding for finding in check_all(spec) if finding.where == "s.csv"]
    assert warning.message.startswith("1 of 182 sample records break the rule never `persons = 1")


@pytest.mark.slow
def test_a_sample_of_impossible_records_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("persons,kind,tenure,w\n1,family,own,1\n1,other,own,1\n", encoding="utf-8")
    spec = parse_spec(SURVEY).placed_in(tmp_path)
    run = synthesize(spec)
    assert run.measurement.met
    assert not run.model.beliefs.tables
    assert any("2 of 2 sample records break" in note for note in notes_on(run.model))


def test_check_opens_the_sample(tmp_path: Path) -> None:
    spec = parse_spec(SURVEY).placed_in(tmp_path)
    assert _error(check_all(spec)).startswith("s.csv")
    (tmp_path / "s.csv").write_text("persons,kind,w\n1,famly,1\n", encoding="utf-8")
    assert "'famly' is no value of kind" in _error(check_all(spec))


def _error(findings: list[Finding]) -> str:
    (found,) = [str(finding) for finding in findings if finding.severity == "error"]
    return found


@pytest.mark.long
@pytest.mark.parametrize("survey", ["households", "persons"])
def test_a_fit_of_66_tables_and_23_rules_that_a_model_wrote_converges(survey: str) -> None:
    """Two tables and a believed rule leave a cell no room that other beliefs insist on: unless it is closed, no optimum."""
    run = synthesize(load_spec(Path(__file__).parents[1] / "cases" / "slow_fits" / survey / "spec.yaml"))
    assert run.model.status is Status.CONVERGED
    assert len(run.model.history) < 40
    assert run.measurement.met, run.verdict
