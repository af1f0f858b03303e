"""What runs in the process that decodes videos: containers, codecs and clocks.

Knows FFmpeg through PyAV, and decord for what PyAV cannot read. Is told which demuxer to use, so that a playlist that
calls itself a film opens nothing; no demuxer may open anything but the file itself. Does not know why a frame is
wanted. Times are seconds from the first picture of the video, from the pictures' own time stamps.
"""

from __future__ import annotations

import bisect
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

# Starting the decoder anew costs about as much as decoding this many frames (`benchmarks.video_decode`).
SEEK_FRAMES = 20
# A picture that is due within this time of the moment asked for is the one that is on the screen then.
EPSILON_S = 2e-3
_SCAN_S = 1.5


class NotReadable(Exception):
    """The reason, a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of its pictures; `size_wh` is upright, `is_complete` tells whether all packets were looked at.

    `fps` is the mean, `keyframe_gap_s` the mean time between pictures that can be decoded alone.
    """

    codec: str
    size_wh: tuple[int, int]
    rotation: int
    duration_s: float
    fps: float
    frame_count: int
    is_variable: bool
    keyframe_gap_s: float
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pictures (height, width, 3) with their own times, and how many packets could not be decoded."""

    times_s: tuple[float, ...]
    pictures: tuple[Rgb, ...]
    damaged: int


def probe(path: str, demuxer: str) -> Facts:
    """Look at a file. Raises `NotReadable`."""
    with opened(path, demuxer) as container:
        stream = picture_stream(container)
        first = _first_frame(container, stream)
        # PyAV's objects must not be touched when their container is closed.
        codec, size_wh, rotation = str(stream.codec.canonical_name), _upright_wh(first, stream), _rotation(first)
    stamps, keys, is_complete = _scan(path, demuxer)
    if len(stamps) < 2:
        raise NotReadable("This video has only one picture. Save it as a picture and ask about that.")
    steps = np.diff(stamps)
    step_s = float(np.median(steps))
    duration_s = stamps[-1] - stamps[0] + step_s
    if not is_complete:
        duration_s = max(duration_s, _claimed_duration_s(path, demuxer))
    return Facts(
        codec=codec,
        size_wh=size_wh,
        rotation=rotation,
        duration_s=duration_s,
        fps=(len(stamps) - 1) / (stamps[-1] - stamps[0]),
        frame_count=len(stamps),
        is_variable=bool((np.abs(steps - step_s) > 0.25 * step_s + 2e-3).mean() > 0.02),
        keyframe_gap_s=(stamps[-1] - stamps[0]) / max(1, keys),
        is_complete=is_complete,
    )


def frames_at(path: str, demuxer: str, times_s: Sequence[float], size_wh: tuple[int, int], facts: Facts) -> Decoded:
    """The pictures on the screen at rising times, at most one for each, scaled to `size_wh`. Raises `NotReadable`."""
    try:
        return _frames_by_pyav(path, demuxer, times_s, size_wh, facts)
    except (av.error.FFmpegError, NotReadable):
        return _frames_by_decord(path, times_s, size_wh, facts)


def _frames_by_pyav(
    path: str, demuxer: str, times_s: Sequence[float], size_wh: tuple[int, int], facts: Facts
) -> Decoded:
    with opened(path, demuxer) as container:
        walk = _Walk(container, picture_stream(container), facts)
        found: dict[float, Rgb] = {}
        for wanted_s in times_s:
            frame = walk.to(wanted_s)
            if frame is not None and (at_s := walk.time_of(frame)) not in found:
                found[at_s] = _rgb(frame, size_wh, facts.rotation)
    if not found:
        raise NotReadable("No picture of this video can be decoded. Save it again, for example as MP4.")
    return Decoded(tuple(found), tuple(found.values()), walk.damaged)


def _frames_by_decord(path: str, times_s: Sequence[float], size_wh: tuple[int, int], facts: Facts) -> Decoded:
    """The second opinion: an FFmpeg of another year, which reads some of what the first refuses."""
    try:
        from decord import DECORDError, VideoReader
    except ImportError as error:  # decord has no wheels for ARM
        raise NotReadable("This video cannot be decoded. Save it again, for example as MP4.") from error
    try:
        reader = VideoReader(path, num_threads=1)
        stamps = np.asarray(reader.get_frame_timestamp(range(len(reader))))[:, 0]
        shown = np.searchsorted(stamps - stamps[0], np.asarray(times_s) + EPSILON_S, side="right") - 1
        indices = sorted({max(0, int(index)) for index in shown})
        pictures = reader.get_batch(indices).asnumpy()
    except (DECORDError, RuntimeError, IndexError) as error:
        raise NotReadable("This video cannot be decoded. Save it again, for example as MP4.") from error
    scaled = tuple(_scaled(picture, size_wh, facts.rotation) for picture in pictures)
    return Decoded(tuple(float(stamps[index] - stamps[0]) for index in indices), scaled, 0)


class _Walk:
    """Goes through a video forwards, decoding on or jumping to a keyframe, whichever costs fewer pictures."""

    def __init__(self, container: Any, stream: Any, facts: Facts) -> None:
        self._container, self._stream, self._facts = container, stream, facts
        self._start_s = start_s(stream)
        self._keys_s = [
            float(entry.timestamp * stream.time_base) - self._start_s
            for entry in stream.index_entries
            if entry.is_keyframe
        ]
        self._frames = self._decoded()
        self._shown: Any = None
        self._ahead: Any = None
        self.damaged = 0

    def to(self, wanted_s: float) -> Any:
        """The picture on the screen at `wanted_s`: the last one that is due by then, or the first of all."""
        if self._should_jump(wanted_s):
            offset = math.floor((wanted_s + self._start_s) / self._stream.time_base)
            self._container.seek(offset, stream=self._stream, backward=True)
            self._frames, self._shown, self._ahead = self._decoded(), None, None
        while True:
            self._ahead = self._ahead or next(self._frames, None)
            if self._ahead is None or self.time_of(self._ahead) > wanted_s + EPSILON_S:
                return self._shown or self._ahead
            self._shown, self._ahead = self._ahead, None

    def time_of(self, frame: Any) -> float:
        return float(frame.time) - self._start_s

    def _should_jump(self, wanted_s: float) -> bool:
        here_s = self.time_of(self._shown) if self._shown is not None else 0.0
        key_s = wanted_s - self._facts.keyframe_gap_s / 2
        if self._keys_s:
            key_s = self._keys_s[max(0, bisect.bisect_right(self._keys_s, wanted_s) - 1)]
        return (wanted_s - here_s) * self._facts.fps > (wanted_s - key_s) * self._facts.fps + SEEK_FRAMES

    def _decoded(self) -> Iterator[Any]:
        """Frames that are whole; packets that are not are counted and left out."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                yield from (frame for frame in packet.decode() if frame.time is not None and not frame.is_corrupt)
            except av.error.InvalidDataError:
                self.damaged += 1


