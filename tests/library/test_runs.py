"""A run as somebody at a prompt holds it: looked at, asked, compared, drawn again, written and opened."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import synthor
from synthor import InputError, Prior, Run
from synthor.cli.app import app
from synthor.prior.model import Dependency
from village import VILLAGE

TOWN = """
title: Homes of a town
context: One record is one home.
records: 100
variables:
  persons: {type: integer, min: 1, max: 6, bins: [1, 2, 3]}
  tenure: {type: category, values: [owned, rented]}
  car: {type: boolean}
  income: {type: number, min: 0, max: 90, bins: [0, 30, 60]}
targets:
  - {name: size by tenure, table: [
      {persons: 1, tenure: owned, count: 10}, {persons: 2, tenure: owned, count: 30}, {persons: 3+, tenure: owned, count: 20},
      {persons: 1, tenure: rented, count: 20}, {persons: 2, tenure: rented, count: 12}, {persons: 3+, tenure: rented, count: 8}]
    }
  - {counts: {car: {no: 40, yes: 60}}}
"""
BELIEVED = Prior(dependencies=[Dependency(given="car", of="tenure", rows=[[20, 80], [85, 15]])])
REAL = pl.DataFrame(
    {
        "persons": [1, 2, 3, 1, 2, 4] * 20,
        "tenure": ["owned", "owned", "owned", "rented", "rented", "rented"] * 20,
        "car": [True, True, True, False, True, False] * 20,
        "income": [10.0, 40.0, 70.0, 20.0, 50.0, 80.0] * 20,
        "w": [1.0, 2.0, 1.0, 1.0, 2.0, 1.0] * 20,
    }
)


@pytest.fixture(scope="module")
def town() -> Run:
    return synthor.synthesize(synthor.parse_spec(TOWN), prior=BELIEVED)


@pytest.fixture(scope="module")
def village() -> Run:
    return synthor.synthesize(synthor.parse_spec(VILLAGE))


def test_a_run_says_what_it_is_in_a_few_lines(town: Run) -> None:
    assert repr(town).split("\n") == [
        "<Run of 'Homes of a town': 100 records>",
        "Met: 100 records add up to all 2 targets exactly (8 cells).",
        "Beliefs used: 1 dependency table.",
        "targets met: 2 of 2; fit: converged",
    ]


@pytest.mark.slow
def test_of_members_each_level_is_told(village: Run) -> None:
    assert repr(village).startswith("<Run of 'A village': 30 homes, 70 persons>\nMet: 30 units add up to all 2 targets")


def test_what_else_people_hold_is_told_in_a_few_lines_too(town: Run) -> None:
    spec = synthor.load_spec("examples/population/spec.yaml")
    for thing in (spec, synthor.compile_problem(spec), town.spec, town.problem, town.model, BELIEVED, town.measurement):
        assert len(repr(thing)) < 800 and repr(thing).count("\n") < 10 and repr(thing).startswith("<"), repr(thing)
    assert str(town.spec) == ("<Spec of 'Homes of a town': 100 records, 4 variables (persons, tenure, car, income), 2 targets>")
    assert repr(BELIEVED) == "<Prior: 1 dependency table>"
    assert repr(town.problem) == "<Problem: 100 units; records (4 variables); 2 targets of 8 cells, 0 rules>"


class Text(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.text = list[str](), ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.slow
def test_a_notebook_shows_verdict_targets_and_a_few_units(town: Run, village: Run) -> None:
    page = Text(town._repr_html_())
    assert "✓ Met: 100 records add up to all 2 targets" in page.text and "size by tenure" in page.text
    assert page.tags.count("table") == 2 and page.tags.count("tr") == 1 + 2 + 1 + 3
    assert "person" in Text(village._repr_html_()).text and "home 0" in Text(village._repr_html_()).text


def test_a_notebook_shows_labels_as_the_spec_has_them(town: Run) -> None:
    page = town._repr_html_()
    shown = page[page.rindex("<table>") :]
    assert "<th>car</th>" in shown and "True" not in page and "False" not in page
    for record in town.records.head(3).iter_rows(named=True):
        label = "yes" if record["car"] else "no"
        row = [f"<td>{value}</td>" for value in (record["persons"], record["tenure"], label, f"{record['income']:.2f}")]
        assert "".join(row) in shown
    assert town.table("car")["car"].to_list() == ["no", "yes"]


def test_whatever_others_wrote_is_escaped_in_a_notebook() -> None:
    evil = "<script>alert(1)</script>"
    spec = synthor.parse_spec(f"""
