"""Conversations about drawn scenes: what a person may ask, and the exact answer.

Knows scenes and words; nothing about tokens or networks. The wording of the grounding tasks is the wording of
`model.prompts`, so that the model is trained on what the program sends; `wordings` holds how people put it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat

import numpy as np

from model.prompts import task_prompt
from training import offtopic, records, wordings
from training.scenes import COLOR_NAMES, KINDS, Scene, Shape
from training.wordings import pick, typed

ZONES = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the middle", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
CUT = 0.03
"""Share of answers that were stopped before their end, as a person's Stop leaves them; these are not learnt."""
_CLEAR = 0.06

Cells = tuple[int, ...]
"""Visual tokens, counted through the conversation's pictures."""
Piece = tuple[str, Cells | None]
"""Words, and the visual tokens of what they speak about; None: no place is told."""


class Spelled(str):
    """Words of a piece that are written letter by letter, as they are read from a picture.

    So small a model copies letters far more easily than it chooses among the tokens that a word can be cut into.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, its answer in pieces, and which ability it needs.

    `named` are the phrases in the question that speak about something, in their order. Before the question `pictures`
    new ones are shown. Answers that are not `learnt` are only remembered.
    """

    question: str
    said: tuple[Piece, ...]
    ability: str
    named: tuple[Piece, ...] = ()
    pictures: int = 0
    learnt: bool = True

    @property
    def answer(self) -> str:
        return "".join(text for text, _ in self.said)


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

    def matching(self, phrase: Phrase) -> list[Shape]:
        return [shape for shape in self.shapes if phrase.fits(shape)]

    def cells_matching(self, phrase: Phrase) -> tuple[int, ...]:
        return self.cells_of(self.matching(phrase))


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


def zone(shape: Shape, size_wh: tuple[int, int]) -> str:
    """Where the centre of a shape's box lies on a grid of three by three."""
    (cx, cy), (width, height) = shape.center_xy, size_wh
    return ZONES[min(2, int(cy / height * 3))][min(2, int(cx / width * 3))]


def amount(count: int, phrase: Phrase) -> str:
    """ "There are 2 red circles." """
    if count == 0:
        return f"There are no {phrase.plural}."
    return f"There is 1 {phrase}." if count == 1 else f"There are {count} {phrase.plural}."


def absent(phrase: object) -> str:
    return f"There is no {phrase} in the image."


def boxes_json(view: View, shapes: Sequence[Shape]) -> tuple[Piece, ...]:
    return _json(view, shapes, "bbox_2d", slice(0, 4))


def points_json(view: View, shapes: Sequence[Shape]) -> tuple[Piece, ...]:
    return _json(view, shapes, "point_2d", slice(4, 6))


def _json(view: View, shapes: Sequence[Shape], key: str, numbers: slice) -> tuple[Piece, ...]:
    """Objects with their numbers; an object's piece ends before what tells whether another one follows."""
    pieces: list[Piece] = []
    for shape, before in zip(shapes, chain(["```json\n[\n\t{"], repeat('"},\n\t{')), strict=False):
        row = [int(n) for n in records.coordinates(shape, view.scene.size_wh)[numbers]]
        pieces.append((f'{before}"{key}": {row}, "label": "{shape.name}', view.cells_of([shape])))
    return (*pieces, ('"}\n]\n```', ()))


def random_phrase(view: View, rng: np.random.Generator, present: float = 0.7) -> Phrase:
    """A phrase that fits a shape of the picture (mostly), or one that misses by colour, kind or both."""
    color, kind = pick(rng, COLOR_NAMES), pick(rng, KINDS)
    if view.shapes:
        shape = view.shapes[int(rng.integers(len(view.shapes)))]
        other = int(rng.integers(3)) if rng.random() > present else -1
        color = color if other in (1, 2) else shape.color
        kind = kind if other in (0, 2) else shape.kind
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


def about(question: str, answer: str, ability: str, cells: tuple[int, ...], named: str = "") -> Turn:
    """A turn that is about the same things from its first to its last word."""
    return Turn(question, ((answer, cells),), ability, ((named, cells),) if named else ())


