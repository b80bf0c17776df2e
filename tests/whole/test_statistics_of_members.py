"""Means, totals, deviations and shares of the rows below units, met on the values that are drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from members import SCHEMA, drawn, pool, rule, target, town
from synthor.fit.model import Model, fit
from synthor.fit.status import Status
from synthor.measure import measure
from synthor.prior.model import Prior
from synthor.problem import Axis, Deviation, Mean, OfValues, Problem, Target, TargetGrid, Total, Within
from synthor.problem.statistic import around
from synthor.sample.stream import sample
from synthor.schema import Ref
from synthor.types import Floats


def side(at: int, position: int) -> Axis:
    variable = SCHEMA.levels[at].variables[position]
    own = np.arange(variable.size, dtype=np.int32)
    return Axis(position=position, ref=Ref(at, position), variable=variable, labels=variable.labels, group_of=own)


def of(kind: type[OfValues], level: int, position: int, by: Sequence[tuple[int, int]], values: Floats, half: float) -> Target:
    variable = SCHEMA.levels[level].variables[position]
    statistic = kind(of=position, ref=Ref(level, position), variable=variable)
    grid = TargetGrid(axes=tuple(side(*one) for one in by))
    name = f"{statistic.word} of {variable.name} by {len(by)}"
    return Target(name=name, level=level, grid=grid, statistic=statistic, wanted=values, rounding=half)


def published(records: dict[str, pl.DataFrame]) -> Iterator[Target]:
    """Statistics of persons, trips and households as an office would print them of some records."""
    persons = records["person"].join(records["household"], on="household_id")
    trips = records["trip"].join(persons, on="person_id")
    by_sex = persons.group_by("sex").agg(pl.col("age").mean().alias("mean"), pl.col("age").std(ddof=0).alias("sd")).sort("sex")
    mean = of(Mean, 1, 0, [(1, 1)], by_sex["mean"].round(1).to_numpy(), 0.05)
    yield mean
    yield around(of(Deviation, 1, 0, [(1, 1)], by_sex["sd"].round(1).to_numpy(), 0.05), mean)
    total = persons.group_by("tenure").agg(pl.col("age").sum()).sort("tenure")["age"]
    yield of(Total, 1, 0, [(0, 0)], total.to_numpy().astype(np.float64), 0.5)
    income = records["household"].group_by("tenure").agg(pl.col("income").mean()).sort("tenure")["income"]
    yield of(Mean, 0, 1, [(0, 0)], income.round(1).to_numpy(), 0.05)
    counts = trips.group_by("sex", "mode").len().sort("sex", "mode")["len"].to_numpy().reshape(2, 3)
    shares = counts / counts.sum(axis=1, keepdims=True)
    grid = TargetGrid(axes=(side(1, 1),))
    yield Target(name="mode shares", level=2, grid=grid, statistic=Within(side=side(2, 0)), wanted=shares, rounding=5e-4)


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Tables and statistics of another town, whose numbers lie elsewhere in their bins."""
    tables = (target("tenure", 0, (0, 0)), target("age", 1, (1, 0)))
    model = fit(town(tables), Prior(), handed=(pool(2_000, 21), None))
    records = drawn(model)
    persons = records["person"].with_columns(
        pl.when(pl.col("age") >= 65).then((65 + pl.col("age")) // 2).otherwise(pl.col("age")).alias("age")
    )
    return replace(model.problem, targets=(*model.problem.targets, *published({**records, "person": persons})))


@pytest.fixture(scope="module")
def model(problem: Problem) -> Model:
    return fit(problem, Prior(), handed=(pool(4_000, 22), None))


@pytest.mark.slow
def test_statistics_at_every_level_are_met_with_the_tables(problem: Problem, model: Model) -> None:
    assert model.status is Status.CONVERGED
    records = sample(model).chunk(0)
    found = measure(problem, records)
    assert found.met, found.verdict
    by_sex = records["person"].group_by("sex").agg(pl.col("age").mean()).sort("sex")["age"].to_numpy()
    assert (np.abs(by_sex - problem.statistics[0].wanted) <= 0.05 + 1e-9).all()


@pytest.mark.slow
def test_numbers_of_members_move_in_all_chunks_and_keep_the_rules_of_their_rows(problem: Problem) -> None:
    others = tuple(one for one in problem.targets if one.statistic.word != "sd")
    ruled = replace(problem, targets=others, rules=(rule("age > 90 and income < 10", 1),))
    records = drawn(fit(ruled, Prior(), handed=(pool(4_000, 23), None)))
    found = measure(ruled, records)
    assert found.met, found.verdict
    persons = records["person"].join(records["household"], on="household_id")
    assert not persons.filter((pl.col("age") > 90) & (pl.col("income") < 10)).height


@pytest.mark.slow
def test_a_mean_that_no_values_of_members_can_have_is_a_contradiction(problem: Problem) -> None:
    children = target("age", 1, (1, 0))
    none = replace(children, wanted=np.array([600.0, 0.0, 0.0]))
    mean = of(Mean, 1, 0, [], np.array([30.0]), 0.05)
    model = fit(replace(problem, targets=(none, mean)), Prior(), handed=(pool(2_000, 24), None))
    assert model.status in (Status.INFEASIBLE, Status.UNSUPPORTED)
    assert {clash.target for clash in model.clashes} == {"age", "mean of age by 0"}
