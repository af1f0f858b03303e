"""The proof of fine-tuning, short: exact data for a shape outside the pocket's domain, an adapter that learns it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

from evaluation import new_shape
from evaluation.abilities import iou
from evaluation.new_shape import (
    HEART,
    HELD_OUT_SEED,
    MOST_TURNS,
    conversation,
    options_of,
    result,
    table,
    with_hearts,
    write_data,
)
from model.catalog import FAMILIES
from model.loading import ModelSpec, load_engine
from model.parsing import parse_answer
from model.prompts import task_prompt
from model.types import Box, MediumInput
from training import dialogues
from training.conversations import MediumFile, read_conversations
from training.finetune import LOG, finetune
from training.scenes import COLORS, KINDS, OUTLINES, Scene, draw, random_scene, touch


def test_the_pocket_model_s_own_domain_knows_no_hearts() -> None:
    assert HEART not in {*KINDS, *OUTLINES}
    kinds = {shape.kind for index in range(40) for shape in random_scene(np.random.default_rng(index)).shapes}
    assert kinds == set(KINDS)


@pytest.mark.parametrize("index", range(12))
def test_hearts_take_the_place_of_shapes_and_touch_nothing(index: int) -> None:
    rng = np.random.default_rng(index)
    before = random_scene(rng)
    after = with_hearts(before, rng)
    assert any(shape.kind == HEART for shape in after.shapes)
    for old, new in zip(before.shapes, after.shapes, strict=True):
        assert new.color == old.color
        assert new.center_xy == pytest.approx(old.center_xy, abs=1.0)
    pairs = [(a, b) for i, a in enumerate(after.shapes) for b in after.shapes[:i]]
    assert not any(touch(a, b, after.size_wh) for a, b in pairs)


def test_a_heart_is_drawn_where_its_box_says() -> None:
    rng = np.random.default_rng(3)
    scene = with_hearts(random_scene(rng), rng)
    bare = replace(scene, shapes=(), noise=0.0, background=((120, 120, 120), (120, 120, 120)))
    for shape in scene.shapes:
        changed = (draw(replace(bare, shapes=(shape,))) != draw(bare)).any(axis=2)
        rows, columns = np.nonzero(changed)
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert iou(found, shape.xyxy) > 0.9, (shape.name, COLORS[shape.color])


def test_conversations_say_what_is_drawn(tmp_path: Path) -> None:
    path = write_data(tmp_path, "train", HELD_OUT_SEED, 8)
    found = 0
    for index, written in enumerate(read_conversations(path)):
        scenes, turns = conversation(HELD_OUT_SEED, index)
        pictures = [piece for _, pieces in written.turns for piece in pieces if isinstance(piece, MediumFile)]
        for picture, scene in zip(pictures, scenes, strict=True):
            drawn = cv2.imread(str(picture.path))
            assert drawn is not None
            assert np.array_equal(drawn[:, :, ::-1], draw(scene))
        for turn, (_, asked), (_, answered) in zip(turns, written.turns[::2], written.turns[1::2], strict=True):
            assert [isinstance(piece, MediumFile) for piece in asked] == [True] * turn.pictures + [False]
            assert (asked[-1], *answered) == (turn.question, turn.answer)
            for box in _boxes(turn.answer, scenes[0]) if len(scenes) == 1 else ():
                assert any(shape.name == box.label and iou(box.xyxy, shape.xyxy) > 0.9 for shape in scenes[0].shapes)
                found += HEART in box.label
    assert found > 3


def _boxes(answer: str, scene: Scene) -> tuple[Box, ...]:
    medium = MediumInput(scene.size_wh, scene.size_wh, 1)
    return parse_answer(answer, FAMILIES["Qwen3-VL"].convention, [medium]).boxes


def test_every_ability_is_kept_alive() -> None:
    """Old questions, none of them cut short: no picture, one, two at once, the second later; hearts and no hearts."""
    drawn = [conversation(HELD_OUT_SEED, index) for index in range(200)]
    assert all(turn.learnt and len(turns) <= MOST_TURNS for _, turns in drawn for turn in turns)
    shown = {tuple(turn.pictures for turn in turns if turn.pictures) for _, turns in drawn}
    assert shown == {(), (1,), (2,), (1, 1)}
    abilities = {asked.__name__.removesuffix("_of") for asked, _ in dialogues.ABILITIES}
    abilities |= {"compare", "one_of_two", "difference", "off_topic", "follow_up"}
    assert {turn.ability for _, turns in drawn for turn in turns} >= abilities
    asked = task_prompt("Qwen3-VL", "find", HEART)
    answers = [turn.answer for _, turns in drawn for turn in turns if turn.question == asked]
    missing = sum(answer == "There is no heart in the image." for answer in answers)
    assert 0 < missing < len(answers) / 4


@pytest.mark.timeout(600)
def test_an_adapter_takes_to_the_new_shape(tmp_path: Path) -> None:
    """A few dozen conversations: enough for the loss on held-out ones to fall; the command shows how far it goes."""
    options = replace(options_of(tmp_path, 24, batch=4, accumulate=1, epochs=1.0), eval_every=6, device="cpu")
    out = finetune(options)
    told = [row["eval_loss"] for row in map(json.loads, (out / LOG).read_text().splitlines()) if "eval_loss" in row]
    assert len(told) == 2
    assert told[1] < 0.85 * told[0]
    engine = load_engine(ModelSpec(adapter=str(out), device="cpu"), lambda progress: None, Event())
    assert (engine.info.name, engine.info.is_pocket) == (f"pocket+{HEART}", True)
    scores = list(new_shape.hearts_found(engine, 0))
    assert {score.name for score in scores} >= {"detect recall", "find recall"}
    assert all(score.value in (0.0, 1.0) for score in scores)
    engine.close()


def test_what_is_told_of_two_measurements() -> None:
    before = {"hearts": {"find recall": 0.0}, "old": {"count": 0.9, "color": 1.0, "describe": 0.5}}
    after = {
        "hearts": {"find recall": 0.93, "find precision": 0.8},
        "old": {"count": 0.87, "color": 1.0, "describe": 0.0},
    }
    told = result(before, after)
    assert told["recall"]["find recall"] == 0.93
    assert told["lost"] == {"count": 0.03, "color": 0.0}
    assert told["mean_lost"] == 0.015
    assert "| hearts, find precision |  | 0.800 |" in table(before, after)
    assert "| count | 0.900 | 0.870 |" in table(before, after)
