"""Results as a person reads them in a terminal.

Labels come from tables and models, so all text is shown as it is, never as markup.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from synthor.errors import Finding, InputError
from synthor.evaluate.fidelity import Distance, Evaluation
from synthor.fit.model import Model
from synthor.llm.budget import Bill
from synthor.measure import CountFit, Explanation, Fit, Measurement
from synthor.method.estimate import Estimate
from synthor.prior.model import Dropped, Prior
from synthor.problem import check, compile_problem
from synthor.report.explain import as_written, explain
from synthor.report.failure import failed, finding_document
from synthor.report.misfit import explain_misfit
from synthor.report.screen import Tone, command, fits, print_document, print_json, say, show, words
from synthor.spec.dump import to_json, to_yaml
from synthor.spec.model import Spec

MOST_EXPLAINED = {"contradiction": 5, "unsupported": 5, "rounding": 1, "target": 3, "belief": 3}
"""Explanations of each kind that are told after a run; the page and measurement.json hold more."""

PLACES_OF_RULES = {"spec": "spec:", "beliefs": "believed:"}
NO_RULES = "There are no rules to break."

FEW = 200
"""Effective real records below which an evaluation is told with caution."""


def measurement_table(measurement: Measurement, *, everything: bool = False) -> RenderableType:
    """One row a target, then what was believed, notes, explanations (a few of each kind, or every one), and the verdict."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("target")
    table.add_column("cells", justify="right")
    table.add_column("TAE", justify="right")
    table.add_column("worst cell")
    table.add_column("met")
    for fit in measurement.fits:
        labels = ", ".join(fit.target.labels(fit.worst).values()) or (
            "total" if fit.target.counts else fit.target.statistic.word
        )
        worst = _met(fit) if fit.met else f"{labels}: {fit.told(fit.worst)}"
        met = words("yes", "green") if fit.met else words("no", "bold red")
        tae = f"{fit.tae:,}" if isinstance(fit, CountFit) else "-"
        table.add_row(words(fit.target.name), f"{fit.n_cells:,}", tae, words(worst), met)
    lines = [words(measurement.beliefs)] if measurement.beliefs else []
    lines += [words(f"Note: {note}", "yellow") for note in measurement.notes]
    lines += _explained(measurement.explanations, everything=everything)
    verdict = verdict_line(measurement)
    parts: list[RenderableType] = [table, ""] if measurement.fits else []
    return Group(*parts, *lines, verdict)


def verdict_line(measurement: Measurement) -> Text:
    """One sentence: are the targets met?"""
    return words(measurement.verdict, "bold green" if measurement.met else "bold red")


def _met(fit: Fit) -> str:
    """What there is to say of the cells of a target that is met."""
    return "rounded" if fit.rounded else "-"


def _explained(explanations: Sequence[Explanation], *, everything: bool = False) -> list[Text]:
    """The notable ones, a few of each kind or all, each with its details and what can be done."""
    lines: list[Text] = []
    for kind, few in MOST_EXPLAINED.items():
        most = len(explanations) if everything else few
        notable = [explanation for explanation in explanations if explanation.kind == kind and explanation.notable]
        for explanation in notable[:most]:
            lines.append(words(explanation.sentence, "yellow"))
            lines += [words(f"  {line}") for line in explanation.lines]
            if explanation.changes:
                lines += [words(f"  {explanation.promise}")]
                lines += [words(f"    {change}") for change in explanation.changes]
            lines += [words(f"  {explanation.cure}")] if explanation.cure else []
        if len(notable) > most:
            lines.append(words(f"{len(notable) - most} more like these: see report.html.", "yellow"))
    return lines


def findings_list(findings: list[Finding]) -> RenderableType:
    """One line a problem, errors first."""
    lines = []
    for finding in sorted(findings, key=lambda found: found.severity != "error"):
        style = "bold red" if finding.severity == "error" else "yellow"
        lines.append(words(f"{finding.severity}: ", style) + words(str(finding)))
    return Group(*lines)


