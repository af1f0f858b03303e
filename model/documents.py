"""Documents as pages: PDF files, TIFF files of several pages, and pictures, which are documents of one page.

Knows how a file becomes pictures of its pages, one page at a time and only when it is asked for. Does not know models,
nor what is read from a page. Nothing in a document is run or followed.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as Pillow

from model import media, pdf
from model.errors import MediaError, MediaTooLarge
from model.pdf import XYXY
from model.types import Image

POINTS_PER_INCH = 72.0
# A page of fewer pixels than this share of what it may have was not made smaller.
_FEWER_PIXELS = 0.95


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a document may cost: bytes of the file, pages, pixels of one rendered page; and the limits of a picture."""

    max_bytes: int = 2**30
    max_pages: int = 5000
    max_page_pixels: int = 16_000_000
    picture: media.Limits = media.DEFAULT_LIMITS


DEFAULT_LIMITS = DocumentLimits()


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A document that was opened and found good. The file stays where it is: its pages are read when they are needed.

    `sha256` is the hex digest of the content, `page_count` the number of pages that can be read, `notices` are
    sentences for a person. `name` is only ever shown.
    """

    path: Path
    sha256: str
    name: str
    media_type: str
    page_count: int
    notices: tuple[str, ...] = ()
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a page's own text; `xyxy` is its place in pixels of the picture that was asked about."""

    text: str
    xyxy: XYXY


@dataclass(frozen=True, slots=True)
class PageText:
    """What a page says of its own words, in the order of the file. A scan says nothing."""

    lines: tuple[TextLine, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


def open_document(
    path: Path, name: str = "", password: str | None = None, limits: DocumentLimits = DEFAULT_LIMITS
) -> DocumentFile:
    """Look at a file and say what it is; `name` is what the person called it.

    Raises `PasswordNeeded` for an encrypted file without the right password, `MediaTooLarge`, and `MediaError` for
    everything else that is wrong with it.
    """
    name = media.clean_name(name or path.name)
    sha256, head = _looked_at(path, limits)
    is_whole = True
    if b"%PDF-" in head:
        total, media_type = pdf.count_pages(path, password), "application/pdf"
    elif head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        (total, is_whole), media_type = media.count_frames(path, limits.max_pages), "image/tiff"
    else:
        total, media_type = 1, _picture_type(path, limits.picture)
    if total < 1:
        raise MediaError("This document has no pages. Choose another one.")
    notices = (
        *([f"Only the first {limits.max_pages:,} pages are read."] if total > limits.max_pages else ()),
        *([] if is_whole else [f"This file is damaged behind page {total:,}: what comes then cannot be read."]),
    )
    return DocumentFile(path, sha256, name, media_type, min(total, limits.max_pages), notices, password)


def page_image(document: DocumentFile, page: int, dpi: float = 150.0, limits: DocumentLimits = DEFAULT_LIMITS) -> Image:
    """The picture of a page, counted from 1; the same bytes each time.

    A PDF is rendered at `dpi` dots an inch, fewer where a page is so large that it would have too many pixels.
    Pictures stay as they are. Raises `MediaError`.
    """
    _check_page(document, page)
    stem = Path(document.name).stem
    if document.media_type == "application/pdf":
        rendered = _rendered(document, page, dpi, limits.max_page_pixels)
        return media.image_of(rendered, f"{stem}-{page}.png", limits.picture)
    if document.page_count == 1:
        return media.read_image_file(document.path, limits.picture)
    return media.read_frame(document.path, page - 1, f"{stem}-{page}.png", limits.picture)


def page_dpi(
    document: DocumentFile,
    page: int,
    size_wh: tuple[int, int],
    dpi: float = 150.0,
    limits: DocumentLimits = DEFAULT_LIMITS,
) -> float:
    """How many pixels of `page_image`, which has that size and was asked for at `dpi`, are an inch of the page.

    A picture that does not say is taken to be of `dpi`, and so is a page that is not there any more.
    """
    if document.media_type != "application/pdf":
        return media.file_dpi(document.path, page - 1) or dpi
    if size_wh[0] * size_wh[1] < _FEWER_PIXELS * limits.max_page_pixels:
        return dpi
    try:
        width_points, _ = pdf.page_size_points(document.path, document.password, page)
    except MediaError:
        return dpi
    return size_wh[0] * POINTS_PER_INCH / width_points


def page_thumbnail(document: DocumentFile, page: int, max_side: int = 160) -> bytes:
    """A JPEG of a page whose longer side has at most `max_side` pixels. Raises `MediaError`."""
    if document.media_type != "application/pdf":
        return media.thumbnail(page_image(document, page), max_side)
    _check_page(document, page)
    small = _rendered(document, page, 2 * max_side, 4 * max_side**2)
    small.thumbnail((max_side, max_side), Pillow.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def page_text(document: DocumentFile, page: int, size_wh: tuple[int, int]) -> PageText:
    """The words that a PDF has for a page, with their places in a picture of the page of that size; else none.

    Raises `MediaError`.
    """
    _check_page(document, page)
    if document.media_type != "application/pdf":
        return PageText()
    lines = pdf.text_lines(document.path, document.password, page, size_wh)
    return PageText(tuple(TextLine(text, xyxy) for text, xyxy in lines))


def _rendered(document: DocumentFile, page: int, dpi: float, max_pixels: int) -> Pillow.Image:
    return pdf.render(document.path, document.password, page, dpi / POINTS_PER_INCH, max_pixels)


def _picture_type(path: Path, limits: media.Limits) -> str:
    try:
        return media.read_image_file(path, limits).media_type
    except MediaTooLarge:
        raise
    except MediaError as error:  # whoever has to save it as something else may save it as a PDF
        said = str(error).replace("not a picture", "neither a PDF nor a picture")
        raise MediaError(said.replace(media.ACCEPTED, f"PDF, {media.ACCEPTED}")) from error


def _looked_at(path: Path, limits: DocumentLimits) -> tuple[str, bytes]:
    """The digest of a file and its first kilobyte."""
    try:
        size = path.stat().st_size
        if size > limits.max_bytes:
            raise MediaTooLarge(
                f"This file has {size / 2**20:,.0f} MiB, more than the {limits.max_bytes / 2**20:,.0f} MiB allowed. "
                "Split it and try again."
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), _head(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise MediaError("This file could not be opened. Choose it again.") from error


def _head(file: io.BufferedReader) -> bytes:
    file.seek(0)
    head = file.read(1024)
    if not head:
        raise MediaError("This file is empty (0 bytes). Choose another one.")
    return head


def _check_page(document: DocumentFile, page: int) -> None:
    if not 1 <= page <= document.page_count:
        pages = "1 page" if document.page_count == 1 else f"{document.page_count:,} pages"
        raise MediaError(f"There is no page {page:,}: this document has {pages}.")
    if not document.path.is_file():
        raise MediaError("This file is no longer there. Choose it again.")
