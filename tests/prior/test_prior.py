import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from synthor import InputError, Prior, compile_problem, load_spec, parse_spec, synthesize
from synthor.prior.beliefs import TABLE_STRENGTH, Beliefs, fit_to_marginals, resolve
from synthor.prior.elicit import elicit
from synthor.prior.model import Dropped, RuleBelief, read_prior
from synthor.problem import Problem
from synthor.types import Floats

SPEC = """
records: 100
variables:
  persons: {type: integer, min: 1, max: 9, bins: [1, 2, 3]}
  tenure: {type: category, values: [owned, rented]}
  car: {type: boolean}
  income: {type: number, min: 0, max: 3000000, bins: [0, 1000, 1234567, 2000000]}
targets:
  - {counts: {persons: {1: 30, 2: 30, 3+: 40}}}
  - {counts: {tenure: {owned: 60, rented: 40}}}
"""
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "bench" / "recordings" / "households-earlier.json"


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(SPEC))


def read(document: Any) -> tuple[Prior, tuple[Dropped, ...]]:
    return read_prior(document if isinstance(document, str) else json.dumps(document), source="prior.json")


def believed(problem: Problem, **beliefs: Any) -> Beliefs:
    prior, unread = read(beliefs)
    assert unread == ()
    return resolve(prior, problem)


def reason(problem: Problem, **beliefs: Any) -> str:
    """Why the only belief was dropped."""
    prior, unread = read(beliefs)
    found = resolve(prior, problem)
    assert not found.used
    (dropped,) = (*unread, *found.dropped)
    assert dropped.action == "dropped"
    return dropped.reason


def dependency(**changes: Any) -> dict[str, Any]:
    return {"given": "tenure", "of": "car", "rows": [[20, 80], [50, 50]]} | changes


def segment(**values: Any) -> dict[str, Any]:
    complete = {"persons": "1", "tenure": "owned", "car": True, "income": 500}
    return {"share": 1, "values": complete | values}


# --- Reading the file -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_example_is_read_whole() -> None:
    prior, dropped = read(EXAMPLE.read_text(encoding="utf-8"))
    assert dropped == ()
    beliefs = resolve(prior, compile_problem(load_spec(ROOT / "examples" / "households" / "spec.yaml")))
    assert [entry for entry in beliefs.dropped if entry.action == "dropped"] == []
    assert (len(beliefs.tables), beliefs.n_proposals) == (len(prior.dependencies), len(prior.proposals))


def test_what_was_read_is_written_the_same() -> None:
    prior, _ = read(
        {
            "about": "Häuser, by hand",
            "variables": ["persons"],
            "dependencies": [dependency(confidence=0.8, why="rent"), dependency(rows=None, percent={"owned": {"yes": 100}})],
            "rules": [{"never": "car", "why": "no"}],
            "proposals": [segment(persons={"from": 1.0, "to": 2}, tenure={"owned": 2}, car="yes"), segment()],
        }
    )
    text = prior.to_json()
    again, dropped = read(text)
    assert (again, dropped) == (prior, ())
    assert again.to_json() == text
    assert "Häuser" in text
    example, _ = read(EXAMPLE.read_text(encoding="utf-8"))
    assert read(example.to_json()) == (example, ())


def test_dependencies_may_be_called_pairs() -> None:
    prior, dropped = read({"pairs": [dependency()]})
    assert (len(prior.dependencies), dropped) == (1, ())


def test_a_bad_entry_costs_itself_only() -> None:
    prior, dropped = read(
        {
            "dependencies": [dependency(), {"given": "a", "of": "a", "rows": []}, dependency(why="kept")],
            "rules": [{"never": 5}, {"never": "car"}],
            "proposals": [segment(), {"share": 0, "values": {}}, "everything", segment()],
        }
    )
    assert (len(prior.dependencies), len(prior.rules), len(prior.proposals)) == (2, 1, 2)
    assert [entry.belief for entry in dropped] == ["dependencies[1]", "rules[0]", "proposals[1]", "proposals[2]"]
    assert dropped[0].reason == "Value error, `given` and `of` are the same variable"
    assert dropped[1].reason == "never: Input should be a valid string"
    assert dropped[2].reason == "share: Input should be greater than 0"


