"""Kinds of variable: what each promises, a kind that nobody knows yet, and values that no category tells."""

import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from synthor import compile_problem, parse_spec, synthesize
from synthor.errors import InputError
from synthor.measure import measure
from synthor.prior.questions import plain_scene
from synthor.report.explain import explain
from synthor.sample.stream import Sample
from synthor.schema import Level, Rows, Schema, Units, Variable
from synthor.schema.kinds import KINDS, Boolean, Category, Integer, Number
from synthor.schema.kinds.base import Declared, Kind, Shortened, nominal
from synthor.schema.kinds.identifier import Identifier
from synthor.spec.model import Spec
from synthor.spec.tables.records import read_frame
from synthor.types import Codes, Counts, Floats
from synthor.values import shape

SOURCE = Path(__file__).parents[1] / "src" / "synthor"
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


def test_nobody_outside_asks_which_kind_a_variable_is_of() -> None:
    """Behaviour that hangs on the kind is a method of the kind, or a question that it answers by name."""
    names = "|".join((*KINDS, *map(str.upper, KINDS)))
    told = rf"""[(["']*(?:{names})\b"""
    asks = re.compile(rf"\.(?:kind|type)\b (?:==|!=|is not|is|not in|in) {told}|isinstance\([^)]*Kind\)")
    assert asks.search('if variable.kind == "integer"') and asks.search("if own.kind is not NUMBER")
    modules = [module for module in SOURCE.rglob("*.py") if "kinds" not in module.parts]
    assert [module.name for module in modules if asks.search(module.read_text(encoding="utf-8"))] == []


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
    """A spec with variables of kinds that no spec can declare yet, before the others."""
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
    made, without = (replace(one.sample, chunk_size=40) for one in (run, plain))
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
    with pytest.raises(InputError, match="code: 2 digits are too few for 100 records; give it a width of 3"):
        short.kind.fill(short, 90, 10)
    with pytest.raises(ValidationError, match="18"):
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
        units=units,
        counts=np.array([2, 3]),
        shapes=tuple(shape(variable, np.full(variable.size, 1 / variable.size)) for variable in (home, size)),
        random_seed=0,
        swaps=0,
        moves=0,
        chunk_size=2,
    )
    chunks = list(made.chunks())
    assert len(chunks) == 3
    assert pl.concat([chunk["household"]["home"] for chunk in chunks]).to_list() == [f"P{n:06}" for n in range(1, 6)]
    assert pl.concat([chunk["person"]["person"] for chunk in chunks]).to_list() == list(range(1, 9))
