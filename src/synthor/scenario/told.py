"""What a scenario changed, in sentences: what was asked for, and how other tables followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthor.problem import Statements, shown
from synthor.reconcile import FollowedTable, own_tables
from synthor.scenario.change import Altered
from synthor.scenario.form import ScenarioSpec
from synthor.schema.text import in_brief, plural, some_of

LISTED = 8
"""Tables whose moves are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What became of the tables of the same rows.

    Attributes:
        found: as they were read.
        whole: how many rows there are now.
        changed: tables of counts and shares that the scenario changes, by position in the spec.
        statistics: the same of means, totals and standard deviations.
        followed: the other tables.
    """

    found: Statements
    whole: float
    changed: Mapping[int, Altered]
    statistics: Mapping[int, Altered]
    followed: tuple[FollowedTable, ...]


def told_of(form: ScenarioSpec, outcomes: Sequence[Outcome], before: int, after: int, kept: frozenset[int]) -> list[str]:
    """What a scenario changed, a sentence each.

    Args:
        form: the scenario.
        outcomes: what became of the tables, by the rows that they count.
        before: records that the spec makes.
        after: records that are made now.
        kept: positions of targets that stay.
    """
    told = [f"{in_brief(form.title.strip(), 200)}."] if form.title.strip() else []
    for change in form.changes:
        if change.table is not None:
            name = change.table if isinstance(change.table, str) else "one written in place"
            told.append(f"'{change.target}' is another table: {name}.")
        elif change.leave_out:
            told.append(f"'{change.target}' is left out.")
    for one in outcomes:
        for table in (*one.changed.values(), *one.statistics.values()):
            told.append(f"'{table.target.name}': {'; '.join(table.told)}.")
    if after != before:
        told.append(f"{after:,} records are made, not {before:,}.")
    for one in outcomes:
        told += _of_followers(one, kept)
    return told


def _of_followers(one: Outcome, kept: frozenset[int]) -> list[str]:
    """How the other tables of the same rows followed."""
    rows, changed = one.found.view.name, [table for table in one.followed if table.target is not None]
    changed += [table for table in one.followed if table.factor is not None]
    whose = "" if one.found.view.plain else f" of {rows}"
    fitted = [table for table in changed if table.fitted]
    scaled = [table for table in changed if not table.fitted]
    told = []
    if scaled:
        names = some_of(f"'{table.stated.target.name}'" for table in scaled)
        keep = "keeps its shares and was scaled" if len(scaled) == 1 else "keep their shares and were scaled"
        told.append(
            f"{plural(len(scaled), 'other table')}{whose} {keep} to the new total of {shown(round(one.whole, 6))}: {names}."
        )
    for table in sorted(fitted, key=lambda table: -table.moved)[:LISTED]:
        target = table.stated.target
        share = 100 * table.moved / max(float(target.wanted.sum()), 1.0)
        moved = max(round(table.moved), 1)
        told.append(f"'{target.name}' follows: beyond scaling, {moved:,} ({share:.1f}%) change their cell.")
    if len(fitted) > LISTED:
        told.append(f"{len(fitted) - LISTED:,} more tables{whose} follow by less.")
    held = [table.stated.target.name for table in one.followed if table.target is None and table.factor is None]
    held += [stated.target.name for at, stated in own_tables(one.found).items() if at in kept]
    held += [stated.target.name for stated in one.found.statistics if stated.position not in one.statistics]
    if held:
        stay = "stays as it is" if len(held) == 1 else "stay as they are"
        told.append(f"{plural(len(held), 'other target')}{whose} {stay}: {some_of(held)}.")
    return told
