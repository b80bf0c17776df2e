"""Several files appear in a folder together or not at all, whenever the process that writes them may be killed.

Each is written under a temporary name in the same folder. When all are there, a note is put beside them that says what they
are called and which files they make obsolete: from then on they count as written. Then they are renamed, one by one, and the
note is deleted. Who finds a note finishes the renaming; temporary files without a note are deleted. Only the holder of the
folder's lock does either, so that nobody takes away what somebody else is about to rename.
"""

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from synthor.errors import Finding, InputError
from synthor.files import PRODUCT, read_text

NOTE = ".synthor-note.json"
PARTS = "parts.json"
"""Stands in a folder that is one of the files: only such a folder is ever replaced or deleted."""
_TEMPORARY = re.compile(r"\.synthor-[0-9a-f]{12}")


def left_over(folder: Path) -> list[Path]:
    """Temporary files in a folder, of whichever process."""
    found = [path for path in folder.glob(".synthor-*") if path.is_symlink() or not path.is_dir()]
    return [path for path in found if _TEMPORARY.fullmatch(path.name) or path.name == NOTE]


@contextmanager
def temporary(folder: Path) -> Iterator[Path]:
    """An empty file in a folder, of a name that nobody else has; deleted at the end unless it was renamed."""
    path = _new(folder)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole: a reader, or a crash, sees the old one or the new one."""
    with temporary(path.parent) as place:
        _write(place, content.encode() if isinstance(content, str) else content)
        place.replace(path)


class Staged:
    """Files on their way into a folder, to be used by the holder of its lock.

    Args:
        folder: where they will be.
        fresh: whether a file that is there by the time of the renaming is kept.
        purpose: what they are written for, told to who finishes the renaming.
    """

    def __init__(self, folder: Path, *, fresh: bool = False, purpose: str = "") -> None:
        self.folder, self.fresh, self.purpose = folder, fresh, purpose
        self.places: dict[str, Path] = {}
        self.obsolete: dict[str, None] = {}

    def place(self, name: str) -> Path:
        """An empty file that will be called so, to be written by the caller."""
        if name not in self.places:
            self.places[name] = _new(self.folder)
        return self.places[name]

    def write(self, name: str, text: str) -> None:
        """Stage a text."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Stage bytes."""
        _write(self.place(name), content)

    def adopt(self, key: str, name: str) -> Path:
        """A folder that will be called so, to be filled by the caller; what one of the same key was filled with is still there.

        Args:
            key: 12 hexadecimal digits that tell what it is to hold; folders of other keys are deleted.
            name: it will be called so, in place of one that is there.
        """
        place = self.folder / f".synthor-{key}"
        self.give_up(but=place)
        place.mkdir(exist_ok=True)
        self.remove(name)
        self.places[name] = place
        return place

    def give_up(self, but: Path | None = None) -> None:
        """Delete folders that nobody will go on from, but one."""
        for other in self.folder.glob(".synthor-*"):
            if other != but and _TEMPORARY.fullmatch(other.name) and other.is_dir() and not other.is_symlink():
                shutil.rmtree(other)

    def remove(self, name: str) -> None:
        """Let a file go, before any of the new ones appears."""
        self.obsolete[name] = None

    def appear(self) -> None:
        """Give all files their names, in the order in which they were staged.

        Raises:
            OSError: one of them could not be had; nothing was changed then.
        """
        for name in self.places:
            self._check(name)
        with suppress(OSError):  # the folder itself through to the disk, where the system can
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        names = {place.name: name for name, place in self.places.items()}
        document = {"purpose": self.purpose, "fresh": self.fresh, "obsolete": list(self.obsolete), "names": names}
        write_whole(self.folder / NOTE, json.dumps(document, ensure_ascii=False) + "\n")
        _rename(self.folder, names, list(self.obsolete), fresh=self.fresh)
        self.places.clear()

    def discard(self) -> None:
        """Leave the folder as it was; nothing once the files have appeared, or will."""
        if not (self.folder / NOTE).exists():
            for place in self.places.values():
                if not place.is_dir():  # whoever begins again goes on from a folder
                    place.unlink(missing_ok=True)

    def _check(self, name: str) -> None:
        """What renaming would stumble over must be known before anything is renamed."""
        path = self.folder / name
        if path.is_dir() and not path.is_symlink() and not (name in self.obsolete and (path / PARTS).is_file()):
            raise IsADirectoryError(errno.EISDIR, "a folder is in its place", str(path))
        above = next(parent for parent in path.parents if parent.exists())
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{above.name} is no folder", str(path))
        if above.stat().st_dev != self.folder.stat().st_dev:
            raise OSError(errno.EXDEV, f"{above.name} is on another disk", str(path))


def recover(folder: Path) -> str:
    """Finish or undo what a process that was killed had begun; for the holder of the folder's lock.

    Returns:
        What the files were written for whose renaming was finished; empty where there were none.

    Raises:
        InputError: the note of a dead process is none of ours.
    """
    purpose, note = "", folder / NOTE
    if note.is_dir():
        message = "is a folder, and in the way of every command that writes there"
        raise InputError([Finding(where=str(note), message=message, cure="move it away or delete it")])
    if note.is_file():
        purpose, names, obsolete, fresh = _noted(note)
        _rename(folder, names, obsolete, fresh=fresh)
    for path in left_over(folder):
        path.unlink(missing_ok=True)
    return purpose


def _noted(note: Path) -> tuple[str, Mapping[str, str], Sequence[str], bool]:
    """What a note says. It may come from anybody who can put a file there, so it cannot name files elsewhere."""
    try:
        document = json.loads(read_text(note, most=PRODUCT))
        names, obsolete = document["names"], document["obsolete"]
        strange = [name for name in (*names.values(), *obsolete) if not _is_inside(name, note.parent)]
        if not strange and all(_TEMPORARY.fullmatch(place) and not (note.parent / place).is_symlink() for place in names):
            return str(document["purpose"]), names, obsolete, bool(document["fresh"])
    except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    message = "does not say which files a command that was interrupted was about to write"
    raise InputError([Finding(where=str(note), message=message, cure="delete it, and run that command again")])


def _is_inside(name: str, folder: Path) -> bool:
    """Whether a name is one of a file below a folder, also where folders on the way are links."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"):
        return False
    name.encode()  # half a character is no name
    return (folder / name).parent.resolve().is_relative_to(folder.resolve())


def _rename(folder: Path, names: Mapping[str, str], obsolete: Sequence[str], *, fresh: bool) -> None:
    renamed = {name for place, name in names.items() if not (folder / place).exists()}  # before a kill
    for name in obsolete:
        if name in renamed:
            continue
        if (folder / name / PARTS).is_file() and not (folder / name).is_symlink():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    for place, name in names.items():
        if name in renamed:
            continue
        if fresh and (folder / name).exists():
            (folder / place).unlink()  # a person has put one there meanwhile
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).replace(folder / name)
    (folder / NOTE).unlink(missing_ok=True)


def _new(folder: Path) -> Path:
    """A new empty file, readable for whom the umask allows."""
    path = folder / f".synthor-{secrets.token_hex(6)}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return path


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
