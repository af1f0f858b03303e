"""Stage 0b: the language model learns to converse about records, before there is a tower to give them.

The tower's part is played by the records themselves (`records.uncertain_records`), blurred the way an imperfect tower
would blur them, through one learnt Linear. Nothing has to be drawn or encoded, so this stage sees many more
conversations than joint training could; meanwhile the tower learns to give the very same records. Putting the two
together multiplies this Linear into the last Linear of the tower's merger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import dialogues, network, pairs, records
from training.dialogues import Turn
from training.packing import NOWHERE, SHORT, Batch, Packed, Packer
from training.scenes import MAX_SHAPES, Scene, random_scene
from training.tower import sizes_of_one_grid

SYSTEMS = ("You are a helpful assistant.", "Answer briefly.", "You look at pictures and answer questions about them.")


# What to copy is learnt where there is little to choose from, and which to copy in the other pictures.
FEW_SHAPES = 0.4
EMPTY, TWICE = 0.02, 0.06
"""Shares of pictures without any shape, and of pairs that are one picture twice."""
TWO_PICTURES = 0.4
"""Share of conversations about two pictures."""

TIME_PERIODS_S = torch.tensor([64.0, 20.0, 8.0, 3.0, 1.0])
KNOWN_WAVES = torch.from_numpy(records.waves(np.arange(1001)))
PROBE_WEIGHT = 0.3
PLACE_WEIGHT = 0.3
TIME_WEIGHT = 0.3
SIGHT_WEIGHT = 1.0
HEARD_WEIGHT = 0.5
RARE = (6.0, 6.0, 20.0)
"""What is told of a shape in a pair of frames is that it is new, is moving, has just turned, which all are rare: so
much more weighs what does.
"""


@dataclass(frozen=True, slots=True)
class Sights:
    """Of clips: the time of every visual token, and of those that hold a shape (`cells`) what goes on with it."""

    cells_s: Tensor
    cells: Tensor
    wanted: Tensor

    def to(self, device: torch.device) -> Sights:
        return Sights(self.cells_s.to(device), self.cells.to(device), self.wanted.to(device))


class RecordReader(nn.Module):
    """The Linear between a record and a token embedding."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(records.WIDTH, hidden)
        nn.init.normal_(self.project.weight, std=0.05)


class NumberProbe(nn.Module):
    """Reads, before the last layer, the waves of the coordinate whose digits are being written.

    A second teacher: fetching a coordinate from the right cell earns credit long before its digits come out right.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.read = nn.Linear(hidden, records.WAVES)
        nn.init.zeros_(self.read.weight)

    def forward(self, before_last: Tensor, batch: Batch) -> Tensor:
        """Mean squared error summed over waves; `before_last` is (n, length, hidden)."""
        numbers = batch.numbers[:, 1:]
        written = before_last[:, :-1][numbers >= 0]
        told = self.read(F.rms_norm(written, written.shape[-1:])).float()
        wanted = KNOWN_WAVES.to(told.device)[numbers[numbers >= 0]]
        return F.mse_loss(told, wanted, reduction="sum") / max(1, len(told))  # answers may be without any number


class PlaceProbe(nn.Module):
    """Points, before the last but one layer, at the visual tokens that the word being written speaks about.

    A third teacher: whom a phrase fits and who comes next is told at every token, instead of only where the answer
    shows it. The loss is the cross-entropy to an even share among these visual tokens, or to a learnt key of "none".
    """

    def __init__(self, hidden: int, width: int = 64) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, width)
        self.key = nn.Linear(hidden, width)
        self.none = nn.Parameter(torch.zeros(1, width))

    def forward(self, before: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss, and the share of tokens whose first guess is right; `before` is (n, length, hidden)."""
        before = F.rms_norm(before, before.shape[-1:])
        seen = batch.visual.sum(1)
        # The last column, `NOWHERE`, is the key of "none"; sequences with fewer visual tokens leave some others empty.
        keys = before.new_zeros(len(before), int(seen.max()) + 1, self.none.shape[1])
        sequence, place = batch.visual.nonzero(as_tuple=True)
        cell = (batch.visual.cumsum(1) - 1)[sequence, place]
        keys = keys.index_put((sequence, cell), self.key(before[sequence, place]))
        keys[:, NOWHERE] = self.none
        told, row = torch.unique(batch.about[:, :2], dim=0, return_inverse=True)
        sequence, place = told[:, 0], told[:, 1] - 1  # a token is chosen where the one before it stands
        scores = (self.query(before) @ keys.mT)[sequence, place].float() * keys.shape[-1] ** -0.5
        absent = torch.arange(keys.shape[1], device=scores.device) >= seen[sequence, None]
        absent[:, NOWHERE] = False
        logs = scores.masked_fill(absent, -torch.inf).log_softmax(-1)
        wanted = torch.zeros_like(absent)
        wanted[row, batch.about[:, 2]] = True
        loss = -logs.masked_fill(~wanted, 0.0).sum(-1) / wanted.sum(-1)
        right = wanted.gather(1, logs.argmax(-1, keepdim=True)).float()
        return loss.sum() / max(1, len(loss)), right.sum() / max(1, len(right))


