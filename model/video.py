"""Video files, and their frames at chosen times.

Knows which moments of a video a model should see, and how many it can afford. Files from anywhere meet FFmpeg in a
process of its own (`model.decoding`, `model.workers`), so that a hostile file costs one sentence. Does not know models,
prompts or widgets. Only the frames that were asked for are ever in memory.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PIL import Image as Pillow

from model import media
from model.errors import MediaError, MediaTooLarge, RequestError
from model.types import Video
from model.workers import WorkCancelled, WorkerLost, Workers

if TYPE_CHECKING:  # at run time only where a video is read: the page is up before PyAV is loaded
    from model.decoding import Facts, Rgb

Result = TypeVar("Result")

ACCEPTED = "MP4, MOV, WebM, MKV, AVI or GIF"
_DEMUXERS = {"video/webm": "matroska", "video/x-msvideo": "avi", "image/gif": "gif"}
# HEIC and AVIF are pictures in the boxes of a video.
_PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"avif")
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What a video may cost: bytes of the file, pixels of one frame, and seconds for looking at it and a frame."""

    max_bytes: int = 4 * 2**30
    max_frame_pixels: int = 8192 * 8192
    probe_s: float = 10.0
    frames_s: float = 30.0


DEFAULT_LIMITS = VideoLimits()


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video that was opened and found good; the file stays where it is.

    `sha256` is the hex digest of its content, `notices` are sentences for a person, `name` is only ever shown.
    """

    path: Path
    sha256: str
    name: str
    media_type: str
    facts: Facts
    notices: tuple[str, ...] = ()

    @property
    def demuxer(self) -> str:
        """FFmpeg's reader of such files, by content; the only one that may open this one."""
        return _DEMUXERS.get(self.media_type, "mov")

    @property
    def duration_s(self) -> float:
        return self.facts.duration_s

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.facts.size_wh


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which moments are looked at: `fps` a second, or `count` in all; never more than `max_frames`, never fewer than 2.

    `range_s` is the part of the video that is sampled, all of it without one. `max_frame_pixels` (width x height)
    bounds each of them.
    """

    fps: float = 2.0
    count: int | None = None
    max_frames: int = 64
    range_s: tuple[float, float] | None = None
    max_frame_pixels: int = 2**20

    def __post_init__(self) -> None:
        if not 0 < self.fps < math.inf or self.max_frames < 2 or (self.count is not None and self.count < 1):
            raise ValueError(f"not a way to sample a video: {self}")


DEFAULT_SAMPLING = Sampling()


@dataclass(frozen=True, slots=True)
class Frames:
    """Pictures (height, width, 3) with the times at which the video shows them, rising; and sentences for a person."""

    times_s: tuple[float, ...]
    pictures: tuple[Rgb, ...]
    notices: tuple[str, ...] = ()


def is_video(path: Path) -> bool:
    """Whether a file is a video by its content; a GIF that does not move is none, nor is a file that is damaged."""
    try:
        with path.open("rb") as file:
            kind = _kind_of(file.read(16))
        if kind[0] != "gif":
            return True
        with Pillow.open(path, formats=("GIF",)) as picture:
            return bool(getattr(picture, "is_animated", False))
    except (MediaError, OSError, ValueError, SyntaxError):
        return False


def open_video(
    path: Path, name: str = "", limits: VideoLimits = DEFAULT_LIMITS, cancel: threading.Event | None = None
) -> VideoFile:
    """Look at a video file.

    Raises `MediaTooLarge` for too many bytes or pixels, `RequestError` when `cancel` is set meanwhile, and `MediaError`
    for everything else that is wrong with it.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(16)
            _check_bytes(size, limits)
            kind = _kind_of(head)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError("This file could not be opened. Choose it again.") from error
    from model import decoding

    facts = _in_worker(decoding.probe, _plain_path(path), kind[0], limit_s=limits.probe_s, cancel=cancel)
    width, height = facts.size_wh
    if width * height > limits.max_frame_pixels:
        raise MediaTooLarge(f"This video has {width:,} x {height:,} pixels, which is too much. Save it smaller.")
    estimated = () if facts.is_complete else ("This video is long: its number of frames is an estimate.",)
    notices = (*estimated, *facts.notices)
    return VideoFile(path, sha256, media.clean_name(name or path.name), kind[1], facts, notices)


