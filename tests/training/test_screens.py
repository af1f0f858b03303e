"""Screens read back: what is said of an element is what is seen at its place."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from tests.training.fonts import needs_fonts
from training.canvas import overlap
from training.controls import KINDS, THEMES, Element
from training.icons import ICONS, icon_mask
from training.screens import MAX_SIDE, MIN_SIDE, Screen, random_screen
from training.typesetting import Xyxy

pytestmark = needs_fonts
COUNT = 60


@cache
def screen(seed: int) -> Screen:
    return random_screen(np.random.default_rng((7, seed)))


def every() -> list[Screen]:
    return [screen(seed) for seed in range(COUNT)]


def elements() -> list[tuple[Screen, Element]]:
    return [(one, element) for one in every() for element in one.elements]


def crop(one: Screen, xyxy: Xyxy) -> np.ndarray:
    x1, y1, x2, y2 = (int(side) for side in xyxy)
    return one.pixels[y1:y2, x1:x2].astype(int)


def test_one_seed_is_one_screen() -> None:
    again = random_screen(np.random.default_rng((7, 3)))
    assert np.array_equal(again.pixels, screen(3).pixels)
    assert (again.elements, again.runs, again.title) == (screen(3).elements, screen(3).runs, screen(3).title)
    assert not np.array_equal(again.pixels.shape, screen(4).pixels.shape)


def test_screens_are_many_and_various() -> None:
    sizes = [side for one in every() for side in one.size_wh]
    assert MIN_SIDE <= min(sizes) < 400
    assert 900 < max(sizes) <= MAX_SIDE
    assert all(one.pixels.dtype == np.uint8 and one.pixels.shape[2] == 3 for one in every())
    counts = Counter(element.kind for _, element in elements())
    assert set(counts) == set(KINDS)
    assert 0.03 < np.mean([not element.is_enabled for _, element in elements()]) < 0.4
    assert {element.is_on for _, element in elements()} == {None, True, False}
    darkness = [one.pixels.mean() < 110 for one in every()]
    assert 0.15 < np.mean(darkness) < 0.7
    assert len(THEMES) >= 8


def test_a_name_means_one_element() -> None:
    for one in every():
        names = [element.name.lower() for element in one.elements]
        assert len(set(names)) == len(names) > 0
        assert one.named(one.elements[-1].name) is one.elements[-1]
    with pytest.raises(KeyError):
        screen(0).named("no such thing")


def test_elements_are_on_the_screen_and_apart() -> None:
    for one in every():
        width, height = one.size_wh
        for element in one.elements:
            x1, y1, x2, y2 = element.xyxy
            assert 0 <= x1 < x2 <= width, element
            assert 0 <= y1 < y2 <= height, element
            assert all(side == int(side) for side in element.xyxy)
        for first, second in combinations(one.elements, 2):
            assert not overlap(first.xyxy, second.xyxy), (first, second)


def test_a_box_ends_where_the_element_ends() -> None:
    """Along each side of a box there is ink within it, and just outside there is nothing of that element."""
    for one, element in elements():
        x1, y1, x2, y2 = (int(side) for side in element.xyxy)
        inside = one.pixels[y1:y2, x1:x2].astype(int)
        around = one.pixels[max(0, y1 - 1) : y2 + 1, max(0, x1 - 1) : x2 + 1].astype(int)
        corner = around[0, 0]
        # Two pixels deep, because the outermost ink of a letter can be too faint to be seen.
        for edge in (inside[:2], inside[-2:], inside[:, :2], inside[:, -2:]):
            assert (np.abs(edge - corner).max(axis=-1) > 2).any(), (one.title, element)
        assert (np.abs(around[0] - corner).max(axis=-1) <= 2).all(), (one.title, element)
        assert (np.abs(around[:, 0] - corner).max(axis=-1) <= 2).all(), (one.title, element)


def test_names_are_written_at_their_elements() -> None:
    """The name of a button, tab, choice or menu is set within its box; that of a field or switch before or above it."""
    within = {"button", "tab", "check box", "radio button", "menu", "menu item", "link"}
    for one, element in elements():
        runs = [run for run in one.runs if run.text == element.name]
        if element.kind in within:
            assert any(holds(element.xyxy, run.xyxy) for run in runs), element
        elif element.kind != "icon":
            assert any(run.xyxy[0] < element.xyxy[2] and run.xyxy[1] < element.xyxy[3] for run in runs), element


def holds(outer: Xyxy, inner: Xyxy) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def test_values_stand_in_their_fields() -> None:
    filled = [(one, element) for one, element in elements() if element.value]
    assert len(filled) > 10
    for one, element in filled:
        assert any(run.text == element.value and holds(element.xyxy, run.xyxy) for run in one.runs), element


def test_words_are_seen_where_they_are_said_to_be() -> None:
    for one in every():
        for run in one.runs:
            piece = crop(one, run.xyxy)
            spread = np.ptp(piece.reshape(-1, 3), axis=0).max()
            assert spread > 25, run
            assert holds((0, 0, *one.size_wh), run.xyxy), run


def test_words_do_not_cover_each_other() -> None:
    for one in every():
        for first, second in combinations(one.runs, 2):
            assert not overlap(first.xyxy, second.xyxy), (one.title, first, second)


def test_switches_show_their_state() -> None:
    """The pale knob is on the right of a switch that is on."""
    switches = [(one, element) for one, element in elements() if element.kind == "switch"]
    assert len(switches) > 20
    for one, element in switches:
        pale = crop(one, element.xyxy).min(axis=2) >= 245
        assert (np.nonzero(pale)[1].mean() > pale.shape[1] / 2) == element.is_on, element


def test_what_is_disabled_is_fainter() -> None:
    def contrast(is_enabled: bool) -> float:
        found = [
            np.ptp(crop(one, element.xyxy).reshape(-1, 3).mean(axis=1))
            for one, element in elements()
            if element.kind in ("button", "check box") and element.is_enabled == is_enabled
        ]
        return float(np.median(found))

    assert contrast(False) < 0.8 * contrast(True)


def test_one_of_a_group_is_chosen() -> None:
    for one in every():
        kinds = {element.kind for element in one.elements}
        if "radio button" in kinds and "menu item" not in kinds:  # a menu hides what is below it
            assert any(element.is_on for element in one.elements if element.kind == "radio button")


def test_a_size_can_be_asked_for() -> None:
    assert random_screen(np.random.default_rng(1), (300, 500)).size_wh == (300, 500)
    assert random_screen(np.random.default_rng(1), (1024, 256)).size_wh == (1024, 256)


def test_held_out_fonts_look_different() -> None:
    usual = random_screen(np.random.default_rng(5), (512, 512))
    other = random_screen(np.random.default_rng(5), (512, 512), held_out=True)
    assert not np.array_equal(usual.pixels, other.pixels)


@pytest.mark.parametrize("side", [14, 24])
def test_icons_differ_from_each_other(side: int) -> None:
    masks = {name: icon_mask(name, side).astype(int) for name in ICONS}
    assert len(masks) >= 30
    for name, mask in masks.items():
        others = [np.abs(mask - other).sum() / mask.sum() for key, other in masks.items() if key != name]
        assert min(others) > 0.2, name
