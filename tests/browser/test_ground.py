"""The Ground tab in a real browser, with a slow engine that says what it is told to."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from playwright.sync_api import Locator, Page, expect
from pycocotools.coco import COCO

from tests.app.found import picture
from tests.browser.conftest import NewPage, Running, is_seen

BOXES = (
    "```json\n[\n",
    '\t{"bbox_2d": [100, 200, 500, 600], "label": "cup"},\n',
    '\t{"bbox_2d": [600, 100, 950, 900], "label": "table"}\n',
    "]\n```",
)
EVIL = "<img src=x onerror=window.hacked=1>"


class GroundPage:
    """The tab, and what a person does there."""

    def __init__(self, page: Page, running: Running) -> None:
        self.page = page
        self.asked = running.engine.prompts
        self.rows = page.locator("#ground-viewer .sv-row")
        self.lines = page.locator("#ground-viewer .sv-lines path")
        self.stage = page.locator("#ground-viewer .sv-stage")
        self.run = page.locator("#ground-run")
        self.stop = page.locator("#ground-stop")

    def choose(self, *files: Path) -> None:
        self.page.get_by_test_id("Choose pictures-upload-button").set_input_files(files)
        expect(self.page.locator("#ground-viewer .sv-picture")).to_be_visible()

    def task(self, name: str) -> None:
        self.page.locator("#ground-task label", has_text=name).click()

    def write(self, text: str) -> None:
        self.page.locator("#ground-query textarea").fill(text)

    def ask(self) -> None:
        """Run, and wait for the end."""
        before = len(self.asked)
        self.run.click()
        while len(self.asked) == before:
            self.page.wait_for_timeout(20)
        self.finished()

    def finished(self) -> None:
        """Wait until nothing runs any more."""
        expect(self.page.locator("#ground-status")).to_contain_text(" a second")
        expect(self.run).to_be_visible()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the picture, in fractions, is on the screen."""
        place = self.page.locator("#ground-viewer .sv-picture").bounding_box()
        assert place is not None
        return place["x"] + x * place["width"], place["y"] + y * place["height"]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=5)
        self.page.mouse.up()

    def export(self, key: str) -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.page.locator(f"#ground-export-{key}").click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def thumbnails(self) -> Locator:
        return self.page.locator("#ground-tray .tray-item")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"photo-{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(picture(400 + 10 * number, 300).data)
    return paths


@pytest.fixture
def open_ground(running: Running, new_page: NewPage) -> Callable[..., GroundPage]:
    running.engine.script, running.engine.delay_s, running.engine.fail_with = BOXES, 0.02, None
    running.engine.prompts.clear()

    def open_page(**options: object) -> GroundPage:
        page = new_page(running.url, **options)
        page.get_by_role("tab", name="Ground").click()
        expect(page.locator("#ground .work-welcome")).to_be_visible()
        return GroundPage(page, running)

    return open_page


@pytest.fixture
def ground(open_ground: Callable[..., GroundPage]) -> GroundPage:
    return open_ground()


def test_a_box_is_seen_before_the_answer_has_ended(ground: GroundPage, running: Running, files: list[Path]) -> None:
    running.engine.script, running.engine.delay_s = (*BOXES[:2], *" " * 400), 0.05
    ground.choose(files[0])
    expect(ground.page.locator("#ground-status")).to_contain_text("400 × 300 → 384 × 288, 108 visual tokens")
    ground.run.click()
    expect(ground.lines).to_have_count(1)
    expect(ground.rows.first).to_contain_text("cup")
    expect(ground.page.locator("#ground-stage")).to_contain_text("1 result so far")
    expect(ground.stop).to_be_visible()
    ground.page.keyboard.press("Escape")
    ground.finished()
    expect(ground.lines).to_have_count(1)
    expect(ground.page.locator("#ground-status")).to_contain_text("stopped")
    expect(ground.page.locator("#ground-notes")).to_contain_text("The answer was cut; 1 object was complete.")


def test_text_and_picture_point_at_each_other(ground: GroundPage, files: list[Path]) -> None:
    ground.choose(files[0])
    ground.ask()
    ground.page.locator("#ground-viewer summary").click()
    expect(ground.page.locator("#ground-viewer pre")).to_contain_text('"label": "table"')
    ground.page.mouse.move(*ground.at(0.3, 0.4))
    expect(ground.rows.nth(0)).to_have_class(re.compile("is-hot"))
    assert "cup" in ground.page.evaluate("[...CSS.highlights.get('sv-hot')].map(String).join()")
    ground.rows.nth(1).hover()
    assert "table" in ground.page.evaluate("[...CSS.highlights.get('sv-hot')].map(String).join()")
    expect(ground.page.locator("#ground-viewer .sv-spots path")).to_have_count(1)


