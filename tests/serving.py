"""The real server on a free port of this machine, in a thread of the test process, around any engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.api import create_app
from app.engine_manager import EngineManager
from app.history import History
from app.media_store import MediaStore
from app.server import Server, address, listen
from app.settings import Settings
from app.studio import Studio
from model.engines.base import Engine
from model.engines.fake import FakeEngine
from model.loading import LoadProgress, ModelSpec


class Exchangeable:
    """A studio whose engine a test can exchange."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        self._engine: Engine = FakeEngine()
        self.studio = Studio(
            Settings(data_dir=data_dir, **settings),
            EngineManager(self._load, announce=lambda sentence: None),
            MediaStore(data_dir),
            History(data_dir),
        )
        self.url = ""

    def use(self, engine: Engine) -> None:
        """Answer with this engine from now on."""
        self._engine = engine
        self.studio.engines.load(ModelSpec())
        while self.studio.engines.wait(10).state == "loading":
            pass
        assert self.studio.engines.current() is engine

    def _load(self, spec: ModelSpec, progress: Callable[[LoadProgress], None], cancel: threading.Event) -> Engine:
        return self._engine


@contextmanager
def served(exchangeable: Exchangeable) -> Iterator[Exchangeable]:
    """The same, served; its `url` is where."""
    listener = listen("127.0.0.1", 0)
    up = threading.Event()
    server = Server(create_app(exchangeable.studio), up.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    assert up.wait(60), "the server did not start"
    exchangeable.url = address(listener)
    try:
        yield exchangeable
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        exchangeable.studio.engines.close()
        exchangeable.studio.history.close()
