"""The note that goes with published tables: what was disclosed, how it is protected, and what is not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synthor.disclose.columns import DeclaredColumn, LeftOut
from synthor.disclose.count import Counted
from synthor.disclose.noise import CONFIDENCE, Noisy
from synthor.disclose.settings import Settings
from synthor.disclose.suppress import Suppressed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facts:
    """All that the note tells.

    Attributes:
        settings: as asked.
        columns: that became variables.
        left: that did not.
        n_records: how many records the spec makes.
        tables: that were published.
        suppressed: cross-tables with what was left out of them, the withheld ones among them.
        noisy: noise and budget, if any.
    """

    settings: Settings
    columns: tuple[DeclaredColumn, ...]
    left: tuple[LeftOut, ...]
    n_records: int
    tables: tuple[Counted, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    noisy: Noisy | None = None

    @property
    def n_primary(self) -> int:
        return sum(int(found.primary.sum()) for found in self.suppressed if not found.withheld)

    @property
    def n_hidden(self) -> int:
        return sum(int(found.hidden.sum()) for found in self.suppressed if not found.withheld)

    @property
    def withheld(self) -> tuple[str, ...]:
        return tuple(found.table.title for found in self.suppressed if found.withheld)

    @property
    def narrowest(self) -> float | None:
        """Width of the narrowest interval of any suppressed cell."""
        widths = [float((found.high - found.low).min()) for found in self.suppressed if len(found.low)]
        return min(widths) if widths else None

    @property
    def total_told(self) -> str:
        """Where the number of records is from."""
        if self.settings.records is not None:
            return "as you said"
        if self.noisy is not None:
            return "with noise"
        return "the sum of weights" if self.settings.weight else "as many as there are"

    @property
    def protection(self) -> str:
        """How the counts are protected, in a sentence."""
        settings = self.settings
        if self.noisy is not None:
            return (
                f"Every count carries differentially private noise: epsilon {settings.epsilon:g} in all, {CONFIDENCE:.0%} of "
                f"counts within {self.noisy.margin:.3g}."
            )
        if settings.round_to is not None:
            return f"Every count is rounded to a multiple of {settings.round_to}."
        if not settings.suppresses:
            return "Nothing is protected: every count is told as it is."
        if not self.n_hidden:
            return f"No count of fewer than {settings.fewest} records had to be suppressed."
        return (
            f"{self.n_hidden:,} cells are suppressed: {self.n_primary:,} of fewer than {settings.fewest} records, "
            f"{self.n_hidden - self.n_primary:,} more so that those cannot be worked out. The audit proves that none can be "
            f"told to within less than {self.narrowest:,.4g}."
        )

    @property
    def summary(self) -> tuple[str, ...]:
        """For the terminal."""
        n_crossed = sum(len(table.at) > 1 for table in self.tables)
        lines = [
            f"{plural(len(self.columns), 'variable')}, {plural(len(self.tables), 'table')} ({n_crossed} crossed), "
            f"{self.n_records:,} records.",
            self.protection,
        ]
        if self.left:
            lines.append(f"Left out: {', '.join(column.source for column in self.left)}; disclosure.md says why.")
        if self.withheld:
            lines.append(f"Not published, since too little of it could be told: {', '.join(self.withheld)}.")
        return tuple(lines)


def plural(n: int, word: str) -> str:
    """A number with its word.

    >>> plural(1, "table"), plural(1200, "table")
    ('1 table', '1,200 tables')
    """
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def note(facts: Facts) -> str:
    """The text of disclosure.md."""
    parts = [
        ["# What was disclosed", "", *_published(facts)],
        ["", "## How it is protected", "", *_protected(facts)],
        ["", "## What this does not protect against", "", *_bullets(_open_to(facts))],
        ["", "## Columns that were left out", "", *_left_out(facts.left)],
    ]
    return "\n".join([*(line for part in parts for line in part), ""])


def _published(facts: Facts) -> Iterator[str]:
    yield f"- The number of records, {facts.n_records:,} ({facts.total_told}). All tables add up to it" + (
        ", but for their noise." if facts.noisy else ", but for their rounding." if facts.settings.round_to else "."
    )
    yield f"- {plural(len(facts.columns), 'variable')}: their names, labels, bins and ranges, in spec.yaml."
    yield f"- {plural(len(facts.tables), 'table')} with {sum(t.counts.size for t in facts.tables):,} cells:"
    crossed = [table.title for table in facts.tables if len(table.at) > 1]
    yield f"    - {plural(len(facts.tables) - len(crossed), 'one-way marginal')}, one for every variable"
    for title in crossed:
        yield f"    - {text(title)}"
    joined = [column for column in facts.columns if column.remark]
    for column in joined:
        yield f"- {text(column.name)}: {text(column.remark)}."


def _protected(facts: Facts) -> Iterator[str]:
    settings, fewest = facts.settings, facts.settings.fewest
    yield facts.protection
    if fewest > 1:
        yield ""
        yield (
            f"Labels and bins that fewer than {fewest} records hold are joined with others, and so are fewer than {fewest} "
            f"missing values. Ranges end on round numbers at or outside of the {fewest}th smallest and largest value; values "
            "beyond are counted in the first and last bin. So no label, bin, range or one-way marginal speaks of fewer "
            f"than {fewest} records."
        )
    if facts.noisy is not None:
        yield ""
        yield from _budget(facts.noisy, settings)
    elif settings.suppresses and facts.suppressed:
        yield ""
        yield from _audit(facts)
    if facts.withheld:
        yield ""
        yield f"Not published, since its small cells could not be protected: {text(', '.join(facts.withheld))}."


def _audit(facts: Facts) -> Iterator[str]:
    fewest = facts.settings.fewest
    yield (
        f"Counts that 1 to {fewest - 1} records stand behind are marked `*` (primary suppression), and so are further ones "
        "(complementary suppression). Linear programmes were then asked how small and how large each marked cell can be, "
        "given every published count, that counts are not negative, and what the marks say themselves:"
    )
    yield ""
    if facts.settings.weight is None and facts.settings.records is None:
        yield f"- each cell of fewer than {fewest} records may be anything from 1 to {fewest - 1};"
        yield f"- each other marked cell lies in an interval at least {max(fewest - 1, 1)} wide;"
    else:
        yield f"- each marked cell lies in an interval at least as wide as what {fewest - 1} records stand for on average;"
    if facts.narrowest is not None:
        yield f"- the narrowest interval is at least {facts.narrowest:,.4g} wide."
    with_zeros = [found.table.title for found in facts.suppressed if found.zeros and not found.withheld]
    if with_zeros:
        yield ""
        yield f"Marked cells may be 0 in: {text(', '.join(with_zeros))}. In all other tables zeros are told."
    unaudited = sum(found.n_unaudited for found in facts.suppressed)
    yield ""
    yield (
        "Three cross-tables that join three variables pairwise are audited together; longer circles of tables are not"
        + (f", and {plural(unaudited, 'circle')} of three were too large." if unaudited else ".")
    )


def _budget(noisy: Noisy, settings: Settings) -> Iterator[str]:
    told = "" if noisy.total is None else " and the number of records"
    yield (
        f"Discrete Laplace noise of scale {noisy.scale:.4g} (OpenDP) on every count; the budget is shared equally by "
        f"{plural(len(noisy.tables), 'table')}{told}. Spent: epsilon {noisy.spent:.4g} of {settings.epsilon:g}, for adding "
        "or removing one record. Counts below 0 are set to 0, which costs nothing. The noise is not seeded: who could repeat "
        "it could take it off."
    )
    yield ""
    yield "Not covered by this guarantee, because it was taken from the data as they are:"
    yield ""
    yield "- which columns are variables, their labels, bins and ranges;"
    yield "- that each label and bin has enough records, and which ones were joined;"
    if settings.cross_tables:
        yield "- which cross-tables --cross-tables chose (those that --cross names are your choice, not the data's);"
    yield "- what this note says of columns: which were left out, and why, and remarks on values."


def _open_to(facts: Facts) -> Iterator[str]:
    settings = facts.settings
    yield "Names of variables and labels are told as they are: read them in spec.yaml before you hand it on."
    if facts.noisy is not None:
        yield "A person with several records is hidden only as well as one record of theirs; epsilon adds up over them."
        yield "Each further release from the same records adds its own epsilon."
        return
    if settings.round_to is not None:
        yield (
            f"Rounding alone leaves each count uncertain by {settings.round_to / 2:g}; several tables, or a count that is "
            "known from elsewhere, can narrow it further. No audit was made of that. A 0 may be a small count."
        )
    else:
        yield "Zeros are told: that nobody is in a cell may itself say something of those who are in the others."
        yield "A cell that holds a whole row tells the column of everyone in that row (attribute disclosure)."
    yield (
        "Who knows other tables of the same records, or some of the records (their own, say), can work out more than the "
        "audit assumes. The same goes for two releases of files that differ by a few records."
    )
    yield "Only --epsilon gives a guarantee that holds whatever a reader knows already."


def _left_out(left: Sequence[LeftOut]) -> Iterator[str]:
    if not left:
        yield "None."
    by_reason: dict[str, list[str]] = {}
    for column in left:
        by_reason.setdefault(column.reason, []).append(column.source)
    for reason, sources in by_reason.items():
        yield f"- {', '.join(text(source) for source in sources)}: {text(reason)}."


def _bullets(lines: Iterator[str]) -> Iterator[str]:
    return (f"- {line}" for line in lines)


def text(words: str) -> str:
    r"""Words from a file inside Markdown: on one line, and no markup.

    >>> text("a_b <i>")
    'a\\_b &lt;i>'
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in words).replace("<", "&lt;")
    return "".join("\\" + letter if letter in "\\`*_[]#|" else letter for letter in plain)
