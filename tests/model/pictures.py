"""Small drawn pictures in every format, and a few broken ones, made in memory for the tests."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image as Pillow

from model.media import read_image
from model.types import Image

RED, BLUE = (220, 30, 30), (30, 30, 220)


def drawn(size_wh: tuple[int, int] = (96, 64)) -> Pillow.Image:
    """Red, with a blue quarter at the top left, so that every turn and mirroring shows."""
    picture = Pillow.new("RGB", size_wh, RED)
    picture.paste(BLUE, (0, 0, size_wh[0] // 2, size_wh[1] // 2))
    return picture


def encoded(picture: Pillow.Image, format_: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def image(size_wh: tuple[int, int] = (96, 64)) -> Image:
    return read_image(encoded(drawn(size_wh)), "drawn.png")


def png_that_claims(size_wh: tuple[int, int]) -> bytes:
    """A few bytes whose header states a size."""
    header = struct.pack(">IIBBBBB", *size_wh, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0" * 64)) + _chunk(b"IEND")


def with_png_text(data: bytes, text_bytes: int) -> bytes:
    """The PNG with a compressed text chunk of that size, once unpacked, behind its header."""
    bomb = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * text_bytes))
    return data[:33] + bomb + data[33:]


def _chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
