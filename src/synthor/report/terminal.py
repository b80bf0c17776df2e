"""Results as a person reads them in a terminal.

Labels come from tables and models, so all text is shown as it is, never as markup.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from synthor.errors import Finding
from synthor.evaluate.fidelity import Distance, Evaluation
from synthor.measure import Measurement

FEW = 200
"""Effective real records below which an evaluation is told with caution."""


def measurement_table(measurement: Measurement) -> RenderableType:
    """One row a target, then what was believed, notes, and the verdict."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("target")
    table.add_column("cells", justify="right")
    table.add_column("TAE", justify="right")
    table.add_column("worst cell")
    table.add_column("met")
    for fit in measurement.fits:
        labels = ", ".join(fit.target.labels(fit.worst).values())
        wanted, got = fit.target.wanted[fit.worst], fit.got[fit.worst]
        worst = "-" if fit.met else f"{labels}: {got:,} instead of {wanted:,.10g}"
        met = Text("yes", "green") if fit.met else Text("no", "bold red")
        table.add_row(Text(fit.target.name), f"{fit.got.size:,}", f"{fit.tae:,}", Text(worst), met)
    lines = [Text(measurement.beliefs)] if measurement.beliefs else []
    lines += [Text(f"Note: {note}", "yellow") for note in measurement.notes]
    verdict = Text(measurement.verdict, "bold green" if measurement.met else "bold red")
    parts: list[RenderableType] = [table, ""] if measurement.fits else []
    return Group(*parts, *lines, verdict)


def findings_list(findings: list[Finding]) -> RenderableType:
    """One line a problem, errors first."""
    lines = []
    for finding in sorted(findings, key=lambda found: found.severity != "error"):
        style = "bold red" if finding.severity == "error" else "yellow"
        lines.append(Text.assemble((f"{finding.severity}: ", style), str(finding)))
    return Group(*lines)


def evaluation_table(evaluation: Evaluation) -> RenderableType:
    """Records beside independence, then what limits the comparison."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("records", justify="right")
    table.add_column("independence", justify="right")
    both = (evaluation.records, evaluation.independence)
    table.add_row("mean pair TVD", *(f"{d.mean_pair_tvd:.4f}" for d in both))
    table.add_row("mean triple TVD", *(f"{d.mean_triple_tvd:.4f}" for d in both))
    table.add_row("worst pair TVD", *(f"{d.worst_pair_tvd:.3f}" for d in both))
    table.add_row("worst pair", *(Text(" x ".join(d.worst_pair)) for d in both))
    table.add_row(f"recovered (ceiling {evaluation.ceiling:.2f})", *(f"{d.recovered:.3f}" for d in both))
    table.add_row("equivalent sample size", *(_equivalent(d) for d in both))
    few = evaluation.effective_real < FEW
    caution = [Text("Caution: so few real records say little about what is real.", "yellow")] if few else []
    broken_by, real = sum(evaluation.violations.values()), sum(evaluation.real_violations.values())
    copies = evaluation.copies
    pairs = Table(box=None, header_style="bold", pad_edge=False)
    pairs.add_column("furthest pairs")
    pairs.add_column("TVD", justify="right")
    pairs.add_column("of independence", justify="right")
    for pair in evaluation.pairs[:5]:
        pairs.add_row(Text(" x ".join(pair.variables)), f"{pair.tvd:.3f}", f"{pair.tvd_of_independence:.3f}")
    return Group(
        table,
        "",
        pairs,
        "",
        f"{evaluation.n_records:,} records against {evaluation.n_real:,} real ones (effective size "
        f"{evaluation.effective_real:,.0f}), over {evaluation.n_pairs} pairs and {evaluation.n_triples} triples that were no "
        "target.",
        f"Mean marginal TVD {evaluation.mean_marginal_tvd:.4f}. Rules broken by {broken_by:,} records; by {real:,} real ones.",
        f"Exact copies of real records: {copies.same_values:,}. Same categories as some real record: "
        f"{copies.same_categories:.0%} (expected without copying: {copies.expected_categories:.0%}).",
        *caution,
    )


def _equivalent(distance: Distance) -> str:
    found = distance.equivalent
    least = "at least " if found.capped else ""
    return f"{least}{found.size:,.0f} ({found.low:,.0f} to {found.high:,.0f})"


STAGES = {"elicit": "Beliefs", "fit": "Fitting", "sample": "Whole numbers", "write": "Writing", "evaluate": "Bootstrap"}


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars on standard error, one a stage; nothing where that is no terminal.

    Yields:
        A function that is told a stage, the steps done, and the steps in all.
    """
    columns = (TextColumn("{task.description:<14}"), BarColumn(), TimeElapsedColumn())
    bars = Progress(*columns, console=Console(stderr=True))
    tasks: dict[str, TaskID] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(STAGES[stage], total=max(total, 1))
        bars.update(tasks[stage], total=max(total, 1), completed=done if total else 1)

    if not bars.console.is_terminal:
        yield lambda stage, done, total: None
        return
    with bars:
        yield show


def show(text: RenderableType, *, error: bool = False) -> None:
    """Print something, on standard output or standard error."""
    Console(stderr=error, highlight=False, soft_wrap=True).print(text)
