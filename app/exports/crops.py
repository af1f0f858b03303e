"""A cut-out of each box and polygon, as PNG files in a zip: `photo/001-cup.png`.

Cut at whole pixels, outwards, so that nothing of the box is lost. Points, 3D boxes, actions and boxes without an
area give none.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO

from app.exports.base import Annotated, Names, bounds, left_out, safe_name
from model.media import pixels


def write(items: Iterable[Annotated], labels: Sequence[str], file: IO[bytes]) -> list[str]:
    names, skipped = Names(), 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for item in items:
            stem = names.stem(item.image)
            picture = pixels(item.image)
            skipped += len(item.answer.actions)
            for number, region in enumerate(item.answer.regions, 1):
                if not (box := bounds(region)):
                    skipped += 1
                    continue
                crop = io.BytesIO()
                picture.crop(pixel_box(box, item.image.size_wh)).save(crop, "PNG")
                name = "-".join(filter(None, (f"{number:03}", safe_name(region.label))))
                archive.writestr(f"{stem}/{name}.png", crop.getvalue())
    return left_out(skipped, "points, actions, 3D boxes and boxes without an area", "a folder of cut-outs")


def pixel_box(xyxy: tuple[float, float, float, float], size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """The smallest box of whole pixels around `xyxy`; at least one pixel, inside the picture."""
    width, height = size_wh
    left, top = min(math.floor(xyxy[0]), width - 1), min(math.floor(xyxy[1]), height - 1)
    return left, top, max(math.ceil(xyxy[2]), left + 1), max(math.ceil(xyxy[3]), top + 1)
