"""From the numbers that a model writes to float pixels of the source picture.

Knows conventions and sizes. Does not know how the numbers stand in the text. The conventions themselves are data, in
`model.catalog`; here is only the arithmetic, and what happens to numbers that do not fit the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.types import Convention, MediumInput

XY = tuple[float, float]
XYXY = tuple[float, float, float, float]

TOLERANCE_PX = 1.0
"""A place this little outside the picture is rounding, not worth a word."""


@dataclass(frozen=True, slots=True)
class PixelMap:
    """Multiplies written numbers into pixels. Without `size_wh` nothing is known of the picture: no bounds."""

    factor_xy: XY = (1.0, 1.0)
    size_wh: tuple[int, int] | None = None
    y_first: bool = False

    def points(self, numbers: Sequence[float]) -> list[XY]:
        """Consecutive pairs of numbers as `(x, y)` in pixels, not yet bounded."""
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        factor_x, factor_y = self.factor_xy
        if self.y_first:
            return [(x * factor_x, y * factor_y) for y, x in pairs]
        return [(x * factor_x, y * factor_y) for x, y in pairs]

    def bounded(self, xy: XY) -> XY:
        """The nearest place inside the picture."""
        if self.size_wh is None:
            return xy
        width, height = self.size_wh
        return min(max(xy[0], 0.0), float(width)), min(max(xy[1], 0.0), float(height))

    def is_outside(self, xy: XY) -> bool:
        inside = self.bounded(xy)
        return max(abs(xy[0] - inside[0]), abs(xy[1] - inside[1])) > TOLERANCE_PX


def pixel_map(convention: Convention, medium: MediumInput | None) -> PixelMap:
    """How `convention` is to be read for one picture; None when its size is not known.

    A scale of 1000 means x / 1000 * width. Pixels of the input are stretched back by the ratio of the two sizes, each
    axis on its own, because the resize rounds both sides to the patch factor.
    """
    y_first = convention.order == "yxyx"
    if medium is None:
        return PixelMap(y_first=y_first)
    width, height = medium.source_size_wh
    if convention.scale == "source_px":
        factor_xy = (1.0, 1.0)
    elif convention.scale == "input_px":
        factor_xy = (width / medium.input_size_wh[0], height / medium.input_size_wh[1])
    else:
        factor_xy = (width / float(convention.scale), height / float(convention.scale))
    return PixelMap(factor_xy, (width, height), y_first)


def ordered(first: XY, second: XY) -> XYXY:
    """The box between two opposite corners, whichever they are."""
    return min(first[0], second[0]), min(first[1], second[1]), max(first[0], second[0]), max(first[1], second[1])


def is_finite(numbers: Sequence[float]) -> bool:
    return all(math.isfinite(number) for number in numbers)


def as_number(value: object) -> float | None:
    """A number, or text that is one, as a float; None for anything else. What is too large becomes infinity."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
    except OverflowError:
        return math.inf
