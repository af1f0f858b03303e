"""Pictures: opened, bounded, identified by content, turned upright, hashed. The only place that opens a picture file.

Knows every file format that is accepted and how each becomes 8-bit RGB. Does not know models, conversations or where
pictures are stored. Nothing here trusts a file's name, its declared type or its header: the header only decides
whether decoding is affordable, and a picture is good only after all of its pixels were decoded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import math
import os
import threading
import unicodedata
import urllib.parse
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps, UnidentifiedImageError

from model.errors import MediaError, MediaTooLarge, RequestError
from model.types import Image

pillow_heif.register_heif_opener()
# Sizes between Pillow's warning and its error are decided by `Limits`, so its warning would only be noise.
warnings.filterwarnings("ignore", category=Pillow.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost: bytes of the file, decoded pixels, and longer side divided by shorter side."""

    max_bytes: int = 50 * 2**20
    max_pixels: int = 120_000_000
    max_aspect: float = 200.0


DEFAULT_LIMITS = Limits()

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "HEIF": "image/heic",
}
"""Pillow's name of every accepted format -> its media type. It also makes up the list of decoders that are tried."""

ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF or HEIC"

_BROWSERS_SHOW = {"image/png", "image/jpeg", "image/webp", "image/gif"}
_NAME_MAX_BYTES = 200
# What no scanner and no printer has is a mistake, or a ratio instead of a number of dots.
_MIN_DPI, _MAX_DPI = 20.0, 9600.0

# Signatures (offset, bytes) of what people drop by mistake, so that the refusal can name it.
_KNOWN_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"SIMPLE  =", "a FITS file"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"PK\x03\x04", "a zip archive or an office document"),
    (0, b"\x00\x00\x01\x00", "an icon file"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyp", "a video"),
)


def read_image(data: bytes, name: str = "", limits: Limits = DEFAULT_LIMITS) -> Image:
    """Check a picture and return it as a value; `name` is what the person called it, and is only ever shown.

    Every pixel is decoded once here (and kept in a small cache), so that a picture that was accepted can be used.
    Raises `MediaTooLarge` for too many bytes or pixels and `MediaError` for everything else that is wrong with it.
    """
    if not data:
        raise MediaError("This file is empty (0 bytes). Choose another one.")
    if len(data) > limits.max_bytes:
        raise MediaTooLarge(
            f"This file has {_mebibytes(len(data))}, more than the {_mebibytes(limits.max_bytes)} allowed. "
            "Save it smaller and try again."
        )
    sha256 = hashlib.sha256(data).hexdigest()
    rgb, media_type = _decode(data, limits)
    _CACHE.put(sha256, rgb)
    return Image(data=data, sha256=sha256, size_wh=rgb.size, media_type=media_type, name=clean_name(name))


