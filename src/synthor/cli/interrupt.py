"""Ctrl-C, heard once, whatever it falls into.

Python raises KeyboardInterrupt wherever it happens to be at work. There it can get lost: NumPy asks things for their length
when it makes an array of them, and forgets whatever goes wrong meanwhile (so it is with SciPy's matrices whenever some are put
side by side). So a press is noted besides, and a command looks at the note whenever it tells of progress, and at its end.

And one press can be heard twice: Polars, once it is loaded, listens too. It ends its own threads by panics, of which it prints
some, and raises an interruption of its own, in whichever thread called it. So once all is loaded it is taken out of the line.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130


class Interruption:
    """Whether Ctrl-C was pressed since a command began."""

    def __init__(self) -> None:
        self.noted = False

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Within, a press is noted and raised; where Ctrl-C is ignored or somebody else's to hear, nothing changes."""
        self.noted = False
        usual = signal.getsignal(signal.SIGINT)
        if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
            yield
            return
        signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, usual)

    def claim(self) -> None:
        """Be the only one that hears of a press, also where a library that was loaded meanwhile has put itself in between."""
        if self._hears():
            signal.signal(signal.SIGINT, self._note)

    def heed(self) -> None:
        """Raise again what was noted: who gets here although Ctrl-C was pressed has not heard of it."""
        if self.noted and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    def _hears(self) -> bool:
        return threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == self._note

    def _note(self, number: int, frame: FrameType | None) -> None:
        first, self.noted = not self.noted, True
        if first and isinstance(sys.exc_info()[1], KeyboardInterrupt):
            return  # of the same press, and being dealt with
        raise KeyboardInterrupt


interruption = Interruption()
