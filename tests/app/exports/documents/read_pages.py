"""Pages that the tests of the exports share: drawn pictures and what might be read from them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw

from app.exports.documents import DOCUMENT_FORMATS, ReadPage
from model.media import read_image
from model.types import Block, Cell, Document, Image, Table

SIZE_WH = (800, 1000)
DISC_XYXY = (490.0, 590.0, 710.0, 810.0)

TABLE = Table(
    (
        (Cell("Part", row_span=2, is_header=True), Cell("Size", column_span=2, is_header=True)),
        (Cell("w", is_header=True), Cell("h", is_header=True)),
        (Cell("=door"), Cell("-90.50"), Cell("210\nhigh")),
        (Cell("ragged"),),
    )
)
EVERYTHING = (
    Block("heading", "Title of it", "# Title of *it*", (50, 40, 600, 90), level=1),
    Block(
        "text",
        "Some words that go on for longer than a line.",
        "Some **words** that go on for `longer` than [a line](https://example.org/).",
        (50, 100, 450, 200),
    ),
    Block("list", "one\ntwo\nthree\nfour", "- one\n- two\n  1. three\n  2. four", (50, 210, 300, 300)),
    Block("text", "مرحبا بالعالم", "مرحبا بالعالم", (450, 210, 750, 250)),
    Block("formula", "x^2 = 4", "$$\nx^2 = 4\n$$", (50, 310, 300, 340)),
    Block(
        "table", "Part\tSize", "| Part | Size |\n| --- | --- |\n| =door | -90.50 |", (50, 350, 750, 500), table=TABLE
    ),
    Block("code", "if x:\n    y()", "```python\nif x:\n    y()\n```", (50, 510, 300, 580)),
    Block("figure", "A red disc", "*A red disc*", DISC_XYXY),
    Block("caption", "Figure 1: 日本語のテキスト", "Figure 1: 日本語のテキスト", (490, 815, 710, 840)),
    Block("text", "no place 😀", "no place 😀"),
)


def page_picture() -> Image:
    """White with a red disc within `DISC_XYXY`."""
    drawn = Pillow.new("RGB", SIZE_WH, "white")
    ImageDraw.Draw(drawn).ellipse((500, 600, 700, 800), fill="red")
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return read_image(file.getvalue(), "page.png")


def read_page(
    *blocks: Block,
    number: int = 1,
    source: str = "in.pdf",
    fields: Mapping[str, Any] | None = None,
    problems: tuple[str, ...] = (),
) -> ReadPage:
    return ReadPage(number, SIZE_WH, Document(blocks, fields or {}, problems), page_picture, 100.0, source)


def written(key: str, *pages: ReadPage) -> tuple[bytes, list[str]]:
    """The file of that format, and what the writer had to say."""
    file = io.BytesIO()
    notes = DOCUMENT_FORMATS[key].write(pages, file)
    return file.getvalue(), notes
