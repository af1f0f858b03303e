"""Each standard form of file, made small here, becomes the samples that it means."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evaluation.data_files import DataError
from evaluation.metrics.tables import teds
from evaluation.tasks import TASKS
from evaluation.tasks.base import Sample, Source
from evaluation.tasks.pages import first_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of media that are there; readers do not open them."""
    for name in ("a.png", "b.jpg", "COCO_val2014_000000000042.jpg", "AB12C.mp4", "v_x.mkv"):
        (tmp_path / name).touch()
    return tmp_path


def samples(task: str, folder: Path, content: Any, *, annotations: Any = None, name: str = "") -> list[Sample[Any]]:
    """What the task reads from a file of this content: a text as it stands, anything else as JSON."""
    data = folder / (name or "data.json")
    data.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), "utf-8")
    if annotations is not None:
        (folder / "annotations.json").write_text(json.dumps(annotations), "utf-8")
    return list(TASKS[task].read(Source(data, folder, folder / "annotations.json" if annotations else None)))


QUESTION_FORMS: dict[str, tuple[Any, str]] = {
    "DocVQA": (
        {"dataset_name": "x", "data": [{"questionId": 7, "question": "Q", "image": "a.png", "answers": ["A"]}]},
        "7",
    ),
    "InfographicVQA": (
        {"data": [{"questionId": 7, "question": "Q", "image_local_name": "a.png", "answers": ["A"]}]},
        "7",
    ),
    "ChartQA": ([{"imgname": "a.png", "query": "Q", "label": "A"}], ""),
    "Qwen-VL": ('{"image": "a.png", "question": "Q", "answer": ["A"], "question_id": 7}', "7"),
    "an answer that is a number": ([{"image": "a.png", "question": "Q", "answer": 3.5}], ""),
    "a name without its ending": (
        [{"image_id": "a", "question": "Q", "answers": [{"answer": "A", "answer_id": 1}]}],
        "",
    ),
}


@pytest.mark.parametrize("form", QUESTION_FORMS)
@pytest.mark.parametrize("task", ["docvqa", "chartqa", "exact_match"])
def test_questions(folder: Path, task: str, form: str) -> None:
    content, identifier = QUESTION_FORMS[form]
    (sample,) = samples(task, folder, content, name="data.jsonl" if isinstance(content, str) else "data.json")
    answer = "3.5" if "number" in form else "A"
    assert sample == Sample(1, identifier, (folder / "a.png",), "Q", [answer])


def test_a_question_about_several_pictures(folder: Path) -> None:
    (sample,) = samples("docvqa", folder, [{"images": ["a.png", "b.jpg"], "question": "Q", "answers": ["A"]}])
    assert sample.media == (folder / "a.png", folder / "b.jpg")


def test_vqa_has_its_answers_in_a_file_of_their_own(folder: Path) -> None:
    questions = {"data_subtype": "val2014", "questions": [{"image_id": 42, "question": "Q", "question_id": 420}]}
    answers = [{"answer": text, "answer_id": number} for number, text in enumerate(["yes"] * 9 + ["no"], 1)]
    annotations = {"annotations": [{"question_id": 420, "image_id": 42, "answers": answers}]}
    (sample,) = samples("vqa", folder, questions, annotations=annotations)
    assert sample == Sample(1, "420", (folder / "COCO_val2014_000000000042.jpg",), "Q", ["yes"] * 9 + ["no"])


def test_textvqa_has_them_beside_the_question(folder: Path) -> None:
    row = {"question": "Q", "image_id": "b", "question_id": 3, "answers": ["x"] * 10}
    (sample,) = samples("vqa", folder, {"dataset_type": "val", "data": [row]})
    assert sample == Sample(1, "3", (folder / "b.jpg",), "Q", ["x"] * 10)


def test_expressions_as_rows(folder: Path) -> None:
    row = {"image": "a.png", "sent": "the red cup", "bbox": [1, 2, 30.5, 40], "height": 64, "width": 96}
    (sample,) = samples("refcoco", folder, json.dumps(row), name="refcoco.jsonl")
    assert sample == Sample(1, "", (folder / "a.png",), "the red cup", (1, 2, 30.5, 40))


