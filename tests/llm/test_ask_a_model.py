"""Asking a provider: a real server on loopback that fails in every way a provider does."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model_server import KEY, SPEC, Behaviour, Reply, by_schema, serving
from synthor import Run, parse_spec, synthesize
from synthor.errors import InputError, ModelError
from synthor.events import Event
from synthor.llm import provider
from synthor.llm.ask import Asker, Recording
from synthor.llm.budget import Budget
from synthor.llm.journal import Journal
from synthor.llm.provider import Pace, Provider
from synthor.llm.request import Answer, Request
from synthor.rounds import Round


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def run_on(behaviour: Behaviour, folder: Path, more: str = "", on_event: Callable[[Event], None] = lambda event: None) -> Run:
    with serving(behaviour) as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}"{more}}}\n')
        return synthesize(spec, answers=folder / "answers.jsonl", on_event=on_event)


def ask(
    behaviour: Behaviour, n: int, folder: Path, budget: Budget | None = None, pace: Pace | None = None
) -> tuple[Asker, Any]:
    """N small questions to a server; the asker, and the server to look at."""
    requests = [
        Request(stage="test", instructions="i", question=f"question {i}", schema={"type": "string", "enum": ["x"]})
        for i in range(n)
    ]
    with serving(behaviour) as server:
        asker = Asker(
            Provider(server.model, pace=pace or Pace(first_wait=0.01)), Journal(folder / "a.jsonl"), budget or Budget()
        )
        asker.ask(requests, lambda done, total: None)
        return asker, server


@pytest.mark.slow
def test_a_model_that_knows_nothing_still_meets_every_target(tmp_path: Path) -> None:
    rounds: list[Round] = []
    run = run_on(by_schema, tmp_path, on_event=lambda e: rounds.append(e.product) if isinstance(e.product, Round) else None)
    assert run.measurement.met
    assert run.model.status.value == "converged"
    assert [made.number for made in run.model.rounds] == list(range(len(rounds) + 1))
    assert run.bill.requests == sum(sum(made.asked.values()) for made in run.model.rounds)
    assert run.bill.usd is None, "the price of a server of one's own is unknown, not 0"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["incremental", "direct"])
def test_methods_that_take_the_model_at_its_word_say_so(method: str, tmp_path: Path) -> None:
    with serving() as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}"}}\nmethod: {method}\n')
        run = synthesize(spec, answers=tmp_path / "a.jsonl")
    assert run.model.status.value == "as_written"
    assert run.records.height == 200
    assert any("taken as the model wrote them" in note for note in run.measurement.notes)


@pytest.mark.slow
def test_structured_output_is_asked_for_in_the_providers_schema_mode(tmp_path: Path) -> None:
    asker, server = ask(lambda number, body: Reply(content='"x"'), 1, tmp_path)
    sent = server.bodies[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"]["enum"] == ["x"]
    assert server.keys == [f"Bearer {KEY}"]
    assert asker.bill.requests == 1


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_what_passes_is_tried_again(status: int, tmp_path: Path) -> None:
    asker, server = ask(lambda n, body: Reply(content='"x"', status=status if n < 2 else 200), 1, tmp_path)
    assert len(server.bodies) == 3
    assert asker.bill.requests == 1


@pytest.mark.slow
def test_a_broken_connection_is_tried_again(tmp_path: Path) -> None:
    _, server = ask(lambda n, body: Reply(content='"x"', hang_up=n == 0), 1, tmp_path)
    assert len(server.bodies) == 2


@pytest.mark.slow
def test_retry_after_is_honoured(tmp_path: Path) -> None:
    begin = time.monotonic()
    ask(lambda n, body: Reply(content='"x"', status=429 if n == 0 else 200, headers={"Retry-After": "1"}), 1, tmp_path)
    assert time.monotonic() - begin >= 1.0


@pytest.mark.slow
def test_concurrency_falls_when_the_server_is_overloaded(tmp_path: Path) -> None:
    _, calm = ask(lambda n, body: Reply(content='"x"', delay=0.2), 24, tmp_path)
    (tmp_path / "a.jsonl").unlink()
    _, busy = ask(lambda n, body: Reply(content='"x"', status=429 if n < 4 else 200, delay=0.2), 24, tmp_path)
    assert provider.CONCURRENCY / 2 < calm.most_under_way <= provider.CONCURRENCY
    assert len(busy.bodies) == 28


@pytest.mark.slow
def test_a_rate_limit_a_minute_is_kept(tmp_path: Path) -> None:
    begin = time.monotonic()
    ask(lambda n, body: Reply(content='"x"'), 4, tmp_path, pace=Pace(requests_per_minute=240))
    assert time.monotonic() - begin >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the key was refused (HTTP 401); set OPENAI_API_KEY to a valid key"),
        (404, "there is no such model (HTTP 404); mend the name in `model:` of the spec"),
    ],
)
def test_what_does_not_pass_ends_at_once_with_the_cure(status: int, words: str, tmp_path: Path) -> None:
    seen: list[int] = []

    def refuse(number: int, body: dict[str, Any]) -> Reply:
        seen.append(number)
        return Reply(status=status, content=f"wrong {KEY} for the model `test` does not exist")

    with pytest.raises(ModelError) as caught:
        run_on(refuse, tmp_path)
    assert words in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(seen) <= provider.CONCURRENCY


@pytest.mark.slow
def test_no_server_at_all_is_told_with_the_cure_and_soon(tmp_path: Path) -> None:
    begin = time.monotonic()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = parse_spec(SPEC + f'model: {{name: "openai-chat:m@http://127.0.0.1:{port}/v1"}}\n')
    with pytest.raises(ModelError, match="cannot be reached; check network and address"):
        synthesize(spec, answers=tmp_path / "a.jsonl")
    assert time.monotonic() - begin < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("openai:gpt-5", "set the environment variable OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-4-5", "set the environment variable ANTHROPIC_API_KEY"),
        ("nobody:model", "cannot be asked"),
    ],
)
def test_a_model_that_cannot_be_asked_fails_before_anything_else(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in provider.KEYS.values():
        monkeypatch.delenv(variable, raising=False)
    seen: list[Event] = []
    with pytest.raises(ModelError, match=words):
        synthesize(parse_spec(SPEC + f'model: {{name: "{name}"}}\n'), answers=tmp_path / "a.jsonl", on_event=seen.append)
    assert not seen
    assert not (tmp_path / "a.jsonl").exists()


@pytest.mark.slow
def test_no_key_is_ever_written(tmp_path: Path) -> None:
    run = run_on(by_schema, tmp_path)
    run.write(tmp_path / "out")
    for path in (tmp_path / "answers.jsonl", *(tmp_path / "out").iterdir()):
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("cap", [1, 3, 5])
def test_a_cap_on_requests_is_kept_and_leaves_a_result(cap: int, tmp_path: Path) -> None:
    run = run_on(by_schema, tmp_path, more=f", requests: {cap}")
    assert run.bill.requests <= cap
    assert run.measurement.met
    assert run.model.status.value == "out_of_budget"


def test_a_cap_is_used_up_however_many_rounds_are_asked(tmp_path: Path) -> None:
    requests = [Request(stage="test", instructions="i", question=f"{i}", schema={"type": "string"}) for i in range(3)]
    told: list[str] = []
    with serving(lambda n, body: Reply(content='"x"')) as server:
        asker = Asker(Provider(server.model), Journal(tmp_path / "a.jsonl"), Budget(requests=2))
        for request in requests:
            asker.ask([request], lambda done, total: None)
            told += map(str, asker.untold())
        assert len(server.bodies) == 2
    assert (asker.stopped, told) == ("the cap of 2 requests", [])


@pytest.mark.slow
def test_a_cap_on_tokens_is_exceeded_by_no_more_than_what_is_under_way(tmp_path: Path) -> None:
    budget = Budget(output_tokens=500)
    asker, server = ask(lambda n, body: Reply(content='"' + "x" * 398 + '"', delay=0.05), 40, tmp_path, budget)
    assert 500 <= asker.bill.output_tokens <= 500 + 100 * provider.CONCURRENCY
    assert "500 output tokens" in asker.stopped
    assert len(server.bodies) < 20


@pytest.mark.slow
def test_a_cap_on_time_ends_the_asking(tmp_path: Path) -> None:
    begin = time.monotonic()
    asker, _ = ask(lambda n, body: Reply(content='"x"', delay=0.3), 100, tmp_path, Budget(minutes=1 / 60))
    assert time.monotonic() - begin < 4
    assert asker.stopped


@pytest.mark.slow
def test_money_cannot_be_capped_where_the_price_is_unknown(tmp_path: Path) -> None:
    with serving() as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}", usd: 1}}\n')
        with pytest.raises(InputError, match=r"price .* is unknown, so money cannot be capped; cap `output_tokens`"):
            synthesize(spec, answers=tmp_path / "a.jsonl")
        assert not server.bodies


@pytest.mark.slow
def test_answers_are_never_paid_for_twice(tmp_path: Path) -> None:
    with serving() as server:
        text = SPEC + f'model: {{name: "{server.model}"}}\n'
        first = synthesize(parse_spec(text), answers=tmp_path / "a.jsonl")
        asked = len(server.bodies)
        # Another number of records, another seed, another target: the same questions.
        other = text.replace("records: 200", "records: 400\nrandom_seed: 3").replace("yes: 120, no: 80", "yes: 260, no: 140")
        other = other.replace("owned: 100, rented: 90, free: 10", "owned: 200, rented: 180, free: 20")
        other = other.replace("1: 80, 2: 60, 3: 30, 4: 20, 5: 10", "1: 160, 2: 120, 3: 60, 4: 40, 5: 20")
        second = synthesize(parse_spec(other), answers=tmp_path / "a.jsonl")
        assert len(server.bodies) == asked
        # Another context is another question.
        synthesize(parse_spec("context: people of the moon\n" + text), answers=tmp_path / "a.jsonl")
        assert len(server.bodies) > asked
    assert second.measurement.met
    assert second.model.prior.dependencies == first.model.prior.dependencies
    assert second.bill == first.bill


@pytest.mark.slow
def test_a_recording_replays_to_the_same_records_without_a_network(tmp_path: Path) -> None:
    run = run_on(by_schema, tmp_path)
    recording = f'model: {{name: "replay:{tmp_path / "answers.jsonl"}"}}\n'
    again = synthesize(parse_spec(SPEC + recording))  # the server is gone by now
    assert again.records.equals(run.records)
    assert again.bill.output_tokens == run.bill.output_tokens
    with pytest.raises(InputError, match="answers no request like this one"):
        synthesize(parse_spec("context: elsewhere\n" + SPEC + recording))


def test_a_recording_of_two_models_says_whose_answers_are_taken(tmp_path: Path) -> None:
    request = Request(stage="test", instructions="i", question="q", schema={"type": "string"})
    journal = Journal(tmp_path / "a.jsonl")
    told = [("first", "a", "stop"), ("second", "b", "stop"), ("third", "", "error")]
    for model, text, finish in told:
        journal.add(Answer(key=request.key, stage="test", model=model, text=text, finish=finish))
    asker = Asker(Recording(journal.path), None, Budget())
    (answer,) = asker.ask([request], lambda done, total: None)
    assert answer is not None
    assert answer.text == "b", "a refusal does not take the place of an answer"
    (note,) = asker.untold()
    assert note.message == "first and second answered the same 1 request; of each the last answer is taken"
    alone = tmp_path / "alone.jsonl"
    alone.write_text("\n".join(line for line in journal.path.read_text().splitlines() if '"second"' not in line))
    assert Asker(Recording(alone), None, Budget()).untold() == ()


@pytest.mark.slow
def test_a_journal_keeps_what_a_crash_left_whole(tmp_path: Path) -> None:
    run = run_on(by_schema, tmp_path)
    path = tmp_path / "answers.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:40])
    journal = Journal(path)
    assert journal.bill.requests == 2
    with serving() as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}"}}\n')
        kept = [json.loads(line) | {"model": server.model} for line in path.read_text().splitlines()[1:3]]
        for line in kept:
            line.pop("digest")  # of what the line said before
        path.write_text(lines[0].decode() + "".join(json.dumps(line) + "\n" for line in kept) + lines[3][:40].decode())
        again = synthesize(spec, answers=path)
        assert len(server.bodies) == run.bill.requests - 2
    assert again.records.equals(run.records)


@pytest.mark.slow
def test_a_file_of_the_users_is_not_taken_for_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text("my precious notes\n")
    with serving() as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}"}}\n')
        with pytest.raises(InputError, match="is no file of answers"):
            synthesize(spec, answers=path)
    assert path.read_text() == "my precious notes\n"


COMMUNES = [f"c{i}" for i in range(30)]
MANY = f"""
records: 600
variables:
  commune: {{type: category, values: [{", ".join(COMMUNES)}]}}
  age: {{type: integer, min: 0, max: 59}}
  job: {{type: category, values: [a, b, c]}}
