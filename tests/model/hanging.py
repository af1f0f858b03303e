"""A function that never ends, in a module that a new process imports at once."""

from __future__ import annotations

import time


def hang(*_: object) -> None:
    """Stands in for a decoder that a file has stopped for good."""
    time.sleep(600)
