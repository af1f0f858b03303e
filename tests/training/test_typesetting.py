"""Fonts are there, draw what they are asked for, and tell exactly where its ink is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw

from tests.training.fonts import needs_fonts
from training import typesetting
from training.typesetting import CHARACTERS, FAMILIES, HELD_OUT, Family, FontsMissingError, random_family

PACKAGES = Path(typesetting.__file__).with_name("fonts-debian.txt")
EVERY = (*FAMILIES, *HELD_OUT)
pytestmark = needs_fonts


def test_the_packages_to_install_are_those_of_the_families() -> None:
    assert PACKAGES.read_text("utf-8").split() == sorted({family.package for family in EVERY})
    assert typesetting.missing_packages() == []


@pytest.mark.parametrize("family", EVERY, ids=lambda family: family.name)
def test_every_face_has_every_character(family: Family) -> None:
    for file in family.files:
        path = typesetting._path_of(file)
        assert path is not None
        known = TTFont(path, lazy=True).getBestCmap()
        assert [character for character in CHARACTERS if ord(character) not in known] == []


def test_twenty_families_and_more_are_drawn_from_and_never_one_that_is_held_out() -> None:
    rng = np.random.default_rng(0)
    drawn = {random_family(rng) for _ in range(600)}
    assert drawn == set(FAMILIES)
    assert len(drawn) >= 20
    assert {random_family(rng, held_out=True) for _ in range(40)} == set(HELD_OUT)
    assert not {file for family in FAMILIES for file in family.files} & {
        file for family in HELD_OUT for file in family.files
    }


def test_only_kinds_that_were_asked_for_are_drawn_where_there_are_any() -> None:
    rng = np.random.default_rng(0)
    assert {random_family(rng, ["mono"]).kind for _ in range(60)} == {"mono"}
    assert random_family(rng, ["mono"], held_out=True) in HELD_OUT


@pytest.mark.parametrize("family", EVERY, ids=lambda family: family.name)
def test_the_box_of_a_run_is_the_box_of_its_pixels(family: Family) -> None:
    picture = Image.new("RGB", (600, 60), "white")
    font = family.font(21, "bold")
    run = font.draw(ImageDraw.Draw(picture), (20.4, 40), "jVagy 1,048.50 £", (0, 0, 0))
    rows, columns = np.nonzero(np.asarray(picture).min(axis=2) < 255)
    assert run.xyxy == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert run.xyxy == font.ink_xyxy("jVagy 1,048.50 £", (20.4, 40))
    assert run.xyxy[3] - run.xyxy[1] <= font.height_px + 2
    assert run.advance_px == pytest.approx(run.xyxy[2] - 20.4, abs=4)


def test_lines_are_as_wide_as_they_may_be() -> None:
    font = FAMILIES[0].font(14)
    text = "the quick brown fox jumps over the lazy dog and an extraordinarily longwindedness"
    lines = font.wrap(text, 90)
    assert " ".join(lines) == text
    for line, following in pairwise(lines):
        assert font.advance_px(line) <= 90 or " " not in line
        assert font.advance_px(f"{line} {following.split()[0]}") > 90
    assert font.wrap("", 90) == []


def test_a_missing_font_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Family("Absent", "fonts-absent", "sans", "NoSuchFace.ttf")
    monkeypatch.setattr(typesetting, "FAMILIES", (absent,))
    with pytest.raises(
        FontsMissingError, match=r"install fonts-absent, or all of them with `xargs .*fonts-debian\.txt"
    ):
        absent.font(12).draw(ImageDraw.Draw(Image.new("RGB", (9, 9))), (0, 9), "a", (0, 0, 0))
