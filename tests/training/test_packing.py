"""Packing: the same tokens as the chat template, positions as transformers gives them, and only answers learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from training.checkpoint import load_tokenizer, new_model
from training.dialogues import Turn
from training.packing import MOST_CELLS, Packer

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


def test_answers_in_json_speak_about_one_visual_token_an_object(tokenizer: Any) -> None:
    rows = ",\n".join(f'\t{{"point_2d": [{n}, 78], "label": "star"}}' for n in (12, 430))
    turn = Turn("Point to every star.", f"```json\n[\n{rows}\n]\n```", "point", ((1,), (4,)))
    packed = Packer(tokenizer).pack([turn], [(2, 3)])
    spoken = {column: tokenizer.decode(packed.ids[packed.about[:, column]]) for column in (1, 4, MOST_CELLS)}
    assert spoken[1].endswith('[12, 78], "label": "star')
    assert spoken[4] == '"},\n\t{"point_2d": [430, 78], "label": "star'
    assert spoken[MOST_CELLS] == '"}\n]\n```<|im_end|>'


def test_a_sentence_speaks_about_all_its_visual_tokens_or_about_none(tokenizer: Any) -> None:
    two = Turn("How many?", "There are 2 stars.", "count", ((0, 5),))
    none = Turn("And circles?", "There are no circles.", "count", ((),))
    packed = Packer(tokenizer).pack([two, none, Turn("Hello", "Hello.", "off_topic")], [(2, 3)])
    told = [tuple(np.flatnonzero(row)) for row in packed.about if row.any()]
    assert dict.fromkeys(told) == {(0, 5): None, (MOST_CELLS,): None}
    assert tokenizer.decode(packed.ids[packed.about[:, MOST_CELLS]]) == "There are no circles.<|im_end|>"


def test_sequences_are_padded_along_the_sequence(tokenizer: Any) -> None:
    packer = Packer(tokenizer)
    batch = packer.collate([packer.pack(TURNS, [(8, 8)]), packer.pack(TURNS[:1], [(2, 2)])])
    length = batch.ids.shape[1]
    assert length % 32 == 0
    assert batch.about.shape == (2, length, MOST_CELLS + 1)
    assert batch.positions.shape == (3, 2, length)
    assert batch.visual.sum(dim=1).tolist() == [64, 4]
