"""How many rows rules leave below a row above, in all or of one role: known before the number is drawn.

A home for the old has eight persons or more, and a private household has no more than seven. Thrown away instead, units of many
rows would lose nearly all of theirs, since a rule on each of their rows has thrown away most of them already. Of compositions,
which are drawn right below the unit, see `closed_roles`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.prior.template.chances import Closed
from synthor.prior.template.closed import MOST_CELLS
from synthor.problem.model import Rule
from synthor.rules.lifted import NO, YES, Weighed, with_derived
from synthor.rules.on_categories import compared, truth
from synthor.rules.syntax import names_in
from synthor.schema import Ref, Schema
from synthor.schema.crossed import crossed, n_crossed
from synthor.schema.fold import COUNT
from synthor.types import Codes, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRows:
    """Rows below a row above that are counted.

    Attributes:
        level: of the rows.
        role: that they have, as the category of the level's role variable; None where all are meant.
        column: of the row above that is their number; None where there is none.
    """

    level: int
    role: int | None = None
    column: int | None = None


def numbers_closed(
    rules: Sequence[Rule], schema: Schema, of: CountedRows, most: int, known: Callable[[Ref], bool]
) -> tuple[Closed, ...]:
    """What rules leave of the numbers of some rows, from 0, given what is drawn of the row above.

    Args:
        rules: to be looked at.
        schema: of all levels.
        of: which rows.
        most: rows.
        known: whether what a ref looks at is drawn before.
    """
    found = (_closed_by(rule, schema, of, most, known) for rule in rules if rule.level == schema.above(of.level))
    return tuple(closed for closed in found if closed is not None)


def columns_of_numbers(rules: Sequence[Rule], schema: Schema, of: CountedRows) -> tuple[int, ...]:
    """Variables of the row above that rules name together with the number of some rows."""
    named = (_named(rule, schema, of) for rule in rules if rule.level == schema.above(of.level))
    return tuple(sorted({column for columns in named for column in columns}))


def _named(rule: Rule, schema: Schema, of: CountedRows) -> tuple[int, ...]:
    """Columns of the row that a rule speaks of, where it looks at these and at the number of some rows alone."""
    above, counts = schema.levels[rule.level], {one.name for one in rule.derived if _counts(one, of)}
    if len(counts) != len(rule.derived):
        return ()
    counted = set() if of.column is None else {above.variables[of.column].name}
    named = names_in(rule.predicate)
    own = named - counts - counted
    if own == named or not own <= set(above.names):
        return ()
    return tuple(above.position(name) for name in sorted(own))


def _closed_by(rule: Rule, schema: Schema, of: CountedRows, most: int, known: Callable[[Ref], bool]) -> Closed | None:
    above = schema.levels[rule.level]
    refs = tuple(Ref(rule.level, column) for column in _named(rule, schema, of))
    if not refs:
        return None
    sizes = tuple(schema.variable(ref).size for ref in refs)
    if not all(known(ref) for ref in refs) or n_crossed([*(size + 1 for size in sizes), most + 1]) > MOST_CELLS:
        return None
    codes = crossed([*(np.arange(size + 1) for size in sizes), np.arange(most + 1)])
    number = codes[:, -1]
    own = zip(refs, sizes, strict=True)
    seen: dict[str, Codes] = {
        schema.variable(ref).name: np.minimum(codes[:, at], size - 1).astype(np.int32) for at, (ref, size) in enumerate(own)
    }
    if of.column is not None:
        seen[above.variables[of.column].name] = above.variables[of.column].codes_of_numbers(number.astype(np.float64))
    seen |= {one.name: states(one, most)[number] for one in rule.derived if isinstance(one, Weighed)}
    variables = {one.name: one for one in with_derived(schema, rule.level, rule.derived).unit.variables}
    broken = truth(rule.predicate, seen, variables, len(codes)).must
    absent = (codes[:, :-1] == np.array(sizes, np.int64)).any(axis=1)  # what is not there breaks nothing
    open_ = (~broken | absent).reshape(-1, most + 1)
    return None if open_.all() else Closed(refs=refs, sizes=sizes, open=open_)


def _counts(one: object, of: CountedRows) -> bool:
    """Whether a comparison is of the number of some rows, and of nothing else that is not a number."""
    if not isinstance(one, Weighed) or one.beside:
        return False
    alike = (
        fold.fold is COUNT
        and fold.rows.level == of.level
        and (None if fold.rows.role is None else fold.rows.role.code) == of.role
        and fold.rows.such is None
        for fold in one.folds
    )
    return all(alike) and names_in(one.said) == {fold.name for fold in one.folds}


def states(one: Weighed, most: int) -> Codes:
    """Whether a comparison is so, for each number of rows."""
    numbers: Floats = np.arange(most + 1, dtype=np.float64)
    return np.where(compared(one.said, lambda _: (numbers, numbers), most + 1).must, YES, NO).astype(np.int32)
