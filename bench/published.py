"""Drafts of tables whose population is known: how many pass their own check, and whether any counts somebody twice.

Each specimen is a small population laid out as offices do: wide or long, with totals, regions above districts, several years,
per cent, codes, identifiers, titles, notes, merged labels, several variables side by side, rounded, in thousands, with cells
that are not told, in seven languages. A draft that passes its check must make as many records as there are people, with no
label that is no category.

    python bench/published.py [specimens] [first seed]
"""

import collections
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from synthor import InputError, check
from synthor.draft import infer
from synthor.problem import compile_problem
from synthor.spec.load import parse_spec
from synthor.spec.scaffold import scaffold
from synthor.spec.tables.labels import span, undressed

LANGUAGES = {
    "en": ("Total", ("Male", "Female"), ("Under 15", "15 to 24", "25 to 64", "65 and over"), "Age", "Sex", "Number", "Per cent"),
    "de": ("Insgesamt", ("männlich", "weiblich"), ("unter 15", "15 bis 24", "25 bis 64", "65 und mehr"), "Alter", "Geschlecht", "Anzahl", "Prozent"),
    "fr": ("Ensemble", ("Hommes", "Femmes"), ("Moins de 15 ans", "15 à 24 ans", "25 à 64 ans", "65 ans et plus"), "Âge", "Sexe", "Nombre", "Pourcentage"),
    "es": ("Total", ("Hombres", "Mujeres"), ("Menos de 15 años", "De 15 a 24 años", "De 25 a 64 años", "65 y más años"), "Edad", "Sexo", "Total", "Porcentaje"),
    "pt": ("Total", ("Homens", "Mulheres"), ("Menos de 15 anos", "15 a 24 anos", "25 a 64 anos", "65 anos ou mais"), "Idade", "Sexo", "Número", "%"),
    "it": ("Totale", ("maschi", "femmine"), ("fino a 14 anni", "15-24 anni", "25-64 anni", "65 anni e più"), "Età", "Sesso", "Valore", "Percentuale"),
    "nl": ("Totaal", ("Mannen", "Vrouwen"), ("0 tot 15 jaar", "15 tot 25 jaar", "25 tot 65 jaar", "65 jaar of ouder"), "Leeftijd", "Geslacht", "Aantal", "%"),
}  # fmt: skip
OTHERS = {
    "Tenure": ("owned", "mortgaged", "rented", "rent free"),
    "Cars": ("No cars", "1 car", "2 cars", "3 or more cars"),
    "Household size": ("1 person", "2 people", "3 people", "4 people", "5 or more people"),
    "Marital status": ("single", "married", "divorced", "widowed"),
    "Heating": ("gas", "oil", "wood", "both"),
    "Activity": ("employed", "unemployed", "in education", "retired", "other"),
}
AREAS = ("Northby", "Southby", "Eastham", "Westham", "Midford", "Overton", "Netherby", "Farleigh")
REGIONS = ("Upper Land", "Lower Land", "Islands")


@dataclass(kw_only=True)
class Specimen:
    """Files, and the truth behind them.

    Attributes:
        files: names and texts.
        people: how many there are.
        labels: every category of every variable, undressed.
        room: how far printed numbers may be off together.
        how: what was done to them.
    """

    files: dict[str, str]
    people: float
    labels: set[str]
    room: float = 0.0
    how: list[str] = field(default_factory=list)
    hidden: bool = False


@dataclass(kw_only=True)
class Sheet:
    """A table on its way: sides, each with names of its labels, and the counts of the joint."""

    names: list[str]
    labels: list[list[str]]
    counts: np.ndarray
    total: str = "Total"
    number: str = "Number"
    percent: str = "Per cent"


def population(rng: np.random.Generator) -> tuple[Sheet, str]:
    language = list(LANGUAGES)[int(rng.integers(len(LANGUAGES)))]
    total, sexes, ages, age, sex, number, percent = LANGUAGES[language]
    sides: list[tuple[str, Sequence[str]]] = [(sex, sexes), (age, ages)]
    sides += [(name, OTHERS[name]) for name in rng.permutation(list(OTHERS))[:2]]
    if rng.random() < 0.6:
        n_areas = int(rng.integers(3, len(AREAS) + 1))
        codes = [f"{int(code)}" for code in rng.choice(np.arange(1000, 9999), n_areas, replace=False)]
        areas = list(AREAS[:n_areas]) if rng.random() < 0.6 else sorted(codes)
        sides.append(
            ("area" if areas[0][0].isalpha() else str(rng.choice(["zone", "zone_id", "tract", "commune code"])), areas)
        )
    chosen = [sides[i] for i in rng.permutation(len(sides))[: int(rng.integers(1, 4))]]
    counts = rng.integers(0, 200, tuple(len(labels) for _, labels in chosen)).astype(float)
    counts.flat[0] += 1
    names = [name for name, _ in chosen]
    return Sheet(
        names=names, labels=[list(labels) for _, labels in chosen], counts=counts, total=total, number=number, percent=percent
    ), language


