"""The forms in which models tell times become the same events, bounded by the video."""

from __future__ import annotations

import pytest

from model.catalog import PER_1000
from model.parsing import parse_answer
from model.parsing.events import read_range, seconds
from tests.model.parsing.answers import PICTURE

EVENT = ("opens the door", 62.5, 65.0)

ROWS: dict[str, tuple[str, list[tuple[str, float, float]]]] = {
    "sentence in seconds": ("She opens the door in 62.5 - 65.0 seconds.", [("She opens the door", 62.5, 65)]),
    "sentence by the clock": ("She opens the door in 01:02.50 - 01:05.00.", [("She opens the door", 62.5, 65)]),
    "sentence that names nothing": ("The given query happens in 62.5 - 65.0 seconds.", [("", 62.5, 65)]),
    "from and to": ("She opens the door from 01:02.5 to 01:05.", [("She opens the door", 62.5, 65)]),
    "between": ("She waits between 3 and 6 seconds.", [("She waits", 3, 6)]),
    "two in a sentence": (
        "He sits in 1 - 2 seconds, and then he stands from 00:03 to 00:04.",
        [("He sits", 1, 2), ("he stands", 3, 4)],
    ),
    "moment": ("The light goes on at 12.5 seconds.", [("The light goes on", 12.5, 12.5)]),
    "in the brackets of the prompt": ("She sits from <1.0 seconds> to <2.5 seconds>.", [("She sits", 1, 2.5)]),
    "lines that begin with the range": (
        "- 00:01.00 - 00:02.00: he sits\n2. 0:05 - 0:10 he stands",
        [("he sits", 1, 2), ("he stands", 5, 10)],
    ),
    "start and end by the clock": (
        '[{"start_time": "01:02.50", "end_time": "01:05.00", "description": "opens the door"}]',
        [EVENT],
    ),
    "start and end in seconds": ('[{"start": 62.5, "end": 65, "label": "opens the door"}]', [EVENT]),
    "hours": ('[{"start": "01:00:02.50", "end": "01:00:05", "event": "x"}]', [("x", 3602.5, 3605)]),
    "range as a key": ('{"01:02.50 - 01:05.00": "opens the door"}', [EVENT]),
    "range of seconds as a key": ('{"62.5 - 65.0": "opens the door"}', [EVENT]),
    "range under a key": ('[{"timestamp": "01:02.50 - 01:05.00", "caption": "opens the door"}]', [EVENT]),
    "range as a list": ('[{"time_range": [62.5, 65], "caption": "opens the door"}]', [EVENT]),
    "moment under a key": ('[{"time": 62.5, "event": "opens the door"}]', [("opens the door", 62.5, 62.5)]),
    "list in an object": ('{"events": [{"start": 62.5, "end": 65, "label": "opens the door"}]}', [EVENT]),
    "opening hours": ("Open from Monday, 9:00 - 17:00.", []),
    "scores and ratios": ("They won 3 - 1, at a ratio of 16:9 in 2024.", []),
    "an age group is a field": ('{"18-25": "young"}', []),
}


@pytest.mark.parametrize("name", ROWS)
def test_events(name: str) -> None:
    text, expected = ROWS[name]
    events = parse_answer(text, PER_1000).events
    assert [(event.label, event.start_s, event.end_s) for event in events] == expected


OF_A_VIDEO: dict[str, tuple[str, list[tuple[str, float, float]]]] = {
    "a list of chapters": (
        "00:00 Intro\n01:23 Trim the fat\n1:02:00 Serve",
        [("Intro", 0, 0), ("Trim the fat", 83, 83), ("Serve", 3720, 3720)],
    ),
    "chapters in bold": (
        "- **00:00** – Intro\n- **00:15** – The door opens",
        [("Intro", 0, 0), ("The door opens", 15, 15)],
    ),
    "numbered lines": ("1. 00:05 He sits\n2. 00:09 He stands", [("He sits", 5, 5), ("He stands", 9, 9)]),
    "clocks in brackets": ("[00:05] He sits\n[00:10] He stands", [("He sits", 5, 5), ("He stands", 10, 10)]),
    "ranges in brackets": ("[0:05 - 0:10] He sits", [("He sits", 5, 10)]),
    "a title before its range": ("1. **Intro (00:00 - 00:15)**: a title", [("Intro", 0, 15)]),
    "a moment by the clock": ("At 0:03, the circle appears.", [("the circle appears", 3, 3)]),
    "two moments": ("It comes at 0:03 and goes at 0:07.", [("It comes", 3, 3), ("goes", 7, 7)]),
    "a moment and no more": ("3.0 seconds.", [("", 3, 3)]),
    "a range and no more": ("From 3.0 to 7.5.", [("", 3, 7.5)]),
    "the prompt's own brackets": ("<3.0 seconds> a circle", [("a circle", 3, 3)]),
    "a time that is said": ("00:05: he says that 12:30 is fine", [("he says that 12:30 is fine", 5, 5)]),
    "counts and ratios": ("There are 3 shapes, at a ratio of 3.0 to 7.5 here.\n3 shapes move.", []),
    "moments as keys": ('{"00:03": "Intro", "00:10.5": "Next"}', [("Intro", 3, 3), ("Next", 10.5, 10.5)]),
    "chapters with a start": ('[{"title": "Intro", "start": "00:03", "a": 1}]', [("Intro", 3, 3)]),
    "a moment with much about it": ('{"time": 3.0, "event": "x", "a": 1, "b": 2, "c": 3}', [("x", 3, 3)]),
    "from and to in Chinese": ("在3.0秒到7.5秒之间，红色的圆出现。", [("红色的圆出现", 3, 7.5)]),
    "a moment in Chinese": ("红色的圆在3.0秒出现。然后在 7 秒钟消失", [("红色的圆", 3, 3), ("然后", 7, 7)]),
    "a range in Chinese": ("门打开：3.0秒 - 7.5秒", [("门打开", 3, 7.5)]),
    "out of order": (
        '[{"start": 5, "end": 6, "label": "b"}, {"start": 1, "end": 9, "label": "a"}, '
        '{"start": 5, "end": 5, "label": "c"}]',
        [("a", 1, 9), ("c", 5, 5), ("b", 5, 6)],
    ),
}


