"""Packing: the same tokens as the chat template, positions as transformers gives them, and only answers learnt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from training.checkpoint import load_tokenizer, new_model
from training.dialogues import Turn
from training.packing import MOST_CELLS, Packer

TURNS = [
    Turn("How many red circles are there?", (("There are 12 red circles.", None),), "count", pictures=1),
    Turn("Point to it.", (('```json\n[\n\t{"point_2d": [430, 78], "label": "red circle"}\n]\n```', None),), "point"),
]
BOTH = [replace(TURNS[0], pictures=2), TURNS[1]]


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


@pytest.mark.parametrize("later", [False, True])
def test_positions_are_those_of_transformers(tokenizer: Any, later: bool) -> None:
    model = new_model(tokenizer)
    grids = [(2, 3), (3, 2)]
    packed = Packer(tokenizer).pack([TURNS[0], replace(TURNS[1], pictures=1)] if later else BOTH, grids)
    expected, _ = model.model.get_rope_index(
        torch.from_numpy(packed.ids)[None],
        torch.from_numpy(packed.visual.astype(np.int32))[None],
        torch.tensor([[1, 2 * rows, 2 * columns] for rows, columns in grids]),
    )
    assert packed.positions.tolist() == expected[:, 0].tolist()


def test_a_picture_may_come_with_a_later_turn(tokenizer: Any) -> None:
    turns = [TURNS[0], replace(TURNS[1], pictures=1)]
    packed = Packer(tokenizer).pack(turns, [(2, 3), (3, 2)], number_pictures=True)
    assert packed.visual.sum() == 12
    assert "red circles.<|im_end|>\n<|im_start|>user\nPicture 2: <|vision_start|>" in tokenizer.decode(packed.ids)


def test_tokens_of_json_speak_about_the_object_that_they_write(tokenizer: Any) -> None:
    pieces = (
        ('```json\n[\n\t{"point_2d": [12, 78], "label": "star', (1,)),
        ('"},\n\t{"point_2d": [430, 78], "label": "star', (4,)),
        ('"}\n]\n```', ()),
    )
    packed = Packer(tokenizer).pack([Turn("Point to every star.", pieces, "point", pictures=1)], [(2, 3)])
    spoken = {column: tokenizer.decode(packed.ids[packed.about[:, column]]) for column in (1, 4, MOST_CELLS)}
    assert spoken[1] == '```json\n[\n\t{"point_2d": [12, 78], "label": "star'
    assert spoken[4] == '"},\n\t{"point_2d": [430, 78], "label": "star'
    assert spoken[MOST_CELLS] == '"}\n]\n```<|im_end|>'


def test_words_speak_about_what_their_piece_is_about(tokenizer: Any) -> None:
    pieces = (("Yes,", (0, 5)), (" the red star is", (5,)), (" above", (0, 5)), (" the cross.", (0,)))
    packed = Packer(tokenizer).pack([Turn("Is it?", pieces, "relation", pictures=1)], [(2, 3)])
    only = {column: (packed.about.sum(axis=1) == 1) & packed.about[:, column] for column in (0, 5)}
    assert tokenizer.decode(packed.ids[only[5]]) == " the red star is"
    assert tokenizer.decode(packed.ids[only[0]]) == " the cross.<|im_end|>"


def test_a_phrase_of_the_question_is_told_right_behind_it(tokenizer: Any) -> None:
    turn = Turn("Is the Red Star above the star?", (("No.", None),), "x", (("red star", (2,)), ("star", ())), 1)
    packed = Packer(tokenizer).pack([turn], [(2, 3)])
    told = {column: np.flatnonzero(packed.about[:, column]) for column in (2, MOST_CELLS)}
    assert [tokenizer.decode(packed.ids[: int(places[0])]).split("<|vision_end|>")[1] for places in told.values()] == [
        "Is the Red Star",
        "Is the Red Star above the star",
    ]


def test_places_that_are_not_told_have_no_column(tokenizer: Any) -> None:
    assert not Packer(tokenizer).pack(TURNS, [(2, 3)]).about.any()


def test_answers_that_were_cut_are_remembered_but_not_learnt(tokenizer: Any) -> None:
    packed = Packer(tokenizer).pack([replace(TURNS[0], learnt=False), TURNS[1]], [(2, 2)])
    assert tokenizer.decode(packed.ids[packed.weights > 0]) == f"{TURNS[1].answer}<|im_end|>"
    assert TURNS[0].answer in tokenizer.decode(packed.ids)


def test_sequences_are_padded_along_the_sequence(tokenizer: Any) -> None:
    packer = Packer(tokenizer)
    batch = packer.collate([packer.pack(TURNS, [(8, 8)]), packer.pack(TURNS[:1], [(2, 2)])])
    length = batch.ids.shape[1]
    assert length % 32 == 0
    assert batch.about.shape == (2, length, MOST_CELLS + 1)
    assert batch.positions.shape == (3, 2, length)
    assert batch.visual.sum(dim=1).tolist() == [64, 4]
