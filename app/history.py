"""Conversations in SQLite: a tree of messages each, so that an edited message opens a branch and nothing is deleted.

Knows rows and identities; pictures and videos are kept by `media_store` under their hash, and only named here. What is
stored is what was typed and what the model wrote, never what was made of it for showing. Every message is one
transaction, synced to the disk before `add` returns.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.errors import StudioError
from model.types import Role

TITLE_MAX_CHARS = 60
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    leaf_id TEXT,
    updated_at REAL NOT NULL
);
CREATE INDEX conversations_of_owner ON conversations (owner, updated_at DESC);
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    pictures TEXT NOT NULL, -- and videos
    details TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX messages_of_conversation ON messages (conversation_id, created_at);
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture or a video of a message by its hash in the media store.

    `input_size_wh` and `tokens` are None until known. A video has a duration, and times of the frames that the model
    saw, as soon as they are known too.
    """

    sha256: str
    size_wh: tuple[int, int]
    name: str = ""
    input_size_wh: tuple[int, int] | None = None
    tokens: int | None = None
    duration_s: float | None = None
    times_s: tuple[float, ...] = ()

    @property
    def is_video(self) -> bool:
        return self.duration_s is not None


@dataclass(frozen=True, slots=True)
class Turn:
    """A stored message. `siblings` are the ids of all messages with the same parent, oldest first, itself included;
    `details` say how an answer came about (model, counts, timings, why it ended, thinking)."""

    id: str
    parent_id: str | None
    role: Role
    text: str
    media: tuple[Medium, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    siblings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A row of the conversation list."""

    id: str
    title: str
    updated_at: float


class ConversationGone(StudioError):
    """The conversation was deleted while somebody still wrote in it."""

    def __init__(self) -> None:
        super().__init__("This conversation was deleted meanwhile. Begin a new one to go on.")


class History:
    """All conversations below `data_dir`; safe between threads. `notice` says what happened to a damaged file."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        path = data_dir / "history.sqlite3"
        self.notice = ""
        try:
            self._db = _open(path)
        except sqlite3.OperationalError as error:
            raise StudioError("The saved conversations cannot be opened: the data folder is not writable.") from error
        except sqlite3.DatabaseError:
            _log.exception("the history file is damaged")
            _set_aside(path)
            self._db = _open(path)
            self.notice = "The saved conversations were damaged. They were set aside, and a new history was begun."

    def conversations(self, owner: str, limit: int = 200) -> list[Conversation]:
        """The owner's conversations, last used first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT id, title, updated_at FROM conversations WHERE owner = ? ORDER BY updated_at DESC LIMIT ?",
                (owner, limit),
            ).fetchall()
        return [Conversation(**row) for row in rows]

    def has(self, owner: str, conversation_id: str) -> bool:
        """Whether the owner has a conversation with this id."""
        with self._reading() as db:
            row = db.execute(
                "SELECT 1 FROM conversations WHERE id = ? AND owner = ?", (conversation_id, owner)
            ).fetchone()
        return row is not None

    def start(self, owner: str, title: str) -> str:
        """A new, empty conversation; returns its id."""
        conversation_id = uuid.uuid4().hex
        with self._writing() as db:
            db.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, NULL, ?)",
                (conversation_id, owner, title[:TITLE_MAX_CHARS], time.time()),
            )
        return conversation_id

    def add(
        self,
        conversation_id: str,
        parent_id: str | None,
        role: Role,
        text: str,
        media: Sequence[Medium] = (),
        details: Mapping[str, Any] | None = None,
        *,
        message_id: str | None = None,
    ) -> str:
        """Keep one message after `parent_id` and show the branch that it ends; returns its id.

        An answer whose question is no longer the end of what is shown (the conversation was cleared, or goes on
        elsewhere) is kept without being shown. Raises `ConversationGone` when there is no such conversation.
        """
        message_id = message_id or uuid.uuid4().hex
        now = time.time()
        stored_media = json.dumps([_medium_row(medium) for medium in media])
        with self._writing() as db:
            db.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    message_id,
                    conversation_id,
                    parent_id,
                    role,
                    text,
                    stored_media,
                    json.dumps(dict(details or {})),
                    now,
                ),
            )
            db.execute("UPDATE conversations SET updated_at = ? WHERE id = ?", (now, conversation_id))
            db.execute(
                "UPDATE conversations SET leaf_id = ? WHERE id = ? AND (? <> 'assistant' OR leaf_id IS ?)",
                (message_id, conversation_id, role, parent_id),
            )
        return message_id

    def turns(self, owner: str, conversation_id: str) -> list[Turn]:
        """The shown branch from the first message to the leaf; empty for a conversation that the owner lacks."""
        leaf_id, rows = self._rows(owner, conversation_id)
        return _branch(rows, leaf_id)

    def branch(self, owner: str, conversation_id: str, leaf_id: str) -> list[Turn]:
        """The branch that ends with this message, whatever is shown elsewhere; empty without such a message."""
        _, rows = self._rows(owner, conversation_id)
        return _branch(rows, leaf_id)

    def show(self, owner: str, conversation_id: str, message_id: str) -> list[Turn]:
        """Show the branch through this message, down to the newest message below it; returns it."""
        _, rows = self._rows(owner, conversation_id)
        if message_id not in rows:
            return []
        children = _children(rows.values())
        while message_id in children:
            message_id = children[message_id][-1]
        self.set_leaf(conversation_id, message_id)
        return _branch(rows, message_id)

    def set_leaf(self, conversation_id: str, message_id: str | None) -> None:
        """Show the branch that ends here; None shows the conversation as empty, with nothing deleted."""
        with self._writing() as db:
            db.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", (message_id, conversation_id))

    def bring_back(self, owner: str, conversation_id: str) -> list[Turn]:
        """Show the newest message of a conversation that shows none; returns its branch."""
        _, rows = self._rows(owner, conversation_id)
        if not rows:
            return []
        newest = list(rows)[-1]
        self.set_leaf(conversation_id, newest)
        return _branch(rows, newest)

    def delete(self, owner: str, conversation_id: str) -> list[str]:
        """Forget a conversation with all its branches; returns the hashes of media that nothing uses any more."""
        _, rows = self._rows(owner, conversation_id)
        with self._writing() as db:
            db.execute("DELETE FROM conversations WHERE id = ? AND owner = ?", (conversation_id, owner))
            used = {item["sha256"] for row in rows.values() for item in json.loads(row["pictures"])}
            return [sha256 for sha256 in sorted(used) if not _is_used(db, sha256)]

    def uses(self, sha256: str) -> bool:
        """Whether a message of anybody has this picture or video."""
        with self._reading() as db:
            return _is_used(db, sha256)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _rows(self, owner: str, conversation_id: str) -> tuple[str | None, dict[str, sqlite3.Row]]:
        with self._reading() as db:
            conversation = db.execute(
                "SELECT leaf_id FROM conversations WHERE id = ? AND owner = ?", (conversation_id, owner)
            ).fetchone()
            if conversation is None:
                return None, {}
            rows = db.execute(
                "SELECT * FROM messages WHERE conversation_id = ? ORDER BY created_at, rowid", (conversation_id,)
            ).fetchall()
        return conversation["leaf_id"], {row["id"]: row for row in rows}

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise StudioError("The saved conversations could not be read.") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._db:
                    yield self._db
            except sqlite3.IntegrityError as error:  # a message without its conversation is the only breach there is
                raise ConversationGone from error
            except sqlite3.Error as error:
                raise StudioError(
                    "The conversation could not be saved: the data folder is full or cannot be written to."
                ) from error


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, timeout=10)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check failed")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def _set_aside(path: Path) -> None:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.replace(path.with_name(f"history-damaged-{stamp}.sqlite3{suffix}"))


def _is_used(db: sqlite3.Connection, sha256: str) -> bool:
    # The hash is 64 hexadecimal digits, so it cannot be part of anything else in the column.
    return db.execute("SELECT 1 FROM messages WHERE instr(pictures, ?) LIMIT 1", (sha256,)).fetchone() is not None


def _branch(rows: Mapping[str, sqlite3.Row], leaf_id: str | None) -> list[Turn]:
    children = _children(rows.values())
    branch: list[Turn] = []
    row = rows.get(leaf_id or "")
    while row is not None:
        branch.append(_turn(row, tuple(children[row["parent_id"]])))
        row = rows.get(row["parent_id"] or "")
    return branch[::-1]


def _children(rows: Iterable[sqlite3.Row]) -> dict[str | None, list[str]]:
    children: dict[str | None, list[str]] = {}
    for row in rows:
        children.setdefault(row["parent_id"], []).append(row["id"])
    return children


def _medium_row(medium: Medium) -> dict[str, Any]:
    row = {
        "sha256": medium.sha256,
        "size_wh": medium.size_wh,
        "name": medium.name,
        "input_size_wh": medium.input_size_wh,
        "tokens": medium.tokens,
    }
    times_s = [round(time_s, 3) for time_s in medium.times_s]
    return {**row, "duration_s": medium.duration_s, "times_s": times_s} if medium.is_video else row


def _turn(row: sqlite3.Row, siblings: tuple[str, ...]) -> Turn:
    media = tuple(
        Medium(
            sha256=item["sha256"],
            size_wh=tuple(item["size_wh"]),
            name=item["name"],
            input_size_wh=tuple(item["input_size_wh"]) if item["input_size_wh"] else None,
            tokens=item["tokens"],
            duration_s=item.get("duration_s"),
            times_s=tuple(item.get("times_s", ())),
        )
        for item in json.loads(row["pictures"])
    )
    return Turn(row["id"], row["parent_id"], row["role"], row["text"], media, json.loads(row["details"]), siblings)
