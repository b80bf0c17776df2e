"""Runs that are killed and started again, against a model server in a process of its own, and what must hold afterwards.

Run as a program it is that server: `python tests/killing.py PORT_FILE LOG_FILE SECONDS`. It logs a request when it comes, not
when it is answered: an answer to a run that is dead by then is paid for too.
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forked import LONGEST, Forked
from model_server import KEY, Reply, Server, by_schema
from synthor.llm.journal import read_journal
from synthor.llm.provider import CONCURRENCY
from synthor.loop import METHODS
from synthor.problem import compile_problem
from synthor.spec.load import load_spec

SECRETS = {
    "OPENAI_API_KEY": KEY,
    "ANTHROPIC_API_KEY": "sk-ant-planted-0123456789",
    "GOOGLE_API_KEY": "planted-google-0123456789",
}
"""The keys in the environment of every run."""

SAME = ("records.parquet", "prior.json", "model.json", "measurement.json", "report.html")
POLL_SECONDS = 0.002
Question = tuple[str, str]
"""System prompt and user prompt, as sent."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A model server: its name for a spec, and its log of the requests that came."""

    model: str
    log: Path

    def asked(self) -> list[Question]:
        """What the server was asked so far, whether or not anybody was there to take the answer."""
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return [_question(json.loads(line)) for line in text.split("\n")[:-1]]


