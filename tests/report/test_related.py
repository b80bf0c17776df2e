"""What the page says of members together: the ages of couples, of parents and children."""

import html
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from browser import CHROMIUM, Browser
from synthor import Run, parse_spec, synthesize
from synthor.measure import Tally, measure
from synthor.measure.coded import coded
from synthor.measure.related import PairedNumbers, relations_of
from synthor.prior.model import Dependency, Prior
from synthor.report.page import render

STREET = """
unit: home
records: 24
variables: {garden: {type: boolean}}
members:
  person:
    number: {min: 1, max: 4}
    role: role
    roles: {head: 1, partner: {max: 1}}
    pairs: {couple: [head, partner], parenthood: [head, child]}
    variables:
      role: {type: category, values: [head, partner, child, "<i>guest</i>"]}
      age: {type: integer, min: 0, max: 99, bins: [0, 20, 40, 60], unit: years}
targets:
  - {counts: {role: {head: 24, partner: 20, child: 20, "<i>guest</i>": 12}}}
  - name: heads and partners
    pairs: couple
    table: [{head.age: 20-59, partner.age: 20-59, count: 20}]
  - name: heads and their children
    pairs: parenthood
    table: [{head.age: 20-59, child.age: 0-39, count: 20}]
  - {name: heads, where: role = 'head', counts: {age: {20-59: 24}}}
rules: [{never: child.age > head.age - 12}]
"""


@cache
def street() -> Run:
    couples = Dependency(
        given="head.age", of="partner.age", rows=[[70, 30, 0, 0], [30, 50, 20, 0], [0, 20, 60, 20], [0, 0, 30, 70]]
    )
    return synthesize(parse_spec(STREET), prior=Prior(dependencies=[couples]))


def homes(apart: int = 3) -> dict[str, pl.DataFrame]:
    """Heads of 40 to 59, partners so much younger, a child of each couple thirty years younger; guests of any age."""
    persons = []
    for home in range(24):
        age = 40 + home % 20
        persons.append((home, "head", age))
        if home < 20:
            persons += [(home, "partner", age - apart), (home, "child", age - 30)]
        if home % 2:
            persons.append((home, "<i>guest</i>", 7 * home % 60))
    held = {"home_id": [home for home, _, _ in persons], "role": [role for _, role, _ in persons]}
    return {
        "home": pl.DataFrame({"home_id": list(range(24)), "garden": [True] * 24}),
        "person": pl.DataFrame({"person_id": list(range(len(persons))), **held, "age": [age for _, _, age in persons]}),
    }


def page_of(records: Mapping[str, pl.DataFrame]) -> str:
    run = street()
    counts = Tally(run.problem, [(table.refs, table.level) for table in run.model.beliefs.tables])
    counts.add(records)
    return render(run.model, measure(run.problem, records), counts.pair_counts)


def text_of(page: str) -> str:
    section = page[page.index('<h2 id="related">') : page.index('<h2 id="dependencies">')]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", section)).split())


@pytest.mark.slow
def test_each_relation_is_told_in_words_with_its_percentiles_and_correlation() -> None:
    told = text_of(page_of(homes()))
    assert "couple: head.age and partner.age 20 pairs. In nine of ten, head.age is 3 to 3 more than partner.age" in told
    assert "the median difference is +3 years. They go together very closely (correlation 1.00)." in told
    assert "smallest 30 · 5% below 30 · half below 30 · 95% below 30 · largest 30 · correlation 1.00" in told
    assert "head and <i>guest</i>: head.age and <i>guest</i>.age 12 pairs." in told
    other = text_of(page_of(homes(apart=-4)))
    assert "In nine of ten, head.age is 4 to 4 less than partner.age; the median difference is −4 years." in other


@pytest.mark.slow
def test_what_speaks_of_both_is_named() -> None:
    told = text_of(page_of(homes()))
    assert "Of both speak: target 'heads and partners'; belief 'partner.age given head.age'." in told
    assert "Of both speak: target 'heads and their children'; rule child.age > head.age - 12 ." in told
    assert told.count("No target, belief or rule speaks of both.") == 1  # of heads and guests


@pytest.mark.slow
def test_the_table_has_the_shares_that_the_picture_shows() -> None:
    page = page_of(homes())
    couple = page[page.index('<h3 id="related-1">') : page.index('<h3 id="related-2">')]
    table = " ".join(re.sub(r"<[^>]*>", " ", couple[couple.index("<table") :]).split())
    assert "partner.age of each head.age, in percent 20-39 40-59 pairs 40-59 15 85 20" in table  # 37, 38 and 39 are under 40


@pytest.mark.slow
def test_counted_in_parts_the_page_is_the_same() -> None:
    problem, records = street().problem, homes()
    whole, joined = Tally(problem), Tally(problem)
    whole.add(records)
    for some in (pl.col("home_id") < 9, pl.col("home_id") >= 9):
        part = Tally(problem)
        part.add({name: table.filter(some) for name, table in records.items()})
        joined.merge(part)
    for mine, theirs in zip(whole.related, joined.related, strict=True):
        assert mine.values.tolist() == theirs.values.tolist() and mine.values.shape[1] >= 12


@pytest.mark.slow
def test_of_very_many_units_every_second_third_or_so_on_is_looked_at() -> None:
    couple = relations_of(street().problem)[0]
    paired, records = PairedNumbers(couple, n_units=150_000), homes()
    assert paired.every == 3
    paired.add(coded(records, street().problem.schema), records["person"])
    assert paired.values[0].tolist() == [40 + home for home in range(0, 20, 3)]


def test_without_members_there_is_no_such_section() -> None:
    run = synthesize(parse_spec("{records: 4, variables: {car: {type: boolean}}}"))
    assert "Members together" not in str(run.report())


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
def test_pictures_fit_on_a_phone_and_a_desk(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page_of(homes()), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        for width in (400, 1600):
            browser.show(tmp_path / "report.html", width=width, dark=width == 400)
            assert browser.run("document.documentElement.scrollWidth") == width
            assert browser.run("document.querySelectorAll('.related svg').length") == 6
