"""Downloads of statistical offices in long form. All figures are invented; only the layouts are the offices' own."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downloads import published
from synthor.errors import InputError
from synthor.spec.model import json_schema
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices import CONVERTERS, acs, eurostat, nomis

DEEPER = "\u00a0\u00a0\u00a0\u00a0"


def long(lines: Lines) -> list[str]:
    """Row number and cells of each row, for comparing."""
    return [f"{number}: " + " | ".join(row) for row, number in zip(lines.rows, lines.numbers, strict=True)]


def complaint(convert: Callable[[Lines], Lines], text: str, *, mark: str = ",") -> str:
    with pytest.raises(InputError) as caught:
        convert(published(text, mark=mark))
    return str(caught.value)


def test_each_format_that_a_spec_may_name_has_a_converter() -> None:
    named = json_schema()["$defs"]["Layout"]["properties"]["format"]["anyOf"][0]["enum"]
    assert sorted(named) == sorted(CONVERTERS)


# data.census.gov, the zip's ...-Data.csv
ZIPPED = """\
GEO_ID,NAME,B01001_001E,B01001_001M,B01001_002E,B01001_002M,B01001_003E,B01001_003M,B01001_004E,B01001_004M,\
B01001_005E,B01001_005M,B01001_006E,B01001_006M,B01001_007E,B01001_007M,
Geography,Geographic Area Name,Estimate!!Total:,Margin of Error!!Total:,Estimate!!Total:!!Male:,\
Margin of Error!!Total:!!Male:,Estimate!!Total:!!Male:!!Under 5 years,Margin of Error!!Total:!!Male:!!Under 5 years,\
Estimate!!Total:!!Male:!!5 years and over,Margin of Error!!Total:!!Male:!!5 years and over,\
Estimate!!Total:!!Female:,Margin of Error!!Total:!!Female:,Estimate!!Total:!!Female:!!Under 5 years,\
Margin of Error!!Total:!!Female:!!Under 5 years,Estimate!!Total:!!Female:!!5 years and over,\
Margin of Error!!Total:!!Female:!!5 years and over,
0400000US41,Oregon,1000,*****,490,12,40,9,450,11,510,*****,35,8,475,10,
"""

NOTED = """\
GEO_ID,NAME,B25003_001E,B25003_001EA,B25003_001M,B25003_001MA,B25003_002E,B25003_002EA,B25003_002M,B25003_002MA,
Geography,Geographic Area Name,Estimate!!Total:,Annotation of Estimate!!Total:,Margin of Error!!Total:,\
Annotation of Margin of Error!!Total:,Estimate!!Total:!!Owner occupied,Annotation of Estimate!!Total:!!Owner occupied,\
Margin of Error!!Total:!!Owner occupied,Annotation of Margin of Error!!Total:!!Owner occupied,
1400000US1,"Census Tract 1, Benton County",120,null,-555555555,*****,80,null,15,null,
1400000US2,"Census Tract 2, Benton County",-666666666,-,-222222222,**,-999999999,N,-999999999,N,
"""


def test_the_zip_of_a_detailed_table_has_a_row_a_geography_and_a_column_a_label() -> None:
    assert long(acs(published(ZIPPED))) == [
        "1: level_1 | level_2 | count | margin_of_error",
        "3: Total | Total | 1000 | 0",
        "3: Male | Total | 490 | 12",
        "3: Male | Under 5 years | 40 | 9",
        "3: Male | 5 years and over | 450 | 11",
        "3: Female | Total | 510 | 0",
        "3: Female | Under 5 years | 35 | 8",
        "3: Female | 5 years and over | 475 | 10",
    ]


def test_annotations_stand_in_place_of_figures_and_geographies_are_kept() -> None:
    assert long(acs(published(NOTED))) == [
        "1: geography | level_1 | count | margin_of_error",
        "3: Census Tract 1, Benton County | Total | 120 | 0",
        "3: Census Tract 1, Benton County | Owner occupied | 80 | 15",
        "4: Census Tract 2, Benton County | Total | - | **",
        "4: Census Tract 2, Benton County | Owner occupied | N | N",
    ]


def test_numbers_that_stand_for_marks_are_marks_where_annotations_were_not_downloaded() -> None:
    text = "GEO_ID,NAME,B19013_001E,B19013_001M\nGeography,Area,Estimate!!Median household income,Margin of Error!!Median\n"
    assert long(acs(published(text + "1,Salem,-666666666,-222222222\n"))) == ["1: value | margin_of_error", "3: - | **"]
    assert long(acs(published(text + '1,Salem,"61,200",1500\n'))) == ["1: value | margin_of_error", "3: 61,200 | 1500"]


def test_a_decennial_table_has_no_margins() -> None:
    text = (
        "GEO_ID,NAME,H4_001N,H4_002N,H4_003N\nGeography,Area, !!Total:, !!Total:!!Owned, !!Total:!!Rented\n1,Salem,90,60,30\n"
    )
    assert long(acs(published(text))) == ["1: level_1 | count", "3: Total | 90", "3: Owned | 60", "3: Rented | 30"]


def shown(*rows: tuple[int, str, str]) -> str:
    """What "Download table as CSV" gives for one state: depth and label, then the rest of the row."""
    head = 'Label (Grouping),"Oregon!!Estimate","Oregon!!Margin of Error"\n'
    return "\ufeff" + head + "".join(f'"{DEEPER * depth}{label}",{rest}\n' for depth, label, rest in rows)


WORK = shown(
    (0, "Total:", '"2,100","±70"'),
    (1, "Car, truck, or van:", '"1,500","±60"'),
    (2, "Drove alone", '"1,200","±55"'),
    (2, "Carpooled:", '300,"±20"'),
    (3, "In 2-person carpool", '250,"±18"'),
    (3, "In 3-or-more-person carpool", '50,"±9"'),
    (1, "Taxicab", '-,"**"'),
    (1, "Worked from home", '600,"*****"'),
)


def test_indentation_tells_the_levels_and_what_goes_less_deep_is_repeated() -> None:
    assert long(acs(published(WORK))) == [
        "1: level_1 | level_2 | level_3 | count | margin_of_error",
        "2: Total | Total | Total | 2,100 | 70",
        "3: Car, truck, or van | Total | Total | 1,500 | 60",
        "4: Car, truck, or van | Drove alone | Drove alone | 1,200 | 55",
        "5: Car, truck, or van | Carpooled | Total | 300 | 20",
        "6: Car, truck, or van | Carpooled | In 2-person carpool | 250 | 18",
        "7: Car, truck, or van | Carpooled | In 3-or-more-person carpool | 50 | 9",
        "8: Taxicab | Taxicab | Taxicab | - | **",
        "9: Worked from home | Worked from home | Worked from home | 600 | 0",
    ]


def test_several_geographies_on_the_screen_are_a_column() -> None:
    text = (
        "Label (Grouping),Oregon!!Estimate,Oregon!!Margin of Error,Idaho!!Estimate,Idaho!!Margin of Error\n"
        f"Total:,90,±3,50,±2\n{DEEPER}Owner occupied,60,±4,35,±3\n{DEEPER}Renter occupied,30,±4,15,±3\n"
    )
    assert long(acs(published(text))) == [
        "1: geography | level_1 | count | margin_of_error",
        "2: Oregon | Total | 90 | 3",
        "2: Idaho | Total | 50 | 2",
        "3: Oregon | Owner occupied | 60 | 4",
        "3: Idaho | Owner occupied | 35 | 3",
        "4: Oregon | Renter occupied | 30 | 4",
        "4: Idaho | Renter occupied | 15 | 3",
    ]


def test_without_indentation_all_is_below_a_single_total() -> None:
    text = shown((0, "Total:", "90,±3"), (0, "Owner occupied", "60,±4"), (0, "Renter occupied", "30,±4"))
    assert long(acs(published(text))) == [
        "1: level_1 | count | margin_of_error",
        "2: Total | 90 | 3",
        "3: Owner occupied | 60 | 4",
        "4: Renter occupied | 30 | 4",
    ]


def test_a_heading_without_figures_and_a_median_are_no_counts() -> None:
    text = shown((0, "Median age --", ","), (1, "Total:", "39.5,±0.2"), (1, "Male", "38.1,±0.3"), (1, "Female", "40.9,±0.3"))
    assert long(acs(published(text))) == [
        "1: level_1 | value | margin_of_error",
        "3: Total | 39.5 | 0.2",
        "4: Male | 38.1 | 0.3",
        "5: Female | 40.9 | 0.3",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("age,count\n15-24,12\n", "begins 'age, count', expected a first row 'GEO_ID, NAME, B01001_001E, ...'"),
        ("sex,geo\\TIME_PERIOD,2021\nF,AT,12\n", "Eurostat: write layout: {format: eurostat}"),
        ("", "table.csv: the file is empty"),
        (ZIPPED.split("\n", maxsplit=1)[0], "row 1: the second row should hold labels such as 'Estimate!!Total:'"),
        (ZIPPED.replace("!!", " "), "row 2: the second row should hold labels"),
        ("\n".join(ZIPPED.split("\n")[:2]), "row 1: no figures follow the header"),
        (ZIPPED.replace(",510,*****,35,8,475,10,", ""), "row 3: has 10 fields, the header has 17; the file is cut"),
        (ZIPPED.replace(",NAME,", ",PLACE,"), "there is no column NAME"),
        (ZIPPED.replace("B01001_004E", "B01001_004X"), "there is no column B01001_004E, the estimate"),
        (ZIPPED.replace("Estimate!!Total:!!Female:,", ","), "column B01001_005E has no label"),
        (ZIPPED.replace("B01001_", "S0101_C01_"), "profile or subject table"),
        ("GEO_ID,NAME\nGeography,!!\n1,Salem\n", "no column of estimates, such as B01001_001E"),
        (WORK.replace(DEEPER, ""), "row 2: labels are not indented"),
        (WORK.replace('Grouping),"Oregon!!Estimate"', 'Grouping),"Oregon!!Percent"'), "'Oregon!!Percent' heads a column"),
        (WORK.replace('Grouping),"Oregon!!Estimate",', "Grouping),"), "there is no column 'Oregon!!Estimate'"),
        (WORK.replace('"Oregon!!Margin of Error"', "Oregon!!Estimate"), "two columns are called 'Oregon!!Estimate'"),
        ("Label (Grouping)\nTotal:\n", "no column follows 'Label (Grouping)'"),
        ('Label (Grouping),"Total:","Male:"\nOregon,,\nEstimate,10,4\n', "'Total:' heads a column: the table is transposed"),
        (WORK.replace("Taxicab", ""), "row 8: has figures but no label"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_the_census_bureau_is_refused(text: str, told: str) -> None:
    assert told in complaint(acs, text)


# Eurostat
SERIES = """\
freq,unit,sex,age,geo\\TIME_PERIOD\t2020 \t2021 
A,NR,F,TOTAL,AT\t900 b\t905 
A,NR,F,Y15-24,AT\t100 \t101 bp
A,NR,F,Y_GE65,AT\t: c\t:
A,NR,F,Y_LT15,AT\t210.5 e\t:c
A,NR,T,TOTAL,AT\t1800 \t0 n
"""  # noqa: W291 - periods and figures end in blanks there

OBSERVED = """\
DATAFLOW,LAST UPDATE,freq,unit,sex,age,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS
ESTAT:LFSA_X(1.0),01/02/26 23:00:00,A,PC,F,Y15-24,AT,2021,41.5,,
ESTAT:LFSA_X(1.0),01/02/26 23:00:00,A,PC,F,Y15-24,BE,2021,30.25,b,
ESTAT:LFSA_X(1.0),01/02/26 23:00:00,A,PC,M,Y_GE75,AT,2021,,,C
ESTAT:LFSA_X(1.0),01/02/26 23:00:00,A,PC,M,Y_GE75,BE,2021,,u,
ESTAT:LFSA_X(1.0),01/02/26 23:00:00,A,PC,T,UNK,BE,2021,,c,
"""


# Nomis: names and codes, and the page's own CSV
CODED = """\
DATE,DATE_NAME,GEOGRAPHY,GEOGRAPHY_NAME,GEOGRAPHY_CODE,C_SEX,C_SEX_NAME,C_AGE,C_AGE_NAME,MEASURES,MEASURES_NAME,\
OBS_VALUE,OBS_STATUS,OBS_STATUS_NAME,RECORD_COUNT
2021,2021,1,Leeds,E08000035,1,Male,1,Aged 15 years and under,20100,Value,120,A,Normal Value,8
2021,2021,1,Leeds,E08000035,1,Male,1,Aged 15 years and under,20301,Percent,50.0,A,Normal Value,8
2021,2021,1,Leeds,E08000035,2,Female,1,Aged 15 years and under,20100,Value,120,A,Normal Value,8
2021,2021,1,Leeds,E08000035,2,Female,1,Aged 15 years and under,20301,Percent,50.0,A,Normal Value,8
2021,2021,2,York,E06000014,1,Male,1,Aged 15 years and under,20100,Value,,Q,These figures are missing.,8
2021,2021,2,York,E06000014,1,Male,1,Aged 15 years and under,20301,Percent,,Q,These figures are missing.,8
2021,2021,2,York,E06000014,2,Female,1,Aged 15 years and under,20100,Value,,A,Suppressed to avoid disclosure,8
2021,2021,2,York,E06000014,2,Female,1,Aged 15 years and under,20301,Percent,,A,Suppressed to avoid disclosure,8
"""

WEB = """\
"DC1117EW - Sex by age"
"ONS Crown Copyright Reserved [from Nomis on 5 June 2019]"

