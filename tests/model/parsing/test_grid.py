"""Tables with spans, laid out as a browser would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from model.parsing.grid import PlacedCell, lay_out
from model.types import Cell, Table


def _rows(*rows: tuple[Cell, ...]) -> Table:
    return Table(rows)


def test_a_plain_table_stays_as_it_is() -> None:
    table = _rows((Cell("a"), Cell("b")), (Cell("c"), Cell("d")))
    assert lay_out(table).texts() == [["a", "b"], ["c", "d"]]


def test_cells_move_aside_for_what_covers_them() -> None:
    table = _rows(
        (Cell("name", row_span=2), Cell("size", column_span=2)),
        (Cell("width"), Cell("height")),
        (Cell("door"), Cell("90"), Cell("210")),
    )
    grid = lay_out(table)
    assert grid.texts() == [["name", "size", ""], ["", "width", "height"], ["door", "90", "210"]]
    assert grid.cells[0] == PlacedCell(Cell("name", row_span=2), 0, 0, 2, 1)
    assert grid.cells[1] == PlacedCell(Cell("size", column_span=2), 0, 1, 1, 2)


def test_ragged_rows_have_empty_places() -> None:
    assert lay_out(_rows((Cell("a"),), (), (Cell("b"), Cell("c")))).texts() == [["a", ""], ["", ""], ["b", "c"]]


def test_spans_of_a_million_stay_within_the_table() -> None:
    table = _rows((Cell("title", row_span=10**9, column_span=10**9),), (Cell("a"),))
    grid = lay_out(table)
    assert (grid.row_count, grid.column_count) == (2, 2)
    assert grid.cells[0].row_span == 2
    assert lay_out(_rows((Cell("x", row_span=0, column_span=-3),))).cells[0] == PlacedCell(
        Cell("x", row_span=0, column_span=-3), 0, 0
    )


def test_a_table_without_cells_has_no_columns() -> None:
    assert (lay_out(_rows()).column_count, lay_out(_rows((), ())).column_count) == (0, 0)


_CELLS = st.builds(Cell, st.text(max_size=3), st.integers(-1, 5), st.integers(-1, 5))


@given(st.lists(st.lists(_CELLS, max_size=5).map(tuple), max_size=6).map(tuple))
def test_no_cell_is_lost_leaves_the_table_or_lies_over_another(rows: tuple[tuple[Cell, ...], ...]) -> None:
    grid = lay_out(Table(rows))
    assert [placed.cell for placed in grid.cells] == [cell for row in rows for cell in row]
    covered = [
        (row, column)
        for placed in grid.cells
        for row in range(placed.row, placed.row + placed.row_span)
        for column in range(placed.column, placed.column + placed.column_span)
    ]
    assert len(covered) == len(set(covered))
    assert all(row < grid.row_count and column < grid.column_count for row, column in covered)
