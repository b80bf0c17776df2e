"""Does a language model that knows nothing still end in exact targets and an honest status? Measured on random weights.

    python bench/decoder.py

The first run makes a virtual environment of its own, bench/.venv-decoder, and installs PyTorch (a build for CPUs is enough),
transformers, xgrammar and this repository into it, which takes minutes and about a gigabyte; delete the folder to be rid of it.
Nothing else is downloaded: model and tokenizer are made on the spot.

What runs is a Llama of two layers with random weights and 500 tokens (bytes, and letters that the spec below joins often),
behind a server on loopback that speaks OpenAI's chat protocol. Answers are sampled at temperature 1 and held to the JSON schema
of each request by xgrammar, token by token, so that they have the right form and say nothing. What the server does besides:

- whitespace between the parts of an answer is not sampled; a model that knows nothing would write little else;
- bytes that are no UTF-8, which xgrammar lets into strings, are decoded as U+FFFD, as servers do;
- an answer that reaches the request's limit of tokens is cut off there;
- xgrammar 0.2.6 to 0.2.8 refuse a `pattern` that repeats something more than 128 times ("per_rule_fsm_hashes ... has_value()
  is false"), unless their cache is off. Such a schema is compiled without the cache, and counted.

Writes bench/results/decoder.json and decoder.md. Ends with an error if a calibrated run misses a target or breaks a rule, if a
run that takes the model at its word has another status than `as_written`, or if any run crashes.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness import BENCH, ROOT, dated, environment, write

ENVIRONMENT = BENCH / ".venv-decoder"
REQUIREMENTS = ("torch==2.13.0", "transformers", "xgrammar")

SPEC = """
title: Households that nobody knows
context: One record is one occupied household of a town in 2020.
records: 2000
variables:
  car: {type: boolean, about: has a car}
  tenure: {type: category, values: [owned, rented]}
  dwelling: {type: category, values: [house, flat, other]}
  persons: {type: integer, min: 1, max: 9, bins: [1, 2, 3]}
  income: {type: number, min: 0, max: 200000, bins: [0, 20000, 40000, 80000], unit: USD/year}
targets:
  - counts: {car: {yes: 1423, no: 577}}
  - counts: {tenure: {owned: 1187, rented: 813}}
  - counts: {dwelling: {house: 1049, flat: 870, other: 81}}
  - counts: {persons: {1: 702, 2: 655, 3+: 643}}
  - counts: {income: {0 to 20000: 391, 20000 to 40000: 524, 40000 to 80000: 677, 80000 to 200000: 408}}
rules:
  - {never: dwelling = 'other' and income >= 80000, why: nobody that rich lives in a caravan}
"""

RUNS = (*(("calibrated", random_seed) for random_seed in range(5)), ("incremental", 0), ("direct", 0))
"""Method, and random seed of the model's weights."""

