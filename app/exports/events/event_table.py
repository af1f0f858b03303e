"""A table with a row for each event, as CSV in UTF-8 with a byte order mark, which spreadsheets need."""

from __future__ import annotations

import csv
import io
import threading
from typing import IO

from app.exports.events.base import Timeline, clock
from app.exports.tables import inert
from model.types import TimeEvent

COLUMNS = ("video", "number", "label", "start_s", "end_s", "start", "end", "x1", "y1", "x2", "y2")
"""`start` and `end` are the times by the clock; the box is in pixels of the video, for what was tracked."""


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    table = csv.writer(text)
    table.writerow(COLUMNS)
    name = inert(timeline.file.name)
    table.writerows((name, number, *_row(event)) for number, event in enumerate(timeline.events, 1))
    text.detach()
    return []


def _row(event: TimeEvent) -> tuple[object, ...]:
    times_s = event.start_s, event.end_s
    box = [round(pixel, 2) for pixel in event.xyxy] if event.xyxy else [""] * 4
    return (
        inert(event.label),
        *(round(time_s, 3) for time_s in times_s),
        *(clock(round(time_s * 1000)) for time_s in times_s),
        *box,
    )
