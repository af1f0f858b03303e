"""Conversations as token sequences: ChatML with visual placeholders, M-RoPE positions and the label mask.

System and user tokens are never learnt; an assistant's tokens and its `<|im_end|>` are. Knows tokens and grids;
nothing about pictures or networks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.dialogues import Cells, Spelled, Turn

# The last digit of a coordinate is finer than the pictures are; hunting for it would drown the other digits.
LAST_DIGIT_WEIGHT = 0.05
# A sentence has few words that matter among many digits of other answers.
SENTENCE_WEIGHT = 3.0
TENTHS_WEIGHT = 0.3
EVENTS_WEIGHT = 2.0
"""The same for the JSON of events, in which only times and a few words are not always the same."""
SKELETON_WEIGHT = 0.5
"""What stands around the words of a page is mostly the same, but it is also what tells a heading from a cell."""
FEW_LETTERS = 20
"""So many letters of a page may weigh as much as a sentence; from the page that is read whole each weighs less."""
SHORT, LONG = 416, 1200
"""Tokens of a usual conversation, and of one that goes on and on."""
NOWHERE = -1
"""In `Packed.about`: none of the visual tokens."""
_TIME = re.compile(rb"(?:(\d\d):)?(\d+\.\d)")
# A box or a point in JSON, in HTML and in Markdown.
_PLACE = re.compile(
    rb'(?:"(?:bbox_2d|point_2d|coordinate)": \[|data-bbox="|<!-- (?:Table|Image) \()(?P<numbers>\d+(?:,? \d+)+)'
)
_NUMBER = re.compile(rb"\d+")


@dataclass(frozen=True, slots=True)
class Packed:
    """One sequence.

    `ids` (length), `weights` (length; 0 where not learnt), `positions` (3, length), `visual` (length, bool), `numbers`
    (length): the coordinate 0-1000 that a token is a digit of, else -1. `about` (n, 2): a learnt token and a visual
    token that it speaks about, or that a phrase speaks about which ended just before it, or `NOWHERE`; in no row is
    a token of which that is not told. `times_s` (length): the time that a digit of an answer belongs to, else -1.
    """

    ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    positions: NDArray[np.int64]
    visual: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    about: NDArray[np.int64]
    times_s: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded tensors of `Packed` sequences; `weights[:, i]` is for predicting `ids[:, i]`.

    `about` (n, 3) is not padded: before token and visual token it has the sequence that both are of.
    """

    ids: Tensor
    weights: Tensor
    positions: Tensor
    visual: Tensor
    numbers: Tensor
    about: Tensor
    times_s: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


