"""elicit, estimate, and batch folders, as a user types them."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from forked import Forked, Typed, synthor
from model_server import KEY, SPEC, Reply, by_schema, serving


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC + 'model: {name: "batch:asked"}\n')
    return path


def answer(folder: Path) -> int:
    """Answer the newest requests as a batch service does."""
    requests = sorted(folder.glob("requests-*.jsonl"))[-1]
    lines = []
    for number, line in enumerate(requests.read_text().splitlines()):
        asked: dict[str, Any] = json.loads(line)
        assert asked["method"] == "POST"
        assert asked["url"] == "/v1/chat/completions"
        message = {"role": "assistant", "content": by_schema(number, asked["body"]).content}
        body = {
            "choices": [{"message": message, "finish_reason": "stop"}],
            "usage": {"completion_tokens": 7, "prompt_tokens": 9},
        }
        lines.append(json.dumps({"custom_id": asked["custom_id"], "response": {"status_code": 200, "body": body}}))
    requests.with_name(requests.name.replace("requests", "responses")).write_text("\n".join(reversed(lines)) + "\n")
    return len(lines)


@pytest.mark.slow
def test_a_batch_folder_is_asked_answered_and_gone_on_with(spec: Path, tmp_path: Path) -> None:
    asked = 0
    for _ in range(6):
        done = synthor("run", spec, "--out", tmp_path / "out")
        if done.returncode != 1:
            break
        assert "\nwaiting: " in f"\n{done.stderr}"
        assert "put the answers into" in done.stderr
        if not asked:
            again = synthor("run", spec, "--out", tmp_path / "out")
            assert again.stderr == done.stderr, "asking twice writes no second file"
        asked += answer(tmp_path / "asked")
    assert done.returncode == 0, done.stderr
    usage = json.loads((tmp_path / "out" / "manifest.json").read_text())["usage"]
    assert usage == {"requests": asked, "input_tokens": 9 * asked, "output_tokens": 7 * asked, "usd": None}


def test_a_batch_of_which_all_is_refused_is_billed_once(spec: Path, tmp_path: Path) -> None:
    synthor("run", spec, "--out", tmp_path / "out")
    requests = tmp_path / "asked" / "requests-0001.jsonl"
    body = {"error": {"message": "no such parameter"}, "usage": {"prompt_tokens": 9}}
    keys = [json.loads(line)["custom_id"] for line in requests.read_text().splitlines()]
    lines = [json.dumps({"custom_id": key, "response": {"status_code": 400, "body": body}}) for key in keys]
    requests.with_name("responses-0001.jsonl").write_text("\n".join(lines) + "\n")
    done = [synthor("run", spec, "--out", tmp_path / "out") for _ in range(2)]
    assert all("every request was refused" in told.stderr for told in done)
    assert done[0].stderr == done[1].stderr
    journal = [json.loads(line) for line in (tmp_path / "out" / "answers.jsonl").read_text().splitlines()]
    assert [line["key"] for line in journal[1:]] == keys


@pytest.mark.slow
def test_waiting_for_a_batch_goes_on_when_the_answers_come(spec: Path, tmp_path: Path) -> None:
    process = Forked(["elicit", str(spec), "--wait", "--out", str(tmp_path / "out")], tmp_path / "said", folder=tmp_path)
    answered: set[Path] = set()
    while not process.has_ended:
        for path in sorted((tmp_path / "asked").glob("requests-*.jsonl")):
            if path not in answered:
                answer(tmp_path / "asked")
                answered.add(path)
        time.sleep(0.02)
    assert process.result()[0] == 0
    assert (tmp_path / "out" / "prior.json").is_file()


@pytest.mark.slow
def test_a_broken_line_of_answers_is_told_with_its_place(spec: Path, tmp_path: Path) -> None:
    synthor("run", spec, "--out", tmp_path / "out")
    (tmp_path / "asked" / "responses-0001.jsonl").write_text('{"custom_id": "a"}\nnonsense\n')
    done = synthor("run", spec, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "responses-0001.jsonl, row 2: is no line of a batch file" in done.stderr


@pytest.mark.slow
def test_a_person_reviews_and_edits_before_going_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as server:
        path = tmp_path / "spec.yaml"
        path.write_text(SPEC + f'model: {{name: "{server.model}"}}\n')
        done = synthor("elicit", path, "--out", tmp_path / "out")
        asked = len(server.bodies)
        assert done.returncode == 0, done.stderr
        assert "Believed: " in done.stdout
        assert f"Asked: {asked} requests" in done.stdout
        assert "price unknown" in done.stdout
        assert not (tmp_path / "out" / "model.json").exists()
        believed = json.loads((tmp_path / "out" / "prior.json").read_text())
        believed["dependencies"] = [{"given": "car", "of": "tenure", "rows": [[90, 5, 5], [5, 90, 5]], "why": "mine"}]
        believed["proposals"] = []
        (tmp_path / "out" / "prior.json").write_text(json.dumps(believed))
        done = synthor("run", path, "--prior", tmp_path / "out" / "prior.json", "--out", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        assert "1 dependency table" in done.stdout
        assert len(server.bodies) == asked


@pytest.mark.slow
def test_an_estimate_comes_before_the_first_call(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC + 'model: {name: "anthropic:claude-sonnet-4-5"}\n')
    told = json.loads(synthor("estimate", path, "--json").stdout)
    assert told["total"]["requests"] == sum(stage["requests"] for stage in told["stages"])
    assert {"tables", "rules", "outline", "details"} == {stage["name"] for stage in told["stages"]}
    assert 0 < told["usd"] < 5
    path.write_text(SPEC + 'model: {name: "openai-chat:mine@http://127.0.0.1:1/v1"}\n')
    assert json.loads(synthor("estimate", path, "--json").stdout)["usd"] is None
    assert "unknown" in synthor("estimate", path).stdout


@pytest.mark.slow
def test_without_the_library_an_estimate_works_and_a_run_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC + 'model: {name: "anthropic:claude-sonnet-4-5"}\n')
    absent = "import sys; sys.modules.update(dict.fromkeys(['genai_prices', 'pydantic_ai', 'pydantic_ai.exceptions']))"
    out = tmp_path / "out"
    both = f"""{absent}
