"""Reads a page written as QwenVL Markdown, as any other Markdown, or as plain text, into blocks while it arrives.

    # Heading

    <!-- Image (104, 29, 455, 75) -->

    <!-- Table (62, 99, 942, 328) -->
    \\begin{tabular}{|c|c|} .. \\end{tabular}

Knows where one part of such a text ends and the next begins. A whole part becomes HTML with the help of markdown-it and
is then read as HTML is, so that both have the same blocks and nothing gets past that reader either.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from model.parsing.latex_tables import tables_to_html
from model.parsing.markup_html import HtmlReader, ToPixels
from model.parsing.words import plain_words
from model.types import Block

MAX_PART_CHARS = 20_000
"""A longer part, unless it is a table, is read as plain text: it is a loop, and Markdown would take long over it."""

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
COMMENT = re.compile(r"\s*<!--.*-->\s*$")
LIST_ITEM = re.compile(r"\s*(?:[-+*]|\d{1,9}[.)])(?:\s|$)")
INDENTED = re.compile(r"(?: {2,}|\t)\S")
BEGIN = re.compile(r"\\begin\{([a-z]{1,20}\*?)\}")
HALF_BEGIN = re.compile(r"\s*\\(?:b(?:e(?:g(?:i(?:n(?:\{[a-z]{0,20}\*?)?)?)?)?)?)?")
"""The last line of a text that was cut in the name of what it begins."""
STARTER = re.compile(r" {0,3}(?:`{3,}[^`]*$|~{3,}|\$\$\s*$|\\\[|\\begin\{|<table\b)", re.I)
"""What begins a part even without an empty line before it."""
TABLE = re.compile(r"\s*<table\b", re.I)
ROUND = re.compile(r"\\\((.{1,500}?)\\\)")
SQUARE = re.compile(r"^[ ]{0,3}\\\[(.{1,5000}?)\\\]", re.M | re.S)
OPENERS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"<table\b", re.I), re.compile(r"</table\s*>", re.I)),
    (re.compile(r"^\s*\\\["), re.compile(r"\\\]")),
    (re.compile(r"<!--"), re.compile(r"-->")),
)
"""What goes on over empty lines, and where it ends."""


class BlockReader(Protocol):
    """Who reads a page's text in pieces; `finish` says whether something was cut."""

    def feed(self, text: str) -> None: ...

    def finish(self) -> bool: ...


class MarkdownReader:
    """Reads Markdown in pieces and hands every block to `found` as soon as its part is complete; raises nothing."""

    def __init__(self, found: Callable[[Block], None], to_pixels: ToPixels, *, page: int = 1, start: int = 0) -> None:
        self._found = found
        self._html = HtmlReader(self._located, to_pixels, page=page)
        self._line: list[str] = []
        self._part: list[str] = []
        self._part_start = self._start = start
        self._span = (start, start)
        self._end: re.Pattern[str] | None = None

    def feed(self, text: str) -> None:
        *lines, rest = text.split("\n")
        for line in lines:
            self._read_line("".join([*self._line, line]) + "\n")
            self._line = []
        self._line.append(rest)

    def finish(self) -> bool:
        last = "".join(self._line)
        is_half = HALF_BEGIN.fullmatch(last) is not None
        if last and not is_half:
            self._read_line(last)
        was_cut = is_half or self._end is not None
        self._end_part()
        self._html.finish()
        return was_cut

    def _located(self, block: Block) -> None:
        """A block is where its part is."""
        self._found(replace(block, span=self._span))

    def _read_line(self, line: str) -> None:
        if self._end is not None:
            self._add(line)
            if self._end.search(line):
                self._end = None
                self._end_whole_part()
        elif not line.strip():
            self._empty_line(line)
        elif HEADING.match(line) or COMMENT.match(line):
            self._end_part()
            self._add(line)
            self._end_part()
        else:
            self._words_line(line)

    def _add(self, line: str) -> None:
        self._part.append(line)
        self._start += len(line)

    def _empty_line(self, line: str) -> None:
        """An empty line ends a part, but for a list: there the next line tells."""
        self._add(line)
        if not LIST_ITEM.match(self._part[0]):
            self._end_part()

    def _words_line(self, line: str) -> None:
        is_behind_gap = bool(self._part) and not self._part[-1].strip()
        if is_behind_gap and not (LIST_ITEM.match(line) or INDENTED.match(line)):
            self._end_part()
        self._end = _end_of(line)
        if STARTER.match(line):
            self._end_part()
        self._add(line)
        self._end_whole_part()

    def _end_whole_part(self) -> None:
        """A part that has an end of its own need not wait for an empty line."""
        if self._end is None and STARTER.match(self._part[0]):
            self._end_part()

    def _end_part(self) -> None:
        text = "".join(self._part)
        if text.strip():
            first, end = len(text) - len(text.lstrip()), len(text.rstrip())
            self._span = self._part_start + first, self._part_start + end
            self._html.feed(part_to_html(text))
            self._html.end_part()
        self._part, self._part_start = [], self._start


