"""What does the solver lose, and what did a model not know? Measured on populations whose joint distribution is known.

    python bench/truth.py

Writes bench/results/truth.json and truth.md, and docs/images/truth.svg. No microdata and no language model take part. A joint
distribution is made up; its one-way marginals are the targets, tables P(b|a) counted from it are the beliefs, and what comes
out is compared with it. Beliefs are exact, or blurred step by step: pulled towards independence (log odds times 1 - t), with
noise on the log of every cell (sd), rounded to whole percents, or given for the strongest half of the pairs alone.

Pair tables do not fix a joint. The best that can be had from them is the distribution of largest entropy that has them, which
is the joint itself where it is log-linear with two-way terms. Where all cells can be listed, that distribution is computed, and
errors in triples are split: its distance from the truth is structural (no solver can know more from pairs), the distance of the
fit from it is the solver's.

Each seed is another joint of its kind, another pool and other noise. Errors are mean TVDs over all pairs or triples.
"""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from harness import ROOT, dated
from harness import write as keep
from joints import KINDS, LABELS, N_REFERENCE, Joint, joint_of, largest_entropy
from synthor import Model, Prior, Spec, compile_problem
from synthor.evaluate.tables import Group, tvd
from synthor.fit.balance import Hard, Soft, balance
from synthor.fit.model import fit
from synthor.measure import encode
from synthor.prior.mixture import Mixture
from synthor.prior.model import Dependency, Proposal
from synthor.run import draw
from synthor.schema import Units
from synthor.schema.units import cells_of
from synthor.types import Floats, Shares

N_RECORDS = 50_000
SEEDS = range(3)
MOST_CELLS = 10_000
"""Joints of more cells get fewer fits, for they take long."""

TOWARDS_INDEPENDENCE = (0.1, 0.25, 0.5, 0.75, 1.0)
NOISE = (0.05, 0.1, 0.2, 0.4, 0.8)

Blur = Callable[[Floats], Floats]
"""A pair's joint table (a, b), to what is believed of it: any non-negative table; its margins do not count."""


def whole(shares: Shares, total: int) -> list[int]:
    """Shares as counts that sum to `total`, the largest remainders rounded up."""
    exact = shares * total
    counts = np.floor(exact)
    counts[np.argsort(counts - exact, kind="stable")[: total - int(counts.sum())]] += 1
    return [int(count) for count in counts]


def spec_of(joint: Joint, seed: int, *, rules: bool = True, records: int = N_RECORDS) -> Spec:
    """What a user would know: the one-way marginals and the structural zeros."""
    names = [f"v{v}" for v in range(len(joint.sizes))]
    counted = [dict(zip(LABELS, whole(shares, records), strict=False)) for shares in joint.reference.marginals]
    return Spec.model_validate(
        {
            "records": records,
            "random_seed": seed,
            "variables": {n: {"type": "category", "values": list(LABELS[:k])} for n, k in zip(names, joint.sizes, strict=True)},
            "targets": [{"counts": {name: counts}} for name, counts in zip(names, counted, strict=True)],
            "rules": joint.rules if rules else [],
        }
    )


def exact(table: Floats) -> Floats:
    """What is believed is true."""
    return table


def towards_independence(t: float) -> Blur:
    """Log odds ratios times 1 - t."""
    return lambda table: table ** (1 - t)


def noisy(sd: float, seed: int) -> Blur:
    """Normal noise on the log of every cell."""
    random = np.random.default_rng([seed, round(1000 * sd)])
    return lambda table: table * np.exp(random.normal(0, sd, table.shape))


def in_percents(table: Floats) -> Floats:
    """Rows in whole percents, as a language model writes them."""
    return np.round(100 * table / table.sum(axis=1, keepdims=True))


def tables(joint: Joint, blur: Blur = exact, *, pairs: Sequence[Group] | None = None, confidence: float | None = None) -> Prior:
    """Tables P(b|a) of pairs, all unless some are named, as beliefs."""
    believed = []
    for a, b in joint.reference.pairs if pairs is None else pairs:
        rows = blur(joint.table((a, b)))
        rows = 100 * rows / rows.sum(axis=1, keepdims=True)
        believed.append(Dependency(given=f"v{a}", of=f"v{b}", rows=rows.tolist(), confidence=confidence))
    return Prior(dependencies=believed)


