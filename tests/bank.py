"""A bank of small problems for every solver: candidates, tables, and the answer where it is known from elsewhere.

Answers named after humanleague are the published results of that tool's own tests (virgesmith/humanleague,
tests/test_all.py); the others follow on paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from synthor.fit.balance import Hard, Soft
from synthor.problem import Demand
from synthor.schema import Partition, Rows, Units
from synthor.schema.units import cells_of
from synthor.types import Floats, Mask


@dataclass(frozen=True, kw_only=True)
class Case:
    """A problem: all combinations of categories as candidates, with base weights and tables to be met."""

    name: str
    shape: tuple[int, ...]
    base: Floats
    tables: tuple[tuple[tuple[int, ...], Floats], ...]
    feasible: bool = True
    answer: Floats | None = None

    @property
    def units(self) -> Units:
        return Units.flat(np.array(list(product(*map(range, self.shape))), np.int32).reshape(-1, len(self.shape)))

    @property
    def total(self) -> float:
        return float(self.tables[0][1].sum())

    @property
    def log_base(self) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(self.base.ravel())

    @property
    def hard(self) -> list[Hard]:
        return [
            Hard.exactly(cells_of(self.units, 0, columns, [self.shape[c] for c in columns]), wanted.ravel() / self.total)
            for columns, wanted in self.tables
        ]


def _case(
    name: str,
    base: Sequence[object] | Floats,
    *tables: tuple[tuple[int, ...], Sequence[object]],
    feasible: bool = True,
    answer: Sequence[object] | None = None,
) -> Case:
    array = np.array(base, dtype=float)
    return Case(
        name=name,
        shape=array.shape,
        base=array,
        tables=tuple((columns, np.array(wanted, dtype=float)) for columns, wanted in tables),
        feasible=feasible,
        answer=None if answer is None else np.array(answer, dtype=float),
    )


BANK = (
    _case("one cell", [1.0], ((0,), [5])),
    _case("2x2 by hand", [[1, 1], [1, 1]], ((0,), [52, 48]), ((1,), [87, 13]), answer=[[45.24, 6.76], [41.76, 6.24]]),
    _case(
        "2x2 keeps its odds ratio (humanleague)",
        [[1, 0.7], [1, 1]],
        ((0,), [52, 48]),
        ((1,), [87, 13]),
        answer=[[46.2451608937, 5.7548391063], [40.7548391063, 7.2451608937]],
    ),
    _case(
        "2x2 keeps its other odds ratio (humanleague)",
        [[0.7, 1], [1, 1]],
        ((0,), [52, 48]),
        ((1,), [87, 13]),
        answer=[[44.2453592817, 7.7546406183], [42.7546407183, 5.2453592817]],
    ),
    _case(
        "2x2x2 one-way (humanleague)",
        [[[1, 1], [1, 1]], [[1, 1], [1, 1]]],
        ((0,), [52, 48]),
        ((1,), [87, 13]),
        ((2,), [55, 45]),
        answer=[[[24.882, 20.358], [3.718, 3.042]], [[22.968, 18.792], [3.432, 2.808]]],
    ),
    _case(
        "2x2x2 from all its two-way tables is the joint without a three-way term",
        np.ones((2, 2, 2)),
        ((0, 1), [[30, 20], [10, 40]]),
        ((0, 2), [[35, 15], [20, 30]]),
        ((1, 2), [[30, 10], [25, 35]]),
    ),
    _case("structural zero", [[1, 0], [1, 1]], ((0,), [30, 70]), ((1,), [60, 40]), answer=[[30, 0], [30, 40]]),
    _case("zero marginal", [[1, 1], [1, 1]], ((0,), [0, 10]), ((1,), [4, 6]), answer=[[0, 0], [4, 6]]),
    _case(
        "two tables and a structural zero leave one cell no room",
        [[1, 0, 0], [1, 1, 1], [1, 1, 2]],
        ((0,), [30, 40, 30]),
        ((1,), [30, 35, 35]),
        answer=[[30, 0, 0], [0, 22.939431, 17.060569], [0, 12.060569, 17.939431]],
    ),
    _case("a million to one", [[1, 1], [1, 1]], ((0,), [1, 10**6]), ((1,), [10**6, 1])),
    _case("targets that contradict each other", [[1, 0], [0, 1]], ((0,), [30, 70]), ((1,), [60, 40]), feasible=False),
    _case("a wanted cell without candidates", [[0, 0], [1, 1]], ((0,), [30, 70]), ((1,), [60, 40]), feasible=False),
)


Share = tuple[int, float, float]


@dataclass(frozen=True, kw_only=True)
class NoRoom:
    """A problem whose targets leave some candidates no room, while a belief insists on them.

    Attributes:
        name: for people.
        log_base: of the candidates, none of them forbidden.
        hard: targets.
        believed: a table that wants some weight everywhere.
        closed: (n,) candidates that weigh nothing in any solution.
    """

    name: str
    log_base: Floats
    hard: tuple[Hard, ...]
    believed: Soft
    closed: Mask

    @classmethod
    def of(
        cls, name: str, codes: Sequence[Sequence[int]], demands: Sequence[Share], closed: Sequence[Sequence[int]]
    ) -> "NoRoom":
        """Candidates of 0s and 1s; each demand says how many have a 1 there, at least and at most."""
        array = np.array(codes, np.int32)
        hard = []
        for column, low, high in demands:
            cells = cells_of(Units.flat(array), 0, [column], [2])
            bounds = np.array([1 - high, low]), np.array([1 - low, high])
            hard.append(Hard(cells=cells, demand=Demand(low=bounds[0], high=bounds[1])))
        empty = np.array([row in [tuple(c) for c in closed] for row in map(tuple, array.tolist())])
        shares = np.where(empty, 1e-6, 1.0)
        cells = Partition(np.arange(len(array)), len(array))
        return cls(
            name=name,
            log_base=np.zeros(len(array)),
            hard=tuple(hard),
            believed=Soft(cells=cells, shares=shares / shares.sum(), weight=50.0),
            closed=empty,
        )


ONE_IMPLIES_THE_OTHER = [(0, 0), (0, 1), (1, 1)]
"""Combinations of two variables, the second of which holds wherever the first does."""

EITHER = [codes for codes in product((0, 1), repeat=3) if codes != (1, 0, 0)]
"""Combinations of three variables: the first implies the second or the third."""

NO_ROOM = (
    NoRoom.of("two tables", ONE_IMPLIES_THE_OTHER, [(0, 0.3, 0.3), (1, 0.3, 0.3)], [(0, 1)]),
    NoRoom.of(
        "three tables, no two of which say it",
        EITHER,
        [(0, 0.5, 0.5), (1, 0.2, 0.2), (2, 0.3, 0.3)],
        [(0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1)],
    ),
    NoRoom.of(
        "the ends of intervals",
        EITHER,
        [(0, 0.5, 0.6), (1, 0.1, 0.2), (2, 0.25, 0.3)],
        [(0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1)],
    ),
    NoRoom.of(
        "one closing opens the way to another",
        [(0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1)],
        [(0, 0.3, 0.3), (1, 0.3, 0.3), (2, 0.3, 0.3)],
        [(0, 0, 1), (0, 1, 1)],
    ),
    NoRoom.of("nothing, though there is hardly any", ONE_IMPLIES_THE_OTHER, [(0, 0.3, 0.3), (1, 0.30001, 0.30001)], []),
)


def two_levels() -> tuple[Units, tuple[Hard, ...]]:
    """A toy town: five kinds of household; households by type and their persons by age and sex are both targeted.

    The targets are counted from a town of 1,000 households with 320, 250, 180, 150 and 100 of each kind.
    """
    kinds = [
        (0, [(2, 0)]),  # an old woman alone
        (0, [(1, 1)]),  # a man alone
        (1, [(1, 0), (1, 1)]),  # a couple
        (1, [(1, 0), (1, 1), (0, 0), (0, 1)]),  # a couple with two children
        (1, [(1, 0), (0, 1), (0, 1)]),  # a mother with two sons
    ]
    town = np.array([320, 250, 180, 150, 100], dtype=float)
    unit = np.concatenate([np.full(len(persons), i) for i, (_, persons) in enumerate(kinds)])
    persons = Rows(codes=np.array([p for _, household in kinds for p in household], np.int32), parent=unit)
    units = Units(row_tables=(Rows(codes=np.array([[size] for size, _ in kinds], np.int32)), persons))
    tables = (cells_of(units, 0, [0], [2]), cells_of(units, 1, [0, 1], [3, 2]))
    return units, tuple(Hard.exactly(cells, cells.totals(town) / 1000) for cells in tables)
