"""Dense pre-training of the vision tower, second part: which letter stands where.

Each of a patch's columns (`columns`) learns which letter has its middle there, if any, and whether that letter ends a
word or a line; later the language model has to hold the same of every visual token that it is given. Pages and sheets
of random type are seen through small windows. What the tower knew before is kept by comparison with a copy of itself on
the pictures and clips of old.

Knows pages and networks; nothing about what an answer says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from training import footage, lexicon, network, tower
from training.columns import COLUMNS, LETTERS, NOTHING, Placed, columns_of, placed_of
from training.documents import random_page
from training.layout import random_style
from training.lexicon import pick
from training.pages import Page, Sheet
from training.scenes import draw, random_scene
from training.typesetting import Style
from training.wear import random_wear, worn

SHEET_SHARE = 0.7
"""Of windows onto sheets of random type; the others show pages."""
WORN_SHARE = 0.5
SIZES_PX = (15, 38)
GRIDS_HW = ((8, 8), (6, 10), (4, 12), (10, 6), (12, 12), (2, 16), (1, 24), (2, 32), (32, 6), (20, 12), (16, 16))
"""Rows and columns of cells of a window: as far in each direction as a page goes."""
PAGE_PX = (18, 30)
_STYLES: tuple[Style, ...] = ("regular", "regular", "bold", "italic")
_EARLY_WEIGHT, _KEPT_WEIGHT = 0.3, 20.0
_KEPT_SHARE = 0.5
"""Of steps in which the pictures of old are looked at too."""
_RARE = 6.5
"""How sure a read-out is from the start that there is nothing: of ten columns or more one has a letter, one of 100."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Pictures (n, height, width, 3) of one grid. `letters` (n, rows of patches, columns) are numbers of letters,
    `ends` (n, rows, columns, 2) whether a letter is the last one of its word and of its line.
    """

    grid_hw: tuple[int, int]
    pixels: Tensor
    letters: Tensor
    ends: Tensor

    def to(self, device: torch.device) -> Windows:
        moved = (tensor.to(device) for tensor in (self.pixels, self.letters, self.ends))
        return Windows(self.grid_hw, *moved)


def random_windows(rng: np.random.Generator, count: int) -> Windows:
    """About as many windows as fill `count` of 64 cells, four onto each sheet or page."""
    grid = GRIDS_HW[int(rng.integers(len(GRIDS_HW)))]
    count = max(2, round(count * 64 / (grid[0] * grid[1])))
    seen: list[tuple[NDArray[Any], ...]] = []
    while len(seen) < count:
        page = random_sheet(rng, grid) if rng.random() < SHEET_SHARE else random_page(rng, text_px=PAGE_PX)
        placed = placed_of(page)
        seen += [_window(rng, page, placed, grid) for _ in range(min(4, count - len(seen)))]
    pixels, letters, ends = (torch.from_numpy(np.stack(arrays)) for arrays in zip(*seen, strict=True))
    return Windows(grid, pixels, letters, ends)


def random_sheet(rng: np.random.Generator, grid_hw: tuple[int, int] = (8, 8)) -> Page:
    """Lines of random type below one another, each in its own face and size, on more than a window of this grid."""
    height, width = (max(512, (cells + 1) * network.CELL) for cells in grid_hw)
    style = random_style(rng, 20, dark_share=0.15)
    sheet = Sheet((width, height), style.paper)
    y = int(rng.integers(0, 12))
    while True:
        size_px = round(SIZES_PX[0] * (SIZES_PX[1] / SIZES_PX[0]) ** float(rng.random()))
        other = random_style(rng, size_px, dark_share=float(style.is_dark))
        font = other.font(pick(rng, _STYLES))
        if y + font.height_px > height:
            break
        text = font.wrap(_type(rng, width // size_px * 2), width - 12)[0]
        if font.advance_px(text) < width - 8:
            sheet.put((int(rng.integers(2, 8)), y), text, font, other.ink)
            y += round(font.height_px * float(rng.uniform(1.0, 1.4)))
    sheet.end("text")
    page = sheet.finished("sheet")
    return worn(page, random_wear(rng, page)) if rng.random() < WORN_SHARE else page


def _type(rng: np.random.Generator, length: int) -> str:
    """Words about as long as `length` letters, or any letters in groups, that rare ones are seen as well."""
    if rng.random() < 0.55:
        text = lexicon.paragraph(rng, length + 40)
        return text.upper() if rng.random() < 0.1 else text
    form = rng.random()
    among = "0123456789.,:/-%$€£" if form < 0.4 else LETTERS
    words = ["".join(rng.choice(list(among), size=int(rng.integers(1, 9)))) for _ in range(length // 5 + 1)]
    return " ".join(words)


def _window(
    rng: np.random.Generator, page: Page, placed: Placed, grid_hw: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    """A part of a page around one of its letters, and what its columns hold."""
    height, width = (cells * network.CELL for cells in grid_hw)
    x, y = placed.xy[int(rng.integers(len(placed.xy)))]
    left = int(x - rng.uniform(0.1, 0.9) * width)
    top = int(y - rng.uniform(0.1, 0.9) * height)
    left = max(0, min(left, page.size_wh[0] - width))
    top = max(0, min(top, page.size_wh[1] - height))
    part = page.image[top : top + height, left : left + width]
    below, beside = height - part.shape[0], width - part.shape[1]
    pixels = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    return np.asarray(pixels, np.uint8), *columns_of(placed, (left, top), grid_hw)


class LetterHeads(nn.Module):
    """Linear read-outs of what the columns of patches and of merged cells hold, and of what the language model holds of
    a visual token early. They exist only while it is learnt.
    """

    def __init__(self, hidden: int, text_hidden: int) -> None:
        super().__init__()
        self.width = len(LETTERS) + 3
        self.early = nn.Linear(hidden, COLUMNS * self.width)
        self.patch = nn.Linear(hidden, COLUMNS * self.width)
        cells = network.MERGE * network.MERGE
        self.cell = nn.Linear(cells * hidden, cells * COLUMNS * self.width)
        self.token = nn.Linear(text_hidden, cells * COLUMNS * self.width)
        for head in (self.early, self.patch, self.cell, self.token):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.constant_(head.bias.view(-1, self.width)[:, 2 + NOTHING], _RARE)

    def heard(self, states: Tensor, letters: Tensor, ends: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The loss of (n, text hidden) states of visual tokens; what their columns hold is in merge order."""
        out = self.token(F.rms_norm(states, states.shape[-1:]))
        return _read_out(out, letters, ends, self.width)