def specimen(seed: int) -> Specimen:
    """A population laid out in some way: in one table, in two, or with its variables side by side."""
    rng = np.random.default_rng(seed)
    sheet, language = population(rng)
    how = [language]
    truth = {undressed(label) for labels in sheet.labels for label in labels}
    people = float(sheet.counts.sum())
    if sheet.counts.ndim > 2 and len(sheet.labels[0]) > 2 and rng.random() < 0.25:
        return Specimen(files={"table.csv": side_by_side(sheet, rng, how)}, people=people, labels=truth, how=how)
    if sheet.counts.ndim > 2 and rng.random() < 0.3:
        how.append("two tables")
        rounding = Rounding(first_year=int(rng.choice([2016, 2017])))
        first, second = marginal(sheet, (0, 1)), marginal(sheet, (0, 2))
        texts = [laid_out(one, truth, rng, how, rounding, alone=False) for one in (first, second)]
        return Specimen(files={"table.csv": texts[0], "other.csv": texts[1]}, people=people, labels=truth, how=how)
    rounding = Rounding()
    text = laid_out(sheet, truth, rng, how, rounding, alone=True)
    return Specimen(
        files={"table.csv": text},
        people=people * rounding.scale,
        labels=truth,
        room=rounding.room,
        how=how,
        hidden=rounding.hidden,
    )


@dataclass(kw_only=True)
class Rounding:
    """How printed numbers differ from counts."""

    room: float = 0.0
    scale: float = 1.0
    base: float = 1.0
    hidden: bool = False
    first_year: int = 2016


def marginal(sheet: Sheet, sides: tuple[int, ...]) -> Sheet:
    """The same people by some of the variables."""
    others = tuple(i for i in range(sheet.counts.ndim) if i not in sides)
    return Sheet(
        names=[sheet.names[i] for i in sides],
        labels=[sheet.labels[i] for i in sides],
        counts=sheet.counts.sum(axis=others),
        total=sheet.total,
        number=sheet.number,
        percent=sheet.percent,
    )


def side_by_side(sheet: Sheet, rng: np.random.Generator, how: list[str]) -> str:
    """Several variables by one, beside each other, with what else such files have."""
    how.append("side by side")
    columns: list[tuple[str, list[float]]] = []
    total = sheet.counts.reshape(len(sheet.labels[0]), -1).sum(axis=1)
    if rng.random() < 0.5:
        columns.append((str(rng.choice(["Total", "persons", "TOTPOP", "pop"])), total.tolist()))
        how.append(f"total as {columns[0][0]}")
        if rng.random() < 0.5:
            columns.append(("households", np.round(total / 2.3).tolist()))
            how.append("other people")
    for side in range(1, sheet.counts.ndim):
        cells = marginal(sheet, (0, side)).counts
        columns += [(label, cells[:, i].tolist()) for i, label in enumerate(sheet.labels[side])]
    if rng.random() < 0.3:
        columns.append(("created", [20220101.0] * len(total)))
        how.append("a date")
    heads = [sheet.names[0], *(name for name, _ in columns)]
    rows = [[label, *(f"{values[i]:.0f}" for _, values in columns)] for i, label in enumerate(sheet.labels[0])]
    return "\n".join(",".join(quoted(field, ",") for field in row) for row in [heads, *rows]) + "\n"


def laid_out(
    sheet: Sheet, truth: set[str], rng: np.random.Generator, how: list[str], rounding: Rounding, *, alone: bool
) -> str:
    """One table."""
    cells = sheet.counts.copy()

    def chance(share: float, name: str) -> bool:
        if rng.random() < share:
            how.append(name)
            return True
        return False

    totals = [rng.random() < 0.45 for _ in sheet.names]
    labels = [list(names) for names in sheet.labels]
    if cells.ndim > 1 and labels[0][0] in AREAS and chance(0.3, "regions"):
        cells, labels[0] = with_regions(cells, labels[0], rng)
        totals[0] = False
    for side, wanted in enumerate(totals):
        if wanted:
            cells = np.concatenate([cells, cells_of_all(cells, side, labels, truth)], axis=side)
            labels[side] = [*labels[side], sheet.total]
            if rng.random() < 0.4:
                cells, labels[side] = np.roll(cells, 1, axis=side), [labels[side][-1], *labels[side][:-1]]
            how.append("total")
    if alone and chance(0.12, "rounded"):
        rounding.base = float(rng.choice([5, 10]))
        cells = np.round(cells / rounding.base) * rounding.base
        rounding.room = rounding.base * cells.size
    elif alone and chance(0.08, "thousands"):
        rounding.scale = 1000.0
        rounding.room = 1000.0 * cells.size
    elif alone and chance(0.08, "hidden"):
        rounding.hidden = True
    years = [str(year) for year in range(rounding.first_year, 2019)] if chance(0.18, "years") else []
    return written(sheet, labels, cells, years, rng, chance, how, rounding)


