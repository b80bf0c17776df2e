"""Small set-ups of PopulationSim, written where a test wants them."""

from pathlib import Path

CONTROLS = """target,geography,seed_table,importance,control_field,expression
num_hh,TAZ,households,1000000000,HHBASE,(households.WGTP > 0) & (households.WGTP < np.inf)
size_1,TAZ,households,5000,SIZE1,households.NP == 1
size_2_plus,TAZ,households,5000,SIZE2,households.NP >= 2
single,TRACT,households,1000,SF,households.HTYPE == 1
other_home,TRACT,households,1000,MF,"households.HTYPE.isin([2, 3])"
"""
SETTINGS = """geographies: [REGION, PUMA, TRACT, TAZ]
seed_geography: PUMA
household_weight_col: WGTP
household_id_col: hh_id
total_hh_control: num_hh
control_file_name: controls.csv
input_table_list:
  - tablename: households
    filename: seed_households.csv
    rename_columns:
      SERIALNO: hh_id
  - tablename: persons
    filename: seed_persons.csv
    rename_columns:
      SERIALNO: hh_id
  - tablename: geo_cross_walk
    filename: geo_cross_walk.csv
    rename_columns:
      TRACTCE: TRACT
  - {tablename: TAZ_control_data, filename: taz.csv}
  - {tablename: TRACT_control_data, filename: tract.csv}
  - {tablename: REGION_control_data, filename: region.csv}
"""
CROSSWALK = "TAZ,TRACTCE,PUMA,REGION\n100,1,600,1\n101,1,600,1\n102,2,600,1\n"
TAZ = "TAZ,HHBASE,SIZE1,SIZE2\n100,10,4,6\n101,20,5,15\n102,6,2,4\n"
TRACT = "TRACT,SF,MF\n1,18,12\n2,6,0\n"
REGION = "REGION,OCC1,OCC2,HHBASE\n1,11,22,36\n"
HOUSEHOLDS = "SERIALNO,NP,WGTP,HTYPE,PUMA\n7,1,3,1,600\n8,2,3,2,600\n9,3,3,3,600\n10,2,5,1,600\n11,2,5,1,999\n12,4,0,1,600\n"
PERSONS = "SERIALNO,AGEP,OCC\n7,40,1\n8,30,2\n8,31,3\n9,50,1\n9,51,3\n9,9,3\n10,70,2\n10,69,3\n11,20,1\n11,21,1\n12,1,3\n"
FILES = {
    "configs/settings.yaml": SETTINGS,
    "configs/controls.csv": CONTROLS,
    "data/geo_cross_walk.csv": CROSSWALK,
    "data/taz.csv": TAZ,
    "data/tract.csv": TRACT,
    "data/region.csv": REGION,
    "data/seed_households.csv": HOUSEHOLDS,
    "data/seed_persons.csv": PERSONS,
}


def set_up(folder: Path, changed: dict[str, str] | None = None, *, without: tuple[str, ...] = ()) -> Path:
    """A set-up in a folder: the usual files, some of them changed or left out."""
    for name, text in (FILES | (changed or {})).items():
        if name not in without:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def flat(folder: Path, files: dict[str, str]) -> Path:
    """A set-up with all files in one place and no settings."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
