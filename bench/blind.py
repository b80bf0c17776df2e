"""Can a reader tell made households from real ones? Households of Buenos Aires, in one shuffled list.

    SYNTHOR_DATA=... python bench/blind.py write FOLDER      # households.md for a reader, key.json for the score
    python bench/blind.py score FOLDER                       # reads answers.json, adds to bench/results/blind.json and .md

What was answered is kept in `bench/recordings/blind`, a folder for each recording, without what was said of real households:
`python bench/blind.py score bench/recordings/blind/answers` comes to the reported figures.

As many real households as made ones, drawn at random, the real ones by their weights. Incomes are shown by their bands, since
real ones are round; all else is shown as it is in the records. The reader sees `households.md` alone, and says of each
how surely it is made, 0 to 100, and whether it is ordinary, unusual but believable, or wrong. *Told apart* is the share of
pairs of a real and a made one in which the made one was called more surely made, ties for a half: 0.5 is chance. Its interval
is that of 2,000 bootstrap samples of households.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

from harness import RESULTS, dated, write
from population_example import HERE, SPEC, Row, prepared, run

EACH, SEED, DRAWS = 30, 11, 2_000
VERDICTS = ("ordinary", "unusual", "wrong")
OF_HOME = ("type", "tenure", "rooms", "dwelling", "area", "zone")
OF_PERSON = ("role", "age", "sex", "marital", "activity", "education", "born", "health")
NEAR, FAR, MANY = 15, 50, 8
BANDS = (0, 12_000, 20_000, 30_000, 45_000, 70_000)
TASK = """# Households

Private households of the City of Buenos Aires in the last quarter of 2017. Income is that of the whole household in
pesos of the month. Some are records of a survey, some are made by a program; each stands by itself. For each say how surely it
is made (0 surely real, 100 surely made) and whether it is `ordinary`, `unusual` (but believable) or `wrong` (hardly to be found
in a real survey). Education is the highest level reached.
"""


def shown(home: Row, persons: list[Row]) -> str:
    """One household as a reader sees it."""
    band = max(low for low in BANDS if low <= float(home["income"]))
    above = next((low for low in BANDS if low > band), None)
    income = f"{band:,} or more" if above is None else f"{band:,} to {above:,}"
    told = ", ".join(f"{name}: {home[name]}" for name in OF_HOME)
    lines = [f"{told}, income: {income}", *("- " + ", ".join(str(one[name]) for name in OF_PERSON) for one in persons)]
    return "\n".join(lines)


def between(folder: Path) -> Row:
    """Percent of children too near to the older parent in age, or too far; and of homes with children that have many."""
    homes, people = read(folder)
    people = people.join(
        homes.select("household_id", weight="weight" if "weight" in homes.columns else pl.lit(1.0)), on="household_id"
    )
    older = (
        people.filter(pl.col("role").cast(str).is_in(["head", "partner"]))
        .group_by("household_id")
        .agg(older=pl.col("age").max())
    )
    children = people.filter(pl.col("role") == "child").join(older, on="household_id")
    gap, weight = (children["older"] - children["age"]).to_numpy(), children["weight"].to_numpy()
    each = children.group_by("household_id").agg(pl.len(), pl.col("weight").first())
    many, of_home = (each["len"] >= MANY).to_numpy(), each["weight"].to_numpy()
    return {f"older parent less than {NEAR} years older": 100 * float(np.average(gap < NEAR, weights=weight)),
            f"more than {FAR} years": 100 * float(np.average(gap > FAR, weights=weight)),
            f"{MANY} children or more": 100 * float(np.average(many, weights=of_home))}  # fmt: skip


def read(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Households of a folder and their persons."""
    ending = ".parquet" if (folder / "household.parquet").exists() else ".csv"
    one = pl.read_parquet if ending == ".parquet" else lambda file: pl.read_csv(file, infer_schema_length=None)
    homes, people = (one(folder / f"{name}{ending}") for name in ("household", "person"))
    return homes, people


def drawn(folder: Path, n: int, random: np.random.Generator) -> list[str]:
    """Some households of a folder at random, by their weights if they have any."""
    homes, people = read(folder)
    weight = homes["weight"].to_numpy().astype(float) if "weight" in homes.columns else np.ones(homes.height)
    picked = homes[random.choice(homes.height, n, replace=False, p=weight / weight.sum()).tolist()]
    roles = {role: place for place, role in enumerate(("head", "partner", "child"))}
    found = []
    for home in picked.iter_rows(named=True):
        members = people.filter(pl.col("household_id") == home["household_id"]).to_dicts()
        members.sort(key=lambda one: (roles.get(str(one["role"]), len(roles)), str(one["role"]), -int(one["age"])))
        found.append(shown(home, members))
    return found


