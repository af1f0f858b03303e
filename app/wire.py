"""Regions and actions as JSON on their way to the page and, edited there, back; and the number of every update.

Knows what a person may have made of them: numbers are checked and kept inside the picture. Does not know widgets.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.palette import label_order
from model.errors import RequestError
from model.parsing.camera import Camera, corners_xy
from model.types import Action, Box, Box3D, Point, Polygon, Region

_NUMBERS = itertools.count(time.time_ns() // 1000)
"""Greater after a restart too, which a page may outlast."""


def numbered(text: str) -> str:
    """A text for the page with the number of the update in front: there an older one never takes the place of a newer
    one (`ui_assets/updates.js`)."""
    return f"{next(_NUMBERS)}|{text}"


def unnumbered(text: str) -> str:
    """The same without the number, if there is one: what was edited on the page has none."""
    number, bar, rest = text.partition("|")
    return rest if bar and number.isdecimal() else text


def label_of(item: Region | Action) -> str:
    """What the region is called on the picture and in the list; its colour follows it.

    Agents call one tool for everything (`computer_use`) and say in its arguments what to do ("left_click").
    """
    if isinstance(item, Action):
        return str(item.arguments.get("action") or item.name)
    return item.label


@dataclass(frozen=True, slots=True)
class Edited:
    """What a person made of a viewer's value: regions and actions of the picture at `src` as they are now, the order of
    their labels, and the area to ask about."""

    regions: tuple[Region, ...] = ()
    actions: tuple[Action, ...] = ()
    labels: tuple[str, ...] = ()
    ask_xyxy: tuple[float, float, float, float] | None = None
    src: str = ""


def edited(value: str, image_index: int = 0) -> Edited:
    """Read a viewer's value as it came back from the browser. Raises `RequestError` when it makes no sense."""
    try:
        wire = json.loads(unnumbered(value))
        width, height = wire["size_wh"]
        items = [_from_wire(item, image_index, width, height) for item in wire["regions"]]
        ask = _xyxy(wire["ask_xyxy"], width, height) if wire["ask_xyxy"] else None
        labels = label_order((label_of(item) for item in items), [str(label) for label in wire["labels"]])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise RequestError("This edit could not be read. Nothing was changed; please try it again.") from error
    regions = tuple(item for item in items if not isinstance(item, Action))
    actions = tuple(item for item in items if isinstance(item, Action))
    return Edited(regions, actions, labels, ask, str(wire["src"]))


def to_wire(item: Region | Action, place: int, camera: Camera | None) -> dict[str, Any]:
    """A region or action as JSON; `id` is its place among the picture's items."""
    wire: dict[str, Any] = {"id": place, "label": label_of(item), "span": item.span}
    match item:
        case Box(xyxy=xyxy, text=text, attributes=attributes):
            wire |= {"kind": "box", "xyxy": _rounded(xyxy), "text": text, "attributes": plain(attributes)}
        case Point(xy=xy, attributes=attributes):
            wire |= {"kind": "point", "xy": _rounded(xy), "attributes": plain(attributes)}
        case Polygon(xy=corners, text=text, attributes=attributes):
            wire |= {"kind": "polygon", "xy": [_rounded(corner) for corner in corners], "text": text}
            wire |= {"attributes": plain(attributes)}
        case Box3D(values=values, attributes=attributes):
            corners_of_box = corners_xy(values, camera) if camera else ()
            wire |= {"kind": "box_3d", "values": values, "xy": [xy and _rounded(xy) for xy in corners_of_box]}
            wire |= {"attributes": plain(attributes)}
        case Action(xy=at, to_xy=to, arguments=arguments):
            wire |= {"kind": "action", "name": item.name, "arguments": plain(arguments)}
            wire |= {"xy": at and _rounded(at), "to_xy": to and _rounded(to)}
    return wire


def _from_wire(wire: Mapping[str, Any], image_index: int, width: float, height: float) -> Region | Action:
    """The inverse of `to_wire`, for a picture of that size; geometry is kept inside of it."""
    label = str(wire["label"])
    span = (int(wire["span"][0]), int(wire["span"][1])) if wire.get("span") else None
    text = None if wire.get("text") is None else str(wire["text"])
    attributes = dict(wire.get("attributes") or {})
    match wire["kind"]:
        case "box":
            return Box(label, _xyxy(wire["xyxy"], width, height), text, image_index, span, attributes)
        case "point":
            return Point(label, _xy(wire["xy"], width, height), image_index, span, attributes)
        case "polygon":
            corners = tuple(_xy(xy, width, height) for xy in wire["xy"])
            return Polygon(label, corners, text, image_index, span, attributes)
        case "box_3d":
            return Box3D(label, tuple(finite(number) for number in wire["values"]), image_index, span, attributes)
        case "action":
            at, to = (_xy(wire[key], width, height) if wire[key] else None for key in ("xy", "to_xy"))
            return _renamed(label, Action(str(wire["name"]), dict(wire["arguments"]), at, to, image_index, span))
    raise ValueError(f"no such kind of region: {wire['kind']}")


def _renamed(label: str, action: Action) -> Action:
    """The action, called anew if a person gave it another label."""
    if label == label_of(action):
        return action
    if "action" in action.arguments:
        return replace(action, arguments={**action.arguments, "action": label})
    return replace(action, name=label)


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 2) for number in numbers]


def plain(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Only what JSON can say; anything else as text."""
    return dict(json.loads(json.dumps(dict(mapping), default=str)))


def finite(number: Any) -> float:
    """The number. Raises `ValueError` or `TypeError` for what is none."""
    if not math.isfinite(number):
        raise ValueError("not a number")
    return float(number)


def _xy(numbers: Sequence[Any], width: float, height: float) -> tuple[float, float]:
    x, y = (finite(number) for number in numbers)
    return min(max(x, 0.0), width), min(max(y, 0.0), height)


def _xyxy(numbers: Sequence[Any], width: float, height: float) -> tuple[float, float, float, float]:
    x1, y1 = _xy(numbers[:2], width, height)
    x2, y2 = _xy(numbers[2:], width, height)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
