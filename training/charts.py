"""Drawn charts: bars, groups of bars, lines and pies, with the exact value and place of every mark.

Knows data that make sense, scales, legends and themes. Knows nothing about questions, coordinates of answers or models.
In one chart no two categories and no two series have the same name, and no two values of a series are equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.canvas import Canvas, mixed, overlap, rgb_of
from training.typesetting import Family, Font, Rgb, Run, Style, Xy, Xyxy, random_family

Kind = Literal["bar", "horizontal bar", "grouped bar", "line", "pie"]
KINDS: tuple[Kind, ...] = ("bar", "horizontal bar", "grouped bar", "line", "pie")
MIN_SIDE, MAX_SIDE = 256, 1024
MIN_EM_PX, MAX_EM_PX = 11, 30
_ARC_STEP_PX = 7.0  # shorter strokes are not drawn smoothly
_LEAST_SHARE = 4

_SUBJECTS = (
    ("Sales", "tons"), ("Rainfall", "mm"), ("Visitors", "thousands"), ("Revenue", "million"), ("Energy use", "kWh"),
    ("Output", "units"), ("Exports", "tons"), ("Orders", ""), ("Accidents", ""), ("Average price", "euro"),
    ("Wind power", "MW"), ("Water use", "liters"), ("Library loans", ""), ("New members", ""), ("Score", "points"),
    ("Bike trips", "thousands"), ("Working hours", "h"), ("Waste", "kg"), ("Harvest", "tons"), ("Calls answered", ""),
)  # fmt: skip
_CATEGORIES: dict[str, tuple[str, ...]] = {
    "month": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "year": tuple(str(year) for year in range(2011, 2025)),
    "weekday": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "quarter": ("Q1", "Q2", "Q3", "Q4"),
    "city": ("Oslo", "Lima", "Cairo", "Delhi", "Quito", "Turin", "Osaka", "Accra", "Perth", "Lyon", "Ghent", "Bergen"),
    "fruit": ("Apples", "Pears", "Plums", "Grapes", "Figs", "Melons", "Kiwis", "Lemons", "Mangos", "Dates"),
    "department": ("Sales", "Design", "Legal", "Support", "Research", "IT", "Finance", "Press"),
    "country": ("Norway", "Japan", "Kenya", "Peru", "Spain", "India", "Chile", "Ghana", "Italy", "Korea"),
    "animal": ("Cats", "Dogs", "Horses", "Goats", "Sheep", "Ducks", "Bees", "Rabbits"),
    "team": ("Reds", "Blues", "Hawks", "Lions", "Foxes", "Bears", "Owls", "Wolves"),
}
_IN_ORDER = ("month", "year", "weekday", "quarter")
"""Categories that come one after another: a chart shows a stretch of them."""
_SERIES: tuple[tuple[str, ...], ...] = (
    ("North", "South", "East", "West"), ("Tea", "Coffee", "Juice", "Water"), ("Men", "Women", "Children"),
    ("Online", "Shops", "Markets"), ("Plan", "Actual"), ("Plant A", "Plant B", "Plant C", "Plant D"),
    ("Gold", "Silver", "Bronze"), ("Rail", "Road", "Air", "Sea"), ("Day", "Night"), ("Import", "Export"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands for one value: a bar, a point of a line or a slice. `series` is empty where there is only one.

    `xyxy` bounds it in pixels and fractions of them, `center_xy` lies on it.
    """

    category: str
    series: str
    value: float
    xyxy: Xyxy
    center_xy: Xy
    rgb: Rgb


