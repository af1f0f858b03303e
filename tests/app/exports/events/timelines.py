"""A real clip with events in it, for exports to write."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.exports.events import EVENT_FORMATS, Timeline
from model.types import TimeEvent
from model.video import Sampling, for_model, frames_at, open_video, sample_times
from tests.model.clips import steady, write_clip


def timeline(folder: Path, *events: TimeEvent, seconds: float = 6.0, fps: float = 10.0, **fields: Any) -> Timeline:
    """`events` in a clip whose frames say their number; fields of `Timeline` may be given too."""
    path = folder / "clip.mp4"
    if not path.exists():
        write_clip(path, steady(round(seconds * fps), fps))
    file = open_video(path)
    video = for_model(file, frames_at(file, sample_times(file, Sampling(fps=1.0))))
    labels = tuple(dict.fromkeys(event.label for event in events))
    return Timeline(file, video, events, **{"labels": labels, **fields})


def written(key: str, given: Timeline, folder: Path, cancel: threading.Event | None = None) -> tuple[Path, list[str]]:
    """What a format makes of it: the file, and the notes."""
    row = EVENT_FORMATS[key]
    assert row.why_not(given) == ""
    path = folder / row.file_name("events")
    with path.open("w+b") as file:
        notes = row.write(given, file, cancel or threading.Event())
    return path, notes


def track(label: str, boxes: Sequence[tuple[float, tuple[float, float, float, float]]]) -> list[TimeEvent]:
    """Boxes of one thing in time."""
    return [TimeEvent(label, at_s, at_s, xyxy) for at_s, xyxy in boxes]
