"""The measuring rod itself: hand-computed overlaps, matches and summaries."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.abilities import iou, match, picture_of, sample
from evaluation.pocket import FIGURES, MARKS, QUOTED_IN, ROOT, summary, table, write
from evaluation.scores import Score
from model.engines.fake import FakeEngine
from model.types import Box
from training.scenes import Shape, random_scene


def shape(color: str, kind: str, xyxy: tuple[float, float, float, float]) -> Shape:
    return Shape(kind, color, np.zeros((0, 2)), xyxy)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
        ((0, 0, 10, 10), (2, 2, 4, 4), 0.04),
        ((3, 3, 3, 3), (3, 3, 3, 3), 0.0),
    ],
    ids=["same", "half over", "touching", "inside", "empty"],
)
def test_iou(a: tuple[int, ...], b: tuple[int, ...], expected: float) -> None:
    assert iou(a, b) == pytest.approx(expected)


def test_a_box_needs_the_right_label_and_a_shape_of_its_own() -> None:
    shapes = [shape("red", "circle", (0, 0, 10, 10)), shape("red", "circle", (20, 0, 30, 10))]
    twice = [Box("red circle", (0, 0, 10, 10)), Box("red circle", (0, 0, 10, 9))]
    assert match(twice, shapes) == [1.0]
    assert match([Box("blue circle", (0, 0, 10, 10))], shapes) == []
    assert match([Box("red circle", (0, 0, 10, 4))], shapes) == []


def test_the_best_pairs_are_matched_first() -> None:
    shapes = [shape("red", "star", (0, 0, 10, 10)), shape("red", "star", (0, 0, 10, 14))]
    boxes = [Box("red star", (0, 0, 10, 13)), Box("red star", (0, 0, 10, 10))]
    assert sorted(match(boxes, shapes)) == pytest.approx([13 / 14, 1.0])


def test_summary_takes_means_and_for_iou_the_median() -> None:
    rows = summary([Score("count", 1.0), Score("count", 0.0), *(Score("median IoU", v) for v in (0.5, 0.9, 0.95))])
    assert rows["count"] == {"value": 0.5, "n": 2, "se": 0.354, "target": 0.92}
    assert rows["median IoU"]["value"] == 0.9
    assert "| count | 0.500 | 0.92 | 2 |" in table(rows)


def test_every_sample_can_be_asked_about_and_a_wrong_answer_counts_as_one() -> None:
    """Some questions cannot be asked about some scenes; whoever says nothing to the point is right about nothing."""
    scores = [score for index in range(0, 60, 20) for score in sample(FakeEngine(("Hm.",)), index)]
    assert {score.name for score in scores} >= {"detection recall", "count", "compare", "describe", "off_topic"}
    assert not any(score.value for score in scores)


def test_the_picture_that_is_asked_about_is_the_scene() -> None:
    scene = random_scene(np.random.default_rng(1), (300, 400))
    assert picture_of(scene).size_wh == (300, 400)


def test_documents_quote_the_measured_figures() -> None:
    rows = json.loads((ROOT / FIGURES).read_text("utf-8"))
    for name in QUOTED_IN:
        assert table(rows) in (ROOT / name).read_text("utf-8")


def test_writing_replaces_only_what_stands_between_the_marks(tmp_path: Path) -> None:
    for name in (*QUOTED_IN, FIGURES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", "utf-8")
    rows = summary([Score("count", 1.0)])
    write(rows, tmp_path)
    for name in QUOTED_IN:
        assert (tmp_path / name).read_text("utf-8") == f"before\n{MARKS[0]}\n{table(rows)}\n{MARKS[1]}\nafter\n"
    assert json.loads((tmp_path / FIGURES).read_text("utf-8")) == rows


def test_two_shapes_that_look_the_same_are_two() -> None:
    same = [shape("red", "star", (0, 0, 10, 10)) for _ in range(2)]
    same.remove(same[1])
    assert len(same) == 1
    assert same[0] in same
