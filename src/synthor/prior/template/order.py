"""The order of drawing, derived from the tables; and the order of members who are exchangeable: oldest first.

Three children of 4, 9 and 9 are one fact, whatever the order they are written in. As a sequence it could be written in three
ways, with as many densities to add up. So members of a role stand in one order, that of falling categories, and what is
drawn, and weighed, is that order: each next one given those before it. For members that are drawn independently from p, the
next one is the largest of those still to come. Discrete ages tie, and then it matters how many are as old already: of R
members who are b or younger, the number of those who are b is binomial, with p(b) / P(at most b). So the next one is b again
with the chance that there are more than so far, given that there are so many; otherwise it is the largest of L members, c with
the chance [P(at most c)^L - P(less than c)^L] / P(less than b)^L. The product over all is the multinomial density of the ages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.information import mutual_information
from synthor.prior.template.chances import MOST_PARENTS
from synthor.prior.template.told import Believed, Dependence, Weights
from synthor.schema import Ref
from synthor.types import CellIndex, Codes, Shares


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arranged:
    """A variable in the order of drawing.

    Attributes:
        column: of the variable.
        believed: of it.
        tables: those that count, strongest first.
    """

    column: int
    believed: Believed
    tables: tuple[Dependence, ...]


def information(table: Dependence, given: Shares | None) -> float:
    """Nats that a table tells, times the pseudo-records it is worth.

    Args:
        table: P(of | given); rows that say nothing do not count.
        given: shares of the given variable's categories; even where they are not known.
    """
    n, told = len(table.rows), table.rows.sum(axis=1) > 0
    shares = np.full(n, 1 / n) if given is None else np.append(given, np.zeros(max(n - len(given), 0)))
    joint = (table.shares(np.ones(table.rows.shape[1])) * shares[:, None])[told]
    return mutual_information(joint / joint.sum()) * table.strength if joint.sum() > 0 else 0.0


def turned(table: Dependence, of: Ref, usual: Shares, given: Shares) -> Dependence:
    """P(given | of) by Bayes' rule: about the same rows, so that it is the same belief.

    Args:
        table: P(of | given).
        of: the variable that it was told of.
        usual: shares of that one's categories.
        given: shares of the other's.
    """
    return replace(table, given=of, rows=(table.shares(usual)[: len(given)] * given[:, None]).T)


def arranged(
    variables: Mapping[int, Believed],
    level: int,
    *,
    first: int | None,
    known: Callable[[Ref], bool],
    shares: Callable[[Ref], Shares | None],
) -> tuple[Arranged, ...]:
    """Variables of one kind of row in the order in which they are drawn: what is said first, then that of which most is known.

    A table between two of them counts for the later one, turned round where it was told the other way. One that looks at what
    is drawn later elsewhere cannot count here, and says what it says as a soft term of the fit.

    Args:
        variables: by column.
        level: of the rows.
        first: the column that the rows are ordered by, where there is one.
        known: whether what a ref looks at, outside of the row itself, is drawn before.
        shares: of the categories behind a ref.
    """
    inner: dict[tuple[int, int], Dependence] = {}  # (of, given)
    outer: dict[int, list[Dependence]] = {column: [] for column in variables}
    for column, believed in variables.items():
        for table in believed.tables:
            given = table.given
            own = given.plain and given.level == level and given.column in variables
            if own and given.column != column:
                back = turned(table, Ref(level, column), believed.marginal, variables[given.column].marginal)
                for place, told in (((column, given.column), table), ((given.column, column), back)):
                    if place[0] == column or not variables[place[0]].said:
                        inner[place] = _stronger(inner.get(place), told, shares)
            elif not own and known(given) and not (column == first and given.step and given.column != first):
                outer[column].append(table)
    placed: list[Arranged] = []
    done: list[int] = []
    while len(done) < len(variables):
        usable = {
            column: [*outer[column], *(inner[column, a] for a in done if (column, a) in inner)]
            for column in variables
            if column not in done
        }
        ranked = {column: strongest(tables, shares) for column, tables in usable.items()}
        most = {column: sum(information(table, shares(table.given)) for table in tables) for column, tables in ranked.items()}
        rank = max(usable, key=lambda one: (variables[one].said, most[one], -one))
        column = first if first is not None and not done else rank
        placed.append(Arranged(column=column, believed=variables[column], tables=ranked[column]))
        done.append(column)
    return tuple(placed)


def strongest(tables: Sequence[Dependence], shares: Callable[[Ref], Shares | None]) -> tuple[Dependence, ...]:
    """Of several tables the four that tell most, in that order; of two about the same only the stronger."""
    found: dict[Ref, Dependence] = {}
    for table in sorted(tables, key=lambda table: -information(table, shares(table.given))):
        found.setdefault(table.given, table)
    return tuple(found.values())[:MOST_PARENTS]


def _stronger(one: Dependence | None, other: Dependence, shares: Callable[[Ref], Shares | None]) -> Dependence:
    if one is None:
        return other
    return max(one, other, key=lambda table: information(table, shares(table.given)))


def roles_in_order(roles: Sequence[int], needs: Mapping[tuple[int, int], float]) -> tuple[int, ...]:
    """Roles in the order in which they are drawn: those first that others look at.

    What a table says of two members of whom there is one each at most it says from both sides, and the later one makes use
    of it; so the first lacks no more than it looks at the other beyond what the other looks at it. Counted in full, heads and
    partners would wait for each other, and children be drawn before either, as if they were nobody's.

    Args:
        roles: as they were declared.
        needs: how much members of the first role look at the one with the second.

    >>> roles_in_order([0, 1, 2], {(0, 1): 30.0, (1, 0): 40.0, (2, 0): 9.0, (2, 1): 7.0})
    (0, 1, 2)
    """
    left, found = list(roles), list[int]()
    while left:
        lacking = {
            one: sum(max(needs.get((one, other), 0.0) - needs.get((other, one), 0.0), 0.0) for other in left if other != one)
            for one in left
        }
        found.append(min(left, key=lambda one: lacking[one]))
        left.remove(found[-1])
    return tuple(found)


def next_oldest(weights: Weights, before: Codes, run: CellIndex, left: CellIndex) -> Weights:
    """Chances of the next of several exchangeable members, oldest first, (n, k).

    Args:
        weights: (n, k) of each member by itself.
        before: (n,) category of the one before; the last category of all where there is none.
        run: (n,) how many stand in this category in a row already.
        left: (n,) members who are so old or younger, with the run: all where there is none before.
    """
    from scipy.special import betainc

    n, k = weights.shape
    rows = np.arange(n)
    rising = np.cumsum(weights, axis=1)
    at_most = rising[rows, before]
    none = at_most <= 0
    theta = np.where(none, 0.0, weights[rows, before] / np.where(none, 1.0, at_most))
    after = left - run  # still to come
    more = betainc(run + 1.0, after.astype(np.float64), theta)  # P(X >= run + 1), X binomial(left, theta)
    so_many = np.where(run > 0, betainc(np.maximum(run, 1).astype(np.float64), after + 1.0, theta), 1.0)
    stay = np.where(so_many > 0, more / np.where(so_many > 0, so_many, 1.0), 0.0)
    below = np.where(before > 0, rising[rows, np.maximum(before - 1, 0)], 0.0)
    stay = np.where(below > 0, stay, (theta > 0).astype(np.float64))
    power = np.minimum(rising / np.where(below > 0, below, 1.0)[:, None], 1.0) ** after[:, None]
    found = np.diff(power, axis=1, prepend=0.0) * (1 - stay)[:, None]
    found[np.arange(k)[None] >= before[:, None]] = 0.0
    found[below <= 0] = 0.0
    found[rows, before] = stay
    return found
