"""`check --reconcile`: tables rescaled onto each other, in a copy, and nothing of the user's touched."""

import csv
import itertools
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forked import synthor
from synthor import check, load_spec, parse_spec, synthesize
from synthor.problem import statements
from synthor.reconcile import Copy, corrected
from synthor.store.fresh import fresh

VARIABLES = """# our survey
records: 1000   # by the census
variables:
  sex: {type: category, values: [male, female]}
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  answer: {type: category, values: [no, yes, on]}
targets:
"""
AGE = "{name: ages, counts: {age: {0-15: 190, 16-24: 150, 25-64: 530, 65+: 130}}}"


def copy_of(targets: str, folder: Path = Path()) -> Copy:
    text = VARIABLES + targets
    return corrected(parse_spec(text).placed_in(folder), text, "spec.yaml", names=False, tables=True)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def refusal(targets: str) -> str:
    copy = copy_of(targets)
    assert not copy.files
    (finding,) = copy.refused
    return str(finding)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "sex.csv").write_text("Sex,0-15,16-24,25-64,65+\nmale,100,80,258,50\nfemale,90,72,269,80\n", encoding="utf-8")
    sexes = "  - name: sexes  # the survey\n    table: sex.csv\n    layout:\n      wide: [age]\n    # end\n"
    targets = f"  - {AGE}  # the census\n{sexes}"
    answers = "  - counts:\n      answer: {no: 400, yes: 500, on: 98}\n"
    (tmp_path / "spec.yaml").write_text(VARIABLES + targets + answers, encoding="utf-8")
    return tmp_path / "spec.yaml"


@pytest.mark.slow
def test_a_copy_is_written_that_agrees_and_says_what_was_changed(spec: Path) -> None:
    before = {path: path.read_bytes() for path in spec.parent.iterdir()}
    done = synthor("check", spec, "--reconcile")
    assert done.returncode == 0, done.stdout + done.stderr
    copy = spec.with_name("spec.reconciled.yaml")
    assert f"Go on with: synthor run {copy} --out DIR" in done.stdout
    assert {path: path.read_bytes() for path in before} == before
    assert [f for f in check(load_spec(copy)) if f.severity == "error"] == []
    text = copy.read_text(encoding="utf-8")
    assert text == (
        "# Written by `synthor check spec.yaml --reconcile`; spec.yaml itself is unchanged.\n"
        + VARIABLES
        + f"  - {AGE}  # the census\n  - name: sexes  # the survey\n"
        + '    table: "reconciled/sexes.csv"\n    layout:\n      {}\n'
        + '    # end\n  - table: "reconciled/answer.csv"\n'
    )
    changes = rows((spec.parent / "reconciled" / "changes.csv").read_text(encoding="utf-8"))
    assert changes[0] == ["table", "cell", "before", "after", "why"]
    assert {row[0] for row in changes[1:]} == {"sexes", "answer"}
    assert all(row[2] != row[3] and row[4].startswith("fitted to ") for row in changes[1:])
    answers = rows((spec.parent / "reconciled" / "answer.csv").read_text(encoding="utf-8"))
    assert [row[0] for row in answers] == ["answer", "no", "yes", "on"]  # words, not booleans
    assert sum(int(row[1]) for row in answers[1:]) == 1000


@pytest.mark.slow
def test_files_that_are_there_are_not_overwritten_unless_they_say_the_same(spec: Path) -> None:
    assert synthor("check", spec, "--reconcile").returncode == 0
    again = synthor("check", spec, "--reconcile", "--json")
    assert again.returncode == 0
    made = json.loads(again.stdout)
    assert [Path(name).name for name in made["written"]] == ["sexes.csv", "answer.csv", "changes.csv", "spec.reconciled.yaml"]
    mine = spec.parent / "reconciled" / "sexes.csv"
    mine.write_text("mine\n", encoding="utf-8")
    refused = synthor("check", spec, "--reconcile")
    assert refused.returncode == 2
    assert f"{mine}: is there already and is not overwritten; move it away or delete it, then try again" in refused.stdout
    assert mine.read_text(encoding="utf-8") == "mine\n"