@dataclass(frozen=True, slots=True)
class Axis:
    """The scale of values: `low` is at `low_px` and `high` at `high_px`, along y, of horizontal bars along x."""

    ticks: tuple[float, ...]
    low_px: float
    high_px: float

    @property
    def low(self) -> float:
        return self.ticks[0]

    @property
    def high(self) -> float:
        return self.ticks[-1]

    def px_of(self, value: float) -> float:
        return float(self.low_px + (value - self.low) / (self.high - self.low) * (self.high_px - self.low_px))

    def value_at(self, px: float) -> float:
        return self.low + (px - self.low_px) / (self.high_px - self.low_px) * (self.high - self.low)


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A picture, RGB of shape (height, width, 3), with the data that it shows; a pie has no axis.

    `unit` is what values count, if anything; values of a pie are per cent. `runs` are all words that can be seen.
    """

    pixels: NDArray[np.uint8]
    kind: Kind
    title: str
    unit: str
    categories: tuple[str, ...]
    series: tuple[str, ...]
    marks: tuple[Mark, ...]
    axis: Axis | None
    runs: tuple[Run, ...]

    @property
    def size_wh(self) -> tuple[int, int]:
        height, width, _ = self.pixels.shape
        return width, height

    def mark(self, category: str, series: str = "") -> Mark:
        """The mark of a category, in charts of several series of one of them; `KeyError` when there is none."""
        for mark in self.marks:
            if (mark.category, mark.series) == (category, series):
                return mark
        raise KeyError((category, series))


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours: behind everything, behind the marks, of words, of the grid, and of marks in their order."""

    ground: Rgb
    plot: Rgb
    text: Rgb
    grid: Rgb
    marks: tuple[Rgb, ...]


def _theme(row: str) -> Theme:
    ground, plot, text, grid, *marks = (rgb_of(color) for color in row.split())
    return Theme(ground, plot, text, grid, tuple(marks))


THEMES: tuple[Theme, ...] = tuple(
    _theme(row)
    for row in (
        "ffffff ffffff 222222 d9d9d9 1f77b4 ff7f0e 2ca02c d62728 9467bd 8c564b e377c2 17becf",
        "ffffff eaeaf2 262626 ffffff 4c72b0 dd8452 55a868 c44e52 8172b3 937860 da8bc3 64b5cd",
        "f7f3ea f7f3ea 3b3226 ded3bd 8c4b32 d9a441 5b7f58 3f6c8f a3688f 7a6a55 c9795a 4f9a94",
        "f4f7fb ffffff 1c2b3a d5dee8 0b6fb8 e4572e 17a398 f2b134 76448a 5d737e c2185b 7cb518",
        "ffffff f2f2f2 111111 ffffff 003f5c ffa600 bc5090 58508d ff6361 2f9e44 0096c7 8d6e63",
        "14171c 14171c e8eaed 3a4049 4ea1ff ffb454 5fd38d ff6b6b b18cff d9a066 ff8ad1 4fd8e0",
        "1e1e2e 262638 cdd6f4 45475a 89b4fa fab387 a6e3a1 f38ba8 cba6f7 f9e2af 94e2d5 eba0ac",
        "0b2230 0f2c3d e0eef5 2a4a5c f94144 f9c74f 43aa8b 90be6d f8961e 4d9fd1 c77dff ff99c8",
        "000000 0d0d0d f0f0f0 404040 00c2ff ffd400 ff4f79 39e75f ff8c1a b26bff f5f5f5 9c7a5b",
    )
)


@dataclass(frozen=True, slots=True)
class _Data:
    """What a chart shows. `values` is (series, categories); `decimals` are as many as all of them are written with."""

    title: str
    unit: str
    categories: tuple[str, ...]
    series: tuple[str, ...]
    values: NDArray[np.float64]
    decimals: int


def random_size(rng: np.random.Generator) -> tuple[int, int]:
    """A (width, height) with sides of 256 to 1,024 pixels and an aspect ratio from 3:4 to 2:1."""
    while True:
        width, height = (int(side) for side in rng.integers(MIN_SIDE, MAX_SIDE + 1, size=2))
        if 0.75 <= width / height <= 2:
            return width, height


def random_chart(
    rng: np.random.Generator,
    kind: Kind | None = None,
    size_wh: tuple[int, int] | None = None,
    *,
    held_out: bool = False,
) -> Chart:
    """Draw a chart, of this kind and size if they are given; `held_out` sets it in a font for evaluation only."""
    kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    size = size_wh or random_size(rng)
    family = random_family(rng, ("sans", "serif"), held_out=held_out)
    while True:
        painter = _Painter(rng, size, family)
        chart = painter.pie() if kind == "pie" else painter.plot(kind)
        if chart is not None:
            return chart


