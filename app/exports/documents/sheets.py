"""The tables and fields of a read document as sheets, for CSV and XLSX.

Fields become one sheet with a row for each page, every table one of its own. Knows no file format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.exports.documents.base import ReadPage, field_text, page_titles, printable
from model.parsing.grid import Grid, lay_out
from model.types import Cell, Table

NOTHING = "There are no tables or fields on these pages."


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    grid: Grid


def sheets(pages: Sequence[ReadPage]) -> Iterator[Sheet]:
    """All sheets in the order of the pages, fields first; tables without cells are passed over."""
    if any(page.document.fields for page in pages):
        yield Sheet("Fields", lay_out(_fields(pages)))
    for page, title in zip(pages, page_titles(pages), strict=True):
        tables = [block.table for block in page.document.blocks if block.table and any(block.table.rows)]
        for number, table in enumerate(tables, 1):
            yield Sheet(f"{title} table {number}" if len(tables) > 1 else title, lay_out(_printable(table)))


def _fields(pages: Sequence[ReadPage]) -> Table:
    """A column for every name, in the order in which they first appear."""
    names = list(dict.fromkeys(name for page in pages for name in page.document.fields))
    head = tuple(Cell(printable(name), is_header=True) for name in ("Page", *names))
    titles = [title.removeprefix("Page ") for title in page_titles(pages)]
    rows = [_row(title, page.document.fields, names) for title, page in zip(titles, pages, strict=True)]
    return Table((head, *rows))


def _row(title: str, fields: Mapping[str, object], names: Sequence[str]) -> tuple[Cell, ...]:
    return Cell(title), *(Cell(field_text(fields.get(name))) for name in names)


def _printable(table: Table) -> Table:
    return Table(tuple(tuple(replace(cell, text=printable(cell.text)) for cell in row) for row in table.rows))