@pytest.mark.slow
def test_nothing_to_do_is_said_and_nothing_written(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(VARIABLES + f"  - {AGE}\n", encoding="utf-8")
    done = synthor("check", tmp_path / "spec.yaml", "--reconcile")
    assert done.returncode == 0
    assert "Nothing to do; nothing was written." in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]


def test_the_newer_table_is_kept_then_the_one_that_says_records() -> None:
    old, new = "{male: 492, female: 508}", "{male: 489, female: 511}"
    text = f"  - {{name: a, as_of: 2011, counts: {{sex: {old}}}}}\n  - {{name: b, as_of: 2016-2020, counts: {{sex: {new}}}}}\n"
    (change,) = copy_of(text).changed
    assert (change.stated.target.name, change.after.tolist()) == ("a", [489, 511])
    text = text.replace("as_of: 2011, ", "").replace("as_of: 2016-2020, ", "").replace("492", "487")
    (change,) = copy_of(text).changed
    assert (change.stated.target.name, change.after.tolist(), change.why) == (
        "a",
        [489, 511],
        "fitted to the number of records, 'b'",
    )


def test_tables_of_a_part_of_the_records_agree_with_each_other() -> None:
    text = """
  - {name: a, where: age >= 16, counts: {sex: {male: 400, female: 410}}}
  - {name: b, where: age >= 16, counts: {answer: {no: 300, yes: 400, on: 105}}}
"""
    (change,) = copy_of(text).changed
    assert (change.stated.target.name, change.after.sum()) == ("b", 810)


def test_shares_give_way_as_counts_and_keep_their_rounding_otherwise() -> None:
    crossed = "{name: c, table: [%s]}"
    cells = [f"{{sex: {sex}, age: {age}, count: {n}}}" for sex, age, n in
             [("male", "0-15", 95), ("female", "0-15", 95), ("male", "16-24", 395), ("female", "16-24", 415)]]  # fmt: skip
    shares = "{name: s, shares: {sex: {male: %s, female: %s}}}"
    targets = f"  - {crossed % ', '.join(cells)}\n  - {shares}\n"
    assert not copy_of(targets % ("49", "51")).changed  # 490 of 1000
    (change,) = copy_of(targets % ("48.5", "51.5")).changed
    assert (change.stated.target.name, change.after.tolist()) == ("s", [490, 510])


def test_what_is_too_far_apart_is_refused_by_how_much() -> None:
    far = "  - {name: sexes, table: [{sex: male, age: 0-15, count: 240}, {sex: female, age: 25-64, count: 760}]}\n"
    assert refusal(f"  - {AGE}\n" + far).startswith("targets[1] (sexes): 'sexes' ")
    near = "  - {name: other, counts: {age: {0-15: 210, 16-24: 150, 25-64: 510, 65+: 130}}}\n"
    assert refusal(f"  - {AGE}\n" + near) == (
        "targets[1] (other): 'other' would have to move 20 of 1,000 records (2.0%) to agree with 'ages', more than the 10 "
        "allowed; see which of them is right; a `tolerance` of its own allows more"
    )
    loose = near.replace("name: other", "name: other, tolerance: {relative: 4%}")
    assert copy_of(f"  - {AGE}\n" + loose).changed[0].after.tolist() == [190, 150, 530, 130]


def test_tables_with_cells_that_are_not_told_are_left_to_a_person() -> None:
    table = "[{age: 0-15, count: 195}, {age: 16-24, count: '..'}, {age: 25-64, count: 530}, {age: 65+, count: '..'}]"
    assert "'part' has cells that are not told, and differs from 'ages'" in refusal(
        f"  - {AGE}\n  - {{name: part, table: {table}}}\n"
    )


def test_other_problems_come_first() -> None:
    other = "{name: x, counts: {age: {0-15: 191, 16-24: 150, 25-64: 529, 65+: 130}}}"
    text = f"  - {AGE}\n  - {other}\n  - {{counts: {{sex: {{mael: 1}}}}}}\n"
    assert "1 problem is no disagreement of tables" in refusal(text)


