"""Cases solved by other tools, for the solver to agree with: writes cases.json beside this file.

    pip install numpy cvxpy ipfn && python tests/independent/make_cases.py

Each case lists all combinations of categories of `shape` in row-major order. Its solution p minimises

    KL(p || base)  +  sum_soft weight KL(shares || C'p)  +  sum_gaussian (f'p - wanted)^2 / (2 variance)

subject to  C'p = wanted (hard),  low <= C'p <= high (interval),  sum_x p(x) (values(x) - mean) = 0 (mean),
p(of | given) = shares (conditional: one row of shares for each category of `given`),  and p = 0 where base is 0. A `columns`
entry names the variables of a table. Cases with only hard tables are iterated by ipfn; all others are solved by cvxpy
(Clarabel), then brought to machine precision by Newton's method on the optimality conditions in p itself, with the bounds of
intervals that cvxpy found to bind. Seeds and marginals of the cases named after humanleague and ipfn are those of these tools'
own tests (virgesmith/humanleague tests/test_all.py, Dirguis/ipfn tests/tests.py; both MIT).
"""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Case = dict[str, Any]
EXACT = 1e-13


def table(shape: Sequence[int], columns: Sequence[int]) -> Array:
    """Which combination counts in which cell of a table: (cells, combinations), zeros and ones."""
    codes = np.indices(shape).reshape(len(shape), -1)
    sizes = [shape[c] for c in columns]
    cell = np.ravel_multi_index(tuple(codes[list(columns)]), sizes)
    return np.eye(int(np.prod(sizes)))[:, cell]


def equalities(case: Case) -> tuple[Array, Array]:
    """All rows A and right-hand sides b of A p = b."""
    shape = case["shape"]
    n = int(np.prod(shape))
    rows, wanted = [np.ones((1, n))], [np.ones(1)]
    for hard in case.get("hard", []):
        rows.append(table(shape, hard["columns"]))
        wanted.append(np.ravel(hard["wanted"]))
    for mean in case.get("mean", []):
        rows.append(np.array([mean["values"]]) - mean["mean"])
        wanted.append(np.zeros(1))
    for conditional in case.get("conditional", []):
        given = table(shape, conditional["given"])
        both = table(shape, [*conditional["given"], *conditional["of"]])
        shares = np.array(conditional["shares"])
        rows.append(both - shares.ravel()[:, None] * np.repeat(given, shares.shape[1], axis=0))
        wanted.append(np.zeros(len(both)))
    return np.concatenate(rows), np.concatenate(wanted)


def seen(case: Case, columns: Sequence[int]) -> Array:
    """A table over the combinations that may occur."""
    return table(case["shape"], columns)[:, occurs(case)]


def occurs(case: Case) -> NDArray[np.bool_]:
    return np.array(case["base"]) > 0


def by_ipfn(case: Case) -> Array:
    """Iterative proportional fitting by ipfn, for cases of hard tables alone."""
    ipfn: Any = importlib.import_module("ipfn.ipfn")
    start = np.array(case["base"]).reshape(case["shape"])
    marginals = [np.reshape(hard["wanted"], [case["shape"][c] for c in hard["columns"]]) for hard in case["hard"]]
    columns = [hard["columns"] for hard in case["hard"]]
    fitted = ipfn.ipfn(start, marginals, columns, convergence_rate=EXACT, max_iteration=100_000, rate_tolerance=0.0)
    return np.asarray(fitted.iteration(), dtype=np.float64).ravel()