def read_image_file(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Image:
    """`read_image` of a local file; never reads more than one byte over the limit."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise MediaError("This file could not be opened. Choose it again.") from error
    return read_image(data, path.name, limits)


def image_of(picture: Pillow.Image, name: str, limits: Limits = DEFAULT_LIMITS) -> Image:
    """A picture that was made here, upright and in RGB, as a value; the same pixels have the same bytes."""
    _check_size(picture.size, limits)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    data = buffer.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    _CACHE.put(sha256, picture)
    return Image(data=data, sha256=sha256, size_wh=picture.size, media_type="image/png", name=clean_name(name))


def count_frames(path: Path, enough: int) -> tuple[int, bool]:
    """How many pictures a TIFF file holds, `enough` + 1 for any number beyond, and whether that is all of them.

    The directory of each picture says where the next one is: behind a damaged one there is nothing to be found.
    Raises `MediaError` when there is not even one.
    """
    with _plain_errors(b"II*\0"), Pillow.open(path, formats=("TIFF",)) as picture:
        for count in range(1, enough + 1):
            try:
                picture.seek(count)
            except EOFError:
                return count, True
            except Exception:  # parsers of headers raise anything on hostile bytes
                return count, False
        return enough + 1, True


def read_frame(path: Path, index: int, name: str, limits: Limits = DEFAULT_LIMITS) -> Image:
    """One picture of a TIFF file, counted from 0, upright and as PNG. Raises what `read_image` raises."""
    with _plain_errors(b"II*\0"), Pillow.open(path, formats=("TIFF",)) as picture:
        picture.seek(index)
        _check_size(picture.size, limits)
        return image_of(_to_rgb(_upright(picture)), name, limits)


def file_dpi(path: Path, index: int = 0) -> float | None:
    """How many pixels of a picture file, for TIFF of one of its pictures, are an inch; None where it does not say.

    72 is what EXIF has cameras write for not knowing (Exif 2.32, 4.6.5, XResolution), so that says nothing either.
    """
    try:
        with Pillow.open(path, formats=tuple(MEDIA_TYPES)) as picture:
            picture.seek(index)
            dpi = float(picture.info["dpi"][0])
    except Exception:  # parsers of headers raise anything on hostile bytes, and a page without a size has one to show
        return None
    return dpi if _MIN_DPI <= dpi <= _MAX_DPI and round(dpi) != 72 else None


def image_from_data_url(url: str, limits: Limits = DEFAULT_LIMITS) -> Image:
    """The picture inside a `data:` URL (RFC 2397); the media type that it declares is ignored.

    Raises `RequestError` for anything else than a data URL (addresses and paths are never followed) and what
    `read_image` raises.
    """
    return read_image(bytes_from_data_url(url, limits.max_bytes), limits=limits)


def bytes_from_data_url(url: str, max_bytes: int) -> bytes:
    """What a `data:` URL holds. Raises `MediaTooLarge` for more than `max_bytes`, `RequestError` for anything else."""
    head, comma, body = url.partition(",")
    if head[:5].lower() != "data:" or not comma:
        raise RequestError("Only media inside the request are accepted: send a data URL, not an address or a path.")
    # Base64 writes three bytes as four characters, and decoding first would already cost the memory.
    if len(body) * 3 // 4 > max_bytes + 3:
        raise MediaTooLarge(f"This file has more than the {_mebibytes(max_bytes)} allowed.")
    if not head.lower().endswith(";base64"):
        return urllib.parse.unquote_to_bytes(body)
    try:
        return base64.b64decode("".join(urllib.parse.unquote(body).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError("The data URL is damaged: its base64 does not decode.") from error


def data_url(image: Image) -> str:
    """The picture's bytes as they were given, as a base64 data URL."""
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"


def pixels(image: Image) -> Pillow.Image:
    """The picture upright in 8-bit RGB, of size `image.size_wh`; a copy, so that it may be drawn on."""
    rgb = _CACHE.get(image.sha256)
    if rgb is None:
        # It was within the limits of its time when it was read; they are not asked a second time.
        rgb, _ = _decode(image.data, Limits(max_pixels=image.size_wh[0] * image.size_wh[1]))
        _CACHE.put(image.sha256, rgb)
    return rgb.copy()


def shrunk(image: Image, max_pixels: int) -> Image:
    """The picture with at most so many pixels, of the same form; itself where it has no more."""
    width, height = image.size_wh
    if width * height <= max_pixels:
        return image
    scale = math.sqrt(max_pixels / (width * height))
    size_wh = max(1, int(width * scale)), max(1, int(height * scale))
    small = pixels(image).resize(size_wh, Pillow.Resampling.LANCZOS)
    return image_of(small, image.name, Limits(max_aspect=math.inf))  # rounding may make a thin one thinner


def thumbnail(image: Image, max_side: int) -> bytes:
    """A JPEG of the picture whose longer side has at most `max_side` pixels."""
    small = pixels(image)
    small.thumbnail((max_side, max_side), Pillow.Resampling.LANCZOS, reducing_gap=3.0)
    return _encode(small, "JPEG")


def browser_copy(image: Image) -> tuple[bytes, str]:
    """Bytes and media type that any browser shows exactly as the model sees the picture.

    These are the original bytes where that is true of them; a picture that is animated, turned by EXIF, or of a format
    that browsers do not know, is encoded anew: PNG where the original was lossless, else JPEG.
    """
    if image.media_type in _BROWSERS_SHOW and _is_plain(image.data):
        return image.data, image.media_type
    if image.media_type in ("image/heic", "image/jpeg", "image/webp"):
        return _encode(pixels(image), "JPEG"), "image/jpeg"
    return _encode(pixels(image), "PNG"), "image/png"


def clean_name(name: str) -> str:
    """A file name that is safe to show and to store under: no folders, no control or direction-changing characters.

    At most 200 bytes of UTF-8 with its extension kept; "picture" when nothing is left.
    """
    base = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    kept = "".join("_" if char in '<>:"|?*' else char for char in base if not _is_unsafe(char)).strip(" .")
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension) > 10:
        stem, extension = kept, ""
    suffix = f".{extension}" if extension else ""
    stem = stem.encode()[: _NAME_MAX_BYTES - len(suffix.encode())].decode(errors="ignore")
    return (stem + suffix) if stem.strip(" .") else f"picture{suffix}" if name else ""


def _is_unsafe(char: str) -> bool:
    """Control characters, lone surrogates, line separators, and whatever turns the reading direction."""
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp", "Cn") or (
        unicodedata.category(char) == "Cf" and char not in "\u200c\u200d"  # joiners hold emoji and scripts together
    )