SHOWN = (
    "method",
    "weights",
    "status",
    "TAE",
    "targets met",
    "records that break a rule",
    "answers that are valid JSON",
    "cut off",
    "beliefs dropped",
    "output tokens",
    "seconds",
    "beliefs",
)
COUNTED = ("valid JSON", "cut off", "output tokens", "compiled without cache")
VOCABULARY, END = 500, "<end>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the model.

    Attributes:
        stage: what the request called its schema.
        text: the answer.
        prompt_tokens: of the question.
        tokens: of the answer.
        cut: whether it reached the limit of tokens.
        limit: that limit.
        cached: whether xgrammar took the schema as it is used by default, with its cache.
    """

    stage: str
    text: str
    prompt_tokens: int
    tokens: int
    cut: bool
    limit: int
    cached: bool

    @property
    def is_json(self) -> bool:
        try:
            json.loads(self.text)
        except ValueError:
            return False
        return True


class Ignorant:
    """A tiny Llama with random weights, held to a schema.

    Args:
        random_seed: of the weights.
    """

    def __init__(self, random_seed: int) -> None:
        import torch  # type: ignore[import-not-found, unused-ignore]
        import xgrammar  # type: ignore[import-not-found, unused-ignore]
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # type: ignore[import-not-found, unused-ignore]
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # type: ignore[import-not-found, unused-ignore]

        words = Tokenizer(models.BPE())
        words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        words.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        learn = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
        words.train_from_iterator(SPEC.splitlines(), learn)
        self.tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END)
        self._end = self.tokenizer.eos_token_id
        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=48,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=32_768,
            bos_token_id=None,
            eos_token_id=self._end,
        )
        torch.set_num_threads(1)  # the same sums in the same order on any machine, and no slower at this size
        torch.manual_seed(random_seed)
        self.random_seed = random_seed
        self.model: Any = LlamaForCausalLM(config).eval()
        self.n_parameters = sum(weights.numel() for weights in self.model.parameters())
        known = xgrammar.TokenizerInfo.from_huggingface(self.tokenizer, vocab_size=VOCABULARY, stop_token_ids=[self._end])
        self._compiler: Any = xgrammar.GrammarCompiler(known)
        self._compiler_without_cache: Any = xgrammar.GrammarCompiler(known, cache_enabled=False)
        self._one_at_a_time = threading.Lock()

    def reply(self, body: dict[str, Any]) -> Reply:
        """The answer to one request; the same to the same request.

        Raises:
            RuntimeError: xgrammar does not take the schema.
        """
        wanted = body["response_format"]["json_schema"]
        grammar, cached = self._compiled(json.dumps(wanted["schema"]))
        question = "".join(f"{message['role']}: {message['content']}\n" for message in body["messages"])
        limit = int(body.get("max_completion_tokens") or body.get("max_tokens") or 1_000)
        with self._one_at_a_time:
            prompt = self.tokenizer.encode(question, add_special_tokens=False)
            tokens, cut = self._sampled(prompt, grammar, limit)
        text = self.tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return Reply(
            stage=wanted["name"],
            text=text,
            prompt_tokens=len(prompt),
            tokens=len(tokens) + (not cut),
            cut=cut,
            limit=limit,
            cached=cached,
        )

    def _compiled(self, schema: str) -> tuple[Any, bool]:
        """The grammar of a schema, and whether it could be made with xgrammar's cache."""
        try:
            return self._compiler.compile_json_schema(schema, any_whitespace=False), True
        except RuntimeError:
            return self._compiler_without_cache.compile_json_schema(schema, any_whitespace=False), False

    def _sampled(self, prompt: Sequence[int], grammar: Any, limit: int) -> tuple[list[int], bool]:
        """Tokens of an answer without the one that ends it, and whether they were cut off before that one."""
        import torch  # type: ignore[import-not-found, unused-ignore]
        import xgrammar  # type: ignore[import-not-found, unused-ignore]

        matcher = xgrammar.GrammarMatcher(grammar)
        allowed = xgrammar.allocate_token_bitmask(1, VOCABULARY)
        seed = hashlib.blake2b(json.dumps([self.random_seed, *prompt]).encode(), digest_size=6).digest()
        dice = torch.Generator().manual_seed(int.from_bytes(seed, "big"))
        tokens: list[int] = []
        with torch.inference_mode():
            step = self.model(input_ids=torch.tensor([list(prompt)]), use_cache=True, logits_to_keep=1)
            while True:
                logits = step.logits[:, -1, :].float()
                matcher.fill_next_token_bitmask(allowed)
                xgrammar.apply_token_bitmask_inplace(logits, allowed)
                token = int(torch.multinomial(logits.softmax(-1), 1, generator=dice))
                if not matcher.accept_token(token):
                    raise RuntimeError("xgrammar refuses a token that it allowed")
                if token == self._end:
                    return tokens, False
                tokens.append(token)
                if len(tokens) >= limit:
                    return tokens, True
                step = self.model(input_ids=torch.tensor([[token]]), past_key_values=step.past_key_values, use_cache=True)


