"""Are the ranges of draws honest? How often does the truth lie inside them, on the households of the example?

    python bench/draws.py [K]            (SYNTHOR_DATA names the folder of microdata; see examples/households/make_targets.py)

Writes bench/results/draws.json and draws.md. Every cell of all 55 tables of two variables, none a target: its true count
is compared with the range over K draws (20 unless given), made from one recording of beliefs and from three in turn; and with
the bounds that the targets alone imply. Nothing is tuned: strengths are those that every run uses. Beside it, whether a single
run gains from all recordings together, their strengths divided, which is how `prior:` with several files was decided.
"""

import sys
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from harness import BENCH, EXAMPLES, dated, microdata, write
from synthor import Prior, Spec, compile_problem, load_spec
from synthor.draws.make import population
from synthor.evaluate.question import parse_question
from synthor.evaluate.ranges import bounds_of
from synthor.evaluate.tables import Reference
from synthor.fit.model import fit_what_can_be
from synthor.information import effective_size
from synthor.loop import fit_spec
from synthor.measure import encode
from synthor.problem import Problem
from synthor.schema.cells import flat
from synthor.types import Floats

EXAMPLE = EXAMPLES / "households"
RECORDINGS = (
    EXAMPLE / "answers.jsonl",
    BENCH / "recordings" / "households-2.jsonl",
    BENCH / "recordings" / "households-3.jsonl",
)
SIZES = ((0.0, 1e-4), (1e-4, 1e-3), (1e-3, 1e-2), (1e-2, 1.0))
Z = 1.645
"""Half of a normal 90% interval, in standard deviations."""


def recorded(spec: Spec, file: Path) -> Prior:
    """What the whole loop believes after one recording."""
    if spec.model is None:
        raise AssertionError("the example asks a model")
    model = spec.model.model_copy(update={"name": f"replay:{file.resolve()}"})
    return fit_spec(spec.model_copy(update={"model": model}).placed_in(EXAMPLE)).model.prior


def pooled(priors: Sequence[Prior]) -> Prior:
    """All recordings in one, each with its strengths divided by how many there are."""
    tables, plan = [], []
    rules = {rule.never: rule for prior in priors for rule in prior.rules}
    for prior in priors:
        whole = sum(proposal.share for proposal in prior.proposals)
        plan += [proposal.model_copy(update={"share": 100 * proposal.share / whole}) for proposal in prior.proposals]
        for table in prior.dependencies:
            sure = min(max(0.5 if table.confidence is None else table.confidence, 0.01), 0.99)
            odds = sure / (1 - sure) / len(priors)
            tables.append(table.model_copy(update={"confidence": odds / (1 + odds)}))
    return Prior(dependencies=tables, proposals=plan, rules=list(rules.values()))


def counted(problem: Problem, records: pl.DataFrame, weights: Floats) -> Floats:
    """Weighted counts of all cells of all tables of two variables, one after the other."""
    variables = problem.schema.unit.variables
    codes = encode(records, variables).columns()
    found = []
    for a, b in combinations(range(len(variables)), 2):
        cell = flat([codes[a], codes[b]], [variables[a].size, variables[b].size])
        found.append(np.bincount(cell, weights, variables[a].size * variables[b].size))
    return np.concatenate(found).astype(np.float64)


def possible_cells(problem: Problem) -> tuple[Floats, Floats]:
    """Bounds that targets and rules imply of all these cells."""
    names = [variable.name for variable in problem.schema.unit.variables]
    bounds = [bounds_of(problem, parse_question(f"{a} by {b}", problem)) for a, b in combinations(names, 2)]
    return np.concatenate([b.low for b in bounds]), np.concatenate([b.high for b in bounds])


def coverage(drawn: Floats, truth: Floats, noise: Floats, low: Floats, high: Floats, n: int) -> dict[str, Any]:
    """How often the truth lies inside, over the cells that targets and rules leave open."""
    open_ = high > low
    drawn, truth, noise = drawn[:, open_], truth[open_], noise[open_]
    five, ninety_five = np.quantile(drawn, 0.05, axis=0), np.quantile(drawn, 0.95, axis=0)
    inside = (five <= truth) & (truth <= ninety_five)
    between = (drawn.min(axis=0) <= truth) & (truth <= drawn.max(axis=0))
    middle, half = (five + ninety_five) / 2, np.maximum((ninety_five - five) / 2, 0.5)
    sd = np.sqrt(drawn.var(axis=0, ddof=1) + np.square(noise))
    share = truth / n
    return {
        "cells": int(open_.sum()),
        "inside the 90% range": round(float(inside.mean()), 3),
        "inside, weighted by records": round(float(truth[inside].sum() / truth.sum()), 3),
        "between lowest and highest": round(float(between.mean()), 3),
        "inside 90% once the truth's own sampling error is added": round(
            float((np.abs(truth - drawn.mean(axis=0)) <= Z * sd).mean()), 3
        ),
        "factor for 90%": round(float(np.quantile(np.abs(truth - middle) / half, 0.9)), 2),
        "median width, share of what the bounds leave": round(float(np.median((ninety_five - five) / (high - low)[open_])), 4),
        "by true share": {
            f"{a:.2%} to {b:.2%}": [int(held.sum()), round(float(inside[held].mean()), 3)]
            for a, b in SIZES
            for held in [(share >= a) & ((share < b) | (b == 1.0))]
        },
    }


