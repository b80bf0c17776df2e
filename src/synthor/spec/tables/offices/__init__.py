"""Tables as statistical offices hand them out, turned into plain long rows: `layout: {format: ...}` of a target.

A converter takes the rows of a file and gives the same cells, one a row, under a header row; it chooses no geography or date.
Marks of cells that are not told stay. Where an office writes numbers in its own way, they are put as `1234.5`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.acs import acs
from synthor.spec.tables.offices.cbs import cbs
from synthor.spec.tables.offices.eurostat import eurostat
from synthor.spec.tables.offices.genesis import genesis
from synthor.spec.tables.offices.ine import ine
from synthor.spec.tables.offices.nomis import nomis
from synthor.spec.tables.offices.ons import ons
from synthor.spec.tables.offices.sdmx import sdmx
from synthor.spec.tables.offices.signs import recognised
from synthor.spec.tables.offices.statcan import statcan

CONVERTERS: Mapping[str, Callable[[Lines], Lines]] = MappingProxyType(
    {reader.__name__: reader for reader in (acs, cbs, eurostat, genesis, ine, nomis, ons, sdmx, statcan)}
)

__all__ = ["CONVERTERS", "acs", "cbs", "eurostat", "genesis", "ine", "nomis", "ons", "recognised", "sdmx", "statcan"]
