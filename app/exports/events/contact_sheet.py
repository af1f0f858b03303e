"""The frames that the model saw on one sheet, each with its time and what happens then, as JPEG."""

from __future__ import annotations

import math
import threading
from typing import IO

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from app.exports.events.base import Timeline, clock, ranges, words
from app.fonts import font_for
from app.palette import color_of
from model.media import pixels
from model.types import TimeEvent

TILE_WIDTH = 320
_GAP = 8
_TEXT_PX = 14
_CAPTION_HEIGHT = 2 * _TEXT_PX + 12
_WIDEST = 8
"""More frames than this do not stand beside each other."""


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    frames = timeline.video.frames
    width, height = frames[0].size_wh
    tile_wh = TILE_WIDTH, max(1, round(TILE_WIDTH * height / width))
    columns = min(math.ceil(math.sqrt(len(frames))), _WIDEST)
    rows = math.ceil(len(frames) / columns)
    step_wh = tile_wh[0] + _GAP, tile_wh[1] + _CAPTION_HEIGHT + _GAP
    sheet = Pillow.new("RGB", (columns * step_wh[0] + _GAP, rows * step_wh[1] + _GAP), "white")
    for place, (frame, at_s) in enumerate(zip(frames, timeline.video.times_s, strict=True)):
        left, top = _GAP + place % columns * step_wh[0], _GAP + place // columns * step_wh[1]
        sheet.paste(pixels(frame).resize(tile_wh, Pillow.Resampling.LANCZOS), (left, top))
        _write_caption(sheet, (left, top + tile_wh[1] + 4), at_s, timeline)
    sheet.save(file, "JPEG", quality=90)
    return []


def _write_caption(sheet: Pillow.Image, at_xy: tuple[int, int], at_s: float, timeline: Timeline) -> None:
    """The time, and below it the events in the colours of their labels, as many as there is room for."""
    draw, (left, top) = ImageDraw.Draw(sheet), at_xy
    draw.text(at_xy, clock(round(at_s * 1000)), fill="black", font=_font("0"))
    x, y = left, top + _TEXT_PX + 4
    for number, event in enumerate(ranges(timeline.events), 1):
        if not _happens(event, at_s, timeline.video.step_s):
            continue
        text = words(event, number)
        font = _font(text)
        room = left + TILE_WIDTH - x - _TEXT_PX
        while text and draw.textlength(text, font=font) > room:
            text = text[:-2] + "…" if len(text) > 2 else ""
        if not text:
            return
        draw.rectangle((x, y + 2, x + 9, y + 11), fill=color_of(event.label, timeline.labels))
        draw.text((x + _TEXT_PX, y), text, fill="black", font=font)
        x += 2 * _TEXT_PX + math.ceil(draw.textlength(text, font=font))


def _happens(event: TimeEvent, at_s: float, step_s: float) -> bool:
    """Whether the event is on the frame; one too short for any is on the frames beside it."""
    beside_s = step_s / 2 if event.end_s - event.start_s < step_s else 0.0
    return event.start_s - beside_s <= at_s <= event.end_s + beside_s


def _font(text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = font_for(text)
    return ImageFont.truetype(path, _TEXT_PX) if path else ImageFont.load_default(_TEXT_PX)
