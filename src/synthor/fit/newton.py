"""Newton steps on all multipliers of the dual together.

The step solves  (covariance of the tables' counts under the weights + each table's own curvature) step = gradient  by conjugate
gradients, which need only products with the matrix, each as cheap as counting all tables once. They are preconditioned by the
matrix's diagonal at first. Where that takes too many products, and the multipliers are not too many, the matrix is written out
and factored (Cholesky), once the optimum is in sight; its factor then is the preconditioner, of later steps too, until these
take too many products with it.
Redundant tables make the matrix singular; the gradient lies in its range, so that does no harm.
"""

from contextlib import suppress

import numpy as np

from synthor.fit.dual import Dual
from synthor.types import Floats, Mask

MOST_PRODUCTS = 200
"""Products with the matrix for one step."""

PATIENCE = 50
"""Products after which the matrix is factored, at least: by then that has come to cost less than going on, where candidates are
many and multipliers are not."""

DENSE = 75.0
"""Multiplications of a factoring that take as long as one entry does in a product: measured where 50 products are worth
a factor (2,500 multipliers, 77,000 flat candidates) and where 200 are (4,000 multipliers, 10,000 units with members)."""

AIM = 0.1
"""Share of the tolerance that the residual is to have after a step; what is better is not needed."""

RAISED = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
"""By how much the diagonal, scaled to 1, is raised before the matrix is factored: by more where that fails."""

FAR = 0.02
"""Residual above which nothing is factored, where that costs more than `PATIENCE` products: a step is cut short there by how
far it may lead, not by how well it is known, and the ten rough ones that a factoring costs lead further."""

POOR = 3
"""Steps in a row that left much of the residual, after which each step's own matrix is factored."""

MOST_FACTORED = 4_000
"""So many multipliers have a matrix that is small enough to be written out."""

INEXACT = 0.02
"""Relative error of a step, far from the optimum; less near it."""

DAMPING = 0.1
"""Share of the residual by which the matrix's diagonal is raised, relative to itself, at first."""

PROGRESS, LESS = 0.5, 0.1
"""Where a step leaves more than the first of the residual, later ones are held back by the second of what they were."""

SHORT, MORE, HEAVIEST = 0.01, 100.0, 0.1
"""A step of which less than the first part is gone leads along directions that the candidates do not determine; the next ones
are held back by the second times as much, which raises the diagonal by the third of itself at most."""

RIDGE = 1e-13
LEAST = 1e-14
"""Least variance that a cell is taken to have."""

LONGEST = 64.0
"""Newton steps are lengthened to so many times themselves at most."""

SEARCHES, FLAT = 12, 0.3
"""Slopes that are looked at along a step, and the share of the first slope below which one is flat enough."""

DROWNED = 1e-9
"""Slope of the dual along a step below which what the step gains is lost in rounding."""

BACKWARDS = 40
"""Halvings of a step that does not improve the dual."""


class Newton:
    """Damped Newton steps on one dual; a matrix that was factored for one step serves later ones.

    Attributes:
        factor: of the matrix that was factored last, if any was.
        damping: share of the residual by which the matrix's diagonal is raised now.
        poor: steps in a row that left much of the residual.
    """

    def __init__(self) -> None:
        self.factor: Floats | None = None
        self.damping = DAMPING
        self.poor = 0

    def step(self, dual: Dual, tolerance: float) -> bool:
        """One step; False when none improves the dual.

        Args:
            dual: is moved.
            tolerance: residual below which nothing is gained any more.
        """
        gradients = dual.gradients()
        own = [t.curvature(m, got) for t, m, got in zip(dual.tables, dual.multipliers, dual.got, strict=True)]
        before = dual.residual()
        system = _System(dual, [t.free for t in dual.tables], own, self.damping * before)
        gradient = system.packed(gradients)
        few, solved = len(gradient) <= MOST_FACTORED, False
        patience = _patience(dual, len(gradient)) if few else MOST_PRODUCTS
        rough = before > FAR and patience > PATIENCE
        if rough or self.poor < POOR or not few:
            step, solved = system.solve(gradient, self.factor, tolerance, patience)
        if few and not solved and not rough:
            self.factor = system.factored()
            step, _ = system.solve(gradient, self.factor, tolerance, MOST_PRODUCTS)
        better, length = _search(dual, system.unpacked(step), float(gradient @ step))
        if dual.residual() <= PROGRESS * before:
            self.poor = 0
        elif length < SHORT:
            self.damping = min(self.damping * MORE, HEAVIEST / before)
        elif not rough:
            self.damping *= LESS
            self.poor += 1
        return better


