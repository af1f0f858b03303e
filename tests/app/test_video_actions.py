"""The Video tab without a page: opening, sampling, asking, going on, stopping, editing, exporting."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image as Pillow

from app import video_actions
from app.exports.events import EVENT_FORMATS
from app.media_store import media_url, preview_url
from app.studio import Studio
from app.video_actions import Session, Shown, VideoActions
from app.video_view import status_html
from app.watching import VideoAsk
from model.engines.fake import FakeEngine
from model.errors import OutOfMemory, RequestError
from model.types import Video
from model.video import Sampling, VideoFile, look
from tests.app.videos import BOXES, FORMS, LISTED, SENTENCE
from tests.model.clips import numbered, steady, write_clip
from tests.model.parsing.answers import needs_real_outputs, raw_text, real_cases

MakeStudio = Callable[..., Studio]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(LISTED)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six seconds at ten frames a second."""
    return write_clip(tmp_path / "clip.mp4", steady(60, 10.0))


@pytest.fixture
def actions(make_studio: MakeStudio, engine: FakeEngine) -> VideoActions:
    return VideoActions(make_studio(engine))


@pytest.fixture
def session(actions: VideoActions, clip: Path) -> Session:
    """A page of the browser in which the clip is open."""
    session = Session()
    _last(actions.open(session, clip))
    return session


def _last(shown: Iterator[Shown]) -> Shown:
    *_, last = shown
    return last


def _value(shown: Shown) -> dict[str, Any]:
    assert shown.timeline is not None
    value: dict[str, Any] = json.loads(shown.timeline)
    return value


def _times(shown: Shown) -> list[tuple[float, float]]:
    return [(event["start_s"], event["end_s"]) for event in _value(shown)["events"]]


def _frame_times(shown: Shown) -> list[float]:
    assert shown.frames is not None
    return [seconds for seconds, _ in json.loads(shown.frames)]


def _asked(engine: FakeEngine) -> list[Any]:
    """The parts of the last conversation that the model was given."""
    return [part for message in engine.prompts[-1].messages for part in message.parts]


# The video


def test_numbered_pictures_are_opened_as_a_video(actions: VideoActions, tmp_path: Path) -> None:
    for number in range(8):
        Pillow.fromarray(numbered(number)).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    session = Session()
    shown = list(actions.open_all(session, sorted(tmp_path.glob("*.png")), 2.0))
    assert "Making a video of 8 pictures" in str(shown[0].stage)
    assert (shown[0].is_running, shown[-1].is_running, shown[-1].stage) == (True, False, "")
    assert session.file is not None
    assert (session.file.name, session.file.duration_s, session.run) == ("8 pictures", 3.5, None)
    assert "1 picture was left out" in str(shown[-1].notes)
    assert session.file.path.exists(), "kept with the other videos"


def test_a_page_that_misses_all_but_the_last_value_has_the_whole_video(actions: VideoActions, clip: Path) -> None:
    session = Session()
    last = _last(actions.open(session, clip))
    assert None not in (last.timeline, last.frames, last.status, last.thread, last.part)
    assert (last.videos, last.is_running, last.stage) == (1, False, "")
    assert clip.name in str(last.timeline)
    assert "visual tokens" in str(last.status)
    session.range_s = (0.5, 1.0)
    part = _last(actions.unmark(session))
    assert None not in (part.timeline, part.part, part.status)


def test_a_reading_that_was_overtaken_ends_with_what_holds_now(actions: VideoActions, clip: Path) -> None:
    """The page keeps the last value of each stream, whichever of two streams ends later."""
    session = Session()
    opening = actions.open(session, clip)
    while "Reading" not in str(next(opening).stage) or session.reading is None:
        pass
    *_, measured = actions.measure(session)
    *_, last = opening
    assert (last.status, last.is_running) == (measured.status, False)
    assert "visual tokens" in str(last.status)
    assert last.stage is None


def test_a_copy_that_nobody_wants_any_more_is_not_the_last_word(
    actions: VideoActions, clip: Path, tmp_path: Path
) -> None:
    session = Session()
    _last(actions.open(session, clip))
    src, other = session.src, write_clip(tmp_path / "other.mp4", steady(20, 10.0))
    copying = actions.make_copy(session, src)
    assert "copy" in str(next(copying).preview)
    shown = list(actions.open(session, other))
    assert shown[0].preview == ""
    last = _last(copying)
    assert last.preview == ""
    assert "other.mp4" in str(last.timeline)


