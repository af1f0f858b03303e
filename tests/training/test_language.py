"""The probes that listen to the language model in training: what they demand, and what they let through."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from training import dialogues
from training.checkpoint import load_tokenizer
from training.dialogues import Turn, View
from training.language import PlaceProbe
from training.packing import Batch, Packer
from training.scenes import random_scene
from training.tower import grid_of

HIDDEN = 8


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer()


def batch_about(tokenizer: Any, *about: tuple[int, ...]) -> Batch:
    packer = Packer(tokenizer)
    return packer.collate(
        [packer.pack([Turn("Where?", (("Here.", cells),), "where", pictures=1)], [(2, 2)]) for cells in about]
    )


def test_a_probe_that_knows_nothing_spreads_over_the_visual_tokens_and_none(tokenizer: Any) -> None:
    batch = batch_about(tokenizer, (0,), (1, 2), ())
    loss, _ = PlaceProbe(HIDDEN)(torch.zeros(*batch.ids.shape, HIDDEN), batch)
    assert float(loss.detach()) == pytest.approx(math.log(4 + 1), abs=0.05)


def test_a_probe_learns_to_point_from_states_that_tell_the_place(tokenizer: Any) -> None:
    batch = batch_about(tokenizer, (0,), (3,), ())
    states = torch.zeros(*batch.ids.shape, HIDDEN)
    for sequence, place in enumerate((0, 3, 7)):
        states[sequence, :, place] = 1.0
        states[sequence, batch.visual[sequence]] = torch.eye(4, HIDDEN)
    torch.manual_seed(0)
    probe = PlaceProbe(HIDDEN)
    optimizer = torch.optim.Adam(probe.parameters(), lr=0.05)
    for _ in range(60):
        loss, right = probe(states, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(right) == 1.0
    assert float(loss.detach()) < 0.1


def test_the_loss_of_places_is_the_cross_entropy_to_an_even_share_of_them(tokenizer: Any) -> None:
    """Written out token by token, for sequences with different numbers of visual tokens."""
    packer = Packer(tokenizer)
    turns = [
        Turn("Where?", (("Here", cells), (" or there", None), (".", ())), "", pictures=1) for cells in ((0, 5), (1,))
    ]
    packed = [packer.pack([turn], [grid]) for turn, grid in zip(turns, [(2, 3), (1, 2)], strict=True)]
    batch = packer.collate(packed)
    torch.manual_seed(3)
    states, probe = torch.randn(*batch.ids.shape, HIDDEN), PlaceProbe(HIDDEN)
    torch.nn.init.normal_(probe.none)
    loss, _ = probe(states, batch)

    scaled = torch.nn.functional.rms_norm(states, states.shape[-1:])
    losses = []
    for sequence, one in enumerate(packed):
        keys = torch.cat([probe.key(scaled[sequence, batch.visual[sequence]]), probe.none])
        for token in sorted(set(one.about[:, 0].tolist())):
            cells = one.about[one.about[:, 0] == token, 1].tolist()
            shares = (keys @ probe.query(scaled[sequence, token - 1]) / math.sqrt(keys.shape[1])).log_softmax(0)
            losses.append(-sum(float(shares[cell].detach()) for cell in cells) / len(cells))
    assert len(losses) > 4
    assert float(loss.detach()) == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_where_no_place_is_told_there_is_nothing_to_lose(tokenizer: Any) -> None:
    packer = Packer(tokenizer)
    batch = packer.collate([packer.pack([Turn("Hello", (("Hello!", None),), "off_topic")], [])])
    loss, _ = PlaceProbe(HIDDEN)(torch.zeros(*batch.ids.shape, HIDDEN), batch)
    assert float(loss.detach()) == 0.0


def test_answers_in_json_tell_a_place_for_every_object() -> None:
    rng = np.random.default_rng(3)
    listed = 0
    for _ in range(60):
        scene = random_scene(rng)
        view = View.of(scene, grid_of(scene.size_wh))
        for turn in dialogues.detect(view, rng) + dialogues.point(view, rng):
            if turn.answer.startswith("```json"):
                *objects, (end, nowhere) = turn.said
                assert len(objects) == turn.answer.count('"label"')
                assert all(cells and len(cells) == 1 and cells[0] in view.cells for _, cells in objects)
                assert (end, nowhere) == ('"}\n]\n```', ())
                listed += 1
    assert listed > 60


def test_each_shape_of_a_relation_is_told_by_its_own_words() -> None:
    rng = np.random.default_rng(4)
    told = 0
    for _ in range(200):
        scene = random_scene(rng)
        view = View.of(scene, grid_of(scene.size_wh))
        for turn in dialogues.relation(view, rng):
            for text, cells in turn.named:
                assert len(cells or ()) == 1
                shape = view.shapes[view.cells.index((cells or ())[0])]
                assert text in (shape.name, shape.kind, f"{shape.color} shape")
            places = {cells for _, cells in turn.named}
            assert {cells for _, cells in turn.said if cells and len(cells) == 1} <= places
            told += 1
    assert told > 50