def test_unknown_and_malformed_keys_are_listed() -> None:
    prior, dropped = read({"about": 5, "variables": "all", "rules": {"never": "car"}, "notes": "x", "pairs": None})
    assert prior == Prior()
    assert [entry.belief for entry in dropped] == ["rules", "notes", "about", "variables"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"rows": [[float("nan"), 1], [1, 1]]}, "rows.0.0"),
        ({"rows": [[1, float("inf")], [1, 1]]}, "rows.0.1"),
        ({"rows": [[1, 1], [-1, 1]]}, "rows.1.0"),
        ({"rows": [[1, 1e10], [1, 1]]}, "rows.0.1"),
        ({"rows": [[1, 10**400], [1, 1]]}, "rows.0.1"),
        ({"rows": [[1, "many"], [1, 1]]}, "rows.0.1"),
        ({"rows": None, "percent": {"owned": {"yes": -1}}}, "percent.owned.yes"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"sure": True}, "sure"),
        ({"percent": {"owned": {"yes": 1}}}, "Value error"),
        ({"rows": None}, "Value error"),
    ],
)
def test_a_dependency_that_makes_no_sense_is_dropped(change: dict[str, Any], place: str) -> None:
    prior, dropped = read({"dependencies": [dependency(**change), dependency()]})
    assert len(prior.dependencies) == 1
    assert [entry.belief for entry in dropped] == ["dependencies[0]"]
    assert dropped[0].reason.startswith(place)


@pytest.mark.parametrize(
    ("text", "message", "row"),
    [
        ("", "is not JSON", 1),
        ("Sure! Here is the JSON:\n{}", "is not JSON", 1),
        ('{"rules": [\n{"never": ', "is not JSON", 2),
        ("{'rules': []}", "is not JSON", 1),
        ("[" * 100_000, "is not JSON: nested too deeply", None),
        ('{"a": ' * 100_000, "is not JSON: nested too deeply", None),
        ('{"a": 1' + "0" * 5000 + "}", "is not JSON", None),
        ("[]", "is no JSON object", None),
        ("5", "is no JSON object", None),
        ("null", "is no JSON object", None),
    ],
)
def test_a_text_that_is_no_json_object_is_an_input_error(text: str, message: str, row: int | None) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    (finding,) = caught.value.findings
    assert (finding.where, finding.row) == ("prior.json", row)
    assert finding.message.startswith(message)
    assert finding.cure


def test_half_a_character_does_not_spoil_the_file() -> None:
    prior, dropped = read('\ufeff{"about": "cut \\ud83d", "rules": [{"never": "car", "why": "\\ud83d\\ude00"}]}')
    assert (prior.about, prior.rules[0].why, dropped) == ("cut ?", "😀", ())
    assert prior.to_json().encode()


def test_beliefs_come_from_the_file_that_the_spec_names(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"rules": [{"never": "car"}]}')
    (tmp_path / "latin.json").write_bytes(b'{"about": "\xe9"}')
    for source in ("prior: p.json", "model: {name: 'replay:p.json'}"):
        assert len(elicit(parse_spec(f"{SPEC}\n{source}").placed_in(tmp_path))[0].rules) == 1
    assert elicit(parse_spec(f"{SPEC}\nmodel: {{name: none}}"))[0].empty
    assert elicit(parse_spec(f"{SPEC}\nprior: p.json").placed_in(tmp_path), Prior())[0].empty
    for name, message in (("none.json", "cannot be read"), ("latin.json", "is not UTF-8 text")):
        with pytest.raises(InputError, match=message):
            elicit(parse_spec(f"{SPEC}\nprior: {name}").placed_in(tmp_path))


KEYS = st.sampled_from(["given", "of", "rows", "percent", "never", "share", "values", "from", "to", "car", "owned"])
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4) | KEYS


