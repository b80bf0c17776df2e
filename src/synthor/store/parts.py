"""Records in one Parquet file an area: `by_taz/household/12.parquet` beside `by_taz/person/12.parquet`.

Polars, DuckDB and Spark read `by_taz/household/*.parquet` as one table. The area stands in a column of each file, as text: a
folder called `taz=007` would be read as the number 7 by all of them. Files are written whole, one after the other, into a
folder of their own, which is given its name when all are there. A chunk of records whose files are there already, and are what
was written (`chunks.jsonl` has their hashes), need not be made again by a command that goes on from there.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import numpy as np
import polars as pl

from synthor.disk.staged import PARTS, write_whole
from synthor.errors import InputError
from synthor.files import PRODUCT, read_text
from synthor.schema import Schema
from synthor.store.parquet import RowGroups, parquet_bytes
from synthor.version import __version__

DONE = "chunks.jsonl"
"""Which chunks are on disk, a line each."""

LONGEST = 120
"""Characters of a file's name, without its ending."""

Pieces = list[tuple[str, dict[str, bytes]]]
"""The rows of each area, in order: for each level the bytes of a Parquet file."""


def folder_of(level: str) -> str:
    """The folder of the files by areas of a level."""
    return f"by_{level}"


def file_names(areas: Iterable[str]) -> dict[str, str]:
    """What the file of each area is called, without its ending: no two alike, also where capitals do not count.

    >>> file_names(["7", "North Side", "a/b", ".x", "A", "a"])
    {'7': '7', 'North Side': 'North%20Side', 'a/b': 'a%2Fb', '.x': '%2Ex', 'A': 'A', 'a': 'a-ca978112'}
    """
    found, taken = {}, set()
    for area in areas:
        name = quote(area, safe="")
        name = f"%{ord(name[0]):02X}{name[1:]}" if name[:1] in (".", "_") else name
        if len(name) > LONGEST or name.casefold() in taken or not name:
            name = f"{name[:LONGEST]}-{hashlib.sha256(area.encode()).hexdigest()[:8]}"
        found[area] = name
        taken.add(name.casefold())
    return found


def pieces_of(chunk: Mapping[str, pl.DataFrame], schema: Schema, by: str, levels: Sequence[str]) -> Pieces:
    """The rows of each area in a chunk, which stand together.

    Args:
        chunk: one table a level.
        schema: of the records.
        by: column of the units that names areas.
        levels: of all areas: their columns are text, as every file would list all areas otherwise.
    """
    unit = schema.unit.name
    areas = chunk[unit][by]
    chunk = {**chunk, unit: chunk[unit].with_columns(pl.col(levels).cast(pl.String))}
    begins = [0, *(np.flatnonzero((areas[1:] != areas[:-1]).to_numpy()) + 1).tolist(), len(areas)]
    cuts = {0: begins}
    for at, level in enumerate(schema):
        above = schema.above(at)
        if above is not None:  # rows of a level stand in the order of those above them
            key, upper = schema.levels[above].key, chunk[schema.levels[above].name]
            own, keys = chunk[level.name][key].to_numpy(), upper[key].to_numpy()
            cuts[at] = [int(np.searchsorted(own, keys[cut])) if cut < len(keys) else len(own) for cut in cuts[above]]
    return [
        (
            str(areas[begins[place]]),
            {
                level.name: parquet_bytes(chunk[level.name][cuts[at][place] : cuts[at][place + 1]])
                for at, level in enumerate(schema)
            },
        )
        for place in range(len(begins) - 1)
        if begins[place] < begins[place + 1]
    ]


