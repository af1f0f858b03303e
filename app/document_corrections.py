"""Corrections made by hand: what a person is given to edit of a block, and the document with their words in it.

Knows blocks and their Markdown. What a person writes is read like a model's answer, so it is as safe as one: as plain
words where those were asked for, else as Markdown. A block keeps its kind and its place on the page. Knows no storage
and no widgets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.document_store import Corrections
from app.exports.documents.base import escaped
from model.catalog import PER_1000
from model.parsing import read_document
from model.parsing.grid import lay_out
from model.types import Block, Cell, Document, ReadingMode, Table

_PLAIN = ("formula", "code", "figure", "caption")
"""Kinds whose text is edited as it is; the others are edited as Markdown."""


def editable(block: Block, mode: ReadingMode) -> str:
    """What a person is given to edit of a block that was read in this mode."""
    if block.kind in _PLAIN or _is_plain_text(block, mode):
        return block.text
    return block.markdown or block.text


def corrected(document: Document, corrections: Corrections, mode: ReadingMode) -> Document:
    """The document, read in this mode, with what a person made of its blocks and fields; a block without any words
    left is gone."""
    blocks = tuple(block for _, block in corrected_blocks(document, corrections, mode))
    fields = {name: corrections.fields.get(name, value) for name, value in document.fields.items()}
    return replace(document, blocks=blocks, fields=fields)


def corrected_blocks(document: Document, corrections: Corrections, mode: ReadingMode) -> Iterator[tuple[int, Block]]:
    """The blocks as they are now, each with its place in the document as it was read."""
    for place, block in enumerate(document.blocks):
        if place not in corrections.blocks:
            yield place, block
        elif corrections.blocks[place].strip() or block.kind == "figure":
            yield place, _corrected(block, corrections.blocks[place], mode)


def _is_plain_text(block: Block, mode: ReadingMode) -> bool:
    """Whether the block is words as they stand on the page, in which no character is a mark."""
    return mode in ("text", "lines") and block.kind == "text"


def _corrected(block: Block, text: str, mode: ReadingMode) -> Block:
    if block.kind == "formula":
        return replace(block, text=text, markdown=f"$$\n{text.strip()}\n$$" if text.strip() else "")
    if block.kind == "code":
        return replace(block, text=text, markdown=_fenced(text))
    if _is_plain_text(block, mode):
        return replace(block, text=text.strip("\r\n"), markdown=escaped(text))
    written = read_document(text, "markdown", PER_1000).blocks
    if block.kind == "table":
        return _table(block, text, written)
    markdown = "\n\n".join(part.markdown for part in written)
    plain = "\n".join(part.text for part in written)
    level = next((part.level for part in written if part.level), block.level)
    return replace(block, text=plain, markdown=markdown, level=level if block.kind == "heading" else 0)


def _fenced(code: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}\n{code}\n{fence}" if code.strip() else ""


def _table(block: Block, text: str, written: Sequence[Block]) -> Block:
    """A table written as Markdown, which has no place for spans: they stay as long as rows and columns do."""
    table = next((part.table for part in written if part.table), None)
    if table is None:
        return replace(block, table=None, text=text.strip(), markdown="\n\n".join(part.markdown for part in written))
    source = next(part for part in written if part.table is table)
    if block.table is not None:
        table = _with_spans(block.table, table)
    rows = "\n".join("\t".join(cell.text for cell in row) for row in table.rows)
    return replace(block, table=table, text=rows, markdown=source.markdown)


def _with_spans(before: Table, after: Table) -> Table:
    """The new words in the old cells, when both cover the same rows and columns."""
    old, new = lay_out(before), lay_out(after)
    if (old.row_count, old.column_count) != (new.row_count, new.column_count):
        return after
    words, markdown = new.texts(), new.filled(lambda cell: cell.markdown)
    rows: list[list[Cell]] = [[] for _ in before.rows]
    for placed in old.cells:
        row, column = placed.row, placed.column
        rows[row].append(replace(placed.cell, text=words[row][column], markdown=markdown[row][column]))
    return Table(tuple(map(tuple, rows)))
