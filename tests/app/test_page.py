"""The frame of the page: the model's state, and what is served with it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.engine_manager import EngineStatus
from app.page import build_page, model_words, status_html
from app.templates import ASSETS
from model.types import EngineInfo
from tests.app.conftest import MakeStudio

INFO = EngineInfo("Qwen3-VL-4B-Instruct", "Qwen3-VL", "CUDA", "bf16", "4bit", 3_500_000_000, 262_144)


def test_the_header_tells_name_device_precision_and_memory() -> None:
    assert model_words(INFO) == ("Qwen3-VL-4B-Instruct", "CUDA", "bf16, 4bit", "3.3 GiB")
    shown = status_html(EngineStatus("ready", info=INFO))
    assert all(word in shown for word in model_words(INFO))
    assert "status-ready" in shown


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (EngineStatus(), "Starting"),
        (EngineStatus("loading", "Loading the weights", 0.4), "Loading the model: loading the weights, 40%"),
        (EngineStatus("loading", "Looking for the model"), "Loading the model: looking for the model"),
        (EngineStatus("failed", note="It is broken."), "no model"),
    ],
)
def test_the_header_tells_how_far_loading_is(status: EngineStatus, words: str) -> None:
    assert words in status_html(status)
    assert ('value="0.4"' in status_html(status)) == (status.fraction == 0.4)


def test_a_note_cannot_act() -> None:
    assert "<script" not in status_html(EngineStatus("failed", note='"><script>alert(1)</script>'))


def test_the_page_reports_to_nobody_and_names_no_other_host(make_studio: MakeStudio) -> None:
    page = build_page(make_studio())
    assert page.blocks.analytics_enabled is False
    options: dict[str, Any] = dict(page.mount_options)
    assert (options["footer_links"], options["run_history"], options["enable_monitoring"]) == ([], False, False)
    assert not re.search(r"""(src|href|url\(|import)\s*=?\s*["'(]?\s*(https?:)?//""", options["head"])


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*.*")), ids=lambda path: path.name)
def test_no_asset_fetches_anything_from_elsewhere(path: Any) -> None:
    assert not re.search(r"""(src|href)=["'](https?:)?//|url\(["']?(https?:)?//|@import""", path.read_text("utf-8"))


@pytest.mark.parametrize("name", ["studio.css", "chat.css"])
def test_nothing_moves_for_longer_than_150_ms(name: str) -> None:
    style = (ASSETS / name).read_text("utf-8")
    moving = re.findall(r"(?:animation|transition)[a-z-]*:\s*([^;}]+)", style)
    assert moving
    for declaration in moving:
        for number, unit in re.findall(r"(?<![\w.])(\d*\.?\d+)(m?s)\b", declaration):
            assert float(number) * (1000 if unit == "s" else 1) <= 150, declaration
