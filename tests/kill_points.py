"""Every verb that writes, killed before any change that it makes to the disk; what must hold then, and when it is given again.

What must hold when it was killed: no page or measurement speaks of other records than those that lie beside it, no file has
half of its text, and of what was made with noise no second version is ever seen. When the same command is given again: it
ends as if nobody had killed it, with the same bytes, and no temporary file is left.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from forked import SAID, Forked
from model_server import by_schema

SPEC = """
records: 4000
variables:
  car: {type: boolean}
  home: {type: category, values: [owned, rented]}
  age: {type: integer, min: 0, max: 99, bins: [0, 50]}
targets: [{table: car.csv}, {counts: {home: {owned: 2400, rented: 1600}}}, {table: car_by_home.csv}]
"""
BELIEFS = '{"dependencies": [{"given": "home", "of": "age", "rows": [[10, 90], [60, 40]]}]}'
CAR = "car,count\nyes,3000\nno,1000\n"
BY_HOME = "car,home,count\nyes,owned,2000\nyes,rented,1000\nno,owned,400\nno,rented,600\n"
PEOPLE = "sex,age\n" + "".join(f"{'mf'[i % 2]},{20 + i % 3}\n" for i in range(60))
KILLED = -9
VARYING = ("made", "seconds", "inputs")
"""What a manifest says that is never the same, or depends on the place."""

Prepare = Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command to kill.

    Attributes:
        name: for a table.
        arguments: after `synthor`, with names of files relative to the folder.
        before: commands that make the folder in which it is given.
        prepare: changes that folder further.
        code: how it ends when nobody kills it.
        noisy: whether its result is new each time.
        other: another command, given between the kill and the same command again.
    """

    name: str
    arguments: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    prepare: Prepare = field(default=lambda folder: None)
    code: int = 0
    noisy: bool = False
    other: tuple[str, ...] = ("measure", "out")


def _disagree(folder: Path) -> None:
    (folder / "car_by_home.csv").write_text(BY_HOME.replace("yes,owned,2000", "yes,owned,2001"))


def _misspell(folder: Path) -> None:
    (folder / "car_by_home.csv").write_text(BY_HOME.replace("owned", "Ownd"))


def _batch(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC + "model: {name: 'batch:asked'}\n")


