"""A spec in words: for a planner who did not write it, and for whoever did, to catch what was not meant."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthor.errors import Finding
from synthor.problem import Problem
from synthor.report.explain_targets import ToldTarget, explain_target, listed
from synthor.schema import Variable
from synthor.schema.text import plural
from synthor.spec.followed import NOBODY
from synthor.spec.levels import LevelForm, levels_of
from synthor.spec.members import HowMany
from synthor.spec.model import ModelSpec, Spec

WIDTH = 100
"""Characters of a line."""

MOST_BINS = 24
"""Categories of a variable that are listed; of more the first and last."""

MOST_PAIRS = 8
"""Pairs of variables that are named; more are counted."""

CAPS = {
    "requests": "{:,} requests",
    "output_tokens": "{:,} tokens answered",
    "usd": "{:,.2f} USD",
    "minutes": "{:g} minutes",
}
"""Caps on asking a model, in words."""

METHODS = {
    "calibrated": "Beliefs are pulled onto the tables, so that the records meet them (method: calibrated).",
    "incremental": "A model's proposals are taken as they are; nothing pulls them onto the tables (method: incremental).",
    "direct": "A model writes the records itself; nothing pulls them onto the tables (method: direct).",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what is said under it, a line an entry."""

    heading: str
    lines: tuple[str, ...]


def explain(spec: Spec, problem: Problem | None = None, findings: Sequence[Finding] = ()) -> tuple[Section, ...]:
    """What a spec says, in words.

    Args:
        spec: as written.
        problem: the same compiled, where its tables can be: cells and totals are told then.
        findings: what `check` finds.

    >>> from synthor import parse_spec
    >>> spec = parse_spec("{records: 3, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 2, no: 1}}}]}")
    >>> print(explain(spec)[1].lines[0])
    car: yes or no.
    """
    told = [explain_target(spec, i, problem) for i in range(len(spec.targets))]
    levels, kinds = levels_of(spec), _attributes(spec, problem)
    sections = (
        ("What is made", _made(spec, levels)),
        *((_heading(level, len(levels) > 1), _variables(level)) for level in levels),
        (f"What zones are ({len(kinds)})", _kinds(spec, kinds, problem)),
        (f"Tables that the records must add up to ({len(told)})", _targets(spec, told)),
        ("What no table says", () if spec.members else _open(spec, told, kinds)),
        (f"What never occurs ({len(spec.rules)})", _rules(spec)),
        ("Where beliefs come from", _beliefs(spec)),
        ("What check finds", (f"{finding.severity}: {finding}" for finding in findings)),
    )
    filled = [Section(heading=heading, lines=tuple(lines)) for heading, lines in sections]
    return tuple(section for section in filled if section.lines)


