"""`check --fix-labels`: what labels and columns can only have meant, written into a copy of the spec."""

import json
from pathlib import Path

import pytest

from forked import synthor
from synthor import check, load_spec, parse_spec
from synthor.reconcile import Copy, corrected

SPEC = """records: 1000
variables:
  sex: {type: category, values: [male, female]}
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  tenure: {type: category, values: [owned, private rent, social rent]}
"""


def copy_of(text: str, folder: Path = Path()) -> Copy:
    return corrected(parse_spec(SPEC + text).placed_in(folder), SPEC + text, "spec.yaml", names=True, tables=False)


def said(text: str, folder: Path = Path()) -> tuple[list[str], list[str]]:
    """What was guessed, and what was left."""
    copy = copy_of(text, folder)
    return [str(guess) for guess in copy.guesses], [str(guess) for guess in copy.left]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "sex.csv").write_text("sex,count\nMales,489\nFemales,511\n", encoding="utf-8")
    (tmp_path / "wide.csv").write_text(
        "Tenrue,Mael,Femael\nOwnd,300,200\nPrivat rent,189,211\nSocial rent,0,100\n", encoding="utf-8"
    )
    labels = "labels:\n  sex:  # as we know them\n    F: female\n"
    text = SPEC + labels + "targets:  # published\n  - {table: sex.csv}\n  - {table: wide.csv}\n"
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "spec.yaml"


@pytest.mark.slow
def test_a_copy_says_what_labels_and_columns_mean(spec: Path) -> None:
    before = {path: path.read_bytes() for path in spec.parent.iterdir()}
    done = synthor("check", spec, "--fix-labels")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[:2] == [
        "sex: Males -> male (nearest of 2, 0.89)",
        "sex: Females -> female (nearest of 2, 0.92)",
    ]
    assert "column: Tenrue -> tenure (nearest of 5, 0.83)" in done.stdout
    assert "Your own files are as they were." in done.stdout
    assert {path: path.read_bytes() for path in before} == before
    copy = spec.with_name("spec.fixed.yaml")
    assert [finding for finding in check(load_spec(copy)) if finding.severity == "error"] == []
    text = copy.read_text(encoding="utf-8")
    assert "sex:  # as we know them\n" in text
    assert "targets:  # published\n" in text
    assert load_spec(copy).labels["sex"] == {
        "Femael": "female",
        "Mael": "male",
        "Females": "female",
        "Males": "male",
        "F": "female",
    }


@pytest.mark.slow
def test_json_tells_what_was_done(spec: Path) -> None:
    made = json.loads(synthor("check", spec, "--fix-labels", "--reconcile", "--json").stdout)
    assert made["ok"]
    assert made["names"][0] == {
        "kind": "label", "variable": "sex", "told": "Males", "meant": "male", "n_choices": 2, "ratio": pytest.approx(8 / 9),
        "where": "sex.csv", "left": "",
    }  # fmt: skip
    assert [Path(name).name for name in made["written"]] == ["spec.fixed.yaml"]


@pytest.mark.slow
def test_both_flags_make_one_copy(spec: Path) -> None:
    (spec.parent / "sex.csv").write_text("sex,count\nMales,486\nFemales,511\n", encoding="utf-8")
    done = synthor("check", spec, "--fix-labels", "--reconcile")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in spec.parent.glob("spec.*.yaml")) == ["spec.reconciled.yaml"]
    text = spec.with_name("spec.reconciled.yaml").read_text(encoding="utf-8")
    assert text.startswith("# Written by `synthor check spec.yaml --reconcile --fix-labels`;")
    assert '"Males": "male"' in text


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ("tenure: {owned: 500, ia rent: 500}", "'social rent' is hardly nearer than the next"),
        ("tenure: {owned: 500, private rent: 300, privat rent: 200}", "'private rent' is nearest, but it is there already"),
        ("tenure: {ownd: 500, owneds: 500}", "'owned' is nearest to several"),
        ("tenure: {zebra: 1000}", "nothing is near"),
    ],
)
def test_what_is_not_sure_is_left_to_a_person(counts: str, why: str) -> None:
    sure, left = said(f"targets: [{{counts: {{{counts}}}}}]")
    assert not sure
    assert left
    assert not copy_of(f"targets: [{{counts: {{{counts}}}}}]").files
    assert any(why in line for line in left)


