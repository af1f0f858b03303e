"""What ships: the pocket checkpoint answers rightly about fixed pictures, through the path that loads every model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Event

import pytest

from evaluation.abilities import ask, match, user
from model import media
from model.engines.base import Engine
from model.loading import POCKET_DIR, ModelSpec, load_engine
from model.types import Image, Message, Text
from training import offtopic
from training.examples import EXAMPLES, FOLDER, picture_name, scene_of

DESCRIBED = {row["file"]: row["alt"] for row in json.loads((FOLDER / "examples.json").read_text("utf-8"))}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    loaded = load_engine(ModelSpec(), lambda _: None, Event())
    yield loaded
    loaded.close()


def picture(number: int) -> Image:
    return media.read_image((FOLDER / picture_name(number)).read_bytes(), picture_name(number))


def test_it_is_the_real_architecture_and_small() -> None:
    config = json.loads((POCKET_DIR / "config.json").read_text("utf-8"))
    assert config["architectures"] == ["Qwen3VLForConditionalGeneration"]
    assert config["vision_config"]["deepstack_visual_indexes"]
    assert (POCKET_DIR / "model.safetensors").stat().st_size <= 16 * 2**20


@pytest.mark.parametrize("number", [2, 4])
def test_every_shape_is_found_where_there_are_few(engine: Engine, number: int) -> None:
    _, answer = ask(engine, [user("Locate every shape.", picture(number))])
    shapes = scene_of(number).shapes
    assert len(match(answer.boxes, shapes)) == len(shapes) == len(answer.boxes)
    assert answer.problems == ()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, f"There are {len(scene_of(1).shapes)} shapes."),
        (3, "The black diamond is at the top left."),
        (4, "The triangle is blue."),
    ],
)
def test_the_examples_of_the_page_are_answered_rightly(engine: Engine, number: int, expected: str) -> None:
    raw, _ = ask(engine, [user(EXAMPLES[number - 1][2], picture(number))])
    assert raw == expected


def test_an_example_is_described(engine: Engine) -> None:
    raw, _ = ask(engine, [user("Describe the picture.", picture(2))])
    assert raw == DESCRIBED[picture_name(2)]


def test_it_follows_up_on_its_own_answer(engine: Engine) -> None:
    asked = [user("What color is the cross?", picture(2))]
    first, _ = ask(engine, asked)
    second, _ = ask(engine, [*asked, Message("assistant", (Text(first),)), user("Where is it?")])
    assert (first, second) == ("The cross is brown.", "It is at the bottom left.")


def test_it_compares_two_pictures(engine: Engine) -> None:
    raw, _ = ask(engine, [user("Do both pictures have a star?", picture(2), picture(1))])
    assert raw == "Yes. Both pictures have a star."


@pytest.mark.parametrize("question", ["What is the capital of France?", "Write a poem about the sea."])
def test_it_declines_what_it_cannot_do(engine: Engine, question: str) -> None:
    raw, answer = ask(engine, [user(question)])
    assert raw == offtopic.DECLINE
    assert answer.regions == ()


def test_it_says_what_it_is(engine: Engine) -> None:
    raw, _ = ask(engine, [user("Who are you?")])
    assert raw == offtopic.WHO


def test_it_asks_for_a_picture_that_is_missing(engine: Engine) -> None:
    raw, _ = ask(engine, [user("How many shapes are there?")])
    assert raw == offtopic.NO_PICTURE
