"""Receipts, invoices, forms and business cards, whose fields are known by name.

Knows what stands on them, and that their sums are right. Names of fields are those of `model.prompts.FIELD_PRESETS`
where it has them. Amounts are whole cents until they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from model.types import Cell, Table
from training import lexicon
from training.layout import Column, PageStyle, fitting, mixed, random_look, random_style, whole
from training.lexicon import Money, pick
from training.pages import MAX_SIDE, Align, Page, Sheet, TableLook
from training.typesetting import random_family

TAX_PERCENTS = (5, 7, 8, 10, 19, 20)
PLAIN = Money("")
_CARD_ROWS = 9.5
"""The height of all that a card says, in lines of its body text."""
_ROWS_AROUND = 16
"""Of a receipt, beside the things that were bought: at most so many."""


@dataclass(frozen=True, slots=True)
class Sale:
    """Something that was sold: `unit_cents` is the price of one."""

    name: str
    quantity: int
    unit_cents: int

    @property
    def cents(self) -> int:
        return self.quantity * self.unit_cents


@dataclass(frozen=True, slots=True)
class Bill:
    """What was sold, and what is to be paid for it, with the tax rounded to whole cents."""

    sales: tuple[Sale, ...]
    tax_percent: int

    @property
    def subtotal_cents(self) -> int:
        return sum(sale.cents for sale in self.sales)

    @property
    def tax_cents(self) -> int:
        return int(Fraction(self.subtotal_cents * self.tax_percent, 100) + Fraction(1, 2))

    @property
    def total_cents(self) -> int:
        return self.subtotal_cents + self.tax_cents


def random_bill(rng: np.random.Generator, names: Sequence[str], count: int, most_cents: int) -> Bill:
    """A bill over `count` different things, each at most `most_cents`."""
    chosen = rng.permutation(np.array(names))[:count].tolist()
    sales = tuple(
        Sale(name, int(rng.integers(1, 10)) if rng.random() < 0.4 else 1, 5 * int(rng.integers(10, most_cents // 5)))
        for name in chosen
    )
    return Bill(sales, pick(rng, TAX_PERCENTS))


@dataclass(frozen=True, slots=True)
class Slip:
    """What a receipt says: its head, its details, and the table of things and sums; `sums` are the fields of that."""

    company: str
    address: tuple[str, str]
    date: str
    details: tuple[str, ...]
    table: Table
    sums: Mapping[str, object]

    @property
    def fields(self) -> dict[str, object]:
        return {"company": self.company, "date": self.date, "address": ", ".join(self.address), **self.sums}


def receipt(rng: np.random.Generator, size_px: int, held_out: bool) -> Page:
    """A shop's slip: its name and address, the date, what was bought, and how it was paid."""
    style = random_style(
        rng, min(size_px, 30), pick(rng, (("mono",), ("sans", "mono"))), dark_share=0, held_out=held_out
    )
    style = replace(style, accent=style.ink, leading=min(style.leading, 1.35))
    pitch = style.pitch_px(style.font())
    slip = _random_slip(rng, most=(MAX_SIDE - 2 * style.margin_px) // pitch - _ROWS_AROUND)
    look = _slip_look(style, len(slip.table.rows[0]))
    width = _slip_px(slip, style, look) * float(rng.uniform(1.0, 1.2))
    sheet = Sheet((min(round(width) + 2 * style.margin_px, MAX_SIDE), MAX_SIDE), style.paper, fields=slip.fields)
    column = whole(sheet, style)
    _set_slip(rng, column, slip, look)
    return sheet.finished("receipt", min(column.y + style.margin_px, MAX_SIDE))


def _random_slip(rng: np.random.Generator, most: int) -> Slip:
    """A slip with at most so many things on it, and at least one."""
    bill = random_bill(rng, lexicon.GROCERIES, int(rng.integers(1, max(2, min(9, most)))), 2000)
    table, sums = _receipt_table(rng, bill, pick(rng, lexicon.MONEY))
    date = lexicon.date_form(rng)(lexicon.day(rng))
    label = pick(rng, ("Date: ", "", "DATE "))
    time = f" {lexicon.clock(rng)}" if rng.random() < 0.6 else ""
    number = (f"{pick(rng, ('Receipt', 'Ticket', 'No.', 'Order'))} {lexicon.digits(rng, 5)}",)
    details = (f"{label}{date}{time}", *(number if rng.random() < 0.6 else ()))
    return Slip(lexicon.shop(rng), (lexicon.street(rng), lexicon.place(rng)), date, details, table, sums)


def _slip_px(slip: Slip, style: PageStyle, look: TableLook) -> float:
    """How wide the widest of it is."""
    texts_px = [style.font().advance_px(text) for text in (*slip.address, *slip.details)]
    return max(*texts_px, style.heading_font(2).advance_px(slip.company), sum(look.columns_px(slip.table)))


def _set_slip(rng: np.random.Generator, column: Column, slip: Slip, look: TableLook) -> None:
    font, ink = column.style.font(), column.style.ink
    align: Align = pick(rng, ("center", "center", "left"))
    column.heading(slip.company, 2, align=align)
    column.write(slip.address, font, ink, "text", align=align)
    column.space(0.5)
    _rule(rng, column)
    column.write(slip.details, font, ink, "text")
    _rule(rng, column)
    column.table(slip.table, look, is_wide=True)
    _rule(rng, column)
    column.paragraph(pick(rng, _THANKS), align=align)


def _receipt_table(rng: np.random.Generator, bill: Bill, money: Money) -> tuple[Table, Mapping[str, object]]:
    """Things and sums, and the same as fields."""
    each = money if rng.random() < 0.5 else PLAIN
    has_quantity = rng.random() < 0.5
    rows, items = [], []
    for sale in bill.sales:
        price = each.text(sale.cents)
        quantity = [Cell(str(sale.quantity))] if has_quantity else []
        name = sale.name if has_quantity or sale.quantity == 1 else f"{sale.quantity} {sale.name}"
        rows.append((*quantity, Cell(name), Cell(price)))
        items.append({"name": sale.name, "quantity": str(sale.quantity), "price": price})
    tax_name = pick(rng, ("Tax", "VAT", "Sales tax"))
    sums = {
        pick(rng, ("Subtotal", "SUBTOTAL", "Net")): each.text(bill.subtotal_cents),
        f"{tax_name} {bill.tax_percent}%": each.text(bill.tax_cents),
        pick(rng, ("Total", "TOTAL", "Amount due")): money.text(bill.total_cents),
        **_payment(rng, bill, each),
    }
    span = 1 + has_quantity
    rows += [(Cell(label, column_span=span), Cell(amount)) for label, amount in sums.items()]
    fields = {"items": items, "tax": each.text(bill.tax_cents), "total": money.text(bill.total_cents)}
    return Table(tuple(rows)), fields


def _payment(rng: np.random.Generator, bill: Bill, each: Money) -> dict[str, str]:
    """Cash with what is given back, or a card, or nothing."""
    form = rng.random()
    if form < 0.4:
        note = pick(rng, (500, 1000, 2000, 5000))
        given = -(-bill.total_cents // note) * note
        return {"Cash": each.text(given), "Change": each.text(given - bill.total_cents)}
    return {"Card": each.text(bill.total_cents)} if form < 0.7 else {}


def _slip_look(style: PageStyle, columns: int) -> TableLook:
    left: Align = "left"
    align: tuple[Align, ...] = (*[left] * (columns - 1), "right")
    padding = round(style.size_px * 0.4), max(1, round(style.size_px * (style.leading - 1) / 2))
    font = style.font()
    return TableLook(font, font, style.ink, style.ink, style.rule, "none", align, padding)


def _rule(rng: np.random.Generator, column: Column) -> None:
    column.space(0.3)
    if rng.random() < 0.8:
        column.rule(dashed=bool(rng.random() < 0.5))
    column.space(0.4)


def invoice(rng: np.random.Generator, size_px: int, held_out: bool) -> Page:
    """A bill of one firm to another, with its number, its dates, and a table that adds up."""
    width = int(rng.integers(640, MAX_SIDE + 1))
    style = random_style(rng, min(size_px, width // 38), ("sans", "serif"), dark_share=0, held_out=held_out)
    sheet = Sheet((width, MAX_SIDE), style.paper)
    column = whole(sheet, style)
    seller, buyer = lexicon.company(rng), lexicon.company(rng)
    _invoice_head(rng, column, seller)
    details = _invoice_details(rng)
    _parties(rng, column, buyer, details)
    sheet.fields |= {**details, "seller": seller, "buyer": buyer}
    _invoice_table(rng, column)
    column.space()
    column.paragraph(pick(rng, _NOTES).format(iban=f"DE{lexicon.digits(rng, 20)}", days=pick(rng, (7, 14, 30))))
    return sheet.finished("invoice", min(column.y + style.margin_px, MAX_SIDE) if rng.random() < 0.6 else None)


def _invoice_head(rng: np.random.Generator, column: Column, seller: str) -> None:
    """The firm with its address, maybe a sign, and the word that says what this is."""
    style = column.style
    if rng.random() < 0.5:
        side = round(style.size_px * float(rng.uniform(2.5, 4)))
        logo(rng, column.sheet, (column.x + column.width_px - side, column.y), side, style)
    if rng.random() < 0.5:
        column.heading(pick(rng, ("INVOICE", "Invoice")), 1)
        column.space(0.6)
        column.write((seller, lexicon.street(rng), lexicon.place(rng)), style.font(), style.ink, "text")
    else:
        column.heading(seller, 2)
        column.write((lexicon.street(rng), lexicon.place(rng), lexicon.phone(rng)), style.font(), style.ink, "text")
        column.space()
        column.heading(pick(rng, ("INVOICE", "Invoice", "Tax Invoice")), 1)
    column.space()


def _parties(rng: np.random.Generator, column: Column, buyer: str, details: Mapping[str, str]) -> None:
    """The customer on the left, number and dates on the right."""
    style = column.style
    half = column.width_px // 2 - style.size_px
    left = replace(column, width_px=half)
    right = replace(column, x=column.x + column.width_px // 2 + style.size_px, width_px=half)
    label = pick(rng, ("Bill to", "Invoice to:", "Customer"))
    left.write((label, buyer, lexicon.street(rng), lexicon.place(rng)), style.font(), style.ink, "text")
    _pairs(right, [(pick(rng, _DETAILS[name]), value) for name, value in details.items()])
    column.y = max(left.y, right.y)
    column.space(1.2)


def _invoice_details(rng: np.random.Generator) -> dict[str, str]:
    write, day = lexicon.date_form(rng), lexicon.day(rng)
    due = day.fromordinal(day.toordinal() + pick(rng, (7, 14, 30, 60)))
    return {"invoice number": lexicon.code(rng), "date": write(day), "due date": write(due)}


def _pairs(column: Column, pairs: Sequence[tuple[str, str]]) -> None:
    """Names with their values beside them, as one block."""
    font, bold = column.style.font(), column.style.font("bold")
    tab = max(bold.advance_px(f"{label} ") for label, _ in pairs) + column.style.size_px / 2
    for label, value in pairs:
        column.sheet.put((column.x, column.y), label, bold, column.style.ink)
        column.sheet.put((column.x + tab, column.y), value, font, column.style.ink, same_row=True)
        column.y += column.style.pitch_px(bold)
    column.sheet.end("text")


def _invoice_table(rng: np.random.Generator, column: Column) -> None:
    """As many things as there is room for, at least one, and what they cost together."""
    money, style = pick(rng, lexicon.MONEY), column.style
    each = money if rng.random() < 0.4 else PLAIN
    look = random_look(rng, style, ("left", "center", "right", "right"))
    room = (column.bottom - column.y - 4 * style.pitch_px(style.font())) // look.row_px - 4
    bill = random_bill(rng, lexicon.GOODS, int(rng.integers(1, max(2, min(9, room)))), 90_000)
    header = tuple(Cell(text, is_header=True) for text in pick(rng, _COLUMNS))
    items = [
        {
            "name": sale.name,
            "quantity": str(sale.quantity),
            "unit_price": each.text(sale.unit_cents),
            "amount": each.text(sale.cents),
        }
        for sale in bill.sales
    ]
    sums = {
        pick(rng, ("Subtotal", "Net total")): each.text(bill.subtotal_cents),
        f"{pick(rng, ('VAT', 'Tax', 'Sales tax'))} ({bill.tax_percent}%)": each.text(bill.tax_cents),
        pick(rng, ("Total", "Total due", "Grand total")): money.text(bill.total_cents),
    }
    body = [tuple(map(Cell, item.values())) for item in items]
    totals = [(Cell(label, column_span=3), Cell(amount)) for label, amount in sums.items()]
    column.table(Table((header, *body, *totals)), look, is_wide=True)
    subtotal, tax, total = sums.values()
    column.sheet.fields |= {"items": items, "subtotal": subtotal, "tax": tax, "total": total, "currency": money.code}


def form(rng: np.random.Generator, size_px: int, held_out: bool) -> Page:
    """Labels with what somebody has filled in: beside them, on a rule, or below them in a frame."""
    width = int(rng.integers(512, 900))
    style = random_style(rng, min(size_px, width // 24), ("sans", "serif"), dark_share=0, held_out=held_out)
    sheet = Sheet((width, MAX_SIDE), style.paper)
    column = whole(sheet, style)
    column.heading(f"{pick(rng, _FORM_TITLES)}", 1, align=pick(rng, ("left", "center")))
    column.space()
    hand = style
    if rng.random() < 0.6:
        hand = replace(style, body=random_family(rng, held_out=held_out), ink=(25, 45, 130))
    labels = rng.permutation(list(_FORM_FIELDS))[: int(rng.integers(3, 9))].tolist()
    put = pick(rng, (_beside, _beside, _framed))
    for label in labels:
        value = _FORM_FIELDS[label](rng)
        if not put(column, hand, label, value):
            break
        sheet.fields[label] = value
        column.space(float(rng.uniform(0.6, 0.9)))
    if rng.random() < 0.5:
        _choice(rng, column)
    return sheet.finished("form", min(column.y + style.margin_px, MAX_SIDE) if rng.random() < 0.7 else None)


def _beside(column: Column, hand: PageStyle, label: str, value: str) -> bool:
    """The label, and behind it the value on a rule."""
    style, font, filled = column.style, column.style.font(), hand.font()
    tab = font.advance_px(f"{label}:  ")
    height = max(font.height_px, filled.height_px) + 5
    if not column.has_room(height) or tab + filled.advance_px(value) > column.width_px:
        return False
    baseline = column.y + max(font.ascent_px, filled.ascent_px)
    column.sheet.put((column.x, baseline - font.ascent_px), f"{label}:", font, style.ink)
    column.sheet.put((column.x + tab, baseline - filled.ascent_px), value, filled, hand.ink, same_row=True)
    column.y += height
    line = (column.x + tab, column.y, column.x + column.width_px, column.y)
    column.sheet.pen.line(line, style.rule)
    column.sheet.end("text")
    return True


def _framed(column: Column, hand: PageStyle, label: str, value: str) -> bool:
    """A small label, and below it the value in a frame."""
    style, font, filled = column.style, column.style.font(scale=0.85), hand.font()
    pad = style.size_px // 3
    height = style.pitch_px(font) + filled.height_px + 2 * pad
    if not column.has_room(height) or filled.advance_px(value) + 2 * pad > column.width_px:
        return False
    column.sheet.put((column.x, column.y), label, font, style.ink)
    top = column.y + style.pitch_px(font)
    column.y += height
    frame = (column.x, top, column.x + column.width_px, column.y)
    column.sheet.pen.rectangle(frame, fill=mixed(style.ink, style.paper, 0.03), outline=style.rule)
    column.sheet.put((column.x + 2 * pad, top + pad), value, filled, hand.ink)
    column.sheet.end("text")
    return True


def _choice(rng: np.random.Generator, column: Column) -> None:
    """A question with boxes of which one is ticked, written as typewriters do it."""
    label, options = pick(rng, _CHOICES)
    chosen = pick(rng, options)
    boxes = "  ".join(f"[{'x' if option == chosen else ' '}] {option}" for option in options)
    font = column.style.font()
    text = f"{label}: {' '.join(boxes.split('  '))}"
    if font.advance_px(text) <= column.width_px and column.write((text,), font, column.style.ink, "text"):
        column.sheet.fields[label] = chosen


def business_card(rng: np.random.Generator, size_px: int, held_out: bool) -> Page:
    """A person, their work, and how to reach them."""
    width = int(rng.integers(420, 820))
    size_wh = width, round(width * float(rng.uniform(0.52, 0.66)))
    style = random_style(rng, min(size_px, width // 26), ("sans", "serif"), dark_share=0.25, held_out=held_out)
    fields = _random_contact(rng)
    labels = pick(rng, _CONTACT_LABELS)
    rows = [labels.get(name, "") + fields[name] for name in ("phone", "email", "website", "address")]
    margin = width // 14
    style = replace(style, leading=min(style.leading, 1.4), margin_px=margin)
    style = fitting(style, rows, width - 2 * margin, (size_wh[1] - 2 * margin) / _CARD_ROWS)
    sheet = Sheet(size_wh, style.paper, fields=dict(fields))
    column = whole(sheet, style)
    align: Align = pick(rng, ("left", "left", "center", "right"))
    if align == "left" and rng.random() < 0.5:
        side = round(2.5 * style.size_px)
        logo(rng, sheet, (width - margin - side, margin), side, style)
    column.heading(fields["name"], 2, align=align)
    column.paragraph(fields["title"], "italic", align=align)
    column.space(0.5)
    column.heading(fields["company"], 3, align=align)
    column.space()
    column.write(rows, style.font(), style.ink, "text", align=align)
    return sheet.finished("card")


def _random_contact(rng: np.random.Generator) -> dict[str, str]:
    person, company = lexicon.person(rng), lexicon.company(rng)
    domain = lexicon.domain(rng, company)
    return {
        "name": person,
        "title": pick(rng, lexicon.JOBS),
        "company": company,
        "phone": lexicon.phone(rng),
        "email": f"{person.split()[0].lower()}@{domain}",
        "website": f"www.{domain}",
        "address": f"{lexicon.street(rng)}, {lexicon.place(rng)}",
    }


def logo(rng: np.random.Generator, sheet: Sheet, xy: tuple[int, int], side_px: int, style: PageStyle) -> None:
    """A firm's sign: two plain shapes, one on the other."""
    x, y = xy
    color = style.accent
    shapes = (sheet.pen.ellipse, sheet.pen.rectangle)
    pick(rng, shapes)((x, y, x + side_px - 1, y + side_px - 1), color)
    quarter = side_px // 4
    pick(rng, shapes)((x + quarter, y + quarter, x + side_px - 1 - quarter, y + side_px - 1 - quarter), style.paper)
    sheet.end_figure((x, y, x + side_px, y + side_px))


_CONTACT_LABELS: tuple[Mapping[str, str], ...] = (
    {},
    {"phone": "Tel. "},
    {"phone": "T ", "email": "E ", "website": "W "},
)
_THANKS = (
    *("Thank you!", "Thank you for your visit", "Please come again", "Have a nice day!", "Goods once sold stay sold."),
    *("Please keep this receipt.", "See you soon"),
)
_NOTES = (
    "Please pay within {days} days.",
    "Payment due in {days} days to account {iban}.",
    "Thank you for your order. Please pay to {iban}.",
)
_DETAILS = {
    "invoice number": ("Invoice no.", "Number:", "Invoice number"),
    "date": ("Date", "Date:", "Invoice date"),
    "due date": ("Due", "Due date:", "Payable until"),
}
_COLUMNS = (
    ("Description", "Qty", "Unit price", "Amount"),
    ("Item", "Quantity", "Price", "Total"),
    ("Article", "Units", "Rate", "Sum"),
)
_FORM_TITLES = (
    *("Registration form", "Application", "Visitor record", "Membership form", "Order form", "Change of address"),
    *("Request for leave", "Damage report"),
)
_FORM_FIELDS: dict[str, Callable[[np.random.Generator], str]] = {
    "Name": lexicon.person,
    "Surname": lexicon.surname,
    "Given name": lambda rng: pick(rng, lexicon.FIRST_NAMES),
    "Date of birth": lambda rng: lexicon.date_form(rng)(lexicon.day(rng)),
    "Date": lambda rng: lexicon.date_form(rng)(lexicon.day(rng)),
    "Street": lexicon.street,
    "City": lexicon.town,
    "Post code": lambda rng: lexicon.digits(rng, 5),
    "Phone": lexicon.phone,
    "Company": lexicon.company,
    "Occupation": lambda rng: pick(rng, lexicon.JOBS),
    "Customer number": lexicon.code,
    "Amount": lambda rng: pick(rng, lexicon.MONEY).text(int(rng.integers(100, 500_000))),
    "Reason": lexicon.item,
    "Nationality": lambda rng: pick(rng, ("Austrian", "British", "Danish", "French", "German", "Irish", "Polish")),
}
_CHOICES = (
    ("Newsletter", ("Yes", "No")),
    ("Member", ("Yes", "No")),
    ("Title", ("Mr", "Mrs", "Dr")),
    ("Size", ("S", "M", "L", "XL")),
    ("Payment", ("cash", "card", "invoice")),
)
