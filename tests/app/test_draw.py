"""What is drawn into a picture, and where."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow

from app.draw import draw, draw_png
from app.palette import PALETTE, color_of, ink, rgb
from model.media import read_image
from model.parsing.camera import Camera
from model.types import Action, Answer, Box, Box3D, Image, Point, Polygon, Region
from tests.app.found import EVERYTHING, LABELS, picture


def _drawn(image: Image, *items: Region | Action, camera: Camera | None = None) -> npt.NDArray[np.int_]:
    """The picture with the items drawn in, all labelled "x"."""
    actions = tuple(item for item in items if isinstance(item, Action))
    regions = tuple(item for item in items if not isinstance(item, Action))
    labels = ("x", *(str(action.arguments.get("action")) for action in actions))
    return np.asarray(draw(image, Answer(regions=regions, actions=actions), labels, camera=camera)).astype(int)


def _has_color(area: npt.NDArray[np.int_], color: tuple[int, int, int]) -> bool:
    return bool((abs(area - np.array(color)).max(axis=-1) <= 2).any())


def test_the_resolution_stays_and_the_picture_is_upright() -> None:
    sideways = picture(200, 150, kind="JPEG", name="p.jpg", orientation=6)
    drawn = Pillow.open(io.BytesIO(draw_png(sideways, Answer(), ())))
    assert drawn.format == "PNG"
    assert drawn.size == sideways.size_wh == (150, 200)
    red, green, _ = np.asarray(drawn)[60, 140]
    assert red > 200 > 100 > green, "turned to the right, the red quarter is at the upper right"


@pytest.mark.parametrize(
    ("item", "place"),
    [
        (Box("x", (20, 100, 120, 140)), (70, 140)),
        (Point("x", (150.0, 120.0)), (150, 120)),
        (Polygon("x", ((20.0, 100.0), (120.0, 100.0), (70.0, 140.0))), (70, 100)),
        (Action("x", {}, (40.0, 120.0), (160.0, 120.0)), (100, 120)),
    ],
    ids=["box", "point", "polygon", "drag"],
)
def test_a_region_is_drawn_in_its_labels_colour_at_its_place(item: Region | Action, place: tuple[int, int]) -> None:
    x, y = place
    labelled = _drawn(picture(), item)
    assert _has_color(labelled[y - 2 : y + 3, x - 2 : x + 3], rgb(color_of("x", ("x",))))


@pytest.mark.parametrize(
    "item",
    [Box("x", (20, 40, 120, 140)), Polygon("x", ((20.0, 40.0), (120.0, 40.0), (120.0, 140.0)))],
    ids=["box", "polygon"],
)
@pytest.mark.parametrize("color", PALETTE)
def test_a_line_is_seen_on_what_has_its_own_colour(item: Region, color: str) -> None:
    file = io.BytesIO()
    Pillow.new("RGB", (200, 150), color).save(file, "PNG")
    labels = tuple("x" if other == color else other for other in PALETTE)
    drawn = np.asarray(draw(read_image(file.getvalue()), Answer(regions=(item,)), labels)).astype(int)
    stands_out = abs(drawn[36:45, 60:80] - np.array(rgb(color))).sum(axis=-1).max()
    assert stands_out > abs(np.array(rgb(ink(color))) - np.array(rgb(color))).sum() / 3


def test_a_click_is_a_ring_around_its_place() -> None:
    ring = _drawn(picture(), Action("x", {}, (150.0, 120.0)))
    assert _has_color(ring[105:136, 135:166], rgb(color_of("x", ("x",))))
    assert tuple(ring[120, 150]) == (0x88, 0x88, 0x88)


def test_a_3d_box_is_drawn_with_a_camera_only() -> None:
    box = Box3D("x", (0.0, 0.0, 10.0, 2.0, 2.0, 4.0, 0.0, 0.0, 0.0))
    plain = np.asarray(draw(picture(), Answer(), ()))
    assert (_drawn(picture(), box) == plain).all()
    drawn = _drawn(picture(), box, camera=Camera(100, 100, 100, 75))
    assert _has_color(drawn[85:91, 95:105], rgb(color_of("x", ("x",)))), "the lower edge of the near face"


def test_labels_of_any_script_leave_ink() -> None:
    for label in ("cup", "日本語", "مرحبا"):
        answer = Answer(regions=(Box(label, (20.0, 80.0, 180.0, 140.0)),))
        drawn = np.asarray(draw(picture(), answer, (label,))).astype(int)
        assert _has_color(drawn[60:80, 20:70], (255, 255, 255)) or _has_color(drawn[60:80, 20:70], (0, 0, 0))


def test_numbers_are_written_at_points_when_counting() -> None:
    answer = Answer(regions=(Point("apple", (60.0, 100.0)), Point("apple", (140.0, 100.0))))
    plain = np.asarray(draw(picture(), answer, ("apple",)))
    numbered = np.asarray(draw(picture(), answer, ("apple",), numbered=True))
    assert (plain != numbered).any()


def test_the_picture_itself_is_not_changed() -> None:
    image = picture()
    draw(image, EVERYTHING, LABELS)
    clean = np.asarray(draw(image, Answer(), ()))
    assert set(map(tuple, clean.reshape(-1, 3).tolist())) == {(255, 0, 0), (0x88, 0x88, 0x88)}
