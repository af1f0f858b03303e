"""One question about one video: how it is asked, and which events are found while the answer streams.

Knows tasks, engines and parsing; the Video tab and the HTTP API share it. Knows no widgets, no storage and no HTTP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType

from app.answering import Answering, Snapshot, notice_of
from app.grounding import preset_of
from model.catalog import FAMILIES
from model.engines.base import Engine
from model.parsing import AnswerParser
from model.prompts import VideoTask, video_prompt
from model.types import (
    Answer,
    EngineInfo,
    GenerationOptions,
    MediumInput,
    Message,
    Part,
    Prompt,
    Text,
    TimeEvent,
    Video,
)
from model.video import Sampling, look

__all__ = ["POCKET_LEARNED", "VideoAsk", "Watched", "look", "not_learned", "prompt_of", "sampling_of", "watch"]

# The same question about the same video gives the same answer.
_SEED = 0
# Room for a box in each of about 100 frames, whatever the preset says of answers in words.
_MIN_NEW_TOKENS = 4096
# A model that has not learned a task is lost in it: enough to see that.
_LOST_NEW_TOKENS = 256

POCKET_LEARNED: frozenset[VideoTask] = frozenset({"when", "describe", "free"})
"""The tasks that the pocket model was trained for."""

_ABILITIES: Mapping[VideoTask, str] = MappingProxyType(
    {
        "when": "find moments in videos",
        "describe": "describe videos",
        "chapters": "divide videos into chapters",
        "read": "read text in videos",
        "track": "follow things in videos",
        "free": "answer questions about videos",
    }
)


@dataclass(frozen=True, slots=True)
class VideoAsk:
    """What to look for. `query` is as in `model.prompts.video_prompt`; `range_s` is the part that is looked at.

    `preset` names one of the model's presets, empty for the first.
    """

    task: VideoTask = "when"
    query: str = ""
    range_s: tuple[float, float] | None = None
    preset: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a model has said about a video so far. `first_s` is when the first event was complete, from the start.

    `asked` are the messages that it answers, the latest question last; `notes` are sentences about what was shown.
    """

    ask: VideoAsk
    info: EngineInfo
    medium: MediumInput
    snapshot: Snapshot = field(default_factory=Snapshot)
    answer: Answer = field(default_factory=Answer)
    first_s: float | None = None
    asked: tuple[Message, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def raw(self) -> str:
        """The model's own text, which the events' spans point into."""
        return self.snapshot.text

    @property
    def is_finished(self) -> bool:
        return self.snapshot.last.finish_reason is not None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation with this answer: the `earlier` of the next question."""
        return (*self.asked, Message("assistant", (Text(self.raw),)))

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know beside the answer and its problems."""
        of_answer = notice_of(self.snapshot, "frames were")
        return tuple(filter(None, (not_learned(self.info, self.ask.task), *self.notes, of_answer)))


def not_learned(info: EngineInfo, task: VideoTask) -> str:
    """Says that the model was not trained for the task and what to do about it; empty where it was."""
    if not info.is_pocket or task in POCKET_LEARNED:
        return ""
    return f"The pocket model has not learned to {_ABILITIES[task]}; load a larger model with --model for that."


def sampling_of(info: EngineInfo, preset: str = "", range_s: tuple[float, float] | None = None) -> Sampling:
    """The frames that a preset looks at, in the whole video or in a part of it."""
    frames = preset_of(info, preset).frames
    return Sampling(frames.fps, None, frames.max_frames, range_s, frames.pixels.max_pixels)


def prompt_of(engine: Engine, video: Video, ask: VideoAsk, earlier: Sequence[Message] = ()) -> Prompt:
    """The task in the family's words. Raises `RequestError` when something is missing that the task needs.

    A video that was shown in the turns before, with the same frames, is not shown again.
    """
    text = Text(video_prompt(engine.info.family, ask.task, ask.query))
    is_shown = any(part == video for message in earlier for part in message.media)
    parts: tuple[Part, ...] = (text,) if is_shown else (video, text)
    return engine.prepare([*earlier, Message("user", parts)], preset_of(engine.info, ask.preset).frames.pixels)


def watch(
    engine: Engine, video: Video, ask: VideoAsk, cancel: threading.Event, earlier: Sequence[Message] = ()
) -> Iterator[Watched]:
    """Ask, and give what is found again and again while the answer streams; the last one is complete.

    `earlier` are the turns before about the same video, as in `Watched.messages`. Raises `StudioError`, after the last
    of what was found, when the answer breaks off.
    """
    prompt = prompt_of(engine, video, ask, earlier)
    place = [part for message in prompt.messages for part in message.media].index(video)
    notes = (*video.notices, *_told_apart(engine.info, video))
    watched = Watched(ask, engine.info, prompt.media[place], asked=prompt.messages, notes=notes)
    parser = _parser(engine.info, video, ask, watched.medium)
    start_s = time.monotonic()
    for snapshot in Answering(engine, prompt, _options(engine.info, ask), cancel).snapshots():
        if snapshot.media[place] != watched.medium:
            watched = replace(watched, medium=snapshot.media[place])
            parser = _parser(engine.info, video, ask, watched.medium)
        answer = parser.feed(snapshot.text[len(watched.raw) :])
        if snapshot.last.finish_reason:
            answer = parser.finish()
        first_s = watched.first_s
        if first_s is None and answer.events:
            first_s = time.monotonic() - start_s
        shown = replace(answer, events=_finished(answer.events, ask, video))
        watched = replace(watched, snapshot=snapshot, answer=shown, first_s=first_s)
        yield watched


def _parser(info: EngineInfo, video: Video, ask: VideoAsk, medium: MediumInput) -> AnswerParser:
    """Reads times as those of the whole video, whatever the family counts from, and keeps to the part asked about."""
    convention, offset_s = FAMILIES[info.family].convention, _offset_s(info, video)
    return AnswerParser(convention, (medium,), duration_s=video.duration_s, offset_s=offset_s, range_s=ask.range_s)


def _offset_s(info: EngineInfo, video: Video) -> float:
    return 0.0 if FAMILIES[info.family].reads_times else video.times_s[0]


def _told_apart(info: EngineInfo, video: Video) -> tuple[str, ...]:
    """Where the answer's own words have other times than the events, that they do."""
    offset_s = _offset_s(info, video)
    if not offset_s:
        return ()
    return (f"Times in the model's words count from {offset_s:.1f} s, where the part begins; those of events do not.",)


def _finished(events: Sequence[TimeEvent], ask: VideoAsk, video: Video) -> tuple[TimeEvent, ...]:
    """Events without a name have that of what was asked for, and a chapter lasts until the next one."""
    name = ask.query.strip().rstrip(".?？") if ask.task in ("when", "track") else ""
    named = tuple(replace(event, label=event.label or name) for event in events)
    if ask.task != "chapters" or not named:
        return named
    end_s = min(video.duration_s, ask.range_s[1]) if ask.range_s else video.duration_s
    last = replace(named[-1], start_s=max(end_s, named[-1].start_s))
    return tuple(
        replace(chapter, end_s=following.start_s) if chapter.start_s == chapter.end_s else chapter
        for chapter, following in pairwise((*named, last))
    )


def _options(info: EngineInfo, ask: VideoAsk) -> GenerationOptions:
    options = replace(preset_of(info, ask.preset).options, seed=_SEED)
    if not_learned(info, ask.task):
        return replace(options, max_new_tokens=_LOST_NEW_TOKENS)
    return replace(options, max_new_tokens=max(options.max_new_tokens, _MIN_NEW_TOKENS))
