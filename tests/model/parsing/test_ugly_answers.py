"""One row for each defect and odd form that was seen or is to be expected: what is found, and whether a word is said.

A row is the text, the objects in it in a short form, and a part of the problem that is told (None: nothing is told).
The picture has 1000 x 1000 pixels, so that the numbers of a 0-1000 convention are pixels.
"""

from __future__ import annotations

from typing import Any

import pytest

from model.catalog import PER_100, PER_1000
from model.parsing import parse_answer
from model.types import Action, Answer, Box, Box3D, Point, Polygon, TimeEvent
from tests.model.parsing.answers import PICTURE, objects, streamed

CUP = '{"bbox_2d": [10, 20, 30, 40], "label": "cup"}'
MUG = '{"bbox_2d": [50, 60, 70, 80], "label": "mug"}'
CUP_BOX = ("cup", 10, 20, 30, 40)
MUG_BOX = ("mug", 50, 60, 70, 80)


def short(found: Any) -> tuple[Any, ...]:
    """An object as a row of the table writes it: label or name, then numbers."""
    match found:
        case Box(label=label, xyxy=xyxy):
            return (label, *xyxy)
        case Point(label=label, xy=xy):
            return (label, *xy)
        case Polygon(label=label, xy=corners):
            return (label, *corners)
        case Box3D(label=label, values=values):
            return (label, *values)
        case TimeEvent(label=label, start_s=start_s, end_s=end_s):
            return (label, f"{start_s:g}-{end_s:g} s")
        case Action(name=name, xy=xy, to_xy=to_xy):
            return (name, xy) if to_xy is None else (name, xy, to_xy)
    raise AssertionError(found)


def table(answer: Answer) -> list[tuple[Any, ...]]:
    return [short(found) for found in objects(answer)]


def fence(*lines: str, language: str = "json") -> str:
    return f"```{language}\n[\n\t" + "\n\t".join(lines) + "\n]\n```"


