"""What is drawn covers as much as it says, and words are where they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.fonts import needs_fonts
from training.canvas import Canvas, mixed, overlap, union
from training.typesetting import FAMILIES

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def area(canvas: Canvas) -> float:
    """How many pixels are white."""
    return float(canvas.pixels[..., 0].sum() / 255)


@pytest.mark.parametrize("xyxy", [(3, 4, 17, 9), (3.25, 4.5, 16.75, 8.9), (5.2, 5.3, 5.9, 12.0)])
def test_an_exact_box_covers_its_area(xyxy: tuple[float, float, float, float]) -> None:
    canvas = Canvas((20, 14), BLACK)
    canvas.exact_box(xyxy, WHITE)
    assert area(canvas) == pytest.approx((xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1]), abs=0.1)


def test_round_corners_are_quarters_of_circles() -> None:
    canvas = Canvas((40, 30), BLACK)
    canvas.box((4, 5, 36, 25), WHITE, radius_px=8)
    assert area(canvas) == pytest.approx(32 * 20 - (4 - np.pi) * 8**2, abs=2)
    assert tuple(canvas.pixels[5, 4]) == BLACK
    assert tuple(canvas.pixels[5, 20]) == tuple(canvas.pixels[15, 4]) == WHITE
    assert np.array_equal(canvas.pixels, canvas.pixels[::-1, ::-1])


def test_what_is_stamped_beyond_the_edge_is_cut() -> None:
    canvas = Canvas((10, 10), BLACK)
    assert canvas.stamp(np.full((6, 6), 255, dtype=np.uint8), (7, 8), WHITE) == (7, 8, 13, 14)
    assert area(canvas) == 6


@needs_fonts
def test_words_stand_where_they_are_said_to_stand() -> None:
    canvas, font = Canvas((200, 120), BLACK), FAMILIES[0].font(20)
    canvas.words_in("Right", (0, 0, 190, 40), WHITE, font, "right")
    canvas.turned_words("Upwards", (0, 0, 30, 120), WHITE, font)
    canvas.set_words()
    upwards, right = sorted(canvas.runs, key=lambda run: run.xyxy)
    assert (upwards.text, right.text) == ("Upwards", "Right")
    assert right.xyxy[2] <= 190 < right.xyxy[2] + 5
    assert upwards.xyxy[3] - upwards.xyxy[1] > 2 * (upwards.xyxy[2] - upwards.xyxy[0])
    for run in canvas.runs:
        x1, y1, x2, y2 = (int(side) for side in run.xyxy)
        ink = canvas.pixels[y1:y2, x1:x2, 0] > 0
        assert ink[0].any()
        assert ink[-1].any()
        assert ink[:, 0].any()
        assert ink[:, -1].any()
        canvas.pixels[y1:y2, x1:x2] = 0
    assert area(canvas) == 0


def test_boxes_together() -> None:
    assert union((0, 1, 4, 5), (2, 0, 3, 9)) == (0, 0, 4, 9)
    assert overlap((0, 0, 4, 4), (3, 3, 5, 5))
    assert not overlap((0, 0, 4, 4), (4, 0, 5, 4))
    assert mixed((0, 100, 200), (200, 100, 0), 0.25) == (50, 100, 150)