@settings(max_examples=100, deadline=None)
@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12))
@pytest.mark.slow
def test_any_json_is_read_or_refused(entry: Any) -> None:
    document = {"dependencies": [dependency(rows=entry), entry], "rules": [entry], "proposals": [segment(car=entry), entry]}
    prior, _ = read(document)
    assert read(prior.to_json()) == (prior, ())
    beliefs = resolve(prior, compile_problem(parse_spec(SPEC)))
    for marginal in beliefs.marginals:
        assert marginal.sum() == pytest.approx(1)


# --- Dependencies ---------------------------------------------------------------------------------------------------------


def test_a_table_by_labels_and_one_by_rows_say_the_same(problem: Problem) -> None:
    percent = {"Rented": {"no": 50, "yes": 50}, "owned": {"no": 20, "yes": 80}}
    (by_rows,) = believed(problem, dependencies=[dependency()]).tables
    (by_labels,) = believed(problem, dependencies=[dependency(rows=None, percent=percent)]).tables
    assert_allclose(by_rows.shares, by_labels.shares)
    assert (by_rows.name, by_rows.columns) == ("car given tenure", (1, 2))
    assert_allclose(by_rows.shares, [[0.12, 0.48], [0.2, 0.2]])


def test_labels_left_out_of_a_row_count_as_zero(problem: Problem) -> None:
    percent = {"owned": {"yes": 100}, "rented": {"yes": 1, "no": 1}}
    (table,) = believed(problem, dependencies=[dependency(rows=None, percent=percent)]).tables
    assert 0 < table.shares[0, 0] < 1e-4


def test_a_table_takes_the_known_marginals(problem: Problem) -> None:
    (table,) = believed(problem, pairs=[dependency(given="persons", of="tenure", rows=[[1, 9], [5, 5], [9, 1]])]).tables
    assert_allclose(table.shares.sum(axis=1), [0.3, 0.3, 0.4])
    assert_allclose(table.shares.sum(axis=0), [0.6, 0.4])


def test_confidence_becomes_strength(problem: Problem) -> None:
    tables = believed(problem, dependencies=[dependency(), dependency(confidence=0.8), dependency(confidence=0.2)]).tables
    assert [table.strength for table in tables] == pytest.approx([TABLE_STRENGTH, 4 * TABLE_STRENGTH, TABLE_STRENGTH / 4])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [[1, 2]]}, "1 rows of [2] numbers, expected 2 rows of 2"),
        ({"rows": [[1, 2], [1, 2, 3]]}, "2 rows of [2, 3] numbers, expected 2 rows of 2"),
        ({"rows": []}, "0 rows of [] numbers, expected 2 rows of 2"),
        ({"rows": [[1, 2], [0, 0]]}, "no row, or only zeros, for rented"),
        ({"rows": None, "percent": {"owned": {"yes": 1}}}, "no row, or only zeros, for rented"),
        ({"rows": None, "percent": {"rentd": {"yes": 1}}}, "'rentd' is no label of tenure; did you mean 'rented'?"),
        ({"rows": None, "percent": {"owned": {"maybe": 1}}}, "'maybe' is no label of car; known: no, yes"),
        ({"given": "tenrue"}, "no variable is called 'tenrue'; did you mean 'tenure'?"),
        ({"of": "cars"}, "no variable is called 'cars'; did you mean 'car'?"),
    ],
)
def test_a_dependency_that_fits_no_variable_is_dropped(change: dict[str, Any], message: str, problem: Problem) -> None:
    assert reason(problem, dependencies=[dependency(**change)]) == message


