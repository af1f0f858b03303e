"""One question about one picture: what is asked in which words, and what is found while the answer streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.grounding import Ask, Found, ground, look, prompt_of
from model.catalog import CONVENTIONS
from model.engines.fake import FakeEngine
from model.errors import EngineError, OutOfMemory, RequestError
from model.types import EngineInfo, MediumInput, Resized
from tests.app.found import picture

TWO_BOXES = (
    "```json\n[\n",
    '\t{"bbox_2d": [100, 200, ',
    '500, 600], "label": "cup"},\n',
    '\t{"bbox_2d": [0, 0, 1000, 1000], "label": "table"}\n',
    "]\n```",
)
INFO = FakeEngine().info


def _engine(*script: str, **changes: object) -> FakeEngine:
    fail_with = changes.pop("fail_with", None)
    info: EngineInfo = replace(INFO, **changes)  # type: ignore[arg-type]
    return FakeEngine(script or TWO_BOXES, info=info, delay_s=0.03, fail_with=fail_with)  # type: ignore[arg-type]


def _last(engine: FakeEngine, ask: Ask) -> Found:
    *_, last = ground(engine, picture(), ask, threading.Event())
    return last


def test_results_are_there_before_the_answer_has_ended() -> None:
    seen = [
        (len(found.answer.regions), found.is_finished)
        for found in ground(_engine(*TWO_BOXES, *("\n",) * 5), picture(), Ask(), threading.Event())
    ]
    assert any(count and not is_finished for count, is_finished in seen)
    assert seen[-1] == (2, True)
    assert [count for count, _ in seen] == sorted(count for count, _ in seen)


def test_places_are_in_pixels_of_the_picture_and_point_into_the_raw_text() -> None:
    found = _last(_engine(), Ask("detect", "cup, table"))
    cup, table = found.answer.boxes
    assert cup.xyxy == pytest.approx((20, 30, 100, 90))
    assert table.xyxy == pytest.approx((0, 0, 200, 150))
    assert cup.span is not None
    assert '"cup"' in found.raw[slice(*cup.span)]
    assert found.first_s is not None


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (Ask("detect", "cup, spoon"), "Locate every cup, spoon in the image"),
        (Ask("detect"), "Locate every object in the image"),
        (Ask("find", "red cup"), "Locate the red cup in the image"),
        (Ask("point", "tip"), "Point to every tip"),
        (Ask("count", "apple"), "Count every apple"),
        (Ask("read"), "all the text"),
        (Ask("free", "What is this?"), "What is this?"),
    ],
)
def test_each_task_is_asked_in_the_familys_words(ask: Ask, words: str) -> None:
    prompt = prompt_of(_engine(), picture(), ask)
    assert words in prompt.messages[-1].text
    assert len(prompt.messages[-1].images) == 1
    assert prompt.messages[0].role == "user"


def test_an_action_is_asked_for_with_the_tool_in_the_system_prompt() -> None:
    system, user = prompt_of(_engine(), picture(), Ask("act", "open the menu")).messages
    assert (system.role, user.role) == ("system", "user")
    assert "computer_use" in system.text
    assert "open the menu" in user.text


@pytest.mark.parametrize(
    ("family", "numbers"), [("Qwen3-VL", "[100, 200, 500, 600]"), ("Qwen2.5-VL", "[20, 30, 98, 84]")]
)
def test_a_marked_area_is_written_in_the_models_own_convention(family: str, numbers: str) -> None:
    engine = _engine(family=family)
    asked = prompt_of(engine, picture(), Ask("free", "What is this?", box_xyxy=(20, 30, 100, 90)))
    width, height = look(engine, picture(), "detect").input_size_wh
    if family == "Qwen2.5-VL":
        numbers = str([round(20 / 200 * width), round(30 / 150 * height), round(width / 2), round(90 / 150 * height)])
    assert asked.messages[-1].text.endswith(f"(in the box {numbers})")


def test_coordinates_can_be_read_in_another_way_and_back() -> None:
    found = _last(_engine(), Ask("detect"))
    as_pixels = found.read_as(CONVENTIONS["source pixels"])
    assert as_pixels.answer.boxes[0].xyxy == pytest.approx((100, 150, 200, 150)), "bounded by the picture"
    assert as_pixels.convention.name == "source pixels"
    assert as_pixels.read_as(None).answer == found.answer


def test_an_override_is_used_from_the_first_result_on() -> None:
    found = _last(_engine(), Ask("detect", convention=CONVENTIONS["0-100"]))
    assert found.answer.problems, "numbers up to 1000 lie outside of 0-100"


def test_a_missing_question_is_said_before_anything_runs() -> None:
    engine = _engine()
    with pytest.raises(RequestError, match="Write what to find"):
        next(iter(ground(engine, picture(), Ask("find", " "), threading.Event())))
    assert engine.prompts == []


def test_what_came_before_a_fault_was_given() -> None:
    engine = _engine(*TWO_BOXES, *("\n",) * 5, fail_with=EngineError("It broke."))
    answer = ground(engine, picture(), Ask(), threading.Event())
    seen, said = _until_fault(answer)
    assert said == "It broke."
    assert len(seen[-1].answer.boxes) == 2


def _until_fault(answer: Iterator[Found]) -> tuple[list[Found], str]:
    """All that came, and what the fault says that ended it."""
    seen: list[Found] = []
    try:
        for found in answer:
            seen.append(found)
    except EngineError as error:
        return seen, str(error)
    return seen, ""


def test_the_same_question_gives_the_same_answer() -> None:
    engine = _engine()
    assert _last(engine, Ask()).answer == _last(engine, Ask()).answer


def test_in_a_picture_that_was_made_smaller_pixels_are_those_of_the_smaller_one() -> None:
    smaller = MediumInput((200, 150), (56, 28), 2)
    engine = _engine('[{"bbox_2d": [14, 7, 28, 28], "label": "cup"}]', family="Qwen2.5-VL")
    engine.script = (Resized((smaller,), 9), *engine.script)
    found = _last(engine, Ask("detect", "cup"))
    assert found.medium == smaller
    assert found.answer.boxes[0].xyxy == pytest.approx((50, 37.5, 100, 150))


def test_a_question_about_a_place_is_not_asked_with_numbers_of_the_larger_picture() -> None:
    smaller = MediumInput((200, 150), (56, 28), 2)
    ask = Ask("free", "What is this?", (20, 30, 100, 90))
    for family, is_told_in_pixels in (("Qwen2.5-VL", True), ("Qwen3-VL", False)):
        engine = _engine("A cup.", family=family)
        engine.script = (Resized((smaller,), 9), *engine.script)
        if is_told_in_pixels:
            with pytest.raises(OutOfMemory, match="low memory"):
                _last(engine, ask)
        else:
            assert _last(engine, ask).raw == "A cup."
