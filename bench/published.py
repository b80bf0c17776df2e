"""Drafts of tables whose population is known: how many pass their own check, and whether any counts somebody twice.

Each specimen is a small population laid out as offices do: wide or long, with totals, regions above districts, several years,
per cent, codes, identifiers, titles, notes, merged labels, several variables side by side, rounded, in thousands, with cells
that are not told, in seven languages; files are then worn: other line ends, blank rows and columns, rows in another order.
A draft that passes its check must make as many records as there are people, with no label that is no category. Every specimen
is also damaged at random, of which nothing but an error in words may come. Writes bench/results/published.json.

    python bench/published.py [specimens] [first seed]
"""

import collections
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness import dated, write
from synthor import InputError, check
from synthor.draft import infer
from synthor.problem import compile_problem
from synthor.spec.load import parse_spec
from synthor.spec.scaffold import scaffold
from synthor.spec.tables.labels import span, undressed

PART = 250
"""Specimens that a process tries in one go."""
LANGUAGES = {
    "en": "Total|Male|Female|Under 15|15 to 24|25 to 64|65 and over|Age|Sex|Number|Per cent",
    "de": "Insgesamt|männlich|weiblich|unter 15|15 bis 24|25 bis 64|65 und mehr|Alter|Geschlecht|Anzahl|Prozent",
    "fr": "Ensemble|Hommes|Femmes|Moins de 15 ans|15 à 24 ans|25 à 64 ans|65 ans et plus|Âge|Sexe|Nombre|Pourcentage",
    "es": "Total|Hombres|Mujeres|Menos de 15 años|De 15 a 24 años|De 25 a 64 años|65 y más años|Edad|Sexo|Total|Porcentaje",
    "pt": "Total|Homens|Mulheres|Menos de 15 anos|15 a 24 anos|25 a 64 anos|65 anos ou mais|Idade|Sexo|Número|%",
    "it": "Totale|maschi|femmine|fino a 14 anni|15-24 anni|25-64 anni|65 anni e più|Età|Sesso|Valore|Percentuale",
    "nl": "Totaal|Mannen|Vrouwen|0 tot 15 jaar|15 tot 25 jaar|25 tot 65 jaar|65 jaar of ouder|Leeftijd|Geslacht|Aantal|%",
}
"""Total, two sexes, four ages, and what age, sex, number and per cent are called."""
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
    total, *words = LANGUAGES[language].split("|")
    sexes, ages, (age, sex, number, percent) = words[:2], words[2:6], words[6:]
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
    text = Writer(sheet=sheet, labels=labels, cells=cells, years=years, rng=rng, how=how, rounding=rounding).text()
    return worn(text, rng, how) if rng.random() < 0.4 else text


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


