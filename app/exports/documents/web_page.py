"""HTML: one file with everything in it, for any browser and for paper.

Figures are data URLs, formulas MathML, the style sheet is inside. What a model wrote cannot do anything there: Markdown
passes `app.markdown`, which escapes and sanitises it, every other text is escaped by the template, and the file's
Content-Security-Policy forbids scripts and everything that would be loaded from elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from markupsafe import Markup

from app.exports.documents.base import ReadPage, field_text, markdown_of, page_titles, printable, with_figures
from app.markdown import to_html
from app.templates import ASSETS, macros
from model.parsing.grid import lay_out
from model.types import Cell, Table


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    template = macros("exported.html")
    style = Markup((ASSETS / "exported.css").read_text("utf-8"))
    title = next((page.source for page in pages if page.source), "Document")
    file.write(template.opening(printable(title), style).encode())
    for page, page_title in zip(pages, page_titles(pages), strict=True):
        fields = [(printable(name), field_text(value)) for name, value in page.document.fields.items()]
        file.write(template.page(page_title, fields, _blocks(page)).encode())
    file.write(template.closing().encode())
    return []


def _blocks(page: ReadPage) -> Iterator[Markup]:
    template = macros("exported.html")
    for block, figure in with_figures(page):
        if figure:
            src = f"data:{figure.media_type};base64,{base64.b64encode(figure.data).decode()}"
            yield template.figure(src, printable(block.text))
        elif not block.table or block.kind == "figure":
            yield template.prose(block.kind, Markup(to_html(markdown_of(block), copy_buttons=False)))
        if block.table:
            yield template.table(table_rows(block.table))


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell with spans that fit; its words are safe HTML where they are more than plain text."""

    words: str | Markup
    row_span: int
    column_span: int
    is_header: bool


def table_rows(table: Table) -> list[list[ShownCell]]:
    """The cells of each row."""
    grid = lay_out(table)
    rows: list[list[ShownCell]] = [[] for _ in range(grid.row_count)]
    for placed in grid.cells:
        shown = ShownCell(_words(placed.cell), placed.row_span, placed.column_span, placed.cell.is_header)
        rows[placed.row].append(shown)
    return rows


def _words(cell: Cell) -> str | Markup:
    if not cell.markdown:
        return printable(cell.text)
    # Newlines are shown in a cell, and those of Markdown's HTML stand beside a tag that breaks the line.
    shown = to_html(printable(cell.markdown), copy_buttons=False).replace("\n", " ").strip()
    paragraph = shown.removeprefix("<p>").removesuffix("</p>")
    return Markup(shown if "<p>" in paragraph else paragraph)
