"""Pictures and videos on disk, each stored once under the hash of its bytes.

Knows files and addresses (`/media/{sha256}`); what a good picture is belongs to `model.media`, a good video to
`model.video`, and who uses which to `history`. A picture may be in memory as a whole, a video never is.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image as Pillow

from model.errors import MediaError, StudioError
from model.media import Limits, browser_copy, image_of, read_image, thumbnail
from model.types import Image, Video
from model.video import Sampling, VideoFile, VideoLimits, frames_at, look, open_video

URL_PREFIX = "/media/"
THUMBNAIL_SIDE = 512
"""Longer side of a small picture in pixels: twice the size at which the page shows it, for dense screens."""

_Key = str | tuple[str, Sampling]
"""A picture's hash, or a video's and how its frames are chosen."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIECE_BYTES = 2**20
_UNUSED_S = 7 * 24 * 3600
_POSTER_AT = 0.1
"""Where in a video its small picture is from, as a share of its duration: many begin with a black one."""


class MediaStore:
    """Content-addressed pictures and videos below `data_dir/media`; safe between threads and processes."""

    def __init__(self, data_dir: Path, max_cached_bytes: int = 256 * 2**20) -> None:
        self._folder = data_dir / "media"
        self._max_cached_bytes = max_cached_bytes
        self._cached_bytes = 0
        self._recent: OrderedDict[_Key, Image | Video] = OrderedDict()
        self._videos: dict[str, VideoFile] = {}
        self._lock = threading.Lock()

    def put(self, image: Image) -> str:
        """Keep a picture; returns its address on the page. Raises `StudioError` when the disk refuses."""
        path = self._path(image.sha256)
        if not path.exists():
            _write_whole(path, [image.data])
        self._remember(image.sha256, image)
        return media_url(image.sha256)

    def put_video(self, file: VideoFile) -> str:
        """Keep a copy of a video; returns its address on the page.

        Raises `StudioError` when the disk refuses, `MediaError` when the file is no longer the one that was opened.
        """
        path = self.video_path(file.sha256)
        if path.exists():
            path.touch()  # in use again
        else:
            _write_whole(path, _pieces(file))
        self._videos[file.sha256] = replace(file, path=path)
        return media_url(file.sha256)

    def put_preview(self, sha256: str, made: Path) -> str:
        """Keep what a browser plays in the place of a video that it cannot play; returns its address on the page."""
        path = self._preview_path(sha256)
        if not path.exists():
            with made.open("rb") as file:
                _write_whole(path, iter(lambda: file.read(_PIECE_BYTES), b""))
        return preview_url(sha256)

    def get(self, sha256: str) -> Image:
        """The picture with this hash. Raises `MediaError` when it is not stored or was damaged on disk."""
        if isinstance(known := self._known(sha256), Image):
            return known
        data = self._read(sha256)
        image = read_image(data, limits=Limits(max_bytes=len(data)))
        self._remember(sha256, image)
        return image

    def video(self, sha256: str, name: str = "") -> VideoFile:
        """The video with this hash, called `name`. Raises `MediaError` when it is not stored or was damaged on disk."""
        file = self._videos.get(sha256)
        if file is None:
            file = self._opened(sha256)
            self._videos[sha256] = file
        if not file.path.exists():
            raise MediaError("This video is no longer in the data folder.")
        return replace(file, name=name or file.name)

    def frames(self, file: VideoFile, sampling: Sampling, cancel: threading.Event | None = None) -> Video:
        """The frames of a video that a model is to see, decoded once as long as they are in use.

        Raises `MediaError` when they cannot be decoded, and `RequestError` when `cancel` is set meanwhile.
        """
        known = self._known((file.sha256, sampling))
        video = known if isinstance(known, Video) else look(file, sampling, cancel)
        self._remember((file.sha256, sampling), video)
        return replace(video, name=file.name)

    def has_video(self, sha256: str) -> bool:
        """Whether a video with this hash is stored."""
        return bool(_SHA256.fullmatch(sha256)) and self.video_path(sha256).exists()

    def preview(self, sha256: str) -> Path | None:
        """What a browser plays in the place of the video, if that was made."""
        path = self._preview_path(sha256)
        return path if path.exists() else None

    def video_path(self, sha256: str) -> Path:
        """Where the video with this hash is, or would be."""
        return self._place(sha256, "videos")

    def browser_copy(self, sha256: str) -> tuple[bytes, str]:
        """Bytes and media type of the picture for a browser, exactly as the model sees it."""
        return browser_copy(self.get(sha256))

    def thumbnail(self, sha256: str) -> bytes:
        """A small JPEG of the picture, or of a moment of the video, made once."""
        path = self._thumbnail_path(sha256)
        if not path.exists():
            image = self._poster(self.video(sha256)) if self.has_video(sha256) else self.get(sha256)
            _write_whole(path, [thumbnail(image, THUMBNAIL_SIDE)])
        return path.read_bytes()

    def remove(self, sha256: str) -> None:
        """Forget a picture or a video that nothing uses any more."""
        with self._lock:
            for key in [key for key in self._recent if sha256 in key]:
                self._forget(key)
        self._videos.pop(sha256, None)
        for path in (
            self._path(sha256),
            self._thumbnail_path(sha256),
            self.video_path(sha256),
            self._preview_path(sha256),
        ):
            path.unlink(missing_ok=True)

    def remove_unused_videos(self, is_used: Callable[[str], bool]) -> None:
        """Forget videos that nothing has used for a week: the Video tab keeps no conversations that would do so."""
        now_s = time.time()
        for path in (self._folder / "videos").glob("*/*"):
            try:
                is_old = now_s - max(path.stat().st_mtime, path.stat().st_atime) > _UNUSED_S
            except OSError:
                continue  # another program on the same folder was faster
            if is_old and _SHA256.fullmatch(path.name) and not is_used(path.name):
                self.remove(path.name)

    def _thumbnail_path(self, sha256: str) -> Path:
        return self._folder / "thumbnails" / f"{sha256}.jpg"

    def _preview_path(self, sha256: str) -> Path:
        return self._place(sha256, "previews")

    def _path(self, sha256: str) -> Path:
        return self._place(sha256)

    def _place(self, sha256: str, folder: str = "") -> Path:
        if not _SHA256.fullmatch(sha256):
            raise MediaError("There is no such picture or video.")
        return self._folder / folder / sha256[:2] / sha256

    def _opened(self, sha256: str) -> VideoFile:
        path = self.video_path(sha256)
        if not path.exists():
            raise MediaError("This video is no longer in the data folder.")
        file = open_video(path, limits=VideoLimits(max_bytes=path.stat().st_size))
        if file.sha256 != sha256:
            raise MediaError("This video was damaged in the data folder.")
        return file

    @staticmethod
    def _poster(file: VideoFile) -> Image:
        frames = frames_at(file, (_POSTER_AT * file.duration_s,), THUMBNAIL_SIDE**2)
        return image_of(Pillow.fromarray(frames.pictures[0]), "poster.png")

    def _read(self, sha256: str) -> bytes:
        try:
            data = self._path(sha256).read_bytes()
        except OSError as error:
            raise MediaError("This picture is no longer in the data folder.") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise MediaError("This picture was damaged in the data folder.")
        return data

    def _known(self, key: _Key) -> Image | Video | None:
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
            return self._recent.get(key)

    def _remember(self, key: _Key, medium: Image | Video) -> None:
        with self._lock:
            self._forget(key)
            self._recent[key] = medium
            self._cached_bytes += _bytes_of(medium)
            while self._cached_bytes > self._max_cached_bytes:
                self._forget(next(iter(self._recent)))

    def _forget(self, key: _Key) -> None:
        if key in self._recent:
            self._cached_bytes -= _bytes_of(self._recent.pop(key))


def media_url(sha256: str, *, small: bool = False) -> str:
    """Where the page finds a stored picture."""
    return f"{URL_PREFIX}{sha256}/small" if small else f"{URL_PREFIX}{sha256}"


def preview_url(sha256: str) -> str:
    """Where the page finds what it can play in the place of a stored video."""
    return f"{URL_PREFIX}{sha256}/preview"


def _bytes_of(medium: Image | Video) -> int:
    return len(medium.data) if isinstance(medium, Image) else sum(len(frame.data) for frame in medium.frames)


def _pieces(file: VideoFile) -> Iterator[bytes]:
    """The bytes of a video, one piece at a time."""
    digest = hashlib.sha256()
    try:
        with file.path.open("rb") as opened:
            while piece := opened.read(_PIECE_BYTES):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise MediaError("This file could not be opened. Choose it again.") from error
    if digest.hexdigest() != file.sha256:
        raise MediaError("This video was changed while it was read. Choose it again.")


def _write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write so that a crash leaves either the whole file or none."""
    partial = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StudioError("This could not be saved: the data folder is full or cannot be written to.") from error
        raise
