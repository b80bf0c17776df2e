import itertools
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor.rules.on_categories import truth
from synthor.rules.on_values import holds
from synthor.rules.parse import PredicateError, parse_predicate
from synthor.rules.syntax import Among, Arithmetic, Both, Column, Compare, Constant, Either, Negated, Predicate, names_in
from synthor.schema import Variable
from synthor.schema.kinds import BOOLEAN
from synthor.spec.variables import Boolean, Category, Integer, Number

AGE = Integer(type="integer", min=0, max=95, bins=[0, 15, 25]).build("age")
PERSONS = Integer(type="integer", min=1, max=4).build("persons")
INCOME = Number(type="number", min=0, max=100, bins=[0, 10]).build("income")
TENURE = Category(type="category", values=["owned", "rented", "it's free"]).build("tenure")
WORKS = Boolean(type="boolean").build("works")
VARIABLES = {variable.name: variable for variable in (AGE, PERSONS, INCOME, TENURE, WORKS)}


def parse(text: str) -> Predicate:
    return parse_predicate(text, VARIABLES)


# --- What can be said -----------------------------------------------------------------------------------------------------

AGED_3 = Compare("=", Column("age"), Constant(3.0))
RENTED, AT_WORK = Among("tenure", (1,)), Among("works", (1,))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("age = 3", AGED_3),
        ("AGE = 3".lower(), AGED_3),
        ("(((age)) = (3));", AGED_3),
        ("age == 3", AGED_3),
        ("3 < age", Compare("<", Constant(3.0), Column("age"))),
        ("age <> 3", Compare("!=", Column("age"), Constant(3.0))),
        ("age >= .5", Compare(">=", Column("age"), Constant(0.5))),
        ("income < 1e2", Compare("<", Column("income"), Constant(100.0))),
        ("age > -3", Compare(">", Column("age"), Arithmetic("-", Constant(0.0), Constant(3.0)))),
        ("age in (3)", AGED_3),
        ("age in (3, 4)", Either(AGED_3, Compare("=", Column("age"), Constant(4.0)))),
        ("age not in (3)", Negated(AGED_3)),
        (
            "age between 1 and 3",
            Both(Compare(">=", Column("age"), Constant(1.0)), Compare("<=", Column("age"), Constant(3.0))),
        ),
        (
            "persons - age * 2 + 1 > income",
            Compare(
                ">",
                Arithmetic(
                    "+", Arithmetic("-", Column("persons"), Arithmetic("*", Column("age"), Constant(2.0))), Constant(1.0)
                ),
                Column("income"),
            ),
        ),
        ("tenure = 'rented'", RENTED),
        ("'Rented ' = tenure", RENTED),
        ('tenure = "rented"', RENTED),
        ("\"tenure\" = 'rented'", RENTED),
        ("tenure = 'it''s free'", Among("tenure", (2,))),
        ("tenure != 'rented'", Negated(RENTED)),
        ("tenure in ('rented', 'owned', 'rented')", Among("tenure", (0, 1))),
        ("tenure not in ('rented')", Negated(RENTED)),
        ("works", AT_WORK),
        ("not works", Negated(AT_WORK)),
        ("works = 'yes'", AT_WORK),
        ("works = true", AT_WORK),
        ("works = 1", AT_WORK),
        ("works = no", None),
        ("works != 'yes'", Negated(AT_WORK)),
        ("works in ('no')", Among("works", (0,))),
        ("works and age = 3 or tenure = 'rented'", Either(Both(AT_WORK, AGED_3), RENTED)),
        ("works and (age = 3 or tenure = 'rented')", Both(AT_WORK, Either(AGED_3, RENTED))),
        ("not works and age = 3", Both(Negated(AT_WORK), AGED_3)),
        ("age = 3 -- a remark", AGED_3),
    ],
)
def test_a_predicate_is_read_as_sql_reads_it(text: str, tree: Predicate | None) -> None:
    if tree is None:
        with pytest.raises(PredicateError, match="compared with no"):
            parse(text)
    else:
        assert parse(text) == tree


def test_two_variables_with_a_label_in_common_may_be_compared() -> None:
    """What has no value is neither like another nor unlike it."""
    one = Category(type="category", values=["north", "south", "abroad"], missing="not stated").build("lives")
    other = Category(type="category", values=["south", "north"], missing="not stated").build("works")
    codes = np.array(list(np.ndindex(one.size, other.size)), np.int32)
    columns = {"lives": codes[:, 0], "works": codes[:, 1]}
    told = [(one.labels[a], other.labels[b]) for a, b in codes]
    known = [a != "not stated" != b for a, b in told]
    for text, wanted in (
        ("lives = works", [a == b for a, b in told]),
        ("works <> lives", [a != b for a, b in told]),
    ):
        read = parse_predicate(text, {"lives": one, "works": other})
        found = truth(read, columns, {"lives": one, "works": other}, len(codes))
        assert (found.must == found.may).all()
        assert found.must.tolist() == [so and there for so, there in zip(wanted, known, strict=True)]
    single = Category(type="category", values=["a"])
    assert parse_predicate("x <> y", {name: single.build(name) for name in "xy"}) == Among("x", ())
    with pytest.raises(PredicateError, match="'x' has no order"):
        parse_predicate("x < y", {name: single.build(name) for name in "xy"})


