"""How well a published table was predicted that the fit had not been shown."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from synthor.evaluate.calibrate import Calibration
from synthor.evaluate.tables import tvd
from synthor.problem import Target, Within
from synthor.schema import Schema, Units
from synthor.schema.text import in_brief, plural
from synthor.types import Floats, Shares

ABSOLUTE_NORMAL = float(np.sqrt(2 / np.pi))
"""Mean of |Z| for a standard normal Z."""


MOST_TOLD = 5
"""Tables that are told one by one at a prompt."""

OF_SIDES = "the product of a table's sides"
AS_STATED = "what numbers of roles, what follows from members, and rules make of one-way tables alone"
"""What independence is: of flat records, and of units with members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table that was left out.

    Attributes:
        label: its categories, joined.
        published: its share.
        predicted: what was predicted of it.
    """

    label: str
    published: float
    predicted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """One published table, predicted from the others and the beliefs.

    Distances are total variation distances from the published table, 0 to 1.

    Attributes:
        name: of the target.
        variables: their names.
        n_cells: how many cells it has.
        tvd: of the prediction: the fitted weights, before they become whole records.
        tvd_of_independence: of the product of the table's sides; of units with members, of what the spec makes of one-way
            tables alone; of a one-way table, of even shares of all categories.
        tvd_of_targets: of what the other targets say without beliefs.
        floor: what even the true shares would miss on average, as the table is known only so well; None where it is not known
            how well.
        worst: the cell that is furthest off.
        believed: whether a dependency table is about some pair of its variables.
        kept: one-way tables of it that stayed targets.
        told_by: other targets that give the same variables together: then this is no test.
        status: how the fit of the prediction ended.
        notes: what else a reader must know.
    """

    name: str
    variables: tuple[str, ...]
    n_cells: int
    tvd: float
    tvd_of_independence: float
    tvd_of_targets: float
    floor: float | None
    worst: Cell
    believed: bool
    kept: tuple[str, ...]
    told_by: tuple[str, ...]
    status: str
    notes: tuple[str, ...] = ()

    @property
    def is_test(self) -> bool:
        """Whether no other target gives what was left out."""
        return not self.told_by

    @property
    def one_way(self) -> bool:
        return len(self.variables) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOuts:
    """All tables that were left out, each in turn.

    Attributes:
        tables: in the spec's order.
        beliefs: where the beliefs come from, and whether whoever held them was shown a table that was left out.
        calibration: of the beliefs' confidence, where it was asked for.
        independence: what was taken for it, in words.
    """

    tables: tuple[HeldOut, ...]
    beliefs: str
    calibration: Calibration | None = None
    independence: str = OF_SIDES

    def __repr__(self) -> str:
        lines = [f"<HoldOuts: {plural(len(self.tables), 'table')} left out>", self.verdict]
        shown = sorted(self.tables, key=lambda table: -table.tvd)[:MOST_TOLD]
        lines += [
            f"{in_brief(table.name, 60)}: TVD {table.tvd:.3f}, independence {table.tvd_of_independence:.3f}" for table in shown
        ]
        more = len(self.tables) - len(shown)
        return "\n".join([*lines, *([f"{more} more: .frame"] if more else [])])

    @property
    def frame(self) -> pl.DataFrame:
        """One row a table: its distance from the prediction, from independence, and from what the other targets say alone."""
        names = ("name", "n_cells", "tvd", "tvd_of_independence", "tvd_of_targets", "floor", "believed", "is_test")
        return pl.DataFrame({name: [getattr(table, name) for table in self.tables] for name in names}, strict=False)

    @property
    def tests(self) -> tuple[HeldOut, ...]:
        """The cross-tables that no other target gives."""
        return tuple(table for table in self.tables if table.is_test and not table.one_way)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, table by table."""
        return tuple(note for table in self.tables for note in table.notes)

    @property
    def ratio(self) -> float | None:
        """Mean distance of the predictions as a share of that of independence, over the tests; None where that is 0."""
        independent = sum(table.tvd_of_independence for table in self.tests)
        return sum(table.tvd for table in self.tests) / independent if independent > 0 else None

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        n, ratio = len(self.tests), self.ratio
        if ratio is None:
            return "No cross-table was put to the test." if not n else "The tables left out are independent as published."
        mean, alone = (float(np.mean(d)) for d in zip(*((t.tvd, t.tvd_of_independence) for t in self.tests), strict=True))
        what = f"{n} cross-tables, each left out in turn, were" if n > 1 else "The cross-table left out was"
        much = f"{ratio:.0%} of independence's distance" if ratio < 1 else "no nearer than independence"
        return f"{what} predicted at {much} (mean TVD {mean:.3f}; independence {alone:.3f})."

    def to_json(self) -> str:
        """The file holdout.json: the same text for the same result."""
        document = {"verdict": self.verdict, "ratio": self.ratio, **asdict(self)}
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "HoldOuts":
        """The result from holdout.json.

        Raises:
            ValueError: it is none.
        """
        try:
            document = json.loads(text)
            calibration = document["calibration"]
            return cls(
                tables=tuple(_table(entry) for entry in document["tables"]),
                beliefs=document["beliefs"],
                calibration=None if calibration is None else Calibration.from_dict(calibration),
                independence=str(document.get("independence", OF_SIDES)),
            )
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"is no result of holding out: {error}") from None


