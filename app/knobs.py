"""The side panel: how the model is asked to answer. Knows widgets and presets; what becomes of them is `dialogue`'s."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from app.dialogue import Knobs
from model.catalog import Preset, presets_of
from model.engines.base import Engine
from model.errors import RequestError
from model.types import GenerationOptions

_PIXELS_PER_MEGAPIXEL = 1_000_000
_SEEDS = 10**18
PRESET_NAMES = ("Quality", "Speed", "Low memory")


class KnobPanel:
    """The widgets of the panel; create inside a column. `inputs` are what a handler has to be given."""

    def __init__(self) -> None:
        self.preset = gr.Radio(
            PRESET_NAMES, value=PRESET_NAMES[0], label="Preset", info="Sets everything below at once.", elem_id="preset"
        )
        self.system_prompt = gr.Textbox(
            label="System prompt", info="Told to the model before the conversation.", lines=2, max_lines=8
        )
        self.number_pictures = gr.Checkbox(
            label="Number the pictures", info="Writes “Picture 1:” before each, so that the model can name them."
        )
        # Until the loaded model's preset arrives: values that suit every model.
        start = GenerationOptions()
        self.megapixels = gr.Slider(
            0,
            16,
            value=0,
            step=0.001,
            label="Pixel budget",
            info="Megapixels that a picture is scaled down to; 0 is up to the model.",
        )
        self.max_new_tokens = gr.Slider(
            16,
            8192,
            value=start.max_new_tokens,
            step=16,
            label="Max new tokens",
            info="The answer is cut at this length.",
        )
        self.greedy = gr.Checkbox(
            value=start.greedy, label="Greedy", info="Always the likeliest token: the same answer every time."
        )
        self.temperature = gr.Slider(
            0,
            2,
            value=start.temperature,
            step=0.01,
            label="Temperature",
            info="Higher is more varied, lower is steadier.",
        )
        self.top_p = gr.Slider(
            0, 1, value=start.top_p, step=0.01, label="Top-p", info="Picks among the likeliest that add up to this."
        )
        self.top_k = gr.Slider(
            0, 200, value=start.top_k, step=1, label="Top-k", info="Picks among this many tokens; 0 is no limit."
        )
        self.repetition_penalty = gr.Slider(
            1,
            2,
            value=start.repetition_penalty,
            step=0.01,
            label="Repetition penalty",
            info="Above 1 the model repeats itself less.",
        )
        # Text, because an empty number field comes up as 0, which would be a seed.
        self.seed = gr.Textbox(
            label="Seed", max_lines=1, info="The same number gives the same answer; empty draws one.", elem_id="seed"
        )
        self._preset_values = gr.State(list(self._values_of(start, 0).values()))

    @property
    def outputs(self) -> list[Component]:
        """What a preset changes."""
        return [self.preset, self._preset_values, *self._values_of(GenerationOptions(), 0)]

    @property
    def inputs(self) -> set[Component]:
        """What `read` and `is_untouched` have to be given."""
        return {
            self._preset_values,
            self.system_prompt,
            self.number_pictures,
            self.megapixels,
            self.max_new_tokens,
            self.greedy,
            self.temperature,
            self.top_p,
            self.top_k,
            self.repetition_penalty,
            self.seed,
        }

    def read(self, values: Mapping[Component, Any]) -> Knobs:
        """What the widgets say; a temperature of 0 means greedy. Raises `RequestError` for a seed that is none."""
        options = GenerationOptions(
            max_new_tokens=int(values[self.max_new_tokens]),
            greedy=bool(values[self.greedy]) or not values[self.temperature],
            temperature=float(values[self.temperature]),
            top_p=float(values[self.top_p]),
            top_k=int(values[self.top_k]),
            repetition_penalty=float(values[self.repetition_penalty]),
            seed=_seed(values[self.seed] or ""),
        )
        return Knobs(
            system_prompt=values[self.system_prompt] or "",
            options=options,
            max_pixels=self.max_pixels(values),
            number_pictures=bool(values[self.number_pictures]),
        )

    def max_pixels(self, values: Mapping[Component, Any]) -> int | None:
        """The pixel budget; None leaves it to the model."""
        return int(values[self.megapixels] * _PIXELS_PER_MEGAPIXEL) or None

    def show(self, preset: Preset) -> dict[Component, Any]:
        """Updates that set the widgets to a preset."""
        values = self._values_of(preset.options, preset.budget.max_pixels)
        return {**values, self.preset: gr.update(info=preset.hint), self._preset_values: list(values.values())}

    def is_untouched(self, values: Mapping[Component, Any]) -> bool:
        """Whether the widgets still stand where a preset, or the start, had put them."""
        now = [values[widget] for widget in self._values_of(GenerationOptions(), 0)]
        return bool(now == values[self._preset_values])

    def _values_of(self, options: GenerationOptions, max_pixels: int) -> dict[Component, Any]:
        # Rounded up, for a budget that is a hair too small costs a whole row of patches.
        megapixels = math.ceil(max_pixels / _PIXELS_PER_MEGAPIXEL * 1000) / 1000
        return {
            self.megapixels: megapixels,
            self.max_new_tokens: options.max_new_tokens,
            self.greedy: options.greedy,
            self.temperature: options.temperature,
            self.top_p: options.top_p,
            self.top_k: options.top_k,
            self.repetition_penalty: options.repetition_penalty,
        }


def preset_of(engine: Engine | None, name: str) -> Preset | None:
    """The named preset for the loaded model; None while nothing is loaded."""
    return presets_of(engine.info).get(name) if engine else None


def _seed(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal() or int(text) >= _SEEDS:
        raise RequestError("The seed is a whole number up to 18 digits long, or empty.")
    return int(text)
