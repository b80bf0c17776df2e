"""The fitted model: beliefs pulled onto targets, as a recipe from which its weights can be made again anywhere."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from synthor.errors import Finding, InputError
from synthor.fit.balance import TOLERANCE, Balance, Hard, Soft, balance, weigh
from synthor.fit.believed_rules import rules_with_room
from synthor.fit.diagnose import Clash, Contradiction, Diagnosis, diagnose, given_way, several
from synthor.fit.face import Closing
from synthor.fit.lacking import barred, lacking, openings, without
from synthor.fit.listing import lean_positions
from synthor.fit.obstacles import Obstacle
from synthor.fit.pool import Inside, Pool, draw_as_written, draw_pool, handed_pool, listed_pool, sought
from synthor.fit.pool_size import refuse_what_cannot_fit, usual_pool_size
from synthor.fit.pulls import Pulls
from synthor.fit.reach import Given, out_of_reach
from synthor.fit.remedies import Change, Edit
from synthor.fit.reuse import reused
from synthor.fit.slices import log_share_of_slices
from synthor.fit.status import Status
from synthor.fit.strain import Barred, Pull, cell_of_belief, pull_of_belief, pull_of_target, pull_of_three_way
from synthor.fit.structure import Structure, counting, demanded, linear, masses_of, means_of
from synthor.information import effective_size
from synthor.prior.beliefs import FLOOR_SHARE, Beliefs, BelievedTable, resolve
from synthor.prior.model import Dropped, Prior, RuleBelief
from synthor.prior.shown import shown
from synthor.problem import Problem, Target, compile_problem
from synthor.rounds import Round
from synthor.schema import Units
from synthor.spec.model import Spec
from synthor.types import Floats
from synthor.version import __version__

FORMAT = 2
Handed = tuple[Units, Floats | None]
"""Candidates, and the log of each one's share under the base measure."""

UNMET = (Status.INFEASIBLE, Status.STALLED, Status.ITERATION_LIMIT)
UNMEETABLE = (Status.INFEASIBLE, Status.UNSUPPORTED)

MEMBERS_POOL = 30_000
"""Candidates with members that are drawn."""

CLASHES = 5
"""Cells that give way, one after the other."""

TIGHTER, LESS = 4, 4.0
"""Times that the give of statistics is made less where it was too much, and how many times less each time."""

MOST_LISTED_FOR_WANT = 3
"""All combinations are candidates, where drawn ones lack what targets want, up to so many times as many as are drawn."""

RARE = 0.01
"""Share of draws that rules leave, below which more candidates are constructed where the drawn ones contradict the targets."""

SUPPLIES = 3
"""Times that candidates are drawn for combinations that turn out to be missing."""

MOST_BARRED = 10
"""Cells of one belief without any record for which a reason is looked for."""

