"""Which visual tokens an answer speaks about, piece by piece: the words of a page, one after another.

Knows boxes in a picture, the cells that the picture is seen in, and written answers. Does not know what is asked, nor
what a page, a screen or a chart is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from training.dialogues import Cells, Piece, Spelled
from training.transcripts import Transcript, spellings
from training.typesetting import Xyxy

Word = tuple[str, Cells | None]
"""A word that an answer writes, and the visual tokens that show it; None where that is not told."""

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
    """An answer in pieces: each word, spelled, speaks about its own place, what opens a part about the whole of it.

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
        for start, end, cells in places:
            if part[at:start].strip():
                pieces.append((part[at:start], cells))
                at = start
            pieces.append((Spelled(part[at:end]), cells))
            at = end
        left = part[at:]
    return (*(piece for piece in pieces if piece[0]), (left + transcript.after, ()))


def sentence(*pieces: Piece) -> tuple[Piece, ...]:
    """An answer of one sentence; its full stop is about nothing."""
    return (*pieces, (".", ()))


def union(many: Iterable[Cells]) -> Cells:
    return tuple(sorted({cell for cells in many for cell in cells}))


def _places(part: str, words: Sequence[Word]) -> Iterator[tuple[int, int, Cells | None]]:
    """Where in the part its words begin and end; one that it leaves out, such as a number of a list, is passed over."""
    bare = _SIGNS.sub(lambda sign: " " * len(sign[0]), part)
    at = 0
    for word, cells in words:
        for form in spellings(word):
            start = bare.find(form, at)
            if start >= 0 and not any(map(str.isalnum, bare[at:start])):
                at = start + len(form)
                yield start, at, cells
                break


def _covered(start: float, end: float, count: int) -> list[int]:
    """Which of `count` cells in a row an interval, in cells, covers well enough; one at least."""
    start, end = (min(max(side, 0.0), count) for side in (start, end))
    first = min(int(start), count - 1)
    near = range(first, max(first + 1, math.ceil(end)))
    shares = [min(end, cell + 1) - max(start, cell) for cell in near]
    least = min(LEAST_COVER * min(1.0, end - start), max(shares))
    return [cell for cell, share in zip(near, shares, strict=True) if share >= least]
