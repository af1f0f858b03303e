"""What a person does in the Chat tab, and what the page then shows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from app.chat_actions import ChatActions, Session, Shown
from app.dialogue import Draft, Knobs, Place
from app.engine_manager import EngineManager
from app.examples import Example
from app.studio import Studio
from model import decoding
from model.engines.base import Engine
from model.engines.fake import FakeEngine
from model.errors import EngineError
from model.loading import LoadProgress, ModelSpec
from model.types import GenerationOptions
from model.video import open_video
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


def until(shown: Iterator[Shown], words: str, part: str = "live") -> dict[str, object]:
    """All that changed until the answer (or another part of the page) says these words; the rest is still to come."""
    merged: dict[str, object] = {}
    for step in shown:
        merged |= {name: getattr(step, name) for name in Shown.__dataclass_fields__ if getattr(step, name) is not None}
        if words in str(getattr(step, part)):
            return merged
    raise AssertionError(f"“{words}” never came")


def place_of(page: Mapping[str, object]) -> Place:
    """Where the page stands after what changed on it."""
    return Place(str(page["conversation_id"]), str(page["leaf_id"]))


def test_sending_shows_question_and_answer_and_empties_the_composer(actions: ChatActions) -> None:
    steps = list(actions.send(Session(), ME, Place(), Draft("How many?"), Knobs()))
    assert "turn-live" in str(steps[0].live)
    sent = [json.loads(step.sent) for step in steps if step.sent is not None]
    assert [(one["text"], one["files"]) for one in sent] == [("How many?", [])]
    assert "How many?" in next(step.conversation for step in steps if step.conversation is not None)
    assert any(step.live and "Two" in step.live for step in steps)
    end = steps[-1]
    assert end.conversation is not None
    assert "Two shapes." in end.conversation
    assert "tokens in, 3 out · finished" in end.conversation
    assert end.live == ""


def test_the_list_shows_the_conversation_and_opens_it_again(actions: ChatActions) -> None:
    page = last(actions.send(Session(), ME, Place(), Draft("How many?"), Knobs()))
    assert "How many?" in str(page["conversations"])
    assert "Today" in str(page["conversations"])
    again = actions.open(Session(), ME, str(page["conversation_id"]))
    assert "Two shapes." in str(again.conversation)
    fresh = actions.open(Session(), ME)
    assert fresh.conversation_id == ""
    assert "Ask about a picture or a video" in str(fresh.conversation)


def test_a_late_page_does_not_take_away_what_was_begun_meanwhile(actions: ChatActions) -> None:
    session = Session()
    old = str(last(actions.send(Session(), ME, Place(), Draft("old"), Knobs()))["conversation_id"])
    steps = actions.send(session, ME, Place(), Draft("How many?"), Knobs())
    next(steps)
    assert actions.arrive(session, ME, old) == Shown()
    list(steps)
    assert actions.arrive(session, ME, old) == Shown()
    assert actions.arrive(Session(), ME, old).conversation_id == old


def test_a_late_page_does_not_take_away_what_was_said_meanwhile(actions: ChatActions) -> None:
    session = Session()
    assert last(actions.send(session, ME, Place(), Draft(""), Knobs()))["notice"]
    assert actions.arrive(session, ME, "").notice is None


@pytest.mark.parametrize("draft", [Draft(""), Draft("x " * 9000)], ids=["empty", "too long"])
def test_a_refused_message_stays_in_the_composer_and_the_next_one_works(actions: ChatActions, draft: Draft) -> None:
    session = Session()
    page = last(actions.send(session, ME, Place(), draft, Knobs()))
    assert not {"draft", "sent", "conversation"} & page.keys()
    assert 'class="error"' in str(page["notice"])
    assert page["live"] == ""
    assert "Two shapes." in str(last(actions.send(session, ME, Place(), Draft("next"), Knobs()))["conversation"])


def test_stop_ends_at_once_and_keeps_what_came(make_studio: MakeStudio) -> None:
    actions, session = ChatActions(make_studio(FakeEngine(SLOW, delay_s=0.005)), ()), Session()
    steps = actions.send(session, ME, Place(), Draft("hi"), Knobs())
    until(steps, "word word")
    pressed = time.monotonic()
    session.stop()
    page = last(steps)
    assert time.monotonic() - pressed < 5
    assert "word word" in str(page["conversation"])
    assert "· stopped" in str(page["conversation"])
    assert session.run is None


def test_a_second_message_does_not_start_while_an_answer_is_written(make_studio: MakeStudio) -> None:
    actions, session = ChatActions(make_studio(FakeEngine(SLOW, delay_s=0.005)), ()), Session()
    first = actions.send(session, ME, Place(), Draft("one"), Knobs())
    next(first)
    assert "Stop it first" in str(last(actions.send(session, ME, Place(), Draft("two"), Knobs()))["notice"])
    session.stop()
    list(first)


def test_leaving_the_conversation_stops_the_answer_without_showing_it_elsewhere(make_studio: MakeStudio) -> None:
    studio = make_studio(FakeEngine(SLOW, delay_s=0.005))
    actions, session = ChatActions(studio, ()), Session()
    steps = actions.send(session, ME, Place(), Draft("hi"), Knobs())
    until(steps, "word")
    left = session.shown_id
    actions.open(session, ME)
    page = last(steps)
    assert "conversation" not in page
    assert page["live"] == ""
    assert studio.history.turns(ME, left)[-1].role == "assistant"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (GenerationOptions(greedy=True), "Greedy always takes the likeliest token"),
        (GenerationOptions(seed=3), "the seed is the same"),
        (GenerationOptions(), "the model is that sure of it"),
    ],
    ids=["greedy", "seed", "sampled"],
)
def test_an_answer_that_comes_out_the_same_again_says_why(
    actions: ChatActions, engine: FakeEngine, options: GenerationOptions, words: str
) -> None:
    session, knobs = Session(), Knobs(options=options)
    page = last(actions.send(session, ME, Place(), Draft("How many?"), knobs))
    assert page["notice"] == ""
    answer_id = _ids(str(page["conversation"]), "again")[0]
    page |= last(actions.again(session, ME, place_of(page), answer_id, knobs))
    assert words in str(page["notice"])
    assert "2 of 2" in str(page["conversation"])
    engine.script = ("Three.",)
    page |= last(actions.again(session, ME, place_of(page), str(page["leaf_id"]), knobs))
    assert page["notice"] == ""


def test_an_answer_can_be_asked_for_again_and_both_versions_be_seen(actions: ChatActions) -> None:
    session = Session()
    page = last(actions.send(session, ME, Place(), Draft("hi"), Knobs()))
    conversation = str(page["conversation_id"])
    answer_id = _ids(str(page["conversation"]), "again")[0]
    again = str(last(actions.again(session, ME, place_of(page), answer_id, Knobs()))["conversation"])
    assert "2 of 2" in again
    assert "1 of 2" in str(actions.show_version(ME, conversation, answer_id).conversation)


def test_an_earlier_message_can_be_edited_and_gone_on_from(actions: ChatActions, picture_file: Path) -> None:
    session = Session()
    page = last(actions.send(session, ME, Place(), Draft("How many?", (picture_file,)), Knobs()))
    message_id = _ids(str(page["conversation"]), "edit")[0]
    shown, pictures = actions.edit(ME, place_of(page), message_id)
    assert (shown.draft, shown.edited_id) == (Draft("How many?"), message_id)
    assert "Editing an earlier message" in str(shown.editing)
    assert [picture.name for picture in pictures] == ["drawn.png"]
    place = replace(place_of(page), edited_id=message_id)
    edited = last(actions.send(session, ME, place, Draft("Which colours?", (picture_file,)), Knobs()))
    assert "Which colours?" in str(edited["conversation"])
    assert "How many?" not in str(edited["conversation"])
    assert "2 of 2" in str(edited["conversation"])
    assert (edited["editing"], edited["edited_id"]) == ("", "")
    assert "sent" not in edited


def test_clearing_can_be_undone(actions: ChatActions) -> None:
    session = Session()
    conversation = str(last(actions.send(session, ME, Place(), Draft("hi"), Knobs()))["conversation_id"])
    cleared = actions.clear(session, ME, conversation)
    assert "Ask about a picture or a video" in str(cleared.conversation)
    assert "Bring it back" in str(cleared.notice)
    assert "Two shapes." in str(actions.bring_back(ME, conversation).conversation)


def test_clearing_stops_the_answer_and_the_conversation_stays_empty(make_studio: MakeStudio) -> None:
    studio = make_studio(FakeEngine(SLOW, delay_s=0.005))
    actions, session = ChatActions(studio, ()), Session()
    steps = actions.send(session, ME, Place(), Draft("hi"), Knobs())
    started = until(steps, "word word")
    conversation = str(started["conversation_id"])
    cleared = actions.clear(session, ME, conversation)
    page = last(steps)
    assert studio.history.turns(ME, conversation) == []
    assert not {"conversation", "leaf_id", "notice"} & page.keys()
    assert (page["live"], cleared.leaf_id) == ("", "")
    back = actions.bring_back(ME, conversation)
    assert "word word" in str(back.conversation)
    assert back.leaf_id == studio.history.turns(ME, conversation)[-1].id


def test_a_cleared_conversation_begins_anew(actions: ChatActions, studio: Studio, engine: FakeEngine) -> None:
    session = Session()
    page = last(actions.send(session, ME, Place(), Draft("old"), Knobs()))
    conversation = str(page["conversation_id"])
    leaf_id = actions.clear(session, ME, conversation).leaf_id or ""
    last(actions.send(session, ME, Place(conversation, leaf_id), Draft("new"), Knobs()))
    assert [message.text for message in engine.prompts[-1].messages] == ["new"]
    assert [turn.text for turn in studio.history.turns(ME, conversation)] == ["new", "Two shapes."]


def test_a_page_goes_on_from_what_it_shows_while_another_went_on_elsewhere(
    actions: ChatActions, studio: Studio
) -> None:
    """Two tabs in one conversation: the second one's message opens a branch, and both see their own."""
    first, second = Session(), Session()
    page = last(actions.send(first, ME, Place(), Draft("start"), Knobs()))
    conversation = str(page["conversation_id"])
    other = actions.open(second, ME, conversation)
    last(actions.send(first, ME, place_of(page), Draft("in the first tab"), Knobs()))
    page = last(actions.send(second, ME, Place(conversation, str(other.leaf_id)), Draft("in the second"), Knobs()))
    assert "in the first tab" not in str(page["conversation"])
    assert "in the second" in str(page["conversation"])
    assert "2 of 2" in str(page["conversation"])
    assert [turn.text for turn in studio.history.turns(ME, conversation)][2] == "in the second"


