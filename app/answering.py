"""One answer in the making, read in a thread of its own.

So a slow reader never holds up the model, Stop never waits for the model (a long prefill cannot be interrupted inside
one forward pass), and a page that repaints 10 times a second misses nothing: every snapshot holds the whole answer so
far. Knows engines and threads; knows neither pages nor storage.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace

from model.engines.base import Engine
from model.types import Chunk, GenerationOptions, MediumInput, Prompt, Queued, Resized, StreamEvent

UPDATES_PER_S = 10
"""Fluent to read, and few enough for a slow computer, whose page would fall behind and notice Stop late."""
_STOP_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The answer so far. `waiting` people are served before this one; 0 once the model is at work.

    `last` is the latest chunk, with the running totals; the final snapshot's has a `finish_reason`. `media` are the
    pictures as the model sees them: those of the prompt, unless they `were_shrunk` for want of memory.
    """

    waiting: int = 0
    text: str = ""
    thinking: str = ""
    last: Chunk = field(default_factory=lambda: Chunk(""))
    media: tuple[MediumInput, ...] = ()
    were_shrunk: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to tell yet: nobody is waited for, and nothing was said."""
        return not (self.waiting or self.text or self.thinking or self.last.finish_reason)


class Answering:
    """Runs `engine.stream` and shows where it stands. Create, iterate `snapshots` once."""

    def __init__(self, engine: Engine, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> None:
        self._engine = engine
        self._request = (prompt, options, cancel)
        self._cancel = cancel
        self._changed = threading.Condition()
        self._snapshot = Snapshot(last=Chunk("", prompt_tokens=prompt.tokens), media=prompt.media)
        self._version = 0
        self._ended = False
        self._error: BaseException | None = None

    def snapshots(self, interval_s: float = 1 / UPDATES_PER_S) -> Generator[Snapshot, None, None]:
        """Snapshots at least `interval_s` apart, each newer than the one before; the last is always complete.

        Raises what the engine raised, after the snapshot of all that came before. Setting `cancel` ends the
        snapshots at once, even while the model still finishes a step; closing the iterator sets it.
        """
        threading.Thread(target=self._read, name="answering", daemon=True).start()
        seen = 0
        try:
            while True:
                snapshot, seen, ended = self._next(seen)
                yield snapshot
                if ended:
                    break
                self._cancel.wait(interval_s)
        finally:
            self._cancel.set()
        if self._error is not None:
            raise self._error

    def _next(self, seen: int) -> tuple[Snapshot, int, bool]:
        """Wait for something newer than `seen`, or for the end; once cancelled, not for long."""
        give_up_s = None
        with self._changed:
            while self._version == seen and not self._ended:
                # `cancel` is the caller's event and cannot wake this condition: look at it now and then.
                self._changed.wait(0.05)
                if self._cancel.is_set():
                    give_up_s = give_up_s or time.monotonic() + _STOP_PATIENCE_S
                    if time.monotonic() >= give_up_s:
                        last = replace(self._snapshot.last, finish_reason="cancelled")
                        return replace(self._snapshot, last=last), self._version, True
            return self._snapshot, self._version, self._ended

    def _read(self) -> None:
        """The worker thread: take events as they come."""
        events = self._engine.stream(*self._request)
        try:
            for event in events:
                with self._changed:
                    self._snapshot = _after(self._snapshot, event)
                    self._version += 1
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def notice_of(last: Snapshot, what: str = "") -> str:
    """What to say of an answer that did not go as a person expects, else empty; `what` is as in `shrunk_notice`."""
    repeated = "The answer repeated itself without end and was stopped."
    notices = (shrunk_notice(last, what), repeated if last.last.finish_reason == "repetition" else "")
    return " ".join(filter(None, notices))


def shrunk_notice(last: Snapshot, what: str = "") -> str:
    """That the pictures are smaller than was said before, and how large; empty when they are not.

    `what` names them where they are not pictures, as in "frames were".
    """
    if not last.were_shrunk:
        return ""
    sizes = ", ".join("{} × {}".format(*medium.input_size_wh) for medium in last.media)
    what = what or ("picture was" if len(last.media) == 1 else "pictures were")
    return f"The memory was full, so the {what} made smaller for the model: {sizes} pixels."


def _after(before: Snapshot, event: StreamEvent) -> Snapshot:
    match event:
        case Queued(position=position):
            return replace(before, waiting=position)
        case Resized(media=media, prompt_tokens=tokens):
            last = replace(before.last, prompt_tokens=tokens)
            return replace(before, waiting=0, last=last, media=media, were_shrunk=True)
        case Chunk(text=text, kind="thinking"):
            return replace(before, waiting=0, thinking=before.thinking + text, last=event)
        case Chunk(text=text):
            return replace(before, waiting=0, text=before.text + text, last=event)
