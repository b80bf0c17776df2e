"""Runs beside each other, as people hold them: shown, as a frame, as a page."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from synthor.evaluate.compared import Compared, Numbers, RunFacts, RunSide, compare_runs, refuse_names
from synthor.report.compared import compared_in_words, compared_page, compared_part
from synthor.spec.scenario import AppliedScenario
from synthor.store.fresh import fresh
from synthor.version import __version__

if TYPE_CHECKING:
    from synthor.library.run import Run


class Comparison:
    """Two runs or more beside each other; all differences are from the first.

    Args:
        found: what they have in common, and how they differ.
    """

    def __init__(self, found: Compared) -> None:
        self.found = found

    def frame(self) -> pl.DataFrame:
        """One row a cell that all runs have: of each run what was `wanted` and `got`, `difference` and `percent` of the others.

        `kind` is count, share, mean and the like for targets, or `variable` for rows in each category of a variable.
        """
        names = [run.name for run in self.found.runs]
        rows = [
            (target.kind, target.name, cell.label, cell.wanted, cell.got)
            for target in self.found.targets
            for cell in target.cells
        ]
        nothing: Numbers = (None,) * len(names)
        for variable in (*self.found.variables, *([self.found.areas] if self.found.areas is not None else [])):
            for at, label in enumerate(variable.labels):
                rows.append(("variable", variable.name, label, nothing, tuple(float(rows[at]) for rows in variable.counts)))
        columns: dict[str, list[str] | list[float | None]] = {
            "kind": [row[0] for row in rows],
            "name": [row[1] for row in rows],
            "cell": [row[2] for row in rows],
        }
        for at, name in enumerate(names):
            columns[f"wanted: {name}"] = [row[3][at] for row in rows]
            columns[f"got: {name}"] = [row[4][at] for row in rows]
        for at, name in enumerate(names[1:], start=1):
            got = [(row[4][0], row[4][at]) for row in rows]
            columns[f"difference: {name}"] = [None if a is None or b is None else b - a for a, b in got]
            columns[f"percent: {name}"] = [None if not a or b is None else 100 * (b - a) / abs(a) for a, b in got]
        texts = dict.fromkeys(("kind", "name", "cell"), pl.String)
        return pl.DataFrame(columns, schema={name: texts.get(name, pl.Float64) for name in columns})

    def page(self) -> str:
        """The comparison as a page: one file that loads and runs nothing."""
        return compared_page(self.found)

    def write(self, file: str | Path, *, wait: bool = False) -> None:
        """Write the page.

        Args:
            file: that is not there yet.
            wait: for another command that is writing into its folder, instead of refusing.

        Raises:
            InputError: a file is called so already, and holds something else.
            OutputError: it cannot be written.
        """
        place = Path(file)
        with fresh(place.parent, wait=wait) as folder:
            folder.write({place.name: self.page()})

    def __repr__(self) -> str:
        return compared_in_words(self.found)

    def _repr_html_(self) -> str:
        return compared_part(self.found)


def compare(runs: "Sequence[Run]", names: Sequence[str]) -> Comparison:
    """Set runs beside each other.

    Args:
        runs: two or more.
        names: what tells them apart, for people.

    Raises:
        InputError: there is one run only, one is named twice, or they have nothing in common.
    """
    refuse_names(names)
    return Comparison(compare_runs([_side(run, name) for run, name in zip(runs, names, strict=True)]))


def _side(run: "Run", name: str) -> RunSide:
    """A run and what it was made with."""
    measurement, scenario = run.measurement, run.model.problem.spec.scenario
    known = scenario if isinstance(scenario, AppliedScenario) else None
    facts = RunFacts(
        name=name,
        title=run.spec.title.strip(),
        records=measurement.n_records,
        met=measurement.met,
        random_seed=measurement.random_seed,
        version=run.version or __version__,
        beliefs=measurement.beliefs,
        beliefs_sha256=hashlib.sha256(run.model.prior.to_json().encode()).hexdigest(),
        scenario="" if known is None else known.title.strip() or known.file,
        base="" if known is None else known.base or "",
    )
    return RunSide(facts=facts, problem=run.problem, measurement=measurement, records=run.tables)
