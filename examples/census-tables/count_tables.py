"""Counts the three tables of this example from public microdata, laid out as offices publish; run only to make them again.

Source: National Household Travel Survey 2022, public-use person file (Federal Highway Administration, public domain; as in
byu-transpolab/nhtsr, CC0): adults, weighted by wtperfin, with the income of their household. The file is
mobility/nhts2022/persons_households.csv in the folder that SYNTHOR_DATA names. It holds codes only; the eight of education
are taken for the usual eight steps of schooling, in their order, which their shares agree with.

    python count_tables.py                          writes tables/ beside this file
    python count_tables.py --evaluation FOLDER      writes what `synthor evaluate` needs: the recoded adults, and a spec of the
                                                    same three tables, with nothing withheld or rounded
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
from openpyxl.styles import Font

HERE = Path(__file__).parent
SOURCE = "Source: National Household Travel Survey 2022, Federal Highway Administration"
RECORDS = 10_000
WITHHELD_BELOW = 1500
"""Thousands of adults: smaller cells are not published."""

SEX = {"1": "Male", "2": "Female"}
AGE = {
    18: "18 to 24 years", 25: "25 to 34 years", 35: "35 to 44 years", 45: "45 to 54 years", 55: "55 to 64 years",
    65: "65 to 74 years", 75: "75 years and over",
}  # fmt: skip
EDUCATION = {
    "No high school diploma": ("no diploma", "1", "2"),
    "High school graduate [1]": ("high school", "3"),
    "Some college or associate's degree": ("some college", "4", "5"),
    "Bachelor's degree": ("bachelor", "6"),
    "Graduate or professional degree": ("graduate", "7", "8"),
}
"""The spec's label and the survey's codes of each published label."""

SEXES = [label.lower() for label in SEX.values()]
SCHOOLING = [label for label, *_ in EDUCATION.values()]

INCOME = {
    0: "Less than $25,000", 25000: "$25,000 to $49,999", 50000: "$50,000 to $74,999", 75000: "$75,000 to $99,999",
    100000: "$100,000 to $149,999", 150000: "$150,000 or more",
}  # fmt: skip
INCOME_CODES = {
    "1": 0, "2": 0, "3": 0, "4": 25000, "5": 25000, "6": 50000, "7": 75000, "8": 100000, "9": 100000, "10": 150000,
    "11": 150000,
}  # fmt: skip
"""Dollars at which the band begins that holds each of the survey's codes."""


def microdata() -> pl.DataFrame:
    """Adults in the variables of spec.yaml, with their weight; income is the least of its band."""
    if "SYNTHOR_DATA" not in os.environ:
        raise SystemExit("SYNTHOR_DATA must name the folder of microdata")
    raw = pl.read_csv(Path(os.environ["SYNTHOR_DATA"]) / "mobility" / "nhts2022" / "persons_households.csv", infer_schema=False)
    code = {name: pl.col(name).str.strip_chars_start("0") for name in ("r_sex_imp", "educ", "hhfaminc_imp")}
    education = {code: label for label, *codes in EDUCATION.values() for code in codes}
    return (
        raw.with_columns(age=pl.col("r_age").cast(pl.Float64).cast(pl.Int64), weight=pl.col("wtperfin").cast(pl.Float64))
        .filter(pl.col("age") >= 18)
        .select(
            "age",
            sex=code["r_sex_imp"].replace_strict(SEX).str.to_lowercase(),
            education=code["educ"].replace_strict(education),
            income=code["hhfaminc_imp"].replace_strict(INCOME_CODES),
            weight="weight",
        )
    )


def counted(adults: pl.DataFrame) -> np.ndarray:
    """Thousands of adults by age band, sex, education and income."""
    bands = np.searchsorted(list(AGE), adults["age"].to_numpy(), side="right") - 1
    sides: dict[str, list[str] | list[int]] = {"sex": SEXES, "education": SCHOOLING, "income": list(INCOME)}
    codes = [
        adults[name].replace_strict(side, range(len(side)), return_dtype=pl.Int64).to_numpy() for name, side in sides.items()
    ]
    shape = (len(AGE), *(len(side) for side in sides.values()))
    cells = np.ravel_multi_index((bands, *codes), shape)
    return np.bincount(cells, adults["weight"].to_numpy() / 1000, int(np.prod(shape))).reshape(shape)


def whole(exact: np.ndarray, total: int) -> np.ndarray:
    """Whole counts that add up to `total`, by largest remainders."""
    counts = np.floor(exact).astype(int)
    counts.flat[np.argsort(counts.ravel() - exact.ravel(), kind="stable")[: total - counts.sum()]] += 1
    return counts


