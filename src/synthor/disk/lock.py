"""One process at a time writes into a folder: a lock that says who holds it, and that ends with its holder.

The lock is a file in the folder, locked by `flock`: the system lets go of it when its holder dies, however it dies, so that
a file that a crash left behind is simply taken over. It is deleted before it is let go of; who waited for the old file sees
that it is no longer the one in the folder, and tries again. Two cases remain where the system's word is not enough:

- A file system without locks: whoever makes the file has the lock, and one that was left behind must be deleted by a person.
- A network file system whose locks may be known to one machine alone: there a file that another machine left behind is
  believed to be held.
"""

import errno
import json
import os
import shlex
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from synthor.disk.staged import left_over, recover
from synthor.errors import Finding, InputError, OutputError
from synthor.files import PRODUCT, read_text

try:
    import fcntl
except ImportError:  # a system without flock
    fcntl = None  # type: ignore[assignment]

FILE = ".synthor.lock"
POLL_SECONDS = 0.1
LONGEST_COMMAND = 200
"""Characters of a command that are told."""

SAYING = 10
"""Times that a lock is read whose holder may have it since this moment."""

NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "lustre", "gpfs", "beegfs", "afs", "virtiofs"})

Tell = Callable[[str], None]
Owner = tuple[int, int]

_held: dict[Path, Owner] = {}
"""Folders whose lock this process has, and which of its threads: that one may come in again."""


@contextmanager
def locked(folder: Path, *, wait: bool = False, tell: Tell = lambda text: None) -> Iterator[str]:
    """Hold a folder's lock; what a dead process had begun there is finished or undone first, and our own in the end.

    Args:
        folder: made where it is missing.
        wait: until whoever holds it lets go, instead of refusing.
        tell: told whom is waited for.

    Yields:
        What the files were written for that a dead process had all but written, as `recover` says.

    Raises:
        InputError: somebody else holds it.
        OutputError: the folder cannot be written to.
    """
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        key, owner = folder.resolve(), (os.getpid(), threading.get_ident())
    if _held.get(key) == owner:
        yield ""
        return
    with _told(folder):
        handle = _taken(folder, wait, tell)
    _held[key] = owner
    try:
        with _told(folder):
            purpose = recover(folder)
        yield purpose
    finally:
        with suppress(InputError, OSError):  # an interruption may have fallen between any two steps
            recover(folder)
        del _held[key]
        with suppress(OSError):
            (folder / FILE).unlink()
        os.close(handle)


def heal(folder: Path) -> None:
    """Finish or undo what a dead process had begun, if any; who only reads cares for no more, so nothing is said."""
    with suppress(InputError, OutputError, OSError):  # also of a folder that may not be looked into
        if (folder / FILE).exists() or left_over(folder):
            with locked(folder):
                pass


def _taken(folder: Path, wait: bool, tell: Tell) -> int:
    """The handle of the lock, once it is ours."""
    waiting = ""
    while (handle := _try(folder)) is None:
        said = _said(folder)
        holder = _in_words(said)
        message = f"another command is writing there: {holder}"
        if not wait:
            cure = "wait until it has ended, or give --wait (from Python, wait=True)"
            if not _is_alive(said):  # as far as can be seen from here: the system says that the lock is held
                cure += f"; if it cannot be alive any more, delete {folder / FILE}"
            raise InputError([Finding(where=str(folder), message=message, cure=cure)])
        if holder != waiting:
            waiting = holder
            tell(str(Finding(where=str(folder), message=message, cure="waiting for its end")))
        time.sleep(POLL_SECONDS)
    return handle


def _try(folder: Path) -> int | None:
    """The handle of the lock, or None while somebody else has it."""
    path = folder / FILE
    while True:
        try:
            handle, made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666), True
        except FileExistsError:
            try:
                handle, made = _plain(path), False
            except FileNotFoundError:
                continue  # its holder has just ended
            except PermissionError:
                return None  # another user's
        if not _locks(handle, alone=made) or (not made and _elsewhere(path)):
            os.close(handle)
            return None
        if _is_still(path, handle):
            break
        os.close(handle)  # its holder deleted it between our two steps
    try:
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(_ourselves()).encode() + b"\n")
    except OSError:  # a full disk
        path.unlink(missing_ok=True)
        os.close(handle)
        raise
    return handle


def _plain(path: Path) -> int:
    """The handle of a lock that is there: of no link, pipe or second name of a file that is none of ours."""
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise _strange(path) from error
        raise
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
        os.close(handle)
        raise _strange(path)
    return handle


def _strange(path: Path) -> InputError:
    what = "a folder" if path.is_dir() and not path.is_symlink() else "a link, a pipe or the like"
    message = f"is no lock, but {what}, and in the way of every command that writes there"
    return InputError([Finding(where=str(path), message=message, cure="move it away or delete it")])


def _locks(handle: int, *, alone: bool) -> bool:
    """Whether an open file could be locked; on a file system without locks, whether we made it."""
    if fcntl is None:
        return alone
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            return alone
        raise
    return True


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _elsewhere(path: Path) -> bool:
    """Whether a lock file is of another machine, on a file system that may not tell one machine what another has locked."""
    host = _read(path).get("host", "")
    return bool(host) and host != socket.gethostname() and _kind_of(path.parent) in NETWORK


def _kind_of(folder: Path) -> str:
    """The kind of file system that a folder is on, as Linux calls it; empty elsewhere."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place, found = folder.resolve(), (-1, "")
    for line in lines:
        mount, _, source = line.partition(" - ")
        point = Path(mount.split()[4].replace("\\040", " "))
        if place.is_relative_to(point) and len(point.parts) >= found[0]:
            found = len(point.parts), source.split()[0]
    return found[1].removeprefix("fuse.").replace("sshfs", "nfs")


def _ourselves() -> dict[str, Any]:
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": command if len(command) <= LONGEST_COMMAND else command[: LONGEST_COMMAND - 3] + "...",
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(path, most=PRODUCT))
    except (InputError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(folder: Path) -> dict[str, Any]:
    """What the holder of a folder's lock says of itself; nothing when it does not."""
    for _ in range(SAYING):
        said = _read(folder / FILE)
        if said:
            return said
        time.sleep(POLL_SECONDS / SAYING)
    return {}


def _in_words(said: dict[str, Any]) -> str:
    if not said:
        return "a process that has not said who it is"
    told = {name: str(said.get(name, "?"))[:LONGEST_COMMAND] for name in ("process", "host", "since", "command")}
    return f"process {told['process']} on {told['host']}, since {told['since']}: {told['command']}"


def _is_alive(said: dict[str, Any]) -> bool:
    """Whether the holder of a lock is a process of this machine that is there."""
    if fcntl is None or said.get("host") != socket.gethostname() or type(said.get("process")) is not int:
        return False
    try:
        os.kill(said["process"], 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        pass
    return True


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError.of(folder, error, "choose another folder") from error
