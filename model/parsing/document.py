"""From a model's answer about one page to a `Document`, whatever was asked for and in whatever form it came.

Knows the modes in which a page is read, and how lines and fields become blocks and fields. Does not know the forms of
answers themselves: those are read as every answer is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from model.parsing.answer import AnswerParser, parse_answer
from model.parsing.data_pages import table_of_data, words_of_data
from model.parsing.fields import asked_fields
from model.parsing.markup import Form
from model.parsing.regions import normal
from model.parsing.words import plain_words
from model.types import Answer, Block, BlockKind, Box, Convention, Document, MediumInput, ReadingMode

NO_BOXES = "The answer does not say where on the page anything stands. Reading the page line by line may give places."
"""The problem of a layout that came without a single box."""

NOTHING_READ = "The model has not read anything on this page."

FORMS: Mapping[ReadingMode, Form] = {
    "text": "text",
    "markdown": "markdown",
    "tables": "markdown",
    "layout": "auto",
    "lines": "auto",
    "fields": "auto",
}

KINDS: Mapping[str, BlockKind] = {
    **dict.fromkeys(("title", "heading", "header", "section_header", "section_title", "doc_title"), "heading"),
    **dict.fromkeys(("figure", "image", "picture", "photo", "chart", "logo", "stamp", "seal", "signature"), "figure"),
    **dict.fromkeys(("caption", "figure_caption", "table_caption"), "caption"),
    **dict.fromkeys(("text", "paragraph", "line", "text_line", "footer", "page_number"), "text"),
}
"""What layouts in JSON call the pieces of a page; tables and formulas are plain text there."""


class DocumentParser:
    """Reads what a model answers about one page, while it streams. Neither `feed` nor `finish` raises.

    `medium` are the sizes of the page's picture; None if they are not known. `page` counts from 1. `fields` are the
    names that were asked for, in their order (mode "fields").
    """

    def __init__(
        self,
        mode: ReadingMode,
        convention: Convention,
        medium: MediumInput | None = None,
        *,
        page: int = 1,
        fields: Sequence[str] = (),
    ) -> None:
        self._mode = mode
        self._convention = convention
        self._media = [medium] if medium else []
        self._page = page
        self._fields = tuple(fields)
        self._parser = AnswerParser(convention, self._media, form=FORMS[mode], page=page)
        self._text: list[str] = []
        self._lines: tuple[Box, ...] = ()
        self._line_blocks: tuple[Block, ...] = ()

    def feed(self, text: str) -> Document:
        """Read on; what is complete so far."""
        self._text.append(text)
        return self._read(self._parser.feed(text))

    def finish(self) -> Document:
        """End of the text: the same with what was cut, and with what is missing told."""
        answer = self._parser.finish()
        document = self._read(answer)
        if self._mode == "fields":
            return self._all_fields(answer)
        blocks = tuple(block for block in document.blocks if block.text or block.kind != "text" or block.xyxy)
        document = replace(document, blocks=blocks)
        text = "".join(self._text)
        if self._mode == "tables" and not any(block.table for block in blocks) and (table := table_of_data(text)):
            document = self._as_markdown(document, table)
        elif not blocks and (words := words_of_data(text) or (text if answer.text.strip() else "")):
            document = self._as_markdown(document, words)
        return self._with_what_is_missing(document)

    def _read(self, answer: Answer) -> Document:
        if self._mode == "fields":
            return Document(fields=answer.fields, problems=answer.problems)
        page, is_spotting = answer.document, self._mode in ("layout", "lines")
        if answer.boxes and not _has_boxes(page) and (is_spotting or not answer.text):
            return Document(self._blocks_of(answer.boxes), problems=answer.problems)
        return page or Document(problems=answer.problems)

    def _blocks_of(self, boxes: tuple[Box, ...]) -> tuple[Block, ...]:
        if boxes != self._lines:
            self._lines, self._line_blocks = boxes, tuple(block_of_box(box, self._page) for box in boxes)
        return self._line_blocks

    def _as_markdown(self, document: Document, text: str) -> Document:
        """What the model wrote instead of the form that was asked for; what was made of its words has no other place
        than all of them."""
        answer = parse_answer(text, self._convention, self._media, form="markdown", page=self._page)
        blocks = answer.document.blocks if answer.document else ()
        if text != (said := "".join(self._text)):
            blocks = tuple(replace(block, span=(0, len(said))) for block in blocks)
        return replace(document, blocks=blocks)

    def _with_what_is_missing(self, document: Document) -> Document:
        if not document.blocks:
            return replace(document, problems=(*document.problems, NOTHING_READ))
        if self._mode in ("layout", "lines") and not _has_boxes(document):
            return replace(document, problems=(*document.problems, NO_BOXES))
        return document

    def _all_fields(self, answer: Answer) -> Document:
        asked = asked_fields(answer, "".join(self._text), self._fields)
        absent = ", ".join(name for name in self._fields if asked.values[name] is None)
        found = "Not found on this page as far as the answer goes" if asked.was_cut else "Not found on this page"
        missing = (f"{found}: {absent}.",) if absent else ()
        return Document(fields=asked.values, problems=asked.problems + missing)


def read_document(
    text: str,
    mode: ReadingMode,
    convention: Convention,
    medium: MediumInput | None = None,
    *,
    page: int = 1,
    fields: Sequence[str] = (),
) -> Document:
    """A whole answer about one page, read in the same way as a streamed one."""
    parser = DocumentParser(mode, convention, medium, page=page, fields=fields)
    parser.feed(text)
    return parser.finish()


def block_of_box(box: Box, page: int = 1) -> Block:
    """A line of text, or an element of a layout written as JSON, as a block. A label without text is the text."""
    kind = KINDS.get(normal(box.label), "text")
    said = box.text if box.text is not None else "" if normal(box.label) in KINDS else box.label
    text, markdown = plain_words(said)
    level = 2 if kind == "heading" else 0
    markdown = f"## {' '.join(markdown.split())}" if level and markdown else markdown
    return Block(kind, text, markdown, box.xyxy, page, level, span=box.span)


def _has_boxes(document: Document | None) -> bool:
    return document is not None and any(block.xyxy for block in document.blocks)
