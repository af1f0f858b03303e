"""Chapters as lines for the description of a video on YouTube: `0:00 Arrival`, in whole seconds.

It takes them if the first begins at 0:00, there are at least three, and each lasts 10 seconds or more
(https://support.google.com/youtube/answer/9884579).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import IO

from app.exports.events.base import Timeline, ranges, words

LEAST_CHAPTERS = 3
LEAST_S = 10
BEFORE_THE_FIRST = "Start"


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    starts = [(int(event.start_s), words(event, number)) for number, event in enumerate(ranges(timeline.events), 1)]
    chapters = _long_enough(starts, timeline.file.duration_s)
    left_out = len(starts) - len(chapters)
    if starts[0][0] >= LEAST_S:
        chapters.insert(0, (0, BEFORE_THE_FIRST))
    else:
        chapters[0] = (0, chapters[0][1])
    file.writelines(f"{_stamp(start_s)} {title}\n".encode() for start_s, title in chapters)
    return _notes(left_out, len(chapters))


def _long_enough(starts: Sequence[tuple[int, str]], duration_s: float) -> list[tuple[int, str]]:
    """The first chapter, and of the others those that last as long as they have to."""
    chapters = [starts[0]]
    for start_s, title in starts[1:]:
        before_s = chapters[-1][0] if chapters[-1][0] >= LEAST_S else 0
        if min(start_s - before_s, duration_s - start_s) >= LEAST_S:
            chapters.append((start_s, title))
    return chapters


def _notes(left_out: int, count: int) -> list[str]:
    notes = []
    if left_out:
        were = "1 event was" if left_out == 1 else f"{left_out:,} events were"
        notes.append(f"{were} left out: a chapter on YouTube lasts {LEAST_S} seconds or more.")
    if count < LEAST_CHAPTERS:
        notes.append(f"YouTube shows chapters only if there are {LEAST_CHAPTERS} or more.")
    return notes


def _stamp(start_s: int) -> str:
    hours, minutes, seconds = start_s // 3600, start_s // 60 % 60, start_s % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
