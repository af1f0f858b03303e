"""Corrections survive another reading of the answer: in order, by their words, rounded as they travel."""

from __future__ import annotations

from dataclasses import replace

from app.ground_corrections import read_anew
from model.types import Action, Box

BEFORE = tuple(Box(label, (n / 3, n, n + 10, n + 10), span=(n, n + 5)) for n, label in enumerate("abc"))
AFTER = tuple(replace(box, xyxy=(0.0, 0.0, 1.0, 1.0)) for box in BEFORE)


def test_what_was_left_alone_is_read_anew() -> None:
    rounded = [replace(box, xyxy=(round(box.xyxy[0], 2), *box.xyxy[1:])) for box in BEFORE]
    assert read_anew(rounded, BEFORE, AFTER) == (AFTER, 0)


def test_what_was_changed_removed_or_drawn_stays_and_keeps_its_place() -> None:
    moved = replace(BEFORE[0], xyxy=(7.0, 7.0, 8.0, 8.0))
    renamed = replace(BEFORE[1], label="other")
    drawn = Box("mine", (1.0, 2.0, 3.0, 4.0))
    assert read_anew([moved, BEFORE[1], BEFORE[2], drawn], BEFORE, AFTER) == ((moved, *AFTER[1:], drawn), 1)
    assert read_anew([BEFORE[0], renamed, BEFORE[2]], BEFORE, AFTER) == ((AFTER[0], renamed, AFTER[2]), 1)
    assert read_anew(BEFORE[1:], BEFORE, AFTER) == (AFTER[1:], 1)
    assert read_anew([], BEFORE, AFTER) == ((), 3)


def test_several_results_of_the_same_words_are_told_apart() -> None:
    before = [replace(box, label="apple", span=(0, 9)) for box in BEFORE]
    after = [replace(box, label="apple", span=(0, 9), xyxy=(n, n, n, n)) for n, box in enumerate(BEFORE)]
    assert read_anew([before[0], before[2]], before, after) == ((after[0], after[2]), 1)


def test_equal_results_are_each_read_once() -> None:
    assert read_anew([BEFORE[0]] * 2, [BEFORE[0]] * 2, [AFTER[0]] * 2) == ((AFTER[0],) * 2, 0)


def test_a_repetition_that_only_one_reading_sees_is_folded_there() -> None:
    assert read_anew(BEFORE, BEFORE, AFTER[:1]) == (AFTER[:1], 0)
    assert read_anew(BEFORE[:1], BEFORE[:1], AFTER) == (AFTER, 0)


def test_actions_too() -> None:
    click = Action("tap", {"action": "click"}, (1.0, 2.0), span=(0, 4))
    again = replace(click, xy=(5.0, 6.0))
    renamed = replace(click, arguments={"action": "press"})
    assert read_anew([click], [click], [again]) == ((again,), 0)
    assert read_anew([renamed], [click], [again]) == ((renamed,), 1)
