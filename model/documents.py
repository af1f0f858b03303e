"""Documents as pages: PDF files, TIFF files of several pages, and pictures, which are documents of one page.

Knows how a file becomes pictures of its pages, one page at a time and only when it is asked for, and what a PDF says of
its own words. Does not know models, nor what is read from a page. Nothing in a document is run or followed: scripts,
attachments and links are not even looked at.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image as Pillow

from model import media
from model.errors import MediaError, MediaTooLarge, PasswordNeeded
from model.types import Image

XYXY = tuple[float, float, float, float]

DOCUMENT_TYPES = frozenset(
    (".pdf", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif")
)
"""Endings of the names of files that can be opened; what a file is, its content tells."""

POINTS_PER_INCH = 72.0
FINE = 64
LINE_BREAKS = (10, 13)
BROKEN_AT = (0x02, 0xFFFE)
HYPHEN = ord("-")
MAX_TEXT_CHARS = 200_000
"""More characters of its own a page does not give: nobody could have printed them."""


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
    if b"%PDF-" in head:
        with _opened_pdf(path, password) as pdf:
            total, media_type = len(pdf), "application/pdf"
    elif head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        total, media_type = media.count_frames(path, limits.max_pages), "image/tiff"
    else:
        total, media_type = 1, media.read_image_file(path, limits.picture).media_type
    if total < 1:
        raise MediaError("This document has no pages. Choose another one.")
    notices = (f"Only the first {limits.max_pages:,} pages are read.",) if total > limits.max_pages else ()
    return DocumentFile(path, sha256, name, media_type, min(total, limits.max_pages), notices, password)


def page_image(document: DocumentFile, page: int, dpi: float = 150.0, limits: DocumentLimits = DEFAULT_LIMITS) -> Image:
    """The picture of a page, counted from 1; the same bytes each time.

    A PDF is rendered at `dpi` dots an inch, fewer where a page is so large that it would have too many pixels.
    Pictures stay as they are. Raises `MediaError`.
    """
    _check_page(document, page)
    stem = Path(document.name).stem
    if document.media_type == "application/pdf":
        rendered = _rendered(document, page, dpi / POINTS_PER_INCH, limits.max_page_pixels)
        return media.image_of(rendered, f"{stem}-{page}.png", limits.picture)
    if document.page_count == 1:
        return media.read_image_file(document.path, limits.picture)
    return media.read_frame(document.path, page - 1, f"{stem}-{page}.png", limits.picture)


def page_thumbnail(document: DocumentFile, page: int, max_side: int = 160) -> bytes:
    """A JPEG of a page whose longer side has at most `max_side` pixels. Raises `MediaError`."""
    if document.media_type != "application/pdf":
        return media.thumbnail(page_image(document, page), max_side)
    _check_page(document, page)
    small = _rendered(document, page, 2 * max_side / POINTS_PER_INCH, 4 * max_side**2)
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
    with _opened_page(document, page) as opened:
        return PageText(tuple(_lines(opened, size_wh)))


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


_PDFIUM = threading.Lock()
"""PDFium may be used by one thread at a time, whichever document it is."""


@contextmanager
def _opened_pdf(path: Path, password: str | None) -> Iterator[pdfium.PdfDocument]:
    """The file as PDFium sees it, alone and for a moment: nothing of it stays in memory."""
    with _PDFIUM, _plain_errors(password):
        pdf = pdfium.PdfDocument(path, password=password)
        try:
            yield pdf
        finally:
            pdf.close()


@contextmanager
def _opened_page(document: DocumentFile, page: int) -> Iterator[pdfium.PdfPage]:
    with _opened_pdf(document.path, document.password) as pdf:
        pdf.init_forms()  # else what was filled into a form would not be drawn
        opened = pdf[page - 1]
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def _plain_errors(password: str | None) -> Iterator[None]:
    """Whatever PDFium says becomes one sentence."""
    try:
        yield
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise PasswordNeeded(
                "This document is protected. Type its password."
                if password is None
                else "This password does not open the document. Type another one."
            ) from error
        raise MediaError("This PDF is damaged, or protected in a way that is not supported.") from error


def _rendered(document: DocumentFile, page: int, scale: float, max_pixels: int) -> Pillow.Image:
    """The page in RGB on white, with at most `max_pixels` pixels."""
    with _opened_page(document, page) as opened:
        width, height = opened.get_size()
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise MediaError(f"Page {page:,} has no size.")
        # The renderer rounds both sides up: nothing may be left over from an even number, and one pixel is kept back.
        largest = math.sqrt(max_pixels / (width * height)) * (1 - 1 / math.sqrt(max_pixels))
        bitmap = opened.render(scale=min(scale * (1 - 1e-9), largest), rev_byteorder=True)
        picture: Pillow.Image = bitmap.to_pil()
        return picture.convert("RGB")


def _lines(page: pdfium.PdfPage, size_wh: tuple[int, int]) -> Iterator[TextLine]:
    """The page's lines: PDFium puts a line break between them, which is a character of its own."""
    words = page.get_textpage()
    try:
        codes = [pdfium_c.FPDFText_GetUnicode(words, i) for i in range(min(words.count_chars(), MAX_TEXT_CHARS))]
        start = 0
        for index, code in enumerate([*codes, LINE_BREAKS[0]]):
            if code in LINE_BREAKS:
                text = _text_of(codes[start:index])
                if text:
                    yield TextLine(text, _place(page, words, start, index - start, size_wh))
                start = index + 1
    finally:
        words.close()


def _text_of(codes: list[int]) -> str:
    """The text of PDFium's UTF-16 units; a hyphen at which a line was broken is a hyphen."""
    units = b"".join((HYPHEN if code in BROKEN_AT else min(code, 0xFFFD)).to_bytes(2, "little") for code in codes)
    return " ".join(units.decode("utf-16-le", "replace").replace("\0", "").split())


def _place(page: pdfium.PdfPage, words: pdfium.PdfTextPage, start: int, count: int, size_wh: tuple[int, int]) -> XYXY:
    """The box around some characters in pixels; the page's own turn and its visible part are counted in."""
    rects = [words.get_rect(index) for index in range(words.count_rects(start, count))]
    corners = [xy for left, bottom, right, top in rects for xy in ((left, bottom), (right, top))]
    xs, ys = zip(*(_on_picture(page, xy, size_wh) for xy in corners), strict=True) if corners else ((0.0,), (0.0,))
    return min(xs), min(ys), max(xs), max(ys)


def _on_picture(page: pdfium.PdfPage, xy: tuple[float, float], size_wh: tuple[int, int]) -> tuple[float, float]:
    """A place on the page, in points from its lower left corner, in pixels. Asked for finely: it comes in integers."""
    x, y = ctypes.c_int(), ctypes.c_int()
    width, height = size_wh[0] * FINE, size_wh[1] * FINE
    pdfium_c.FPDF_PageToDevice(page, 0, 0, width, height, 0, *xy, x, y)
    return min(max(x.value, 0), width) / FINE, min(max(y.value, 0), height) / FINE
