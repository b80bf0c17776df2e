"""What is to be disclosed, and how it is protected."""

from dataclasses import dataclass

from synthor.errors import Finding, InputError

FEWEST = 10
"""Records that stand behind a published label, bin or count, unless the user says another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How tables are made from records; one of `below`, `round_to` and `epsilon` protects them.

    Attributes:
        weight: column of weights; every record counts once without it.
        cross: variables of each cross-table that is wanted.
        cross_tables: how many more pairs are chosen, the most dependent first.
        below: counts of fewer records are suppressed; 10 where nothing else protects.
        round_to: counts are rounded to multiples of this.
        epsilon: budget of differential privacy for all that is counted.
        records: how many records the tables stand for; as many as there are, or the sum of weights, unless given.

    Raises:
        InputError: numbers out of range, or protections that exclude each other.

    >>> Settings().fewest, Settings(round_to=5).fewest, Settings(below=1).fewest
    (10, 10, 1)
    """

    weight: str | None = None
    cross: tuple[tuple[str, ...], ...] = ()
    cross_tables: int = 0
    below: int | None = None
    round_to: int | None = None
    epsilon: float | None = None
    records: int | None = None

    def __post_init__(self) -> None:
        given = {"--below": self.below, "--round-to": self.round_to, "--epsilon": self.epsilon}
        chosen = [option for option, value in given.items() if value is not None]
        findings = []
        if len(chosen) > 1:
            cure = "choose one: suppressed, rounded or noisy counts"
            findings.append(Finding(where=" and ".join(chosen), message="exclude each other", cure=cure))
        if self.below is not None and self.below < 1:
            message = f"{self.below} is no number of records"
            findings.append(Finding(where="--below", message=message, cure="give 2 or more, or 1 to suppress nothing"))
        if self.round_to is not None and self.round_to < 2:
            findings.append(Finding(where="--round-to", message=f"{self.round_to} rounds nothing", cure="give 2 or more"))
        if self.epsilon is not None and not 0 < self.epsilon <= 100:
            cure = "give a number above 0; 1 is strong protection, 10 is weak"
            findings.append(Finding(where="--epsilon", message=f"{self.epsilon:g} is no privacy budget", cure=cure))
        if self.epsilon is not None and self.weight is not None:
            message = "cannot go together: one record would weigh as much as its weight, and the noise does not hide that"
            cure = "leave out --weight, or protect with --below or --round-to"
            findings.append(Finding(where="--epsilon and --weight", message=message, cure=cure))
        if self.cross_tables < 0 or (self.records is not None and self.records < 1):
            findings.append(Finding(where="--cross-tables, --records", message="negative or 0", cure="give whole numbers"))
        if findings:
            raise InputError(findings)

    @property
    def fewest(self) -> int:
        """Records behind every label and bin that is named."""
        return FEWEST if self.below is None else self.below

    @property
    def suppresses(self) -> bool:
        """Whether small counts are left out."""
        return self.round_to is None and self.epsilon is None and self.fewest > 1
