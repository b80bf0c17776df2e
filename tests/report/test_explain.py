"""`synthor spec`: what a spec says in words, and the spec as it is understood."""

import json
from pathlib import Path

import pytest

from forked import synthor
from synthor import compile_problem, parse_spec
from synthor.problem import check
from synthor.report.explain import as_written, explain
from synthor.spec.dump import as_understood, to_yaml

ADULTS = """
title: Adults
records: 5000
columns: {AGEP: age}
labels: {sex: {M: male, F: female}}
variables:
  age: {type: integer, min: 0, max: 99, unit: years, bins: [0, 16, 30, 45, 65, 80]}
  sex: {type: category, values: [male, female], about: As registered.}
  works: {type: boolean}
  tenure: {type: category, values: [owned, "rented, furnished"]}
  income: {type: number, min: 0, max: 1000000, unit: USD/year, bins: [0, 20000, 50000], labels: [low, middle, high]}
targets:
  - {counts: {sex: {male: 2400, female: 2600}}, rounded_to: 5, as_of: 2021}
  - name: works by age
    table:
      - {age: 16-24, works: "yes", count: 300}
      - {age: 16-24, works: "no", count: 300}
      - {age: 25-64, works: "yes", count: 1500}
      - {age: 25-64, works: "no", count: 500}
    where: age >= 16
    groups: {age: {16-24: [16, 25], 25-64: [25, 65]}}
    margin_of_error: 12
  - {shares: {tenure: {owned: 33.3, "rented, furnished": 66.7}}, tolerance: {points: 0.5}}
  - {mean: income, value: 41200}
  - {quantiles: income, values: {0.25: 14000, 0.5: 30000}}
  - {counts: {works: {yes: 2500, no: 2500}}, tolerance: {relative: 1%}}
rules: [{never: "age < 15 and works = 'yes'", why: school}, {never: "age > 95 and works = 'yes'"}]
model: {name: "openai:gpt-5", requests: 40, usd: 5}
"""


def words(text: str, *, compiled: bool = True) -> str:
    """The explanation, lines run together."""
    spec = parse_spec(text)
    sections = explain(spec, compile_problem(spec) if compiled else None, check(spec))
    return " ".join(as_written(sections).split())


@pytest.mark.parametrize(
    "said",
    [
        "5,000 records of 'Adults', each with 5 variables.",
        "age: a whole number from 0 to 99 in years, in 6 bins: 0-15, 16-29, 30-44, 45-64, 65-79, 80+.",
        "sex: one of 2 categories: male, female. As registered.",
        "works: yes or no.",
        "tenure: one of 2 categories: owned; rented, furnished.",
        "in 3 bins: low (0 to 19,999.99); middle (20,000 to 49,999.99); high (50,000 to 1,000,000).",
        "sex: counts of records by sex, 2 cells, written in the spec (as of 2021). Each cell within 2.5 of the published "
        "figure, which was rounded to a multiple of 5.",
        "over the records with `age >= 16` alone. It counts 2,600 of the 5,000 records.",
        "Each cell within two standard deviations, that is 1.22 times its margin of error (14.59)",
        "Its labels of age are its own: 16-24 is 16 to 24, 25-64 is 25 to 64. They cut the bins of age at 25.",
        "Each cell within 0.5 percentage points of all records, that is 25 records.",
        "the mean of income, 41,200, written in the spec. Each value to the digits that were published, so within 0.5.",
        "25% have less than 14,000 and 50% have less than 30,000",
        "Each cell within 1% of itself: the largest, 2,500, within 25.",
        "'works by age' and 'works' both speak of works; where they overlap they must agree.",
        "In tables, a column called 'AGEP' is age. For sex, tables write 'M' for male, 'F' for female.",
        "Of 10 pairs of variables, 1 (age with works) stands in a table together. No table holds the other 9: beliefs decide",
        "`age < 15 and works = 'yes'`: school. `age > 95 and works = 'yes'`: no reason is given.",
        "From the language model openai:gpt-5, which is asked. It is asked no more after 40 requests or 5.00 USD",
        "random seed 0",
    ],
)
def test_everything_that_a_spec_asks_for_is_said_in_words(said: str) -> None:
    assert said in words(ADULTS)