class _Painter(Canvas):
    """Draws one chart: title, legend, axes, marks. What is left of the picture is in `room`."""

    def __init__(self, rng: np.random.Generator, size_wh: tuple[int, int], family: Family) -> None:
        self.theme = THEMES[int(rng.integers(len(THEMES)))]
        super().__init__(size_wh, self.theme.ground)
        self.rng, self.family = rng, family
        side = min(size_wh)
        self.em = round(float(rng.uniform(max(MIN_EM_PX, side / 46), max(MIN_EM_PX, min(MAX_EM_PX, side / 18)))))
        self.line_px = max(1, round(self.em / 14))
        self.colors = _apart([self.theme.marks[int(index)] for index in rng.permutation(len(self.theme.marks))])
        self.groups = "," if self.chance(0.7) else ""
        self.marks: list[Mark] = []
        pad = round(self.em * 0.8)
        self.room: Xyxy = (pad, pad, size_wh[0] - pad, size_wh[1] - pad)

    def font(self, scale: float = 1.0, style: Style = "regular") -> Font:
        return self.family.font(max(10, round(self.em * scale)), style)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def number(self, value: float, decimals: int) -> str:
        return f"{value:{self.groups}.{decimals}f}"

    def plot(self, kind: Kind) -> Chart | None:
        """A chart with axes; None when there is no room for what was drawn up."""
        is_flat = kind == "horizontal bar"
        several = kind == "grouped bar" or (kind == "line" and self.chance(0.6))
        data = _random_data(self.rng, most=12 if kind == "line" else 8, series=4 if several else 1)
        ticks = _ticks(data.values, from_zero=kind != "line" or self.chance(0.7))
        tick_decimals = _decimals(ticks[1] - ticks[0])
        self._title(data.title)
        if len(data.series) > 1:
            self._legend(data.series, [""] * len(data.series))
        self._unit(data, is_flat)
        labels = [self.number(tick, tick_decimals) for tick in ticks]
        frame = self._frame(labels, data.categories, is_flat)
        if frame is None:
            return None
        axis = Axis(ticks, frame[0], frame[2]) if is_flat else Axis(ticks, frame[3], frame[1])
        self._scale(axis, labels, frame, is_flat)
        slots = _slots(frame, len(data.categories), is_flat)
        self._names(data.categories, slots, frame, is_flat)
        if kind == "line":
            self._lines(data, axis, slots)
        else:
            self._bars(data, axis, slots, is_flat)
        self.set_words()
        return self._chart(kind, data, axis)

    def pie(self) -> Chart | None:
        """A pie; None when there is no room for it."""
        data = _shares(self.rng, _random_data(self.rng, most=7, series=1))
        names = list(data.categories)
        said = [f"{self.number(value, 0)}%" for value in data.values[0]]
        self._title(data.title)
        how = str(self.rng.choice(["inside", "around", "legend"]))
        if how != "around":
            self._legend(names, said if how == "legend" else [""] * len(names))
        x1, y1, x2, y2 = self.room
        font, is_around = self.font(0.95), how == "around"
        beside = max(font.advance_px(f"{name} {text}") for name, text in zip(names, said, strict=True)) + self.em
        radius = min((y2 - y1) / 2 - 2 * font.height_px * is_around, (x2 - x1) / 2 - beside * is_around)
        if radius < 4.5 * self.em:
            return None
        center_xy, widest_px = ((x1 + x2) / 2, (y1 + y2) / 2), max(map(font.advance_px, said))
        hole = radius * float(self.rng.uniform(0.35, 0.55)) if self.chance(0.3) else 0.0
        self._slices(data, center_xy, radius, hole if radius - hole > 1.4 * widest_px else 0.0)
        smallest_px = 1.2 * math.pi * radius * data.values.min() / 100
        if (how == "inside" and smallest_px < widest_px) or (is_around and not self._around(said, center_xy, radius)):
            return None
        if how == "inside":
            self._inside(said)
        self.set_words()
        return self._chart("pie", data, None)

    def _chart(self, kind: Kind, data: _Data, axis: Axis | None) -> Chart:
        marks, runs = tuple(self.marks), tuple(self.runs)
        return Chart(self.pixels, kind, data.title, data.unit, data.categories, data.series, marks, axis, runs)

    def _title(self, title: str) -> None:
        x1, y1, x2, y2 = self.room
        font, is_centered = self.font(1.25, "bold" if self.chance(0.7) else "regular"), self.chance(0.6)
        for line in font.wrap(title, x2 - x1):
            self.words_in(
                line, (x1, y1, x2, y1 + font.height_px), self.theme.text, font, "center" if is_centered else "left"
            )
            y1 += round(font.height_px * 1.2)
        self.room = (x1, y1 + round(self.em * 0.4), x2, y2)

    def _legend(self, names: Sequence[str], more: Sequence[str]) -> None:
        """Names with their colours, above, below or on the right; `more` is written behind each."""
        font, side = self.font(0.95), round(self.em * 0.8)
        texts = [f"{name} {text}".rstrip() for name, text in zip(names, more, strict=True)]
        widths = [round(side * 1.5 + font.advance_px(text)) for text in texts]
        x1, y1, x2, y2 = self.room
        row_px = round(font.height_px * 1.4)
        if max(widths) < (x2 - x1) / 3.2 and len(texts) * row_px < y2 - y1 and self.chance(0.5):
            left, top = round(x2 - max(widths)), round((y1 + y2 - len(texts) * row_px) / 2)
            places = [(left, top + index * row_px) for index in range(len(texts))]
            self.room = (x1, y1, left - self.em, y2)
        else:
            rows = _rows(widths, x2 - x1, self.em)
            is_above = self.chance(0.5)
            top = round(y1 if is_above else y2 - len(rows) * row_px)
            places = []
            for index, row in enumerate(rows):
                x = x1 + (x2 - x1 - sum(row) - self.em * (len(row) - 1)) / 2
                for width in row:
                    places.append((round(x), top + index * row_px))
                    x += width + self.em
            gap = len(rows) * row_px + round(self.em * 0.4)
            self.room = (x1, y1 + gap, x2, y2) if is_above else (x1, y1, x2, y2 - gap)
        for (x, y), text, rgb in zip(places, texts, self.colors, strict=False):
            middle = y + (row_px - side) // 2
            self.box((x, middle, x + side, middle + side), rgb)
            self.words_in(text, (x + round(side * 1.5), y, x, y + row_px), self.theme.text, font, "left")

    def _unit(self, data: _Data, is_flat: bool) -> None:
        """What the values are: along the axis or at its end."""
        font, (x1, y1, x2, y2) = self.font(0.95), self.room
        text = f"{data.title.partition(' by ')[0].partition(' in ')[0]} ({data.unit})" if data.unit else ""
        if not text:
            return
        height = round(font.height_px * 1.4)
        if is_flat:
            self.words_in(text, (x1, y2 - height, x2, y2), self.theme.text, font)
            self.room = (x1, y1, x2, y2 - height)
        elif self.chance(0.6) and font.advance_px(text) < y2 - y1:
            self.turned_words(text, (x1, y1, x1 + height, y2), self.theme.text, font)
            self.room = (x1 + height, y1, x2, y2)
        else:
            self.words_in(text, (x1, y1, x2, y1 + height), self.theme.text, font, "left")
            self.room = (x1, y1 + height, x2, y2)

    def _frame(self, labels: Sequence[str], categories: Sequence[str], is_flat: bool) -> Xyxy | None:
        """Where the marks go, with room for labels beside and below; None when it would be too small."""
        font, (x1, y1, x2, y2) = self.font(0.9), self.room
        beside, below = (categories, labels) if is_flat else (labels, categories)
        left = round(x1 + max(map(font.advance_px, beside)) + self.em * 0.6)
        right = round(x2 - (font.advance_px(labels[-1]) / 2 if is_flat else 0))
        frame = (left, round(y1 + font.height_px), right, round(y2 - font.height_px * 1.7))
        width, height = frame[2] - frame[0], frame[3] - frame[1]
        slot = width / len(below)
        along = (height if is_flat else width) / len(categories)
        fits = max(map(font.advance_px, below)) + self.em * 0.3 < slot and along > font.height_px * 1.2
        return frame if fits and min(width, height) > 0.4 * min(self.size_wh) else None

    def _scale(self, axis: Axis, labels: Sequence[str], frame: Xyxy, is_flat: bool) -> None:
        """The plot's ground with its grid, and the numbers of the axis."""
        self.box(frame, self.theme.plot)
        font, has_grid, x1, y1, x2, y2 = self.font(0.9), self.chance(0.8), *frame
        for tick, label in zip(axis.ticks, labels, strict=True):
            at = round(axis.px_of(tick))
            line = (at, y1, at + self.line_px, y2) if is_flat else (x1, at, x2, at + self.line_px)
            if has_grid:
                self.box(line, self.theme.grid)
            half = round(font.height_px)
            if is_flat:
                place = (at, y2 + self.em * 0.2, at, y2 + self.em * 0.2 + font.height_px * 1.4)
                self.words_in(label, place, self.theme.text, font)
            else:
                self.words_in(label, (0, at - half, x1 - self.em * 0.4, at + half), self.theme.text, font, "right")
        axes = mixed(self.theme.text, self.theme.ground, 0.35)
        self.box((x1, y2, x2, y2 + self.line_px), axes)
        if is_flat or self.chance(0.5):
            self.box((x1 - self.line_px, y1, x1, y2 + self.line_px), axes)

    def _names(
        self, categories: Sequence[str], slots: Sequence[tuple[float, float]], frame: Xyxy, is_flat: bool
    ) -> None:
        font = self.font(0.9)
        for name, (start, end) in zip(categories, slots, strict=True):
            if is_flat:
                self.words_in(name, (0, start, frame[0] - self.em * 0.4, end), self.theme.text, font, "right")
            else:
                top = frame[3] + self.em * 0.2
                self.words_in(name, (start, top, end, top + font.height_px * 1.4), self.theme.text, font)

    def _bars(self, data: _Data, axis: Axis, slots: Sequence[tuple[float, float]], is_flat: bool) -> None:
        count, share = len(data.series), float(self.rng.uniform(0.5, 0.85))
        has_values, by_category = self.chance(0.35), count == 1 and self.chance(0.25)
        for column, (start, end) in enumerate(slots):
            width = max(2, math.floor((end - start) * share / count))
            first = round((start + end - width * count) / 2)
            for row in range(count):
                value, left = float(data.values[row, column]), first + row * width
                sides = (axis.px_of(0), axis.px_of(value))
                xyxy = (sides[0], left, sides[1], left + width) if is_flat else (left, sides[1], left + width, sides[0])
                rgb = self.colors[column if by_category else row]
                self.exact_box(xyxy, rgb)
                center = ((xyxy[0] + xyxy[2]) / 2, (xyxy[1] + xyxy[3]) / 2)
                self.marks.append(Mark(data.categories[column], data.series[row], value, xyxy, center, rgb))
        if has_values:
            self._values(data.decimals, is_flat)

    def _values(self, decimals: int, is_flat: bool) -> None:
        """The value of each bar at its end, if all of them have room."""
        font = self.font(0.8)
        texts = [self.number(mark.value, decimals) for mark in self.marks]
        width = max(map(font.advance_px, texts))
        if is_flat:
            fits = max(mark.xyxy[2] for mark in self.marks) + width + self.em * 0.4 < self.size_wh[0]
        else:
            fits = width < min(mark.xyxy[2] - mark.xyxy[0] for mark in self.marks)
        for mark, text in zip(self.marks, texts, strict=True):
            x1, y1, x2, y2 = mark.xyxy
            if fits and is_flat:
                self.words_in(text, (x2 + self.em * 0.3, y1, x2, y2), self.theme.text, font, "left")
            elif fits:
                place = (x1, y1 - font.height_px * 1.6, x2, y1 - font.height_px * 0.2)
                self.words_in(text, place, self.theme.text, font)

    def _lines(self, data: _Data, axis: Axis, slots: Sequence[tuple[float, float]]) -> None:
        width, radius = max(2, round(self.em / 6)), max(3.0, self.em / 3.5)
        has_points = self.chance(0.7)
        xs = [(start + end) / 2 for start, end in slots]
        lines = [[(x, axis.px_of(value)) for x, value in zip(xs, row, strict=True)] for row in data.values]
        for points, rgb in zip(lines, self.colors, strict=False):
            self.stroke(points, rgb, width)
        for name, row, points, rgb in zip(data.series, data.values, lines, self.colors, strict=False):
            for category, value, (x, y) in zip(data.categories, row, points, strict=True):
                if has_points:
                    self.polygon(_circle((x, y), radius), rgb)
                xyxy = (x - radius, y - radius, x + radius, y + radius)
                self.marks.append(Mark(category, name, float(value), xyxy, (x, y), rgb))

    def _slices(self, data: _Data, center_xy: Xy, radius: float, hole: float) -> None:
        ends = np.cumsum(data.values[0]) / 100
        is_parted = self.chance(0.6)
        edges: list[Xy] = []
        for category, value, end, rgb in zip(data.categories, data.values[0], ends, self.colors, strict=False):
            start = end - value / 100
            outline = np.concatenate([_arc(center_xy, radius, start, end), _arc(center_xy, hole, end, start)])
            self.polygon(outline, rgb)
            (x1, y1), (x2, y2) = outline.min(axis=0), outline.max(axis=0)
            middle = _on_circle(center_xy, (hole + radius) / 2 if hole else radius * 0.62, (start + end) / 2)
            xyxy = (float(x1), float(y1), float(x2), float(y2))
            self.marks.append(Mark(category, "", float(value), xyxy, middle, rgb))
            edges.append((float(outline[0][0]), float(outline[0][1])))
        for x, y in edges if is_parted else ():
            share = hole / radius
            inner = (center_xy[0] + share * (x - center_xy[0]), center_xy[1] + share * (y - center_xy[1]))
            self.stroke([inner, (x, y)], self.theme.ground, self.line_px)

    def _inside(self, said: Sequence[str]) -> None:
        """The values of slices on them."""
        font = self.font(0.9)
        for mark, text in zip(self.marks, said, strict=True):
            x, y = mark.center_xy
            place = (x, y - font.height_px, x, y + font.height_px)
            self.words_in(text, place, _readable_on(mark.rgb), font)

    def _around(self, said: Sequence[str], center_xy: Xy, radius: float) -> bool:
        """The names and values of slices just outside of the pie; whether they have room there."""
        font, boxes = self.font(0.95), list[Xyxy]()
        for mark, value in zip(self.marks, said, strict=True):
            text = f"{mark.category} {value}"
            size_wh = font.advance_px(text), float(font.height_px)
            box = _beside(center_xy, radius + self.em * 0.4, mark.center_xy, size_wh)
            self.words_in(text, box, self.theme.text, font, "left")
            boxes.append((box[0] - self.em * 0.3, box[1], box[2] + self.em * 0.3, box[3]))
        x1, y1, x2, y2 = self.room
        are_inside = all(x1 <= box[0] and y1 <= box[1] and box[2] <= x2 and box[3] <= y2 for box in boxes)
        return are_inside and not any(overlap(*pair) for pair in combinations(boxes, 2))


