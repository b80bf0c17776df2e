"""Locks are complete: they install what they name, without resolving, so that no index decides what tomorrow brings."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?==([^ \\]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {canonicalize_name(package): version for package, _, version in PINNED.findall(text)}


def project() -> dict[str, list[Requirement]]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {extra: [Requirement(text) for text in texts] for extra, texts in document["optional-dependencies"].items()}
    return {"": [Requirement(text) for text in document["dependencies"]], **extras}


@pytest.mark.slow
@pytest.mark.parametrize(("lock", "extra"), [("run", ""), ("dev", "dev")])
def test_a_lock_pins_everything_that_its_packages_need_extras_included(lock: str, extra: str) -> None:
    pinned, waiting, seen = pins(lock) | pins("run"), list(project()[extra]), set[str]()
    while waiting:
        needed = waiting.pop()
        if str(needed) in seen:
            continue
        seen.add(str(needed))
        name = canonicalize_name(needed.name)
        assert name in pinned, f"{needed} is not pinned in requirements/{lock}.txt"
        assert needed.specifier.contains(pinned[name], prereleases=True), f"{needed}: {pinned[name]} is pinned"
        for text in importlib.metadata.requires(name) or []:
            further = Requirement(text)
            marker = further.marker
            if marker is None or any(marker.evaluate({"extra": chosen}) for chosen in (needed.extras or {""})):
                waiting.append(further)


@pytest.mark.slow
def test_locks_agree_with_each_other() -> None:
    run = pins("run")
    for other in ("dev", "docs", "extras"):
        assert {name: version for name, version in pins(other).items() if name in run} == {
            name: version for name, version in run.items() if name in pins(other)
        }


def test_nothing_is_resolved_when_a_lock_is_installed() -> None:
    makefile = (ROOT / "Makefile").read_text()
    installs = re.findall(r"^LOCKED := (.*)$", makefile, re.MULTILINE)
    assert len(installs) == 1
    assert {"--no-deps", "--require-hashes"} <= set(installs[0].split())
    lines = [line for line in makefile.splitlines() if re.search(r"\binstall\b", line)]
    assert all("LOCKED :=" in line or "--no-deps" in line for line in lines)


def test_the_lock_of_lowest_versions_holds_every_stated_lower_bound() -> None:
    pinned, wanted = pins("lowest"), project()
    for needed in (*wanted[""], *wanted["privacy"]):
        stated = next(iter(needed.specifier)).version
        found = pinned[canonicalize_name(needed.name)]
        assert (found + ".0.0").startswith(stated + ".") or found == stated, f"{needed}: {found} is tried"


def test_no_lock_names_an_index() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|file://|^--(?!hash)", lock.read_text(), re.MULTILINE), lock
