"""Finds words and tables of a page in an answer that is data: JSON with a text in it, rows as JSON, a fence of CSV.

Knows which keys hold words, and how rows become a table of HTML, which is then read as every other. Knows no boxes.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from model.parsing.scan import values_in

WORDS_KEYS = ("text", "content", "text_content", "markdown", "full_text")
CSV = re.compile(r"^```(csv|tsv)[ \t]*\n(.*?)(?:^```|\Z)", re.MULTILINE | re.DOTALL)


def words_of_data(text: str) -> str:
    """The words that the values in an answer hold, a paragraph for each; empty if they hold none."""
    return "\n\n".join(words for value in values_in(text) for words in _words(value.inside))


def _words(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            said = [item[key] for key in WORDS_KEYS if isinstance(item.get(key), str)]
            yield from said[:1]


def table_of_data(text: str) -> str:
    """The first table that an answer holds as data, as HTML; empty if it holds none."""
    if match := CSV.search(text):
        return _table(_rows_of_csv(match[2], "\t" if match[1] == "tsv" else ","))
    return next((_table(rows) for value in values_in(text) if (rows := _rows(value.inside))), "")


def _rows_of_csv(text: str, delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    except csv.Error:  # a field without end, longer than the library reads
        return []


def _rows(value: Any) -> list[Sequence[Any]]:
    """The rows of a list of objects or of lists, which may be all that an object holds; keys are the first row."""
    if isinstance(value, Mapping) and len(value) == 1:
        (value,) = value.values()
    if not isinstance(value, list) or not value:
        return []
    if all(isinstance(row, list) for row in value):
        return value
    if not all(isinstance(row, Mapping) for row in value):
        return []
    keys = list(dict.fromkeys(key for row in value for key in row))
    return [keys, *([row.get(key) for key in keys] for row in value)]


def _table(rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return ""
    head, *others = rows
    written = [_row(head, "th"), *(_row(row, "td") for row in others)]
    return f"<table>{''.join(written)}</table>"


def _row(cells: Sequence[Any], tag: str) -> str:
    said = ("" if cell is None else html.escape(str(cell)).replace("\n", "<br>") for cell in cells)
    return f"<tr>{''.join(f'<{tag}>{words}</{tag}>' for words in said)}</tr>"
