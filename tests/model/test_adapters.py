"""LoRA adapters: they change answers as their matrices say, belong to one model, and bring no code along."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from model import adapters
from model.catalog import sampling_of
from model.engines.local import LocalEngine
from model.errors import BrokenInstall, ModelError, ModelNotFound, UnsupportedModel
from model.files import WEIGHTS
from model.loading import ModelSpec, load_engine, load_model
from model.types import EngineInfo, Message, Text
from tests.model.conftest import TinyFolder
from tests.model.pictures import image

LAYER = "model.language_model.layers.0.self_attn.q_proj"
TARGETS = ["q_proj", "v_proj", "linear_fc1"]


def loaded(folder: Path, **options: Any) -> Any:
    return load_model(ModelSpec(str(folder), **options), lambda progress: None, threading.Event())


def make_adapter(base: Path, folder: Path) -> Path:
    """An adapter of a model as fine-tuning writes it, with random matrices."""
    torch.manual_seed(1)
    model = get_peft_model(loaded(base).model, LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    model.peft_config["default"].base_model_name_or_path = base.name
    model.save_pretrained(folder, save_embedding_layers=False)
    adapters.write_base(folder, base.name, adapters.fingerprint(base))
    return folder


@pytest.fixture(scope="module")
def base(tiny_folder: TinyFolder) -> Path:
    return tiny_folder("qwen3_vl")


@pytest.fixture(scope="module")
def made(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(base, tmp_path_factory.mktemp("adapters") / "hearts")


@pytest.fixture
def adapter(made: Path, tmp_path: Path) -> Path:
    """One that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def logits(model: Any, base: Path) -> torch.Tensor:
    engine = load_engine(ModelSpec(str(base)), lambda progress: None, threading.Event())
    inputs = engine.prepare([Message("user", (image((128, 96)), Text("Hm?")))]).payload.inputs  # type: ignore[attr-defined]  # the engine's own payload
    with torch.no_grad():
        result: torch.Tensor = model(**inputs).logits
    return result


def test_an_adapter_is_merged_into_the_weights_of_every_part(base: Path, made: Path) -> None:
    plain = load_file(base / WEIGHTS)
    matrices = load_file(made / adapters.WEIGHTS)
    adapted = dict(loaded(base, adapter=str(made), device="cpu").model.named_parameters())
    for layer in (LAYER, "model.visual.blocks.0.mlp.linear_fc1", "model.visual.merger.linear_fc1"):
        a, b = (matrices[f"base_model.model.{layer}.lora_{which}.weight"] for which in "AB")
        expected = plain[f"{layer}.weight"].float() + 8 / 4 * b.float() @ a.float()
        assert torch.allclose(adapted[f"{layer}.weight"].float(), expected, atol=1e-5)
    untouched = "model.language_model.layers.0.mlp.up_proj.weight"
    assert torch.equal(adapted[untouched].float(), plain[untouched].float())
    assert not any("lora" in name for name in adapted)


@pytest.mark.parametrize("model_type", ["qwen2_5_vl", "qwen3_5"])
def test_other_families_take_an_adapter_too(tiny_folder: TinyFolder, tmp_path: Path, model_type: str) -> None:
    folder = tiny_folder(model_type)
    spec = ModelSpec(str(folder), adapter=str(make_adapter(folder, tmp_path / "mine")))
    engine = load_engine(spec, lambda progress: None, threading.Event())
    assert (engine.info.name, engine.info.adapter) == (f"{folder.name}+mine", "mine")
    engine.close()


def test_quantised_weights_keep_the_adapter_beside_them(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    folder = tiny_folder("qwen3_vl", hidden_size=256, num_attention_heads=8, head_dim=32, intermediate_size=512)
    made = make_adapter(folder, tmp_path / "mine")
    options = {"device": "cpu", "dtype": "float32"}
    outputs = [
        logits(loaded(folder, **options, quantization=bits, adapter=adapter).model, folder).flatten()
        for bits, adapter in (("none", str(made)), ("4bit", str(made)), ("4bit", ""))
    ]
    near, far = (torch.cosine_similarity(outputs[0], other, dim=0) for other in outputs[1:])
    assert near > 0.95
    assert near > far + 0.01


def test_the_header_says_which_adapter_and_sampling_stays_the_models() -> None:
    info = EngineInfo("Qwen/Qwen3-VL-4B-Thinking+mine", "Qwen3-VL", "CPU", "fp32", "none", 0, 0, adapter="mine")
    assert info.base_name == "Qwen/Qwen3-VL-4B-Thinking"
    assert sampling_of(info).temperature == 1.0


def test_a_missing_peft_is_named_with_the_way_to_get_it(
    base: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    assert loaded(base).model  # without an adapter it is not needed
    with pytest.raises(BrokenInstall, match=r"pip install -r requirements-train\.txt"):
        loaded(base, adapter=str(made))


# --- refusals ---------------------------------------------------------------------------------------------------------


def change(folder: Path, file: str, **values: object) -> None:
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | values))


