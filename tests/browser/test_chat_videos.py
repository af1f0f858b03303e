"""Videos in the Chat tab, in a real browser: measured, sent with a picture, played from an event on, edited, copied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewPage, Running
from tests.browser.test_chat import ChatPage
from tests.model.clips import steady, write_clip
from tests.model.pictures import drawn, encoded

EVENTS = ("It moves twice:\n\n```json\n", '[{"start": 4.5, "end": 6, "label": "left"}]\n', "```")


@pytest.fixture
def chat(running: Running, new_page: NewPage) -> ChatPage:
    running.engine.script, running.engine.delay_s = EVENTS, 0.0
    return ChatPage(new_page(running.url))


def clip(folder: Path, name: str = "clip.webm", codec: str = "libvpx-vp9") -> Path:
    """Eight seconds, whose frames say their numbers, 10 a second."""
    return write_clip(folder / name, steady(80, 10.0), codec=codec, size_wh=(256, 128))


def choose(chat: ChatPage, *paths: Path) -> None:
    chat.page.locator("#composer input[type=file]").set_input_files(paths)


def second_of(video: Locator) -> float:
    return float(video.evaluate("video => video.currentTime"))


def test_a_video_and_a_picture_are_measured_sent_and_played_where_the_answer_says(
    chat: ChatPage, running: Running, tmp_path: Path
) -> None:
    picture = tmp_path / "drawn.png"
    picture.write_bytes(encoded(drawn((640, 480))))
    choose(chat, clip(tmp_path), picture)
    lines = chat.page.locator(".draft-picture")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text(
        re.compile(
            r"256 × 128 → .*, 0:08\.0, 16 frames from 0:00\.0 to 0:07\.5, \d+ visual tokens, about \d+ \w+ of mem"
        )
    )
    chat.ask("When does it move?")
    chat.expect_answer("It moves twice:")
    video = chat.page.locator("#conversation video")
    expect(video).to_have_count(1)
    expect(chat.page.locator("#conversation .turn-question img")).to_have_count(1)
    event = chat.answers.locator(".events button")
    expect(event).to_have_text("0:04.5 – 0:06.0")
    event.focus()
    event.press("Enter")
    chat.page.wait_for_function("() => document.querySelector('#conversation video').currentTime > 4.6")
    assert 4.5 < second_of(video) < 8

    # It goes on when the next answer writes the conversation anew.
    chat.ask("And then?")
    chat.expect_answer("It moves twice:", count=2)
    chat.page.wait_for_function("() => document.querySelector('#conversation video').currentTime > 4.6")
    sent = running.engine.prompts[-1].messages
    assert [len(message.media) for message in sent] == [2, 0, 0]

    chat.page.reload()
    expect(chat.page.locator("#conversation .events button")).to_have_count(2)


def test_a_message_with_a_video_is_edited(chat: ChatPage, running: Running, tmp_path: Path) -> None:
    choose(chat, clip(tmp_path))
    expect(chat.page.locator(".draft-picture")).to_contain_text("visual tokens")
    chat.ask("What is it?")
    chat.expect_answer("It moves twice:")
    chat.page.locator("#conversation .turn-question").hover()
    chat.page.get_by_label("Edit and go on from here").click()
    expect(chat.page.locator(".draft-picture")).to_contain_text("clip.webm")
    chat.ask("What is it really?")
    expect(chat.page.locator("#conversation .branches").first).to_contain_text("2 of 2")
    chat.expect_answer("It moves twice:")
    first, second = (prompt.messages[0] for prompt in running.engine.prompts[-2:])
    assert first.media == second.media
    assert second.text == "What is it really?"


def test_what_the_browser_cannot_play_is_played_as_a_copy(chat: ChatPage, tmp_path: Path) -> None:
    choose(chat, clip(tmp_path, "clip.avi", "mpeg4"))
    expect(chat.page.locator(".draft-picture")).to_contain_text("clip.avi")
    chat.ask("What is it?")
    chat.expect_answer("It moves twice:")
    chat.page.wait_for_function("() => document.querySelector('#conversation video').readyState > 0")
    assert str(chat.page.locator("#conversation video").get_attribute("src")).endswith("/preview")
    expect(chat.page.locator("#conversation .video .note")).to_be_hidden()


def test_a_damaged_video_is_said_and_nothing_is_lost(chat: ChatPage, tmp_path: Path) -> None:
    whole = clip(tmp_path)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypisom" + whole.read_bytes()[:500])
    choose(chat, whole, broken)
    expect(chat.page.locator("#draft .error")).to_contain_text("broken.mp4 This video is damaged or incomplete.")
    chat.ask("What is it?")
    expect(chat.page.locator("#notice")).to_contain_text("“broken.mp4” cannot be sent; take it out.")
    expect(chat.composer).to_have_value("What is it?")
    expect(chat.page.locator("#composer .thumbnail-item")).to_have_count(2)


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (360, True)])
def test_a_video_fits_every_screen(running: Running, new_page: NewPage, tmp_path: Path, width: int, dark: bool) -> None:
    running.engine.script, running.engine.delay_s = EVENTS, 0.0
    chat = ChatPage(new_page(running.url, width=width, dark=dark))
    choose(chat, clip(tmp_path))
    expect(chat.page.locator(".draft-picture")).to_contain_text("visual tokens")
    chat.ask("When does it move to the left?")
    chat.expect_answer("It moves twice:")
    box = chat.page.locator("#conversation video").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_deleted_conversation_takes_its_video_along(chat: ChatPage, running: Running, tmp_path: Path) -> None:
    choose(chat, write_clip(tmp_path / "own.webm", steady(40, 8.0), codec="libvpx-vp9"))
    expect(chat.page.locator(".draft-picture")).to_contain_text("visual tokens")
    chat.ask("Whose is it?")
    chat.expect_answer("It moves twice:")
    sha256 = str(chat.page.locator("#conversation video").get_attribute("data-sha"))
    assert running.studio.media.has_video(sha256)
    delete = chat.page.get_by_label("Delete the conversation Whose is it?")
    delete.click()
    delete.click()
    expect(chat.page.locator(".welcome")).to_be_visible()
    assert not running.studio.media.has_video(sha256)
