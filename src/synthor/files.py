"""The one place where a file that somebody names is opened: a plain file, no larger than its kind may be, never waited for.

A pipe would be waited for without an end, and a device never ends; a folder is no file. So each file is looked at before it
is opened, once more after, and read up to its limit whatever it says of its own size (files of /proc say 0).
"""

import errno
import os
import stat
from pathlib import Path

from synthor.errors import Finding, InputError

MIB = 1 << 20
SPEC = 16 * MIB
"""A spec: tables of more cells belong into files of their own."""
TABLE = 256 * MIB
"""A published table, as text or workbook."""
POLYGONS = 64 * MIB
"""Polygons of zones: a page has no room for finer ones."""
BELIEFS = 256 * MIB
"""Beliefs, a model's recorded answers, an answered batch."""
PRODUCT = 2048 * MIB
"""What a run wrote itself; model.json holds all tables."""

PLAIN = "a plain file"
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISREG, PLAIN),
)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_CHUNK = 16 * MIB


def in_bytes(size: float) -> str:
    """A size as people read it.

    >>> in_bytes(114_000), in_bytes(2_500_000_000), in_bytes(12)
    ('114 kB', '2.5 GB', '12 bytes')
    """
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} bytes"


def named(given: object, *, where: str, what: str) -> Path:
    r"""The path that somebody gives: of a type that names one, not empty, and such as a file or folder can have.

    Args:
        given: whatever it is.
        where: what it is of, in messages.
        what: what is to be named, such as `a folder`.

    Raises:
        InputError: it names nothing.

    >>> named("out/first", where="folder", what="a folder").parts
    ('out', 'first')
    >>> named("a\0b", where="folder", what="a folder")
    Traceback (most recent call last):
    synthor.errors.InputError: folder: nothing can be called 'a\x00b'; name a folder
    """
    if not isinstance(given, str | os.PathLike) or isinstance(os.fspath(given), bytes):
        message = f"is no name of anything but of type {type(given).__name__}"
        raise InputError([Finding(where=where, message=message, cure=f"name {what}, as a text or a Path")])
    text = os.fspath(given)
    if not text:
        here = ", or . for the one you are in" if "folder" in what else ""
        raise InputError([Finding(where=where, message="its name is empty", cure=f"name {what}{here}")])
    try:
        Path(text).stat()
    except ValueError:  # a NUL, or half a character
        raise InputError([Finding(where=where, message=f"nothing can be called {text!r}", cure=f"name {what}")]) from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            return Path(text)  # whoever opens or makes it tells why
        message = f"nothing can have a name of {len(text):,} characters"
        raise InputError([Finding(where=where, message=message, cure=f"name {what}")]) from None
    return Path(text)


def refuse_irregular(path: Path, shown: str = "") -> None:
    """Raise where a path is there, but is no plain file.

    Raises:
        InputError: says what it is.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return  # opening it tells why
    _refuse_mode(mode, shown or str(path))


def refuse_larger(path: Path, most: int) -> None:
    """Raise where a file says that it holds more bytes than its kind may.

    Raises:
        InputError: says both sizes.
    """
    try:
        size = path.stat().st_size
    except (OSError, ValueError):
        return  # opening it tells why
    if size > most:
        raise _too_large(str(path), size, most)


def read_bytes(path: Path, *, most: int, shown: str = "", cure: str = "") -> bytes:
    """The bytes of a plain file.

    Args:
        path: of the file.
        most: how many bytes it may have.
        shown: what to call it in a message; the path unless given.
        cure: of a file that cannot be read.

    Raises:
        InputError: it is missing, cannot be read, is no plain file, or is too large.
    """
    where = shown or str(path)
    refuse_irregular(path, where)
    try:
        handle = os.open(path, _FLAGS)
        with os.fdopen(handle, "rb", buffering=0):
            about = os.fstat(handle)
            _refuse_mode(about.st_mode, where)
            if about.st_size > most:
                raise _too_large(where, about.st_size, most)
            parts, size = [], 0
            while part := os.read(handle, _CHUNK):
                parts.append(part)
                size += len(part)
                if size > most:
                    raise _too_large(where, size, most)
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Finding(where=where, message=f"cannot be read: {reason}", cure=cure)]) from None
    return b"".join(parts)


def read_text(path: Path, *, most: int, shown: str = "", cure: str = "") -> str:
    """The UTF-8 text of a plain file, its line ends as they are anywhere else.

    Raises:
        InputError: as `read_bytes`; or it is no such text.
    """
    content = read_bytes(path, most=most, shown=shown, cure=cure)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start})"
        raise InputError([Finding(where=shown or str(path), message=message, cure="save it as UTF-8")]) from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _refuse_mode(mode: int, where: str) -> None:
    what = next((what for holds, what in KINDS if holds(mode)), "no file")
    if what != PLAIN:
        cure = "name a file in it" if what == "a folder" else "save what it gives as a file, and name that"
        raise InputError([Finding(where=where, message=f"cannot be read: it is {what}", cure=cure)])


def _too_large(where: str, size: int, most: int) -> InputError:
    message = f"holds {in_bytes(size)} or more, and {in_bytes(most)} is the most that is read here"
    return InputError([Finding(where=where, message=message, cure="make it smaller, or name another file")])
