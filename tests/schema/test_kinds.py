"""Kinds of variable: what each promises, a kind that nobody knows yet, and values that no category tells."""

import ast
import pickle
import re
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest

from chunks import chunked
from synthor import InputError, compile_problem, parse_spec, synthesize
from synthor.measure import measure
from synthor.prior.scene import plain_scene
from synthor.prior.shown import neighbours
from synthor.problem.agree import forbids_all
from synthor.report.explain import explain
from synthor.rules.on_categories import truth
from synthor.rules.on_values import holds
from synthor.rules.parse import parse_predicate
from synthor.sample.arrangement import Scattered
from synthor.sample.stream import Sample
from synthor.schema import Level, Rows, Schema, Units, Variable
from synthor.schema.kinds import KINDS, Boolean, Category, Integer, Number
from synthor.schema.kinds.base import Declared, Kind, Shortened, nominal
from synthor.schema.kinds.identifier import Identifier
from synthor.spec.model import Spec
from synthor.spec.tables.records import read_frame
from synthor.types import Codes, Counts, Floats
from synthor.values import shape

SOURCE = Path(__file__).parents[2] / "src" / "synthor"
FORMS: list[Declared] = [
    Category(type="category", values=["01", "1.10", "other"]),
    Boolean(type="boolean"),
    Integer(type="integer", min=-3, max=99, bins=[-3, 0, 18]),
    Integer(type="integer", min=0, max=10**9, bins=[0, 10**6]),
    Number(type="number", min=-1.5, max=9, bins=[-1.5, 0, 2.25]),
    Identifier(type="identifier"),
    Identifier(type="identifier", width=4, before="P-"),
]
ALL = pytest.mark.parametrize("declared", FORMS, ids=lambda declared: f"{declared.type}-{FORMS.index(declared)}")


def drawn(variable: Variable, n: int) -> tuple[Codes, pl.Series]:
    """So many records of each category, as they are written."""
    codes = np.repeat(np.arange(variable.size, dtype=np.int32), n)
    values = shape(variable, np.full(variable.size, 1 / variable.size)).draw(codes, np.random.default_rng(1))
    return codes, variable.kind.fill(variable, 0, len(codes)) if variable.kind.free else values


# --- What every kind promises -----------------------------------------------------------------------------------------------


def test_the_table_of_kinds_names_them_as_they_name_themselves() -> None:
    assert list(KINDS) == [form.kind.name for form in KINDS.values()]
    assert {form.type for form in FORMS} >= set(KINDS)
    with pytest.raises(InputError, match="unknown type 'numbr'; did you mean 'number'"):
        parse_spec("{records: 1, variables: {x: {type: numbr}}}")


@ALL
def test_what_is_drawn_is_read_back_whatever_the_file(declared: Declared, tmp_path: Path) -> None:
    variable = declared.build("x")
    codes, values = drawn(variable, 50)
    frame = pl.DataFrame([values])
    frame.write_csv(tmp_path / "x.csv")
    frame.write_parquet(tmp_path / "x.parquet")
    for column in (values, *(read_frame(tmp_path / name, variables=[variable])["x"] for name in ("x.csv", "x.parquet"))):
        assert variable.encode(column).tolist() == codes.tolist()
        assert variable.encode_quickly(column).tolist() == codes.tolist()
    assert variable.encode(pl.Series("x", [None], dtype=values.dtype)).tolist() == [-1]


@ALL
def test_labels_mean_their_categories_and_words_are_there_for_people(declared: Declared) -> None:
    variable = declared.build("x")
    assert [variable.code(label.upper()) for label in variable.labels] == list(range(variable.size))
    assert variable.code("of nobody") == variable.code_of_number(float("nan")) == -1
    assert variable.extent.startswith("x ")
    assert variable.kind.described(variable, "/".join)
    again = pickle.loads(pickle.dumps(variable))
    assert again.kind == variable.kind and hash(again.kind) == hash(variable.kind)


