"""The page: what it says, that it escapes what others wrote, that it needs nothing but itself."""

import html
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthor import Prior, parse_spec
from synthor.loop import synthesize
from synthor.measure import Measurement, Tally, measure
from synthor.prior.model import Dependency, Dropped, RuleBelief
from synthor.report.page import render
from synthor.run import Population

HOSTILE = "<script>alert(1)</script>"
CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--hide-scrollbars", "--window-size=1000,900", "--dump-dom"),
]

TINY = """
records: 20
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented]}
targets:
  - {counts: {car: {yes: 12, no: 8}}}
  - {counts: {tenure: {owned: 10, rented: 10}}}
"""
HOSTILE_SPEC = f"""
title: "{HOSTILE} & co"
context: "{HOSTILE}"
records: 20
variables:
  car: {{type: boolean}}
  job: {{type: category, values: ["{HOSTILE}", "{"unbreakable" * 9}", '" onload="x']}}
  pay: {{type: number, min: -5, max: 90000, bins: [-5, 0, 1], unit: '{HOSTILE}" onload="x'}}
targets:
  - {{name: "<b>cars</b>", counts: {{car: {{yes: 12, no: 8}}}}}}
rules: [{{never: "car = true and job = '{HOSTILE}'", why: "{HOSTILE}"}}]
"""
DEPENDENCY = Dependency(given="car", of="tenure", rows=[[20, 80], [70, 30]])


@pytest.fixture(scope="module")
def plain() -> Population:
    return synthesize(parse_spec(TINY))


@pytest.fixture(scope="module")
def believing() -> Population:
    rule = RuleBelief(never="car = true and tenure = 'rented' and tenure = 'owned'", why="never both")
    return synthesize(parse_spec(TINY), prior=Prior(dependencies=[DEPENDENCY], rules=[rule]))


@pytest.fixture(scope="module")
def hostile() -> Population:
    job = Dependency(given="car", of="job", rows=[[20, 30, 50], [70, 20, 10]], why=HOSTILE)
    prior = Prior(dependencies=[job, DEPENDENCY.model_copy(update={"of": HOSTILE})])
    return synthesize(parse_spec(HOSTILE_SPEC), prior=prior)


def page_of(run: Population, measurement: Measurement | None = None) -> str:
    tally = Tally(run.sample.problem, [(table.refs, table.level) for table in run.model.beliefs.tables])
    for chunk in run.sample.chunks():
        tally.add(chunk)
    return render(run.model, measurement or run.measurement, tally.pair_counts)


def text_of(page: str) -> str:
    """What a reader sees, blanks run together."""
    body = page.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def too_many_cars(run: Population) -> Measurement:
    records = pl.DataFrame({"car": [True] * 15 + [False] * 5, "tenure": ["owned", "rented"] * 10})
    return measure(run.sample.problem, {"records": records}, status="converged")


def test_the_verdict_and_what_was_believed_come_first(plain: Population) -> None:
    page = page_of(plain)
    assert text_of(page).startswith(f"Synthetic records ✓ {plain.verdict} No beliefs were used")
    assert 'class="verdict met"' in page
    assert "No dependency was believed" in page
    assert "Converged. The fit reached its optimum." in text_of(page)


def test_a_cell_that_is_not_met_is_marked_in_words_and_numbers(plain: Population) -> None:
    page = page_of(plain, too_many_cars(plain))
    assert 'class="verdict unmet"' in page
    assert "! Not met: 1 of 2 targets are off" in text_of(page)
    assert re.search(
        r'<tr class="unmet"><th scope="row">yes</th>.*>12</td><td class="n">15</td><td class="n off">! \+3</td>', page
    )
    assert re.search(r'<tr class="unmet"><th scope="row">no</th>.*! −3</td>', page)
    assert re.search(r'<tr><th scope="row">owned</th>', page)
    assert "car ! not met one-way, counts 2 6 no: 5 instead of 8" in text_of(page)


def test_a_dependency_is_shown_as_believed_and_as_it_came_out(believing: Population) -> None:
    records = pl.DataFrame(
        {"car": [True] * 12 + [False] * 8, "tenure": ["owned"] * 6 + ["rented"] * 6 + ["owned", "rented"] * 4}
    )
    page = text_of(render(believing.model, believing.measurement, [np.array([[4, 4], [6, 6]])]))
    joint = believing.model.beliefs.tables[0].shares
    believed = [f"{100 * share:.0f}" for share in (joint / joint.sum(axis=1, keepdims=True)).ravel()]
    no_no, no_yes, yes_no, yes_yes = believed
    assert f"Believed owned rented no {no_no} {no_yes} yes {yes_no} {yes_yes}" in page
    assert "In the records owned rented no 50 ▲ 50 ▼ yes 50 ▼ 50 ▲" in page
    assert f"TVD {0.5 * np.abs(joint - np.array([[0.2, 0.2], [0.3, 0.3]])).sum():.3f}" in page
    assert measure(believing.sample.problem, {"records": records}).met  # the counts above can occur


def test_rules_say_who_made_them_and_how_often_they_are_broken(believing: Population) -> None:
    assert re.search(r"tenure = 'owned' never both beliefs 0", text_of(page_of(believing)))
    rule = believing.model.beliefs.rules[0].text
    broken = replace(believing.measurement, violations={rule: 2})
    assert "never both beliefs ! 2" in text_of(page_of(believing, broken))
    uncounted = replace(believing.measurement, violations={})
    assert "never both beliefs not counted" in text_of(page_of(believing, uncounted))


def test_what_others_wrote_is_escaped(hostile: Population) -> None:
    page = page_of(hostile)
    assert "<script" not in page
    assert "<b>cars" not in page
    assert '" onload' not in page
    assert text_of(page).count("alert(1)") >= 6  # title, context, labels, rule, reason, dropped belief