@pytest.mark.parametrize("name", OF_A_VIDEO)
def test_events_of_a_video(name: str) -> None:
    """Where it is known that a video is meant, a clock is a moment of it."""
    text, expected = OF_A_VIDEO[name]
    events = parse_answer(text, PER_1000, duration_s=4000).events
    assert [(event.label, event.start_s, event.end_s) for event in events] == expected


CAR = [("car", 1.0, (1, 2, 3, 4))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"time": 1.0, "objects": [{"bbox_2d": [1, 2, 3, 4], "label": "car"}]}]', CAR),
        ('{"00:01.00": [{"bbox_2d": [1, 2, 3, 4], "label": "car"}]}', CAR),
        ('{"1.0": {"bbox_2d": [1, 2, 3, 4], "label": "car"}}', CAR),
        ('[{"timestamp": "1.0 s", "bbox": [1, 2, 3, 4], "name": "car"}]', CAR),
        (
            '[{"time": 1.0, "bbox_2d": [[1, 2, 3, 4], [5, 6, 7, 8]], "label": "car"}]',
            [*CAR, ("car", 1.0, (5, 6, 7, 8))],
        ),
        ('[{"time": 1.0, "label": "car", "bboxes": [[1, 2, 3, 4], [5, 6, 7, 8]]}]', [*CAR, ("car", 1.0, (5, 6, 7, 8))]),
    ],
)
def test_boxes_in_time(text: str, expected: list[tuple[str, float, tuple[int, ...]]]) -> None:
    answer = parse_answer(text, PER_1000, [PICTURE], duration_s=60)
    assert [(event.label, event.start_s, event.xyxy) for event in answer.events] == expected
    assert answer.regions == ()
    assert answer.problems == ()


def test_a_time_around_boxes_of_a_picture_is_no_event() -> None:
    text = '{"timestamp": "12:30", "objects": [{"bbox_2d": [1, 2, 3, 4], "label": "car"}]}'
    answer = parse_answer(text, PER_1000, [PICTURE])
    assert answer.events == ()
    assert [box.label for box in answer.boxes] == ["car"]


def test_the_place_of_a_time_at_the_start_of_a_line() -> None:
    text = "Chapters:\n- **00:15** – The door opens\n3.0 s"
    spans = [event.span for event in parse_answer(text, PER_1000, duration_s=60).events]
    assert [text[slice(*span)] for span in spans if span] == ["3.0 s", "00:15"]


def test_times_that_count_from_a_part_are_those_of_the_whole_video() -> None:
    answer = parse_answer("It happens in 1 - 2.5 seconds.", PER_1000, duration_s=12, offset_s=10)
    assert [(event.start_s, event.end_s) for event in answer.events] == [(11, 12)]
    assert answer.problems == ("One event ran past the end of the video and was shortened.",)


def test_sentences_stay_in_the_text() -> None:
    text = "She opens the door in 62.5 - 65.0 seconds."
    answer = parse_answer(text, PER_1000)
    assert answer.text == text
    assert text[slice(*answer.events[0].span or ())] == "in 62.5 - 65.0 seconds"


def test_past_the_end_of_the_video() -> None:
    answer = parse_answer("It happens in 8 - 12 seconds.", PER_1000, duration_s=10)
    assert [(event.start_s, event.end_s) for event in answer.events] == [(8, 10)]
    assert answer.problems == ("One event ran past the end of the video and was shortened.",)


PAST = "One event was left out because it lies past the end of the video."
CUT_TO_PART = "One event ran beyond the part of the video that was asked about and was shortened."
NOT_IN_PART = "One event was left out because it lies outside the part of the video that was asked about."