def test_an_answer_does_not_take_over_a_conversation_that_went_on_elsewhere(make_studio: MakeStudio) -> None:
    engine = FakeEngine(SLOW, delay_s=0.005)
    studio = make_studio(engine)
    actions, first, second = ChatActions(studio, ()), Session(), Session()
    steps = actions.send(first, ME, Place(), Draft("start"), Knobs())
    conversation = str(until(steps, "word word")["conversation_id"])
    question_id = studio.history.turns(ME, conversation)[-1].id
    first.stop()
    branch = actions.send(second, ME, Place(conversation), Draft("another start"), Knobs())
    until(branch, "another start", part="conversation")
    page = last(steps)
    assert "word word" in str(page["conversation"])
    assert studio.history.turns(ME, conversation)[0].text == "another start"
    assert studio.history.branch(ME, conversation, str(page["leaf_id"]))[0].id == question_id
    second.stop()
    list(branch)


def test_deleting_the_conversation_elsewhere_leaves_the_answer_and_says_why(make_studio: MakeStudio) -> None:
    studio = make_studio(FakeEngine(SLOW, delay_s=0.005))
    actions, session = ChatActions(studio, ()), Session()
    steps = actions.send(session, ME, Place(), Draft("hi"), Knobs())
    conversation = str(until(steps, "word word")["conversation_id"])
    actions.forget(Session(), ME, conversation, "")
    session.stop()
    page = last(steps)
    assert "deleted meanwhile" in str(page["notice"])
    assert "word word" in str(page["live"])
    assert "turn-live" not in str(page["live"])
    assert "stage" not in str(page["live"])


