"""How a fit ended, in words and with the knob to turn."""

from enum import Enum


class Status(Enum):
    """The outcome of a fit. Only `CONVERGED` means that the optimum was recognised by its optimality conditions.

    >>> Status.CONVERGED.value, bool(Status.STALLED.knob)
    ('converged', True)
    """

    CONVERGED = "converged"
    STALLED = "stalled"
    ITERATION_LIMIT = "iteration_limit"
    INFEASIBLE = "infeasible"
    UNSUPPORTED = "unsupported"
    MENDED = "mended"
    OUT_OF_BUDGET = "out_of_budget"
    AS_WRITTEN = "as_written"

    @property
    def sentence(self) -> str:
        return _TEXTS[self][0]

    @property
    def knob(self) -> str:
        """What the user can do about it."""
        return _TEXTS[self][1]


_TEXTS = {
    Status.CONVERGED: ("The fit reached its optimum.", ""),
    Status.STALLED: (
        "The fit stopped making progress before its optimum was recognised.",
        "Look at the cells with the largest error and at the tables that share their variables.",
    ),
    Status.ITERATION_LIMIT: (
        "The fit ran out of iterations before its optimum was recognised.",
        "The result may still be good: look at the errors. Fewer or coarser targets converge faster.",
    ),
    Status.INFEASIBLE: (
        "The targets cannot all be met: they contradict each other or a rule.",
        "Correct one of the tables that are named, or strike a rule.",
    ),
    Status.UNSUPPORTED: (
        "No units were found with which all targets can be met.",
        "Nothing proves the tables wrong. Look at the cells that are listed: add proposals for them, or strike a rule that "
        "leaves hardly any units there.",
    ),
    Status.MENDED: (
        "The fit did not meet every target, but the records do: some were changed until they did.",
        "",
    ),
    Status.AS_WRITTEN: (
        "The proposals were taken as the model wrote them; nothing pulled them onto the targets.",
        "`method: calibrated` meets the targets.",
    ),
    Status.OUT_OF_BUDGET: ("The budget ended before every belief was asked for.", "Raise the budget and run again."),
}
