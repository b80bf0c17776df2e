"""Some zones made anew: the others stay byte for byte, and what cannot be made up is told."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.cli.app import app

SPEC = """
unit: household
records: {records}
random_seed: 3
variables:
  size: {{type: integer, min: 1, max: 4, bins: [1, 2, 3, 4], from: count(person)}}
members:
  person:
    number: {{min: 1, max: 4}}
    variables:
      age: {{type: integer, min: 0, max: 95, bins: [0, 18, 65]}}
zones: {{key: taz, within: {{tract: {{"007": east, "08": east, b: west, c: west}}}}}}
targets:
- {{table: size.csv}}
- {{rows: person, table: age.csv}}
"""
SIZES = {"007": (30, 20, 10, 5), "08": (40, 30, 15, 10), "b": (35, 25, 15, 10), "c": (20, 20, 10, 5)}
AGES = {"east": (70, 180, 55), "west": (90, 150, 40)}


def written(folder: Path, sizes: Mapping[str, tuple[int, ...]], ages: Mapping[str, tuple[int, ...]]) -> Path:
    rows = "".join(f"{zone},{size},{n}\n" for zone, own in sizes.items() for size, n in enumerate(own, start=1))
    (folder / "size.csv").write_text(f"taz,size,count\n{rows}")
    labels = ("0-17", "18-64", "65-95")
    rows = "".join(f"{tract},{label},{n}\n" for tract, own in ages.items() for label, n in zip(labels, own, strict=True))
    (folder / "age.csv").write_text(f"tract,age,count\n{rows}")
    (folder / "spec.yaml").write_text(SPEC.format(records=sum(map(sum, sizes.values()))))
    return folder / "spec.yaml"


def said(done: Result) -> str:
    """What a command told, or was ended by."""
    return f"{done.output}{done.exception}"


def ran(*words: object) -> Result:
    return CliRunner().invoke(app, ["run", *map(str, words)])


def tables(out: Path) -> dict[str, pl.DataFrame]:
    parted = (out / "by_taz").is_dir()
    return {
        level: pl.read_parquet(out / ("by_taz" if parted else ".") / (f"{level}/*.parquet" if parted else f"{level}.parquet"))
        for level in ("household", "person")
    }


def of(records: dict[str, pl.DataFrame], zones: list[str], *, inside: bool) -> dict[str, pl.DataFrame]:
    here = pl.col("taz").cast(pl.String).is_in(zones)
    household = records["household"].filter(here if inside else ~here)
    person = records["person"].filter(pl.col("household_id").is_in(household["household_id"].implode()))
    return {"household": household.cast({"taz": pl.String, "tract": pl.String}), "person": person}


CHANGED = {**SIZES, "007": (28, 20, 10, 9), "08": (42, 30, 15, 6)}  # persons of the tract stay as many


@pytest.mark.slow
@pytest.mark.parametrize("partition", [[], ["--partition", "taz"]])
def test_other_zones_stay_and_tables_are_met(tmp_path: Path, partition: list[str]) -> None:
    out = tmp_path / "out"
    assert ran(written(tmp_path, SIZES, AGES), "--out", out, *partition).exit_code == 0
    before = tables(out)
    stamp = (out / "by_taz" / "person" / "c.parquet").stat() if partition else None
    done = ran(written(tmp_path, CHANGED, AGES), "--out", out, "--only-zones", "007,08")
    assert done.exit_code == 0, done.output
    assert "Only 2 zones made anew (007, 08)" in done.output
    after = tables(out)
    old, new = of(before, ["007", "08"], inside=False), of(after, ["007", "08"], inside=False)
    assert all(old[level].equals(new[level]) for level in old)
    if stamp is not None:
        assert (out / "by_taz" / "person" / "c.parquet").stat().st_mtime_ns == stamp.st_mtime_ns
    counted = after["household"].group_by(pl.col("taz").cast(pl.String), "size").len().sort("taz", "size")
    assert [tuple(counted.filter(taz=zone)["len"]) for zone in ("007", "08")] == [CHANGED["007"], CHANGED["08"]]
    for level in after:
        assert after[level][f"{level}_id"].is_unique().all()
    assert set(after["person"]["household_id"]) == set(after["household"]["household_id"])
    again = CliRunner().invoke(app, ["measure", str(out)])
    assert again.exit_code == 0, again.output


@pytest.mark.slow
def test_the_same_zones_again_are_the_same_bytes_and_one_file_stays_in_order(tmp_path: Path) -> None:
    spec, out = written(tmp_path, SIZES, AGES), tmp_path / "out"
    assert ran(spec, "--out", out).exit_code == 0
    every = []
    for _ in range(2):
        assert ran(spec, "--out", out, "--only-zones", "b").exit_code == 0
        records = tables(out)
        assert records["household"]["taz"].cast(pl.String).unique(maintain_order=True).to_list() == ["007", "08", "b", "c"]
        order = records["household"].with_row_index().select("household_id", "index")
        assert records["person"].join(order, on="household_id", maintain_order="left")["index"].is_sorted()
        every.append(((out / "household.parquet").read_bytes(), (out / "person.parquet").read_bytes()))
    assert every[0] == every[1]
    assert tables(out)["household"].height == 300


@pytest.mark.slow
def test_more_households_get_new_keys(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert ran(written(tmp_path, SIZES, AGES), "--out", out, "--format", "csv").exit_code == 0
    before = pl.read_csv(out / "household.csv", schema_overrides={"taz": pl.String})
    more, ages = {**SIZES, "c": (30, 20, 10, 5)}, {**AGES, "west": (90, 160, 40)}
    assert ran(written(tmp_path, more, ages), "--out", out, "--only-zones", "c").exit_code == 0
    after = pl.read_csv(out / "household.csv", schema_overrides={"taz": pl.String})
    assert before.filter(pl.col("taz") != "c").equals(after.filter(pl.col("taz") != "c"))
    assert after.height == 310
    assert set(before.filter(taz="c")["household_id"]) <= set(after.filter(taz="c")["household_id"])
    assert after["household_id"].is_unique().all()


@pytest.mark.slow
@pytest.mark.parametrize("partition", [[], ["--partition", "taz"]])
def test_nobody_stays_in_a_zone_that_is_to_be_empty(tmp_path: Path, partition: list[str]) -> None:
    out = tmp_path / "out"
    assert ran(written(tmp_path, SIZES, AGES), "--out", out, *partition).exit_code == 0
    empty = {**SIZES, "c": (0, 0, 0, 0)}
    done = ran(written(tmp_path, empty, {**AGES, "west": (60, 80, 30)}), "--out", out, "--only-zones", "c")
    assert "there is" not in done.output, done.output
    records = tables(out)
    assert records["household"].height == 245
    assert "c" not in records["household"]["taz"].cast(pl.String).unique().to_list()
    assert set(records["person"]["household_id"]) == set(records["household"]["household_id"])
    if partition:
        assert not (out / "by_taz" / "person" / "c.parquet").exists()
        assert "c.parquet" not in (out / "by_taz" / "parts.json").read_text()


@pytest.mark.slow
def test_what_the_others_leave_and_cannot_be_made_up_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert ran(written(tmp_path, SIZES, AGES), "--out", out).exit_code == 0
    ages = {**AGES, "west": (5, 235, 40)}  # more children live in the other zone of the tract already
    done = ran(written(tmp_path, SIZES, ages), "--out", out, "--only-zones", "c")
    assert done.exit_code == 1
    assert "cannot make up for the others: 'tract by age' (tract west, age 0-17) is to be 5 and is" in done.output


@pytest.mark.slow
def test_zones_that_are_not_there_and_folders_without_records_are_told(tmp_path: Path) -> None:
    spec, out = written(tmp_path, SIZES, AGES), tmp_path / "out"
    assert "no such folder" in said(ran(spec, "--out", out, "--only-zones", "c"))
    assert ran(spec, "--out", out).exit_code == 0
    assert "there is no zone '8'; did you mean '08'?" in said(ran(spec, "--out", out, "--only-zones", "8"))
    assert "it names no zone" in said(ran(spec, "--out", out, "--only-zones", ","))
    assert "leave --draws" in said(ran(spec, "--out", out, "--only-zones", "c", "--draws", 2))
    text = spec.read_text().replace("  size:", "  car: {type: boolean}\n  size:")
    spec.write_text(text)
    assert "car" in said(ran(spec, "--out", out, "--only-zones", "c"))
