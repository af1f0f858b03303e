"""The picture with its regions drawn in: PNG in the original resolution; a zip of them for several pictures.

Knows files; the drawing is `app.draw`'s.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import IO

from app.exports.base import Annotated, Names

_MOST_NAMED = 3


def write(items: Iterable[Annotated], labels: Sequence[str], file: IO[bytes]) -> list[str]:
    """One picture becomes a PNG, several a zip of PNGs."""
    items = iter(items)
    first, second = next(items, None), next(items, None)
    unwritten: dict[str, None] = {}
    if first is not None and second is None:
        file.write(_png(first, labels, unwritten))
        return letters_missing(unwritten)
    names = Names()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for item in chain(filter(None, (first, second)), items):
            archive.writestr(f"{names.stem(item.image)}.png", _png(item, labels, unwritten))
    return letters_missing(unwritten)


def _png(item: Annotated, labels: Sequence[str], unwritten: dict[str, None]) -> bytes:
    # Its annotators take half a second to import: the first drawing can wait for that, the page should not.
    from app import draw

    unwritten |= dict.fromkeys(draw.unwritten(item.answer))
    return draw.draw_png(item.image, item.answer, labels, numbered=item.numbered, camera=item.camera)


def letters_missing(unwritten: Iterable[str]) -> list[str]:
    """The sentence about labels that were drawn as boxes for want of a font; none for none."""
    words = [f"“{text}”" for text in unwritten]
    if not words:
        return []
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return [
        f"No font of this computer has all letters of {', '.join(words[:_MOST_NAMED])}{more}: empty boxes stand for "
        "them in the picture. Noto fonts bring them (Debian: fonts-noto-core, fonts-noto-cjk); every other format "
        "has the labels whole."
    ]
