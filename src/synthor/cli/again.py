"""What `run --only-zones` does: some zones of a run made anew."""

from pathlib import Path
from typing import TYPE_CHECKING

from synthor.cli.app import claimed, finish, interruptible, opened, progress

if TYPE_CHECKING:
    from synthor.report.screen import Tone
    from synthor.spec.model import Spec


def redo(
    spec: "Spec", out: Path, prior: Path | None, zones: list[str], wait: bool, quiet: bool, verbose: bool, tone: "Tone"
) -> None:
    """Make some zones of a run anew; what was believed in it is believed again, so that nothing is asked."""
    from synthor.loop import fit_spec
    from synthor.redone.make import redo as made_anew

    there = opened(out)
    given = prior or (there.path / "prior.json" if (there.path / "prior.json").is_file() else None)
    shown = progress(["elicit", "fit", "sample", "write"], quiet=quiet, verbose=verbose)
    with (
        claimed(out, spec, given, wait=wait) as folder,
        shown as listen,
        interruptible(folder, "the same command starts again"),
    ):
        fitted = fit_spec(spec, prior=given, answers=folder.answers, wait=wait, on_event=listen)
        made = made_anew(fitted.model, folder, zones, on_event=listen)
        measurement = made.write(folder, fitted.inputs, listen)
    finish(measurement, out, tone)
