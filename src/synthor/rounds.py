"""What each round of asking a model brought."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: what was asked, what was used, and how things stood after it.

    Attributes:
        number: 0 before anything was asked.
        asked: requests by stage.
        input_tokens: of this round's requests.
        output_tokens: of this round's answers.
        beliefs: what is believed after the round: tables, rules, proposals.
        dropped: beliefs that could not be used, so far.
        status: of the fit after the round.
        discrepancy: mean over the targets of half the sum of |got - wanted|, as a share of the records (TVD).
        worst_discrepancy: of any target.
        unsupported: wanted cells that no unit falls into.
        effective_sample_size: of the weighted pool.
        strain: largest strain of a dependency table, in nats.
        most_strained: which table that is.
    """

    number: int
    asked: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    beliefs: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    status: str = ""
    discrepancy: float = 0.0
    worst_discrepancy: float = 0.0
    unsupported: int = 0
    effective_sample_size: float = 0.0
    strain: float = 0.0
    most_strained: str = ""
