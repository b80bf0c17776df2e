"""A first spec from tables in memory, as `synthor init` makes one from a folder; and any spec as files to run again from."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthor.disk.held import found, held_folder, is_held
from synthor.errors import Finding, InputError
from synthor.files import TABLE, read_text

if TYPE_CHECKING:
    from synthor.spec.model import Spec
    from synthor.spec.targets import TargetSpec

SPEC = "spec.yaml"
MOST = 10**12
"""Records of one run, at most."""

TABLES = "tables"
"""Folder of the tables beside it."""


def draft_spec(tables: Mapping[str, object], *, records: int | None = None, title: str = "", context: str = "") -> "Spec":
    """A first spec from tables in memory, as `synthor init` makes one from a folder of files.

    Columns of labels become variables, each table a target; whatever has to be asked stands in the spec as `FILL IN`, and
    `check` tells it, as it tells which table cannot be used. Run folders made from it hold the tables and the spec, to be
    run again from.

    Args:
        tables: by name, such as `"age by sex"`: frames of polars, pandas or Arrow, long or wide, as published.
        records: how many records to make; what the tables add up to unless given, and they are scaled to it.
        title: of the spec.
        context: what one record is, where, when.

    Raises:
        InputError: there is no table, or none that can be understood.

    >>> spec = draft_spec({"homes by tenure": {"tenure": ["owned", "rented"], "count": [60, 40]}}, records=10)
    >>> spec.records, spec.population, list(spec.variables)
    (10, 100.0, ['tenure'])
    """
    from synthor.draft import infer
    from synthor.frames import as_frame, is_frame, plain
    from synthor.spec.load import parse_spec
    from synthor.spec.scaffold import scaffold

    if is_frame(tables) or not isinstance(tables, Mapping):
        cure = 'give one or more by name: {"age by sex": frame}'
        raise InputError([Finding(where="tables", message=f"are of type {type(tables).__name__}, without names", cure=cure)])
    if not tables:
        raise InputError([Finding(where="tables", message="there are none", cure='give them by name: {"age by sex": frame}')])
    if records is not None and not (isinstance(records, int) and 1 <= records <= MOST):
        message = f"{records:,} records cannot be made" if isinstance(records, int) else f"{records!r} is no whole number"
        raise InputError([Finding(where="records", message=message, cure=f"ask for 1 to {MOST:,}")])
    files, names = dict[str, str](), dict[str, str]()
    for name, table in tables.items():
        where, file = f"table '{name}'", _file_name(str(name), files)
        frame = plain(as_frame(table, where=where), where=where)
        files[file], names[file] = frame.write_csv(), str(name)
    folder = held_folder(files)
    draft = infer(folder, beside=folder, title=title, context=context)
    if records is not None and records != draft.records:
        population = float(draft.records) if draft.population is None else draft.population
        draft = replace(draft, records=records, population=population, records_comment="")
    spec = parse_spec(scaffold(draft), source="draft")
    named = spec.model_copy(update={"targets": _named(spec.targets, names)}).placed_in(folder)
    _, *remarks = draft.remarks  # the first says what to do with the file that is drafted elsewhere
    return named.with_remarks([_remark(text) for text in remarks])


def _remark(text: str) -> Finding:
    """What a draft says of its tables, as a finding."""
    return Finding(where="tables", message=f"{text[:1].lower()}{text[1:]}".removesuffix("."), severity="warning")


def _named(targets: "list[TargetSpec]", names: Mapping[str, str]) -> "list[TargetSpec]":
    """Targets called as their tables are, where one is all that a table says and has no name yet."""
    made = Counter(target.table for target in targets if isinstance(target.table, str))
    return [
        target.model_copy(update={"name": names[target.table]})
        if isinstance(target.table, str) and made[target.table] == 1 and not target.name
        else target
        for target in targets
    ]


def _file_name(name: str, others: Mapping[str, str]) -> str:
    """A file's name for a table, unlike those of others."""
    plain = re.sub(r"[^\w .,+-]", "_", name).strip(" .")[:80] or "table"
    names = (f"{plain}{f' {number}' if number > 1 else ''}.csv" for number in range(1, len(others) + 2))
    taken = {other.casefold() for other in others}  # as some file systems do not tell them apart
    return next(found for found in names if found.casefold() not in taken)


def spec_files(spec: "Spec", folder: Path, *, prior: str | None = None) -> dict[str, str]:
    """A spec that no file holds, as files of a folder: its YAML, and the tables that were given in memory as CSV.

    Args:
        spec: other files that it names stay where they are.
        folder: that the files will be in.
        prior: file of beliefs in it that the run was made with, in place of those that the spec names.

    Returns:
        Text by name; nothing where the spec was read from a file.
    """
    from synthor.spec.dump import to_yaml

    if spec.file is not None:
        return {}
    held, files, targets = is_held(spec.folder), {}, []
    for target in spec.targets:
        if isinstance(target.table, str) and held:
            name = f"{TABLES}/{target.table}"
            files[name] = read_text(spec.folder / target.table, most=TABLE)
            targets.append(target.model_copy(update={"table": name}))
        elif isinstance(target.table, str):
            targets.append(target.model_copy(update={"table": _from(folder, spec.folder / target.table)}))
        else:
            targets.append(target)
    changed: dict[str, object] = {"targets": targets}
    if spec.zones is not None:
        lies = {name: _placed(spec, file, folder) for name, file in spec.zones.within.items()}
        polygons = _placed(spec, spec.zones.polygons, folder)
        told = spec.zones.attributes
        kinds = {name: _placed(spec, one, folder) for name, one in told.items()} if isinstance(told, dict) else None
        attributes = _placed(spec, told, folder) if kinds is None else kinds
        changed["zones"] = spec.zones.model_copy(update={"within": lies, "attributes": attributes, "polygons": polygons})
    if spec.sample is not None:
        sample = spec.sample
        for name in (sample.file, *sample.files.values()):
            if name and is_held(found(spec.folder, name).parent):
                files[f"{TABLES}/{name}"] = read_text(found(spec.folder, name), most=TABLE)
        file = _sampled(spec, sample.file, folder) if sample.file else ""
        several = {level: _sampled(spec, name, folder) for level, name in sample.files.items()}
        changed["sample"] = sample.model_copy(update={"file": file, "files": several})
    if prior is not None:
        changed["prior"] = prior
    elif spec.prior is not None:
        priors = [_from(folder, spec.folder / name) for name in spec.priors]
        changed["prior"] = priors[0] if isinstance(spec.prior, str) else priors
    if spec.model is not None and (kind := spec.model.name.partition(":"))[0] in ("replay", "batch"):
        name = f"{kind[0]}:{_from(folder, spec.folder / kind[2])}"
        changed["model"] = spec.model.model_copy(update={"name": name})
    return {SPEC: to_yaml(spec.model_copy(update=changed)), **files}


def _sampled(spec: "Spec", name: str, folder: Path) -> str:
    """A file of a sample as the spec in a folder names it: one that was in memory lies beside its tables."""
    file = found(spec.folder, name)
    return f"{TABLES}/{name}" if is_held(file.parent) else _from(folder, file)


def _placed(spec: "Spec", given: object, folder: Path) -> object:
    """What is a file's name, as a spec in a folder names it; anything else as it is."""
    return _from(folder, spec.folder / given) if isinstance(given, str) else given


def _from(folder: Path, file: Path) -> str:
    """A file as a spec in a folder names it."""
    return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
