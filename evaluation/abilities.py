"""What is asked about one drawn sample, and what counts as right.

Every sample goes the way a person's question goes: picture file -> `media` -> engine -> `AnswerParser`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Event

import cv2
import numpy as np

from evaluation import clips
from evaluation.scores import Score
from model import media
from model.catalog import FAMILIES
from model.engines.base import Engine
from model.parsing import parse_answer
from model.prompts import task_prompt
from model.types import Answer, Box, Chunk, GenerationOptions, Image, Message, Part, Text
from training import dialogues, pairs, wordings
from training.dialogues import Turn, View
from training.pairs import ORDINALS
from training.scenes import Scene, Shape, draw, random_scene
from training.tower import grid_of

SEED = 7_000_000
"""First seed of the samples; training draws from `default_rng((1..9, step))`, which are other streams."""

IOU = 0.5
_ASKED: dict[str, Callable[[View, np.random.Generator], list[Turn]]] = {
    "count": dialogues.count,
    "color": dialogues.color_of,
    "kind": dialogues.kind_of,
    "where": dialogues.where,
    "relation": dialogues.relation,
    "yes_no": dialogues.yes_no,
    "describe": dialogues.describe,
    "in_box": dialogues.in_box,
    "colors": dialogues.colors,
}
_WORDED: dict[str, Callable[[View, np.random.Generator, Sequence[str]], list[Turn]]] = {
    "count": dialogues.count,
    "color": dialogues.color_of,
    "kind": dialogues.kind_of,
    "where": dialogues.where,
    "yes_no": dialogues.yes_no,
    "describe": dialogues.describe,
}
"""The same, in forms that the caller chooses."""
_RARELY = ("relation", "yes_no", "describe", "in_box", "colors")
"""Abilities without a target, asked about every fourth scene."""


def picture_of(scene: Scene) -> Image:
    """The scene as the PNG file that a person would drop."""
    encoded = cv2.imencode(".png", draw(scene)[:, :, ::-1])[1]
    return media.read_image(encoded.tobytes(), "scene.png")


def ask(engine: Engine, messages: Sequence[Message]) -> tuple[str, Answer]:
    """The raw greedy answer and what it says."""
    prompt = engine.prepare(messages)
    options = GenerationOptions(max_new_tokens=400, greedy=True)
    chunks = [event for event in engine.stream(prompt, options, Event()) if isinstance(event, Chunk)]
    raw = "".join(chunk.text for chunk in chunks)
    return raw, parse_answer(raw, FAMILIES[engine.info.family].convention, prompt.media)


def user(text: str, *pictures: Image) -> Message:
    parts: tuple[Part, ...] = (*pictures, Text(text))
    return Message("user", parts)


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two xyxy boxes."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, wide) * max(0.0, high)
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (both - shared) if both > shared else 0.0


def match(boxes: Sequence[Box], shapes: Sequence[Shape]) -> list[float]:
    """IoU of each box that has the right name and finds a shape of its own, best pairs first."""
    pairs = sorted(
        ((iou(box.xyxy, shape.xyxy), i, j) for i, box in enumerate(boxes) for j, shape in enumerate(shapes)
         if box.label == shape.name), reverse=True,
    )  # fmt: skip
    taken_boxes, taken_shapes, found = set(), set(), []
    for overlap, i, j in pairs:
        if overlap >= IOU and i not in taken_boxes and j not in taken_shapes:
            taken_boxes.add(i)
            taken_shapes.add(j)
            found.append(overlap)
    return found


def detection(engine: Engine, scene: Scene, picture: Image) -> Iterator[Score]:
    """Detect every object. Recall counts over shapes, precision over boxes: each is one score of its own."""
    _, answer = ask(engine, [user(task_prompt("Qwen3-VL", "detect", ""), picture)])
    found = match(answer.boxes, scene.shapes)
    yield from _recall_precision("detection", len(found), len(scene.shapes), len(answer.boxes))
    yield from (Score("median IoU", overlap) for overlap in found)


def finding(engine: Engine, view: View, picture: Image, rng: np.random.Generator) -> Iterator[Score]:
    phrase = dialogues.random_phrase(view, rng, 1.0)
    shapes = view.matching(phrase)
    _, answer = ask(engine, [user(task_prompt("Qwen3-VL", "find", str(phrase)), picture)])
    yield from _recall_precision("find", len(match(answer.boxes, shapes)), len(shapes), len(answer.boxes))


def pointing(engine: Engine, view: View, picture: Image, rng: np.random.Generator) -> Iterator[Score]:
    """Point or count by pointing; a point is right inside the box of a shape of its own."""
    phrase = dialogues.random_phrase(view, rng, 1.0)
    shapes = view.matching(phrase)
    task = task_prompt("Qwen3-VL", "point" if rng.random() < 0.5 else "count", str(phrase))
    _, answer = ask(engine, [user(task, picture)])
    left = list(shapes)
    for point in answer.points:
        hit = next(
            (s for s in left if s.xyxy[0] <= point.xy[0] <= s.xyxy[2] and s.xyxy[1] <= point.xy[1] <= s.xyxy[3]), None
        )
        if hit is not None:
            left.remove(hit)
    yield from _recall_precision("points", len(shapes) - len(left), len(shapes), len(answer.points))


def _recall_precision(name: str, hits: int, wanted: int, given: int) -> Iterator[Score]:
    yield from (Score(f"{name} recall", float(index < hits)) for index in range(wanted))
    yield from (Score(f"{name} precision", float(index < hits)) for index in range(given))


def conversation(
    engine: Engine, turns: Sequence[Turn], pictures: Sequence[Image], name: str, later: str = ""
) -> Iterator[Score]:
    """Ask turn after turn in one conversation; an answer is right when it is word for word the expected one.

    The first turn counts as `name`, those after it as `later` if that is given.
    """
    messages: list[Message] = []
    for index, turn in enumerate(turns):
        messages.append(user(turn.question, *(pictures if index == 0 else ())))
        raw, _ = ask(engine, messages)
        yield Score(later if index and later else name, float(raw.strip() == turn.answer))
        messages.append(Message("assistant", (Text(raw),)))


def sample(engine: Engine, index: int) -> Iterator[Score]:
    """Everything that is asked about sample `index`."""
    rng = np.random.default_rng((SEED, index))
    scene = random_scene(rng)
    view, picture = View.of(scene, grid_of(scene.size_wh)), picture_of(scene)
    yield from detection(engine, scene, picture)
    yield from finding(engine, view, picture, rng)
    yield from pointing(engine, view, picture, rng)
    for ability, asked in _ASKED.items():
        if ability in _RARELY and index % 4:
            continue
        turns = asked(view, rng)
        yield from conversation(engine, turns, [picture], ability, "follow_up")
    other = random_scene(rng)
    views, pictures = [view, View.of(other, grid_of(other.size_wh))], [picture, picture_of(other)]
    yield from conversation(engine, pairs.compare(views, rng), pictures, "compare")
    if index % 4 == 0:
        yield from conversation(engine, pairs.about_one_of_two(views, rng), pictures, "one_of_two")
        yield from conversation(engine, pairs.difference(views, rng), pictures, "difference")
        yield from conversation(engine, dialogues.without_pictures(rng, 1), [], "off_topic")
        yield from in_other_words(engine, view, picture, rng)
    if index % 20 == 0:
        empty = random_scene(rng, max_shapes=0)
        turns = dialogues.about_one(View.of(empty, grid_of(empty.size_wh)), rng)
        yield from conversation(engine, turns, [picture_of(empty)], "no_shapes")
    if index % 4 == 0:
        yield from third_turn(engine, index)


def third_turn(engine: Engine, index: int) -> Iterator[Score]:
    """A question about a picture, one about another that comes then, and one about the first again, which counts.

    What was answered before is what the model itself said.
    """
    rng = np.random.default_rng((SEED + 3, index))
    scenes = [random_scene(rng) for _ in ORDINALS]
    views = [View.of(scene, grid_of(scene.size_wh)) for scene in scenes]
    turns = [
        _first(lambda: dialogues.about_one(views[0], rng)),
        *(_first(partial(pairs.about_one_of_two, views, rng, of)) for of in (1, 0)),
    ]
    messages: list[Message] = []
    for turn, shown in zip(turns, (*map(picture_of, scenes), None), strict=True):
        messages.append(user(turn.question, *([shown] if shown else [])))
        raw, _ = ask(engine, messages)
        messages.append(Message("assistant", (Text(raw),)))
    yield Score("third turn", float(raw.strip() == turns[-1].answer))


def _first(asked: Callable[[], list[Turn]]) -> Turn:
    """The first turn of what can be asked; some questions do not fit some scenes."""
    while True:
        if turns := asked():
            return turns[0]


def clip_sample(engine: Engine, index: int) -> Iterator[Score]:
    """Everything that is asked about clip `index`."""
    yield from clips.sample(engine, (SEED + 1, index))


def in_other_words(engine: Engine, view: View, picture: Image, rng: np.random.Generator) -> Iterator[Score]:
    """One question in words that training never uses."""
    ability = wordings.pick(rng, list(wordings.HELD_OUT))
    forms = wordings.HELD_OUT[ability]
    if ability != "find":
        turns = _WORDED[ability](view, rng, forms)[:1]
        yield from conversation(engine, turns, [picture], "other_words")
        return
    phrase = dialogues.random_phrase(view, rng, 1.0)
    _, answer = ask(engine, [user(wordings.typed(rng, wordings.pick(rng, forms).format(phrase)), picture)])
    shapes = view.matching(phrase)
    found = match(answer.boxes, shapes)
    yield Score("other_words", float(len(found) == len(shapes) == len(answer.boxes)))
