"""Videos: true times and true frames in every format, and one sentence for what cannot be read."""

from __future__ import annotations

import math
import os
import re
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from model import decoding, video
from model.errors import MediaError, MediaTooLarge, RequestError
from model.video import Sampling, VideoLimits, frames_at, is_video, open_video, sample_times
from tests.model.clips import SIZE_WH, number_of, numbered, sound_only, steady, write_clip, written
from tests.model.pictures import drawn, encoded

FORMATS = (
    ("libx264", "mp4"),
    ("libx265", "mp4"),
    ("libvpx-vp9", "webm"),
    ("libsvtav1", "mkv"),
    ("mpeg4", "mov"),
    ("mpeg4", "avi"),
    ("gif", "gif"),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", steady(300, 30))


@pytest.mark.parametrize(("codec", "extension"), FORMATS)
def test_every_format_gives_the_frames_that_are_on_the_screen(tmp_path: Path, codec: str, extension: str) -> None:
    opened = open_video(write_clip(tmp_path / f"clip.{extension}", steady(90, 10), codec=codec))
    assert opened.size_wh == SIZE_WH
    assert opened.facts.fps == pytest.approx(10)
    assert opened.duration_s == pytest.approx(9.0, abs=0.11)
    assert not opened.facts.is_variable
    frames = frames_at(opened, (0.0, 0.55, 3.0, 8.85))
    assert [number_of(picture) for picture in frames.pictures] == [0, 5, 30, 88]
    assert frames.times_s == pytest.approx((0.0, 0.5, 3.0, 8.8))
    assert frames.notices == ()


def test_times_of_a_variable_rate_are_those_of_the_frames(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 1.7, 1.75, 4.0, 4.5, 9.25, 9.5]
    opened = open_video(write_clip(tmp_path / "clip.mp4", times))
    assert opened.facts.is_variable
    frames = frames_at(opened, (0.15, 1.6, 1.72, 5.0, 9.4))
    assert frames.times_s == pytest.approx((0.1, 0.2, 1.7, 4.5, 9.25), abs=2e-3)
    assert [number_of(picture) for picture in frames.pictures] == [1, 2, 3, 6, 7]


@pytest.mark.parametrize("keyframe_every", [5, 30, 250])
@pytest.mark.parametrize("count", [2, 9, 40, 150])
def test_jumping_and_reading_on_find_the_same_frames(tmp_path: Path, keyframe_every: int, count: int) -> None:
    opened = open_video(write_clip(tmp_path / "clip.mp4", steady(300, 30), keyframe_every=keyframe_every))
    wanted = sorted(np.random.default_rng(count).choice(300, size=count, replace=False).tolist())
    frames = frames_at(opened, [number / 30 + 0.004 for number in wanted])
    assert [number_of(picture) for picture in frames.pictures] == wanted


def test_a_video_that_does_not_start_at_zero_is_counted_from_its_first_picture(tmp_path: Path) -> None:
    opened = open_video(write_clip(tmp_path / "clip.mkv", [7.0 + at for at in steady(60, 10)]))
    assert opened.duration_s == pytest.approx(6.0, abs=0.11)
    frames = frames_at(opened, (0.0, 2.5))
    assert frames.times_s == pytest.approx((0.0, 2.5), abs=2e-3)
    assert [number_of(picture) for picture in frames.pictures] == [0, 25]


@pytest.mark.parametrize(("turn", "first"), [(90, 1), (180, 2), (270, 3)])
def test_pictures_are_turned_upright(tmp_path: Path, turn: int, first: int) -> None:
    path = write_clip(tmp_path / "clip.mp4", steady(20, 10))
    _turn_track(path, turn)
    opened = open_video(path)
    assert opened.size_wh == (SIZE_WH if turn == 180 else SIZE_WH[::-1])
    picture = frames_at(opened, (0.5,)).pictures[0]
    assert number_of(np.rot90(picture, first)) == 5


def _turn_track(path: Path, degrees: int) -> None:
    """Write a turn (clockwise) into the matrix of the track header: ISO/IEC 14496-12, 8.3.2."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = matrix
    path.write_bytes(data)


def test_moments_are_even_in_number_and_evenly_spaced(clip: Path) -> None:
    opened = open_video(clip)
    assert sample_times(opened, Sampling(fps=2)) == pytest.approx(steady(20, 2), abs=0.05)
    assert len(sample_times(opened, Sampling(fps=30, max_frames=64))) == 64
    assert len(sample_times(opened, Sampling(count=7))) == 6
    assert sample_times(opened, Sampling(count=2)) == pytest.approx((0.0, 5.0), abs=0.05)
    part = sample_times(opened, Sampling(fps=4, range_s=(3.0, 5.0)))
    assert part[0] == 3.0
    assert len(part) == 8
    assert max(part) < 5.0


def test_there_are_never_fewer_than_two_frames(clip: Path) -> None:
    opened = open_video(clip)
    moments = sample_times(opened, Sampling(fps=0.01))
    assert len(moments) == 2
    still = frames_at(opened, (1.0, 1.001))
    assert still.times_s == (1.0, 1.0)
    assert [number_of(picture) for picture in still.pictures] == [30, 30]


@pytest.mark.parametrize("range_s", [(5.0, 5.0), (6.0, 2.0), (20.0, 30.0), (float("nan"), 3.0)])
def test_a_range_outside_the_video_is_refused(clip: Path, range_s: tuple[float, float]) -> None:
    with pytest.raises(MediaError, match=r"between 0 and 10\.0 seconds"):
        sample_times(open_video(clip), Sampling(range_s=range_s))


def test_frames_are_no_larger_than_allowed(clip: Path) -> None:
    picture = frames_at(open_video(clip), (1.0, 2.0), max_pixels=2048).pictures[0]
    height, width, _ = picture.shape
    assert width * height <= 2048
    assert width / height == pytest.approx(2.0, rel=0.1)
    assert number_of(picture) == 30


def test_damage_in_the_middle_costs_a_notice_and_no_more(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", steady(300, 30), keyframe_every=30, size_wh=(256, 128))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[start : start + 400] = b"\xff" * 400
    path.write_bytes(data)
    opened = open_video(path)
    frames = frames_at(opened, steady(100, 10))
    numbers = [number_of(picture) for picture in frames.pictures]
    assert numbers[:20] == [3 * index for index in range(20)]
    assert numbers[-20:] == [3 * index for index in range(80, 100)]
    (notice,) = frames.notices
    assert re.fullmatch(r"(One|\d+) damaged parts? of the video (was|were) left out\.", notice)


def test_a_video_that_ends_too_early_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", steady(300, 30), size_wh=(256, 128))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    opened = open_video(path)
    assert 1.0 < opened.duration_s < 9.0
    assert number_of(frames_at(opened, (0.5, 0.9)).pictures[0]) == 15


def _film(path: Path) -> Path:
    codec = {".webm": "libvpx-vp9", ".gif": "gif"}.get(path.suffix, "libx264")
    return write_clip(path, steady(300, 30) if codec != "gif" else steady(100, 10), codec=codec, size_wh=(256, 128))


def _remuxed(path: Path, last_s: float = 0.0, **options: str) -> Path:
    """The same packets in an MP4 written with these options, the last one shown for `last_s`."""
    to = path.with_stem(f"{path.stem}-remuxed")
    with av.open(str(path)) as source, av.open(str(to), "w", options=options) as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.dts is not None]
        if last_s:
            packets[-1].duration = round(last_s / packets[-1].time_base)
        for packet in packets:
            packet.stream = out
            target.mux(packet)
    return to


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm"])
def test_where_a_video_breaks_off_is_said(tmp_path: Path, name: str) -> None:
    path = _film(tmp_path / name)
    path = _remuxed(path, movflags="faststart") if name == "clip.mp4" else path
    assert open_video(path).notices == ()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    opened = open_video(path)
    assert 3.0 < opened.duration_s < 7.0
    assert opened.notices == (f"The video breaks off at {opened.duration_s:.1f} s of 10.0 s: the rest cannot be read.",)


@pytest.mark.parametrize(("name", "share"), [("clip.gif", 0.6), ("clip.avi", 0.3)])  # the last half of an AVI is index
def test_that_a_video_breaks_off_is_said_where_its_length_is_not(tmp_path: Path, name: str, share: float) -> None:
    path = _film(tmp_path / name)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 16)
    assert open_video(path).notices == ()
    path.write_bytes(whole[: round(len(whole) * share)])
    opened = open_video(path)
    assert 3.0 < opened.duration_s < 8.0
    (notice,) = opened.notices
    assert re.fullmatch(
        rf"The video breaks off at {opened.duration_s:.1f} s( of 10.0 s)?: the rest cannot be read\.", notice
    )


def _with_a_hole(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = b"\xff" * 3000
    path.write_bytes(data)
    return path


def test_a_part_that_is_missing_is_said(tmp_path: Path) -> None:
    opened = open_video(_with_a_hole(_film(tmp_path / "clip.mkv")))
    assert opened.duration_s == pytest.approx(10.0, abs=0.1)
    assert not opened.facts.is_variable
    (notice,) = opened.notices
    said = re.fullmatch(r"A part of the video from ([\d.]+) to ([\d.]+) s cannot be read\.", notice)
    assert said is not None
    assert 3.0 < float(said[1]) < float(said[2]) < 10.0


def test_a_damaged_webm_is_said_to_break_off(tmp_path: Path) -> None:
    (notice,) = open_video(_with_a_hole(_film(tmp_path / "clip.webm"))).notices
    assert re.fullmatch(r"(The video breaks off at|A part of the video from) .* cannot be read\.", notice)


def test_times_behind_a_damaged_part_of_a_gif_are_said_to_be_early(tmp_path: Path) -> None:
    opened = open_video(_with_a_hole(_film(tmp_path / "clip.gif")))
    (notice,) = opened.notices
    said = re.search(r"at ([\d.]+) s cannot be read: about ([\d.]+) s are missing, and later times", notice)
    assert said is not None
    assert float(said[1]) == pytest.approx(5.0, abs=1.0)
    assert float(said[2]) == pytest.approx(10.0 - opened.duration_s, abs=0.11)


def test_a_claim_that_nothing_supports_is_not_repeated(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", steady(60, 10))
    data = bytearray(path.read_bytes())
    place = data.index(b"\x44\x89\x88") + 3  # Duration, https://www.rfc-editor.org/rfc/rfc9559#name-duration-element
    for claimed_ms in (2.0**31, math.nan, math.inf):
        data[place : place + 8] = struct.pack(">d", claimed_ms)
        path.write_bytes(data)
        opened = open_video(path)
        assert opened.duration_s == pytest.approx(6.0, abs=0.11)
        assert opened.notices == ()


def test_sound_that_goes_on_longer_is_no_damage(tmp_path: Path) -> None:
    times = [*steady(20, 10), 8.0]
    path = write_clip(tmp_path / "clip.mkv", times, sound="aac")
    with av.open(str(path)) as source, av.open(str(tmp_path / "longer.mkv"), "w") as target:
        outs = {each.index: target.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            is_late = packet.stream.type == "video" and packet.pts is not None and packet.pts * packet.time_base > 4
            if packet.dts is not None and not is_late:
                packet.stream = outs[packet.stream.index]
                target.mux(packet)
    opened = open_video(tmp_path / "longer.mkv")
    assert opened.duration_s < 3
    assert opened.notices == ()


def test_packets_go_on_behind_damage_but_not_for_ever() -> None:
    class Container:
        def __init__(self, failures: int) -> None:
            self.failures = failures

        def demux(self, stream: object) -> Iterator[object]:
            yield "before"
            if self.failures:
                self.failures -= 1
                raise av.error.InvalidDataError(0, "damaged")

    damaged: list[None] = []
    assert list(decoding.packets_of(Container(2), "video", lambda: damaged.append(None))) == ["before"] * 3
    assert len(damaged) == 2
    assert len(list(decoding.packets_of(Container(10**9), "video"))) < 10_000


def test_the_last_picture_stays_as_long_as_the_file_says(tmp_path: Path) -> None:
    path = _remuxed(write_clip(tmp_path / "clip.mp4", steady(30, 10)), last_s=7.1)
    assert open_video(path).duration_s == pytest.approx(10.0, abs=0.01)
    pictures = [Pillow.new("RGB", (64, 64), (60 * shade, 0, 0)) for shade in range(4)]
    delays_ms = [100, 100, 100, 8000]
    pictures[0].save(tmp_path / "clip.gif", save_all=True, append_images=pictures[1:], duration=delays_ms)
    assert open_video(tmp_path / "clip.gif").duration_s == pytest.approx(8.3)
    endless = _remuxed(path, last_s=100_000.0)
    assert open_video(endless).duration_s == pytest.approx(3.0, abs=0.11)


def test_a_lively_part_of_a_still_video_gets_its_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [0.0, 200.0, 400.0, *(590 + at for at in steady(300, 30))])
    opened = open_video(path)
    assert opened.facts.is_variable
    moments = sample_times(opened, Sampling(fps=4, range_s=(590.0, 600.0)))
    assert len(frames_at(opened, moments).times_s) == len(moments) == 40


def test_ten_hours_at_one_picture_a_second(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", range(36_000), codec="mpeg4", keyframe_every=300, size_wh=(32, 16))
    opened = open_video(path)
    assert opened.duration_s == pytest.approx(36_000, rel=0.01)
    moments = sample_times(opened, Sampling())
    assert len(moments) == 64
    frames = frames_at(opened, moments)
    assert len(frames.pictures) == 64
    assert frames.times_s == pytest.approx(moments, abs=1.1)


def test_a_header_that_claims_too_many_frames_is_not_believed(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", steady(60, 10), codec="mpeg4")
    data = bytearray(path.read_bytes())
    total = data.index(b"avih") + 8 + 16
    data[total : total + 4] = struct.pack("<I", 2**31 - 1)
    length = data.index(b"strh") + 8 + 32
    data[length : length + 4] = struct.pack("<I", 2**31 - 1)
    path.write_bytes(data)
    opened = open_video(path)
    assert opened.facts.frame_count == 60
    assert opened.duration_s == pytest.approx(6.0, abs=0.11)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"What is this?" * 20, "not a video"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n", "not a video"),
        ("list.mp4", b"ffconcat version 1.0\nfile http://127.0.0.1:9/a.mp4\n", "not a video"),
        ("head.mp4", b"\0\0\0\x18ftypmp42" + bytes(500), "damaged|cannot be read|no pictures"),
        ("head.mkv", b"\x1a\x45\xdf\xa3" + bytes(500), "damaged|cannot be read|no pictures"),
        ("head.gif", b"GIF89a" + bytes(500), "damaged|cannot be|one picture|no pictures"),
    ],
)
def test_what_is_no_video_gets_a_plain_sentence(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    with pytest.raises(MediaError, match=sentence):
        open_video(written(tmp_path / name, data))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "HEIF", "AVIF"])
def test_a_picture_is_no_video_whatever_boxes_it_comes_in(tmp_path: Path, kind: str) -> None:
    assert not is_video(written(tmp_path / "picture", encoded(drawn(), kind)))


@pytest.mark.parametrize(("codec", "extension"), FORMATS)
def test_a_video_is_known_by_its_content(tmp_path: Path, codec: str, extension: str) -> None:
    clip = write_clip(tmp_path / f"clip.{extension}", steady(6, 10), codec=codec)
    assert is_video(clip.rename(tmp_path / "picture.png"))


def test_sound_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="sound, but no pictures"):
        open_video(sound_only(tmp_path / "sound.mp4"))


def test_a_single_picture_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="only one picture"):
        open_video(write_clip(tmp_path / "clip.mp4", [0.0]))


def test_large_files_and_frames_are_refused(clip: Path) -> None:
    with pytest.raises(MediaTooLarge):
        open_video(clip, limits=VideoLimits(max_bytes=100))
    with pytest.raises(MediaTooLarge, match="128 x 64"):
        open_video(clip, limits=VideoLimits(max_frame_pixels=100))


def test_a_decoder_that_hangs_is_killed_and_the_next_video_works(clip: Path) -> None:
    started = time.monotonic()
    with pytest.raises(MediaError, match="takes too long"):
        video._in_worker(time.sleep, 120, limit_s=0.5)
    assert time.monotonic() - started < 60
    assert number_of(frames_at(open_video(clip), (1.0, 2.0)).pictures[0]) == 30


def test_a_decoder_that_dies_is_replaced(clip: Path) -> None:
    with pytest.raises(MediaError, match="takes too long"):
        video._in_worker(os._exit, 1, limit_s=30)
    assert number_of(frames_at(open_video(clip), (1.0, 2.0)).pictures[0]) == 30


def test_a_video_that_holds_up_the_decoder_does_not_hold_up_others(clip: Path) -> None:
    with ThreadPoolExecutor() as threads:
        cancel = threading.Event()
        held = threads.submit(video._in_worker, time.sleep, 60, limit_s=60, cancel=cancel)
        try:
            assert number_of(frames_at(open_video(clip), (1.0, 2.0)).pictures[0]) == 30
            assert not held.done()
        finally:
            cancel.set()
        assert isinstance(held.exception(timeout=60), RequestError)


def test_decord_reads_the_same_frames(clip: Path) -> None:
    pytest.importorskip("decord", reason="decord has no wheels for this machine")
    facts = open_video(clip).facts
    decoded = decoding._frames_by_decord(str(clip), (0.0, 1.01, 5.0), SIZE_WH, facts)
    assert [number_of(picture) for picture in decoded.pictures] == [0, 30, 150]
    assert decoded.times_s == pytest.approx((0.0, 1.0, 5.0), abs=2e-3)


def test_the_pictures_of_the_tests_say_their_number() -> None:
    assert [number_of(numbered(number)) for number in (0, 1, 255, 256, 40_000)] == [0, 1, 255, 256, 40_000]
