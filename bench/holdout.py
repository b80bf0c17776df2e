"""Are published cross-tables predicted from the others and the beliefs? Oregon households, four tables, each left out in turn.

    make bench            (SYNTHOR_DATA names the folder of microdata; see examples/households/make_targets.py)
    python bench/holdout.py --tables    counts the committed tables again
    python bench/holdout.py --page      writes the page again from the figures

Writes bench/results/holdout.json and holdout.md. The targets are the example's one-way tables and four cross-tables; beliefs
are the example's recording, whose model was shown one-way tables alone.

Which four was settled by a rule before any fit was looked at: pairs of variables in falling order of their dependence in the
microdata (TVD of their table from independence), passing over a pair of which one variable was taken already. So they are the
strongest that share no variable, eight of the eleven variables. Beside them, so that nobody need suspect the choice: four pairs
drawn at random, five times by fixed seeds; and all 55 pairs, predicted from the one-way tables alone in a single fit.

The four tables are in bench/tables/oregon-four, counted from the American Community Survey 2006-2010, Public Use Microdata
Sample, household records of PUMA 600 in Oregon, weighted (U.S. Census Bureau, public domain).

As a control the labels in the beliefs are shuffled: then predictions must be no better than independence, or something other
than the beliefs makes them.
"""

import json
import sys
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from harness import BENCH, RESULTS, dated, microdata, write
from oregon import EXAMPLE, shuffled
from synthor import Prior, Spec, compile_problem, load_spec
from synthor.evaluate.holdout import HoldOuts
from synthor.evaluate.tables import Group, Reference
from synthor.fit.model import fit
from synthor.holdout import hold_out
from synthor.information import effective_size
from synthor.loop import fit_spec
from synthor.measure import encode
from synthor.schema import Units, of_unit
from synthor.schema.cells import flat
from synthor.spec.targets import TargetSpec
from synthor.types import Floats

TABLES = BENCH / "tables" / "oregon-four"
SEEDS = range(5)
N_TABLES = 4
TOLD = 0.5
"""A table is told by rules and other tables when these alone are nearer to it than that share of independence's distance."""


def strongest_apart(reference: Reference, n: int) -> list[Group]:
    """The n pairs of strongest dependence that share no variable: down the list, passing over what is taken."""
    dependence = reference.independent_tvds(reference.pairs, reference.pair_shares)
    chosen: list[Group] = []
    for i in np.argsort(-dependence, kind="stable"):
        pair = reference.pairs[i]
        if not {v for other in chosen for v in other} & set(pair):
            chosen.append(pair)
    return chosen[:n]


def counted(spec: Spec, units: Units, weights: Floats, pair: Group) -> pl.DataFrame:
    """The table of a pair, one row a cell."""
    variables = [declared.build(name) for name, declared in spec.variables.items()]
    a, b = (variables[v] for v in pair)
    counts = np.bincount(flat([units.column(of_unit(v)) for v in pair], (a.size, b.size)), weights, a.size * b.size).astype(int)
    rows, columns = np.divmod(np.arange(a.size * b.size), b.size)
    return pl.DataFrame({a.name: [a.labels[r] for r in rows], b.name: [b.labels[c] for c in columns], "count": counts})


def committed(pair: Group, names: Sequence[str]) -> pl.DataFrame:
    """The same table as it was committed."""
    first, second = (names[v] for v in pair)
    return pl.read_csv(TABLES / f"{first}_by_{second}.csv", schema_overrides={first: pl.String, second: pl.String})


def with_tables(spec: Spec, tables: Sequence[pl.DataFrame]) -> Spec:
    """The example's spec with cross-tables beside its one-way ones."""
    more = [TargetSpec(name=" by ".join(table.columns[:2]), table=table.to_dicts()) for table in tables]
    return spec.model_copy(update={"targets": [*spec.targets, *more], "model": None}).placed_in(EXAMPLE)


def row(name: str, outs: Sequence[HoldOuts], *, told: bool = True) -> dict[str, object]:
    """Mean distances over all tables of some choices; without those that rules and other tables tell already, if asked."""
    tests = [table for held in outs for table in held.tests]
    if not told:
        tests = [table for table in tests if table.tvd_of_targets > TOLD * table.tvd_of_independence]
    figures = [[table.tvd, table.tvd_of_independence, table.tvd_of_targets] for table in tests]
    return distances(name, *np.array(figures).T)


def distances(name: str, found: Floats, independent: Floats, targets: Floats) -> dict[str, object]:
    """Means over some tables."""
    ratios = found / independent
    return {
        "tables": name,
        "left out": len(found),
        "TVD": round(float(found.mean()), 4),
        "of independence": round(float(independent.mean()), 4),
        "of the other tables alone": round(float(targets.mean()), 4),
        "ratio of the means": round(float(found.mean() / independent.mean()), 3),
        "ratios, least to largest": f"{ratios.min():.2f} to {ratios.max():.2f}",
    }


def every_pair(spec: Spec, prior: Prior, reference: Reference) -> dict[str, object]:
    """All pairs, predicted from the one-way tables in one fit."""
    model = fit(compile_problem(spec), prior)
    alone = fit(compile_problem(spec), Prior())
    found, targets = (reference.pair_tvds(m.pool.units, m.weights) for m in (model, alone))
    independent = reference.independent_tvds(reference.pairs, reference.pair_shares)
    return distances("all 55 pairs, from the one-way tables", found, independent, targets)