DIGITS = 9
"""Decimals that multipliers are kept to."""


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra on one thread, so that the order of summation, and every byte, is the same on any number of cores."""
    limits: AbstractContextManager[object] = _pools().limit(limits=1, user_api="blas")
    return limits


@cache
def _pools() -> Any:
    """The libraries of linear algebra that are loaded, looked for once: each look takes a millisecond."""
    import scipy.linalg  # noqa: F401  its own library must be loaded, or it would not be limited
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """What weights are made from; and these, with beliefs and candidates, each made when it is first wanted.

    Attributes:
        problem: what was known.
        prior: what was believed.
        pool_size: candidates asked for.
        pool_sha256: of the candidates, so that a pool made again can be recognised.
        thetas: multipliers of the targets.
        phis: multipliers of the dependency tables.
        closings: why candidates weigh nothing that the targets leave no room for.
        inside: combinations of categories that candidates were drawn for because the pool lacked them.
        listed: whether the candidates were listed rather than drawn.
        pulled: whether the beliefs were pulled onto the targets; otherwise the proposals are taken as they were written.
        handed: whether the candidates were handed in, so that they cannot be drawn again.
        drawn_for: whose candidates these are, weighed anew; None where they were drawn for this one.
        made: beliefs and candidates, where they are there already.
    """

    problem: Problem
    prior: Prior
    pool_size: int
    pool_sha256: str
    thetas: tuple[Floats, ...]
    phis: tuple[Floats, ...]
    closings: tuple[Closing, ...] = field(default=())
    inside: tuple[Inside, ...] = field(default=())
    listed: bool = False
    pulled: bool = True
    handed: bool = False
    drawn_for: "Recipe | None" = field(default=None, repr=False)
    made: tuple[Beliefs, Pool] | None = field(default=None, repr=False)

    @cached_property
    def beliefs(self) -> Beliefs:
        """The prior made ready for the solver."""
        if self.made is not None:
            return self.made[0]
        return resolve(self.prior, self.problem, floor=FLOOR_SHARE if self.pulled else 0.0)

    @cached_property
    def pool(self) -> Pool:
        """The candidates, drawn again from the recipe.

        Raises:
            InputError: they differ from those that the multipliers belong to.
        """
        if self.made is not None:
            return self.made[1]
        if self.handed:
            message = "was fitted on candidates that were handed in, which are not kept with it"
            raise InputError([Finding(where="model.json", message=message, cure="fit again, with the same candidates")])
        with one_thread():
            pool = self._drawn()
        if pool is None or pool.units.sha256 != self.pool_sha256:
            message = "the candidates made from it differ from those that it was fitted on"
            cure = "fit again: the model comes from another version or platform"
            raise InputError([Finding(where="model.json", message=message, cure=cure)])
        return pool

    def _drawn(self) -> Pool | None:
        """The same without a look at whether they are those; None where another's will not do."""
        if self.drawn_for is not None:
            other = self.drawn_for
            structure = reused(other.structure, (other.ruled, other.beliefs), self.ruled, self.beliefs)
            return None if structure is None else structure.pool
        if len(self.problem.schema.levels) > 1 and not self.pulled:
            return _written(self.problem, self.prior, self.pool_size)[0]
        if len(self.problem.schema.levels) > 1:
            return _with_members(self.ruled, self.beliefs, self.pool_size)
        if self.pulled:
            return _pool(self.ruled, self.beliefs, self.pool_size, self.inside, listed=self.listed)
        return draw_as_written(self.ruled, self.beliefs, size=self.pool_size, random_seed=self.problem.spec.random_seed)

    @cached_property
    def structure(self) -> Structure:
        """The candidates with what they count in."""
        return Structure(self.pool)

    @property
    def ruled(self) -> Problem:
        """What was known, with the rules that were believed."""
        return self.problem.with_rules(self.beliefs.rules)

    @cached_property
    def weights(self) -> Floats:
        """Share of each candidate, (n,)."""
        structure = Structure(self.pool)
        hard = structure.hard(self.problem, self.beliefs)
        soft = [table.cells for table in structure.soft(self.beliefs)]
        return weigh(self.pool.log_base, hard, self.thetas, soft, self.phis, self.closings)

    def log_weight(self, units: Units) -> Floats:
        """Log weight of any flat records under the model, up to a constant, (n,); rules are not looked at.

        Of a pool of all combinations it is the log of the weights; of a drawn one, of the weights per candidate drawn.

        Raises:
            ValueError: the targets count members, or candidates were handed in.
        """
        if len(self.problem.schema.levels) > 1 or any(not target.flat for target in self.problem.targets):
            raise ValueError("units have members: a flat record alone does not say how likely it is")
        if self.pool.handed:
            raise ValueError("candidates were handed in: how likely others are is not known")
        base = self.pool.base.log_density(units) + log_share_of_slices(self.problem, self.beliefs.marginals, units)
        found = self._pulls.log_weights(base, units)
        statistics, thetas = self.problem.statistics, self.thetas[len(self.problem.counts) : len(self.problem.targets)]
        demands = linear(statistics, counting(self.problem, self.beliefs, units), self._masses)
        for demand, unit, now in zip(demands, self._units_of_statistics, thetas, strict=True):
            found = found + demand.cells.spread(now * (demand.unit / unit))
        for belief, now in zip(self.beliefs.joint, self.phis, strict=True):
            found = found + belief.cells(units).spread(now)
        return found

    @cached_property
    def _pulls(self) -> Pulls:
        """The targets' multipliers, ready for any units."""
        problem, nobody = self.problem, self.pool.units.take(np.zeros(0, np.int64))
        masses = [np.zeros((0, 1))] * len(problem.counts)
        asked = linear(problem.counts, counting(problem, self.beliefs, nobody), masses)
        hard = demanded(problem.counts, self.beliefs, asked)
        return Pulls(problem.counts, self.thetas[: len(hard)], [table.closed for table in hard], self.closings)

    @cached_property
    def _masses(self) -> tuple[Floats, ...]:
        return masses_of(self.problem.statistics, self.pool)

    @cached_property
    def _units_of_statistics(self) -> tuple[float, ...]:
        """What the coefficients of each statistic were divided by when the model was fitted."""
        statistics = linear(self.problem.statistics, counting(self.problem, self.beliefs, self.pool.units), self._masses)
        return tuple(demand.unit for demand in statistics)


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A fitted distribution over units.

    Attributes:
        recipe: what its weights are made from.
        n_candidates: candidates that there are: all combinations where these are fewer, more where some were drawn beside.
        status: how the fit ended.
        residual: largest violation of an optimality condition, as a share of all units.
        history: that figure after each iteration.
        acceptance: share of candidates drawn that broke no rule.
        effective_sample_size: of the weighted pool (Kish).
        targets: how far each target pulls the beliefs.
        tables: how far each dependency table had to give way.
        three_way: the same of tables of three variables.
        unsupported: wanted cells that no unit falls into, in words.
        lacking: the same cells as (target, cell).
        contradictions: sets of cells that cannot be met together.
        dropped: beliefs that could not be used.
        rounds: what was asked of a model, and what it brought, round by round.
    """

    recipe: Recipe
    status: Status
    residual: float
    history: tuple[float, ...]
    acceptance: float
    effective_sample_size: float
    targets: tuple[Pull, ...]
    tables: tuple[Pull, ...]
    unsupported: tuple[str, ...]
    dropped: tuple[Dropped, ...] = field(default=())
    rounds: tuple[Round, ...] = field(default=())
    contradictions: tuple[Contradiction, ...] = field(default=())
    lacking: tuple[tuple[int, int], ...] = field(default=())
    n_candidates: int = 0
    three_way: tuple[Pull, ...] = field(default=())

    def __repr__(self) -> str:
        size = f"effective sample size {self.effective_sample_size:,.0f} of {self.n_candidates:,} candidates"
        return f"<Model of {self.problem.n_units:,} units: {self.status.value}, {size}>\n{self.status.sentence}"

    @property
    def clashes(self) -> tuple[Clash, ...]:
        """Cells of targets that cannot be met together, each once."""
        return tuple(dict.fromkeys(clash for found in self.contradictions for clash in found.clashes))

    @property
    def problem(self) -> Problem:
        """What was known."""
        return self.recipe.problem

    @property
    def prior(self) -> Prior:
        """What was believed."""
        return self.recipe.prior

    @property
    def pulled(self) -> bool:
        """Whether the beliefs were pulled onto the targets; otherwise the proposals are taken as they were written."""
        return self.recipe.pulled

    @property
    def beliefs(self) -> Beliefs:
        """The prior made ready for the solver."""
        return self.recipe.beliefs

    @property
    def ruled(self) -> Problem:
        """What was known, with the rules that were believed."""
        return self.recipe.ruled

    @property
    def pool(self) -> Pool:
        """The candidates, drawn again from the recipe where fitting did not just draw them.

        Raises:
            InputError: they differ from those that the multipliers belong to.
        """
        return self.recipe.pool

    @property
    def weights(self) -> Floats:
        """Share of each candidate, (n,)."""
        return self.recipe.weights

    def log_weight(self, units: Units) -> Floats:
        """Log weight of any flat records under the model, up to a constant, (n,): see the recipe."""
        return self.recipe.log_weight(units)

    def recorded(self, *, rounds: tuple[Round, ...] | None = None, status: Status | None = None) -> "Model":
        """The same model with another record of how it came about; what its recipe has computed is kept."""
        return replace(self, rounds=self.rounds if rounds is None else rounds, status=self.status if status is None else status)

    def concluded(self, *, met: bool) -> "Model":
        """The same model, told of the records drawn from it: where these meet every target, nothing stood in their way."""
        if not met or self.status not in UNMEETABLE:
            return self
        return replace(self, status=Status.MENDED, contradictions=(), lacking=(), unsupported=())

    def to_json(self) -> str:
        """The file model.json: the same text for the same inputs."""
        recipe = self.recipe
        document = {
            "format": FORMAT,
            "synthor": __version__,
            "status": self.status.value,
            "sentence": self.status.sentence,
            "beliefs": self.beliefs.sentence,
            "residual": self.residual,
            "history": list(self.history),
            "effective_sample_size": self.effective_sample_size,
            "acceptance": self.acceptance,
            "pulled": recipe.pulled,
            "rounds": [asdict(made) for made in self.rounds],
            "unsupported": list(self.unsupported),
            "lacking": [list(place) for place in self.lacking],
            "contradictions": [asdict(found) for found in self.contradictions],
            "targets": [asdict(pull) for pull in self.targets],
            "dependencies": [asdict(pull) for pull in self.tables],
            **({"three_way": [asdict(pull) for pull in self.three_way]} if self.three_way else {}),
            "dropped": [entry.model_dump() for entry in self.dropped],
            "pool": _pool_document(recipe, self.n_candidates),
            "closed": [
                {"targets": c.tables.tolist(), "cells": c.cells.tolist(), "values": c.values.tolist()} for c in recipe.closings
            ],
            "multipliers": {
                "targets": [values.tolist() for values in recipe.thetas],
                "dependencies": [values.tolist() for values in recipe.phis],
            },
            **_known_document(recipe),
        }
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, *, source: str = "model.json") -> "Model":
        """A model from model.json; `source` is what to call it in a message.

        Raises:
            InputError: it is no model, or one of another format.
        """
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                message = f"has format {document['format']}, this version reads {FORMAT}"
                raise InputError([Finding(where=source, message=message, cure="fit again")])
            return cls(
                recipe=_recipe(document),
                n_candidates=int(document["pool"].get("candidates", document["pool"]["size"])),
                status=Status(document["status"]),
                residual=float(document["residual"]),
                history=tuple(document["history"]),
                acceptance=float(document["acceptance"]),
                effective_sample_size=float(document["effective_sample_size"]),
                targets=tuple(Pull(**pull) for pull in document["targets"]),
                tables=tuple(_pull(pull) for pull in document["dependencies"]),
                three_way=tuple(_pull(pull) for pull in document.get("three_way", ())),
                unsupported=tuple(document["unsupported"]),
                dropped=tuple(Dropped.model_validate(entry) for entry in document["dropped"]),
                rounds=tuple(Round(**made) for made in document.get("rounds", ())),
                lacking=tuple((int(t), int(cell)) for t, cell in document.get("lacking", ())),
                contradictions=tuple(_contradiction(found) for found in document.get("contradictions", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
            message = f"is no fitted model: {(str(error).splitlines() or ['it is damaged'])[0]}"
            raise InputError([Finding(where=source, message=message, cure="fit again")]) from None


def fit(
    problem: Problem,
    prior: Prior,
    *,
    dropped: tuple[Dropped, ...] = (),
    pool_size: int | None = None,
    handed: Handed | None = None,
    like: Model | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Model:
    """Pull the beliefs onto the targets.

    Args:
        problem: what is known.
        prior: what is believed; an empty one gives independence.
        dropped: beliefs that were found unusable already, to be listed with those found here.
        pool_size: candidates to draw; what is usual where that is None.
        handed: candidates that are weighed instead of drawn ones, with members or without, and the log of each one's share
            under the base measure, (n,), even where that is None.
        like: a fitted model whose candidates are weighed anew where they will do (`reuse.py`), instead of others being drawn.
        advance: told how many steps of how many are done.

    Returns:
        The model; look at its status. A fit that did not converge is a result, not an error.

    Raises:
        InputError: the rules leave nothing at all, or a table counts members of units and no candidates were handed in.
    """
    return _begun(problem, prior, pool_size=pool_size, handed=handed, like=like, advance=advance).ended(dropped, advance)


def _begun(
    problem: Problem,
    prior: Prior,
    *,
    pool_size: int | None = None,
    handed: Handed | None = None,
    like: Model | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> "_Begun":
    """A fit before anything gives way; arguments and errors are those of `fit`."""
    beliefs = resolve(prior, problem)
    ruled = problem.with_rules(beliefs.rules)
    nested = len(problem.schema.levels) > 1
    usual = MEMBERS_POOL if nested else usual_pool_size(problem)
    pool_size = len(handed[0]) if handed is not None else pool_size or usual
    n_believed = sum(table.grouped.size for table in beliefs.tables) + sum(table.rows.size for table in beliefs.three_way)
    refuse_what_cannot_fit(problem, n_believed, pool_size)
    tried = None if like is None else _again(ruled, beliefs, like.recipe, advance)
    if tried is None:
        if handed is None and not nested:
            tried = _tried(ruled, beliefs, pool_size, advance)
        else:
            tried = _weighed(ruled, beliefs, handed or pool_size, advance)
    return _Begun(problem=problem, prior=prior, beliefs=beliefs, pool_size=pool_size, tried=tried, handed=handed is not None)


def _giving_way(ruled: Problem, tried: "_Tried", found: Balance, advance: Callable[[int, int], None]) -> Balance:
    """The fit where, of each contradiction, one demand gives way, so that all else is met."""
    given: list[Given] = []
    demands, diagnosis, pool = tried.hard, tried.diagnosis, tried.pool
    while found.status in UNMET and diagnosis.elastic is not None and len(given) < CLASHES:
        given.append(diagnosis.elastic)
        with one_thread():
            demands = given_way(demands, diagnosis.elastic)
            found = replace(balance(pool.log_base, demands, tried.soft, advance=advance), status=found.status)
            unmet = found.residual > TOLERANCE
            diagnosis = diagnose(ruled, tried.hard, pool, given=given, advance=advance) if unmet else Diagnosis()
    if found.residual <= tried.found.residual:
        return found
    with one_thread():  # one cell after the other led further off: all give way a little
        n_targets = len(ruled.counts)
        demands = [*(_giving_one(table, ruled.n_units) for table in tried.hard[:n_targets]), *tried.hard[n_targets:]]
        found = balance(pool.log_base, demands, tried.soft, advance=advance)
    return replace(found, status=tried.found.status)


def _with_members(
    ruled: Problem, beliefs: Beliefs, size: int, advance: Callable[[int, int], None] = lambda done, total: None
) -> Pool:
    """Candidates drawn from a template of what is known and believed."""
    from synthor.fit.aimed import aimed_pool

    return aimed_pool(ruled, beliefs, size=size, random_seed=ruled.spec.random_seed, advance=advance)


def _written(problem: Problem, prior: Prior, size: int) -> tuple[Pool, tuple[Dropped, ...]]:
    """Candidates with members as they were written, and what of it cannot be used."""
    from synthor.fit.written import written_pool

    return written_pool(problem, prior, size=size, random_seed=problem.spec.random_seed)


def _giving_one(table: Hard, n_units: int) -> Hard:
    """The same table, each cell that may hold records with a margin of one record at least."""
    sigma = np.zeros(len(table.low)) if table.demand.sigma is None else table.demand.sigma
    sigma = np.where(table.closed, sigma, np.maximum(sigma, 1 / n_units))
    return replace(table, demand=replace(table.demand, sigma=sigma))


def _barred(ruled: Problem, belief: BelievedTable, tried: "_Tried") -> dict[int, Barred]:
    """Why no unit has weight in cells that are believed in, by cell; where units have members that is not known."""
    if tried.pool.units.nested:
        return {}
    units, found = tried.pool.units, tried.found
    cells = without(belief, found.weights, units)[:MOST_BARRED].tolist()
    return {cell: barred(ruled, belief, cell, units, found.closings, tried.hard) for cell in cells}


def _fitted(
    problem: Problem,
    prior: Prior,
    pool_size: int,
    beliefs: Beliefs,
    tried: "_Tried",
    contradictions: tuple[Contradiction, ...],
    dropped: tuple[Dropped, ...],
) -> Model:
    """The model that a fit comes to, with what it says of targets and beliefs."""
    pool, found = tried.pool, tried.found
    ruled = problem.with_rules(beliefs.rules)
    names = [_labels(belief, problem, prior) for belief in beliefs.tables]
    empty = [_barred(ruled, belief, tried) for belief in beliefs.tables]
    recipe = Recipe(
        problem=problem,
        prior=prior,
        pool_size=pool_size,
        pool_sha256=pool.units.sha256,
        thetas=tuple(np.round(multipliers, DIGITS) for multipliers in found.hard),
        phis=tuple(np.round(multipliers, DIGITS) for multipliers in found.soft),
        closings=found.closings,
        inside=tried.inside,
        listed=pool.listed,
        drawn_for=tried.drawn_for,
        made=(beliefs, pool),
    )
    return Model(
        recipe=recipe,
        n_candidates=len(pool.units),
        lacking=pool.unsupported,
        contradictions=contradictions,
        status=_status(pool, found.status, contradictions),
        residual=found.residual,
        history=found.history,
        acceptance=pool.acceptance,
        effective_sample_size=effective_size(found.weights, total=1.0),
        targets=tuple(pull_of_target(target, beliefs, pool, _support(target, pool)) for target in problem.counts),
        tables=tuple(
            pull_of_belief(belief, belief.cells(pool.units).totals(found.weights), called, cells)
            for belief, called, cells in zip(beliefs.tables, names, empty, strict=True)
        ),
        three_way=tuple(
            pull_of_three_way(belief, belief.cells(pool.units).totals(found.weights)) for belief in beliefs.three_way
        ),
        unsupported=tuple(_cell_name(problem.targets[t], cell) for t, cell in pool.unsupported),
        dropped=(*dropped, *beliefs.dropped, *pool.dropped, *_given_way(beliefs, names, empty)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tried:
    """A pool, what is demanded of it, its weights, and why these do not meet the demands, where they do not.

    Attributes:
        inside: combinations that candidates were drawn for.
        drawn_for: whose candidates these are, where they were not drawn for this fit.
    """

    pool: Pool
    hard: list[Hard]
    soft: list[Soft]
    found: Balance
    diagnosis: Diagnosis
    inside: tuple[Inside, ...]
    drawn_for: Recipe | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Begun:
    """A fit before anything gives way: whether the targets are met is known, and that is the cheaper part where they are not.

    Attributes:
        problem: what is known.
        prior: what is believed.
        beliefs: the same made ready for the solver.
        pool_size: candidates asked for.
        tried: candidates, their weights, and why these do not meet the targets.
        handed: whether the candidates were handed in.
    """

    problem: Problem
    prior: Prior
    beliefs: Beliefs
    pool_size: int
    tried: "_Tried"
    handed: bool

    @property
    def unmeetable(self) -> bool:
        """Whether the model's status will be one of `UNMEETABLE`."""
        tried = self.tried
        return bool(tried.pool.unsupported) or tried.diagnosis.found is not None or tried.found.status is Status.UNSUPPORTED

    @property
    def stuck(self) -> bool:
        """Whether the candidates contradict the targets: where they have members none are drawn beside, whatever is missing."""
        return self.unmeetable or (self.tried.pool.units.nested and self.tried.diagnosis.conflict is not None)

    def ended(self, dropped: tuple[Dropped, ...], advance: Callable[[int, int], None]) -> Model:
        """The model: where targets contradict each other all contradictions are told, and one cell of each gives way."""
        problem, tried, found = self.problem, self.tried, self.tried.found
        ruled, hard, pool, diagnosis = problem.with_rules(self.beliefs.rules), tried.hard, tried.pool, tried.diagnosis
        if diagnosis.conflict is None and not pool.unsupported:
            with one_thread():
                found = _tightened(ruled, hard, tried.soft, pool, found)
        contradictions: tuple[Contradiction, ...] = ()
        if diagnosis.found is not None:
            with one_thread():
                contradictions = several(ruled, hard, pool, diagnosis, means_of(problem, self.beliefs), advance=advance)
        found = _giving_way(ruled, tried, found, advance)
        last = replace(tried, found=found)
        fitted = _fitted(problem, self.prior, self.pool_size, self.beliefs, last, contradictions, dropped)
        return fitted if not self.handed else replace(fitted, recipe=replace(fitted.recipe, handed=True))


