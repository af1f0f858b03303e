"""Where the lines of print lie within a part of a page's picture.

Rows of pixels with ink in them make a line, rows without part it from the next (the projection profile of document
analysis). Knows pixels. Does not know what the lines say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
import numpy.typing as npt

from app.exports.crops import pixel_box

Grey = npt.NDArray[np.uint8]
"""A page's picture in grey: rows of pixels, 0 is black."""
Xyxy = tuple[float, float, float, float]

_CONTRAST_MIN = 40
_LINE_MIN_PX = 4
_NEAR = 0.2
_ROUNDING = 0.1
_TOUCHING_MAX = 6
_PART_OF_LINE = 0.4
"""Lower than this, compared with the usual line, are dots and accents that stand apart from their letters."""


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """The box of a line of print, and how wide the gaps in it are, between letters and between words."""

    xyxy: Xyxy
    gaps_px: tuple[int, ...]


def printed_lines(grey: Grey, xyxy: Xyxy) -> list[PrintedLine]:
    """The lines of print in a part of the page, from top to bottom; none where there is no print."""
    x1, y1, x2, y2 = pixel_box(xyxy, (grey.shape[1], grey.shape[0]))
    part = grey[y1:y2, x1:x2].astype(np.int16)
    distance = np.abs(part - np.median(part))  # print is dark on light or light on dark
    is_ink = distance > max(_CONTRAST_MIN, float(np.max(distance)) / 2)
    lines = []
    for top, bottom in _parted(_joined(list(_runs(np.any(is_ink, 1)))), is_ink.sum(axis=1)):
        columns = np.flatnonzero(np.any(is_ink[top:bottom], 0))
        gaps = np.diff(columns) - 1
        box = float(x1 + columns[0]), float(y1 + top), float(x1 + columns[-1] + 1), float(y1 + bottom)
        lines.append(PrintedLine(box, tuple(gaps[gaps > 0].tolist())))
    return lines


def space_counts(printed: Sequence[PrintedLine], total: int) -> list[int]:
    """How many spaces there are in each line, when it is known how many there are in all: the widest gaps are those."""
    widest = sorted((gap for line in printed for gap in line.gaps_px), reverse=True)[: max(total, 0)]
    if not widest:
        return [0] * len(printed)
    # Gaps as wide as the last of them may be more than there are spaces: with or without them, what comes nearer.
    counts = [[sum(gap >= limit for gap in line.gaps_px) for line in printed] for limit in (widest[-1], widest[-1] + 1)]
    return min(counts, key=lambda found: abs(sum(found) - total))


def _runs(is_ink: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last row (exclusive) of each stretch of rows with ink."""
    changes = np.flatnonzero(np.diff(np.concatenate(([0], is_ink.view(np.int8), [0]))))
    return zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)


def _joined(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The runs with dots and accents joined to the nearer of their neighbours, and specks of dust left out."""
    if not runs:
        return []
    usual = max(float(np.percentile([bottom - top for top, bottom in runs], 75)), _LINE_MIN_PX)
    whole = [run for run in runs if run[1] - run[0] >= _PART_OF_LINE * usual]
    for top, bottom in runs:
        if bottom - top < _PART_OF_LINE * usual and whole:
            near = min(range(len(whole)), key=lambda i: max(whole[i][0] - bottom, top - whole[i][1]))
            if max(whole[near][0] - bottom, top - whole[near][1]) < _PART_OF_LINE * usual:
                whole[near] = min(top, whole[near][0]), max(bottom, whole[near][1])
    return whole


def _parted(runs: list[tuple[int, int]], ink: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The runs with lines parted whose letters touch, where there is least ink near the places to be expected.

    What would be many lines is a picture, and left out.
    """
    usual = median_low(bottom - top for top, bottom in runs) if runs else 1
    for top, bottom in runs:
        # Lines that touch are together at least as high as each of them alone; one without capitals is lower.
        count = max(int((bottom - top) / usual + _ROUNDING), 1)
        if count > _TOUCHING_MAX:
            continue
        pitch, start = (bottom - top) / count, top
        for number in range(1, count):
            first, last = (round(top + (number + side) * pitch) for side in (-_NEAR, _NEAR))
            middle = first + int(np.argmin(ink[first : last + 1]))
            yield start, middle
            start = middle
        yield start, bottom
