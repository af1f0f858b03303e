"""The program itself with the pocket model, from the first byte of the page to a right answer, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import expect

from app.examples import FOLDER
from tests.browser.conftest import NewPage
from tests.browser.test_chat import ChatPage
from tests.program import program

_LOADING_MS = 120_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with program("--port", "0", data_dir=tmp_path_factory.mktemp("data")) as running:
        yield running.url()


def test_the_model_arrives_after_the_page_and_says_what_it_is(url: str, new_page: NewPage) -> None:
    page = new_page(url)
    expect(page.locator("#composer textarea")).to_be_visible()
    expect(page.locator(".status-ready")).to_be_visible(timeout=_LOADING_MS)
    expect(page.locator("#model-status")).to_have_text(re.compile(r"pocket\W+\w+\W+\w+\W+\d+ MiB"))
    expect(page.locator("#about")).to_contain_text("It cannot")
    expect(page.locator(".examples button")).not_to_have_count(0)


@pytest.fixture
def chat(url: str, new_page: NewPage) -> ChatPage:
    page = new_page(url)
    expect(page.locator(".status-ready")).to_be_visible(timeout=_LOADING_MS)
    return ChatPage(page)


def drop(chat: ChatPage, *names: str) -> None:
    """Drop these examples one after another."""
    for count, name in enumerate(names, start=1):
        chat.drop((FOLDER / name).read_bytes(), name)
        expect(chat.page.locator(".draft-picture")).to_have_count(count)


def expect_words(chat: ChatPage, words: str, count: int = 1) -> None:
    """The last of `count` answers says these words; the counts and times below it do not matter."""
    expect(chat.answers).to_have_count(count)
    said = chat.answers.last.locator(".prose-text")
    expect(said).to_contain_text(re.compile(rf"\b({words})\b", re.IGNORECASE))


def test_the_end_of_each_answer_is_in_view_until_somebody_scrolls_up(chat: ChatPage) -> None:
    chat.page.set_viewport_size({"width": 1000, "height": 560})
    gap = "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)"
    gap += "(document.getElementById('chat-scroll'))"
    drop(chat, "shapes-4.png")
    for count, question in enumerate(("What do you see?", "Locate every shape.", "How many shapes are there?") * 2, 1):
        chat.ask(question)
        expect(chat.answers).to_have_count(count)
        chat.page.wait_for_function(f"{gap} < 4")
        chat.page.wait_for_timeout(300)  # pictures and places are drawn late, and may move the layout
        assert chat.page.evaluate(gap) < 4
    chat.page.mouse.move(500, 250)
    chat.page.mouse.wheel(0, -300)
    chat.page.wait_for_function(f"{gap} > 200")
    chat.page.evaluate("document.querySelector('#conversation .turn').append(document.createElement('br'))")
    chat.page.wait_for_timeout(300)
    assert chat.page.evaluate(gap) > 200
    chat.composer.fill("How many shapes are there?")
    chat.page.locator("#composer .submit-button").click()
    expect(chat.answers).to_have_count(7)
    chat.page.wait_for_function(f"{gap} < 4")
    chat.page.set_viewport_size({"width": 1000, "height": 420})
    chat.page.wait_for_function(f"{gap} < 4")


def test_a_dropped_picture_is_answered_rightly_and_drawn_on(chat: ChatPage) -> None:
    drop(chat, "shapes-2.png")
    expect(chat.page.locator(".draft-picture")).to_contain_text("visual tokens")
    chat.ask("Locate every shape.")
    expect(chat.answers).to_have_count(1)
    labels = {label.split("\n")[0].strip() for label in chat.answers.locator(".overlay .label").all_text_contents()}
    found = {re.sub(r"\W*\d[\d–, ]*$", "", label).strip() for label in labels}
    assert found == {"brown square", "blue star", "brown cross", "brown star"}
    expect(chat.answers.locator(".stats")).to_have_text(re.compile(r"tokens/s · \d+ tokens in, \d+ out · finished"))


def test_a_second_question_is_about_the_same_picture(chat: ChatPage) -> None:
    drop(chat, "shapes-4.png")
    chat.ask("How many shapes are there?")
    expect_words(chat, "4|four")
    chat.ask("What color is the triangle?")
    expect_words(chat, "blue", count=2)
    expect(chat.page.locator(".turn-question .picture")).to_have_count(1)


def test_an_edited_question_gets_its_own_answer_and_the_old_one_stays(chat: ChatPage) -> None:
    drop(chat, "shapes-4.png")
    chat.ask("What color is the triangle?")
    expect_words(chat, "blue")
    chat.page.locator(".turn-question").hover()
    chat.page.get_by_label("Edit and go on from here").click()
    expect(chat.composer).to_have_value("What color is the triangle?")
    chat.ask("What color is the cross?")
    expect_words(chat, "red")
    expect(chat.page.locator(".turn-question .picture")).to_have_count(1)
    chat.page.get_by_label("Previous version").click()
    expect_words(chat, "blue")


def test_two_pictures_are_compared(chat: ChatPage) -> None:
    drop(chat, "shapes-2.png", "shapes-1.png")  # 4 shapes and 7
    chat.ask("Which picture has more shapes?")
    expect_words(chat, "picture 2 has more|second")
    expect(chat.page.locator(".turn-question .picture")).to_have_count(2)


def test_the_same_answer_again_says_why(chat: ChatPage) -> None:
    drop(chat, "shapes-2.png")
    chat.ask("How many shapes are there?")
    expect_words(chat, "4|four")
    chat.answers.get_by_label("Answer again").click()
    chat.expect_answer("2 of 2")
    expect_words(chat, "4|four")
    expect(chat.page.locator("#notice")).to_contain_text("Greedy always takes the likeliest token")


def test_a_real_answer_is_stopped_in_the_middle_and_the_next_message_works(chat: ChatPage) -> None:
    """The pocket model is done in a second, which a late browser may miss: it is asked again until it is not."""
    drop(chat, "shapes-1.png")
    chat.ask("Locate every shape.")
    stats = chat.answers.locator(".stats")
    expect(stats).to_contain_text("finished")
    whole = str(chat.answers.locator("[data-raw]").get_attribute("data-raw"))
    chat.page.evaluate(
        """() => new MutationObserver(() => {
            if (document.querySelector('#live .overlay rect')) document.querySelector('#composer .stop-button').click();
        }).observe(document.querySelector('#live'), {childList: true, subtree: true})"""
    )
    for version in range(2, 12):
        chat.answers.get_by_label("Answer again").click()
        chat.expect_answer(f"{version} of {version}")
        if "stopped" in stats.inner_text():
            break
    expect(stats).to_contain_text("stopped")
    begun = str(chat.answers.locator("[data-raw]").get_attribute("data-raw"))
    assert 0 < len(begun) < len(whole)
    assert whole.startswith(begun)
    chat.ask("How many red triangles are there?")
    expect_words(chat, "1|one", count=2)


def test_the_example_video_is_answered_rightly_and_played_from_there(url: str, new_page: NewPage) -> None:
    page = new_page(url)
    expect(page.locator(".status-ready")).to_be_visible(timeout=_LOADING_MS)
    page.get_by_role("tab", name="Video").click()
    page.locator("#video-welcome [data-do=example]").click()
    event = page.locator("#video-thread .vt-event")
    expect(event).to_contain_text("The red circle appears", timeout=_LOADING_MS)
    expect(page.locator("#video-run")).to_be_visible()
    expect(event).to_have_count(1)
    player = page.locator("#video-timeline video")
    player.evaluate("v => v.addEventListener('seeking', () => { window.sought = v.currentTime; }, {once: true})")
    event.click()
    page.wait_for_function("window.sought !== undefined")
    assert page.evaluate("window.sought") == pytest.approx(red_appears_s(FOLDER / "clip.mp4"), abs=0.5)


def red_appears_s(path: Path) -> float:
    """When much of the picture turns red for the first time."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            red, green, blue = np.moveaxis(frame.to_ndarray(format="rgb24").astype(int), -1, 0)
            if ((red > 150) & (green < 90) & (blue < 90)).mean() > 0.01:
                return float(frame.time or 0)
    raise AssertionError("nothing red in it")
