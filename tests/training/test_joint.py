"""A step of learning to read: every picture in its own grid, a loss that falls, and gradients where they belong."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from transformers import AutoProcessor

from model import media
from model.engines.local_inputs import InputMaker
from model.types import Message, PixelBudget, Text
from tests.training.drawing import text_of_columns
from tests.training.fonts import needs_fonts
from training import joint, network, tower
from training.checkpoint import POCKET, load_tokenizer, new_model
from training.columns import COLUMNS
from training.dialogues import Spelled, Turn
from training.language import Probes
from training.letters import LetterHeads, in_merge_order
from training.packing import Packer
from training.reading import LESSONS, Lesson, random_talk

pytestmark = needs_fonts


@pytest.fixture(scope="module")
def packer() -> Packer:
    return Packer(load_tokenizer())


def new_parts(packer: Packer) -> tuple[Any, LetterHeads, Probes]:
    """A model that has learnt nothing, the tower of which is not to learn but for what writes its visual tokens."""
    model = new_model(packer.tokenizer).bfloat16()
    sizes = model.config.vision_config.hidden_size, model.config.text_config.hidden_size
    heads, probes = LetterHeads(*sizes).bfloat16(), Probes(sizes[1]).bfloat16()
    for name, weight in model.model.visual.named_parameters():
        weight.requires_grad_("linear_fc2" in name and "merger" in name)
    return model, heads, probes


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_step_of_every_lesson_has_a_loss_and_gradients_for_what_is_trained(packer: Packer, lesson: str) -> None:
    model, heads, probes = new_parts(packer)
    loss, metrics = joint.reading_loss(model, heads, probes, packer, np.random.default_rng(3), LESSONS[lesson], 500)
    loss.backward()  # type: ignore[no-untyped-call]
    assert np.isfinite(list(metrics.values())).all()
    assert {"read_answers", "read_places", "read_right"} <= set(metrics)
    assert 5 < metrics["read_answers"] < 10  # near log(1294)
    visual, text = model.model.visual, model.model.language_model
    for weight in (text.embed_tokens.weight, text.layers[0].self_attn.q_proj.weight, visual.merger.linear_fc2.weight):
        assert weight.grad is not None
        assert float(weight.grad.float().norm()) > 0
    assert all(weight.grad is None for weight in visual.blocks.parameters())


def test_as_many_conversations_are_drawn_as_fit_and_each_is_about_its_own_picture(packer: Packer) -> None:
    readings = joint.random_readings(packer, np.random.default_rng(1), LESSONS["lines"], 1000)
    assert len(readings) > 8
    assert sum(one.length for one in readings) <= 1000
    assert len({one.grid_hw for one in readings}) > 2
    for one in readings:
        rows, columns = one.grid_hw
        assert one.pixels.shape == (32 * rows, 32 * columns, 3)
        assert one.packed.visual.sum() == rows * columns
        assert one.packed.about[:, 1].max() < rows * columns
    alone = joint.random_readings(packer, np.random.default_rng(1), LESSONS["lines"], 1)
    assert [one.packed.ids.tolist() for one in alone] == [readings[0].packed.ids.tolist()]


def test_conversations_that_are_packed_together_have_about_the_same_length(packer: Packer) -> None:
    readings = joint.random_readings(packer, np.random.default_rng(1), LESSONS["lines"], 2000)
    runs = joint.alike(readings)
    assert len(runs) > 1
    assert sorted(one.length for run in runs for one in run) == sorted(one.length for one in readings)
    assert all(max(one.length for one in run) <= joint.LONGER * run[0].length for run in runs)


@pytest.mark.parametrize("task", ["line", "tables", "chart_title", "act"])
def test_a_picture_and_its_question_are_those_that_the_program_sends(packer: Packer, task: str) -> None:
    """Beyond its present bounds, which `preprocessor_config.json` has."""
    lesson = Lesson({task: 1.0})
    talk = random_talk(np.random.default_rng(5), lesson, lambda size_wh: tower.grid_of(size_wh, network.PAGE_PIXELS))
    (reading,) = joint.random_readings(packer, np.random.default_rng(5), lesson, 1)
    picture = media.read_image(cv2.imencode(".png", talk.pixels[:, :, ::-1])[1].tobytes(), "drawn.png")
    system = [Message("system", (Text(talk.system),))] if talk.system else []
    maker = InputMaker(AutoProcessor.from_pretrained(POCKET), "Qwen3-VL", joint.CONTEXT)
    sent = maker.make(
        [*system, Message("user", (picture, Text(talk.turns[0].question)))],
        PixelBudget(network.MIN_PIXELS, network.PAGE_PIXELS),
    )
    ids = sent["input_ids"][0].tolist()
    assert reading.packed.ids[: len(ids)].tolist() == ids
    theirs = sent["pixel_values"].view(-1, 3, 2, 256)[:, :, 0].reshape(-1, 768)
    torch.testing.assert_close(network.patches_of(reading.pixels[None])[0], theirs, atol=1e-2, rtol=0)


def test_the_columns_that_are_heard_say_what_is_answered(packer: Packer) -> None:
    for one in joint.random_readings(packer, np.random.default_rng(4), LESSONS["words"], 400):
        assert one.columns is not None
        rows, columns = one.grid_hw[0] * network.MERGE, one.grid_hw[1] * network.MERGE * COLUMNS
        order = in_merge_order(torch.arange(rows * columns).reshape(1, rows, columns), one.grid_hw)
        held, ends = (array[order.argsort()].numpy() for array in one.columns)
        answer = packer.tokenizer.decode(one.packed.ids[one.packed.weights > 0])
        assert text_of_columns(held.reshape(rows, columns), ends.reshape(rows, columns, 2)) + "<|im_end|>" == answer


def test_earlier_answers_that_are_remembered_are_as_the_program_sends_them(packer: Packer) -> None:
    turns = [
        Turn("Total?", (("The total is", (0,)), (Spelled(" 12 pounds"), (1,)), (".", ())), "field", pictures=1),
        Turn("Shop?", (("The shop is", (2,)), (Spelled(" Tea House"), (3,)), (".", ())), "field"),
    ]
    packed = packer.pack(joint.remembered(turns), [(2, 2)])
    decoded = packer.tokenizer.decode
    assert decoded(packed.ids[packed.weights > 0]) == "The shop is Tea House.<|im_end|>"
    tokens = packed.ids.tolist()
    as_sent = packer.tokenizer.encode("The total is 12 pounds.")
    assert any(tokens[start : start + len(as_sent)] == as_sent for start in range(len(tokens)))


def readings_of(monkeypatch: pytest.MonkeyPatch, readings: list[joint.Reading]) -> None:
    """Have these drawn instead of random ones."""
    monkeypatch.setattr(joint, "random_readings", lambda *_: readings)


def loss_of(model: Any, heads: LetterHeads, probes: Probes, packer: Packer) -> tuple[torch.Tensor, dict[str, float]]:
    return joint.reading_loss(model, heads, probes, packer, np.random.default_rng(0), LESSONS["words"], 0)


def test_what_is_said_of_each_picture_does_not_depend_on_the_others(
    packer: Packer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures are sorted by their grids and lengths, and conversations with them."""
    model, heads, probes = new_parts(packer)
    model, heads, probes = model.float(), heads.float(), probes.float()
    readings = joint.random_readings(packer, np.random.default_rng(1), LESSONS["lines"], 500)
    assert [one.grid_hw for one in readings] != sorted(one.grid_hw for one in readings)
    assert len(joint.alike(readings)) > 1
    alone, weights = 0.0, [float(one.packed.weights.sum()) for one in readings]
    with torch.no_grad():
        for one, weight in zip(readings, weights, strict=True):
            readings_of(monkeypatch, [one])
            alone += weight * loss_of(model, heads, probes, packer)[1]["read_answers"]
        readings_of(monkeypatch, readings)
        _, together = loss_of(model, heads, probes, packer)
    assert together["read_pictures"] == len(readings)
    assert 0 < together["read_heard"] < 100
    assert together["read_answers"] == pytest.approx(alone / sum(weights), abs=1e-4)


def test_a_few_words_can_be_learnt_by_heart(packer: Packer, monkeypatch: pytest.MonkeyPatch) -> None:
    model, heads, probes = new_parts(packer)
    readings = joint.random_readings(packer, np.random.default_rng(2), LESSONS["words"], 150)
    assert len(readings) == 3
    readings_of(monkeypatch, readings)
    weights = [weight for part in (model, heads, probes) for weight in part.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=2e-3)
    losses = []
    for _ in range(40):
        loss, metrics = loss_of(model, heads, probes, packer)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(metrics["read_answers"])
    assert losses[0] > 5
    assert losses[-1] < 0.5