def test_categories_are_chips_and_go_into_the_question(ground: GroundPage, running: Running, files: list[Path]) -> None:
    ground.choose(files[0])
    ground.page.locator("#ground-categories input").click()
    for category in ("table", "red cup"):
        ground.page.keyboard.type(category)
        ground.page.keyboard.press("Enter")
    # What was typed and not yet confirmed counts too.
    ground.page.keyboard.type("spoon")
    ground.ask()
    assert "every table, red cup, spoon in the image" in running.engine.prompts[0].messages[-1].text
    expect(ground.page.locator("#ground-viewer .sv-chip").first).to_contain_text("table")


@pytest.mark.parametrize(
    ("task", "query", "asked"),
    [
        ("Find", "red cup", "Locate the red cup in the image"),
        ("Point", "tip", "Point to every tip"),
        ("Count", "apple", "Count every apple"),
        ("Read text", None, "all the text"),
        ("Act", "open the menu", "open the menu"),
        ("Free prompt", "What is it?", "What is it?"),
    ],
)
def test_every_task_asks_its_own_question(
    ground: GroundPage, running: Running, files: list[Path], task: str, query: str | None, asked: str
) -> None:
    ground.choose(files[0])
    ground.task(task)
    if query is None:
        expect(ground.page.locator("#ground-query")).to_be_hidden()
        ground.ask()
    else:
        ground.write(query)
        ground.page.locator("#ground-query textarea").press("Enter")
        expect(ground.rows).to_have_count(2)
        ground.finished()
    assert asked in running.engine.prompts[0].messages[-1].text


def test_a_drawn_box_goes_into_the_question(ground: GroundPage, running: Running, files: list[Path]) -> None:
    ground.choose(files[0])
    ground.stage.focus()
    ground.page.keyboard.press("a")
    ground.drag((0.1, 0.2), (0.5, 0.6))
    area = ground.page.locator("#ground-area")
    expect(area).to_contain_text("In the area 40, 60 – 200, 180")
    expect(ground.page.locator("#ground-query textarea")).to_be_visible()
    running.engine.script = ("A red cup.",)
    ground.write("What is this?")
    ground.ask()
    assert running.engine.prompts[0].messages[-1].text == "What is this? (in the box [100, 200, 500, 600])"
    expect(ground.page.locator("#ground-words")).to_contain_text("A red cup.")
    expect(ground.page.locator("#ground-viewer .sv-area")).to_have_count(1)
    area.get_by_role("button", name="Forget the area").click()
    expect(area.locator("p")).to_have_count(0)
    expect(ground.page.locator("#ground-viewer .sv-area")).to_have_count(0)


def test_edits_are_undone_and_what_is_left_is_exported(ground: GroundPage, files: list[Path], tmp_path: Path) -> None:
    ground.choose(files[0])
    ground.ask()
    ground.page.mouse.dblclick(*ground.at(0.3, 0.4))
    ground.page.keyboard.type("mug")
    ground.page.keyboard.press("Enter")
    ground.stage.focus()
    ground.page.keyboard.press("ArrowDown")
    ground.page.keyboard.press("Delete")
    expect(ground.rows).to_have_count(1)
    ground.page.keyboard.press("Control+z")
    expect(ground.rows).to_have_count(2)
    ground.page.keyboard.press("b")
    ground.drag((0.05, 0.7), (0.25, 0.9))
    ground.page.keyboard.type("spoon")
    ground.page.keyboard.press("Enter")
    expect(ground.rows.nth(2)).to_contain_text("spoon")
    expect(ground.rows.nth(2)).to_contain_text("20, 210 – 100, 270")
    ground.page.wait_for_timeout(500)  # edits travel behind the screen

    name, data = ground.export("coco")
    assert name == "photo-0.coco.json"
    (tmp_path / name).write_bytes(data)
    coco = COCO(str(tmp_path / name))
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["table", "mug", "spoon"]
    boxes = {coco.cats[item["category_id"]]["name"]: item["bbox"] for item in coco.anns.values()}
    assert boxes["mug"] == pytest.approx([40, 60, 160, 120], abs=1)
    assert boxes["spoon"] == pytest.approx([20, 210, 80, 60], abs=1.5)

    name, data = ground.export("yolo")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "yolo")
    folder = tmp_path / "yolo"
    dataset = sv.DetectionDataset.from_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))
    _, _, detections = next(iter(dataset))
    assert np.abs(detections.xyxy - [[40, 60, 200, 180], [240, 30, 380, 270], [20, 210, 100, 270]]).max() < 1.5

    name, data = ground.export("json")
    assert json.loads(data)["boxes"][0]["label"] == "mug"


