"""Units with members as a user writes them: what is read, how it is understood, and what contradicts itself."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from synthor import InputError, Spec, parse_spec
from synthor.spec.dump import to_json, to_yaml
from synthor.spec.edit import with_names, with_tables
from synthor.spec.levels import Following, LevelForm, levels_of
from synthor.spec.members import HowMany
from violations import published, violations

TOWN = """
title: Households and persons of three counties
unit: household
about: People who live together; vacant dwellings are none.
records: 77536
variables:
  household_type: {type: category, values: [married couple, male living alone, other]}
  tenure: {type: category, values: [owned, rented]}
  income: {type: number, min: -20000, max: 900000, unit: USD/year, bins: [-20000, 15000], labels: [<15k, more]}
  persons: {type: integer, from: count(person), bins: [1, 2, 3, 4, 5, 6]}
  children: {type: integer, from: "count(person, age < 18)", bins: [0, 1, 2, 3]}
  earnings: {type: number, from: sum(person.earnings), bins: [0, 10000, 100000]}
  head_age: {type: integer, from: head.age, bins: [15, 25, 65]}
  head_sex: {from: head.sex, about: Of whoever is named first}
  partner_age: {from: partner.age}
  mean_age: {from: mean(person.age), bins: [0, 18, 65]}
  eldest_child: {from: max(child.age)}
  old: {from: "any(person, age >= 65 and tenure = 'rented')"}
  trips: {from: sum(person.trips), bins: [0, 1, 10]}
  walks: {from: "count(trip, mode = 'foot')", bins: [0, 1, 10]}
members:
  person:
    about: The head is the oldest of those who own or rent it.
    number: {min: 1, max: 15}
    role: relationship
    roles: {head: 1, partner: {max: 1}}
    pairs:
      couple: {roles: [head, partner], ordered: by sex}
      parent-child: [head, child]
    variables:
      relationship: {type: category, values: [head, partner, child, other relative]}
      age: {type: integer, min: 0, max: 99, bins: [0, 15, 18, 25, 65]}
      sex: {type: category, values: [male, female]}
      earnings: {type: number, min: 0, max: 500000, bins: [0, 10000], decimals: 0}
      trips: {from: count(trip)}
    members:
      trip:
        number: {min: 0, max: 20}
        ordered: true
        variables:
          mode: {type: category, values: [car, foot]}
  vehicle:
    variables: {fuel: {type: category, values: [petrol, none]}}
targets:
  - {name: type by size, table: targets/type_by_size.csv}
  - {rows: person, count: 215559}
  - {rows: household, count: 30000, where: tenure = 'rented'}
  - {rows: household, table: targets/has_child_by_income.csv}
  - {pairs: couple, table: targets/couples.csv, layout: {columns: {his: male.age, her: female.age, home: household.tenure}}}
  - {pairs: parent-child, table: targets/children.csv, layout: {columns: {head: head.age, child: child.age}}}
  - {shares: {tenure: {rented: 34.80, owned: 65.20}}, tolerance: {points: 0.5}}
  - {mean: person.earnings, by: [tenure], table: targets/earnings.csv, margin_of_error: moe, confidence: 0.9}
rules:
  - {never: "child.age > head.age - 12"}
sample: {files: {household: h.csv, person: p.csv}, key: household_id, weight: w}
"""

BROKEN = Path(__file__).parents[1] / "cases" / "members" / "broken"
HOME = (BROKEN / "home.yaml").read_text(encoding="utf-8")
CHANGES = yaml.load((BROKEN / "changes.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)


def levels(text: str) -> tuple[LevelForm, ...]:
    return levels_of(parse_spec(text))


def form(text: str) -> dict[str, Any]:
    """What a household's variable of this form is understood as, in `HOME`."""
    home = parse_spec(HOME.replace("head_age: {from: head.age}", f"it: {text}"))
    return levels_of(home)[0].variables["it"].model_dump(exclude_defaults=True)


# --- What is read ---------------------------------------------------------------------------------------------------------