def _again(ruled: Problem, beliefs: Beliefs, like: Recipe, advance: Callable[[int, int], None]) -> _Tried | None:
    """The candidates of another fit, weighed anew from where it ended; None where they will not do or not meet the targets."""
    source = like.drawn_for or like
    with one_thread():
        structure = reused(source.structure, (source.ruled, source.beliefs), ruled, beliefs)
        if structure is None:
            return None
        pool, hard, soft = structure.pool, structure.hard(ruled, beliefs), structure.soft(beliefs)
        found = balance(pool.log_base, hard, soft, start=(like.thetas, like.phis), advance=advance)
        reached = found.status is Status.CONVERGED and not out_of_reach(ruled, hard, pool.units, found.weights)
        if not reached or openings(ruled, found.closings):
            return None
    return _Tried(pool=pool, hard=hard, soft=soft, found=found, diagnosis=Diagnosis(), inside=source.inside, drawn_for=source)


def _weighed(ruled: Problem, beliefs: Beliefs, given: Handed | int, advance: Callable[[int, int], None]) -> _Tried:
    """Candidates that were handed in, or so many with their members, and their weights; none are added."""
    with one_thread():
        pool = _with_members(ruled, beliefs, given, advance) if isinstance(given, int) else handed_pool(ruled, beliefs, *given)
        _refuse_no_unit(pool)
        structure = Structure(pool)
        hard, soft = structure.hard(ruled, beliefs), structure.soft(beliefs)
        found = balance(pool.log_base, hard, soft, advance=advance)
        diagnosis = Diagnosis()
        if not pool.unsupported and (found.status in UNMET or out_of_reach(ruled, hard, pool.units, found.weights)):
            diagnosis = diagnose(ruled, hard, pool, advance=advance)
    return _Tried(pool=pool, hard=hard, soft=soft, found=found, diagnosis=diagnosis, inside=())


