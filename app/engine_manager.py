"""The engine that answers now, and how its loading goes.

Loads in a background thread, so that the page is up first. Knows when to fall back to the pocket model and says so in
one sentence; does not know how a model is loaded (`model.loading`) or how its state is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from app.faults import sentence_of
from app.settings import Settings
from model.catalog import POCKET_NAME
from model.engines.base import Engine
from model.errors import EngineError
from model.loading import LoadProgress, ModelSpec, load_engine
from model.types import EngineInfo

T = TypeVar("T")

Loader = Callable[[ModelSpec, Callable[[LoadProgress], None], threading.Event], Engine]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the header shows. `fraction` (0 to 1) is None while the length of a stage is unknown.

    `note` is a sentence for a person when something did not go as asked, else empty.
    """

    state: Literal["idle", "loading", "ready", "failed"] = "idle"
    stage: str = ""
    fraction: float | None = None
    info: EngineInfo | None = None
    note: str = ""


class EngineManager:
    """Holds the one current engine; every method may be called from any thread."""

    def __init__(self, loader: Loader = load_engine, announce: Callable[[str], None] = print) -> None:
        self._loader = loader
        self._announce = announce
        self._changed = threading.Condition()
        self._status = EngineStatus()
        self._engine: Engine | None = None
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> Engine | None:
        """The engine that is ready to answer, or None."""
        with self._changed:
            return self._engine

    def status(self) -> EngineStatus:
        with self._changed:
            return self._status

    def load(self, spec: ModelSpec) -> None:
        """Start loading in the background; a load that still runs is called off first, and a loaded engine freed."""
        with self._changed:
            previous, previous_cancel = self._thread, self._cancel
            cancel = self._cancel = threading.Event()
            engine, self._engine = self._engine, None
            self._set(EngineStatus("loading", "Starting"))
            self._thread = threading.Thread(
                target=self._run, args=(spec, cancel, previous, engine), name="load-model", daemon=True
            )
        previous_cancel.set()
        self._thread.start()

    def wait(self, timeout_s: float) -> EngineStatus:
        """The status once it is no longer "loading" or has moved on, at most `timeout_s` later."""
        with self._changed:
            if self._status.state == "loading":
                self._changed.wait(timeout_s)
            return self._status

    def awaited(self, is_stopped: Callable[[], bool], tell: Callable[[str], T]) -> Generator[T, None, Engine]:
        """The engine; while it loads, what `tell` makes of the words on how far that is.

        Raises `EngineError` when there is none, or when it `is_stopped`.
        """
        while (engine := self.current()) is None:
            status = self.wait(timeout_s=0.5)
            if is_stopped():
                raise EngineError("Stopped before the model was loaded.")
            if status.state in ("idle", "failed"):
                raise EngineError(status.note or "No model is loaded.")
            yield tell(loading_words(status))
        return engine

    def close(self) -> None:
        """Call off a load and free the engine."""
        with self._changed:
            self._cancel.set()
            engine, self._engine = self._engine, None
            self._set(EngineStatus())
        if engine is not None:
            engine.close()

    def _run(
        self, spec: ModelSpec, cancel: threading.Event, previous: threading.Thread | None, old: Engine | None
    ) -> None:
        if previous is not None:
            previous.join()
        if old is not None:
            old.close()
        note = ""
        for attempt in _attempts(spec):
            try:
                engine = self._loader(attempt, lambda progress: self._show(progress, cancel), cancel)
            except Exception as error:
                sentence = sentence_of(error, "a model could not be loaded")
                note = note if sentence in note else f"{note} {sentence}".strip()
                continue
            self._finish(engine, f"{note} {_instead(spec, engine.info)}" if note else "", cancel)
            return
        self._fail(note, cancel)

    def _show(self, progress: LoadProgress, cancel: threading.Event) -> None:
        with self._changed:
            if not cancel.is_set():
                self._set(replace(self._status, stage=progress.stage, fraction=progress.fraction))

    def _finish(self, engine: Engine, note: str, cancel: threading.Event) -> None:
        with self._changed:
            if wanted := not cancel.is_set():
                self._engine = engine
                self._set(EngineStatus("ready", info=engine.info, note=note))
        if not wanted:
            engine.close()
            return
        self._announce(note or f"Ready: {engine.info.name} on {engine.info.device}.")

    def _fail(self, note: str, cancel: threading.Event) -> None:
        with self._changed:
            if cancel.is_set():
                return
            self._set(EngineStatus("failed", note=note))
        self._announce(note)

    def _set(self, status: EngineStatus) -> None:
        self._status = status
        self._changed.notify_all()


def loading_words(status: EngineStatus) -> str:
    """ "Loading the model: reading weights, 40%"."""
    share = "" if status.fraction is None else f", {status.fraction:.0%}"
    return f"Loading the model: {status.stage[:1].lower()}{status.stage[1:]}{share}"


def require(manager: EngineManager) -> Engine:
    """The current engine. Raises `EngineError` with the reason when there is none."""
    engine = manager.current()
    if engine is not None:
        return engine
    status = manager.status()
    raise EngineError(status.note or "The model is still loading. Try again in a moment.")


def spec_of(settings: Settings) -> ModelSpec:
    """What a person asked to load."""
    return ModelSpec(settings.model, settings.quantization, settings.device, settings.dtype, settings.adapter)


def _attempts(spec: ModelSpec) -> Iterable[ModelSpec]:
    """What is asked for, else the pocket model on the device that is asked for, else on any."""
    return dict.fromkeys((spec, ModelSpec(device=spec.device), ModelSpec()))


def _instead(spec: ModelSpec, info: EngineInfo) -> str:
    """What the program goes on with."""
    if spec.model == POCKET_NAME:
        return f"The pocket model runs as it would by itself: {info.device}, {info.dtype}."
    return "Using the pocket model instead."