# --- Proposals --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "shares"),
    [
        ("persons", "2", [0, 1, 0]),
        ("persons", 2, [0, 1, 0]),
        ("persons", 2.0, [0, 1, 0]),
        ("persons", "3+", [0, 0, 1]),
        ("persons", 7, [0, 0, 1]),
        ("persons", {"1": 1, "2": 3}, [0.25, 0.75, 0]),
        ("persons", {"3": 1, "3+": 1, "1": 2}, [0.5, 0, 0.5]),
        ("persons", {"from": 1, "to": 2}, [0.5, 0.5, 0]),
        ("persons", {"from": 2.0, "to": 4.9}, [0, 1 / 3, 2 / 3]),
        ("persons", {"from": -5, "to": 99}, [1 / 9, 1 / 9, 7 / 9]),
        ("persons", {"from": 2, "to": 2}, [0, 1, 0]),
        ("car", True, [0, 1]),
        ("car", "No", [1, 0]),
        ("car", 1, [0, 1]),
        ("car", {"yes": 30, "no": 70}, [0.7, 0.3]),
        ("income", 1234567, [0, 0, 1, 0]),
        ("income", 999.99, [1, 0, 0, 0]),
        ("income", {"from": 500, "to": 1500}, [0.5, 0.5, 0, 0]),
        ("income", {"from": 0, "to": 1000}, [1, 0, 0, 0]),
        ("income", {"from": 3000000, "to": 3000000}, [0, 0, 0, 1]),
    ],
)
def test_a_value_may_be_written_in_many_ways(variable: str, value: Any, shares: list[float], problem: Problem) -> None:
    beliefs = believed(problem, proposals=[segment(**{variable: value})])
    position = problem.schema.unit.position(variable)
    assert_allclose(beliefs.base.tables[position][0], shares, atol=2e-5)
    assert beliefs.n_proposals == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"persons": {"from": 5, "to": 3}}, "persons cannot range from 5 to 3"),
        ({"tenure": {"from": 1, "to": 2}}, "tenure cannot range from 1 to 2"),
        ({"persons": {"from": 20, "to": 30}}, "no value of persons that it gives is possible"),
        ({"persons": {"from": 2.2, "to": 2.8}}, "no value of persons that it gives is possible"),
        ({"persons": {}}, "no value of persons that it gives is possible"),
        ({"persons": {"1": 0}}, "no value of persons that it gives is possible"),
        ({"persons": 0}, "no value of persons"),
        ({"persons": 1.5}, "no value of persons"),
        ({"persons": {"from": 1}}, "'from' is no label of persons"),
        ({"tenure": "rentd"}, "'rentd' is no label of tenure; did you mean 'rented'?"),
        ({"tenure": {"owned": 1, "lent": 1}}, "'lent' is no label of tenure"),
        ({"tenrue": "owned"}, "no variable is called 'tenrue'; did you mean 'tenure'?"),
        ({"persons": {"1": float("nan")}}, "values.persons.1: Input should be a finite number"),
        ({"persons": {"1": -1}}, "values.persons.1: Input should be greater than or equal to 0"),
        ({"persons": {"1": 1e300}}, "values.persons.1: Input should be less than or equal to 1000000000"),
        ({"income": float("inf")}, "values.income"),
        ({"income": 10**400}, "values.income"),
        ({"persons": None}, "values.persons"),
        ({"persons": ["1"]}, "values.persons"),
        ({"persons": {"from": 1, "to": 2, "by": 1}}, "values.persons"),
    ],
)
def test_a_proposal_that_fits_no_variable_is_dropped(values: dict[str, Any], message: str, problem: Problem) -> None:
    assert reason(problem, proposals=[segment(**values)]).startswith(message)


def test_a_variable_left_out_takes_its_marginal_and_is_listed(problem: Problem) -> None:
    beliefs = believed(
        problem, proposals=[{"name": "owners", "share": 1, "values": {"tenure": "owned", "car": "no", "income": 5}}]
    )
    (mended,) = beliefs.dropped
    assert (mended.belief, mended.action) == ("proposals[0] (owners)", "mended")
    assert mended.reason.startswith("says nothing of persons")
    assert_allclose(beliefs.base.tables[0][0], [0.3, 0.3, 0.4])


def test_shares_of_proposals_are_relative(problem: Problem) -> None:
    beliefs = believed(problem, proposals=[segment() | {"share": 30}, segment(tenure="rented") | {"share": 10}])
    assert beliefs.base.shares[:2] / beliefs.base.shares[:2].sum() == pytest.approx([0.75, 0.25])
    assert beliefs.base.shares.sum() == pytest.approx(1)
    assert beliefs.sentence == "Beliefs used: 2 proposals."


