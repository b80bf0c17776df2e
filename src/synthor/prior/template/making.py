"""Units made from the top down, and the density of those that are there: one walk over all variables does both.

It goes from the structural variables to the composition, the members by kind, the rows below them, what follows from members,
and the unit's other variables. Where it draws, a category is picked by its weights; where it reads, the category that is there
is looked up in the same weights. So what is drawn has the density that is said of it, whatever a weight may be.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from synthor.prior.template.chances import lift
from synthor.prior.template.closed_roles import columns_of_roles, numbers_open
from synthor.prior.template.composition import Compositions, NumbersByRole
from synthor.prior.template.factors import EXACT, fitted
from synthor.prior.template.kinds import Drawing, KindOfRow, Kinds
from synthor.prior.template.nested import Nested
from synthor.prior.template.order import next_oldest
from synthor.prior.template.picking import distinct, picked
from synthor.prior.template.told import Template, Weights
from synthor.schema import Ref, Units, of_unit
from synthor.schema.cells import flat
from synthor.schema.crossed import crossed, n_crossed
from synthor.types import CellIndex, Codes, Counts, Floats, Mask

MOST_KEYS = 2_000
"""Combinations of structural variables up to which rules add to those that compositions depend on."""

MOST_STRUCTURES = 2_000_000
"""Combinations of structural variables, all of which are listed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Maker:
    """A template with all that can be computed before a unit is drawn.

    Attributes:
        template: what is believed.
        kinds: what is drawn, in order.
        structures: (structures, columns of the unit) combinations of structural variables; other columns mean nothing.
        log_structures: (structures,) log of their shares.
        key: (structures,) the key of each, among those that compositions depend on.
        compositions: their shares by key.
    """

    template: Template
    kinds: Kinds
    structures: Codes
    log_structures: Floats
    key: CellIndex
    compositions: Compositions

    @classmethod
    def of(cls, template: Template) -> "Maker":
        """Get a template ready.

        Raises:
            ValueError: it has slices, too many structures, variables of which nothing is believed, or no unit is possible.
        """
        _check(template)
        kinds = Kinds.of(template)
        unit = template.schema.unit
        columns = sorted(template.structural)
        codes = crossed([np.arange(unit.variables[column].size) for column in columns])
        structures = np.zeros((len(codes), len(unit.variables)), np.int32)
        structures[:, columns] = codes
        every = np.arange(len(structures))
        reading = Walk(template, kinds, Nested(template.schema, structures, kinds.roles), None)
        for drawing in kinds.structural:
            share = np.exp(reading.log)
            better = fitted(drawing.chances, lambda ref: structures[:, ref.column], share, EXACT)
            reading.draw(0, every, replace(drawing, chances=better))
        places = _looked_at(template)
        found, key, _ = distinct(structures[:, places])
        keys = np.zeros((len(found), len(unit.variables)), np.int32)
        keys[:, places] = found
        share = np.bincount(key, np.exp(reading.log), len(found)).astype(np.float64)
        told = template.composition
        open_ = numbers_open(template.rules, template.schema, told, keys, places) if told is not None else None
        compositions = Compositions.of(template.schema, told, keys, share, open_)
        log = np.where(compositions.possible[key], reading.log, -np.inf)
        if not np.isfinite(log).any():
            raise ValueError("no combination of structural variables has a composition: look at sizes and numbers of each role")
        log -= np.log(np.exp(log).sum())
        return cls(
            template=template,
            kinds=kinds,
            structures=structures,
            log_structures=log,
            key=key,
            compositions=compositions,
        )

    @property
    def share_of_key(self) -> Floats:
        """(keys,) share of all units."""
        found = np.bincount(self.key, np.exp(self.log_structures), len(self.compositions.keys))
        return np.asarray(found, np.float64)

    def made(self, structure: CellIndex, numbers: Counts, random: np.random.Generator) -> tuple[Units, Floats]:
        """Units with given structural variables and numbers of each role, all else drawn; and the log of their density, (n,).

        A unit whose drawing came to an end because rules left nothing has -inf.
        """
        nested = Nested(self.template.schema, self.structures[structure].copy(), self.kinds.roles)
        walk = Walk(self.template, self.kinds, nested, random)
        walk.down(numbers)
        return nested.units(), walk.log + self._log_above(structure, numbers)

    def _log_above(self, structure: CellIndex, numbers: Counts) -> Floats:
        with np.errstate(divide="ignore"):
            return self.log_structures[structure] + np.log(self.compositions.share(numbers, self.key[structure]))

    def log_density(self, units: Units) -> Floats:
        """Log of the density of any units, their members in any order, (n,); -inf where they cannot be.

        Rules that are kept while units are drawn count, those that reject whole units do not.
        """
        units, numbers, known = self._in_order(units)
        nested = Nested.of(self.template.schema, units, self.kinds.roles, numbers)
        walk = Walk(self.template, self.kinds, nested, None)
        told = self.template.composition
        counts = numbers[told.level] if told is not None else np.zeros((len(units), 0), np.int64)
        walk.down(counts)
        shape = [self.template.schema.unit.variables[column].size for column in sorted(self.template.structural)]
        structure = flat([units.column(of_unit(column)) for column in sorted(self.template.structural)], shape)
        structure = structure if shape else np.zeros(len(units), np.int64)
        return np.where(known, walk.log + self._log_above(structure, counts), -np.inf)

    def numbers_of(self, units: Units) -> Counts:
        """Members of each role of each unit, (n, roles)."""
        told = self.template.composition
        return np.zeros((len(units), 0), np.int64) if told is None else self._in_order(units)[1][told.level]

    def _in_order(self, units: Units) -> tuple[Units, list[Counts], Mask]:
        """Units with their rows in the order of drawing, how many there are of each kind, and which have no other rows."""
        schema, known = self.template.schema, np.ones(len(units), bool)
        levels, parents = [Units.of_columns(units.columns())], list[tuple[CellIndex, int] | None]([None])
        moved, numbers = [np.arange(len(units))], [np.ones((len(units), 1), np.int64)]
        first = {(one.level, one.role): one.oldest_first for one in self.template.members}
        for level in range(1, len(schema.levels)):
            above, codes = schema.path(level)[-2], np.stack(units.columns(level), axis=1)
            parent = moved[above][units.above(above, level)]
            roles = self.kinds.roles[level]
            role = units.column(Ref(level, schema.levels[level].position(schema.levels[level].role))) if roles else None
            kind, rank = np.zeros(len(codes), np.int64), np.zeros(len(codes), np.int64)
            for index, own in enumerate(roles or (None,)):
                these = slice(None) if role is None else role == own
                column = first[level, own]
                kind[these] = index
                rank[these] = 0 if column is None else -codes[these, column].astype(np.int64)
            if role is not None:
                known[units.above(0, level)[~np.isin(role, roles)]] = False
            order = np.lexsort((rank, kind, parent))
            moved.append(np.argsort(order))
            levels.append(Units.flat(codes[order]))
            parents.append((parent[order], above))
            n, k = units.n_rows(above), max(len(roles), 1)
            numbers.append(np.bincount(parent * k + kind, minlength=n * k).reshape(n, k))
        return Units.of_levels(levels, parents), numbers, known


