"""Examples do what their README says: a copied folder, its commands, its pasted output."""

import json
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import polars as pl
import pytest

import forked

CENSUS = Path(__file__).parents[2] / "examples" / "census-tables"
README = (CENSUS / "README.md").read_text(encoding="utf-8")
ALONE, BELIEVED = (line for line in README.splitlines() if line.startswith("synthor run"))


def words(command: str) -> list[str]:
    return shlex.split(command, comments=True)[1:]


def synthor(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from synthor.cli import main; main()", *words(command)],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as a stranger copies it."""
    return Path(shutil.copytree(CENSUS, tmp_path_factory.mktemp("census") / "mine"))


@cache
def ran(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """One of the commands that make a population, once."""
    return synthor(folder, command) if command == BELIEVED else forked.synthor(*words(command), at=folder)


@pytest.mark.slow
def test_the_census_tables_pass_the_check(census: Path) -> None:
    done = forked.synthor("check", "spec.yaml", "--prior", "beliefs.json", at=census)
    assert done.returncode == 0, done.stdout
    *told, end = done.stdout.splitlines()
    assert [line for line in told if "population" not in line] == []
    assert end.startswith("No problems found")


@pytest.mark.slow
@pytest.mark.parametrize(("command", "out"), [(ALONE, "out"), (BELIEVED, "out-beliefs")])
def test_the_census_tables_are_met_by_the_commands_of_the_readme(command: str, out: str, census: Path) -> None:
    done = ran(census, command)
    assert done.returncode == 0, done.stderr
    assert "Met: 10,000 records add up to all 4 targets" in done.stdout
    records = pl.read_csv(census / out / "records.csv")
    assert records.columns == ["age", "sex", "education", "income"]
    assert records.height == 10_000
    assert records.filter(pl.col("sex") == "female").height in (5103, 5104)  # table 1: 128,050 of 250,896 thousand
    graduates = records.filter(pl.col("education") == "graduate")["income"]
    assert len(graduates) in (1485, 1486)  # table 3: 37,276 thousand
    withheld = (graduates < 25_000).sum(), graduates.is_between(25_000, 49_999).sum()
    assert max(withheld) <= 60  # fewer than 1,500 thousand each
    assert 78 <= sum(withheld) <= 83  # 2,015 thousand, what their total leaves: 80.3, and the rounding of the other four


@pytest.mark.slow
def test_with_the_beliefs_no_rule_is_broken_and_the_readme_shows_the_end(census: Path) -> None:
    done = ran(census, BELIEVED)
    records = pl.read_csv(census / "out-beliefs" / "records.csv")
    for rule in json.loads((census / "beliefs.json").read_text(encoding="utf-8"))["rules"]:
        assert records.sql(f"select * from self where {rule['never']}").is_empty()
    shown, _ = done.stdout.split("Look at ")
    assert shown in README
