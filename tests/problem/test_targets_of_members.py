"""Tables of units with members: whose rows they count, what these see, and what is found wrong before anything is spent."""

from pathlib import Path

import pytest

from synthor import InputError, check, compile_problem, parse_spec
from synthor.problem import Count, Mean, Problem, Within
from synthor.schema import OneOfTwo, Ref
from synthor.schema.ref import Role
from synthor.spec.model import Spec

TOWN = """
unit: household
records: 1000
variables:
  type: {type: category, values: [alone, couple, family, other]}
  tenure: {type: category, values: [owned, rented]}
  income: {type: number, min: 0, max: 300000, bins: [0, 30000, 90000]}
  persons: {from: count(person), bins: [1, 2, 3, 4]}
  head_age: {from: head.age, bins: [15, 30, 50, 65]}
members:
  person:
    number: {min: 1, max: 8}
    role: relationship
    roles: {head: 1, partner: {max: 1}}
    pairs:
      couple: [head, partner]
      parent-child: [head, child]
      by-sex: {roles: [head, partner], ordered: by sex}
      by-birth: {roles: [head, partner], ordered: by born}
      sons-by-sex: {roles: [head, child], ordered: by sex}
    variables:
      relationship: {type: category, values: [head, partner, child, other relative]}
      age: {type: integer, min: 0, max: 99, bins: [0, 15, 25, 45, 65]}
      sex: {type: category, values: [male, female]}
      income: {type: number, min: 0, max: 200000, bins: [0, 10000, 40000]}
      born: {type: category, values: [here, near by, far]}
  vehicle:
    variables:
      fuel: {type: category, values: [petrol, electric]}
targets:
  - {counts: {type: {alone: 300, couple: 300, family: 300, other: 100}}}
"""
AGES = "{counts: {age: {0-14: 400, 15-24: 300, 25-44: 700, 45-64: 600, 65+: 340}}}"
SHARES_BY_SEX = "[{male.age: 0-39, female.age: 0-39, share: 40}, {male.age: 40+, female.age: 40+, share: 60}]"
BY_SEX = "[{male.age: 15-39, female.age: 15-39, count: 200}, {male.age: 40+, female.age: 15-39, count: 300}]"
COUPLES = "[{head.age: 15-39, partner.age: 15-39, count: 220}, {head.age: 40+, partner.age: 15-39, count: 380}]"


def problem(*targets: str, rules: str = "[]") -> Problem:
    return compile_problem(parse_spec(TOWN + "".join(f"  - {target}\n" for target in targets) + f"rules: {rules}\n"))


def found(*targets: str) -> list[str]:
    """Errors, each with its cure."""
    spec = parse_spec(TOWN + "".join(f"  - {target}\n" for target in targets))
    return [str(finding) for finding in check(spec) if finding.severity == "error"]


def test_a_table_counts_rows_of_the_deepest_level_among_its_variables() -> None:
    made = problem(
        AGES,
        "{table: [{sex: male, tenure: owned, count: 700}, {sex: male, tenure: rented, count: 400}, "
        "{sex: female, tenure: owned, count: 900}, {sex: female, tenure: rented, count: 340}]}",
        "{counts: {fuel: {petrol: 800, electric: 90}}}",
        "{counts: {tenure: {owned: 150, rented: 40}}, where: age >= 80}",
    )
    levels = {target.name: target.level for target in made.targets}
    assert levels == {"type": 0, "age": 1, "sex by tenure": 1, "tenure": 1, "fuel": 2}
    by_tenure = next(target for target in made.targets if target.name == "sex by tenure")
    assert [axis.ref for axis in by_tenure.axes] == [Ref(1, 2), Ref(0, 1)]
    eighty = next(target for target in made.targets if target.name == "tenure")
    assert eighty.grid.universe is not None
    assert 80 in made.schema.levels[1].slices[1].low