def describe(view: View, rng: np.random.Generator, forms: Sequence[str] = wordings.DESCRIBE) -> list[Turn]:
    question = typed(rng, pick(rng, forms))
    if len(view.shapes) == 0:
        return [about(question, amount(0, ANY), "describe", ())]
    shapes = len(view.shapes)
    pieces: list[Piece] = [(f"There {'is 1 shape' if shapes == 1 else f'are {shapes} shapes'}:", view.cells)]
    for index, shape in enumerate(view.shapes):
        joint = "" if index == 0 else " and" if index == shapes - 1 else ","
        text = f"{joint} {a(shape.name)} {zone(shape, view.scene.size_wh)}"
        pieces.append((text, view.cells_of([shape])))
    return [Turn(question, (*pieces, (".", ())), "describe")]


def count(view: View, rng: np.random.Generator, forms: Sequence[str] = wordings.COUNT) -> list[Turn]:
    phrase = ANY if rng.random() < 0.4 else random_phrase(view, rng)
    turns = [_amount(typed(rng, pick(rng, forms).format(phrase.plural)), [view], phrase, "count")]
    if rng.random() < 0.3:
        more = random_phrase(view, rng)
        question = typed(rng, pick(rng, wordings.COUNT_MORE).format(more.plural))
        turns.append(_amount(question, [view], more, "count"))
    return turns


def _amount(question: str, views: Sequence[View], phrase: Phrase, ability: str) -> Turn:
    cells = cells_matching(views, phrase)
    return about(question, amount(len(cells), phrase), ability, cells, phrase.plural)


def cells_matching(views: Iterable[View], phrase: Phrase) -> tuple[int, ...]:
    """The visual tokens of all shapes that fit a phrase."""
    return tuple(cell for view in views for cell in view.cells_matching(phrase))


def colors(view: View, rng: np.random.Generator) -> list[Turn]:
    """Every colour once, in the order of the shapes."""
    question = typed(rng, pick(rng, wordings.COLORS_OF_ALL))
    names = list(dict.fromkeys(shape.color for shape in view.shapes))
    if len(names) < 2:
        answer = f"There is only {names[0]}." if names else amount(0, ANY)
        return [about(question, answer, "colors", view.cells)]
    pieces: list[Piece] = [("There are", view.cells)]
    for index, name in enumerate(names):
        joint = "" if index == 0 else " and" if index == len(names) - 1 else ","
        pieces.append((f"{joint} {name}", view.cells_matching(Phrase(name, None))))
    return [Turn(question, (*pieces, (".", ())), "colors")]


def color_of(view: View, rng: np.random.Generator, forms: Sequence[str] = wordings.COLOR_OF) -> list[Turn]:
    phrase = _unique_kind(view, rng)
    if phrase is None:
        return []
    shape = view.matching(phrase)[0]
    question = typed(rng, pick(rng, forms).format(shape.kind))
    turn = about(question, f"The {shape.kind} is {shape.color}.", "color", view.cells_of([shape]), shape.kind)
    return [turn, *_where_is_it(view, shape, rng)]


def kind_of(view: View, rng: np.random.Generator, forms: Sequence[str] = wordings.KIND_OF) -> list[Turn]:
    names = [shape.color for shape in view.shapes]
    single = [shape for shape in view.shapes if names.count(shape.color) == 1]
    if not single:
        return []
    shape = single[int(rng.integers(len(single)))]
    question = typed(rng, pick(rng, forms).format(shape.color))
    answer = f"The {shape.color} shape is {a(shape.kind)}."
    turn = about(question, answer, "kind", view.cells_of([shape]), shape.color)
    return [turn, *_where_is_it(view, shape, rng)]


def where(view: View, rng: np.random.Generator, forms: Sequence[str] = wordings.WHERE) -> list[Turn]:
    phrase = unique_phrase(view, rng) if rng.random() < 0.85 else Phrase(pick(rng, COLOR_NAMES), pick(rng, KINDS))
    if phrase is None or len(view.matching(phrase)) > 1:
        return []
    question = typed(rng, pick(rng, forms).format(phrase))
    found = view.matching(phrase)
    if not found:
        return [about(question, absent(phrase), "where", (), str(phrase))]
    answer = f"The {phrase} is {zone(found[0], view.scene.size_wh)}."
    return [about(question, answer, "where", view.cells_of(found), str(phrase))]


