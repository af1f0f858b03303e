"""Drawn pages: every line is where the truth says, sums are right, and nothing of evaluation is in training."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import pairwise
from operator import eq

import numpy as np
import pytest
from PIL import ImageDraw

from model.types import Table
from tests.training.drawing import difference_xyxy, drawn_with
from tests.training.fonts import needs_fonts
from training import documents, typesetting
from training.documents import KINDS, MAX_CHARACTERS, random_page, random_table
from training.lexicon import MONEY
from training.pages import MAX_SIDE, Page
from training.typesetting import CHARACTERS, FAMILIES, HELD_OUT, Font, Rgb, Run, Xy

pytestmark = needs_fonts


def page_of(kind: str, seed: int, *, worn_share: float = 0.0, held_out: bool = False) -> Page:
    rng = np.random.default_rng([seed, 8])
    return random_page(rng, kind, worn_share=worn_share, held_out=held_out)


@pytest.fixture(scope="module")
def many_pages() -> list[Page]:
    return [page_of(kind, seed) for kind in KINDS for seed in range(24 if kind == "article" else 9)]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", KINDS)
def test_each_line_drawn_alone_fills_its_box(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make = partial(page_of, kind, seed)
    page, wordless = make(), drawn_with(monkeypatch, make, lambda _: False)
    for index in range(0, len(page.lines), max(1, len(page.lines) // 4)):
        alone = drawn_with(monkeypatch, make, partial(eq, index))
        ink = difference_xyxy(alone.image, wordless.image)
        assert ink == pytest.approx(page.lines[index].xyxy, abs=1), page.lines[index].text


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", KINDS)
def test_all_words_stand_in_boxes(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make = partial(page_of, kind, seed)
    page, wordless = make(), drawn_with(monkeypatch, make, lambda _: False)
    ink = np.abs(page.image.astype(int) - wordless.image).max(axis=2) > 0
    assert ink.any()
    for x1, y1, x2, y2 in (line.xyxy for line in page.lines):
        ink[int(y1) : int(y2), int(x1) : int(x2)] = False
    assert not ink.any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["article", "table", "invoice", "card"])
def test_rules_fills_bullets_and_signs_belong_to_blocks(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wordless = drawn_with(monkeypatch, lambda: page_of(kind, seed), lambda _: False)
    marks = np.abs(wordless.image.astype(int) - wordless.image[0, 0]).max(axis=2) > 0
    for block in wordless.blocks:
        assert block.xyxy is not None
        x1, y1, x2, y2 = (int(value) for value in block.xyxy)
        marks[y1:y2, x1:x2] = False
    assert not marks.any()


def test_words_for_evaluation_are_never_strange(monkeypatch: pytest.MonkeyPatch) -> None:
    def words(*, held_out: bool) -> list[str]:
        return [
            random_page(np.random.default_rng(seed), "line", worn_share=0, held_out=held_out).text for seed in range(8)
        ]

    strange, natural = words(held_out=False), words(held_out=True)
    monkeypatch.setattr(documents, "STRANGE_SHARE", 0.0)
    assert words(held_out=True) == natural
    assert words(held_out=False) != strange


@pytest.mark.parametrize("seed", range(6))
def test_words_stand_in_their_boxes_and_nothing_between_them(seed: int) -> None:
    page = random_page(np.random.default_rng([seed, 8]), "line", text_px=(24, 30), worn_share=0)
    (line,) = page.lines
    ink = np.abs(page.image.astype(int) - page.image[0, 0]).max(axis=(0, 2)) > 0
    boxes = [box for _, box in line.words]
    assert [word for word, _ in line.words] == line.text.split()
    assert boxes[0][0] == line.xyxy[0]
    assert boxes[-1][2] == pytest.approx(line.xyxy[2], abs=0.01)
    for (x1, _, x2, _), (next_x, *_) in pairwise(boxes):
        assert ink[round(x1) : round(x2)].any()
        assert round(next_x) - round(x2) > 2
        assert not ink[round(x2) + 1 : round(next_x) - 1].any()


def test_pages_stay_in_their_domain(many_pages: list[Page]) -> None:
    for page in many_pages:
        width, height = page.size_wh
        assert max(width, height) <= MAX_SIDE
        assert 0 < len(page.text) <= MAX_CHARACTERS
        assert set(page.text) <= {*CHARACTERS, "\n"}
        for line in page.lines:
            x1, y1, x2, y2 = line.xyxy
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
    articles = [len(page.text) for page in many_pages if page.kind == "article"]
    assert max(articles) > 0.7 * MAX_CHARACTERS


def test_blocks_say_what_their_lines_say_in_reading_order(many_pages: list[Page]) -> None:
    for page in many_pages:
        assert page.text.split() == [word for block in page.blocks for word in block.text.split()]
        for index, block in enumerate(page.blocks):
            said = [word for line in page.lines if line.block == index for word in line.text.split()]
            assert said == block.text.split()


def test_lines_do_not_overlap(many_pages: list[Page]) -> None:
    for page in many_pages:
        boxes = [line.xyxy for line in page.lines]
        for index, a in enumerate(boxes):
            for b in boxes[:index]:
                wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
                # The tails of some letters may reach into the line below.
                assert wide <= 0 or high <= 0.3 * min(a[3] - a[1], b[3] - b[1])


def test_every_kind_of_block_and_table_comes(many_pages: list[Page]) -> None:
    blocks = [block for page in many_pages for block in page.blocks]
    assert {block.kind for block in blocks} == {"heading", "text", "list", "table", "caption", "figure"}
    tables = [random_table(np.random.default_rng(seed), 5, 4)[0] for seed in range(60)]
    cells = [cell for table in tables for row in table.rows for cell in row]
    assert {cell.column_span for cell in cells} == {1, 2}
    assert {cell.row_span for cell in cells} >= {1, 2, 3}
    second_column = [
        page
        for page in many_pages
        if page.kind == "article" and any(b.xyxy[1] < a.xyxy[1] - 50 for a, b in pairwise(page.lines))
    ]
    assert second_column


@pytest.mark.parametrize("seed", range(10))
def test_receipts_add_up(seed: int) -> None:
    page = page_of("receipt", seed)
    rows = [tuple(cell.text for cell in row) for row in table_of(page).rows]
    amounts = [amount_of(row[-1]) for row in rows]
    count = len(page.fields["items"])
    subtotal, tax, total, *paid = amounts[count:]
    assert sum(amounts[:count]) == subtotal
    assert subtotal + tax == total
    assert tax == rounded(subtotal * percent_of(rows[count + 1][0]))
    assert not paid or paid[0] - sum(paid[1:]) == total
    assert page.fields["total"] == rows[count + 2][-1]
    assert page.fields["tax"] == rows[count + 1][-1]
    assert [item["price"] for item in page.fields["items"]] == [row[-1] for row in rows[:count]]


@pytest.mark.parametrize("seed", range(10))
def test_invoices_add_up(seed: int) -> None:
    page = page_of("invoice", seed)
    _, *items, subtotal, tax, total = table_of(page).rows
    for _, quantity, price, amount in items:
        assert int(quantity.text) * amount_of(price.text) == amount_of(amount.text)
    assert sum(amount_of(row[3].text) for row in items) == amount_of(subtotal[1].text)
    assert rounded(amount_of(subtotal[1].text) * percent_of(tax[0].text)) == amount_of(tax[1].text)
    assert amount_of(subtotal[1].text) + amount_of(tax[1].text) == amount_of(total[1].text)
    assert [page.fields[name] for name in ("subtotal", "tax", "total")] == [
        row[1].text for row in (subtotal, tax, total)
    ]
    assert [tuple(item.values()) for item in page.fields["items"]] == [
        tuple(cell.text for cell in row) for row in items
    ]


@pytest.mark.parametrize("kind", ["receipt", "invoice", "form", "card"])
def test_fields_are_written_on_the_page(kind: str) -> None:
    for seed in range(6):
        page = page_of(kind, seed)
        said = " ".join(page.text.split())
        assert len(page.fields) >= 3
        for name, value in page.fields.items():
            if name == "address":
                assert all(part in said for part in value.split(", "))
            elif name not in ("items", "currency"):
                assert value in said, name


def table_of(page: Page) -> Table:
    (table,) = [block.table for block in page.blocks if block.table]
    return table


def amount_of(text: str) -> Decimal:
    for money in MONEY:
        text = text.removeprefix(money.before).removesuffix(money.after)
    return Decimal(text.replace(",", ""))


def percent_of(label: str) -> Decimal:
    return Decimal("".join(letter for letter in label if letter.isdigit())) / 100


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_page(kind: str) -> None:
    for worn_share in (0.0, 1.0):
        one, two = (page_of(kind, 9, worn_share=worn_share) for _ in range(2))
        assert np.array_equal(one.image, two.image)
        assert (one.lines, one.blocks, one.fields) == (two.lines, two.blocks, two.fields)
    assert not np.array_equal(one.image, page_of(kind, 10, worn_share=1.0).image)


@pytest.mark.parametrize("held_out", [False, True])
def test_held_out_fonts_are_for_evaluation_alone(held_out: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()
    really: Callable[..., Run] = Font.draw

    def draw(self: Font, pen: ImageDraw.ImageDraw, xy: Xy, text: str, rgb: Rgb) -> Run:
        used.add(self.file)
        return really(self, pen, xy, text, rgb)

    monkeypatch.setattr(typesetting.Font, "draw", draw)
    for kind in KINDS:
        for seed in range(6):
            page_of(kind, seed, held_out=held_out)
    allowed = {file for family in (HELD_OUT if held_out else FAMILIES) for file in family.files}
    assert used <= allowed
    assert len(used) > (2 if held_out else 20)
