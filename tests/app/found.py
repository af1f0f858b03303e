"""Pictures and answers that the tests of viewer, drawing and exports share."""

from __future__ import annotations

import io

from PIL import Image as Pillow

from model.media import read_image
from model.types import Action, Answer, Box, Box3D, Image, Point, Polygon

EVERYTHING = Answer(
    text="Here they are.",
    regions=(
        Box("cup", (10.25, 20.5, 60.75, 80.0), span=(8, 40), attributes={"color": "red"}),
        Box("line", (5.0, 100.0, 150.0, 120.0), text="Ünï 日本語 مرحبا", span=(41, 90)),
        Point("tip", (30.0, 40.5)),
        Polygon("roof", ((100.0, 10.0), (180.0, 20.0), (150.0, 70.0)), text="sign", attributes={"slope": 30}),
        Box3D("car", (0.0, 0.0, 10.0, 2.0, 2.0, 4.0, 0.0, 0.0, 0.0), attributes={"type": "van"}),
    ),
    actions=(
        Action("computer_use", {"action": "left_click", "coordinate": [5, 6]}, (50.0, 60.0)),
        Action("mobile_use", {"action": "swipe"}, (20.0, 20.0), (120.0, 90.0)),
        Action("wait", {}),
    ),
)
LABELS = ("cup", "line", "tip", "roof", "car", "left_click", "swipe", "wait")


def picture(
    width: int = 200, height: int = 150, name: str = "photo.png", kind: str = "PNG", orientation: int = 1
) -> Image:
    """A grey picture whose upper left quarter is red; the size is that before the EXIF turn."""
    drawn = Pillow.new("RGB", (width, height), "#888888")
    drawn.paste("#ff0000", (0, 0, width // 2, height // 2))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    drawn.save(file, kind, exif=exif.tobytes()) if orientation != 1 else drawn.save(file, kind)
    return read_image(file.getvalue(), name)