def test_a_part_that_was_not_read_has_no_price(actions: VideoActions, clip: Path) -> None:
    session = Session()
    _last(actions.open(session, clip))
    marking = actions._take_part(session, (1.0, 2.0))
    next(marking)
    next(marking)
    session.stop()
    last = _last(marking)
    assert "known once the frames have been read" in str(last.status)
    assert "visual tokens" not in str(last.status)


def test_several_files_are_the_pictures_of_one_video_or_nothing(
    actions: VideoActions, session: Session, clip: Path, tmp_path: Path
) -> None:
    assert "one video at a time" in str(_last(actions.open_all(session, [clip, clip], 2.0)).error)
    no_pictures = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in no_pictures:
        path.write_text("no picture")
    last = _last(actions.open_all(session, no_pictures, 2.0))
    assert "two pictures or more" in str(last.error)
    assert (last.is_running, session.run) == (False, None)
    assert session.file is not None, "what was open before stays"


def test_a_video_is_shown_at_once_and_then_what_a_question_costs(actions: VideoActions, clip: Path) -> None:
    session = Session()
    shown = list(actions.open(session, clip))
    first = next(each for each in shown if each.timeline)
    assert _value(first)["src"] == session.src
    assert (_value(first)["duration_s"], first.videos) == (6.0, 1)
    assert "Reading 12 frames" in "".join(each.stage or "" for each in shown)
    last = shown[-1]
    assert _frame_times(last) == [number / 2 for number in range(12)]
    assert "128 × 64, 0:06.0, 10 frames a second" in (last.status or "")
    assert "12 frames from 0:00.0 to 0:05.5, one every 0.5 s" in (last.status or "")
    assert "visual tokens" in (last.status or "")
    assert last.stage == ""


def test_what_is_no_video_is_refused_and_the_one_before_stays(
    actions: VideoActions, session: Session, tmp_path: Path
) -> None:
    bad = tmp_path / "notes.mp4"
    bad.write_text("no video")
    before = session.file
    assert "not a video" in (_last(actions.open(session, bad)).error or "")
    assert session.file is before


