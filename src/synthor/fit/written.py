"""Units with members as a model wrote them, as candidates: whole ones as they stand, and groups of alike ones as described.

No target pulls them and no rule holds them back. The members of a group are drawn from a template of what is said of it alone:
its units' variables, how many members there are and of which roles, and what those with a role, or all, have. What follows from
members is computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.errors import nearest
from synthor.fit.nested import refuse_undeclared, template_of
from synthor.fit.pool import Pool
from synthor.fit.shares_by_role import SharesByRole
from synthor.fit.slices import slice_shares, slices_drawn
from synthor.prior.beliefs import Beliefs, resolve
from synthor.prior.model import Dropped, Marginal, Prior, Proposal, WrittenMember
from synthor.prior.said import weights_of
from synthor.prior.segments import place_of_proposal
from synthor.prior.shown import shown
from synthor.prior.template import draw, prepared
from synthor.prior.whole import WrittenLevel, written_level
from synthor.problem import Problem
from synthor.problem.following import derived
from synthor.randomness import generator
from synthor.schema import Ref, Units
from synthor.schema.text import as_text
from synthor.types import CellIndex, Codes, Floats
from synthor.values import possible


def written_pool(problem: Problem, prior: Prior, *, size: int, random_seed: int) -> tuple[Pool, tuple[Dropped, ...]]:
    """Candidates that are as proposals have them, in proportion to their shares; and which of these cannot be used.

    Without any proposal that can be used they are drawn as tables of each variable say, whatever these say of two together.

    Args:
        problem: what is known; only the levels, their variables, and how many members there may be of each matter.
        prior: its proposals are the units.
        size: candidates, about.
        random_seed: the same seed gives the same candidates.

    Raises:
        InputError: the spec does not say how units are made.
    """
    refuse_undeclared(problem)
    dropped: list[Dropped] = []
    bare = replace(problem.with_only(()), targets=())
    found = list(_usable(bare, prior.proposals, dropped))
    total = sum(share for share, _ in found)
    units, logs = [], []
    for number, (share, what) in enumerate(found):
        own = max(1, round(size * share / total))
        made, log_base = what.drawn(bare, own, random_seed, number)
        units.append(made)
        logs.append(log_base + np.log(share / total))
    if not found:
        alone = _Group(resolve(Prior(), problem)).drawn(problem.with_only(()), size, random_seed, 0)
        units, logs = [alone[0]], [alone[1]]
    every = derived(problem.follows, problem.schema.refined, units[0].joined(*units[1:]))
    pool = Pool(
        units=problem.schema.coarsen(every),
        base=resolve(Prior(), problem).base,
        log_base=np.concatenate(logs),
        acceptance=float(possible(problem.refined, every).mean()),
        unsupported=(),
        handed=True,
    )
    return pool, tuple(dropped)


@dataclass(frozen=True, slots=True)
class _Row:
    """Categories of a row in the order of what it says, and the rows below it by their level."""

    codes: Sequence[int]
    below: "Mapping[str, Sequence[_Row]]"


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of units that are alike in what is believed of them.

    Attributes:
        beliefs: of them alone.
        told: the variables that something is said of.
    """

    beliefs: Beliefs
    told: frozenset[Ref] = frozenset()

    def drawn(self, bare: Problem, size: int, random_seed: int, number: int) -> tuple[Units, Floats]:
        """So many units of it in the finest bins, and the log of the share that each stands for."""
        seed = int(generator(random_seed, "template", "written", number).integers(2**31))
        made = draw(prepared(template_of(bare, self.beliefs, counted=self.told)), size=size, random_seed=seed)
        return made.units, made.log_weight


@dataclass(frozen=True, slots=True)
class _Whole:
    """One whole unit."""

    row: _Row

    def drawn(self, bare: Problem, size: int, random_seed: int, number: int) -> tuple[Units, Floats]:
        """So many copies in the finest bins, values lying anywhere in their bins; and the log of the share of each."""
        random = generator(random_seed, "template", "written", number)
        copies = _laid_out(bare, self.row).repeated(size)
        said = SharesByRole(bare, resolve(Prior(), bare))
        for at, level in enumerate(bare.schema):
            columns = copies.columns(at)
            for position in level.slices:
                inside = slice_shares(level.variables[position], said.shape(at, position), level.parents(position))
                columns[position] = slices_drawn(inside, level.parents(position), columns[position], random)
            if columns:
                copies = copies.with_columns(columns, at)
        return copies, np.full(size, -np.log(size))