@dataclass(kw_only=True)
class Writer:
    """How the text of one table is decorated."""

    sheet: Sheet
    labels: list[list[str]]
    cells: np.ndarray
    years: list[str]
    rng: np.random.Generator
    how: list[str]
    rounding: Rounding

    def chance(self, share: float, name: str) -> bool:
        if self.rng.random() < share:
            self.how.append(name)
            return True
        return False

    def text(self) -> str:
        """The text of a table."""
        rng, cells, names = self.rng, self.cells, self.sheet.names
        self.comma = rng.random() < 0.3
        self.thousands = str(rng.choice(["", ".", " "])) if self.comma else str(rng.choice(["", "", ",", " "]))
        separator = ";" if self.comma or rng.random() < 0.2 else str(rng.choice([",", "\t"]))
        if (separator == "," and self.thousands == ",") or (self.thousands == "." and cells.max() < 1000):
            self.thousands = ""
        self.wide = cells.ndim > 1 and self.chance(0.5, "wide")
        n_wide = 2 if self.wide and cells.ndim > 2 and self.chance(0.4, "two heads") else 1 if self.wide else 0
        self.n_stub = cells.ndim - n_wide
        self.year_heads = bool(self.years) and not self.wide and self.chance(0.5, "years as heads")
        self.decorate()
        rows = self.rows()
        if self.years and not self.year_heads and rng.random() < 0.5:
            rows.sort(key=lambda row: row[0])
        scaled = self.rounding.scale > 1
        title = "Table 7. " + " by ".join(names) + (" (in thousands)" if scaled else "")
        above = [[title]] if scaled or self.chance(0.4, "title") else []
        below = [["Source: the office, 2021"]] if self.chance(0.4, "notes") else []
        lines = [*above, *self.heads(n_wide), *rows, *below]
        return "\n".join(separator.join(quoted(field, separator) for field in line) for line in lines) + "\n"

    def decorate(self) -> None:
        """What stands beside labels and values."""
        first, plain = self.labels[0], not self.wide and not self.years
        lettered = all(label[0].isalpha() for label in first)
        self.codes = {label: f"E{i:03d}" for i, label in enumerate(first)} if lettered and self.chance(0.2, "codes") else {}
        self.constant = self.chance(0.2, "constant column")
        self.identifier = not self.years and self.chance(0.12, "row numbers")
        self.percent = plain and self.chance(0.25, "per cent")
        self.margins = plain and not self.percent and self.rounding.scale == 1 and self.chance(0.1, "margins")
        self.merged = self.n_stub > 1 and not self.codes and self.chance(0.25, "merged labels")
        bare = not (self.codes or self.constant or self.identifier or self.years)
        self.blank_heads = self.wide and self.n_stub <= 2 and bare and self.chance(0.15, "blank heads")

    def shown(self, value: float) -> str:
        if self.rounding.hidden and value < 10:
            return ".."
        return f"{value:.0f}" if self.rounding.scale > 1 else f"{value:,.0f}".replace(",", self.thousands)

    def in_year(self, value: float, year: str) -> str:
        base = self.rounding.base
        return self.shown(np.round(value * (1 + 0.07 * (2018 - int(year))) / base) * base)

    def rows(self) -> list[list[str]]:
        rows: list[list[str]] = []
        before: list[str] = []
        for number, stub in enumerate(np.ndindex(*self.cells.shape[: self.n_stub])):
            said = [self.labels[side][i] for side, i in enumerate(stub)]
            shown = list(said)
            for place in range(self.n_stub - 1 if self.merged else 0):
                if before[: place + 1] == said[: place + 1] and said[place] != self.sheet.total:
                    shown[place] = ""
            before = said
            lead = [*([str(number + 1)] if self.identifier else []), *([self.codes[said[0]]] if self.codes else []), *shown]
            lead += ["Land"] if self.constant else []
            values = self.cells[stub].ravel().tolist() if self.wide else [float(self.cells[stub])]
            if self.year_heads:
                rows.append([*lead, *[self.in_year(values[0], year) for year in self.years]])
            elif self.years:
                rows += [[year, *lead, *[self.in_year(value, year) for value in values]] for year in self.years]
            else:
                rows.append([*lead, *map(self.shown, values), *self.beside(values[0])])
        return rows

    def beside(self, value: float) -> list[str]:
        """Per cent, or a margin of error."""
        if self.percent:
            return [f"{100 * value / max(self.cells.max(), 1):.1f}".replace(".", "," if self.comma else ".")]
        return [f"{max(value * 0.1, 1):.0f}"] if self.margins else []

    def heads(self, n_wide: int) -> list[list[str]]:
        names, sheet = self.sheet.names, self.sheet
        heads = [*(["id"] if self.identifier else []), *([f"{names[0]} code"] if self.codes else []), *names[: self.n_stub]]
        heads += ["Country"] if self.constant else []
        heads = [""] * len(heads) if self.blank_heads else heads
        heads = ["year", *heads] if self.years and not self.year_heads else heads
        if n_wide == 2:
            upper, lower = self.labels[-2:]
            above = [label if j == 0 else "" for label in upper for j in range(len(lower))]
            return [[*[""] * len(heads), *above], [*heads, *lower * len(upper)]]
        if self.wide:
            return [[*heads, *self.labels[-1]]]
        if self.year_heads:
            return [[*heads, *self.years]]
        value = str(self.rng.choice([sheet.number, "count", "Persons", "Value", "Observation", "persons"]))
        percent = sheet.percent if sheet.percent != value else "%"
        return [[*heads, value, *([percent] if self.percent else ["MOE"] if self.margins else [])]]


