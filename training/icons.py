"""Icons of drawn screens: a few dozen signs as strokes in the unit square.

Knows their outlines and how they become coverage. Does not know where they stand or what they do.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Stroke = tuple[tuple[float, float], ...]

_FINE = 4  # so many times larger each way are icons drawn before they are made small
_THICKNESS = 0.09
_SHIFT_BITS = 4
_LEAST_COVERAGE = 24  # what is fainter nobody sees, but it would count as ink


def _arc(x: float, y: float, radius: float, start: float = 0, end: float = 360, flat: float = 1.0) -> Stroke:
    """Part of a circle, in degrees from the right by way of the bottom; `flat` below 1 is an upright ellipse."""
    angles = [math.radians(start + (end - start) * step / 24) for step in range(25)]
    return tuple((x + flat * radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles)


def _rect(x1: float, y1: float, x2: float, y2: float) -> Stroke:
    return ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))


def _star() -> Stroke:
    radii = (0.44 if step % 2 == 0 else 0.18 for step in range(11))
    return tuple(
        (0.5 + radius * math.sin(step * math.pi / 5), 0.52 - radius * math.cos(step * math.pi / 5))
        for step, radius in enumerate(radii)
    )


def _heart() -> Stroke:
    turns = [2 * math.pi * step / 40 for step in range(41)]
    return tuple(
        (
            0.5 + 0.42 * math.sin(turn) ** 3,
            0.47 - 0.026 * (13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)),
        )
        for turn in turns
    )


def _spokes() -> tuple[Stroke, ...]:
    ways = [(math.cos(step * math.pi / 4), math.sin(step * math.pi / 4)) for step in range(8)]
    return tuple(((0.5 + 0.3 * x, 0.5 + 0.3 * y), (0.5 + 0.44 * x, 0.5 + 0.44 * y)) for x, y in ways)


ICONS: dict[str, tuple[Stroke, ...]] = {
    "search": (_arc(0.42, 0.42, 0.29), ((0.63, 0.63), (0.9, 0.9))),
    "close": (((0.18, 0.18), (0.82, 0.82)), ((0.82, 0.18), (0.18, 0.82))),
    "maximize": (_rect(0.15, 0.15, 0.85, 0.85),),
    "minimize": (((0.15, 0.8), (0.85, 0.8)),),
    "add": (((0.5, 0.12), (0.5, 0.88)), ((0.12, 0.5), (0.88, 0.5))),
    "menu": (((0.12, 0.24), (0.88, 0.24)), ((0.12, 0.5), (0.88, 0.5)), ((0.12, 0.76), (0.88, 0.76))),
    "back": (((0.88, 0.5), (0.14, 0.5)), ((0.46, 0.18), (0.14, 0.5), (0.46, 0.82))),
    "forward": (((0.12, 0.5), (0.86, 0.5)), ((0.54, 0.18), (0.86, 0.5), (0.54, 0.82))),
    "home": (((0.08, 0.5), (0.5, 0.12), (0.92, 0.5)), ((0.22, 0.42), (0.22, 0.88), (0.78, 0.88), (0.78, 0.42))),
    "mail": (_rect(0.08, 0.2, 0.92, 0.8), ((0.08, 0.24), (0.5, 0.56), (0.92, 0.24))),
    "user": (_arc(0.5, 0.3, 0.18), _arc(0.5, 0.92, 0.36, 180, 360), ((0.14, 0.92), (0.86, 0.92))),
    "lock": (_rect(0.2, 0.46, 0.8, 0.9), _arc(0.5, 0.46, 0.21, 180, 360, 0.9)),
    "trash": (
        ((0.14, 0.24), (0.86, 0.24)),
        ((0.24, 0.24), (0.3, 0.9), (0.7, 0.9), (0.76, 0.24)),
        ((0.38, 0.24), (0.38, 0.1), (0.62, 0.1), (0.62, 0.24)),
    ),
    "star": (_star(),),
    "heart": (_heart(),),
    "play": (((0.24, 0.12), (0.84, 0.5), (0.24, 0.88), (0.24, 0.12)),),
    "pause": (_rect(0.2, 0.14, 0.36, 0.86), _rect(0.64, 0.14, 0.8, 0.86)),
    "download": (
        ((0.5, 0.1), (0.5, 0.64)),
        ((0.26, 0.42), (0.5, 0.66), (0.74, 0.42)),
        ((0.12, 0.68), (0.12, 0.9), (0.88, 0.9), (0.88, 0.68)),
    ),
    "upload": (
        ((0.5, 0.66), (0.5, 0.12)),
        ((0.26, 0.34), (0.5, 0.1), (0.74, 0.34)),
        ((0.12, 0.68), (0.12, 0.9), (0.88, 0.9), (0.88, 0.68)),
    ),
    "edit": (((0.12, 0.88), (0.18, 0.64), (0.7, 0.12), (0.88, 0.3), (0.36, 0.82), (0.12, 0.88)),),
    "check": (((0.14, 0.54), (0.4, 0.8), (0.88, 0.22)),),
    "calendar": (
        _rect(0.12, 0.2, 0.88, 0.9),
        ((0.12, 0.42), (0.88, 0.42)),
        ((0.32, 0.08), (0.32, 0.28)),
        ((0.68, 0.08), (0.68, 0.28)),
    ),
    "folder": (((0.08, 0.82), (0.08, 0.2), (0.38, 0.2), (0.48, 0.34), (0.92, 0.34), (0.92, 0.82), (0.08, 0.82)),),
    "clock": (_arc(0.5, 0.5, 0.4), ((0.5, 0.24), (0.5, 0.5), (0.7, 0.62))),
    "bell": (
        ((0.14, 0.74), (0.26, 0.6), (0.26, 0.42)),
        _arc(0.5, 0.42, 0.26, 180, 360, 0.92),
        ((0.74, 0.42), (0.74, 0.6), (0.86, 0.74), (0.14, 0.74)),
        ((0.42, 0.9), (0.58, 0.9)),
    ),
    "camera": (
        _rect(0.08, 0.28, 0.92, 0.84),
        _arc(0.5, 0.56, 0.17),
        ((0.34, 0.28), (0.4, 0.14), (0.6, 0.14), (0.66, 0.28)),
    ),
    "settings": (_arc(0.5, 0.5, 0.3), _arc(0.5, 0.5, 0.11), *_spokes()),
    "refresh": (_arc(0.5, 0.5, 0.36, -30, 250), ((0.86, 0.1), (0.82, 0.34), (0.58, 0.3))),
    "share": (
        _arc(0.22, 0.5, 0.13),
        _arc(0.78, 0.2, 0.13),
        _arc(0.78, 0.8, 0.13),
        ((0.34, 0.44), (0.66, 0.26)),
        ((0.34, 0.56), (0.66, 0.74)),
    ),
    "info": (_arc(0.5, 0.5, 0.41), ((0.5, 0.46), (0.5, 0.74)), ((0.5, 0.27), (0.5, 0.29))),
    "view": (_arc(0.5, 0.86, 0.54, 222, 318), _arc(0.5, 0.14, 0.54, 42, 138), _arc(0.5, 0.5, 0.13)),
    "flag": (((0.2, 0.08), (0.2, 0.92)), ((0.2, 0.12), (0.84, 0.12), (0.68, 0.33), (0.84, 0.54), (0.2, 0.54))),
    "chart": (
        ((0.1, 0.9), (0.9, 0.9)),
        _rect(0.16, 0.54, 0.3, 0.9),
        _rect(0.43, 0.3, 0.57, 0.9),
        _rect(0.7, 0.12, 0.84, 0.9),
    ),
    "globe": (_arc(0.5, 0.5, 0.41), _arc(0.5, 0.5, 0.41, flat=0.45), ((0.09, 0.5), (0.91, 0.5))),
    "bookmark": (((0.24, 0.08), (0.76, 0.08), (0.76, 0.92), (0.5, 0.68), (0.24, 0.92), (0.24, 0.08)),),
    "phone": (_rect(0.27, 0.06, 0.73, 0.94), ((0.44, 0.82), (0.56, 0.82))),
}
"""Name -> strokes. A stroke goes from point to point, x to the right and y down."""


@lru_cache(maxsize=3000)
def icon_mask(name: str, side_px: int) -> NDArray[np.uint8]:
    """The icon's coverage, (side, side), 0 to 255."""
    side = side_px * _FINE
    canvas = np.zeros((side, side), dtype=np.uint8)
    thickness = max(_FINE, round(side * _THICKNESS))
    for stroke in ICONS[name]:
        points = np.round(np.array(stroke) * side * 2**_SHIFT_BITS).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, thickness, cv2.LINE_AA, _SHIFT_BITS)
    mask = np.asarray(cv2.resize(canvas, (side_px, side_px), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.where(mask < _LEAST_COVERAGE, np.uint8(0), mask)
