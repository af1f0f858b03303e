"""Words with emphasis, links and line breaks, told once as plain text and once as Markdown that cannot do anything.

Knows how Markdown is written so that it says just the words: what would be a tag, a picture, a link or a heading there
is escaped, and a link survives only with a harmless address. Does not know where the words stand on a page.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from urllib.parse import quote

MAX_MARKS = 16
"""Marks nested deeper than this are left out."""

LINK = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)
SPACE = re.compile(r"[ \t\r\n\f\v\xa0]+")
TOKEN = re.compile(r"<\|[a-z_]{1,30}\|>")
"""Special tokens of a chat template, which sometimes end an answer."""

MATH = re.compile(
    r"\$\$(?P<display>[^$]+?)\$\$"
    r"|(?<![\\$\w])\$(?P<inline>[^\s$](?:[^$\n]{0,500}?[^\s$\\])??)\$(?![\d$])"
    r"|\\\((?P<round>.{1,500}?)\\\)|\\\[(?P<square>.{1,500}?)\\\]",
    re.DOTALL,
)
SPECIAL = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)"  # a backslash that would escape what follows
    r"|[`*]|~(?=~)|(?<!\w)_|_(?!\w)"
    r"|\](?=[(\[:]|$)"  # without it neither links nor pictures
    r"|<(?=[a-zA-Z/!?]|$)"
    r"|&(?=\#?\w{1,40};)"
)
LINE_START = re.compile(r"\#{1,6}(?:\s|$)|>|[-+](?:\s|$)")
NUMBERED = re.compile(r"\d{1,9}(?=[.)](?:\s|$))")
RULE = re.compile(r"[-=_+|:~ ]{2,}")
"""A line of which Markdown would make a rule, a heading or a table."""

RAISED = {"sup": dict(zip("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", strict=True))}
RAISED["sub"] = dict(zip("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))
MARKDOWN_MARKS = {"bold": "**", "italic": "*", "struck": "~~"}


@dataclass(slots=True)
class _Span:
    """What stands inside of one mark."""

    mark: str = ""
    target: str = ""
    text: list[str] = field(default_factory=list)
    markdown: list[str] = field(default_factory=list)

    def add(self, text: str, markdown: str) -> None:
        self.text.append(text)
        self.markdown.append(markdown)


@dataclass(frozen=True, slots=True)
class _Line:
    """How a line begins, and whether it goes on with the paragraph before."""

    text: str = ""
    markdown: str = ""
    goes_on: bool = True


class Words:
    """Gathers words and marks as they come; `read` says what they are together."""

    def __init__(self) -> None:
        self._parts: list[str | _Line | tuple[str, str]] = []
        self.has_words = False

    def add(self, raw: str) -> None:
        """Add text as HTML writes it: entities are read, white space is one space."""
        self._parts.append(raw)
        self.has_words = self.has_words or not raw.isspace()

    def add_plain(self, text: str) -> None:
        """Add text that means just what it says."""
        self.add(html.escape(text, quote=False))

    def open(self, mark: str, target: str = "") -> None:
        """Begin a "bold", "italic", "struck", "code", "sup", "sub" or "link"; `target` is a link's address."""
        self._parts.append((mark, target))

    def close(self, mark: str) -> None:
        self._parts.append(("/" + mark, ""))

    def new_line(self, text: str = "", markdown: str = "", *, goes_on: bool = True) -> None:
        """Begin a line, with these words before it; one that does not go on is an item of a list."""
        self._parts.append(_Line(text, markdown, goes_on))

    def verbatim(self) -> str:
        """Everything with its white space and without marks."""
        runs = (run if isinstance(run, str) else "\n" if isinstance(run, _Line) else "" for run in self._parts)
        return TOKEN.sub("", html.unescape("".join(runs))).replace("\xa0", " ")

    def read(self) -> tuple[str, str]:
        """The same words as plain text and as Markdown."""
        spans, lines = [_Span()], [_Line()]
        for part in self._joined():
            if isinstance(part, str):
                text = SPACE.sub(" ", TOKEN.sub(" ", html.unescape(part)))
                spans[-1].add(text, escaped(text))
            elif isinstance(part, _Line):
                lines.append(part)
                spans[-1].add("\n", "\n")
            else:
                _turn(spans, *part)
        while len(spans) > 1:
            _close_last(spans)
        return _text("".join(spans[0].text), lines), _markdown("".join(spans[0].markdown), lines)

    def _joined(self) -> list[str | _Line | tuple[str, str]]:
        """The parts with neighbouring texts as one, so that it does not matter in which pieces they came."""
        joined: list[str | _Line | tuple[str, str]] = []
        run: list[str] = []
        for part in [*self._parts, ("", "")]:
            if isinstance(part, str):
                run.append(part)
                continue
            if run:
                joined.append("".join(run))
                run = []
            joined.append(part)
        return joined[:-1]


