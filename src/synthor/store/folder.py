"""The run folder: every product is a file that appears whole or not at all."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import polars as pl

from synthor.errors import Finding, InputError, OutputError
from synthor.files import PRODUCT, read_text
from synthor.formulas import guard
from synthor.store.parquet import RowGroups, parquet_bytes

Format = Literal["parquet", "csv"]
AFTER_RUN = ("ranges.json", "ranges.html")
"""Answers to questions that were asked of a finished run."""

PRODUCTS = ("prior.json", "model.json", "holdout.json", "measurement.json", "report.html", *AFTER_RUN)
AFTER_FIT = ("holdout.json", "measurement.json", "report.html", *AFTER_RUN)
UNFINISHED = "unfinished"
ELICITED = "elicited"


class RunFolder:
    """A folder that holds the products of one run.

    Raises:
        OutputError: it cannot be made or written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.inputs: frozenset[Path] = frozenset()
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"{self.path}: cannot be written: it is a file; choose another --out")
        with _told(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    @property
    def answers(self) -> Path:
        """Where a model's answers are kept: only ever added to."""
        return self.path / "answers.jsonl"

    def claim(self, inputs: Iterable[Path] = ()) -> None:
        """Make sure that a run may write here, and mark the folder as one of ours.

        Args:
            inputs: files that the run reads; none of them will be overwritten.

        Raises:
            InputError: the folder holds a file by the name of a product that no run of synthor wrote.
        """
        self.inputs = frozenset(path.resolve() for path in inputs)
        products = [*PRODUCTS, *(path.name for path in self.path.glob("records.*"))]
        ours = self._ours()
        foreign = [
            name
            for name in products
            if (self.path / name).is_file() and (name not in ours or self._is_input(name)) and not self._kept(name)
        ]
        told = self._manifest().get("products", {}).get("prior.json")
        prior = self.path / "prior.json"
        if told and prior.is_file() and not self._kept("prior.json") and sha256(prior) != told:
            cure = f"go on from it with --prior {prior}, or move it away"
            raise InputError([Finding(where=str(prior), message="was edited since a run wrote it", cure=cure)])
        if foreign:
            message = f"holds {', '.join(foreign)}, which no run of synthor wrote there"
            raise InputError([Finding(where=str(self.path), message=message, cure="choose another folder with --out")])
        for name in (*PRODUCTS, "manifest.json", "records.parquet", "records.csv"):
            for left in self.path.glob(f".{name}.????????"):  # by a run that was killed while it wrote
                left.unlink(missing_ok=True)
        # From here until its end a run may have written any product: after a kill the same command must go on.
        made = self._manifest() or {"status": UNFINISHED, "products": {}}
        made["products"].pop("prior.json", None)  # which this run may write, and look at again before its end
        self.save("manifest.json", json.dumps(made | {"unfinished": True}, indent=1, ensure_ascii=False) + "\n")

    def _ours(self) -> frozenset[str]:
        """Names of files that an earlier run may have written."""
        manifest = self._manifest()
        unfinished = manifest.get("unfinished") or manifest.get("status") in (UNFINISHED, ELICITED)
        return (
            frozenset((*PRODUCTS, "records.parquet", "records.csv")) if unfinished else frozenset(manifest.get("products", ()))
        )

    def _manifest(self) -> dict[str, Any]:
        """What manifest.json says; nothing when it is not there or not ours."""
        try:
            found = json.loads(read_text(self.path / "manifest.json", most=PRODUCT))
        except (InputError, ValueError):
            return {}
        return found if isinstance(found, dict) and isinstance(found.get("products"), dict) else {}

    def _is_input(self, name: str) -> bool:
        return (self.path / name).resolve() in self.inputs

    def _kept(self, name: str) -> bool:
        """Beliefs may lie where the run would write them: then they stay as they are."""
        return name == "prior.json" and self._is_input(name)

    def refuse_kept(self, name: str) -> None:
        """Refuse to go on when a product that is about to change is a file that the run was given.

        Raises:
            InputError: it is.
        """
        if self._kept(name):
            message = "was given to the run, which would have to write it anew"
            raise InputError([Finding(where=str(self.path / name), message=message, cure="choose another folder with --out")])

    def save(self, name: str, text: str) -> None:
        """Write a text file whole: a reader, or a crash, sees the old one or the new one."""
        if self._kept(name):
            return
        with self._replacing(name) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def add(self, name: str, text: str) -> None:
        """Save an answer to a question that was asked of a finished run, and note in its manifest that it is ours.

        Raises:
            InputError: a file of that name is there which we did not write.
        """
        path, manifest = self.path / name, self._manifest()
        if path.is_file() and name not in self._ours():
            cure = "move it away, and ask again"
            raise InputError([Finding(where=str(path), message="was not written by synthor", cure=cure)])
        self.save(name, text)
        if manifest:
            manifest["products"] = {**manifest["products"], name: sha256(path)}
            self.save("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")

    def inner(self, *names: str) -> "RunFolder":
        """A run folder inside this one, made where it is not there."""
        return RunFolder(self.path.joinpath(*names))

    def inside(self, name: str) -> "list[RunFolder]":
        """The run folders that are inside a folder of this one, by name."""
        place = self.path / name
        return [RunFolder(path) for path in sorted(place.iterdir()) if path.is_dir()] if place.is_dir() else []

    def save_model(self, text: str) -> None:
        """Write model.json; records and reports of another model, if any, would no longer belong to it and go."""
        path = self.path / "model.json"
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        for stale in [*AFTER_FIT, *(found.name for found in self.path.glob("records.*"))]:
            (self.path / stale).unlink(missing_ok=True)
        self.save("model.json", text)

    def read(self, name: str) -> str:
        """The text of one product.

        Raises:
            InputError: the folder holds no such file.
        """
        return read_text(self.path / name, most=PRODUCT, cure="name a folder that `synthor fit` or `synthor run` wrote")

    def records(self, level: str) -> Path:
        """The file of one level's records, in whichever format it is.

        Raises:
            InputError: there is none.
        """
        for ending in ("parquet", "csv"):
            if (self.path / f"{level}.{ending}").is_file():
                return self.path / f"{level}.{ending}"
        cure = "make them with `synthor sample`"
        raise InputError([Finding(where=str(self.path), message=f"holds no {level}.parquet or {level}.csv", cure=cure)])

    @contextmanager
    def writing(self, levels: Sequence[str], format: Format) -> Iterator[Callable[[Mapping[str, bytes]], None]]:
        """Write records chunk by chunk; the files appear when all chunks were written.

        Args:
            levels: names of the tables.
            format: parquet or csv.

        Yields:
            A function that takes the next chunk, packed by `pack`.
        """
        with ExitStack() as files:
            places = {level: files.enter_context(self._replacing(f"{level}.{format}")) for level in levels}
            writers = {level: _Writer(files.enter_context(open(place, "wb")), format) for level, place in places.items()}

            def write(chunk: Mapping[str, bytes]) -> None:
                with _told(self.path):
                    for level, whole in chunk.items():
                        writers[level].add(whole)

            yield write
            with _told(self.path):
                for writer in writers.values():
                    writer.finish()
        other = "csv" if format == "parquet" else "parquet"
        for stale in [*(f"{level}.{other}" for level in levels), *AFTER_RUN]:  # answers were about other records
            (self.path / stale).unlink(missing_ok=True)

    @contextmanager
    def _replacing(self, name: str) -> Iterator[Path]:
        with _told(self.path / name):
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self.path)
            os.close(handle)
            try:
                yield Path(temporary)
                Path(temporary).chmod(0o644)
                Path(temporary).replace(self.path / name)
            finally:
                Path(temporary).unlink(missing_ok=True)


def existing(path: Path) -> RunFolder:
    """A run folder that is there already.

    Raises:
        InputError: there is no such folder.
    """
    if not path.is_dir():
        raise InputError([Finding(where=str(path), message="no such folder", cure="name one that fit or run wrote")])
    return RunFolder(path)


def pack(chunk: Mapping[str, pl.DataFrame], format: Format) -> dict[str, bytes]:
    """Each table of a chunk as the bytes of a file, to be handed to `writing`; the work that can be done side by side."""
    if format == "parquet":
        return {level: parquet_bytes(frame) for level, frame in chunk.items()}
    return {level: guard(frame).write_csv().encode() for level, frame in chunk.items()}


class _Writer:
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


def sha256(path: Path) -> str:
    """Hash of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return _hash(file)


def _hash(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Failures of the disk, in words."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{path}: cannot be written: {reason}; free some space or choose another --out") from error
    except pl.exceptions.ComputeError as error:
        raise OutputError(f"{path}: cannot be written: {str(error).splitlines()[0]}; choose another --out") from error
