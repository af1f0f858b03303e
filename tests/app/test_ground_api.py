"""POST /v1/ground, over HTTP, with an engine that says what it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import ground_api
from app.errors_http import add_error_handlers
from app.studio import Studio
from model.catalog import CONVENTIONS
from model.engines.fake import FakeEngine
from model.media import data_url
from model.parsing import answer_to_json, parse_answer
from model.types import Chunk, MediumInput
from tests.app.found import picture

ANSWER = (
    'I see:\n```json\n[{"bbox_2d": [100, 200, 500, 600], "label": "cup", "color": "red"},\n',
    '{"point_2d": [500, 500], "label": "tip"}]\n```',
)


def _client(studio: Studio) -> TestClient:
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(ground_api.router(studio))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(make_studio: Callable[..., Studio]) -> TestClient:
    return _client(make_studio(FakeEngine(ANSWER)))


def _ask(client: TestClient, **body: Any) -> Any:
    response = client.post("/v1/ground", json={"image": data_url(picture()), "task": "detect", "query": "cup", **body})
    assert response.status_code == 200, response.text
    return response.json()


def test_it_answers_the_object_of_the_command_line_with_raw_and_usage(client: TestClient) -> None:
    found = _ask(client)
    assert found["boxes"] == [{"label": "cup", "xyxy": [20, 30, 100, 90], "attributes": {"color": "red"}}]
    assert found["points"] == [{"label": "tip", "xy": [100, 75]}]
    assert found["text"] == "I see:"
    assert found["raw"] == "".join(ANSWER)
    assert found["usage"]["total_tokens"] == found["usage"]["prompt_tokens"] + found["usage"]["completion_tokens"]
    said = subprocess.run(
        [sys.executable, "-m", "model.parsing", "--family", "Qwen3-VL", "--image-size", "200x150"],
        input=found.pop("raw"),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert found.pop("usage")
    assert found.pop("finish_reason") == "stop"
    assert json.loads(said.stdout) == found


def test_what_the_model_said_of_a_thing_is_there_for_every_kind(make_studio: Callable[..., Studio]) -> None:
    raw = (
        '[{"bbox_3d": [1, 2, 3, 4, 5, 6, 0, 0, 0.5], "label": "car", "color": "red"},'
        ' {"start_time": "00:01.00", "end_time": "00:02.00", "description": "turns", "speed": "slow"},'
        ' {"polygon": [[1, 1], [500, 1], [500, 500]], "label": "roof", "color": "grey"}]'
    )
    found = _ask(_client(make_studio(FakeEngine((raw,)))))
    said = answer_to_json(parse_answer(raw, CONVENTIONS["0-1000"], [MediumInput((200, 150), (200, 150), 1)]))
    assert any("attributes" in thing for thing in said["boxes_3d"])
    for kind in ("boxes", "points", "polygons", "boxes_3d", "events"):
        assert found[kind] == said[kind]


def test_another_convention_moves_the_boxes(client: TestClient) -> None:
    assert _ask(client, convention="source pixels")["boxes"][0]["xyxy"] == [100, 150, 200, 150]


def test_the_box_goes_into_the_prompt(make_studio: Callable[..., Studio]) -> None:
    engine = FakeEngine(("A cup.",))
    _ask(_client(make_studio(engine)), task="free", query="What is this?", box=[20, 30, 100, 90])
    assert engine.prompts[0].messages[-1].text == "What is this? (in the box [100, 200, 500, 600])"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"image": "https://example.org/a.png"}, "data URL"),
        ({"image": "file:///etc/passwd"}, "data URL"),
        ({"image": "/etc/passwd"}, "data URL"),
        ({"image": "data:image/png;base64,AAAA"}, "not a picture"),
        ({"task": "paint"}, "“task” has to be 'detect', "),
        ({"categories": "cup"}, "“categories” is not known here."),
        ({"task": "find", "query": ""}, "Write what to find"),
        ({"convention": "inches"}, "“convention” has to be one of 0-1000, 0-999, "),
        ({"box": [1, 2, 3]}, "“box[3]” is missing."),
        ({"box": [1, 2, 3, "far"]}, "“box[3]” has to be a number."),
        ({"box": [90, 20, 30, 60]}, "“box” has to be an area of the picture, which has 200 x 150 pixels."),
        ({"box": [20, 30, 201, 60]}, "“box” has to be an area of the picture"),
        ({"image": None}, "“image” has to be a text."),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(client: TestClient, body: dict[str, Any], sentence: str) -> None:
    response = client.post("/v1/ground", json={"image": data_url(picture()), "query": "cup", **body})
    assert response.status_code == 400
    assert sentence in response.json()["error"]["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_place_that_is_nowhere_is_no_number(client: TestClient, number: str) -> None:
    body = json.dumps({"image": data_url(picture()), "query": "cup", "box": [0, 0, 9, 0]})
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/ground", content=body.replace("[0, 0, 9, 0]", f"[0, 0, 9, {number}]"), headers=headers)
    assert (response.status_code, response.json()["error"]["message"]) == (400, "“box[3]” has to be a number.")


def test_an_answer_that_repeats_itself_says_so_among_its_problems(make_studio: Callable[..., Studio]) -> None:
    engine = FakeEngine((*ANSWER, Chunk(" and", finish_reason="repetition")))
    found = _ask(_client(make_studio(engine)))
    assert found["finish_reason"] == "repetition"
    assert found["problems"][0] == "The answer repeated itself without end and was stopped."
    assert len(found["boxes"]) == 1


def test_what_the_pocket_model_has_not_learned_is_said_first(make_studio: Callable[..., Studio]) -> None:
    engine = FakeEngine(("lost ",) * 300, info=replace(FakeEngine().info, is_pocket=True))
    found = _ask(_client(make_studio(engine)), task="act")
    assert found["problems"][0].startswith("The pocket model has not learned to ")
    assert found["finish_reason"] == "length"
    assert found["usage"]["completion_tokens"] < 300, "gibberish need not be waited for"


def test_without_a_model_it_says_so(make_studio: Callable[..., Studio]) -> None:
    response = _client(make_studio()).post("/v1/ground", json={"image": data_url(picture())})
    assert response.status_code == 503
    assert "loading" in response.json()["error"]["message"]


def test_request_and_answer_are_described(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    operation = description["paths"]["/v1/ground"]["post"]
    schemas = description["components"]["schemas"]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("GroundResponse")
    assert {"image", "task", "query", "convention", "box"} <= schemas["GroundRequest"]["properties"].keys()
    assert {"boxes", "points", "problems", "raw", "usage"} <= schemas["GroundResponse"]["properties"].keys()
