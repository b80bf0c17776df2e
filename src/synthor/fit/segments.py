"""Units of believed segments: a second source of candidates, beside those of the template of all units.

Units of a segment are made by the same template, with what the segment says in the place of what is believed of all. What is
said is drawn first, and all else given it, so that what a segment leaves open is as believed. Each unit stands for its part of
the share of its segment, and the two sources stand side by side: nobody asks how likely a unit of one is in the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from synthor.fit.shares_by_role import SharesByRole
from synthor.fit.slices import slice_shares
from synthor.prior.beliefs import Beliefs, resolve
from synthor.prior.model import Dropped, Prior
from synthor.prior.segments import BelievedSegment, Said
from synthor.prior.template import Believed, Maker, Members, Plan, Template, drawn_by
from synthor.problem import Problem
from synthor.randomness import generator
from synthor.schema import Ref, Units
from synthor.schema.crossed import n_crossed
from synthor.types import Codes, Floats, Mask, Shares
from synthor.values import possible

FEWEST = 100
"""Units that are drawn of each segment, at least."""

MOST_STRUCTURES = 100_000
"""Combinations of the unit's variables that are drawn before its members, those that a segment says among them."""

HARDLY = 1e-6
"""Chance of a difference in which a segment does not believe: in other beliefs it would only be rare."""

EMPTIED = "rules, and how many members there may be, leave none of its units"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnSegments:
    """Units of all segments.

    Attributes:
        units: in the finest bins; None where there are none.
        log_share: (n,) log of the share that each stands for, among them.
        share: of all units that these segments are said to have.
        empty: segments that none was found for.
    """

    units: Units | None
    log_share: Floats
    share: float
    empty: tuple[Dropped, ...]


def drawn_segments(problem: Problem, beliefs: Beliefs, template: Template, *, size: int, random_seed: int) -> DrawnSegments:
    """Units of all believed segments that break no rule.

    Args:
        problem: with all rules that hold.
        beliefs: the segments are theirs.
        template: of all units, made of the same beliefs.
        size: units to draw of all segments, about.
        random_seed: the same seed gives the same units.
    """
    total, share = sum(segment.share for segment in beliefs.segments), 0.0
    units, logs, empty = [], [], []
    for number, segment in enumerate(beliefs.segments):
        own = max(FEWEST, round(size * segment.share / total))
        seed = int(generator(random_seed, "template", "segment", number).integers(2**31))
        found = _drawn(problem, beliefs, template, segment, own, seed)
        if found is None:
            empty.append(Dropped(belief=segment.place, reason=EMPTIED))
            continue
        share += segment.share
        units.append(found[0])
        logs.append(found[1] + np.log(segment.share))
    log_share = np.concatenate(logs) - np.log(share) if logs else np.zeros(0)
    every = units[0].joined(*units[1:]) if units else None
    return DrawnSegments(units=every, log_share=log_share, share=share / 100, empty=tuple(empty))


def _drawn(
    problem: Problem, beliefs: Beliefs, template: Template, segment: BelievedSegment, size: int, random_seed: int
) -> tuple[Units, Floats] | None:
    """So many units of a segment and the log of the share of each; None where there are none."""
    own = _Saying(problem, beliefs, template, segment).template
    members = [believed for of in own.members for believed in of.variables.values()]
    if any(believed.marginal.sum() <= 0 for believed in (*own.structural.values(), *own.rest.values(), *members)):
        return None
    try:
        maker = Maker.of(own)  # factors are not fitted: they make shares come out among all units, and these are of one kind
    except ValueError:  # no combination of what is drawn before members has any
        return None
    compositions = segment.compositions
    plan = Plan.among(maker, compositions, size, random_seed) if compositions else Plan.of(maker, size, random_seed)
    if plan is None:
        return None
    refined = problem.refined
    drawn = drawn_by(plan, lambda units: possible(refined, units) & _apart_as_said(problem, segment, units))
    return (drawn.units, drawn.log_weight) if len(drawn.units) else None


