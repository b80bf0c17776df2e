"""Pictures of a run: the page's own where no library draws them, altair's where it is installed."""

import sys
from typing import Any

import pytest

import synthor
from synthor import InputError, Run

HOMES = """
unit: home
records: 40
variables: {tenure: {type: category, values: [owned, "<b>rented</b>"]}}
members:
  person:
    number: {min: 1, max: 4}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 90, bins: [0, 18, 65]}
targets:
  - {counts: {tenure: {owned: 25, "<b>rented</b>": 15}}}
  - {rows: person, table: [{role: head, count: 40}, {role: partner, count: 20}, {role: child, count: 30}]}
rules: [{never: "role in ('head', 'partner') and age < 18"}]
"""


@pytest.fixture(scope="module")
def homes() -> Run:
    return synthor.synthesize(synthor.parse_spec(HOMES))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)


@pytest.mark.slow
@pytest.mark.usefixtures("bare")
def test_a_category_shows_bars_wanted_and_got(homes: Run) -> None:
    html = homes.plot("tenure")._repr_html_()
    assert html.count("<tr>") == 3 and html.count("<div") == 4
    assert "width:100.0%" in html and "width:60.0%" in html and ">25</td>" in html
    assert "<b>" not in html and "&lt;b&gt;rented" in html


@pytest.mark.slow
@pytest.mark.usefixtures("bare")
def test_a_number_shows_how_its_values_lie(homes: Run) -> None:
    for name in ("person.age", "head.age"):
        shown = homes.plot(name)
        assert str(shown).count("<svg") == 1 and "half below" in str(shown)
        assert repr(shown).startswith(f"<Plot of {name}: ")


@pytest.mark.usefixtures("bare")
def test_two_variables_show_shares_of_the_second_in_the_first(homes: Run) -> None:
    html = str(homes.plot("head.age", "partner.age"))
    assert "partner.age of each head.age, in percent" in html and html.count("<tr>") == 4
    assert str(homes.plot("tenure", "role")).count("<td") == 6


def test_real_records_stand_beside(homes: Run, bare: None) -> None:
    real = {"home": {"home_id": [1, 2], "tenure": ["owned", "owned"]}}
    html = str(homes.plot("tenure", real=real))
    assert html.count("<div") == 6 and ">40</td>" in html


def test_more_than_two_variables_are_no_picture(homes: Run) -> None:
    with pytest.raises(InputError, match="shows one variable or two, not 3"):
        homes.plot("tenure", "role", "person.age")
    with pytest.raises(InputError, match="no variable is called 'tenur'"):
        homes.plot("tenur")


@pytest.mark.parametrize(
    ("names", "mark"), [(("tenure",), "bar"), (("person.age",), "bar"), (("head.age", "partner.age"), "rect")]
)
def test_altair_draws_where_it_is_installed(homes: Run, names: tuple[str, ...], mark: str) -> None:
    pytest.importorskip("altair")
    chart: Any = homes.plot(*names)
    document = chart.to_dict()
    assert document["mark"]["type"] == mark and next(iter(document["datasets"].values()))
