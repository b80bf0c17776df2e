"""Is anything lost that was paid for? A run that is killed 20 times at random moments, against one that nobody kills.

    python bench/kills.py

A model server in a process of its own answers the same question with the same text and logs what it is asked. The run is
killed with SIGKILL and started again with the same command. Most kills come a random time after none to four more answers, so
that asking goes on in small steps and they fall amid it; the others at any moment of a run that finds all answers on disk, so
that they fall into fit, sampling and writing too.

Writes bench/results/kills.json; ends with 1 when an answer was asked for again although it was on disk, or a product differs.
"""

import json
import random
import sys
import tempfile
import time
from pathlib import Path

from harness import borrow_from_tests, dated, write

KILLS = 20
AMID = 14
"""Kills that come while answers come, as long as any are missing."""

SEED = 20
DELAY = 0.8
"""Seconds that the server takes for an answer."""

WIDE, NARROW = 16, 4


def main() -> None:
    borrow_from_tests()
    from killing import Kill, ended, judge, killed, server_apart, spec_text, unbroken
    from synthor.llm.provider import CONCURRENCY

    dice, begin = random.Random(SEED), time.monotonic()
    n_runs = 0
    kills: list[Kill] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec, out = folder / "spec.yaml", folder / "killed"
        with server_apart(folder, DELAY) as server:
            spec.write_text(spec_text(server.model, wide=WIDE, narrow=NARROW), encoding="utf-8")
            whole = unbroken(server, spec, folder / "whole")
            total = len(whole.questions)
            print(
                f"unbroken: {total} questions; first answer on disk after {whole.to_first:.1f} s, "
                f"last after {whole.to_last:.1f} s, end after {whole.seconds:.1f} s"
            )
            while len(kills) < KILLS and n_runs < 3 * KILLS:
                held = len(kills[-1].on_disk) if kills else 0
                more = dice.randint(0, 4)
                if len(kills) < AMID and more and held + more < total:
                    kill = killed(server, spec, out, answers=held + more, seconds=dice.uniform(0, DELAY / 4))
                elif len(kills) < AMID and held < total:
                    kill = killed(server, spec, out, seconds=dice.uniform(0, whole.to_first))
                else:
                    kill = killed(server, spec, out, seconds=dice.uniform(0, whole.seconds - (whole.to_last - whole.to_first)))
                n_runs += 1
                if kill is not None:
                    kills.append(kill)
                    print(f"kill {len(kills):2} after {kill.seconds:5.1f} s: {len(kill.on_disk):3} of {total} answers on disk")
            code, told = ended(spec, out)
            verdict = judge(server, whole, out, kills, code, told)
    problems = list(verdict.problems)
    if len(kills) < KILLS:
        problems.append(f"only {len(kills)} of {n_runs} runs could be killed before they ended")
    document = dated(
        {
            "random seed": SEED,
            "questions": total,
            "concurrency": CONCURRENCY,
            "seconds an answer": DELAY,
            "kills": len(kills),
            "runs that ended before their kill": n_runs - len(kills),
            "killed after, seconds": [round(kill.seconds, 2) for kill in kills],
            "answers on disk at each kill": [len(kill.on_disk) for kill in kills],
            "requests that reached the server": verdict.asked,
            "requests that repeat a question": verdict.twice,
            "same bytes as the unbroken run": verdict.same_bytes,
            "temporary files left over": len(verdict.left_over),
            "seconds": round(time.monotonic() - begin),
            "problems": problems,
        }
    )
    write("kills", document)
    print(json.dumps(document, indent=1))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
