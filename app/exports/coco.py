"""COCO object annotations: one JSON file for all pictures (https://cocodataset.org/#format-data).

Boxes have `bbox`, polygons `segmentation` too, points are annotations with one visible keypoint and an empty box. What
a box says beyond COCO stands in `text` and `attributes`, which readers pass over.
3D boxes, actions and boxes without an area have no place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import IO, Any

from app.exports.base import Annotated, Names, bounds, class_name, left_out, picture_file
from model.types import Box, Point, Polygon, Region

_VISIBLE = 2


def write(items: Iterable[Annotated], labels: Sequence[str], file: IO[bytes]) -> list[str]:
    """Category ids are places in `labels`, counted from 1."""
    names, skipped = Names(), 0
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    pointed: set[str] = set()
    for image_id, item in enumerate(items, 1):
        width, height = item.image.size_wh
        # The suffix that the same picture has in a YOLO archive: the two exports fit together.
        file_name = names.stem(item.image) + picture_file(item.image)[1]
        images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        for region in item.answer.regions:
            if not isinstance(region, Point) and bounds(region) is None:
                skipped += 1
                continue
            category_id = labels.index(region.label) + 1
            ids = {"id": len(annotations) + 1, "image_id": image_id, "category_id": category_id, "iscrowd": 0}
            annotations.append(ids | _geometry(region) | _said(region))
            pointed |= {region.label} if isinstance(region, Point) else set()
        skipped += len(item.answer.actions)
    categories = [_category(place, label, label in pointed) for place, label in enumerate(labels, 1)]
    dataset = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
    file.write(json.dumps(dataset, ensure_ascii=False, indent=1).encode())
    return left_out(skipped, "actions, 3D boxes and boxes without an area", "COCO")


def _category(category_id: int, label: str, is_pointed: bool) -> dict[str, Any]:
    category = {"id": category_id, "name": class_name(label), "supercategory": ""}
    return category | ({"keypoints": ["place"], "skeleton": []} if is_pointed else {})


def _said(region: Region) -> dict[str, Any]:
    """What the model said of a region beside its label."""
    text = region.text if isinstance(region, Box | Polygon) else None
    extras = {"text": text, "attributes": dict(region.attributes) or None}
    return {key: value for key, value in extras.items() if value is not None}


def _geometry(region: Region) -> dict[str, Any]:
    if isinstance(region, Point):
        x, y = region.xy
        return {"bbox": [x, y, 0, 0], "area": 0, "segmentation": [], "keypoints": [x, y, _VISIBLE], "num_keypoints": 1}
    x1, y1, x2, y2 = bounds(region) or (0.0, 0.0, 0.0, 0.0)
    geometry: dict[str, Any] = {"bbox": [x1, y1, x2 - x1, y2 - y1]}
    if isinstance(region, Polygon):
        geometry |= {"area": _area(region), "segmentation": [[number for xy in region.xy for number in xy]]}
    else:
        geometry |= {"area": (x2 - x1) * (y2 - y1), "segmentation": []}
    return geometry


def _area(polygon: Polygon) -> float:
    """The shoelace formula."""
    following = (*polygon.xy[1:], polygon.xy[0])
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(polygon.xy, following, strict=True))) / 2
