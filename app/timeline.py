"""The linked timeline: a video in a player, the frames that the model saw at their places, and the events found.

Knows what the timeline in the browser (`ui_assets/timeline*`) has to be told, and what it gives back. Does not know
models, prompts or where videos are stored: it is given addresses.

The value is one JSON text, as the viewer's is (`app.viewer`), made by `timeline_value` and read by `edited_events`.
The frames are another one, made by `frames_value`: they are many bytes, and change less often than the events do.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.palette import label_order
from app.templates import ASSETS
from app.tracks import tracks_of
from app.wire import finite, plain, unnumbered
from model.errors import RequestError
from model.media import thumbnail
from model.types import TimeEvent, Video

FRAME_SIDE = 160
"""Longer side of a frame on the timeline in pixels: twice the size at which it is shown there, for dense screens."""

_STYLE = "timeline.css"
_SCRIPTS = ("timeline_parts.js", "timeline_edit.js", "timeline.js")
_ON_LOAD = """
window.StudioTimeline.mount(element, {
  read: () => props.value,
  watch: (callback) => watch('value', callback),
  write: (text) => { props.value = text; trigger('input'); },
  ask: (text) => { props.value = text; trigger('select'); },
  fail: (src) => trigger('unplayable', { src }),
});
"""
_ON_FRAMES = """
window.StudioTimeline.mountFrames({ read: () => props.value, watch: (callback) => watch('value', callback) });
"""

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Lane:
    """The events of one answer. `title` says which, `step_s` is the time between two frames that the model saw."""

    title: str
    events: Sequence[TimeEvent]
    step_s: float


@dataclass(frozen=True, slots=True)
class ShownVideo:
    """What the player is given: the address of a video, and of a picture until it plays."""

    src: str
    poster: str
    name: str
    size_wh: tuple[int, int]
    duration_s: float
    fps: float


@dataclass(frozen=True, slots=True)
class EditedEvents:
    """What a person made of a timeline's value: the events of each lane, in the order of the lanes, all labels, and
    the part of the video to ask about. `chosen` is the lane of the event that is highlighted and its place there;
    `src` is the address of the video that they are about."""

    lanes: tuple[tuple[TimeEvent, ...], ...]
    labels: tuple[str, ...]
    range_s: Range | None
    chosen: tuple[int, int] | None
    src: str


def timeline_head() -> str:
    """Style and script for the page's `<head>`; they use the viewer's (`viewer_head`), which come first."""
    style, scripts = (ASSETS / _STYLE).read_text("utf-8"), [(ASSETS / name).read_text("utf-8") for name in _SCRIPTS]
    return f"<style>\n{style}</style>\n<script>\n{''.join(scripts)}</script>"


def video_timeline(**kwargs: Any) -> gr.HTML:
    """A timeline whose value is what `timeline_value` gives; its page has to carry `timeline_head()`.

    Events: `input` after each edit by hand, and when an event was chosen or let go, with the value as it is then;
    `select` when a part was chosen or let go; `unplayable` with the `src` that the browser cannot play.

    Which event is chosen travels with the events it is one of: said apart, it could be counted in another list.
    """
    return gr.HTML(
        timeline_value(None),
        html_template=(ASSETS / "timeline.html").read_text("utf-8"),
        js_on_load=_ON_LOAD,
        apply_default_css=False,
        **kwargs,
    )


def timeline_frames(**kwargs: Any) -> gr.HTML:
    """What shows nothing itself and gives the timeline of the page its frames; its value is from `frames_value`."""
    return gr.HTML("[]", html_template="<i hidden></i>", js_on_load=_ON_FRAMES, apply_default_css=False, **kwargs)


def timeline_value(
    video: ShownVideo | None,
    lanes: Sequence[Lane] = (),
    *,
    labels: Sequence[str] = (),
    range_s: Range | None = None,
    streaming: bool = False,
    word: str = "",
) -> str:
    """What a timeline shows. `labels` come first in the order of colours; `range_s` is the part to ask about.

    `streaming` says that more is to come: no editing meanwhile. `word` stands in the place of the picture as long as
    the video has no address.
    """
    events = [event for place, lane in enumerate(lanes) for event in _lane_to_wire(lane, place)]
    value = {
        "src": video.src if video else "",
        "poster": video.poster if video else "",
        "name": video.name if video else "",
        "size_wh": video.size_wh if video else (0, 0),
        "duration_s": video.duration_s if video else 0,
        "fps": video.fps if video else 0,
        "lanes": [{"title": lane.title, "step_s": lane.step_s} for lane in lanes],
        "events": events,
        "labels": label_order((event["label"] for event in events), labels),
        "range_s": range_s,
        "streaming": streaming,
        "word": word,
    }
    # The page's framework warns of "<script" in a value, and labels may say anything.
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def frames_value(video: Video | None) -> str:
    """The frames of a video as [seconds, address] each; small JPEGs, written out in their addresses."""
    frames = zip(video.times_s, video.frames, strict=True) if video else ()
    small = ((time_s, base64.b64encode(thumbnail(frame, FRAME_SIDE)).decode()) for time_s, frame in frames)
    return json.dumps([(round(time_s, 3), f"data:image/jpeg;base64,{data}") for time_s, data in small])


def edited_events(value: str) -> EditedEvents:
    """Read a timeline's value as it came back from the browser. Raises `RequestError` when it makes no sense."""
    try:
        wire = json.loads(unnumbered(value))
        duration_s = finite(wire["duration_s"])
        lanes: list[list[TimeEvent]] = [[] for _ in wire["lanes"]]
        for item in wire["events"]:
            lanes[_place(item["lane"])].append(_from_wire(item, duration_s))
        range_s = _range(wire["range_s"], duration_s) if wire["range_s"] else None
        labels = tuple(str(label) for label in wire["labels"])
        chosen = _chosen(wire["events"], wire.get("chosen"))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise RequestError("This edit could not be read. Nothing was changed; please try it again.") from error
    return EditedEvents(tuple(map(tuple, lanes)), labels, range_s, chosen, str(wire["src"]))


