"""Drawn videos, clips and sheets: decoded again, every picture proves its number, its time and what is drawn in it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from app.exports.events import EVENT_FORMATS
from app.exports.events.contact_sheet import TILE_WIDTH
from app.palette import PALETTE, rgb
from model.errors import RequestError
from model.types import TimeEvent
from tests.app.exports.events.timelines import timeline, track, written
from tests.model.clips import number_of, steady, write_clip

SIZE_WH = (320, 160)


def scenes(path: Path) -> list[tuple[float, Any]]:
    """(second, picture) of every picture of a file."""
    with av.open(str(path)) as container:
        frames: list[Any] = list(container.decode(video=0))
        return [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in frames]


def colored(scene: Any) -> Any:
    """Where the picture is blue: `number_of` pictures are grey, and blue is the first colour of a label."""
    assert rgb(PALETTE[0])[2] > 200
    return (scene[..., 2].astype(int) - scene[..., 0]) > 60


def test_what_was_tracked_is_drawn_where_it_is_and_only_while_it_is(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", steady(60, 10.0), size_wh=SIZE_WH, sound="aac")
    ball = track("ball", [(1.0, (10, 100, 50, 140)), (2.0, (110, 100, 150, 140)), (3.0, (210, 100, 250, 140))])
    given = timeline(tmp_path, TimeEvent("whistle", 1, 2), *ball, labels=("ball", "whistle"))
    path, notes = written("mp4", given, tmp_path)
    assert notes == ["1 result was left out: the video has no place for events without a place in the picture."]
    drawn = scenes(path)
    assert [number_of(scene) for _, scene in drawn] == list(range(60))
    for at_s, scene in drawn:
        rows, columns = np.nonzero(colored(scene[96:144]))
        if not 1.0 <= round(at_s, 3) < 4.0:  # the next frame that was looked at is that of 4.0 s
            assert not len(rows)
            continue
        gone = 100 * (min(at_s, 3.0) - 1)
        assert (columns.min(), columns.max()) == pytest.approx((10 + gone, 50 + gone), abs=5)
    with av.open(str(path)) as container:
        assert container.streams.audio


def test_drawing_is_stopped(tmp_path: Path) -> None:
    given = timeline(tmp_path, *track("ball", [(1.0, (1, 2, 30, 40))]))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(RequestError, match="Stopped"):
        written("mp4", given, tmp_path, cancel)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param(0, range(13, 27), id="a range"),
        pytest.param(1, range(20, 40), id="a moment"),
        pytest.param(3, range(10, 50), id="one box of what was tracked"),
    ],
)
def test_a_clip_is_the_chosen_event(tmp_path: Path, chosen: int, expected: range) -> None:
    ball = track("ball", [(at_s, (1, 2, 30, 40)) for at_s in (1.0, 3.0, 5.0)])
    given = timeline(tmp_path, TimeEvent("talk", 1.3, 2.7), TimeEvent("flash", 3.0, 3.0), *ball, chosen=chosen)
    path, notes = written("clip", given, tmp_path)
    assert [number_of(scene) for _, scene in scenes(path)] == list(expected)
    assert bool(notes) is (chosen == 1)


def test_a_sheet_shows_every_frame_with_its_time(tmp_path: Path) -> None:
    given = timeline(tmp_path, TimeEvent("first half", 0.0, 2.9), TimeEvent("a very long name 海鸥 " * 9, 2.0, 4.0))
    path, _ = written("sheet", given, tmp_path)
    sheet = np.asarray(Pillow.open(path))
    tile_height = TILE_WIDTH // 2
    found = []
    for place in range(6):  # in three columns
        left = 8 + place % 3 * (TILE_WIDTH + 8)
        top = 8 + place // 3 * ((sheet.shape[0] - 8) // 2)
        found.append(number_of(sheet[top : top + tile_height, left : left + TILE_WIDTH]))
        caption = sheet[top + tile_height : top + tile_height + 40, left : left + TILE_WIDTH]
        assert caption.min() < 100
        assert colored(caption).any() == (place < 3)  # "first half" is there
    assert found == [0, 10, 20, 30, 40, 50]


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    given = timeline(tmp_path, TimeEvent("talk", 1, 2))
    assert "tracked" in EVENT_FORMATS["mp4"].why_not(given)
    assert "Choose an event" in EVENT_FORMATS["clip"].why_not(given)
    assert EVENT_FORMATS["clip"].why_not(replace(given, chosen=0)) == ""
    assert EVENT_FORMATS["sheet"].why_not(timeline(tmp_path)) == ""
