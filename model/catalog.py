"""Families and checkpoints as data: what the program knows about models before it loads one.

Knows coordinate conventions, patch sizes, sampling defaults and the published checkpoints. Does not know how a model is
loaded or run, and imports no tensor library: the page and the command line parser read this table too. To add a model,
add a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from model.errors import UnsupportedModel
from model.types import Convention, EngineInfo, GenerationOptions, PixelBudget

PER_1000 = Convention("0-1000", 1000)
PER_999 = Convention("0-999", 999)
PER_100 = Convention("0-100", 100)
INPUT_PIXELS = Convention("input pixels", "input_px")
SOURCE_PIXELS = Convention("source pixels", "source_px")

CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {convention.name: convention for convention in (PER_1000, PER_999, PER_100, INPUT_PIXELS, SOURCE_PIXELS)}
)
"""Every convention by the name under which a person can choose it instead of the family's own."""


@dataclass(frozen=True, slots=True)
class Family:
    """One generation of models that answer in the same way.

    `model_types` are the `model_type`s of config.json that this program can load (none: answers can be read, the
    model cannot be run). `convention` is for boxes and points, `action_convention` for the coordinates of tool calls.
    `patch_factor` is the side in pixels of the square that becomes one visual token: patch size times merge size.
    `sampling` are the defaults that the publisher's generation_config.json states. `reads_times` says that the prompt
    has the time of every frame in words; a family that does not counts its times from the first frame that it is shown.
    """

    key: str
    model_types: tuple[str, ...]
    convention: Convention
    action_convention: Convention
    patch_factor: int
    sampling: GenerationOptions
    reads_times: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A published model; `parameters` counts all weights, rounded as the publisher gives them."""

    hub_id: str
    family: str
    parameters: float
    context_tokens: int


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """How much of a video is looked at: `fps` frames a second, at most `max_frames`, and how large each may be."""

    fps: float
    max_frames: int
    pixels: PixelBudget


@dataclass(frozen=True, slots=True)
class Preset:
    """A named choice of the side panel: how to pick tokens, how large pictures may be, and how much of a video.

    `page_budget` is for pictures that are read: pages and screens.
    """

    name: str
    hint: str
    options: GenerationOptions
    budget: PixelBudget
    page_budget: PixelBudget
    frames: FrameBudget


_NEARLY_GREEDY = GenerationOptions(temperature=0.01, top_p=0.001, top_k=1)
_INSTRUCT = GenerationOptions(temperature=0.7, top_p=0.8, top_k=20)
_THINKING = GenerationOptions(temperature=1.0, top_p=0.95, top_k=20)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.key: family
        for family in (
            Family("Qwen-VL", (), PER_1000, PER_1000, 28, replace(_INSTRUCT, top_p=0.3, temperature=1.0, top_k=0)),
            Family("Qwen2-VL", ("qwen2_vl",), PER_1000, PER_1000, 28, _NEARLY_GREEDY),
            Family(
                "Qwen2.5-VL",
                ("qwen2_5_vl",),
                INPUT_PIXELS,
                INPUT_PIXELS,
                28,
                replace(_NEARLY_GREEDY, temperature=0.1, repetition_penalty=1.05),
            ),
            Family("Qwen3-VL", ("qwen3_vl", "qwen3_vl_moe"), PER_1000, PER_999, 32, _INSTRUCT, reads_times=True),
            Family("Qwen3.5", ("qwen3_5", "qwen3_5_moe"), PER_1000, PER_999, 32, _THINKING, reads_times=True),
            Family("Molmo", (), PER_100, PER_100, 28, GenerationOptions(greedy=True)),
        )
    }
)
"""Family key -> family. "Qwen-VL" and the neighbour "Molmo" are here for their answers only."""


def _rows(family: str, context_tokens: int, billions: Mapping[str, float]) -> tuple[Checkpoint, ...]:
    return tuple(Checkpoint(f"Qwen/{name}", family, size * 1e9, context_tokens) for name, size in billions.items())


CHECKPOINTS: tuple[Checkpoint, ...] = (
    *_rows(
        "Qwen2-VL",
        32_768,
        {"Qwen2-VL-2B-Instruct": 2.2, "Qwen2-VL-7B-Instruct": 8.3, "Qwen2-VL-72B-Instruct": 73.4},
    ),
    *_rows(
        "Qwen2.5-VL",
        128_000,
        {
            "Qwen2.5-VL-3B-Instruct": 3.8,
            "Qwen2.5-VL-7B-Instruct": 8.3,
            "Qwen2.5-VL-32B-Instruct": 33.5,
            "Qwen2.5-VL-72B-Instruct": 73.4,
        },
    ),
    *_rows(
        "Qwen3-VL",
        262_144,
        {
            "Qwen3-VL-2B-Instruct": 2.1,
            "Qwen3-VL-2B-Thinking": 2.1,
            "Qwen3-VL-4B-Instruct": 4.4,
            "Qwen3-VL-4B-Thinking": 4.4,
            "Qwen3-VL-8B-Instruct": 8.8,
            "Qwen3-VL-8B-Thinking": 8.8,
            "Qwen3-VL-32B-Instruct": 33.4,
            "Qwen3-VL-32B-Thinking": 33.4,
            "Qwen3-VL-30B-A3B-Instruct": 31.1,
            "Qwen3-VL-30B-A3B-Thinking": 31.1,
            "Qwen3-VL-235B-A22B-Instruct": 235.7,
            "Qwen3-VL-235B-A22B-Thinking": 235.7,
        },
    ),
    *_rows(
        "Qwen3.5",
        262_144,
        {
            "Qwen3.5-0.8B": 0.9,
            "Qwen3.5-2B": 2.3,
            "Qwen3.5-4B": 4.7,
            "Qwen3.5-9B": 9.7,
            "Qwen3.5-27B": 27.8,
            "Qwen3.5-35B-A3B": 36.0,
            "Qwen3.5-122B-A10B": 125.1,
            "Qwen3.5-397B-A17B": 403.4,
        },
    ),
)
"""Published checkpoints, as suggestions; anything else of a known family loads too."""

POCKET_NAME = "pocket"
"""What a person writes to mean the model that comes with the program."""

POCKET_VISUAL_TOKENS = 64
"""The most that a picture of shapes gave in the pocket model's training."""

