"""The video with what was tracked drawn into every picture, as MP4 with its sound.

Between two boxes a thing moves on the straight line, as it does on the player. The drawing is `app.draw`'s.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.exports.base import left_out
from app.exports.drawn import letters_missing
from app.exports.events.base import Timeline
from app.tracks import Track, tracks_of
from model.decoding import Rgb
from model.rewriting import paint
from model.types import Answer, Box


def why_not(timeline: Timeline) -> str:
    if tracks_of(timeline.events):
        return ""
    return "There is nothing to draw: only things that were tracked have a place in the picture."


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    # Its annotators take half a second to import: the first drawing can wait for that, the page should not.
    from app.draw import unwritten

    painter = _Painter(tracks_of(timeline.events), tuple(timeline.labels), timeline.video.step_s)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "drawn.mp4"
        paint(timeline.file, painter, made, cancel)
        with made.open("rb") as drawn:
            shutil.copyfileobj(drawn, file)
    missing = unwritten(Answer(regions=tuple(Box(track.label, (0.0, 0.0, 0.0, 0.0)) for track in painter.tracks)))
    undrawn = sum(event.xyxy is None for event in timeline.events)
    return [*left_out(undrawn, "events without a place in the picture", "the video"), *letters_missing(missing)]


@dataclass(frozen=True, slots=True)
class _Painter:
    """Draws what is there at a time; runs in another process.

    The last box of a thing stays for a step, until the next frame that was looked at, as it does on the player.
    """

    tracks: tuple[Track, ...]
    labels: tuple[str, ...]
    step_s: float

    def __call__(self, scene: Rgb, at_s: float) -> None:
        from app.draw import draw_on

        shown = (track for track in self.tracks if at_s < track.end_s + self.step_s)
        places = ((track.label, track.box_at(min(at_s, track.end_s))) for track in shown)
        boxes = tuple(Box(label, xyxy) for label, xyxy in places if xyxy is not None)
        draw_on(scene, Answer(regions=boxes), self.labels)
