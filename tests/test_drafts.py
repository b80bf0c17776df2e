"""Drafts from published tables: nobody is counted twice, nothing exists that no table knows, and what is unclear is asked."""

from pathlib import Path

import pytest

from synthor import check, load_spec
from synthor.draft import infer
from synthor.problem import compile_problem
from synthor.spec.model import Spec
from synthor.spec.scaffold import scaffold


def drafted(tables: dict[str, str | bytes], folder: Path) -> Spec:
    (folder / "tables").mkdir()
    for name, text in tables.items():
        (folder / "tables" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "spec.yaml").write_text(scaffold(infer(folder / "tables", beside=folder)), encoding="utf-8")
    return load_spec(folder / "spec.yaml")


def errors(spec: Spec) -> list[str]:
    return [str(finding) for finding in check(spec) if finding.severity == "error"]


def categories(spec: Spec) -> dict[str, list[str]]:
    problem = compile_problem(spec)
    return {variable.name: list(variable.labels) for variable in problem.levels[0].variables}


CASES = {
    "codes beside labels are one variable": (
        {
            "TS.csv": (
                "Lower tier local authorities Code,Lower tier local authorities,Tenure (3 categories) Code,"
                "Tenure (3 categories),Observation\nE1,Northby,-8,Does not apply,0\nE1,Northby,1,Owned,30\n"
                "E1,Northby,2,Rented,20\nE2,Southby,-8,Does not apply,0\nE2,Southby,1,Owned,10\nE2,Southby,2,Rented,40\n"
            )
        },
        100,
        {
            "Lower_tier_local_authorities": ["Northby", "Southby"],
            "Tenure_3_categories": ["Does not apply", "Owned", "Rented"],
        },
    ),
    "merged labels of rows": (
        {"t.csv": "Sex,Age,Count\nMen,Under 15,20\n,15 and over,40\nWomen,Under 15,21\n,15 and over,39\n"},
        120,
        {"Sex": ["Men", "Women"], "Age": ["0-14", "15+"]},
    ),
    "a county above its wards": (
        {"t.csv": "id,level,name,one,two\n1,county,All,30,50\n2,ward,A,10,20\n3,ward,B,20,30\n"},
        80,
        {"name": ["A", "B"], "t": ["one", "two"]},
    ),
    "a whole that is named after its parts": (
        {
            "t.csv": "area,sex,count\nNorthland and Southland,m,48\nNorthland and Southland,f,52\nNorthland,m,18\nNorthland,f,22\n"
            "Southland,m,30\nSouthland,f,30\n"
        },
        100,
        {"area": ["Northland", "Southland"], "sex": ["m", "f"]},
    ),
    "a whole that only its place tells, in three rows": (
        {
            "t.csv": "area,age,count\nIsland,a,10\nIsland,b,20\nIsland,c,30\nEast,a,4\nEast,b,15\nEast,c,10\nWest,a,6\nWest,b,5\n"
            "West,c,20\n"
        },
        60,
        {"area": ["East", "West"], "age": ["a", "b", "c"]},
    ),
    "regions above their districts, and the country above them": (
        {
            "t.csv": "area,a,b,c\nLand,16,20,24\nNorth,6,8,10\nN1,1,2,3\nN2,5,6,7\nSouth,10,12,14\nS1,4,4,4\nS2,6,8,10\n",
        },
        60,
        {"area": ["N1", "N2", "S1", "S2"], "t": ["a", "b", "c"]},
    ),
    "persons beside what they do": (
        {"t.csv": "Age,Persons,Employed,Unemployed,Not working\n15-24,100,40,10,50\n25+,300,200,20,80\n"},
        400,
        {"Age": ["15-24", "25+"], "t": ["Employed", "Unemployed", "Not working"]},
    ),
    "numbers beside per cent": (
        {"t.csv": "Sex,Number of people,% of people\nMen,40,40.0\nWomen,60,60.0\nTotal,100,100.0\n"},
        100,
        {"Sex": ["Men", "Women"]},
    ),
    "number and per cent under each sex": (
        {"t.csv": ",Men,,Women,\nTenure,Number,%,Number,%\nowned,30,60.0,20,40.0\nrented,20,40.0,30,60.0\n"},
        100,
        {"Tenure": ["owned", "rented"], "t": ["Men", "Women"]},
    ),
    "several years in a column": (
        {"t.csv": "year,sex,count\n2020,m,48\n2020,f,52\n2021,m,49\n2021,f,53\n"},
        102,
        {"sex": ["m", "f"]},
    ),
    "several years as heads": (
        {"t.csv": "sex,2019,2020,2021\nm,47,48,49\nf,51,52,53\n"},
        102,
        {"sex": ["m", "f"]},
    ),
    "years that two tables share": (
        {
            "a.csv": "year,sex,count\n2020,m,48\n2020,f,52\n2021,m,49\n2021,f,53\n",
            "b.csv": "year,home,count\n2019,flat,50\n2019,house,49\n2020,flat,55\n2020,house,45\n",
        },
        100,
        {"sex": ["m", "f"], "home": ["flat", "house"]},
    ),
    "totals that were rounded": (
        {"t.csv": "zone,a,b,c,d,Total\nN,10,10,10,10,50\nS,25,25,25,25,100\n"},
        150,
        {"zone": ["N", "S"], "t": ["a", "b", "c", "d"]},
    ),
    "variables side by side, beside other people": (
        {
            "t.csv": "zone_id,homes,people,one,two,flat,house\n41003000100,30,50,10,20,12,18\n41003000202,40,55,25,15,30,10\n"
            "41003000400,20,30,10,10,5,15\n"
        },
        90,
        {
            "zone_id": ["41003000100", "41003000202", "41003000400"],
            "one_to_two": ["one", "two"],
            "flat_to_house": ["flat", "house"],
        },
    ),
    "variables side by side without a total": (
        {"t.csv": "zone,size_1,size_2,kind_flat,kind_house\nA,10,20,12,18\nB,25,15,30,10\nC,10,10,5,15\n"},
        90,
        {"zone": ["A", "B", "C"], "size": ["size_1", "size_2"], "kind": ["kind_flat", "kind_house"]},
    ),
    "variables side by side under two header rows": (
        {"t.csv": ",Sex,,Age,\nZone,male,female,young,old\nA,10,20,12,18\nB,25,15,30,10\n"},
        70,
        {"Zone": ["A", "B"], "Sex": ["male", "female"], "Age": ["young", "old"]},
    ),
    "two columns without heads": (
        {"t.csv": ",,flat,house\nmale,young,1,2\nmale,old,3,4\nfemale,young,5,6\nfemale,old,7,8\n"},
        36,
        {"label": ["male", "female"], "column_2": ["young", "old"], "t": ["flat", "house"]},
    ),
    "two header rows": (
        {"u.csv": "Homes by kind and size\n,Flat,,House,\nZone,one,two,one,two\nNorth,1,2,3,4\nSouth,5,6,7,8\n"},
        36,
        {"Zone": ["North", "South"], "columns_of_u": ["Flat", "House"], "u": ["one", "two"]},
    ),
    "a head above dates": (
        {"t.csv": "Homes by kind\n;Date;Date\n;31.12.2021;31.12.2022\nflat;1;2\nhouse;3;4\n"},
        6,
        {"label": ["flat", "house"]},
    ),
    "a column of values called Total": (
        {"t.csv": "Sex,Age,Total\nMen,Under 15,20\nMen,15 and over,40\nWomen,Under 15,21\nWomen,15 and over,39\n"},
        120,
        {"Sex": ["Men", "Women"], "Age": ["0-14", "15+"]},
    ),
    "codes of zones in two tables": (
        {
            "car.csv": "zone,car,count\n101,yes,8\n101,no,14\n205,yes,30\n205,no,8\n309,yes,20\n309,no,20\n",
            "sex.csv": "zone,sex,count\n101,m,10\n101,f,12\n205,m,20\n205,f,18\n309,m,15\n309,f,25\n",
        },
        100,
        {"zone": ["101", "205", "309"], "car": ["no", "yes"], "sex": ["m", "f"]},
    ),
    "codes of zones one after the other": (
        {"a.csv": "zone,sex,count\n1,m,8\n1,f,14\n2,m,30\n2,f,8\n3,m,20\n3,f,20\n"},
        100,
        {"zone": ["1", "2", "3"], "sex": ["m", "f"]},
    ),
    "ages without a name for their count": (
        {"t.csv": "sex,age,residents\nm,0,10\nm,1,11\nm,2,12\nf,0,9\nf,1,10\nf,2,8\n"},
        60,
        {"sex": ["m", "f"], "age": ["0", "1", "2"]},
    ),
    "broad bands above narrow ones": (
        {"t.csv": "age,count\n0-14,30\n0-4,10\n5-14,20\n15+,70\n15-64,60\n65+,10\n"},
        100,
        {"age": ["0-4", "5-14", "15-64", "65+"]},
    ),
    "a table in thousands": (
        {"t.csv": "Population (in thousands)\nsex,count\nmale,48\nfemale,52\n"},
        100_000,
        {"sex": ["male", "female"]},
    ),
    "commas before decimals, points between thousands": (
        {"t.csv": "Geschlecht;Anzahl\nmännlich;1.048\nweiblich;952\nInsgesamt;2.000\n"},
        2000,
        {"Geschlecht": ["männlich", "weiblich"]},
    ),
    "names with accents": (
        {"t.csv": "Größe,Année,Nombre\nklein,2020,10\ngroß,2020,20\n"},
        30,
        {"Grosse": ["klein", "groß"]},
    ),
    "both is a fuel": (
        {"t.csv": "fuel,count\ngas,50\noil,30\nboth,20\n"},
        100,
        {"fuel": ["gas", "oil", "both"]},
    ),
    "a category as large as others together, as another table says": (
        {"a.csv": "kin,count\nchild,50\nspouse,30\nother,20\n", "b.csv": "sex,count\nm,45\nf,55\n"},
        100,
        {"kin": ["child", "spouse", "other"], "sex": ["m", "f"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_draft_counts_everybody_once(name: str, tmp_path: Path) -> None:
    tables, records, labels = CASES[name]
    spec = drafted(dict(tables), tmp_path)
    assert errors(spec) == []
    assert spec.records == records
    assert categories(spec) == labels
    for target in compile_problem(spec).targets:
        base = spec.targets[0].rounded_to or 0
        assert abs(float(target.wanted.sum()) - records) <= base * target.grid.size
