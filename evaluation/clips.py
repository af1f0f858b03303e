"""What the pocket model can tell about time: drawn clips as files, asked about the way the program asks.

Each clip is written as an MP4 file, sampled and asked about through `app.watching` as the Video tab does it. Times in
answers are held against those of the clip itself, not of the frames that were looked at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any

import av
import numpy as np

from app.watching import VideoAsk, Watched, sampling_of, watch
from evaluation.scores import Score
from model.engines.base import Engine
from model.prompts import VideoTask
from model.types import TimeEvent, Video
from model.video import look, open_video
from training import wordings
from training.clips import MAX_S, MIN_S, SIZES_WH, Actor, Clip, random_clip

MOMENT_S = 0.5
IOU = 0.5


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is true of a clip: `words` as an answer has them, and when. A moment has one time twice."""

    what: str
    name: str
    words: str
    start_s: float
    end_s: float


def write_mp4(clip: Clip, path: Path) -> None:
    """The clip as a film of usual quality."""
    with av.open(str(path), "w", format="mp4") as output:
        stream: Any = output.add_stream("libx264", rate=Fraction(clip.fps))
        stream.width, stream.height = clip.size_wh
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast"}
        for frame in clip.draw(list(clip.frame_times())):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())


def facts(clip: Clip) -> list[Fact]:
    """Everything that happens, under the shapes' first names."""
    return [fact for actor in clip.actors for fact in _facts_of(actor, clip.duration_s, actor.names[0])]


def _facts_of(actor: Actor, duration_s: float, name: str) -> Iterator[Fact]:
    start_s, end_s = actor.shown_s[0], min(actor.shown_s[1], duration_s)
    yield Fact("visible", name, f"The {name} is visible", start_s, end_s)
    if actor.moves_s:
        yield Fact("moves", name, f"The {name} moves", *actor.moves_s)
    if actor.turns:
        yield Fact("turns", name, f"The {name} turns {actor.turns[1]}", actor.turns[0], actor.turns[0])
    if start_s > 0:
        yield Fact("appears", name, f"The {name} appears", start_s, start_s)
    if end_s < duration_s:
        yield Fact("vanishes", name, f"The {name} vanishes", end_s, end_s)


def sample(engine: Engine, seed: tuple[int, int]) -> Iterator[Score]:
    """One clip: all of its events as JSON, and a question of each kind for which there is something to ask about.

    A third of the questions are a few words, a third is worded as in training, a third as training never does.
    """
    rng = np.random.default_rng(seed)
    clip = random_clip(rng, SIZES_WH[int(rng.integers(len(SIZES_WH)))], float(rng.uniform(MIN_S, MAX_S)))
    shown = _as_file(engine, clip)
    true = facts(clip)
    told = _watched(engine, shown, "describe", "").answer.events
    spans = [fact for fact in true if fact.what in ("visible", "moves")]
    yield from (span_score(fact, told) for fact in spans)
    yield from (moment_score(fact, told) for fact in true if fact.what == "turns")
    listed = [event.label.rstrip(".") for event in told]
    yield from (Score("video precision", float(_is_new(true, listed[: index + 1]))) for index in range(len(listed)))
    askable = [
        fact
        for actor in clip.actors
        if (name := _clear_name(clip, actor))
        for fact in _facts_of(actor, clip.duration_s, name)
    ]
    for what in ("visible", "moves", "appears", "vanishes", "turns"):
        asked = [fact for fact in askable if fact.what == what]
        if asked:
            yield from _asked(engine, shown, asked[int(rng.integers(len(asked)))], rng)


def _is_new(true: Sequence[Fact], listed: Sequence[str]) -> bool:
    """Whether the last of the listed names is that of something that happens, listed for the first time."""
    return listed[-1] in {fact.words for fact in true} and listed[-1] not in listed[:-1]


def _clear_name(clip: Clip, actor: Actor) -> str:
    """What a shape is asked about by: its name as long as it keeps that, else its kind where there is only one."""
    if not actor.turns:
        return actor.names[0]
    return actor.kind if [other.kind for other in clip.actors].count(actor.kind) == 1 else ""


def _asked(engine: Engine, shown: Video, fact: Fact, rng: np.random.Generator) -> Iterator[Score]:
    """A question about one thing, worded in one of three ways."""
    options = (wordings.VIDEO_QUERIES, wordings.VIDEO, wordings.VIDEO_HELD_OUT)[int(rng.integers(3))]
    query = wordings.pick(rng, options[fact.what]).format(fact.name)
    told = _watched(engine, shown, "when", query).answer.events
    yield span_score(fact, told) if fact.start_s < fact.end_s else moment_score(fact, told)


def span_score(fact: Fact, told: Sequence[TimeEvent]) -> Score:
    """Whether one of the events of that name overlaps well."""
    overlaps = [_iou(fact, event) for event in told if event.label.rstrip(".") == fact.words]
    return Score("video events", float(max(overlaps, default=0.0) >= IOU))


def moment_score(fact: Fact, told: Sequence[TimeEvent]) -> Score:
    """Whether one of the moments of that name is close."""
    off_s = [abs(event.start_s - fact.start_s) for event in told if event.label.rstrip(".") == fact.words]
    return Score("video moments", float(min(off_s, default=MOMENT_S + 1) <= MOMENT_S))


def _iou(fact: Fact, event: TimeEvent) -> float:
    """Intersection over union of two spans of time."""
    shared = min(fact.end_s, event.end_s) - max(fact.start_s, event.start_s)
    both = max(fact.end_s, event.end_s) - min(fact.start_s, event.start_s)
    return max(0.0, shared) / both if both > 0 else 0.0


def _watched(engine: Engine, shown: Video, task: VideoTask, query: str) -> Watched:
    """The whole answer to one question."""
    *_, last = watch(engine, shown, VideoAsk(task, query), Event())
    return last


def _as_file(engine: Engine, clip: Clip) -> Video:
    """The clip as the program shows it to the model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_mp4(clip, path)
        return look(open_video(path), sampling_of(engine.info))