def test_levels_come_in_order_each_after_the_one_above_it() -> None:
    found = levels(TOWN)
    told = [(level.name, level.parent, level.ordered, level.number.min, level.number.max) for level in found]
    assert told == [
        ("household", None, False, 1, 1),
        ("person", "household", False, 1, 15),
        ("trip", "person", True, 0, 20),
        ("vehicle", "household", False, 0, None),
    ]
    assert [level.about for level in found[:2]] == [
        "People who live together; vacant dwellings are none.",
        "The head is the oldest of those who own or rent it.",
    ]
    assert found[2].path == ("members", "person", "members", "trip")


def test_roles_are_all_categories_of_what_tells_members_apart() -> None:
    person = levels(TOWN)[1]
    assert person.role == "relationship"
    assert person.roles == {
        "head": HowMany(min=1, max=1), "partner": HowMany(max=1), "child": HowMany(), "other relative": HowMany()
    }  # fmt: skip
    assert {name: (pair.roles, pair.by) for name, pair in person.pairs.items()} == {
        "couple": (["head", "partner"], "sex"),
        "parent-child": (["head", "child"], ""),
    }


def test_what_follows_takes_its_form_from_the_members() -> None:
    household, person, *_ = levels(TOWN)
    told = {name: household.variables[name].build(name) for name in household.follows}
    assert {name: (one.kind.name, one.least, one.most) for name, one in told.items() if one.numeric} == {
        "persons": ("integer", 1, 15),
        "children": ("integer", 0, 15),
        "earnings": ("number", 0, 7_500_000),
        "head_age": ("integer", 15, 99),
        "partner_age": ("integer", 0, 99),
        "mean_age": ("number", 0, 99),
        "eldest_child": ("integer", 0, 99),
        "trips": ("integer", 0, 300),
        "walks": ("integer", 0, 300),
    }
    assert told["partner_age"].labels == ("0-14", "15-17", "18-24", "25-64", "65+")
    assert (told["earnings"].decimals, told["mean_age"].decimals) == (0, 2)
    assert (told["head_sex"].labels, told["head_sex"].about) == (("male", "female"), "Of whoever is named first")
    assert told["old"].labels == ("no", "yes")
    assert person.variables["trips"].build("trips").most == 20


def test_from_what_it_follows_is_told_with_whether_nobody_may_be_there() -> None:
    household = levels(TOWN)[0]
    old = household.follows["old"]
    text = "any(person, age >= 65 and tenure = 'rented')"
    condition = "age >= 65 and tenure = 'rented'"
    assert old == Following(text=text, function="any", level="person", role="", variable="", condition=condition, absent=False)
    eldest = household.follows["eldest_child"]
    assert (eldest.function, eldest.level, eldest.role, eldest.variable) == ("max", "person", "child", "age")
    absent = {name for name, one in household.follows.items() if one.absent}
    assert absent == {"partner_age", "eldest_child"}


def test_that_nobody_may_be_there_is_handed_on() -> None:
    text = HOME.replace("      sex: {", "      longest: {from: max(trip.km)}\n      sex: {")
    text = text.replace("mode: {type: category, values: [car, foot]}", "km: {type: integer, min: 0, max: 9}")
    household, person, _ = levels(text.replace("from: head.age", "from: head.longest"))
    assert person.follows["longest"].absent
    assert household.follows["head_age"].absent