targets:
  - counts: {{commune: {{{", ".join(f"{name}: 20" for name in COMMUNES)}}}}}
  - counts: {{age: {{{", ".join(f"{year}: 10" for year in range(60))}}}}}
"""


def knowing(number: int, body: dict[str, Any]) -> Reply:
    """A model that groups communes, believes a marginal, and links the first group to the first job."""
    match body["response_format"]["json_schema"]["name"]:
        case "groups":
            coast, hills = {"name": "coast", "categories": [*range(1, 11)]}, {"name": "hills", "categories": [*range(11, 31)]}
            return Reply(content=json.dumps({"groups": [coast, hills]}))
        case "marginals":
            return Reply(content='{"job": [50, 30, 20]}')
        case "tables":
            question = body["messages"][-1]["content"]
            assert "'coast' 33.3%, 'hills' 66.7%" in question
            if "job given commune: 2 rows of 3 numbers" not in question:
                return Reply(content="That is all that I know.")
            number_of = question.split(". job given commune")[0].rpartition("\n")[2]
            table = {"why": "quays", "rows": [[90, 5, 5], [30, 42, 28]], "confidence": 0.99}
            return Reply(content=json.dumps({number_of: table}))
        case _:
            return Reply(content="I had rather not.")


@pytest.mark.slow
def test_many_categories_are_believed_in_groups_and_numbers_in_bands(tmp_path: Path) -> None:
    with serving(knowing) as server:
        run = synthesize(parse_spec(MANY + f'model: {{name: "{server.model}"}}\n'), answers=tmp_path / "a.jsonl")
    assert run.measurement.met
    assert list(run.model.prior.groups["commune"]) == ["coast", "hills"]
    assert len(run.model.prior.groups["age"]) == 10
    coast = set(COMMUNES[:10])
    shares: dict[bool, list[bool]] = {}
    for row in run.records.iter_rows(named=True):
        shares.setdefault(row["commune"] in coast, []).append(row["job"] == "a")
    assert sum(shares[True]) / len(shares[True]) > 0.7
    assert 0.2 < sum(shares[False]) / len(shares[False]) < 0.4
    assert json.loads(run.model.to_json())["prior"]["marginals"] == [{"of": "job", "percent": [50.0, 30.0, 20.0]}]


@pytest.mark.slow
def test_a_question_that_is_always_refused_costs_itself_and_is_not_sent_again(tmp_path: Path) -> None:
    def behaviour(number: int, body: dict[str, Any]) -> Reply:
        return Reply(status=400) if "describe every segment" in body["messages"][-1]["content"] else by_schema(number, body)

    with serving(behaviour) as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}"}}\n')
        first = synthesize(spec, answers=tmp_path / "a.jsonl")
        sent = len(server.bodies)
        again = synthesize(spec, answers=tmp_path / "a.jsonl")
        assert len(server.bodies) == sent
    assert first.measurement.met
    assert any("the request was refused" in entry.reason for entry in first.model.dropped)
    assert again.records.equals(first.records)


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "<html>gateway</html>"])
def test_an_answer_that_is_none_of_the_protocol_is_tried_again_and_told(content: str, tmp_path: Path) -> None:
    asker, _ = ask(lambda n, body: Reply(content=content or "x"), 1, tmp_path)
    assert asker.bill.requests == 1


@pytest.mark.slow
def test_a_key_with_a_stray_character_is_told_before_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-abcd\u2019efghijk")
    with serving() as server:
        spec = parse_spec(SPEC + f'model: {{name: "{server.model}"}}\n')
        with pytest.raises(ModelError, match="holds a blank or another character") as caught:
            synthesize(spec, answers=tmp_path / "a.jsonl")
        assert not server.bodies
    assert "abcd" not in str(caught.value)


@pytest.mark.slow
def test_believed_shares_of_a_variable_in_groups_are_used(tmp_path: Path) -> None:
    def behaviour(number: int, body: dict[str, Any]) -> Reply:
        if body["response_format"]["json_schema"]["name"] == "marginals":
            assert "'coast'" in body["messages"][-1]["content"]
            return Reply(content='{"commune": [90, 10], "job": [50, 30, 20]}')
        return knowing(number, body) if "groups" in str(body["response_format"]) else Reply(content="no")

    text = MANY.replace(f"  - counts: {{commune: {{{', '.join(f'{name}: 20' for name in COMMUNES)}}}}}\n", "")
    with serving(behaviour) as server:
        run = synthesize(parse_spec(text + f'model: {{name: "{server.model}"}}\n'), answers=tmp_path / "a.jsonl")
    on_coast = run.records["commune"].is_in(COMMUNES[:10]).mean()
    assert isinstance(on_coast, float)
    assert 0.85 < on_coast < 0.95