def test_couples_are_units_with_both_and_children_are_persons_with_a_head() -> None:
    made = problem(
        f"{{pairs: couple, table: {COUPLES}}}",
        "{pairs: parent-child, table: [{head.age: 15-64, child.age: 0-14, count: 380}]}",
        "{pairs: couple, count: 600}",
    )
    head, partner, child = Role(0, 0), Role(0, 1), None
    by_name = {target.name: target for target in made.targets}
    assert by_name["head.age by partner.age"].level == 0
    assert [axis.ref.role for axis in by_name["head.age by partner.age"].axes] == [head, partner]
    assert by_name["head.age by child.age"].level == 1
    assert [axis.ref.role for axis in by_name["head.age by child.age"].axes] == [head, child]
    assert by_name["number of couple"].wanted.tolist() == [600]


def test_couples_by_sex_are_units_of_a_man_and_a_woman_who_may_have_either_role() -> None:
    made = problem(f"{{pairs: by-sex, table: {BY_SEX}}}", "{pairs: by-sex, where: male.age >= 40, count: 310}")
    table, number = made.targets[1:]
    assert (table.name, table.level, number.level) == ("male.age by female.age", 0, 0)
    roles = Role(0, 0), Role(0, 1)
    assert [axis.ref.of_two for axis in table.axes] == [OneOfTwo(roles=roles, category=Role(2, code)) for code in (0, 1)]


def test_only_two_of_more_categories_tell_a_pair_apart_at_a_time() -> None:
    made = problem(
        "{name: a, pairs: by-birth, table: [{here.age: 0-39, far.age: 40+, count: 5}]}",
        "{name: b, pairs: by-birth, table: [{near by.age: 0-39, here.age: 40+, count: 7}]}",
        "{name: c, pairs: by-birth, where: '\"near by\".age >= 40 and far.age >= 40', count: 9}",
    )
    told = {target.name: [axis.variable.name for axis in target.axes] for target in made.targets[1:]}
    assert told == {"a": ["here.age", "far.age"], "b": ["near by.age", "here.age"], "c": []}
    universe = made.targets[-1].grid.universe
    assert universe is not None
    assert sorted(universe.columns) == ["far.age", "far.born", "near by.age", "near by.born"]


@pytest.mark.slow
def test_couples_by_sex_may_be_fewer_than_couples_and_never_more() -> None:
    by_sex, roles = f"{{pairs: by-sex, table: {BY_SEX}}}", "{{counts: {{relationship: {{head: 1000, partner: {}, child: 9}}}}}}"
    assert found(by_sex, "{pairs: couple, count: 600}", roles.format(600), "{counts: {sex: {male: 700, female: 909}}}") == []
    for beside, told in (
        ("{pairs: couple, count: 499}", "and 'number of couple' leaves 499 pairs of 'couple' at most;"),
        (
            "{name: c, pairs: couple, counts: {head.age: {0-39: 200, 40+: 290}}}",
            "and 'c' leaves 490 pairs of 'couple' at most;",
        ),
        (roles.format(480), "and 'relationship' leaves 480 of 'person' with relationship 'partner' at most;"),
        ("{counts: {sex: {male: 450, female: 900}}}", "and 'sex' leaves 450 of 'person' with sex 'male' at most;"),
    ):
        (error,) = found(by_sex, beside)
        assert "targets[1]: 'male.age by female.age' counts 500 pairs of 'by-sex', " + told in error
    assert found(by_sex, "{pairs: couple, count: 499, tolerance: {relative: 1%}}") == []  # 500 is within its tolerance
    assert found(by_sex, "{pairs: couple, where: head.age >= 40, count: 100}") == []
    (error,) = found("{pairs: by-sex, count: 1001}")
    assert "and there are 1,000 of 'household'; correct one of them: there may be fewer such pairs" in error


