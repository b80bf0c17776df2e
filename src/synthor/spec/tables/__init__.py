"""Tables and microdata as they lie on disk: the one place where a user's data files are read."""

from synthor.spec.tables.layout import Vocabulary
from synthor.spec.tables.records import read_frame
from synthor.spec.tables.table import Table, read_table, read_target_table, unused_columns, vocabulary_of

__all__ = ["Table", "Vocabulary", "read_frame", "read_table", "read_target_table", "unused_columns", "vocabulary_of"]
