"""Tables in packed files are read without being unpacked; what is no table is told with the reason."""

import gzip
import io
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest

from synthor import check, compile_problem, parse_spec
from synthor.draft import infer
from synthor.errors import InputError
from synthor.prior.elicit import sources
from synthor.spec.scaffold import scaffold
from synthor.spec.tables import packed, read_table
from synthor.spec.tables.files import read_lines, tables_in
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.unusable import only_identifiers

TABLE = "sex,count\nfemale,60\nmale,40\n"
SPEC = "records: 100\nvariables: {sex: {type: category, values: [female, male]}}\n"


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def workbook() -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (("sex", "count"), ("female", 60), ("male", 40)):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def complaint(file: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_lines(file, folder)
    return str(caught.value)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.gz", "t.CSV.GZ", "t.xlsx.gz"])
def test_a_table_in_a_gz_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(workbook() if "xlsx" in name else TABLE.encode()))
    assert read_table(name, tmp_path).rows == (("female", "60"), ("male", "40"))


def test_a_table_in_a_zip_is_named_like_a_file_in_a_folder(tmp_path: Path) -> None:
    zipped(tmp_path / "all.zip", {"data/sex.csv": TABLE, "more.csv": "sex,count\nfemale,1\nmale,2\n", "book.xlsx": workbook()})
    for member in ("data/sex.csv", "book.xlsx"):
        assert read_table(f"all.zip/{member}", tmp_path).rows == (("female", "60"), ("male", "40"))
    spec = parse_spec(SPEC + "targets: [{table: all.zip/data/sex.csv}]").placed_in(tmp_path)
    assert not check(spec)
    assert compile_problem(spec).targets[0].wanted.sum() == 100
    assert sources(spec)["all.zip/data/sex.csv"] == tmp_path / "all.zip"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.zip"]


def test_a_zip_stands_for_its_one_table_beside_notes_and_metadata(tmp_path: Path) -> None:
    members = {
        "ACSDT5Y2022.B25003-Data.csv": "GEO_ID,NAME,B25003_001E,B25003_002E\n"
        "Geography,Area,Estimate!!Total:,Estimate!!Total:!!Own\n"
        "1,Northland,100,100\n",
        "ACSDT5Y2022.B25003-Column-Metadata.csv": '"Column Name","Label"\n"GEO_ID","Geography"\n',
        "ACSDT5Y2022.B25003-Table-Notes.txt": "TENURE\n\nNote: Invented.\nSource: nobody\n",
        "17100005_MetaData.csv": '"Cube Title","Product Id","CANSIM Id"\n"Population","17100005","051-0001"\n',
        "98-401_Geo_starting_row_CSV.csv": "Geo Code,Geo Name,Line Number\n2021A000099,Northland,2\n",
        "GeslachtCodes.csv": '"Identifier","Title","Description"\n"3000","Mannen",""\n',
        "lookup.csv": "LAD21CD,LAD21NM,FID\nE06000001,Northby,1\n",
        "98-401_README_meta.txt": "Data file record layout\nCENSUS_YEAR\t\tint\t\tCensus year\nDGUID\t\tvarchar(19)\t\tArea\n",
        "guide.pdf": "%PDF-1.4",
        "saved.csv": "<!DOCTYPE html><html></html>",
        "pointer.csv": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
        "__MACOSX/._saved.csv": "x",
        ".hidden.csv": "x",
    }
    zipped(tmp_path / "acs.zip", dict(members))
    lines, notes = read_lines("acs.zip", tmp_path)
    assert (lines.rows[2][1], notes) == ("Northland", ())
    tables, others = tables_in("acs.zip", tmp_path)
    assert tables == ["acs.zip/ACSDT5Y2022.B25003-Data.csv"]
    assert [str(finding).removeprefix("acs.zip/") for finding in others] == [
        "ACSDT5Y2022.B25003-Column-Metadata.csv: is the list of a table's columns; the table is the file called ...-Data.csv",
        "ACSDT5Y2022.B25003-Table-Notes.txt: is a text about a table; leave it out; the table is in a file of its own",
        "17100005_MetaData.csv: is the description of a table; the table is the file without _MetaData in its name",
        "98-401_Geo_starting_row_CSV.csv: is the list of rows where areas begin; the table is the file called ..._data.csv",
        "GeslachtCodes.csv: is a list of codes and what they mean; the table is Observations.csv, TypedDataSet.csv or data.csv",
        "lookup.csv: is a look-up of areas, which counts nobody; take a table that counts people in these areas",
        "98-401_README_meta.txt: is a text about a table; leave it out; the table is in a file of its own",
        "guide.pdf: is a PDF document; take the table in another format",
        "saved.csv: is a web page; open it to see what went wrong, and download the table again",
        "pointer.csv: is a pointer to the file, which Git LFS keeps elsewhere; run `git lfs pull`, or download the file",
    ]


def test_a_zip_of_several_tables_says_how_to_name_one_and_that_works(tmp_path: Path) -> None:
    zipped(tmp_path / "all.zip", {"a.csv": TABLE, "b.csv": TABLE, "notes.txt": "one\ntwo\n"})
    told = complaint("all.zip", tmp_path)
    assert told == "all.zip: holds 2 tables: a.csv, b.csv; name one of them: `table: all.zip/a.csv`"
    spec = parse_spec(SPEC + "targets: [{table: all.zip/a.csv}]").placed_in(tmp_path)
    assert not check(spec)
    assert "there is no 'bb.csv' in it; did you mean 'b.csv'?" in complaint("all.zip/bb.csv", tmp_path)
    zipped(tmp_path / "none.zip", {"notes.txt": "one\ntwo\n", "x.pdf": ""})
    assert "holds no table that can be read: notes.txt: is a text about a table" in complaint("none.zip", tmp_path)
    assert "is a text about a table" in complaint("none.zip/notes.txt", tmp_path)
    assert tables_in("sex.csv", tmp_path) == (["sex.csv"], [])


