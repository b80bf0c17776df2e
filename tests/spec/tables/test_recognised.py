"""Downloads of offices are known by what only they have; no other table is taken for one."""

from pathlib import Path

import pytest

from downloads import published
from synthor.spec.tables.files import ENDINGS, read_lines
from synthor.spec.tables.offices import recognised

ROOT = Path(__file__).parents[3]
TABLES = sorted(
    path
    for top in ("examples", "tests")
    for path in (ROOT / top).rglob("*")
    if path.suffix in ENDINGS and not {"offices", "published", "sdmx_ml"} & set(path.parts)
)

DOWNLOADS = {
    "acs": (
        "GEO_ID,NAME,B01001_001E,B01001_001M,\nGeography,Geographic Area Name,Estimate!!Total:,Margin of Error!!Total:,\n",
        "GEO_ID,NAME,P1_001N,\nGeography,Geographic Area Name, !!Total:,\n",
        '"Label (Grouping)","Oregon!!Estimate","Oregon!!Margin of Error"\nTotal:,1,2\n',
        "GEO_ID,NAME,S1701_C01_001E\nGeography,Geographic Area Name,Estimate!!Total!!Population\n",
    ),
    "eurostat": (
        "freq,unit,sex,age,geo\\TIME_PERIOD\t2022 \t2023 \nA,NR,F,Y_LT15,XX\t20 \t21 b\n",
        "unit,geo\\time\t2022Q1\t2021Q4\nNR,AT\t1\t2\n",
        "DATAFLOW,LAST UPDATE,freq,unit,sex,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\nESTAT:D(1.0),x,A,NR,F,XX,2023,21,b\n",
        "DATAFLOW:DATAFLOW,geo:Geopolitical entity,TIME_PERIOD:Time,OBS_VALUE:Value\nESTAT:D(1.0),AT:Austria,2023,1\n",
    ),
    "nomis": (
        "DATE_NAME,GEOGRAPHY_NAME,C_SEX_NAME,MEASURES_NAME,OBS_VALUE\n2011,Leeds,Male,Value,20\n",
        "GEOGRAPHY_NAME,OBS_VALUE\nLeeds,20\n",
        "date,geography,geography code,Kind: Total: All homes; measures: Value,Kind: Flat; measures: Value\n2021,Ely,E1,5,5\n",
        '"KS101EW - Usual residents"\n"ONS Crown Copyright Reserved [from Nomis on 5 June 2019]"\n"population :","All"\n',
    ),
}
ORDINARY = (
    "sex,geo,count\nF,AT,1\n",
    "zone/time,morning,evening\nnorth,1,2\n",
    "time,geo,value\n2021,AT,3\n",
    "date,geography,count\n2021,north,3\n",
    "date,geography,male,female\n2021,north,3,4\n",
    "GEO_ID,NAME,count\n1,north,3\n",
    "label,estimate,margin of error\nTotal:,3,1\n",
    "TIME_PERIOD,sex,count\n2021,F,3\n",
    "OBS_VALUE,NAME\n3,north\n",
    "A1_1E,count\nx,3\n",
)


@pytest.mark.parametrize(("office", "text"), [(office, text) for office, texts in DOWNLOADS.items() for text in texts])
def test_a_download_is_known_by_its_first_rows(office: str, text: str) -> None:
    assert recognised(published(text, mark="\t" if "\t" in text else ",")) == office


def test_eurostats_key_is_known_where_its_commas_were_taken_for_separators() -> None:
    assert recognised(published(DOWNLOADS["eurostat"][0])) == "eurostat"


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_table_is_none_though_its_columns_are_called_alike(text: str) -> None:
    assert recognised(published(text)) is None


def test_no_table_of_the_repository_is_taken_for_a_download() -> None:
    assert len(TABLES) > 50
    told = {str(path): recognised(read_lines(path.name, path.parent)[0]) for path in TABLES}
    assert {path: office for path, office in told.items() if office is not None} == {}
