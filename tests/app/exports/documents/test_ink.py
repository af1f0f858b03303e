"""Lines of print, found in drawn pictures."""

from __future__ import annotations

import numpy as np
import pytest

from app.exports.documents.ink import Grey, PrintedLine, printed_lines, space_counts


def _paper(*rectangles: tuple[int, int, int, int]) -> Grey:
    """White, 200 wide and 100 high, with black rectangles."""
    paper = np.full((100, 200), 255, np.uint8)
    for x1, y1, x2, y2 in rectangles:
        paper[y1:y2, x1:x2] = 0
    return paper


WHOLE = (0.0, 0.0, 200.0, 100.0)


def test_lines_and_the_gaps_in_them_are_found() -> None:
    paper = _paper((20, 10, 60, 30), (62, 10, 90, 30), (100, 12, 150, 30), (20, 50, 80, 70))
    assert printed_lines(paper, WHOLE) == [
        PrintedLine((20, 10, 150, 30), (2, 10)),
        PrintedLine((20, 50, 80, 70), ()),
    ]


def test_light_print_on_dark_is_found_too() -> None:
    assert printed_lines(255 - _paper((20, 10, 60, 30)), WHOLE) == [PrintedLine((20, 10, 60, 30), ())]


def test_only_what_is_in_the_box_is_seen() -> None:
    paper = _paper((20, 10, 60, 30), (20, 50, 80, 70))
    assert [line.xyxy for line in printed_lines(paper, (10, 45, 70, 90))] == [(20, 50, 70, 70)]


def test_dots_and_accents_belong_to_their_line_and_specks_to_none() -> None:
    paper = _paper((20, 10, 60, 30), (30, 5, 34, 8), (20, 50, 80, 70), (100, 95, 101, 96))
    assert [line.xyxy for line in printed_lines(paper, WHOLE)] == [(20, 5, 60, 30), (20, 50, 80, 70)]


def test_lines_whose_letters_touch_are_parted() -> None:
    paper = _paper((20, 5, 60, 25), (20, 30, 80, 50), (40, 50, 42, 54), (20, 54, 70, 74))
    assert [line.xyxy[1::2] for line in printed_lines(paper, WHOLE)] == [(5, 25), (30, 50), (50, 74)]


def test_many_lines_that_touch_are_parted_and_a_picture_is_left_out() -> None:
    touching = [(20, 12 * row, 60, 12 * row + 10) for row in range(1, 4)]
    seams = [(30, 12 * row + 10, 31, 12 * row + 12) for row in (1, 2)]
    paper = _paper((20, 0, 60, 10), *touching, *seams, (20, 60, 50, 69), (20, 80, 50, 90))
    assert [line.xyxy[1::2] for line in printed_lines(paper, WHOLE)] == [
        *((0, 10), (12, 22), (22, 34), (34, 46), (60, 69), (80, 90)),
    ]
    lines = [(20, 8 * row, 60, 8 * row + 6) for row in range(4)]
    with_picture = _paper(*lines, (20, 40, 110, 100))
    assert [line.xyxy for line in printed_lines(with_picture, WHOLE)] == lines


@pytest.mark.parametrize("value", [0, 128, 255])
def test_empty_paper_has_no_lines(value: int) -> None:
    assert printed_lines(np.full((100, 200), value, np.uint8), WHOLE) == []


def test_the_widest_gaps_are_the_spaces() -> None:
    lines = [PrintedLine(WHOLE, (2, 9, 2, 8)), PrintedLine(WHOLE, (2, 3)), PrintedLine(WHOLE, ())]
    assert space_counts(lines, 2) == [2, 0, 0]
    assert space_counts(lines, 3) == [2, 1, 0]
    assert space_counts(lines, 4) == [2, 1, 0], "three are nearer to four than the six with all gaps of two"
    assert space_counts(lines, 0) == space_counts(lines, -1) == [0, 0, 0]