def test_the_variables_of_a_predicate_are_known() -> None:
    assert names_in(parse("works and (age + 1 > 3 or not tenure = 'rented')")) == {"works", "age", "tenure"}


# --- What cannot be said --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abs(age) = 3", "ABS(age)"),
        ("sneak(age) = 3", "SNEAK(age)"),
        ("any(person, age > 3)", "any"),
        ("exists (select 1)", "exists"),
        ("age in (select 1)", "in `age IN (SELECT 1)`"),
        ("age > all (select 1)", "all"),
        ("select age", "select"),
        ("drop table records", "drop"),
        ("age is null", "age IS NULL"),
        ("works is true", "works IS TRUE"),
        ("age = null", "null"),
        ("works = null", "compared with NULL"),
        ("tenure like 'r%'", "like"),
        ("case when works then age = 3 end", "case"),
        ("age / 2 = 3", "div"),
        ("age % 2 = 1", "mod"),
        ("age || '1' = '31'", "dpipe"),
        ("cast(age as int) = 3", "cast"),
        ("age::int = 3", "cast"),
        ("(age, works) in ((1, 2))", "tuple"),
        ("age between symmetric 5 and 1", "between"),
        ("age <=> 3", "nullsafeeq"),
        ("age in ()", "in `age IN ()`"),
        ("age = persons = 3", "eq `age = persons`"),
        ("age = 3; drop table records", "near 'drop'"),
        ("age = 3; age = 4", "block"),
        ("age = 3 persons", "near 'persons'"),
        ("true", "boolean `TRUE`"),
        ("1", "literal `1`"),
        ("age = @x", "parameter"),
        ("age = ?", "placeholder"),
        ("*", "star"),
    ],
)
def test_everything_else_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(PredicateError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.cure


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        ("agee > 3", "no variable is called 'agee'", "did you mean 'age'?"),
        ("tenure = 'rentd'", "'rentd' is no label of tenure", "did you mean 'rented'?"),
        ("tenure in ('owned', 3)", "'3' is no label of tenure", "known: owned, rented, it's free"),
        ("works = 'maybe'", "'maybe' is no label of works", "known: no, yes"),
        ("tenure < 'owned'", "'tenure' has no order, so '<' means nothing", "use =, != or in (...)"),
        ("age >= tenure", "'tenure' has no order, so '>=' means nothing", "use =, != or in (...)"),
        ("works between 0 and 1", "'works' has no order", "use =, != or in (...)"),
        ("age = '3'", "'3' is no label of age", "write a number without quotes, or a label; known: 0-14, 15-24, 25+"),
        ("age in ('3')", "'3' is no label of age", "write a number without quotes, or a label; known: 0-14, 15-24, 25+"),
        ("tenure = rented", "'tenure' is compared with rented", "compare it with a label in quotes"),
        ("works = tenure", "'works' is compared with tenure", "compare it with a label in quotes"),
        ("tenure + 1 = 2", "'tenure' is no number", "compare it with a label in quotes"),
        ("age", "'age' alone is no condition", "compare it: age = ..."),
        ("household.age = 3", "'household.age' has a dot", "name a variable alone"),
        ("household.tenure = 'rented'", "'household.tenure' has a dot", "name a variable alone"),
        ("age < 1e999", "1e999 is too large", "write a smaller number"),
    ],
)
def test_a_slip_is_named_with_its_cure(text: str, message: str, cure: str) -> None:
    with pytest.raises(PredicateError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.cure == cure


@pytest.mark.parametrize(
    "text", ["", " ", ";", "age >", "age = 'x", "works = 'yes' and", "(age = 3", "age = 3)", "xor", "\0", "'", "--"]
)
def test_what_is_no_predicate_is_refused(text: str) -> None:
    with pytest.raises(PredicateError):
        parse(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "(" * 4000 + "works" + ")" * 4000,
        "(" * 9000,
        "not " * 2400 + "works",
        "not (" * 150 + "works" + ")" * 150,
        "age" + " + 1" * 2400 + " > 3",
        "age > " + "- " * 4000 + "1",
        "works or (tenure = 'rented' and (" * 80 + "works" + "))" * 80,
        "a" * 10_001,
    ],
)
def test_a_text_too_long_or_too_deep_is_refused(text: str) -> None:
    with pytest.raises(PredicateError, match=r"levels deep|characters long|is not allowed"):
        parse(text)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [" and ", " or "])
