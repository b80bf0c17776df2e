"""manifest.json: what a run was made from and with, so that it can be made again."""

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthor.llm.budget import Bill
from synthor.rounds import Round
from synthor.spec.scenario import AppliedScenario
from synthor.store.folder import sha256
from synthor.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a folder's products were made from and with.

    Attributes:
        status: how the run ended.
        beliefs: what was believed, in words.
        random_seed: as used.
        n_records: as made.
        inputs: files that were read, by what they are called in the spec.
        seconds: wall-clock time of each stage.
        rounds: of asking a model.
        bill: what it cost.
        scenario: that the targets were changed by, if any.
    """

    status: str
    beliefs: str
    random_seed: int
    n_records: int
    inputs: Mapping[str, Path]
    seconds: Mapping[str, float]
    rounds: Sequence[Round]
    bill: Bill
    scenario: AppliedScenario | None = None


def versions() -> dict[str, str]:
    """Versions of what makes records: the same bytes come of the same ones."""
    others = {name: version(name) for name in ("numpy", "scipy", "polars")}
    return {"synthor": __version__, "python": platform.python_version(), **others}


def manifest_json(products: Mapping[str, str], made: Made) -> str:
    """The text of manifest.json; `products` are the hashes of the files that the folder will hold, by name."""
    document: dict[str, Any] = {
        "status": made.status,
        "beliefs": made.beliefs,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "platform": f"{sys.platform} {platform.machine()}",
        "random_seed": made.random_seed,
        "records": made.n_records,
        **({} if made.scenario is None else {"scenario": made.scenario.model_dump(exclude_none=True)}),
        "inputs": {name: sha256(path) for name, path in made.inputs.items() if path.is_file()},
        "products": dict(products),
        "seconds": {stage: round(value, 3) for stage, value in made.seconds.items()},
        "rounds": [asdict(one) for one in made.rounds],
        "usage": asdict(made.bill),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