@ALL
def test_numbers_inside_bins_have_ranges_and_slices_and_others_have_none(declared: Declared) -> None:
    variable, kind = declared.build("x"), declared.build("x").kind
    finer = kind.cut(variable, [1, 7], 4)
    assert kind.numeric == (finer is not None) == bool(variable.edges)
    assert kind.numeric == (kind.range_schema(variable) is not None) == (kind.numbers_of(pl.Series([1])) is not None)
    everything = kind.overlap(variable, float(variable.low[0]), float(variable.high[-1]))
    assert kind.numeric == (everything is not None)
    if finer is not None and everything is not None:
        assert (everything > 0).all()
        assert {*variable.low.tolist()} < {*finer.low.tolist()} and finer.kind == kind


def test_a_whole_number_inside_a_range_counts_both_ends() -> None:
    age, pay = FORMS[2].build("age"), FORMS[4].build("pay")
    assert age.kind.overlap(age, 16.5, 20) == pytest.approx([0, 1, 3])
    assert pay.kind.overlap(pay, -1, 1) == pytest.approx([0.99, 1, 0])
    assert (age.kind.band(16, 25), pay.kind.band(16, 25)) == ("16 to 24", "16 to under 25")
    assert FORMS[0].kind.band(16, 25) == "16 and 25"  # of codes these two


NAMES, CONSTANTS = {*KINDS}, {*map(str.upper, KINDS)}
CLASSES = {"Kind"} | {type(declared.kind).__name__ for declared in KINDS.values()}
NAMED = re.compile(rf"""(["'])(?:{"|".join(NAMES)})\1|\b(?:{"|".join(CONSTANTS | CLASSES)})\b""")
"""A kind in a text: a file without any asks for none, and need not be parsed."""


def named(node: ast.AST) -> bool:
    """Whether an expression speaks of a certain kind."""
    parts = list(ast.walk(node))
    words = {part.id for part in parts if isinstance(part, ast.Name)}
    return bool(words & (CONSTANTS | CLASSES)) or any(isinstance(part, ast.Constant) and part.value in NAMES for part in parts)


def of_a_kind(node: ast.AST) -> bool:
    """Whether an expression is the kind, or the name of the kind, of some variable."""
    match node:
        case ast.Attribute(attr="name", value=value):
            return of_a_kind(value)
        case ast.Attribute(attr=word) | ast.Name(id=word):
            return word in ("kind", "type")
        case ast.Call(func=ast.Name(id="type"), args=[of]):
            return of_a_kind(of)
    return False


def asks_for_a_kind(node: ast.AST) -> bool:
    match node:
        case ast.Compare(left=left, comparators=others):
            return any(map(of_a_kind, (left, *others))) and any(map(named, (left, *others)))
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, classes]):
            return named(classes)
        case ast.Match(subject=subject, cases=cases):
            return of_a_kind(subject) and any(named(case.pattern) for case in cases)
        case ast.Subscript(value=ast.Dict(keys=keys), slice=key):
            return of_a_kind(key) and any(named(one) for one in keys if one)
        case ast.Call(func=ast.Attribute(attr="get", value=ast.Dict(keys=keys)), args=[key, *_]):
            return of_a_kind(key) and any(named(one) for one in keys if one)
        case ast.Call(func=ast.Attribute(attr="startswith" | "__eq__", value=value), args=[other, *_]):
            return of_a_kind(value) and named(other)
    return False


@pytest.mark.slow
def test_nobody_outside_asks_which_kind_a_variable_is_of() -> None:
    """Behaviour that hangs on the kind is a method of the kind, or a question that it answers by name."""
    for text in (
        'variable.kind.name == "integer"',
        "own.kind is not NUMBER",
        'kind in ("number", "boolean")',
        "isinstance(own.kind, IntegerKind | CategoryKind)",
        "type(own.kind) is NumberKind",
        '{"integer": 1, "number": 2}[declared.type]',
        '{"integer": 1}.get(own.kind.name, 2)',
        'match own.kind.name:\n    case "integer" | "number":\n        pass',
    ):
        assert NAMED.search(text), text
        assert any(map(asks_for_a_kind, ast.walk(ast.parse(text)))), text
    outside = {module: module.read_text(encoding="utf-8") for module in SOURCE.rglob("*.py") if "kinds" not in module.parts}
    trees = {module.name: ast.parse(text) for module, text in outside.items() if NAMED.search(text)}
    assert [name for name, tree in trees.items() if any(map(asks_for_a_kind, ast.walk(tree)))] == []