def test_bands_of_numbers_are_never_guessed() -> None:
    sure, left = said("targets: [{counts: {age: {0-15: 190, '17': 150, '25': 530, 65+: 130}}}]")
    assert (sure, left) == ([], ["age: '17' in targets[0] is left to you: bands of numbers are not guessed"])


def test_what_other_tables_mean_otherwise_is_left_to_a_person() -> None:
    text = """targets:
  - name: a
    groups: {tenure: {owner: [owned], rents: [private rent, social rent]}}
    counts: {tenure: {owners: 500, rents: 500}}
  - {name: b, counts: {tenure: {owners: 500, private rent: 300, social rent: 200}}}
"""
    sure, left = said(text)
    assert not sure
    assert left[0].endswith("other tables mean owned by it")


@pytest.mark.slow
def test_entries_are_put_where_there_are_none_yet_whatever_the_style() -> None:
    target = "{counts: {sex: {Males: 489, Females: 511}}}"
    for text in (
        f"targets: [{target}]",
        f"targets: [{target}]\n# the end",
        f"labels: {{}}\ntargets: [{target}]\n",
        f"labels: {{sex: {{}}}}\ntargets: [{target}]",
        f"labels: {{tenure: {{own: owned}}}}\ntargets: [{target}]",
        f"labels:\n  sex: {{M: male}}\n\n\ntargets:\n- {target}",
    ):
        made = copy_of(text).files["spec.fixed.yaml"]
        assert parse_spec(made).labels["sex"].items() >= {"Males": "male", "Females": "female"}.items()
        assert not [finding for finding in check(parse_spec(made)) if finding.severity == "error"]
    flow = (
        "{records: 1, variables: {car: {type: boolean}, sex: {type: category, values: [male, female]}}, "
        + f"targets: [{target}]}}"
    )
    copy = corrected(parse_spec(flow), flow, "spec.yaml", names=True, tables=False)
    assert parse_spec(copy.files["spec.fixed.yaml"]).labels == {"sex": {"Males": "male", "Females": "female"}}


HOMES = """unit: home
records: 200
variables:
  tenure: {type: category, values: [owned, rented]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    pairs: {couple: [head, partner]}
    variables:
      role: {type: category, values: [head, partner, child]}
      work: {type: category, values: [employed, unemployed, inactive]}
"""


def test_names_in_tables_of_members_and_of_pairs_are_guessed_too(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "rol,wrk,count\nHeads,Employd,150\nHeads,inactive,50\npartner,Employd,60\n", encoding="utf-8"
    )
    (tmp_path / "couples.csv").write_text("his,hers,count\nemployd,employed,40\n", encoding="utf-8")
    text = (
        HOMES
        + "targets:\n  - {counts: {tenure: {owned: 120, rentd: 80}}}\n  - {table: people.csv}\n"
        + "  - {pairs: couple, table: couples.csv, layout: {columns: {his: head.work, hers: partner.work}}}\n"
    )
    copy = corrected(parse_spec(text).placed_in(tmp_path), text, "spec.yaml", names=True, tables=False)
    assert [str(guess).split(" (")[0] for guess in copy.guesses] == [
        "tenure: rentd -> rented",
        "column: rol -> role",
        "column: wrk -> work",
        "role: Heads -> head",
        "work: Employd -> employed",
        "head.work: employd -> employed",
    ]
    assert copy.left == ()
    fixed = parse_spec(copy.files[copy.name]).placed_in(tmp_path)
    assert [finding for finding in check(fixed) if finding.severity == "error"] == []
