"""Plain text in UTF-8: the words of each page in reading order, a form feed between pages as pdftotext has it.

Tables have tabs between their cells. Knows nothing of places and emphasis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from app.exports.documents.base import ReadPage, field_text, printable


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    for place, page in enumerate(pages):
        file.write(f"{chr(12) if place else ''}{page_text(page)}\n".encode())
    return []


def page_text(page: ReadPage) -> str:
    """The words of one page: fields as `name: value`, a blank line between blocks."""
    fields = "\n".join(f"{printable(name)}: {field_text(value)}" for name, value in page.document.fields.items())
    blocks = (printable(block.text).strip("\n") for block in page.document.blocks)
    return "\n\n".join(filter(None, (fields, *blocks)))
