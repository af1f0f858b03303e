"""The HTTP API, through the real `openai` client against the real server."""

from __future__ import annotations

import base64
import http.client
import inspect
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from app import watching
from app.openai_api import ChatRequest
from model import decoding
from model.catalog import presets_of, sampling_of
from model.engines.fake import FakeEngine
from model.errors import EngineError, OutOfMemory
from model.media import pixels
from model.types import Chunk, GenerationOptions, Prompt, Video
from model.video import DEFAULT_LIMITS
from tests.model.clips import number_of, steady, write_clip
from tests.model.hanging import hang
from tests.model.pictures import drawn, encoded, png_that_claims
from tests.serving import Exchangeable, served

HELLO: Any = [{"role": "user", "content": "Hello"}]
SLOW = ["word "] * 10_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchangeable]:
    with served(Exchangeable(tmp_path_factory.mktemp("api"), max_upload_mb=1)) as running:
        yield running


@pytest.fixture
def client(server: Exchangeable) -> openai.OpenAI:
    server.use(FakeEngine(("Two ", "shapes", ".")))
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def look_at(*urls: str, text: str = "What is it?") -> Any:
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"role": "user", "content": [*pictures, {"type": "text", "text": text}]}]


def refusal(client: openai.OpenAI, **request: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(**{"model": "fake", "messages": HELLO, **request})
    return refused.value


def test_a_whole_answer_with_its_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="fake", messages=HELLO)
    assert answer.choices[0].message.content == "Two shapes."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (1, 3, 4)


def test_the_same_streamed_piece_by_piece(client: openai.OpenAI, server: Exchangeable) -> None:
    server.use(FakeEngine(("Two ", "shapes", "."), delay_s=0.05))
    chunks = list(
        client.chat.completions.create(
            model="fake", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert pieces == ["Two ", "shapes", "."]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 4
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_several_pictures_and_a_system_prompt_reach_the_model(client: openai.OpenAI, server: Exchangeable) -> None:
    engine = FakeEngine()
    server.use(engine)
    messages = [
        {"role": "system", "content": "Be brief."},
        *look_at(data_url(encoded(drawn((64, 32)))), data_url(encoded(drawn((32, 96)), "JPEG"), "image/jpeg")),
        {"role": "assistant", "content": "A drawing."},
        {"role": "user", "content": [{"type": "text", "text": "Sure?"}]},
    ]
    answer = client.chat.completions.create(model="fake", messages=messages)
    sent = engine.prompts[0].messages
    assert [message.role for message in sent] == ["system", "user", "assistant", "user"]
    assert [image.size_wh for image in sent[1].images] == [(64, 32), (32, 96)]
    assert sent[1].text == "What is it?"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == engine.prompts[0].tokens


def watch(url: str) -> Any:
    video = {"type": "video_url", "video_url": {"url": url}}
    return [{"role": "user", "content": [video, {"type": "text", "text": "When?"}]}]


def test_a_video_reaches_the_model_as_frames_with_their_times(
    client: openai.OpenAI, server: Exchangeable, tmp_path: Path
) -> None:
    engine = FakeEngine()
    server.use(engine)
    clip = write_clip(tmp_path / "clip.mp4", steady(60, 10)).read_bytes()
    client.chat.completions.create(model="fake", messages=watch(data_url(clip, "video/mp4")))
    (video,) = engine.prompts[0].messages[0].media
    assert isinstance(video, Video)
    assert video.times_s == pytest.approx(steady(12, 2), abs=0.05)
    assert [number_of(np.asarray(pixels(frame))) for frame in video.frames] == list(range(0, 60, 5))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://127.0.0.1/clip.mp4", "Only media inside the request are accepted"),
        ("file:///etc/passwd", "Only media inside the request are accepted"),
        (data_url(b"What is this?", "video/mp4"), "This file is not a video."),
        (data_url(bytes(2 * 2**20), "video/mp4"), "more than the 1 MiB allowed"),
    ],
    ids=["address", "path", "text", "large"],
)
def test_a_video_that_cannot_be_used_is_refused(client: openai.OpenAI, url: str, sentence: str) -> None:
    assert sentence in refusal(client, messages=watch(url)).message


