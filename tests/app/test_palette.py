"""The palette stays apart for every kind of colour sight, and labels keep their colours."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from app.palette import PALETTE, color_of, ink, label_order, luminance, rgb

# Machado, Oliveira, Fernandes (2009), full severity; applied to linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def _oklab(linear_rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    lab: npt.NDArray[np.float64] = np.array(to_lab) @ np.cbrt(np.array(to_cones) @ np.clip(linear_rgb, 0, 1))
    return lab


@pytest.mark.parametrize("sight", SIGHTS)
def test_all_pairs_are_clearly_different(sight: str) -> None:
    codes = np.array([rgb(color) for color in PALETTE]) / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    seen = [_oklab(np.array(SIGHTS[sight]) @ color) for color in linear]
    least = min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))
    assert least >= 0.09, "0.02 is a just noticeable difference in OKLab"


@pytest.mark.parametrize("color", PALETTE)
def test_a_label_on_its_colour_can_be_read(color: str) -> None:
    bright, dark = sorted((luminance(color), luminance(ink(color))), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_known_labels_keep_their_colours_when_new_ones_come() -> None:
    first = label_order(["cup", "spoon", "cup"])
    later = label_order(["fork", "spoon"], known=first)
    assert later == ("cup", "spoon", "fork")
    assert [color_of(label, later) for label in first] == [color_of(label, first) for label in first]


def test_after_the_last_colour_comes_the_first() -> None:
    labels = [str(number) for number in range(len(PALETTE) + 1)]
    assert color_of(labels[-1], labels) == color_of(labels[0], labels) == PALETTE[0]
