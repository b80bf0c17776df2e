"""How tables lie in their files: columns left out, rows chosen, merged labels, columns without heads, units, languages."""

import csv
import math
from pathlib import Path

import pytest

from synthor import InputError, check, compile_problem, parse_spec
from synthor.spec.tables.labels import Span, is_total, span

HOMES = """
records: 70
variables:
  zone: {type: category, values: [A, B]}
  size: {type: category, values: [one, two]}
  kind: {type: category, values: [flat, house]}
"""
SIDE_BY_SIDE = "zone,homes,one,two,flat,house\nA,30,10,20,12,18\nB,40,25,15,30,10\n"


def wanted(text: str, tables: dict[str, str], folder: Path) -> list[dict[tuple[str, ...], float]]:
    """The cells of each target."""
    for name, content in tables.items():
        (folder / name).write_text(content, encoding="utf-8")
    spec = parse_spec(text).placed_in(folder)
    assert [str(finding) for finding in check(spec) if finding.severity == "error"] == []
    return [
        {tuple(target.labels(cell).values()): float(count) for cell, count in enumerate(target.wanted)}
        for target in compile_problem(spec).counts
    ]


def found(text: str, tables: dict[str, str], folder: Path) -> list[str]:
    for name, content in tables.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [str(finding) for finding in check(parse_spec(text).placed_in(folder))]


SIZES = {("A", "one"): 10, ("A", "two"): 20, ("B", "one"): 25, ("B", "two"): 15}
KINDS = {("A", "flat"): 12, ("A", "house"): 18, ("B", "flat"): 30, ("B", "house"): 10}


LEFT_OUT = {
    "told to be wide": ("wide: [{}], columns: {{homes: null, {}: null, {}: null}}"),
    "wide by its heads": ("columns: {{homes: null, {}: null, {}: null}}"),
    "with their total": ("wide: [{}], columns: {{{}: null, {}: null}}, total: [homes]"),
}


@pytest.mark.parametrize("how", LEFT_OUT)
def test_columns_left_out_anywhere_make_two_targets_of_one_table(how: str, tmp_path: Path) -> None:
    named = [("size", "flat", "house"), ("kind", "one", "two")]
    layouts = [LEFT_OUT[how].format(*(names if "wide" in LEFT_OUT[how] else names[1:])) for names in named]
    text = HOMES + "targets:\n" + "".join(f"  - {{table: t.csv, layout: {{{layout}}}}}\n" for layout in layouts)
    assert wanted(text, {"t.csv": SIDE_BY_SIDE}, tmp_path) == [SIZES, KINDS]


def test_labels_of_heads_may_be_chosen(tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv, layout: {wide: [kind], only: {kind: [flat, house]}}}]"
    assert wanted(text, {"t.csv": SIDE_BY_SIDE}, tmp_path) == [KINDS]


def test_zones_may_stand_right_of_the_cells(tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv, layout: {wide: [size], columns: {name: null}}}]"
    table = "name,one,two,zone\nAlpha,10,20,A\nBeta,25,15,B\n"
    assert wanted(text, {"t.csv": table}, tmp_path) == [SIZES]


def test_columns_that_leave_no_cell_are_told(tmp_path: Path) -> None:
    layout = "wide: [size], columns: {one: null, two: null, flat: null, house: null}"
    text = HOMES + f"targets: [{{table: t.csv, layout: {{{layout}}}}}]"
    told = found(text, {"t.csv": SIDE_BY_SIDE.replace("homes", "Total")}, tmp_path)
    assert any("no column that is read has a label of size as its head" in line for line in told)


@pytest.mark.parametrize("null", ["", ", columns: {level: null, id: null}", ", columns: {id: null}"])
@pytest.mark.parametrize("wards", ["ward", "[ward, city]"])
def test_rows_are_chosen_by_any_column_of_a_wide_table(null: str, wards: str, tmp_path: Path) -> None:
    text = (
        HOMES
        + f"targets: [{{table: t.csv, layout: {{wide: [size], only: {{level: {wards}}}, columns: {{name: zone, id: null}}}}}}]"
    )
    text = text.replace(", id: null}", ", id: null, level: null}") if "level" in null else text
    table = "id,level,name,one,two\n1,county,All,35,35\n2,ward,A,10,20\n3,ward,B,25,15\n"
    if wards != "ward":
        table = table.replace("3,ward,B", "3,city,B")
    assert wanted(text, {"t.csv": table}, tmp_path) == [SIZES]


