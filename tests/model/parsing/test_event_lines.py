"""Times as people write them become events; numbers that are no times do not, however the line is cut or repeated."""

from __future__ import annotations

import random
import time

import pytest

from model.catalog import PER_1000
from model.parsing import AnswerParser, parse_answer
from model.types import Answer

DURATION_S = 200.0
UNREAD = ("The answer tells times, but none that could be read as an event.",)

WALK = ("walk", 5.0, 10.0)
RUN = ("run", 12.0, 15.5)

TABLES: dict[str, tuple[str, list[tuple[str, float, float]]]] = {
    "ranges": ("| 00:05 - 00:10 | walk |\n| 00:12 - 00:15.5 | run |", [WALK, RUN]),
    "ranges under headings": (
        "| Time | Event |\n|---|---|\n| 00:05 - 00:10 | walk |\n| 12.0 – 15.5 | run |",
        [WALK, RUN],
    ),
    "no outer bars": ("Time | Event\n--- | ---\n00:05 - 00:10 | walk\n00:12 - 00:15.5 | run", [WALK, RUN]),
    "start and end": (
        "| Start | End | Event |\n|:--|--:|---|\n| 00:05 | 00:10 | walk |\n| 12 | 15.5 | run |",
        [WALK, RUN],
    ),
    "units in the headings": ("| Start (s) | End (s) | Event |\n|---|---|---|\n| 5 | 10 | walk |", [WALK]),
    "the event first": (
        "| # | Event | Start Time | End Time |\n|---|---|---|---|\n| 1 | walk | 5.0s | 10.0s |",
        [WALK],
    ),
    "start and end without headings": ("| 00:05 | 00:10 | walk |\n| 12.0 s | 15.5 s | run |", [WALK, RUN]),
    "seconds under a time": (
        "| Time (s) | Event |\n|---|---|\n| 5 - 10 | walk |\n| 12 | run |",
        [WALK, ("run", 12, 12)],
    ),
    "moments": ("| Time | Event |\n|---|---|\n| 00:05 | walk |\n| 1m05s | run |", [("walk", 5, 5), ("run", 65, 65)]),
    "other words in the headings": ("| 时间 | 事件 |\n|---|---|\n| 00:05 | 走 |", [("走", 5, 5)]),
    "emphasis and a bar in a cell": ("| **00:05 - 00:10** | walk \\| run |", [("walk | run", 5, 10)]),
    "a sentence in a cell": ("| He | He walks from 5.0s to 10.0s | here |", [("He walks", 5, 10)]),
    "two tables": (
        "| Start | End | Event |\n|---|---|---|\n| 5 | 10 | walk |\n\n| Things | Number |\n|---|---|\n| 5 | 10 |",
        [WALK],
    ),
    "scores": ("| Team | Score |\n|---|---|\n| A | 3:2 |\n| B | 10 |", []),
    "numbers": ("| Things | Number |\n|---|---|\n| cars | 3 |\n| 1.5 | 2.5 |", []),
}

