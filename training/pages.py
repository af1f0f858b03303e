"""A drawn page and its exact ground truth, and the sheet on which one is made.

Knows lines, blocks and tables as `model.types` has them, and where their ink is. Does not know what kinds of documents
there are (`documents`), how a model writes a page (`transcripts`) or how paper ages (`wear`).

Coordinates are pixels with the origin at the top left corner of the picture: a box around the first pixel is (0, 0, 1,
1). The box of a line bounds its ink, without the room above and below; that of a block bounds its lines, the bullets of
a list, and the rules and fills of a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from model.parsing.grid import PlacedCell, lay_out
from model.parsing.tables import table_text
from model.types import Block, BlockKind, Table
from training.typesetting import Font, Rgb, Xy, Xyxy

Quad = tuple[Xy, Xy, Xy, Xy]
Align = Literal["left", "center", "right"]
Rules = Literal["grid", "rows", "header", "none"]

_WORD = re.compile(r"\S+")
MAX_SIDE = 1024
"""No page is wider or higher, in pixels."""
MIDDLE = 0.35
"""How far the middle of small letters is above the baseline, as a share of the tallest letters' height."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or the text of one cell or field: what stands apart from the next on the same row is another.

    `quad` are the corners around its ink, clockwise from the top left of the upright page. `block` is the place of its
    block in the page, `row` counts the rows of the whole page: lines that stand beside one another share one. `spans`
    are where the ink of each word begins and ends, as shares of the line's width; `letters` are where each letter that
    is no blank has its middle, as shares of width and height.
    """

    text: str
    quad: Quad
    block: int
    row: int
    spans: tuple[tuple[float, float], ...] = ()
    letters: tuple[Xy, ...] = ()

    @property
    def xyxy(self) -> Xyxy:
        return bounds(self.quad)

    @property
    def words(self) -> list[tuple[str, Xyxy]]:
        """Each word with its box, as high as the line is there."""
        return [(word, self._part(*span)) for word, span in zip(self.text.split(), self.spans, strict=True)]

    @property
    def letters_xy(self) -> list[Xy]:
        """Where the middle of each letter is that is no blank."""
        top_left, top_right, bottom_right, bottom_left = self.quad
        return [
            between(between(top_left, top_right, across), between(bottom_left, bottom_right, across), down)
            for across, down in self.letters
        ]

    def _part(self, start: float, end: float) -> Xyxy:
        top_left, top_right, bottom_right, bottom_left = self.quad
        return bounds(
            [between(*side, at) for at in (start, end) for side in ((top_left, top_right), (bottom_left, bottom_right))]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A picture (height, width, 3) in RGB, and everything that it says, in reading order.

    `outlines` has for each block the points that its box is drawn around. `fields` are what a form, receipt, invoice or
    card tells by name, written as on the page; `items` of receipts and invoices are a list of objects.
    """

    kind: str
    image: NDArray[np.uint8]
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    outlines: tuple[tuple[Xy, ...], ...]
    fields: Mapping[str, Any]

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.image.shape[1], self.image.shape[0]

    @property
    def text(self) -> str:
        """All the text, a row of the page a line; what stands beside one another is joined by a blank."""
        rows = groupby(self.lines, key=lambda line: line.row)
        return "\n".join(" ".join(line.text for line in row) for _, row in rows)


def corners(xyxy: Xyxy) -> Quad:
    """The corners of a box, clockwise from the top left."""
    x1, y1, x2, y2 = xyxy
    return (x1, y1), (x2, y1), (x2, y2), (x1, y2)


def between(start: Xy, end: Xy, share: float) -> Xy:
    """The point that lies this share of the way from one to the other."""
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def quad_of(points: Iterable[Xy]) -> Quad:
    """Four points as corners."""
    first, second, third, fourth = ((float(x), float(y)) for x, y in points)
    return first, second, third, fourth


