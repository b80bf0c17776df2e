"""Runs beside each other: what their targets wanted and got, and how their records are distributed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.errors import Finding, InputError
from synthor.evaluate.crossed import question_of
from synthor.evaluate.question import MOST_CELLS
from synthor.measure import CountFit, Fit, Measurement, Records, StatisticFit
from synthor.problem import Problem
from synthor.schema.text import some_of
from synthor.types import Counts

Numbers = tuple[float | None, ...]
"""One a run; None where a run does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a run was made with.

    Attributes:
        name: what tells it apart, its folder for example.
        title: of its spec.
        records: units that were made.
        met: whether it meets its targets.
        random_seed: that its records were drawn with, where it is known.
        version: of the library that made it.
        beliefs: what was believed, in words.
        beliefs_sha256: of these.
        scenario: that its targets were changed by; empty where it is of none.
        base: folder of the run that the scenario is of; empty where none is named.
    """

    name: str
    title: str
    records: int
    met: bool
    random_seed: int | None
    version: str
    beliefs: str
    beliefs_sha256: str
    scenario: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunSide:
    """One of several runs that are compared.

    Attributes:
        facts: what it was made with.
        problem: its variables and targets.
        measurement: of its records.
        records: one table a level.
    """

    facts: RunFacts
    problem: Problem
    measurement: Measurement
    records: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPair:
    """One cell of a target that all runs have.

    Attributes:
        labels: its categories, by variable.
        wanted: by each run.
        got: by each run.
    """

    labels: Mapping[str, str]
    wanted: Numbers
    got: Numbers

    @property
    def label(self) -> str:
        """Its categories, joined."""
        return " · ".join(self.labels.values()) or "all records"

    @property
    def differences(self) -> Numbers:
        """What each run got, less what the first did."""
        return tuple(_less(got, self.got[0]) for got in self.got)

    @property
    def percents(self) -> Numbers:
        """The same in percent of what the first run got; None where that is 0."""
        first = self.got[0]
        return tuple(None if one is None or not first else 100 * one / abs(first) for one in self.differences)

    @property
    def furthest(self) -> float:
        """The largest of the differences."""
        return max((abs(one) for one in self.differences if one is not None), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPair:
    """A target that all runs have.

    Attributes:
        name: in their specs.
        kind: count, share, mean, total, sd, or shares inside cells.
        counts: whether its cells hold numbers of rows.
        decimals: that its values are told with.
        cells: that all runs have.
        n_apart: cells that only some of them have.
    """

    name: str
    kind: str
    counts: bool
    decimals: int
    cells: tuple[CellPair, ...]
    n_apart: int

    def differs(self, cell: CellPair) -> bool:
        """Whether runs got something else in a cell, as far as its values are told."""
        return cell.furthest >= 0.5 * 10.0**-self.decimals

    @property
    def furthest(self) -> float:
        """The largest difference of a cell."""
        return max((cell.furthest for cell in self.cells), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VariablePair:
    """How the rows of each run are distributed over the categories of one variable.

    Attributes:
        name: of the variable, that of a member with its level before it.
        labels: its categories.
        counts: rows of each run in each category.
        area: whether it says in which area a unit lies.
    """

    name: str
    labels: tuple[str, ...]
    counts: tuple[Counts, ...]
    area: bool = False

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """Of each run's rows."""
        return tuple(tuple((rows / max(int(rows.sum()), 1)).tolist()) for rows in self.counts)

    @property
    def tvd(self) -> tuple[float, ...]:
        """Total variation distance of each run's shares from those of the first."""
        first = np.array(self.shares[0])
        return tuple(float(np.abs(np.array(shares) - first).sum() / 2) for shares in self.shares)

    @property
    def furthest(self) -> int:
        """The category whose share differs most."""
        shares = np.array(self.shares)
        return int(np.abs(shares - shares[0]).max(axis=0).argmax())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """Runs beside each other; all differences are from the first.

    Attributes:
        runs: what each was made with.
        targets: that all have, the one with the largest difference first, statistics after tables of counts.
        variables: that all have with the same categories, the one that differs most first.
        areas: of the largest kind, None where they lie in none or not in the same.
        only_targets: names of targets that not all have, by run.
        only_variables: names of variables that not all have, or not with the same categories, by run.
    """

    runs: tuple[RunFacts, ...]
    targets: tuple[TargetPair, ...]
    variables: tuple[VariablePair, ...]
    areas: VariablePair | None
    only_targets: Mapping[str, tuple[str, ...]]
    only_variables: Mapping[str, tuple[str, ...]]

    @property
    def n_cells(self) -> int:
        """Cells that all runs have."""
        return sum(len(target.cells) for target in self.targets)

    @property
    def n_differing(self) -> int:
        """How many of these differ."""
        return sum(target.differs(cell) for target in self.targets for cell in target.cells)

    @property
    def same(self) -> dict[str, bool]:
        """Whether all runs were made with the same beliefs, random seed and version."""
        first = self.runs[0]
        return {
            "beliefs": all(run.beliefs_sha256 == first.beliefs_sha256 for run in self.runs),
            "random seed": all(run.random_seed == first.random_seed for run in self.runs),
            "version": all(run.version == first.version for run in self.runs),
        }

    @property
    def sentence(self) -> str:
        """What the differences can be due to."""
        other = [what for what, same in self.same.items() if not same]
        if not other:
            return "Beliefs, random seed and version are the same: what differs comes from the targets."
        return f"They differ in {' and '.join(other)}, too, so not all that differs comes from the targets."

    @property
    def largest(self) -> list[tuple[TargetPair, CellPair]]:
        """Cells of counts that differ, the furthest first."""
        counted = [(target, cell) for target in self.targets if target.counts for cell in target.cells]
        return sorted((pair for pair in counted if pair[0].differs(pair[1])), key=lambda pair: -pair[1].furthest)

    @property
    def statistics(self) -> list[tuple[TargetPair, CellPair]]:
        """Values of statistics."""
        return [(target, cell) for target in self.targets if not target.counts for cell in target.cells]


