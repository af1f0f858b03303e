"""Fonts and text setting: which families there are, and runs of text drawn with exact boxes of their ink.

Knows font files and their Debian packages, advances, ink and line breaks. Knows nothing about pages, screens or what a
text means. Pillow finds the files wherever the system keeps its fonts. Its basic layout is used and not Raqm, which
needs a library of the system: the same run is the same pixels everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Rgb = tuple[int, int, int]
Xy = tuple[float, float]
Xyxy = tuple[float, float, float, float]
Kind = Literal["sans", "serif", "mono"]
Style = Literal["regular", "bold", "italic"]

INSTALL = "xargs -a training/fonts-debian.txt sudo apt-get install --no-install-recommends"
"""Installs the packages of all families."""

CHARACTERS = "".join(map(chr, range(32, 127))) + "£€©é•×"
"""What every face can draw."""


class FontsMissingError(Exception):
    """Font files that are not on this machine; the message says in one sentence how to install them."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family with the names of its font files; a style that it lacks is drawn in its regular face."""

    name: str
    package: str
    kind: Kind
    regular: str
    bold: str = ""
    italic: str = ""

    def font(self, size_px: int, style: Style = "regular") -> Font:
        files = {"regular": self.regular, "bold": self.bold, "italic": self.italic}
        return Font(files[style] or self.regular, size_px)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.regular, self.bold, self.italic)))


