"""What runs in the process that writes videos: a part cut out, pictures drawn over, sound kept.

Knows FFmpeg through PyAV, and what `model.decoding` knows of a file's clock: times are seconds from its first picture.
Does not know why a video is written. Only the picture at hand is in memory.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image as Pillow
from PIL import ImageOps

from model.decoding import (
    EPSILON_S,
    Facts,
    NotReadable,
    Rgb,
    opened,
    packets_of,
    picture_stream,
    size_within,
    start_s,
    turned,
)
from model.errors import MediaError
from model.media import pixels, read_image_file

Painter: TypeAlias = Callable[[Rgb, float], None]
"""Draws into a picture (height, width, 3), blue first, that the video shows from that second on."""

_BASE = Fraction(1, 90_000)
_BT709 = 1  # as colour space, primaries and transfer, https://www.itu.int/rec/T-REC-H.273
_COPIED_DEMUXERS = ("mov", "matroska")  # AVI does not say when a picture is shown
_COPIED_PICTURES = ("h264", "hevc", "vp9", "av1")
_COPIED_SOUND = ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac")
_TELL_EVERY_S = 0.25
_MOST_PIXELS = 3840 * 2160
_FINE = 12
_SAME_SHAPE = 0.02
_SOUND_LATE_S = 5.0
"""So much later than the pictures of the same time a file may bring its sound."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make of a video: the part of it, all without one; a painter of its pictures, and how many pixels they may
    have; `quality` is libx264's CRF, lower is better. `progress` is a file to which the share that is done is written.
    """

    range_s: tuple[float, float] | None = None
    paint: Painter | None = None
    max_pixels: int = 8192 * 8192
    quality: int = 18
    progress: str = ""


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of a video. `zero_s` is the moment that becomes the first of the new one, `origin_s` where the file's own
    clock stands at the first picture of all."""

    start_s: float
    end_s: float
    zero_s: float
    origin_s: float

    def holds(self, at_s: float) -> bool:
        return self.zero_s - EPSILON_S <= at_s < self.end_s - EPSILON_S


def cut(path: str, demuxer: str, to: str, range_s: tuple[float, float], facts: Facts) -> bool:
    """Write a part of a video as MP4. Returns whether its pictures are the very same; else they were encoded anew.

    They can stay the same where the part begins with a picture that needs no other one, and where what comes after its
    end is needed by none. Raises `NotReadable`.
    """
    zero_s = _copied_from(path, demuxer, range_s) if _may_copy(demuxer, facts) else None
    if zero_s is None:
        rewrite(path, demuxer, to, facts, Recipe(range_s))
        return False
    with opened(path, demuxer) as source, _mp4(to) as target:
        stream = picture_stream(source)
        span = _Span(zero_s, range_s[1], zero_s, start_s(stream))
        pictures, sound = target.add_stream_from_template(stream), _Sound(source, target, span)
        for packet, at_s in _packets(source, stream, sound.stream, span):
            if packet.stream is not stream:
                sound.put(packet, at_s)
            elif span.holds(at_s):
                _put(target, pictures, packet, span)
        sound.finish()
    return True


def rewrite(path: str, demuxer: str, to: str, facts: Facts, recipe: Recipe) -> None:
    """Write a video, or a part of it, as MP4 with H.264: upright, each picture at its time. Raises `NotReadable`."""
    begin_s, end_s = recipe.range_s or (0.0, facts.duration_s)
    with opened(path, demuxer) as source, _mp4(to) as target:
        stream = picture_stream(source)
        span = _Span(begin_s, end_s, begin_s, start_s(stream))
        pictures, sound = _Pictures(target, stream, facts, span, recipe), _Sound(source, target, span)
        for packet, at_s in _packets(source, stream, sound.stream, span):
            if packet.stream is not stream:
                sound.put(packet, at_s)
            else:
                pictures.put(_frames(packet.decode))
        pictures.finish()
        sound.finish()


