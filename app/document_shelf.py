"""Documents that are open: their pages as pictures, at addresses that only those know who opened them.

Knows `model.documents` and keeps the pictures of a few pages at hand, for rendering one takes a moment and is wanted by
the viewer, by the model and by exports. An encrypted document's password stays in memory and is never stored.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from model.documents import DocumentFile, open_document, page_dpi, page_image, page_thumbnail
from model.errors import MediaError
from model.types import Image

T = TypeVar("T")

URL_PREFIX = "/documents/"
PAGE_DPI = 150.0
"""How pages are rendered for reading: ten-point print has letters of 20 pixels."""

_MAX_OPEN = 1000
_MAX_CACHED_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document on the shelf. `token` is its part of the addresses of its pages."""

    file: DocumentFile
    token: str

    def page_url(self, page: int, *, small: bool = False) -> str:
        """Where the page finds the picture of a page, counted from 1."""
        return f"{URL_PREFIX}{self.token}/{page}{'/small' if small else ''}"


class Shelf:
    """The open documents of one process; safe between threads."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._open: OrderedDict[str, OpenDocument] = OrderedDict()
        self._pages: OrderedDict[tuple[str, int], Image] = OrderedDict()
        self._cached_bytes = 0
        self._unusable: dict[tuple[str, int], MediaError] = {}
        self._lock = threading.Lock()

    def open(self, path: Path, name: str, password: str | None = None) -> OpenDocument:
        """Open a file that stays where it is. Raises `PasswordNeeded` and `MediaError` as `open_document` does."""
        file = open_document(path, name, password)
        # The same for the same file, so that opening it again does not make the browser load its pages anew; with the
        # password in it, for who knows the file alone must not get at pages that somebody else has unlocked.
        known = "\0".join((file.sha256, name, password or "")).encode()
        document = OpenDocument(file, hashlib.blake2b(known, key=self._secret, digest_size=16).hexdigest())
        with self._lock:
            self._open[document.token] = document
            self._open.move_to_end(document.token)
            while len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)
            self._unusable = {key: error for key, error in self._unusable.items() if key[0] != document.token}
        return document

    def find(self, token: str) -> OpenDocument:
        """The document with this token. Raises `MediaError` when it is not open."""
        with self._lock:
            if token in self._open:
                self._open.move_to_end(token)
                return self._open[token]
        raise MediaError("This document is not open any more. Open it again.")

    def page(self, document: OpenDocument, page: int) -> Image:
        """The picture of a page, counted from 1.

        Raises `MediaError` when it cannot be rendered. One that cannot is not tried again
        before its document is opened anew, for it may take long.
        """
        key = (document.token, page)
        with self._lock:
            if key in self._pages:
                self._pages.move_to_end(key)
                return self._pages[key]
        image = self._rendered(key, lambda: page_image(document.file, page, PAGE_DPI))
        with self._lock:
            self._remember(key, image)
        return image

    def dpi(self, document: OpenDocument, page: int, size_wh: tuple[int, int]) -> float:
        """How many pixels of the picture of a page, which has that size, are an inch on paper."""
        return page_dpi(document.file, page, size_wh, PAGE_DPI)

    def thumbnail(self, document: OpenDocument, page: int) -> bytes:
        """A small JPEG of a page. Raises `MediaError` as `page` does."""
        return self._rendered((document.token, page), lambda: page_thumbnail(document.file, page))

    def _rendered(self, key: tuple[str, int], render: Callable[[], T]) -> T:
        if key in self._unusable:
            raise MediaError(str(self._unusable[key]))
        try:
            return render()
        except MediaError as error:
            self._unusable[key] = error
            raise

    def _remember(self, key: tuple[str, int], image: Image) -> None:
        if key in self._pages:
            return
        self._pages[key] = image
        self._cached_bytes += len(image.data)
        while self._cached_bytes > _MAX_CACHED_BYTES and len(self._pages) > 1:
            _, oldest = self._pages.popitem(last=False)
            self._cached_bytes -= len(oldest.data)
