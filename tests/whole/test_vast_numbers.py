"""Numbers at the ends of what a float holds: refused with their place, never a traceback."""

import pytest

from synthor import InputError, parse_spec
from synthor.loop import check_all

VARIABLES = "variables: {s: {type: category, values: [a, b]}, x: {type: number, min: 0, max: 9, bins: [0, 5]}}"
DIGITS = "9" * 400


def errors(text: str) -> list[str]:
    """Where the spec is wrong; nothing may be anything else than an error of the input, not even a warning of NumPy."""
    try:
        found = check_all(parse_spec(text))
    except InputError as error:
        return [finding.where for finding in error.findings]
    return [finding.where for finding in found if finding.severity == "error"]


@pytest.mark.parametrize("number", ["1e308", "2e18", "1e400", ".inf", ".nan", "-1", DIGITS, "9" * 5000])
@pytest.mark.parametrize(
    "target",
    [
        "{counts: {s: {a: %s, b: %s}}}",
        "{shares: {s: {a: %s, b: %s}}}",
        "{table: [{s: a, count: '%s'}, {s: b, count: 1}]}",
        "{table: [{s: a, count: 5, moe: '%s'}, {s: b, count: 5, moe: 1}], margin_of_error: moe}",
        "{counts: {s: {a: 5, b: 5}}, margin_of_error: %s}",
        "{counts: {s: {a: 5, b: 5}}, rounded_to: %s}",
        "{mean: x, value: %s}",
        "{quantiles: x, values: {0.5: %s}}",
    ],
)
def test_a_number_beyond_all_is_refused_in_its_place(number: str, target: str) -> None:
    spec = f"{{records: 10, {VARIABLES}, targets: [{target.replace('%s', number)}]}}"
    places = errors(spec)
    assert places
    assert all("targets[0]" in place or place == "spec" for place in places), places


@pytest.mark.parametrize("interval", ["<1e308", "1-2000000000000000000", f">{DIGITS}", "<2e18"])
def test_an_interval_beyond_all_is_refused(interval: str) -> None:
    table = f"table: [{{s: a, count: '{interval}'}}, {{s: b, count: 1}}]"
    assert errors(f"{{records: 10, {VARIABLES}, targets: [{{{table}}}]}}")


@pytest.mark.parametrize("head", ["records: %s", "records: 10, population: %s", "records: 10, random_seed: %s"])
@pytest.mark.parametrize("number", ["1e308", f"1{'0' * 30}", DIGITS, "9" * 5000, ".inf"])
def test_so_are_records_beyond_all(head: str, number: str) -> None:
    assert errors(f"{{{head.replace('%s', number)}, {VARIABLES}}}")


@pytest.mark.parametrize("edge", ["1e308", DIGITS, "1e-320"])
def test_so_are_bins(edge: str) -> None:
    assert errors(f"{{records: 10, variables: {{x: {{type: number, min: 0, max: 9, bins: [0, {edge}]}}}}}}")


@pytest.mark.parametrize("confidence", ["1e-320", "0.9999999999999999"])
def test_a_confidence_that_says_nothing_is_refused(confidence: str) -> None:
    target = f"{{counts: {{s: {{a: 5, b: 5}}}}, margin_of_error: 1, confidence: {confidence}}}"
    assert errors(f"{{records: 10, {VARIABLES}, targets: [{target}]}}") == ["spec: targets[0]"]
