"""What a model is shown of a clip: frames in pairs, and which shape is where in each pair.

A pair of frames is one step of the model's time, written as the mean of their two times. Whatever is on the screen in
one of the two counts as seen; a moment is told as the first or last pair that shows it, so that a time in an answer is
always one that is written in the prompt. Knows clips and grids; nothing about words or tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from training import records
from training.clips import MAX_S, MIN_S, SIZES_WH, Actor, Clip, random_clip
from training.scenes import Scene, Shape
from training.tower import as_model_input, grid_of

FRAME_PIXELS = 128 * 128
MAX_FRAMES = 96
RATE = 4.0
"""Frames a second, as long as these are at most `MAX_FRAMES`."""
PART, SLOW = 0.2, 0.15
"""Shares of footage that shows only a part of its clip, and of footage with fewer frames a second."""
_LEAST_MOVE = 0.004


@dataclass(frozen=True, slots=True)
class Seen:
    """A shape in one pair of frames: its visual token, counted through the footage, and what goes on with it."""

    pair: int
    cell: int
    name: str
    is_moving: bool


@dataclass(frozen=True)
class Footage:
    """Frames of a clip at `times_s`, an even number of them, in a grid of merged cells."""

    clip: Clip
    times_s: tuple[float, ...]
    grid_hw: tuple[int, int]

    @property
    def cells(self) -> int:
        return self.grid_hw[0] * self.grid_hw[1]

    @cached_property
    def pairs_s(self) -> tuple[float, ...]:
        """The time that is written before each pair, in tenths of a second."""
        return tuple(round((a + b) / 2, 1) for a, b in zip(self.times_s[::2], self.times_s[1::2], strict=True))

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """What each pair shows, as a still picture that has everything from both frames."""
        return tuple(
            Scene(self.clip.size_wh, tuple(shape for _, shape in self._shown(pair)), self.clip.background, 0.0, 0)
            for pair in range(len(self.pairs_s))
        )

    @cached_property
    def seen(self) -> dict[Actor, tuple[Seen, ...]]:
        """Where each shape is seen, in the order of time; shapes that are never seen are left out."""
        by_actor: dict[Actor, list[Seen]] = {}
        for pair in range(len(self.pairs_s)):
            for actor, shape in self._shown(pair):
                cell = pair * self.cells + records.cell_of(shape, self.clip.size_wh, self.grid_hw)
                by_actor.setdefault(actor, []).append(Seen(pair, cell, shape.name, self._is_moving(actor, pair)))
        return {actor: tuple(seen) for actor, seen in by_actor.items()}

    def draw(self) -> NDArray[np.uint8]:
        """The frames as the model gets them, (pairs, 2, height, width, 3)."""
        frames = [as_model_input(frame, self.grid_hw) for frame in self.clip.draw(self.times_s)]
        return np.stack(frames).reshape(len(self.pairs_s), 2, *frames[0].shape)

    def _shown(self, pair: int) -> list[tuple[Actor, Shape]]:
        both = self.times_s[2 * pair : 2 * pair + 2]
        shown = []
        for actor in self.clip.actors:
            times_s = [time_s for time_s in both if actor.is_shown(time_s)]
            if times_s:
                middle = actor.shape_at(sum(times_s) / len(times_s))
                shown.append((actor, Shape(actor.kind, actor.color_at(times_s[-1]), middle.outline, middle.xyxy)))
        return shown

    def _is_moving(self, actor: Actor, pair: int) -> bool:
        """Whether it goes some way between the two frames."""
        first, last = (actor.center_xy(time_s) for time_s in self.times_s[2 * pair : 2 * pair + 2])
        way = (abs(a - b) / side for a, b, side in zip(first, last, self.clip.size_wh, strict=True))
        return math.hypot(*way) > _LEAST_MOVE


def random_footage(rng: np.random.Generator, how_many: Callable[[int], int], frames: int) -> list[Footage]:
    """Pieces of footage of one grid and of `frames` frames (even, at most `MAX_FRAMES`), at least one.

    `how_many` says for a grid of so many cells how many there are to be.
    """
    size_wh = SIZES_WH[int(rng.integers(len(SIZES_WH)))]
    grid = grid_of(size_wh, FRAME_PIXELS)
    count = max(1, how_many(grid[0] * grid[1]))
    return [_random_piece(rng, size_wh, grid, frames) for _ in range(count)]


def random_frames(rng: np.random.Generator) -> int:
    """A number of frames: as many as a clip of random length has, short ones more often than they come."""
    length_s = float(rng.uniform(MIN_S, 10)) if rng.random() < 0.6 else float(rng.uniform(MIN_S, MAX_S))
    return min(MAX_FRAMES, round(length_s * RATE) // 2 * 2)


def _random_piece(rng: np.random.Generator, size_wh: tuple[int, int], grid: tuple[int, int], frames: int) -> Footage:
    rate = RATE * (float(rng.uniform(0.4, 1.0)) if rng.random() < SLOW else 1.0)
    length_s = frames / rate if frames < MAX_FRAMES else float(rng.uniform(MAX_FRAMES / RATE, MAX_S))
    start_s = float(rng.uniform(0, 20)) if rng.random() < PART else 0.0
    rest_s = float(rng.uniform(0, 10)) if start_s else 0.0
    clip = random_clip(rng, size_wh, max(MIN_S, start_s + length_s + rest_s))
    piece = Footage(clip, sampled(clip, start_s, start_s + length_s, frames), grid)
    return piece if piece.seen else _random_piece(rng, size_wh, grid, frames)


def sampled(clip: Clip, start_s: float, end_s: float, frames: int) -> tuple[float, ...]:
    """The times of the frames on the screen at even moments, as `model.video.sample_times` chooses them."""
    moments = start_s + (end_s - start_s) * np.arange(frames) / frames
    return tuple(float(time_s) for time_s in np.floor(moments * clip.fps + 1e-6) / clip.fps)


def pixels(footage: Footage, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frames, half of the time as a lossy codec leaves them."""
    drawn = footage.draw()
    return _through_a_codec(drawn, rng) if rng.random() < 0.5 else drawn


def _through_a_codec(frames: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frames with the marks of a lossy codec; JPEG halves the colours' resolution as videos do."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))]
    flat = frames.reshape(-1, *frames.shape[-3:])
    return np.stack([_coded(frame, quality) for frame in flat]).reshape(frames.shape)


def _coded(frame: NDArray[np.uint8], quality: list[int]) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(cv2.imencode(".jpg", frame, quality)[1], cv2.IMREAD_COLOR)
    return np.asarray(decoded, dtype=np.uint8)
