"""Why a run does not meet its targets, and how far beliefs and targets pull each other, in words and numbers.

Three things are told: cells that cannot be met together (a contradiction), cells that no record can fall into, with the rules
that keep records out, and strain, ranked. Everything is said with the numbers of the tables.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from synthor.fit.diagnose import Clash, Contradiction
from synthor.fit.model import Model
from synthor.fit.obstacles import Obstacle, keepers
from synthor.fit.remedies import Change, Edit
from synthor.fit.strain import Pull
from synthor.measure import Explanation
from synthor.problem import Problem, Target
from synthor.report.explain_targets import listed
from synthor.schema.text import number, plural

NOTABLE = 0.1
"""Nats from which strain is told without being asked for: a share of 34% that turns out to be 14%, say."""

MOST_CELLS = 12
"""Cells of one contradiction that are told; of more the first, those of each table together."""

MOST_UNSUPPORTED = 20
"""Cells without support that are explained one by one, those that want most records first."""

MOST_STRAINED = 10
"""Targets, and beliefs, whose strain is told in words, the largest first."""

MOST_SHOWN = 30
"""The same in the page's tables."""

WHO = {"table": "a dependency table", "proposals": "the proposals", "independence": "nobody: independence"}

PLACES = {"spec": "in the spec", "beliefs": "in prior.json and run again with --prior"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StrainView:
    """One target or belief: its strain in nats, and the cell where both sides differ most, with both shares as texts."""

    name: str
    strain: float
    cell: str
    believed: str
    fact: str
    by: str
    notable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StrainTable:
    """Strain, ranked.

    Attributes:
        heading: what is ranked.
        fact: what beliefs are compared with.
        rows: the largest strain first.
        n_left_out: how many are not shown.
    """

    heading: str
    fact: str
    rows: tuple[StrainView, ...]
    n_left_out: int


def strain_tables(model: Model) -> tuple[StrainTable, ...]:
    """Strain of targets and of beliefs for the page; none of those that nothing strains."""
    both = (("Targets: how far each pulls the beliefs", "Table", model.targets),
            ("Beliefs: how far each gave way", "Fitted", (*model.tables, *model.three_way)))  # fmt: skip
    tables = []
    for heading, fact, pulls in both:
        ranked = _ranked(pulls)
        rows = tuple(_strain_view(pull, believed=fact == "Fitted") for pull in ranked[:MOST_SHOWN])
        if rows:
            tables.append(StrainTable(heading=heading, fact=fact, rows=rows, n_left_out=len(ranked) - len(rows)))
    return tuple(tables)


def _strain_view(pull: Pull, *, believed: bool) -> StrainView:
    return StrainView(
        name=pull.name,
        strain=pull.strain,
        cell=pull.cell,
        believed=_percent(pull.believed),
        fact=_percent(pull.wanted),
        by="" if believed else WHO[pull.by],
        notable=_notable(pull),
    )


def _ranked(pulls: Sequence[Pull]) -> list[Pull]:
    """Those that are strained at all, the largest strain first."""
    return sorted((pull for pull in pulls if pull.cell), key=lambda pull: -pull.strain)


def _notable(pull: Pull) -> bool:
    """Whether strain is worth a reader's time; that of independence is no belief's."""
    return pull.strain >= NOTABLE and pull.by != "independence"


def explain_misfit(model: Model) -> tuple[Explanation, ...]:
    """Everything that a reader should know of why a fit is as it is: the gravest first."""
    return (
        *(_contradiction(found, model.problem) for found in model.contradictions),
        *_unsupported(model),
        *_strained("target", model.targets),
        *_strained("belief", (*model.tables, *model.three_way)),
    )


def _contradiction(found: Contradiction, problem: Problem) -> Explanation:
    """Cells that cannot be met together, grouped by table."""
    tables = list(dict.fromkeys(clash.target for clash in found.clashes))
    ordered = [clash for table in tables for clash in found.clashes if clash.target == table]
    told, left = ordered[:MOST_CELLS], len(ordered) - MOST_CELLS
    names = listed([f"'{table}'" for table in tables])
    n = plural(len(ordered), "cell")
    where = f"These {n} of {names}" if len(ordered) > 1 else f"This cell of {names}"
    what = f"{where} cannot {'all ' if len(ordered) > 2 else ''}be met{' together' if len(ordered) > 1 else ''}"
    because = f" as long as {_and(found.obstacles)}" if found.obstacles else ""
    proof = (
        ": no population can do it."
        if found.proven
        else ": no records were found that do it, though it is not proven that there are none."
    )
    lines = [_wanted(table, [clash for clash in told if clash.target == table], problem) for table in tables]
    lines = [line for line in lines if line]
    if left > 0:
        lines.append(f"and {plural(left, 'cell')} more, listed in measurement.json")
    several = len(tables) > 1
    cures = [f"correct {'these tables or give them' if several else 'the table or give it'} a tolerance"]
    if not found.proven:  # the tables may well be right
        cures = [
            f"add proposals for such records to prior.json, or give {'one of these tables' if several else 'it'} a tolerance"
        ]
    cures += _strikes(found.obstacles)
    changes, further = (found.changes if found.proven else ()), ""
    if found.proven and found.tried and not found.changes:
        which = "none of these tables alone was found" if several else "no change of it was found"
        further = f" A change of {which}" if several else f" {_capital(which)}"
        further += " that resolves this and leaves it in agreement with the others."
    if found.more:
        further += " There may be more contradictions: run again when this one is resolved."
    return Explanation(
        kind="contradiction",
        sentence=what + because + proof,
        lines=tuple(lines),
        changes=tuple(_change(change) for change in changes),
        promise=_promise(changes),
        cure=f"{_capital(', or '.join(cures))}.{further}",
        details=asdict(found),
    )


def _wanted(table: str, clashes: Sequence[Clash], problem: Problem) -> str:
    """What some cells of one table want."""
    universe = next((source.grid.universe for source in problem.targets if source.name == table), None)
    within = f" (of the records with `{universe.text}`)" if universe is not None else ""
    asked = []
    for clash in clashes:
        low, high = _rows(clash.low, clash.counts), _rows(clash.high, clash.counts)
        if clash.counts:
            said = low if low == high else f"{low} to {high}"
        else:
            said = _rows(clash.wanted, False) + (f" ({low} to {high})" if low != high else "")
        asked.append(f"{said} for {clash.cell}" if clash.cell else said)
    return f"'{table}'{within} wants {'; '.join(asked)}" if asked else ""


def _promise(changes: Sequence[Change]) -> str:
    """What any one of some changes brings."""
    if not changes:
        return ""
    if all(change.enough for change in changes):
        return "This change would be enough:" if len(changes) == 1 else "Any one of these changes would be enough:"
    which = "This change" if len(changes) == 1 else "Any one of these changes"
    return f"{which} would resolve this contradiction, and another would remain:"


def _change(change: Change) -> str:
    """Edits to be made together, those of each table after its name."""
    tables = list(dict.fromkeys(edit.target for edit in change.edits))
    return " and ".join(
        f"'{table}': {'; '.join(_edit(edit) for edit in change.edits if edit.target == table)}" for table in tables
    )


def _edit(edit: Edit) -> str:
    """One number before and after."""
    counts = edit.kind == "count"
    unit = "%" if edit.kind == "share" else ""
    before, after = (_rows(value, counts) + unit for value in (edit.before, edit.after))
    by = f"{_rows(abs(edit.after - edit.before), counts)} {'more' if edit.after > edit.before else 'less'}, " if counts else ""
    return f"{edit.cell}{' ' if edit.cell else ''}{by}{after} instead of {before}"


def _unsupported(model: Model) -> list[Explanation]:
    """Cells that are wanted although no record falls into them, with what keeps records out."""
    problem, targets = model.ruled, model.problem.targets
    places = sorted(model.lacking, key=lambda place: -float(targets[place[0]].wanted[place[1]]))
    told = [_lack(problem, targets[t], cell) for t, cell in places[:MOST_UNSUPPORTED]]
    if len(places) > MOST_UNSUPPORTED:
        rest = plural(len(places) - MOST_UNSUPPORTED, "more cell")
        told.append(Explanation(kind="unsupported", sentence=f"{rest} without a record are listed in model.json."))
    return told


def _lack(problem: Problem, target: Target, cell: int) -> Explanation:
    sets = keepers(problem, target, cell) if target.flat else ()
    labels = ", ".join(f"{name} = {label}" for name, label in target.labels(cell).items())
    wanted = float(target.wanted[cell])
    details = {
        "target": target.name,
        "labels": target.labels(cell),
        "wanted": wanted,
        "kept_empty_by": [[asdict(obstacle) for obstacle in together] for together in sets],
    }
    where = f"'{target.name}' wants {_rows(wanted, True)} for {labels or 'its universe'}, but"
    if not sets:
        sentence = f"{where} no candidate falls there, and no rule or table that alone explains it was found."
        cure = "Add a proposal for such records to prior.json, or give the table a tolerance."
        return Explanation(kind="unsupported", sentence=sentence, cure=cure, details=details)
    if sets == ((),):
        sentence = f"{where} its own `where` or bands leave no such record."
        return Explanation(kind="unsupported", sentence=sentence, cure="Correct the table or its `where`.", details=details)
    lines = [_forbidding(together) for together in sets]
    others = dict.fromkeys(f"correct '{o.text}'" for together in sets for o in together if o.kind == "table")
    cures = [f"correct '{target.name}'", *others, *_strikes([obstacle for together in sets for obstacle in together])]
    each = " From each of these lines something has to go." if len(sets) > 1 else ""
    return Explanation(
        kind="unsupported",
        sentence=f"{where} no record can be there:",
        lines=tuple(lines),
        cure=f"{_capital(', or '.join(cures))}.{each}",
        details=details,
    )


def _forbidding(together: Sequence[Obstacle]) -> str:
    """What a set of obstacles does, with the reasons of its rules."""
    if len(together) == 1:
        return f"{_called(together[0])} {'forbids it' if together[0].kind == 'rule' else 'leaves nothing there'}"
    return f"{listed([_called(obstacle) for obstacle in together])} leave nothing there together"


def _called(obstacle: Obstacle) -> str:
    if obstacle.kind == "table":
        return f"the cells of '{obstacle.text}' that want 0"
    whose = "the spec's" if obstacle.source == "spec" else "the beliefs'"
    why = f" ({obstacle.why.strip().rstrip('.')})" if obstacle.why.strip() else ""
    return f"{whose} rule never `{obstacle.text}`{why}"


def _and(obstacles: Sequence[Obstacle]) -> str:
    rules = [_called(obstacle) for obstacle in obstacles if obstacle.kind == "rule"]
    tables = [_called(obstacle) for obstacle in obstacles if obstacle.kind == "table"]
    parts = [f"{listed(rules)} {'holds' if len(rules) == 1 else 'hold'}"] if rules else []
    return listed([*parts, *([f"{listed(tables)} stay empty"] if tables else [])])


def _strikes(obstacles: Sequence[Obstacle]) -> list[str]:
    """Which rules could be struck, and where."""
    cures = []
    for source, place in PLACES.items():
        n = sum(obstacle.kind == "rule" and obstacle.source == source for obstacle in obstacles)
        if n:
            cures.append(f"strike {'the rule' if n == 1 else 'one of these rules'} {place}")
    return cures


def _strained(kind: str, pulls: Sequence[Pull]) -> list[Explanation]:
    """Strain in words, the largest first."""
    return [_target_strain(pull) if kind == "target" else _belief_strain(pull) for pull in _ranked(pulls)[:MOST_STRAINED]]


def _target_strain(pull: Pull) -> Explanation:
    assumed = {
        "table": "the believed table says",
        "proposals": "the proposals say",
        "independence": "it would be, if its variables did not depend on each other,",
    }[pull.by]
    sentence = (
        f"'{pull.name}' pulls by {pull.strain:.2g} nats: most at {pull.cell}, where the table has {_percent(pull.wanted)} and "
        f"{assumed} {_percent(pull.believed)}."
    )
    doubt = "The table or the beliefs are wrong there: check first whether the table's labels mean what the spec says."
    known = "That is what the table adds to what was known; nobody believed otherwise."
    return Explanation(
        kind="target",
        sentence=sentence,
        cure=known if pull.by == "independence" else doubt,
        notable=_notable(pull),
        details=_plain(pull),
    )


def _belief_strain(pull: Pull) -> Explanation:
    sentence = (
        f"The belief '{pull.name}' gave way by {pull.strain:.2g} nats: most at {pull.cell}, believed {_percent(pull.believed)} "
        f"of all records, fitted {_percent(pull.wanted)}{', where ' + pull.barred.words if pull.barred else ''}."
    )
    cure = "A table, a rule or another belief speaks against it: look at which of them is wrong."
    if pull.barred is not None and (pull.barred.obstacles or pull.barred.targets):
        cure = "Nothing else is possible there: if the belief is right, one of these is wrong."
    elif pull.barred is not None:
        cure = "Add a proposal for such records to prior.json."
    return Explanation(kind="belief", sentence=sentence, cure=cure, notable=_notable(pull), details=_plain(pull))


def _plain(pull: Pull) -> dict[str, object]:
    told = {"name": pull.name, "strain": pull.strain, "cell": pull.cell, "believed": pull.believed, "wanted": pull.wanted}
    barred = None if pull.barred is None else asdict(pull.barred)
    return told | {"by": pull.by, "barred": barred, "times_likelier": math.exp(min(pull.strain, 700.0))}


def _percent(share: float) -> str:
    """A share in percent, with two digits where it is small.

    >>> _percent(0.34), _percent(0.0004), _percent(0.0)
    ('34%', '0.04%', '0%')
    """
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%" if share >= 1e-6 else "0%"


def _rows(value: float, counts: bool) -> str:
    """A number of records, a decimal where it is not whole; or a value, to ten digits."""
    if counts:
        return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 else f"{value:,.1f}"
    return number(float(f"{value:.10g}"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