class _PixelCache:
    """Decoded pictures by sha256, the least recently used dropped first; bounded by bytes, safe between threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pictures: OrderedDict[str, Pillow.Image] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sha256: str) -> Pillow.Image | None:
        with self._lock:
            if sha256 in self._pictures:
                self._pictures.move_to_end(sha256)
            return self._pictures.get(sha256)

    def put(self, sha256: str, rgb: Pillow.Image) -> None:
        with self._lock:
            if sha256 in self._pictures or _rgb_bytes(rgb) > self._max_bytes:
                return
            self._pictures[sha256] = rgb
            self._bytes += _rgb_bytes(rgb)
            while self._bytes > self._max_bytes:
                _, dropped = self._pictures.popitem(last=False)
                self._bytes -= _rgb_bytes(dropped)


_CACHE = _PixelCache(max_bytes=256 * 2**20)


def _rgb_bytes(picture: Pillow.Image) -> int:
    return picture.width * picture.height * 4  # Pillow keeps RGB in four bytes a pixel


def _decode(data: bytes, limits: Limits) -> tuple[Pillow.Image, str]:
    """All pixels of the first frame, upright, as RGB; and the media type of the content."""
    with _plain_errors(data):
        picture = Pillow.open(io.BytesIO(data), formats=tuple(MEDIA_TYPES))
        # The JPEG decoder calls a file that holds a second view "MPO"; its first view is an ordinary JPEG.
        media_type = MEDIA_TYPES.get(picture.format or "", "image/jpeg")
        _check_size(picture.size, limits)
        picture.load()
        return _to_rgb(_upright(picture)), media_type


@contextmanager
def _plain_errors(data: bytes) -> Iterator[None]:
    """Whatever a decoder raises on hostile or damaged bytes becomes one sentence."""
    try:
        yield
    except MediaError:
        raise
    except (Pillow.DecompressionBombError, MemoryError) as error:
        raise MediaTooLarge("This picture has too many pixels to open. Save it smaller and try again.") from error
    except UnidentifiedImageError as error:
        raise MediaError(_refusal(data)) from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, ValueError, ...
        raise MediaError("This picture is damaged or incomplete. Save it again and retry.") from error


def _refusal(data: bytes) -> str:
    """Why content that no accepted format claims is refused."""
    head = data[:1024]
    for offset, signature, what in _KNOWN_OTHERS:
        if head[offset : offset + len(signature)] == signature:
            return f"This is {what}, which cannot be read here. Save it as {ACCEPTED}."
    if b"<svg" in head.lower():
        return f"This is an SVG drawing, which cannot be read here. Save it as {ACCEPTED}."
    if any(
        name in data[:16]
        for name in (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"heic", b"mif1", b"II*\0", b"MM\0*")
    ):
        return "This picture is damaged or incomplete. Save it again and retry."
    return f"This file is not a picture. Choose a {ACCEPTED} file."


def _check_size(size_wh: tuple[int, int], limits: Limits) -> None:
    width, height = size_wh
    if min(width, height) < 1:
        raise MediaError("This picture has no pixels. Choose another one.")
    if width * height > limits.max_pixels:
        raise MediaTooLarge(
            f"This picture has {width:,} x {height:,} pixels, more than the {limits.max_pixels // 10**6} megapixels "
            "allowed. Save it smaller and try again."
        )
    if max(width, height) > limits.max_aspect * min(width, height):
        raise MediaError(
            f"This picture is {width:,} x {height:,} pixels; one side may be at most {limits.max_aspect:g} times the "
            "other. Crop it and try again."
        )


def _upright(picture: Pillow.Image) -> Pillow.Image:
    """Turned as its EXIF orientation says; EXIF that cannot be read counts as none."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # the EXIF parser raises many things on hostile bytes, and the pixels are good without it
        return picture


def _to_rgb(picture: Pillow.Image) -> Pillow.Image:
    """Any mode as 8-bit RGB: alpha over white, deep grey scaled down, CMYK and Lab by their colour profile."""
    if picture.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        return _deep_grey(picture).convert("RGB")
    if picture.mode in ("CMYK", "LAB"):
        return _by_profile(picture)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Pillow.new("RGBA", rgba.size, "white")
        return Pillow.alpha_composite(white, rgba).convert("RGB")
    return picture.convert("RGB")


def _deep_grey(picture: Pillow.Image) -> Pillow.Image:
    """16-bit grey by its range; 32-bit integers and floats, which have no agreed white, from darkest to brightest."""
    values = np.asarray(picture, dtype=np.float32)
    low, high = 0.0, 65535.0
    if picture.mode in ("I", "F"):
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return Pillow.fromarray(np.nan_to_num(scaled, posinf=255.0).clip(0, 255).round().astype(np.uint8))


def _by_profile(picture: Pillow.Image) -> Pillow.Image:
    """To sRGB through the embedded ICC profile; without a usable one as Pillow does it (Lab through its own)."""
    embedded = picture.info.get("icc_profile")
    try:
        if embedded or picture.mode == "LAB":
            source = ImageCms.getOpenProfile(io.BytesIO(embedded)) if embedded else ImageCms.createProfile("LAB")
            turned = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return turned or picture.convert("RGB")
    except (ImageCms.PyCMSError, OSError):
        pass  # a profile that does not fit its picture: viewers fall back to the plain conversion, and so does this
    return picture.convert("RGB")


def _is_plain(data: bytes) -> bool:
    """Neither animated nor turned by EXIF."""
    with _plain_errors(data):
        picture = Pillow.open(io.BytesIO(data), formats=tuple(MEDIA_TYPES))
        return not getattr(picture, "is_animated", False) and picture.getexif().get(0x0112, 1) == 1


def _encode(picture: Pillow.Image, format_: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_, quality=90)
    return buffer.getvalue()


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.3g} MiB"
