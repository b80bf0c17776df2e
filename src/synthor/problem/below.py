"""What a `where` says of rows below those that a table counts: `any(person, age < 18)` of households.

It is understood as the variable that it would be with `from:`, and bins of members are cut likewise, so that they decide it.
But nothing holds it: no record has such a column, no model is asked about it. Whoever wants it has the rows below counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.errors import nearest
from synthor.problem.following import unclear
from synthor.problem.views import View
from synthor.rules.on_categories import truth
from synthor.rules.parse import Call, PredicateError
from synthor.rules.syntax import Predicate, names_in
from synthor.schema import Below, Ref, Schema, Variable, of_below
from synthor.schema.bins import edges_of, sliced
from synthor.schema.crossed import crossed, n_crossed
from synthor.spec.followed import NOBODY, UnclearError, shape_of
from synthor.spec.levels import Followers, Following, LevelForm
from synthor.spec.members import MOST
from synthor.spec.variables import Follows
from synthor.types import Codes, Floats, Mask

MOST_COMBINATIONS = 4_000_000
"""Combinations of categories that may decide what a row below counts."""

MOST_MARKS = 2**16 - 1
"""Bins that what rows below come to may have."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoldedBelow:
    """What the rows below each row of a level come to.

    Attributes:
        level: of the rows that they are below.
        follows: how a variable that is the same would follow from them.
        variable: which that would be.
    """

    level: int
    follows: Following
    variable: Variable

    @classmethod
    def of(cls, call: Call, view: View, levels: Sequence[LevelForm]) -> "FoldedBelow":
        """What a call says of the rows below those that a table counts, or beside those, below what these belong to.

        Args:
            call: as it is written.
            view: the rows that are counted.
            levels: of the spec, variables as they are written.

        Raises:
            PredicateError: it cannot be understood, or bins do not decide it.
        """
        schema, name, known = view.schema, call.shown, Followers(tuple(levels))
        try:
            shape = shape_of(name)
        except UnclearError as error:
            raise _unread(name, str(error), error.cure) from None
        if shape.name not in known.names:
            cure = nearest(shape.name, [one for one, (at, _) in known.names.items() if at])
            raise _unread(name, f"no level of members and no role is called '{shape.name}'", cure)
        below, role = known.names[shape.name]
        above = [at for at in schema.path(view.level) if at in schema.path(below)[:-1]]
        if not above:
            own = schema.levels[view.level].name
            raise _unread(name, f"'{shape.name}' stands below no row that a {own} sees", f"count other rows than each {own}")
        follows: dict[str, object] = {"from": name}
        if shape.function == "count":  # in one bin, which the `where` cuts
            ends = known.span(above[-1], below, role, shape)
            follows |= {"bins": [ends.low]} | ({"max": MOST} if ends.high is None else {})
        form = levels[above[-1]]
        form = replace(form, variables={**form.variables, name: Follows.model_validate(follows)})
        found = Followers(tuple(form if at == above[-1] else level for at, level in enumerate(levels)))
        wrong = [(slip.message, slip.cure) for slip in found.slips if slip.path[-1] == name]
        if not wrong:
            wrong = [(message, cure) for _, own, message, cure in unclear(found.understood, schema) if own == name]
        if wrong:
            raise _unread(name, *wrong[0])
        following = found.understood[above[-1]].follows[name]
        variable = found.understood[above[-1]].variables[name].build(name)
        variable = variable.with_missing(NOBODY) if following.absent else variable
        one = cls(level=above[-1], follows=following, variable=variable)
        one.seen(schema, ())  # or too many categories decide it
        return one

    def _read(self, schema: Schema) -> tuple[int, View, Predicate | None]:
        """The level of the rows below, what these see, and which of them count."""
        below = schema.index(self.follows.level)
        view = View.of_level(schema, below)
        return below, view, view.predicate(self.follows.condition) if self.follows.condition else None

    def _cut(self, edges: Iterable[float]) -> Variable:
        """Its variable, cut at some edges, too."""
        return sliced(self.variable, edges) or self.variable

    def edges(self, schema: Schema, own: Iterable[float]) -> Iterator[tuple[int, str, list[float]]]:
        """Where variables of members must be cut, so that bins decide it: their level, their name, and edges.

        Args:
            schema: of the units.
            own: where the `where` cuts what they come to.
        """
        below, view, condition = self._read(schema)
        for name, found in ({} if condition is None else edges_of(condition, view.variables)).items():
            ref = view.refs[name]
            yield ref.level, schema.levels[ref.level].variables[ref.column].name, found
        if self.follows.variable:
            yield below, self.follows.variable, self._cut(own).edges

    def seen(self, schema: Schema, own: Iterable[float]) -> tuple[Ref, Variable]:
        """How rows see it, all variables being cut, and the variable that it is.

        Raises:
            PredicateError: what decides it has too many categories.
        """
        below, view, condition = self._read(schema)
        level, variable = schema.levels[below], self._cut(own)
        named = {} if condition is None else {name: view.refs[name] for name in sorted(names_in(condition))}
        refs = {name: schema.ref(ref.column, ref.level) for name, ref in named.items()}
        role = level.role_of(self.follows.role) if self.follows.role else None
        who = None if role is None else Ref(below, role.column)
        source = schema.ref(level.position(self.follows.variable), below) if self.follows.variable else None
        columns = tuple(dict.fromkeys(ref for ref in (*refs.values(), who, source) if ref is not None))
        sizes = tuple(schema.variable(ref).size for ref in columns)
        if n_crossed(sizes) > MOST_COMBINATIONS or variable.size > MOST_MARKS:
            cure = "name fewer variables in it, or such as have fewer bins"
            raise _unread(self.follows.text, "its variables have too many bins together", cure)
        every = crossed([np.arange(size) for size in sizes])
        codes = dict(zip(columns, every.T, strict=True))
        asked = np.ones(len(every), bool) if who is None or role is None else codes[who] == role.code
        such = np.ones(len(every), bool)
        if condition is not None:
            known = {name: codes[ref] for name, ref in refs.items()}
            such = truth(condition, known, {name: schema.variable(ref) for name, ref in refs.items()}, len(every)).must
        low = np.zeros(len(every)) if source is None else schema.variable(source).low[codes[source]]
        marks, come_to = self._marks(variable, asked, such, low)
        found = Below(
            level=below,
            columns=columns,
            sizes=sizes,
            marks=marks.astype(np.uint16).tobytes(),
            added=self.follows.function == "count",
            codes=tuple(int(code) for code in come_to),
        )
        return of_below(self.level, found), variable

    def _marks(self, variable: Variable, asked: Mask, such: Mask, low: Floats) -> tuple[Codes, Codes]:
        """What each kind of row below counts, and the category where the greatest or the sum of that is 0, 1, ...

        Args:
            variable: that these come to.
            asked: who is meant, (kinds,).
            such: for whom the condition holds.
            low: the least value that each has.
        """
        match self.follows.function:
            case "any":
                return np.asarray(asked & such, np.int32), np.array([0, 1])
            case "all":
                return np.asarray(asked & ~such, np.int32), np.array([1, 0])
            case "count":
                numbers = np.arange(variable.low[variable.n_valued - 1] + 1)
                return np.asarray(asked & such, np.int32), variable.codes_of_numbers(np.maximum(numbers, variable.least))
        there, of = asked & such & ~np.isnan(low), variable.n_valued
        code = variable.codes_of_numbers(np.clip(np.nan_to_num(low), variable.least, variable.most))
        rising = np.arange(of)
        if self.follows.function == "min":
            code, rising = of - 1 - code, rising[::-1]
        return np.where(there, code + 1, 0), np.concatenate([[variable.size - 1], rising])


def _unread(text: str, message: str, cure: str) -> PredicateError:
    return PredicateError(f"says `{text[:60]}` of rows below, which is not read: {message}", cure)