def sample_times(video: VideoFile, sampling: Sampling) -> tuple[float, ...]:
    """The moments, in seconds, evenly spaced from the start of the range; an even number, as the models pair frames.

    Raises `MediaError` for a range that is empty or outside the video.
    """
    start_s, end_s = sampling.range_s or (0.0, video.duration_s)
    if math.isnan(start_s) or not max(0.0, start_s) < min(video.duration_s, end_s):
        raise MediaError(f"Choose a part of the video between 0 and {video.duration_s:.1f} seconds.")
    start_s, end_s = max(0.0, start_s), min(video.duration_s, end_s)
    there = math.ceil((end_s - start_s) * video.facts.max_fps)
    wanted = sampling.count or round((end_s - start_s) * sampling.fps)
    count = max(2, min(wanted, there, sampling.max_frames) // 2 * 2)
    return tuple(start_s + (end_s - start_s) * index / count for index in range(count))


def frames_at(
    video: VideoFile,
    times_s: Sequence[float],
    max_pixels: int = 2**20,
    limits: VideoLimits = DEFAULT_LIMITS,
    cancel: threading.Event | None = None,
) -> Frames:
    """The pictures on the screen at rising times, upright, each with its own time and of at most `max_pixels`.

    Two moments between which the picture does not change give one frame; where that leaves a single one, it is given
    twice. Raises `MediaError`, and `RequestError` when `cancel` is set meanwhile.
    """
    from model import decoding

    size_wh = decoding.size_within(video.size_wh, max_pixels)
    decoded = _in_worker(
        decoding.frames_at,
        *(_plain_path(video.path), video.demuxer, tuple(times_s), size_wh, video.facts),
        limit_s=limits.frames_s + len(times_s),
        cancel=cancel,
    )
    notices = _damage(decoded.damaged)
    if len(decoded.times_s) == 1:
        return Frames(decoded.times_s * 2, decoded.pictures * 2, notices)
    return Frames(decoded.times_s, decoded.pictures, notices)


def for_model(video: VideoFile, frames: Frames) -> Video:
    """The frames as a part of a message."""
    pictures = tuple(media.image_of(Pillow.fromarray(picture), "frame.png") for picture in frames.pictures)
    notices = (*video.notices, *frames.notices)
    return Video(pictures, frames.times_s, video.duration_s, video.size_wh, video.sha256, video.name, notices)


def look(video: VideoFile, sampling: Sampling = DEFAULT_SAMPLING, cancel: threading.Event | None = None) -> Video:
    """The sampled frames as a part of a message; times are those of the whole video. Raises what `frames_at` raises."""
    times_s = sample_times(video, sampling)
    return for_model(video, frames_at(video, times_s, sampling.max_frame_pixels, cancel=cancel))


def video_from_data_url(
    url: str, max_bytes: int, sampling: Sampling = DEFAULT_SAMPLING, cancel: threading.Event | None = None
) -> Video:
    """The video inside a `data:` URL, ready for a model. Raises what `open_video` and `bytes_from_data_url` do."""
    data = media.bytes_from_data_url(url, max_bytes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        path.write_bytes(data)
        return look(open_video(path, cancel=cancel), sampling, cancel)


_WORKERS = Workers(2)  # one goes on while the other is held up by a hostile video


def _in_worker(
    function: Callable[..., Result], *arguments: object, limit_s: float, cancel: threading.Event | None = None
) -> Result:
    """The result of a function of `model.decoding`, whose troubles become `MediaError`s."""
    from model.decoding import NotReadable

    try:
        return _WORKERS.run(function, *arguments, limit_s=limit_s, cancel=cancel)
    except WorkCancelled as error:
        raise RequestError("Reading the video was stopped.") from error
    except NotReadable as error:
        raise MediaError(str(error)) from error
    except WorkerLost as error:
        raise MediaError("This video takes too long to read, or too much memory. Save it again as MP4.") from error
    except Exception as error:  # FFmpeg's own, for what a file claims of itself
        raise MediaError("This video is damaged or incomplete. Save it again and retry.") from error


def _damage(parts: int) -> tuple[str, ...]:
    if parts > 1:
        return (f"{parts:,} damaged parts of the video were left out.",)
    return ("One damaged part of the video was left out.",) if parts else ()


def _kind_of(head: bytes) -> tuple[str, str]:
    """FFmpeg's demuxer and the media type, by content alone."""
    if not head:
        raise MediaError("This file is empty (0 bytes). Choose another one.")
    if head[4:8] in _ISO_BOXES and head[8:12] not in _PICTURE_BRANDS:
        return "mov", "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska", "video/webm"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi", "video/x-msvideo"
    if head[:4] == b"GIF8":
        return "gif", "image/gif"
    raise MediaError(f"This file is not a video. Choose an {ACCEPTED} file.")


def _check_bytes(size: int, limits: VideoLimits) -> None:
    if size > limits.max_bytes:
        raise MediaTooLarge(f"This video has more than the {limits.max_bytes / 2**30:.3g} GiB allowed. Cut it first.")


def _plain_path(path: Path) -> str:
    """Absolute, so that no name can look like a protocol."""
    return str(path.resolve())
