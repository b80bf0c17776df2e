"""What do believed tables of three variables add to those of pairs? A survey that is not reported, Pakistan 2014-15.

    SYNTHOR_DATA=... python bench/three_way.py

Writes bench/results/three_way.json and .md. Aggregates of 9,485 households are counted from the survey; what is believed was
asked of a model that saw only the requests (`bench/recordings/pakistan`): 141 tables of pairs, whose confidence is the mean of
those that it gave to their rows, and ten of three variables that it chose.
Each run is made twice, with two seeds. Pairs are grouped and scored as by `population_example.py`; the tables of three
variables by their mean TVD from the survey.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
import polars as pl

from harness import BENCH, dated, write
from population_example import Truth, grouped, read, run
from synthor import compile_problem, load_spec
from synthor.prior.beliefs import resolve
from synthor.prior.model import load_prior
from synthor.prior.sampled import SampledUnits
from synthor.prior.three_way import BelievedThreeWay
from synthor.spec.levels import levels_of
from synthor.types import Floats

HERE = BENCH / "recordings" / "pakistan"
SEEDS = (7, 8)
SPEC = (HERE / "spec.yaml").read_text(encoding="utf-8")
PRIOR, SEED = "prior: beliefs.json", "random_seed: 7"
assert PRIOR in SPEC
assert SEED in SPEC

ROLES = {
    "head": "head", "spouse": "partner", "son or daughter": "child", "child in law": "child in law", "grandchild": "grandchild",
    "parent": "parent", "father or mother": "parent", "parent in law": "parent", "brother or sister": "sibling",
    "sibling": "sibling",
}  # fmt: skip
CLASSES = {
    "never attended": "never attended",
    **dict.fromkeys(("under class 1", "class 1", "class 2", "class 3", "class 4"), "below class 5"),
    **dict.fromkeys(("class 5", "class 6", "class 7"), "class 5 to 7"),
    **dict.fromkeys(("class 8", "class 9"), "class 8 or 9"),
    "class 10": "class 10",
}
WORKING = ("paid employee", "family worker", "on own account")


def survey() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Households of at most 16 members with one head of 15 or more and one spouse at most, and their members."""
    folder = Path(os.environ["SYNTHOR_DATA"]) / "population" / "pakistan_2015"
    homes, persons = (pl.read_csv(folder / f"{name}.csv", infer_schema_length=None) for name in ("households", "persons"))
    persons = persons.filter((pl.col("member") == "yes") & (pl.col("relationship") != "servant or relative of servant"))
    persons = persons.with_columns(role=pl.col("relationship").replace_strict(ROLES, default="other relative"))
    role = pl.col("role")
    counted = persons.group_by("household_id").agg(
        pl.len(),
        partners=(role == "partner").sum(),
        heads=(role == "head").sum(),
        young=((role == "head") & (pl.col("age") < 15)).sum(),
    )
    kept = counted.filter((pl.col("len") <= 16) & (pl.col("partners") <= 1) & (pl.col("heads") == 1) & (pl.col("young") == 0))
    homes = homes.join(kept.select("household_id"), on="household_id", how="inner").sort("household_id")
    persons = persons.join(homes.select("household_id"), on="household_id", how="semi").sort("household_id", "person_no")
    return _homes(homes), _persons(persons)


def _persons(persons: pl.DataFrame) -> pl.DataFrame:
    age, kind = pl.col("age"), pl.col("work_type")
    passed = pl.col("education").fill_null("never attended").replace_strict(CLASSES, default="above class 10")
    married = pl.col("marital_status").replace_strict(
        {"married": "married", "widowed": "widowed", "divorced": "divorced"}, default="never married"
    )
    works = (
        pl.when(kind.is_null())
        .then(pl.lit("not working"))
        .when(kind.is_in(["paid employee", "family worker"]))
        .then(kind)
        .otherwise(pl.lit("on own account"))
    )
    work = (
        pl.when((age < 10) | ~pl.col("work").is_in(["worked", "seeking work"]))
        .then(pl.lit("not working"))
        .when(pl.col("work") == "seeking work")
        .then(pl.lit("seeking work"))
        .otherwise(works)
    )
    return persons.select(
        "household_id",
        "role",
        "age",
        "sex",
        marital=pl.when(age < 10).then(pl.lit("never married")).otherwise(married),
        education=pl.when(age < 4).then(pl.lit("under 4")).otherwise(passed),
        school=pl.when(pl.col("attending_school") == "yes").then(pl.lit("attending")).otherwise(pl.lit("not attending")),
        work=work,
    )


