"""Counts the one-way tables of this example from public microdata; run only to make them again.

Source: American Community Survey 2006-2010, Public Use Microdata Sample, household records of PUMA 600 in Oregon (Benton and
Linn counties), as prepared for the PopulationSim example "CALM" (U.S. Census Bureau, public domain). The file is
population/calm_pums/households_core.csv in the folder that SYNTHOR_DATA names.

    python examples/households/make_targets.py                          writes targets/*.csv beside this file
    python examples/households/make_targets.py --microdata FILE         writes the recoded records, for `synthor evaluate`
"""

import argparse
import os
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent

HOUSEHOLD_TYPE = {
    1: "married couple",
    2: "male head, no wife, family",
    3: "female head, no husband, family",
    4: "male living alone",
    5: "male head, nonfamily, with others",
    6: "female living alone",
    7: "female head, nonfamily, with others",
}
TENURE = {1: "owned with mortgage", 2: "owned free and clear", 3: "rented", 4: "occupied without rent"}
BUILDING = {
    1: "mobile home", 2: "detached house", 3: "attached house", 4: "2 units", 5: "3-4 units", 6: "5-9 units",
    7: "10+ units", 8: "10+ units", 9: "10+ units", 10: "boat/RV/van",
}  # fmt: skip
FUEL = {1: "utility gas", 2: "bottled gas", 3: "electricity", 4: "fuel oil", 6: "wood", 9: "none"}


def microdata() -> pl.DataFrame:
    """Occupied households with a weight, in the variables of spec.yaml."""
    if "SYNTHOR_DATA" not in os.environ:
        raise SystemExit("SYNTHOR_DATA must name the folder of microdata")
    folder = Path(os.environ["SYNTHOR_DATA"])
    raw = pl.read_csv(folder / "population" / "calm_pums" / "households_core.csv", infer_schema_length=None)
    return raw.filter((pl.col("WGTP") > 0) & (pl.col("NP") > 0)).select(
        persons="NP",
        head_age="AGEHOH",
        household_type=pl.col("HHT").replace_strict(HOUSEHOLD_TYPE),
        children_under_18=pl.col("R18") == 1,
        workers="NWESR",
        income=pl.col("HHINCADJ").round(0),
        tenure=pl.col("TEN").replace_strict(TENURE),
        building=pl.col("BLD").replace_strict(BUILDING),
        vehicles="VEH",
        heating_fuel=pl.col("HFL").replace_strict(FUEL, default="other"),
        food_stamps=pl.col("FS") == 1,
        weight="WGTP",
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--microdata", type=Path, help="write the recoded records to this CSV or Parquet file instead")
    options = arguments.parse_args()
    records = microdata()
    if options.microdata:
        options.microdata.parent.mkdir(parents=True, exist_ok=True)
        write = records.write_parquet if options.microdata.suffix == ".parquet" else records.write_csv
        write(options.microdata)
        return
    from synthor import load_spec
    from synthor.schema import Variable

    spec = load_spec(HERE / "spec.yaml")
    (HERE / "targets").mkdir(exist_ok=True)
    for name, declared in spec.variables.items():
        variable: Variable = declared.build(name)
        codes = pl.Series(variable.encode(records[name]))
        counts = [int(records.filter(codes == code)["weight"].sum()) for code in range(variable.size)]
        pl.DataFrame({name: variable.labels, "count": counts}).write_csv(HERE / "targets" / f"{name}.csv")


if __name__ == "__main__":
    main()
