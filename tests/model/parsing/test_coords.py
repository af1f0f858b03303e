"""From written numbers to pixels of the upright picture: every EXIF turn, convention and size, within one pixel."""

from __future__ import annotations

import io
import json
import random

import numpy as np
import pytest
from PIL import Image as Pillow

from model.catalog import INPUT_PIXELS, PER_100, PER_999, PER_1000, SOURCE_PIXELS
from model.media import pixels, read_image
from model.parsing import parse_answer
from model.parsing.coords import pixel_map
from model.types import Convention, MediumInput

PATCH = 28

# How a camera stores an upright picture for each value of the EXIF tag 0x0112: the inverse of the turn that shows it.
STORED = {
    1: None,
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_90,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_270,
}

Size = tuple[int, int]
XYXY = tuple[int, int, int, int]


def scenes() -> list[tuple[Size, XYXY]]:
    """200 sizes, each with a bright box somewhere in it."""
    chance = random.Random(7)
    made = []
    for _ in range(200):
        width, height = chance.randrange(40, 500), chance.randrange(40, 500)
        x1, y1 = chance.randrange(width // 2), chance.randrange(height // 2)
        made.append(((width, height), (x1, y1, chance.randrange(x1 + 8, width), chance.randrange(y1 + 8, height))))
    return made


def photo(size_wh: Size, xyxy: XYXY, orientation: int) -> bytes:
    """A file as a camera would store it: black, with a white box where the upright picture has it."""
    upright = Pillow.new("L", size_wh)
    upright.paste(255, xyxy)
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif, compress_level=1)
    return buffer.getvalue()


def box_seen(data: bytes) -> tuple[Size, XYXY]:
    """Size and bright box of the picture as the program opens it."""
    image = read_image(data)
    bright = np.asarray(pixels(image).convert("L")) > 127
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return image.size_wh, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def input_size(size_wh: Size) -> Size:
    """Whole patches, as the families with a patch factor of 28 make them of a picture that is not too large."""
    width, height = (max(round(side / PATCH), 1) * PATCH for side in size_wh)
    return width, height


def written(xyxy: XYXY, size_wh: Size, convention: Convention) -> list[int]:
    """What a model without fault writes: whole numbers in its convention."""
    width, height = size_wh
    if convention.scale == "input_px":
        to_w, to_h = input_size(size_wh)
    else:
        to_w, to_h = (width, height) if convention.scale == "source_px" else (int(convention.scale),) * 2
    return [
        round(value / side * to) for value, side, to in zip(xyxy, (width, height) * 2, (to_w, to_h) * 2, strict=True)
    ]


@pytest.mark.parametrize("orientation", STORED)
def test_boxes_land_on_what_is_seen(orientation: int) -> None:
    for size_wh, xyxy in scenes():
        seen_wh, seen = box_seen(photo(size_wh, xyxy, orientation))
        assert seen_wh == size_wh
        medium = MediumInput(seen_wh, input_size(seen_wh), tokens=1)
        for convention in (INPUT_PIXELS, PER_1000, SOURCE_PIXELS):
            text = json.dumps([{"bbox_2d": written(xyxy, size_wh, convention), "label": "box"}])
            [box] = parse_answer(text, convention, [medium]).boxes
            assert box.xyxy == pytest.approx(seen, abs=1), (convention.name, size_wh)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        (PER_1000, (100, 100)),
        (PER_999, (100 * 1000 / 999, 100 * 500 / 999 * 2)),
        (PER_100, (1000, 1000)),
        (INPUT_PIXELS, (50, 200)),
        (SOURCE_PIXELS, (100, 200)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_convention(convention: Convention, expected: tuple[float, float]) -> None:
    [xy] = pixel_map(convention, MediumInput((1000, 1000), (2000, 1000), tokens=1)).points((100, 200))
    if convention.scale in (1000, 999, 100):
        expected = (100 * 1000 / float(convention.scale), 200 * 1000 / float(convention.scale))
    assert xy == pytest.approx(expected)


def test_y_before_x() -> None:
    convention = Convention("rows first", 1000, order="yxyx")
    [box] = parse_answer(
        '{"bbox_2d": [1, 2, 3, 4], "label": "x"}', convention, [MediumInput((1000, 1000), (1, 1), 1)]
    ).boxes
    assert box.xyxy == (2, 1, 4, 3)


def test_rounding_past_the_edge_is_not_worth_a_word() -> None:
    medium = MediumInput((100, 100), (112, 112), tokens=1)
    answer = parse_answer('{"bbox_2d": [0, 0, 112.9, 112], "label": "all"}', INPUT_PIXELS, [medium])
    assert answer.boxes[0].xyxy == (0, 0, 100, 100)
    assert answer.problems == ()


def test_actions_have_a_convention_of_their_own() -> None:
    text = (
        '{"name": "computer_use", "arguments": {"coordinate": [999, 999]}} {"bbox_2d": [0, 0, 999, 999], "label": "x"}'
    )
    medium = MediumInput((2000, 2000), (2000, 2000), tokens=1)
    answer = parse_answer(text, PER_1000, [medium], action_convention=PER_999)
    assert answer.actions[0].xy == (2000, 2000)
    assert answer.boxes[0].xyxy == (0, 0, 1998, 1998)