def strongest(joint: Joint) -> list[Group]:
    """The half of the pairs that independence misses most."""
    reference = joint.reference
    missed = reference.independent_tvds(reference.pairs, reference.pair_shares)
    kept = np.argsort(-missed, kind="stable")[: (len(missed) + 1) // 2]
    return [reference.pairs[i] for i in sorted(kept)]


def proposals(plan: Mixture) -> Prior:
    """A mixture as a plan of proposals."""
    return Prior(
        proposals=[
            Proposal.model_validate(
                {
                    "share": float(share),
                    "values": {
                        f"v{v}": dict(zip(LABELS, (100 * table[s]).tolist(), strict=False))
                        for v, table in enumerate(plan.tables)
                    },
                }
            )
            for s, share in enumerate(plan.shares)
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Error:
    """How far a distribution is from a joint: mean TVD over pairs, the worst pair's, and mean TVD over triples."""

    pair: float
    worst: float
    triple: float

    @classmethod
    def of(cls, units: Units, weights: Floats, joint: Joint) -> "Error":
        pairs = joint.reference.pair_tvds(units, weights)
        return cls(pair=float(pairs.mean()), worst=float(pairs.max()), triple=triple_error(units, weights, joint))


def triple_error(units: Units, weights: Floats, joint: Joint) -> float:
    """Mean TVD over triples."""
    return float(joint.reference.triple_tvds(units, weights).mean())


def fitted(joint: Joint, prior: Prior, seed: int, *, rules: bool = True, pool_size: int | None = None) -> Model:
    """The model that these beliefs give at the joint's marginals."""
    problem = compile_problem(spec_of(joint, seed, rules=rules))
    return fit(problem, prior) if pool_size is None else fit(problem, prior, pool_size=pool_size)


def sampling_error(joint: Joint, n: int, seed: int, draws: int = 3) -> Error:
    """That of n records drawn at random from the joint itself, mean of some draws."""
    random = np.random.default_rng([seed, n])
    found = [Error.of(Units.flat(joint.sample(n, random)), np.ones(n), joint) for _ in range(draws)]
    mean = {name: float(np.mean([getattr(error, name) for error in found])) for name in ("pair", "worst", "triple")}
    return Error(**mean)


Figures = dict[str, float | str]
"""One fit's figures by what they are."""


def figures(model: Model, joint: Joint, best: Joint | None, *, drawn: bool = True) -> Figures:
    """Errors of a fitted model's weights and of the records drawn from it.

    Args:
        model: the fit.
        joint: the truth.
        best: the distribution of largest entropy that its beliefs fix, where it is known.
        drawn: whether to draw records too.
    """
    units, weights = model.pool.units, model.weights
    error = Error.of(units, weights, joint)
    found: Figures = {
        "status": model.status.value,
        "pair TVD": error.pair,
        "worst pair TVD": error.worst,
        "triple TVD": error.triple,
        "effective pool size": model.effective_sample_size,
    }
    if model.beliefs.tables:
        wrong = [tvd(table.shares.ravel(), joint.table(table.columns).ravel()) for table in model.beliefs.tables]
        found["pair TVD of the beliefs"] = float(np.mean(wrong))
    if best is not None:
        found["triple TVD from largest entropy"] = triple_error(units, weights, best)
    if drawn:
        run = draw(model)
        records = encode(run.records, model.problem.schema.unit.variables)
        error = Error.of(records, np.ones(len(records)), joint)
        found |= {"records: pair TVD": error.pair, "records: triple TVD": error.triple}
        found["records: TAE"] = sum(table.tae for table in run.measurement.of_counts)
    return found


def measured(task: tuple[str, int]) -> dict[str, Figures]:
    """All fits of one joint: what was believed, to its figures."""
    kind, seed = task
    joint = joint_of(kind, seed)
    pairs = joint.reference.pairs
    best = largest_entropy(joint, pairs) if joint.listed else None
    found = {"joint": about(joint, best, seed)}
    model = fitted(joint, tables(joint), seed)
    found["exact"] = figures(model, joint, best)
    alike = sampling_error(joint, round(model.effective_sample_size), seed)
    found["exact"] |= {"sample of the effective size: pair TVD": alike.pair}
    found["exact"] |= {"sample of the effective size: triple TVD": alike.triple}
    small = len(joint.codes) <= MOST_CELLS
    found["strongest half"] = strongest_half(joint, small, seed)
    blurs: dict[str, Blur] = {"whole percents": in_percents}
    blurs |= {f"t = {t:g}": towards_independence(t) for t in (TOWARDS_INDEPENDENCE if small else (0.5,))}
    blurs |= {f"sd = {sd:g}": noisy(sd, seed) for sd in (NOISE if small else (0.2,))}
    for name, blur in blurs.items():
        found[name] = figures(fitted(joint, tables(joint, blur), seed), joint, best, drawn=name == "whole percents")
    return found | (causes(joint, best, seed) if small and best is not None else {})


def strongest_half(joint: Joint, small: bool, seed: int) -> Figures:
    """Exact tables of the strongest half of the pairs; beside them what these tables fix, and the fit without pool noise."""
    pairs = strongest(joint)
    found = figures(fitted(joint, tables(joint, pairs=pairs), seed), joint, None)
    if joint.listed:
        half = largest_entropy(joint, pairs)
        found["pair TVD of largest entropy"] = Error.of(Units.flat(half.codes), half.weights, joint).pair
        if small:
            found["pair TVD on all cells"] = on_all_cells(joint, half, pairs)["pair TVD"]
    return found


def causes(joint: Joint, best: Joint, seed: int) -> dict[str, Figures]:
    """Exact beliefs once more, one cause of loss at a time made larger or smaller."""
    changed = {f"confidence {sure:g}": fitted(joint, tables(joint, confidence=sure), seed) for sure in (0.1, 0.9, 0.99)}
    changed |= {f"pool of {size:,}": fitted(joint, tables(joint), seed, pool_size=size) for size in (25_000, 400_000)}
    if joint.impossible:
        changed["no rules in the spec"] = fitted(joint, tables(joint), seed, rules=False)
    if joint.plan is not None and len(joint.plan.shares) < 20:
        plan = proposals(joint.plan)
        changed["proposals"] = fitted(joint, plan, seed)
        both = plan.model_copy(update={"dependencies": tables(joint).dependencies})
        changed["proposals and tables"] = fitted(joint, both, seed)
    found = {name: figures(model, joint, best, drawn=False) for name, model in changed.items()}
    found["all cells for a pool"] = on_all_cells(joint, best, joint.reference.pairs)
    if joint.impossible:
        found["no rules in the spec"]["records that break a rule"] = broken(changed["no rules in the spec"], joint)
    return found


def on_all_cells(joint: Joint, best: Joint, pairs: Sequence[Group], strength: float = 100.0) -> Figures:
    """Exact beliefs balanced on all cells of a joint, each once, in place of a pool drawn at random: no pool noise is left."""
    units, sizes = Units.flat(joint.codes), joint.sizes
    marginals = [((v,), shares) for v, shares in enumerate(joint.reference.marginals)]
    log_base = np.sum([np.log(shares)[joint.codes[:, v]] for (v,), shares in marginals], axis=0)
    hard = [Hard.exactly(cells_of(units, 0, group, [sizes[v] for v in group]), shares) for group, shares in marginals]
    believed = [(pair, cells_of(units, 0, pair, [sizes[v] for v in pair])) for pair in pairs]
    soft = [Soft(cells=cells, shares=joint.table(pair).ravel(), weight=strength) for pair, cells in believed]
    weights = balance(log_base, hard, soft).weights
    error = Error.of(units, weights, joint)
    from_best = triple_error(units, weights, best)
    return {"pair TVD": error.pair, "triple TVD": error.triple, "triple TVD from largest entropy": from_best}


def broken(model: Model, joint: Joint) -> float:
    """Share of a model's records that are structural zeros of the joint."""
    codes, bad = model.pool.units.row_tables[0].codes, np.zeros(len(model.weights), dtype=bool)
    for zero in joint.impossible:
        bad |= np.all([codes[:, v] == category for v, category in zero], axis=0)
    return float(model.weights[bad].sum())


def about(joint: Joint, best: Joint | None, seed: int) -> Figures:
    """What is to be known about a joint: independence's errors, its sampling noise, and what pairs leave open."""
    reference = joint.reference
    by_chance = sampling_error(joint, N_RECORDS, seed)
    found: Figures = {
        "cells": int(np.prod(joint.sizes)),
        "independence: pair TVD": float(reference.independent_tvds(reference.pairs, reference.pair_shares).mean()),
        "independence: triple TVD": float(reference.independent_tvds(reference.triples, reference.triple_shares).mean()),
        "random sample: pair TVD": by_chance.pair,
        "random sample: triple TVD": by_chance.triple,
    }
    if best is None:
        noise = sampling_error(joint, len(joint.codes), seed, draws=1)
        return found | {"reference's own noise: pair TVD": noise.pair, "reference's own noise: triple TVD": noise.triple}
    error = Error.of(Units.flat(best.codes), best.weights, joint)
    return found | {"largest entropy: pair TVD": error.pair, "largest entropy: triple TVD": error.triple}


def middle(found: Sequence[dict[str, Figures]], belief: str, figure: str) -> dict[str, float]:
    """Median and range over seeds of one figure of one belief."""
    values = [float(one[belief][figure]) for one in found]
    return {"median": float(np.median(values)), "low": min(values), "high": max(values)}


def summary(found: Sequence[dict[str, Figures]]) -> dict[str, dict[str, object]]:
    """Medians and ranges of all figures of one kind of joint, and the statuses of the fits."""
    rows: dict[str, dict[str, object]] = {}
    for belief, first in found[0].items():
        rows[belief] = {name: middle(found, belief, name) for name, value in first.items() if not isinstance(value, str)}
        if "status" in first:
            rows[belief]["status"] = sorted({str(one[belief]["status"]) for one in found})
    return rows


Results = dict[str, list[dict[str, Figures]]]
"""By kind of joint, what each seed gave."""


def share_left(found: Sequence[dict[str, Figures]], belief: str, figure: str = "pair TVD") -> float:
    """Median of an error in pairs as a share of that of independence: 1 - recovered."""
    return float(np.median([float(one[belief][figure]) / float(one["joint"]["independence: pair TVD"]) for one in found]))


def shown(found: Sequence[dict[str, Figures]], belief: str, figure: str, *, spread: bool = False) -> str:
    """A figure in a cell of a table: its median, and its range if wanted; empty where it was not measured."""
    if any(figure not in one.get(belief, {}) for one in found):
        return ""
    values = middle(found, belief, figure)
    if values["low"] >= 100:
        return f"{values['median']:,.0f}"
    between = f" ({values['low']:.4f} to {values['high']:.4f})" if spread else ""
    return f"{values['median']:.4f}{between}"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def joints_table(results: Results) -> list[str]:
    head = ("cells", "independence: pair TVD", "independence: triple TVD", "largest entropy: triple TVD")
    noise = ("random sample: pair TVD", "random sample: triple TVD", "reference's own noise: triple TVD")
    rows = [[kind, *(shown(found, "joint", name) for name in (*head, *noise))] for kind, found in results.items()]
    return grid(["joint", *head, *noise], rows)


def exact_table(results: Results) -> list[str]:
    weights = ("pair TVD", "worst pair TVD", "triple TVD from largest entropy", "triple TVD")
    records = ("records: pair TVD", "records: triple TVD")
    pool = ("effective pool size", "sample of the effective size: pair TVD", "sample of the effective size: triple TVD")
    rows = []
    for kind, found in results.items():
        statuses = ", ".join(sorted({str(one["exact"]["status"]) for one in found}))
        spread = {"pair TVD", *records}
        values = [shown(found, "exact", name, spread=name in spread) for name in (*weights, *records, *pool)]
        tae = f"{max(float(one['exact']['records: TAE']) for one in found):g}"
        rows.append([kind, *values, tae, statuses])
    return grid(["joint", *weights, *records, *pool, "TAE", "status"], rows)


def matrix(results: Results, beliefs: Sequence[str], cell: Callable[[list[dict[str, Figures]], str], str]) -> list[str]:
    """Beliefs by kinds of joint."""
    rows = [[name, *(cell(found, name) if name in found[0] else "" for found in results.values())] for name in beliefs]
    return grid(["beliefs", *results], rows)


def blurred(found: list[dict[str, Figures]], belief: str) -> str:
    believed = f"{share_left(found, belief, 'pair TVD of the beliefs'):.1%}"
    return f"{believed} → {share_left(found, belief):.1%}"


def losses(found: list[dict[str, Figures]], belief: str) -> str:
    measure = "triple TVD" if "proposals" in belief else "triple TVD from largest entropy"
    return f"{shown(found, belief, 'pair TVD')} / {shown(found, belief, measure)}"


def plot(results: Results) -> str:
    """Share of independence's error that is left, over both ways of blurring, as SVG."""
    colours = {
        "two-way, 8 variables": "#0b6e4f",
        "three-way, 7 variables": "#b8520a",
        "segments, 8 variables": "#5b4b8a",
        "copula, 8 variables": "#1f6f8b",
        "zeros, 7 variables": "#8a2846",
    }
    width, height, top, bottom, least, most = 640, 360, 16, 44, 0.002, 2.0
    panels = (
        (56, "t", TOWARDS_INDEPENDENCE, "share of log odds that is missing"),
        (356, "sd", NOISE, "noise on the log of every cell, sd"),
    )

    def y(share: float) -> float:
        return float(top + np.log(max(share, least) / most) / np.log(least / most) * (height - top - bottom))

    marks = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">']
    marks.append(f'<rect width="{width}" height="{height}" fill="#fff"/>')
    words = "error as a share of independence's"
    marks.append(f'<text x="14" y="166" transform="rotate(-90 14 166)" text-anchor="middle" fill="#333">{words}</text>')
    chance = float(np.median([share_left(found, "joint", "random sample: pair TVD") for found in results.values()]))
    for left, name, steps, words in panels:
        for share in (1.0, 0.3, 0.1, 0.03, 0.01, 0.003):
            marks.append(f'<line x1="{left}" x2="{left + 260}" y1="{y(share):.1f}" y2="{y(share):.1f}" stroke="#ddd"/>')
            label = f'<text x="{left - 8}" y="{y(share) + 4:.1f}" text-anchor="end" fill="#333">{100 * share:g}%</text>'
            marks += [label] if left == panels[0][0] else []
        for step in (0, 0.25, 0.5, 0.75, 1):
            at = f'x="{left + 250 * step:.1f}" y="{height - bottom + 18}"'
            marks.append(f'<text {at} text-anchor="middle" fill="#333">{step:g}</text>')
        marks.append(f'<text x="{left + 125}" y="{height - 6}" text-anchor="middle" fill="#333">{words}</text>')
        across = f'x1="{left}" x2="{left + 260}" y1="{y(chance):.1f}" y2="{y(chance):.1f}"'
        marks.append(f'<line {across} stroke="#333" stroke-dasharray="4 3"/>')
        for kind, colour in colours.items():
            beliefs = {0.0: "exact"} | {step: f"{name} = {step:g}" for step in steps}
            places = {at: share_left(results[kind], belief) for at, belief in beliefs.items()}
            points = " ".join(f"{left + 250 * at:.1f},{y(share):.1f}" for at, share in places.items())
            marks.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            for step, share in places.items():
                title = f"<title>{kind}, {beliefs[step]}: {share:.1%}</title>"
                spot = f'cx="{left + 250 * step:.1f}" cy="{y(share):.1f}"'
                marks.append(f'<circle {spot} r="4" fill="{colour}">{title}</circle>')
    marks.append('<rect x="152" y="204" width="150" height="100" fill="#fff"/>')
    for i, (kind, colour) in enumerate(colours.items()):
        marks.append(f'<circle cx="160" cy="{216 + 18 * i}" r="4" fill="{colour}"/>')
        marks.append(f'<text x="171" y="{220 + 18 * i}" fill="#333">{kind}</text>')
    words = f"{N_RECORDS:,} records drawn from the truth"
    marks.append(f'<text x="616" y="{y(chance) + 17:.1f}" text-anchor="end" fill="#333">{words}</text>')
    return "\n".join([*marks, "</svg>"]) + "\n"


def page(results: Results, said: str) -> list[str]:
    """The results in words and tables."""
    names = list(next(iter(results.values()))[0])
    blurs = [name for name in names if name.startswith(("t =", "sd =")) or name == "whole percents"]
    last = names.index(blurs[-1])
    ratios = (
        "n_d / n_q, the strength of a table over that of independence, is 11 at confidence 0.1, 100 at 0.5, 900 at 0.9 and "
    )
    reasons = list(dict.fromkeys(name for found in results.values() for name in list(found[0])[last + 1 :]))
    return [
        "# Synthetic truth: what the solver loses, and what a model did not know",
        "",
        f"`python bench/truth.py`, {said}. Targets: the one-way marginals of a known joint, {N_RECORDS:,} records. Beliefs: "
        f"its tables P(b|a), exact or blurred. {len(SEEDS)} seeds, each another joint, pool and noise; medians, and ranges in "
        "brackets. All errors are mean TVDs over pairs or triples of variables, none of which is a target.",
        "",
        "## The joints",
        "",
        "*Largest entropy* is the distribution of largest entropy with all true pair tables: its error is what no solver can "
        f"know from pairs. *Random sample* is {N_RECORDS:,} records drawn from the truth: sampling noise. The joint of 20 "
        f"variables is a reference sample of {N_REFERENCE:,}.",
        "",
        *joints_table(results),
        "",
        "## Exact beliefs about all pairs",
        "",
        "Of the weighted pool, then of the records; beside them a random sample of as many records as the pool is effectively "
        "worth.",
        "",
        *exact_table(results),
        "",
        "## Blurred beliefs",
        "",
        "Mean pair TVD as a share of that of independence (1 - recovered): of the believed tables → of the fit. `t` is the "
        "share of every log odds ratio that is missing, `sd` noise on the log of every cell.",
        "",
        *matrix(results, ["exact", *blurs], blurred),
        "",
        "The strongest half of the pairs, exact: of the distribution of largest entropy with these tables → of the fit on all "
        "cells, where they are few → of the fit on its pool. The last step is the pool's noise in the pairs without a table.",
        "",
        *matrix(
            results,
            ["strongest half"],
            lambda found, belief: " → ".join(
                f"{share_left(found, belief, name):.1%}"
                for name in ("pair TVD of largest entropy", "pair TVD on all cells", "pair TVD")
                if name in found[0][belief]
            ),
        ),
        "",
        "## What makes the loss",
        "",
        "Exact beliefs, one cause made larger or smaller at a time: pair TVD / triple TVD from largest entropy (with "
        f"proposals, which say more than pairs: from the truth). {ratios}9,900 at 0.99; the pool holds 100,000 unless said.",
        "",
        *matrix(results, ["exact", "whole percents", *reasons], losses),
        "",
        *(
            f"Without its rules in the spec, a share of {shown(found, 'no rules in the spec', 'records that break a rule')} of "
            f"the records of *{kind}* are structural zeros."
            for kind, found in results.items()
            if "no rules in the spec" in found[0]
        ),
        "",
    ]


def measured_all() -> Results:
    """Every kind under every seed, on all cores."""
    tasks = [(kind, seed) for kind in reversed(KINDS) for seed in SEEDS]  # the longest first
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        found = dict(zip(tasks, workers.map(measured, tasks), strict=True))
    return {kind: [found[kind, seed] for seed in SEEDS] for kind in KINDS}


def write(results: Results, seconds: float) -> str:
    """Write the three files; the page comes back. `seconds` is the processor's time."""
    document = dated(
        {
            "command": "python bench/truth.py",
            "records": N_RECORDS,
            "seeds": len(SEEDS),
            "joints": {kind: summary(by_seed) for kind, by_seed in results.items()},
        }
    )
    rounded = json.loads(json.dumps(document), parse_float=lambda text: round(float(text), 6))
    text = "\n".join(page(results, f"{document['date']}, {document['machine']}, {seconds / 60:.0f} minutes of processor time"))
    (ROOT / "docs" / "images" / "truth.svg").write_text(plot(results), encoding="utf-8")
    keep("truth", rounded, text)
    return text


def main() -> None:
    results = measured_all()
    spent = os.times()
    print(write(results, spent.user + spent.children_user))


if __name__ == "__main__":
    main()