SENTENCES: dict[str, tuple[str, list[tuple[str, float, float]]]] = {
    "starts and ends": ("It starts at 4.0 seconds and ends at 9.5 seconds.", [("", 4, 9.5)]),
    "begins and lasts until": ("The walk begins at 4 seconds and lasts until 9.5 seconds.", [("The walk", 4, 9.5)]),
    "begins until": ("The walk begins at 0:04 until 0:09.5.", [("The walk", 4, 9.5)]),
    "starts and ends in two sentences": ("The walk starts at 4.0s. It ends at 9.5s.", [("The walk", 4, 9.5)]),
    "start and end as fields": ("**Start:** 00:04 **End:** 00:09.5 – he sits", [("he sits", 4, 9.5)]),
    "lasts from and to": ("The walk lasts from 4.0s to 9.5s.", [("The walk lasts", 4, 9.5)]),
    "starts and lasts": ("He starts at 4.0 seconds and lasts for 5 seconds.", [("He starts", 4, 4)]),
    "about": ("The circle appears at about 3.5s.", [("The circle appears", 3.5, 3.5)]),
    "approximately": ("The circle appears at approximately 00:03.", [("The circle appears", 3, 3)]),
    "about a range": ("He sits from about 2.0 to about 4.0 seconds.", [("He sits", 2, 4)]),
    "of the video": ("He sits at 3.0 seconds of the video.", [("He sits", 3, 3)]),
    "mark with a hyphen": ("At the 12-second mark the door opens.", [("the door opens", 12, 12)]),
    "mark": ("He sits around the 3 second mark.", [("He sits", 3, 3)]),
    "mark by the clock": ("At the 1:05 mark, he sits.", [("he sits", 65, 65)]),
    "between marks": ("Between the 3-second mark and the 5-second mark he sits.", [("he sits", 3, 5)]),
    "into the video": ("About 12 seconds into the video, a dog comes.", [("a dog comes", 12, 12)]),
    "minutes and seconds": ("He sits at 1 minute 5 seconds.", [("He sits", 65, 65)]),
    "minutes and seconds in letters": ("He sits at 1m05s.", [("He sits", 65, 65)]),
    "minutes and seconds as a range": ("He sits from 1 min 5 s to 1 min 20 s.", [("He sits", 65, 80)]),
    "a unit for both ends": ("It goes from 1 to 2 minutes.", [("It goes", 60, 120)]),
    "a unit for both ends at the start of a line": ("1-2 min: he walks", [("he walks", 60, 120)]),
    "minutes and seconds at the start of lines": (
        "1m05s: he sits\n2 minutes: he goes",
        [("he sits", 65, 65), ("he goes", 120, 120)],
    ),
    "minutes and seconds in Chinese": ("他在1分5秒坐下", [("他", 65, 65)]),
    "again": ("He sits from 2.0s to 4.0s, and again from 6.0s to 8.0s.", [("He sits", 2, 4), ("He sits", 6, 8)]),
    "and from": ("He sits from 2.0s to 4.0s and from 6.0s to 8.0s.", [("He sits", 2, 4), ("He sits", 6, 8)]),
    "a list of ranges": (
        "He sits 2.0s - 4.0s, 6.0s - 8.0s; she stands 9s - 10s.",
        [("He sits", 2, 4), ("He sits", 6, 8), ("she stands", 9, 10)],
    ),
    "ranges before their words": (
        "In 2.0 - 4.0 seconds and 6.0 - 8.0 seconds he sits.",
        [("he sits", 2, 4), ("he sits", 6, 8)],
    ),
    "two moments": ("It blinks at 2.0s and 4.0s.", [("It blinks", 2, 2), ("It blinks", 4, 4)]),
    "many moments": (
        "It blinks at 2.0s, 4.0s, and 0:06.",
        [("It blinks", 2, 2), ("It blinks", 4, 4), ("It blinks", 6, 6)],
    ),
    "moments of two sentences": (
        "It comes at 3.0 seconds and at 5.0 seconds it goes.",
        [("It comes", 3, 3), ("it goes", 5, 5)],
    ),
    "pairs": ("[[1.0, 2.5], [4, 5]]", [("", 1, 2.5), ("", 4, 5)]),
    "pairs in a fence": ("```json\n[[1.0, 2.5], [4, 5]]\n```", [("", 1, 2.5), ("", 4, 5)]),
    "pairs of clocks": ('[["00:05", "00:10"]]', [("", 5, 10)]),
    "pairs that were cut": ("[[1.0, 2.5], [4.0, 5.", [("", 1, 2.5)]),
    "a pair": ("[1.0, 2.5]", [("", 1, 2.5)]),
    "a pair in a fence": ("```json\n[1, 2]\n```", [("", 1, 2)]),
    "lines that begin with a pair": (
        "[5.0, 7.5] he sits\n- [0:12, 0:15] he goes",
        [("he sits", 5, 7.5), ("he goes", 12, 15)],
    ),
    "letters in an object": ('{"start": "1m05s", "end": "1 min 20 s", "label": "x"}', [("x", 65, 80)]),
    "a range of seconds in an object": ('{"time": "2 - 4", "event": "x"}', [("x", 2, 4)]),
}  # fmt: skip


@pytest.mark.parametrize("name", [*TABLES, *SENTENCES])
def test_times_as_people_write_them(name: str) -> None:
    text, expected = (TABLES | SENTENCES)[name]
    answer = of_video(text)
    assert [(event.label, event.start_s, event.end_s) for event in answer.events] == expected
    for event in answer.events:
        assert event.span is not None
        assert any(character.isdigit() or character in "分秒" for character in text[slice(*event.span)])
    assert answer.problems == () or "cut" in name


