"""Drawn scenes: what is drawn is what the truth says."""

from __future__ import annotations

import numpy as np
import pytest

from training.scenes import COLORS, KINDS, MAX_SHAPES, draw, random_scene, random_size


@pytest.mark.parametrize("seed", range(6))
def test_pixels_of_a_shape_fill_exactly_its_box(seed: int) -> None:
    scene = random_scene(np.random.default_rng(seed))
    picture = draw(scene).astype(int)
    for shape in scene.shapes:
        near = np.abs(picture - np.array(COLORS[shape.color])).max(axis=2) < 30
        x1, y1, x2, y2 = (round(value) for value in shape.xyxy)
        rows, columns = np.nonzero(near[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2])
        assert columns.max() - columns.min() == pytest.approx(x2 - x1, abs=4)
        assert rows.max() - rows.min() == pytest.approx(y2 - y1, abs=4)


def test_scenes_stay_in_their_domain() -> None:
    rng = np.random.default_rng(3)
    seen_kinds, seen_colors, seen_counts = set(), set(), set()
    for _ in range(300):
        scene = random_scene(rng)
        width, height = scene.size_wh
        seen_counts.add(len(scene.shapes))
        for shape in scene.shapes:
            seen_kinds.add(shape.kind)
            seen_colors.add(shape.color)
            x1, y1, x2, y2 = shape.xyxy
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
    assert seen_kinds == set(KINDS)
    assert seen_colors == set(COLORS)
    assert seen_counts == set(range(1, MAX_SHAPES + 1))


def test_shapes_do_not_overlap() -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        boxes = [shape.xyxy for shape in random_scene(rng).shapes]
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def test_the_same_seed_draws_the_same_picture() -> None:
    first, second = (draw(random_scene(np.random.default_rng(9))) for _ in range(2))
    assert np.array_equal(first, second)


def test_sizes_keep_their_bounds_and_vary_in_aspect() -> None:
    rng = np.random.default_rng(5)
    sizes = [random_size(rng) for _ in range(400)]
    ratios = [width / height for width, height in sizes]
    assert min(min(size) for size in sizes) >= 256
    assert max(max(size) for size in sizes) <= 768
    assert 0.5 <= min(ratios) < 0.6
    assert 1.8 < max(ratios) <= 2.0
