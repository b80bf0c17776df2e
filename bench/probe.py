"""Does the model recite the microdata, and do its beliefs follow what it is told? A probe through a batch folder.

    python bench/probe.py bench/recordings/probe     from the recorded answers; another folder asks anew, through `batch:`

Two questions about the households of the example, to a model that has seen nothing of them but its own training:

- recitation: the model is told survey, year and area, and asked for one held-out cross-table as published. A model that
  knew the table by heart would meet it far better than its conditional tables, fitted to the known marginals, do.
- following: the same tables are asked for twice, once with the published shares, once with the shares of tenure and workers
  replaced by others. Beliefs that follow have new averages near the new shares, and odds ratios near the old.
"""

import json
import sys
from pathlib import Path

import numpy as np

from harness import EXAMPLES, dated, microdata, write
from synthor import compile_problem, load_spec
from synthor.errors import WaitingError
from synthor.llm.batch import BatchFolder
from synthor.llm.budget import Bill, Budget, Permit
from synthor.llm.request import Request
from synthor.llm.salvage import salvage
from synthor.prior.answers import hear_tables
from synthor.prior.questions import ask_tables
from synthor.prior.scene import Pair, Scene, scene
from synthor.prior.shown import shown

EXAMPLE = EXAMPLES / "households"
RECITED = ("tenure", "vehicles")
PAIRS = (
    Pair(given="tenure", of="income"),
    Pair(given="tenure", of="vehicles"),
    Pair(given="workers", of="income"),
    Pair(given="head_age", of="tenure"),
    Pair(given="head_age", of="workers"),
    Pair(given="persons", of="workers"),
)
CHANGED = {"tenure": [20.0, 10.0, 68.0, 2.0], "workers": [50.0, 35.0, 13.0, 2.0]}


def scenes() -> tuple[Scene, Scene]:
    """What the model is told: the published shares, and others."""
    problem = compile_problem(load_spec(EXAMPLE / "spec.yaml"))
    variables = problem.schema.unit.variables
    known = [problem.marginal(v) for v in range(len(variables))]
    marginals = [shares for shares in known if shares is not None]
    views = [shown(variable) for variable in variables]
    changed = [
        np.array(CHANGED[variable.name]) / sum(CHANGED[variable.name]) if variable.name in CHANGED else shares
        for variable, shares in zip(variables, marginals, strict=True)
    ]
    return scene(problem, views, marginals), scene(problem, views, changed)


def recitation(told: Scene) -> Request:
    """A request for one held-out table as it was published."""
    first, second = (told.by_name[name] for name in RECITED)
    question = (
        "American Community Survey 2006-2010, Public Use Microdata Sample, household records of PUMA 00600 in Oregon (Linn and "
        "Benton counties), weighted by WGTP. Give the cross-table of tenure "
        f"({', '.join(first.labels)}) by vehicles available ({', '.join(second.labels)}), "
        "as percent of all occupied households, "
        "exactly as these records show it, with two decimals: one row for each tenure, one number for each number of vehicles. "
        'Answer with one JSON object and nothing else: {"rows":[[..],..]}'
    )
    number = {"type": "number", "minimum": 0, "maximum": 100}
    row = {"type": "array", "items": number, "minItems": second.size, "maxItems": second.size}
    rows = {"type": "array", "items": row, "minItems": first.size, "maxItems": first.size}
    schema = {"type": "object", "properties": {"rows": rows}, "required": ["rows"], "additionalProperties": False}
    return Request(stage="recitation", instructions="You know published statistics well.", question=question, schema=schema)


def slope(old: np.ndarray, new: np.ndarray) -> float:
    """How much of the contrast between rows is kept: regression of new on old double-centred logs."""
    logs = [np.log(np.maximum(table, 0.1)) for table in (old, new)]
    contrasts = [(t - t.mean(0) - t.mean(1, keepdims=True) + t.mean()).ravel() for t in logs]
    return float(contrasts[0] @ contrasts[1] / (contrasts[0] @ contrasts[0]))


def main() -> None:
    told, changed = scenes()
    requests = [recitation(told), ask_tables(told, PAIRS, {}), ask_tables(changed, PAIRS, {})]
    # The two differ in published shares alone, so they would share a key: here each is asked for its own sake.
    requests = [
        Request(
            stage=r.stage,
            instructions=r.instructions,
            question=r.question,
            schema=r.schema,
            max_output_tokens=r.max_output_tokens,
        )
        for r in requests
    ]
    try:
        found: dict[str, str] = {}
        BatchFolder(Path(sys.argv[1])).ask(
            requests, Permit(Budget(), Bill), lambda answer: found.update({answer.key: answer.text})
        )
        answers = [found[request.key] for request in requests]
    except WaitingError as waiting:
        raise SystemExit(str(waiting)) from None
    real, names = microdata(), [variable.name for variable in told.variables]
    codes = {name: told.by_name[name].variable.encode(real[name]) for name in names}
    weight = real["weight"].to_numpy()

    def joint(a: str, b: str) -> np.ndarray:
        k = told.by_name[b].size
        counts = np.bincount(codes[a] * k + codes[b], weight, minlength=told.by_name[a].size * k)
        return counts.reshape(-1, k) / counts.sum()

    from synthor.prior.beliefs import fit_to_marginals

    truth = joint(*RECITED)
    value, _ = salvage(answers[0])
    recited = np.array(value["rows"], dtype=float) / 100
    tables = [hear_tables(text, told, PAIRS).tables for text in answers[1:]]
    believed = np.array(tables[0]["vehicles given tenure"].rows)
    believed = fit_to_marginals(believed * truth.sum(1, keepdims=True), truth.sum(1), truth.sum(0))
    raked = fit_to_marginals(recited, truth.sum(1), truth.sum(0))
    independent = np.outer(truth.sum(1), truth.sum(0))
    follow = []
    for pair in PAIRS:
        old, new = (np.array(t[str(pair)].rows) for t in tables)
        averages = [
            rows.T @ scene.share(pair.given) / 100 for rows, scene in ((old, told), (new, told), (old, changed), (new, changed))
        ]
        follow.append(
            {
                "pair": str(pair),
                "contrast kept": round(slope(old, new), 2),
                "TVD of the average row from the shares told, old": round(
                    float(np.abs(averages[0] - told.share(pair.of)).sum() / 2), 3
                ),
                "new": round(float(np.abs(averages[3] - changed.share(pair.of)).sum() / 2), 3),
                "old table at the new shares": round(float(np.abs(averages[2] - changed.share(pair.of)).sum() / 2), 3),
            }
        )
    document = dated(
        {
            "recitation: TVD of tenure by vehicles from the microdata": {
                "as recited": round(float(np.abs(recited - truth).sum() / 2), 4),
                "as recited, fitted to the true marginals": round(float(np.abs(raked - truth).sum() / 2), 4),
                "believed table, fitted to the true marginals": round(float(np.abs(believed - truth).sum() / 2), 4),
                "independence": round(float(np.abs(independent - truth).sum() / 2), 4),
            },
            "following": follow,
        }
    )
    write("probe", document)
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