"Population :","All usual residents"
"Units      :","Persons"
"Date       :","2011"

"Age","All persons","Males","Females"

"All categories: Age","1,200","590","610"
"Age 0 to 15","240","120","120"
"Age 16 and over","960","470","490"

"In order to protect against disclosure of personal information, records have been swapped between different areas."
"""

AREAS = """\
"Population estimates - local authority based"
"ONS Crown Copyright Reserved [from Nomis on 14 June 2018]"

"Gender :","Male"
"Units :","Persons"
"Age :","All ages"

"local authority: district / unitary","mnemonic","2015","2016"
"Darlington","E06000005","510","515"
"York","E06000014","1,010","c"

"Population estimates - local authority based"
"ONS Crown Copyright Reserved [from Nomis on 14 June 2018]"

"Gender :","Female"
"Units :","Persons"
"Age :","All ages"

"local authority: district / unitary","mnemonic","2015","2016"
"Darlington","E06000005","530","535"
"York","E06000014","1,040",

"- These figures are missing."
"""


def test_a_tsv_of_series_loses_its_flags_and_what_does_not_vary() -> None:
    assert long(eurostat(published(SERIES, mark="\t"))) == [
        "1: sex | age | date | count",
        "2: F | Total | 2020 | 900",
        "2: F | Total | 2021 | 905",
        "3: F | 15-24 | 2020 | 100",
        "3: F | 15-24 | 2021 | 101",
        "4: F | 65+ | 2020 | c",
        "4: F | 65+ | 2021 | :",
        "5: F | under 15 | 2020 | 210.5",
        "5: F | under 15 | 2021 | c",
        "6: Total | Total | 2020 | 1800",
        "6: Total | Total | 2021 | 0",
    ]


def test_a_tsv_that_was_split_at_commas_reads_the_same() -> None:
    assert long(eurostat(published(SERIES))) == long(eurostat(published(SERIES, mark="\t")))


def test_the_older_tsv_without_frequency_and_with_newest_period_first_is_read() -> None:
    text = "unit,sex,geo\\time\t2014 \t2013 \nTHS,F,DE\t41.2 \t40.9 b\nTHS,F,FR\t33.0 \t: z\n"
    assert long(eurostat(published(text, mark="\t"))) == [
        "1: geography | date | value",
        "2: DE | 2014 | 41.2",
        "2: DE | 2013 | 40.9",
        "3: FR | 2014 | 33.0",
        "3: FR | 2013 | :",
    ]


def test_dimensions_in_capitals_before_a_slash_are_the_same() -> None:
    text = "FREQ,UNIT,SEX,AGE,GEO/TIME_PERIOD\t2024\nA,PER,T,Y_GT64,BE\t12\nA,PER,F,Y_LE4,BE\t5\n"
    assert long(eurostat(published(text, mark="\t"))) == ["1: SEX | AGE | count", "2: Total | 65+ | 12", "3: F | under 5 | 5"]


def test_sdmx_csv_has_a_row_an_observation() -> None:
    assert long(eurostat(published(OBSERVED))) == [
        "1: sex | age | geography | share",
        "2: F | 15-24 | AT | 41.5",
        "3: F | 15-24 | BE | 30.25",
        "4: M | 75+ | AT | c",
        "5: M | 75+ | BE | :",
        "6: Total | UNK | BE | c",
    ]


def test_labels_beside_codes_are_passed_over() -> None:
    beside = (
        "STRUCTURE,STRUCTURE_ID,STRUCTURE_NAME,unit,Unit of measure,sex,Sex,TIME_PERIOD,Time,OBS_VALUE,Observation value\n"
        "dataflow,ESTAT:X(1.0),Population,NR,Number,F,Females,2021,,12,\ndataflow,ESTAT:X(1.0),Population,NR,Number,T,Total,2021,,20,\n"
    )
    within = (
        "DATAFLOW,unit:Unit,sex:Sex,TIME_PERIOD:Time,OBS_VALUE\nX,NR:Number,F:Females,2021,12\nX,NR:Number,T:Total,2021,20\n"
    )
    for text in (beside, within):
        assert long(eurostat(published(text))) == ["1: sex | count", "2: F | 12", "3: Total | 20"]


def test_a_file_of_two_units_keeps_the_unit_and_names_no_measure() -> None:
    text = "unit,sex\\TIME_PERIOD\t2021\nNR,F\t12\nPC,F\t60\n"
    assert long(eurostat(published(text, mark="\t"))) == ["1: unit | value", "2: NR | 12", "3: PC | 60"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "age\tcount\n15-24\t12\n",
            "is not laid out as downloads from Eurostat are: it begins 'age, count'",
        ),
        (ZIPPED.replace(",", "\t"), "it looks like a download from data.census.gov: write layout: {format: acs}"),
        ("", "table.csv: the file is empty"),
        ("freq,unit,geo\\TIME_PERIOD\nA,NR,AT\n", "row 1: the header should name the dimensions, then a period in each column"),
        (SERIES.replace("A,NR,F,Y15-24,AT", "A,NR,F,AT"), "row 3: 'A,NR,F,AT' has 4 codes, the header names 5 dimensions"),
        (SERIES.replace("\t101 bp", ""), "row 3: has 1 figures, the header 2 periods"),
        (SERIES.split("\n", maxsplit=1)[0], "row 1: no figures follow the header"),
    ],
)
def test_what_is_no_series_of_eurostat_is_refused(text: str, told: str) -> None:
    assert told in complaint(eurostat, text, mark="\t")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CODED, "it looks like a download from Nomis: write layout: {format: nomis}"),
        (WEB, "it looks like a download from Nomis: write layout: {format: nomis}"),
        (OBSERVED.replace("TIME_PERIOD,", "WHEN,"), "row 1: there is no column TIME_PERIOD before OBS_VALUE"),
        (OBSERVED.replace("2021,30.25,b,", ""), "row 3: has 8 fields, the header has 11; the file is cut"),
        (OBSERVED.split("\n", maxsplit=1)[0], "row 1: no figures follow the header"),
        ("DATAFLOW,TIME_PERIOD,OBS_VALUE\nX,2021,5\n", "no column of a dimension, such as geo"),
        ("geo,geography,TIME_PERIOD,OBS_VALUE\nA,B,1,2\nC,D,1,3\n", "two columns would be called 'geography'"),
    ],
)  # fmt: skip
def test_what_is_no_sdmx_csv_is_refused(text: str, told: str) -> None:
    assert told in complaint(eurostat, text)


# Nomis
def test_of_the_coded_csv_names_and_numbers_are_kept() -> None:
    assert long(nomis(published(CODED))) == [
        "1: geography | C_SEX_NAME | count",
        "2: Leeds | Male | 120",
        "4: Leeds | Female | 120",
        "6: York | Male | c",
        "8: York | Female | c",
    ]


def test_percentages_alone_are_shares_and_what_is_not_whole_is_no_count() -> None:
    percent = "\n".join(line for line in CODED.split("\n") if ",Value," not in line).replace(",8\n", ",4\n")
    assert long(nomis(published(percent)))[:2] == ["1: geography | C_SEX_NAME | share", "2: Leeds | Male | 50.0"]
    density = "CELL_NAME,MEASURES_NAME,OBS_VALUE\nArea (hectares),Value,865.24\nPersons per hectare,Value,0.3\n"
    assert long(nomis(published(density)))[0] == "1: CELL_NAME | value"


def test_a_bulk_file_has_a_column_a_category() -> None:
    text = (
        'date,geography,geography code,Rural Urban,"Sex: All persons; Age: All categories: Age; measures: Value",'
        '"Sex: Males; Age: Age 0 to 4; measures: Value","Sex: Males; Age: Age 0 to 4; measures: Percent"\n'
        "2011,York,E06000014,Total,1200,40,3.3\n2011,Leeds,E08000035,Total,7000,,\n"
    )
    assert long(nomis(published(text))) == [
        "1: geography | Sex | Age | count",
        "2: York | All persons | Total | 1200",
        "2: York | Males | Age 0 to 4 | 40",
        "3: Leeds | All persons | Total | 7000",
        "3: Leeds | Males | Age 0 to 4 | :",
    ]


def test_the_bulk_file_of_2021_does_not_name_its_measure() -> None:
    text = (
        "date,geography,geography code,Number of cars or vans: Total: All households,Number of cars or vans: No cars or vans\n"
        "2021,City of London 001A,E01000001,837,555\n"
    )
    assert long(nomis(published(text))) == [
        "1: Number of cars or vans | count",
        "2: Total | 837",
        "2: No cars or vans | 555",
    ]


def test_a_table_of_the_web_page_is_read_between_its_title_and_its_notes() -> None:
    assert long(nomis(published(WEB))) == [
        "8: Age | columns | count",
        "10: Total | All persons | 1,200",
        "10: Total | Males | 590",
        "10: Total | Females | 610",
        "11: Age 0 to 15 | All persons | 240",
        "11: Age 0 to 15 | Males | 120",
        "11: Age 0 to 15 | Females | 120",
        "12: Age 16 and over | All persons | 960",
        "12: Age 16 and over | Males | 470",
        "12: Age 16 and over | Females | 490",
    ]


def test_a_second_table_of_the_same_file_adds_what_differs_above_it() -> None:
    assert long(nomis(published(AREAS))) == [
        "8: Gender | geography | date | count",
        "9: Male | Darlington | 2015 | 510",
        "9: Male | Darlington | 2016 | 515",
        "10: Male | York | 2015 | 1,010",
        "10: Male | York | 2016 | c",
        "20: Female | Darlington | 2015 | 530",
        "20: Female | Darlington | 2016 | 535",
        "21: Female | York | 2015 | 1,040",
        "21: Female | York | 2016 | :",
    ]


def test_of_numbers_and_percentages_under_one_head_the_numbers_are_kept() -> None:
    text = WEB.replace('"Age","All persons","Males","Females"', '"Age","2011","2011"\n"","number","%"')
    text = text.replace('"590","610"', '"100.0"').replace('"120","120"', '"20.0"').replace('"470","490"', '"80.0"')
    assert long(nomis(published(text))) == [
        "8: Age | count",
        "11: Total | 1,200",
        "12: Age 0 to 15 | 240",
        "13: Age 16 and over | 960",
    ]


@pytest.mark.parametrize(
    "above", ['"","Sex"\n"Age","All persons","Males","Females"', '"Age","Sex"\n"","All persons","Males","Females"']
)
def test_the_name_above_the_columns_is_theirs(above: str) -> None:
    found = nomis(published(WEB.replace('"Age","All persons","Males","Females"', above)))
    assert found.rows[:2] == (("Age", "Sex", "count"), ("Total", "All persons", "1,200"))


def test_rows_without_a_name_are_called_rows() -> None:
    assert nomis(published(WEB.replace('"Age","All', '"","All'))).rows[0] == ("rows", "columns", "count")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("age,count\n15-24,12\n", "is not laid out as downloads from Nomis are: it begins 'age, count', expected a title"),
        (OBSERVED, "it looks like a download from Eurostat: write layout: {format: eurostat}"),
        ("", "table.csv: the file is empty"),
        (CODED.split("\n", maxsplit=1)[0], "row 1: no figures follow the header"),
        (CODED.replace("Value,120,A,Normal Value,8", "Value"), "row 2: has 11 fields, the header has 15; the file is cut"),
        (CODED.replace(",8\n", ",25001\n"), "row 1: has 8 of the 25001 rows that its column RECORD_COUNT tells of"),
        ("C_SEX,OBS_VALUE\n1,120\n", "row 1: there are codes but no column of names"),
        (CODED.replace("Value,", "Workplace,").replace("Percent,", "Residence,"), "2 kinds: 'Workplace', 'Residence'"),
        ("date,geography,geography code\n2021,York,E06\n", "no column is called like 'Sex: Male'"),
        ("date,geography,Sex: Male,Age: 0 to 4\n2021,York,5,3\n", "column 'Age: 0 to 4' is not told by Sex as others are"),
        ("date,geography,Sex: Male,Sex: Female\n2021,York,5\n", "row 2: has 3 fields, the header has 4"),
        (WEB.split('"Age"', maxsplit=1)[0], "row 6: no table follows the title"),
        (WEB.split('"All categories', maxsplit=1)[0], "row 8: no figures follow the header"),
        (WEB.replace('"120","120"', '"120"'), "row 11: has 3 fields, the header has 4"),
        (WEB.replace('"Age 0 to 15"', '"Living in Leeds"\n"Age 0 to 15"'), "row 11: 'Living in Leeds' stands among the rows"),
        (WEB.replace('"Age","All', '"","Age"\n"Age","All'), "row 9: rows and columns are both called 'Age'"),
        (WEB.replace('"Age","All', '"Age","A","B","C"\n"","All'), "row 9: a second header row: the table has two variables"),
    ],
)  # fmt: skip
def test_what_is_no_download_of_nomis_is_refused(text: str, told: str) -> None:
    assert told in complaint(nomis, text)


# Nothing but a refusal, whatever the file holds
PIECES = (
    "GEO_ID", "NAME", "B01001_001E", "B01001_002M", "B01001_001EA", "Estimate!!Total:", "Estimate!!Total:!!Male:",
    "Label (Grouping)", "Oregon!!Estimate", "Oregon!!Margin of Error", f"{DEEPER}Male:", "Total:", "±12", "*****",
    "sex,geo\\TIME_PERIOD", "F,AT", "F", "geo", "TIME_PERIOD", "OBS_VALUE", "OBS_FLAG", "2021", ": c", "12 b", "Y_GE65",
    "GEOGRAPHY_NAME", "C_SEX_NAME", "MEASURES_NAME", "RECORD_COUNT", "Value", "Percent", "date", "geography", "Sex: Male",
    "[from Nomis on 5 June 2019]", "Date :", "Units :", "Persons", "mnemonic", "number", "%", "12", "1,200", "", "a\tb", ":",
)  # fmt: skip
CELL = st.sampled_from(PIECES) | st.text(max_size=6)
ROWS = st.lists(st.lists(CELL, max_size=5).map(tuple), max_size=6)
FIRST = {
    "acs": st.sampled_from([("GEO_ID", "NAME", "B01001_001E"), ("Label (Grouping)", "Oregon!!Estimate")]),
    "eurostat": st.sampled_from([("sex,geo\\TIME_PERIOD", "2021"), ("geo", "TIME_PERIOD", "OBS_VALUE")]),
    "nomis": st.sampled_from([("C_SEX_NAME", "OBS_VALUE"), ("date", "geography", "Sex: Male"), ("[from Nomis on 5 June]",)]),
    "cbs": st.sampled_from([("ID", "Perioden", "a_1"), ("Perioden", "a (aantal)"), ("Measure", "ValueAttribute", "Value")]),
    "genesis": st.sampled_from(
        [("time_code", "time", "1_variable_attribute_label", "value"), ("Statistik_Code", "Zeit_Code", "Zeit", "A__b__Anzahl")]
    ),
    "ine": st.sampled_from([("Periodo", "Total"), ("Total Nacional", "Sexo", "Total")]),
    "ons": st.sampled_from([("Sex Code", "Sex", "Observation"), ("v4_1", "Mark", "sex", "Sex")]),
    "sdmx": st.sampled_from([("SEX", "TIME_PERIOD", "OBS_VALUE", "UNIT_MULT"), ("OBS_VALUE", "A", "TIME_PERIOD")]),
    "statcan": st.sampled_from(
        [
            ("REF_DATE", "GEO", "VECTOR", "VALUE"),
            ("REF_DATE", "DGUID", "Sex (3):Male[2]", "Symbol"),
            ("GEO_NAME", "CHARACTERISTIC_NAME", "C1_COUNT_TOTAL", "SYMBOL"),
        ]
    ),
}
LAST: dict[str, tuple[tuple[str, ...], ...]] = {
    "cbs": (("Bron: CBS",),),
    "genesis": (("__________",), ("Statistisches Bundesamt",)),
    "ine": (("Fuente: Instituto Nacional de Estadística",),),
}
"""What stands below printed tables."""


@pytest.mark.slow
@pytest.mark.parametrize("office", sorted(CONVERTERS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_rows_are_converted_or_refused(office: str, data: st.DataObject) -> None:
    start = data.draw(st.lists(FIRST[office], max_size=1))
    rows = (*start, *data.draw(ROWS), *LAST.get(office, ()))
    lines = Lines(source="table.csv", rows=rows, numbers=tuple(range(1, len(rows) + 1)))
    try:
        found = CONVERTERS[office](lines)
    except InputError as error:
        assert all(finding.where == "table.csv" for finding in error.findings)
    else:
        assert {len(row) for row in found.rows} == {len(found.rows[0])}
        assert len(found.numbers) == len(found.rows) > 1
        assert set(found.numbers) <= set(lines.numbers)