def test_a_head_may_only_choose(tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv, layout: {wide: [year], only: {year: 2021}, columns: {home: size}}}]"
    table = "zone,home,2020,2021\nA,one,9,10\nA,two,19,20\nB,one,24,25\nB,two,14,15\n"
    assert wanted(text, {"t.csv": table}, tmp_path) == [SIZES]


def test_columns_without_heads_go_by_their_places(tmp_path: Path) -> None:
    text = HOMES + 'targets: [{table: t.csv, layout: {wide: [kind], columns: {"": zone, (column 2): size}}}]'
    table = ",,flat,house\nA,one,1,2\nA,two,3,4\nB,one,10,20\nB,two,10,20\n"
    assert wanted(text, {"t.csv": table}, tmp_path)[0][("B", "two", "house")] == 20
    untold = found(text.replace(", (column 2): size", ""), {"t.csv": table}, tmp_path)
    assert any("column '(column 2)' is no variable; say what it is: `columns: {(column 2): ...}`" in line for line in untold)


def test_merged_labels_stand_for_those_below_and_are_told(tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv}]"
    table = "zone,size,count\nA,one,10\n,two,20\n,Total,30\nB,one,25\n,two,15\n,Total,40\nTotal,,70\n"
    assert wanted(text, {"t.csv": table}, tmp_path) == [SIZES]
    told = found(text, {"t.csv": table}, tmp_path)
    assert any("blank labels of zone were taken for the label above them" in line for line in told)


def test_a_blank_last_label_stays_an_error(tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv}]"
    table = "zone,size,count\nA,one,10\nA,two,20\nB,one,25\nB,,15\n"
    assert any("size is blank" in line for line in found(text, {"t.csv": table}, tmp_path))


@pytest.mark.parametrize(
    ("cells", "unit", "people"),
    [("10,20,25,15", 1000, 70_000), ("1.25,2.75,3.1,2.9", 1000, 10_000), ('"1,000",2,3,4', 10, 10_090)],
)
def test_a_unit_multiplies_what_is_printed(cells: str, unit: int, people: int, tmp_path: Path) -> None:
    values = next(csv.reader([cells]))
    rows = ["A,one", "A,two", "B,one", "B,two"]
    table = "zone,size,count\n" + "".join(f'{row},"{value}"\n' for row, value in zip(rows, values, strict=True))
    text = HOMES.replace("70", str(people)) + f"targets: [{{table: t.csv, layout: {{unit: {unit}}}}}]"
    assert sum(wanted(text, {"t.csv": table}, tmp_path)[0].values()) == people


BANDS = {
    "unter 15 Jahren": (None, 15),
    "15 bis unter 20 Jahre": (15, 20),
    "15 bis 19 Jahre": (15, 19),
    "65 Jahre und älter": (65, None),
    "ab 65": (65, None),
    "Moins de 15 ans": (None, 15),
    "De 15 à 19 ans": (15, 19),
    "65 ans ou plus": (65, None),
    "Menos de 15 años": (None, 15),
    "De 15 a 19 años": (15, 19),
    "65 y más años": (65, None),
    "65 anos ou mais": (65, None),
    "15 a 19 anos": (15, 19),
    "fino a 14 anni": (None, 14),
    "65 anni e più": (65, None),
    "0 tot 15 jaar": (0, 15),
    "65 jaar of ouder": (65, None),
    "15 t/m 19 jaar": (15, 19),
    "18 and 19 years": (18, 19),
    "10.000 a 14.999": (10_000, 14_999),
    "fewer than 1,500 thousand": (None, 1_500_000),
    "100 to 200 thousand": (100_000, 200_000),
    "0.500-0.999": (0.5, 0.999),
}