def as_pickle(folder: Path) -> None:
    (folder / adapters.WEIGHTS).unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({}))


def widen(folder: Path) -> None:
    (folder / adapters.BASE).unlink()
    weights = load_file(folder / adapters.WEIGHTS)
    name = f"base_model.model.{LAYER}.lora_A.weight"
    save_file(weights | {name: torch.zeros(4, 99)}, folder / adapters.WEIGHTS)


def whole_model(folder: Path) -> None:
    (folder / adapters.CONFIG).rename(folder / "config.json")


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (shutil.rmtree, ModelNotFound, "no such adapter folder"),
        (lambda f: (f / adapters.CONFIG).unlink(), ModelNotFound, "no adapter_config.json"),
        (whole_model, UnsupportedModel, "--model instead of --adapter"),
        (as_pickle, UnsupportedModel, "pickle files"),
        (lambda f: (f / adapters.WEIGHTS).unlink(), ModelError, "no weights"),
        (lambda f: (f / adapters.WEIGHTS).write_bytes(b"{"), ModelError, "damaged or cut short"),
        (lambda f: (f / adapters.CONFIG).write_text("{"), ModelError, "adapter's files are damaged"),
        (lambda f: change(f, adapters.CONFIG, peft_type="PREFIX_TUNING"), UnsupportedModel, "PREFIX_TUNING"),
        (lambda f: change(f, adapters.CONFIG, megatron_config={"a": 1}), UnsupportedModel, "code of its own"),
        (lambda f: change(f, adapters.CONFIG, auto_map={"a": "b"}), UnsupportedModel, "code of its own"),
        (lambda f: change(f, adapters.BASE, fingerprint="other"), UnsupportedModel, "other weights of"),
        (
            lambda f: change(f, adapters.BASE, fingerprint="other", name="Qwen/Qwen3-VL-4B-Instruct"),
            UnsupportedModel,
            r"made for Qwen/Qwen3-VL-4B-Instruct, not for .*--model",
        ),
        (widen, UnsupportedModel, "does not fit"),
    ],
)
def test_unusable_adapters_are_refused_in_a_sentence(
    base: Path, adapter: Path, spoil: Callable[[Path], object], error: type[Exception], words: str
) -> None:
    spoil(adapter)
    with pytest.raises(error, match=words) as refusal:
        loaded(base, adapter=str(adapter))
    assert str(adapter) not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_adapter_of_another_family_names_its_own_model(tiny_folder: TinyFolder, adapter: Path) -> None:
    other = tiny_folder("qwen2_vl")
    with pytest.raises(UnsupportedModel, match=r"made for .*, not for .*"):
        loaded(other, adapter=str(adapter))
    (adapter / adapters.BASE).unlink()  # as other trainers write it
    change(adapter, adapters.CONFIG, base_model_name_or_path="/somewhere/Qwen3-VL-4B-Instruct")
    with pytest.raises(UnsupportedModel, match=r"made for Qwen3-VL-4B-Instruct, not for") as refusal:
        loaded(other, adapter=str(adapter))
    assert "somewhere" not in str(refusal.value)


def test_the_fingerprint_changes_with_the_weights(base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(base, tmp_path / "copy"))
    assert adapters.fingerprint(folder) == adapters.fingerprint(base)
    weights = load_file(folder / WEIGHTS)
    weights["model.language_model.norm.weight"] += 0.1
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    assert adapters.fingerprint(folder) != adapters.fingerprint(base)


def test_the_engine_answers_with_the_adapter(base: Path, made: Path) -> None:
    engine: LocalEngine = load_engine(ModelSpec(str(base), adapter=str(made)), lambda progress: None, threading.Event())
    with_adapter = logits(engine._model, base)
    assert not torch.allclose(with_adapter, logits(loaded(base).model, base), atol=1e-3)
    engine.close()
