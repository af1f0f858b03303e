"""How a conversation goes on: refused before it is stored, stored before it is answered, kept however it ends."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.dialogue import AnswerNotKept, Dialogue, Draft, Knobs, Live, Place, answer_of, media_of
from app.history import ConversationGone
from app.media_store import MediaStore
from app.studio import Studio
from model.engines.fake import FakeEngine
from model.errors import ContextOverflow, EngineError, MediaError, RequestError, StudioError
from model.media import pixels
from model.types import Chunk, GenerationOptions, Image, MediumInput, Resized, Text, Video
from tests.app.conftest import MakeStudio
from tests.model.clips import number_of, steady, write_clip
from tests.model.pictures import drawn, encoded

ME = "me"
BOXES = 'Here:\n```json\n[{"bbox_2d": [0, 0, 500, 1000], "label": "cup"}]\n```'


def end_of(studio: Studio, conversation_id: str, edited: str = "") -> Place:
    """Where a page stands that shows the conversation as it was left."""
    turns = studio.history.turns(ME, conversation_id)
    return Place(conversation_id, turns[-1].id if turns else "", edited)


def answered(studio: Studio, conversation_id: str, draft: Draft, engine: FakeEngine, edited: str = "") -> str:
    """Ask and answer; returns the id of the conversation."""
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, end_of(studio, conversation_id, edited), draft, Knobs(), engine)
    list(dialogue.answer(question, Knobs(), engine, threading.Event()))
    return question.conversation_id


def texts(studio: Studio, conversation_id: str) -> list[str]:
    return [turn.text for turn in studio.history.turns(ME, conversation_id)]


def test_a_question_and_its_answer_are_kept(studio: Studio, engine: FakeEngine, picture_file: Path) -> None:
    conversation = answered(studio, "", Draft("How many?", (picture_file,)), engine)
    question, answer = studio.history.turns(ME, conversation)
    assert (question.text, answer.text) == ("How many?", "Two shapes.")
    assert question.media[0].size_wh == (96, 64)
    assert question.media[0].input_size_wh == (96, 64)
    assert question.media[0].tokens == 6
    assert studio.media.get(question.media[0].sha256).size_wh == (96, 64)
    assert answer.details["finish_reason"] == "stop"
    assert answer.details["generated_tokens"] == 3
    assert media_of(answer)[0].source_size_wh == (96, 64)
    assert [row.title for row in studio.history.conversations(ME)] == ["How many?"]


def test_the_model_gets_the_whole_conversation_with_its_pictures(
    studio: Studio, engine: FakeEngine, picture_file: Path
) -> None:
    conversation = answered(studio, "", Draft("one", (picture_file,)), engine)
    answered(studio, conversation, Draft("two"), engine)
    sent = engine.prompts[-1].messages
    assert [(message.role, message.text, len(message.images)) for message in sent] == [
        ("user", "one", 1),
        ("assistant", "Two shapes.", 0),
        ("user", "two", 0),
    ]


def test_the_side_panel_reaches_the_model(studio: Studio, picture_file: Path) -> None:
    engine = FakeEngine(["x"] * 50)
    knobs = Knobs("Be brief.", GenerationOptions(max_new_tokens=2), max_visual_tokens=4)
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, Place(), Draft("hi", (picture_file,)), knobs, engine)
    last = list(dialogue.answer(question, knobs, engine, threading.Event()))[-1]
    assert engine.prompts[0].messages[0].parts == (Text("Be brief."),)
    assert (last.snapshot.text, last.snapshot.last.finish_reason) == ("xx", "length")
    width, height = question.prompt.media[0].input_size_wh
    assert width * height <= 4 * 32 * 32
    assert [turn.role for turn in studio.history.turns(ME, question.conversation_id)] == ["user", "assistant"]


def test_an_edited_message_starts_a_branch(studio: Studio, engine: FakeEngine) -> None:
    conversation = answered(studio, "", Draft("first"), engine)
    conversation = answered(studio, conversation, Draft("second"), engine)
    first, _, second, _ = studio.history.turns(ME, conversation)
    answered(studio, conversation, Draft("second, better"), engine, edited=second.id)
    assert texts(studio, conversation) == ["first", "Two shapes.", "second, better", "Two shapes."]
    assert len(studio.history.turns(ME, conversation)[2].siblings) == 2
    answered(studio, conversation, Draft("a new beginning"), engine, edited=first.id)
    assert texts(studio, conversation) == ["a new beginning", "Two shapes."]
    # What is edited may be on another branch than the page shows by now.
    answered(studio, conversation, Draft("second, best"), engine, edited=second.id)
    assert texts(studio, conversation) == ["first", "Two shapes.", "second, best", "Two shapes."]
    studio.history.show(ME, conversation, second.id)
    assert texts(studio, conversation)[2] == "second"


def test_answering_again_keeps_both_answers(studio: Studio, engine: FakeEngine) -> None:
    conversation = answered(studio, "", Draft("hi"), engine)
    old = studio.history.turns(ME, conversation)[1]
    dialogue, other = Dialogue(studio), FakeEngine(["Another."])
    question = dialogue.ask_again(ME, end_of(studio, conversation), old.id, Knobs(), other)
    list(dialogue.answer(question, Knobs(), other, threading.Event()))
    assert texts(studio, conversation) == ["hi", "Another."]
    assert studio.history.turns(ME, conversation)[1].siblings[0] == old.id
    assert [message.text for message in other.prompts[0].messages] == ["hi"]


def test_a_message_goes_on_from_what_its_page_shows(studio: Studio, engine: FakeEngine) -> None:
    """Two pages with one conversation: the one that shows an older end opens a branch there."""
    conversation = answered(studio, "", Draft("one"), engine)
    place = end_of(studio, conversation)
    dialogue = Dialogue(studio)
    for words in ("from here", "from there"):
        question = dialogue.ask(ME, place, Draft(words), Knobs(), engine)
        list(dialogue.answer(question, Knobs(), engine, threading.Event()))
        assert [message.text for message in engine.prompts[-1].messages] == ["one", "Two shapes.", words]
    branch = studio.history.turns(ME, conversation)
    assert [turn.text for turn in branch] == ["one", "Two shapes.", "from there", "Two shapes."]
    assert len(branch[2].siblings) == 2


@pytest.mark.parametrize(("count", "question"), [(1, "Describe the picture."), (2, "Compare the pictures.")])
def test_pictures_without_words_ask_what_people_mean_by_them(
    studio: Studio, engine: FakeEngine, picture_file: Path, count: int, question: str
) -> None:
    conversation = answered(studio, "", Draft(" \n", (picture_file,) * count), engine)
    assert engine.prompts[-1].messages[-1].text == question
    assert studio.history.turns(ME, conversation)[0].text == question
    assert [row.title for row in studio.history.conversations(ME)] == ["drawn.png"]


def test_options_that_the_model_would_refuse_leave_no_trace(studio: Studio, engine: FakeEngine) -> None:
    with pytest.raises(RequestError, match="Top-p"):
        Dialogue(studio).ask(ME, Place(), Draft("hi"), Knobs(options=GenerationOptions(top_p=0)), engine)
    assert studio.history.conversations(ME) == []


def test_a_message_to_a_deleted_conversation_is_refused(studio: Studio, engine: FakeEngine) -> None:
    conversation = answered(studio, "", Draft("hi"), engine)
    place = end_of(studio, conversation)
    studio.history.delete(ME, conversation)
    with pytest.raises(ConversationGone, match="deleted meanwhile"):
        Dialogue(studio).ask(ME, place, Draft("more"), Knobs(), engine)
    assert studio.history.conversations(ME) == []


def test_an_answer_to_a_deleted_conversation_says_so(studio: Studio) -> None:
    engine = FakeEngine(("All ", "of it"))
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, Place(), Draft("hi"), Knobs(), engine)
    answering = dialogue.answer(question, Knobs(), engine, threading.Event())
    next(answering)
    studio.history.delete(ME, question.conversation_id)
    with pytest.raises(AnswerNotKept, match="deleted meanwhile"):
        list(answering)


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        (Draft(""), RequestError),
        (Draft(" \n "), RequestError),
        (Draft("word " * 5000), ContextOverflow),
        (Draft("look", (Path("/nowhere/at/all.png"),)), MediaError),
    ],
    ids=["empty", "blank", "beyond the context", "no such file"],
)
def test_what_is_refused_leaves_no_trace(
    studio: Studio, engine: FakeEngine, draft: Draft, error: type[Exception]
) -> None:
    with pytest.raises(error) as refused:
        Dialogue(studio).ask(ME, Place(), draft, Knobs(), engine)
    assert "/nowhere" not in str(refused.value)
    assert studio.history.conversations(ME) == []
    assert texts(studio, answered(studio, "", Draft("next"), engine)) == ["next", "Two shapes."]


def test_one_bad_file_is_named_and_nothing_is_stored(
    studio: Studio, engine: FakeEngine, picture_file: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "notes.png"
    bad.write_text("not a picture")
    with pytest.raises(MediaError, match=r"“notes\.png” cannot be sent; take it out\. This file is not a picture"):
        Dialogue(studio).ask(ME, Place(), Draft("look", (picture_file, bad)), Knobs(), engine)
    assert studio.history.conversations(ME) == []
    assert not (tmp_path / "data" / "media").exists()


def test_a_broken_off_answer_is_kept_with_the_reason(studio: Studio) -> None:
    engine = FakeEngine(("Two ", "sh"), fail_with=EngineError("The graphics memory is full."))
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, Place(), Draft("hi"), Knobs(), engine)
    with pytest.raises(EngineError, match="graphics memory"):
        list(dialogue.answer(question, Knobs(), engine, threading.Event()))
    kept = studio.history.turns(ME, question.conversation_id)[-1]
    assert kept.text == "Two sh"
    assert kept.details["broken_off"] == "The graphics memory is full."
    assert kept.details["finish_reason"] == "error"


def test_a_fault_of_the_program_shows_no_details(studio: Studio) -> None:
    engine = FakeEngine(fail_with=ZeroDivisionError("/secret/path"))
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, Place(), Draft("hi"), Knobs(), engine)
    with pytest.raises(EngineError) as broke:
        list(dialogue.answer(question, Knobs(), engine, threading.Event()))
    assert "/secret" not in str(broke.value)


def test_a_closed_tab_stops_the_engine_and_keeps_what_came(studio: Studio) -> None:
    engine, cancel = FakeEngine(["x"] * 10_000, delay_s=0.01), threading.Event()
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, Place(), Draft("hi"), Knobs(), engine)
    answering = dialogue.answer(question, Knobs(), engine, cancel)
    while not next(answering).snapshot.text:
        pass
    answering.close()
    assert cancel.is_set()
    kept = studio.history.turns(ME, question.conversation_id)[-1]
    assert kept.role == "assistant"
    assert set(kept.text) == {"x"}
    assert kept.details["finish_reason"] == "cancelled"


def test_an_answer_that_the_disk_refuses_is_still_given(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(("All ", "of it"))
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, Place(), Draft("hi"), Knobs(), engine)

    def refuse(*arguments: object, **named: object) -> str:
        raise StudioError("The conversation could not be saved.")

    monkeypatch.setattr(studio.history, "add", refuse)
    seen: list[Live] = []
    with pytest.raises(AnswerNotKept, match="could not be saved"):
        seen.extend(dialogue.answer(question, Knobs(), engine, threading.Event()))
    assert seen[-1].snapshot.text == "All of it"


CLICK = '<tool_call>{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [999, 0]}}</tool_call>'


@pytest.mark.parametrize("raw", [BOXES, CLICK], ids=["boxes", "action"])
def test_what_is_stored_is_the_models_own_text_and_reads_the_same_again(
    studio: Studio, picture_file: Path, raw: str
) -> None:
    engine = FakeEngine([raw[i : i + 5] for i in range(0, len(raw), 5)])
    dialogue = Dialogue(studio)
    question = dialogue.ask(ME, Place(), Draft("where?", (picture_file,)), Knobs(), engine)
    live = list(dialogue.answer(question, Knobs(), engine, threading.Event()))[-1].answer
    kept = studio.history.turns(ME, question.conversation_id)[-1]
    assert kept.text == raw
    assert [box.xyxy for box in live.boxes] == ([(0.0, 0.0, 48.0, 64.0)] if raw == BOXES else [])
    assert [action.xy for action in live.actions] == ([(96.0, 0.0)] if raw == CLICK else [])
    assert answer_of(kept) == live


def test_what_is_found_is_marked_on_the_picture_that_was_asked_about(studio: Studio, picture_file: Path) -> None:
    engine = FakeEngine([BOXES])
    conversation = answered(studio, "", Draft("Describe them.", (picture_file, picture_file)), engine)
    conversation = answered(studio, conversation, Draft("And here?", (picture_file,)), engine)
    answered(studio, conversation, Draft("Where is the cup?"), engine)
    answers = [answer_of(turn) for turn in studio.history.turns(ME, conversation)[1::2]]
    assert [answer.boxes[0].image_index for answer in answers] == [0, 2, 2]


def test_thinking_is_kept_apart(studio: Studio) -> None:
    conversation = answered(studio, "", Draft("hi"), FakeEngine((Chunk("hm", "thinking"), "yes")))
    kept = studio.history.turns(ME, conversation)[-1]
    assert (kept.text, kept.details["thinking"]) == ("yes", "hm")


def test_nobody_can_write_into_the_conversation_of_another(studio: Studio, engine: FakeEngine) -> None:
    mine = answered(studio, "", Draft("mine"), engine)
    place = end_of(studio, mine)
    with pytest.raises(ConversationGone):
        Dialogue(studio).ask("them", place, Draft("theirs"), Knobs(), engine)
    assert texts(studio, mine) == ["mine", "Two shapes."]
    with pytest.raises(EngineError):
        Dialogue(studio).ask_again("them", place, place.leaf_id, Knobs(), engine)


def test_a_picture_is_looked_at_before_it_is_sent(
    make_studio: MakeStudio, engine: FakeEngine, picture_file: Path
) -> None:
    dialogue = Dialogue(make_studio())
    assert dialogue.look(picture_file, Knobs(), None).medium.tokens is None
    looked = dialogue.look(picture_file, Knobs(max_visual_tokens=4), engine).medium
    assert (looked.name, looked.size_wh) == ("drawn.png", (96, 64))
    assert looked.tokens is not None
    assert looked.tokens < 6


def test_pictures_that_were_made_smaller_for_want_of_memory_are_read_and_told_as_such(
    make_studio: MakeStudio, picture_file: Path
) -> None:
    """The family writes pixels of what it sees: half of 56 is the middle of the picture, whatever was planned."""
    smaller = MediumInput((96, 64), (56, 28), 2)
    answer = '[{"bbox_2d": [28, 0, 56, 28], "label": "cup"}]'
    engine = FakeEngine((Resized((smaller,), 5), answer), info=replace(FakeEngine().info, family="Qwen2.5-VL"))
    studio = make_studio(engine)
    kept = studio.history.turns(ME, answered(studio, "", Draft("Where?", (picture_file,)), engine))[-1]
    assert answer_of(kept).boxes[0].xyxy == (48, 0, 96, 64)
    assert media_of(kept) == (smaller,)
    assert "made smaller for the model: 56 × 28 pixels." in kept.details["notice"]


# Videos


def test_a_video_is_looked_at_before_it_is_sent(make_studio: MakeStudio, engine: FakeEngine, video_file: Path) -> None:
    dialogue = Dialogue(make_studio())
    unknown = dialogue.look(video_file, Knobs(), None).medium
    assert (unknown.name, unknown.duration_s, unknown.times_s, unknown.tokens) == ("clip.mp4", 3.0, (), None)
    looked = dialogue.look(video_file, Knobs(), engine)
    assert looked.medium.times_s == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])
    assert looked.memory_bytes > 0
    frugal = dialogue.look(video_file, Knobs(preset="Low memory"), engine).medium
    assert frugal.times_s == pytest.approx([0, 1.5])
    assert (frugal.tokens or 0) < (looked.medium.tokens or 0)


def test_a_video_is_kept_and_the_conversation_about_it_goes_on(
    studio: Studio, engine: FakeEngine, video_file: Path, picture_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = answered(studio, "", Draft("What happens?", (video_file, picture_file)), engine)
    question, answer = studio.history.turns(ME, conversation)
    assert [medium.is_video for medium in question.media] == [True, False]
    assert (question.media[0].name, question.media[0].duration_s) == ("clip.mp4", 3.0)
    assert answer.details["duration_s"] == 3.0
    sent = engine.prompts[-1].messages[0].parts
    assert isinstance(sent[0], Video)
    assert [number_of(np.asarray(pixels(frame))) for frame in sent[0].frames] == [0, 5, 10, 15, 20, 25]
    assert isinstance(sent[1], Image)

    video_file.unlink()  # an upload does not stay
    monkeypatch.setattr("app.media_store.look", lambda *arguments: pytest.fail("decoded again"))
    answered(studio, conversation, Draft("And then?"), engine)
    assert engine.prompts[-1].messages[0].parts == sent


def test_a_conversation_about_a_video_goes_on_after_a_restart(
    studio: Studio, engine: FakeEngine, video_file: Path
) -> None:
    conversation = answered(studio, "", Draft("What happens?", (video_file,)), engine)
    later = replace(studio, media=MediaStore(studio.settings.data_dir))
    answered(later, conversation, Draft("And then?"), engine)
    first, second = (prompt.messages[0].parts[0] for prompt in engine.prompts)
    assert first == second


@pytest.mark.parametrize(
    ("videos", "pictures", "question"),
    [
        (1, 0, "Describe the video."),
        (2, 0, "Compare the videos."),
        (1, 1, "Describe the pictures and the videos."),
    ],
)
def test_a_video_without_words_is_asked_about(
    studio: Studio, engine: FakeEngine, video_file: Path, picture_file: Path, videos: int, pictures: int, question: str
) -> None:
    files = (*[video_file] * videos, *[picture_file] * pictures)
    answered(studio, "", Draft(" ", files), engine)
    assert engine.prompts[0].messages[0].text == question


def test_a_gif_that_moves_is_a_video_and_one_that_does_not_is_a_picture(
    studio: Studio, engine: FakeEngine, tmp_path: Path
) -> None:
    moving = write_clip(tmp_path / "moving.gif", steady(20, 10.0), codec="gif")
    still = tmp_path / "still.gif"
    still.write_bytes(encoded(drawn(), "GIF"))
    conversation = answered(studio, "", Draft("?", (moving, still)), engine)
    assert [medium.is_video for medium in studio.history.turns(ME, conversation)[0].media] == [True, False]


def test_times_in_an_answer_are_bounded_by_the_video(studio: Studio, video_file: Path) -> None:
    engine = FakeEngine(('[{"start": 1.0, "end": 9.0, "label": "it moves"}]',))
    conversation = answered(studio, "", Draft("When?", (video_file,)), engine)
    [event] = answer_of(studio.history.turns(ME, conversation)[1]).events
    assert (event.start_s, event.end_s) == (1.0, 3.0)


def test_an_answer_means_the_latest_medium_unless_it_names_one(
    studio: Studio, video_file: Path, picture_file: Path
) -> None:
    engine = FakeEngine((BOXES,))
    conversation = answered(studio, "", Draft("?", (video_file,)), engine)
    answered(studio, conversation, Draft("?", (picture_file,)), engine)
    _, _, _, answer = studio.history.turns(ME, conversation)
    assert [box.image_index for box in answer_of(answer).boxes] == [1]


def test_what_was_not_learned_is_said_before_anything_is_stored(
    make_studio: MakeStudio, video_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.dialogue.not_learned", lambda info, task: f"It has not learned to watch ({task}).")
    studio, engine = make_studio(), FakeEngine()
    assert Dialogue(studio).look(video_file, Knobs(), engine).notices == ("It has not learned to watch (free).",)
    with pytest.raises(RequestError, match="has not learned"):
        Dialogue(studio).ask(ME, Place(), Draft("?", (video_file,)), Knobs(), engine)
    assert not studio.history.conversations(ME)
    assert not list((studio.settings.data_dir / "media").rglob("*"))


def test_a_video_that_cannot_be_used_is_refused_by_its_name(
    make_studio: MakeStudio, engine: FakeEngine, video_file: Path
) -> None:
    studio = make_studio(engine, max_upload_mb=1)
    dialogue = Dialogue(studio)
    whole = video_file.read_bytes()
    for data, sentence in (
        (whole[: len(whole) // 8], "damaged or incomplete"),
        (whole + bytes(2**20), "MiB allowed|GiB allowed"),
        (b"\x1a\x45\xdf\xa3" + bytes(99), "damaged or incomplete"),
    ):
        video_file.write_bytes(data)
        with pytest.raises(MediaError, match=rf"“clip\.mp4” cannot be sent; take it out\. .*({sentence})"):
            dialogue.ask(ME, Place(), Draft("?", (video_file,)), Knobs(), engine)
    assert not studio.history.conversations(ME)