def _tried(ruled: Problem, beliefs: Beliefs, size: int, advance: Callable[[int, int], None]) -> _Tried:
    """Candidates and their weights; candidates are drawn anew where some turn out to be missing."""
    inside: tuple[Inside, ...] = ()
    listed, more, built = bool(lean_positions(ruled, size)), 0, False
    while True:
        with one_thread():
            pool = _pool(ruled, beliefs, size, inside, listed=listed, advance=advance)
            if pool.unsupported or not len(pool.units):
                pool, inside = _constructed(ruled, beliefs, pool, size, inside)
            listed = pool.listed
            _refuse_no_unit(pool)
            believed = lacking(ruled, beliefs, pool.units) if not more else ()
            if believed:
                inside = (*inside, *believed)
                pool = _pool(ruled, beliefs, size, inside, listed=listed, advance=advance)
            structure = Structure(pool)
            hard, soft = structure.hard(ruled, beliefs), structure.soft(beliefs)
            found = balance(pool.log_base, hard, soft, advance=advance)
            diagnosis = Diagnosis()
            if not pool.unsupported and (found.status in UNMET or out_of_reach(ruled, hard, pool.units, found.weights)):
                diagnosis = diagnose(ruled, hard, pool, advance=advance)
        missing = openings(ruled, found.closings) if diagnosis.inside is None else (diagnosis.inside,)
        if missing and more < SUPPLIES:
            inside, more = (*inside, *missing), more + 1
        elif not listed and _may_be_met(diagnosis) and _every(ruled, beliefs, size) is not None:
            listed = True  # what drawn candidates cannot meet, all combinations may
        elif not built and not pool.complete and pool.acceptance < RARE and _may_be_met(diagnosis):
            inside, built = (*inside, *sought(ruled, (), ruled.spec.random_seed)), True
        else:
            break
    return _Tried(pool=pool, hard=hard, soft=soft, found=found, diagnosis=diagnosis, inside=inside)