def test_no_more_pairs_are_counted_than_there_are_members_to_be_in_one() -> None:
    couples, children = (
        "{pairs: couple, count: 600}",
        "{name: c, pairs: parent-child, counts: {child.age: {0-39: 300, 40+: 80}}}",
    )
    roles = "{{counts: {{relationship: {{head: 1000, partner: {}, child: {}}}}}}}"
    assert found(couples, children, roles.format(600, 380)) == []
    assert found(couples, "{pairs: couple, where: head.age >= 40, count: 100}", roles.format(700, 9)) == []
    (error,) = found("{pairs: couple, count: 7000}")
    assert "'number of couple' counts 7,000 pairs of 'couple', and there are 1,000 of 'household'; correct one of them" in error
    for told, partners, offspring in (
        ("'number of couple' counts 600 pairs of 'couple', and 'relationship' leaves 599 of 'person' with", 599, 400),
        ("'c' counts 380 pairs of 'parent-child', and 'relationship' leaves 379 of 'person' with", 700, 379),
    ):
        (error,) = found(couples, children, roles.format(partners, offspring))
        assert told in error
    assert found(couples, "{counts: {relationship: {head: 1000, partner: 599, child: 9}}, tolerance: {relative: 1%}}") == []
    assert found("{pairs: parent-child, count: 2500}", roles.format(500, 2500)) == []  # more than households: each has a head


def test_a_side_that_is_none_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no level and no role is called 'mal'; did you mean 'male'\?"):
        found("{pairs: by-sex, table: [{mal.age: 0-39, female.age: 0-39, count: 700}]}")
    with pytest.raises(InputError, match="'head' is none of the two that these pairs tell apart; known: male, female"):
        found("{pairs: by-sex, table: [{head.age: 0-39, female.age: 0-39, count: 700}]}")
    (tmp_path / "t.csv").write_text("mal.age,female.age,count\n0-39,0-39,100\n")
    (error,) = found(f"{{pairs: by-sex, table: {tmp_path / 't.csv'}}}")
    assert error.endswith("column 'mal.age' is no variable; did you mean 'male.age'?")
    (tmp_path / "t.csv").write_text("Male.Age,FEMALE.age,count\n0-39,0-39,100\n")
    assert found(f"{{pairs: by-sex, table: {tmp_path / 't.csv'}}}") == []


def test_counts_of_two_relations_are_not_taken_for_one() -> None:
    made = problem("{pairs: couple, count: 600}", "{pairs: parent-child, count: 380}", "{pairs: by-sex, count: 550}")
    assert len({target.key for target in made.targets[1:]}) == 3


def test_what_a_table_calls_a_variable_with_its_level_is_that_variable() -> None:
    made = problem("{counts: {person.sex: {male: 1100, female: 1240}}}", "{mean: household.income, value: 52000}")
    by_name = {target.name: target for target in made.targets}
    assert [axis.ref for axis in by_name["sex"].axes] == [Ref(1, 2)]
    mean = by_name["mean of income"]
    assert (mean.level, type(mean.statistic)) == (0, Mean)


def test_targets_without_a_name_are_told_apart_by_whom_they_count() -> None:
    long = " or ".join(f"age = {age}" for age in range(20, 60))
    made = problem(
        "{rows: person, count: 2340}",
        "{rows: person, where: \"sex = 'male'\", count: 1100}",
        "{rows: person, where: age >= 15, count: 1900}",
        f"{{rows: person, where: {long}, tolerance: {{points: 50}}, count: 900}}",
        "{counts: {sex: {male: 1100, female: 1240}}, name: by sex}",
        "{rows: person, where: age >= 15, counts: {sex: {male: 900, female: 1000}}}",
        "{rows: person, where: age < 15, counts: {sex: {male: 200, female: 240}}}",
        "{rows: person, where: age < 15, counts: {sex: {male: 200, female: 240}}}",
    )
    assert [target.name for target in made.targets[1:]] == [
        "number of person",
        "number of person where sex = 'male'",
        "number of person where age >= 15",
        "number of person where age = 20 or age = 21 or age = 22 or age = 23 or age = 24 ...",
        "by sex",
        "sex where age >= 15",
        "sex where age < 15",
        "sex where age < 15 (2)",
    ]


