"""The side panel: what its widgets say, and when a preset may set them."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from app.knobs import PRESET_NAMES, KnobPanel, preset_of
from model.catalog import presets_of
from model.engines.fake import FakeEngine
from model.errors import RequestError
from model.types import GenerationOptions


@pytest.fixture
def panel() -> KnobPanel:
    with gr.Blocks():
        return KnobPanel()


def start_values(panel: KnobPanel) -> dict[Any, Any]:
    """What the page sends when nobody has touched anything."""
    return {widget: widget.value for widget in panel.inputs}


def with_preset(panel: KnobPanel, name: str) -> dict[Any, Any]:
    preset = preset_of(FakeEngine(), name)
    assert preset is not None
    return start_values(panel) | panel.show(preset)


def test_at_the_start_it_says_what_suits_every_model(panel: KnobPanel) -> None:
    knobs = panel.read(start_values(panel))
    assert (knobs.options, knobs.max_pixels, knobs.system_prompt) == (GenerationOptions(), None, "")
    assert not knobs.number_pictures


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_is_read_back_as_it_was_meant(panel: KnobPanel, name: str) -> None:
    engine = FakeEngine()
    preset = presets_of(engine.info)[name]
    knobs = panel.read(with_preset(panel, name))
    assert knobs.options == preset.options
    assert knobs.max_pixels is not None
    assert 0 <= knobs.max_pixels - preset.budget.max_pixels < 1000


def test_every_widget_says_in_one_line_what_it_does(panel: KnobPanel) -> None:
    widgets = [widget for widget in (*panel.inputs, panel.preset) if not isinstance(widget, gr.State)]
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


def test_a_panel_that_somebody_has_set_is_left_alone(panel: KnobPanel) -> None:
    assert panel.is_untouched(start_values(panel))
    assert not panel.is_untouched(start_values(panel) | {panel.temperature: 1.5})
    chosen = with_preset(panel, "Speed")
    assert panel.is_untouched(chosen)
    assert not panel.is_untouched(chosen | {panel.max_new_tokens: 16})


def test_without_a_model_there_is_no_preset() -> None:
    assert preset_of(None, "Quality") is None
