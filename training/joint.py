"""The stages of the whole model: tower and language model together, on drawn pictures, clips, pages, and talk of them.

They start from what the two learnt apart: the Linear that read records is multiplied into the merger, DeepStack
starts silent. As long as the tower is trained, the dense targets stay on as a second teacher: it goes on getting
sharper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from training import footage, language, network, tower, watching
from training.columns import Placed, columns_of
from training.dialogues import Turn
from training.language import Probes, Sights
from training.letters import LetterHeads, in_merge_order
from training.packing import LONG, SHORT, Batch, Packed, Packer
from training.reading import Lesson, random_talk
from training.scenes import Scene
from training.tower import DenseHeads, Pictures

DENSE_WEIGHT = 0.6
CLIP_DENSE_WEIGHT = 0.2
LONG_SHARE = 0.2
WORDS = 280
"""Tokens of a conversation about a clip, beside the clip itself."""
CONTEXT = 4096
"""Tokens that the model can have before it, which the longest page and all that it says do not fill."""
REMEMBERED = 0.5
"""Share of conversations about pages in which the earlier answers are only remembered, as the program sends them."""
LONGER = 1.3
"""So much longer than the shortest one may a conversation about a page be that is packed together with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A picture as the model gets it, RGB of shape (height, width, 3), in its own grid, and the talk about it.

    `columns` are what the columns of its patches hold, letters and ends in merge order, where that is told.
    """

    pixels: Tensor
    grid_hw: tuple[int, int]
    packed: Packed
    columns: tuple[Tensor, Tensor] | None

    @property
    def length(self) -> int:
        return len(self.packed.ids)


def load_stage(path: Path, named: dict[str, nn.Parameter]) -> None:
    """Copy a stage's fp32 masters into the parameters it trained, in their order."""
    masters = torch.load(path, weights_only=True)["optimizer"]["masters"]
    with torch.no_grad():
        for weight, master in zip(named.values(), masters, strict=True):
            weight.copy_(master)


def assemble(model: Any, heads: DenseHeads, probes: Probes, run_dir: Path) -> None:
    """Put the tower and the language model of the two first stages into one model."""
    visual, text = model.model.visual, model.model.language_model
    reader = language.RecordReader(text.config.hidden_size)
    load_stage(run_dir / "tower.pt", tower.parameters(visual, heads))
    load_stage(run_dir / "language.pt", language.parameters(text, reader, probes))
    with torch.no_grad():
        last, project = visual.merger.linear_fc2, reader.project
        last.weight.copy_(project.weight @ heads.record.weight)
        last.bias.copy_(project.weight @ heads.record.bias + project.bias)
        for merger in visual.deepstack_merger_list:
            merger.linear_fc2.weight.zero_()
            merger.linear_fc2.bias.zero_()


