"""The run folder: every product is a file that appears whole or not at all, and what belongs together appears together."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import polars as pl

from synthor.disk.lock import Tell, locked
from synthor.disk.staged import PARTS, Staged, write_whole
from synthor.errors import Finding, InputError, OutputError
from synthor.files import BELIEFS, PRODUCT, read_text, refuse_irregular, refuse_larger
from synthor.store.packed import Format, Writer
from synthor.store.parts import PartWriter, file_names, folder_of, parts_in, parts_json
from synthor.version import __version__

AFTER_RUN = ("ranges.json", "ranges.html")
"""Answers to questions that were asked of a finished run."""

PRODUCTS = ("prior.json", "model.json", "holdout.json", "measurement.json", "report.html", *AFTER_RUN)
TOLD = ("report.html", "ranges.html", "measurement.json", "ranges.json")
"""What speaks of the records that lie beside it; pages go first, so that none is there without its figures."""

SPEC, TABLES = "spec.yaml", "tables/"
"""A spec that was made in memory, and the folder of its tables: what a run folder has only where no file held them before."""

AFTER_FIT = (*TOLD, "holdout.json")

MANIFEST = "manifest.json"
OF_RECORDS = (".parquet", ".csv")
UNFINISHED = "unfinished"
ELICITED = "elicited"
SIGN = b'"synthor": "'
"""Stands near the beginning of what a run writes, damaged or not."""

SIGNED = (MANIFEST, "model.json", "answers.jsonl")
HEAD = 4096
"""Bytes in which the sign is looked for."""


class RunFolder:
    """A folder that holds the products of one run.

    Whatever changes it holds its lock meanwhile: each method for itself, or its caller for several of them.

    Raises:
        OutputError: it cannot be made or written to.
    """

    def __init__(self, path: str | Path) -> None:
        if not str(path):
            cure = "name one, or . for the one you are in"
            raise InputError([Finding(where="the folder to write", message="its name is empty", cure=cure)])
        self.path = Path(path)
        self.inputs: frozenset[Path] = frozenset()
        with _told(self.path):
            if self.path.exists() and not self.path.is_dir():
                raise OutputError(self.path, "it is a file", "choose another --out")
            self.path.mkdir(parents=True, exist_ok=True)

    @property
    def answers(self) -> Path:
        """Where a model's answers are kept: only ever added to."""
        return self.path / "answers.jsonl"

    @contextmanager
    def locked(self, *, wait: bool = False, tell: Tell = lambda text: None) -> Iterator[None]:
        """Keep other commands from writing here; what a dead one had begun is finished or undone first.

        Args:
            wait: for whoever is writing, instead of refusing.
            tell: told whom is waited for.

        Raises:
            InputError: another command is writing.
            OutputError: the folder cannot be written to.
        """
        with locked(self.path, wait=wait, tell=tell):
            yield

    def claim(self, inputs: Iterable[Path] = ()) -> None:
        """Make sure that a run may write here, and mark the folder as one of ours.

        Args:
            inputs: files that the run reads; none of them will be overwritten.

        Raises:
            InputError: the folder holds a file by the name of a product that no run of synthor wrote.
        """
        self.refuse_foreign(inputs)
        # From here until its end a run may have written any product: after a kill the same command must go on.
        made = self._manifest() or {"status": UNFINISHED, "synthor": __version__, "products": {}}
        made["products"].pop("prior.json", None)  # which this run may write, and look at again before its end
        self.save(MANIFEST, json.dumps(made | {"unfinished": True}, indent=1, ensure_ascii=False) + "\n")

    def refuse_foreign(self, inputs: Iterable[Path] = (), spec: Iterable[str] = ()) -> None:
        """Make sure that a run may write here; nothing is written yet.

        Args:
            inputs: files that the run reads; none of them will be overwritten.
            spec: names of files that hold the run's spec and its tables, to be written as well.

        Raises:
            InputError: the folder holds a file by the name of a product that no run of synthor wrote.
        """
        self.inputs = frozenset(path.resolve() for path in inputs)
        products = [*PRODUCTS, *spec, *sorted(path.name for path in self.path.glob("records.*"))]
        in_place = [name for name in (*products, MANIFEST) if (self.path / name).exists() and not (self.path / name).is_file()]
        if in_place:
            cure = "move it away, or choose another folder with --out"
            raise InputError(
                [
                    Finding(where=str(self.path / name), message="is no file, and a run writes one there", cure=cure)
                    for name in in_place
                ]
            )
        ours = self._ours()
        foreign = [
            name
            for name in products
            if (self.path / name).is_file() and (name not in ours or self._is_input(name)) and not self.kept(name)
        ]
        if (self.path / MANIFEST).is_file() and not self._manifest() and not self._signed():
            foreign.append(MANIFEST)
        noted = self._manifest().get("products", {})
        edited = [name for name in spec if name in noted and (self.path / name).is_file()]
        edited = [name for name in edited if sha256(self.path / name) != noted[name]]
        if edited:
            message, cure = "was edited since a run wrote it", "move it away, or choose another folder"
            raise InputError([Finding(where=str(self.path / name), message=message, cure=cure) for name in edited])
        told = noted.get("prior.json")
        prior = self.path / "prior.json"
        if told and prior.is_file() and not self.kept("prior.json") and sha256(prior, most=BELIEFS) != told:
            cure = f"go on from it with --prior {prior}, or move it away"
            raise InputError([Finding(where=str(prior), message="was edited since a run wrote it", cure=cure)])
        read = [name for name in foreign if self._is_input(name)]
        if read:
            message = f"holds {', '.join(read)}, which this run reads and would write over"
            raise InputError([Finding(where=str(self.path), message=message, cure="choose another folder with --out")])
        if foreign:
            message = f"holds {', '.join(foreign)}, which no run of synthor wrote there"
            raise InputError([Finding(where=str(self.path), message=message, cure="choose another folder with --out")])

    def _ours(self) -> frozenset[str]:
        """Names of files that an earlier run may have written."""
        manifest = self._manifest()
        damaged = not manifest and (self.path / MANIFEST).is_file() and self._signed()
        if damaged or manifest.get("unfinished") or manifest.get("status") in (UNFINISHED, ELICITED):
            return frozenset((*PRODUCTS, "records.parquet", "records.csv", *self.of_spec()))
        return frozenset(manifest.get("products", ()))

    def of_spec(self) -> list[str]:
        """Names of the files that hold a spec made in memory, and its tables, as an earlier run wrote them."""
        noted = [name for name in self._manifest().get("products", {}) if name == SPEC or name.startswith(TABLES)]
        return [name for name in noted if (self.path / name).is_file()]

    def _signed(self) -> bool:
        """Whether the folder is one of ours although its manifest cannot be read."""
        for name in SIGNED:
            try:
                refuse_irregular(self.path / name)
                with open(self.path / name, "rb") as file:
                    if SIGN in file.read(HEAD):
                        return True
            except (InputError, OSError):
                continue
        return False

    def _manifest(self) -> dict[str, Any]:
        """What manifest.json says; nothing when it is not there or not ours."""
        try:
            found = json.loads(read_text(self.path / MANIFEST, most=PRODUCT))
        except (InputError, ValueError, RecursionError):
            return {}
        whole = isinstance(found, dict) and isinstance(found.get("products"), dict)
        return found if whole and all(type(found.get(name, 0)) is int for name in ("records", "random_seed")) else {}

    def manifest(self) -> dict[str, Any]:
        """What manifest.json says; nothing when it is not there.

        Raises:
            InputError: it is there and is no manifest.
        """
        path, found = self.path / MANIFEST, self._manifest()
        if not found and path.exists():
            cure = "run the same `synthor run` or `synthor sample` again, which writes it anew"
            raise InputError([Finding(where=str(path), message="is damaged, or no manifest of a run", cure=cure)])
        return found

    def _is_input(self, name: str) -> bool:
        return (self.path / name).resolve() in self.inputs

    def kept(self, name: str) -> bool:
        """Beliefs may lie where the run would write them: then they stay as they are."""
        return name == "prior.json" and self._is_input(name)

    def refuse_kept(self, name: str) -> None:
        """Refuse to go on when a product that is about to change is a file that the run was given.

        Raises:
            InputError: it is.
        """
        if self.kept(name):
            message = "was given to the run, which would have to write it anew"
            raise InputError([Finding(where=str(self.path / name), message=message, cure="choose another folder with --out")])

    def save(self, name: str, text: str) -> None:
        """Write a text file whole: a reader, or a crash, sees the old one or the new one."""
        if not self.kept(name):
            with self.locked(), _told(self.path / name):
                write_whole(self.path / name, text)

    def save_model(self, text: str) -> None:
        """Write model.json; records and reports of another model, if any, would no longer belong to it and go."""
        with self.edition() as new:
            new.save_model(text)

    @contextmanager
    def edition(self) -> "Iterator[Edition]":
        """Files that belong together: all of them replace the old ones at the end, or none does."""
        with self.locked(), _told(self.path):
            new = Edition(self)
            try:
                yield new
                new.staged.appear()
            finally:
                new.staged.discard()

    def add(self, files: Mapping[str, str]) -> None:
        """Save answers to questions that were asked of a finished run, and note in its manifest that they are ours.

        Raises:
            InputError: a file of such a name is there which we did not write.
        """
        with self.edition() as new:
            cure = "move it away, and ask again"
            foreign = [name for name in files if (self.path / name).exists() and name not in self._ours()]
            if foreign:
                raise InputError(
                    [Finding(where=str(self.path / name), message="was not written by synthor", cure=cure) for name in foreign]
                )
            for name, text in files.items():
                new.save(name, text)
            new.note()

    def inner(self, *names: str) -> "RunFolder":
        """A run folder inside this one, made where it is not there."""
        return RunFolder(self.path.joinpath(*names))

    def inside(self, name: str) -> "list[RunFolder]":
        """The run folders that are inside a folder of this one, by name."""
        place = self.path / name
        return [RunFolder(path) for path in sorted(place.iterdir()) if path.is_dir()] if place.is_dir() else []

    def read(self, name: str) -> str:
        """The text of one product.

        Raises:
            InputError: the folder holds no such file.
        """
        return read_text(self.path / name, most=PRODUCT, cure="name a folder that `synthor fit` or `synthor run` wrote")

    def records(self, level: str) -> Path:
        """The file of one level's records, in whichever format it is; or the folder of its files by areas.

        Raises:
            InputError: there is none.
        """
        for ending in OF_RECORDS:
            if (self.path / f"{level}{ending}").is_file():
                return self.path / f"{level}{ending}"
        for parted in self.parted():
            if (parted / level).is_dir():
                return parted / level
        cure = "make them with `synthor sample`"
        raise InputError([Finding(where=str(self.path), message=f"holds no {level}.parquet or {level}.csv", cure=cure)])

    def parted(self) -> list[Path]:
        """The folder that holds the records in one file an area; empty where there is none."""
        return [path.parent for path in sorted(self.path.glob(f"{folder_of('*')}/{PARTS}"))]

    def parted_by(self, place: Path) -> str:
        """The level of areas that a folder of files is by.

        Raises:
            InputError: its list cannot be read.
        """
        try:
            return str(json.loads(read_text(place / PARTS, most=PRODUCT))["by"])
        except (ValueError, KeyError, TypeError, RecursionError):
            cure = "run it again, without --only-zones"
            raise InputError([Finding(where=str(place / PARTS), message="is no list of files", cure=cure)]) from None

    def names(self) -> list[str]:
        """The products and files of records that are there; of records in many files the list of these."""
        records = sorted(path.name for path in self.path.iterdir() if path.suffix in OF_RECORDS and path.is_file())
        records += [f"{path.name}/{PARTS}" for path in self.parted()]
        return [name for name in (*PRODUCTS, *records) if (self.path / name).is_file()]


