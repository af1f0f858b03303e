"""Stage 1: tower and language model together, on drawn pictures and conversations about them.

Starts from what stages 0a and 0b learnt apart: the Linear that read records is multiplied into the merger, DeepStack
starts silent. The dense targets stay on as a second teacher, so that the tower goes on getting sharper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training import language, network, tower
from training.language import Probes
from training.packing import Packer
from training.scenes import Scene
from training.tower import DenseHeads

DENSE_WEIGHT = 0.6


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
    model: Any, heads: DenseHeads, probes: Probes, packer: Packer, rng: np.random.Generator, count: int
) -> tuple[Tensor, dict[str, float]]:
    """The loss of `count` conversations, most of them about one drawn picture."""
    visual, text = model.model.visual, model.model.language_model
    grid, sizes = tower.sizes_of_one_grid(rng, 2 * count)
    scenes: list[Scene] = []
    packed = []
    for index in range(count):
        drawn, one = language.random_conversation(rng, sizes[2 * index : 2 * index + 2], grid, packer)
        scenes += drawn
        packed.append(one)
    device = text.embed_tokens.weight.device
    pictures, batch = tower.dense_batch(scenes, grid).to(device), packer.collate(packed).to(device)
    states = network.vision_hidden(visual, network.patches_of(pictures.pixels), grid)
    inner = network.merge(visual.merger, states[-1])
    dense, metrics = tower.dense_loss(heads, states, inner, pictures)
    tokens, deep = network.vision_features(visual, states, inner)
    embeddings = text.embed_tokens(batch.ids)
    embeddings = embeddings.masked_scatter(batch.visual.unsqueeze(-1), tokens)
    deep = [features.flatten(0, 1) for features in deep]
    loss, more = language.text_loss(text, probes, batch, embeddings, deep)
    return loss + DENSE_WEIGHT * dense, more | metrics


def parameters(model: Any, heads: DenseHeads, probes: Probes) -> dict[str, nn.Parameter]:
    named = {f"model.{name}": weight for name, weight in model.named_parameters()}
    named |= {f"probes.{name}": weight for name, weight in probes.named_parameters()}
    return named | {f"heads.{n}": w for n, w in heads.named_parameters() if not n.startswith("record.")}