def _lane_to_wire(lane: Lane, place: int) -> Iterator[dict[str, Any]]:
    """Its events in order of time; `thing` tells which of them are the boxes of one thing."""
    things = {id(event): number for number, track in enumerate(tracks_of(lane.events)) for event in track.events}
    for event in sorted(lane.events, key=lambda event: (event.start_s, event.end_s)):
        yield {"lane": place, "thing": things.get(id(event)), **_to_wire(event)}


def _to_wire(event: TimeEvent) -> dict[str, Any]:
    return {
        "label": event.label,
        "start_s": round(event.start_s, 3),
        "end_s": round(event.end_s, 3),
        "xyxy": event.xyxy and [round(side, 2) for side in event.xyxy],
        "span": event.span,
        "attributes": plain(event.attributes),
    }


def _from_wire(wire: Mapping[str, Any], duration_s: float) -> TimeEvent:
    start_s, end_s = _range((wire["start_s"], wire["end_s"]), duration_s)
    box = wire.get("xyxy")
    xyxy = (finite(box[0]), finite(box[1]), finite(box[2]), finite(box[3])) if box else None
    span = (int(wire["span"][0]), int(wire["span"][1])) if wire.get("span") else None
    return TimeEvent(str(wire["label"]), start_s, end_s, xyxy, span, dict(wire.get("attributes") or {}))


def _chosen(events: Sequence[Mapping[str, Any]], number: Any) -> tuple[int, int] | None:
    """Lane, and place among its events, of the event with a number among all of them."""
    if number is None:
        return None
    lane = events[_place(number)]["lane"]
    return lane, sum(event["lane"] == lane for event in events[:number])


def _range(times_s: Sequence[Any], duration_s: float) -> Range:
    """In order, and inside the video."""
    first, last = sorted(min(max(finite(time_s), 0.0), duration_s) for time_s in times_s)
    return first, last


def _place(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise ValueError("not a place")
    return number
