"""Boxes in time, put together: what is in one place now and in another a moment later is one thing that moves.

Knows events and geometry. Does not know where they come from or how they are shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from model.types import TimeEvent

MAX_GAP_STEPS = 3.5
"""What is not seen for longer than so many steps is taken to have been away; the player goes by these tracks too."""

XYXY = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Track:
    """A thing on its way: where it is at rising times, in pixels of the video. `events` are those that it came from."""

    label: str
    events: tuple[TimeEvent, ...]

    @property
    def start_s(self) -> float:
        return self.events[0].start_s

    @property
    def end_s(self) -> float:
        return max(event.end_s for event in self.events)

    @property
    def boxes(self) -> tuple[tuple[float, XYXY], ...]:
        """Seconds and box of each event."""
        return tuple((event.start_s, event.xyxy) for event in self.events if event.xyxy is not None)

    def box_at(self, time_s: float) -> XYXY | None:
        """Where it is at a time, between two boxes on the straight line; None before the first and after the end."""
        boxes = self.boxes
        if not boxes[0][0] <= time_s <= self.end_s:
            return None
        before = max(index for index, (at_s, _) in enumerate(boxes) if at_s <= time_s)
        (start_s, start), (end_s, end) = boxes[before], boxes[min(before + 1, len(boxes) - 1)]
        share = (time_s - start_s) / (end_s - start_s) if end_s > start_s else 0.0
        x1, y1, x2, y2 = (a + (b - a) * share for a, b in zip(start, end, strict=True))
        return x1, y1, x2, y2


def tracks_of(events: Sequence[TimeEvent]) -> tuple[Track, ...]:
    """The things that events with boxes tell of, in the order of their first boxes; events without boxes are passed by.

    Events of one label are one thing, as long as there is no gap of more than `MAX_GAP_STEPS` times the usual step from
    box to box; where two of them are at the same time, each goes on with the nearest.
    """
    tracks: list[list[TimeEvent]] = []
    boxes = sorted((event for event in events if event.xyxy is not None), key=lambda event: event.start_s)
    max_gap_s = MAX_GAP_STEPS * _usual_step_s(boxes)
    for event in boxes:
        free = [
            track
            for track in tracks
            if track[0].label == event.label and 0 < event.start_s - track[-1].start_s <= max_gap_s
        ]
        nearest = min(free, key=lambda track: _distance(track[-1], event), default=None)
        if nearest is None:
            tracks.append([event])
        else:
            nearest.append(event)
    return tuple(Track(track[0].label, tuple(track)) for track in tracks)


def _usual_step_s(boxes: Sequence[TimeEvent]) -> float:
    """The median time from one moment at which there are boxes to the next."""
    times_s = sorted({event.start_s for event in boxes})
    return median(later - earlier for earlier, later in pairwise(times_s)) if len(times_s) > 1 else 0.0


def _distance(first: TimeEvent, second: TimeEvent) -> float:
    """Pixels between the middles of two boxes."""
    assert first.xyxy is not None
    assert second.xyxy is not None
    (x1, y1, x2, y2), (a1, b1, a2, b2) = first.xyxy, second.xyxy
    return math.hypot((x1 + x2 - a1 - a2) / 2, (y1 + y2 - b1 - b2) / 2)