def test_reading_frames_can_be_stopped_and_gives_way_to_what_is_wanted_now(
    actions: VideoActions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(file: VideoFile, sampling: Sampling, cancel: threading.Event) -> Video:
        if sampling.range_s == (0.0, 1.0):
            assert cancel.wait(20)
            raise RequestError("Stopped.")
        return look(file, sampling, cancel)

    monkeypatch.setattr(video_actions, "look", slow)
    session.range_s = (0.0, 1.0)
    stopped = actions.measure(session)
    assert next(stopped).is_running
    session.stop()
    assert [(shown.stage, shown.error, shown.is_running) for shown in stopped] == [("", "", False)]
    outdated = actions.measure(session)
    next(outdated)
    session.range_s = (1.0, 3.0)
    assert _frame_times(_last(actions.measure(session))) == [1.0, 1.5, 2.0, 2.5]
    assert _frame_times(_last(outdated)) == [1.0, 1.5, 2.0, 2.5], "what holds now, not what it was asked for"
    assert len(_frame_times(actions.page(session))) == 4


def test_without_a_model_the_video_plays_and_the_frames_come_once_there_is_one(
    make_studio: MakeStudio, clip: Path
) -> None:
    actions, session = VideoActions(make_studio()), Session()
    shown = list(actions.open(session, clip))
    assert _value(next(each for each in shown if each.timeline))["src"]
    assert "known once the model has loaded" in "".join(each.status or "" for each in shown)
    assert "No model is loaded." in (_last(actions.ask(session, VideoAsk("describe"))).error or "")


def test_a_file_that_the_browser_cannot_play_gets_a_copy(
    make_studio: MakeStudio, engine: FakeEngine, tmp_path: Path
) -> None:
    studio = make_studio(engine)
    actions, session = VideoActions(studio), Session()
    _last(actions.open(session, write_clip(tmp_path / "clip.avi", steady(30, 10.0), codec="mpeg4")))
    assert session.file is not None
    original = media_url(session.file.sha256)
    first, *_, last = actions.make_copy(session, original)
    assert "can play" in (first.preview or "")
    assert (_value(first)["src"], last.preview) == ("", "")
    assert "does not play mpeg4" in _value(first)["word"]
    assert _value(last)["src"] == preview_url(session.file.sha256)
    assert "the model sees the video itself" in (last.notes or "")
    copy = studio.media.preview(session.file.sha256)
    assert copy is not None
    with av.open(str(copy)) as made:
        assert made.streams.video[0].codec.canonical_name == "h264"
    again = list(actions.make_copy(replace(session, src=original), original))
    assert _value(again[-1])["src"] == preview_url(session.file.sha256), "made once"
    (lost,) = actions.make_copy(session, session.src)
    assert "cannot play this video" in _value(lost)["word"]


def test_making_a_copy_can_be_stopped_and_asking_goes_on(
    actions: VideoActions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_ready(video: object, to: Path, cancel: Any, report: Callable[[float], None]) -> None:
        report(0.25)
        assert cancel.wait(20)
        raise RequestError("Stopped. Nothing was written.")

    monkeypatch.setattr(video_actions, "preview", never_ready)
    shown = []
    for each in actions.make_copy(session, session.src):
        shown.append(each)
        if 'value="0.25"' in (each.preview or ""):
            session.stop_copying()
    assert "Stopped" in (shown[-1].error or "")
    assert "You can ask about it all the same." in _value(shown[-1])["word"]
    assert len(_times(_last(actions.ask(session, VideoAsk("describe"))))) == 2


# Asking


@pytest.mark.parametrize("form", FORMS)
def test_each_way_to_tell_times_becomes_events(
    actions: VideoActions, session: Session, engine: FakeEngine, form: str
) -> None:
    engine.script, expected = FORMS[form]
    last = _last(actions.ask(session, VideoAsk("track", "the door")))
    assert _times(last) == expected
    assert (last.thread or "").count("vt-event ") == (1 if form == "boxes in time" else len(expected))
    assert (last.is_running, last.stage) == (False, "")


@needs_real_outputs
@pytest.mark.parametrize("name", [case["id"] for case in real_cases() if "_video_" in case["id"]])
def test_stored_answers_of_large_models_become_events(
    actions: VideoActions, engine: FakeEngine, tmp_path: Path, name: str
) -> None:
    case = next(case for case in real_cases() if case["id"] == name)
    session = Session()
    _last(actions.open(session, write_clip(tmp_path / "long.mp4", steady(265, 1.0))))
    engine.script = tuple(raw_text(case))
    last = _last(actions.ask(session, VideoAsk("when", "seasoning the steak")))
    assert _times(last) == [pytest.approx(pair) for pair in case["expected"]["times_s"]]


def test_events_are_shown_before_the_answer_has_ended(
    actions: VideoActions, session: Session, engine: FakeEngine
) -> None:
    engine.script, engine.delay_s = (*LISTED, *" " * 2), 0.2
    shown = [each for each in actions.ask(session, VideoAsk("describe")) if each.timeline]
    assert any(_value(each)["streaming"] and len(_times(each)) == 1 for each in shown)
    assert not _value(shown[-1])["streaming"]
    assert session.thread[0].state == "done"
    assert all(each.is_running for each in shown[:-1]), "a slow page may miss the first"
    assert "first event after" in (shown[-1].thread or "")


def test_a_part_is_sampled_alone_and_its_times_stay_those_of_the_whole(
    actions: VideoActions, session: Session, engine: FakeEngine
) -> None:
    value = _value(actions.page(session))
    marked = list(actions.mark(session, json.dumps(value | {"range_s": [2.0, 4.0]})))
    assert "0:02.0 – 0:04.0" in (marked[0].part or "")
    assert _frame_times(marked[-1]) == [2.0, 2.5, 3.0, 3.5]
    engine.script = SENTENCE
    last = _last(actions.ask(session, VideoAsk("when", "the door opens")))
    (video,) = [part for part in _asked(engine) if isinstance(part, Video)]
    assert video.times_s == (2.0, 2.5, 3.0, 3.5)
    assert _times(last) == [(2.0, 4.0)], "the model saw nothing of what comes after the part"
    assert "0:02.0 – 0:04.0" in (last.thread or "")
    whole = list(actions.unmark(session))
    assert whole[0].part == ""
    assert _value(whole[0])["range_s"] is None
    assert len(_frame_times(whole[-1])) == 12


def test_a_conversation_goes_on_without_reading_the_video_again(
    actions: VideoActions, session: Session, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decoded_again(*_: object) -> None:
        raise AssertionError("the frames are there already")

    monkeypatch.setattr(video_actions, "look", decoded_again)
    _last(actions.ask(session, VideoAsk("describe")))
    engine.script = ("At first it is closed, ", "then it opens.")
    last = _last(actions.ask(session, VideoAsk("free", "What does the door do?")))
    assert [message.role for message in engine.prompts[-1].messages] == ["user", "assistant", "user"]
    assert sum(isinstance(part, Video) for part in _asked(engine)) == 1
    assert "then it opens." in (last.thread or "")
    assert len(_times(last)) == 2, "the events of the first answer stay"
    actions.discard(session, 0)
    _last(actions.ask(session, VideoAsk("free", "Why?")))
    assert [message.role for message in engine.prompts[-1].messages] == ["user", "assistant", "user"]


def test_a_question_of_the_thread_is_asked_again_about_its_part(
    actions: VideoActions, session: Session, engine: FakeEngine
) -> None:
    session.range_s = (1.0, 3.0)
    _last(actions.ask(session, VideoAsk("describe")))
    session.range_s = None
    last = _last(actions.ask_again(session, 0))
    assert [exchange.ask.range_s for exchange in session.thread] == [(1.0, 3.0), (1.0, 3.0)]
    assert _times(last) == [(1.0, 2.5), (1.0, 2.5)], "each answer's other event lies outside of the part"


@pytest.mark.parametrize(
    ("ask", "words"),
    [(VideoAsk("when"), "Write what you want to know first."), (VideoAsk("track"), "Write what to follow first.")],
)
def test_a_question_that_lacks_something_is_not_put(
    actions: VideoActions, session: Session, ask: VideoAsk, words: str
) -> None:
    last = _last(actions.ask(session, ask))
    assert words in (last.error or "")
    assert last.query is None, "what was written stays"
    assert not session.thread


def test_a_new_conversation_begins_without_what_was_said(
    actions: VideoActions, session: Session, engine: FakeEngine
) -> None:
    _last(actions.ask(session, VideoAsk("describe")))
    shown = next(actions.begin_anew(session))
    assert _times(shown) == []
    _last(actions.ask(session, VideoAsk("describe")))
    assert [message.role for message in engine.prompts[-1].messages] == ["user"]


def test_frames_that_are_shown_already_are_not_sent_again(
    actions: VideoActions, session: Session, engine: FakeEngine
) -> None:
    _last(actions.ask(session, VideoAsk("describe")))
    assert _choose(actions, session, 0).frames is None
    _last(actions.mark(session, json.dumps(_value(actions.page(session)) | {"range_s": [0, 2]})))
    assert len(_frame_times(_choose(actions, session, 0))) == 12, "those that the answer was made of"
    assert len(_frame_times(_choose(actions, session, None))) == 4


def test_a_fault_of_the_program_is_told_in_words(
    actions: VideoActions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("/secret")

    monkeypatch.setattr(video_actions, "watch", broken)
    last = _last(actions.ask(session, VideoAsk("describe")))
    assert "Something went wrong in the program" in (last.error or "")
    assert session.run is None


def test_nothing_to_ask_about_is_said(actions: VideoActions) -> None:
    assert "Choose a video first." in (_last(actions.ask(Session(), VideoAsk("describe"))).error or "")


def test_a_fault_keeps_what_came_before_and_the_next_question_works(
    actions: VideoActions, session: Session, engine: FakeEngine
) -> None:
    engine.script, engine.delay_s = (*LISTED[:2], *" " * 8), 0.02
    engine.fail_with = OutOfMemory("The memory is full.")
    last = _last(actions.ask(session, VideoAsk("describe")))
    assert "The memory is full." in (last.thread or "")
    assert _times(last) == [(1.0, 2.5)]
    engine.fail_with = None
    assert len(_times(_last(actions.ask(session, VideoAsk("describe"))))) == 2


def test_stop_keeps_what_was_found(actions: VideoActions, session: Session, engine: FakeEngine) -> None:
    engine.script, engine.delay_s = (*LISTED[:2], *" " * 500), 0.05
    last = Shown()
    for last in actions.ask(session, VideoAsk("describe")):
        if last.timeline and len(_times(last)) == 1:
            session.stop()
    assert session.thread[0].state == "stopped"
    assert len(_times(last)) == 1
    assert session.run is None


def test_two_questions_at_a_time_are_refused(actions: VideoActions, session: Session, clip: Path) -> None:
    first = actions.ask(session, VideoAsk("describe"))
    assert isinstance(first, Generator)
    next(first)
    assert "Stop it first" in (_last(actions.ask(session, VideoAsk("describe"))).error or "")
    assert "Stop what runs" in (_last(actions.open(session, clip)).error or "")
    assert "Stop the answer" in (actions.discard(session, 0).error or "")
    first.close()
    assert session.run is None


def test_words_of_a_model_are_made_harmless(actions: VideoActions, session: Session, engine: FakeEngine) -> None:
    engine.script = ("No door. <img src=x onerror=alert(1)>",)
    last = _last(actions.ask(session, VideoAsk("free", "<b>where?</b>")))
    assert "No door." in (last.thread or "")
    assert "<img" not in (last.thread or "")
    assert "<b>where" not in (last.thread or "")


# After the answer


def _choose(actions: VideoActions, session: Session, place: int | None) -> Shown:
    return actions.edit(session, json.dumps(json.loads(actions._timeline(session)) | {"chosen": place}))


def _edited(actions: VideoActions, session: Session, change: Callable[[list[dict[str, Any]]], object]) -> Shown:
    value = _value(actions.page(session))
    change(value["events"])
    return actions.edit(session, json.dumps(value))


def test_what_a_person_changes_is_listed_exported_and_told(
    actions: VideoActions, session: Session, tmp_path: Path
) -> None:
    _last(actions.ask(session, VideoAsk("describe")))
    shown = _edited(actions, session, lambda events: events[0].update(label="the gate opens", start_s=1.25))
    assert "the gate opens" in (shown.thread or "")
    assert "changed by hand" in (shown.thread or "")
    path, _ = actions.export(session, "csv", tmp_path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    assert [(row["label"], float(row["start_s"])) for row in rows] == [
        ("the gate opens", 1.25),
        ("a cat walks in", 4.0),
    ]


def test_an_edit_that_makes_no_sense_changes_nothing(actions: VideoActions, session: Session) -> None:
    _last(actions.ask(session, VideoAsk("describe")))
    assert "could not be read" in (actions.edit(session, "nonsense").error or "")
    other = _value(actions.page(session)) | {"src": "/media/other"}
    assert actions.edit(session, json.dumps(other | {"events": []})) == Shown()
    assert len(session.thread[0].events) == 2


def test_the_answer_of_the_chosen_event_is_the_one_that_is_exported(
    actions: VideoActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    _last(actions.ask(session, VideoAsk("describe")))
    engine.script = SENTENCE
    _last(actions.ask(session, VideoAsk("when", "it closes")))
    path, _ = actions.export(session, "srt", tmp_path)
    assert path.read_text().count("-->") == 1, "the latest without a choice"
    _choose(actions, session, 1)
    assert session.chosen == (session.thread[0], 1)
    path, _ = actions.export(session, "srt", tmp_path)
    assert "a cat walks in" in path.read_text()
    path, _ = actions.export(session, "clip", tmp_path)
    with av.open(str(path)) as made:
        assert float(made.duration or 0) / av.time_base == pytest.approx(1.0, abs=0.2)
    _choose(actions, session, None)
    assert session.chosen is None
    assert "could not be read" in (_choose(actions, session, 99).error or "")
    assert session.chosen is None
    assert not any(exchange.is_corrected for exchange in session.thread)


def test_the_choice_follows_the_events_through_every_edit(
    actions: VideoActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    _last(actions.ask(session, VideoAsk("describe")))
    _choose(actions, session, 0)
    asked = _value(actions.page(session))
    without_first = asked | {"events": asked["events"][1:], "chosen": 0}
    actions.edit(session, json.dumps(without_first))
    assert session.thread[0].events[0].label == "a cat walks in"
    assert session.chosen == (session.thread[0], 0)
    path, _ = actions.export(session, "clip", tmp_path)
    with av.open(str(path)) as made:
        assert float(made.duration or 0) / av.time_base == pytest.approx(1.0, abs=0.2)
    actions.edit(session, json.dumps(asked | {"chosen": 1}))
    assert session.chosen == (session.thread[0], 1)
    actions.edit(session, json.dumps(asked | {"events": asked["events"][:1], "chosen": None}))
    with pytest.raises(RequestError, match="Choose an event"):
        actions.export(session, "clip", tmp_path)
    _choose(actions, session, 0)
    engine.script = SENTENCE
    _last(actions.ask(session, VideoAsk("when", "it closes")))
    assert session.chosen is None


def test_a_click_is_no_correction_though_times_are_rounded_on_their_way(
    actions: VideoActions, session: Session, engine: FakeEngine
) -> None:
    engine.script = ('[{"start": 1.00049, "end": 2.50051, "label": "the door opens"}]',)
    _last(actions.ask(session, VideoAsk("describe")))
    assert [event.start_s for event in session.thread[0].events] == [1.00049]
    assert "changed by hand" not in (_choose(actions, session, 0).thread or "")
    assert session.chosen == (session.thread[0], 0)


@pytest.mark.parametrize("key", EVENT_FORMATS)
def test_every_format_writes_a_file(
    actions: VideoActions, session: Session, engine: FakeEngine, key: str, tmp_path: Path
) -> None:
    engine.script = BOXES
    _last(actions.ask(session, VideoAsk("track", "ball")))
    _choose(actions, session, 0)
    path, _ = actions.export(session, key, tmp_path)
    assert path.name.startswith("clip")
    assert path.stat().st_size
    assert session.run is None


@pytest.mark.parametrize(
    ("step_s", "words"),
    [(0.5, "0.5 s"), (12.0, "12 s"), (59.2, "59 s"), (59.7, "1:00"), (560.2, "9:20"), (3725.0, "1:02:05")],
)
def test_frames_far_apart_are_told_by_the_clock(session: Session, step_s: float, words: str) -> None:
    assert session.file is not None
    assert session.frames is not None
    far = replace(session.frames.video, times_s=tuple(place * step_s for place in range(12)))
    assert f"one every {words}<" in status_html(session.file, far, None, True)


def test_the_frames_are_a_contact_sheet_before_the_first_answer(
    actions: VideoActions, session: Session, tmp_path: Path
) -> None:
    path, _ = actions.export(session, "sheet", tmp_path)
    with Pillow.open(path) as sheet:
        assert sheet.width > 4 * 320


def test_there_is_nothing_to_export_before_an_answer(
    actions: VideoActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match="Ask first"):
        actions.export(session, "srt", tmp_path)
    engine.script = ("Nothing happens.",)
    _last(actions.ask(session, VideoAsk("describe")))
    with pytest.raises(RequestError, match="no events"):
        actions.export(session, "srt", tmp_path)


def test_clear_begins_anew(actions: VideoActions, session: Session) -> None:
    _last(actions.ask(session, VideoAsk("describe")))
    shown = actions.clear(session)
    assert (shown.videos, _value(shown)["src"], _times(shown)) == (0, "", [])
    assert session.thread == []


def test_the_preset_chooses_the_frames(actions: VideoActions, session: Session) -> None:
    counts = [len(_frame_times(_last(actions.choose_preset(session, name)))) for name in ("Speed", "Quality")]
    assert counts == [6, 12]
    assert len(session.kept) == 2


def test_few_choices_of_frames_are_kept(actions: VideoActions, session: Session) -> None:
    for end_s in (1.0, 2.0, 3.0, 4.0, 5.0):
        session.range_s = (0.0, end_s)
        _last(actions.measure(session))
    assert len(session.kept) == 4


def test_the_example_can_be_tried(actions: VideoActions) -> None:
    session = Session()
    example = actions.take_example(session, 0)
    assert example.question in actions.welcome()
    last = _last(actions.open_example(session))
    assert session.file is not None
    assert len(_frame_times(last)) == 24
    assert (example.task, example.query) == ("when", "When does the red circle appear?")