class Edition:
    """New files of a run folder that have not appeared yet.

    Attributes:
        folder: they will appear in.
        staged: they are, meanwhile.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.staged = Staged(folder.path)

    def save(self, name: str, text: str) -> None:
        """Stage a text file."""
        if not self.folder.kept(name):
            self.staged.write(name, text)

    def save_model(self, text: str) -> None:
        """Stage model.json; records and reports of another model, if any, would no longer belong to it and go."""
        path = self.folder.path / "model.json"
        try:
            if path.is_file() and path.stat().st_size == len(text.encode()) and path.read_bytes() == text.encode():
                return
        except OSError:  # what may not be read may be replaced all the same
            pass
        for stale in [*AFTER_FIT, *self.folder.of_spec(), *(found.name for found in self.folder.path.glob("records.*"))]:
            self.staged.remove(stale)
        for parted in self.folder.parted():
            self.staged.remove(parted.name)
        self.staged.write("model.json", text)

    def save_spec(self, files: Mapping[str, str]) -> None:
        """Stage a spec that was made in memory, and its tables; those of an earlier one go."""
        for stale in self.folder.of_spec():
            self.staged.remove(stale)
        for name, text in files.items():
            self.staged.write(name, text)

    @contextmanager
    def writing(self, levels: Sequence[str], format: Format) -> Iterator[Callable[[Mapping[str, bytes]], None]]:
        """Stage records chunk by chunk. What was told of the old ones goes before the new ones appear.

        Args:
            levels: names of the tables.
            format: parquet or csv.

        Yields:
            A function that takes the next chunk, packed by `pack`.
        """
        with ExitStack() as files:
            places = {level: self.staged.place(f"{level}.{format}") for level in levels}
            writers = {level: Writer(files.enter_context(open(place, "wb")), format) for level, place in places.items()}

            def write(chunk: Mapping[str, bytes]) -> None:
                for level, whole in chunk.items():
                    writers[level].add(whole)

            yield write
            for writer in writers.values():
                writer.finish()
        other = "csv" if format == "parquet" else "parquet"
        self._stale(f"{level}.{other}" for level in levels)
        self.staged.give_up()

    @contextmanager
    def parting(self, by: str, levels: Sequence[str], areas: Iterable[str], key: str) -> Iterator[PartWriter]:
        """Stage records in one file an area. What was told of the old ones goes before the new ones appear.

        Args:
            by: level of the areas.
            levels: names of the tables.
            areas: all there are.
            key: 12 hexadecimal digits of what the records hang on: files that a command with the same key wrote are kept.

        Yields:
            What writes the chunks.
        """
        if (self.folder.path / folder_of(by)).exists() and not (self.folder.path / folder_of(by) / PARTS).is_file():
            where, cure = str(self.folder.path / folder_of(by)), "move it away, or choose another folder with --out"
            raise InputError([Finding(where=where, message="was not written by synthor, and records go there", cure=cure)])
        writer = PartWriter(self.staged.adopt(key, folder_of(by)), by, levels, areas)
        yield writer
        writer.finish()
        self._stale(f"{level}{ending}" for level in levels for ending in OF_RECORDS)

    def save_parts(self, place: Path, areas: Iterable[str], tables: Mapping[str, Mapping[str, bytes]]) -> None:
        """Stage files of some areas in place of those that are there; the others stay as they are.

        Args:
            place: the folder of the files of all areas.
            areas: all there are.
            tables: for each of some areas the bytes of the file of each level; none where nobody is left there.
        """
        names, found = file_names(areas), parts_in(place)
        for area, own in tables.items():
            for name in [name for name in found if name.endswith(f"/{names[area]}.parquet") and name.split("/")[0] not in own]:
                self.staged.remove(f"{place.name}/{name}")
                del found[name]
            for level, text in own.items():
                name = f"{level}/{names[area]}.parquet"
                self.staged.write_bytes(f"{place.name}/{name}", text)
                found[name] = hashlib.sha256(text).hexdigest()
        self.staged.write(f"{place.name}/{PARTS}", parts_json(self.folder.parted_by(place), found))
        for stale in TOLD:
            self.staged.remove(stale)

    def _stale(self, records: Iterable[str]) -> None:
        """Let files of other records go, and what was told of them."""
        parted = [path.name for path in self.folder.parted()]
        for stale in [*TOLD, *records, *parted]:
            self.staged.remove(stale)

    def read(self, name: str) -> str | None:
        """The text of a product that is there and will stay; None where there is none.

        Raises:
            InputError: it cannot be read.
        """
        stays = (self.folder.path / name).exists() and name not in self.staged.obsolete
        return self.folder.read(name) if stays else None

    def products(self) -> dict[str, str]:
        """Hashes of the products, by name, as they will be."""
        there = [name for name in (*self.folder.names(), *self.folder.of_spec()) if name not in self.staged.obsolete]
        kept = (*PRODUCTS, SPEC)
        there = [name for name in there if name.removesuffix(f"/{PARTS}") not in self.staged.obsolete]
        places = {f"{name}/{PARTS}" if place.is_dir() else name: place for name, place in self.staged.places.items()}
        every = {
            *there,
            *(name for name in places if name in kept or (name.endswith((*OF_RECORDS, PARTS)) and not _in_parts(name))),
        }
        records = sorted(name for name in every if name not in PRODUCTS)
        ordered = [name for name in (*PRODUCTS, *records) if name in every]
        found = {name: places.get(name, self.folder.path / name) for name in ordered}
        found = {name: path / PARTS if path.is_dir() else path for name, path in found.items()}
        return {name: sha256(path, most=PRODUCT if name in PRODUCTS else None) for name, path in found.items()}

    def note(self) -> None:
        """Note in the manifest, where there is one, that what is staged is ours."""
        manifest = self.folder._manifest()
        if manifest:
            mine = {name: digest for name, digest in self.products().items() if name in self.staged.places}
            manifest["products"] = {**manifest["products"], **mine}
            self.staged.write(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")


def existing(path: Path) -> RunFolder:
    """A run folder that is there already.

    Raises:
        InputError: there is no such folder.
    """
    try:
        there = path.is_dir()
    except OSError:  # no folder can have that name
        there = False
    if not there:
        raise InputError([Finding(where=str(path), message="no such folder", cure="name one that fit or run wrote")])
    return RunFolder(path)


def sha256(path: Path, *, most: int | None = None) -> str:
    """Hash of a file's bytes, in hexadecimal.

    Args:
        path: of the file.
        most: how many bytes it may have, where it is of a kind that is read whole.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    refuse_irregular(path)
    if most is not None:
        refuse_larger(path, most)
    try:
        with open(path, "rb") as file:
            return _hash(file)
    except OSError as error:
        cure = "allow yourself to read it, or move it away"
        raise InputError([Finding(where=str(path), message=f"cannot be read: {error.strerror}", cure=cure)]) from None


def _hash(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _in_parts(name: str) -> bool:
    """Whether a file is one of many that `parts.json` lists."""
    return name.startswith(folder_of("")) and "/" in name and not name.endswith(PARTS)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Failures of the disk, in words."""
    try:
        yield
    except BrokenPipeError:  # of a terminal that no longer listens
        raise
    except OSError as error:
        raise OutputError.of(path, error, "free some space or choose another --out") from error
    except pl.exceptions.ComputeError as error:
        raise OutputError(path, str(error).splitlines()[0], "choose another --out") from error
