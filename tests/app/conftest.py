"""A running studio around an engine that says what it is told to; made anew for every test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.engine_manager import EngineManager
from app.history import History
from app.media_store import MediaStore
from app.settings import Settings
from app.studio import Studio
from model.engines.base import Engine
from model.engines.fake import FakeEngine
from model.loading import LoadProgress, ModelSpec
from tests.model.clips import steady, write_clip
from tests.model.pictures import drawn, encoded

MakeStudio = Callable[..., Studio]


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[MakeStudio]:
    """`make_studio(engine, **settings)`: a studio whose engine is ready; without one it never gets any."""
    made: list[Studio] = []

    def make(engine: Engine | None = None, **settings: Any) -> Studio:
        def load(spec: ModelSpec, progress: Callable[[LoadProgress], None], cancel: threading.Event) -> Engine:
            assert engine is not None
            return engine

        manager = EngineManager(load, announce=lambda sentence: None)
        studio = Studio(
            Settings(data_dir=tmp_path / "data", **settings),
            manager,
            MediaStore(tmp_path / "data"),
            History(tmp_path / "data"),
        )
        if engine is not None:
            manager.load(ModelSpec())
            assert manager.wait(10).state == "ready"
        made.append(studio)
        return studio

    yield make
    for studio in made:
        studio.engines.close()
        studio.history.close()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(("Two ", "shapes", "."))


@pytest.fixture
def studio(make_studio: MakeStudio, engine: FakeEngine) -> Studio:
    return make_studio(engine)


@pytest.fixture
def video_file(tmp_path: Path) -> Path:
    """Three seconds, whose frames say their numbers, 10 a second."""
    return write_clip(tmp_path / "clip.mp4", steady(30, 10.0))


@pytest.fixture
def picture_file(tmp_path: Path) -> Path:
    """A good picture of 96 x 64 pixels."""
    path = tmp_path / "drawn.png"
    path.write_bytes(encoded(drawn()))
    return path
