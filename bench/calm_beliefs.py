"""What a language model's beliefs about the households of a place add: the controls of 930 zones and 35 tracts (CALM).

    SYNTHOR_DATA=... python bench/calm_beliefs.py

bench/recordings/calm holds the spec and answers of a general chat model to its requests, recorded one after the other; it saw
the requests and nothing else. Each recording is replayed, all controls of zones and tracts are met, and tables of the five
household variables are set against those of the weighted survey sample of the area, which no run has seen: mean total
variation distance of all pairs, all triples and the one table of all five, as it is and raked to the controls (the sample is
of a larger area). Writes bench/results/calm_beliefs.md.
"""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import harness
from beside_populationsim import RAKED, households, joint, realism, totals_of
from synthor import load_spec, synthesize
from synthor.measure import CountFit
from synthor.prior.model import Prior
from zones import write_spec

RECORDINGS = harness.BENCH / "recordings" / "calm"
COLUMNS = ("pairs", "triples", "all five", "pairs, raked", "triples, raked", "all five, raked")


def main() -> None:
    place = Path(os.environ["SYNTHOR_DATA"]) / "population" / "calm_pums"
    sample = households(place)
    controls = {
        area: pl.read_csv(place / f"control_totals_{level}.csv") for area, level in (("TAZ", "taz"), ("TRACTGEOID", "tract"))
    }
    tables, off = {}, {}
    for name, answers in [("no beliefs", None), *((f"recording {file.stem[-1]}", file) for file in recordings())]:
        with tempfile.TemporaryDirectory() as folder:
            write_spec(Path(folder), (controls["TAZ"], controls["TRACTGEOID"]), 1)
            shutil.copy(RECORDINGS / "spec.yaml", folder)
            if answers is not None:
                shutil.copy(answers, Path(folder) / "answers.jsonl")
            spec = load_spec(Path(folder) / "spec.yaml")
            kept = Path(folder) / "kept.jsonl"
            run = synthesize(spec, prior=Prior() if answers is None else None, answers=kept, progress=False)
            fits = [fit for fit in run.measurement.fits if isinstance(fit, CountFit)]
            off[name] = sum(int(np.abs(fit.got - fit.target.wanted).sum()) for fit in fits)
            tables[name] = joint(run.records.with_columns(pl.col("income", "dwelling").cast(pl.String)))
    found = realism(tables, sample, totals_of(controls))
    rows = [
        f"| {name} | {off.get(name, '-')} | " + " | ".join(f"{distances[column]:.3f}" for column in COLUMNS) + " |"
        for name, distances in found.items()
    ]
    print("\n".join(rows))
    told = harness.dated({"rows": rows})
    head = "| | off | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 2) + "|\n"
    note = f"The last line, *{RAKED}*, is the sample itself. {told['date']}, {told['machine']}."
    harness.write(
        "calm_beliefs", told, "# Beliefs about the households of a place\n\n" + head + "\n".join(rows) + f"\n\n{note}\n"
    )


def recordings() -> list[Path]:
    """The recorded answers."""
    return sorted(RECORDINGS.glob("answers_*.jsonl"))


if __name__ == "__main__":
    main()
