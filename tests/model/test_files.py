"""Finding, downloading and checking a model's files, without importing torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from model.errors import ModelError, ModelNotFound, UnsupportedModel
from model.files import POCKET_DIR, WEIGHTS, WEIGHTS_INDEX, check_files, find_model, weight_files

ROOT = Path(__file__).resolve().parents[2]


def ignore(fraction: float | None) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The least that passes for a model: a configuration and weights."""
    place = tmp_path / "my model"
    place.mkdir()
    (place / "config.json").write_text(json.dumps({"model_type": "qwen3_vl"}))
    save_file({"weight": np.zeros(100, dtype=np.float32)}, place / WEIGHTS)
    return place


def change_json(path: Path, **changes: Any) -> None:
    value = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(value | changes))


def test_the_pocket_model_and_folders_are_found_where_they_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model("pocket", ignore, threading.Event()) == POCKET_DIR
    assert find_model(str(folder), ignore, threading.Event()) == folder
    monkeypatch.chdir(folder.parent)
    assert find_model("my model", ignore, threading.Event()).resolve() == folder
    assert check_files(folder) == {"model_type": "qwen3_vl"}


def test_the_pocket_model_passes_its_own_checks() -> None:
    assert check_files(POCKET_DIR)["model_type"] == "qwen3_vl"
    assert sum(file.stat().st_size for file in weight_files(POCKET_DIR)) <= 16 * 2**20


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "nothing", "a/b/c", "", "https://example.com/x"])
def test_what_is_neither_folder_nor_hub_id_is_said_so(name: str) -> None:
    with pytest.raises(ModelNotFound, match="folder") as refusal:
        find_model(name, ignore, threading.Event())
    assert "/no/such" not in str(refusal.value)


Spoil = Callable[[Path], object]


def truncate_weights(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:-40])


def write_index(folder: Path, *names: str) -> None:
    (folder / WEIGHTS).rename(folder / "model-00001-of-00002.safetensors")
    change_json(folder / WEIGHTS_INDEX, weight_map={f"w{index}": name for index, name in enumerate(names)})


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda f: (f / "config.json").unlink(), ModelNotFound, "no config.json"),
        (lambda f: (f / "config.json").write_text("{half"), ModelError, "damaged"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00"), ModelError, "damaged"),
        (lambda f: (f / "config.json").write_text("[]"), UnsupportedModel, "families"),
        (lambda f: change_json(f / "config.json", model_type="llama"), UnsupportedModel, "llama"),
        (lambda f: change_json(f / "config.json", auto_map={"AutoModel": "evil.Model"}), UnsupportedModel, "code"),
        (lambda f: change_json(f / "tokenizer_config.json", auto_map={"AutoTokenizer": "x"}), UnsupportedModel, "code"),
        (
            lambda f: change_json(f / "config.json", quantization_config={"quant_method": "awq"}),
            UnsupportedModel,
            "awq",
        ),
        (lambda f: (f / WEIGHTS).unlink(), ModelError, "no weights"),
        (lambda f: (f / WEIGHTS).rename(f / "pytorch_model.bin"), UnsupportedModel, "pickle"),
        (truncate_weights, ModelError, "damaged"),
        (lambda f: (f / WEIGHTS).write_bytes(b""), ModelError, "damaged"),
        (lambda f: (f / WEIGHTS).write_bytes(b"\xff" * 100), ModelError, "damaged"),
        (
            lambda f: write_index(f, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
            ModelError,
            "missing",
        ),
        (lambda f: write_index(f), ModelError, "missing"),
    ],
)
def test_unusable_folders_are_refused_in_a_sentence(
    folder: Path, spoil: Spoil, error: type[ModelError], words: str
) -> None:
    spoil(folder)
    with pytest.raises(error, match=words) as refusal:
        check_files(folder)
    assert str(folder) not in str(refusal.value)


def test_an_index_cannot_point_out_of_its_folder(folder: Path, tmp_path: Path) -> None:
    write_index(folder, "../elsewhere.safetensors")
    shutil.copy(folder / "model-00001-of-00002.safetensors", tmp_path / "elsewhere.safetensors")
    with pytest.raises(ModelError, match="missing"):
        check_files(folder)


def test_several_weight_files_are_all_found(folder: Path) -> None:
    write_index(folder, "model-00001-of-00002.safetensors", "model-00001-of-00002.safetensors")
    assert [file.name for file in weight_files(folder)] == ["model-00001-of-00002.safetensors"]


