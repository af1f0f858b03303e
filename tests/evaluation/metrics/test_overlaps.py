"""Overlaps of boxes and spans, and COCO's precision, beside values that were worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from evaluation.metrics.overlaps import XYXY, Span, box_iou, coco_figures, span_iou, xywh

SQUARE: XYXY = (0, 0, 50, 50)
ELSEWHERE: XYXY = (60, 60, 100, 100)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SQUARE, 1.0),
        ((25, 0, 75, 50), 1 / 3),
        ((0, 0, 50, 40), 0.8),
        ((50, 0, 100, 50), 0.0),
        ((10, 10, 10, 10), 0.0),
    ],
    ids=["same", "half over", "four fifths", "touching", "a point"],
)
def test_box_iou(other: XYXY, expected: float) -> None:
    assert box_iou(SQUARE, other) == pytest.approx(expected)
    assert box_iou(other, SQUARE) == pytest.approx(expected)


def test_boxes_without_area_do_not_overlap() -> None:
    assert box_iou((3, 3, 3, 3), (3, 3, 3, 3)) == 0.0


@pytest.mark.parametrize(
    ("other", "expected"),
    [((2, 4), 1.0), ((3, 5), 1 / 3), ((2, 3), 0.5), ((4, 6), 0.0), ((5, 6), 0.0), ((3, 3), 0.0)],
    ids=["same", "half over", "half", "touching", "apart", "a moment"],
)
def test_span_iou(other: Span, expected: float) -> None:
    assert span_iou((2, 4), other) == pytest.approx(expected)


def test_moments_do_not_overlap() -> None:
    assert span_iou((3, 3), (3, 3)) == 0.0


def truth(*boxes: XYXY) -> dict[str, Any]:
    annotations = [
        {"id": number, "image_id": 1, "category_id": 7, "bbox": xywh(box), "area": 2500.0, "iscrowd": 0}
        for number, box in enumerate(boxes, 1)
    ]
    return {"images": [{"id": 1}], "categories": [{"id": 7, "name": "cup"}], "annotations": annotations}


def detections(*boxes: XYXY) -> Sequence[dict[str, Any]]:
    return [{"image_id": 1, "category_id": 7, "bbox": xywh(box), "score": 1.0} for box in boxes]


def test_a_box_of_iou_four_fifths_is_right_at_seven_of_ten_thresholds() -> None:
    figures = coco_figures(truth(SQUARE), detections((0, 0, 50, 40)))
    assert figures["AP"] == pytest.approx(0.7)
    assert figures["AP50"] == figures["AP75"] == pytest.approx(1.0)
    assert figures["AR1"] == pytest.approx(0.7)
    assert figures["APs"] is None


def test_of_boxes_with_equal_scores_the_first_ranks_first() -> None:
    two = truth(SQUARE, (200, 0, 250, 50))
    # A wrong box before a right one: precision 1/2 at the 51 of 101 recalls from 0 to 0.5.
    assert coco_figures(two, detections(ELSEWHERE, SQUARE))["AP50"] == pytest.approx(51 / 101 / 2)
    assert coco_figures(two, detections(SQUARE, ELSEWHERE))["AP50"] == pytest.approx(51 / 101)


def test_no_detections_and_no_truth() -> None:
    assert coco_figures(truth(SQUARE), [])["AP"] == 0.0
    assert coco_figures(truth(), detections(SQUARE))["AP"] is None


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    coco_figures(truth(SQUARE), detections(SQUARE))
    assert capsys.readouterr().out == ""
