"""The colours of labels: one palette, and the order in which labels take their colours.

Knows colours and their contrast. Does not know regions, widgets or pictures. A list of labels, in order of first
appearance, *is* the assignment: the label at place i has colour i, so whoever keeps the list keeps the colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Found by search for the largest least distance in OKLab over normal, protan, deutan and tritan sight (Machado et
# al., 2009), then ordered so that the first few are the farthest apart. Closest pair: 0.11 (just noticeable: 0.02).
PALETTE: tuple[str, ...] = (
    "#2d78ff",
    "#ff960f",
    "#a51e0f",
    "#3ce1f0",
    "#784b87",
    "#d25a00",
    "#f0e11e",
    "#8778b4",
    "#00c3a5",
    "#a596ff",
    "#003ce1",
    "#b4f0b4",
)


def rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of `#rrggbb`."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def luminance(color: str) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink(color: str) -> str:
    """Black or white, whichever reads better on `color`."""
    light = luminance(color)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"


def label_order(labels: Iterable[str], known: Sequence[str] = ()) -> tuple[str, ...]:
    """Each label once: those already known keep their places, new ones follow in order of appearance."""
    return tuple(dict.fromkeys((*known, *labels)))


def color_of(label: str, order: Sequence[str]) -> str:
    """The colour of a label in an order that contains it; after the last colour comes the first again."""
    return PALETTE[order.index(label) % len(PALETTE)]