@pytest.mark.parametrize("text", ["in 12 - 14 seconds", "at 12 seconds", "in 10.0 - 12.0 seconds", "at 10.2 seconds"])
def test_wholly_past_the_end_of_the_video(text: str) -> None:
    answer = parse_answer(f"It happens {text}.", PER_1000, duration_s=10)
    assert (answer.events, answer.problems) == ((), (PAST,))


def test_several_past_the_end_of_the_video() -> None:
    text = '[{"start": 11, "end": 12, "label": "a"}, {"start": 1, "end": 2, "label": "b"}, {"time": 12, "label": "c"}]'
    answer = parse_answer(text, PER_1000, duration_s=10)
    assert [event.label for event in answer.events] == ["b"]
    assert answer.problems == ("2 events were left out because they lie past the end of the video.",)


def test_a_rounded_time_at_the_end_is_the_end() -> None:
    answer = parse_answer("It goes at 6.0 seconds. He sits from 4.0 to 6.0 seconds.", PER_1000, duration_s=5.96)
    assert [(event.start_s, event.end_s) for event in answer.events] == [(4, 5.96), (5.96, 5.96)]
    assert answer.problems == ()


@pytest.mark.parametrize(
    ("text", "times", "problems"),
    [
        ("from 2.5 to 3.0 seconds", [(2.5, 3)], ()),
        ("from 1.0 to 2.5 seconds", [(2, 2.5)], (CUT_TO_PART,)),
        ("from 3.0 to 50.0 seconds", [(3, 4)], (CUT_TO_PART,)),
        ("from 0.0 to 9.0 seconds", [(2, 4)], (CUT_TO_PART,)),
        ("from 4.0 to 5.0 seconds", [], (NOT_IN_PART,)),
        ("from 0.0 to 2.0 seconds", [], (NOT_IN_PART,)),
        ("from 12.0 to 15.0 seconds", [], (NOT_IN_PART,)),
        ("at 4.0 seconds", [(4, 4)], ()),
        ("at 4.5 seconds", [], (NOT_IN_PART,)),
    ],
)
def test_events_keep_to_the_part_that_was_asked_about(
    text: str, times: list[tuple[float, float]], problems: tuple[str, ...]
) -> None:
    answer = parse_answer(f"It happens {text}.", PER_1000, duration_s=10, range_s=(2, 4))
    assert [(event.start_s, event.end_s) for event in answer.events] == times
    assert answer.problems == problems


def test_a_part_that_counts_from_its_own_start() -> None:
    text = "He sits in 1.0 - 2.5 seconds. He goes in 3.0 - 6.0 seconds. He comes in 7.0 - 8.0 seconds."
    answer = parse_answer(text, PER_1000, duration_s=20, offset_s=6, range_s=(6, 10))
    assert [(event.label, event.start_s, event.end_s) for event in answer.events] == [
        ("He sits", 7, 8.5),
        ("He goes", 9, 10),
    ]
    assert answer.problems == (CUT_TO_PART, NOT_IN_PART)


def test_boxes_in_time_outside_of_the_part_are_left_out() -> None:
    text = (
        '[{"time": 1.0, "bbox_2d": [1, 2, 3, 4], "label": "a"}, {"time": 3.0, "bbox_2d": [1, 2, 3, 4], "label": "a"}]'
    )
    answer = parse_answer(text, PER_1000, [PICTURE], duration_s=10, range_s=(2, 4))
    assert [event.start_s for event in answer.events] == [3]
    assert (answer.regions, answer.problems) == ((), (NOT_IN_PART,))


def test_end_before_start() -> None:
    answer = parse_answer('[{"start": 5, "end": 3, "label": "x"}]', PER_1000)
    assert [(event.start_s, event.end_s) for event in answer.events] == [(3, 5)]
    assert answer.problems == ("One event ended before it began; its times were swapped.",)


def test_box_in_time_is_in_pixels() -> None:
    [event] = parse_answer('[{"time": 1.0, "bbox_2d": [1, 2, 3, 4], "label": "car"}]', PER_1000, [PICTURE]).events
    assert event.xyxy == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12.5", 12.5), ("12.5 s", 12.5), ("3 seconds", 3), ("01:32.40", 92.4), ("00:01:02", 62), ("<0.3 seconds>", 0.3)]
    + [(text, None) for text in ("", "noon", "-3", "2018-06-01", "1:2:3:4", "12 kg")],
)
def test_seconds(text: str, expected: float | None) -> None:
    assert seconds(text) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, None, [1]])
def test_what_is_no_time(value: object) -> None:
    assert seconds(value) is None


@pytest.mark.parametrize("text", ["18 - 25", "a - b", "01:00", "1 - 2 kg"])
def test_what_is_no_range(text: str) -> None:
    assert read_range(text) is None
