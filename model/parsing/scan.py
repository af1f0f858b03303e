"""Finds values in unfinished text: objects, lists, strings and numbers as JSON or Python write them, or nearly so.

Knows brackets, quotes, commas and the mistakes that models make with them. Does not know what a box is: a `Listener` is
told of every bracket that closes, at once, and says whether it takes the value. Every character is looked at once, the
open brackets are kept on a stack of their own, so that neither length nor depth of a value is a danger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from model.parsing.literals import CONSTANTS, NUMBER, to_number, unescape
from model.parsing.problems import Defect

MAX_HEIGHT = 64
"""Values nested deeper than this are not kept, so that whoever walks through them may recurse."""

MAX_OPEN = 20_000
"""With more brackets open a value ends and another one begins: the garbage collector is slow with longer chains."""

WORD_CHARS = 256
"""A longer run of characters without a space or bracket is read in parts; no number or key is as long."""

LOOKBACK = 8
"""How many brackets may be missing before a closing one is taken for a stray one."""

CLOSING = {"}": "{", "]": "[", ")": "("}
SKIPPED_WORDS = ("...", "…")

QUOTES = {'"': '"', "'": "'", **dict.fromkeys("“”„", '“”"'), **dict.fromkeys("‘’‚", "‘’'")}
"""What may end a string, by what began it. A typographic quote ends none that a plain one began: it is a part of it."""

MARKS = r"\[\]{}(),:`<" + "".join(QUOTES)
TOKEN = re.compile(rf"\s*(?:([{MARKS}])|([^\s{MARKS}]{{1,{WORD_CHARS}}}))?")
UNQUOTED = re.compile(rf"[^,}}\]\n\"{{\[]{{1,{WORD_CHARS}}}")
STRING_STOP = {quote: re.compile(rf"[{ends}\\]") for quote, ends in QUOTES.items()}
# A quote ends a string only before one of these: `'man's hat'` and `"the "big" one"` are read as they are meant.
AFTER_STRING = re.compile(r"[ \t]{0,64}(?:([,:}\])\r\n`<])|(.))?", re.DOTALL)


LINE_VALUE = re.compile(r"^[ \t]*(?=[\[{])", re.MULTILINE)
"""Where a value may begin a line."""


class State(Enum):
    READING = auto()
    CLOSED = auto()
    NOT_A_VALUE = auto()
    """The bracket was one of prose, code or a formula."""
    BROKEN_OFF = auto()
    """A value, but the text went on with something else before its last bracket."""


class Frame:
    """One bracket and what was read inside it. `end` is -1 while it is open.

    `key` is the key of an object whose value is awaited, so that an inner frame can see under which key it sits, and
    `key_start` its place. `is_taken` says that the listener took the value, `taken` counts the inner ones that it
    took, and `told` are the keys of this value whose meaning went into one of those.
    """

    __slots__ = (
        *("bracket", "colon", "depth", "end", "height", "is_taken", "items", "key", "key_start"),
        *("pairs", "parent", "start", "taken", "told"),
    )

    def __init__(self, bracket: str, start: int, parent: Frame | None) -> None:
        self.bracket = bracket
        self.start = start
        self.end = -1
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 1
        self.pairs: dict[str, Any] = {}
        self.items: list[Any] = []
        self.key: str | None = None
        self.key_start = start
        self.colon = False
        self.is_taken = False
        self.taken = 0
        self.told: frozenset[str] = frozenset()
        self.height = 1

    @property
    def is_object(self) -> bool:
        return self.bracket == "{"

    @property
    def awaits_key(self) -> bool:
        return self.is_object and self.key is None

    @property
    def value(self) -> dict[str, Any] | list[Any]:
        return self.pairs if self.is_object else self.items

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end

    def put(self, value: Any) -> None:
        """Add an item, a key or the value of the last key. A key given twice is kept under a second name."""
        if not self.is_object:
            self.items.append(value)
        elif self.key is None:
            self.key = value if isinstance(value, str) else str(value)
        else:
            key = self.key if self.key not in self.pairs else f"{self.key} ({len(self.pairs) + 1})"
            self.pairs[key] = value
            self.forget_key()

    @property
    def untold(self) -> dict[str, Any]:
        """The pairs that still mean something by themselves."""
        return {key: value for key, value in self.pairs.items() if key not in self.told}

    def forget_key(self) -> None:
        self.key, self.colon = None, False


class Listener(Protocol):
    """Who is told of what was read; both methods return True to take the value out of the one around it."""

    def closed(self, frame: Frame) -> bool: ...

    def paired(self, frame: Frame, value: Any, end: int) -> bool:
        """A string, number or constant was read for `frame.key`; it ends at `end`."""
        ...


class ValueReader:
    """Reads one bracketed value, starting at its first bracket.

    `sure` says that the surroundings (a JSON fence, a tool call) promise a value; otherwise anything that does not fit
    makes it `NOT_A_VALUE` until a quoted key with its colon has been seen. `defects` is what was mended.
    """

    def __init__(self, listener: Listener, start: int = 0, *, sure: bool) -> None:
        self.start = start
        self.state = State.READING
        self.sure = sure
        self.defects: list[Defect] = []
        self.root: Frame | None = None
        self._listener = listener
        self._frame: Frame | None = None
        self._quote = ""
        self._string: list[str] = []
        self._string_start = start
        self._in_comment = False
        self._key_was_quoted = False

    def read(self, text: str, pos: int, offset: int, *, final: bool) -> int:
        """Read on at `text[pos]`, as far as can be decided, and return the new position.

        `offset` is the place of `text[0]` in the whole answer; `final` says that no more text will come.
        """
        while self.state is State.READING and pos < len(text):
            if self._in_comment:
                after = self._comment(text, pos)
            elif self._quote:
                after = self._string_part(text, pos, offset, final)
            else:
                after = self._token(text, pos, offset, final)
            if after == pos and self.state is State.READING:
                break
            pos = after
        return pos

    def _token(self, text: str, pos: int, offset: int, final: bool) -> int:
        match = TOKEN.match(text, pos)
        assert match is not None  # every part of the pattern is optional
        if mark := match[1]:
            return self._mark(mark, match.start(1), offset)
        if word := match[2]:
            start = match.start(2)
            is_whole = match.end() < len(text) or len(word) == WORD_CHARS
            if is_whole or (final and not self._is_cut(word)):
                return self._word(word, text, start, offset, final)
            return match.end() if final else start
        return match.end()

    def _is_cut(self, word: str) -> bool:
        """Whether a word at the very end of the text is only the beginning of one: `12` may have been `1250.00`."""
        return self.sure or NUMBER.fullmatch(word) is not None

    def _mark(self, mark: str, pos: int, offset: int) -> int:
        """Act on one character of punctuation; returns `pos` when it does not belong to the value any more."""
        if mark in "{[(":
            return self._open(mark, pos, offset)
        if mark in CLOSING:
            return self._close(mark, pos, offset)
        if mark in QUOTES:
            self._quote, self._string_start = mark, offset + pos
        elif mark == ",":
            return self._comma(pos, offset)
        elif mark == ":":
            return self._colon(pos, offset)
        else:  # a fence, a tag or a special token
            return self._break_off(pos, offset)
        return pos + 1

    def _open(self, bracket: str, pos: int, offset: int) -> int:
        frame = self._frame
        if frame is not None and frame.depth >= MAX_OPEN:
            self.defects.append(Defect.TOO_DEEP)
            return self._break_off(pos, offset)
        if frame is not None and frame.awaits_key:
            if frame.pairs or frame.taken:
                self._shut(frame, offset + pos, missing=True)
                return pos
            self.defects.append(Defect.STRAY_BRACKET)
            frame = frame.parent
        self._frame = Frame(bracket, offset + pos, frame)
        return pos + 1

    def _close(self, bracket: str, pos: int, offset: int) -> int:
        frame = self._frame
        for _ in range(LOOKBACK):
            if frame is None or frame.bracket == CLOSING[bracket]:
                break
            frame = frame.parent
        if frame is None or frame.bracket != CLOSING[bracket]:
            return self._skip(pos, offset, Defect.STRAY_BRACKET)
        if not self.sure and (frame is not self._frame or frame.key is not None):
            return self._break_off(pos, offset)
        while self._frame is not frame:
            assert self._frame is not None  # `frame` is on the stack
            self._shut(self._frame, offset + pos, missing=True)
        self._shut(frame, offset + pos + 1)
        return pos + 1

    def _comma(self, pos: int, offset: int) -> int:
        frame = self._frame
        if frame is not None and frame.key is not None:
            frame.forget_key()
            return self._skip(pos, offset, Defect.UNREADABLE)
        return pos + 1

    def _colon(self, pos: int, offset: int) -> int:
        frame = self._frame
        assert frame is not None  # the first character is a bracket
        if frame.key is not None and not frame.colon:
            frame.colon = True
            self.sure = self.sure or self._key_was_quoted
            return pos + 1
        around = frame.parent
        if frame.items and isinstance(frame.items[-1], str) and around is not None and around.is_object:
            key = frame.items.pop()  # `{"bbox_2d": [1, 2, 3, 4, "label": ..`: the list should have ended before
            self._shut(frame, offset + pos, missing=True)
            around.key, around.colon = key, True
            return pos + 1
        return self._skip(pos, offset, Defect.UNREADABLE)

    def _word(self, word: str, text: str, pos: int, offset: int, final: bool) -> int:
        frame = self._frame
        assert frame is not None
        end = pos + len(word)
        if word.startswith("//"):
            self._in_comment = True
        elif word in SKIPPED_WORDS:
            pass
        elif word in CONSTANTS:
            self._scalar(CONSTANTS[word], offset + pos, offset + end)
        elif NUMBER.fullmatch(word):
            self._scalar(to_number(word), offset + pos, offset + end)
        elif frame.awaits_key:
            self._scalar(word, offset + pos, offset + end)
        elif frame.colon and self.sure:
            return self._unquoted(text, pos, offset, final)
        else:
            return self._break_off(pos, offset)
        return end

    def _unquoted(self, text: str, pos: int, offset: int, final: bool) -> int:
        """A value that lost both quotes: `{"label": red cup, ..`."""
        match = UNQUOTED.match(text, pos)
        assert match is not None  # the caller has seen a word here
        if match.end() == len(text) and len(match[0]) < WORD_CHARS:
            return len(text) if final else pos
        self._scalar(match[0].strip(), offset + pos, offset + match.end())
        return match.end()

    def _comment(self, text: str, pos: int) -> int:
        end = text.find("\n", pos)
        self._in_comment = end < 0
        return len(text) if end < 0 else end

    def _string_part(self, text: str, pos: int, offset: int, final: bool) -> int:
        """Read on inside a string, up to its end or to the end of the text at hand."""
        stop = STRING_STOP[self._quote].search(text, pos)
        end = stop.start() if stop else len(text)
        if not self.sure and (newline := text.find("\n", pos, end)) >= 0:
            return self._break_off(newline, offset)
        self._string.append(text[pos:end])
        if stop is None or (end + 1 == len(text) and not final):
            return end
        if stop[0] == "\\":
            self._string.append(text[end : end + 2])
            return min(end + 2, len(text))
        return self._quote_mark(text, end, offset, final)

    def _quote_mark(self, text: str, pos: int, offset: int, final: bool) -> int:
        """Decide whether the quote at `pos` ends the string; waits for the character that tells."""
        match = AFTER_STRING.match(text, pos + 1)
        assert match is not None  # every part of the pattern is optional
        if match.end() == len(text) and match.lastindex is None and not final:
            return pos
        if match[2]:
            self._string.append(text[pos])
        else:
            self._end_string(offset + pos + 1)
        return pos + 1

    def _end_string(self, end: int) -> None:
        raw = "".join(self._string)
        self._quote, self._string = "", []
        self._scalar(unescape(raw), self._string_start, end, quoted=True)

    def _scalar(self, value: Any, start: int, end: int, *, quoted: bool = False) -> None:
        frame = self._frame
        assert frame is not None
        if frame.awaits_key:
            frame = self._next_object(frame, value, start)
            frame.key_start, self._key_was_quoted = start, quoted
        elif frame.is_object and self._listener.paired(frame, value, end):
            frame.taken += 1
            frame.forget_key()
            return
        frame.put(value)

    def _next_object(self, frame: Frame, key: Any, start: int) -> Frame:
        """A key for the second time, in an object of a list: the bracket between two objects was forgotten."""
        around = frame.parent
        if key not in frame.pairs or around is None or around.is_object:
            return frame
        self._shut(frame, start, missing=True)
        self._frame = Frame(frame.bracket, start, around)
        return self._frame

    def _shut(self, frame: Frame, end: int, *, missing: bool = False) -> None:
        """Close the innermost frame and hand it up: to the listener, or into the value around it."""
        if missing:
            self.defects.append(Defect.MISSING_BRACKET)
        if frame.key is not None:
            self.defects.append(Defect.UNREADABLE)
            frame.forget_key()
        frame.end = end
        around = self._frame = frame.parent
        frame.is_taken = self._listener.closed(frame)
        self.sure = self.sure or frame.is_taken
        if around is None:
            self.root, self.state = frame, State.CLOSED
        else:
            self._hand_up(frame, around)

    def _hand_up(self, frame: Frame, around: Frame) -> None:
        around.taken += frame.taken + frame.is_taken
        if frame.is_taken or (frame.taken and not frame.value):
            around.forget_key()
        elif frame.height >= MAX_HEIGHT:
            self.defects.append(Defect.TOO_DEEP)
            around.forget_key()
        else:
            around.height = max(around.height, frame.height + 1)
            around.put(frame.value)

    def _skip(self, pos: int, offset: int, defect: Defect) -> int:
        """Go on behind one character that does not fit, if this surely is a value."""
        if not self.sure:
            return self._break_off(pos, offset)
        self.defects.append(defect)
        return pos + 1

    def _break_off(self, pos: int, offset: int) -> int:
        """What comes now does not belong to the value: close what is open, or see that it never was one."""
        if not self.sure:
            self.state = State.NOT_A_VALUE
            return pos
        while self._frame is not None:
            self._shut(self._frame, offset + pos, missing=True)
        self.state = State.BROKEN_OFF
        return pos

    def cut(self, end: int) -> Frame | None:
        """The outermost value when the text has ended inside it, with the parts that were whole."""
        frame = self._frame
        while frame is not None and frame.parent is not None:
            frame.parent.taken += frame.taken
            frame = frame.parent
        if frame is not None:
            frame.end = end
        return frame

    def kept(self) -> tuple[dict[str, Any] | list[Any], tuple[str, ...]]:
        """The outermost value with what was whole in all that is still open, and the keys around what was kept of
        the innermost, from the outside in. To be asked once, at the end of the text.
        """
        frame, keys = self._frame, list[str]()
        assert frame is not None  # the text has ended inside the value
        while (around := frame.parent) is not None:
            is_kept = bool(frame.value) and frame.height < MAX_HEIGHT
            if is_kept:
                keys += [around.key] if around.key is not None else []
                around.height = max(around.height, frame.height + 1)
                around.put(frame.value)
            around.forget_key()
            frame = around
        return frame.value, tuple(reversed(keys))


class _Nobody:
    """Takes nothing, so that all stays in the value."""

    def closed(self, frame: Frame) -> bool:
        return False

    def paired(self, frame: Frame, value: Any, end: int) -> bool:
        return False


def parse_value(text: str) -> dict[str, Any] | list[Any] | None:
    """The object or list that a text is, with the same patience as in an answer; None when it is something else."""
    text = text.strip()
    reader = ValueReader(_Nobody(), sure=False)
    if text[:1] in ("{", "[") and reader.read(text, 0, 0, final=True) == len(text) and reader.root is not None:
        return reader.root.value
    return None


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a text; of one in which the text ended what was whole, and the keys around the last of it."""

    inside: dict[str, Any] | list[Any]
    is_whole: bool = True
    cut_keys: tuple[str, ...] = ()


def values_in(text: str) -> Iterator[Value]:
    """The objects and lists that begin a line of a finished text."""
    pos = 0
    while match := LINE_VALUE.search(text, pos):
        reader = ValueReader(_Nobody(), match.end(), sure=False)
        pos = max(reader.read(text, match.end(), 0, final=True), match.end() + 1)
        if reader.root is not None:
            yield Value(reader.root.value)
        elif reader.state is State.READING and reader.sure:
            inside, cut_keys = reader.kept()
            yield Value(inside, False, cut_keys)
