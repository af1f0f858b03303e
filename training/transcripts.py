"""What a large model would answer about a page: QwenVL HTML, QwenVL Markdown, lines with their places, tables, fields.

Knows how the families write (see the parsers in `model.parsing`, which read all of this back). Does not know how a page
is asked about, nor how it is drawn.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from model.catalog import PER_1000
from model.parsing.grid import Grid, PlacedCell, lay_out
from model.prompts import to_convention
from model.types import Block, Convention, MediumInput, Table
from training.pages import Page
from training.typesetting import Xyxy

_LATEX_SPECIAL = re.compile(r"([&%$#_{}])")
_NUMBERED = re.compile(r"\d+\. ")


@dataclass(frozen=True, slots=True)
class Transcript:
    """An answer: a part for each thing that it tells, and what is written before, between and after these."""

    parts: tuple[str, ...]
    before: str = ""
    between: str = "\n"
    after: str = ""

    @property
    def text(self) -> str:
        return f"{self.before}{self.between.join(self.parts)}{self.after}"


def to_html(page: Page, convention: Convention = PER_1000, medium: MediumInput | None = None) -> Transcript:
    """The page as fenced QwenVL HTML, a part a block.

    `medium` are its sizes where the convention needs that of the model's input.
    """
    parts = tuple(_element(block, _box(page, block.xyxy, convention, medium)) for block in page.blocks)
    return Transcript(parts, "```html\n<html><body>\n", "\n", "\n</body></html>\n```")


def to_markdown(page: Page, convention: Convention = PER_1000, medium: MediumInput | None = None) -> Transcript:
    """The page as QwenVL Markdown, a part a block: places of tables and pictures alone, and tables in LaTeX."""
    parts = tuple(_paragraph(block, _box(page, block.xyxy, convention, medium)) for block in page.blocks)
    return Transcript(parts, between="\n\n")


def to_lines(page: Page, convention: Convention = PER_1000, medium: MediumInput | None = None) -> Transcript:
    """Every line with its box, as fenced JSON."""
    records = (
        json.dumps(
            {"bbox_2d": _box(page, line.xyxy, convention, medium), "text_content": line.text}, ensure_ascii=False
        )
        for line in page.lines
    )
    return Transcript(tuple(f"\t{record}" for record in records), "```json\n[\n", ",\n", "\n]\n```")


def to_tables(page: Page) -> Transcript:
    """The tables alone, as fenced HTML."""
    parts = tuple(_table(block.table) for block in page.blocks if block.table is not None)
    return Transcript(parts, "```html\n", "\n", "\n```")


def to_fields(page: Page, names: Sequence[str]) -> Transcript:
    """The named fields as a fenced JSON object; those that the page does not have are empty."""
    values = {name: page.fields.get(name, "") for name in names}
    parts = (f"\t{_json(name)}: {_json(value)}" for name, value in values.items())
    return Transcript(tuple(parts), "```json\n{\n", ",\n", "\n}\n```")


def spellings(word: str) -> tuple[str, ...]:
    """How a word of a page can be written in these answers, the longest form first."""
    return tuple(sorted({_json(word)[1:-1], _escaped(word), _in_latex(word), word}, key=len, reverse=True))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _box(page: Page, xyxy: Xyxy | None, convention: Convention, medium: MediumInput | None) -> list[int]:
    if xyxy is None:
        raise ValueError("every block of a drawn page has a box")
    return list(to_convention(xyxy, convention, medium or MediumInput(page.size_wh, page.size_wh, 0)))


def _element(block: Block, box: list[int]) -> str:
    place = f' data-bbox="{" ".join(map(str, box))}"'
    if block.table is not None:
        return _table(block.table, place)
    if block.kind == "figure":
        return f'<div class="image"{place}><img{place}/></div>'
    if block.kind == "list":
        tag, items = _items(block)
        return f"<{tag}{place}>{''.join(f'<li>{_escaped(item)}</li>' for item in items)}</{tag}>"
    words = _escaped(block.text).replace("\n", "<br/>")
    if block.kind == "caption":
        return f'<p class="caption"{place}>{words}</p>'
    tag = f"h{block.level}" if block.kind == "heading" else "p"
    return f"<{tag}{place}>{words}</{tag}>"


def _items(block: Block) -> tuple[str, list[str]]:
    """The list's tag, and its items without numbers."""
    items = block.text.split("\n")
    if all(map(_NUMBERED.match, items)):
        return "ol", [_NUMBERED.sub("", item, count=1) for item in items]
    return "ul", items


def _table(table: Table, place: str = "") -> str:
    return f"<table{place}>{''.join(map(_row, _rows(table)))}</table>"


def _rows(table: Table) -> list[list[PlacedCell]]:
    grid: Grid = lay_out(table)
    return [[placed for placed in grid.cells if placed.row == row] for row in range(grid.row_count)]


def _row(cells: list[PlacedCell]) -> str:
    return f"<tr>{''.join(map(_cell, cells))}</tr>"


def _cell(placed: PlacedCell) -> str:
    tag = "th" if placed.cell.is_header else "td"
    spans = {"rowspan": placed.row_span, "colspan": placed.column_span}
    written = "".join(f' {name}="{span}"' for name, span in spans.items() if span > 1)
    return f"<{tag}{written}>{_escaped(placed.cell.text)}</{tag}>"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _in_latex(text: str) -> str:
    return _LATEX_SPECIAL.sub(r"\\\1", text)


def _paragraph(block: Block, box: list[int]) -> str:
    place = f"({', '.join(map(str, box))})"
    if block.table is not None:
        return f"<!-- Table {place} -->\n{_tabular(block.table)}"
    if block.kind == "figure":
        return f"<!-- Image {place} -->"
    if block.kind == "heading":
        return f"{'#' * block.level} {block.text}"
    if block.kind == "list":
        tag, items = _items(block)
        return block.text if tag == "ol" else "\n".join(f"- {item}" for item in items)
    return block.text.replace("\n", "  \n")


def _tabular(table: Table) -> str:
    """A LaTeX table; what a cell of several rows covers is an empty cell there."""
    grid = lay_out(table)
    rows: list[dict[int, str]] = [{} for _ in range(grid.row_count)]
    for placed in grid.cells:
        words = _in_latex(placed.cell.text)
        if placed.row_span > 1:
            words = f"\\multirow{{{placed.row_span}}}{{*}}{{{words}}}"
        for row in range(placed.row, placed.row + placed.row_span):
            inside = words if row == placed.row else ""
            wide = placed.column_span > 1
            cell = f"\\multicolumn{{{placed.column_span}}}{{|c|}}{{{inside}}}" if wide else inside
            rows[row][placed.column] = cell
    body = "\n".join(f"{' & '.join(row[column] for column in sorted(row))} \\\\ \\hline" for row in rows)
    columns = "|".join("c" * grid.column_count)
    return f"\\begin{{tabular}}{{|{columns}|}}\n\\hline\n{body}\n\\end{{tabular}}"
