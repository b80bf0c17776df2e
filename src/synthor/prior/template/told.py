"""What a template is made of: what is believed of a unit, of its composition and of each kind of member, as arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from synthor.prior.beliefs import BASE_STRENGTH, TABLE_STRENGTH
from synthor.problem.model import Rule
from synthor.schema import Ref, Schema, Units
from synthor.types import Codes, Floats, Shares

SURE = 20.0
"""Times the usual strength of a table that one has which was counted or learned, not believed."""

Derive = Callable[[Units, np.random.Generator | None], Units]
"""The same units, columns that follow from members computed anew; what hangs on values is drawn, or stays if nothing draws."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dependence:
    """What is believed of one variable given another: a table P(of | given).

    Attributes:
        given: as the rows see it that are drawn: a column of their own, of a row above (`Ref(0, 2)`), of the one member with a
            role (`head.age`), or, with `step=-1`, of the one drawn before it, of the same role: the next older.
        rows: (categories of given, categories of `of`), whose sums do not matter. One row more is for those that see no such
            member; without it they are drawn as if nothing were said, and so are those whose row is empty.
        strength: pseudo-records that it is worth, as `BelievedTable` has them.
    """

    given: Ref
    rows: Shares
    strength: float = TABLE_STRENGTH

    def shares(self, usual: Shares) -> Shares:
        """Its rows, each summing to one; those that say nothing as usual."""
        sums = self.rows.sum(axis=1, keepdims=True)
        return np.where(sums > 0, self.rows / np.where(sums > 0, sums, 1.0), usual / usual.sum())

    @property
    def trust(self) -> float:
        """Its exponent, lambda: less than one.

        A row worth n_d records beside a marginal worth n_q is nearest to both, in sums of KL, at t^(n_d/n) m^(n_q/n), n their
        sum. The same two numbers weigh this belief against the base measure when the pool is fitted.
        """
        return self.strength / (self.strength + BASE_STRENGTH)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Believed:
    """What is believed of one variable, or of a number of rows, among the rows of one kind.

    Attributes:
        marginal: (k,) shares among these rows: partners are not as old as all persons. Of a number of rows, the share of each
            number from 0.
        tables: what it depends on.
        said: whether it is as it is said, whatever other tables say of it: drawn before what is not, by its own tables alone.
    """

    marginal: Shares
    tables: tuple[Dependence, ...] = ()
    said: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Members:
    """Rows of one kind: those with one role, or all rows of a level without roles.

    Attributes:
        level: of the rows.
        variables: by column; that of the role is left out.
        role: category of the level's role variable, None where nothing tells rows apart.
        oldest_first: the column whose categories do not rise from one row to the next, where the rows are exchangeable; None
            where they have an order of their own (a day's trips), or there is one at most.
        copied: columns of which a structural variable of the unit tells, by column: which one that is, and the category that
            it then has for each of theirs, (k,).
    """

    level: int
    variables: Mapping[int, Believed]
    role: int | None = None
    oldest_first: int | None = None
    copied: Mapping[int, tuple[int, Codes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeComposition:
    """A composition that is believed as a whole: a head, a partner and two children.

    Attributes:
        numbers: members of each role, in the order of the roles.
        share: among the units it speaks of.
        where: which these are: categories by column of the unit, structural ones alone.
        of_as_many: whether these are, of them, those with as many members alone.
    """

    numbers: tuple[int, ...]
    share: float
    where: Mapping[int, int] = field(default_factory=dict)
    of_as_many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Size:
    """The structural variable that counts the members.

    Attributes:
        column: of the unit.
        totals: (categories, numbers from 0) share of each number inside each category: of "6 or more", the believed tail.
    """

    column: int
    totals: Shares


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Composition:
    """Who a unit consists of, given its structural variables.

    Attributes:
        level: of the members that roles tell apart.
        roles: for each role, by its category, how many there are of it; tables may look at structural variables alone.
        least: members of a unit, at least.
        most: at most.
        size: the variable that says how many, if the unit has one.
        whole: compositions listed as such; what they leave of a unit's share is for all others.
    """

    level: int
    roles: Mapping[int, Believed]
    least: int = 0
    most: int
    size: Size | None = None
    whole: tuple[WholeComposition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """The believed way to make a unit, from the top down.

    Attributes:
        schema: what a unit is, without slices: `Schema.refined` where there are any.
        structural: the unit's variables that are drawn first, by column: few, and such as members depend on.
        composition: of the level with roles; None where there is none.
        members: every kind of row below the unit.
        numbers: for each level without a composition how many rows there are below one of the level above.
        by_role: for those of these whose rows roles tell apart, how many there are of each role, by its category; given how
            many there are in all, numbers of roles are independent.
        counted: for such levels the column of the level above that counts all of its rows, where there is one.
        rest: the unit's variables that are drawn last, by column.
        derive: computes what follows from members.
        derived: the unit's columns that it computes, beside structural ones.
        derived_below: columns of members that it computes, by level.
        rules: what must not be. Those that look at one row and its unit, or at one member beside, are never drawn.
    """

    schema: Schema
    structural: Mapping[int, Believed]
    composition: Composition | None = None
    members: tuple[Members, ...] = ()
    numbers: Mapping[int, Believed] = field(default_factory=dict)
    by_role: Mapping[int, Mapping[int, Believed]] = field(default_factory=dict)
    counted: Mapping[int, int] = field(default_factory=dict)
    rest: Mapping[int, Believed] = field(default_factory=dict)
    derive: Derive | None = None
    derived: tuple[int, ...] = ()
    derived_below: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


Weights = Floats
"""(rows, k) weight of each category, not normalised."""
