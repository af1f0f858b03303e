"""Regions drawn into the picture itself: for export and wherever no page can draw them.

Knows pictures, regions and the palette; uses supervision's annotators. Does not know files, formats or widgets.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import supervision as sv
from PIL import Image as Pillow

from app.fonts import group_by_font, has_letters_for
from app.palette import PALETTE, color_of, ink, rgb
from app.wire import label_of
from model.media import pixels
from model.parsing.camera import EDGES, Camera, corners_xy
from model.types import Action, Answer, Box, Box3D, Image, Point, Polygon, Region

Scene = npt.NDArray[np.uint8]
"""A picture as OpenCV has it: height x width x 3, blue first. Drawing changes it in place."""

_COLORS = sv.ColorPalette([sv.Color(*rgb(color)) for color in PALETTE])
_INKS = sv.ColorPalette([sv.Color(*rgb(ink(color))) for color in PALETTE])
_LABEL_MAX_CHARS = 40


def draw(
    image: Image, answer: Answer, labels: Sequence[str], *, numbered: bool = False, camera: Camera | None = None
) -> Pillow.Image:
    """The picture, upright and in its full resolution, with everything of `answer` that has a place in it.

    `labels` is the order of colours and holds every label of the answer. `numbered` writes numbers instead of labels at
    points. 3D boxes need a `camera`.
    """
    scene = np.ascontiguousarray(np.asarray(pixels(image))[:, :, ::-1])
    draw_on(scene, answer, labels, numbered=numbered, camera=camera)
    return Pillow.fromarray(scene[:, :, ::-1])


def draw_on(
    scene: Scene, answer: Answer, labels: Sequence[str], *, numbered: bool = False, camera: Camera | None = None
) -> None:
    """`draw` into a picture that is there already."""
    height, width = scene.shape[:2]
    thickness = sv.calculate_optimal_line_thickness(resolution_wh=(width, height))
    _draw_boxes(scene, answer.boxes, labels, thickness)
    _draw_points(scene, answer.points, labels, thickness)
    lines: tuple[Polygon | Box3D | Action, ...] = (*answer.polygons, *answer.boxes_3d, *answer.actions)
    for item in lines:
        _draw_lines(scene, item, labels, thickness, camera)
    _draw_labels(scene, _tags(answer, numbered, camera, thickness), labels)


def draw_png(
    image: Image, answer: Answer, labels: Sequence[str], *, numbered: bool = False, camera: Camera | None = None
) -> bytes:
    """`draw` as the bytes of a PNG file."""
    file = io.BytesIO()
    # Level 1 is several times faster than the default 6 and a few percent larger.
    draw(image, answer, labels, numbered=numbered, camera=camera).save(file, "PNG", compress_level=1)
    return file.getvalue()


def unwritten(answer: Answer) -> list[str]:
    """Words of `answer` that no one font of this computer has all letters for; boxes are drawn in their place."""
    words = dict.fromkeys(_words(item)[:_LABEL_MAX_CHARS] for item in (*answer.regions, *answer.actions))
    return [text for text in words if not has_letters_for(text)]


def _detections(xyxy: Sequence[Sequence[float]], names: Sequence[str], labels: Sequence[str]) -> sv.Detections:
    """Boxes whose class is the colour of their label."""
    color_ids = np.array([PALETTE.index(color_of(name, labels)) for name in names], dtype=int)
    return sv.Detections(xyxy=np.array(xyxy, dtype=np.float32).reshape(-1, 4), class_id=color_ids)


def _draw_boxes(scene: Scene, boxes: Sequence[Box], labels: Sequence[str], thickness: int) -> None:
    if not boxes:
        return
    detections = _detections([box.xyxy for box in boxes], [box.label for box in boxes], labels)
    # A casing, light around dark colours and dark around light ones, keeps lines visible on whatever they lie.
    sv.BoxAnnotator(color=_INKS, thickness=thickness + 2).annotate(scene, detections)
    sv.BoxAnnotator(color=_COLORS, thickness=thickness).annotate(scene, detections)


def _draw_points(scene: Scene, points: Sequence[Point], labels: Sequence[str], thickness: int) -> None:
    if not points:
        return
    detections = _detections([(*point.xy, *point.xy) for point in points], [point.label for point in points], labels)
    dots = sv.DotAnnotator(
        color=_COLORS, radius=3 * thickness, outline_thickness=thickness, outline_color=sv.Color.WHITE
    )
    dots.annotate(scene, detections)


def _draw_lines(
    scene: Scene, item: Polygon | Box3D | Action, labels: Sequence[str], thickness: int, camera: Camera | None
) -> None:
    """Outlines, edges and arrows: a casing and on it a thinner line in the label's colour."""
    color = color_of(label_of(item), labels)
    for shade, width in ((ink(color), thickness + 2), (color, thickness)):
        bgr = sv.Color(*rgb(shade)).as_bgr()
        match item:
            case Polygon(xy=corners):
                cv2.polylines(scene, [_pixel_array(corners)], True, bgr, width, cv2.LINE_AA)
            case Box3D():
                for a, b in _edges(item, camera):
                    cv2.line(scene, _pixel(a), _pixel(b), bgr, width, cv2.LINE_AA)
            case Action(xy=at, to_xy=to) if at and to:
                cv2.arrowedLine(scene, _pixel(at), _pixel(to), bgr, width, cv2.LINE_AA, tipLength=0.08)
            case Action(xy=at) if at:
                cv2.circle(scene, _pixel(at), 4 * thickness, bgr, width, cv2.LINE_AA)


