"""Pages for people who see little or nothing: axe-core finds nothing to mend, on a phone and a desk, in light and in dark."""

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import synthor
from browser import CHROMIUM, Browser
from synthor import Prior, Run
from synthor.cli.app import app
from synthor.measure import measure
from synthor.prior.model import Dependency, RuleBelief
from synthor.report.page import render
from village import VILLAGE

pytest.importorskip("axe_core_python")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the pages with"),
]
WINDOWS = [(width, dark) for width in (400, 1600) for dark in (False, True)]
HOMES = """
title: Homes of a town
context: One record is one home.
records: 100
variables:
  persons: {type: integer, min: 1, max: 6, bins: [1, 2, 3]}
  tenure: {type: category, values: [owned, rented]}
  car: {type: boolean}
  income: {type: number, min: 0, max: 90000, bins: [0, 30000, 60000], unit: EUR/year}
targets:
  - {name: size by tenure, table: [
      {persons: 1, tenure: owned, count: 10}, {persons: 2, tenure: owned, count: 30}, {persons: 3+, tenure: owned, count: 20},
      {persons: 1, tenure: rented, count: 20}, {persons: 2, tenure: rented, count: 12}, {persons: 3+, tenure: rented, count: 8}]
    }
  - {counts: {car: {no: 40, yes: 60}}}
rules: [{never: persons = 1 and income > 80000, why: one earner earns less}]
"""
RULE = "rules: [{never: role = 'head' and age < 18, why: children lead no home}]\n"
TOWN = """
title: A town in zones
records: 12
variables:
  size: {type: integer, min: 1, max: 9, bins: [1, 2, 3]}
  car: {type: boolean}
zones:
  key: taz
  within: {tract: {a: north, b: north, c: south}}
  polygons: {a: M0 0l10 0 0 10-10 0z, b: M10 0l10 0 0 10-10 0z, c: M0 10l20 0 0 10-20 0z}
targets:
  - {table: [{taz: a, size: 1, count: 2}, {taz: a, size: 2, count: 2}, {taz: a, size: 3+, count: 0},
             {taz: b, size: 1, count: 1}, {taz: b, size: 2, count: 2}, {taz: b, size: 3+, count: 1},
             {taz: c, size: 1, count: 2}, {taz: c, size: 2, count: 1}, {taz: c, size: 3+, count: 1}]}
  - {table: [{tract: north, car: yes, count: 5}, {tract: north, car: no, count: 3},
             {tract: south, car: yes, count: 1}, {tract: south, car: no, count: 3}]}
"""
BELIEVED = Prior(
    dependencies=[
        Dependency(given="car", of="tenure", rows=[[20, 80], [85, 15]], why="cars need space"),
        Dependency(given="tenure", of="nothing that is here", rows=[[50, 50], [50, 50]]),
    ],
    rules=[RuleBelief(never="car = true and income < 1000", why="cars cost money")],
)
CONTRADICTORY = """
title: Homes that cannot be
records: 100
variables:
  garden: {type: boolean}
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented]}
  income: {type: number, min: 0, max: 90000, bins: [0, 30000, 60000], unit: EUR/year}
targets:
  - {name: cars by gardens, table: [
      {garden: no, car: no, count: 45}, {garden: no, car: yes, count: 5},
      {garden: yes, car: no, count: 5}, {garden: yes, car: yes, count: 45}]}
  - {name: cars by tenure, table: [
      {car: no, tenure: owned, count: 45}, {car: no, tenure: rented, count: 5},
      {car: yes, tenure: owned, count: 5}, {car: yes, tenure: rented, count: 45}]}
  - {name: tenure by gardens, table: [
      {garden: yes, tenure: owned, count: 45}, {garden: yes, tenure: rented, count: 5},
      {garden: no, tenure: owned, count: 5}, {garden: no, tenure: rented, count: 45}]}
  - {counts: {income: {0-29999: 20, 30000-59999: 30, 60000+: 50}}}
rules: [{never: income > 80000, why: nobody here earns so much}]
"""


