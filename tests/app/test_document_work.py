"""Reading many pages: what is said of how far a run is."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.document_reading import ReadingAsk
from app.document_shelf import Shelf
from app.document_store import DocumentStore
from app.document_work import DocumentReader, PageOf, Run, Step
from model.engines.fake import FakeEngine
from model.errors import EngineError
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


def _read(reader: DocumentReader, engine: FakeEngine, pages: list[PageOf], run: Run, **options: bool) -> list[Step]:
    return [step for step in reader.read(engine, pages, ReadingAsk(), run, **options) if step.is_over]


def test_two_that_read_the_same_pages_at_once_read_each_page_once(tmp_path: Path) -> None:
    shelf, store = Shelf(), DocumentStore(tmp_path)
    document = shelf.open(REPORT, "report.pdf")
    pages = [PageOf(document, 1), PageOf(document, 2)]
    engine = FakeEngine(MARKDOWN, delay_s=0.1)
    with ThreadPoolExecutor(2) as threads:
        read = [threads.submit(_read, DocumentReader(shelf, store), engine, pages, Run()) for _ in range(2)]
        one, other = (each.result(30) for each in read)
    assert len(engine.prompts) == 2
    for step, same in zip(one, other, strict=True):
        assert step.reading is not None
        assert step.reading == same.reading


def test_who_waits_for_a_page_reads_it_when_the_other_one_fails(tmp_path: Path) -> None:
    shelf, store = Shelf(), DocumentStore(tmp_path)
    page = PageOf(shelf.open(REPORT, "report.pdf"), 1)
    failing, engine = FakeEngine(MARKDOWN, fail_with=EngineError("It stumbled.")), FakeEngine(MARKDOWN)
    first = DocumentReader(shelf, store).read(failing, [page], ReadingAsk(), Run())
    while next(first).reading is None:
        pass
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(_read, DocumentReader(shelf, store), engine, [page], Run())
        assert [step.error for step in first if step.is_over] == ["It stumbled."]
        (step,) = second.result(30)
    assert step.reading is not None
    assert len(engine.prompts) == 1


def test_who_waits_for_a_page_can_stop_and_one_that_is_closed_is_waited_for_no_longer(tmp_path: Path) -> None:
    shelf, store = Shelf(), DocumentStore(tmp_path)
    page = PageOf(shelf.open(REPORT, "report.pdf"), 1)
    engine, run = FakeEngine(MARKDOWN), Run()
    first = DocumentReader(shelf, store).read(engine, [page], ReadingAsk(), Run())
    while next(first).reading is None:
        pass
    waiting = DocumentReader(shelf, store).read(engine, [page], ReadingAsk(), run)
    next(waiting)
    run.set()
    (step,) = waiting
    assert (step.is_over, step.reading, step.error) == (True, None, "")
    assert isinstance(first, Generator)
    first.close()
    (step,) = _read(DocumentReader(shelf, store), engine, [page], Run())
    assert step.reading is not None
    assert len(engine.prompts) == 2


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
