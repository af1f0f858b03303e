"""DOCX by python-docx: headings, paragraphs with emphasis, lists, tables with merged cells, figures, page breaks.

Reads Markdown through the parser of `app.markdown`; formulas stay LaTeX, in a font of formulas. Text that begins in a
script written from right to left is set so.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from docx import Document as new_document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Inches, Length, Mm
from docx.table import Table as WordTable
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph
from docx.text.run import Run
from markdown_it.token import Token

from app.exports.documents.base import (
    Figure,
    ReadPage,
    field_text,
    is_right_to_left,
    markdown_of,
    printable,
    with_figures,
)
from app.markdown import parse
from model.parsing.grid import Grid, lay_out
from model.types import Block, Cell, Table

_PAPER_WH = Mm(210), Mm(297)
_FIGURE_MAX_WH = Inches(6), Inches(8.5)
# https://support.microsoft.com/office/word-2007-and-later limits a table to 63 columns and refuses files with more.
_TABLE_MAX_COLUMNS = 63
_STYLED_LEVELS = 3
_MONOSPACE, _MATH = "Courier New", "Cambria Math"
# A paragraph's properties have an order: what python-docx may have written that comes after `w:bidi`.
_AFTER_BIDI = ("w:spacing", "w:ind", "w:jc", "w:outlineLvl", "w:rPr", "w:sectPr")
_MARKS = {"strong": "bold", "em": "italic", "s": "strike"}


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    document = new_document()
    section = document.sections[0]
    section.page_width, section.page_height = _PAPER_WH
    about = document.core_properties
    about.title = printable(next((page.source for page in pages if page.source), ""))
    about.author = about.comments = ""
    body = _Body(document, {str(style.name): style.style_id for style in document.styles})
    for place, page in enumerate(pages):
        if place:
            body.paragraph("Normal").add_run().add_break(WD_BREAK.PAGE)
        body.write(page)
    document.save(file)
    if not body.wide_tables:
        return []
    were = "1 table was" if body.wide_tables == 1 else f"{body.wide_tables:,} tables were"
    return [f"{were} written as lines of text: DOCX has no place for more than {_TABLE_MAX_COLUMNS} columns."]


@dataclass
class _Body:
    """What was written so far. `style_ids` are those of the file by their names, for looking a name up is slow."""

    document: WordDocument
    style_ids: Mapping[str, str]
    wide_tables: int = 0

    def paragraph(self, style: str) -> Paragraph:
        """A new empty paragraph at the end."""
        paragraph = self.document.add_paragraph()
        paragraph._p.style = self.style_ids[style]
        return paragraph

    def write(self, page: ReadPage) -> None:
        fields = page.document.fields
        if fields:
            rows = (tuple(Cell(printable(text)) for text in (name, field_text(fields[name]))) for name in fields)
            self.table(Table(((Cell("Field", is_header=True), Cell("Value", is_header=True)), *rows)))
        for block, figure in with_figures(page):
            if figure:
                self._figure(figure, page.dpi, block.text)
            elif not block.table or block.kind == "figure":
                self._prose(block)
            if block.table:
                self.table(block.table)

    def _prose(self, block: Block) -> None:
        style = "Caption" if block.kind == "caption" else "Normal"
        _Prose(self, style).write(parse(markdown_of(block)))

    def _figure(self, figure: Figure, dpi: float, description: str) -> None:
        inches_wh = (Inches(side / dpi) for side in figure.size_wh)
        shrink = min(1.0, *(limit / side for limit, side in zip(_FIGURE_MAX_WH, inches_wh, strict=True)))
        width = Inches(figure.size_wh[0] / dpi * shrink)
        picture = self.document.add_picture(io.BytesIO(figure.data), Length(max(width, Mm(1))))
        picture._inline.docPr.set("descr", printable(description))

    def table(self, table: Table) -> None:
        grid = lay_out(table)
        if grid.column_count > _TABLE_MAX_COLUMNS:
            self.wide_tables += 1
            self.paragraph("Normal").add_run(printable("\n".join("\t".join(row) for row in grid.texts())))
        elif grid.column_count:
            filled = self.document.add_table(grid.row_count, grid.column_count)
            filled._tbl.tblStyle_val = self.style_ids["Table Grid"]
            _fill(filled, grid)
            self.paragraph("Normal")  # two tables without a paragraph between them become one


def _fill(table: WordTable, grid: Grid) -> None:
    # Rows are asked once for their cells: each time they count through the whole table.
    places = [row.cells for row in table.rows]
    for placed in grid.cells:
        cell = places[placed.row][placed.column]
        if placed.row_span > 1 or placed.column_span > 1:
            last = places[placed.row + placed.row_span - 1][placed.column + placed.column_span - 1]
            cell = cell.merge(last)
        _write_cell(cell, placed.cell)
    heads = {row for row in range(grid.row_count) if _is_head(grid, row)}
    for row, place in enumerate(table.rows):
        if heads.issuperset(range(row + 1)):
            # Repeated on every sheet of paper that the table goes on to.
            place._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _write_cell(place: WordCell, cell: Cell) -> None:
    text = printable(cell.text)
    # A merged cell has the paragraphs of all the places that it covers; setting its text leaves one.
    place.text = "" if cell.markdown else text
    paragraph = place.paragraphs[0]
    for token in parse(printable(cell.markdown)):
        if token.type == "inline":
            _inline(paragraph, token)
        elif token.type.startswith("math_block"):
            _plain(paragraph, token.content.strip(), _MATH)
    _set_direction(paragraph, text)
    for run in paragraph.runs if cell.is_header else ():
        run.bold = True


def _is_head(grid: Grid, row: int) -> bool:
    return all(placed.cell.is_header for placed in grid.cells if placed.row == row)


@dataclass
class _List:
    """A list that is open: its number in the file's numbering (None for bullets), and whether its item has words."""

    number: int | None
    is_item_begun: bool = False


