"""Reading many pages, one after another: what is stored is not read again, and one bad page does not stop the others.

Knows the shelf, the store and how one page is read; the Document tab, the HTTP API and the batch command share it.
Knows no widgets and no HTTP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from app.document_corrections import corrected
from app.document_reading import Reading, ReadingAsk, read_page
from app.document_shelf import OpenDocument, Shelf
from app.document_store import Corrections, DocumentStore
from app.exports.documents import ReadPage
from app.faults import sentence_of
from model.engines.base import Engine


class PageOf(NamedTuple):
    """A page of an open document, counted from 1."""

    document: OpenDocument
    page: int


class Run(threading.Event):
    """Ends a run over pages when it is set. Each page has an event of its own, which ends with the page."""

    def __init__(self) -> None:
        super().__init__()
        self._page = threading.Event()

    def next_page(self) -> threading.Event:
        self._page = threading.Event()
        if self.is_set():
            self._page.set()
        return self._page

    def set(self) -> None:
        super().set()
        self._page.set()


@dataclass(frozen=True, slots=True)
class Step:
    """Where a run stands: at the page at `place` of those given, after `done` of them.

    `reading` is what is read of the page so far, `error` why it failed, each empty before. `is_over` says that nothing
    more comes of this page. `left_s` is an estimate, None until a page was read.
    """

    place: int
    done: int
    total: int
    left_s: float | None
    reading: Reading | None = None
    error: str = ""
    is_over: bool = False


class DocumentReader:
    """Reads pages with an engine and keeps what was read."""

    def __init__(self, shelf: Shelf, store: DocumentStore) -> None:
        self._shelf = shelf
        self._store = store

    def read(
        self, engine: Engine, pages: Sequence[PageOf], ask: ReadingAsk, run: Run, *, again: bool = False
    ) -> Iterator[Step]:
        """Read pages in order; those that this model has read in this way come from the store, unless `again`.

        A page that somebody else is reading in the same way is waited for. Ends early, after a whole step, when `run`
        is set.
        """
        clock = _Clock([again or not is_stored for is_stored in self._are_stored(engine, pages, ask)])
        for place, page in enumerate(pages):
            if run.is_set():
                return
            stored = None if again else self._stored(engine, page, ask)
            if stored is not None:
                clock.skip()
                yield clock.step(place, stored, is_over=True)
                continue
            clock.start()
            yield clock.step(place)
            reading, error = yield from self._read_in_turn(engine, page, ask, run, clock, place, again)
            clock.count()
            yield clock.step(place, reading, error, is_over=True)

    def _are_stored(self, engine: Engine, pages: Sequence[PageOf], ask: ReadingAsk) -> list[bool]:
        """Of each page whether it need not be read."""
        sha256s = {document.file.sha256 for document, _ in pages}
        stored = {sha256: self._store.read_pages(sha256, ask, engine.info.name) for sha256 in sha256s}
        return [page in stored[document.file.sha256] for document, page in pages]

    def _stored(self, engine: Engine, page: PageOf, ask: ReadingAsk) -> Reading | None:
        return self._store.get(page.document.file.sha256, page.page, ask, engine.info.name)

    def _read_in_turn(
        self, engine: Engine, page: PageOf, ask: ReadingAsk, run: Run, clock: _Clock, place: int, again: bool
    ) -> Generator[Step, None, tuple[Reading | None, str]]:
        """The reading and why it failed, once nobody else reads the page; what they have read by then is taken."""
        reading: Reading | None = None
        try:
            with self._store.turn(page.document.file.sha256, page.page, ask, engine.info.name, run.is_set) as is_ours:
                stored = None if again else self._stored(engine, page, ask)
                if stored is not None or not is_ours:
                    return stored, ""
                image = self._shelf.page(*page)
                for reading in read_page(engine, image, ask, page.page, run.next_page()):
                    yield clock.step(place, reading)
                if reading is not None and reading.has_ended:
                    self._store.add(page.document.file.sha256, reading)
        except Exception as failure:
            return reading, sentence_of(failure, "a page could not be read")
        return reading, ""


class _Clock:
    """Counts pages and estimates the time left from those that a model read.

    `has_to_read` says of each page whether it is the model's to read: those from the store take no time.
    """

    def __init__(self, has_to_read: Sequence[bool]) -> None:
        self._unread_from = [*accumulate(reversed(has_to_read), initial=0)][::-1]
        self._total = len(has_to_read)
        self._done = 0
        self._timed = 0
        self._spent_s = 0.0
        self._start_s = 0.0

    def start(self) -> None:
        """A model begins to read a page."""
        self._start_s = time.monotonic()

    def skip(self) -> None:
        """A page came from the store, which says nothing about how long the others take."""
        self._done += 1

    def count(self) -> None:
        """The page that was begun is over."""
        self._done += 1
        self._timed += 1
        self._spent_s += time.monotonic() - self._start_s

    def step(self, place: int, reading: Reading | None = None, error: str = "", *, is_over: bool = False) -> Step:
        left_s = self._spent_s / self._timed * self._unread_from[self._done] if self._timed else None
        return Step(place, self._done, self._total, left_s, reading, error, is_over)


def exportable(shelf: Shelf, document: OpenDocument, reading: Reading, corrections: Corrections) -> ReadPage:
    """What was read of a page and corrected, as exports want it; its picture is rendered when it is needed."""
    said = replace(corrected(reading.document, corrections, reading.ask.mode), problems=reading.problems)
    picture = partial(shelf.page, document, reading.page)
    size_wh = reading.medium.source_size_wh
    dpi = shelf.dpi(document, reading.page, size_wh)
    return ReadPage(reading.page, size_wh, said, picture, dpi, document.file.name)
