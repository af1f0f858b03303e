"""PDF files as PDFium sees them: how many pages, a page as a picture, a page's own words.

Knows PDFium, which runs in a process of its own: a page may be drawn for ever or bring the library down, and costs one
sentence then. Does not know what a document is to the program. Scripts, attachments and links are not even looked at.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image as Pillow

from model.errors import MediaError, PasswordNeeded
from model.workers import WorkerLost, Workers

P = ParamSpec("P")
T = TypeVar("T")
XYXY = tuple[float, float, float, float]

TIME_LIMIT_S = 30.0
"""Longer than this nothing may take: a page of a large map has several seconds on a slow machine."""

_WORKERS = Workers(2)  # one goes on while the other is held up by a hostile page
_FINE = 64
_LINE_BREAKS = (10, 13)
_BROKEN_AT = (0x02, 0xFFFE)
_HYPHEN = ord("-")
_MAX_TEXT_CHARS = 200_000
"""More characters of its own a page does not give: nobody could have printed them."""

_DAMAGED = "This PDF is damaged, or protected in a way that is not supported."


def count_pages(path: Path, password: str | None) -> int:
    """How many pages a file has. Raises `PasswordNeeded` where the right one is missing, else `MediaError`."""
    return _in_worker(_count_pages, path, password)


def render(path: Path, password: str | None, page: int, scale: float, max_pixels: int) -> Pillow.Image:
    """A page, counted from 1, in RGB on white: `scale` pixels a point, fewer where it would have too many pixels.

    Raises `MediaError`.
    """
    return _in_worker(_render, path, password, page, scale, max_pixels)


def page_size_points(path: Path, password: str | None, page: int) -> tuple[float, float]:
    """Width and height of a page as it is seen, counted from 1. Raises `MediaError`."""
    return _in_worker(_page_size_points, path, password, page)


def text_lines(path: Path, password: str | None, page: int, size_wh: tuple[int, int]) -> list[tuple[str, XYXY]]:
    """The lines of a page's own text, each with its place in a picture of the page of that size; none for a scan.

    Raises `MediaError`.
    """
    return _in_worker(_text_lines, path, password, page, size_wh)


def _in_worker(function: Callable[P, T], *args: P.args, **_none: P.kwargs) -> T:
    try:
        return _WORKERS.run(function, *args, limit_s=TIME_LIMIT_S)
    except WorkerLost as error:
        raise MediaError("This PDF asks for too much time or memory, so it was given up.") from error


# What follows runs in a worker.


def _count_pages(path: Path, password: str | None) -> int:
    with _opened(path, password) as pdf:
        return len(pdf)


def _render(path: Path, password: str | None, page: int, scale: float, max_pixels: int) -> Pillow.Image:
    with _opened_page(path, password, page) as opened:
        width, height = opened.get_size()
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise MediaError(f"Page {page:,} has no size.")
        # The renderer rounds both sides up: nothing may be left over from an even number, and one pixel is kept back.
        largest = math.sqrt(max_pixels / (width * height)) * (1 - 1 / math.sqrt(max_pixels))
        bitmap = opened.render(scale=min(scale * (1 - 1e-9), largest), rev_byteorder=True)
        picture: Pillow.Image = bitmap.to_pil()
        return picture.convert("RGB")


def _page_size_points(path: Path, password: str | None, page: int) -> tuple[float, float]:
    with _opened_page(path, password, page) as opened:
        width, height = opened.get_size()
        return width, height


def _text_lines(path: Path, password: str | None, page: int, size_wh: tuple[int, int]) -> list[tuple[str, XYXY]]:
    with _opened_page(path, password, page) as opened:
        return list(_lines(opened, size_wh))


@contextmanager
def _opened(path: Path, password: str | None) -> Iterator[pdfium.PdfDocument]:
    """The file as PDFium sees it, for a moment: nothing of it stays in memory."""
    key = None if password is None else password.encode() + b"\0"
    raw = pdfium_c.FPDF_LoadDocument(os.fsencode(path) + b"\0", key)
    if not raw:
        raise _refusal(pdfium_c.FPDF_GetLastError(), password)
    with pdfium.PdfDocument(raw) as pdf:
        try:
            yield pdf
        except pdfium.PdfiumError as error:
            raise MediaError(_DAMAGED) from error


def _refusal(code: int, password: str | None) -> MediaError:
    """Why a file could not be opened. Only then PDFium's code is of this file: it stays as it was after a success."""
    if code != pdfium_c.FPDF_ERR_PASSWORD:
        return MediaError(_DAMAGED)
    if password is None:
        return PasswordNeeded("This document is protected. Type its password.")
    return PasswordNeeded("This password does not open the document. Type another one.")


@contextmanager
def _opened_page(path: Path, password: str | None, page: int) -> Iterator[pdfium.PdfPage]:
    with _opened(path, password) as pdf:
        pdf.init_forms()  # else what was filled into a form would not be drawn
        opened = pdf[page - 1]
        try:
            yield opened
        finally:
            opened.close()


def _lines(page: pdfium.PdfPage, size_wh: tuple[int, int]) -> Iterator[tuple[str, XYXY]]:
    """The page's lines: PDFium puts a line break between them, which is a character of its own."""
    words = page.get_textpage()
    try:
        codes = [pdfium_c.FPDFText_GetUnicode(words, i) for i in range(min(words.count_chars(), _MAX_TEXT_CHARS))]
        start = 0
        for index, code in enumerate([*codes, _LINE_BREAKS[0]]):
            if code in _LINE_BREAKS:
                text = _text_of(codes[start:index])
                if text:
                    yield text, _place(page, words, start, index - start, size_wh)
                start = index + 1
    finally:
        words.close()


def _text_of(codes: list[int]) -> str:
    """The text of PDFium's UTF-16 units; a hyphen at which a line was broken is a hyphen."""
    units = b"".join((_HYPHEN if code in _BROKEN_AT else min(code, 0xFFFD)).to_bytes(2, "little") for code in codes)
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
    width, height = size_wh[0] * _FINE, size_wh[1] * _FINE
    pdfium_c.FPDF_PageToDevice(page, 0, 0, width, height, 0, *xy, x, y)
    return min(max(x.value, 0), width) / _FINE, min(max(y.value, 0), height) / _FINE
