"""Files laid out as offices hand them out, read by their format: each counts everybody once. All figures are invented."""

import re
import shutil
from pathlib import Path

import pytest

from synthor import check, compile_problem, parse_spec
from synthor.draft import infer
from synthor.spec.scaffold import scaffold
from synthor.spec.tables import read_table
from synthor.spec.tables.files import read_lines
from synthor.spec.tables.offices import recognised
from synthor.spec.targets import Layout

FOLDER = Path(__file__).parents[2] / "cases" / "offices"


def sexes(male: str, female: str, **more: str) -> str:
    """Two sexes as a file calls them, and other variables: their categories, or bins and the labels of these."""
    variables = {"sex": "{type: category, values: [m, f]}", **more}
    declared = ", ".join(f"{name}: {told}" for name, told in variables.items())
    return f"variables: {{{declared}}}\nlabels:\n  sex: {{{male}: m, {female}: f}}\n"


AGE = "{type: integer, min: 0, max: 99, bins: [0, 15]}"
DUTCH = sexes("Mannen", "Vrouwen", age=AGE) + "  age: {0 tot 15 jaar: 0-14, 15 jaar of ouder: 15+}\n"
SPANISH = sexes("Hombres", "Mujeres", age=AGE) + "  age: {De 0 a 15 años: 0-14, 16 y más años: 15+}\n"
TENURE = "variables: {tenure: {type: category, values: [Owner occupied, Renter occupied]}}\n"
BY_ZONE = TENURE.replace("{tenure", "{zone: {type: category, values: [Northland, Southland]}, tenure")

