"""The part of the video in which the chosen event happens, as MP4 with its sound.

The pictures stay the very same where the part can be cut out without touching them (`model.encoding`).
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import IO

from app.exports.events.base import Timeline
from app.tracks import tracks_of
from model.rewriting import cut

AROUND_S = 1.0
"""So much before and after a single moment belongs to its clip."""


def why_not(timeline: Timeline) -> str:
    return "Choose an event on the timeline first." if timeline.chosen is None else ""


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    start_s, end_s = _range_of(timeline)
    notes = []
    if end_s - start_s < 1 / timeline.file.facts.fps:
        start_s, end_s = start_s - AROUND_S, end_s + AROUND_S
        notes = [f"The clip has {AROUND_S:g} second before and after the moment."]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "clip.mp4"
        cut(timeline.file, (max(0.0, start_s), min(end_s, timeline.file.duration_s)), made, cancel)
        with made.open("rb") as part:
            shutil.copyfileobj(part, file)
    return notes


def _range_of(timeline: Timeline) -> tuple[float, float]:
    """When the chosen event happens; of a thing that was tracked, all the time in which it was."""
    assert timeline.chosen is not None, "`why_not` was asked before"
    event = timeline.events[timeline.chosen]
    for track in tracks_of(timeline.events):
        if event in track.events:
            return track.start_s, track.end_s
    return event.start_s, event.end_s
