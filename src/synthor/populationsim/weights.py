"""Columns of weights, by their names."""

import re

_WEIGHT = re.compile(r"p?wgt[hp]?|(?:.*[_ ])?(?:hh|p|person|household)?_?(?:weight|wgt)s?(?:[_ ].*)?", re.IGNORECASE)


def is_weight(column: str, told: str = "") -> bool:
    """Whether a column holds weights of seed rows.

    Args:
        column: its name.
        told: the column that settings name.

    >>> [is_weight(name) for name in ("WGTP", "PWGTP", "Pweight", "HHweight", "person_weight", "NP")]
    [True, True, True, True, True, False]
    """
    return column == told or _WEIGHT.fullmatch(column) is not None