def test_the_pocket_model_says_whether_it_can_watch(
    client: openai.OpenAI, server: Exchangeable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POCKET_LEARNED", frozenset({"when"}))
    engine = FakeEngine()
    server.use(FakeEngine(info=replace(engine.info, is_pocket=True)))
    clip = write_clip(tmp_path / "clip.mp4", steady(20, 10)).read_bytes()
    sentence = refusal(client, messages=watch(data_url(clip, "video/mp4"))).message
    assert "has not learned to answer questions about videos" in sentence
    monkeypatch.setattr(watching, "POCKET_LEARNED", frozenset({"free"}))
    answer = client.chat.completions.create(model="fake", messages=watch(data_url(clip, "video/mp4")))
    assert answer.choices[0].message.content == "Hello world."


def test_detail_says_how_much_of_a_video_is_looked_at(
    client: openai.OpenAI, server: Exchangeable, tmp_path: Path
) -> None:
    engine = FakeEngine()
    server.use(engine)
    clip = data_url(write_clip(tmp_path / "clip.mp4", steady(60, 10)).read_bytes(), "video/mp4")
    picture = {"type": "image_url", "image_url": {"url": data_url(encoded(drawn((64, 32)))), "detail": "low"}}
    (message,) = watch(clip)
    client.chat.completions.create(model="fake", messages=[message | {"content": [picture, *message["content"]]}])
    _, video = engine.prompts[0].messages[0].media
    assert isinstance(video, Video)
    assert video.times_s == pytest.approx(range(6), abs=0.05)


def test_a_client_that_leaves_ends_the_decoder(
    server: Exchangeable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.use(FakeEngine())
    clip = data_url(write_clip(tmp_path / "clip.mp4", steady(20, 10)).read_bytes(), "video/mp4")
    url, body = f"{server.url}/v1/chat/completions", {"messages": watch(clip)}
    assert httpx.post(url, json=body, timeout=60).status_code == 200
    with monkeypatch.context() as patched:
        patched.setattr(decoding, "frames_at", hang)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json=body, timeout=1)
    assert httpx.post(url, json=body, timeout=DEFAULT_LIMITS.frames_s).status_code == 200


def test_sampling_options_reach_the_engine_and_the_rest_stays_the_models_own(server: Exchangeable) -> None:
    asked: list[GenerationOptions] = []

    class Recording(FakeEngine):
        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Any:
            asked.append(options)
            return super().stream(prompt, options, cancel)

    engine = Recording()
    server.use(engine)
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    client.chat.completions.create(
        model="fake", messages=HELLO, temperature=0.3, top_p=0.4, seed=5, max_tokens=2, extra_body={"top_k": 7}
    )
    client.chat.completions.create(model="fake", messages=HELLO, temperature=0, max_completion_tokens=3)
    client.chat.completions.create(model="fake", messages=HELLO)
    client.chat.completions.create(model="fake", messages=HELLO, temperature=1e-300)
    first, second, third, coldest = asked
    assert (first.temperature, first.top_p, first.top_k, first.seed, first.max_new_tokens) == (0.3, 0.4, 7, 5, 2)
    assert not first.greedy
    assert second.greedy
    assert second.max_new_tokens == 3
    assert third == sampling_of(engine.info)
    assert coldest.greedy


def test_the_limit_of_tokens_is_kept_and_named(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="fake", messages=HELLO, max_tokens=2)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Two shapes", "length")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_ends_before_a_stop_sequence_that_comes_in_pieces(server: Exchangeable, stream: bool) -> None:
    server.use(FakeEngine(("one, t", "wo, E", "N", "D, never")))
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    answer: Any = client.chat.completions.create(model="fake", messages=HELLO, stop=["END"], stream=stream)
    if stream:
        chunks = [chunk.choices[0] for chunk in answer]
        text, reason = "".join(chunk.delta.content or "" for chunk in chunks), chunks[-1].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert (text, reason) == ("one, two, ", "stop")


def test_thinking_is_kept_apart_from_the_answer(client: openai.OpenAI, server: Exchangeable) -> None:
    server.use(FakeEngine((Chunk("hm", "thinking"), "yes")))
    message = client.chat.completions.create(model="fake", messages=HELLO).choices[0].message
    assert message.content == "yes"
    assert getattr(message, "reasoning_content", None) == "hm"


def test_the_loaded_model_is_listed_and_found_by_its_name(server: Exchangeable, client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["fake"]
    assert client.models.retrieve("fake") == client.models.list().data[0]
    with pytest.raises(openai.NotFoundError, match="“gpt-4” is not loaded here; “fake” is"):
        client.models.retrieve("gpt-4")
    assert client.chat.completions.create(model="", messages=HELLO).choices[0].message.content == "Two shapes."
    server.use(FakeEngine(info=replace(FakeEngine().info, name="Qwen/Qwen3-VL-4B-Instruct")))
    assert client.models.retrieve("Qwen/Qwen3-VL-4B-Instruct").id == "Qwen/Qwen3-VL-4B-Instruct"


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"model": "gpt-4"}, 404, "not loaded"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, 400, "empty"),
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, 400, "tokens"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "role"),
        ({"messages": look_at("http://169.254.169.254/latest")}, 400, "data URL"),
        ({"messages": look_at("https://example.org/x.png")}, 400, "data URL"),
        ({"messages": look_at("file:///etc/passwd")}, 400, "data URL"),
        ({"messages": look_at("/etc/passwd")}, 400, "data URL"),
        ({"messages": look_at("C:\\x.png")}, 400, "data URL"),
        ({"messages": look_at("")}, 400, "data URL"),
        ({"messages": look_at("data:image/png;base64,!!!")}, 400, "base64"),
        ({"messages": look_at(data_url(b"not a picture"))}, 400, "not a picture"),
        ({"messages": look_at(data_url(b""))}, 400, "empty"),
        ({"messages": look_at(data_url(encoded(drawn())[:60]))}, 400, "damaged"),
        ({"messages": look_at(data_url(png_that_claims((65535, 65535))))}, 413, "pixels"),
        ({"messages": look_at(data_url(encoded(drawn((402, 2)))))}, 400, "200 times"),
        ({"messages": look_at(data_url(b"x" * 2 * 2**20))}, 413, "MiB"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else None,
)
def test_what_cannot_be_answered_gets_a_status_and_a_sentence(
    client: openai.OpenAI, request_: dict[str, Any], status: int, words: str
) -> None:
    refused = refusal(client, **request_)
    assert refused.status_code == status
    body: Any = refused.body
    assert words in body["message"]
    assert "Traceback" not in body["message"]
    assert client.chat.completions.create(model="fake", messages=HELLO).choices[0].message.content == "Two shapes."


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity", "-1", "1e999", "true", '"1"', "[1]", "{}"])
@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        ("temperature", ("a number", "at least 0")),
        ("top_p", ("a number", "more than 0")),
        ("repetition_penalty", ("a number", "at least 0.5")),
        ("top_k", ("a whole number", "at least 0")),
        ("seed", ("a whole number", "at least 0")),
        ("max_tokens", ("a whole number", "at least 1")),
        ("max_completion_tokens", ("a whole number", "at least 1")),
    ],
)
def test_what_is_no_number_is_never_said_to_be_too_large(
    server: Exchangeable, option: str, allowed: tuple[str, str], written: str
) -> None:
    response = httpx.post(
        f"{server.url}/v1/chat/completions",
        content=f'{{"messages": [{{"role": "user", "content": "Hello"}}], "{option}": {written}}}',
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["message"] == f"“{option}” has to be {allowed[written == '-1']}."
    assert error["param"] == option


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"temperature": 3}, "“temperature” has to be at most 2."),
        ({"extra_body": {"repetition_penalty": 1e-300}}, "“repetition_penalty” has to be at least 0.5."),
        ({"temperature": "hot"}, "“temperature” has to be a number."),
        ({"top_p": 0}, "“top_p” has to be more than 0."),
        ({"max_tokens": 0}, "“max_tokens” has to be at least 1."),
        ({"seed": 1.5}, "“seed” has to be a whole number."),
        ({"seed": 2**63}, "“seed” has to be less than 9,223,372,036,854,775,808."),
        ({"stream": "perhaps"}, "“stream” has to be true or false."),
        ({"stop": 5}, "“stop” has to be a text or a list."),
        ({"stop": ["a", ""]}, "“stop” has to be at most 4 texts, none of them empty."),
        ({"messages": "Hello"}, "“messages” has to be a list."),
        ({"messages": []}, "“messages” has to be a list of 1 or more."),
        ({"messages": [{"content": "Hello"}]}, "“messages[0].role” is missing."),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            "“messages[0].role” has to be 'system', 'developer', 'user' or 'assistant'.",
        ),
        ({"messages": [{"role": "user", "content": 5}]}, "“messages[0].content” has to be a text or a list."),
        ({"messages": [{"role": "user", "content": [{}]}]}, "“messages[0].content[0].type” is missing."),
        (
            {"messages": [{"role": "user", "content": [{"type": "video_url"}]}]},
            "“messages[0].content[0]” has to be a text, or in a message of the user an image_url or video_url with a "
            "data URL.",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_field_that_cannot_be_used_is_named_with_what_is_expected(
    client: openai.OpenAI, request_: dict[str, Any], sentence: str
) -> None:
    body: Any = refusal(client, **request_).body
    assert body["message"] == sentence
    assert sentence.startswith(f"“{body['param']}”")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "The request is not valid JSON."),
        (b'{"messages": "\xff"}', "The request is not valid JSON."),
        (b"[" * 200_000, "The request is not valid JSON."),
        (b"", "The request has to be an object in JSON, sent as application/json."),
        (
            rb'{"messages": [{"role": "user", "content": "\ud83d"}]}',
            "A message holds half a character. Write that character anew.",
        ),
        (b"[]", "The request has to be an object in JSON, sent as application/json."),
    ],
)
def test_what_is_no_request_at_all_is_told_so(server: Exchangeable, content: bytes, sentence: str) -> None:
    server.use(FakeEngine())
    headers = {"Content-Type": "application/json"}
    refused = httpx.post(f"{server.url}/v1/chat/completions", content=content, headers=headers)
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, sentence)