def by_cvxpy(case: Case) -> tuple[Array, Array, Array]:
    """The weights, with rows and values of the equalities that hold there, bounds that bind included."""
    cvxpy: Any = importlib.import_module("cvxpy")
    base = np.array(case["base"])[occurs(case)] / np.sum(case["base"])
    p = cvxpy.Variable(len(base))
    objective = cvxpy.sum(cvxpy.kl_div(p, base))
    for soft in case.get("soft", []):
        shares = np.ravel(soft["shares"])
        objective += soft["weight"] * cvxpy.sum(cvxpy.rel_entr(shares, seen(case, soft["columns"]) @ p))
    for gaussian in case.get("gaussian", []):
        objective += cvxpy.square(np.array(gaussian["values"])[occurs(case)] @ p - gaussian["wanted"]) / (
            2 * gaussian["variance"]
        )
    rows, wanted = equalities(case)
    rows = rows[:, occurs(case)]
    demands = [rows @ p == wanted]
    bounds = [(seen(case, i["columns"]), np.ravel(i["low"]), np.ravel(i["high"])) for i in case.get("interval", [])]
    intervals = [[matrix @ p >= low, matrix @ p <= high] for matrix, low, high in bounds]
    problem = cvxpy.Problem(cvxpy.Minimize(objective), [*demands, *(demand for pair in intervals for demand in pair)])
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    assert problem.status == "optimal", (case["name"], problem.status)
    for (matrix, *values), pair in zip(bounds, intervals, strict=True):
        for value, demand in zip(values, pair, strict=True):
            binds = demand.dual_value > 1e-6
            rows, wanted = np.concatenate([rows, matrix[binds]]), np.concatenate([wanted, value[binds]])
    return np.maximum(p.value, 1e-12), rows, wanted


def polished(case: Case, p: Array, rows: Array, wanted: Array) -> Array:
    """Newton's method on gradient(p) + A'y = 0, A p = b."""
    base = np.array(case["base"])[occurs(case)] / np.sum(case["base"])
    n = len(p)
    y = np.zeros(len(rows))
    for _ in range(40):
        gradient, hessian = np.log(p / base) + 1, np.diag(1 / p)
        for soft in case.get("soft", []):
            matrix, shares = seen(case, soft["columns"]), soft["weight"] * np.ravel(soft["shares"])
            got = matrix @ p
            gradient -= matrix.T @ (shares / got)
            hessian += (matrix.T * (shares / got**2)) @ matrix
        for gaussian in case.get("gaussian", []):
            values = np.array(gaussian["values"])[occurs(case)]
            gradient += values * (values @ p - gaussian["wanted"]) / gaussian["variance"]
            hessian += np.outer(values, values) / gaussian["variance"]
        # Unknowns are relative changes of p, so that small and large weights are equally exact.
        system = np.block([[p[:, None] * hessian * p, p[:, None] * rows.T], [rows * p, np.zeros((len(rows), len(rows)))]])
        left = np.concatenate([-p * (gradient + rows.T @ y), wanted - rows @ p])
        step = np.linalg.lstsq(system, left, rcond=1e-13)[0]
        p = p * np.exp(np.clip(step[:n], -1, 1))
        y = y + step[n:]
        if np.abs(left).max() < EXACT:
            break
    assert np.abs(left).max() < 1e-11, (case["name"], np.abs(left).max())
    return p


def solved(case: Case) -> Case:
    """The case with its solution and the tool that gave it; checked against its demands."""
    alone = not any(kind in case for kind in ("soft", "interval", "gaussian", "mean", "conditional"))
    if alone:
        p, tool = by_ipfn(case), "ipfn"
    else:
        rough, rows, wanted = by_cvxpy(case)
        exact, tool = polished(case, rough, rows, wanted), "cvxpy"
        assert np.abs(exact - rough).max() < 1e-5, (case["name"], np.abs(exact - rough).max())
        p = np.zeros(len(case["base"]))
        p[occurs(case)] = exact
    rows, wanted = equalities(case)
    assert np.abs(rows @ p - wanted).max() < 1e-9, (case["name"], np.abs(rows @ p - wanted).max())
    for interval in case.get("interval", []):
        got = table(case["shape"], interval["columns"]) @ p
        assert (got >= np.ravel(interval["low"]) - 1e-10).all()
        assert (got <= np.ravel(interval["high"]) + 1e-10).all()
    return {**case, "tool": tool, "solution": [float(f"{x:.12g}") for x in p]}