class Walk:
    """One way down through units, drawing or reading.

    Args:
        template: what is believed.
        kinds: what is drawn, in order.
        nested: the units; where they are read, all of their rows.
        random: None where they are read.
    """

    def __init__(self, template: Template, kinds: Kinds, nested: Nested, random: np.random.Generator | None) -> None:
        """At the top, nothing drawn yet."""
        self.template, self.kinds, self.nested, self.random = template, kinds, nested, random
        self.log = np.zeros(nested.n)

    def down(self, numbers: Counts) -> None:
        """Everything below the structural variables."""
        told = self.template.composition
        for level in range(1, len(self.template.schema.levels)):
            if told is None or told.level != level:
                self._number(level)
            elif self.random is not None:
                self.nested.lay(level, numbers)
            for kind in self.kinds.rows[level]:
                self.rows_of(level, kind)
        self._derive()
        for drawing in self.kinds.rest:
            self.draw(0, np.arange(self.nested.n), drawing)

    def draw(self, level: int, rows: CellIndex, drawing: Drawing) -> None:
        """One variable of some rows."""
        weights = drawing.chances.weights(lambda ref: self.nested.see(ref, level, rows), len(rows))
        self.settle(level, rows, drawing.column, weights)

    def settle(self, level: int, rows: CellIndex, column: int, weights: Weights) -> None:
        """A category of each of some rows by its weights: drawn, or read."""
        codes = self.nested.laid[level].codes
        if self.random is not None:
            codes[rows, column] = picked(weights, self.random)
        self._count(level, rows, weights, codes[rows, column])

    def _count(self, level: int, rows: CellIndex, weights: Weights, codes: Codes | Counts) -> None:
        """Add the log of chances to that of the units."""
        inside = (codes >= 0) & (codes < weights.shape[1])
        own = np.where(inside, weights[np.arange(len(rows)), np.where(inside, codes, 0)], 0.0)
        total = weights.sum(axis=1)
        with np.errstate(divide="ignore"):
            self._add(level, rows, np.log(np.divide(own, total, out=np.zeros(len(rows)), where=total > 0)))

    def _add(self, level: int, rows: CellIndex, log: Floats) -> None:
        """Add something of rows to the log of their units."""
        self.log += np.bincount(self.nested.climbed(0, level, rows), log, self.nested.n)

    def _number(self, level: int) -> None:
        """How many rows of a level there are below each row above."""
        above, nested = self.template.schema.path(level)[-2], self.nested
        rows = np.arange(len(nested.laid[above].codes))
        weights = self.kinds.numbers[level].weights(lambda ref: nested.see(ref, above, rows), len(rows))
        roles = self.kinds.by_role.get(level, ())
        of_roles = [one.weights(lambda ref: nested.see(ref, above, rows), len(rows)) for one in roles]
        parted = NumbersByRole.of(of_roles, weights.shape[1] - 1) if roles else None
        if parted is not None:
            weights = np.where(parted.ways[0] > 0, weights, 0.0)
        if self.random is not None:
            totals = picked(weights, self.random)
            nested.lay(level, totals[:, None] if parted is None else parted.drawn(totals, self.random))
        numbers = nested.laid[level].numbers
        self._count(above, rows, weights, numbers.sum(axis=1))
        if parted is not None:
            with np.errstate(divide="ignore"):
                self._add(above, rows, np.log(parted.share(numbers)))

    def rows_of(self, level: int, kind: KindOfRow) -> None:
        """All rows of one kind."""
        laid = self.nested.laid[level]
        rows = np.flatnonzero(laid.kind == kind.index)
        if not len(rows):
            return
        drawings = kind.drawings
        if kind.oldest_first:
            self.oldest_first(level, kind)
            drawings = drawings[1:]
        place = laid.place[rows]
        each = [rows[place == number] for number in range(int(place.max()) + 1)] if kind.chained else [rows]
        for these in each:
            for drawing in drawings:
                self.draw(level, these, drawing)

    def oldest_first(self, level: int, kind: KindOfRow) -> None:
        """The variable by which rows of one kind are ordered, row after row."""
        for rows, _, weights, _ in self.chain(level, kind):
            self.settle(level, rows, kind.drawings[0].column, weights)

    def chain(self, level: int, kind: KindOfRow) -> Iterator[tuple[CellIndex, CellIndex, Weights, Weights]]:
        """Rows, the categories of those before them, the weights of their own, and what these were of members by themselves.

        What is drawn of rows counts for those after them. What is known of the row before multiplies the chances by t / s, with
        t what is believed of the next one and s what it would be of members who have nothing to do with each other: with trust
        1 and nothing else known it is t, with trust 0 members are independent.
        """
        laid, (ordering, *_), sibling = self.nested.laid[level], kind.drawings, kind.sibling
        some = np.flatnonzero(laid.numbers[:, kind.index])
        first, number = laid.starts[some, kind.index], laid.numbers[some, kind.index]
        each = ordering.chances.weights(lambda ref: self.nested.see(ref, level, first), len(first))
        usual = ordering.chances.marginal
        before, run, left = np.full(len(first), len(usual) - 1), np.zeros(len(first), np.int64), number.copy()
        for place in range(int(number.max(initial=0))):
            these = np.flatnonzero(number > place)
            state = (before[these], run[these], left[these])
            weights = alone = next_oldest(each[these], *state)
            if place and sibling is not None:
                apart = next_oldest(np.tile(usual, (len(these), 1)), *state)
                told = lift(sibling.rows[before[these]], apart) ** sibling.trust
                weights, alone = weights * told * sibling.factors[before[these]], apart * told
            rows = first[these] + place
            yield rows, before[these] if place else np.full(len(these), -1), weights, alone
            own = laid.codes[rows, ordering.column].astype(np.int64)
            stays = own == before[these]
            left[these] = np.where(stays, left[these], left[these] - run[these])
            run[these] = np.where(stays, run[these] + 1, 1)
            before[these] = own

    def _derive(self) -> None:
        """What follows from members is computed; units that say otherwise cannot be."""
        if self.template.derive is None:
            return
        units = self.template.derive(self.nested.units(), self.random)
        for level, columns in {0: self.template.derived, **self.template.derived_below}.items():
            own = self.nested.laid[level].codes
            for column in columns:
                follows = units.column(Ref(level, column))
                if self.random is not None:
                    own[:, column] = follows
                strange = np.flatnonzero(own[:, column] != follows)
                self.log[self.nested.climbed(0, level, strange)] = -np.inf


