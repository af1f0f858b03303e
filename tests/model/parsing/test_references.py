"""Pages that an answer names."""

from __future__ import annotations

import pytest

from model.parsing import page_references

ROWS = {
    "word and number": ("The total is on page 7.", ["page 7"], [7]),
    "with the picture's number": ("See page 7 (image 6).", ["page 7"], [7]),
    "list": ("See pages 2, 3 and 5.", ["pages 2", "3", "5"], [2, 3, 5]),
    "range": ("pages 3-5", ["pages 3", "5"], [3, 5]),
    "short": ("(p. 4, pp. 6–8)", ["p. 4", "pp. 6", "8"], [4, 6, 8]),
    "Chinese": ("在第 3 页和第4页", ["第 3", "第4"], [3, 4]),
    "German": ("auf Seite 9", ["Seite 9"], [9]),
    "no such page": ("page 11, page 0 and page 99999", [], []),
    "other words": ("homepage 3, stage 4, page three, 7 pages, page 2.5x", ["page 2"], [2]),
}


@pytest.mark.parametrize("name", ROWS)
def test_pages_that_are_named(name: str) -> None:
    text, words, pages = ROWS[name]
    found = page_references(text, page_count=10)
    assert [reference.page for reference in found] == pages
    assert [text[slice(*reference.span)] for reference in found] == words
