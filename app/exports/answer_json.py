"""Everything that was found as JSON: the object of `python -m model.parsing` and of the HTTP API, per picture.

One picture gives one object, several a list of them. `picture`, `size_wh`, `model` and `raw`, the model's own text,
come first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import IO, Any

from app.exports.base import Annotated
from model.parsing import answer_to_json


def write(items: Iterable[Annotated], labels: Sequence[str], file: IO[bytes]) -> list[str]:
    objects = [_object(item) for item in items]
    file.write(json.dumps(objects[0] if len(objects) == 1 else objects, ensure_ascii=False, indent=1).encode())
    return []


def _object(item: Annotated) -> dict[str, Any]:
    about = {"picture": item.image.name, "size_wh": item.image.size_wh, "model": item.model, "raw": item.raw}
    return about | answer_to_json(item.answer)