def letter_loss(visual: Any, heads: LetterHeads, windows: Windows) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the columns' letters and of their ends, each for one letter of the windows."""
    states = network.vision_hidden(visual, network.patches_of(windows.pixels), windows.grid_hw)
    inner = network.merge(visual.merger, states[-1])
    letters, ends = (in_merge_order(held, windows.grid_hw) for held in (windows.letters, windows.ends))
    early, _ = _read_out(heads.early(states[2]), letters, ends, heads.width)
    late, _ = _read_out(heads.patch(states[-1]), letters, ends, heads.width)
    cells, rates = _read_out(heads.cell(inner), letters, ends, heads.width)
    loss = _EARLY_WEIGHT * early + late + cells
    return loss, {"letters": float(late.detach()), "cell_letters": float(cells.detach()), **rates}


def in_merge_order(held: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """What columns (n, rows, columns, ...) hold, in the order of patches: (n * patches * COLUMNS, ...)."""
    rows, columns = grid_hw
    blocks = held.reshape(-1, rows, network.MERGE, columns, network.MERGE, COLUMNS, *held.shape[3:])
    return blocks.transpose(2, 3).flatten(0, 5)


def _read_out(out: Tensor, letters: Tensor, ends: Tensor, width: int) -> tuple[Tensor, dict[str, float]]:
    out = out.reshape(-1, width).float()
    there = letters != NOTHING
    count = max(1, int(there.sum()))
    letter = F.cross_entropy(out[:, 2:], letters, reduction="sum") / count
    end = F.binary_cross_entropy_with_logits(out[there, :2], ends[there], reduction="sum") / count
    with torch.no_grad():
        said = out[:, 2:].argmax(-1)
        found, right = (said != NOTHING) & there, (said == letters) & there
        rates = {
            "found": float(found.sum()) / count,
            "named": float(right.sum()) / count,
            "made_up": float(((said != NOTHING) & ~there).sum()) / count,
        }
    return letter + end, rates


def loss(
    visual: Any, heads: LetterHeads, before: Any, rng: np.random.Generator, count: int
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a step: letters of about `count` windows, and at times a quarter as many pictures of old."""
    device = visual.pos_embed.weight.device
    letters, told = letter_loss(visual, heads, random_windows(rng, count).to(device))
    if rng.random() >= _KEPT_SHARE:
        return letters, told
    kept, more = kept_loss(visual, before, rng, max(1, count // 4))
    return letters + kept / _KEPT_SHARE, told | more


def kept_loss(visual: Any, before: Any, rng: np.random.Generator, count: int) -> tuple[Tensor, dict[str, float]]:
    """How far what the tower says of drawn pictures or clips is from what it said `before`, in its own deviations."""
    grid, pixels = _known_pictures(rng, count)
    patches = network.patches_of(torch.from_numpy(pixels).to(visual.pos_embed.weight.device))
    with torch.no_grad():
        wanted = _features(before, patches, grid)
    told = _features(visual, patches, grid)
    off = sum(F.mse_loss(a.float(), b.float()) / b.float().var() for a, b in zip(told, wanted, strict=True))
    assert isinstance(off, Tensor)
    return _KEPT_WEIGHT * off, {"kept": float(off.detach())}


def _features(visual: Any, patches: Tensor, grid_hw: tuple[int, int]) -> Sequence[Tensor]:
    states = network.vision_hidden(visual, patches, grid_hw)
    tokens, deep = network.vision_features(visual, states, network.merge(visual.merger, states[-1]))
    return [tokens, *deep]


def _known_pictures(rng: np.random.Generator, count: int) -> tuple[tuple[int, int], NDArray[np.uint8]]:
    """Pixels of drawn pictures or of a clip's pairs of frames, and their grid."""
    if rng.random() < 0.5:
        grid, sizes = tower.sizes_of_one_grid(rng, count)
        pictures = [tower.as_model_input(draw(random_scene(rng, size)), grid) for size in sizes]
        return grid, np.stack(pictures)
    frames = footage.random_frames(rng)
    piece = footage.random_footage(rng, lambda cells: 1, frames)[0]
    pairs = footage.pixels(piece, rng)
    first = int(rng.integers(max(1, len(pairs) - 2 * count)))
    return piece.grid_hw, pairs[first : first + 2 * count]