def _edges(box: Box3D, camera: Camera | None) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The edges of a 3D box that lie before the camera."""
    corners = corners_xy(box.values, camera) if camera else (None,) * 8
    pairs = ((corners[a], corners[b]) for a, b in EDGES)
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _tags(
    answer: Answer, numbered: bool, camera: Camera | None, thickness: int
) -> list[tuple[str, str, tuple[float, float]]]:
    """What to write, in which label's colour, and where: (text, label, place of its lower left corner)."""
    items: list[Region | Action] = [*answer.regions, *answer.actions]
    tags = []
    for number, item in enumerate(items, 1):
        place = _anchor(item, camera, 4 * thickness)
        text = str(number) if numbered and isinstance(item, Point) else _words(item)
        if isinstance(item, Action) and len(answer.actions) > 1:
            text = f"{number - len(answer.regions)}. {text}"  # which comes when
        if place and text:
            tags.append((text[:_LABEL_MAX_CHARS], label_of(item), place))
    return tags


def _words(item: Region | Action) -> str:
    text = item.text if isinstance(item, Box | Polygon) else None
    return " ".join((text or label_of(item)).split())


def _anchor(item: Region | Action, camera: Camera | None, dot_px: int) -> tuple[float, float] | None:
    """The upper left corner of what is drawn; beside a dot of that radius, not on it."""
    match item:
        case Box(xyxy=(x1, y1, _, _)):
            return x1, y1
        case Polygon(xy=corners):
            return min(x for x, _ in corners), min(y for _, y in corners)
        case Box3D():
            ends = [corner for edge in _edges(item, camera) for corner in edge]
            return (min(x for x, _ in ends), min(y for _, y in ends)) if ends else None
        case Point(xy=(x, y)) | Action(xy=(x, y)):
            return x + dot_px, y - dot_px
    return None


def _draw_labels(scene: Scene, tags: Sequence[tuple[str, str, tuple[float, float]]], labels: Sequence[str]) -> None:
    height, width = scene.shape[:2]
    font_size = min(max(round(min(width, height) * 0.022), 12), 72)
    for font, places in group_by_font(text for text, _, _ in tags).items():
        detections = _detections([(*tags[i][2], *tags[i][2]) for i in places], [tags[i][1] for i in places], labels)
        annotator = sv.RichLabelAnnotator(
            color=_COLORS,
            text_color=_INKS,
            font_path=str(font) if font else None,
            font_size=font_size,
            text_padding=max(font_size // 4, 3),
            border_radius=font_size // 4,
            smart_position=True,
        )
        annotator.annotate(scene, detections, [tags[i][0] for i in places])


def _pixel(xy: tuple[float, float]) -> tuple[int, int]:
    # OpenCV takes 32-bit numbers; a corner of a 3D box can lie farther out than that.
    return int(np.clip(xy[0], -1e6, 1e6)), int(np.clip(xy[1], -1e6, 1e6))


def _pixel_array(corners: Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
    return np.array([_pixel(corner) for corner in corners], dtype=np.int32)
