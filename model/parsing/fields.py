"""Finds the fields that were asked for in what a model wrote, whatever it called and however it nested them.

Knows objects, lists of pairs, boxes with values and lines such as `Total: 12.50`. Does not know pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from model.parsing.regions import normal
from model.parsing.scan import parse_value
from model.types import Answer

KEY_NAMES = ("key", "field", "name", "label", "field_name")
VALUE_NAMES = ("value", "text", "content", "answer", "field_value", "text_content")
LINE = re.compile(r"^[-*•\s]*([^:：\n]{1,80})[:：][ \t]*(.*?)[ \t]*$", re.MULTILINE)
EMPTY = ("", "null", "none", "n/a")


def asked_fields(answer: Answer, names: Sequence[str]) -> dict[str, Any]:
    """Every asked field in the asked order, None where nothing was found; then what else the model gave."""
    given: dict[str, Any] = {}
    for key, value in _pairs(answer):
        given.setdefault(key, value)
    by_name = {normal(key): key for key in reversed(list(given))}
    keys = {name: by_name.get(normal(name)) for name in names}
    asked = {name: None if key is None else _present(given[key]) for name, key in keys.items()}
    taken = {*keys.values(), *(key for key in given if key not in answer.fields or _holds(given[key], names))}
    return asked | {key: value for key, value in given.items() if key not in taken}


def _pairs(answer: Answer) -> Iterator[tuple[str, Any]]:
    """All that may be a field and its value, the likeliest first."""
    yield from answer.fields.items()
    for value in answer.fields.values():
        yield from _inside(value)
    text = (
        "\n".join([answer.text, *(block.text for block in answer.document.blocks)]) if answer.document else answer.text
    )
    yield from _inside(parse_value(text))
    for box in answer.boxes:
        yield box.label, next((box.attributes[key] for key in VALUE_NAMES if key in box.attributes), box.text)
    for name, value in LINE.findall(text):
        yield name.strip("*_ "), value.strip("*_ ")


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    """The pairs of an object, or of the objects in a list, which may each be one pair."""
    if isinstance(value, Mapping):
        pair = _pair(value)
        yield from [pair] if pair else value.items()
    elif isinstance(value, list):
        for item in value:
            yield from _inside(item) if isinstance(item, Mapping) else ()


def _pair(value: Mapping[str, Any]) -> tuple[str, Any] | None:
    """`{"key": "date", "value": ".."}`."""
    key = next((value[name] for name in KEY_NAMES if isinstance(value.get(name), str)), None)
    name = next((name for name in VALUE_NAMES if name in value), None)
    return (key, value[name]) if key is not None and name is not None and len(value) <= 4 else None


def _holds(value: Any, names: Sequence[str]) -> bool:
    """Whether a value is only the wrapper around asked fields."""
    wanted = {normal(name) for name in names}
    return any(normal(key) in wanted for key, _ in _inside(value))


def _present(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() in EMPTY else value
