"""Three recordings of a chat model on the households of the example, stage by stage, and three methods at like cost.

    python bench/households.py        (SYNTHOR_DATA names the folder of microdata; `make bench` runs it)

Writes bench/results/households.json and households.md, and docs/images/methods.svg. Every figure is over all pairs and triples
of variables, none of which is a target, against microdata that no run ever saw. The weights of the fitted model are compared,
before records are drawn, so that only beliefs and solver are judged.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import BENCH, EXAMPLES, ROOT, dated, microdata, write
from synthor import InputError, Model, Prior, Spec, compile_problem, load_spec
from synthor.evaluate.tables import Reference
from synthor.fit.model import as_written, fit
from synthor.llm.journal import read_journal
from synthor.loop import fit_spec
from synthor.measure import encode
from synthor.method import calibrated
from synthor.problem import Problem
from synthor.problem.rulings import BROKEN
from synthor.rounds import Round

HOUSEHOLDS = {
    "A": EXAMPLES / "households" / "answers.jsonl",
    "B": BENCH / "recordings" / "households-2.jsonl",
    "C": BENCH / "recordings" / "households-3.jsonl",
}


@dataclass(frozen=True, kw_only=True)
class Score:
    """How near a distribution comes to the microdata."""

    marginal_tvd: float
    pair_tvd: float
    triple_tvd: float
    recovered: float
    broken: float


class Judge:
    """The microdata of one example."""

    def __init__(self, example: str) -> None:
        real = microdata(example)
        self.spec: Spec = load_spec(EXAMPLES / example / "spec.yaml")
        self.problem: Problem = compile_problem(self.spec)
        variables = self.problem.schema.unit.variables
        codes = encode(real, variables)
        sizes = [variable.size for variable in variables]
        columns = [target.columns for target in self.problem.targets]
        self.reference = Reference.count(codes, real["weight"].to_numpy(), sizes, columns)
        self.independent = self.reference.independent_tvds(self.reference.pairs, self.reference.pair_shares).mean()
        self.n_records = real.height

    def score(self, model: Model) -> Score:
        """A fitted model, by the weights of its candidates."""
        units, weights = model.pool.units, model.weights
        pair = float(self.reference.pair_tvds(units, weights).mean())
        marginals = []
        for target in self.problem.targets:
            got = target.cells(model.pool.units).totals(weights)
            marginals.append(float(np.abs(got - target.wanted / target.wanted.sum()).sum() / 2))
        allowed = self.problem.rulings.state(units) < BROKEN
        return Score(
            marginal_tvd=float(np.mean(marginals)),
            pair_tvd=pair,
            triple_tvd=float(self.reference.triple_tvds(units, weights).mean()),
            recovered=float(1 - pair / self.independent),
            broken=float(weights[~allowed].sum()),
        )


def replayed(judge: Judge, recording: Path, method: str = "calibrated") -> tuple[Model, list[tuple[Round, Prior]]]:
    """The whole loop from a recording, and the beliefs after each round."""
    spec = judge.spec.model_copy(
        update={"method": method, "model": judge.spec.model.model_copy(update={"name": f"replay:{recording}"})}  # type: ignore[union-attr]
    ).placed_in(judge.spec.folder)
    priors: list[Prior] = []
    rounds: list[tuple[Round, Prior]] = []

    def listen(event: object) -> None:
        product = getattr(event, "product", None)
        if isinstance(product, Prior):
            priors.append(product)
        elif isinstance(product, Round):
            rounds.append((product, priors[-1]))

    return fit_spec(spec, on_event=listen).model, rounds


def tokens(recording: Path, *stages: str) -> int:
    """Output tokens of some stages of a recording; of all unless named."""
    return sum(answer.output_tokens or 0 for answer in read_journal(recording).answers if not stages or answer.stage in stages)


def stages(judge: Judge, recording: Path) -> list[dict[str, object]]:
    """A row for tables alone, proposals alone, both, and the end of each round."""
    _, rounds = replayed(judge, recording)
    before, calibrated.STRAIN = calibrated.STRAIN, 0.0
    try:
        _, forced = replayed(judge, recording)  # the recordings hold the answers of a second round, asked without need
    except InputError:  # about the tables that were then strained most; where the fit finds others, there is no answer
        forced = rounds
    finally:
        calibrated.STRAIN = before
    first = rounds[0][1]
    alone = first.model_copy(update={"proposals": [], "rules": []})
    rows = [
        ("dependency tables alone", alone, tokens(recording, "tables")),
        (
            "proposals alone",
            first.model_copy(update={"dependencies": [], "rules": []}),
            tokens(recording, "outline", "details"),
        ),
    ]
    spent = 0
    for made, prior in forced:
        spent += made.output_tokens
        needless = "" if made.number <= len(rounds) else ", asked without need"
        rows.append((f"after round {made.number}{needless}", prior, spent))
    return [row(name, judge.score(fit(judge.problem, prior)), spent) for name, prior, spent in rows]


def row(name: str, score: Score, spent: int) -> dict[str, object]:
    return {
        "belief": name,
        "output tokens": spent,
        "mean marginal TVD": round(score.marginal_tvd, 4),
        "mean pair TVD": round(score.pair_tvd, 4),
        "mean triple TVD": round(score.triple_tvd, 4),
        "recovered": round(score.recovered, 3),
        "records that break a rule": f"{score.broken:.2%}",
    }


def methods(judge: Judge, calibrated: list[dict[str, object]]) -> list[dict[str, object]]:
    """The three methods at what they cost: calibrated after each stage, incremental after each round, direct at its end."""
    found = [entry | {"method": "calibrated"} for entry in calibrated if entry["belief"] != "proposals alone"]
    recording = BENCH / "recordings" / "households-incremental.jsonl"
    spent = 0
    for made, prior in replayed(judge, recording, "incremental")[1]:
        spent += made.output_tokens
        score = judge.score(as_written(judge.problem, prior))
        found.append(row(f"after round {made.number}", score, spent) | {"method": "incremental"})
    recording = BENCH / "recordings" / "households-direct.jsonl"
    model, _ = replayed(judge, recording, "direct")
    found.append(row("300 records", judge.score(model), tokens(recording)) | {"method": "direct"})
    per_thousand = judge.problem.n_units / 1000
    return [
        {"method": entry["method"]}
        | entry
        | {"tokens per 1,000 records": round(float(str(entry["output tokens"])) / per_thousand)}
        for entry in found
    ]


def median(rows: list[dict[str, object]], name: str) -> dict[str, object]:
    """Median over recordings of one stage, with the range of what was recovered."""
    chosen = [entry for entry in rows if entry["belief"] == name]
    recovered = [float(str(entry["recovered"])) for entry in chosen]
    figures = {
        key: round(float(np.median([float(str(entry[key])) for entry in chosen])), 4)
        for key in ("output tokens", "mean pair TVD", "mean triple TVD", "recovered")
    }
    return {"belief": name, "recordings": len(chosen)} | figures | {"range": f"{min(recovered):.3f} to {max(recovered):.3f}"}


def table(rows: list[dict[str, object]]) -> list[str]:
    """Rows as a Markdown table."""
    head = list(rows[0])
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(str(entry.get(key, "")) for key in head) + " |" for entry in rows),
    ]


def plot(rows: list[dict[str, object]]) -> str:
    """Recovered over output tokens, one mark a stage, as SVG."""
    colours = {"calibrated": "#0b6e4f", "incremental": "#b8520a", "direct": "#5b4b8a"}
    width, height, left, bottom = 640, 360, 56, 44
    most = max(float(str(entry["output tokens"])) for entry in rows) * 1.08

    def x(value: float) -> float:
        return left + value / most * (width - left - 16)

    def y(value: float) -> float:
        return height - bottom - value * (height - bottom - 16)

    marks = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">']
    marks.append(f'<rect width="{width}" height="{height}" fill="#fff"/>')
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        marks.append(f'<line x1="{left}" x2="{width - 16}" y1="{y(share):.1f}" y2="{y(share):.1f}" stroke="#ddd"/>')
        marks.append(f'<text x="{left - 8}" y="{y(share) + 4:.1f}" text-anchor="end" fill="#333">{share:.1f}</text>')
    for thousand in range(0, int(most), 2000):
        marks.append(
            f'<text x="{x(thousand):.1f}" y="{height - bottom + 18}" text-anchor="middle" fill="#333">{thousand:,}</text>'
        )
    marks.append(f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle" fill="#333">output tokens</text>')
    marks.append('<text x="14" y="180" transform="rotate(-90 14 180)" text-anchor="middle" fill="#333">recovered</text>')
    for entry in rows:
        spent, recovered = float(str(entry["output tokens"])), float(str(entry["recovered"]))
        at = f'cx="{x(spent):.1f}" cy="{y(max(recovered, 0)):.1f}"'
        colour = colours[str(entry["method"])]
        title = f"{entry['method']}, {entry['belief']}: {entry['recovered']} at {entry['output tokens']} tokens"
        marks.append(f'<circle {at} r="5" fill="{colour}"><title>{title}</title></circle>')
    for i, (method, colour) in enumerate(colours.items()):
        marks.append(f'<circle cx="{left + 24}" cy="{y(0.3) + 20 * i:.1f}" r="5" fill="{colour}"/>')
        marks.append(f'<text x="{left + 36}" y="{y(0.3) + 20 * i + 4:.1f}" fill="#333">{method}</text>')
    return "\n".join([*marks, "</svg>"]) + "\n"


def main() -> None:
    households = Judge("households")
    by_recording = {name: stages(households, recording) for name, recording in HOUSEHOLDS.items()}
    every = [entry for rows in by_recording.values() for entry in rows]
    names = list(dict.fromkeys(str(entry["belief"]) for entry in every))
    medians = [median(every, name) for name in names]
    compared = methods(households, every)
    trips = Judge("trips")
    on_trips = stages(trips, EXAMPLES / "trips" / "answers.jsonl")
    document = dated(
        {
            "tokens": "counted by cl100k_base",
            "households": {
                "medians": medians,
                "recordings": by_recording,
                "independence pair TVD": round(households.independent, 4),
            },
            "methods": compared,
            "trips": {"rows": on_trips, "independence pair TVD": round(float(trips.independent), 4)},
        }
    )
    (ROOT / "docs" / "images" / "methods.svg").write_text(plot(compared), encoding="utf-8")
    lines = [
        "# A chat model's beliefs, stage by stage",
        "",
        f"`make bench`, {document['date']}, {document['machine']}. Tokens are {document['tokens']}. Recordings were made "
        "through `batch:` with prompts frozen beforehand, and were not edited; the answers to one file of requests were "
        "written by one model in one go.",
        "",
        "## Households: three recordings, medians",
        "",
        *table(medians),
        "",
        *(line for name, rows in by_recording.items() for line in (f"Recording {name}:", "", *table(rows), "")),
        "## Three methods on the same model and households",
        "",
        *table(compared),
        "",
        "## Trips: one recording, fourteen variables",
        "",
        f"Independence has a mean pair TVD of {trips.independent:.4f}.",
        "",
        *table(on_trips),
        "",
    ]
    write("households", document, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
