"""Random problems that have a solution, being counted from a small population: how many are met, and why the others are not.

    python bench/feasible.py [500] [first seed]

Each problem has 1 to 600 records of 2 to 5 variables of all kinds, and 1 to 7 targets of all kinds as an office would print
them: counts, shares, shares inside others, means, totals, standard deviations, quantiles, flows, with tolerances and rounding,
for all records or those of a universe; some have rules that the population keeps.
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from harness import dated, write
from synthor import synthesize
from synthor.errors import InputError
from synthor.spec.model import Spec

KINDS = {"counts": .14, "cross": .16, "shares": .08, "by": .14, "mean": .14, "total": .1, "sd": .04, "quantiles": .06,
         "flows": .03, "rounded": .03, "tolerance": .04, "where": .04}  # fmt: skip
SIZES = (1, 2, 3, 5, 8, 13, 20, 35, 60, 100, 170, 300, 600)

Cell = str | int | float | bool


@dataclass
class Draft:
    """A problem that is being made: its population and what is published of it."""

    random: np.random.Generator
    n: int
    frame: pl.DataFrame
    variables: dict[str, dict[str, Any]]
    labels: dict[str, list[str]]
    targets: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, str]] = field(default_factory=list)

    @property
    def numeric(self) -> list[str]:
        return [name for name, v in self.variables.items() if v["type"] in ("integer", "number")]

    def label_of(self, name: str) -> list[str]:
        """What the bins or categories of one variable's values are called."""
        v, values = self.variables[name], self.frame[name]
        if v["type"] == "category":
            return [str(value) for value in values]
        if v["type"] == "boolean":
            return ["yes" if value else "no" for value in values]
        place = np.searchsorted(v["bins"], values.to_numpy(), side="right") - 1
        return [self.labels[name][i] for i in place]

    def cells(self, names: list[str]) -> dict[tuple[str, ...], int]:
        """Counts of all combinations of labels, empty ones too."""
        every: dict[tuple[str, ...], int] = {(): 0}
        for name in names:
            every = {(*cell, label): 0 for cell in every for label in self.labels[name]}
        for cell in zip(*(self.label_of(name) for name in names), strict=True):
            every[cell] += 1
        return every


def draft(seed: int) -> Draft:
    """A population and its variables."""
    random = np.random.default_rng(seed)
    n = int(random.choice(SIZES))
    kinds = random.choice(["category", "boolean", "integer", "number"], size=random.integers(2, 6), p=[0.4, 0.1, 0.3, 0.2])
    group = random.integers(0, 3, size=n)
    frame: dict[str, Any] = {}
    variables: dict[str, dict[str, Any]] = {}
    labels: dict[str, list[str]] = {}
    for i, kind in enumerate(kinds):
        name = f"{kind[:3]}{i}"
        if kind == "category":
            k = int(random.integers(2, 7))
            labels[name] = [f"{name} {chr(97 + j)}" for j in range(k)]
            chance = random.dirichlet(np.full(k, 0.7), size=3)
            frame[name] = [labels[name][random.choice(k, p=chance[g])] for g in group]
            variables[name] = {"type": "category", "values": labels[name]}
        elif kind == "boolean":
            labels[name] = ["yes", "no"]
            frame[name] = (random.random(n) < 0.2 + 0.3 * group).tolist()
            variables[name] = {"type": "boolean"}
        else:
            decimals = 0 if kind == "integer" else int(random.integers(0, 3))
            high = int(random.choice([9, 60, 400, 100_000]))
            low = int(random.choice([0, 0, 1, -20]))
            raw = low + (high - low) * random.beta(1 + group, random.choice([2.0, 6.0]), size=n)
            values = np.clip(np.round(raw, decimals), low, high)
            edges = np.unique(np.round(np.quantile(np.append(raw, [low, high]), random.random(random.integers(1, 6))), 0))
            edges = edges[(edges > low) & (edges < high)]
            bins = [low, *(int(edge) for edge in edges)]
            step = 10.0**-decimals
            tops = [*(edge - step for edge in bins[1:]), high]
            labels[name] = [text(a) if a == b else f"{text(a)} to {text(b)}" for a, b in zip(bins, tops, strict=True)]
            frame[name] = values.astype(int).tolist() if kind == "integer" else values.tolist()
            numbers: dict[str, Any] = {"type": kind, "min": low, "max": high, "bins": bins, "labels": labels[name]}
            if kind == "number":
                numbers["decimals"] = decimals
            variables[name] = numbers
    found = Draft(random, n, pl.DataFrame(frame), variables, labels)
    if len(found.numeric) >= 2 and random.random() < 0.4:  # numbers that a rule ties: the second is never smaller
        a, b = found.numeric[:2]
        if found.variables[a]["max"] <= found.variables[b]["max"]:
            larger = np.maximum(found.frame[a].to_numpy(), found.frame[b].to_numpy())
            decimals = found.variables[b].get("decimals", 0)
            ceiled = np.minimum(np.ceil(np.round(larger * 10**decimals, 6)) / 10**decimals, found.variables[b]["max"])
            column = ceiled.astype(int).tolist() if found.variables[b]["type"] == "integer" else np.round(ceiled, decimals)
            found.frame = found.frame.with_columns(pl.Series(b, column))
            found.rules.append({"never": f"{b} < {a}", "why": "it is never smaller"})
    return found


