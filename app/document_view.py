"""What the Document tab shows, as HTML: the strip of pages, what was read of one, fields as a table, answers.

Knows words, numbers and `ui_assets/document.html`. Does not know widgets, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from app import work_view
from app.answering import Snapshot
from app.document_corrections import editable
from app.document_reading import Reading
from app.document_store import KeptDocument
from app.exports.documents.base import field_text, markdown_of
from app.exports.documents.web_page import table_rows
from app.markdown import to_html
from app.templates import macros
from app.work_view import ENDS, STRIP_MAX, queue_words, sizes_words, strip_start
from model.parsing import NO_BOXES, page_references
from model.types import Block, FinishReason, MediumInput, ReadingMode

State = Literal["new", "waiting", "reading", "done", "cut", "stopped", "failed"]

_STATE_WORDS: Mapping[State, str] = {
    "new": "not read yet",
    "waiting": "waiting",
    "reading": "reading",
    "done": "read",
    "cut": "read, but not to its end",
    "stopped": "stopped",
    "failed": "failed",
}
_LABEL_MAX_CHARS = 60


@dataclass(frozen=True, slots=True)
class StripItem:
    """One page of the strip. `name` is its document's, `page` its number there."""

    url: str
    name: str
    page: int
    state: State
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page with what was read of it: blocks as they are now, each with its place among those that were read.

    `mode` is how they were read, `corrected` are the places that a person changed. `url` is the address of the page's
    picture.
    """

    url: str
    size_wh: tuple[int, int]
    blocks: Sequence[tuple[int, Block]]
    mode: ReadingMode = "markdown"
    corrected: frozenset[int] = frozenset()
    is_streaming: bool = False


@dataclass(frozen=True, slots=True)
class FieldsRow:
    """What was read of one page's fields; `place` is the page's in the strip. None without a reading."""

    place: int
    name: str
    state: State
    fields: Mapping[str, Any] | None
    corrected: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question about `pages`, and the answer so far; `finish_reason` says how it ended, `error` why it broke off."""

    question: str
    answer: str = ""
    pages: str = ""
    model: str = ""
    finish_reason: FinishReason | None = None
    error: str = ""


def strip_html(items: Sequence[StripItem], current: int) -> str:
    """The pages one below the other, of very many those around `current`; several documents have their names above."""
    start = strip_start(len(items), current)
    rows = []
    for place, item in enumerate(items[start : start + STRIP_MAX], start):
        is_first = place == start or items[place - 1].name != item.name or item.page == 1
        of_document = "" if item.page == place + 1 else f": page {item.page} of {item.name}"
        words = f"Page {place + 1}{of_document}, {_STATE_WORDS[item.state]}"
        rows.append({"place": place, "item": item, "words": words, "heading": item.name if is_first else ""})
    chosen = sum(item.is_chosen for item in items)
    return str(_macros().strip(rows, current, len(items), chosen))


def head_html(name: str, place: int, count: int, facts: Sequence[str], *, can_undo: bool, can_read_again: bool) -> str:
    """Above what was read: which page it is, how it was read, and what can be done about it."""
    return str(_macros().head(name, place + 1, count, facts, can_undo, can_read_again))


def where_words(page: int, page_count: int, place: int, total: int) -> list[str]:
    """Which page of its document, and of several documents which one in all: by that number pages are chosen."""
    words = [f"page {page:,} of {page_count:,}"]
    return words if page_count == total else [*words, f"{place + 1:,} of {total:,} in all"]


def reading_facts(reading: Reading, blocks: int, corrections: int) -> list[str]:
    """ "Qwen3-VL-4B-Instruct", "12 blocks", "2 corrected", "lines spotted"."""
    facts = [reading.model]
    if reading.ask.mode != "fields":
        facts.append("1 block" if blocks == 1 else f"{blocks:,} blocks")
    if corrections:
        facts.append(f"{corrections:,} corrected")
    if reading.ask.mode == "lines":
        facts.append("lines spotted")
    return facts


def notes_html(problems: Sequence[str], failure: str = "") -> str:
    """What has to be known about a reading: one without boxes offers to spot lines, one that failed to try again."""
    others = [problem for problem in problems if problem != NO_BOXES]
    return str(_macros().notes(failure, others, NO_BOXES in problems, NO_BOXES))


def page_html(page: ShownPage) -> str:
    """What was read of a page, block by block, each linked with its place on the page and open to correction."""
    return str(_macros().page(list(_blocks(page)), page.is_streaming))


