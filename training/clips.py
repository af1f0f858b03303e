"""Drawn clips: flat shapes that appear, vanish, move and change their colour, with exact times.

Knows geometry, times and drawing only; nothing about words, tokens or models. Times are seconds from the start.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from training import scenes
from training.scenes import COLORS, KINDS, Rgb, Scene, Shape, shape_of

Xy = tuple[float, float]

MIN_S, MAX_S = 4.0, 30.0
MAX_ACTORS = 4
MIN_EXTENT, MAX_EXTENT = 0.24, 0.42
"""Of a shape, as shares of sqrt(width x height): frames of a clip reach the model smaller than pictures."""
SIZES_WH = ((240, 240), (320, 320), (320, 240), (400, 300), (240, 320), (384, 216), (480, 270))
RATES = (15, 24, 25, 30)
LEAST_SHOWN_S, LEAST_PATH = 1.5, 0.35
_QUIET_S = 0.6
_TRIES = 40


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """One shape of a clip.

    `outline` (n, 2) is in pixels around its centre, which goes from the first of `path_xy` to the second within
    `moves_s` and stands still before and after; None: it never moves. `shown_s` is when it is on the screen; a start of
    0 means from the beginning, an infinite end to the end. `turns` is the moment of a change, and the new colour.
    """

    kind: str
    color: str
    shade: NDArray[np.int64]
    outline: NDArray[np.float64]
    path_xy: tuple[Xy, Xy]
    shown_s: tuple[float, float]
    moves_s: tuple[float, float] | None = None
    turns: tuple[float, str] | None = None

    def is_shown(self, time_s: float) -> bool:
        return self.shown_s[0] <= time_s < self.shown_s[1]

    def color_at(self, time_s: float) -> str:
        return self.turns[1] if self.turns and time_s >= self.turns[0] else self.color

    def center_xy(self, time_s: float) -> Xy:
        start_s, end_s = self.moves_s or (0.0, 1.0)
        share = min(1.0, max(0.0, (time_s - start_s) / (end_s - start_s)))
        (x1, y1), (x2, y2) = self.path_xy
        return x1 + share * (x2 - x1), y1 + share * (y2 - y1)

    def shape_at(self, time_s: float) -> Shape:
        return shape_of(self.kind, self.color_at(time_s), self.outline + np.array(self.center_xy(time_s)))

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, one after another: "red circle", "blue circle"."""
        colors = (self.color, self.turns[1]) if self.turns else (self.color,)
        return tuple(f"{color} {self.kind}" for color in colors)


