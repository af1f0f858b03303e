"""LoRA adapters: a small folder of weights that changes what a model does, made by fine-tuning.

Knows the files that peft writes, and which base model an adapter belongs to. Does not know how the base is loaded or
who trained the adapter. peft is imported only when there is an adapter; torch late, as everywhere in `model`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import BrokenInstall, ModelError, ModelNotFound, StudioError, UnsupportedModel
from model.files import check_weights, read_json, weight_files

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
BASE = "base.json"
"""Which model the adapter was trained on: its `name`, and a `fingerprint` of its weights. Written by our training."""

_PREFIX = "base_model.model."
_MATRICES = {".lora_A.weight": "in_features", ".lora_B.weight": "out_features"}
_ODD_CODE = "megatron_config"  # with it peft imports a module that the adapter names


def check_adapter(adapter: Path, base: Path, base_name: str) -> Path:
    """Make sure that a folder holds a complete LoRA adapter, without code of its own, of the model in `base`.

    Returns the folder. Raises `ModelNotFound` when there is none, `UnsupportedModel` when it is of another kind, of
    another model, or unsafe, and `ModelError` when files are missing or damaged.
    """
    folder = adapter.expanduser()
    if not folder.is_dir():
        raise ModelNotFound("There is no such adapter folder. Give the folder that fine-tuning wrote.")
    config = _config(folder)
    kind = str(config.get("peft_type"))
    if kind.upper() != "LORA":
        raise UnsupportedModel(f"This adapter is of the kind “{kind}”. Choose a LoRA adapter.")
    if config.get(_ODD_CODE) or "auto_map" in config:
        raise UnsupportedModel("This adapter wants to run code of its own, which is never allowed. Choose another one.")
    if not (folder / WEIGHTS).is_file():
        raise _without_weights(folder)
    check_weights(folder / WEIGHTS, "adapter")
    if (folder / BASE).is_file():
        _check_base(read_json(folder / BASE, "adapter"), base, base_name)
    return folder


def apply_adapter(model: PreTrainedModel, folder: Path, base_name: str, *, merge: bool) -> PreTrainedModel:
    """The model with the adapter: `merge`d into its weights, which costs nothing later, or beside them.

    Quantised weights cannot take it in. Raises `UnsupportedModel` when the adapter does not fit this model, and
    `BrokenInstall` without peft.
    """
    try:
        from peft import PeftModel
    except ImportError as error:
        raise BrokenInstall(
            "Adapters need the package peft. Install it: pip install -r requirements-train.txt."
        ) from error
    _check_shapes(model, folder, base_name)
    try:
        adapted = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
        plain: PreTrainedModel = adapted.merge_and_unload() if merge else adapted.get_base_model()
    except (RuntimeError, ValueError, KeyError, TypeError) as error:  # peft's own, for files that contradict each other
        raise _misfit(folder, base_name) from error
    return plain.eval()


def write_base(folder: Path, base_name: str, base_fingerprint: str) -> None:
    """Say in an adapter's folder which model it belongs to."""
    told = {"name": base_name, "fingerprint": base_fingerprint}
    (folder / BASE).write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def fingerprint(model_folder: Path) -> str:
    """A digest of the first row of every weight: quick, and another one as soon as a model was trained further."""
    from safetensors import safe_open

    digest = hashlib.sha256()
    for file in sorted(weight_files(model_folder)):
        with safe_open(file, framework="pt") as weights:
            for name in sorted(weights.keys()):
                # float32 holds every number of the shorter formats exactly, and numpy knows no bfloat16.
                row = weights.get_slice(name)[:1] if weights.get_slice(name).get_shape() else weights.get_tensor(name)
                digest.update(name.encode() + row.float().numpy().tobytes())
    return digest.hexdigest()


def _config(folder: Path) -> dict[str, Any]:
    if (folder / CONFIG).is_file():
        return read_json(folder / CONFIG, "adapter")
    if (folder / "config.json").is_file():
        raise UnsupportedModel("This folder holds a whole model. Name it with --model instead of --adapter.")
    raise ModelNotFound(f"This folder holds no adapter: it has no {CONFIG}.")


def _without_weights(folder: Path) -> StudioError:
    if any(next(folder.glob(pattern), None) for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt")):
        return UnsupportedModel(
            "The adapter's weights are pickle files, which can run code. Choose one with safetensors."
        )
    return ModelError(f"The adapter has no weights: {WEIGHTS} is missing. Get it again.")


def _check_base(told: dict[str, Any], base: Path, base_name: str) -> None:
    if told.get("fingerprint") == fingerprint(base):
        return
    name = str(told.get("name"))
    if _last(name) == _last(base_name):
        raise UnsupportedModel(f"This adapter was made for other weights of {name}. Train it again on these.")
    raise _other_base(name, base_name)


def _other_base(name: str, base_name: str) -> UnsupportedModel:
    return UnsupportedModel(f"This adapter was made for {name}, not for {base_name}. Choose that one with --model.")


def _check_shapes(model: PreTrainedModel, folder: Path, base_name: str) -> None:
    """Every matrix of the adapter has a layer of its width in the model; peft passes over those that have none."""
    from safetensors import safe_open

    layers = dict(model.named_modules())
    with safe_open(folder / WEIGHTS, framework="pt") as weights:
        for name in weights.keys():  # noqa: SIM118  # no dict: it has no other way to list its names
            ending = next((end for end in _MATRICES if name.endswith(end)), None)
            layer = layers.get(name.removeprefix(_PREFIX).removesuffix(ending or ""))
            if ending is None or layer is None:
                raise _misfit(folder, base_name)
            width = weights.get_slice(name).get_shape()[1 if ending == ".lora_A.weight" else 0]
            if width != getattr(layer, _MATRICES[ending], None):
                raise _misfit(folder, base_name)


def _misfit(folder: Path, base_name: str) -> UnsupportedModel:
    """What peft wrote as the base may be a path of another machine; only its last part is shown."""
    named = _last(str(read_json(folder / CONFIG, "adapter").get("base_model_name_or_path") or ""))
    if named and named != _last(base_name):
        return _other_base(named, base_name)
    return UnsupportedModel(f"This adapter does not fit {base_name}. Choose the model that it was made for.")


def _last(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]