def text(value: float) -> str:
    return f"{value:.10g}"


def target(d: Draft) -> dict[str, Any] | None:
    """One statistic of the population, as printed; None where this kind cannot be said of it."""
    names = list(d.variables)
    d.random.shuffle(names)
    kind = str(d.random.choice(list(KINDS), p=list(KINDS.values())))
    if kind in ("counts", "cross", "rounded", "tolerance", "where", "shares"):
        sides = names[: 1 if kind in ("counts", "shares", "where") else int(d.random.integers(1 + (kind == "cross"), 4))]
        if kind == "where":
            others = [name for name in names[1:] if d.variables[name]["type"] == "category"]
            if not others:
                return None
            chosen = str(d.random.choice(d.label_of(others[0])))
            rest = Draft(d.random, 0, d.frame.filter(pl.col(others[0]) == chosen), d.variables, d.labels)
            cells = rest.cells(sides)
            return {"where": f"{others[0]} = '{chosen}'", "table": rows(sides, cells, "count")}
        cells = d.cells(sides)
        if kind == "shares":
            if d.n not in (1, 2, 5, 8, 20, 100):
                return None
            return {"table": rows(sides, {cell: round(100 * n / d.n, 6) for cell, n in cells.items()}, "share")}
        if kind == "rounded":
            step = int(d.random.choice([3, 5, 10]))
            return {"table": rows(sides, {cell: step * round(n / step) for cell, n in cells.items()}, "count"),
                    "rounded_to": step}  # fmt: skip
        found: dict[str, Any] = {"table": rows(sides, cells, "count")}
        if kind == "tolerance":
            found["tolerance"] = {"relative": "10%"}
        return found
    if kind == "by":
        sides = names[: int(d.random.integers(2, 4))]
        cells, outer = d.cells(sides), d.cells(sides[:-1])
        decimals = int(d.random.integers(0, 3))
        shares = {cell: round(100 * n / outer[cell[:-1]], decimals) for cell, n in cells.items() if outer[cell[:-1]]}
        sums = Counter[tuple[str, ...]]()
        for cell, share in shares.items():
            sums[cell[:-1]] += round(share * 1000)
        if any(abs(s / 1000 - 100) > 1.5 * 10.0**-decimals for s in sums.values()):
            return None
        return {"by": sides[:-1], "table": rows(sides, shares, "share", decimals)}
    if kind == "flows":
        sides = [name for name in names if d.variables[name]["type"] == "category"][:2]
        if len(sides) < 2:
            return None
        return {"flows": sides, "table": rows(sides, {c: n for c, n in d.cells(sides).items() if n}, "count")}
    if not d.numeric:
        return None
    of = str(d.random.choice(d.numeric))
    values = d.frame[of].to_numpy().astype(float)
    if kind == "quantiles":
        return quantiles(d, of, values)
    sides = [name for name in names if name != of and d.variables[name]["type"] != "number"][: int(d.random.integers(0, 3))]
    labels = list(zip(*(d.label_of(name) for name in sides), strict=True)) if sides else [()] * d.n
    inside: dict[tuple[str, ...], list[float]] = {}
    for label, value in zip(labels, values, strict=True):
        inside.setdefault(label, []).append(float(value))
    decimals = int(d.random.integers(0, 3))
    if kind == "total":
        totals = {cell: round(sum(some), 2) for cell, some in inside.items()}
        return {"total": of, **given(sides, totals, "total", 2)}
    mean = {"mean": of, **given(sides, {c: round(float(np.mean(v)), decimals) for c, v in inside.items()}, "mean", decimals)}
    if kind == "mean":
        return mean
    d.targets.append(mean)
    return {"sd": of, **given(sides, {c: round(float(np.std(v)), decimals) for c, v in inside.items()}, "sd", decimals)}


