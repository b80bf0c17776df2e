"""Bands and single years in any mix are understood, whether they are bins or not, and so is what `labels` calls them."""

import numpy as np
import pytest

from synthor import check, compile_problem, parse_spec, synthesize
from synthor.problem import Target

ACS = (
    "Under 5 years", "5 to 9 years", "10 to 14 years", "15 to 17 years", "18 and 19 years", "20 years", "21 years",
    "22 to 24 years", "25 to 29 years", "30 to 34 years", "35 to 59 years", "60 and 61 years", "62 to 64 years",
    "65 and 66 years", "67 to 84 years", "85 years and over",
)  # fmt: skip
EDGES = [0, 5, 10, 15, 18, 20, 21, 22, 25, 30, 35, 60, 62, 65, 67, 85]


def spec(labels: object, bins: str = "[0, 18, 65]", more: str = "", where: str = "", total: int | None = None) -> str:
    rows = ", ".join(f"{{age: '{label}', count: 10}}" for label in labels)  # type: ignore[attr-defined]
    age = f"{{age: {{type: integer, min: 0, max: 99, bins: {bins}}}}}"
    n = 10 * len(list(labels)) if total is None else total  # type: ignore[call-overload]
    return f"{{records: {n}, variables: {age}, {more} targets: [{{{where} table: [{rows}]}}]}}"


def firsts(target: Target) -> list[float]:
    """First value of what each label of a one-way table stands for."""
    axis = target.axes[0]
    return [float(axis.variable.low[np.flatnonzero(axis.group_of == group)].min()) for group in range(axis.size)]


@pytest.mark.parametrize(
    "bins", ["[0, 18, 65]", "[0, 20]", "[0, 50]", "[0, 15, 18, 20, 21, 22, 25]", str(EDGES), "[0, 19, 21, 23, 66]"]
)
def test_the_ages_of_the_american_community_survey_cut_any_bins(bins: str) -> None:
    (target,) = compile_problem(parse_spec(spec(ACS, bins))).targets
    assert firsts(target) == EDGES
    assert target.axes[0].covers


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["Under 1 year", "1 year", "2 years", "3 and 4 years", "5 years and over"], [0, 1, 2, 3, 5]),
        (["0", "1-4", "5 to 98", "99"], [0, 1, 5, 99]),
        (["0 to 17", "18", "19 or more"], [0, 18, 19]),
        (["Less than 20 years", "20 years", "over 20"], [0, 20, 21]),
        (["up to 20", "21", "22 and 23", "more than 23"], [0, 21, 22, 24]),
        (["18 years", "19 years", "20 to 99 years"], [18, 19, 20]),
        (["0-19", "20", "21", "22+", "Total"], [0, 20, 21, 22]),
    ],
)
def test_a_single_year_between_bands_is_a_band(labels: list[str], expected: list[float]) -> None:
    total = 10 * len([label for label in labels if label != "Total"])
    text = spec(labels, total=total).replace("'Total', count: 10", f"'Total', count: {total}")
    (target,) = compile_problem(parse_spec(text)).targets
    assert firsts(target) == expected


def test_records_lie_in_the_single_years_that_were_published() -> None:
    run = synthesize(parse_spec(spec(ACS, "[0, 18, 65]")))
    assert run.measurement.met
    age = run.records["age"]
    assert [int(age.is_between(low, high).sum()) for low, high in ((18, 19), (20, 20), (21, 21), (22, 24))] == [10] * 4


def error(text: str) -> str:
    (found,) = [str(finding) for finding in check(parse_spec(text)) if finding.severity == "error"]
    return found


@pytest.mark.parametrize(
    ("labels", "slip"),
    [
        (["0-15", "16-64", "65"], "65"),  # the highest may well be meant to be open
        (["0-15", "17", "20-64", "65+"], "17"),
        (["0", "17", "66"], "17"),
    ],
)
def test_a_single_year_that_no_band_leads_to_may_be_a_slip(labels: list[str], slip: str) -> None:
    assert f"'{slip}' is no label of age" in error(spec(labels, "[0, 16, 66]"))


def test_a_single_year_at_the_top_is_one_where_groups_say_so() -> None:
    text = spec(["18-24", "25"], "[0, 16]", where="where: age between 18 and 25,")
    cure = error(text.replace("between 18 and 25", ">= 18 and age <= 25")).split("`")[1]
    assert cure == "groups: {age: {'18-24': [18, 25], '25': [25, 26]}}"
    mended = text.replace("where: age between 18 and 25,", f"where: age >= 18 and age <= 25, {cure},")
    assert not [finding for finding in check(parse_spec(mended)) if finding.severity == "error"]


def test_a_label_that_is_no_band_does_not_spoil_the_bands_beside_it() -> None:
    text = spec(["0-15", "16-24", "25 and up", "elsewhere"], "[0, 18]")
    said = error(text)
    assert "'elsewhere' is no label of age" in said
    assert "`labels: {age: {'elsewhere': ...}}`" in said


@pytest.mark.parametrize("meant", ["15-24", "15 to 24", "'15'", "15 years"])
def test_labels_are_mapped_to_bands_that_are_no_bins(meant: str) -> None:
    low = {"15-24": ["0 a 14", "25 ans+"], "15 to 24": ["0 a 14", "25 ans+"]}.get(meant, ["0 a 14", "16 ans+"])
    after = "25+" if "24" in meant else "16 and over"
    renamed = f"labels: {{age: {{'{low[0]}': 0-14, 'quinze': {meant}, '{low[1]}': {after}}}}},"
    (target,) = compile_problem(parse_spec(spec([low[0], "quinze", low[1]], "[0, 30, 60]", renamed))).targets
    assert firsts(target) == [0, 15, 25 if "24" in meant else 16]


def test_what_two_labels_say_alike_is_one_band() -> None:
    rows = [("m", "Under 16", 1), ("m", "16 and over", 2), ("f", "0-15", 3), ("f", "16+", 4)]
    table = ", ".join(f"{{sex: {sex}, age: {age}, count: {count}}}" for sex, age, count in rows)
    variables = "{sex: {type: category, values: [m, f]}, age: {type: integer, min: 0, max: 99, bins: [0, 50]}}"
    (target,) = compile_problem(parse_spec(f"{{records: 10, variables: {variables}, targets: [{{table: [{table}]}}]}}")).targets
    assert target.wanted.tolist() == [1, 2, 3, 4]
