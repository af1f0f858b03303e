"""The linked image viewer: a picture with its regions, the list of them, and the answer they were read from.

Knows how regions travel to the browser and, edited, back; what happens there is in `ui_assets/viewer.*`. Does not know
models, prompts, conversations or where pictures are stored: it is given an address.

The value of a viewer is one JSON text, made by `viewer_value` and read by `edited`. One text and not an object, because
the page's framework wraps every nested object in a proxy: 10,000 regions would keep it busy longer than the drawing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from app.palette import PALETTE, ink, label_order
from model.errors import RequestError
from model.parsing.camera import Camera, corners_xy
from model.types import Action, Answer, Box, Box3D, Image, Point, Polygon, Region

_ASSETS = Path(__file__).resolve().parents[1] / "ui_assets"

_SCRIPTS = ("viewer_parts.js", "viewer_edit.js", "viewer.js")

_ON_LOAD = """
window.StudioViewer.mount(element, {
  editable: props.editable,
  read: () => props.value,
  watch: (callback) => watch('value', callback),
  write: (text) => { props.value = text; trigger('input'); },
  ask: (text) => { props.value = text; trigger('select'); },
});
"""


@cache
def viewer_head() -> str:
    """Style and script for the page's `<head>`: once a page, however many viewers it shows."""
    variables = "".join(f"--sv-c{i}:{color};--sv-ink{i}:{ink(color)};" for i, color in enumerate(PALETTE))
    classes = "\n".join(f".sv-c{i} {{ --c: var(--sv-c{i}); --ink: var(--sv-ink{i}); }}" for i in range(len(PALETTE)))
    style = (_ASSETS / "viewer.css").read_text("utf-8")
    scripts = "\n".join((_ASSETS / name).read_text("utf-8") for name in _SCRIPTS)
    return f"<style>\n:root {{{variables}}}\n{classes}\n{style}</style>\n<script>\n{scripts}</script>"


def image_viewer(value: str | None = None, *, editable: bool = False, **kwargs: Any) -> gr.HTML:
    """A viewer whose value is what `viewer_value` gives; its page has to carry `viewer_head()`.

    Events: `input` after each edit by hand, with the edited value; `select` when an area to ask about was marked or
    unmarked (`ask_xyxy` of the value). While an answer streams, send the whole value again and again: the picture is
    not loaded anew, and zoom and selection stay. Use `show_progress="hidden"` in such events.

    A function and not a subclass: beside the source of every subclass of its components Gradio writes a stub file.
    """
    return gr.HTML(
        value or viewer_value(None, ""),
        html_template=(_ASSETS / "viewer.html").read_text("utf-8"),
        js_on_load=_ON_LOAD,
        apply_default_css=False,
        editable=editable,
        **kwargs,
    )


def viewer_value(
    image: Image | None,
    src: str,
    answer: Answer | None = None,
    raw: str = "",
    *,
    image_index: int = 0,
    labels: Sequence[str] = (),
    numbered: bool = False,
    streaming: bool = False,
    ask_xyxy: tuple[float, float, float, float] | None = None,
    camera: Camera | None = None,
) -> str:
    """What a viewer shows: `image` at address `src` with those regions of `answer` that lie in it.

    `raw` is the text that the regions' spans point into. `labels` come first in the order of colours. `numbered` writes
    each point's number into it. `streaming` says that more is to come: no editing meanwhile. `ask_xyxy` is the area to
    ask about. With a `camera` 3D boxes are drawn too.
    """
    answer = answer or Answer()
    items: list[Region | Action] = [r for r in (*answer.regions, *answer.actions) if r.image_index == image_index]
    value = {
        "src": src if image else "",
        "size_wh": image.size_wh if image else (0, 0),
        "name": image.name if image else "",
        "regions": [_to_wire(item, place, camera) for place, item in enumerate(items)],
        "labels": label_order((wire_label(item) for item in items), labels),
        "answer": raw,
        "numbered": numbered,
        "streaming": streaming,
        "ask_xyxy": ask_xyxy,
    }
    # The page's framework warns of "<script" in a value, and labels may say anything.
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def wire_label(item: Region | Action) -> str:
    """What the region is called on the picture and in the list; its colour follows it.

    Agents call one tool for everything (`computer_use`) and say in its arguments what to do ("left_click").
    """
    if isinstance(item, Action):
        return str(item.arguments.get("action") or item.name)
    return item.label


