"""Tables of rows and of their members that contradict each other all together are told, and none that some units meet."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from synthor import check, parse_spec

TOWN = """
unit: household
records: 100
variables:
  tenure: {type: category, values: [owned, rented]}
  status: {type: category, values: [occupied, vacant, group]}
  persons: {from: count(person), bins: [0, 1, 2, 3, 4]}
  oldest: {from: max(person.age), bins: [0, 18, 65]}
  youngest: {from: min(person.age), bins: [0, 18, 65]}
  grown: {from: "all(person, age >= 18)"}
  pay: {from: sum(person.income), bins: [0, 1000, 5000, 20000]}
  best: {from: max(person.income), bins: [0, 1000, 3000]}
  usual: {from: mean(person.income), bins: [0, 2000, 3000]}
  head_age: {from: head.age, bins: [0, 18, 65]}
  head_sex: {from: head.sex}
members:
  person:
    number: {min: 0, max: 30}
    role: role
    roles: {head: {max: 1}, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
      sex: {type: category, values: [f, m]}
      income: {type: integer, min: 0, max: 5000, bins: [0, 1000, 3000]}
    members: {trip: {number: {min: 1, max: 3}, variables: {mode: {type: category, values: [foot, car]}}}}
"""
OCCUPIED = TOWN.replace("number: {min: 0, max: 30}", "number: {min: 1, max: 8}").replace("head: {max: 1}", "head: 1")
STATUS = "{name: kinds, counts: {status: {occupied: 80, vacant: 15, group: 5}}}"
SIZES = '{name: sizes, counts: {persons: {"0": %d, "1": 30, "2": 30, "3": 14, "4+": 10}}}'
EMPTY = ["status = 'vacant' and persons > 0", "status <> 'vacant' and persons = 0"]
HEADS = [EMPTY[0], "status = 'group' and count(head) > 0"]
CROSSED = (
    '{name: sizes, table: [{persons: "1", tenure: owned, count: 10}, {persons: "1", tenure: rented, count: 20}, '
    '{persons: "2", tenure: owned, count: 20}, {persons: "2", tenure: rented, count: 13}, '
    '{persons: "3", tenure: owned, count: 20}, {persons: "4+", tenure: owned, count: 10}, '
    '{persons: "4+", tenure: rented, count: 7}]}'
)


def told(spec: str, targets: Sequence[str], rules: Sequence[str] = ()) -> list[str]:
    """The errors of a spec with some targets and rules."""
    text = spec + "targets:\n" + "".join(f"  - {one}\n" for one in targets)
    text += "rules:\n" * bool(rules) + "".join(f'  - {{never: "{one}"}}\n' for one in rules)
    return [str(finding) for finding in check(parse_spec(text)) if finding.severity == "error"]


def ages(old: int, young: int = 50) -> str:
    return f"{{name: ages, counts: {{age: {{0-17: {young}, 18-64: 100, 65+: {old}}}}}}}"


def by(variable: str, **counts: int) -> str:
    listed = ", ".join(f'"{label}": {count}' for label, count in counts.items())
    return f"{{name: by_{variable}, counts: {{{variable}: {{{listed}}}}}}}"


CLASHES = {
    "as many vacant ones as empty ones": (
        TOWN, [STATUS, SIZES % 16], EMPTY, ["'kinds' counts 15 household (vacant)", "'sizes' leaves no fewer than 16"],
        [STATUS, (SIZES % 16).replace("16", "15").replace("30", "31", 1)],
    ),
    "nobody in vacant ones": (
        TOWN, [STATUS, "{name: n, rows: person, counts: {status: {occupied: 200, vacant: 2, group: 60}}}"], EMPTY,
        ["'n' counts 2 person (vacant)", "there can be no more than 0 with the rule `status = 'vacant' and persons > 0`"],
        [STATUS, "{name: n, rows: person, counts: {status: {occupied: 200, vacant: 0, group: 60}}}"],
    ),
    "as many as there is room for": (
        TOWN, [STATUS, "{name: n, rows: person, counts: {status: {occupied: 200, vacant: 0, group: 151}}}"], EMPTY,
        ["'n' counts 151 person (group)", "'kinds' leaves no more than 150"],
        [STATUS, "{name: n, rows: person, counts: {status: {occupied: 200, vacant: 0, group: 150}}}"],
    ),
    "heads that rules allow": (
        TOWN, [STATUS, "{name: roles, counts: {role: {head: 81, partner: 30, child: 20, other: 60}}}"], HEADS,
        ["'roles' counts 81 person (head)", "'kinds' leaves no more than 80", HEADS[0], HEADS[1]],
        [STATUS, "{name: roles, counts: {role: {head: 80, partner: 30, child: 20, other: 60}}}"],
    ),
    "partners of those who are not alone": (
        OCCUPIED,
        ['{name: sizes, counts: {persons: {"1": 30, "2": 33, "3": 20, "4+": 17}}}',
         "{name: roles, counts: {role: {head: 100, partner: 71, child: 40, other: 30}}}"], [],
        ["'roles' counts 71 person (partner)", "'sizes' leaves no more than 70"],
        ['{name: sizes, counts: {persons: {"1": 30, "2": 33, "3": 20, "4+": 17}}}',
         "{name: roles, counts: {role: {head: 100, partner: 70, child: 41, other: 30}}}"],
    ),
    "sizes by another variable": (
        OCCUPIED, [CROSSED, "{name: n, rows: person, counts: {tenure: {owned: 149, rented: 102}}}"], [],
        ["'n' counts 149 person (owned)", "'sizes' leaves no fewer than 150"],
        [CROSSED, "{name: n, rows: person, counts: {tenure: {owned: 150, rented: 102}}}"],
    ),
    "the oldest": (
        OCCUPIED, [by("oldest", **{"0-17": 0, "18-64": 30, "65+": 70}), ages(69)], [],
        ["'ages' counts 69 person (65+)", "'by_oldest' leaves no fewer than 70"],
        [by("oldest", **{"0-17": 0, "18-64": 30, "65+": 70}), ages(70)],
    ),
    "nobody older than the oldest": (
        OCCUPIED, [by("oldest", **{"0-17": 1, "18-64": 99, "65+": 0}), ages(1)], [], ["counts", "(65+)"],
        [by("oldest", **{"0-17": 1, "18-64": 99, "65+": 0}), ages(0)],
    ),
    "the youngest": (
        OCCUPIED, [by("youngest", **{"0-17": 11, "18-64": 30, "65+": 59}), ages(59, 10)], [],
        ["'ages' counts 10 person (0-17)", "'by_youngest' leaves no fewer than 11"],
        [by("youngest", **{"0-17": 11, "18-64": 30, "65+": 59}), ages(59, 11)],
    ),
    "all of them": (
        OCCUPIED, [by("grown", yes=80, no=20), ages(60, 19)], [], ["'ages' counts 19 person (0-17)", "no fewer than 20"],
        [by("grown", yes=80, no=20), ages(60, 20)],
    ),
    "said in a where": (
        OCCUPIED,
        ["{rows: household, where: \"count(child) >= 2\", count: 21}", "{counts: {role: {head: 100, child: 41}}}"], [],
        ["counts 41 person (child)", "no fewer than 42"],
        ["{rows: household, where: \"count(child) >= 2\", count: 21}", "{counts: {role: {head: 100, child: 42}}}"],
    ),
    "sums of their numbers": (
        OCCUPIED, ["{name: pays, counts: {pay: {0-999: 0, 1000-4999: 50, 5000-19999: 40, 20000+: 10}}}",
                   "{name: all, total: income, value: 440000}"], [],
        ["'all' gives a total of income of 440,000", "'pays' leaves no fewer than 450,000"],
        ["{name: pays, counts: {pay: {0-999: 0, 1000-4999: 50, 5000-19999: 40, 20000+: 10}}}",
         "{name: all, total: income, value: 450000}"],
    ),
    "a mean of as many as there are": (
        OCCUPIED, ["{name: pays, counts: {pay: {0-999: 0, 1000-4999: 50, 5000-19999: 40, 20000+: 10}}}",
                   "{rows: person, count: 200}", "{name: one, mean: income, value: 2200}"], [], ["'pays'", "'one'", "200"],
        ["{name: pays, counts: {pay: {0-999: 0, 1000-4999: 50, 5000-19999: 40, 20000+: 10}}}",
         "{rows: person, count: 200}", "{name: one, mean: income, value: 2250}"],
    ),
    "the greatest of their numbers": (
        OCCUPIED, ["{name: bests, counts: {best: {0-999: 0, 1000-2999: 60, 3000+: 40}}}",
                   "{name: all, total: income, value: 179000}"], [],
        ["'all' gives a total of income of 179,000", "'bests' leaves no fewer than 180,000"],
        ["{name: bests, counts: {best: {0-999: 0, 1000-2999: 60, 3000+: 40}}}", "{name: all, total: income, value: 180000}"],
    ),
    "a total that is too large for the greatest": (
        OCCUPIED, ["{name: bests, counts: {best: {0-999: 0, 1000-2999: 100, 3000+: 0}}}",
                   "{rows: person, count: 200}", "{name: all, total: income, value: 600000}"], [],
        ["'all' gives a total of income of 600,000", "leave no more than 599,800"],
        ["{name: bests, counts: {best: {0-999: 0, 1000-2999: 100, 3000+: 0}}}",
         "{rows: person, count: 200}", "{name: all, total: income, value: 599000}"],
    ),
    "means of theirs": (
        OCCUPIED, ["{name: usuals, counts: {usual: {0-1999: 0, 2000-2999: 0, 3000+: 100}}}",
                   "{name: one, mean: income, value: 2900}"], [], ["'usuals'", "'one'"],
        ["{name: usuals, counts: {usual: {0-1999: 0, 2000-2999: 0, 3000+: 100}}}", "{name: one, mean: income, value: 3000}"],
    ),
    "of members of members": (
        OCCUPIED, ["{name: n, rows: person, counts: {sex: {f: 100, m: 100}}}",
                   "{name: t, rows: trip, counts: {sex: {f: 99, m: 250}}}"], [],
        ["'t' counts 99 trip (f)", "'n' leaves no fewer than 100"],
        ["{name: n, rows: person, counts: {sex: {f: 100, m: 100}}}", "{name: t, rows: trip, counts: {sex: {f: 100, m: 250}}}"],
    ),
}  # fmt: skip
"""What contradicts each other, what is said of it, and what is next to it and does not."""


@pytest.mark.parametrize("case", list(CLASHES))
def test_tables_that_no_units_meet_together_are_told_and_their_neighbours_are_not(case: str) -> None:
    spec, targets, rules, said, possible = CLASHES[case]
    (line,) = told(spec, targets, rules)
    assert all(part in line for part in said), line
    assert not told(spec, possible, rules)


def test_a_tolerance_a_rounding_and_cells_that_are_not_told_leave_room() -> None:
    roles = "name: roles, counts: {role: {head: 81, partner: 30, child: 20, other: 60}}"
    assert told(TOWN, [STATUS, f"{{{roles}}}"], HEADS)
    for loose in ("tolerance: {relative: 2%}", "rounded_to: 3", "margin_of_error: 3"):
        assert not told(TOWN, [STATUS, f"{{{roles}, {loose}}}"], HEADS)
    hidden = "{table: [{status: occupied, count: '*'}, {status: vacant, count: '*'}, {status: group, count: 5}]}"
    assert not told(TOWN, [hidden, f"{{{roles}}}"], HEADS)


def test_a_rule_that_looks_at_another_rows_number_forbids_nothing_here() -> None:
    assert not told(TOWN, [STATUS, ages(50)], ["child.age > head.age - 12", "persons > 3 and sum(person.income) < 9"])


# --- Of tables of a population none is refused


def band(value: float, edges: Sequence[int]) -> str:
    """The label of the bin that a number lies in."""
    at = int(np.searchsorted(edges, value, side="right")) - 1
    return f"{edges[at]}+" if at + 1 == len(edges) else f"{edges[at]}-{edges[at + 1] - 1}"


def people(rng: np.random.Generator) -> list[dict[str, object]]:
    """Who lives in a household of some kind."""
    status = str(rng.choice(["occupied", "vacant", "group"], p=[0.7, 0.2, 0.1]))
    n = {"occupied": int(rng.integers(1, 7)), "vacant": 0, "group": int(rng.integers(1, 12))}[status]
    roles = ["head", "partner"] if status == "occupied" and rng.random() < 0.5 else ["head"] * (status == "occupied")
    found = []
    for i in range(n):
        role = roles[i] if i < len(roles) else str(rng.choice(["child", "other"]))
        age = int(rng.integers(18 if i < len(roles) else 0, 99))
        found.append({"role": role, "years": age, "sex": str(rng.choice(["f", "m"])), "income": int(rng.integers(0, 5000))})
    ages, pays = [int(str(one["years"])) for one in found], [int(str(one["income"])) for one in found]
    head = next((one for one in found if one["role"] == "head"), None)
    own: dict[str, object] = {
        "status": status,
        "tenure": str(rng.choice(["owned", "rented"])),
        "persons": "4+" if n > 3 else str(n),
        "oldest": band(max(ages), [0, 18, 65]) if ages else "none",
        "youngest": band(min(ages), [0, 18, 65]) if ages else "none",
        "grown": "yes" if all(age >= 18 for age in ages) else "no",
        "pay": band(sum(pays), [0, 1000, 5000, 20000]),
        "best": band(max(pays), [0, 1000, 3000]) if pays else "none",
        "usual": band(np.floor(np.mean(pays) + 0.5), [0, 2000, 3000]) if pays else "none",
        "head_age": band(int(str(head["years"])), [0, 18, 65]) if head else "none",
        "head_sex": head["sex"] if head else "none",
    }
    return [own, *(own | one | {"age": band(int(str(one["years"])), [0, 18, 65])} for one in found)]


def tabled(rows: Sequence[dict[str, object]], names: Sequence[str], kind: str) -> str:
    counts = Counter(tuple(row[name] for name in names) for row in rows)
    cells = (zip((*names, "count"), (*labels, n), strict=True) for labels, n in counts.items())
    table = ", ".join("{" + ", ".join(f'{name}: "{value}"' for name, value in cell) + "}" for cell in cells)
    return f"{{rows: {kind}, table: [{table}]}}"


@pytest.mark.parametrize("seed", range(12))
def test_tables_of_a_population_are_never_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    homes = [people(rng) for _ in range(100)]
    households, persons = [home[0] for home in homes], [one for home in homes for one in home[1:]]
    targets = [f"{{total: income, value: {sum(int(str(one['income'])) for one in persons)}}}"]
    for _ in range(3):
        own = [str(name) for name in rng.choice(list(households[0]), size=2, replace=False)]
        above = [str(name) for name in rng.choice(list(households[0]), size=int(rng.integers(0, 3)), replace=False)]
        theirs = [str(name) for name in rng.choice(["role", "age", "sex"], size=int(rng.integers(1, 3)), replace=False)]
        targets += [tabled(households, own, "household"), tabled(persons, [*theirs, *above], "person")]
    n_young = sum(any(int(str(one["years"])) < 30 and one["sex"] == "f" for one in home[1:]) for home in homes)
    n_children = sum(sum(one["role"] == "child" for one in home[1:]) >= 2 for home in homes)
    targets.append(f"{{rows: household, where: \"any(person, age < 30 and sex = 'f')\", count: {n_young}}}")
    targets.append(f'{{rows: household, where: "count(child) >= 2", count: {n_children}}}')
    rules = [*EMPTY, HEADS[1], "status = 'occupied' and count(head) = 0", "role in ('head', 'partner') and age < 18"]
    assert not told(TOWN.replace("number: {min: 1, max: 3}", "number: {max: 3}"), targets, rules)