def hard(marginal: object, *columns: int, total: float = 1.0) -> Case:
    """A table to be met, as shares."""
    return {"columns": list(columns), "wanted": (np.array(marginal, dtype=float) / total).tolist()}


def of_other_tools() -> list[Case]:
    """Seeds and marginals of the tests of humanleague and ipfn that the bank of cases does not hold."""
    pairs = [[0.92625, 0.02375], [0.02375, 0.02625]]
    ages = [[8, 4, 6, 7], [3, 6, 5, 2], [9, 11, 3, 1]]
    mixed = [[1, 2, 1], [3, 5, 5], [6, 2, 2], [1, 7, 2], [5, 4, 2], [5, 5, 5], [3, 8, 7], [2, 7, 6]]
    return [
        {
            "name": "2x2x2 by pairs (humanleague)",
            "shape": [2, 2, 2],
            "base": [1.0] * 8,
            "hard": [hard(pairs, 0, 1), hard(pairs, 0, 2), hard(pairs, 1, 2)],
        },
        {
            "name": "4x3x5 one-way (humanleague)",
            "shape": [4, 3, 5],
            "base": [1.0] * 60,
            "hard": [
                hard([52, 40, 4, 4], 0, total=100),
                hard([87, 10, 3], 1, total=100),
                hard([55, 15, 6, 12, 12], 2, total=100),
            ],
        },
        {
            "name": "2x2x2x2 one-way (humanleague)",
            "shape": [2, 2, 2, 2],
            "base": [1.0] * 16,
            "hard": [hard([a, 100 - a], v, total=100) for v, a in enumerate((52, 87, 67, 55))],
        },
        {
            "name": "3x4 (ipfn)",
            "shape": [3, 4],
            "base": np.ravel(ages).tolist(),
            "hard": [hard([20, 18, 22], 0, total=60), hard([18, 16, 12, 14], 1, total=60)],
        },
        {
            "name": "2x4x3 one-way and two-way (ipfn)",
            "shape": [2, 4, 3],
            "base": np.ravel(mixed).tolist(),
            "hard": [
                hard([52, 48], 0, total=100),
                hard([20, 30, 35, 15], 1, total=100),
                hard([35, 40, 25], 2, total=100),
                hard([[9, 17, 19, 7], [11, 13, 16, 8]], 0, 1, total=100),
                hard([[7, 9, 4], [8, 12, 10], [15, 12, 8], [5, 7, 3]], 1, 2, total=100),
            ],
        },
    ]


def population(random: np.random.Generator, shape: Sequence[int], zeros: float = 0.0) -> tuple[list[float], Array]:
    """A base measure of short numbers, some of them 0, and a population with the same zeros, as shares."""
    n = int(np.prod(shape))
    open_ = random.random(n) >= zeros
    base = np.where(open_, np.round(random.gamma(1.0, size=n) + 0.05, 2), 0.0)
    counts = np.where(open_, random.integers(1, 60, n), 0)
    return base.tolist(), counts / counts.sum()


def counted(shape: Sequence[int], truth: Array, *columns: int) -> Case:
    """A hard table counted from a population."""
    return {"columns": list(columns), "wanted": (table(shape, columns) @ truth).tolist()}


def larger(random: np.random.Generator) -> list[Case]:
    """Hard tables of up to four variables, counted from populations."""
    cases = []
    for name, shape, zeros, columns in (
        ("6x5x4 from all pairs", [6, 5, 4], 0.0, [(0, 1), (0, 2), (1, 2)]),
        ("5x4x3x3 from pairs in a ring", [5, 4, 3, 3], 0.0, [(0, 1), (1, 2), (2, 3), (0, 3)]),
        ("6x5x4 with a fifth of structural zeros", [6, 5, 4], 0.2, [(0, 1), (1, 2), (0, 2)]),
    ):
        base, truth = population(random, shape, zeros)
        cases.append({"name": name, "shape": shape, "base": base, "hard": [counted(shape, truth, *c) for c in columns]})
    return cases


