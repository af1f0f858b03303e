"""Reading many pages: what is said of how far a run is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.document_reading import ReadingAsk
from app.document_shelf import Shelf
from app.document_store import DocumentStore
from app.document_work import DocumentReader, PageOf, Run, Step
from model.engines.fake import FakeEngine
from tests.app.documents import MARKDOWN, REPORT, reading


def test_pages_from_the_store_do_not_count_for_the_time_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr("app.document_work.time", SimpleNamespace(monotonic=lambda: clock.now_s))
    shelf, store = Shelf(), DocumentStore(tmp_path)
    document = shelf.open(REPORT, "report.pdf")
    store.add(document.file.sha256, reading("# Water"))
    pages = [PageOf(document, page) for page in (1, 1, 1, 2, 2)]
    steps: list[Step] = []
    engine = FakeEngine(MARKDOWN)
    for step in DocumentReader(shelf, store).read(engine, pages, ReadingAsk(), Run()):
        steps.append(step)
        if step.is_over:
            clock.now_s += 100 if step.place < 3 else 0
        elif step.reading is None:
            clock.now_s += 8
    assert [step.left_s for step in steps if step.is_over] == [None, None, None, 8, 0]


def test_pages_of_the_store_that_are_ahead_do_not_count_for_the_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr("app.document_work.time", SimpleNamespace(monotonic=lambda: clock.now_s))
    shelf, store = Shelf(), DocumentStore(tmp_path)
    document = shelf.open(REPORT, "report.pdf")
    store.add(document.file.sha256, reading("# Water", page=2))
    pages = [PageOf(document, page) for page in (1, 2, 2, 2)]
    reader = DocumentReader(shelf, store)
    for again, left_s in ((False, [0, 0, 0, 0]), (True, [24, 16, 8, 0])):
        steps: list[Step] = []
        for step in reader.read(FakeEngine(MARKDOWN), pages, ReadingAsk(), Run(), again=again):
            steps.append(step)
            clock.now_s += 8 if not step.is_over and step.reading is None else 0
        assert [step.left_s for step in steps if step.is_over] == left_s
