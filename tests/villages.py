"""Small made-up regions of households with their persons, for tests of zones."""

from typing import Any

import numpy as np
import polars as pl

AGES = ("0-15", "16-39", "40-64", "65+")
Sides = tuple[str, ...]
TABLES: dict[str, tuple[Sides, ...]] = {
    "household": (("zone", "size"), ("zone", "tenure"), ("tract", "income"), ("cars", "income"), ("size", "cars")),
    "person": (("zone", "age", "sex"), ("tract", "age", "works"), ("age", "relation")),
}


def village(
    seed: int, *, n_zones: int = 24, per_zone: int = 30, n_tracts: int = 3, tables: dict[str, tuple[Sides, ...]] = TABLES
) -> dict[str, Any]:
    """A spec whose tables were counted from whole households, rich zones and poor ones."""
    random = np.random.default_rng(seed)
    sizes = np.maximum((per_zone * random.gamma(4, 0.25, n_zones)).astype(int), 2)
    n = int(sizes.sum())
    zone = np.repeat(np.arange(n_zones), sizes)
    tract = np.sort(random.integers(n_tracts, size=n_zones))
    rich = random.normal(size=n_zones)[zone]
    tenure = (random.random(n) < 1 / (1 + np.exp(-rich))).astype(int)
    income = np.clip(np.floor(1.5 + rich * 0.6 + tenure * 0.8 + random.normal(size=n)), 0, 3).astype(int)
    head = np.clip(random.normal(46 + 6 * tenure, 16), 18, 94)
    couple = random.random(n) < 0.55
    children = np.where((head > 22) & (head < 58), random.poisson(np.where(couple, 1.1, 0.4)), 0).clip(0, 4)
    rows = [(np.arange(n), "head", head)]
    with_partner = np.flatnonzero(couple)
    rows.append((with_partner, "partner", np.clip(head[with_partner] + random.normal(-1, 5, len(with_partner)), 18, 94)))
    parent = np.repeat(np.arange(n), children)
    rows.append((parent, "child", np.clip(head[parent] - random.normal(29, 6, len(parent)), 0, 40)))
    persons = pl.concat(
        [pl.DataFrame({"household": own, "relation": [role] * len(own), "age": np.floor(age)}) for own, role, age in rows]
    )
    works = (random.random(persons.height) < 0.7) & (persons["age"].to_numpy() >= 16)
    size = persons.group_by("household").len().sort("household")["len"].to_numpy().clip(0, 4)
    household = pl.DataFrame(
        {
            "household": np.arange(n),
            "zone": [f"z{place}" for place in zone],
            "tract": [f"t{place}" for place in tract[zone]],
            "size": [str(each) if each < 4 else "4+" for each in size],
            "tenure": np.array(["rented", "owned"])[tenure],
            "income": np.array(["low", "lower", "higher", "high"])[income],
            "cars": [str(each) for each in np.clip(income // 2 + random.integers(0, 2, n), 0, 2)],
        }
    )
    persons = persons.with_columns(
        age=np.array(AGES)[np.searchsorted([16, 40, 65], persons["age"].to_numpy(), side="right")],
        sex=np.array(["female", "male"])[random.integers(0, 2, persons.height)],
        works=np.array(["no", "yes"])[works.astype(int)],
    ).join(household, on="household")

    def counted(frame: pl.DataFrame, sides: Sides) -> list[dict[str, Any]]:
        every = frame.select(pl.col(sides[0]).unique())
        for side in sides[1:]:
            every = every.join(frame.select(pl.col(side).unique()), how="cross")
        found = every.join(frame.group_by(sides).len("count"), on=list(sides), how="left")
        return found.with_columns(pl.col("count").fill_null(0)).sort(sides).to_dicts()

    targets = []
    for rows_of, frame in (("household", household), ("person", persons)):
        for sides in tables[rows_of]:
            targets.append({"rows": rows_of, "name": " by ".join(sides), "table": counted(frame, sides)})
    return {
        "unit": "household",
        "records": n,
        "random_seed": seed,
        "variables": {
            "size": {"type": "integer", "min": 1, "max": 9, "bins": [1, 2, 3, 4], "from": "count(person)"},
            "tenure": {"type": "category", "values": ["rented", "owned"]},
            "income": {"type": "category", "values": ["low", "lower", "higher", "high"]},
            "cars": {"type": "integer", "min": 0, "max": 2, "bins": [0, 1, 2]},
        },
        "members": {
            "person": {
                "number": {"min": 1, "max": 9},
                "role": "relation",
                "roles": {"head": 1, "partner": {"max": 1}},
                "variables": {
                    "relation": {"type": "category", "values": ["head", "partner", "child"]},
                    "age": {"type": "integer", "min": 0, "max": 95, "bins": [0, 16, 40, 65]},
                    "sex": {"type": "category", "values": ["female", "male"]},
                    "works": {"type": "boolean"},
                },
            }
        },
        "zones": {"key": "zone", "names": [f"z{z}" for z in range(n_zones)], "within": {"tract": lies(tract)}},
        "targets": targets,
        "rules": [{"never": "age < 16 and works"}, {"never": "head.age < 16 or partner.age < 16"}],
    }


def lies(tract: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, str]:
    """The crosswalk."""
    return {f"z{zone}": f"t{own}" for zone, own in enumerate(tract.tolist())}
