"""How real are the households of the example? Measured against microdata that the run never saw.

    make bench            (SYNTHOR_DATA names the folder of microdata; see examples/households/make_targets.py)

Writes bench/results/oregon.json and oregon.md. Every row is one belief, at the same targets and rules:

- the recording as it is, under five random seeds, which shows the noise of pool and rounding;
- its dependency tables alone, its proposals alone;
- no beliefs at all (rules still hold);
- the recording with the labels of each variable shuffled, under five shuffles: realism must vanish, or something other than the
  beliefs produced it.
"""

import numpy as np
import polars as pl

from harness import BENCH, EXAMPLES, dated, microdata, write
from synthor import Prior, Spec, compile_problem, load_spec, synthesize
from synthor.evaluate.fidelity import Evaluation, evaluate
from synthor.loop import fit_spec
from synthor.prior.model import Dependency, Proposal, load_prior

EXAMPLE = EXAMPLES / "households"
SEEDS = range(5)


def shuffled(prior: Prior, spec: Spec, random_seed: int) -> Prior:
    """The same beliefs about other labels, exchanged at random in each variable; rules, which would clash, are left out."""
    random = np.random.default_rng(random_seed)
    labels = {name: declared.build(name).labels for name, declared in spec.variables.items()}
    places = {name: random.permutation(len(known)) for name, known in labels.items()}

    def renamed(name: str, value: object) -> object:
        """A label, or weights of labels, under their new names; a range stays what it is."""
        new = {label: labels[name][places[name][i]] for i, label in enumerate(labels[name])}
        if isinstance(value, dict):
            return {new[label]: weight for label, weight in value.items()}
        return new.get(value, value) if isinstance(value, str) else value

    def table(belief: Dependency) -> Dependency:
        rows = belief.rows or [[belief.percent[r].get(c, 0) for c in labels[belief.of]] for r in labels[belief.given]]  # type: ignore[index]
        moved = np.zeros((len(labels[belief.given]), len(labels[belief.of])))
        moved[np.ix_(places[belief.given], places[belief.of])] = rows
        return Dependency(given=belief.given, of=belief.of, rows=moved.tolist(), confidence=belief.confidence)

    proposals = [
        Proposal.model_validate({"share": p.share, "values": {name: renamed(name, value) for name, value in p.values.items()}})
        for p in prior.proposals
    ]
    return Prior(dependencies=[table(belief) for belief in prior.dependencies], proposals=proposals)


def measured(spec: Spec, prior: Prior, microdata: pl.DataFrame) -> tuple[Evaluation, int]:
    run = synthesize(spec, prior=prior)
    tae = sum(fit.tae for fit in run.measurement.of_counts)
    return evaluate(compile_problem(spec), run.records, microdata, weight="weight"), tae


def row(name: str, found: list[tuple[Evaluation, int]]) -> dict[str, object]:
    """Medians over runs, and the range of what was recovered."""
    distances = [evaluation.records for evaluation, _ in found]
    recovered = [distance.recovered for distance in distances]
    return {
        "belief": name,
        "runs": len(found),
        "TAE": max(tae for _, tae in found),
        "rule violations": max(sum(evaluation.violations.values()) for evaluation, _ in found),
        "exact copies": max(evaluation.copies.same_values for evaluation, _ in found),
        "mean pair TVD": round(float(np.median([d.mean_pair_tvd for d in distances])), 4),
        "mean triple TVD": round(float(np.median([d.mean_triple_tvd for d in distances])), 4),
        "worst pair TVD": round(float(np.median([d.worst_pair_tvd for d in distances])), 3),
        "recovered": round(float(np.median(recovered)), 3),
        "recovered, range": f"{min(recovered):.3f} to {max(recovered):.3f}",
        "equivalent sample size": round(float(np.median([d.equivalent.size for d in distances]))),
        "its 90% interval": f"{np.median([d.equivalent.low for d in distances]):.0f} to "
        f"{np.median([d.equivalent.high for d in distances]):.0f}",
    }


def main() -> None:
    real = microdata()
    spec = load_spec(EXAMPLE / "spec.yaml")
    prior = fit_spec(spec).model.prior
    earlier, _ = load_prior(BENCH / "recordings" / "households-earlier.json")
    seeded = [spec.model_copy(update={"random_seed": spec.random_seed + seed}).placed_in(EXAMPLE) for seed in SEEDS]
    as_recorded = [measured(s, prior, real) for s in seeded]
    rows = [
        row("the example's recording, whole loop", as_recorded),
        row("its dependency tables alone", [measured(spec, prior.model_copy(update={"proposals": [], "rules": []}), real)]),
        row("its proposals alone", [measured(spec, prior.model_copy(update={"dependencies": [], "rules": []}), real)]),
        row("an earlier recording (24 tables, 83 proposals)", [measured(spec, earlier, real)]),
        row("none (rules only)", [measured(spec, Prior(), real)]),
        row("labels shuffled", [measured(spec, shuffled(prior, spec, seed), real) for seed in SEEDS]),
    ]
    first = as_recorded[0][0]
    document = dated(
        {
            "records": first.n_records,
            "real records": first.n_real,
            "effective size of the real records": round(first.effective_real),
            "ceiling of recovered": round(first.ceiling, 3),
            "independence": {
                "mean pair TVD": round(first.independence.mean_pair_tvd, 4),
                "mean triple TVD": round(first.independence.mean_triple_tvd, 4),
                "equivalent sample size": round(first.independence.equivalent.size),
            },
            "rows": rows,
        }
    )
    lines = [
        "# Households of PUMA 600, Oregon: beliefs against microdata",
        "",
        f"`make bench`, {document['date']}, {document['machine']}. {first.n_records:,} records against "
        f"{first.n_real:,} real households (Kish's effective size {first.effective_real:,.0f}), {first.n_pairs} pairs and "
        f"{first.n_triples} triples of variables, none of them a target. Ceiling of recovered: {first.ceiling:.2f}. "
        f"Independence with the true marginals: mean pair TVD {first.independence.mean_pair_tvd:.4f}, triple "
        f"{first.independence.mean_triple_tvd:.4f}, equivalent sample size {first.independence.equivalent.size:.0f}. "
        "Medians where there are several runs.",
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(str(value) for value in r.values()) + " |" for r in rows),
        "",
    ]
    write("oregon", document, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