title: "{evil}"
records: 4
variables: {{job: {{type: category, values: ["{evil}", "b<i>"]}}}}
targets: [{{name: "{evil}", counts: {{job: {{"{evil}": 3, "b<i>": 1}}}}}}]
""")
    run = synthor.synthesize(spec)
    for html in (run._repr_html_(), run.report()._repr_html_()):
        assert set(Text(html).tags) <= {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "iframe"}
    assert "<script>" not in str(run.report())


def test_a_table_has_what_was_wanted_beside_what_came_out(town: Run) -> None:
    found = town.table("persons", "tenure")
    assert found.columns == ["persons", "tenure", "wanted", "got"]
    assert found["wanted"].to_list() == found["got"].to_list() == [10, 20, 30, 12, 20, 8]
    assert found.row(0) == ("1", "owned", 10, 10)


def test_a_table_of_fewer_variables_is_wanted_through_that_of_more(town: Run) -> None:
    assert town.table("tenure").rows() == [("owned", 60, 60), ("rented", 40, 40)]


def test_a_table_that_no_target_gives_has_nothing_wanted(town: Run) -> None:
    assert town.table("car", "tenure").columns == ["car", "tenure", "got"]
    assert town.table("car", "tenure")["got"].sum() == 100


def test_real_records_stand_beside_scaled_to_as_many(town: Run) -> None:
    assert town.table("tenure", real=REAL)["real"].to_list() == [50.0, 50.0]
    assert town.table("persons", real=REAL, weight="w")["real"].to_list() == [25.0, 50.0, 25.0]


def test_pairs_between_levels_are_named_as_anywhere(village: Run) -> None:
    assert village.table("person.age")["wanted"].to_list() == [20, 40, 10]
    assert village.table("tenure", "person.age")["got"].sum() == 70
    assert village.table("tenure", "head.age")["got"].sum() == 30
    assert village.table("tenure", "head.age").columns == ["tenure", "head.age", "got"]


def test_real_members_stand_beside(village: Run) -> None:
    real = {
        "home": pl.DataFrame({"home_id": [7, 8], "tenure": ["owned", "rented"], "w": [3.0, 1.0]}),
        "person": pl.DataFrame({"home_id": [8, 7, 7], "role": ["head", "head", "other"], "age": [30, 40, 5]}),
    }
    found = village.table("tenure", "head.age", real=real, weight="w")
    assert found["real"].to_list() == [0.0, 22.5, 0.0, 0.0, 7.5, 0.0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("tenur",), "no variable is called 'tenur'; did you mean 'tenure'?"),
        (("tenure", "tenure"), "names tenure twice; name it once"),
        ((), "names no variable"),
        ((3,), "no variable is called '3'"),
        (("income > 3",), "is no list of variables"),
    ],
)
def test_a_table_of_what_is_not_there_is_refused_in_words(town: Run, names: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        town.table(*names)


@pytest.mark.slow
def test_a_question_is_answered_as_on_the_command_line(town: Run, tmp_path: Path) -> None:
    found = town.measure("mean income by tenure")
    assert found.columns == ["tenure", "value", "least", "most"] and found["tenure"].to_list() == ["owned", "rented"]
    means = town.records.group_by("tenure").agg(pl.col("income").mean()).sort("tenure")["income"].to_list()
    assert found["value"].to_list() == pytest.approx(means)
    several = town.measure("car by tenure", "income > 30")
    assert list(several) == ["car by tenure", "income > 30"]
    town.write(tmp_path)
    told = CliRunner().invoke(app, ["measure", str(tmp_path), "--of", "mean income by tenure", "--json"])
    cells = json.loads(told.stdout)["answers"][0]["cells"]
    assert [cell["value"] for cell in cells] == found["value"].to_list()
    assert [cell["bounds"] for cell in cells] == found.select(low="least", high="most").to_dicts()
    with pytest.raises(InputError, match='measure: asks nothing; write "age by sex"'):
        town.measure()
    with pytest.raises(InputError, match=r'^"mean incom": no variable is called \'incom\'; did you mean \'income\'\?$'):
        town.measure("mean incom")


@pytest.mark.slow
def test_realism_against_real_records(town: Run) -> None:
    found = town.evaluate(REAL.drop("w"))
    assert found.frame["real"].to_list() == [120] and found.recovered == pytest.approx(found.frame["recovered"][0])
    assert found.pairs["first"].len() == 5 and repr(found).count("\n") < 10


@pytest.mark.slow
def test_realism_of_members(village: Run) -> None:
    homes = pl.DataFrame({"home_id": range(40), "tenure": ["owned", "rented"] * 20})
    persons = pl.DataFrame({"home_id": [*range(40), *range(40)], "role": ["head"] * 40 + ["other"] * 40, "age": [30, 70] * 40})
    found = village.evaluate({"home": homes, "person": persons})
    assert "home" in found.views or "person" in found.views
    with pytest.raises(InputError, match="no level is called 'house'; did you mean 'home'"):
        village.evaluate({"house": homes})


def test_tables_are_held_out_with_the_beliefs_of_the_run(town: Run) -> None:
    found = town.hold_out()
    assert [table.name for table in found.tables] == ["size by tenure"]
    assert found.frame["n_cells"].to_list() == [6] and repr(found).count("\n") < 10
    with pytest.raises(InputError, match="no target is called 'size'"):
        town.hold_out("size")


def test_tables_can_be_held_out_before_the_records_are_made() -> None:
    run = synthor.synthesize(synthor.parse_spec(TOWN), hold_out=["each"])
    assert run.held_out is not None and run.held_out.tables[0].name == "size by tenure"
    assert run.records.height == 100


@pytest.mark.slow
def test_draws_in_memory_tell_how_sure_an_answer_is(town: Run) -> None:
    draws = synthor.synthesize(synthor.parse_spec(TOWN), prior=BELIEVED).draws(2)
    assert len(draws) == 2 and all(run.records.height == 100 for run in draws)
    found = draws.measure("car by tenure")
    assert found.columns == ["car", "tenure", "value", "lowest", "highest", "mean", "sd", "least", "most"]
    assert draws.frame["met"].to_list() == [True, True]
    assert repr(draws).startswith("<2 Draws; ask them")
    with pytest.raises(InputError, match="0 draws cannot be made; ask for 1 to 999"):
        town.draws(0)


@pytest.mark.slow
def test_draws_go_by_the_beliefs_that_were_given_whatever_the_spec_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(synthor.Prior().to_json())
    (tmp_path / "spec.yaml").write_text(TOWN + "prior: [a.json, b.json]\n")
    spec = synthor.load_spec(tmp_path / "spec.yaml")
    for given in (BELIEVED, None):
        run = synthor.synthesize(spec, prior=given)
        apart = run.draws(1)[0].measure("car = 'yes' by tenure")["value"].to_list()
        assert (apart[0] > 0.7) == (given is not None)


@pytest.mark.slow
def test_draws_of_a_written_run_are_kept_beside_it_as_the_command_line_keeps_them(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(TOWN)
    told = CliRunner().invoke(app, ["run", str(spec), "--out", str(tmp_path / "out"), "--draws", "1"])
    assert told.exit_code == 0, told.output
    before = (tmp_path / "out" / "draws" / "001" / "draw.json").stat().st_mtime_ns
    run = synthor.open(tmp_path / "out")
    assert "lowest" in run.measure("car by tenure").columns
    draws = run.draws(2)
    assert (tmp_path / "out" / "draws" / "001" / "draw.json").stat().st_mtime_ns == before  # kept
    assert draws[1].folder == tmp_path / "out" / "draws" / "002" and len(draws[:1]) == 1


@pytest.mark.slow
def test_a_folder_opens_as_the_run_that_was_written(town: Run, tmp_path: Path) -> None:
    run = synthor.synthesize(synthor.parse_spec(TOWN), prior=BELIEVED)
    page = str(run.report())
    run.write(tmp_path / "out")
    assert run.folder == tmp_path / "out"
    again = synthor.open(tmp_path / "out")
    assert repr(again) == repr(run) and again._repr_html_() == run._repr_html_()
    assert again.records.equals(run.records) and again.targets.equals(run.targets)
    assert again.table("persons", "tenure").equals(run.table("persons", "tenure"))
    assert again.measure("mean income").equals(run.measure("mean income"))
    assert str(again.report()) == page == (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert again.hold_out().verdict == run.hold_out().verdict
    again.write(tmp_path / "again")
    assert pl.read_parquet(tmp_path / "again" / "records.parquet").equals(run.records)


@pytest.mark.slow
def test_a_folder_of_another_number_of_records_wants_as_many(tmp_path: Path) -> None:
    synthor.synthesize(synthor.parse_spec(TOWN)).write(tmp_path)
    assert CliRunner().invoke(app, ["sample", str(tmp_path), "-n", "200"]).exit_code == 0
    found = synthor.open(tmp_path).table("tenure")
    assert found.rows() == [("owned", 120, 120), ("rented", 80, 80)]


def test_a_folder_with_a_model_alone_opens_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(TOWN)
    assert CliRunner().invoke(app, ["fit", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out")]).exit_code == 0
    run = synthor.open(tmp_path / "out")
    assert repr(run).startswith("<Run of 'Homes of a town': no records yet>\nfit: converged; nothing is counted yet")
    assert "no records yet" in run._repr_html_()
    with pytest.raises(InputError, match=r"holds no records.parquet or records.csv; make them with `synthor sample`"):
        run.table("tenure")


def test_a_folder_without_a_run_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        synthor.open(tmp_path / "none")
    with pytest.raises(InputError, match=r"holds no model.json; name a folder that `synthor run`"):
        synthor.open(tmp_path)


@pytest.mark.slow
def test_what_is_missed_is_said_and_listed_first() -> None:
    spec = synthor.parse_spec("""
