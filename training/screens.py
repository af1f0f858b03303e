"""Drawn screens: windows, phones and web pages, with the exact place and state of everything that can be used.

Knows layouts. Knows nothing about questions, coordinates of answers or models. On one screen no two elements have the
same name, whatever their kinds, so that a name says which one is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.canvas import inset, mixed, union
from training.controls import FIELDS, SWITCHES, ControlPainter, Element
from training.icons import ICONS
from training.typesetting import Rgb, Run, Xyxy, random_family

MIN_SIDE, MAX_SIDE = 256, 1024
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
        names = [name for name in names if (name != "phone") == (size_wh[0] >= size_wh[1])]
    layout = str(rng.choice(names))
    size = size_wh or random_size(rng, layout)
    family = random_family(rng, ("sans", "serif"), held_out=held_out)
    while True:
        painter = ControlPainter(rng, size, family)
        _LAYOUTS[layout](painter, (0, 0, *size))
        if painter.elements:
            painter.set_words()
            return Screen(painter.pixels, painter.title, tuple(painter.elements), tuple(painter.runs))


def _window(painter: ControlPainter, xyxy: Xyxy) -> None:
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


def _phone(painter: ControlPainter, xyxy: Xyxy) -> None:
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


def _page(painter: ControlPainter, xyxy: Xyxy) -> None:
    """A web page: a bar with tabs and search, a heading, words, and a card with a form."""
    theme, pad = painter.theme, painter.em
    bar = (xyxy[0], xyxy[1], xyxy[2], xyxy[1] + round(painter.em * 3.2))
    painter.panel(bar, theme.bar, radius_px=0)
    painter.title = str(painter.rng.choice(TITLES))
    ink = painter.say(painter.title, (pad, *bar[1:]), theme.text, painter.font(1.25, "bold"), "left")
    painter.icons(ink[2] + 2 * pad, bar[1] + round(0.7 * pad), bar[2] - pad, int(painter.rng.integers(0, 5)))
    body = (xyxy[0] + pad, bar[3] + pad, xyxy[2] - pad, xyxy[3] - pad)
    if painter.chance(0.6):
        body = _below(body, _tabs(painter, body) + pad)
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


_LAYOUTS: dict[str, Callable[[ControlPainter, Xyxy], None]] = {"window": _window, "phone": _phone, "page": _page}


def _title_bar(painter: ControlPainter, area: Xyxy) -> float:
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


def _menu_bar(painter: ControlPainter, area: Xyxy) -> tuple[float, list[Element]]:
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


def _open_menu(painter: ControlPainter, menu: Element, screen: Xyxy) -> None:
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


def _tool_bar(painter: ControlPainter, area: Xyxy) -> float:
    height = round(painter.em * 2.4)
    painter.panel((area[0], area[1], area[2], area[1] + height), painter.theme.bar, radius_px=0)
    y = area[1] + (height - round(painter.em * 1.8)) // 2
    painter.icons(round(area[0] + painter.em * 0.6), y, area[2] - painter.em * 0.5, int(painter.rng.integers(2, 9)))
    return area[1] + height


def _app_bar(painter: ControlPainter, area: Xyxy) -> float:
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


def _bottom_tabs(painter: ControlPainter, area: Xyxy) -> float:
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
        painter.add(Element("tab", name, union(icon, ink), is_on=index == chosen))
    return bar[1]


def _tabs(painter: ControlPainter, area: Xyxy) -> float:
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


def _buttons_at_end(painter: ControlPainter, area: Xyxy) -> float:
    """Buttons along the bottom; returns where they begin."""
    y, x = area[3] - painter.button_px, area[0]
    for _ in range(int(painter.rng.integers(1, 4))):
        right = painter.button(x, y, most_px=area[2] - x)
        if right is None:
            break
        x = right + round(painter.em * 0.7)
    return y


def _form(painter: ControlPainter, area: Xyxy) -> None:
    """Fields, choices, words and buttons, one under the other, in one column or two."""
    is_wide = area[2] - area[0] > 30 * painter.em
    for column in _columns(area, 2 if is_wide and painter.chance(0.6) else 1, 2 * painter.em):
        y, beside = round(column[1]), painter.chance(0.4) and column[2] - column[0] > 18 * painter.em
        gap = round(painter.em * float(painter.rng.uniform(0.4, 1.0)))
        while y + painter.button_px <= column[3]:
            part = _PARTS[int(painter.rng.choice(len(_PARTS), p=_SHARES))]
            y = part(painter, (round(column[0]), y, round(column[2]), column[3]), beside) + gap


def _field_part(painter: ControlPainter, area: Xyxy, beside: bool) -> int:
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


def _checks_part(painter: ControlPainter, area: Xyxy, _beside: bool) -> int:
    """One check box or several beside each other."""
    x, y, x2, _ = area
    for _ in range(int(painter.rng.integers(1, 4))):
        name = painter.take(SWITCHES, x2 - x - 1.5 * painter.em)
        if name is None:
            break
        x = round(painter.choice(x, y, name, is_radio=False, is_on=painter.chance(0.5)) + 1.5 * painter.em)
    return round(y + painter.row_px)


def _radios_part(painter: ControlPainter, area: Xyxy, _beside: bool) -> int:
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


def _switch_part(painter: ControlPainter, area: Xyxy, _beside: bool) -> int:
    x, y, x2, _ = area
    right = min(x2, x + 20 * painter.em)
    name = painter.take(SWITCHES, right - x - 3 * painter.em)
    if name is not None:
        painter.say(name, (x, y, x, y + painter.row_px), painter.theme.text, align="left")
        painter.switch(right, y, name)
    return round(y + painter.row_px)


def _buttons_part(painter: ControlPainter, area: Xyxy, _beside: bool) -> int:
    return round(_buttons_at_end(painter, (*area[:3], area[1] + painter.button_px)) + painter.button_px)


def _words_part(painter: ControlPainter, area: Xyxy, _beside: bool) -> int:
    x, y, x2, bottom = area
    font = painter.font(0.9)
    for line in font.wrap(str(painter.rng.choice(SENTENCES)), x2 - x):
        if y + font.height_px > bottom or font.advance_px(line) > x2 - x:
            break
        painter.words(line, (x, y + font.ascent_px), painter.theme.muted, font)
        y = round(y + font.height_px * 1.25)
    return round(y)


def _link_part(painter: ControlPainter, area: Xyxy, _beside: bool) -> int:
    return round(area[1] + (painter.row_px if painter.link(area[0], area[1], area[2] - area[0]) else 0))


_PARTS: tuple[Callable[[ControlPainter, Xyxy, bool], int], ...] = (
    _field_part, _checks_part, _radios_part, _switch_part, _buttons_part, _words_part, _link_part,
)  # fmt: skip
_SHARES = (0.34, 0.16, 0.1, 0.1, 0.12, 0.1, 0.08)


def _rows(painter: ControlPainter, area: Xyxy) -> None:
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


def _readable_on(ground: Rgb) -> Rgb:
    return (24, 26, 30) if sum(ground) > 380 else (240, 241, 244)


def _below(xyxy: Xyxy, y: float) -> Xyxy:
    return xyxy[0], y, xyxy[2], xyxy[3]


def _columns(xyxy: Xyxy, count: int, gap_px: float) -> list[Xyxy]:
    x1, y1, x2, y2 = xyxy
    width = (x2 - x1 - gap_px * (count - 1)) / count
    lefts = [x1 + index * (width + gap_px) for index in range(count)]
    return [(round(left), round(y1), round(left + width), round(y2)) for left in lefts]