from synthor.cli import main
for words in (["estimate", {str(path)!r}], ["run", {str(path)!r}, "--out", {str(out)!r}]):
    sys.argv = ["synthor", *words]
    try:
        main()
    except SystemExit as ended:
        print("exit code:", ended.code, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", both], capture_output=True, text=True, check=True)
    estimate, run = done.stdout.split("exit code: ")[:2]
    assert run.startswith("0\n"), done.stderr
    assert "Price with anthropic:claude-sonnet-4-5: unknown" in estimate
    assert done.stdout.endswith("exit code: 2\n")
    assert "not installed; pip install 'pydantic-ai-slim[anthropic]'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_interruption_while_asking_ends_at_once_and_keeps_every_answer(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def slow(number: int, body: dict[str, Any]) -> Reply:
        reply = by_schema(number, body)
        reply.delay = 0.0 if number < after else 30.0
        return reply

    with serving(slow) as server:
        path = tmp_path / "spec.yaml"
        path.write_text(SPEC + f'model: {{name: "{server.model}"}}\n')
        arguments = ["run", str(path), "--out", str(tmp_path / "out")]
        said = tmp_path / "said"
        # One of them as a shell starts it; the others do not load everything anew.
        process = Typed(arguments, said) if after == 1 else Forked(arguments, said, environment={"OPENAI_API_KEY": KEY})
        journal = tmp_path / "out" / "answers.jsonl"
        while len(server.bodies) <= after or (after and len(journal_lines(journal)) <= after):
            assert not process.has_ended
            time.sleep(0.05)
        begin = time.monotonic()
        process.interrupt()
        code, told = process.result()
    assert code == 130, told
    assert time.monotonic() - begin < 10
    assert "Interrupted: " in told
    assert len(journal_lines(journal)) == (after + 1 if after else 0)


def journal_lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


@pytest.mark.slow
def test_rounds_are_told_as_they_go_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as server:
        path = tmp_path / "spec.yaml"
        path.write_text(SPEC + f'model: {{name: "{server.model}"}}\n')
        done = synthor("run", path, "--out", tmp_path / "out")
    assert "Round 1: asked for " in done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [made["number"] for made in manifest["rounds"]][:2] == [0, 1]
    assert "What the model was asked" in (tmp_path / "out" / "report.html").read_text()
    assert KEY not in done.stdout + done.stderr


@pytest.mark.slow
def test_edited_beliefs_are_not_overwritten(spec: Path, tmp_path: Path) -> None:
    for _ in range(6):
        if synthor("elicit", spec, "--out", tmp_path / "out").returncode == 0:
            break
        answer(tmp_path / "asked")
    prior = tmp_path / "out" / "prior.json"
    prior.write_text(prior.read_text().replace('"about"', '"about" '))
    edited = prior.read_text()
    done = synthor("run", spec, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert f"was edited since a run wrote it; go on from it with --prior {prior}" in done.stderr
    assert prior.read_text() == edited


@pytest.mark.slow
def test_a_batch_line_that_is_being_written_is_waited_for(spec: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from synthor.cli import main; main()", "elicit", str(spec), "--wait"]
    with subprocess.Popen([*command, "--out", str(tmp_path / "out")], stdout=subprocess.PIPE, text=True) as process:
        asked = tmp_path / "asked"
        while not (asked / "requests-0001.jsonl").is_file():
            assert process.poll() is None
            time.sleep(0.02)
        answer(asked)
        whole = (asked / "responses-0001.jsonl").read_text()
        (asked / "responses-0001.jsonl").write_text(whole[: len(whole) // 2])
        time.sleep(1.5)  # longer than it waits before it looks, so soon after it has written its questions
        assert process.poll() is None
        assert not (asked / "requests-0002.jsonl").exists()
        (asked / "responses-0001.jsonl").write_text(whole)
        while process.poll() is None:
            time.sleep(0.1)
            for path in asked.glob("requests-*.jsonl"):
                if not path.with_name(path.name.replace("requests", "responses")).is_file():
                    answer(asked)
        assert process.returncode in (0, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpt-5", "'gpt-5' names no model; write provider:model"),
        ("replay:none.jsonl", "none.jsonl: cannot be read: No such file or directory; name answers.jsonl of a run folder"),
        ("batch:spec.yaml", "choose another folder"),
    ],
)
def test_a_model_that_is_none_is_told_with_the_cure(name: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC + f'model: {{name: "{name}"}}\n')
    done = synthor("run", path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert words in done.stderr