def test_what_no_table_gives_is_named_and_who_decides_it() -> None:
    text = "{records: 9, variables: {car: {type: boolean}, dog: {type: boolean}}, targets: [{counts: {car: {yes: 4, no: 5}}}]}"
    assert "No table gives the shares of dog; their categories will come equally often" in words(text)
    assert "No table holds these together, so they will be independent of each other: car with dog." in words(text)
    believed = text.removesuffix("}") + ", prior: mine.json}"
    assert "No table gives the shares of dog; these are only believed." in words(believed)
    assert "From the file mine.json." in words(believed)


def test_a_variable_that_only_where_speaks_of_is_not_called_free() -> None:
    text = (
        "{records: 9, variables: {zone: {type: category, values: [a, b]}, car: {type: boolean}}, "
        "targets: [{counts: {zone: {a: 4, b: 5}}}, {where: not car, counts: {zone: {a: 1, b: 3}}}]}"
    )
    told = words(text)
    assert "Of car, tables tell only what `where` says; the rest is even." in told
    assert "No table gives the shares" not in told
    assert "car with zone" not in told
    assert "zone with car" not in told
    (warning,) = check(parse_spec(text))
    assert warning.where == "variables.car"
    assert "has no target but for `where`" in warning.message


def test_keys_of_a_table_s_layout_and_its_hidden_cells_are_told_from_the_spec_alone() -> None:
    text = """
    records: 9
    variables: {car: {type: boolean}, sex: {type: category, values: [male, female]}}
    targets: [{name: cars, table: cars.xlsx, suppressed: "<10", layout: {sheet: 2, wide: [sex], decimal: ","}}]
    """
    said = words(text, compiled=False)
    assert "Cells that are marked as suppressed are not told: each may be anything from 0 to less than 10." in said
    assert "It is read from sheet 2, with the labels of sex as column heads, with commas before decimals." in said
    assert "'cars' could not be read, so what is left open cannot be told for sure." in said


def test_flows_shares_by_and_caps_are_told() -> None:
    text = """
    records: 10
    variables: {a: {type: category, values: [x, y]}, b: {type: category, values: [x, y]}}
    targets:
      - {flows: [a, b], table: [{a: x, b: y, count: 4}, {a: y, b: x, count: 6}]}
      - {by: [a], table: [{a: x, b: x, share: 0}, {a: x, b: y, share: 100}, {a: y, b: x, share: 100}, {a: y, b: y, share: 0}]}
    method: incremental
    model: {name: "replay:answers.jsonl"}
    """
    said = words(text)
    assert "how many records go from a to b (none occurs that is not listed), 2 cells" in said
    assert "shares of b for each a, 4 values" in said
    assert "From the answers of a model that were recorded in answers.jsonl; no model is asked." in said
    assert "nothing pulls them onto the tables (method: incremental)" in said


def test_a_method_that_takes_a_model_at_its_word_is_told_to_have_none() -> None:
    text = "{records: 3, variables: {a: {type: boolean}}, targets: [{counts: {a: {yes: 2, no: 1}}}], method: direct}"
    assert "so that the records meet them (method: calibrated)" in words(text)
    (told,) = (finding for finding in check(parse_spec(text)) if finding.where == "method")
    assert (told.severity, told.message) == (
        "warning",
        "`direct` takes a model at its word, and none is asked: records are made as by `calibrated`",
    )


@pytest.mark.parametrize("text", [ADULTS, "{records: 3, variables: {age: {type: integer, min: 0, max: 3}}}"])
def test_a_spec_as_it_is_understood_reads_as_the_same_spec(text: str) -> None:
    spec = parse_spec(text)
    printed = to_yaml(spec)
    again = parse_spec(printed)
    assert to_yaml(again) == printed
    before, after = compile_problem(spec), compile_problem(again)
    assert [target.wanted.tolist() for target in before.targets] == [target.wanted.tolist() for target in after.targets]
    assert [variable.labels for variable in before.schema.unit.variables] == [v.labels for v in after.schema.unit.variables]


