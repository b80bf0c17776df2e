"""A command that is killed leaves the old or the new, and given again it ends as if nobody had killed it."""

from pathlib import Path

import pytest

from kill_points import CASES, Case, sweep

ONE_IN = 10
"""Of the changes of the disk that a command makes; bench/kills.py tries all of them."""

LONGEST = {"run --draws 1", "run --hold-out each", "run after another", "sample -n", "sample --out"}
"""Commands of which `make test` leaves out all: what others do between, they do, too."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "number, case",
    [pytest.param(*each, marks=[pytest.mark.long] if each[1].name in LONGEST else []) for each in enumerate(CASES)],
    ids=[case.name for case in CASES],
)
def test_a_command_that_is_killed_leaves_nothing_half_made(number: int, case: Case, tmp_path: Path) -> None:
    swept = sweep(case, tmp_path, one_in=ONE_IN, first=1 + (5 + 3 * number) % ONE_IN)
    assert swept.problems == ()
    assert swept.killed >= 1
