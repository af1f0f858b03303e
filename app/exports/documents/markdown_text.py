"""Markdown: one file, with its figures beside it in a zip where there are any.

Every page begins with the comment `<!-- Page 3 -->`, which readers do not show. A table of Markdown has no spans: what
a spanning cell covers is empty there.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from app.exports.documents.base import (
    Figure,
    ReadPage,
    escaped,
    field_text,
    has_cutout,
    markdown_of,
    page_titles,
    pipe_table,
    with_figures,
)
from model.parsing.grid import lay_out

FILE_NAME = "document.md"


def has_figures(pages: Sequence[ReadPage]) -> bool:
    return any(has_cutout(block) for page in pages for block in page.document.blocks)


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    """Without figures plain Markdown, else a zip of `document.md` and `figures/`."""
    if not has_figures(pages):
        file.writelines(text.encode() for text in _texts(pages, lambda path, figure: None))
        return []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        # Pictures are compressed already.
        texts = list(_texts(pages, lambda path, figure: archive.writestr(path, figure.data, zipfile.ZIP_STORED)))
        archive.writestr(FILE_NAME, "".join(texts))
    return []


def _texts(pages: Sequence[ReadPage], keep: Callable[[str, Figure], None]) -> Iterator[str]:
    """The Markdown of each page; every figure is handed to `keep` with the path that the Markdown has for it."""
    number = 0
    for page, title in zip(pages, page_titles(pages), strict=True):
        pieces = [f"<!-- {title.replace('--', '- -')} -->", _fields(page)]
        for block, figure in with_figures(page):
            if figure:
                number += 1
                path = f"figures/figure-{number}{figure.suffix}"
                keep(path, figure)
                pieces.append(f"![{escaped(' '.join(block.text.split()))}]({path})")
            else:
                pieces.append(markdown_of(block))
            if block.kind == "figure" and block.table:
                pieces.append(pipe_table(lay_out(block.table).texts()))
        yield "\n\n".join(filter(None, pieces)) + "\n\n"


def _fields(page: ReadPage) -> str:
    fields = page.document.fields
    rows = [[name, field_text(value)] for name, value in fields.items()]
    return pipe_table([["Field", "Value"], *rows]) if fields else ""