def from_pictures(paths: Sequence[str], to: str, fps: float) -> tuple[int, int]:
    """Write pictures as an MP4, one after another, `fps` a second, in the size of the first.

    Returns how many could not be read and were left out, and how many are of another shape and got a margin. Raises
    `NotReadable` when fewer than two can be read.
    """
    out: Any = None
    count = fitted = 0
    with _mp4(to) as target:
        for picture in _readable(paths):
            if out is None:
                out = _h264(target, size_within(picture.size, _MOST_PIXELS), fps, _FINE)
            size_wh = out.width, out.height
            padded = ImageOps.pad(picture, size_wh, Pillow.Resampling.LANCZOS)
            fitted += abs(picture.width / picture.height - size_wh[0] / size_wh[1]) > _SAME_SHAPE
            _put_picture(target, out, av.VideoFrame.from_ndarray(np.asarray(padded), format="rgb24"), count / fps)
            count += 1
        if count < 2:
            raise NotReadable("A video needs two pictures or more that can be read.")
        target.mux(out.encode(None))
    return len(paths) - count, fitted


def _readable(paths: Sequence[str]) -> Iterator[Pillow.Image]:
    for path in paths:
        with suppress(MediaError):
            yield pixels(read_image_file(path))


def _may_copy(demuxer: str, facts: Facts) -> bool:
    return demuxer in _COPIED_DEMUXERS and facts.codec in _COPIED_PICTURES


def _copied_from(path: str, demuxer: str, range_s: tuple[float, float]) -> float | None:
    """When the picture on the screen at the start is due, if the packets of the range can be used as they are."""
    with opened(path, demuxer) as source:
        stream = picture_stream(source)
        span = _Span(*range_s, range_s[0], start_s(stream))
        packets = [(packet, at_s) for packet, at_s in _packets(source, stream, None, span) if packet.size]
        are_timed = all(packet.pts is not None and packet.dts is not None for packet, _ in packets)
        if not packets or not packets[0][0].is_keyframe or not are_timed:
            return None
    times_s = [at_s for _, at_s in packets]
    if times_s[0] != max((at_s for at_s in times_s if at_s <= range_s[0] + EPSILON_S), default=None):
        return None
    is_inside = [at_s < range_s[1] - EPSILON_S for at_s in times_s]
    return times_s[0] if is_inside == sorted(is_inside, reverse=True) else None


def _packets(source: Any, stream: Any, sound_stream: Any, span: _Span) -> Iterator[tuple[Any, float]]:
    """What is stored of a part, from a keyframe before it on, with its time: never, for what ends a stream."""
    streams = [each for each in (stream, sound_stream) if each is not None]
    if span.start_s > 0:
        source.seek(math.floor((span.start_s + EPSILON_S + span.origin_s) / stream.time_base), stream=stream)
    read_to_s = dict.fromkeys((each.index for each in streams), -math.inf)
    for packet in packets_of(source, streams):
        stamps = [stamp for stamp in (packet.pts, packet.dts) if stamp is not None]
        times_s = [float(stamp * packet.time_base) - span.origin_s for stamp in stamps]
        yield packet, times_s[0] if times_s else math.inf
        read_to_s[packet.stream.index] = min(times_s, default=math.inf)
        if min(read_to_s.values()) >= span.end_s or read_to_s[stream.index] >= span.end_s + _SOUND_LATE_S:
            return


def _frames(decode: Callable[[], list[Any]]) -> list[Any]:
    """The pictures or the sounds that can be decoded."""
    try:
        return [frame for frame in decode() if frame.time is not None and not frame.is_corrupt]
    except av.error.FFmpegError:  # a damaged packet, or a decoder that has given all already
        return []


