"""Reads events out of lines of text: sentences, lines that begin with a time, rows of Markdown tables.

Knows what has to stand around a number that is a time. How a time is written is known in `events`, and where the line
stands in the answer to the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from model.parsing.events import (
    CLOCK,
    HEDGE,
    MARK,
    RANGE,
    SECONDS,
    TIME,
    TO,
    UNIT,
    WORDED,
    WrittenEvent,
    is_marked,
    is_worded,
    read_event,
    read_range,
    seconds,
    time_keys,
    times_of,
    written_times,
)
from model.parsing.regions import name_of

Span = tuple[int, int]
Times = tuple[float, float]

# Chinese has no blanks between words.
WORD = r"[^\W\u4e00-\u9fff]"
LENGTH_BEFORE = r"\b(?:for|lasts?|lasting|takes?|took|every|per|an?)\s{1,3}"
LENGTH_AFTER = (
    r"\s{1,2}(?:of(?!\sthe\b)|long|later|earlier|intervals?|apart|each|per|videos?|clips?|recording|footage)\b"
)
ENDS = rf"(?!{WORD}|[:.,]\d|{LENGTH_AFTER})"
ALONE = rf"{ENDS}(?!>?{TO}<?\d)"
IN_SENTENCE = re.compile(
    rf"(?P<before>\b(?:in|from|between|at|during)\s+|[在从]\s?)?(?P<length>{LENGTH_BEFORE})?{HEDGE}"
    rf"(?<!{WORD})(?<![.:]){RANGE.pattern}{ENDS}",
    re.I,
)
_AT = r"[\s:：=*]{0,4}(?:\b(?:at|from|around|until|till|to)\s{1,3})?"
START_AND_END = re.compile(
    rf"\b(?:starts?|started|starting|begins?|began|beginning)(?:\stime)?{_AT}{HEDGE}"
    rf"<?(?P<start>{TIME})(?P<start_unit>{UNIT})?{MARK}?>?[\s.,;，*]{{0,4}}"
    rf"(?:(?:and|then|it|lasts|continues|goes on)\s{{1,3}}){{0,4}}"
    rf"(?:(?:ends?|ended|ending|stops?|stopped|finish(?:es)?)(?:\stime)?{_AT}|(?:until|till|to)\s{{1,3}}){HEDGE}"
    rf"<?(?P<end>{TIME})(?P<end_unit>{UNIT})?{MARK}?>?{ENDS}",
    re.I,
)
AT_MOMENT = re.compile(
    rf"(?:\b(?:at|around)\s+|[在第]\s?){HEDGE}<?(?P<time>{TIME})(?P<unit>{UNIT})?{MARK}?{ALONE}", re.I
)
INTO_VIDEO = re.compile(
    rf"{HEDGE}(?<!{WORD})(?<![.:])(?P<time>{TIME})(?P<unit>{UNIT})?\s(?:in|into)\s(?:the\s)?(?:video|clip|footage)\b",
    re.I,
)
ALSO_AT = re.compile(
    rf"(?:\s?[,，、]\s?(?:(?:and|or)\s)?|\s(?:and|or)\s)(?:again\s)?(?:at\s)?{HEDGE}<?(?P<time>{TIME})(?P<unit>{UNIT})?{ALONE}",
    re.I,
)
LINE_START = re.compile(r"[\s\-*•#>(\[<]{0,20}(?:\d{1,3}[.)]\s+)?[*(\[<]{0,4}")
AT_LINE_START = re.compile(
    rf"{LINE_START.pattern}(?P<time>{CLOCK}|{WORDED}|{SECONDS}(?={UNIT}))(?P<unit>{UNIT})?{ALONE}", re.I
)
PAIR_AT_LINE_START = re.compile(
    rf"{LINE_START.pattern}(?<=\[)(?P<start>{TIME})(?P<start_unit>{UNIT})?\s?[,，]\s?(?P<end>{TIME})(?P<end_unit>{UNIT})?\]",
    re.I,
)
LIKE_A_TIME = re.compile(
    rf"(?P<length>{LENGTH_BEFORE}{HEDGE}(?:{SECONDS}{TO})?)?(?<!{WORD})(?<![.:])(?P<time>{TIME})(?P<unit>{UNIT})?{ENDS}",
    re.I,
)
SENTENCE_END = re.compile(r"[.!?;](?:\s+|$)|[。！？；]|(?:^|\s)\|(?:\s|$)")
LEADING_MARKS = re.compile(
    r"[\s\-*•#>.:：,、)\]–—]*(?:\d{1,3}[.)]\s*)?(?:(?:and|then)\b\s*)*(?:之间|期间|时)?[,，\s]*", re.I
)
CONNECTIVE = re.compile(
    r"[\s,，:：(\[<-]*\b(?:(?:happens?|occurs?|takes? place|is shown)\s*)?(?:in|from|between|at|during)?[\s:：(\[<-]*$",
    re.I,
)
AND_AGAIN = re.compile(r"[\s,，、;*)>\]]*(?:(?:and|or|then|again|also|later|once more)\b[\s,]*)*", re.I)
AGAIN = re.compile(r"\b(?:again|once more)\b", re.I)
NO_WORDS = re.compile(r"[\s*)>\]]*(?:$|[.,;!?，。；]|(?:and|or|again)\b)", re.I)
NAMELESS = re.compile(
    r"(?:(?:the|this|that|it|given|described|query|event|content|moment|action|video|segment|scene)\s*)*", re.I
)
MAX_LABEL_CHARS = 200
MAX_BULLET_CHARS = 40
MAX_COLUMNS = 40

CELL_MARKS = " \t*_`"
CELL_END = re.compile(r"(?<!\\)\|")
TABLE_RULE = re.compile(r"[\s|:-]*")
HEADING_UNIT = re.compile(r"\s?[(\[](?:in\s)?(?:s|secs?|seconds?|(?:hh?:)?mm?:ss?(?:[.:]\w{1,3})?)[)\]]$", re.I)


class EventLines:
    """Reads one line after another, as the rows of a table have to know the heading.

    `of_video` says that the text is about a video, so that `0:05` is a moment of it and not the time of day, and that
    a table may be one of its events. `has_unread_times` tells of times in lines in which no event was found.
    """

    def __init__(self, *, of_video: bool) -> None:
        self._of_video = of_video
        self._headings: tuple[str, ...] | None = None
        self.has_unread_times = False

    def read(self, line: str) -> Iterator[tuple[WrittenEvent, Span]]:
        """The ranges and moments that a line tells, each with its place (start, end) in the line."""
        row = self._row(line) if self._of_video else None
        if row is not None:
            start = len(line) - len(line.lstrip())
            yield row, (start, len(line.rstrip()))
            return
        is_unread = self._of_video
        for event in read_sentences(line, of_video=self._of_video):
            is_unread = False
            yield event
        self.has_unread_times |= is_unread and has_times(line)

    def _row(self, line: str) -> WrittenEvent | None:
        if "|" not in line:
            self._headings = None
        if "|" not in line or TABLE_RULE.fullmatch(line):
            return None
        inside = line.strip().removeprefix("|").removesuffix("|")
        cells = [cell.strip(CELL_MARKS) for cell in CELL_END.split(inside, MAX_COLUMNS)]
        event = _under_headings(self._headings or (), cells) or _in_cells(cells)
        if event is None and self._headings is None:
            self._headings = tuple(HEADING_UNIT.sub("", cell) for cell in cells)
        return event


def _under_headings(headings: Sequence[str], cells: Sequence[str]) -> WrittenEvent | None:
    """A row is an object whose keys are the headings."""
    pairs = {heading: cell for heading, cell in zip(headings, cells, strict=False) if cell}
    event = read_event(pairs, has_place=True, of_video=True) if time_keys(pairs) else None
    return event and replace(event, label=event.label or _words_of(cells))


def _in_cells(cells: Sequence[str]) -> WrittenEvent | None:
    """A row whose headings say nothing of times: a range, two moments side by side, or a moment that comes first."""
    ranges = list(filter(None, map(read_range, cells)))
    moments = [_moment(cell) for cell in cells]
    pairs = [(a, b) for a, b in pairwise(moments) if a is not None and b is not None]
    firsts = [(moment, moment) for moment, cell in zip(moments, cells, strict=True) if cell][:1]
    for start_s, end_s in (*ranges, *pairs, *firsts):
        if start_s is not None and end_s is not None:
            return WrittenEvent(_words_of(cells), start_s, end_s)
    return None


def _moment(cell: str) -> float | None:
    """The seconds of a cell that is a time and more than a number."""
    return None if cell.replace(".", "").isdigit() else seconds(cell)


def _words_of(cells: Sequence[str]) -> str:
    """The first cell with words in it."""
    return next(
        (
            name_of(cell.replace("\\|", "|"))
            for cell in cells
            if any(map(str.isalpha, cell)) and seconds(cell) is None and read_range(cell) is None
        ),
        "",
    )


def read_sentences(line: str, *, of_video: bool = False) -> Iterator[tuple[WrittenEvent, Span]]:
    """The ranges and moments that a line of prose tells, each with its place (start, end) in the line."""
    if not any(character.isdigit() for character in line):
        return
    named_to, chain = 0, _Chain()
    for match in _candidates(line, of_video=of_video):
        times = _told(match, of_video=of_video)
        if times is None or match.start() < max(named_to, chain.end):
            continue
        if chain.goes_on_with(line, match, named_to):
            chain.add(times, match)
        elif match.re is not ALSO_AT:
            yield from chain.named(line, named_to)
            named_to, chain = max(named_to, chain.end), _Chain()
            chain.add(times, match)
    yield from chain.named(line, named_to)


class _Chain:
    """Times that tell of the same: "from 2 s to 4 s, and again from 6 s to 8 s"."""

    def __init__(self) -> None:
        self._told: list[tuple[Times, re.Match[str]]] = []

    @property
    def end(self) -> int:
        return self._told[-1][1].end() if self._told else 0

    def add(self, times: Times, match: re.Match[str]) -> None:
        self._told.append((times, match))

    def goes_on_with(self, line: str, match: re.Match[str], named_to: int) -> bool:
        """Whether nothing but "and again" stands between, and what follows is not a sentence of its own."""
        if not self._told or not AND_AGAIN.fullmatch(line, self.end, match.start()):
            return False
        if match.re is ALSO_AT and (match.start() != self.end or "time" not in self._told[-1][1].re.groupindex):
            return False
        time = match.start("time" if "time" in match.re.groupindex else "start")
        return bool(
            AGAIN.search(line, self.end, time)
            or NO_WORDS.match(line, match.end())
            or not _words_before(line, named_to, self._told[0][1].start())
        )

    def named(self, line: str, named_to: int) -> Iterator[tuple[WrittenEvent, Span]]:
        if not self._told:
            return
        label = _words_around(line, named_to, (self._told[0][1].start(), self.end))
        for times, match in self._told:
            begins_at = {AT_LINE_START: "time", ALSO_AT: "time", PAIR_AT_LINE_START: "start"}.get(match.re, 0)
            yield WrittenEvent(label, *times), (match.start(begins_at), match.end())


def _candidates(line: str, *, of_video: bool) -> list[re.Match[str]]:
    patterns = (IN_SENTENCE, START_AND_END, AT_MOMENT, ALSO_AT, *((INTO_VIDEO,) if of_video else ()))
    matches = [match for pattern in patterns for match in pattern.finditer(line)]
    if of_video:
        matches += filter(None, (AT_LINE_START.match(line), PAIR_AT_LINE_START.match(line)))
    return sorted(matches, key=lambda match: (match.start(), -match.end()))


def _told(match: re.Match[str], *, of_video: bool) -> Times | None:
    """The times of a match in prose, if something makes sure that these are times of a video."""
    groups = match.groupdict()
    if "time" in groups:
        moment, time = seconds(groups["time"]), groups["time"]
        is_clock = (":" in time and (of_video or "." in time)) or (of_video and is_worded(time))
        return (moment, moment) if moment is not None and (groups["unit"] or is_clock) else None
    return times_of(match) if _is_range_told(match, groups, of_video=of_video) else None


def _is_range_told(match: re.Match[str], groups: dict[str, str | None], *, of_video: bool) -> bool:
    (start, end), before = written_times(match), (groups.get("before") or "").lower()
    if is_worded(start + end) and not of_video:
        return False
    if match.re is START_AND_END:
        return of_video and is_marked(end, groups["end_unit"])
    if match.re is PAIR_AT_LINE_START:
        return "." in end or is_marked(end, groups["end_unit"])
    is_clock = all(":" in time or is_worded(time) for time in (start, end))
    if (groups["length"] and ":" not in end) or (groups["and"] and not before.startswith("between")):
        return False
    is_precise = "." in end
    marks = LINE_START if of_video else LEADING_MARKS
    leads = before or marks.fullmatch(match.string, 0, min(match.start("start"), MAX_BULLET_CHARS))
    is_sure = (leads or is_precise or of_video) if is_clock else (of_video and leads and is_precise)
    return bool(groups["end_unit"] or is_sure)


def _words_around(line: str, told_to: int, span: Span) -> str:
    """What happens then: the words of the sentence before the time, or after it where it stands first."""
    if words := _words_before(line, told_to, span[0]):
        return "" if NAMELESS.fullmatch(words) else name_of(words)
    after = LEADING_MARKS.sub("", line[span[1] : span[1] + MAX_LABEL_CHARS].lstrip(" |"), count=1)
    return name_of(SENTENCE_END.split(after)[0])


def _words_before(line: str, told_to: int, start: int) -> str:
    before = SENTENCE_END.split(line[max(told_to, start - MAX_LABEL_CHARS) : start])[-1]
    return "" if LINE_START.fullmatch(before) else CONNECTIVE.sub("", LEADING_MARKS.sub("", before, count=1))


def has_times(line: str) -> bool:
    """Whether something in a line looks like a time, and not like a length of time."""
    return any(not match["length"] and is_marked(match["time"], match["unit"]) for match in LIKE_A_TIME.finditer(line))