def _answered(folder: Path) -> None:
    """Responses to all requests that wait."""
    _batch(folder)
    for path in (folder / "asked").glob("requests-*.jsonl"):
        lines = []
        for line in path.read_text().splitlines():
            request = json.loads(line)
            content = by_schema(0, request["body"]).content
            choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
            body = {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
            lines.append(json.dumps({"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}}))
        path.with_name(path.name.replace("requests", "responses")).write_text("\n".join(lines) + "\n")


RUN = ("run", "spec.yaml", "--out", "out")
CASES = (
    Case(name="run", arguments=RUN),
    Case(name="run after another", arguments=(*RUN, "--prior", "beliefs.json"), before=(RUN,)),
    Case(name="run --hold-out each", arguments=(*RUN, "--prior", "beliefs.json", "--hold-out", "each"), before=(RUN,)),
    Case(name="run --draws 1", arguments=(*RUN, "--prior", "beliefs.json", "--draws", "1")),
    Case(name="fit", arguments=("fit", "spec.yaml", "--out", "out"), before=(RUN,)),
    Case(name="sample -n", arguments=("sample", "out", "-n", "15"), before=(RUN,)),
    Case(name="sample --format csv", arguments=("sample", "out", "--format", "csv"), before=(RUN,)),
    Case(name="sample --out", arguments=("sample", "out", "-n", "15", "--out", "other"), before=(RUN,)),
    Case(name="measure", arguments=("measure", "out"), before=(RUN,)),
    Case(name="measure --of", arguments=("measure", "out", "--of", "car by home"), before=(RUN,)),
    Case(name="batch: requests", arguments=RUN, prepare=_batch, code=1, other=("check", "spec.yaml")),
    Case(name="batch: answers", arguments=RUN, before=(RUN,), prepare=_answered, code=1, other=("check", "spec.yaml")),
    Case(name="init", arguments=("init", ".", "--out", "made/spec.yaml"), other=("check", "made/spec.yaml")),
    Case(name="init --from", arguments=("init", "--from", "people.csv", "pub"), other=("check", "pub/spec.yaml")),
    Case(
        name="init --from --epsilon",
        arguments=("init", "--from", "people.csv", "pub", "--epsilon", "2", "--records", "60"),
        noisy=True,
        other=("check", "pub/spec.yaml"),
    ),
    Case(
        name="check --reconcile",
        arguments=("check", "spec.yaml", "--reconcile"),
        prepare=_disagree,
        other=("estimate", "spec.yaml"),
    ),
    Case(
        name="check --fix-labels",
        arguments=("check", "spec.yaml", "--fix-labels"),
        prepare=_misspell,
        other=("estimate", "spec.yaml"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was found of one command.

    Attributes:
        name: of the case.
        points: changes of the disk that it makes.
        killed: at how many of them it was killed.
        problems: in words; none when all is as it must be.
    """

    name: str
    points: int
    killed: int
    problems: tuple[str, ...]


def sweep(case: Case, place: Path, *, one_in: int = 1, first: int = 1) -> Swept:
    """Kill a command before changes that it makes to the disk.

    Args:
        case: the command.
        place: a folder for all of this.
        one_in: of how many changes one is tried.
        first: the first one that is.
    """
    start, whole = place / "start", place / "whole"
    written(start)
    if case.code == 1:
        _batch(start)
    for command in case.before:
        _given(command, start, place)
    case.prepare(start)
    shutil.copytree(start, whole)
    code, told = _given(case.arguments, whole, place, count=True)
    points = int(told.rpartition(SAID)[2])
    problems = [] if code == case.code else [f"unbroken, it ends with {code}: {told}"]
    at = range(first, points + 1, one_in)
    for point in at:
        problems += [f"killed at change {point} of {points}: {found}" for found in _killed(case, place, point, start, whole)]
    return Swept(name=case.name, points=points, killed=len(at), problems=tuple(problems))


def written(folder: Path) -> None:
    """Make a folder with a spec, its tables, beliefs, and a file of private records."""
    folder.mkdir(parents=True)
    texts = {"spec.yaml": SPEC, "car.csv": CAR, "car_by_home.csv": BY_HOME, "beliefs.json": BELIEFS, "people.csv": PEOPLE}
    for name, text in texts.items():
        (folder / name).write_text(text)


def _killed(case: Case, place: Path, point: int, start: Path, whole: Path) -> list[str]:
    folder = place / f"killed {point}"
    shutil.copytree(start, folder)
    code, told = _given(case.arguments, folder, place, kill_at=point)
    if code != KILLED:
        return [f"it was not killed, and ended with {code}: {told}"]
    problems = _wrong_as_left(folder)
    seen = {name: text for name, text in files(folder).items() if name not in files(start)}
    if point % 3 == 0:
        code, told = _given(case.other, folder, place)
        if code not in (0, 1, 2):
            problems.append(f"`synthor {' '.join(case.other)}` after it ends with {code}: {told}")
        problems += _wrong_as_left(folder)
    complete = case.noisy and files(folder).keys() - {".synthor.lock", "pub/.synthor.lock"} == files(whole).keys()
    code, told = _given(case.arguments, folder, place)
    refused = complete and code == 2 and "is there already" in told  # all was there, and noise is not drawn twice
    if code != case.code and not refused:
        problems.append(f"given again, it ends with {code}: {told}")
    got, wanted = files(folder), files(whole)
    if got.keys() != wanted.keys():
        problems.append(f"given again, it leaves {sorted(got.keys() ^ wanted.keys())}")
    elif case.noisy:
        problems += [f"{name} was seen with other noise" for name, text in seen.items() if text != got.get(name, text)]
    else:
        problems += [f"given again, {name} differs" for name in wanted if got[name] != wanted[name]]
    shutil.rmtree(folder)
    return problems


def _wrong_as_left(folder: Path) -> list[str]:
    """What must hold in a folder at any time."""
    problems = []
    for place in (path for path in folder.rglob("*") if path.is_dir()):
        records = list(place.glob("records.*"))
        said = place / "measurement.json"
        if records and said.exists():
            n_said = json.loads(said.read_text())["records"]
            n_there = [(pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)).height for path in records]
            if any(n != n_said for n in n_there):
                problems.append(f"measurement.json speaks of {n_said} records, and {n_there} are there")
        page = place / "report.html"
        if page.exists() and not (said.exists() and json.loads(said.read_text())["verdict"] in page.read_text()):
            problems.append("report.html says something else than measurement.json, or stands alone")
        if page.exists() and not page.read_text().endswith("</html>\n"):
            problems.append("report.html is cut off")
        if list(place.glob("tables/*.csv")) and place.name == "pub" and not (place / "disclosure.md").exists():
            problems.append("tables stand without disclosure.md")
    return problems


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder by name, without what changes from one time to the next."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    for name in [name for name in found if name.endswith("manifest.json")]:
        said = json.loads(found[name])
        found[name] = json.dumps({key: value for key, value in said.items() if key not in VARYING}).encode()
    return found


def _given(arguments: Sequence[str], folder: Path, place: Path, *, count: bool = False, kill_at: int = 0) -> tuple[int, str]:
    watched = folder if count or kill_at else None
    return Forked(arguments, place / "told", folder=folder, watched=watched, kill_at=kill_at).result()
