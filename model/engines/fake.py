"""An engine that says what it is told to: the double for timing and faults, where no real model can be asked to fail.

Knows the seam's manners (fair queue, cancel, running totals) by sharing them with the real engine. Knows no tensors.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from model.catalog import FAMILIES, FRAMES_PER_TOKEN, budget_of_tokens, of_each_frame
from model.engines.base import Events, FairQueue, check_messages, check_options
from model.errors import ContextOverflow
from model.types import (
    Chunk,
    EngineInfo,
    FinishReason,
    GenerationOptions,
    Image,
    MediumInput,
    Message,
    PixelBudget,
    Prompt,
    Resized,
    Video,
)

_BYTES_PER_TOKEN = 2**10

_INFO = EngineInfo(
    name="fake",
    family="Qwen3-VL",
    device="CPU",
    dtype="fp32",
    quantization="none",
    memory_bytes=0,
    context_tokens=4096,
)


class FakeEngine:
    """Plays back `script`, one piece a token: a string is text, a `Chunk` is taken over with its kind, and ends the
    answer if it has a reason to; a `Resized` comes through as it is.

    `delay_s` passes before every piece. `fail_with` is raised after the last piece. `info` changes what the engine
    claims to be, for example another family. `prompts` collects what it was asked, for assertions.
    """

    def __init__(
        self,
        script: Sequence[str | Chunk | Resized] = ("Hello", " world", "."),
        *,
        delay_s: float = 0.0,
        fail_with: BaseException | None = None,
        info: EngineInfo = _INFO,
        max_waiting: int = 8,
    ) -> None:
        self.script = tuple(script)
        self.delay_s = delay_s
        self.fail_with = fail_with
        self.prompts: list[Prompt] = []
        self.closed = threading.Event()
        self._info = info
        self._queue = FairQueue(max_waiting)

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def default_budget(self) -> PixelBudget:
        return budget_of_tokens(self._info.family)

    def prepare(
        self, messages: Sequence[Message], budget: PixelBudget | None = None, *, add_vision_id: bool = False
    ) -> Prompt:
        check_messages(messages)
        media = tuple(
            self._medium(part, budget or self.default_budget) for message in messages for part in message.media
        )
        words = sum(len(message.text.split()) for message in messages)
        tokens = words + sum(medium.tokens for medium in media)
        if tokens >= self._info.context_tokens:
            raise ContextOverflow(f"This conversation has {tokens:,} tokens, too many. Start a new one.")
        return Prompt(tuple(messages), media, tokens, memory_bytes=tokens * _BYTES_PER_TOKEN)

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        check_options(options)
        self.prompts.append(prompt)
        ticket = self._queue.enter()
        try:
            yield from self._queue.wait(ticket, cancel.is_set)
            yield from self._play(prompt, options, cancel)
        finally:
            self._queue.leave(ticket)

    def close(self) -> None:
        self.closed.set()

    def _medium(self, medium: Image | Video, budget: PixelBudget) -> MediumInput:
        """The largest size in whole patches within the budget, as a real engine would choose it, roughly."""
        pairs, size_wh = 1, medium.size_wh
        if isinstance(medium, Video):
            frames, size_wh = len(medium.frames), medium.frames[0].size_wh
            pairs = frames // FRAMES_PER_TOKEN
            budget = of_each_frame(frames, budget, self._info.family, self._info.context_tokens)
        factor = FAMILIES[self._info.family].patch_factor
        scale = min(1.0, (budget.max_pixels / (size_wh[0] * size_wh[1])) ** 0.5)
        columns, rows = (max(1, int(side * scale / factor)) for side in size_wh)
        return MediumInput(medium.size_wh, (columns * factor, rows * factor), pairs * columns * rows)

    def _play(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Iterator[Resized | Chunk]:
        start_s = time.perf_counter()
        first_s: float | None = None
        reason: FinishReason = "stop"
        count = 0
        for piece in self.script:
            stopped = cancel.wait(self.delay_s) if self.delay_s else cancel.is_set()
            if stopped or self.closed.is_set() or count >= options.max_new_tokens:
                reason = "length" if count >= options.max_new_tokens else "cancelled"
                break
            if isinstance(piece, Resized):
                yield piece
                continue
            count += 1
            elapsed_s = time.perf_counter() - start_s
            first_s = first_s if first_s is not None else elapsed_s
            text, kind = (piece.text, piece.kind) if isinstance(piece, Chunk) else (piece, "text")
            yield Chunk(text, kind, prompt.tokens, count, first_s, count / max(elapsed_s, 1e-9))
            if isinstance(piece, Chunk) and piece.finish_reason:
                reason = piece.finish_reason
                break
        if self.fail_with is not None and reason == "stop":
            raise self.fail_with
        rate = count / max(time.perf_counter() - start_s, 1e-9)
        yield Chunk("", "text", prompt.tokens, count, first_s, rate, reason)
