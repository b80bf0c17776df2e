"""Records on their way to disk, counted as they pass: chunk by chunk, as many at once as there are cores, written in order."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from synthor.engine.local import in_order
from synthor.errors import Finding, InputError
from synthor.events import Event, Listener
from synthor.measure import Tally
from synthor.sample.stream import Sample
from synthor.schema import Ref
from synthor.spec.model import Spec
from synthor.store.folder import Edition
from synthor.store.manifest import versions
from synthor.store.packed import Format, pack
from synthor.store.parts import Pieces, pieces_of

Pairs = Sequence[tuple[tuple[Ref, Ref], int]]
"""Columns that are cross-counted, and the level whose rows see both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Records in one file an area.

    Attributes:
        by: level of the areas.
        levels: of all areas.
        areas: all there are of this one.
        key: 12 hexadecimal digits of what the records hang on.
    """

    by: str
    levels: Sequence[str]
    areas: Sequence[str]
    key: str

    @classmethod
    def of(cls, sample: Sample, by: str, format: Format, made_from: str) -> "Parted":
        """What is to be in the files of areas of a level.

        Args:
            sample: the population.
            by: the level.
            format: of the records.
            made_from: the text of the model that it was drawn from.

        Raises:
            InputError: there are no areas of such a level, or the format is another.
        """
        problem = sample.problem
        levels = check_partition(problem.spec, by, format)
        unit = problem.schema.unit
        told = (made_from, sample.random_seed, problem.n_units, by, *versions().items())
        key = hashlib.sha256("\n".join(str(one) for one in told).encode()).hexdigest()[:12]
        return cls(
            by=by,
            levels=list(levels),
            areas=unit.variables[unit.position(by)].labels,
            key=key,
        )


def check_partition(spec: Spec, by: str, format: Format) -> tuple[str, ...]:
    """Make sure that records can be written in one file an area, before anything is spent; the levels of areas.

    Raises:
        InputError: there are no areas of such a level, or the format is another.
    """
    levels = spec.zones.levels if spec.zones is not None else ()
    if by not in levels:
        message = f"'{by}' is no level of zones" if levels else "the spec has no zones"
        cure = f"name {' or '.join(levels)}" if levels else "leave it out"
        raise InputError([Finding(where="partition", message=message, cure=cure)])
    if format != "parquet":
        cure = "leave the format out, or the partition"
        raise InputError([Finding(where="partition", message=f"files of areas are not written as {format}", cure=cure)])
    return levels


def write_files(sample: Sample, pairs: Pairs, new: Edition, format: Format, on_event: Listener) -> Tally:
    """Write the records in one file a level."""
    n_chunks, tally = sample.n_chunks, Tally(sample.problem, pairs)

    def task(number: int) -> tuple[Tally, dict[str, bytes]]:
        chunk, counted = sample.chunk(number), Tally(sample.problem, pairs)
        counted.add(chunk)
        return counted, pack(chunk, format)

    names = [level.name for level in sample.problem.schema.levels]
    with new.writing(names, format) as write, closing(in_order(task, n_chunks)) as chunks:
        for done, (counted, packed) in enumerate(chunks, start=1):
            tally.merge(counted)
            write(packed)
            on_event(Event(stage="write", done=done, total=n_chunks))
    return tally


def write_parts(sample: Sample, pairs: Pairs, new: Edition, parts: Parted, on_event: Listener) -> Tally:
    """Write the records in one file a level and area; what a command that was interrupted had written is only counted."""
    schema, n_chunks, tally = sample.problem.schema, sample.n_chunks, Tally(sample.problem, pairs)
    names = [level.name for level in schema.levels]
    with new.parting(parts.by, names, parts.areas, parts.key) as writer:

        def task(number: int) -> tuple[Tally, dict[str, str], Pieces]:
            counted, kept = Tally(sample.problem, pairs), writer.kept(number)
            chunk = writer.read(kept, names) if kept else sample.chunk(number)
            counted.add(chunk)
            return counted, kept, [] if kept else pieces_of(chunk, schema, parts.by, parts.levels)

        with closing(in_order(task, n_chunks)) as chunks:
            for number, (counted, kept, pieces) in enumerate(chunks):
                tally.merge(counted)
                if kept:
                    writer.keep(kept)
                else:
                    writer.write(number, pieces)
                on_event(Event(stage="write", done=number + 1, total=n_chunks))
    return tally
