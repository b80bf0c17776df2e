"""Tables of households and of persons that contradict each other are told with both numbers, before anything is fitted."""

import pytest

from synthor import check, parse_spec

HOUSEHOLDS = """
unit: household
records: 1000
variables:
  persons: {from: count(person), bins: [1, 2, 3, 4]}
  children: {from: "count(person, age < 18)", bins: [0, 1, 2]}
  head_sex: {from: head.sex}
  head_age: {from: head.age, bins: [15, 30, 50, 65]}
  old: {from: "any(person, age >= 65)"}
  partner_sex: {from: partner.sex}
members:
  person:
    number: {min: 1, max: 8}
    role: relationship
    roles: {head: 1, partner: {max: 1}}
    variables:
      relationship: {type: category, values: [head, partner, child, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 15, 25, 45, 65]}
      sex: {type: category, values: [male, female]}
    members: {trip: {number: {max: 3}, variables: {mode: {type: category, values: [foot, car]}}}}
targets:
"""
SIZES = '  - {name: sizes, counts: {persons: {"1": 300, "2": 330, "3": 200, "4+": 170}}}\n'
KIDS = '  - {name: kids, counts: {children: {"0": 700, "1": 200, "2+": 100}}}\n'


def of_ages(young: int, old: int) -> str:
    return f"  - {{name: ages, counts: {{age: {{0-17: {young}, 18-64: 1400, 65+: {old}}}}}}}\n"


def of_roles(head: int, partner: int) -> str:
    return f"  - {{name: roles, counts: {{relationship: {{head: {head}, partner: {partner}, child: 400, other: 110}}}}}}\n"


def told(targets: str) -> list[str]:
    return [str(finding) for finding in check(parse_spec(HOUSEHOLDS + targets)) if finding.severity == "error"]


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (SIZES + "  - {rows: person, count: 3575}\n", "persons in 'sizes' makes 2,240 to 2,920"),
        (SIZES + of_ages(300, 200), "'ages' counts 1,900"),
        ("  - {rows: person, count: 8001}\n", "(1 to 8 a household, 1,000 household) makes 1,000 to 8,000 person"),
        ("  - {rows: person, count: 999}\n", "counts 999"),
        (of_roles(990, 500), "makes 1,000 person with relationship 'head', 'roles' counts 990"),
        (of_roles(1000, 1001), "0 to 1,000 person with relationship 'partner'"),
        (KIDS + of_ages(300, 700), "children in 'kids' makes 400 to 1,000 `count(person, age < 18)`, 'ages' counts 300"),
        (KIDS + of_ages(1001, 700), "'ages' counts 1,001"),
        ("  - {name: old, counts: {old: {yes: 300, no: 700}}}\n" + of_ages(900, 299), "makes 300 to 2,400"),
        ("  - {name: old, counts: {old: {yes: 30, no: 970}}}\n" + of_ages(900, 241), "makes 30 to 240"),
        (
            "  - {name: heads, counts: {head_age: {15-29: 600, 30-49: 300, 50-64: 50, 65+: 50}}}\n" + of_ages(900, 20),
            "head_age 65+ in 'heads' makes 50 head with age 65+",
        ),
        (
            "  - {name: heads, counts: {head_sex: {male: 600, female: 400}}}\n  - {name: people, counts: {sex: {male: 599, "
            "female: 900}}}\n",
            "head_sex male in 'heads' makes 600 head with sex male, 'people' counts 0 to 599",
        ),
        (
            "  - {name: p, counts: {partner_sex: {male: 100, female: 300, none: 600}}}\n" + of_roles(1000, 500),
            "partner_sex in 'p' makes 400 partner, 'roles' counts 500",
        ),
        (
            SIZES + '  - {name: n, counts: {persons: {"1": 300, "2": 670, "3": 600, "4+": 770}}, rows: person}\n',
            "persons 2 in 'sizes' makes 660 `count(person)` where persons 2, 'n' counts 670",
        ),
        (
            "  - {rows: person, count: 2000}\n  - {name: modes, counts: {mode: {foot: 5000, car: 1001}}}\n",
            "makes 0 to 6,000 trip",
        ),
    ],
)
def test_tables_of_two_levels_that_contradict_each_other_are_told_with_both_numbers(targets: str, said: str) -> None:
    found = told(targets)
    assert found and said in found[0], found


