"""Walks through the text of an answer as it arrives: prose, fences, tags, thinking, values.

Knows the order of things in a text. What a value means is decided in `interpret`, what a tag means in `tags`. Text is
consumed as it comes and never read twice; only the beginning of something that cannot be told yet is held back, and
that is bounded.
"""

from __future__ import annotations

import re

from model.parsing.event_lines import EventLines
from model.parsing.findings import Findings
from model.parsing.interpret import Interpreter, Surroundings
from model.parsing.lines import (
    CORNER_CHARS,
    CORNERS,
    CUT_CORNERS,
    CUT_NUMBERS,
    MAX_CORNER_CHARS,
    label_before,
    read_corners,
    read_plain_line,
)
from model.parsing.markup import MarkupReader
from model.parsing.problems import Defect
from model.parsing.prose import Prose
from model.parsing.regions import Written, named_picture
from model.parsing.scan import State, ValueReader
from model.parsing.tags import WAIT, TagReader, tag_at

NOTABLE = re.compile(r"[\n\[{<(`]")
NOTABLE_IN_CODE = re.compile(r"[\n`]")
BACKTICKS = re.compile("`+")
FENCE = re.compile(r"`{3,}[ \t]*([\w+#.-]{0,30})[ \t]*(\n?)")
DATA_LANGUAGES = frozenset(("", "json", "jsonl", "json5", "jsonc", "ndjson", "python", "py", "text", "txt", "xml"))
"""Fences whose inside may be an answer; any other is code or a document, and stays as it is."""

CRUMBS = re.compile(r"[\s,;\[\]{}]*")


