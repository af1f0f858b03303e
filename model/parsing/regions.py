"""Reads boxes, points, polygons and 3D boxes out of objects and lists, whatever their keys are called.

Knows the keys under which models write places and labels. Does not know pixels: a `Written` place has the numbers as
they stand in the text, and `findings` makes a region of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from model.parsing.coords import as_number

Kind = Literal["box", "point", "polygon", "box_3d"]

KEY_KINDS: dict[str, Kind | Literal["place"]] = {
    **dict.fromkeys(
        ("bbox_2d", "bbox", "box", "box_2d", "bbox2d", "bounding_box", "boundingbox", "rect", "xyxy"), "box"
    ),
    **dict.fromkeys(("bboxes", "boxes", "bboxes_2d", "boxes_2d", "bounding_boxes", "boundingboxes"), "box"),
    **dict.fromkeys(("point_2d", "point", "points_2d", "points", "point2d", "keypoint", "keypoints", "xy"), "point"),
    **dict.fromkeys(
        ("quad", "quad_2d", "polygon", "polygons", "poly", "segmentation", "contour", "vertices"), "polygon"
    ),
    **dict.fromkeys(("bbox_3d", "box_3d", "bbox3d", "box3d", "boxes_3d", "bboxes_3d"), "box_3d"),
    **dict.fromkeys(("coordinate", "coordinates", "position", "location", "center", "region"), "place"),
}
"""What stands under a key; a "place" is a point or a box by its number of coordinates."""

CORNER_KEYS = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("left", "top", "right", "bottom"),
)
SIZE_KEYS = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))

LABEL_KEYS = (
    *("label", "name", "name_en", "label_en", "names", "labels", "object", "object_name", "category", "class"),
    *("class_name", "phrase", "title", "caption", "description"),
)
TEXT_KEYS = ("text_content", "text", "transcription", "ocr_text", "content")
INDEX_KEYS = ("img_idx", "image_idx", "image_index", "img_index")
PICTURE_KEYS = ("image", "picture", "img")
PICTURE_NAME = re.compile(r"(?:image|picture|img)[\s_]*#?(\d{1,6})", re.IGNORECASE)

NUMBER = re.compile(r"[-+]?\d{1,40}(?:\.\d{1,40})?")
ONLY_NUMBERS = re.compile(r"[-+\d\s.,;()\[\]]*\d[-+\d\s.,;()\[\]]*")


@dataclass(frozen=True, slots=True)
class Written:
    """A place as the model wrote it. `image_index` is None where the text does not say which picture is meant."""

    kind: Kind
    numbers: tuple[float, ...]
    label: str = ""
    text: str | None = None
    image_index: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def read_object(pairs: Mapping[str, Any]) -> list[Written] | None:
    """The places in an object, in its order; None when no key of it says a place."""
    places: list[tuple[Kind, tuple[float, ...]]] = []
    place_keys = set()
    for key, value in pairs.items():
        found = shapes(KEY_KINDS.get(normal(key)), value)
        if found is not None:
            place_keys.add(key)
            places += found
    if not place_keys:
        corners = corners_of(pairs)
        if corners is None:
            return None
        place_keys = {key for key in pairs if normal(key) in corners[1]}
        places = [("box" if len(corners[0]) == 4 else "point", corners[0])]
    rest = {key: value for key, value in pairs.items() if key not in place_keys}
    return list(_labelled(places, rest))


def _labelled(places: list[tuple[Kind, tuple[float, ...]]], rest: dict[str, Any]) -> Iterator[Written]:
    """Join places with the other pairs of their object: label, text, picture, and whatever else as attributes."""
    label_key, label = label_of(rest)
    text_key = next((key for key in rest if normal(key) in TEXT_KEYS and is_scalar(rest[key])), None)
    text = None if text_key is None else str(rest[text_key])
    labels = _label_each(rest.get(label_key or ""), len(places)) or [label] * len(places)
    attributes = {key: value for key, value in rest.items() if key != text_key and not _is_said(key, value, label_key)}
    picture = picture_of(rest)
    for (kind, numbers), own in zip(places, labels, strict=True):
        score = {"score": numbers[4]} if kind == "box" and len(numbers) == 5 else {}
        yield Written(kind, numbers[:4] if score else numbers, own, text, picture, attributes | score)


def _label_each(value: Any, count: int) -> list[str] | None:
    """The labels of several places, where they stand in a list as long as theirs."""
    return [name_of(item) for item in value] if isinstance(value, list) and len(value) == count > 1 else None


def _is_said(key: str, value: Any, label_key: str | None) -> bool:
    """Whether a pair is wholly told by the label or the picture's number, and need not be an attribute."""
    is_label = key == label_key and normal(key) in LABEL_KEYS and is_scalar(value)
    return is_label or normal(key) in INDEX_KEYS


