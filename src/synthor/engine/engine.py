"""Where tasks run: here, or in processes of their own. Results are the same, and come in the same order."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Shared = TypeVar("Shared")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs tasks that do not look at each other."""

    def map(self, task: Callable[[Shared, Item], Result], items: Sequence[Item], *, shared: Shared) -> Iterator[Result]:
        """`task(shared, item)` of each item, in order.

        Args:
            task: a function of a module, whose result hangs on nothing but its arguments.
            items: small values that can be pickled.
            shared: what all tasks look at; it is handed over once.
        """
        ...


class Here:
    """One task after the other, in this process.

    >>> list(Here().map(pow, [1, 2, 3], shared=2))
    [2, 4, 8]
    """

    def map(self, task: Callable[[Any, Item], Result], items: Sequence[Item], *, shared: Any) -> Iterator[Result]:
        """See `Engine`."""
        return (task(shared, item) for item in items)