def test_how_many_rows_there_are_makes_counts_of_shares() -> None:
    made = problem("{rows: person, count: 2500}", "{shares: {sex: {male: 48, female: 52}}}")
    by_name = {target.name: target for target in made.targets}
    assert by_name["sex"].wanted.tolist() == [1200, 1300]
    assert isinstance(by_name["number of person"].statistic, Count)
    told = problem(AGES, "{shares: {sex: {male: 50, female: 50}}}")  # else by a table that counts them all
    assert {target.name: target.wanted.tolist() for target in told.targets}["sex"] == [1170, 1170]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("{rows: household, counts: {age: {0-14: 1}}}", "'age' is not seen by a household: whose is meant?"),
        ("{counts: {income: {0 to 30000: 1}}}", "'income' is a variable of a household and of a person: whose is meant?"),
        ("{table: [{sex: male, fuel: petrol, count: 3}]}", "speaks of person and vehicle, which stand side by side"),
        ("{shares: {sex: {male: 48, female: 52}}}", "nothing tells how many rows of 'person' there are"),
        (
            f"{{pairs: by-sex, table: {SHARES_BY_SEX}}}",
            "add a target {pairs: by-sex, count: ...}",
        ),
        ("{pairs: by-sex, where: head.age >= 40, count: 3}", "'head.age' is not seen by a by-sex"),
        ("{pairs: by-sex, mean: male.age, value: 44}", "means, totals and deviations of pairs ('by-sex') are not met"),
        ("{pairs: sons-by-sex, count: 3}", "there may be several child in one household: such pairs are not counted yet"),
        ("{pairs: by-birth, count: 3}", "names 0 of the 3 categories of born that tell pairs of 'by-birth' apart"),
        ("{pairs: by-birth, counts: {here.age: {0-39: 5}}}", "names 1 of the 3 categories of born"),
        (
            "{pairs: by-birth, table: [{here.age: 0-39, near by.age: 0-39, far.age: 0-39, count: 5}]}",
            """such as `here.born = 'here' and "near by".born = 'near by'`""",
        ),
        ("{counts: {sex: {male: 1}}, where: 'kin.age > 3'}", "'kin.age' is not seen by a person"),
        ("{counts: {sex: {male: 1}}, where: 'age >'}", "where"),
        ("{mean: person.income, by: [head.sex], table: [{head.sex: male, mean: 9000}]}", "'head.sex' is of another person"),
        ("{mean: household.income, where: \"head.sex = 'male'\", value: 9000}", "'head.sex' is of another person"),
        (
            "{mean: age, by: [household.income], table: [{household.income: 0-29999, mean: 40}]}",
            "hides behind the person's own",
        ),
        ("{pairs: couple, mean: partner.age, value: 44}", "means, totals and deviations of pairs ('couple') are not met"),
        ("{pairs: couple, mean: household.income, value: 52000}", "are not met; give it of single rows, without `pairs`"),
        ("{mean: tenure, value: 3}", "'tenure' is no numeric variable"),
        ("{counts: {sex: {male: 1200, women: 1300}}}", "'women' is no label of sex"),
    ],
)
def test_what_counts_is_never_guessed(target: str, told: str) -> None:
    errors = found(target)
    assert len(errors) == 1
    assert told in errors[0]
    assert ";" in errors[0]  # a cure


def test_tables_of_members_are_set_against_each_other_and_against_their_number() -> None:
    (error,) = found(AGES, "{rows: person, count: 2400}")
    assert "2,340" in error
    assert "2,400" in error
    errors = found(
        "{name: a, table: [{sex: male, tenure: owned, count: 700}, {sex: male, tenure: rented, count: 400}, "
        "{sex: female, tenure: owned, count: 900}, {sex: female, tenure: rented, count: 340}]}",
        "{name: b, counts: {sex: {male: 1200, female: 1140}}}",
    )
    assert len(errors) == 1
    assert "'b'" in errors[0] or "'a'" in errors[0]


def test_what_follows_from_members_cuts_their_bins_where_its_own_have_edges() -> None:
    ages = problem(AGES).schema.levels[1].slices[1]
    assert {30, 50} <= set(ages.low.tolist())


def test_rules_know_the_levels() -> None:
    made = problem(rules='[{never: "child.age > head.age - 12"}, {never: "type = \'alone\' and persons > 1"}]')
    assert [(rule.level, rule.flat) for rule in made.rules if not rule.why] == [(1, False), (0, True)]
    with pytest.raises(InputError, match=r"rules\[0\]"):
        problem(rules='[{never: "kin.age > 3"}]')


