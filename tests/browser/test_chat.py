"""The Chat tab in a real browser: dropping, asking, stopping, editing, reading, on wide and narrow screens."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from model.engines.fake import FakeEngine
from model.errors import EngineError
from model.loading import ModelSpec
from tests.browser.conftest import NewPage, Running, hold_back
from tests.model.pictures import drawn, encoded
from tests.serving import Exchangeable, served

BOXES = (
    "There are two.\n\n```json\n[\n",
    '\t{"bbox_2d": [0, 0, 500, 500], "label": "blue corner"},\n',
    '\t{"bbox_2d": [500, 500, 1000, 1000], "label": "red rest"}\n',
    "]\n```",
)
SLOW = ("word ",) * 10_000
HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'><style>body{display:none}</style>"
    "<base href='https://evil.example/'>[x](javascript:window.hacked=1) ![y](https://evil.example/y.png)"
)


class ChatPage:
    """A page of the program, in the words of who uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.composer = page.locator("#composer textarea")
        self.answers = page.locator("#conversation .turn-answer")
        self.live = page.locator("#live .turn-live")
        self.stop = page.locator("#composer .stop-button")
        expect(self.composer).to_be_visible()
        expect(page.locator(".status-ready")).to_be_visible()

    def ask(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def expect_answer(self, text: str | re.Pattern[str], count: int = 1) -> None:
        expect(self.answers).to_have_count(count)
        expect(self.answers.last).to_contain_text(text)
        expect(self.live).to_have_count(0)

    def paste(self, text: str) -> None:
        """Paste words at the end of the composer."""
        self.composer.evaluate(
            """(area, text) => {
                area.focus();
                const clipboardData = new DataTransfer();
                clipboardData.setData('text/plain', text);
                const event = new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true});
                if (area.dispatchEvent(event)) document.execCommand('insertText', false, text);
            }""",
            text,
        )

    def drop(self, data: bytes, name: str = "drawn.png", onto: str = "#chat-scroll") -> None:
        """Drop a file as a person does who lets it go over some place of the tab."""
        self.page.evaluate(
            """([data, name, onto]) => {
                const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([bytes], name, {type: 'image/png'}));
                const target = document.querySelector(onto);
                for (const type of ['dragenter', 'dragover', 'drop'])
                    target.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true}));
            }""",
            [base64.b64encode(data).decode(), name, onto],
        )

    def choose(self, files: Mapping[str, bytes]) -> None:
        """Choose files in the composer's file chooser."""
        chosen: list[FilePayload] = [
            {"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()
        ]
        self.page.locator("#composer input[type=file]").set_input_files(chosen)


@pytest.fixture
def chat(running: Running, new_page: NewPage) -> ChatPage:
    running.engine.script, running.engine.delay_s, running.engine.fail_with = ("Two ", "shapes", "."), 0.0, None
    return ChatPage(new_page(running.url))


def test_the_page_says_what_to_do_and_which_model_answers(chat: ChatPage) -> None:
    expect(chat.page).to_have_title("Qwen-VL Studio")
    expect(chat.page.locator(".welcome")).to_contain_text("Drop, paste or choose")
    expect(chat.page.locator("#model-status")).to_contain_text("fake")
    expect(chat.page.locator("footer")).to_have_count(0)


def test_a_dropped_picture_is_measured_asked_about_and_drawn_on_while_the_answer_streams(
    chat: ChatPage, running: Running
) -> None:
    running.engine.script, running.engine.delay_s = BOXES, 1.5
    chat.drop(encoded(drawn((640, 480))))
    expect(chat.page.locator(".draft-picture")).to_contain_text("640 × 480 → 640 × 480, 300 visual tokens")
    chat.ask("What is where?")
    expect(chat.live.locator(".overlay rect:not(.casing)").first).to_be_visible()
    expect(chat.live.locator(".stage")).to_contain_text(re.compile("[12] found"))
    chat.expect_answer("There are two.")
    expect(chat.answers.locator(".overlay rect:not(.casing)")).to_have_count(2)
    expect(chat.answers.locator("figcaption")).to_contain_text("blue corner 1")
    expect(chat.answers.locator(".stats")).to_have_text(
        re.compile(r"[\d.]+ s to first token · [\d.]+ tokens/s · \d+ tokens in, 4 out · finished")
    )
    box = chat.answers.locator(".overlay svg").bounding_box()
    picture = chat.answers.locator(".overlay img").bounding_box()
    assert box is not None
    assert picture is not None
    assert all(abs(box[side] - picture[side]) <= 1 for side in ("x", "y", "width", "height"))
    expect(chat.page.locator(".turn-question .picture figcaption")).to_contain_text("300 visual tokens")
    expect(chat.composer).to_have_value("")
    expect(chat.page.locator(".draft-picture")).to_have_count(0)


def test_a_picture_opens_large_with_the_list_of_what_was_found(chat: ChatPage, running: Running) -> None:
    running.engine.script = BOXES
    chat.drop(encoded(drawn((640, 480))))
    expect(chat.page.locator(".draft-picture")).to_be_visible()
    chat.ask("What is where?")
    chat.expect_answer("There are two.")
    dialog = chat.page.locator("#large-dialog")
    chat.answers.locator(".picture-open").click()
    expect(dialog.locator(".sv-row")).to_have_count(2)
    chat.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    chat.page.locator(".turn-question .picture-open").click()
    expect(dialog.locator(".sv-picture")).to_be_visible()
    expect(dialog.locator(".sv-side")).to_be_hidden()
    dialog.get_by_text("Close").click()
    expect(dialog).to_be_hidden()


def test_pictures_are_pasted_into_the_composer_and_next_to_it(chat: ChatPage) -> None:
    paste = """([data, onto]) => {
        const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([bytes], 'pasted.png', {type: 'image/png'}));
        document.querySelector(onto).dispatchEvent(
            new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}));
    }"""
    data = base64.b64encode(encoded(drawn())).decode()
    chat.page.evaluate(paste, [data, "#composer textarea"])
    expect(chat.page.locator(".draft-picture")).to_have_count(1)
    chat.page.evaluate(paste, [data, "#chat-scroll"])
    expect(chat.page.locator(".draft-picture")).to_have_count(2)


def test_enter_sends_and_shift_enter_breaks_the_line(chat: ChatPage) -> None:
    chat.composer.press_sequentially("one")
    chat.composer.press("Shift+Enter")
    chat.composer.press_sequentially("two")
    expect(chat.composer).to_have_value("one\ntwo")
    chat.composer.press("Enter")
    chat.expect_answer("Two shapes.")
    expect(chat.page.locator(".bubble")).to_have_text("one\ntwo")


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_stop_works_at_once_keeps_what_came_and_the_next_message_works(
    chat: ChatPage, running: Running, how: str
) -> None:
    running.engine.script, running.engine.delay_s = SLOW, 0.2
    chat.ask("Go on for ever")
    expect(chat.live).to_contain_text("word word")
    chat.stop.click() if how == "button" else chat.page.keyboard.press("Escape")
    chat.expect_answer("word word")
    expect(chat.answers.locator(".stats")).to_contain_text("stopped")
    running.engine.script, running.engine.delay_s = ("Next.",), 0.0
    chat.ask("And now?")
    chat.expect_answer("Next.", count=2)


def test_an_answer_is_written_again_and_both_versions_stay(chat: ChatPage, running: Running) -> None:
    chat.ask("How many?")
    chat.expect_answer("Two shapes.")
    running.engine.script = ("Three.",)
    chat.answers.get_by_label("Answer again").click()
    chat.expect_answer("Three.")
    chat.answers.get_by_label("Previous version").click()
    expect(chat.answers).to_contain_text("Two shapes.")
    expect(chat.answers).to_contain_text("1 of 2")


def test_an_earlier_message_is_edited_with_its_picture_and_gone_on_from(chat: ChatPage, running: Running) -> None:
    chat.drop(encoded(drawn()))
    expect(chat.page.locator(".draft-picture")).to_be_visible()
    chat.ask("How many?")
    chat.expect_answer("Two shapes.")
    chat.page.locator(".turn-question").hover()
    chat.page.get_by_label("Edit and go on from here").click()
    expect(chat.composer).to_have_value("How many?")
    expect(chat.page.locator("#editing")).to_contain_text("nothing is deleted")
    expect(chat.page.locator(".draft-picture")).to_contain_text("drawn.png")
    running.engine.script = ("Red and blue.",)
    chat.ask("Which colours?")
    chat.expect_answer("Red and blue.")
    expect(chat.page.locator(".bubble")).to_have_text("Which colours?")
    expect(chat.page.locator(".turn-question .picture")).to_have_count(1)
    expect(chat.page.locator("#editing")).to_have_text("")
    chat.page.get_by_label("Previous version").click()
    expect(chat.page.locator(".bubble")).to_have_text("How many?")
    expect(chat.answers).to_contain_text("Two shapes.")


def test_what_stood_in_the_composer_comes_back_after_an_edit(chat: ChatPage) -> None:
    chat.ask("How many?")
    chat.expect_answer("Two shapes.")
    for words, leave in (("half", "Cancel"), ("half a", "Escape"), ("half a message", "Enter")):
        chat.composer.fill(words)
        if leave == "Cancel":
            chat.drop(encoded(drawn()))
            expect(chat.page.locator(".draft-picture")).to_have_count(1)
        chat.page.locator(".turn-question").hover()
        chat.page.get_by_label("Edit and go on from here").click()
        expect(chat.composer).to_have_value("How many?")
        expect(chat.page.locator(".draft-picture")).to_have_count(0)
        chat.page.get_by_role("button", name="Cancel").click() if leave == "Cancel" else chat.composer.press(leave)
        expect(chat.composer).to_have_value(words)
        expect(chat.page.locator(".draft-picture")).to_have_count(1)
        expect(chat.page.locator("#editing")).to_be_empty()
    expect(chat.page.locator(".turn-question")).to_contain_text("2 of 2")


def test_every_message_leaves_the_composer_with_its_pictures(chat: ChatPage) -> None:
    """Gradio's page may skip all but the last of an answer's updates when it is late."""
    for count in (1, 2, 3):
        chat.drop(encoded(drawn()))
        expect(chat.page.locator(".draft-picture")).to_have_count(1)
        chat.ask("How many?")
        chat.expect_answer("Two shapes.", count=count)
        expect(chat.composer).to_have_value("")
        expect(chat.page.locator("#composer .thumbnail-item")).to_have_count(0)
        expect(chat.page.locator(".draft-picture")).to_have_count(0)


def test_stop_takes_the_place_of_send_while_an_answer_is_written(chat: ChatPage, running: Running) -> None:
    send = chat.page.locator("#composer .submit-button")
    expect(send).to_be_visible()
    expect(chat.stop).to_be_hidden()
    running.engine.script, running.engine.delay_s = SLOW, 0.2
    chat.ask("Go on")
    expect(chat.stop).to_be_visible()
    expect(send).to_be_hidden()
    chat.stop.click()
    expect(send).to_be_visible()
    expect(chat.stop).to_be_hidden()


def test_clearing_while_an_answer_is_written_leaves_the_conversation_empty(chat: ChatPage, running: Running) -> None:
    running.engine.script, running.engine.delay_s = SLOW, 0.2
    chat.ask("Go on")
    expect(chat.live).to_contain_text("word word")
    chat.page.get_by_role("button", name="Clear the conversation").click()
    expect(chat.live).to_have_count(0)
    expect(chat.page.locator(".welcome")).to_be_visible()
    chat.page.get_by_role("button", name="Bring it back").click()
    chat.expect_answer("word word")
    expect(chat.answers.locator(".stats")).to_contain_text("stopped")


def test_two_tabs_in_one_conversation_branch_and_a_deleted_one_is_said(
    chat: ChatPage, running: Running, new_page: NewPage
) -> None:
    chat.ask(f"Start {time.monotonic_ns()}")
    chat.expect_answer("Two shapes.")
    other = ChatPage(new_page(chat.page.url))
    other.expect_answer("Two shapes.")
    chat.ask("In the first tab")
    chat.expect_answer("Two shapes.", count=2)
    other.ask("In the second tab")
    other.expect_answer("Two shapes.", count=2)
    expect(other.page.locator(".turn-question").last).to_contain_text("2 of 2")
    expect(other.page.locator("#conversation")).not_to_contain_text("In the first tab")
    running.engine.script, running.engine.delay_s = SLOW, 0.2
    chat.ask("Go on")
    expect(chat.live).to_contain_text("word word")
    other.page.locator("#conversations li.current").hover()
    for _ in range(2):
        other.page.locator("#conversations li.current").get_by_label("Delete").click()
    expect(other.page.locator(".welcome")).to_be_visible()
    chat.stop.click()
    expect(chat.page.locator("#notice")).to_contain_text("deleted meanwhile")
    expect(chat.page.locator("#live")).to_contain_text("word word")
    expect(chat.page.locator("#live .stage")).to_have_count(0)


def test_a_picture_without_words_is_asked_about(chat: ChatPage) -> None:
    chat.drop(encoded(drawn()))
    expect(chat.page.locator(".draft-picture")).to_be_visible()
    chat.composer.press("Enter")
    chat.expect_answer("Two shapes.")
    expect(chat.page.locator(".bubble")).to_have_text("Describe the picture.")


def test_conversations_are_listed_reopened_cleared_and_deleted(chat: ChatPage) -> None:
    title = f"About shapes {time.monotonic_ns()}"
    chat.ask(title)
    chat.expect_answer("Two shapes.")
    chat.page.reload()
    chat.expect_answer("Two shapes.")
    entry = chat.page.locator("#conversations li", has_text=title)
    expect(entry).to_have_class("current")
    chat.page.get_by_role("button", name="New conversation").click()
    expect(chat.page.locator(".welcome")).to_be_visible()
    entry.locator(".conversation").click()
    chat.expect_answer("Two shapes.")
    chat.page.get_by_role("button", name="Clear the conversation").click()
    expect(chat.answers).to_have_count(0)
    chat.page.get_by_role("button", name="Bring it back").click()
    chat.expect_answer("Two shapes.")
    entry.hover()
    entry.get_by_label("Delete").click()
    expect(entry).to_have_count(1)
    entry.get_by_label("Delete").click()
    expect(entry).to_have_count(0)
    expect(chat.page.locator(".welcome")).to_be_visible()


def test_the_answers_own_text_is_copied(running: Running, new_page: NewPage) -> None:
    running.engine.script, running.engine.delay_s = ("**Two** `<b>`\n\n```python\nx = 1\n```",), 0.0
    chat = ChatPage(new_page(running.url, permissions=["clipboard-read", "clipboard-write"]))
    chat.ask("How many?")
    chat.expect_answer("Two")
    chat.answers.get_by_label("Copy the answer").click()
    assert chat.page.evaluate("navigator.clipboard.readText()") == "**Two** `<b>`\n\n```python\nx = 1\n```"
    chat.answers.locator(".code-bar button").click()
    assert chat.page.evaluate("navigator.clipboard.readText()") == "x = 1\n"


def test_markdown_code_and_formulas_are_readable(chat: ChatPage, running: Running) -> None:
    running.engine.script = (
        "## Title\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n$\\frac{1}{2}$\n\n```python\ndef f(): ...\n```",
    )
    chat.ask("Show me")
    chat.expect_answer("Title")
    for selector in ("h2", "table td", "math mfrac", ".code .k"):
        expect(chat.answers.locator(selector).first).to_be_visible()


def test_what_a_model_writes_can_do_nothing(chat: ChatPage, running: Running) -> None:
    running.engine.script, running.engine.delay_s = (HOSTILE, " end"), 0.3
    chat.ask("Be evil")
    chat.expect_answer("end")
    expect(chat.answers).to_contain_text("<script>window.hacked=1</script>")
    assert chat.page.evaluate("window.hacked") is None
    assert chat.page.evaluate("getComputedStyle(document.body).display") != "none"
    chat.page.reload()
    chat.expect_answer("end")
    assert chat.page.evaluate("window.hacked") is None


def test_a_bad_file_is_said_at_once_and_nothing_is_lost(chat: ChatPage) -> None:
    chat.drop(encoded(drawn()), "good.png")
    expect(chat.page.locator(".draft-picture")).to_have_count(1)
    chat.drop(b"these are words", "bad.png")
    expect(chat.page.locator("#draft .error")).to_contain_text("This file is not a picture")
    chat.ask("Look at both")
    expect(chat.page.locator("#notice")).to_contain_text("“bad.png” cannot be sent; take it out.")
    expect(chat.composer).to_have_value("Look at both")
    expect(chat.page.locator(".draft-picture")).to_have_count(1)
    chat.page.locator("#composer .delete-button").nth(1).click()
    expect(chat.page.locator("#draft .error")).to_have_count(0)
    chat.composer.press("Enter")
    chat.expect_answer("Two shapes.")
    expect(chat.page.locator("#notice")).to_be_empty()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchangeable]:
    """The program with room for pictures of 1 MB."""
    with served(Exchangeable(tmp_path_factory.mktemp("small"), max_upload_mb=1)) as running:
        running.use(FakeEngine())
        yield running


@pytest.fixture(scope="module")
def small_page(small: Exchangeable, new_shared_page: NewPage) -> ChatPage:
    return ChatPage(new_shared_page(small.url))


@pytest.fixture
def small_chat(small_page: ChatPage) -> ChatPage:
    """That page with a conversation of its own; tests leave nothing in the composer."""
    small_page.page.locator("#new-conversation").click()
    expect(small_page.page.locator("#conversation .turn")).to_have_count(0)
    return small_page


def test_too_large_a_picture_is_left_out_and_the_message_waits_for_a_second_enter(small_chat: ChatPage) -> None:
    chat = small_chat
    chat.composer.fill("Keep me")
    chat.drop(bytes(2 * 2**20), "large.png")
    note = chat.page.locator("#chat-composer .left-out")
    expect(note).to_contain_text("“large.png”, 2 MB, was left out: a file may have up to 1 MB. Make it smaller")
    expect(chat.page.locator(".toast-body, .is-dropping")).to_have_count(0)
    chat.composer.press("Enter")
    expect(note).to_contain_text("The message was not sent.")
    expect(chat.composer).to_have_value("Keep me")
    expect(chat.page.locator("#conversation .turn")).to_have_count(0)
    chat.composer.press("Enter")
    chat.expect_answer("Hello world.")
    expect(note).to_have_count(0)
    chat.ask("And now?")
    chat.expect_answer("Hello world.", count=2)


@pytest.mark.parametrize("how", ["dropped into the composer", "pasted", "chosen"])
def test_only_the_pictures_that_are_too_large_are_left_out(small_chat: ChatPage, how: str) -> None:
    chat = small_chat
    files = {"small.png": encoded(drawn()), "large.png": encoded(drawn((1000, 600)), "BMP")}
    if how == "chosen":
        chat.choose(files)
    else:
        chat.page.evaluate(
            """([files, type]) => {
                const data = new DataTransfer();
                for (const [name, encoded] of files) {
                    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
                    data.items.add(new File([bytes], name, {type: 'image/png'}));
                }
                const options = {bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data};
                const event = type === 'drop' ? new DragEvent(type, options) : new ClipboardEvent(type, options);
                document.querySelector('#composer textarea').dispatchEvent(event);
            }""",
            [
                [[name, base64.b64encode(data).decode()] for name, data in files.items()],
                "paste" if how == "pasted" else "drop",
            ],
        )
    expect(chat.page.locator(".left-out")).to_contain_text("“large.png”, 1.8 MB, was left out")
    expect(chat.page.locator(".draft-picture")).to_contain_text("small.png")
    chat.page.locator(".left-out").get_by_label("Dismiss").click()
    chat.ask("What is it?")
    chat.expect_answer("Hello world.")
    expect(chat.page.locator(".turn-question .picture")).to_have_count(1)


def test_a_message_arrives_that_is_sent_while_the_stream_of_the_last_answer_is_closing(chat: ChatPage) -> None:
    let_go = hold_back(chat.page, "close_stream")
    chat.ask("One")
    chat.expect_answer("Two shapes.")
    with chat.page.expect_response(lambda response: "/queue/join" in response.url):
        chat.ask("Two")
    chat.page.wait_for_timeout(300)  # the page believes meanwhile that it hears of the answer
    let_go()
    chat.expect_answer("Two shapes.", count=2)


def test_a_message_that_is_sent_while_its_picture_is_on_the_way_waits_for_it(chat: ChatPage) -> None:
    arriving: list[Route] = []

    def hold(route: Route) -> None:
        arriving.append(route)

    chat.page.route("**/gradio_api/upload*", hold)
    chat.drop(encoded(drawn()), "late.png", onto="#composer textarea")
    expect(chat.page.locator("#composer .loader")).to_be_visible()
    chat.ask("What is it?")
    expect(chat.composer).to_have_value("What is it?")
    expect(chat.page.locator("#conversation .turn")).to_have_count(0)
    arriving[0].continue_()
    chat.expect_answer("Two shapes.")
    expect(chat.page.locator(".turn-question .picture")).to_have_count(1)
    expect(chat.composer).to_have_value("")


def test_many_pictures_at_once_are_taken_however_large_they_are_together(
    small: Exchangeable, new_page: NewPage
) -> None:
    chat = ChatPage(new_page(small.url))
    picture = encoded(drawn((600, 500)), "BMP")
    chat.choose({f"{number}.bmp": picture for number in range(5)})
    expect(chat.page.locator(".draft-picture")).to_have_count(5)


def test_a_very_long_paste_can_be_worked_with_and_a_longer_one_is_refused(chat: ChatPage) -> None:
    chat.composer.fill("Before. ")
    chat.paste("word " * 60_000)
    expect(chat.page.locator("#notice")).to_contain_text("300,000 characters; a message can have 250,000")
    expect(chat.composer).to_have_value("Before. ")
    chat.paste("word " * 40_000)
    expect(chat.page.locator("body")).to_have_class(re.compile("long-message"))
    chat.page.keyboard.press("x")
    # Gradio fits the height by trial: each try lays out the whole text, if the height can change.
    height_px = "(text) => { text.style.height = '1px'; return text.clientHeight; }"
    assert chat.composer.evaluate(height_px) == 192
    assert len(chat.composer.input_value()) == 200_009
    chat.page.locator("#notice").get_by_label("Dismiss").click()
    expect(chat.page.locator("#notice")).to_be_empty()
    chat.composer.press("Enter")
    expect(chat.page.locator("#notice .error")).to_be_visible()
    assert len(chat.composer.input_value()) == 200_009


def test_the_file_chooser_offers_pictures_of_every_kind(chat: ChatPage) -> None:
    with chat.page.expect_file_chooser() as chooser:
        chat.page.locator("#composer .upload-button").click()
    offered = chooser.value.element.get_attribute("accept")
    assert offered is not None
    assert {"image/png", "image/jpeg", "image/tiff", "image/heic", ".heic", ".heif"} <= set(offered.split(","))


def test_nothing_covers_anything_and_a_white_picture_has_an_edge(chat: ChatPage) -> None:
    chat.drop(encoded(drawn((300, 200))))
    outline = "(image) => getComputedStyle(image).outlineStyle"
    assert chat.page.locator("#composer .thumbnail-item img").evaluate(outline) == "solid"
    heads = chat.page.locator("#chat-knobs .head").evaluate_all(
        """(heads) => heads.map((head) => {
            const place = (part) => head.querySelector(part).getBoundingClientRect();
            const [box, words] = [place('.tab-like-container'), place('.info-text')];
            return [words.top - box.bottom, box.height];
        })"""
    )
    assert len(heads) == 6
    assert all(gap >= 4 and height == 32 for gap, height in heads)


def test_words_that_were_not_sent_survive_a_reload(chat: ChatPage) -> None:
    chat.composer.fill("Not yet sent")
    chat.page.reload()
    expect(chat.composer).to_have_value("Not yet sent")
    chat.composer.press("Enter")
    chat.expect_answer("Two shapes.")
    expect(chat.page.locator(".bubble")).to_have_text("Not yet sent")
    chat.page.reload()
    chat.expect_answer("Two shapes.")
    expect(chat.composer).to_have_value("")


def test_the_description_of_the_api_is_readable(running: Running, new_page: NewPage) -> None:
    page = new_page(f"{running.url}docs")
    expect(page.get_by_text("/v1/chat/completions")).to_be_visible()


def test_an_empty_message_gets_a_sentence(chat: ChatPage) -> None:
    chat.ask("   ")
    expect(chat.page.locator("#notice")).to_contain_text("The message is empty")


def test_an_answer_that_breaks_off_is_kept_and_can_be_tried_again(chat: ChatPage, running: Running) -> None:
    running.engine.script, running.engine.fail_with = ("Two sh",), EngineError("The memory is full. Use a smaller one.")
    chat.ask("How many?")
    chat.expect_answer("Two sh")
    expect(chat.answers.locator(".error")).to_contain_text("The memory is full.")
    running.engine.script, running.engine.fail_with = ("Two shapes.",), None
    chat.answers.get_by_label("Answer again").click()
    chat.expect_answer("Two shapes.")


def test_an_error_without_a_word_offers_to_try_again(chat: ChatPage, running: Running) -> None:
    running.engine.script, running.engine.fail_with = (), EngineError("It broke.")
    chat.ask("How many?")
    expect(chat.page.locator("#conversation .error")).to_contain_text("It broke.")
    running.engine.script, running.engine.fail_with = ("Two shapes.",), None
    chat.page.get_by_role("button", name="Try again").click()
    chat.expect_answer("Two shapes.")


def test_who_waits_sees_how_many_are_before(chat: ChatPage, running: Running, new_page: NewPage) -> None:
    running.engine.script, running.engine.delay_s = SLOW, 0.2
    other = ChatPage(new_page(running.url))
    chat.ask("first")
    expect(chat.live).to_contain_text("word")
    other.ask("second")
    expect(other.live).to_contain_text("1 person before you")
    chat.stop.click()
    expect(other.live).to_contain_text("word")
    other.stop.click()
    other.expect_answer("word")


def test_a_closed_tab_frees_the_model(chat: ChatPage, running: Running, new_page: NewPage) -> None:
    running.engine.script, running.engine.delay_s = SLOW, 0.2
    leaving = ChatPage(new_page(running.url))
    leaving.ask("first")
    expect(leaving.live).to_contain_text("word")
    leaving.page.goto("about:blank")
    running.engine.script = ("Free.",)
    chat.ask("second")
    chat.expect_answer("Free.")


def test_light_and_dark_follow_the_system_and_can_be_switched(running: Running, new_page: NewPage) -> None:
    def is_dark(page: Page) -> bool:
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", background)[:3]) < 3 * 64

    chat = ChatPage(new_page(running.url, dark=True))
    assert is_dark(chat.page)
    chat.page.get_by_label("Light or dark").click()
    assert not is_dark(chat.page)
    chat.page.reload()
    expect(chat.composer).to_be_visible()
    expect(chat.page.locator("body.dark")).to_have_count(0)
    assert not is_dark(ChatPage(new_page(running.url)).page)


def test_everything_fits_into_360_pixels(running: Running, new_page: NewPage) -> None:
    running.engine.script, running.engine.delay_s = (*BOXES, "\n\n| " + "wide | " * 40 + "\n|" + "--|" * 40), 0.0
    chat = ChatPage(new_page(running.url, width=360, height=740))
    chat.drop(encoded(drawn((640, 480))))
    expect(chat.page.locator(".draft-picture")).to_be_visible()
    chat.ask("Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 3)
    chat.expect_answer("There are two.")
    for selector in ("html", "#chat-scroll", "#chat-composer"):
        assert chat.page.evaluate(
            "(s) => { const e = document.querySelector(s); return e.scrollWidth <= e.clientWidth }", selector
        )
    words = chat.page.locator(".status-words span")
    for word in (words.nth(0), words.nth(1)):  # the model's name and the device
        expect(word).to_be_in_viewport(ratio=1)
    for name, drawer in (("Conversations", "#chat-list"), ("Settings of the answer", "#chat-knobs")):
        expect(chat.page.locator(drawer)).to_be_hidden()
        chat.page.get_by_role("button", name=name, exact=True).click()
        expect(chat.page.locator(drawer)).to_be_in_viewport()
        chat.page.keyboard.press("Escape")
        expect(chat.page.locator(drawer)).to_be_hidden()


def test_a_question_mark_shows_the_keys(chat: ChatPage) -> None:
    chat.page.locator("#chat-scroll").click()
    chat.page.keyboard.press("?")
    expect(chat.page.locator("dialog#keys")).to_contain_text("Stop the answer")
    chat.page.keyboard.press("Escape")
    expect(chat.page.locator("dialog#keys")).to_be_hidden()
    chat.composer.press_sequentially("why?")
    expect(chat.page.locator("dialog#keys")).to_be_hidden()


def test_the_side_panel_reaches_the_model(chat: ChatPage, running: Running) -> None:
    running.engine.script = SLOW
    knobs = chat.page.locator("#chat-knobs")
    knobs.get_by_label("System prompt").fill("Be brief.")
    knobs.get_by_role("spinbutton", name="Max new tokens").fill("16")
    knobs.get_by_role("spinbutton", name="Max new tokens").press("Enter")
    chat.ask("Go on")
    chat.expect_answer("word")
    expect(chat.answers.locator(".stats")).to_contain_text("16 out · cut at the limit of new tokens")
    assert running.engine.prompts[-1].messages[0].text == "Be brief."


def test_a_panel_that_somebody_has_set_gets_only_the_bounds_of_the_model(new_page: NewPage, tmp_path: Path) -> None:
    class Loading(Exchangeable):
        arrives = threading.Event()

        def _load(self, *arguments: object) -> FakeEngine:
            self.arrives.wait(120)
            return FakeEngine(SLOW)

    loading = Loading(tmp_path)
    with served(loading):
        loading.studio.engines.load(ModelSpec())
        page = new_page(loading.url)
        tokens = page.locator("#chat-knobs").get_by_role("spinbutton", name="Max new tokens")
        tokens.fill("16")
        tokens.press("Enter")
        loading.arrives.set()
        expect(page.locator("#preset")).to_contain_text("4,096 visual tokens")
        expect(tokens).to_have_attribute("max", "4096")
        expect(tokens).to_have_value("16")


def test_what_is_typed_while_an_answer_is_written_stays(chat: ChatPage, running: Running) -> None:
    running.engine.script, running.engine.delay_s = SLOW, 0.2
    chat.ask("first")
    expect(chat.live).to_contain_text("word")
    chat.composer.fill("and then?")
    chat.stop.click()
    chat.expect_answer("word")
    expect(chat.composer).to_have_value("and then?")


def test_a_preset_sets_the_side_panel_and_a_seed_has_to_be_one(chat: ChatPage) -> None:
    tokens = chat.page.locator("#chat-knobs").get_by_role("spinbutton", name="Max new tokens")
    expect(tokens).to_have_value("2048")
    chat.page.locator("#preset").get_by_text("Low memory").click()
    expect(tokens).to_have_value("512")
    chat.page.locator("#seed input, #seed textarea").fill("seven")
    chat.ask("hi")
    expect(chat.page.locator("#notice")).to_contain_text("The seed is a whole number")
    chat.page.locator("#seed input, #seed textarea").fill("7")
    chat.composer.press("Enter")
    chat.expect_answer("Two shapes.")


def test_history_holds_the_models_own_text(chat: ChatPage, running: Running) -> None:
    raw = "a < b &amp; `<i>` $x$\n\n\n  end  \n"
    running.engine.script = (raw,)
    chat.ask("Show me")
    chat.expect_answer("end")
    running.engine.script = ("ok",)
    chat.ask("Again")
    chat.expect_answer("ok", count=2)
    assert running.engine.prompts[-1].messages[-2].text == raw