# --- Rules ------------------------------------------------------------------------------------------------------------------


def test_a_believed_rule_is_kept_with_its_reason(problem: Problem) -> None:
    (rule,) = believed(problem, rules=[{"never": "persons > 5 and tenure = 'owned'", "why": "small homes"}]).rules
    assert (rule.why, rule.source) == ("small homes", "beliefs")


@pytest.mark.parametrize(
    ("never", "message"),
    [
        ("tenure = 'rented'", "40 wanted in cell (rented), but the rule `tenure = 'rented'` forbids it"),
        ("persons < 3 and car in ('yes', 'no')", "30 wanted in cell (1), but"),
        ("income >= 0", "`income >= 0` forbids every record"),
        ("sneak()", "`sneak()` anonymous"),
        ("tenure = 'rentd'", "`tenure = 'rentd'` 'rentd' is no label of tenure"),
        ("not " * 400 + "car", "`not not"),
        ("", "`` is no SQL predicate"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_dropped(never: str, message: str, problem: Problem) -> None:
    assert reason(problem, rules=[{"never": never}]).startswith(message)


# --- Marginals ----------------------------------------------------------------------------------------------------------------


def test_no_beliefs_leave_the_targets_and_evenness(problem: Problem) -> None:
    beliefs = resolve(Prior(), problem)
    assert not beliefs.used
    assert "independent" in beliefs.sentence
    for marginal, wanted in zip(beliefs.marginals, [[0.3, 0.3, 0.4], [0.6, 0.4], [0.5, 0.5], [0.25] * 4], strict=True):
        assert_allclose(marginal, wanted)


def test_a_variable_without_target_takes_what_proposals_say(problem: Problem) -> None:
    beliefs = believed(problem, proposals=[segment(car=True) | {"share": 3}, segment(car=False)], dependencies=[dependency()])
    assert_allclose(beliefs.marginals[2], [0.25, 0.75])


def test_without_proposals_it_takes_what_dependencies_imply(problem: Problem) -> None:
    beliefs = believed(problem, dependencies=[dependency()])
    assert_allclose(beliefs.marginals[2], [0.6 * 0.2 + 0.4 * 0.5, 0.6 * 0.8 + 0.4 * 0.5])
    assert_allclose(beliefs.tables[0].shares.sum(axis=0), beliefs.marginals[2])


# --- Fitting a table to its marginals -----------------------------------------------------------------------------------------


@st.composite
def tables_and_marginals(draw: st.DrawFn, smallest: float) -> tuple[Floats, Floats, Floats]:
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))

    def some(n: int, low: float) -> Floats:
        return np.array(
            draw(st.lists(st.floats(low, 100) if low else st.just(0.0) | st.floats(0.1, 100), min_size=n, max_size=n))
        )

    table = some(rows * columns, 0.1).reshape(rows, columns)
    first, second = some(rows, smallest), some(columns, smallest)
    first[draw(st.integers(0, rows - 1))] += 1
    second[draw(st.integers(0, columns - 1))] += 1
    return table, first / first.sum(), second / second.sum()


@pytest.mark.slow
@settings(deadline=None)
@given(tables_and_marginals(0.1))
def test_a_fitted_table_has_both_marginals_and_the_odds_ratios_believed(case: tuple[Floats, Floats, Floats]) -> None:
    joint, first, second = case
    fitted = fit_to_marginals(joint, first, second)
    assert_allclose(fitted.sum(axis=1), first, atol=1e-9)
    assert_allclose(fitted.sum(axis=0), second, atol=1e-9)
    log_odds = np.log(joint) - np.log(fitted)  # must be a row effect plus a column effect
    assert_allclose(log_odds - log_odds[:1] - log_odds[:, :1] + log_odds[0, 0], 0, atol=1e-6)


@pytest.mark.slow
@settings(deadline=None)
@given(tables_and_marginals(0.0))
def test_zeros_in_marginals_stay_zeros(case: tuple[Floats, Floats, Floats]) -> None:
    fitted = fit_to_marginals(*case)
    assert np.isfinite(fitted).all()
    assert (fitted[case[1] == 0] == 0).all()
    assert (fitted[:, case[2] == 0] == 0).all()
    assert_allclose(fitted.sum(axis=1), case[1], atol=1e-9)
    assert_allclose(fitted.sum(axis=0), case[2], atol=1e-9)


@pytest.mark.parametrize(
    ("joint", "first", "second"),
    [
        ([[1, 0], [0, 1]], [0.5, 0.5], [0.1, 0.9]),
        ([[1, 0], [1, 0]], [0.5, 0.5], [0.0, 1.0]),
        ([[1, 0], [0, 1]], [1.0, 0.0], [0.0, 1.0]),
        ([[1e9, 1], [1, 1e9]], [0.5, 0.5], [0.01, 0.99]),
        ([[1, 0, 0], [0, 0, 1], [0, 1, 0]], [0.9, 0.05, 0.05], [0.05, 0.05, 0.9]),
    ],
)
def test_a_believed_zero_gives_way_to_what_is_known(joint: list[list[float]], first: list[float], second: list[float]) -> None:
    fitted = fit_to_marginals(np.array(joint, dtype=float), np.array(first), np.array(second))
    assert_allclose(fitted.sum(axis=1), first, atol=1e-8)
    assert_allclose(fitted.sum(axis=0), second, atol=1e-8)


@pytest.mark.slow
def test_believed_rules_give_way_where_they_would_break_the_targets() -> None:
    text = """
    records: 100
    variables: {a: {type: boolean}, b: {type: boolean}}
    targets: [{counts: {a: {yes: 60, "no": 40}}}, {counts: {b: {yes: 70, "no": 30}}}]
    """
    wrong = Prior(rules=[RuleBelief(never="a and b", why="so it was believed")])
    run = synthesize(parse_spec(text), prior=wrong)
    assert run.measurement.met
    assert run.model.status.value == "converged"
    assert any("cannot be met together with the believed rules" in entry.reason for entry in run.model.dropped)


@pytest.mark.slow
def test_a_believed_rule_that_would_break_the_targets_costs_itself_alone() -> None:
    text = """
    records: 100
    variables: {a: {type: boolean}, b: {type: boolean}, c: {type: boolean}}
    targets:
      - {counts: {a: {yes: 60, "no": 40}}}
      - {counts: {b: {yes: 70, "no": 30}}}
      - {counts: {c: {yes: 20, "no": 80}}}
    """
    told = ["c and not a", "a and b", "c and b", "a and not b and not c"]
    run = synthesize(parse_spec(text), prior=Prior(rules=[RuleBelief(never=never, why="w") for never in told]))
    assert run.measurement.met
    assert [rule.text for rule in run.model.beliefs.rules] == [told[0], told[2], told[3]]
    assert [entry.belief for entry in run.model.dropped] == ["rules[1]: a and b"]


def test_beliefs_are_told_by_their_place_in_the_file_those_that_cannot_be_read_counted(problem: Problem) -> None:
    good = {"given": "tenure", "of": "car", "rows": [[10, 90], [40, 60]]}
    wrong = good | {"given": "tenur"}
    negative = good | {"rows": [[-1, 2], [1, 1]]}
    rules: list[dict[str, Any]] = [{}, {"never": "car"}, {"nevr": "car"}, {"never": "cat"}]
    prior, unread = read({"dependencies": [negative, wrong, negative, good, wrong], "rules": rules})
    told = [entry.belief.split(" ")[0] for entry in (*unread, *resolve(prior, problem).dropped)]
    assert told == [
        *("dependencies[0]", "dependencies[2]", "rules[0]", "rules[2]"),
        *("dependencies[1]", "dependencies[4]", "rules[3]"),
    ]
    changed = prior.model_copy(update={"about": "the same, of somebody else"})
    assert resolve(changed, problem).dropped == resolve(prior, problem).dropped