ASK_FOR_MORE = {
    "audio": {"format": "wav", "voice": "alloy"},
    "frequency_penalty": 0.5,
    "function_call": {"name": "f"},
    "functions": [{"name": "f"}],
    "logit_bias": {"7": 5},
    "logprobs": True,
    "modalities": ["text", "audio"],
    "moderation": {"mode": "strict"},
    "n": 2,
    "presence_penalty": -1,
    "reasoning_effort": "high",
    "response_format": {"type": "json_object"},
    "tool_choice": "required",
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "top_logprobs": 3,
    "verbosity": "low",
    "web_search_options": {"search_context_size": "low"},
}
ASK_FOR_NOTHING = {
    "frequency_penalty": 0,
    "function_call": "none",
    "functions": [],
    "logit_bias": {},
    "logprobs": False,
    "metadata": {"run": "7"},
    "modalities": ["text"],
    "n": 1,
    "parallel_tool_calls": True,
    "prediction": {"type": "content", "content": "Two"},
    "presence_penalty": 0.0,
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "response_format": {"type": "text"},
    "safety_identifier": "s",
    "service_tier": "auto",
    "store": False,
    "tool_choice": "auto",
    "tools": [],
    "user": "u",
    "verbosity": "medium",
}


@pytest.mark.parametrize("name", ASK_FOR_MORE)
def test_what_is_not_offered_is_refused_and_not_passed_over(client: openai.OpenAI, name: str) -> None:
    refused = refusal(client, **{name: ASK_FOR_MORE[name]})
    body: Any = refused.body
    assert (refused.status_code, body["param"]) == (400, name)
    assert body["message"] == f"“{name}” is not offered here; leave it out."


