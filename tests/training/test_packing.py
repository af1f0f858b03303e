"""Packing: the same tokens as the chat template, positions as transformers gives them, and only answers learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from training.checkpoint import load_tokenizer, new_model
from training.dialogues import Turn
from training.packing import Packer

TURNS = [
    Turn("How many red circles are there?", "There are 12 red circles.", "count"),
    Turn("Point to it.", '```json\n[\n\t{"point_2d": [430, 78], "label": "red circle"}\n]\n```', "point"),
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer()


@pytest.mark.parametrize("number_pictures", [False, True])
def test_tokens_are_those_of_the_chat_template(tokenizer: Any, number_pictures: bool) -> None:
    packed = Packer(tokenizer).pack(TURNS, [(2, 3)], system="Answer briefly.", number_pictures=number_pictures)
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Answer briefly."}]
    for index, turn in enumerate(TURNS):
        content = [{"type": "image"}] * (index == 0) + [{"type": "text", "text": turn.question}]
        messages += [{"role": "user", "content": content}, {"role": "assistant", "content": turn.answer}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_vision_id=number_pictures)
    expected = tokenizer.encode(text.replace("<|image_pad|>", "<|image_pad|>" * 6), add_special_tokens=False)
    assert packed.ids.tolist() == expected


def test_only_answers_and_their_ends_are_learnt(tokenizer: Any) -> None:
    packed = Packer(tokenizer).pack(TURNS, [(2, 2)], system="Be kind.")
    learnt = tokenizer.decode(packed.ids[packed.weights > 0])
    assert learnt == "".join(f"{turn.answer}<|im_end|>" for turn in TURNS)


def test_last_digits_of_coordinates_weigh_less(tokenizer: Any) -> None:
    packed = Packer(tokenizer).pack(TURNS, [])
    lighter = tokenizer.decode(packed.ids[(packed.weights > 0) & (packed.weights < 1)])
    assert lighter == "0"


def test_coordinates_are_known_at_each_of_their_digits(tokenizer: Any) -> None:
    packed = Packer(tokenizer).pack(TURNS, [])
    assert packed.numbers[packed.numbers >= 0].tolist() == [430, 430, 430, 78, 78]
    assert tokenizer.decode(packed.ids[packed.numbers >= 0]) == "43078"


def test_turns_that_do_not_fit_are_left_out_whole(tokenizer: Any) -> None:
    packed = Packer(tokenizer).pack(TURNS * 20, [], max_length=64)
    assert len(packed.ids) <= 65
    assert tokenizer.decode(packed.ids).endswith("<|im_end|>\n")


def test_positions_are_those_of_transformers(tokenizer: Any) -> None:
    model = new_model(tokenizer)
    grids = [(2, 3), (3, 2)]
    packed = Packer(tokenizer).pack(TURNS, grids)
    expected, _ = model.model.get_rope_index(
        torch.from_numpy(packed.ids)[None],
        torch.from_numpy(packed.visual.astype(np.int32))[None],
        torch.tensor([[1, 2 * rows, 2 * columns] for rows, columns in grids]),
    )
    assert packed.positions.tolist() == expected[:, 0].tolist()
