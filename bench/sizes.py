"""Are the examples met at every size? All examples, 20 to a million records, several random seeds; the rest with its reason.

    python bench/sizes.py [seeds]

Sizes beyond those of the example scale its tables: cells are then met to the next whole record.
"""

import sys
import time

from harness import EXAMPLES, NAMES, dated, write
from synthor import load_spec
from synthor.loop import fit_spec
from synthor.run import draw

SIZES = (20, 50, 100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 20_000, 100_000, 1_000_000)


def main() -> None:
    """Run the sweep and write what came out."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    found, open_cases = [], []
    for example in NAMES:
        model = fit_spec(load_spec(EXAMPLES / example / "spec.yaml")).model
        for size in SIZES:
            met, seconds = 0, []
            for seed in range(seeds):
                begin = time.perf_counter()
                run = draw(model, size, random_seed=seed)
                measured = run.measurement
                seconds.append(time.perf_counter() - begin)
                met += measured.met
                if not measured.met:
                    reasons = [told.sentence for told in measured.explanations if told.kind == "rounding"]
                    open_cases.append({"example": example, "records": size, "seed": seed, "told": [run.verdict, *reasons]})
            middle = round(sorted(seconds)[seeds // 2], 2)
            found.append({"example": example, "records": size, "met": met, "of": seeds, "seconds": middle})
            print(found[-1], flush=True)
    write("sizes", dated({"sizes": found, "not_met": open_cases}))


if __name__ == "__main__":
    main()