CASES = {
    "statcan/17100005.csv": (
        100,
        "only: {date: 2021}, columns: {Sex: sex, Age group: age}",
        sexes("Males", "Females", age=AGE),
    ),
    "statcan/17100005-fra.csv": (100, "columns: {Sexe: sex}", sexes("Hommes", "Femmes")),
    "statcan/98100024.csv": (
        100,
        "columns: {Gender: sex, 'Age (in single years), average age and median age': age}",
        sexes("Men+", "Women+", age=AGE),
    ),
    "statcan/98-400-X2016019_English_CSV_data.csv": (100, "columns: {Sex: sex, Age: age}", sexes("Male", "Female", age=AGE)),
    "statcan/14100287.csv": (
        100_000,
        "columns: {Labour force characteristics: work}",
        "variables: {work: {type: category, values: [Employed, Unemployed, Not in labour force]}}\n",
    ),
    "statcan/98-401-X2021005_English_CSV_data.csv": (
        40,
        "only: {topic: Total - Private households by household size - 100% data}, columns: {level_1: size}",
        "variables: {size: {type: category, values: [1 person, 2 persons, 3 or more persons]}}\n",
    ),
    "ons/RM121-Sex-By-Tenure.csv": (
        100,
        "columns: {geography: zone, Tenure of household: tenure, Sex: sex}",
        "variables: {zone: {type: category, values: [Northby, Southby]}, sex: {type: category, values: [Female, Male]},\n"
        "  tenure: {type: category, values: [Owned, Rented]}}\n",
    ),
    "ons/TS-economic-activity.csv": (
        100,
        "columns: {Economic activity: work}",
        "variables: {work: {type: category, values: [Does not apply, Active, Inactive]}}\n",
    ),
    "ons/mid-year-pop-est.csv": (100, "columns: {Sex: sex}", sexes("Male", "Female")),
    "genesis/12411-0014_de_flat.csv": (
        100,
        "columns: {Geschlecht: sex, geography: zone}",
        sexes("männlich", "weiblich", zone="{type: category, values: [Nordland, Südland]}"),
    ),
    "genesis/12411-0001_flat.csv": (100_000, "columns: {Geschlecht: sex}", sexes("männlich", "weiblich")),
    "genesis/12411-0005.csv": (
        100,
        "only: {date: 31.12.2022}, columns: {Altersgruppen: age}",
        "variables: {age: {type: integer, min: 0, max: 99, bins: [0, 15, 65]}}\nlabels: {age: {unter 15 Jahre: 0-14,\n"
        "  15 bis unter 65 Jahre: 15-64, 65 Jahre und mehr: 65+}}\n",
    ),
    "genesis/12411-01-01-4.csv": (100, "only: {level: 1}, columns: {columns: sex}", sexes("männlich", "weiblich")),
    "genesis/12411-0010.csv": (
        100,
        "columns: {rows: zone}",
        "variables: {zone: {type: category, values: [Nordland, Südland]}}\n",
    ),
    "genesis/12411-0005.xlsx": (
        100,
        "only: {date: 2022-12-31}, columns: {Altersgruppen: age}",
        f"variables: {{age: {AGE}}}\nlabels: {{age: {{unter 15 Jahre: 0-14, 15 Jahre und mehr: 15+}}}}\n",
    ),
    "genesis/12211-0300.csv": (
        40_800_000,
        "only: {date: 2022}, columns: {Haushalte: size}",
        "variables: {size: {type: category, values: [Einpersonenhaushalte, Mehrpersonenhaushalte]}}\n",
    ),
    "genesis/12211-0001.csv": (
        100_000,
        "columns: {rows: work, columns: sex}",
        sexes("männlich", "weiblich", work="{type: category, values: [Erwerbstätige, Nichterwerbspersonen]}"),
    ),
    "ine/56934.csv": (2100, "only: {date: 1 de enero de 2022}, columns: {Sexo: sex, Edad: age}", SPANISH),
    "ine/t20e301.csv": (2100, "only: {group: Total, date: 2022}, columns: {rows: age, columns: sex}", SPANISH),
    "ine/56934-en.csv": (2100, "columns: {Sex: sex}", sexes("Males", "Females")),
    "ine/69202.csv": (
        1500,
        "columns: {Provincias: zone}, only: {Municipios: Total}",
        "variables: {zone: {type: category, values: [39 Cantabria, 26 La Rioja]}}\n",
    ),
    "ine/t20e245.csv": (2100, "columns: {rows: age, columns: sex}", SPANISH),
    "cbs/03759ned_TypedDataSet.csv": (
        100,
        "only: {date: 2023}, columns: {Geslacht: sex, geography: zone}",
        sexes("Mannen", "Vrouwen", zone="{type: category, values: [GM0001, GM0002]}"),
    ),
    "acs/ACSDT5Y2022.B25003-Data.csv": (1000, "columns: {level_1: tenure}", TENURE),
    "acs/ACSDT5Y2022.B25003-2024-01-01T000000.csv": (1000, "columns: {level_1: tenure}", TENURE),
    "acs/ACSDT5Y2022.B25003-workbook.xlsx": (1500, "columns: {level_1: tenure, geography: zone}", BY_ZONE),
    "acs/ACS_15_5YR_B01001_with_ann.csv": (
        1000,
        "columns: {level_1: sex, level_2: age}",
        sexes("Male", "Female", age=AGE),
    ),
    "eurostat/estat_demo.tsv": (100, "only: {date: 2023}", sexes("M", "F", age=AGE)),
    "eurostat/demo_linear.csv": (100, "", sexes("M", "F", age=AGE)),
    "eurostat/demo_pjan_spreadsheet.xlsx": (100, "only: {date: 2023}", sexes("Males", "Females", age=AGE)),
    "nomis/NM_1.csv": (
        100,
        "columns: {C_SEX_NAME: sex, C_AGE_NAME: age}",
        sexes("Male", "Female", age="{type: integer, min: 0, max: 99, bins: [0, 16]}"),
    ),
    "nomis/census2021-ts999-ltla.csv": (
        90,
        "columns: {geography: zone, Kind: kind}",
        "variables: {zone: {type: category, values: [Northby, Southby]}, kind: {type: category, values: [Flat, House]}}\n",
    ),
    "cbs/Observations.csv": (100, "columns: {Geslacht: sex}", sexes("Mannen", "Vrouwen")),
    "cbs/Bevolking_zonder_symbolen.csv": (100, "columns: {Geslacht: sex, Leeftijd: age}", DUTCH),
    "cbs/Bevolking_tabelindeling.csv": (100_000, "only: {date: 2023}, columns: {Geslacht: sex, Leeftijd: age}", DUTCH),
    "cbs/Regionale_kerncijfers.csv": (
        100,
        "only: {figures: Bevolking/Bevolkingssamenstelling op 1 januari/Totale bevolking}, columns: {geography: zone}",
        "variables: {zone: {type: category, values: [Noordstad, Zuidstad]}}\n",
    ),
    "cbs/Huishoudens_tabelindeling.csv": (
        100,
        "only: {date: 2023}, columns: {Onderwerp: size}",
        "variables: {size: {type: category, values: [one, more]}}\nlabels: {size: {Eenpersoonshuishoudens: one,\n"
        "  Meerpersoonshuishoudens: more}}\n",
    ),
    "cbs/Doodsoorzaken.csv": (
        100,
        "columns: {Onderwerp: cause, Geslacht: sex}",
        sexes("Mannen", "Vrouwen", cause="{type: category, values: [Ziekten, Ongevallen]}"),
    ),
}

