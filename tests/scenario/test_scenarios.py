"""A scenario: some targets changed, others follow, beliefs stay, nobody is asked, and all of it is said."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from forked import synthor
from synthor import InputError, check, load_spec, parse_spec, synthesize
from synthor.problem import compile_problem
from synthor.scenario import applied
from synthor.spec.dump import to_yaml
from synthor.spec.model import Spec

TOWN = """
title: A small town
records: 1000
variables:
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65, 75]}
  sex: {type: category, values: [male, female]}
  car: {type: boolean}
  income: {type: number, min: 0, max: 100000, bins: [0, 20000, 50000]}
targets:
  - {name: ages, counts: {age: {0-17: 200, 18-64: 600, 65-74: 120, 75+: 80}}}
  - name: age by sex
    table: age_by_sex.csv
  - {name: cars, table: [{sex: male, car: yes, count: 300}, {sex: male, car: no, count: 187},
                         {sex: female, car: yes, count: 250}, {sex: female, car: no, count: 263}]}
  - {name: incomes, shares: {income: {0: 40, 20000: 40, 50000+: 20}}}
  - {name: mean income, mean: income, value: 31000}
"""
AGES = """age,sex,count
0-17,male,102
0-17,female,98
18-64,male,300
18-64,female,300
65-74,male,55
65-74,female,65
75+,male,30
75+,female,50
"""
BELIEFS = {
    "dependencies": [
        {"given": "sex", "of": "car", "rows": [[40, 60], [50, 50]]},
        {"given": "age", "of": "income", "rows": [[95, 4, 1], [30, 50, 20], [45, 40, 15], [55, 35, 10]]},
    ]
}
ZONED = """
records: 60
variables:
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 75]}
  car: {type: boolean}
zones: {key: taz, within: {tract: {a: "101", b: "101", c: "102", d: "103"}, county: {"101": north, "102": north, "103": south}}}
targets:
  - {name: ages, table: AGES}
  - {name: cars, table: [{tract: 101, car: yes, count: 12}, {tract: 101, car: no, count: 18}, {tract: 102, car: yes, count: 6},
                         {tract: 102, car: no, count: 9}, {tract: 103, car: yes, count: 5}, {tract: 103, car: no, count: 10}]}
  - {name: counties, table: [{county: north, count: 45}, {county: south, count: 15}]}
  - {name: all ages, counts: {age: {0-17: 12, 18-74: 36, 75+: 12}}}
