"""Expressions of control files: which values they count, and that whatever else they say is refused, never run."""

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthor.populationsim.expressions import AllHold, AnyHolds, OneColumn, UntranslatedError, box_of, condition_of
from synthor.populationsim.values import ValueSet


def values(expression: str) -> ValueSet:
    condition = condition_of(expression, "households")
    assert isinstance(condition, OneColumn)
    assert condition.column == "NP"
    return condition.values


@pytest.mark.parametrize(
    ("expression", "inside", "outside"),
    [
        ("households.NP == 1", [1], [0, 2, "1", None]),
        ("1 == households.NP", [1], [0, 2]),
        ("households['NP'] != 1", [0, 2, "x", None], [1]),
        ("households.NP >= 4", [4, 99], [3.9, None]),
        ("4 <= households.NP", [4, 99], [3.9]),
        ("(households.NP > 15) & (households.NP <= 24)", [15.5, 24], [15, 24.5]),
        ("(households.NP > 64) & (households.NP <= np.inf)", [65, 1e12], [64]),
        ("(households.NP > -999) & (households.NP < -1.5)", [-2], [-1.5, -999]),
        ("households.NP.isin([2, 3, 'x'])", [2, 3, "x"], [1, "y", None]),
        ("~households.NP.isin([2, 3])", [1, "y", None], [2, 3]),
        ("households.NP.isin(range(4, 7))", [4, 6], [7, 4.5]),
        ("(households.NP==2) | (households.NP==3)", [2, 3], [1, 2.5]),
        ("households.NP.between(2, 5)", [2, 5], [1, 6]),
        ("households.NP.between(2, 5, inclusive='left')", [2, 4.9], [5]),
        ("households.NP.isna()", [None], [1, "x"]),
        ("households.NP.notnull()", [1, "x"], [None]),
        ("households.NP.ge(2)", [2], [1]),
        ("households.NP == 'active'", ["active"], ["other", 1, None]),
    ],
)
def test_what_pandas_would_count_is_counted(
    expression: str, inside: list[float | str | None], outside: list[float | str | None]
) -> None:
    found = values(expression)
    assert all(found.holds(value) for value in inside)
    assert not any(found.holds(value) for value in outside)


def test_conditions_on_several_columns_are_kept_apart() -> None:
    both = condition_of("(households.NP == 1) & (households.CAR > 0) & (households.NP < 5)", "households")
    assert isinstance(both, AllHold)
    assert list(box_of(both) or {}) == ["NP", "CAR"]
    either = condition_of("(households.NP == 1) | (households.CAR > 0)", "households")
    assert isinstance(either, AnyHolds)
    assert box_of(either) is None
    neither = condition_of("~((households.NP == 1) | (households.CAR > 0))", "households")
    assert isinstance(neither, AllHold)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("__import__('os').system('touch X')", "is no condition on a column of households"),
        ("households.NP.apply(lambda x: open('X', 'w'))", "`apply` is not known here"),
        ("(households.NP == 1) and (households.NP == 2)", "write &, | and ~"),
        ("1 < households.NP < 5", "put each comparison in brackets"),
        ("households.NP == 1 & households.NP == 2", "put each comparison in brackets"),
        ("households.NP == households.CAR", "compares two columns, households.NP and households.CAR"),
        ("persons.NP == 1", "does not compare a column of households with a value"),
        ("households.NP", "the column households.NP alone is no condition"),
        ("households.NP * 2 == 4", "does not compare a column of households"),
        ("households.NP == True", "`True` is neither a number nor a text"),
        ("households.NP > 'a'", "the text 'a' is neither greater nor less"),
        ("households.NP in [1, 2]", "write isin"),
        ("households.NP.isin(range(10**12))", "is neither a number"),
        ("households.NP.isin(range(0, 100000000))", "is no list of values"),
        ("households.NP ==", "is no expression of Python"),
        ("households.NP == 1\0", "it cannot be read|is no expression"),
        ("(" * 3000 + "households.NP == 1" + ")" * 3000, "nested too deeply|is no expression"),
        ("households.NP == 1 | " * 4000 + "households.NP == 2", "longer than"),
        ("", "is no expression of Python"),
    ],
)
def test_what_is_not_understood_is_refused_in_words_and_never_run(
    expression: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UntranslatedError, match=why):
        condition_of(expression, "households")
    assert not list(tmp_path.iterdir())


numbers = st.integers(-3, 3)
sets = st.recursive(
    st.one_of(
        st.lists(numbers, max_size=3).map(ValueSet.of),
        st.tuples(numbers, st.integers(0, 1), numbers, st.integers(0, 1)).map(
            lambda ends: ValueSet.between((float(ends[0]), ends[1]), (float(ends[2]), ends[3]))
        ),
        st.sampled_from([ValueSet.of(["x"]), ValueSet(blank=True)]),
    ),
    lambda inner: st.one_of(
        inner.map(ValueSet.without),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
    ),
    max_leaves=6,
)
PROBES: list[float | str | None] = [None, "x", "y", *(value / 2 for value in range(-9, 10)), math.pi]


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sets, sets)
def test_sets_of_values_obey_the_laws_of_sets(one: ValueSet, other: ValueSet) -> None:
    for probe in PROBES:
        assert (one | other).holds(probe) == (one.holds(probe) or other.holds(probe))
        assert (one & other).holds(probe) == (one.holds(probe) and other.holds(probe))
        assert one.without().holds(probe) != one.holds(probe)
    assert (one & one.without()).nothing