def test_another_convention_moves_the_boxes_but_those_a_person_moved(ground: GroundPage, files: list[Path]) -> None:
    ground.choose(files[0])
    ground.ask()
    expect(ground.rows.nth(0)).to_contain_text("40, 60 – 200, 180")
    ground.stage.focus()
    for key in ("End", "Alt+ArrowLeft"):
        ground.page.keyboard.press(key)
    expect(ground.rows.nth(1)).to_contain_text("239, 30 – 379, 270")
    ground.page.locator("#ground-options button").first.click()
    ground.page.locator("#ground-convention input").click()
    ground.page.get_by_role("option", name="source pixels").click()
    expect(ground.rows.nth(0)).to_contain_text("100, 200 – 400, 300")
    expect(ground.rows.nth(1)).to_contain_text("239, 30 – 379, 270")
    expect(ground.page.locator("#ground-notes")).to_contain_text("1 result that you changed or removed stays")
    expect(ground.page.locator("#ground-status")).to_contain_text("source pixels, chosen by you")


def test_a_batch_shows_how_far_it_is_stops_and_keeps_what_is_done(
    ground: GroundPage, running: Running, files: list[Path]
) -> None:
    running.engine.delay_s = 1.0
    ground.choose(*files)
    expect(ground.thumbnails()).to_have_count(3)
    ground.page.get_by_role("button", name="Run all").click()
    expect(ground.page.locator("#ground-stage")).to_contain_text("1 of 3 pictures done, about")
    ground.stop.click()
    expect(ground.stop).to_be_hidden()
    expect(ground.thumbnails().nth(0)).to_contain_text("2")
    expect(ground.thumbnails().nth(2)).to_have_class(re.compile("is-new"))
    running.engine.delay_s = 0.01
    ground.page.get_by_role("button", name="Run all").click()
    expect(ground.page.locator("#ground-tray .is-done")).to_have_count(3)
    ground.finished()
    ground.thumbnails().nth(0).locator(".tray-open").click()
    expect(ground.stage).to_have_attribute("aria-label", re.compile("400 by 300"))
    expect(ground.rows).to_have_count(2)
    ground.page.get_by_label("All pictures").check()
    name, data = ground.export("csv")
    assert name == "pictures.csv"
    assert data.decode("utf-8-sig").count("table") == 3
    ground.thumbnails().nth(1).hover()
    ground.thumbnails().nth(1).get_by_role("button", name="Remove").click()
    expect(ground.thumbnails()).to_have_count(2)


def test_a_whole_folder_becomes_a_batch(ground: GroundPage, files: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    (folder / "day two").mkdir(parents=True)
    for file, place in zip(files, (folder, folder, folder / "day two"), strict=True):
        file.rename(place / file.name)
    (folder / "notes.txt").write_text("no picture")
    ground.page.get_by_test_id("Folder-upload-button").set_input_files(folder)
    expect(ground.thumbnails()).to_have_count(3)
    expect(ground.page.locator("#ground-error")).to_contain_text("1 of 4 files are no usable pictures")
    ground.page.get_by_role("button", name="Run all").click()
    expect(ground.page.locator("#ground-tray .is-done")).to_have_count(3)


def _hand_over(page: Page, kind: str, data: bytes) -> None:
    """Drop a file on the tab, or paste it."""
    page.evaluate(
        """([kind, data]) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], 'dropped.png', {type: 'image/png'}));
          const event = kind === 'drop'
            ? new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true})
            : new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true});
          document.querySelector('#ground').dispatchEvent(event);
        }""",
        [kind, base64.b64encode(data).decode()],
    )


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_pictures_can_be_dropped_and_pasted(ground: GroundPage, kind: str) -> None:
    _hand_over(ground.page, kind, picture(400, 300).data)
    expect(ground.stage).to_have_attribute("aria-label", "Picture dropped.png, 400 by 300 pixels")


def test_a_picture_can_be_taken_with_the_camera(ground: GroundPage) -> None:
    ground.page.get_by_role("button", name="Camera").click()
    ground.page.get_by_role("button", name="Take picture").click()
    expect(ground.stage).to_have_attribute("aria-label", re.compile(r"Picture camera\.png, \d+ by \d+ pixels"))
    expect(ground.page.get_by_role("dialog", name="Camera")).to_be_hidden()
    assert ground.page.evaluate("document.querySelector('#ground-camera video').srcObject") is None, "it is off again"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("NotAllowedError", "does not let this page use the camera"),
        ("NotFoundError", "No camera was found"),
        ("AbortError", "could not be opened"),
    ],
)
def test_a_camera_that_cannot_be_used_is_told_in_words(ground: GroundPage, fault: str, words: str) -> None:
    ground.page.evaluate(
        "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('secret', name); } }",
        fault,
    )
    ground.page.get_by_role("button", name="Camera").click()
    dialog = ground.page.get_by_role("dialog", name="Camera")
    expect(dialog).to_contain_text(words)
    expect(dialog.get_by_role("button", name="Take picture")).to_be_disabled()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_an_example_runs_with_one_click(ground: GroundPage, running: Running) -> None:
    ground.page.get_by_role("button", name="Count squares").click()
    expect(ground.rows).to_have_count(2)
    ground.finished()
    assert "Count every square" in running.engine.prompts[0].messages[-1].text
    expect(ground.page.locator("#ground-query textarea")).to_have_value("square")


