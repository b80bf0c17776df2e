"""Files that are written for a person to go on from: only ever new ones, and all of them or none."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from synthor.disk.lock import Tell, locked
from synthor.disk.staged import Staged
from synthor.errors import Finding, InputError, OutputError


class Fresh:
    """A folder for new files, while no other command may write there.

    Attributes:
        path: the folder.
        purpose: what the files are for.
        finished: whether files for this very purpose were found all but written by a command that was killed. They have
            their names now.
    """

    def __init__(self, path: Path, purpose: str, *, finished: bool) -> None:
        self.path, self.purpose, self.finished = path, purpose, finished

    def write(self, files: Mapping[str, str]) -> None:
        """Write text files; none that is there already is touched.

        Args:
            files: text by name, in the order in which they appear; a name may hold a folder. A file that has this very text
                already is left as it is.

        Raises:
            InputError: files of these names are there; nothing was written then.
            OutputError: the folder cannot be written to; nothing was written then.
        """
        staged = Staged(self.path, fresh=True, purpose=self.purpose)
        try:
            refuse_present(self.path, files)
            for name, text in files.items():
                if not (self.path / name).exists():
                    staged.write(name, text)
            staged.appear()
        except OSError as error:
            raise _unwritable(self.path, error) from error
        finally:
            staged.discard()


@contextmanager
def fresh(folder: Path, purpose: str = "", *, wait: bool = False, tell: Tell = lambda text: None) -> Iterator[Fresh]:
    """A folder to write new files into; where that fails, none is left behind that was not there.

    Args:
        folder: made where it is missing.
        purpose: what the files are for, for a command that finds them all but written.
        wait: for another command that is writing there, instead of refusing.
        tell: told whom is waited for.

    Raises:
        InputError: another command is writing there, or it is a file.
        OutputError: the folder cannot be made or written to.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError([Finding(where=str(folder), message="is a file", cure="name a folder for the results")])
    except OSError as error:
        raise _unwritable(folder, error) from error
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with locked(folder, wait=wait, tell=tell) as finished:
            yield Fresh(folder, purpose, finished=bool(purpose) and finished == purpose)
    except BaseException:
        for path in missing:
            with suppress(OSError):  # something is in it
                path.rmdir()
        raise


def refuse_present(folder: Path, files: Mapping[str, str]) -> None:
    """Make sure that nothing would be overwritten.

    Raises:
        InputError: one finding a file that is there already.
    """
    findings = [
        Finding(where=str(folder / name), message="is there already and is not overwritten", cure="choose another place")
        for name, text in files.items()
        if (folder / name).exists() and not _holds(folder / name, text)
    ]
    if findings:
        raise InputError(findings)


def _holds(path: Path, text: str) -> bool:
    try:
        wanted = text.encode()
        return path.is_file() and path.stat().st_size == len(wanted) and path.read_bytes() == wanted
    except OSError:
        return False


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError.of(folder, error, "choose another folder")
