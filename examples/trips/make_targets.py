"""Counts the one-way tables of this example from public microdata; run only to make them again.

Source: National Household Travel Survey 2022, public-use trip file (Federal Highway Administration, public domain), with the
attributes of person and household joined to each trip, weighted by wttrdfin. The file is mobility/nhts2022/trips_joined.csv in
the folder that SYNTHOR_DATA names. The weighted trips of the year stand for 100,000 records here.

    python examples/trips/make_targets.py                          writes targets/*.csv beside this file
    python examples/trips/make_targets.py --microdata FILE         writes the recoded records, for `synthor evaluate`
"""

import argparse
import os
from pathlib import Path

import numpy as np
import polars as pl

HERE = Path(__file__).parent
RECORDS = 100_000

MODE = {
    "Car": "car", "SUV/Crossover": "SUV", "Van": "van", "Pickup truck": "pickup", "Walk": "walk", "School bus": "school bus",
    "Public or commuter bus": "public transport", "Commuter rail": "public transport", "Paratransit": "public transport",
    "Subway/elevated rail": "public transport", "Street car/trolley": "public transport", "Amtrak": "public transport",
}  # fmt: skip
PURPOSE = {
    "01": "home", "10": "work", "20": "school or worship", "30": "medical", "40": "shopping and errands",
    "50": "social and recreation", "70": "taking somebody along", "80": "meals", "97": "other",
}  # fmt: skip
INCOME = {
    "01": "<25k", "02": "<25k", "03": "<25k", "04": "25-50k", "05": "25-50k", "06": "50-75k", "07": "75-100k",
    "08": "100-150k", "09": "100-150k", "10": "150-200k", "11": "200k+",
}  # fmt: skip
DAY = {"01": "Sunday", "07": "Saturday"}


def microdata() -> pl.DataFrame:
    """Trips in the variables of spec.yaml, with their weight; the few without a time or a length are left out."""
    if "SYNTHOR_DATA" not in os.environ:
        raise SystemExit("SYNTHOR_DATA must name the folder of microdata")
    file = Path(os.environ["SYNTHOR_DATA"]) / "mobility" / "nhts2022" / "trips_joined.csv"
    raw = pl.read_csv(file, infer_schema=False)
    number = {
        name: pl.col(name).cast(pl.Float64, strict=False)
        for name in ("start_hour", "trpmiles", "trvlcmin", "numontrp", "r_age", "hhsize", "hhvehcnt", "wttrdfin")
    }
    kept = (number["trpmiles"] >= 0) & (number["trvlcmin"] > 0) & number["start_hour"].is_not_null() & (number["wttrdfin"] > 0)
    return raw.filter(kept).select(
        mode=pl.col("mode").replace_strict(MODE, default="other"),
        purpose=pl.col("whytrp1s").str.zfill(2).replace_strict(PURPOSE),
        start_hour=number["start_hour"].cast(pl.Int64),
        day=pl.col("travday").str.zfill(2).replace_strict(DAY, default="Monday to Friday"),
        miles=number["trpmiles"].clip(0, 3000).round(2),
        minutes=number["trvlcmin"].clip(1, 1200).cast(pl.Int64),
        people=number["numontrp"].clip(1, 20).cast(pl.Int64),
        age=number["r_age"].clip(5, 92).cast(pl.Int64),
        sex=pl.col("r_sex_imp").str.zfill(2).replace_strict({"01": "male", "02": "female"}),
        worker=pl.col("worker").str.zfill(2) == "01",
        household_size=number["hhsize"].clip(1, 10).cast(pl.Int64),
        vehicles=number["hhvehcnt"].clip(0, 10).cast(pl.Int64),
        income=pl.col("hhfaminc_imp").str.zfill(2).replace_strict(INCOME),
        area=pl.col("urbrur").str.zfill(2).replace_strict({"01": "urban", "02": "rural"}),
        weight=number["wttrdfin"],
    )


def whole(shares: np.ndarray, total: int) -> np.ndarray:
    """Whole counts that add up to `total`, by largest remainders."""
    exact = shares / shares.sum() * total
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--microdata", type=Path)
    file = parser.parse_args().microdata
    records = microdata()
    if file is not None:
        records.write_csv(file)
        return
    from synthor import load_spec

    (HERE / "targets").mkdir(exist_ok=True)
    for name, declared in load_spec(HERE / "spec.yaml").variables.items():
        variable = declared.build(name)
        sums = np.bincount(variable.encode(records[name]), records["weight"].to_numpy(), minlength=variable.size)
        table = pl.DataFrame({name: variable.labels, "count": whole(sums, RECORDS)})
        table.write_csv(HERE / "targets" / f"{name}.csv")


if __name__ == "__main__":
    main()
