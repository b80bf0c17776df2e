"""Tables in memory wherever a file may stand, and specs that are made in Python."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import synthor
from synthor import InputError, Spec
from synthor.cli.app import app
from synthor.frames import as_frame
from synthor.schema.kinds import Category, Integer
from synthor.spec.targets import TargetSpec

ADULTS: dict[str, list[Any]] = {
    "age": ["18-34", "35-64", "65+", "18-34", "35-64", "65+"],
    "sex": ["male", "male", "male", "female", "female", "female"],
    "count": [40, 60, 30, 30, 50, 20],
}
MAKE: Any = Spec
AIM: Any = TargetSpec
"""As they are to somebody without a type checker."""

COUNTS = [40, 60, 30, 30, 50, 20]
VARIABLES: dict[str, Any] = {
    "age": {"type": "category", "values": ["18-34", "35-64", "65+"]},
    "sex": {"type": "category", "values": ["male", "female"]},
}


class Arrow:
    """A table of a library that nobody knows here: it has the Arrow C stream alone."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)


def pandas_frame(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


TABLES: dict[str, Any] = {
    "polars": lambda: pl.DataFrame(ADULTS),
    "lazy": lambda: pl.DataFrame(ADULTS).lazy(),
    "arrow": lambda: Arrow(pl.DataFrame(ADULTS)),
    "columns": lambda: ADULTS,
    "rows": lambda: pl.DataFrame(ADULTS).to_dicts(),
    "pandas": lambda: pandas_frame(ADULTS),
    "pandas, indexed": lambda: pandas_frame(ADULTS).set_index(["age", "sex"]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_of_any_library_is_a_target(kind: str) -> None:
    spec = Spec(records=230, variables=VARIABLES, targets=[TargetSpec(table=TABLES[kind]())])
    run = synthor.synthesize(spec)
    assert run.verdict == "Met: 230 records add up to the target exactly (6 cells)."
    assert run.table("sex", "age")["got"].to_list() == COUNTS


@pytest.mark.parametrize("kind", TABLES)
def test_a_spec_is_drafted_from_tables_of_any_library(kind: str) -> None:
    spec = synthor.draft_spec({"adults by age and sex": TABLES[kind]()}, context="One record is one adult.")
    assert (spec.records, list(spec.variables), spec.context.strip()) == (230, ["age", "sex"], "One record is one adult.")
    run = synthor.synthesize(spec)
    assert run.table("sex", "age").filter(sex="male")["got"].to_list() == COUNTS[:3]


def test_a_wide_table_and_fewer_records_are_understood_as_in_a_file(tmp_path: Path) -> None:
    wide = pl.DataFrame({"age": ["18-34", "35-64", "65+"], "male": [300, 500, 200], "female": [280, 520, 200]})
    spec = synthor.draft_spec(
        {"age by sex": wide, "1/2: sexes": {"sex": ["male", "female"], "count": [1000, 1000]}}, records=100
    )
    assert (spec.records, spec.population) == (100, 2000.0)
    assert synthor.synthesize(spec).table("sex")["got"].to_list() == [50, 50]


def test_what_a_draft_has_to_ask_is_told_by_check() -> None:
    spec = synthor.draft_spec({"t": ADULTS})
    assert "FILL IN" in spec.context
    assert "context: is still to be filled in" in str(synthor.check(spec)[0])


def test_a_table_that_a_draft_cannot_use_is_told_by_check_and_spares_the_others() -> None:
    heads = {"age": ["under 35", "35 and over"], "count": [600, 400]}
    crossed = {"age": ["under 35"] * 2 + ["35 and over"] * 2, "car": ["yes", "no"] * 2, "count": [300, 280, 210, 210]}
    tenure = {"tenure": ["owned", "rented"], "count": [700, 300]}
    spec = synthor.draft_spec({"heads": heads, "cars": crossed, "tenure": tenure, "words": {"a": ["x"]}}, context="Homes.")
    assert [target.name for target in spec.targets] == ["cars", "tenure"]
    told = [f"{finding!r}" for finding in synthor.check(spec)]
    assert told[0].startswith("<warning: tables: not understood: words.csv: ")
    assert told[1].startswith("<warning: tables: not used: heads.csv: targets: 'age by car' and 'age' disagree on age: ")
    assert len(told) == 2


@pytest.mark.slow
def test_a_run_made_of_frames_can_be_run_again_from_its_folder(tmp_path: Path) -> None:
    run = synthor.synthesize(synthor.draft_spec({"age by sex": pl.DataFrame(ADULTS)}, context="One record is one adult."))
    run.write(tmp_path / "out")
    assert (tmp_path / "out" / "tables" / "age by sex.csv").read_text().startswith("age,sex,count\n18-34,male,40\n")
    again = CliRunner().invoke(app, ["run", str(tmp_path / "out" / "spec.yaml"), "--out", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output
    records = (tmp_path / "again" / "records.parquet").read_bytes()
    assert records == (tmp_path / "out" / "records.parquet").read_bytes()


@pytest.mark.slow
def test_a_folder_that_is_written_again_holds_the_new_spec_alone(tmp_path: Path) -> None:
    synthor.synthesize(synthor.draft_spec({"first": ADULTS}, context="Adults.")).write(tmp_path)
    synthor.synthesize(synthor.draft_spec({"second": ADULTS}, context="Adults.", title="Other")).write(tmp_path)
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["second.csv"]
    assert "Other" in (tmp_path / "spec.yaml").read_text()
    spec = tmp_path / "other.yaml"
    spec.write_text("{records: 9, variables: {car: {type: boolean}}}")
    assert CliRunner().invoke(app, ["run", str(spec), "--out", str(tmp_path)]).exit_code == 0
    assert not (tmp_path / "spec.yaml").exists()  # it would be that of another model
    assert synthor.open(tmp_path).records.height == 9


def test_a_spec_that_somebody_wrote_or_edited_is_not_overwritten(tmp_path: Path) -> None:
    run = synthor.synthesize(synthor.draft_spec({"t": ADULTS}, context="Adults."))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "spec.yaml").write_text("mine")
    with pytest.raises(InputError, match=r"holds spec.yaml, which no run of synthor wrote there"):
        run.write(tmp_path / "mine")
    run.write(tmp_path / "out")
    (tmp_path / "out" / "spec.yaml").write_text("edited")
    with pytest.raises(InputError, match="was edited since a run wrote it; move it away, or choose another folder"):
        run.write(tmp_path / "out")
    assert (tmp_path / "out" / "spec.yaml").read_text() == "edited"


def test_files_that_a_spec_made_in_python_names_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame(ADULTS).write_csv("adults.csv")
    run = synthor.synthesize(Spec(records=230, variables=VARIABLES, targets=[{"table": "adults.csv"}]), prior=synthor.Prior())
    run.write("out")
    assert "table: ../adults.csv" in Path("out/spec.yaml").read_text()
    assert "prior: prior.json" in Path("out/spec.yaml").read_text()
    assert synthor.synthesize(synthor.load_spec("out/spec.yaml")).records.equals(run.records)


def test_a_spec_that_a_file_holds_is_not_written_again(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("{records: 9, variables: {car: {type: boolean}}}")
    synthor.synthesize(synthor.load_spec(tmp_path / "spec.yaml")).write(tmp_path / "out")
    assert not (tmp_path / "out" / "spec.yaml").exists()


def test_a_cell_that_is_missing_in_a_frame_is_refused_as_a_blank_one_is_in_a_file() -> None:
    table = pl.DataFrame({"sex": ["male", "female"], "count": [None, 40.0]})
    with pytest.raises(InputError, match=r"targets\[0\], row 1: count is blank; write 0 where there is none, .. where"):
        synthor.compile_problem(Spec(records=100, variables=VARIABLES, targets=[{"table": table}]))
    told = table.with_columns(count=pl.Series(["..", "40"]))
    spec = Spec(records=100, variables=VARIABLES, targets=[{"table": told, "suppressed": "<70"}])
    assert synthor.synthesize(spec).table("sex").rows() == [("male", 60, 60), ("female", 40, 40)]  # the total tells it


def test_pandas_frames_keep_whole_numbers_categories_and_their_index() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1.0, None], "when": pandas.Categorical(["a", None]), "mixed": [1, "x"]})
    found = as_frame(frame)
    assert (
        found["n"].to_list() == [1, None] and found["when"].to_list() == ["a", None] and found["mixed"].to_list() == ["1", "x"]
    )
    with pytest.raises(InputError, match="two columns called 'a'"):
        as_frame(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="columns of several levels"):
        as_frame(pandas.DataFrame([[1]], columns=pandas.MultiIndex.from_tuples([("a", "b")])))


def test_records_as_pandas_frames() -> None:
    pandas = pytest.importorskip("pandas")
    run = synthor.synthesize(Spec(records=230, variables=VARIABLES, targets=[{"table": ADULTS}]))
    frame = run.to_pandas()
    assert pandas.crosstab(frame["age"], frame["sex"])["male"].to_list() == COUNTS[:3]
    assert list(frame["age"].cat.categories) == ["18-34", "35-64", "65+"]


def test_without_pandas_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    run = synthor.synthesize(Spec(records=3, variables=VARIABLES))
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match=r"is not installed; pip install pandas, or use the polars frames of run\.tables"):
        run.to_pandas()
    with pytest.raises(InputError, match="no level is called 'person'; known: records"):
        run.to_pandas("person")


def test_a_spec_of_typed_parts_is_that_of_plain_ones() -> None:
    parts = Spec(
        records=10,
        variables={"age": Integer(type="integer", min=0, max=1), "sex": Category(type="category", values=["m", "f"])},
        targets=[TargetSpec(counts={"sex": {"m": 4, "f": 6}})],
    )
    plain = Spec(
        records=10,
        variables={"age": {"type": "integer", "min": 0, "max": 1}, "sex": {"type": "category", "values": ["m", "f"]}},
        targets=[{"counts": {"sex": {"m": 4, "f": 6}}}],
    )
    assert parts == plain and synthor.synthesize(parts).records.equals(synthor.synthesize(plain).records)


@pytest.mark.parametrize(
    ("make", "findings"),
    [
        (lambda: MAKE(records="x"), [
            "spec: records: 'x' is no whole number; write a number such as 5000",
            "spec: 'variables' is missing; add `variables: ...`"]),
        (lambda: MAKE(records=1, variables={"a": {"type": "boolen"}}), [
            "spec: variables.a: unknown type 'boolen'; did you mean 'boolean'?"]),
        (lambda: MAKE(records=1, variables={"a b": {"type": "boolean"}}), [
            "spec: variables.a b: 'a b' cannot name a variable; use letters, digits and _, start with a letter; reserved: "
            "count, record_id, share, weight"]),
        (lambda: MAKE(records=1, variables=VARIABLES, rulez=[]), ["spec: rulez: unknown key 'rulez'; did you mean 'rules'?"]),
        (lambda: MAKE(records=1, variables=VARIABLES, targets=[{"table": 3}]), [
            "spec: targets[0].table: is no table but of type int; give a polars or pandas frame, an Arrow table, a dict of "
            "columns or a list of rows"]),
        (lambda: MAKE(records=1, variables=VARIABLES, targets=[{"shares": {"sex": {"male": "6%"}}, "tolerance": {"point": 1}}]),
         [
            "spec: targets[0].shares.sex.male: '6%' is no number; leave the percent sign out",
            "spec: targets[0].tolerance.point: unknown key 'point'; did you mean 'points'?"]),
        (lambda: AIM(table=ADULTS, toleranse=1),
         ["target: toleranse: unknown key 'toleranse'; did you mean 'tolerance'?"]),
        (lambda: Integer(type="integer", min=3, max=1), ["integer: min 3 is larger than max 1; swap them"]),
        (lambda: synthor.Prior(dependencies=[{"given": "a"}]), ["prior: dependencies[0]: 'of' is missing; add `of: ...`"]),
    ],
)  # fmt: skip
def test_no_error_of_pydantic_reaches_anybody(make: Any, findings: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert [str(found) for found in caught.value.findings] == findings


def test_tables_that_are_none_are_refused_in_words() -> None:
    with pytest.raises(InputError, match=r'there are none; give them by name: \{"age by sex": frame\}'):
        synthor.draft_spec({})
    with pytest.raises(InputError, match="records: 0 records cannot be made; ask for 1 to"):
        synthor.draft_spec({"a": ADULTS}, records=0)
    with pytest.raises(InputError, match="table 'a': is no table but of type str"):
        synthor.draft_spec({"a": "a.csv"})
    with pytest.raises(InputError, match="table 'a': cannot be read as a table"):
        synthor.draft_spec({"a": {"x": [1, 2], "y": [1]}})


@pytest.mark.slow
def test_a_sample_may_be_a_frame_and_lies_beside_the_spec(tmp_path: Path) -> None:
    survey = pl.DataFrame(
        {"age": ["18-34", "65+", "65+"] * 20, "sex": ["male", "female", "female"] * 20, "w": [1.0, 1, 2] * 20}
    )
    targets: list[Any] = [
        {"shares": {"sex": {"male": 50, "female": 50}}},
        {"counts": {"age": {"18-34": 50, "35-64": 0, "65+": 50}}},
    ]
    spec = MAKE(records=100, variables=VARIABLES, targets=targets, sample={"file": survey, "weight": "w"})
    run = synthor.synthesize(spec)
    assert run.table("age", "sex").filter(age="18-34", sex="male")["got"].item() > 40
    run.write(tmp_path)
    again = synthor.synthesize(synthor.load_spec(tmp_path / "spec.yaml"))
    assert again.records.equals(run.records)
    assert synthor.open(tmp_path).hold_out("age").tables
    with pytest.raises(InputError, match=r"spec: sample\.file: is no table but of type int"):
        MAKE(records=100, variables=VARIABLES, sample={"file": 3})


@pytest.mark.parametrize(
    ("sexes", "kind"),
    [
        (pl.Series([["male"], ["female"]]), r"List\(String\)"),
        (pl.Series([{"a": 1}, {"a": 2}]), "Struct"),
        (pl.Series([b"male", b"female"]), "Binary"),
        (pl.Series([dt.timedelta(1), dt.timedelta(2)]), "Duration"),
        (pl.Series([object(), object()], dtype=pl.Object), "Object"),
    ],
)
def test_cells_that_are_neither_text_nor_numbers_are_refused(sexes: pl.Series, kind: str) -> None:
    frame = pl.DataFrame({"sex": sexes, "count": [40, 60]})
    cure = "give it one text or number a cell, or leave it out"
    with pytest.raises(InputError, match=f"table 't': column 'sex' holds {kind}.*, which is neither text nor a number; {cure}"):
        synthor.draft_spec({"t": frame})
    with pytest.raises(InputError, match=rf"targets\[0\]\.table: column 'sex' holds {kind}"):
        MAKE(records=100, variables=VARIABLES, targets=[{"table": frame}])
    with pytest.raises(InputError, match=rf"sample\.file: column 'sex' holds {kind}"):
        MAKE(records=100, variables=VARIABLES, sample={"file": frame})
    run = synthor.synthesize(MAKE(records=4, variables=VARIABLES))
    with pytest.raises(InputError, match=f"real: column 'sex' holds {kind}"):
        run.table("sex", real=frame.with_columns(age=pl.lit("65+")))
    aside = frame.with_columns(sex=pl.Series(["male", "female"]), notes=sexes)
    assert run.table("sex", real=aside)["real"].to_list() == [2, 2]  # what nobody asks for may hold anything


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"sex": {"male", "female"}, "count": [1, 2]}, "column 'sex' is of type set, which is no column; give a list"),
        ({"sex": {0: "male", 1: "female"}, "count": [1, 2]}, "column 'sex' is of type dict, which is no column"),
        ({"sex": "mf", "count": [1, 2]}, "column 'sex' is of type str, which is no column"),
        ({"sex": ["m", "f"], "count": None}, "column 'count' is of type NoneType, which is no column"),
        ({1: ["m"], "1": [2]}, "has two columns called '1'; give each a name of its own"),
        ([{1: "m", "1": 2}], "has two columns called '1'; give each a name of its own"),
        (pl.LazyFrame({"a": [1]}).select("b"), 'cannot be read as a table: unable to find column "b"'),
        (pl.scan_csv("not/there.csv"), "cannot be read as a table: No such file or directory"),
    ],
)  # fmt: skip
def test_tables_whose_columns_are_none_are_refused(table: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"table 't': {message}"):
        synthor.draft_spec({"t": table})


