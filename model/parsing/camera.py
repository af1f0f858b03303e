"""3D boxes on the picture: from metres in the camera's frame to pixels.

Knows the pinhole camera and the way Qwen3-VL writes a 3D box. Follows the published 3D grounding example of Qwen3-VL:
the three angles are fractions of pi and turn about x, then y, then z.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from model.parsing.coords import XY

XYZ = tuple[float, float, float]

EDGES: tuple[tuple[int, int], ...] = (
    *((0, 1), (2, 3), (4, 5), (6, 7)),
    *((0, 2), (1, 3), (4, 6), (5, 7)),
    *((0, 4), (1, 5), (2, 6), (3, 7)),
)
"""Pairs of corners that a line joins, four along each axis."""

NEAREST_M = 1e-6
"""A corner closer than this to the camera's plane, or behind it, has no place in the picture."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera: focal lengths and principal point in pixels of the source picture."""

    fx: float
    fy: float
    cx: float
    cy: float

    def project(self, xyz: XYZ) -> XY | None:
        """The place of a point in metres (x right, y down, z ahead); None when it is not in front of the camera."""
        x, y, z = xyz
        if z < NEAREST_M:
            return None
        return self.fx * x / z + self.cx, self.fy * y / z + self.cy


def corners_xy(values: Sequence[float], camera: Camera) -> tuple[XY | None, ...]:
    """The eight projected corners of `[x, y, z, x_size, y_size, z_size, a, b, c]`.

    x runs slowest, from + to -, z fastest. A corner behind the camera is None. `EDGES` says which ones to join.
    """
    x, y, z, x_size, y_size, z_size, *angles = values
    halves = product((x_size / 2, -x_size / 2), (y_size / 2, -y_size / 2), (z_size / 2, -z_size / 2))
    turned = (_turn(corner, angles) for corner in halves)
    return tuple(camera.project((dx + x, dy + y, dz + z)) for dx, dy, dz in turned)


def _turn(xyz: XYZ, angles: Sequence[float]) -> XYZ:
    """Turn a point by three fractions of pi about the axes x, y and z, in this order."""
    x, y, z = xyz
    about_x, about_y, about_z = (angle * math.pi for angle in angles)
    y, z = y * math.cos(about_x) - z * math.sin(about_x), y * math.sin(about_x) + z * math.cos(about_x)
    x, z = x * math.cos(about_y) + z * math.sin(about_y), -x * math.sin(about_y) + z * math.cos(about_y)
    return x * math.cos(about_z) - y * math.sin(about_z), x * math.sin(about_z) + y * math.cos(about_z), z