def test_a_long_list_of_conditions_is_no_deep_one(kind: str) -> None:
    predicate = parse(kind.join(f"age != {i}" for i in range(600)))
    frame = pl.DataFrame({"age": [5, 800]})
    assert holds(predicate, frame, VARIABLES).tolist() == [kind == " or ", True]
    assert names_in(predicate) == {"age"}


@pytest.mark.slow
def test_a_long_list_of_values_is_no_deep_one() -> None:
    predicate = parse(f"age in ({', '.join(map(str, range(10, 1500)))})")
    assert truth(predicate, {"age": np.array([0, 1, 2])}, VARIABLES, 3).may.tolist() == [True, True, True]
    assert holds(predicate, pl.DataFrame({"age": [9, 10, 1499, 1500]}), VARIABLES).tolist() == [False, True, True, False]


WORDS = (
    "age persons income tenure works 'rented' 'owned' \"owned\" 1 2.5 -3 1e9 = != <> < <= > >= + - * / % ( ) , in not and or "
    "between is null like case when then end select from exists any true false ; . ' \" -- /* */ [ ] { } :: || ~ @ ? null"
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(WORDS.split()), st.text(max_size=3)), max_size=14).map(" ".join))
def test_any_text_is_a_predicate_or_refused(text: str) -> None:
    try:
        predicate = parse(text)
    except PredicateError as error:
        assert str(error)
        return
    codes = {name: np.zeros(1, np.int32) for name in VARIABLES}
    known = truth(predicate, codes, VARIABLES, 1)
    assert known.must.tolist() <= known.may.tolist()


# --- What a predicate means: two readings against brute force -----------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Variables, a predicate in SQL, and the same in Python."""

    variables: dict[str, Variable]
    sql: str
    python: str


NUMERIC = ("x", "y", "z")
OPERATORS = {"=": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
SMALL = st.integers(-4, 12)
Text = tuple[str, str]


@st.composite
def binned(draw: st.DrawFn, name: str) -> Variable:
    low = draw(st.integers(-3, 3))
    edges = np.cumsum([low, *draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))]).tolist()
    return Integer(type="integer", min=low, max=edges[-1] - 1, bins=edges[:-1]).build(name)


def terms() -> st.SearchStrategy[Text]:
    atoms = st.one_of(st.sampled_from(NUMERIC), SMALL.map(str)).map(lambda text: (text, text))

    def larger(inner: st.SearchStrategy[Text]) -> st.SearchStrategy[Text]:
        chain = st.tuples(inner, st.sampled_from("+-*"), inner)
        flat = chain.map(lambda t: (f"{t[0][0]} {t[1]} {t[2][0]}", f"{t[0][1]} {t[1]} {t[2][1]}"))
        return st.one_of(
            flat, flat.map(lambda t: (f"({t[0]})", f"({t[1]})")), inner.map(lambda t: (f"-({t[0]})", f"-({t[1]})"))
        )

    return st.recursive(atoms, larger, max_leaves=4)


def conditions() -> st.SearchStrategy[Text]:
    values = st.lists(SMALL, min_size=1, max_size=3)
    compared = st.tuples(terms(), st.sampled_from(list(OPERATORS)), terms()).map(
        lambda t: (f"{t[0][0]} {t[1]} {t[2][0]}", f"{t[0][1]} {OPERATORS[t[1]]} {t[2][1]}")
    )
    among = st.tuples(terms(), st.sampled_from(["in", "not in"]), values).map(
        lambda t: (f"{t[0][0]} {t[1]} ({', '.join(map(str, t[2]))})", f"({t[0][1]}) {t[1]} {t[2]}")
    )
    between = st.tuples(terms(), st.sampled_from(["", "not "]), SMALL, terms()).map(
        lambda t: (f"{t[0][0]} {t[1]}between {t[2]} and {t[3][0]}", f"{t[1]}({t[2]} <= ({t[0][1]}) <= ({t[3][1]}))")
    )
    labelled = st.tuples(st.sampled_from(["=", "!="]), st.sampled_from("abc")).map(
        lambda t: (f"kind {t[0]} '{t[1]}'", f"kind {OPERATORS[t[0]]} '{t[1]}'")
    )
    listed = st.tuples(st.sampled_from(["in", "not in"]), st.lists(st.sampled_from("abc"), min_size=1)).map(
        lambda t: (f"kind {t[0]} ({', '.join(map(repr, t[1]))})", f"kind {t[0]} {t[1]}")
    )
    flags = st.sampled_from(
        [("flag", "flag"), ("flag = 'yes'", "flag"), ("flag != true", "not flag"), ("flag = 0", "not flag")]
    )

    def larger(inner: st.SearchStrategy[Text]) -> st.SearchStrategy[Text]:
        joined = st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda t: (f"{t[0][0]} {t[1]} {t[2][0]}", f"{t[0][1]} {t[1]} {t[2][1]}")
        )
        enclosed = inner.map(lambda t: (f"({t[0]})", f"({t[1]})"))
        negated = inner.map(lambda t: (f"not ({t[0]})", f"not ({t[1]})"))
        return st.one_of(joined, enclosed, negated)

    return st.recursive(st.one_of(compared, among, between, labelled, listed, flags), larger, max_leaves=4)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = Category(type="category", values=["a", "b", "c"]).build("kind")
    flag = Boolean(type="boolean").build("flag")
    variables = {name: draw(binned(name)) for name in NUMERIC} | {"kind": kind, "flag": flag}
    sql, python = draw(conditions())
    return Case(variables=variables, sql=sql, python=python)


