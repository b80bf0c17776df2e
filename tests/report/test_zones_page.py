"""The page's section on zones: what it says without its script, what the script makes of it, and that nothing slows down."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import CHROMIUM, Browser
from synthor import parse_spec
from synthor.loop import synthesize
from synthor.measure import CountFit, Measurement
from synthor.report.page import render
from synthor.run import Population
from synthor.spec.model import Spec

HOSTILE = "</script><b>&amp;\u2028<!--"
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
Page = Mapping[str, Any]


def town(n_zones: int, *, names: tuple[str, ...] = (), polygons: bool = True) -> Spec:
    """Square zones in rows, each with a few records; `names` are those of the first ones."""
    zones = [*names, *(f"z{at}" for at in range(len(names), n_zones))]
    across = round(np.sqrt(n_zones))
    squares = {
        name: f"M{10 * (at % across)} {10 * (at // across)}l10 0 0 10-10 0z"
        for at, name in enumerate(zones)
        if at != n_zones - 1
    }
    rows = [
        {"taz": name, "car": car, "count": 1 + (3 * at + k) % 7}
        for at, name in enumerate(zones)
        for k, car in enumerate(("no", "yes"))
    ]
    within = {name: "north" if at < n_zones // 2 else "south" for at, name in enumerate(zones)}
    lie = dict.fromkeys(within.values(), 0)
    for row in rows:
        lie[within[str(row["taz"])]] += int(str(row["count"]))
    return Spec.model_validate(
        {
            "title": "A town",
            "records": sum(lie.values()),
            "variables": {"car": {"type": "boolean"}, "home": {"type": "category", "values": ["owned", "rented"]}},
            "zones": {"key": "taz", "names": zones, "within": {"tract": within}, "polygons": squares if polygons else None},
            "targets": [
                {"name": f"cars {HOSTILE}" if names else "cars", "table": rows},
                {"name": "homes", "table": [
                    {"tract": name, "home": home, "count": count} for name, n in lie.items() for home, count in
                    (("owned", n // 2), ("rented", n - n // 2))]},
            ],
        }
    )  # fmt: skip


def page_of(run: Population, measurement: Measurement | None = None) -> str:
    return render(run.model, measurement or run.measurement, [])


def off(run: Population, **cells: int) -> Measurement:
    """The measurement of a run with so much more in some cells of its first table."""
    first, *others = run.measurement.fits
    assert isinstance(first, CountFit)
    got = first.got.copy()
    for cell, more in cells.items():
        got[int(cell[1:])] += more
    return replace(run.measurement, fits=(replace(first, got=got), *others))


def text_of(page: str) -> str:
    body = re.sub(r"<script.*?</script>", "", page.partition("<body>")[2], flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


@pytest.fixture(scope="module")
def run() -> Population:
    return synthesize(town(120))


def test_without_its_script_the_page_has_a_summary_and_the_areas_furthest_off(run: Population) -> None:
    page = text_of(page_of(run, off(run, c7=5, c9=-1)))
    assert (
        "120 zones (taz) in 2 areas (tract); 242 of 244 cells of 2 tables of areas are met; the worst is taz z3, yes of" in page
    )
    assert "taz 120 1 240 238 6 taz z3, yes of 'cars': 9 instead of 4 tract 2 1 4 4 0 –" in page
    assert "The 50 of 120 that are furthest off, then the largest." in page
    assert "z3 12 5 yes of 'cars' 4 9 +5 z4 12 1 yes of 'cars' 7 6 −1" in page
    assert "The map needs the page's own script" in page
    assert "1 of 120 areas have no polygon" in page


def test_differences_by_control_are_drawn_and_told(run: Population) -> None:
    page = page_of(run, off(run, c7=4))
    assert re.search(r'yes</th><td>cars</td>.*\+0\.83%</td><td class="n">9\.09%</td>.*<td class="n">120</td>', page)
    assert re.search(r'owned</th>.*<i style="left:50\.0%;width:0\.0%"></i><b style="left:50\.0%"></b>.*0\.00%', page)
    assert "Ends of the axis: −10% and +10%." in text_of(page)


def test_tables_of_areas_are_one_line_each_elsewhere(run: Population) -> None:
    page = page_of(run, off(run, c7=4))
    assert re.search(
        r'<tr id="target-1" class="unmet"><th scope="row">cars</th><td>120 \(taz\)</td><td class="n">240</td>', page
    )
    assert 'class="bars"' not in page


def test_only_the_script_of_the_page_may_run(run: Population) -> None:
    page = page_of(run)
    script = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch\(", script[0])


def test_a_page_without_zones_has_no_script() -> None:
    page = page_of(
        synthesize(parse_spec("{records: 4, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 3, no: 1}}}]}"))
    )
    assert "<script" not in page
    assert "script-src" not in page
    assert "#zones" not in page


def test_without_polygons_there_is_no_map() -> None:
    page = page_of(synthesize(town(9, polygons=False)))
    assert 'id="areas"' in page
    assert 'id="map' not in page
    assert '"tables"' not in page


def test_names_from_elsewhere_neither_end_the_script_nor_are_taken_for_elements() -> None:
    page = page_of(synthesize(town(9, names=(HOSTILE, "b\x1b[31m\u202e"))))
    assert "<b>&amp" not in page
    assert page.count("</script>") == 3
    data = json.loads(re.findall(r'id="areas-data">(.*?)</script>', page, flags=re.DOTALL)[0])
    assert data[0]["areas"][:2] == ["</script><b>&amp;\\u2028<!--", r"b\x1b[31m\u202e"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


ROWS = '[...document.querySelectorAll("#areas tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent))'


def shown(browser: Browser, folder: Path, page: str, *, width: int = 1200, dark: bool = False) -> None:
    (folder / "page.html").write_text(page, encoding="utf-8")
    browser.show(folder / "page.html", width=width, dark=dark)


def rows(browser: Browser) -> list[list[str]]:
    browser.run("new Promise((done) => setTimeout(done, 30))")
    return list(browser.run(ROWS))


def press(browser: Browser, key: str) -> str:
    """What the map says after a key was pressed on it."""
    script = (
        f"document.getElementById('map-frame').dispatchEvent(new KeyboardEvent('keydown', {{key: {key!r}, bubbles: true}}))"
    )
    browser.run(f"{script}, 0")
    return str(browser.run("document.getElementById('map-told').textContent"))


@pytest.mark.slow
@in_browser
def test_areas_are_sorted_leafed_through_and_sought(run: Population, browser: Browser, tmp_path: Path) -> None:
    shown(browser, tmp_path, page_of(run, off(run, c7=5, c9=-1)))
    assert [row[0] for row in rows(browser)[:2]] == ["z3", "z4"]
    assert rows(browser)[0] == ["z3", "12", "5", "yes of 'cars'", "4", "9", "+5"]
    assert len(rows(browser)) == 50
    assert browser.run("document.getElementById('areas-range').textContent") == "1 to 50 of 120"
    browser.run("document.querySelector('#areas th button').click()")
    assert [row[0] for row in rows(browser)[:12:11]] == ["z0", "z11"]  # numbers inside of names are numbers
    assert (
        browser.run("[...document.querySelectorAll('#areas thead th')].map((h) => h.ariaSort).join()")
        == "ascending,none,none,,,,none"
    )
    for _ in range(2):
        browser.run("document.getElementById('areas-next').click()")
    assert [row[0] for row in rows(browser)] == [f"z{at}" for at in range(100, 120)]
    assert browser.run("document.getElementById('areas-next').disabled")
    browser.run("const f = document.getElementById('areas-name'); f.value = 'Z11'; f.dispatchEvent(new Event('input')), 0")
    assert [row[0] for row in rows(browser)] == ["z11", *(f"z{at}" for at in range(110, 120))]
    browser.run("const l = document.getElementById('areas-level'); l.value = 1; l.dispatchEvent(new Event('change')), 0")
    assert rows(browser) == []
    browser.run("f.value = ''; f.dispatchEvent(new Event('input')), 0")
    assert [row[0] for row in rows(browser)] == ["north", "south"]


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)])
def test_the_map_is_walked_with_keys_and_told(
    run: Population, browser: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    shown(browser, tmp_path, page_of(run, off(run, c109=5)), width=width, dark=dark)
    first = press(browser, "ArrowRight")
    assert re.fullmatch(r"taz z\d+: \d+ records; .*", first)
    here = int(first[5:].partition(":")[0])
    assert press(browser, "ArrowRight").startswith(f"taz z{here + 1}:")
    assert press(browser, "ArrowDown").startswith(f"taz z{here + 12}:")
    assert press(browser, "ArrowUp").startswith(f"taz z{here + 1}:")
    assert press(browser, "ArrowLeft") == first
    assert press(browser, "Enter") == first
    assert [row[0] for row in rows(browser)] == [f"z{here}"]
    for key in ("+", "-", "0"):
        assert press(browser, key) == first
    found = browser.run("""(() => { const c = document.getElementById("map-of"); c.value = 1;
      c.dispatchEvent(new Event("change"));
      return [...document.querySelectorAll("#map-legend li")].map((item) => item.textContent).join("; "); })()""")
    assert found == "0.0% (118); 50.0% (1)"
    assert browser.run("[...document.getElementById('map-of').options].map((o) => o.text).join('; ')") == (
        "Records; Error, in % of records; no of 'cars', in %; yes of 'cars', in %"
    )


@pytest.mark.slow
@in_browser
def test_the_map_tells_the_zone_that_is_pointed_at(run: Population, browser: Browser, tmp_path: Path) -> None:
    shown(browser, tmp_path, page_of(run))
    told = browser.run("""(() => { const frame = document.getElementById("map-frame"), box = frame.getBoundingClientRect();
      const k = 0.96 * Math.min(box.width, box.height) / 110, x = box.left + box.width / 2, y = box.top + box.height / 2;
      frame.dispatchEvent(new PointerEvent("pointermove", { clientX: x - 50 * k, clientY: y - 50 * k, bubbles: true }));
      return document.getElementById("map-told").textContent; })()""")
    assert told == "taz z0: 3 records; all cells met"
    colours = browser.run("""(() => { const c = document.getElementById("map-zones").getContext("2d");
      const { data } = c.getImageData(0, 0, c.canvas.width, c.canvas.height), found = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) found.add(data.slice(i, i + 3).join());
      return ["219,231,245", "8,52,107"].map((colour) => found.has(colour)); })()""")
    assert colours == [True, True]


@pytest.mark.slow
@in_browser
def test_hostile_names_stay_texts(browser: Browser, tmp_path: Path) -> None:
    shown(browser, tmp_path, page_of(synthesize(town(9, names=(HOSTILE,)))))
    assert HOSTILE.replace("\u2028", "\\u2028") in [row[0] for row in rows(browser)]
    assert browser.run("document.querySelectorAll('#zones ~ * b:not([style]), #map-told b').length") == 0


@in_browser
@pytest.mark.slow
def test_ten_thousand_zones_are_a_small_page_that_answers(browser: Browser, tmp_path: Path) -> None:
    page = page_of(synthesize(town(10_000)))
    assert len(page.encode()) < 2_000_000
    shown(browser, tmp_path, page)
    assert len(rows(browser)) == 50
    longest = browser.run("""new Promise((done) => { let longest = 0;
      new PerformanceObserver((list) => { for (const task of list.getEntries()) longest = Math.max(longest, task.duration); })
        .observe({ type: "longtask", buffered: true });
      setTimeout(() => done(longest), 100); })""")
    assert longest < 1000  # tens of milliseconds on a machine at rest
