"""Cuts and drawn-on videos: every picture proves its number and its time, the sound is there, what runs is stopped."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from model.decoding import Rgb
from model.errors import MediaError, RequestError
from model.rewriting import cut, from_pictures, paint, preview
from model.video import VideoFile, open_video
from tests.model.clips import TONE_HZ, number_of, numbered, steady, write_clip

FPS = 20.0


def pictures(path: Path) -> list[tuple[float, int]]:
    """(second, number) of every picture of a file."""
    with av.open(str(path)) as container:
        frames: list[Any] = list(container.decode(video=0))
        return [(float(frame.time), number_of(frame.to_ndarray(format="rgb24"))) for frame in frames]


def sound(path: Path) -> tuple[float, float]:
    """(seconds, hertz) of the sound of a file."""
    with av.open(str(path)) as container:
        frames: list[Any] = list(container.decode(audio=0))
        wave = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        rate = frames[0].sample_rate
    loudest = np.abs(np.fft.rfft(wave)).argmax()
    return len(wave) / rate, float(loudest * rate / len(wave))


def part_of(video: VideoFile, start_s: float, end_s: float) -> tuple[Path, bool]:
    to = video.path.with_name("cut.mp4")
    return to, cut(video, (start_s, end_s), to, threading.Event())


@pytest.mark.parametrize(
    ("name", "codec", "options", "sound_codec"),
    [
        pytest.param("clip.mp4", "libx264", {}, "aac", id="h264"),
        pytest.param("clip.mp4", "libx264", {"bf": "3"}, "aac", id="pictures that need later ones"),
        pytest.param("clip.webm", "libvpx-vp9", {}, "libopus", id="vp9"),
        pytest.param("clip.mkv", "libx264", {}, "pcm_s16le", id="sound that MP4 does not hold"),
    ],
)
@pytest.mark.parametrize(
    ("start_s", "end_s", "is_same"),
    [
        pytest.param(1.0, 2.0, True, id="between keyframes"),
        pytest.param(1.02, 2.0, True, id="while a keyframe is shown"),
        pytest.param(1.32, 2.71, False, id="anywhere"),
    ],
)
def test_a_part_has_the_pictures_and_the_sound_of_its_time(
    tmp_path: Path,
    name: str,
    codec: str,
    options: dict[str, str],
    sound_codec: str,
    start_s: float,
    end_s: float,
    is_same: bool,
) -> None:
    made: dict[str, Any] = {"codec": codec, "keyframe_every": 20, "sound": sound_codec, "options": options}
    path, was_same = part_of(open_video(write_clip(tmp_path / name, steady(60, FPS), **made)), start_s, end_s)
    assert was_same is is_same
    found = pictures(path)
    first = int(start_s * FPS)
    assert [number for _, number in found] == list(range(first, round(end_s * FPS + 0.5 - 1e-6)))
    # A picture that was there before the start begins the part.
    zero_s = first / FPS if is_same else start_s
    due_s = [max(0.0, number / FPS - zero_s) for _, number in found]
    assert [at_s for at_s, _ in found] == pytest.approx(due_s, abs=0.002)
    length_s, hertz = sound(path)
    assert length_s == pytest.approx(end_s - zero_s, abs=0.06)
    assert hertz == pytest.approx(TONE_HZ, abs=5)


@pytest.mark.parametrize("codec", ["mpeg4", "gif"])
def test_what_cannot_be_copied_is_encoded_anew(tmp_path: Path, codec: str) -> None:
    name = {"mpeg4": "clip.avi", "gif": "clip.gif"}[codec]
    path, was_same = part_of(open_video(write_clip(tmp_path / name, steady(30, 10.0), codec=codec)), 1.0, 2.0)
    assert not was_same
    assert [number for _, number in pictures(path)] == list(range(10, 20))
    assert open_video(path).facts.codec == "h264"


def test_a_picture_before_the_end_that_needs_one_after_it_is_encoded_anew(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", steady(60, FPS), codec="libx265", keyframe_every=20)
    path, was_same = part_of(open_video(clip), 1.0, 2.0)
    assert not was_same
    assert [number for _, number in pictures(path)] == list(range(20, 40))


def test_pictures_of_uneven_length_keep_their_times(tmp_path: Path) -> None:
    times_s = [0.0, 0.1, 1.0, 1.05, 2.5, 2.6, 6.0]
    video = open_video(write_clip(tmp_path / "clip.mp4", times_s))
    path, _ = part_of(video, 1.02, 5.0)
    found = pictures(path)
    # The last one stays on the screen until the end.
    assert [number for _, number in found] == [2, 3, 4, 5, 5]
    assert [at_s for at_s, _ in found][:4] == pytest.approx([0, 0.03, 1.48, 1.58], abs=0.002)
    assert found[4][0] + 1 / video.facts.fps == pytest.approx(5.0 - 1.02, abs=0.002)


@pytest.mark.parametrize("range_s", [(1.0, 2.0), (1.3, 2.3)])
def test_a_part_of_a_turned_video_is_as_upright(tmp_path: Path, range_s: tuple[float, float]) -> None:
    video = open_video(write_clip(tmp_path / "clip.mp4", steady(60, FPS), keyframe_every=20, rotation=90))
    assert video.size_wh == (64, 128)
    path, _ = part_of(video, *range_s)
    assert open_video(path).size_wh == (64, 128)


@dataclass(frozen=True)
class Stamp:
    """Turns the lower half of each picture into its time: a tenth of a second is a step of grey."""

    wait_s: float = 0.0

    def __call__(self, scene: Rgb, at_s: float) -> None:
        time.sleep(self.wait_s)
        scene[scene.shape[0] // 2 :] = round(at_s * 10) * 4


def test_every_picture_is_drawn_on_at_its_time(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "clip.mp4", steady(30, 10.0), sound="aac"))
    to = tmp_path / "drawn.mp4"
    paint(video, Stamp(), to, threading.Event())
    with av.open(str(to)) as container:
        frames: list[Any] = list(container.decode(video=0))
        scenes = [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in frames]
    assert [number_of(scene) for _, scene in scenes] == list(range(30))
    for at_s, scene in scenes:
        assert scene[-8, 8].mean() == pytest.approx(round(at_s * 10) * 4, abs=4)
    assert sound(to)[1] == pytest.approx(TONE_HZ, abs=5)


def test_a_preview_is_small_and_tells_how_far_it_is(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", steady(60, FPS), codec="mpeg4", size_wh=(1600, 900))
    told: list[float] = []
    to = tmp_path / "preview.mp4"
    preview(open_video(clip), to, threading.Event(), told.append)
    made = open_video(to)
    assert (made.facts.codec, made.media_type, made.size_wh) == ("h264", "video/mp4", (1280, 720))
    assert [number for _, number in pictures(to)] == list(range(60))
    assert told == sorted(told)
    assert told
    assert 0 <= told[0] <= told[-1] <= 1
    assert {path.name for path in tmp_path.iterdir()} == {"clip.avi", "preview.mp4"}


def test_numbered_pictures_become_a_video_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(12):
        Pillow.fromarray(numbered(number)).save(tmp_path / f"Frame {number}.png")
    (tmp_path / "Frame 3.png").write_bytes(b"no picture")
    Pillow.fromarray(numbered(99, (64, 64))).save(tmp_path / "Frame 100.png")
    chosen = sorted(tmp_path.glob("*.png"))
    assert chosen[2].name == "Frame 10.png"
    video = from_pictures(chosen, 2.0, tmp_path / "made.mp4", threading.Event(), "Frames")
    assert (video.name, video.size_wh, video.duration_s) == ("Frames", (128, 64), 6.0)
    assert video.notices == (
        "1 picture was left out, for it cannot be read.",
        "1 picture has another shape than the first, and a margin now.",
    )
    times_s, shown = zip(*pictures(video.path), strict=True)
    assert times_s == pytest.approx([index / 2 for index in range(12)])
    assert list(shown[:-1]) == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]


def test_one_picture_is_no_video(tmp_path: Path) -> None:
    Pillow.fromarray(numbered(1)).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match="two pictures or more"):
        from_pictures(sorted(tmp_path.glob("*.png")), 2.0, tmp_path / "made.mp4", threading.Event())


def test_writing_is_stopped_at_once_and_the_next_one_works(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "clip.mp4", steady(60, FPS)))
    cancel = threading.Event()
    timer = threading.Timer(1.0, cancel.set)
    timer.start()
    began_s = time.monotonic()
    with pytest.raises(RequestError, match="Stopped"):
        paint(video, Stamp(wait_s=10), tmp_path / "drawn.mp4", cancel)
    assert time.monotonic() - began_s < 30
    assert part_of(video, 0.0, 1.0)[0].stat().st_size > 0


def test_damaged_parts_are_left_out_and_too_damaged_a_video_is_a_sentence(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "clip.mp4", steady(60, FPS), keyframe_every=10))
    data = bytearray(video.path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    video.path.write_bytes(data)
    path, _ = part_of(video, 0.32, 2.9)
    found = [number for _, number in pictures(path)]
    assert (found[:4], found[-4:]) == ([6, 7, 8, 9], [54, 55, 56, 57])
    video.path.write_bytes(data[:200])
    with pytest.raises(MediaError, match="damaged"):
        part_of(video, 0.0, 1.0)
