"""Is a folder ever left half written? Every verb killed at every change of the disk that it makes; runs two at a time.

    python bench/folders.py

Each verb that writes (run, with another before, with hold-outs and draws; fit, sample, measure, a batch folder, init, check
--reconcile and --fix-labels) is killed before each file that it opens, renames or deletes, and given again; at each third of
them another verb comes between. Then pairs of runs, started 0 to 0.6 seconds apart, write into one folder: of different beliefs
and formats without a model, and with one whose server counts what it is asked.

Writes bench/results/folders.json; ends with 1 when a folder spoke of other records than it held, a command given again did not
end as if nobody had killed it, a temporary file was left, a question was asked twice, or a run ended with anything but success
or a refusal that names the other one.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import borrow_from_tests, dated, write

PAIRS = 30
APART = 0.6
"""Seconds between the two of a pair, at most."""

DELAY = 0.15
"""Seconds that the server takes for an answer."""

REFUSED = "another command is writing there: process"


def main() -> None:
    borrow_from_tests()
    from kill_points import CASES, sweep

    begin = time.monotonic()
    verbs: dict[str, dict[str, Any]] = {}
    problems = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as name:
            swept = sweep(case, Path(name))
        verbs[case.name] = {"changes of the disk": swept.points, "killed at": swept.killed, "problems": len(swept.problems)}
        problems += [f"{case.name}: {problem}" for problem in swept.problems]
        print(f"{case.name}: killed at {swept.killed} of {swept.points}, {len(swept.problems)} problems", flush=True)
    pairs = {"without a model": _pairs(asking=False), "asking": _pairs(asking=True)}
    problems += [problem for found in pairs.values() for problem in found.pop("problems")]
    document = dated(
        {
            "kills": sum(found["killed at"] for found in verbs.values()),
            "verbs": verbs,
            "pairs of runs": pairs,
            "seconds": round(time.monotonic() - begin),
            "problems": problems,
        }
    )
    write("folders", document)
    print(json.dumps(document, indent=1))
    sys.exit(1 if problems else 0)


def _pairs(*, asking: bool) -> dict[str, Any]:
    """Two runs at a time in one folder."""
    from forked import Forked
    from kill_points import RUN, SPEC, files, written
    from model_server import KEY, Reply, by_schema, serving

    def slow(number: int, body: dict[str, Any]) -> Reply:
        reply = by_schema(number, body)
        reply.delay = DELAY
        return reply

    commands = (RUN, RUN) if asking else (RUN, (*RUN, "--prior", "beliefs.json", "--format", "csv"))
    ends = {"both whole": 0, "one refused": 0}
    problems, n_asked = [], []
    for number in range(PAIRS):
        with tempfile.TemporaryDirectory() as name, serving(slow) as server:
            place = Path(name)
            alone = [place / "first", place / "second"]
            for folder in (*alone, place / "both"):
                written(folder)
                if asking:
                    (folder / "spec.yaml").write_text(SPEC + f"model: {{name: '{server.model}'}}\n")
            for folder, command in zip(alone, commands, strict=True):
                code, told = Forked(command, place / "told", folder=folder, environment={"OPENAI_API_KEY": KEY}).result()
                if code not in (0, 1):
                    problems.append(f"alone, a run ends with {code}: {told}")
            n_alone = len(server.bodies) // 2
            server.bodies.clear()
            first = Forked(commands[0], place / "told1", folder=place / "both", environment={"OPENAI_API_KEY": KEY})
            time.sleep(APART * number / (PAIRS - 1))
            second = Forked(commands[1], place / "told2", folder=place / "both", environment={"OPENAI_API_KEY": KEY})
            results = [first.result(), second.result()]
            asked = [json.dumps(body["messages"]) for body in server.bodies]
            refused = [told for code, told in results if code == 2 and REFUSED in " ".join(told.split())]
            wrong = [told for code, told in results if code not in (0, 1) and told not in refused]
            got = files(place / "both")
            ends["one refused" if refused else "both whole"] += 1
            n_asked.append(len(asked))
            if wrong or len(refused) == len(results):
                problems.append(f"pair {number}: {results}")
            if len(set(asked)) < len(asked) or len(asked) != n_alone:
                problems.append(f"pair {number}: {len(asked)} requests, {len(set(asked))} questions; alone it is {n_alone}")
            if got not in [_without_answers(files(folder), got) for folder in alone]:
                problems.append(
                    f"pair {number}: the folder is neither as the first run leaves it nor as the second: {sorted(got)}"
                )
    return {"pairs": PAIRS, **ends, "requests a pair, at most": max(n_asked), "problems": problems}


def _without_answers(found: dict[str, bytes], other: dict[str, bytes]) -> dict[str, bytes]:
    """Answers come in any order: what was said in them is in the beliefs."""
    return found | {name: text for name, text in other.items() if name.endswith("answers.jsonl")}


if __name__ == "__main__":
    main()
