"""POST /v1/read, over HTTP, with an engine that says what it is told to."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import read_api
from app.errors_http import add_error_handlers
from app.studio import Studio
from model.engines.fake import FakeEngine
from model.errors import EngineError
from model.media import data_url
from model.prompts import FIELD_PRESETS
from model.types import Chunk, FinishReason
from tests.app.documents import LAYOUT, REPORT, encrypted
from tests.app.found import picture

PDF = f"data:application/pdf;base64,{base64.b64encode(REPORT.read_bytes()).decode()}"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(LAYOUT)


@pytest.fixture
def client(make_studio: Callable[..., Studio], engine: FakeEngine) -> TestClient:
    return _client(make_studio(engine))


def _client(studio: Studio) -> TestClient:
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(read_api.router(studio))
    return TestClient(app, raise_server_exceptions=False)


def _form(client: TestClient, path: Path = REPORT, **form: Any) -> Any:
    with path.open("rb") as file:
        return client.post("/v1/read", files={"file": (path.name, file)}, data=form)


def _json(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/read", json={"file": PDF, **body})


@pytest.mark.parametrize("send", [_form, _json])
def test_a_document_is_answered_page_by_page(client: TestClient, send: Callable[..., Any]) -> None:
    response = send(client, mode="layout")
    assert response.status_code == 200, response.text
    answer = response.json()
    assert [page["page"] for page in answer["pages"]] == [1, 2]
    page = answer["pages"][0]
    width, height = page["size_wh"]
    assert [block["kind"] for block in page["blocks"]] == ["heading", "text", "figure", "table"]
    assert page["blocks"][0]["xyxy"] == pytest.approx([width * 0.1, height * 0.05, width * 0.6, height * 0.1], abs=1)
    assert page["blocks"][3]["table"]["rows"][1][0]["text"] == "Beans"
    assert page["text"].startswith("Water\n\nRain was short in June.")
    assert "## Water" in page["markdown"]
    assert answer["fields"] == {}
    assert answer["problems"] == []
    assert answer["model"] == "fake"


def test_only_the_pages_that_are_asked_for_are_read(client: TestClient, engine: FakeEngine) -> None:
    assert [page["page"] for page in _json(client, pages="2").json()["pages"]] == [2]
    assert len(engine.prompts) == 1
    assert [page["page"] for page in _form(client, pages="1-2").json()["pages"]] == [1, 2]
    assert len(engine.prompts) == 2, "page 2 was read before"


@pytest.mark.parametrize(("pages", "read"), [(2, [2]), ([2], [2]), ([2, 1], [1, 2]), ([], [1, 2])])
def test_pages_may_be_numbers(client: TestClient, pages: int | list[int], read: list[int]) -> None:
    assert [page["page"] for page in _json(client, pages=pages).json()["pages"]] == read


def test_a_page_before_the_first_is_refused(client: TestClient) -> None:
    response = _json(client, pages=[-1, 2])
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "pages"


def test_fields_are_an_object_for_one_page_and_a_list_for_several(client: TestClient, engine: FakeEngine) -> None:
    engine.script = ('{"total": "12.50"}',)
    assert _json(client, mode="fields", fields=["total", "date"], pages="1").json()["fields"] == {
        "total": "12.50",
        "date": None,
    }
    several = _form(client, mode="fields", fields="total, date").json()["fields"]
    assert several == [{"total": "12.50", "date": None}] * 2


def test_a_picture_is_a_document_too(client: TestClient) -> None:
    answer = client.post("/v1/read", json={"file": data_url(picture(400, 300)), "mode": "layout"}).json()
    assert answer["pages"][0]["size_wh"] == [400, 300]


def test_an_encrypted_document_needs_its_password(client: TestClient, tmp_path: Path) -> None:
    locked = encrypted(tmp_path, "sesame")
    for given, problem in (
        ({}, "“password” is missing: this document is encrypted."),
        ({"password": "open"}, "“password” does not open this document."),
    ):
        response = _form(client, locked, **given)
        assert response.status_code == 400
        assert response.json()["error"]["message"] == problem
        assert response.json()["error"]["param"] == "password"
    assert _form(client, locked, password="sesame", pages="1").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"file": "https://example.org/a.pdf"}, 400),
        ({"file": "/etc/passwd"}, 400),
        ({"file": "data:application/pdf;base64,!!!"}, 400),
        ({"file": "data:application/pdf;base64,JVBERi0xLjcK"}, 400),
        ({"mode": "paint"}, 400),
        ({"mode": "fields"}, 400),
        ({"mode": "fields", "fields": {"total": 1}}, 400),
        ({"fields": ["total"]}, 400),
        ({"pages": "7"}, 400),
        ({"pages": "all"}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(client: TestClient, body: dict[str, Any], status: int) -> None:
    response = _json(client, **body)
    assert response.status_code == status, response.text
    message = response.json()["error"]["message"]
    assert message.endswith(".")
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"mode": "paint"}, "“mode” has to be 'text', 'markdown', 'layout', 'tables' or 'fields'."),
        ({"mode": "fields", "fields": 1}, "“fields” has to be a list or a text."),
        ({"mode": "fields", "fields": [1]}, "“fields[0]” has to be a text."),
        ({"mode": "fields", "fields": ["", " "]}, "“fields” has to name at least one field to read."),
        (
            {"mode": "fields", "fields": '["total"'},
            "“fields” has to be names separated by commas, or a list of names in JSON.",
        ),
        ({"fields": ["total"]}, "“fields” is only for the mode fields."),
        ({"file": None}, "“file” has to be a text."),
        ({"pages": "0"}, "There is no page 0, only pages 1 to 2."),
    ],
)
def test_what_is_wrong_with_a_request_is_named(client: TestClient, body: dict[str, Any], sentence: str) -> None:
    response = _json(client, **body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, sentence)


@pytest.mark.parametrize("send", [_form, _json])
@pytest.mark.parametrize("name", ["pagez", "dpi"])
def test_a_field_that_is_not_known_is_refused_by_name(
    client: TestClient, engine: FakeEngine, send: Callable[..., Any], name: str
) -> None:
    response = send(client, **{name: "1"})
    assert response.status_code == 400
    assert f"“{name}”" in response.json()["error"]["message"]
    assert engine.prompts == []


def test_what_is_wrong_with_a_form_is_named(client: TestClient, engine: FakeEngine) -> None:
    document = ("report.pdf", REPORT.read_bytes())
    file = ("file", document)
    for sent, words in (
        (client.post("/v1/read", data={"mode": "paint"}, files=[file]), "“mode” has to be"),
        (client.post("/v1/read", data={"mode": ["text", "layout"]}, files=[file]), "“mode” is there more than once."),
        (client.post("/v1/read", files=[file, file]), "“file” is there more than once."),
        (client.post("/v1/read", files=[file, ("scan", document)]), "“scan” is not known here."),
        (client.post("/v1/read", files=[file, ("mode", document)]), "“mode” has to be a text."),
        (client.post("/v1/read", files=[file] * 3), "Send one file, as “file”."),
        (
            client.post("/v1/read", files=[("scan", document)]),
            "“file” is missing: send a file of that name; “scan” is not",
        ),
        (client.post("/v1/read", files=[("pages", document)], data={"file": "scan.pdf"}), "“file” has to be a file."),
    ):
        assert sent.status_code == 400
        assert words in sent.json()["error"]["message"]
    assert engine.prompts == []


def test_what_stands_in_the_address_is_refused_by_name(client: TestClient, engine: FakeEngine) -> None:
    response = client.post("/v1/read?mode=text", json={"file": PDF})
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("“mode” stands in the address")
    assert engine.prompts == []


def test_what_is_missing_is_named_with_what_may_be_meant(client: TestClient) -> None:
    message = client.post("/v1/read", json={"foo": 1}).json()["error"]["message"]
    assert message == "“file” is missing; “foo” is not known here."


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ("total, date", ("total", "date")),
        ('["total, net", "date"]', ("total, net", "date")),
        (["total", "date,total"], ("total", "date")),
        ("Business card", FIELD_PRESETS["business_card"].fields),
        ("receipt", FIELD_PRESETS["receipt"].fields),
        ("receipt, date", ("receipt", "date")),
    ],
)
def test_fields_can_be_named_in_several_ways(
    client: TestClient, sent: str | list[str], fields: tuple[str, ...]
) -> None:
    assert tuple(_form(client, mode="fields", fields=sent, pages="1").json()["fields"]) == fields
    if isinstance(sent, str):
        assert tuple(_json(client, mode="fields", fields=sent, pages="1").json()["fields"]) == fields


def test_a_list_of_names_is_taken_as_it_stands(client: TestClient) -> None:
    for sent, fields in ((["total, net", " date "], ("total, net", "date")), (["id"], FIELD_PRESETS["id"].fields)):
        assert tuple(_json(client, mode="fields", fields=sent, pages="1").json()["fields"]) == fields


def test_a_model_that_has_not_learned_to_read_says_so(make_studio: Callable[..., Studio]) -> None:
    pocket = FakeEngine(("Gibberish",), info=replace(FakeEngine().info, is_pocket=True))
    response = _json(_client(make_studio(pocket)), mode="tables")
    assert response.status_code == 400
    assert "has not learned to read tables" in response.json()["error"]["message"]
    assert pocket.prompts == []


def test_a_body_that_is_no_request_is_refused_in_words(client: TestClient) -> None:
    for response in (
        client.post("/v1/read", content=b"{", headers={"content-type": "application/json"}),
        client.post("/v1/read", content=b"%PDF", headers={"content-type": "application/pdf"}),
        client.post("/v1/read", data={"mode": "text"}, files={"other": b"x"}),
        client.post("/v1/read", data={"mode": "paint"}, files={"file": REPORT.read_bytes()}),
        client.post("/v1/read", content=b"x", headers={"content-type": "multipart/form-data; boundary=a"}),
    ):
        assert response.status_code == 400, response.text
        assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_file_that_is_too_large_is_refused(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    client = _client(make_studio(FakeEngine(LAYOUT), max_upload_mb=1))
    large = tmp_path / "large.pdf"
    large.write_bytes(REPORT.read_bytes() + b"\0" * 2**20)
    assert _form(client, large).status_code == 413
    url = f"data:application/pdf;base64,{base64.b64encode(large.read_bytes()).decode()}"
    assert client.post("/v1/read", json={"file": url}).status_code == 413


def test_a_page_that_fails_is_a_problem_and_all_of_them_an_error(client: TestClient, engine: FakeEngine) -> None:
    assert _json(client, mode="layout", pages="1").status_code == 200
    engine.fail_with = EngineError("The model stumbled.")
    answer = _json(client, mode="layout").json()
    assert [page["page"] for page in answer["pages"]] == [1]
    assert answer["problems"] == ["Page 2: The model stumbled."]
    response = _json(client, mode="layout", pages="2")
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "The model stumbled."


@pytest.mark.parametrize(("reason", "words"), [("length", "reached the limit"), ("repetition", "repeated itself")])
def test_a_page_that_was_cut_is_a_problem(
    client: TestClient, engine: FakeEngine, reason: FinishReason, words: str
) -> None:
    engine.script = ("# Water", Chunk(" was", finish_reason=reason))
    for _ in ("read", "from the store"):
        (problem,) = _json(client, pages="1").json()["problems"]
        assert words in problem


def test_without_a_model_it_says_so(make_studio: Callable[..., Studio]) -> None:
    response = _json(_client(make_studio()))
    assert response.status_code == 503
    assert "loading" in response.json()["error"]["message"]


def test_request_and_answer_are_described(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    operation = description["paths"]["/v1/read"]["post"]
    assert operation["requestBody"]["content"].keys() == {"multipart/form-data", "application/json"}
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["file"]["format"] == "binary"
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert {"file", "mode", "fields", "pages", "password"} == body["properties"].keys()
    schemas = description["components"]["schemas"]
    assert {"pages", "fields", "problems"} <= schemas["ReadResponse"]["properties"].keys()
    assert json.dumps(description)


def test_the_file_itself_is_not_kept(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    studio = make_studio(FakeEngine(LAYOUT))
    assert _json(_client(studio)).status_code == 200
    assert not (studio.settings.data_dir / "documents").exists()
