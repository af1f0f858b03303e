"""From a specification to an engine that answers: files, memory, device, quantisation, weights, a self-test.

Knows how transformers and bitsandbytes load a model. Does not know who wanted it or how progress is shown. Importing
this module is cheap: torch is imported by `load_engine`, in the caller's thread, after the page is up.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import psutil

from model.adapters import apply_adapter, check_adapter
from model.catalog import POCKET_NAME, family_of_model_type
from model.errors import BrokenInstall, ModelError, StudioError, UnsupportedModel
from model.files import POCKET_DIR, Report, check_files, find_model, progress_bar, weight_files
from model.types import EngineInfo

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel, ProcessorMixin

    from model.engines.local import LocalEngine

__all__ = ["POCKET_DIR", "LoadProgress", "LoadedModel", "ModelSpec", "estimate_bytes", "load_engine", "load_model"]

Quantization = Literal["none", "8bit", "4bit"]

# Weights up to this size are turned into float32 on a CPU: they fit anyway, and it is exact and not slower.
_SMALL_BYTES = 2**30

# Quantised layers: int8 has a float32 scale for each row, nf4 one for every 64 weights.
_SCALE_BYTES, _NF4_BLOCK = 4, 64

# bitsandbytes leaves these alone. A quantised vision tower is a known cause of answers that make no sense.
_NEVER_QUANTIZED = ("model.visual", "lm_head")
_NF4_WIDTH = 32  # the 4-bit kernels of some CPUs take only widths that are a multiple of this

_DTYPE_LABELS = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What to load: "pocket", a local folder or a hub id; in how many bits, on which device, in which numbers.

    `adapter` is the folder of a LoRA adapter that fine-tuning wrote, "" for none. `device` is "auto" or a torch device
    ("cpu", "cuda", "cuda:1", "mps"), `dtype` "auto" or a torch dtype's name.
    """

    model: str = POCKET_NAME
    quantization: Quantization = "none"
    device: str = "auto"
    dtype: str = "auto"
    adapter: str = ""

    def __post_init__(self) -> None:
        if self.quantization not in get_args(Quantization):
            raise ValueError(f"not a quantisation: {self.quantization}")


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """What is being done, for a person, and the fraction of it that is done (None: not known)."""

    stage: str
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with its weights in place, and what belongs to it. `name` is what a person calls it."""

    model: PreTrainedModel
    processor: ProcessorMixin
    name: str
    folder: Path
    family: str
    quantization: Quantization
    device: torch.device
    dtype: torch.dtype

    @property
    def is_pocket(self) -> bool:
        """Whether it is the model that comes with the program."""
        return self.folder.resolve() == POCKET_DIR

    @property
    def context_tokens(self) -> int:
        return int(self.model.config.get_text_config().max_position_embeddings)


def load_engine(spec: ModelSpec, progress: Callable[[LoadProgress], None], cancel: threading.Event) -> LocalEngine:
    """Load a model and give the engine that runs it.

    Raises a `ModelError` with one plain sentence when the model cannot be had, and soon after `cancel` is set. The
    pocket model is loaded like any other; only its place is known beforehand.
    """
    loaded = load_model(spec, progress, cancel)
    with _Steps(progress, cancel)("Testing the model"), _plain_errors():
        return _start_engine(spec, loaded)


def load_model(spec: ModelSpec, progress: Callable[[LoadProgress], None], cancel: threading.Event) -> LoadedModel:
    """Load a model's weights and processor, with its adapter. Raises what `load_engine` raises."""
    step = _Steps(progress, cancel)
    with step("Looking for the model") as report:
        folder = find_model(spec.model, report, cancel)
    with step("Checking the files"):
        config = check_files(folder)
        adapter = check_adapter(Path(spec.adapter), folder, _name(spec, folder)) if spec.adapter else None
    with step("Starting PyTorch"):
        _import_torch()
        plan = _plan(spec, folder, config)
    with step("Checking the memory"):
        _check_memory(plan)
    with step("Loading the weights") as report, _plain_errors():
        model = _load_model(plan, report, cancel)
        processor = _load_processor(folder)
    name = _name(spec, folder)
    if adapter:
        with step("Adding the adapter"), _plain_errors():
            model = apply_adapter(model, adapter, name, merge=plan.quantization == "none")
    return LoadedModel(model, processor, name, folder, plan.family, plan.quantization, plan.device, plan.dtype)


