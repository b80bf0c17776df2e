"""A run that was written before, read from its folder as far as somebody looks."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import polars as pl

from synthor.errors import Finding, InputError
from synthor.evaluate.holdout import HoldOuts
from synthor.fit.model import Model
from synthor.llm.budget import Bill
from synthor.measure import Measurement
from synthor.run import Population, draw, measured, tallied
from synthor.sample.stream import Sample
from synthor.schema import Schema
from synthor.store.folder import OF_RECORDS, RunFolder
from synthor.store.records import read_records


class Stored:
    """A run folder as a population.

    Args:
        folder: that a run wrote.

    Raises:
        InputError: it holds no model.
    """

    def __init__(self, folder: RunFolder) -> None:
        if not (folder.path / "model.json").is_file():
            cure = "name a folder that `synthor run`, `synthor fit` or run.write() wrote"
            raise InputError([Finding(where=str(folder.path), message="holds no model.json", cure=cure)])
        self.folder = folder

    @cached_property
    def model(self) -> Model:
        """The fitted model."""
        return Model.from_json(self.folder.read("model.json"), source=str(self.folder.path / "model.json"))

    @cached_property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The records as they lie in the folder, a frame a level."""
        return read_records(self.folder, self.model.problem.whole.schema)

    @cached_property
    def measurement(self) -> Measurement:
        """Every target cell, wanted and got: counted on the records as they lie in the folder."""
        tally, random_seed = tallied(self.folder, self.model, self.tables)
        return measured(self.model, tally, random_seed)

    @cached_property
    def sample(self) -> Sample:
        """The population as it was drawn, drawn again from the model with the same seed."""
        return self._drawn.sample

    @property
    def n_units(self) -> int:
        """How many units there are; 0 where no records were made yet."""
        if not all(
            any((self.folder.path / f"{level.name}{ending}").is_file() for ending in OF_RECORDS) for level in self._levels
        ):
            return 0
        return self.tables[self.model.problem.whole.schema.unit.name].height

    @property
    def _levels(self) -> Schema:
        return self.model.problem.whole.schema

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Files that were read for it: those of another time are not asked for again."""
        return {}

    @property
    def seconds(self) -> Mapping[str, float]:
        """Wall-clock time of each stage, as the manifest has it."""
        return dict(self.folder.manifest().get("seconds", {}))

    @property
    def version(self) -> str:
        """Of the library that made it; empty where the manifest does not say it."""
        return str(self.folder.manifest().get("versions", {}).get("synthor", ""))

    @property
    def bill(self) -> Bill:
        """What asking cost in this session: nothing."""
        return Bill()

    @cached_property
    def held_out(self) -> HoldOuts | None:
        """Tables that were left out and predicted, if any were."""
        if not (self.folder.path / "holdout.json").is_file():
            return None
        try:
            return HoldOuts.from_json(self.folder.read("holdout.json"))
        except ValueError:
            cure = "run again with --hold-out to know it"
            where = str(self.folder.path / "holdout.json")
            raise InputError([Finding(where=where, message="is damaged", cure=cure)]) from None

    def page(self) -> str:
        """The page report.html of the folder."""
        return self.folder.read("report.html")

    @cached_property
    def _drawn(self) -> Population:
        made = self.folder.manifest()
        return draw(self.model, made.get("records") or None, random_seed=made.get("random_seed"))

    @property
    def population(self) -> Population:
        """The same in memory, drawn again from the model with the same seed."""
        return self._drawn