@pytest.mark.parametrize("label", BANDS)
def test_bands_in_seven_languages(label: str) -> None:
    low, high = BANDS[label]
    read = span(label)
    assert isinstance(read, Span)
    assert (low is None or read.low == low) and (high is None or read.high == high)


@pytest.mark.parametrize(
    ("label", "closed"),
    [("15 bis unter 20", False), ("15 bis 19", True), ("0 tot 15 jaar", False), ("15 t/m 19", True), ("unter 15", False)],
)
def test_bands_that_end_before_their_number(label: str, closed: bool) -> None:
    read = span(label)
    assert read is not None
    assert read.closed is closed


TOTALS = ("Insgesamt", "Ensemble", "Total général", "Ambos sexos", "Todas las edades", "Totale", "Totaal", "Alle", "All ages")
NO_TOTALS = ("All other fuels", "Toutes les autres", "Todos los demás", "Alleinlebend", "Tuttavia", "Alle anderen")


@pytest.mark.parametrize("label", [*TOTALS, *NO_TOTALS])
def test_totals_in_seven_languages(label: str) -> None:
    assert is_total(label) is (label in TOTALS)


SECTIONS = {
    "alone": "size,count\nA,\none,10\ntwo,20\nB,\none,25\ntwo,15\n",
    "alone, of one field": "size,count\nA\none,10\ntwo,20\nB\none,25\ntwo,15\n",
    "with totals inside": "size,count\nA,\none,10\ntwo,20\nTotal,30\nB,\none,25\ntwo,15\nTotal,40\n",
    "with a total at the end": "size,count\nA,\none,10\ntwo,20\nB,\none,25\ntwo,15\nTotal,70\n",
    "with totals inside and at the end": "size,count\nA,\none,10\ntwo,20\nTotal,30\nB,\none,25\ntwo,15\nTotal,40\nTotal,70\n",
    "with a total above": "size,count\nTotal,70\nA,\none,10\ntwo,20\nB,\none,25\ntwo,15\n",
    "of figures": "size,count\nTotal,70\none,35\ntwo,35\nA,30\none,10\ntwo,20\nB,40\none,25\ntwo,15\n",
    "above each header": "A\nsize,count\none,10\ntwo,20\n\nB\nsize,count\none,25\ntwo,15\n",
}


@pytest.mark.parametrize("how", SECTIONS)
def test_labels_in_rows_of_their_own_are_of_the_rows_below(how: str, tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv, layout: {sections: [zone]}}]"
    assert wanted(text, {"t.csv": SECTIONS[how]}, tmp_path)[0] == SIZES


def test_sections_may_be_two_deep(tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv, layout: {sections: [zone, size]}}]"
    table = "kind,count\nA,\none,\nflat,4\nhouse,6\ntwo,\nflat,20\nB,\none,\nhouse,25\ntwo,\nflat,15\n"
    cells = wanted(text, {"t.csv": table}, tmp_path)[0]
    assert {labels: count for labels, count in cells.items() if count} == {
        ("A", "one", "flat"): 4, ("A", "one", "house"): 6, ("A", "two", "flat"): 20, ("B", "one", "house"): 25,
        ("B", "two", "flat"): 15,
    }  # fmt: skip
    wrong = found(text.replace("[zone, size]", "[part], only: {part: A}"), {"t.csv": table}, tmp_path)
    assert any("row 2: 2 rows of labels follow each other, and `sections` names 1" in line for line in wrong)


def test_a_section_may_be_chosen_without_being_a_variable(tmp_path: Path) -> None:
    layout = "sections: [topic], only: {topic: Kind and zone}, wide: [zone], columns: {what: kind}"
    text = HOMES + f"targets: [{{table: t.csv, layout: {{{layout}}}}}]"
    table = "what,A,B\nSize and zone,,\none,10,25\ntwo,20,15\nKind and zone,,\nflat,12,30\nhouse,18,10\n"
    assert wanted(text, {"t.csv": table}, tmp_path)[0] == {(kind, zone): count for (zone, kind), count in KINDS.items()}
    wrong = found(text.replace("sections: [topic]", "sections: [topics]"), {"t.csv": table}, tmp_path)
    assert any("sections speaks of 'topics', which is no variable" in line for line in wrong)


