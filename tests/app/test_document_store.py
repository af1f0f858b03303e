"""What is kept of documents: files by content, readings by page, mode and model, corrections by the very text."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.document_reading import Reading, ReadingAsk
from app.document_store import Corrections, DocumentStore, KeptDocument, Question, hash_of
from model.errors import MediaError, StudioError
from model.types import FinishReason
from tests.app.documents import REPORT, reading

SHA = "a" * 64
FIELDS = ReadingAsk("fields", ("total", "date"))


@pytest.fixture
def store(tmp_path: Path) -> DocumentStore:
    return DocumentStore(tmp_path)


def test_the_same_content_is_kept_once_under_any_name(store: DocumentStore, tmp_path: Path) -> None:
    copy = tmp_path / "another name.pdf"
    copy.write_bytes(REPORT.read_bytes())
    kept = store.keep(REPORT)
    assert store.keep(copy) == kept
    assert kept.read_bytes() == REPORT.read_bytes()
    assert [path for path in kept.parent.iterdir() if path != kept] == [], "nothing half-written is left"
    with pytest.raises(MediaError, match="could not be opened"):
        store.keep(tmp_path / "gone.pdf")


def test_a_reading_is_found_again_after_a_restart(store: DocumentStore, tmp_path: Path) -> None:
    read = reading("# Water\n\nRain was short.")
    store.add(SHA, read)
    again = DocumentStore(tmp_path).get(SHA, 1, ReadingAsk(), "fake")
    assert again == read
    assert [block.text for block in again.document.blocks] == ["Water", "Rain was short."]


def test_page_mode_fields_and_model_each_have_a_reading_of_their_own(store: DocumentStore) -> None:
    store.add(SHA, reading("One"))
    store.add(SHA, reading("Two", page=2))
    store.add(SHA, reading("By another", model="other"))
    store.add(SHA, reading('{"total": "1"}', FIELDS))
    assert store.read_pages(SHA, ReadingAsk()) == {1: True, 2: True}
    assert store.read_pages(SHA, ReadingAsk(), "other") == {1: True}
    assert store.read_pages(SHA, ReadingAsk("text")) == {}
    assert store.read_pages(SHA, ReadingAsk("fields", ("total",))) == {}
    assert store.read_pages("b" * 64, ReadingAsk()) == {}
    by_any, by_fake = store.get(SHA, 1, ReadingAsk()), store.get(SHA, 1, ReadingAsk(), "fake")
    assert by_any is not None
    assert by_fake is not None
    assert (by_any.raw, by_fake.raw) == ("By another", "One"), "without a model the one that read last"
    fields = store.get(SHA, 1, FIELDS, "fake")
    assert fields is not None
    assert dict(fields.document.fields) == {"total": "1", "date": None}


def test_a_reading_takes_the_place_of_an_earlier_one(store: DocumentStore) -> None:
    store.add(SHA, reading("One"))
    store.add(SHA, reading("Better"))
    found = store.get(SHA, 1, ReadingAsk(), "fake")
    assert found is not None
    assert found.raw == "Better"


@pytest.mark.parametrize("reason", ["length", "repetition"])
def test_a_reading_that_is_cut_takes_the_place_of_no_whole_one(store: DocumentStore, reason: FinishReason) -> None:
    def cut(raw: str) -> Reading:
        return replace(reading(raw), finish_reason=reason)

    for added, kept in (
        (cut("One"), cut("One")),
        (cut("Two"), cut("Two")),
        (reading("Whole"), reading("Whole")),
        (cut("Three"), reading("Whole")),
        (reading("Four"), reading("Four")),
    ):
        store.add(SHA, added)
        assert store.get(SHA, 1, ReadingAsk(), "fake") == kept
        assert store.read_pages(SHA, ReadingAsk()) == {1: kept.is_whole}


def test_corrections_belong_to_a_person_and_to_the_text_they_were_made_of(store: DocumentStore) -> None:
    read, other = reading("One"), reading("Another")
    made = Corrections({0: "Uno"}, {"total": "2"})
    store.correct("ann", SHA, read, made)
    assert store.corrections("ann", SHA, read) == made
    assert not store.corrections("bob", SHA, read)
    assert not store.corrections("ann", SHA, other)
    assert store.corrections("ann", SHA, reading("One", model="other")) == made, "the same text, whoever wrote it"
    store.correct("ann", SHA, read, Corrections())
    assert not store.corrections("ann", SHA, read)


def test_opened_documents_are_listed_for_their_owner_last_one_first(store: DocumentStore, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("b")
    for name, path in (("a.pdf", REPORT), ("b.pdf", tmp_path / "b.txt")):
        store.opened("ann", KeptDocument(store.keep(path).name, name, 2))
    store.opened("ann", KeptDocument("c" * 64, "gone.pdf", 2))
    store.opened("ann", KeptDocument(store.keep(REPORT).name, "renamed.pdf", 2))
    assert [row.name for row in store.recent("ann")] == ["renamed.pdf", "b.pdf"]
    assert store.recent("bob") == []


def test_questions_are_kept_in_order(store: DocumentStore) -> None:
    asked = [Question("Where?", "On page 2.", (1, 2), "fake"), Question("When?", "In Ju", (2,), "fake", "length")]
    for question in asked:
        store.add_question("ann", SHA, question)
    assert store.questions("ann", SHA) == asked
    assert store.questions("bob", SHA) == []
    assert hash_of([SHA]) == SHA
    assert hash_of([SHA, "b" * 64]) != hash_of(["b" * 64, SHA])


def test_a_file_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    DocumentStore(tmp_path).add(SHA, reading("One"))
    with closing(sqlite3.connect(tmp_path / "readings.sqlite3")) as db, db:
        db.execute("ALTER TABLE questions DROP COLUMN finish_reason")
        db.execute("INSERT INTO questions VALUES ('ann', ?, '[1]', 'Where?', 'Here.', 'fake', 1.0)", (SHA,))
        db.execute("PRAGMA user_version = 1")
    for _ in ("brought up", "as it is"):
        store = DocumentStore(tmp_path)
        assert store.notice == ""
        assert store.questions("ann", SHA) == [Question("Where?", "Here.", (1,), "fake", "stop")]
        assert store.read_pages(SHA, ReadingAsk()) == {1: True}


def test_many_threads_and_two_stores_write_at_once(store: DocumentStore, tmp_path: Path) -> None:
    stores = (store, DocumentStore(tmp_path))
    threads = [
        threading.Thread(target=stores[page % 2].add, args=(SHA, reading(f"Page {page}", page=page)))
        for page in range(1, 21)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read_pages(SHA, ReadingAsk()) == dict.fromkeys(range(1, 21), True)


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    (tmp_path / "readings.sqlite3").write_bytes(b"no database" * 1000)
    store = DocumentStore(tmp_path)
    assert "set aside" in store.notice
    assert len(list(tmp_path.glob("readings-damaged-*.sqlite3"))) == 1
    store.add(SHA, reading("One"))
    assert store.read_pages(SHA, ReadingAsk()) == {1: True}
    assert DocumentStore(tmp_path).notice == ""


def test_a_folder_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "readings.sqlite3").mkdir()
    with pytest.raises(StudioError, match="not writable"):
        DocumentStore(tmp_path)
