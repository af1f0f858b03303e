"""Controls of drawn screens: buttons, fields, check boxes, switches, icons and links, in light and dark themes.

Knows how each looks in each of its states, and what it is called. Does not know where on a screen it stands. No two
elements get the same name, whatever their kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from training.canvas import Canvas, inset, mixed, overlap, rgb_of, union
from training.icons import ICONS, icon_mask
from training.typesetting import Family, Font, Rgb, Style, Xyxy

Kind = Literal["button", "field", "check box", "radio button", "switch", "icon", "menu", "menu item", "tab", "link"]
KINDS: tuple[Kind, ...] = (
    "button", "field", "check box", "radio button", "switch", "icon", "menu", "menu item", "tab", "link",
)  # fmt: skip
MIN_EM_PX, MAX_EM_PX = 12, 34


BUTTONS = (
    "Save", "Cancel", "OK", "Apply", "Delete", "Send", "Submit", "Next", "Print", "Export", "Import", "Open", "Copy",
    "Paste", "Undo", "Redo", "Sign in", "Log out", "Remove", "Preview", "Publish", "Buy now", "Add to cart",
    "Check out", "Filter", "Sort", "Reset", "Continue", "Try again", "Connect", "Start", "Record", "Compare", "Install",
    "Update", "Join", "Follow", "Reply", "Archive", "Scan", "Pay", "Accept", "Decline", "Skip", "Finish", "Details",
    "Browse", "Attach", "Translate", "Subscribe",
)  # fmt: skip
_VERBS = ("Save", "Delete", "Send", "Print", "Export", "Open", "Create", "Show", "Rename", "Move", "Check", "Find")
_NOUNS = ("report", "file", "order", "invoice", "photo", "account", "list", "page", "copy", "draft", "map", "ticket")
_LONG_BUTTONS = tuple(f"{verb} {noun}" for verb in _VERBS for noun in _NOUNS)
FIELDS: dict[str, tuple[str, ...]] = {
    "First name": ("Anna", "Omar", "Mei", "Lucas", "Nora"),
    "Last name": ("Miller", "Rossi", "Sato", "Novak", "Diaz"),
    "Email": ("anna@mail.example", "info@shop.example"),
    "Phone": ("555 0142", "030 1234567"),
    "Street": ("12 Oak Street", "5 Mill Lane"),
    "City": ("Lisbon", "Oslo", "Kyoto", "Quito"),
    "Postcode": ("10115", "75004", "SW1A"),
    "Country": ("Norway", "Japan", "Peru", "Kenya"),
    "Company": ("Northwind", "Blue Oak"),
    "Date": ("2024-03-18", "7 May 2025"),
    "Amount": ("48.50", "1200", "315.00"),
    "User name": ("nora7", "omar.d"),
    "Password": ("••••••••", "••••••"),
    "Website": ("www.site.example",),
    "Subject": ("Meeting", "Invoice 207"),
    "Quantity": ("1", "3", "12"),
    "Height": ("180", "64"),
    "Width": ("320", "96"),
    "Color": ("green", "dark blue"),
    "Project": ("Garden", "Bridge"),
    "Room": ("B 12", "204"),
    "Note": ("call back", "urgent"),
    "Code": ("X7-22", "4081"),
    "Weight": ("2.5 kg", "70 kg"),
}
SWITCHES = (
    "Remember me", "Dark mode", "Notifications", "Wi-Fi", "Bluetooth", "Airplane mode", "Location", "Auto save",
    "Show grid", "Spell check", "Vibration", "Subtitles", "Newsletter", "Metric units", "Sync photos", "Night light",
    "Read only", "Full screen", "Bold text", "Data saver", "Sounds", "Backup", "Gift wrap", "Express", "Large icons",
    "Auto play", "Hidden files", "Line numbers", "Two columns", "Battery saver",
)  # fmt: skip
LINKS = (
    "Forgot password?",
    "Learn more",
    "Terms of use",
    "Imprint",
    "Contact us",
    "Read all",
    "See prices",
    "Our team",
)


@dataclass(frozen=True, slots=True)
class Element:
    """Something that can be clicked or typed into.

    `xyxy` bounds what is seen of it, in whole pixels: the frame where there is one, else the ink; of check boxes and
    radio buttons with their words. `is_on` tells whether it is checked, switched on or chosen, None where that makes no
    sense. `value` is what a field holds.
    """

    kind: Kind
    name: str
    xyxy: Xyxy
    is_enabled: bool = True
    is_on: bool | None = None
    value: str = ""

    @property
    def center_xy(self) -> tuple[float, float]:
        x1, y1, x2, y2 = self.xyxy
        return (x1 + x2) / 2, (y1 + y2) / 2


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours. `desktop` is behind windows and cards, `surface` what controls stand on, `bar` title and tool bars."""

    desktop: Rgb
    surface: Rgb
    bar: Rgb
    field: Rgb
    text: Rgb
    muted: Rgb
    border: Rgb
    accent: Rgb = (0, 0, 0)
    on_accent: Rgb = (255, 255, 255)