def test_a_compiled_problem_is_compiled_again_the_same() -> None:
    couples = [f"{{pairs: couple, table: {COUPLES}}}", f"{{pairs: by-sex, table: {BY_SEX}}}"]
    first = problem(AGES, *couples, "{rows: person, count: 2340}", "{mean: person.income, value: 9000}")
    again = compile_problem(first.spec)
    assert [(t.name, t.level, t.wanted.tolist(), t.grid.key) for t in again.targets] == [
        (t.name, t.level, t.wanted.tolist(), t.grid.key) for t in first.targets
    ]


@pytest.mark.parametrize("where", ["sum(person.income) >= 40000", "any(person, age >= 65) and mean(person.income) > 900"])
def test_a_where_over_sums_of_rows_below_is_told_with_the_variable_to_declare_and_that_mends_it(where: str) -> None:
    target = f'  - {{counts: {{tenure: {{owned: 40, rented: 20}}}}, where: "{where}"}}\n'
    (finding,) = [one for one in check(parse_spec(TOWN + target)) if one.severity == "error"]
    assert "comes to hangs on values" in finding.message
    assert finding.cure.startswith("declare under the variables of household `such: {from: ")
    declared, _, mended = finding.cure.partition("`, and write `where: ")
    lines = declared.partition("`")[2].replace("[LEFT EDGES]", "[0, 40000]").replace("}, such_2", "}\n  such_2")
    spec = TOWN.replace("members:\n", f"  {lines}\nmembers:\n", 1) + target.replace(f'"{where}"', mended.rstrip("`"))
    assert not [str(one) for one in check(parse_spec(spec)) if one.severity == "error"]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("any(persn, age >= 65)", "no level of members and no role is called 'persn'; did you mean 'person'?"),
        ("any(person, agee >= 65)", "no variable is called 'agee'; did you mean 'age'?"),
        ("any(person, age >= head_age)", "depends on more than the bins of its variables; compare each variable with numbers"),
        ("count(person, age > head.age) > 0", "looks at 'head.age', which another row has; name what these rows have"),
        ("any(household, tenure = 'owned')", "'household' stands below no row that a household sees"),
        ("count(person, count(vehicle) > 0) > 0", "`count(vehicle)` looks at rows below"),
        ("count(person) > 8", "holds for no record; count(person) goes from 1 to 8"),
        ("count(person) > count(vehicle)", "depends on more than the bins of its variables"),
    ],
)
def test_what_a_where_cannot_say_of_rows_below_is_told_with_its_place(where: str, told: str) -> None:
    (error,) = found(f'{{counts: {{tenure: {{owned: 40, rented: 20}}}}, where: "{where}"}}')
    assert error.startswith("targets[1]")
    assert told in error


def test_a_where_looks_at_the_rows_below_those_that_are_counted_and_cuts_their_bins() -> None:
    of_homes = '{rows: household, count: 300, where: "any(person, age < 18) and max(person.income) >= 20000"}'
    of_persons = "{rows: person, count: 900, where: \"any(person, age < 18) or any(vehicle, fuel = 'petrol')\"}"
    made = problem(of_homes, of_persons)
    homes, persons = (target.grid for target in made.targets[1:])
    assert homes.positions == persons.positions == ()
    assert {ref.level for ref in (*homes.refs, *persons.refs)} == {0}
    assert not any(ref.plain for ref in (*homes.refs, *persons.refs))
    assert len(set(homes.refs) & set(persons.refs)) == 1
    age, income = (made.schema.levels[1].finest(made.schema.levels[1].position(name)) for name in ("age", "income"))
    assert {18, 20000} <= {*age.edges, *income.edges}
    assert [level.names for level in made.schema] == [level.names for level in problem().schema]
    assert made.follows[0].text == problem().follows[0].text


