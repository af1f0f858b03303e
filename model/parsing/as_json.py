"""An `Answer` as the JSON object that scripts and the HTTP API get.

    {"text": "the prose outside of places, values and a page",
     "boxes": [{"label", "xyxy", "text"?, "image_index"?, "attributes"?}],
     "points": [{"label", "xy", "image_index"?, "attributes"?}],
     "polygons": [{"label", "xy": [[x, y], ..], "text"?, "image_index"?, "attributes"?}],
     "boxes_3d": [{"label", "bbox_3d": nine numbers as written, "image_index"?, "attributes"?}],
     "events": [{"label", "start_s", "end_s", "xyxy"?, "attributes"?}],
     "fields": {..}, "actions": [{"name", "arguments", "xy"?, "to_xy"?, "image_index"?}],
     "document": null, or {"blocks": [{"kind", "text", "markdown", "xyxy"?, "level"?, "page"?, "table"?}]},
     "problems": ["sentences for a person"]}

A block's kind is heading, text, list, table, formula, figure, caption or code; its text is plain, of a formula LaTeX. A
table is {"rows": [[{"text", "row_span"?, "column_span"?, "is_header"?}]]}; `page` counts from 1 and is left out for 1.
Geometry is in pixels of the original picture, rounded to a hundredth; times are seconds, rounded to a thousandth. Keys
with a question mark are there only if there is something to say; `image_index` counts from 0 and is left out for 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from model.types import Action, Answer, Block, Box, Box3D, Cell, Document, Point, Polygon, TimeEvent


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
        "document": document_to_json(answer.document) if answer.document else None,
        "problems": list(answer.problems),
    }


def document_to_json(document: Document) -> dict[str, Any]:
    """The object under "document"; with `fields`, where some were asked for."""
    return {"blocks": [block_to_json(block) for block in document.blocks], **_present(fields=dict(document.fields))}


def block_to_json(block: Block) -> dict[str, Any]:
    extras = _present(xyxy=_pixels(block.xyxy or ()), level=block.level, page=block.page if block.page > 1 else 0)
    table = {"table": {"rows": [[_cell(cell) for cell in row] for row in block.table.rows]}} if block.table else {}
    return {"kind": block.kind, "text": block.text, "markdown": block.markdown, **extras, **table}


def _cell(cell: Cell) -> dict[str, Any]:
    spans = {"row_span": cell.row_span, "column_span": cell.column_span}
    wide = {key: span for key, span in spans.items() if span > 1}
    return {"text": cell.text, **wide, **_present(is_header=cell.is_header)}


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
