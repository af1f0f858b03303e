"""Pages as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.page_ranges import ranges_there, read_ranges, write_ranges
from model.errors import RequestError


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("1-3, 7", (1, 2, 3, 7)),
        ("7;1 – 3", (1, 2, 3, 7)),
        ("8-", (8, 9)),
        ("-2", (1, 2)),
        ("3 3 2-4", (2, 3, 4)),
        ("", tuple(range(1, 10))),
        (" , ", tuple(range(1, 10))),
    ],
)
def test_ranges_are_read_as_people_write_them(text: str, pages: tuple[int, ...]) -> None:
    assert read_ranges(text, 9) == pages


@pytest.mark.parametrize("text", ["0", "10", "8-12", "all", "1--3", "-", "1.5", "9999999999"])
def test_what_is_no_range_of_these_pages_is_refused_in_words(text: str) -> None:
    with pytest.raises(RequestError, match=r"(Write pages as in|There (is|are) no pages? .*, only pages 1 to 9)"):
        read_ranges(text, 9)


def test_a_single_page_is_called_so() -> None:
    with pytest.raises(RequestError, match="There is no page 2, only page 1"):
        read_ranges("2", 1)


@given(st.sets(st.integers(1, 50), min_size=1))
def test_what_is_written_reads_as_the_same_pages(pages: set[int]) -> None:
    assert read_ranges(write_ranges(pages), 50) == tuple(sorted(pages))


def test_neighbours_become_one_range() -> None:
    assert write_ranges([7, 1, 2, 3, 9, 10]) == "1-3, 7, 9-10"


def test_a_range_written_backwards_is_turned_for_the_person() -> None:
    with pytest.raises(RequestError, match="Write 2-5, the smaller page first"):
        read_ranges("5-2", 7)
    with pytest.raises(RequestError, match="Write 2-9, the smaller page first"):
        read_ranges("9-2", 7)


@pytest.mark.parametrize(
    ("text", "count", "pages", "missing"),
    [
        ("1-2", 1, (1,), "2"),
        ("1-5, 9", 2, (1, 2), "3-5, 9"),
        ("-3", 2, (1, 2), "3"),
        ("8-", 7, (), "8-"),
        ("8-", 8, (8,), ""),
        ("2-4", 1, (), "2-4"),
        ("", 3, (1, 2, 3), ""),
    ],
)
def test_of_a_shorter_document_the_pages_that_it_has_are_told_from_the_others(
    text: str, count: int, pages: tuple[int, ...], missing: str
) -> None:
    assert ranges_there(text, count) == (pages, missing)
