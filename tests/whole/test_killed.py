"""Nothing that was paid for is lost: a run that is killed and started again asks only what it had no answer to."""

import random
from pathlib import Path

import pytest

from killing import SAME, ended, judge, killed, server_apart, spec_text, unbroken
from synthor.llm.provider import CONCURRENCY

DELAY = 0.2
SEED = 20


@pytest.mark.long
def test_a_run_that_is_killed_and_started_again_asks_nothing_twice_and_ends_the_same(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    spec, out = tmp_path / "spec.yaml", tmp_path / "killed"
    with server_apart(tmp_path, DELAY) as server:
        spec.write_text(spec_text(server.model, wide=7, narrow=3))
        whole = unbroken(server, spec, tmp_path / "whole")
        total = len(whole.questions)
        assert total > 2 * CONCURRENCY, "too few questions for a kill amid them"

        tail = whole.seconds - whole.to_last
        runs = [
            # Nothing is answered before half of DELAY has passed since the run claimed its folder.
            killed(server, spec, out, file="manifest.json", seconds=dice.uniform(0, 0.4 * DELAY)),
            killed(server, spec, out, answers=dice.randint(1, total // 2), seconds=dice.uniform(0, 0.4 * DELAY)),
            killed(server, spec, out, answers=total, seconds=dice.uniform(0, 0.5 * tail)),
        ]
        code, told = ended(spec, out)
        kills = [kill for kill in runs if kill is not None]
        verdict = judge(server, whole, out, kills, code, told)

    assert verdict.problems == ()
    assert verdict.same_bytes
    assert total <= verdict.asked <= total + CONCURRENCY * len(kills)
    assert all((out / name).is_file() for name in SAME)
    none, some, every = (len(kill.on_disk) for kill in kills)
    assert none == 0 < some < every == total