def test_what_asks_for_nothing_is_accepted(client: openai.OpenAI) -> None:
    everything: Any = {**ASK_FOR_NOTHING, "extra_body": dict.fromkeys({*ASK_FOR_MORE} - {*ASK_FOR_NOTHING})}
    answer = client.chat.completions.create(model="fake", messages=HELLO, **everything)
    assert answer.choices[0].message.content == "Two shapes."


def test_every_parameter_of_the_client_is_understood_or_refused() -> None:
    """A new version of the client with something new to send is noticed here."""
    parameters = set(inspect.signature(openai.OpenAI(api_key="none").chat.completions.create).parameters)
    for_the_client_itself = {"extra_headers", "extra_query", "extra_body", "timeout"}
    known = {*ChatRequest.model_fields, *ASK_FOR_MORE, *ASK_FOR_NOTHING, "prompt_cache_options"}
    assert parameters - for_the_client_itself <= known


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({"role": "user", "content": "x", "name": "Ann"}, "messages[0].name"),
        (
            {"role": "assistant", "content": "x", "tool_calls": [{"id": "1", "type": "function"}]},
            "messages[0].tool_calls",
        ),
        (
            {"role": "user", "content": [{"type": "text", "text": "x", "min_pixels": 5}]},
            "messages[0].content[0].min_pixels",
        ),
    ],
)
def test_what_is_not_offered_in_a_message_is_refused_too(
    client: openai.OpenAI, message: dict[str, Any], place: str
) -> None:
    body: Any = refusal(client, messages=[message, *HELLO]).body
    assert body["message"] == f"“{place}” is not offered here; leave it out."