def test_what_is_no_picture_is_refused_in_words(ground: GroundPage, tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    upload = ground.page.get_by_test_id("Choose pictures-upload-button")
    upload.set_input_files(tmp_path / "notes.txt")
    expect(ground.page.locator("#ground-error")).to_contain_text("not a picture")
    ground.choose(files[0])
    expect(ground.page.locator("#ground-error p")).to_have_count(0)


def test_without_results_there_is_nothing_to_export(open_ground: Callable[..., GroundPage], files: list[Path]) -> None:
    ground = open_ground(width=360, height=600)
    ground.choose(files[0])
    ground.page.locator("#ground-export-png").click()
    error = ground.page.locator("#ground-error p")
    expect(error).to_contain_text("no results to export")
    assert is_seen(error), "though the page is scrolled to the button"


def test_an_action_is_drawn_as_an_arrow(ground: GroundPage, running: Running, files: list[Path]) -> None:
    call = {"name": "mobile_use", "arguments": {"action": "swipe", "coordinate": [100, 500], "coordinate2": [900, 500]}}
    running.engine.script = (f"<tool_call>\n{json.dumps(call)}\n</tool_call>",)
    ground.choose(files[0])
    ground.task("Act")
    ground.write("go on")
    ground.ask()
    expect(ground.rows.first).to_contain_text("swipe")
    expect(ground.page.locator("#ground-viewer .sv-arrow")).to_have_count(1)


def test_answers_are_only_ever_text(ground: GroundPage, running: Running, files: list[Path]) -> None:
    label = json.dumps(EVIL)
    running.engine.script = (
        f'{EVIL}\n<script>window.hacked=1</script>\n[{{"bbox_2d": [1, 2, 900, 900], "label": {label}}}]',
    )
    ground.choose(files[0])
    ground.ask()
    expect(ground.rows.first).to_contain_text("<img src=x")
    ground.page.mouse.click(*ground.at(0.5, 0.5))
    ground.page.locator("#ground-viewer summary").click()
    ground.page.wait_for_timeout(300)
    assert ground.page.evaluate("window.hacked") is None
    assert ground.page.locator("#ground img[src=x]").count() == 0


def test_a_fault_is_a_sentence_and_the_next_question_works(
    ground: GroundPage, running: Running, files: list[Path]
) -> None:
    running.engine.fail_with = RuntimeError("/secret/path/model.py line 3")
    ground.choose(files[0])
    ground.run.click()
    expect(ground.page.locator("#ground-error p")).to_contain_text("Something went wrong in the program")
    expect(ground.run).to_be_visible()
    assert "secret" not in ground.page.locator("body").inner_text()
    expect(ground.rows).to_have_count(2)
    running.engine.fail_with = None
    ground.ask()
    expect(ground.page.locator("#ground-error p")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True])
def test_a_narrow_screen_is_enough(open_ground: Callable[..., GroundPage], files: list[Path], dark: bool) -> None:
    ground = open_ground(width=360, height=800, dark=dark)
    ground.choose(*files)
    ground.ask()
    for selector in ("html", "#ground"):
        assert ground.page.evaluate("s => document.querySelector(s).scrollWidth", selector) <= 360
    too_wide = ground.page.evaluate(
        "[...document.querySelectorAll('#ground button, #ground label, #ground p')]"
        ".filter(e => e.offsetParent && !e.closest('.tray') && e.getBoundingClientRect().right > 361)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert too_wide == []
    picture_box, list_box = ground.stage.bounding_box(), ground.page.locator("#ground-viewer .sv-list").bounding_box()
    assert picture_box
    assert list_box
    assert list_box["y"] >= picture_box["y"] + picture_box["height"]
