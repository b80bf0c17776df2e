"""What must be met: the targets as a user writes them."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

Cell = str | int | float | bool


class TargetSpec(BaseModel):
    """One published table: either `table`, or `counts` or `shares` of one variable written in place.

    >>> TargetSpec(shares={"tenure": {"owned": 61, "rented": 39}}).kind
    'share'
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field("", description="Shown in reports; made from the variables unless given.")
    table: str | list[dict[str, Cell]] | None = Field(
        None,
        description="A CSV or Parquet file, or rows written in place: columns named like variables, plus count or share.",
    )
    counts: dict[str, dict[Cell, float]] | None = Field(None, description="Count of each category of one variable.")
    shares: dict[str, dict[Cell, float]] | None = Field(
        None, description="Share of each category of one variable, as fractions or percentages."
    )

    @model_validator(mode="after")
    def _one_source(self) -> "TargetSpec":
        given = [key for key in ("table", "counts", "shares") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of table, counts, shares; has {' and '.join(given) or 'none'}")
        if given[0] != "table" and (inline := len(getattr(self, given[0]))) != 1:
            raise ValueError(f"{given[0]} written in place take one variable, not {inline}: use one target each")
        return self

    @property
    def kind(self) -> str | None:
        """Count or share where the spec says it, None where the table's column will."""
        return "count" if self.counts is not None else "share" if self.shares is not None else None