def test_an_answer_can_be_sent_back_as_it_came(client: openai.OpenAI, server: Exchangeable) -> None:
    server.use(FakeEngine((Chunk("hm", "thinking"), "yes")))
    answer: Any = client.chat.completions.create(model="fake", messages=HELLO).choices[0].message
    again = client.chat.completions.create(model="fake", messages=[*HELLO, answer, *HELLO])
    assert again.choices[0].message.content == "yes"


def test_detail_decides_how_large_the_model_sees_the_pictures(client: openai.OpenAI, server: Exchangeable) -> None:
    engine = FakeEngine()
    server.use(engine)

    def look(*details: str | None) -> Any:
        messages = look_at(*[data_url(encoded(drawn((1600, 1200))))] * len(details))
        for part, detail in zip(messages[0]["content"], details, strict=False):
            part["image_url"] |= {"detail": detail}
        return messages

    for detail in (None, "auto", "low", "high"):
        client.chat.completions.create(model="fake", messages=look(detail, detail))
    unsaid, auto, low, high = (prompt.media[1].tokens for prompt in engine.prompts)
    assert low <= presets_of(engine.info)["Low memory"].budget.max_pixels / 32**2 < auto == unsaid == high
    body: Any = refusal(client, messages=look("low", "high")).body
    assert body["message"] == "“detail” has to be the same for all pictures of a request."


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_repeats_itself_says_so(server: Exchangeable, stream: bool) -> None:
    server.use(FakeEngine(("ha ha ", Chunk("ha ", finish_reason="repetition"))))
    body = {"messages": HELLO, "stream": stream}
    text = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60).text
    last = [line for line in text.splitlines() if line.startswith(("data: {", "{"))][-1]
    choice = json.loads(last.removeprefix("data: "))["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["notice"] == "The answer repeated itself without end and was stopped."


def test_the_wrong_method_is_told_apart_from_the_wrong_route(server: Exchangeable) -> None:
    answer = httpx.get(f"{server.url}/v1/chat/completions")
    assert (answer.status_code, answer.json()["error"]["message"]) == (405, "This does not take GET requests.")


def test_a_body_beyond_all_bounds_is_refused_before_it_is_read(server: Exchangeable) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Length", "200000000")
    connection.endheaders(b"{")
    refused = connection.getresponse()
    assert refused.status == 413
    assert "--max-upload-mb" in json.load(refused)["error"]["message"]
    connection.close()


@pytest.mark.parametrize(
    ("error", "status"), [(OutOfMemory("The memory is full."), 503), (ZeroDivisionError("/secret"), 500)]
)
def test_a_fault_before_the_first_token_has_its_status(
    client: openai.OpenAI, server: Exchangeable, error: Exception, status: int
) -> None:
    server.use(FakeEngine((), fail_with=error))
    refused = refusal(client)
    assert refused.status_code == status
    assert "secret" not in str(refused.body)
    server.use(FakeEngine())
    assert client.chat.completions.create(model="fake", messages=HELLO).choices[0].message.content


def test_a_fault_in_mid_stream_ends_the_stream_with_the_sentence(client: openai.OpenAI, server: Exchangeable) -> None:
    server.use(FakeEngine(("Two ",), delay_s=0.1, fail_with=EngineError("It broke.")))
    chunks: list[Any] = []
    stream = client.chat.completions.create(model="fake", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match=r"It broke\."):
        chunks.extend(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Two "


def test_a_client_that_leaves_a_stream_frees_the_model(server: Exchangeable) -> None:
    server.use(FakeEngine(SLOW, delay_s=0.01))
    body = {"messages": HELLO, "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body) as answer:
        assert next(answer.iter_text())
    assert_the_model_is_free(server)


def test_a_client_that_loses_patience_frees_the_model(server: Exchangeable) -> None:
    server.use(FakeEngine(SLOW, delay_s=0.01))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/v1/chat/completions", json={"messages": HELLO}, timeout=1)
    assert_the_model_is_free(server)


def assert_the_model_is_free(server: Exchangeable) -> None:
    """Somebody else gets an answer long before 10,000 tokens (100 s) are through."""
    body = {"messages": HELLO, "max_tokens": 2}
    other = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=30)
    assert other.json()["choices"][0]["message"]["content"] == "word word "


def test_too_many_at_once_are_told_so(server: Exchangeable) -> None:
    server.use(FakeEngine(SLOW, delay_s=0.01, max_waiting=1))
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    first = client.chat.completions.create(model="fake", messages=HELLO, stream=True)
    next(iter(first))
    second = client.chat.completions.create(model="fake", messages=HELLO, stream=True)
    for is_streamed in (False, True):
        busy = refusal(client, stream=is_streamed)
        assert busy.status_code == 429
        assert "waiting" in str(busy.body)
    first.close()
    second.close()


def test_without_a_model_the_reason_is_given(server: Exchangeable) -> None:
    server.studio.engines.close()
    refused = httpx.post(f"{server.url}/v1/chat/completions", json={"messages": HELLO})
    assert refused.status_code == 503
    assert httpx.get(f"{server.url}/v1/models").json()["data"] == []
    assert httpx.get(f"{server.url}/health").json()["model"]["state"] == "idle"


def test_health_tells_where_things_stand(client: openai.OpenAI, server: Exchangeable) -> None:
    assert httpx.get(f"{server.url}/health").json() == {
        "status": "ok",
        "model": {"state": "ready", "name": "fake", "note": ""},
    }
    assert httpx.head(f"{server.url}/health").status_code == 200


def test_an_unknown_route_below_v1_does_not_fall_through_to_the_page(server: Exchangeable) -> None:
    answer = httpx.get(f"{server.url}/v1/embeddings")
    assert answer.status_code == 404
    assert "/v1/embeddings" in answer.json()["error"]["message"]


def test_the_api_describes_itself_without_any_other_host(server: Exchangeable) -> None:
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    assert {"/v1/chat/completions", "/v1/models", "/health"} <= set(paths)
    page = httpx.get(f"{server.url}/docs").text
    assert "//" not in page.replace("// `SwaggerUIBundle`", "").replace("http://www.w3.org", "")