POCKET_PAGE_TOKENS = 1024
"""The most that a page gave there; the model's preprocessor_config.json says so in pixels."""

FRAMES_PER_TOKEN = 2
"""Every family merges two frames of a video in time."""

MAX_VISUAL_TOKENS = 16_384
"""The most that a picture may have: the published families' preprocessor_config.json all say so, in pixels."""

_POCKET_SAMPLING = replace(_INSTRUCT, greedy=True)

# Name, what it is for, the most visual tokens that a picture may have, those of the pocket model's pictures and pages,
# and how many tokens to answer with.
_PRESETS = (
    ("Quality", "Sees the most.", 4096, (POCKET_VISUAL_TOKENS, POCKET_PAGE_TOKENS), 2048),
    ("Speed", "Begins to answer sooner; may miss what is small.", 1024, (36, 576), 1024),
    ("Low memory", "Needs the least memory; sees only what is large.", 256, (16, 256), 512),
)
# How much of a video each preset looks at: frames a second, the most frames, and the most visual tokens of a frame. Two
# frames are merged in time, so that half of these reach the model.
_FRAMES: Mapping[str, tuple[float, int, int]] = MappingProxyType(
    {"Quality": (2.0, 128, 384), "Speed": (1.0, 48, 192), "Low memory": (1.0, 24, 96)}
)
_POCKET_FRAMES: Mapping[str, tuple[float, int, int]] = MappingProxyType(
    {"Quality": (4.0, 96, 16), "Speed": (2.0, 32, 16), "Low memory": (1.0, 16, 16)}
)
_MIN_TOKENS = 4
_THINKING_PATIENCE = 4  # a model that thinks first writes several times as much


