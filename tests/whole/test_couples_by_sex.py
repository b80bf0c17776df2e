"""Couples by the ages of the man and the woman, whoever of them heads the household: from a published table to households."""

import html
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache

import numpy as np
import polars as pl
import pytest
import yaml

from synthor import Run, check, compile_problem, parse_spec, synthesize
from synthor.measure import CountFit, Tally, measure
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency, DifferenceBelief, Marginal, Prior
from synthor.report.explain import explain
from synthor.report.page import render

N = 2000
AGES = {0: "0-29", 30: "30-39", 40: "40-49", 50: "50-64", 65: "65+"}
TOWN = f"""
title: A town
unit: household
records: {N}
variables:
  tenure: {{type: category, values: [owned, rented]}}
  persons: {{from: count(person), bins: [1, 2, 3, 4]}}
members:
  person:
    number: {{min: 1, max: 6}}
    role: relationship
    roles: {{head: 1, partner: {{max: 1}}, child: {{max: 4}}}}
    pairs: {{couple: {{roles: [head, partner], ordered: by sex}}}}
    variables:
      relationship: {{type: category, values: [head, partner, child]}}
      age: {{type: integer, min: 0, max: 89, bins: [0, 18, 30, 50, 65]}}
      sex: {{type: category, values: [male, female]}}
"""

Person = tuple[str, int, str]


@cache
def population() -> list[list[Person]]:
    """Households: heads of either sex, men three years older than their wives, one couple in sixteen of one sex, children."""
    random = np.random.default_rng(5)
    found = []
    for _ in range(N):
        sex, age = ("male", "female")[random.random() < 0.4], int(np.clip(random.normal(48, 16), 18, 89))
        home: list[Person] = [("head", age, sex)]
        if random.random() < 0.55:
            other = sex if random.random() < 1 / 16 else ("female" if sex == "male" else "male")
            older = 0 if other == sex else 3 if other == "male" else -3
            home.append(("partner", int(np.clip(age + older + random.normal(0, 4), 18, 89)), other))
        n_children = min(int(random.poisson(0.9 if len(home) > 1 else 0.2)), 4) if age < 60 else 0
        home += [("child", int(random.integers(18)), ("male", "female")[random.integers(2)]) for _ in range(n_children)]
        found.append(home)
    return found


def band(age: int) -> str:
    return AGES[max(edge for edge in AGES if edge <= age)]


def couples(homes: list[list[Person]]) -> dict[tuple[str, str], int]:
    """How many men and women of which ages live as head and partner, counted one household after the other."""
    found = dict.fromkeys(((his, hers) for his in AGES.values() for hers in AGES.values()), 0)
    for home in homes:
        two = {sex: age for role, age, sex in home if role != "child"}
        if len(two) == 2:
            found[band(two["male"]), band(two["female"])] += 1
    return found


@cache
def spec_text() -> str:
    homes = population()
    persons = [person for home in homes for person in home]
    sizes = Counter("4+" if len(home) > 3 else str(len(home)) for home in homes)
    by_age = Counter((band(age), sex) for _, age, sex in persons)
    targets = [
        {"counts": {"persons": dict(sizes)}},
        {"counts": {"relationship": dict(Counter(role for role, _, _ in persons))}},
        {"table": [{"age": age, "sex": sex, "count": n} for (age, sex), n in by_age.items()]},
        {
            "name": "couples",
            "pairs": "couple",
            "table": [{"male.age": his, "female.age": hers, "count": n} for (his, hers), n in couples(homes).items()],
        },
    ]
    return TOWN + yaml.safe_dump({"targets": targets}, sort_keys=False)


@cache
def run() -> Run:
    return synthesize(parse_spec(spec_text()))


def homes_of(tables: Mapping[str, pl.DataFrame]) -> list[list[Person]]:
    found: dict[int, list[Person]] = {key: [] for key in tables["household"]["household_id"]}
    for key, role, age, sex in tables["person"].select("household_id", "relationship", "age", "sex").iter_rows():
        found[key].append((str(role), age, str(sex)))
    return list(found.values())


def swapped(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same people, but the partner is called the head wherever there is one."""
    people = tables["person"]
    both = people.filter(pl.col("relationship").cast(pl.String) == "partner")["household_id"].implode()
    other = pl.col("relationship").cast(pl.String).replace({"head": "partner", "partner": "head"})
    role = pl.when(pl.col("household_id").is_in(both)).then(other).otherwise(pl.col("relationship").cast(pl.String))
    return {**tables, "person": people.with_columns(relationship=role)}


@pytest.mark.slow
def test_all_tables_are_met_and_couples_of_one_sex_are_in_none_of_their_cells() -> None:
    assert [str(finding) for finding in check(parse_spec(spec_text())) if finding.severity == "error"] == []
    assert run().measurement.met
    homes = homes_of(run().tables)
    assert couples(homes) == couples(population())
    partners = sum(role == "partner" for home in homes for role, _, _ in home)
    assert partners == sum(role == "partner" for home in population() for role, _, _ in home)
    assert partners > sum(couples(homes).values()) == sum(couples(population()).values())
    women_head = sum(home[0][2] == "female" and len({sex for role, _, sex in home if role != "child"}) == 2 for home in homes)
    assert 0 < women_head < sum(couples(homes).values())  # either may head a household


@pytest.mark.slow
def test_it_does_not_matter_who_of_the_two_is_the_head() -> None:
    tables = run().tables
    turned = swapped(tables)
    assert homes_of(turned) != homes_of(tables)
    for records in (tables, turned):
        fit = next(fit for fit in measure(run().problem, records).fits if fit.target.name == "couples")
        assert isinstance(fit, CountFit)
        assert fit.got.tolist() == list(couples(population()).values())


@pytest.mark.slow
def test_beliefs_about_one_of_the_two_are_left_out_with_what_to_write() -> None:
    prior = Prior(
        dependencies=[Dependency(given="male.age", of="female.age", rows=np.eye(5).tolist())],
        marginals=[Marginal(of="male.age", percent=[20] * 5)],
        differences=[DifferenceBelief(difference="male.age - female.age", quantiles={"5%": -4, "95%": 10})],
    )
    dropped = {one.belief: one.reason for one in resolve(prior, compile_problem(parse_spec(spec_text()))).dropped}
    assert sorted(dropped) == [
        "dependencies[0] (female.age given male.age)",
        "differences[0] (male.age - female.age)",
        "marginals[0] (male.age)",
    ]
    for reason in dropped.values():
        assert "'male.age' is of one of two that sex tells apart" in reason
        assert "name them by role: head.age, partner.age" in reason


@pytest.mark.slow
def test_the_page_and_the_explanation_speak_of_the_two() -> None:
    tally = Tally(run().problem)
    tally.add(run().tables)
    page = render(run().model, run().measurement, tally.pair_counts)
    told = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())
    assert "couple: head.age and partner.age" in told
    assert "Of both speak: target 'couples'." in told
    lines = " ".join(line for section in explain(run().spec, run().problem) for line in section.lines)
    assert "counts of pairs of 'couple' (male and female) by male.age and female.age, 25 cells" in lines