def test_roles_make_numbers_narrower() -> None:
    text = HOME.replace("head: 1", "head: 2").replace("partner: {max: 1}", "partner: 1\n      child: {max: 3}")
    text = text.replace("from: head.age", "from: partner.age")
    assert levels(text)[1].number == HowMany(min=3, max=6)
    assert levels(text)[0].variables["persons"].build("persons").most == 6


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{from: head.age}", {"type": "integer", "min": 0, "max": 99, "bins": [0, 18, 65], "labels": ["0-17", "18-64", "65+"]}),
        ("{from: head.age, bins: [15, 30]}", {"type": "integer", "min": 15, "max": 99, "bins": [15, 30]}),
        ("{from: head.age, min: 16, max: 20}", {"type": "integer", "min": 16, "max": 20}),
        (
            "{from: min(person.age), labels: [a, b, c]}",
            {"type": "integer", "min": 0, "max": 99, "bins": [0, 18, 65], "labels": ["a", "b", "c"]},
        ),
        (
            "{type: number, from: sum(person.age), bins: [0, 100.5], decimals: 1, unit: years}",
            {"type": "number", "min": 0, "max": 1485, "bins": [0, 100.5], "decimals": 1, "unit": "years"},
        ),
        ('{from: "MEAN( person . age , sex = \'a, (\' )", bins: [0]}', {"type": "number", "min": 0, "max": 99, "bins": [0]}),
        ("{from: count(child)}", {"type": "integer", "min": 0, "max": 15}),
        ("{from: count(trip), bins: [0, 1, 5]}", {"type": "integer", "min": 0, "max": 300, "bins": [0, 1, 5]}),
        ("{from: \"all(trip, mode = 'car')\"}", {"type": "boolean"}),
        ("{from: head.sex, type: category}", {"type": "category", "values": ["male", "female"]}),
    ],
)  # fmt: skip
def test_what_is_given_goes_before_what_follows(written: str, meant: dict[str, Any]) -> None:
    assert form(written) == meant


def test_sums_of_negative_values_and_open_numbers() -> None:
    money = "      sex: {type: number, min: -5, max: 10, bins: [-5, 0]}\n"
    text = HOME.replace("      sex: {type: category, values: [male, female]}\n", money)
    declared = levels(text.replace("from: head.age", "from: sum(person.sex), bins: [-75, 0]"))[0].variables["head_age"]
    assert (declared.build("").least, declared.build("").most) == (-75, 150)
    open_number = text.replace(", max: 15", "").replace("bins: [1, 2, 3]", "bins: [1, 2, 3], max: 9")
    assert levels(open_number)[0].variables["persons"].build("").most == 9


def test_a_category_that_means_something_else_is_no_role_unless_it_is_listed() -> None:
    text = HOME.replace("values: [head, partner, child]", "values: [head, partner, child, trip, car]")
    trips = "        role: mode\n        roles: {car: {max: 2}}\n        variables:\n          mode:"
    text = text.replace("        variables:\n          mode:", trips)
    _, person, trip = levels(text)
    assert list(person.roles) == ["head", "partner", "child"]  # `trip` is a level, `car` a role of trips
    assert trip.roles == {"car": HowMany(max=2), "foot": HowMany()}


def test_a_flat_spec_is_one_level_as_declared() -> None:
    spec = parse_spec("records: 3\nvariables: {car: {type: boolean}, records: {type: boolean}}")
    (level,) = levels_of(spec)
    assert (level.name, level.parent, level.variables, level.follows) == ("records", None, spec.variables, {})
    assert spec.model_dump(exclude_defaults=True) == {
        "records": 3, "variables": {"car": {"type": "boolean"}, "records": {"type": "boolean"}}
    }  # fmt: skip
    (named,) = levels_of(parse_spec("unit: home\nrecords: 3\nvariables: {car: {type: boolean}}"))
    assert named.name == "home"


# --- Written again --------------------------------------------------------------------------------------------------------


def test_a_spec_is_printed_as_it_is_understood_and_reads_as_the_same() -> None:
    spec = parse_spec(TOWN)
    printed = to_yaml(spec)
    again = parse_spec(printed)
    assert to_yaml(again) == printed
    assert parse_spec(to_json(spec)).model_dump() == again.model_dump()
    understood = yaml.load(printed, yaml.CSafeLoader)
    assert understood["variables"]["head_age"] == {
        "from": "head.age", "type": "integer", "bins": [15, 25, 65], "labels": ["15-24", "25-64", "65+"]
    }  # fmt: skip
    assert understood["members"]["person"]["variables"]["trips"]["bins"] == list(range(21))
    assert understood["members"]["person"]["roles"] == {"head": {"min": 1, "max": 1}, "partner": {"min": 0, "max": 1}}
    assert "tenure: {rented: 34.80, owned: 65.20}" in printed
    for one, other in zip(levels_of(spec), levels_of(again), strict=True):
        assert one.follows == other.follows
        for name, declared in one.variables.items():
            assert declared.build(name).labels == other.variables[name].build(name).labels


