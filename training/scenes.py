"""Drawn scenes: flat shapes on a background, with exact boxes.

Knows geometry and drawing only; nothing about words, tokens or models. The same generator draws what the model
learns from, what it is tested on and the example pictures, told apart by the seed of their random generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]

KINDS = ("circle", "square", "triangle", "diamond", "star", "cross")
COLORS: dict[str, tuple[int, int, int]] = {
    "red": (215, 40, 45),
    "orange": (245, 140, 30),
    "yellow": (245, 215, 55),
    "green": (50, 160, 70),
    "blue": (45, 95, 215),
    "purple": (135, 65, 185),
    "pink": (245, 145, 190),
    "brown": (120, 75, 40),
    "black": (25, 25, 28),
    "white": (246, 246, 244),
}
COLOR_NAMES = tuple(COLORS)
MAX_SHAPES = 8
MIN_SIDE, MAX_SIDE = 256, 768
# Sizes of shapes and gaps are fractions of sqrt(width x height), so that a picture keeps its look when it is resized.
MIN_EXTENT, MAX_EXTENT, GAP = 0.15, 0.42, 0.02
_MIN_CONTRAST = 85.0
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A flat shape; `outline` is (n, 2) float pixels, `xyxy` its exact bounds. Two that look the same are still two."""

    kind: str
    color: str
    outline: NDArray[np.float64]
    xyxy: tuple[float, float, float, float]

    @property
    def name(self) -> str:
        return f"{self.color} {self.kind}"

    @property
    def center_xy(self) -> tuple[float, float]:
        x1, y1, x2, y2 = self.xyxy
        return (x1 + x2) / 2, (y1 + y2) / 2


@dataclass(frozen=True, slots=True)
class Scene:
    """Shapes that do not overlap, on a picture of `size_wh` pixels; `background` has two RGB ends and a noise level."""

    size_wh: tuple[int, int]
    shapes: tuple[Shape, ...]
    background: tuple[Rgb, Rgb]
    noise: float
    paint_seed: int


def random_size(rng: np.random.Generator) -> tuple[int, int]:
    """A (width, height) of the domain: sides of 256 to 768 pixels, aspect ratio from 1:2 to 2:1."""
    if rng.random() < 0.25:
        side = int(rng.integers(MIN_SIDE, MAX_SIDE + 1))
        return side, side
    while True:
        width, height = (int(side) for side in rng.integers(MIN_SIDE, MAX_SIDE + 1, size=2))
        if max(width, height) <= 2 * min(width, height):
            return width, height


def random_scene(
    rng: np.random.Generator, size_wh: tuple[int, int] | None = None, max_shapes: int = MAX_SHAPES
) -> Scene:
    """Draw up a scene of 1 to `max_shapes` shapes (none if that is 0); crowded scenes have smaller ones."""
    size = size_wh or random_size(rng)
    background = random_background(rng)
    allowed = colors_on(background)
    if rng.random() < 0.3:
        # Few colours and kinds make the questions about counts and about "which one" worth asking.
        allowed = list(rng.permutation(allowed)[: int(rng.integers(1, 4))])
    kinds = list(rng.permutation(KINDS)[: int(rng.integers(1, 4))]) if rng.random() < 0.3 else list(KINDS)
    wanted = int(rng.integers(min(1, max_shapes), max_shapes + 1))
    largest = MAX_EXTENT if wanted <= 3 else 0.34 if wanted <= 5 else 0.27
    shapes: list[Shape] = []
    for _ in range(60 * wanted):
        if len(shapes) == wanted:
            break
        shape = _random_shape(rng, size, str(rng.choice(kinds)), str(rng.choice(allowed)), largest)
        if shape is not None and not any(touch(shape, other, size) for other in shapes):
            shapes.append(shape)
    noise = float(rng.uniform(4, 22)) if rng.random() < 0.35 else 0.0
    return Scene(size, tuple(shapes), background, noise, int(rng.integers(2**31)))


def draw(scene: Scene) -> NDArray[np.uint8]:
    """Paint a scene as an RGB array of shape (height, width, 3), edges antialiased."""
    rng = np.random.default_rng(scene.paint_seed)
    canvas = paint_background(scene, rng)
    for shape in scene.shapes:
        paint_shape(canvas, shape.outline, COLORS[shape.color], rng.integers(-12, 13, size=3))
    return canvas