def _homes(homes: pl.DataFrame) -> pl.DataFrame:
    owned = {"owner": "owner", "owner, self-hired": "owner", "rented": "rented"}
    toilet = pl.col("toilet")
    return homes.select(
        "household_id",
        "province",
        "region",
        tenure=pl.col("tenure").replace_strict(owned, default="rent free or subsidized"),
        rooms=pl.col("rooms").fill_null(1).clip(1, 20),
        toilet=pl.when(toilet.str.contains("sewe"))
        .then(pl.lit("flush to sewer"))
        .when(toilet.str.contains("no toilet"))
        .then(pl.lit("none"))
        .when(toilet.str.contains("flush"))
        .then(pl.lit("flush to pit or drain"))
        .otherwise(pl.lit("dry")),
        internet="internet",
        spending=(pl.col("nondurable_year") / 12).round(0).clip(0, 1_000_000),
        weight=pl.lit(1),
    )


@contextmanager
def prepared() -> Iterator[Path]:
    """A folder with what is counted of the survey, and the survey as records of the spec."""
    homes, persons = survey()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("real", "tables"):
            (folder / name).mkdir()
        homes.write_csv(folder / "real" / "household.csv")
        persons.write_csv(folder / "real" / "person.csv")
        (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
        (folder / "beliefs.json").write_text((HERE / "beliefs.json").read_text(encoding="utf-8"), encoding="utf-8")
        follows = persons.group_by("household_id").agg(
            size=pl.len(),
            children=(pl.col("age") < 15).sum(),
            elderly=(pl.col("age") >= 60).sum(),
            workers=pl.col("work").is_in(WORKING).sum(),
            head_age=pl.col("age").filter(pl.col("role") == "head").first(),
        )
        frames = {"household": homes.join(follows, on="household_id", how="left"), "person": persons}
        for level in levels_of(load_spec(folder / "spec.yaml")):
            for name, declared in level.variables.items():
                variable = declared.build(name)
                codes = variable.encode(frames[level.name][name])
                counts = np.bincount(codes, minlength=variable.size).tolist()
                pl.DataFrame({name: variable.labels, "count": counts}).write_csv(folder / "tables" / f"{name}.csv")
        yield folder


def shares(table: BelievedThreeWay, of: SampledUnits) -> Floats:
    """Shares of the rows in each cell of a table of three variables."""
    found = table.cells(of.units).totals(of.weights)
    return np.asarray(found / found.sum())


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with prepared() as folder:
        problem = compile_problem(load_spec(folder / "spec.yaml"))
        truth, prior = Truth.of(problem, folder / "real"), load_prior(folder / "beliefs.json")[0]
        tables = resolve(prior, problem).three_way
        real = [shares(table, truth.real) for table in tables]
        (folder / "pairs.json").write_text(prior.model_copy(update={"three_way": None}).to_json(), encoding="utf-8")
        run(folder, SPEC.replace(PRIOR, ""), "alone")
        alone = truth.of_folder(folder / "alone")
        counted = np.where(alone >= 2 * truth.noise, 1.0, 0.0)
        result: dict[str, Any] = {"tables": len(tables), "pairs": int(counted.sum())}
        for file in ("pairs", "beliefs"):
            for seed in SEEDS:
                name = f"{file} {seed}"
                run(folder, SPEC.replace("beliefs.json", f"{file}.json").replace(SEED, f"random_seed: {seed}"), name)
                got, made = truth.of_folder(folder / name), read(problem, folder / name, None)
                off = [float(np.abs(shares(table, made) - told).sum() / 2) for table, told in zip(tables, real, strict=True)]
                result[name] = {
                    "pairs, of ceiling": grouped(truth, alone, got, counted)["mean of ceiling"],
                    "pairs, mean TVD": float(got[counted > 0].mean()),
                    "three-way, mean TVD": float(np.mean(off)),
                    "three-way": dict(zip((table.name for table in tables), off, strict=True)),
                }
                print(json.dumps({name: result[name]}, indent=1), flush=True)
    write("three_way", dated(result), page(dated(result)))


def page(result: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [
        f"| {'pairs and three variables' if file == 'beliefs' else 'pairs'} | {seed} | {found['pairs, of ceiling']:.3f} "
        f"| {found['pairs, mean TVD']:.4f} | {found['three-way, mean TVD']:.4f} |"
        for file in ("pairs", "beliefs")
        for seed in SEEDS
        for found in [result[f"{file} {seed}"]]
    ]
    head = "| believed tables | seed | pairs: recovered / ceiling | pairs: mean TVD | the ten of three: mean TVD |"
    told = f"{result['date']}, {result['machine']}; {result['pairs']} tables of pairs, {result['tables']} of three variables."
    return (
        f"# Tables of three variables\n\n`python bench/three_way.py`, {told}\n\n{head}\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


if __name__ == "__main__":
    main()
