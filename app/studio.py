"""What every tab and route is given: the parts of the running program. Holds them, knows nothing about any."""

from __future__ import annotations

from dataclasses import dataclass

from app.engine_manager import EngineManager
from app.history import History
from app.media_store import MediaStore
from app.settings import Settings


@dataclass(frozen=True)
class Studio:
    """One per process; safe to use from every thread."""

    settings: Settings
    engines: EngineManager
    media: MediaStore
    history: History