def paint_shape(canvas: NDArray[np.uint8], outline: NDArray[np.float64], color: Rgb, shade: NDArray[np.int64]) -> None:
    """Fill an outline in pixels with a colour, which differs from the usual one by `shade`."""
    points = np.round((outline - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
    rgb = np.clip(np.array(color) + shade, 0, 255)
    cv2.fillPoly(canvas, [points], [int(c) for c in rgb], cv2.LINE_AA, _SUBPIXEL_BITS)


def random_background(rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    """Two RGB ends: equal for a plain background; light, dark or any colour."""
    low, high = [(205, 256), (10, 70), (40, 216)][int(rng.choice(3, p=[0.55, 0.15, 0.3]))]
    start = rng.integers(low, high, size=3)
    end = np.clip(start + rng.integers(-60, 61, size=3), 0, 255) if rng.random() < 0.4 else start
    first, last = _rgb(start), _rgb(end)
    return (first, last) if len(colors_on((first, last))) >= 5 else random_background(rng)


def colors_on(background: tuple[Rgb, Rgb]) -> list[str]:
    """The names of the colours that stand out from a background."""
    return [name for name in COLOR_NAMES if all(_distance(COLORS[name], end) > _MIN_CONTRAST for end in background)]


def _rgb(color: NDArray[np.int64]) -> Rgb:
    red, green, blue = (int(channel) for channel in color)
    return red, green, blue


def paint_background(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    width, height = scene.size_wh
    start, end = (np.array(color, dtype=np.float32) for color in scene.background)
    if scene.background[0] == scene.background[1]:
        canvas = np.full((height, width, 3), start, dtype=np.uint8)
    else:
        mix = rng.permutation(np.array([0.0, 1.0, rng.random(), rng.random()])).reshape(2, 2, 1)
        corners = (start * (1 - mix) + end * mix).astype(np.float32)
        canvas = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    if scene.noise:
        grain = np.empty((height, width, 3), dtype=np.int16)
        cv2.setRNGSeed(scene.paint_seed)
        cv2.randn(grain, np.zeros(3), np.full(3, scene.noise))
        canvas = np.clip(canvas.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    return canvas


def _random_shape(
    rng: np.random.Generator, size_wh: tuple[int, int], kind: str, color: str, largest: float
) -> Shape | None:
    width, height = size_wh
    extent = rng.uniform(MIN_EXTENT, largest) * math.sqrt(width * height)
    outline = centered_outline(rng, kind, extent)
    half_w, half_h = outline.max(axis=0)
    if 2 * half_w > width - 4 or 2 * half_h > height - 4:
        return None
    center = np.array([rng.uniform(half_w + 2, width - half_w - 2), rng.uniform(half_h + 2, height - half_h - 2)])
    return shape_of(kind, color, outline + center)


def centered_outline(rng: np.random.Generator, kind: str, extent: float) -> NDArray[np.float64]:
    """A shape a little turned, whose longer side has `extent` pixels and whose bounds have their centre at 0, 0."""
    outline = OUTLINES[kind](math.radians(rng.uniform(-12, 12)))
    low, high = outline.min(axis=0), outline.max(axis=0)
    return np.asarray((outline - (low + high) / 2) * (extent / float((high - low).max())))


def shape_of(kind: str, color: str, outline: NDArray[np.float64]) -> Shape:
    """The shape with this outline and its exact bounds."""
    (x1, y1), (x2, y2) = outline.min(axis=0), outline.max(axis=0)
    return Shape(kind, color, outline, (float(x1), float(y1), float(x2), float(y2)))


def _ring(angles: NDArray[np.float64], radii: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.stack([np.sin(angles) * radii, -np.cos(angles) * radii], axis=1)


def _regular(corners: int, start: float = 0.0) -> Callable[[float], NDArray[np.float64]]:
    return lambda turn: _ring(start + turn + np.arange(corners) * 2 * math.pi / corners, 1.0)


def _diamond(turn: float) -> NDArray[np.float64]:
    """A rhombus taller than wide, which no turn of a square within the allowed angles can look like."""
    return _ring(turn / 2 + np.arange(4) * math.pi / 2, np.array([1.0, 0.6, 1.0, 0.6]))


def _star(turn: float) -> NDArray[np.float64]:
    return _ring(turn + np.arange(10) * math.pi / 5, np.where(np.arange(10) % 2 == 0, 1.0, 0.42))


def _cross(turn: float) -> NDArray[np.float64]:
    arm = 0.34
    quarter = np.array([[-arm, -1.0], [arm, -1.0], [arm, -arm]])
    turns = [np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in np.arange(4) * math.pi / 2]
    tilt = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.asarray(np.concatenate([quarter @ t.T for t in turns]) @ tilt.T)


OUTLINES: dict[str, Callable[[float], NDArray[np.float64]]] = {
    "circle": _regular(72),
    "square": _regular(4, math.pi / 4),
    "triangle": _regular(3),
    "diamond": _diamond,
    "star": _star,
    "cross": _cross,
}


def touch(a: Shape, b: Shape, size_wh: tuple[int, int]) -> bool:
    """Whether the bounds of two shapes come closer than `GAP`."""
    gap = GAP * math.sqrt(size_wh[0] * size_wh[1])
    return not (
        a.xyxy[2] + gap < b.xyxy[0]
        or b.xyxy[2] + gap < a.xyxy[0]
        or a.xyxy[3] + gap < b.xyxy[1]
        or b.xyxy[3] + gap < a.xyxy[1]
    )


def _distance(a: Rgb, b: Rgb) -> float:
    return float(np.linalg.norm(np.array(a, dtype=float) - np.array(b, dtype=float)))
