"""JSON: every page with its blocks and their places, the object that `POST /v1/read` answers with.

    {"pages": [{"page": 1, "size_wh": [w, h], "source"?, "text": "..", "markdown": "..",
                "blocks": as `model.parsing.as_json` has them, each with its page}],
     "fields": {..} of a single page, or a list of them by page,
     "problems": ["sentences for a person"]}

`source` is there when the pages are of several files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO, Any

from app.exports.documents.base import ReadPage, page_titles
from model.parsing import block_to_json


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    text = json.dumps(pages_to_json(pages), ensure_ascii=False, indent=1, default=str)
    file.write(text.encode(errors="replace"))  # half of a character, which UTF-8 cannot hold
    return []


def pages_to_json(pages: Sequence[ReadPage]) -> dict[str, Any]:
    """The object described above."""
    fields = [dict(page.document.fields) for page in pages]
    several = len(pages) > 1
    problems = [
        f"{title}: {problem}" if several else problem
        for page, title in zip(pages, page_titles(pages), strict=True)
        for problem in page.document.problems
    ]
    with_source = len({page.source for page in pages}) > 1
    return {
        "pages": [_page(page, with_source) for page in pages],
        "fields": (fields if several else fields[0]) if any(fields) else {},
        "problems": problems,
    }


def _page(page: ReadPage, with_source: bool) -> dict[str, Any]:
    blocks = page.document.blocks
    return {
        "page": page.number,
        "size_wh": list(page.size_wh),
        **({"source": page.source} if with_source else {}),
        "text": "\n\n".join(block.text for block in blocks if block.text),
        "markdown": "\n\n".join(block.markdown for block in blocks if block.markdown),
        "blocks": [block_to_json(block) | {"page": page.number} for block in blocks],
    }
