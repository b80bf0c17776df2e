"""Variables that follow from members: computed from their rows, on categories and on values, and never drawn.

On categories a count, a least, a greatest, any, all, and what one member has are known: where conditions and bins have edges,
the members' bins are cut (`compile.py`). What a sum or a mean comes to hangs on values. Members' bins say between which of its
own bins it lies; in which of them is drawn with the unit, from values as they lie in the members' bins, and stays. That records
have values which come to that is an implied rule, kept like any other between rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthor.problem.views import View
from synthor.rules.on_categories import settled, truth
from synthor.rules.parse import PredicateError
from synthor.rules.syntax import Predicate, names_in
from synthor.schema import Ref, Role, Schema, Units, Variable
from synthor.schema.bins import edges_of, sliced
from synthor.schema.fold import FOLDS, Fold
from synthor.schema.text import as_text
from synthor.spec.levels import Following, LevelForm
from synthor.types import Codes, Floats, Mask

Frames = Mapping[str, pl.DataFrame]
"""The records of each level, by its name."""

HARDLY = 1e-9
"""Steps below a half that are one all the same: 0.145 is no number of floats."""

Drawn = Callable[[int, int, Codes], Floats]
"""Values of a column of a level, drawn inside the finest bins of some rows: level, column, (rows,) -> (rows,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Followed:
    """A variable that follows from members.

    Attributes:
        level: whose it is.
        position: of it.
        text: from what it follows, as it is written.
        below: the level that it follows from.
        role: of these rows; None where any count.
        source: column of the variable that it follows from; None where rows are counted.
        condition: which rows count; None where all do.
        fold: how they become one; None where it is what the one member with the role has.
        absent: whether there may be nobody to follow from.
    """

    level: int
    position: int
    text: str
    below: int
    role: Role | None
    source: int | None
    condition: Predicate | None
    fold: Fold | None
    absent: bool

    @property
    def by_values(self) -> bool:
        """Whether it hangs on values inside bins."""
        return self.fold is not None and not self.fold.of_bins

    def codes(self, schema: Schema, units: Units, drawn: Drawn | None = None) -> Codes:
        """Its category of each row of its level, (rows,), all variables in the finest bins.

        Where values decide it, it is what drawn ones come to; without these it stays, or becomes the nearest that can be.
        """
        variable = schema.levels[self.level].variables[self.position]
        if self.fold is None:
            return self._of_member(schema, units, variable)
        asked, such = self._rows(schema, units)
        low, high = self._ends(schema, units)
        if not self.fold.takes_numbers and self.fold.name != "count":
            low = high = such.astype(np.float64)
            counting = asked
        else:
            counting = asked & such
        n, parent = units.n_rows(self.level), units.above(self.level, self.below)
        least, most = self.fold.of_bounds(low, high, counting, counting, parent, n, self._decimals(schema))
        codes, others = (self.coded(variable, side) for side in (least, most))
        if not self.by_values or (codes == others).all():
            return codes
        assert self.source is not None
        if drawn is None:
            return np.clip(units.column(Ref(self.level, self.position)), codes, others)
        column = units.column(Ref(self.below, self.source))[counting]
        numbers = drawn(self.below, self.source, column)
        come_to = self.fold.of_values(numbers, parent[counting], n, self._decimals(schema))
        return np.clip(self.coded(variable, come_to), codes, others)

    def _decimals(self, schema: Schema) -> int:
        return 0 if self.source is None else schema.levels[self.below].variables[self.source].decimals

    def never(self, schema: Schema) -> str:
        """That values come to something outside of the bin, in the words of rules; empty where bins decide it, or there is one.

        >>> from synthor import compile_problem, parse_spec
        >>> problem = compile_problem(parse_spec('''
        ... unit: household
        ... records: 2
        ... variables: {pay: {from: sum(person.earns), bins: [0, 100]}}
        ... members:
        ...   person: {number: {min: 1, max: 2}, variables: {earns: {type: integer, min: 0, max: 200, bins: [0, 80]}}}
        ... targets: [{counts: {pay: {0-99: 1, 100+: 1}}}]
        ... '''))
        >>> problem.follows[0].never(problem.schema)
        '(household.pay < 100 and sum(person.earns) >= 100) or (household.pay >= 100 and not sum(person.earns) >= 100)'
        """
        variable = schema.levels[self.level].variables[self.position]
        if not self.by_values:
            return ""
        half = 0.0
        if self.fold is FOLDS["mean"] or self._decimals(schema) > variable.decimals:  # the record holds a rounded number
            half = 10.0**-variable.decimals / 2
        edges = variable.low[1 : variable.n_valued].tolist()
        such = ((as_text(edge), f"{self.text} >= {as_text(edge - half)}") for edge in edges)
        own = f"{schema.levels[self.level].name}.{variable.name}"  # members may have one of that name
        return " or ".join(f"({own} < {edge} and {beyond}) or ({own} >= {edge} and not {beyond})" for edge, beyond in such)

    def values(self, schema: Schema, units: Units, frames: Frames) -> Floats | None:
        """Its number for each row of its level, (rows,), NaN where there is nobody; None where it is no number."""
        variable = schema.levels[self.level].variables[self.position]
        if not variable.numeric:
            return None
        below = schema.levels[self.below]
        if self.fold is None:
            seen = units.seen(self._ref, self.level)
            own = frames[below.name][below.variables[self._source].name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            return np.where(seen >= 0, np.append(own, np.nan)[seen], np.nan)
        asked, such = self._rows(schema, units)
        counting = np.flatnonzero(asked & such)
        numbers = np.ones(len(asked))
        if self.source is not None:
            name = below.variables[self.source].name
            numbers = frames[below.name][name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        parent = units.above(self.level, self.below)
        return self.fold.of_values(numbers[counting], parent[counting], units.n_rows(self.level), self._decimals(schema))

    def astray(self, schema: Schema, units: Units, frames: Frames) -> Mask:
        """Rows whose members' values come to something outside of their category, (rows,)."""
        numbers = self.values(schema, units, frames)
        assert numbers is not None
        variable = schema.levels[self.level].variables[self.position]
        return np.asarray(self.coded(variable, numbers) != units.column(Ref(self.level, self.position)))

    @property
    def _source(self) -> int:
        assert self.source is not None
        return self.source

    @property
    def _ref(self) -> Ref:
        return Ref(self.below, self._source, role=self.role)

    def of_source(self, schema: Schema) -> Codes:
        """Its category for each of the one member that it is copied from, (k,), all variables in the finest bins."""
        variable, source = schema.levels[self.level].variables[self.position], schema.variable(self._ref)
        if not variable.numeric:
            return np.arange(source.size, dtype=np.int32)
        low, there = self.rounded(variable, source.low), ~np.isnan(source.low)
        codes = np.full(source.size, variable.size - 1, np.int32)
        codes[there] = variable.codes_of_numbers(low[there])
        return codes

    def _of_member(self, schema: Schema, units: Units, variable: Variable) -> Codes:
        codes, of = units.column(self._ref, self.level), self.of_source(schema)
        return np.where(codes >= 0, of[np.maximum(codes, 0)], variable.size - 1).astype(np.int32)

    def _rows(self, schema: Schema, units: Units) -> tuple[Mask, Mask]:
        """Rows below of the role, and those for which the condition holds, (rows,) each."""
        n = units.n_rows(self.below)
        asked, such = np.ones(n, bool), np.ones(n, bool)
        if self.role is not None:
            asked = units.column(Ref(self.below, self.role.column)) == self.role.code
        if self.condition is not None:
            view = View.of_level(schema, self.below)
            known = {name: units.column(ref, self.below) for name, ref in view.refs.items() if ref.plain}
            such = truth(self.condition, known, view.variables, n).must
        return asked, such

    def _ends(self, schema: Schema, units: Units) -> tuple[Floats, Floats]:
        if self.source is None:
            ones = np.ones(units.n_rows(self.below))
            return ones, ones
        source = schema.variable(Ref(self.below, self.source))
        codes = units.column(Ref(self.below, self.source))
        return source.low[codes], source.high[codes]

    def coded(self, variable: Variable, numbers: Floats) -> Codes:
        """Its category for each number that members come to, (n,); NaN is nobody."""
        if not variable.numeric:
            return (numbers > 0).astype(np.int32)
        there = ~np.isnan(numbers)
        codes = np.full(len(numbers), variable.size - 1, np.int32)
        rounded = np.clip(self.rounded(variable, numbers[there]), variable.least, variable.most)
        codes[there] = variable.codes_of_numbers(rounded)
        return codes

    def rounded(self, variable: Variable, numbers: Floats) -> Floats:
        """Numbers as records hold them, halves going up, so that a bin begins half a step below its edge."""
        scale = 10.0**variable.decimals
        found: Floats = np.floor(numbers * scale + 0.5 + HARDLY) / scale
        return found


def followed(forms: Sequence[LevelForm], schema: Schema) -> tuple[Followed, ...]:
    """All variables that follow from members, each after those that it follows from: those of deeper levels first."""
    found = []
    for at in reversed(range(len(forms))):
        for name, follows in forms[at].follows.items():
            below = schema.index(follows.level)
            own = schema.levels[below]
            view = View.of_level(schema, below)
            found.append(
                Followed(
                    level=at,
                    position=schema.levels[at].position(name),
                    text=follows.text,
                    below=below,
                    role=own.role_of(follows.role) if follows.role else None,
                    source=own.position(follows.variable) if follows.variable else None,
                    condition=view.predicate(follows.condition) if follows.condition else None,
                    fold=FOLDS[follows.function] if follows.function else None,
                    absent=follows.absent,
                )
            )
    return tuple(found)


def unclear(forms: Sequence[LevelForm], schema: Schema) -> Iterator[tuple[int, str, str, str]]:
    """Variables from whose members nothing can follow: level, name, what is wrong, and the cure."""
    for at, form in enumerate(forms):
        for name, follows in form.follows.items():
            below = schema.index(follows.level)
            if follows.function in FOLDS and not FOLDS[follows.function].of_bins and follows.variable in forms[below].follows:
                message = f"`{follows.text}` is of what follows itself, which is read, but not made yet"
                yield at, name, message, "count or sum the rows themselves"
            if follows.condition:
                view = View.of_level(schema, below)
                try:
                    told = _undecided(view.predicate(follows.condition), view)
                except PredicateError as error:
                    yield at, name, f"`{follows.text}`: {error}", error.cure
                    continue
                if told is not None:
                    yield at, name, f"`{follows.text}` {told[0]}", told[1]
                    continue
            if follows.function and follows.variable and _counts_unknown(follows, forms[below], schema):
                variable = forms[below].variables[follows.variable].build(follows.variable)
                known = f"{follows.variable} >= {as_text(variable.least)}"
                condition = f"({follows.condition}) and {known}" if follows.condition else known
                message = f"`{follows.text}` is of numbers some of which are '{variable.labels[-1]}'"
                before = follows.role or follows.level
                cure = f"take those that have one: {follows.function}({before}.{follows.variable}, {condition})"
                yield at, name, message, cure


def _undecided(condition: Predicate, view: View) -> tuple[str, str] | None:
    """Why bins cannot decide which rows a condition holds for, if they cannot: what is wrong, and the cure."""
    beside = [name for name in sorted(names_in(condition)) if not view.refs[name].plain]
    if beside:
        cure = "name what these rows have themselves, or what stands above them"
        return f"looks at '{beside[0]}', which another row has", cure
    cuts = edges_of(condition, view.variables)
    cut = {name: sliced(view.variables[name], cuts.get(name, ())) or view.variables[name] for name in names_in(condition)}
    if not settled(condition, cut):
        cure = "compare each variable with numbers or labels, not with another variable"
        return "depends on more than the bins of its variables", cure
    return None


def _counts_unknown(follows: Following, form: LevelForm, schema: Schema) -> bool:
    """Whether some of the rows whose numbers are taken may have none, as their variable declares it."""
    if not form.variables[follows.variable].build(follows.variable).missing:
        return False
    view = View.of_level(schema, schema.index(form.name))
    own = view.variables[follows.variable]
    return not follows.condition or bool(
        truth(view.predicate(follows.condition), {own.name: np.array([own.size - 1])}, view.variables, 1).may[0]
    )


def derived(followings: Sequence[Followed], schema: Schema, units: Units, drawn: Drawn | None = None) -> Units:
    """The same units, what follows from members computed anew, all variables in the finest bins."""
    for one in followings:
        units = units.replace(Ref(one.level, one.position), slice(None), one.codes(schema, units, drawn))
    return units


def with_followed(followings: Sequence[Followed], schema: Schema, units: Units, frames: dict[str, pl.DataFrame]) -> None:
    """Write the numbers that follow from members' values into the records of their levels."""
    for one in followings:
        numbers = one.values(schema, units, frames)
        if numbers is not None:
            level = schema.levels[one.level]
            variable = level.variables[one.position]
            held = variable.kind.held(np.nan_to_num(one.rounded(variable, numbers)))
            column = variable.column(units.column(Ref(one.level, one.position)), held)
            frames[level.name] = frames[level.name].with_columns(column.alias(variable.name))
