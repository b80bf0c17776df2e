"""Do two trees make the same? All examples and test cases run under both: every byte of every file, and every word printed.

    python bench/same.py OTHER [FOLDER ...]     OTHER is another checkout, such as `git worktree add ../before HEAD~20`

Specs of FOLDERs are run besides those of examples/ and tests/. A spec that names no model is run as it is, so without beliefs;
one that replays recordings fails where a prompt has changed. Every spec is also asked with `batch:` until it waits for answers,
so that the requests themselves are compared. What takes longer than a minute is left out on both sides.

Prints what differs, and ends with 1 where anything does.
"""

import concurrent.futures
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from harness import COMMAND, ROOT, commit, python

SECONDS = 60
DATED = ("manifest.json",)
"""Files that hold the time."""


def specs_in(folders: Iterable[Path]) -> list[Path]:
    """Whatever may be a spec below some folders."""
    found = [path for folder in folders for path in sorted(folder.rglob("*.yaml")) if "broken" not in path.parts]
    return [path for path in found if "variables:" in path.read_text(encoding="utf-8", errors="replace")]


def made(tree: Path, spec: Path) -> dict[str, str] | None:
    """Digest of all that one spec comes to under one tree: files, exit codes and words; None where it takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        here, found = Path(folder), {}
        copy = Path(shutil.copytree(spec.parent, here / "spec")) / spec.name
        asked = here / "spec" / f"asked-{spec.name}"
        text = copy.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in text if not line.startswith(("model:", "prior:"))]
        asked.write_text("\n".join([*kept, f"model: {{name: 'batch:{here}/batch'}}"]) + "\n", encoding="utf-8")
        verbs = {
            "run": ["run", str(copy), "--out", f"{here}/run"],
            "check": ["check", str(copy)],
            "ask": ["elicit", str(asked), "--out", f"{here}/ask"],
        }
        for verb, arguments in verbs.items():
            try:
                done = python(tree, COMMAND, arguments, timeout=SECONDS)
            except subprocess.TimeoutExpired:
                return None
            words = f"{done.returncode}\n{done.stdout}\n{done.stderr}".replace(folder, "").replace(str(tree), "")
            found[f"{verb}: words"] = hashlib.sha256(words.encode()).hexdigest()
        for path in sorted(here.rglob("*")):
            if path.is_file() and "spec" not in path.relative_to(here).parts and path.name not in DATED:
                content = path.read_bytes().replace(folder.encode(), b"")
                found[path.relative_to(here).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def whole(spec: Path) -> str:
    """A spec and all that lies beside it, as one digest: what it was made from."""
    content = hashlib.sha256(spec.name.encode())
    for path in sorted(spec.parent.rglob("*")):
        if path.is_file():
            content.update(f"{path.relative_to(spec.parent)}\0".encode() + path.read_bytes())
    return content.hexdigest()


def remembered(tree: Path, specs: list[Path], pool: concurrent.futures.Executor) -> dict[str, dict[str, str] | None]:
    """What specs come to under one tree; kept for another time where nothing there was changed since its commit."""
    name = commit(tree)
    kept = Path(tempfile.gettempdir(), f"synthor-same-{name}.json")
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() and not name.endswith("+") else {}
    lacking = [spec for spec in specs if whole(spec) not in known]
    for spec, digests in zip(lacking, pool.map(made, [tree] * len(lacking), lacking), strict=True):
        known[whole(spec)] = digests
    if not name.endswith("+"):
        kept.write_text(json.dumps(known), encoding="utf-8")
    return {str(spec): known[whole(spec)] for spec in specs}


def main() -> None:
    """Compare both trees and say what differs."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    other = Path(sys.argv[1]).resolve()
    specs = specs_in([ROOT / "examples", ROOT / "tests", *(Path(folder).resolve() for folder in sys.argv[2:])])
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        before, after = remembered(other, specs, pool), remembered(ROOT, specs, pool)
    late, differ = [], []
    for spec in map(str, specs):
        old, new = before[spec], after[spec]
        if old is None or new is None:
            late.append(spec)
            if (old is None) != (new is None):
                differ.append(f"{spec}: too long under {'the other tree' if old is None else 'this one'}")
            continue
        differ += [f"{spec}: {name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    print(*differ, sep="\n")
    print(f"{len(specs)} specs under {commit(other)} and {commit(ROOT)}: {len(differ)} differences; {len(late)} took too long")
    raise SystemExit(1 if differ else 0)


if __name__ == "__main__":
    main()
