"""Questions about two pictures, and whole conversations about one or two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training import dialogues, wordings
from training.dialogues import ANY, Phrase, Piece, Turn, View, a, about, amount, cells_matching, random_phrase
from training.scenes import Scene
from training.wordings import pick, typed

ORDINALS = ("first", "second")
LATE = 0.3
"""Share of conversations about two pictures in which the second one comes later."""


def compare(views: Sequence[View], rng: np.random.Generator) -> list[Turn]:
    """A question that takes both pictures to answer."""
    index, form = int(rng.integers(2)), int(rng.integers(6))
    if form == 4:
        return [_each(views, ANY, typed(rng, pick(rng, wordings.COMPARE_ALL)))]
    general = form in (0, 3, 5) and rng.random() < 0.45
    phrase = ANY if general else random_phrase(views[index], rng, 0.8 if form == 2 else 0.7)
    cells = cells_matching(views, phrase)
    if form == 3:
        return [_each(views, phrase, typed(rng, pick(rng, wordings.EACH).format(phrase.plural)))]
    if form == 5:
        question = typed(rng, pick(rng, wordings.TOGETHER).format(phrase.plural))
        return [about(question, amount(len(cells), phrase), "compare", cells, phrase.plural)]
    if form == 0:
        word = "fewer" if rng.random() < 0.25 else "more"
        question = typed(rng, f"Which picture has {word} {phrase.plural}?")
        return [Turn(question, _more(views, phrase, word), "compare", ((phrase.plural, cells),))]
    if form == 1:
        question, answer = f"Which picture has {a(str(phrase))}?", _which(views, phrase)
    else:
        word = "Yes" if all(view.matching(phrase) for view in views) else "No"
        question, answer = f"Do both pictures have {a(str(phrase))}?", f"{word}. {_which(views, phrase)}"
    return [about(typed(rng, question), answer, "compare", cells, str(phrase))]


def _each(views: Sequence[View], phrase: Phrase, question: str) -> Turn:
    """ "Picture 1 has 3 circles. Picture 2 has no circles." """
    pieces: list[Piece] = []
    for number, view in enumerate(views, 1):
        cells = view.cells_matching(phrase)
        has = f"1 {phrase}" if len(cells) == 1 else f"{len(cells) or 'no'} {phrase.plural}"
        pieces.append((f"{' ' if pieces else ''}Picture {number} has {has}.", cells))
    return Turn(question, tuple(pieces), "compare")


def _more(views: Sequence[View], phrase: Phrase, word: str) -> tuple[Piece, ...]:
    one, two = (view.cells_matching(phrase) for view in views)
    if len(one) == len(two):
        noun = str(phrase) if len(one) == 1 else phrase.plural
        return ((f"Both pictures have {len(one) or 'no'} {noun}.", (*one, *two)),)
    first = (len(one) > len(two)) == (word == "more")
    winner, other = (one, two) if first else (two, one)
    return (
        (f"Picture {1 if first else 2} has {word} {phrase.plural}", (*one, *two)),
        (f": {len(winner)}", winner),
        (f" against {len(other)}.", other),
    )


def _which(views: Sequence[View], phrase: Phrase) -> str:
    one, two = (bool(view.matching(phrase)) for view in views)
    who = "Both pictures have" if one and two else "Picture 1 has" if one else "Picture 2 has"
    return f"{who} {a(str(phrase))}." if one or two else f"Neither picture has {a(str(phrase))}."


def difference(views: Sequence[View], rng: np.random.Generator) -> list[Turn]:
    """Whether the pictures are the same; two of the same names in other places are not asked about."""
    alike = views[0].scene is views[1].scene
    names = [sorted(shape.name for shape in view.shapes) for view in views]
    if names[0] == names[1] and not alike:
        return []
    same = rng.random() < 0.5
    question = typed(rng, pick(rng, wordings.SAME if same else wordings.DIFFERENT))
    cells = cells_matching(views, ANY)
    if alike:
        answer = "Yes, both pictures are the same." if same else "There is no difference."
        return [about(question, answer, "difference", cells)]
    if len(names[0]) == len(names[1]):
        noun = "shape" if len(names[0]) == 1 else "shapes"
        said: tuple[Piece, ...] = ((f"Both pictures have {len(names[0])} {noun}, but not the same ones.", cells),)
    else:
        said = _each(views, ANY, question).said
    return [Turn(question, (("No. ", cells), *said) if same else said, "difference")]


def about_one_of_two(views: Sequence[View], rng: np.random.Generator, index: int | None = None) -> list[Turn]:
    """A question about one of two pictures, which it names; about that one, if `index` is given."""
    index = int(rng.integers(2)) if index is None else index
    view = views[index]
    form = int(rng.integers(4))
    picture, within = (
        (name := pick(rng, names)).format(index + 1 if name.endswith("{}") else ORDINALS[index])
        for names in wordings.ONE_OF_TWO
    )
    if form == 0:
        options = (f"Describe {picture}.", f"What is {within}?", f"What shapes are {within}?", f"List {picture}.")
        turns = dialogues.describe(view, rng, options)
    elif form == 1:
        turns = dialogues.where(view, rng, (f"Where is the {{}} {within}?",))
    elif form == 2:
        turns = dialogues.yes_no(view, rng, (f"Is there {{}} {within}?", f"Does {picture} have {{}}?"))
    else:
        phrase = ANY if rng.random() < 0.45 else random_phrase(view, rng)
        question = pick(rng, ("How many {} are there {}?", "How many {} are {}?", "Count the {} {}.", "How many {} {}"))
        question, cells = question.format(phrase.plural, within), view.cells_matching(phrase)
        turns = [about(typed(rng, question), amount(len(cells), phrase), "", cells, phrase.plural)]
    return [_named_late(replace(turn, ability="one_of_two"), within) for turn in turns]


def _named_late(turn: Turn, within: str) -> Turn:
    """Before "in picture 2" is read, nobody knows which circle is meant."""
    cells = turn.named[0][1] if turn.named else ()
    return replace(turn, named=((within, cells),)) if turn.named and within in turn.question.lower() else turn


def _about_two(views: Sequence[View], rng: np.random.Generator) -> list[Turn]:
    form = rng.random()
    return (compare if form < 0.55 else about_one_of_two if form < 0.88 else difference)(views, rng)


def about_scenes(scenes: Sequence[Scene], grid_hw: tuple[int, int], rng: np.random.Generator, turns: int) -> list[Turn]:
    """A conversation of about `turns` turns; off-topic remarks are mixed in. A second picture may come later."""
    cells = grid_hw[0] * grid_hw[1]
    views = [View.of(scene, grid_hw, index * cells) for index, scene in enumerate(scenes)]
    late = len(views) == 2 and rng.random() < LATE
    before = int(rng.integers(1, 4)) if late else turns
    said: list[Turn] = []
    while len(said) < before:
        asked = dialogues.about_one(views[0], rng) if late or len(views) == 1 else _about_two(views, rng)
        said += dialogues.mixed(asked, rng)
    said[0] = replace(said[0], pictures=1 if late else len(views))
    shown = len(said)
    while len(said) < turns:
        said += dialogues.mixed(_about_two(views, rng), rng)
    if late:
        said[shown] = replace(said[shown], pictures=1)
    return said
