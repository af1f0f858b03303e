"""The pictures and questions of `ui_assets/examples` that can be tried with one click."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from app.templates import ASSETS

FOLDER = ASSETS / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """A picture of the project's own and a question about it; `alt` describes the picture in words."""

    path: Path
    question: str
    alt: str


def read_examples(folder: Path = FOLDER) -> list[Example]:
    """The rows of `examples.json` (`file`, `question`, `alt`), in order; empty without that file."""
    listing = folder / "examples.json"
    if not listing.exists():
        return []
    rows = json.loads(listing.read_text("utf-8"))
    return [Example(folder / row["file"], row["question"], row["alt"]) for row in rows]