def _apart_as_said(problem: Problem, segment: BelievedSegment, units: Units) -> Mask:
    """Units whose members' bins leave room for the differences that a segment wants, (n,)."""
    found = np.ones(len(units), bool)
    for one in segment.differences:
        low, high = problem.schema.refined.variable(one.refs[0]).ends
        first, second = (units.column(ref, one.level) for ref in one.refs)
        below = one.distribution.below
        chance = below(high[first] - low[second]) - below(low[first] - high[second] - one.step)
        wrong = (first >= 0) & (second >= 0) & (chance <= HARDLY)
        found &= np.bincount(units.above(0, one.level), wrong, len(units)) == 0
    return found


def _counted(categories: Codes, shares: Shares, n: int) -> Shares:
    """Shares of categories of the unit from those of the member's; -1 is what no unit may have."""
    return np.asarray(np.bincount(categories[categories >= 0], shares[categories >= 0], n))


@dataclass(frozen=True, eq=False)
class _Saying:
    """What a segment says, put into a template."""

    problem: Problem
    beliefs: Beliefs
    told: Template
    segment: BelievedSegment

    @property
    def template(self) -> Template:
        """The template of the segment's units."""
        members = tuple(self._members(of) for of in self.told.members)
        said = {ref.column: self._shares(ref, one) for ref, one in self.segment.said.items() if not ref.level}
        structural, rest = dict(self.told.structural), dict(self.told.rest)
        for of in members:  # what a structural variable tells of a member it tells as the member is said to be
            for column, (place, categories) in of.copied.items():
                own = of.variables[column]
                if own.said and place not in said:
                    said[place] = _counted(categories, own.marginal, len(structural[place].marginal))
        for column, shares in said.items():
            if column in rest and self._few([*structural, column]):
                del rest[column]
            where = rest if column in rest else structural
            where[column] = Believed(marginal=shares, said=True)
        return replace(self.told, structural=structural, rest=rest, members=members)

    def _few(self, columns: Sequence[int]) -> bool:
        return n_crossed([self.told.schema.unit.variables[column].size for column in columns]) <= MOST_STRUCTURES

    def _members(self, of: Members) -> Members:
        """One kind of row with what is said of it."""
        return replace(of, variables={column: self._believed(of, column, told) for column, told in of.variables.items()})

    def _believed(self, of: Members, column: int, told: Believed) -> Believed:
        apart = tuple(self._apart.tables(of.level, column, of.role)) if self.segment.differences else ()
        said = self._of_rows(of.level, column, of.role, told.marginal)
        if said is not None:
            return Believed(marginal=said, tables=apart, said=True)
        given = {table.given for table in apart}
        return replace(told, tables=(*apart, *(table for table in told.tables if table.given not in given)))

    def _of_rows(self, level: int, column: int, role: int | None, usual: Shares) -> Shares | None:
        """What is said of a variable of rows with a role; of their unit, which has it from them; or of all rows.

        Args:
            level: of the rows.
            column: of the variable.
            role: of the rows.
            usual: shares of its categories among them.
        """
        said = self.segment.said
        here = [ref for ref in said if (ref.level, ref.column) == (level, column)]
        for ref in here:
            who = ref.role or ref.among
            if who is not None and who.code == role:
                return self._shares(ref, said[ref])
        for one in self.problem.follows:
            ref, own = Ref(one.level, one.position), one.role is not None and one.role.code == role
            same = one.fold is None and own and (one.below, one.source) == (level, column)
            if same and ref in said and ref.column in self.told.derived:
                categories, shares = one.of_source(self.told.schema), self._shares(ref, said[ref])
                whole = _counted(categories, usual, len(shares))
                ratio = np.divide(shares, whole, out=np.zeros(len(shares)), where=whole > 0)
                return np.where(categories >= 0, usual * ratio[categories], 0.0)
        return next((self._shares(ref, said[ref]) for ref in here if ref.plain), None)

    @cached_property
    def _apart(self) -> SharesByRole:
        """Its differences between members, and nothing else."""
        bare = replace(self.problem.with_only(()), targets=())
        return SharesByRole(bare, replace(resolve(Prior(), bare), differences=self.segment.differences))

    def _shares(self, ref: Ref, said: Said) -> Shares:
        """Shares of the finest bins."""
        level = self.problem.schema.levels[ref.level]
        if said.finest or ref.column not in level.slices:
            return said.shares
        parents, shape = level.parents(ref.column), SharesByRole(self.problem, self.beliefs).shape(ref.level, ref.column)
        return np.asarray(said.shares[parents] * slice_shares(level.variables[ref.column], shape, parents))
