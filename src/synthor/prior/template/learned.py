"""A template whose numbers are learned from weighted units: what is known and believed of them, seen in the units themselves.

A template says what tables say about one variable given another; it cannot say what follows from all of them together, nor what
tables say of variables that follow from members. Weights that meet the tables do, on units drawn from it. So its numbers are
read off these: shares of every variable, and of every variable given each other that is drawn before it, among the rows of each
kind. Units drawn from that template are such as the weights ask for (the cross-entropy method; Rubinstein, 1999). Few units
leave gaps, so that each row of a table is worth a few rows more, as they were told before.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from synthor.information import effective_size, mutual_information
from synthor.prior.beliefs import TABLE_STRENGTH
from synthor.prior.template.told import SURE, Believed, Composition, Dependence, Members, Template, WholeComposition
from synthor.schema import Ref, Role, Units
from synthor.schema.crossed import n_crossed
from synthor.types import CellIndex, Codes, Counts, Floats, Mask, Shares

TOLD = 5.0
"""Rows by which what was told before counts, in every row of a table."""

MOST_KEYS = 300
"""Combinations of structural variables that compositions may hang on."""


def learned(template: Template, units: Units, weights: Floats) -> Template:
    """The same template with the numbers of some weighted units.

    Args:
        template: by which the units were drawn.
        units: in the template's schema, their rows in the order of drawing.
        weights: (n,) of each unit.
    """
    found = _Learning(template, units, weights)
    return replace(
        template,
        structural={column: found.of_unit(column, told) for column, told in template.structural.items()},
        composition=None if template.composition is None else found.composition(template.composition),
        members=tuple(found.members(told) for told in template.members),
        numbers={level: found.number(level, None, told) for level, told in template.numbers.items()},
        by_role={
            level: {role: found.number(level, role, told) for role, told in roles.items()}
            for level, roles in template.by_role.items()
        },
        rest={column: found.of_unit(column, told) for column, told in template.rest.items()},
    )


class _Learning:
    """What weighted units say.

    Args:
        template: as it is.
        units: drawn from it.
        weights: (n,).
    """

    def __init__(self, template: Template, units: Units, weights: Floats) -> None:
        """Nothing counted yet."""
        self.template, self.units, self.weights = template, units, weights
        self.schema = template.schema

    # --- which rows see what ------------------------------------------------------------------------------------------------

    def _role(self, level: int) -> int | None:
        """The column of a level that tells its roles apart, if members of it are drawn by role."""
        own = self.schema.levels[level]
        return own.position(own.role) if level in self._roles else None

    @cached_property
    def _roles(self) -> Mapping[int, Mapping[int, Believed]]:
        """Of each level whose members are drawn by role, how many there are of each."""
        told = self.template.composition
        return {**self.template.by_role, **({} if told is None else {told.level: told.roles})}

    def _rows(self, level: int, role: int | None) -> Mask:
        """Rows of one kind."""
        column = self._role(level)
        if role is None or column is None:
            return np.ones(self.units.n_rows(level), bool)
        return self.units.column(Ref(level, column)) == role

    def _above(self, level: int) -> list[Ref]:
        """Columns that rows of a level see in those above: of the unit what is drawn before its members."""
        found = [Ref(0, column) for column in sorted(self.template.structural)] if level else []
        for at in self.schema.path(level)[1:-1]:
            found += [Ref(at, column) for column in range(len(self.schema.levels[at].variables))]
        return found

    def _alone(self, level: int) -> Iterator[Ref]:
        """Columns of members of whom there is one at most, as rows of a level see them: siblings, or those of a row above."""
        for at, roles in self._roles.items():
            column = self._role(at)
            if column is not None and (at in self.schema.path(level) if level else self.schema.above(at) == 0):
                single = [role for role, believed in roles.items() if len(believed.marginal) <= 2]
                others = [other for other in range(len(self.schema.levels[at].variables)) if other != column]
                yield from (Ref(at, other, role=Role(column, role)) for role in single for other in others)

    # --- what is learned of each --------------------------------------------------------------------------------------------

    def of_unit(self, column: int, told: Believed) -> Believed:
        """A variable of the unit."""
        every = range(len(self.schema.unit.variables))
        before = self.template.structural if column in self.template.structural else every
        refs = [Ref(0, other) for other in before if other != column]
        if column in self.template.rest:
            refs += self._alone(0)
        return self._believed(0, None, self.units.column(Ref(0, column)), told, refs)

    def members(self, told: Members) -> Members:
        """All variables of one kind of row."""
        level, role = told.level, told.role
        refs = [*(Ref(level, column) for column in told.variables), *self._above(level)]
        refs += [ref for ref in self._alone(level) if ref.level != level or ref.role is None or ref.role.code != role]
        return replace(
            told,
            variables={
                column: self._believed(
                    level, role, self.units.column(Ref(level, column)), believed, [r for r in refs if r != Ref(level, column)]
                )
                for column, believed in told.variables.items()
            },
        )

    def number(self, level: int, role: int | None, told: Believed) -> Believed:
        """How many rows of a level, with a role, there are below each row above."""
        above = self.schema.path(level)[-2]
        these = self.units.above(above, level)[self._rows(level, role)]
        numbers = np.bincount(these, minlength=self.units.n_rows(above))
        own = [Ref(above, column) for column in range(len(self.schema.levels[above].variables))] if above else []
        return self._believed(above, None, self._codes(numbers, told), told, [*own, *self._above(max(above, 1))])

    def composition(self, told: Composition) -> Composition:
        """How many members there are of each role, and in all."""
        column, above = self._role(told.level), self.units.above(0, told.level)
        assert column is not None
        of_role, n = self.units.column(Ref(told.level, column)), len(self.units)
        numbers = {role: np.bincount(above[of_role == role], minlength=n) for role in told.roles}
        of_roles = {role: self._codes(numbers[role], believed) for role, believed in told.roles.items()}
        refs = self._keys(told, of_roles)
        roles = {role: self._believed(0, None, of_roles[role], believed, refs) for role, believed in told.roles.items()}
        size = told.size
        if size is not None:
            totals = np.minimum(np.bincount(above, minlength=n), size.totals.shape[1] - 1).astype(np.int32)
            rows = self._table(self.units.column(Ref(0, size.column)), totals, self.weights, size.totals)
            size = replace(size, totals=np.where(size.totals > 0, rows, 0.0))
        return replace(told, roles=roles, size=size, whole=tuple(self._whole(one, numbers) for one in told.whole))

    def _whole(self, told: WholeComposition, numbers: Mapping[int, CellIndex]) -> WholeComposition:
        """A composition with the share that it has among units with as many members; others as they are told."""
        if not told.of_as_many:
            return told
        every = np.stack(list(numbers.values()), axis=1)
        many = np.flatnonzero(every.sum(axis=1) == sum(told.numbers))
        such = (every[many] == np.array(told.numbers)).all(axis=1).astype(np.int32)
        usual = np.array([[1 - min(told.share, 1.0), min(told.share, 1.0)]])
        shares = self._table(np.zeros(len(many), np.int32), such, self.weights[many], usual)
        return replace(told, share=float(shares[0, 1]))

    def _keys(self, told: Composition, of_roles: Mapping[int, Codes]) -> list[Ref]:
        """Structural variables that numbers of roles hang on: those that are told, and such as say most of them."""
        variables = self.schema.unit.variables
        known = {table.given.column for believed in told.roles.values() for table in believed.tables}
        known |= {told.size.column} if told.size is not None else set()
        left = sorted(set(self.template.structural) - known)
        says = {column: sum(self._information(column, codes) for codes in of_roles.values()) for column in left}
        for column in sorted(left, key=lambda one: (-says[one], one)):
            if n_crossed([variables[one].size for one in (*known, column)]) <= MOST_KEYS:
                known.add(column)
        return [Ref(0, column) for column in sorted(known)]

    def _information(self, column: int, codes: Codes) -> float:
        """Nats that a variable of the unit says of a number."""
        shape = (self.schema.unit.variables[column].size, int(codes.max(initial=0)) + 1)
        given = self.units.column(Ref(0, column)).astype(np.int64)
        joint = np.bincount(given * shape[1] + codes, self.weights, shape[0] * shape[1]).reshape(shape)
        return mutual_information(joint / joint.sum())

    @staticmethod
    def _codes(numbers: Counts | CellIndex, told: Believed) -> Codes:
        return np.minimum(numbers, len(told.marginal) - 1).astype(np.int32)

    def _believed(self, level: int, role: int | None, codes: Codes, told: Believed, refs: Iterable[Ref]) -> Believed:
        """Shares of a variable among rows of one kind, and its tables with what these rows see."""
        rows = self._rows(level, role)
        weights = (self.weights[self.units.above(0, level)] if level else self.weights)[rows]
        usual = told.marginal / told.marginal.sum()
        marginal = self._table(np.zeros(len(weights), np.int32), codes[rows], weights, usual[None])[0]
        marginal = np.where(usual > 0, marginal, 0.0)
        before: Mapping[Ref, Dependence] = {table.given: table for table in told.tables}
        tables = [table for table in told.tables if table.given.step]
        for ref in refs:
            size = self.schema.variable(ref).size
            seen = self.units.column(ref, level)[rows]
            n_given = size + (ref.role is not None)  # one more for those that see no such member
            known = np.tile(usual, (n_given, 1))
            if ref in before:
                known[: len(before[ref].rows)] = before[ref].shares(usual)[:n_given]
            table = self._table(np.where(seen < 0, size, seen), codes[rows], weights, known)
            tables.append(Dependence(given=ref, rows=table, strength=SURE * TABLE_STRENGTH))
        return Believed(marginal=marginal / marginal.sum(), tables=tuple(tables))

    @staticmethod
    def _table(given: Codes, of: Codes, weights: Floats, told: Shares) -> Shares:
        """Shares of `of` in each category of `given`."""
        n_given, n_of = told.shape
        total = float(weights.sum())
        n_rows = effective_size(weights) if total > 0 else 0.0
        counted = np.bincount(given.astype(np.int64) * n_of + of, weights, n_given * n_of).reshape(told.shape)
        rows = counted * (n_rows / max(total, 1e-300)) + TOLD * told
        return np.asarray(rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300))
