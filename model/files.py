"""From a model's name to a folder of files that are safe to load: found, downloaded, checked.

Knows the hub, folders and file formats, and refuses what could run foreign code. Does not know tensors: nothing here
imports torch, and a model that is turned away costs no time. A local folder and the pocket model never touch the
network; a model from the hub does only until it is complete on this machine.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import errors as hub_errors
from safetensors import SafetensorError, safe_open
from tqdm.auto import tqdm

from model.catalog import POCKET_NAME, family_of_model_type
from model.errors import ModelError, ModelNotFound, UnsupportedModel

POCKET_DIR = Path(__file__).resolve().parent / "pocket"

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"

# What a download fetches: weights as safetensors, and the text files that describe model, tokenizer and processor.
_WANTED = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]
_HUB_TIMEOUT_S = 10.0
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

Report = Callable[[float | None], None]


def find_model(name: str, report: Report, cancel: threading.Event) -> Path:
    """The folder of the model that a person named: "pocket", a local folder, or a hub id, which is downloaded.

    `report` gets the fraction of a download that is done. Raises `ModelNotFound` with what to do, `UnsupportedModel`
    before a large download of something that cannot be used, and `ModelError` when `cancel` is set.
    """
    if name == POCKET_NAME:
        return POCKET_DIR
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if not _HUB_ID.fullmatch(name) or name.startswith("."):
        raise ModelNotFound(
            "There is no such model folder. Give a folder, or a hub id such as Qwen/Qwen3-VL-4B-Instruct."
        )
    return _cached(name) or _download(name, report, cancel)


def check_files(folder: Path) -> dict[str, Any]:
    """Make sure that the folder holds a complete model of a known family that runs no code of its own.

    Returns its config.json. Raises `ModelNotFound` when there is no model, `UnsupportedModel` when it is another kind
    or unsafe, and `ModelError` when files are missing or damaged.
    """
    if not (folder / "config.json").is_file():
        raise ModelNotFound("This folder holds no model: it has no config.json.")
    config = read_json(folder / "config.json")
    family_of_model_type(str(config.get("model_type")))
    if any("auto_map" in read_json(file) for file in folder.glob("*.json") if file.name != WEIGHTS_INDEX):
        raise UnsupportedModel("This model wants to run code of its own, which is never allowed. Choose another one.")
    if (method := (config.get("quantization_config") or {}).get("quant_method", "bitsandbytes")) != "bitsandbytes":
        raise UnsupportedModel(f"This model is stored as {method}. Choose the original and load it with 4 or 8 bits.")
    for file in weight_files(folder):
        check_weights(file)
    return config


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make up the model; all of them exist."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / WEIGHTS_INDEX).is_file():
        if any(next(folder.glob(pattern), None) for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt")):
            raise UnsupportedModel("The weights are pickle files, which can run code. Choose a model with safetensors.")
        raise ModelError("This model has no weights. Get it again, with its safetensors files.")
    names = sorted(set(read_json(folder / WEIGHTS_INDEX).get("weight_map", {}).values()))
    files = [folder / Path(name).name for name in names]
    if not files or not all(file.is_file() for file in files):
        raise ModelError("Some of the model's weights are missing. Get it again.")
    return files


def check_weights(file: Path, what: str = "model") -> None:
    """Opening reads the header and compares it with the length of the file. `what` it belongs to is for the error."""
    try:
        with safe_open(file, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The {what}'s weights are damaged or cut short. Get it again.") from error


def read_json(file: Path, what: str = "model") -> dict[str, Any]:
    """The object in a JSON file. Raises `ModelError` when it cannot be read; `what` it belongs to is for the error."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"The {what}'s files are damaged. Get it again.") from error
    return value if isinstance(value, dict) else {}


def _cached(hub_id: str) -> Path | None:
    """The folder of an earlier, complete download; the hub is not asked."""
    try:
        folder = Path(huggingface_hub.snapshot_download(hub_id, allow_patterns=_WANTED, local_files_only=True))
        weight_files(folder)
    except (hub_errors.LocalEntryNotFoundError, hub_errors.HFValidationError, ModelError):
        return None
    return folder if (folder / "config.json").is_file() else None


def _download(hub_id: str, report: Report, cancel: threading.Event) -> Path:
    try:
        _check_before_download(hub_id)
        folder = huggingface_hub.snapshot_download(
            hub_id, allow_patterns=_WANTED, tqdm_class=progress_bar(report, cancel, unit="B")
        )
    except hub_errors.GatedRepoError as error:
        raise ModelNotFound(f"{hub_id} asks you to accept its terms on the hub and to log in first.") from error
    except (hub_errors.RepositoryNotFoundError, hub_errors.HFValidationError) as error:
        raise ModelNotFound(f"There is no model {hub_id} on the hub. Check its spelling.") from error
    except ModelError:
        raise
    except Exception as error:  # a full disk, and everything that the hub's client lets through from its transport
        raise ModelNotFound(
            f"{hub_id} is not on this machine and could not be downloaded. Check the network, or choose a local folder."
        ) from error
    return Path(folder)


def _check_before_download(hub_id: str) -> None:
    """Look at the list of files and at config.json, which are small, before gigabytes are fetched.

    The list is asked for first: of the client's calls it is the one that does not try again for half a minute.
    """
    info = huggingface_hub.HfApi().model_info(hub_id, timeout=_HUB_TIMEOUT_S)
    names = [file.rfilename for file in info.siblings or ()]
    if "config.json" not in names:
        raise UnsupportedModel(f"{hub_id} is not a model that can be loaded: it has no config.json.")
    config = read_json(Path(huggingface_hub.hf_hub_download(hub_id, "config.json")))
    family_of_model_type(str(config.get("model_type")))
    if not any(name.endswith(".safetensors") for name in names):
        raise UnsupportedModel(
            f"{hub_id} has no safetensors weights, and pickle files can run code. Choose another one."
        )


def progress_bar(report: Report, cancel: threading.Event, unit: str | None = None) -> type[Any]:
    """A tqdm class that prints nothing, reports the fraction done, and ends the work when `cancel` is set.

    With `unit` only bars of that unit report: a download has one for its bytes and another for its files.
    """

    class _Bar(tqdm):  # type: ignore[misc]  # tqdm is untyped
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs | {"file": io.StringIO(), "disable": False, "mininterval": 0.2})

        def display(self, *_args: Any, **_kwargs: Any) -> None:
            if self.total and unit in (None, self.unit):
                report(min(1.0, self.n / self.total))

        def update(self, n: float | None = 1) -> bool | None:
            if cancel.is_set():
                raise ModelError("Loading was called off.")
            moved: bool | None = super().update(n)
            return moved

    return _Bar
