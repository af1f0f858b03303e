"""Charts read back: the picture says the values that the data say."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.fonts import needs_fonts
from training.canvas import overlap
from training.charts import KINDS, MAX_SIDE, MIN_SIDE, THEMES, Chart, Kind, Mark, random_chart
from training.typesetting import Xyxy

pytestmark = needs_fonts
COUNT = 75
BARS: tuple[Kind, ...] = ("bar", "horizontal bar", "grouped bar")


@cache
def chart(seed: int) -> Chart:
    return random_chart(np.random.default_rng((8, seed)))


def every(*kinds: Kind) -> list[Chart]:
    return [one for one in map(chart, range(COUNT)) if one.kind in (kinds or KINDS)]


def likeness(pixels: NDArray[np.uint8], mark: Mark, ground: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far each pixel is of the mark's colour (1) and not of the ground's (0)."""
    rgb, behind = np.array(mark.rgb, dtype=float), ground.astype(float)
    way = rgb - behind
    return np.asarray(np.clip((pixels.astype(float) - behind) @ way / (way @ way), 0, 1))


def test_one_seed_is_one_chart() -> None:
    again = random_chart(np.random.default_rng((8, 3)))
    assert np.array_equal(again.pixels, chart(3).pixels)
    assert (again.marks, again.runs, again.title, again.axis) == (
        chart(3).marks, chart(3).runs, chart(3).title, chart(3).axis,
    )  # fmt: skip


def test_charts_are_many_and_various() -> None:
    assert set(Counter(one.kind for one in every())) == set(KINDS)
    sides = [side for one in every() for side in one.size_wh]
    assert MIN_SIDE <= min(sides) < 350
    assert 900 < max(sides) <= MAX_SIDE
    assert all(one.pixels.dtype == np.uint8 for one in every())
    assert 0.2 < np.mean([one.pixels[0, 0].mean() < 128 for one in every()]) < 0.8
    assert len(THEMES) >= 8
    assert len({one.title for one in every()}) > 0.6 * COUNT


def test_each_value_has_one_mark() -> None:
    for one in every():
        assert len(set(one.categories)) == len(one.categories) >= 3
        assert len(set(one.series)) == len(one.series)
        assert [(mark.category, mark.series) for mark in one.marks] == list(
            {(mark.category, mark.series): None for mark in one.marks}
        )
        assert len(one.marks) == len(one.categories) * len(one.series)
        assert all(
            one.mark(category, series).category == category for category in one.categories for series in one.series
        )
        for series in one.series:
            values = [one.mark(category, series).value for category in one.categories]
            assert len(set(values)) == len(values), one.title
    with pytest.raises(KeyError):
        chart(0).mark("no such thing")