ROWS: dict[str, tuple[str, list[tuple[Any, ...]], str | None]] = {
    # Cut off
    "cut in the second object": (f"```json\n[\n\t{CUP},\n\t" + MUG[:20], [CUP_BOX], "cut; 1 object was complete"),
    "cut in the first object": (f"[{CUP[:30]}", [], "cut before its first object"),
    "cut before the list ends": (f"[{CUP},\n{MUG}", [CUP_BOX, MUG_BOX], "cut; 2 objects were complete"),
    "cut after the opening of the fence": ("```json\n", [], "cut before its first object"),
    "cut in a single object that had its box": (CUP[:-3], [], "cut before its first object"),
    "cut in a list of boxes under one label": (
        '{"object": "dog", "bboxes": [[1, 2, 3, 4], [5, 6, 7, 8], [9,',
        [("dog", 1, 2, 3, 4), ("dog", 5, 6, 7, 8)],
        "cut; 2 objects",
    ),
    "cut in a list of points under one label": (
        '{"label": "tip", "points": [[1, 2], [3, 4], [5,',
        [("tip", 1, 2), ("tip", 3, 4)],
        "cut; 2 objects",
    ),
    "cut in the coordinates of a tag": ("<ref>cup</ref><box>(10,20),(30,", [], "cut before its first object"),
    "cut in the second corner of a tag": ("<ref>cup</ref><box>(10,20)", [], "cut before its first object"),
    "cut in the last corner of a quad": (
        "<ref>cup</ref><box>(10,20),(30,40)</box> <ref>STOP</ref><quad>(1,2),(30,4),(30,40)",
        [CUP_BOX],
        "cut; 1 object was complete",
    ),
    "cut in the last number of a plain line": ("10,20,30,4", [], "cut before its first object"),
    "a plain line that may go on": ("10,20,30,40", [("", 10, 20, 30, 40)], "may have been cut"),
    "cut in stripped corners": ("cup(10,20),(30,40) and a mug(50,60),(7", [CUP_BOX], "cut; 1 object was complete"),
    "cut between stripped corners": ("cup(10,20),", [], "cut before its first object"),
    "cut in a third stripped corner": ("cup(10,20),(30,40),(3", [], "cut before its first object"),
    "cut in a list in words": ("1. cup: [10, 20, 30, 40]\n2. mug: [50, 6", [CUP_BOX], "cut; 1 object was complete"),
    "cut in a special token": (
        "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(10,20),(30,40)<|box",
        [CUP_BOX],
        "cut; 1 object was complete",
    ),
    "cut in bare numbers": ("[10, 20, 30, 4", [], "cut before its first object"),
    "cut in bare numbers of a fence": ("```json\n[10, 20", [], "cut before its first object"),
    "cut in a number of a plain line": ("10,20,30,40 cup\n50,60,70,8", [CUP_BOX], "cut; 1 object was complete"),
    "cut in a number of a plain line in a fence": ("```\n10,20,30,4", [], "cut before its first object"),
    "cut in a call without tags": (
        '{"name": "computer_use", "arguments": {"action": "click", "coordinate": [1, 2',
        [],
        "cut before its first object",
    ),
    "cut in an event": ('{"start_time": 1, "end_time": 2', [], "cut before its first object"),
    "cut in corners by name": ('{"x1": 1, "y1": 2, "x2": 3, "y2": 4', [], "cut before its first object"),
    "cut in a points tag": ('<points x1="10" y1="20', [], "cut before its first object"),
    "cut in a tool call": ('<tool_call>\n{"name": "computer_use", "arguments": {"action"', [], "cut before"),
    "list never closed, prose goes on": (f"[{CUP}\n\nThat is all.", [CUP_BOX], "missing bracket was added"),
    "list never closed before the fence ends": (f"```json\n[{CUP},\n```", [CUP_BOX], "missing bracket was added"),
    # Brackets
    "stray brace line before an object": (fence(CUP + ",", "{", MUG), [CUP_BOX, MUG_BOX], "stray bracket was skipped"),
    "stray brace line before all": (f"{{\n{CUP}", [CUP_BOX], "stray bracket was skipped"),
    "doubled braces": ("{" + CUP + "}", [CUP_BOX], "stray brackets were skipped"),
    "too many closing brackets": (f"[{CUP}]\n]", [CUP_BOX], "stray bracket was skipped"),
    "list of numbers not closed": ('{"bbox_2d": [10, 20, 30, 40, "label": "cup"}', [CUP_BOX], "missing bracket"),
    "object closed before its list": ('[{"label": "cup", "bbox_2d": [10, 20, 30, 40}]', [CUP_BOX], "missing bracket"),
    "object not closed before the list ends": ("[" + CUP[:-1] + "]", [CUP_BOX], "missing bracket"),
    "object not closed before the next": (f"[{CUP[:-1]}, {MUG}]", [CUP_BOX, MUG_BOX], "missing bracket"),
    "bracket between two objects forgotten": (
        '[{"bbox_2d": [10, 20, 30, 40], "label": "cup", "bbox_2d": [50, 60, 70, 80], "label": "mug"}]',
        [CUP_BOX, MUG_BOX],
        "missing bracket",
    ),
    "brace missing in a tool call": (
        '<tool_call>\n{"name": "computer_use", "arguments": {"action": "click", "coordinate": [1, 2]}\n</tool_call>',
        [("computer_use", (1, 2))],
        "missing bracket",
    ),
    # Notation
    "trailing commas": ('[{"bbox_2d": [10, 20, 30, 40,], "label": "cup",},]', [CUP_BOX], None),
    "single quotes, tuples, None": ("[{'bbox_2d': (10, 20, 30, 40), 'label': 'cup', 'of': None}]", [CUP_BOX], None),
    "apostrophe in single quotes": (
        "[{'label': 'man's hat', 'bbox_2d': [1, 2, 3, 4]}]",
        [("man's hat", 1, 2, 3, 4)],
        None,
    ),
    "quotes inside of quotes": (
        '[{"bbox_2d": [1, 2, 3, 4], "text_content": "the "big" one"}]',
        [('the "big" one', 1, 2, 3, 4)],
        None,
    ),
    "keys and values without quotes": (fence("{bbox_2d: [10, 20, 30, 40], label: cup}"), [CUP_BOX], None),
    "typographic quotes": ("[{“bbox_2d”: [10, 20, 30, 40], “label”: “cup”}]", [CUP_BOX], None),
    "typographic single quotes": ("[{‘bbox_2d’: [10, 20, 30, 40], ‘label’: ‘cup’}]", [CUP_BOX], None),
    "typographic quotes of a plain string": (
        '{"bbox_2d": [1, 2, 3, 4], "label": "he said “hi”, then left"}',
        [("he said “hi”, then left", 1, 2, 3, 4)],
        None,
    ),
    "typographic apostrophe": ("{bbox_2d: [1, 2, 3, 4], “label”: “man’s hat”}", [("man’s hat", 1, 2, 3, 4)], None),
    "comments": (fence("// the first", CUP + ", // and then", MUG), [CUP_BOX, MUG_BOX], None),
    "missing commas": ('[{"bbox_2d": [10 20 30 40]\n"label": "cup"}\n' + MUG + "]", [CUP_BOX, MUG_BOX], None),
    "escapes": (
        '{"bbox_2d": [1, 2, 3, 4], "label": "\\u7c73\\ud83d\\ude00 \\"a\\""}',
        [('米😀 "a"', 1, 2, 3, 4)],
        None,
    ),
    "angle brackets in a value": (
        '[{"bbox_2d": [1, 2, 3, 4], "text_content": "8.00<全>"}]',
        [("8.00<全>", 1, 2, 3, 4)],
        None,
    ),
    # Numbers
    "reversed corners": ('{"bbox_2d": [30, 40, 10, 20], "label": "cup"}', [CUP_BOX], "wrong order"),
    "outside the picture": (
        '{"bbox_2d": [900, 900, 1200, 1100], "label": "cup"}',
        [("cup", 900, 900, 1000, 1000)],
        "outside the picture",
    ),
    "not a number": (f'[{{"bbox_2d": [NaN, 1, 2, 3], "label": "x"}}, {CUP}]', [CUP_BOX], "not a number"),
    "too large a number": ('{"bbox_2d": [1e999, 1, 2, 3], "label": "x"}', [], "not a number"),
    "words for numbers": ('{"bbox_2d": ["a", 1, 2, 3], "label": "x"}', [], "not a number"),
    "three numbers": (f'[{{"bbox_2d": [1, 2, 3], "label": "x"}}, {CUP}]', [CUP_BOX], "wrong number of coordinates"),
    "3D box of three numbers": ('[{"bbox_3d": [1, 2, 3], "label": "car"}]', [], "wrong number of coordinates"),
    "numbers in quotes": ('{"bbox_2d": ["10", "20", "30", "40"], "label": "cup"}', [CUP_BOX], None),
    "all numbers in one string": ('{"bbox_2d": "10, 20, 30, 40", "label": "cup"}', [CUP_BOX], None),
    "five numbers, the last a score": ('{"bbox_2d": [10, 20, 30, 40, 0.9], "label": "cup"}', [CUP_BOX], None),
    "no place": (
        f'[{{"bbox_2d": null, "label": "ghost"}}, {CUP}]',
        [CUP_BOX],
        "without a place and was left out: ghost",
    ),
    # Repetition
    "one line without end": (f"[{CUP},\n" * 40 + '{"bb', [CUP_BOX], "39 repetitions were left out"),
    "two lines without end": (f"[{CUP},\n{MUG},\n" * 20 + '{"bb', [CUP_BOX, MUG_BOX], "repetitions were left out"),
    "plain line without end": ("10,20,30,40 cup\n" * 40, [CUP_BOX], "39 repetitions were left out"),
    "equal objects in a whole list": (f"[{', '.join([CUP] * 5)}]", [CUP_BOX] * 5, None),
    # Around the answer
    "end token": (f"[{CUP}]<|im_end|>", [CUP_BOX], None),
    "lone end of thinking": (f"Maybe {MUG}?\n</think>\n\n[{CUP}]", [CUP_BOX], "lone </think>"),
    "lone end of thinking behind the answer": (f"[{CUP}]</think>", [CUP_BOX], None),
    "thinking": (f"<think>Maybe {MUG}?</think>\n[{CUP}]", [CUP_BOX], None),
    "thinking without end": (f"<think>Maybe {MUG}?", [], "still thinking"),
    "prose before and after": (f"Here it is: {CUP}. Done.", [CUP_BOX], None),
    "empty list": ("```json\n[]\n```", [], None),
    # Forms
    "single object": (CUP, [CUP_BOX], None),
    "JSON lines": (f"{CUP}\n{MUG}\n", [CUP_BOX, MUG_BOX], None),
    "JSON lines with commas": (f"{CUP},\n{MUG},\n", [CUP_BOX, MUG_BOX], None),
    "list in an object": (f'{{"objects": [{CUP}, {MUG}]}}', [CUP_BOX, MUG_BOX], None),
    "label of a group": ('{"label": "cup", "instances": [{"bbox_2d": [10, 20, 30, 40]}]}', [CUP_BOX], None),
    "labels as keys": ('{"cup": [[10, 20, 30, 40]], "mug": [[50, 60, 70, 80]]}', [CUP_BOX, MUG_BOX], None),
    "labels as keys of single boxes": ('{"cup": [10, 20, 30, 40], "mug": [50, 60, 70, 80]}', [CUP_BOX, MUG_BOX], None),
    "label after a list of boxes": ('{"bboxes": [[10, 20, 30, 40]], "label": "cup"}', [CUP_BOX], None),
    "parallel lists": (
        '{"bboxes": [[10, 20, 30, 40], [50, 60, 70, 80]], "labels": ["cup", "mug"]}',
        [CUP_BOX, MUG_BOX],
        None,
    ),
    "corners by name": ('{"name": "cup", "box": {"x1": 10, "y1": 20, "x2": 30, "y2": 40}}', [CUP_BOX], None),
    "corner and size": ('{"name": "cup", "x": 10, "y": 20, "width": 20, "height": 20}', [CUP_BOX], None),
    "two corner points": ('{"name": "cup", "box": [[10, 20], [30, 40]]}', [CUP_BOX], None),
    "bare numbers": ("[10, 20, 30, 40]", [("", 10, 20, 30, 40)], None),
    "bare numbers in a sentence": ("The cup is at [10, 20, 30, 40].", [("The cup", 10, 20, 30, 40)], None),
    "bare numbers behind the name of their kind": (
        'Bounding box: [10, 20, 30, 40]\n"bbox_2d": [50, 60, 70, 80]',
        [("", 10, 20, 30, 40), ("", 50, 60, 70, 80)],
        None,
    ),
    "names in two languages": (
        '{"bbox_2d": [1, 2, 3, 4], "names": {"zh": "米饭", "en": "Rice"}}',
        [("Rice", 1, 2, 3, 4)],
        None,
    ),
    "a label key of its own": ('{"bbox_2d": [1, 2, 3, 4], "fruit": "apple"}', [("apple", 1, 2, 3, 4)], None),
    "name as the key of a whole object": (
        '{"dog": {"bbox_2d": [1, 2, 3, 4], "color": "red"}, "cat": {"label": "kitten", "bbox_2d": [5, 6, 7, 8]}}',
        [("dog", 1, 2, 3, 4), ("kitten", 5, 6, 7, 8)],
        None,
    ),
    "no label at all": ('{"bbox_2d": [1, 2, 3, 4]}', [("", 1, 2, 3, 4)], None),
    "parts of a thing": (
        f'[{{"bbox_2d": [1, 2, 90, 90], "label": "tray", "parts": [{CUP}]}}]',
        [CUP_BOX, ("tray", 1, 2, 90, 90)],
        None,
    ),
    "plain lines": ("10,20,30,40 cup\n50, 60, 70, 80 mug", [CUP_BOX, MUG_BOX], None),
    "plain lines as a list": ("- 10,20,30,40 cup\n- 50,60,70,80 mug\n", [CUP_BOX, MUG_BOX], None),
    "plain line with a quoted label": ('10,20,30,40 "cup"', [CUP_BOX], None),
    "label set off in Markdown": ("1. **cup**: [10, 20, 30, 40]", [CUP_BOX], None),
    "plain lines in a fence": ("```\n10,20,30,40 cup\n```", [CUP_BOX], None),
    "one ref, two boxes": (
        "<ref>cup</ref><box>(10,20),(30,40)</box><box>(1,2),(3,4)</box>",
        [CUP_BOX, ("cup", 1, 2, 3, 4)],
        None,
    ),
    "quad": (
        "<ref>STOP</ref><quad>(1,2),(30,4),(30,40),(1,38)</quad>",
        [("STOP", (1, 2), (30, 4), (30, 40), (1, 38))],
        None,
    ),
    "special tokens": (
        "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|>",
        [CUP_BOX],
        None,
    ),
    "special tokens stripped": ("cup(10,20),(30,40) and mug(50,60),(70,80).", [CUP_BOX, MUG_BOX], None),
    "special tokens stripped, two boxes": ("cup(10,20),(30,40)(1,2),(3,4)", [CUP_BOX, ("cup", 1, 2, 3, 4)], None),
    "quad, tokens stripped": ("STOP(1,2),(30,4),(30,40),(1,38)", [("STOP", (1, 2), (30, 4), (30, 40), (1, 38))], None),
    "point": ('[{"point_2d": [10, 20], "label": "tip"}]', [("tip", 10, 20)], None),
    "points of one label": ('{"label": "tip", "points": [[1, 2], [3, 4]]}', [("tip", 1, 2), ("tip", 3, 4)], None),
    "point in a tag": ("<ref>tip</ref><point>10 20</point>", [("tip", 10, 20)], None),
    "points in a tag": ("<points>10, 20, 30, 40</points>", [("", 10, 20), ("", 30, 40)], None),
    "cut in a point in a tag": ("[" + CUP + "]<point>10 2", [CUP_BOX], "cut; 1 object was complete"),
    "entities in a label": (
        '<points x1="1" y1="2" alt="salt &amp; &quot;pepper&quot;">x</points> <point x="3" y="4">Tom &amp; Co</point>',
        [('salt & "pepper"', 1, 2), ("Tom & Co", 3, 4)],
        None,
    ),
    "a list of points under the name of its kind": ('{"points": [{"point_2d": [10, 20]}]}', [("", 10, 20)], None),
    "polygon": ('{"label": "roof", "polygon": [[1, 2], [3, 4], [5, 6]]}', [("roof", (1, 2), (3, 4), (5, 6))], None),
    "quad as eight numbers": (
        '{"text": "STOP", "bbox_2d": [1, 2, 30, 2, 30, 40, 1, 40]}',
        [("STOP", (1, 2), (30, 2), (30, 40), (1, 40))],
        None,
    ),
    "3D box": (
        '{"label": "car", "bbox_3d": [1, 2, 3, 4, 5, 6, 0, 0.5, 0]}',
        [("car", 1, 2, 3, 4, 5, 6, 0, 0.5, 0)],
        None,
    ),
    "box in time": ('[{"time": 1.0, "bbox_2d": [1, 2, 3, 4], "label": "car"}]', [("car", "1-1 s")], None),
    # Tools
    "drag": (
        '{"name": "computer_use", "arguments": {"action": "drag", "coordinate": [1, 2], "coordinate2": [3, 4]}}',
        [("computer_use", (1, 2), (3, 4))],
        None,
    ),
    "arguments as a string": (
        '{"name": "mobile_use", "arguments": "{\\"action\\": \\"click\\", \\"coordinate\\": [1, 2]}"}',
        [("mobile_use", (1, 2))],
        None,
    ),
    "call without arguments": ('<tool_call>{"name": "screenshot"}</tool_call>', [("screenshot", None)], None),
    "zoom": (
        '<tool_call>{"name": "image_zoom_in_tool", "arguments": '
        '{"label": "cup", "bbox_2d": [10, 20, 30, 40], "img_idx": 0}}</tool_call>',
        [CUP_BOX, ("image_zoom_in_tool", None)],
        None,
    ),
    "call in tags": (
        "<tool_call>\n<function=computer_use>\n<parameter=action>\nclick\n</parameter>\n"
        "<parameter=coordinate>\n[1, 2]\n</parameter>\n</function>\n</tool_call>",
        [("computer_use", (1, 2))],
        None,
    ),
    # Nothing to find
    "brackets of prose, formulas and links": (
        "See [1], [a, b), \\frac{a}{b}, {x | x > 0}, [here](http://x.y), (1, 2) and a[0].",
        [],
        None,
    ),
    "a number of many digits": ("1,000,200,300 people visited\n1,000,200,300\n", [], None),
    "a colour in a sentence": ("Colors: [255, 0, 0, 128], padding [0, 0, 0, 0]", [], None),
    "a tag that is spoken about": ("Use the <point> element, or <points>.", [], None),
    "Python code": ("```python\nbox = {'a': 1}\nprint(box['a'])\n```", [], None),
    "code of another language": (f"```js\nconst cup = {CUP};\n```", [], None),
}