def relation(view: View, rng: np.random.Generator) -> list[Turn]:
    """How two shapes lie to each other: asked openly, as a choice between the two, or as yes or no.

    The comparison is written out before what follows from it: so small a model cannot do both in one word.
    """
    first, second = unique_phrase(view, rng), unique_phrase(view, rng)
    if first is None or second is None or view.matching(first) == view.matching(second):
        return []
    cells = view.cells_matching(first), view.cells_matching(second)
    form = rng.random()
    axis, gap = _gap(view, first, second, rng, clearest=form < 0.25)
    if abs(gap) < _CLEAR:
        return []
    near, far = (("to the left of", "to the right of"), ("above", "below"))[axis]
    truth = near if gap < 0 else far
    end: Piece = (".", ())
    if form < 0.25:
        question = pick(rng, wordings.RELATIVE).format(first, second)
    elif form < 0.45:
        superlative = pick(rng, (("further left", "further right"), ("higher", "lower"))[axis])
        wins = (gap < 0) == (superlative in ("further left", "higher"))
        question = pick(rng, wordings.WHICH).format(superlative, first, second)
        end = f", so the {first if wins else second} is {superlative}.", cells[0 if wins else 1]
    else:
        asked = pick(rng, (near, far))
        question = pick(rng, wordings.RELATION).format(first, pick(rng, wordings.SIDES[asked]), second)
        end = f", so {'yes' if asked == truth else 'no'}.", (*cells[0], *cells[1])
    said = (f"The {first} is", cells[0]), (f" {truth}", (*cells[0], *cells[1])), (f" the {second}", cells[1]), end
    return [Turn(typed(rng, question), said, "relation", ((str(first), cells[0]), (str(second), cells[1])))]


def _gap(view: View, first: Phrase, second: Phrase, rng: np.random.Generator, clearest: bool) -> tuple[int, float]:
    """How far apart two shapes lie across (axis 0) or down (1), as a share of the picture; 0 where it is not clear."""
    one, two = view.matching(first)[0].center_xy, view.matching(second)[0].center_xy
    gaps = [(a - b) / side for a, b, side in zip(one, two, view.scene.size_wh, strict=True)]
    axis = int(abs(gaps[1]) > abs(gaps[0])) if clearest else int(rng.integers(2))
    unclear = clearest and abs(gaps[axis]) - abs(gaps[1 - axis]) <= _CLEAR
    return axis, 0.0 if unclear else gaps[axis]


def yes_no(view: View, rng: np.random.Generator, forms: Sequence[str] = wordings.YES_NO) -> list[Turn]:
    phrase = random_phrase(view, rng, present=0.4)
    many = forms is wordings.YES_NO and rng.random() < 0.3
    form = pick(rng, wordings.YES_NO_MANY if many else forms)
    question = typed(rng, form.format(phrase.plural if many else a(str(phrase))))
    cells = view.cells_matching(phrase)
    found = f"there is {a(str(phrase))}" if len(cells) == 1 else f"there are {len(cells)} {phrase.plural}"
    answer = f"Yes, {found}." if cells else f"No, there is no {phrase}."
    return [about(question, answer, "yes_no", cells, phrase.plural if many else str(phrase))]


def detect(view: View, rng: np.random.Generator) -> list[Turn]:
    if rng.random() < 0.5:
        question = task_prompt(offtopic.FAMILY, "detect", "")
        question = question if rng.random() < 0.5 else typed(rng, pick(rng, wordings.DETECT_ALL))
        answer = boxes_json(view, view.shapes) if view.shapes else ((absent(ANY), ()),)
        return [Turn(question, answer, "detect")]
    phrases = [random_phrase(view, rng, 0.65) for _ in range(int(rng.integers(1, 4)))]
    phrases = list(dict.fromkeys(phrases))
    found = [shape for shape in view.shapes if any(phrase.fits(shape) for phrase in phrases)]
    words = [phrase.plural if rng.random() < 0.3 else str(phrase) for phrase in phrases]
    named = tuple((word, view.cells_matching(phrase)) for word, phrase in zip(words, phrases, strict=True))
    missing = absent(" or ".join(str(phrase) for phrase in phrases))
    answer = boxes_json(view, found) if found else ((missing, ()),)
    return [Turn(task_prompt(offtopic.FAMILY, "detect", ", ".join(words)), answer, "detect", named)]


def find(view: View, rng: np.random.Generator, phrase: Phrase | None = None) -> list[Turn]:
    phrase = phrase or random_phrase(view, rng, 0.8)
    found, form = view.matching(phrase), rng.random()
    word = phrase.plural if form > 0.8 else str(phrase)
    question = task_prompt(offtopic.FAMILY, "find", word)
    if form > 0.6:
        question = typed(rng, pick(rng, wordings.FIND_MANY if form > 0.8 else wordings.FIND).format(word))
    answer = boxes_json(view, found) if found else ((absent(phrase), ()),)
    turns = [Turn(question, answer, "find", ((word, view.cells_of(found)),))]
    if len(found) == 1:
        turns += _where_is_it(view, found[0], rng, str(phrase))
    return turns


