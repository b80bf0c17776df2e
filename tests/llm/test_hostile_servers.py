"""Servers that mean harm: time, size and caps have ends, keys come back nowhere, damage is told and healed."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from hostile_server import Call, Harm, bomb, drip, endless, endless_headers, harming, nested, silent
from model_server import KEY, SPEC, by_schema
from synthor import Run, parse_spec, synthesize
from synthor.errors import InputError, ModelError, WaitingError
from synthor.events import Event
from synthor.llm.ask import Asker, Recording
from synthor.llm.batch import BatchFolder
from synthor.llm.budget import Budget
from synthor.llm.journal import Journal, read_journal
from synthor.llm.provider import Pace, Provider
from synthor.llm.request import Answer, Request
from synthor.llm.salvage import salvage
from synthor.llm.secrets import without_secrets


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def run_on(harm: Harm, folder: Path, caps: str = "", told: list[str] | None = None) -> tuple[Run, int]:
    """A run against a hostile server, and how often that was asked."""
    notes = [] if told is None else told

    def listen(event: Event) -> None:
        notes.extend([event.told] if event.told else [])

    with harming(harm) as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}"{caps}}}\n')
        return synthesize(spec, answers=folder / "answers.jsonl", on_event=listen), server.requests


def ask_one(harm: Harm, folder: Path, timeout: float = 5.0, budget: Budget | None = None) -> Asker:
    with harming(harm) as server:
        pace = Pace(first_wait=0.01, timeout=timeout)
        asker = Asker(Provider(server.model, pace=pace), Journal(folder / "a.jsonl"), budget or Budget())
        asker.ask([Request(stage="test", instructions="i", question="q", schema={"type": "string"})], lambda done, total: None)
        return asker


@pytest.mark.slow
@pytest.mark.parametrize("harm", [drip, silent])
def test_a_cap_on_time_ends_what_is_under_way_and_leaves_a_result(harm: Harm, tmp_path: Path) -> None:
    begin, told = time.monotonic(), list[str]()
    run, _ = run_on(harm, tmp_path, ", minutes: 0.01", told)
    assert time.monotonic() - begin < 20
    assert run.model.status.value == "out_of_budget"
    assert run.measurement.met
    assert any("the cap of 0.01 minutes" in note and "brought no answer" in note for note in told)


@pytest.mark.slow
@pytest.mark.parametrize("harm", [drip, silent])
def test_one_try_has_a_deadline_however_slowly_bytes_come(harm: Harm, tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(ModelError, match=r"no whole answer within 0\.2 seconds"):
        ask_one(harm, tmp_path, timeout=0.2)
    assert time.monotonic() - begin < 3


@pytest.mark.slow
@pytest.mark.parametrize("harm", [endless, bomb])
def test_an_answer_has_a_largest_size(harm: Harm, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="more than any model writes; check that the address"):
        ask_one(harm, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("harm", [endless_headers, nested])
def test_what_foreign_code_cannot_read_is_told_and_no_bug(harm: Harm, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        ask_one(harm, tmp_path)


@pytest.mark.slow
def test_a_packed_answer_is_read(tmp_path: Path) -> None:
    def packed(call: Call) -> None:
        import gzip

        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '"x"'}}
        told = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        call.reply(gzip.compress(json.dumps(told).encode()), Content_Encoding="gzip")

    assert ask_one(packed, tmp_path).bill.requests == 1


@pytest.mark.slow
def test_a_cap_on_requests_counts_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    run, asked = run_on(lambda call: call.reply(b"{}", 500), tmp_path, ", requests: 3", told)
    assert asked <= 3
    assert run.model.status.value == "out_of_budget"
    assert any("3 requests brought no answer (the last failure: HTTP 500)" in note for note in told)


@pytest.mark.slow
def test_a_huge_wait_is_told_and_not_slept_through(tmp_path: Path) -> None:
    begin = time.monotonic()

    def later(call: Call) -> None:
        call.reply(b"{}", 429, Retry_After="99999999")

    with pytest.raises(ModelError, match="takes no more requests for 1,157 days"):
        ask_one(later, tmp_path)
    told: list[str] = []
    run, _ = run_on(later, tmp_path, ", minutes: 5", told)
    assert "HTTP 429, which asks for a wait of 1,157 days" in told[0]
    assert run.model.status.value == "out_of_budget"
    assert time.monotonic() - begin < 5


@pytest.mark.slow
def test_a_count_of_tokens_that_is_none_is_estimated(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10**30, "completion_tokens": 10**30, "total_tokens": 10**30}
    bill = ask_one(lambda call: call.say('"' + "x" * 30 + '"', usage=usage), tmp_path).bill
    assert 0 < bill.output_tokens < 100


SHAPES = {
    "as it is": KEY,
    "in capitals": KEY.upper(),
    "spaced": " ".join(KEY),
    "backwards": KEY[::-1],
    "escaped": "".join(f"\\u{ord(c):04x}" for c in KEY),
    "percent": "".join(f"%{ord(c):02X}" for c in KEY),
    "base64": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "hexadecimal": KEY.encode().hex(),
    "split": f'{KEY[:10]}", "{KEY[10:]}',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_key_is_hidden_in_every_shape_and_the_rest_stays(shape: str) -> None:
    text = f'{{"why": ["before {SHAPES[shape]} after"], "rows": [[12, 88]]}}'
    clean = without_secrets(text)
    assert SHAPES[shape] not in clean
    assert json.loads(clean)["rows"] == [[12, 88]]
    assert clean.startswith('{"why": ["before ***')
    assert clean.endswith(' after"], "rows": [[12, 88]]}')


@pytest.mark.parametrize("value", ["short1", "household", "household_type", "12345678", "none"])
def test_words_and_figures_are_no_secrets(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITION_KEY", value)
    text = f'{{"{value}": [1, 2, 3, 4, 5, 6, 7, 8]}}'
    assert without_secrets(text) == text


@pytest.mark.slow
def test_a_key_that_comes_back_is_in_no_file_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:proxy-pass-4711@127.0.0.1:9")
    told: list[str] = []

    def echo(call: Call) -> None:
        value = json.loads(by_schema(0, call.body).content)
        for rule in value.get("rules", []):
            rule["why"] = f"{call.key} {' '.join(call.key)} proxy-pass-4711"
        for name in value:
            if isinstance(value[name], dict) and "why" in value[name]:
                value[name]["why"] = f"because {call.key}"
        call.say(json.dumps(value), id=call.key, system_fingerprint=call.key)

    run, _ = run_on(echo, tmp_path, told=told)
    run.write(tmp_path / "out")
    written = b"".join(path.read_bytes() for path in (tmp_path / "answers.jsonl", *(tmp_path / "out").iterdir()))
    for secret in (KEY, " ".join(KEY), "proxy-pass-4711"):
        assert secret.encode() not in written
    assert b"because ***" in written
    assert sum("a secret of your environment; *** was put in its place" in note for note in told) == 1
    assert KEY not in "".join(told)


@pytest.mark.slow
def test_a_failure_shows_neither_key_nor_escape(tmp_path: Path) -> None:
    def fail(call: Call) -> None:
        call.reply(json.dumps({"error": {"message": f"\x1b]0;x\x07 {' '.join(call.key)} {call.key[::-1]}"}}).encode(), 418)

    with pytest.raises(ModelError, match="HTTP 418") as caught:
        ask_one(fail, tmp_path)
    assert "\x1b" not in str(caught.value)
    assert " ".join(KEY) not in str(caught.value)
    assert KEY[::-1] not in str(caught.value)


@pytest.mark.parametrize("address", ["http://h/v1?api_key=abc", "http://user:pw@h/v1", f"http://h/{KEY}/v1"])
def test_an_address_with_a_key_is_refused_without_it(address: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds a (password|secret)") as caught:
        Provider(f"openai-chat:m@{address}")
    assert not any(secret in str(caught.value) for secret in ("abc", "pw@", KEY))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "part", "tail"), [("[1", "-1", "x"), ("[1", ",1", ""), ("", '["', ""), ("", '{"a":', ""), ("[", "\\", "")]
)
def test_reading_an_answer_takes_time_in_proportion(head: str, part: str, tail: str) -> None:
    def seconds(n: int) -> float:
        text = head + part * n + tail
        begin = time.process_time()
        salvage(text)
        return time.process_time() - begin

    assert seconds(120_000) < 8 * seconds(30_000) + 0.5


def test_what_is_nested_too_deeply_is_left_out() -> None:
    assert salvage('{"1": ' + "[" * 300 + "]" * 300 + ', "2": [30, 70]}')[0]["2"] == [30, 70]
    assert repr(salvage("[" * 300 + "]" * 300)[0]).count("[") <= 41


def answered(folder: Path, n: int = 4) -> Path:
    """A journal of answers, written by asking."""
    with harming(lambda call: call.say('"told"')) as server:
        journal = folder / "a.jsonl"
        requests = [Request(stage="test", instructions="i", question=f"q{i}") for i in range(n)]
        Asker(Provider(server.model), Journal(journal), Budget()).ask(requests, lambda done, total: None)
    return journal


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"told", b"tolD", "does not say what was written: damaged, or edited"),
        (b'"text"', b'"tex', "is no JSON object: it was cut off or damaged"),
        (b"told", b"t\xffld", "is not UTF-8 text"),
    ],
)
def test_damage_is_told_kept_aside_and_healed(old: bytes, new: bytes, words: str, tmp_path: Path) -> None:
    path = answered(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(old, new)
    path.write_bytes(b"\n".join(lines))
    journal = Journal(path)
    assert f"a.jsonl, row 3: {words}" in str(journal.damage[0])
    assert "1 answer that may be missing will be asked for again, in about 1 request" in str(journal.damage[1])
    assert journal.bill.requests == 3
    assert (tmp_path / "a.damaged.jsonl").read_bytes() == lines[2] + b"\n"
    assert not Journal(path).damage


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": None}, {"text": 7}, {"output_tokens": "many"}, {"usd": "free"}, {"usd": -1}, {"key": ["a"]}, {"model": {}},
        {"input_tokens": True},
    ],
)  # fmt: skip
def test_a_field_of_the_wrong_type_is_damage(wrong: dict[str, object], tmp_path: Path) -> None:
    line = {"key": "k", "stage": "s", "model": "m", "text": "x"}
    good, bad = json.dumps(line), json.dumps(line | wrong)
    (tmp_path / "a.jsonl").write_text(f"{good}\n{bad}\n{'[' * 100_000}\n")
    journal = Journal(tmp_path / "a.jsonl")
    assert journal.bill.requests == 1
    assert next(iter(wrong)) in str(journal.damage[0])
    assert "damaged in 2 rows" in str(journal.damage[2])


@pytest.mark.slow
def test_a_recording_that_lacks_a_damaged_answer_says_which(tmp_path: Path) -> None:
    run_on(lambda call: call.say(by_schema(0, call.body).content), tmp_path)
    path = tmp_path / "answers.jsonl"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([lines[0], lines[1][:-9] + "x" + lines[1][-8:], *lines[2:]]))
    with pytest.raises(
        InputError, match=r"answers\.jsonl, row 2: does not say what was written(.|\n)*take the file from a copy"
    ):
        synthesize(parse_spec(SPEC + f'model: {{name: "replay:{path}"}}\n'))


def test_batch_answers_of_no_request_are_named_and_requests_do_not_pile_up(tmp_path: Path) -> None:
    spec = parse_spec(SPEC + f'model: {{name: "batch:{tmp_path / "asked"}"}}\n')
    for lines, error, words in (
        (None, WaitingError, "put the answers into"),
        ("", WaitingError, "put the answers into"),
        ('{"custom_id": "mine"}\n', InputError, r"responses-0001.jsonl: 1 line answers no request .* row 1 'mine'"),
        ("[" * 100_000 + "\n", InputError, "row 1: is no line of a batch file"),
    ):
        if lines is not None:
            (tmp_path / "asked" / "responses-0001.jsonl").write_text(lines)
        with pytest.raises(error, match=words):
            synthesize(spec, answers=tmp_path / "answers.jsonl")
    assert [path.name for path in (tmp_path / "asked").glob("requests-*")] == ["requests-0001.jsonl"]


def test_what_came_of_a_batch_is_kept_and_only_what_failed_is_asked_again(tmp_path: Path) -> None:
    folder, journal = tmp_path / "asked", tmp_path / "answers.jsonl"
    requests = [Request(stage="test", instructions="i", question=f"{i}", schema={"type": "string"}) for i in range(3)]

    def asked() -> list[Answer | None]:
        return Asker(BatchFolder(folder), Journal(journal), Budget()).ask(requests, lambda done, total: None)

    def written(number: int) -> list[str]:
        lines = (folder / f"requests-{number:04d}.jsonl").read_text().splitlines()
        return [json.loads(line)["body"]["messages"][1]["content"] for line in lines]

    def answered(number: int, bodies: dict[int, dict[str, Any]], more: str = "") -> None:
        lines = [json.dumps({"custom_id": requests[place].key} | body) + "\n" for place, body in bodies.items()]
        (folder / f"responses-{number:04d}.jsonl").write_text("".join(lines) + more)

    good = {
        "response": {"status_code": 200, "body": {"choices": [{"message": {"content": [{"type": "text", "text": "yes"}]}}]}}
    }
    busy, late = {"response": {"status_code": 429, "body": {}}}, {"response": None, "error": {"code": "batch_expired"}}
    with pytest.raises(WaitingError):
        asked()
    answered(1, {0: good, 1: busy, 2: late}, more='{"custom_id": "cut')
    with pytest.raises(InputError, match="row 4: is no line of a batch file"):
        asked()
    assert [answer.text for answer in read_journal(journal).answers] == ["yes"], "what came is kept, whatever else came"
    answered(1, {0: good, 1: busy, 2: late})
    for _ in range(2):
        with pytest.raises(
            WaitingError, match=r"2 requests .*0002.jsonl, of which 2 failed before \(HTTP 429, batch_expired\)"
        ):
            asked()
    assert written(2) == ["1", "2"]
    (folder / "requests-0001.jsonl").unlink()
    (folder / "responses-0001.jsonl").unlink()
    answered(2, {1: good})
    with pytest.raises(WaitingError, match=r"1 request .*0003.jsonl;"):
        asked()
    assert (written(2), written(3)) == (["1", "2"], ["2"]), "a file is never written over"
    answered(3, {2: good})
    assert [answer and answer.text for answer in asked()] == ["yes"] * 3


def test_a_recording_that_ended_at_a_cap_is_used_up_and_says_how_to_go_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "answers.jsonl")
    requests = [Request(stage="test", instructions="i", question=f"{i}", schema={"type": "string"}) for i in range(4)]
    for request in requests[:3]:  # all three were under way when the first came
        journal.add(Answer(key=request.key, stage="test", model="m", text="yes", output_tokens=70))
    capped = Asker(Recording(journal.path), None, Budget(output_tokens=50))
    assert [answer is not None for answer in capped.ask(requests, lambda done, total: None)] == [True, True, True, False]
    assert (capped.stopped, capped.bill.output_tokens, capped.untold()) == ("the cap of 50 output tokens", 210, ())
    with pytest.raises(InputError, match="go on with the command that recorded it"):
        Asker(Recording(journal.path), None, Budget()).ask(requests, lambda done, total: None)