def bounds(points: Sequence[Xy]) -> Xyxy:
    """The smallest upright box around some points."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True)
class TableLook:
    """How a table is drawn. `align` is that of each column; `header_fill` and `stripe` are None where nothing is."""

    font: Font
    header_font: Font
    ink: Rgb
    header_ink: Rgb
    rule: Rgb
    rules: Rules
    align: tuple[Align, ...]
    padding_xy: tuple[int, int]
    header_fill: Rgb | None = None
    stripe: Rgb | None = None

    def font_of(self, placed: PlacedCell) -> Font:
        return self.header_font if placed.cell.is_header else self.font

    @property
    def is_ruled(self) -> bool:
        return self.rules != "none"

    @property
    def row_px(self) -> int:
        return max(self.font.height_px, self.header_font.height_px) + 2 * self.padding_xy[1]

    def columns_px(self, table: Table, width_px: float = 0) -> list[float]:
        """The widths of the columns, together at least `width_px`: as wide as what stands in them, alone or spread."""
        grid = lay_out(table)
        widths = [0.0] * grid.column_count
        for placed in sorted(grid.cells, key=lambda placed: placed.column_span):
            needed = self.font_of(placed).advance_px(placed.cell.text) + 2 * self.padding_xy[0]
            columns = range(placed.column, placed.column + placed.column_span)
            missing = needed - sum(widths[column] for column in columns)
            for column in columns if missing > 0 else ():
                widths[column] += missing / len(columns)
        spare = max(0.0, width_px - sum(widths)) / len(widths)
        return [float(round(width + spare)) for width in widths]

    def placed(self, table: Table, xy: Xy, width_px: float = 0) -> list[tuple[PlacedCell, Xyxy]]:
        """The cells in reading order with their boxes, if the table's top left corner is at `xy`."""
        x, y = round(xy[0]), round(xy[1])
        lefts = [float(x), *(x + right for right in accumulate(self.columns_px(table, width_px)))]
        return [
            (
                placed,
                (
                    lefts[placed.column],
                    float(y + placed.row * self.row_px),
                    lefts[placed.column + placed.column_span],
                    float(y + (placed.row + placed.row_span) * self.row_px),
                ),
            )
            for placed in lay_out(table).cells
        ]


