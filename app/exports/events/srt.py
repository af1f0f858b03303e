"""SubRip subtitles, which every player and editor reads: a number, the times, a line of words for each event.

As the Matroska project describes it, https://www.matroska.org/technical/subtitles.html#srt-subtitles; in UTF-8.
"""

from __future__ import annotations

import threading
from typing import IO

from app.exports.events.base import Timeline, clock, shown


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    for number, (start_ms, end_ms, words) in enumerate(shown(timeline), 1):
        file.write(f"{number}\n{clock(start_ms, ',')} --> {clock(end_ms, ',')}\n{words}\n\n".encode())
    return []
