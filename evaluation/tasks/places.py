"""Places in pictures: one thing by an expression (RefCOCO), and all things of some categories (COCO)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from pydantic import AfterValidator, AliasChoices, BaseModel, Field, FiniteFloat

from evaluation.data_files import DataFile, read_data
from evaluation.metrics.overlaps import XYXY, box_iou, coco_figures, xywh
from evaluation.tasks.base import Figures, Judged, Reply, Sample, Scores, Source, Task, means, unread
from model.catalog import FAMILIES
from model.parsing import parse_answer
from model.prompts import task_prompt
from model.types import Box

IOU = 0.5
_ROWS = "lines or a list of objects with image, sent (the expression) and bbox ([x1, y1, x2, y2] in pixels)"
_MDETR = "COCO's JSON whose pictures have a caption and one box each, as MDETR's files for RefCOCO"
_COCO = "COCO's JSON (images, annotations, categories)"
_BOXES_MIN_NEW_TOKENS = 4096  # room for about 100 boxes


class Detection(TypedDict):
    """A labelled box as the results file has it, `xyxy` in pixels of the picture."""

    label: str
    xyxy: list[float]


@dataclass(frozen=True, slots=True)
class Instances:
    """What is in one picture of COCO: its annotations as they stand, and the ids of all categories by name."""

    image_id: int
    annotations: tuple[Mapping[str, Any], ...]
    categories: Mapping[str, int]


def _with_area(box: XYXY) -> XYXY:
    if box[0] >= box[2] or box[1] >= box[3]:
        raise ValueError("has to be [x1, y1, x2, y2] with x1 < x2 and y1 < y2")
    return box


Numbers = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class _Expression(BaseModel):
    """A row of Qwen-VL's evaluation files for RefCOCO."""

    image: str = Field(validation_alias=AliasChoices("image", "file_name", "img"))
    expression: str = Field(validation_alias=AliasChoices("sent", "expression", "sentence", "caption", "phrase"))
    bbox: Annotated[Numbers, AfterValidator(_with_area)]


class _Picture(BaseModel):
    """An entry of `images` in a file of COCO's form; `caption` is MDETR's."""

    id: int
    file_name: str
    caption: str = ""


class _Annotation(BaseModel):
    """An entry of `annotations`; `bbox` is (x, y, width, height)."""

    id: int
    image_id: int
    category_id: int
    bbox: Numbers
    area: FiniteFloat
    iscrowd: int = 0


class _Placed(BaseModel):
    """The part of an annotation that says where the described thing is."""

    image_id: int
    bbox: Numbers


class _Category(BaseModel):
    id: int
    name: str


def _expressions(source: Source) -> Iterator[Sample[XYXY]]:
    """Expressions with the box that each of them means."""
    file = read_data(source.data)
    if file.has_lists("images", "annotations"):
        yield from _captions(source, file)
    elif not file.rows:
        raise unread(file, f"{_ROWS}, or {_MDETR}")
    for number, (entry, row) in enumerate(file.checked(_Expression, file.rows), 1):
        yield Sample(number, "", (source.medium(file, entry, row.image),), row.expression, row.bbox)


def _captions(source: Source, file: DataFile) -> Iterator[Sample[XYXY]]:
    boxes = {row.image_id: row.bbox for _, row in file.checked(_Placed, file.list_of("annotations"))}
    for number, (entry, row) in enumerate(file.checked(_Picture, file.list_of("images")), 1):
        if not row.caption or row.id not in boxes:
            raise file.error(entry, "this picture has no caption, or no box among the annotations.")
        x, y, width, height = boxes[row.id]
        medium = source.medium(file, entry, row.file_name)
        yield Sample(number, str(row.id), (medium,), row.caption, (x, y, x + width, y + height))


def _boxes(reply: Reply) -> tuple[Box, ...]:
    return parse_answer(reply.text, FAMILIES[reply.family].convention, reply.media).boxes


def _first_box(reply: Reply) -> list[float] | None:
    """The first box of the answer; what else it names does not count."""
    return next((list(box.xyxy) for box in _boxes(reply)), None)


def _expression_scores(found: Sequence[float] | None, true: XYXY) -> Scores:
    overlap = box_iou(_xyxy(found), true) if found else 0.0
    return {"accuracy": float(overlap >= IOU), "mean_iou": overlap}


def _xyxy(numbers: Sequence[float]) -> XYXY:
    x1, y1, x2, y2 = numbers
    return x1, y1, x2, y2


def _instances(source: Source) -> Iterator[Sample[Instances]]:
    """Every picture of a file of COCO's form, also those without annotations."""
    file = read_data(source.data)
    if not file.has_lists("images", "annotations", "categories"):
        raise unread(file, _COCO)
    categories = {row.name: row.id for _, row in file.checked(_Category, file.list_of("categories"))}
    by_image: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for entry, row in file.checked(_Annotation, file.list_of("annotations")):
        if row.category_id not in categories.values():
            raise file.error(entry, f"there is no category {row.category_id}.")
        by_image[row.image_id].append(row.model_dump(mode="json"))
    words = ", ".join(categories)
    for number, (entry, picture) in enumerate(file.checked(_Picture, file.list_of("images")), 1):
        medium = source.medium(file, entry, picture.file_name)
        truth = Instances(picture.id, tuple(by_image[picture.id]), categories)
        yield Sample(number, str(picture.id), (medium,), words, truth)


def _detections(reply: Reply) -> list[Detection]:
    return [Detection(label=box.label, xyxy=list(box.xyxy)) for box in _boxes(reply)]


def _unscored(_found: Sequence[Detection], _true: Instances) -> Scores:
    """Precision is of all pictures together."""
    return {}


def _coco(judged: Sequence[Judged[Instances, list[Detection]]]) -> Figures:
    """COCO's figures over these pictures, and how many of the boxes bear the name of a category."""
    if not judged:
        return {}
    categories = judged[0].sample.truth.categories
    truth = {
        "images": [{"id": one.sample.truth.image_id} for one in judged],
        "annotations": [annotation for one in judged for annotation in one.sample.truth.annotations],
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    ids = {name.casefold(): number for name, number in categories.items()}
    detections = [
        {
            "image_id": one.sample.truth.image_id,
            "category_id": ids[name],
            "bbox": xywh(_xyxy(box["xyxy"])),
            "score": 1.0,
        }
        for one in judged
        for box in one.found
        if (name := box["label"].strip().casefold()) in ids
    ]
    boxes = sum(len(one.found) for one in judged)
    return {**coco_figures(truth, detections), "known_labels": len(detections) / boxes if boxes else None}


TASKS: tuple[Task[Any, Any], ...] = (
    Task(
        name="refcoco",
        measures="accuracy at IoU 0.5 of the first box, and mean IoU",
        accepts=f"{_ROWS}, as Qwen-VL's evaluation files; or {_MDETR}",
        main="accuracy",
        read=_expressions,
        prompt=lambda family, expression: task_prompt(family, "find", expression),
        find=_first_box,
        score=_expression_scores,
        figures=means,
        min_new_tokens=_BOXES_MIN_NEW_TOKENS,
    ),
    Task(
        name="coco",
        measures="COCO's mean average precision and recall of boxes; all boxes have the score 1",
        accepts=_COCO,
        main="AP",
        read=_instances,
        prompt=lambda family, categories: task_prompt(family, "detect", categories),
        find=_detections,
        score=_unscored,
        figures=_coco,
        min_new_tokens=_BOXES_MIN_NEW_TOKENS,
    ),
)