ASKED = {
    "cbs/Regionale_kerncijfers.csv": ("Bevolking/Bevolkingssamenstelling op 1 januari/Totale bevolking", 100),
    "statcan/98-401-X2021005_English_CSV_data.csv": ("Total - Age groups of the population - 100% data", 100),
}
"""Files with several tables or kinds of figures: the answer, and how many people it speaks of."""


def office(file: str) -> str:
    return file.partition("/")[0]


@pytest.mark.parametrize("file", CASES)
def test_a_file_is_known_for_its_office_and_counts_everybody_once(file: str) -> None:
    population, layout, variables = CASES[file]
    margins = ", margin_of_error: margin_of_error" if office(file) == "acs" else ""
    text = (
        f"{variables}records: {population}\ntargets:\n"
        f"  - {{table: '{file}', layout: {{format: {office(file)}, {layout}}}{margins}}}\n"
    )
    spec = parse_spec(text).placed_in(FOLDER)
    told = [str(finding) for finding in check(spec)]
    assert [line for line in told if "left out" not in line and "multiplied" not in line] == []
    target = next(target for target in compile_problem(spec).counts if not target.totals_of)
    assert target.wanted.sum() == population
    assert recognised(read_lines(file, FOLDER)[0]) == office(file)


@pytest.mark.parametrize("file", CASES)
def test_a_draft_of_a_file_counts_everybody_once_or_asks_which_table_is_meant(file: str, tmp_path: Path) -> None:
    shutil.copy(FOLDER / file, tmp_path)
    text = scaffold(infer(tmp_path, beside=tmp_path))
    if asked := ASKED.get(file):
        assert [
            finding.message for finding in check(parse_spec(text).placed_in(tmp_path)) if "filled in" in finding.message
        ] != []
        text, n_answers = re.subn(r'"FILL IN: which of [^"]* is meant[^"]*"', f"'{asked[0]}'", text)
        assert n_answers == 1
    spec = parse_spec(text).placed_in(tmp_path)
    assert [str(finding) for finding in check(spec) if finding.severity == "error"] == []
    assert spec.records == (asked[1] if asked else CASES[file][0])
    targets = [target for target in compile_problem(spec).counts if target.grid.covers and not target.totals_of]
    assert [target.wanted.sum() for target in targets] == pytest.approx([spec.records] * len(targets))


def test_every_file_of_an_office_is_known() -> None:
    for path in sorted(FOLDER.rglob("*.*")):
        file = path.relative_to(FOLDER).as_posix()
        assert recognised(read_lines(file, FOLDER)[0]) == office(file), file
        assert read_table(file, FOLDER, Layout(format=office(file))).rows


def test_a_download_without_its_format_is_told_which_it_is(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "cases" / "offices" / "nomis" / "census2021-ts999-ltla.csv").read_text(encoding="utf-8")
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    spec = parse_spec(
        "records: 90\nvariables: {kind: {type: category, values: [Flat, House]}}\ntargets: [{table: t.csv}]"
    ).placed_in(tmp_path)
    told = [str(finding) for finding in check(spec)]
    assert any("looks like an office's download; say `layout: {format: nomis}`" in line for line in told)