def write_csv(rows: list[list[str]], file: Path) -> None:
    """As spreadsheets export: fields that hold a comma are quoted."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def age_by_sex(counts: np.ndarray, file: Path) -> None:
    """A wide CSV: titles above, a row and a column of totals, thousands separators, a note below."""
    rows = [("Total", counts.sum(axis=0)), *zip(AGE.values(), counts, strict=True)]
    table = [[label, *(f"{n:,}" for n in (of_sex.sum(), *of_sex))] for label, of_sex in rows]
    titles = [["Table 1. Adults by age and sex, United States, 2022"], ["(Numbers in thousands)"], []]
    write_csv([*titles, ["Age", "Both sexes", *SEX.values()], *table, [], [SOURCE]], file)


def education_by_sex(adults: np.ndarray, file: Path) -> None:
    """A workbook: per cent of each sex, footnote marks, 100.0 below."""
    percent = 100 * adults / adults.sum(axis=0)
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Table 2"
    sheet.append(["Table 2. Educational attainment of adults by sex, United States, 2022"])
    sheet.append(["(Per cent of each sex)"])
    sheet.append([])
    sheet.append(["Educational attainment", *SEX.values()])
    for label, of_sex in zip(EDUCATION, percent, strict=True):
        sheet.append([label, *(round(float(share), 1) for share in of_sex)])
    sheet.append(["Total", *(100.0 for _ in SEX)])
    sheet.append([])
    sheet.append(["[1] Including those who passed an equivalent test (GED)."])
    sheet.append([SOURCE])
    for cell in (sheet["A1"], *sheet[4]):
        cell.font = Font(bold=True)
    for row in sheet["B5:C10"]:
        for cell in row:
            cell.number_format = "0.0"
    sheet.column_dimensions["A"].width = 40
    book.save(file)


def income_by_education(counts: np.ndarray, file: Path) -> None:
    """A long CSV: small cells withheld, a row of totals for each education."""
    rows = [["Educational attainment", "Household income", "Adults (thousands)"]]
    for label, of_income in zip(EDUCATION, counts, strict=True):
        plain = label.removesuffix(" [1]")
        rows.append([plain, "All incomes", f"{of_income.sum():,}"])
        rows += [
            [plain, band, "*" if n < WITHHELD_BELOW else f"{n:,}"] for band, n in zip(INCOME.values(), of_income, strict=True)
        ]
    write_csv([*rows, [f"* Withheld: fewer than {WITHHELD_BELOW:,} thousand. {SOURCE}"]], file)


def evaluation(adults: pl.DataFrame, thousands: np.ndarray, folder: Path) -> None:
    """The adults, and a spec whose targets are the same tables in full."""
    folder.mkdir(parents=True, exist_ok=True)
    adults.write_csv(folder / "adults.csv")
    spec = (HERE / "spec.yaml").read_text(encoding="utf-8")
    declared = spec[spec.index("variables:") : spec.index("targets:")]
    sides = {"age": list(AGE.values()), "sex": SEXES, "education": SCHOOLING, "income": list(INCOME.values())}
    names = list(sides)
    targets = []
    for kept in ((0, 1), (1, 2), (2, 3)):
        counts = thousands.sum(axis=tuple(axis for axis in range(4) if axis not in kept))
        rows, heads = (sides[names[axis]] for axis in kept)
        shares = counts / counts.sum()
        table = [[row, *(f"{share:.12f}" for share in of_row)] for row, of_row in zip(rows, shares, strict=True)]
        file = f"{names[kept[0]]}_by_{names[kept[1]]}.csv"
        write_csv([[names[kept[0]], *heads], *table], folder / file)
        targets.append(f"  - {{table: {file}, layout: {{wide: [{names[kept[1]]}], values: share}}}}\n")
    text = f"records: {RECORDS}\n{declared}targets:\n{''.join(targets)}"
    (folder / "spec.yaml").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluation", type=Path, metavar="FOLDER", help="write what `synthor evaluate` needs instead")
    folder = parser.parse_args().evaluation
    adults = microdata()
    thousands = counted(adults)
    if folder is not None:
        evaluation(adults, thousands, folder)
        return
    total = round(thousands.sum())
    (HERE / "tables").mkdir(exist_ok=True)
    age_by_sex(whole(thousands.sum(axis=(2, 3)), total), HERE / "tables" / "age_by_sex.csv")
    education_by_sex(thousands.sum(axis=(0, 3)).T, HERE / "tables" / "education_by_sex.xlsx")
    income_by_education(whole(thousands.sum(axis=(0, 1)), total), HERE / "tables" / "income_by_education.csv")


if __name__ == "__main__":
    main()