def _patience(dual: Dual, n_multipliers: int) -> int:
    """Products that take as long as factoring the matrix would."""
    entries = max(len(dual.weights) * len(dual.tables), 1)
    return min(max(PATIENCE, round(n_multipliers**3 / (DENSE * entries))), MOST_PRODUCTS)


class _System:
    """The linear system of one step, on the multipliers that may move."""

    def __init__(self, dual: Dual, active: list[Mask], own: list[Floats], damping: float) -> None:
        self.dual, self.active = dual, active
        self.own = self.packed(own)
        self.means = self.packed(dual.got)
        squares = [
            t.cells.squares(dual.weights) if place in dual.counted.of_members else got
            for place, (t, got) in enumerate(zip(dual.tables, dual.got, strict=True))
        ]
        variance = np.maximum(self.packed(squares) - np.square(self.means), 0.0) + self.own
        # Held back in proportion to what is still wrong: directions that the candidates hardly determine stay where they are.
        self.own += (damping + RIDGE) * np.maximum(variance, LEAST) + np.where(variance < LEAST, LEAST, 0.0)
        self.diagonal = np.maximum(variance, LEAST) + self.own
        self.units = self.packed(dual.units())

    def packed(self, values: list[Floats]) -> Floats:
        return np.concatenate([v[a] for v, a in zip(values, self.active, strict=True)]) if values else np.empty(0)

    def unpacked(self, values: Floats) -> list[Floats]:
        parts, start = [], 0
        for active in self.active:
            whole = np.zeros(len(active))
            n = int(active.sum())
            whole[active] = values[start : start + n]
            parts.append(whole)
            start += n
        return parts

    def product(self, step: Floats) -> Floats:
        """The matrix times a step."""
        change = self.dual.counted.spread(self.unpacked(step), np.zeros(len(self.dual.weights)))
        change *= self.dual.weights
        return self.packed(self.dual.counted.totals(change)) - self.means * float(self.means @ step) + self.own * step

    def factored(self) -> Floats | None:
        """The lower Cholesky factor of the matrix, rows and columns divided by the roots of the diagonal; None of a bad one."""
        from scipy import linalg

        picked = np.flatnonzero(np.concatenate(self.active))
        matrix = self.dual.counted.products(self.dual.weights)[np.ix_(picked, picked)]
        matrix -= np.outer(self.means, self.means)
        matrix[np.diag_indices(len(matrix))] += self.own
        root = np.sqrt(self.diagonal)
        matrix /= root[:, None]
        matrix /= root
        for raised in RAISED:  # redundant tables leave eigenvalues that are 0 but for rounding
            matrix[np.diag_indices(len(matrix))] += raised
            with suppress(linalg.LinAlgError):
                return np.asarray(linalg.cholesky(matrix, lower=True, check_finite=False))
        return None

    def solve(self, gradient: Floats, factor: Floats | None, tolerance: float, most: int) -> tuple[Floats, bool]:
        """Conjugate gradients, stopped where a better solution would not help this step (Eisenstat and Walker, 1996).

        Args:
            gradient: the right-hand side.
            factor: of a matrix that is like this one; None where none is known.
            tolerance: residual below which nothing is gained any more.
            most: products with the matrix at most.

        Returns:
            The step, and whether it is as good as it needs to be.
        """
        step = np.zeros(len(gradient))
        left = gradient.copy()
        scaled = self._preconditioned(left, factor)
        direction = scaled.copy()
        energy = float(left @ scaled)
        enough = energy * min(INEXACT, float(np.abs(gradient).max(initial=0.0)) ** 0.5) ** 2
        for products in range(most + 1):
            if energy <= enough or energy <= 0 or float(np.abs(left * self.units).max(initial=0.0)) <= AIM * tolerance:
                return step, True
            if products == most:
                break
            product = self.product(direction)
            bend = float(direction @ product)
            if bend <= 0:
                break
            length = energy / bend
            step += length * direction
            left -= length * product
            scaled = self._preconditioned(left, factor)
            renewed = float(left @ scaled)
            direction = scaled + renewed / energy * direction
            energy = renewed
        return step, False

    def _preconditioned(self, left: Floats, factor: Floats | None) -> Floats:
        """What solves the system about."""
        if factor is None:
            return left / self.diagonal
        from scipy import linalg

        root = np.sqrt(self.diagonal)
        return np.asarray(linalg.cho_solve((factor, True), left / root, check_finite=False)) / root


