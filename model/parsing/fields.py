"""Finds the fields that were asked for in what a model wrote, whatever it called and however it nested them.

Knows objects, lists of pairs, boxes with values and lines such as `Total: 12.50`. Does not know pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.parsing.grid import lay_out
from model.parsing.markup_markdown import MarkdownReader
from model.parsing.problems import CUT, cut_sentence, shorten
from model.parsing.regions import normal
from model.parsing.scan import Value, values_in
from model.types import Answer

KEY_NAMES = ("key", "field", "name", "label", "field_name")
VALUE_NAMES = ("value", "text", "content", "answer", "field_value", "text_content")
SEVERAL = "The page has {n} records; their values stand together in its one row."
PIPES = re.compile(r"^\s*\|.*\|.*\|", re.MULTILINE)
LINE = re.compile(r"^[-*•\s]*([^:：\n]{1,80})[:：][ \t]*(.*?)[ \t]*$", re.MULTILINE)
EMPTY = ("", "null", "none", "n/a")


@dataclass(frozen=True, slots=True)
class AskedFields:
    """Every asked field in the asked order, None where nothing was found; then what else the model gave."""

    values: Mapping[str, Any]
    problems: tuple[str, ...] = ()

    @property
    def was_cut(self) -> bool:
        return any(problem.startswith(CUT) for problem in self.problems)


def asked_fields(answer: Answer, written: str, names: Sequence[str]) -> AskedFields:
    """The fields `names` of a finished answer; `written` is its whole text, which tells what was cut."""
    values = tuple(values_in(written.rpartition("</think>")[2]))
    cut = next((value for value in values if not value.is_whole), None)
    own = _own_fields(answer, cut)
    rows = tuple(_rows_of_tables(answer))
    records = _records([value.inside for value in values], names) or _records_of_table(rows, names)
    count = _most_alike(records, names)
    if count > 1:
        own |= _joined(records)
    given: dict[str, Any] = {}
    for key, value in _pairs(answer, own, values, rows, records):
        given.setdefault(key, value)
    by_name = {normal(key): key for key in reversed(list(given))}
    keys = {name: by_name.get(normal(name)) for name in names}
    asked = {name: None if key is None else _present(given[key]) for name, key in keys.items()}
    taken = {*keys.values(), *(key for key in given if key not in own or _holds(given[key], names))}
    fields = asked | {key: value for key, value in given.items() if key not in taken}
    several = (SEVERAL.format(n=count),) if count > 1 else ()
    return AskedFields(fields, _problems(answer, cut, fields) + several)


def _records(values: Sequence[Any], names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The objects that have the asked fields each for itself: one after another, in a list, or in a list in an object
    that has none of them.
    """
    while len(values) == 1:
        (value,) = values
        if isinstance(value, list):
            values = value
        elif isinstance(value, Mapping) and len(value) == 1 and not _has_asked(value, names):
            values = list(value.values())
        else:
            break
    found = (value for value in values if isinstance(value, Mapping) and not _pair(value) and _has_asked(value, names))
    return list({repr(value): value for value in found}.values())


def _most_alike(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> int:
    """How many records have the same asked field: objects that share none are parts of one record."""
    return max((sum(_has_asked(record, [name]) for record in records) for name in names), default=0)


def _records_of_table(rows: Sequence[Sequence[str]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The rows of a table whose first row are the asked names."""
    if not rows or sum(_has_asked({name: ""}, names) for name in rows[0]) < min(2, len(names)):
        return []
    return [dict(zip(rows[0], row, strict=False)) for row in rows[1:]]


def _has_asked(value: Mapping[str, Any], names: Sequence[str]) -> bool:
    wanted = {normal(name) for name in names}
    return any(normal(key) in wanted for key in value)


def _joined(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One record of several: a list of the values where they differ."""
    joined: dict[str, Any] = {}
    for key in dict.fromkeys(key for record in records for key in record):
        values = [record[key] for record in records if _present(record.get(key)) is not None]
        joined[key] = values[0] if values and all(value == values[0] for value in values) else values or None
    return joined


def _rows_of_tables(answer: Answer) -> Iterator[list[str]]:
    """The rows of the answer's tables, in whatever form they are written."""
    blocks = list(answer.document.blocks) if answer.document else []
    if not blocks and PIPES.search(answer.text):
        reader = MarkdownReader(blocks.append, lambda _numbers: None)
        reader.feed(answer.text)
        reader.finish()
    for block in blocks:
        yield from lay_out(block.table).texts() if block.table else ()


def _own_fields(answer: Answer, cut: Value | None) -> dict[str, Any]:
    """The fields of the answer, with what was whole of one in which it was cut."""
    kept = cut.inside if cut is not None and cut.cut_keys else {}
    known = {*answer.fields, *(box.label for box in answer.boxes)}
    return {**answer.fields, **{key: value for key, value in _object(kept).items() if key not in known}}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) and _pair(value) is None else {}


def _problems(answer: Answer, cut: Value | None, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the answer; where more was kept of a cut answer than it knows of, the sentence says so."""
    if cut is None or not cut.inside:
        return answer.problems
    others = tuple(problem for problem in answer.problems if not problem.startswith(CUT))
    if cut.cut_keys:
        known = {normal(name): name for name in fields}
        name = next((known[normal(key)] for key in cut.cut_keys if normal(key) in known), cut.cut_keys[0])
        return (f"{CUT} inside “{shorten(name)}”; what came before was kept.", *others)
    return (cut_sentence(sum(value is not None for value in fields.values()), "field"), *others)


def _pairs(
    answer: Answer,
    own: Mapping[str, Any],
    values: Sequence[Value],
    rows: Sequence[Sequence[str]],
    records: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, Any]]:
    """All that may be a field and its value, the likeliest first."""
    yield from own.items()
    for value in own.values():
        yield from _inside(value)
    for box in answer.boxes:
        yield box.label, next((box.attributes[key] for key in VALUE_NAMES if key in box.attributes), box.text)
    for written in values:
        yield from _inside(written.inside)
    for record in records:
        yield from record.items()
    yield from ((row[0], row[1]) for row in rows if len(row) == 2)
    blocks = answer.document.blocks if answer.document else ()
    for name, value in LINE.findall("\n".join([answer.text, *(block.text for block in blocks)])):
        yield name.strip("*_ "), value.strip("*_ ")


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    """The pairs of an object, or of the objects in a list, which may each be one pair."""
    if isinstance(value, Mapping):
        pair = _pair(value)
        yield from [pair] if pair else value.items()
    elif isinstance(value, list):
        items = [item for item in value if isinstance(item, Mapping)]
        pairs = list(filter(None, map(_pair, items)))
        yield from pairs or (pair for item in items for pair in item.items())


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
