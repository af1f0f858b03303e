"""Keeps the text that stands outside of places, tags and values, line by line.

Knows lines, fences and where each character came from. Does not know what is in a line: whoever ends it says whether
it stays.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, field
from operator import itemgetter

LAST_LINES = 5


@dataclass(slots=True)
class _Kept:
    """Lines that stay. `starts` are pairs: where a line stands in the answer, and its index in all that is kept."""

    lines: list[str] = field(default_factory=list)
    starts: list[tuple[int, int]] = field(default_factory=list)
    chars: int = 0

    def add(self, text: str, start: int) -> None:
        self.starts.append((start, self.chars))
        self.lines.append(text)
        self.chars += len(text)

    def cut(self, start: int) -> None:
        """Forget what stands in the answer from `start` on."""
        while self.starts and self.starts[-1][0] >= start:
            self.chars = self.starts.pop()[1]
        if self.starts:
            place, index = self.starts[-1]
            self.chars = min(self.chars, index + start - place)
        self.lines = [self.text[: self.chars]]

    @property
    def text(self) -> str:
        """The lines as one text, which replaces them: so that each is copied once and not with every look at it."""
        self.lines[:] = filter(None, ["".join(self.lines)])
        return self.lines[0] if self.lines else ""


class Prose:
    """The prose so far. A fence whose inside turned out to be an answer vanishes together with its marks.

    `has_payload` says that something was taken out of the unfinished line: if nothing else is on it, it vanishes too.
    `last_lines` are the last ones with words, also those of a page that is left out.
    """

    def __init__(self) -> None:
        self._fence_mark = ""
        self._fence_has_payload = False
        self._end = 0
        self.clear()

    def clear(self) -> None:
        """Forget all text."""
        self._kept = _Kept()
        self._before_fence: _Kept | None = None
        self._page: tuple[int, int | None] | None = None
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._forget_line()

    def _forget_line(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._runs: list[tuple[int, int]] = []  # index in the line, place in the answer; a new one after each gap
        self._words_from = 0
        self._ends_with_space = True
        self._has_doubled_space = False  # where something stood between two spaces, one of them goes with it
        self._text: str | None = None
        self.has_payload = False

    def add(self, text: str, start: int) -> None:
        """Add a part of a line, without a newline, that begins at `start` in the answer."""
        if text[:1] == " " and self._has_doubled_space:
            text, start = text[1:], start + 1
            self._has_doubled_space = False
        if not text:
            return
        self._has_doubled_space = False
        self._ends_with_space = text[-1] == " "
        if not self._runs or self.place(self._length) != start:
            self._runs.append((self._length, start))
        self._parts.append(text)
        self._length += len(text)
        self._end = start + len(text)
        self._text = None

    def take_out(self) -> None:
        """Note that something has been taken out here; words before it do not belong to those behind it."""
        self.has_payload = self._fence_has_payload = True
        self._words_from = len(self._parts)
        self._has_doubled_space = self._ends_with_space
        self._text = None

    @property
    def words(self) -> str:
        """The words of the line since something was taken out of it."""
        self._parts[self._words_from :] = ["".join(self._parts[self._words_from :])]
        return self._parts[-1]

    @property
    def line(self) -> str:
        """The unfinished line."""
        words = self.words
        if self._words_from > 1:
            self._parts[: self._words_from] = ["".join(self._parts[: self._words_from])]
            self._words_from = 1
        return self._parts[0] + words if self._words_from else words

    @property
    def line_is_blank(self) -> bool:
        return all(not part or part.isspace() for part in self._parts)

    def place(self, index: int) -> int:
        """Where a character of the unfinished line stands in the answer."""
        if not self._runs:
            return 0
        run_index, start = self._runs[bisect_right(self._runs, index, key=itemgetter(0)) - 1]
        return start + index - run_index

    def end_line(self, newline: str = "\n") -> None:
        """Finish the line; one of which nothing is left but white space vanishes."""
        if not self.line_is_blank:
            self.last_lines.append(self.line)
        shown, start = self._shown_line, self.place(0) if self._runs else self._end
        is_gone = self.has_payload or shown != self.line or self._is_in_page(start) or not self._kept.lines
        if shown.strip() or not is_gone:
            self._kept.add(shown + newline, start)
        self._forget_line()

    def leave_out(self, start: int, end: int | None) -> None:
        """Leave out the page that stands in the answer from `start` to `end`, or has not ended yet."""
        if self._page == (start, end):
            return
        if self._page is None or self._page[0] != start:
            self._kept.cut(start)
            self._fence_has_payload = True
        self._page = start, end
        self._text = None

    def _is_in_page(self, place: int) -> bool:
        return self._page is not None and self._page[0] <= place and (self._page[1] is None or place < self._page[1])

    @property
    def _shown_line(self) -> str:
        """What of the unfinished line is no part of the page."""
        if self._page is None:
            return self.line
        start, end = self._page
        return self.line[: self._index(start)] + ("" if end is None else self.line[self._index(end) :])

    def _index(self, place: int) -> int:
        """Where in the unfinished line a place of the answer is, or would be."""
        return bisect_left(range(self._length), place, key=self.place)

    def drop_line(self) -> None:
        """Finish the line and keep nothing of it: all of it was an answer."""
        self.take_out()
        self._forget_line()

    def open_fence(self, mark: str) -> None:
        self.end_line(newline="")
        self._before_fence, self._kept, self._fence_mark = self._kept, _Kept(), mark
        self._fence_has_payload = False

    @property
    def fence_is_used(self) -> bool:
        """Whether something was taken out of the fence."""
        return self._fence_has_payload

    def close_fence(self, mark: str) -> None:
        """End the fence. Its marks stay only where nothing was taken out of it."""
        if self._before_fence is None:
            return
        self.end_line(newline="")
        inside, starts = self._kept.text, self._kept.starts
        self._kept, self._before_fence = self._before_fence, None
        if inside.strip() and not self._fence_has_payload:
            inside = self._fence_mark + inside + mark
        if inside.strip():
            self._kept.add(inside, starts[0][0])
        self.has_payload = self._fence_has_payload

    @property
    def text(self) -> str:
        """All prose so far, without the white space around it."""
        if self._text is None:
            self._text = self._joined(self._shown_line)
        return self._text

    @property
    def text_without_line(self) -> str:
        """The prose up to the last newline."""
        return self._joined("")

    def _joined(self, line: str) -> str:
        inside = self._kept.text + line
        if self._before_fence is None:
            return inside.strip()
        mark = "" if self._fence_has_payload else self._fence_mark
        return (self._before_fence.text + (mark + inside if inside.strip() else "")).strip()
