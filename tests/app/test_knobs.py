"""The side panel: what its widgets say, and what the loaded model offers them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from app.knobs import PRESET_NAMES, KnobPanel, offer_json
from model.catalog import presets_of
from model.engines.base import check_options
from model.engines.fake import FakeEngine
from model.errors import RequestError
from model.types import EngineInfo, GenerationOptions

INFO = FakeEngine().info
POCKET = replace(INFO, is_pocket=True)


@pytest.fixture
def panel() -> KnobPanel:
    with gr.Blocks():
        return KnobPanel()


def start_values(panel: KnobPanel) -> dict[Any, Any]:
    """What the page sends when nobody has touched anything."""
    return {widget: widget.value for widget in panel.inputs}


def with_preset(panel: KnobPanel, name: str, info: EngineInfo = INFO) -> dict[Any, Any]:
    offered = json.loads(offer_json(info, name))["chosen"]
    taken = zip(panel.chosen, offered, strict=True)
    return start_values(panel) | {widget: update["value"] for widget, update in taken}


def test_at_the_start_it_says_what_suits_every_model(panel: KnobPanel) -> None:
    knobs = panel.read(start_values(panel))
    assert (knobs.options, knobs.max_visual_tokens, knobs.system_prompt) == (GenerationOptions(), 4096, "")
    assert not knobs.number_pictures


@pytest.mark.parametrize("name", PRESET_NAMES)
@pytest.mark.parametrize("info", [INFO, POCKET, replace(INFO, family="Qwen2-VL")], ids=["large", "pocket", "28 px"])
def test_a_preset_is_read_back_as_it_was_meant(panel: KnobPanel, info: EngineInfo, name: str) -> None:
    preset = presets_of(info)[name]
    knobs = panel.read(with_preset(panel, name, info))
    assert knobs.options == preset.options
    factor = 28 if info.family == "Qwen2-VL" else 32
    assert knobs.max_visual_tokens == preset.budget.max_pixels / factor**2


@pytest.mark.parametrize("info", [INFO, POCKET], ids=["large", "pocket"])
def test_the_sliders_go_as_far_as_the_model_does_and_hold_every_preset(panel: KnobPanel, info: EngineInfo) -> None:
    for name in PRESET_NAMES:
        visual_tokens, new_tokens, *_ = json.loads(offer_json(info, name))["chosen"]
        assert visual_tokens["maximum"] == (1024 if info.is_pocket else 16_384)
        assert new_tokens["maximum"] == 4096  # the context of the model
        assert 4 <= visual_tokens["value"] <= visual_tokens["maximum"]
        assert 16 <= new_tokens["value"] <= new_tokens["maximum"]
    assert "32 × 32 pixels" in visual_tokens["info"]


def test_no_slider_offers_what_every_engine_refuses(panel: KnobPanel) -> None:
    sliders = [widget for widget in panel.chosen if isinstance(widget, gr.Slider)]
    assert len(sliders) == 6
    for end in ("minimum", "maximum"):
        values = start_values(panel) | {slider: getattr(slider, end) for slider in sliders}
        check_options(panel.read(values).options)


def test_every_widget_says_in_one_line_what_it_does(panel: KnobPanel) -> None:
    widgets = panel.inputs
    assert len(widgets) == 11
    assert all(widget.info and len(widget.info) < 80 for widget in widgets)


def test_a_temperature_of_nought_is_greedy(panel: KnobPanel) -> None:
    assert panel.read(start_values(panel) | {panel.temperature: 0}).options.greedy


@pytest.mark.parametrize(("text", "seed"), [("", None), ("  ", None), ("0", 0), (" 42 ", 42), (None, None)])
def test_an_empty_seed_is_drawn(panel: KnobPanel, text: str | None, seed: int | None) -> None:
    assert panel.read(start_values(panel) | {panel.seed: text}).options.seed == seed


@pytest.mark.parametrize("text", ["seven", "-1", "1.5", "9" * 30])
def test_a_seed_that_is_none_gets_a_sentence(panel: KnobPanel, text: str) -> None:
    with pytest.raises(RequestError, match="whole number"):
        panel.read(start_values(panel) | {panel.seed: text})