def _given_way(
    beliefs: Beliefs, names: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], empty: Sequence[Mapping[int, Barred]]
) -> tuple[Dropped, ...]:
    """Beliefs in cells where no record can be: of each table the cell that is believed in most, by name."""
    found = []
    for belief, called, cells in zip(beliefs.tables, names, empty, strict=True):
        for cell, why in list(cells.items())[:1]:
            share = f"{100 * float(belief.grouped.ravel()[cell]):.2g}%"
            more = f"; likewise {len(cells) - 1} more of its cells" if len(cells) > 1 else ""
            reason = f"believed {share} of all records at {cell_of_belief(belief, cell, called)}, where {why.words}{more}"
            found.append(Dropped(belief=belief.name, reason=reason, action="gave way"))
    return tuple(found)


def _pool(
    ruled: Problem,
    beliefs: Beliefs,
    size: int,
    inside: tuple[Inside, ...],
    *,
    listed: bool,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Pool:
    """Candidates: listed where that is asked for and they are few enough, otherwise drawn."""
    seed = ruled.spec.random_seed
    found = listed_pool(ruled, beliefs, size=size, random_seed=seed, inside=inside) if listed else None
    return found or draw_pool(ruled, beliefs, size=size, random_seed=seed, inside=inside, advance=advance)


def _may_be_met(diagnosis: Diagnosis) -> bool:
    """Whether candidates contradict their targets, but perhaps not all records that there can be."""
    return diagnosis.conflict is not None and not (diagnosis.found is not None and diagnosis.found.proven)


def _every(ruled: Problem, beliefs: Beliefs, size: int) -> Pool | None:
    """All combinations that rules and empty cells leave, where these are few."""
    found = listed_pool(ruled, beliefs, size=size, random_seed=ruled.spec.random_seed)
    return found if found is not None and found.complete and len(found.units) <= MOST_LISTED_FOR_WANT * size else None


def _constructed(
    ruled: Problem, beliefs: Beliefs, pool: Pool, size: int, inside: tuple[Inside, ...]
) -> tuple[Pool, tuple[Inside, ...]]:
    """Another pool, where one was drawn that lacks what targets want: of all combinations, or with constructed ones."""
    if pool.complete:
        return pool, inside
    every = _every(ruled, beliefs, size)
    if every is not None:
        return every, inside
    more = sought(ruled, pool.unsupported, ruled.spec.random_seed)
    if not more:
        return pool, inside
    return _pool(ruled, beliefs, size, (*inside, *more), listed=pool.listed), (*inside, *more)


def _tightened(problem: Problem, hard: Sequence[Hard], soft: Sequence[Soft], pool: Pool, found: Balance) -> Balance:
    """The fit with less give for its statistics, where the usual give left some beyond what values in bins can make good."""
    given = {t for t, target in enumerate(problem.targets) if not target.counts and target.sigma is None}
    for times in range(1, TIGHTER + 1):
        if found.status is not Status.CONVERGED or not out_of_reach(problem, hard, pool.units, found.weights):
            break
        less = [
            replace(table, demand=replace(table.demand, sigma=table.demand.sigma / LESS**times))
            if t in given and table.demand.sigma is not None
            else table
            for t, table in enumerate(hard)
        ]
        tried = balance(pool.log_base, less, soft)
        if tried.status is not Status.CONVERGED:
            break
        found = tried
    return found


def refuse_zones(problem: Problem) -> None:
    """What knows nothing of zones ends here.

    Raises:
        InputError: units lie in zones.
    """
    if problem.whole.zones is not None:
        message = f"records in zones ('{problem.whole.zones.names[0]}') are made, but this does not know zones yet"
        cure = "use `method: calibrated`, the default, and neither hold-out nor draws; or leave zones out"
        raise InputError([Finding(where="zones", message=message, cure=cure)])


def refuse_empty(problem: Problem) -> None:
    """Make sure that units with members can be drawn, before a model is asked about them.

    Raises:
        InputError: rules leave no unit.
    """
    if len(problem.schema.levels) > 1:
        from synthor.fit.aimed import some_made

        with one_thread():
            _refuse_no_unit(some_made(problem, resolve(Prior(), problem)))


def _refuse_no_unit(pool: Pool) -> None:
    if len(pool.units):
        return
    message = "no combination of categories is allowed by all rules and by the cells whose target is 0"
    cure = "strike the rule that forbids too much; fewer or coarser tables show which contradict each other"
    raise InputError([Finding(where="rules", message=message, cure=cure)])


def _status(pool: Pool, status: Status, contradictions: Sequence[Contradiction]) -> Status:
    """How the fit ended: only a contradiction that is proven whatever was drawn is called one."""
    if pool.unsupported:
        return Status.UNSUPPORTED
    if contradictions:
        return Status.INFEASIBLE if contradictions[0].proven else Status.UNSUPPORTED
    return Status.STALLED if status is Status.INFEASIBLE else status


def fit_what_can_be(
    problem: Problem,
    prior: Prior,
    *,
    dropped: tuple[Dropped, ...] = (),
    like: Model | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Model:
    """As `fit`; but where believed rules leave no way to meet the targets, they give way: targets are facts, rules beliefs.

    Args:
        problem: what is known.
        prior: what is believed.
        dropped: beliefs that were found unusable already.
        like: a fitted model whose candidates may do.
        advance: told how many steps of how many are done.
    """
    try:
        first = _begun(problem, prior, like=like, advance=advance)
        if not (first.stuck and first.beliefs.rules):
            return first.ended(dropped, advance)
    except InputError:  # the rules leave nothing at all
        if not prior.rules:
            raise
        first = None
    without = _begun(problem, prior.model_copy(update={"rules": []}), advance=advance)
    if first is not None and not _nearer(without, first):
        return first.ended(dropped, advance)
    if not without.unmeetable:
        with one_thread():
            kept = rules_with_room(problem, without.beliefs, without.tried.pool, prior.rules, advance=advance)
        if kept:
            with suppress(InputError):  # no unit is drawn that keeps them all, though candidates did
                some = _begun(problem, prior.model_copy(update={"rules": kept}), advance=advance)
                if not some.stuck:
                    return some.ended((*dropped, *_given_up(prior, kept, first)), advance)
    known, model = len(dropped), without.ended(dropped, advance)
    return replace(model, dropped=(*model.dropped[:known], *_given_up(prior, [], first), *model.dropped[known:]))


def _nearer(without: _Begun, first: _Begun) -> bool:
    """Whether a fit without believed rules meets more of the targets than one with them, which does not meet all."""
    if without.unmeetable:
        return first.unmeetable and len(without.tried.pool.unsupported) < len(first.tried.pool.unsupported)
    return first.unmeetable or not without.stuck


def _given_up(prior: Prior, kept: Sequence[RuleBelief], first: _Begun | None) -> tuple[Dropped, ...]:
    """Believed rules that are not kept, and why.

    Args:
        prior: with all of them.
        kept: those that are.
        first: the fit with all of them; None where these left no unit at all.
    """
    reason = f"the targets cannot be met together with the believed rules{_in_the_way(first)}, so this one was left out"
    return tuple(
        Dropped(belief=f"rules[{i}]: {rule.never[:80]}", reason=reason)
        for i, rule in enumerate(prior.rules)
        if not any(rule is one for one in kept)
    )


def _in_the_way(first: _Begun | None) -> str:
    """What all believed rules together left of one target; told of units with members alone."""
    if first is None or not first.tried.pool.units.nested or first.tried.diagnosis.found is None:
        return ""
    clash = first.tried.diagnosis.found.clashes[0]
    where = f"'{clash.target}'" + (f" at {clash.cell}" if clash.cell else "")
    if not clash.counts:
        return f", which leave no room for {where}"
    left = clash.high + clash.error if clash.rises else clash.low - clash.error
    return f", with which {where} comes to {left:,.0f} instead of {clash.wanted:,.0f}"


def as_written(problem: Problem, prior: Prior, *, dropped: tuple[Dropped, ...] = (), pool_size: int | None = None) -> Model:
    """The plan of proposals as it stands, or whole units as they were written: no target pulls it, no rule holds it back.

    So the methods work that take a language model at its word.

    Args:
        problem: what is known; only the cells' names and the number of records matter here.
        prior: its proposals are the distribution.
        dropped: beliefs that were found unusable already.
        pool_size: candidates to draw; what is usual where that is None.

    Raises:
        InputError: units lie in zones, or have members that cannot be made yet.
    """
    refuse_zones(problem)
    nested = len(problem.schema.levels) > 1
    pool_size = pool_size or (MEMBERS_POOL if nested else usual_pool_size(problem))
    refuse_what_cannot_fit(problem, 0, pool_size)
    beliefs = resolve(prior, problem, floor=0.0)
    with one_thread():
        if nested:
            pool, lost = _written(problem, prior, pool_size)
            dropped += lost
        else:
            pool = draw_as_written(problem, beliefs, size=pool_size, random_seed=problem.spec.random_seed)
    weights = np.exp(pool.log_base)
    hard = Structure(pool).hard(problem, beliefs)
    gaps = [float(np.abs(table.cells.totals(weights) - table.demand.likeliest).max()) for table in hard]
    recipe = Recipe(
        problem=problem,
        prior=prior,
        pool_size=pool_size,
        pool_sha256=pool.units.sha256,
        thetas=tuple(np.zeros(table.cells.size) for table in hard),
        phis=tuple(np.zeros(table.grouped.size) for table in beliefs.joint),
        pulled=False,
        made=(beliefs, pool),
    )
    return Model(
        recipe=recipe,
        n_candidates=len(pool.units),
        status=Status.AS_WRITTEN,
        residual=max(gaps, default=0.0),
        history=(),
        acceptance=pool.acceptance,
        effective_sample_size=effective_size(weights, total=1.0) if nested else float(len(weights)),
        targets=tuple(pull_of_target(target, beliefs, pool, 0) for target in problem.counts),
        tables=(),
        unsupported=(),
        dropped=dropped + beliefs.dropped,
    )


def _labels(belief: BelievedTable, problem: Problem, prior: Prior) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the rows and columns of a believed table are called."""
    a, b = (problem.schema.variable(ref) for ref in belief.refs)
    return shown(a, prior.groups.get(a.name)).labels, shown(b, prior.groups.get(b.name)).labels


def _support(target: Target, pool: Pool) -> int:
    held = np.bincount(target.index(pool.units), minlength=target.grid.size + 1)[:-1]
    wanted = target.lowest > 0
    return int(held[wanted].min()) if wanted.any() else 0


def _cell_name(target: Target, cell: int) -> str:
    return f"{target.name}: " + ", ".join(f"{name} = {label}" for name, label in target.labels(cell).items())


def _known_document(recipe: Recipe) -> dict[str, Any]:
    """What was known and believed, for model.json."""
    spec = recipe.problem.whole.spec.model_dump(mode="json", exclude_defaults=True)
    return {"spec": spec, "prior": json.loads(recipe.prior.to_json())}


def _pool_document(recipe: Recipe, n_candidates: int) -> dict[str, Any]:
    """How the candidates are made again, for model.json."""
    found = {
        "size": recipe.pool_size,
        "candidates": n_candidates,
        "sha256": recipe.pool_sha256,
        "random_seed": recipe.problem.spec.random_seed,
        **({"listed": True} if recipe.listed else {}),
        **({"handed": True} if recipe.handed else {}),
        "inside": [{"positions": list(i.positions), "codes": i.units.tolist()} for i in recipe.inside],
    }
    if recipe.drawn_for is not None:
        other = recipe.drawn_for
        found["drawn_for"] = {"pool": _pool_document(other, n_candidates), **_known_document(other)}
    return found


def _recipe(document: Mapping[str, Any]) -> Recipe:
    """The recipe that model.json holds."""
    pool, multipliers = document["pool"], document.get("multipliers", {"targets": [], "dependencies": []})
    return Recipe(
        problem=compile_problem(Spec.collected(document["spec"])).region,
        prior=Prior.collected(document["prior"]),
        pool_size=int(pool["size"]),
        pool_sha256=pool["sha256"],
        thetas=_arrays(multipliers["targets"]),
        phis=_arrays(multipliers["dependencies"]),
        closings=tuple(
            Closing(
                tables=np.array(c["targets"], np.int64),
                cells=np.array(c["cells"], np.int64),
                values=np.array(c["values"], np.float64),
            )
            for c in document.get("closed", ())
        ),
        inside=tuple(
            Inside(positions=tuple(i["positions"]), units=Units.flat(np.array(i["codes"], np.int32))) for i in pool["inside"]
        ),
        listed=bool(pool.get("listed", False)),
        handed=bool(pool.get("handed", False)),
        drawn_for=_recipe(pool["drawn_for"]) if "drawn_for" in pool else None,
        pulled=bool(document.get("pulled", True)),
    )


def _arrays(lists: list[list[float]]) -> tuple[Floats, ...]:
    return tuple(np.array(values, dtype=np.float64) for values in lists)


def _pull(entry: dict[str, Any]) -> Pull:
    why = entry.get("barred")
    if why is None:
        return Pull(**entry)
    obstacles = tuple(Obstacle(**obstacle) for obstacle in why["obstacles"])
    return Pull(**entry | {"barred": Barred(obstacles=obstacles, targets=tuple(why["targets"]))})


def _contradiction(entry: dict[str, Any]) -> Contradiction:
    return Contradiction(
        clashes=tuple(Clash(**clash) for clash in entry["clashes"]),
        proven=bool(entry["proven"]),
        obstacles=tuple(Obstacle(**obstacle) for obstacle in entry["obstacles"]),
        changes=tuple(
            Change(edits=tuple(Edit(**edit) for edit in change["edits"]), enough=change["enough"])
            for change in entry.get("changes", ())
        ),
        tried=bool(entry.get("tried", False)),
        more=bool(entry.get("more", False)),
    )
