"""Writing a spec for a person to go on from: commented YAML that loads back to what was meant."""

import json
import re
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from synthor.spec.model import json_schema
from synthor.spec.names import NAME, RESERVED

TITLE = "FILL IN: a title"
CONTEXT = "FILL IN: what one record is (a household, a person, a trip), where, and when. The model reads this."
OPEN = "FILL IN:"
"""What a value begins with that a person must still say."""
SCHEMA_FILE = "spec.schema.json"
WIDTH = 120
_WORD = re.compile(r"[^\W\d_]([\w./+-]|(?<=\S) (?=[\w(]))*", re.ASCII)
_SPELT = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "Ø": "O", "Æ": "Ae", "Ł": "L"})
"""Letters that are no others with an accent."""
_NOT_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"})
"""What some reader of YAML takes for something else than a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A variable or a target: its keys, and what a reader should know of it."""

    body: Mapping[str, object]
    name: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    """Members of a unit: what they are called, how many there are, and their variables."""

    name: str
    number: Mapping[str, object]
    variables: Sequence[Entry]
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A spec to be written.

    Attributes:
        title: heads the report.
        context: what one record is, where, when.
        records: how many records to make.
        records_comment: where that number is from.
        population: what counts that are no whole numbers add up to; None where they are whole.
        variables: in order; `name` is the variable's.
        targets: in order.
        unit: what one record is called; empty where it has no name.
        members: what units have.
        zones: the keys of `zones`; nothing where there are none.
        sample: the keys of `sample`, likewise.
        sample_comment: where the sample is from.
        columns: what tables call columns, and what each is.
        labels: for a variable, what tables call its labels, and which each is.
        title_comment: where the title is from.
        context_comment: where the context is from.
        remarks: what a person should read first, one paragraph each.
    """

    title: str
    context: str
    records: int
    variables: Sequence[Entry]
    targets: Sequence[Entry]
    unit: str = ""
    members: Sequence[MemberEntry] = ()
    zones: Mapping[str, object] = field(default_factory=dict)
    sample: Mapping[str, object] = field(default_factory=dict)
    sample_comment: str = ""
    records_comment: str = ""
    population: float | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    title_comment: str = ""
    context_comment: str = ""
    remarks: Sequence[str] = ()

    @property
    def questions(self) -> list[str]:
        """What is still to be filled in, each with its place, in the order of the spec."""
        written = {"title": self.title, "context": self.context, "targets": [entry.body for entry in self.targets]}
        return [f"{place}: {text}" for place, text in _asked(written, "")]


def scaffold(draft: Draft) -> str:
    """The text of a spec.

    >>> print(scaffold(Draft(
    ...     title="Homes", context="One record is one home.", records=10,
    ...     variables=[Entry(name="car", body={"type": "category", "values": ["no", "1-4", "a: b"]})],
    ...     targets=[Entry(body={"table": "tables/car.csv"}, comment="3 cells")],
    ... )))
    # yaml-language-server: $schema=spec.schema.json
    <BLANKLINE>
    title: Homes
    context: |
      One record is one home.
    records: 10
    random_seed: 0
    <BLANKLINE>
    variables:
      car: {type: category, values: ["no", "1-4", "a: b"]}
    <BLANKLINE>
    targets:
      - {table: tables/car.csv}  # 3 cells
    <BLANKLINE>
    """
    lines = [f"# yaml-language-server: $schema={SCHEMA_FILE}"]
    for remark in (*draft.remarks, *numbered(draft.questions)):
        lines += ["#", *_comment(remark)]
    lines += ["", f"title: {scalar(draft.title)}{_aside(draft.title_comment)}"]
    lines += _context(draft.context, _aside(draft.context_comment))
    lines += [f"unit: {scalar(draft.unit)}"] if draft.unit else []
    lines += [f"records: {draft.records}{_aside(draft.records_comment)}"]
    if draft.population is not None:
        lines += [f"population: {draft.population:.13g}{_aside('counts are no whole numbers; they are scaled to the records')}"]
    lines += ["random_seed: 0", "", "variables:"]
    for entry in draft.variables:
        lines += _entry(f"  {scalar(entry.name)}: ", entry)
    lines += _members(draft.members)
    lines += ["", *_entry("zones: ", Entry(body=draft.zones))] if draft.zones else []
    if draft.columns:
        lines += ["", "columns:", *(f"  {scalar(head)}: {scalar(name)}" for head, name in draft.columns.items())]
    if draft.labels:
        lines += ["", "labels:", *(f"  {scalar(name)}: {flow(pairs)}" for name, pairs in draft.labels.items())]
    lines += ["", "targets:" if draft.targets else "targets: []"]
    for entry in draft.targets:
        lines += _entry("  - ", entry)
    lines += ["", *_entry("sample: ", Entry(body=draft.sample, comment=draft.sample_comment))] if draft.sample else []
    return "\n".join([*lines, ""])


def numbered(questions: Sequence[str]) -> list[str]:
    """Questions of a draft as a person goes through them."""
    if not questions:
        return []
    many = f"{len(questions)} questions" if len(questions) > 1 else "1 question"
    head = f"{many} to answer, each in its place, where it says {OPEN}"
    return [head, *(f"{number}. {question}" for number, question in enumerate(questions, start=1))]


def _asked(written: object, place: str) -> Iterator[tuple[str, str]]:
    """Values that begin with `FILL IN:`, and their places."""
    if isinstance(written, str):
        if written.startswith(OPEN):
            yield place, written.removeprefix(OPEN).strip()
    elif isinstance(written, Mapping):
        for key, value in written.items():
            yield from _asked(value, f"{place}.{key}" if place else str(key))
    elif isinstance(written, list | tuple):
        inner = isinstance(written[0] if written else "", Mapping)
        for i, value in enumerate(written):
            yield from _asked(value, f"{place}[{i}]" if inner else place)


def schema_text() -> str:
    """The JSON schema that the first line of a spec points to."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def scalar(value: object) -> str:
    """One value as YAML reads it back: in quotes wherever any reader might take it for something else.

    >>> [scalar(value) for value in ("rented", "no", "1-4", "12:30", "#x", "two words", 5, 0.5, 1e-7, True)]
    ['rented', '"no"', '"1-4"', '"12:30"', '"#x"', 'two words', '5', '0.5', '0.0000001', 'true']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.12f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)
    text = str(value)
    if _WORD.fullmatch(text) and text.casefold() not in _NOT_WORDS:
        return text
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def flow(value: object) -> str:
    """A mapping, list or value on one line.

    >>> flow({"a": ["x", "y, z"], "b": {"no": 1}})
    '{a: [x, "y, z"], b: {"no": 1}}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def _members(members: Sequence[MemberEntry]) -> Iterator[str]:
    """What units have, with their variables."""
    if members:
        yield from ("", "members:")
    for one in members:
        yield from (f"  {scalar(one.name)}:", f"    number: {flow(one.number)}{_aside(one.comment)}", "    variables:")
        for entry in one.variables:
            yield from _entry(f"      {scalar(entry.name)}: ", entry)


