"""One question about one video: which frames are shown, in which words it is asked, and what is found meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import watching
from app.watching import VideoAsk, Watched, look, not_learned, prompt_of, sampling_of, watch
from model.catalog import presets_of
from model.engines.fake import FakeEngine
from model.errors import EngineError, RequestError
from model.media import pixels
from model.prompts import VIDEO_TASKS, VideoTask
from model.types import Chunk, EngineInfo, MediumInput, Message, Resized, Video
from model.video import VideoFile, open_video
from tests.model.clips import number_of, steady, write_clip

STORED = Path(__file__).resolve().parents[2] / "../shared/real_outputs"
INFO = FakeEngine().info
POCKET = replace(INFO, is_pocket=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> VideoFile:
    """Twenty seconds."""
    return open_video(write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", steady(200, 10)))


@pytest.fixture(scope="module")
def video(clip: VideoFile) -> Video:
    return look(clip, sampling_of(INFO, "Low memory"))


def engine_of(*script: str | Chunk | Resized, delay_s: float = 0.0, fail_with: Any = None, **info: Any) -> FakeEngine:
    return FakeEngine(script, delay_s=delay_s, fail_with=fail_with, info=replace(INFO, **info))


def last_of(engine: FakeEngine, video: Video, ask: VideoAsk, earlier: Sequence[Message] = ()) -> Watched:
    *_, last = watch(engine, video, ask, threading.Event(), earlier)
    return last


def times(watched: Watched) -> list[tuple[str, float, float]]:
    return [(event.label, event.start_s, event.end_s) for event in watched.answer.events]


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("info", [INFO, replace(INFO, family="Qwen2.5-VL"), POCKET], ids=["3", "2.5", "pocket"])
def test_every_preset_says_how_much_is_looked_at(clip: VideoFile, info: EngineInfo) -> None:
    seen = {}
    for name, preset in presets_of(info).items():
        sampling = sampling_of(info, name)
        video = look(clip, sampling)
        assert len(video.frames) <= preset.frames.max_frames
        width, height = video.frames[0].size_wh
        assert width * height <= preset.frames.pixels.max_pixels
        seen[name] = len(video.frames) * width * height
    assert sampling_of(info) == sampling_of(info, "Quality") == sampling_of(info, "no such preset")
    assert seen["Quality"] > seen["Low memory"]


def test_a_part_has_the_times_of_the_whole(clip: VideoFile) -> None:
    part = look(clip, sampling_of(INFO, "Speed", (6.0, 10.0)))
    assert part.times_s == pytest.approx((6, 7, 8, 9), abs=0.01)
    assert part.duration_s == pytest.approx(20, abs=0.1)


def test_before_the_run_tokens_and_memory_are_known(clip: VideoFile) -> None:
    engine = engine_of("Nothing.")
    few, many = (
        prompt_of(engine, look(clip, sampling_of(INFO, name)), VideoAsk("describe"))
        for name in ("Low memory", "Quality")
    )
    assert 0 < few.media[0].tokens < many.media[0].tokens
    assert 0 < few.memory_bytes < many.memory_bytes
    assert few.tokens > few.media[0].tokens


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (VideoAsk("when", "the door opens"), "Give the query: 'the door opens', when does"),
        (VideoAsk("when", "When does the door open?"), "When does the door open?"),
        (VideoAsk("describe"), "describe each event with sentences"),
        (VideoAsk("chapters"), "Divide the video into chapters"),
        (VideoAsk("read"), "Read all the text"),
        (VideoAsk("track", "the red car"), 'Given the query "the red car", for each frame'),
        (VideoAsk("free", "What is this about?"), "What is this about?"),
    ],
)
def test_each_task_is_asked_behind_the_frames(video: Video, ask: VideoAsk, words: str) -> None:
    (message,) = prompt_of(engine_of(), video, ask).messages
    assert message.parts[0] == video
    assert words in message.text


def test_a_missing_question_is_said_before_anything_runs(video: Video) -> None:
    engine = engine_of()
    with pytest.raises(RequestError, match="Write what you want to know"):
        last_of(engine, video, VideoAsk("when", " "))
    assert engine.prompts == []


# --- answers ----------------------------------------------------------------------------------------------------------


def test_events_are_there_before_the_answer_has_ended(video: Video) -> None:
    one = '[{"start_time": "00:01.00", "end_time": "00:02.50", "description": "A circle comes."},\n'
    two = '{"start_time": "00:03.00", "end_time": "00:04.00", "description": "It goes."}]'
    engine = engine_of(one, two, *"\n\n\n\n\n", delay_s=0.05)
    seen = list(watch(engine, video, VideoAsk("describe"), threading.Event()))
    counts = [(len(watched.answer.events), watched.is_finished) for watched in seen]
    assert (1, False) in counts
    assert counts[-1] == (2, True)
    assert times(seen[-1]) == [("A circle comes.", 1, 2.5), ("It goes.", 3, 4)]
    assert seen[-1].first_s is not None
    span = seen[-1].answer.events[1].span
    assert span is not None
    assert "It goes." in seen[-1].raw[slice(*span)]


def stored_cases() -> list[dict[str, Any]]:
    if not STORED.exists():
        return []
    cases = json.loads((STORED / "cases.json").read_text(encoding="utf-8"))
    return [case for case in cases if case["expected"]["times_s"]]


@pytest.mark.skipif(not STORED.exists(), reason="the stored answers are not next to this checkout")
@pytest.mark.parametrize("case", stored_cases(), ids=lambda case: case["id"])
def test_stored_answers_of_real_models_become_events(video: Video, case: dict[str, Any]) -> None:
    text = (STORED / case["raw"]).read_text(encoding="utf-8")
    pieces = [text[start : start + 9] for start in range(0, len(text), 9)]
    engine = engine_of(*pieces, family=case["model_family"])
    is_one = case["expected"]["kind"] == "time_range"
    ask = VideoAsk("when", "seasoning the steak") if is_one else VideoAsk("describe")
    watched = last_of(engine, replace(video, duration_s=300.0), ask)
    assert [[start_s, end_s] for _, start_s, end_s in times(watched)] == case["expected"]["times_s"]
    labels = [label for label, _, _ in times(watched)]
    assert labels == (case["expected"]["texts"] or ["seasoning the steak"])
    assert watched.answer.problems == ()
    assert watched.raw == text


def test_boxes_in_time_are_in_pixels_of_the_video(video: Video) -> None:
    said = '[{"time": 1.0, "bbox_2d": [0, 0, 500, 1000], "label": ""}, {"time": 2.5, "bbox_2d": [500, 0, 1000, 500]}]'
    watched = last_of(engine_of(said), video, VideoAsk("track", "the red car"))
    assert video.size_wh == (128, 64)
    assert [event.xyxy for event in watched.answer.events] == [(0, 0, 64, 64), (64, 0, 128, 32)]
    assert times(watched) == [("the red car", 1, 1), ("the red car", 2.5, 2.5)]


def test_boxes_in_time_of_input_pixels_follow_the_size_that_the_model_sees(video: Video) -> None:
    engine = engine_of(family="Qwen2.5-VL")
    width, height = prompt_of(engine, video, VideoAsk("track", "car")).media[0].input_size_wh
    engine.script = (json.dumps([{"time": 1.0, "bbox_2d": [0, 0, width // 2, height], "label": "car"}]),)
    watched = last_of(engine, video, VideoAsk("track", "car"))
    assert watched.answer.events[0].xyxy == pytest.approx((0, 0, 64, 64))


def test_frames_that_were_made_smaller_count_for_boxes_and_are_told(video: Video) -> None:
    smaller = MediumInput((128, 64), (56, 28), 2)
    said = '[{"time": 1.0, "bbox_2d": [28, 14, 56, 28], "label": "car"}]'
    watched = last_of(engine_of(Resized((smaller,), 9), said, family="Qwen2.5-VL"), video, VideoAsk("track", "car"))
    assert watched.medium == smaller
    assert watched.answer.events[0].xyxy == pytest.approx((64, 32, 128, 64))
    assert watched.notices == ("The memory was full, so the frames were made smaller for the model: 56 × 28 pixels.",)


def test_times_of_a_part_are_those_of_the_whole_video_in_every_family(clip: VideoFile) -> None:
    ask = VideoAsk("when", "the door opens", range_s=(6.0, 10.0))
    part = look(clip, sampling_of(INFO, "Speed", ask.range_s))
    read = last_of(engine_of("It happens in 7.0 - 8.5 seconds."), part, ask)
    counted = last_of(engine_of("It happens in 1.0 - 2.5 seconds.", family="Qwen2.5-VL"), part, ask)
    assert times(read) == times(counted) == [("the door opens", 7, 8.5)]
    assert read.notices == ()
    assert counted.notices == (
        "Times in the model's words count from 6.0 s, where the part begins; those of events do not.",
    )


def test_chapters_last_until_the_next_one(video: Video) -> None:
    watched = last_of(engine_of("00:00 Intro\n00:04 The door opens\n00:09 The end"), video, VideoAsk("chapters"))
    assert times(watched) == [("Intro", 0, 4), ("The door opens", 4, 9), ("The end", 9, video.duration_s)]
    part = VideoAsk("chapters", range_s=(0.0, 12.0))
    assert times(last_of(engine_of("00:09 The end"), video, part)) == [("The end", 9, 12)]


def test_moments_of_other_tasks_stay_moments(video: Video) -> None:
    watched = last_of(engine_of("The light goes on at 4.5 seconds."), video, VideoAsk("when", "the light goes on"))
    assert times(watched) == [("The light goes on", 4.5, 4.5)]


def test_what_lies_past_the_end_is_told(video: Video) -> None:
    watched = last_of(engine_of("It happens in 18 - 64 seconds."), video, VideoAsk("when", "it"))
    assert times(watched) == [("it", 18, video.duration_s)]
    assert watched.answer.problems == ("One event ran past the end of the video and was shortened.",)


@pytest.mark.parametrize(
    ("family", "said"),
    [
        ("Qwen3-VL", "It sits from 5.0 to 7.5 seconds. It goes from 10.0 to 11.0 seconds."),
        ("Qwen2.5-VL", "It sits from 0.5 to 1.5 seconds. It goes from 4.0 to 5.0 seconds. It waits from 1.0 to 9.0 s."),
    ],
)
def test_what_lies_outside_of_the_part_asked_about_is_told(clip: VideoFile, family: str, said: str) -> None:
    """The model saw nothing there; also where its times count from the part's start."""
    ask = VideoAsk("describe", range_s=(6.0, 10.0))
    watched = last_of(engine_of(said, family=family), look(clip, sampling_of(INFO, "Speed", ask.range_s)), ask)
    assert times(watched) == (
        [("It sits", 6, 7.5)] if family == "Qwen3-VL" else [("It sits", 6.5, 7.5), ("It waits", 7, 10)]
    )
    assert set(watched.answer.problems) == {
        "One event ran beyond the part of the video that was asked about and was shortened.",
        "One event was left out because it lies outside the part of the video that was asked about.",
    }


