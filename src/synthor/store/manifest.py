"""manifest.json: what a run was made from and with, so that it can be made again."""

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthor.llm.budget import Bill
from synthor.rounds import Round
from synthor.store.folder import sha256
from synthor.version import __version__


def manifest_json(
    products: Mapping[str, str],
    *,
    status: str,
    beliefs: str,
    random_seed: int,
    n_records: int,
    inputs: Mapping[str, Path],
    seconds: Mapping[str, float],
    rounds: Sequence[Round],
    bill: Bill,
) -> str:
    """The text of manifest.json.

    Args:
        products: hashes of the files that the folder will hold, by name.
        status: how the run ended.
        beliefs: what was believed, in words.
        random_seed: as used.
        n_records: as made.
        inputs: files that were read, by what they are called in the spec.
        seconds: wall-clock time of each stage.
        rounds: of asking a model.
        bill: what it cost.
    """
    document: dict[str, Any] = {
        "status": status,
        "beliefs": beliefs,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "synthor": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "polars")},
        },
        "platform": f"{sys.platform} {platform.machine()}",
        "random_seed": random_seed,
        "records": n_records,
        "inputs": {name: sha256(path) for name, path in inputs.items() if path.is_file()},
        "products": dict(products),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "rounds": [asdict(made) for made in rounds],
        "usage": asdict(bill),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
