"""Conversations that survive: branches, owners, crashes, damage."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.history import ConversationGone, History, Medium
from model.errors import StudioError

ROOT = Path(__file__).resolve().parents[2]
VIDEO = Medium("ef" * 32, (1280, 720), "clip.mp4", (448, 252), 126, 12.0, (0.0, 4.125, 8.0))
PICTURE = Medium("ab" * 32, (640, 480), "scene.png", (320, 256), 80)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def texts(history: History, conversation_id: str, owner: str = "me") -> list[str]:
    return [turn.text for turn in history.turns(owner, conversation_id)]


def test_a_message_is_kept_exactly_with_its_pictures_and_details(history: History, tmp_path: Path) -> None:
    raw = '  ```json\n[{"a": "<b>&amp;</b>"}]\n```\n\n<|im_end|> \\(x\\)\t'
    conversation = history.start("me", "Title")
    asked = history.add(conversation, None, "user", raw, [PICTURE, VIDEO])
    history.add(conversation, asked, "assistant", raw, details={"tokens_per_s": 38.5, "thinking": "hm"})
    history.close()
    first, second = History(tmp_path).turns("me", conversation)
    assert (first.role, first.text, first.media) == ("user", raw, (PICTURE, VIDEO))
    assert (second.role, second.text, second.parent_id) == ("assistant", raw, asked)
    assert second.details == {"tokens_per_s": 38.5, "thinking": "hm"}


def test_an_edited_message_is_a_branch_and_nothing_is_deleted(history: History) -> None:
    conversation = history.start("me", "t")
    one = history.add(conversation, None, "user", "one")
    old = history.add(conversation, one, "assistant", "old answer")
    follow = history.add(conversation, old, "user", "follow-up")
    history.set_leaf(conversation, one)
    new = history.add(conversation, one, "assistant", "new answer")
    assert texts(history, conversation) == ["one", "new answer"]
    assert history.turns("me", conversation)[1].siblings == (old, new)
    history.show("me", conversation, old)
    assert texts(history, conversation) == ["one", "old answer", "follow-up"]
    assert history.turns("me", conversation)[-1].id == follow


def test_a_cleared_conversation_can_be_brought_back(history: History) -> None:
    conversation = history.start("me", "t")
    one = history.add(conversation, None, "user", "one")
    history.add(conversation, one, "assistant", "two")
    history.set_leaf(conversation, None)
    assert texts(history, conversation) == []
    assert [turn.text for turn in history.bring_back("me", conversation)] == ["one", "two"]


@pytest.mark.parametrize("shown", [None, "another"], ids=["cleared", "went on elsewhere"])
def test_an_answer_is_kept_without_being_shown_when_its_question_is_not_any_more(
    history: History, shown: str | None
) -> None:
    conversation = history.start("me", "t")
    question = history.add(conversation, None, "user", "question")
    leaf_id = shown and history.add(conversation, None, "user", shown)
    history.set_leaf(conversation, leaf_id)
    answer = history.add(conversation, question, "assistant", "late")
    assert texts(history, conversation) == ([shown] if shown else [])
    assert [turn.text for turn in history.branch("me", conversation, answer)] == ["question", "late"]
    assert [turn.text for turn in history.bring_back("me", conversation)] == ["question", "late"]


def test_a_message_for_a_deleted_conversation_is_told_from_a_full_disk(history: History) -> None:
    conversation = history.start("me", "t")
    history.delete("me", conversation)
    with pytest.raises(ConversationGone, match="deleted meanwhile"):
        history.add(conversation, None, "user", "late")


def test_a_branch_is_its_owners_only(history: History) -> None:
    conversation = history.start("me", "t")
    message = history.add(conversation, None, "user", "secret")
    assert [turn.text for turn in history.branch("me", conversation, message)] == ["secret"]
    assert history.branch("them", conversation, message) == []
    assert history.branch("me", conversation, "") == []


def test_each_owner_sees_only_their_own(history: History) -> None:
    mine, theirs = history.start("me", "mine"), history.start("them", "theirs")
    history.add(mine, None, "user", "secret")
    assert [row.title for row in history.conversations("me")] == ["mine"]
    assert texts(history, mine, owner="them") == []
    assert not history.has("them", mine)
    assert history.delete("them", mine) == []
    history.show("them", mine, "x")
    assert texts(history, mine) == ["secret"]
    assert history.has("them", theirs)


def test_the_last_used_conversation_comes_first(history: History) -> None:
    first, second = history.start("me", "first"), history.start("me", "second")
    history.add(second, None, "user", "x")
    history.add(first, None, "user", "x")
    assert [row.title for row in history.conversations("me")] == ["first", "second"]


def test_deleting_names_the_pictures_that_nothing_uses_any_more(history: History) -> None:
    shared, own = Medium("cd" * 32, (9, 9)), PICTURE
    doomed, kept = history.start("me", "doomed"), history.start("me", "kept")
    history.add(doomed, None, "user", "x", [shared, own])
    history.add(kept, None, "user", "x", [shared])
    assert history.delete("me", doomed) == [own.sha256]
    assert [row.title for row in history.conversations("me")] == ["kept"]
    assert texts(history, doomed) == []


def test_what_a_message_shows_is_in_use(history: History) -> None:
    conversation = history.start("me", "Title")
    history.add(conversation, None, "user", "?", [VIDEO])
    assert history.uses(VIDEO.sha256)
    assert not history.uses(PICTURE.sha256)
    history.delete("me", conversation)
    assert not history.uses(VIDEO.sha256)


def test_unknown_conversations_are_empty(history: History) -> None:
    assert history.turns("me", "nothing") == []
    assert history.bring_back("me", "nothing") == []
    with pytest.raises(StudioError):
        history.add("nothing", None, "user", "lost?")


def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path) -> None:
    history = History(tmp_path)
    conversation = history.start("me", "t")
    history.add(conversation, None, "user", "x" * 100_000)
    history.close()
    path = tmp_path / "history.sqlite3"
    data = bytearray(path.read_bytes())
    data[100:20_000] = b"\xff" * (20_000 - 100)
    path.write_bytes(data)
    mended = History(tmp_path)
    assert "set aside" in mended.notice
    assert mended.conversations("me") == []
    mended.start("me", "goes on")
    assert len(list(tmp_path.glob("history-damaged-*.sqlite3"))) == 1


def test_a_disk_that_refuses_gives_a_sentence(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = history.start("me", "t")
    history._db.execute("PRAGMA max_page_count = 1")  # what a full disk does to SQLite
    with pytest.raises(StudioError, match="full or cannot be written"):
        history.add(conversation, None, "user", "x" * 1_000_000)
    history._db.execute("PRAGMA max_page_count = 1000000")
    history.add(conversation, None, "user", "goes on")
    assert texts(history, conversation) == ["goes on"]


def test_a_folder_that_cannot_be_written_to_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "history.sqlite3").mkdir()
    with pytest.raises(StudioError, match="cannot be opened"):
        History(tmp_path)
    assert (tmp_path / "history.sqlite3").is_dir()


def test_no_message_that_was_acknowledged_is_lost_when_the_program_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from app.history import History
        history = History(Path(sys.argv[1]))
        conversation, parent = history.start("me", "t"), None
        print(conversation, flush=True)
        for i in range(10**6):
            parent = history.add(conversation, parent, "user", f"message {i}")
            print(i, flush=True)
        """
    )
    for trial in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert writer.stdout is not None
        conversation = writer.stdout.readline().strip()
        acknowledged = [int(writer.stdout.readline()) for _ in range(20 + 7 * trial)]
        writer.kill()
        acknowledged += [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        kept = texts(History(tmp_path), conversation)
        assert kept[: len(acknowledged)] == [f"message {i}" for i in acknowledged]
        assert len(kept) - len(acknowledged) in (0, 1)
    with sqlite3.connect(tmp_path / "history.sqlite3") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
