"""The picture with its regions drawn in: PNG in the original resolution; a zip of them for several pictures.

Knows files; the drawing is `app.draw`'s.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import IO

from app.exports.base import Annotated, Names


def write(items: Iterable[Annotated], labels: Sequence[str], file: IO[bytes]) -> list[str]:
    """One picture becomes a PNG, several a zip of PNGs."""
    items = iter(items)
    first, second = next(items, None), next(items, None)
    if first is not None and second is None:
        file.write(_png(first, labels))
        return []
    names = Names()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for item in chain(filter(None, (first, second)), items):
            archive.writestr(f"{names.stem(item.image)}.png", _png(item, labels))
    return []


def _png(item: Annotated, labels: Sequence[str]) -> bytes:
    # Its annotators take half a second to import: the first drawing can wait for that, the page should not.
    from app.draw import draw_png

    return draw_png(item.image, item.answer, labels, numbered=item.numbered, camera=item.camera)