@dataclass(frozen=True, slots=True)
class Edited:
    """What a person made of a viewer's value: the same regions and actions as in the answer, but for the edits."""

    regions: tuple[Region, ...] = ()
    actions: tuple[Action, ...] = ()
    labels: tuple[str, ...] = ()
    ask_xyxy: tuple[float, float, float, float] | None = None


def edited(value: str, image_index: int = 0) -> Edited:
    """Read a viewer's value as it came back from the browser. Raises `RequestError` when it makes no sense."""
    try:
        wire = json.loads(value)
        width, height = wire["size_wh"]
        items = [_from_wire(item, image_index, width, height) for item in wire["regions"]]
        ask = _xyxy(wire["ask_xyxy"], width, height) if wire["ask_xyxy"] else None
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise RequestError("This edit could not be read. Nothing was changed; please try it again.") from error
    regions = tuple(item for item in items if not isinstance(item, Action))
    actions = tuple(item for item in items if isinstance(item, Action))
    return Edited(regions, actions, label_order((wire_label(item) for item in items), wire["labels"]), ask)


def _to_wire(item: Region | Action, place: int, camera: Camera | None) -> dict[str, Any]:
    """A region or action as JSON; `id` is its place among the picture's items."""
    wire: dict[str, Any] = {"id": place, "label": wire_label(item), "span": item.span}
    match item:
        case Box(xyxy=xyxy, text=text, attributes=attributes):
            wire |= {"kind": "box", "xyxy": _rounded(xyxy), "text": text, "attributes": _plain(attributes)}
        case Point(xy=xy, attributes=attributes):
            wire |= {"kind": "point", "xy": _rounded(xy), "attributes": _plain(attributes)}
        case Polygon(xy=corners, text=text):
            wire |= {"kind": "polygon", "xy": [_rounded(corner) for corner in corners], "text": text}
        case Box3D(values=values):
            corners_of_box = corners_xy(values, camera) if camera else ()
            wire |= {"kind": "box_3d", "values": values, "xy": [xy and _rounded(xy) for xy in corners_of_box]}
        case Action(xy=at, to_xy=to, arguments=arguments):
            wire |= {"kind": "action", "name": item.name, "arguments": _plain(arguments)}
            wire |= {"xy": at and _rounded(at), "to_xy": to and _rounded(to)}
    return wire


def _from_wire(wire: Mapping[str, Any], image_index: int, width: float, height: float) -> Region | Action:
    """The inverse of `_to_wire`, for a picture of that size; geometry is kept inside of it."""
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
            return Polygon(label, tuple(_xy(xy, width, height) for xy in wire["xy"]), text, image_index, span)
        case "box_3d":
            return Box3D(label, tuple(_finite(number) for number in wire["values"]), image_index, span)
        case "action":
            at, to = (_xy(wire[key], width, height) if wire[key] else None for key in ("xy", "to_xy"))
            return _renamed(label, Action(str(wire["name"]), dict(wire["arguments"]), at, to, image_index, span))
    raise ValueError(f"no such kind of region: {wire['kind']}")


def _renamed(label: str, action: Action) -> Action:
    """The action, called anew if a person gave it another label."""
    if label == wire_label(action):
        return action
    if "action" in action.arguments:
        return replace(action, arguments={**action.arguments, "action": label})
    return replace(action, name=label)


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 2) for number in numbers]


def _plain(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Only what JSON can say; anything else as text."""
    return dict(json.loads(json.dumps(dict(mapping), default=str)))


def _finite(number: Any) -> float:
    if not math.isfinite(number):
        raise ValueError("not a number")
    return float(number)


def _xy(numbers: Sequence[Any], width: float, height: float) -> tuple[float, float]:
    x, y = (_finite(number) for number in numbers)
    return min(max(x, 0.0), width), min(max(y, 0.0), height)


def _xyxy(numbers: Sequence[Any], width: float, height: float) -> tuple[float, float, float, float]:
    x1, y1 = _xy(numbers[:2], width, height)
    x2, y2 = _xy(numbers[2:], width, height)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