def test_marks_are_where_their_colour_is() -> None:
    for one in every():
        for mark in one.marks:
            x, y = (int(side) for side in mark.center_xy)
            if one.kind == "line":
                found = one.pixels[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
                assert np.abs(found - np.array(mark.rgb)).max(axis=1).min() < 40, (one.title, mark)
            elif not any(holds(run.xyxy, (x, y, x, y)) for run in one.runs):
                assert tuple(one.pixels[y, x]) == mark.rgb, (one.title, mark)
            assert holds((0, 0, *one.size_wh), mark.xyxy)
            assert holds(mark.xyxy, (*mark.center_xy, *mark.center_xy))


def holds(outer: Xyxy, inner: Xyxy) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


@pytest.mark.parametrize("kind", BARS)
def test_a_bar_measured_in_the_picture_gives_its_value(kind: Kind) -> None:
    """Along the bar's middle, the sum of coverage is its length; over the axis that is the value, within 1%."""
    assert len(every(kind)) >= 5
    for one in every(kind):
        assert one.axis is not None
        for mark in one.marks:
            line = strip(one, mark)
            length = likeness(line, mark, line[-1]).sum()
            sign = 1 if one.axis.high_px > one.axis.low_px else -1
            read = one.axis.value_at(one.axis.low_px + sign * length)
            assert read == pytest.approx(mark.value, abs=0.01 * one.axis.high), (one.title, mark)


def strip(one: Chart, mark: Mark) -> NDArray[np.uint8]:
    """The pixels from the bar's foot along its middle to one pixel beyond its end."""
    x, y = (int(side) for side in mark.center_xy)
    x1, y1, x2, y2 = mark.xyxy
    if one.kind == "horizontal bar":
        return one.pixels[y, math.ceil(x1) : math.ceil(x2) + 1]
    return one.pixels[math.floor(y1) - 1 : math.ceil(y2), x][::-1]


def test_the_box_of_a_bar_gives_its_value_exactly() -> None:
    for one in every(*BARS):
        assert one.axis is not None
        for mark in one.marks:
            end = mark.xyxy[2] if one.kind == "horizontal bar" else mark.xyxy[1]
            assert one.axis.value_at(end) == pytest.approx(mark.value, rel=1e-9)
            assert one.axis.px_of(mark.value) == pytest.approx(end)


def test_the_box_of_a_bar_ends_across_where_the_bar_ends() -> None:
    for one in every("bar", "grouped bar"):
        for mark in one.marks:
            x1, y1, x2, y2 = mark.xyxy
            row = one.pixels[int((y1 + y2) / 2)]
            inside = np.abs(row[int(x1) : int(x2)].astype(int) - np.array(mark.rgb)).max(axis=1)
            assert (inside == 0).mean() > 0.9, (one.title, mark)  # words can be on it
            neighbours = (row[int(x1) - 1], row[int(x2)])
            assert all(tuple(pixel) != mark.rgb for pixel in neighbours), (one.title, mark)


def test_the_points_of_lines_are_at_their_values() -> None:
    for one in every("line"):
        assert one.axis is not None
        for mark in one.marks:
            assert one.axis.value_at(mark.center_xy[1]) == pytest.approx(mark.value, rel=1e-9)
            assert one.axis.low <= mark.value <= one.axis.high


def test_slices_have_their_shares_of_the_circle() -> None:
    """Of the pixels on a circle near the rim, a slice has its share, within 1% of the whole."""
    assert len(every("pie")) >= 5
    turns = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    for one in every("pie"):
        assert sum(mark.value for mark in one.marks) == 100
        boxes = np.array([mark.xyxy for mark in one.marks])
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        radius, (x, y) = 0.47 * (high[1] - low[1]), (low + high) / 2
        ring = one.pixels[(y - radius * np.cos(turns)).astype(int), (x + radius * np.sin(turns)).astype(int)]
        counts = [int((ring == np.array(mark.rgb)).all(axis=1).sum()) for mark in one.marks]
        for mark, count in zip(one.marks, counts, strict=True):
            assert 100 * count / sum(counts) == pytest.approx(mark.value, abs=1), (one.title, mark)


def test_numbers_of_the_axis_stand_at_their_ticks() -> None:
    for one in every(*BARS, "line"):
        assert one.axis is not None
        for tick in one.axis.ticks:
            written = [run.xyxy for run in one.runs if is_number(run.text) and float(run.text.replace(",", "")) == tick]
            middles = [(x1 + x2 if one.kind == "horizontal bar" else y1 + y2) / 2 for x1, y1, x2, y2 in written]
            at = one.axis.px_of(tick)
            assert min(abs(middle - at) for middle in middles) <= 8, (one.title, tick)


def is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").isdigit()


def test_names_and_values_are_written() -> None:
    for one in every():
        words = [run.text for run in one.runs]
        assert one.title == " ".join(words)[: len(one.title)] or one.title in " ".join(words)
        for name in (*one.categories, *one.series):
            assert any(text == name or text.startswith(f"{name} ") for text in words) or not name, (one.title, name)
        if one.kind == "pie":
            for mark in one.marks:
                assert any(text.endswith(f"{mark.value:.0f}%") for text in words)


def test_words_are_seen_and_do_not_cover_each_other() -> None:
    for one in every():
        for run in one.runs:
            assert holds((0, 0, *one.size_wh), run.xyxy), (one.title, run)
            x1, y1, x2, y2 = (int(side) for side in run.xyxy)
            assert np.ptp(one.pixels[y1:y2, x1:x2].reshape(-1, 3), axis=0).max() > 60, (one.title, run)
        for first, second in combinations(one.runs, 2):
            assert not overlap(first.xyxy, second.xyxy), (one.kind, one.title, first, second)


def test_series_can_be_told_apart() -> None:
    for one in every("grouped bar", "line"):
        colors = {mark.series: mark.rgb for mark in one.marks}
        for first, second in combinations(colors.values(), 2):
            assert math.dist(first, second) > 60, one.title


@pytest.mark.parametrize("kind", KINDS)
def test_kind_and_size_can_be_asked_for(kind: Kind) -> None:
    for size_wh in ((256, 256), (1024, 640)):
        one = random_chart(np.random.default_rng(2), kind, size_wh)
        assert (one.kind, one.size_wh) == (kind, size_wh)


def test_held_out_fonts_look_different() -> None:
    usual, other = (random_chart(np.random.default_rng(4), "bar", (400, 300), held_out=held) for held in (False, True))
    assert not np.array_equal(usual.pixels, other.pixels)
