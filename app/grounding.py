"""One question about places in one picture: how it is asked, and what is found while the answer streams.

Knows tasks, engines and parsing; the Ground tab and the HTTP API share it. Knows no widgets, no storage and no HTTP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from app.answering import Answering, Snapshot
from model.catalog import FAMILIES, Preset, presets_of
from model.engines.base import Engine
from model.errors import OutOfMemory
from model.parsing import AnswerParser, parse_answer
from model.prompts import Task, system_prompt, task_prompt
from model.types import (
    Answer,
    Convention,
    EngineInfo,
    GenerationOptions,
    Image,
    MediumInput,
    Message,
    Part,
    PixelBudget,
    Prompt,
    Text,
)

# The same question about the same picture gives the same answer.
_SEED = 0
# Room for about 100 boxes, whatever the preset says of answers in words.
_MIN_NEW_TOKENS = 4096
# A model that has not learned a task is lost in it: enough to see that.
_LOST_NEW_TOKENS = 256

_ON_PAGES: frozenset[Task] = frozenset({"read", "act"})
"""What is done with pages and screens, which need to be seen larger than things."""

_NOT_IN_POCKET: Mapping[Task, str] = MappingProxyType({"read": "read text", "act": "act on a screen"})


@dataclass(frozen=True, slots=True)
class Ask:
    """What to find. `query` is as in `model.prompts.task_prompt`; `box_xyxy` limits it to an area, in source pixels.

    `preset` names one of the model's presets, empty for the first. `convention` None reads coordinates as the family
    writes them.
    """

    task: Task = "detect"
    query: str = ""
    box_xyxy: tuple[float, float, float, float] | None = None
    preset: str = ""
    convention: Convention | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a model has said about a picture so far. `first_s` is when the first result was complete, from the start."""

    ask: Ask
    info: EngineInfo
    medium: MediumInput
    snapshot: Snapshot = field(default_factory=Snapshot)
    answer: Answer = field(default_factory=Answer)
    first_s: float | None = None

    @property
    def raw(self) -> str:
        """The model's own text, which the regions' spans point into."""
        return self.snapshot.text

    @property
    def is_finished(self) -> bool:
        return self.snapshot.last.finish_reason is not None

    @property
    def convention(self) -> Convention:
        """How the coordinates were read."""
        return self.ask.convention or FAMILIES[self.info.family].convention

    def read_as(self, convention: Convention | None) -> Found:
        """The same text with its coordinates read in another way; None is the family's own."""
        ask = replace(self.ask, convention=convention)
        box_and_action = _conventions(ask, self.info.family)
        answer = parse_answer(self.raw, box_and_action[0], (self.medium,), action_convention=box_and_action[1])
        return replace(self, ask=ask, answer=answer)


def not_learned(info: EngineInfo, task: Task) -> str:
    """Says that the model was not trained for the task and what to do about it; empty where it was."""
    what = _NOT_IN_POCKET.get(task)
    if not info.is_pocket or what is None:
        return ""
    return f"The pocket model has not learned to {what}; load a larger model with --model for that."


def look(engine: Engine, image: Image, task: Task, preset: str = "") -> MediumInput:
    """What would become of the picture on its way into the model. Raises `StudioError` when it cannot be used."""
    return engine.prepare([Message("user", (image,))], _budget(engine.info, task, preset)).media[0]


def prompt_of(engine: Engine, image: Image, ask: Ask) -> Prompt:
    """The task in the family's words. Raises `RequestError` when something is missing that the task needs."""
    messages = _messages(engine.info.family, image, ask, look(engine, image, ask.task, ask.preset))
    return engine.prepare(messages, _budget(engine.info, ask.task, ask.preset))


def ground(engine: Engine, image: Image, ask: Ask, cancel: threading.Event) -> Iterator[Found]:
    """Ask, and give what is found again and again while the answer streams; the last one is complete.

    Raises `StudioError`, after the last of what was found, when the answer breaks off.
    """
    prompt = prompt_of(engine, image, ask)
    boxes, actions = _conventions(ask, engine.info.family)
    parser = AnswerParser(boxes, prompt.media, action_convention=actions)
    options = _options(engine.info, ask)
    found = Found(ask, engine.info, prompt.media[0])
    start_s = time.monotonic()
    for snapshot in Answering(engine, prompt, options, cancel).snapshots():
        if snapshot.media[0] != found.medium:
            found = _shrunk(found, prompt, image, snapshot.media[0])
            parser = AnswerParser(boxes, snapshot.media, action_convention=actions)
        answer = parser.feed(snapshot.text[len(found.raw) :])
        if snapshot.last.finish_reason:
            answer = parser.finish()
        first_s = found.first_s
        if first_s is None and (answer.regions or answer.actions):
            first_s = time.monotonic() - start_s
        found = replace(found, snapshot=snapshot, answer=answer, first_s=first_s)
        yield found


def _budget(info: EngineInfo, task: Task, preset: str) -> PixelBudget:
    chosen = preset_of(info, preset)
    return chosen.page_budget if task in _ON_PAGES else chosen.budget


def _options(info: EngineInfo, ask: Ask) -> GenerationOptions:
    options = replace(preset_of(info, ask.preset).options, seed=_SEED)
    if not_learned(info, ask.task):
        return replace(options, max_new_tokens=_LOST_NEW_TOKENS)
    return replace(options, max_new_tokens=max(options.max_new_tokens, _MIN_NEW_TOKENS))


def _shrunk(found: Found, prompt: Prompt, image: Image, medium: MediumInput) -> Found:
    """The same, in a picture that was made smaller for want of memory; `OutOfMemory` when it was asked about places."""
    if tuple(_messages(found.info.family, image, found.ask, medium)) != prompt.messages:
        raise OutOfMemory("The memory is full. Choose the preset for low memory.")
    return replace(found, medium=medium)


def _messages(family: str, image: Image, ask: Ask, medium: MediumInput) -> list[Message]:
    """The task in the family's words; where these name pixels of the model's input, `medium` says how large that is."""
    text = task_prompt(family, ask.task, ask.query, ask.box_xyxy, medium)
    system = system_prompt(family, ask.task, medium)
    parts: tuple[Part, ...] = (image, Text(text))
    return [*([Message("system", (Text(system),))] if system else []), Message("user", parts)]


def preset_of(info: EngineInfo, name: str) -> Preset:
    """The model's preset of that name, the first one for a name that it does not have."""
    presets = presets_of(info)
    return presets.get(name) or next(iter(presets.values()))


def _conventions(ask: Ask, family_key: str) -> tuple[Convention, Convention]:
    """How to read boxes and points, and how the places of actions."""
    family = FAMILIES[family_key]
    return ask.convention or family.convention, ask.convention or family.action_convention
