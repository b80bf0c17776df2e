"""Wanted counts that are no whole numbers are met to the nearest one, and that is said instead of `exactly`."""

import json

import pytest

from synthor import parse_spec, synthesize
from synthor.report.page import render
from synthor.report.screen import Screen
from synthor.report.terminal import measurement_table

VARIABLES = "variables: {s: {type: category, values: [a, b]}, t: {type: category, values: [a, b]}}"
SHARES = "{s: a, t: a, share: 33.3}, {s: a, t: b, share: 66.7}, {s: b, t: a, share: 50}, {s: b, t: b, share: 50}"
BY = f"{{by: [s], table: [{SHARES}]}}"


@pytest.mark.parametrize(
    ("records", "targets", "rounded"),
    [
        (3, "{counts: {s: {a: 1.5, b: 1.5}}}", [True]),
        (1, "{shares: {s: {a: 33.3, b: 66.7}}}", [True]),
        (10, "{shares: {s: {a: 0.33, b: 0.67}}}", [True]),
        (10, f"{{counts: {{s: {{a: 5, b: 5}}}}}}, {BY}", [False, True]),
        (10, f"{{counts: {{s: {{a: 6, b: 4}}}}}}, {BY}", [False, False]),
        (3, "{counts: {s: {a: 1, b: 2}}}", [False]),
        (1000, "{shares: {s: {a: 33.3, b: 66.7}}}", [False]),
        (77536, "{shares: {s: {a: 34.8, b: 65.2}}}", [False]),  # whose whole number is printed as that share, too
    ],
)
def test_what_holds_no_whole_number_is_met_to_the_nearest(
    records: int, targets: str, rounded: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    run = synthesize(parse_spec(f"{{records: {records}, {VARIABLES}, targets: [{targets}]}}"))
    found = run.measurement
    assert found.met
    assert [fit.rounded for fit in found.fits] == rounded
    how = "to the nearest whole record" if any(rounded) else "exactly"
    assert f" {how} (" in found.verdict
    told = json.loads(found.to_json())
    assert [target.get("rounded", False) for target in told["targets"]] == rounded
    Screen().print(measurement_table(found))
    assert capsys.readouterr().out.count("rounded") == sum(rounded)
    assert found.verdict in render(run.model, found, ())