class _Pictures:
    """The pictures of a part, encoded; the first is the one on the screen when the part begins."""

    def __init__(self, target: Any, stream: Any, facts: Facts, span: _Span, recipe: Recipe) -> None:
        self._target, self._source, self._facts, self._span, self._recipe = target, stream, facts, span, recipe
        self._out = _h264(target, size_within(facts.size_wh, recipe.max_pixels), facts.fps, recipe.quality)
        self._first: Any = None
        self._last: tuple[Any, float] | None = None
        self._tell_at_s = 0.0

    def put(self, frames: Sequence[Any]) -> None:
        for frame in frames:
            at_s = float(frame.time) - self._span.origin_s
            if at_s <= self._span.start_s + EPSILON_S:
                self._first = frame  # until another one is due by the start
            elif self._span.holds(at_s):
                self._put_first()
                self._encode(frame, at_s)

    def finish(self) -> None:
        """Take what the decoder holds back; the last picture stays until the end."""
        self.put(_frames(lambda: self._source.codec_context.decode(None)))
        self._put_first()
        if self._last is None:
            raise NotReadable("No picture of this part of the video can be decoded.")
        frame, at_s = self._last
        end_s = self._span.end_s - 1 / self._facts.fps
        if end_s - at_s > 1 / self._facts.fps:
            self._encode(frame, end_s)
        self._target.mux(self._out.encode(None))

    def _put_first(self) -> None:
        if self._first is not None:
            first, self._first = self._first, None
            self._encode(first, self._span.start_s)

    def _encode(self, frame: Any, at_s: float) -> None:
        if self._last is not None and at_s <= self._last[1]:
            return
        self._last = frame, at_s
        _put_picture(self._target, self._out, self._ready(frame, at_s), at_s - self._span.zero_s)
        self._tell(at_s)

    def _tell(self, at_s: float) -> None:
        if self._recipe.progress and time.monotonic() > self._tell_at_s:
            self._tell_at_s = time.monotonic() + _TELL_EVERY_S
            share = (at_s - self._span.start_s) / (self._span.end_s - self._span.start_s)
            Path(self._recipe.progress).write_text(f"{share:.4f}", encoding="ascii")

    def _ready(self, frame: Any, at_s: float) -> Any:
        """The picture upright and drawn on."""
        size_wh, paint = (self._out.width, self._out.height), self._recipe.paint
        if paint is None and not self._facts.rotation:
            return frame
        width, height = size_wh[::-1] if self._facts.rotation % 180 else size_wh
        scene = turned(frame.to_ndarray(format="bgr24", width=width, height=height), self._facts.rotation)
        if paint is not None:
            paint(scene, at_s)
        return av.VideoFrame.from_ndarray(scene, format="bgr24")


class _Sound:
    """The first sound track of a file, if it has one: copied where MP4 can hold it, else encoded as AAC."""

    def __init__(self, source: Any, target: Any, span: _Span) -> None:
        self._target, self._span = target, span
        self.stream: Any = next((each for each in source.streams.audio if each.codec_context), None)
        self._is_copied = self.stream is not None and self.stream.codec.canonical_name in _COPIED_SOUND
        if self._is_copied:
            self._out = target.add_stream_from_template(self.stream)
        elif self.stream is not None:
            layout = "mono" if self.stream.channels == 1 else "stereo"
            self._out = target.add_stream("aac", rate=self.stream.rate, layout=layout)

    def put(self, packet: Any, at_s: float) -> None:
        if not self._is_copied:
            self._encode(_frames(packet.decode))
        elif self._span.holds(at_s):
            _put(self._target, self._out, packet, self._span)

    def finish(self) -> None:
        if self.stream is not None and not self._is_copied:
            self._encode(_frames(lambda: self.stream.codec_context.decode(None)))
            self._target.mux(self._out.encode(None))

    def _encode(self, frames: Sequence[Any]) -> None:
        for frame in frames:
            at_s = float(frame.time) - self._span.origin_s
            if self._span.holds(at_s):
                frame.pts = round((at_s - self._span.zero_s) / frame.time_base)
                self._target.mux(self._out.encode(frame))


def _h264(target: Any, size_wh: tuple[int, int], fps: float, quality: int) -> Any:
    """A stream that `_put_picture` puts pictures into; `quality` is as in `Recipe`."""
    stream = target.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
    stream.width, stream.height = size_wh
    stream.pix_fmt = "yuv420p"
    stream.options = {"preset": "veryfast", "crf": str(quality)}
    context = stream.codec_context
    context.time_base = _BASE
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    return stream


def _put_picture(target: Any, stream: Any, frame: Any, at_s: float) -> None:
    """Encode a picture in the size and the colours of the video, to be shown from that time on."""
    ready = frame.reformat(
        stream.width, stream.height, "yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    ready.pts, ready.time_base = round(at_s / _BASE), _BASE
    ready.pict_type = PictureType.NONE  # the encoder decides anew
    target.mux(stream.encode(ready))


def _put(target: Any, stream: Any, packet: Any, span: _Span) -> None:
    """A packet as it is, in another file and at another time."""
    shift = round((span.zero_s + span.origin_s) / packet.time_base)
    packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
    target.mux(packet)


def _mp4(to: str) -> Any:
    return av.open(to, "w", format="mp4", options={"movflags": "+faststart"})
