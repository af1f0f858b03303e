"""The seam between the program and whatever runs a model. Knows no tensors and no widgets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from model.types import EngineInfo, GenerationOptions, Message, PixelBudget, Prompt, StreamEvent


class Engine(Protocol):
    """Turns messages into a stream of chunks; one instance serves all sessions, one answer at a time."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def default_budget(self) -> PixelBudget: ...

    def prepare(
        self, messages: Sequence[Message], budget: PixelBudget | None = None, *, add_vision_id: bool = False
    ) -> Prompt:
        """Count tokens and sizes without running the model.

        Raises `RequestError` for an empty conversation, `ContextOverflow` when it is too long and `MediaError` for
        a picture that cannot be used.
        """
        ...

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Iterator[StreamEvent]:
        """Yield `Queued` while waiting, then `Chunk`s; the last has a `finish_reason`.

        Setting `cancel`, or closing the iterator, ends generation within one token. An error of the worker is raised
        here, after the chunks that came before it.
        """
        ...

    def close(self) -> None:
        """Stop running answers and free the model's memory."""
        ...
