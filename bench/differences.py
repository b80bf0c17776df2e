"""What does it add to be told how far apart the ages of two members lie? A survey that is not reported, Pakistan 2014-15.

    SYNTHOR_DATA=... python bench/differences.py

Writes bench/results/differences.json and .md. What is believed is that of `three_way.py`; beside it quantiles of differences
between the ages of two members, told by a model that saw only the request, which was asked twice, together with the request
for rules (`recordings/pakistan/differences.json`).
Tables are scored as by `three_way.py`; differences are compared with the survey's at the same quantiles.
"""

import argparse
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from harness import dated, write
from population_example import Truth, grouped, run
from synthor import compile_problem, load_spec
from synthor.prior.model import load_prior
from three_way import HERE, PRIOR, SPEC, prepared

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
ROLES = ("partner", "child", "grandchild", "parent", "sibling")


def apart(folder: Path) -> dict[str, list[int]]:
    """Quantiles of how much older heads and partners are than the others, by what the two are."""
    file = folder / "person.parquet"
    people = pl.read_parquet(file) if file.exists() else pl.read_csv(folder / "person.csv", infer_schema_length=None)
    people = people.select("household_id", "age", role=pl.col("role").cast(str))
    found = {}
    for one, other in product(("head", "partner"), ROLES):
        if one != other:
            older = people.filter(pl.col("role") == one).select("household_id", older="age")
            both = people.filter(pl.col("role") == other).join(older, on="household_id")
            gaps = (both["older"] - both["age"]).to_numpy()
            found[f"{one} - {other}"] = np.quantile(gaps, SHARES).round().astype(int).tolist()
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    told = json.loads((HERE / "differences.json").read_text(encoding="utf-8"))
    with prepared() as folder:
        truth = Truth.of(compile_problem(load_spec(folder / "spec.yaml")), folder / "real")
        document = json.loads(load_prior(folder / "beliefs.json")[0].to_json())
        run(folder, SPEC.replace(PRIOR, ""), "alone")
        alone = truth.of_folder(folder / "alone")
        counted = np.where(alone >= 2 * truth.noise, 1.0, 0.0)
        result: dict[str, Any] = {"survey": {"apart": apart(folder / "real")}}
        for name, differences in {"without": None, "first": told["first"], "second": told["second"]}.items():
            (folder / f"{name}.json").write_text(json.dumps(document | {"differences": differences or []}), encoding="utf-8")
            made = run(folder, SPEC.replace("beliefs.json", f"{name}.json"), name)
            got = truth.of_folder(folder / name)
            result[name] = {
                "status": made["status"],
                "pairs, of ceiling": grouped(truth, alone, got, counted)["mean of ceiling"],
                "pairs, mean TVD": float(got[counted > 0].mean()),
                "apart": apart(folder / name),
            }
            print(json.dumps({name: result[name]}), flush=True)
    write("differences", dated(result), page(dated(result)))


def page(result: dict[str, Any]) -> str:
    """The figures as tables."""
    runs = [name for name in ("without", "first", "second") if name in result]
    lines = [
        "# Differences of two members' ages",
        "",
        f"`python bench/differences.py`, {result['date']}, {result['machine']}.",
        "",
    ]
    lines += ["| differences | fit | pairs: recovered / ceiling | pairs: mean TVD |", "|---|---|---|---|"]
    for name in runs:
        one = result[name]
        lines.append(f"| {name} | {one['status']} | {one['pairs, of ceiling']:.3f} | {one['pairs, mean TVD']:.4f} |")
    lines += ["", f"Ages of the first less those of the second, quantiles {', '.join(f'{share:.0%}' for share in SHARES)}:", ""]
    lines += ["| | survey | " + " | ".join(runs) + " |", "|---" * (2 + len(runs)) + "|"]
    for pair in result["survey"]["apart"]:
        each = [", ".join(map(str, result[name]["apart"][pair])) for name in ("survey", *runs)]
        lines.append(f"| {pair} | {' | '.join(each)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
