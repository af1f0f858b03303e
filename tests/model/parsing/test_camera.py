"""3D boxes on the picture. The stored real answer, with its published corners, is checked beside the others."""

from __future__ import annotations

import pytest

from model.parsing.camera import EDGES, Camera, corners_xy

CAMERA = Camera(fx=100, fy=200, cx=50, cy=60)


def test_a_box_straight_ahead() -> None:
    corners = corners_xy((0, 0, 10, 2, 4, 0, 0, 0, 0), CAMERA)
    assert corners[0] == pytest.approx((50 + 100 * 1 / 10, 60 + 200 * 2 / 10))
    assert corners[-1] == pytest.approx((50 - 100 * 1 / 10, 60 - 200 * 2 / 10))


def test_a_quarter_turn_about_the_view_swaps_width_and_height() -> None:
    turned = corners_xy((0, 0, 10, 2, 4, 0, 0, 0, 0.5), Camera(1, 1, 0, 0))
    plain = corners_xy((0, 0, 10, 4, 2, 0, 0, 0, 0), Camera(1, 1, 0, 0))
    assert sorted(map(rounded, turned)) == sorted(map(rounded, plain))


def rounded(xy: tuple[float, float] | None) -> tuple[float, float]:
    assert xy is not None
    return round(xy[0], 6) + 0.0, round(xy[1], 6) + 0.0


def test_corners_behind_the_camera_have_no_place() -> None:
    corners = corners_xy((0, 0, 0, 2, 2, 2, 0, 0, 0), CAMERA)
    assert [corner is None for corner in corners] == [False, True] * 4


def test_edges_join_neighbouring_corners() -> None:
    assert len(set(EDGES)) == 12
    for first, second in EDGES:
        assert (first ^ second) in (1, 2, 4)
