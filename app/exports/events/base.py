"""What every export of a video's events is given and gives back, and the forms that several formats share.

Knows events, boxes in time and clocks. Knows no format: each is a small file beside this one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, TypeAlias

from app.exports.documents.base import printable
from app.tracks import tracks_of
from model.types import TimeEvent, Video
from model.video import VideoFile

MOMENT_SHOWN_S = 1.0
"""How long a single moment is shown where a format has only ranges."""

_ARROW = re.compile("-+>")


@dataclass(frozen=True, slots=True)
class Timeline:
    """A video and what happens in it, as the model said and as it was corrected by hand.

    `video` are the frames that the model saw. `labels` holds every label in the order of the colours, `chosen` is the
    place of an event in `events`. `raw` is the model's own text, `model` its name.
    """

    file: VideoFile
    video: Video
    events: tuple[TimeEvent, ...]
    labels: Sequence[str] = ()
    chosen: int | None = None
    raw: str = ""
    model: str = ""


Writer: TypeAlias = Callable[[Timeline, IO[bytes], threading.Event], list[str]]
"""Writes a timeline into an open file, until the event is set. Returns a sentence for a person about whatever has no
place in the format. Raises `StudioError` when it cannot be written, or was stopped."""


@dataclass(frozen=True, slots=True)
class EventFormat:
    """A way to export. `is_long` says that writing decodes the video; `why_not` is why this timeline cannot be written,
    a sentence for a person, or nothing."""

    key: str
    title: str
    hint: str
    write: Writer
    suffix: str
    is_long: bool = False
    why_not: Callable[[Timeline], str] = lambda timeline: (
        "" if timeline.events else "There are no events to export yet."
    )

    def file_name(self, stem: str) -> str:
        return f"{stem}{self.suffix}"


def ranges(events: Sequence[TimeEvent]) -> list[TimeEvent]:
    """The events in order of time; what was tracked is one event, from its first box to its last."""
    told = [event for event in events if event.xyxy is None]
    followed = [TimeEvent(track.label, track.start_s, track.end_s) for track in tracks_of(events)]
    return sorted((*told, *followed), key=lambda event: (event.start_s, event.end_s))


def shown(timeline: Timeline) -> list[tuple[int, int, str]]:
    """Every range of the timeline as (start, end, words), both in whole milliseconds; a moment lasts a while."""
    cues = []
    for number, event in enumerate(ranges(timeline.events), 1):
        end_s = event.end_s if event.end_s > event.start_s else event.start_s + MOMENT_SHOWN_S
        start_ms, end_ms = round(event.start_s * 1000), round(end_s * 1000)
        cues.append((start_ms, max(start_ms + 1, end_ms), words(event, number)))
    return cues


def words(event: TimeEvent, number: int) -> str:
    """The label in one line, without the arrow that stands between times in files of subtitles."""
    return _ARROW.sub("→", " ".join(printable(event.label).split())) or f"Event {number}"


def clock(ms: int, point: str = ".") -> str:
    """`01:02:03.456`."""
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"
