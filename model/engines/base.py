"""The seam between the program and whatever runs a model, and the manners that all engines share.

Knows messages, queues and cancelling. Knows no tensors and no widgets.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

from model.errors import EngineBusy, RequestError
from model.types import EngineInfo, GenerationOptions, Message, PixelBudget, Prompt, Queued, StreamEvent

_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")

Events = Generator[StreamEvent, None, None]
"""What `Engine.stream` gives: an iterator that can be closed."""


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

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        """Yield `Queued` while waiting, then `Chunk`s; the last has a `finish_reason`.

        Where the memory is full before the first token and there are pictures, they are made smaller until it is not,
        and `Resized` tells so before the first chunk. Raises `OutOfMemory` when that does not help, or later.

        Setting `cancel`, or closing the iterator, ends generation within one token. An error of the worker is raised
        here, after the chunks that came before it. Raises `RequestError` for options that make no sense, and
        `EngineBusy` when too many are waiting already, both before the first event.
        """
        ...

    def close(self) -> None:
        """Stop running answers and free the model's memory."""
        ...


def check_messages(messages: Sequence[Message]) -> None:
    """Raise `RequestError` unless the conversation ends with something that a person said or showed.

    JSON can name one half of the pair that stands for an emoji; no tokenizer and no database takes that.
    """
    if not messages or messages[-1].role != "user":
        raise RequestError("There is nothing to answer yet. Write a message first.")
    if not messages[-1].text.strip() and not messages[-1].media:
        raise RequestError("The message is empty. Write something or add a picture.")
    if any(_HALF_A_CHARACTER.search(message.text) for message in messages):
        raise RequestError("A message holds half a character. Write that character anew.")


def check_options(options: GenerationOptions) -> None:
    """Raise `RequestError` for values that no sampler takes."""
    problems = (
        (options.max_new_tokens < 1, "The number of new tokens has to be at least 1."),
        (not 0 <= options.temperature < math.inf, "The temperature has to be 0 or more."),
        (not 0 < options.top_p <= 1, "Top-p has to be above 0 and at most 1."),
        (options.top_k < 0, "Top-k cannot be negative; 0 turns it off."),
        (not 0 < options.repetition_penalty < math.inf, "The repetition penalty has to be above 0; 1 turns it off."),
        (options.seed is not None and not 0 <= options.seed < 2**63, "The seed has to be from 0 to 2^63 - 1."),
    )
    for wrong, sentence in problems:
        if wrong:
            raise RequestError(sentence)


class FairQueue:
    """First come, first served, one at a time; who waits is told the position.

    `enter` gives a ticket, `wait` yields until it is this ticket's turn, `leave` (always, in a `finally`) passes the
    turn on.
    """

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._tickets: list[object] = []
        self._changed = threading.Condition()

    def enter(self) -> object:
        """A place at the end of the queue; `EngineBusy` when `max_waiting` are waiting already."""
        ticket = object()
        with self._changed:
            if len(self._tickets) > self._max_waiting:
                raise EngineBusy(f"{self._max_waiting} answers are waiting already. Try again in a moment.")
            self._tickets.append(ticket)
        return ticket

    def wait(self, ticket: object, stopped: Callable[[], bool]) -> Iterator[Queued]:
        """Yield the position whenever it changes; end when it is this ticket's turn, or soon after `stopped()`."""
        told = 0
        while not stopped():
            position = self._position(ticket, told)
            if position == 0:
                return
            if position != told:
                told = position
                yield Queued(position)

    def leave(self, ticket: object) -> None:
        with self._changed:
            self._tickets.remove(ticket)
            self._changed.notify_all()

    def drain(self) -> None:
        """Return when nobody is left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._tickets)

    def _position(self, ticket: object, told: int) -> int:
        """The ticket's position, after a short wait while it is still the one that was told."""
        with self._changed:
            if told and self._tickets.index(ticket) == told:
                self._changed.wait(timeout=0.05)  # `stopped` cannot wake this condition: look at it now and then
            return self._tickets.index(ticket)