def ask(folder: Path, answers: str) -> None:
    """Households for a reader, and which are made."""
    with prepared() as (place, _):
        run(place, SPEC.replace("answers.jsonl", answers), "made")
        random = np.random.default_rng(SEED)
        every = [(text, False) for text in drawn(place / "real", EACH, random)]
        every += [(text, True) for text in drawn(place / "made", EACH, random)]
        counted = {kind: between(place / kind) for kind in ("made", "real")}
    order = random.permutation(len(every))
    folder.mkdir(parents=True, exist_ok=True)
    parts = [f"## {number}\n\n{every[at][0]}\n" for number, at in enumerate(order, start=1)]
    form = 'Answer: {"1": {"made": 0 to 100, "verdict": "ordinary", "why": "a few words"}, ...}\n'
    (folder / "households.md").write_text("\n".join([TASK + form, *parts]), encoding="utf-8")
    key = {"answers": answers, "between": counted, "made": [number for number, at in enumerate(order, start=1) if every[at][1]]}
    (folder / "key.json").write_text(json.dumps(key), encoding="utf-8")


def told_apart(of_made: np.ndarray, of_real: np.ndarray) -> float:
    """Share of pairs in which the made one is called made more surely."""
    gap = of_made[:, None] - of_real[None]
    return float(((gap > 0) + (gap == 0) / 2).mean())


def score(folder: Path) -> Row:
    """What a reader told apart, and how it judged households of either kind."""
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    given = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    made = [given[str(number)] for number in key["made"]]
    real = [one for number, one in given.items() if int(number) not in key["made"]]
    a, b = (np.array([float(one["made"]) for one in some]) for some in (made, real))
    random = np.random.default_rng(0)
    samples = [told_apart(random.choice(a, len(a)), random.choice(b, len(b))) for _ in range(DRAWS)]
    counted = {kind: {verdict: sum(one["verdict"] == verdict for one in some) for verdict in VERDICTS}
               for kind, some in (("made", made), ("real", real))}  # fmt: skip
    return {"recording": key["answers"], "each": len(made), "told apart": told_apart(a, b),
            "from": float(np.quantile(samples, 0.025)), "to": float(np.quantile(samples, 0.975)), "verdicts": counted,
            "between": key.get("between"),
            "wrong": [one["why"] for one in made if one["verdict"] == "wrong"]}  # fmt: skip


def page(result: Row) -> str:
    """The figures as a page."""
    lines = ["# Made households beside real ones, to a reader", "", f"`python bench/blind.py`, {result['date']}. Households of"
             " either kind, shuffled; a language model that saw only the list judged each.", ""]  # fmt: skip
    lines += [
        "| recording | households of either kind | told apart (0.5 is chance) | made: " + ", ".join(VERDICTS) + " | real |"
    ]
    lines += ["|---" * 5 + "|"]
    of_all = {name: of for name, of in result.items() if isinstance(of, dict)}
    for name, of in of_all.items():
        each = [", ".join(str(of["verdicts"][kind][one]) for one in VERDICTS) for kind in ("made", "real")]
        lines.append(
            f"| {name} | {of['each']} | {of['told apart']:.2f} ({of['from']:.2f} to {of['to']:.2f}) | {' | '.join(each)} |"
        )
    for name, of in of_all.items():
        for what, percent in (of["between"] or {}).get("made", {}).items():
            lines += ["", f"{name}, {what}: {percent:.2f}%, real {of['between']['real'][what]:.2f}%."]
        lines += ["", f"Called wrong, {name}: " + ("; ".join(of["wrong"]) or "none") + "."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("write", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answers", default=sorted(HERE.glob("answers*.jsonl"))[-1].name, help="the recording")
    told = parser.parse_args()
    if told.what == "write":
        ask(told.folder, told.answers)
        return
    done = RESULTS / "blind.json"
    found = score(told.folder)
    known = json.loads(done.read_text(encoding="utf-8")) if done.exists() else {}
    result = dated(known | {found.pop("recording"): found})
    write("blind", result, page(result))
    print(page(result))


if __name__ == "__main__":
    main()