def evaluation_table(evaluation: Evaluation, *, alone: bool = True) -> RenderableType:
    """Records beside independence, then what limits the comparison; that there are no rules only where nothing else has any."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("records", justify="right")
    table.add_column("independence", justify="right")
    both = (evaluation.records, evaluation.independence)
    table.add_row("mean pair TVD", *(f"{d.mean_pair_tvd:.4f}" for d in both))
    table.add_row("mean triple TVD", *(f"{d.mean_triple_tvd:.4f}" for d in both))
    table.add_row("worst pair TVD", *(f"{d.worst_pair_tvd:.3f}" for d in both))
    table.add_row("worst pair", *(words(" x ".join(d.worst_pair)) for d in both))
    table.add_row(f"recovered (ceiling {evaluation.ceiling:.2f})", *(f"{d.recovered:.3f}" for d in both))
    table.add_row("equivalent sample size", *(_equivalent(d) for d in both))
    few = evaluation.effective_real < FEW
    caution = [words("Caution: so few real records say little about what is real.", "yellow")] if few else []
    copies = evaluation.copies
    pairs = Table(box=None, header_style="bold", pad_edge=False)
    pairs.add_column("furthest pairs")
    pairs.add_column("TVD", justify="right")
    pairs.add_column("of independence", justify="right")
    for pair in evaluation.pairs[:5]:
        pairs.add_row(words(" x ".join(pair.variables)), f"{pair.tvd:.3f}", f"{pair.tvd_of_independence:.3f}")
    return Group(
        table,
        "",
        pairs,
        "",
        f"{evaluation.n_records:,} records against {evaluation.n_real:,} real ones (effective size "
        f"{evaluation.effective_real:,.0f}), over {evaluation.n_pairs} pair{'' if evaluation.n_pairs == 1 else 's'} and "
        f"{evaluation.n_triples} triple{'' if evaluation.n_triples == 1 else 's'} that were no target.",
        f"Mean marginal TVD {evaluation.mean_marginal_tvd:.4f}.",
        *(_rules_counted(evaluation) if evaluation.sources or alone else []),
        f"Exact copies of real records: {copies.same_values:,}. Same categories as some real record: "
        f"{copies.same_categories:.0%} (expected without copying: {copies.expected_categories:.0%}).",
        *caution,
    )


def _rules_counted(evaluation: Evaluation) -> list[Text]:
    """How often rules are broken, in all and one by one where some records or some real ones break them."""
    believed = sum(source == "beliefs" for source in evaluation.sources.values())
    whose = f" ({believed} believed)" if believed else ""
    if not evaluation.sources:
        return [words(NO_RULES)]
    plural = "" if len(evaluation.sources) == 1 else "s"
    head = f"{len(evaluation.sources)} rule{plural}{whose}, broken {sum(evaluation.violations.values()):,} times by records, "
    lines = [words(f"{head}{sum(evaluation.real_violations.values()):,} times by real ones.")]
    for text, source in evaluation.sources.items():
        made, real = evaluation.violations.get(text), evaluation.real_violations.get(text)
        if made != 0 or real != 0:
            told = f"{_broken_by(made, 'records')}, {_broken_by(real, 'real ones')}"
            lines.append(words(f"  {PLACES_OF_RULES[source]} never {text}: {told}"))
    return lines


def _broken_by(number: int | None, whose: str) -> str:
    return f"not looked at in {whose}, which lack what it needs" if number is None else f"{number:,} {whose}"


def _equivalent(distance: Distance) -> str:
    found = distance.equivalent
    least = "at least " if found.capped else ""
    return f"{least}{found.size:,.0f} ({found.low:,.0f} to {found.high:,.0f})"


def show_findings(findings: Sequence[Finding], tone: Tone) -> None:
    """Every problem found, and the verdict; quietly, errors alone."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if tone is Tone.JSON:
        told = {"ok": True, "findings": [finding_document(finding) for finding in findings]}
        print_json(failed(findings, "input", InputError.exit_code) if errors else told)
        return
    show(findings_list(errors if tone is Tone.QUIET else list(findings)))
    warned = f", {len(findings) - len(errors)} to know of" if len(findings) > len(errors) else ""
    plural = "" if len(errors) == 1 else "s"
    say(f"{len(errors)} problem{plural} to mend{warned}." if errors else f"No problems found{warned}.")


def show_explanation(spec: Spec, as_json: bool) -> None:
    """A spec in words; with cells and totals where its tables can be compiled."""
    findings = check(spec)
    broken = any(finding.severity == "error" for finding in findings)
    sections = explain(spec, None if broken else compile_problem(spec), findings)
    if as_json:
        print_json({"sections": [asdict(section) for section in sections]})
        return
    show(Group(*as_written(sections).split("\n")))


def show_understood(spec: Spec, as_json: bool) -> None:
    """A spec as it is understood, as YAML or JSON."""
    if as_json:
        print_document(to_json(spec))
        return
    text = to_yaml(spec)
    print_document(text if fits(text) else to_yaml(spec, plain=True))


def show_estimate(estimate: Estimate, unasked: str, tone: Tone) -> None:
    """What asking would cost: stage by stage, then in all; and why nothing would be asked, where that is so."""
    if tone is Tone.JSON:
        print_json({"asks": not unasked, "why_not": unasked, **estimate.to_dict()})
        return
    if unasked:
        say(f"Nothing would be asked, and a run costs nothing: {unasked}.")
        if tone is not Tone.QUIET:
            say("A model that is asked would be asked for this:")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("asked for")
    for column in ("requests", "input tokens", "output tokens"):
        table.add_column(column, justify="right")
    for stage in estimate.stages:
        table.add_row(words(stage.name), f"{stage.requests:,}", f"{stage.input_tokens:,}", f"{stage.output_tokens:,}")
    total = estimate.total
    table.add_row(words("in all", "bold"), f"{total.requests:,}", f"{total.input_tokens:,}", f"{total.output_tokens:,}")
    price = "unknown" if estimate.usd is None else f"about {estimate.usd:.2f} USD"
    costs = [] if unasked else [words(f"Price with {estimate.model}: {price}. {estimate.sentence}")]
    show(Group(*costs) if tone is Tone.QUIET else Group(table, "", *costs) if costs else table)


