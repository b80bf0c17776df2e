"""Tables as statistical offices hand them out, turned into plain long rows: `layout: {format: ...}` of a target.

A converter takes the rows of a file and gives the same cells, one a row, under a header row; it reads no number and
chooses no geography or date. Text of figures stays as published, marks of suppressed cells included.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.acs import acs
from synthor.spec.tables.offices.eurostat import eurostat
from synthor.spec.tables.offices.nomis import nomis
from synthor.spec.tables.offices.signs import recognised

CONVERTERS: Mapping[str, Callable[[Lines], Lines]] = MappingProxyType({"acs": acs, "eurostat": eurostat, "nomis": nomis})

__all__ = ["CONVERTERS", "acs", "eurostat", "nomis", "recognised"]
