"""An `Answer` as the JSON object that scripts and the HTTP API get.

    {"text": "the prose outside of places and values",
     "boxes": [{"label", "xyxy", "text"?, "image_index"?, "attributes"?}],
     "points": [{"label", "xy", "image_index"?, "attributes"?}],
     "polygons": [{"label", "xy": [[x, y], ..], "text"?, "image_index"?, "attributes"?}],
     "boxes_3d": [{"label", "bbox_3d": nine numbers as written, "image_index"?, "attributes"?}],
     "events": [{"label", "start_s", "end_s", "xyxy"?, "attributes"?}],
     "fields": {..}, "actions": [{"name", "arguments", "xy"?, "to_xy"?, "image_index"?}],
     "document": null, "problems": ["sentences for a person"]}

Geometry is in pixels of the original picture, rounded to a hundredth; times are seconds, rounded to a thousandth. Keys
with a question mark are there only if there is something to say; `image_index` counts from 0 and is left out for 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from model.types import Action, Answer, Box, Box3D, Point, Polygon, TimeEvent


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """The object described above; `json.dumps` writes it with nothing but standard JSON."""
    return {
        "text": answer.text,
        "boxes": [_box(box) for box in answer.boxes],
        "points": [_point(point) for point in answer.points],
        "polygons": [_polygon(polygon) for polygon in answer.polygons],
        "boxes_3d": [_box_3d(box) for box in answer.boxes_3d],
        "events": [_event(event) for event in answer.events],
        "fields": dict(answer.fields),
        "actions": [_action(action) for action in answer.actions],
        "document": None,
        "problems": list(answer.problems),
    }


def _box(box: Box) -> dict[str, Any]:
    extras = _present(text=box.text, image_index=box.image_index, attributes=box.attributes)
    return {"label": box.label, "xyxy": _pixels(box.xyxy), **extras}


def _point(point: Point) -> dict[str, Any]:
    extras = _present(image_index=point.image_index, attributes=point.attributes)
    return {"label": point.label, "xy": _pixels(point.xy), **extras}


def _polygon(polygon: Polygon) -> dict[str, Any]:
    extras = _present(text=polygon.text, image_index=polygon.image_index, attributes=polygon.attributes)
    return {"label": polygon.label, "xy": [_pixels(xy) for xy in polygon.xy], **extras}


def _box_3d(box: Box3D) -> dict[str, Any]:
    extras = _present(image_index=box.image_index, attributes=box.attributes)
    return {"label": box.label, "bbox_3d": list(box.values), **extras}


def _event(event: TimeEvent) -> dict[str, Any]:
    times = {"start_s": round(event.start_s, 3), "end_s": round(event.end_s, 3)}
    return {"label": event.label, **times, **_present(xyxy=_pixels(event.xyxy or ()), attributes=event.attributes)}


def _action(action: Action) -> dict[str, Any]:
    places = _present(xy=_pixels(action.xy or ()), to_xy=_pixels(action.to_xy or ()), image_index=action.image_index)
    return {"name": action.name, "arguments": dict(action.arguments), **places}


def _pixels(numbers: Iterable[float]) -> list[float]:
    return [round(number, 2) for number in numbers]


def _present(**values: Any) -> Mapping[str, Any]:
    """Those that say something: not None, not empty, not picture 0. Text is there even when empty."""
    return {key: value for key, value in values.items() if value or value == ""}