def quantiles(d: Draft, of: str, values: np.ndarray) -> dict[str, Any] | None:
    """Points below which a share of the records lies: those of a decile that lie between two different values."""
    ordered = np.sort(values)
    found: dict[float, float] = {}
    for tenth in range(1, 10):
        below = round(d.n * tenth / 10)
        last = max(found.values(), default=-np.inf)
        if 0 < below < d.n and ordered[below] > max(ordered[below - 1], last):
            found[tenth / 10] = float(ordered[below])
    return {"quantiles": of, "values": found} if found else None


def rows(
    sides: list[str], cells: dict[tuple[str, ...], Any], measure: str, decimals: int | None = None
) -> list[dict[str, Cell]]:
    printed = (lambda value: value) if decimals is None else (lambda value: f"{value:.{decimals}f}")
    return [{**dict(zip(sides, cell, strict=True)), measure: printed(value)} for cell, value in cells.items()]


def given(sides: list[str], cells: dict[tuple[str, ...], float], measure: str, decimals: int) -> dict[str, Any]:
    """A statistic by some variables, or for all records."""
    if not sides:
        return {"table": [{measure: f"{cells[()]:.{decimals}f}"}]}
    return {"by": sides, "table": rows(sides, cells, measure, decimals)}


def problem(seed: int) -> tuple[Draft, dict[str, Any]]:
    """A population, and a spec that it meets."""
    d = draft(seed)
    for _ in range(int(d.random.integers(1, 8))):
        made = target(d)
        if made is not None:
            d.targets.append(made)
    targets = [{"name": f"t{i}", **one} for i, one in enumerate(d.targets)]
    document = {"records": d.n, "variables": d.variables, "targets": targets, "rules": d.rules, "random_seed": seed}
    return d, document


def main() -> None:
    """Run the sweep and write what came out."""
    n, first = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 500), (2, 0)))
    outcomes, kinds, seconds, open_cases = Counter[str](), Counter[str](), [], []
    for seed in range(first, first + n):
        _, document = problem(seed)
        begin = time.perf_counter()
        try:
            run = synthesize(Spec.model_validate(document))
            measured = run.measurement
            reasons = [e.sentence for e in measured.explanations if e.kind in ("rounding", "contradiction", "unsupported")]
            outcome = "met" if measured.met else "not met, with a reason" if reasons else "not met, no reason"
            told = measured.verdict + " | " + " | ".join(reasons)
        except InputError as error:
            outcome, told = "refused", str(error).splitlines()[0]
        seconds.append(time.perf_counter() - begin)
        outcomes[outcome] += 1
        kinds.update(next(iter(set(one) & {"mean", "total", "sd", "quantiles", "flows", "by", "where"}), "table")
                     for one in document["targets"])  # fmt: skip
        if outcome != "met":
            open_cases.append({"seed": seed, "records": document["records"], "outcome": outcome, "told": told[:400]})
            print(f"{seed}: n {document['records']}, {outcome}: {told[:300]}", flush=True)
    print(dict(outcomes), f"median {np.median(seconds):.2f} s, longest {max(seconds):.1f} s")
    result = {
        "problems": n,
        "first_seed": first,
        "targets": dict(kinds),
        "outcomes": dict(outcomes),
        "median_seconds": round(float(np.median(seconds)), 3),
        "longest_seconds": round(max(seconds), 2),
        "not_met": open_cases,
    }
    if first == 0:
        write("feasible", dated(result))


if __name__ == "__main__":
    main()
