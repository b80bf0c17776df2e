"""Labels and cells of very many characters: every one is read in a time that grows with its length alone."""

import string
import time
from collections.abc import Callable

import pytest

from synthor.errors import InputError, nearest
from synthor.spec.tables.labels import column_key, is_total, span, undressed
from synthor.spec.tables.numbers import decimals_of, published
from synthor.spec.tables.offices.eurostat import _unflagged
from synthor.spec.targets import TargetSpec

LENGTH = 20_000
PIECES = [
    *string.punctuation,
    "a",
    "0",
    " ",
    "\u00a0",
    "\u2013",
    "\u00b9",
    "\u00b2*",
    "[a]",
    "(1)",
    "a ",
    "0 ",
    "0,",
    ", 000",
    "1-",
    "b ",
]
READERS: dict[str, Callable[[str], object]] = {
    "undressed": undressed,
    "column": column_key,
    "total": is_total,
    "span": span,
    "number": published,
    "comma": lambda text: published(text, decimal=","),
    "flags": _unflagged,
    "nearest": lambda text: nearest(text, ["a", "b" * LENGTH]),
    "suppressed": lambda text: TargetSpec.model_validate({"counts": {"a": {"b": 1}}, "suppressed": "<10" + text}),
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_a_long_label_takes_no_time(reader: str) -> None:
    for piece in PIECES:
        for first, last in (("", ""), ("0", "x"), ("total ", "!")):
            text = first + (piece * LENGTH)[:LENGTH] + last
            begin = time.process_time()
            try:
                READERS[reader](text)
            except InputError as error:
                assert reader == "suppressed", error
            assert time.process_time() - begin < 0.3, (piece, first, last)


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        ("***", "*"),
        ("a **", "a"),
        ("a \u00b9 \u00b2", "a \u00b9"),
        ("[1]", "[1]"),
        ("a [1a] ", "a"),
        ("a [1]]", "a [1]]"),
        ("a(b)", "a"),
        ("a (bc)", "a (bc)"),
        ("", ""),
    ],
)
def test_one_footnote_is_no_part_of_a_label(label: str, plain: str) -> None:
    assert undressed(label) == plain


def test_an_exponent_of_very_many_digits_is_read() -> None:
    assert decimals_of("0e-" + "9" * 5000) == 15
    assert published("0e" + "9" * 5000) is not None
