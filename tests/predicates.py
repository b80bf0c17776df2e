"""Predicates over households, persons and trips at random, each with what it means in plain Python."""

import operator
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import polars as pl

from synthor.schema import Level, Schema, Variable
from synthor.schema.kinds import Category, Integer, Number

KIN = Category(type="category", values=["head", "partner", "child", "granny"]).build("kin")
AGE = Integer(type="integer", min=0, max=30, bins=[0, 5, 6, 12, 20]).build("age").with_missing("not told")
EARNINGS = Number(type="number", min=-2, max=5, bins=[-2, 0, 0.5, 2], decimals=1).build("earnings")
SEX = Category(type="category", values=["f", "m"]).build("sex").with_missing("not said")
INCOME = Number(type="number", min=-5, max=20, bins=[-5, 0, 1, 4], decimals=1).build("income")
TENURE = Category(type="category", values=["owned", "rented"]).build("tenure")
MODE = Category(type="category", values=["walk", "car"]).build("mode")
MINUTES = Integer(type="integer", min=1, max=9, bins=[1, 2, 5]).build("minutes")
ROLES = {"head": 1, "partner": 1, "child": None, "granny": None}
SCHEMA = Schema(
    levels=(
        Level(name="household", variables=(TENURE, INCOME)),
        Level(name="person", variables=(KIN, AGE, EARNINGS, SEX), parent="household", role="kin", roles=ROLES),
        Level(name="trip", variables=(MODE, MINUTES), parent="person", ordered=True),
    )
)

Row = dict[str, Any]
"""Values of a row by name, and the rows below it under `below`."""

Sight = dict[str, Row]
"""What a predicate is said of: rows by their level; the other row of a pair by `other`."""


class Said(NamedTuple):
    """A text and its meaning; None for neither true nor false, and for no number."""

    text: str
    of: Callable[[Sight], Any]


def town(n: int, rng: random.Random) -> list[Row]:
    """Households with up to seven persons of up to three trips, some without a head, a partner or anybody."""

    def row(variables: Sequence[Variable], **more: Any) -> Row:
        return {variable.name: value(variable, rng) for variable in variables} | more

    homes = []
    for _ in range(n):
        times = {
            "head": rng.random() < 0.85,
            "partner": rng.random() < 0.5,
            "child": rng.randint(0, 3),
            "granny": rng.randint(0, 2),
        }
        kin = [role for role, often in times.items() for _ in range(int(often))]
        rng.shuffle(kin)
        trips = [[row((MODE, MINUTES)) for _ in range(rng.choice((0, 0, 1, 2, 3)))] for _ in kin]
        persons = [row((AGE, EARNINGS, SEX), kin=one, below=below) for one, below in zip(kin, trips, strict=True)]
        homes.append(row((TENURE, INCOME), below=persons))
    return homes


def value(variable: Variable, rng: random.Random, bin_of: Any = None) -> Any:
    """A value of a variable; in the same bin as another where one is given, and often at an end of it."""
    if not variable.numeric:
        return rng.choice((*variable.valued.labels, None) if variable.missing else variable.labels)
    scale = 10**variable.decimals
    low, high = variable.least, variable.most
    if bin_of is not None:
        code = variable.code_of_number(bin_of)
        low, high = variable.low[code], variable.high[code]
    elif variable.missing and rng.random() < 0.15:
        return None
    steps = rng.choice((round(low * scale), round(high * scale), rng.randint(round(low * scale), round(high * scale))))
    return steps / scale if scale > 1 else steps


def redrawn(homes: Sequence[Row], rng: random.Random) -> list[Row]:
    """Other numbers in the same bins."""
    numeric = {variable.name: variable for level in SCHEMA for variable in level.variables if variable.numeric}

    def row(one: Row) -> Row:
        again = {name: value(numeric[name], rng, old) for name, old in one.items() if name in numeric and old is not None}
        return one | again | ({"below": [row(other) for other in one["below"]]} if "below" in one else {})

    return [row(home) for home in homes]


