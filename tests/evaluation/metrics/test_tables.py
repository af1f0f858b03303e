"""TEDS of small tables, with the edits counted by hand."""

from __future__ import annotations

import pytest

from evaluation.metrics.tables import teds
from evaluation.tasks.pages import first_table
from model.types import Cell, Table


def table(*rows: str) -> Table:
    """Cells by blanks; `x>2` covers two columns."""
    cells = (tuple(_cell(text) for text in row.split()) for row in rows)
    return Table(tuple(cells))


def _cell(text: str) -> Cell:
    words, _, columns = text.partition(">")
    return Cell(words, 1, int(columns or 1))


SQUARE = table("a b", "c total")
"""Six nodes: two rows and four cells."""


@pytest.mark.parametrize(
    ("said", "expected", "structure"),
    [
        (SQUARE, 1.0, 1.0),
        (table("a b", "c x"), 1 - 1 / 6, 1.0),
        (table("a b", "c totel"), 1 - (1 / 5) / 6, 1.0),
        (table("a b"), 1 - 3 / 6, 1 - 3 / 6),
        (table("a b", "c total", "e f"), 1 - 3 / 9, 1 - 3 / 9),
        (table("a>2", "c total"), 1 - 2 / 6, 1 - 2 / 6),
        (None, 0.0, 0.0),
    ],
    ids=["same", "other word", "one letter", "a row less", "a row more", "merged cells", "no table"],
)
def test_teds(said: Table | None, expected: float, structure: float) -> None:
    assert teds(said, SQUARE) == pytest.approx(expected)
    assert teds(said, SQUARE, structure_only=True) == pytest.approx(structure)


def test_a_table_is_the_same_in_whatever_form_it_was_written() -> None:
    html = "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td>total</td></tr></tbody></table>"
    markdown = "Here it is:\n\n| a | b |\n|---|---|\n| c | total |\n"
    latex = "\\begin{tabular}{ll} a & b \\\\ c & total \\\\ \\end{tabular}"
    for text in (html, f"```html\n{html}\n```", markdown, latex):
        assert teds(first_table(text), SQUARE) == 1.0
    assert first_table("There is no table here.") is None