def test_what_swells_is_broken_or_protected_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "TABLE", 1_000_000)
    monkeypatch.setattr(packed.member_bytes, "__kwdefaults__", {"most": 1_000_000, "cut": False})
    swollen = "sex,count\n" + "female,60\n" * 200_000
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(swollen.encode()))
    zipped(tmp_path / "t.zip", {"t.csv": swollen})
    honest = (tmp_path / "t.zip").read_bytes()
    lying = honest.replace(struct.pack("<I", len(swollen)), struct.pack("<I", 30))
    assert lying != honest
    (tmp_path / "lying.zip").write_bytes(lying)
    for file in ("t.csv.gz", "t.zip", "t.zip/t.csv", "lying.zip"):
        assert "unpacks to more than 1 MB, the most that is read here" in complaint(file, tmp_path)
    (tmp_path / "odd.zip").write_bytes(honest[:-30])
    (tmp_path / "odd.csv.gz").write_bytes(gzip.compress(TABLE.encode())[:-12])
    (tmp_path / "text.csv.gz").write_text(TABLE, encoding="utf-8")
    for file in ("odd.zip", "odd.csv.gz", "text.csv.gz"):
        assert "cannot be unpacked: " in complaint(file, tmp_path)
    small = zipped(tmp_path / "small.zip", {"t.csv": TABLE}).read_bytes()
    (tmp_path / "secret.zip").write_bytes(
        small.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00")
    )
    assert "is protected by a password; unpack it" in complaint("secret.zip", tmp_path)
    assert "cannot read '.dta' files; unpack it" in complaint("x.dta.gz", tmp_path)
    assert "is a packed file of a kind that is not opened" in complaint("x.7z", tmp_path)


def test_a_draft_reads_packed_tables_and_names_what_is_none(tmp_path: Path) -> None:
    zipped(tmp_path / "sex.zip", {"sex.csv": TABLE, "README_meta.txt": "about\tthis\n", "guide.pdf": ""})
    (tmp_path / "age.csv.gz").write_bytes(gzip.compress(b"age,count\n0-14,30\n15+,70\n"))
    (tmp_path / "tenure.px").write_text('STUB="tenure";VALUES("tenure")="own","rent";DATA=55 45;', encoding="utf-8")
    (tmp_path / "ACSDT5Y2022.B25003-Column-Metadata.csv").write_text("Column Name,Label\nGEO_ID,Geography\n", encoding="utf-8")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4")
    text = scaffold(infer(tmp_path, beside=tmp_path))
    spec = parse_spec(text).placed_in(tmp_path)
    assert [str(finding) for finding in check(spec) if finding.severity == "error"] == []
    assert (spec.records, sorted(spec.variables)) == (100, ["age", "sex", "tenure"])
    assert sorted(str(target.table) for target in spec.targets) == ["age.csv.gz", "sex.zip/sex.csv", "tenure.px"]
    told = " ".join(text.replace("# ", "").split())
    for said in (
        "report.pdf: is a PDF document",
        "ACSDT5Y2022.B25003-Column-Metadata.csv: is the list of a table's columns",
        "sex.zip/README_meta.txt: is a text about a table",
        "sex.zip/guide.pdf: is a PDF document",
    ):
        assert f"Not understood: {said}" in told


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS keeps elsewhere, not a table of text"),
        ("a.csv", "/annex/objects/MD5E-s12--ab.csv\n", "git-annex keeps elsewhere"),
        ("a.csv", '[["NAME","B01001_001E"],\n["Northland","12"]]', "is JSON, not a table of text; take the table as CSV"),
        ("a.csv", "<?xml version='1.0'?>\n<!DOCTYPE html>\n<html></html>", "is a web page, not a table of text"),
        ("a.csv", "<table><tr><td>1</td></tr></table>", "is a web page, not a table of text"),
        (
            "a.csv",
            '"Column Name","Label"\nGEO_ID,Geography\n',
            "is the list of a table's columns; the table is the file called ...-Data",
        ),
        ("a.txt", "Notes\n\nSource: nobody\n", "is text without columns, such as notes"),
        ("a.xls", "<html><body><table></table></body></html>", "is a web page; open it in a spreadsheet and save it as .xlsx"),
        ("a.xls", "<?xml version='1.0'?>\n<Workbook></Workbook>", "is XML; open it in a spreadsheet and save it as .xlsx"),
        ("a.xls", "sex\tcount\nf\t1\n", "is text, no workbook; name it .csv"),
        ("a.xlsx", "%PDF-1.4", "is a PDF document; take the table in another format"),
        ("a.json", "{}", "is JSON, not a table that can be read; take the table as CSV"),
    ],
)
def test_what_is_no_table_is_told_with_the_next_step(name: str, content: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert told in complaint(name, tmp_path)


@pytest.mark.parametrize(
    ("rows", "holds_no_figures"),
    [
        ((("zone_id", "name"), ("1", "north"), ("2", "south")), True),
        ((("GEOID", "lat", "lon"), ("1", "50.2", "8"), ("2", "51", "9")), True),
        ((("zone_id", "count"), ("1", "3"), ("2", "4")), False),
        ((("zone", "name"), ("a", "north"), ("b", "south")), False),
        ((("age", "x"), ("1", "3"), ("2", "4")), False),
    ],
)
def test_a_table_of_names_and_codes_alone_holds_no_figures(rows: tuple[tuple[str, ...], ...], holds_no_figures: bool) -> None:
    told = only_identifiers(Lines(source="a.csv", rows=rows, numbers=tuple(range(len(rows)))))
    assert (told is not None) == holds_no_figures
