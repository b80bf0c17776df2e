"""Real households with their persons, in a file a level: what they say of pairs is believed, and comes out."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthor import InputError, Prior, Run, load_spec, synthesize
from synthor.prior.survey import check_survey, with_survey
from synthor.problem import check, compile_problem

SPEC = """
unit: household
records: 600
variables:
  tenure: {type: category, values: [owned, rented]}
  children: {from: "count(person, age < 18)", bins: [0, 1, 2]}
  workers: {from: "count(person, work = 'yes')", bins: [0, 1, 2]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 40, 65]}
      work: {type: category, values: [no, yes]}
targets:
  - {counts: {tenure: {owned: 300, rented: 300}}}
  - {rows: person, counts: {role: {head: 600, partner: 350, child: 500}}}
  - {rows: person, counts: {work: {no: 800, yes: 650}}}
sample: {files: {household: homes.csv, person: people.csv}, key: hid, weight: w}
rules: [{never: "age < 18 and work = 'yes'"}, {never: "head.age < 18"}, {never: "partner.age < 18"}]
"""


def write_sample(folder: Path, n: int = 400) -> None:
    """Couples of an age, of whom both work or neither; those who own have no children. Persons stand in any order."""
    random = np.random.default_rng(1)
    homes, people = [], []
    for i in range(n):
        owned, age = random.random() < 0.5, int(random.integers(20, 90))
        working = "yes" if age < 65 and random.random() < 0.8 else "no"
        homes.append({"hid": f"h{i}", "tenure": "owned" if owned else "rented", "w": 1.0 + i % 3})
        people.append({"hid": f"h{i}", "role": "head", "age": age, "work": working})
        if random.random() < 0.6:
            people.append({"hid": f"h{i}", "role": "partner", "age": min(age + i % 3, 90), "work": working})
        if not owned:
            people += [{"hid": f"h{i}", "role": "child", "age": int(random.integers(0, 18)), "work": "no"}] * (1 + i % 2)
    pl.DataFrame(homes).write_csv(folder / "homes.csv")
    pl.DataFrame(people)[random.permutation(len(people))].write_csv(folder / "people.csv")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sample")
    write_sample(found)
    return found


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return synthesize(load_spec(folder / "spec.yaml"))


@pytest.mark.slow
def test_what_real_households_say_of_pairs_comes_out(run: Run) -> None:
    assert run.verdict.startswith("Met")
    homes, people = run.tables["household"], run.tables["person"]
    owners = homes.filter(pl.col("tenure") == "owned")
    assert float(np.mean(owners["children"].to_numpy() > 0)) < 0.05
    couples = people.filter(pl.col("role") == "head").join(
        people.filter(pl.col("role") == "partner"), on="household_id", suffix="_p"
    )
    assert float(np.mean((couples["work"] == couples["work_p"]).to_numpy())) > 0.93
    apart = np.abs(couples["age"].to_numpy() // 25 - couples["age_p"].to_numpy() // 25)
    assert float(np.mean(apart <= 1)) > 0.9


def test_what_follows_from_members_is_counted_of_the_sample(folder: Path) -> None:
    spec = load_spec(folder / "spec.yaml")
    prior = with_survey(Prior(), compile_problem(spec), spec)
    named = {frozenset((table.given, table.of)) for table in prior.dependencies}
    assert {frozenset(("tenure", "children")), frozenset(("head.work", "partner.work"))} <= named
    assert frozenset(("role", "age")) in named
    records = {table.records for table in prior.dependencies}
    assert len(records) == 1
    assert 300 < (next(iter(records)) or 0) < 400  # Kish's, of weights 1, 2 and 3
    told = {marginal.of: marginal.percent for marginal in prior.marginals}
    assert "tenure" not in told  # a target tells it
    assert told["head.age"][0] == 0.0


def test_a_second_reading_replaces_the_first(folder: Path) -> None:
    spec = load_spec(folder / "spec.yaml")
    problem = compile_problem(spec)
    once = with_survey(Prior(), problem, spec)
    assert with_survey(once, problem, spec) == once


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("homes.csv", ("h7,", "h8,"), "1 of 400 rows have no 'hid' of their own"),
        ("people.csv", ("h7,", "x7,"), "rows have a 'hid' that homes.csv has not"),
        ("people.csv", ("head", "chief"), "chief"),
        ("homes.csv", ("hid,tenure,w", "hid,tenure,weight"), "has no column 'w', which weight names"),
        ("people.csv", ("hid,", "id,"), "has no column 'hid', which key names"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_the_file(
    file: str, change: tuple[str, str], told: str, folder: Path, tmp_path: Path
) -> None:
    for name in ("homes.csv", "people.csv", "spec.yaml"):
        text = (folder / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(*change) if name == file else text, encoding="utf-8")
    with pytest.raises(InputError, match=told) as caught:
        synthesize(load_spec(tmp_path / "spec.yaml"))
    assert any(finding.where.startswith(file) for finding in caught.value.findings)


def test_a_sample_of_households_alone_and_files_of_what_lies_deeper(folder: Path, tmp_path: Path) -> None:
    for name in ("homes.csv", "people.csv"):
        (tmp_path / name).write_text((folder / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(SPEC.replace(", person: people.csv}, key: hid", "}"), encoding="utf-8")
    spec = load_spec(tmp_path / "spec.yaml")
    assert not with_survey(Prior(), compile_problem(spec), spec).dependencies  # one variable of households alone
    deeper = SPEC.replace("    role: role\n", "    members: {trip: {variables: {mode: {type: boolean}}}}\n    role: role\n")
    (tmp_path / "spec.yaml").write_text(deeper.replace("person: people.csv", "trip: people.csv"), encoding="utf-8")
    with pytest.raises(InputError, match="lies below 'person'"):
        synthesize(load_spec(tmp_path / "spec.yaml"))


def small_sample(folder: Path, homes: str, people: str) -> list[str]:
    """What is told of a sample of a few households: `id tenure` and `id role age`, between slashes."""
    for name, head, rows in (("homes.csv", "hid,tenure,w", homes), ("people.csv", "hid,role,age", people)):
        lines = [",".join(row.split()) + (",1" if name == "homes.csv" else "") for row in rows.split("/")]
        (folder / name).write_text("\n".join([head, *lines]), encoding="utf-8")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    spec = load_spec(folder / "spec.yaml")
    assert not [finding for finding in check(spec) if finding.severity == "error"]
    return [finding.message for finding in check_survey(compile_problem(spec), spec)]


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ("a head 30/a head 80/a partner 80/b head 40", "1 of 2 sample records have `count(head) <> 1`, which `roles` does not"),
        ("a partner 80/b head 40", "1 of 2 sample records have `count(head) <> 1`, which `roles` does not"),
        (
            "a head 30/a partner 20/a partner 50/b head 40",
            "1 of 2 sample records have `count(partner) > 1`, which `roles` does not",
        ),
        (
            "a head 30" + "/a child 9" * 6 + "/b head 40",
            "1 of 2 sample records have `count(person) > 6`, which `number` does not",
        ),
    ],
)
def test_a_household_with_members_that_the_spec_does_not_allow_is_left_out_and_told(
    people: str, told: str, tmp_path: Path
) -> None:
    assert [message for message in small_sample(tmp_path, "a owned/b rented", people) if told in message]
    spec = load_spec(tmp_path / "spec.yaml")
    prior = with_survey(Prior(), compile_problem(spec), spec)
    assert {marginal.of: marginal.percent for marginal in prior.marginals}["head.age"] == [0, 0, 100, 0]  # that of b alone
    assert told in " ".join(prior.survey or [])


def test_a_sample_without_roles_says_nothing_of_their_numbers(tmp_path: Path) -> None:
    small_sample(tmp_path, "a owned/b rented", "a head 30/b head 40")
    people = (tmp_path / "people.csv").read_text(encoding="utf-8").replace("role", "position")
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    spec = load_spec(tmp_path / "spec.yaml")
    assert with_survey(Prior(), compile_problem(spec), spec).survey is None
