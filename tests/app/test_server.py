"""The program as a person starts it, and the port it takes."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.server import address, listen, open_tunnel
from model.errors import StudioError
from tests.program import ROOT, Program, program


def wait_for_model(url: str) -> dict[str, str]:
    deadline = time.monotonic() + 120
    while True:
        model: dict[str, str] = httpx.get(f"{url}/health", timeout=60).json()["model"]
        if model["state"] in ("ready", "failed"):
            return model
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_next_free_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with listen("127.0.0.1", port) as listener:
            assert port < listener.getsockname()[1] <= port + 100
            assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_address_that_is_not_this_machines_gives_a_sentence() -> None:
    with pytest.raises(StudioError, match="no address of this machine"):
        listen("192.0.2.1", 7860)


def test_listening_for_all_is_opened_at_the_loopback_address() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address(listener).startswith("http://127.0.0.1:")


def test_without_a_tunnel_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> str:
        raise OSError("https://cdn-media.example/frpc: name or service not known")

    monkeypatch.setattr("gradio.networking.setup_tunnel", no_network)
    with listen("127.0.0.1", 0) as listener, pytest.raises(StudioError, match="No public address could be made"):
        open_tunnel(listener)


def test_the_page_is_up_first_and_the_pocket_model_follows_without_a_network(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with program("--port", str(port), data_dir=tmp_path) as running:
            assert f"Port {port} is taken; using " in running.read_until("taken")
            url = running.url()
            page = httpx.get(url, timeout=60)
            assert page.status_code == 200
            assert "Qwen-VL Studio" in page.text
            assert wait_for_model(url) == {"state": "ready", "name": "pocket", "note": ""}
            running.read_until("Ready: pocket")
            assert [line.split(":")[0] for line in running.said[1:]] == ["Qwen-VL Studio", "Loading the model", "Ready"]
            body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
            answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)
            assert answer.json()["usage"]["completion_tokens"] >= 1
            if sys.platform != "win32":  # which has no such signals
                assert_it_ends_in_mid_answer(running, url)


def assert_it_ends_in_mid_answer(running: Program, url: str) -> None:
    """Ctrl+C ends an answer that is being given with what there is of it, and then the program, without a word."""
    body = {"messages": [{"role": "user", "content": "Hello"}], "stream": True, "temperature": 2, "top_k": 0}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=60) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        running.process.send_signal(signal.SIGINT)
        assert [line for line in lines if line][-1] == "data: [DONE]"
    assert running.process.communicate(timeout=30)[0] == ""
    assert running.process.returncode == -signal.SIGINT


def test_a_model_that_cannot_be_had_is_said_once_in_terminal_and_page(tmp_path: Path) -> None:
    with program("--port", "0", "--model", "no-such/model-at-all", data_dir=tmp_path) as running:
        model = wait_for_model(running.url())
        assert (model["state"], model["name"]) == ("ready", "pocket")
        assert model["note"].endswith("Using the pocket model instead.")
        assert running.read_until("Using the pocket model instead.").strip() == model["note"]
        assert not any("Traceback" in line for line in running.said)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "x"], "a whole number"),
        (["--host", "192.0.2.1"], "no address"),
        (["--data-dir", "app.py"], "data folder cannot be written"),
    ],
)
def test_what_cannot_be_served_ends_with_a_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "app.py", "--data-dir", str(tmp_path), *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "terminate"])
@pytest.mark.parametrize("words", ["", "Qwen-VL Studio: "], ids=["at once", "while it loads"])
def test_the_program_ends_quietly_at_any_time(tmp_path: Path, signal_: signal.Signals, words: str) -> None:
    with program("--port", "0", data_dir=tmp_path) as running:
        if words:
            running.read_until(words)
        else:
            time.sleep(0.5)  # in the midst of its imports
        running.process.send_signal(signal_)
        said = running.process.communicate(timeout=30)[0]
        assert running.process.returncode == -signal_
        assert not re.search("Traceback|Error|Interrupt", said)