def plain_words(text: str) -> tuple[str, str]:
    """Plain text of one line or several, and the same as Markdown."""
    words = Words()
    for index, line in enumerate(text.splitlines()):
        if index:
            words.new_line()
        words.add_plain(line)
    return words.read()


def _turn(spans: list[_Span], mark: str, target: str) -> None:
    """Begin a mark, or end it together with those that were begun inside of it."""
    if not mark.startswith("/"):
        if len(spans) <= MAX_MARKS:
            spans.append(_Span(mark, target))
    elif any(span.mark == mark[1:] for span in spans):
        while _close_last(spans) != mark[1:]:
            pass


def _close_last(spans: list[_Span]) -> str:
    span = spans.pop()
    text, markdown = "".join(span.text), "".join(span.markdown)
    spans[-1].add(*_marked(span, text, markdown))
    return span.mark


def _marked(span: _Span, text: str, markdown: str) -> tuple[str, str]:
    """A mark around its words; the white space at both ends stays outside."""
    if not text.strip():
        return text, markdown
    if span.mark in RAISED:
        raised = _raised(text, span.mark)
        return raised, escaped(raised)
    before, inside, after = _trimmed(markdown)
    if span.mark == "code":
        before, code, after = _trimmed(text)
        inside = code_span(code)
    elif span.mark == "link":
        inside = f"[{inside}]({_address(span.target)})" if LINK.fullmatch(span.target.strip()) else inside
    else:
        sign = MARKDOWN_MARKS[span.mark]
        inside = f"{sign}{inside}{sign}"
    return text, before + inside + after


def _trimmed(text: str) -> tuple[str, str, str]:
    inside = text.strip()
    start = text.index(inside)
    return text[:start], inside, text[start + len(inside) :]


def _raised(text: str, mark: str) -> str:
    """Raised or lowered characters where all of them exist: m², else `^(..)` and `_(..)`."""
    inside, known = text.strip(), RAISED[mark]
    if all(character in known for character in inside):
        return "".join(known[character] for character in inside)
    sign = "^" if mark == "sup" else "_"
    return f"{sign}{inside}" if len(inside) == 1 else f"{sign}({inside})"


def _address(target: str) -> str:
    return quote(target.strip(), safe="/:?#@!$&'*+,;=%~.-_")


def code_span(code: str) -> str:
    """Code within a line, between more backticks than it has itself."""
    fence = "`" * (1 + max(map(len, re.findall("`+", code)), default=0))
    space = " " if code[:1] == "`" or code[-1:] == "`" else ""
    return f"{fence}{space}{code}{space}{fence}"


def escaped(text: str) -> str:
    """Plain text as Markdown that says the same; formulas between dollars stay formulas."""
    pieces, end = [], 0
    for match in MATH.finditer(text):
        pieces += [SPECIAL.sub(r"\\\g<0>", text[end : match.start()]), _formula(match)]
        end = match.end()
    return "".join(pieces) + SPECIAL.sub(r"\\\g<0>", text[end:])


def _formula(match: re.Match[str]) -> str:
    display = match["display"] or match["square"]
    latex = harmless_latex(display or match["inline"] or match["round"])
    if not latex:
        return ""
    return f"$${latex}$$" if display else f"${latex}$"


def harmless_latex(latex: str) -> str:
    """LaTeX on one line in which nothing looks like a tag."""
    # A space, for a command would be shown by its name inside of `\text{..}`.
    return re.sub(r"<(?=[a-zA-Z/!?])", "< ", " ".join(re.sub(r"(?<!\\)\$", "", latex).split()))


def _text(text: str, lines: list[_Line]) -> str:
    rows = [line.text + " ".join(row.split()) for line, row in zip(lines, text.split("\n"), strict=True)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(rows)).strip()


def _markdown(markdown: str, lines: list[_Line]) -> str:
    """The lines with their beginnings; one that goes on begins behind a hard break."""
    written = ""
    for line, row in zip(lines, markdown.split("\n"), strict=True):
        words = " ".join(row.split())
        said = line.markdown + line_escaped(words)
        hard = "  " if line.goes_on and words and written and not written.endswith("\n") else ""
        written += f"{hard}\n{said}" if written else said
    return re.sub(r"\n{3,}", "\n\n", written).strip()


def line_escaped(line: str) -> str:
    """Markdown that begins a line, so that it begins nothing else."""
    if RULE.fullmatch(line) or LINE_START.match(line):
        return "\\" + line
    return NUMBERED.sub(r"\g<0>\\", line, count=1) if NUMBERED.match(line) else line
