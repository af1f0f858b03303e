"""Reads places that stand in prose without brackets of JSON: plain lines, pairs of corners, tagged coordinates.

Knows `x1,y1,x2,y2 label` (Qwen2.5-VL), `label(x1,y1),(x2,y2)` (Qwen2-VL when its special tokens were stripped) and the
insides of `<box>`, `<quad>`, `<point>` and `<points>`. Does not know where they stand in the answer.
"""

from __future__ import annotations

import re
from html import unescape

from model.parsing.regions import Kind, Written, kind_by_count

NUMBER = r"[-+]?\d{1,9}(?:\.\d{1,9})?"
PAIR = rf"\( {{0,3}}{NUMBER} {{0,3}}[,，] {{0,3}}{NUMBER} {{0,3}}\)"
BULLET = r"\s*(?:[-*•]\s+|\d{1,4}[.)]\s+)?"

CORNERS = re.compile(rf"{PAIR}(?: {{0,3}}[,，] {{0,3}}{PAIR}){{1,3}}")
CUT_CORNERS = re.compile(rf"(?:{PAIR} {{0,3}}[,，] {{0,3}}){{1,3}}(?:\([-+\d .,，]*)?")
"""Corners at the end of a text that has more to come: after a comma, or in a bracket that is still open."""

CUT_NUMBERS = re.compile(r"\[[-+\d., ]*")
MAX_CORNER_CHARS = 300
CORNER_CHARS = re.compile(r"[-+\d .,，()]{0,300}")
# Three noughts after a comma are a part of a large number: "1,000,200,300 people".
COORDINATE = rf"(?!0\d){NUMBER}"
PLAIN_LINE = re.compile(rf"{BULLET}({COORDINATE})" + rf",\s?({COORDINATE})" * 3 + r"(?:[\s,:：]+(\S.*?))?\s*")
PLAIN_START = re.compile(rf"{BULLET}{NUMBER},")
NUMBERS = re.compile(NUMBER)
ATTRIBUTE = re.compile(r"(\w{1,40})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))")
LABEL_END = re.compile(r"(?:\b(?:is|are)\b)?\s*(?:\b(?:located|found)\b)?\s*(?:\b(?:at|in)\b)?[\s:：,，=(]*$", re.I)
LABEL_START = re.compile(
    r".*[.!?;。！？；，,：:]|\s*(?:[-*•]|\d{1,4}[.)])\s|\s*(?:and|with|和|与|及)(?![a-z])", re.I | re.DOTALL
)
MAX_LABEL_CHARS = 100
QUOTES = "\"'`*_#“”"
"""What people put around a label to set it off, Markdown included."""


def read_plain_line(line: str) -> Written | None:
    """A box written as `x1,y1,x2,y2 label`; the label may be missing."""
    match = PLAIN_LINE.fullmatch(line)
    if match is None:
        return None
    *numbers, label = match.groups()
    if label and not any(character.isalpha() for character in label):
        return None
    return Written("box", tuple(map(float, numbers)), (label or "").strip(QUOTES))


def read_corners(text: str, label: str) -> Written:
    """A box of two corners or a quad of four, `(x1,y1),(x2,y2)`; three corners are a polygon."""
    numbers = numbers_in(text)
    return Written(kind_by_count("box", len(numbers)), numbers, label)


def read_tagged(tag: Kind, text: str, label: str) -> list[Written]:
    """The places between two tags: a `<box>` may hold several boxes in brackets of their own, a `<point>` points."""
    numbers, size = numbers_in(text), {"box": 4, "point": 2}.get(tag, 0)
    if size and len(numbers) > size and len(numbers) % size == 0:
        return [Written(tag, numbers[start : start + size], label) for start in range(0, len(numbers), size)]
    return [Written(tag, numbers, label)]


def read_points_tag(tag: str) -> tuple[list[tuple[float, ...]], str]:
    """The points and the `alt` label of `<points x1="10.5" y1="20.1" .. alt="..">` or `<point x=".." y="..">`."""
    values = {match[1].lower(): unescape(match[2] or match[3] or match[4] or "") for match in ATTRIBUTE.finditer(tag)}
    points = [
        (*numbers_in(x), *numbers_in(values.get("y" + key[1:], "")))
        for key, x in values.items()
        if key[0] == "x" and (key == "x" or key[1:].isdigit())
    ]
    return points, values.get("alt", "").strip()


def numbers_in(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in NUMBERS.findall(text))


def label_before(words: str) -> str:
    """The label that stands before a place in the same sentence: `1. a dog`, `and a woman`, `the cup:`."""
    words = LABEL_END.sub("", words[-MAX_LABEL_CHARS:])
    while match := LABEL_START.match(words):
        words = words[match.end() :]
    return " ".join(words.split()).strip(QUOTES)
