"""What holding out showed, as a person reads it in a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table

from synthor.evaluate.holdout import HoldOuts
from synthor.report.screen import Tone, show, words


def held_out_table(outs: HoldOuts) -> RenderableType:
    """One row a table that was left out, then notes and the verdict; the measurement's notes tell what it calibrated."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("left out")
    for column in ("cells", "TVD", "independence", "others alone", "floor"):
        table.add_column(column, justify="right")
    table.add_column("worst cell")
    for out in outs.tables:
        floor = "-" if out.floor is None else f"{out.floor:.3f}"
        worst = f"{out.worst.label}: {out.worst.predicted:.1%} instead of {out.worst.published:.1%}"
        figures = (f"{figure:.3f}" for figure in (out.tvd, out.tvd_of_independence, out.tvd_of_targets))
        table.add_row(words(out.name), f"{out.n_cells:,}", *figures, floor, words(worst))
    silent = [out.name for out in outs.tables if not out.believed]
    lines = [words(f"Note: {note}", "yellow") for note in outs.notes]
    if silent:
        lines.append(words(f"No belief is about {', '.join(silent)}: what was predicted comes from other pairs.", "yellow"))
    return Group(table, "", *lines, words(outs.beliefs), words(outs.verdict, "bold"), "")


def show_held_out(outs: HoldOuts | None, tone: Tone) -> None:
    """What holding out showed, if anything was held out; as JSON it is in holdout.json alone."""
    if outs is not None and tone is Tone.QUIET:
        show(words(outs.verdict, "bold"))
    elif outs is not None and tone is not Tone.JSON:
        show(held_out_table(outs))