def test_what_came_before_a_fault_was_given(video: Video) -> None:
    said = ('{"start": 1, "end": 2, "label": "a"}', *("\n",) * 5)
    answer = watch(
        engine_of(*said, delay_s=0.03, fail_with=EngineError("It broke.")),
        video,
        VideoAsk("describe"),
        threading.Event(),
    )
    seen, said_then = [], ""
    try:
        for watched in answer:
            seen.append(watched)
    except EngineError as error:
        said_then = str(error)
    assert said_then == "It broke."
    assert times(seen[-1]) == [("a", 1, 2)]


def test_what_could_not_be_read_of_the_video_is_told(video: Video) -> None:
    damaged = replace(video, notices=("2 damaged parts of the video were left out.",))
    watched = last_of(engine_of("Nothing.", Chunk(" ", finish_reason="repetition")), damaged, VideoAsk("describe"))
    assert watched.notices == (
        "2 damaged parts of the video were left out.",
        "The answer repeated itself without end and was stopped.",
    )


# --- conversations ----------------------------------------------------------------------------------------------------


def test_a_conversation_shows_the_same_frames_once(clip: VideoFile, video: Video) -> None:
    engine = engine_of("At 4.0 seconds.")
    first = last_of(engine, video, VideoAsk("when", "the door opens"))
    second = last_of(engine, video, VideoAsk("free", "And then?"), first.messages)
    assert [message.role for message in second.asked] == ["user", "assistant", "user"]
    assert [len(message.media) for message in second.asked] == [1, 0, 0]
    assert second.asked[1].text == "At 4.0 seconds."
    part = look(clip, sampling_of(INFO, "Speed", (6.0, 10.0)))
    third = last_of(engine, part, VideoAsk("free", "And here?", range_s=(6.0, 10.0)), second.messages)
    assert [len(message.media) for message in third.asked] == [1, 0, 0, 0, 1]
    assert number_of_first(third.asked[-1]) == 60
    assert third.medium == prompt_of(engine, part, VideoAsk("free", "And here?")).media[0]


def number_of_first(message: Message) -> int:
    (video,) = message.media
    assert isinstance(video, Video)
    return number_of(np.asarray(pixels(video.frames[0])))


# --- what the pocket model has learned --------------------------------------------------------------------------------


@pytest.mark.parametrize("task", VIDEO_TASKS)
def test_what_the_pocket_model_has_not_learned_is_said(
    monkeypatch: pytest.MonkeyPatch, video: Video, task: VideoTask
) -> None:
    monkeypatch.setattr(watching, "POCKET_LEARNED", frozenset({"when"}))
    watched = last_of(engine_of(*("lost ",) * 300, is_pocket=True), video, VideoAsk(task, "it"))
    assert bool(not_learned(POCKET, task)) == (task != "when")
    assert not_learned(INFO, task) == ""
    if task != "when":
        assert watched.notices[0].startswith("The pocket model has not learned to ")
        assert watched.snapshot.last.finish_reason == "length", "gibberish need not be waited for"
    else:
        assert watched.notices == ()
        assert watched.snapshot.last.finish_reason == "stop"