"""


def town(folder: Path, text: str = TOWN, **keys: object) -> Spec:
    (folder / "age_by_sex.csv").write_text(AGES, encoding="utf-8")
    (folder / "prior.json").write_text(json.dumps(BELIEFS), encoding="utf-8")
    more = yaml.safe_dump(keys) if keys else ""
    (folder / "spec.yaml").write_text(text + more, encoding="utf-8")
    return load_spec(folder / "spec.yaml")


def zoned(folder: Path) -> Spec:
    rows = [
        {"taz": taz, "age": age, "count": count}
        for taz, counts in {"a": (3, 9, 3), "b": (3, 9, 3), "c": (3, 9, 3), "d": (3, 9, 3)}.items()
        for age, count in zip(("0-17", "18-74", "75+"), counts, strict=True)
    ]
    (folder / "zoned.yaml").write_text(ZONED.replace("AGES", json.dumps(rows)), encoding="utf-8")
    return load_spec(folder / "zoned.yaml")


def scenario(folder: Path, **keys: Any) -> Path:
    file = folder / "old.yaml"
    file.write_text(yaml.safe_dump(keys, sort_keys=False), encoding="utf-8")
    return file


def older(folder: Path, **keys: Any) -> Path:
    return scenario(folder, changes=[{"target": "ages", "where": "age >= 75", "change": "+20%"}], **keys)


def cells(spec: Spec, name: str) -> dict[tuple[str, ...], float]:
    target = next(one for one in compile_problem(spec).targets if one.name == name)
    return {tuple(target.labels(cell).values()): float(target.wanted[cell]) for cell in range(target.grid.size)}


def refusal(spec: Spec, file: Path) -> str:
    with pytest.raises(InputError) as caught:
        applied(spec, file)
    return str(caught.value)


def told(spec: Spec) -> str:
    return "\n".join(str(finding) for finding in check(spec))


def test_changed_cells_are_as_stated_and_every_other_table_follows(tmp_path: Path) -> None:
    found = applied(town(tmp_path), older(tmp_path))
    assert cells(found, "ages") == {("0-17",): 200, ("18-64",): 600, ("65-74",): 120, ("75+",): 96}
    assert found.records == 1016
    by_sex = cells(found, "age by sex")
    assert (by_sex["75+", "male"], by_sex["75+", "female"]) == (36, 60)
    assert all(by_sex[age, sex] == n for age, sex, n in (("0-17", "male", 102), ("65-74", "female", 65)))
    cars = cells(found, "cars")
    assert sum(cars.values()) == 1016
    assert sum(n for (sex, _), n in cars.items() if sex == "female") == 65 + 300 + 98 + 60
    assert not [finding for finding in check(found) if finding.severity == "error"]


@pytest.mark.slow
def test_what_was_changed_and_what_followed_is_said_by_check_run_and_report(tmp_path: Path) -> None:
    town(tmp_path, prior="prior.json")
    older(tmp_path, title="More old people")
    checked = synthor("check", tmp_path / "spec.yaml", "--scenario", tmp_path / "old.yaml")
    assert checked.returncode == 0
    for sentence in (
        "'ages': +20% in 1 cell where `age >= 75`, from 80 to 96.",
        "1,016 records are made, not 1,000.",
        "'age by sex' follows: beyond scaling, 15 (1.5%) change their cell.",
        "2 other targets stay as they are: incomes, mean income.",
        "nothing was asked",
    ):
        assert sentence in " ".join(checked.stdout.split())
    ran = synthor("run", tmp_path / "spec.yaml", "--scenario", tmp_path / "old.yaml", "--out", tmp_path / "old")
    assert ran.returncode == 0
    report = (tmp_path / "old" / "report.html").read_text(encoding="utf-8")
    assert "A small town: More old people" in report
    assert "from 80 to 96" in report
    manifest = json.loads((tmp_path / "old" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario"]["title"] == "More old people"
    assert {"scenario", "age_by_sex.csv", "prior.json"} <= manifest["inputs"].keys()
    assert manifest["usage"]["requests"] == 0
    measured = synthor("measure", tmp_path / "old")  # the folder alone still knows it
    assert "from 80 to 96" in " ".join(measured.stdout.split())


@pytest.mark.slow
def test_the_key_of_a_spec_does_the_same_as_the_option(tmp_path: Path) -> None:
    older(tmp_path)
    plain = applied(town(tmp_path), tmp_path / "old.yaml")
    keyed = applied(town(tmp_path, scenario="old.yaml"))
    assert cells(keyed, "age by sex") == cells(plain, "age by sex")
    run = synthesize(tmp_path / "spec.yaml")
    assert run.measurement.met
    assert run.records.height == 1016
    with pytest.raises(InputError, match=r"'old.yaml' is not applied here"):
        compile_problem(load_spec(tmp_path / "spec.yaml"))


@pytest.mark.slow
def test_beliefs_are_those_of_the_base_run_and_its_folder_is_safe(tmp_path: Path) -> None:
    spec = town(tmp_path, model={"name": "openai:gpt-5"})
    message = refusal(spec, older(tmp_path))
    assert "openai:gpt-5 would be asked" in message
    assert "`base: FOLDER`" in message
    base = synthor("run", tmp_path / "spec.yaml", "--prior", tmp_path / "prior.json", "--out", tmp_path / "base", "-q")
    assert base.returncode == 0
    older(tmp_path, base="base")
    before = {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()}
    refused = synthor("run", tmp_path / "spec.yaml", "--scenario", tmp_path / "old.yaml", "--out", tmp_path / "base")
    assert refused.returncode == 2
    assert "model.json, which this run reads and would write over" in refused.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()} == before
    ran = synthor("run", tmp_path / "spec.yaml", "--scenario", tmp_path / "old.yaml", "--out", tmp_path / "old")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "old" / "prior.json").read_bytes() == (tmp_path / "base" / "prior.json").read_bytes()
    assert "Beliefs are those that the run in base had" in " ".join(ran.stdout.split())
    inputs = json.loads((tmp_path / "old" / "manifest.json").read_text(encoding="utf-8"))["inputs"]
    assert {"base: model.json", "base: manifest.json"} <= inputs.keys()


def test_a_base_that_is_missing_or_of_another_spec_is_refused(tmp_path: Path) -> None:
    spec = town(tmp_path)
    assert "there is no folder 'elsewhere'" in refusal(spec, older(tmp_path, base="elsewhere"))
    (tmp_path / "empty").mkdir()
    assert "'empty' holds no prior.json" in refusal(spec, older(tmp_path, base="empty"))
    other = parse_spec("{records: 5, variables: {age: {type: boolean}, home: {type: boolean}}}")
    synthesize(other).write(tmp_path / "other")
    message = refusal(spec, older(tmp_path, base="other"))
    assert "was made from other variables: it differs in age, car, home, income, sex" in message


def test_a_number_of_records_that_is_given_lets_other_cells_give_way(tmp_path: Path) -> None:
    found = applied(town(tmp_path), older(tmp_path, records=1000))
    ages = cells(found, "ages")
    assert ages["75+",] == 96
    assert sum(ages.values()) == 1000 == found.records
    assert ages["18-64",] < 600
    assert "its other cells give way, from 920 to 904" in told(found)


def test_records_alone_scale_every_table(tmp_path: Path) -> None:
    found = applied(town(tmp_path), scenario(tmp_path, records=2000))
    assert cells(found, "ages") == {("0-17",): 400, ("18-64",): 1200, ("65-74",): 240, ("75+",): 160}
    assert "3 other tables keep their shares and were scaled to the new total of 2,000" in told(found)


def test_shares_grow_at_the_cost_of_the_others(tmp_path: Path) -> None:
    change = {"target": "incomes", "where": "income >= 50000", "share": "30%"}
    incomes = cells(applied(town(tmp_path), scenario(tmp_path, changes=[change])), "incomes")
    assert [round(value) for value in incomes.values()] == [350, 350, 300]
    change = {"target": "incomes", "where": "income >= 50000", "change": "+50%"}
    incomes = cells(applied(town(tmp_path), scenario(tmp_path, changes=[change])), "incomes")
    assert [round(value) for value in incomes.values()] == [350, 350, 300]


def test_means_and_other_tables(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "cars.csv").write_text("sex,car,count\nmale,yes,400\nmale,no,87\nfemale,yes,350\nfemale,no,163\n")
    changes = [
        {"target": "mean income", "change": "+10%"},
        {"target": "cars", "table": "cars.csv"},
        {"target": "incomes", "leave_out": True},
    ]
    file = tmp_path / "more" / "rich.yaml"
    file.write_text(yaml.safe_dump({"changes": changes}), encoding="utf-8")
    found = applied(town(tmp_path), file)
    assert [target.name for target in found.targets] == ["ages", "age by sex", "cars", "mean income"]
    assert cells(found, "mean income") == {(): 34100}
    assert cells(found, "cars")["male", "yes"] == 400
    assert cells(found, "ages")["75+",] == 80
    assert found.changed_by["scenario: cars.csv"] == tmp_path / "more" / "cars.csv"


@pytest.mark.slow
def test_a_population_grows_and_the_records_with_it(tmp_path: Path) -> None:
    text = TOWN.replace("records: 1000", "records: 500\npopulation: 1000")
    found = applied(town(tmp_path, text), older(tmp_path))
    assert (found.records, found.population) == (508, 1016)
    assert applied(town(tmp_path, text), older(tmp_path, records=300)).records == 300
    assert applied(town(tmp_path, text), older(tmp_path, population=1000)).population == 1000


@pytest.mark.slow
def test_margins_of_error_grow_with_their_cells(tmp_path: Path) -> None:
    text = (
        TOWN
        + "  - {name: survey, table: [{age: 0-64, count: 790, moe: 40}, {age: 65-74, count: 125, moe: 20},\n"
        + ("      {age: 75+, count: 84, moe: 10}], margin_of_error: moe}\n")
    )
    found = applied(town(tmp_path, text), older(tmp_path))
    survey = cells(found, "survey")
    assert survey["75+",] == pytest.approx(84 * 1.2)
    assert survey["0-64",] == pytest.approx(790)
    target = next(one for one in compile_problem(found).targets if one.name == "survey")
    assert target.sigma is not None
    assert target.sigma[2] / target.sigma[1] == pytest.approx(12 / 20)
    assert synthesize(found).measurement.met


@pytest.mark.slow
@pytest.mark.parametrize("where", ["age >= 75 and tract in ('101', '102')", "age >= 75 and county = 'north'"])
def test_a_change_in_larger_areas_of_a_table_by_zone(tmp_path: Path, where: str) -> None:
    change = {"target": "ages", "where": where, "change": "+100%"}
    found = applied(zoned(tmp_path), scenario(tmp_path, changes=[change]))
    ages = cells(found, "ages")
    assert [ages[taz, "75+"] for taz in "abcd"] == [6, 6, 6, 3]
    assert [ages[taz, "0-17"] for taz in "abcd"] == [3, 3, 3, 3]
    cars = cells(found, "cars")
    totals = [sum(n for (tract, _), n in cars.items() if tract == name) for name in ("101", "102", "103")]
    assert totals == [36, 18, 15]
    assert cells(found, "counties") == {("north",): 54, ("south",): 15}
    assert cells(found, "all ages") == {("0-17",): 12, ("18-74",): 36, ("75+",): 21}
    run = synthesize(found)
    assert run.measurement.met
    assert run.records.height == 69


@pytest.mark.slow
def test_a_change_of_a_table_of_larger_areas_reaches_the_zones(tmp_path: Path) -> None:
    change = {"target": "cars", "where": "tract = '102' and car = 'yes'", "change": 5}
    found = applied(zoned(tmp_path), scenario(tmp_path, changes=[change]))
    ages = cells(found, "ages")
    assert [sum(ages[taz, age] for age in ("0-17", "18-74", "75+")) for taz in "abcd"] == [15, 15, 20, 15]
    assert cells(found, "counties") == {("north",): 50, ("south",): 15}
    assert synthesize(found).measurement.met


@pytest.mark.slow
def test_members_follow_among_themselves_and_what_contradicts_their_units_is_told(tmp_path: Path) -> None:
    homes = """