def test_what_is_missing_in_a_list_is_no_label_and_a_name_may_be_empty() -> None:
    pandas = pytest.importorskip("pandas")
    found = as_frame({"sex": ["m", pandas.NaT, pandas.NA, float("nan")], "count": [1, pandas.NA, None, 2]})
    assert found.to_dict(as_series=False) == {"sex": ["m", None, None, None], "count": [1, None, None, 2]}
    assert as_frame(pandas.DataFrame([["m", 1]], columns=[None, "count"])).columns == ["", "count"]
    assert as_frame({"": ["m"], "count": [1]}).columns == ["", "count"]


def test_a_series_of_pandas_is_a_table_of_counts() -> None:
    pandas = pytest.importorskip("pandas")
    survey = pandas.DataFrame({"sex": ["male", "female", "male"]})
    assert as_frame(survey.groupby("sex").size()).rows() == [("female", 1), ("male", 2)]
    assert as_frame(survey["sex"].value_counts()).columns == ["sex", "count"]


def test_labels_of_an_index_are_not_lost() -> None:
    pandas = pytest.importorskip("pandas")
    cure = r"give it one, `frame\.index\.name = \.\.\.`, or reset_index\(drop=True\)"
    with pytest.raises(InputError, match=f"has labels in an index without a name; {cure}"):
        as_frame(pandas.DataFrame({"count": [1, 2]}, index=["male", "female"]))
    with pytest.raises(InputError, match="has labels in an index without a name"):
        as_frame(pandas.DataFrame({"count": [1]}, index=pandas.MultiIndex.from_tuples([("male", "65+")])))
    with pytest.raises(InputError, match="'sex' names a column and the index, too; rename one of them"):
        as_frame(pandas.DataFrame({"sex": ["m"], "count": [1]}, index=pandas.Index(["x"], name="sex")))
    some = pandas.DataFrame({"count": [1, 2]})
    assert as_frame(some[some["count"] > 1]).rows() == [(2,)]


