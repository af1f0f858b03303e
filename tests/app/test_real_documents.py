"""Stored answers of real models about documents, played through the API, the tab and the batch command."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import read_api
from app.batch_read import BatchReader, ReadSettings
from app.document_actions import DocumentActions, Session
from app.errors_http import add_error_handlers
from app.settings import read_settings_of
from app.studio import Studio
from model.engines.fake import FakeEngine
from model.media import data_url
from model.types import Chunk, Resized
from tests.app.found import picture
from tests.model.parsing.answers import media_of, needs_real_outputs, raw_text, real_cases

pytestmark = needs_real_outputs

CASES = {case["id"]: case for case in real_cases()}


def _engine(case: dict[str, Any]) -> FakeEngine:
    """Says what the model said, in pieces, having seen the page at the size at which the model saw it."""
    text = raw_text(case)
    pieces = [text[start : start + 40] for start in range(0, len(text), 40)]
    end = Chunk("", finish_reason="stop" if case["expected"]["complete"] else "length")
    info = replace(FakeEngine().info, family=case["model_family"])
    return FakeEngine((Resized(tuple(media_of(case)), 1), *pieces, end), info=info)


def _read(make_studio: Callable[..., Studio], case: dict[str, Any], **body: Any) -> dict[str, Any]:
    """What `/v1/read` answers about the page."""
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(read_api.router(make_studio(_engine(case))))
    response = TestClient(app).post("/v1/read", json={"file": data_url(picture(*case["image_wh"])), **body})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def _page_file(case: dict[str, Any], folder: Path) -> Path:
    path = folder / "page.png"
    path.write_bytes(picture(*case["image_wh"]).data)
    return path


def test_a_page_of_html_has_its_blocks_where_they_stand(make_studio: Callable[..., Studio]) -> None:
    case = CASES["q25_html_report_page"]
    expected = case["expected"]
    answer = _read(make_studio, case, mode="layout")
    (page,) = answer["pages"]
    placed = [block for block in page["blocks"] if block.get("xyxy")]
    assert len(placed) == expected["count"]
    for block, xyxy, text in zip(placed, expected["boxes_px"], expected["texts"], strict=True):
        assert block["xyxy"] == pytest.approx(xyxy, abs=1)
        assert block["text"].startswith(text)
    assert answer["problems"] == []


def test_a_page_that_was_cut_is_whole_up_to_there_and_says_so(make_studio: Callable[..., Studio]) -> None:
    case = CASES["q25_html_truncated"]
    expected = case["expected"]
    answer = _read(make_studio, case, mode="layout")
    (page,) = answer["pages"]
    for words in expected["contains"]:
        assert words in page["text"]
    assert (
        sum(block["kind"] == "heading" and block["level"] == 3 for block in page["blocks"])
        == (expected["structure"]["h3"])
    )
    assert any("limit of its length" in problem for problem in answer["problems"])
    for address in expected["external_urls"]:
        assert f"]({address})" not in page["markdown"], "nothing of it is loaded"


def test_a_page_that_was_cut_is_named_so_in_the_tab_and_offers_to_spot_lines(
    make_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    case = CASES["q25_html_truncated"]
    actions, session = DocumentActions(make_studio(_engine(case))), Session()
    *_, _ = actions.add(session, [_page_file(case, tmp_path)])
    actions.set_ask(session, "layout")
    *_, shown = actions.read(session)
    assert [sheet.state for sheet in session.sheets] == ["cut"]
    assert "the limit of its length" in (shown.notes or "")
    assert "Spot lines" in (shown.notes or ""), "the answer has no boxes"
    for words in case["expected"]["contains"]:
        assert words in (shown.result or "")
    for address in case["expected"]["external_urls"]:
        assert f'src="{address}"' not in (shown.result or "")


def test_spotted_lines_of_a_receipt_stand_where_they_are_printed(make_studio: Callable[..., Studio]) -> None:
    case = CASES["q25_ocr_receipt_valid_json"]
    expected = case["expected"]
    answer = _read(make_studio, case, mode="layout")
    blocks = answer["pages"][0]["blocks"]
    assert [block["text"] for block in blocks] == expected["labels"]
    for block, xyxy in zip(blocks, expected["boxes_px"], strict=True):
        assert block["xyxy"] == pytest.approx(xyxy, abs=1)
    assert answer["problems"] == []


def test_fields_of_a_receipt_are_found_behind_a_preamble(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    case = CASES["q25_kie_receipt_preamble"]
    fields = case["expected"]["fields"]
    assert _read(make_studio, case, mode="fields", fields=list(fields))["fields"] == fields
    actions, session = DocumentActions(make_studio(_engine(case))), Session()
    *_, _ = actions.add(session, [_page_file(case, tmp_path)])
    actions.set_ask(session, "fields", tuple(fields))
    *_, shown = actions.read(session)
    for value in fields.values():
        assert f"{value}</td>" in (shown.result or "")


def test_fields_of_a_receipt_become_a_row_of_the_batch(tmp_path: Path) -> None:
    case = CASES["q25_kie_receipt_preamble"]
    fields = case["expected"]["fields"]
    options = ["--mode", "fields", "--fields", ",".join(fields), "--out", str(tmp_path / "out")]
    settings = read_settings_of(
        ReadSettings, [str(_page_file(case, tmp_path)), *options, "--data-dir", str(tmp_path / "data")]
    )
    summary = BatchReader(settings, _engine(case)).run()
    assert (summary.read, summary.failures, summary.problems) == (1, [], [])
    with (tmp_path / "out" / "fields.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert {name: row[name] for name in fields} == fields