class Packer:
    """Writes conversations the way the chat template does."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}
        vocabulary = tokenizer.get_vocab()
        self._start, self._end = vocabulary["<|im_start|>"], vocabulary["<|im_end|>"]
        self._frame = vocabulary["<|vision_start|>"], vocabulary["<|vision_end|>"]
        self._image, self._video = vocabulary["<|image_pad|>"], vocabulary["<|video_pad|>"]
        self._pad = vocabulary["<|endoftext|>"]
        self._digits = {vocabulary[digit]: digit for digit in "0123456789"}
        self._fence = self.encode("```json")[0]
        # A letter of byte-level BPE stands for a byte.
        self._bytes = np.array([len(token) for token in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))])

    def encode(self, text: str) -> tuple[int, ...]:
        if text not in self._known:
            if len(self._known) > 50_000:
                self._known.clear()
            self._known[text] = tuple(self.tokenizer.encode(text, add_special_tokens=False))
        return self._known[text]

    def pack(
        self,
        turns: Sequence[Turn],
        grids_hw: Sequence[tuple[int, int]],
        *,
        system: str = "",
        number_pictures: bool = False,
        pairs_s: Sequence[float] | None = None,
        max_length: int = SHORT,
    ) -> Packed:
        """Pack as many turns as fit into `max_length` tokens; each brings its `pictures` along.

        With `pairs_s` these are no pictures but the pairs of a video's frames at these times.
        """
        ids: list[int] = []
        weights: list[float] = []
        numbers: list[int] = []
        about: list[tuple[int, int]] = []
        times_s: list[float] = []

        def add(tokens: Sequence[int], told: Sequence[Cells | None] = ()) -> None:
            for place, cells in enumerate(told, len(ids)):
                about.extend((place, cell) for cell in (() if cells is None else cells or (NOWHERE,)))
            ids.extend(tokens)

        if system:
            add((self._start, *self.encode("system\n"), *self.encode(system), self._end, *self.encode("\n")))
        shown = 0
        for turn in turns:
            if pairs_s is None:
                pictures = self._pictures(grids_hw, shown, turn.pictures, number_pictures)
            else:
                pictures = self._pairs(grids_hw, pairs_s) if shown == 0 else ()
            question, (answer, is_letter) = self.encode(turn.question), self._written(turn)
            if ids and len(ids) + len(pictures) + len(question) + len(answer) + 8 > max_length:
                break
            shown += turn.pictures
            add((self._start, *self.encode("user\n"), *pictures))
            add((*question, self._end), self._named(question, turn))
            add((*self.encode("\n"), self._start, *self.encode("assistant\n")))
            weights += [0.0] * (len(ids) - len(weights))
            numbers += [-1] * (len(ids) - len(numbers))
            times_s += [-1] * (len(ids) - len(times_s))
            add(answer, self._about(answer, turn))
            coordinates = self._coordinates(answer, turn.answer) if turn.learnt else [-1] * len(answer)
            if not turn.learnt:
                weights += [0.0] * len(answer)
            elif pairs_s is None:
                weights += self._answer_weights(answer, is_letter, coordinates)
            else:
                weights += self._weights_of_times(answer)
            numbers += coordinates
            times_s += self._times(answer, turn.answer) if pairs_s and turn.learnt else [-1] * len(answer)
            add(self.encode("\n"))
        tokens = np.array(ids)
        visual = (tokens == self._image) | (tokens == self._video)
        weights += [0.0] * (len(ids) - len(weights))
        numbers += [-1] * (len(ids) - len(numbers))
        times_s += [-1] * (len(ids) - len(times_s))
        positions = rope_positions(visual, grids_hw)
        told = np.array(numbers), np.array(about, dtype=np.int64).reshape(-1, 2), np.array(times_s, dtype=np.float32)
        return Packed(tokens, np.array(weights, dtype=np.float32), positions, visual, *told)

    def _written(self, turn: Turn) -> tuple[list[int], list[bool]]:
        """An answer's tokens and its end, and which of them are letters of a spelled word."""
        tokens: list[int] = []
        is_letter: list[bool] = []
        for is_spelled, pieces in groupby((text for text, _ in turn.said), lambda text: isinstance(text, Spelled)):
            text = "".join(pieces)
            tokens += [token for part in (text if is_spelled else [text]) for token in self.encode(part)]
            is_letter += [is_spelled] * (len(tokens) - len(is_letter))
        return [*tokens, self._end], [*is_letter, False]

    def _pictures(
        self, grids_hw: Sequence[tuple[int, int]], shown: int, new: int, number_pictures: bool
    ) -> tuple[int, ...]:
        tokens: list[int] = []
        for number, (rows, columns) in enumerate(grids_hw[shown : shown + new], shown + 1):
            tokens += self.encode(f"Picture {number}: ") if number_pictures else ()
            tokens += [self._frame[0], *[self._image] * (rows * columns), self._frame[1]]
        return tuple(tokens)

    def _pairs(self, grids_hw: Sequence[tuple[int, int]], pairs_s: Sequence[float]) -> tuple[int, ...]:
        """What the processor makes of a video: each pair of frames with its time before it, and a frame around all."""
        tokens = [self._frame[0]]
        for (rows, columns), pair_s in zip(grids_hw, pairs_s, strict=True):
            tokens += self.encode(f"<{pair_s:.1f} seconds>")
            tokens += [self._frame[0], *[self._video] * (rows * columns), self._frame[1]]
        return (*tokens, self._frame[1])

    def _weights_of_times(self, answer: list[int]) -> list[float]:
        """Of an answer about a video: what stands behind the point of a number matters little."""
        usual = EVENTS_WEIGHT if answer[0] == self._fence else SENTENCE_WEIGHT
        point = self.encode("3.2")[1]
        behind = [
            index > 0 and answer[index - 1] == point and token in self._digits for index, token in enumerate(answer)
        ]
        return [usual * (TENTHS_WEIGHT if is_behind else 1.0) for is_behind in behind]

    def _answer_weights(self, answer: list[int], is_letter: list[bool], coordinates: list[int]) -> list[float]:
        is_number = [number >= 0 for number in coordinates]
        letters = sum(is_letter)
        usual = 1.0 if any(is_number) or answer[0] == self._fence else SENTENCE_WEIGHT
        if letters:
            usual = min(SENTENCE_WEIGHT, max(1.0, SENTENCE_WEIGHT * math.sqrt(FEW_LETTERS / letters)))
        weights = [usual] * len(answer)
        for index in range(len(answer) - 1):
            if letters and not (is_letter[index] or is_number[index]):
                weights[index] *= SKELETON_WEIGHT
            elif index > 1 and all(is_number[index - 2 : index + 1]):
                weights[index] *= LAST_DIGIT_WEIGHT
        return weights

    def _about(self, answer: Sequence[int], turn: Turn) -> list[Cells | None]:
        """For each token of an answer what the piece is about that its last letter is in."""
        ends = np.cumsum([len(text.encode()) for text, _ in turn.said])
        places = np.searchsorted(ends, np.minimum(self._ends(answer[:-1]), ends[-1]))
        return [turn.said[place][1] for place in (*places, len(turn.said) - 1)]

    def _named(self, question: Sequence[int], turn: Turn) -> list[Cells | None]:
        """The same for a question and the token behind it: told right after each phrase."""
        told: list[Cells | None] = [None] * (len(question) + 1)
        ends, place = self._ends(question), 0
        for phrase, cells in turn.named:
            place = turn.question.lower().index(phrase.lower(), place) + len(phrase)
            told[int(np.searchsorted(ends, len(turn.question[:place].encode()))) + 1] = cells
        return told

    def _ends(self, tokens: Sequence[int]) -> NDArray[np.int64]:
        """Where each token ends, in bytes of the text."""
        return np.cumsum(self._bytes[list(tokens)])

    def _coordinates(self, answer: Sequence[int], text: str) -> list[int]:
        """For each token the coordinate of a box or a point that it is a digit of, or -1."""
        ends, written = self._ends(answer[:-1]), text.encode()
        numbers = [-1] * len(answer)
        for place in _PLACE.finditer(written):
            for match in _NUMBER.finditer(written, *place.span("numbers")):
                first, last = np.searchsorted(ends, [match.start(), match.end() - 1], side="right")
                numbers[first : last + 1] = [int(match[0])] * (last + 1 - first)
        return numbers

    def _times(self, answer: Sequence[int], text: str) -> list[float]:
        """For each token the time in seconds that it is a digit of, or -1."""
        ends = self._ends(answer[:-1])
        times_s = [-1.0] * len(answer)
        for match in _TIME.finditer(text.encode()):
            first, last = np.searchsorted(ends, [match.start(), match.end() - 1], side="right")
            seconds = float(match[2]) + 60 * int(match[1] or 0)
            times_s[first : last + 1] = [seconds] * (last + 1 - first)
        return times_s

    def collate(self, packed: Sequence[Packed], multiple: int = 32) -> Batch:
        longest = -(-max(len(one.ids) for one in packed) // multiple) * multiple

        def padded(name: str, fill: float, axis: int = 0) -> Tensor:
            arrays = [getattr(one, name) for one in packed]
            missing = [longest - array.shape[axis] for array in arrays]
            widths = [[(0, more if a == axis else 0) for a in range(arrays[0].ndim)] for more in missing]
            stacked = [np.pad(array, width, constant_values=fill) for array, width in zip(arrays, widths, strict=True)]
            return torch.from_numpy(np.stack(stacked))

        positions = padded("positions", 0, axis=1).transpose(0, 1).contiguous()
        about = [np.insert(one.about, 0, sequence, axis=1) for sequence, one in enumerate(packed)]
        return Batch(
            *(padded("ids", self._pad), padded("weights", 0.0), positions, padded("visual", False)),
            *(padded("numbers", -1), torch.from_numpy(np.concatenate(about)), padded("times_s", -1)),
        )


def rope_positions(visual: NDArray[np.bool_], grids_hw: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """M-RoPE positions (temporal, height, width) as `Qwen3VLModel.get_rope_index` gives them for still pictures."""
    positions = np.zeros((3, len(visual)), dtype=np.int64)
    grids = iter(grids_hw)
    index, current = 0, 0
    while index < len(visual):
        if not visual[index]:
            positions[:, index] = current
            index, current = index + 1, current + 1
            continue
        rows, columns = next(grids)
        cells = np.arange(rows * columns)
        positions[:, index : index + len(cells)] = current + np.stack([cells * 0, cells // columns, cells % columns])
        index, current = index + len(cells), current + max(rows, columns)
    return positions
