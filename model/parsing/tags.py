"""Reads tags and special tokens: their spelling, also when only its beginning has arrived, and the places in them.

Knows `<ref>`, `<box>` and `<quad>` of Qwen-VL, the special tokens of Qwen2-VL, the `<points>` of Molmo and Qwen2.5-VL,
bare `<point>500 600</point>`, and tool call tags. Does not know values and fences; thinking is left to the reader of
the whole text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Literal

from model.parsing.findings import Findings
from model.parsing.lines import numbers_in, read_points_tag, read_tagged
from model.parsing.prose import Prose
from model.parsing.regions import Kind, Written
from model.parsing.tools import read_tagged_call

TagKind = Literal[
    "ref", "ref_end", "box", "quad", "point", "place_end", "points", "points_end", "bare_point", "call", "call_end",
    "function", "think", "think_end", "ignored",
]  # fmt: skip

FIXED: dict[str, TagKind] = {
    "<ref>": "ref",
    "</ref>": "ref_end",
    "<|object_ref_start|>": "ref",
    "<|object_ref_end|>": "ref_end",
    "<box>": "box",
    "</box>": "place_end",
    "<|box_start|>": "box",
    "<|box_end|>": "place_end",
    "<quad>": "quad",
    "</quad>": "place_end",
    "<|quad_start|>": "quad",
    "<|quad_end|>": "place_end",
    "<|point_start|>": "point",
    "<|point_end|>": "place_end",
    "<point>": "bare_point",
    "<points>": "bare_point",
    "</point>": "points_end",
    "</points>": "points_end",
    "<tool_call>": "call",
    "</tool_call>": "call_end",
    "<think>": "think",
    "</think>": "think_end",
    "<|im_start|>": "ignored",
    "<|im_end|>": "ignored",
    "<|endoftext|>": "ignored",
}
ATTRIBUTED: dict[str, TagKind] = {"<points ": "points", "<point ": "points", "<function=": "function"}
"""Beginnings of tags with attributes; `<function=name>` is how Qwen3.5 calls a tool."""

FUNCTION_END = "</function>"
MAX_TAG_CHARS = 200_000
LONGEST_FIXED = max(map(len, FIXED))
FIXED_TAG = re.compile("|".join(map(re.escape, FIXED)))
COORDINATES = re.compile(r"[-+\d\s.,，()\[\]]{0,2000}")
PLACE_KINDS: dict[TagKind, Kind] = {"box": "box", "quad": "polygon", "point": "point", "bare_point": "point"}
LEAST_NUMBERS: dict[TagKind, int] = {"box": 4, "quad": 8, "point": 2, "bare_point": 2}

WAIT = -1
"""Returned instead of a position when more text has to tell."""


def tag_at(text: str, pos: int, *, final: bool) -> tuple[TagKind, int] | None:
    """The kind and the end of the tag at `text[pos]`; None if there is none. The end may be `WAIT`."""
    if match := FIXED_TAG.match(text, pos):
        return FIXED[match[0]], match.end()
    head = text[pos : pos + LONGEST_FIXED]
    for beginning, kind in ATTRIBUTED.items():
        if head.startswith(beginning):
            end = text.find(">", pos, pos + MAX_TAG_CHARS)
            is_unfinished = end < 0 and len(text) - pos < MAX_TAG_CHARS
            return (kind, WAIT if is_unfinished else end + 1) if end >= 0 or is_unfinished else None
    # Of a text that has ended, `<` and `<b` may be anything; `<|im` is not.
    is_beginning = pos + len(head) == len(text) and (not final or len(head) > 2)
    return ("ignored", WAIT) if is_beginning and any(tag.startswith(head) for tag in (*FIXED, *ATTRIBUTED)) else None


def _is_cut(kind: TagKind, inside: str) -> bool:
    """Whether coordinates at the very end of the text, without a closing tag, may have gone on."""
    return not inside.rstrip().endswith((")", "]")) or len(numbers_in(inside)) < LEAST_NUMBERS[kind]


class TagReader:
    """Acts on the tags of one answer: remembers the label that the next boxes belong to."""

    def __init__(self, findings: Findings, prose: Prose, image_index: int) -> None:
        self._findings = findings
        self._prose = prose
        self._label = ""
        self._label_start: int | None = None
        self._points: list[Written] = []
        self._points_start = 0
        self.image_index = image_index
        self.in_call = False

    def read(self, kind: TagKind, text: str, span: tuple[int, int], offset: int, *, final: bool) -> int:
        """Act on the tag at `span` in `text`, which begins at `offset` in the answer; returns the new position."""
        start, end = span
        if kind in PLACE_KINDS:
            return self._place(kind, text, start, end, offset, final)
        if kind == "function":
            return self._function(text, start, end, offset, final)
        if kind == "ref_end":
            self._label = " ".join(self._prose.words.split())
        elif kind == "points_end":
            self.close_points(offset + end)
        self._prose.take_out()
        if kind == "ref":
            self._label_start = offset + start
        elif kind == "points":
            self._open_points(text[start:end], offset + start, offset + end)
        elif kind in ("call", "call_end"):
            self.in_call = kind == "call"
        return end

    def _place(self, kind: TagKind, text: str, start: int, end: int, offset: int, final: bool) -> int:
        """The coordinates behind `<box>` and its like; the first place after a label has the label in its span."""
        inside = COORDINATES.match(text, end)
        assert inside is not None  # the pattern also matches nothing
        after = inside.end()
        closing = tag_at(text, after, final=final) if text[after : after + 1] == "<" else None
        if not final and (after == len(text) or (closing and closing[1] == WAIT)):
            return WAIT
        if kind == "bare_point" and not any(map(str.isdigit, inside[0])):
            self._prose.add(text[start:end], offset + start)  # somebody writes about the tag
            return end
        if closing and closing[0] in ("place_end", "points_end"):
            after = closing[1]
        elif after == len(text) and _is_cut(kind, inside[0]):
            self._findings.problems.answer_was_cut(self._findings.count)
            return after
        begin = offset + start if self._label_start is None else self._label_start
        span = (begin, offset + end + len(inside[0].rstrip()))
        for place in read_tagged(PLACE_KINDS[kind], inside[0], self._label):
            self._findings.add_place(place, span, self.image_index)
        self._label_start = None
        self._prose.take_out()
        return after

    def _open_points(self, tag: str, start: int, end: int) -> None:
        """`<points ..>` with an `alt` is complete by itself; otherwise the words up to `</points>` are the label."""
        points, label = read_points_tag(tag)
        self._points = [Written("point", numbers, label) for numbers in points]
        self._points_start = start
        if label:
            self.close_points(end)

    def close_points(self, end: int) -> None:
        label = unescape(" ".join(self._prose.words.split())) if self._points and not self._points[0].label else ""
        for point in self._points:
            labelled = replace(point, label=point.label or label)
            self._findings.add_place(labelled, (self._points_start, end), self.image_index)
        self._points = []

    def _function(self, text: str, start: int, end: int, offset: int, final: bool) -> int:
        close = text.find(FUNCTION_END, end, start + MAX_TAG_CHARS)
        if close < 0 and not final and len(text) - start < MAX_TAG_CHARS:
            return WAIT
        self._prose.take_out()
        if close < 0:
            self._findings.problems.answer_was_cut(self._findings.count)
            return len(text) if final else end
        name = text[start:end].removeprefix("<function=").rstrip(">")
        after = close + len(FUNCTION_END)
        call = read_tagged_call(name, text[end:close])
        self._findings.add_call(call, (offset + start, offset + after), self.image_index)
        return after
