"""Packed files: a table in a `.gz`, or the tables of a `.zip`, unpacked in memory alone and up to a limit.

A member is called like a file in a folder: `archive.zip/member.csv`. `archive.zip` alone stands for its one table.
"""

import gzip
import io
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from synthor.errors import Finding, InputError, nearest
from synthor.files import TABLE, in_bytes, read_bytes

MOST_MEMBERS = 2000
"""Of an archive; more are not looked through."""
LISTED = 8
HIDDEN = ("__MACOSX/", ".")
BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a table lies.

    Attributes:
        path: of the file on the disk.
        member: of a zip, the name of the one that is meant; empty where none is named, or the file is no zip.
    """

    path: Path
    member: str = ""

    @property
    def kind(self) -> str:
        """How the file is packed: `.gz`, `.zip` or not at all."""
        ending = self.path.suffix.lower()
        return ending if ending in (".gz", ".zip") else ""


def place_of(file: str, folder: Path) -> Place:
    """The file on the disk that holds a table, and the member of it that is meant.

    Args:
        file: as the user wrote it.
        folder: that it is relative to.
    """
    path = folder / file
    for parent in path.parents:
        if parent.suffix.lower() == ".zip" and _is_file(parent):
            return Place(path=parent, member=path.relative_to(parent).as_posix())
    return Place(path=path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def opened(path: Path, shown: str) -> zipfile.ZipFile:
    """A zip, read into memory.

    Raises:
        InputError: it is missing, larger than a table may be, or no zip.
    """
    content = read_bytes(path, most=TABLE, shown=shown)
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except BROKEN as error:
        raise _broken(shown, error) from None


def members_of(archive: zipfile.ZipFile, shown: str) -> list[str]:
    """Names of the files in a zip, in its order, without those that systems hide.

    Raises:
        InputError: it holds very many files.
    """
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if len(names) > MOST_MEMBERS:
        message = f"holds {len(names):,} files, and {MOST_MEMBERS:,} are the most that are looked through"
        raise InputError([Finding(where=shown, message=message, cure="unpack it, and name the table that is meant")])
    return [name for name in names if not name.startswith(HIDDEN) and not PurePosixPath(name).name.startswith(".")]


def member_bytes(archive: zipfile.ZipFile, member: str, shown: str, *, most: int = TABLE, cut: bool = False) -> bytes:
    """A member of a zip, unpacked whatever it says of its own size.

    Args:
        archive: the zip.
        member: its name.
        shown: what to call it in a message.
        most: how many bytes it may have.
        cut: whether no more than that is wanted, so that the rest is let be.

    Raises:
        InputError: there is no such member, it is larger, protected or broken.
    """
    names = members_of(archive, shown)
    if member not in names:
        message = f"there is no '{member}' in it"
        raise InputError([Finding(where=shown, message=message, cure=nearest(member, names), label=member)])
    info = archive.getinfo(member)
    if info.flag_bits & 1:
        raise InputError([Finding(where=shown, message="is protected by a password", cure="unpack it")])
    info.file_size = sys.maxsize  # to be read to its end, not to where it says that it ends
    try:
        with archive.open(info) as file:
            content = _read(file, most + 1)
    except BROKEN as error:
        raise _broken(shown, error) from None
    if len(content) > most and not cut:
        raise _swells(shown, most)
    return content[:most]


def gz_bytes(path: Path, shown: str) -> bytes:
    """What a `.gz` holds.

    Raises:
        InputError: it is none, is broken, or unpacks to more than a table may have.
    """
    content = read_bytes(path, most=TABLE, shown=shown)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            found = _read(file, TABLE + 1)
    except BROKEN as error:
        raise _broken(shown, error) from None
    if len(found) > TABLE:
        raise _swells(shown, TABLE)
    return found


def several(shown: str, tables: list[str], others: list[str]) -> InputError:
    """The error of a zip that does not stand for one table."""
    if not tables:
        listed = "; ".join(others[:LISTED]) or "it is empty"
        return InputError(
            [Finding(where=shown, message=f"holds no table that can be read: {listed}", cure="name another file")]
        )
    listed = ", ".join(tables[:LISTED]) + (", ..." if len(tables) > LISTED else "")
    cure = f"name one of them: `table: {shown}/{tables[0]}`"
    return InputError([Finding(where=shown, message=f"holds {len(tables)} tables: {listed}", cure=cure)])


def _read(file: IO[bytes] | gzip.GzipFile, most: int) -> bytes:
    parts, size = [], 0
    while size < most and (part := file.read(min(1 << 20, most - size))):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _swells(shown: str, most: int) -> InputError:
    message = f"unpacks to more than {in_bytes(most)}, the most that is read here"
    return InputError([Finding(where=shown, message=message, cure="make it smaller, or name another file")])


def _broken(shown: str, error: Exception) -> InputError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError([Finding(where=shown, message=f"cannot be unpacked: {reason}", cure="download it again, or unpack it")])
