"""Chapters as FFmpeg's metadata file: `ffmpeg -i video.mp4 -i chapters.ffmetadata -map_metadata 1 -codec copy out.mp4`.

The format is that of https://ffmpeg.org/ffmpeg-formats.html#Metadata-2. Chapters of a file follow each other, so one
that goes on when the next begins ends there.
"""

from __future__ import annotations

import math
import re
import threading
from itertools import pairwise
from typing import IO

from app.exports.events.base import Timeline, shown

_SPECIAL = re.compile(r"[=;#\\\n]")


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    cues = shown(timeline)
    file.write(f";FFMETADATA1\ntitle={_escaped(timeline.file.name)}\n".encode())
    for (start_ms, end_ms, words), next_ms in zip(cues, [*(cue[0] for cue in cues[1:]), math.inf], strict=True):
        end_ms = max(start_ms, int(min(end_ms, next_ms)))
        chapter = f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start_ms}\nEND={end_ms}\ntitle={_escaped(words)}\n"
        file.write(chapter.encode())
    overlapping = sum(before[1] > after[0] for before, after in pairwise(cues))
    overlap = "1 event overlaps" if overlapping == 1 else f"{overlapping:,} events overlap"
    return [f"{overlap} the next one: as a chapter it ends where that begins."] if overlapping else []


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
