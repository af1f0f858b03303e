"""Takes HTML apart into tags, comments and text, also when only its beginning has arrived, or a wrong one.

Knows how a tag is written. Does not know what tags mean. The standard library's parser would do, but for its time: it
needs minutes for 200 KB of tags that do not end, and answers that loop look just like that. Here every character is
looked at a few times at most, because no tag goes on behind the next `<`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

MAX_TAG_CHARS = 20_000
"""A tag or comment that is not whole after so many characters is text."""

TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)")
BROKEN_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})([^<>]*+)>")
DECLARATION = re.compile(r"<[!?][^<>]*+")
BEGINNING = re.compile(r"</?[a-zA-Z]|<[!?]|</?\Z")
ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)(?:\s*=\s*(?:\"([^\"]*)(?:\"|\Z)|'([^']*)(?:'|\Z)|([^\s\"'>]+)))?")
RAW_TEXT = {"script": re.compile(r"</script", re.I), "style": re.compile(r"</style", re.I)}
"""Elements whose inside is not HTML."""


@dataclass(frozen=True, slots=True)
class Token:
    """One piece: `raw` is what stands in the text, `start` and `end` its place, `name` the tag's in small letters."""

    kind: Literal["text", "start", "end", "comment"]
    raw: str
    start: int
    end: int
    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


class Tokenizer:
    """Reads HTML that comes in pieces; `start` is the place of its first character in the answer."""

    def __init__(self, start: int = 0) -> None:
        self._pieces: list[str] = []
        self._start = start
        self._raw_text_end: re.Pattern[str] | None = None

    def feed(self, text: str, *, final: bool = False) -> Iterator[Token]:
        """The tokens that are whole by now. Text without a mark waits for the next one, so that feeding is cheap."""
        self._pieces.append(text)
        if not final and "<" not in text and ">" not in text:
            return
        text, pos = "".join(self._pieces), 0
        while pos < len(text):
            token = self._next(text, pos, final)
            if token is None:
                break
            pos += len(token.raw)
            yield token
        self._pieces = [text[pos:]]
        self._start += pos

    @property
    def has_rest(self) -> bool:
        """Whether a tag or comment was begun and is not whole."""
        return any(self._pieces)

    def _next(self, text: str, pos: int, final: bool) -> Token | None:
        """The token at `pos`; None when more text has to tell."""
        if self._raw_text_end is not None:
            return self._raw_text(self._raw_text_end, text, pos, final)
        if text[pos] != "<":
            end = text.find("<", pos)
            return self._token("text", text, pos, len(text) if end < 0 else end)
        if text.startswith("<!--", pos):
            return self._comment(text, pos)
        if not BEGINNING.match(text, pos):
            return self._token("text", text, pos, pos + 1)
        return self._tag(text, pos)

    def _comment(self, text: str, pos: int) -> Token | None:
        end = text.find("-->", pos + 4, pos + MAX_TAG_CHARS)
        return self._token("comment", text, pos, end + 3) if end >= 0 else self._unfinished(text, pos)

    def _tag(self, text: str, pos: int) -> Token | None:
        limit = min(len(text), pos + MAX_TAG_CHARS)
        match = TAG.match(text, pos, limit)
        if match is None:
            return self._declaration(text, pos, limit)
        end = match.end()
        if text.startswith(">", end) and end < limit:
            return self._named(match, text, pos, end + 1)
        if text.find("<", end, limit) < 0:
            return self._unfinished(text, pos)
        broken = BROKEN_TAG.match(text, pos, limit)  # a quote does not end before the next tag
        return self._named(broken, text, pos, broken.end()) if broken else self._token("text", text, pos, pos + 1)

    def _declaration(self, text: str, pos: int, limit: int) -> Token | None:
        match = DECLARATION.match(text, pos, limit)
        if match is None or match.end() == limit:
            return self._unfinished(text, pos)
        is_whole = text[match.end()] == ">"
        return self._token("comment" if is_whole else "text", text, pos, match.end() + 1 if is_whole else pos + 1)

    def _unfinished(self, text: str, pos: int) -> Token | None:
        return self._token("text", text, pos, pos + 1) if len(text) - pos >= MAX_TAG_CHARS else None

    def _named(self, match: re.Match[str], text: str, pos: int, end: int) -> Token:
        name = match[2].lower()
        if match[1]:
            return self._token("end", text, pos, end, name)
        self._raw_text_end = None if match[3].endswith("/") else RAW_TEXT.get(name)
        attributes = {key.lower(): html.unescape(a or b or c or "") for key, a, b, c in ATTRIBUTE.findall(match[3])}
        return self._token("start", text, pos, end, name, attributes)

    def _raw_text(self, ending: re.Pattern[str], text: str, pos: int, final: bool) -> Token | None:
        """What stands in a script or style sheet: a comment to whoever reads on."""
        match = ending.search(text, pos)
        if match:
            self._raw_text_end = None
            return self._token("comment", text, pos, match.start())
        end = len(text) if final else len(text) - len(ending.pattern)
        return self._token("comment", text, pos, end) if end > pos else None

    def _token(
        self,
        kind: Literal["text", "start", "end", "comment"],
        text: str,
        pos: int,
        end: int,
        name: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> Token:
        return Token(kind, text[pos:end], self._start + pos, self._start + end, name, attributes or {})
