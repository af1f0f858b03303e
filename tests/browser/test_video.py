"""The Video tab in a real browser, from drop to export, with a slow engine that says what it is told to."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Locator, Page, expect

from model.types import Video
from tests.app.videos import BOXES, LISTED, SENTENCE
from tests.browser.conftest import NewPage, Running, drop, hold_back, is_seen
from tests.model.clips import number_of, steady, write_clip

EVIL = "<img src=x onerror=window.hacked=1>"


class VideoPage:
    """The tab, and what a person does there."""

    def __init__(self, page: Page, running: Running) -> None:
        self.page = page
        self.player = page.locator("#video-timeline video")
        self.events = page.locator("#video-timeline .st-event")
        self.rows = page.locator("#video-thread .vt-event")
        self.head = page.locator("#video-timeline .st-head")
        self.frames = page.locator("#video-timeline .st-frame")
        self.run = page.locator("#video-run")
        self.stop = page.locator("#video-stop")
        self.stage = page.locator("#video-stage")
        self.thread = page.locator("#video-thread")
        self.turns = self.thread.locator(".vt-turn")

    def choose(self, file: Path) -> None:
        """Open a file, and wait for its frames."""
        self.page.get_by_test_id("Choose a video-upload-button").set_input_files(file)
        self.ready()

    def ready(self) -> None:
        expect(self.page.locator("#video-status")).to_contain_text("visual tokens")

    def task(self, name: str) -> None:
        self.page.locator("#video-task label", has_text=name).click()

    def write(self, text: str) -> None:
        self.page.locator("#video-query textarea").fill(text)

    def ask(self) -> None:
        """Ask, and wait for the end."""
        count = self.turns.count()
        self.run.click()
        expect(self.turns).to_have_count(count + 1)
        self.finished()

    def finished(self) -> None:
        expect(self.thread.locator(".is-running")).to_have_count(0)
        expect(self.stop).to_be_hidden()
        expect(self.run).to_be_visible()

    def plays_from(self, click: Callable[[], None]) -> float:
        """Where the player jumps to with a click; it has to play from there."""
        self.player.evaluate(
            "v => v.addEventListener('seeking', () => { window.sought = v.currentTime; }, {once: true})"
        )
        click()
        self.page.wait_for_function(
            "() => { const v = document.querySelector('#video-timeline video');"
            " return !v.paused && !v.seeking && v.currentTime > window.sought; }"
        )
        self.pause()
        return float(self.page.evaluate("window.sought"))

    def now(self) -> float:
        return float(self.player.evaluate("video => video.currentTime"))

    def at_rest(self, seconds: float) -> None:
        """Wait until the player shows that moment, and check that the picture itself says so."""
        self.page.wait_for_function(
            "at => { const v = document.querySelector('#video-timeline video');"
            " return !v.seeking && v.readyState > 1 && Math.abs(v.currentTime - at) < 0.01; }",
            arg=seconds,
        )

    def shown_number(self) -> int:
        """The number that the picture in the player says."""
        self.page.wait_for_timeout(100)  # the compositor's turn
        data = self.player.evaluate(
            """(video) => {
              const size = {width: video.videoWidth, height: video.videoHeight};
              const canvas = Object.assign(document.createElement('canvas'), size);
              canvas.getContext('2d').drawImage(video, 0, 0);
              return canvas.toDataURL('image/png').split(',')[1];
            }"""
        )
        return number_of(_picture(base64.b64decode(data)))

    def pause(self) -> None:
        self.player.evaluate("video => video.pause()")

    def is_playing(self) -> bool:
        return not self.player.evaluate("video => video.paused")

    def x_of(self, seconds: float) -> float:
        """Where a moment is on the screen."""
        box = _box(self.page.locator("#video-timeline .st-line"))
        duration = self.page.evaluate("document.querySelector('#video-timeline .st').timeline.duration")
        return float(box["x"] + box["width"] * seconds / duration)

    def drag_time(self, start_s: float, end_s: float, on: Locator) -> None:
        """Drag from one moment to another, at the height of something."""
        box = _box(on)
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(self.x_of(start_s), y)
        self.page.mouse.down()
        self.page.mouse.move(self.x_of(end_s), y, steps=5)
        self.page.mouse.up()

    def told(self) -> list[list[Any]]:
        """Label, start and end of each event as the timeline has it."""
        events = "document.querySelector('#video-timeline .st').timeline.value.events"
        told: list[list[Any]] = self.page.evaluate(f"{events}.map(e => [e.label, e.start_s, e.end_s])")
        return told

    def export(self, key: str) -> tuple[str, Path]:
        with self.page.expect_download() as download:
            self.page.locator(f"#video-export-{key}").click()
        return download.value.suggested_filename, Path(download.value.path())


def _picture(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB"))


def _box(locator: Locator) -> Any:
    box = locator.bounding_box()
    assert box is not None
    return box


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds at ten frames a second; each frame says its number."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", steady(60, 10.0), size_wh=(320, 160))


@pytest.fixture
def open_video(running: Running, new_page: NewPage) -> Callable[..., VideoPage]:
    running.engine.script, running.engine.delay_s, running.engine.fail_with = LISTED, 0.02, None
    running.engine.prompts.clear()

    def open_page(**options: object) -> VideoPage:
        page = new_page(running.url, **options)
        page.get_by_role("tab", name="Video").click()
        expect(page.locator("#video .work-welcome")).to_be_visible()
        return VideoPage(page, running)

    return open_page


@pytest.fixture
def video(open_video: Callable[..., VideoPage]) -> VideoPage:
    return open_video()


@pytest.fixture(scope="module")
def asked(running: Running, new_shared_page: NewPage, clip: Path) -> VideoPage:
    """A page with two events, for tests that leave it as it was."""
    running.engine.script = LISTED
    page = new_shared_page(running.url)
    page.get_by_role("tab", name="Video").click()
    video = VideoPage(page, running)
    video.choose(clip)
    video.task("Describe")
    video.ask()
    return video


def test_drop_ask_click_and_the_player_is_there(video: VideoPage, clip: Path) -> None:
    drop(video.page, "video", "holiday.mp4", clip.read_bytes(), "video/mp4")
    video.ready()
    expect(video.page.locator("#video-status")).to_contain_text("12 frames from 0:00.0 to 0:05.5")
    expect(video.frames).to_have_count(12)
    video.task("Describe")
    video.ask()
    expect(video.events).to_have_count(2)
    expect(video.rows).to_contain_text(["the door opens0:01.0 – 0:02.5", "a cat walks in0:04.0 – 0:05.0"])
    assert video.plays_from(video.events.nth(1).click) == pytest.approx(4.0)
    assert video.plays_from(video.rows.nth(0).click) == pytest.approx(1.0)
    expect(video.events.nth(0)).to_have_class(re.compile("is-active"))
    expect(video.rows.nth(0)).to_have_class(re.compile("is-active"))


def test_the_picture_on_the_screen_is_that_of_the_event(video: VideoPage, clip: Path) -> None:
    video.choose(clip)
    video.task("Describe")
    video.ask()
    video.page.locator("#video-timeline .st-scroll").hover(position={"x": 5, "y": 30})
    video.page.keyboard.press("ArrowDown")
    video.at_rest(1.0)
    assert video.shown_number() == 10
    assert not video.is_playing()
    video.page.keyboard.press("ArrowDown")
    video.at_rest(4.0)
    assert video.shown_number() == 40
    assert video.plays_from(lambda: video.page.keyboard.press("Enter")) == pytest.approx(4.0)


def test_times_count_from_the_first_picture_even_where_the_sound_begins_before(
    video: VideoPage, tmp_path: Path
) -> None:
    late = [0.5 + time_s for time_s in steady(60, 10.0)]
    video.choose(write_clip(tmp_path / "late.mp4", late, size_wh=(320, 160), sound="aac"))
    video.task("Describe")
    video.ask()
    video.page.keyboard.press("ArrowDown")
    video.at_rest(1.5)
    assert video.shown_number() == 10
    expect(video.page.locator("#video-timeline .st-clock")).to_contain_text("0:01.0 / 0:06.0")


def test_an_event_is_seen_before_the_answer_has_ended_and_stop_keeps_it(
    video: VideoPage, running: Running, clip: Path
) -> None:
    running.engine.script, running.engine.delay_s = (*LISTED[:2], *" " * 400), 0.05
    video.choose(clip)
    video.task("Describe")
    video.run.click()
    expect(video.events).to_have_count(1)
    expect(video.stage).to_contain_text("1 event so far")
    expect(video.stop).to_be_visible()
    video.page.locator("body").press("Escape")
    video.finished()
    expect(video.events).to_have_count(1)
    expect(video.thread).to_contain_text("stopped")
    expect(video.thread).to_contain_text("The answer was cut")


def test_a_part_is_asked_about_and_times_stay_those_of_the_whole(
    video: VideoPage, running: Running, clip: Path
) -> None:
    running.engine.script = SENTENCE
    video.choose(clip)
    video.drag_time(2.0, 4.0, video.head)
    expect(video.page.locator("#video-part")).to_contain_text("0:02.0 – 0:04.0")
    expect(video.frames).to_have_count(4)
    video.write("the door opens")
    video.ask()
    (seen,) = [part for part in running.engine.prompts[-1].messages[-1].parts if isinstance(part, Video)]
    assert seen.times_s == pytest.approx((2.0, 2.5, 3.0, 3.5), abs=0.11)
    assert [event[1:] for event in video.told()] == [[2.0, 4.0]], "inside the part"
    expect(video.page.locator("#video-query textarea")).to_have_value("")
    video.page.locator("#video-part button").click()
    expect(video.frames).to_have_count(12)
    expect(video.page.locator("#video-timeline .st-range")).to_be_hidden()


def test_a_conversation_goes_on_about_the_same_video(video: VideoPage, running: Running, clip: Path) -> None:
    video.choose(clip)
    video.task("Describe")
    video.ask()
    running.engine.script = ("It is **white**.",)
    video.task("Free")
    video.write("Which colour does the cat have?")
    video.page.locator("#video-query textarea").press("Enter")
    expect(video.thread.locator("strong")).to_have_text("white")
    video.finished()
    assert [message.role for message in running.engine.prompts[-1].messages] == ["user", "assistant", "user"]
    expect(video.events).to_have_count(2)
    expect(video.turns).to_have_count(2)


def test_keys_play_step_and_choose_a_part(video: VideoPage, clip: Path) -> None:
    video.choose(clip)
    video.head.click(position={"x": 100, "y": 8})
    press = video.page.keyboard.press
    press("Home")
    video.at_rest(0.0)
    press("ArrowRight")
    video.at_rest(1.0)
    press(".")
    video.at_rest(1.1)
    assert video.shown_number() == 11
    press("i")
    expect(video.page.locator("#video-part")).to_contain_text("0:01.1 – 0:06.0")
    press("ArrowRight")
    press("ArrowRight")
    video.at_rest(3.1)
    press("o")
    expect(video.page.locator("#video-part")).to_contain_text("0:01.1 – 0:03.1")
    press("Escape")
    expect(video.page.locator("#video-part p")).to_have_count(0)
    press("Space")
    video.page.wait_for_function("!document.querySelector('#video-timeline video').paused")
    press("Space")
    video.page.wait_for_function("document.querySelector('#video-timeline video').paused")
    press("?")
    expect(video.page.locator("#video-timeline .sv-keys")).to_contain_text("begin and end of the part to ask about")
    press("Escape")
    video.write("i o ? .")
    expect(video.page.locator("#video-part p")).to_have_count(0)


def test_events_are_changed_by_hand_and_every_change_undone(video: VideoPage, clip: Path) -> None:
    video.choose(clip)
    video.task("Describe")
    video.ask()
    before = video.told()
    video.events.nth(0).click()
    video.pause()
    video.drag_time(2.45, 3.5, video.events.nth(0).locator("[data-grip=end]"))
    moved = video.told()
    assert moved[0][2] == pytest.approx(3.55, abs=0.1)
    assert moved[0][:2] == before[0][:2]
    expect(video.rows.nth(0)).to_contain_text(re.compile(r"0:01\.0 – 0:03\.[456]"))
    video.events.nth(1).dblclick()
    video.page.keyboard.type("a dog")
    video.page.keyboard.press("Enter")
    expect(video.rows.nth(1)).to_contain_text("a dog")
    video.pause()
    video.page.keyboard.press("Delete")
    expect(video.events).to_have_count(1)
    expect(video.rows).to_have_count(1)
    for _ in range(3):
        video.page.keyboard.press("Control+z")
    expect(video.rows).to_contain_text(["the door opens0:01.0 – 0:02.5", "a cat walks in0:04.0 – 0:05.0"])
    assert video.told() == before
    video.page.keyboard.press("Control+Shift+z")
    assert video.told() == moved
    expect(video.thread).to_contain_text("changed by hand")
    video.page.keyboard.press("Escape")
    video.drag_time(3.0, 4.0, video.head)
    video.page.keyboard.press("n")
    video.page.keyboard.type("a bell rings")
    video.page.keyboard.press("Enter")
    expect(video.rows).to_have_count(3)
    expect(video.rows.nth(1)).to_contain_text("a bell rings0:03.0 – 0:04.0")


def test_fields_of_the_chosen_event_change_it(video: VideoPage, clip: Path) -> None:
    video.choose(clip)
    video.task("Describe")
    video.ask()
    video.events.nth(0).click()
    video.page.locator(".st-details [name=start]").fill("0.5")
    video.page.locator(".st-details [name=start]").press("Enter")
    expect(video.rows.nth(0)).to_contain_text("0:00.5 – 0:02.5")
    video.page.locator(".st-details [name=label]").fill(EVIL)
    video.page.locator(".st-details [name=label]").press("Enter")
    expect(video.events.nth(0)).to_have_text(EVIL)
    expect(video.rows.nth(0)).to_contain_text(EVIL)
    assert video.page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        ("start", "99", "99 s is not in the video, which has 6 s. The event stays as it was."),
        ("end", "-1", "-1 s is not in the video"),
        ("start", "2.6", "It cannot begin at 2.6 s and end before, at 2.5 s."),
        ("end", "", "A time is a number of seconds."),
    ],
)
def test_times_that_make_no_sense_are_refused_and_change_nothing(
    asked: VideoPage, name: str, typed: str, why: str
) -> None:
    before = asked.told()
    refusal = asked.page.locator(".st-refusal")
    field = asked.page.locator(f".st-details [name={name}]")
    asked.events.nth(0).click()
    asked.pause()
    kept = field.input_value()
    field.fill(typed)
    field.press("Enter")
    expect(refusal).to_contain_text(why)
    expect(field).to_have_value(kept)
    assert asked.told() == before
    expect(asked.page.locator("#video-timeline [data-do=undo]")).to_be_disabled()
    asked.page.keyboard.press("Escape")


def test_a_choice_outlasts_an_older_update_that_arrives_late(video: VideoPage, running: Running, clip: Path) -> None:
    let_go = hold_back(video.page, "process_completed")  # of opening: it says once more that there are no events
    video.choose(clip)
    running.engine.script, running.engine.delay_s = (*LISTED[:2], *" " * 400), 1.0
    video.task("Describe")
    video.run.click()
    video.events.nth(0).click()
    let_go()
    video.stop.click()
    video.finished()
    expect(video.events).to_have_class([re.compile("is-active")])
    expect(video.rows).to_have_class([re.compile("is-active")])
    expect(video.page.locator(".st-details [name=label]")).to_have_value("the door opens")


def test_an_event_that_was_let_go_of_is_chosen_again_however_soon(asked: VideoPage) -> None:
    asked.page.evaluate("Object.defineProperty(Event.prototype, 'timeStamp', {get: () => 0})")  # no time passes
    for _ in range(2):
        asked.events.nth(0).click()
        asked.pause()
        expect(asked.events.nth(0)).to_have_class(re.compile("is-active"))
        asked.page.keyboard.press("Escape")
        expect(asked.events.nth(0)).not_to_have_class(re.compile("is-active"))


def test_another_question_leaves_what_can_be_undone(video: VideoPage, running: Running, clip: Path) -> None:
    video.choose(clip)
    video.task("Describe")
    video.ask()
    before = video.told()
    video.events.nth(0).click()
    video.pause()
    video.page.keyboard.press("Delete")
    expect(video.rows).to_have_count(1)
    running.engine.script = SENTENCE
    video.task("When")
    video.write("the bell rings")
    video.ask()
    expect(video.rows).to_have_count(2)
    (asked,) = [event for event in video.told() if event[1:] == [2.0, 4.5]]
    video.page.locator("body").press("Control+z")
    expect(video.rows).to_contain_text(["the door opens0:01.0 – 0:02.5", "a cat walks in0:04.0 – 0:05.0", "0:02.0"])
    assert video.told() == [*before, asked]
    video.page.keyboard.press("Control+Shift+z")
    expect(video.rows).to_have_count(2)
    assert video.told() == [before[1], asked]
    # Without the second answer, and with the first gone, whose events they were.
    video.turns.nth(1).hover()
    video.turns.nth(1).get_by_role("button", name="Remove with its events").click()
    expect(video.turns).to_have_count(1)
    video.page.locator("body").press("Control+z")
    expect(video.rows).to_contain_text(["the door opens0:01.0 – 0:02.5", "a cat walks in0:04.0 – 0:05.0"])
    assert video.told() == before
    video.turns.nth(0).get_by_role("button", name="Remove with its events").click()
    expect(video.turns).to_have_count(0)
    expect(video.page.locator("#video-timeline :is([data-do=undo], [data-do=redo]):disabled")).to_have_count(2)


def test_what_is_said_is_seen_on_a_narrow_page_at_its_end(open_video: Callable[..., VideoPage], clip: Path) -> None:
    video = open_video(width=360, height=740)
    video.choose(clip)
    video.task("Describe")
    expect(video.page.locator("#video-about")).to_have_text("Everything that happens, in order")
    video.ask()
    said = video.page.locator("#video-error p")
    for _ in range(2):  # the same words once more
        video.page.locator("#video-export-clip").click()
        expect(said).to_have_text("Choose an event on the timeline first.")
        assert is_seen(said)
        said.get_by_role("button", name="Dismiss").click()
        expect(said).to_have_count(0)
    with video.page.expect_download():
        video.page.locator("#video-export-youtube").click()
    expect(said).to_contain_text("YouTube shows chapters only if there are 3 or more.")
    assert is_seen(said)
    video.page.locator("#video-timeline [data-do=keys]").click()
    assert is_seen(video.page.locator("#video-timeline .sv-keys h3"))
    video.page.keyboard.press("Escape")
    scroll, head = _box(video.page.locator(".st-scroll")), video.page.locator(".st-playhead i")
    for key in ("End", "Home"):
        video.page.keyboard.press(key)
        place = _box(head)
        assert scroll["x"] <= place["x"] < place["x"] + place["width"] <= scroll["x"] + scroll["width"]
    video.events.nth(0).click()
    video.pause()
    for name in ("start", "end"):
        assert is_seen(video.page.locator(f".st-details [name={name}]")), "the question does not lie over it"


def test_the_event_that_is_highlighted_is_the_one_that_is_exported(video: VideoPage, clip: Path) -> None:
    def clip_s() -> float:
        with av.open(str(video.export("clip")[1])) as made:
            return float(made.duration or 0) / av.time_base

    error = video.page.locator("#video-error")
    video.choose(clip)
    video.task("Describe")
    video.ask()
    video.events.nth(0).click()
    video.pause()
    video.page.keyboard.press("Delete")
    expect(video.rows).to_have_count(1)
    expect(video.rows).to_have_class(re.compile("is-active"))
    assert clip_s() == pytest.approx(1.0, abs=0.2), "the cat, which was the second"
    video.page.keyboard.press("Control+z")
    expect(video.rows).to_have_count(2)
    video.page.keyboard.press("n")
    video.page.keyboard.type("a bell rings")
    video.page.keyboard.press("Enter")
    expect(video.rows).to_have_count(3)
    for _ in range(2):
        video.page.keyboard.press("Control+z")
    expect(video.rows).to_have_count(2)
    expect(video.page.locator("#video-timeline .is-active")).to_have_count(0)
    video.page.locator("#video-export-clip").click()
    expect(error).to_contain_text("Choose an event on the timeline first.")
    expect(video.stage).to_have_text("")
    video.rows.nth(0).click()
    video.pause()
    expect(error).to_have_text("")
    assert clip_s() == pytest.approx(1.5, abs=0.2)
    video.ask()
    expect(video.page.locator("#video-timeline .is-active")).to_have_count(0)
    video.page.locator("#video-export-clip").click()
    expect(error).to_contain_text("Choose an event on the timeline first.")


def test_boxes_in_time_follow_the_thing_while_it_plays(video: VideoPage, running: Running, clip: Path) -> None:
    running.engine.script = BOXES
    video.choose(clip)
    video.task("Track")
    video.write("ball")
    video.ask()
    expect(video.events).to_have_count(1)
    expect(video.rows).to_contain_text("ball0:00.5 – 0:01.5, 3 boxes")
    line = video.page.locator("#video-timeline .sv-lines path")
    expect(line).to_have_count(0)
    for seconds, left in ((0.5, 0), (0.75, 40), (1.0, 80), (1.5, 160)):
        video.player.evaluate("(video, at) => { video.currentTime = at; }", seconds)
        video.at_rest(seconds)
        expect(line).to_have_attribute("d", re.compile(rf"^M{left}(\.\d+)? 0H{left + 80}"))
    expect(video.page.locator("#video-timeline .sv-tag")).to_have_text("ball")


def test_a_thing_that_was_missed_for_a_few_frames_is_one_thing_on_the_player_too(
    video: VideoPage, running: Running, clip: Path
) -> None:
    running.engine.script = (*BOXES[:2], BOXES[2].replace("}]", "},\n"), BOXES[2].replace("1.5", "3.0"))
    video.choose(clip)
    video.task("Track")
    video.write("ball")
    video.ask()
    expect(video.rows).to_contain_text("ball0:00.5 – 0:03.0, 4 boxes")
    expect(video.events).to_have_count(1)
    video.player.evaluate("video => { video.currentTime = 2.3; }")
    video.at_rest(2.3)
    expect(video.page.locator("#video-timeline .sv-lines path")).to_have_count(1)


def test_what_is_hovered_is_told_with_its_frame(video: VideoPage, clip: Path) -> None:
    video.choose(clip)
    video.task("Describe")
    video.ask()
    card = video.page.locator(".st-card")
    video.events.nth(1).hover()
    expect(card).to_contain_text("a cat walks in0:04.0 – 0:05.0")
    expect(video.rows.nth(1)).to_have_class(re.compile("is-hot"))
    address = card.locator("img").get_attribute("src") or ""
    assert number_of(_picture(base64.b64decode(address.split(",")[1]))) in (40, 45)
    video.rows.nth(0).hover()
    expect(video.events.nth(0)).to_have_class(re.compile("is-hot"))
    video.events.nth(1).click()
    expect(card).to_be_hidden()


def test_the_timeline_zooms_and_stays_where_it_was(video: VideoPage, clip: Path) -> None:
    video.choose(clip)
    width = _box(video.page.locator(".st-line"))["width"]
    video.head.click(position={"x": 200, "y": 8})
    before = video.now()
    for _ in range(2):
        video.page.keyboard.press("+")
    wide = _box(video.page.locator(".st-line"))
    assert wide["width"] > 2 * width
    scroll = _box(video.page.locator(".st-scroll"))
    assert scroll["x"] <= video.x_of(before) <= scroll["x"] + scroll["width"]
    video.page.keyboard.press("0")
    assert _box(video.page.locator(".st-line"))["width"] == pytest.approx(width)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.avi", "mpeg4"), ("clip.gif", "gif"), ("clip.mkv", "libx265"), ("clip.webm", "libvpx-vp9")],
)
def test_whatever_the_browser_cannot_play_is_played_as_a_copy(
    video: VideoPage, tmp_path: Path, name: str, codec: str
) -> None:
    video.choose(write_clip(tmp_path / name, steady(30, 10.0), codec=codec, size_wh=(320, 160)))
    video.page.wait_for_function("document.querySelector('#video-timeline video').videoWidth > 0", timeout=60_000)
    is_copy = name != "clip.webm"
    expect(video.page.locator("#video-notes p")).to_have_count(int(is_copy))
    video.page.keyboard.press("Home")
    video.page.keyboard.press("ArrowRight")
    video.at_rest(1.0)
    assert video.shown_number() == 10


def test_bad_files_cost_one_sentence_and_the_next_video_works(video: VideoPage, tmp_path: Path, clip: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(clip.read_bytes()[:600])
    video.page.get_by_test_id("Choose a video-upload-button").set_input_files(bad)
    expect(video.page.locator("#video-error")).to_contain_text("Save it")
    video.choose(clip)
    expect(video.page.locator("#video-error p")).to_have_count(0)


def test_a_fault_is_told_beside_what_came(video: VideoPage, running: Running, clip: Path) -> None:
    running.engine.script, running.engine.delay_s = (*LISTED[:2], *" " * 8), 0.02
    running.engine.fail_with = RuntimeError("/secret/path")
    video.choose(clip)
    video.task("Describe")
    video.ask()
    expect(video.thread.locator(".error")).to_be_visible()
    expect(video.thread).not_to_contain_text("/secret/path")
    expect(video.events).to_have_count(1)


def test_events_are_exported_and_read_back_without_drift(video: VideoPage, clip: Path) -> None:
    video.choose(clip)
    video.task("Describe")
    video.ask()
    for key, name in (("srt", "clip.srt"), ("vtt", "clip.vtt")):
        told, path = video.export(key)
        assert told == name
        read = pysubs2.SSAFile.from_string(path.read_text("utf-8"), format_=key)
        assert [(line.start, line.end, line.plaintext) for line in read] == [
            (1000, 2500, "the door opens"),
            (4000, 5000, "a cat walks in"),
        ]


def test_the_example_is_one_click_away(video: VideoPage) -> None:
    video.page.locator("#video-welcome [data-do=example]").click()
    expect(video.events).to_have_count(2)
    expect(video.thread).to_contain_text("When does the red circle appear?")
    video.finished()
    video.page.locator("#video-clear").click()
    expect(video.page.locator("#video .work-welcome")).to_be_visible()


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1400, True)])
def test_nothing_scrolls_sideways(open_video: Callable[..., VideoPage], clip: Path, width: int, dark: bool) -> None:
    video = open_video(width=width, dark=dark)
    video.choose(clip)
    video.task("Describe")
    video.ask()
    assert video.page.evaluate("document.querySelector('#video-tab, .tabitem:has(#video)').scrollWidth") <= width
    assert video.page.evaluate("document.documentElement.scrollWidth") <= width
