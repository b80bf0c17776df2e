"""Times humanleague's `qis` (quasirandom integer sampling; Smith, Lovelace and Birkin, 2017) in an environment of its own.

    bench/.venv-qis/bin/python bench/qis.py < marginals

bench/integers.py makes that environment (humanleague is built from source, which takes minutes; delete the folder to be rid of
it) and talks to this file. Each line of input is a JSON list of marginals, each line of output JSON: seconds for the whole
counts of every combination, seconds for the records made from them, and how far the marginals are off in all.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from harness import BENCH, environment

ENVIRONMENT = BENCH / ".venv-qis"
REQUIREMENTS = ("humanleague==2.4.3",)


class Qis:
    """A process that times `qis` whenever asked, so that its runs can alternate with others."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(environment(ENVIRONMENT, REQUIREMENTS)), __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def timed(self, marginals: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Seconds and error of one run."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both pipes were asked for")
        self._process.stdin.write(json.dumps(marginals) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def main() -> None:
    import humanleague  # type: ignore[import-not-found, unused-ignore]
    import numpy as np

    for line in sys.stdin:
        marginals = [np.array(marginal, np.int64) for marginal in json.loads(line)]
        places = [np.array([i]) for i in range(len(marginals))]
        begin = time.perf_counter()
        table, stats = humanleague.qis(places, marginals)
        counted = time.perf_counter()
        humanleague.tabulate_individuals(table)
        listed = time.perf_counter()
        if not stats["conv"]:
            raise SystemExit("qis did not converge")
        axes = range(table.ndim)
        sums = [table.sum(axis=tuple(axis for axis in axes if axis != i)) for i in axes]
        off = sum(int(np.abs(got - wanted).sum()) for got, wanted in zip(sums, marginals, strict=True))
        print(json.dumps({"counts": counted - begin, "records": listed - begin, "TAE": off}), flush=True)


if __name__ == "__main__":
    main()