records: 10
variables: {a: {type: boolean}, b: {type: boolean}}
targets: [{counts: {a: {yes: 6, no: 4}}}, {table: [{a: yes, b: yes, count: 7}, {a: yes, b: no, count: 0},
          {a: no, b: yes, count: 3}, {a: no, b: no, count: 0}]}]
""")
    with pytest.raises(InputError):
        synthor.synthesize(spec)
    spec = synthor.parse_spec("""
records: 10
variables: {a: {type: boolean}, b: {type: boolean}}
rules: [{never: a and b}]
targets: [{counts: {a: {yes: 6, no: 4}}}, {counts: {b: {yes: 6, no: 4}}}]
""")
    run = synthor.synthesize(spec)
    assert "targets met: 1 of 2" in repr(run) or "targets met: 0 of 2" in repr(run)
    assert not all(run.targets["met"]) and "Not met" in repr(run) and repr(run).count("\n") < 10


def test_the_file_of_a_spec_is_enough(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(TOWN)
    run = synthor.synthesize(tmp_path / "spec.yaml")
    assert run.spec.file == tmp_path / "spec.yaml" and "spec" in run.inputs
    with pytest.raises(InputError, match=r"none.yaml: cannot be read"):
        synthor.synthesize("none.yaml")


@pytest.mark.slow
def test_what_is_noted_of_two_targets_of_one_file_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("tenure,ours,theirs\nowned,5,3\nrented,2,10\n")
    (tmp_path / "spec.yaml").write_text("""
records: 20
variables:
  tenure: {type: category, values: [owned, rented, free]}
  works: {type: category, values: [here, there]}
targets:
  - {where: works = 'here', table: t.csv, layout: {columns: {ours: count, theirs: null}}}
  - {where: works = 'there', table: t.csv, layout: {columns: {ours: null, theirs: count}}}
""")
    notes = synthor.synthesize(synthor.load_spec(tmp_path / "spec.yaml")).measurement.notes
    assert [note for note in notes if "has no row for free" in note] == [note for note in notes if "t.csv" in note][:1]
    assert len(set(notes)) == len(notes)
