"""Wear takes the truth along: lines and blocks are where their ink has come to be, and can still be told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import eq

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.drawing import difference_xyxy, drawn_with
from tests.training.fonts import needs_fonts
from training.documents import KINDS, random_page
from training.pages import MAX_SIDE, Page, bounds
from training.wear import Wear, random_wear, worn

pytestmark = needs_fonts
Points = NDArray[np.float64]


def page_of(kind: str, seed: int) -> Page:
    return random_page(np.random.default_rng([seed, 7]), kind, worn_share=0)


def askew(page: Page, seed: int) -> Wear:
    """A wear that turns the page and sees it from the side, and does nothing else."""
    wears = (random_wear(np.random.default_rng([seed, number]), page) for number in range(50))
    wear = next(wear for wear in wears if wear.placed is not None)
    red, green, blue = (int(channel) for channel in page.image[0, 0])
    return Wear(wear.size_wh, wear.placed, (red, green, blue))


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in KINDS for seed in range(2)])
def test_lines_are_where_their_ink_has_gone(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make = partial(page_of, kind, seed)
    page, wordless = make(), drawn_with(monkeypatch, make, lambda _: False)
    wear = askew(page, seed)
    placed = worn(page, wear)
    index = len(page.lines) // 2
    alone = worn(drawn_with(monkeypatch, make, partial(eq, index)), wear)
    ink = difference_xyxy(alone.image, worn(wordless, wear).image, least=24)
    x1, y1, x2, y2 = placed.lines[index].xyxy
    # The corners of a turned box have no ink: it reaches up to its height times the turn into the box around it.
    slack = 2.5 + 0.08 * (y2 - y1) + 0.06 * min(x2 - x1, 3 * (y2 - y1))
    assert x1 - 1 <= ink[0] <= x1 + slack
    assert y1 - 1 <= ink[1]
    assert x2 - slack <= ink[2] <= x2 + 1
    assert ink[3] <= y2 + 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_is_outside_of_the_quads(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(kind, 3)
    wear = askew(page, 3)
    wordless = worn(drawn_with(monkeypatch, lambda: page_of(kind, 3), lambda _: False), wear)
    placed = worn(page, wear)
    rows, columns = np.nonzero(np.abs(placed.image.astype(int) - wordless.image).max(axis=2) > 8)
    points = np.stack([columns + 0.5, rows + 0.5], axis=1)
    inside = np.zeros(len(points), dtype=bool)
    for line in placed.lines:
        inside |= is_inside(points, np.array(line.quad), margin_px=1.0)
    assert len(points)
    assert inside.all()


def is_inside(points: Points, quad: Points, margin_px: float) -> NDArray[np.bool_]:
    """Whether points (n, 2) lie in a quad of clockwise corners, or at most so far off one of its sides."""
    inside = np.ones(len(points), dtype=bool)
    for start, end in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        (along_x, along_y), off = end - start, points - start
        distance = (along_x * off[:, 1] - along_y * off[:, 0]) / np.hypot(along_x, along_y)
        inside &= distance >= -margin_px
    return inside


@pytest.mark.parametrize("kind", KINDS)
def test_worn_pages_keep_their_words_and_their_bounds(kind: str) -> None:
    for seed in range(5):
        page = page_of(kind, seed)
        old = worn(page, random_wear(np.random.default_rng(seed), page))
        width, height = old.size_wh
        assert max(width, height) <= MAX_SIDE
        assert old.text == page.text
        assert old.fields == page.fields
        for line in old.lines:
            x1, y1, x2, y2 = line.xyxy
            assert x2 > x1
            assert y2 > y1
            assert bounds([*line.quad, *old.outlines[line.block]]) == bounds(old.outlines[line.block])
            assert min(x1, y1) >= -1
            assert x2 <= width + 1
            assert y2 <= height + 1
        assert [block.xyxy for block in old.blocks] == [bounds(outline) for outline in old.outlines]


def test_the_smallest_text_still_stands_out() -> None:
    """Of the contrast that a line has on the fresh page, no wear takes more than five sixths."""
    for seed in range(12):
        page = page_of("article", seed)
        wear = replace(random_wear(np.random.default_rng(seed), page), placed=None, size_wh=page.size_wh, noise=0.0)
        old = worn(page, wear)
        for line in page.lines:
            x1, y1, x2, y2 = (int(value) for value in line.xyxy)
            fresh, faded = (np.ptp(image[y1:y2, x1:x2].mean(axis=2)) for image in (page.image, old.image))
            assert faded > fresh / 6


def test_every_kind_of_wear_comes_and_changes_the_picture() -> None:
    page = page_of("card", 1)
    wears = [random_wear(np.random.default_rng(seed), page) for seed in range(60)]
    fresh = Wear(page.size_wh)
    for name in ("placed", "light", "fade", "blur_px", "noise", "jpeg_quality"):
        changed = [wear for wear in wears if getattr(wear, name) != getattr(fresh, name)]
        assert 10 < len(changed) < 60, name
        alone = replace(fresh, size_wh=changed[0].size_wh, **{name: getattr(changed[0], name)})
        picture = worn(page, alone).image
        assert picture.shape != page.image.shape or np.abs(picture.astype(int) - page.image).max() > 3, name
    assert np.array_equal(worn(page, fresh).image, page.image)
