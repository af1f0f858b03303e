"""One action at a time on a page of the browser. Knows threads alone.

Events of one page run side by side. An action that has read what the page works on while another one changes it would
tell of what was, behind what the other one tells.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any


class Turnstile:
    """Entered with `with`; whoever comes next waits outside. A copy of a page has its own."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()

    def __deepcopy__(self, _: dict[int, Any]) -> Turnstile:
        return Turnstile()
