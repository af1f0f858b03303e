"""Reads times of a video: objects with start and end, keys that are ranges, boxes in time.

Knows the ways in which models write seconds, `mm:ss.ff`, `hh:mm:ss` and `1 min 5 s`. Does not know lines of text, which
`event_lines` reads, nor the video: times are seconds as written, and `findings` bounds them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from model.parsing.regions import KEY_KINDS, is_scalar, name_of, normal

CLOCK = r"\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,6})?"
SECONDS = r"\d{1,7}(?:\.\d{1,9})?"
JOINT = r"(?:,?\s?(?:and\s)?)"
# A lone "m" is a metre; only seconds behind it make it a minute.
MINUTES = r"\d{1,3}[\s-]?(?:minutes?|mins?|分钟?|m(?=\s?\d{1,2}(?:\.\d{1,3})?\s?s))"
WORDED = (
    rf"(?:\d{{1,2}}[\s-]?(?:hours?|hrs?|h|小时){JOINT})?{MINUTES}"
    rf"(?:{JOINT}\d{{1,2}}(?:\.\d{{1,3}})?\s?(?:seconds?|secs?|s|秒钟?))?"
)
TIME = rf"{CLOCK}|{WORDED}|{SECONDS}"
MARK = r"(?:\s(?:mark|point)\b)"
UNIT = rf"(?:\s?(?:(?:seconds?|secs?|s)\b|秒钟?)|-(?:seconds?|s)\b(?={MARK}))"
HEDGE = (
    r"(?:(?:about|around|approximately|roughly|nearly|exactly|just|the|time|timestamp|timecode)\s{1,3}){0,3}"
    r"(?:t\s?=\s?)?[~≈]?"
)
TO = r"\s{0,3}(?:-|–|—|~|to|through|until|till|至|到)\s{0,3}"
MOMENT = re.compile(rf"\s*<?\s?(?P<time>{TIME}){UNIT}?\s?>?\s*")
RANGE = re.compile(
    rf"<?(?P<start>{TIME})(?P<start_unit>{UNIT})?{MARK}?>?(?:{TO}|\s{{1,3}}(?P<and>and)\s{{1,3}}){HEDGE}"
    rf"<?(?P<end>{TIME})(?P<end_unit>{UNIT})?{MARK}?>?"
)
ONE_UNIT = re.compile(r"\d{1,3}(?P<unit>[\s-]?[^\W\d]+)")
PART = re.compile(r"([\d.]+)[\s-]?([hms小分秒])")
PART_S = {"h": 3600, "小": 3600, "m": 60, "分": 60, "s": 1, "秒": 1}

START_KEYS = ("start_time", "start", "start_s", "start_timestamp", "begin", "begin_time", "t_start", "from")
END_KEYS = ("end_time", "end", "end_s", "end_timestamp", "finish", "stop", "t_end", "to")
TIME_KEYS = ("time", "timestamp", "timestamps", "time_range", "time_s", "segment", "interval", "range")
DESCRIPTION_KEYS = (
    *("description", "event", "label", "caption", "activity", "action", "content", "title", "sentence", "text", "name"),
    *("object", "category", "summary"),
)
MAX_OTHER_KEYS = 2
"""An object with one time and more than these other keys is a form with a time in it, not an event."""


@dataclass(frozen=True, slots=True)
class WrittenEvent:
    """A range of seconds as written; `end_s` may come before `start_s`."""

    label: str
    start_s: float
    end_s: float
    attributes: Mapping[str, Any] = field(default_factory=dict)


def read_event(pairs: Mapping[str, Any], *, has_place: bool, of_video: bool = False) -> WrittenEvent | None:
    """The event that an object describes. `has_place` says that it also has a box: a box in time.

    `of_video` says that it is about a video, so that an object with one time among others tells of a moment.
    """
    by_key = {normal(key): key for key in reversed(list(pairs))}
    start, end, time = (_first(by_key, keys) for keys in (START_KEYS, END_KEYS, TIME_KEYS))
    description = next((by_key[key] for key in DESCRIPTION_KEYS if key in by_key and name_of(pairs[by_key[key]])), None)
    if start and end:
        times, used = _both(pairs[start], pairs[end]), {start, end, description}
    elif time and (has_place or (description and (of_video or len(pairs) <= 1 + MAX_OTHER_KEYS))):
        times, used = _range_or_moment(pairs[time], of_video=of_video), {time, description}
    elif start and description and of_video:
        times, used = _range_or_moment(pairs[start], of_video=of_video), {start, description}
    else:
        return None
    rest = {key: value for key, value in pairs.items() if key not in used and normal(key) not in KEY_KINDS}
    return WrittenEvent(name_of(pairs[description]) if description else "", *times, rest) if times else None


def time_keys(pairs: Mapping[str, Any]) -> frozenset[str]:
    """The keys of an object under which times are."""
    return frozenset(key for key in pairs if normal(key) in (*START_KEYS, *END_KEYS, *TIME_KEYS))


def _first(by_key: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next((by_key[key] for key in keys if key in by_key), None)


def _range_or_moment(value: Any, *, of_video: bool) -> tuple[float, float] | None:
    if isinstance(value, str) and (times := read_range(value, is_time=of_video)):
        return times
    return _both(*value) if isinstance(value, list) and len(value) == 2 else _both(value, value)


def _both(start: Any, end: Any) -> tuple[float, float] | None:
    start_s, end_s = seconds(start), seconds(end)
    return None if start_s is None or end_s is None else (start_s, end_s)


def read_pair(key: str, value: Any, *, of_video: bool = False) -> WrittenEvent | None:
    """An event written as `"00:23.00 - 00:48.00": "trim the fat"`; of a video also a moment, `"00:23": "trim"`."""
    times = read_range(key)
    if times is None and of_video and re.search("[:.]", key):
        times = _both(key, key)
    return WrittenEvent(name_of(value), *times) if times and is_scalar(value) else None


def read_listed(items: list[Any]) -> WrittenEvent | None:
    """An event without a name, written as `[1.0, 2.5]`."""
    times = _both(*items) if len(items) == 2 else None
    return WrittenEvent("", *times) if times and times[0] <= times[1] else None


def read_range(text: str, *, is_time: bool = False) -> tuple[float, float] | None:
    """A text that is a range of times and nothing else. `18 - 25` could be anything: one end has to look like time,
    unless it is known that the text `is_time`.
    """
    match = RANGE.fullmatch(text.strip())
    if match is None or not (is_time or match["start_unit"] or match["end_unit"] or re.search("[:.]", text)):
        return None
    return times_of(match)


def times_of(match: re.Match[str]) -> tuple[float, float] | None:
    """The times of a `RANGE`. In `2 - 4 min 30 s` the first number is no time by itself: None."""
    start, end = written_times(match)
    is_mixed = any(map(is_worded, (start, end))) and not (
        is_marked(start, match["start_unit"]) and is_marked(end, match["end_unit"])
    )
    return None if is_mixed else _both(start, end)


def written_times(match: re.Match[str]) -> tuple[str, str]:
    """The two times of a `RANGE` as text; in `2 to 4 minutes` the unit is that of both."""
    start, end = match["start"], match["end"]
    shared = ONE_UNIT.fullmatch(end)
    return (start + shared["unit"] if shared and not is_marked(start, match["start_unit"]) else start), end


def is_worded(time: str) -> bool:
    """Whether a time says its units in words or letters: `1 min 5 s`."""
    return any(character.isalpha() for character in time)


def is_marked(time: str, unit: str | None) -> bool:
    """Whether a time is more than a number."""
    return bool(unit) or ":" in time or is_worded(time)


def seconds(value: Any) -> float | None:
    """Seconds of `12.5`, `"12.5 s"`, `"01:32.40"`, `"00:01:02"` or `"1 min 5 s"`.

    None for anything else, and for negative numbers.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if 0 <= value < 1e9 and math.isfinite(value) else None
    match = MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    if is_worded(match["time"]):
        return sum(float(number) * PART_S[unit] for number, unit in PART.findall(match["time"].lower()))
    total = 0.0
    for part in match["time"].replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total