unit: household
records: 60
variables:
  type: {type: category, values: [alone, couple]}
members:
  person:
    number: {min: 1, max: 2}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner]}
      age: {type: integer, min: 18, max: 99, bins: [18, 40, 65]}
      sex: {type: category, values: [male, female]}
targets:
  - {name: types, counts: {type: {alone: 30, couple: 30}}}
  - {name: ages, counts: {age: {18-39: 40, 40-64: 30, 65+: 20}}}
  - {name: sexes, rows: person, counts: {sex: {male: 45, female: 45}}}
rules:
  - {never: "type = 'alone' and count(partner) > 0"}
  - {never: "type = 'couple' and count(partner) < 1"}
"""
    (tmp_path / "homes.yaml").write_text(homes, encoding="utf-8")
    spec = load_spec(tmp_path / "homes.yaml")
    change = {"target": "ages", "where": "age >= 65", "count": 30}
    couples = {"target": "types", "where": "type = 'couple'", "count": 40}
    alone = {"target": "types", "where": "type = 'alone'", "count": 20}
    found = applied(spec, scenario(tmp_path, changes=[change, couples, alone]))
    assert sum(cells(found, "sexes").values()) == 100
    assert found.records == 60
    assert synthesize(found).measurement.met


def test_as_many_heads_as_households_stay_and_the_other_roles_follow_more_members(tmp_path: Path) -> None:
    homes = """
