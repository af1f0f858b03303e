"""Fonts are found for what has to be written, on whatever computer this is."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ImageFont

from app import fonts


def test_every_installed_font_that_is_chosen_can_be_opened() -> None:
    chosen = {fonts.font_for(text) for text in ("cup", "Привет", "日本語", "مرحبا", "नमस्ते")} - {None}
    assert all(ImageFont.truetype(str(path), 16).getbbox("1") for path in chosen)


def test_a_font_with_all_characters_is_taken_before_plainer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = {Path("plain.ttf"): frozenset(map(ord, "cup")), Path("wide.ttf"): frozenset(map(ord, "cup日本"))}
    monkeypatch.setattr(fonts, "_installed", lambda: tuple(letters))
    monkeypatch.setattr(fonts, "_characters", letters.__getitem__)
    assert fonts.font_for("cup") == Path("plain.ttf")
    assert fonts.font_for("日本 cup") == Path("wide.ttf")
    assert fonts.font_for("日本語") == Path("wide.ttf"), "the one that has most of it"
    assert fonts.group_by_font(["cup", "日本", "puc"]) == {Path("plain.ttf"): [0, 2], Path("wide.ttf"): [1]}


def test_letters_that_no_font_has_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = {Path("plain.ttf"): frozenset(map(ord, "cup")), Path("other.ttf"): frozenset(map(ord, "日本"))}
    monkeypatch.setattr(fonts, "_installed", lambda: tuple(letters))
    monkeypatch.setattr(fonts, "_characters", letters.__getitem__)
    assert [fonts.has_letters_for(text) for text in ("cup", "日 本", "cup 日", "ก")] == [True, True, False, False]
    monkeypatch.setattr(fonts, "_installed", lambda: ())
    assert [fonts.has_letters_for(text) for text in ("café", "日本")] == [True, False]


def test_without_any_font_pillows_own_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_installed", lambda: ())
    assert fonts.font_for("cup") is None


def test_upright_sans_serif_comes_first() -> None:
    names = ("LiberationSerif-Bold.ttf", "LiberationSans-Regular.ttf", "DejaVuSans.ttf", "DejaVuSansMono.ttf")
    ranked = sorted(map(Path, names), key=fonts._rank)
    assert [path.name for path in ranked[:2]] == ["DejaVuSans.ttf", "LiberationSans-Regular.ttf"]


def test_a_file_that_is_no_font_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    assert fonts._characters(tmp_path / "broken.ttf") == frozenset()
