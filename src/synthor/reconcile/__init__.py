"""Tables that contradict each other or call things otherwise, put right in a copy that says what was changed."""

from synthor.reconcile.copy import Copy, corrected
from synthor.reconcile.follow import FollowedTable, following, own_tables
from synthor.reconcile.names import Guess, Guesses, guessed
from synthor.reconcile.tables import LIMIT, Changed, Reconciled, are_whole, reconciled

__all__ = [
    "LIMIT",
    "Changed",
    "Copy",
    "FollowedTable",
    "Guess",
    "Guesses",
    "Reconciled",
    "are_whole",
    "corrected",
    "following",
    "guessed",
    "own_tables",
    "reconciled",
]
