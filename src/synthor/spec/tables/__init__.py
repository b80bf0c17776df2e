"""Tables and microdata as they lie on disk: the one place where a user's data files are read."""

from synthor.spec.tables.files import read_lines
from synthor.spec.tables.layout import Vocabulary, blank_head
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.records import read_frame
from synthor.spec.tables.table import Table, office_of, read_table, read_target_table, unused_columns, vocabulary_of

__all__ = [
    "Lines",
    "Table",
    "Vocabulary",
    "blank_head",
    "office_of",
    "read_frame",
    "read_lines",
    "read_table",
    "read_target_table",
    "unused_columns",
    "vocabulary_of",
]