def point(view: View, rng: np.random.Generator) -> list[Turn]:
    phrase = random_phrase(view, rng, 0.8) if rng.random() < 0.8 else ANY
    found = view.matching(phrase)
    word = phrase.plural if rng.random() < 0.3 else str(phrase)
    question = task_prompt(offtopic.FAMILY, "point" if rng.random() < 0.5 else "count", word)
    if rng.random() < 0.2:
        question = typed(rng, pick(rng, wordings.POINT).format(word))
    answer = points_json(view, found) if found else ((absent(phrase), ()),)
    return [Turn(question, answer, "point", ((word, view.cells_of(found)),))]


def in_box(view: View, rng: np.random.Generator) -> list[Turn]:
    if not view.shapes:
        return []
    shape = view.shapes[int(rng.integers(len(view.shapes)))]
    exact = records.coordinates(shape, view.scene.size_wh)[:4]
    box = np.clip(exact + rng.integers(-25, 26, size=4), 0, 999)
    question, answer = IN_BOX[int(rng.integers(len(IN_BOX)))]
    numbers = ", ".join(str(int(n)) for n in box)
    filled = answer.format(shape=a(shape.name), kind=a(shape.kind), color=shape.color)
    question = f"{typed(rng, question)} (in the box [{numbers}])"
    return [about(question, filled, "in_box", view.cells_of([shape]), numbers)]


def _unique_kind(view: View, rng: np.random.Generator) -> Phrase | None:
    kinds = [shape.kind for shape in view.shapes]
    single = [kind for kind in KINDS if kinds.count(kind) == 1]
    return Phrase(None, pick(rng, single)) if single else None


def _where_is_it(view: View, shape: Shape, rng: np.random.Generator, name: str = "") -> list[Turn]:
    """A follow-up that only makes sense after the question before it."""
    if rng.random() > 0.3:
        return []
    cells = view.cells_of([shape])
    if name and rng.random() < 0.4:
        return [about(typed(rng, pick(rng, wordings.COLOR_IT)), f"It is {shape.color}.", "follow_up", cells)]
    place = zone(shape, view.scene.size_wh)
    return [about(typed(rng, pick(rng, wordings.WHERE_IT)), f"It is {place}.", "follow_up", cells)]


ABILITIES: tuple[tuple[Callable[[View, np.random.Generator], list[Turn]], float], ...] = (
    (describe, 1.2),
    (count, 3.5),
    (colors, 0.7),
    (color_of, 1.5),
    (kind_of, 1.0),
    (where, 3.0),
    (relation, 8.0),
    (yes_no, 2.5),
    (detect, 3.5),
    (find, 4.5),
    (point, 3.5),
    (in_box, 0.6),
)
_WEIGHTS = np.array([weight for _, weight in ABILITIES]) / sum(weight for _, weight in ABILITIES)

IN_BOX = (
    ("What is this?", "This is {shape}."),
    ("What is here?", "This is {shape}."),
    ("What do you see?", "This is {shape}."),
    ("What color is this?", "This is {color}."),
    ("What shape is this?", "This is {kind}."),
)


def about_one(view: View, rng: np.random.Generator) -> list[Turn]:
    """A question about the only picture, of a random ability, with what may follow it."""
    return ABILITIES[int(rng.choice(len(ABILITIES), p=_WEIGHTS))][0](view, rng)


def mixed(turns: list[Turn], rng: np.random.Generator, with_picture: bool = True) -> list[Turn]:
    """The turns, or now and then a remark that has nothing to do with them; a few answers cut short."""
    if rng.random() < 0.05:
        return [aside(rng, with_picture)]
    if not turns or rng.random() > CUT:
        return turns
    cut = turns[-1].answer[: int(rng.integers(len(turns[-1].answer)))]
    return [*turns[:-1], replace(turns[-1], said=((cut, None),), named=(), learnt=False)]


def aside(rng: np.random.Generator, with_picture: bool) -> Turn:
    question, answer = offtopic.remark(rng, with_picture)
    return Turn(question, ((answer, None),), "off_topic")


def without_pictures(rng: np.random.Generator, turns: int) -> list[Turn]:
    return [aside(rng, with_picture=False) for _ in range(turns)]
