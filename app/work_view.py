"""What the tabs for pictures, documents and videos show alike: what goes on, how far it is, errors, marks for styles.

Knows words, numbers and `ui_assets/work.html`. Does not know what is worked on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.templates import macros
from model.types import Chunk, FinishReason, MediumInput

STRIP_MAX = 60
"""So many items are in a strip at a time: one of thousands would be sent again with every step."""

ENDS: Mapping[FinishReason | None, str] = {
    "cancelled": "stopped",
    "length": "cut at the limit of new tokens",
    "repetition": "stopped, it repeated itself",
}
"""How an answer ended, where that has to be known."""


def stage_html(words: str, fraction: float | None = None, stop: str = "") -> str:
    """What is going on, and how far it is; nothing for no words. `stop` is the event of a button of its own."""
    return str(_macros().stage(words, fraction, stop)) if words else ""


def welcome_html(icon: str, heading: str, words: str, examples: Sequence[tuple[str, str, str]]) -> str:
    """What stands in the place of the work as long as there is none; examples are (question, alt, address)."""
    rows = [{"words": question, "alt": alt, "url": url} for question, alt, url in examples]
    return str(_macros().welcome(icon, heading, words, rows))


def error_html(sentence: str) -> str:
    return str(_macros().error(sentence)) if sentence else ""


def told_html(sentences: Sequence[str]) -> str:
    """What to know about something that was done all the same."""
    return str(_macros().told(" ".join(sentences))) if sentences else ""


def notes_html(*sentences: str) -> str:
    """What has to be known, a line for each sentence that is not empty."""
    return str(_macros().notes(list(filter(None, sentences))))


def running_html(is_running: bool) -> str:
    """A mark for the style sheet, which shows Stop in the place of the button that starts, as long as it is there."""
    return "<i data-running hidden></i>" if is_running else ""


def count_html(what: str, count: int) -> str:
    """A mark for the style sheet: whether there is nothing yet, one thing or many; `what` is as in "pictures"."""
    return f'<i data-{what}="{"many" if count > 1 else "one"}" hidden></i>' if count else ""


def strip_start(count: int, current: int) -> int:
    """Where a strip begins that has `current` in its middle, if there are more items than it may have."""
    return max(min(current - STRIP_MAX // 2, count - STRIP_MAX), 0)


def speed_words(last: Chunk) -> str:
    """How long an answer was, and how fast it came."""
    noun = "token" if last.generated_tokens == 1 else "tokens"
    return f"{last.generated_tokens:,} {noun}, {last.tokens_per_s:,.0f} a second"


def queue_words(waiting: int) -> str:
    """ "You are next" or "2 are before you"; nothing for one whose turn it is."""
    if not waiting:
        return ""
    return "You are next" if waiting == 1 else f"{waiting - 1} are before you"


def progress_words(done: int, total: int, what: str, left_s: float | None) -> str:
    """ "2 of 7 pictures done, about 40 s left"; `what` is as in "pictures done"."""
    left = "" if left_s is None or done == total else f", about {duration_words(left_s)} left"
    return f"{done:,} of {total:,} {what}{left}"


def duration_words(seconds: float) -> str:
    """ "40 s", "7 min" or "2.5 h"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def memory_words(byte_count: int) -> str:
    """ "30 MiB" or "3.3 GiB"."""
    mebibytes = byte_count / 2**20
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"


def sizes_words(size_wh: tuple[int, int], medium: MediumInput | None) -> str:
    """ "1280 × 960 → 1280 × 960, 1,200 visual tokens": what becomes of a picture on its way into the model."""
    if medium is None:
        return f"{_size(size_wh)}; the size for the model is known once it has loaded"
    return f"{_size(medium.source_size_wh)} → {_size(medium.input_size_wh)}, {medium.tokens:,} visual tokens"


def _size(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]:,} × {size_wh[1]:,}"


def _macros() -> Any:
    return macros("work.html")
