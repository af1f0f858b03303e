"""Videos made of videos: a part cut out, every picture drawn on, a copy for browsers; and of pictures.

Knows opened videos and sentences for what goes wrong; the work is done by `model.encoding` in a process of its own, so
that it can be stopped at any time. Does not know what is drawn.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from model.errors import MediaError, RequestError
from model.video import VideoFile, open_video
from model.workers import WorkCancelled, WorkerLost, Workers

if TYPE_CHECKING:  # at run time only where a video is written: the page is up before PyAV is loaded
    from model.encoding import Painter, Recipe

Result = TypeVar("Result")

# Enough for 4K on a slow machine; a process that hangs is not waited for longer.
_LIMIT_S_PER_S = 20.0
_LIMIT_S_PER_PICTURE = 5.0
_LEAST_LIMIT_S = 60.0
_WORKERS = Workers()
_PREVIEW_QUALITY = 26

PREVIEW_MAX_PIXELS = 1280 * 720


def cut(video: VideoFile, range_s: tuple[float, float], to: Path, cancel: threading.Event) -> bool:
    """Write a part of a video as an MP4 file, with its sound. Returns whether the pictures could stay the very same.

    Raises `MediaError`, and `RequestError` when it was stopped.
    """
    from model import encoding

    return _in_worker(encoding.cut, *_source(video, to), range_s, video.facts, limit_s=_limit_s(video), cancel=cancel)


def paint(video: VideoFile, painter: Painter, to: Path, cancel: threading.Event) -> None:
    """Write a video as an MP4 file with every picture drawn on, at its time and with its sound.

    `painter` is sent to another process, so it has to be of a module's class. Raises what `cut` raises.
    """
    from model.encoding import Recipe

    _rewrite(video, Recipe(paint=painter), to, cancel)


def preview(
    video: VideoFile, to: Path, cancel: threading.Event, report: Callable[[float], None] = lambda share: None
) -> None:
    """Write a video as a smaller MP4 file that every browser plays; `report` is told the share that is done.

    Raises what `cut` raises.
    """
    from model.encoding import Recipe

    progress = to.with_name(f"{to.name}.progress")

    def tell() -> None:
        if progress.exists() and (share := progress.read_text(encoding="ascii")):
            report(float(share))

    try:
        recipe = Recipe(max_pixels=PREVIEW_MAX_PIXELS, quality=_PREVIEW_QUALITY, progress=str(progress.resolve()))
        _rewrite(video, recipe, to, cancel, tell)
    finally:
        progress.unlink(missing_ok=True)


def from_pictures(pictures: Sequence[Path], fps: float, to: Path, cancel: threading.Event, name: str = "") -> VideoFile:
    """Write numbered pictures as an MP4 file, in the order of their numbers, `fps` a second, and open it.

    The video's notices say what was left out or got a margin. Raises what `cut` and `open_video` raise.
    """
    from model import encoding

    paths = [str(path.resolve()) for path in sorted(pictures, key=_number)]
    limit_s = _LEAST_LIMIT_S + _LIMIT_S_PER_PICTURE * len(paths)
    arguments = paths, str(to.resolve()), fps
    skipped, fitted = _in_worker(encoding.from_pictures, *arguments, limit_s=limit_s, cancel=cancel)
    video = open_video(to, name or to.name)
    return replace(video, notices=(*video.notices, *_notices(skipped, fitted)))


def _number(path: Path) -> tuple[tuple[int, str], ...]:
    """What a name is sorted by: `9.png` before `10.png`."""
    pieces = re.split(r"(\d+)", path.name.lower())
    return tuple((int(piece), "") if piece.isdecimal() else (0, piece) for piece in pieces)


def _notices(skipped: int, fitted: int) -> Iterator[str]:
    if skipped:
        were = "1 picture was" if skipped == 1 else f"{skipped:,} pictures were"
        yield (
            f"{were} left out, for it cannot be read." if skipped == 1 else f"{were} left out, for they cannot be read."
        )
    if fitted:
        have = "1 picture has" if fitted == 1 else f"{fitted:,} pictures have"
        yield f"{have} another shape than the first, and a margin now."


def _rewrite(
    video: VideoFile,
    recipe: Recipe,
    to: Path,
    cancel: threading.Event,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    from model import encoding

    arguments = *_source(video, to), video.facts, recipe
    _in_worker(encoding.rewrite, *arguments, limit_s=_limit_s(video), cancel=cancel, meanwhile=meanwhile)


def _source(video: VideoFile, to: Path) -> tuple[str, str, str]:
    return str(video.path.resolve()), video.demuxer, str(to.resolve())


def _limit_s(video: VideoFile) -> float:
    return _LEAST_LIMIT_S + _LIMIT_S_PER_S * video.duration_s


def _in_worker(
    function: Callable[..., Result],
    *arguments: object,
    limit_s: float,
    cancel: threading.Event,
    meanwhile: Callable[[], None] = lambda: None,
) -> Result:
    """The result of a function of `model.encoding`, whose troubles become sentences."""
    from model.decoding import NotReadable

    try:
        return _WORKERS.run(function, *arguments, limit_s=limit_s, cancel=cancel, meanwhile=meanwhile)
    except WorkCancelled as error:
        raise RequestError("Stopped. Nothing was written.") from error
    except NotReadable as error:
        raise MediaError(str(error)) from error
    except WorkerLost as error:
        raise MediaError("This video takes too long to write, or too much memory. Try a shorter part of it.") from error
    except Exception as error:  # FFmpeg's own: a full disk, a size that H.264 does not have
        raise MediaError("This video could not be written. Is there room on the disk?") from error
