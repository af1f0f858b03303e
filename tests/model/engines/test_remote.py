"""The engine that asks a server, against this program's own server and against one that misbehaves."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from model.catalog import presets_of
from model.engines.base import Events
from model.engines.fake import FakeEngine
from model.engines.remote import RemoteEngine, connect
from model.errors import (
    ContextOverflow,
    EngineBusy,
    EngineError,
    ModelError,
    ModelNotFound,
    RequestError,
    StudioError,
    UnsupportedModel,
)
from model.media import read_image
from model.types import Chunk, GenerationOptions, Message, Part, Prompt, StreamEvent, Text, Video
from model.video import look, open_video
from tests.model.clips import steady, write_clip
from tests.model.pictures import drawn, encoded
from tests.serving import Exchangeable, served

GREEDY = GenerationOptions(greedy=True, max_new_tokens=64)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchangeable]:
    with served(Exchangeable(tmp_path_factory.mktemp("remote"))) as running:
        yield running


@contextmanager
def at(server: Exchangeable, engine: FakeEngine, *, retries: int = 2) -> Iterator[RemoteEngine]:
    server.use(engine)
    remote = connect(f"{server.url}/v1", engine.info.name, retries=retries)
    try:
        yield remote
    finally:
        remote.close()


def ask(engine: RemoteEngine, *parts: Part, options: GenerationOptions = GREEDY) -> list[StreamEvent]:
    prompt = engine.prepare([Message("user", parts or (Text("Hello"),))])
    return list(engine.stream(prompt, options, threading.Event()))


def text_of(events: Sequence[StreamEvent], kind: str = "text") -> str:
    return "".join(event.text for event in events if isinstance(event, Chunk) and event.kind == kind)


def test_an_answer_streams_with_its_counts(server: Exchangeable) -> None:
    with at(server, FakeEngine((Chunk("hm", "thinking"), "Two ", "shapes", "."))) as engine:
        events = ask(engine)
        assert (engine.info.name, engine.info.family, engine.info.context_tokens) == ("fake", "Qwen3-VL", 4096)
    last = events[-1]
    assert isinstance(last, Chunk)
    assert (text_of(events), text_of(events, "thinking")) == ("Two shapes.", "hm")
    assert (last.finish_reason, last.prompt_tokens, last.generated_tokens) == ("stop", 1, 4)


def test_thinking_in_tags_is_kept_apart(server: Exchangeable) -> None:
    with at(server, FakeEngine(("<th", "ink>hm</think>\n\n", "Two."))) as engine:
        events = ask(engine)
    assert (text_of(events), text_of(events, "thinking")) == ("Two.", "hm")


def test_a_conversation_and_its_options_arrive(server: Exchangeable) -> None:
    asked: list[GenerationOptions] = []

    class Recording(FakeEngine):
        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            asked.append(options)
            return super().stream(prompt, options, cancel)

    fake = Recording()
    picture = read_image(encoded(drawn((300, 200))))
    sampled = GenerationOptions(5, temperature=0.3, top_p=0.4, top_k=7, repetition_penalty=1.25, seed=9)
    with at(server, fake) as engine:
        messages = [
            Message("system", (Text("Be brief."),)),
            Message("user", (picture, Text("What?"))),
            Message("assistant", (Text("A drawing."),)),
            Message("user", (Text("Sure?"),)),
        ]
        prompt = engine.prepare(messages, presets_of(engine.info)["Speed"].budget, add_vision_id=True)
        list(engine.stream(prompt, sampled, threading.Event()))
        ask(engine, options=replace(GREEDY, max_new_tokens=1))
    got = fake.prompts[0].messages
    assert [(message.role, message.text) for message in got] == [
        ("system", "Be brief."),
        ("user", "Picture 1: \nWhat?"),
        ("assistant", "A drawing."),
        ("user", "Sure?"),
    ]
    assert [medium.input_size_wh for medium in prompt.media] == [(288, 192)]  # whole squares of 32 pixels
    assert [image.size_wh for image in got[1].images] == [(288, 192)]
    assert asked[0] == sampled
    assert (asked[1].greedy, asked[1].max_new_tokens) == (True, 1)


def test_frames_of_a_video_arrive_at_their_times(server: Exchangeable, tmp_path: Path) -> None:
    fake = FakeEngine()
    clip = write_clip(tmp_path / "clip.mp4", steady(60, 10))
    video = look(open_video(clip))
    with at(server, fake) as engine:
        ask(engine, video, Text("When?"))
    (got,) = fake.prompts[0].messages[0].media
    assert isinstance(got, Video)
    assert got.duration_s == pytest.approx(6, abs=0.6)
    assert got.times_s == pytest.approx(video.times_s, abs=0.1)


@pytest.mark.parametrize("failure", [EngineBusy("Too many are waiting."), EngineError("The model stopped.")])
def test_a_server_that_fails_is_asked_again(server: Exchangeable, failure: StudioError) -> None:
    class Failing(FakeEngine):
        times = 1

        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            if self.times:
                self.times -= 1
                raise failure
            yield from super().stream(prompt, options, cancel)

    with at(server, Failing()) as engine:
        assert text_of(ask(engine)) == "Hello world."


class Refusing(FakeEngine):
    """Raises the same for every question."""

    def __init__(self, failure: StudioError) -> None:
        super().__init__()
        self.failure = failure

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        raise self.failure
        yield


@pytest.mark.parametrize(
    ("failure", "kind", "sentence"),
    [
        (EngineBusy("Too many."), EngineBusy, "The server has too much to do. Try again later."),
        (EngineError("It stopped."), EngineError, "The server failed (HTTP 503)."),
        (RequestError("Not so."), RequestError, "The server refused the question: Not so."),
        (ContextOverflow("Too long."), ContextOverflow, "The server refused the question: Too long."),
    ],
    ids=["busy", "failing", "refusing", "too long"],
)
def test_what_a_server_says_no_to_is_told(
    server: Exchangeable, failure: StudioError, kind: type[StudioError], sentence: str
) -> None:
    with at(server, Refusing(failure), retries=0) as engine, pytest.raises(kind) as told:
        ask(engine)
    assert (type(told.value), str(told.value)) == (kind, sentence)


def test_a_server_that_has_another_model_by_now_is_told(server: Exchangeable) -> None:
    with at(server, FakeEngine()) as engine:
        server.use(FakeEngine(info=replace(FakeEngine().info, name="other")))
        with pytest.raises(ModelNotFound, match=r"^The server does not have the model any more\.$"):
            ask(engine)


def test_an_answer_that_breaks_off_keeps_what_came(server: Exchangeable) -> None:
    with at(server, FakeEngine(("one ", "two"), fail_with=EngineError("The model stopped."))) as engine:
        prompt = engine.prepare([Message("user", (Text("Hello"),))])
        came: list[StreamEvent] = []
        with pytest.raises(EngineError, match=r"^The server failed \(HTTP 500\)\.$"):
            deque(_kept(came, engine.stream(prompt, GREEDY, threading.Event())))
    assert text_of(came) == "one two"


def _kept(came: list[StreamEvent], events: Events) -> Iterator[StreamEvent]:
    """The events, kept as they come although an error follows."""
    for event in events:
        came.append(event)
        yield event


def test_calling_off_ends_the_answer_here_and_there(server: Exchangeable) -> None:
    fake = FakeEngine(["word "] * 10_000, delay_s=0.01)
    cancel = threading.Event()
    with at(server, fake) as engine:
        events = engine.stream(engine.prepare([Message("user", (Text("Hello"),))]), GREEDY, cancel)
        next(events)
        cancel.set()
        rest = list(events)
        assert isinstance(rest[-1], Chunk)
        assert rest[-1].finish_reason == "cancelled"
        server.use(FakeEngine())  # returns when the answer before has ended
        assert text_of(ask(engine)) == "Hello world."


def test_many_answers_are_on_their_way_at_once(server: Exchangeable) -> None:
    class Together(FakeEngine):
        barrier = threading.Barrier(4)

        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            self.barrier.wait(timeout=30)
            yield Chunk("yes", finish_reason="stop")

    answers: list[str] = []
    with at(server, Together()) as engine:
        threads = [threading.Thread(target=lambda: answers.append(text_of(ask(engine)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert answers == ["yes"] * 4


@contextmanager
def answering(status: int, body: bytes, seen: list[Any] | None = None) -> Iterator[str]:
    """A server that says the same to everything, and closes the connection; the base URL of its API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(self.headers["Authorization"])
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/v1"
    finally:
        running.shutdown()
        running.server_close()
        thread.join(10)