def test_a_message_after_leaving_waits_until_the_old_answer_has_ended(make_studio: MakeStudio) -> None:
    engine = FakeEngine(SLOW, delay_s=0.005)
    actions, session = ChatActions(make_studio(engine), ()), Session()
    old = actions.send(session, ME, Place(), Draft("old"), Knobs())
    until(old, "word word")
    actions.open(session, ME)
    engine.script = ("Next.",)
    ending = threading.Thread(target=list, args=(old,))
    new = actions.send(session, ME, Place(), Draft("new"), Knobs())
    assert "turn-live" in str(next(new).live)
    ending.start()
    page = last(new)
    assert "Next." in str(page["conversation"])
    assert "notice" not in page
    ending.join()


def test_forgetting_deletes_the_pictures_too(
    actions: ChatActions, studio: Studio, picture_file: Path, tmp_path: Path
) -> None:
    session = Session()
    conversation = str(
        last(actions.send(session, ME, Place(), Draft("hi", (picture_file,)), Knobs()))["conversation_id"]
    )
    assert [path for path in (tmp_path / "data/media").rglob("*") if path.is_file()]
    shown = actions.forget(session, ME, conversation, conversation)
    assert shown.conversation_id == ""
    assert studio.history.conversations(ME) == []
    assert not [path for path in (tmp_path / "data/media").rglob("*") if path.is_file()]