class Server(ThreadingHTTPServer):
    """The model behind OpenAI's chat protocol; keeps its replies, and why it refused a request."""

    daemon_threads = True

    def __init__(self, model: Ignorant) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model
        self.replies: list[Reply] = []
        self.refusals: list[str] = []

    @property
    def name(self) -> str:
        """The model's name for a spec."""
        return f"openai-chat:random@http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.path.endswith("/v1/chat/completions"):
            self._send(404, {"error": {"message": f"there is no {self.path}", "type": "invalid_request_error", "code": None}})
            return
        try:
            reply = self.server.model.reply(body)
        except (KeyError, RuntimeError) as error:
            self.server.refusals.append(f"{type(error).__name__}: {error}")
            self._send(400, {"error": {"message": str(error), "type": "invalid_request_error", "code": None}})
            return
        self.server.replies.append(reply)
        finish = "length" if reply.cut else "stop"
        message = {"role": "assistant", "content": reply.text}
        self._send(
            200,
            {
                "id": f"chatcmpl-{len(self.server.replies)}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": finish, "message": message}],
                "usage": {
                    "prompt_tokens": reply.prompt_tokens,
                    "completion_tokens": reply.tokens,
                    "total_tokens": reply.prompt_tokens + reply.tokens,
                },
            },
        )

    def _send(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        with suppress(ConnectionError):  # whoever asked has gone
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(model: Ignorant) -> Iterator[Server]:
    """A server in a thread of its own."""
    server = Server(model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def measured(method: str, random_seed: int) -> dict[str, Any]:
    """One run of synthor on a model of its own, as a row; a crash is a row too."""
    from synthor import parse_spec, synthesize

    row: dict[str, Any] = {"method": method, "weights": random_seed}
    model = Ignorant(random_seed)
    with serving(model) as server, tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        try:
            spec = parse_spec(f'{SPEC}method: {method}\nmodel: {{name: "{server.name}"}}\n')
            run = synthesize(spec, answers=Path(folder) / "answers.jsonl")
            measurement = run.measurement
        except Exception as error:
            traceback.print_exc()
            row["crash"] = " ".join(f"{type(error).__name__}: {error}".split())
        else:
            dropped = [entry.action for entry in run.model.dropped]
            row |= {
                "crash": "",
                "status": run.model.status.value,
                "verdict": measurement.verdict,
                "records": measurement.n_records,
                "TAE": sum(fit.tae for fit in measurement.of_counts),
                "targets met": f"{sum(fit.met for fit in measurement.of_counts)} of {len(measurement.of_counts)}",
                "records that break a rule": measurement.n_broken,
                "beliefs": measurement.beliefs,
                "beliefs dropped": dropped.count("dropped"),
                "beliefs mended": dropped.count("mended"),
                "requests billed": run.bill.requests,
                "input tokens": run.bill.input_tokens,
                "output tokens": run.bill.output_tokens,
                "USD": run.bill.usd,
            }
        row["seconds"] = round(time.perf_counter() - begin, 1)
        row["parameters"] = model.n_parameters
        row["refused by the decoder"] = server.refusals
        row["answers"] = len(server.replies)
        row["valid JSON"] = sum(reply.is_json for reply in server.replies)
        row["cut off"] = sum(reply.cut for reply in server.replies)
        row["invalid though not cut off"] = sum(not reply.is_json and not reply.cut for reply in server.replies)
        row["compiled without cache"] = sum(not reply.cached for reply in server.replies)
        row["stages"] = stages(server.replies)
    return row


def stages(replies: Sequence[Reply]) -> dict[str, dict[str, int]]:
    """What each kind of request came to."""
    found: dict[str, dict[str, int]] = {}
    for reply in replies:
        stage = found.setdefault(reply.stage, dict.fromkeys(("answers", *COUNTED, "limit"), 0))
        stage["answers"] += 1
        stage["valid JSON"] += reply.is_json
        stage["cut off"] += reply.cut
        stage["output tokens"] += reply.tokens
        stage["compiled without cache"] += not reply.cached
        stage["limit"] = max(stage["limit"], reply.limit)
    return dict(sorted(found.items()))


def failures(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What must not be."""
    found = []
    for row in rows:
        name = f"{row['method']}, weights {row['weights']}"
        if row["crash"]:
            found.append(f"{name}: {row['crash']}")
        elif row["method"] != "calibrated":
            if row["status"] != "as_written":
                found.append(f"{name}: status {row['status']}, expected as_written")
        elif row["TAE"] or row["records that break a rule"]:
            found.append(f"{name}: {row['verdict']}")
        if row["refused by the decoder"]:
            found.append(f"{name}: the decoder refused {len(row['refused by the decoder'])} requests")
    return found


def shown(row: dict[str, Any]) -> dict[str, str]:
    """A row for people; of a crash, what is known."""
    told = row | {
        "answers that are valid JSON": f"{row['valid JSON']} of {row['answers']}",
        "status": row["crash"].replace("|", "/") or row["status"],
    }
    return {name: f"{value:,}" if isinstance(value := told.get(name, ""), int) else str(value) for name in SHOWN}


def table(document: dict[str, Any]) -> str:
    """The result for people."""
    rows = [shown(row) for row in document["rows"]]
    lines = [
        "# A language model that knows nothing",
        "",
        f"`python bench/decoder.py`, {document['date']}, {document['machine']}, {document['libraries']}. A Llama of "
        f"{document['parameters']:,} random weights, sampled at temperature 1 and held to the JSON schema of each request. "
        f"{document['records']:,} records, {document['variables']} variables, {document['targets']} one-way targets, "
        f"{document['rules']} rule. `weights` is the random seed of the model. TAE is the sum over all target cells of "
        "the records by which each is off. Seconds include the model's answers.",
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(row.values()) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def compare() -> int:
    """All runs; the number of things that must not be."""
    from synthor import parse_spec

    spec = parse_spec(SPEC)
    rows = []
    for number, (method, random_seed) in enumerate(RUNS, start=1):
        print(f"run {number} of {len(RUNS)}: method {method}, weights {random_seed}", flush=True)
        rows.append(measured(method, random_seed))
        print(f"  {rows[-1].get('verdict', rows[-1]['crash'])} ({rows[-1]['seconds']} s)", flush=True)
    document = dated(
        {
            "libraries": ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "xgrammar")),
            "parameters": rows[0]["parameters"],
            "records": spec.records,
            "variables": len(spec.variables),
            "targets": len(spec.targets),
            "rules": len(spec.rules),
            "failures": failures(rows),
            "rows": rows,
        }
    )
    text = table(document)
    write("decoder", document, text)
    print(text)
    for failure in failures(rows):
        print(f"FAILED: {failure}", file=sys.stderr)
    return len(failures(rows))


def main() -> None:
    if Path(sys.prefix).resolve() == ENVIRONMENT:
        # Nothing is looked for on a network, and loopback is never reached through a proxy.
        os.environ |= {"HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        raise SystemExit(1 if compare() else 0)
    try:
        also = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        python = environment(ENVIRONMENT, [*REQUIREMENTS, "-e", f"{ROOT}[models]"], also=also)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"pip could not install what this needs (exit code {error.returncode}); see above") from None
    raise SystemExit(subprocess.run([python, __file__], check=False).returncode)


if __name__ == "__main__":
    main()