def estimate_bytes(folder: Path, quantization: Quantization, dtype: torch.dtype) -> int:
    """Bytes that the loaded weights will take; nothing is loaded for it.

    Exact for plain weights. Quantised layers are counted with their scales; experts of a mixture are fused parameters,
    which bitsandbytes leaves in `dtype`.
    """
    model = _meta_model(folder, dtype)
    skipped = _not_quantized(model, quantization)
    quantized = {
        id(layer.weight): layer
        for name, layer in _linear_layers(model)
        if quantization != "none" and not name.startswith(skipped)
    }
    return sum(
        _quantized_bytes(quantized[id(weight)], quantization)
        if id(weight) in quantized
        else weight.numel() * weight.element_size()
        for weight in model.parameters()
    )


class _Steps:
    """Announces each step, and does not begin one after `cancel` was set."""

    def __init__(self, progress: Callable[[LoadProgress], None], cancel: threading.Event) -> None:
        self._progress = progress
        self._cancel = cancel

    @contextmanager
    def __call__(self, stage: str) -> Iterator[Report]:
        if self._cancel.is_set():
            raise ModelError("Loading was called off.")
        self._progress(LoadProgress(stage))
        yield lambda fraction: self._progress(LoadProgress(stage, fraction))


@dataclass(frozen=True, slots=True)
class _Plan:
    """How exactly the model will be loaded. `stored_quantized`: the checkpoint itself says how."""

    folder: Path
    family: str
    quantization: Quantization
    stored_quantized: bool
    device: torch.device
    device_map: str | dict[str, torch.device]
    dtype: torch.dtype


def _import_torch() -> None:
    """Import what loading needs; a pair of torch and torchvision that do not fit together is named as such."""
    try:
        import torchvision  # noqa: F401  # its compiled operators are registered, or fail, when it is imported
        import transformers
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise BrokenInstall(
            "PyTorch and torchvision do not work together here. Reinstall both at once: "
            "pip install --force-reinstall torch torchvision."
        ) from error
    transformers.utils.logging.set_verbosity_error()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it logs every matrix product, and kernels it lacks


def _plan(spec: ModelSpec, folder: Path, config: dict[str, Any]) -> _Plan:
    import torch

    stored = _stored_quantization(config)
    if stored != "none" and spec.quantization not in ("none", stored):
        raise UnsupportedModel(f"This model is stored in {stored} already. Load it without another quantisation.")
    device = _device(spec.device)
    spread = spec.device == "auto" and device.type == "cuda" and torch.cuda.device_count() > 1
    return _Plan(
        folder=folder,
        family=family_of_model_type(config["model_type"]).key,
        quantization=spec.quantization if stored == "none" else stored,
        stored_quantized=stored != "none",
        device=device,
        device_map="auto" if spread else {"": device},
        dtype=_dtype(spec.dtype, device, folder),
    )


def _stored_quantization(config: dict[str, Any]) -> Quantization:
    stored = config.get("quantization_config") or {}
    return "4bit" if stored.get("load_in_4bit") else "8bit" if stored.get("load_in_8bit") else "none"


def _device(wanted: str) -> torch.device:
    import torch

    if wanted == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        probe = torch.zeros(1, device=wanted)
        probe.item()  # the device "meta" holds no numbers
    except (RuntimeError, AssertionError, ImportError) as error:  # each backend has its own way to say no
        raise ModelError(f"There is no device “{wanted}” here. Choose auto or cpu.") from error
    return probe.device


def _dtype(wanted: str, device: torch.device, folder: Path) -> torch.dtype:
    import torch

    if wanted in _DTYPE_LABELS:
        dtype: torch.dtype = getattr(torch, wanted)
        return dtype
    if wanted != "auto":
        raise ModelError(f"“{wanted}” is no precision. Choose auto, bfloat16, float16 or float32.")
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return torch.float16
    small = sum(file.stat().st_size for file in weight_files(folder)) <= _SMALL_BYTES
    return torch.float32 if device.type == "cpu" and small else torch.bfloat16


def _check_memory(plan: _Plan) -> None:
    """Refuse what cannot fit before anything is loaded; a machine that swaps is worse than a sentence."""
    needed, free = estimate_bytes(plan.folder, plan.quantization, plan.dtype), _free_bytes(plan)
    if needed > free:
        raise ModelError(
            f"This model needs {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free. "
            "Choose a smaller model, or fewer bits."
        )


def _free_bytes(plan: _Plan) -> int:
    import torch

    if plan.device.type == "cuda":
        devices = range(torch.cuda.device_count()) if plan.device_map == "auto" else [plan.device]
        return sum(torch.cuda.mem_get_info(device)[0] for device in devices)
    if plan.device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    return int(psutil.virtual_memory().available)


