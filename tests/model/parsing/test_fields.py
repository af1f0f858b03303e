"""The fields that were asked for are found in every form in which models give them."""

from __future__ import annotations

from typing import Any

import pytest

from model.catalog import PER_1000
from model.parsing import read_document
from model.parsing.document import DocumentParser

NAMES = ("shop", "Total amount")

ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "object": ('{"shop": "A", "Total amount": 5}', {"shop": "A", "Total amount": 5}),
    "object in a fence": (
        'Here:\n```json\n{"Total amount": "5", "shop": "A"}\n```',
        {"shop": "A", "Total amount": "5"},
    ),
    "keys written otherwise": ('{"Shop": "A", "total_amount": 5}', {"shop": "A", "Total amount": 5}),
    "object in an object": ('{"receipt": {"shop": "A", "Total amount": 5}}', {"shop": "A", "Total amount": 5}),
    "list of one object": ('[{"shop": "A", "Total amount": 5}]', {"shop": "A", "Total amount": 5}),
    "lines of a page": (
        '```html\n<p data-bbox="1 2 3 4">Shop: A</p><p data-bbox="5 6 7 8">Total amount: 5</p>\n```',
        {"shop": "A", "Total amount": "5"},
    ),
    "lines of a page in Markdown": (
        "<!-- Image (1, 2, 3, 4) -->\n\nShop: A\n\n**Total amount:** 5",
        {"shop": "A", "Total amount": "5"},
    ),
    "pairs": (
        '{"fields": [{"key": "shop", "value": "A"}, {"key": "Total amount", "value": 5}]}',
        {"shop": "A", "Total amount": 5},
    ),
    "values with boxes": (
        '{"shop": {"value": "A", "bbox_2d": [1, 2, 3, 4]}, "Total amount": {"value": 5, "bbox_2d": [1, 2, 3, 4]}}',
        {"shop": "A", "Total amount": 5},
    ),
    "lines": ("- **Shop**: A\n- **Total amount:** 5", {"shop": "A", "Total amount": "5"}),
    "nothing for one": ('{"shop": "A", "Total amount": null}', {"shop": "A", "Total amount": None}),
    "empty is nothing": ('{"shop": "A", "Total amount": ""}', {"shop": "A", "Total amount": None}),
    "cut": ('{"shop": "A", "Total amount": 5', {"shop": "A", "Total amount": None}),
    "table of two columns": (
        "| Field | Value |\n|---|---|\n| **Shop** | A |\n| Total amount | 5 |",
        {"shop": "A", "Total amount": "5"},
    ),
    "table whose first row is a field": (
        "| shop | A |\n|---|---|\n| Total amount | 5 |",
        {"shop": "A", "Total amount": "5"},
    ),
    "table with names above": ("| Shop | Total amount |\n|---|---|\n| A | 5 |", {"shop": "A", "Total amount": "5"}),
    "list of one object each": ('[{"shop": "A"}, {"Total amount": 5}]', {"shop": "A", "Total amount": 5}),
    "the same object twice": ('[{"shop": "A"}, {"shop": "A"}]', {"shop": "A", "Total amount": None}),
    "more than asked": (
        '{"items": [{"name": "x", "price": 3}], "shop": "A", "Total amount": 5}',
        {"shop": "A", "Total amount": 5, "items": [{"name": "x", "price": 3}]},
    ),
    "prose": ("There is no receipt here.", {"shop": None, "Total amount": None}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_fields_that_were_asked_for(name: str) -> None:
    text, expected = ANSWERS[name]
    document = read_document(text, "fields", PER_1000, fields=NAMES)
    assert dict(document.fields) == expected
    assert list(document.fields)[:2] == list(NAMES)
    absent = [field for field, value in expected.items() if value is None]
    assert any("Not found on this page" in problem for problem in document.problems) == bool(absent)
    assert document.blocks == ()


CUT_ANSWERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "in a list of objects": (
        '{"shop": "A", "items": [{"name": "bread"}, {"name": "milk"}, {"name": "che',
        {"shop": "A", "items": [{"name": "bread"}, {"name": "milk"}]},
        "The answer was cut inside “items”; what came before was kept.",
    ),
    "in an object in an object": (
        '{"receipt": {"shop": "A", "date": "May", "items": ["x", 1',
        {"shop": "A", "items": ["x"]},
        "The answer was cut inside “items”; what came before was kept.",
    ),
    "in a list of pairs": (
        '```json\n[{"key": "shop", "value": "A"}, {"key": "items", "val',
        {"shop": "A", "items": None},
        "The answer was cut; 1 field was complete.",
    ),
    "in a list of one object": (
        '[{"shop": "A", "items": [{"name": "bread"}, {"na',
        {"shop": "A", "items": [{"name": "bread"}]},
        "The answer was cut inside “items”; what came before was kept.",
    ),
    "before anything was whole": (
        '{"shop": "Mil',
        {"shop": None, "items": None},
        "The answer was cut before its first object was complete.",
    ),
}


@pytest.mark.parametrize("name", CUT_ANSWERS)
def test_a_cut_answer_keeps_what_was_whole(name: str) -> None:
    text, expected, problem = CUT_ANSWERS[name]
    parser = DocumentParser("fields", PER_1000, fields=("shop", "items"))
    for character in text:
        parser.feed(character)
    document = parser.finish()
    assert dict(document.fields) == expected
    absent = ", ".join(field for field, value in expected.items() if value is None)
    missing = (f"Not found on this page as far as the answer goes: {absent}.",) if absent else ()
    assert document.problems == (problem, *missing)
    assert document == read_document(text, "fields", PER_1000, fields=("shop", "items"))


def test_drafts_of_a_thinking_model_are_no_fields() -> None:
    document = read_document('<think>{"items": [1, 2</think>{"shop": "A"}', "fields", PER_1000, fields=("shop",))
    assert dict(document.fields) == {"shop": "A"}
    assert document.problems == ()


SEVERAL_RECORDS = {
    "list": '[{"shop": "A", "Total amount": 5, "tax": 1}, {"shop": "B", "Total amount": 5, "tax": 1}]',
    "list in an object in a fence": (
        '```json\n{"receipts": [{"shop": "A", "total_amount": 5}, {"shop": "B", "total_amount": 5}]}\n```'
    ),
    "one after another": '{"shop": "A", "Total amount": 5}\n{"shop": "B", "Total amount": 5}',
    "rows of a table": "| shop | Total amount |\n|---|---|\n| A | 5 |\n| B | 5 |",
}


@pytest.mark.parametrize("name", SEVERAL_RECORDS)
def test_several_records_stand_together_and_are_told(name: str) -> None:
    document = read_document(SEVERAL_RECORDS[name], "fields", PER_1000, fields=NAMES)
    assert document.fields["shop"] == ["A", "B"]
    assert str(document.fields["Total amount"]) == "5"
    assert document.problems == ("The page has 2 records; their values stand together in its one row.",)