NO_TIMES = (
    *("There are 3 cars.", "See section 1.2 of this.", "Version 1.2 to 1.5 is shown.", "In 2024 he won."),
    "From 1990 to 2000.",
    *("This is a 12-second video.", "It is a 12 second video.", "It goes on for 5 seconds."),
    "It lasts 3 to 5 seconds.",
    *("It shows for about 3 - 5 seconds.", "12 seconds long.", "At 5 seconds per frame.", "At 5 second intervals."),
    *("They won 3:2 against 5 others.", "The ratio is 4:3.", "He is at 5 m from it."),
    *("[1, 2] says so.", "As [3] and [4] say.", "He has 1,000 of 2.5 kg.", "10 m of 20 m", "Number 5 - 7 - 9."),
    *("He waits for 2 to 4 minutes.", "It takes 3-4 min."),
)  # fmt: skip


@pytest.mark.parametrize("text", NO_TIMES)
def test_numbers_that_are_no_times(text: str) -> None:
    assert of_video(text) == Answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "It goes from 2 to 4 min 30 s.",
        "It blinks at 2, 4 and 6 seconds.",
        "Times: 0:03, 0:07",
        "The first 5 seconds show a dog.",
        "| dog | here |\n|---|---|\n| no | the 3 seconds |",
    ],
)
def test_times_that_cannot_be_read_are_told(text: str) -> None:
    answer = of_video(text)
    assert answer.events == ()
    assert answer.problems == UNREAD
    assert parse_answer(text, PER_1000).problems == (), "without a video there is nothing to miss"


def test_a_time_that_was_read_is_told_no_more() -> None:
    assert of_video("The first 5 seconds are empty.\nHe sits at 7 seconds.").problems == ()
    assert of_video("The first 5 seconds are empty.\nHe sits at 700 seconds.").problems == (
        "One event was left out because it lies past the end of the video.",
    )


def test_places_of_a_picture_are_no_times() -> None:
    assert parse_answer("[[1.0, 2.5], [4.0, 5.0]]", PER_1000).events == ()
    assert parse_answer("| 00:05 - 00:10 | walk |\nBake it from 10 minutes to 15 minutes.", PER_1000).events == ()
    points = of_video("```json\n[[500, 600], [700, 800]]\n```")
    assert points.events == ()
    assert len(points.regions) == 2


def of_video(text: str, step: int = 1_000_000) -> Answer:
    parser = AnswerParser(PER_1000, duration_s=DURATION_S)
    for start in range(0, len(text), step):
        parser.feed(text[start : start + step])
    return parser.finish()


FRAGMENTS = (
    *("| ", " | ", "|", "|---|---|\n", "\n", "\n\n", "| Start | End | Event |\n", "| Time (s) | x |\n", "\\|"),
    *("**", " "),
    *("00:05", "00:05 - 00:10", "12.0", "5", "3.5s", "12-second", " mark", "1 minute 5 seconds", "1m05s"),
    *("1分5秒", "about "),
    *("starts at ", " and ends at ", " until ", "from ", " to ", " and again ", "at ", ", ", " and "),
    *("between ", "for ", ". "),
    *("[[", "]]", "[", "]", "[1.0, 2.5]", ", ", "1.0", "<", ">", "(", "```json\n", "```", "he walks", "到"),
    *("在", "~", "t="),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(200))
def test_every_way_of_cutting_gives_the_same(seed: int) -> None:
    chance = random.Random(seed)
    text = "".join(chance.choices(FRAGMENTS, k=chance.randrange(2, 30)))
    whole = of_video(text)
    assert of_video(text, step=1 + seed % 9) == whole
    assert all(0 <= event.start_s <= event.end_s <= DURATION_S for event in whole.events)


LONG = (
    *("| ", "|---", "-", "| 00:05 ", "| 00:05 - 00:10 | walk |\n", "[[1.0, 2.5], ", "[1.0, 2.5] he\n"),
    *("00:05, ", "at 3.5s, "),
    *("starts at 4.0s ", "starts at 4.0s and then it ", "start and ", "at about the ", "at the time "),
    *("again ", ", and ", "12-second mark "),
    *("1 minute 5 ", "1m", "1 hour 1 min ", "1:", "at 1.", "from 2.0s to 4.0s, and again ", "for 3 to "),
    *("in  ", "   ", "1 second of "),
)  # fmt: skip


@pytest.mark.parametrize("unit", LONG)
@pytest.mark.parametrize("begin", ["", "| Time | Event |\n| starts at 4.0s "])
def test_long_lines_take_time_in_proportion(unit: str, begin: str) -> None:
    """40 kB on one line: what grew with the square of the length would take minutes."""
    text = begin + unit * (40_000 // len(unit))
    started = time.process_time()
    of_video(text)
    assert time.process_time() - started < 10