class PartWriter:
    """Files of areas on their way into a folder.

    Args:
        place: the folder, made if it is not there; what is in it was written by a command that was to write the very same.
        by: level of the areas.
        levels: of the records.
        areas: all there are.
    """

    def __init__(self, place: Path, by: str, levels: Sequence[str], areas: Iterable[str]) -> None:
        self.place, self.by, self.names = place, by, file_names(areas)
        self.files: dict[str, str] = {}
        for level in levels:
            (place / level).mkdir(parents=True, exist_ok=True)
        self._done = _read_done(place / DONE)
        self._open: tuple[str, dict[str, list[bytes]]] | None = None
        self._chunk: tuple[int, dict[str, str]] | None = None

    def kept(self, number: int) -> dict[str, str]:
        """The files of a chunk that need not be made again, and their hashes; empty where there are none, or others."""
        files = self._done.get(number, {})
        with suppress(OSError):
            if all(hashlib.sha256((self.place / name).read_bytes()).hexdigest() == digest for name, digest in files.items()):
                return files
        return {}

    def read(self, files: Mapping[str, str], levels: Sequence[str]) -> dict[str, pl.DataFrame]:
        """The records in some files."""
        return {
            level: pl.concat([pl.read_parquet(self.place / name, glob=False) for name in files if name.startswith(f"{level}/")])
            for level in levels
        }

    def keep(self, files: Mapping[str, str]) -> None:
        """Go on after a chunk whose files are there."""
        self._end()
        self.files.update(files)

    def write(self, number: int, pieces: Pieces) -> None:
        """Write the next chunk."""
        first = pieces[0][0] if pieces else ""
        whole = self._open is None or self._open[0] != first
        if whole:
            self._end()
        self._chunk = (number, {}) if whole else None
        for area, tables in pieces:
            if self._open is not None and self._open[0] != area:
                self._close()
            if self._open is None:
                self._open = area, {level: [] for level in tables}
            for level, text in tables.items():
                self._open[1][level].append(text)

    def finish(self) -> None:
        """Write down which files there are."""
        self._end()
        write_whole(self.place / PARTS, parts_json(self.by, self.files))
        with suppress(OSError):
            (self.place / DONE).unlink()
        if hasattr(os, "sync"):  # thousands of small files: one by one they would take minutes
            os.sync()

    def _end(self) -> None:
        """No more comes of the last chunk."""
        self._close()
        if self._chunk is not None:
            number, files = self._chunk
            with open(self.place / DONE, "a", encoding="utf-8") as file:
                file.write(json.dumps({"chunk": number, "files": files}, ensure_ascii=False) + "\n")
            self._chunk = None

    def _close(self) -> None:
        """No more comes of the last area."""
        if self._open is None:
            return
        area, tables = self._open
        self._open = None
        for level, texts in tables.items():
            name, text = f"{level}/{self.names[area]}.parquet", _joined(texts)
            _replace(self.place / name, text)
            self.files[name] = hashlib.sha256(text).hexdigest()
            if self._chunk is not None:
                self._chunk[1][name] = self.files[name]


def parts_json(by: str, files: Mapping[str, str]) -> str:
    """The text of the list of files, with their hashes."""
    return json.dumps({"synthor": __version__, "by": by, "files": files}, ensure_ascii=False, indent=0) + "\n"


def parts_in(place: Path) -> dict[str, str]:
    """The files of a folder and their hashes, as its list has them; nothing where there is none that can be read."""
    with suppress(InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        listed = json.loads(read_text(place / PARTS, most=PRODUCT))["files"]
        return {str(name): str(digest) for name, digest in listed.items()}
    return {}


def _joined(texts: Sequence[bytes]) -> bytes:
    """Parquet files as one."""
    if len(texts) == 1:
        return texts[0]
    whole = io.BytesIO()
    groups = RowGroups(whole)
    for text in texts:
        groups.add(text)
    groups.finish()
    return whole.getvalue()


def _replace(path: Path, text: bytes) -> None:
    """A file that is whole for whoever finds it after a kill; after a loss of power its hash tells."""
    beside = path.with_suffix(".new")
    beside.write_bytes(text)
    beside.replace(path)


def _read_done(path: Path) -> dict[int, dict[str, str]]:
    """What a command that was killed had written; its last line may be half."""
    found: dict[int, dict[str, str]] = {}
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if all(_plain(str(name)) for name in entry["files"]):
                found[int(entry["chunk"])] = {str(name): str(digest) for name, digest in entry["files"].items()}
    return found


def _plain(name: str) -> bool:
    """Whether a name is one of a file in a folder of a level."""
    return name.count("/") == 1 and ".." not in name and "\\" not in name and not name.startswith("/")
