"""Where the lines of a page's text lie, from boxes that may hold whole paragraphs or tables.

A model gives a box a block, not a line. Where lines of print are seen in the box, the words are laid along them;
where not, they are broken so that they fill the box evenly, in as few lines as fit. Cells of a table get places in
proportion to their words. Text of a page without any places is laid along all of its print, or spread over the page,
to be found at least there. Knows rough widths of letters. Does not know PDF.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from statistics import median

from app.exports.documents.base import ReadPage, is_right_to_left, printable
from app.exports.documents.ink import Grey, PrintedLine, Xyxy, printed_lines, space_counts
from model.parsing.grid import lay_out
from model.types import Block, Table

WIDTHS_EM = (0.0, 0.28, 0.55, 0.85, 1.0)
"""The widths that a letter can have: marks over others, narrow, usual, broad, ideographs; about those of Helvetica."""
_NARROW = frozenset("ijl.,:;'|!`()[]{}ftIr /\\·،؛")
_BROAD = frozenset("mwMWQOGDHNU@%&—…")
# A word of scripts that are written without spaces may be broken anywhere.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f"
_UNSPACED += "\uff00-\uff60\U00020000-\U0003ffff"
_PIECES = re.compile(rf"\s+|[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_SPACE = " ", 0.28
_LINES_OF_A_PAGE = 50
"""How many lines of text without a place a page is taken to have at least: letters are not larger than on print."""
_EM_MIN = 0.1
_CELL_GAP = 0.1
"""The part of a cell's width that stays empty, so that readers see where the next one begins."""
_LIKELY = 0.5, 1.9
"""How long print is, by what the words would be in letters as high as its lines: capitals are long, hands are not."""
_BREAKS_NEAR = 5
"""How many words before and behind the likely place a line may be broken."""
_COUNT_WEIGHT = 2.0
"""What a space too many or too few counts, in squares of the size of the letters; found by trying with print."""
_ROW_WEIGHT = 30.0
"""What it counts when a line of print would go on after the end of a paragraph."""
_HEADING = 1.3
"""How much higher than the usual line one is whose letters are larger."""
_TOLERANCE = 1.3
"""How much wider than its box a line may be estimated and still count as fitting: estimates are rough."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and its place, in pixels of the page; the words fill its width."""

    text: str
    xyxy: Xyxy


@cache
def width_class(character: str) -> int:
    """The place in `WIDTHS_EM` of a character's width."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return 4
    return 1 if character in _NARROW else 3 if character in _BROAD else 2


def width_em(text: str) -> float:
    """How wide the text is about, as a multiple of the size of its letters."""
    return sum(WIDTHS_EM[width_class(character)] for character in text)


def lines_of(page: ReadPage, grey: Grey) -> Iterator[Line]:
    """The lines of the page in reading order; what a figure shows is told about it, not written on it."""
    unplaced = []
    for block in page.document.blocks:
        if block.kind == "figure" and not block.table:
            continue
        if block.xyxy is None:
            unplaced.append(block.text)
        else:
            yield from _block_lines(block, _inside(block.xyxy, page.size_wh), grey)
    width, height = page.size_wh
    whole, text = (0.0, 0.0, float(width), float(height)), "\n".join(unplaced)
    is_all = not any(block.xyxy for block in page.document.blocks)
    yield from (is_all and along(text, printed_lines(grey, whole))) or fill(
        text, whole, _LINES_OF_A_PAGE, is_stretched=False
    )


def along(text: str, printed: Sequence[PrintedLine]) -> list[Line]:
    """The text along lines of print, broken where their lengths tell; none if it cannot be what is printed there."""
    rows = _rows(text)
    words_em = sum(width for row in rows for _, width in row)
    if not printed or not _is_likely(words_em, printed):
        return []
    if len(rows) == len(printed):
        texts = ["".join(piece for piece, _ in row) for row in rows]
    else:
        texts = _broken_to(rows, printed)
    return [Line(text, line.xyxy) for text, line in zip(texts, printed, strict=True)] if texts else []


def fill(text: str, xyxy: Xyxy, lines_min: int = 1, *, is_stretched: bool = True) -> Iterator[Line]:
    """The text in as few lines of equal height as fit into the box, no higher than `lines_min` lines would be.

    The longest goes from side to side if `is_stretched`; else letters have their natural width where there is room.
    """
    rows = _rows(text)
    if not rows:
        return
    x1, y1, x2, y2 = xyxy
    width, height = x2 - x1, y2 - y1
    count_max = sum(map(len, rows))
    candidates = range(max(len(rows), lines_min), max(count_max, lines_min) + 1)
    fits = bisect_left(candidates, True, key=lambda count: len(_break(rows, width * count / height)) <= count)
    count = candidates[min(fits, len(candidates) - 1)]
    texts = _break(rows, width * count / height)
    pitch = height / max(len(texts), lines_min)
    scale = min(width / max(max(map(width_em, texts)), _EM_MIN), math.inf if is_stretched else pitch)
    for place, line in enumerate(texts):
        line_width = width_em(line) * scale
        left = x2 - line_width if is_right_to_left(line) else x1
        yield Line(line, (left, y1 + place * pitch, left + line_width, y1 + (place + 1) * pitch))


def _rows(text: str) -> list[list[tuple[str, float]]]:
    """The lines of a text as they are written, each as words, spaces, and single characters of scripts without
    spaces, with their widths."""
    rows = (row.strip() for row in printable(text).split("\n"))
    return [[(piece, width_em(piece)) for piece in _PIECES.findall(row)] for row in rows if row]


def _is_likely(words_em: float, printed: Sequence[PrintedLine]) -> bool:
    """Whether words of that width, in letters as high as the lines, are about as long as the lines are together."""
    height = median(line.xyxy[3] - line.xyxy[1] for line in printed)
    low, high = _LIKELY
    return low < sum(_lengths(printed)) / (max(words_em, _EM_MIN) * height) < high


def _lengths(printed: Sequence[PrintedLine]) -> list[float]:
    """How long the lines are, those of headings as if their letters were as large as those of the others."""
    heights = [line.xyxy[3] - line.xyxy[1] for line in printed]
    usual = median(heights)
    sizes = (usual / height if height > _HEADING * usual else 1.0 for height in heights)
    return [(line.xyxy[2] - line.xyxy[0]) * size for line, size in zip(printed, sizes, strict=True)]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word, or a character of a script without spaces, on one long line of all of them: where it begins and ends, in
    multiples of the size of its letters, how many spaces there are before it, and in which row of the text it is."""

    start_em: float
    end_em: float
    spaces_before: int
    row: int