# --- the hub, played by a real server on this machine -----------------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves repositories (id -> folder) as the hub does; `private` ones answer 401, and all requests are kept."""

    def __init__(self, repositories: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.repositories = repositories
        self.gated: set[str] = set()
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        path = self.path.split("?")[0]
        self.server.requests.append(f"{self.command} {path}")
        for hub_id, folder in self.server.repositories.items():
            if path.startswith((f"/api/models/{hub_id}", f"/{hub_id}/resolve/")):
                if hub_id in self.server.gated:
                    return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"}, with_body)
                return self._repository(folder, path.split(hub_id, 1)[1], with_body)
        return self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body)

    def _repository(self, folder: Path, path: str, with_body: bool) -> None:
        if not path.startswith("/resolve/"):
            files = sorted(file for file in folder.iterdir())
            if "/tree/" in path:
                listing: Any = [
                    {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": f.name} for f in files
                ]
            else:
                listing = {"id": "x/y", "sha": COMMIT, "siblings": [{"rfilename": f.name} for f in files]}
            return self._send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"}, with_body)
        file = folder / path.rsplit("/", 1)[1]
        if not file.is_file():
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, with_body)
        return self._send(200, file.read_bytes(), {"ETag": f'"{file.name}"', "X-Repo-Commit": COMMIT}, with_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(folder: Path) -> Iterator[Hub]:
    server = Hub({"someone/tiny": folder})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def find_in_fresh_process(name: str, endpoint: str, home: Path, before: str = "") -> dict[str, Any]:
    """What `find_model` gives in a process of its own, because the hub's client reads its address when imported."""
    code = f"""
import json, threading
from model.errors import ModelError
from model.files import check_files, find_model
fractions, cancel = [], threading.Event()
{before}
try:
    folder = find_model({name!r}, fractions.append, cancel)
    check_files(folder)
    found = dict(files=sorted(file.name for file in folder.iterdir()), fractions=fractions)
except ModelError as error:
    found = dict(kind=type(error).__name__, text=str(error), fractions=fractions)
print(json.dumps(found))
"""
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PATH": "/usr/bin:/bin", "HF_HUB_ETAG_TIMEOUT": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=90
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_a_hub_model_is_downloaded_once_and_without_its_pickles(hub: Hub, folder: Path, tmp_path: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "README.md").write_text("words")
    first = find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home")
    assert first["files"] == ["config.json", WEIGHTS]
    assert first["fractions"][-1] == 1.0
    assert not any("pytorch_model.bin" in request for request in hub.requests)
    hub.requests.clear()
    again = find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home")
    assert again["files"] == ["config.json", WEIGHTS]
    assert hub.requests == []


def test_an_unfinished_download_is_finished(hub: Hub, tmp_path: Path) -> None:
    find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home")
    for file in (tmp_path / "home").rglob("*.safetensors"):
        file.resolve().unlink()
        file.unlink()
    hub.requests.clear()
    assert find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home")["files"] == ["config.json", WEIGHTS]
    assert any(request.startswith("GET") and WEIGHTS in request for request in hub.requests)


def test_a_hub_model_of_another_kind_is_refused_before_its_weights(hub: Hub, folder: Path, tmp_path: Path) -> None:
    change_json(folder / "config.json", model_type="llama")
    found = find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home")
    assert found["kind"] == "UnsupportedModel"
    assert not any(WEIGHTS in request for request in hub.requests)


def test_a_hub_model_with_pickles_only_is_refused(hub: Hub, folder: Path, tmp_path: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")
    found = find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home")
    assert (found["kind"], "pickle" in found["text"]) == ("UnsupportedModel", True)


def test_a_hub_model_that_does_not_exist_or_asks_for_a_login_is_said_so(hub: Hub, tmp_path: Path) -> None:
    missing = find_in_fresh_process("someone/else", hub.url, tmp_path / "home")
    assert (missing["kind"], "spelling" in missing["text"]) == ("ModelNotFound", True)
    hub.gated.add("someone/tiny")
    gated = find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home")
    assert (gated["kind"], "terms" in gated["text"]) == ("ModelNotFound", True)


def test_without_a_network_a_hub_model_is_not_found(tmp_path: Path) -> None:
    start_s = time.perf_counter()
    found = find_in_fresh_process("someone/tiny", "http://127.0.0.1:9", tmp_path / "home")
    assert time.perf_counter() - start_s < 15
    assert (found["kind"], "network" in found["text"]) == ("ModelNotFound", True)
    assert "127.0.0.1" not in found["text"]


def test_a_download_can_be_called_off(hub: Hub, tmp_path: Path) -> None:
    found = find_in_fresh_process("someone/tiny", hub.url, tmp_path / "home", before="cancel.set()")
    assert (found["kind"], "called off" in found["text"]) == ("ModelError", True)
