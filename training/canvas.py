"""A picture that is drawn up piece by piece: boxes, strokes and words with the exact bounds of their ink.

Knows pixels and runs of text. Does not know what is drawn: screens and charts share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.typesetting import Font, Rgb, Run, Xy, Xyxy

_SHIFT_BITS = 4


class Canvas:
    """RGB `pixels` of shape (height, width, 3). Shapes are drawn at once, words when all else is in place.

    `runs` are the words that are drawn by now.
    """

    def __init__(self, size_wh: tuple[int, int], ground: Rgb) -> None:
        self.size_wh = size_wh
        self.pixels = np.full((size_wh[1], size_wh[0], 3), ground, dtype=np.uint8)
        self.runs: list[Run] = []
        self._words: list[tuple[Font, Xy, str, Rgb]] = []

    def box(self, xyxy: Xyxy, rgb: Rgb, radius_px: int = 0) -> None:
        """A filled rectangle of whole pixels with round corners."""
        x1, y1, x2, y2 = (round(side) for side in xyxy)
        place = self.pixels[max(0, y1) : y2, max(0, x1) : x2]
        radius = max(0, min(radius_px, place.shape[0] // 2, place.shape[1] // 2))
        before = place.copy() if radius else place
        place[:] = rgb
        if not radius:
            return
        share = _corner_mask(radius)
        first, last = slice(0, radius), slice(-radius, None)
        for rows, columns, mask in (
            (first, first, share),
            (first, last, share[:, ::-1]),
            (last, first, share[::-1]),
            (last, last, share[::-1, ::-1]),
        ):
            place[rows, columns] = blend(before[rows, columns], rgb, mask)

    def exact_box(self, xyxy: Xyxy, rgb: Rgb) -> None:
        """A filled rectangle that ends within pixels: those are covered as far as it goes."""
        x1, y1, x2, y2 = xyxy
        left, top = int(x1), int(y1)
        columns, rows = _coverage(x1, x2), _coverage(y1, y2)
        place = self.pixels[top : top + len(rows), left : left + len(columns)]
        share = np.asarray(np.outer(rows, columns), dtype=np.float32)[..., None]
        place[:] = blend(place, rgb, share[: place.shape[0], : place.shape[1]])

    def stamp(self, mask: NDArray[np.uint8], xy: tuple[int, int], rgb: Rgb) -> Xyxy:
        """Colour through a mask of coverage, 0 to 255, with its left top corner there; returns the ink's bounds."""
        x, y = xy
        place = self.pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
        share = np.asarray(mask[: place.shape[0], : place.shape[1], None] / 255, dtype=np.float32)
        place[:] = blend(place, rgb, share)
        left, top, width, height = cv2.boundingRect(mask)
        return (x + left, y + top, x + left + width, y + top + height)

    def polygon(self, outline: NDArray[np.float64], rgb: Rgb) -> None:
        """Fill an outline (n, 2) in pixels, edges antialiased."""
        cv2.fillPoly(self.pixels, [_fixed(outline)], rgb, cv2.LINE_AA, _SHIFT_BITS)

    def stroke(self, points: NDArray[np.float64] | Sequence[Xy], rgb: Rgb, width_px: int) -> None:
        """A line through points (n, 2), antialiased."""
        cv2.polylines(self.pixels, [_fixed(np.asarray(points))], False, rgb, width_px, cv2.LINE_AA, _SHIFT_BITS)

    def words(self, text: str, xy: Xy, rgb: Rgb, font: Font) -> Xyxy:
        """Set words with the left end of their baseline there; returns the bounds of their ink."""
        self._words.append((font, xy, text, rgb))
        return font.ink_xyxy(text, xy)

    def words_in(
        self, text: str, xyxy: Xyxy, rgb: Rgb, font: Font, align: Literal["left", "center", "right"] = "center"
    ) -> Xyxy:
        """Set words in the middle of a box's height."""
        x1, y1, x2, y2 = xyxy
        room = x2 - x1 - font.advance_px(text)
        x = x1 + round(room * {"left": 0, "center": 0.5, "right": 1}[align])
        return self.words(text, (x, round((y1 + y2 + font.ascent_px) / 2)), rgb, font)

    def turned_words(self, text: str, xyxy: Xyxy, rgb: Rgb, font: Font) -> None:
        """Set words that read upwards in the middle of a box."""
        width, height = round(font.advance_px(text)) + 4, font.height_px + 4
        mask = Image.new("RGB", (width, height))
        font.draw(ImageDraw.Draw(mask), (2, font.ascent_px + 2), text, (255, 255, 255))
        turned = np.array(mask.transpose(Image.Transpose.ROTATE_90))[..., 0]
        corner = round((xyxy[0] + xyxy[2] - height) / 2), round((xyxy[1] + xyxy[3] - width) / 2)
        self.runs.append(Run(text, self.stamp(turned, corner, rgb), width))

    def set_words(self) -> None:
        """Draw the words that were set by now."""
        picture = Image.fromarray(self.pixels)
        pen = ImageDraw.Draw(picture)
        self.runs += [font.draw(pen, xy, text, rgb) for font, xy, text, rgb in self._words]
        self._words = []
        self.pixels = np.array(picture)


def blend(ground: NDArray[np.uint8], rgb: Rgb, share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A colour over pixels (height, width, 3), as far as `share` (height, width, 1), 0 to 1, covers them."""
    return np.round(ground * (1 - share) + np.array(rgb, dtype=np.float32) * share).astype(np.uint8)


def mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    """The first colour with this share of the second."""
    red, green, blue = (round(a * (1 - share) + b * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def rgb_of(color: str) -> Rgb:
    """From six hexadecimal digits."""
    red, green, blue = bytes.fromhex(color)
    return red, green, blue


def inset(xyxy: Xyxy, by_px: float) -> Xyxy:
    x1, y1, x2, y2 = xyxy
    return x1 + by_px, y1 + by_px, x2 - by_px, y2 - by_px


def union(a: Xyxy, b: Xyxy) -> Xyxy:
    """The bounds of both."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def overlap(a: Xyxy, b: Xyxy) -> bool:
    """Whether two boxes have anything in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Points as OpenCV takes them, for which a pixel's centre is a whole number."""
    return np.asarray(np.round((points - 0.5) * 2**_SHIFT_BITS), dtype=np.int32)


def _coverage(start: float, end: float) -> NDArray[np.float32]:
    """How far each pixel from `int(start)` on is within the interval."""
    edges = np.arange(int(start), int(np.ceil(end)))
    return np.asarray(np.clip(np.minimum(edges + 1, end) - np.maximum(edges, start), 0, 1), dtype=np.float32)


@lru_cache(maxsize=200)
def _corner_mask(radius_px: int) -> NDArray[np.float32]:
    """The share of each pixel of a left top corner, (radius, radius, 1), that lies within the quarter of a circle."""
    fine = (np.arange(radius_px * 4) + 0.5) / 4
    inside = (fine[:, None] - radius_px) ** 2 + (fine[None, :] - radius_px) ** 2 <= radius_px**2
    return np.asarray(inside.reshape(radius_px, 4, radius_px, 4).mean(axis=(1, 3))[..., None], dtype=np.float32)
