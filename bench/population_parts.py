"""What each part of the beliefs does: the example of Buenos Aires with one part at a time, and with its labels shuffled.

    SYNTHOR_DATA=... python bench/population_parts.py [PART ...]

Writes bench/results/population_parts.json and .md. The same tables, groups and ceilings as in population_example.py; of the
first recording. *Template alone*: candidates drawn from the beliefs, weighed to the targets, while no believed table is fitted.
*Labels shuffled*: of each variable, in all tables alike, and the percentages of compositions among those of as many members;
rules, which would clash, are left out. If it recovered anything, something other than the beliefs would have produced realism.
"""

import argparse
import json
import shutil
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from harness import RESULTS, dated, write
from population_example import ASKED, GROUPS, SPEC, Row, Truth, grouped, prepared, run, tables_of, tvds
from synthor import Prior
from synthor.fit.balance import balance
from synthor.fit.model import fit, one_thread
from synthor.fit.structure import Structure
from synthor.prior.model import CompositionBelief, Dependency, load_prior
from synthor.schema import Ref
from synthor.types import Floats

SHUFFLES = 3
TEMPLATE = "template alone"


def shuffled(prior: Prior, random_seed: int) -> Prior:
    """The same beliefs about other labels."""
    dice = np.random.default_rng(random_seed)
    places: dict[tuple[str, int], np.ndarray] = {}

    def moved(name: str, size: int) -> np.ndarray:
        of = name.rsplit(".", maxsplit=1)[-1], size
        if of not in places:
            places[of] = dice.permutation(size)
        return places[of]

    def table(belief: Dependency) -> Dependency:
        rows = np.array(belief.rows)
        here = np.ix_(moved(belief.given, rows.shape[0]), moved(belief.of, rows.shape[1]))
        return belief.model_copy(update={"rows": rows[here].tolist()})

    told = prior.compositions or []
    as_many: defaultdict[int, list[int]] = defaultdict(list)
    for at, belief in enumerate(told):
        as_many[sum(belief.members.values())].append(at)
    percent = [belief.percent for belief in told]
    for those in as_many.values():
        for at, other in zip(those, dice.permutation(those), strict=True):
            percent[at] = told[other].percent
    compositions: list[CompositionBelief] = [
        belief.model_copy(update={"percent": share}) for belief, share in zip(told, percent, strict=True)
    ]
    return Prior(dependencies=[table(belief) for belief in prior.dependencies], compositions=compositions)


def template_alone(truth: Truth, prior: Prior) -> Floats:
    """TVD of each table of candidates that are weighed to the targets alone."""
    model = fit(truth.problem, prior)
    pool = model.pool
    with one_thread():
        targets = Structure(pool).hard(model.ruled, model.beliefs)[: len(model.ruled.targets)]  # believed rows come after them
        found = balance(pool.log_base, targets)
    age = Ref(1, truth.problem.schema.levels[1].position("age"))
    tables = tables_of(truth.problem, pool.units, pool.units.column(age, 1).astype(float))
    return tvds([table.shares(found.weights) for table in tables], truth.shares)


def parts(prior: Prior) -> Mapping[str, Prior]:
    found = {
        "all": prior,
        "tables alone": Prior(dependencies=prior.dependencies),
        "compositions alone": Prior(compositions=prior.compositions),
        "rules alone": Prior(rules=prior.rules),
        "all but the rules": Prior(dependencies=prior.dependencies, compositions=prior.compositions),
    }
    if prior.proposals:
        found["proposals alone"] = Prior(proposals=prior.proposals)
        found["all but the proposals"] = prior.model_copy(update={"proposals": []})
    return found | {f"labels shuffled, {seed + 1}": shuffled(prior, seed) for seed in range(SHUFFLES)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help="names of parts to measure again; all unless given")
    wanted = parser.parse_args().part
    with prepared() as (folder, truth):
        run(folder, SPEC.replace(ASKED, ""), "alone")
        alone = truth.of_folder(folder / "alone")
        counted = np.where(alone >= 2 * truth.noise, 1.0, 0.0)
        run(folder, SPEC, "asked")
        prior = load_prior(folder / "asked" / "prior.json")[0]
        if not prior.proposals:
            print("The recording holds no proposals: what they do is not measured.")
        done = RESULTS / "population_parts.json"
        result: Row = json.loads(done.read_text(encoding="utf-8")) if wanted and done.exists() else {}
        if not wanted or TEMPLATE in wanted:
            result[TEMPLATE] = grouped(truth, alone, template_alone(truth, prior), counted)
        for name, part in parts(prior).items():
            if wanted and name not in wanted:
                continue
            (folder / "part.json").write_text(part.to_json(), encoding="utf-8")
            told = run(folder, SPEC.replace(ASKED, "prior: part.json"), "part")
            result[name] = told | grouped(truth, alone, truth.of_folder(folder / "part"), counted)
            shutil.rmtree(folder / "part")
            write("population_parts", result | dated({}), page(result | dated({})))  # a part can take minutes
    write("population_parts", result | dated({}), page(result | dated({})))
    print(page(result | dated({})))


def page(result: Row) -> str:
    """The figures as a page."""
    lines = [
        "# Households of Buenos Aires, one part of the beliefs at a time",
        "",
        f"{result['date']}, {result['machine']}.",
        "",
    ]
    lines += ["Recovered of independence's distance, by group; the last column divides by the ceiling first.", ""]
    lines += ["| beliefs | " + " | ".join(GROUPS) + " | mean of ceiling | exact |", "|---" * (3 + len(GROUPS)) + "|"]
    for name, told in result.items():
        if isinstance(told, dict) and GROUPS[0] in told:
            each = " | ".join(f"{told[group]['recovered']:.2f}" for group in GROUPS)
            lines.append(f"| {name} | {each} | {told['mean of ceiling']:.2f} | {told.get('exact', '')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