def compare_runs(sides: Sequence[RunSide]) -> Compared:
    """Set runs beside each other.

    Args:
        sides: two or more, each of another name.

    Raises:
        InputError: they have neither a target nor a variable in common.
    """
    own = [[fit for fit in side.measurement.fits if not fit.target.totals_of] for side in sides]
    fits = [{fit.target.name: fit for fit in every} for every in own]
    shared = [name for name in fits[0] if all(name in other for other in fits[1:])]
    targets = sorted((_target(name, [of[name] for of in fits]) for name in shared), key=_furthest_first)
    known = [dict(_variables(side.problem)) for side in sides]
    both = [name for name, labels in known[0].items() if all(other.get(name) == labels for other in known[1:])]
    if not targets and not both:
        names = " and ".join(f"'{side.facts.name}'" for side in sides)
        message = f"{names} have neither a target nor a variable in common"
        raise InputError([Finding(where="compare", message=message, cure="name runs of the same spec, or of its scenarios")])
    zones = sides[0].problem.zones
    levels = () if zones is None else zones.names
    looked_at = [name for name in both if name not in levels[:-1] and len(known[0][name]) <= MOST_CELLS]
    pairs = [_variable(name, known[0][name], sides, name in levels) for name in looked_at]
    areas = [pair for pair in pairs if pair.area]
    return Compared(
        runs=tuple(side.facts for side in sides),
        targets=tuple(targets),
        variables=tuple(sorted((pair for pair in pairs if not pair.area), key=lambda pair: -max(pair.tvd))),
        areas=areas[-1] if areas else None,
        only_targets={side.facts.name: tuple(n for n in of if n not in shared) for side, of in zip(sides, fits, strict=True)},
        only_variables={side.facts.name: tuple(n for n in of if n not in both) for side, of in zip(sides, known, strict=True)},
    )


def refuse_names(names: Sequence[str]) -> None:
    """Make sure that there are several runs, each once.

    Raises:
        InputError: there is one, or one is named twice.
    """
    if len(names) < 2:
        cure = "name another run of the spec, or of one of its scenarios"
        raise InputError([Finding(where="compare", message="there is only one run", cure=cure)])
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        message = f"{some_of(repr(name) for name in twice)} is named twice"
        raise InputError([Finding(where="compare", message=message, cure="name each run once")])


def _furthest_first(target: TargetPair) -> tuple[bool, float]:
    return not target.counts, -target.furthest


def _target(name: str, fits: Sequence[Fit]) -> TargetPair:
    """A target's cells in all runs."""
    found = [dict(_cells(fit)) for fit in fits]
    keys = [key for key in found[0] if all(key in other for other in found[1:])]
    first = fits[0].target
    cells = tuple(
        CellPair(labels=dict(key), wanted=tuple(one[key][0] for one in found), got=tuple(one[key][1] for one in found))
        for key in keys
    )
    every = {key for one in found for key in one}
    decimals = max((1 + fit.decimals for fit in fits if isinstance(fit, StatisticFit)), default=0)
    return TargetPair(
        name=name,
        kind=first.statistic.word,
        counts=first.counts,
        decimals=decimals,
        cells=cells,
        n_apart=len(every) - len(keys),
    )


def _cells(fit: Fit) -> Iterator[tuple[tuple[tuple[str, str], ...], tuple[float | None, float | None]]]:
    """What was wanted and got in each cell, by its labels."""
    assert isinstance(fit, CountFit | StatisticFit)
    wanted = fit.target.wanted.ravel()
    for cell in fit.given.tolist() if isinstance(fit, StatisticFit) else range(fit.got.size):
        labels = tuple(fit.target.labels(cell).items())
        yield labels, (_known(float(wanted[cell])), _known(float(fit.got[cell])))


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _less(number: float | None, other: float | None) -> float | None:
    return None if number is None or other is None else number - other


def _variables(problem: Problem) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Variables of all levels and their categories, those of members with their level before them."""
    for at, level in enumerate(problem.schema):
        for variable in level.variables:
            if not variable.kind.free:
                yield (f"{level.name}.{variable.name}" if at else variable.name), tuple(variable.labels)


def _variable(name: str, labels: tuple[str, ...], sides: Sequence[RunSide], area: bool) -> VariablePair:
    counts = tuple(question_of(name, side.problem).values(side.records).astype(np.int64) for side in sides)
    return VariablePair(name=name, labels=labels, counts=counts, area=area)