# --- A kind that nobody knows yet -------------------------------------------------------------------------------------------

SEASONS = ("winter", "spring", "summer", "autumn")


class SeasonKind(Kind):
    """Records hold a number from 1 to 4; tables and people say its name."""

    name = "season"
    ordered = True

    def code_of_other(self, variable: Variable, text: str) -> int:
        return int(text) - 1 if text.isdecimal() and 1 <= int(text) <= len(SEASONS) else -1

    def column(self, variable: Variable, codes: Codes, numbers: Floats | Counts | None) -> pl.Series:
        return pl.Series(variable.name, codes + 1, dtype=pl.Int8)

    def described(self, variable: Variable, shortened: Shortened) -> str:
        return "a season"


class Season(Declared):
    """A quarter of the year."""

    kind = SeasonKind()
    type: Literal["season"] = "season"

    def build(self, name: str) -> Variable:
        return nominal(name, self.kind, SEASONS, self.about)


def spec_with(text: str, **more: Declared) -> Spec:
    """A spec with more variables, before the others."""
    spec = parse_spec(text)
    return spec.model_copy(update={"variables": {**more, **spec.variables}})


def test_a_new_kind_is_a_file_and_a_line_and_works_in_all_rooms() -> None:
    counts = dict(zip(SEASONS, [30, 20, 20, 20], strict=True))
    written = parse_spec(f"""
records: 90
variables: {{car: {{type: boolean}}, born: {{type: category, values: [{", ".join(SEASONS)}]}}}}
targets: [{{counts: {{car: {{yes: 30, no: 60}}}}}}, {{counts: {{born: {counts}}}}}]
rules: [{{never: "car and born in ('spring', 'summer')"}}]
""")
    spec = written.model_copy(update={"variables": {**written.variables, "born": Season()}})
    run = synthesize(spec)
    assert run.measurement.met
    records = pl.concat([chunk["records"] for chunk in run.sample.chunks()])
    assert records["born"].dtype == pl.Int8
    assert records.filter("car")["born"].is_in([2, 3]).sum() == 0
    assert np.bincount(records["born"].to_numpy(), minlength=5).tolist() == [0, 30, 20, 20, 20]
    assert "born: a season." in [line for section in explain(spec) for line in section.lines]


# --- Values that no category tells ------------------------------------------------------------------------------------------

PEOPLE = """
records: 100
variables:
  car: {type: boolean}
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
targets: [{counts: {car: {yes: 60, no: 40}}}, {mean: age, value: 40.5}]
rules: [{never: age < 18 and car}]
"""
CODE, NUMBERED = Identifier(type="identifier", width=6, before="P"), Identifier(type="identifier")


def test_identifiers_are_unique_over_all_chunks_and_change_nothing_else() -> None:
    run, plain = synthesize(spec_with(PEOPLE, code=CODE, n=NUMBERED)), synthesize(parse_spec(PEOPLE))
    made, without = (chunked(one.sample, 40) for one in (run, plain))
    chunks = [chunk["records"] for chunk in made.chunks()]
    records = pl.concat(chunks)
    assert [chunk.height for chunk in chunks] == [34, 33, 33]
    assert records["n"].to_list() == list(range(1, 101))
    assert records["code"].to_list() == [f"P{n:06}" for n in range(1, 101)]
    assert run.measurement.met and measure(run.model.problem, {"records": records}).met
    assert chunks[1].equals(made.chunk(1)["records"])  # whoever asks, in whatever order
    assert records.drop("code", "n").equals(pl.concat([chunk["records"] for chunk in without.chunks()]))


def test_a_record_without_its_identifier_is_told() -> None:
    problem = compile_problem(spec_with(PEOPLE, n=NUMBERED))
    records = pl.DataFrame({"n": [1, None], "car": [True, False], "age": [40, 41]})
    with pytest.raises(InputError, match="n is blank"):
        measure(problem, {"records": records})


def test_no_model_is_asked_about_identifiers() -> None:
    scene = plain_scene(compile_problem(spec_with(PEOPLE, code=CODE)))
    assert [variable.name for variable in scene.variables] == ["car", "age"]
    assert scene.published == (True, False)