def _broken_to(rows: Sequence[Sequence[tuple[str, float]]], printed: Sequence[PrintedLine]) -> list[str]:
    """The rows broken into the lines that fit the lines of print best; none if there are too few words for that."""
    pieces = [(piece, width, place) for place, row in enumerate(rows) for piece, width in (*row, _SPACE)]
    places = [place for place, (piece, _, _) in enumerate(pieces) if not piece.isspace()]
    edges = list(accumulate((width for _, width, _ in pieces), initial=0.0))
    spaces = list(accumulate((piece.isspace() for piece, _, _ in pieces), initial=0))
    words = [_Word(edges[place], edges[place + 1], spaces[place], pieces[place][2]) for place in places]
    breaks = _best_breaks(words, printed)
    lines = (pieces[places[first] : places[end - 1] + 1] for first, end in pairwise(breaks))
    return ["".join(piece for piece, _, _ in line) for line in lines]


def _best_breaks(words: Sequence[_Word], printed: Sequence[PrintedLine]) -> tuple[int, ...]:
    """Where lines begin and the last one ends, so that they differ least from the print, in squares of lengths and of
    numbers of spaces. Empty if there are too few words.

    By dynamic programming over the breaks near the places that the lengths up to there tell.
    """
    # What is between two words, on average: nothing in scripts without spaces. It is not there where a line ends.
    gap = words[-1].spaces_before * _SPACE[1] / max(len(words) - 1, 1)
    lengths = _lengths(printed)
    scale = (words[-1].end_em - gap * (len(printed) - 1)) / sum(lengths)
    spaces = space_counts(printed, words[-1].spaces_before - len(printed) + 1)
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, (0,))}
    until = 0.0
    for length, space_count in zip(lengths, spaces, strict=True):
        width = length * scale
        near = bisect_left(words, until + width, key=lambda word: word.start_em)
        until += width + gap
        ends = range(max(near - _BREAKS_NEAR, 1), min(near + _BREAKS_NEAR, len(words)) + 1)
        best = {
            end: min(
                (cost + _misfit(words[first], words[end - 1], width, space_count), (*breaks, end))
                for first, (cost, breaks) in best.items()
                if first < end
            )
            for end in ends
            if min(best, default=end) < end
        }
    return best[len(words)][1] if len(words) in best else ()


def _misfit(first: _Word, last: _Word, width_em: float, space_count: int) -> float:
    miscounted = last.spaces_before - first.spaces_before - space_count
    misfit = (last.end_em - first.start_em - width_em) ** 2 + _COUNT_WEIGHT * miscounted**2
    return misfit + _ROW_WEIGHT * (last.row - first.row)


def _break(rows: Sequence[Sequence[tuple[str, float]]], capacity_em: float) -> list[str]:
    """The rows broken into lines of about that width."""
    lines = []
    for row in rows:
        line, width = "", 0.0
        for piece, piece_width in row:
            if line and not piece.isspace() and width + piece_width > capacity_em * _TOLERANCE:
                lines.append(line.rstrip())
                line, width = "", 0.0
            line, width = line + piece, width + piece_width
        lines.append(line.rstrip())
    return lines


def _block_lines(block: Block, xyxy: Xyxy, grey: Grey) -> Iterable[Line]:
    if block.table:
        return _table_lines(block.table, xyxy)
    return along(block.text, printed_lines(grey, xyxy)) or fill(block.text, xyxy)


def _table_lines(table: Table, xyxy: Xyxy) -> Iterator[Line]:
    """Cell after cell: rows equally high, columns as wide as the square root of their longest text tells.

    The root lies between equal columns and those of tables whose cells are never broken.
    """
    grid = lay_out(table)
    texts = grid.texts()
    weights = [max(1.0, *(width_em(row[column]) for row in texts)) ** 0.5 for column in range(grid.column_count)]
    x1, y1, x2, y2 = xyxy
    edges = [x1 + (x2 - x1) * sum_ / (sum(weights) or 1.0) for sum_ in accumulate(weights, initial=0.0)]
    for placed in grid.cells:
        left, right = edges[placed.column], edges[placed.column + placed.column_span]
        gap = _CELL_GAP * (right - left)
        top, bottom = (y1 + (y2 - y1) * row / grid.row_count for row in (placed.row, placed.row + placed.row_span))
        yield from fill(placed.cell.text, (left, top, right - gap, bottom), placed.row_span, is_stretched=False)


def _inside(xyxy: Xyxy, size_wh: tuple[int, int]) -> Xyxy:
    """The part of a box that is on the page, at least a pixel wide and high."""
    width, height = size_wh
    left, top = min(max(xyxy[0], 0.0), width - 1), min(max(xyxy[1], 0.0), height - 1)
    return left, top, min(max(xyxy[2], left + 1), width), min(max(xyxy[3], top + 1), height)