@pytest.mark.parametrize(
    "targets",
    [
        SIZES + "  - {rows: person, count: 2240}\n" + KIDS,
        SIZES + "  - {rows: person, count: 2920}\n" + of_roles(1000, 700).replace("child: 400, other: 110", "child: 1220"),
        KIDS + of_ages(400, 700),
        KIDS + of_ages(1000, 700),
        "  - {name: old, counts: {old: {yes: 30, no: 970}}}\n" + of_ages(900, 240),
        SIZES + '  - {name: n, counts: {persons: {"1": 300, "2": 660, "3": 600, "4+": 770}}, rows: person}\n',
        "  - {name: old, shares: {old: {yes: 0.3, no: 0.7}}}\n  - {shares: {age: {0-17: 0.5, 18-64: 0.3, 65+: 0.2}}}\n"
        "  - {rows: person, count: 2000}\n",
        '  - {name: kids, tolerance: {relative: 0.05}, counts: {children: {"0": 700, "1": 200, "2+": 100}}}\n'
        + of_ages(385, 700),
    ],
)
def test_tables_of_two_levels_that_leave_room_are_not_told(targets: str) -> None:
    assert not told(targets)


ZONES = """
unit: household
records: 30
variables:
  persons: {from: count(person), bins: [1, 2, 3]}
members:
  person:
    number: {min: 1, max: 6}
    role: relationship
    roles: {head: 1}
    variables:
      relationship: {type: category, values: [head, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
zones: {key: taz, within: {tract: {a: north, b: north, c: south}}}
targets:
  - name: sizes
    table: [{taz: a, persons: "1", count: 4}, {taz: a, persons: "2", count: 4}, {taz: a, persons: 3+, count: 2},
            {taz: b, persons: "1", count: 5}, {taz: b, persons: "2", count: 5}, {taz: b, persons: 3+, count: 0},
            {taz: c, persons: "1", count: 0}, {taz: c, persons: "2", count: 0}, {taz: c, persons: 3+, count: 10}]
"""


def people(a: int, b: int, c: int) -> str:
    return (
        f"  - {{name: people, rows: person, table: [{{taz: a, count: {a}}}, {{taz: b, count: {b}}}, {{taz: c, count: {c}}}]}}\n"
    )


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (people(20, 15, 40), ""),
        (people(18, 15, 60), ""),
        (people(25, 15, 40), "in taz 'a' persons in 'sizes' makes 18 to 24 `count(person)`, 'people' counts 25"),
        (people(20, 14, 29), "'people' counts 14, which cannot both be met; so in 2 areas"),
        (people(20, 16, 40), "in taz 'b' persons in 'sizes' makes 15 `count(person)`, 'people' counts 16"),
        (people(9, 15, 40), "in taz 'a' `number` of person (1 to 6 a household) makes 10 to 60 person, 'people' counts 9"),
        (
            "  - {name: people, rows: person, table: [{tract: north, count: 40}, {tract: south, count: 40}]}\n",
            "in tract 'north' persons in 'sizes' makes 33 to 39 `count(person)`, 'people' counts 40",
        ),
        ("  - {name: people, rows: person, count: 150}\n", "makes 63 to 99 `count(person)`, 'people' counts 150"),
        (
            "  - name: roles\n    rows: person\n    table: [{taz: a, relationship: head, count: 10}, {taz: a, relationship: "
            "other, count: 9},\n            {taz: b, relationship: head, count: 9}, {taz: b, relationship: other, count: 6},\n"
            "            {taz: c, relationship: head, count: 11}, {taz: c, relationship: other, count: 29}]\n",
            "in taz 'b' `roles` of person (1 a household) makes 10 person with relationship 'head', 'roles' counts 9",
        ),
    ],
)
def test_what_disagrees_in_one_zone_is_told_with_it(targets: str, said: str) -> None:
    found = [str(finding) for finding in check(parse_spec(ZONES + targets))]
    assert said in "\n".join(found) if said else not any("cannot both be met" in message for message in found), found
    assert sum("`count(person)`" in message for message in found) <= 1


