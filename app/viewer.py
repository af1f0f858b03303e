"""The linked image viewer: a picture with its regions, the list of them, and the answer they were read from.

Knows how regions travel to the browser and, edited, back; what happens there is in `ui_assets/viewer.*`. Does not know
models, prompts, conversations or where pictures are stored: it is given an address.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import gradio as gr

from app.palette import PALETTE, ink, label_order
from model.types import Action, Answer, Box, Box3D, Image, Point, Polygon, Region

_ASSETS = Path(__file__).resolve().parents[1] / "ui_assets"

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
    colors = "\n".join(f".sv-c{i} {{ --c: {color}; --ink: {ink(color)}; }}" for i, color in enumerate(PALETTE))
    style = (_ASSETS / "viewer.css").read_text("utf-8")
    script = (_ASSETS / "viewer.js").read_text("utf-8")
    return f"<style>\n{colors}\n{style}</style>\n<script>\n{script}</script>"


class ImageViewer(gr.HTML):
    """A `gr.HTML` whose value is what `viewer_value` gives.

    Events: `input` after each edit by hand, with the edited value; `select` when an area was marked to ask about, with
    the value's `ask_xyxy` set. The page has to carry `viewer_head()`. While an answer streams, send the whole value
    again: the picture is not loaded anew, and zoom and selection stay. Use `show_progress="hidden"` in such events.
    """

    def __init__(self, value: Mapping[str, Any] | None = None, *, editable: bool = False, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template=(_ASSETS / "viewer.html").read_text("utf-8"),
            js_on_load=_ON_LOAD,
            apply_default_css=False,
            editable=editable,
            **kwargs,
        )

    def postprocess(self, value: Mapping[str, Any] | str | None) -> str:
        # One string, because the page's framework wraps every nested object in a proxy: 10,000 regions would take it
        # longer than all the drawing.
        return value if isinstance(value, str) else json.dumps(value or viewer_value(None, ""), ensure_ascii=False)

    def preprocess(self, payload: str | None) -> dict[str, Any]:  # type: ignore[override]  # gr.HTML says str
        return cast(dict[str, Any], json.loads(payload)) if payload else viewer_value(None, "")

    def api_info(self) -> dict[str, Any]:
        return {"type": "string", "description": "JSON of a picture and its regions"}


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
) -> dict[str, Any]:
    """What an `ImageViewer` shows: `image` at address `src` with those regions of `answer` that lie in it.

    `raw` is the text that the regions' spans point into. `labels` come first in the order of colours. `numbered` writes
    each point's number into it. `streaming` says that more is to come: no editing meanwhile.
    """
    answer = answer or Answer()
    items: list[Region | Action] = [r for r in (*answer.regions, *answer.actions) if r.image_index == image_index]
    return {
        "src": src if image else "",
        "size_wh": list(image.size_wh) if image else [0, 0],
        "name": image.name if image else "",
        "regions": [region_to_wire(item, place) for place, item in enumerate(items)],
        "labels": list(label_order((wire_label(item) for item in items), labels)),
        "answer": raw,
        "numbered": numbered,
        "streaming": streaming,
        "ask_xyxy": None,
    }


def wire_label(item: Region | Action) -> str:
    """What the region is called on the picture and in the list; its colour follows it."""
    return item.name if isinstance(item, Action) else item.label


def region_to_wire(item: Region | Action, place: int) -> dict[str, Any]:
    """A region or action as JSON; `id` is its place among the picture's items."""
    wire: dict[str, Any] = {"id": place, "label": wire_label(item), "span": list(item.span) if item.span else None}
    match item:
        case Box(xyxy=xyxy, text=text, attributes=attributes):
            wire |= {"kind": "box", "xyxy": _rounded(xyxy), "text": text, "attributes": _plain(attributes)}
        case Point(xy=xy, attributes=attributes):
            wire |= {"kind": "point", "xy": _rounded(xy), "attributes": _plain(attributes)}
        case Polygon(xy=corners, text=text):
            wire |= {"kind": "polygon", "xy": [_rounded(corner) for corner in corners], "text": text}
        case Box3D(values=values):
            wire |= {"kind": "box_3d", "values": list(values), "xy": None}
        case Action(xy=at, to_xy=to, arguments=arguments):
            wire |= {"kind": "action", "arguments": _plain(arguments)}
            wire |= {"xy": _rounded(at) if at else None, "to_xy": _rounded(to) if to else None}
    return wire


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 2) for number in numbers]


def _plain(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Only what JSON can say; anything else as text."""
    return cast(dict[str, Any], json.loads(json.dumps(dict(mapping), default=str)))
