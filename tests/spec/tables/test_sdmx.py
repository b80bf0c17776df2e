"""SDMX-ML is read through sdmx1 where it is installed (`make extras`); SDMX-CSV of any source needs nothing."""

import sys
from pathlib import Path

import pytest

from synthor.errors import InputError
from synthor.spec.tables import read_table
from synthor.spec.tables.files import read_lines
from synthor.spec.tables.offices import recognised
from synthor.spec.targets import Layout

FOLDER = Path(__file__).parents[2] / "cases" / "sdmx_ml"


@pytest.mark.parametrize("file", ["generic.xml", "structure_specific.xml"])
def test_a_message_is_read_as_the_same_table(file: str) -> None:
    pytest.importorskip("sdmx", reason="needs `make extras`")
    lines, notes = read_lines(file, FOLDER)
    assert (recognised(lines), notes) == ("sdmx", ())
    table = read_table(file, FOLDER, Layout(format="sdmx", only={"date": 2022}))
    assert (table.columns, table.rows) == (("SEX", "count"), (("F", "52"), ("M", "48")))
    every = read_table(file, FOLDER, Layout(format="sdmx"))
    assert every.rows == (("F", "2022", "52"), ("F", "2023", "53"), ("M", "2022", "48"), ("M", "2023", "c"))


def test_a_broken_message_and_one_without_data_are_told(tmp_path: Path) -> None:
    pytest.importorskip("sdmx", reason="needs `make extras`")
    whole = (FOLDER / "generic.xml").read_text(encoding="utf-8")
    (tmp_path / "cut.xml").write_text(whole[:1200], encoding="utf-8")
    (tmp_path / "empty.xml").write_text(whole[: whole.index("<mes:DataSet")] + "</mes:GenericData>", encoding="utf-8")
    for file, told in (("cut.xml", "cannot be read"), ("empty.xml", "describes a table and holds no data")):
        with pytest.raises(InputError, match=told):
            read_lines(file, tmp_path)


def test_without_the_library_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sdmx", None)
    with pytest.raises(InputError) as caught:
        read_lines("generic.xml", FOLDER)
    told = "is SDMX-ML, which sdmx1 reads, and it is not installed; pip install 'synthor[sdmx]', or take the table as SDMX-CSV"
    assert str(caught.value) == f"generic.xml: {told}"
    (tmp_path / "other.xml").write_text("<?xml version='1.0'?><a/>", encoding="utf-8")
    (tmp_path / "bomb.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a xmlns="sdmx.org/resources/sdmxml"/>', encoding="utf-8")
    for file, said in (("other.xml", "XML of another kind"), ("bomb.xml", "defines texts of its own")):
        with pytest.raises(InputError, match=said):
            read_lines(file, tmp_path)


def test_sdmx_csv_of_any_source_multiplies_by_its_power_of_ten(tmp_path: Path) -> None:
    (tmp_path / "oecd.csv").write_text(
        "STRUCTURE,STRUCTURE_ID,STRUCTURE_NAME,ACTION,REF_AREA,Reference area,SEX,Sex,AGE,Age,TIME_PERIOD,Time period,"
        "OBS_VALUE,Observation value,OBS_STATUS,Observation status,UNIT_MULT,Unit multiplier\n"
        "DATAFLOW,OECD:POP(1.0),Population,I,XX,Northland,F,Female,Y15T24,15 to 24,2023,,1.5,,A,,3,Thousands\n"
        "DATAFLOW,OECD:POP(1.0),Population,I,XX,Northland,_T,Total,Y15T24,15 to 24,2023,,3.25,,A,,3,Thousands\n",
        encoding="utf-8",
    )
    assert recognised(read_lines("oecd.csv", tmp_path)[0]) == "sdmx"
    table = read_table("oecd.csv", tmp_path, Layout(format="sdmx", columns={"value": "count"}))
    assert (table.columns, table.rows) == (("SEX", "count"), (("F", "1500"), ("Total", "3250")))
    assert "were multiplied" in table.notes[0]