def family_of_model_type(model_type: str) -> Family:
    """The family whose models say `model_type` in their config.json; `UnsupportedModel` when there is none."""
    for family in FAMILIES.values():
        if model_type in family.model_types:
            return family
    runnable = ", ".join(family.key for family in FAMILIES.values() if family.model_types)
    raise UnsupportedModel(f"This model is of the kind “{model_type}”. Choose one of the families {runnable}.")


def sampling_of(info: EngineInfo) -> GenerationOptions:
    """How the loaded model's publisher samples from it."""
    if info.is_pocket:
        return _POCKET_SAMPLING
    return _THINKING if info.base_name.endswith("Thinking") else FAMILIES[info.family].sampling


def presets_of(info: EngineInfo) -> Mapping[str, Preset]:
    """The presets for the loaded model by name; the first is the default."""
    sampling = sampling_of(info)
    patience = _THINKING_PATIENCE if sampling == _THINKING else 1
    return {
        name: _preset(
            info.family,
            name,
            purpose,
            pocket_tokens if info.is_pocket else (visual_tokens, visual_tokens),
            replace(sampling, max_new_tokens=new_tokens * patience),
            _frame_budget(info.family, *(_POCKET_FRAMES if info.is_pocket else _FRAMES)[name]),
        )
        for name, purpose, visual_tokens, pocket_tokens, new_tokens in _PRESETS
    }


def most_visual_tokens(info: EngineInfo) -> int:
    """As many visual tokens as a picture can have with the loaded model."""
    return POCKET_PAGE_TOKENS if info.is_pocket else MAX_VISUAL_TOKENS


def default_budget(family_key: str, *, is_pocket: bool = False) -> PixelBudget:
    """How large a picture may be where nobody has said it."""
    return budget_of_tokens(family_key, *((POCKET_VISUAL_TOKENS,) if is_pocket else ()))


def budget_of_tokens(family_key: str, max_tokens: int = _PRESETS[0][2]) -> PixelBudget:
    """The pixel budget that gives a picture at most `max_tokens` visual tokens; without a number the default cap."""
    area = FAMILIES[family_key].patch_factor ** 2
    return PixelBudget(_MIN_TOKENS * area, max_tokens * area)


def _frame_budget(family_key: str, fps: float, max_frames: int, visual_tokens: int) -> FrameBudget:
    return FrameBudget(fps, max_frames, budget_of_tokens(family_key, visual_tokens))


def _preset(
    family_key: str,
    name: str,
    purpose: str,
    tokens: tuple[int, int],
    options: GenerationOptions,
    frames: FrameBudget,
) -> Preset:
    visual_tokens, page_tokens = tokens
    side_px = math.isqrt(visual_tokens) * FAMILIES[family_key].patch_factor
    hint = (
        f"{purpose} Up to {visual_tokens:,} visual tokens a picture, as {side_px:,} × {side_px:,} pixels have, "
        f"{frames.max_frames} frames of a video, {frames.fps:g} a second, "
        f"and {options.max_new_tokens:,} tokens an answer."
    )
    budget, page_budget = (budget_of_tokens(family_key, most) for most in (visual_tokens, page_tokens))
    return Preset(name, hint, options, budget, page_budget, frames)


def of_each_frame(frames: int, wanted: PixelBudget, family_key: str, context_tokens: int) -> PixelBudget:
    """The wanted budget as far as all the frames of a video together take at most half of the context."""
    pairs = -(-frames // FRAMES_PER_TOKEN)
    most = max(1, context_tokens // (2 * pairs)) * FAMILIES[family_key].patch_factor ** 2
    return PixelBudget(min(wanted.min_pixels, most), min(wanted.max_pixels, most))


def within(bounds: PixelBudget, wanted: PixelBudget) -> PixelBudget:
    """The wanted budget as far as the bounds allow it."""
    smallest = min(max(bounds.min_pixels, wanted.min_pixels), bounds.max_pixels)
    return PixelBudget(smallest, max(smallest, min(bounds.max_pixels, wanted.max_pixels)))
