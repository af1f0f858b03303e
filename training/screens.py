"""Drawn screens: windows, phones and web pages, with the exact place and state of everything that can be used.

Knows controls, layouts and themes. Knows nothing about questions, coordinates of answers or models. On one screen no
two elements have the same name, whatever their kinds, so that a name says which one is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.canvas import Canvas, inset, mixed, rgb_of
from training.icons import ICONS, icon_mask
from training.typesetting import Family, Font, Rgb, Run, Style, Xyxy, random_family

Kind = Literal["button", "field", "check box", "radio button", "switch", "icon", "menu", "menu item", "tab", "link"]
KINDS: tuple[Kind, ...] = (
    "button", "field", "check box", "radio button", "switch", "icon", "menu", "menu item", "tab", "link",
)  # fmt: skip
MIN_SIDE, MAX_SIDE = 256, 1024
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
RADIOS = (
    ("Small", "Medium", "Large"),
    ("Daily", "Weekly", "Monthly"),
    ("Card", "Cash", "Transfer"),
    ("Left", "Center", "Right"),
    ("Low", "Normal", "High"),
    ("Bike", "Bus", "Train"),
)
TABS = (
    "General", "Advanced", "Privacy", "Security", "Account", "Display", "Network", "Storage", "Language", "About",
    "Library", "Inbox", "Orders", "Messages", "Tasks", "Recent", "Shared", "Reviews",
)  # fmt: skip
MENUS: dict[str, tuple[str, ...]] = {
    "File": ("New", "Open file", "Save as", "Page setup", "Quit"),
    "Edit": ("Cut", "Copy text", "Find", "Replace", "Select all"),
    "View": ("Zoom in", "Zoom out", "Toolbar", "Status bar"),
    "Insert": ("Picture", "Table", "Chart", "Page break"),
    "Format": ("Font", "Paragraph", "Columns", "Borders"),
    "Tools": ("Options", "Macros", "Word count", "Plug-ins"),
    "Window": ("Split", "Arrange", "Minimize all"),
    "Help": ("Manual", "Shortcuts", "Feedback"),
}
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
TITLES = (
    "Settings", "Profile", "New message", "Photo editor", "Booking", "Address book", "Checkout page", "Notebook",
    "Weather", "Music", "Calendar view", "Travel plan", "Print setup", "Report", "Downloads list", "Shop", "Support",
    "Team", "Budget", "Recipes",
)  # fmt: skip
SENTENCES = (
    "Choose how the program looks.", "Your changes are kept on this device.", "All prices include tax.",
    "We never share your data.", "Delivery takes two days.", "Fill in all of the form.", "This can be changed later.",
    "The list was updated today.", "Three people are online now.", "Nothing was found yet.",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """A picture, RGB of shape (height, width, 3), with its elements and all words that can be seen on it."""

    pixels: NDArray[np.uint8]
    title: str
    elements: tuple[Element, ...]
    runs: tuple[Run, ...]

    @property
    def size_wh(self) -> tuple[int, int]:
        height, width, _ = self.pixels.shape
        return width, height

    def named(self, name: str) -> Element:
        """The element of that name; `KeyError` when there is none."""
        found = [element for element in self.elements if element.name == name]
        if not found:
            raise KeyError(name)
        return found[0]


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


def random_size(rng: np.random.Generator, layout: str) -> tuple[int, int]:
    """A (width, height) of a phone, a window or a page, with sides of 256 to 1,024 pixels."""
    low, high = {"phone": (0.5, 0.75), "window": (1.2, 1.7), "page": (0.8, 1.6)}[layout]
    aspect = float(rng.uniform(low, high))
    long_px = int(rng.integers(384, MAX_SIDE + 1))
    short_px = round(long_px * min(aspect, 1 / aspect))
    long_px, short_px = max(long_px, MIN_SIDE), max(short_px, MIN_SIDE)
    return (long_px, short_px) if aspect > 1 else (short_px, long_px)


def random_screen(
    rng: np.random.Generator, size_wh: tuple[int, int] | None = None, *, held_out: bool = False
) -> Screen:
    """Draw a screen with at least one element; `held_out` sets it in a font that is for evaluation only."""
    names = list(_LAYOUTS)
    if size_wh is not None:
        names = [name for name in names if (name != "phone") == (size_wh[0] >= size_wh[1])] or names
    layout = str(rng.choice(names))
    size = size_wh or random_size(rng, layout)
    family = random_family(rng, ("sans", "sans", "serif"), held_out=held_out)
    while True:
        painter = _Painter(rng, size, family)
        _LAYOUTS[layout](painter, (0, 0, *size))
        if painter.elements:
            return painter.finished()


class _Painter(Canvas):
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

    def finished(self) -> Screen:
        self.set_words()
        return Screen(self.pixels, self.title, tuple(self.elements), tuple(self.runs))

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
        hidden = {run.text for run in self.runs if _overlap(run.xyxy, xyxy)}
        self.runs = [run for run in self.runs if not _overlap(run.xyxy, xyxy)]
        self.elements = [
            element for element in self.elements if not (_overlap(element.xyxy, xyxy) or element.name in hidden)
        ]

    # Controls. Each draws itself, keeps its element and returns where the next one may begin.

    def button(self, x: float, y: float, width_px: float | None = None, most_px: float = 1e9) -> float | None:
        """Returns the right end; None when no name fits."""
        theme, pad = self.theme, round(self.em * 0.8)
        pool: Sequence[str] = BUTTONS
        if self.chance(0.35):
            pool = tuple(f"{verb} {noun}" for verb in _VERBS for noun in _NOUNS)
        name = self.take(pool, (width_px or most_px) - 2 * pad) or self.take(BUTTONS, (width_px or most_px) - 2 * pad)
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
        theme, pad = self.theme, round(self.em * 0.5)
        enabled, value = self.is_enabled(), ""
        fill = self.ink(theme.field, enabled, theme.bar)
        self.panel(
            xyxy, fill, theme.border if enabled else self.ink(theme.border, False), min(self.radius_px, self.em // 2)
        )
        if self.chance(0.5):
            fitting = [
                text for text in FIELDS.get(name, ()) if self.font().advance_px(text) <= xyxy[2] - xyxy[0] - 2 * pad
            ]
            value = str(self.rng.choice(fitting)) if fitting else ""
        if value:
            inner = (xyxy[0] + pad, xyxy[1], xyxy[2] - pad, xyxy[3])
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
        self.add(Element("radio button" if is_radio else "check box", name, _union(box, ink), enabled, is_on))
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

    def icons(self, x: float, y: float, x2: float, most: int, pool: Sequence[str] | None = None) -> float:
        """A row of icons, framed or bare; returns the right end."""
        side, frame = round(self.em * 1.2), self.chance(0.35)
        step = round(side * (1.8 if frame else 1.6))
        for _ in range(most):
            if x + step > x2:
                break
            name = self.take(pool or tuple(ICONS), 1e9)
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
        return x

    def link(self, x: float, y: float, most_px: float) -> bool:
        name = self.take(LINKS, most_px)
        if name is None:
            return False
        ink = self.say(name, (x, y, x, y + self.row_px), self.link_rgb, align="left")
        line = (ink[0], ink[3] + 1, ink[2], ink[3] + 1 + self.line_px)
        self.panel(line, self.link_rgb, radius_px=0)
        self.add(Element("link", name, _union(ink, line)))
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


def _window(painter: _Painter, xyxy: Xyxy) -> None:
    """A window on a desktop: title bar, then menus, tools and tabs as it comes, a form, and buttons at the end."""
    rng, theme = painter.rng, painter.theme
    margin = round(painter.em * float(rng.choice([0.0, 0.6, 1.2])))
    frame = inset(xyxy, margin)
    painter.panel(frame, theme.surface, theme.border, min(painter.radius_px, margin, 4))
    inner = inset(frame, painter.line_px)
    below = _title_bar(painter, inner)
    menus: list[Element] = []
    if painter.chance(0.6):
        below, menus = _menu_bar(painter, (inner[0], below, inner[2], inner[3]))
    if painter.chance(0.6):
        below = _tool_bar(painter, (inner[0], below, inner[2], inner[3]))
    pad = painter.em
    body = (inner[0] + pad, below + pad // 2, inner[2] - pad, inner[3] - pad)
    if painter.chance(0.5):
        body = _below(body, _tabs(painter, body) + pad // 2)
    if painter.chance(0.8):
        body = (*body[:3], _buttons_at_end(painter, body) - pad // 2)
    _form(painter, body)
    if menus and painter.chance(0.4):
        _open_menu(painter, menus[int(rng.integers(len(menus)))], xyxy)


def _phone(painter: _Painter, xyxy: Xyxy) -> None:
    """A phone's screen: clock, app bar, rows with switches and fields, and perhaps tabs along the bottom."""
    theme, pad = painter.theme, painter.em
    painter.panel(xyxy, theme.surface, radius_px=0)
    small = painter.font(0.8)
    top = xyxy[1] + round(painter.em * 1.5)
    painter.panel((xyxy[0], xyxy[1], xyxy[2], top), theme.bar, radius_px=0)
    clock = f"{int(painter.rng.integers(24))}:{int(painter.rng.integers(60)):02d}"
    painter.say(clock, (pad, xyxy[1], xyxy[2], top), theme.text, small, "left")
    top = _app_bar(painter, (xyxy[0], top, xyxy[2], xyxy[3]))
    bottom = _bottom_tabs(painter, xyxy) if painter.chance(0.6) else xyxy[3]
    body = (xyxy[0] + pad, top + pad // 2, xyxy[2] - pad, bottom - pad // 2)
    if painter.chance(0.5):
        y = body[3] - painter.button_px
        if painter.button(body[0], y, body[2] - body[0]) is not None:
            body = (*body[:3], y - pad // 2)
    _rows(painter, body) if painter.chance(0.5) else _form(painter, body)


def _page(painter: _Painter, xyxy: Xyxy) -> None:
    """A web page: a bar with tabs and search, a heading, words, and a card with a form."""
    theme, pad = painter.theme, painter.em
    bar = (xyxy[0], xyxy[1], xyxy[2], xyxy[1] + round(painter.em * 3.2))
    painter.panel(bar, theme.bar, radius_px=0)
    painter.title = str(painter.rng.choice(TITLES))
    ink = painter.say(painter.title, (pad, *bar[1:]), theme.text, painter.font(1.25, "bold"), "left")
    painter.icons(ink[2] + 2 * pad, bar[1] + round(0.7 * pad), bar[2] - pad, int(painter.rng.integers(0, 5)))
    body = (xyxy[0] + pad, bar[3] + pad, xyxy[2] - pad, xyxy[3] - pad)
    if painter.chance(0.6):
        body = _below(body, _tabs(painter, body, painter.theme.desktop) + pad)
    heading = painter.font(1.5, "bold")
    words = painter.rng.choice(TITLES)
    if heading.advance_px(words) <= body[2] - body[0] and painter.chance(0.7):
        painter.words(str(words), (body[0], body[1] + heading.ascent_px), _readable_on(theme.desktop), heading)
        body = _below(body, body[1] + heading.height_px + pad)
    wide = body[2] - body[0] > 34 * painter.em
    columns = _columns(body, 2 if wide else 1, pad)
    for card in columns:
        if card[3] - card[1] > 5 * painter.em:
            painter.panel(card, theme.surface, theme.border)
            _form(painter, inset(card, pad))


_LAYOUTS: dict[str, Callable[[_Painter, Xyxy], None]] = {"window": _window, "phone": _phone, "page": _page}


def _title_bar(painter: _Painter, area: Xyxy) -> float:
    theme, height = painter.theme, round(painter.em * 2.1)
    bar = (area[0], area[1], area[2], area[1] + height)
    is_colored = painter.chance(0.35)
    painter.panel(bar, theme.accent if is_colored else theme.bar, radius_px=0)
    rgb = theme.on_accent if is_colored else theme.text
    painter.title = str(painter.rng.choice(TITLES))
    painter.say(painter.title, (bar[0] + painter.em, *bar[1:]), rgb, painter.font(1.0, "bold"), "left")
    side = round(painter.em * 0.9)
    x = bar[2] - round(painter.em * 0.6) - side
    for name in ("close", "maximize", "minimize"):
        painter.add(Element("icon", name, painter.icon(name, (x, bar[1] + (height - side) // 2), side, rgb)))
        x -= round(side * 1.8)
    return bar[3]


def _menu_bar(painter: _Painter, area: Xyxy) -> tuple[float, list[Element]]:
    """Returns where it ends, and its menus."""
    height = painter.row_px
    painter.panel((area[0], area[1], area[2], area[1] + height), painter.theme.bar, radius_px=0)
    x, menus = area[0] + painter.em * 0.8, []
    for name in list(MENUS)[: int(painter.rng.integers(3, len(MENUS) + 1))]:
        advance = painter.font().advance_px(name)
        if x + advance + painter.em > area[2]:
            break
        ink = painter.say(name, (x, area[1], x, area[1] + height), painter.theme.text, align="left")
        menus.append(Element("menu", name, ink))
        painter.add(menus[-1])
        x = round(x + advance + painter.em * 1.3)
    return area[1] + height, menus


def _open_menu(painter: _Painter, menu: Element, screen: Xyxy) -> None:
    """The items of a menu, on top of what is below it."""
    theme, height, pad = painter.theme, painter.row_px, painter.em
    items = [
        item for item in MENUS[menu.name] if item.lower() not in {element.name.lower() for element in painter.elements}
    ]
    width = max(painter.font().advance_px(item) for item in items) + 3 * pad
    x1 = min(menu.xyxy[0] - pad // 2, screen[2] - width - 1)
    y1 = menu.xyxy[3] + pad // 2
    items = items[: int((screen[3] - 2 - y1) // height)]
    panel = (round(x1), round(y1), round(x1 + width), round(y1) + len(items) * height + 2)
    painter.cover(inset(panel, -2))
    painter.panel(panel, theme.surface, theme.border, 0)
    for index, name in enumerate(items):
        row = (panel[0] + pad, panel[1] + 1 + index * height, panel[2], panel[1] + 1 + (index + 1) * height)
        enabled = painter.is_enabled()
        ink = painter.say(name, row, painter.ink(theme.text, enabled), align="left")
        painter.add(Element("menu item", name, ink, enabled))


def _tool_bar(painter: _Painter, area: Xyxy) -> float:
    height = round(painter.em * 2.4)
    painter.panel((area[0], area[1], area[2], area[1] + height), painter.theme.bar, radius_px=0)
    y = area[1] + (height - round(painter.em * 1.8)) // 2
    painter.icons(round(area[0] + painter.em * 0.6), y, area[2] - painter.em * 0.5, int(painter.rng.integers(2, 9)))
    return area[1] + height


def _app_bar(painter: _Painter, area: Xyxy) -> float:
    """A phone's bar with the way back, the title and what else there is; returns where it ends."""
    theme, height, side = painter.theme, round(painter.em * 2.8), round(painter.em * 1.2)
    bar = (area[0], area[1], area[2], area[1] + height)
    painter.panel(bar, theme.bar, radius_px=0)
    y, x = bar[1] + (height - side) // 2, bar[0] + painter.em
    if painter.chance(0.7):
        name = "back" if painter.chance(0.6) else "menu"
        painter.add(Element("icon", name, painter.icon(name, (x, y), side, theme.text)))
        x += side + painter.em
    painter.title = str(painter.rng.choice(TITLES))
    ink = painter.say(painter.title, (x, *bar[1:]), theme.text, painter.font(1.15, "bold"), "left")
    right = bar[2] - painter.em
    for _ in range(int(painter.rng.integers(0, 4))):
        if right - side < ink[2] + painter.em:
            break
        right -= side
        if (free := painter.take(tuple(ICONS), 1e9)) is not None:
            painter.add(Element("icon", free, painter.icon(free, (right, y), side, theme.text)))
        right -= round(painter.em * 0.7)
    return bar[3]


def _bottom_tabs(painter: _Painter, area: Xyxy) -> float:
    """Tabs with an icon over a word; returns where they begin."""
    theme, height = painter.theme, round(painter.em * 3.4)
    bar = (area[0], area[3] - height, area[2], area[3])
    painter.panel(bar, theme.bar, radius_px=0)
    count, small, side = int(painter.rng.integers(3, 5)), painter.font(0.8), round(painter.em * 1.3)
    chosen = int(painter.rng.integers(count))
    for index, cell in enumerate(_columns(bar, count, 0)):
        name = painter.take(TABS, cell[2] - cell[0] - painter.em * 0.4, small)
        if name is None:
            continue
        rgb = painter.link_rgb if index == chosen else theme.muted
        picture = str(painter.rng.choice(list(ICONS)))
        middle = (cell[0] + cell[2] - side) // 2
        icon = painter.icon(picture, (middle, cell[1] + round(painter.em * 0.4)), side, rgb)
        ink = painter.say(name, (cell[0], cell[1] + round(painter.em * 1.9), cell[2], cell[3]), rgb, small)
        painter.add(Element("tab", name, _union(icon, ink), is_on=index == chosen))
    return bar[1]


def _tabs(painter: _Painter, area: Xyxy, ground: Rgb | None = None) -> float:
    """Tabs side by side, one chosen; returns where they end."""
    theme, pad, height = painter.theme, round(painter.em * 0.8), painter.row_px
    wanted, chosen, x = int(painter.rng.integers(2, 6)), int(painter.rng.integers(2)), round(area[0])
    for index in range(wanted):
        name = painter.take(TABS, area[2] - x - 2 * pad)
        if name is None:
            break
        xyxy = (x, area[1], x + round(painter.font().advance_px(name)) + 2 * pad, area[1] + height)
        is_on = index == chosen
        fill = theme.accent if is_on else theme.bar
        painter.panel(xyxy, fill, theme.accent if is_on else theme.border, min(painter.radius_px, height // 3))
        painter.say(name, xyxy, theme.on_accent if is_on else theme.text)
        painter.add(Element("tab", name, xyxy, is_on=is_on))
        x = xyxy[2] + round(painter.em * 0.25)
    return area[1] + height


def _buttons_at_end(painter: _Painter, area: Xyxy) -> float:
    """Buttons along the bottom; returns where they begin."""
    y, x = area[3] - painter.button_px, area[0]
    for _ in range(int(painter.rng.integers(1, 4))):
        right = painter.button(x, y, most_px=area[2] - x)
        if right is None:
            break
        x = right + round(painter.em * 0.7)
    return y


def _form(painter: _Painter, area: Xyxy) -> None:
    """Fields, choices, words and buttons, one under the other, in one column or two."""
    is_wide = area[2] - area[0] > 30 * painter.em
    for column in _columns(area, 2 if is_wide and painter.chance(0.6) else 1, 2 * painter.em):
        y, beside = round(column[1]), painter.chance(0.4) and column[2] - column[0] > 18 * painter.em
        gap = round(painter.em * float(painter.rng.uniform(0.4, 1.0)))
        while y + painter.button_px <= column[3]:
            part = _PARTS[int(painter.rng.choice(len(_PARTS), p=_SHARES))]
            y = part(painter, (round(column[0]), y, round(column[2]), column[3]), beside) + gap


def _field_part(painter: _Painter, area: Xyxy, beside: bool) -> int:
    """A field with its name before it or above it."""
    x1, y, x2, bottom = area
    label_px = round(painter.em * 7.5) if beside else 0
    need = painter.button_px + (0 if beside else painter.row_px)
    name = (
        painter.take(tuple(FIELDS), label_px - painter.em // 2 if beside else x2 - x1) if y + need <= bottom else None
    )
    if name is None:
        return round(y + painter.row_px)
    label = (x1, y, x2, y + (painter.button_px if beside else painter.row_px))
    painter.say(name, label, painter.theme.text, align="left")
    top = y if beside else y + painter.row_px
    width = (x2 - x1 - label_px) * float(painter.rng.uniform(0.7, 1.0))
    right = round(min(x2, x1 + label_px + max(width, 6 * painter.em)))
    painter.field((x1 + label_px, top, right, top + painter.button_px), name)
    return round(y + need)


def _checks_part(painter: _Painter, area: Xyxy, _beside: bool) -> int:
    """One check box or several beside each other."""
    x, y, x2, _ = area
    for _ in range(int(painter.rng.integers(1, 4))):
        name = painter.take(SWITCHES, x2 - x - 1.5 * painter.em)
        if name is None:
            break
        x = round(painter.choice(x, y, name, is_radio=False, is_on=painter.chance(0.5)) + 1.5 * painter.em)
    return round(y + painter.row_px)


def _radios_part(painter: _Painter, area: Xyxy, _beside: bool) -> int:
    """Radio buttons, of which one is chosen; all of a group or none."""
    x, y, x2, _ = area
    group = RADIOS[int(painter.rng.integers(len(RADIOS)))]
    width = sum(painter.font().advance_px(name) + 3 * painter.em for name in group)
    if width > x2 - x or any(painter.take((name,), 1e9) is None for name in group):
        return round(y)
    chosen = int(painter.rng.integers(len(group)))
    for index, name in enumerate(group):
        x = round(painter.choice(x, y, name, is_radio=True, is_on=index == chosen) + 1.5 * painter.em)
    return round(y + painter.row_px)


def _switch_part(painter: _Painter, area: Xyxy, _beside: bool) -> int:
    x, y, x2, _ = area
    right = min(x2, x + 20 * painter.em)
    name = painter.take(SWITCHES, right - x - 3 * painter.em)
    if name is not None:
        painter.say(name, (x, y, x, y + painter.row_px), painter.theme.text, align="left")
        painter.switch(right, y, name)
    return round(y + painter.row_px)


def _buttons_part(painter: _Painter, area: Xyxy, _beside: bool) -> int:
    return round(_buttons_at_end(painter, (*area[:3], area[1] + painter.button_px)) + painter.button_px)


def _words_part(painter: _Painter, area: Xyxy, _beside: bool) -> int:
    x, y, x2, bottom = area
    font = painter.font(0.9)
    for line in font.wrap(str(painter.rng.choice(SENTENCES)), x2 - x):
        if y + font.height_px > bottom or font.advance_px(line) > x2 - x:
            break
        painter.words(line, (x, y + font.ascent_px), painter.theme.muted, font)
        y = round(y + font.height_px * 1.25)
    return round(y)


def _link_part(painter: _Painter, area: Xyxy, _beside: bool) -> int:
    return round(area[1] + (painter.row_px if painter.link(area[0], area[1], area[2] - area[0]) else 0))


_PARTS: tuple[Callable[[_Painter, Xyxy, bool], int], ...] = (
    _field_part, _checks_part, _radios_part, _switch_part, _buttons_part, _words_part, _link_part,
)  # fmt: skip
_SHARES = (0.34, 0.16, 0.1, 0.1, 0.12, 0.1, 0.08)


def _rows(painter: _Painter, area: Xyxy) -> None:
    """A list of settings: words on the left, a switch on the right, a line between."""
    y, height = round(area[1]), round(painter.em * float(painter.rng.uniform(2.6, 3.4)))
    while y + height <= area[3]:
        name = painter.take(SWITCHES, area[2] - area[0] - 4 * painter.em)
        if name is None:
            return
        middle = y + (height - painter.row_px) // 2
        row = (area[0], middle, area[2], middle + painter.row_px)
        painter.say(name, row, painter.theme.text, align="left")
        painter.switch(round(area[2]), middle, name)
        line = (area[0], y + height - painter.line_px, area[2], y + height)
        painter.panel(line, mixed(painter.theme.border, painter.theme.surface, 0.5), radius_px=0)
        y += height


def _random_theme(rng: np.random.Generator) -> Theme:
    theme = THEMES[int(rng.integers(len(THEMES)))]
    return replace(theme, accent=_ACCENTS[int(rng.integers(len(_ACCENTS)))])


def _readable_on(ground: Rgb) -> Rgb:
    return (24, 26, 30) if sum(ground) > 380 else (240, 241, 244)


def _below(xyxy: Xyxy, y: float) -> Xyxy:
    return xyxy[0], y, xyxy[2], xyxy[3]


def _columns(xyxy: Xyxy, count: int, gap_px: float) -> list[Xyxy]:
    x1, y1, x2, y2 = xyxy
    width = (x2 - x1 - gap_px * (count - 1)) / count
    lefts = [x1 + index * (width + gap_px) for index in range(count)]
    return [(round(left), round(y1), round(left + width), round(y2)) for left in lefts]


def _union(a: Xyxy, b: Xyxy) -> Xyxy:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _overlap(a: Xyxy, b: Xyxy) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
