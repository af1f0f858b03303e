"""What the Video tab shows, as HTML: the thread of questions and answers, what a question costs, the chosen part.

Knows words, numbers and `ui_assets/video.html`. Does not know widgets, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Literal

from app import work_view
from app.markdown import to_html
from app.palette import PALETTE
from app.templates import macros
from app.tracks import tracks_of
from app.watching import VideoAsk, Watched
from app.work_view import ENDS, memory_words, queue_words, speed_words
from model.prompts import VideoTask
from model.types import MediumInput, TimeEvent, Video
from model.video import VideoFile

State = Literal["running", "done", "stopped", "failed"]

TASK_WORDS: Mapping[VideoTask, str] = {
    "when": "When",
    "describe": "Describe",
    "chapters": "Chapters",
    "read": "Read text",
    "track": "Track",
    "free": "Free",
}
_ROWS_MAX = 200
"""More events than this are on the timeline alone."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the next question takes: what becomes of the frames, tokens in all, and memory as far as it is known."""

    medium: MediumInput
    tokens: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer. `events` are those of the answer as they are now, `first_id` is the place of the
    first of them among all events of the thread."""

    ask: VideoAsk
    state: State
    watched: Watched | None
    events: Sequence[TimeEvent]
    first_id: int
    error: str = ""
    notices: tuple[str, ...] = ()
    is_corrected: bool = False
    is_chosen: bool = False


def clock(seconds: float) -> str:
    """ "0:03.2", "1:02:03.4": as the timeline writes times."""
    tenths = round(max(seconds, 0.0) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{shown}" if hours else f"{minutes}:{shown}"


def range_words(start_s: float, end_s: float) -> str:
    """ "0:03.2 – 0:05.0" of a range, "0:03.2" of a moment."""
    return f"{clock(start_s)} – {clock(end_s)}" if end_s > start_s else clock(start_s)


def title_of(ask: VideoAsk) -> str:
    """ "When: the door opens" or "When does the door open?", as the name of the lane with the events of an answer."""
    if not _uses_query(ask.task):
        return TASK_WORDS[ask.task]
    return ask.query if ask.query.endswith("?") else f"{TASK_WORDS[ask.task]}: {ask.query}"


def thread_html(turns: Sequence[Turn], labels: Sequence[str]) -> str:
    """Questions and answers, the newest last; each event can be clicked."""
    return str(_macros().thread([_turn(place, turn, labels) for place, turn in enumerate(turns)]))


def status_html(file: VideoFile, video: Video | None, cost: Cost | None, is_model_there: bool) -> str:
    """The video in numbers, the frames that are sent, and what a question costs; less is known without a model."""
    facts = [(_file_words(file), f"{file.facts.codec}, {file.facts.frame_count:,} pictures")]
    if video is None:
        when = "once the frames have been read" if is_model_there else "once the model has loaded"
        facts.append((f"frames and tokens are known {when}", ""))
    else:
        facts.append((_frames_words(video), ", ".join(clock(time_s) for time_s in video.times_s)))
    if video and cost:
        facts += [(words, "") for words in _cost_words(cost)]
    return str(_macros().status(facts))


def part_html(range_s: tuple[float, float] | None) -> str:
    """The part that is asked about, with a button that lets go of it."""
    return str(_macros().part(range_words(*range_s))) if range_s else ""


def preview_html(fraction: float | None) -> str:
    """That a copy is being made which the browser can play, how far it is, and a way to stop."""
    return work_view.stage_html("Making a copy that this browser can play", fraction, "unpreview")


def stage_words(watched: Watched) -> str:
    """ "2 are before you", "Looking at the frames", "Thinking" or "7 events so far"."""
    snapshot = watched.snapshot
    if snapshot.waiting:
        return queue_words(snapshot.waiting)
    if not snapshot.text:
        return "Thinking" if snapshot.thinking else "Looking at the frames"
    count = len(watched.answer.events)
    return f"{_events(count)} so far" if count else "Writing"


def welcome_html(examples: Sequence[tuple[str, str, str]]) -> str:
    """What stands in the place of the video as long as there is none; examples are (question, alt, address)."""
    return work_view.welcome_html(
        "video",
        "Ask when something happens",
        "Drop a video here, or choose one: MP4, MOV, WebM, MKV, AVI, GIF, or a folder of numbered pictures.",
        examples,
    )


def _turn(place: int, turn: Turn, labels: Sequence[str]) -> dict[str, Any]:
    watched = turn.watched
    answer = watched.answer if watched else None
    return {
        "place": place,
        "state": turn.state,
        "is_chosen": turn.is_chosen,
        "task": TASK_WORDS[turn.ask.task],
        "query": turn.ask.query if _uses_query(turn.ask.task) else "",
        "part": range_words(*turn.ask.range_s) if turn.ask.range_s else "",
        "thinking": watched.snapshot.thinking if watched else "",
        "html": to_html(answer.text) if answer else "",
        "events": _rows(turn, labels),
        "notes": _notes(turn),
        "error": turn.error,
        "facts": _facts(turn),
        "raw": watched.raw if watched and turn.state != "running" else "",
    }


def _rows(turn: Turn, labels: Sequence[str]) -> list[dict[str, Any]]:
    """The events to click, in order of time; what was tracked is one of them."""
    places = {id(event): turn.first_id + place for place, event in enumerate(turn.events)}
    rows = [
        (event.start_s, places[id(event)], event.label, range_words(event.start_s, event.end_s))
        for event in turn.events
        if event.xyxy is None
    ]
    for track in tracks_of(turn.events):
        when = f"{range_words(track.start_s, track.end_s)}, {_boxes(len(track.events))}"
        rows.append((track.start_s, places[id(track.events[0])], track.label, when))
    order = {label: place for place, label in enumerate(labels)}
    return [
        {"id": place, "label": label, "when": when, "color": order.get(label, 0) % len(PALETTE)}
        for _, place, label, when in sorted(rows)[:_ROWS_MAX]
    ]


def _notes(turn: Turn) -> list[str]:
    notes = list(turn.notices)
    if turn.watched:
        notes += turn.watched.answer.problems
        is_cut = turn.watched.snapshot.last.finish_reason == "length"
        if is_cut and not any("cut" in problem for problem in notes):
            notes.append("The answer reached the limit of its length; there may be more than this.")
    if len(turn.events) > _ROWS_MAX and not any(event.xyxy for event in turn.events):
        notes.append(f"The first {_ROWS_MAX} of {len(turn.events):,} events are listed; the timeline has all of them.")
    return notes


def _facts(turn: Turn) -> list[str]:
    watched = turn.watched
    if watched is None or turn.state == "running":
        return []
    last, facts = watched.snapshot.last, []
    if watched.first_s is not None:
        facts.append(f"first event after {watched.first_s:.1f} s")
    if last.finish_reason:
        facts.append(speed_words(last))
    if last.finish_reason in ENDS:
        facts.append(ENDS[last.finish_reason])
    if turn.is_corrected:
        facts.append("changed by hand")
    return [*facts, watched.info.name]


def _file_words(file: VideoFile) -> str:
    fps = f"{file.facts.fps:.3g} frames a second" + (", varying" if file.facts.is_variable else "")
    return f"{file.size_wh[0]:,} × {file.size_wh[1]:,}, {clock(file.duration_s)}, {fps}"


def _frames_words(video: Video) -> str:
    first, last = video.times_s[0], video.times_s[-1]
    step_s = median(later - earlier for earlier, later in pairwise(video.times_s))  # holes do not count
    return f"{len(video.frames)} frames from {clock(first)} to {clock(last)}, one every {_step_words(step_s)}"


def _step_words(step_s: float) -> str:
    """ "0.5 s", "12 s", and by the clock from a minute on, "9:20"."""
    return f"{step_s:.2g} s" if step_s < 59.5 else clock(round(step_s)).removesuffix(".0")


def _cost_words(cost: Cost) -> list[str]:
    width, height = cost.medium.input_size_wh
    words = [f"{width:,} × {height:,} each, {cost.medium.tokens:,} visual tokens"]
    if cost.memory_bytes >= 2**20:
        words.append(f"about {memory_words(cost.memory_bytes)} of memory")
    return words


def _uses_query(task: VideoTask) -> bool:
    return task in ("when", "track", "free")


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def _boxes(count: int) -> str:
    return "1 box" if count == 1 else f"{count:,} boxes"


def _macros() -> Any:
    return macros("video.html")
