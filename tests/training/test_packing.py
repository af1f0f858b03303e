"""Packing: the same tokens as the chat template, positions as transformers gives them, and only answers learnt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from training.checkpoint import load_tokenizer, new_model
from training.dialogues import Spelled, Turn
from training.packing import LAST_DIGIT_WEIGHT, NOWHERE, SENTENCE_WEIGHT, SKELETON_WEIGHT, Packed, Packer

TURNS = [
    Turn("How many red circles are there?", (("There are 12 red circles.", None),), "count", pictures=1),
    Turn("Point to it.", (('```json\n[\n\t{"point_2d": [430, 78], "label": "red circle"}\n]\n```', None),), "point"),
]
BOTH = [replace(TURNS[0], pictures=2), TURNS[1]]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer()


def answer_of(tokenizer: Any, *said: tuple[str, tuple[int, ...] | None]) -> Packed:
    return Packer(tokenizer).pack([Turn("Read it.", said, "text", pictures=1)], [(2, 3)], max_length=4096)


def about(packed: Packed, cell: int) -> list[int]:
    """The places of the tokens that speak about a visual token."""
    return [int(token) for token, spoken in packed.about if spoken == cell]


def only_about(packed: Packed, cell: int) -> list[int]:
    tokens, cells = np.unique(packed.about[:, 0], return_counts=True)
    return sorted(set(about(packed, cell)) & set(tokens[cells == 1].tolist()))


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
    spoken = {cell: tokenizer.decode(packed.ids[about(packed, cell)]) for cell in (1, 4, NOWHERE)}
    assert spoken[1] == '```json\n[\n\t{"point_2d": [12, 78], "label": "star'
    assert spoken[4] == '"},\n\t{"point_2d": [430, 78], "label": "star'
    assert spoken[NOWHERE] == '"}\n]\n```<|im_end|>'


def test_words_speak_about_what_their_piece_is_about(tokenizer: Any) -> None:
    pieces = (("Yes,", (0, 5)), (" the red star is", (5,)), (" above", (0, 5)), (" the cross.", (0,)))
    packed = Packer(tokenizer).pack([Turn("Is it?", pieces, "relation", pictures=1)], [(2, 3)])
    assert tokenizer.decode(packed.ids[only_about(packed, 5)]) == " the red star is"
    assert tokenizer.decode(packed.ids[only_about(packed, 0)]) == " the cross.<|im_end|>"


def test_a_phrase_of_the_question_is_told_right_behind_it(tokenizer: Any) -> None:
    turn = Turn("Is the Red Star above the star?", (("No.", None),), "x", (("red star", (2,)), ("star", ())), 1)
    packed = Packer(tokenizer).pack([turn], [(2, 3)])
    told = [about(packed, cell)[0] for cell in (2, NOWHERE)]
    assert [tokenizer.decode(packed.ids[:place]).split("<|vision_end|>")[1] for place in told] == [
        "Is the Red Star",
        "Is the Red Star above the star",
    ]


def test_phrases_and_pieces_end_where_they_do_whatever_their_letters_are(tokenizer: Any) -> None:
    """A letter beyond ASCII has several bytes, and each of these may be a token."""
    said = (("• café × £3", (1,)), (Spelled(" • café × £3"), (2,)), (" is € 5", (3,)), (".", ()))
    turn = Turn("Is “é” € the •× one?", said, "x", (("é” €", (4,)), ("×", (5,))), 1)
    packed = Packer(tokenizer).pack([turn], [(2, 3)])
    spoken = [tokenizer.decode(packed.ids[only_about(packed, cell)]) for cell in (1, 2, 3, NOWHERE)]
    assert spoken == ["• café × £3", " • café × £3", " is € 5", ".<|im_end|>"]
    told = [tokenizer.decode(packed.ids[: about(packed, cell)[0]]).split("<|vision_end|>")[1] for cell in (4, 5)]
    assert told == ["Is “é” €", "Is “é” € the •×"]


def test_places_that_are_not_told_are_in_no_row(tokenizer: Any) -> None:
    assert Packer(tokenizer).pack(TURNS, [(2, 3)]).about.shape == (0, 2)


@pytest.mark.parametrize(
    ("answer", "coordinates"),
    [
        ('```json\n[\n\t{"bbox_2d": [0, 78, 999, 1000], "text_content": "3, 12", "n": 5}\n]\n```', "0789991000"),
        ('{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [40, 7]}}', "407"),
        ('<h2 data-bbox="44 32 269 62">9 to 5</h2>\n<p data-bbox="1 2 3 4">€ 12, 30</p>', "4432269621234"),
        ("• £5, 20\n<!-- Image (10, 20, 30, 40) -->\nTable (1, 2)", "10203040"),
        ('```json\n{\n\t"Total": "12, 1500",\n\t"items": [{"name": "7, 8", "price": 2300}]\n}\n```', ""),
        ("In 2019, 1024 of them, [1, 2] and (3, 4).", ""),
    ],
    ids=["boxes", "click", "html", "markdown", "fields", "sentence"],
)
def test_only_numbers_of_boxes_and_points_are_coordinates(tokenizer: Any, answer: str, coordinates: str) -> None:
    packed = answer_of(tokenizer, (answer, None))
    assert tokenizer.decode(packed.ids[packed.numbers >= 0]) == coordinates
    assert packed.numbers.max() <= 1000


LINES = (
    ('```json\n[\n\t{"bbox_2d": [12, 780, 430, 81], "text_content": "', (0, 1)),
    (Spelled("Tea"), (0,)),
    (Spelled(" – £12, 50"), (1,)),
    ('"}\n]\n```', ()),
)


def test_spelled_words_are_written_letter_by_letter_and_all_else_as_ever(tokenizer: Any) -> None:
    packed = answer_of(tokenizer, *LINES)
    written = packed.ids[packed.weights > 0].tolist()
    assert tokenizer.decode(written) == "".join(text for text, _ in LINES) + "<|im_end|>"
    before, *letters, after = (tokenizer.encode(part) for part in (LINES[0][0], *"Tea – £12, 50", LINES[3][0]))
    assert written[:-1] == [*before, *(token for letter in letters for token in letter), *after]
    assert [len(letter) for letter in letters] == [len(letter.encode()) for letter in "Tea – £12, 50"]


def test_spelled_words_speak_about_their_places_and_have_no_coordinates(tokenizer: Any) -> None:
    packed = answer_of(tokenizer, *LINES)
    assert tokenizer.decode(packed.ids[packed.numbers >= 0]) == "1278043081"
    spoken = [tokenizer.decode(packed.ids[only_about(packed, cell)]) for cell in (0, 1, NOWHERE)]
    assert spoken == ["Tea", " – £12, 50", '"}\n]\n```<|im_end|>']


def test_a_letter_weighs_more_than_what_stands_around_the_words(tokenizer: Any) -> None:
    packed = answer_of(tokenizer, *LINES[:1], (Spelled("Tea" * 200), (0,)), LINES[3])
    weighs = {
        weight: tokenizer.decode(packed.ids[packed.weights == np.float32(weight)]) for weight in set(packed.weights)
    }
    assert weighs.pop(np.float32(0.0)).startswith("<|im_start|>user")
    assert weighs == {
        np.float32(1.0): f"12784381{'Tea' * 200}<|im_end|>",
        np.float32(SKELETON_WEIGHT): '```json\n[\n\t{"bbox_2d": [, , , ], "text_content": "' + LINES[3][0],
        np.float32(LAST_DIGIT_WEIGHT): "00",
    }


def test_short_answers_do_not_drown_in_pages(tokenizer: Any) -> None:
    """A word that is read may weigh as much as in any sentence; a page weighs more in all, but not in each letter."""
    letters, weight = [4, 20, 80, 180, 1000], []
    for count in letters:
        packed = answer_of(tokenizer, (Spelled("x" * count), (0,)))
        weight.append(float(packed.weights.max()))
    assert weight == pytest.approx([SENTENCE_WEIGHT, SENTENCE_WEIGHT, SENTENCE_WEIGHT / 2, 1.0, 1.0])
    assert weight[0] * letters[0] < weight[-1] * letters[-1]


def test_answers_that_were_cut_are_remembered_but_not_learnt(tokenizer: Any) -> None:
    packed = Packer(tokenizer).pack([replace(TURNS[0], learnt=False), TURNS[1]], [(2, 2)])
    assert tokenizer.decode(packed.ids[packed.weights > 0]) == f"{TURNS[1].answer}<|im_end|>"
    assert TURNS[0].answer in tokenizer.decode(packed.ids)


def test_sequences_are_padded_along_the_sequence(tokenizer: Any) -> None:
    packer = Packer(tokenizer)
    batch = packer.collate([packer.pack(TURNS, [(8, 8)]), packer.pack(TURNS[:1], [(2, 2)])])
    length = batch.ids.shape[1]
    assert length % 32 == 0
    assert batch.positions.shape == (3, 2, length)
    assert batch.visual.sum(dim=1).tolist() == [64, 4]


def test_places_of_several_sequences_say_which_one_they_are_of(tokenizer: Any) -> None:
    packer = Packer(tokenizer)
    turns = [Turn("Where?", (("Here", cells), (".", ())), "where", pictures=1) for cells in ((1, 2), (3,))]
    packed = [packer.pack([turn], [(2, 2)]) for turn in turns]
    about = packer.collate(packed).about
    for sequence, one in enumerate(packed):
        assert about[about[:, 0] == sequence, 1:].tolist() == one.about.tolist()