LISTED = b'{"object": "list", "data": [{"id": "mine", "object": "model", "created": 0, "owned_by": "me", %s}]}'


def test_facts_and_key_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret")
    keys: list[str] = []
    row = LISTED % b'"root": "Qwen/Qwen2.5-VL-7B-Instruct-AWQ", "max_model_len": 9000'
    with answering(200, row, keys) as url:
        engine = connect(url, "mine")
        engine.close()
    assert (engine.info.family, engine.info.context_tokens) == ("Qwen2.5-VL", 9000)
    assert keys == ["Bearer a-secret"]
    assert "a-secret" not in repr(engine.info)


def test_a_server_that_fails_at_listing_its_models_can_be_asked_yet() -> None:
    with answering(500, b"Internal Server Error") as url:
        engine = connect(url, "me/Qwen3-VL-tuned")
        engine.close()
    assert (engine.info.family, engine.info.context_tokens) == ("Qwen3-VL", 32_768)


def test_the_family_can_be_named() -> None:
    with answering(200, LISTED % b'"root": "/weights"') as url:
        with pytest.raises(
            UnsupportedModel, match=r"^The family of “mine” cannot be told from its name\. Name it: Qwen"
        ):
            connect(url, "mine")
        engine = connect(url, "mine", "Qwen2-VL", retries=0)
        assert engine.info.family == "Qwen2-VL"
        with pytest.raises(ModelError, match=r"^The server cannot be reached\. Start it, or check its address\.$"):
            ask(engine)  # it closes the connection
        engine.close()


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, b"{}", "The server does not accept the key. Set OPENAI_API_KEY to the one that it wants."),
        (404, b"{}", "There is no API like OpenAI's at this address, which usually ends in /v1."),
        (400, b"<html>", "The server does not tell its models. The server refused the question: HTTP 400"),
        (200, LISTED % b'"x": 1', "The server does not have the model “other”. It has: “mine”."),
        (200, b'{"object": "list", "data": []}', "The server does not have the model “other”. It has: none."),
        (200, b"<html>", "There is no API like OpenAI's at this address, which usually ends in /v1."),
    ],
    ids=["locked", "no API", "refusing", "another model", "no model", "a page"],
)
def test_a_server_that_cannot_be_used_is_told(status: int, body: bytes, sentence: str) -> None:
    with answering(status, body) as url, pytest.raises(ModelError) as told:
        connect(url, "other")
    assert str(told.value) == sentence


def test_a_server_that_is_not_there_is_told() -> None:
    with answering(200, b"") as url:
        pass
    with pytest.raises(ModelError, match=r"^The server cannot be reached\. Start it, or check its address\.$"):
        connect(url, "mine")
