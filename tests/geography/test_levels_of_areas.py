"""Tables of zones beside those of larger areas: told where they differ, made to add up where their tolerance lets them."""

from synthor import check, parse_spec

REGION = """
records: 20
variables: {car: {type: boolean}, size: {type: category, values: [one, two, more]}}
zones: {key: taz, within: {tract: {a: n, b: n, c: s}}}
targets:
- {table: [{taz: a, count: 6}, {taz: b, count: 6}, {taz: c, count: 8}]}
"""


def errors(text: str) -> list[str]:
    return [str(finding) for finding in check(parse_spec(text)) if finding.severity == "error"]


SPARSE = (
    REGION
    + """
- {name: few, flows: [taz, size], table: [
    {taz: a, size: one, count: 6}, {taz: b, size: two, count: 6}, {taz: c, size: one, count: 7}, {taz: c, size: two, count: 1}]}
- {name: around, table: [{tract: n, size: one, count: NORTH}, {tract: n, size: two, count: OTHER},
    {tract: s, size: one, count: SOUTH}, {tract: s, size: two, count: REST}]}
"""
)


def sparse(*numbers: int, others: str = "none") -> str:
    text = SPARSE.replace("[taz, size]", f"[taz, size], others: {others}")
    for name, number in zip(("NORTH", "OTHER", "SOUTH", "REST"), numbers, strict=True):
        text = text.replace(name, str(number))
    return text


def test_sparse_tables_of_zones_are_set_against_those_of_larger_areas() -> None:
    assert errors(sparse(6, 6, 7, 1)) == []
    (told,) = errors(sparse(5, 7, 8, 0))
    assert told.startswith("targets: 'few (added up by tract)' and 'around' disagree on tract by size: 4 of 6 cells differ")
    assert errors(sparse(5, 7, 8, 0, others="free")) == []  # cells that are not listed are not known
    (told,) = errors(sparse(5, 7, 7, 1))  # of the whole region: it is told once
    assert told.startswith("targets: 'few' and 'around' disagree on size: 2 of 3 bands differ")
