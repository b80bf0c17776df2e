"""Where rules cut bins: numbers of a row above on which rows below must agree.

Pupils of ages 6 and 10 may both be in a class whose grade is in 1 to 3, if they are five to seven years older than it, but not
in the same class. Drawn apart from each other, given no more than that bin, a class of twenty hardly ever is one. Given the
grade itself each is as it may be. So where rules bound a number from both sides by another of a row above, and bins of the
former often leave parts of a bin of the latter that have nothing in common, that bin is cut at the ends of these parts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from synthor.problem.model import Rule
from synthor.rules.apart import at_most_zero, cases
from synthor.rules.syntax import Compare, opposite
from synthor.schema import Schema, Variable
from synthor.types import Floats

OFTEN = 0.1
"""Share of pairs of bins that leave nothing in common, from which on a bin is cut."""

MOST_CUTS = 64
"""Edges that rules may cut a variable at."""


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Between which values of a number above each bin of a number below leaves it, (bins,) each."""

    low: Floats
    high: Floats

    @classmethod
    def all_of(cls, below: Variable) -> "_Parts":
        """What is left where nothing is said."""
        return cls(np.full(below.n_valued, -np.inf), np.full(below.n_valued, np.inf))

    def edges(self, above: Variable) -> Floats:
        """Where a variable is to be cut."""
        step, found = 10.0**-above.decimals, list[Floats]()
        for low, high in zip(above.low[: above.n_valued], above.high[: above.n_valued], strict=True):
            open_ = (self.low <= high) & (self.high >= low)
            lows, highs = self.low[open_], self.high[open_]
            apart = np.maximum.outer(lows, lows) > np.minimum.outer(highs, highs)
            if apart.size and apart.mean() > OFTEN:
                ends = np.unique(np.concatenate([lows, highs + step]))
                found.append(ends[(ends > low) & (ends <= high)])
        edges = np.concatenate([np.zeros(0), *found])
        return edges if len(edges) <= MOST_CUTS else np.zeros(0)


def edges_by_rules(rules: Iterable[Rule], schema: Schema) -> Iterator[tuple[int, str, list[float]]]:
    """Where variables are to be cut for rules, by level and name.

    Args:
        rules: that must hold.
        schema: of all levels, as declared.
    """
    parts = dict[tuple[tuple[int, int], tuple[int, int]], _Parts]()
    for rule in rules:
        numbers = _numbers(schema, rule.level)
        for case in () if rule.derived else cases(rule.predicate):
            compared = [said for said in case if isinstance(said, Compare)]
            never = opposite(compared[0]) if len(compared) == 1 else None
            for weights, constant, strict in at_most_zero(never) if isinstance(never, Compare) else ():
                own = [name for name in weights if name in numbers and numbers[name][0] == rule.level]
                above = [name for name in weights if name in numbers and numbers[name][0] < rule.level]
                if len(weights) == 2 and len(own) == len(above) == 1 and weights[own[0]] * weights[above[0]] < 0:
                    pair = numbers[above[0]], numbers[own[0]]
                    known = parts.setdefault(pair, _Parts.all_of(_variable(schema, pair[1])))
                    _narrow(known, schema, pair, (weights[above[0]], weights[own[0]]), constant, strict)
    for (above_at, _), known in parts.items():
        edges = known.edges(_variable(schema, above_at))
        if len(edges):
            yield above_at[0], _variable(schema, above_at).name, edges.tolist()


def _narrow(
    parts: _Parts,
    schema: Schema,
    pair: tuple[tuple[int, int], tuple[int, int]],
    weights: tuple[float, float],
    constant: float,
    strict: bool,
) -> None:
    """Take what weights of two numbers, above and below, leave of the former with each bin of the latter."""
    above, below = (_variable(schema, one) for one in pair)
    (own, other), step = weights, 10.0**-above.decimals
    ends = below.low if other > 0 else below.high  # those that leave most
    end = np.round(-(other * ends[: below.n_valued] + constant) / own / step, 6)
    if own > 0:
        np.minimum(parts.high, (np.ceil(end) - 1 if strict else np.floor(end)) * step, out=parts.high)
    else:
        np.maximum(parts.low, (np.floor(end) + 1 if strict else np.ceil(end)) * step, out=parts.low)


def _numbers(schema: Schema, level: int) -> Mapping[str, tuple[int, int]]:
    """Numbers that rows of a level see of their own and of rows above, by name: their level and position."""
    found: dict[str, tuple[int, int]] = {}
    for at in reversed(schema.path(level)):
        for position in schema.levels[at].numeric:
            found.setdefault(schema.levels[at].variables[position].name, (at, position))
    return found


def _variable(schema: Schema, at: tuple[int, int]) -> Variable:
    return schema.levels[at[0]].variables[at[1]]