def test_numbers_without_an_end_or_too_large_for_any_column_are_told() -> None:
    with pytest.raises(InputError, match="column 'count' is infinite in row 2; write a number, or leave the cell out"):
        MAKE(records=100, variables=VARIABLES, targets=[{"table": {"sex": ["male", "female"], "count": [1.0, float("inf")]}}])
    run = synthor.synthesize(MAKE(records=4, variables={"age": {"type": "integer", "min": 0, "max": 90}}))
    with pytest.raises(InputError, match=r"row 2: .* is no value of age"):
        run.table("age", real={"age": [2**80, 1]})


def test_what_is_handed_over_in_place_of_something_else_is_told() -> None:
    frame = pl.DataFrame(ADULTS)
    drafted: Any = synthor.draft_spec
    made: Any = synthor.synthesize
    for tables in (frame, frame.to_dicts()):
        with pytest.raises(InputError, match=r'without names; give one or more by name: \{"age by sex": frame\}'):
            drafted(tables)
    with pytest.raises(InputError, match=r"records: 2\.5 is no whole number; ask for 1 to"):
        drafted({"a": ADULTS}, records=2.5)
    spec = MAKE(records=3, variables=VARIABLES)
    with pytest.raises(InputError, match=r"spec: is no spec but of type dict; name a file, or make one with Spec\(\.\.\.\)"):
        made({"records": 3})
    with pytest.raises(InputError, match=r"prior: is no beliefs but of type dict; name a file, or make them with Prior"):
        made(spec, prior={"rules": []})
    with pytest.raises(InputError, match=r"hold_out: is one text; give a list of targets: \['each'\]"):
        made(spec, hold_out="each")
    with pytest.raises(InputError, match=r"draws: 2\.5 draws cannot be made"):
        made(spec).draws(2.5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "of type NoneType"),
        (5, "of type int"),
        (b"out", "of type bytes"),
        ("", "its name is empty"),
        ("a\0b", r"nothing can be called 'a\\x00b'"),
        ("x" * 5_000, "nothing can have a name of 5,000 characters"),
    ],
)
def test_what_names_no_file_and_no_folder_is_told(
    given: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run: Any = synthor.synthesize(MAKE(records=3, variables=VARIABLES))
    made: Any = synthor.synthesize
    opened: Any = synthor.open
    calls: dict[str, Callable[[], object]] = {
        "spec": lambda: synthor.load_spec(given),
        "folder": lambda: opened(given),
        "the folder to write": lambda: run.write(given),
        "real": lambda: run.table("sex", real=given),
        "microdata": lambda: run.evaluate(given),
        "prior": lambda: made(run.spec, prior=given),
        "answers": lambda: made(run.spec, answers=given),
    }
    unsaid = ("answers", "prior", "real") if given is None else ()
    for where in calls.keys() - unsaid:
        with pytest.raises(InputError, match=rf"^{where}: .*{said.rsplit('of type', maxsplit=1)[-1]}.*; \w+ ") as told:
            calls[where]()
        assert len(told.value.findings) == 1
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("at", ["missing", "folder", "plain.txt"])
def test_files_and_folders_of_the_wrong_sort_are_told(at: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain.txt").write_text("hello", encoding="utf-8")
    run = synthor.synthesize(MAKE(records=3, variables=VARIABLES))
    place = tmp_path / at
    calls: list[Callable[[], object]] = [
        lambda: synthor.load_spec(place),
        lambda: synthor.open(place),
        lambda: run.table("sex", real=place),
        lambda: run.evaluate(place),
        lambda: synthor.synthesize(run.spec, prior=place),
    ]
    for call in calls:
        with pytest.raises(InputError, match=at):
            call()
    with pytest.raises(synthor.SynthorError, match="it is a file; choose another"):
        run.write(tmp_path / "plain.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "plain.txt"]


def test_what_is_no_spec_is_told_before_it_is_looked_at() -> None:
    checked: Any = synthor.check
    compiled: Any = synthor.compile_problem
    assert [str(finding) for finding in checked("spec.yaml")] == [
        "spec: is no spec but of type str; read one with load_spec(file), or make it with Spec(...), parse_spec(text) or "
        "draft_spec(tables)"
    ]
    with pytest.raises(InputError, match="is no spec but of type NoneType"):
        compiled(None)
    with pytest.raises(InputError, match=r"targets\[0\].table: its name is empty; name a file"):
        MAKE(records=3, variables=VARIABLES, targets=[{"table": ""}])
    run: Any = synthor.synthesize(MAKE(records=3, variables=VARIABLES, targets=[{"counts": {"sex": {"male": 1, "female": 2}}}]))
    with pytest.raises(InputError, match="no target is called '5'; known: sex, each"):
        run.hold_out(5)
    made: Any = synthor.synthesize
    with pytest.raises(InputError, match="hold_out: is no list but of type int"):
        made(run.spec, hold_out=5)


def test_records_are_written_in_a_known_format_or_not_at_all(tmp_path: Path) -> None:
    run: Any = synthor.synthesize(MAKE(records=3, variables=VARIABLES))
    with pytest.raises(InputError, match="format: records cannot be written as 'xlsx'; known: parquet, csv"):
        run.write(tmp_path / "out", format="xlsx")
    assert not (tmp_path / "out").exists()


def test_tables_whose_names_differ_in_case_alone_have_files_of_their_own(tmp_path: Path) -> None:
    tables = {"Sex": {"sex": ["m", "f"], "count": [1, 2]}, "sex": {"home": ["owned", "rented"], "count": [1, 2]}}
    synthor.synthesize(synthor.draft_spec(tables, context="Adults.")).write(tmp_path)
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["Sex.csv", "sex 2.csv"]


ZONED: dict[str, Any] = {
    "records": 12,
    "variables": {"size": {"type": "integer", "min": 1, "max": 9, "bins": [1, 2, 3]}, "car": {"type": "boolean"}},
}
SIZES = {"taz": list("aaabbbccc"), "size": ["1", "2", "3+"] * 3, "count": [1, 2, 1] * 3}
CARS = {"tract": ["north"] * 2 + ["south"] * 2, "car": ["yes", "no"] * 2, "count": [4, 4, 2, 2]}


@pytest.mark.slow
def test_a_run_whose_crosswalk_is_a_file_can_be_run_again_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "crosswalk.csv").write_text("taz,tract\na,north\nb,north\nc,south\n", encoding="utf-8")
    zones = {"key": "taz", "within": {"tract": "crosswalk.csv"}}
    spec = MAKE(**ZONED, zones=zones, targets=[{"table": SIZES}, {"table": CARS}]).placed_in(tmp_path)
    run = synthor.synthesize(spec)
    assert run.inputs["crosswalk.csv"] == tmp_path / "crosswalk.csv"
    run.write(tmp_path / "made" / "first")
    again = synthor.synthesize(tmp_path / "made" / "first" / "spec.yaml")
    assert again.records.equals(run.records)


@pytest.mark.slow
def test_records_in_zones_are_compared_with_real_ones_that_say_nothing_of_zones() -> None:
    zones = {"key": "taz", "within": {"tract": {"a": "north", "b": "north", "c": "south"}}}
    run = synthor.synthesize(MAKE(**ZONED, zones=zones, targets=[{"table": SIZES}, {"table": CARS}]))
    real = pl.DataFrame({"size": [1, 2, 3, 2], "car": [True, False, True, True], "w": [1.0, 2.0, 1.0, 1.0]})
    assert run.evaluate(real, weight="w").pairs.select("first", "second").rows() == [("size", "car")]
    assert run.evaluate(run.records).pairs.height == 4
    with pytest.raises(InputError, match="column 'tract' is missing"):
        run.evaluate(run.records.drop("tract"))


@pytest.mark.slow
def test_a_crosswalk_may_be_a_frame_and_lies_in_the_spec_that_is_written(tmp_path: Path) -> None:
    walk = pl.DataFrame({"taz": ["a", "b", "c"], "tract": ["north", "north", "south"]})
    spec = MAKE(**ZONED, zones={"key": "taz", "within": {"tract": walk}}, targets=[{"table": SIZES}, {"table": CARS}])
    assert spec.zones.within == {"tract": {"a": "north", "b": "north", "c": "south"}}
    run = synthor.synthesize(spec)
    run.write(tmp_path)
    assert synthor.synthesize(tmp_path / "spec.yaml").records.equals(run.records)


@pytest.mark.parametrize(
    ("walk", "said"),
    [
        ({"taz": ["a"], "trakt": ["north"]}, "zones: the crosswalk of 'tract' has no column 'tract'; did you mean 'trakt'?"),
        ({"zone": ["a"], "tract": ["north"]}, "zones: the crosswalk of 'tract' has no column 'taz'; known: zone, tract"),
        (
            {"taz": ["a", "a"], "tract": ["n", "s"]},
            "zones: taz 'a' lies in tract 'n' and in tract 's'; let every taz",
        ),
        ({"taz": ["a", None], "tract": ["n", "s"]}, "zones: row 2 of the crosswalk has no taz; fill it in"),
    ],
)
def test_a_crosswalk_in_memory_that_says_nothing_or_too_much_is_refused(walk: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(InputError) as told:
        MAKE(**ZONED, zones={"key": "taz", "within": {"tract": pl.DataFrame(walk)}}, targets=[{"table": SIZES}])
    assert said in str(told.value)
