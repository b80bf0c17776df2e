"""The copy of a spec in which names are put right and tables agree, as texts of files to be written."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.errors import Finding, InputError
from synthor.problem import Statements, every_statement, shown
from synthor.problem.between import claims, contradictions
from synthor.reconcile.names import Guess, guessed
from synthor.reconcile.tables import Changed, Reconciled, reconciled
from synthor.spec.edit import with_header, with_names, with_tables
from synthor.spec.levels import levels_of
from synthor.spec.load import parse_spec
from synthor.spec.model import Spec
from synthor.types import Floats

FOLDER = "reconciled"

PASSES = 4
"""Times that names are guessed: columns, then labels, each in long and in wide tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What is to be written beside a spec.

    Attributes:
        name: of the corrected spec's file; empty where there was nothing to correct.
        files: text of each file, by its name relative to the spec's folder.
        guesses: names that were put right, and those that are left to a person.
        left: the latter.
        changed: tables that gave way.
        refused: why tables were not reconciled.
    """

    name: str
    files: Mapping[str, str]
    guesses: tuple[Guess, ...] = ()
    left: tuple[Guess, ...] = ()
    changed: tuple[Changed, ...] = ()
    refused: tuple[Finding, ...] = ()

    @property
    def n_cells(self) -> int:
        """Cells that were changed."""
        return sum(int((_before(one) != one.after).sum()) for one in self.changed)

    @property
    def largest(self) -> float:
        """Largest relative change of a cell that was not 0."""
        return max((_largest(one) for one in self.changed), default=0.0)

    @property
    def moved(self) -> float:
        """Records that change their cell, are added or left out, over all tables."""
        return sum(one.moved for one in self.changed)


def corrected(spec: Spec, text: str, file: str, *, names: bool, tables: bool) -> Copy:
    """Put names and tables of a spec right, in a copy.

    Args:
        spec: as read.
        text: the same, as written.
        file: name of its file.
        names: whether columns and labels that match nothing are given the meaning that they can only have.
        tables: whether tables are rescaled onto each other.

    Raises:
        InputError: the text cannot be changed where it must be.

    >>> text = '''
    ... records: 200
    ... variables: {car: {type: boolean}}
    ... targets: [{name: a, counts: {car: {yes: 80, no: 120}}}, {name: b, counts: {car: {yes: 81, no: 119}}}]
    ... '''
    >>> copy = corrected(parse_spec(text), text, "spec.yaml", names=False, tables=True)
    >>> list(copy.files)
    ['reconciled/b.csv', 'reconciled/changes.csv', 'spec.reconciled.yaml']
    >>> print(copy.files["reconciled/changes.csv"], end="")
    table,cell,before,after,why
    b,no,119,120,fitted to 'a'
    b,yes,81,80,fitted to 'a'
    """
    found = every_statement(spec)
    if names and spec.zones is not None:
        message, cure = "names in tables of zones are not guessed yet", "correct them by hand, as `synthor check` says"
        raise InputError([Finding(where="--fix-labels", message=message, cure=cure)])
    sure: list[Guess] = []
    left: tuple[Guess, ...] = ()
    for _ in range(PASSES if names else 0):  # what a table is known to be lets more of it be guessed
        guesses = guessed(found)
        left = guesses.left
        if not guesses.sure:
            break
        sure += guesses.sure
        text = with_names(text, guesses.columns, guesses.labels)
        spec = parse_spec(text, source=file).placed_in(spec.folder)
        found = every_statement(spec)
    changed, refused, files = _rescaled(spec, found) if tables else ((), (), {})
    if changed:
        text = with_tables(text, {one.stated.position: f"{FOLDER}/{_file(one, changed)}" for one in changed})
    name = ""
    if changed or sure:
        stem = re.sub(r"\.ya?ml$", "", file)
        name = f"{stem}.{'reconciled' if changed else 'fixed'}.yaml"
        flags = " ".join(flag for flag, used in (("--reconcile", changed), ("--fix-labels", sure)) if used)
        text = with_header(text, f"Written by `synthor check {file} {flags}`; {file} itself is unchanged.")
        files = {**files, name: text}
    return Copy(name=name, files=files, guesses=tuple(sure), left=left, changed=changed, refused=refused)


def _level_by_level(spec: Spec, found: Sequence[Statements]) -> tuple[list[Reconciled], tuple[Finding, ...]]:
    """Tables of each kind of rows, in the spec's order, and which of different rows still disagree.

    Tables of a level give way to those of the levels above it, as these are by then.
    """
    forms, schema = levels_of(spec), found[0].view.schema
    now = {rows.view.level: rows.tables for rows in found if not rows.view.roles}
    outcomes = dict[int, Reconciled]()
    for at in sorted(range(len(found)), key=lambda at: (found[at].view.level, bool(found[at].view.roles))):
        view = found[at].view
        said = claims(forms, schema, now, found[0].whole) if spec.members and not view.roles else ()
        outcomes[at] = reconciled(found[at], [claim for claim in said if claim.level == view.level])
        if not view.roles:
            now[view.level] = outcomes[at].tables
    left = tuple(contradictions(forms, schema, now, found[0].whole)) if spec.members else ()
    return [outcomes[at] for at in range(len(found))], left


def _rescaled(spec: Spec, found: Sequence[Statements]) -> tuple[tuple[Changed, ...], tuple[Finding, ...], dict[str, str]]:
    others = found[0].others
    if others:
        cure = "mend these first, then reconcile; --fix-labels mends labels and columns"
        told = "1 problem is" if len(others) == 1 else f"{len(others)} problems are"
        first = Finding(where="--reconcile", message=f"{told} no disagreement of tables", cure=cure)
        return (), (first,), {}
    outcomes, left = _level_by_level(spec, found)
    changed = tuple(one for outcome in outcomes for one in outcome.changed)
    refused = tuple(finding for outcome in outcomes for finding in outcome.refused) or left
    if refused or not changed:
        return (), refused, {}
    files = {f"{FOLDER}/{_file(one, changed)}": _table(one) for one in changed}
    files[f"{FOLDER}/changes.csv"] = _changes(changed)
    return changed, (), files


def _file(one: Changed, every: Sequence[Changed]) -> str:
    """Name of a table's file: that of its target, as far as that can name a file, and its place where others have the same."""
    slug = _slug(one)
    alike = sum(_slug(other).casefold() == slug.casefold() for other in every) > 1
    return f"{slug}{f'_{one.stated.position}' if alike or slug.casefold() == 'changes' else ''}.csv"


def _slug(one: Changed) -> str:
    return re.sub(r"[^\w-]+", "_", one.stated.target.name).strip("_")[:60] or "table"


def _before(one: Changed) -> Floats:
    return one.stated.target.wanted[: len(one.after)]


def _largest(one: Changed) -> float:
    before = _before(one)
    told = before > 0
    return float((np.abs(one.after - before)[told] / before[told]).max(initial=0.0))


def _table(one: Changed) -> str:
    """The table in long form, its columns named like variables."""
    target = one.stated.target
    rows = [[*target.labels(cell).values(), int(count)] for cell, count in enumerate(one.after)]
    return _csv([*(axis.variable.name for axis in target.axes), "count"], rows)


def _changes(changed: Sequence[Changed]) -> str:
    """Every cell that was changed: before, after, and why."""
    rows: list[list[object]] = []
    for one in changed:
        before = _before(one)
        for cell in np.flatnonzero(before != one.after):
            labels = ", ".join(one.stated.target.labels(int(cell)).values())
            plain = shown(round(float(before[cell]), 6)).replace(",", "")
            rows.append([one.stated.target.name, labels, plain, int(one.after[cell]), one.why])
    return _csv(["table", "cell", "before", "after", "why"], rows)


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()
