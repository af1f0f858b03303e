"""Pages drawn without their words or with some of them alone: what differs between the two is those words' ink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageDraw

from training.columns import LETTERS, NOTHING
from training.pages import Page
from training.typesetting import Font, Rgb, Run, Xy, Xyxy

Draws = Callable[[int], bool]
"""Whether to draw a run, counted from 0."""


def drawn_with(monkeypatch: pytest.MonkeyPatch, make: Callable[[], Page], draws: Draws) -> Page:
    """The page that `make` makes, with only those of its runs drawn."""
    really, count = Font.draw, 0

    def draw(self: Font, pen: ImageDraw.ImageDraw, xy: Xy, text: str, rgb: Rgb) -> Run:
        nonlocal count
        count += 1
        if draws(count - 1):
            return really(self, pen, xy, text, rgb)
        return Run(text, self.ink_xyxy(text, xy), self.advance_px(text))

    with monkeypatch.context() as patch:
        patch.setattr(Font, "draw", draw)
        return make()


def difference_xyxy(first: NDArray[np.uint8], second: NDArray[np.uint8], least: int = 1) -> Xyxy:
    """The box around the pixels in which two pictures differ by at least so many grey levels."""
    rows, columns = np.nonzero(np.abs(first.astype(int) - second).max(axis=2) >= least)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def text_of_columns(held: NDArray[np.int64], ends: NDArray[np.float32]) -> str:
    """What the columns (rows, columns) of a picture say through which one line goes."""
    order = np.argwhere(held.T != NOTHING)
    said = ((LETTERS[held[row, column] - 1], ends[row, column]) for column, row in order)
    return "".join(letter + (" " if word and not line else "") for letter, (word, line) in said)