FAMILIES: tuple[Family, ...] = (
    Family("Cabin", "fonts-cabin", "sans", "Cabin-Regular.otf", "Cabin-Bold.otf", "Cabin-Italic.otf"),
    Family(
        "Carlito", "fonts-crosextra-carlito", "sans", "Carlito-Regular.ttf", "Carlito-Bold.ttf", "Carlito-Italic.ttf"
    ),
    Family(
        "Clear Sans", "fonts-clear-sans", "sans", "ClearSans-Regular.ttf", "ClearSans-Bold.ttf", "ClearSans-Italic.ttf"
    ),
    Family(
        "Comic Neue", "fonts-comic-neue", "sans", "ComicNeue-Regular.otf", "ComicNeue-Bold.otf", "ComicNeue-Italic.otf"
    ),
    Family("DejaVu Sans", "fonts-dejavu-core", "sans", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    Family("Dosis", "fonts-dosis", "sans", "Dosis-Medium.otf", "Dosis-Bold.otf"),
    Family("Gillius ADF", "fonts-adf-gillius", "sans", "GilliusADF-Regular.otf", "GilliusADF-Bold.otf"),
    Family("Go", "fonts-go", "sans", "Go-Regular.ttf", "Go-Bold.ttf", "Go-Italic.ttf"),
    Family("Karla", "fonts-karla", "sans", "Karla-Regular.otf", "Karla-Bold.otf", "Karla-Italic.otf"),
    Family(
        "Liberation Sans",
        "fonts-liberation",
        "sans",
        "LiberationSans-Regular.ttf",
        "LiberationSans-Bold.ttf",
        "LiberationSans-Italic.ttf",
    ),
    Family("Manrope", "fonts-manrope", "sans", "Manrope-Regular.ttf", "Manrope-Bold.ttf"),
    Family("Oxygen", "fonts-oxygen", "sans", "Oxygen-Sans.ttf", "Oxygen-Sans-Bold.ttf"),
    Family("Play", "fonts-play", "sans", "Play-Regular.otf", "Play-Bold.otf"),
    Family(
        "Universalis ADF",
        "fonts-adf-universalis",
        "sans",
        "UniversalisADFStd-Regular.otf",
        "UniversalisADFStd-Bold.otf",
        "UniversalisADFStd-Italic.otf",
    ),
    Family(
        "Accanthis ADF",
        "fonts-adf-accanthis",
        "serif",
        "AccanthisADFStd-Regular.otf",
        "AccanthisADFStd-Bold.otf",
        "AccanthisADFStd-Italic.otf",
    ),
    Family(
        "Baskervald ADF",
        "fonts-adf-baskervald",
        "serif",
        "BaskervaldADFStd.otf",
        "BaskervaldADFStd-Bold.otf",
        "BaskervaldADFStd-Italic.otf",
    ),
    Family(
        "Caladea", "fonts-crosextra-caladea", "serif", "Caladea-Regular.ttf", "Caladea-Bold.ttf", "Caladea-Italic.ttf"
    ),
    Family("DejaVu Serif", "fonts-dejavu-core", "serif", "DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"),
    Family(
        "EB Garamond",
        "fonts-ebgaramond",
        "serif",
        "EBGaramond12-Regular.otf",
        italic="EBGaramond12-Italic.otf",
    ),
    Family(
        "Liberation Serif",
        "fonts-liberation",
        "serif",
        "LiberationSerif-Regular.ttf",
        "LiberationSerif-Bold.ttf",
        "LiberationSerif-Italic.ttf",
    ),
    Family(
        "Old Standard",
        "fonts-oldstandard",
        "serif",
        "OldStandard-Regular.ttf",
        "OldStandard-Bold.ttf",
        "OldStandard-Italic.ttf",
    ),
    Family("Quattrocento", "fonts-quattrocento", "serif", "Quattrocento-Regular.otf"),
    Family("Roboto Slab", "fonts-roboto-slab", "serif", "RobotoSlab-Regular.otf", "RobotoSlab-Bold.otf"),
    Family("Anonymous Pro", "fonts-anonymous-pro", "mono", "Anonymous Pro.ttf", "Anonymous Pro B.ttf"),
    Family("Courier Prime", "fonts-courier-prime", "mono", "Courier Prime.otf", "Courier Prime Bold.otf"),
    Family("DejaVu Sans Mono", "fonts-dejavu-core", "mono", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"),
    Family("Go Mono", "fonts-go", "mono", "Go-Mono.ttf", "Go-Mono-Bold.ttf"),
    Family("Inconsolata", "fonts-inconsolata", "mono", "Inconsolata.otf"),
    Family("Liberation Mono", "fonts-liberation", "mono", "LiberationMono-Regular.ttf", "LiberationMono-Bold.ttf"),
    Family("Oxygen Mono", "fonts-oxygen", "mono", "OxygenMono-Regular.ttf"),
)
"""What training pages are set in."""

HELD_OUT: tuple[Family, ...] = (
    Family("Open Sans", "fonts-open-sans", "sans", "OpenSans-Regular.ttf", "OpenSans-Bold.ttf", "OpenSans-Italic.ttf"),
    Family("Gentium Basic", "fonts-sil-gentium-basic", "serif", "GenBasR.ttf", "GenBasB.ttf", "GenBasI.ttf"),
)
"""For evaluation only: nothing that is trained on is set in them."""


def random_family(
    rng: np.random.Generator, kinds: Sequence[Kind] = ("sans", "serif", "mono"), *, held_out: bool = False
) -> Family:
    """A family for training or, if `held_out`, one for evaluation; of these kinds where there are any of them."""
    families = HELD_OUT if held_out else FAMILIES
    fitting = [family for family in families if family.kind in kinds] or list(families)
    return fitting[int(rng.integers(len(fitting)))]


@dataclass(frozen=True, slots=True)
class Run:
    """Text that was drawn: `xyxy` bounds its ink in whole pixels, `advance_px` is where the next run goes on."""

    text: str
    xyxy: Xyxy
    advance_px: float


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A letter's coverage, None for a blank, and the bounds of its ink around the left end of the baseline."""

    mask: Image.Image | None
    xyxy: tuple[int, int, int, int]
    advance_px: float


@dataclass(frozen=True)
class Font:
    """A face at a size of `size_px` pixels an em. Positions are (x, y) of the left end of the baseline.

    Letters stand on whole pixels and are not kerned, so that each is drawn by Pillow only once: a page of 1,000 letters
    takes a fifth of the time.
    """

    file: str
    size_px: int

    @cached_property
    def ascent_px(self) -> int:
        """How far the tallest letters stand above the baseline."""
        return -int(self.ink_xyxy("dhklH(", (0, 0))[1])

    @cached_property
    def descent_px(self) -> int:
        """How far the deepest letters hang below the baseline."""
        return int(self.ink_xyxy("gjpqy(", (0, 0))[3])

    @property
    def height_px(self) -> int:
        return self.ascent_px + self.descent_px

    def advance_px(self, text: str) -> float:
        """The width in pixels after which the next run goes on."""
        return sum(_glyph(self.file, self.size_px, letter).advance_px for letter in text)

    def ink_xyxy(self, text: str, xy: Xy) -> Xyxy:
        """The bounds of a run's ink if it were drawn; of blanks alone, an empty box."""
        return _around([box for _, box in self._placed(text, xy)], xy)

    def draw(self, pen: ImageDraw.ImageDraw, xy: Xy, text: str, rgb: Rgb) -> Run:
        """Draw a run on an RGB canvas."""
        boxes = []
        for mask, box in self._placed(text, xy):
            pen.bitmap(box[:2], mask, rgb)
            boxes.append(box)
        return Run(text, _around(boxes, xy), self.advance_px(text))

    def wrap(self, text: str, width_px: float) -> list[str]:
        """Lines no wider than `width_px`, broken at blanks; a single word that is wider has a line of its own."""
        lines: list[str] = []
        used_px, blank_px = 0.0, self.advance_px(" ")
        for word in text.split():
            word_px = self.advance_px(word)
            if lines and used_px + blank_px + word_px <= width_px:
                lines[-1] += f" {word}"
                used_px += blank_px + word_px
            else:
                lines.append(word)
                used_px = word_px
        return lines

    def _placed(self, text: str, xy: Xy) -> Iterator[tuple[Image.Image, tuple[int, int, int, int]]]:
        """The coverage of each letter that has ink, and where on the canvas it is."""
        x, y = xy[0], round(xy[1])
        for letter in text:
            glyph = _glyph(self.file, self.size_px, letter)
            if glyph.mask is not None:
                left, top, right, bottom = glyph.xyxy
                yield glyph.mask, (round(x) + left, y + top, round(x) + right, y + bottom)
            x += glyph.advance_px


def _around(boxes: Sequence[Xyxy], xy: Xy) -> Xyxy:
    if not boxes:
        return (*xy, *xy)
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def missing_packages() -> list[str]:
    """The Debian packages of the families that are not on this machine."""
    families = (*FAMILIES, *HELD_OUT)
    return sorted({family.package for family in families if not all(_path_of(file) for file in family.files)})


@lru_cache(maxsize=40_000)
def _glyph(file: str, size_px: int, letter: str) -> _Glyph:
    face = _face(file, size_px)
    canvas = Image.new("L", (4 * size_px, 4 * size_px))
    origin = 2 * size_px
    ImageDraw.Draw(canvas).text((origin, origin), letter, 255, face, anchor="ls")
    box = canvas.getbbox()
    if box is None:
        return _Glyph(None, (0, 0, 0, 0), face.getlength(letter))
    left, top, right, bottom = (side - origin for side in box)
    return _Glyph(canvas.crop(box), (left, top, right, bottom), face.getlength(letter))


@lru_cache(maxsize=1000)
def _face(file: str, size_px: int) -> ImageFont.FreeTypeFont:
    path = _path_of(file)
    if path is None:
        packages = " ".join(missing_packages())
        raise FontsMissingError(
            f"Fonts are missing on this machine: install {packages}, or all of them with `{INSTALL}`."
        )
    return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)


@cache
def _path_of(file: str) -> str | None:
    """Where a font file is; Pillow looks in the folders in which the system keeps fonts."""
    try:
        return str(ImageFont.truetype(file, 10).path)
    except OSError:
        return None
