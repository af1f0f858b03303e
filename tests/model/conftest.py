"""Tiny checkpoints and engines that the tests of `model` share; made once, then only read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from model.loading import ModelSpec, load_engine

if TYPE_CHECKING:
    from model.engines.local import LocalEngine

TinyFolder = Callable[..., Path]
TinyEngine = Callable[..., "LocalEngine"]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> TinyFolder:
    """A folder with a tiny checkpoint of a `model_type`; options as for `save_tiny_model`."""
    from tests.model.tiny_models import save_tiny_model

    made: dict[str, Path] = {}

    def folder(model_type: str, **options: object) -> Path:
        key = f"{model_type}-{sorted(options.items())}"
        if key not in made:
            made[key] = save_tiny_model(tmp_path_factory.mktemp(model_type), model_type, **options)  # type: ignore[arg-type]  # options differ
        return made[key]

    return folder


@pytest.fixture(scope="session")
def tiny_engine(tiny_folder: TinyFolder) -> TinyEngine:
    """An engine that runs such a checkpoint, loaded as every engine is."""
    loaded: dict[Path, LocalEngine] = {}

    def engine(model_type: str, **options: object) -> LocalEngine:
        folder = tiny_folder(model_type, **options)
        if folder not in loaded:
            loaded[folder] = load_engine(ModelSpec(str(folder)), lambda progress: None, threading.Event())
        return loaded[folder]

    return engine
