"""Conversations about drawn scenes: what a person may ask, and the exact answer.

Knows scenes and words; nothing about tokens or networks. The wording of the grounding tasks is the wording of
`model.prompts`, so that the model is trained on what the program sends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.prompts import task_prompt
from training import offtopic, records
from training.scenes import COLOR_NAMES, KINDS, Scene, Shape

FAMILY = "Qwen3-VL"
ZONES = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the middle", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
_CLEAR = 0.06


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, its answer, and which ability it needs.

    `about` tells which visual tokens (counted through the conversation's pictures) the answer speaks about: one set
    for a whole sentence, one set an object for an answer in JSON, nothing where an answer is about no place.
    """

    question: str
    answer: str
    ability: str
    about: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A scene as the model counts it: its shapes in the order of the merged cells, and the visual tokens of these."""

    scene: Scene
    shapes: tuple[Shape, ...]
    cells: tuple[int, ...]

    @classmethod
    def of(cls, scene: Scene, grid_hw: tuple[int, int], first_cell: int = 0) -> View:
        shapes = tuple(records.reading_order(scene, grid_hw))
        cells = tuple(first_cell + records.cell_of(shape, scene.size_wh, grid_hw) for shape in shapes)
        return cls(scene, shapes, cells)

    def cells_of(self, shapes: Sequence[Shape]) -> tuple[int, ...]:
        return tuple(cell for shape, cell in zip(self.shapes, self.cells, strict=True) if shape in shapes)

    def one_by_one(self, shapes: Sequence[Shape]) -> tuple[tuple[int, ...], ...]:
        """`Turn.about` of an answer in JSON."""
        return tuple((cell,) for cell in self.cells_of(shapes)) or ((),)

    def matching(self, phrase: Phrase) -> list[Shape]:
        return [shape for shape in self.shapes if phrase.fits(shape)]


@dataclass(frozen=True, slots=True)
class Phrase:
    """ "red circle", "circle", "red shape" or "shape"; None stands for any colour or kind."""

    color: str | None
    kind: str | None

    def fits(self, shape: Shape) -> bool:
        return self.color in (None, shape.color) and self.kind in (None, shape.kind)

    def __str__(self) -> str:
        return " ".join(word for word in (self.color, self.kind or "shape") if word)

    @property
    def plural(self) -> str:
        return f"{self}es" if str(self).endswith("s") else f"{self}s"


ANY = Phrase(None, None)


def a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def zone(shape: Shape, size_wh: tuple[int, int]) -> str:
    """Where the centre of a shape's box lies on a grid of three by three."""
    (cx, cy), (width, height) = shape.center_xy, size_wh
    return ZONES[min(2, int(cy / height * 3))][min(2, int(cx / width * 3))]


