"""Boxes in time become things that move."""

from __future__ import annotations

import pytest

from app.tracks import tracks_of
from model.types import TimeEvent


def seen(label: str, time_s: float, x: float, y: float = 0.0) -> TimeEvent:
    """A square of ten pixels."""
    return TimeEvent(label, time_s, time_s, (x, y, x + 10, y + 10))


def test_boxes_of_one_label_are_one_thing() -> None:
    events = [seen("car", 2.0, 40), seen("car", 1.0, 20), TimeEvent("honk", 1.5, 1.6), seen("dog", 1.0, 90)]
    car, dog = tracks_of(events)
    assert (car.label, car.start_s, car.end_s) == ("car", 1.0, 2.0)
    assert car.boxes == ((1.0, (20, 0, 30, 10)), (2.0, (40, 0, 50, 10)))
    assert car.events == (events[1], events[0])
    assert (dog.label, dog.start_s, dog.end_s) == ("dog", 1.0, 1.0)


def test_two_of_a_kind_go_on_with_the_nearest() -> None:
    events = [seen("car", time_s, x) for time_s in (1.0, 2.0, 3.0) for x in (10 * time_s, 200 - 10 * time_s)]
    events[2:4] = reversed(events[2:4])
    left, right = tracks_of(events)
    assert [xyxy[0] for _, xyxy in left.boxes] == [10, 20, 30]
    assert [xyxy[0] for _, xyxy in right.boxes] == [190, 180, 170]


def test_what_was_away_for_long_is_seen_anew() -> None:
    first, second = tracks_of([seen("car", time_s, 0) for time_s in (1.0, 2.0, 4.0, 5.0, 20.0, 21.0)])
    assert (first.start_s, first.end_s) == (1.0, 5.0), "two seconds are a frame in which it was missed"
    assert (second.start_s, second.end_s) == (20.0, 21.0)


def test_between_two_boxes_it_moves_on_the_straight_line() -> None:
    (car,) = tracks_of([seen("car", 1.0, 20), seen("car", 2.0, 40, 8)])
    assert car.box_at(1.0) == (20, 0, 30, 10)
    assert car.box_at(1.25) == pytest.approx((25, 2, 35, 12))
    assert car.box_at(2.0) == (40, 8, 50, 18)
    assert car.box_at(0.9) is None
    assert car.box_at(2.1) is None


def test_a_box_that_lasts_is_there_until_its_end() -> None:
    (sign,) = tracks_of([TimeEvent("sign", 1.0, 3.0, (0, 0, 5, 5))])
    assert sign.end_s == 3.0
    assert sign.box_at(2.5) == (0, 0, 5, 5)
    assert sign.box_at(3.5) is None


def test_without_boxes_there_are_no_tracks() -> None:
    assert tracks_of([]) == tracks_of([TimeEvent("honk", 1.0, 2.0)]) == ()
