"""What to say to a model so that it grounds, counts, reads, acts or watches: each task in each family's own wording.

Knows the phrases that the families were trained with (their publishers' notebooks; for the pocket model its training)
and how to write a box into a question in the family's convention. Does not know messages or engines, and never reads
answers: that is `model.parsing`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from model.catalog import FAMILIES
from model.errors import RequestError
from model.types import Convention, MediumInput, ReadingMode

Task = Literal["detect", "find", "point", "count", "read", "act", "free"]
TASKS: tuple[Task, ...] = get_args(Task)

VideoTask = Literal["when", "describe", "chapters", "read", "track", "free"]
VIDEO_TASKS: tuple[VideoTask, ...] = get_args(VideoTask)

_ARTICLE = re.compile(r"^(the|an?) (?=\S)", re.IGNORECASE)

_PROGRESS = "Task progress (You have done the following operation on the current device): "

_JSON_WORDING: Mapping[str, str] = MappingProxyType(
    {
        "detect": "Locate every {query} in the image and output the bounding boxes in JSON format.",
        "find": "Locate the {query} in the image and output the bounding box in JSON format.",
        "point": "Point to every {query} in the image and output the points in JSON format.",
        "count": "Count every {query} in the image by pointing and output the points in JSON format.",
        "read": "Spotting all the text in the image with line-level, and output in JSON format as "
        "[{{'bbox_2d': [x1, y1, x2, y2], 'text_content': 'text'}}, ...].",
        "act": "The user query: {query}.\n" + _PROGRESS + ".",
    }
)

_WORDING: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Qwen-VL": {
            "detect": "Output the bounding boxes of every {query} in the picture.",
            "find": "Output the bounding box of the {query} in the picture.",
            "point": "Output the bounding boxes of every {query} in the picture.",
            "count": "Output the bounding boxes of every {query} in the picture, and how many there are.",
            "read": "OCR with grounding:",
            "act": "Output the bounding box of the element to click on. Goal: {query}.",
        },
        "Qwen2-VL": {
            "detect": "Detect all {query} in the image and return the bounding boxes in JSON format as "
            '{{"object": "label", "bboxes": [[x1, y1, x2, y2], ...]}}.',
            "find": "Detect the bounding box of the {query}.",
            "point": "Detect all {query} in the image and return the bounding boxes in JSON format as "
            '{{"object": "label", "bboxes": [[x1, y1, x2, y2], ...]}}.',
            "count": "Count all {query} in the image: first return their bounding boxes in JSON format as "
            '{{"object": "label", "bboxes": [[x1, y1, x2, y2], ...]}}, then the number.',
            "read": "Read all the text in the image line by line and return each line with its bounding box in JSON "
            'format as {{"text_content": "text", "bbox_2d": [x1, y1, x2, y2]}}.',
            "act": "Detect the bounding box of the element to click on. Goal: {query}.",
        },
        "Qwen2.5-VL": {
            "detect": "Outline the position of each {query} and output all the coordinates in JSON format.",
            "find": "Locate the {query}, output its bbox coordinates using JSON format.",
            "point": "Point to each {query} in the image, output all the point coordinates in JSON format.",
            "count": "Count the number of {query} in the image: first detect their key points and output them in JSON "
            "format, then give the number.",
            "read": "Spotting all the text in the image with line-level, and output in JSON format.",
            "act": "The user query: {query}\n" + _PROGRESS,
        },
        "Qwen3-VL": _JSON_WORDING,
        "Qwen3.5": _JSON_WORDING,
        "Molmo": {
            "detect": "Point to every {query}.",
            "find": "Point to the {query}.",
            "point": "Point to every {query}.",
            "count": "How many {query} are there? Point to each.",
            "read": "Read all the text in the image.",
            "act": "Point to the element to click on. Goal: {query}.",
        },
    }
)

_PLAIN_PAGE: Mapping[ReadingMode, str] = MappingProxyType(
    {
        "text": "Read all the text in the image.",
        "markdown": "Read all the text in the image and write it as Markdown, with tables as Markdown tables and "
        "formulas in LaTeX.",
        "tables": "Write every table in the image as an HTML table, with rowspan and colspan where cells are merged, "
        "and nothing else.",
        "fields": "Extract the key-value information in the format:{fields}",
    }
)

# "QwenVL HTML " with its blank and "qwenvl markdown" are the families' own: see cookbooks/document_parsing.ipynb of
# QwenLM/Qwen2.5-VL and QwenLM/Qwen3-VL; text and fields as in their cookbooks/ocr.ipynb.
_PAGE_WORDING: Mapping[str, Mapping[ReadingMode, str]] = MappingProxyType(
    {
        "Qwen-VL": _PLAIN_PAGE,
        "Qwen2-VL": _PLAIN_PAGE,
        "Qwen2.5-VL": {**_PLAIN_PAGE, "layout": "QwenVL HTML "},
        "Qwen3-VL": {**_PLAIN_PAGE, "layout": "qwenvl html", "markdown": "qwenvl markdown"},
        "Qwen3.5": {**_PLAIN_PAGE, "layout": "qwenvl html", "markdown": "qwenvl markdown"},
        "Molmo": _PLAIN_PAGE,
    }
)

_TRACK = (
    'Given the query "{query}", for each frame, detect and localize the visual content described by the given textual '
    "query in JSON format. If the visual content does not exist in a frame, skip that frame. Output Format: "
    '[{{"time": 1.0, "bbox_2d": [x_min, y_min, x_max, y_max], "label": ""}}, {{"time": 2.0, "bbox_2d": '
    '[x_min, y_min, x_max, y_max], "label": ""}}, ...].'
)
_IN_MINUTES = " Provide the result in json format with 'mm:ss.ff' format for time depiction."
_TIMED_VIDEO: Mapping[VideoTask, str] = MappingProxyType(
    {
        "when": "Give the query: '{query}', when does the described content occur in the video?",
        "describe": "Localize a series of activity events in the video, output the start and end timestamp for each "
        "event, and describe each event with sentences." + _IN_MINUTES,
        "chapters": "Divide the video into chapters, output the start and end timestamp for each chapter, and give "
        "each a short title." + _IN_MINUTES,
        "read": "Read all the text that appears in the video, output the start and end timestamp for each text, and "
        "give it as it is written." + _IN_MINUTES,
        "track": _TRACK,
    }
)
_AS_EVENTS = ' in JSON format as [{{"start_time": 0.0, "end_time": 1.0, "description": "text"}}, ...], in seconds.'
_PLAIN_VIDEO: Mapping[VideoTask, str] = MappingProxyType(
    {
        "when": "When does this happen in the video: {query}? Answer with its start and its end in seconds.",
        "describe": "Describe one after the other what happens in the video" + _AS_EVENTS,
        "chapters": "Divide the video into chapters and give each a short title" + _AS_EVENTS,
        "read": "Read all the text that appears in the video, as it is written" + _AS_EVENTS,
        "track": _TRACK,
    }
)
# "when" and "describe" are those of cookbooks/video_understanding.ipynb of QwenLM/Qwen2.5-VL and QwenLM/Qwen3-VL,
# "track" that of the latter's part on boxes in time. The families before them were not trained to tell times.
_VIDEO_WORDING: Mapping[str, Mapping[VideoTask, str]] = MappingProxyType(
    {
        "Qwen-VL": _PLAIN_VIDEO,
        "Qwen2-VL": _PLAIN_VIDEO,
        "Qwen2.5-VL": _TIMED_VIDEO,
        "Qwen3-VL": _TIMED_VIDEO,
        "Qwen3.5": _TIMED_VIDEO,
        "Molmo": _PLAIN_VIDEO,
    }
)


@dataclass(frozen=True, slots=True)
class FieldPreset:
    """A usual kind of paper, and what one wants to know from it."""

    title: str
    fields: tuple[str, ...]


FIELD_PRESETS: Mapping[str, FieldPreset] = MappingProxyType(
    {
        "receipt": FieldPreset("Receipt", ("company", "date", "address", "items", "tax", "total")),
        "invoice": FieldPreset(
            "Invoice",
            ("invoice number", "date", "due date", "seller", "buyer", "items", "subtotal", "tax", "total", "currency"),
        ),
        "business_card": FieldPreset(
            "Business card", ("name", "title", "company", "phone", "email", "website", "address")
        ),
        "id": FieldPreset(
            "ID", ("type", "number", "surname", "given names", "date of birth", "nationality", "sex", "valid until")
        ),
    }
)

# The two devices of the families' agents: what each is, and the actions that its tool offers.
_DEVICES: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "computer_use": (
            "Use a mouse and a keyboard to work with a computer.",
            (
                "left_click",
                "double_click",
                "right_click",
                "left_click_drag",
                "type",
                "key",
                "scroll",
                "wait",
                "terminate",
            ),
        ),
        "mobile_use": (
            "Use a touchscreen to work with a mobile device.",
            ("click", "long_press", "swipe", "type", "system_button", "open", "wait", "terminate"),
        ),
    }
)


def task_prompt(
    family_key: str,
    task: Task,
    query: str,
    box_xyxy: tuple[float, float, float, float] | None = None,
    medium: MediumInput | None = None,
) -> str:
    """The text of the user's message for a task.

    `query` holds categories separated by commas (detect; empty means every object), a phrase (find, point, count), a
    goal (act) or the whole question (free); it is not used to read. `box_xyxy`, in pixels of the source picture, is
    written behind the text in the family's convention, which needs the picture's sizes in `medium`. Raises
    `RequestError` when something is missing that the task needs.
    """
    text = query.strip() if task == "free" else _WORDING[family_key][task].format(query=_query(task, query))
    if not text:
        raise RequestError("Write what you want to know first.")
    if box_xyxy is None:
        return text
    if medium is None:
        raise ValueError("a box cannot be written without the sizes of its picture")
    numbers = ", ".join(str(number) for number in to_convention(box_xyxy, FAMILIES[family_key].convention, medium))
    return f"{text} (in the box [{numbers}])"


def system_prompt(family_key: str, task: Task, medium: MediumInput) -> str | None:
    """The system message that a task needs: the description of the device for "act", else None.

    A portrait screenshot is taken for a phone. The screen's declared resolution is what the family's coordinates of
    actions refer to: 999 x 999, 1000 x 1000, or the size that the model sees.
    """
    if task != "act":
        return None
    width, height = medium.source_size_wh
    name = "mobile_use" if height > width else "computer_use"
    declared = _declared_screen_wh(FAMILIES[family_key].action_convention, medium)
    tool = json.dumps(_tool(name, declared), ensure_ascii=False)
    return (
        "You are a helpful assistant.\n\n# Tools\n\nYou may call one function to assist with the user query.\n\n"
        f"<tools>\n{tool}\n</tools>\n\n"
        "Return the call as a JSON object with its name and arguments within <tool_call></tool_call> tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )


def document_prompt(family_key: str, mode: ReadingMode, fields: Sequence[str] = ()) -> str:
    """The text of the user's message that goes with the picture of one page.

    A family without a layout of its own is asked for lines with their places instead. Raises `RequestError` if fields
    are wanted and none is named.
    """
    wording = _PAGE_WORDING[family_key].get(mode)
    if wording is None:
        return task_prompt(family_key, "read", "")
    if mode != "fields":
        return wording
    names = [name for name in (" ".join(field.split()) for field in fields) if name]
    if not names:
        raise RequestError("Name at least one field to look for.")
    return wording.format(fields=json.dumps(dict.fromkeys(names, ""), ensure_ascii=False))


def ask_prompt(question: str, pages: Sequence[int], page_count: int) -> str:
    """The text behind the pictures of some pages, in the same order, of a document of `page_count` pages.

    Raises `RequestError` without a question.
    """
    if not question.strip():
        raise RequestError("Write what you want to know first.")
    if page_count == 1:
        return question.strip()
    numbers = ", ".join(f"image {index} is page {page}" for index, page in enumerate(pages, 1))
    return (
        f"These are pages of a document of {page_count} pages: {numbers}. Answer the question, and say after each "
        f"statement on which page it stands, as in (page {pages[0]}).\n\n{question.strip()}"
    )


def video_prompt(family_key: str, task: VideoTask, query: str) -> str:
    """The text of the user's message that goes with the frames of a video.

    `query` is what happens ("the door opens") or a whole question ("When does the door open?", asked as it stands) for
    when, a phrase for track, and the whole question for free; the others do not use it. Raises `RequestError` when
    something is missing that the task needs.
    """
    words = " ".join(query.split())
    if task in ("when", "track", "free") and not words:
        raise RequestError("Write what to follow first." if task == "track" else "Write what you want to know first.")
    if task == "free":
        return query.strip()
    if task == "when" and words.endswith(("?", "？")):
        return words
    return _VIDEO_WORDING[family_key][task].format(query=words.rstrip("."))


def to_convention(
    box_xyxy: tuple[float, float, float, float], convention: Convention, medium: MediumInput
) -> tuple[int, int, int, int]:
    """A box in source pixels as the whole numbers that a model would write, clipped to the picture."""
    scale_wh = _declared_screen_wh(convention, medium)
    x1, y1, x2, y2 = (
        round(min(max(value / source, 0.0), 1.0) * scale)
        for value, source, scale in zip(box_xyxy, medium.source_size_wh * 2, scale_wh * 2, strict=True)
    )
    return (y1, x1, y2, x2) if convention.order == "yxyx" else (x1, y1, x2, y2)


def _query(task: Task, query: str) -> str:
    """The query on one line and without its article, which the wordings have: "the cups." becomes "cups"."""
    if task == "detect":
        categories = [_phrase(part) for part in query.replace("\n", ",").split(",")]
        return ", ".join(part for part in categories if part) or "object"
    phrase = " ".join(query.split()).rstrip(".") if task == "act" else _phrase(query)
    if not phrase and task in ("find", "act"):
        raise RequestError("Write what to find first." if task == "find" else "Write what should be done first.")
    return phrase or "object"


def _phrase(text: str) -> str:
    return _ARTICLE.sub("", " ".join(text.split()).rstrip("."))


def _declared_screen_wh(convention: Convention, medium: MediumInput) -> tuple[int, int]:
    """The width and height that a convention's numbers run to."""
    if convention.scale == "input_px":
        return medium.input_size_wh
    if convention.scale == "source_px":
        return medium.source_size_wh
    return round(convention.scale), round(convention.scale)


def _tool(name: str, screen_wh: tuple[int, int]) -> dict[str, object]:
    """The device as a function signature in the form that the families' chat templates use."""
    what, actions = _DEVICES[name]
    place = {"type": "array", "description": "(x, y) on the screen, where the action happens or starts"}
    parameters = {
        "type": "object",
        "properties": {
            "action": {"type": "string", "enum": actions},
            "coordinate": place,
            "coordinate2": place | {"description": "(x, y) where a swipe or drag ends"},
            "text": {"type": "string", "description": "what to type, which key to press or which app to open"},
        },
        "required": ["action"],
    }
    resolution = f"The screen's resolution is {screen_wh[0]}x{screen_wh[1]}."
    description = f"{what} {resolution} Click in the middle of an element, not on its edge."
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}
