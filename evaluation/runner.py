"""Asks an engine about samples, several at a time where the engine answers several, and keeps each answer at once.

Knows engines and media. Does not know what a task measures, nor where the model comes from.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from app.interrupt import stopped_by_ctrl_c
from app.watching import sampling_of
from evaluation.results import Result, Results
from evaluation.tasks.base import VIDEO_ENDINGS, Reply, Sample, Task
from model import media
from model.catalog import Preset, presets_of
from model.engines.base import Engine
from model.errors import EngineBusy, ModelError, RequestError, StudioError
from model.types import (
    Chunk,
    EngineInfo,
    GenerationOptions,
    Image,
    Message,
    Part,
    PixelBudget,
    Prompt,
    Resized,
    StreamEvent,
    Text,
    Video,
)
from model.video import look, open_video

PLACE_OF_WORDS = "{question}"
_SEED = 0
_BUSY_S = 1.0
_BETWEEN_LINES_S = 10.0  # of progress, where it is not a terminal that shows it


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are put. `prompt` takes the place of the task's own wording, its `{question}` stands for the words.

    `preset` is one of the model's, the first when empty; `max_new_tokens` None is as the preset and the task have it.
    """

    prompt: str = ""
    preset: str = ""
    max_new_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """A whole answer, with the latest chunk's counts; `error` is a sentence where there is none."""

    reply: Reply
    last: Chunk
    seconds: float
    error: str = ""


def run(
    engine: Engine,
    task: Task[Any, Any],
    samples: Sequence[Sample[Any]],
    asking: Asking,
    results: Results,
    *,
    in_flight: int = 1,
) -> bool:
    """Ask about every sample that has no answer yet; False when Ctrl+C ended it before the last one.

    `in_flight` requests are made at a time: an engine that answers one at a time takes them in turn. A sample that
    cannot be answered is scored as an empty answer. However it ends, every answer that was complete is kept. Raises
    `RequestError` for a preset that the model does not have, and `ModelError` when the model is no longer there.
    """
    asker = _Asker(engine, task, asking)
    left = [sample for sample in samples if not results.is_done(sample.number)]
    kept = 0
    with (
        stopped_by_ctrl_c(asker.cancel.set),
        _progress(len(samples), len(samples) - len(left)) as bar,
        ThreadPoolExecutor(in_flight, "ask") as pool,
    ):
        asked = {pool.submit(asker.ask, sample): sample for sample in left}

        def keep(future: Future[_Answer | None]) -> None:
            nonlocal kept
            if (answer := future.result()) is not None:
                results.add(_judged(task, asked[future], answer))
                bar.update()
                kept += 1
            del asked[future]

        try:
            for future in as_completed(list(asked)):
                keep(future)
                if asker.cancel.is_set():
                    break
        finally:
            asker.cancel.set()
            pool.shutdown(cancel_futures=True)
            for future in [each for each in asked if not each.cancelled() and each.exception() is None]:
                keep(future)
    return kept == len(left)


class _Asker:
    """Puts the questions of one run; safe between threads. Setting `cancel` ends the answers that are being made."""

    def __init__(self, engine: Engine, task: Task[Any, Any], asking: Asking) -> None:
        self.cancel = threading.Event()
        self._engine = engine
        self._task = task
        self._asking = asking
        self._preset = _preset(engine.info, asking.preset)

    def ask(self, sample: Sample[Any]) -> _Answer | None:
        """The whole answer; None when it was cancelled."""
        if self.cancel.is_set():
            return None
        started_s = time.monotonic()
        try:
            answer = self._answer(sample, started_s)
        except ModelError:
            raise
        except StudioError as error:
            seconds = time.monotonic() - started_s
            answer = _Answer(Reply("", self._engine.info.family), Chunk(""), seconds, str(error))
        is_broken_off = self.cancel.is_set() and answer.last.finish_reason is None
        return None if is_broken_off or answer.last.finish_reason == "cancelled" else answer

    def _answer(self, sample: Sample[Any], started_s: float) -> _Answer:
        shown = [_medium(path, self._engine.info, self._asking.preset, self.cancel) for path in sample.media]
        parts: tuple[Part, ...] = (*shown, Text(self._words(sample)))
        prompt = self._engine.prepare([Message("user", parts)], self._budget(shown))
        pieces, sizes, last = [], prompt.media, Chunk("")
        for event in self._events(prompt):
            if isinstance(event, Resized):
                sizes = event.media
            elif isinstance(event, Chunk):
                last = event
                pieces.append(event.text if event.kind == "text" else "")
        duration_s = next((medium.duration_s for medium in shown if isinstance(medium, Video)), None)
        reply = Reply("".join(pieces), self._engine.info.family, sizes, duration_s)
        return _Answer(reply, last, time.monotonic() - started_s)

    def _words(self, sample: Sample[Any]) -> str:
        if self._asking.prompt:
            return self._asking.prompt.replace(PLACE_OF_WORDS, sample.words)
        return self._task.prompt(self._engine.info.family, sample.words)

    def _budget(self, shown: Sequence[Image | Video]) -> PixelBudget:
        has_video = any(isinstance(medium, Video) for medium in shown)
        return self._preset.frames.pixels if has_video else self._preset.budget

    def _events(self, prompt: Prompt) -> Iterator[StreamEvent]:
        """The answer's events; an engine that is busy is asked again, for it says so before the first of them."""
        while not self.cancel.is_set():
            try:
                yield from self._engine.stream(prompt, self._options(), self.cancel)
                return
            except EngineBusy:
                self.cancel.wait(_BUSY_S)

    def _options(self) -> GenerationOptions:
        """The publisher's, but greedy: the same question gives the same answer."""
        options = self._preset.options
        most = self._asking.max_new_tokens or max(options.max_new_tokens, self._task.min_new_tokens)
        return replace(options, greedy=True, seed=_SEED, max_new_tokens=most)


def _judged(task: Task[Any, Any], sample: Sample[Any], answer: _Answer) -> Result:
    found = task.find(answer.reply)
    return Result(
        number=sample.number,
        id=sample.id,
        answer=answer.reply.text,
        found=found,
        scores=task.score(found, sample.truth),
        finish_reason=answer.last.finish_reason,
        prompt_tokens=answer.last.prompt_tokens,
        generated_tokens=answer.last.generated_tokens,
        seconds=round(answer.seconds, 3),
        error=answer.error,
    )


def _preset(info: EngineInfo, name: str) -> Preset:
    presets = presets_of(info)
    if name and name not in presets:
        raise RequestError(f"There is no preset “{name}”. Choose one of {', '.join(presets)}.")
    return presets[name] if name else next(iter(presets.values()))


def _medium(path: Path, info: EngineInfo, preset: str, cancel: threading.Event) -> Image | Video:
    """A picture, or the frames that the preset looks at in a video."""
    if path.suffix.lower() in VIDEO_ENDINGS:
        return look(open_video(path, cancel=cancel), sampling_of(info, preset), cancel)
    return media.read_image_file(path)


def _progress(total: int, done: int) -> tqdm[None]:
    """Progress with the time left, on stderr."""
    interval_s = 0.1 if sys.stderr.isatty() else _BETWEEN_LINES_S
    return tqdm(total=total, initial=done, unit=" samples", file=sys.stderr, mininterval=interval_s)
