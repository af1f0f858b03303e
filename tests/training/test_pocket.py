"""The stages of the pocket model, a step of each: what a stage begins with, and what it trains."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.fonts import needs_fonts
from training import pocket
from training.reading import LESSONS


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pocket.Run:
    """Steps of one or two samples, at a rate that leaves no weight as it was."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the test's own process is to be ended as before
    small = {name: replace(stage, batch=2) for name, stage in pocket.STAGES.items()}
    monkeypatch.setattr(pocket, "STAGES", small)
    monkeypatch.setattr(pocket, "CLIP_TOKENS", 400)
    monkeypatch.setattr(pocket, "PAGE_TOKENS", 400)
    monkeypatch.setattr(pocket, "LESSONS", dict.fromkeys(LESSONS, LESSONS["words"]))
    return pocket.Run(tmp_path, "cpu", steps=1, rate=1.0)


def weights(run: pocket.Run) -> dict[str, Tensor]:
    """What the stages of the whole model came to so far."""
    return {name: weight.detach().clone() for name, weight in pocket.begin(run).named().items()}


@needs_fonts
def test_each_stage_goes_on_from_the_ones_before_and_trains_its_own_part_alone(run: pocket.Run) -> None:
    pocket.RUNNERS["tower"](run)
    pocket.RUNNERS["language"](run)
    before = weights(run)
    for name in pocket.TOGETHER:
        pocket.RUNNERS[name](run)
        now = weights(run)
        changed = {weight for weight in now if not torch.equal(now[weight], before[weight])}
        trains = pocket.STAGES[name].trains
        assert all(weight.startswith(trains) for weight in changed)
        assert all(any(weight.startswith(prefix) for weight in changed) for prefix in trains)
        before = now
    with pytest.raises(SystemExit, match="Stage letters has gone on from joint already"):
        pocket.RUNNERS["joint"](run)
