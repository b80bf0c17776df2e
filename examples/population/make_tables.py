"""Counts the tables of this example from public microdata; run only to make them again.

Source: Dirección General de Estadística y Censos (Gobierno de la Ciudad Autónoma de Buenos Aires), Encuesta Anual de Hogares
2017, public user file. The files are population/buenos_aires_2017/households.csv and persons.csv in the folder that
SYNTHOR_DATA names. The survey's weights are brought to 60,000 households in all, each a whole number of times, so that tables
of households and of persons fit each other to the last one. Domestic workers who live in are no members here.

    python examples/population/make_tables.py                      writes tables/*.csv beside this file
    python examples/population/make_tables.py --microdata FOLDER   writes the recoded records, for `synthor evaluate`
"""

import argparse
import os
from pathlib import Path

import numpy as np
import polars as pl

HERE = Path(__file__).parent
HOUSEHOLDS = 60_000

ROLE = {
    "head": "head",
    "spouse or partner": "partner",
    "child or stepchild": "child",
    "child in law": "child in law",
    "grandchild": "grandchild",
    "parent or parent in law": "parent",
    "other relative": "other relative",
    "non relative": "not related",
}
TYPE = {
    "one person": "one person",
    "nuclear complete": "couple, with or without children",
    "nuclear single parent": "one parent with children",
    "extended complete": "couple and other relatives",
    "extended single parent": "one parent and other relatives",
    "family without nucleus": "relatives without couple or children",
    "non-family": "with persons not related",
}
DWELLING = {"house": "house", "apartment": "apartment"}
TENURE = {"owner": "owner", "tenant": "tenant"}
NORTH, SOUTH = (2, 13, 14), (4, 8, 9, 10)
MARITAL = {
    "married": "married",
    "cohabiting": "cohabiting",
    "single": "single",
    "separated": "separated or divorced",
    "divorced": "separated or divorced",
    "widowed": "widowed",
}
EDUCATION = {
    "primary complete": "primary",
    "secondary incomplete": "some secondary",
    "secondary complete": "secondary",
    "higher incomplete": "some higher",
    "higher complete": "higher",
}
BORN = {"city": "this city", "bordering country": "bordering country", "other country": "other country"}
HEALTH = {"public only": "public only", "social insurance": "social insurance"}


def microdata() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Households with a whole weight, and their members, in the variables of spec.yaml."""
    if "SYNTHOR_DATA" not in os.environ:
        raise SystemExit("SYNTHOR_DATA must name the folder of microdata")
    folder = Path(os.environ["SYNTHOR_DATA"]) / "population" / "buenos_aires_2017"
    homes, people = (pl.read_csv(folder / name, infer_schema_length=None) for name in ("households.csv", "persons.csv"))
    people = people.filter(pl.col("relationship") != "domestic worker")
    two = people.filter(pl.col("relationship") == "spouse or partner").group_by("household_id").len().filter(pl.col("len") > 1)
    homes = homes.join(two, on="household_id", how="anti").sort("household_id")
    rising = np.floor(np.cumsum(homes["weight"].to_numpy()) * (HOUSEHOLDS / homes["weight"].sum()) + 0.5).astype(int)
    households = homes.select(
        "household_id",
        type=pl.col("household_type").replace_strict(TYPE),
        tenure=pl.col("tenure").replace_strict(TENURE, default="other"),
        rooms=pl.col("rooms").fill_null(1).clip(1, 30),
        dwelling=pl.col("dwelling_type").replace_strict(DWELLING, default="room or other"),
        area=pl.col("area"),
        zone=pl.when(pl.col("commune").is_in(NORTH)).then(pl.lit("north"))
        .when(pl.col("commune").is_in(SOUTH)).then(pl.lit("south")).otherwise(pl.lit("centre")),
        income=pl.col("household_income"),
        weight=pl.Series(np.diff(rising, prepend=0)),
    )  # fmt: skip
    households = households.filter(pl.col("weight") > 0)
    persons = people.join(households.select("household_id"), on="household_id", how="semi").sort("household_id", "person_no")
    persons = persons.select(
        "household_id",
        role=pl.col("relationship").replace_strict(ROLE),
        age="age",
        sex="sex",
        marital=pl.when(pl.col("age") < 14).then(pl.lit("under 14"))
        .otherwise(pl.col("marital_status").replace_strict(MARITAL, default="single")),
        activity="activity",
        education=pl.col("education").replace_strict(EDUCATION, default="less than primary"),
        born=pl.col("birthplace").replace_strict(BORN, default="elsewhere in the country"),
        health=pl.col("health_cover").replace_strict(HEALTH, default="private"),
    )  # fmt: skip
    return households, persons


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--microdata", type=Path, help="write the recoded records into this folder instead")
    options = arguments.parse_args()
    households, persons = microdata()
    if options.microdata:
        options.microdata.mkdir(parents=True, exist_ok=True)
        households.write_csv(options.microdata / "household.csv")
        persons.write_csv(options.microdata / "person.csv")
        return
    from synthor import load_spec
    from synthor.spec.levels import levels_of

    of = persons.group_by("household_id")
    follows = of.agg(
        size=pl.len(),
        children=(pl.col("age") < 18).sum(),
        elderly=(pl.col("age") >= 65).sum(),
        workers=(pl.col("activity") == "employed").sum(),
        head_age=pl.col("age").filter(pl.col("role") == "head").first(),
    )
    households = households.join(follows, on="household_id")
    tables = {"household": households, "person": persons.join(households.select("household_id", "weight"), on="household_id")}
    (HERE / "tables").mkdir(exist_ok=True)
    for level in levels_of(load_spec(HERE / "spec.yaml")):
        for name, declared in level.variables.items():
            variable = declared.build(name)
            codes = variable.encode(tables[level.name][name])
            if (codes < 0).any():
                raise SystemExit(f"{name}: values that no category holds")
            counts = np.bincount(codes, tables[level.name]["weight"], variable.size).astype(int)
            pl.DataFrame({name: variable.labels, "count": counts}).write_csv(HERE / "tables" / f"{name}.csv")
    print(f"{len(households):,} households, {len(persons):,} persons; weighted {households['weight'].sum():,} and "
          f"{tables['person']['weight'].sum():,}")  # fmt: skip


if __name__ == "__main__":
    main()