def frames(homes: Sequence[Row]) -> dict[str, pl.DataFrame]:
    """Records, one table a level with keys."""
    persons = [(h, person) for h, home in enumerate(homes) for person in home["below"]]
    trips = [(p, trip) for p, (_, person) in enumerate(persons) for trip in person["below"]]
    found = {}
    for level, above, rows in (
        (SCHEMA.levels[0], "", [(0, home) for home in homes]),
        (SCHEMA.levels[1], "household_id", persons),
        (SCHEMA.levels[2], "person_id", trips),
    ):
        columns = [pl.Series(level.key, range(len(rows)), dtype=pl.Int64)]
        columns += [pl.Series(above, [of for of, _ in rows], dtype=pl.Int64)] if above else []
        for variable in level.variables:
            dtype = (pl.Float64 if variable.decimals else pl.Int64) if variable.numeric else pl.String
            columns.append(pl.Series(variable.name, [row[variable.name] for _, row in rows], dtype=dtype))
        found[level.name] = pl.DataFrame(columns)
    return found


def all_of(told: Sequence[bool | None]) -> bool | None:
    return False if False in told else None if None in told else True


def no(told: bool | None) -> bool | None:
    return None if told is None else not told


def any_of(told: Sequence[bool | None]) -> bool | None:
    return no(all_of([no(one) for one in told]))


def with_both(what: Callable[[Any, Any], Any], a: Said, b: Said) -> Callable[[Sight], Any]:
    """Of two numbers that are both there."""

    def of(sight: Sight) -> Any:
        left, right = a.of(sight), b.of(sight)
        return None if left is None or right is None else what(left, right)

    return of


def number(row: Row | None, name: str) -> float | None:
    told = None if row is None else row[name]
    return None if told is None else float(told)


def folded(name: str, numbers: Sequence[float]) -> float | None:
    """As written in decimals: 0.1 and 0.2 are 0.3."""
    total = sum((Fraction(str(one)) for one in numbers), Fraction(0))
    if name in ("count", "sum"):
        return float(total)
    return {"mean": float(total / len(numbers)), "min": min(numbers), "max": max(numbers)}[name] if numbers else None


COMPARED = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
COMPUTED = {"+": operator.add, "-": operator.sub, "*": operator.mul}