class TimeProbe(nn.Module):
    """Holds times: those of the visual tokens early, those of an answer's digits late, both as waves.

    Copying a time that is written before a pair of frames into an answer takes two steps, and this teaches each.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.seen = nn.Linear(hidden, 2 * len(TIME_PERIODS_S))
        self.said = nn.Linear(hidden, 2 * len(TIME_PERIODS_S))
        for read in (self.seen, self.said):
            nn.init.zeros_(read.weight)

    def forward(self, early: Tensor, late: Tensor, batch: Batch, cells_s: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared errors summed over waves, of what is seen and of what is said; `cells_s` are the visual
        tokens' times.
        """
        said_s = batch.times_s[:, 1:]
        said = self.said(F.rms_norm(late[:, :-1][said_s >= 0], late.shape[-1:]))
        seen = self.seen(F.rms_norm(early[batch.visual], early.shape[-1:]))
        return _wave_error(seen, cells_s), _wave_error(said, said_s[said_s >= 0])


class SightProbe(nn.Module):
    """Tells, early, what goes on with a shape: is it new in this pair of frames, is it moving, has it just turned?"""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.read = nn.Linear(hidden, len(RARE))

    def forward(self, early: Tensor, batch: Batch, cells: Tensor, wanted: Tensor) -> Tensor:
        """Binary cross-entropy; `cells` are indices into all visual tokens, `wanted` (n, 3) is 0 or 1."""
        told = self.read(F.rms_norm(early[batch.visual][cells], early.shape[-1:])).float()
        return F.binary_cross_entropy_with_logits(told, wanted, pos_weight=told.new_tensor(RARE))


def _wave_error(told: Tensor, times_s: Tensor) -> Tensor:
    """Mean squared error, summed over waves, of (n, waves) against the sines and cosines of times in seconds."""
    angles = times_s.float().unsqueeze(-1) * (2 * torch.pi / TIME_PERIODS_S.to(times_s.device))
    return F.mse_loss(told.float(), torch.cat([angles.sin(), angles.cos()], dim=-1)) * told.shape[-1]