def show_prior(prior: Prior, dropped: Sequence[Dropped], bill: Bill, stopped: str, spec: str, out: str, tone: Tone) -> None:
    """What a model believes, what could not be used of it, what it cost, and how to go on."""
    counts = {
        "dependency tables": len(prior.dependencies),
        "rules": len(prior.rules),
        "proposals": len(prior.proposals),
        "believed marginals": len(prior.marginals),
        "differences": len(prior.differences or ()),
        "three-way tables": len(prior.three_way or ()),
        "compositions": len(prior.compositions or ()),
    }
    if tone is Tone.JSON:
        lost = [entry.model_dump() for entry in dropped]
        print_json({"beliefs": counts, "dropped": lost, "usage": asdict(bill), "stopped": stopped})
        return
    told = ", ".join(f"{n:,} {what.removesuffix('s') if n == 1 else what}" for what, n in counts.items() if n)
    lines = [words(f"Believed: {told}.")]
    if tone is Tone.QUIET:
        show(Group(*lines, *([words(f"Asking ended early, at {stopped}.", "yellow")] if stopped else [])))
        return
    for rule in prior.rules:
        lines.append(words(f"  never {rule.never} ({rule.why})"))
    for entry in dropped:
        lines.append(words(f"{entry.action}: {entry.belief}: {entry.reason}", "yellow"))
    lines.append(words(bill_sentence(bill)))
    if stopped:
        lines.append(words(f"Asking ended early, at {stopped}.", "yellow"))
    again = command("run", spec, "--prior", f"{out}/prior.json", "--out", out)
    lines.append(words(f"Review {out}/prior.json, then: {again}"))
    show(Group(*lines))


def bill_sentence(bill: Bill) -> str:
    """What asking cost, in words; an unknown price is unknown."""
    price = "price unknown" if bill.usd is None else f"{bill.usd:.2f} USD"
    plural = "" if bill.requests == 1 else "s"
    tokens = f"{bill.input_tokens:,} tokens in, {bill.output_tokens:,} out"
    return f"Asked: {bill.requests:,} request{plural}, {tokens}, {price}."


def show_model(model: Model, notes: Sequence[str], out: str, tone: Tone) -> None:
    """How a fit ended."""
    if tone is Tone.JSON:
        found = {"status": model.status.value, "residual": model.residual, "beliefs": model.beliefs.sentence}
        told = [asdict(explanation) for explanation in explain_misfit(model)]
        size = {"effective_sample_size": model.effective_sample_size}
        print_json(found | size | {"notes": list(notes), "explanations": told})
        return
    if tone is Tone.QUIET:
        say(f"{model.status.sentence} {model.status.knob}".strip())
        return
    say(model.beliefs.sentence)
    say(f"{model.status.sentence} {model.status.knob}".strip())
    say(f"Largest residual {model.residual:.1e}, effective sample size {model.effective_sample_size:,.0f}.")
    for note in notes:
        say(f"Note: {note}")
    show(Group(*_explained(explain_misfit(model), everything=tone is Tone.VERBOSE)))
    say(f"Next: {command('sample', out)}")


def show_measurement(measurement: Measurement, folder: str | None, tone: Tone) -> None:
    """Every target, and where to look; quietly, the verdict."""
    if tone is Tone.JSON:
        print_document(measurement.to_json())
        return
    if tone is Tone.QUIET:
        show(verdict_line(measurement))
        return
    show(measurement_table(measurement, everything=tone is Tone.VERBOSE))
    if folder is not None:
        say(f"Look at {folder}/report.html; the records are in {folder}.")


def show_evaluation(evaluation: Evaluation, tone: Tone) -> None:
    """Records beside real ones; quietly, what they are worth."""
    if tone is Tone.JSON:
        print_document(evaluation.to_json())
    elif tone is Tone.QUIET:
        say(_worth(evaluation))
    else:
        show(evaluation_table(evaluation))


def _worth(evaluation: Evaluation) -> str:
    worth = _equivalent(evaluation.records)
    return f"Equivalent sample size {worth}; recovered {evaluation.records.recovered:.3f} (ceiling {evaluation.ceiling:.2f})."


def show_evaluations(evaluations: Mapping[str, Evaluation], tone: Tone) -> None:
    """Records of all levels beside real ones, one kind of row after the other."""
    if tone is Tone.JSON:
        print_document(
            json.dumps({name: asdict(one) for name, one in evaluations.items()}, ensure_ascii=False, indent=1) + "\n"
        )
        return
    for name, one in evaluations.items():
        if tone is Tone.QUIET:
            say(f"{name}: {_worth(one)}")
            continue
        say(f"{name}:")
        show(evaluation_table(one, alone=False))
        say("")
    if tone is not Tone.QUIET and not any(one.sources for one in evaluations.values()):
        say(NO_RULES)