def test_an_error_without_any_answer_offers_to_try_again(make_studio: MakeStudio) -> None:
    studio = make_studio(FakeEngine((), fail_with=EngineError("The memory is full.")))
    page = str(last(ChatActions(studio, ()).send(Session(), ME, Place(), Draft("hi"), Knobs()))["conversation"])
    assert "The memory is full." in page
    assert "Try again" in page


def test_an_unanswered_message_of_a_killed_program_can_be_answered(actions: ChatActions, studio: Studio) -> None:
    conversation = studio.history.start(ME, "t")
    message = studio.history.add(conversation, None, "user", "anyone?")
    assert "has not been answered" in str(actions.open(Session(), ME, conversation).conversation)
    page = last(actions.again(Session(), ME, Place(conversation, message), message, Knobs()))
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
    steps = actions.send(Session(), ME, Place(), Draft("hi"), Knobs())
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
    steps = actions.send(session, ME, Place(), Draft("hi"), Knobs())
    next(steps)
    session.stop()
    page = last(steps)
    assert "still here" in str(page["notice"])
    assert "sent" not in page
    manager.close()
    forever.set()


def test_pictures_are_looked_at_when_they_are_dropped(actions: ChatActions, picture_file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "<b>bad.png"
    bad.write_bytes(b"GIF")
    shown = actions.look([picture_file, bad], Knobs())
    assert '<span class="whole">96 × 64 → 96 × 64</span>, <span class="whole">6 visual tokens</span>' in shown
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
    page = last(actions.send(session, ME, Place(), Draft("?", (picture_file,)), Knobs()))
    conversation, place = str(page["conversation_id"]), place_of(page)
    question, answer = studio.history.turns(ME, conversation)
    sha256 = question.media[0].sha256
    found = json.loads(actions.large(session, ME, place, sha256, answer.id, 0))
    assert found["regions"][0]["xyxy"] == [0, 0, 48, 32]
    assert found["answer"] == raw
    assert json.loads(actions.large(session, ME, place, sha256, "", -1))["regions"] == []


def test_the_page_says_what_the_pocket_model_can_and_cannot_do(make_studio: MakeStudio) -> None:
    shown = ChatActions(make_studio(), ()).about()
    assert "pocket model" in shown
    assert "--model Qwen/" in shown
    assert ChatActions(make_studio(FakeEngine()), ()).about() == ""


def _ids(html: str, action: str) -> list[str]:
    return [piece.split('"')[0] for piece in html.split(f'data-do="{action}" data-id="')[1:]]


def hang(*arguments: object) -> None:
    """Runs in the process that decodes."""
    time.sleep(60)


def test_reading_a_video_is_stopped_and_the_message_stays(
    actions: ChatActions, studio: Studio, video_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "frames_at", hang)  # no clip of a test takes long enough to be stopped
    session = Session()
    threading.Timer(1.0, session.stop).start()
    page = last(actions.send(session, ME, Place(), Draft("What happens?", (video_file,)), Knobs()))
    assert "Reading the video was stopped." in str(page["notice"])
    assert "sent" not in page
    assert not studio.history.conversations(ME)


def test_a_copy_for_the_browser_is_made_once(
    actions: ChatActions, studio: Studio, video_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = open_video(video_file)
    studio.media.put_video(file)
    made = json.loads(actions.copy(file.sha256))
    assert made["url"] == f"/media/{file.sha256}/preview"
    assert studio.media.preview(file.sha256) is not None
    monkeypatch.setattr("app.chat_actions.preview", lambda *arguments: pytest.fail("made again"))
    assert json.loads(actions.copy(file.sha256))["url"] == made["url"]
    lost = json.loads(actions.copy("0" * 64))
    assert lost["problem"] == "This video is no longer in the data folder."