def _random_data(rng: np.random.Generator, *, most: int, series: int) -> _Data:
    """Data of 3 to `most` categories, in 2 to `series` series, or in one without a name."""
    kind = str(rng.choice(list(_CATEGORIES)))
    pool = _CATEGORIES[kind]
    count = int(rng.integers(3, min(most, len(pool)) + 1))
    start = int(rng.integers(len(pool) - count + 1))
    chosen = range(start, start + count) if kind in _IN_ORDER else rng.permutation(len(pool))[:count]
    names = _SERIES[int(rng.integers(len(_SERIES)))] if series > 1 else ("",)
    names = names[: int(rng.integers(2, min(series, len(names)) + 1))] if series > 1 else names
    subject, unit = _SUBJECTS[int(rng.integers(len(_SUBJECTS)))]
    place = str(rng.choice(_CATEGORIES["city"]))
    titles = [f"{subject} by {kind}", f"{subject} in {place}", f"{subject} in {place} by {kind}"]
    title = titles[0] if kind in ("city", "country") else str(rng.choice(titles))
    values, decimals = _random_values(rng, (len(names), count))
    return _Data(title, unit, tuple(pool[int(index)] for index in chosen), names, values, decimals)


def _random_values(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[NDArray[np.float64], int]:
    """Values with two or three digits, and how many of those are decimals; far enough apart to be told from another."""
    top = float(rng.choice([1, 1.5, 2, 3, 5, 8])) * 10 ** float(rng.integers(0, 5))
    decimals = max(0, 2 - math.floor(math.log10(top))) if top < 100 else 0
    decimals = min(decimals, 1) if top >= 10 else decimals
    unit = 10 ** max(0, math.floor(math.log10(top)) - 2) if rng.random() < 0.5 else 1

    def in_category() -> NDArray[np.float64]:
        while True:
            values = np.round(rng.uniform(0.08, 1, shape[0]) * top / unit, decimals) * unit
            if (np.diff(np.sort(values)) > 0.06 * top).all():
                return np.asarray(values, dtype=np.float64)

    while True:
        values = np.stack([in_category() for _ in range(shape[1])], axis=1)
        if (np.diff(np.sort(values, axis=1), axis=1) > 0.002 * top).all():
            break
    return np.asarray(np.round(values, decimals), dtype=np.float64), decimals


def _shares(rng: np.random.Generator, data: _Data) -> _Data:
    """The same with whole per cent instead of the values, none below 4 and no two equal."""
    count = len(data.categories)
    while True:
        ends = np.sort(rng.integers(0, 100 - _LEAST_SHARE * count + 1, count - 1))
        shares = _LEAST_SHARE + np.diff(ends, prepend=0, append=100 - _LEAST_SHARE * count)
        if len(set(shares.tolist())) == count:
            return _Data(data.title, "%", data.categories, ("",), shares[None].astype(np.float64), 0)


def _ticks(values: NDArray[np.float64], *, from_zero: bool) -> tuple[float, ...]:
    """Four to eight round numbers from below the smallest value, or from 0, to above the largest."""
    low, high = 0.0 if from_zero else float(values.min()), float(values.max())
    raw = (high - low) / 5
    scale = 10 ** math.floor(math.log10(raw))
    step = next(factor * scale for factor in (1, 2, 2.5, 5, 10) if factor * scale >= raw * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 10) for index in range(first, last + 1))