def test_expressions_as_captions(folder: Path) -> None:
    images = [{"id": 5, "file_name": "a.png", "caption": "the red cup", "height": 64, "width": 96}]
    boxes = [{"id": 1, "image_id": 5, "bbox": [1, 2, 30, 40], "category_id": 1, "area": 1200, "iscrowd": 0}]
    (sample,) = samples("refcoco", folder, {"images": images, "annotations": boxes, "categories": []})
    assert sample == Sample(1, "5", (folder / "a.png",), "the red cup", (1, 2, 31, 42))


def test_instances(folder: Path) -> None:
    box = {"id": 9, "image_id": 5, "category_id": 2, "bbox": [1, 2, 30, 40], "area": 1200, "segmentation": []}
    content = {
        "info": {"year": 2017},
        "images": [{"id": 5, "file_name": "a.png"}, {"id": 6, "file_name": "b.jpg"}],
        "annotations": [box],
        "categories": [{"id": 2, "name": "cup"}, {"id": 3, "name": "potted plant"}],
    }
    first, second = samples("coco", folder, content)
    assert (first.id, first.words, first.truth.categories) == ("5", "cup, potted plant", {"cup": 2, "potted plant": 3})
    assert first.truth.annotations == (
        {"id": 9, "image_id": 5, "category_id": 2, "bbox": [1, 2, 30, 40], "area": 1200, "iscrowd": 0},
    )
    assert (second.media, second.truth.annotations) == ((folder / "b.jpg",), ())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.jsonl", '{"file_name": "a.png", "text": "One\\ttwo"}'),
        ("data.json", [{"image": "a.png", "text": "One\ttwo"}]),
        ("gt.txt", "a.png\tOne\ttwo\n"),
        ("gt.tsv", "\na.png\tOne\ttwo"),
    ],
)
def test_texts_of_pages(folder: Path, name: str, content: Any) -> None:
    assert samples("ocr", folder, content, name=name) == [Sample(1, "", (folder / "a.png",), "", "One\ttwo")]


HTML = "<table><thead><tr><td colspan=2>a b</td></tr></thead><tbody><tr><td></td><td>d</td></tr></tbody></table>"
TOKENS = {
    "structure": {
        "tokens": [
            *("<thead>", "<tr>", "<td", ' colspan="2"', ">", "</td>", "</tr>", "</thead>"),
            *("<tbody>", "<tr>", "<td>", "</td>", "<td>", "</td>", "</tr>", "</tbody>"),
        ]
    },
    "cells": [{"tokens": ["<b>", "a", " ", "b", "</b>"], "bbox": [1, 2, 3, 4]}, {"tokens": []}, {"tokens": ["d"]}],
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pubtabnet.jsonl", json.dumps({"filename": "a.png", "split": "val", "imgid": 1, "html": TOKENS})),
        ("truth.json", {"a.png": {"html": f"<html><body>{HTML}</body></html>", "type": "complex"}}),
        ("rows.json", [{"image": "a.png", "html": HTML}]),
    ],
    ids=["PubTabNet", "its evaluation", "rows"],
)
def test_tables(folder: Path, name: str, content: Any) -> None:
    (sample,) = samples("tables", folder, content, name=name)
    assert sample.media == (folder / "a.png",)
    assert [[(cell.text, cell.column_span) for cell in row] for row in sample.truth.rows] == [
        [("a b", 2)],
        [("", 1), ("d", 1)],
    ]
    assert teds(first_table(HTML), sample.truth) == 1.0


@pytest.mark.parametrize(
    ("name", "content", "windows"),
    [
        ("charades_sta_test.txt", "AB12C 24.3 30.4##Person opens it.\n", [(24.3, 30.4)]),
        (
            "rows.jsonl",
            '{"video": "AB12C.mp4", "query": "Person opens it.", "timestamp": [24.3, 30.4]}',
            [(24.3, 30.4)],
        ),
        (
            "highlights.jsonl",
            '{"qid": 1, "vid": "AB12C", "query": "Person opens it.", "relevant_windows": [[2, 4], [8, 10]]}',
            [(2, 4), (8, 10)],
        ),
        (
            "val.json",
            {"AB12C": {"duration": 30.9, "timestamps": [[24.3, 30.4]], "sentences": ["Person opens it."]}},
            [(24.3, 30.4)],
        ),
    ],
    ids=["Charades-STA", "rows", "QVHighlights", "ActivityNet Captions"],
)
def test_moments(folder: Path, name: str, content: Any, windows: list[tuple[float, float]]) -> None:
    (sample,) = samples("charades_sta", folder, content, name=name)
    assert sample == Sample(1, sample.id, (folder / "AB12C.mp4",), "Person opens it.", windows)