def floor(shares: Floats, n: float) -> float:
    """Mean TVD of a random sample of n records from the shares that it is drawn from."""
    return float(0.5 * np.sqrt(2 / np.pi) * np.sqrt(shares * (1 - shares) / n).sum())


def rows_of(document: dict[str, Any]) -> list[dict[str, object]]:
    """The figures of all choices of tables."""
    four, *others = ([held_outs(entry) for entry in document[key]] for key in ("four", "random", "shuffled"))
    random, controls = others
    return [
        row("the four above", four),
        row("the three of them that the spec's rules do not tell", four, told=False),
        row("four pairs at random, five times", random),
        document["every pair"],
        row("the four above, labels of the beliefs shuffled five times", controls),
        row("the three of them, labels of the beliefs shuffled five times", controls, told=False),
    ]


def held_outs(entry: dict[str, Any]) -> HoldOuts:
    """A result as it stands in holdout.json."""
    return HoldOuts.from_json(json.dumps(entry))


def page(document: dict[str, Any]) -> str:
    """The figures as a page."""
    four, rows = held_outs(document["four"][0]), rows_of(document)
    assert four.calibration is not None
    return "\n".join(
        [
            "# Published tables of PUMA 600, Oregon, left out and predicted",
            "",
            f"`python bench/holdout.py`, {document['date']}, {document['machine']}. Targets: eleven one-way tables and "
            "four cross-tables, each cross-table left out in turn; beliefs: the example's recording. The four are the pairs of "
            "strongest dependence in the microdata that share no variable, a rule that was settled before any fit. The floor "
            f"is that of {document['effective size of the real records']:,} records at random, the microdata's effective size.",
            "",
            "| table | cells | TVD | of independence | of the other tables alone | ratio | floor | worst cell |",
            "|---|---|---|---|---|---|---|---|",
            *(
                f"| {t.name} | {t.n_cells} | {t.tvd:.4f} | {t.tvd_of_independence:.4f} | {t.tvd_of_targets:.4f} "
                f"| {t.tvd / t.tvd_of_independence:.2f} | {lowest:.4f} | {t.worst.label}: {t.worst.predicted:.1%}, published "
                f"{t.worst.published:.1%} |"
                for t, lowest in zip(four.tables, document["floors"], strict=True)
            ),
            "",
            four.verdict,
            "",
            "Other choices of tables, and the control. Rules hold in every fit, so what two rules say of persons and household "
            "type (who lives alone is one person) is known without any belief; shuffled beliefs do not undo it.",
            "",
            "| " + " | ".join(rows[0]) + " |",
            "|" + "---|" * len(rows[0]),
            *("| " + " | ".join(str(value) for value in r.values()) + " |" for r in rows),
            "",
            f"Calibration by the four: {four.calibration.sentence}",
            "",
        ]
    )


def measured() -> dict[str, Any]:
    """All fits."""
    spec, real = load_spec(EXAMPLE / "spec.yaml"), microdata()
    names = list(spec.variables)
    variables = compile_problem(spec).schema.unit.variables
    codes, weights = encode(real, variables), real["weight"].to_numpy().astype(np.float64)
    reference = Reference.count(codes, weights, [variable.size for variable in variables], [])
    pairs = strongest_apart(reference, N_TABLES)
    prior = fit_spec(spec).model.prior
    tables = [committed(pair, names) for pair in pairs]
    four = hold_out(with_tables(spec, tables), calibrated=True, prior=prior).outs
    every = list(combinations(range(len(variables)), 2))
    random = []
    for seed in SEEDS:
        picks = np.random.default_rng(seed).choice(len(every), N_TABLES, replace=False)
        drawn = with_tables(spec, [counted(spec, codes, weights, every[i]) for i in sorted(picks)])
        random.append(hold_out(drawn, prior=prior).outs)
    controls = [hold_out(with_tables(spec, tables), prior=shuffled(prior, spec, seed)).outs for seed in SEEDS]
    effective = effective_size(weights)
    return dated(
        {
            "effective size of the real records": round(effective),
            "floors": [floor(reference.pair_shares[reference.pairs.index(pair)], effective) for pair in pairs],
            "four": [json.loads(four.to_json())],
            "random": [json.loads(outs.to_json()) for outs in random],
            "every pair": every_pair(spec, prior, reference),
            "shuffled": [json.loads(outs.to_json()) for outs in controls],
        }
    )


def count_tables() -> None:
    """Count the committed tables again."""
    spec, real = load_spec(EXAMPLE / "spec.yaml"), microdata()
    variables = compile_problem(spec).schema.unit.variables
    codes, weights = encode(real, variables), real["weight"].to_numpy().astype(np.float64)
    reference = Reference.count(codes, weights, [variable.size for variable in variables], [])
    TABLES.mkdir(exist_ok=True)
    for pair in strongest_apart(reference, N_TABLES):
        table = counted(spec, codes, weights, pair)
        table.write_csv(TABLES / f"{'_by_'.join(table.columns[:2])}.csv")


def main() -> None:
    if "--tables" in sys.argv[1:]:
        count_tables()
        return
    kept = RESULTS / "holdout.json"
    document = json.loads(kept.read_text(encoding="utf-8")) if "--page" in sys.argv[1:] else measured()
    text = page(document)
    write("holdout", document, text)
    print(text)


if __name__ == "__main__":
    main()
