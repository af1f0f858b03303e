"""From a specification to an engine: precision, quantisation, memory, refusals, and no network."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model import loading
from model.engines.local import LocalEngine
from model.errors import BrokenInstall, EngineError, ModelError, ModelNotFound, UnsupportedModel
from model.files import POCKET_DIR, WEIGHTS
from model.loading import LoadProgress, ModelSpec, Quantization, estimate_bytes, load_engine
from model.types import Chunk, GenerationOptions, Message, Text
from tests.model.conftest import TinyFolder
from tests.model.pictures import image
from tests.model.tiny_models import CONTEXT, MODEL_TYPES

ROOT = Path(__file__).resolve().parents[2]
GREEDY = GenerationOptions(max_new_tokens=12, greedy=True)


def load(model: Path | str, **options: Any) -> LocalEngine:
    return load_engine(ModelSpec(str(model), **options), lambda progress: None, threading.Event())


def answer(engine: LocalEngine) -> str:
    prompt = engine.prepare([Message("user", (image((128, 96)), Text("Describe it.")))])
    return "".join(event.text for event in engine.stream(prompt, GREEDY, threading.Event()) if isinstance(event, Chunk))


def network(engine: LocalEngine) -> nn.Module:
    model = engine._model
    assert isinstance(model, nn.Module)
    return model


@pytest.fixture
def copied(tiny_folder: TinyFolder, tmp_path: Path) -> Path:
    """A checkpoint that a test may spoil."""
    return Path(shutil.copytree(tiny_folder("qwen3_vl"), tmp_path / "copy"))


def test_the_pocket_model_is_loaded_with_progress_and_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def refuse(*args: Any, **_: Any) -> None:
        asked.append(args)
        raise OSError("no network here")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    told: list[LoadProgress] = []
    engine = load_engine(ModelSpec(), told.append, threading.Event())
    assert asked == []
    assert (engine.info.name, engine.info.family, engine.info.is_pocket) == ("pocket", "Qwen3-VL", True)
    assert engine.info.memory_bytes > 10 * 2**20
    stages = list(dict.fromkeys(progress.stage for progress in told))
    assert stages[0] == "Looking for the model"
    assert stages[-1] == "Testing the model"
    fractions = [progress.fraction for progress in told if progress.stage == "Loading the weights"]
    assert fractions[0] is None
    assert fractions[-1] == 1.0
    engine.close()


@pytest.mark.parametrize("quantization", ["none", "8bit"])
def test_progress_and_log_lines_stay_out_of_the_terminal(
    tiny_folder: TinyFolder, capfd: pytest.CaptureFixture[str], quantization: Quantization
) -> None:
    folder = wide(tiny_folder, "qwen3_vl")
    capfd.readouterr()
    assert answer(load(folder, quantization=quantization, device="cpu", dtype="bfloat16"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "dtype", "label"),
    [
        ({}, torch.float32, "fp32"),
        ({"dtype": "bfloat16"}, torch.bfloat16, "bf16"),
        ({"dtype": "float32", "device": "cpu"}, torch.float32, "fp32"),
    ],
)
def test_precision_is_chosen_or_asked_for(
    tiny_folder: TinyFolder, options: dict[str, str], dtype: torch.dtype, label: str
) -> None:
    engine = load(tiny_folder("qwen3_vl"), **({"device": "cpu"} | options))
    assert (engine.info.dtype, engine.info.device, engine.info.quantization) == (label, "CPU", "none")
    assert {weight.dtype for weight in network(engine).parameters()} == {dtype}
    assert answer(engine)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_a_folder_is_shown_by_its_own_name(tiny_folder: TinyFolder, model_type: str) -> None:
    folder = tiny_folder(model_type)
    info = load(folder).info
    assert (info.name, info.context_tokens, info.is_pocket) == (folder.name, CONTEXT, False)


def test_the_pocket_model_is_known_by_its_place_however_it_is_named() -> None:
    assert load(f"{POCKET_DIR.parent}/../model/pocket").info.name == "pocket"


def test_the_folder_that_one_stands_in_is_shown_by_its_own_name(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied)
    assert load(".").info.name == copied.name


# --- memory and quantisation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_memory_is_estimated_before_loading(tiny_folder: TinyFolder, model_type: str) -> None:
    folder = tiny_folder(model_type)
    weights = sum(weight.numel() for weight in load_file(folder / WEIGHTS).values())
    assert estimate_bytes(folder, "none", torch.float32) == 4 * weights
    assert estimate_bytes(folder, "none", torch.bfloat16) == 2 * weights


def wide(tiny_folder: TinyFolder, model_type: str) -> Path:
    """Wide enough that the quantised layers are most of the model."""
    sizes = {
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "hidden_size": 256,
        "num_attention_heads": 8,
        "head_dim": 32,
    }
    return tiny_folder(model_type, **sizes)


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
@pytest.mark.parametrize("model_type", ["qwen3_vl", "qwen3_vl_moe"])
def test_quantised_models_keep_their_eyes_and_answer(
    tiny_folder: TinyFolder, model_type: str, quantization: Quantization
) -> None:
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    folder = wide(tiny_folder, model_type)
    engine = load(folder, quantization=quantization, device="cpu", dtype="bfloat16")
    layers = dict(network(engine).named_modules())
    quantized = {name for name, layer in layers.items() if isinstance(layer, (Linear4bit, Linear8bitLt))}
    assert quantized
    assert all(name.startswith("model.language_model.") for name in quantized)
    assert not any("experts" in name for name in quantized)
    plain = {name for name, layer in layers.items() if isinstance(layer, nn.Linear)} - quantized
    assert "lm_head" in plain
    assert any(name.startswith("model.visual.") for name in plain)
    assert engine.info.quantization == quantization
    assert answer(engine)
    estimated = estimate_bytes(folder, quantization, torch.bfloat16)
    assert estimated < estimate_bytes(folder, "none", torch.bfloat16)
    assert abs(estimated - engine.info.memory_bytes) <= 0.1 * engine.info.memory_bytes


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_quantised_answers_stay_close_to_the_plain_ones(tiny_folder: TinyFolder, quantization: Quantization) -> None:
    folder = wide(tiny_folder, "qwen3_vl")
    inputs = load(folder).prepare([Message("user", (image((128, 96)), Text("Hm?")))]).payload.inputs  # type: ignore[attr-defined]  # the engine's own payload
    logits = []
    for each in ("none", quantization):
        model = network(load(folder, quantization=each, device="cpu", dtype="float32"))
        with torch.no_grad():
            logits.append(model(**inputs).logits.flatten())
    assert torch.cosine_similarity(logits[0], logits[1], dim=0) > 0.95


def test_layers_of_odd_width_are_left_out_of_four_bits(tiny_folder: TinyFolder) -> None:
    from bitsandbytes.nn import Linear4bit

    engine = load(tiny_folder("qwen3_vl", intermediate_size=72), quantization="4bit", device="cpu", dtype="bfloat16")
    quantized = {
        name.rsplit(".", 1)[1] for name, layer in network(engine).named_modules() if isinstance(layer, Linear4bit)
    }
    assert quantized == {"q_proj", "k_proj", "v_proj", "o_proj"}
    assert answer(engine)


def test_a_model_larger_than_the_memory_is_refused_before_loading(
    tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(ModelError, match=r"needs .* GiB and 0\.0 GiB are free"):
        load(tiny_folder("qwen3_vl"), device="cpu")


def test_patches_are_embedded_by_a_matrix_product_with_the_same_numbers(tiny_folder: TinyFolder) -> None:
    embedding = network(load(tiny_folder("qwen3_vl"))).model.visual.patch_embed  # type: ignore[union-attr]  # a module
    projection: Any = embedding.proj  # type: ignore[union-attr]  # a module
    patches = torch.randn(5, 3, 2, 16, 16)
    expected = nn.functional.conv3d(patches, projection.weight, projection.bias, stride=projection.stride)
    assert torch.allclose(projection(patches), expected.flatten(1), atol=1e-5)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "cuda:99"}, "device"),
        ({"device": "quantum"}, "device"),
        ({"device": "xpu"}, "no device “xpu” here"),
        ({"device": "hpu"}, "no device “hpu” here"),
        ({"device": "meta"}, "no device “meta” here"),
        ({"dtype": "int3"}, "precision"),
    ],
)
def test_devices_and_precisions_that_do_not_exist(tiny_folder: TinyFolder, options: dict[str, str], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        load(tiny_folder("qwen3_vl"), **options)


def change_config(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


def drop_a_weight(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    del weights["model.language_model.layers.0.mlp.up_proj.weight"]
    save_file(weights, folder / WEIGHTS, {"format": "pt"})


def spoil_numbers(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    weights["model.language_model.norm.weight"][:] = float("nan")
    save_file(weights, folder / WEIGHTS, {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (drop_a_weight, ModelError, "missing"),
        (spoil_numbers, EngineError, "no numbers"),
        (lambda f: (f / "chat_template.jinja").unlink(), UnsupportedModel, "chat template"),
        (lambda f: (f / "tokenizer.json").unlink(), ModelError, "do not fit|chat template"),
        (lambda f: (f / "tokenizer.json").write_text("{"), ModelError, "damaged"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), ModelError, "do not fit"),
        (
            lambda f: change_config(f, lambda c: c["text_config"].update(hidden_size=96)),
            ModelError,
            "do not fit|missing",
        ),
        (lambda f: change_config(f, lambda c: c["vision_config"].update(depth="many")), ModelError, "do not fit"),
        (lambda f: change_config(f, lambda c: c.update(model_type="llama")), UnsupportedModel, "llama"),
        (lambda f: (f / "config.json").unlink(), ModelNotFound, "config"),
    ],
)
def test_unusable_checkpoints_are_refused_in_a_sentence(
    copied: Path, spoil: Callable[[Path], object], error: type[Exception], words: str
) -> None:
    spoil(copied)
    with pytest.raises(error, match=words) as refusal:
        load(copied)
    assert str(copied) not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_load_can_be_called_off_before_and_during(tiny_folder: TinyFolder) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(ModelError, match="called off"):
        load_engine(ModelSpec(str(tiny_folder("qwen3_vl"))), lambda progress: None, cancel)
    cancel.clear()

    def cancel_at_weights(progress: LoadProgress) -> None:
        if progress.stage == "Loading the weights":
            cancel.set()

    with pytest.raises(ModelError, match="called off"):
        load_engine(ModelSpec(str(tiny_folder("qwen3_vl"))), cancel_at_weights, cancel)


def test_torch_and_torchvision_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """As a CPU-only torch beside the usual torchvision does it: the import fails on an operator."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    code = (
        f"import sys, threading\nsys.path.insert(0, {str(tmp_path)!r})\n"
        "from model.errors import BrokenInstall\nfrom model.loading import ModelSpec, load_engine\n"
        "try:\n    load_engine(ModelSpec(), lambda progress: None, threading.Event())\n"
        "except BrokenInstall as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip install --force-reinstall torch torchvision" in done.stdout


def test_a_missing_package_is_named_as_such(tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_bitsandbytes(plan: object) -> None:
        raise ImportError("Using `bitsandbytes` 4-bit quantization requires bitsandbytes")

    monkeypatch.setattr(loading, "_quantization_config", without_bitsandbytes)
    with pytest.raises(BrokenInstall, match="requirements"):
        load(tiny_folder("qwen3_vl"), quantization="4bit")


def test_a_quantisation_that_does_not_exist_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="3bit"):
        ModelSpec(quantization="3bit")  # type: ignore[arg-type]  # on purpose