def test_targets_that_share_their_text_are_not_changed() -> None:
    text = VARIABLES + "  - {name: a, counts: &c {sex: {male: 487, female: 510}}}\n  - {name: b, counts: *c}\n"
    with pytest.raises(Exception, match="cannot be told apart in the text; write them out without anchors"):
        corrected(parse_spec(text), text, "spec.yaml", names=False, tables=True)


# --- Whatever the noise ---------------------------------------------------------------------------------------------------

LEVELS = """
records: %d
variables:
  a: {type: category, values: [p, q, r]}
  b: {type: integer, min: 0, max: 99, bins: [0, 10, 40, 70]}
  c: {type: boolean}
  d: {type: category, values: [x, y]}
"""
LABELS = (("p", "q", "r"), ("0-9", "10-39", "40-69", "70+"), ("no", "yes"), ("x", "y"))


def noisy(codes: np.ndarray, sides: tuple[int, ...], random: np.random.Generator, noise: float) -> np.ndarray:
    """A table of some variables, off by a share of its total."""
    shape = tuple(len(LABELS[side]) for side in sides)
    counts = np.bincount(np.ravel_multi_index(tuple(codes[:, sides].T), shape), minlength=int(np.prod(shape)))
    for _ in range(int(noise * len(codes))):
        counts[random.choice(np.flatnonzero(counts))] -= 1
        counts[random.integers(len(counts))] += random.integers(3) > 0
    return counts


def contradictory(seed: int, n: int) -> str:
    """A spec with five tables of one random population, each with noise of its own."""
    random = np.random.default_rng(seed)
    codes = np.column_stack([random.integers(len(labels), size=n) for labels in LABELS])
    codes[:, 2] = np.where(random.random(n) < 0.7, codes[:, 3], codes[:, 2])
    text = LEVELS % n + "targets:\n"
    for sides in ((0, 1), (1, 2), (0,), (2, 3), (0, 2, 3)):
        names = ["abcd"[side] for side in sides]
        cells = itertools.product(*(LABELS[side] for side in sides))
        table = [
            ", ".join(f"{name}: '{label}'" for name, label in zip((*names, "count"), (*cell, count), strict=True))
            for cell, count in zip(cells, noisy(codes, sides, random, 0.002), strict=True)
        ]
        text += f"  - {{name: {''.join(names)}, table: [{', '.join(f'{{{row}}}' for row in table)}]}}\n"
    return text


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), n=st.sampled_from([800, 3000]))
def test_noise_below_the_limit_is_reconciled_to_consistency(seed: int, n: int) -> None:
    text = contradictory(seed, n)
    copy = corrected(parse_spec(text), text, "spec.yaml", names=False, tables=True)
    assert not copy.refused
    with TemporaryDirectory() as folder:
        with fresh(Path(folder)) as target:
            target.write(copy.files)
        spec = parse_spec(copy.files.get(copy.name, text)).placed_in(Path(folder))
        assert [finding for finding in check(spec) if finding.severity == "error"] == []
        tables = statements(spec).tables
    assert all(stated.target.wanted.sum() == n and (stated.target.wanted >= 0).all() for stated in tables)


@pytest.mark.slow
def test_a_run_on_reconciled_noise_meets_every_table(tmp_path: Path) -> None:
    text = contradictory(1, 3000)
    copy = corrected(parse_spec(text), text, "spec.yaml", names=False, tables=True)
    assert len(copy.changed) >= 3
    with fresh(tmp_path) as target:
        target.write(copy.files)
    run = synthesize(load_spec(tmp_path / copy.name))
    assert run.measurement.met, run.verdict


@pytest.mark.slow
def test_a_run_on_reconciled_tables_meets_them_all(spec: Path) -> None:
    assert synthor("check", spec, "--reconcile").returncode == 0
    run = synthesize(load_spec(spec.with_name("spec.reconciled.yaml")))
    assert run.measurement.met, run.verdict