@pytest.mark.parametrize("label", ["no", "1e5", "007", "12:30", "~", "0x1f", "a: b", "- x", "=", "1_000", "2021-01-01", "é\n"])
def test_a_label_stays_the_text_that_it_is(label: str) -> None:
    spec = parse_spec(json.dumps({"records": 1, "variables": {"v": {"type": "category", "values": [label, "other"]}}}))
    assert parse_spec(to_yaml(spec)).variables == spec.variables


def test_defaults_are_filled_in() -> None:
    document = as_understood(parse_spec("{records: 3, variables: {age: {type: integer, min: 0, max: 2}}}"))
    assert document["variables"]["age"]["labels"] == ["0", "1", "2+"] or document["variables"]["age"]["labels"] == [
        "0",
        "1",
        "2",
    ]
    assert document["method"] == "calibrated"


@pytest.mark.slow
def test_a_spec_whose_tables_are_wrong_is_explained_and_the_problems_are_told(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(ADULTS.replace("male: 2400", "mail: 2400"))
    done = synthor("spec", tmp_path / "spec.yaml", "--explain")
    assert done.returncode == 0, done.stderr
    assert "sex: counts of records by sex, written in the spec" in done.stdout
    assert "error: targets[0], row 1: 'mail' is no label of sex; did you mean 'male'?" in done.stdout
    as_json = json.loads(synthor("spec", tmp_path / "spec.yaml", "--explain", "--json").stdout)
    assert [section["heading"] for section in as_json["sections"]][:2] == ["What is made", "Variables (5)"]


@pytest.mark.slow
def test_the_spec_itself_is_printed_as_yaml_or_json(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(ADULTS)
    assert parse_spec(synthor("spec", tmp_path / "spec.yaml").stdout).records == 5000
    assert json.loads(synthor("spec", tmp_path / "spec.yaml", "--json").stdout)["random_seed"] == 0


def test_columns_that_are_left_out_are_said_to_be() -> None:
    spec = parse_spec(
        "{records: 9, variables: {car: {type: boolean}}, columns: {Notes: null}, "
        "targets: [{table: [{car: yes, count: 8, Notes: a}, {car: no, count: 1, Notes: b}]}]}"
    )
    lines = [line for section in explain(spec) for line in section.lines]
    assert any("In tables, a column called 'Notes' is left out." in line for line in lines)


def test_a_spec_with_members_and_a_mistake_is_not_said_to_count_records(tmp_path: Path) -> None:
    text = """
unit: school
records: 40
variables:
  kind: {type: category, values: [primary, secondary]}
members:
  pupil:
    number: {min: 5, max: 25}
    variables:
      sex: {type: category, values: [f, m]}
targets:
  - {counts: {kind: {primary: 25, secondary: 15}}}
  - {counts: {sex: {f: 300, m: 310}}, tolerance: {points: 2}}
  - {rows: pupil, count: 610}
"""
    said = as_written(explain(parse_spec(text + "  - {counts: {size: {1: 3}}}\n")))
    assert "sex: counts of rows by sex, written in the spec. Each cell within 2 percentage points of all rows." in " ".join(
        said.split()
    )
    assert "counts of rows of 'pupil'" in said
    assert "a table counts all rows of its level" in " ".join(said.split())
    assert "counts of records" not in said
    understood = as_written(explain(parse_spec(text), compile_problem(parse_spec(text))))
    assert "sex: counts of rows of 'pupil' by sex" in understood


def test_of_what_follows_from_nobody_its_category_is_told() -> None:
    told = " ".join(as_written(explain(parse_spec("""
unit: home
records: 4
variables:
  oldest: {from: max(person.age)}
  eldest_child: {from: "max(person.age, age < 18)", bins: [0, 6]}
  head_age: {from: head.age}
  persons: {from: count(person)}
members:
  person:
    number: {min: 0, max: 3}
    role: who
    roles: {head: {max: 1}}
    variables:
      who: {type: category, values: [head, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18]}
"""))).split())  # fmt: skip
    assert "oldest: a whole number from 0 to 99, in 2 bins: 0-17, 18+; 'none' where there is no person, follows" in told
    assert "0-5, 6+; 'none' where there is no such person, follows from members: `max(person.age, age < 18)`" in told
    assert "head_age: a whole number from 0 to 99, in 2 bins: 0-17, 18+; 'none' where there is no head, follows" in told
    assert "each value by itself, follows from members: `count(person)`" in told
