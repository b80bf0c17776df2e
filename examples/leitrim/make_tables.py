"""Lays the figures of one county out in tables, as the office's page of an area shows them; run only to make them again.

Source: Central Statistics Office (Ireland), Census of Population 2016, Small Area Population Statistics, SAPS2016_CTY31.csv:
one row a county, one column a cell. Nothing is computed here: each cell and each total is one field of that file.

    python examples/leitrim/make_tables.py SAPS2016_CTY31.csv Leitrim
"""

import csv
import sys
from pathlib import Path

TABLES = Path(__file__).parent / "tables"
SEXES = {"M": "Male", "F": "Female", "T": "Total"}
BOTH = {"H": "Households", "P": "Persons"}

AGES = {str(age): f"Age {age}" for age in range(20)}
AGES |= {f"{low}_{low + 4}": f"Age {low}-{low + 4}" for low in range(20, 85, 5)}
AGES |= {"GE_85": "Age 85 and over", "T": "Total"}

TYPES = {
    "OP": "One person",
    "MC": "Married couple",
    "CC": "Cohabiting couple",
    "MCC": "Married couple and children",
    "CCC": "Cohabiting couple and children",
    "OPFC": "Father and children",
    "OPMC": "Mother and children",
    "CO": "Couple and others",
    "CCO": "Couple, children and others",
    "OPFCO": "Father, children and others",
    "OPMCO": "Mother, children and others",
    "GETFU": "Two or more family units",
    "NHR": "Non-family households and relations",
    "GENP": "Two or more non-related persons",
    "T": "Total",
}