def fields_html(names: Sequence[str], rows: Sequence[FieldsRow], current: int, left_out: int = 0) -> str:
    """Fields as a table, one row a page; `left_out` rows are not shown for now."""
    shown = [
        {
            "row": row,
            "words": _STATE_WORDS[row.state],
            "cells": [
                {
                    "name": name,
                    "text": field_text((row.fields or {}).get(name)),
                    "is_corrected": name in row.corrected,
                }
                for name in names
            ],
        }
        for row in rows
    ]
    return str(_macros().fields(names, shown, current, left_out))


def answers_html(exchanges: Iterable[Exchange], page_count: int) -> str:
    """Questions and answers; where an answer names a page there is a link that jumps to it."""
    rows = [
        {
            "exchange": each,
            "html": Markup(linked_html(each.answer, page_count)),
            "ending": ENDS.get(each.finish_reason, "") if not each.error else "",
        }
        for each in exchanges
    ]
    return str(_macros().answers(rows))


def linked_html(text: str, page_count: int) -> str:
    """Safe HTML in which what refers to a page is a link to `#page-N`; the page's script makes it jump."""
    pieces, end = [], 0
    for reference in page_references(text, page_count):
        start, stop = reference.span
        pieces += [text[end:start], f"[{text[start:stop]}](#page-{reference.page})"]
        end = stop
    return to_html("".join([*pieces, text[end:]]))


def size_html(size_wh: tuple[int, int], medium: MediumInput | None) -> str:
    """How large the page is, and how large the model sees it."""
    return str(_macros().size(sizes_words(size_wh, medium)))


def own_text_html(text: str | None) -> str:
    """The page's own text layer, folded; for a page without one, such as a scan, that there is none."""
    return "" if text is None else str(_macros().own_text(text))


def progress_words(done: int, total: int, left_s: float | None) -> str:
    """ "2 of 7 pages read, about 40 s left"; nothing for one page alone."""
    return "" if total == 1 else work_view.progress_words(done, total, "pages read", left_s)


def reading_words(reading: Reading | None) -> str:
    """ "2 are before you", "Looking at the page", "Thinking" or "7 blocks so far"."""
    if reading is None:
        return "Looking at the page"
    if reading.waiting:
        return queue_words(reading.waiting)
    if not reading.raw:
        return "Thinking" if reading.is_thinking else "Looking at the page"
    count = len(reading.document.blocks)
    return "Writing" if not count else "1 block so far" if count == 1 else f"{count:,} blocks so far"


def asking_words(snapshot: Snapshot) -> str:
    """ "2 are before you", "Looking at the pages", "Thinking" or "Writing"."""
    if snapshot.waiting:
        return queue_words(snapshot.waiting)
    if snapshot.text:
        return "Writing"
    return "Thinking" if snapshot.thinking else "Looking at the pages"


def locked_html(name: str, is_wrong: bool) -> str:
    """Why there is a field for a password."""
    return str(_macros().locked(name, is_wrong)) if name else ""


def mode_html(mode: str) -> str:
    """A mark for the style sheet, which shows the controls of the mode."""
    return f'<i data-mode="{mode}" hidden></i>'


def welcome_html(examples: Sequence[str], recent: Sequence[KeptDocument]) -> str:
    """What stands in the place of pages as long as there are none."""
    rows = [
        {"name": row.name, "pages": "1 page" if row.page_count == 1 else f"{row.page_count:,} pages"} for row in recent
    ]
    return str(_macros().welcome(examples, rows))


def region_label(block: Block) -> str:
    """What a block is called where the viewer shows it."""
    return block.kind


def region_text(block: Block) -> str:
    words = " ".join(block.text.split())
    return words if len(words) <= _LABEL_MAX_CHARS else f"{words[: _LABEL_MAX_CHARS - 1]}…"


def _blocks(page: ShownPage) -> Iterator[dict[str, Any]]:
    region = 0
    for place, block in page.blocks:
        yield {
            "place": place,
            "region": region if block.xyxy else None,
            "kind": block.kind,
            "source": editable(block, page.mode),
            "html": _block_html(block, page),
            "is_corrected": place in page.corrected,
        }
        region += block.xyxy is not None


def _block_html(block: Block, page: ShownPage) -> Markup:
    parts = []
    if block.kind == "figure" and block.xyxy:
        parts.append(_macros().figure(page.url, page.size_wh, _window(block.xyxy), block.text))
    elif not block.table:
        parts.append(Markup(to_html(markdown_of(block))))
    if block.table:
        parts.append(macros("exported.html").table(table_rows(block.table)))
    return Markup("").join(parts)


def _window(xyxy: tuple[float, float, float, float]) -> str:
    """A part of the page as the view box of an SVG."""
    x1, y1, x2, y2 = xyxy
    return f"{x1:g} {y1:g} {max(x2 - x1, 1):g} {max(y2 - y1, 1):g}"


def _macros() -> Any:
    return macros("document.html")
