"""What is written about a page is read back by the program's own parser as the page itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.catalog import INPUT_PIXELS, PER_1000
from model.parsing import parse_answer, read_document
from model.types import Block, Convention, MediumInput, Table
from tests.training.fonts import needs_fonts
from training.documents import KINDS, random_page
from training.pages import Page
from training.transcripts import to_fields, to_html, to_lines, to_markdown, to_tables

pytestmark = needs_fonts

PAGES = [(kind, seed) for kind in KINDS for seed in range(4)]


def page_of(kind: str, seed: int) -> Page:
    return random_page(np.random.default_rng([seed, 6]), kind, worn_share=0.5)


def medium_of(page: Page, scale: float = 1.0) -> MediumInput:
    width, height = page.size_wh
    return MediumInput(page.size_wh, (round(width * scale), round(height * scale)), 0)


def assert_same_place(read: Block, true: Block, page: Page, convention: Convention, scale: float) -> None:
    """Whole numbers round away at most half of one."""
    assert read.xyxy is not None
    assert true.xyxy is not None
    units = page.size_wh if convention is PER_1000 else (500 / scale, 500 / scale)
    for side, (said, drawn) in enumerate(zip(read.xyxy, true.xyxy, strict=True)):
        inside = min(max(drawn, 0), page.size_wh[side % 2])
        assert abs(said - inside) <= 0.5 * max(units[side % 2] / 1000, 1 / scale if scale != 1 else 0) + 0.51


@pytest.mark.parametrize(("kind", "seed"), PAGES)
@pytest.mark.parametrize(("convention", "scale"), [(PER_1000, 1.0), (INPUT_PIXELS, 0.8)])
def test_html_is_read_back_as_the_page(kind: str, seed: int, convention: Convention, scale: float) -> None:
    page = page_of(kind, seed)
    medium = medium_of(page, scale)
    read = read_document(to_html(page, convention, medium).text, "layout", convention, medium)
    assert read.problems == ()
    assert [bare(block) for block in read.blocks] == [bare(block) for block in page.blocks]
    for said, true in zip(read.blocks, page.blocks, strict=True):
        assert_same_place(said, true, page, convention, scale)


@pytest.mark.parametrize(("kind", "seed"), PAGES)
def test_markdown_is_read_back_as_the_page(kind: str, seed: int) -> None:
    """But for what Markdown does not tell: captions, headers of tables, and places of anything but tables and signs."""
    page = page_of(kind, seed)
    read = read_document(to_markdown(page).text, "markdown", PER_1000, medium_of(page))
    assert read.problems == ()
    assert [bare(block) for block in read.blocks] == [bare(as_markdown_tells(block)) for block in page.blocks]
    for said, true in zip(read.blocks, page.blocks, strict=True):
        if true.kind in ("table", "figure"):
            assert_same_place(said, true, page, PER_1000, 1.0)
        else:
            assert said.xyxy is None


@pytest.mark.parametrize(("kind", "seed"), PAGES)
def test_lines_are_read_back_with_their_boxes(kind: str, seed: int) -> None:
    page = page_of(kind, seed)
    answer = parse_answer(to_lines(page).text, PER_1000, [medium_of(page)])
    assert answer.problems == ()
    assert [box.text for box in answer.boxes] == [line.text for line in page.lines]
    for box, line in zip(answer.boxes, page.lines, strict=True):
        assert box.xyxy == pytest.approx(line.xyxy, abs=1.1)


@pytest.mark.parametrize(("kind", "seed"), [("article", 2), ("table", 0), ("receipt", 1), ("invoice", 2)])
def test_tables_are_read_back_alone(kind: str, seed: int) -> None:
    page = page_of(kind, seed)
    read = read_document(to_tables(page).text, "tables", PER_1000, medium_of(page))
    assert read.problems == ()
    assert [block.table for block in read.blocks] == [block.table for block in page.blocks if block.table]


@pytest.mark.parametrize("kind", ["receipt", "invoice", "form", "card"])
def test_fields_are_read_back_and_what_a_page_does_not_tell_is_told(kind: str) -> None:
    page = page_of(kind, 1)
    names = [*page.fields, "shoe size"]
    read = read_document(to_fields(page, names).text, "fields", PER_1000, medium_of(page), fields=names)
    assert read.fields == {**page.fields, "shoe size": None}
    assert read.problems == ("Not found on this page: shoe size.",)


def test_numbers_that_are_the_words_of_a_list_are_not_its_markers() -> None:
    """An item that begins with a number is no numbered item."""
    block = Block("list", "24 painters\n3 doctors", xyxy=(1, 2, 30, 40))
    page = Page("article", np.zeros((50, 50, 3), np.uint8), (), (block,), (), {})
    assert "<ul" in to_html(page).text
    assert to_markdown(page).text == "- 24 painters\n- 3 doctors"


def bare(block: Block) -> Block:
    """Without its place, and without the Markdown that the parser makes of it."""
    return replace(block, xyxy=None, span=None, markdown="")


def as_markdown_tells(block: Block) -> Block:
    if block.table is not None:
        rows = tuple(tuple(replace(cell, is_header=False) for cell in row) for row in block.table.rows)
        return replace(block, table=Table(rows))
    return replace(block, kind="text") if block.kind == "caption" else block