def join(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def amount(count: int, phrase: Phrase) -> str:
    """ "There are 2 red circles." """
    if count == 0:
        return f"There are no {phrase.plural}."
    return f"There is 1 {phrase}." if count == 1 else f"There are {count} {phrase.plural}."


def absent(phrase: object) -> str:
    return f"There is no {phrase} in the image."


def boxes_json(shapes: Sequence[Shape], size_wh: tuple[int, int]) -> str:
    rows = [[int(n) for n in records.coordinates(shape, size_wh)[:4]] for shape in shapes]
    lines = [f'\t{{"bbox_2d": {row}, "label": "{shape.name}"}}' for row, shape in zip(rows, shapes, strict=True)]
    return "```json\n[\n" + ",\n".join(lines) + "\n]\n```"


def points_json(shapes: Sequence[Shape], size_wh: tuple[int, int]) -> str:
    rows = [[int(n) for n in records.coordinates(shape, size_wh)[4:]] for shape in shapes]
    lines = [f'\t{{"point_2d": {row}, "label": "{shape.name}"}}' for row, shape in zip(rows, shapes, strict=True)]
    return "```json\n[\n" + ",\n".join(lines) + "\n]\n```"


def random_phrase(view: View, rng: np.random.Generator, present: float = 0.7) -> Phrase:
    """A phrase that fits a shape of the picture (mostly), or one that misses by colour, kind or both."""
    shape = view.shapes[int(rng.integers(len(view.shapes)))]
    color, kind = shape.color, shape.kind
    if rng.random() > present:
        other = int(rng.integers(3))
        color = pick(rng, COLOR_NAMES) if other != 0 else color
        kind = pick(rng, KINDS) if other != 1 else kind
    form = rng.random()
    return Phrase(color, kind) if form < 0.6 else Phrase(None, kind) if form < 0.85 else Phrase(color, None)


def unique_phrase(view: View, rng: np.random.Generator) -> Phrase | None:
    """A phrase that fits exactly one shape."""
    for index in rng.permutation(len(view.shapes)):
        shape = view.shapes[int(index)]
        options = [Phrase(shape.color, shape.kind), Phrase(None, shape.kind), Phrase(shape.color, None)]
        fitting = [phrase for phrase in options if len(view.matching(phrase)) == 1]
        if fitting:
            return fitting[int(rng.integers(len(fitting)))]
    return None


def describe(view: View, rng: np.random.Generator) -> list[Turn]:
    question = pick(rng, DESCRIBE)
    parts = [f"{a(shape.name)} {zone(shape, view.scene.size_wh)}" for shape in view.shapes]
    head = "There is 1 shape" if len(parts) == 1 else f"There are {len(parts)} shapes"
    return [Turn(question, f"{head}: {join(parts)}.", "describe")]


def count(view: View, rng: np.random.Generator) -> list[Turn]:
    form = rng.random()
    phrase = ANY if form < 0.4 else random_phrase(view, rng)
    question = pick(rng, COUNT).format(phrase.plural)
    turns = [_amount(question, [view], phrase, "count")]
    if rng.random() < 0.3:
        more = random_phrase(view, rng)
        question = pick(rng, ("And how many {}?", "And {}?", "How about {}?", "and how many {} are there?"))
        turns.append(_amount(question.format(more.plural), [view], more, "count"))
    return turns


def _amount(question: str, views: Sequence[View], phrase: Phrase, ability: str) -> Turn:
    about = cells_matching(views, phrase)
    return Turn(question, amount(len(about[0]), phrase), ability, about)


def cells_matching(views: Sequence[View], phrase: Phrase) -> tuple[tuple[int, ...]]:
    """`Turn.about` of a sentence about all shapes that fit a phrase."""
    return (tuple(cell for view in views for cell in view.cells_of(view.matching(phrase))),)


def color_of(view: View, rng: np.random.Generator) -> list[Turn]:
    phrase = _unique_kind(view, rng)
    if phrase is None:
        return []
    shape = view.matching(phrase)[0]
    question = pick(rng, COLOR_OF).format(shape.kind)
    turn = Turn(question, f"The {shape.kind} is {shape.color}.", "color", (view.cells_of([shape]),))
    return [turn, *_where_is_it(view, shape, rng)]


def kind_of(view: View, rng: np.random.Generator) -> list[Turn]:
    colors = [shape.color for shape in view.shapes]
    single = [shape for shape in view.shapes if colors.count(shape.color) == 1]
    if not single:
        return []
    shape = single[int(rng.integers(len(single)))]
    question = pick(rng, KIND_OF).format(shape.color)
    turn = Turn(question, f"The {shape.color} shape is {a(shape.kind)}.", "kind", (view.cells_of([shape]),))
    return [turn, *_where_is_it(view, shape, rng)]


def where(view: View, rng: np.random.Generator) -> list[Turn]:
    phrase = unique_phrase(view, rng) if rng.random() < 0.85 else Phrase(pick(rng, COLOR_NAMES), pick(rng, KINDS))
    if phrase is None or len(view.matching(phrase)) > 1:
        return []
    question = pick(rng, WHERE).format(phrase)
    found = view.matching(phrase)
    if not found:
        return [Turn(question, absent(phrase), "where", ((),))]
    return [Turn(question, f"The {phrase} is {zone(found[0], view.scene.size_wh)}.", "where", (view.cells_of(found),))]


def relation(view: View, rng: np.random.Generator) -> list[Turn]:
    first, second = unique_phrase(view, rng), unique_phrase(view, rng)
    if first is None or second is None:
        return []
    one, two = view.matching(first)[0], view.matching(second)[0]
    axis = int(rng.integers(2))
    gap = (one.center_xy[axis] - two.center_xy[axis]) / view.scene.size_wh[axis]
    if one is two or abs(gap) < _CLEAR:
        return []
    near, far = (("to the left of", "to the right of"), ("above", "below"))[axis]
    truth = near if gap < 0 else far
    about = (view.cells_of([one, two]),)
    if rng.random() < 0.3:
        superlative = pick(rng, (("further left", "further right"), ("higher", "lower"))[axis])
        winner = first if (gap < 0) == (superlative in ("further left", "higher")) else second
        question = f"Which is {superlative}, the {first} or the {second}?"
        return [Turn(question, f"The {winner} is {superlative}.", "relation", about)]
    asked = pick(rng, (near, far))
    question = pick(rng, ("Is the {} {} the {}?", "is the {} {} the {}")).format(first, asked, second)
    word = "Yes" if asked == truth else "No"
    return [Turn(question, f"{word}, the {first} is {truth} the {second}.", "relation", about)]


def yes_no(view: View, rng: np.random.Generator) -> list[Turn]:
    phrase = random_phrase(view, rng, present=0.4)
    question = pick(rng, YES_NO).format(a(str(phrase)))
    about = cells_matching([view], phrase)
    matches = len(about[0])
    if matches == 0:
        return [Turn(question, f"No, there is no {phrase}.", "yes_no", about)]
    found = f"there is {a(str(phrase))}" if matches == 1 else f"there are {matches} {phrase.plural}"
    return [Turn(question, f"Yes, {found}.", "yes_no", about)]


def detect(view: View, rng: np.random.Generator) -> list[Turn]:
    size = view.scene.size_wh
    if rng.random() < 0.5:
        question = task_prompt(FAMILY, "detect", "") if rng.random() < 0.6 else pick(rng, DETECT_ALL)
        return [Turn(question, boxes_json(view.shapes, size), "detect", view.one_by_one(view.shapes))]
    phrases = [random_phrase(view, rng, 0.65) for _ in range(int(rng.integers(1, 4)))]
    phrases = list(dict.fromkeys(phrases))
    found = [shape for shape in view.shapes if any(phrase.fits(shape) for phrase in phrases)]
    names = ", ".join(phrase.plural if rng.random() < 0.3 else str(phrase) for phrase in phrases)
    answer = boxes_json(found, size) if found else absent(" or ".join(str(phrase) for phrase in phrases))
    return [Turn(task_prompt(FAMILY, "detect", names), answer, "detect", view.one_by_one(found))]


def find(view: View, rng: np.random.Generator) -> list[Turn]:
    phrase = random_phrase(view, rng, 0.8)
    found = view.matching(phrase)
    question = task_prompt(FAMILY, "find", str(phrase)) if rng.random() < 0.7 else pick(rng, FIND).format(phrase)
    answer = boxes_json(found, view.scene.size_wh) if found else absent(phrase)
    turns = [Turn(question, answer, "find", view.one_by_one(found))]
    if len(found) == 1:
        turns += _where_is_it(view, found[0], rng, str(phrase))
    return turns


def point(view: View, rng: np.random.Generator) -> list[Turn]:
    phrase = random_phrase(view, rng, 0.8) if rng.random() < 0.8 else ANY
    found = view.matching(phrase)
    name = phrase.plural if rng.random() < 0.3 else str(phrase)
    question = task_prompt(FAMILY, "point" if rng.random() < 0.5 else "count", name)
    if rng.random() < 0.1:
        question = pick(rng, ("Point to the {}.", "point at the {}", "Point to every {}.")).format(phrase)
    answer = points_json(found, view.scene.size_wh) if found else absent(phrase)
    return [Turn(question, answer, "point", view.one_by_one(found))]


def in_box(view: View, rng: np.random.Generator) -> list[Turn]:
    shape = view.shapes[int(rng.integers(len(view.shapes)))]
    exact = records.coordinates(shape, view.scene.size_wh)[:4]
    box = np.clip(exact + rng.integers(-25, 26, size=4), 0, 999)
    question, answer = IN_BOX[int(rng.integers(len(IN_BOX)))]
    numbers = ", ".join(str(int(n)) for n in box)
    filled = answer.format(shape=a(shape.name), kind=a(shape.kind), color=shape.color)
    return [Turn(f"{question} (in the box [{numbers}])", filled, "in_box", (view.cells_of([shape]),))]


def _unique_kind(view: View, rng: np.random.Generator) -> Phrase | None:
    kinds = [shape.kind for shape in view.shapes]
    single = [kind for kind in KINDS if kinds.count(kind) == 1]
    return Phrase(None, pick(rng, single)) if single else None


def _where_is_it(view: View, shape: Shape, rng: np.random.Generator, name: str = "") -> list[Turn]:
    """A follow-up that only makes sense after the question before it."""
    if rng.random() > 0.3:
        return []
    place, about = zone(shape, view.scene.size_wh), (view.cells_of([shape]),)
    if name and rng.random() < 0.4:
        return [Turn(pick(rng, ("What color is it?", "And its color?")), f"It is {shape.color}.", "follow_up", about)]
    return [Turn(pick(rng, ("Where is it?", "And where is it?", "where?")), f"It is {place}.", "follow_up", about)]


def compare(views: Sequence[View], rng: np.random.Generator) -> list[Turn]:
    """Questions about two pictures at once."""
    index, form = int(rng.integers(2)), int(rng.integers(5))
    if form == 4:
        counts = [len(view.shapes) for view in views]
        text = " ".join(f"Picture {i} has {n} {'shape' if n == 1 else 'shapes'}." for i, n in enumerate(counts, 1))
        question = pick(rng, ("Compare the two pictures.", "Compare the pictures."))
        return [Turn(question, text, "compare", cells_matching(views, ANY))]
    general = form in (0, 3) and rng.random() < 0.45
    phrase = ANY if general else random_phrase(views[index], rng, 0.8 if form == 2 else 0.7)
    if form == 3:
        question = f"How many {phrase.plural} are in picture {index + 1}?"
        return [_amount(question, [views[index]], phrase, "compare")]
    if form == 0:
        question, answer = f"Which picture has more {phrase.plural}?", _more(views, phrase)
    elif form == 1:
        question, answer = f"Which picture has {a(str(phrase))}?", _which(views, phrase)
    else:
        word = "Yes" if all(view.matching(phrase) for view in views) else "No"
        question, answer = f"Do both pictures have {a(str(phrase))}?", f"{word}. {_which(views, phrase)}"
    return [Turn(question, answer, "compare", cells_matching(views, phrase))]


def _more(views: Sequence[View], phrase: Phrase) -> str:
    one, two = (len(view.matching(phrase)) for view in views)
    if one == two:
        noun = str(phrase) if one == 1 else phrase.plural
        return f"Both pictures have {one} {noun}."
    return f"Picture {1 if one > two else 2} has more {phrase.plural}: {max(one, two)} against {min(one, two)}."


def _which(views: Sequence[View], phrase: Phrase) -> str:
    one, two = (bool(view.matching(phrase)) for view in views)
    who = "Both pictures have" if one and two else "Picture 1 has" if one else "Picture 2 has"
    return f"{who} {a(str(phrase))}." if one or two else f"Neither picture has {a(str(phrase))}."


ABILITIES: tuple[tuple[Callable[[View, np.random.Generator], list[Turn]], float], ...] = (
    (describe, 1.0),
    (count, 3.5),
    (color_of, 1.5),
    (kind_of, 1.0),
    (where, 3.0),
    (relation, 3.0),
    (yes_no, 2.5),
    (detect, 3.5),
    (find, 4.5),
    (point, 3.5),
    (in_box, 0.6),
)
_WEIGHTS = np.array([weight for _, weight in ABILITIES]) / sum(weight for _, weight in ABILITIES)

DESCRIBE = (
    *("Describe the picture.", "Describe this image.", "What do you see?", "What is in this picture?"),
    *("what is in the image?", "Describe the image in one sentence.", "What does the picture show?", "describe"),
    *("Please describe what you see.", "What can you see in this picture?", "What's in the picture?"),
)
COUNT = (
    *("How many {} are there?", "How many {} are in the picture?", "how many {}", "Count the {}."),
    *("How many {} do you see?", "What is the number of {}?", "How many {} can you see in this image?"),
)
COLOR_OF = (
    *("What color is the {}?", "What colour is the {}?", "Which color does the {} have?", "what color is the {}"),
    *("What is the color of the {}?", "Tell me the colour of the {}."),
)
KIND_OF = ("What shape is {}?", "What is the {} shape?", "Which shape is {}?", "what kind of shape is {}?")
WHERE = ("Where is the {}?", "where is the {}", "In which part of the picture is the {}?", "Where can I see the {}?")
YES_NO = ("Is there {}?", "Is there {} in the picture?", "Do you see {}?", "is there {}", "Can you see {}?")
DETECT_ALL = (
    *("Locate every shape in the image and output the bounding boxes in JSON format.", "Locate everything."),
    *("Locate all shapes.", "Find all shapes and give their boxes.", "Detect all objects.", "Locate every shape."),
)
FIND = ("Locate the {}.", "Locate {}", "Find the {} and give its box.", "Give the bounding box of the {}.")
IN_BOX = (
    ("What is this?", "This is {shape}."),
    ("What is here?", "This is {shape}."),
    ("What do you see?", "This is {shape}."),
    ("What color is this?", "This is {color}."),
    ("What shape is this?", "This is {kind}."),
)


def about_scenes(scenes: Sequence[Scene], grid_hw: tuple[int, int], rng: np.random.Generator, turns: int) -> list[Turn]:
    """A conversation of about `turns` turns; off-topic remarks are mixed in."""
    cells = grid_hw[0] * grid_hw[1]
    views = [View.of(scene, grid_hw, index * cells) for index, scene in enumerate(scenes)]
    said: list[Turn] = []
    while len(said) < turns:
        if rng.random() < 0.04:
            said.append(Turn(*offtopic.remark(rng, with_picture=True), "off_topic"))
        elif len(views) > 1:
            said += compare(views, rng)
        else:
            ability = ABILITIES[int(rng.choice(len(ABILITIES), p=_WEIGHTS))][0]
            said += ability(views[0], rng)
    return said


def without_pictures(rng: np.random.Generator, turns: int) -> list[Turn]:
    return [Turn(*offtopic.remark(rng, with_picture=False), "off_topic") for _ in range(turns)]
