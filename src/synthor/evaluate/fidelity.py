"""Realism of records against microdata: everything that was no target, compared with the truth."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthor.errors import Finding, InputError
from synthor.evaluate.bootstrap import Curve, Equivalent, real_samples
from synthor.evaluate.tables import Group, Reference, shares, tvd
from synthor.information import effective_size
from synthor.measure import encode
from synthor.problem import Problem
from synthor.problem.unplaced import weights_of
from synthor.schema import Units, Variable, of_unit
from synthor.types import Codes, Floats, Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far one joint distribution is from the truth.

    Attributes:
        mean_pair_tvd: mean over all pairs of variables that were no target.
        mean_triple_tvd: the same over triples.
        worst_pair: the pair that is furthest off.
        worst_pair_tvd: by how much.
        recovered: 1 - sum of pair TVDs / sum of those of independence.
        equivalent: how many real records would do as well.
    """

    mean_pair_tvd: float
    mean_triple_tvd: float
    worst_pair: tuple[str, str]
    worst_pair_tvd: float
    recovered: float
    equivalent: Equivalent


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDistance:
    """How far one cross-table is from the truth.

    Attributes:
        variables: two or three of them.
        tvd: distance of the records' table.
        tvd_of_independence: distance of independence with the true marginals.
    """

    variables: tuple[str, ...]
    tvd: float
    tvd_of_independence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Synthetic records that equal a real one.

    Attributes:
        same_values: records that equal some real record in every value, however it is written.
        same_categories: share of records that have every category in common with some real record of one half of the microdata.
        expected_categories: the same share of the real records of the other half: what is to be expected of records that copy
            nothing.
    """

    same_values: int
    same_categories: float
    expected_categories: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Realism of one set of records.

    Attributes:
        n_records: synthetic records.
        n_real: records of microdata.
        effective_real: Kish's effective size of the microdata, the cap of every equivalent sample size.
        n_pairs: pairs of variables compared: those that no target holds together.
        n_triples: the same of triples.
        mean_marginal_tvd: mean distance of one-way shares.
        records: the records under test.
        independence: the true marginals without any dependence.
        ceiling: recovered by real samples of the effective size: what the truth's own noise leaves to be had.
        violations: synthetic records that break each rule; of units with members without those that the records do not tell.
        real_violations: real records that do, likewise.
        sources: who says each rule, the spec or the beliefs.
        copies: records that equal a real one.
        pairs: every pair that was compared, the furthest off first.
        triples: every triple, likewise.
    """

    n_records: int
    n_real: int
    effective_real: float
    n_pairs: int
    n_triples: int
    mean_marginal_tvd: float
    records: Distance
    independence: Distance
    ceiling: float
    violations: dict[str, int]
    real_violations: dict[str, int]
    sources: dict[str, str]
    copies: Copies
    pairs: tuple[GroupDistance, ...]
    triples: tuple[GroupDistance, ...]

    def to_json(self) -> str:
        """The same as text."""
        document: dict[str, Any] = asdict(self)
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def evaluate(
    problem: Problem,
    records: pl.DataFrame,
    microdata: pl.DataFrame,
    *,
    weight: str | None = None,
    known: Sequence[Sequence[int]] = (),
    random_seed: int = 0,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Compare records with microdata in everything that was no target.

    Args:
        problem: variables, targets and rules, those that are believed included.
        records: synthetic records of level 0.
        microdata: real records with the same columns.
        weight: column of the microdata that holds weights; none means equal ones.
        known: positions of further variables that some target holds together.
        random_seed: of the bootstrap.
        advance: told how much of the bootstrap is done.

    Raises:
        InputError: a column is missing, a value belongs to no category, or fewer than two variables are there.
    """
    variables = problem.schema.unit.variables
    sizes = [variable.size for variable in variables]
    coded, real = _coded(records, problem, "records"), _coded(microdata, problem, "microdata")
    weights = _weights(microdata, weight)
    targets = [target for target in problem.counts if target.flat]
    reference = Reference.count(real, weights, sizes, [*(target.columns for target in targets), *known])
    if not reference.pairs:
        message = "every pair of variables was a target, so nothing is left to judge"
        raise InputError([Finding(where="evaluate", message=message, cure="leave some table out of the targets")])
    curve = real_samples(reference, real, weights, targets, random_seed=random_seed, advance=advance)
    independent = reference.independent_tvds(reference.pairs, reference.pair_shares)
    equal = np.ones(len(coded))
    pair_tvds, triple_tvds = reference.pair_tvds(coded, equal), reference.triple_tvds(coded, equal)
    independent_triples = reference.independent_tvds(reference.triples, reference.triple_shares)
    names = [variable.name for variable in variables]
    return Evaluation(
        n_records=len(coded),
        n_real=len(real),
        effective_real=effective_size(weights),
        n_pairs=len(reference.pairs),
        n_triples=len(reference.triples),
        mean_marginal_tvd=float(
            np.mean(
                [
                    tvd(shares(coded, equal, sizes, (v,)), truth)
                    for v, truth in enumerate(reference.marginals)
                    if not variables[v].kind.free
                ]
            )
        ),
        records=_distance(pair_tvds, triple_tvds, independent, reference, names, curve),
        independence=_distance(independent, independent_triples, independent, reference, names, curve),
        ceiling=_recovered(curve.tvds[-1].mean(), independent),
        violations=_violations(problem, records, coded, "records"),
        real_violations=_violations(problem, microdata, real, "microdata"),
        sources={rule.text: rule.source for rule in problem.own_rules},
        copies=_copies(variables, records, microdata, coded, real, weights, random_seed),
        pairs=_groups(reference.pairs, pair_tvds, independent, names),
        triples=_groups(reference.triples, triple_tvds, independent_triples, names),
    )


def _groups(groups: Sequence[Group], tvds: Floats, independent: Floats, names: list[str]) -> tuple[GroupDistance, ...]:
    found = [
        GroupDistance(variables=tuple(names[v] for v in group), tvd=float(tvd), tvd_of_independence=float(alone))
        for group, tvd, alone in zip(groups, tvds, independent, strict=True)
    ]
    return tuple(sorted(found, key=lambda distance: -distance.tvd))


def _distance(
    pairs: Floats, triples: Floats, independent: Floats, reference: Reference, names: list[str], curve: Curve
) -> Distance:
    worst = int(pairs.argmax())
    a, b = reference.pairs[worst]
    return Distance(
        mean_pair_tvd=float(pairs.mean()),
        mean_triple_tvd=float(triples.mean()) if len(triples) else 0.0,
        worst_pair=(names[a], names[b]),
        worst_pair_tvd=float(pairs[worst]),
        recovered=_recovered(float(pairs.mean()), independent),
        equivalent=curve.equivalent(float(pairs.mean())),
    )


def _recovered(mean_pair_tvd: float, independent: Floats) -> float:
    return float(1 - mean_pair_tvd / independent.mean()) if independent.any() else 1.0


def _coded(frame: pl.DataFrame, problem: Problem, what: str) -> Units:
    variables = problem.schema.unit.variables
    with _named(what):
        units = encode(frame.drop([one.name for one in variables if one.kind.free], strict=False), variables)
    if not len(units):
        raise InputError([Finding(where=what, message="there are no rows", cure="give at least one record")])
    return units


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Findings say which of the two tables they are about."""
    try:
        yield
    except InputError as error:
        raise InputError(replace(finding, where=what) for finding in error.findings) from None


def _weights(microdata: pl.DataFrame, weight: str | None) -> Floats:
    if weight is None:
        return np.ones(microdata.height)
    if weight not in microdata.columns:
        cure = f"the columns are {', '.join(microdata.columns[:12])}"
        raise InputError([Finding(where="microdata", message=f"column '{weight}' is missing", cure=cure)])
    weights, wrong = weights_of(microdata[weight], where="microdata")
    if wrong:
        raise InputError(wrong)
    return weights


def _violations(problem: Problem, frame: pl.DataFrame, units: Units, what: str) -> dict[str, int]:
    with _named(what):
        counts, _ = problem.rulings.counts(units, frame)
    return {rule.text: int(count) for rule, count in zip(problem.own_rules, counts, strict=True)}


def _copies(
    variables: Sequence[Variable],
    records: pl.DataFrame,
    microdata: pl.DataFrame,
    coded: Units,
    real: Units,
    weights: Floats,
    random_seed: int,
) -> Copies:
    """Records that equal a real one, and what is to be expected of records that copy nothing.

    Both shares of categories are of records set against the same real ones: one half of the microdata, drawn at random. The
    other half stands for records that copy nothing.
    """
    values = _values(variables, (records, microdata), (coded, real))
    order = np.random.default_rng(random_seed).permutation(len(real))
    known, fresh = order[: (len(order) + 1) // 2], order[(len(order) + 1) // 2 :]
    return Copies(
        same_values=int(_found(values[0], values[1]).sum()),
        same_categories=_share(_found(_rows(coded), _rows(real)[known]), np.ones(len(coded))),
        expected_categories=_share(_found(_rows(real)[fresh], _rows(real)[known]), weights[fresh]),
    )


def _rows(units: Units) -> Codes:
    """All categories of each record, (n, v)."""
    return np.stack(units.columns(), axis=1)


def _values(variables: Sequence[Variable], frames: Sequence[pl.DataFrame], coded: Sequence[Units]) -> list[Floats]:
    """What each table's records say, as numbers that can be compared however they are written, (n, v) a table.

    Numbers are rounded to the decimals of the variable, and infinite where there is none; a category is its code, and so is a
    number where some table holds labels of bins.
    """
    columns: list[list[Floats]] = [[] for _ in frames]
    for v, variable in enumerate(variables):
        if variable.kind.free:
            continue
        told = [variable.kind.numbers_of(frame[variable.name]) for frame in frames]
        every = [units.column(of_unit(v)) for units in coded]
        exact = all(
            column is not None and column.null_count() == int((codes >= variable.n_valued).sum())
            for column, codes in zip(told, every, strict=True)
        )
        for of_one, column, codes in zip(columns, told, every, strict=True):
            known = column.fill_null(np.inf).to_numpy() if exact and column is not None else None
            of_one.append(codes.astype(np.float64) if known is None else np.round(known, variable.decimals) + 0.0)
    return [np.stack(of_one, axis=1) for of_one in columns]


def _found(rows: NDArray[Any], among: NDArray[Any]) -> Mask:
    """Whether each row, (n, v), equals some row of a table, (m, v) -> (n,)."""
    names = [f"{v}" for v in range(rows.shape[1])]
    known = pl.DataFrame(among, schema=names).unique().with_columns(found=True)
    looked_up = pl.DataFrame(rows, schema=names).join(known, on=names, how="left", maintain_order="left")
    return looked_up["found"].fill_null(False).to_numpy()


def _share(found: Mask, weights: Floats) -> float:
    return float((weights * found).sum() / weights.sum()) if weights.sum() > 0 else 0.0
