"""Corrections by hand: what is given to edit, and what becomes of it."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest

from app.document_corrections import corrected, corrected_blocks, editable
from app.document_store import Corrections
from app.exports.documents import DOCUMENT_FORMATS, ReadPage
from app.markdown import to_html
from model.catalog import PER_1000
from model.parsing import read_document
from model.types import Block, Cell, Document, ReadingMode, Table

XYXY = (1.0, 2.0, 3.0, 4.0)
SPANNED = Table(((Cell("Both", column_span=2, is_header=True),), (Cell("a"), Cell("b"))))


def _corrected(block: Block, text: str, mode: ReadingMode = "markdown") -> Block:
    document = corrected(Document((block,)), Corrections({0: text}), mode)
    assert len(document.blocks) == 1
    return document.blocks[0]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Block("heading", "Water", "## Water", level=2), "## Water"),
        (Block("text", "Rain was short", "Rain was *short*"), "Rain was *short*"),
        (Block("text", "bare words"), "bare words"),
        (Block("formula", "x^2", "$$\nx^2\n$$"), "x^2"),
        (Block("code", "a < b", "```\na < b\n```"), "a < b"),
        (Block("figure", "A chart", "*A chart*"), "A chart"),
    ],
)
def test_what_is_given_to_edit(block: Block, text: str) -> None:
    assert editable(block, "markdown") == text


def test_words_are_read_as_markdown_and_keep_their_place() -> None:
    block = _corrected(Block("text", "Ran was short", "Ran was short", XYXY), "Rain was **short**.")
    assert (block.kind, block.text, block.markdown, block.xyxy) == (
        "text",
        "Rain was short.",
        "Rain was **short**.",
        XYXY,
    )


class _Words(HTMLParser):
    """What a reader of HTML sees as words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""

    def handle_data(self, data: str) -> None:
        self.words += data


def _seen(html: str) -> str:
    words = _Words()
    words.feed(html)
    return words.words


WORDS = ("Size 2*3*4", "# 5 boxes", "- 5 degrees", "1) x\n3) y", "a  b\n\n_c_ <b>d</b> [e](f) $x$ \\*")


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("mode", ["text", "lines"])
def test_of_plain_text_the_correction_is_the_words_as_they_stand(words: str, mode: ReadingMode) -> None:
    block = _corrected(Block("text", "a", "a", XYXY), words, mode)
    assert (block.kind, block.text, block.xyxy) == ("text", words, XYXY)
    page = ReadPage(1, (9, 9), Document((block,)), lambda: pytest.fail("no picture is wanted"))
    for kind, read in (("txt", str), ("html", _seen), ("markdown", lambda said: _seen(to_html(said)))):
        file = io.BytesIO()
        DOCUMENT_FORMATS[kind].write([page], file)
        assert " ".join(words.split()) in " ".join(read(file.getvalue().decode("utf-8-sig")).split()), kind


@pytest.mark.parametrize("words", WORDS[:4])
def test_of_plain_text_the_words_are_given_to_edit_without_escapes(words: str) -> None:
    (block,) = read_document(words, "text", PER_1000).blocks
    assert editable(block, "text") == words
    assert editable(_corrected(block, f"{words}!", "text"), "text") == f"{words}!"


def test_a_heading_may_change_its_level() -> None:
    block = _corrected(Block("heading", "Water", "## Water", XYXY, level=2), "# Waters")
    assert (block.kind, block.text, block.level) == ("heading", "Waters", 1)


def test_formulas_and_code_are_taken_as_they_are() -> None:
    assert _corrected(Block("formula", "x^2", "$$\nx^2\n$$"), "x^3").markdown == "$$\nx^3\n$$"
    code = _corrected(Block("code", "a", "```\na\n```"), "```\nb")
    assert code.text == "```\nb"
    assert code.markdown == "````\n```\nb\n````", "a fence that the code cannot close"


def test_a_table_keeps_its_spans_as_long_as_it_keeps_its_size() -> None:
    block = Block("table", "Both\na\tb", "| Both | |\n|---|---|\n| a | b |", XYXY, table=SPANNED)
    same = _corrected(block, "| Both | |\n|---|---|\n| a | c |")
    assert same.table is not None
    assert same.table.rows[0][0].column_span == 2
    assert same.table.rows[1][1].text == "c"
    larger = _corrected(block, "| Both | |\n|---|---|\n| a | c |\n| d | e |")
    assert larger.table is not None
    assert len(larger.table.rows) == 3
    assert larger.table.rows[2][0].text == "d"
    assert larger.text.split("\n")[2] == "d\te"


def test_a_table_that_is_none_any_more_is_text() -> None:
    block = Block("table", "a", "| a |\n|---|\n| b |", XYXY, table=Table(((Cell("a"),), (Cell("b"),))))
    assert _corrected(block, "No table").table is None
    assert _corrected(block, "No table").text == "No table"


def test_a_block_without_words_is_gone_and_others_keep_their_places() -> None:
    document = Document((Block("text", "a", "a"), Block("text", "b", "b"), Block("text", "c", "c")))
    left = dict(corrected_blocks(document, Corrections({1: " "}), "markdown"))
    assert sorted(left) == [0, 2]


def test_fields_that_a_person_corrected_take_the_place_of_the_models() -> None:
    document = Document(fields={"total": "1", "date": None})
    left = corrected(document, Corrections(fields={"date": "May"}), "fields")
    assert left.fields == {"total": "1", "date": "May"}


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](http://example.org/a)"]
)
def test_what_a_person_writes_is_as_safe_as_what_a_model_writes(text: str) -> None:
    html = to_html(_corrected(Block("text", "a", "a"), f"Words {text}").markdown)
    assert "Words" in html
    assert "<script" not in html
    assert 'href="javascript:' not in html
    assert "<img" not in html


def test_new_words_of_a_cell_take_its_old_emphasis_along() -> None:
    (block,) = read_document("| a | b |\n|---|---|\n| **c** | d |", "tables", PER_1000).blocks
    table = _corrected(block, "| a | b |\n|---|---|\n| c | *d* |").table
    assert table is not None
    assert table.rows[1] == (Cell("c"), Cell("d", markdown="*d*"))
