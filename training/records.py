"""What a merged visual token should say about the picture: the targets of dense pre-training.

A picture of `grid_hw` merged cells gives one record a cell. The cell that holds the centre of a shape's box describes
that shape: kind, colour, and the six coordinates of box and centre. Every other cell's record is zero. Coordinates are
written as waves, sines and cosines of falling periods: bounded, smooth, and as exact as the finest wave even in
bfloat16, where a plain number is not. Turning them into digits is left to the language model, which is good at it.

Knows scenes and numbers; nothing about networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.scenes import COLOR_NAMES, KINDS, Scene, Shape

COORDINATES = ("x1", "y1", "x2", "y2", "cx", "cy")
# Periods as shares of a side. Ten second digits lie on the circle of 0.1; 0.2 tells them, too, once the first is known.
PERIODS = np.array([2.0, 1.0, 0.5, 0.2, 0.1])
WAVES = 2 * len(PERIODS)
THERMOMETER = 12
PRESENT = 0
KIND = slice(1, 1 + len(KINDS))
COLOR = slice(KIND.stop, KIND.stop + len(COLOR_NAMES))
COORDS = slice(COLOR.stop, COLOR.stop + len(COORDINATES) * WAVES)
PLACE = slice(COORDS.stop, COORDS.stop + 2 * THERMOMETER)
WIDTH = PLACE.stop
_LEVELS = np.linspace(1 / THERMOMETER, 1.0, THERMOMETER) - 0.5 / THERMOMETER
_LEAST_SIGMA, _MOST_SIGMA = 1.0, 8.0


def permille(value: float, length: float) -> int:
    """A pixel coordinate as the whole number 0-999 that the model writes."""
    return int(min(999, max(0, round(value / length * 1000))))


def coordinates(shape: Shape, size_wh: tuple[int, int]) -> NDArray[np.int64]:
    """The six numbers x1, y1, x2, y2, cx, cy of a shape in 0-999."""
    width, height = size_wh
    (x1, y1, x2, y2), (cx, cy) = shape.xyxy, shape.center_xy
    pairs = [(x1, width), (y1, height), (x2, width), (y2, height), (cx, width), (cy, height)]
    return np.array([permille(value, length) for value, length in pairs])


def cell_of(shape: Shape, size_wh: tuple[int, int], grid_hw: tuple[int, int]) -> int:
    """Index of the merged cell, in reading order, that holds the centre of the shape's box."""
    (width, height), (rows, columns) = size_wh, grid_hw
    cx, cy = shape.center_xy
    row, column = min(rows - 1, int(cy / height * rows)), min(columns - 1, int(cx / width * columns))
    return row * columns + column


def reading_order(scene: Scene, grid_hw: tuple[int, int]) -> list[Shape]:
    """Shapes in the order in which answers list them: by cell, row after row."""
    return sorted(scene.shapes, key=lambda shape: cell_of(shape, scene.size_wh, grid_hw))


def waves(numbers: NDArray[Any], sigma: float = 0.0) -> NDArray[np.float32]:
    """Sines and cosines, (n, WAVES), of numbers in 0-999 that are known up to a normal error of `sigma`.

    The expectation of a wave under that error is the wave shrunk by exp(-2 (pi sigma / period)^2), which is also what
    a regression with squared error gives.
    """
    angles = numbers[:, None] / 1000.0 * (2 * np.pi / PERIODS)
    shrink = np.exp(-2 * (np.pi * sigma / 1000.0 / PERIODS) ** 2)
    return np.concatenate([np.sin(angles) * shrink, np.cos(angles) * shrink], axis=1).astype(np.float32)


def exact_records(scene: Scene, grid_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Records of a scene, (cells, WIDTH)."""
    records = np.zeros((grid_hw[0] * grid_hw[1], WIDTH), dtype=np.float32)
    for shape in scene.shapes:
        records[cell_of(shape, scene.size_wh, grid_hw)] = _record(shape, coordinates(shape, scene.size_wh), 0.0)
    return records


def uncertain_records(scene: Scene, grid_hw: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Records as a tower that sees imperfectly would give them: blurred waves, a centre shared by two cells."""
    records = np.zeros((grid_hw[0] * grid_hw[1], WIDTH), dtype=np.float32)
    sigma = _LEAST_SIGMA * (_MOST_SIGMA / _LEAST_SIGMA) ** float(rng.random())
    for shape in scene.shapes:
        numbers = coordinates(shape, scene.size_wh)
        record = _record(shape, numbers + rng.normal(0, sigma, size=6), sigma)
        record[KIND] = _smear(record[KIND], rng)
        record[COLOR] = _smear(record[COLOR], rng)
        for cell, share in _shares(shape, scene.size_wh, grid_hw, sigma):
            records[cell] += share * record
    return records + rng.normal(0, 0.03, size=records.shape).astype(np.float32)


def _record(shape: Shape, numbers: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    record = np.zeros(WIDTH, dtype=np.float32)
    record[PRESENT] = 1.0
    record[KIND.start + KINDS.index(shape.kind)] = 1.0
    record[COLOR.start + COLOR_NAMES.index(shape.color)] = 1.0
    record[COORDS] = waves(numbers, sigma).reshape(-1)
    place = numbers[4:, None] / 1000.0
    record[PLACE] = np.clip(0.5 + (place - _LEVELS) * THERMOMETER, 0, 1).reshape(-1)
    return record


def _smear(one_hot: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    doubt = float(rng.random()) ** 3 * 0.3
    other = np.zeros_like(one_hot)
    other[int(rng.integers(len(one_hot)))] = 1.0
    return ((1 - doubt) * one_hot + doubt * other).astype(np.float32)


def _shares(shape: Shape, size_wh: tuple[int, int], grid_hw: tuple[int, int], sigma: float) -> list[tuple[int, float]]:
    """Cells and their shares of a shape whose centre is known up to `sigma` thousandths of a side."""
    (width, height), (rows, columns) = size_wh, grid_hw
    cx, cy = shape.center_xy
    shares: dict[int, float] = {}
    for row, in_row in _neighbours(cy / height * rows, rows, sigma):
        for column, in_column in _neighbours(cx / width * columns, columns, sigma):
            shares[row * columns + column] = shares.get(row * columns + column, 0.0) + in_row * in_column
    return [(cell, share) for cell, share in shares.items() if share > 0.02]


def _neighbours(position: float, cells: int, sigma: float) -> list[tuple[int, float]]:
    cell = min(cells - 1, int(position))
    edge = round(position)
    if not 0 < edge < cells:
        return [(cell, 1.0)]
    upper = 1 / (1 + float(np.exp(-(position - edge) / (sigma * cells / 1000 / 1.7))))
    return [(edge - 1, 1 - upper), (edge, upper)]