def test_beliefs_and_cells_that_were_left_out_are_listed(hostile: Population) -> None:
    many = tuple(Dropped(belief=f"rules[{i}]", reason="odd", action="mended") for i in range(150))
    model = replace(hostile.model, dropped=many, unsupported=("cars: car = yes",))
    model.__dict__.update(beliefs=hostile.model.beliefs)
    page = text_of(render(model, hostile.measurement, [np.array([[2, 3, 3], [4, 4, 4]])]))
    assert "150 in all; the first 100 are shown" in page
    assert "rules[99] odd mended Cells without support" in page
    assert "falls into them. cars: car = yes" in page
    assert "No target gives the shares of job" in page


def test_values_of_numbers_are_drawn(hostile: Population, plain: Population) -> None:
    page = page_of(hostile)
    assert page.count("<svg") == 1
    assert 'aria-label="pay: smallest' in page
    assert "alert(1)" in text_of(page).partition("pay")[2]
    assert "Values inside the bins" not in text_of(page_of(plain))


def test_a_large_table_is_cut_and_says_so() -> None:
    values = [f"z{i}" for i in range(100)]
    counts = ", ".join(f"z{i}: {i + 1}" for i in range(100))
    variables = f"variables: {{zone: {{type: category, values: {values}}}}}"
    spec = f"records: 5050\n{variables}\ntargets: [{{counts: {{zone: {{{counts}}}}}}}]"
    page = page_of(synthesize(parse_spec(spec)))
    assert "60 of 100 cells: those furthest off, then the largest; 40 are left out" in text_of(page)
    assert '<th scope="row">z99</th>' in page
    assert '<th scope="row">z39</th>' not in page


def test_a_mean_with_a_tolerance_is_shown_with_its_interval() -> None:
    pay = "variables: {pay: {type: number, min: 0, max: 90, bins: [0, 30, 60]}}"
    spec = f"records: 50\n{pay}\ntargets: [{{mean: pay, value: 40, tolerance: {{relative: 10%}}}}]"
    assert "36 to 44 (40)" in text_of(page_of(synthesize(parse_spec(spec))))


@pytest.mark.slow
def test_of_many_means_the_one_that_is_missed_is_shown() -> None:
    zones = [f"z{i}" for i in range(100)]
    variables = f"zone: {{type: category, values: {zones}}}, pay: {{type: integer, min: 0, max: 90, bins: [0, 30, 60]}}"
    means = ", ".join(f"{{zone: {zone}, mean: 40}}" for zone in zones)
    spec = f"records: 300\nvariables: {{{variables}}}\ntargets: [{{mean: pay, by: [zone], table: [{means}]}}]"
    run = synthesize(parse_spec(spec))
    records = pl.DataFrame({"zone": zones * 3, "pay": ([40] * 99 + [70]) * 3})
    page = page_of(run, measure(run.sample.problem, {"records": records}, status="converged"))
    assert "60 of 100 cells: those furthest off, then the first; 40 are left out" in text_of(page)
    assert '<th scope="row">z99</th>' in page


def test_the_page_needs_nothing_but_itself(believing: Population) -> None:
    page = page_of(believing)
    assert not re.search(r"https?://|\bsrc=|@import|url\(|<script|<iframe", page)
    assert "default-src 'none'" in page


def test_the_same_result_gives_the_same_bytes(believing: Population) -> None:
    rule = believing.model.prior.rules
    again = synthesize(parse_spec(TINY), prior=Prior(dependencies=[DEPENDENCY], rules=rule))
    assert page_of(believing) == page_of(again)


def in_a_browser(page: str, width: int, folder: Path) -> tuple[int, int, int, str]:
    """How wide a page of some width is in the end, its scripts, numbers that run into others, and the verdict."""
    # A frame has the width of a phone where a window may not; written in place, it may be measured from outside.
    frame = folder / "frame.html"
    script = """addEventListener("load", () => {
        const page = document.querySelector("iframe").contentDocument;
        const over = [...page.querySelectorAll("td.n")].filter(cell => cell.scrollWidth > cell.clientWidth).length;
        const verdict = page.querySelector(".verdict").innerText;
        document.body.append([page.documentElement.scrollWidth, page.scripts.length, over, verdict]);
    })"""
    inside = html.escape(page)
    frame.write_text(
        f'<!doctype html><script>{script}</script><iframe style="width:{width}px;border:0" srcdoc="{inside}"></iframe>', "utf-8"
    )
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", frame.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.rpartition("</iframe>")[2]
    scroll_width, n_scripts, over, verdict = shown.split(",", 3)
    return int(scroll_width), int(n_scripts), int(over), " ".join(html.unescape(verdict).split())


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
@pytest.mark.parametrize("width", [390, 900])
def test_a_browser_shows_the_page_without_scrolling_sideways(hostile: Population, width: int, tmp_path: Path) -> None:
    scroll_width, n_scripts, _, verdict = in_a_browser(page_of(hostile), width, tmp_path)
    assert (scroll_width, n_scripts) == (width, 0)
    assert hostile.verdict in verdict


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
def test_intervals_do_not_run_into_what_came_out(tmp_path: Path) -> None:
    pay = "variables: {pay: {type: number, min: 0, max: 900000, bins: [0, 30000, 60000]}}"
    spec = f"records: 50\n{pay}\ntargets: [{{mean: pay, value: 140000, tolerance: {{relative: 10%}}}}]"
    assert in_a_browser(page_of(synthesize(parse_spec(spec))), 900, tmp_path)[:3] == (900, 0, 0)
