"""Records: what a cell should know, and the digits in which it knows it."""

from __future__ import annotations

import numpy as np
import pytest

from training import records
from training.scenes import random_scene


@pytest.mark.parametrize(("value", "slots"), [(0, [0, 10, 10]), (7, [7, 10, 10]), (43, [4, 3, 10]), (430, [4, 3, 0])])
def test_digits_are_left_aligned(value: int, slots: list[int]) -> None:
    assert records.digit_slots(value).tolist() == slots


@pytest.mark.parametrize(("value", "expected"), [(-3.0, 0), (0.0, 0), (128.0, 500), (255.9, 999), (256.0, 999)])
def test_coordinates_stay_in_0_to_999(value: float, expected: int) -> None:
    assert records.permille(value, 256) == expected


def read_back(record: np.ndarray) -> list[int]:
    slots = record[records.COORDS].reshape(6, records.SLOTS, records.SYMBOLS).argmax(axis=2)
    return [int("".join(str(symbol) for symbol in row if symbol < 10)) for row in slots]


def test_a_scene_can_be_read_back_from_its_records() -> None:
    scene = random_scene(np.random.default_rng(2), (512, 384))
    told = records.exact_records(scene, (7, 9))
    centers = np.nonzero(told[:, records.PRESENT])[0]
    ordered = records.reading_order(scene, (7, 9))
    assert [read_back(told[cell]) for cell in centers] == [
        records.coordinates(shape, scene.size_wh).tolist() for shape in ordered
    ]


def test_uncertain_records_are_probabilities_around_the_truth() -> None:
    scene = random_scene(np.random.default_rng(6), (400, 400))
    rng = np.random.default_rng(1)
    mean = np.mean([records.uncertain_records(scene, (8, 8), rng) for _ in range(200)], axis=0)
    assert mean[:, records.PRESENT].sum() == pytest.approx(len(scene.shapes), abs=0.1)
    first_digits = mean[:, records.COORDS].reshape(64, 6, records.SLOTS, records.SYMBOLS)[:, :, 0].sum(axis=(0, 2))
    assert first_digits == pytest.approx(np.full(6, len(scene.shapes)), abs=0.2)
