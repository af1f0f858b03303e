"""Where the letters of a page are, column by column: the ground truth of reading, before any word is said.

A patch of `network.PATCH` pixels has `COLUMNS` narrow columns; a letter belongs to the one that holds its middle. Knows
pages and grids; nothing about networks that learn it, nor about what an answer says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.network import MERGE, PATCH
from training.pages import Page
from training.typesetting import CHARACTERS, Xy

COLUMNS = 4
"""Columns of a patch, each as wide as the narrowest letters."""
LETTERS = CHARACTERS.replace(" ", "")
NOTHING = 0
"""What a column holds that has no letter; letter i of `LETTERS` is i + 1."""
_NUMBERS = {letter: number for number, letter in enumerate(LETTERS, 1)}


@dataclass(frozen=True, slots=True)
class Placed:
    """Every letter of a page: its number, its middle, and whether it ends a word and a line."""

    numbers: NDArray[np.int64]
    xy: NDArray[np.float64]
    ends: NDArray[np.bool_]

    def scaled(self, factors_xy: Xy) -> Placed:
        """The same where the page is so many times as wide and high."""
        return replace(self, xy=self.xy * np.array(factors_xy))


def placed_of(page: Page) -> Placed:
    """The letters of a page in reading order."""
    numbers: list[int] = []
    xy: list[Xy] = []
    ends: list[tuple[bool, bool]] = []
    for line in page.lines:
        xy += line.letters_xy
        words = line.text.split()
        for index, word in enumerate(words):
            numbers += [_NUMBERS[letter] for letter in word]
            ends += [(False, False)] * (len(word) - 1) + [(True, index + 1 == len(words))]
    return Placed(np.array(numbers), np.array(xy).reshape(-1, 2), np.array(ends).reshape(-1, 2))


def columns_of(placed: Placed, origin: Xy, grid_hw: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What each column of a window holds whose first pixel is `origin`: letters (rows, columns), and (..., 2) whether
    they end a word and a line.
    """
    rows, columns = grid_hw[0] * MERGE, grid_hw[1] * MERGE * COLUMNS
    column = np.floor((placed.xy[:, 0] - origin[0]) / (PATCH // COLUMNS)).astype(np.int64)
    row = np.floor((placed.xy[:, 1] - origin[1]) / PATCH).astype(np.int64)
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    letters = np.zeros((rows, columns), np.int64)
    ends = np.zeros((rows, columns, 2), np.float32)
    letters[row[inside], column[inside]] = placed.numbers[inside]
    ends[row[inside], column[inside]] = placed.ends[inside]
    return letters, ends