def as_written(sections: Sequence[Section]) -> str:
    """Sections as a text for a terminal, lines broken at `WIDTH`.

    >>> print(as_written([Section(heading="Variables (1)", lines=("car: yes or no.",))]))
    Variables (1)
      car: yes or no.
    """
    blocks = []
    for section in sections:
        lines = [
            textwrap.fill(" ".join(line.split()), WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
            for line in section.lines
        ]
        blocks.append("\n".join([section.heading, *lines]))
    return "\n\n".join(blocks)


def _made(spec: Spec, levels: Sequence[LevelForm]) -> Iterator[str]:
    title = f" of '{spec.title.strip()}'" if spec.title.strip() else ""
    what = plural(spec.records, spec.unit or "record")
    yield f"{what}{title}, each with {plural(len(spec.variables), 'variable')}."
    for level in levels[1:]:
        order = ", in an order" if level.ordered else ""
        yield f"Each {level.parent} has {_number(level.number)} rows of '{level.name}'{order}{_roles(level)}."
    context = " ".join(spec.context.split())
    yield context or "The spec does not say what one record is (`context`); a model that is asked would want to know."


def _number(number: HowMany) -> str:
    if number.max is None:
        return f"{number.min} or more" if number.min else "any number of"
    return f"{number.min}" if number.min == number.max else f"{number.min} to {number.max}"


def _roles(level: LevelForm) -> str:
    """What tells rows of a level apart, and how many there are of each."""
    if not level.role:
        return ""
    told = [f"{_number(number)} {role}" for role, number in level.roles.items() if (number.min, number.max) != (0, None)]
    return f"; {level.role} tells them apart" + (f", {listed(told)}" if told else "")


def _heading(level: LevelForm, several: bool) -> str:
    return f"Variables{f' of {level.name}' if several else ''} ({len(level.variables)})"


def _variables(level: LevelForm) -> Iterator[str]:
    for name, declared in level.variables.items():
        follows = level.follows.get(name)
        variable = declared.build(name)
        if follows is None:
            yield _variable(variable)
        else:
            whom = f"such {follows.role or follows.level}" if follows.condition else follows.role or follows.level
            absent = f"; '{NOBODY}' where there is no {whom}" if follows.absent else ""
            yield _variable(variable, f"{absent}, follows from members: `{follows.text}`")


def _variable(variable: Variable, computed: str = "") -> str:
    about = f" {variable.about.strip()}" if variable.about.strip() else ""
    unknown = f"; '{variable.labels[-1]}' where there is no value" if variable.missing else ""
    return f"{variable.name}: {variable.kind.described(variable.valued, _shortened)}{unknown}{computed}.{about}"


def _attributes(spec: Spec, problem: Problem | None) -> tuple[str, ...]:
    """What the attributes of the spec's zones are called, as far as that is known without their file."""
    if problem is not None:
        return tuple(problem.whole.schema.unit.variables[position].name for position in problem.attributes)
    told = None if spec.zones is None else spec.zones.attributes
    return tuple(told) if isinstance(told, dict) else ()


def _kinds(spec: Spec, names: Sequence[str], problem: Problem | None) -> Iterator[str]:
    """What attributes zones have, and what that is for."""
    if not names or spec.zones is None:
        return
    key, zones = spec.zones.key, None if problem is None else problem.whole.zones
    for at, name in enumerate(names):
        counted = ""
        if zones is not None and zones.kinds is not None:
            n_zones = np.bincount(zones.kinds.codes[at], minlength=zones.kinds.variables[at].size).tolist()
            labels = zones.kinds.variables[at].labels
            counted = f": {_shortened([f'{label} in {n:,}' for label, n in zip(labels, n_zones, strict=True)])}"
        yield f"{name} is the same for all in one {key}{counted}."
    yield f"Beliefs are of kinds of zones ({', '.join(names)}), never of each {key}."


def _shortened(labels: Sequence[str]) -> str:
    between = "; " if any("," in label for label in labels) else ", "
    if len(labels) <= MOST_BINS:
        return between.join(labels)
    return between.join([*labels[: MOST_BINS // 2], "...", *labels[-2:]])


def _targets(spec: Spec, told: Sequence[ToldTarget]) -> Iterator[str]:
    if told:
        counted = "rows of its level" if spec.members else "records"
        yield f"Unless something else is said, a table counts all {counted}, and each of its cells is met exactly."
    for target in told:
        yield target.sentence
    for name in spec.variables:
        holding = [f"'{target.name}'" for target in told if name in target.variables]
        if len(holding) > 1:
            both = "both" if len(holding) == 2 else "all"
            yield f"Note: {listed(holding)} {both} speak of {name}; where they overlap they must agree."
    for column, meaning in spec.columns.items():
        yield f"In tables, a column called '{column}' is {'left out' if meaning is None else meaning}."
    for name, labels in spec.labels.items():
        written = [f"'{label}' for {meaning}" for label, meaning in labels.items()]
        yield f"For {name}, tables write {_shortened(written)}."


def _rules(spec: Spec) -> Iterator[str]:
    for rule in spec.rules:
        yield f"`{rule.never}`: {rule.why or 'no reason is given'}."


def _open(spec: Spec, told: Sequence[ToldTarget], kinds: Sequence[str]) -> Iterator[str]:
    """Variables without a table, and pairs of variables that no table holds together; of what zones are, these tell."""
    variables = [name for name, declared in spec.variables.items() if name not in kinds and not declared.kind.free]
    if any(target.unread for target in told):
        names = listed([f"'{target.name}'" for target in told if target.unread])
        yield f"{names} could not be read, so what is left open cannot be told for sure."
    covered = {name for target in told for name in target.variables}
    believing = _believing(spec)
    inside = {name for target in told for name in target.inside} - covered
    free = [name for name in variables if name not in covered | inside]
    if free:
        instead = "these are only believed" if believing else "their categories will come equally often, as nothing says more"
        yield f"No table gives the shares of {listed(free)}; {instead}."
    if inside:
        few = listed([name for name in variables if name in inside])
        yield f"Of {few}, tables tell only what `where` says; the rest {'is only believed' if believing else 'is even'}."
    pairs = list(combinations((*kinds, *variables), 2))
    zones = "" if spec.zones is None else spec.zones.key
    sides = [{*one.variables, *one.inside, *(kinds if zones in one.variables else ())} for one in told]
    held = [pair for pair in pairs if set(pair) <= set(kinds) or any(set(pair) <= own for own in sides)]
    rest = [pair for pair in pairs if pair not in held]
    if not rest:
        return
    decides = "beliefs decide how they depend on each other" if believing else "they will be independent of each other"
    if len(rest) <= MOST_PAIRS:
        named = listed([f"{a} with {b}" for a, b in rest])
        yield f"No table holds these together, so {decides}: {named}."
    else:
        named = f" ({listed([f'{a} with {b}' for a, b in held])})" if 0 < len(held) <= MOST_PAIRS else ""
        stand = "stands" if len(held) == 1 else "stand"
        if held:
            yield f"Of {len(pairs):,} pairs of variables, {len(held):,}{named} {stand} in a table together."
            yield f"No table holds the other {len(rest):,}: {decides}."
        else:
            yield f"No table holds two variables together ({len(pairs):,} pairs): {decides}."


def _believing(spec: Spec) -> bool:
    asked = spec.model is not None and spec.model.name != "none"
    return asked or spec.prior is not None or spec.sample is not None


def _beliefs(spec: Spec) -> Iterator[str]:
    if spec.prior is not None:
        yield f"From the file {spec.prior}" + (
            f"; {spec.model.name} is not asked." if spec.model is not None and spec.model.name != "none" else "."
        )
    elif spec.model is not None and spec.model.name != "none":
        yield _model(spec.model)
    elif spec.sample is None:
        yield "From nowhere: what the tables do not say is independent."
    if spec.sample is not None:
        weight = f", weighted by its column {spec.sample.weight}" if spec.sample.weight is not None else ""
        yield (
            f"From the real records in {spec.sample.file}{weight}: they count as much as there are of them, "
            "and give way to the tables."
        )
    yield METHODS["calibrated" if spec.asks_nobody else spec.method]
    yield f"The same spec gives the same records: random seed {spec.random_seed}."


def _model(model: ModelSpec) -> str:
    provider, _, rest = model.name.partition(":")
    if provider == "replay":
        return f"From the answers of a model that were recorded in {rest}; no model is asked."
    caps = [words.format(value) for key, words in CAPS.items() if (value := getattr(model, key)) is not None]
    pace = f" No faster than {model.requests_per_minute:g} requests a minute." if model.requests_per_minute else ""
    until = f" It is asked no more after {listed(caps, 'or')}, whichever comes first." if len(caps) > 1 else (
        f" It is asked no more after {caps[0]}." if caps else " Nothing caps what that costs; `synthor estimate` tells it."
    )  # fmt: skip
    if provider == "batch":
        return f"From a language model by way of files: requests are written to {rest}, to be answered elsewhere.{until}"
    return f"From the language model {model.name}, which is asked.{until}{pace}"
