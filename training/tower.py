"""Stage 0a: dense pre-training of the vision tower.

Every patch learns which shape covers it (kind, colour, box as numbers and as waves); every merged cell learns the
same, and writes the record of the shape whose centre it holds (`records`). Cross-entropy on answers alone does
not get a small tower to look at the picture within any reasonable time; this does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from training import network, records
from training.scenes import COLOR_NAMES, KINDS, Scene, draw, random_scene, random_size

SAMPLES_PER_PATCH = 4
_DEEP_LAYER = 2
RECORD_WEIGHT = 0.2
WAVE_WEIGHT = 1.5


@dataclass(slots=True)
class Pictures:
    """A batch of pictures of one grid with dense targets; `labels` index into the concatenated shapes (0: none)."""

    grid_hw: tuple[int, int]
    pixels: Tensor
    patch_labels: Tensor
    cell_labels: Tensor
    kinds: Tensor
    colors: Tensor
    waves: Tensor
    boxes: Tensor
    records: Tensor

    def to(self, device: torch.device) -> Pictures:
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "grid_hw"}
        return replace(self, **moved)


def grid_of(size_wh: tuple[int, int], max_pixels: int = network.MAX_PIXELS) -> tuple[int, int]:
    """Rows and columns of merged cells that the processor makes of a picture."""
    from qwen_vl_utils.vision_process import smart_resize

    height, width = smart_resize(
        size_wh[1], size_wh[0], network.CELL, min_pixels=network.MIN_PIXELS, max_pixels=max_pixels
    )
    return height // network.CELL, width // network.CELL


def sizes_of_one_grid(rng: np.random.Generator, count: int) -> tuple[tuple[int, int], list[tuple[int, int]]]:
    """`count` sizes of the domain that share a grid; the grid as likely as the domain makes it."""
    grid = grid_of(random_size(rng))
    sizes: list[tuple[int, int]] = []
    while len(sizes) < count:
        size = random_size(rng)
        for candidate in (size, (size[1], size[0])):
            if grid_of(candidate) == grid and len(sizes) < count:
                sizes.append(candidate)
    return grid, sizes


def as_model_input(picture: NDArray[np.uint8], grid_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize as the processor does (antialiased), here with OpenCV for speed."""
    size_wh = (grid_hw[1] * network.CELL, grid_hw[0] * network.CELL)
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def label_map(scene: Scene, grid_hw: tuple[int, int], first: int) -> NDArray[np.int32]:
    """Which shape (numbered from `first`) covers each of 4 x 4 samples a patch; 0 is background."""
    rows, columns = (cells * network.MERGE * SAMPLES_PER_PATCH for cells in grid_hw)
    canvas = np.zeros((rows, columns), dtype=np.int32)
    scale = np.array([columns / scene.size_wh[0], rows / scene.size_wh[1]])
    for index, shape in enumerate(scene.shapes):
        cv2.fillPoly(canvas, [np.round((shape.outline * scale - 0.5) * 16).astype(np.int32)], first + index, shift=4)
    return canvas


def _majority(canvas: NDArray[np.int32], block: int, least: int) -> NDArray[np.int64]:
    """The label that covers most of each block of samples, if it covers at least `least` of them."""
    rows, columns = canvas.shape[0] // block, canvas.shape[1] // block
    blocks = canvas.reshape(rows, block, columns, block).transpose(0, 2, 1, 3).reshape(rows * columns, block * block)
    labels = np.zeros(rows * columns, dtype=np.int64)
    for label in np.unique(canvas)[1:] if canvas.any() else ():
        counts = (blocks == label).sum(axis=1)
        labels[counts >= least] = label
    return labels


def _in_merge_order(labels: NDArray[np.int64], grid_hw: tuple[int, int]) -> NDArray[np.int64]:
    rows, columns = grid_hw
    return labels.reshape(rows, 2, columns, 2).transpose(0, 2, 1, 3).reshape(-1)


def dense_batch(scenes: Sequence[Scene], grid_hw: tuple[int, int], pixels: NDArray[np.uint8] | None = None) -> Pictures:
    """Lay out what every patch and cell should know of scenes, which are drawn unless their `pixels` are given."""
    if pixels is None:
        pixels = np.stack([as_model_input(draw(scene), grid_hw) for scene in scenes])
    patch_labels, cell_labels, targets = [], [], []
    attributes: list[tuple[int, int, NDArray[np.float32], NDArray[np.float64]]] = []
    for scene in scenes:
        first = len(attributes) + 1
        canvas = label_map(scene, grid_hw, first)
        cells = _majority(canvas, 2 * SAMPLES_PER_PATCH, 10)
        for index, shape in enumerate(scene.shapes):
            cells[records.cell_of(shape, scene.size_wh, grid_hw)] = first + index
            box = shape.xyxy / np.array(scene.size_wh * 2, dtype=np.float64)
            waves = records.waves(box * 1000)
            attributes.append((KINDS.index(shape.kind), COLOR_NAMES.index(shape.color), waves, box))
        patch_labels.append(_in_merge_order(_majority(canvas, SAMPLES_PER_PATCH, 5), grid_hw))
        cell_labels.append(cells)
        targets.append(records.exact_records(scene, grid_hw))
    kinds, colors, edge_waves, boxes = zip(*attributes, strict=True)
    return Pictures(
        grid_hw,
        torch.from_numpy(pixels),
        torch.from_numpy(np.stack(patch_labels)),
        torch.from_numpy(np.stack(cell_labels)),
        torch.tensor(kinds),
        torch.tensor(colors),
        torch.from_numpy(np.stack(edge_waves)),
        torch.from_numpy(np.stack(boxes)).float(),
        torch.from_numpy(np.stack(targets)),
    )


