"""Conversations about footage: every answer says what the clip has, in words that the program reads as events."""

from __future__ import annotations

import re

import numpy as np
import pytest

from model.catalog import FAMILIES
from model.parsing import parse_answer
from model.types import TimeEvent
from tests.training.test_footage import footage_of
from training import watching
from training.checkpoint import load_tokenizer
from training.footage import Footage
from training.packing import Packer

SEEDS = range(12)


def events_of(text: str, piece: Footage) -> tuple[TimeEvent, ...]:
    return parse_answer(text, FAMILIES["Qwen3-VL"].convention, duration_s=piece.clip.duration_s).events


@pytest.mark.parametrize("seed", SEEDS)
def test_every_time_in_an_answer_stands_in_the_prompt(seed: int) -> None:
    piece = footage_of(seed)
    written = {f"{time_s:.1f}" for time_s in piece.pairs_s}
    for turn in watching.about_footage(piece, np.random.default_rng(seed), 30):
        told = re.findall(r"(?:00:)?(\d+\.\d)0?\b", turn.answer)
        assert {f"{float(time):.1f}" for time in told} <= written
        assert all(0 <= cell < 12 * piece.cells for _, cells in turn.said for cell in cells or ())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_json_of_events_is_read_as_what_happens(seed: int) -> None:
    piece = footage_of(seed)
    (turn,) = watching.events(piece, np.random.default_rng(seed))
    told = [
        (f"{one.words}.", piece.pairs_s[one.first.pair], piece.pairs_s[one.last.pair])
        for one in watching.happenings(piece)
    ]
    events = [(event.label, event.start_s, event.end_s) for event in events_of(turn.answer, piece)]
    assert sorted(events) == sorted(told)


@pytest.mark.parametrize("seed", SEEDS)
def test_sentences_about_one_thing_are_read_as_its_times(seed: int) -> None:
    piece = footage_of(seed)
    for thing in watching.things(piece):
        (event,) = events_of("".join(text for text, _ in watching.is_visible(piece, thing)), piece)
        assert event.label == f"The {thing.name} is visible"
        assert (event.start_s, event.end_s) == tuple(piece.pairs_s[thing.seen[place].pair] for place in (0, -1))
        if thing.seen[0].pair > 0:
            (appears,) = events_of("".join(text for text, _ in watching.appears(piece, thing)), piece)
            assert appears.start_s == appears.end_s == event.start_s


@pytest.mark.parametrize("seed", SEEDS)
def test_a_name_fits_one_shape_only(seed: int) -> None:
    piece = footage_of(seed)
    for thing in watching.things(piece):
        fitting = [
            actor
            for actor, seen in piece.seen.items()
            if any(thing.name in (sight.name, actor.kind, f"{sight.name.split()[0]} shape") for sight in seen)
        ]
        assert fitting == [thing.actor]


def test_digits_of_times_are_told_and_pairs_are_written_as_the_processor_writes_them() -> None:
    piece = footage_of(2)
    packed = watching.packed(piece, Packer(load_tokenizer()), np.random.default_rng(0), 400)
    text = load_tokenizer().decode(packed.ids)
    for time_s in piece.pairs_s:
        assert f"<{time_s:.1f} seconds><|vision_start|>" in text
    tokens = load_tokenizer().convert_ids_to_tokens(packed.ids)
    told = [token for token, time_s in zip(tokens, packed.times_s, strict=True) if time_s >= 0]
    assert told
    assert set(told) <= set("0123456789.:")
    known = {round(time_s, 1) for time_s in piece.pairs_s}
    assert {round(float(time_s), 1) for time_s in packed.times_s if time_s >= 0} <= known


def test_sights_count_through_several_pieces() -> None:
    pieces = [footage_of(4), footage_of(4)]
    sights = watching.sights(pieces)
    half = len(sights.cells) // 2
    assert len(sights.cells_s) == 2 * 12 * pieces[0].cells
    assert (sights.cells[half:] - sights.cells[:half] == 12 * pieces[0].cells).all()
    assert sights.wanted[:half, 0].sum() == len(pieces[0].seen)
