"""What runs in the process that decodes videos: containers, codecs and clocks.

Knows FFmpeg through PyAV, which for each frame reads on or jumps, whichever costs less by the distance of keyframes, as
that measured best (`benchmarks.video_decode`); decord is the second opinion for what PyAV cannot read. Is told which
demuxer to use, so that a playlist that calls itself a film opens nothing; no demuxer may open anything but the file
itself. Does not know why a frame is wanted. Times are seconds from the first picture of the video, from the pictures'
own time stamps.
"""

from __future__ import annotations

import bisect
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
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
_MOST_DAMAGED_PARTS = 1000
# Between two packets of Matroska there are a few bytes, and now and then an index, but not this many.
_UNREAD_BYTES = 1024
_GONE_S = 0.5
# A claim of more than this many times what the bytes read so far let expect is a lie.
_MOST_CLAIMED = 20
_MOST_LAST_S = 600.0
# Graphic control extension, delay in 1/100 s, and the picture behind it: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
_GIF_PICTURE = re.compile(rb"!\xf9\x04.(..).\x00(?=,)", re.DOTALL)


_GIF_PADDING = 4096
# What programs write for the length of an AVI whose end they never saw.
_NO_LENGTH = 0xFFFFFFFF


class NotReadable(Exception):
    """The reason, a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of its pictures; `size_wh` is upright, `is_complete` tells whether all packets were looked at.

    `fps` is the mean, `max_fps` the fastest rate, `keyframe_gap_s` the mean time between pictures that can be decoded
    alone; `notices` are sentences for a person about what is missing.
    """

    codec: str
    size_wh: tuple[int, int]
    rotation: int
    duration_s: float
    fps: float
    max_fps: float
    frame_count: int
    is_variable: bool
    keyframe_gap_s: float
    is_complete: bool
    notices: tuple[str, ...] = ()


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
    seen = _scan(path, demuxer)
    stamps = sorted(seen.stamps_s)
    if len(stamps) < 2 <= seen.frame_count:
        raise NotReadable("This video is damaged or incomplete. Save it again and retry.")
    if len(stamps) < 2:
        raise NotReadable("This video has only one picture. Save it as a picture and ask about that.")
    steps = np.diff(stamps)
    step_s = float(np.median(steps))
    last_s = seen.last_s if seen.last_s <= _MOST_LAST_S else 0.0
    duration_s = stamps[-1] - stamps[0] + max(step_s, last_s)
    claimed_s = seen.claimed_end_s - stamps[0]
    is_claim_plausible = claimed_s < _MOST_CLAIMED * duration_s / max(seen.share, 1e-6)
    notices = _gone(seen, step_s)
    if not seen.is_complete and is_claim_plausible:
        duration_s = max(duration_s, claimed_s)
    elif is_claim_plausible and claimed_s - max(duration_s, seen.other_end_s - stamps[0]) > max(_GONE_S, 3 * step_s):
        notices.append(f"The video breaks off at {duration_s:.1f} s of {claimed_s:.1f} s: the rest cannot be read.")
    elif _has_no_end(path, demuxer):
        notices.append(f"The video breaks off at {duration_s:.1f} s: the rest cannot be read.")
    return Facts(
        codec=codec,
        size_wh=size_wh,
        rotation=rotation,
        duration_s=duration_s,
        fps=(len(stamps) - 1) / (stamps[-1] - stamps[0]),
        max_fps=1 / float(np.quantile(steps, 0.01)),
        frame_count=len(stamps),
        is_variable=_is_variable(steps, step_s, sum(end_s - begin_s for begin_s, end_s in seen.holes_s)),
        keyframe_gap_s=(stamps[-1] - stamps[0]) / max(1, seen.keys),
        is_complete=seen.is_complete,
        notices=tuple(notices),
    )


def _is_variable(steps: NDArray[np.float64], step_s: float, missing_s: float) -> bool:
    """Whether more than a few pictures stay longer or shorter than most, or those few for much of the time."""
    unusual = np.abs(steps - step_s) > 0.25 * step_s + 2e-3
    return bool(unusual.mean() > 0.02 or steps[unusual].sum() - missing_s > 0.1 * steps.sum())


def _gone(seen: _Seen, step_s: float) -> list[str]:
    """What is missing between the pictures that can be read."""
    first_s = min(seen.stamps_s)
    holes = [(begin_s - first_s, end_s - first_s) for begin_s, end_s in seen.holes_s]
    gone = [
        f"A part of the video from {begin_s + step_s:.1f} to {end_s:.1f} s cannot be read."
        for begin_s, end_s in holes
        if end_s - begin_s > max(_GONE_S, 3 * step_s)
    ]
    if seen.swallowed_s:
        at_s, lost_s = min(seen.swallowed_s) - first_s, sum(seen.swallowed_s.values())
        early = f"about {lost_s:.1f} s are missing, and later times are too early by that."
        gone.append(f"A part of the video at {at_s:.1f} s cannot be read: {early}")
    return gone


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
        # One by one: at full size together they could fill the memory.
        scaled = tuple(_scaled(reader[index].asnumpy(), size_wh, facts.rotation) for index in indices)
    except (DECORDError, RuntimeError, IndexError) as error:
        raise NotReadable("This video cannot be decoded. Save it again, for example as MP4.") from error
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
        for packet in packets_of(self._container, self._stream, self._skip):
            try:
                yield from (frame for frame in packet.decode() if frame.time is not None and not frame.is_corrupt)
            except av.error.InvalidDataError:
                self._skip()

    def _skip(self) -> None:
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


