"""CSV in UTF-8 with a byte order mark: one file for one sheet, a zip of them for several.

What a spreadsheet would take for a formula gets an apostrophe in front, as in the export of what was found; numbers
stay numbers, with their signs.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from itertools import islice
from typing import IO

from app.exports.base import Names
from app.exports.documents.base import ReadPage
from app.exports.documents.sheets import NOTHING, Sheet, sheets
from app.exports.tables import inert


def has_several(pages: Sequence[ReadPage]) -> bool:
    return len(list(islice(sheets(pages), 2))) > 1


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    found = list(sheets(pages))
    if len(found) < 2:
        file.write(_csv(found[0]) if found else _csv_of([]))
        return [] if found else [NOTHING]
    names = Names()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for sheet in found:
            archive.writestr(f"{names.unique(sheet.title, 'table')}.csv", _csv(sheet))
    return []


def _csv(sheet: Sheet) -> bytes:
    return _csv_of(sheet.grid.texts())


def _csv_of(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([inert(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")
