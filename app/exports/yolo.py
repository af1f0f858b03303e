"""YOLO detection data: a zip with `images/`, `labels/` and `data.yaml` (https://docs.ultralytics.com/datasets/detect/).

A line of a label file is `class x_center y_center width height`, the last four as fractions of the picture. Polygons go
in as the boxes around them; points, 3D boxes, actions and boxes without an area have no place.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from typing import IO

import yaml

from app.exports.base import Annotated, Names, bounds, class_name, left_out, picture_file


def write(items: Iterable[Annotated], labels: Sequence[str], file: IO[bytes]) -> list[str]:
    """Classes are places in `labels`, counted from 0."""
    names, skipped = Names(), 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in items:
            stem = names.stem(item.image)
            data, suffix = picture_file(item.image)
            # Pictures are compressed already.
            archive.writestr(f"images/{stem}{suffix}", data, zipfile.ZIP_STORED)
            lines = _lines(item, labels)
            archive.writestr(f"labels/{stem}.txt", "".join(f"{line}\n" for line in lines))
            skipped += len(item.answer.regions) + len(item.answer.actions) - len(lines)
        archive.writestr("data.yaml", _data_yaml(labels))
    return left_out(skipped, "points, actions, 3D boxes and boxes without an area", "YOLO")


def _lines(item: Annotated, labels: Sequence[str]) -> list[str]:
    width, height = item.image.size_wh
    lines = []
    for region in item.answer.regions:
        if box := bounds(region):
            x1, y1, x2, y2 = box
            centre_and_size = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
            numbers = " ".join(f"{number:.7f}" for number in centre_and_size)
            lines.append(f"{labels.index(region.label)} {numbers}")
    return lines


def _data_yaml(labels: Sequence[str]) -> str:
    data: dict[str, object] = {"path": ".", "train": "images", "val": "images", "nc": len(labels)}
    data["names"] = dict(enumerate(map(class_name, labels)))
    return str(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
