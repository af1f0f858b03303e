"""What every export of a read document is given and gives back, and the figures cut out of its pages.

Knows pages with what was read from them. Knows no format: each is a small file beside this one. Pictures are opened one
page at a time and only by formats that show them, so that a thousand pages cost no more memory than one.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from PIL import Image as Pillow

from app.exports.crops import pixel_box
from model.media import pixels
from model.parsing.grid import lay_out
from model.types import Block, Document, Image

# What neither XML 1.0 nor UTF-8 can hold, and control characters that no reader shows.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_MARKUP = re.compile(r"[\\`*_\]<>#+\-.!|~$&=]")
_NUMBERED = re.compile(r"^(\d{1,9})\)")  # 1. is escaped with every full stop
_LINE_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page and what was read from it, corrected by hand where somebody did.

    `picture` gives the page's picture, upright and of `size_wh` pixels, when it is wanted: it may read a file or render
    a page, and raise `MediaError`. `dpi` is how many of its pixels are an inch on paper. `source` is the name of the
    file that page `number` is of. Boxes of `document` are in pixels of the picture.
    """

    number: int
    size_wh: tuple[int, int]
    document: Document
    picture: Callable[[], Image]
    dpi: float = 150.0
    source: str = ""


Writer: TypeAlias = Callable[[Sequence[ReadPage], IO[bytes]], list[str]]
"""Writes pages into an open file. Returns a sentence for a person about whatever has no place in the format."""


@dataclass(frozen=True, slots=True)
class DocumentFormat:
    """A way to export pages. `suffix_packed` is for pages that need several files, as `needs_packing` says."""

    key: str
    title: str
    hint: str
    write: Writer
    suffix: str
    suffix_packed: str = ""
    needs_packing: Callable[[Sequence[ReadPage]], bool] = lambda pages: False

    def file_name(self, stem: str, pages: Sequence[ReadPage]) -> str:
        return f"{stem}{self.suffix_packed if self.needs_packing(pages) else self.suffix}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A cut-out of a page as the bytes of a PNG or JPEG file; `size_wh` is in pixels of the page."""

    data: bytes
    media_type: str
    size_wh: tuple[int, int]

    @property
    def suffix(self) -> str:
        return {"image/png": ".png", "image/jpeg": ".jpg"}[self.media_type]


def printable(text: str) -> str:
    """The text with plain newlines, without characters that files of text cannot hold or programs do not show."""
    return _UNPRINTABLE.sub("", _LINE_BREAKS.sub("\n", text))


def with_figures(page: ReadPage) -> Iterator[tuple[Block, Figure | None]]:
    """The blocks of a page, a figure that has a place together with its cut-out."""
    picture: Pillow.Image | None = None
    for block in page.document.blocks:
        if not has_cutout(block):
            yield block, None
            continue
        picture = picture or pixels(page.picture())
        yield block, _cut(picture, block.xyxy or (0.0, 0.0, 0.0, 0.0))


def has_cutout(block: Block) -> bool:
    return block.kind == "figure" and block.xyxy is not None


def compact(picture: Pillow.Image) -> tuple[bytes, str]:
    """The picture as PNG, or as JPEG where that is less than half of it, as with photographs; with its media type."""
    png, jpeg = io.BytesIO(), io.BytesIO()
    picture.save(png, "PNG")
    picture.save(jpeg, "JPEG", quality=90)
    is_photograph = 2 * jpeg.tell() < png.tell()
    return (jpeg.getvalue(), "image/jpeg") if is_photograph else (png.getvalue(), "image/png")


def is_right_to_left(text: str) -> bool:
    """Whether its first letter is of such a script (https://www.unicode.org/reports/tr9/#P2)."""
    directions = map(unicodedata.bidirectional, text)
    return next((found for found in directions if found in ("L", "R", "AL")), "L") != "L"


def page_titles(pages: Sequence[ReadPage]) -> list[str]:
    """What to call each page: "Page 3", and with its file's name where they come from several."""
    if len({page.source for page in pages}) > 1:
        return [f"{printable(page.source)}, page {page.number}" for page in pages]
    return [f"Page {page.number}" for page in pages]


def field_text(value: Any) -> str:
    """What a field says in one piece of text: lists with semicolons, objects as `name: value`."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{printable(str(name))}: {field_text(part)}" for name, part in value.items())
        case list() | tuple():
            return "; ".join(field_text(part) for part in value)
    return printable(str(value))


def markdown_of(block: Block) -> str:
    """The block as Markdown, made of its words where nobody wrote any."""
    if block.markdown:
        return printable(block.markdown).strip("\n")
    if block.table:
        return pipe_table(lay_out(block.table).texts())
    return escaped(block.text)


def escaped(text: str) -> str:
    """Words as Markdown that shows exactly them, line by line."""
    paragraphs = re.split(r"\n\s*\n", printable(text).strip())
    lines = ([_escaped_line(line.strip()) for line in paragraph.split("\n")] for paragraph in paragraphs)
    # A backslash before a bracket would begin a formula.
    return "\n\n".join("\\\n".join(paragraph) for paragraph in lines).replace("[", "&#91;")


def _escaped_line(line: str) -> str:
    return _NUMBERED.sub(r"\1\\)", _MARKUP.sub(r"\\\g<0>", line))


def pipe_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of words as a table of GitHub's Markdown (https://github.github.com/gfm/#tables-extension-)."""
    if not rows or not rows[0]:
        return ""
    lines = [" | ".join(("", *(escaped(" ".join(text.split())) for text in row), "")).strip() for row in rows]
    return "\n".join((lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]))


def _cut(picture: Pillow.Image, xyxy: tuple[float, float, float, float]) -> Figure:
    crop = picture.crop(pixel_box(xyxy, picture.size))
    return Figure(*compact(crop), crop.size)