def _decimals(step: float) -> int:
    """How many decimals a tick needs."""
    return next(count for count in range(10) if math.isclose(round(step, count), step))


def _slots(frame: Xyxy, count: int, is_flat: bool) -> list[tuple[float, float]]:
    """The share of each category along its axis, from its start to its end."""
    start, end = (frame[1], frame[3]) if is_flat else (frame[0], frame[2])
    step = (end - start) / count
    return [(start + index * step, start + (index + 1) * step) for index in range(count)]


def _rows(widths: Sequence[int], width_px: float, gap_px: int) -> list[list[int]]:
    """Widths one after another, in as many rows as they take."""
    rows: list[list[int]] = [[]]
    for width in widths:
        if rows[-1] and sum(rows[-1]) + len(rows[-1]) * gap_px + width > width_px:
            rows.append([])
        rows[-1].append(width)
    return rows


def _arc(center_xy: Xy, radius: float, start: float, end: float) -> NDArray[np.float64]:
    """Points along a circle; 0 is its top, 1 once around clockwise."""
    steps = max(2, round(abs(end - start) * 2 * math.pi * radius / _ARC_STEP_PX))
    return np.array([_on_circle(center_xy, radius, turn) for turn in np.linspace(start, end, steps + 1)])


def _on_circle(center_xy: Xy, radius: float, turn: float) -> Xy:
    angle = 2 * math.pi * turn
    return center_xy[0] + radius * math.sin(angle), center_xy[1] - radius * math.cos(angle)


