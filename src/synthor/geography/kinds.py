"""Kinds of zones that nobody can live in: told before anybody is sent there."""

import numpy as np

from synthor.errors import Finding, InputError
from synthor.problem.zones import Zones, tables_of_kinds
from synthor.schema import Units
from synthor.types import Counts, Floats


def refuse_empty_kinds(units: Units, weights: Floats, zones: Zones, sizes: Counts) -> None:
    """Make sure that there are candidates of each kind of zone that is to hold units.

    Args:
        units: candidates.
        weights: (n,) share of each.
        zones: with their attributes.
        sizes: (zones,) units in each.

    Raises:
        InputError: there are none of some kind, since rules or tables leave none.
    """
    for table in tables_of_kinds(zones):
        there = np.bincount(table.grid.index(units), weights, table.grid.size + 1)[:-1]
        wanted = np.bincount((table.high > 0).argmax(axis=1), sizes, table.grid.size)
        lacking = np.flatnonzero((wanted > 0) & (there <= 0))
        if len(lacking):
            kind = ", ".join(f"{name} {label}" for name, label in table.grid.labels(int(lacking[0])).items())
            message = (
                f"{wanted[lacking[0]]:,.0f} are to lie in zones of one kind ({kind}), and rules or tables let nobody be of it"
            )
            cure = "strike the rule, or correct the tables that speak of this kind"
            raise InputError([Finding(where="zones.attributes", message=message, cure=cure)])
