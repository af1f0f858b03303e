"""A font of this computer that has the letters of a text, whatever its script.

Knows where operating systems keep fonts and which characters a font file has. Does not know pictures. No font comes
with the program: where none of the installed ones has a script, Pillow's own font draws boxes in the place of its
letters. On Debian and Ubuntu the packages `fonts-noto-core` and `fonts-noto-cjk` bring nearly every script.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "$WINDIR/Fonts",
    "$LOCALAPPDATA/Microsoft/Windows/Fonts",
)
_LATIN_END = 0x180
_SUFFIXES = {".ttf", ".otf", ".ttc"}
_OUTLINES = ("glyf", "CFF ", "CFF2")
# The everyday upright sans serif of each system comes first: it is what the page itself is set in.
_PREFERRED = (
    "notosans-regular",
    "dejavusans",
    "segoeui",
    "arial",
    "helvetica",
    "notosanscjk-regular",
    "pingfang",
    "msyh",
)
_UNUSUAL = re.compile(
    r"bold|italic|oblique|mono|serif|condensed|narrow|light|thin|black|symbol|math|emoji", re.IGNORECASE
)


def font_for(text: str) -> Path | None:
    """The font that has most of the visible characters of `text`, of equals the plainest; None without any font."""
    wanted = _visible(text)
    complete = next((path for path in _installed() if wanted <= _characters(path)), None)
    return complete or max(_installed(), key=lambda path: len(wanted & _characters(path)), default=None)


def has_letters_for(text: str) -> bool:
    """Whether one installed font has all visible characters of `text`; Pillow's own has those of Latin."""
    wanted = _visible(text)
    font = font_for(text)
    return wanted <= _characters(font) if font else all(character < _LATIN_END for character in wanted)


def group_by_font(texts: Iterable[str]) -> dict[Path | None, list[int]]:
    """Places of texts by the font to write them with."""
    groups: dict[Path | None, list[int]] = {}
    for place, text in enumerate(texts):
        groups.setdefault(font_for(text), []).append(place)
    return groups


def _visible(text: str) -> frozenset[int]:
    return frozenset(ord(character) for character in text if character.isprintable() and not character.isspace())


@cache
def _installed() -> tuple[Path, ...]:
    folders = (Path(os.path.expandvars(folder)).expanduser() for folder in _FOLDERS)
    files = {
        path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES
    }
    return tuple(sorted(files, key=_rank))


def _rank(path: Path) -> tuple[int, bool, int, str]:
    name = path.stem.lower()
    preferred = _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED)
    return preferred, bool(_UNUSUAL.search(name)), len(name), str(path)


@lru_cache(maxsize=512)
def _characters(path: Path) -> frozenset[int]:
    """Code points that the (first) font of the file can draw as outlines; none for a file that cannot be read."""
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap() or ()) if any(table in font for table in _OUTLINES) else frozenset()
    except (TTLibError, OSError, AssertionError, ValueError):
        return frozenset()
