"""The look of a page and the flow of its text: fonts, sizes and colours drawn together, columns filled from the top.

Knows what looks well; nothing about what a document says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.types import BlockKind, Table
from training.lexicon import pick
from training.pages import MAX_SIDE, Align, Rules, Sheet, TableLook
from training.typesetting import Family, Font, Kind, Rgb, Style, Xyxy, random_family

TEXT_PX = (18, 30)
"""Sizes of body text, in pixels an em."""

INKS: tuple[Rgb, ...] = ((0, 0, 0), (25, 25, 30), (45, 45, 50), (20, 30, 70), (60, 40, 30), (30, 60, 50))
LIGHT_INKS: tuple[Rgb, ...] = ((255, 255, 255), (235, 235, 230), (250, 240, 210))
ACCENTS: tuple[Rgb, ...] = ((160, 25, 35), (20, 70, 160), (15, 110, 70), (110, 40, 130), (175, 80, 10), (0, 95, 110))
LIGHT_ACCENTS: tuple[Rgb, ...] = ((255, 205, 90), (130, 215, 255), (160, 235, 160), (255, 175, 160))
PAPERS: tuple[Rgb, ...] = ((255, 255, 255), (252, 250, 244), (246, 240, 224), (240, 244, 250), (244, 250, 240))
DARK_PAPERS: tuple[Rgb, ...] = ((24, 26, 32), (20, 40, 70), (50, 24, 34), (22, 52, 44))
DARK_SHARE = 0.06
_HEADING_SCALES = {1: 1.7, 2: 1.3, 3: 1.1}


@dataclass(frozen=True, slots=True)
class PageStyle:
    """Fonts and colours of one page; `leading` is the distance of lines in heights of text."""

    body: Family
    head: Family
    size_px: int
    leading: float
    paper: Rgb
    ink: Rgb
    accent: Rgb
    margin_px: int

    @property
    def is_dark(self) -> bool:
        return sum(self.paper) < sum(self.ink)

    @property
    def rule(self) -> Rgb:
        """For lines that are no text: between ink and paper."""
        return mixed(self.ink, self.paper, 0.45)

    def font(self, style: Style = "regular", scale: float = 1.0) -> Font:
        return self.body.font(round(self.size_px * scale), style)

    def heading_font(self, level: int) -> Font:
        return self.head.font(round(self.size_px * _HEADING_SCALES[level]), "bold")

    def pitch_px(self, font: Font) -> int:
        return round(font.height_px * self.leading)


def random_style(
    rng: np.random.Generator,
    size_px: int,
    kinds: Sequence[Kind] = ("sans", "serif", "mono"),
    *,
    dark_share: float = DARK_SHARE,
    held_out: bool = False,
) -> PageStyle:
    """A look with body text of `size_px`; headings are set in a second family in one page of three."""
    is_dark = rng.random() < dark_share
    body = random_family(rng, kinds, held_out=held_out)
    head = random_family(rng, ("sans", "serif"), held_out=held_out) if rng.random() < 0.33 else body
    ink = pick(rng, LIGHT_INKS if is_dark else INKS)
    accent = pick(rng, LIGHT_ACCENTS if is_dark else ACCENTS) if rng.random() < 0.5 else ink
    paper = pick(rng, DARK_PAPERS) if is_dark else pick(rng, PAPERS)
    margin_px = round(size_px * float(rng.uniform(1.2, 3.0)))
    return PageStyle(body, head, size_px, float(rng.uniform(1.15, 1.6)), paper, ink, accent, margin_px)


def random_size(rng: np.random.Generator) -> tuple[int, int]:
    """(width, height) of a page: the longer side from 640 to `MAX_SIDE` pixels, as high as wide to 1.45 times."""
    longer = int(rng.integers(640, MAX_SIDE + 1))
    shorter = round(longer / float(rng.uniform(1.0, 1.45)))
    return (longer, shorter) if rng.random() < 0.25 else (shorter, longer)


def random_look(
    rng: np.random.Generator, style: PageStyle, align: tuple[Align, ...], *, scale: float = 1.0
) -> TableLook:
    """How a table looks on a page of this style: ruled, filled or bare."""
    rules: Rules = pick(rng, ("grid", "grid", "rows", "header", "none"))
    filled = rng.random() < 0.45
    fill = mixed(style.accent, style.paper, float(rng.choice([0.12, 0.2, 1.0]))) if filled else None
    header_ink = style.paper if fill == style.accent else style.ink
    stripe = mixed(style.ink, style.paper, 0.07) if rng.random() < 0.2 else None
    bold = style.font("bold", scale) if rng.random() < 0.8 else style.font(scale=scale)
    padding = round(style.size_px * float(rng.uniform(0.45, 0.8))), round(style.size_px * float(rng.uniform(0.2, 0.5)))
    return TableLook(
        style.font(scale=scale), bold, style.ink, header_ink, style.rule, rules, align, padding, fill, stripe
    )


def fitting(style: PageStyle, lines: Sequence[str], width_px: float, pitch_px: float) -> PageStyle:
    """The style with body text as much smaller as it takes for the lines to be no wider than that, and as close."""
    font = style.font()
    if style.pitch_px(font) <= pitch_px and max(map(font.advance_px, lines)) <= width_px:
        return style
    return fitting(replace(style, size_px=style.size_px - 1), lines, width_px, pitch_px)


def mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    """So much of the first colour in the second."""
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(first, second, strict=True))
    return red, green, blue


@dataclass(eq=False)
class Column:
    """The part of a sheet that text flows down: from `y` to `bottom`, `width_px` wide.

    The methods that add a block do so only if there is room for it, and say whether there was.
    """

    sheet: Sheet
    style: PageStyle
    x: int
    y: int
    width_px: int
    bottom: int

    def has_room(self, height_px: float) -> bool:
        return self.y + height_px <= self.bottom

    def space(self, share: float = 0.7) -> None:
        """Leave room before the next block, in lines of body text."""
        self.y += round(share * self.style.pitch_px(self.style.font()))

    def write(
        self,
        lines: Sequence[str],
        font: Font,
        rgb: Rgb,
        kind: BlockKind,
        *,
        align: Align = "left",
        text: str | None = None,
        level: int = 0,
    ) -> bool:
        """Lines one below the other as a block; `text` is what it says where that is not line by line."""
        pitch = self.style.pitch_px(font)
        if not lines or not self.has_room(pitch * (len(lines) - 1) + font.height_px):
            return False
        x = {"left": self.x, "center": self.x + self.width_px // 2, "right": self.x + self.width_px}[align]
        for line in lines:
            self.sheet.put((x, self.y), line, font, rgb, align=align)
            self.y += pitch
        self.sheet.end(kind, text, level)
        return True

    def heading(self, text: str, level: int, *, align: Align = "left") -> bool:
        font = self.style.heading_font(level)
        lines = font.wrap(text, self.width_px)
        return self.write(lines, font, self.style.accent, "heading", align=align, text=text, level=level)

    def paragraph(
        self, text: str, style: Style = "regular", kind: BlockKind = "text", *, align: Align = "left"
    ) -> bool:
        font = self.style.font(style)
        return self.write(font.wrap(text, self.width_px), font, self.style.ink, kind, align=align, text=text)

    def items(self, items: Sequence[str], *, numbered: bool) -> bool:
        """A list; its bullets are drawn and are no text, its numbers are both."""
        font, style = self.style.font(), self.style
        indent = round(font.advance_px("00. "))
        wrapped = [font.wrap(item, self.width_px - indent) for item in items]
        pitch = style.pitch_px(font)
        if not self.has_room(pitch * sum(map(len, wrapped))):
            return False
        bullets = []
        for number, lines in enumerate(wrapped, 1):
            if numbered:
                self.sheet.put((self.x, self.y), f"{number}.", font, style.ink)
            else:
                bullets.append(self._bullet(font))
            for index, line in enumerate(lines):
                self.sheet.put((self.x + indent, self.y), line, font, style.ink, same_row=numbered and not index)
                self.y += pitch
        said = [f"{number}. {item}" if numbered else item for number, item in enumerate(items, 1)]
        self.sheet.end("list", "\n".join(said), marks=bullets)
        return True

    def _bullet(self, font: Font) -> Xyxy:
        radius = max(2, round(font.size_px * 0.13))
        x, y = self.x + font.size_px // 2, self.y + font.ascent_px - round(font.size_px * 0.28)
        self.sheet.pen.ellipse((x - radius, y - radius, x + radius, y + radius), self.style.ink)
        return x - radius, y - radius, x + radius + 1, y + radius + 1

    def table(self, table: Table, look: TableLook, *, is_wide: bool = False) -> bool:
        """A table if it is not too wide either; `is_wide` stretches it over the column."""
        widths = look.columns_px(table)
        if sum(widths) > self.width_px or not self.has_room(look.row_px * len(table.rows) + 2):
            return False
        self.sheet.put_table((self.x, self.y), table, look, self.width_px - len(widths) if is_wide else 0)
        self.y += look.row_px * len(table.rows) + 2
        return True

    def rule(self, *, dashed: bool = False) -> None:
        """A line over the whole column, which is no text."""
        y, step = self.y, 6 if dashed else self.width_px
        for x in range(self.x, self.x + self.width_px, 2 * step if dashed else step):
            self.sheet.pen.line((x, y, min(x + step, self.x + self.width_px), y), self.style.rule)
        self.y += 1


def whole(sheet: Sheet, style: PageStyle) -> Column:
    """All of a sheet but its margins, which are narrower on a narrow sheet."""
    width, height = sheet.size_wh
    margin = min(style.margin_px, width // 8)
    return Column(sheet, style, margin, margin, width - 2 * margin, height - margin)
