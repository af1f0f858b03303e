"""A table: one row for each thing found, as CSV in UTF-8 with a byte order mark, which spreadsheets need.

Text that a spreadsheet would take for a formula gets an apostrophe in front, as it would be typed there: labels come
from a model and from pictures, and nobody should run them by opening a file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO

from app.exports.base import Annotated
from app.wire import label_of
from model.types import Action, Box, Box3D, Point, Polygon, Region

COLUMNS = (
    *("picture", "width", "height", "number", "kind", "label", "text"),
    *("x1", "y1", "x2", "y2", "x", "y", "to_x", "to_y", "corners", "values"),
)
"""`x1` to `y2` are of boxes, `x` and `y` of points and actions, `to_x` and `to_y` where a drag ends, all in pixels;
`corners` of polygons are "x y, x y, ..", `values` the nine numbers of a 3D box."""

# Spreadsheets set to Chinese or Japanese take the full-width signs too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?[\d\s.,%]*")


def write(items: Iterable[Annotated], labels: Sequence[str], file: IO[bytes]) -> list[str]:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    for item in items:
        table.writerows(_rows(item))
    text.detach()
    return []


def _rows(item: Annotated) -> Iterator[Mapping[str, object]]:
    width, height = item.image.size_wh
    for number, region in enumerate((*item.answer.regions, *item.answer.actions), 1):
        text = region.text if isinstance(region, Box | Polygon) else None
        yield {
            "picture": inert(item.image.name),
            "width": width,
            "height": height,
            "number": number,
            "label": inert(label_of(region)),
            "text": inert(text or ""),
            **_place(region),
        }


def _place(region: Region | Action) -> Mapping[str, object]:
    match region:
        case Box(xyxy=xyxy):
            return {"kind": "box", **dict(zip(("x1", "y1", "x2", "y2"), _rounded(xyxy), strict=True))}
        case Point(xy=(x, y)):
            return {"kind": "point", **dict(zip(("x", "y"), _rounded((x, y)), strict=True))}
        case Polygon(xy=corners):
            return {"kind": "polygon", "corners": ", ".join(f"{x:.2f} {y:.2f}" for x, y in corners)}
        case Box3D(values=values):
            return {"kind": "box_3d", "values": " ".join(map(str, values))}
        case Action(xy=xy, to_xy=to_xy):
            places = dict(zip(("x", "y"), _rounded(xy or ()), strict=False))
            return {"kind": "action", **places, **dict(zip(("to_x", "to_y"), _rounded(to_xy or ()), strict=False))}


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 2) for number in numbers]


def inert(text: str) -> str:
    """The text with an apostrophe in front if a spreadsheet would calculate it; a number with its sign stays one."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text
