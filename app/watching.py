"""One question about one video: how it is asked, and which events are found while the answer streams.

Knows tasks, engines and parsing; the Video tab and the HTTP API share it. Knows no widgets, no storage and no HTTP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from app.answering import Answering, Snapshot
from model.catalog import FAMILIES, Preset, presets_of
from model.engines.base import Engine
from model.parsing import AnswerParser
from model.prompts import VideoTask, video_prompt
from model.types import Answer, EngineInfo, GenerationOptions, MediumInput, Message, Part, Prompt, Text, Video
from model.video import Sampling, look

__all__ = ["VideoAsk", "Watched", "look", "not_learned", "prompt_of", "sampling_of", "watch"]

# The same question about the same video gives the same answer.
_SEED = 0
# Room for a box in each of about 100 frames, whatever the preset says of answers in words.
_MIN_NEW_TOKENS = 4096
# A model that has not learned a task is lost in it: enough to see that.
_LOST_NEW_TOKENS = 256

_NOT_IN_POCKET: Mapping[VideoTask, str] = MappingProxyType(
    {
        "when": "find moments in videos",
        "describe": "describe videos",
        "chapters": "divide videos into chapters",
        "read": "read text in videos",
        "track": "follow things in videos",
        "free": "watch videos",
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

    `asked` are the messages that it answers, the latest question last.
    """

    ask: VideoAsk
    info: EngineInfo
    medium: MediumInput
    snapshot: Snapshot = field(default_factory=Snapshot)
    answer: Answer = field(default_factory=Answer)
    first_s: float | None = None
    asked: tuple[Message, ...] = ()

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


def not_learned(info: EngineInfo, task: VideoTask) -> str:
    """Says that the model was not trained for the task and what to do about it; empty where it was."""
    what = _NOT_IN_POCKET.get(task)
    if not info.is_pocket or what is None:
        return ""
    return f"The pocket model has not learned to {what}; load a larger model with --model for that."


def sampling_of(info: EngineInfo, preset: str = "", range_s: tuple[float, float] | None = None) -> Sampling:
    """The frames that a preset looks at, in the whole video or in a part of it."""
    frames = _preset_of(info, preset).frames
    return Sampling(frames.fps, None, frames.max_frames, range_s, frames.pixels.max_pixels)


def prompt_of(engine: Engine, video: Video, ask: VideoAsk, earlier: Sequence[Message] = ()) -> Prompt:
    """The task in the family's words. Raises `RequestError` when something is missing that the task needs."""
    text = Text(video_prompt(engine.info.family, ask.task, ask.query))
    is_shown = any(part == video for message in earlier for part in message.parts)
    parts: tuple[Part, ...] = (text,) if is_shown else (video, text)
    return engine.prepare([*earlier, Message("user", parts)], _preset_of(engine.info, ask.preset).frames.pixels)


def watch(
    engine: Engine, video: Video, ask: VideoAsk, cancel: threading.Event, earlier: Sequence[Message] = ()
) -> Iterator[Watched]:
    """Ask, and give what is found again and again while the answer streams; the last one is complete.

    `earlier` are the turns before about the same video, as in `Watched.messages`. Raises `StudioError`, after the last
    of what was found, when the answer breaks off.
    """
    prompt = prompt_of(engine, video, ask, earlier)
    place = _place_of(video, prompt.messages)
    watched = Watched(ask, engine.info, prompt.media[place], asked=prompt.messages)
    parser = _parser(engine.info, video, watched.medium)
    start_s = time.monotonic()
    for snapshot in Answering(engine, prompt, _options(engine.info, ask), cancel).snapshots():
        if snapshot.media[place] != watched.medium:
            watched = replace(watched, medium=snapshot.media[place])
            parser = _parser(engine.info, video, watched.medium)
        answer = parser.feed(snapshot.text[len(watched.raw) :])
        if snapshot.last.finish_reason:
            answer = parser.finish()
        first_s = watched.first_s
        if first_s is None and answer.events:
            first_s = time.monotonic() - start_s
        watched = replace(watched, snapshot=snapshot, answer=answer, first_s=first_s)
        yield watched


def _parser(info: EngineInfo, video: Video, medium: MediumInput) -> AnswerParser:
    return AnswerParser(FAMILIES[info.family].convention, (medium,), duration_s=video.duration_s)


def _place_of(video: Video, messages: Sequence[Message]) -> int:
    """Where the video stands among the media of the conversation."""
    media = [medium for message in messages for medium in message.media]
    return media.index(video)


def _options(info: EngineInfo, ask: VideoAsk) -> GenerationOptions:
    options = replace(_preset_of(info, ask.preset).options, seed=_SEED)
    if not_learned(info, ask.task):
        return replace(options, max_new_tokens=_LOST_NEW_TOKENS)
    return replace(options, max_new_tokens=max(options.max_new_tokens, _MIN_NEW_TOKENS))


def _preset_of(info: EngineInfo, name: str) -> Preset:
    presets = presets_of(info)
    return presets.get(name) or next(iter(presets.values()))
