"""Learning curves: a panel for each stage that has a log, and a picture that can be opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from training import curves


def write_log(folder: Path, stage: str, metric: str) -> None:
    rows = [{"step": 25 * step, "loss": 2.0 / step, metric: 1 - 0.5**step} for step in range(1, 9)]
    (folder / f"{stage}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("stages", [("tower",), ("joint", "letters"), tuple(curves.PANELS)])
def test_each_stage_with_a_log_has_a_panel(tmp_path: Path, stages: tuple[str, ...]) -> None:
    for stage in stages:
        write_log(tmp_path, stage, curves.PANELS[stage][0])
    with Image.open(curves.draw(tmp_path)) as picture:
        assert picture.size == (440 * len(stages), 440)
        light, dark = picture.convert("L").getextrema()
        assert (light, dark) == (0, 255)


def test_every_metric_of_a_panel_has_words() -> None:
    assert {metric for metrics in curves.PANELS.values() for metric in metrics} == set(curves.LABELS)