def _usable(bare: Problem, proposals: Sequence[Proposal], dropped: list[Dropped]) -> list[tuple[float, _Group | _Whole]]:
    found: list[tuple[float, _Group | _Whole]] = []
    unit = written_level(bare)
    for i, proposal in enumerate(proposals):
        place = place_of_proposal(proposal, i)
        if proposal.members is None:
            group = _group(bare, proposal, place, dropped)
            found += [] if group is None else [(proposal.share, group)]
            continue
        row = _row(unit, proposal.values, proposal.members)
        if isinstance(row, str):
            dropped.append(Dropped(belief=place, reason=row))
        else:
            found.append((proposal.share, _Whole(row)))
    return found


def _group(bare: Problem, proposal: Proposal, place: str, dropped: list[Dropped]) -> _Group | None:
    """A group as shares of each variable, of all members or of those with a role; None where it cannot be used."""
    if proposal.compositions or proposal.differences:
        reason = "compositions and differences of a group are read by `method: calibrated` alone"
        dropped.append(Dropped(belief=place, reason=reason))
        return None
    marginals, told = [], set[Ref]()
    for name, value in proposal.values.items():
        ref = bare.schema.resolve_among(name)
        if ref is None:
            dropped.append(Dropped(belief=place, reason=f"no variable is called '{name}'; {nearest(name, bare.schema.names)}"))
            return None
        weights = weights_of(value, shown(bare.schema.variable(ref)), None, place, dropped)
        if weights is None:
            return None
        if weights.sum() <= 0:
            dropped.append(Dropped(belief=place, reason=f"no value of {name} that it gives is possible"))
            return None
        marginals.append(Marginal(of=name, percent=(100 * weights / weights.sum()).tolist()))
        told.add(ref)
    return _Group(resolve(Prior(marginals=marginals), bare), frozenset(told))


def _row(level: WrittenLevel, values: Mapping[str, object], members: Mapping[str, Sequence[WrittenMember]]) -> _Row | str:
    """A row and all below it as categories; why it cannot be one in words."""
    codes = []
    for variable in level.variables:
        told = values.get(variable.name)
        code = -1 if told is None else variable.code(as_text(told))
        if code < 0 and isinstance(told, int | float) and not isinstance(told, bool):
            code = variable.variable.code_of_number(float(told))
        if code < 0:
            what = "nothing is said" if told is None else f"'{as_text(told)[:60]}' is no label"
            return f"{what} of {variable.name}; {nearest(as_text(told or ''), variable.labels)}"
        codes.append(code)
    unknown = [name for name in members if name not in {below.name for below in level.below}]
    if unknown:
        cure = nearest(unknown[0], [one.name for one in level.below])
        return f"a {level.name} has no members called '{unknown[0][:60]}'; {cure}"
    found: dict[str, list[_Row]] = {}
    for below in level.below:
        rows = [_row(below, one.values, one.members or {}) for one in members.get(below.name, ())]
        for row in rows:
            if isinstance(row, str):
                return row
        found[below.name] = [row for row in rows if isinstance(row, _Row)]
        wrong = below.wrong([row.codes for row in found[below.name]])
        if wrong:
            return wrong
    return _Row(codes, found)


def _laid_out(bare: Problem, row: _Row) -> Units:
    """A whole unit in declared bins; columns of which nothing was said are 0."""
    schema = bare.schema
    levels: list[Units] = []
    parents: list[tuple[CellIndex, int] | None] = []
    rows: dict[int, list[_Row]] = {0: [row]}
    for at, level in enumerate(schema):
        above = schema.above(at)
        belongs = None
        if above is not None:
            lists = [own.below.get(level.name, ()) for own in rows[above]]
            rows[at] = [one for each in lists for one in each]
            belongs = np.repeat(np.arange(len(lists)), [len(each) for each in lists]), above
        told = [level.position(variable.name) for variable in written_level(bare, at).variables]
        codes: Codes = np.zeros((len(rows[at]), len(level.variables)), np.int32)
        for place, own in enumerate(rows[at]):
            codes[place, told] = own.codes
        levels.append(Units.flat(codes))
        parents.append(belongs)
    return Units.of_levels(levels, parents)
