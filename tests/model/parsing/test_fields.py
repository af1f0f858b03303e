"""The fields that were asked for are found in every form in which models give them."""

from __future__ import annotations

from typing import Any

import pytest

from model.catalog import PER_1000
from model.parsing import read_document

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