class DenseHeads(nn.Module):
    """Linear read-outs that exist only while the tower is trained."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        wide = 4 * hidden
        self.patch = nn.ModuleList(nn.Linear(hidden, len(KINDS) + len(COLOR_NAMES) + 5) for _ in range(2))
        self.cell = nn.Linear(wide, len(KINDS) + len(COLOR_NAMES))
        self.record = nn.Linear(wide, records.WIDTH)
        self.patch_waves = nn.Linear(hidden, 4 * records.WAVES)
        self.cell_waves = nn.Linear(wide, 4 * records.WAVES)
        for regression in (self.record, self.patch_waves, self.cell_waves):
            nn.init.zeros_(regression.weight)


def patch_loss(out: Tensor, batch: Pictures) -> tuple[Tensor, dict[str, float]]:
    """Covered or not, by which kind and colour, and the box of the shape that covers a patch."""
    labels = batch.patch_labels.reshape(-1)
    out = out.reshape(labels.numel(), -1).float()
    covered = labels > 0
    which = labels[covered] - 1
    inside = F.binary_cross_entropy_with_logits(out[:, 0], covered.float())
    seen = out[covered]
    kind = F.cross_entropy(seen[:, 5 : 5 + len(KINDS)], batch.kinds[which])
    color = F.cross_entropy(seen[:, 5 + len(KINDS) :], batch.colors[which])
    box = F.smooth_l1_loss(seen[:, 1:5], batch.boxes[which] * 4, beta=0.01) / 4
    error = float((seen[:, 1:5].detach() / 4 - batch.boxes[which]).abs().mean())
    return inside + kind + color + 40 * box, {
        "p_kind": float(kind.detach()),
        "p_color": float(color.detach()),
        "p_box": error,
    }


def cell_loss(out: Tensor, batch: Pictures) -> tuple[Tensor, dict[str, float]]:
    """Kind and colour of the shape that covers a merged cell (or has its centre there)."""
    labels = batch.cell_labels.reshape(-1)
    which = labels[labels > 0] - 1
    out = out.reshape(labels.numel(), -1)[labels > 0].float()
    kind = F.cross_entropy(out[:, : len(KINDS)], batch.kinds[which])
    color = F.cross_entropy(out[:, len(KINDS) :], batch.colors[which])
    return kind + color, {"kind": float(kind.detach()), "color": float(color.detach())}


def wave_loss(out: Tensor, labels: Tensor, batch: Pictures) -> tuple[Tensor, dict[str, float]]:
    """Squared error of the waves of the covering shape's edges, summed over periods; 0.5 each is knowing nothing."""
    covered = labels.reshape(-1) > 0
    target = batch.waves[labels.reshape(-1)[covered] - 1]
    told = out.reshape(labels.numel(), -1)[covered].float().view(target.shape)
    error = (told - target).square().mean(dim=(0, 1)).view(2, -1).mean(dim=0)
    finest = {"w0.2": float(error[-2].detach()), "w0.1": float(error[-1].detach())}
    return error.sum(), finest


def record_loss(told: Tensor, batch: Pictures) -> tuple[Tensor, dict[str, float]]:
    """Squared error of the records, so that they become probabilities; per shape, whatever the picture's size."""
    error = (told.float() - batch.records).square()
    shapes = max(1, len(batch.kinds))
    record = error.sum() / shapes
    present = float(error[..., records.PRESENT].detach().sum()) / shapes
    return record, {"present": present, "record": float(record.detach())}


def dense_loss(
    heads: DenseHeads, states: list[Tensor], inner: Tensor, batch: Pictures
) -> tuple[Tensor, dict[str, float]]:
    """What patches and cells know; `inner` are the merger's inner activations."""
    early, _ = patch_loss(heads.patch[0](states[_DEEP_LAYER]), batch)
    late, metrics = patch_loss(heads.patch[1](states[-1]), batch)
    cells, more = cell_loss(heads.cell(inner), batch)
    patch_waves, _ = wave_loss(heads.patch_waves(states[-1]), batch.patch_labels, batch)
    cell_waves, finest = wave_loss(heads.cell_waves(inner), batch.cell_labels, batch)
    return 0.5 * early + late + cells + WAVE_WEIGHT * (patch_waves + cell_waves), {**metrics, **more, **finest}


def tower_loss(visual: Any, heads: DenseHeads, batch: Pictures) -> tuple[Tensor, dict[str, float]]:
    states = network.vision_hidden(visual, network.patches_of(batch.pixels), batch.grid_hw)
    inner = network.merge(visual.merger, states[-1])
    dense, metrics = dense_loss(heads, states, inner, batch)
    record, more = record_loss(heads.record(inner), batch)
    return dense + RECORD_WEIGHT * record, {**metrics, **more}


def random_pictures(rng: np.random.Generator, count: int) -> Pictures:
    grid, sizes = sizes_of_one_grid(rng, count)
    return dense_batch([random_scene(rng, size) for size in sizes], grid)


def parameters(visual: Any, heads: DenseHeads) -> dict[str, nn.Parameter]:
    """What this stage trains; the merger's last Linear belongs to the language model's side."""
    named: dict[str, Any] = {f"visual.{name}": weight for name, weight in visual.named_parameters()}
    for name in list(named):
        if "deepstack" in name or "merger.linear_fc2" in name:
            del named[name]
    return named | {f"heads.{name}": weight for name, weight in heads.named_parameters()}
