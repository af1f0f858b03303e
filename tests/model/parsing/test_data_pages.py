"""A page answered as data is still a page: its words and its tables are there."""

from __future__ import annotations

import pytest

from model.catalog import PER_1000
from model.parsing import NO_BOXES, read_document
from model.types import Cell, ReadingMode, Table

TABLE = Table(((Cell("a", is_header=True), Cell("b", is_header=True)), (Cell("1"), Cell("x, y"))))


@pytest.mark.parametrize(
    "text", ['{"text": "whole page"}', '```json\n{"content": "whole page"}\n```', '[{"text": "whole page"}]']
)
def test_words_in_json_are_kept_and_said_to_have_no_boxes(text: str) -> None:
    document = read_document(text, "layout", PER_1000)
    assert [block.text for block in document.blocks] == ["whole page"]
    assert document.problems == (NO_BOXES,)


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1, "b": "x, y"}]',
        '```json\n{"rows": [["a", "b"], [1, "x, y"]]}\n```',
        '```csv\na,b\n1,"x, y"\n```',
        "```tsv\na\tb\n1\tx, y\n```",
    ],
)
def test_rows_of_data_are_a_table(text: str) -> None:
    document = read_document(text, "tables", PER_1000)
    assert [block.table for block in document.blocks] == [TABLE]
    assert document.problems == ()


def test_tags_in_rows_of_data_are_words() -> None:
    (block,) = read_document('[{"a": "<img src=x>"}]', "tables", PER_1000).blocks
    assert block.table is not None
    assert block.table.rows[1][0].text == "<img src=x>"


@pytest.mark.parametrize("mode", ["text", "markdown", "layout", "tables"])
def test_only_the_end_of_the_answer_is_nothing(mode: ReadingMode) -> None:
    document = read_document("<|im_end|>", mode, PER_1000)
    assert document.blocks == ()
    assert document.problems == ("The model has not read anything on this page.",)


@pytest.mark.parametrize("inside", ["", '"' + "x" * 200_000])
def test_a_fence_without_rows_stays_as_it_is(inside: str) -> None:
    document = read_document(f"Words\n\n```csv\n{inside}\n```", "tables", PER_1000)
    assert document.blocks[0].text == "Words"
    assert all(block.table is None for block in document.blocks)