def gains(problem: Problem, priors: Sequence[Prior], real: pl.DataFrame, weights: Floats) -> list[dict[str, Any]]:
    """Realism of a single run on each recording and on all together."""
    variables = problem.schema.unit.variables
    sizes = [variable.size for variable in variables]
    reference = Reference.count(encode(real, variables), weights, sizes, [target.columns for target in problem.targets])
    independent = reference.independent_tvds(reference.pairs, reference.pair_shares).mean()
    named = [(f"recording {i}", prior) for i, prior in enumerate(priors, start=1)]
    rows = []
    for name, prior in [*named, ("all three, strengths divided", pooled(priors))]:
        begin = time.process_time()
        model = fit_what_can_be(problem, prior)
        seconds = time.process_time() - begin
        pairs = reference.pair_tvds(model.pool.units, model.weights).mean()
        triples = reference.triple_tvds(model.pool.units, model.weights).mean()
        rows.append(
            {
                "beliefs": name,
                "recovered": round(float(1 - pairs / independent), 3),
                "mean triple TVD": round(float(triples), 4),
                "CPU seconds to fit": round(seconds, 1),
            }
        )
    return rows


def main() -> None:
    n_draws = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    real = microdata()
    weights = real["weight"].to_numpy().astype(np.float64)
    spec = load_spec(EXAMPLE / "spec.yaml")
    problem = compile_problem(spec)
    n = problem.n_units
    priors = [recorded(spec, file) for file in RECORDINGS]
    rows = gains(problem, priors, real, weights)
    like = fit_what_can_be(problem, priors[0])
    truth = counted(problem, real, weights) * n / weights.sum()
    noise = n * np.sqrt(truth / n * (1 - truth / n) / effective_size(weights))
    low, high = possible_cells(problem)
    found: dict[str, Any] = {}
    made: dict[tuple[int, int], tuple[Floats, bool, float]] = {}
    for name, said in (("one recording", priors[:1]), ("three recordings in turn", priors)):
        keys = [((number - 1) % len(said), number) for number in range(1, n_draws + 1)]
        for recording, number in keys:
            if (recording, number) not in made:  # a draw depends on its recording and number alone
                begin = time.process_time()
                run = population(like, [priors[recording]], number)
                counts = counted(problem, run.records, np.ones(n))
                made[recording, number] = counts, run.measurement.met, time.process_time() - begin
        drawn = [made[key] for key in keys]
        seconds = float(np.mean([cost for *_, cost in drawn]))
        found[name] = coverage(np.array([counts for counts, *_ in drawn]), truth, noise, low, high, n) | {
            "draws that meet all targets": sum(met for _, met, _ in drawn),
            "CPU seconds a draw": round(seconds, 1),
            "against the first fit": round(seconds / rows[0]["CPU seconds to fit"], 2),
        }
    document = dated(
        {
            "command": f"python bench/draws.py {n_draws}",
            "draws": n_draws,
            "truth inside the bounds": float(((low <= truth + 1e-6) & (truth - 1e-6 <= high)).mean()),
            "ranges": found,
            "single runs": rows,
        }
    )
    text = page(document)
    write("draws", document, text)
    print(text)


def page(document: dict[str, Any]) -> str:
    """The same for people."""
    found, rows = document["ranges"], document["single runs"]
    first = next(iter(found.values()))
    plain = [key for key in first if key != "by true share"]
    return "\n".join(
        [
            "# Draws: how often the truth lies inside their range",
            "",
            f"`{document['command']}`, {document['date']}, {document['machine']}. Households of PUMA 600, Oregon: 77,536 "
            "records, one-way targets, all cells of the 55 tables of two variables that targets and rules leave open. "
            f"{document['draws']} draws; nothing was tuned. An honest 90% range holds 90% of the truths. The truth lies inside "
            f"the bounds that the targets alone imply in {document['truth inside the bounds']:.0%} of all cells, as it must.",
            "",
            "| | " + " | ".join(found) + " |",
            "|---|" + "---|" * len(found),
            *(f"| {key} | " + " | ".join(str(column[key]) for column in found.values()) + " |" for key in plain),
            *(
                f"| cells of true share {size}: how many, inside | "
                + " | ".join(
                    f"{column['by true share'][size][0]}, {column['by true share'][size][1]}" for column in found.values()
                )
                + " |"
                for size in first["by true share"]
            ),
            "",
            "*Factor for 90%*: by how much each 90% range would have to be stretched around its middle to hold 90% of the "
            "truths. The truth is itself counted from 4,839 weighted households; the line on its own sampling error says how "
            "much of the lack that explains.",
            "",
            "## A single run on several recordings",
            "",
            "| " + " | ".join(rows[0]) + " |",
            "|" + "---|" * len(rows[0]),
            *("| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows),
            "",
        ]
    )


if __name__ == "__main__":
    main()
