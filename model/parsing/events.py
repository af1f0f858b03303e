"""Reads times of a video: objects with start and end, keys that are ranges, boxes in time, sentences.

Knows the ways in which models write seconds, `mm:ss.ff` and `hh:mm:ss`. Does not know the video: times are seconds as
written, and `findings` bounds them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.parsing.regions import KEY_KINDS, is_scalar, name_of, normal

CLOCK = r"\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,6})?"
SECONDS = r"\d{1,7}(?:\.\d{1,9})?"
UNIT = r"(?:\s?(?:(?:seconds?|secs?|s)\b|秒钟?))"
TO = r"\s{0,3}(?:-|–|—|~|to|and|until|till|至|到)\s{0,3}"
MOMENT = re.compile(rf"\s*<?\s?(?P<time>{CLOCK}|{SECONDS}){UNIT}?\s?>?\s*")
RANGE = re.compile(
    rf"<?(?P<start>{CLOCK}|{SECONDS})(?P<start_unit>{UNIT})?>?{TO}<?(?P<end>{CLOCK}|{SECONDS})(?P<end_unit>{UNIT})?>?"
)
# Chinese has no blanks between words.
WORD = r"[^\W\u4e00-\u9fff]"
ENDS = rf"(?!{WORD}|[:.,]\d)"
IN_SENTENCE = re.compile(
    rf"(?P<before>\b(?:in|from|between|at|during)\s+|[在从]\s?)?(?<!{WORD})(?<![.:]){RANGE.pattern}{ENDS}", re.I
)
AT_MOMENT = re.compile(
    rf"(?:\b(?:at|around)\s+|[在第]\s?)<?(?P<time>{CLOCK}|{SECONDS})(?P<unit>{UNIT})?{ENDS}(?!{TO}<?\d)", re.I
)
LINE_START = re.compile(r"[\s\-*•#>(\[<]{0,20}(?:\d{1,3}[.)]\s+)?[*(\[<]{0,4}")
AT_LINE_START = re.compile(
    rf"{LINE_START.pattern}(?P<time>{CLOCK}|{SECONDS}(?={UNIT}))(?P<unit>{UNIT})?{ENDS}(?!>?{TO}<?\d)", re.I
)
SENTENCE_END = re.compile(r"[.!?;](?:\s+|$)|[。！？；]")
LEADING_MARKS = re.compile(
    r"[\s\-*•#>.:：,、)\]–—]*(?:\d{1,3}[.)]\s*)?(?:(?:and|then)\b\s*)*(?:之间|期间|时)?[,，\s]*", re.I
)
CONNECTIVE = re.compile(
    r"[\s,，:：(\[<-]*\b(?:(?:happens?|occurs?|takes? place|is shown)\s*)?(?:in|from|between|at|during)?[\s:：(\[<-]*$",
    re.I,
)
NAMELESS = re.compile(r"(?:(?:the|this|that|it|given|described|query|event|content|moment|action|video)\s*)*", re.I)

START_KEYS = ("start_time", "start", "start_s", "start_timestamp", "begin", "begin_time", "t_start", "from")
END_KEYS = ("end_time", "end", "end_s", "end_timestamp", "finish", "stop", "t_end", "to")
TIME_KEYS = ("time", "timestamp", "timestamps", "time_range", "time_s", "segment", "interval", "range")
DESCRIPTION_KEYS = (
    *("description", "event", "label", "caption", "activity", "action", "content", "title", "sentence", "text", "name"),
    *("object", "category", "summary"),
)
MAX_LABEL_CHARS = 200
MAX_BULLET_CHARS = 40
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
        times, used = _range_or_moment(pairs[time]), {time, description}
    elif start and description and of_video:
        times, used = _range_or_moment(pairs[start]), {start, description}
    else:
        return None
    rest = {key: value for key, value in pairs.items() if key not in used and normal(key) not in KEY_KINDS}
    return WrittenEvent(name_of(pairs[description]) if description else "", *times, rest) if times else None


def time_keys(pairs: Mapping[str, Any]) -> frozenset[str]:
    """The keys of an object under which times are."""
    return frozenset(key for key in pairs if normal(key) in (*START_KEYS, *END_KEYS, *TIME_KEYS))


def _first(by_key: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next((by_key[key] for key in keys if key in by_key), None)


def _range_or_moment(value: Any) -> tuple[float, float] | None:
    if isinstance(value, str) and (times := read_range(value)):
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


def read_range(text: str) -> tuple[float, float] | None:
    """A text that is a range of times and nothing else. `18 - 25` could be anything: one end has to look like time."""
    match = RANGE.fullmatch(text.strip())
    if match is None or not (match["start_unit"] or match["end_unit"] or re.search("[:.]", text)):
        return None
    return _times(match)


def read_sentences(line: str, *, of_video: bool = False) -> Iterator[tuple[WrittenEvent, tuple[int, int]]]:
    """The ranges and moments that a line of prose tells, each with its place (start, end) in the line.

    `of_video` says that the prose is about a video, so that `0:05` is a moment of it and not the time of day.
    """
    if not any(character.isdigit() for character in line):
        return
    told_to = 0
    matches = [*IN_SENTENCE.finditer(line), *AT_MOMENT.finditer(line)]
    if of_video and (first := AT_LINE_START.match(line)):
        matches.append(first)
    for match in sorted(matches, key=lambda match: (match.start(), -match.end())):
        times = _told(match, of_video=of_video)
        if times is None or match.start() < told_to:
            continue
        span = match.start("time") if match.re is AT_LINE_START else match.start(), match.end()
        yield WrittenEvent(_words_around(line, match, told_to), *times), span
        told_to = match.end()


def _told(match: re.Match[str], *, of_video: bool) -> tuple[float, float] | None:
    """The times of a match in prose, if something makes sure that these are times of a video."""
    groups = match.groupdict()
    if "time" in groups:
        moment = seconds(groups["time"])
        is_clock = ":" in groups["time"] and (of_video or "." in groups["time"])
        return (moment, moment) if moment is not None and (groups["unit"] or is_clock) else None
    is_clock = ":" in groups["start"] and ":" in groups["end"]
    is_precise = "." in groups["end"]
    marks = LINE_START if of_video else LEADING_MARKS
    leads = groups["before"] or marks.fullmatch(match.string, 0, min(match.start("start"), MAX_BULLET_CHARS))
    is_sure = (leads or is_precise or of_video) if is_clock else (of_video and leads and is_precise)
    return _times(match) if groups["end_unit"] or is_sure else None


def _times(match: re.Match[str]) -> tuple[float, float] | None:
    return _both(match["start"], match["end"])


def _words_around(line: str, match: re.Match[str], told_to: int) -> str:
    """What happens then: the words of the sentence before the time, or after it where it stands first."""
    before = SENTENCE_END.split(line[max(told_to, match.start() - MAX_LABEL_CHARS) : match.start()])[-1]
    words = "" if LINE_START.fullmatch(before) else CONNECTIVE.sub("", LEADING_MARKS.sub("", before, count=1))
    if words:
        return "" if NAMELESS.fullmatch(words) else name_of(words)
    after = LEADING_MARKS.sub("", line[match.end() : match.end() + MAX_LABEL_CHARS], count=1)
    return name_of(SENTENCE_END.split(after)[0])


def seconds(value: Any) -> float | None:
    """Seconds of `12.5`, `"12.5 s"`, `"01:32.40"` or `"00:01:02"`; None for anything else, and for negative numbers."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if 0 <= value < 1e9 and math.isfinite(value) else None
    match = MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    total = 0.0
    for part in match["time"].replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total
