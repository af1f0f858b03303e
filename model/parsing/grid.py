"""Where the cells of a table lie once its spans are laid out, as HTML does it.

Source: https://html.spec.whatwg.org/multipage/tables.html (forming a table). Knows no file format. Spans come from a
model, so they are kept within the table: rows that are not there are not covered, and columns that no cell begins in,
which a span of a million would make, are left out. Rows may be ragged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace

from model.types import Cell, Table

_COLUMN_SPAN_MAX = 1000


@dataclass(frozen=True, slots=True)
class PlacedCell:
    """A cell with its uppermost row and leftmost column, counted from 0, and how many of both it covers."""

    cell: Cell
    row: int
    column: int
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a table in reading order, none over another, and its size."""

    cells: tuple[PlacedCell, ...]
    row_count: int
    column_count: int

    def texts(self) -> list[list[str]]:
        """A text for each place; places that a spanning cell covers, and those missing in a ragged row, are empty."""
        return self.filled(lambda cell: cell.text)

    def filled(self, text_of: Callable[[Cell], str]) -> list[list[str]]:
        """The same with another text for each cell."""
        rows = [[""] * self.column_count for _ in range(self.row_count)]
        for placed in self.cells:
            rows[placed.row][placed.column] = text_of(placed.cell)
        return rows


def lay_out(table: Table) -> Grid:
    """The grid of a table; a table without cells has no columns."""
    free_from: dict[int, int] = {}  # column -> first row in which it is not covered from above
    placed = []
    for row, cells in enumerate(table.rows):
        column = 0
        for cell in cells:
            while free_from.get(column, 0) > row:
                column += 1
            row_span = min(max(cell.row_span, 1), len(table.rows) - row)
            wanted = min(max(cell.column_span, 1), _COLUMN_SPAN_MAX)
            columns = range(column, column + wanted)
            free = next((place for place in columns if free_from.get(place, 0) > row), columns.stop)
            free_from |= dict.fromkeys(range(column, free), row + row_span)
            placed.append(PlacedCell(cell, row, column, row_span, free - column))
            column = free
    return _compact(placed, len(table.rows))


def _compact(cells: list[PlacedCell], row_count: int) -> Grid:
    """Without the columns in which no cell begins."""
    begun = sorted({placed.column for placed in cells})

    def narrowed(placed: PlacedCell) -> PlacedCell:
        first, end = (bisect_left(begun, column) for column in (placed.column, placed.column + placed.column_span))
        return replace(placed, column=first, column_span=end - first)

    return Grid(tuple(map(narrowed, cells)), row_count, len(begun))