def test_tables_of_one_universe_below_are_set_against_each_other_however_it_is_written() -> None:
    tables = [
        '{counts: {tenure: {owned: 40, rented: 20}}, where: "any(person, age < 18)"}',
        '{rows: household, count: 70, where: "any( person,age<18 )"}',
    ]
    (error,) = found(*tables)
    assert "disagree on the total where `any(person, age < 18)`" in error
    assert not found(tables[0], tables[1].replace("70", "60"), '{rows: household, count: 75, where: "any(person, age < 20)"}')


@pytest.mark.parametrize("cut", [False, True])
def test_a_where_whose_variables_have_too_many_bins_together_is_told(cut: bool) -> None:
    edges = list(range(50))
    variables = {name: {"type": "integer", "min": 0, "max": 49, "bins": [0] if cut else edges} for name in "abcd"}
    targets: list[dict[str, object]] = [
        {"rows": "home", "count": 3, "where": "any(person, a > 9 and b > 9 and c > 9 and d > 9)"},
        {"rows": "home", "count": 5, "where": "any(person, a > 9)"},
        {"rows": "person", "count": 9},
    ]
    targets += [{"quantiles": name, "values": {edge / 50: edge for edge in edges[1:]}} for name in "abcd" if cut]
    spec = {"unit": "home", "records": 9, "variables": {"car": {"type": "boolean"}}, "targets": targets}
    spec["members"] = {"person": {"number": 1, "variables": variables}}
    (error,) = [str(one) for one in check(Spec.collected(spec)) if one.severity == "error"]
    assert error.startswith("targets[0]: where: ")
    assert "its variables have too many bins together; name fewer variables in it" in error


def test_quantiles_of_members_whose_number_nobody_tells_are_shares_of_however_many_there_are() -> None:
    made = problem("{quantiles: person.age, values: {0.5: 40}}", "{quantiles: person.income, values: {0.5: 9000}}")
    for target in made.statistics:
        assert isinstance(target.statistic, Within)
        assert target.level == 1
        assert target.wanted.tolist() == [[0.5, 0.5]]


def test_a_column_is_not_called_by_what_a_where_says_of_rows_below() -> None:
    where = '{rows: household, count: 60, where: "any(person, age < 18)"}'
    (error,) = found(where, '{counts: {"any(person, age < 18)": {yes: 60, "no": 940}}}')
    assert "column 'any(person, age < 18)' is no variable; declare one" in error


@pytest.mark.parametrize(
    ("target", "cure", "mended"),
    [
        (
            "{counts: {child.age: {0-14: 40, 15+: 60}}}",
            "write age, and `where: \"relationship = 'child'\"`",
            "{counts: {age: {0-14: 40, 15+: 60}}, where: \"relationship = 'child'\"}",
        ),
        (
            "{rows: household, counts: {child.age: {0-14: 40}}, where: \"sex = 'male'\"}",
            "write age, and `where: \"sex = 'male' and relationship = 'child'\"`, with `rows: person`",
            "{rows: person, counts: {age: {0-14: 40}}, where: \"sex = 'male' and relationship = 'child'\"}",
        ),
        (
            "{mean: child.income, value: 9000}",
            "write person.income, and `where: \"relationship = 'child'\"`",
            "{mean: person.income, value: 9000, where: \"relationship = 'child'\"}",
        ),
        (
            "{counts: {sex: {male: 30}}, where: child.age > 5}",
            "write age in `where`, and `relationship = 'child'` with it",
            "{counts: {sex: {male: 30}}, where: \"age > 5 and relationship = 'child'\"}",
        ),
    ],
)
def test_a_variable_of_one_of_several_members_is_told_with_how_these_are_counted(target: str, cure: str, mended: str) -> None:
    (told,) = found(target)
    assert "there may be several 'child' in one 'household'" in told
    assert cure in told
    assert not found(mended)


