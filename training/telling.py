"""Which visual tokens an answer speaks about, piece by piece: the words of a page, one after another.

Knows boxes in a picture, the cells that the picture is seen in, and written answers. Does not know what is asked, nor
what a page, a screen or a chart is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from training.dialogues import Cells, Piece, Spelled
from training.transcripts import Transcript, spellings
from training.typesetting import Xy, Xyxy


class Word(NamedTuple):
    """A word that an answer writes, and the visual tokens that show it; None where that is not told.

    `letters` has for each letter the visual token that holds its middle, where that is told.
    """

    text: str
    cells: Cells | None
    letters: Cells = ()


LEAST_COVER = 0.25
"""A cell shows a box if it holds this share of the box's width and height, or of its own."""
_SIGNS = re.compile(
    r"<[^>]*>"  # HTML
    r"|\\(?:begin|end)\{tabular\}(?:\{[^}]*\})?|\\hline|\\multirow\{\d+\}\{\*\}|\\multicolumn\{\d+\}\{[^}]*\}"  # LaTeX
    r'|"[^"]*": (?:\[[\d, ]+\])?'  # JSON
)


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture of `size_wh` pixels, seen in `grid_hw` rows and columns of cells, tokens from `first_cell` on."""

    size_wh: tuple[int, int]
    grid_hw: tuple[int, int]
    first_cell: int = 0

    def cell_at(self, xy: Xy) -> int:
        """The visual token that shows a point, or the nearest one to it."""
        (x, y), (width, height), (rows, columns) = xy, self.size_wh, self.grid_hw
        row = min(max(int(y / height * rows), 0), rows - 1)
        column = min(max(int(x / width * columns), 0), columns - 1)
        return self.first_cell + row * columns + column

    def cells(self, *boxes: Xyxy) -> Cells:
        """The visual tokens that show these boxes, in the order in which the picture has them."""
        rows, columns = self.grid_hw
        width, height = self.size_wh
        found = {
            row * columns + column
            for x1, y1, x2, y2 in boxes
            for row in _covered(y1 / height * rows, y2 / height * rows, rows)
            for column in _covered(x1 / width * columns, x2 / width * columns, columns)
        }
        return tuple(self.first_cell + cell for cell in sorted(found))


def told(transcript: Transcript, words: Sequence[Sequence[Word]], wholes: Sequence[Cells | None]) -> tuple[Piece, ...]:
    """An answer in pieces: each letter of a word, or the word, speaks about its own place, what opens a part about the
    whole of it.

    Signs before a word are a piece of their own. `words` and `wholes` belong to the transcript's parts. What ends one
    part belongs to the next, because it tells that there is one; the end of all is about nothing.
    """
    pieces: list[Piece] = []
    left = transcript.before
    for number, (part, inside, whole) in enumerate(zip(transcript.parts, words, wholes, strict=True)):
        left += transcript.between if number else ""
        places = list(_places(part, inside))
        at = places[0][0] if places else len(part)
        pieces.append((left + part[:at], whole))
        for start, end, word in places:
            if part[at:start].strip():
                pieces.append((part[at:start], word.cells))
                at = start
            pieces += _spelled(part[at:start], part[start:end], word)
            at = end
        left = part[at:]
    return (*(piece for piece in pieces if piece[0]), (left + transcript.after, ()))


def _spelled(blank: str, written: str, word: Word) -> list[Piece]:
    """A word, each letter about its own place if that is told; a blank before it is about where it goes on."""
    if len(word.letters) != len(written):
        return [(Spelled(blank + written), word.cells)]
    placed = zip((blank, *written), (word.letters[0], *word.letters), strict=True)
    return [(Spelled(text), (cell,)) for text, cell in placed if text]


def sentence(*pieces: Piece) -> tuple[Piece, ...]:
    """An answer of one sentence; its full stop is about nothing."""
    return (*pieces, (".", ()))


def union(many: Iterable[Cells]) -> Cells:
    return tuple(sorted({cell for cells in many for cell in cells}))


def _places(part: str, words: Sequence[Word]) -> Iterator[tuple[int, int, Word]]:
    """Where in the part its words begin and end; one that it leaves out, such as a number of a list, is passed over."""
    bare = _SIGNS.sub(lambda sign: " " * len(sign[0]), part)
    at = 0
    for word in words:
        for form in spellings(word.text):
            start = bare.find(form, at)
            if start >= 0 and not any(map(str.isalnum, bare[at:start])):
                at = start + len(form)
                yield start, at, word
                break


def _covered(start: float, end: float, count: int) -> list[int]:
    """Which of `count` cells in a row an interval, in cells, covers well enough; one at least."""
    start, end = (min(max(side, 0.0), count) for side in (start, end))
    first = min(int(start), count - 1)
    near = range(first, max(first + 1, math.ceil(end)))
    shares = [min(end, cell + 1) - max(start, cell) for cell in near]
    least = min(LEAST_COVER * min(1.0, end - start), max(shares))
    return [cell for cell, share in zip(near, shares, strict=True) if share >= least]
