"""Clips whose frames prove their own number: sixteen squares, white for 1 and black for 0, lowest bit first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

SIZE_WH = (128, 64)
_BITS = 16


def numbered(number: int, size_wh: tuple[int, int] = SIZE_WH) -> NDArray[np.uint8]:
    """A picture (height, width, 3) that says `number` in its upper half, over grey."""
    width, height = size_wh
    picture = np.full((height, width, 3), 128, dtype=np.uint8)
    side = width // _BITS
    for bit in range(_BITS):
        picture[: height // 2, bit * side : (bit + 1) * side] = 255 if number >> bit & 1 else 0
    return picture


def number_of(picture: NDArray[np.uint8]) -> int:
    """The number that a decoded picture says, at whatever size."""
    height, width = picture.shape[:2]
    centers = ((np.arange(_BITS) + 0.5) * width / _BITS).astype(int)
    bits = picture[height // 4, centers].mean(axis=-1) > 127
    return int((bits << np.arange(_BITS)).sum())


def write_clip(
    path: Path,
    times_s: Sequence[float],
    *,
    codec: str = "libx264",
    keyframe_every: int = 30,
    container: str | None = None,
    size_wh: tuple[int, int] = SIZE_WH,
    sound: str = "",
    rotation: int = 0,
    options: Mapping[str, str] | None = None,
) -> Path:
    """A clip that shows picture `i` from `times_s[i]` on, over a tone in the codec `sound`.

    `rotation` is how far a player has to turn the pictures against the clock, in degrees; `options` are the
    codec's own.
    """
    base = Fraction(1, 1000)
    with av.open(str(path), "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=30)
        stream.width, stream.height = size_wh
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        stream.gop_size = keyframe_every
        stream.codec_context.time_base = base
        stream.options = {**_OPTIONS.get(codec, {}), **(options or {})}
        if rotation:
            stream.set_display_rotation(rotation)
        if sound:
            _write_tone(output, sound, times_s[-1])
        for index, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(numbered(index, size_wh), format="rgb24")
            frame.pts, frame.time_base = round(time_s / base), base
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


TONE_HZ = 440


def _write_tone(output: Any, codec: str, seconds: float) -> None:
    rate = 48_000
    stream = output.add_stream(codec, rate=rate, layout="mono")
    wave = np.sin(np.arange(int(seconds * rate)) * (2 * np.pi * TONE_HZ / rate)).astype(np.float32) / 2
    for start in range(0, len(wave), rate // 10):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + rate // 10], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


_OPTIONS = {
    "libx264": {"preset": "ultrafast", "sc_threshold": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12"},
}


def steady(count: int, fps: float) -> list[float]:
    return [index / fps for index in range(count)]


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