def _meta_model(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """The model without its weights: every parameter has a shape and takes no memory."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    with _plain_errors(), torch.device("meta"):
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        return AutoModelForImageTextToText.from_config(config, dtype=dtype)


def _linear_layers(model: PreTrainedModel) -> Iterator[tuple[str, nn.Linear]]:
    from torch import nn

    return ((name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear))


def _not_quantized(model: PreTrainedModel, quantization: Quantization) -> tuple[str, ...]:
    """Names, or beginnings of names, of the modules that stay as they are."""
    widths = ((name, layer.in_features, layer.out_features) for name, layer in _linear_layers(model))
    odd = (name for name, *sides in widths if any(side % _NF4_WIDTH for side in sides))
    return (*_NEVER_QUANTIZED, *(odd if quantization == "4bit" else ()))


def _quantized_bytes(layer: nn.Linear, quantization: Quantization) -> int:
    count = layer.weight.numel()
    if quantization == "8bit":
        return count + layer.out_features * _SCALE_BYTES
    return count // 2 + count // _NF4_BLOCK * _SCALE_BYTES


def _load_model(plan: _Plan, report: Report, cancel: threading.Event) -> PreTrainedModel:
    from transformers import AutoModelForImageTextToText

    with _progress_of_transformers(report, cancel):
        model, found = AutoModelForImageTextToText.from_pretrained(
            plan.folder,
            dtype=plan.dtype,
            device_map=plan.device_map,
            quantization_config=_quantization_config(plan),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    if found["missing_keys"] or found["mismatched_keys"]:  # else they would be random numbers
        raise ModelError("Some of the model's weights are missing. Get it again.")
    _use_linear_patches(model)
    return model.eval()


def _quantization_config(plan: _Plan) -> Any:
    if plan.quantization == "none" or plan.stored_quantized:
        return None
    from transformers import BitsAndBytesConfig

    skipped = list(_not_quantized(_meta_model(plan.folder, plan.dtype), plan.quantization))
    if plan.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skipped)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=plan.dtype,
        llm_int8_skip_modules=skipped,
    )


def _use_linear_patches(model: PreTrainedModel) -> None:
    """Compute the patch embedding as the matrix product that it is.

    Its convolution has a kernel as large as its stride and sees one patch at a time: the same numbers, but many times
    slower in bfloat16 on a CPU and in some builds for GPUs.
    """
    from torch import nn
    from torch.nn import functional

    class PatchLinear(nn.Conv3d):
        def forward(self, patches: torch.Tensor) -> torch.Tensor:
            return functional.linear(patches.flatten(1), self.weight.flatten(1), self.bias)

    for module in model.model.visual.patch_embed.modules():
        if type(module) is nn.Conv3d and module.kernel_size == module.stride:
            module.__class__ = PatchLinear  # the weights stay where they are, under the same names


def _load_processor(folder: Path) -> ProcessorMixin:
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if not processor.chat_template:
        raise UnsupportedModel(
            "This model has no chat template, so it cannot hold a conversation. Choose an Instruct one."
        )
    return processor


def _start_engine(spec: ModelSpec, loaded: LoadedModel) -> LocalEngine:
    from model.engines.local import LocalEngine

    adapter = Path(spec.adapter).expanduser().resolve().name if spec.adapter else ""
    info = EngineInfo(
        name=f"{loaded.name}+{adapter}" if adapter else loaded.name,
        family=loaded.family,
        device=_device_label(loaded.device),
        dtype=_DTYPE_LABELS[str(loaded.dtype).removeprefix("torch.")],
        quantization=loaded.quantization,
        memory_bytes=loaded.model.get_memory_footprint(),
        context_tokens=loaded.context_tokens,
        is_pocket=loaded.is_pocket,
        adapter=adapter,
    )
    engine = LocalEngine(loaded.model, loaded.processor, info)
    engine.self_test()
    return engine


def _name(spec: ModelSpec, folder: Path) -> str:
    """ "pocket", a hub id, or the last part of a folder's path."""
    if folder.resolve() == POCKET_DIR:
        return POCKET_NAME
    return folder.resolve().name if Path(spec.model).expanduser().is_dir() else spec.model


def _device_label(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else "CPU"


@contextmanager
def _progress_of_transformers(report: Report, cancel: threading.Event) -> Iterator[None]:
    """Report what transformers would draw as a progress bar."""
    from transformers.utils import logging as transformers_logging

    bar = progress_bar(report, cancel)
    previous = transformers_logging.set_tqdm_hook(lambda _factory, args, kwargs: bar(*args, **kwargs))
    try:
        yield
    finally:
        transformers_logging.set_tqdm_hook(previous)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Whatever the libraries raise over a model's files becomes one sentence."""
    import torch

    try:
        yield
    except StudioError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ModelError("The memory is full. Choose a smaller model, or fewer bits.") from error
    except ImportError as error:
        raise BrokenInstall("A package that this model needs is missing. Install the requirements again.") from error
    except Exception as error:  # OSError, ValueError, KeyError, RuntimeError, validation errors of configurations, ...
        raise ModelError("The model's files do not fit together. Get it again.") from error
