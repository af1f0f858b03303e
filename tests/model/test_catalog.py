"""The catalogue's rows agree with each other, with transformers and with the pocket model's own files."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import pytest
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from model import catalog
from model.engines.base import check_options
from model.engines.fake import FakeEngine
from model.errors import UnsupportedModel
from model.files import POCKET_DIR
from model.types import PixelBudget

INFO = FakeEngine().info


def test_every_loadable_model_type_is_one_that_transformers_loads() -> None:
    for family in catalog.FAMILIES.values():
        for model_type in family.model_types:
            assert model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
            assert catalog.family_of_model_type(model_type) is family


@pytest.mark.parametrize("model_type", ["llama", "qwen3", "", "None", "molmo"])
def test_other_model_types_are_refused_with_the_families_that_work(model_type: str) -> None:
    with pytest.raises(UnsupportedModel, match=r"Qwen2-VL, Qwen2\.5-VL, Qwen3-VL, Qwen3\.5\."):
        catalog.family_of_model_type(model_type)


def test_conventions_of_the_families() -> None:
    scales = {key: (family.convention.scale, family.patch_factor) for key, family in catalog.FAMILIES.items()}
    assert scales == {
        "Qwen-VL": (1000, 28),
        "Qwen2-VL": (1000, 28),
        "Qwen2.5-VL": ("input_px", 28),
        "Qwen3-VL": (1000, 32),
        "Qwen3.5": (1000, 32),
        "Molmo": (100, 28),
    }
    assert catalog.FAMILIES["Qwen3-VL"].action_convention.scale == 999
    assert set(catalog.CONVENTIONS) == {"0-1000", "0-999", "0-100", "input pixels", "source pixels"}


def test_checkpoints_belong_to_families_that_load_and_are_listed_once() -> None:
    ids = [row.hub_id for row in catalog.CHECKPOINTS]
    assert len(set(ids)) == len(ids)
    assert all(catalog.FAMILIES[row.family].model_types for row in catalog.CHECKPOINTS)
    assert all(row.parameters > 5e8 and row.context_tokens >= 32_768 for row in catalog.CHECKPOINTS)


@pytest.mark.parametrize("family", [key for key, family in catalog.FAMILIES.items() if family.model_types])
def test_presets_of_every_family_can_be_used_and_get_smaller(family: str) -> None:
    presets = list(catalog.presets_of(replace(INFO, family=family)).values())
    assert [preset.name for preset in presets] == ["Quality", "Speed", "Low memory"]
    for larger, smaller in itertools.pairwise(presets):
        assert larger.budget.max_pixels > smaller.budget.max_pixels
        assert larger.options.max_new_tokens > smaller.options.max_new_tokens
    for preset in presets:
        assert preset.page_budget == preset.budget
        check_options(preset.options)
        assert preset.hint.endswith(".")


def test_the_pocket_models_presets_differ_too_and_say_true_numbers() -> None:
    presets = list(catalog.presets_of(replace(INFO, family="Qwen3-VL", is_pocket=True)).values())
    assert [preset.budget.max_pixels for preset in presets] == [256**2, 192**2, 128**2]
    assert [preset.page_budget.max_pixels for preset in presets] == [1024**2, 768**2, 512**2]
    for preset, (tokens, side) in zip(presets, [(64, 256), (36, 192), (16, 128)], strict=True):
        assert f"Up to {tokens} visual tokens a picture, as {side} × {side} pixels have" in preset.hint
        assert f"{preset.frames.max_frames} frames of a video" in preset.hint
        assert f"{preset.options.max_new_tokens:,} tokens an answer" in preset.hint


def test_the_most_visual_tokens_are_those_of_the_models_own_files() -> None:
    size = json.loads((POCKET_DIR / "preprocessor_config.json").read_text())["size"]
    assert catalog.most_visual_tokens(replace(INFO, is_pocket=True)) * 32**2 == size["longest_edge"]
    assert catalog.most_visual_tokens(INFO) * 32**2 == 16_777_216


def test_thinking_models_sample_differently_and_may_write_more() -> None:
    plain = catalog.presets_of(replace(INFO, name="Qwen/Qwen3-VL-8B-Instruct"))["Speed"].options
    thinking = catalog.presets_of(replace(INFO, name="Qwen/Qwen3-VL-8B-Thinking"))["Speed"].options
    assert (plain.temperature, plain.top_p) == (0.7, 0.8)
    assert (thinking.temperature, thinking.top_p) == (1.0, 0.95)
    assert thinking.max_new_tokens > plain.max_new_tokens


def test_the_pocket_models_budget_is_the_one_in_its_own_files() -> None:
    size = json.loads((POCKET_DIR / "preprocessor_config.json").read_text())["size"]
    presets = catalog.presets_of(replace(INFO, is_pocket=True))
    assert presets["Quality"].page_budget.max_pixels == size["longest_edge"]
    assert presets["Quality"].budget == catalog.default_budget("Qwen3-VL", is_pocket=True)
    assert all(preset.options.greedy for preset in presets.values())


@pytest.mark.parametrize(
    ("bounds", "wanted", "expected"),
    [
        ((10, 100), (20, 50), (20, 50)),
        ((10, 100), (1, 1000), (10, 100)),
        ((10, 100), (500, 1000), (100, 100)),
        ((10, 100), (1, 5), (10, 10)),
    ],
)
def test_budgets_are_kept_within_bounds(
    bounds: tuple[int, int], wanted: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert catalog.within(PixelBudget(*bounds), PixelBudget(*wanted)) == PixelBudget(*expected)


@pytest.mark.parametrize("is_pocket", [False, True])
def test_every_preset_looks_at_less_of_a_video_than_the_one_before(is_pocket: bool) -> None:
    presets = catalog.presets_of(replace(INFO, is_pocket=is_pocket)).values()
    for larger, smaller in itertools.pairwise(preset.frames for preset in presets):
        assert smaller.fps <= larger.fps
        assert smaller.max_frames < larger.max_frames
        assert smaller.pixels.max_pixels <= larger.pixels.max_pixels
    assert all(preset.frames.max_frames % catalog.FRAMES_PER_TOKEN == 0 for preset in presets)


def test_all_frames_of_a_video_take_at_most_half_of_the_context() -> None:
    wanted = PixelBudget(4 * 32**2, 4096 * 32**2)
    assert catalog.of_each_frame(2, wanted, "Qwen3-VL", 262_144) == wanted
    for frames in (3, 64, 2000):
        budget = catalog.of_each_frame(frames, wanted, "Qwen3-VL", 8192)
        tokens = budget.max_pixels // 32**2
        assert math.ceil(frames / 2) * tokens <= 4096
        assert budget.min_pixels <= budget.max_pixels