@dataclass(slots=True)
class _Seen:
    """What the packets of a file tell, in seconds of the file's own clock.

    `frame_count` is how many pictures there are or should be, `last_s` how long the last one stays, 0 when that is not
    said; `other_end_s` where sound and text end, `holes_s` between which pictures something was not readable,
    `swallowed_s` how much of a GIF is missing at which pictures; `share` of the file's bytes was read.
    """

    stamps_s: set[float] = field(default_factory=set)
    frame_count: int = 0
    keys: int = 0
    last_s: float = 0.0
    other_end_s: float = -math.inf
    claimed_end_s: float = 0.0
    holes_s: list[tuple[float, float]] = field(default_factory=list)
    swallowed_s: dict[float, float] = field(default_factory=dict)
    share: float = 1.0
    is_complete: bool = True


def _scan(path: str, demuxer: str) -> _Seen:
    """Look at all packets, as far as there is time, and go on behind what is damaged."""
    seen, ends_at = _Seen(), time.monotonic() + _SCAN_S
    newest_s, read_to, is_damaged, packet_count = -math.inf, math.inf, False, 0

    def damaged() -> None:
        nonlocal is_damaged
        is_damaged = True

    with opened(path, demuxer) as container:
        stream = picture_stream(container)
        seen.claimed_end_s, seen.frame_count = _claimed_end_s(container, stream), stream.frames
        # Matroska tells the length of its longest stream alone, and nothing of what could not be read.
        streams = None if demuxer == "matroska" else stream
        for number, packet in enumerate(packets_of(container, streams, damaged)):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if packet.size and stamp is not None:
                at_s, stays_s = (float(units * (packet.time_base or Fraction(1, 1000))) for units in _units(packet))
                is_damaged |= streams is None and packet.pos > read_to + _UNREAD_BYTES
                read_to = packet.pos + packet.size
                if packet.stream.index != stream.index:
                    seen.other_end_s = max(seen.other_end_s, at_s + stays_s)
                else:
                    if is_damaged and newest_s < at_s and seen.stamps_s:
                        seen.holes_s.append((newest_s, at_s))
                    if at_s > newest_s:
                        newest_s, seen.last_s, is_damaged = at_s, stays_s, False
                    seen.stamps_s.add(at_s)
                    packet_count += 1
                    seen.keys += packet.is_keyframe
                    if demuxer == "gif" and (lost_s := _swallowed_s(bytes(packet))):
                        seen.swallowed_s[at_s] = lost_s
            if number % 1024 == 1023 and time.monotonic() > ends_at:
                seen.is_complete, seen.share = False, min(1.0, read_to / max(1, container.size))
                break
    seen.frame_count = max(seen.frame_count, packet_count)
    return seen


def packets_of(container: Any, streams: Any, damaged: Callable[[], None] = lambda: None) -> Iterator[Any]:
    """The packets of some streams, all for `None`; `damaged` is called where something between them is."""
    for _ in range(_MOST_DAMAGED_PARTS):
        try:
            # After an error the packets have to be asked for anew; they go on behind it.
            yield from container.demux() if streams is None else container.demux(streams)
            return
        except av.error.InvalidDataError:
            damaged()
        except av.error.FFmpegError:
            return damaged()


def _has_no_end(path: str, demuxer: str) -> bool:
    """Whether a file was cut that tells where it ends: a GIF by its last byte, an AVI by its length up front."""
    with Path(path).open("rb") as file:
        head = file.read(8)
        size = file.seek(0, os.SEEK_END)
        if demuxer == "avi":
            told = int.from_bytes(head[4:], "little")
            return told < _NO_LENGTH and size < told + len(head)
        file.seek(max(0, size - _GIF_PADDING))
        return demuxer == "gif" and not file.read().rstrip(b"\0").endswith(b";")


def _units(packet: Any) -> tuple[int, int]:
    """When something is shown and for how long, in units of the packet's time base; 0 when that is not said."""
    return packet.pts if packet.pts is not None else packet.dts, max(0, packet.duration or 0)


def _swallowed_s(packet: bytes) -> float:
    """How long the pictures of a GIF would stay that a damaged one has taken for its own data."""
    delays = _GIF_PICTURE.findall(packet)
    return sum(int.from_bytes(delay, "little") for delay in delays[1:]) / 100


def _claimed_end_s(container: Any, stream: Any) -> float:
    if stream.duration:
        return start_s(stream) + float(stream.duration * stream.time_base)
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
