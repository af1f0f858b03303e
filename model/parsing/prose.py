"""Keeps the text that stands outside of places, tags and values, line by line.

Knows lines, fences and where each character came from. Does not know what is in a line: whoever ends it says whether
it stays.
"""

from __future__ import annotations

from collections.abc import Sequence


class Prose:
    """The prose so far. A fence whose inside turned out to be an answer vanishes together with its marks.

    `has_payload` says that something was taken out of the unfinished line: if nothing else is on it, it vanishes too.
    """

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[tuple[int, str]] = []
        self._before_fence: list[str] | None = None
        self._fence_mark = ""
        self._fence_has_payload = False
        self._text: str | None = ""
        self._words: list[str] = []
        self.has_payload = False

    def add(self, text: str, start: int) -> None:
        """Add a part of a line, without a newline, that begins at `start` in the answer."""
        if text:
            self._line.append((start, text))
            self._words.append(text)
            self._text = None

    def take_out(self) -> None:
        """Note that something has been taken out here; words before it do not belong to those behind it."""
        self.has_payload = self._fence_has_payload = True
        self._words = []

    @property
    def words(self) -> str:
        """The words of the line since something was taken out of it."""
        self._words = ["".join(self._words)]
        return self._words[0]

    @property
    def line(self) -> str:
        """The unfinished line."""
        return "".join(text for _, text in self._line)

    @property
    def line_start(self) -> str:
        """The first characters of the unfinished line, enough to tell a line of numbers."""
        return self._line[0][1][:40] if self._line else ""

    @property
    def line_is_blank(self) -> bool:
        return all(text.isspace() for _, text in self._line)

    def places(self, indices: Sequence[int]) -> list[int]:
        """Where characters of the unfinished line, given in ascending order, stand in the answer."""
        places: list[int] = []
        parts, passed = iter(self._line), 0
        start, text = next(parts, (0, ""))
        for index in indices:
            while index - passed >= len(text) and (part := next(parts, None)):
                passed += len(text)
                start, text = part
            places.append(start + index - passed)
        return places

    @property
    def fence_is_used(self) -> bool:
        """Whether something was taken out of the fence."""
        return self._fence_has_payload

    def end_line(self, newline: str = "\n") -> None:
        """Finish the line; one of which nothing is left but white space vanishes."""
        if not (self.has_payload and self.line_is_blank):
            self._done.append(self.line + newline)
        self._forget_line()

    def drop_line(self) -> None:
        """Finish the line and keep nothing of it: all of it was an answer."""
        self.take_out()
        self._forget_line()

    def _forget_line(self) -> None:
        self._line, self._words, self._text = [], [], None
        self.has_payload = False

    def clear(self) -> None:
        """Forget all text."""
        self._done, self._before_fence = [], None
        self._forget_line()

    def open_fence(self, mark: str) -> None:
        self.end_line(newline="")
        self._before_fence, self._done, self._fence_mark = self._done, [], mark
        self._fence_has_payload = False

    def close_fence(self, mark: str) -> None:
        """End the fence. Its marks stay only where nothing was taken out of it."""
        if self._before_fence is None:
            return
        self.end_line(newline="")
        inside = "".join(self._done)
        if inside.strip() and not self._fence_has_payload:
            inside = self._fence_mark + inside + mark
        self._done = [*self._before_fence, inside] if inside.strip() else self._before_fence
        self._before_fence = None
        self.has_payload = self._fence_has_payload

    @property
    def text(self) -> str:
        """All prose so far, without the white space around it."""
        if self._text is None:
            self._text = self._joined(self.line)
        return self._text

    @property
    def text_without_line(self) -> str:
        """The prose up to the last newline."""
        return self._joined("")

    def _joined(self, line: str) -> str:
        self._done = ["".join(self._done)]
        inside = self._done[0] + line
        if self._before_fence is None:
            return inside.strip()
        self._before_fence = ["".join(self._before_fence)]
        mark = "" if self._fence_has_payload else self._fence_mark
        return (self._before_fence[0] + (mark + inside if inside.strip() else "")).strip()
