"""Rules that count, add up and compare rows below, and rules on pairs of rows, on values and on categories."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from members import target
from predicates import SCHEMA, Grammar, Row, Said, Sight, frames, redrawn, town
from synthor import InputError, parse_spec
from synthor.fit.model import fit
from synthor.measure import measure
from synthor.measure.coded import coded
from synthor.measure.tally import Tally
from synthor.prior.model import Prior
from synthor.problem import Problem
from synthor.problem.model import Rule
from synthor.problem.rulings import BROKEN, KEPT, OPEN
from synthor.rules import lifted
from synthor.rules.lifted import Folded, Paired, Weighed
from synthor.rules.lifting import parse_lifted
from synthor.rules.parse import PredicateError, parse_predicate
from synthor.sample.stream import sample
from synthor.schema import Schema
from synthor.schema.kinds import Integer
from synthor.types import Mask
from synthor.values import breaking, possible

SPEC = parse_spec("{records: 4, variables: {tenure: {type: category, values: [owned, rented]}}}")
N = 30


def problem_of(texts: Sequence[str]) -> Problem:
    return Problem(spec=SPEC, n_units=N, schema=SCHEMA, targets=(), rules=tuple(Rule.of(text, SCHEMA) for text in texts))


def broken(problem: Problem, homes: Sequence[Row]) -> dict[str, int]:
    """How many rows break each rule."""
    tally = Tally(problem)
    tally.add(frames(homes))
    return tally.violations


Breaks = Callable[[Said, Row], list[bool]]
"""Which rows of a household break a rule."""


def as_home(said: Said, home: Row) -> list[bool]:
    return [said.of({"household": home}) is True]


def as_pairs(said: Said, home: Row) -> list[bool]:
    """Of the person that is named first, with any of the others."""
    first, second = sorted(("child", "granny"), key=lambda role: said.text.index(f"{role}."))
    found = []
    for person in home["below"]:
        sights: list[Sight] = [
            {"household": home, "person": person, "other": other} for other in home["below"] if other["kin"] == second
        ]
        if first == "granny":
            sights = [sight | {"person": sight["other"], "other": sight["person"]} for sight in sights]
        found.append(person["kin"] == first and any(said.of(sight) is True for sight in sights))
    return found


def told(level: str, n: int, seed: int) -> dict[str, Said]:
    """Predicates at random, by their texts."""
    rng = random.Random(seed)
    grammar, found = Grammar(rng, level), dict[str, Said]()
    while len(found) < n:
        said = grammar.condition(level, rng.choice((1, 2, 3)))
        if level == "household" or ("child." in said.text and "granny." in said.text):
            found[said.text] = said
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("level", "breaks"), [("household", as_home), ("pair", as_pairs)])
def test_predicates_on_other_rows_are_what_they_say_and_claim_no_more_on_categories(level: str, breaks: Breaks) -> None:
    says = told(level, 60, 1)
    problem = problem_of(list(says))
    kinds = {type(one) for rule in problem.rules for one in rule.derived}
    assert {Weighed, Folded} | ({Paired} if level == "pair" else set()) <= kinds
    rng = random.Random(2)
    homes = town(N, rng)
    drawn = [homes, *(redrawn(homes, rng) for _ in range(3))]
    truth = [
        {text: np.array([one for home in some for one in breaks(said, home)]) for text, said in says.items()} for some in drawn
    ]
    for some, plain in zip(drawn[:2], truth, strict=False):
        assert broken(problem, some) == {text: int(of.sum()) for text, of in plain.items()}
    units, n_decided, n_open = coded(frames(homes), SCHEMA), 0, 0
    for at, below in problem.below.items():
        seen = problem.as_seen(units, at)
        for ruling in below.rulings.each:
            state, every = ruling.state(seen), np.stack([plain[ruling.rule.text] for plain in truth])
            assert every[:, state == BROKEN].all(), ruling.rule.text
            assert not every[:, state == KEPT].any(), ruling.rule.text
            n_decided += int(np.isin(state, (KEPT, BROKEN)).sum())
            n_open += int((every.any(axis=0) != every.all(axis=0)).sum())
    assert n_decided > 1_000
    assert n_open > 30  # where values decide, they do


def test_pairs_are_looked_at_in_parts_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "child.age <> granny.age + 1"
    homes = town(N, random.Random(3))
    whole = broken(problem_of([text]), homes)
    assert whole[text] > 10
    monkeypatch.setattr(lifted, "PAIRS_AT_ONCE", 3)
    assert broken(problem_of([text]), homes) == whole


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("child.age > granny.age - 20", Weighed),
        ("child.age > 3 and granny.earnings - 2 <= head.age - child.earnings and granny.sex = 'f'", Weighed),
        ("child.age > 3 and granny.age < 12", Folded),
        ("child.age > granny.age - 20 and child.sex = granny.sex", Paired),
        ("child.age > granny.age - 20 and (child.sex = 'f' or granny.sex = 'f')", Paired),
        ("child.age = granny.age", Paired),
        ("child.age * granny.age > 3", Paired),
    ],
)
def test_pairs_are_made_only_where_no_fold_says_the_same(text: str, kind: type) -> None:
    assert [type(one) for one in parse_lifted(text, SCHEMA).derived] == [kind]


def person(kin: str, age: int | None, earnings: float = 0.0, trips: Sequence[int] = ()) -> Row:
    below = [{"mode": "car", "minutes": minutes} for minutes in trips]
    return {"kin": kin, "age": age, "earnings": earnings, "sex": "f", "below": below}


def home(*persons: Row, income: float = 1.0) -> Row:
    return {"tenure": "owned", "income": income, "below": list(persons)}


EMPTY, OLD = home(), home(person("head", 29))
FAMILY = home(
    person("head", 25, 0.1, (5, 2)), person("partner", 24, 0.2), person("child", 3), person("child", 7, trips=(9,)), income=0.3
)
THREE = home(person("child", 2), person("child", 4), person("granny", 30))


@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("count(person) > 3", [False, False, True, False]),
        ("count(person, age < 6) >= 2", [False, False, False, True]),
        ("count(person) = 0", [True, False, False, False]),
        ("count(head) = 0", [True, False, False, True]),
        ("sum(person.earnings) > income", [False, False, False, False]),  # 0.1 and 0.2 are 0.3
        ("sum(person.earnings) = income", [False, False, True, False]),
        ("sum(person.earnings, age < 12) = 0", [True, True, True, True]),
        ("mean(person.age) < 99", [False, True, True, True]),  # there is no mean of nobody
        ("not mean(person.age) < 99", [False, False, False, False]),
        ("max(person.age) - min(person.age) > 25", [False, False, False, True]),
        ("max(child.age) = 7", [False, False, True, False]),
        ("count(trip) = 3 and sum(trip.minutes) = 16", [False, False, True, False]),
        ("count(trip, age < 18) = 1", [False, False, True, False]),
        ("any(person, sum(trip.minutes) > 8)", [False, False, True, False]),
        ("count(person, count(trip) > 0) = 2", [False, False, True, False]),
        ("mean(person.age) > 5 or count(person) = 0", [True, True, True, True]),
        ("partner.age > 0 or head.age > 28", [False, True, True, False]),  # who is not there says nothing, the others do
        ("not all(person, partner.age > 20)", [False, False, False, False]),
        ("not all(person, age < 20)", [False, True, True, True]),
        ("not any(person, partner.age > 25)", [True, False, True, False]),
        ("count(person) between 2 and 3", [False, False, False, True]),
        ("count(person) in (1, 4)", [False, True, True, False]),
        ("all(child, age < 5)", [True, True, False, True]),
        ("count(person, all(trip, mode = 'car')) = 4", [False, False, True, False]),  # `all` after a comma is a word of SQL's
        ("all(person, all(trip, minutes < 9))", [True, True, False, True]),
        ("any(granny, age > 20)", [False, False, False, True]),
        ("all(person, child.age < 5)", [True, True, False, True]),
    ],
)
def test_what_is_counted_of_somebody_and_of_nobody(text: str, breaks: list[bool]) -> None:
    for one, breaks_it in zip((EMPTY, OLD, FAMILY, THREE), breaks, strict=True):
        assert broken(problem_of([text]), [one])[text] == breaks_it


def kept(text: str, *homes: Row) -> Mask:
    problem = problem_of([text])
    return possible(problem, coded(frames(homes), SCHEMA))


def states(text: str, *homes: Row) -> list[int]:
    """What categories alone say of a rule on households."""
    problem = problem_of([text])
    return problem.below[0].rulings.state(problem.as_seen(coded(frames(homes), SCHEMA), 0)).tolist()


def test_categories_say_whether_numbers_of_rows_below_are_there() -> None:
    earns = home(person("child", 3, 0.7))  # 0.5 to 1.9
    assert states("max(person.earnings, earnings >= 1) > -3", EMPTY, OLD, earns) == [KEPT, KEPT, OPEN]
    assert states("mean(child.age) >= 0", OLD, FAMILY, THREE) == [KEPT, BROKEN, BROKEN]
    assert states("any(person, partner.age > 3)", EMPTY, OLD, FAMILY) == [KEPT, KEPT, BROKEN]
    assert states("not all(person, age < 20)", EMPTY, OLD, FAMILY, earns) == [KEPT, BROKEN, BROKEN, KEPT]
    assert states("not any(person, age < 4)", EMPTY, OLD, earns) == [BROKEN, BROKEN, OPEN]


def test_a_unit_whose_rows_find_no_values_for_all_rules_together_is_no_candidate() -> None:
    """Each of the rules leaves values, but none are left by both."""
    problem = problem_of(["sum(person.age) > 55", "sum(person.age) <= 55"])
    assert states("sum(person.age) > 55", FAMILY) == states("sum(person.age) <= 55", FAMILY) == [OPEN]
    assert possible(problem, coded(frames([FAMILY, OLD]), SCHEMA)).tolist() == [False, False]
    assert kept("sum(person.age) > 55", FAMILY, OLD).tolist() == [True, True]


def test_a_unit_that_surely_breaks_a_rule_is_no_candidate_and_one_that_may_is() -> None:
    assert kept("count(person) > 3", EMPTY, OLD, FAMILY, THREE).tolist() == [True, True, False, True]
    assert kept("sum(person.age) >= 40", OLD, FAMILY, THREE).tolist() == [True, False, True]  # bins: 20+; 20+, 20+, 0-4, 6-11
    assert kept("max(person.age) < 20", FAMILY, home(person("head", 3), person("child", 15))).tolist() == [True, False]
    assert kept("mean(person.age) >= 20", home(person("head", 20), person("partner", 22)), THREE).tolist() == [False, True]
    assert kept("child.age > granny.age - 16", THREE, home(person("child", 8), person("granny", 14))).tolist() == [True, False]
    assert kept("child.age > granny.age", home(person("child", 29), person("granny", 2)), THREE).tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        ("count() > 3", "`count()` names no level", "write count(person)"),
        ("count(*) > 3", "`count(*)` names no level", "write count(person)"),
        ("count(age < 18) > 3", "`count(age < 18)` names no level", "write count(person, age < 18)"),
        ("count(age) > 3", "`count(age)` names no level", "write count(person, age = ...)"),
        ("count(person.age) > 3", "`count(person.age)` is of rows and takes no variable", "write count(person)"),
        ("count(persn) > 3", "no level and no role is called 'persn'", "did you mean 'person'?"),
        ("count(person, age) > 3", "'age' alone is no condition", "compare it: age = ..."),
        (
            "count(person, age < 6, sex = 'f') > 1",
            "`count(person, age < 6, sex = 'f')` has 3 arguments",
            "join conditions by and",
        ),
        (
            "count(person) filter (where age > 3) > 1",
            "`count(person) FILTER(WHERE age > 3)` is not allowed",
            "the last argument",
        ),
        ("count(household) > 1", "'household' does not stand below 'household'", "below it: person, trip"),
        ("sum(person) > 1", "`sum(person)` names no variable", "write sum(person.VARIABLE), of age, earnings"),
        ("sum(earnings) > 1", "`sum(earnings)` names no level", "write sum(person.earnings)"),
        ("sum(earnigs) > 1", "`sum(earnigs)` names no level", "did you mean 'head.earnings'?"),
        ("sum(person.wages) > 1", "'person' has no variable 'wages'", ""),
        ("mean(person.sex) > 1", "'sex' is no number, so it has no mean", "count rows: count(person, sex = ...)"),
        ("sum(person.age - person.earnings) > 1", "is not of one variable", "fold one at a time"),
        ("sum() > 1", "`sum()` is not of one variable", "fold one at a time"),
        ("max(count(trip)) > 1", "`max(count(trip))` folds what is folded already", "any(person, count(trip) > ...)"),
        ("avg(person.age) > 1", "no function is called 'avg'", "write mean(...)"),
        ("median(person.age) > 1", "no function is called 'median'", "did you mean 'mean'?"),
        ("exists(person, age > 1)", "no function is called 'exists'", "write any(...)"),
        ("next(trip) = 3", "no function is called 'next'", "write next(level).variable"),
        ("count(person)", "'count(person)' alone is no condition", "compare it"),
        ("count(person) = '0'", "'0' is no label of count(person)", "write a number without quotes"),
        ("any(person, age > 3) > 2", "`any(person, age > 3)` is a condition and no number", "write count(...)"),
        ("any(person)", "`any(person)` does not say what 'person' is to be", "write any(person, condition)"),
        ("any(person, next(trip).mode = 'car')", "`next(trip).mode` is not seen from 'person'", "write any(trip, ...)"),
        ("any(person, child.age > granny.age)", "speaks of child and granny together", "outside of any fold"),
        ("count(child, granny.age > 3) > 1", "speaks of child and granny together", "outside of any fold"),
        ("child.age > granny.age and age > 3", "`age` may be of either row", "write child.age or granny.age"),
        ("child.age > granny.age and person.sex = 'f'", "`person.sex` may be of either row", "write child.sex or granny.sex"),
    ],
)
def test_what_cannot_be_said_of_rows_below_is_refused_with_a_cure(text: str, message: str, cure: str) -> None:
    with pytest.raises(PredicateError) as told_:
        parse_lifted(text, SCHEMA)
    assert message in str(told_.value)
    assert cure in told_.value.cure


@pytest.mark.parametrize(
    "text", ["count(person) > 3", "sum(age) > 3", "any(person, age > 3)", "age > 3 or all(person, age > 3)"]
)
def test_records_without_members_have_no_rows_below(text: str) -> None:
    age = Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age")
    with pytest.raises(PredicateError, match="looks at rows below, and these records have none") as told_:
        parse_predicate(text, {"age": age})
    assert told_.value.cure == "name variables of one record alone"


def test_labels_of_bins_in_place_of_numbers_are_refused_where_numbers_decide() -> None:
    records = frames([FAMILY])
    labels = ["20+", "20+", "0-4", "6-11"]
    records["person"] = records["person"].with_columns(pl.Series("age", labels))
    for text, n_broken in (("max(person.age) < 12", 0), ("count(person, age < 5) = 1", 1)):
        tally = Tally(problem_of([text]))
        tally.add(records)
        assert tally.violations[text] == n_broken
    with pytest.raises(InputError, match="a label, where a rule needs a number"):
        Tally(problem_of(["sum(person.age) > 60"])).add(records)


@pytest.mark.slow
def test_whether_values_keep_the_rules_is_found_of_each_unit_by_itself() -> None:
    problem = problem_of(["sum(person.earnings) > income", "child.age >= granny.age", "mean(trip.minutes) > 3"])
    units = coded(frames(town(200, random.Random(5))), SCHEMA)
    found = possible(problem, units)
    assert 20 < found.sum() < 180
    for picks in (np.arange(199, -1, -1), np.arange(0, 200, 7)):
        np.testing.assert_array_equal(possible(problem, units.take(picks)), found[picks])


RULES = {
    2: (
        "sum(person.earnings) > income",
        "count(person, age < 6) > 2",
        "max(person.age) - min(person.age) > 25",
        "child.age > granny.age",
    ),
    3: ("sum(trip.minutes) > 2 * sum(person.age)", "person.age < 6 and sum(trip.minutes) > 9", "count(trip, mode = 'car') > 4"),
}


@pytest.mark.slow
@pytest.mark.parametrize("n_levels", [2, 3])
def test_tables_are_met_by_units_that_keep_rules_on_what_rows_below_come_to(n_levels: int) -> None:
    schema = Schema(levels=SCHEMA.levels[:n_levels])
    rules = tuple(Rule.of(text, schema) for text in RULES[n_levels])
    problem = Problem(spec=SPEC, n_units=60, schema=schema, targets=(), rules=rules)
    records = frames(town(900, random.Random(n_levels)))
    records = {level.name: records[level.name] for level in schema}
    units = coded(records, schema)
    lived = np.flatnonzero(~breaking(problem, units, records))[:60]
    tables = {"tenure": (0, 0), "kin": (1, 0), "age": (1, 1), "mode": (2, 0)}
    empty = [target(name, ref[0], ref, schema=schema) for name, ref in tables.items() if ref[0] < n_levels]
    targets = tuple(replace(one, wanted=one.cells(units.take(lived)).totals(np.ones(60))) for one in empty)
    problem = replace(problem, targets=targets)
    model = fit(problem, Prior(), handed=(units.take(np.arange(lived[-1] + 1, 900)), None))
    assert 0.3 < model.pool.acceptance < 0.9
    made = sample(model).chunk(0)
    found = measure(problem, made)
    assert found.met, found.verdict
    assert set(found.violations.values()) == {0}
    if n_levels == 3:
        trips = made["trip"].join(made["person"], on="person_id")
        assert (
            not trips.filter(pl.col("age") < 6)
            .group_by("person_id")
            .agg(pl.col("minutes").sum())
            .filter(pl.col("minutes") > 9)
            .height
        )
        assert trips.filter(pl.col("mode") == "car").group_by("household_id").len()["len"].max() == 4
        return
    persons = made["person"].join(made["household"], on="household_id")
    earned = persons.group_by("household_id").agg(pl.col("earnings").sum().round(6), pl.col("income").first())
    assert (earned["earnings"] <= earned["income"]).all()
    ages = persons.group_by("household_id").agg(pl.col("age").max() - pl.col("age").min())
    assert ages["age"].max() <= 25  # type: ignore[operator]
    pairs = persons.filter(pl.col("kin") == "child").join(persons.filter(pl.col("kin") == "granny"), on="household_id")
    assert pairs.height > 10
    assert not pairs.filter(pl.col("age") > pl.col("age_right")).height


@pytest.mark.slow
def test_values_are_found_that_hardly_any_draw_has() -> None:
    """Six who each earn 0.5 to 1.9 and together 3.9 at most: even draws are nearly all above; the ends of bins are not."""
    crowded = home(*(person("granny", 25, 1.2) for _ in range(6)), income=2)
    units = coded(frames([crowded] * 200), SCHEMA)
    rule = Rule.of("sum(person.earnings) > income", SCHEMA)
    tenure = target("tenure", 0, (0, 0), wanted=np.array([200.0, 0.0]), schema=SCHEMA)
    problem = Problem(spec=SPEC, n_units=200, schema=SCHEMA, targets=(tenure,), rules=(rule,))
    records = sample(fit(problem, Prior(), handed=(units, None))).chunk(0)
    assert measure(problem, records).violations == {rule.text: 0}
    earned = records["person"].group_by("household_id").agg(pl.col("earnings").sum())["earnings"]
    assert earned.len() == 200
    assert earned.max() == pytest.approx(3.9)
    assert earned.n_unique() > 5  # not all at the ends of their bins