def worn(text: str, rng: np.random.Generator, how: list[str]) -> str:
    """The same table as other programs save it."""
    lines = text.splitlines()
    wear = [str(one) for one in rng.choice(["line ends", "blank rows", "mark", "order", "blank column"], 2, replace=False)]
    separator = next((mark for mark in (";", "\t", ",") if all(mark in line for line in lines)), "")
    if "order" in wear and not {"merged labels", "regions", "two heads", "notes", "title"} & set(how) and separator:
        head, *rows = lines
        lines = [head, *[rows[i] for i in rng.permutation(len(rows))]]
        how.append("rows in another order")
    if "blank column" in wear and separator:
        lines = [line + separator for line in lines]
        how.append("a blank column")
    if "blank rows" in wear:
        lines = [piece for line in lines for piece in ([line, ""] if rng.random() < 0.1 else [line])]
        how.append("blank rows")
    end = "\r\n" if "line ends" in wear else "\n"
    return ("\ufeff" if "mark" in wear else "") + end.join(lines) + end


def damaged(text: str, rng: np.random.Generator) -> str:
    """A table with characters, fields or rows changed at random: what comes of it is an error in words, or a draft."""
    lines = text.splitlines()
    for _ in range(int(rng.integers(1, 4))):
        i = int(rng.integers(len(lines)))
        kind = int(rng.integers(5))
        if kind == 0:
            lines.pop(i) if len(lines) > 1 else None
        elif kind == 1:
            lines.insert(i, lines[int(rng.integers(len(lines)))])
        elif kind == 2 and lines[i]:
            at = int(rng.integers(len(lines[i])))
            lines[i] = lines[i][:at] + str(rng.choice(list(",;\t\"'-.*% 0x9(éΩ"))) + lines[i][at + 1 :]
        elif kind == 3:
            lines[i] = ""
        else:
            lines[i] = lines[i][: len(lines[i]) // 2]
    return "\n".join(lines) + "\n"


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
    for target in () if one.hidden else problem.counts:
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
    known = {undressed(label) for variable in problem.schema.unit.variables for label in variable.labels}
    lost = {label for label in one.labels - known if span(label) is None}
    if lost:
        return Outcome(kind="lost", why=f"no variable has {sorted(lost)[:3]}")
    return Outcome(kind="passed")


def summary(outcomes: Mapping[int, Outcome]) -> dict[str, int]:
    return dict(collections.Counter(outcome.kind for outcome in outcomes.values()).most_common())


def survives(one: Specimen, folder: Path, rng: np.random.Generator) -> str:
    """What a damaged specimen ends with that is no error in words; empty where nothing does."""
    texts = {name: damaged(text, rng) for name, text in one.files.items()}
    try:
        tried(Specimen(files=texts, people=one.people, labels=one.labels, room=one.room, hidden=True), folder)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:150]
    return ""


def of_seeds(seeds: Sequence[int]) -> dict[int, Outcome]:
    """What becomes of some specimens, whole and damaged; of those that fare badly a line is printed."""
    outcomes: dict[int, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            one = specimen(seed)
            found = tried(one, Path(folder))
            crash = survives(one, Path(folder), np.random.default_rng((1, seed)))
            outcomes[seed] = Outcome(kind="crash", why=crash) if crash else found
            if outcomes[seed].kind not in ("passed", "asked"):
                print(seed, outcomes[seed].kind, "|", outcomes[seed].why, "|", ", ".join(one.how), flush=True)
    return outcomes


def main() -> None:
    n, first = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    begin = time.perf_counter()
    parts = [range(start, min(start + PART, first + n)) for start in range(first, first + n, PART)]
    outcomes: dict[int, Outcome] = {}
    with ProcessPoolExecutor() as pool:
        for found in pool.map(of_seeds, parts):
            outcomes |= found
    result = {
        "specimens": n,
        "first_seed": first,
        "outcomes": summary(outcomes),
        "seconds": round(time.perf_counter() - begin),
    }
    write("published", dated(result))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
