"""Drawn pages of every kind: single lines, articles, tables, and the paperwork of shops and offices.

Knows which kinds there are, and makes those that only tell something; `paperwork` makes those with fields. The same
seed makes the same page. What is held out for evaluation are two families of fonts, and whatever seeds one keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from model.types import Cell, Table
from training import lexicon, paperwork
from training.layout import TEXT_PX, Column, random_look, random_size, random_style, whole
from training.lexicon import pick
from training.pages import MAX_SIDE, Align, Page, Sheet
from training.wear import random_wear, worn

MAX_CHARACTERS = 1000
WORN_SHARE = 0.6
STRANGE_SHARE = 0.5
"""Of the single lines to learn from: a model that is this small else learns what words there are, not to read them."""
_LEAST_PART = 40
"""In characters."""
_PARTS = 14
"""How many blocks are tried in a column; some find no room."""

Maker = Callable[[np.random.Generator, int, bool], Page]
"""Makes a page with body text of so many pixels an em, in held-out fonts or not."""


def random_page(
    rng: np.random.Generator,
    kind: str | None = None,
    *,
    text_px: tuple[int, int] = TEXT_PX,
    worn_share: float = WORN_SHARE,
    held_out: bool = False,
) -> Page:
    """A page of one of `KINDS`, by default any, at most `MAX_SIDE` pixels wide and high and `MAX_CHARACTERS` long.

    `text_px` are the smallest and the largest size of body text. A share of `worn_share` is worn as paper is that was
    printed, photographed and scanned. `held_out` sets it in the families that no page for training is set in.
    """
    chosen = kind or pick(rng, tuple(KINDS))
    size_px = int(rng.integers(text_px[0], text_px[1] + 1))
    page = KINDS[chosen](rng, size_px, held_out)
    return worn(page, random_wear(rng, page)) if rng.random() < worn_share else page


def single_line(rng: np.random.Generator, size_px: int, held_out: bool) -> Page:
    """One line of text, with little room around it; many of those for training cannot be guessed from their words."""
    style = random_style(rng, size_px, dark_share=0.15, held_out=held_out)
    font = style.font(pick(rng, ("regular", "regular", "bold", "italic")))
    room = [round(size_px * float(rng.uniform(0.25, 1.0))) for _ in range(4)]
    text = pick(rng, _LINES)(rng)
    if not held_out and rng.random() < STRANGE_SHARE:
        text = lexicon.strange(rng, text)
    text = font.wrap(text, MAX_SIDE - room[0] - room[2] - size_px)[0]
    width = round(font.advance_px(text)) + size_px // 2 + room[0] + room[2]
    sheet = Sheet((width, font.height_px + room[1] + room[3]), style.paper)
    sheet.put((room[0] + size_px // 4, room[1]), text, font, style.accent)
    sheet.end("text")
    return sheet.finished("line")


def article(rng: np.random.Generator, size_px: int, held_out: bool) -> Page:
    """Headings, paragraphs, lists and small tables, in one column or two."""
    size_wh = random_size(rng)
    style = random_style(rng, min(size_px, size_wh[0] // 20), held_out=held_out)
    sheet = Sheet(size_wh, style.paper)
    page = whole(sheet, style)
    align: Align = pick(rng, ("left", "left", "center"))
    page.heading(lexicon.title(rng), 1, align=align)
    if rng.random() < 0.4:
        page.space(0.3)
        page.paragraph(f"{lexicon.person(rng)}, {lexicon.date_form(rng)(lexicon.day(rng))}", "italic", align=align)
    page.space()
    columns = _halves(page) if page.width_px > 34 * style.size_px and rng.random() < 0.4 else [page]
    _fill(rng, columns, wanted=int(rng.integers(200, MAX_CHARACTERS + 1)))
    lowest = max(column.y for column in columns) + style.margin_px
    return sheet.finished("article", min(lowest, size_wh[1]) if rng.random() < 0.5 else None)


def table_page(rng: np.random.Generator, size_px: int, held_out: bool) -> Page:
    """One table, with a caption or a heading more often than not."""
    size_wh = random_size(rng)
    style = random_style(rng, min(size_px, size_wh[0] // 26), held_out=held_out)
    sheet = Sheet(size_wh, style.paper)
    column = whole(sheet, style)
    has_caption = rng.random() < 0.4
    if has_caption:
        column.paragraph(f"Table {int(rng.integers(1, 20))}: {lexicon.item(rng)}", kind="caption")
        column.space(0.4)
    elif rng.random() < 0.6:
        column.heading(lexicon.title(rng), 2)
        column.space()
    columns = int(rng.integers(2, 6))
    for rows in range(int(rng.integers(2, 9)), 0, -1):
        if _add_table(rng, column, rows, columns):
            break
    else:
        column.paragraph(lexicon.sentence(rng))
    if rng.random() < 0.4:
        column.space()
        column.paragraph(lexicon.sentence(rng))
    return sheet.finished("table", min(column.y + style.margin_px, size_wh[1]) if rng.random() < 0.7 else None)


def random_table(rng: np.random.Generator, rows: int, columns: int) -> tuple[Table, tuple[Align, ...]]:
    """Names and numbers under headers, some of them over several columns or beside several rows."""
    makers = [_name_of_row(rng), *(pick(rng, _CELLS) for _ in range(columns - 1))]
    aligns: tuple[Align, ...] = ("right", "right", "center", "left")
    align: tuple[Align, ...] = ("left", *(pick(rng, aligns) for _ in makers[1:]))
    head = _headers(rng, columns)
    body = [[Cell(make(rng)) for make in makers] for _ in range(rows)]
    if rows >= 4 and rng.random() < 0.25:
        body = _grouped(rng, body)
        align = ("left", *align)
        head = [[Cell(pick(rng, _TOPICS), len(head), is_header=True), *head[0]], *head[1:]]
    return Table(tuple(map(tuple, (*head, *body)))), align


def _headers(rng: np.random.Generator, columns: int) -> list[list[Cell]]:
    """One row of headers, or two of which the upper one has a cell over the last two columns."""
    names = [Cell(name, is_header=True) for name in rng.permutation(_TOPICS)[:columns].tolist()]
    if columns < 3 or rng.random() < 0.75:
        return [names]
    upper = [Cell(cell.text, row_span=2, is_header=True) for cell in names[:-2]]
    return [[*upper, Cell(lexicon.pick(rng, _TOPICS), column_span=2, is_header=True)], names[-2:]]


def _grouped(rng: np.random.Generator, body: list[list[Cell]]) -> list[list[Cell]]:
    """The rows in two groups, with a cell beside each."""
    middle = len(body) // 2
    for start, count in ((0, middle), (middle, len(body) - middle)):
        body[start] = [Cell(lexicon.pick(rng, lexicon.TOWNS), row_span=count), *body[start]]
    return body


def _halves(page: Column) -> list[Column]:
    gap = round(1.5 * page.style.size_px)
    width = (page.width_px - gap) // 2
    return [replace(page, x=page.x + number * (width + gap), width_px=width) for number in range(2)]


def _fill(rng: np.random.Generator, columns: list[Column], wanted: int) -> None:
    """Add blocks until nearly `wanted` characters stand on the sheet, as many in each column, or there is no room."""
    sheet = columns[0].sheet
    for number, column in enumerate(columns, 1):
        for _ in range(_PARTS):
            used = sum(len(block.text) + 1 for block in sheet.blocks)
            if used + _LEAST_PART > wanted * number / len(columns):
                break
            if _add_part(rng, column, wanted - used):
                column.space(float(rng.uniform(0.5, 1.0)))


def _add_part(rng: np.random.Generator, column: Column, left: int) -> bool:
    form, last = rng.random(), column.sheet.blocks[-1].kind
    if (
        form < 0.18
        and left > 150
        and last != "heading"
        and column.has_room(5 * column.style.pitch_px(column.style.heading_font(2)))
    ):
        column.space(0.3)
        return column.heading(lexicon.title(rng), 2)
    if form < 0.36 and left > 260 and last != "list":
        items = [lexicon.item(rng) for _ in range(int(rng.integers(2, 6)))]
        return column.items(items, numbered=bool(rng.random() < 0.5))
    if form < 0.46 and left > 260:
        return _add_table(rng, column, rows=int(rng.integers(2, 4)), columns=int(rng.integers(2, 4)))
    text = lexicon.paragraph(rng, min(left, int(rng.integers(60, 320))))
    return len(text) <= left and column.paragraph(text)


def _add_table(rng: np.random.Generator, column: Column, rows: int, columns: int) -> bool:
    """A table with as many columns as there is room for."""
    is_wide = bool(rng.random() < 0.5)
    for count in range(columns, 1, -1):
        table, align = random_table(rng, rows, count)
        if column.table(table, random_look(rng, column.style, align), is_wide=is_wide):
            return True
    return False


def _name_of_row(rng: np.random.Generator) -> Callable[[np.random.Generator], str]:
    return pick(rng, (lexicon.person, lexicon.town, lexicon.company, lambda rng: pick(rng, lexicon.GOODS)))


def _amount(rng: np.random.Generator) -> str:
    return pick(rng, lexicon.MONEY[:3]).text(int(rng.integers(100, 2_000_000)))


_TOPICS = (
    *(
        "Name",
        "Price",
        "Total",
        "Year",
        "Area",
        "Weight",
        "Score",
        "Count",
        "Share",
        "Change",
        "Level",
        "Sales",
        "Cost",
    ),
    *("Date", "Region", "Speed", "Rank", "Stock", "Rate", "Result", "Unit", "Value", "Budget", "Length", "First half"),
)
_CELLS: tuple[Callable[[np.random.Generator], str], ...] = (
    lambda rng: str(int(rng.integers(1, 10_000))),
    lambda rng: f"{int(rng.integers(1, 10_000)) / 10:.1f}",
    lambda rng: f"{int(rng.integers(0, 101))}%",
    lambda rng: f"{int(rng.integers(1950, 2031))}",
    lambda rng: pick(rng, ("yes", "no", "low", "high", "open", "done", "-")),
    lambda rng: pick(rng, lexicon.NOUNS),
    _amount,
)
_LINES: tuple[Callable[[np.random.Generator], str], ...] = (
    lexicon.sentence,
    lexicon.sentence,
    lexicon.title,
    lexicon.item,
    lexicon.person,
    lexicon.company,
    lambda rng: f"{lexicon.street(rng)}, {lexicon.place(rng)}",
    lambda rng: lexicon.date_form(rng)(lexicon.day(rng)),
    lexicon.code,
    lexicon.phone,
    lambda rng: f"{pick(rng, _TOPICS)}: {_amount(rng)}",
    lambda rng: lexicon.domain(rng, lexicon.company(rng)),
)

KINDS: MappingProxyType[str, Maker] = MappingProxyType(
    {
        "line": single_line,
        "article": article,
        "table": table_page,
        "receipt": paperwork.receipt,
        "invoice": paperwork.invoice,
        "form": paperwork.form,
        "card": paperwork.business_card,
    }
)