@pytest.mark.parametrize("name", ROWS)
def test_ugly_answer(name: str) -> None:
    text, expected, told = ROWS[name]
    answer = parse_answer(text, PER_1000, [PICTURE])
    assert table(answer) == expected
    if told is None:
        assert answer.problems == ()
    else:
        assert any(told in problem for problem in answer.problems), answer.problems
    assert streamed(text, PER_1000, [PICTURE]) == answer


def test_molmo_counts_in_percent() -> None:
    cups = '<points x1="10.5" y1="20.1" x2="30" y2="40" alt="cups">cups</points>'
    text = f'The {cups}, and <point x="1" y="2">a mug</point>.'
    answer = parse_answer(text, PER_100, [PICTURE])
    assert [point.label for point in answer.points] == ["cups", "cups", "a mug"]
    assert [point.xy for point in answer.points] == [pytest.approx(xy) for xy in ((105, 201), (300, 400), (10, 20))]
    assert answer.text == "The cups, and a mug."


TEXTS = {
    "around an object": (f"Here: {CUP} and so on.", "Here: and so on."),
    "around a fence": (f"Here:\n\n```json\n[{CUP}]\n```\n\nDone.", "Here:\n\n\nDone."),
    "labels of tags stay": ("<ref> a cup</ref><box>(1,2),(3,4)</box> and <ref>a mug</ref>", "a cup and a mug"),
    "code stays as it is": ("Run:\n```python\nx = [1, 2]\n```", "Run:\n```python\nx = [1, 2]\n```"),
    "a table of rows is no fields": ('```json\n[{"a": 1}, {"a": 2}]\n```', '```json\n[{"a": 1}, {"a": 2}]\n```'),
    "around a page in a fence": (
        'Page 1:\n```html\n<p data-bbox="1 2 3 4">a</p>\n```\nPage 2:\n```html\n<p>b</p>\n```\nDone.',
        "Page 1:\nPage 2:\nDone.",
    ),
    "around a page in a fence without a name": ('See:\n```\n<p data-bbox="1 2 3 4">a</p>\n```\nDone.', "See:\nDone."),
    "around a page in Markdown": ("See:\n```markdown\n<!-- Image (1, 2, 3, 4) -->\n# A\n```\nDone.", "See:\nDone."),
    "around a page without a fence": (
        'See: <div>\n\n<section>\n<p data-bbox="1 2 3 4">a</p></section></div>',
        "See:",
    ),
    "around html and body": ("See:\n\n<html>\n<body><p>a</p>\n</body>\n</html> Done.\nBye.", "See:\n\n Done.\nBye."),
    "Markdown with places is all page": ("# Title\n\n<!-- Image (1, 2, 3, 4) -->\n\nwords", ""),
    "a page that begins in what looked like a value": ('See {"a": <p data-bbox="1 2 3 4">"b"}', 'See {"a":'),
    "blank lines around a page": ("A\n\n<html>\n\n<p>a</p>\n\n</html>\n\nB\n\nC", "A\n\n\nB\n\nC"),
    "a page behind thinking": ('Hm.</think>See:\n```html\n<p data-bbox="1 2 3 4">a</p>\n```', "See:"),
    "thinking behind a page": ('See:\n```html\n<p data-bbox="1 2 3 4">a</p>\n```\n</think>', "See:"),
    "inline code": ('Set `x = {"a": 1}` now.', 'Set `x = {"a": 1}` now.'),
    "a tag that is spoken about": ("Use the <point> element.", "Use the <point> element."),
    "a number of many digits": ("1,000,200,300 people visited", "1,000,200,300 people visited"),
    "a bracket that never closes": ("See [1 and more", "See [1 and more"),
    "the beginning of a special token": ("Done.<|im_en", "Done."),
}


