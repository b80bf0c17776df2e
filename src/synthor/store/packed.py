"""Chunks of records on their way into one file."""

import os
from collections.abc import Mapping
from typing import IO, Literal

import polars as pl

from synthor.formulas import guard
from synthor.store.parquet import RowGroups, parquet_bytes

Format = Literal["parquet", "csv"]


def pack(chunk: Mapping[str, pl.DataFrame], format: Format) -> dict[str, bytes]:
    """Each table of a chunk as the bytes of a file, to be handed to `writing`; the work that can be done side by side."""
    if format == "parquet":
        return {level: parquet_bytes(frame) for level, frame in chunk.items()}
    return {level: guard(frame).write_csv().encode() for level, frame in chunk.items()}


class Writer:
    """Packed chunks of one table on their way into one file."""

    def __init__(self, file: IO[bytes], format: Format) -> None:
        self.file, self.header = file, b""
        self.groups = RowGroups(file) if format == "parquet" else None

    def add(self, whole: bytes) -> None:
        if self.groups is not None:
            self.groups.add(whole)
        elif not self.header:
            self.header = whole[: _end_of_row(whole)]
            self.file.write(whole)
        else:
            self.file.write(memoryview(whole)[len(self.header) :])

    def finish(self) -> None:
        if self.groups is not None:
            self.groups.finish()
        self.file.flush()
        os.fsync(self.file.fileno())


def _end_of_row(text: bytes) -> int:
    """Where the first row of a CSV file ends: a line break inside quotes is part of a name."""
    end = text.index(b"\n") + 1
    while text[:end].count(b'"') % 2:
        end = text.index(b"\n", end) + 1
    return end