CELLS = "Homes,,,,\nzone,one,two,,zone,flat,house\nA,10,20,,A,12,18\nB,25,15,,B,30,10\nSource,1,2,,of,3,4\n"


def test_a_table_may_be_some_cells_of_its_sheet(tmp_path: Path) -> None:
    text = HOMES + 'targets: [{table: t.csv, layout: {cells: "A2:C4"}}, {table: t.csv, layout: {cells: "e2:g4"}}]'
    assert wanted(text, {"t.csv": CELLS}, tmp_path) == [SIZES, KINDS]
    beyond = found(text.replace("A2:C4", "J2:K4"), {"t.csv": CELLS}, tmp_path)
    assert any("holds nothing in the cells J2:K4; the last row is 5, the last column G" in line for line in beyond)
    with pytest.raises(InputError, match=r"row 7: cells says 'A2', which is no range; write one such as A5:D12"):
        parse_spec(text.replace("A2:C4", "A2"))


def test_a_table_may_go_on_in_other_cells_under_the_same_heads(tmp_path: Path) -> None:
    text = HOMES + 'targets: [{table: t.csv, layout: {cells: ["A1:C3", "E1:G3"]}}]'
    table = "zone,size,count,,zone,size,count\nA,one,10,,B,one,25\nA,two,20,,B,two,15\n"
    assert wanted(text, {"t.csv": table}, tmp_path)[0] == SIZES
    other = found(text, {"t.csv": table.replace(",,zone", ",,area")}, tmp_path)
    assert any("row 1: the cells E1:G3 begin otherwise than A1:C3: they are no part of one table" in line for line in other)


MORE_BANDS = {
    "65 år og derover": (65, None), "65 år eller eldre": (65, None), "65 år och äldre": (65, None),
    "65 vuotta täyttäneet": (65, None),
    "65 lat i więcej": (65, None), "65 a více let": (65, None), "65 rokov a viac": (65, None),
    "65 éves és idősebb": (65, None),
    "65 ani și peste": (65, None), "65 ετών και άνω": (65, None), "65 ve üzeri": (65, None), "65 i više godina": (65, None),
    "65 anys i més": (65, None), "65歳以上": (65, None), "65세 이상": (65, None), "65岁及以上": (65, None),
    "65 лет и старше": (65, None),
    "65 років і старше": (65, None), "65 tahun ke atas": (65, None), "65 tuổi trở lên": (65, None), "65 فأكثر": (65, None),
    "15歳未満": (None, 15), "未滿15歲": (None, 15), "15세 미만": (None, 15), "моложе 15 лет": (None, 15),
    "15～64歳": (15, 64),
    "15~64세": (15, 64), "do 14 let": (None, 14), "15-64 lata": (15, 64), "15-64 года": (15, 64),
}  # fmt: skip


@pytest.mark.parametrize("label", MORE_BANDS)
def test_bands_in_more_languages(label: str) -> None:
    low, high = MORE_BANDS[label]
    read = span(label)
    assert isinstance(read, Span)
    assert (read.low, read.high) == (-math.inf if low is None else low, math.inf if high is None else high)
    assert read.closed is (low is not None or label.startswith("do"))


MORE_TOTALS = (
    "I alt", "Begge kjønn", "Totalt", "Samtliga åldrar", "Båda könen", "Yhteensä", "Sukupuolet yhteensä", "Ogółem",
    "Celkem", "Spolu",
    "Összesen", "Ambele sexe", "Ukupno", "Σύνολο", "Toplam", "Ambdós sexes", "総数", "合计", "總計", "합계", "전국",
    "المجموع", "Всего",
    "Оба пола", "Усього", "Jumlah", "Tổng số", "Hela riket",
)  # fmt: skip


