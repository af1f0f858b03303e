"""What was found, as files for other programs: one module a format. To add one, add a module and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.exports import answer_json, coco, crops, drawn, tables, yolo
from app.exports.base import Annotated, Format

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        row.key: row
        for row in (
            Format("png", "PNG", "The picture with everything drawn in, in full size", drawn.write, ".png", ".zip"),
            Format(
                "coco", "COCO", "One JSON file that annotation tools and pycocotools read", coco.write, ".coco.json"
            ),
            Format("yolo", "YOLO", "A zip with images, labels and data.yaml", yolo.write, ".yolo.zip"),
            Format("csv", "CSV", "A table with a row for each thing found", tables.write, ".csv"),
            Format("json", "JSON", "Everything found, in pixels, as the API gives it", answer_json.write, ".json"),
            Format("crops", "Crops", "A zip with a cut-out of each box", crops.write, ".crops.zip"),
        )
    }
)
"""Every format by its key, in the order of the menu."""

__all__ = ["FORMATS", "Annotated", "Format"]
