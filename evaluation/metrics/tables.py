"""TEDS, the similarity of two tables as trees (Zhong et al., "Image-based table recognition", 2020).

Knows tables as `model.types` has them, however they were written. Edit distances of trees are apted's, of the words in
cells rapidfuzz's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from apted import APTED, Config
from rapidfuzz.distance import Levenshtein

from evaluation.metrics.text import one_line
from model.types import Table


@dataclass(frozen=True, slots=True)
class _Node:
    """A table, a row or a cell; `spans` are the rows and columns that a cell covers."""

    tag: str
    spans: tuple[int, int] = (1, 1)
    text: str = ""
    children: tuple[_Node, ...] = field(default=())


class _Costs(Config):  # type: ignore[misc]  # apted is untyped
    """An edit costs 1; a cell turned into another of the same spans costs the distance of their words, at most 1."""

    valuecls = float

    def rename(self, first: _Node, second: _Node) -> float:
        if (first.tag, first.spans) != (second.tag, second.spans):
            return 1.0
        return float(Levenshtein.normalized_distance(first.text, second.text))


def teds(said: Table | None, true: Table, *, structure_only: bool = False) -> float:
    """1 - edits / nodes of the larger tree; 0 without a table.

    A tree is a table of rows of cells: header cells are cells like others, and heads and bodies are not nodes, so that
    HTML, Markdown and LaTeX compare alike. With `structure_only` the words do not count (TEDS-S).
    """
    if said is None:
        return 0.0
    nodes = max(_nodes(said), _nodes(true), 1)
    trees = (_tree(table, with_words=not structure_only) for table in (said, true))
    distance = float(APTED(*trees, _Costs()).compute_edit_distance())
    return 1.0 - distance / nodes


def _nodes(table: Table) -> int:
    """Rows and cells; the root is in every tree."""
    return len(table.rows) + sum(map(len, table.rows))


def _tree(table: Table, *, with_words: bool) -> _Node:
    rows = (
        tuple(_Node("td", (cell.row_span, cell.column_span), one_line(cell.text) if with_words else "") for cell in row)
        for row in table.rows
    )
    return _Node("table", children=tuple(_Node("tr", children=cells) for cells in rows))
