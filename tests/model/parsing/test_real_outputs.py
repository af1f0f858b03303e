"""Every stored answer of a real model is read as its record says: counts exact, places within one pixel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model.catalog import FAMILIES
from model.parsing import answer_to_json, read_document
from model.parsing.camera import Camera, corners_xy
from model.types import Answer, Document
from tests.model.parsing.answers import media_of, needs_real_outputs, objects, parser_of, raw_text, real_cases

pytestmark = needs_real_outputs

CASES = real_cases()


def cases_with(key: str, *kinds: str) -> list[Any]:
    chosen = [case for case in CASES if case["expected"][key] is not None and case["expected"]["kind"] in kinds]
    return [pytest.param(case, id=case["id"]) for case in chosen]


def read(case: dict[str, Any]) -> Answer:
    parser = parser_of(case)
    parser.feed(raw_text(case))
    return parser.finish()


@pytest.mark.parametrize(
    "case", cases_with("count", "boxes", "points", "boxes_3d", "tool_calls", "events", "time_range")
)
def test_as_many_objects_as_the_model_wrote(case: dict[str, Any]) -> None:
    assert len(objects(read(case))) == case["expected"]["count"]


@pytest.mark.parametrize("case", cases_with("boxes_px", "boxes"))
def test_boxes_are_in_pixels_of_the_picture(case: dict[str, Any]) -> None:
    found = [box.xyxy for box in read(case).boxes]
    assert len(found) == len(case["expected"]["boxes_px"])
    for xyxy, expected in zip(found, case["expected"]["boxes_px"], strict=True):
        assert xyxy == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("case", cases_with("boxes_raw", "boxes"))
def test_without_a_picture_boxes_are_as_written(case: dict[str, Any]) -> None:
    answer = read({**case, "image_wh": None})
    assert [list(box.xyxy) for box in answer.boxes] == case["expected"]["boxes_raw"]
    assert any("as the model wrote them" in problem for problem in answer.problems)


@pytest.mark.parametrize("case", cases_with("labels", "boxes", "points", "boxes_3d"))
def test_labels(case: dict[str, Any]) -> None:
    assert [region.label for region in read(case).regions] == case["expected"]["labels"]


@pytest.mark.parametrize("case", cases_with("labels_alt", "boxes"))
def test_other_names_are_kept(case: dict[str, Any]) -> None:
    for box, name in zip(read(case).boxes, case["expected"]["labels_alt"], strict=True):
        assert name in box.attributes.values()


@pytest.mark.parametrize("case", cases_with("points_px", "points", "tool_calls"))
def test_points_and_places_of_actions(case: dict[str, Any]) -> None:
    answer = read(case)
    places = [point.xy for point in answer.points] + [action.xy for action in answer.actions]
    assert len(places) == len(case["expected"]["points_px"])
    for xy, expected in zip(places, case["expected"]["points_px"], strict=True):
        assert xy == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("case", cases_with("tool_calls", "tool_calls"))
def test_tool_calls(case: dict[str, Any]) -> None:
    calls = [{"name": action.name, "arguments": action.arguments} for action in read(case).actions]
    assert calls == case["expected"]["tool_calls"]


@pytest.mark.parametrize("case", cases_with("fields", "fields", "tool_calls"))
def test_fields(case: dict[str, Any]) -> None:
    assert read(case).fields == case["expected"]["fields"]


@pytest.mark.parametrize("case", cases_with("times_s", "events", "time_range"))
def test_times(case: dict[str, Any]) -> None:
    found = [[event.start_s, event.end_s] for event in read(case).events]
    assert found == [pytest.approx(times) for times in case["expected"]["times_s"]]


@pytest.mark.parametrize("case", cases_with("texts", "events"))
def test_what_happens(case: dict[str, Any]) -> None:
    assert [event.label for event in read(case).events] == case["expected"]["texts"]


@pytest.mark.parametrize("case", cases_with("corners_px", "boxes_3d"))
def test_3d_boxes_keep_their_numbers_and_can_be_projected(case: dict[str, Any]) -> None:
    expected = case["expected"]
    boxes = read(case).boxes_3d
    assert [list(box.values) for box in boxes] == expected["boxes_3d"]
    camera = Camera(**expected["camera"])
    for box, corners in zip(boxes, expected["corners_px"], strict=True):
        for corner, expected_xy in zip(corners_xy(box.values, camera), corners, strict=True):
            assert corner == pytest.approx(expected_xy, abs=1)


@pytest.mark.parametrize("case", cases_with("outside_text", "boxes", "tool_calls", "fields", "document"))
def test_text_beside_the_answer_is_kept(case: dict[str, Any]) -> None:
    assert read(case).text == case["expected"]["outside_text"]


@pytest.mark.parametrize("case", cases_with("clean_text", "boxes"))
def test_markup_is_taken_out_of_the_text(case: dict[str, Any]) -> None:
    assert read(case).text == case["expected"]["clean_text"]


@pytest.mark.parametrize("case", cases_with("kind", "boxes", "points", "boxes_3d", "events"))
def test_nothing_is_said_about_a_sound_answer(case: dict[str, Any]) -> None:
    known_size = case["image_wh"] is not None or case["coords"] is None
    assert [problem for problem in read(case).problems if known_size] == []


@pytest.mark.parametrize("case", cases_with("kind", "document"))
def test_a_page_is_no_part_of_the_text(case: dict[str, Any]) -> None:
    answer = read(case)
    assert answer.text == (case["expected"]["outside_text"] or "")
    assert bool(answer.problems) == (not case["expected"]["complete"])


def read_page(case: dict[str, Any]) -> Document:
    """The page as the answer alone tells it, which has to be what reading a page gives."""
    document = read(case).document
    assert document is not None
    medium = next(iter(media_of(case)), None)
    page = read_document(raw_text(case), "layout", FAMILIES[case["model_family"]].convention, medium)
    assert page.blocks == document.blocks
    return document


@pytest.mark.parametrize("case", cases_with("boxes_px", "document"))
def test_blocks_of_a_page(case: dict[str, Any]) -> None:
    blocks, expected = [block for block in read_page(case).blocks if block.xyxy], case["expected"]
    assert len(blocks) == expected["count"]
    names = {"figure": "div.image", "text": "p"}
    assert [names.get(block.kind, f"h{block.level}") for block in blocks] == expected["labels"]
    for block, text, box in zip(blocks, expected["texts"], expected["boxes_px"], strict=True):
        assert block.text.startswith(text)
        assert block.xyxy == pytest.approx(box, abs=1)


@pytest.mark.parametrize("case", cases_with("contains", "document"))
def test_a_page_that_was_cut_is_whole_up_to_the_cut(case: dict[str, Any]) -> None:
    document, expected = read_page(case), case["expected"]
    text = "\n".join(block.text for block in document.blocks)
    assert all(words in text for words in expected["contains"])
    structure = expected["structure"]
    assert sum(block.kind == "heading" and block.level == 3 for block in document.blocks) == structure["h3"]
    assert sum(len(block.text.split("\n")) for block in document.blocks if block.kind == "list") == structure["li"]
    assert sum(block.kind == "figure" for block in document.blocks) == structure["img_complete"]
    assert any("cut" in problem for problem in document.problems) == (not expected["complete"])


@pytest.mark.parametrize("case", cases_with("external_urls", "document"))
def test_no_address_comes_through(case: dict[str, Any]) -> None:
    shown = json.dumps(answer_to_json(read(case))["document"])
    assert not any(url in shown for url in case["expected"]["external_urls"])
    assert "](" not in shown


@pytest.mark.parametrize("case", cases_with("texts", "document") + cases_with("contains", "document"))
def test_every_way_of_cutting_a_page_gives_its_first_blocks(case: dict[str, Any]) -> None:
    text, whole = raw_text(case), read_page(case).blocks
    for cut in range(0, len(text), 7):
        parser = parser_of(case)
        answer = parser.feed(text[:cut])
        complete = answer.document.blocks if answer.document else ()
        assert complete == whole[: len(complete)]
        answer = parser.finish()
        blocks = answer.document.blocks if answer.document else ()
        assert blocks[:-1] == whole[: max(len(blocks) - 1, 0)]
        assert all(whole[len(blocks) - 1].text.startswith(block.text) for block in blocks[-1:]), text[:cut]


@pytest.mark.parametrize("case", [case for case in cases_with("labels", "boxes") if "ocr" in str(case.id)])
def test_lines_of_text_are_blocks(case: dict[str, Any]) -> None:
    medium = next(iter(media_of(case)), None)
    document = read_document(raw_text(case), "lines", FAMILIES[case["model_family"]].convention, medium)
    assert [block.text for block in document.blocks] == case["expected"]["labels"]
    assert [block.xyxy for block in document.blocks] == [box.xyxy for box in read(case).boxes]
    assert document.problems == ()


@pytest.mark.parametrize("case", cases_with("fields", "fields"))
def test_fields_that_were_asked_for(case: dict[str, Any]) -> None:
    expected = case["expected"]["fields"]
    document = read_document(
        raw_text(case), "fields", FAMILIES[case["model_family"]].convention, fields=tuple(expected)
    )
    assert dict(document.fields) == expected
    assert document.problems == ()


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_spans_are_the_places_in_the_text(case: dict[str, Any]) -> None:
    text = raw_text(case)
    answer = read(case)
    for region in answer.regions:
        assert region.span is not None
        assert region.label in text[slice(*region.span)] or case["id"] == "q1_apples_one_ref_two_boxes"
    for event in answer.events:
        assert event.span is not None
        assert event.label in text[slice(*event.span)]
    for action in answer.actions:
        assert action.span is not None
        assert json.loads(text[slice(*action.span)])["name"] == action.name


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_prints_as_json(case: dict[str, Any]) -> None:
    answer = read(case)
    printed = json.loads(json.dumps(answer_to_json(answer), allow_nan=False))
    assert printed["text"] == answer.text
    assert len(printed["boxes"]) == len(answer.boxes)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
@pytest.mark.parametrize("step", [1, 7])
def test_streamed_is_the_same_as_at_once(case: dict[str, Any], step: int) -> None:
    text = raw_text(case)
    parser = parser_of(case)
    for start in range(0, len(text), step):
        parser.feed(text[start : start + step])
    assert parser.finish() == read(case)


@pytest.mark.parametrize("case", cases_with("kind", "boxes", "points", "boxes_3d", "tool_calls", "events"))
def test_every_way_of_cutting_gives_the_first_objects(case: dict[str, Any]) -> None:
    text = raw_text(case)
    whole = objects(read(case))
    for cut in range(len(text)):
        parser = parser_of(case)
        parser.feed(text[:cut])
        found = objects(parser.finish())
        assert found == whole[: len(found)], text[:cut]
