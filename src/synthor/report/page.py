"""report.html: one self-contained page, the same bytes for the same result."""

from collections.abc import Sequence
from functools import cache
from math import isinf, isnan
from types import MappingProxyType
from typing import TYPE_CHECKING

from synthor.errors import JOINERS, visible
from synthor.evaluate.holdout import HoldOuts
from synthor.fit.model import Model
from synthor.measure import Measurement, Records
from synthor.report.areas import script_hash
from synthor.report.data import MAX_LISTED, page_data
from synthor.types import Counts

if TYPE_CHECKING:
    from jinja2 import Environment, Template

NO_RECORDS: Records = MappingProxyType({})
"""Nothing to be shown as it is."""


def render(
    model: Model,
    measurement: Measurement,
    pair_counts: Sequence[Counts],
    held_out: HoldOuts | None = None,
    examples: Records = NO_RECORDS,
) -> str:
    """The page that shows a result: the verdict, every target wanted and got, every belief before and after.

    It loads nothing, and runs nothing but, where there are zones, a script of ours that its policy names by its hash. Labels
    come from users and language models: all of them are escaped.

    Args:
        model: the fitted model.
        measurement: of the records drawn from it.
        pair_counts: (k_given, k_of) count table in these records of each of `model.beliefs.tables`.
        held_out: tables that were left out and predicted, if any were.
        examples: some units with their members, to be shown as they are.
    """
    page = page_data(model, measurement, pair_counts, examples)
    script = zones_script() if page.zones is not None else ""
    told = {"page": page, "held_out": held_out, "max_listed": MAX_LISTED, "script": script, "script_hash": script_hash(script)}
    return template("report.html.j2").render(told) + "\n"


@cache
def zones_script() -> str:
    """The script that makes the table of areas and the map."""
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, "zones.js")[0]


def template(name: str) -> "Template":
    """A template of this package; everything that is put into it is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("synthor.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "whole": whole,
        "wanted": wanted,
        "signed": signed,
        "counted": counted,
        "small": small,
        "percent": percent,
        "points": points,
        "data": Markup,  # of our own making alone: what others wrote is escaped in it
    }
    environment.filters["share"] = "{:.1%}".format
    return environment


def _shown(value: object) -> object:
    """What is put into a page: texts without characters that a reader cannot see; what was escaped already stays."""
    return visible(value, kept=f"{JOINERS}\n\t") if type(value) is str else value


def whole(number: float) -> str:
    """A count, with separators."""
    return f"{number:,.0f}"


def wanted(number: float) -> str:
    """A wanted count, with a decimal only where it is not whole.

    >>> wanted(1200.0), wanted(1200.25)
    ('1,200', '1,200.2')
    """
    return f"{number:,.0f}" if abs(number - round(number)) < 1e-6 else f"{number:,.1f}"


def counted(number: float, counts: bool, decimals: int) -> str:
    """A count of rows, with a decimal only where it is not whole; or the value of a statistic, as it was published.

    >>> counted(1200.25, True, 0), counted(46_000_000.4, False, 0), counted(float("nan"), False, 2)
    ('1,200.2', '46,000,000', 'no record')
    """
    if isnan(number):
        return "no record"
    return wanted(number) if counts else f"{number:,.{decimals}f}"


def signed(number: float, counts: bool, decimals: int) -> str:
    """A discrepancy, with its sign; of a value, to one digit more than it was published with. A dash where there is no record.

    >>> signed(3, True, 0), signed(-1200, True, 0), signed(0.25, False, 1), signed(float("inf"), False, 1)
    ('+3', '−1,200', '+0.25', '–')
    """
    if isinf(number):
        return "–"
    return (f"{number:+,.0f}" if counts else f"{number:+,.{decimals + 1}f}").replace("-", "−")


def small(number: float) -> str:
    """Nats or a TVD, to three decimals.

    >>> small(0.0), small(0.0002), small(0.0312)
    ('0', '<0.001', '0.031')
    """
    return "0" if number <= 0 else "<0.001" if number < 0.0005 else f"{number:.3f}"


def points(percent: float) -> str:
    """A difference in percent, with its sign.

    >>> points(0.0), points(1.234), points(-0.004)
    ('0.00%', '+1.23%', '0.00%')
    """
    return "0.00%" if abs(percent) < 0.005 else f"{percent:+.2f}%".replace("-", "−")


def percent(share: float | None) -> str:
    """Whole percent; what a belief calls 0 is a tiny share, and is 0 here too.

    >>> percent(None), percent(0.0004), percent(0.004), percent(0.125)
    ('–', '0', '<1', '12')
    """
    if share is None:
        return "–"
    return "0" if share < 0.0005 else "<1" if share < 0.005 else f"{100 * share:.0f}"