@dataclass(frozen=True, kw_only=True)
class Unbroken:
    """A run that nobody killed.

    Attributes:
        out: its folder.
        questions: all it asked, with the key under which each answer is kept.
        n_asked: requests that it took.
        to_first: seconds until an answer was on disk.
        to_last: seconds until all were.
        seconds: until it ended.
    """

    out: Path
    questions: Mapping[Question, str]
    n_asked: int
    to_first: float
    to_last: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Kill:
    """A run that was killed.

    Attributes:
        seconds: since it was started.
        on_disk: keys of the answers that were on disk by then.
        n_asked: requests that had reached the server by then.
    """

    seconds: float
    on_disk: frozenset[str]
    n_asked: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found when a run that was killed had ended at last.

    Attributes:
        asked: requests that reached the server.
        twice: of these, how many repeated a question.
        same_bytes: whether the products are those of the unbroken run.
        left_over: temporary files that the kills left in the folder.
        problems: in words; none when all is as it must be.
    """

    asked: int
    twice: int
    same_bytes: bool
    left_over: tuple[str, ...]
    problems: tuple[str, ...]


def spec_text(model: str, *, wide: int, narrow: int) -> str:
    """A spec that makes for many questions.

    Args:
        model: to ask.
        wide: variables with so many labels that each takes a question of its own.
        narrow: variables with few.
    """
    labels = {f"wide{i}": [f"w{i}x{k}" for k in range(25)] for i in range(wide)}
    labels |= {f"narrow{i}": [f"n{i}x{k}" for k in range(2 + i % 4)] for i in range(narrow)}
    variables = {name: {"type": "category", "values": values} for name, values in labels.items()}
    counts = {name: [600 // len(values)] * len(values) for name, values in labels.items()}
    targets = [{"counts": {name: dict(zip(labels[name], counts[name], strict=True))}} for name in labels]
    return json.dumps({"records": 600, "variables": variables, "targets": targets, "model": {"name": model}})


@contextmanager
def server_apart(folder: Path, delay: float) -> Iterator[Served]:
    """A model server in a process of its own, which outlives the runs that are killed.

    Args:
        folder: for its files.
        delay: seconds that an answer takes, half as many at least, half as many more at most.
    """
    port, log = folder / "port", folder / "asked.log"
    command = [sys.executable, __file__, str(port), str(log), str(delay)]
    with open(folder / "server.err", "wb") as errors, subprocess.Popen(command, stderr=errors) as process:
        try:
            _wait(lambda: port.exists() and port.read_text().endswith("/v1"), process.kill)
            yield Served(model=port.read_text(), log=log)
        finally:
            process.kill()


def start(spec: Path, out: Path) -> Forked:
    """The command as a user types it."""
    return Forked(["run", str(spec), "--out", str(out)], out.parent / f"{out.name}.told", environment=SECRETS)


def unbroken(server: Served, spec: Path, out: Path) -> Unbroken:
    """A run from its beginning to its end, the first that asks the server."""
    journal, begin = out / "answers.jsonl", time.monotonic()
    first = last = size = 0.0
    run = start(spec, out)
    while not run.has_ended:
        now = journal.stat().st_size if journal.exists() else 0
        if now != size:
            size, last = now, time.monotonic() - begin
            first = first or last
        time.sleep(POLL_SECONDS)
    seconds = time.monotonic() - begin
    code, told = run.result()
    if code:
        raise RuntimeError(f"the unbroken run ended with {code}: {told}")
    return Unbroken(
        out=out,
        questions=questions(spec, journal),
        n_asked=len(server.asked()),
        to_first=first,
        to_last=last,
        seconds=seconds,
    )


def questions(spec: Path, journal: Path) -> dict[Question, str]:
    """All that a run asks, given the answers to it, with the key under which each answer is kept."""
    loaded = load_spec(spec)
    known = {answer.key: answer for answer in read_journal(journal).answers}
    method = METHODS[loaded.method]
    state = method.begin(compile_problem(loaded))
    found: dict[Question, str] = {}
    while state.questions:
        while state.questions:
            requests = [question.request for question in state.questions]
            found |= {(request.instructions, request.question): request.key for request in requests}
            state = method.step(state, [known[request.key] for request in requests])
        state = method.settle(state, lambda done, total: None)
    return found


def killed(server: Served, spec: Path, out: Path, *, seconds: float, answers: int = 0, file: str = "") -> Kill | None:
    """Start a run and kill it; None when it ended by itself before.

    Args:
        server: that is asked.
        spec: as in the command.
        out: likewise.
        seconds: to wait before the kill, once what the other arguments name is there.
        answers: number on disk.
        file: of the folder.
    """
    journal, begin = out / "answers.jsonl", time.monotonic()

    def is_there() -> bool:
        return (not file or (out / file).exists()) and len(_keys(journal)) >= answers

    run = start(spec, out)
    _wait(lambda: run.has_ended or is_there(), run.kill)
    if not run.ends_within(seconds):
        run.kill()
        return Kill(seconds=time.monotonic() - begin, on_disk=_keys(journal), n_asked=len(server.asked()))
    code, told = run.result()
    if code:
        raise RuntimeError(f"a run ended with {code} before it was killed: {told}")
    return None


def ended(spec: Path, out: Path) -> tuple[int, str]:
    """Exit code and output of a run that is left alone."""
    return start(spec, out).result()


def on_disk(journal: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal that hold an answer; read here as JSON, not with the code under test."""
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    found = []
    for line in lines:
        try:
            document = json.loads(line)
        except ValueError:  # cut off by a kill, and closed by the run after it
            continue
        if "key" in document:
            found.append(document)
    return found