def believed(random: np.random.Generator, shape: Sequence[int], columns: Sequence[int], weight: float) -> Case:
    """A soft table that knows nothing of the others."""
    cells = int(np.prod([shape[c] for c in columns]))
    shares = random.multinomial(1000, random.dirichlet(np.ones(cells) * 3)) + 1
    return {"columns": list(columns), "shares": (shares / shares.sum()).tolist(), "weight": weight}


def with_beliefs(random: np.random.Generator) -> list[Case]:
    """Hard one-way tables and soft two-way ones that contradict each other."""
    cases = []
    for name, shape, zeros, weights in (
        ("4x3x3, three beliefs", [4, 3, 3], 0.0, (10.0, 3.0, 1.0)),
        ("5x4x3, three beliefs and structural zeros", [5, 4, 3], 0.15, (10.0, 10.0, 0.5)),
        ("4x4x3, strong beliefs", [4, 4, 3], 0.0, (300.0, 100.0, 1000.0)),
    ):
        base, truth = population(random, shape, zeros)
        soft = [believed(random, shape, c, w) for c, w in zip(((0, 1), (1, 2), (0, 2)), weights, strict=True)]
        hards = [counted(shape, truth, v) for v in range(len(shape))]
        cases.append({"name": name, "shape": shape, "base": base, "hard": hards, "soft": soft})
    return cases


def other_targets(random: np.random.Generator) -> list[Case]:
    """Intervals, Gaussian terms, means and conditional shares, each alone and all together."""
    shape = [4, 3, 3]
    base, truth = population(random, shape)
    hards = [counted(shape, truth, 0), counted(shape, truth, 1)]
    common: Case = {"shape": shape, "base": base}
    values = np.round(random.gamma(2.0, 15.0, len(truth)), 1)
    cell = np.array(counted(shape, truth, 1, 2)["wanted"])
    narrow = {"columns": [1, 2], "low": (cell * 0.95).tolist(), "high": (cell * 1.05).tolist()}
    other = np.array(counted(shape, truth, 0, 2)["wanted"])
    wide = {"columns": [0, 2], "low": [0.0] * 12, "high": (other * 1.2).tolist()}
    gaussian = {"values": values.tolist(), "wanted": round(float(values @ truth) * 1.1, 2), "variance": 4.0}
    tight = {"values": table(shape, [2])[0].tolist(), "wanted": 0.45, "variance": 1e-4}
    mean = {"values": values.tolist(), "mean": round(float(values @ truth), 3)}
    joint = (table(shape, [0, 2]) @ truth).reshape(4, 3)
    conditional = {"given": [0], "of": [2], "shares": (joint / joint.sum(axis=1, keepdims=True)).tolist()}
    soft = [believed(random, shape, (0, 1), 10.0), believed(random, shape, (0, 2), 5.0)]
    return [
        {"name": "an interval that binds in part", **common, "hard": hards, "interval": [narrow]},
        {"name": "two overlapping intervals", **common, "interval": [narrow, wide]},
        {"name": "Gaussian terms, a loose and a tight one", **common, "hard": hards, "gaussian": [gaussian, tight]},
        {"name": "a mean", **common, "hard": hards, "mean": [mean]},
        {"name": "conditional shares", **common, "hard": hards[1:], "conditional": [conditional]},
        {
            "name": "all together",
            **common,
            "hard": hards[:1],
            "soft": soft,
            "interval": [narrow],
            "gaussian": [tight],
            "mean": [mean],
        },
    ]


def main() -> None:
    """Solve all cases and write them."""
    random = np.random.default_rng(20)
    cases = [*of_other_tools(), *larger(random), *with_beliefs(random), *other_targets(random)]
    lines = [json.dumps(solved(case)) for case in cases]
    path = Path(__file__).with_name("cases.json")
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    print(f"{len(cases)} cases, {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