def _end_of(line: str) -> re.Pattern[str] | None:
    """The end of what a line begins and does not end."""
    if fence := FENCE.match(line.rstrip("\n")):
        return re.compile(rf" {{0,3}}{fence[1][0]}{{{len(fence[1])},}}\s*$")
    if line.count("$$") % 2:
        return re.compile(r"\$\$")
    if (begin := BEGIN.search(line)) and f"\\end{{{begin[1]}}}" not in line:
        return re.compile(re.escape(f"\\end{{{begin[1]}}}"))
    for opener, end in OPENERS:
        if (match := opener.search(line)) and not end.search(line, match.end()):
            return end
    return None


def part_to_html(text: str) -> str:
    """Markdown with LaTeX tables as HTML, which may hold whatever the Markdown held."""
    text = text if FENCE.match(text.split("\n", 1)[0]) else tables_to_html(text)
    if TABLE.match(text):
        return text
    if len(text) > MAX_PART_CHARS:
        return f"<p>{html.escape(text)}</p>"
    return str(_MARKDOWN.render(_in_dollars(text)))


def _in_dollars(text: str) -> str:
    """Formulas in the other brackets of LaTeX between dollars, except in code."""
    if FENCE.match(text.split("\n", 1)[0]):
        return text
    return ROUND.sub(r"$\1$", SQUARE.sub(r"$$\1$$", text))


def _formula(
    _self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: MutableMapping[str, Any]
) -> str:
    token = tokens[place]
    latex = html.escape(token.content)
    is_display = token.type != "math_inline"
    return f'<div class="formula">{latex}</div>' if is_display else f"<span>${latex}$</span>"


def _build() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
    markdown.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    for token_type in ("math_inline", "math_inline_double", "math_block", "math_block_label", "math_block_eqno"):
        markdown.add_render_rule(token_type, _formula)
    return markdown


_MARKDOWN = _build()


class PlainReader:
    """Reads plain text: a block for each paragraph, its lines kept as they are."""

    def __init__(self, found: Callable[[Block], None], *, page: int = 1, start: int = 0) -> None:
        self._found = found
        self._page = page
        self._line: list[str] = []
        self._part: list[str] = []
        self._start = start

    def feed(self, text: str) -> None:
        *lines, rest = text.split("\n")
        for line in lines:
            self._read_line("".join([*self._line, line]) + "\n")
            self._line = []
        self._line.append(rest)

    def finish(self) -> bool:
        self._read_line("".join(self._line))
        self._end_part()
        return False

    def _read_line(self, line: str) -> None:
        if not line.strip() or FENCE.match(line):
            self._end_part()
            self._start += len(line)
        else:
            self._part.append(line)

    def _end_part(self) -> None:
        if self._part:
            written = "".join(self._part)
            text, markdown = plain_words(written)
            span = (self._start, self._start + len(written.rstrip()))
            self._found(Block("text", text, markdown, page=self._page, span=span))
            self._start += len(written)
            self._part = []
