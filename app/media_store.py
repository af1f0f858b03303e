"""Pictures on disk, each stored once under the hash of its bytes.

Knows files and addresses (`/media/{sha256}`); what a good picture is belongs to `model.media`, and who uses which
picture to `history`.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import OrderedDict
from pathlib import Path

from model.errors import MediaError, StudioError
from model.media import Limits, browser_copy, read_image, thumbnail
from model.types import Image

URL_PREFIX = "/media/"
THUMBNAIL_SIDE = 512
"""Longer side of a small picture in pixels: twice the size at which the page shows it, for dense screens."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class MediaStore:
    """Content-addressed pictures below `data_dir/media`; safe between threads and processes."""

    def __init__(self, data_dir: Path, max_cached_bytes: int = 256 * 2**20) -> None:
        self._folder = data_dir / "media"
        self._max_cached_bytes = max_cached_bytes
        self._cached_bytes = 0
        self._recent: OrderedDict[str, Image] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, image: Image) -> str:
        """Keep a picture; returns its address on the page. Raises `StudioError` when the disk refuses."""
        path = self._path(image.sha256)
        if not path.exists():
            _write_whole(path, image.data)
        self._remember(image)
        return media_url(image.sha256)

    def get(self, sha256: str) -> Image:
        """The picture with this hash. Raises `MediaError` when it is not stored or was damaged on disk."""
        with self._lock:
            if sha256 in self._recent:
                self._recent.move_to_end(sha256)
                return self._recent[sha256]
        data = self._read(sha256)
        image = read_image(data, limits=Limits(max_bytes=len(data)))
        self._remember(image)
        return image

    def browser_copy(self, sha256: str) -> tuple[bytes, str]:
        """Bytes and media type of the picture for a browser, exactly as the model sees it."""
        return browser_copy(self.get(sha256))

    def thumbnail(self, sha256: str) -> bytes:
        """A small JPEG of the picture, made once."""
        path = self._thumbnail_path(sha256)
        if not path.exists():
            _write_whole(path, thumbnail(self.get(sha256), THUMBNAIL_SIDE))
        return path.read_bytes()

    def remove(self, sha256: str) -> None:
        """Forget a picture that nothing uses any more."""
        with self._lock:
            self._forget(sha256)
        self._path(sha256).unlink(missing_ok=True)
        self._thumbnail_path(sha256).unlink(missing_ok=True)

    def _thumbnail_path(self, sha256: str) -> Path:
        return self._folder / "thumbnails" / f"{sha256}.jpg"

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise MediaError("There is no such picture.")
        return self._folder / sha256[:2] / sha256

    def _read(self, sha256: str) -> bytes:
        try:
            data = self._path(sha256).read_bytes()
        except OSError as error:
            raise MediaError("This picture is no longer in the data folder.") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise MediaError("This picture was damaged in the data folder.")
        return data

    def _remember(self, image: Image) -> None:
        with self._lock:
            self._forget(image.sha256)
            self._recent[image.sha256] = image
            self._cached_bytes += len(image.data)
            while self._cached_bytes > self._max_cached_bytes:
                self._forget(next(iter(self._recent)))

    def _forget(self, sha256: str) -> None:
        if sha256 in self._recent:
            self._cached_bytes -= len(self._recent.pop(sha256).data)


def media_url(sha256: str, *, small: bool = False) -> str:
    """Where the page finds a stored picture."""
    return f"{URL_PREFIX}{sha256}/small" if small else f"{URL_PREFIX}{sha256}"


def _write_whole(path: Path, data: bytes) -> None:
    """Write so that a crash leaves either the whole file or none."""
    partial = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StudioError("The picture could not be saved: the data folder is full or cannot be written to.") from error
