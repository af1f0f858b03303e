"""Conversations about drawn clips: what a person may ask about time, and the exact answer.

Knows footage and words; nothing about networks. Every time in an answer is one that the prompt writes before
a pair of frames, and the answer's piece points at the visual token in which it can be seen there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from model.prompts import video_prompt
from training import offtopic, wordings
from training.clips import Actor
from training.dialogues import Piece, Turn, a, mixed
from training.footage import Footage, Seen
from training.language import Sights
from training.packing import Packed, Packer
from training.scenes import COLOR_NAMES, KINDS
from training.wordings import pick, typed

FOLLOW_UP = 0.25
"""Share of questions after which one says "it"."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A shape of some footage under a name that fits no other one."""

    name: str
    actor: Actor
    seen: tuple[Seen, ...]

    @property
    def cells(self) -> tuple[int, ...]:
        return tuple(sight.cell for sight in self.seen)

    @property
    def turned(self) -> Seen | None:
        """Where it is first seen in its second colour."""
        return next((sight for sight in self.seen if sight.name != self.seen[0].name), None)

    @property
    def moving(self) -> tuple[Seen, ...]:
        return tuple(sight for sight in self.seen if sight.is_moving)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that footage shows, from one sight to another one; a moment where these are one."""

    words: str
    first: Seen
    last: Seen


def things(footage: Footage) -> list[Thing]:
    """Everything that can be asked about, by every name that is clear."""
    found = []
    for actor, seen in footage.seen.items():
        names = list(dict.fromkeys(sight.name for sight in seen))
        kinds = [one.kind for one in footage.seen]
        if kinds.count(actor.kind) == 1:
            found.append(Thing(actor.kind, actor, seen))
        if len(names) > 1:
            continue
        found += [Thing(names[0], actor, seen)] * 2
        color = names[0].split()[0]
        if sum(color in (sight.name.split()[0] for sight in other) for other in footage.seen.values()) == 1:
            found.append(Thing(f"{color} shape", actor, seen))
    return found


def happenings(footage: Footage) -> list[Happening]:
    """What there is to tell, one shape after another in the order of their appearing."""
    told: list[Happening] = []
    for actor, seen in sorted(footage.seen.items(), key=lambda one: (one[1][0].pair, one[1][0].cell)):
        thing = Thing(seen[0].name, actor, seen)
        told.append(Happening(f"The {thing.name} is visible", seen[0], seen[-1]))
        if thing.moving:
            told.append(Happening(f"The {thing.name} moves", thing.moving[0], thing.moving[-1]))
        if thing.turned:
            told.append(Happening(f"The {thing.name} turns {thing.turned.name.split()[0]}", thing.turned, thing.turned))
    return told


def clock(time_s: float) -> str:
    """Minutes, seconds and hundredths, "mm:ss.ff"."""
    hundredths = round(time_s * 100)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def appears(footage: Footage, thing: Thing) -> tuple[Piece, ...]:
    first = thing.seen[0]
    if first.pair == 0:
        return ((f"The {thing.name} is there from the start.", (first.cell,)),)
    return (_at(footage, f"The {thing.name} appears", first),)


def vanishes(footage: Footage, thing: Thing) -> tuple[Piece, ...]:
    last = thing.seen[-1]
    if last.pair == len(footage.pairs_s) - 1:
        return ((f"The {thing.name} stays to the end.", (last.cell,)),)
    return (_at(footage, f"The {thing.name} vanishes", last),)


def is_visible(footage: Footage, thing: Thing) -> tuple[Piece, ...]:
    return _from_to(footage, f"The {thing.name} is visible", thing.seen[0], thing.seen[-1])


def moves(footage: Footage, thing: Thing) -> tuple[Piece, ...]:
    if not thing.moving:
        return ((f"The {thing.name} does not move.", (thing.seen[-1].cell,)),)
    return _from_to(footage, f"The {thing.name} moves", thing.moving[0], thing.moving[-1])


def turns(footage: Footage, thing: Thing) -> tuple[Piece, ...]:
    if not thing.turned:
        return ((f"The {thing.name} keeps its color.", (thing.seen[-1].cell,)),)
    return (_at(footage, f"The {thing.name} turns {thing.turned.name.split()[0]}", thing.turned),)


def _at(footage: Footage, words: str, sight: Seen) -> Piece:
    return f"{words} at {footage.pairs_s[sight.pair]:.1f} seconds.", (sight.cell,)


def _from_to(footage: Footage, words: str, first: Seen, last: Seen) -> tuple[Piece, ...]:
    start_s, end_s = footage.pairs_s[first.pair], footage.pairs_s[last.pair]
    return (f"{words} from {start_s:.1f}", (first.cell,)), (f" to {end_s:.1f} seconds.", (last.cell,))


ABOUT_ONE: dict[str, Callable[[Footage, Thing], tuple[Piece, ...]]] = {
    "appears": appears,
    "vanishes": vanishes,
    "visible": is_visible,
    "moves": moves,
    "turns": turns,
}
_SHARES = (0.22, 0.26, 0.17, 0.12, 0.23)


def when(footage: Footage, rng: np.random.Generator, held_out: bool = False) -> list[Turn]:
    """A question about one thing, often a second one about "it"."""
    what = str(rng.choice(list(ABOUT_ONE), p=_SHARES))
    every = [thing for thing in things(footage) if _is_worth(thing, what)] or things(footage)
    if not every or rng.random() < 0.06:
        return [_never(footage, rng, what)]
    thing = every[int(rng.integers(len(every)))]
    said = ABOUT_ONE[what](footage, thing)
    asked = [Turn(_question(rng, what, thing.name, held_out), said, f"video_{what}", ((thing.name, thing.cells),))]
    if rng.random() < FOLLOW_UP:
        more = str(rng.choice([other for other in ABOUT_ONE if other != what]))
        question = typed(rng, pick(rng, wordings.VIDEO_IT[more]))
        told = tuple(
            (text.replace(f"The {thing.name}", "It", 1), cells) for text, cells in ABOUT_ONE[more](footage, thing)
        )
        asked.append(Turn(question, told, "video_follow_up"))
    return asked


def _is_worth(thing: Thing, what: str) -> bool:
    """Whether there is something to tell; mostly that is what is asked about."""
    return {"moves": bool(thing.moving), "turns": thing.turned is not None}.get(what, True)


def _question(rng: np.random.Generator, what: str, name: str, held_out: bool) -> str:
    if held_out:
        return pick(rng, wordings.VIDEO_HELD_OUT[what]).format(name)
    form = rng.random()
    if form < 0.3:
        query = pick(rng, wordings.VIDEO_QUERIES[what]).format(name)
        return video_prompt(offtopic.FAMILY, "when", query)
    return typed(rng, pick(rng, wordings.VIDEO[what]).format(name))


def _never(footage: Footage, rng: np.random.Generator, what: str) -> Turn:
    there = {sight.name for seen in footage.seen.values() for sight in seen}
    names = [f"{color} {kind}" for color in COLOR_NAMES for kind in KINDS]
    absent = pick(rng, [name for name in names if name not in there])
    said = ((f"There is no {absent} in the video.", ()),)
    return Turn(_question(rng, what, absent, held_out=False), said, f"video_{what}", ((absent, ()),))


def events(footage: Footage, rng: np.random.Generator) -> list[Turn]:
    """Everything that happens, as the JSON that the program asks for; what comes first, for its times depend on it."""
    pieces: list[Piece] = []
    for index, one in enumerate(happenings(footage)):
        start, end = (clock(footage.pairs_s[sight.pair]) for sight in (one.first, one.last))
        before = '"},\n\t{' if index else "```json\n[\n\t{"
        pieces.append((f'{before}"description": "{one.words}.", "start_time": "', (one.first.cell,)))
        pieces.append((f'{start}", "end_time": "', (one.first.cell,)))
        pieces.append((end, (one.last.cell,)))
    question = video_prompt(offtopic.FAMILY, "describe", "")
    if rng.random() < 0.3:
        question = typed(rng, pick(rng, wordings.VIDEO_EVENTS))
    return [Turn(question, (*pieces, ('"}\n]\n```', ())), "video_events")]


def describe(footage: Footage, rng: np.random.Generator) -> list[Turn]:
    """Everything that happens, in sentences."""
    return [Turn(typed(rng, pick(rng, wordings.VIDEO_DESCRIBE)), _told(footage, happenings(footage)), "video_describe")]


def between(footage: Footage, rng: np.random.Generator) -> list[Turn]:
    """What happens in a part of the footage: whatever appears, moves, turns or vanishes there."""
    first_s, last_s = footage.pairs_s[0], footage.pairs_s[-1]
    edges = sorted(rng.uniform(first_s, last_s, size=2))
    start, end = int(edges[0]), int(edges[1]) + 1
    if end - start > (last_s - first_s) * 0.7 + 1:
        return []
    question = typed(rng, pick(rng, wordings.VIDEO_BETWEEN).format(start, end))
    inside = [one for one in _moments(footage) if start <= footage.pairs_s[one.first.pair] <= end]
    said = _told(footage, inside) or (("Nothing changes.", ()),)
    return [Turn(question, said, "video_between")]


def _moments(footage: Footage) -> list[Happening]:
    """Appearing, moving, turning and vanishing, in the order of the starts."""
    told = []
    for seen in footage.seen.values():
        first = seen[0]
        if first.pair > 0:
            told.append(Happening(f"The {first.name} appears", first, first))
        if seen[-1].pair < len(footage.pairs_s) - 1:
            told.append(Happening(f"The {seen[-1].name} vanishes", seen[-1], seen[-1]))
        told += [one for one in happenings(footage) if one.first in seen and not one.words.endswith("is visible")]
    return sorted(told, key=lambda one: (one.first.pair, one.first.cell, one.words))


def _told(footage: Footage, told: Sequence[Happening]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for one in told:
        blank = " " if pieces else ""
        if one.first is one.last:
            pieces.append(_at(footage, f"{blank}{one.words}", one.first))
        else:
            pieces += _from_to(footage, f"{blank}{one.words}", one.first, one.last)
    return tuple(pieces)


def what_is_there(footage: Footage, rng: np.random.Generator) -> list[Turn]:
    """Which shapes the clip has, without times."""
    question = typed(rng, pick(rng, wordings.VIDEO_WHICH))
    actors = sorted(footage.seen.values(), key=lambda seen: (seen[0].pair, seen[0].cell))
    pieces: list[Piece] = [(f"There {'is 1 shape' if len(actors) == 1 else f'are {len(actors)} shapes'}:", None)]
    for index, seen in enumerate(actors):
        joint = "" if index == 0 else " and" if index == len(actors) - 1 else ","
        pieces.append((f"{joint} {a(seen[0].name)}", (seen[0].cell,)))
    return [Turn(question, (*pieces, (".", ())), "video_which")]


_FORMS: tuple[tuple[Callable[[Footage, np.random.Generator], list[Turn]], float], ...] = (
    (when, 6.0),
    (events, 3.6),
    (describe, 0.5),
    (between, 1.2),
    (what_is_there, 0.7),
)
_WEIGHTS = np.array([weight for _, weight in _FORMS]) / sum(weight for _, weight in _FORMS)


def about_footage(footage: Footage, rng: np.random.Generator, count: int) -> list[Turn]:
    """A conversation of about `count` turns; the first brings the footage along, as so many "pictures" as pairs."""
    said: list[Turn] = []
    while len(said) < count:
        said += mixed(_FORMS[int(rng.choice(len(_FORMS), p=_WEIGHTS))][0](footage, rng), rng)
    return [replace(said[0], pictures=len(footage.pairs_s)), *said[1:]]


def packed(footage: Footage, packer: Packer, rng: np.random.Generator, words: int) -> Packed:
    """A conversation of about so many tokens about some footage, behind it."""
    pairs_s = footage.pairs_s
    turns = about_footage(footage, rng, 12)
    longest = len(pairs_s) * (footage.cells + 9) + words
    return packer.pack(turns, [footage.grid_hw] * len(pairs_s), pairs_s=pairs_s, max_length=longest)


def sights(pieces: Sequence[Footage]) -> Sights:
    """What is told of the visual tokens of several pieces of footage."""
    cells_s, cells, wanted = [], [], []
    first = 0
    for piece in pieces:
        cells_s.append(np.repeat(piece.pairs_s, piece.cells))
        for seen in piece.seen.values():
            for before, sight in zip((None, *seen), seen, strict=False):
                cells.append(first + sight.cell)
                turned = before is not None and before.name != sight.name
                wanted.append((before is None, sight.is_moving, turned))
        first += len(piece.pairs_s) * piece.cells
    times_s = torch.from_numpy(np.concatenate(cells_s)).float()
    return Sights(times_s, torch.tensor(cells), torch.tensor(wanted, dtype=torch.float32))