@pytest.mark.parametrize(
    ("target", "room", "pairs"),
    [
        ("{counts: {persons: {1: 300, 2: 400, 3: 200, 4+: 100}}}", 700, "couple"),
        ("{counts: {persons: {1-2: 300, 3+: 700}}}", 1000, "couple"),
        ("{counts: {persons: {1: 300, 2: 400, 3: 200, 4+: 100}}}", 700, "by-sex"),
        ("{counts: {persons: {1: 300, 2: 400, 3: 300, 4+: 0}}}", 1000, "parent-child"),
        ("{counts: {persons: {1: 300, 2: 400, 3: 200, 4+: 100}}}", 1500, "parent-child"),  # eight persons at most
        ("{counts: {children: {0: 600, 1: 300, 2: 100, 3+: 0}}}", 500, "parent-child"),
        ("{counts: {partner_age: {none: 600, 0-29: 100, 30+: 300}}}", 400, "couple"),
    ],
)
def test_no_more_pairs_are_counted_than_households_have_room_for(target: str, room: int, pairs: str) -> None:
    more = "  children: {from: count(child), bins: [0, 1, 2, 3]}\n  partner_age: {from: partner.age, bins: [0, 30]}\nmembers:\n"

    def errors(count: int) -> list[str]:
        spec = parse_spec(TOWN.replace("members:\n", more, 1) + f"  - {target}\n  - {{pairs: {pairs}, count: {count}}}\n")
        return [str(one) for one in check(spec) if one.severity == "error"]

    assert errors(room) == []
    (told,) = errors(room + 1)
    assert f"'number of {pairs}' counts {room + 1:,} pairs of '{pairs}', and " in told
    assert room == 1000 or f"leaves room for {room:,} of them" in told


def test_a_mean_of_some_rows_says_of_which() -> None:
    spec = """
    records: 9
    variables: {rooms: {type: integer, min: 1, max: 9}, big: {type: boolean}}
    targets: [{mean: rooms, where: "big", value: 5}, {mean: rooms, value: 4}]
    """
    assert [target.name for target in compile_problem(parse_spec(spec)).targets] == ["mean of rooms where big", "mean of rooms"]


@pytest.mark.parametrize(("pairs", "sides"), [("couple", ("head.age", "partner.age")), ("by-sex", ("male.age", "female.age"))])
def test_shares_of_pairs_by_two_variables_are_of_as_many_pairs_as_there_are(pairs: str, sides: tuple[str, str]) -> None:
    cells = (("0-39", "0-39", 36.25), ("40+", "0-39", 63.75), ("40+", "40+", 0))
    table = ", ".join(f"{{{sides[0]}: {a}, {sides[1]}: {b}, share: {share}}}" for a, b, share in cells)
    shares = f"{{pairs: {pairs}, table: [{table}]}}"
    (error,) = found(AGES, shares)
    assert f"how many rows of '{pairs}' there are; add a target {{pairs: {pairs}, count: ...}}" in error
    target = next(one for one in problem(AGES, shares, f"{{pairs: {pairs}, count: 400}}").targets if len(one.axes) == 2)
    assert sorted(target.wanted[target.wanted > 0].tolist()) == [145, 255]
    (error,) = found(AGES, shares.replace("table", "where: \"tenure = 'owned'\", table"))
    assert "have no whole; write counts, or shares of one variable `by` the others" in error


def test_shares_of_one_variable_of_some_rows_need_no_number_of_these() -> None:
    assert not found("{pairs: couple, shares: {partner.sex: {male: 40, female: 60}}}")
    assert not found("{rows: person, where: age < 15, shares: {sex: {male: 51, female: 49}}}")
    (error,) = found("{rows: person, shares: {sex: {male: 51, female: 49}}}")
    assert "add a target {rows: person, count: ...}" in error


def test_rows_without_a_value_stand_beside_groups_of_values() -> None:
    spec = """
    records: 24
    variables: {age: {type: integer, min: 0, max: 99, bins: [0, 18, 65], missing: not stated}}
    targets:
      - groups: {age: {a: [0, 30], b: [30, 99]}}
        table: [{age: a, count: 10}, {age: b, count: 12}, {age: not stated, count: 2}]
    """
    (target,) = compile_problem(parse_spec(spec)).counts
    assert target.axes[0].labels == ("a", "b", "not stated")
    assert target.wanted.tolist() == [10, 12, 2]