class Grammar:
    """Predicates at random; `pair` speaks of a child and a granny, who are not folded then."""

    def __init__(self, rng: random.Random, level: str = "household") -> None:
        self.rng = rng
        self.folded = ("person", "head") if level == "pair" else ("person", "person", "child", "granny", "head")

    def condition(self, level: str, depth: int) -> Said:
        """Anything that may be true of rows of a level."""
        kind = self.rng.random()
        if depth and kind < 0.45:
            a, b = self.condition(level, depth - 1), self.condition(level, depth - 1)
            if self.rng.random() < 0.6:
                return Said(f"({a.text} and {b.text})", lambda sight: all_of([a.of(sight), b.of(sight)]))
            return Said(f"({a.text} or {b.text})", lambda sight: any_of([a.of(sight), b.of(sight)]))
        if depth and kind < 0.55:
            inner = self.condition(level, depth - 1)
            return Said(f"not ({inner.text})", lambda sight: no(inner.of(sight)))
        if depth and kind < 0.7:
            below, rows = self.rows(level)
            inner = self.condition(below, depth - 1)
            name, fold = self.rng.choice((("any", any_of), ("all", all_of)))
            return Said(f"{name}({rows.text}, {inner.text})", lambda sight: fold([inner.of(one) for one in rows.of(sight)]))
        if kind < 0.8:
            return self.membership(level)
        sign, deep = self.rng.choice(list(COMPARED)), min(depth, 1) if level == "pair" else depth
        if level == "pair" and kind < 0.85:  # what is folded is compared with no other row of a pair
            a, b = self.fold(level, 1), self.number("household", 0)
        else:
            a, b = self.number(level, deep), self.number(level, deep)
        return Said(f"{a.text} {sign} {b.text}", with_both(COMPARED[sign], a, b))

    def membership(self, level: str) -> Said:
        sign, row = self.rng.choice(("=", "<>")), self.row(level)
        variable = MODE if level == "trip" and self.rng.random() < 0.5 else self.rng.choice((SEX, SEX, AGE))
        row = Said("", lambda sight: sight["trip"]) if variable is MODE else row
        beside, name = row.text in ("head.", "partner."), variable.name
        if variable is AGE:
            variable = SEX if beside else AGE  # of a row that need not be there nobody says that it has no value
            name = variable.name
        labels = variable.labels[-1:] if variable is AGE else variable.valued.labels if beside else variable.labels
        label = self.rng.choice(labels)

        def of(sight: Sight) -> bool | None:
            one = row.of(sight)
            if one is None or (one[name] is None and label in variable.valued.labels):
                return None
            return ((label if one[name] is None else one[name]) == label) == (sign == "=")

        return Said(f"{row.text}{name} {sign} '{label}'", of)

    def row(self, level: str) -> Said:
        """A person that rows of a level see, as it stands before a name."""
        if level == "pair":
            role = self.rng.choice(("child", "granny"))
            return Said(f"{role}.", lambda sight: sight["person" if role == "child" else "other"])
        if level != "household" and self.rng.random() < 0.6:
            return Said("", lambda sight: sight["person"])
        role = self.rng.choice(("head", "partner"))
        return Said(f"{role}.", lambda sight: next((one for one in sight["household"]["below"] if one["kin"] == role), None))

    def rows(self, level: str) -> tuple[str, Said]:
        """Rows below, or those below a row above, and their level."""
        if level in ("person", "trip") and self.rng.random() < 0.6:
            return "trip", Said("trip", lambda sight: [sight | {"trip": trip} for trip in sight["person"]["below"]])
        name = self.rng.choice((*self.folded, *(["trip"] if level == "household" else [])))

        def persons(sight: Sight) -> list[Sight]:
            return [sight | {"person": one} for one in sight["household"]["below"] if name in ("person", "trip", one["kin"])]

        if name == "trip":
            return "trip", Said(
                name, lambda sight: [one | {"trip": trip} for one in persons(sight) for trip in one["person"]["below"]]
            )
        return "person", Said(name, persons)

    def number(self, level: str, depth: int) -> Said:
        """Anything that is a number of rows of a level."""
        kind = self.rng.random()
        if depth and kind < 0.3:
            sign, a, b = self.rng.choice(list(COMPUTED)), self.number(level, depth - 1), self.number(level, depth - 1)
            return Said(f"({a.text} {sign} {b.text})", with_both(COMPUTED[sign], a, b))
        if depth and kind < 0.75 and level != "pair":
            return self.fold(level, depth)
        if kind < 0.4:
            told = self.rng.randint(-3, 12)
            return Said(str(told) if told >= 0 else f"({told})", lambda sight: float(told))
        if level == "trip" and kind < 0.7:
            return Said("minutes", lambda sight: number(sight["trip"], "minutes"))
        row, name = self.row(level), self.rng.choice(("age", "age", "earnings"))
        return Said(row.text + name, lambda sight: number(row.of(sight), name))

    def fold(self, level: str, depth: int) -> Said:
        name, (below, rows) = self.rng.choice(("count", "sum", "mean", "min", "max")), self.rows(level)
        variable = "minutes" if below == "trip" else self.rng.choice(("age", "earnings"))
        such = self.condition(below, depth - 1) if self.rng.random() < 0.5 else None

        def of(sight: Sight) -> float | None:
            those = [one for one in rows.of(sight) if such is None or such.of(one) is True]
            told = [1.0 if name == "count" else number(one[below], variable) for one in those]
            return folded(name, [one for one in told if one is not None])

        text = rows.text if name == "count" else f"{rows.text}.{variable}"
        return Said(f"{name}({text}{f', {such.text}' if such else ''})", of)