def _search(dual: Dual, step: list[Floats], slope: float) -> tuple[bool, float]:
    """Go along a step to where the dual is about largest; whether that is better, and how long the step is.

    The dual is concave along the step, so that its slope tells on which side of the top one is; the slope costs one pass over
    the candidates and no counting. Multipliers of soft tables stay above 0.
    """
    start, value, before = dual.multipliers, dual.value(), dual.residual()
    length, at_top = _best_length(dual, step, slope)
    drowned = abs(slope) < DROWNED
    for _ in range(BACKWARDS):
        dual.move_to([first + length * part for first, part in zip(start, step, strict=True)])
        # Near the optimum the dual's gain drowns in rounding, and any length would pass for one that gains. There the slope is
        # the better witness, of a concave function where it is about 0; or a smaller residual, if no such length was found.
        if (at_top or dual.residual() < before) if drowned else dual.value() >= value + 1e-4 * length * slope:
            return True, length
        length, at_top = length / 2, False
    dual.move_to(start)
    return False, 0.0


def _best_length(dual: Dual, step: list[Floats], slope: float) -> tuple[float, bool]:
    """The length at which the slope along a step has fallen to a small part of what it was at the start, and if it has."""
    limit = LONGEST
    for table, multipliers, part in zip(dual.tables, dual.multipliers, step, strict=True):
        falling = table.free & (part < 0) if table.soft else np.zeros(len(part), dtype=bool)
        if falling.any():
            limit = min(limit, 0.95 * float((multipliers[falling] / -part[falling]).min()))
    along = dual.counted.spread(step, np.zeros(len(dual.weights)))
    low, high, length = 0.0, limit, min(1.0, limit)
    at_low, at_high = slope, -np.inf
    for _ in range(SEARCHES):
        now = _slope(dual, step, along, length)
        if abs(now) <= FLAT * slope:
            return length, True
        if now > 0:
            if length >= limit:
                break
            low, at_low = length, now
        else:
            high, at_high = length, now
        if np.isinf(at_high):
            length = min(2 * length, limit)
        else:  # between a chord's root and the middle: neither creeps nor is misled
            chord = low + (high - low) * at_low / (at_low - at_high)
            length = (chord + (low + high) / 2) / 2
    return length, False


def _slope(dual: Dual, step: list[Floats], along: Floats, length: float) -> float:
    """Slope of the dual along a step, at some length."""
    with np.errstate(invalid="ignore"):
        shift = length * along
    shift -= shift[dual.weights > 0].max(initial=-np.inf)
    weights = dual.weights * np.exp(np.minimum(shift, 0.0))
    total = float(weights.sum())
    slope = -float(weights @ along) / total if total > 0 else -np.inf
    for table, multipliers, part in zip(dual.tables, dual.multipliers, step, strict=True):
        slope += float(table.wanted(multipliers + length * part) @ part)
    return slope
