"""XLSX: one sheet for each table with its merged cells, and one for the fields, by openpyxl.

Everything is written as text, so that nothing is ever calculated, except for what can only be a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from app.exports.documents.base import ReadPage
from app.exports.documents.sheets import NOTHING, Sheet, sheets
from model.parsing.grid import PlacedCell

# Excel's own limits: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
_CELL_MAX_CHARS = 32_767
_TITLE_MAX_CHARS = 31
_TITLE_UNSAFE = re.compile(r"[\[\]:*?/\\]|^'|'$")
_COLUMN_WIDTHS = (8, 60)
# "1.234" is a thousand in one country and one in another, "007" is a name: such text stays text.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.(\d\d?))?")


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    found = list(sheets(pages))
    cut = sum(_fill(workbook.create_sheet(_title(sheet.title)), sheet) for sheet in found)
    if not found:
        workbook.create_sheet("Nothing found")
    workbook.save(file)
    were = "1 cell was" if cut == 1 else f"{cut:,} cells were"
    return [*([] if found else [NOTHING]), *([f"{were} cut at {_CELL_MAX_CHARS:,} characters."] if cut else [])]


def _title(text: str) -> str:
    """A name that Excel accepts; openpyxl numbers those that are there already."""
    # Room is left for that number.
    return _TITLE_UNSAFE.sub(" ", text)[-_TITLE_MAX_CHARS + 4 :].strip(" '") or "Table"


def _fill(worksheet: Worksheet, sheet: Sheet) -> int:
    """Write the cells; returns how many were too long."""
    for placed in sheet.grid.cells:
        _write_cell(worksheet, placed)
        if placed.row_span > 1 or placed.column_span > 1:
            worksheet.merge_cells(
                start_row=placed.row + 1,
                start_column=placed.column + 1,
                end_row=placed.row + placed.row_span,
                end_column=placed.column + placed.column_span,
            )
    for column, texts in enumerate(zip(*sheet.grid.texts(), strict=True), 1):
        longest = max(len(line) for text in texts for line in text.split("\n"))
        low, high = _COLUMN_WIDTHS
        worksheet.column_dimensions[get_column_letter(column)].width = min(max(longest + 2, low), high)
    return sum(len(placed.cell.text) > _CELL_MAX_CHARS for placed in sheet.grid.cells)


def _write_cell(worksheet: Worksheet, placed: PlacedCell) -> None:
    cell = worksheet.cell(placed.row + 1, placed.column + 1)
    text = placed.cell.text
    if number := _NUMBER.fullmatch(text):
        decimals = number[1] or ""
        cell.value = float(text) if decimals else int(text)
        cell.number_format = f"0.{'0' * len(decimals)}" if decimals else "0"
    else:
        cell.value = text[:_CELL_MAX_CHARS]
        cell.data_type = "s"  # openpyxl takes "=1+1" for a formula
        # As if typed with an apostrophe in front: it stays text when somebody edits the cell.
        cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    cell.alignment = Alignment(vertical="top", wrap_text="\n" in text)
    cell.font = Font(bold=placed.cell.is_header)
