"""No text is too strange, too long or too deep: it is read in linear time, without recursion, and nothing is raised."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.catalog import CONVENTIONS, PER_1000
from model.parsing import AnswerParser, DocumentParser, answer_to_json, document_to_json, parse_answer, read_document
from model.types import Answer, ReadingMode
from tests.model.parsing.answers import PICTURE, REAL_OUTPUTS, needs_real_outputs, objects, streamed
from tests.model.parsing.test_markup import ROWS as PAGES
from tests.model.parsing.test_ugly_answers import ROWS

MODES: tuple[ReadingMode, ...] = get_args(ReadingMode)

FRAGMENTS = (
    *("{", "}", "[", "]", "(", ")", ",", ":", '"', "'", "`", "```", "```json\n", "\n", "\\", "\\u12", "\\ud800", " "),
    *("<box>", "</box>", "<ref>", "</ref>", "<quad>", "<think>", "</think>", "<tool_call>", "</tool_call>"),
    *('<points x1="1" y1="2">', "</points>", "<function=", "</function>", "<|im_end|>", "<|box_start|>"),
    *('"bbox_2d": [1,2,3,4]', '"label": "x"', '"point_2d"', '"bboxes"', '"name": "f"', '"arguments": {', '"time"'),
    *("1,2,3,4 dog", "(1,2),(3,4)", "NaN", "1e999", "-", "9" * 50, "01:02.5 - 02:03", '"start": 1', "in 3 - 4 seconds"),
    *("| 00:05.0 - 00:06.0 | a |\n", ", and again at 4.0 seconds", "starts at 1m05s and ends at 70 s", "[[1.0, 2.5], "),
    *("<point>", "500 600", "</point>", "<function=f>", "“", "”", "‘", "’", "&amp;", '"points": ['),
    *("Picture 2", "...", "//", "é", "全", "\x00", "\r", "```html\n", "```markdown\n", "<html>", "</html>", "</body>"),
    *(
        '<p data-bbox="1 2 3 4">',
        "</p>",
        '<li data-bbox="5 6 7 8">',
        "<ul>",
        "</ol>",
        "<h2>",
        '<div class="image">',
        "<img>",
    ),
    *(
        "<table>",
        "</table>",
        '<td rowspan="3" colspan=2>',
        "<tr>",
        "</td>",
        '<div class="formula">',
        "</div>",
        "<b>",
        "</b>",
    ),
    *(
        "<!-- Image (1, 2, 3, 4) -->",
        "<!-- Table (1, 2, 3, 4) -->",
        "<!--",
        "-->",
        "<script>",
        "</script>",
        '<p data-bbox="',
    ),
    *(
        "\\begin{tabular}{c}",
        "\\end{tabular}",
        "&",
        "\\\\",
        "$",
        "$$",
        "\\(",
        "\\[",
        "# ",
        "- ",
        "| ",
        "|---|\n",
        "**",
        "\n\n",
    ),
)


def check(text: str, seed: int) -> None:
    """Read at once and in pieces; the result is the same, can be printed, and its spans lie in the text."""
    convention = list(CONVENTIONS.values())[seed % len(CONVENTIONS)]
    media = [PICTURE] * (seed % 3)
    answer = parse_answer(text, convention, media)
    json.dumps(answer_to_json(answer), allow_nan=False).encode()
    assert streamed(text, convention, media, step=1 + seed % 7) == answer
    blocks = answer.document.blocks if answer.document else ()
    for found in [*objects(answer), *blocks]:
        assert found.span is not None
        start, end = found.span
        assert 0 <= start < end <= len(text)


def check_page(text: str, seed: int) -> None:
    """The same for a text that is taken for a page."""
    mode = MODES[seed % len(MODES)]
    document = read_document(text, mode, PER_1000, PICTURE, fields=("shop", "x"))
    json.dumps(document_to_json(document), allow_nan=False).encode()
    parser = DocumentParser(mode, PER_1000, PICTURE, fields=("shop", "x"))
    step = 1 + seed % 7
    for start in range(0, len(text), step):
        parser.feed(text[start : start + step])
    assert parser.finish() == document
    for block in document.blocks:
        assert block.span is not None
        start, end = block.span
        assert 0 <= start < end <= len(text)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join), st.integers(0, 100))
@settings(max_examples=400, deadline=None)
def test_fragments_of_answers(text: str, seed: int) -> None:
    check(text, seed)
    check_page(text, seed)


@given(st.binary(max_size=300), st.integers(0, 100))
@settings(max_examples=200, deadline=None)
def test_random_bytes(data: bytes, seed: int) -> None:
    text = data.decode("utf-8", errors="replace")
    check(text, seed)
    check_page(text, seed)


@pytest.mark.parametrize("seed", range(300))
def test_mutated_ugly_answers(seed: int) -> None:
    chance = random.Random(seed)
    text, _, _ = chance.choice(list(ROWS.values()))
    check(mutated(text, chance), seed)


@pytest.mark.parametrize("seed", range(150))
def test_mutated_ugly_pages(seed: int) -> None:
    chance = random.Random(seed)
    _, text, _ = chance.choice(list(PAGES.values()))
    text = mutated(text, chance)
    check(text, seed)
    check_page(text, seed)


@needs_real_outputs
@pytest.mark.parametrize("path", sorted(Path(REAL_OUTPUTS / "raw").glob("*.txt")), ids=lambda path: path.stem)
def test_mutated_real_answers(path: Path) -> None:
    text = path.read_bytes().decode()
    for seed in range(25):
        check(mutated(text, random.Random(seed)), seed)
    if "html" in path.stem:
        for seed in range(12):
            check_page(mutated(text, random.Random(seed)), seed)


def mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(text) + 1)
        behind = min(at + chance.randrange(20), len(text))
        fragment, skipped_to = chance.choice(FRAGMENTS), chance.randrange(at, len(text) + 1)
        text = chance.choice(
            (text[:at] + text[behind:], text[:at] + fragment + text[at:], text[:at] + text[skipped_to:])
        )
    return text


BOX_LINE = '\t{{"bbox_2d": [{0}, 20, 300, 400], "label": "red circle {0}"}},\n'


def boxes_of(length: int) -> str:
    count = length // len(BOX_LINE.format(500))
    return "```json\n[\n" + "".join(BOX_LINE.format(index % 300) for index in range(count)) + "]\n```"


LONG: dict[str, Callable[[int], str]] = {
    "boxes": boxes_of,
    "open lists": lambda length: "[" * length,
    "closed lists": lambda length: "[" * (length // 2) + "]" * (length // 2),
    "open objects": lambda length: '{"a":' * (length // 5),
    "stray braces": lambda length: "{" * length,
    "one string": lambda length: '{"a": "' + "x" * length,
    "quotes that do not close": lambda length: "{'a': '" + "a'a " * (length // 4),
    "one number": lambda length: "[" + "1" * length,
    "backslashes": lambda length: '{"a": "' + "\\" * length,
    "spaces": lambda length: "[" + " " * length,
    "parentheses": lambda length: "(" * length,
    "backticks": lambda length: "`a" * (length // 2),
    "fences": lambda length: "```\n" * (length // 4),
    "beginnings of tags": lambda length: "<" * length,
    "tags that do not end": lambda length: "<points " * (length // 8),
    "tags": lambda length: "<ref>a</ref><box>(1,2),(3,4)</box>" * (length // 34),
    "stripped boxes on one line": lambda length: "dog(1,2),(3,4) " * (length // 15),
    "plain lines": lambda length: "10,20,30,40 dog\n" * (length // 16),
    "times on one line": lambda length: "in 1.0 - 2.0 seconds " * (length // 21),
    "starts and ends on one line": lambda length: "starts at 4.0s and ends at 9.5s " * (length // 31),
    "the same again and again": lambda length: "from 2.0s to 4.0s, and again " * (length // 29),
    "rows of a table": lambda length: "| 00:05 - 00:10 | walk |\n" * (length // 25),
    "newlines": lambda length: "\n" * length,
    "fields": lambda length: "".join(f'{{"k{index}": 1}}\n' for index in range(length // 12)),
}


def seconds_for(read: Callable[[], Answer]) -> float:
    """Processor time of the faster of two runs, so that a busy machine does not count."""
    times = []
    for _ in range(2):
        start = time.process_time()
        read()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("name", LONG)
def test_200_kilobytes_at_once(name: str) -> None:
    text = LONG[name](200_000)
    start = time.process_time()
    parse_answer(text, PER_1000, [PICTURE])
    assert time.process_time() - start < 4


@pytest.mark.parametrize("name", LONG)
def test_a_long_answer_in_small_pieces_takes_seconds_and_not_minutes(name: str) -> None:
    text = LONG[name](80_000)
    assert seconds_for(lambda: streamed(text, PER_1000, [PICTURE], step=4)) < 20


LONG_PAGES: dict[str, str] = {
    "paragraphs": '<p data-bbox="1 2 3 4">some words</p>\n',
    "sections that do not end": "<div>",
    "ends of nothing": "<div></p></div>",
    "beginnings of tags": "<a",
    "tags with open quotes": '<a b="',
    "comments that do not end": "<!-- ",
    "declarations": "<!",
    "bold": "<b>",
    "table in a table": "<table><tr><td>",
    "wide cells": '<td rowspan="9999" colspan="9999">',
    "rows": "<tr><td>1",
    "lists in lists": "<ul><li>a",
    "scripts": "<script>",
    "dropped elements": "<svg>",
    "LaTeX tables": "\\begin{tabular}",
    "cells of LaTeX": "\\multirow{9}{*}{a}&",
    "comments with places": "<!-- Image (1, 2, 3, 4) -->\n",
    "emphasis": "*a **b ",
    "brackets": "[a](b",
    "formulas": "\\(a $b",
    "items": "- a\n",
    "open formulas": "\n\n$$",
}


@pytest.mark.parametrize("name", LONG_PAGES)
@pytest.mark.parametrize("begin", ['<html><body><table data-bbox="1 2 3 4">', "<!-- Table (1, 2, 3, 4) -->\n"])
def test_a_long_page_in_small_pieces_takes_seconds_and_not_minutes(name: str, begin: str) -> None:
    text = begin + LONG_PAGES[name] * (60_000 // len(LONG_PAGES[name]))
    start = time.process_time()
    answer = streamed(text, PER_1000, [PICTURE], step=4)
    assert answer.document is not None
    assert time.process_time() - start < 20


def test_all_boxes_of_a_long_answer_are_found() -> None:
    text = boxes_of(200_000)
    assert len(parse_answer(text, PER_1000, [PICTURE]).boxes) == text.count("bbox_2d")


@pytest.mark.parametrize("depth", [10_000, 50_000])
def test_an_object_under_thousands_of_brackets_is_found(depth: int) -> None:
    text = "[" * depth + '{"bbox_2d": [1, 2, 3, 4], "label": "deep"}' + "]" * depth
    answer = parse_answer(text, PER_1000, [PICTURE])
    assert [box.label for box in answer.boxes] == ["deep"]


def test_fields_that_are_nested_too_deeply_are_told() -> None:
    text = '{"shop": "X", "deep": ' + '{"a": ' * 10_000 + "1" + "}" * 10_000 + "}"
    answer = parse_answer(text, PER_1000, [PICTURE])
    assert answer.fields["shop"] == "X"
    assert any("nested too deeply" in problem for problem in answer.problems)
    json.dumps(answer_to_json(answer))


def test_feeding_nothing_is_harmless() -> None:
    parser = AnswerParser(PER_1000)
    assert parser.feed("") == parser.finish() == Answer()
