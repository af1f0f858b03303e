"""The pictures and questions of `ui_assets/examples` that can be tried with one click."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.templates import ASSETS

E = TypeVar("E")

FOLDER = ASSETS / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """A picture of the project's own and a question about it; `alt` describes the picture in words."""

    path: Path
    question: str
    alt: str


def read_examples(folder: Path = FOLDER) -> list[Example]:
    """The rows of `examples.json` (`file`, `question`, `alt`), in order; empty without that file."""
    return read_listing(Example, folder / "examples.json")


def read_listing(kind: Callable[..., E], listing: Path) -> list[E]:
    """Each row of a listing as `kind(path, **row)`; the path is that of its `file`, beside the listing."""
    if not listing.exists():
        return []
    return [kind(listing.parent / row.pop("file"), **row) for row in json.loads(listing.read_text("utf-8"))]
