"""Loading in the background: progress, falling back, being called off."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

import pytest

from app.engine_manager import EngineManager, EngineStatus, loading_words, require, spec_of
from app.settings import Settings
from model.engines.base import Engine
from model.engines.fake import FakeEngine
from model.errors import BrokenInstall, EngineError, ModelError, ModelNotFound
from model.loading import LoadProgress, ModelSpec

Progress = Callable[[LoadProgress], None]
LARGE = ModelSpec("large/model")


def settled(manager: EngineManager) -> EngineStatus:
    deadline = time.monotonic() + 10
    while (status := manager.wait(1)).state == "loading":
        assert time.monotonic() < deadline
    return status


def test_what_is_loaded_is_what_the_settings_say() -> None:
    told = {"model": "a/b", "quantization": "8bit", "device": "cpu", "dtype": "bfloat16", "adapter": "mine"}
    assert spec_of(Settings.model_validate(told)) == ModelSpec(**told)  # type: ignore[arg-type]  # the texts are choices


def test_loading_is_shown_step_by_step_and_ends_ready() -> None:
    go_on = threading.Event()
    said: queue.Queue[str] = queue.Queue()

    def load(spec: ModelSpec, progress: Progress, cancel: threading.Event) -> Engine:
        progress(LoadProgress("Loading the weights", 0.5))
        go_on.wait(10)
        return FakeEngine()

    manager = EngineManager(load, said.put)
    assert manager.status().state == "idle"
    manager.load(ModelSpec())
    while manager.status().fraction is None:
        manager.wait(1)
    assert loading_words(manager.status()) == "Loading the model: loading the weights, 50%"
    assert manager.current() is None
    with pytest.raises(EngineError, match="still loading"):
        require(manager)
    go_on.set()
    status = settled(manager)
    assert status.info is not None
    assert (status.state, status.note, status.info.name) == ("ready", "", "fake")
    assert require(manager).info.name == "fake"
    assert said.get(timeout=10) == f"Ready: fake on {status.info.device}."


def test_a_model_that_cannot_be_had_gives_one_sentence_and_the_pocket_model() -> None:
    asked: list[ModelSpec] = []

    def load(spec: ModelSpec, progress: Progress, cancel: threading.Event) -> Engine:
        asked.append(spec)
        if spec == LARGE:
            raise ModelNotFound("There is no model large/model on the hub.")
        return FakeEngine()

    said: queue.Queue[str] = queue.Queue()
    manager = EngineManager(load, said.put)
    manager.load(LARGE)
    status = settled(manager)
    assert status.state == "ready"
    assert status.note == "There is no model large/model on the hub. Using the pocket model instead."
    assert asked == [LARGE, ModelSpec()]
    assert said.get(timeout=10) == status.note


def test_a_device_that_is_not_here_gives_the_pocket_model_on_one_that_is() -> None:
    asked: list[ModelSpec] = []

    def load(spec: ModelSpec, progress: Progress, cancel: threading.Event) -> Engine:
        asked.append(spec)
        if spec.device == "xpu":
            raise ModelError("There is no device “xpu” here. Choose auto or cpu.")
        return FakeEngine()

    manager = EngineManager(load, lambda sentence: None)
    manager.load(ModelSpec(device="xpu"))
    status = settled(manager)
    assert status.info is not None
    assert status.note == (
        "There is no device “xpu” here. Choose auto or cpu. "
        f"The pocket model runs as it would by itself: {status.info.device}, {status.info.dtype}."
    )
    assert asked == [ModelSpec(device="xpu"), ModelSpec()]


def test_the_pocket_model_takes_the_place_of_another_on_the_device_that_was_asked_for() -> None:
    asked: list[ModelSpec] = []

    def load(spec: ModelSpec, progress: Progress, cancel: threading.Event) -> Engine:
        asked.append(spec)
        if spec.model == LARGE.model:
            raise ModelNotFound("There is no model large/model on the hub.")
        return FakeEngine()

    manager = EngineManager(load, lambda sentence: None)
    manager.load(ModelSpec(LARGE.model, "4bit", "cpu", "bfloat16"))
    assert settled(manager).note == "There is no model large/model on the hub. Using the pocket model instead."
    assert asked[1:] == [ModelSpec(device="cpu")]


def test_without_even_the_pocket_model_the_reason_is_kept() -> None:
    def load(spec: ModelSpec, progress: Progress, cancel: threading.Event) -> Engine:
        raise OSError("/secret/path is not readable")

    manager = EngineManager(load, lambda sentence: None)
    manager.load(ModelSpec())
    status = settled(manager)
    assert status.state == "failed"
    assert "log file" in status.note
    assert "/secret" not in status.note
    with pytest.raises(EngineError, match="log file"):
        require(manager)


def test_what_is_wrong_with_both_models_is_said_once() -> None:
    def load(spec: ModelSpec, progress: Progress, cancel: threading.Event) -> Engine:
        raise BrokenInstall("PyTorch and torchvision do not work together here.")

    said: queue.Queue[str] = queue.Queue()
    manager = EngineManager(load, said.put)
    manager.load(LARGE)
    assert settled(manager).note == "PyTorch and torchvision do not work together here."
    assert said.get(timeout=10) == settled(manager).note


def test_a_second_load_calls_the_first_one_off_and_frees_what_it_made() -> None:
    first, second = FakeEngine(), FakeEngine()
    started = threading.Event()

    def load(spec: ModelSpec, progress: Progress, cancel: threading.Event) -> Engine:
        if spec == LARGE:
            started.set()
            assert cancel.wait(10)
            progress(LoadProgress("Too late"))
            return first
        return second

    manager = EngineManager(load, lambda sentence: None)
    manager.load(LARGE)
    assert started.wait(10)
    manager.load(ModelSpec())
    assert settled(manager).state == "ready"
    assert manager.current() is second
    assert first.closed.is_set()
    assert not second.closed.is_set()


def test_closing_frees_the_engine() -> None:
    engine = FakeEngine()
    manager = EngineManager(lambda spec, progress, cancel: engine, lambda sentence: None)
    manager.load(ModelSpec())
    settled(manager)
    manager.close()
    assert engine.closed.is_set()
    assert manager.current() is None
    assert manager.status().state == "idle"
