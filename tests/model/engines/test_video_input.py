"""Videos on their way into every family: true times in the prompt, sizes and tokens as they are counted."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from model.catalog import FAMILIES
from model.types import Chunk, GenerationOptions, Message, Prompt, Text, Video
from model.video import Sampling, for_model, frames_at, open_video, sample_times
from tests.model.clips import steady, write_clip
from tests.model.conftest import TinyEngine
from tests.model.pictures import image
from tests.model.tiny_models import MODEL_TYPES

WRITES_SECONDS = tuple(model_type for model_type in MODEL_TYPES if model_type.startswith("qwen3"))
UNEVEN_S = (0.0, 0.4, 1.1, 1.2, 2.9, 3.0, 3.6, 5.2, 5.3, 6.0)


def video_at(path: Path, times_s: Sequence[float] | Sampling) -> Video:
    opened = open_video(path)
    moments = sample_times(opened, times_s) if isinstance(times_s, Sampling) else times_s
    return for_model(opened, frames_at(opened, moments))


def asked(*parts: Any) -> list[Message]:
    return [Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))]


def inputs_of(prompt: Prompt) -> Any:
    payload: Any = prompt.payload
    return payload.inputs


def words_of(prompt: Prompt) -> str:
    """The prompt's text: bytes are tokens here, so that everything below 256 is a letter."""
    return "".join(chr(token) if token < 256 else "|" for token in inputs_of(prompt)["input_ids"][0].tolist())


@pytest.mark.parametrize("model_type", WRITES_SECONDS)
def test_seconds_in_the_prompt_are_those_of_the_frames(
    tiny_engine: TinyEngine, tmp_path: Path, model_type: str
) -> None:
    """Each written time is the mean of the two frames that become one."""
    video = video_at(write_clip(tmp_path / "clip.mp4", UNEVEN_S), UNEVEN_S)
    assert video.times_s == pytest.approx(UNEVEN_S, abs=2e-3)
    prompt = tiny_engine(model_type).prepare(asked(video, "When?"))
    written = [float(number) for number in re.findall(r"<(\d+\.\d) seconds>", words_of(prompt))]
    pairs = zip(video.times_s[::2], video.times_s[1::2], strict=True)
    assert written == pytest.approx([(first + second) / 2 for first, second in pairs], abs=0.051)


def test_a_part_of_a_video_keeps_its_times(tiny_engine: TinyEngine, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", steady(300, 30))
    prompt = tiny_engine("qwen3_vl").prepare(asked(video_at(path, Sampling(fps=2, range_s=(6.0, 8.0))), "What now?"))
    assert re.findall(r"<(\d+\.\d) seconds>", words_of(prompt)) == ["6.2", "7.2"]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_which_families_can_tell_where_a_part_begins(tiny_engine: TinyEngine, tmp_path: Path, model_type: str) -> None:
    """A family that is not told the times gets the same prompt for every part of a video."""
    engine = tiny_engine(model_type)
    path = write_clip(tmp_path / "clip.mp4", steady(300, 30))
    first, later = (
        inputs_of(engine.prepare(asked(video_at(path, Sampling(fps=2, range_s=range_s)), "When?")))
        for range_s in ((0.0, 2.0), (6.0, 8.0))
    )
    is_same = first["input_ids"].tolist() == later["input_ids"].tolist()
    assert is_same == (not FAMILIES[engine.info.family].reads_times)
    if "second_per_grid_ts" in first:
        assert [float(second) for second in first["second_per_grid_ts"]] == pytest.approx(later["second_per_grid_ts"])


def test_seconds_a_grid_are_those_between_the_frames(tiny_engine: TinyEngine, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", steady(300, 30))
    for fps in (1, 2, 5):
        video = video_at(path, Sampling(fps=fps))
        seconds = inputs_of(tiny_engine("qwen2_5_vl").prepare(asked(video, "When?")))["second_per_grid_ts"]
        assert [float(second) for second in seconds] == pytest.approx([2 / fps], rel=0.03)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_every_family_answers_about_videos_and_pictures(
    tiny_engine: TinyEngine, tmp_path: Path, model_type: str
) -> None:
    engine = tiny_engine(model_type)
    video = video_at(write_clip(tmp_path / "clip.mp4", steady(90, 10)), Sampling(fps=1))
    factor = 28 if model_type.startswith("qwen2") else 32
    picture = image((4 * factor, 2 * factor))
    prompt = engine.prepare(asked(picture, video, picture, "Which picture is in the video?"))
    first, clip, last = prompt.media
    assert first == last
    assert first.source_size_wh == picture.size_wh
    assert first.tokens == 8
    assert clip.source_size_wh == video.size_wh == (128, 64)
    assert clip.input_size_wh[0] % factor == clip.input_size_wh[1] % factor == 0
    assert clip.tokens == 4 * (clip.input_size_wh[0] // factor) * (clip.input_size_wh[1] // factor)
    options = GenerationOptions(max_new_tokens=4, greedy=True)
    chunks = [event for event in engine.stream(prompt, options, threading.Event()) if isinstance(event, Chunk)]
    assert chunks[-1].generated_tokens >= 1
    assert chunks[-1].prompt_tokens == prompt.tokens


def test_many_frames_take_at_most_half_of_the_context(tiny_engine: TinyEngine, tmp_path: Path) -> None:
    engine = tiny_engine("qwen3_vl")
    path = write_clip(tmp_path / "clip.mp4", steady(64, 10), size_wh=(640, 320))
    few, many = (engine.prepare(asked(video_at(path, Sampling(count=count)), "When?")).media[0] for count in (2, 64))
    assert many.tokens <= engine.info.context_tokens // 2
    assert many.input_size_wh[0] < few.input_size_wh[0]
    assert many.input_size_wh[0] / many.input_size_wh[1] == pytest.approx(2.0, rel=0.5)


def test_a_video_alone_is_a_message(tiny_engine: TinyEngine, tmp_path: Path) -> None:
    video = video_at(write_clip(tmp_path / "clip.mp4", steady(20, 10)), Sampling())
    assert tiny_engine("qwen3_vl").prepare(asked(video)).media[0].tokens > 0


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_later_turn_may_show_another_part(tiny_engine: TinyEngine, tmp_path: Path, model_type: str) -> None:
    engine = tiny_engine(model_type)
    path = write_clip(tmp_path / "clip.mp4", steady(120, 10))
    whole, part = video_at(path, Sampling(fps=0.5)), video_at(path, Sampling(fps=1, range_s=(6.0, 10.0)))
    turns = [*asked(whole, "When?"), Message("assistant", (Text("At 7.0 seconds."),)), *asked(part, "And here?")]
    prompt = engine.prepare(turns)
    first, second = prompt.media
    alone = [engine.prepare(asked(video, "?")).media[0] for video in (whole, part)]
    assert [first, second] == alone
    if model_type in WRITES_SECONDS:
        assert re.findall(r"<(\d+\.\d) seconds>", words_of(prompt)) == ["1.0", "5.0", "9.0", "6.5", "8.5"]
    options = GenerationOptions(max_new_tokens=2, greedy=True)
    chunks = [event for event in engine.stream(prompt, options, threading.Event()) if isinstance(event, Chunk)]
    assert chunks[-1].finish_reason in ("length", "stop")
