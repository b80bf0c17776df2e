"""Some zones of a finished run made anew; the records of all others stay, byte for byte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError, nearest
from synthor.events import Event, Listener, forward, ignore
from synthor.fit.model import Model
from synthor.geography.zoned import zoned_sample
from synthor.measure import Measurement, Tally
from synthor.problem import Problem
from synthor.problem.lacking import lacking
from synthor.redone.tables import Tables, cuts_of, merged, named, units_of
from synthor.run import measured, page_of, pairs_of, timed, write_manifest
from synthor.sample.arrangement import CHUNK
from synthor.schema.text import plural
from synthor.store.folder import Edition, RunFolder
from synthor.store.packed import Format, pack
from synthor.store.parquet import parquet_bytes
from synthor.store.records import read_records
from synthor.types import CellIndex

SHOWN = 5
"""Cells that are told one by one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Redone:
    """A population of which some zones were made anew.

    Attributes:
        model: of the region.
        problem: with all zones.
        zones: names of the zones that were made anew.
        tables: all records, one table a level, in their order.
        notes: what a reader must know.
        random_seed: as used.
        seconds: wall-clock time of each stage.
    """

    model: Model
    problem: Problem
    zones: tuple[str, ...]
    tables: Tables
    notes: tuple[str, ...]
    random_seed: int
    seconds: Mapping[str, float]

    def write(self, folder: RunFolder, inputs: Mapping[str, Path], on_event: Listener = ignore) -> Measurement:
        """Put the new records in the place of the old ones, with measurement and page: all of it, or nothing.

        Args:
            folder: of the run.
            inputs: files that were read.
            on_event: told of progress.
        """
        pairs, seconds = pairs_of(self.model), dict(self.seconds)
        with folder.edition() as new:
            with timed("write", seconds):
                new.save("prior.json", self.model.prior.to_json())
                new.save("model.json", self.model.to_json())
                self._save_records(folder, new)
                tally = Tally(self.problem, pairs)
                tally.add(self.tables)
                found = measured(self.model, tally, self.random_seed)
                # Why targets are missed: others were there before, so what is known of making all of them at once says nothing.
                found = replace(found, notes=(*found.notes, *self.notes), explanations=())
                new.save("measurement.json", found.to_json())
                new.save("report.html", page_of(self.model, found, tally, None))
            told = self.model.concluded(met=found.met)
            write_manifest(new, told, found.n_records, self.random_seed, inputs, seconds)
            on_event(Event(stage="write", done=1, total=1))
        return found

    def _save_records(self, folder: RunFolder, new: Edition) -> None:
        schema = self.problem.schema
        for parted in folder.parted():
            by = folder.parted_by(parted)
            areas = schema.unit.variables[schema.unit.position(by)].labels
            new.save_parts(parted, areas, self._parts(by))
            return
        format: Format = "csv" if folder.records(schema.unit.name).suffix == ".csv" else "parquet"
        cuts = cuts_of(self.tables, schema, CHUNK)
        with new.writing([level.name for level in schema], format) as write:
            for begins, ends in pairwise(cuts):
                write(pack({name: self.tables[name][begins[name] : ends[name]] for name in begins}, format))

    def _parts(self, by: str) -> dict[str, dict[str, bytes]]:
        """The files of the areas that hold zones which were made anew: the bytes of each level's, none where nobody is left."""
        schema, key = self.problem.schema, self.problem.zones
        assert key is not None
        unit, found = schema.unit.name, dict[str, dict[str, bytes]]()
        place = {label: at for at, label in enumerate(schema.unit.variables[key.positions[0]].labels)}
        around, labels = key.above(0, key.names.index(by)), schema.unit.variables[schema.unit.position(by)].labels
        areas = {labels[around[place[zone]]] for zone in self.zones}
        levels = [pl.col(name).cast(pl.String) for name in key.names]
        for area in sorted(areas):
            own = units_of(self.tables, schema, (self.tables[unit][by].cast(pl.String) == area).to_numpy())
            found[area] = (
                {}
                if not own[unit].height
                else {name: parquet_bytes(frame.with_columns(levels) if name == unit else frame) for name, frame in own.items()}
            )
        return found


def redo(model: Model, folder: RunFolder, zones: Sequence[str], *, on_event: Listener = ignore) -> Redone:
    """Make some zones of a run anew.

    Their own tables are met as in any run. Of tables of the areas around them, and of the region, they get what the others
    leave; what they cannot make up is told.

    Args:
        model: fitted to the region's tables as they are now.
        folder: of the run, with all its records.
        zones: names of those that are made anew.
        on_event: told of progress.

    Raises:
        InputError: there are no such zones, or the folder has no records that fit the spec.
    """
    problem = model.ruled.whole
    places = _places(problem, zones)
    assert problem.zones is not None
    key, seconds = problem.zones.names[0], dict[str, float]()
    old = read_records(folder, problem.schema)
    mine = old[problem.schema.unit.name][key].cast(pl.String).is_in(list(zones)).to_numpy()
    others = units_of(old, problem.schema, ~mine)
    tally = Tally(problem)
    tally.add(others)
    left = lacking(problem, places, {target.name: got for target, got in zip(problem.counts, tally.got, strict=True)})
    made = {name: frame.clear() for name, frame in old.items()}
    if left.problem.n_units:
        with timed("sample", seconds):
            sample = zoned_sample(model, lacks=left.problem, advance=forward("sample", on_event))
            chunks = list(sample.chunks())
            on_event(Event(stage="sample", done=1, total=1))
        made = {level.name: pl.concat([chunk[level.name] for chunk in chunks]) for level in problem.schema}
        made = named(made, old, mine, problem.schema, key)
    return Redone(
        model=model,
        problem=problem,
        zones=tuple(zones),
        tables=merged(others, made, problem, key),
        notes=_notes(zones, left.over, left.unheeded),
        random_seed=problem.spec.random_seed,
        seconds=seconds,
    )


def _places(problem: Problem, zones: Sequence[str]) -> CellIndex:
    """The places of some zones among all."""
    if problem.zones is None:
        message, cure = "the spec has no zones", "leave --only-zones out"
        raise InputError([Finding(where="--only-zones", message=message, cure=cure)])
    labels = problem.schema.unit.variables[problem.zones.positions[0]].labels
    place = {label: at for at, label in enumerate(labels)}
    unknown = [name for name in zones if name not in place]
    if unknown or not zones:
        named = f"there is no zone '{unknown[0]}'" if unknown else "it names no zone"
        cure = nearest(unknown[0], labels) if unknown else "name some, with commas between them"
        raise InputError([Finding(where="--only-zones", message=named, cure=cure)])
    return np.array(sorted({place[name] for name in zones}), np.int64)


def _notes(zones: Sequence[str], over: Sequence[str], unheeded: Sequence[str]) -> tuple[str, ...]:
    """What a reader must know of how the records came about."""
    notes = [f"Only {plural(len(zones), 'zone')} made anew ({', '.join(zones)}); all other records are those that were there."]
    notes += [f"These zones cannot make up for the others: {text}." for text in over[:SHOWN]]
    if len(over) > SHOWN:
        notes.append(f"They cannot in {len(over) - SHOWN} more cells.")
    if unheeded:
        notes.append(f"Means, totals and shares were not asked of these zones alone: {', '.join(unheeded)}.")
    return tuple(notes)
