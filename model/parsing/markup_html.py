"""Reads a page written as QwenVL HTML, or as any other HTML, into blocks while it arrives.

    <html><body>
    <h2 data-bbox="310 94 658 132">Heading</h2>
    <div class="image" data-bbox="262 195 708 272"><img data-bbox="262 195 708 272"/></div>
    <div class="formula" data-bbox="..."><img data-bbox="..."/><div>$$E = mc^2$$</div></div>
    <div class="chart" data-bbox="..."><img data-bbox="..."/><table>the chart's data</table></div>
    </body></html>

Knows what the elements mean and which box belongs to which words; the format is that of the Qwen2.5-VL technical report
(arXiv 2502.13923). Does not know pixels: a box is handed on as it is written. Nothing of the HTML comes
through but words: scripts, styles, addresses of pictures and whatever else could act are left out here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from model.parsing.html_tokens import Token, Tokenizer
from model.parsing.tables import TABLE_TAGS, TableBuilder, table_text
from model.parsing.words import Words, harmless_latex
from model.types import Block, BlockKind

XYXY = tuple[float, float, float, float]
ToPixels = Callable[[tuple[float, ...]], XYXY | None]

HEADINGS = {f"h{level}": level for level in range(1, 7)}
SECTIONS = frozenset(
    (
        *("html", "body", "p", "div", "section", "article", "header", "footer", "main", "nav", "aside", "address"),
        *("blockquote", "center", "form", "fieldset", "legend", "figure", "figcaption", "caption", "dl", "dt", "dd"),
        *("ul", "ol", "li", "menu", "pre", "details", "summary", "table", *HEADINGS),
    )
)
MARKS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("s", "del", "strike"), "struck"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "code"),
    **{"sup": "sup", "sub": "sub", "a": "link"},
}
SILENT = frozenset(
    (
        *("span", "u", "font", "small", "big", "mark", "label", "q", "cite", "abbr", "time", "ins", "button", "var"),
        *("select", "option", "textarea", "wbr", "ruby", "rt", "rp", "rb", "bdi", "bdo", "dfn", "data", "picture"),
        *("math", "semantics", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub"),
        *("msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mfenced"),
        *("meta", "link", "base", "source", "track", "param", "area", "optgroup", "output", "nobr", "hgroup", "title"),
    )
)
"""Tags that mean nothing here; the words inside of them count."""
DROPPED = frozenset(
    (
        *("head", "noscript", "iframe", "object", "embed", "svg", "canvas", "audio", "video", "template", "map"),
        *("applet", "annotation", "annotation-xml", "frameset", "script", "style"),
    )
)
"""Elements of which nothing is kept."""
WITHOUT_END = frozenset(("embed", "script", "style"))
"""Those of them that have no inside to skip: the tokenizer has done it, or there is none."""

CLOSES = {
    "p": ("p",),
    "li": ("li",),
    "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
    **dict.fromkeys(HEADINGS, ("p", *HEADINGS)),
    **dict.fromkeys(("ul", "ol", "table", "div", "figure", "pre"), ("p",)),
}
"""Elements that end where another begins, if they are the innermost: their end tags are often left out."""

FIGURE_CLASSES = frozenset(
    ("image", "figure", "chart", "picture", "photo", "music", "chemical", "seal", "stamp", "signature", "qrcode")
)
NUMBERS = re.compile(r"[-+]?\d{1,9}(?:\.\d{1,9})?")
FENCE = re.compile(r"\s*`{3,}")
COMMENT = re.compile(
    r"<!--\s*([a-zA-Z]+)[\w -]{0,40}\(\s*(-?[\d.]{1,12}(?:\s*,\s*-?[\d.]{1,12}){3})\s*\)\s*-->",
)
FIGURE_COMMENTS = frozenset(("image", "figure", "picture", "chart", "photo", "logo", "seal", "stamp", "signature"))
ORDERED_START = re.compile(r"\s*(\d{1,9})\s*")
LANGUAGE = re.compile(r"language-([\w+#.-]{1,30})")
MAX_BOX_CHARS = 1000
MAX_INDENT = 24
NOWHERE = -1
"""Where a piece begins of which nothing has come yet."""


@dataclass(slots=True)
class _List:
    """A list that is open: how its items begin, and how far they are moved in."""

    number: int | None
    indent: str

    def next_marker(self) -> tuple[str, str]:
        """Before an item in plain text and in Markdown."""
        if self.number is None:
            return "", f"{self.indent}- "
        self.number += 1
        return f"{self.number - 1}. ", f"{self.indent}{self.number - 1}. "


@dataclass(slots=True)
class _Piece:
    """What will be a block. `absorbs` says that elements inside of it are part of it, and no blocks of their own."""

    kind: BlockKind
    start: int
    end: int
    xyxy: XYXY | None = None
    level: int = 0
    language: str = ""
    is_quote: bool = False
    marker: tuple[str, str] = ("", "")
    words: Words = field(default_factory=Words)
    table: TableBuilder | None = None

    @property
    def absorbs(self) -> bool:
        return self.kind in ("list", "table", "formula", "figure", "code")

    @property
    def sink(self) -> Words:
        """Where words go now."""
        return self.words if self.table is None or self.table.awaits_cell else self.table.words

    @property
    def has_content(self) -> bool:
        return self.words.has_words or (self.table is not None and self.table.has_cells)

    def cleared(self) -> None:
        """Forget what has become a block."""
        self.words, self.table = Words(), TableBuilder() if self.kind == "table" else None

    def block(self, page: int) -> Block:
        text, markdown = self.words.read()
        table = None
        if self.table is not None and self.table.has_cells:
            table, pipes = self.table.read()
            text = "\n".join(filter(None, (text, table_text(table))))
            markdown = "\n\n".join(filter(None, (markdown, pipes)))
        if self.kind in WRITTEN_AS:
            text, markdown = WRITTEN_AS[self.kind](self, text, markdown)
        if self.is_quote:
            markdown = "\n".join(f"> {line}".rstrip() for line in markdown.split("\n"))
        return Block(self.kind, text, markdown, self.xyxy, page, self.level, table, (self.start, self.end))


def _as_heading(piece: _Piece, text: str, markdown: str) -> tuple[str, str]:
    line = " ".join(markdown.split())
    return " ".join(text.split()), f"{'#' * piece.level} {line}" if line else ""


def _as_formula(piece: _Piece, _text: str, _markdown: str) -> tuple[str, str]:
    latex = harmless_latex(re.sub(r"\\\[|\\\]|\\\(|\\\)", " ", piece.words.verbatim()))
    return latex, f"$$\n{latex}\n$$" if latex else ""


def _as_code(piece: _Piece, _text: str, _markdown: str) -> tuple[str, str]:
    code = piece.words.verbatim().strip("\r\n")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return code, f"{fence}{piece.language}\n{code}\n{fence}" if code else ""


WRITTEN_AS = {"heading": _as_heading, "formula": _as_formula, "code": _as_code}


@dataclass(slots=True)
class _Element:
    """An open element: its box or the nearest one around it, its own piece, and how many blocks came before it."""

    name: str
    start: int
    xyxy: XYXY | None
    has_own_box: bool
    blocks_before: int
    piece: _Piece | None = None
    opens_list: bool = False


@dataclass(frozen=True, slots=True)
class _Awaited:
    """What a comment said of the block behind it: its kind and box. `count` blocks came before the comment."""

    kind: str
    xyxy: XYXY
    start: int
    count: int


class HtmlReader:
    """Reads HTML in pieces and hands every block to `found` as soon as it is complete.

    `to_pixels` makes a box in pixels of the numbers in the text, or None if they are no box. `start` is the place of
    the first character in the answer. Neither `feed` nor `finish` raises, whatever the text is.
    """

    def __init__(self, found: Callable[[Block], None], to_pixels: ToPixels, *, page: int = 1, start: int = 0) -> None:
        self._found = found
        self._to_pixels = to_pixels
        self._page = page
        self._tokens = Tokenizer(start)
        self._elements: list[_Element] = []
        self._open = Counter[str]()
        self._pieces: list[_Piece] = [_Piece("text", NOWHERE, start)]
        self._lists: list[_List] = []
        self._dropped: Counter[str] = Counter()
        self._awaited: _Awaited | None = None
        self._is_figure_told = False
        self._is_outside, self._outside_from = False, start
        self._count = 0
        self._end = start

    @property
    def over_at(self) -> int | None:
        """Where the page ended: what follows is none of it, unless another element begins."""
        return self._outside_from if self._is_outside and not self._open["html"] else None

    def feed(self, text: str, *, final: bool = False) -> None:
        for token in self._tokens.feed(text, final=final):
            self._read(token)

    def end_part(self) -> None:
        """End everything that is open: what comes next begins anew."""
        self.feed("", final=True)
        self._dropped.clear()
        while self._elements:
            self._end_element()
        self._flush()

    def finish(self) -> bool:
        """End of the text: give what was cut as far as it came; returns whether something was."""
        self.feed("", final=True)
        was_cut = self._tokens.has_rest or bool(self._dropped) or (bool(self._elements) and not self._is_outside)
        self.end_part()
        self._give_awaited()
        return was_cut

    def _read(self, token: Token) -> None:
        self._end = token.end
        if token.name == "body":
            self._dropped.clear()
        if self._dropped and token.name not in self._dropped:
            return
        if token.kind == "text":
            self._text(token.raw, token)
        elif token.kind == "comment":
            self._comment(token)
        elif token.name in DROPPED:
            self._drop(token)
        elif token.kind == "start":
            self._start_tag(token)
        else:
            self._end_tag(token)

    def _drop(self, token: Token) -> None:
        """Skip what stands in an element of which nothing is kept, others of its name inside of it included."""
        if token.kind == "end":
            self._dropped[token.name] -= 1
            self._dropped = +self._dropped
        elif token.name not in WITHOUT_END and not token.raw.endswith("/>"):
            self._dropped[token.name] += 1

    def _text(self, raw: str, token: Token) -> None:
        """Add words, written as HTML, for which the token stands."""
        if self._is_outside:
            return
        piece, is_blank = self._pieces[-1], raw.isspace()
        if not is_blank:
            self._is_figure_told = False
            if piece.start == NOWHERE:
                piece.start = token.start + len(token.raw) - len(token.raw.lstrip())
            piece.end = token.start + len(token.raw.rstrip())
            if piece.kind == "table" and piece.table is not None:
                piece.table.words.add(raw)
                return
        piece.sink.add(raw)

    def _comment(self, token: Token) -> None:
        """`<!-- Image (x1, y1, x2, y2) -->` is a figure; of any other kind it says where the next block is."""
        match = None if self._pieces[-1].absorbs else COMMENT.fullmatch(token.raw)
        xyxy = self._box(match[2]) if match else None
        if match is None or xyxy is None:
            return
        self._flush()
        self._give_awaited()
        if match[1].lower() in FIGURE_COMMENTS:
            self._give(_Piece("figure", token.start, token.end, xyxy))
            self._is_figure_told = True
        else:
            self._awaited = _Awaited(match[1].lower(), xyxy, token.start, self._count)

    def _is_awaited(self, name: str) -> bool:
        """Whether a comment has said where an element of this name is."""
        if self._awaited is None or name in ("html", "body"):
            return False
        return name == "table" or self._awaited.kind != "table"

    def _take_awaited(self, start: int = NOWHERE) -> tuple[XYXY, int]:
        """The box, and where its block begins: with the comment, unless others came between."""
        assert self._awaited is not None  # the caller has asked
        awaited, self._awaited = self._awaited, None
        is_next = awaited.count == self._count or start == NOWHERE
        return awaited.xyxy, awaited.start if is_next else start

    def _give_awaited(self) -> None:
        """A table of which only the place was written."""
        if self._awaited is not None:
            kind: BlockKind = "table" if self._awaited.kind == "table" else "text"
            xyxy, start = self._take_awaited()
            self._give(_Piece(kind, start, self._end, xyxy))

    def _start_tag(self, token: Token) -> None:
        name = token.name
        if name in SECTIONS:
            self._start_section(token)
        elif name in TABLE_TAGS:
            self._table_tag(token)
        elif name in MARKS:
            self._open_mark(token)
        elif name == "br":
            self._break_line()
        elif name == "hr":
            self._flush_between()
        elif name in ("img", "image"):
            self._image(token)
        elif name == "input":
            self._input(token.attributes)
        elif name not in SILENT:
            self._literal(token)
        elif "data-bbox" in token.attributes or "data-polygon" in token.attributes:
            self._start_section(token)

    def _open_mark(self, token: Token) -> None:
        piece = self._pieces[-1]
        if piece.kind == "code" and (language := LANGUAGE.search(token.attributes.get("class", ""))):
            piece.language = language[1]
        piece.sink.open(MARKS[token.name], token.attributes.get("href", ""))

    def _literal(self, token: Token) -> None:
        """A tag that HTML does not have is words: `8.00<total>`."""
        self._text(token.raw.replace("&", "&amp;").replace("<", "&lt;"), token)

    def _break_line(self) -> None:
        piece = self._pieces[-1]
        if piece.has_content:
            piece.sink.new_line()

    def _input(self, attributes: Mapping[str, str]) -> None:
        kind = attributes.get("type", "text").lower()
        if kind in ("checkbox", "radio"):
            self._pieces[-1].sink.add_plain(" ☑ " if "checked" in attributes else " ☐ ")
        elif kind != "hidden" and attributes.get("value"):
            self._pieces[-1].sink.add_plain(f" {attributes['value']} ")

    def _start_section(self, token: Token) -> None:
        name = token.name
        self._is_outside = False
        if self._elements and self._elements[-1].name in CLOSES.get(name, ()) and not self._in_cell():
            self._end_element()
        own = self._own_box(token)
        around = self._elements[-1].xyxy if self._elements else None
        if name in ("caption", "figcaption"):
            around = None  # the box around is the table's or the figure's
        element = _Element(name, token.start, own or around, own is not None and own != around, self._count)
        self._elements.append(element)
        self._open[name] += 1
        if name in ("ul", "ol", "menu"):
            self._open_list(token)
            element.opens_list = True
        if self._is_absorbed(element):
            self._absorb(token)
        else:
            self._open_piece(element, token)

    def _in_cell(self) -> bool:
        return self._pieces[-1].kind == "table"

    def _is_absorbed(self, element: _Element) -> bool:
        """Whether an element is only part of the block around it, and not one of its own."""
        piece = self._pieces[-1]
        if not piece.absorbs:
            return False
        if piece.kind == "table":
            return element.name != "caption" or (piece.table is not None and piece.table.is_nested)
        if piece.kind in ("formula", "code"):
            return True
        if element.has_own_box and element.name not in ("ul", "ol", "menu"):
            return False
        return not (piece.kind == "list" and element.name in ("table", "pre", "figure"))

    def _absorb(self, token: Token) -> None:
        piece = self._pieces[-1]
        if token.name == "table" and piece.kind == "figure" and piece.table is None:
            piece.table = TableBuilder()
        if token.name == "table" and piece.table is not None:
            piece.table.start("table", token.attributes)
        elif token.name == "li" and piece.kind == "list":
            piece.marker = self._lists[-1].next_marker() if self._lists else ("", "- ")
            piece.words.new_line(*piece.marker, goes_on=False)
            piece.start = token.start if piece.start == NOWHERE else piece.start
        elif piece.kind != "code":
            self._break_section(piece)

    def _break_section(self, piece: _Piece) -> None:
        """Sections inside of a block stand on lines of their own."""
        if piece.kind == "list":
            piece.words.add(" ")
        elif piece.sink.has_words:
            piece.sink.new_line()

    def _open_list(self, token: Token) -> None:
        start = ORDERED_START.fullmatch(token.attributes.get("start", ""))
        number = (int(start[1]) if start else 1) if token.name == "ol" else None
        indent = self._lists[-1].indent + ("  " if self._lists[-1].number is None else "   ") if self._lists else ""
        self._lists.append(_List(number, indent[:MAX_INDENT]))

    def _open_piece(self, element: _Element, token: Token) -> None:
        if self._pieces[-1].kind != "table":
            self._flush()
        piece = self._piece_of(element, token)
        if self._is_awaited(element.name):
            element.xyxy, piece.start = self._take_awaited(piece.start)
            element.has_own_box, piece.xyxy = True, element.xyxy
        if element.name == "li":
            piece.marker = self._lists[-1].next_marker() if self._lists else ("", "- ")
        if piece.kind == "list" and not element.opens_list:
            piece.words.new_line(*piece.marker, goes_on=False)
        element.piece = piece
        self._pieces.append(piece)
        if element.name == "table":
            piece.table = TableBuilder()
            piece.table.start("table", token.attributes)

    def _piece_of(self, element: _Element, token: Token) -> _Piece:
        name, around = element.name, self._pieces[-1]
        kind = _kind_of(name, token.attributes.get("class", ""))
        if kind == "text" and around.kind == "list":
            kind = "list"
        is_quote = name == "blockquote" or (around.is_quote and not around.absorbs)
        piece = _Piece(kind, token.start, token.end, element.xyxy, HEADINGS.get(name, 0), is_quote=is_quote)
        if kind == "list":
            piece.marker = around.marker
        return piece

    def _image(self, token: Token) -> None:
        piece, alt = self._pieces[-1], token.attributes.get("alt", "")
        own = self._own_box(token)
        if piece.kind == "figure":
            piece.xyxy, piece.end = piece.xyxy or own, token.end
            if alt and not piece.has_content:
                piece.words.add_plain(alt)
            return
        if piece.absorbs and (own is None or piece.kind != "list"):
            if piece.kind in ("table", "list") and alt:
                piece.sink.add_plain(alt)
        elif own is None and piece.has_content:
            piece.sink.add_plain(alt)
        else:
            self._figure(token, own, alt)

    def _figure(self, token: Token, own: XYXY | None, alt: str) -> None:
        """A picture that stands alone; after a comment that told of it, it is the same one."""
        xyxy = own or (self._elements[-1].xyxy if self._elements else None)
        if (self._is_figure_told and own is None) or not (alt or xyxy):
            return
        self._flush()
        figure = _Piece("figure", token.start, token.end, xyxy)
        figure.words.add_plain(alt)
        self._give(figure)

    def _table_tag(self, token: Token) -> None:
        table = self._pieces[-1].table
        if table is not None:
            table.start(token.name, token.attributes) if token.kind == "start" else table.end(token.name)
        elif token.name in ("tr", "td", "th"):
            self._break_line() if token.name == "tr" else self._text(" ", token)

    def _end_tag(self, token: Token) -> None:
        name = token.name
        if name in MARKS:
            self._pieces[-1].sink.close(MARKS[name])
        elif name in SECTIONS or self._open[name]:
            self._end_section(name)
        elif name in TABLE_TAGS:
            self._table_tag(token)
        elif name not in (*SILENT, "br", "hr", "img", "image", "input"):
            self._literal(token)

    def _end_section(self, name: str) -> None:
        if not self._open[name]:
            return
        while self._elements[-1].name != name:
            self._end_element()
        self._end_element(self._end)
        self._is_outside, self._outside_from = name in ("html", "body"), self._end

    def _end_element(self, end: int | None = None) -> None:
        """End the innermost element; `end` is the place behind its end tag, if it has one."""
        element = self._elements.pop()
        self._open[element.name] -= 1
        if element.name == "table" and element.piece is None and self._pieces[-1].table is not None:
            self._pieces[-1].table.end("table")
        if element.opens_list:
            self._lists.pop()
        if element.piece is not None:
            element.piece.end = end or element.piece.end
            self._flush()
            self._pieces.pop()
            self._give_empty(element, element.piece)
        elif self._pieces[-1].kind != "code":
            self._break_section(self._pieces[-1])

    def _give_empty(self, element: _Element, piece: _Piece) -> None:
        """An element with a place of its own, in which nothing stands, is still something that the model saw."""
        is_wrapper = element.name in ("ul", "ol", "menu")
        if element.has_own_box and self._count == element.blocks_before and not is_wrapper:
            piece.start, piece.end = element.start, self._end
            self._give(piece)

    def _flush_between(self) -> None:
        if not self._pieces[-1].absorbs:
            self._flush()

    def _flush(self) -> None:
        """Give what was gathered so far as a block."""
        piece = self._pieces[-1]
        if piece.has_content:
            self._give_piece(piece)
        if piece.kind != "table" or piece.has_content:
            piece.cleared()
            piece.start = NOWHERE

    def _give_piece(self, piece: _Piece) -> None:
        if len(self._pieces) > 1:
            self._give(piece)
        elif self._is_fence(piece):
            self._is_outside = True
        else:
            piece.xyxy = None
            if self._is_awaited(""):
                piece.xyxy, piece.start = self._take_awaited(piece.start)
            self._give(piece)

    def _is_fence(self, piece: _Piece) -> bool:
        return FENCE.match(piece.words.verbatim()) is not None

    def _give(self, piece: _Piece) -> None:
        self._count += 1
        self._is_figure_told = False
        self._found(piece.block(self._page))

    def _own_box(self, token: Token) -> XYXY | None:
        """The box that a tag has, or the one around its polygon; a box of the whole page says nothing."""
        if token.name in ("html", "body"):
            return None
        if "data-bbox" in token.attributes:
            return self._box(token.attributes["data-bbox"])
        numbers = _numbers(token.attributes.get("data-polygon", ""))
        if len(numbers) < 6 or len(numbers) % 2:
            return None
        xs, ys = numbers[::2], numbers[1::2]
        return self._to_pixels((min(xs), min(ys), max(xs), max(ys)))

    def _box(self, written: str) -> XYXY | None:
        return self._to_pixels(_numbers(written))


def _numbers(written: str) -> tuple[float, ...]:
    return tuple(float(number) for number in NUMBERS.findall(written[:MAX_BOX_CHARS]))


def _kind_of(name: str, class_: str) -> BlockKind:
    classes = re.split(r"[\s._]+", class_.lower())
    if name in HEADINGS:
        return "heading"
    if name in ("ul", "ol", "menu", "li"):
        return "list"
    if name == "table":
        return "table"
    if name == "figure" or FIGURE_CLASSES & {classes[0]}:
        return "figure"
    if name in ("figcaption", "caption") or "caption" in classes:
        return "caption"
    if name == "pre" or classes[0] in ("code", "algorithm"):
        return "code"
    return "formula" if classes[0] in ("formula", "equation") else "text"