@pytest.mark.parametrize("label", [*MORE_TOTALS, "Toplama", "Kaikkonen", "Celkemov", "Jumlah anak", "計画", "Totalitaire"])
def test_totals_in_more_languages(label: str) -> None:
    assert is_total(label) is (label in MORE_TOTALS)


@pytest.mark.parametrize("title", ["", "Homes by zone\n", "Homes by zone\nAll of them\n"])
def test_a_header_with_one_name_is_no_title(title: str, tmp_path: Path) -> None:
    text = HOMES + 'targets: [{table: t.csv, layout: {columns: {"": zone}}}]'
    assert wanted(text, {"t.csv": f"{title},count\nA,30\nB,40\n"}, tmp_path) == [{("A",): 30, ("B",): 40}]


IN_PLACE = "[{zone: A, year: 2020, count: 9}, {zone: A, year: 2021, count: 30}, {zone: B, year: 2021, count: 40}]"


def test_rows_written_in_the_spec_are_chosen_too(tmp_path: Path) -> None:
    text = HOMES + f"targets: [{{table: {IN_PLACE}, layout: {{only: {{year: 2021}}}}}}]"
    assert wanted(text, {}, tmp_path) == [{("A",): 30, ("B",): 40}]
    none = found(text.replace("{year: 2021}}", "{year: 2022}}"), {}, tmp_path)
    assert any("no row has '2022' in column 'year'" in line for line in none)
    of_files = found(text.replace("only: {year: 2021}", "wide: [zone], skip: 2"), {}, tmp_path)
    assert any(
        "`layout` has skip, wide, which is of tables in files; these rows are written in the spec" in line for line in of_files
    )


def test_a_name_above_years_stays_a_title(tmp_path: Path) -> None:
    text = HOMES + "targets: [{table: t.csv, layout: {columns: {'2021': count}}}]"
    assert wanted(text, {"t.csv": ",Number of homes\nzone,2021\nA,30\nB,40\n"}, tmp_path) == [{("A",): 30, ("B",): 40}]


TWO_HEADS = """
records: 70
variables:
  zone: {type: category, values: [A, B]}
  sex: {type: category, values: [male, female]}
  age: {type: integer, min: 0, max: 99, bins: [0, 20, 67]}
"""


@pytest.mark.parametrize("total", ["Total", ""])
def test_a_head_that_is_merged_downwards_over_a_total_is_a_total(total: str, tmp_path: Path) -> None:
    table = (
        f"Homes,Total,male,,,,female,,,\n,{total},Total,0-19 years,20-66 years,67+,Total,0-19 years,20-66 years,67+\n"
        "A,30,16,2,10,4,14,1,8,5\nB,40,20,5,10,5,20,5,10,5\n"
    )
    text = TWO_HEADS + "targets: [{table: t.csv, layout: {wide: [sex, age], columns: {Homes: zone}}}]"
    (target,) = wanted(text, {"t.csv": table}, tmp_path)
    assert len(target) == 12
    assert target["A", "male", "0-19"] == 2
    assert target["B", "female", "67+"] == 5
    # The total is held against its cells.
    assert any(
        "31" in finding and "30" in finding for finding in found(text, {"t.csv": table.replace("A,30", "A,31")}, tmp_path)
    )


def test_columns_without_heads_in_a_wide_table_have_names_to_tell_them_by(tmp_path: Path) -> None:
    table = ",Total,Own,,Rent\nzone,,freehold,leasehold,\nA,30,10,5,15\nB,40,20,10,10\n"
    text = (
        "records: 70\nvariables:\n  zone: {type: category, values: [A, B]}\n"
        "  tenure: {type: category, values: [freehold, leasehold, rented]}\n"
        "labels: {tenure: {(column 2): Total, (column 5): rented}}\n"
        "targets: [{table: t.csv, layout: {skip: 1, wide: [tenure]}}]"
    )
    (target,) = wanted(text, {"t.csv": table}, tmp_path)
    assert target["A", "rented"] == 15
    assert len(target) == 6