@dataclass(frozen=True, slots=True)
class Clip:
    """Shapes on a background of `size_wh` pixels, for `duration_s` seconds at `fps` frames a second."""

    size_wh: tuple[int, int]
    duration_s: float
    fps: int
    actors: tuple[Actor, ...]
    background: tuple[Rgb, Rgb]
    paint_seed: int

    def draw(self, times_s: Sequence[float]) -> list[NDArray[np.uint8]]:
        """RGB frames (height, width, 3) at these moments."""
        empty = Scene(self.size_wh, (), self.background, 0.0, self.paint_seed)
        ground = scenes.draw(empty)
        return [self._painted(ground.copy(), time_s) for time_s in times_s]

    def _painted(self, canvas: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
        for actor in self.actors:
            if actor.is_shown(time_s):
                shape = actor.shape_at(time_s)
                scenes.paint_shape(canvas, shape.outline, COLORS[shape.color], actor.shade)
        return canvas

    def frame_times(self) -> NDArray[np.float64]:
        return np.arange(round(self.duration_s * self.fps)) / self.fps


def random_clip(rng: np.random.Generator, size_wh: tuple[int, int], duration_s: float) -> Clip:
    """A clip in which something happens; no two shapes of it ever have one name, and none touches another."""
    background = scenes.random_background(rng)
    wanted = int(rng.choice(np.arange(1, MAX_ACTORS + 1), p=[0.3, 0.35, 0.25, 0.1]))
    actors: list[Actor] = []
    for attempt in range(_TRIES * wanted):
        actor = _random_actor(rng, size_wh, duration_s, scenes.colors_on(background), is_still=bool(actors))
        if not _collides(actor, actors, size_wh, duration_s):
            actors.append(actor)
        if len(actors) == wanted or (actors and attempt > _TRIES):
            break
    fps = int(rng.choice(RATES))
    return Clip(size_wh, duration_s, fps, tuple(actors), background, int(rng.integers(2**31)))


def _random_actor(
    rng: np.random.Generator, size_wh: tuple[int, int], duration_s: float, colors: Sequence[str], *, is_still: bool
) -> Actor:
    """One of the allowed colours; `is_still` allows a shape to which nothing happens."""
    kind = str(rng.choice(KINDS))
    color, other = (str(name) for name in rng.choice(colors, size=2, replace=False))
    extent = float(rng.uniform(MIN_EXTENT, MAX_EXTENT)) * math.sqrt(size_wh[0] * size_wh[1])
    outline = scenes.centered_outline(rng, kind, min(extent, 0.8 * min(size_wh)))
    shown_s = _random_span(rng, duration_s)
    start_s, end_s = shown_s[0], min(shown_s[1], duration_s)
    form, room_s = rng.random(), end_s - start_s - 2 * _QUIET_S
    moves_s = turns = None
    if form < 0.35 and room_s > 1:
        length_s = float(rng.uniform(0.8, min(3.0, room_s)))
        begin_s = float(rng.uniform(start_s + _QUIET_S, end_s - _QUIET_S - length_s))
        moves_s = (begin_s, begin_s + length_s)
    elif form < 0.6 and room_s > 0:
        turns = (float(rng.uniform(start_s + _QUIET_S, end_s - _QUIET_S)), other)
    first = _random_center(rng, outline, size_wh)
    last = _far_from(rng, first, outline, size_wh) if moves_s else first
    actor = Actor(kind, color, rng.integers(-12, 13, size=3), outline, (first, last), shown_s, moves_s, turns)
    happens = moves_s or turns or shown_s != (0.0, math.inf)
    return actor if happens or is_still else _random_actor(rng, size_wh, duration_s, colors, is_still=is_still)


def _random_span(rng: np.random.Generator, duration_s: float) -> tuple[float, float]:
    latest_s = duration_s - LEAST_SHOWN_S - _QUIET_S
    start_s = 0.0 if rng.random() < 0.3 else float(rng.uniform(_QUIET_S, latest_s))
    if rng.random() < 0.3:
        return start_s, math.inf
    return start_s, float(rng.uniform(start_s + LEAST_SHOWN_S, duration_s - _QUIET_S))


def _random_center(rng: np.random.Generator, outline: NDArray[np.float64], size_wh: tuple[int, int]) -> Xy:
    half = outline.max(axis=0) + 2
    x, y = (float(rng.uniform(h, side - h)) for h, side in zip(half, size_wh, strict=True))
    return x, y


def _far_from(rng: np.random.Generator, xy: Xy, outline: NDArray[np.float64], size_wh: tuple[int, int]) -> Xy:
    """Another place, at least `LEAST_PATH` of a side away if there is one, else the farthest of those tried."""
    tried = [_random_center(rng, outline, size_wh) for _ in range(_TRIES)]
    paths = [math.hypot(*((a - b) / side for a, b, side in zip(xy, place, size_wh, strict=True))) for place in tried]
    far = [place for place, path in zip(tried, paths, strict=True) if path >= LEAST_PATH]
    return far[0] if far else tried[int(np.argmax(paths))]


def _collides(actor: Actor, others: Sequence[Actor], size_wh: tuple[int, int], duration_s: float) -> bool:
    """Whether it shares a name with another shape, or ever touches one that is shown at the same time."""
    if any(set(actor.names) & set(other.names) for other in others):
        return True
    return any(
        one.is_shown(time_s)
        and two.is_shown(time_s)
        and scenes.touch(one.shape_at(time_s), two.shape_at(time_s), size_wh)
        for one, two in combinations((actor, *others), 2)
        if actor in (one, two)
        for time_s in np.arange(0, duration_s, 0.25)
    )
