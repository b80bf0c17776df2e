"""What `check --reconcile` and `check --fix-labels` did, as a person reads it in a terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Group
from rich.table import Table

from synthor.errors import Finding, InputError
from synthor.problem import shown
from synthor.reconcile import Copy
from synthor.report.failure import finding_document
from synthor.report.screen import Tone, command, print_json, say, show, words
from synthor.report.terminal import findings_list


def show_copy(copy: Copy, findings: Sequence[Finding], spec: str, tone: Tone) -> None:
    """What was put right, what is left, what was written, and how to go on.

    Args:
        copy: what was made.
        findings: what `check` says of it; of the spec itself where nothing was made.
        spec: path of the spec, as the user gave it.
        tone: for whom, and how much.
    """
    errors = [finding for finding in (*copy.refused, *findings) if finding.severity == "error"]
    folder = Path(spec).parent
    written = [str(folder / name) for name in copy.files]
    if tone is Tone.JSON:
        print_json(_as_dict(copy, findings, written, not errors))
        return
    if tone is not Tone.QUIET:
        show(Group(*(words(str(guess)) for guess in (*copy.guesses, *copy.left))))
    if copy.changed and tone is not Tone.QUIET:
        show(_changes(copy))
        say(
            f"{copy.n_cells:,} cells changed, the largest by {100 * copy.largest:.1f}%; {shown(round(copy.moved, 1))} records "
            f"moved. Every change is in {folder / 'reconciled' / 'changes.csv'}."
        )
    show(findings_list(errors if tone is Tone.QUIET else [*copy.refused, *findings]))
    if copy.name:
        say(f"Written: {', '.join(written)}. Your own files are as they were.")
        say(f"Go on with: {command('check' if errors else 'run', folder / copy.name)}{'' if errors else ' --out DIR'}")
    else:
        say("Nothing was written." if copy.refused or errors else "Nothing to do; nothing was written.")


def _changes(copy: Copy) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("table")
    table.add_column("total before", justify="right")
    table.add_column("after", justify="right")
    table.add_column("moved", justify="right")
    table.add_column("why")
    for one in copy.changed:
        before, after = float(one.stated.target.wanted.sum()), float(one.after.sum())
        numbers = (shown(round(value, 1)) for value in (before, after, one.moved))
        table.add_row(words(one.stated.target.name), *numbers, words(one.why))
    return table


def _as_dict(copy: Copy, findings: Sequence[Finding], written: Sequence[str], ok: bool) -> dict[str, object]:
    return {
        "ok": ok,
        **({} if ok else {"exit_code": InputError.exit_code}),
        "findings": [finding_document(finding) for finding in (*copy.refused, *findings)],
        "written": list(written),
        "names": [asdict(guess) for guess in copy.guesses],
        "left": [asdict(guess) for guess in copy.left],
        "tables": [
            {
                "table": one.stated.target.name,
                "before": float(one.stated.target.wanted.sum()),
                "after": float(one.after.sum()),
                "moved": one.moved,
                "why": one.why,
            }
            for one in copy.changed
        ],
        "cells_changed": copy.n_cells,
        "largest_change": copy.largest,
        "moved": copy.moved,
    }
