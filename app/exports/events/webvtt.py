"""WebVTT subtitles, for the `<track>` of a page (https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

import html
import threading
from typing import IO

from app.exports.events.base import Timeline, clock, shown


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    file.write(b"WEBVTT\n")
    for number, (start_ms, end_ms, words) in enumerate(shown(timeline), 1):
        text = html.escape(words, quote=False)
        file.write(f"\n{number}\n{clock(start_ms)} --> {clock(end_ms)}\n{text}\n".encode())
    return []
