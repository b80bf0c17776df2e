"""The kinds of variable, one file each: how it is declared, and how its values are read, written, binned, drawn and told.

To add one, write its file and a line in the table below; docs/architecture.md says what it needs.
"""

from synthor.schema.kinds.base import Declared, Kind
from synthor.schema.kinds.boolean import BOOLEAN, Boolean
from synthor.schema.kinds.category import CATEGORY, Category
from synthor.schema.kinds.identifier import Identifier
from synthor.schema.kinds.integer import INTEGER, Integer
from synthor.schema.kinds.number import NUMBER, Number

KINDS: dict[str, type[Declared]] = {
    "category": Category,
    "boolean": Boolean,
    "integer": Integer,
    "number": Number,
    "identifier": Identifier,
}
"""What a spec may declare, by the name that it uses: in this order in its schema and in messages."""

__all__ = [
    "BOOLEAN",
    "CATEGORY",
    "INTEGER",
    "KINDS",
    "NUMBER",
    "Boolean",
    "Category",
    "Declared",
    "Identifier",
    "Integer",
    "Kind",
    "Number",
]
