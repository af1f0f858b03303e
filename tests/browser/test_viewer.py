"""The linked viewer in a real browser: drawing, linking, zooming, editing, keys, streaming, and what it must not do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI, Response
from playwright.sync_api import Page, expect

from app.palette import PALETTE, rgb
from app.viewer import image_viewer, viewer_head, viewer_value
from app.wire import edited, numbered
from model.parsing.camera import Camera
from model.types import Action, Answer, Box, Box3D, Point, Polygon, Region
from tests.app.found import picture
from tests.browser.conftest import NewPage, Server

SIZE_WH = (400, 300)
EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
RAW = '😀 Here:\n[{"bbox_2d": [20, 30, 120, 130], "label": "cup"},\n{"bbox_2d": [200, 40, 380, 280], "label": "table"}]'


def _span(words: str) -> tuple[int, int]:
    start = RAW.index(words)
    return start, start + len(words)


TWO = Answer(
    regions=(
        Box("cup", (20, 30, 120, 130), span=_span('{"bbox_2d": [20, 30, 120, 130], "label": "cup"}')),
        Box("table", (200, 40, 380, 280), span=_span('{"bbox_2d": [200, 40, 380, 280], "label": "table"}')),
    )
)


def _boxes(count: int) -> tuple[Region, ...]:
    """Boxes in rows, many of them too close for all their names."""
    columns = max(int(count**0.5), 1)
    step_x, step_y = SIZE_WH[0] / columns, SIZE_WH[1] / columns
    return tuple(
        Box(f"kind {i % 15}", (x := i % columns * step_x, y := i // columns % columns * step_y, x + step_x, y + step_y))
        for i in range(count)
    )


class ViewerPage:
    """One editable viewer, and what came back from it as JSON."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("#viewer .sv")
        self.stage = page.locator("#viewer .sv-stage")
        self.rows = page.locator("#viewer .sv-row")
        self.spots = page.locator("#viewer .sv-spots path")

    def show(self, answer: Answer, raw: str = "", wait_for: int | None = None, **options: Any) -> None:
        """Send an answer about the picture, and wait until it is drawn."""
        self.send(viewer_value(picture(*SIZE_WH), "/picture.png", answer, raw, **options))
        drawn = len(answer.regions) if wait_for is None else wait_for
        expect(self.page.locator("#viewer .sv-lines path")).to_have_count(drawn, timeout=60_000)

    def send(self, value: str) -> None:
        """Give the viewer a value the way Python does, through an event."""
        self.page.request.post(f"{self.page.url}value", data={"value": value})
        self.page.locator("#send").click()

    def show_nothing(self) -> None:
        self.send(viewer_value(None, ""))
        expect(self.root.locator(".sv-empty")).to_have_text("No picture yet.")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the picture is on the screen."""
        place = self.page.locator("#viewer .sv-picture").bounding_box()
        assert place is not None
        scale = place["width"] / SIZE_WH[0]
        return place["x"] + x * scale, place["y"] + y * scale

    def move(self, x: float, y: float) -> None:
        self.page.mouse.move(*self.at(x, y))

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=5)
        self.page.mouse.up()

    def highlighted(self, kind: str = "hot") -> str:
        """The words of the answer that are marked."""
        return str(self.page.evaluate(f"[...(CSS.highlights.get('sv-{kind}') ?? [])].map(String).join('|')"))

    def sent(self, regions: int) -> list[Region]:
        """What Python got, once it has so many regions."""
        out = self.page.locator("#sent textarea")
        expect(self.page.locator("#count textarea")).to_have_value(str(regions))
        return list(edited(out.input_value()).regions)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    app = FastAPI()
    loads: list[float] = []
    values = {"value": ""}

    @app.get("/picture.png")
    def get_picture() -> Response:
        loads.append(time.monotonic())
        return Response(picture(*SIZE_WH).data, media_type="image/png", headers={"Cache-Control": "no-store"})

    @app.post("/value")
    def set_value(body: dict[str, str]) -> None:
        values.update(body)

    @app.get("/loads")
    def get_loads() -> int:
        return len(loads)

    with gr.Blocks(analytics_enabled=False) as blocks:
        viewer = image_viewer(editable=True, elem_id="viewer")
        send = gr.Button("Send", elem_id="send")
        sent, count = gr.Textbox(elem_id="sent"), gr.Textbox(elem_id="count")
        asked = gr.Textbox(elem_id="asked")
        send.click(lambda: values["value"], None, viewer, show_progress="hidden", queue=False)
        late: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", "queue": False}
        viewer.input(lambda text: (text, str(len(edited(text).regions))), viewer, [sent, count], **late)
        viewer.select(lambda text: json.dumps(edited(text).ask_xyxy), viewer, asked, **late)
        image_viewer(viewer_value(picture(*SIZE_WH), "/picture.png", TWO, RAW), elem_id="reader")
    gr.mount_gradio_app(app, blocks, "/", head=viewer_head(), ssr_mode=False, footer_links=[])
    started = Server(app)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def shared_viewer(server: Server, new_shared_page: NewPage) -> ViewerPage:
    return _open(server, new_shared_page)


@pytest.fixture
def viewer(shared_viewer: ViewerPage) -> ViewerPage:
    """The one page of most tests, as if it had just been opened."""
    shared_viewer.page.mouse.move(1, 1)
    shared_viewer.stage.focus()
    shared_viewer.page.keyboard.press("Escape")
    shared_viewer.show_nothing()
    shared_viewer.show(TWO, RAW)
    return shared_viewer


def _open(server: Server, new_page: NewPage, **options: Any) -> ViewerPage:
    page = new_page(server.url, **options)
    expect(page.locator("#reader .sv-row").first).to_be_visible()
    opened = ViewerPage(page)
    opened.show(TWO, RAW)
    opened.root.locator("summary").click()
    return opened


# Drawing


def test_what_has_gone_cannot_be_edited_any_more(viewer: ViewerPage) -> None:
    details = viewer.root.locator(".sv-details")
    for gone in (
        Answer(regions=(Point("cup", (50, 50)), Point("table", (300, 200)))),
        Answer(regions=(Box("spoon", (10, 10, 60, 60)),)),
        Answer(),
    ):
        viewer.show(TWO, RAW)
        viewer.rows.first.click()
        expect(details.locator("input[name=label]")).to_have_value("cup")
        viewer.show(gone)
        expect(details).to_be_hidden()


def test_several_actions_are_numbered_on_the_picture(viewer: ViewerPage) -> None:
    viewer.show(Answer(actions=(Action("click", {}, (50, 50)), Action("swipe", {}, (300, 200), (300, 50)))), wait_for=2)
    expect(viewer.root.locator(".sv-tag")).to_have_text(["1. click", "2. swipe"])
    viewer.show(Answer(actions=(Action("click", {}, (50, 50)),)), wait_for=1)
    expect(viewer.root.locator(".sv-tag")).to_have_text(["click"])


def test_boxes_lie_where_they_should_at_every_zoom(viewer: ViewerPage) -> None:
    for key in ("0", "+", "+", "+"):
        viewer.stage.focus()
        viewer.page.keyboard.press(key)
        for path, box in zip(viewer.page.locator("#viewer .sv-lines path").all(), TWO.boxes, strict=True):
            # The geometry without the stroke: SVG's own bounding box, put on the screen by its own matrix.
            x1, y1, x2, y2 = path.evaluate(
                "p => { const b = p.getBBox(), m = p.getScreenCTM();"
                "return [b.x * m.a + m.e, b.y * m.d + m.f, (b.x + b.width) * m.a + m.e, (b.y + b.height) * m.d + m.f]}"
            )
            assert (x1, y1) == pytest.approx(viewer.at(*box.xyxy[:2]), abs=1)
            assert (x2, y2) == pytest.approx(viewer.at(*box.xyxy[2:]), abs=1)
            assert path.evaluate("p => getComputedStyle(p).vectorEffect") == "non-scaling-stroke"


def test_every_kind_of_region_is_drawn_and_listed(viewer: ViewerPage) -> None:
    regions: tuple[Region, ...] = (
        Point("tip", (50.0, 60.0)),
        Polygon("roof", ((100.0, 100.0), (150.0, 90.0), (160.0, 140.0))),
        Box3D("car", (0.0, 0.0, 10.0, 2.0, 2.0, 4.0, 0.0, 0.0, 0.0)),
        Box("line", (10, 200, 200, 220), text="Grüße 日本"),
    )
    actions = (
        Action("computer_use", {"action": "left_click"}, (300.0, 100.0)),
        Action("swipe", {}, (300.0, 200.0), (380.0, 120.0)),
        Action("wait", {}),
    )
    viewer.show(Answer(regions=regions, actions=actions), wait_for=6, camera=Camera(300, 300, 200, 150))
    expect(viewer.rows).to_have_count(7)
    titles = [row.locator("b").inner_text() for row in viewer.rows.all()]
    assert titles == ["tip", "roof", "car", "Grüße 日本", "left_click", "swipe", "wait"]
    expect(viewer.page.locator("#viewer .sv-arrow")).to_have_count(1)


def test_a_label_has_its_colour_in_overlay_list_and_legend(viewer: ViewerPage) -> None:
    expected = f"rgb({', '.join(map(str, rgb(PALETTE[1])))})"
    color = "getComputedStyle(e).backgroundColor"
    assert viewer.page.locator("#viewer .sv-lines path").nth(1).evaluate("e => getComputedStyle(e).stroke") == expected
    assert viewer.rows.nth(1).locator("i").evaluate(f"e => {color}") == expected
    assert viewer.page.locator("#viewer .sv-chip i").nth(1).evaluate(f"e => {color}") == expected
    assert viewer.page.locator("#viewer .sv-tag", has_text="table").evaluate(f"e => {color}") == expected


@pytest.mark.parametrize("count", [60, 400])
def test_names_never_cover_each_other(viewer: ViewerPage, count: int) -> None:
    viewer.show(Answer(regions=_boxes(count)))
    tags = viewer.page.evaluate(
        "[...document.querySelectorAll('#viewer .sv-tag')].map(t => t.getBoundingClientRect())"
        ".map(r => [r.left, r.top, r.right, r.bottom])"
    )
    assert len(tags) >= 15
    for a, b in combinations(tags, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)


def test_the_name_of_the_box_under_the_pointer_is_always_seen_and_no_other_moves(viewer: ViewerPage) -> None:
    viewer.show(Answer(regions=_boxes(400)))
    places = (
        "[...document.querySelectorAll('#viewer .sv-tag:not(.is-hot)')]"
        ".map(t => [t.textContent, t.style.transform].join()).sort()"
    )
    before = viewer.page.evaluate(places)
    for x in (105, 205, 305):
        viewer.move(x, 150)
        expect(viewer.root.locator(".sv-tag.is-hot")).to_have_count(1)
        assert set(viewer.page.evaluate(places)) <= set(before)
    viewer.page.mouse.move(1, 1)
    expect(viewer.root.locator(".sv-tag.is-hot")).to_have_count(0)
    assert viewer.page.evaluate(places) == before


def test_counted_points_show_their_numbers(viewer: ViewerPage) -> None:
    points = tuple(Point("apple", (50.0 + 100 * i, 100.0)) for i in range(3))
    viewer.show(Answer(regions=points), numbered=True)
    assert sorted(viewer.page.locator("#viewer .sv-tag").all_inner_texts()) == ["1", "2", "3"]


def test_labels_can_be_hidden_and_shown(viewer: ViewerPage) -> None:
    chip = viewer.page.locator("#viewer .sv-chip", has_text="cup")
    chip.click()
    expect(viewer.rows).to_have_count(1)
    expect(viewer.page.locator("#viewer .sv-lines path")).to_have_count(1)
    expect(chip).to_have_attribute("aria-pressed", "false")
    chip.click()
    expect(viewer.rows).to_have_count(2)


def test_the_drawing_can_be_made_weaker(viewer: ViewerPage) -> None:
    viewer.root.locator(".sv-fade input").fill("20")
    assert viewer.root.locator(".sv-overlay").first.evaluate("e => e.style.opacity") == "0.2"
    viewer.root.locator(".sv-fade input").fill("100")


# Linking


def test_a_box_under_the_pointer_lights_its_row_and_its_words(viewer: ViewerPage) -> None:
    viewer.move(70, 80)
    expect(viewer.rows.nth(0)).to_have_class(_words("is-hot"))
    expect(viewer.spots).to_have_count(1)
    assert viewer.highlighted() == '{"bbox_2d": [20, 30, 120, 130], "label": "cup"}'
    viewer.move(150, 150)
    expect(viewer.spots).to_have_count(0)
    assert viewer.highlighted() == ""


def test_a_row_under_the_pointer_lights_its_box_and_its_words(viewer: ViewerPage) -> None:
    viewer.rows.nth(1).hover()
    expect(viewer.spots).to_have_attribute("d", "M200 40H380V280H200Z")
    assert viewer.highlighted() == '{"bbox_2d": [200, 40, 380, 280], "label": "table"}'


def test_what_has_gone_cannot_be_marked_by_a_linked_page(viewer: ViewerPage) -> None:
    viewer.rows.nth(1).hover()
    viewer.root.evaluate("e => { e.viewer.heat('gone'); e.viewer.choose('gone'); }")
    expect(viewer.spots).to_have_count(0)


def test_words_under_the_pointer_light_their_box_and_row(viewer: ViewerPage) -> None:
    place = viewer.page.evaluate(
        "() => { const node = document.querySelector('#viewer pre').firstChild, range = new Range();"
        "const at = node.data.indexOf('\"table\"'); range.setStart(node, at); range.setEnd(node, at + 7);"
        "const r = range.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }"
    )
    viewer.page.mouse.move(*place)
    expect(viewer.spots).to_have_attribute("d", "M200 40H380V280H200Z")
    expect(viewer.rows.nth(1)).to_have_class(_words("is-hot"))


def test_of_nested_boxes_the_inner_one_is_reached(viewer: ViewerPage) -> None:
    viewer.show(Answer(regions=(Box("outer", (0, 0, 400, 300)), Box("inner", (100, 100, 200, 200)))))
    viewer.move(150, 150)
    expect(viewer.spots).to_have_attribute("d", "M100 100H200V200H100Z")
    viewer.move(20, 20)
    expect(viewer.spots).to_have_attribute("d", "M0 0H400V300H0Z")


def test_arrows_walk_the_results_and_the_screen_reader_follows(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.rows.nth(0)).to_have_attribute("aria-selected", "true")
    assert viewer.highlighted("active") == '{"bbox_2d": [20, 30, 120, 130], "label": "cup"}'
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.rows.nth(1)).to_have_attribute("aria-selected", "true")
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.rows.nth(0)).to_have_attribute("aria-selected", "true")
    expect(viewer.root.locator(".sv-live")).to_have_text("cup, 20, 30 – 120, 130; 1 of 2")
    viewer.page.locator("#viewer .sv-list").focus()
    viewer.page.keyboard.press("ArrowDown")
    described = viewer.page.locator("#viewer .sv-list").get_attribute("aria-activedescendant")
    assert described == viewer.rows.nth(1).get_attribute("id")
    viewer.page.keyboard.press("Escape")
    expect(viewer.rows.nth(1)).to_have_attribute("aria-selected", "false")


def test_the_list_is_a_list_for_screen_readers(viewer: ViewerPage) -> None:
    viewer.show(Answer(regions=_boxes(300)))
    listbox = viewer.page.get_by_role("listbox", name="Results").first
    options = listbox.get_by_role("option").all()
    assert 5 < len(options) < 100, "only the rows in sight are in the page"
    assert options[0].get_attribute("aria-setsize") == "300"
    viewer.stage.focus()
    viewer.page.keyboard.press("End")
    expect(listbox.locator("[aria-selected=true]")).to_have_attribute("aria-posinset", "300")


@pytest.mark.parametrize("count", [2, 1000])
def test_linking_takes_less_than_a_blink(viewer: ViewerPage, count: int) -> None:
    viewer.show(TWO if count == 2 else Answer(regions=_boxes(count)), RAW)
    times_ms = viewer.page.evaluate(
        """async () => {
          const stage = document.querySelector('#viewer .sv-stage'), box = stage.getBoundingClientRect(), times = [];
          for (let i = 0; i < 20; i++) {
            const x = box.left + box.width * (0.3 + 0.02 * i), y = box.top + box.height * 0.3;
            const start = performance.now();
            stage.dispatchEvent(new PointerEvent('pointermove', {clientX: x, clientY: y, bubbles: true}));
            times.push(performance.now() - start);
            await new Promise(requestAnimationFrame);
          }
          return times.sort((a, b) => a - b);
        }"""
    )
    # The middle one is about 5 ms for 1,000 boxes; the bound leaves room for a busy machine.
    assert times_ms[10] < 50


# Zoom and pan


def _scale(viewer: ViewerPage) -> float:
    matrix = viewer.root.locator(".sv-world").get_attribute("transform") or ""
    return float(matrix.removeprefix("matrix(").split()[0])


def test_keys_wheel_and_fit_zoom(viewer: ViewerPage) -> None:
    fitted = _scale(viewer)
    viewer.stage.focus()
    viewer.page.keyboard.press("+")
    assert _scale(viewer) == pytest.approx(fitted * 1.25)
    viewer.page.keyboard.press("0")
    assert _scale(viewer) == pytest.approx(fitted)
    viewer.page.keyboard.press("1")
    assert _scale(viewer) == pytest.approx(max(1, fitted))
    viewer.page.keyboard.press("0")
    before = viewer.at(100, 100)
    viewer.move(100, 100)
    viewer.page.mouse.wheel(0, -300)
    viewer.page.wait_for_function(f"() => {_scale(viewer)} !== 0")
    assert _scale(viewer) > fitted * 1.5
    assert viewer.at(100, 100) == pytest.approx(before, abs=1.5), "the place under the pointer stays there"


def test_the_picture_can_be_moved_but_not_lost(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    for _ in range(5):
        viewer.page.keyboard.press("+")
    viewer.drag((150, 150), (170, 160))
    moved = viewer.page.locator("#viewer .sv-picture").bounding_box()
    frame = viewer.stage.bounding_box()
    assert moved
    assert frame
    viewer.page.mouse.move(frame["x"] + 20, frame["y"] + 20)
    viewer.page.mouse.down()
    viewer.page.mouse.move(frame["x"] + 5000, frame["y"] + 5000, steps=3)
    viewer.page.mouse.up()
    edge = viewer.page.locator("#viewer .sv-picture").bounding_box()
    assert edge
    assert (edge["x"], edge["y"]) == pytest.approx((frame["x"], frame["y"]), abs=1)


def test_two_fingers_zoom(server: Server, new_page: NewPage) -> None:
    viewer = _open(server, new_page, has_touch=True)
    fitted = _scale(viewer)
    frame = viewer.stage.bounding_box()
    assert frame
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    touch = viewer.page.context.new_cdp_session(viewer.page)

    def send(kind: str, apart: float) -> None:
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", 30)
    for apart in (40, 60, 80, 90):
        send("touchMove", apart)
    send("touchEnd", 0)
    assert _scale(viewer) == pytest.approx(fitted * 3, rel=0.1)


def test_beside_text_the_wheel_scrolls_and_zooms_only_with_control(viewer: ViewerPage) -> None:
    world = viewer.page.locator("#reader .sv-world")
    before = world.get_attribute("transform")
    viewer.page.locator("#reader .sv-stage").hover()
    viewer.page.mouse.wheel(0, -200)
    viewer.page.wait_for_timeout(200)
    assert world.get_attribute("transform") == before
    viewer.page.keyboard.down("Control")
    viewer.page.mouse.wheel(0, -200)
    expect(world).not_to_have_attribute("transform", before or "")
    viewer.page.keyboard.up("Control")


# Streaming


def test_an_answer_that_grows_keeps_zoom_selection_and_the_loaded_picture(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    viewer.page.keyboard.press("+")
    viewer.page.keyboard.press("ArrowDown")
    viewer.page.keyboard.press("+")
    scale, loads = _scale(viewer), viewer.page.request.get(f"{viewer.page.url}loads").json()
    drawn = viewer.page.locator("#viewer .sv-lines path").first.evaluate_handle("e => e")
    for count in (3, 5, 9):
        extra = tuple(Box("more", (i * 20.0, 10.0, i * 20.0 + 9, 20.0)) for i in range(count - 2))
        viewer.show(Answer(regions=(*TWO.regions, *extra)), RAW + "\n" * count, streaming=count < 9)
    assert _scale(viewer) == scale
    expect(viewer.rows.nth(0)).to_have_attribute("aria-selected", "true")
    assert viewer.page.request.get(f"{viewer.page.url}loads").json() == loads
    assert drawn.evaluate("e => e.isConnected"), "what was drawn is not drawn anew"
    expect(viewer.root.locator(".sv-live")).to_have_text("9 results")


def test_an_older_value_takes_no_place_of_a_newer_one_and_none_of_an_edit(viewer: ViewerPage) -> None:
    older, newer, newest = (
        numbered(viewer_value(picture(*SIZE_WH), "/picture.png", Answer(regions=_boxes(count)))) for count in (1, 4, 9)
    )
    lines = viewer.page.locator("#viewer .sv-lines path")
    viewer.send(newer)
    expect(lines).to_have_count(4)
    viewer.rows.nth(0).click()
    viewer.page.keyboard.press("Delete")
    for late in (older, newer):  # the page hears of each one
        with viewer.page.expect_response("**/run/predict*"):
            viewer.send(late)
        viewer.page.wait_for_timeout(200)  # to be drawn, if it were
        expect(lines).to_have_count(3)
    viewer.send(newest)
    expect(lines).to_have_count(9)


def test_there_is_no_editing_while_an_answer_grows(viewer: ViewerPage) -> None:
    viewer.show(TWO, RAW, streaming=True)
    tool = viewer.root.get_by_title("Draw a box (B)")
    expect(tool).to_be_disabled()
    viewer.show(TWO, RAW)
    expect(tool).to_be_enabled()


@pytest.mark.parametrize("count", [10_000])
def test_ten_thousand_boxes_are_painted_soon(viewer: ViewerPage, count: int) -> None:
    value = viewer_value(picture(*SIZE_WH), "/picture.png", Answer(regions=_boxes(count)))
    viewer.page.request.post(f"{viewer.page.url}value", data={"value": value})
    took_ms = viewer.page.evaluate(
        """async (count) => {
          const lines = document.querySelector('#viewer .sv-lines');
          let start = null;
          const observer = new MutationObserver(() => { start ??= performance.now(); });
          observer.observe(lines, {childList: true, attributes: true, subtree: true});
          document.querySelector('#send').click();
          while (lines.childElementCount !== count) await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
          const channel = new MessageChannel();
          await new Promise((done) => { channel.port1.onmessage = done; channel.port2.postMessage(0); });
          return performance.now() - start;
        }""",
        count,
    )
    # About 0.3 s on an idle machine of two cores; the target is 1 s.
    assert took_ms < 5000


# Editing


def test_a_box_is_drawn_named_and_told_to_python(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    viewer.page.keyboard.press("b")
    viewer.drag((140, 150), (190, 220))
    viewer.page.keyboard.type("spoon")
    viewer.page.keyboard.press("Enter")
    expect(viewer.rows.nth(2)).to_contain_text("spoon")
    expect(viewer.page.locator("#sent textarea")).to_have_value(_containing("spoon"))
    *_, box = viewer.sent(3)
    assert isinstance(box, Box)
    assert box.label == "spoon"
    assert box.xyxy == pytest.approx((140, 150, 190, 220), abs=1.5)


def test_a_point_is_set(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    viewer.page.keyboard.press("p")
    viewer.click(160, 170)
    expect(viewer.page.locator("#sent textarea")).to_have_value(_containing('"point"'))
    *_, point = viewer.sent(3)
    assert isinstance(point, Point)
    assert point.xy == pytest.approx((160, 170), abs=1.5)


def test_a_box_is_moved_resized_and_put_back(viewer: ViewerPage) -> None:
    viewer.click(70, 80)
    viewer.drag((70, 80), (100, 100))
    assert _first_xyxy(viewer) == pytest.approx((50, 50, 150, 150), abs=1.5)
    viewer.drag((150, 150), (170, 180))
    assert _first_xyxy(viewer) == pytest.approx((50, 50, 170, 180), abs=2)
    viewer.stage.focus()
    viewer.page.keyboard.press("Control+z")
    viewer.page.keyboard.press("Control+z")
    assert _first_xyxy(viewer) == pytest.approx((20, 30, 120, 130))
    viewer.page.keyboard.press("Control+Shift+z")
    assert _first_xyxy(viewer) == pytest.approx((50, 50, 150, 150), abs=1.5)


def test_a_finger_chooses_moves_and_resizes_a_box(server: Server, new_page: NewPage) -> None:
    viewer = _open(server, new_page, width=360, height=800, has_touch=True)
    viewer.stage.scroll_into_view_if_needed()
    touch = viewer.page.context.new_cdp_session(viewer.page)

    def drag(start: tuple[float, float], end: tuple[float, float]) -> None:
        (x1, y1), (x2, y2) = viewer.at(*start), viewer.at(*end)
        for step in range(6):
            x, y = x1 + (x2 - x1) * step / 5, y1 + (y2 - y1) * step / 5
            kind = "touchMove" if step else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    viewer.page.touchscreen.tap(*viewer.at(70, 80))
    expect(viewer.rows.nth(0)).to_have_attribute("aria-selected", "true")
    drag((70, 80), (75, 120))
    assert _first_xyxy(viewer) == pytest.approx((25, 70, 125, 170), abs=3)
    # Beside the corner: a finger is not exact.
    drag((135, 182), (155, 202))
    assert _first_xyxy(viewer) == pytest.approx((25, 70, 145, 190), abs=3)


def _first_xyxy(viewer: ViewerPage) -> Sequence[float]:
    numbers = viewer.page.locator("#viewer .sv-lines path").first.evaluate(
        "p => { const b = p.getBBox(); return [b.x, b.y, b.x + b.width, b.y + b.height] }"
    )
    return tuple(float(number) for number in numbers)


def test_nothing_leaves_the_picture(viewer: ViewerPage) -> None:
    viewer.click(70, 80)
    viewer.drag((70, 80), (-300, -300))
    assert _first_xyxy(viewer) == pytest.approx((0, 0, 100, 100), abs=1.5)


def test_a_result_is_removed_and_comes_back(viewer: ViewerPage) -> None:
    viewer.click(70, 80)
    viewer.page.keyboard.press("Delete")
    expect(viewer.rows).to_have_count(1)
    assert [region.label for region in viewer.sent(1)] == ["table"]
    viewer.page.keyboard.press("Control+z")
    assert [region.label for region in viewer.sent(2)] == ["cup", "table"]


def test_a_result_is_renamed_and_keeps_its_words(viewer: ViewerPage) -> None:
    viewer.page.mouse.dblclick(*viewer.at(70, 80))
    viewer.page.keyboard.type("mug")
    viewer.page.keyboard.press("Enter")
    expect(viewer.rows.nth(0)).to_contain_text("mug")
    assert viewer.highlighted("active") == '{"bbox_2d": [20, 30, 120, 130], "label": "cup"}'
    expect(viewer.page.locator("#sent textarea")).to_have_value(_containing("mug"))


def test_escape_leaves_a_name_as_it_was(viewer: ViewerPage) -> None:
    viewer.page.mouse.dblclick(*viewer.at(70, 80))
    viewer.page.keyboard.type("mug")
    viewer.page.keyboard.press("Escape")
    expect(viewer.rows.nth(0)).to_contain_text("cup")
    expect(viewer.root.get_by_role("textbox", name="Label")).to_have_value("cup")


def test_everything_can_be_edited_without_a_pointer(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    for key in ("b", "Enter"):
        viewer.page.keyboard.press(key)
    viewer.page.keyboard.type("made by keys")
    viewer.page.keyboard.press("Enter")
    viewer.page.keyboard.press("Escape")
    *_, before = viewer.sent(3)
    assert isinstance(before, Box)
    for key in ("Alt+ArrowRight", "Alt+ArrowRight", "Alt+ArrowDown", "Alt+Shift+ArrowRight"):
        viewer.page.keyboard.press(key)
    x1, y1, x2, y2 = before.xyxy
    right = viewer.root.get_by_label("right")
    assert float(right.input_value()) == pytest.approx(x2 + 3, abs=0.02)
    right.fill(str(round(x2 + 20)))
    right.press("Enter")
    expect(viewer.page.locator("#sent textarea")).to_have_value(_containing("made by keys"))
    viewer.page.wait_for_function(
        "want => document.querySelector('#sent textarea').value.includes(want)", arg=f"{round(x2 + 20)}"
    )
    *_, after = viewer.sent(3)
    assert isinstance(after, Box)
    assert after.xyxy == pytest.approx((x1 + 2, y1 + 1, round(x2 + 20), y2 + 1), abs=0.02)


def test_an_area_to_ask_about_is_marked_and_forgotten(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    viewer.page.keyboard.press("a")
    viewer.drag((140, 150), (190, 220))
    asked = viewer.page.locator("#asked textarea")
    expect(asked).to_have_value(_containing("[1"))
    assert json.loads(asked.input_value()) == pytest.approx([140, 150, 190, 220], abs=1.5)
    expect(viewer.root.locator(".sv-area")).to_have_count(1)
    expect(viewer.rows).to_have_count(2)
    viewer.stage.focus()
    viewer.page.keyboard.press("Escape")
    expect(asked).to_have_value("null")


def test_all_keys_are_shown(viewer: ViewerPage) -> None:
    viewer.stage.focus()
    viewer.page.keyboard.press("?")
    dialog = viewer.page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("draw a box")
    viewer.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_reader_cannot_edit(viewer: ViewerPage) -> None:
    viewer.page.locator("#reader .sv-stage").focus()
    viewer.page.keyboard.press("ArrowDown")
    viewer.page.keyboard.press("Delete")
    expect(viewer.page.locator("#reader .sv-row")).to_have_count(2)
    expect(viewer.page.locator("#reader .sv-edit").first).to_be_hidden()
    expect(viewer.page.locator("#reader .sv-details")).to_contain_text("20, 30 – 120, 130")


# What a page must be


def test_labels_and_answers_are_only_ever_text(viewer: ViewerPage) -> None:
    evil = Answer(regions=(Box(EVIL, (20, 30, 120, 130), text=EVIL, attributes={EVIL: EVIL}, span=(0, 5)),))
    viewer.show(evil, EVIL)
    viewer.click(70, 80)
    expect(viewer.rows.first).to_contain_text("<img src=x")
    expect(viewer.root.locator(".sv-chip").first).to_contain_text("<img src=x")
    viewer.page.wait_for_timeout(200)
    assert viewer.page.evaluate("window.hacked") is None
    assert viewer.root.locator("img").count() == 1


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_narrow_screen_the_list_is_below_and_nothing_scrolls_sideways(
    server: Server, new_page: NewPage, dark: bool
) -> None:
    viewer = _open(server, new_page, width=360, height=800, dark=dark)
    picture_box, list_box = viewer.stage.bounding_box(), viewer.root.locator(".sv-list").bounding_box()
    assert picture_box
    assert list_box
    assert list_box["y"] >= picture_box["y"] + picture_box["height"]
    assert viewer.page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in viewer.root.locator(".sv-bar button").all():
        place = button.bounding_box()
        assert place
        assert 0 <= place["x"] <= 360 - place["width"]


def test_a_picture_that_cannot_be_loaded_says_so(viewer: ViewerPage) -> None:
    value = json.loads(viewer_value(picture(*SIZE_WH), "/picture.png", TWO)) | {"src": "/no-such-picture"}
    viewer.send(json.dumps(value))
    expect(viewer.root.locator(".sv-empty")).to_have_text("The picture could not be shown.")


def test_without_a_picture_it_says_so(viewer: ViewerPage) -> None:
    viewer.show_nothing()
    expect(viewer.rows).to_have_count(0)


def _words(word: str) -> re.Pattern[str]:
    return re.compile(rf"\b{word}\b")


def _containing(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))