@pytest.mark.parametrize("name", TEXTS)
def test_prose(name: str) -> None:
    text, expected = TEXTS[name]
    assert parse_answer(text, PER_1000, [PICTURE]).text == expected
    assert streamed(text, PER_1000, [PICTURE]).text == expected


FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ('{"company": "X", "total": 5}', {"company": "X", "total": 5}),
    "nested": ('{"shop": {"name": "X"}, "rows": [{"a": 1}]}', {"shop": {"name": "X"}, "rows": [{"a": 1}]}),
    "with a time that is no event": ('{"shop": "X", "date": "1/2", "time": "12:30", "sum": "5"}', {
        "shop": "X", "date": "1/2", "time": "12:30", "sum": "5"
    }),
    "beside objects": (f'{{"objects": [{CUP}], "count": 1}}', {"count": 1}),
    "cut": ('```json\n{"company": "X", "date": "20', {"company": "X"}),
    "cut in a number": ('{"company": "X", "total": 12', {"company": "X"}),
    "cut in a word": ('{"company": "X", "paid": tr', {"company": "X"}),
    "not a number": ('{"total": NaN}', {"total": None}),
    "in two objects": ('{"a": 1}\n{"b": 2}', {"a": 1, "b": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_fields(name: str) -> None:
    text, expected = FIELDS[name]
    assert parse_answer(text, PER_1000, [PICTURE]).fields == expected


def test_fields_of_the_same_name_are_not_overwritten() -> None:
    answer = parse_answer('{"a": 1}\n{"a": 2}', PER_1000, [PICTURE])
    assert answer.fields == {"a": 1}
    assert answer.text == '{"a": 2}'


def test_other_keys_become_attributes() -> None:
    text = '{"bbox_2d": [1, 2, 3, 4], "name_zh": "杯", "name_en": "cup", "color": "red", "score": 0.5}'
    [box] = parse_answer(text, PER_1000, [PICTURE]).boxes
    assert box.label == "cup"
    assert box.attributes == {"name_zh": "杯", "color": "red", "score": 0.5}


def test_text_of_a_line_is_its_label_and_its_text() -> None:
    [box] = parse_answer('{"bbox_2d": [1, 2, 3, 4], "text_content": "Total 5"}', PER_1000, [PICTURE]).boxes
    assert (box.label, box.text) == ("Total 5", "Total 5")


def test_several_pictures_by_name() -> None:
    second = f'Picture 1: {CUP}\nPicture 2: {MUG}\n{{"image_3": [{CUP}]}} {{"img_idx": 1, "bbox_2d": [1, 2, 3, 4]}}'
    answer = parse_answer(second, PER_1000, [PICTURE] * 3)
    assert [box.image_index for box in answer.boxes] == [0, 1, 2, 1]


@pytest.mark.parametrize(
    "text",
    [
        f"[{CUP}]",
        "<ref>cup</ref><box>(1,2),(3,4)</box>",
        '<tool_call>{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": [1, 2]}}</tool_call>',
    ],
    ids=["JSON", "tags", "call"],
)
def test_the_picture_that_was_asked_about_is_meant_until_the_text_names_another(text: str) -> None:
    asked = parse_answer(text, PER_1000, [PICTURE] * 3, image_index=1)
    assert [item.image_index for item in (*asked.regions, *asked.actions)] == [1]
    named = parse_answer(f"Picture 3: [{CUP}]", PER_1000, [PICTURE] * 3, image_index=1)
    assert [box.image_index for box in named.boxes] == [2]


def test_a_picture_that_was_not_given() -> None:
    answer = parse_answer('{"img_idx": 7, "bbox_2d": [1, 2, 3, 4]}', PER_1000, [PICTURE])
    assert answer.boxes[0].image_index == 0
    assert "picture that was not given" in answer.problems[0]


def test_problems_of_one_kind_are_one_sentence() -> None:
    text = "[" + ", ".join('{"bbox_2d": [1, 2, 3], "label": "x"}' for _ in range(12)) + "]"
    assert parse_answer(text, PER_1000, [PICTURE]).problems == (
        "12 places were left out because they have the wrong number of coordinates, the first: [1, 2, 3].",
    )