def _table(entry: dict[str, Any]) -> HeldOut:
    tuples = {key: tuple(entry[key]) for key in ("variables", "kept", "told_by", "notes")}
    return HeldOut(**{**entry, **tuples, "worst": Cell(**entry["worst"])})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublishedShares:
    """A published table as shares of its cells, to compare predictions with.

    Attributes:
        target: the table.
        shares: (c,) as published.
        independent: (c,) product of the sides; of a one-way table, even shares of the variable's categories.
        cells: of shares inside cells, the share of the records that each cell is taken to hold; None otherwise.
    """

    target: Target
    shares: Shares
    independent: Shares
    cells: Shares | None = None

    @classmethod
    def of(cls, target: Target, schema: Schema, units: Units, weights: Floats) -> "PublishedShares":
        """A table, and shares inside cells joined to the cells' shares as some weights give them."""
        if isinstance(target.statistic, Within):
            cells = _within(target, target.statistic, units, weights).sum(axis=1) * np.isfinite(target.wanted).all(axis=1)
            cells = _normalised(cells)
            rows = np.where(np.isfinite(target.wanted), target.wanted, 0.0)
            independent = cells[:, None] * (cells @ rows)
            return cls(target=target, shares=(cells[:, None] * rows).ravel(), independent=independent.ravel(), cells=cells)
        one_way = len(target.axes) == 1
        independent = _even(target, schema) if one_way else independent_shares(target)
        return cls(target=target, shares=_normalised(target.wanted), independent=independent)

    def predicted(self, units: Units, weights: Floats) -> Shares:
        """What weighted units say of the table, (c,)."""
        if isinstance(self.target.statistic, Within):
            assert self.cells is not None
            table = _within(self.target, self.target.statistic, units, weights)
            sums = table.sum(axis=1, keepdims=True)
            rows = np.divide(table, sums, out=np.zeros_like(table), where=sums > 0)
            return np.asarray((self.cells[:, None] * rows).ravel(), dtype=np.float64)
        return _normalised(self.target.cells(units).totals(weights))

    def distance(self, units: Units, weights: Floats) -> float:
        """Total variation distance of weighted units from the table."""
        return tvd(self.predicted(units, weights), self.shares)

    @property
    def distance_of_independence(self) -> float:
        """Total variation distance of independence from the table."""
        return tvd(self.independent, self.shares)

    def worst(self, units: Units, weights: Floats) -> Cell:
        """The cell that weighted units miss most."""
        predicted = self.predicted(units, weights)
        cell = int(np.abs(predicted - self.shares).argmax())
        label = " · ".join(self.target.labels(cell).values())
        return Cell(label=label, published=float(self.shares[cell]), predicted=float(predicted[cell]))

    @property
    def floor(self) -> float | None:
        """Mean distance of the published table from the shares behind it, as far as its margin of error or its total tells.

        With a margin of error, E|error| of each cell is sigma sqrt(2 / pi). Counts are taken as a random sample of as many
        records: sigma^2 = p (1 - p) / n. Tables of shares do not say of how many.
        """
        if not self.target.counts:
            return None
        total = float(self.target.wanted.sum())
        if self.target.sigma is not None and total > 0:
            sigma = self.target.sigma / total
        elif self.target.statistic.word == "count" and total > 0:
            sigma = np.sqrt(self.shares * (1 - self.shares) / total)
        else:
            return None
        return float(0.5 * ABSOLUTE_NORMAL * sigma.sum())


def independent_shares(target: Target) -> Shares:
    """The product of a table's sides in each of its cells, (c,).

    Of a table that lists only some cells, the rest is one more cell where none may be elsewhere; otherwise shares of those that
    are listed.
    """
    grid = target.grid
    sides = [_normalised(target.side(place)) for place in range(len(grid.axes))]
    product = np.ones(len(grid.cells))
    for side, codes in zip(sides, grid.groups, strict=True):
        product *= side[codes]
    if grid.closed:
        product = np.append(product, max(0.0, 1 - product.sum()))
    return _normalised(product)


def _even(target: Target, schema: Schema) -> Shares:
    """Shares of a one-way table's labels if every category of the variable were as frequent, and numbers even inside a bin."""
    axis = target.axes[0]
    level = schema.levels[axis.ref.level]
    share = np.full(axis.variable.size, 1.0)
    if not axis.declared:
        parents, step = level.parents(axis.position), 10.0**-axis.variable.decimals
        low, high = axis.variable.ends
        width = high - low + step
        share = width / np.bincount(parents, width)[parents]
    inside = axis.group_of >= 0
    even = np.bincount(axis.group_of[inside], share[inside], axis.size)
    return _normalised(even.astype(np.float64))


def _within(target: Target, of: Within, units: Units, weights: Floats) -> Floats:
    """Share of the units in each cell and category, (cells, groups)."""
    return of.joint(target, units).totals(weights).reshape(target.wanted.shape)


def _normalised(values: Floats) -> Shares:
    total = float(values.sum())
    return np.asarray(values / total if total > 0 else values, dtype=np.float64)
