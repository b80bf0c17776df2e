"""Many tables, one Parquet file: row groups are written one after another, and the footer last.

Polars writes whole files only. A file is `PAR1`, the row groups, the footer, the footer's length, `PAR1`; the footer says
at which byte each column of each row group begins. So the row groups of many small files can stand in one large file as
they are, once those numbers are moved. The footer is a Thrift structure in the compact protocol.

Sources: Apache Parquet, `parquet.thrift`, https://github.com/apache/parquet-format; Apache Thrift,
`thrift-compact-protocol.md`, https://github.com/apache/thrift.
"""

import io
from enum import IntEnum
from typing import IO, Any

import polars as pl

from synthor.errors import BugError

MAGIC = b"PAR1"
LEVEL = 1
"""Of zstd: on records of ten columns it took 60% of the default's time for 4% more bytes."""

SCHEMA, N_ROWS, ROW_GROUPS = 2, 3, 4
COLUMNS, GROUP_OFFSET, ORDINAL = 1, 5, 7
CHUNK_OFFSETS, CHUNK_META = (2, 4, 6), 3
META_OFFSETS = (9, 10, 11, 14)


class Thrift(IntEnum):
    """Types of values in Thrift's compact protocol, in which a footer is written."""

    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    STRUCT = 12


Struct = dict[int, tuple[int, Any]]
"""Fields by number: the type of each and its value; of a list, the type of its items and the items."""


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A whole Parquet file of one row group."""
    whole = io.BytesIO()
    frame.write_parquet(whole, compression="zstd", compression_level=LEVEL, row_group_size=max(frame.height, 1))
    return whole.getvalue()


class RowGroups:
    """A Parquet file that grows by the row groups of others.

    Args:
        file: open for writing, empty.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.position = file.write(MAGIC)
        self.n_rows = 0
        self.footer: Struct = {}
        self.groups: list[bytes] = []

    def add(self, whole: bytes) -> None:
        """Append the row groups of a whole Parquet file, of the same columns as those before."""
        end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
        footer = read_struct(whole[end:-8])
        if self.groups and footer[SCHEMA] != self.footer[SCHEMA]:
            raise BugError("tables of one file differ in their columns")
        self.footer = footer
        self.n_rows += footer[N_ROWS][1]
        for group in footer[ROW_GROUPS][1][1]:
            _move(group, self.position - len(MAGIC))
            self.groups.append(struct_bytes(group))
        self.position += self.file.write(memoryview(whole)[len(MAGIC) : end])

    def finish(self) -> None:
        """Write the footer: without it there is no Parquet file."""
        footer = self.footer | {N_ROWS: (Thrift.I64, self.n_rows), ROW_GROUPS: (Thrift.LIST, (Thrift.STRUCT, self.groups))}
        text = struct_bytes(footer)
        self.file.write(text + len(text).to_bytes(4, "little") + MAGIC)


def _move(group: Struct, by: int) -> None:
    """Let a row group begin `by` bytes later; an offset of 0 stands for none."""
    group.pop(ORDINAL, None)  # 16 bits, needed by no reader of plain files
    _add(group, (GROUP_OFFSET,), by)
    for chunk in group[COLUMNS][1][1]:
        _add(chunk, CHUNK_OFFSETS, by)
        _add(chunk[CHUNK_META][1], META_OFFSETS, by)


def _add(struct: Struct, fields: tuple[int, ...], by: int) -> None:
    for field in fields:
        if field in struct and struct[field][1]:
            kind, offset = struct[field]
            struct[field] = kind, offset + by


def read_struct(text: bytes) -> Struct:
    """A structure from its bytes.

    >>> read_struct(bytes([0x15, 0x08, 0x11, 0x18, 0x01, 0x61, 0x00]))
    {1: (5, 4), 2: (1, True), 3: (8, b'a')}
    """
    return _Reader(text).struct()


def struct_bytes(struct: Struct) -> bytes:
    """The bytes of a structure.

    >>> struct_bytes({1: (Thrift.I32, 4), 2: (Thrift.TRUE, True), 3: (Thrift.BINARY, b"a")}).hex(" ")
    '15 08 11 18 01 61 00'
    """
    text, before = bytearray(), 0
    for field, (kind, value) in struct.items():
        if 0 < field - before <= 15:
            text.append((field - before) << 4 | kind)
        else:
            text.append(kind)
            text += _varint(_zigzag(field))
        text += _value_bytes(kind, value)
        before = field
    text.append(0)
    return bytes(text)


def _value_bytes(kind: int, value: Any) -> bytes:
    match kind:
        case Thrift.TRUE | Thrift.FALSE:
            return b""
        case Thrift.I16 | Thrift.I32 | Thrift.I64:
            return _varint(_zigzag(value))
        case Thrift.BINARY:
            return _varint(len(value)) + value
        case Thrift.LIST | Thrift.SET:
            of, items = value
            head = bytes([len(items) << 4 | of]) if len(items) < 15 else bytes([0xF0 | of]) + _varint(len(items))
            return head + b"".join(_item_bytes(of, item) for item in items)
        case Thrift.STRUCT:
            return value if isinstance(value, bytes) else struct_bytes(value)
    return bytes(value)


def _item_bytes(kind: int, value: Any) -> bytes:
    return bytes([value]) if kind in (Thrift.TRUE, Thrift.FALSE) else _value_bytes(kind, value)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _varint(number: int) -> bytes:
    text = bytearray()
    while number > 0x7F:
        text.append(number & 0x7F | 0x80)
        number >>= 7
    text.append(number)
    return bytes(text)


class _Reader:
    """A place in some bytes that moves on as they are read."""

    def __init__(self, text: bytes) -> None:
        self.text, self.at = text, 0

    def struct(self) -> Struct:
        found: Struct = {}
        field = 0
        while head := self.take(1)[0]:
            step, kind = head >> 4, head & 0x0F
            field = field + step if step else self.integer()
            found[field] = kind, kind == Thrift.TRUE if kind in (Thrift.TRUE, Thrift.FALSE) else self.value(kind)
        return found

    def value(self, kind: int) -> Any:
        match kind:
            case Thrift.TRUE | Thrift.FALSE | Thrift.BYTE:
                return self.take(1) if kind == Thrift.BYTE else self.take(1)[0]
            case Thrift.I16 | Thrift.I32 | Thrift.I64:
                return self.integer()
            case Thrift.DOUBLE:
                return self.take(8)
            case Thrift.BINARY:
                return self.take(self.varint())
            case Thrift.LIST | Thrift.SET:
                head = self.take(1)[0]
                n_items = head >> 4 if head >> 4 < 15 else self.varint()
                return head & 0x0F, [self.value(head & 0x0F) for _ in range(n_items)]
            case Thrift.STRUCT:
                return self.struct()
        raise BugError(f"a Parquet footer holds the unknown type {kind}")

    def integer(self) -> int:
        number = self.varint()
        return number >> 1 if number & 1 == 0 else -(number >> 1) - 1

    def varint(self) -> int:
        number, shift = 0, 0
        while (byte := self.take(1)[0]) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
        return number | byte << shift

    def take(self, n_bytes: int) -> bytes:
        self.at += n_bytes
        return self.text[self.at - n_bytes : self.at]