def _circle(center_xy: Xy, radius: float) -> NDArray[np.float64]:
    return np.array([_on_circle(center_xy, radius, step / 24) for step in range(24)])


def _beside(center_xy: Xy, radius: float, toward_xy: Xy, size_wh: tuple[float, float]) -> Xyxy:
    """A box of this size outside of a circle, as near to it as can be, in the direction of a point."""
    x, y = toward_xy[0] - center_xy[0], toward_xy[1] - center_xy[1]
    length = math.hypot(x, y)
    half_w, half_h = size_wh[0] / 2, size_wh[1] / 2
    out = radius
    while True:
        at_x, at_y = x / length * out, y / length * out
        if math.hypot(max(0, abs(at_x) - half_w), max(0, abs(at_y) - half_h)) >= radius:
            break
        out += 1
    at_x, at_y = round(center_xy[0] + at_x), round(center_xy[1] + at_y)
    return at_x - half_w, at_y - half_h, at_x + half_w, at_y + half_h


def _apart(colors: Sequence[Rgb]) -> tuple[Rgb, ...]:
    """The same colours in an order in which each is as unlike those before it as can be."""
    ordered, left = [colors[0]], list(colors[1:])
    while left:
        ordered.append(max(left, key=lambda color: min(math.dist(color, other) for other in ordered)))
        left.remove(ordered[-1])
    return tuple(ordered)


def _readable_on(ground: Rgb) -> Rgb:
    red, green, blue = ground
    return (20, 22, 26) if 0.3 * red + 0.59 * green + 0.11 * blue > 140 else (255, 255, 255)
