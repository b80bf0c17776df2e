"""How fast are candidates balanced? Against plain iterative proportional fitting, side by side in one process.

    python bench/balancing.py

200,000 candidates over 12 variables of six categories, drawn independently; 12 one-way and 24 two-way tables of another,
dependent population are to be met to a largest residual of 1e-8 of all units. How many sweeps that takes depends on how
strongly the population's variables hang together: log-linear interactions of all pairs have a standard deviation of 0.25, 0.5
or 1. The baseline goes through the tables in turn: one `np.bincount` on precomputed int32 codes and one gather-multiply in
float64 each. Both start from the same codes; making the baseline's codes, and ours with all that is precomputed, counts as
set-up and is shown. Writes bench/results/balancing.json and .md.
"""

import cProfile
import io
import pstats
import time
from itertools import combinations

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from harness import dated, write
from synthor.fit.balance import Balance, Hard, balance
from synthor.schema import Units
from synthor.schema.units import cells_of
from synthor.types import Codes, Floats

N_CANDIDATES, N_VARIABLES, N_CATEGORIES, N_PAIRS = 200_000, 12, 6, 24
RESIDUAL = 1e-8
RUNS = {0.25: 5, 0.5: 5, 1.0: 1}
"""Times that each is run, by the strength of the dependence; the baseline needs a minute for the strongest."""
MOST_SWEEPS = 3_000

Wanted = list[tuple[tuple[int, ...], Floats]]


def made(random: np.random.Generator, strength: float) -> tuple[Codes, Wanted]:
    """Candidates, and tables of a population with log-linear dependence that these candidates can meet."""
    codes = random.integers(0, N_CATEGORIES, (N_CANDIDATES, N_VARIABLES)).astype(np.int32)
    pairs = list(combinations(range(N_VARIABLES), 2))
    chosen = [pairs[i] for i in sorted(random.permutation(len(pairs))[:N_PAIRS])]
    log_weight = np.zeros(N_CANDIDATES)
    for v in range(N_VARIABLES):
        log_weight += random.normal(0, 0.7, N_CATEGORIES)[codes[:, v]]
    for a, b in pairs:  # all of them, so that the tables to be met do not determine the population
        log_weight += random.normal(0, strength, (N_CATEGORIES, N_CATEGORIES))[codes[:, a], codes[:, b]]
    weights = np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    columns = [(v,) for v in range(N_VARIABLES)] + chosen
    units = Units.flat(codes)
    return codes, [(c, cells_of(units, 0, c, [N_CATEGORIES] * len(c)).totals(weights)) for c in columns]


def baseline(codes: Codes, wanted: Wanted) -> tuple[Floats, int, float, float]:
    """Plain IPF; returns weights, sweeps, and seconds of set-up and of sweeping."""
    begin = time.perf_counter()
    indices = []
    for columns, _ in wanted:
        index = np.zeros(len(codes), np.int32)
        for column in columns:
            index = index * N_CATEGORIES + codes[:, column]
        indices.append(index.astype(np.int32))
    ready = time.perf_counter()
    weights = np.full(len(codes), 1 / len(codes))
    worst, n_sweeps = np.inf, 0
    while worst > RESIDUAL and n_sweeps < MOST_SWEEPS:
        worst, n_sweeps = 0.0, n_sweeps + 1
        for index, (_, table) in zip(indices, wanted, strict=True):
            got = np.bincount(index, weights, len(table))
            worst = max(worst, float(np.abs(got - table).max()))
            weights *= (table / got)[index]
    return weights, n_sweeps, ready - begin, time.perf_counter() - ready


def ours(codes: Codes, wanted: Wanted) -> tuple[Balance, float, float]:
    """`balance` from codes to weights; seconds of making cells and of all the rest."""
    begin = time.perf_counter()
    units = Units.flat(codes)
    hard = [Hard.exactly(cells_of(units, 0, columns, [N_CATEGORIES] * len(columns)), table) for columns, table in wanted]
    ready = time.perf_counter()
    found = balance(np.zeros(len(codes)), hard, tolerance=RESIDUAL)
    return found, ready - begin, time.perf_counter() - ready


def profiled(codes: Codes, wanted: Wanted) -> list[str]:
    """Where the time goes, the largest parts first."""
    profile = cProfile.Profile()
    profile.enable()
    ours(codes, wanted)
    profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(8)
    lines = [line.strip() for line in text.getvalue().splitlines() if line.strip() and line.strip()[0].isdigit()]
    return [
        line.rsplit("/", 1)[-1] if "/" not in line else " ".join([*line.split()[:4], line.rsplit("/", 1)[-1]]) for line in lines
    ]


def compared(strength: float) -> dict[str, object]:
    """Both on one population, alternating."""
    codes, wanted = made(np.random.default_rng(1), strength)
    rows = []
    for _ in range(RUNS[strength]):
        weights, n_sweeps, made_codes, swept = baseline(codes, wanted)
        found, made_cells, balanced = ours(codes, wanted)
        rows.append((made_codes + swept, made_cells + balanced, made_codes, made_cells))
    plain, own, setup_plain, setup_own = (float(np.median(column)) for column in zip(*rows, strict=True))
    ratios = [p / o for p, o, *_ in rows]
    return {
        "strength": strength,
        "runs": len(rows),
        "baseline, s": round(plain, 3),
        "of which set-up, s": round(setup_plain, 3),
        "sweeps": n_sweeps,
        "synthor, s": round(own, 3),
        "of which making cells, s": round(setup_own, 3),
        "iterations": len(found.history),
        "status": found.status.value,
        "times faster": round(float(np.median(ratios)), 2),
        "range": f"{min(ratios):.2f} to {max(ratios):.2f}",
        "largest difference of a weight, in mean weights": f"{np.abs(weights - found.weights).max() * N_CANDIDATES:.1e}",
    }


def main() -> None:
    with threadpool_limits(limits=1):
        rows = [compared(strength) for strength in RUNS]
        profile = profiled(*made(np.random.default_rng(1), 0.5))
    document = dated(
        {
            "rows": rows,
            "profile at strength 0.5": profile,
        }
    )
    lines = [
        "# Balancing 200,000 candidates onto 36 tables",
        "",
        f"`python bench/balancing.py`, {document['date']}, {document['machine']}. Largest residual 1e-8 of all units.",
        "Medians. The baseline is plain iterative proportional fitting with one `np.bincount` and one gather-multiply a table.",
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows),
        "",
        "Where the time goes at strength 0.5 (calls, own seconds, a call, in all, a call):",
        "",
        *(f"    {line}" for line in profile),
        "",
    ]
    write("balancing", document, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