def test_events_of_one_video_are_samples_of_their_own(folder: Path) -> None:
    content = {"v_x": {"timestamps": [[0, 1], [1, 2]], "sentences": ["One.", "Two."]}}
    assert [(sample.number, sample.words) for sample in samples("charades_sta", folder, content)] == [
        (1, "One."),
        (2, "Two."),
    ]


SAID = {"image": "a.png", "sent": "the red cup"}
BOXED = {"id": 1, "image_id": 1, "category_id": 4, "bbox": [0, 0, 1, 1], "area": 1}
ROW = {"image": "a.png", "question": "Q", "answers": ["A"]}


@pytest.mark.parametrize(
    ("task", "content", "name", "sentence"),
    [
        (
            "docvqa",
            [ROW, {**ROW, "image": "z.png"}],
            "",
            "line 9: there is no file “z.png” in the folder of media; name .+",
        ),
        ("docvqa", [{**ROW, "image": "iVBOR" * 1000}], "", "line 2: there is no file “(iVBOR){16}…” in .+"),
        ("docvqa", [{"image": "a.png", "question": "Q"}], "", "line 2: “answers” is missing."),
        ("docvqa", [{**ROW, "answers": []}], "", "line 2: “answers” has to be a list of 1 or more."),
        ("docvqa", {"rows": 3}, "", "this is not a file for this task, which takes .+"),
        ("vqa", [ROW], "", "line 2: “answers” has to hold those of 4 people or more, usually 10."),
        ("refcoco", [{**SAID, "bbox": [5, 5, 3, 9]}], "", "line 2: “bbox” has to be .x1, y1, x2, y2. with .+"),
        ("refcoco", [{**SAID, "bbox": [5, 5, 3]}], "", "line 2: “bbox.+” is missing."),
        (
            "refcoco",
            {"images": [{"id": 1, "file_name": "a.png"}], "annotations": []},
            "",
            "line 3: this picture has no caption, or no box .+",
        ),
        ("coco", {"images": [], "annotations": []}, "", "this is not a file for this task, which takes COCO's JSON .+"),
        (
            "coco",
            {"images": [], "categories": [], "annotations": [BOXED]},
            "",
            "line 5: there is no category 4.",
        ),
        ("ocr", "a.png One", "gt.txt", "line 1: there is no tab between the picture's name and its text."),
        ("tables", [{"image": "a.png", "html": "no table"}], "", "line 2: “html” holds no table."),
        ("charades_sta", "AB12C 1 2 opens", "sta.txt", "line 1: this is not of the form “video start end##event”."),
        (
            "charades_sta",
            "\nAB12C 5 2##opens",
            "sta.txt",
            "line 2: “timestamp.+ has to be .start, end. in seconds with .+",
        ),
        (
            "charades_sta",
            {"v_x": {"timestamps": [], "sentences": ["a"]}},
            "",
            "line 2: there are not as many “timestamps” as “sentences”.",
        ),
    ],
)
def test_bad_files_are_told_in_a_sentence(folder: Path, task: str, content: Any, name: str, sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        samples(task, folder, content, name=name)
    assert re.fullmatch(rf"{name or 'data.json'}(, |: ){sentence}", str(caught.value)), str(caught.value)


def test_vqa_questions_need_answers(folder: Path) -> None:
    questions = {"data_subtype": "val2014", "questions": [{"image_id": 42, "question": "Q", "question_id": 420}]}
    with pytest.raises(DataError, match=r"line 4: annotations\.json has no answers to question 420\."):
        samples("vqa", folder, questions, annotations={"annotations": []})