def random_conversation(
    rng: np.random.Generator,
    sizes: Sequence[tuple[int, int]],
    grid_hw: tuple[int, int],
    packer: Packer,
    few_shapes: float = 0.1,
    longest: int = SHORT,
) -> tuple[list[Scene], Packed]:
    """Scenes (none, one or two of the given sizes) and a packed conversation that shows them.

    `few_shapes` is the share of pictures with at most three shapes; a few are empty, and a few are shown twice. The
    conversation has at most `longest` tokens.
    """
    scenes, turns = random_talk(rng, sizes, grid_hw, few_shapes, longest)
    packed = packer.pack(
        turns,
        [grid_hw] * len(scenes),
        system=SYSTEMS[int(rng.integers(len(SYSTEMS)))] if rng.random() < 0.25 else "",
        number_pictures=bool(rng.random() < (0.5 if len(scenes) > 1 else 0.1)),
        max_length=longest,
    )
    return scenes[: int(packed.visual.sum()) // (grid_hw[0] * grid_hw[1])], packed


def random_talk(
    rng: np.random.Generator,
    sizes: Sequence[tuple[int, int]],
    grid_hw: tuple[int, int],
    few_shapes: float = 0.1,
    longest: int = SHORT,
) -> tuple[list[Scene], list[Turn]]:
    """The scenes of `random_conversation`, and about them more turns than fit into `longest` tokens."""
    form = rng.random()
    pictures = 0 if form < 0.05 else 2 if form < 0.05 + TWO_PICTURES else 1
    scenes = [random_scene(rng, size, _most_shapes(rng, few_shapes)) for size in sizes[:pictures]]
    if pictures == 2 and rng.random() < TWICE:
        scenes[1] = scenes[0]
    if not scenes:
        return scenes, dialogues.without_pictures(rng, longest // 50)
    return scenes, pairs.about_scenes(scenes, grid_hw, rng, longest // 23)


def _most_shapes(rng: np.random.Generator, few_shapes: float) -> int:
    form = rng.random()
    return 0 if form < EMPTY else 3 if form < EMPTY + few_shapes else MAX_SHAPES


def answer_loss(language: Any, hidden: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Weighted cross-entropy of the learnt tokens; the embedding is also the output layer."""
    learnt = batch.weights[:, 1:] > 0
    logits = F.linear(hidden[:, :-1][learnt], language.embed_tokens.weight).float()
    targets, weights = batch.ids[:, 1:][learnt], batch.weights[:, 1:][learnt]
    losses = F.cross_entropy(logits, targets, reduction="none")
    with torch.no_grad():
        right = (logits.argmax(-1) == targets)[weights >= 1.0].float().mean()
    return (losses * weights).sum() / weights.sum(), {"right": float(right)}


class Probes(nn.Module):
    """The teachers that listen to the language model's inner layers; they are not part of the model."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.numbers = NumberProbe(hidden)
        self.places = PlaceProbe(hidden)
        self.times = TimeProbe(hidden)
        self.sights = SightProbe(hidden)


def text_loss(
    language: Any,
    probes: Probes,
    batch: Batch,
    embeddings: Tensor,
    deep: list[Tensor],
    sights: Sights | None = None,
    heard: Callable[[Tensor], tuple[Tensor, dict[str, float]]] | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of answers and probes; `embeddings` hold the visual tokens already, `sights` tells of those of clips.

    `heard` is one more teacher, of the states of all visual tokens early in the model.
    """
    hidden, before = network.text_hidden(language, embeddings, batch.positions, batch.visual, deep)
    answers, metrics = answer_loss(language, hidden, batch)
    pointed, chosen = probes.places(before[-2], batch)
    loss = answers + PLACE_WEIGHT * pointed
    named = {"answers": answers, "places": pointed, "chosen": chosen}
    if sights is None:
        named["probe"] = probes.numbers(before[-1], batch)
        loss = loss + PROBE_WEIGHT * named["probe"]
    else:
        seen, said = probes.times(before[3], before[-1], batch, sights.cells_s)
        going_on = probes.sights(before[3], batch, sights.cells, sights.wanted)
        named |= {"seen": seen, "said": said, "sights": going_on}
        loss = loss + TIME_WEIGHT * (seen + said) + SIGHT_WEIGHT * going_on
    if heard is not None:
        named["heard"], more = heard(before[2][batch.visual])
        loss, metrics = loss + HEARD_WEIGHT * named["heard"], metrics | more
    return loss, {name: float(value.detach()) for name, value in named.items()} | metrics


def record_loss(
    language: Any, reader: RecordReader, probes: Probes, packer: Packer, rng: np.random.Generator, count: int
) -> tuple[Tensor, dict[str, float]]:
    """The loss of `count` conversations in which records take the place of pictures."""
    grid, sizes = sizes_of_one_grid(rng, 2 * count)
    told: list[np.ndarray] = []
    packed = []
    for index in range(count):
        scenes, one = random_conversation(rng, sizes[2 * index : 2 * index + 2], grid, packer, FEW_SHAPES)
        told += [records.uncertain_records(scene, grid, rng) for scene in scenes]
        packed.append(one)
    weight = language.embed_tokens.weight
    batch = packer.collate(packed).to(weight.device)
    visual = reader.project(torch.from_numpy(np.concatenate(told)).to(weight))
    embeddings = language.embed_tokens(batch.ids)
    embeddings = embeddings.masked_scatter(batch.visual.unsqueeze(-1), visual)
    return text_loss(language, probes, batch, embeddings, [])


def parameters(language: Any, reader: RecordReader, probes: Probes) -> dict[str, nn.Parameter]:
    named = {f"language.{name}": weight for name, weight in language.named_parameters()}
    named |= {f"reader.{name}": weight for name, weight in reader.named_parameters()}
    return named | {f"probes.{name}": weight for name, weight in probes.named_parameters()}
