"""What the Ground tab says about an answer in words."""

from __future__ import annotations

from dataclasses import replace

from app.answering import Snapshot
from app.ground_view import notes_html, status_html, words_html
from app.grounding import Ask, Found
from model.engines.fake import FakeEngine
from model.parsing import parse_answer
from model.types import Answer, Chunk, MediumInput

MEDIUM = MediumInput((200, 150), (64, 32), 2)


def found(snapshot: Snapshot) -> Found:
    return Found(Ask(), FakeEngine().info, MEDIUM, snapshot)


def test_a_picture_that_was_made_smaller_is_told_with_its_size() -> None:
    notes = notes_html(Answer(), found(Snapshot(media=(MEDIUM,), were_shrunk=True)))
    assert "The memory was full, so the picture was made smaller for the model: 64 × 32 pixels." in notes
    assert "memory" not in notes_html(Answer(), found(Snapshot(media=(MEDIUM,))))


def test_an_answer_that_repeated_itself_says_so() -> None:
    ended = found(Snapshot(last=Chunk("", finish_reason="repetition")))
    assert "stopped, it repeated itself" in status_html((200, 150), MEDIUM, ended)


def test_an_answer_that_was_cut_says_that_there_may_be_more() -> None:
    assert "there may be more" in notes_html(Answer(), found(Snapshot(last=Chunk("", finish_reason="length"))))
    assert "there may be more" not in notes_html(Answer(), found(Snapshot(last=Chunk("", finish_reason="stop"))))


def test_a_page_that_was_written_out_is_shown_with_the_words_around_it() -> None:
    raw = 'Here:\n```html\n<h2 data-bbox="1 2 3 4">Menu</h2><p>Tea</p>\n```\nDone.'
    ended = found(Snapshot(text=raw))
    shown = words_html(replace(ended, answer=parse_answer(raw, ended.convention, (MEDIUM,))))
    assert all(words in shown for words in ("Here:", "<h2>Menu</h2>", "Tea", "Done."))
    assert "data-bbox" not in shown
