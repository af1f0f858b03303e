"""The side panel: how the model is asked to answer. Knows widgets and presets; what becomes of them is `dialogue`'s.

The loaded model's preset and bounds are offered to the page, and taken there (`StudioKnobs` in chat.js): only the page
knows at that very moment whether somebody has set something.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from app.dialogue import Knobs
from app.studio import Studio
from model.catalog import FAMILIES, MAX_VISUAL_TOKENS, most_visual_tokens, presets_of
from model.errors import RequestError
from model.types import EngineInfo, GenerationOptions

_SEEDS = 10**18
_NEW_TOKENS_MAX = 32_768
_UNKNOWN_TOKENS = 4096
"""The visual tokens of a picture while no model is loaded that would say how many suit it."""
PRESET_NAMES = ("Quality", "Speed", "Low memory")


class KnobPanel:
    """The widgets of the panel; create inside a column. `inputs` are what `read` has to be given."""

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
        self.visual_tokens = _slider(
            4, MAX_VISUAL_TOKENS, _UNKNOWN_TOKENS, 1, "Pixel budget", "The most visual tokens that a picture may have."
        )
        self.max_new_tokens = _slider(
            16, _NEW_TOKENS_MAX, start.max_new_tokens, 16, "Max new tokens", "The answer is cut at this length."
        )
        self.greedy = gr.Checkbox(
            value=start.greedy, label="Greedy", info="Always the likeliest token: the same answer every time."
        )
        self.temperature = _slider(
            0, 2, start.temperature, 0.01, "Temperature", "Higher is more varied, lower is steadier."
        )
        self.top_p = _slider(
            0.001, 1, start.top_p, 0.001, "Top-p", "Picks among the likeliest that add up to this; 1 is all."
        )
        self.top_k = _slider(0, 200, start.top_k, 1, "Top-k", "Picks among this many tokens; 0 is no limit.")
        self.repetition_penalty = _slider(
            1, 2, start.repetition_penalty, 0.01, "Repetition penalty", "Above 1 the model repeats itself less."
        )
        # Text, because an empty number field comes up as 0, which would be a seed.
        self.seed = gr.Textbox(
            label="Seed", max_lines=1, info="The same number gives the same answer; empty draws one.", elem_id="seed"
        )
        self._offer = gr.Textbox(visible="hidden")
        self._placed = gr.Textbox(json.dumps([widget.value for widget in self.chosen]), visible="hidden")

    @property
    def chosen(self) -> list[Component]:
        """What a preset sets."""
        return [
            self.visual_tokens,
            self.max_new_tokens,
            self.greedy,
            self.temperature,
            self.top_p,
            self.top_k,
            self.repetition_penalty,
        ]

    @property
    def inputs(self) -> set[Component]:
        """What `read` has to be given."""
        return {self.preset, self.system_prompt, self.number_pictures, self.seed, *self.chosen}

    def wire(self, studio: Studio, model_name: gr.Textbox) -> None:
        """A chosen preset is set; another model's (`model_name` changes) unless somebody has set the panel."""

        def offer(name: str) -> str:
            engine = studio.engines.current()
            return offer_json(engine.info, name) if engine else ""

        local: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        quick: dict[str, Any] = {**local, "queue": False}
        taken = [self.preset, self._placed, *self.chosen]
        model_name.change(offer, self.preset, self._offer, **quick)
        self._offer.change(
            None, [self._offer, self._placed, *self.chosen], taken, js="StudioKnobs.takeUnlessSet", **local
        )
        chosen = self.preset.input(offer, self.preset, self._offer, **quick)
        chosen.then(None, self._offer, taken, js="StudioKnobs.take", **local)

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
            max_visual_tokens=self.max_visual_tokens(values),
            number_pictures=bool(values[self.number_pictures]),
            preset=self.preset_of(values),
        )

    def preset_of(self, values: Mapping[Component, Any]) -> str:
        """The chosen preset, which decides how much of a video is looked at."""
        return values[self.preset] or ""

    def max_visual_tokens(self, values: Mapping[Component, Any]) -> int:
        """The pixel budget: as many tokens as a picture may have."""
        return int(values[self.visual_tokens])


def offer_json(info: EngineInfo, name: str) -> str:
    """The named preset of a model for `StudioKnobs` in chat.js: the hint, then how each widget that a preset sets is
    to be updated, in the panel's order."""
    preset = presets_of(info)[name]
    family, options = FAMILIES[info.family], preset.options
    tokens = preset.budget.max_pixels // family.patch_factor**2
    budget = (
        f"The most visual tokens that a picture may have; each is {family.patch_factor} × {family.patch_factor} pixels."
    )
    updates = [
        gr.update(value=tokens, maximum=most_visual_tokens(info), info=budget),
        gr.update(value=options.max_new_tokens, maximum=min(info.context_tokens, _NEW_TOKENS_MAX)),
        gr.update(value=options.greedy),
        gr.update(value=options.temperature),
        gr.update(value=options.top_p),
        gr.update(value=options.top_k),
        gr.update(value=options.repetition_penalty),
    ]
    return json.dumps({"preset": gr.update(info=preset.hint), "chosen": updates})


def _slider(minimum: float, maximum: float, value: float, step: float, label: str, info: str) -> gr.Slider:
    # Without the button that sets it back: it knows where the slider stood first, not what the preset says.
    return gr.Slider(minimum, maximum, value=value, step=step, label=label, info=info, buttons=[])


def _seed(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal() or int(text) >= _SEEDS:
        raise RequestError("The seed is a whole number up to 18 digits long, or empty.")
    return int(text)
