"""The linked image viewer: a picture with its regions, the list of them, and the answer they were read from.

Knows what the viewer in the browser (`ui_assets/viewer*`) has to be told. Does not know models, prompts, conversations
or where pictures are stored: it is given an address.

The value of a viewer is one JSON text, made by `viewer_value` and read by `app.wire.edited`. One text and not an
object, because the page's framework wraps every nested object in a proxy: 10,000 regions would keep it busy longer than
the drawing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from app.palette import PALETTE, ink, label_order
from app.wire import label_of, to_wire
from model.parsing.camera import Camera
from model.types import Action, Answer, Image, Region

_ASSETS = Path(__file__).resolve().parents[1] / "ui_assets"

_SCRIPTS = ("updates.js", "viewer_parts.js", "viewer_edit.js", "viewer.js")

_ON_LOAD = """
window.StudioViewer.mount(element, {
  editable: %s,
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
        # Not a property: those of a widget that is not on the page yet are lost when its value changes.
        js_on_load=_ON_LOAD % json.dumps(editable),
        apply_default_css=False,
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
        "regions": [to_wire(item, place, camera) for place, item in enumerate(items)],
        "labels": label_order((label_of(item) for item in items), labels),
        "answer": raw,
        "numbered": numbered,
        "streaming": streaming,
        "ask_xyxy": ask_xyxy,
    }
    # The page's framework warns of "<script" in a value, and labels may say anything.
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
