"""Shared by the tests of documents: a two-page PDF of the project's own, an encrypted one, answers about them."""

from __future__ import annotations

from pathlib import Path

import pikepdf

from app.document_reading import Reading, ReadingAsk
from app.templates import ASSETS
from model.types import MediumInput

REPORT = ASSETS / "examples" / "report.pdf"
"""Two pages with a text layer."""

LAYOUT = (
    "```html\n<html><body>\n",
    '<h2 data-bbox="100 50 600 100">Water</h2>\n',
    '<p data-bbox="100 120 900 200">Rain was short in June.</p>\n',
    '<img data-bbox="100 250 900 450"/>\n',
    '<table data-bbox="100 500 900 700"><tr><th>Crop</th><th>Beds</th></tr><tr><td>Beans</td><td>4</td></tr></table>\n',
    "</body></html>\n```",
)
MARKDOWN = ("# Water\n\nRain was *short* in June.\n\n", "| Crop | Beds |\n|---|---|\n| Beans | 4 |\n")
MEDIUM = MediumInput((1000, 1000), (500, 500), 100)


def reading(raw: str, ask: ReadingAsk | None = None, page: int = 1, model: str = "fake") -> Reading:
    """A whole reading of a page of 1000 x 1000 pixels, in which 0-1000 is the same as pixels."""
    return Reading(page, ask or ReadingAsk(), model, "Qwen3-VL", MEDIUM, raw, finish_reason="stop").parsed()


def encrypted(folder: Path, password: str) -> Path:
    """The report, locked."""
    path = folder / "locked.pdf"
    with pikepdf.open(REPORT) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(user=password, owner=password))
    return path
