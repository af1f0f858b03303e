"""What a person is told of an error, whatever it is. Knows the log; the sentences of known errors are their own."""

from __future__ import annotations

import logging

from model.errors import StudioError

_log = logging.getLogger(__name__)


def sentence_of(error: BaseException, what_failed: str = "an answer broke off") -> str:
    """A known error's own sentence; of a fault of the program only that there was one, and its traceback to the log."""
    if isinstance(error, StudioError):
        return str(error)
    _log.error(what_failed, exc_info=error)
    return "Something went wrong in the program; its log file says more."