def test_a_spec_is_kept_in_a_file_of_a_model_as_flat_ones_are() -> None:
    spec = parse_spec(TOWN)
    kept = json.loads(json.dumps(spec.model_dump(mode="json", exclude_defaults=True)))
    assert Spec.model_validate(kept).model_dump() == spec.model_dump()


def test_its_text_is_changed_in_place() -> None:
    text = with_tables(with_names(HOME, {"Sex": "person.sex"}, {"person.sex": {"M": "male"}}), {0: "tenure.csv"})
    assert '  - {table: "tenure.csv"}\n' in text
    assert parse_spec(text).labels == {"person.sex": {"M": "male"}}
    assert levels(text)[1].variables == levels(HOME)[1].variables


def test_the_schema_accepts_it() -> None:
    schema = published()
    assert violations(yaml.load(TOWN, yaml.CSafeLoader), schema, schema) == []
    assert violations(yaml.load(HOME, yaml.CSafeLoader), schema, schema) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("number: {min: 1, max: 15}", "number: {min: 1, mx: 15}"),
        ("head: 1", "head: one"),
        ("couple: [head, partner]", "couple: 5"),
        ("from: count(person)", "form: count(person)"),
        ("    role: rel", "    rule: rel"),
        ("      trip:\n", "      a trip:\n"),
        ("      sex: {type: category", "      sex: {type: sort"),
    ],
)
def test_the_schema_refuses_what_is_refused(old: str, new: str) -> None:
    schema = published()
    assert violations(yaml.load(HOME.replace(old, new, 1), yaml.CSafeLoader), schema, schema)
    with pytest.raises(InputError):
        parse_spec(HOME.replace(old, new, 1))


# --- What is refused, and how ---------------------------------------------------------------------------------------------

COUNTS = "  - {counts: {tenure: {owned: 600, rented: 400}}}"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change['where']}: {change['put'][1]}"[:60])
def test_what_contradicts_itself_is_told_once_with_place_and_cure(change: dict[str, Any]) -> None:
    old, new = change["put"]
    assert old in HOME
    with pytest.raises(InputError) as caught:
        parse_spec(HOME.replace(old, new, 1), source="s")
    (found,) = caught.value.findings
    told = {"where": found.where.removeprefix("s: "), "row": found.row, "message": found.message, "cure": found.cure}
    assert told == {key: change[key] for key in ("where", "row", "message", "cure")}


