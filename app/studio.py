"""What every tab and route is given: the parts of the running program. Holds them, knows nothing about any."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from app.document_shelf import Shelf
from app.document_store import DocumentStore
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

    @cached_property
    def documents(self) -> DocumentStore:
        """What was read of documents; opened when it is first wanted."""
        return DocumentStore(self.settings.data_dir)

    @cached_property
    def shelf(self) -> Shelf:
        """The documents that are open."""
        return Shelf()
