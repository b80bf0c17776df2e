"""Whether tables of two levels leave any units at all, all of them together: what `between.py` does not see pair by pair.

Rows above are told apart by some of their variables, and their members by some of theirs (`kinds.py`). How many rows above
there are of each kind, how many members of each kind these have, and what the members' numbers come to are the unknowns of a
linear programme (`programme.py`), bounded by `number`, `roles`, what follows from members (`ties.py`), rules, and tables of
both levels. Whatever units there are is among its solutions. So where it has none, nothing can meet these tables. Tables of
more variables are summed over those that are left out, and what it cannot say is left out, too: then it asks for less.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from synthor.errors import Finding
from synthor.problem.agree import shown
from synthor.problem.marginals import Stated
from synthor.problem.model import Rule
from synthor.problem.statistic import OfValues
from synthor.problem.together.kinds import Traits, TwoLevels
from synthor.problem.together.programme import APART, Asked, MembersProgramme, RowsTold
from synthor.problem.views import View
from synthor.schema import Ref, Schema
from synthor.spec.levels import LevelForm

MOST_PROGRAMMES = 3
"""Programmes of some variables each, where one cannot hold all of them."""

MOST_LEFT_OUT = 40
"""Tables, or rules, that are left out one by one to find those that matter."""

NEAR = 1e-5
"""Share of a number that it may be off a whole one and be it."""

One = TypeVar("One", int, Rule)


def unmeetable(
    forms: Sequence[LevelForm],
    schema: Schema,
    counted: Mapping[int, RowsTold],
    rules: Sequence[Rule],
    n_units: float,
    areas: Set[Ref],
) -> Iterator[Finding]:
    """Tables that no units can meet together, as rows above and their members show it: one finding for each level of members.

    Args:
        forms: of the levels.
        schema: the same, in slices where tables need them.
        counted: what is published of the rows of each level, by its place.
        rules: of the spec.
        n_units: how many units there are in the tables.
        areas: columns of units that say where they lie.
    """
    for below in range(1, len(schema.levels)):
        above = schema.above(below) or 0
        both = tuple(counted.get(at) or RowsTold(view=View.of_level(schema, at)) for at in (above, below))
        pair = TwoLevels(
            forms=forms, upper=both[0], lower=both[1], rules=rules, n_above=np.inf if above else n_units, areas=areas
        )
        findings = (_contradiction(pair, traits) for traits in pair.choices(MOST_PROGRAMMES))
        found = next((finding for finding in findings if finding is not None), None)
        if found is not None:
            yield found


def _contradiction(pair: TwoLevels, traits: Traits) -> Finding | None:
    """Tables that contradict each other as rows are seen that some variables tell apart; None where they do not."""
    programme = pair.programme(traits, pair.told)
    missed = None if programme is None else programme.missed(frozenset(pair.tables))
    if programme is None or missed is None or missed.by <= APART:
        return None
    concerned = frozenset(one.of for one in missed.at if one.of is not None)
    tables = _needed(sorted(concerned), lambda kept: _apart(programme, frozenset(kept)))
    if not tables:  # rules alone leave nobody, which is told where units are made
        return None
    rules = _needed(list(pair.told), lambda kept: _apart(pair.programme(traits, kept), frozenset(tables)))
    programme = pair.programme(traits, rules)
    missed = None if programme is None else programme.missed(frozenset(tables))
    return (
        None if programme is None or missed is None else _told(_Clash(pair, programme, tuple(tables), tuple(rules)), missed.at)
    )


def _apart(programme: MembersProgramme | None, tables: Set[int]) -> bool:
    missed = None if programme is None else programme.missed(tables)
    return missed is not None and missed.by > APART


def _needed(given: Sequence[One], contradict: Callable[[Sequence[One]], bool]) -> list[One]:
    """Those without which the others contradict each other no more, as far as so many are tried."""
    kept = list(given)
    for one in given if len(given) <= MOST_LEFT_OUT else ():
        fewer = [other for other in kept if other is not one]
        if contradict(fewer):
            kept = fewer
    return kept


@dataclass(frozen=True, slots=True, eq=False)
class _Clash:
    """What cannot be met together."""

    pair: TwoLevels
    programme: MembersProgramme
    tables: tuple[int, ...]
    rules: tuple[Rule, ...]

    @property
    def by_rules(self) -> str:
        texts = [f"`{rule.text[:80]}`" for rule in self.rules]
        return f" with the rule{'s' if len(texts) > 1 else ''} {_listed(texts)}" if texts else ""


def _told(clash: _Clash, at: Sequence[Asked]) -> Finding:
    """The contradiction with a cell of one table beside what the others leave of it, if any cell alone shows it."""
    of_members = {one.position for one in (*clash.pair.lower.tables, *clash.pair.lower.statistics)}
    strike = f", or strike {'the rule' if len(clash.rules) == 1 else 'a rule'}" if clash.rules else ""
    cure = f"correct one of them, give one a tolerance{strike}" if strike else "correct one of them, or give one a tolerance"
    cells = [one for one in at if one.of is not None and one.alone]
    cells.sort(key=lambda one: (one.of not in of_members, one.unit == 1))
    for alone, one in itertools.product((False, True), cells):
        others = [of for of in clash.tables if alone or of != one.of]
        ends = clash.programme.reach(one, frozenset(others))
        edge = None if ends is None else _beyond(one, *ends)
        if edge is not None:
            named = "what else it counts" if len(clash.tables) == 1 else _listed([clash.pair.tables[of].shown for of in others])
            leave = f"{named} leave{'s' if len(others) == 1 else ''}" if others else "there can be"
            bound = "no more than" if edge < one.low else "no fewer than"
            message = f"{_said(clash.pair, one)}, and {leave} {bound} {shown(edge)}{clash.by_rules}"
            wanted = one.low if edge < one.low else one.high
            return Finding(where="targets", message=message, cure=cure, label=one.labels or None, found=wanted, expected=edge)
    every = _listed([clash.pair.tables[of].shown for of in clash.tables])
    message = f"no {clash.pair.upper.view.name} and {clash.pair.lower.view.name} meet {every} together"
    return Finding(where="targets", message=message + clash.by_rules, cure=cure)


def _beyond(one: Asked, least: float, most: float) -> float | None:
    """The end of what can be that lies beyond what a cell asks for."""
    edge = least if least > one.high else most if most < one.low else None
    if edge is None:
        return None
    near = round(edge)
    return float(near if abs(edge - near) <= NEAR * max(abs(edge), 1.0) else f"{edge:.6g}")


def _said(pair: TwoLevels, one: Asked) -> str:
    """What a table says of a cell."""
    assert one.of is not None
    stated: Stated = pair.tables[one.of]
    statistic = stated.target.statistic
    ends = shown(one.wanted) if stated.target.bounds is None else f"{shown(one.low)} to {shown(one.high)}"
    ends = f"{shown(one.low)} or more" if np.isinf(one.high) else ends
    where = f" ({one.labels})" if one.labels else ""
    if isinstance(statistic, OfValues):
        return f"{stated.shown} gives a {statistic.word} of {statistic.variable.name} of {ends}{where}"
    rows = next(counted for counted in pair.both if any(table is stated for table in counted.tables))
    return f"{stated.shown} counts {ends} {rows.view.name}{where}"


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