def cells_of_all(cells: np.ndarray, side: int, labels: Sequence[Sequence[str]], truth: set[str]) -> np.ndarray:
    """Sums over one side, of categories alone."""
    own = [i for i, label in enumerate(labels[side]) if undressed(label) in truth]
    return cells.take(own, axis=side).sum(axis=side, keepdims=True)


def with_regions(cells: np.ndarray, areas: list[str], rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Regions above their areas, perhaps the country above them."""
    cut = sorted(rng.choice(np.arange(1, len(areas)), int(rng.integers(1, min(3, len(areas)))), replace=False).tolist())
    rows, names = [], []
    if rng.random() < 0.5:
        rows.append(cells.sum(axis=0))
        names.append("Land")
    for i, (first, last) in enumerate(zip([0, *cut], [*cut, len(areas)], strict=True)):
        if last - first > 1:
            rows.append(cells[first:last].sum(axis=0))
            names.append(REGIONS[i % len(REGIONS)] + ("" if i < len(REGIONS) else " II"))
        rows += list(cells[first:last])
        names += areas[first:last]
    return np.stack(rows), names


def written(sheet: Sheet, labels, cells, years, rng, chance, how, rounding) -> str:  # type: ignore[no-untyped-def]
    """The text of a table."""
    scale, base = rounding.scale, rounding.base
    comma = rng.random() < 0.3
    thousands = str(rng.choice(["", "", ",", " "])) if not comma else str(rng.choice(["", ".", " "]))
    separator = ";" if comma or rng.random() < 0.2 else str(rng.choice([",", "\t"]))
    if separator == "," and thousands == ",":
        thousands = ""

    def shown(value: float) -> str:
        if scale > 1:
            return f"{value:.0f}"
        if rounding.hidden and value < 10:
            return ".."
        plain = f"{value:,.0f}"
        return plain.replace(",", thousands)

    if thousands == "." and cells.max() < 1000:
        thousands = ""
    wide = cells.ndim > 1 and chance(0.5, "wide")
    n_wide = 2 if wide and cells.ndim > 2 and chance(0.4, "two heads") else 1 if wide else 0
    n_stub = cells.ndim - n_wide
    stubs = list(np.ndindex(*cells.shape[:n_stub]))
    name_of_value = str(rng.choice([sheet.number, "count", "Persons", "Value", "Observation", "persons"]))
    growth = [1.0 + 0.07 * (len(years) - 1 - i) for i in range(len(years))]
    names = [*sheet.names]
    rows: list[list[str]] = []
    lettered = all(label[0].isalpha() for label in labels[0])
    codes = {label: f"E{i:03d}" for i, label in enumerate(labels[0])} if lettered and chance(0.2, "codes") else {}
    constant = chance(0.2, "constant column")
    identifier = not years and chance(0.12, "row numbers")
    percent = not wide and not years and chance(0.25, "per cent")
    margins = not wide and not percent and not years and scale == 1 and chance(0.1, "margins")
    merged = n_stub > 1 and not codes and chance(0.25, "merged labels")
    blank_heads = (
        wide and n_stub <= 2 and not codes and not constant and not identifier and not years and chance(0.15, "blank heads")
    )
    year_heads = bool(years) and not wide and chance(0.5, "years as heads")
    before: list[str] = []
    for number, stub in enumerate(stubs):
        said = [labels[side][i] for side, i in enumerate(stub)]
        lead = [codes[said[0]]] if codes else []
        shown_labels = list(said)
        if merged:
            for place in range(n_stub - 1):
                if before[: place + 1] == said[: place + 1] and said[place] not in (sheet.total,):
                    shown_labels[place] = ""
            before = said
        lead = [*([str(number + 1)] if identifier else []), *lead, *shown_labels, *(["Land"] if constant else [])]
        values = cells[stub].ravel() if wide else [float(cells[stub])]
        if years and not year_heads:
            for year, factor in zip(years, growth, strict=True):
                rows.append([year, *lead, *[shown(np.round(value * factor / base) * base) for value in values]])
        elif year_heads:
            rows.append([*lead, *[shown(np.round(float(values[0]) * factor / base) * base) for factor in growth]])
        else:
            extra = (
                [f"{100 * values[0] / max(cells.max(), 1):.1f}".replace(".", "," if comma else ".")]
                if percent
                else [f"{max(values[0] * 0.1, 1):.0f}"]
                if margins
                else []
            )
            rows.append([*lead, *[shown(value) for value in values], *extra])
    if years and not year_heads and rng.random() < 0.5:
        rows.sort(key=lambda row: row[0])
    heads = [
        *(["id"] if identifier else []),
        *([f"{names[0]} code"] if codes else []),
        *names[:n_stub],
        *(["Country"] if constant else []),
    ]
    if blank_heads:
        heads = [""] * len(heads)
    if years and not year_heads:
        heads = ["year", *heads]
    lines: list[list[str]] = []
    if n_wide == 2:
        upper, lower = labels[-2], labels[-1]
        lines.append([*[""] * len(heads), *[label if j == 0 else "" for label in upper for j in range(len(lower))]])
        lines.append([*heads, *[label for _ in upper for label in lower]])
    elif wide:
        lines.append([*heads, *labels[-1]])
    elif year_heads:
        lines.append([*heads, *years])
    else:
        lines.append(
            [
                *heads,
                name_of_value,
                *([sheet.percent if sheet.percent != name_of_value else "%"] if percent else ["MOE"] if margins else []),
            ]
        )
    title = (
        [["Table 7. " + " by ".join(names) + (" (in thousands)" if scale > 1 else "")]]
        if scale > 1 or chance(0.4, "title")
        else []
    )
    notes = [["Source: the office, 2021"]] if chance(0.4, "notes") else []
    if percent:
        how.append(f"percent as {lines[-1][-1]}")
    table = [*title, *lines, *rows, *notes]
    return "\n".join(separator.join(quoted(field, separator) for field in line) for line in table) + "\n"


def quoted(text: str, separator: str) -> str:
    return f'"{text}"' if separator in text or '"' in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a specimen: passed, asked, left or wrong, and why."""

    kind: str
    why: str = ""


def tried(one: Specimen, folder: Path) -> Outcome:
    """Draft a specimen, check the draft, and compare it with the truth."""
    tables = folder / "tables"
    tables.mkdir(exist_ok=True)
    for path in tables.iterdir():
        path.unlink()
    for name, text in one.files.items():
        (tables / name).write_text(text, encoding="utf-8")
    try:
        text = scaffold(infer(tables, beside=folder))
    except InputError as error:
        return Outcome(kind="left", why=str(error.findings[0])[:150])
    spec = parse_spec(text).placed_in(folder)
    findings = [finding for finding in check(spec) if finding.severity == "error"]
    if findings:
        asked = all("filled in" in finding.message for finding in findings)
        return Outcome(kind="asked" if asked else "fails", why=str(findings[0])[:150])
    problem = compile_problem(spec)
    if abs(spec.records - one.people) > one.room + (10 * sum(text.count("..") for text in one.files.values()) or 0.5):
        return Outcome(kind="wrong", why=f"{spec.records:,} records of {one.people:,.0f} people")
    for target in () if one.hidden else problem.targets:
        if (
            not target.totals_of
            and target.grid.covers
            and abs(float(target.wanted.sum()) - one.people) > one.room + 0.5
            and not target.hidden
        ):
            return Outcome(kind="wrong", why=f"{target.name} adds up to {target.wanted.sum():,.0f} of {one.people:,.0f} people")
    for name, variable in spec.variables.items():
        strange = set(map(undressed, getattr(variable, "values", ()))) - one.labels
        if strange:
            return Outcome(kind="wrong", why=f"{name} has {sorted(strange)[:3]}")
    known = {undressed(label) for variable in problem.levels[0].variables for label in variable.labels}
    lost = {label for label in one.labels - known if span(label) is None}
    if lost:
        return Outcome(kind="lost", why=f"no variable has {sorted(lost)[:3]}")
    return Outcome(kind="passed")


def summary(outcomes: Mapping[int, Outcome]) -> dict[str, int]:
    return dict(collections.Counter(outcome.kind for outcome in outcomes.values()).most_common())


def main() -> None:
    n, first = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    begin = time.perf_counter()
    outcomes: dict[int, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + n):
            one = specimen(seed)
            outcomes[seed] = tried(one, Path(folder))
            if outcomes[seed].kind != "passed" and len([o for o in outcomes.values() if o.kind == outcomes[seed].kind]) <= 12:
                print(seed, outcomes[seed].kind, "|", outcomes[seed].why, "|", ", ".join(one.how), flush=True)
    print(json.dumps({"specimens": n, **summary(outcomes), "seconds": round(time.perf_counter() - begin)}))


if __name__ == "__main__":
    main()