def _entry(lead: str, entry: Entry) -> list[str]:
    """One entry in braces, or in lines where that is too long; a comment behind or above it."""
    short = lead + flow(entry.body)
    if len(short) + len(_aside(entry.comment)) <= WIDTH:
        return [short + _aside(entry.comment)]
    indent = " " * (len(lead) - len(lead.lstrip()))
    above = [f"{indent}{line}" for line in _comment(entry.comment)] if entry.comment else []
    if len(short) <= WIDTH:
        return [*above, short]
    inner = indent + "  "
    lines = [*above]
    begin = lead if lead.endswith("- ") else lead.rstrip()
    body = [line for key, item in entry.body.items() for line in _long(f"{scalar(str(key))}: ", item, inner)]
    if lead.endswith("- "):
        return [*lines, begin + body[0].lstrip(), *body[1:]]
    return [*lines, begin, *body]


def _long(lead: str, value: object, indent: str) -> list[str]:
    """One key of an entry, a long list or mapping in one line an item."""
    if len(indent + lead + flow(value)) <= WIDTH or not isinstance(value, Mapping | list | tuple):
        return [indent + lead + flow(value)]
    if isinstance(value, Mapping):
        return [indent + lead.rstrip(), *(f"{indent}  {scalar(str(key))}: {flow(item)}" for key, item in value.items())]
    lines, line = [], indent + lead + "["
    for i, item in enumerate(value):
        piece = flow(item) + ("]" if i == len(value) - 1 else ",")
        if len(line) + len(piece) + 1 > WIDTH:
            lines.append(line.rstrip())
            line = indent + "  "
        line += piece + " "
    return [*lines, line.rstrip()]


def _context(text: str, aside: str) -> list[str]:
    """A block of text; one that a block cannot hold as it is goes in quotes."""
    plain = all(letter.isprintable() or letter == "\n" for letter in text) and text.strip()
    if not plain or text.startswith((" ", "\n")):
        return [f"context: {scalar(text)}{aside}"]
    wrapped = [line for part in text.strip().splitlines() for line in (textwrap.wrap(part, WIDTH - 2) or [""])]
    return [f"context: |{aside}", *(f"  {line}".rstrip() for line in wrapped)]


def _aside(text: str) -> str:
    return f"  # {_one_line(text)}" if text else ""


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(_one_line(text), WIDTH - 6)]


def _one_line(text: str) -> str:
    """A comment ends with its line, so nothing in it may begin a new one."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def variable_name(source: str, taken: Sequence[str]) -> str:
    """The name of a column as the name of a variable, unlike those that are taken.

    >>> [variable_name(source, ["age"]) for source in ("Household type", "count", "2024", "Age", "Größe")]
    ['Household_type', 'count_value', 'v_2024', 'Age_2', 'Grosse']
    """
    letters = unicodedata.normalize("NFKD", source.translate(_SPELT))
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", re.sub(r"[\u0300-\u036f]", "", letters)).strip("_")
    plain = plain if re.fullmatch(NAME.strip("^$"), plain) else f"v_{plain}"
    free = plain if plain.lower() not in RESERVED else f"{plain}_value"
    suffix = 1
    while free.casefold() in {name.casefold() for name in taken}:
        suffix += 1
        free = f"{plain}_{suffix}"
    return free