def shapes(kind: Kind | Literal["place"] | None, value: Any) -> list[tuple[Kind, tuple[float, ...]]] | None:
    """The shapes in the value of a key of that kind; None when it holds something else than coordinates."""
    if kind is None:
        return None
    flat = flat_numbers(value)
    if flat is not None:
        return [(kind_by_count(kind, len(flat)), flat)]
    if not isinstance(value, list):
        return None
    pairs = [flat_numbers(item) for item in value]
    if kind != "point" and len(pairs) > 1 and all(pair is not None and len(pair) == 2 for pair in pairs):
        joined = tuple(number for pair in pairs if pair is not None for number in pair)
        return [("box" if len(pairs) == 2 else "polygon", joined)]
    found = [shape for item in value for shape in shapes(kind, item) or ()]
    return found if found or not value else None


def kind_by_count(kind: Kind | Literal["place"], count: int) -> Kind:
    """What so many numbers under a key of that kind are; a number that fits nothing keeps the kind, to be told."""
    if kind == "place":
        return "point" if count < 4 else "box"
    if kind == "box" and count >= 6 and count % 2 == 0:
        return "polygon"
    return kind


def flat_numbers(value: Any) -> tuple[float, ...] | None:
    """The numbers of a flat list, of a corner object or of a text; what is not a number among them is NaN."""
    if isinstance(value, Mapping):
        corners = corners_of(value)
        return corners[0] if corners else None
    if isinstance(value, str):
        return tuple(float(word) for word in NUMBER.findall(value)) if ONLY_NUMBERS.fullmatch(value) else None
    if not isinstance(value, list) or not value or any(isinstance(item, (list, dict)) for item in value):
        return None
    numbers = [as_number(item) for item in value]
    if all(number is None for number in numbers):
        return None
    return tuple(float("nan") if number is None else number for number in numbers)


def corners_of(pairs: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[str, ...]] | None:
    """The numbers of an object such as `{"x1": .., "y1": .., "x2": .., "y2": ..}`, and their keys."""
    by_key = {normal(key): number for key, value in pairs.items() if (number := as_number(value)) is not None}
    for keys in CORNER_KEYS:
        if all(key in by_key for key in keys):
            return tuple(by_key[key] for key in keys), keys
    for keys in SIZE_KEYS:
        if all(key in by_key for key in keys):
            x, y, width, height = (by_key[key] for key in keys)
            return (x, y, x + width, y + height), keys
    if "x" in by_key and "y" in by_key:
        return (by_key["x"], by_key["y"]), ("x", "y")
    return None


def label_of(pairs: Mapping[str, Any]) -> tuple[str | None, str]:
    """The key and the words to write at an object: a usual label key, else its text, else the first words it has."""
    others = [key for key in pairs if isinstance(pairs[key], str) and normal(key) not in PICTURE_KEYS]
    for key in (*_label_keys(pairs), *others):
        if name := name_of(pairs[key]):
            return key, name
    return None, ""


def says_its_label(pairs: Mapping[str, Any]) -> bool:
    """Whether a key of an object promises its label or its text, so that none has to be guessed from other words."""
    return any(name_of(pairs[key]) for key in _label_keys(pairs))


def _label_keys(pairs: Mapping[str, Any]) -> list[str]:
    """The keys that promise a label or a text, best first."""
    by_key = {normal(key): key for key in reversed(list(pairs))}
    usual = [by_key[key] for key in (*LABEL_KEYS, *TEXT_KEYS) if key in by_key]
    return usual + [key for key in pairs if "name" in normal(key) or "label" in normal(key)]


def name_of(value: Any) -> str:
    """A label as one line: of several languages the English one, of a list all."""
    if isinstance(value, Mapping):
        by_key = {normal(key): inner for key, inner in value.items()}
        english = next((by_key[key] for key in ("en", "english", "name_en") if key in by_key), None)
        return name_of(english) if english else next(filter(None, map(name_of, value.values())), "")
    if isinstance(value, list):
        value = ", ".join(filter(None, map(name_of, value)))
    return " ".join(str(value).split()) if is_scalar(value) else ""


def picture_of(pairs: Mapping[str, Any]) -> int | None:
    """Which picture an object says it is about, counted from 0. Names such as `Picture 2` count from 1."""
    for key, value in pairs.items():
        if normal(key) in INDEX_KEYS and (number := as_number(value)) is not None and abs(number) < 1e6:
            return int(number)
        if normal(key) in PICTURE_KEYS:
            if isinstance(value, int) and not isinstance(value, bool):
                return value - 1
            if isinstance(value, str) and (named := named_picture(value)) is not None:
                return named
    return None


def named_picture(text: str) -> int | None:
    """The picture that a text such as `Picture 2` or `image_2` names, counted from 0."""
    match = PICTURE_NAME.search(text)
    return int(match[1]) - 1 if match else None


def normal(key: str) -> str:
    return "_".join(key.lower().replace("-", " ").split())


def is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
