"""Small tables that hold the same people several times, or other things than people: a draft is right, or asks, or refuses."""

from pathlib import Path

import pytest

from synthor import InputError, check
from synthor.draft import infer
from synthor.spec.load import parse_spec
from synthor.spec.scaffold import scaffold

ASKED, REFUSED = "asked", "refused"
TIMES: dict[str, tuple[str, int | str]] = {
    "short years": ("Mode,POP_19,POP_21\nCar,500,300\nBus,100,50\n", ASKED),
    "short years in front": ("Zone,P19_POP,P24_POP\nA,100,110\nB,200,220\n", ASKED),
    "years behind a word": ("Zone,pop2019,pop2024\nA,100,110\nB,200,220\n", 330),
    "eras": ("Area,平成27年,令和2年\nA,500,490\nB,510,500\nC,10,12\n", 1002),
    "a first year of an era": ("地域,平成30年,令和元年\n北,500,490\n南,510,500\n", 990),
    "eras in a column": ("年,性別,人数\n平成27年,男,100\n平成27年,女,102\n令和2年,男,101\n令和2年,女,104\n", 205),
    "years of the republic": ("地區,民國108年,民國109年\n北,100,110\n南,200,220\n", 330),
    "years of Islam": ("Region,1439H,1440H\nNorth,100,110\nSouth,200,220\n", 330),
    "years of Buddhism": ("จังหวัด,พ.ศ. 2562,พ.ศ. 2563\nเหนือ,100,110\nใต้,200,220\n", 330),
    "bare years of another calendar": ("Province,1390,1395\nNorth,100,110\nSouth,200,220\n", ASKED),
    "fiscal years": ("Region,FY19,FY20\nNorth,100,110\nSouth,200,220\n", 330),
    "school years": ("Region,2018/19,2019/20\nNorth,100,110\nSouth,200,220\n", 330),
    "dates": ("Land,31.12.2019,31.12.2020\nBerlin,100,110\nBremen,200,220\n", 330),
    "quarters": ("Land,1. Quartal 2020,2. Quartal 2020\nBerlin,100,110\nBremen,200,220\n", 330),
    "short quarters": ("Region,1Q20,2Q20\nNorth,100,110\nSouth,200,220\n", 330),
    "weeks": ("Area,2020-W01,2020-W02\nA,100,110\nB,200,220\n", 330),
    "a census and an estimate": ("Area,CENSUS2010POP,POPESTIMATE2019\nA,100,110\nB,200,220\n", 330),
    "a base and a forecast": ("Zone,Base 2018,Forecast 2030\nA,100,150\nB,200,250\n", 400),
    "rounds": ("Land,Welle 1,Welle 2\nBerlin,100,110\nBremen,200,220\n", 330),
    "rounds in a column": ("Wave,Sex,N\n1,m,100\n1,f,102\n2,m,101\n2,f,104\n", ASKED),
    "words of times": ("Area,Before,After\nA,100,110\nB,200,220\n", ASKED),
    "sexes of two years": ("Region,M_2019,F_2019,M_2020,F_2020\nNorth,50,52,51,54\nSouth,48,50,49,56\n", REFUSED),
    "years in which homes were built": ("Area,Built 1980-1999,Built 2000-2019\nA,100,110\nB,170,220\n", 600),
    "ages of two digits": ("Area,AGE_00,AGE_15,AGE_65\nA,100,40,10\nB,100,40,10\n", 300),
}


def outcome(files: dict[str, str], folder: Path) -> int | str:
    """How many records a draft makes, or that it asks or refuses."""
    (folder / "tables").mkdir()
    for name, text in files.items():
        (folder / "tables" / name).write_text(text, encoding="utf-8")
    try:
        spec = parse_spec(scaffold(infer(folder / "tables", beside=folder))).placed_in(folder)
    except InputError:
        return REFUSED
    errors = [finding.message for finding in check(spec) if finding.severity == "error"]
    assert all("filled in" in message for message in errors)
    return ASKED if errors else spec.records


@pytest.mark.parametrize("name", TIMES)
def test_several_times_are_the_same_people(name: str, tmp_path: Path) -> None:
    text, found = TIMES[name]
    assert outcome({"a.csv": text}, tmp_path) == found


def test_a_year_that_is_asked_about_is_answered_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text(TIMES["short years"][0], encoding="utf-8")
    text = scaffold(infer(tmp_path / "tables", beside=tmp_path))
    begin = text.index('"FILL IN: which of')
    text = text[:begin] + "POP_19" + text[text.index('"', begin + 1) + 1 :]
    spec = parse_spec(text.replace("records: 350", "records: 600")).placed_in(tmp_path)
    assert [finding for finding in check(spec) if finding.severity == "error"] == []
