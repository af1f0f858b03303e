"""Files that lie about themselves: a plain sentence or what can be read of them, nothing from elsewhere, and the next
video works."""

from __future__ import annotations

import math
import random
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from model.errors import MediaError
from model.video import Frames, Sampling, VideoFile, frames_at, open_video, sample_times
from tests.model.clips import SIZE_WH, number_of, numbered, steady, write_clip

Change = Callable[[bytearray], None]


def after(data: bytearray, name: bytes, offset: int, value: int, size: int = 4) -> None:
    """Write a big-endian number so many bytes after the name of a box."""
    place = data.index(name) + len(name) + offset
    data[place : place + size] = value.to_bytes(size, "big")


def changed(path: Path, change: Change) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the video and the frames of it that a model would see, or a sentence for a person."""

    video: VideoFile | None = None
    frames: Frames | None = None
    sentence: str = ""


MOST_S = 10.0


def outcome(path: Path) -> Outcome:
    """What becomes of a file, within `MOST_S`."""
    started_s = time.monotonic()
    try:
        return _outcome(path)
    finally:
        assert time.monotonic() - started_s < MOST_S


def _outcome(path: Path) -> Outcome:
    try:
        video = open_video(path)
        return Outcome(video, frames_at(video, sample_times(video, Sampling(max_frames=4))))
    except MediaError as error:
        return Outcome(sentence=str(error))


def is_plain(sentence: str) -> bool:
    return sentence.endswith(".") and "/" not in sentence and "127.0.0.1" not in sentence


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", steady(30, 10.0))


@pytest.fixture(autouse=True)
def the_next_video_works(tmp_path: Path) -> Iterator[None]:
    yield
    video = open_video(write_clip(tmp_path / "next.mp4", steady(10, 10.0)))
    assert [number_of(picture) for picture in frames_at(video, (0.0, 0.5)).pictures] == [0, 5]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: after(data, b"stsz", 8, 2**31), id="2^31 sizes"),
        pytest.param(lambda data: after(data, b"stts", 8, 2**31), id="2^31 times"),
        pytest.param(lambda data: after(data, b"stts", 4, 2**31), id="2^31 entries"),
        pytest.param(lambda data: after(data, b"mdhd", 12, 0), id="no fps"),
        pytest.param(lambda data: after(data, b"mdhd", 12, 2**32 - 1), id="4 GHz clock"),
        pytest.param(lambda data: after(data, b"mvhd", 12, 0), id="no clock"),
        pytest.param(lambda data: after(data, b"stts", 12, 0), id="no time passes"),
        pytest.param(lambda data: after(data, b"tkhd", 76, 0, 8), id="no size"),
        pytest.param(lambda data: data.__delitem__(slice(len(data) // 2, None)), id="half of it"),
    ],
)
def test_a_header_that_lies_costs_a_sentence_at_most(clip: Path, change: Change) -> None:
    """What is there is read, whatever the header says of it."""
    result = outcome(changed(clip, change))
    if result.video is None or result.frames is None:
        assert is_plain(result.sentence)
        return
    assert result.video.facts.frame_count <= 31
    assert math.isfinite(result.video.duration_s)
    numbers = [number_of(picture) for picture in result.frames.pictures]
    assert numbers == sorted(numbers)
    assert set(numbers) <= set(range(30))


def test_an_avi_without_a_rate_is_no_trouble(tmp_path: Path) -> None:
    def without_rate(data: bytearray) -> None:
        scale = data.index(b"strh") + 8 + 20
        data[scale : scale + 8] = struct.pack("<II", 0, 0)

    path = changed(write_clip(tmp_path / "clip.avi", steady(30, 10.0), codec="mpeg4"), without_rate)
    result = outcome(path)
    assert is_plain(result.sentence) or (result.video and result.video.duration_s < 100)


def test_a_clock_that_stands_still_is_damage(clip: Path) -> None:
    path = changed(clip, lambda data: after(data, b"mdhd", 12, 0))
    assert "damaged or incomplete" in outcome(path).sentence


def test_pictures_that_all_come_at_once_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=30)
        stream.width, stream.height = SIZE_WH
        stream.options = {"preset": "ultrafast", "tune": "zerolatency"}
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(numbered(index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 1000)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = 0
                output.mux(packet)
    with pytest.raises(MediaError, match="damaged or incomplete"):
        open_video(path)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[object]]]:
    """An address of this machine, and who has called there."""
    calls: list[object] = []

    class Taken(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            calls.append(self.request.recv(1000))

    with socketserver.TCPServer(("127.0.0.1", 0), Taken) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/a.mp4", calls
        server.shutdown()


@pytest.mark.parametrize(
    "kind",
    [
        "playlist",
        "playlist as mp4",
        "concat behind an EBML mark",
        "mkv that goes on elsewhere",
        "mov with its pictures elsewhere",
    ],
)
def test_nothing_is_fetched_from_elsewhere(
    tmp_path: Path, listener: tuple[str, list[object]], clip: Path, kind: str
) -> None:
    url, calls = listener
    path = tmp_path / "hostile.mp4"
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n".encode()
    if kind == "playlist":
        path.write_bytes(playlist)
    elif kind == "playlist as mp4":
        path.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0" + playlist)
    elif kind == "concat behind an EBML mark":
        path.write_bytes(b"\x1a\x45\xdf\xa3" + f"\nffconcat version 1.0\nfile {url}\n".encode())
    elif kind == "mkv that goes on elsewhere":
        _write_mkv_that_goes_on_at(url, path, clip)
    else:
        path.write_bytes(_with_pictures_at(url, clip.read_bytes()))
    result = outcome(path)
    assert result.video or is_plain(result.sentence)
    assert calls == []
    if kind == "mkv that goes on elsewhere":
        assert result.video is not None
        assert result.video.facts.frame_count == 30


def _write_mkv_that_goes_on_at(url: str, to: Path, clip: Path) -> None:
    """A whole Matroska file whose NextFilename, https://www.rfc-editor.org/rfc/rfc9559#name-nextfilename-element, is an
    address: it is written over a title, which is as long."""
    title = "x" * 60
    with av.open(str(clip)) as source, av.open(str(to), "w", format="matroska") as target:
        target.metadata["title"] = title
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = out
                target.mux(packet)
    data = to.read_bytes()
    place = data.index(title.encode()) - 3
    assert data[place : place + 3] == b"\x7b\xa9" + bytes([0x80 | len(title)])
    link = b"\x3e\x83\xbb" + bytes([0x80 | (len(title) - 1)]) + url.encode().ljust(len(title) - 1, b"\0")
    to.write_bytes(data[:place] + link + data[place + len(link) :])


def _with_pictures_at(url: str, data: bytes) -> bytes:
    """A copy of an MP4 whose data reference (`dref`) is an address; boxes before the pictures stay where they are."""
    entry = b"url \0\0\0\1"  # flag 1: the pictures are in this very file
    assert entry in data
    place = data.index(entry)
    longer = url.encode() + b"\0"
    changed_data = bytearray(data)
    changed_data[place : place + len(entry)] = b"url \0\0\0\0" + longer
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size = changed_data.rindex(box, 0, place) - 4
        changed_data[size : size + 4] = (int.from_bytes(changed_data[size : size + 4], "big") + len(longer)).to_bytes(
            4, "big"
        )
    own = place - 4
    changed_data[own : own + 4] = (int.from_bytes(changed_data[own : own + 4], "big") + len(longer)).to_bytes(4, "big")
    return bytes(changed_data)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.mp4", "libx264"), ("clip.webm", "libvpx-vp9"), ("clip.avi", "mpeg4"), ("clip.gif", "gif")],
)
def test_whatever_is_damaged_is_read_as_far_as_it_goes_or_gets_a_sentence(
    tmp_path: Path, name: str, codec: str
) -> None:
    whole = write_clip(tmp_path / name, steady(20, 10.0), codec=codec).read_bytes()
    draw = random.Random(name)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(draw.choice((1, 4, 40))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        if draw.random() < 0.3:
            del data[draw.randrange(len(data)) :]
        path = tmp_path / f"damaged-{name}"
        path.write_bytes(data)
        result = outcome(path)
        if result.frames is None:
            assert is_plain(result.sentence)
        else:
            assert len(result.frames.pictures) >= 2
            assert all(math.isfinite(time_s) for time_s in result.frames.times_s)
