"""What reading a prompt is said to take, beside what torch really had at its peak."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from model.engines.memory import cache_bytes, reading_bytes
from model.types import Message, Text
from model.video import Sampling, look, open_video
from tests.model.clips import steady, write_clip
from tests.model.conftest import TinyEngine
from tests.model.tiny_models import MODEL_TYPES


class Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for its hooks
    """Counts the bytes of all tensors that are made inside, and remembers the most at one time."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the same
        self.bytes = self._live = 0
        kept = (*model.parameters(), *model.buffers())
        self._seen = {tensor.untyped_storage()._cdata for tensor in kept}

    def __torch_dispatch__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self._note, made)
        return made

    def _note(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self._seen:
            self._seen.add(key)
            self._live += size
            self.bytes = max(self.bytes, self._live)
            weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self._live -= size


def peak_bytes(engine: Any, messages: list[Message]) -> tuple[int, int]:
    """The estimate for the messages, and the peak."""
    prompt = engine.prepare(messages)
    model, peak = engine._model, Peak(engine._model)
    with torch.no_grad(), peak:
        inputs = {name: tensor.clone() for name, tensor in prompt.payload.inputs.items()}
        kept = model(**inputs, use_cache=True, logits_to_keep=1)
    assert kept.logits.shape[1] == 1
    return prompt.memory_bytes, peak.bytes


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_estimate_for_a_video_is_near_the_peak(tiny_engine: TinyEngine, tmp_path: Path, model_type: str) -> None:
    file = open_video(write_clip(tmp_path / "clip.mp4", steady(32, 10), size_wh=(448, 256)))
    for count in (8, 32):
        video = look(file, Sampling(count=count))
        estimate, peak = peak_bytes(tiny_engine(model_type), [Message("user", (video, Text("When?")))])
        assert estimate == pytest.approx(peak, rel=0.2)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_estimate_for_words_is_near_the_peak(tiny_engine: TinyEngine, model_type: str) -> None:
    estimate, peak = peak_bytes(tiny_engine(model_type), [Message("user", (Text("word " * 350),))])
    assert estimate == pytest.approx(peak, rel=0.5)


def test_keys_and_values_of_a_published_model() -> None:
    """Qwen2.5-VL-7B: 28 layers, keys and values of 4 heads of 128 numbers in two bytes."""
    text = SimpleNamespace(num_hidden_layers=28, num_key_value_heads=4, num_attention_heads=28, hidden_size=3584)
    assert cache_bytes(text, 2) == 2 * 28 * 4 * 128 * 2


def test_layers_with_linear_attention_keep_no_keys() -> None:
    text = SimpleNamespace(
        num_hidden_layers=4,
        layer_types=["linear_attention"] * 3 + ["full_attention"],
        num_key_value_heads=2,
        head_dim=256,
    )
    assert cache_bytes(text, 2) == 2 * 1 * 2 * 256 * 2


def test_more_frames_take_more(tiny_engine: TinyEngine) -> None:
    config = tiny_engine("qwen3_vl")._loaded().config
    few, many = (reading_bytes(config, tokens=100 + n, patches=4 * n, value_bytes=2) for n in (64, 4096))
    assert 20 * few < many < 64 * few