@dataclass
class _Prose:
    """Writes the tokens of Markdown one after another."""

    body: _Body
    style: str
    lists: list[_List] = field(default_factory=list)
    quotes: int = 0

    def write(self, tokens: Sequence[Token]) -> None:
        tokens_left = iter(tokens)
        for token in tokens_left:
            match token.type:
                case "heading_open":
                    _inline(self.body.paragraph(f"Heading {token.tag[1]}"), next(tokens_left))
                case "paragraph_open":
                    _inline(self._paragraph(), next(tokens_left))
                case "fence" | "code_block":
                    _plain(self._paragraph(), token.content.rstrip("\n"), _MONOSPACE)
                case "math_block" | "math_block_label" | "math_block_eqno":
                    paragraph = self._paragraph()
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
                    _plain(paragraph, token.content.strip(), _MATH)
                case "table_open":
                    self.body.table(Table(tuple(_rows(tokens_left))))
                case _:
                    self._nest(token)

    def _nest(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self.lists.append(_List(None))
            case "ordered_list_open":
                start = token.attrs.get("start", 1)
                self.lists.append(_List(None))
                self.lists[-1].number = _new_numbering(self.body, self._level(), int(start))
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self.lists[-1].is_item_begun = False
            case "blockquote_open":
                self.quotes += 1
            case "blockquote_close":
                self.quotes -= 1

    def _level(self) -> str:
        """The end of the name of a list's style: "", " 2" or " 3"."""
        depth = min(len(self.lists), _STYLED_LEVELS)
        return f" {depth}" if depth > 1 else ""

    def _paragraph(self) -> Paragraph:
        if not self.lists:
            return self.body.paragraph("Quote" if self.quotes else self.style)
        inner = self.lists[-1]
        kind = "List Continue" if inner.is_item_begun else "List Bullet" if inner.number is None else "List Number"
        paragraph = self.body.paragraph(f"{kind}{self._level()}")
        if inner.number is not None and not inner.is_item_begun:
            numbering = paragraph._p.get_or_add_pPr().get_or_add_numPr()
            numbering.get_or_add_ilvl().val = 0
            numbering.get_or_add_numId().val = inner.number
        inner.is_item_begun = True
        return paragraph


def _inline(paragraph: Paragraph, token: Token) -> None:
    """Add the words of an inline token, each run as it is marked."""
    marks: set[str] = set()
    href: str | None = None
    for child in token.children or ():
        if child.type == "link_open":
            href = str(child.attrs.get("href", ""))
        elif child.type == "link_close":
            href = None
        elif child.tag in _MARKS and child.nesting:
            (marks.add if child.nesting > 0 else marks.discard)(_MARKS[child.tag])
        else:
            run = _run(paragraph, child, href)
            for mark in marks:
                setattr(run.font, mark, True)
    _set_direction(paragraph, paragraph.text)


def _run(paragraph: Paragraph, token: Token, href: str | None) -> Run:
    is_break = token.type in ("softbreak", "hardbreak")
    run = paragraph.add_run("\n" if is_break else token.content)
    if token.type == "code_inline":
        run.font.name = _MONOSPACE
    elif token.type.startswith("math"):
        run.font.name = _MATH
    if href:
        run.font.underline = True
        link = OxmlElement("w:hyperlink")
        link.set(qn("r:id"), paragraph.part.relate_to(href, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
        paragraph._p.append(link)
        link.append(run._r)
    return run


def _plain(paragraph: Paragraph, text: str, font: str) -> None:
    paragraph.add_run(text).font.name = font


def _rows(tokens: Iterator[Token]) -> Iterator[tuple[Cell, ...]]:
    """The rows of a table of Markdown, up to its end."""
    row: list[Cell] = []
    for token in tokens:
        if token.type == "table_close":
            return
        if token.type in ("th_open", "td_open"):
            words = "".join(child.content for child in next(tokens).children or ())
            row.append(Cell(words, is_header=token.type == "th_open"))
        elif token.type == "tr_close":
            yield tuple(row)
            row = []


def _new_numbering(body: _Body, level: str, start: int) -> int:
    """A numbering of its own, looking as the style `List Number` does, that begins at `start`."""
    numbering: Any = body.document.part.numbering_part.element
    style: Any = body.document.styles[f"List Number{level}"].element
    pattern = numbering.num_having_numId(style.pPr.numPr.numId.val).abstractNumId.val
    num = numbering.add_num(pattern)
    num.add_lvlOverride(ilvl=0).add_startOverride(start)
    return int(num.numId)


def _set_direction(paragraph: Paragraph, text: str) -> None:
    if not is_right_to_left(text):
        return
    properties: Any = paragraph._p.get_or_add_pPr()
    properties.insert_element_before(OxmlElement("w:bidi"), *_AFTER_BIDI)
    for run in paragraph.runs:
        run.font.rtl = True