THEMES: tuple[Theme, ...] = tuple(
    Theme(*(rgb_of(color) for color in row.split()))
    for row in (
        "e2e6ec ffffff f3f4f6 ffffff 1c1e22 606670 bec3cb",
        "3a6ea5 ece9d8 d6dff7 ffffff 141414 5a5a5a 96968c",
        "f5f0e6 fdfaf4 eee5d4 ffffff 3a2c1e 786856 c8baa0",
        "cdded6 f7fbf9 e2f0e9 ffffff 143028 547067 a8c2b8",
        "c0c0c0 d4d0c8 c0c0c8 ffffff 000000 585858 808080",
        "0c0d10 1e2026 282b33 16181d e8eaee a0a6b2 4e5461",
        "000000 121212 1c1c1e 242428 f0f0f0 a5a5ac 4c4c52",
        "141c2e 212c44 1a243a 182135 e2e9f5 9caac4 4c5c7e",
        "281e28 382b38 302430 2c212c f5e8f0 bea8b8 695466",
    )
)
_ACCENTS: tuple[Rgb, ...] = (
    (37, 99, 235), (22, 140, 80), (200, 50, 60), (125, 70, 200), (215, 110, 20), (10, 130, 150), (200, 50, 130),
)  # fmt: skip


class ControlPainter(Canvas):
    """Draws controls and keeps what they are."""

    def __init__(self, rng: np.random.Generator, size_wh: tuple[int, int], family: Family) -> None:
        self.theme = _random_theme(rng)
        super().__init__(size_wh, self.theme.desktop)
        self.rng, self.family = rng, family
        width, height = size_wh
        most = min(MAX_EM_PX, width / 19, height / 15)
        self.em = round(float(rng.uniform(min(MIN_EM_PX, most), max(MIN_EM_PX, most))))
        self.radius_px = round(self.em * float(rng.choice([0.0, 0.2, 0.4, 0.8])))
        self.line_px = max(1, self.em // 12)
        self.disabled_share = float(rng.choice([0.0, 0.15, 0.35]))
        self.elements: list[Element] = []
        self.title = ""
        self._names: set[str] = set()

    def font(self, scale: float = 1.0, style: Style = "regular") -> Font:
        return self.family.font(max(10, round(self.em * scale)), style)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def take(self, pool: Sequence[str], width_px: float, font: Font | None = None) -> str | None:
        """A name that no element has yet and that is not wider than this; None when there is none."""
        font = font or self.font()
        for index in self.rng.permutation(len(pool)):
            name = pool[int(index)]
            if name.lower() not in self._names and font.advance_px(name) <= width_px:
                self._names.add(name.lower())
                return name
        return None

    def add(self, element: Element) -> None:
        self._names.add(element.name.lower())
        self.elements.append(element)

    def is_enabled(self) -> bool:
        return not self.chance(self.disabled_share)

    def ink(self, rgb: Rgb, is_enabled: bool = True, ground: Rgb | None = None) -> Rgb:
        """The colour of something on a ground, faint where it cannot be used."""
        return rgb if is_enabled else mixed(rgb, ground or self.theme.surface, 0.62)

    def panel(self, xyxy: Xyxy, fill: Rgb, border: Rgb | None = None, radius_px: int | None = None) -> None:
        """A box with a border and, if nothing else is said, the screen's round corners."""
        radius = self.radius_px if radius_px is None else radius_px
        if border is not None:
            self.box(xyxy, border, radius)
            xyxy, radius = inset(xyxy, self.line_px), max(0, radius - self.line_px)
        self.box(xyxy, fill, radius)

    def say(
        self, text: str, xyxy: Xyxy, rgb: Rgb, font: Font | None = None, align: Literal["left", "center"] = "center"
    ) -> Xyxy:
        """Set words, in the usual font if nothing else is said; returns the bounds of their ink."""
        return self.words_in(text, xyxy, rgb, font or self.font(), align)

    def icon(self, name: str, xy: tuple[float, float], side_px: int, rgb: Rgb) -> Xyxy:
        """Draw an icon with its left top corner there; returns the bounds of its ink."""
        return self.stamp(icon_mask(name, side_px), (round(xy[0]), round(xy[1])), rgb)

    def cover(self, xyxy: Xyxy) -> None:
        """Something comes on top here: forget the elements and the words that it hides, if only a part of them."""
        self.set_words()
        hidden = {run.text for run in self.runs if overlap(run.xyxy, xyxy)}
        self.runs = [run for run in self.runs if not overlap(run.xyxy, xyxy)]
        self.elements = [
            element for element in self.elements if not (overlap(element.xyxy, xyxy) or element.name in hidden)
        ]

    def button(self, x: float, y: float, width_px: float | None = None, most_px: float = 1e9) -> float | None:
        """A button of this width, or as wide as its name; returns its right end, None when no name fits."""
        theme, pad = self.theme, round(self.em * 0.8)
        room_px = (width_px or most_px) - 2 * pad
        name = self.take(_LONG_BUTTONS, room_px) if self.chance(0.35) else None
        name = name or self.take(BUTTONS, room_px)
        if name is None:
            return None
        x2 = x + (width_px or round(self.font().advance_px(name)) + 2 * pad)
        xyxy = (x, y, x2, y + self.button_px)
        enabled = self.is_enabled()
        if self.chance(0.4):
            fill = self.ink(theme.accent, enabled)
            self.panel(xyxy, fill)
            self.say(name, xyxy, self.ink(theme.on_accent, enabled, fill))
        else:
            fill = theme.bar if self.chance(0.6) else theme.surface
            self.panel(xyxy, fill, self.ink(theme.border, enabled))
            self.say(name, xyxy, self.ink(theme.text, enabled, fill))
        self.add(Element("button", name, xyxy, enabled))
        return x2

    def field(self, xyxy: Xyxy, name: str) -> None:
        """A field to type into, half of them with something in it; `name` is one of `FIELDS`."""
        theme, pad = self.theme, round(self.em * 0.5)
        enabled, value = self.is_enabled(), ""
        fill, border = self.ink(theme.field, enabled, theme.bar), self.ink(theme.border, enabled)
        self.panel(xyxy, fill, border, min(self.radius_px, self.em // 2))
        inner = (xyxy[0] + pad, xyxy[1], xyxy[2] - pad, xyxy[3])
        fitting = [text for text in FIELDS[name] if self.font().advance_px(text) <= inner[2] - inner[0]]
        if fitting and self.chance(0.5):
            value = str(self.rng.choice(fitting))
            self.say(value, inner, self.ink(theme.text, enabled, fill), align="left")
        self.add(Element("field", name, xyxy, enabled, value=value))

    def choice(self, x: float, y: float, name: str, *, is_radio: bool, is_on: bool) -> float:
        """A check box or a radio button with its words; returns the right end."""
        theme, side = self.theme, self.em
        enabled = self.is_enabled()
        middle = y + self.row_px // 2
        box = (x, middle - side // 2, x + side, middle - side // 2 + side)
        border = self.ink(theme.accent if is_on else theme.muted, enabled)
        self.panel(box, border if is_on and not is_radio else theme.field, border, side // 2 if is_radio else side // 6)
        if is_on and is_radio:
            inner = side // 4
            self.panel(inset(box, inner), border, radius_px=(side - 2 * inner) // 2)
        elif is_on:
            self.icon("check", (box[0] + side * 0.1, box[1] + side * 0.1), round(side * 0.8), theme.on_accent)
        row = (x + round(1.5 * side), y, x, y + self.row_px)
        ink = self.say(name, row, self.ink(theme.text, enabled), align="left")
        self.add(Element("radio button" if is_radio else "check box", name, union(box, ink), enabled, is_on))
        return ink[2]

    def switch(self, x2: float, y: float, name: str) -> None:
        """A switch whose right end is there."""
        height = round(self.em * 1.1)
        top = y + (self.row_px - height) // 2
        xyxy = (x2 - round(1.9 * height), top, x2, top + height)
        enabled, is_on = self.is_enabled(), self.chance(0.5)
        self.panel(xyxy, self.ink(self.theme.accent if is_on else self.theme.muted, enabled), radius_px=height // 2)
        knob = height - 4
        left = xyxy[2] - 2 - knob if is_on else xyxy[0] + 2
        self.panel((left, top + 2, left + knob, top + 2 + knob), (250, 250, 250), radius_px=knob // 2)
        self.add(Element("switch", name, xyxy, enabled, is_on))

    def icons(self, x: float, y: float, x2: float, most: int) -> None:
        """A row of icons, framed or bare."""
        side, frame = round(self.em * 1.2), self.chance(0.35)
        step = round(side * (1.8 if frame else 1.6))
        for _ in range(most):
            if x + step > x2:
                break
            name = self.take(tuple(ICONS), 1e9)
            if name is None:
                break
            enabled = self.is_enabled()
            rgb = self.ink(self.theme.text, enabled, self.theme.bar)
            cell = (x, y, x + round(side * 1.5), y + round(side * 1.5))
            if frame:
                self.panel(cell, self.theme.surface, self.theme.border)
            ink = self.icon(name, (x + round(side * 0.25), y + round(side * 0.25)), side, rgb)
            self.add(Element("icon", name, cell if frame else ink, enabled))
            x += step

    def link(self, x: float, y: float, most_px: float) -> bool:
        """Underlined words; whether there were any that fit."""
        name = self.take(LINKS, most_px)
        if name is None:
            return False
        ink = self.say(name, (x, y, x, y + self.row_px), self.link_rgb, align="left")
        line = (ink[0], ink[3] + 1, ink[2], ink[3] + 1 + self.line_px)
        self.panel(line, self.link_rgb, radius_px=0)
        self.add(Element("link", name, union(ink, line)))
        return True

    @property
    def link_rgb(self) -> Rgb:
        return self.theme.accent if sum(self.theme.surface) > 380 else mixed(self.theme.accent, (255, 255, 255), 0.45)

    @property
    def row_px(self) -> int:
        return round(self.em * 1.8)

    @property
    def button_px(self) -> int:
        return round(self.em * 2.1)


def _random_theme(rng: np.random.Generator) -> Theme:
    theme = THEMES[int(rng.integers(len(THEMES)))]
    return replace(theme, accent=_ACCENTS[int(rng.integers(len(_ACCENTS)))])
