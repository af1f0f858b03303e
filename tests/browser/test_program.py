"""The program itself with the pocket model, from the first byte of the page to a right answer, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator

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


def test_a_dropped_picture_is_answered_rightly_and_stop_and_again_work(url: str, new_page: NewPage) -> None:
    page = new_page(url)
    expect(page.locator(".status-ready")).to_be_visible(timeout=_LOADING_MS)
    chat = ChatPage(page)
    chat.drop((FOLDER / "shapes-2.png").read_bytes(), "shapes-2.png")
    expect(page.locator(".draft-picture")).to_contain_text("visual tokens")
    chat.ask("Locate every shape.")
    expect(chat.live.locator(".overlay rect").first).to_be_visible()
    expect(chat.answers).to_have_count(1)
    labels = {label.split("\n")[0].strip() for label in chat.answers.locator(".overlay .label").all_text_contents()}
    found = {re.sub(r"\W*\d[\d–, ]*$", "", label).strip() for label in labels}
    assert found == {"brown square", "blue star", "brown cross", "brown star"}
    expect(chat.answers.locator(".stats")).to_have_text(re.compile(r"tokens/s · \d+ tokens in, \d+ out · finished"))
    chat.answers.get_by_label("Answer again").click()
    expect(chat.live.locator(".overlay rect").first).to_be_visible()
    chat.stop.click()
    expect(chat.answers).to_contain_text("2 of 2")
    expect(chat.live).to_have_count(0)
