"""Which letter stands where: the columns read back, their order, and what the tower is kept to."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from tests.training.drawing import text_of_columns
from tests.training.fonts import needs_fonts
from training import letters, network, pocket
from training.columns import COLUMNS, columns_of, placed_of
from training.documents import random_page

pytestmark = needs_fonts


@pytest.mark.parametrize("seed", range(12))
def test_the_columns_of_a_line_say_its_text(seed: int) -> None:
    page = random_page(np.random.default_rng(seed), "line", text_px=(28, 32), worn_share=0.5)
    width, height = page.size_wh
    grid = (-(-height // network.CELL), -(-width // network.CELL))
    held, ends = columns_of(placed_of(page), (0, 0), grid)
    assert text_of_columns(held, ends) == page.text


@pytest.mark.parametrize("seed", range(4))
def test_letters_stand_in_the_boxes_of_their_words(seed: int) -> None:
    page = random_page(np.random.default_rng(seed), "article", worn_share=1.0)
    for line in page.lines:
        at = iter(line.letters_xy)
        for word, (x1, y1, x2, y2) in line.words:
            for x, y in [next(at) for _ in word]:
                assert x1 - 3 <= x <= x2 + 3
                assert y1 - 4 <= y <= y2 + 4


def test_columns_are_in_the_order_of_patches() -> None:
    grid = (2, 3)
    rows, columns = grid[0] * network.MERGE, grid[1] * network.MERGE
    number = np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns)
    pixels = number.repeat(network.PATCH, 0).repeat(network.PATCH, 1)
    patches = network.patches_of(torch.from_numpy(np.stack([pixels] * 3, axis=-1)[None]))
    held = torch.from_numpy(number.astype(np.int64).repeat(COLUMNS, 1)[None])
    in_order = letters.in_merge_order(held, grid).reshape(-1, COLUMNS)
    seen = ((patches[0].mean(-1) + 1) * 127.5).round().long()
    assert in_order.tolist() == [[patch] * COLUMNS for patch in seen.tolist()]


def test_the_tower_learns_some_windows_and_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "GRIDS_HW", ((2, 8),))
    model, _, _ = pocket.build(torch.device("cpu"))
    visual = model.model.visual
    heads = letters.LetterHeads(model.config.vision_config.hidden_size, 256)
    windows = letters.random_windows(np.random.default_rng(3), 1)
    optimizer = torch.optim.AdamW([*visual.parameters(), *heads.parameters()], lr=3e-3)
    known = deepcopy(visual)
    assert letters.kept_loss(visual, known, np.random.default_rng(0), 1)[1]["kept"] == 0
    losses = []
    for _ in range(25):
        loss, _ = letters.letter_loss(visual, heads, windows)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]  # 0.8 is to know how rare letters are
    assert letters.kept_loss(visual, known, np.random.default_rng(0), 1)[1]["kept"] > 0
