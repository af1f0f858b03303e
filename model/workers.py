"""Processes for work that may hang, crash or fill the memory: files from anywhere meet their decoders there.

Knows processes and their limits. Does not know what is done in them: that is a function of a module, whose arguments,
result and errors can be pickled.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import TypeVar

import psutil
from pebble import ProcessExpired, ProcessPool

T = TypeVar("T")

MEMORY_LIMIT_BYTES = 4 * 2**30
"""So much more memory than it begins with a process gets, where the system can refuse it."""

_LOOK_EVERY_S = 0.1
_ATTEMPTS = 2  # a process may have died while it waited for work, for example for want of memory


class WorkerLost(Exception):
    """The work took too long or too much memory, or its process died of it. The next work finds a process again."""


class WorkCancelled(Exception):
    """The work was stopped because nobody wants its result any more."""


class Workers:
    """Up to `count` processes, started when they are first needed; safe between threads.

    They are not forked, which would copy the locks and the memory of this process.
    """

    def __init__(self, count: int = 1) -> None:
        _ALL.add(self)
        self._count = count
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()

    def run(
        self,
        function: Callable[..., T],
        *args: object,
        limit_s: float,
        cancel: threading.Event | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> T:
        """What the function returns, or raises; with `cancel`, `meanwhile` is called again and again until then.

        Raises `WorkerLost` after `limit_s` seconds of work, and `WorkCancelled` soon after `cancel` is set; the process
        ends then.
        """
        for _ in range(_ATTEMPTS):
            with suppress(BrokenProcessPool):
                return self._result(function, args, limit_s, cancel, meanwhile)
        raise WorkerLost

    def _result(
        self,
        function: Callable[..., T],
        args: tuple[object, ...],
        limit_s: float,
        cancel: threading.Event | None,
        meanwhile: Callable[[], None],
    ) -> T:
        """See `run`. Raises `BrokenProcessPool` when a process died that had not begun to work."""
        if cancel is not None and cancel.is_set():
            raise WorkCancelled
        work = self._started().schedule(function, args, timeout=limit_s)
        while cancel is not None and not wait([work], _LOOK_EVERY_S).done:
            meanwhile()
            if cancel.is_set():
                work.cancel()
                raise WorkCancelled
        try:
            result: T = work.result()
        except (TimeoutError, MemoryError, ProcessExpired) as error:
            raise WorkerLost from error
        return result

    def close(self) -> None:
        """End the processes; waits for that, for one that just starts would complain that this one is gone."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def _started(self) -> ProcessPool:
        with self._lock:
            if self._pool is not None and not self._pool.active:
                self._end()
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPool(self._count, initializer=_prepare, context=context)
            return self._pool


_ALL: weakref.WeakSet[Workers] = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """End every process, before this one does."""
    for workers in list(_ALL):
        workers.close()


def _prepare() -> None:
    """What a new process does first."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _bound_memory()


def _end_with_parent() -> None:
    """A program that is killed has no time to end its processes."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "this runs in a process that another one started"
    parent.join()
    os._exit(0)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    # It has imported whatever the main module of the program imports, which may be torch.
    most = psutil.Process().memory_info().vms + MEMORY_LIMIT_BYTES
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
