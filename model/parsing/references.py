"""Finds the pages that an answer names: `page 7`, `pages 3-5`, `page 7 (image 6)`, `p. 12`, `第 7 页`.

Knows how pages are named in words. Does not know documents, only how many pages one has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBERS = r"\d{1,5}(?:\s?(?:[-–—,&]|and|to|und|bis|y|et|和|至)\s?\d{1,5}(?!\.?\d))*"
REFERENCE = re.compile(
    rf"\b(?:pages?|pp?\.|seiten?|s\.|páginas?)\s?#?({NUMBERS})(?:\s?\(image\s\d{{1,5}}\))?|第\s?({NUMBERS})\s?[页頁]",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class PageReference:
    """A page, counted from 1, and the place of the words that name it (start, end) in the text."""

    page: int
    span: tuple[int, int]


def page_references(text: str, page_count: int) -> tuple[PageReference, ...]:
    """The pages that a text names, in its order; each number of a list or range is a reference of its own.

    The first has the word before it in its span ("pages 3" of "pages 3-5"). Pages that do not exist are left out.
    """
    found = []
    for match in REFERENCE.finditer(text):
        start = match.start()
        for number in NUMBER.finditer(text, *match.span(1 if match[1] else 2)):
            if 1 <= int(number[0]) <= page_count:
                found.append(PageReference(int(number[0]), (start, number.end())))
            next_number = NUMBER.search(text, number.end(), match.end())
            start = next_number.start() if next_number else match.end()
    return tuple(found)