def test_a_code_that_is_too_short_is_refused() -> None:
    short = Identifier(type="identifier", width=2).build("code")
    assert short.kind.fill(short, 90, 9).to_list()[-1] == "99"
    with pytest.raises(InputError, match="code: codes of 2 digits are too few for 100 records; give it a width of 3"):
        short.kind.fill(short, 90, 10)
    with pytest.raises(InputError, match="18"):
        Identifier(type="identifier", width=19)


def test_members_are_numbered_over_all_units_of_all_chunks() -> None:
    size = Category(type="category", values=["one", "two"]).build("size")
    sex = Category(type="category", values=["f", "m"]).build("sex")
    home, person = CODE.build("home"), NUMBERED.build("person")
    levels = (
        Level(name="household", variables=(home, size)),
        Level(name="person", variables=(sex, person), parent="household"),
    )
    units = Units(
        row_tables=(
            Rows(codes=np.array([[0, 0], [0, 1]], np.int32)),
            Rows(codes=np.array([[0, 0], [0, 0], [1, 0]], np.int32), parent=np.array([0, 1, 1])),
        )
    )
    problem = compile_problem(parse_spec("{records: 5, variables: {size: {type: category, values: [one, two]}}}"))
    made = Sample(
        problem=type(problem)(spec=problem.spec, n_units=5, schema=Schema(levels=levels), targets=(), rules=()),
        arrangement=Scattered(schema=Schema(levels=levels), distinct=units, counts=np.array([2, 3]), chunk_size=2),
        shapes=tuple(tuple(shape(one, np.full(one.size, 1 / one.size)) for one in level.variables) for level in levels),
        random_seed=0,
        swaps=0,
        moves=0,
    )
    chunks = list(made.chunks())
    assert len(chunks) == 3
    assert pl.concat([chunk["household"]["home"] for chunk in chunks]).to_list() == [f"P{n:06}" for n in range(1, 6)]
    assert pl.concat([chunk["person"]["person"] for chunk in chunks]).to_list() == list(range(1, 9))


# --- Records without a value ------------------------------------------------------------------------------------------------


ANSWERED = """
records: 100
variables:
  car: {type: boolean}
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65], missing: not stated}
  pay: {type: number, min: 0, max: 9000, bins: [0, 1000, 3000], decimals: 1, missing: true}
targets:
  - {counts: {car: {yes: 60, no: 40}}}
  - {counts: {age: {0-17: 20, 18-64: 50, 65+: 20, not stated: 10}}}
  - {mean: pay, by: [car], table: [{car: yes, mean: 2000}, {car: no, mean: 900}]}
  - {mean: age, value: 40.5}
  - {sd: age, value: 22}
rules: [{never: age < 18 and car}, {never: not (age >= 20) and pay > 500}]
"""


def answered() -> Spec:
    return parse_spec(ANSWERED)


@pytest.mark.slow
def test_records_without_a_value_are_counted_and_hold_null_and_means_leave_them_out(tmp_path: Path) -> None:
    run = synthesize(answered())
    problem = run.model.problem
    records = pl.concat([chunk["records"] for chunk in run.sample.chunks()])
    assert run.measurement.met
    assert records["age"].null_count() == 10 and records["age"].dtype == pl.Int64
    assert np.histogram(records["age"].drop_nulls(), [0, 18, 65, 99])[0].tolist() == [20, 50, 20]
    assert records["age"].mean() == pytest.approx(40.5, abs=0.05)
    assert records["age"].std(ddof=0) == pytest.approx(22, abs=0.5)
    assert 0 < records["pay"].null_count() < 100
    assert sorted(records.group_by("car").agg(pl.col("pay").mean().round(0))["pay"]) == [900, 2000]
    records.write_csv(tmp_path / "records.csv")
    read = read_frame(tmp_path / "records.csv", variables=problem.schema.unit.variables)
    assert measure(problem, {"records": read}).met  # as read from a file
    assert not measure(problem, {"records": read.with_columns(pl.col("age").fill_null(1))}).met