def _looked_at(template: Template) -> list[int]:
    """Structural variables that compositions depend on."""
    told = template.composition
    if told is None:
        return []
    found = {table.given.column for believed in told.roles.values() for table in believed.tables}
    found |= {column for one in told.whole for column in one.where}
    found |= {told.size.column} if told.size is not None else set()
    for column in columns_of_roles(template.rules, template.schema, told.level):
        sizes = [template.schema.unit.variables[one].size for one in (*found, column)]
        if column in template.structural and n_crossed(sizes) <= MOST_KEYS:
            found.add(column)
    return sorted(found)


def _check(template: Template) -> None:
    """That all is there that a template needs.

    Raises:
        ValueError: what is missing.
    """
    schema, told = template.schema, template.composition
    if schema.refined is not schema:
        raise ValueError("a template draws variables in one kind of bin: give it `Schema.refined`")
    sizes = [schema.unit.variables[column].size for column in template.structural]
    if n_crossed(sizes) > MOST_STRUCTURES:
        raise ValueError(f"{n_crossed(sizes):,.0f} combinations of structural variables: draw some of these last")
    own = {*template.structural, *template.derived, *template.rest}
    if own != set(range(len(schema.unit.variables))):
        raise ValueError(f"columns {sorted(own)} of the unit are structural, derived or drawn last, expected all once")
    if told is not None:
        looked_at = [table.given for believed in told.roles.values() for table in believed.tables]
        strange = {ref.column for ref in looked_at if ref.level or not ref.plain} | (
            set(_looked_at(template)) - {*template.structural}
        )
        if strange or schema.above(told.level) != 0:
            raise ValueError("a composition depends on structural variables of the unit alone, and stands right below it")
    for level, one in enumerate(schema.levels[1:], start=1):
        beside: list[int | None] = [*template.by_role.get(level, ())] or [None]
        roles = list(told.roles) if told is not None and told.level == level else beside
        of = {members.role: members for members in template.members if members.level == level}
        rest = set(range(len(one.variables))) - ({one.position(one.role)} if roles != [None] else set())
        rest -= set(template.derived_below.get(level, ()))
        if set(of) != set(roles) or any(set(members.variables) != rest for members in of.values()):
            raise ValueError(f"level '{one.name}': each kind of row needs beliefs about each of its variables, once")
        if (told is None or told.level != level) and level not in template.numbers:
            raise ValueError(f"level '{one.name}': nothing is believed of how many rows there are")