def joint_loss(
    model: Any, heads: DenseHeads | None, probes: Probes, packer: Packer, rng: np.random.Generator, count: int
) -> tuple[Tensor, dict[str, float]]:
    """The loss of `count` conversations, most of them about one drawn picture; now and then of fewer, but long ones.

    `heads` read the tower out for the dense targets; without them it hears of none.
    """
    longest = SHORT
    if rng.random() < LONG_SHARE:
        count, longest = max(1, count * SHORT // LONG), LONG
    grid, sizes = tower.sizes_of_one_grid(rng, 2 * count)
    scenes: list[Scene] = []
    packed = []
    for index in range(count):
        drawn, one = language.random_conversation(rng, sizes[2 * index : 2 * index + 2], grid, packer, longest=longest)
        scenes += drawn
        packed.append(one)
    dense, answers, metrics = _losses(model, heads, probes, tower.dense_batch(scenes, grid), packer.collate(packed))
    return answers + DENSE_WEIGHT * dense, metrics


def clip_loss(
    model: Any,
    heads: DenseHeads | None,
    probes: Probes,
    packer: Packer,
    rng: np.random.Generator,
    most_tokens: int,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of conversations about clips, as many as have about `most_tokens` tokens in all."""
    frames = footage.random_frames(rng)
    pieces = footage.random_footage(rng, lambda cells: most_tokens // (frames // 2 * (cells + 9) + WORDS), frames)
    grid = pieces[0].grid_hw
    packed = [watching.packed(piece, packer, rng, WORDS) for piece in pieces]
    scenes = [scene for piece in pieces for scene in piece.scenes]
    pictures = tower.dense_batch(scenes, grid, np.concatenate([footage.pixels(piece, rng) for piece in pieces]))
    batch = packer.collate(packed)
    dense, answers, metrics = _losses(model, heads, probes, pictures, batch, watching.sights(pieces))
    return answers + CLIP_DENSE_WEIGHT * dense, {f"clip_{name}": value for name, value in metrics.items()}


def reading_loss(
    model: Any,
    heads: LetterHeads,
    probes: Probes,
    packer: Packer,
    rng: np.random.Generator,
    lesson: Lesson,
    most_tokens: int,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of conversations about pages, screens and charts, as many as have about `most_tokens` tokens in all."""
    runs = alike(random_readings(packer, rng, lesson, most_tokens))
    told = [_loss_of_readings(model, heads, probes, packer, run) for run in runs]
    weights = np.array([sum(float(one.packed.weights.sum()) for one in run) for run in runs])
    shares = (weights / weights.sum()).tolist()
    loss = torch.stack([share * part for share, (part, _) in zip(shares, told, strict=True)]).sum()
    means = {}
    for name in dict.fromkeys(name for _, more in told for name in more):
        has = [(more[name], share) for share, (_, more) in zip(shares, told, strict=True) if name in more]
        means[name] = float(np.average([value for value, _ in has], weights=[share for _, share in has]))
    means["pictures"] = float(sum(map(len, runs)))
    return loss, {f"read_{name}": mean for name, mean in means.items()}


def random_readings(packer: Packer, rng: np.random.Generator, lesson: Lesson, most_tokens: int) -> list[Reading]:
    """One conversation at least, and others until one is too long for the rest of `most_tokens`."""
    readings = [_random_reading(packer, rng, lesson)]
    left = most_tokens - readings[0].length
    while left > 0:
        one = _random_reading(packer, rng, lesson)
        left -= one.length
        if left >= 0:
            readings.append(one)
    return readings


def alike(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Conversations of about the same length each, so that little of a batch is padding."""
    runs: list[list[Reading]] = []
    for reading in sorted(readings, key=lambda reading: reading.length):
        if not runs or reading.length > LONGER * runs[-1][0].length:
            runs.append([])
        runs[-1].append(reading)
    return runs


def _random_reading(packer: Packer, rng: np.random.Generator, lesson: Lesson) -> Reading:
    talk = random_talk(rng, lesson, lambda size_wh: tower.grid_of(size_wh, network.PAGE_PIXELS))
    turns = remembered(talk.turns) if rng.random() < REMEMBERED else talk.turns
    packed = packer.pack(turns, [talk.grid_hw], system=talk.system, max_length=CONTEXT)
    columns = _columns(talk.letters, talk.pixels, talk.grid_hw) if talk.letters else None
    return Reading(torch.from_numpy(_resized(talk.pixels, talk.grid_hw)), talk.grid_hw, packed, columns)


def _columns(letters: Placed, pixels: NDArray[np.uint8], grid_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """What the columns of a picture's patches hold once it has the size of its grid, in merge order."""
    height, width, _ = pixels.shape
    scaled = letters.scaled((grid_hw[1] * network.CELL / width, grid_hw[0] * network.CELL / height))
    held, ends = (torch.from_numpy(array[None]) for array in columns_of(scaled, (0, 0), grid_hw))
    return in_merge_order(held, grid_hw), in_merge_order(ends, grid_hw)


def _resized(pixels: NDArray[np.uint8], grid_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """To the last pixel as the program does it; `tower.as_model_input` is faster, but type comes out softer."""
    size_wh = grid_hw[1] * network.CELL, grid_hw[0] * network.CELL
    return np.array(Image.fromarray(pixels).resize(size_wh, Image.Resampling.BICUBIC))


def remembered(turns: Sequence[Turn]) -> list[Turn]:
    """A conversation in which only the last answer is to be learnt; the others come in tokens as the program's do."""
    *earlier, last = turns
    return [*(replace(turn, said=((turn.answer, None),), learnt=False) for turn in earlier), last]


def _loss_of_readings(
    model: Any, heads: LetterHeads, probes: Probes, packer: Packer, readings: Sequence[Reading]
) -> tuple[Tensor, dict[str, float]]:
    """The loss of the answers, and of what the language model holds of each visual token.

    The tower sees pictures of one grid together.
    """
    visual, text = model.model.visual, model.model.language_model
    device = text.embed_tokens.weight.device
    seen: list[list[Tensor]] = []
    readings = sorted(readings, key=lambda reading: reading.grid_hw)
    for grid_hw, alike in groupby(readings, lambda reading: reading.grid_hw):
        pixels = torch.stack([reading.pixels for reading in alike]).to(device)
        states = network.vision_hidden(visual, network.patches_of(pixels), grid_hw)
        tokens, deep = network.vision_features(visual, states, network.merge(visual.merger, states[-1]))
        seen.append([features.flatten(0, 1) for features in (tokens, *deep)])
    batch = packer.collate([reading.packed for reading in readings]).to(device)
    tokens, *deep = (torch.cat(features) for features in zip(*seen, strict=True))
    embeddings = text.embed_tokens(batch.ids).masked_scatter(batch.visual.unsqueeze(-1), tokens)
    told = [reading.columns for reading in readings if reading.columns is not None]
    if len(told) < len(readings):  # screens and charts, of which letters are not told
        return language.text_loss(text, probes, batch, embeddings, deep)
    letters, ends = (torch.cat(columns).to(device) for columns in zip(*told, strict=True))
    return language.text_loss(
        text, probes, batch, embeddings, deep, heard=lambda states: heads.heard(states, letters, ends)
    )


def _losses(
    model: Any, heads: DenseHeads | None, probes: Probes, pictures: Pictures, batch: Batch, sights: Sights | None = None
) -> tuple[Tensor | float, Tensor, dict[str, float]]:
    """The losses of the tower's dense targets and of the answers; `pictures` are the batch's, in its order."""
    visual, text = model.model.visual, model.model.language_model
    device = text.embed_tokens.weight.device
    pictures, batch = pictures.to(device), batch.to(device)
    states = network.vision_hidden(visual, network.patches_of(pictures.pixels), pictures.grid_hw)
    inner = network.merge(visual.merger, states[-1])
    dense, metrics = tower.dense_loss(heads, states, inner, pictures) if heads else (0.0, {})
    tokens, deep = network.vision_features(visual, states, inner)
    embeddings = text.embed_tokens(batch.ids)
    embeddings = embeddings.masked_scatter(batch.visual.unsqueeze(-1), tokens)
    deep = [features.flatten(0, 1) for features in deep]
    loss, more = language.text_loss(text, probes, batch, embeddings, deep, sights.to(device) if sights else None)
    return dense, loss, more | metrics


def parameters(model: Any, heads: DenseHeads, probes: Probes) -> dict[str, nn.Parameter]:
    named = {f"model.{name}": weight for name, weight in model.named_parameters()}
    named |= {f"probes.{name}": weight for name, weight in probes.named_parameters()}
    return named | {f"heads.{n}": w for n, w in heads.named_parameters() if not n.startswith("record.")}
