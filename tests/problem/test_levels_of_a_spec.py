import numpy as np

from synthor import parse_spec
from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.problem.levels import schema_of
from synthor.rules.lifted import Lifted
from synthor.rules.lifting import parse_lifted
from synthor.schema import Ref, Role, Rows, Units

TOWN = """
unit: household
records: 1000
variables:
  tenure: {type: category, values: [owned, rented]}
  persons: {from: count(person), bins: [1, 2, 3]}
  partner_age: {from: partner.age}
  partner_sex: {from: partner.sex}
  mean_age: {from: mean(child.age), bins: [0, 3.5, 18]}
members:
  person:
    number: {min: 1, max: 15}
    role: relationship
    roles: {head: 1, partner: {max: 1}}
    variables:
      relationship: {type: category, values: [head, partner, child, other relative]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
      sex: {type: category, values: [male, female]}
    members:
      trip:
        ordered: true
        variables:
          mode: {type: category, values: [car, foot]}
  vehicle:
    number: {max: 1}
    role: kind
    variables: {kind: {type: category, values: [van, moped]}}
"""


def test_levels_stand_below_each_other_as_in_the_spec() -> None:
    schema = schema_of(parse_spec(TOWN))
    assert [(level.name, level.parent, level.key) for level in schema] == [
        ("household", None, "household_id"),
        ("person", "household", "person_id"),
        ("trip", "person", "trip_id"),
        ("vehicle", "household", "vehicle_id"),
    ]
    assert [level.ordered for level in schema] == [False, False, True, False]
    assert schema.path(2) == (0, 1, 2)
    person, vehicle = schema.levels[1], schema.levels[3]
    assert person.roles == {"head": 1, "partner": 1, "child": 15, "other relative": 15}
    assert vehicle.roles == {"van": 1, "moped": 1}
    assert person.role_of("partner") == Role(0, 1)


def test_who_follows_from_nobody_has_a_category_for_it() -> None:
    unit = schema_of(parse_spec(TOWN)).unit
    persons, partner_age, partner_sex, mean_age = unit.variables[1:]
    assert (persons.labels, persons.missing) == (("1", "2", "3+"), False)
    assert (partner_age.labels, partner_age.missing) == (("0-17", "18-64", "65+", "none"), True)
    assert (partner_age.least, partner_age.most) == (0, 99)
    assert (partner_sex.labels, partner_sex.n_valued) == (("male", "female", "none"), 2)
    assert mean_age.labels == ("0 to 3.5", "3.5 to 18", "18 to 99", "none")
    assert mean_age.encode(mean_age.column(np.array([3, 0]), np.array([0.0, 1.25]))).tolist() == [3, 0]


def test_rules_find_its_roles_and_levels() -> None:
    schema = schema_of(parse_spec(TOWN))
    rule = parse_lifted("child.age > head.age - 12", schema)
    assert isinstance(rule, Lifted)
    assert rule.level == 1
    assert schema.resolve("head.age") == Ref(1, 1, role=Role(0, 0))
    units = Units(
        row_tables=(
            Rows(codes=np.array([[0, 1, 1, 0, 3]], np.int32)),
            Rows(codes=np.array([[0, 2, 0], [1, 1, 1]], np.int32), parent=np.array([0, 0])),
            Rows(codes=np.zeros((0, 1), np.int32), parent=np.zeros(0, np.int64), above=1),
            Rows(codes=np.zeros((0, 1), np.int32), parent=np.zeros(0, np.int64)),
        )
    )
    partner_age = schema.resolve("partner.age")
    assert partner_age is not None
    assert units.column(partner_age, 0).tolist() == [1]


def test_a_flat_spec_is_one_level_of_records() -> None:
    schema = schema_of(parse_spec("records: 3\nvariables: {car: {type: boolean}, size: {type: integer, min: 1, max: 3}}"))
    (level,) = schema
    assert (level.name, level.parent, level.role, level.roles) == ("records", None, "", {})
    assert [variable.labels for variable in level.variables] == [("no", "yes"), ("1", "2", "3")]
