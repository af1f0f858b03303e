"""Where the lines of print lie within a part of a page's picture.

Rows of pixels with ink in them make a line, rows without part it from the next (the projection profile of document
analysis). Knows pixels. Does not know what the lines say.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from app.exports.crops import pixel_box

Grey = npt.NDArray[np.uint8]
"""A page's picture in grey: rows of pixels, 0 is black."""
Xyxy = tuple[float, float, float, float]

_CONTRAST_MIN = 40
_LINE_MIN_PX = 4
_PART_OF_LINE = 0.4
"""Lower than this, compared with the usual line, are dots and accents that stand apart from their letters."""


def printed_lines(grey: Grey, xyxy: Xyxy) -> list[Xyxy]:
    """The boxes of the lines of print in a part of the page, from top to bottom; none where there is no print."""
    x1, y1, x2, y2 = pixel_box(xyxy, (grey.shape[1], grey.shape[0]))
    part = grey[y1:y2, x1:x2].astype(np.int16)
    distance = np.abs(part - np.median(part))  # print is dark on light or light on dark
    is_ink = distance > max(_CONTRAST_MIN, float(np.max(distance)) / 2)
    lines = []
    for top, bottom in _joined(list(_runs(np.any(is_ink, 1)))):
        columns = np.flatnonzero(np.any(is_ink[top:bottom], 0))
        lines.append((float(x1 + columns[0]), float(y1 + top), float(x1 + columns[-1] + 1), float(y1 + bottom)))
    return lines


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
