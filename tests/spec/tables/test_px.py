"""PX files are read as plain rows, strictly: what does not add up to a table is told. All figures are invented."""

from pathlib import Path

import pytest

from synthor import check, compile_problem, parse_spec
from synthor.errors import InputError
from synthor.spec.tables import read_table
from synthor.spec.tables.files import read_lines

HEAD = """CHARSET="ANSI";
AXIS-VERSION="2013";
LANGUAGE="en";
LANGUAGES="en","sv";
TITLE="Population by sex; age, "
"and year";
UNITS="{units}";
NOTE="Some; words = here";
STUB="sex","age";
STUB[sv]="kön","ålder";
HEADING="year";
VALUES("sex")="men","wo"
"men","all";
VALUES[sv]("kön")="män","kvinnor","alla";
VALUES("age")="0-14","15+";
VALUES("year")="2022","2023";
TIMEVAL("year")=TLIST(A1),"2022","2023";
CODES("sex")="1","2","SSS";
ELIMINATION("sex")="SSS";
"""
DATA = 'DATA=\n20 21\n28 29\n22 23\n30 27\n42 44\n58 "..";\n'
SPEC = """
records: 100
variables:
  sex: {type: category, values: [men, women]}
  age: {type: integer, min: 0, max: 99, bins: [0, 15]}
targets: [{table: pop.px, layout: {only: {date: 2023}}}]
"""


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "pop.px").write_bytes(text.encode(encoding))
    return folder


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read_table("pop.px", written(folder, text))
    return str(caught.value)


def test_a_px_file_is_a_table_that_counts_everybody_once(tmp_path: Path) -> None:
    spec = parse_spec(SPEC).placed_in(written(tmp_path, HEAD.format(units="persons") + DATA))
    assert not check(spec)
    assert compile_problem(spec).targets[0].wanted.tolist() == [21, 29, 23, 27]
    table = read_table("pop.px", tmp_path)
    assert (table.columns, table.rows[0]) == (("sex", "age", "date", "count"), ("men", "0-14", "2022", "20"))
    assert table.rows[-1] == ("Total", "15+", "2023", "..")
    assert table.numbers[0] == 21


@pytest.mark.parametrize(
    ("units", "measure", "first"),
    [("1000 persons", "count", "20000"), ("per cent", "share", "20"), ("euro", "value", "20"), ("thousands", "count", "20000")],
)
def test_units_tell_what_figures_are(units: str, measure: str, first: str, tmp_path: Path) -> None:
    lines, _ = read_lines("pop.px", written(tmp_path, HEAD.format(units=units) + DATA))
    assert (lines.rows[0][-1], lines.rows[1][-1]) == (measure, first)


def test_contents_with_units_of_their_own_keep_the_counts(tmp_path: Path) -> None:
    text = (
        'CODEPAGE="iso-8859-15";\nSTUB="Tiedot","Sukupuoli";\nHEADING="Vuosi";\nCONTVARIABLE="Tiedot";\n'
        'VALUES("Tiedot")="Väestö","Osuus";\nUNITS("Väestö")="persons";\nUNITS("Osuus")="%";\n'
        'VALUES("Sukupuoli")="Miehet","Naiset";\nVALUES("Vuosi")="2023";\nDATA=48 -\n48.0 52.0;'
    )
    table = read_table("pop.px", written(tmp_path, text, "iso-8859-15"))
    assert (table.columns, table.rows) == (("Sukupuoli", "count"), (("Miehet", "48"), ("Naiset", "0")))
    assert any("figures in '%' were left out" in note for note in table.notes)


def test_what_is_cut_or_is_no_px_file_is_told(tmp_path: Path) -> None:
    head = HEAD.format(units="persons")
    assert "has 11 figures, its variables have 12 cells; it is cut" in complaint(tmp_path, head + DATA.replace(' "..";', ";"))
    assert "row 1: is no PX file: it has no DATA" in complaint(tmp_path, "sex,count\nf,1\n")
    assert "row 20: cannot be read: a keyword is cut" in complaint(tmp_path, head + 'CODES("age")="a')
    assert "has no VALUES of 'age'" in complaint(tmp_path, head.replace('VALUES("age")="0-14","15+";\n', "") + DATA)
    assert "names no variable in STUB or HEADING" in complaint(tmp_path, "DATA=1;")
    assert "lists only some of its cells (KEYS)" in complaint(tmp_path, head + 'KEYS("sex")=VALUES;\n' + DATA)
