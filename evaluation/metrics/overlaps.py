"""Intersection over union, of spans of time and of boxes; and the mean average precision of COCO on top of it.

Knows numbers: seconds, and pixels as `xyxy`. The overlap of boxes and the precision are pycocotools'.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

XYXY = tuple[float, float, float, float]
Span = tuple[float, float]

# COCOeval's twelve figures in their order, by the names under which the field quotes them.
_COCO_FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


def box_iou(first: XYXY, second: XYXY) -> float:
    """Intersection over union of two boxes; 0 where neither has an area."""
    if _area(first) + _area(second) <= 0:
        return 0.0
    return float(mask.iou(np.array([xywh(first)]), np.array([xywh(second)]), [0])[0, 0])


def span_iou(first: Span, second: Span) -> float:
    """Intersection over union of two spans of time, each (start, end) in seconds; 0 where neither lasts."""
    shared = min(first[1], second[1]) - max(first[0], second[0])
    both = max(first[1], second[1]) - min(first[0], second[0])
    return max(0.0, shared) / both if both > 0 else 0.0


def xywh(xyxy: XYXY) -> list[float]:
    """A box as COCO writes it: the upper left corner, width and height."""
    return [xyxy[0], xyxy[1], xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]]


def coco_figures(truth: Mapping[str, Any], detections: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """COCO's figures for boxes (Lin et al., 2014), between 0 and 1; None where the truth has nothing to measure by.

    `truth` is the content of an instances file, `detections` are as in COCO's results files: `image_id`, `category_id`,
    `bbox` as a list xywh, `score`. Equal scores rank as they stand.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # it talks
        coco = COCO()
        coco.dataset = dict(truth)
        coco.createIndex()
        evaluation = COCOeval(coco, _results(coco, detections), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    figures = zip(_COCO_FIGURES, map(float, evaluation.stats), strict=True)
    return {name: None if value < 0 else value for name, value in figures}


def _results(truth: COCO, detections: Sequence[Mapping[str, Any]]) -> COCO:
    """`COCO.loadRes`, which takes no empty list."""
    if detections:
        return truth.loadRes(list(detections))
    nothing = COCO()
    nothing.dataset = {**truth.dataset, "annotations": []}
    nothing.createIndex()
    return nothing


def _area(box: XYXY) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
