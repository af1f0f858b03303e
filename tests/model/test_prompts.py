"""Each task in each family's words, and boxes written as the family would write them."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import catalog
from model.errors import RequestError
from model.prompts import (
    FIELD_PRESETS,
    TASKS,
    VIDEO_TASKS,
    Task,
    VideoTask,
    ask_prompt,
    document_prompt,
    system_prompt,
    task_prompt,
    to_convention,
    video_prompt,
)
from model.types import Convention, MediumInput, ReadingMode

MEDIUM = MediumInput(source_size_wh=(640, 480), input_size_wh=(644, 476), tokens=391)
PHONE = MediumInput(source_size_wh=(1080, 2400), input_size_wh=(1092, 2408), tokens=3354)


@pytest.mark.parametrize(
    ("task", "query", "expected"),
    [
        (
            "detect",
            "red circle, cup",
            "Locate every red circle, cup in the image and output the bounding boxes in JSON format.",
        ),
        ("detect", "", "Locate every object in the image and output the bounding boxes in JSON format."),
        (
            "detect",
            " cup ,\n,spoon ",
            "Locate every cup, spoon in the image and output the bounding boxes in JSON format.",
        ),
        ("find", "red circle", "Locate the red circle in the image and output the bounding box in JSON format."),
        (
            "find",
            " the cup\non the left. ",
            "Locate the cup on the left in the image and output the bounding box in JSON format.",
        ),
        ("point", "star", "Point to every star in the image and output the points in JSON format."),
        ("count", "star", "Count every star in the image by pointing and output the points in JSON format."),
        ("free", " What is this? ", "What is this?"),
    ],
)
def test_the_wording_that_the_pocket_model_is_trained_with(task: Task, query: str, expected: str) -> None:
    assert task_prompt("Qwen3-VL", task, query) == expected


@pytest.mark.parametrize("family", catalog.FAMILIES)
@pytest.mark.parametrize("task", TASKS)
def test_every_family_has_words_for_every_task(family: str, task: Task) -> None:
    prompt = task_prompt(family, task, "green {0} %s \\ star")
    assert prompt.strip()
    if task != "read":
        assert "green {0} %s \\ star" in prompt


@pytest.mark.parametrize("task", ["find", "act", "free"])
def test_a_task_without_its_query_is_refused(task: Task) -> None:
    with pytest.raises(RequestError, match="first"):
        task_prompt("Qwen3-VL", task, "  \n ")


@pytest.mark.parametrize(
    ("family", "numbers"),
    [("Qwen3-VL", "[16, 42, 469, 833]"), ("Qwen2.5-VL", "[10, 20, 302, 397]"), ("Molmo", "[2, 4, 47, 83]")],
)
def test_a_box_is_asked_about_in_the_familys_convention(family: str, numbers: str) -> None:
    prompt = task_prompt(family, "free", "What is this?", (10, 20, 300, 400), MEDIUM)
    assert prompt == f"What is this? (in the box {numbers})"


def test_a_box_needs_the_sizes_of_its_picture() -> None:
    with pytest.raises(ValueError, match="sizes"):
        task_prompt("Qwen3-VL", "free", "What is this?", (10, 20, 300, 400))


def test_a_box_is_clipped_to_the_picture() -> None:
    assert to_convention((-5, -5, 9999, 240), catalog.PER_1000, MEDIUM) == (0, 0, 1000, 500)


def test_the_order_of_the_numbers_is_the_conventions() -> None:
    yx = Convention("gemini", 1000, "yxyx")
    assert to_convention((64, 96, 320, 480), yx, MEDIUM) == (200, 100, 1000, 500)


@given(st.tuples(*[st.floats(0, 1)] * 4), st.sampled_from(list(catalog.CONVENTIONS.values())))
def test_a_written_box_stands_for_the_place_it_came_from(fractions: tuple[float, ...], convention: Convention) -> None:
    """Reading the numbers back by the convention's definition is at most half a unit off."""
    width, height = MEDIUM.source_size_wh
    units = {"input_px": MEDIUM.input_size_wh, "source_px": MEDIUM.source_size_wh}.get(
        str(convention.scale), (convention.scale, convention.scale)
    )
    x1, y1, x2, y2 = fractions
    written = to_convention((x1 * width, y1 * height, x2 * width, y2 * height), convention, MEDIUM)
    for number, fraction, unit in zip(written, fractions, (*units, *units), strict=True):
        assert isinstance(unit, (int, float))
        assert abs(number / unit - fraction) <= 0.5 / unit + 1e-9


def test_only_acting_needs_a_system_prompt() -> None:
    assert [task for task in TASKS if system_prompt("Qwen3-VL", task, MEDIUM)] == ["act"]


