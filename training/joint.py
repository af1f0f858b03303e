"""The stages of the whole model: tower and language model together, on drawn pictures and clips and talk about them.

They start from what the two learnt apart: the Linear that read records is multiplied into the merger, DeepStack
starts silent. As long as the tower is trained, the dense targets stay on as a second teacher: it goes on getting
sharper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training import footage, language, network, tower, watching
from training.language import Probes, Sights
from training.packing import LONG, SHORT, Batch, Packer
from training.scenes import Scene
from training.tower import DenseHeads, Pictures

DENSE_WEIGHT = 0.6
CLIP_DENSE_WEIGHT = 0.2
LONG_SHARE = 0.2
WORDS = 280
"""Tokens of a conversation about a clip, beside the clip itself."""


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