def flat() -> Run:
    return synthor.synthesize(synthor.parse_spec(HOMES), prior=BELIEVED, hold_out=["each"])


def with_members() -> Run:
    return synthor.synthesize(synthor.parse_spec(VILLAGE + RULE))


def in_zones() -> str:
    """Of records one of which was put into another zone."""
    run = synthor.synthesize(synthor.parse_spec(TOWN))
    moved = run.records.with_columns(taz=pl.Series(["b", *run.records["taz"][1:]]))
    return render(run.model, measure(run.problem, {"records": moved}), [])


def contradictory() -> Run:
    run = synthor.synthesize(synthor.parse_spec(CONTRADICTORY), prior=BELIEVED)
    assert not run.measurement.met
    return run


def ranges(folder: Path) -> str:
    """The page of questions that were asked of a run and its draws."""
    run = flat()
    run.write(folder)
    run.draws(2)
    asked = CliRunner().invoke(app, ["measure", str(folder), "--of", "mean income by tenure", "--of", "car by persons"])
    assert asked.exit_code == 0, asked.output
    return (folder / "ranges.html").read_text(encoding="utf-8")


def compared() -> str:
    """The page of two runs."""
    other = synthor.parse_spec(HOMES.replace("no: 40, yes: 60", "no: 30, yes: 70"))
    return flat().compare(synthor.synthesize(other)).page()


def in_notebook(run: Run) -> str:
    """What a notebook shows of a run, and its pictures where there is no altair."""
    from synthor.report import plots

    table = run.table("tenure", "car")
    parts = [run._repr_html_(), plots.heat(table), plots.bars(run.table("car"))]
    return f'<!doctype html><html lang="en"><title>Cells</title><main><h1>Cells</h1>{"".join(parts)}</main></html>'


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {
        "flat": str(flat().report()),
        "members": str(with_members().report()),
        "contradictory": str(contradictory().report()),
        "zones": in_zones(),
        "ranges": ranges(folder / "run"),
        "cells": in_notebook(flat()),
        "compared": compared(),
        "faulty": FAULTY,
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


FAULTY = """<!doctype html><html lang="en"><title>Faulty</title><meta http-equiv="Content-Security-Policy" content="default-src
'none'; style-src 'unsafe-inline'"><style>@media (prefers-color-scheme: dark) and (max-width: 30rem) { p { color: #ddd } }
</style><main><h1>A page</h1><p>Seen by day</p></main></html>"""
"""Of a paragraph that is grey on white, on a phone in the dark alone."""


def found_by_axe(browser: Browser, page: Path, *, width: int, dark: bool) -> list[str]:
    """What axe-core finds in a page, each with the elements that it is about."""
    browser.show(page, width=width, dark=dark)
    browser.run(resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";0")
    told = json.loads(browser.run("axe.run().then(({passes, violations}) => JSON.stringify({passes, violations}))"))
    assert told["passes"]
    return [
        f"{fault['id']} ({fault['impact']}): {fault['help']}\n  {node['html'][:200]}\n  {node['failureSummary']}"
        for fault in told["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize(("width", "dark"), WINDOWS)
@pytest.mark.parametrize("name", ["flat", "members", "contradictory", "zones", "ranges", "cells", "compared"])
def test_axe_finds_nothing_to_mend(browser: Browser, pages: Mapping[str, Path], name: str, width: int, dark: bool) -> None:
    found = found_by_axe(browser, pages[name], width=width, dark=dark)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("width", "dark"), WINDOWS)
def test_axe_sees_the_page_in_the_window_and_the_colours_that_are_asked_for(
    browser: Browser, pages: Mapping[str, Path], width: int, dark: bool
) -> None:
    found = found_by_axe(browser, pages["faulty"], width=width, dark=dark)
    assert [text.partition(" ")[0] for text in found] == (["color-contrast"] if dark and width == 400 else [])
