"""Tables: gathered row by row from HTML, written as plain text and as Markdown.

Knows rows and cells; where they lie is `grid`'s. Does not know where a table stands on a page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from model.parsing.grid import lay_out
from model.parsing.words import MATH, Words, plain_words
from model.types import Cell, Table

MAX_SPANNED_COLUMNS = 200
"""Beyond this column a cell covers no other place, whatever it says: answers may say anything."""

TABLE_TAGS = frozenset(("table", "thead", "tbody", "tfoot", "tr", "td", "th", "colgroup", "col"))
DIGITS = re.compile(r"\s*\+?0*(\d{1,6})")


@dataclass(slots=True)
class _OpenCell:
    words: Words
    row_span: int
    column_span: int
    is_header: bool

    def closed(self, row_span: int, column_span: int) -> tuple[Cell, str]:
        text, markdown = self.words.read()
        says_more = MATH.search(markdown) or markdown != plain_words(text)[1]
        return Cell(text, row_span, column_span, self.is_header, markdown if says_more else ""), markdown


class TableBuilder:
    """Listens to the tags of one table. A table inside of a cell becomes words of the cell."""

    def __init__(self) -> None:
        self._rows: list[list[_OpenCell]] = []
        self._cell: _OpenCell | None = None
        self._is_head = False
        self._depth = 0
        self.has_cells = False

    @property
    def is_nested(self) -> bool:
        return self._depth > 1

    @property
    def words(self) -> Words:
        """The words of the open cell; what stands between cells gets a cell of its own."""
        if self._cell is None:
            self._open_cell("td", {})
        assert self._cell is not None  # opened above
        return self._cell.words

    @property
    def awaits_cell(self) -> bool:
        return self._cell is None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "table":
            self._depth += 1
        elif self.is_nested:
            if name in ("tr", "td", "th"):
                self.words.new_line() if name == "tr" else self.words.add(" ")
        elif name in ("thead", "tbody", "tfoot"):
            self._cell, self._is_head = None, name == "thead"
        elif name == "tr":
            self._open_row()
        elif name in ("td", "th"):
            self._open_cell(name, attributes)

    def end(self, name: str) -> None:
        if name == "table":
            self._depth -= 1
        elif not self.is_nested and name not in ("colgroup", "col"):
            self._cell = None
            if name in ("thead", "tbody", "tfoot"):
                self._is_head = False

    def _open_row(self) -> None:
        self._cell = None
        self._rows.append([])

    def _open_cell(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._rows:
            self._open_row()
        spans = _span(attributes.get("rowspan")), _span(attributes.get("colspan"))
        self._cell = _OpenCell(Words(), *spans, is_header=name == "th" or self._is_head)
        self._rows[-1].append(self._cell)
        self.has_cells = True

    def read(self) -> tuple[Table, str]:
        """The table, and the same as Markdown. Spans reach no further than the table does."""
        filled = [row for row in self._rows if row]
        read = [_closed_row(row, len(filled) - index) for index, row in enumerate(filled)]
        table = Table(tuple(tuple(cell for cell, _ in row) for row in read))
        markdown = {id(cell): said for row in read for cell, said in row}
        return table, _pipes(lay_out(table).filled(lambda cell: markdown[id(cell)]))


def _closed_row(row: list[_OpenCell], rows_left: int) -> list[tuple[Cell, str]]:
    """The cells of a row and their Markdown."""
    closed, width = [], 0
    for cell in row:
        column_span = max(min(cell.column_span, MAX_SPANNED_COLUMNS - width), 1)
        row_span = min(cell.row_span, rows_left) if width < MAX_SPANNED_COLUMNS else 1
        closed.append(cell.closed(row_span, column_span))
        width += column_span
    return closed


def _span(written: str | None) -> int:
    match = DIGITS.match(written or "")
    return max(int(match[1]), 1) if match else 1


def table_text(table: Table) -> str:
    """Cells by tabs, rows by newlines; a covered place is empty."""
    rows = lay_out(table).filled(lambda cell: " ".join(cell.text.split()))
    return "\n".join(map("\t".join, rows)).strip("\n")


def _pipes(rows: list[list[str]]) -> str:
    """The table as Markdown's pipes, which has to have a header: the first row."""
    if not rows:
        return ""
    return "\n".join(map(_pipe_row, (rows[0], ["---"] * len(rows[0]), *rows[1:])))


def _pipe_row(cells: list[str]) -> str:
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", r"\|") for cell in cells) + " |"
