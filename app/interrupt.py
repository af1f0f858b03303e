"""Ctrl+C in the commands that work through a list: what is done is kept.

Knows signals and the terminal. Does not know what is stopped.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def stopped_by_ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl+C calls `stop`, from wherever the main thread is just then; a second one ends the program at once.

    An exception instead would come at any line, also where it loses what is just being kept. Only for the main thread.
    """

    def stopped(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        tqdm.write("Stopping.", file=sys.stderr)
        stop()

    before = signal.signal(signal.SIGINT, stopped)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