@dataclass(eq=False)
class Sheet:
    """A page while it is drawn. `put` adds lines to a block, `end` makes the block of them."""

    size_wh: tuple[int, int]
    paper: Rgb
    lines: list[Line] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    outlines: list[tuple[Xy, ...]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.image = Image.new("RGB", self.size_wh, self.paper)
        self.pen = ImageDraw.Draw(self.image)
        self._row = -1

    def put(self, xy: Xy, text: str, font: Font, rgb: Rgb, *, align: Align = "left", same_row: bool = False) -> Xyxy:
        """Draw a line that begins, has its middle or ends at `xy`, the top of its tallest letters; its box of ink."""
        shift = {"left": 0.0, "center": 0.5, "right": 1.0}[align] * font.advance_px(text)
        run = font.draw(self.pen, (xy[0] - shift, xy[1] + font.ascent_px), text, rgb)
        self._row += not same_row
        spans, letters = _spans(text, font), _letters(text, font)
        self.lines.append(Line(text, corners(run.xyxy), len(self.blocks), self._row, spans, letters))
        return run.xyxy

    def end(self, kind: BlockKind, text: str | None = None, level: int = 0, marks: Sequence[Xyxy] = ()) -> None:
        """Make a block of the lines that were put since the last one; `text` is what it says, else its rows.

        `marks` are boxes of what belongs to it and is no text.
        """
        lines = [line for line in self.lines if line.block == len(self.blocks)]
        rows = groupby(lines, key=lambda line: line.row)
        said = text if text is not None else "\n".join(" ".join(line.text for line in row) for _, row in rows)
        quads = [line.quad for line in lines] + [corners(mark) for mark in marks]
        self._add(Block(kind, said, level=level), [corner for quad in quads for corner in quad])

    def end_figure(self, xyxy: Xyxy) -> None:
        """Tell of something that was drawn and is no text."""
        self._add(Block("figure", ""), corners(xyxy))

    def _add(self, block: Block, outline: Sequence[Xy]) -> None:
        self.blocks.append(replace(block, xyxy=bounds(outline)))
        self.outlines.append(tuple(outline))

    def put_table(self, xy: Xy, table: Table, look: TableLook, width_px: float = 0) -> None:
        """Draw a whole table as a block at least so wide; its box is that of its words if it has no rules and fills."""
        cells = look.placed(table, xy, width_px)
        x1, y1, x2, y2 = bounds([corner for _, box in cells for corner in corners(box)])
        self._fill_cells(cells, look)
        first, last_row = len(self.lines), -1
        for placed, box in cells:
            if placed.cell.text:
                self._put_cell(placed, box, look, same_row=placed.row == last_row)
                last_row = placed.row
        self._rule(cells, (x1, y1, x2, y2), look)
        outline = corners((x1, y1, x2 + look.is_ruled, y2 + look.is_ruled))  # the last rule has a pixel of its own
        if not (look.is_ruled or look.header_fill or look.stripe):
            outline = corners(bounds([corner for line in self.lines[first:] for corner in line.quad]))
        self._add(Block("table", table_text(table), table=table), outline)

    def _fill_cells(self, cells: Sequence[tuple[PlacedCell, Xyxy]], look: TableLook) -> None:
        for placed, (x1, y1, x2, y2) in cells:
            fill = look.header_fill if placed.cell.is_header else look.stripe if placed.row % 2 else None
            if fill:
                self.pen.rectangle((x1, y1, x2 - 1, y2 - 1), fill)

    def _put_cell(self, placed: PlacedCell, box: Xyxy, look: TableLook, *, same_row: bool) -> None:
        font = look.font_of(placed)
        x1, y1, x2, y2 = box
        align: Align = "center" if placed.column_span > 1 and placed.cell.is_header else look.align[placed.column]
        x = {"left": x1 + look.padding_xy[0], "center": (x1 + x2) / 2, "right": x2 - look.padding_xy[0]}[align]
        ink = look.header_ink if placed.cell.is_header else look.ink
        top = (y1 + y2 - font.height_px) / 2
        self.put((x, top), placed.cell.text, font, ink, align=align, same_row=same_row)

    def _rule(self, cells: Sequence[tuple[PlacedCell, Xyxy]], box: Xyxy, look: TableLook) -> None:
        if not look.is_ruled:
            return
        if look.rules == "grid":
            for _, cell_box in cells:
                self.pen.rectangle(cell_box, outline=look.rule)
            return
        for placed, (x1, _, x2, y2) in cells:
            if look.rules == "rows" or placed.cell.is_header:
                self.pen.line((x1, y2, x2, y2), look.rule)
        for y in box[1::2]:
            self.pen.line((box[0], y, box[2], y), look.rule)

    def finished(self, kind: str, height_px: int | None = None) -> Page:
        """The page, its lower part cut off at `height_px`."""
        image = np.ascontiguousarray(np.asarray(self.image)[: height_px or self.size_wh[1]])
        return Page(kind, image, tuple(self.lines), tuple(self.blocks), tuple(self.outlines), dict(self.fields))


def _spans(text: str, font: Font) -> tuple[tuple[float, float], ...]:
    """Where each word's ink begins and ends, as shares of the width of the whole ink."""
    left, _, right, _ = font.ink_xyxy(text, (0, 0))
    starts_px = [*accumulate(map(font.advance_px, text), initial=0.0)]
    inks = [font.ink_xyxy(word[0], (starts_px[word.start()], 0)) for word in _WORD.finditer(text)]
    return tuple(((x1 - left) / (right - left), (x2 - left) / (right - left)) for x1, _, x2, _ in inks)


def _letters(text: str, font: Font) -> tuple[Xy, ...]:
    """Where each letter's middle is, as shares of the whole ink; up and down it is that of a small letter."""
    left, top, right, bottom = font.ink_xyxy(text, (0, 0))
    down = (-MIDDLE * font.ascent_px - top) / (bottom - top)
    starts_px = accumulate(map(font.advance_px, text), initial=0.0)
    return tuple(
        ((start_px + font.advance_px(letter) / 2 - left) / (right - left), down)
        for start_px, letter in zip(starts_px, text, strict=False)
        if not letter.isspace()
    )


def moved(page: Page, image: NDArray[np.uint8], move: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Page:
    """The same page with another picture; `move` says where points (n, 2) of the old one have gone."""

    def gone(points: Sequence[Xy]) -> tuple[Xy, ...]:
        return tuple((float(x), float(y)) for x, y in move(np.array(points, dtype=np.float64)))

    lines = tuple(replace(line, quad=quad_of(gone(line.quad))) for line in page.lines)
    outlines = tuple(map(gone, page.outlines))
    blocks = tuple(replace(block, xyxy=bounds(outline)) for block, outline in zip(page.blocks, outlines, strict=True))
    return replace(page, image=image, lines=lines, blocks=blocks, outlines=outlines)
