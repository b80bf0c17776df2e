"""`check --reconcile` for tables of households and of persons that contradict each other a little."""

from pathlib import Path

import pytest

from synthor import check, load_spec, parse_spec, synthesize
from synthor.reconcile import Copy, corrected

TOWN = """unit: home
records: 1000
variables:
  tenure: {type: category, values: [owned, rented]}
  persons: {from: count(person), bins: [1, 2, 3]}
  children: {from: "count(person, age < 18)", bins: [0, 1]}
members:
  person:
    number: {min: 1, max: 3}
    role: role
    roles: {head: 1}
    variables:
      role: {type: category, values: [head, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
targets:
  - {name: size, counts: {persons: {"1": 400, "2": 400, "3": 200}}}
"""
ROLES = "  - {name: roles, counts: {role: {head: HEADS, other: OTHERS}}}\n"
AGES = "  - {name: ages, counts: {age: {0-17: 300, 18-64: 1200, 65+: 306}}}\n"


def copy_of(targets: str) -> Copy:
    return corrected(parse_spec(TOWN + targets), TOWN + targets, "spec.yaml", names=False, tables=True)


def roles(heads: int, others: int) -> str:
    return ROLES.replace("HEADS", str(heads)).replace("OTHERS", str(others))


@pytest.mark.slow
def test_tables_of_persons_are_fitted_to_what_households_say_of_them(tmp_path: Path) -> None:
    text = TOWN + roles(1004, 802) + AGES
    assert any("makes 1,800" in str(finding) for finding in check(parse_spec(text)))
    copy = copy_of(roles(1004, 802) + AGES)
    assert not copy.refused
    after = {one.stated.target.name: one.after.tolist() for one in copy.changed}
    assert after["roles"] == [1000, 800], "a head a home, and as many others as homes by size make"
    assert sum(after["ages"]) == 1800
    assert "`roles` of person (1 a home, 1,000 home)" in copy.changed[0].why
    for name, content in {**copy.files, "spec.yaml": text}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    agreed = load_spec(tmp_path / "spec.reconciled.yaml")
    assert [str(finding) for finding in check(agreed) if finding.severity == "error"] == []
    assert synthesize(agreed).measurement.met


def test_such_members_as_a_variable_counts_are_fitted_too() -> None:
    children = '  - {name: homes with children, counts: {children: {"0": 700, "1+": 300}}}\n'
    few = "  - {name: ages, counts: {age: {0-17: 298, 18-64: 1200, 65+: 302}}}\n"
    copy = copy_of(children + few)
    assert not copy.refused
    (ages,) = copy.changed
    assert ages.after[0] >= 300, "300 homes with one child or more have 300 children at least"
    assert ages.after.sum() == 1800
    assert "children in 'homes with children'" in ages.why


def test_what_is_too_far_off_is_refused_with_both_numbers() -> None:
    copy = copy_of(roles(1000, 900))
    assert not copy.files
    (finding,) = copy.refused
    assert "'roles' would have to move 100 of 1,900 records (5.3%) to agree with" in str(finding)
    assert "persons in 'size'" in str(finding)


def test_what_agrees_is_left_alone() -> None:
    copy = copy_of(roles(1000, 800))
    assert (copy.changed, copy.refused, dict(copy.files)) == ((), (), {})
