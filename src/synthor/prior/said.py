"""What a belief says of one variable, by labels, values or a range, as weights of its categories."""

import numpy as np

from synthor.errors import nearest
from synthor.prior.model import Dropped, Range
from synthor.prior.shown import Shown
from synthor.schema import Variable
from synthor.schema.text import as_text
from synthor.types import Floats, Shares


def weights_of_labels(weights: dict[str, float], variable: Shown, place: str, dropped: list[Dropped]) -> Floats | None:
    """Weights of what is shown of a variable, (size,); None where a label is none of its.

    Args:
        weights: by label.
        variable: as it is shown.
        place: of the belief, for people.
        dropped: what could not be used is added here.
    """
    filled = np.zeros(variable.size)
    for label, weight in weights.items():
        code = variable.code(label)
        if code < 0:
            reason = f"'{label}' is no label of {variable.name}; {nearest(label, variable.labels)}"
            dropped.append(Dropped(belief=place, reason=reason))
            return None
        filled[code] += weight
    return filled


def weights_of(
    value: str | float | bool | Range | dict[str, float],
    shown_as: Shown,
    marginal: Shares | None,
    place: str,
    dropped: list[Dropped],
) -> Floats | None:
    """Weights of all categories of one variable inside a segment, (k,); None where what is told cannot be used.

    Args:
        value: as it was told.
        shown_as: the variable.
        marginal: (k,) its known shares, by which a group's weight is spread; None where nothing is known.
        place: of the proposal, for people.
        dropped: what could not be used is added here.
    """
    variable = shown_as.variable
    match value:
        case dict():
            weights = weights_of_labels(value, shown_as, place, dropped)
        case Range(low=low, high=high):
            overlap = variable.kind.overlap(variable, low, high)
            if overlap is None or low > high:
                reason = f"{variable.name} cannot range from {as_text(low)} to {as_text(high)}"
                dropped.append(Dropped(belief=place, reason=reason))
                return None
            return _one_bin(variable, low) if low == high else overlap
        case int() | float() if variable.kind.numeric and not isinstance(value, bool):
            return _one_bin(variable, float(value))
        case _:
            weights = weights_of_labels({as_text(value): 1.0}, shown_as, place, dropped)
    even = np.full(variable.size, 1 / variable.size)
    return None if weights is None else shown_as.spread(weights, even if marginal is None else marginal)


def _one_bin(variable: Variable, value: float) -> Floats:
    return np.where(np.arange(variable.size) == variable.code_of_number(value), 1.0, 0.0)
