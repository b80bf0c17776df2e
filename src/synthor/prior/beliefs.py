"""Beliefs made ready for the solver: labels become codes, tables are fitted to known marginals, what does not fit is listed."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synthor.errors import Finding, nearest
from synthor.ipf import ipf
from synthor.prior.compositions import compositions_of
from synthor.prior.differences import BelievedDifference, differences_of
from synthor.prior.mixture import TINY, Mixture, independent, joined
from synthor.prior.model import Dependency, Dropped, Marginal, Prior, Proposal
from synthor.prior.said import weights_of, weights_of_labels
from synthor.prior.segments import BelievedSegment, place_of_proposal, segments_of
from synthor.prior.shown import Shown, shown
from synthor.prior.three_way import BelievedThreeWay, three_way_of
from synthor.prior.unknown import unknown
from synthor.problem import Problem, Rule, Target, View, forbidden_cells, forbids_all, rules_on
from synthor.rules.parse import PredicateError, parse_predicate
from synthor.schema import Cells, Ref, Units
from synthor.schema.cells import flat
from synthor.types import Codes, Floats, Mask, Shares

BASE_STRENGTH = 30.0
"""Pseudo-records that a plan of proposals is worth: it says little about crossed detail."""

TABLES_A_TEMPLATE = 10.0
"""A template, by which units with members are drawn, is worth as much again for every so many tables. It is made of the same
beliefs as the tables that units are then pulled to, and many tables repeat each other: they need not pull as hard as few. Where
they do, fits of 150 tables do not end."""

INDEPENDENCE_STRENGTH = 3.0
"""Pseudo-records that independence is worth, the base measure where there are no proposals: nobody believes in it."""

TABLE_STRENGTH = 300.0
"""Pseudo-records that a dependency table of confidence 0.5 is worth."""

CONFIDENCES = (0.01, 0.99)
"""Nobody is surer, or less sure, than that."""

SWEEPS, NEAR = 2000, 1e-10
"""Cycles of fitting a believed table to known marginals, and the largest gap of a share that is left."""

BAND_SWEEPS = 200
"""Cycles of fitting a believed marginal to overlapping bands."""

FLOOR_SHARE = 0.02
"""Share of an independent segment added to every plan, so that no wanted cell is without candidates."""

FLOOR_CELL = 1e-6
"""Stands for a believed 0 in a dependency table: practically never, but no contradiction when a target wants some."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BelievedTable:
    """One dependency, joint with the known marginals.

    Attributes:
        name: `of given given`, for people.
        refs: columns of the two variables, `given` first.
        level: whose rows it is about: those of the deeper one.
        group_of: for each of the two, (k,) the group of each category; each its own where the variable is shown as it is.
        grouped: (groups of given, groups of `of`), sums to one: what is believed.
        shares: (k_given, k_of), the same with categories inside a group as their marginals are.
        denied: (groups of given, groups of `of`), cells said to be empty; what `grouped` has there only helps the fit.
        strength: pseudo-records that it is worth.
        conditional: whether only its rows are believed, the shares of `of` given each category: how many rows of the level
            there are of each is not known, and a belief in all cells together would ask for more of some.
    """

    name: str
    refs: tuple[Ref, Ref]
    level: int
    group_of: tuple[Codes, Codes]
    grouped: Shares
    shares: Shares
    denied: Mask
    strength: float
    conditional: bool = False

    @property
    def columns(self) -> tuple[int, int]:
        """Positions of the two variables, each in its own level."""
        return self.refs[0].column, self.refs[1].column

    @property
    def flat(self) -> bool:
        """Whether it is about units by their own variables."""
        return all(ref.level == 0 for ref in self.refs)

    @property
    def rows(self) -> Shares:
        """Believed shares of `of` given each category, (groups of given, groups of `of`), each row summing to one."""
        return np.asarray(self.grouped / self.grouped.sum(axis=1, keepdims=True))

    @property
    def key(self) -> Hashable:
        """What its cells hang on: tables of one key count alike."""
        return self.level, self.refs, *(group_of.tobytes() for group_of in self.group_of)

    def cells(self, units: Units) -> Cells:
        """How often each unit's rows fall into each believed cell; those that see no such member fall into none."""
        codes = [units.column(ref, self.level) for ref in self.refs]
        index = flat([of[own] for of, own in zip(self.group_of, codes, strict=True)], self.grouped.shape)
        for ref, own in zip(self.refs, codes, strict=True):
            index = index if ref.plain else np.where(own >= 0, index, self.grouped.size)
        return units.counted(self.level, index, self.grouped.size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beliefs:
    """Everything believed about one problem, as arrays.

    Attributes:
        base: the base measure q: the plan of proposals, or independence where there is none.
        tables: dependency tables.
        rules: structural zeros that are believed, to be enforced like the user's.
        marginals: for each variable the known shares, or the believed ones where no target gives them.
        dropped: what could not be used, and what was mended.
        n_proposals: how many proposals are used: by the base measure, or as segments beside it.
        of_members: believed shares of members' declared categories, by the column: of all members, or of all with a role.
        templated: whether units have members, so that the base measure is a template.
        compositions: by members of each role, in the order of the roles, the share of such units among those with as many.
        differences: how far the numbers of two members lie apart.
        n_as_tables: how many of the last tables are differences: those of two columns of which no table is believed as such.
        n_marginals: how many variables of the unit, which no target tells of, have believed shares.
        three_way: shares of a variable given two others.
        segments: groups of alike units with members that stand beside those of the template.
    """

    base: Mixture
    tables: tuple[BelievedTable, ...]
    rules: tuple[Rule, ...]
    marginals: tuple[Shares, ...]
    dropped: tuple[Dropped, ...]
    n_proposals: int
    of_members: Mapping[Ref, Shares] = field(default_factory=dict)
    templated: bool = False
    compositions: Mapping[tuple[int, ...], float] = field(default_factory=dict)
    differences: tuple[BelievedDifference, ...] = ()
    n_as_tables: int = 0
    n_marginals: int = 0
    three_way: tuple[BelievedThreeWay, ...] = ()
    segments: tuple[BelievedSegment, ...] = ()

    @property
    def base_strength(self) -> float:
        """Pseudo-records that the base measure is worth."""
        if self.templated:
            return BASE_STRENGTH * max(len(self.tables) / TABLES_A_TEMPLATE, 1.0)
        return BASE_STRENGTH if self.n_proposals else INDEPENDENCE_STRENGTH

    @property
    def dependencies(self) -> tuple[BelievedTable, ...]:
        """Tables that were said as such, without those of differences."""
        return self.tables[: len(self.tables) - self.n_as_tables]

    @property
    def joint(self) -> tuple[BelievedTable, ...]:
        """Tables that are believed cell by cell."""
        return tuple(table for table in self.tables if not table.conditional)

    @property
    def conditional(self) -> tuple[BelievedTable, ...]:
        """Tables of which only the rows are believed."""
        return tuple(table for table in self.tables if table.conditional)

    @property
    def used(self) -> bool:
        """Whether anything is believed that the targets' independence does not say."""
        some = self.tables or self.rules or self.n_proposals or self.n_marginals or self.of_members
        return bool(some or self.compositions or self.three_way)

    @property
    def sentence(self) -> str:
        """What was believed, in words; said in every output."""
        if not self.used:
            return "No beliefs were used: what the targets do not say is independent."
        counts = (
            (len(self.dependencies), "dependency table"),
            (len(self.three_way), "three-way table"),
            (len(self.differences), "difference"),
            (self.n_marginals + len(self.of_members), "marginal"),
            (len(self.compositions), "composition"),
            (self.n_proposals, "proposal"),
            (len(self.rules), "rule"),
        )
        parts = [f"{n} {what}{'s' if n > 1 else ''}" for n, what in counts if n]
        return f"Beliefs used: {', '.join(parts)}."


def resolve(prior: Prior, problem: Problem, *, floor: float = FLOOR_SHARE) -> Beliefs:
    """Beliefs about one problem, from what was written; what cannot be used is dropped and listed, never fatal.

    Args:
        prior: as written.
        problem: what is known.
        floor: share of an independent segment added to a plan of proposals.
    """
    dropped: list[Dropped] = []
    variables = tuple(shown(variable, prior.groups.get(variable.name)) for variable in problem.schema.unit.variables)
    tables = [_conditional(d, i, prior, problem, dropped) for i, d in enumerate(prior.dependencies)]
    among = [table for table in tables if table is not None]
    conditionals = [table for table in among if all(ref.level == 0 for ref in table[1])]
    of_members = dict(_marginals_of_members(prior, problem, dropped))
    compositions = compositions_of(prior, problem, dropped)
    own = [(i, m) for i, m in enumerate(prior.marginals) if _of_unit(m.of, problem)]
    told = [_believed_marginal(m, i, variables, dropped) for i, m in own]
    known = [problem.marginal(v) for v in range(len(variables))]
    templated = len(problem.schema.levels) > 1 and bool(problem.spec.members)
    as_written = templated and not floor  # proposals are taken as they are: see fit/written.py
    of_units = tuple(segments_of(prior, problem, dropped)) if templated and floor else ()
    proposals = [] if templated else prior.proposals
    segments = [_segment(p, i, variables, known, dropped) for i, p in enumerate(proposals)]
    plan = [segment for segment in segments if segment is not None]
    marginals = _marginals(known, dict(entry for entry in told if entry is not None), plan, conditionals, variables)
    marginals = tuple(share if known[v] is not None else _onto_bands(problem, v, share) for v, share in enumerate(marginals))
    believed = [_joint(table, marginals, variables) for table in conditionals]
    believed += [_of_rows(table, prior, problem) for table in among if any(ref.level for ref in table[1])]
    worth = [_strength(belief.confidence) for belief in prior.differences or ()]
    differences = differences_of(prior.differences or (), worth, problem, dropped)
    as_tables = [_of_difference(one) for one in differences if not any({*one.refs} == {*table.refs} for table in believed)]
    worth = [_strength(belief.confidence) for belief in prior.three_way or ()]
    three_way = three_way_of(prior.three_way or (), worth, prior, problem, dropped)
    base = independent(marginals)
    if plan:
        base = joined(_plan(plan, marginals), base, floor) if floor else _plan(plan, marginals)
    return Beliefs(
        base=base,
        tables=(*believed, *as_tables),
        rules=_rules(prior, problem, dropped),
        marginals=marginals,
        dropped=tuple(one.model_copy(update={"belief": prior.written(one.belief)}) for one in dropped),
        n_proposals=len(prior.proposals) if as_written else len(plan) + len(of_units),
        of_members=of_members,
        templated=templated,
        compositions=compositions,
        differences=differences,
        n_as_tables=len(as_tables),
        n_marginals=sum(entry is not None and known[entry[0]] is None for entry in told),
        three_way=three_way,
        segments=of_units,
    )


def fit_to_marginals(joint: Floats, first: Shares, second: Shares) -> Shares:
    """The joint table nearest to a believed one that has the known marginals: odds ratios stay, margins are replaced.

    Zeros are raised to `FLOOR_CELL` of the whole first, so that a solution exists.

    Args:
        joint: (a, b) believed, non-negative.
        first: (a,) known shares of the rows.
        second: (b,) known shares of the columns.

    Returns:
        (a, b), sums to one.

    >>> fit_to_marginals(np.array([[1.0, 1], [1, 1]]), np.array([0.5, 0.5]), np.array([0.2, 0.8]))
    array([[0.1, 0.4],
           [0.1, 0.4]])
    """
    cells = np.maximum(joint / joint.sum(), FLOOR_CELL)
    row, column = (side.ravel() for side in np.indices(cells.shape))
    sides = [(row, first, first), (column, second, second)]
    table = ipf(cells.ravel(), sides, sweeps=SWEEPS, tolerance=NEAR)[0].reshape(cells.shape)
    return np.asarray(table / table.sum())


_Conditional = tuple[str, tuple[Ref, Ref], Shares, float]
_Segment = tuple[float, list[Shares | None]]

_FREE = "{} is another in each record, so nothing is believed of it"


def _conditional(belief: Dependency, i: int, prior: Prior, problem: Problem, dropped: list[Dropped]) -> _Conditional | None:
    place = f"dependencies[{i}] ({belief.of} given {belief.given})"
    schema = problem.schema
    refs = []
    for name in (belief.given, belief.of):
        ref = schema.resolve_among(name)
        if ref is None:
            dropped.append(Dropped(belief=place, reason=unknown(name, problem)))
            return None
        if schema.variable(ref).kind.free:
            dropped.append(Dropped(belief=place, reason=_FREE.format(name)))
            return None
        refs.append(ref)
    if schema.shared_level(refs) is None:
        dropped.append(Dropped(belief=place, reason="no row holds both: their levels stand side by side"))
        return None
    given, of = (_shown(ref, prior, problem) for ref in refs)
    rows = np.zeros((given.size, of.size))
    if belief.rows is not None:
        if len(belief.rows) != given.size or any(len(row) != of.size for row in belief.rows):
            sizes = sorted({len(row) for row in belief.rows})
            reason = f"{len(belief.rows)} rows of {sizes} numbers, expected {given.size} rows of {of.size}"
            dropped.append(Dropped(belief=place, reason=reason))
            return None
        rows[:] = belief.rows
    else:
        for label, weights in (belief.percent or {}).items():
            row = given.code(label)
            if row < 0:
                reason = f"'{label}' is no label of {given.name}; {nearest(label, given.labels)}"
                dropped.append(Dropped(belief=place, reason=reason))
                return None
            filled = weights_of_labels(weights, of, place, dropped)
            if filled is None:
                return None
            rows[row] = filled
    sums = rows.sum(axis=1, keepdims=True)
    if not sums.all():
        empty = ", ".join(given.labels[int(r)] for r in np.flatnonzero(sums[:, 0] == 0))
        dropped.append(Dropped(belief=place, reason=f"no row, or only zeros, for {empty}"))
        return None
    strength = _strength(belief.confidence) if belief.records is None else belief.records
    counted = " (survey sample)" if belief.records is not None else ""
    return f"{belief.of} given {belief.given}{counted}", (refs[0], refs[1]), rows / sums, strength


def _strength(confidence: float | None) -> float:
    """Pseudo-records that a belief is worth."""
    sure = float(np.clip(0.5 if confidence is None else confidence, *CONFIDENCES))
    return TABLE_STRENGTH * sure / (1 - sure)


def _shown(ref: Ref, prior: Prior, problem: Problem) -> Shown:
    """A variable of any level as beliefs speak of it."""
    variable = problem.schema.variable(ref)
    return shown(variable, prior.groups.get(variable.name))


def _of_rows(table: _Conditional, prior: Prior, problem: Problem) -> BelievedTable:
    """A table about rows below the unit: joint where targets say how many rows there are of each category, else row by row."""
    name, (a, b), rows, strength = table
    level = problem.schema.shared_level((a, b))
    assert level is not None
    given, of = (_shown(ref, prior, problem) for ref in (a, b))
    known = [problem.marginal_of_rows(level, ref) for ref in (a, b)]
    even = np.full(given.size, 1 / given.size)
    sides = [None if shares is None else side.gathered(shares) for side, shares in zip((given, of), known, strict=True)]
    first, second = sides
    if first is None or second is None:
        share = even if first is None else np.maximum(first, FLOOR_CELL)  # rows of nobody say what they say, too
        grouped = rows * share[:, None]
    else:
        grouped = fit_to_marginals(rows * first[:, None], first, second)
    return BelievedTable(
        name=name,
        refs=(a, b),
        level=level,
        group_of=(given.group_of, of.group_of),
        grouped=grouped,
        shares=grouped,
        denied=rows <= FLOOR_CELL,
        strength=strength,
        conditional=first is None or second is None,
    )


def _of_difference(belief: BelievedDifference) -> BelievedTable:
    """A difference as a table of both numbers' bins, row by row: the same difference is believed of all that are given.

    A table of the same two says that better, age by age; beside it the difference says where in their bins both lie.
    """
    variable, own = belief.variable, np.arange(belief.variable.size, dtype=np.int32)
    width = variable.high - variable.low + belief.step
    grouped = belief.rows(1 - belief.given) * (width / width.sum())[:, None]
    return BelievedTable(
        name=f"difference {belief.name}",
        refs=(belief.refs[belief.given], belief.refs[1 - belief.given]),
        level=belief.level,
        group_of=(own, own),
        grouped=grouped,
        shares=grouped,
        denied=np.zeros(grouped.shape, bool),
        strength=belief.strength,
        conditional=True,
    )


def _of_unit(name: str, problem: Problem) -> bool:
    """Whether a name means a variable of the unit, or nothing at all."""
    ref = problem.schema.resolve(name)
    return len(problem.schema.levels) == 1 or (ref is not None and ref.level == 0)


def _marginals_of_members(prior: Prior, problem: Problem, dropped: list[Dropped]) -> Iterator[tuple[Ref, Shares]]:
    """Believed shares of members' variables, of all of them or of those with a role."""
    for i, belief in enumerate(prior.marginals):
        if _of_unit(belief.of, problem):
            continue
        place, ref = f"marginals[{i}] ({belief.of})", problem.schema.resolve_among(belief.of)
        if ref is None:
            dropped.append(Dropped(belief=place, reason=unknown(belief.of, problem)))
            continue
        told = _shares_told(belief, place, _shown(ref, prior, problem), dropped)
        if told is not None:
            yield Ref(ref.level, ref.column, role=ref.role or ref.among), told


def _believed_marginal(
    belief: Marginal, i: int, variables: Sequence[Shown], dropped: list[Dropped]
) -> tuple[int, Shares] | None:
    place = f"marginals[{i}] ({belief.of})"
    names = [variable.name for variable in variables]
    if belief.of not in names:
        dropped.append(Dropped(belief=place, reason=f"no variable is called '{belief.of}'; {nearest(belief.of, names)}"))
        return None
    told = _shares_told(belief, place, variables[names.index(belief.of)], dropped)
    return None if told is None else (names.index(belief.of), told)


def _shares_told(belief: Marginal, place: str, variable: Shown, dropped: list[Dropped]) -> Shares | None:
    """Shares of all categories of a variable; inside the groups that it is shown in, categories are alike."""
    if variable.variable.kind.free:
        dropped.append(Dropped(belief=place, reason=_FREE.format(belief.of)))
        return None
    told = np.array(belief.percent, dtype=np.float64)
    if len(told) not in (variable.size, variable.variable.size) or told.sum() <= 0:
        reason = f"{len(told)} numbers, expected {variable.size} with a sum above 0"
        dropped.append(Dropped(belief=place, reason=reason))
        return None
    if len(told) != variable.variable.size:  # else said before its categories were put into groups
        told = variable.spread(told, np.full(variable.variable.size, 1 / variable.variable.size))
    return np.asarray(told / told.sum())


def _segment(
    proposal: Proposal, i: int, variables: Sequence[Shown], known: Sequence[Shares | None], dropped: list[Dropped]
) -> _Segment | None:
    place = place_of_proposal(proposal, i)
    if proposal.compositions or proposal.differences:
        dropped.append(Dropped(belief=place, reason="it speaks of members, which these records do not have"))
        return None
    names = [variable.name for variable in variables if not variable.variable.kind.free]
    for name in proposal.values:
        if name not in names:
            dropped.append(Dropped(belief=place, reason=f"no variable is called '{name}'; {nearest(name, names)}"))
            return None
    rows: list[Shares | None] = []
    mended = []
    for variable, marginal in zip(variables, known, strict=True):
        if variable.name not in proposal.values:
            if not variable.variable.kind.free:  # nobody was asked
                reason = f"says nothing of {variable.name}; its marginal was taken"
                mended.append(Dropped(belief=place, reason=reason, action="mended"))
            rows.append(None)
            continue
        weights = weights_of(proposal.values[variable.name], variable, marginal, place, dropped)
        if weights is None:
            return None
        if weights.sum() <= 0:
            dropped.append(Dropped(belief=place, reason=f"no value of {variable.name} that it gives is possible"))
            return None
        rows.append(weights / weights.sum())
    dropped += mended
    return proposal.share, rows


def _marginals(
    known: Sequence[Shares | None],
    told: Mapping[int, Shares],
    plan: list[_Segment],
    tables: list[_Conditional],
    variables: Sequence[Shown],
) -> tuple[Shares, ...]:
    """Known shares of each variable; where no target gives them: believed ones, the plan's, the tables', or even ones."""
    found = [told.get(v) if marginal is None else marginal for v, marginal in enumerate(known)]
    for v in range(len(found)):
        if found[v] is None:
            rows = [(share, row[v]) for share, row in plan if row[v] is not None]
            if rows:
                believed = np.sum([share * row for share, row in rows if row is not None], axis=0)
                found[v] = believed / believed.sum()
    for v, variable in enumerate(variables):
        if found[v] is None:
            even = np.full(variable.variable.size, 1 / variable.variable.size)
            implied = [
                variable.spread(variables[a.column].gathered(found[a.column]) @ rows, even)  # type: ignore[arg-type]
                for _, (a, b), rows, _ in tables
                if b.column == v and found[a.column] is not None
            ]
            found[v] = np.mean(implied, axis=0) if implied else even
    return tuple(marginal for marginal in found if marginal is not None)


def _onto_bands(problem: Problem, position: int, shares: Shares) -> Shares:
    """Believed shares of a variable's categories, pulled onto what tables say of coarser or other bands."""
    bands = problem.bands(position)
    if not bands:
        return shares
    level = problem.schema.unit
    parents = level.parents(position) if position in level.slices else np.arange(len(shares))
    finest = level.finest(position)
    width = finest.ends[1] - finest.ends[0] + 10.0**-finest.decimals
    inside = width / np.bincount(parents, width)[parents]
    fine = shares[parents] * inside
    fine, _ = ipf(fine, [(of, wanted, wanted) for of, wanted in bands], sweeps=BAND_SWEEPS, tolerance=0.0, floor=TINY)
    pulled = np.bincount(parents, fine, len(shares))
    return np.asarray(pulled / pulled.sum(), dtype=np.float64)


def _joint(table: _Conditional, marginals: Sequence[Shares], variables: Sequence[Shown]) -> BelievedTable:
    name, refs, rows, strength = table
    a, b = (ref.column for ref in refs)
    first, second = variables[a].gathered(marginals[a]), variables[b].gathered(marginals[b])
    said = rows * first[:, None]
    grouped = fit_to_marginals(said, first, second)
    shares = variables[b].spread(grouped, marginals[b])
    shares = variables[a].spread(shares.T, marginals[a]).T
    groups = (variables[a].group_of, variables[b].group_of)
    denied = said <= FLOOR_CELL * said.sum()
    return BelievedTable(
        name=name, refs=refs, level=0, group_of=groups, grouped=grouped, shares=shares, denied=denied, strength=strength
    )


def _plan(plan: list[_Segment], marginals: tuple[Shares, ...]) -> Mixture:
    shares = np.array([share for share, _ in plan])
    tables = []
    for v, marginal in enumerate(marginals):
        rows = [row[v] for _, row in plan]
        tables.append(np.stack([marginal if row is None else row for row in rows]))
    return Mixture(shares=shares / shares.sum(), tables=tuple(tables))


def _rules(prior: Prior, problem: Problem, dropped: list[Dropped]) -> tuple[Rule, ...]:
    rules = []
    for i, belief in enumerate(prior.rules):
        try:
            rule = replace(_rule(belief.never, problem), why=belief.why, source="beliefs")
        except PredicateError as error:
            dropped.append(Dropped(belief=f"rules[{i}]", reason=f"`{belief.never[:80]}` {error}"))
            continue
        view = View.of_level(problem.schema, rule.level)
        if not rule.derived and forbids_all(rule.predicate, view.variables):
            dropped.append(Dropped(belief=f"rules[{i}]", reason=f"`{belief.never[:80]}` forbids every record"))
            continue
        against = [finding for target in problem.counts for finding in _forbidden(target, rule, problem)]
        if against:
            dropped.append(Dropped(belief=f"rules[{i}]", reason=against[0].message))
        else:
            rules.append(rule)
    return tuple(rules)


def _rule(text: str, problem: Problem) -> Rule:
    if len(problem.schema.levels) > 1:
        return problem.rule(text)
    return Rule(text=text, why="", predicate=parse_predicate(text, problem.variables))


def _forbidden(target: Target, rule: Rule, problem: Problem) -> Iterator[Finding]:
    """Cells of a table that a rule forbids, where the rows that it counts see themselves what the rule names."""
    view = View.of_level(problem.schema, target.level)
    if all(axis.ref.plain and view.refs.get(axis.variable.name) == Ref(axis.ref.level, axis.position) for axis in target.axes):
        for seen in rules_on((rule,), view):
            yield from forbidden_cells(target, (seen,), view.variables)
