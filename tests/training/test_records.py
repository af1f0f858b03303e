"""Records: what a cell should know, and the waves in which it knows it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training import records
from training.scenes import random_scene


@pytest.mark.parametrize(("value", "expected"), [(-3.0, 0), (0.0, 0), (128.0, 500), (255.9, 999), (256.0, 999)])
def test_coordinates_stay_in_0_to_999(value: float, expected: int) -> None:
    assert records.permille(value, 256) == expected


def read_back(record: NDArray[np.float32]) -> list[int]:
    """The six numbers whose waves are nearest to a record's."""
    known = records.waves(np.arange(1000))
    told = record[records.COORDS].reshape(6, records.WAVES)
    return [int(((known - wave) ** 2).sum(axis=1).argmin()) for wave in told]


def test_a_scene_can_be_read_back_from_its_records() -> None:
    scene = random_scene(np.random.default_rng(2), (512, 384))
    told = records.exact_records(scene, (7, 9))
    centers = np.nonzero(told[:, records.PRESENT])[0]
    ordered = records.reading_order(scene, (7, 9))
    assert [read_back(told[cell]) for cell in centers] == [
        records.coordinates(shape, scene.size_wh).tolist() for shape in ordered
    ]


def test_blurred_waves_are_the_mean_of_exact_ones() -> None:
    rng = np.random.default_rng(0)
    many = records.waves(430 + rng.normal(0, 12, size=20_000))
    assert records.waves(np.array([430]), sigma=12)[0] == pytest.approx(many.mean(axis=0), abs=0.02)


def test_a_centre_between_two_cells_is_shared_by_them() -> None:
    scene = random_scene(np.random.default_rng(6), (400, 400))
    rng = np.random.default_rng(1)
    mean = np.mean([records.uncertain_records(scene, (8, 8), rng) for _ in range(200)], axis=0)
    assert mean[:, records.PRESENT].sum() == pytest.approx(len(scene.shapes), abs=0.1)