# file, title, head of the first column, {head: field with {} for the row}, {row: label}
LAYOUTS = [
    ("1-1", "Population by sex and age", "Age", {SEXES[s]: f"T1_1AGE{{}}{s}" for s in SEXES}, AGES),
    (
        "1-2",
        "Population by sex and marital status",
        "Marital Status",
        {SEXES[s]: f"T1_2{{}}{s}" for s in SEXES},
        {"SGL": "Single", "MAR": "Married", "SEP": "Separated", "DIV": "Divorced", "WID": "Widowed", "T": "Total"},
    ),
    (
        "2-1",
        "Usually resident population by place of birth",
        "Location",
        {"Birthplace": "T2_1{}BP"},
        {
            "IE": "Ireland",
            "UK": "UK",
            "PL": "Poland",
            "LT": "Lithuania",
            "EU": "Other EU 28",
            "RW": "Rest of World",
            "NS": "Not stated",
            "T": "Total",
        },
    ),
    (
        "4-1",
        "Families, family members and children in families, by size of family",
        "Family Size",
        {"Families": "T4_1_{}F", "Family Members": "T4_1_{}P", "Children": "T4_1_{}C"},
        {
            "2P": "2 persons",
            "3P": "3 persons",
            "4P": "4 persons",
            "5P": "5 persons",
            "GRE_6P": "6 or more persons",
            "T": "Total",
        },
    ),
    (
        "4-2",
        "Family units with children by size and age of children",
        "Number of Children",
        {
            "All children aged under 15": "T4_2_{}U15",
            "All children aged 15 and over": "T4_2_{}O15",
            "Children aged both under and over 15": "T4_2_{}UO15",
            "Total": "T4_2_{}T",
        },
        {
            "NC": "No children",
            "1C": "1 child",
            "2C": "2 children",
            "3C": "3 children",
            "4C": "4 children",
            "GE5C": "5 or more children",
            "TC": "Total",
        },
    ),
    (
        "4-3",
        "Families with children by type of family and age of children",
        "Age of Children",
        {"Couples with Children": "T4_3FCC{}", "Mothers with Children": "T4_3FOPMC{}", "Fathers with Children": "T4_3FOPFC{}"},
        {
            "U15": "All children aged under 15",
            "O15": "All children aged 15 and over",
            "UO15": "Children aged both under and over 15",
            "T": "Total",
        },
    ),
    (
        "4-4",
        "Families with children by age of youngest child",
        "Age of Youngest Child",
        {"Families": "T4_4{}F", "Persons": "T4_4{}P"},
        {
            "AGE0_4": "0-4 years",
            "AGE5_9": "5-9 years",
            "AGE10_14": "10-14 years",
            "AGE15_19": "15-19 years",
            "AGE_GE20": "20 years and over",
            "T": "Total",
        },
    ),
    (
        "4-5",
        "Families by family cycle",
        "Family Cycle",
        {"Families": "T4_5{}F", "Persons": "T4_5{}P"},
        {
            "PF": "Pre-family",
            "EN": "Empty nest",
            "R": "Retired",
            "PS": "Pre-school",
            "ES": "Early school",
            "PA": "Pre-adolescent",
            "ADO": "Adolescent",
            "ADU": "Adult",
            "T": "Total",
        },
    ),
    ("5-1", "Private households by type", "Type of Household", {BOTH[b]: f"T5_1{{}}_{b}" for b in BOTH}, TYPES),
    (
        "5-2",
        "Private households by size",
        "Size of Household",
        {BOTH[b]: f"T5_2_{{}}{b}" for b in BOTH},
        {f"{n}P": f"{n} person{'s' * (n > 1)}" for n in range(1, 8)} | {"GE8P": "8 or more persons", "T": "Total"},
    ),
    (
        "6-1",
        "Private households by type of accommodation",
        "Type of Accommodation",
        {BOTH[b]: f"T6_1_{{}}{b}" for b in BOTH},
        {
            "HB_": "House/Bungalow",
            "FA_": "Flat/Apartment",
            "BS_": "Bed-Sit",
            "CM_": "Caravan/Mobile home",
            "NS_": "Not stated",
            "T": "Total",
        },
    ),
    (
        "6-2",
        "Permanent private households by year built",
        "Year Built",
        {BOTH[b]: f"T6_2_{{}}{b}" for b in BOTH},
        {
            "PRE19": "Pre 1919",
            "19_45": "1919 - 1945",
            "46_60": "1946 - 1960",
            "61_70": "1961 - 1970",
            "71_80": "1971 - 1980",
            "81_90": "1981 - 1990",
            "91_00": "1991 - 2000",
            "01_10": "2001 - 2010",
            "11L": "2011 or Later",
            "NS": "Not stated",
            "T": "Total",
        },
    ),
    (
        "6-3",
        "Permanent private households by type of occupancy",
        "Type of Occupancy",
        {BOTH[b]: f"T6_3_{{}}{b}" for b in BOTH},
        {
            "OML": "Owned with mortgage or loan",
            "OO": "Owned outright",
            "RPL": "Rented from private landlord",
            "RLA": "Rented from Local Authority",
            "RVCHB": "Rented from voluntary/co-operative housing body",
            "OFR": "Occupied free of rent",
            "NS": "Not stated",
            "T": "Total",
        },
    ),
    (
        "6-4",
        "Permanent private households by number of rooms",
        "Number of Rooms",
        {BOTH[b]: f"T6_4_{{}}{b}" for b in BOTH},
        {f"{n}R": f"{n} room{'s' * (n > 1)}" for n in range(1, 8)}
        | {"GE8R": "8 or more rooms", "NS": "Not stated", "T": "Total"},
    ),
    (
        "8-1",
        "Population aged 15 years and over by principal economic status and sex",
        "Principal Economic Status",
        {SEXES[s]: f"T8_1_{{}}{s}" for s in SEXES},
        {
            "W": "At work",
            "LFFJ": "Looking for first regular job",
            "ULGUPJ": "Unemployed having lost or given up previous job",
            "S": "Student",
            "LAHF": "Looking after home/family",
            "R": "Retired",
            "UTWSD": "Unable to work due to permanent sickness or disability",
            "OTH": "Other",
            "T": "Total",
        },
    ),
    (
        "10-4",
        "Population aged 15 years and over by sex and highest level of education completed",
        "Education Level",
        {SEXES[s]: f"T10_4_{{}}{s}" for s in SEXES},
        {
            "NF": "No Formal Education",
            "P": "Primary Education",
            "LS": "Lower Secondary",
            "US": "Upper Secondary",
            "TV": "Technical or Vocational qualification",
            "ACCA": "Advanced Certificate/Completed Apprenticeship",
            "HC": "Higher Certificate",
            "ODND": "Ordinary Bachelor Degree or National Diploma",
            "HDPQ": "Honours Bachelor Degree, Professional qualification or both",
            "PD": "Postgraduate Diploma or Degree",
            "D": "Doctorate(Ph.D) or higher",
            "NS": "Not stated",
            "T": "Total",
        },
    ),
    (
        "15-1",
        "Number of households with cars",
        "Number of Cars",
        {"Households": "T15_1_{}C"},
        {
            "N": "No motor car",
            "1": "1 motor car",
            "2": "2 motor cars",
            "3": "3 motor cars",
            "GE4": "4 or more motor cars",
            "NS": "Not stated",
            "T": "Total",
        },
    ),
]


def main(source: str, county: str) -> None:
    with open(source, encoding="cp1252", newline="") as file:
        fields = next(row for row in csv.DictReader(file) if row["GEOGDESC"] == county)
    TABLES.mkdir(exist_ok=True)
    for number, title, corner, heads, rows in LAYOUTS:
        with open(TABLES / f"theme_{number}.csv", "w", encoding="utf-8", newline="") as file:
            write = csv.writer(file, lineterminator="\n").writerow
            write([f"Theme {number}: {title}, {county}, 2016 (CSO Ireland)"])
            write([corner, *heads])
            for code, label in rows.items():
                write([label, *(fields[field.format(code).replace("T1_2TT", "T1_2T")] for field in heads.values())])


if __name__ == "__main__":
    main(*sys.argv[1:])
