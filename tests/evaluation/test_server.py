"""Runs that ask a server: many questions at once, failures, a server that goes away, Ctrl+C, and the key."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation.__main__ import FAILED, STOPPED, main
from model.engines import remote
from model.engines.base import Events
from model.engines.fake import FakeEngine
from model.errors import EngineBusy, EngineError
from model.types import Chunk, GenerationOptions, Prompt
from tests.model.pictures import drawn, encoded
from tests.serving import Exchangeable, served

SAMPLES = 12


class Numbered(FakeEngine):
    """Answers each question with its number, and takes as many at a time as come."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.lock = threading.Lock()

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        number = int(prompt.messages[-1].text.split()[0])
        with self.lock:
            self.asked.append(number)
            first = self.asked.count(number) == 1
        yield from self.answer(number, first, cancel)

    def answer(self, number: int, first: bool, cancel: threading.Event) -> Events:
        yield Chunk(str(number), "text", 5, 1, finish_reason="stop")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchangeable]:
    with served(Exchangeable(tmp_path_factory.mktemp("server"))) as running:
        yield running


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def arguments(server: Exchangeable, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A run of questions whose answers are their numbers."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret")
    (tmp_path / "a.png").write_bytes(encoded(drawn((32, 32))))
    rows = [{"image": "a.png", "question": f"{number} ?", "answer": str(number)} for number in range(SAMPLES)]
    (tmp_path / "rows.json").write_text(json.dumps(rows), "utf-8")
    where = ["--data", str(tmp_path / "rows.json"), "--out", str(out), "--base-url", f"{server.url}/v1"]
    return ["run", "--task", "exact_match", *where, "--model", "fake"]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_questions_are_on_their_way_together(
    server: Exchangeable, arguments: list[str], out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Together(Numbered):
        everyone = threading.Barrier(SAMPLES)

        def answer(self, number: int, first: bool, cancel: threading.Event) -> Events:
            self.everyone.wait(30)
            yield from super().answer(number, first, cancel)

    server.use(Together())
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["model"], told["value"], told["samples"], told["failed"]) == ("fake", 1.0, SAMPLES, 0)
    assert sorted(row["number"] for row in rows_of(out)[1:]) == list(range(1, SAMPLES + 1))
    assert "a-secret" not in out.read_text("utf-8")
    assert server.url not in out.read_text("utf-8")


def test_a_server_that_fails_at_times_answers_all_in_the_end(
    server: Exchangeable, arguments: list[str], out: Path
) -> None:
    class Failing(Numbered):
        def answer(self, number: int, first: bool, cancel: threading.Event) -> Events:
            if first and number % 3 == 0:
                raise EngineBusy("Too many are waiting.") if number % 2 else EngineError("The model stopped.")
            yield from super().answer(number, first, cancel)

    engine = Failing()
    server.use(engine)
    assert main([*arguments, "--in-flight", "4"]) == 0
    assert [row["scores"]["exact_match"] for row in rows_of(out)[1:]] == [1.0] * SAMPLES
    assert sorted(engine.asked) == sorted([*range(SAMPLES), *range(0, SAMPLES, 3)])


def test_what_broke_off_is_asked_again_by_the_same_command(
    server: Exchangeable, arguments: list[str], out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class BreakingOff(Numbered):
        def answer(self, number: int, first: bool, cancel: threading.Event) -> Events:
            if first and number == 4:
                yield Chunk("not ")
                raise EngineError("The model stopped.")
            yield from super().answer(number, first, cancel)

    engine = BreakingOff()
    server.use(engine)
    assert main(arguments) == FAILED
    assert "a.png: The server failed (HTTP 500)." in capsys.readouterr().err
    assert main(arguments) == 0
    assert sorted(engine.asked) == sorted([*range(SAMPLES), 4])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["value"] == 1.0


def test_a_server_that_goes_away_ends_the_run_and_another_goes_on(
    server: Exchangeable,
    arguments: list[str],
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(remote, "_RETRIES", 0)
    going = Exchangeable(tmp_path / "going")
    with served(going):
        going.use(Numbered())
        engine = remote.connect(f"{going.url}/v1", "fake", retries=0)
    monkeypatch.setattr(remote, "connect", lambda *_: engine)
    assert main(arguments) == FAILED
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("The server cannot be reached. Start it, or check its address.")
    )
    assert len(rows_of(out)) == 1  # no sample is to blame
    monkeypatch.undo()
    server.use(Numbered())
    assert main(arguments) == 0
    assert len(rows_of(out)) == 1 + SAMPLES


def test_ctrl_c_loses_nothing_that_was_answered(server: Exchangeable, arguments: list[str], out: Path) -> None:
    class Stopped(Numbered):
        def answer(self, number: int, first: bool, cancel: threading.Event) -> Events:
            if number < 4:
                yield from super().answer(number, first, cancel)
                return
            if number == 4:
                while len(rows_of(out)) < 1 + 4 and not cancel.is_set():
                    time.sleep(0.01)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            cancel.wait(30)
            yield Chunk("", finish_reason="cancelled")

    server.use(Stopped())
    assert main([*arguments, "--in-flight", "6"]) == STOPPED
    assert sorted(row["answer"] for row in rows_of(out)[1:]) == ["0", "1", "2", "3"]
    server.use(Numbered())
    assert main(arguments) == 0
    assert sorted(int(row["answer"]) for row in rows_of(out)[1:]) == list(range(SAMPLES))
