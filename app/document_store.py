"""Documents and what was read of them, below the data folder: files by content, readings and corrections in SQLite.

What is kept is what a model wrote and what a person corrected, never what was made of it for showing. Everything is
found again by content: the same file is read once, under whatever name it comes. Each call has a connection of its own,
so the page and the batch command may use one folder at a time. Knows no engines and no pages' pictures.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.document_reading import Reading, ReadingAsk
from model.errors import MediaError, StudioError
from model.types import FinishReason, MediumInput

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE readings (
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    mode TEXT NOT NULL,
    fields TEXT NOT NULL,
    model TEXT NOT NULL,
    family TEXT NOT NULL,
    medium TEXT NOT NULL,
    raw TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    read_at REAL NOT NULL,
    PRIMARY KEY (sha256, page, mode, fields, model)
);
CREATE TABLE corrections (
    owner TEXT NOT NULL,
    reading TEXT NOT NULL,
    corrections TEXT NOT NULL,
    PRIMARY KEY (owner, reading)
);
CREATE TABLE documents (
    owner TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    page_count INTEGER NOT NULL,
    opened_at REAL NOT NULL,
    PRIMARY KEY (owner, sha256)
);
CREATE TABLE questions (
    owner TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    pages TEXT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    model TEXT NOT NULL,
    asked_at REAL NOT NULL,
    finish_reason TEXT NOT NULL DEFAULT 'stop'
);
CREATE INDEX questions_of_document ON questions (owner, sha256, asked_at);
"""
_FROM_VERSION_1 = "ALTER TABLE questions ADD COLUMN finish_reason TEXT NOT NULL DEFAULT 'stop'"
_ADD_READING = """
INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sha256, page, mode, fields, model) DO UPDATE SET
    family = excluded.family, medium = excluded.medium, raw = excluded.raw,
    finish_reason = excluded.finish_reason, read_at = excluded.read_at
WHERE excluded.finish_reason = 'stop' OR finish_reason <> 'stop'
"""
_BLOCK_BYTES = 2**20
_LOOK_INTERVAL_S = 0.1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a person made of a reading: the new text of blocks by their place, and of fields by their name."""

    blocks: Mapping[int, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.blocks or self.fields)


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document that was opened before; its file is still there."""

    sha256: str
    name: str
    page_count: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question about pages and its answer, by which model. `pages` are numbers as they stood in the strip."""

    question: str
    answer: str
    pages: tuple[int, ...]
    model: str
    finish_reason: FinishReason = "stop"


class DocumentStore:
    """Everything about documents below `data_dir`; safe between threads and processes.

    `notice` says what happened to a damaged file. Raises `StudioError` when the folder cannot be written to.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "documents"
        self._being_read: set[tuple[str, ...]] = set()
        self._read_one = threading.Condition()
        self._path = data_dir / "readings.sqlite3"
        self.notice = ""
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._prepare()
        except sqlite3.OperationalError as error:
            raise StudioError("What was read cannot be opened: the data folder is not writable.") from error
        except sqlite3.DatabaseError:
            _log.exception("the file of readings is damaged")
            self._set_aside()
            self._prepare()
            self.notice = "What was read before was damaged. It was set aside, and pages have to be read again."

    # Files

    def keep(self, path: Path) -> Path:
        """A copy of the file under the hash of its content; the same content is kept once.

        Raises `MediaError` when it cannot be read and `StudioError` when the disk refuses.
        """
        kept = self.file(_sha256(path))
        if not kept.exists():
            self._copy(path, kept)
        return kept

    def file(self, sha256: str) -> Path:
        """Where a document with this hash is, or would be, kept."""
        return self._folder / sha256[:2] / sha256

    def opened(self, owner: str, document: KeptDocument) -> None:
        """Remember that the owner opened a document."""
        row = (owner, document.sha256, document.name, document.page_count, time.time())
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)", row)

    def recent(self, owner: str, limit: int = 8) -> list[KeptDocument]:
        """The documents that the owner opened, last one first, as far as their files are there."""
        query = "SELECT sha256, name, page_count FROM documents WHERE owner = ? ORDER BY opened_at DESC LIMIT ?"
        with self._reading() as db:
            rows = [KeptDocument(*row) for row in db.execute(query, (owner, limit))]
        return [row for row in rows if self.file(row.sha256).exists()]

    # Readings

    def add(self, sha256: str, reading: Reading) -> None:
        """Keep a reading that has ended, in the place of an earlier one by the same model; one that is not whole
        takes the place of no whole one."""
        medium = reading.medium
        row = (
            *(sha256, reading.page, reading.ask.mode, _fields(reading.ask), reading.model, reading.family),
            json.dumps([medium.source_size_wh, medium.input_size_wh, medium.tokens]),
            *(reading.raw, reading.finish_reason, time.time()),
        )
        with self._writing() as db:
            db.execute(_ADD_READING, row)

    def read_pages(self, sha256: str, ask: ReadingAsk, model: str = "") -> dict[int, bool]:
        """The pages of a document that were read in this way, by this model or, without a name, by any; each with
        whether it was read whole."""
        query = (
            "SELECT page, MAX(finish_reason = 'stop') AS is_whole FROM readings "
            "WHERE sha256 = ? AND mode = ? AND fields = ? AND (model = ? OR ? = '') GROUP BY page"
        )
        with self._reading() as db:
            rows = db.execute(query, (sha256, ask.mode, _fields(ask), model, model))
            return {row["page"]: bool(row["is_whole"]) for row in rows}

    def get(self, sha256: str, page: int, ask: ReadingAsk, model: str = "") -> Reading | None:
        """What was read of a page in this way, by this model or, without a name, by whichever read it last."""
        query = (
            "SELECT * FROM readings WHERE sha256 = ? AND page = ? AND mode = ? AND fields = ? "
            "AND (model = ? OR ? = '') ORDER BY read_at DESC LIMIT 1"
        )
        with self._reading() as db:
            row = db.execute(query, (sha256, page, ask.mode, _fields(ask), model, model)).fetchone()
        return None if row is None else _reading(row, ask)

    @contextmanager
    def turn(
        self, sha256: str, page: int, ask: ReadingAsk, model: str, is_stopped: Callable[[], bool]
    ) -> Iterator[bool]:
        """Hold a page while it is read: whoever of this process wants to read it in the same way waits here meanwhile.

        Gives False, and holds nothing, when `is_stopped` says so before it is one's turn.
        """
        key = (sha256, str(page), ask.mode, _fields(ask), model)
        with self._read_one:
            while key in self._being_read and not is_stopped():
                self._read_one.wait(_LOOK_INTERVAL_S)
            is_ours = key not in self._being_read
            self._being_read.add(key)
        try:
            yield is_ours
        finally:
            if is_ours:
                with self._read_one:
                    self._being_read.discard(key)
                    self._read_one.notify_all()

    # Corrections

    def correct(self, owner: str, sha256: str, reading: Reading, corrections: Corrections) -> None:
        """Keep what the owner made of a reading, in the place of what was there before."""
        key = (owner, _reading_id(sha256, reading))
        stored = json.dumps(
            [{str(place): text for place, text in corrections.blocks.items()}, dict(corrections.fields)]
        )
        with self._writing() as db:
            if corrections:
                db.execute("INSERT OR REPLACE INTO corrections VALUES (?, ?, ?)", (*key, stored))
            else:
                db.execute("DELETE FROM corrections WHERE owner = ? AND reading = ?", key)

    def corrections(self, owner: str, sha256: str, reading: Reading) -> Corrections:
        """What the owner made of just this text; a reading that came out differently has none."""
        query = "SELECT corrections FROM corrections WHERE owner = ? AND reading = ?"
        with self._reading() as db:
            row = db.execute(query, (owner, _reading_id(sha256, reading))).fetchone()
        if row is None:
            return Corrections()
        blocks, fields = json.loads(row["corrections"])
        return Corrections({int(place): text for place, text in blocks.items()}, fields)

    # Questions

    def add_question(self, owner: str, sha256: str, asked: Question) -> None:
        """Keep a question about a document, or several (then `sha256` is `hash_of` them), and its answer."""
        pages = json.dumps(asked.pages)
        row = (owner, sha256, pages, asked.question, asked.answer, asked.model, time.time(), asked.finish_reason)
        with self._writing() as db:
            db.execute("INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def questions(self, owner: str, sha256: str) -> list[Question]:
        """What the owner asked about a document, oldest first."""
        query = (
            "SELECT question, answer, pages, model, finish_reason FROM questions "
            "WHERE owner = ? AND sha256 = ? ORDER BY asked_at"
        )
        with self._reading() as db:
            rows = db.execute(query, (owner, sha256)).fetchall()
        return [Question(**{**row, "pages": tuple(json.loads(row["pages"]))}) for row in rows]

    # SQLite

    def _prepare(self) -> None:
        with closing(self._connect()) as db:
            db.execute("PRAGMA journal_mode = WAL")
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check failed")
            with db:
                # Two processes may come at once: the second one waits here, and finds it done.
                db.execute("BEGIN IMMEDIATE")
                version = db.execute("PRAGMA user_version").fetchone()[0]
                changes = {0: _SCHEMA.split(";\n"), 1: [_FROM_VERSION_1]}.get(version, [])
                for statement in (*changes, f"PRAGMA user_version = {max(version, _SCHEMA_VERSION)}"):
                    db.execute(statement)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=10)
        db.row_factory = sqlite3.Row
        return db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as db:
                yield db
        except sqlite3.Error as error:
            raise StudioError("What was read before could not be opened.") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as db:
                db.execute("PRAGMA synchronous = FULL")
                with db:
                    yield db
        except sqlite3.Error as error:
            raise StudioError(
                "What was read could not be saved: the data folder is full or cannot be written to."
            ) from error

    def _set_aside(self) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for suffix in ("", "-wal", "-shm"):
            file = self._path.with_name(self._path.name + suffix)
            if file.exists():
                file.replace(self._path.with_name(f"readings-damaged-{stamp}.sqlite3{suffix}"))

    @staticmethod
    def _copy(source: Path, kept: Path) -> None:
        """So that a crash leaves either the whole file or none."""
        partial = kept.with_name(f"{kept.name}.{os.getpid()}-{threading.get_ident()}.partial")
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as original, partial.open("wb") as copy:
                while block := original.read(_BLOCK_BYTES):
                    copy.write(block)
            partial.replace(kept)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise StudioError(
                "The document could not be saved: the data folder is full or cannot be written to."
            ) from error


def hash_of(sha256s: Sequence[str]) -> str:
    """One hash for several documents in their order; of a single one its own."""
    return sha256s[0] if len(sha256s) == 1 else hashlib.sha256("".join(sha256s).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise MediaError("This file could not be opened. Choose it again.") from error


def _fields(ask: ReadingAsk) -> str:
    return json.dumps(ask.fields, ensure_ascii=False) if ask.mode == "fields" else ""


def _reading_id(sha256: str, reading: Reading) -> str:
    """Says exactly which text was corrected, whichever model wrote it."""
    parts = [sha256, reading.page, reading.ask.mode, _fields(reading.ask), reading.raw]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _reading(row: Mapping[str, Any], ask: ReadingAsk) -> Reading:
    source_wh, input_wh, tokens = json.loads(row["medium"])
    medium = MediumInput(tuple(source_wh), tuple(input_wh), tokens)
    read = Reading(
        row["page"], ask, row["model"], row["family"], medium, row["raw"], finish_reason=row["finish_reason"]
    )
    return read.parsed()
