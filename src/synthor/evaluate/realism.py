"""What comparing with real records came to, as a person at a prompt holds it."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from synthor.evaluate.fidelity import Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Realism:
    """Records compared with real ones in everything that was no target.

    Attributes:
        views: an evaluation of each kind of row; of records without members there is one.
    """

    views: Mapping[str, Evaluation]

    @property
    def recovered(self) -> float:
        """How much of independence's error is gone, over all pairs of all kinds of rows."""
        pairs = [pair for one in self.views.values() for pair in one.pairs]
        return 1 - sum(pair.tvd for pair in pairs) / sum(pair.tvd_of_independence for pair in pairs)

    @property
    def frame(self) -> pl.DataFrame:
        """One row a kind of rows: mean TVD of pairs, that of independence, recovered, and what it is worth in real records."""
        return pl.DataFrame(
            [
                {
                    "rows": name,
                    "records": one.n_records,
                    "real": one.n_real,
                    "pairs": one.n_pairs,
                    "tvd": one.records.mean_pair_tvd,
                    "tvd_of_independence": one.independence.mean_pair_tvd,
                    "recovered": one.records.recovered,
                    "ceiling": one.ceiling,
                    "equivalent": one.records.equivalent.size,
                }
                for name, one in self.views.items()
            ]
        )

    @property
    def pairs(self) -> pl.DataFrame:
        """One row a pair of variables that was no target, the furthest off first."""
        return pl.DataFrame(
            [
                {
                    "rows": name,
                    "first": pair.variables[0],
                    "second": pair.variables[1],
                    "tvd": pair.tvd,
                    "tvd_of_independence": pair.tvd_of_independence,
                }
                for name, one in self.views.items()
                for pair in one.pairs
            ]
        ).sort("tvd", descending=True, maintain_order=True)

    def __repr__(self) -> str:
        first, *more = self.views.items()
        name, one = first
        found = one.records
        lines = [
            f"<Realism of {one.n_records:,} rows of {name} against {one.n_real:,} real ones, {one.n_pairs} pairs>",
            f"mean pair TVD {found.mean_pair_tvd:.4f}, independence {one.independence.mean_pair_tvd:.4f}; "
            f"recovered {found.recovered:.2f} of at most {one.ceiling:.2f}; as good as {found.equivalent.size:,.0f} real rows",
        ]
        if more:
            lines.append(f"{len(more)} more kinds of rows: see .frame; recovered in all {self.recovered:.2f}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.frame._repr_html_()
