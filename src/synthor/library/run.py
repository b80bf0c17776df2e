"""A run as people hold it: everything that can be done with one, each done in the room that it belongs to."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from synthor.errors import Finding, InputError, nearest
from synthor.evaluate.holdout import HoldOuts
from synthor.events import Listener, ignore
from synthor.files import named
from synthor.fit.model import Model
from synthor.library.drafted import spec_files
from synthor.library.shown import Display, run_in_html, run_in_words, target_lines
from synthor.library.stored import Stored
from synthor.llm.budget import Bill
from synthor.measure import Measurement, Records
from synthor.prior.model import Prior
from synthor.problem import Problem
from synthor.run import Population
from synthor.sample.stream import Sample
from synthor.schema.text import plural
from synthor.spec.model import Spec
from synthor.store.packed import Format
from synthor.version import __version__

if TYPE_CHECKING:
    from synthor.evaluate.realism import Realism
    from synthor.library.compared import Comparison
    from synthor.library.draws import Draws

COUNTED_UNASKED = 200_000
"""Units that are counted for a look at them; of more only who asks is told."""


class Run:
    """Exactly N records and all that is known of them: made by `synthesize`, or opened from the folder of an earlier run.

    Args:
        made: the population, in memory or in a folder.
        spec: that it was made from.
        prior: beliefs that it was made with, where they were given.
        folder: that it was written to or opened from.

    >>> import synthor
    >>> run = synthor.synthesize(synthor.parse_spec('''
    ... records: 10
    ... variables: {car: {type: boolean}, home: {type: category, values: [owned, rented]}}
    ... targets: [{counts: {car: {yes: 6, no: 4}}}, {counts: {home: {owned: 5, rented: 5}}}]
    ... '''))
    >>> run
    <Run: 10 records>
    Met: 10 records add up to all 2 targets exactly (4 cells).
    No beliefs were used: what the targets do not say is independent.
    targets met: 2 of 2; fit: converged
    """

    def __init__(
        self,
        made: Population | Stored,
        *,
        spec: Spec | None = None,
        prior: str | Path | Prior | None = None,
        folder: Path | None = None,
    ) -> None:
        self._made, self._spec, self._prior, self._folder = made, spec, prior, folder

    # --- What it is

    @property
    def model(self) -> Model:
        """The fitted model that the records were drawn from."""
        return self._made.model

    @property
    def problem(self) -> Problem:
        """What was known and believed to be impossible, for as many units as there are."""
        ruled, n_units = self.model.ruled.whole, self._made.n_units
        return ruled if n_units in (0, ruled.n_units) else ruled.scaled(n_units)

    @property
    def spec(self) -> Spec:
        """The spec that it was made from; of a run that was opened, with its tables written in place."""
        return self._spec if self._spec is not None else self.model.problem.spec

    @property
    def sample(self) -> Sample:
        """The population as it was drawn, chunk by chunk."""
        return self._made.sample

    @property
    def records(self) -> pl.DataFrame:
        """All records of the units themselves; of members, see `tables`."""
        return self.tables[self.model.problem.whole.schema.unit.name]

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All records of every level, by its name: `run.tables["person"]` has the key of each person's household."""
        return self._made.tables

    @property
    def measurement(self) -> Measurement:
        """Every target cell, wanted and got."""
        return self._made.measurement

    @property
    def verdict(self) -> str:
        """One sentence: are the targets met?"""
        return self.measurement.verdict

    @property
    def targets(self) -> pl.DataFrame:
        """One row a target: its cells, `tae`, by how many rows they are off (null of a statistic), the worst cell, `met`."""
        lines = target_lines(self.measurement)
        return pl.DataFrame(
            {
                "target": [line.name for line in lines],
                "cells": [line.cells for line in lines],
                "tae": [line.tae for line in lines],
                "worst": [line.worst for line in lines],
                "met": [line.met for line in lines],
            },
            schema={"target": pl.String, "cells": pl.Int64, "tae": pl.Int64, "worst": pl.String, "met": pl.Boolean},
        )

    @property
    def folder(self) -> Path | None:
        """Where it was written to, or opened from."""
        return self._folder

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Files that were read for it, by what they are called."""
        return self._made.inputs

    @property
    def version(self) -> str:
        """Of the library that made it."""
        return self._made.version if isinstance(self._made, Stored) else __version__

    @property
    def seconds(self) -> Mapping[str, float]:
        """Wall-clock time of each stage."""
        return self._made.seconds

    @property
    def bill(self) -> Bill:
        """What asking a model cost."""
        return self._made.bill

    @property
    def held_out(self) -> HoldOuts | None:
        """Tables that were left out and predicted before the records were made, if any were."""
        return self._made.held_out

    # --- What can be had of it

    def to_pandas(self, level: str | None = None) -> Any:
        """The records as a pandas frame, categories as such: of the units, or of the level that is named.

        Raises:
            InputError: pandas is not installed, or no level is called so.
        """
        from synthor.frames import to_pandas

        names = list(self.tables)
        if level is not None and level not in names:
            cure = nearest(str(level), names)
            raise InputError([Finding(where="to_pandas", message=f"no level is called '{level}'", cure=cure)])
        return to_pandas(self.tables[level or names[0]])

    def table(self, *names: str, real: object = None, weight: str | None = None) -> pl.DataFrame:
        """How many records are in each cell: `wanted`, where a target says it, `got`, and `real` where it is given.

        Args:
            names: of variables; `person.age` is that of members, `head.age` that of the one with this role.
            real: real records, a frame or a file; with members one a level in a dict, or a folder. Scaled to as many rows.
            weight: column of the real units' weights.

        Raises:
            InputError: no variable is called so, or the real records lack a column or hold a value of no category.

        >>> import synthor
        >>> text = "{records: 10, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 6, no: 4}}}]}"
        >>> synthor.synthesize(synthor.parse_spec(text)).table("car", real={"car": [True, False]}).rows()
        [('no', 4, 4, 5.0), ('yes', 6, 6, 5.0)]
        """
        from synthor.evaluate.crossed import cross_table
        from synthor.library.given import records_of

        problem = self.problem
        held = None if real is None else records_of(real, problem.schema, weight=weight, what="real")
        with _without_option():
            return cross_table(problem, names, self.tables, real=held, weight=weight)

    def zones(self) -> pl.DataFrame:
        """One row a zone: its records, by how many its own tables are off, and its worst cell (null where all are met).

        Raises:
            InputError: the spec has no zones.

        >>> import synthor
        >>> run = synthor.synthesize(synthor.parse_spec('''
        ... {records: 3, variables: {car: {type: boolean}}, zones: {key: taz},
        ...  targets: [{table: [{taz: 7, car: yes, count: 1}, {taz: 9, car: no, count: 2}]}]}
        ... '''))
        >>> run.zones().select("zone", "records", "error", "worst_target").rows()
        [('7', 1, 0, None), ('9', 2, 0, None)]
        """
        from synthor.library.shown import zones_frame

        return zones_frame(self.problem, self.measurement)

    def plot(self, *names: str, real: object = None, weight: str | None = None) -> Any:
        """A picture of one variable or of two: an altair chart where altair is installed, otherwise HTML that a notebook shows.

        A number shows how its values lie; what a target wants, or real records have, shows categories beside each other; two
        variables show the shares of the second in each category of the first.

        Args:
            names: one or two, as of `table`: `"age"`, or `"head.age", "partner.age"`.
            real: real records, as of `table`, to be shown beside.
            weight: column of the real units' weights.

        Raises:
            InputError: as `table`; or more than two variables are named.
        """
        from synthor.library.plots import plot

        return plot(names, self.table(*names, real=real, weight=weight), self.tables, self.model.problem.whole.schema)

    def measure(self, *texts: str, on_event: Listener = ignore) -> Any:
        """What `synthor measure --of` answers: a frame of a table, statistic or share, with its bounds, and range over draws.

        Args:
            texts: `"age by sex"`, `"mean income by tenure"` (also total, sd, median), `"income > 50000 by tenure"`.
            on_event: told of progress.

        Returns:
            A frame, one row a cell; of several questions, a frame of each by its text.

        Raises:
            InputError: lists every question that cannot be understood.

        >>> import synthor
        >>> text = "{records: 10, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 6, no: 4}}}]}"
        >>> synthor.synthesize(synthor.parse_spec(text)).measure("car = 'yes'")["value"].to_list()
        [0.6]
        """
        from synthor.library.draws import answers

        with _without_option():
            frames = answers(self.model.problem.whole, self.tables, self._draws_of_folder(), texts, on_event)
        return next(iter(frames.values())) if len(texts) == 1 else frames

    def evaluate(self, real: object, *, weight: str | None = None, on_event: Listener = ignore) -> "Realism":
        """Compare the records with real ones in everything that was no target, as `synthor evaluate` does.

        Args:
            real: real records, a frame or a file; with members one a level in a dict, or a folder.
            weight: column of the real units' weights.
            on_event: told of progress.

        Raises:
            InputError: the real records cannot be used, or every pair of variables was a target.
        """
        from synthor.library.given import realism_of, records_of

        problem = self.model.ruled.whole
        held = records_of(real, problem.schema, weight=weight, what="microdata")
        return realism_of(problem, self.tables, held, weight, on_event)

    def compare(self, *others: "Run") -> "Comparison":
        """Set this run beside others, of scenarios of its spec for example, as `synthor compare` does.

        Args:
            others: one or more; all differences are from this one.

        Returns:
            What shows itself, and gives `frame()`, `page()` and `write(file)`.

        Raises:
            InputError: no other is given, one is given twice, or they have nothing in common.

        >>> import synthor
        >>> text = "{records: 10, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: N, no: M}}}]}"
        >>> few, many = (synthor.synthesize(synthor.parse_spec(text.replace("N", n).replace("M", m))) for n, m in ("64", "82"))
        >>> few.compare(many).frame()["difference: run 2"].to_list()[:2]
        [-2.0, 2.0]
        """
        from synthor.library.compared import compare

        runs = (self, *others)
        return compare(runs, [str(run.folder) if run.folder is not None else f"run {at}" for at, run in enumerate(runs, 1)])

    def hold_out(self, *names: str, on_event: Listener = ignore) -> HoldOuts:
        """Predict published tables from all other targets and this run's beliefs, as `synthor run --hold-out` does.

        The beliefs are those of this run: whoever held them may have seen the tables. To have a model asked that is shown
        none of them, give `hold_out=` to `synthesize`.

        Args:
            names: of targets; every cross-table in turn unless given.
            on_event: told of progress.

        Raises:
            InputError: no target is called so, or it is nothing that can be predicted.
        """
        from synthor.holdout import EACH, hold_out

        return hold_out(self._own_spec, names or (EACH,), prior=self.model.prior, on_event=on_event).outs

    def draws(self, n: int, *, on_event: Listener = ignore) -> "Draws":
        """Plausible populations beside this one: what neither the targets nor the beliefs determine differs between them.

        Args:
            n: how many.
            on_event: told of progress.

        Returns:
            Runs, in order. Of a run that has a folder they are kept inside it, as `synthor run --draws` does, and found again.

        Raises:
            InputError: the spec's method takes a model at its word, so there is nothing that draws could perturb.

        >>> import synthor
        >>> text = "{records: 10, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 6, no: 4}}}]}"
        >>> draws = synthor.synthesize(synthor.parse_spec(text)).draws(2)
        >>> len(draws), draws.frame["met"].to_list()
        (2, [True, True])
        """
        from synthor.draws.make import check_drawable, recordings_of
        from synthor.library.draws import draws_of

        check_drawable(self.spec)
        calibration = self.held_out.calibration if self.held_out else None
        own = isinstance(self._prior, Prior) or (self._spec is None and len(self.spec.priors) < 2)
        given = None if isinstance(self._prior, Prior) else self._prior
        said = (self.model.prior,) if own else recordings_of(self.model, self.spec, given, calibration)
        return draws_of(self, said, n, on_event)

    def report(self) -> Display:
        """The page report.html: a notebook shows it, `str()` gives its HTML. A written run has it in its folder."""
        return Display(self._made.page(), f"Report of {self.spec.title or 'synthetic records'}", framed=True)

    def write(
        self,
        folder: str | Path,
        *,
        format: Format = "parquet",
        partition: str | None = None,
        wait: bool = False,
        on_event: Listener = ignore,
    ) -> Measurement:
        """Write the run folder: prior, model, records, measurement, report, manifest; all of them, or none.

        A spec that was made in Python is written, too: spec.yaml, and in tables/ what was in memory, to be run again from.

        Args:
            folder: made if it is not there. Files of an earlier run in it are replaced.
            format: of the records, parquet or csv.
            partition: a level of areas: records are then written in one Parquet file an area, `by_taz/household/12.parquet`.
            wait: for another command that is writing there, instead of refusing.
            on_event: told of progress, and whom is waited for.

        Raises:
            InputError: the folder holds files that this would overwrite and that no run wrote, or another command is writing.
            OutputError: the disk is full or the folder cannot be written.
        """
        if format not in get_args(Format):
            cure = nearest(str(format), get_args(Format))
            raise InputError([Finding(where="format", message=f"records cannot be written as '{format}'", cure=cure)])
        place = named(folder, where="the folder to write", what="a folder")
        made = self._made.population if isinstance(self._made, Stored) else self._made
        if self._spec is not None:
            given = None if self._prior is None else "prior.json"
            made = replace(made, spec_files=spec_files(self._spec, place, prior=given))
        found = made.write(place, format=format, partition=partition, wait=wait, on_event=on_event)
        self._folder = place
        return found

    # --- How it looks

    def __repr__(self) -> str:
        return run_in_words(self.spec.title, self._rows, self._looked_at, self.model.status.value)

    def _repr_html_(self) -> str:
        schema = self.model.problem.whole.schema
        shown = self.tables if self._few else {}
        return run_in_html(self.spec.title, self._rows, self._looked_at, shown, schema)

    @property
    def _few(self) -> bool:
        return 0 < self._made.n_units <= COUNTED_UNASKED

    @property
    def _looked_at(self) -> Measurement | None:
        return self.measurement if self._few else None

    @property
    def _rows(self) -> list[str]:
        """How many rows each level has, in words."""
        schema = self.model.problem.whole.schema
        if not self._made.n_units:
            return ["no records yet"]
        if not self._few:
            return [plural(self._made.n_units, _one(schema.unit.name))]
        return [plural(frame.height, _one(name)) for name, frame in self.tables.items()]

    # --- What its methods go by

    @property
    def _own_spec(self) -> Spec:
        """The spec; without its sample where that is not at hand: the beliefs hold what it said."""
        return self.spec if self._spec is not None else self.spec.model_copy(update={"sample": None})

    def _draws_of_folder(self) -> Iterator[Records]:
        """Draws that are kept beside a run that was written, if any are."""
        from synthor.library.draws import kept_draws

        if self._folder is not None:
            yield from kept_draws(self._folder, self.model.problem.whole.schema)


def _one(name: str) -> str:
    """What one row is called: flat records lie in the file `records`."""
    return "record" if name == "records" else name


@contextmanager
def _without_option() -> Iterator[None]:
    """Messages about questions, without the option of the command line that they are asked with there."""
    try:
        yield
    except InputError as error:
        told: Sequence[Finding] = error.findings
        raise InputError([replace(one, where=one.where.removeprefix("--of ")) for one in told]) from None
