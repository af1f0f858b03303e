"""Every format is written and read back, where there is one with the program that people read it with."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image as Pillow
from pycocotools.coco import COCO

from app import fonts
from app.exports import FORMATS, Annotated
from app.exports.crops import pixel_box
from app.exports.tables import COLUMNS
from app.palette import label_order
from app.wire import label_of
from model.types import Answer, Box, Image, Polygon
from tests.app.found import EVERYTHING, picture

BOXES = Answer(
    regions=(
        Box("cup", (10.25, 20.5, 60.75, 80.0)),
        Box("日本 \"quoted\": 'x'", (0.0, 0.0, 200.0, 150.0)),
        Box("cup", (150.1, 100.9, 199.6, 149.3)),
    )
)


def _write(key: str, *items: Annotated) -> tuple[bytes, list[str]]:
    found = (thing for item in items for thing in (*item.answer.regions, *item.answer.actions))
    labels = label_order(label_of(thing) for thing in found)
    file = io.BytesIO()
    notes = FORMATS[key].write(iter(items), labels, file)
    return file.getvalue(), notes


def _unpack(archive: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        assert zipped.testzip() is None
        zipped.extractall(folder)
    return folder


def _coco(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


@pytest.mark.parametrize("key", FORMATS)
def test_everything_at_once_and_nothing_at_all_can_be_written(key: str) -> None:
    assert _write(key, Annotated(picture(), EVERYTHING))[0]
    assert _write(key, Annotated(picture(), Answer()))[0]
    assert _write(key, Annotated(picture(), EVERYTHING), Annotated(picture(), EVERYTHING))[0]
    assert _write(key)[0]


def test_file_names_tell_one_picture_from_several() -> None:
    assert FORMATS["png"].file_name("photo", 1) == "photo.png"
    assert FORMATS["png"].file_name("photos", 2) == "photos.zip"
    assert FORMATS["coco"].file_name("photos", 2) == "photos.coco.json"


def test_png_has_the_original_resolution_and_several_become_a_zip() -> None:
    one, _ = _write("png", Annotated(picture(), EVERYTHING))
    assert Pillow.open(io.BytesIO(one)).size == (200, 150)
    several, _ = _write("png", Annotated(picture(), BOXES), Annotated(picture(100, 80), BOXES))
    with zipfile.ZipFile(io.BytesIO(several)) as archive:
        assert archive.namelist() == ["photo.png", "photo-2.png"]
        assert Pillow.open(io.BytesIO(archive.read("photo-2.png"))).size == (100, 80)


def test_png_names_the_labels_that_no_font_can_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_installed", lambda: ())
    labels = [Box(label, (10, 10, 60, 60)) for label in ("cup", "日本", "ถ้วย")]
    for items in ([labels], [labels[:1], labels[1:]]):
        _, notes = _write("png", *[Annotated(picture(), Answer(regions=tuple(boxes))) for boxes in items])
        assert len(notes) == 1
        assert "all letters of “日本”, “ถ้วย”:" in notes[0]
    assert _write("png", Annotated(picture(), Answer(regions=(labels[0],))))[1] == []


def test_coco_is_read_by_pycocotools(tmp_path: Path) -> None:
    data, notes = _write("coco", Annotated(picture(), EVERYTHING), Annotated(picture(), BOXES))
    (tmp_path / "found.json").write_bytes(data)
    coco = _coco(tmp_path / "found.json")
    assert notes == ["4 results were left out: COCO has no place for actions, 3D boxes and boxes without an area."]
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["photo.png", "photo-2.png"]
    assert {category["name"] for category in coco.loadCats(coco.getCatIds())} >= {"cup", "line", "tip", "roof"}
    cups = coco.loadAnns(coco.getAnnIds(catIds=coco.getCatIds(catNms=["cup"])))
    assert [cup["bbox"] for cup in cups] == [
        [10.25, 20.5, 50.5, 59.5],
        [10.25, 20.5, 50.5, 59.5],
        pytest.approx([150.1, 100.9, 49.5, 48.4]),
    ]
    roof = coco.loadAnns(coco.getAnnIds(catIds=coco.getCatIds(catNms=["roof"])))[0]
    assert coco.annToMask(roof).sum() == pytest.approx(roof["area"], rel=0.05)
    tip = coco.loadAnns(coco.getAnnIds(catIds=coco.getCatIds(catNms=["tip"])))[0]
    assert tip["keypoints"] == [30, 40.5, 2]
    assert cups[0]["attributes"] == {"color": "red"}
    assert (roof["text"], roof["attributes"]) == ("sign", {"slope": 30})
    assert "attributes" not in tip


def test_a_box_without_a_label_has_a_class_with_a_name(tmp_path: Path) -> None:
    item = Annotated(picture(), Answer(regions=(Box("", (10, 20, 30, 40)),)))
    (tmp_path / "found.json").write_bytes(_write("coco", item)[0])
    coco = _coco(tmp_path / "found.json")
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["unlabelled"]
    folder = _unpack(_write("yolo", item)[0], tmp_path)
    dataset = sv.DetectionDataset.from_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))
    assert dataset.classes == ["unlabelled"]


def test_coco_and_yolo_archives_fit_together(tmp_path: Path) -> None:
    """supervision reads the COCO file with the pictures of the YOLO archive, and finds the same in both."""
    items = [Annotated(picture(name="ä b.png"), BOXES), Annotated(picture(300, 100, "b.gif", "GIF"), BOXES)]
    folder = _unpack(_write("yolo", *items)[0], tmp_path)
    (tmp_path / "found.json").write_bytes(_write("coco", *items)[0])
    from_coco = sv.DetectionDataset.from_coco(str(folder / "images"), str(tmp_path / "found.json"))
    from_yolo = sv.DetectionDataset.from_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))
    assert from_yolo.classes == from_coco.classes == ["cup", "日本 \"quoted\": 'x'"]
    for dataset in (from_coco, from_yolo):
        found = {Path(path).name: detections for path, _, detections in dataset}
        assert found.keys() == {"ä_b.png", "b.png"}
        expected = np.array([box.xyxy for box in BOXES.boxes])
        assert np.abs(found["ä_b.png"].xyxy - expected).max() < 1
        assert found["ä_b.png"].class_id.tolist() == [0, 1, 0]


@pytest.mark.parametrize("size_wh", [(7, 5), (200, 150), (641, 479), (4032, 3024)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_yolo_boxes_come_back_within_a_pixel(tmp_path: Path, size_wh: tuple[int, int], orientation: int) -> None:
    image = picture(*size_wh, name="p.jpg", kind="JPEG", orientation=orientation)
    width, height = image.size_wh
    box = Box("x", (width * 0.123, height * 0.234, width * 0.789, height * 0.987))
    folder = _unpack(_write("yolo", Annotated(image, Answer(regions=(box,))))[0], tmp_path)
    dataset = sv.DetectionDataset.from_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))
    _, pixels, detections = next(iter(dataset))
    assert pixels.shape[:2] == (height, width), "the picture in the archive is upright"
    assert np.abs(detections.xyxy[0] - np.array(box.xyxy)).max() < 1


def test_yolo_says_what_it_leaves_out() -> None:
    _, notes = _write("yolo", Annotated(picture(), EVERYTHING))
    assert notes == [
        "5 results were left out: YOLO has no place for points, actions, 3D boxes and boxes without an area."
    ]


@pytest.mark.parametrize("key", ["coco", "yolo", "crops"])
def test_boxes_without_an_area_are_left_out_and_told(key: str, tmp_path: Path) -> None:
    flat = [Box("cup", xyxy) for xyxy in ((5, 5, 5, 5), (5, 5, 90, 5), (5, 5, 5, 90), (200, 150, 200, 150))]
    item = Annotated(picture(), Answer(regions=(*flat, *BOXES.regions, Polygon("line", ((1, 1), (9, 1), (5, 1))))))
    data, notes = _write(key, item)
    assert notes[0].startswith("5 results were left out")
    if key == "coco":
        (tmp_path / "found.json").write_bytes(data)
        assert len(_coco(tmp_path / "found.json").anns) == 3
    else:
        folder = _unpack(data, tmp_path)
        label_files = list(folder.glob("labels/*.txt"))
        lines = [line for file in label_files for line in file.read_text().splitlines()]
        assert len(lines or list(folder.glob("photo/*.png"))) == 3


def test_csv_has_a_row_for_each_thing() -> None:
    data, _ = _write("csv", Annotated(picture(), EVERYTHING))
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["kind"] for row in rows] == ["box", "box", "point", "polygon", "box_3d", "action", "action", "action"]
    assert [float(rows[0][name]) for name in ("x1", "y1", "x2", "y2")] == [10.25, 20.5, 60.75, 80.0]
    assert rows[1]["text"] == "Ünï 日本語 مرحبا"
    assert (rows[6]["to_x"], rows[6]["to_y"]) == ("120.0", "90.0")
    assert tuple(rows[0]) == COLUMNS


def test_csv_text_is_never_a_formula() -> None:
    answer = Answer(regions=(Box("=1+1", (0, 0, 1, 1), text="@SUM(A1)\nnext line"),))
    data, _ = _write("csv", Annotated(picture(), answer))
    row = next(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert (row["label"], row["text"]) == ("'=1+1", "'@SUM(A1)\nnext line")


def test_json_is_the_object_of_the_api_with_the_raw_answer() -> None:
    data, _ = _write("json", Annotated(picture(), EVERYTHING, raw="raw <text>", model="pocket"))
    found = json.loads(data)
    assert (found["picture"], found["size_wh"], found["raw"], found["model"]) == (
        *("photo.png", [200, 150], "raw <text>", "pocket"),
    )
    assert found["boxes"][0] == {"label": "cup", "xyxy": [10.25, 20.5, 60.75, 80.0], "attributes": {"color": "red"}}
    assert len(json.loads(_write("json", Annotated(picture(), BOXES), Annotated(picture(), BOXES))[0])) == 2


def test_crops_are_cut_where_the_boxes_are() -> None:
    data, notes = _write("crops", Annotated(picture(), BOXES))
    assert notes == []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["photo/001-cup.png", "photo/002-日本_quoted_x.png", "photo/003-cup.png"]
        sizes = [Pillow.open(io.BytesIO(archive.read(name))).size for name in archive.namelist()]
    assert sizes == [(51, 60), (200, 150), (50, 50)]


@pytest.mark.parametrize(
    ("xyxy", "expected"),
    [
        ((10.0, 10.0, 20.0, 20.0), (10, 10, 20, 20)),
        ((10.2, 10.2, 19.1, 19.1), (10, 10, 20, 20)),
        ((5.0, 5.0, 5.0, 5.0), (5, 5, 6, 6)),
        ((200.0, 150.0, 200.0, 150.0), (199, 149, 200, 150)),
    ],
)
def test_a_crop_has_at_least_one_pixel(
    xyxy: tuple[float, float, float, float], expected: tuple[int, int, int, int]
) -> None:
    assert pixel_box(xyxy, (200, 150)) == expected


@pytest.mark.parametrize("name", ["../../etc/passwd", "con.png", "a/b\\c.png", "..", "", "😀.png", "ä" * 300 + ".png"])
def test_no_name_leaves_its_archive(name: str) -> None:
    image: Image = picture(20, 20, name=name)
    for key in ("yolo", "crops"):
        data, _ = _write(key, Annotated(image, Answer(regions=(Box(name, (1, 1, 5, 5)),))))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert all(".." not in entry.split("/") and not entry.startswith("/") for entry in archive.namelist())
            assert not any(entry.split("/")[0] == "con" for entry in archive.namelist())
            assert all(len(entry.encode()) < 255 for entry in archive.namelist())