def of_persons(*targets: str) -> list[str]:
    """What check says is wrong with tables of persons, and warns of, but for variables without a target."""
    listed = "".join(f"  - {one}\n" for one in targets)
    found = check(parse_spec(HOUSEHOLDS + listed))
    return [f"{one.severity}: {one}" for one in found if "has no target" not in one.message]


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (
            ["{rows: person, count: 2400}", "{rows: person, count: 2401}"],
            "error: targets[1]: counts 2,401 person, but the count of person in targets[0] is 2,400",
        ),
        (
            ["{rows: person, count: 2400}", "{rows: person, counts: {sex: {male: 1200, female: 1201}}}"],
            "error: targets[1]: counts add up to 2,401, but the count of person in targets[0] is 2,400",
        ),
        (
            ["{counts: {age: {0-17: 400, 18+: 2000}}}", "{name: s, counts: {sex: {male: 1200, female: 1201}}}"],
            "error: targets[1] (s): counts add up to 2,401, but the sum of targets[0] is 2,400",
        ),
        (
            ["{counts: {mode: {foot: 50, car: 40}}}", "{name: n, rows: trip, count: 91}", "{rows: trip, count: 90}"],
            "error: targets[2]: counts 90 trip, but the count of trip in targets[1] (n) is 91",
        ),
    ],
)
def test_two_exact_totals_of_the_same_rows_that_differ_are_an_error_that_names_both(targets: list[str], said: str) -> None:
    for listed in (targets, [*targets, "{rows: household, counts: {head_sex: {male: 600, female: 400}}}"]):
        found = of_persons(*listed)
        assert any(line.startswith(said) for line in found)
        assert not any("set records to" in line for line in found)


@pytest.mark.parametrize(
    ("loose", "beside", "refused"),
    [
        ("tolerance: {relative: 5%}", "{rows: person, count: 2500}", False),
        ("tolerance: {relative: 5%}", "{counts: {sex: {male: 1200, female: 1300}}}", False),
        ("tolerance: {relative: 5%}", "{rows: person, count: 2600}", True),
        ("rounded_to: 100", "{counts: {sex: {male: 1200, female: 1250}}}", False),
        ("rounded_to: 100", "{counts: {sex: {male: 1200, female: 1251}}}", True),
        ("margin_of_error: 60", "{counts: {sex: {male: 1200, female: 1250}}}", False),
        ("tolerance: {points: 1}", "{counts: {sex: {male: 1200, female: 1250}}, tolerance: {relative: 2%}}", False),
    ],
)
def test_a_number_of_rows_that_is_told_nearly_leaves_room(loose: str, beside: str, refused: bool) -> None:
    for targets in ([f"{{rows: person, count: 2400, {loose}}}", beside], [beside, f"{{rows: person, count: 2400, {loose}}}"]):
        found = of_persons(*targets)
        assert any(line.startswith("error") for line in found) == refused, found
        assert refused or not found


def test_intervals_of_persons_without_whole_numbers_speak_of_persons() -> None:
    found = of_persons("{rows: person, count: 2400}", "{rounded_to: 5, counts: {sex: {male: 1100, female: 1305}}}")
    (line,) = [line for line in found if "whole numbers inside" in line]
    assert "at least 2,401, but there are 2,400 of 'person'; set the count of person in targets[0] to 2,401, or" in line


def test_tables_that_one_number_contradicts_are_not_said_to_be_reconciled_where_numbers_have_no_cells() -> None:
    of_numbers = of_persons("{rows: person, count: 2400}", "{rows: person, count: 2401}")
    of_parts = of_persons("{rows: person, count: 9, where: age < 18}", "{rows: person, count: 8, where: age < 18}")
    of_cells = of_persons("{rows: person, count: 2400}", "{counts: {sex: {male: 1200, female: 1201}}}")
    assert [any("--reconcile" in line for line in found) for found in (of_numbers, of_parts, of_cells)] == [False, False, True]
