"""What the pocket model can read: drawn pages, screens and charts as files, asked about the way the program asks.

Pages and charts go through `app.document_reading` as in the Document tab, screens through `app.grounding` as in Ground.
All of them are set in the two families of fonts that training never uses. What the program does not let the model do,
because it has not learned it, counts as an empty answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from threading import Event
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app import document_reading, grounding
from app.document_reading import Reading, ReadingAsk, ask_about, read_page
from app.grounding import Ask, ground
from evaluation.metrics.overlaps import box_iou
from evaluation.metrics.tables import teds
from evaluation.metrics.text import character_errors, exact_match
from evaluation.scores import Score
from model import media
from model.engines.base import Engine
from model.prompts import FIELD_PRESETS
from model.types import Answer, Block, Image, MediumInput, ReadingMode
from training import dictation, displays, wordings
from training.charts import random_chart
from training.controls import Element
from training.documents import random_page
from training.pages import Page
from training.reading import KINDS_OF
from training.screens import random_screen
from training.telling import Sight
from training.typesetting import Xyxy
from training.wordings import pick

IOU = 0.5
VALUE_TOLERANCE = 0.03
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def sample(engine: Engine, seed: tuple[int, int]) -> Iterator[Score]:
    """A line, a page in three ways, a table, a receipt or invoice in two, a screen and a chart."""
    rng = np.random.default_rng(seed)
    line = random_page(rng, "line", held_out=True)
    yield text_score("line CER", _read(engine, line, "text"), line.text)
    page = random_page(rng, pick(rng, KINDS_OF["text"]), held_out=True)
    yield text_score("page CER", _read(engine, page, "text"), page.text)
    yield from line_scores(_read(engine, page, "lines"), page)
    yield from block_scores(_read(engine, page, "layout"), page)
    table = random_page(rng, "table", held_out=True)
    yield from table_scores(_read(engine, table, "tables"), table)
    yield from _paper(engine, rng)
    yield from _screen(engine, rng)
    yield from _chart(engine, rng)


def picture_of(pixels: NDArray[np.uint8]) -> Image:
    """RGB pixels (height, width, 3) as the PNG file that a person would drop."""
    encoded = cv2.imencode(".png", pixels[:, :, ::-1])[1]
    return media.read_image(encoded.tobytes(), "drawn.png")


def text_score(name: str, read: Reading, true: str) -> Score:
    """The character error rate, which counts by how long the text is: the mean is all edits over all characters."""
    errors = character_errors("\n".join(block.text for block in read.document.blocks), true)
    return Score(name, errors.edits / errors.length, weight=errors.length)


def line_scores(read: Reading, page: Page) -> Iterator[Score]:
    """Of each line whether a box of its own overlaps it well, whatever it says."""
    boxes = [block.xyxy for block in read.document.blocks if block.xyxy]
    yield from _recall("line boxes recall", found(boxes, [line.xyxy for line in page.lines]), len(page.lines))


def block_scores(read: Reading, page: Page) -> Iterator[Score]:
    """Of each block whether one of its kind overlaps it well."""
    read_blocks, kinds = read.document.blocks, {block.kind for block in page.blocks}
    hits = sum(found(_boxes_of(read_blocks, kind), _boxes_of(page.blocks, kind)) for kind in kinds)
    yield from _recall("blocks recall", hits, len(page.blocks))


def table_scores(read: Reading, page: Page) -> Iterator[Score]:
    """Each true table against the one that was read in its place."""
    said = [block.table for block in read.document.blocks if block.table]
    true = [block.table for block in page.blocks if block.table]
    for number, table in enumerate(true):
        yield Score("tables TEDS", teds(said[number] if number < len(said) else None, table))


def field_scores(fields: Mapping[str, Any], true: Mapping[str, Any], names: Sequence[str]) -> Iterator[Score]:
    """Of each field whether it is the same but for case and blanks; a list, if all of its items are."""
    yield from (Score("fields", float(_is_same(fields.get(name), true[name]))) for name in names)


def click_score(answer: Answer, element: Element) -> Score:
    """Whether the first action is a click inside the element."""
    (x1, y1, x2, y2), action = element.xyxy, next(iter(answer.actions), None)
    if action is None or action.xy is None or "click" not in str(action.arguments.get("action")):
        return Score("screen clicks", 0.0)
    x, y = action.xy
    return Score("screen clicks", float(x1 <= x <= x2 and y1 <= y <= y2))


def value_score(name: str, said: str, true: str) -> Score:
    """Whether the last number of an answer is within 3% of that of the right answer."""
    numbers = [_NUMBER.findall(text) for text in (said, true)]
    if not numbers[0]:
        return Score(name, 0.0)
    value, wanted = (float(found[-1].replace(",", "")) for found in numbers)
    return Score(name, float(abs(value - wanted) <= VALUE_TOLERANCE * wanted))


def found(boxes: Sequence[Xyxy], true: Sequence[Xyxy]) -> int:
    """How many of the true boxes are found, each by a box of its own, best pairs first."""
    overlaps = [(box_iou(one, other), i, j) for i, one in enumerate(boxes) for j, other in enumerate(true)]
    left_said, left_true = set(range(len(boxes))), set(range(len(true)))
    for overlap, i, j in sorted(overlaps, reverse=True):
        if overlap >= IOU and i in left_said and j in left_true:
            left_said.remove(i)
            left_true.remove(j)
    return len(true) - len(left_true)


def _paper(engine: Engine, rng: np.random.Generator) -> Iterator[Score]:
    """All the fields of a receipt or an invoice, and one of them in words that training never uses."""
    kind = pick(rng, ("receipt", "invoice"))
    page = random_page(rng, kind, held_out=True)
    names = FIELD_PRESETS[dictation.PRESETS[kind]].fields
    yield from field_scores(_read(engine, page, "fields", names).document.fields, page.fields, names)
    asked = dictation.ask_field(page, _sight(page.size_wh), rng, wordings.READ_HELD_OUT["field"])
    for turn in asked:
        yield Score("field asked", float(_asked(engine, page.image, turn.question).strip() == turn.answer))


def _screen(engine: Engine, rng: np.random.Generator) -> Iterator[Score]:
    screen = random_screen(rng, held_out=True)
    chosen = displays.random_goal(screen, rng)
    if chosen is not None:
        element, goal = chosen
        yield click_score(_acted(engine, screen.pixels, goal), element)


def _chart(engine: Engine, rng: np.random.Generator) -> Iterator[Score]:
    """The value of a mark, asked for in words that training uses or in others."""
    chart = random_chart(rng, held_out=True)
    forms = wordings.CHART_VALUE if rng.random() < 0.5 else wordings.READ_HELD_OUT["value"]
    name = "bar values" if "bar" in chart.kind else "point and slice values"
    for turn in displays.value(chart, _sight(chart.size_wh), rng, forms):
        yield value_score(name, _asked(engine, chart.pixels, turn.question), turn.answer)


def _read(engine: Engine, page: Page, mode: ReadingMode, fields: tuple[str, ...] = ()) -> Reading:
    """The whole reading of a page."""
    ask, image = ReadingAsk(mode, fields), picture_of(page.image)
    if document_reading.not_learned(engine.info, mode):
        return Reading(1, ask, engine.info.name, engine.info.family, MediumInput(image.size_wh, image.size_wh, 0))
    *_, last = read_page(engine, image, ask, 1, Event())
    return last


def _asked(engine: Engine, pixels: NDArray[np.uint8], question: str) -> str:
    """The whole answer to a question about a document of one page."""
    if document_reading.not_learned(engine.info, "ask"):
        return ""
    *_, last = ask_about(engine, [(1, picture_of(pixels))], 1, question, Event())
    return last.text


def _acted(engine: Engine, pixels: NDArray[np.uint8], goal: str) -> Answer:
    """What the model would do on a screen."""
    if grounding.not_learned(engine.info, "act"):
        return Answer()
    *_, last = ground(engine, picture_of(pixels), Ask("act", goal), Event())
    return last.answer


def _sight(size_wh: tuple[int, int]) -> Sight:
    """Of questions only the words matter here."""
    return Sight(size_wh, (1, 1))


def _boxes_of(blocks: Sequence[Block], kind: str) -> list[Xyxy]:
    return [block.xyxy for block in blocks if block.kind == kind and block.xyxy]


def _recall(name: str, hits: int, wanted: int) -> Iterator[Score]:
    yield from (Score(name, float(index < hits)) for index in range(wanted))


def _is_same(said: Any, true: Any) -> bool:
    if isinstance(true, list):
        return isinstance(said, list) and len(said) == len(true) and all(map(_is_same, said, true))
    if isinstance(true, Mapping):
        return isinstance(said, Mapping) and all(_is_same(said.get(name), value) for name, value in true.items())
    return said is not None and bool(exact_match(str(said), [str(true)]))