class TextReader:
    """Reads text into `findings` and `prose`, and shows all of it but thinking to `markup`."""

    def __init__(self, findings: Findings, prose: Prose, markup: MarkupReader, image_index: int) -> None:
        self._findings = findings
        self._prose = prose
        self.markup = markup
        self._draft = markup
        self._interpreter = Interpreter(findings)
        self._tags = TagReader(findings, prose, image_index)
        self._event_lines = EventLines(of_video=findings.is_of_video)
        self._pending = ""
        self._offset = 0
        self._value: ValueReader | None = None
        self._value_text: list[str] = []
        self._fence: str | None = None
        self._is_thought = False
        self._thought: str | None = None
        self._corners_label = ""
        self._lines_are_labelled = False
        self.last_was_line = False

    def feed(self, text: str, *, final: bool = False) -> None:
        """Read on, up to what cannot be told without more text."""
        text, pos = self._pending + text, 0
        while pos < len(text):
            markup, was_thought = self.markup, self._is_thought
            after = self._step(text, pos, final)
            if after == WAIT:
                break
            is_hidden = was_thought or self._is_thought or self.markup is not markup
            self.markup.feed(" " * (after - pos) if is_hidden else text[pos:after], self._fence)
            if self.markup.found_page is not None:
                self._prose.leave_out(*self.markup.found_page)
            pos = after
        self._offset += pos
        self._pending = text[pos:]

    @property
    def _is_code(self) -> bool:
        return self._fence is not None and self._fence not in DATA_LANGUAGES

    def _step(self, text: str, pos: int, final: bool) -> int:
        """Read one thing at `pos`; returns the position behind it, or `WAIT`."""
        if self._value is not None:
            return self._read_value(self._value, text, pos, final)
        if self._is_thought:
            return self._pass_thought(text, pos, final)
        match = (NOTABLE_IN_CODE if self._is_code else NOTABLE).search(text, pos)
        end = match.start() if match else len(text)
        self._prose.add(text[pos:end], self._offset + pos)
        if match is None or end > pos:
            return end
        return self._notable(match[0], text, pos, final)

    def _notable(self, mark: str, text: str, pos: int, final: bool) -> int:
        if mark == "\n":
            self._end_line()
            return pos + 1
        if mark == "<":
            return self._tag(text, pos, final)
        if mark == "`":
            return self._backtick(text, pos, final)
        if mark == "(":
            return self._corners(text, pos, final)
        return self._open_value(text, pos, final)

    def _pass_thought(self, text: str, pos: int, final: bool) -> int:
        """Pass over thinking, which is no part of the answer."""
        start = text.find("<", pos)
        if start < 0:
            return len(text)
        kind, end = tag_at(text, start, final=final) or (None, start + 1)
        self._is_thought = kind != "think_end"
        return len(text) if final and end == WAIT else end

    def _tag(self, text: str, pos: int, final: bool) -> int:
        tag = tag_at(text, pos, final=final)
        if tag is None:
            self._prose.add("<", self._offset + pos)
            return pos + 1
        kind, end = tag
        if end == WAIT:
            return self._cut_tag(text) if final else WAIT
        self._picture()
        if kind == "think":
            self._is_thought = True
        elif kind == "think_end":
            self._end_lone_thought()
        else:
            end = self._tags.read(kind, text, (pos, end), self._offset, final=final)
        return end

    def _cut_tag(self, text: str) -> int:
        self._prose.take_out()
        self._findings.problems.answer_was_cut(self._findings.count)
        return len(text)

    def _end_lone_thought(self) -> None:
        """All before a lone `</think>` was thinking: the opening tag stands in the prompt of thinking models."""
        self._findings.set_aside()
        self._thought = self._prose.text
        self._prose.clear()
        self._prose.take_out()
        self._draft, self.markup = self.markup, self.markup.restarted()

    def _backtick(self, text: str, pos: int, final: bool) -> int:
        ticks = BACKTICKS.match(text, pos)
        assert ticks is not None  # the caller has seen one
        # A value may be followed by the end of its fence on the same line; anywhere else three ticks begin a line.
        may_be_fence = self._prose.line_is_blank or (self._fence is not None and not self._is_code)
        if may_be_fence and ticks.end() == len(text) and not final:
            return WAIT
        if not may_be_fence or len(ticks[0]) < 3:
            self._prose.add(ticks[0], self._offset + pos)
            return ticks.end()
        if self._fence is None:
            return self._open_fence(text, pos, final)
        self._close_fence(ticks[0], self._offset + pos)
        return ticks.end()

    def _open_fence(self, text: str, pos: int, final: bool) -> int:
        match = FENCE.match(text, pos)
        assert match is not None  # the caller has seen three backticks
        if match.end() == len(text) and not match[2] and not final:
            return WAIT
        self._fence = match[1].lower()
        if self._is_code:
            self._prose.add(match[0].removesuffix("\n"), self._offset + pos)
            if match[2]:
                self._prose.end_line()
        else:
            self._prose.open_fence(match[0])
        return match.end()

    def _close_fence(self, mark: str, start: int) -> None:
        if self._is_code:
            self._prose.add(mark, start)
        else:
            self._end_line(newline="")
            self._prose.close_fence(mark)
        self._fence = None

    def _corners(self, text: str, pos: int, final: bool) -> int:
        """`label(x1,y1),(x2,y2)`, what is left of a box when special tokens were stripped."""
        match = CORNERS.match(text, pos)
        run = CORNER_CHARS.match(text, pos)
        may_go_on = run is not None and run.end() == len(text) and len(run[0]) < MAX_CORNER_CHARS
        if may_go_on and not final:
            return WAIT
        if may_go_on and CUT_CORNERS.fullmatch(text, pos):
            self._findings.problems.answer_was_cut(self._findings.count)
            self._prose.take_out()
            return len(text)
        if match is None:
            self._prose.add("(", self._offset + pos)
            return pos + 1
        self._corners_label = label_before(self._prose.words) or self._corners_label
        place = read_corners(match[0], self._corners_label)
        self._findings.add_place(place, (self._offset + pos, self._offset + match.end()), self._picture())
        self._prose.take_out()
        return match.end()

    def _open_value(self, text: str, pos: int, final: bool) -> int:
        is_json = (self._fence or "").startswith("json")
        self._interpreter.around = Surroundings(
            words=label_before(self._prose.words),
            image_index=self._picture(),
            alone=is_json or self._prose.line_is_blank,
            in_fence=self._fence is not None,
            in_call=self._tags.in_call,
        )
        self._value = ValueReader(self._interpreter, self._offset + pos, sure=is_json or self._tags.in_call)
        self._value_text = []
        return self._read_value(self._value, text, pos, final)

    def _read_value(self, value: ValueReader, text: str, pos: int, final: bool) -> int:
        after = value.read(text, pos, self._offset, final=final)
        self._value_text.append(text[pos:after])
        if value.state is not State.READING:
            is_answer = value.root is not None and self._interpreter.finished(value.root)
            self._end_value(value, is_answer)
        elif after == pos:
            return WAIT
        return after

    def _end_value(self, value: ValueReader, is_answer: bool, *, is_last: bool = False) -> None:
        """Leave the value out of the prose if it is an answer; give it back if it was only brackets in a text."""
        self._value = None
        if is_answer:
            self._prose.take_out()
            self._findings.problems.add_all(value.defects)
            self.last_was_line = False
            return
        if is_last and self._findings.count and CUT_NUMBERS.fullmatch("".join(self._value_text)):
            self._findings.problems.answer_was_cut(self._findings.count)
            self._prose.take_out()
            return
        start = value.start
        for index, line in enumerate("".join(self._value_text).split("\n")):
            if index:
                self._end_line()
            self._prose.add(line, start)
            start += len(line) + 1

    def _picture(self) -> int:
        """The picture that the prose named last."""
        named = named_picture(self._prose.words) if self._findings.picture_count > 1 else None
        if named is not None and 0 <= named < self._findings.picture_count:
            self._tags.image_index = named
        return self._tags.image_index

    def _is_cut_line(self, place: Written) -> bool:
        """Whether the last line ends in a number that may have gone on: the others have labels, a fence is open, or
        the number is too small for a box as it stands.
        """
        x1, y1, x2, y2 = place.numbers
        return not place.label and (self._lines_are_labelled or self._fence is not None or x2 < x1 or y2 < y1)

    def _end_line(self, newline: str = "\n", *, is_last: bool = False) -> None:
        """Look for places and times in the finished line."""
        line = "" if self._is_code else self._prose.line
        self._picture()
        self._corners_label = ""
        place = None if self._prose.has_payload else read_plain_line(line)
        if place is not None and is_last and self._is_cut_line(place):
            self._findings.problems.answer_was_cut(self._findings.count)
            self._prose.drop_line()
        elif place is not None:
            begin = self._prose.place(0)
            self._findings.add_place(place, (begin, begin + len(line)), self._tags.image_index)
            if is_last and not place.label:
                self._findings.problems.add(Defect.OPEN_END)
            self.last_was_line = True
            self._lines_are_labelled |= bool(place.label)
            self._prose.drop_line()
        elif self._findings.count and line.strip() and CRUMBS.fullmatch(line):
            if line.strip(" \t,;"):
                self._findings.problems.add(Defect.STRAY_BRACKET)
            self._prose.drop_line()
        else:
            self._read_times(line)
            self._prose.end_line(newline)

    def _read_times(self, line: str) -> None:
        for event, (start, end) in self._event_lines.read(line):
            self._findings.add_event(event, (self._prose.place(start), self._prose.place(end - 1) + 1))

    def finish(self) -> None:
        """End of the text: take what was held back, and tell what was left unfinished."""
        self.feed("", final=True)
        if self._value is not None:
            self._finish_value(self._value)
        self._tags.close_points(self._offset)
        self._end_line(newline="", is_last=True)
        if self._fence is not None:
            self._finish_fence(self._fence)
        if self._is_thought:
            self._findings.problems.add(Defect.ONLY_THINKING)
        if self._event_lines.has_unread_times and not self._findings.has_told_times:
            self._findings.problems.add(Defect.TIMES_UNREAD)
        is_empty = not self._prose.text and self._findings.is_empty and not self.markup.found_page
        if self._thought is not None and is_empty:
            self._prose.add(self._thought, 0)
            self._findings.take_back()
            self.markup = self._draft
        self.markup.finish()

    def _finish_value(self, value: ValueReader) -> None:
        """A value that was cut: what was whole in it has been found already, but for plain fields."""
        root = value.cut(self._offset)
        is_answer = root is not None and (value.sure or self._interpreter.around.alone)
        if is_answer and root is not None:
            fields_before = len(self._findings.fields)
            self._interpreter.finished(root, is_whole=False)
            self._tell_cut(len(self._findings.fields) - fields_before)
        self._end_value(value, is_answer, is_last=True)

    def _tell_cut(self, fields: int) -> None:
        problems, objects = self._findings.problems, self._findings.count
        if fields and not objects:
            problems.answer_was_cut(fields, "field")
        else:
            problems.answer_was_cut(objects)

    def _finish_fence(self, language: str) -> None:
        if self._is_code:
            self._findings.problems.answer_was_cut_in(language)
        elif language.startswith("json") and not self._prose.fence_is_used:
            self._findings.problems.answer_was_cut(self._findings.count)
        self._prose.close_fence("")
