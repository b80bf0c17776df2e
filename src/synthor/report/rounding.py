"""Why whole records miss targets that fractions of records would meet, in words and numbers."""

from collections.abc import Sequence

from synthor.measure import Explanation, Fit, Measurement
from synthor.report.explain_targets import listed
from synthor.schema.text import plural

MOST_TOLD = 12
"""Values that are off and told one by one, the worst of each target first."""

CURE = "Make more records (`records`, with `population` for what the tables add up to), or give the tables a wider `tolerance`."


def explain_rounding(measured: Measurement, impossible: Sequence[str]) -> tuple[Explanation, ...]:
    """What to say of targets that only whole numbers stand in the way of; nothing where all are met.

    Args:
        measured: the records.
        impossible: names of targets that are proven to have no whole numbers together; none where that is not known.
    """
    missed = [fit for fit in measured.fits if not fit.met]
    if not missed:
        return ()
    lines = [f"'{fit.target.name}'{_cell(fit)}" for fit in missed[:MOST_TOLD]]
    lines += [f"and {plural(len(missed) - MOST_TOLD, 'target')} more"] if len(missed) > MOST_TOLD else []
    records = plural(measured.n_wanted, "record")
    if impossible:
        names = listed([f"'{name}'" for name in impossible])
        together = " together" if len(impossible) > 1 else ""
        sentence = f"No whole numbers can meet {names}{together} with {records}: that is proven. The nearest found are:"
    else:
        off = f"{len(missed)} of {plural(len(measured.fits), 'target')}"
        sentence = f"Rounding: the nearest whole records that were found miss {off}; it is not proven that none are nearer."
    details = {"proven": bool(impossible), "targets": list(impossible), "missed": [fit.target.name for fit in missed]}
    cure = CURE if impossible else f"Try another `random_seed`. {CURE}"
    return (Explanation(kind="rounding", sentence=sentence, lines=tuple(lines), cure=cure, details=details),)


def _cell(fit: Fit) -> str:
    """The worst cell of a target that is missed."""
    cell = fit.worst
    labels = ", ".join(f"{name} = {label}" for name, label in fit.target.labels(cell).items())
    return f"{f', {labels}' if labels else ''}: {fit.told(cell)}"
