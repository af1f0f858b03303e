"""What each task asks, what it finds in an answer, and how that scores, by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluation.tasks import TASKS
from evaluation.tasks.base import Figures, Judged, Reply, Sample, Scores
from evaluation.tasks.pages import first_table
from evaluation.tasks.places import Instances
from model.types import MediumInput, Table

PICTURE = MediumInput(source_size_wh=(200, 100), input_size_wh=(400, 200), tokens=1)


def found(task: str, text: str, family: str = "Qwen3-VL", duration_s: float | None = None) -> Any:
    """What the task finds, as the results file keeps it."""
    value = TASKS[task].find(Reply(text, family, (PICTURE,), duration_s))
    assert json.loads(json.dumps(value)) == value
    return value


def scores(task: str, text: str, truth: Any) -> Scores:
    return TASKS[task].score(found(task, text), truth)


def judged(task: str, pairs: Sequence[tuple[str, Any]]) -> Figures:
    """The figures over answers and what is true."""
    samples = [Sample(number, "", (Path("a.png"),), "", truth) for number, (_, truth) in enumerate(pairs, 1)]
    all_found = [found(task, text) for text, _ in pairs]
    scored = [TASKS[task].score(one, truth) for one, (_, truth) in zip(all_found, pairs, strict=True)]
    return TASKS[task].figures([Judged(*one) for one in zip(samples, all_found, scored, strict=True)])


@pytest.mark.parametrize("task", ["docvqa", "chartqa", "vqa", "exact_match"])
def test_short_answers_are_asked_for(task: str) -> None:
    assert TASKS[task].prompt("Qwen3-VL", "How many?").splitlines() == [
        "How many?",
        "Answer the question using a single word or phrase.",
    ]


def test_other_tasks_are_asked_in_the_words_of_the_family() -> None:
    asked = {name: TASKS[name].prompt("Qwen2.5-VL", "red cup") for name in TASKS}
    assert asked["refcoco"] == "Locate the red cup, output its bbox coordinates using JSON format."
    assert asked["coco"].startswith("Outline the position of each red cup and output all the coordinates")
    assert asked["ocr"] == "Read all the text in the image."
    assert asked["tables"].startswith("Write every table in the image as an HTML table")
    assert "'red cup', when does the described content occur" in asked["charades_sta"]


def test_figures_of_questions_are_means() -> None:
    pairs = [("hallo", ["hello"]), ("hello", ["hello"]), ("", ["hello"])]
    assert judged("docvqa", pairs) == {"anls": pytest.approx((0.8 + 1 + 0) / 3)}
    assert judged("chartqa", [("104", ["100"]), ("106", ["100"])]) == {"relaxed_accuracy": 0.5}
    assert judged("vqa", [("Two.", ["2"] * 10), ("3", ["2"] * 10)]) == {"vqa_accuracy": 0.5}
    assert judged("exact_match", [("red", ["Red"]), ("red", ["blue"])]) == {"exact_match": 0.5}


def test_the_first_box_counts_in_pixels_of_the_picture() -> None:
    answer = '[{"bbox_2d": [0, 0, 500, 1000], "label": "cup"}, {"bbox_2d": [500, 0, 1000, 1000], "label": "cup"}]'
    assert found("refcoco", answer) == [0, 0, 100, 100]
    assert found("refcoco", '{"bbox_2d": [0, 0, 200, 200], "label": "cup"}', "Qwen2.5-VL") == [0, 0, 100, 100]
    assert scores("refcoco", answer, (0, 0, 100, 100)) == {"accuracy": 1.0, "mean_iou": pytest.approx(1.0)}
    assert scores("refcoco", answer, (0, 0, 200, 100)) == {"accuracy": 1.0, "mean_iou": pytest.approx(0.5)}
    assert scores("refcoco", answer, (0, 0, 49, 100)) == {"accuracy": 0.0, "mean_iou": pytest.approx(0.49)}
    assert scores("refcoco", "There is none.", (0, 0, 100, 100)) == {"accuracy": 0.0, "mean_iou": 0.0}


def test_precision_over_pictures() -> None:
    def instances(image_id: int) -> Instances:
        cup = {
            "id": image_id,
            "image_id": image_id,
            "category_id": 3,
            "bbox": [0, 0, 100, 100],
            "area": 1e4,
            "iscrowd": 0,
        }
        return Instances(image_id, (cup,), {"cup": 3, "dog": 4})

    right = '[{"bbox_2d": [0, 0, 500, 1000], "label": "Cup"}, {"bbox_2d": [0, 0, 500, 1000], "label": "mug"}]'
    figures = judged("coco", [(right, instances(1)), ("Nothing is there.", instances(2))])
    # One of two cups is found by the only box that has the name of a category: precision 1 up to recall 0.5.
    assert figures["AP"] == figures["AP50"] == pytest.approx(51 / 101)
    assert figures["AR100"] == pytest.approx(0.5)
    assert figures["known_labels"] == 0.5
    assert judged("coco", [("", instances(1))])["known_labels"] is None
    assert judged("coco", []) == {}


def test_error_rates_are_of_all_pages_together() -> None:
    pairs = [("One two\nthree", "One  two three"), ("fuor", "four five")]
    assert scores("ocr", *pairs[0]) == {"character_edits": 0, "characters": 13, "word_edits": 0, "words": 3}
    # fuor -> four five: two letters differ and five are missing, of nine; both words are wrong, of two
    assert judged("ocr", pairs) == {"cer": pytest.approx(7 / 22), "wer": pytest.approx(2 / 5)}
    assert judged("ocr", []) == {"cer": None, "wer": None}


def test_text_counts_without_the_fences_around_it() -> None:
    assert found("ocr", "```\nOne two\n```") == "One two"


def test_tables_score_in_any_form() -> None:
    truth = first_table("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>")
    assert isinstance(truth, Table)
    assert scores("tables", "| a | b |\n|---|---|\n| c | x |", truth) == {
        "teds": pytest.approx(5 / 6),
        "teds_structure": 1.0,
    }
    assert scores("tables", "a b c d", truth) == {"teds": 0.0, "teds_structure": 0.0}


def test_the_first_event_counts() -> None:
    answer = "The event happens in 3.0 - 5.0 seconds. Later it happens in 0.5 - 1.0 seconds."
    assert found("charades_sta", answer, duration_s=10.0) == [3.0, 5.0]
    assert found("charades_sta", "It never does.", duration_s=10.0) is None
    third = {"recall_at_0.3": 1.0, "recall_at_0.5": 0.0, "recall_at_0.7": 0.0, "mean_iou": pytest.approx(1 / 3)}
    assert scores("charades_sta", answer, [(2.0, 4.0)]) == third
    assert scores("charades_sta", answer, [(8.0, 9.0), (3.0, 4.5)])["recall_at_0.7"] == 1.0
    assert scores("charades_sta", "", [(2.0, 4.0)])["mean_iou"] == 0.0


@pytest.mark.parametrize("name", TASKS)
def test_an_empty_answer_scores_nothing(name: str) -> None:
    truths: dict[str, Any] = {
        "refcoco": (0, 0, 1, 1),
        "coco": Instances(1, (), {"cup": 1}),
        "ocr": "abc",
        "tables": first_table("<table><tr><td>a</td></tr></table>"),
        "charades_sta": [(0.0, 1.0)],
    }
    values = scores(name, "", truths.get(name, ["a"]))
    if name == "ocr":
        assert values["character_edits"] == values["characters"]
    else:
        assert not any(values.values())