@pytest.mark.slow
def test_few_records_without_a_value_are_settled_and_explained_like_others() -> None:
    """Ten ages one of which is missing: sums of nine whole numbers have no mean of 40.5, and that is proven."""
    spec, (cars, ages, *others) = answered(), answered().targets
    counted = (
        cars.model_copy(update={"counts": {"car": {"yes": 6, "no": 4}}}),
        ages.model_copy(update={"counts": {"age": {"0-17": 2, "18-64": 5, "65+": 2, "not stated": 1}}}),
    )
    run = synthesize(spec.model_copy(update={"records": 10, "targets": [*counted, *others]}))
    records = run.sample.chunk(0)["records"]
    assert records["age"].null_count() == 1
    assert "'mean of age' is" in run.measurement.verdict
    assert [told.kind for told in run.measurement.explanations if told.notable] == ["rounding"]
    assert "nan" not in " ".join(told.sentence for told in run.measurement.explanations)


def test_a_model_is_shown_records_without_a_value_by_themselves() -> None:
    day = Integer(type="integer", min=1, max=30).build("day").with_missing("no day")
    groups = neighbours(day, None)
    assert list(groups)[-2:] == ["28-30", "no day"] and groups["no day"] == ["no day"]


@pytest.mark.slow
def test_of_a_record_without_a_value_neither_a_comparison_nor_its_opposite_is_true() -> None:
    run = synthesize(answered())
    records = pl.concat([chunk["records"] for chunk in run.sample.chunks()])
    assert records.filter((pl.col("age") < 20) & (pl.col("pay") > 500)).height == 0
    assert set(run.measurement.violations.values()) == {0}
    variables = {variable.name: variable for variable in run.model.problem.schema.unit.variables}
    two = pl.DataFrame({"age": [None, None], "pay": [600.0, None]}, schema=records.select("age", "pay").schema)
    codes = {name: variables[name].encode(two[name]) for name in two.columns}
    for text, which in (
        ("age != 7", [False, False]),
        ("age = 7", [False, False]),
        ("not (age = 7 or not age > 7)", [False, False]),
        ("age + pay > 0", [False, False]),
        ("not (pay > 700)", [True, False]),
        ("age > 7 or pay < 700", [True, False]),
        ("age = 'not stated'", [True, True]),
        ("not (age != 'not stated') and pay != 'missing'", [True, False]),
        ("age in ('0-17', 'not stated') and not (pay in ('missing'))", [True, False]),
    ):
        predicate = parse_predicate(text, variables)
        assert holds(predicate, two, variables).tolist() == which, text
        assert truth(predicate, codes, variables, 2).may.tolist() == which, text
    assert not forbids_all(parse_predicate("age >= 0", variables), variables)  # some may be of no age
    assert parse_predicate("age = '65+'", variables) == parse_predicate("age >= 65 and age <= 99", variables)


@pytest.mark.parametrize("declared", FORMS[:5], ids=lambda declared: str(declared.type))
def test_every_kind_has_a_place_for_no_value(declared: Declared, tmp_path: Path) -> None:
    whole, variable = declared.build("x"), declared.build("x").with_missing("unknown")
    assert (variable.size, variable.n_valued, variable.edges) == (whole.size + 1, whole.size, whole.edges)
    assert variable.code("Unknown") == whole.size
    codes, values = drawn(variable, 20)
    assert values.is_null().to_numpy().tolist() == (codes == whole.size).tolist()
    pl.DataFrame([values]).write_csv(tmp_path / "x.csv")
    for column in (values, read_frame(tmp_path / "x.csv", variables=[variable])["x"]):
        assert variable.encode(column).tolist() == variable.encode_quickly(column).tolist() == codes.tolist()
    assert variable.encode(pl.Series(["of nobody"])).tolist() == [-1]
    assert "nan" not in variable.kind.described(variable, ", ".join) + variable.extent
    finer = variable.kind.cut(variable, [1, 7], 4)
    if finer is not None:
        assert (finer.labels[-1], finer.missing) == ("unknown", True)
        assert variable.codes_of_bins(finer).tolist() == sorted(variable.codes_of_bins(finer).tolist())
        assert np.isfinite(variable.kind.overlap(variable, 0, 1)).all()  # type: ignore[arg-type]
