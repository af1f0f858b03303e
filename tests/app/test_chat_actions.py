"""What a person does in the Chat tab, and what the page then shows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.chat_actions import ChatActions, Session, Shown
from app.dialogue import Draft, Knobs
from app.engine_manager import EngineManager
from app.examples import Example
from app.studio import Studio
from model.engines.base import Engine
from model.engines.fake import FakeEngine
from model.errors import EngineError
from model.loading import LoadProgress, ModelSpec
from tests.app.conftest import MakeStudio

ME = "me"
SLOW = ["word "] * 10_000


@pytest.fixture
def actions(studio: Studio) -> ChatActions:
    return ChatActions(studio, examples=())


def last(shown: Iterator[Shown]) -> dict[str, object]:
    """All that changed, the later over the earlier."""
    merged: dict[str, object] = {}
    for step in shown:
        merged |= {name: getattr(step, name) for name in Shown.__dataclass_fields__ if getattr(step, name) is not None}
    return merged


def test_sending_shows_question_and_answer_and_empties_the_composer(actions: ChatActions) -> None:
    steps = list(actions.send(Session(), ME, "", Draft("How many?"), Knobs()))
    assert steps[0].is_running is True
    assert [step.draft for step in steps if step.draft is not None] == [Draft("")]
    assert "How many?" in next(step.conversation for step in steps if step.conversation is not None)
    assert any(step.live and "Two" in step.live for step in steps)
    end = steps[-1]
    assert end.conversation is not None
    assert "Two shapes." in end.conversation
    assert "tokens in, 3 out · finished" in end.conversation
    assert (end.live, end.is_running) == ("", False)


def test_the_list_shows_the_conversation_and_opens_it_again(actions: ChatActions) -> None:
    page = last(actions.send(Session(), ME, "", Draft("How many?"), Knobs()))
    assert "How many?" in str(page["conversations"])
    assert "Today" in str(page["conversations"])
    again = actions.open(Session(), ME, str(page["conversation_id"]))
    assert "Two shapes." in str(again.conversation)
    fresh = actions.open(Session(), ME)
    assert fresh.conversation_id == ""
    assert "Ask about a picture" in str(fresh.conversation)


@pytest.mark.parametrize("draft", [Draft(""), Draft("x " * 9000)], ids=["empty", "too long"])
def test_a_refused_message_stays_in_the_composer_and_the_next_one_works(actions: ChatActions, draft: Draft) -> None:
    session = Session()
    page = last(actions.send(session, ME, "", draft, Knobs()))
    assert "draft" not in page
    assert "conversation" not in page
    assert 'class="error"' in str(page["notice"])
    assert page["is_running"] is False
    assert "Two shapes." in str(last(actions.send(session, ME, "", Draft("next"), Knobs()))["conversation"])


def test_stop_ends_at_once_and_keeps_what_came(make_studio: MakeStudio) -> None:
    actions, session = ChatActions(make_studio(FakeEngine(SLOW, delay_s=0.005)), ()), Session()
    steps = actions.send(session, ME, "", Draft("hi"), Knobs())
    for step in steps:
        if step.live and "word word" in step.live:
            break
    pressed = time.monotonic()
    session.stop()
    page = last(steps)
    assert time.monotonic() - pressed < 5
    assert "word word" in str(page["conversation"])
    assert "· stopped" in str(page["conversation"])
    assert session.cancel is None


def test_a_second_message_does_not_start_while_an_answer_is_written(make_studio: MakeStudio) -> None:
    actions, session = ChatActions(make_studio(FakeEngine(SLOW, delay_s=0.005)), ()), Session()
    first = actions.send(session, ME, "", Draft("one"), Knobs())
    next(first)
    assert "Stop it first" in str(last(actions.send(session, ME, "", Draft("two"), Knobs()))["notice"])
    session.stop()
    list(first)


def test_leaving_the_conversation_stops_the_answer_without_showing_it_elsewhere(make_studio: MakeStudio) -> None:
    studio = make_studio(FakeEngine(SLOW, delay_s=0.005))
    actions, session = ChatActions(studio, ()), Session()
    steps = actions.send(session, ME, "", Draft("hi"), Knobs())
    for step in steps:
        if step.live and "word" in step.live:
            break
    left = session.shown_id
    actions.open(session, ME)
    page = last(steps)
    assert "conversation" not in page
    assert "live" not in page
    assert studio.history.turns(ME, left)[-1].role == "assistant"


def test_an_answer_can_be_asked_for_again_and_both_versions_be_seen(actions: ChatActions) -> None:
    session = Session()
    page = last(actions.send(session, ME, "", Draft("hi"), Knobs()))
    conversation = str(page["conversation_id"])
    answer_id = _ids(str(page["conversation"]), "again")[0]
    again = str(last(actions.again(session, ME, conversation, answer_id, Knobs()))["conversation"])
    assert "2 of 2" in again
    assert "1 of 2" in str(actions.show_version(ME, conversation, answer_id).conversation)


def test_an_earlier_message_can_be_edited_and_gone_on_from(actions: ChatActions, picture_file: Path) -> None:
    session = Session()
    page = last(actions.send(session, ME, "", Draft("How many?", (picture_file,)), Knobs()))
    conversation = str(page["conversation_id"])
    message_id = _ids(str(page["conversation"]), "edit")[0]
    shown, pictures = actions.edit(session, ME, conversation, message_id)
    assert shown.draft == Draft("How many?")
    assert "Editing an earlier message" in str(shown.editing)
    assert [picture.name for picture in pictures] == ["drawn.png"]
    edited = last(actions.send(session, ME, conversation, Draft("Which colours?", (picture_file,)), Knobs()))
    assert "Which colours?" in str(edited["conversation"])
    assert "How many?" not in str(edited["conversation"])
    assert "2 of 2" in str(edited["conversation"])
    assert edited["editing"] == ""
    assert session.edited_id is None


def test_an_edit_can_be_left(actions: ChatActions) -> None:
    session = Session()
    page = last(actions.send(session, ME, "", Draft("hi"), Knobs()))
    actions.edit(session, ME, str(page["conversation_id"]), _ids(str(page["conversation"]), "edit")[0])
    assert actions.leave_edit(session).editing == ""
    assert session.edited_id is None


def test_clearing_can_be_undone(actions: ChatActions) -> None:
    session = Session()
    conversation = str(last(actions.send(session, ME, "", Draft("hi"), Knobs()))["conversation_id"])
    cleared = actions.clear(session, ME, conversation)
    assert "Ask about a picture" in str(cleared.conversation)
    assert "Bring it back" in str(cleared.notice)
    assert "Two shapes." in str(actions.bring_back(ME, conversation).conversation)


def test_forgetting_deletes_the_pictures_too(
    actions: ChatActions, studio: Studio, picture_file: Path, tmp_path: Path
) -> None:
    session = Session()
    conversation = str(last(actions.send(session, ME, "", Draft("hi", (picture_file,)), Knobs()))["conversation_id"])
    assert [path for path in (tmp_path / "data/media").rglob("*") if path.is_file()]
    shown = actions.forget(session, ME, conversation, conversation)
    assert shown.conversation_id == ""
    assert studio.history.conversations(ME) == []
    assert not [path for path in (tmp_path / "data/media").rglob("*") if path.is_file()]


def test_an_error_without_any_answer_offers_to_try_again(make_studio: MakeStudio) -> None:
    studio = make_studio(FakeEngine((), fail_with=EngineError("The memory is full.")))
    page = str(last(ChatActions(studio, ()).send(Session(), ME, "", Draft("hi"), Knobs()))["conversation"])
    assert "The memory is full." in page
    assert "Try again" in page


def test_an_unanswered_message_of_a_killed_program_can_be_answered(actions: ChatActions, studio: Studio) -> None:
    conversation = studio.history.start(ME, "t")
    message = studio.history.add(conversation, None, "user", "anyone?")
    assert "has not been answered" in str(actions.open(Session(), ME, conversation).conversation)
    page = last(actions.again(Session(), ME, conversation, message, Knobs()))
    assert "Two shapes." in str(page["conversation"])


def test_a_message_waits_for_a_model_that_still_loads(make_studio: MakeStudio) -> None:
    go_on = threading.Event()

    def load(spec: ModelSpec, progress: Callable[[LoadProgress], None], cancel: threading.Event) -> Engine:
        progress(LoadProgress("Loading the weights", 0.25))
        go_on.wait(10)
        return FakeEngine()

    studio = make_studio()
    manager = EngineManager(load, lambda sentence: None)
    actions = ChatActions(Studio(studio.settings, manager, studio.media, studio.history), ())
    manager.load(ModelSpec())
    steps = actions.send(Session(), ME, "", Draft("hi"), Knobs())
    assert any("loading the weights, 25%" in (step.live or "") for step, _ in zip(steps, range(20), strict=False))
    go_on.set()
    assert "Hello world." in str(last(steps)["conversation"])


def test_a_message_that_waits_for_the_model_can_be_taken_back(make_studio: MakeStudio) -> None:
    studio = make_studio()
    forever = threading.Event()

    def load(spec: ModelSpec, progress: Callable[[LoadProgress], None], cancel: threading.Event) -> Engine:
        forever.wait(10)
        return FakeEngine()

    manager = EngineManager(load, lambda sentence: None)
    actions = ChatActions(Studio(studio.settings, manager, studio.media, studio.history), ())
    manager.load(ModelSpec())
    session = Session()
    steps = actions.send(session, ME, "", Draft("hi"), Knobs())
    next(steps)
    session.stop()
    page = last(steps)
    assert "still here" in str(page["notice"])
    assert "draft" not in page
    manager.close()
    forever.set()


def test_pictures_are_looked_at_when_they_are_dropped(actions: ChatActions, picture_file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "<b>bad.png"
    bad.write_bytes(b"GIF")
    shown = actions.look([picture_file, bad], Knobs())
    assert "96 × 64 → 96 × 64, 6 visual tokens" in shown
    assert "<b>bad" not in shown
    assert "bad.png" in shown
    assert "This file is not a picture" in shown


def test_an_example_is_asked_with_one_click(studio: Studio, picture_file: Path) -> None:
    actions = ChatActions(studio, [Example(picture_file, "What is it?", "a drawing")])
    assert "What is it?" in str(actions.open(Session(), ME).conversation)
    page = last(actions.try_example(Session(), ME, 0, Knobs()))
    assert "What is it?" in str(page["conversation"])
    assert "Two shapes." in str(page["conversation"])


def test_a_picture_is_shown_large_with_what_was_found(make_studio: MakeStudio, picture_file: Path) -> None:
    raw = '[{"bbox_2d": [0, 0, 500, 500], "label": "cup"}]'
    studio = make_studio(FakeEngine([raw]))
    actions, session = ChatActions(studio, ()), Session()
    conversation = str(last(actions.send(session, ME, "", Draft("?", (picture_file,)), Knobs()))["conversation_id"])
    question, answer = studio.history.turns(ME, conversation)
    sha256 = question.pictures[0].sha256
    found = json.loads(actions.large(session, ME, conversation, sha256, answer.id, 0))
    assert found["regions"][0]["xyxy"] == [0, 0, 48, 32]
    assert found["answer"] == raw
    assert json.loads(actions.large(session, ME, conversation, sha256, "", -1))["regions"] == []


def test_the_page_says_what_the_pocket_model_can_and_cannot_do(make_studio: MakeStudio) -> None:
    shown = ChatActions(make_studio(), ()).about()
    assert "pocket model" in shown
    assert "--model Qwen/" in shown
    assert ChatActions(make_studio(FakeEngine()), ()).about() == ""


def _ids(html: str, action: str) -> list[str]:
    return [piece.split('"')[0] for piece in html.split(f'data-do="{action}" data-id="')[1:]]