unit: household
records: 200
variables:
  tenure: {type: category, values: [owned, rented]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
      sex: {type: category, values: [male, female]}
targets:
  - {name: tenures, counts: {tenure: {owned: 120, rented: 80}}}
  - {name: ages, counts: {age: {0-17: 120, 18-64: 260, 65+: 80}}}
  - {name: roles, counts: {role: {head: 200, partner: 120, child: 140}}}
  - name: by tenure
    rows: person
    table:
      - {tenure: owned, role: head, count: 120}
      - {tenure: owned, role: partner, count: 80}
      - {tenure: owned, role: child, count: 90}
      - {tenure: rented, role: head, count: 80}
      - {tenure: rented, role: partner, count: 40}
      - {tenure: rented, role: child, count: 50}
"""
    (tmp_path / "homes.yaml").write_text(homes, encoding="utf-8")
    spec = load_spec(tmp_path / "homes.yaml")
    older = {"target": "ages", "where": "age >= 65", "change": "+20%"}
    found = applied(spec, scenario(tmp_path, changes=[older]))
    assert cells(found, "roles") == pytest.approx({("head",): 200, ("partner",): 120 * 276 / 260, ("child",): 140 * 276 / 260})
    heads = {of: n for of, n in cells(found, "by tenure").items() if "head" in of}
    assert heads == {("owned", "head"): 120, ("rented", "head"): 80}
    assert [finding for finding in check(found) if finding.severity == "error"] == []
    assert "'roles': as many of head as each household has; the others follow." in told(found)

    more = applied(spec, scenario(tmp_path, records=300, changes=[older]))
    assert cells(more, "roles")["head",] == pytest.approx(300)

    with pytest.raises(InputError) as refused:
        applied(spec, scenario(tmp_path, changes=[older], keep=["roles"]))
    assert "'roles' is kept and adds up to 460, and the scenario to 476; leave it out of `keep`" in str(refused.value)
    assert "records" not in str(refused.value).rpartition("476")[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{"target": "agez", "change": "+20%"}], "row 2: no target is called 'agez'; did you mean 'ages'?"),
        ([{"target": "ages", "where": "sex = 'male'", "change": "+20%"}], "speaks of sex, and 'ages' has no such column"),
        ([{"target": "age by sex", "where": "sex = 'men'", "change": "+20%"}], "'men'"),
        ([{"target": "ages", "where": "age >= 70", "change": "+20%"}], "cuts through the cell (65-74) of 'ages'"),
        ([{"target": "ages", "where": "age > 20 and age < 15", "change": "+20%"}], "holds in no cell of 'ages'"),
        ([{"target": "ages", "where": "age >= 75", "change": "-120%"}], "-120% of 80 leaves fewer than none in 'ages'"),
        ([{"target": "ages", "where": "age >= 75", "change": -81}], "-81 of 80 leaves fewer than none"),
        ([{"target": "ages", "where": "age >= 75", "change": "20%"}], "neither more nor less; write +20% or -20%"),
        ([{"target": "ages", "change": "a lot"}], "which is no growth"),
        ([{"target": "ages"}], "has none of change, count"),
        ([{"target": "ages", "change": "+2%", "count": 5}], "has change and count of"),
        ([{"target": "ages", "cange": "+2%"}], "unknown key 'cange'; did you mean 'change'?"),
        ([{"target": "incomes", "count": 5}], "is a table of shares, and a number of rows is none"),
        ([{"target": "incomes", "share": 0.3}], "share"),
        ([{"target": "ages", "share": "3%"}], "'ages' is a table of counts"),
        ([{"target": "mean income", "count": 5}], "'mean income' is a mean"),
        ([{"target": "ages", "value": 5}], "'ages' is a table of counts"),
        (
            [
                {"target": "ages", "where": "age >= 65", "change": "+2%"},
                {"target": "ages", "where": "age >= 75", "change": "+5%"},
            ],
            "an earlier change speaks of the cell (75+), too",
        ),
        ([{"target": "ages", "change": "+2%"}, {"target": "ages", "leave_out": True}], "keep one of these changes"),
        (
            [{"target": "ages", "change": "+2%"}, {"target": "cars", "change": "+5%"}],
            "'ages' comes to 1,020 now, and 'cars' to 1,050",
        ),
        (
            [{"target": "ages", "change": "+10%"}, {"target": "age by sex", "where": "age < 18", "change": 100}],
            "stand as the scenario has them and disagree on age",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_with_its_place_and_cure(
    tmp_path: Path, changes: list[dict[str, Any]], message: str
) -> None:
    told = refusal(town(tmp_path), scenario(tmp_path, changes=changes))
    assert message in told
    assert str(tmp_path / "old.yaml") in told


@pytest.mark.slow
def test_a_table_that_is_kept_must_agree(tmp_path: Path) -> None:
    assert "'cars' is kept and adds up to 1,000, and the scenario to 1,016" in refusal(
        town(tmp_path), older(tmp_path, keep=["cars"])
    )
    found = applied(town(tmp_path), older(tmp_path, keep=["cars"], records=1000))
    assert cells(found, "cars")["male", "yes"] == 300
    by_sex = cells(found, "age by sex")
    assert sum(n for (_, sex), n in by_sex.items() if sex == "male") == 487
    assert "keeps 'ages' and changes it" in refusal(town(tmp_path), older(tmp_path, keep=["ages"]))


HIDDEN = """  - name: hidden
    table: [{sex: male, age: 75+, count: '*'}, {sex: male, age: 0-74, count: 457}, {sex: female, age: 75+, count: '*'},
            {sex: female, age: 0-74, count: 463}]
    suppressed: "<90"
"""


@pytest.mark.slow
def test_cells_that_are_not_told_are_scaled_but_cannot_follow(tmp_path: Path) -> None:
    found = applied(town(tmp_path, TOWN + HIDDEN), scenario(tmp_path, records=2000))
    target = next(one for one in compile_problem(found).targets if one.name == "hidden")
    cell = next(cell for cell in range(target.grid.size) if target.labels(cell) == {"sex": "male", "age": "0-74"})
    assert target.wanted[cell] == 914
    assert target.bounds is not None
    most = {target.labels(cell)["age"]: high for cell, high in enumerate(target.bounds[1])}
    assert most["75+"] <= 180
    assert "4 other tables keep their shares and were scaled to the new total of 2,000" in told(found)
    assert synthesize(found).measurement.met
    men = [{"target": "cars", "where": "sex = 'male'", "change": "+20%"}]
    message = refusal(town(tmp_path, TOWN + HIDDEN), scenario(tmp_path, changes=men))
    assert "'hidden' has cells that are not told, so its cells cannot follow" in message
    assert "`leave_out: true`" in message


def test_files_that_are_no_scenario(tmp_path: Path) -> None:
    spec = town(tmp_path)
    assert "cannot be read" in refusal(spec, tmp_path / "none.yaml")
    assert "changes nothing" in refusal(spec, scenario(tmp_path, title="x"))
    (tmp_path / "bad.yaml").write_text("changes: [", encoding="utf-8")
    assert "is not YAML" in refusal(spec, tmp_path / "bad.yaml")
    (tmp_path / "bad.yaml").write_text("- 1", encoding="utf-8")
    assert "is not a mapping" in refusal(spec, tmp_path / "bad.yaml")
    assert "the spec has none" in refusal(spec, scenario(tmp_path, population=5))


def test_a_spec_in_a_scenario_reads_as_the_same_spec_again(tmp_path: Path) -> None:
    found = applied(town(tmp_path), older(tmp_path, title="More old people"))
    again = parse_spec(to_yaml(found)).placed_in(tmp_path)
    assert compile_problem(again).n_units == 1016
    assert "from 80 to 96" in told(again)


@pytest.mark.long
def test_tables_are_not_put_right_in_a_scenario(tmp_path: Path) -> None:
    town(tmp_path)
    older(tmp_path)
    done = synthor("check", tmp_path / "spec.yaml", "--scenario", tmp_path / "old.yaml", "--reconcile")
    assert done.returncode == 2
    assert "leave the scenario" in done.stdout


def test_a_scenario_in_the_spec_itself_is_sent_to_a_file() -> None:
    with pytest.raises(InputError, match=r"scenario, row 1: names no file; write the changes into a file of their own"):
        parse_spec("{records: 3, variables: {car: {type: boolean}}, scenario: {changes: [{target: cars, change: +5%}]}}")


def test_flows_between_many_places(tmp_path: Path) -> None:
    text = """
records: 100
variables: {home: {type: category, values: [a, b, c]}, work: {type: category, values: [a, b, c]}}
targets:
  - name: trips
    flows: [home, work]
    table: [{home: a, work: b, count: 40}, {home: b, work: c, count: 30}, {home: c, work: a, count: 30}]
  - {counts: {work: {a: 30, b: 40, c: 30}}}
"""
    (tmp_path / "trips.yaml").write_text(text, encoding="utf-8")
    change = {"target": "trips", "where": "home = 'a'", "change": "+50%"}
    found = applied(load_spec(tmp_path / "trips.yaml"), scenario(tmp_path, changes=[change]))
    assert cells(found, "trips")["a", "b"] == 60
    assert cells(found, "work") == {("a",): 30, ("b",): 60, ("c",): 30}
    assert synthesize(found).measurement.met


def test_names_made_from_variables_stay_when_others_are_left_out(tmp_path: Path) -> None:
    text = """
records: 10
variables: {car: {type: boolean}}
targets: [{counts: {car: {yes: 4, no: 6}}}, {shares: {car: {yes: 40, no: 60}}}]
"""
    (tmp_path / "cars.yaml").write_text(text, encoding="utf-8")
    found = applied(load_spec(tmp_path / "cars.yaml"), scenario(tmp_path, changes=[{"target": "car", "leave_out": True}]))
    assert [target.name for target in found.targets] == ["car (2)"]


@pytest.mark.slow
def test_a_run_made_in_python_can_be_run_again_from_its_folder(tmp_path: Path) -> None:
    town(tmp_path)
    text = TOWN.replace("age_by_sex.csv", str(tmp_path / "age_by_sex.csv"))
    older(tmp_path, title="More old people")
    run = synthesize(parse_spec(text), prior=tmp_path / "prior.json", scenario=tmp_path / "old.yaml")
    run.write(tmp_path / "old")
    again = synthor("run", tmp_path / "old" / "spec.yaml", "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "records.parquet").read_bytes() == (tmp_path / "old" / "records.parquet").read_bytes()
    assert "from 80 to 96" in " ".join(again.stdout.split())


@pytest.mark.slow
def test_nobody_is_asked_whatever_the_verb(tmp_path: Path) -> None:
    town(tmp_path, model={"name": "openai:gpt-5"}, scenario="old.yaml")
    older(tmp_path)
    for verb in (["run"], ["fit"], ["elicit"], ["estimate"], ["check"]):
        out = [] if verb[0] in ("estimate", "check") else ["--out", tmp_path / "out"]
        done = synthor(*verb, tmp_path / "spec.yaml", *out)
        assert done.returncode == 2
        assert "a scenario asks nobody" in " ".join((done.stdout + done.stderr).split())
    assert not (tmp_path / "out").exists()
    run = synthor("run", tmp_path / "spec.yaml", "--prior", tmp_path / "prior.json", "--out", tmp_path / "out")
    assert run.returncode == 0
    assert "Beliefs are those that were given" in " ".join(run.stdout.split())


@pytest.mark.slow
def test_shares_that_are_kept_are_of_as_many_records_as_there_are(tmp_path: Path) -> None:
    found = applied(town(tmp_path), older(tmp_path, keep=["incomes"]))
    assert [round(value) for value in cells(found, "incomes").values()] == [406, 406, 203]
    assert synthesize(found).measurement.met


@pytest.mark.slow
def test_a_table_with_a_tolerance_moves_others_no_further_than_it_must(tmp_path: Path) -> None:
    text = (
        TOWN + "  - {name: roughly, counts: {age: {0-17: 198, 18-64: 604, 65-74: 119, 75+: 79}}, tolerance: {relative: 3%}}\n"
    )
    change = {"target": "roughly", "where": "age >= 75", "change": "+20%"}
    found = applied(town(tmp_path, text), scenario(tmp_path, changes=[change]))
    ages = cells(found, "ages")
    assert sum(ages.values()) == found.records == 1016
    assert 79 * 1.2 * 0.97 <= ages["75+",] <= 79 * 1.2 * 1.03
    assert ages["0-17",] == pytest.approx(200, abs=4)
    assert synthesize(found).measurement.met


def test_figures_with_margins_of_error_lead_only_others_like_them(tmp_path: Path) -> None:
    survey = "{name: survey, table: [{age: 0-74, count: 915}, {age: 75+, count: 84}], margin_of_error: 10}"
    change = {"target": "survey", "where": "age >= 75", "change": "+20%"}
    message = refusal(town(tmp_path, TOWN + f"  - {survey}\n"), scenario(tmp_path, changes=[change]))
    assert "'survey' has margins of error, and 'ages' has none but shares a variable with it; change 'ages'" in message
    text = f"""
records: 1000
variables: {{age: {{type: integer, min: 0, max: 99, bins: [0, 75]}}, car: {{type: boolean}}}}
targets:
  - {survey}
  - name: other
    table: [{{age: 0-74, car: yes, count: 700}}, {{age: 0-74, car: no, count: 210}}, {{age: 75+, car: yes, count: 50}},
            {{age: 75+, car: no, count: 40}}]
    margin_of_error: 20
"""
    (tmp_path / "all.yaml").write_text(text, encoding="utf-8")
    found = applied(load_spec(tmp_path / "all.yaml"), scenario(tmp_path, changes=[change]))
    assert cells(found, "survey")["75+",] == 101
    assert cells(found, "other")["75+", "yes"] == pytest.approx(50 * 101 / 84)
    assert found.records == 1017


TIED = """
records: 77
random_seed: 1
variables:
  kind: {type: category, values: [couple, man alone, woman alone, others]}
  size: {type: integer, min: 1, max: 8, bins: [1, 2, 3]}
  tenure: {type: category, values: [owned, rented]}
rules:
  - {never: "kind in ('man alone', 'woman alone') and size > 1"}
  - {never: "kind not in ('man alone', 'woman alone') and size = 1"}
targets:
  - {counts: {kind: {couple: 28, man alone: 9, woman alone: 11, others: 29}}}
  - {counts: {size: {1: 20, 2: 20, 3+: 37}}}
  - {counts: {tenure: {owned: 46, rented: 31}}}
"""


@pytest.mark.parametrize("change", [6, 10, 14, 21])
def test_tables_that_rules_tie_to_each_other_still_agree(change: int, tmp_path: Path) -> None:
    more = {"changes": [{"target": "tenure", "where": "tenure = 'rented'", "change": change}]}
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(more), encoding="utf-8")
    made = synthesize(applied(parse_spec(TIED), tmp_path / "more.yaml"))
    assert made.measurement.met, made.measurement.verdict
    assert made.records.height == 77 + change
