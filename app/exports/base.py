"""What every export format is given and gives back, and the file names inside of archives.

Knows pictures with their answers. Knows no format: each is a small file beside this one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, TypeAlias

from model.media import browser_copy, pixels
from model.parsing.camera import Camera
from model.types import Answer, Box, Image, Polygon, Region

_UNSAFE = re.compile(r"[^\w.-]+")
# Windows opens devices under these names.
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True)
class Annotated:
    """A picture and what was found in it, by a model and by hand. `raw` is the model's own text, `model` its name."""

    image: Image
    answer: Answer
    raw: str = ""
    model: str = ""
    numbered: bool = False
    camera: Camera | None = None


Writer: TypeAlias = Callable[[Iterable[Annotated], Sequence[str], IO[bytes]], list[str]]
"""Writes pictures, one after another, into an open file. The second argument holds every label, in the order of their
colours and classes. Returns a sentence for a person about whatever has no place in the format."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to export. `suffix_many` is for several pictures, where it differs from one."""

    key: str
    title: str
    hint: str
    write: Writer
    suffix: str
    suffix_many: str = ""

    def file_name(self, stem: str, count: int) -> str:
        return f"{stem}{self.suffix_many if count != 1 and self.suffix_many else self.suffix}"


@dataclass
class Names:
    """Gives every file of an archive a name of its own that all systems accept."""

    _taken: set[str] = field(default_factory=set)

    def stem(self, image: Image) -> str:
        """`photo`, then `photo-2` for another picture of that name."""
        return self.unique(image.name.rpartition(".")[0] or image.name, "picture")

    def unique(self, text: str, otherwise: str) -> str:
        """The text as a name that was not given before, compared without upper and lower case."""
        base = safe_name(text) or otherwise
        candidate, number = base, 2
        while candidate.lower() in self._taken:
            candidate, number = f"{base}-{number}", number + 1
        self._taken.add(candidate.lower())
        return candidate


def safe_name(text: str) -> str:
    """Letters and digits of any script, nothing that a system reserves; everything else becomes `_`."""
    name = _UNSAFE.sub("_", text).strip("._")[:60]
    return f"{name}_" if _RESERVED.fullmatch(name) else name


def class_name(label: str) -> str:
    """The label as the name of a class; annotation tools refuse one without a name."""
    return label or "unlabelled"


def picture_file(image: Image) -> tuple[bytes, str]:
    """The picture upright, as bytes that annotation tools read, with the suffix of its format."""
    data, media_type = browser_copy(image)
    if media_type in _SUFFIXES:
        return data, _SUFFIXES[media_type]
    file = io.BytesIO()
    pixels(image).save(file, "PNG")
    return file.getvalue(), ".png"


def bounds(region: Region) -> tuple[float, float, float, float] | None:
    """The upright box around a box or polygon; None for what has no area."""
    if isinstance(region, Box):
        xyxy = region.xyxy
    elif isinstance(region, Polygon):
        xs, ys = [x for x, _ in region.xy], [y for _, y in region.xy]
        xyxy = min(xs), min(ys), max(xs), max(ys)
    else:
        return None
    return xyxy if xyxy[0] < xyxy[2] and xyxy[1] < xyxy[3] else None


def left_out(count: int, what: str, format_name: str) -> list[str]:
    """The sentence about results that a format cannot hold; none for none."""
    were = "1 result was" if count == 1 else f"{count:,} results were"
    return [f"{were} left out: {format_name} has no place for {what}."] if count else []