def opened(path: str, demuxer: str) -> Any:
    try:
        return av.open(path, format=demuxer, options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise NotReadable("This video is damaged or incomplete. Save it again and retry.") from error


def picture_stream(container: Any) -> Any:
    if not container.streams.video:
        what = "sound, but no pictures" if container.streams.audio else "no pictures"
        raise NotReadable(f"This file has {what}. Choose a video.")
    stream = container.streams.video[0]
    stream.thread_type = "SLICE"  # threads by frame would have to be filled anew after each jump
    return stream


def _first_frame(container: Any, stream: Any) -> Any:
    failures = 0
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                return frame
        except av.error.FFmpegError:
            failures += 1
            if failures > 1000:
                break
    raise NotReadable("No picture of this video can be decoded. Save it again, for example as MP4.")


def _scan(path: str, demuxer: str) -> tuple[list[float], int, bool]:
    """When there is a new picture, in order, the number of keyframes, and whether there was time for all packets."""
    stamps: list[float] = []
    keys, ends_at = 0, time.monotonic() + _SCAN_S
    with opened(path, demuxer) as container:
        stream = picture_stream(container)
        base = stream.time_base or Fraction(1, 1000)
        packets = container.demux(stream)
        for number in itertools.count():
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                break  # what follows the damage cannot be found again
            if packet is None:
                break
            stamp = packet.pts if packet.pts is not None else packet.dts
            if packet.size and stamp is not None:
                stamps.append(float(stamp * base))
                keys += packet.is_keyframe
            if number % 1024 == 0 and time.monotonic() > ends_at:
                return sorted(set(stamps)), keys, False
    return sorted(set(stamps)), keys, True


def _claimed_duration_s(path: str, demuxer: str) -> float:
    with opened(path, demuxer) as container:
        return float(container.duration or 0) / av.time_base


def start_s(stream: Any) -> float:
    return float((stream.start_time or 0) * stream.time_base)


def _rotation(frame: Any) -> int:
    """Quarter turns against the clock, in degrees, that make a picture upright."""
    return int(round(frame.rotation / 90) * 90 % 360)


def _upright_wh(frame: Any, stream: Any) -> tuple[int, int]:
    aspect = float(stream.sample_aspect_ratio or 1)
    width = max(1, round(frame.width * (aspect if 0.1 < aspect < 10 else 1.0)))
    return (frame.height, width) if _rotation(frame) % 180 else (width, frame.height)


def _rgb(frame: Any, size_wh: tuple[int, int], rotation: int) -> Rgb:
    width, height = size_wh[::-1] if rotation % 180 else size_wh
    picture = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    return turned(picture, rotation)


def _scaled(picture: Rgb, size_wh: tuple[int, int], rotation: int) -> Rgb:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return _rgb(frame, size_wh, rotation)


def size_within(size_wh: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """A size of about the same shape with at most `max_pixels`; both sides even, as video scalers like them."""
    scale = min(1.0, math.sqrt(max_pixels / (size_wh[0] * size_wh[1])))
    width, height = (max(2, math.floor(side * scale) // 2 * 2) for side in size_wh)
    return width, height


def turned(picture: Rgb, rotation: int) -> Rgb:
    return np.ascontiguousarray(np.rot90(picture, rotation // 90))