def all_records(variables: dict[str, Variable]) -> pl.DataFrame:
    """Every combination of values."""
    values: list[list[object]] = []
    for variable in variables.values():
        if variable.numeric:
            values.append(list(range(int(variable.low[0]), int(variable.high[-1]) + 1)))
        else:
            values.append([False, True] if variable.kind == BOOLEAN else list(variable.labels))
    return pl.DataFrame(list(itertools.product(*values)), schema=list(variables), orient="row")


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(cases())
def test_on_values_a_predicate_is_what_it_says(case: Case) -> None:
    predicate = parse_predicate(case.sql, case.variables)
    named = {name: case.variables[name] for name in case.variables if name in names_in(predicate)} or case.variables
    frame = all_records(named)
    compiled = compile(case.python, "predicate", "eval")
    assert holds(predicate, frame, case.variables).tolist() == [eval(compiled, {}, row) for row in frame.iter_rows(named=True)]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(cases(), st.data())
def test_on_categories_a_predicate_claims_no_more_than_is_true(case: Case, data: st.DataObject) -> None:
    predicate = parse_predicate(case.sql, case.variables)
    named = {name: case.variables[name] for name in case.variables if name in names_in(predicate)} or case.variables
    known = data.draw(st.sets(st.sampled_from(sorted(named))))  # the others may take any value
    frame = all_records(named)
    codes = {name: named[name].encode(frame[name]) for name in known}
    found = truth(predicate, codes, case.variables, frame.height)
    true = holds(predicate, frame, case.variables)
    assert not (found.must & ~true).any()
    assert not (true & ~found.may).any()
    assert not (found.must & ~found.may).any()


# --- And claims enough to be of use -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "may", "must"),
    [
        ("age < 18", [True, True, False], [True, False, False]),
        ("age >= 15", [False, True, True], [False, True, True]),
        ("age between 15 and 24", [False, True, False], [False, True, False]),
        ("age = 20", [False, True, False], [False, False, False]),
        ("age != 20", [True, True, True], [True, False, True]),
        ("not age < 18", [False, True, True], [False, False, True]),
        ("age * 2 - 10 > 40", [False, False, True], [False, False, False]),
        ("age > 14.5", [False, True, True], [False, True, True]),
        ("age < 18 or age >= 18", [True, True, True], [True, False, True]),
    ],
)
def test_truth_is_open_only_where_a_bin_is_cut(text: str, may: list[bool], must: list[bool]) -> None:
    found = truth(parse(text), {"age": np.array([0, 1, 2], np.int32)}, VARIABLES, 3)
    assert (found.may.tolist(), found.must.tolist()) == (may, must)


def test_unknown_categories_leave_truth_open_unless_they_do_not_matter() -> None:
    codes = {"tenure": np.array([0, 1], np.int32)}
    found = truth(parse("tenure = 'rented' and works"), codes, VARIABLES, 2)
    assert (found.may.tolist(), found.must.tolist()) == ([False, True], [False, False])
    found = truth(parse("tenure = 'rented' or works in ('yes', 'no')"), codes, VARIABLES, 2)
    assert found.must.tolist() == [True, True]
    found = truth(parse("tenure = 'rented' or age >= 0"), codes, VARIABLES, 2)
    assert found.must.tolist() == [True, True]


def test_missing_values_break_no_rule() -> None:
    frame = pl.DataFrame({"age": [None, 20], "tenure": [None, "rented"], "works": [None, True]})
    for text in ("age < 30", "tenure = 'rented'", "works"):
        assert holds(parse(text), frame, VARIABLES).tolist() == [False, True]