@pytest.mark.parametrize(
    ("family", "medium", "name", "screen"),
    [
        ("Qwen3-VL", MEDIUM, "computer_use", "999x999"),
        ("Qwen3-VL", PHONE, "mobile_use", "999x999"),
        ("Qwen2.5-VL", PHONE, "mobile_use", "1092x2408"),
    ],
)
def test_the_device_and_its_screen_are_described_as_a_function(
    family: str, medium: MediumInput, name: str, screen: str
) -> None:
    prompt = system_prompt(family, "act", medium)
    assert prompt is not None
    tool = json.loads(prompt.split("<tools>\n")[1].split("\n</tools>")[0])
    assert tool["function"]["name"] == name
    assert screen in tool["function"]["description"]
    assert {"click", "left_click"} & set(tool["function"]["parameters"]["properties"]["action"]["enum"])


@pytest.mark.parametrize(
    ("family", "mode", "expected"),
    [
        ("Qwen2.5-VL", "layout", "QwenVL HTML "),
        ("Qwen3-VL", "layout", "qwenvl html"),
        ("Qwen3-VL", "markdown", "qwenvl markdown"),
        ("Qwen2.5-VL", "lines", "Spotting all the text in the image with line-level, and output in JSON format."),
        ("Qwen2-VL", "layout", task_prompt("Qwen2-VL", "read", "")),
    ],
)
def test_a_page_is_asked_for_in_the_familys_own_words(family: str, mode: ReadingMode, expected: str) -> None:
    assert document_prompt(family, mode) == expected


def test_fields_are_asked_for_as_the_object_that_is_wanted() -> None:
    prompt = document_prompt("Qwen2.5-VL", "fields", ("company", " the {total} ", "", "发票号"))
    assert prompt == 'Extract the key-value information in the format:{"company": "", "the {total}": "", "发票号": ""}'


def test_fields_have_to_be_named() -> None:
    with pytest.raises(RequestError, match="at least one field"):
        document_prompt("Qwen3-VL", "fields", (" ",))


@pytest.mark.parametrize("family", catalog.FAMILIES)
@pytest.mark.parametrize("mode", get_args(ReadingMode))
def test_every_family_has_words_for_every_way_of_reading(family: str, mode: ReadingMode) -> None:
    assert document_prompt(family, mode, ("total",)).strip()


@pytest.mark.parametrize("key", FIELD_PRESETS)
def test_presets_name_fields_once(key: str) -> None:
    fields = FIELD_PRESETS[key].fields
    assert fields
    assert len(set(fields)) == len(fields)


def test_a_question_says_which_picture_is_which_page() -> None:
    prompt = ask_prompt(" What is due? ", [2, 7], 10)
    assert "image 1 is page 2, image 2 is page 7" in prompt
    assert "(page 2)" in prompt
    assert prompt.endswith("What is due?")
    assert ask_prompt("What is due?", [1], 1) == "What is due?"
    with pytest.raises(RequestError):
        ask_prompt(" ", [1], 3)


@pytest.mark.parametrize(
    ("task", "query", "expected"),
    [
        (
            "when",
            " the red circle\nappears. ",
            "Give the query: 'the red circle appears', when does the described content occur in the video?",
        ),
        ("when", "When does the red circle appear?", "When does the red circle appear?"),
        ("when", "红色的圆什么时候出现？", "红色的圆什么时候出现？"),
        (
            "describe",
            "",
            "Localize a series of activity events in the video, output the start and end timestamp for each event, and "
            "describe each event with sentences. Provide the result in json format with 'mm:ss.ff' format for time "
            "depiction.",
        ),
        ("free", " What is\nthis? ", "What is\nthis?"),
    ],
)
def test_a_video_is_asked_about_in_the_words_of_the_cookbooks(task: VideoTask, query: str, expected: str) -> None:
    assert video_prompt("Qwen3-VL", task, query) == expected
    assert video_prompt("Qwen2.5-VL", task, query) == expected


def test_boxes_in_time_are_asked_for_with_their_form() -> None:
    prompt = video_prompt("Qwen3-VL", "track", "the {0} car")
    assert prompt.startswith('Given the query "the {0} car", for each frame, detect and localize the visual content')
    assert '[{"time": 1.0, "bbox_2d": [x_min, y_min, x_max, y_max], "label": ""}, ' in prompt


@pytest.mark.parametrize("family", catalog.FAMILIES)
@pytest.mark.parametrize("task", VIDEO_TASKS)
def test_every_family_has_words_for_every_task_of_a_video(family: str, task: VideoTask) -> None:
    prompt = video_prompt(family, task, "green {0} %s \\ star")
    assert prompt.strip()
    assert "{{" not in prompt
    assert ("green {0} %s \\ star" in prompt) == (task in ("when", "track", "free"))


@pytest.mark.parametrize("task", ["when", "track", "free"])
def test_a_task_of_a_video_without_its_query_is_refused(task: VideoTask) -> None:
    with pytest.raises(RequestError, match="first"):
        video_prompt("Qwen3-VL", task, "  \n ")