def test_all_is_told_together_in_the_order_of_the_file() -> None:
    text = HOME.replace("from: head.age", "from: hed.age").replace("couple: [head, partner]", "couple: [head, wife]")
    text = text.replace("number: {max: 20}", "number: {max: 20}\n        role: purpose").replace(
        COUNTS, "  - {rows: trp, count: 3}"
    )
    with pytest.raises(InputError) as caught:
        parse_spec(text, source="s")
    assert [(found.where, found.row) for found in caught.value.findings] == [
        ("s: variables.head_age", 6),
        ("s: members.person.pairs.couple", 15),
        ("s: members.person.members.trip.role", 23),
        ("s: targets[0].rows", 27),
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("max(age)", "does not say whose age; write max(person.age)"),
        ("count(person, age < 18", "is not closed"),
        ("any(person, age >= 65))", "is not closed"),
        ("count(person, sex = 'male)", "is not closed"),
        ("count(person) + (3)", "cannot be read"),
    ],
)
def test_what_cannot_be_understood_of_a_from_says_what_to_write(written: str, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        parse_spec(TOWN.replace("max(child.age)", json.dumps(written)))


def test_a_label_none_is_refused_where_nobody_may_be_there() -> None:
    school = "      school: {type: category, values: [high, None]}\n      sex: {"
    text = HOME.replace("      sex: {", school)
    assert levels(text.replace("from: head.age", "from: head.school"))[0].variables["head_age"]
    with pytest.raises(
        InputError, match="'none' stands for those that have no partner, and is a label of school, too; call that"
    ):
        parse_spec(text.replace("from: head.age", "from: partner.school"))


def test_variables_that_follow_from_each_other_are_refused_once() -> None:
    text = HOME.replace("count(person)", "'count(person, often)'").replace(
        "      sex: {", "      often: {from: 'any(trip, persons > 3)'}\n      sex: {"
    )
    with pytest.raises(
        InputError, match=r"persons -> person\.often -> household\.persons; let it follow from what is drawn"
    ) as e:
        parse_spec(text)
    assert len(e.value.findings) == 1


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("about: homes\n", "about", "about tells what a unit is, and the spec names none"),
        ("targets: [{rows: person, table: a.csv}]\n", "targets[0].rows", "no level is called 'person'"),
        ("targets: [{pairs: couple, table: a.csv}]\n", "targets[0].pairs", "no relation is called 'couple'"),
        ("sample: {files: {person: p.csv}}\n", "sample.files", "the spec has no members, so there is one file"),
    ],
)
def test_a_flat_spec_says_nothing_of_levels(text: str, where: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec("records: 3\nvariables: {car: {type: boolean}}\n" + text, source="s")
    (found,) = caught.value.findings
    assert (found.where, found.row, found.message) == (f"s: {where}", 3, message)
    assert found.cure


def test_a_variable_of_a_flat_spec_follows_from_nothing() -> None:
    with pytest.raises(InputError, match="'records' has no members to follow from; declare them under `members:`"):
        parse_spec("records: 3\nvariables: {n: {from: count(person)}}")


def test_a_spec_made_in_python_is_refused_with_the_same_places() -> None:
    written = yaml.load(HOME.replace("from: head.age", "from: hed.age").replace("role: rel", "role: real"), yaml.CSafeLoader)
    with pytest.raises(InputError) as caught:
        Spec(**written)
    assert {found.where for found in caught.value.findings} == {"spec: variables.head_age", "spec: members.person.role"}


def test_a_relation_has_one_level_and_a_role_one_meaning() -> None:
    trips = "        role: mode\n        roles: {head: 1}\n        pairs: {couple: [head, foot]}\n        variables:\n"
    text = HOME.replace("        variables:\n", trips).replace("values: [car, foot]", "values: [head, foot]")
    with pytest.raises(InputError) as caught:
        parse_spec(text)
    assert [found.message for found in caught.value.findings] == [
        "'head' is a role of 'trip' and a role of 'person'",
        "'couple' is a relation of 'person', too",
    ]


def nested(depth: int) -> str:
    start = "".join(f"{{m{i}: {{variables: {{a: {{type: boolean}}}}, members: " for i in range(depth))
    return f"unit: u\nrecords: 1\nvariables: {{a: {{type: boolean}}}}\nmembers: {start}{{}}{'}}' * depth}"


@pytest.mark.slow
def test_levels_may_be_many_but_not_without_end() -> None:
    assert len(levels(nested(30))) == 31
    with pytest.raises(InputError, match="units with 111 levels are more than can be read: 100 are the most"):
        parse_spec(nested(110))
    chain = "".join(f"  v{i}: {{from: 'any(p, v{i + 1})'}}\n" for i in range(150))
    chain = f"unit: u\nrecords: 1\nvariables:\n{chain}  v150: {{type: boolean}}\n"
    with pytest.raises(InputError, match="more than 100 variables follow from one another"):
        parse_spec(chain + "members: {p: {variables: {a: {type: boolean}}}}")
    with pytest.raises(InputError, match="cyclic"):
        parse_spec(nested(0).replace("members: {}", "members: &a {p: {variables: {a: {type: boolean}}, members: *a}}"))