def judge(server: Served, whole: Unbroken, out: Path, kills: Sequence[Kill], code: int, told: str) -> Verdict:
    """What must hold when a run that was killed has ended.

    Args:
        server: that was asked, by the unbroken run first and by this one then.
        whole: the unbroken run to compare with.
        out: the folder of the killed one.
        kills: in order; a last run, left alone, came after them.
        code: exit code of the last run.
        told: its output.
    """
    problems = [f"the last run ended with {code}: {told}"] if code else []
    unknown = "no question of the unbroken run"
    asked = [whole.questions.get(question, unknown) for question in server.asked()]
    counted = Counter(asked[whole.n_asked :])
    if unknown in counted:
        problems.append("questions were asked that the unbroken run did not ask")
    if whole.n_asked != len(whole.questions):
        problems.append(f"the unbroken run asked {len(whole.questions)} questions with {whole.n_asked} requests")
    for number, (before, kill) in enumerate(zip([None, *kills], kills, strict=False), start=1):
        problems += _lost(number, before, kill, asked, whole.n_asked)
    twice = sum(counted.values()) - len(counted)
    most = len(kills) * CONCURRENCY
    if twice > most:
        problems.append(f"{twice} requests repeat a question; at most {most} were under way at {len(kills)} kills")
    differing = [name for name in SAME if _bytes(out / name) != _bytes(whole.out / name)]
    problems += [f"{name} differs from that of the unbroken run" for name in differing]
    problems += _billed(whole, out)
    problems += [
        f"answers.jsonl holds {name}" for name, value in SECRETS.items() if value.encode() in _bytes(out / "answers.jsonl")
    ]
    hidden = tuple(sorted(path.name for path in out.iterdir() if path.name.startswith(".")))
    return Verdict(
        asked=sum(counted.values()), twice=twice, same_bytes=not differing, left_over=hidden, problems=tuple(problems)
    )


def _lost(number: int, before: Kill | None, kill: Kill, asked: Sequence[str], begin: int) -> list[str]:
    """What a kill lost beyond the requests that were under way.

    An answer on disk was asked for before the kill, so that no request of the dead run for it can reach the server later.
    """
    problems = []
    again = kill.on_disk.intersection(asked[kill.n_asked :])
    if again:
        problems.append(f"after kill {number}, {len(again)} answers that were on disk were asked for again: {sorted(again)}")
    if before is not None and before.on_disk - kill.on_disk:
        problems.append(f"kill {number} lost {len(before.on_disk - kill.on_disk)} answers that were on disk before")
    open_ones = set(asked[before.n_asked if before is not None else begin : kill.n_asked]) - kill.on_disk
    if len(open_ones) > CONCURRENCY:
        problems.append(f"at kill {number}, {len(open_ones)} requests were not on disk; at most {CONCURRENCY} are under way")
    return problems


def _billed(whole: Unbroken, out: Path) -> list[str]:
    lines = on_disk(out / "answers.jsonl")
    problems = []
    if sorted(line["key"] for line in lines) != sorted(set(whole.questions.values())):
        problems.append(
            f"answers.jsonl holds {len(lines)} answers, not one to each of {len(set(whole.questions.values()))} questions"
        )
    paid = {
        "requests": len(lines),
        "input_tokens": sum(line["input_tokens"] for line in lines),
        "output_tokens": sum(line["output_tokens"] for line in lines),
        "usd": None,
    }
    for folder in (out, whole.out):
        usage = json.loads(_bytes(folder / "manifest.json") or b"{}").get("usage")
        if usage != paid:
            problems.append(f"the bill in {folder.name}/manifest.json is {usage}; the answers on disk add up to {paid}")
    return problems


def _keys(journal: Path) -> frozenset[str]:
    return frozenset(line["key"] for line in on_disk(journal))


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _question(messages: Sequence[Mapping[str, str]]) -> Question:
    told = {message["role"]: message["content"] for message in messages}
    return told["system"], told["user"]


def _wait(until: Callable[[], bool], give_up: Callable[[], None]) -> None:
    deadline = time.monotonic() + LONGEST
    while not until():
        if time.monotonic() > deadline:
            give_up()
            raise TimeoutError("what was waited for did not come")
        time.sleep(POLL_SECONDS)


def main() -> None:
    port_file, log_file, delay = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    lock = threading.Lock()

    def logged(number: int, body: dict[str, Any]) -> Reply:
        with lock, open(log_file, "a", encoding="utf-8") as file:
            file.write(json.dumps(body["messages"]) + "\n")
        reply = by_schema(number, body)
        reply.delay = delay * random.Random(reply.content).uniform(0.5, 1.5)  # so that answers come one by one
        return reply

    server = Server(logged)
    port_file.write_text(server.model)
    server.serve_forever()


if __name__ == "__main__":
    main()
