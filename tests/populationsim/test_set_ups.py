"""`synthor init --from-populationsim`: small set-ups, as a user would draft, check and run them."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from forked import synthor
from set_ups import CONTROLS, CROSSWALK, SETTINGS, TAZ, TRACT, flat, set_up
from synthor import check, load_spec
from synthor.spec.model import Spec
from synthor.spec.variables import Category, Integer


def drafted(folder: Path, to: Path) -> Spec:
    done = synthor("init", "--from-populationsim", folder, to)
    assert done.returncode == 0, done.stderr
    return load_spec(to / "spec.yaml")


def refused(folder: Path, to: Path) -> str:
    done = synthor("init", "--from-populationsim", folder, to)
    assert done.returncode == 2
    assert not to.exists()
    return done.stderr


def header(to: Path) -> str:
    """What a draft says at its top, on one line."""
    lines = (to / "spec.yaml").read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))


def table(to: Path, name: str) -> list[tuple[object, ...]]:
    return pl.read_csv(to / "tables" / name, infer_schema=False).rows()


@pytest.mark.slow
def test_a_set_up_of_households_becomes_a_spec_that_is_checked_and_run(tmp_path: Path) -> None:
    spec = drafted(set_up(tmp_path / "in"), tmp_path / "to")
    assert spec.records == 36
    assert spec.zones is not None
    assert spec.zones.levels == ("TAZ", "TRACT")
    size, kind = spec.variables["NP"], spec.variables["HTYPE"]
    assert isinstance(size, Integer)
    assert (size.min, size.max, size.bins) == (1, 3, [1, 2])
    assert isinstance(kind, Category)
    assert kind.values == ["1", "2", "3"]
    assert table(tmp_path / "to", "TAZ_NP.csv")[:3] == [("100", "1", "4"), ("100", "2+", "6"), ("101", "1", "5")]
    assert table(tmp_path / "to", "TRACT_HTYPE.csv") == [
        ("1", "single", "18"), ("1", "other_home", "12"), ("2", "single", "6"), ("2", "other_home", "0"),
    ]  # fmt: skip
    assert spec.targets[-1].groups == {"HTYPE": {"single": ["1"], "other_home": ["2", "3"]}}
    # Of six households one lies in a PUMA without zones, and one has no weight.
    assert pl.read_csv(tmp_path / "to" / "sample.csv").rows() == [(1, 1, 3.0), (2, 2, 3.0), (3, 3, 3.0), (2, 1, 5.0)]
    assert check(spec) == []
    done = synthor("run", tmp_path / "to" / "spec.yaml", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout
    made = pl.read_parquet(tmp_path / "out" / "household.parquet")
    assert made.filter((pl.col("TAZ") == "101") & (pl.col("NP") == 1)).height == 5
    assert made.filter((pl.col("TRACT") == "1") & (pl.col("HTYPE") == "1")).height == 18


@pytest.mark.slow
def test_nothing_that_is_there_is_overwritten_and_a_set_up_is_only_read(tmp_path: Path) -> None:
    folder = set_up(tmp_path / "in")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    drafted(folder, tmp_path / "to")
    (tmp_path / "to" / "spec.yaml").write_text("mine", encoding="utf-8")
    done = synthor("init", "--from-populationsim", folder, tmp_path / "to")
    assert done.returncode == 2
    assert "is not overwritten" in done.stderr
    assert (tmp_path / "to" / "spec.yaml").read_text(encoding="utf-8") == "mine"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_flat_folder_without_settings_is_understood_by_its_columns(tmp_path: Path) -> None:
    files = {
        "controls.csv": CONTROLS,
        "control_totals_taz.csv": TAZ,
        "control_totals_tract.csv": TRACT,
        "geo_cross_walk.csv": CROSSWALK,
        "notes.csv": "a,b\n1,2\n",
    }
    spec = drafted(flat(tmp_path / "in", files), tmp_path / "to")
    assert spec.zones is not None
    assert spec.zones.levels == ("TAZ", "TRACT")
    assert "TRACT is the column TRACTCE of geo_cross_walk.csv" in header(tmp_path / "to")
    kind = spec.variables["HTYPE"]
    assert isinstance(kind, Category)
    assert kind.values == ["1", "2", "3"]  # no seed says so: controls of them come to all households of each tract
    assert not [finding for finding in check(spec) if finding.severity == "error"]


@pytest.mark.slow
def test_codes_that_controls_do_not_cover_are_counted_apart(tmp_path: Path) -> None:
    controls = "\n".join(line for line in CONTROLS.splitlines() if "other_home" not in line)
    spec = drafted(
        set_up(tmp_path / "in", {"configs/controls.csv": controls}, without=("data/seed_households.csv",)), tmp_path / "to"
    )
    kind = spec.variables["HTYPE"]
    assert isinstance(kind, Category)
    assert kind.values == ["1", "other"]
    assert spec.targets[-1].where == "HTYPE = '1'"
    assert "there is no seed_households.csv" in header(tmp_path / "to")
    assert not [finding for finding in check(spec) if finding.severity == "error"]


@pytest.mark.slow
def test_tables_with_different_cuts_share_one_variable(tmp_path: Path) -> None:
    more = CONTROLS + (
        "size_1_2,TRACT,households,1,A,households.NP <= 2\nsize_3_plus,TRACT,households,1,B,households.NP > 2\n"
        "large,TRACT,households,1,C,households.NP > 5\n"
    )
    tract = "TRACT,SF,MF,A,B,C\n1,18,12,20,10,1\n2,6,0,4,2,0\n"
    spec = drafted(set_up(tmp_path / "in", {"configs/controls.csv": more, "data/tract.csv": tract}), tmp_path / "to")
    size = spec.variables["NP"]
    assert isinstance(size, Integer)
    assert size.bins is not None
    assert size.bins[:3] == [1, 2, 3]
    assert table(tmp_path / "to", "TRACT_NP.csv")[:2] == [("1", "1-2", "20"), ("1", "3+", "10")]
    alone = spec.targets[-1]
    assert (alone.table, alone.where) == ("tables/TRACT_NP_2.csv", "NP = 6")
    assert not [finding for finding in check(spec) if finding.severity == "error"]


@pytest.mark.slow
def test_incomes_in_thresholds_that_begin_behind_a_number_are_whole_numbers(tmp_path: Path) -> None:
    controls = CONTROLS + (
        "low,TAZ,households,1,LOW,(households.INC > -999999999) & (households.INC <= 21297)\n"
        "high,TAZ,households,1,HIGH,(households.INC > 21297) & (households.INC <= 999999999)\n"
    )
    taz = "TAZ,HHBASE,SIZE1,SIZE2,LOW,HIGH\n100,10,4,6,5,5\n101,20,5,15,8,12\n102,6,2,4,6,0\n"
    homes = "SERIALNO,NP,WGTP,HTYPE,PUMA,INC\n7,1,3,1,600,-50.5\n8,2,3,2,600,21296.2\n9,3,3,3,600,21297.4\n10,2,5,1,600,90000\n"
    changed = {"configs/controls.csv": controls, "data/taz.csv": taz, "data/seed_households.csv": homes}
    spec = drafted(set_up(tmp_path / "in", changed), tmp_path / "to")
    income = spec.variables["INC"]
    assert isinstance(income, Integer)
    assert (income.min, income.max, income.bins) == (-50, 90000, [-50, 21298])
    assert table(tmp_path / "to", "TAZ_INC.csv")[0] == ("100", "under 21298", "5")
    assert pl.read_csv(tmp_path / "to" / "sample.csv")["INC"].to_list() == [-50, 21297, 21298, 90000]
    assert not [finding for finding in check(spec) if finding.severity == "error"]


@pytest.mark.slow
def test_controls_on_two_columns_are_one_cross_table_or_conditions(tmp_path: Path) -> None:
    grid = "".join(
        f"c{n},TRACT,households,1,C{n},({size}) & (households.HTYPE {kind} 1)\n"
        for n, (size, kind) in enumerate(
            (size, kind) for size in ("households.NP==1", "households.NP>1") for kind in ("==", "!=")
        )
    )
    tract = "TRACT,SF,MF,C0,C1,C2,C3\n1,18,12,6,3,12,9\n2,6,0,2,0,4,0\n"
    changed = {"configs/controls.csv": CONTROLS + grid, "data/tract.csv": tract}
    spec = drafted(set_up(tmp_path / "in", changed), tmp_path / "to")
    crossed = spec.targets[-1]
    assert crossed.table == "tables/TRACT_HTYPE_NP.csv"
    assert crossed.groups == {"HTYPE": {"1": ["1"], "2 or 3": ["2", "3"]}}
    assert table(tmp_path / "to", "TRACT_HTYPE_NP.csv")[1] == ("1", "2 or 3", "1", "3")
    assert not [finding for finding in check(spec) if finding.severity == "error"]
    either = CONTROLS + "x,TRACT,households,1,C0,(households.NP==1) | (households.HTYPE == 1)\n"
    changed["configs/controls.csv"] = either
    spec = drafted(set_up(tmp_path / "in2", changed), tmp_path / "to2")
    assert spec.targets[-1].where == "NP = 1 or HTYPE = '1'"


@pytest.mark.slow
def test_persons_become_members_and_the_size_of_households_follows_from_them(tmp_path: Path) -> None:
    controls = CONTROLS + (
        "occ_1,REGION,persons,100,OCC1,persons.OCC == 1\nocc_2,REGION,persons,100,OCC2,persons.OCC == 2\n"
        "kids,TAZ,persons,100,KIDS,(persons.AGEP >= 0) & (persons.AGEP <= 14)\n"
    )
    taz = "TAZ,HHBASE,SIZE1,SIZE2,KIDS\n100,10,4,6,5\n101,20,5,15,8\n102,6,2,4,6\n"
    folder = set_up(tmp_path / "in", {"configs/controls.csv": controls, "data/taz.csv": taz})
    text = (folder / "data" / "seed_households.csv").read_text(encoding="utf-8")
    done = synthor("init", "--from-populationsim", folder, tmp_path / "to")
    assert done.returncode == 0, done.stderr
    drafted_text = (tmp_path / "to" / "spec.yaml").read_text(encoding="utf-8")
    assert 'NP: {from: "count(person)", bins: [1, 2, 3]}' in drafted_text
    assert "number: {min: 1, max: 3}" in drafted_text
    assert '{rows: person, counts: {OCC: {"1": 11, "2": 22}}, where: "OCC in (\'1\', \'2\')"}' in drafted_text
    assert '{rows: person, table: tables/TAZ_AGEP.csv, where: "AGEP < 15"}' in drafted_text
    assert "HTYPE: said of households. Where one follows from the persons" in header(tmp_path / "to")
    assert "SERIALNO" in text
    homes = pl.read_csv(tmp_path / "to" / "sample_household.csv")
    assert homes.columns == ["household_id", "HTYPE", "weight"]
    assert homes["household_id"].to_list() == [7, 8, 9, 10]


@pytest.mark.slow
def test_what_is_not_translated_is_told_with_the_reason(tmp_path: Path) -> None:
    more = CONTROLS + (
        "evil,TAZ,households,1,HHBASE,\"__import__('os').system('touch PWNED')\"\n"
        "# a comment\nvans,TAZ,vehicles,1,HHBASE,vehicles.KIND == 2\nnowhere,BLOCK,households,1,HHBASE,households.NP == 1\n"
    )
    to = tmp_path / "to"
    done = synthor("init", "--from-populationsim", set_up(tmp_path / "in", {"configs/controls.csv": more}), to, at=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in (done.stdout, header(to)):
        assert "Not translated: 3 of the controls" in said
        assert "evil (row 7): __import__('os').system('touch PWNED')" in said
        assert "vans (row 9): the seed table 'vehicles' is neither households nor persons" in said
        assert "nowhere (row 10): the geography 'BLOCK' is none of REGION, PUMA, TRACT, TAZ" in said
    assert not list(tmp_path.rglob("PWNED"))


@pytest.mark.slow
def test_persons_without_a_column_are_told_and_not_made(tmp_path: Path) -> None:
    controls = CONTROLS + "num_p,TAZ,persons,1,SIZE1,persons.PWGTP > 0\n"
    spec = drafted(set_up(tmp_path / "in", {"configs/controls.csv": controls}), tmp_path / "to")
    assert not spec.members
    assert "num_p (row 7): controls speak of no column of persons" in header(tmp_path / "to")
    assert check(spec) == []


@pytest.mark.slow
def test_what_controls_leave_out_may_be_there_where_no_seed_says_otherwise(tmp_path: Path) -> None:
    controls = CONTROLS.splitlines()[0] + (
        "\nnum_hh,TAZ,households,1,HHBASE,households.WGTP > 0\n"
        "adult_men,TAZ,persons,1,SIZE1,(persons.AGEP >= 16) & (persons.SEX == 1) & (persons.PWGTP > 0)\n"
        "nobody,TAZ,persons,1,SIZE2,(persons.HOURS > 5) & (persons.HOURS < 3)\n"
        "not_own,REGION,households,1,R,households.TEN != 'own'\nown,REGION,households,1,O,households.TEN == 'own'\n"
    )
    files = {"controls.csv": controls, "control_totals_taz.csv": TAZ, "control_totals_region.csv": "REGION,R,O\n1,16,20\n"}
    done = synthor("init", "--from-populationsim", flat(tmp_path / "in", files), tmp_path / "to")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "to" / "spec.yaml").read_text(encoding="utf-8")
    assert "AGEP: {type: integer, min: 0, max: 105, bins: [0, 16]}" in text
    assert "where: \"AGEP >= 16 and SEX = '1'\"" in text
    assert "counts: {TEN: {other: 16, own: 20}}" in text
    assert "HOURS:" not in text
    assert "nobody (row 4): no HOURS is as it says" in header(tmp_path / "to")


@pytest.mark.slow
def test_totals_that_differ_are_told_with_both_numbers(tmp_path: Path) -> None:
    controls = CONTROLS + "all_hh,REGION,households,1,HHBASE,households.WGTP > 0\n"
    region = "REGION,HHBASE\n1,40\n"
    drafted(set_up(tmp_path / "in", {"configs/controls.csv": controls, "data/region.csv": region}), tmp_path / "to")
    assert "all_hh of REGION counts 40 households, and num_hh of TAZ 36." in header(tmp_path / "to")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "without", "said"),
    [
        ({}, ("data/tract.csv",), "tract.csv: no such file"),
        ({}, ("configs/controls.csv",), "controls.csv: there is no control file"),
        ({"data/taz.csv": TAZ.replace("SIZE2", "SIZE9")}, (), "taz.csv: has no column 'SIZE2'"),
        ({"data/taz.csv": TAZ.replace("101,20", "101,")}, (), "taz.csv, row 3: HHBASE of TAZ 101 is blank; write 0"),
        ({"data/taz.csv": TAZ.replace("101,20", "101,many")}, (), "row 3: 'many' in HHBASE is no count"),
        ({"data/taz.csv": TAZ.replace("101,20", ",20")}, (), "taz.csv, row 3: TAZ is blank"),
        ({"data/taz.csv": TAZ + "100,1,1,0\n"}, (), "taz.csv, row 5: TAZ 100 has two rows"),
        ({"data/taz.csv": TAZ + "103,1,1,0\n"}, (), "has no line for 1 TAZ with households: 103"),
        ({"data/tract.csv": TRACT.replace("2,6,0\n", "")}, (), "tract.csv: has no row for 2, where households live"),
        ({"configs/settings.yaml": SETTINGS + "a: [b"}, (), "is not YAML"),
        ({"configs/settings.yaml": "hello"}, (), "is no mapping of keys to values"),
        ({"configs/settings.yaml": "geographies: TAZ"}, (), "`geographies` is no list of names"),
        ({"configs/settings.yaml": SETTINGS.replace("TRACT_control_data", "T_data")}, (), "names no controls of TRACT"),
        ({"configs/controls.csv": CONTROLS.replace(",expression", ",formula")}, (), "has no column 'expression'"),
        (
            {"configs/controls.csv": CONTROLS.splitlines()[0] + "\nx,TAZ,households,1,HHBASE,1\n"},
            (),
            "holds no control of some households",
        ),
        ({"configs/controls.csv": CONTROLS + 'a,TAZ,households,1,B,"x"y\n'}, (), "controls.csv"),
    ],
)
def test_a_set_up_that_cannot_be_read_is_refused_with_place_and_cure(
    tmp_path: Path, changed: dict[str, str], without: tuple[str, ...], said: str
) -> None:
    assert said in refused(set_up(tmp_path / "in", changed, without=without), tmp_path / "to")


@pytest.mark.slow
def test_marks_floats_and_zones_without_households_change_nothing(tmp_path: Path) -> None:
    taz = "\ufeff" + TAZ.replace("100,", "100.0,").replace("101,", "0101,") + "105,0,0,0\n"
    spec = drafted(set_up(tmp_path / "in", {"data/taz.csv": taz}), tmp_path / "to")
    assert spec.records == 36
    assert table(tmp_path / "to", "crosswalk.csv") == [("100", "1"), ("101", "1"), ("102", "2")]
    assert "Left out: 1 TAZ without households that no crosswalk places." in header(tmp_path / "to")
    assert check(spec) == []


@pytest.mark.slow
def test_a_zone_in_two_areas_is_left_to_check(tmp_path: Path) -> None:
    crosswalk = CROSSWALK + "100,2,600,1\n"
    spec = drafted(set_up(tmp_path / "in", {"data/geo_cross_walk.csv": crosswalk}), tmp_path / "to")
    assert any("TAZ '100' lies in TRACT '1' and in TRACT '2'" in str(finding) for finding in check(spec))


@pytest.mark.slow
def test_a_machine_is_told_the_same(tmp_path: Path) -> None:
    done = synthor("init", "--json", "--from-populationsim", set_up(tmp_path / "in"), tmp_path / "to")
    told = json.loads(done.stdout)
    assert (told["ok"], told["records"], told["variables"], told["targets"]) == (True, 36, 2, 3)


@pytest.mark.slow
def test_the_options_of_other_beginnings_are_refused(tmp_path: Path) -> None:
    folder = set_up(tmp_path / "in")
    assert "needs a folder to write" in synthor("init", "--from-populationsim", folder).stderr
    assert "exclude each other" in synthor("init", "--from", "a.csv", "--from-populationsim", folder, tmp_path / "to").stderr
    assert (
        "speaks of private records" in synthor("init", "--from-populationsim", folder, tmp_path / "to", "--below", "3").stderr
    )
    assert not (tmp_path / "to").exists()


def test_the_real_controls_of_calm(tmp_path: Path, microdata_folder: Path) -> None:
    place = microdata_folder / "population" / "calm_pums"
    whole = tmp_path / "whole"
    done = synthor("init", "--from-populationsim", place, whole)
    assert done.returncode == 0
    text = (whole / "spec.yaml").read_text(encoding="utf-8")
    assert "records: 62041  # num_hh, added up over 930 TAZ" in text
    assert "AGEHOH: {type: integer, min: 16, max: 94, bins: [16, 25, 55, 65]}" in text
    assert "Not translated" not in text
    folder = flat(tmp_path / "in", {path.name: path.read_text(encoding="utf-8") for path in place.glob("*.csv")})
    controls = (folder / "controls.csv").read_text(encoding="utf-8")
    (folder / "controls.csv").write_text(re.sub("(?m)^(.*,persons,)", r"#\1", controls), encoding="utf-8")
    spec = drafted(folder, tmp_path / "to")
    assert len(spec.targets) == 6
    assert check(spec) == []
