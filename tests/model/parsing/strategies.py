"""Valid answers of every form, for property tests: the text, and how many objects are in it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.integers(0, 1000)
BOXES = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS).map(list)
POINTS = st.tuples(NUMBERS, NUMBERS).map(list)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z米]{1,6}( [a-z]{1,6})?", fullmatch=True)
SECONDS = st.integers(0, 5999)


def clock(seconds: int) -> str:
    return f"{seconds // 60:02d}:{seconds % 60:02d}.50"


OBJECTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"bbox_2d": BOXES, "label": WORDS}),
    st.fixed_dictionaries({"label": WORDS, "bbox_2d": BOXES}),
    st.fixed_dictionaries({"bbox_2d": BOXES, "name_zh": WORDS, "name_en": WORDS}),
    st.fixed_dictionaries({"bbox_2d": BOXES, "text_content": WORDS}),
    st.fixed_dictionaries({"point_2d": POINTS, "label": WORDS, "role": WORDS}),
    st.fixed_dictionaries({"names": st.fixed_dictionaries({"en": WORDS}), "box": BOXES}),
    st.fixed_dictionaries({"bbox_3d": st.lists(NUMBERS, min_size=9, max_size=9), "label": WORDS}),
    st.builds(
        lambda start, length, words: {
            "start_time": clock(start),
            "end_time": clock(start + length),
            "description": words,
        },
        SECONDS,
        SECONDS,
        WORDS,
    ),
    st.builds(
        lambda arguments: {"name": "computer_use", "arguments": arguments},
        st.fixed_dictionaries({"coordinate": POINTS}),
    ),
)
LISTS = st.lists(OBJECTS, min_size=1, max_size=6)


def fenced(items: list[dict[str, Any]]) -> str:
    lines = ",\n".join("\t" + json.dumps(item, ensure_ascii=False) for item in items)
    return f"```json\n[\n{lines}\n]\n```"


def tagged(boxes: list[tuple[str, list[int]]]) -> str:
    return " and ".join(f"<ref>{name}</ref><box>({x1},{y1}),({x2},{y2})</box>" for name, (x1, y1, x2, y2) in boxes)


def special(boxes: list[tuple[str, list[int]]]) -> str:
    for_tokens = tagged(boxes)
    for tag, token in (("ref", "object_ref"), ("box", "box")):
        for_tokens = for_tokens.replace(f"<{tag}>", f"<|{token}_start|>").replace(f"</{tag}>", f"<|{token}_end|>")
    return for_tokens


def pointed(points: list[tuple[str, list[int]]]) -> str:
    return " ".join(f'<point x="{x / 10}" y="{y / 10}" alt="{name}">{name}</point>' for name, (x, y) in points)


def pair(x: int, y: int) -> str:
    return f"({x},{y})"


def stripped(places: list[tuple[str, list[list[int]]]]) -> str:
    """Boxes and quads of Qwen2-VL without the special tokens: label and corners, one behind the other."""
    return " and ".join(name + ",".join(pair(*corner) for corner in corners) for name, corners in places) + "."


def quads(places: list[tuple[str, list[list[int]]]]) -> str:
    inside = (f"<ref>{name}</ref><quad>{','.join(pair(*xy) for xy in corners)}</quad>" for name, corners in places)
    return "\n".join(inside)


def plain_lines(boxes: list[tuple[str, list[int]]]) -> str:
    return "".join(f"{','.join(map(str, box))} {name}\n" for name, box in boxes)


def called(arguments: dict[str, Any]) -> str:
    call = json.dumps({"name": "computer_use", "arguments": arguments})
    return f"Thought: there it is.\nAction: click.\n<tool_call>\n{call}\n</tool_call>"


def called_in_tags(arguments: dict[str, Any]) -> str:
    inside = "".join(f"<parameter={key}>\n{json.dumps(value)}\n</parameter>\n" for key, value in arguments.items())
    return f"<tool_call>\n<function=computer_use>\n{inside}</function>\n</tool_call>"


BOXED = st.lists(st.tuples(NAMES, BOXES), min_size=1, max_size=4)
CORNERED = st.lists(
    st.tuples(NAMES, st.sampled_from((2, 4)).flatmap(lambda n: st.lists(POINTS, min_size=n, max_size=n))),
    min_size=1,
    max_size=4,
)
QUADS = st.lists(st.tuples(NAMES, st.lists(POINTS, min_size=4, max_size=4)), min_size=1, max_size=4)
ARGUMENTS = st.one_of(
    st.fixed_dictionaries({"action": st.just("left_click"), "coordinate": POINTS}),
    st.fixed_dictionaries({"action": st.just("drag"), "coordinate": POINTS, "coordinate2": POINTS}),
    st.fixed_dictionaries({"coordinate": POINTS, "action": st.just("type"), "text": WORDS}),
    st.fixed_dictionaries({"action": st.just("wait"), "time": NUMBERS}),
)
CALLS = st.lists(ARGUMENTS, min_size=1, max_size=3)


TEXTS: st.SearchStrategy[tuple[str, int]] = st.one_of(
    LISTS.map(lambda items: (fenced(items), len(items))),
    LISTS.map(lambda items: (json.dumps(items), len(items))),
    LISTS.map(lambda items: (repr(items), len(items))),
    LISTS.map(lambda items: ("\n".join(map(json.dumps, items)), len(items))),
    LISTS.map(lambda items: ("Here they are: " + json.dumps({"objects": items}, indent=2) + "\nDone.", len(items))),
    BOXED.map(lambda boxes: (tagged(boxes), len(boxes))),
    BOXED.map(lambda boxes: (special(boxes), len(boxes))),
    QUADS.map(lambda places: (quads(places), len(places))),
    CALLS.map(lambda calls: ("\n".join(map(called, calls)), len(calls))),
    CALLS.map(lambda calls: ("\n".join(map(called_in_tags, calls)), len(calls))),
    st.lists(st.tuples(NAMES, POINTS), min_size=1, max_size=4).map(lambda points: (pointed(points), len(points))),
    st.dictionaries(SECONDS.map(lambda s: f"{clock(s)} - {clock(s + 1)}"), WORDS, min_size=1, max_size=5).map(
        lambda events: (json.dumps(events), len(events))
    ),
    st.dictionaries(NAMES, st.lists(BOXES, min_size=1, max_size=3), min_size=1, max_size=3).map(
        lambda boxes: (json.dumps(boxes), sum(map(len, boxes.values())))
    ),
)
"""Answers whose objects all have a closing mark: cut anywhere, what is left says which of them are whole."""

LINES = st.lists(st.tuples(NAMES, BOXES), min_size=1, max_size=3)
OPEN_TEXTS: st.SearchStrategy[tuple[str, int]] = st.one_of(
    LINES.map(lambda boxes: (plain_lines(boxes), len(boxes))),
    LINES.map(lambda boxes: (f"```\n{plain_lines(boxes)}```", len(boxes))),
    CORNERED.map(lambda places: (stripped(places), len(places))),
)
"""Answers whose objects have none: of one that ends behind "10,20,30,40 red c" nobody can tell whether it was cut."""


PLAIN = st.from_regex(r"[a-z米]{1,8}( [a-z]{1,8}){0,3}", fullmatch=True)


def box_attribute(box: list[int]) -> str:
    return f'data-bbox="{" ".join(map(str, box))}"'


HTML_BLOCKS = st.one_of(
    st.builds(lambda box, words: f"<p {box_attribute(box)}>{words}</p>", BOXES, PLAIN),
    st.builds(lambda box, words: f"<h2 {box_attribute(box)}>{words}</h2>", BOXES, PLAIN),
    st.builds(
        lambda box: f'<div class="image" {box_attribute(box)}><img {box_attribute(box)}/></div>',
        BOXES,
    ),
    st.builds(
        lambda box, words: f'<div class="formula" {box_attribute(box)}><img/><div>$${words}$$</div></div>', BOXES, PLAIN
    ),
    st.builds(
        lambda box, rows: (
            f"<table {box_attribute(box)}>"
            + "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
            + "</table>"
        ),
        BOXES,
        st.lists(st.lists(PLAIN, min_size=1, max_size=3), min_size=1, max_size=3),
    ),
    st.builds(
        lambda box, items: f"<ul {box_attribute(box)}><li>{'</li><li>'.join(items)}</li></ul>",
        BOXES,
        st.lists(PLAIN, min_size=1, max_size=3),
    ),
)
MARKDOWN_BLOCKS = st.one_of(
    PLAIN,
    PLAIN.map(lambda words: f"# {words}"),
    BOXES.map(lambda box: f"<!-- Image ({', '.join(map(str, box))}) -->"),
    st.builds(
        lambda box, words: (
            f"<!-- Table ({', '.join(map(str, box))}) -->\n\\begin{{tabular}}{{c}}\n{words}\\\\\n\\end{{tabular}}"
        ),
        BOXES,
        PLAIN,
    ),
    PLAIN.map(lambda words: f"$$\n{words}\n$$"),
    PLAIN.map(lambda words: f"```\n{words}\n```"),
)
PAGES: st.SearchStrategy[tuple[str, int]] = st.one_of(
    st.lists(HTML_BLOCKS, min_size=1, max_size=6).map(
        lambda blocks: ("```html\n<html><body>\n" + "\n ".join(blocks) + "\n</body></html>\n```", len(blocks))
    ),
    st.lists(HTML_BLOCKS, min_size=1, max_size=6).map(lambda blocks: ("".join(blocks), len(blocks))),
    st.lists(MARKDOWN_BLOCKS, min_size=1, max_size=6).map(
        lambda blocks: ("<!-- Image (1, 2, 3, 4) -->\n\n" + "\n\n".join(blocks), len(blocks) + 1)
    ),
)
"""Valid pages, and how many blocks are in each."""
