"""Files that are written for a person to go on from: only ever new ones."""

from collections.abc import Mapping
from pathlib import Path

from synthor.errors import Finding, InputError, OutputError


def write_fresh(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files into a folder; none that is there already is touched.

    Args:
        folder: made where it is missing.
        files: text by name; a name may hold a folder. A file that has this very text already is left as it is.

    Raises:
        InputError: files of these names are there; nothing was written then.
        OutputError: the folder cannot be made or written to.
    """
    refuse_present(folder, files)
    try:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if not (folder / name).exists():
                with open(folder / name, "x", encoding="utf-8", newline="") as file:
                    file.write(text)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{folder}: cannot be written: {reason}; choose another folder") from error


def refuse_present(folder: Path, files: Mapping[str, str]) -> None:
    """Make sure that nothing would be overwritten.

    Raises:
        InputError: one finding a file that is there already.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError([Finding(where=str(folder), message="is a file", cure="name a folder for the results")])
    findings = [
        Finding(where=str(folder / name), message="is there already and is not overwritten", cure="choose another place")
        for name, text in files.items()
        if (folder / name).exists() and not _holds(folder / name, text)
    ]
    if findings:
        raise InputError(findings)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False
