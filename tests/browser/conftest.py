"""A real Chromium, and real servers on loopback for it to visit.

Every page is watched: an error in its scripts, or a request to any other host, fails the test. `.ci/run` sets
FORBID_SKIPS, so that a missing browser cannot pass for a green run.
"""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from app.api import create_app
from app.engine_manager import EngineManager
from app.history import History
from app.media_store import MediaStore
from app.settings import Settings
from app.studio import Studio
from model.engines.fake import FakeEngine
from model.loading import ModelSpec

SCREENSHOTS = Path(__file__).resolve().parents[2] / "artifacts"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A camera that shows a test pattern, so that taking a picture can be tried.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)

_FAILED = pytest.StashKey[bool]()

_PATIENCE_MS = 30_000  # a busy machine is slow, not wrong

NewPage = Callable[..., Page]
expect.set_options(timeout=_PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = "no Chromium on the PATH: install the package chromium (Debian, Ubuntu: apt-get install chromium)"
        (pytest.fail if os.environ.get("FORBID_SKIPS") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield started
        started.close()


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """`new_page(url, width=1280, height=900, dark=False)` opens a page in a fresh profile."""
    yield from _opener(browser, request.node.name, lambda: _FAILED in request.node.stash)


@pytest.fixture(scope="module")
def new_shared_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """The same for pages that many tests use one after another: loading one takes seconds."""
    yield from _opener(browser, Path(request.node.name).stem, lambda: True)


def _opener(browser: Browser, name: str, is_worth_a_screenshot: Callable[[], bool]) -> Iterator[NewPage]:
    opened: list[tuple[Page, list[str]]] = []

    def make(url: str, *, width: int = 1280, height: int = 900, dark: bool = False, **context: Any) -> Page:
        context |= {"viewport": {"width": width, "height": height}, "color_scheme": "dark" if dark else "light"}
        page = browser.new_context(accept_downloads=True, **context).new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
        page.on("request", lambda sent: faults.append(f"request to {sent.url}") if _is_foreign(sent.url) else None)
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(url)
        opened.append((page, faults))
        return page

    yield make
    SCREENSHOTS.mkdir(exist_ok=True)
    for number, (page, faults) in enumerate(opened):
        if faults or is_worth_a_screenshot():  # each takes half a second
            page.screenshot(path=SCREENSHOTS / f"{name.replace('/', '_')}-{number}.png")
        page.context.close()
        assert faults == []


def _is_foreign(url: str) -> bool:
    return url.split(":", 1)[0] in ("http", "https", "ws", "wss") and "://127.0.0.1:" not in url


class Server:
    """An app served on a free port of this machine until `stop`."""

    def __init__(self, app: FastAPI) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server could not start"
            self._thread.join(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@dataclass
class Running:
    """The whole program with an engine that says what it is told to; tests change `engine.script` and `delay_s`."""

    url: str
    engine: FakeEngine
    studio: Studio


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("data")
    engine = FakeEngine()
    manager = EngineManager(lambda spec, progress, cancel: engine, announce=lambda sentence: None)
    settings: dict[str, Any] = {"data_dir": folder}
    studio = Studio(Settings(**settings), manager, MediaStore(folder), History(folder))
    manager.load(ModelSpec())
    server = Server(create_app(studio))
    yield Running(server.url, engine, studio)
    server.stop()
    manager.close()
    studio.history.close()


def is_seen(locator: Locator) -> bool:
    """Whether the middle of something is in the window, and nothing lies over it."""
    seen: bool = locator.evaluate(
        """(node) => {
          const { x, y, width, height } = node.getBoundingClientRect();
          return node.contains(document.elementFromPoint(x + width / 2, y + height / 2));
        }"""
    )
    return seen


def drop(page: Page, tab: str, name: str, data: bytes, media_type: str) -> None:
    """Drop a file somewhere in the tab with that id."""
    page.evaluate(
        """([tab, name, data, type]) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, {type}));
          const event = new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true});
          document.getElementById(tab).dispatchEvent(event);
        }""",
        [tab, name, base64.b64encode(data).decode(), media_type],
    )


def hold_back(page: Page, kind: str) -> Callable[[], None]:
    """Keep what Gradio's stream of updates says of that kind from the page, as a slow network would, until what this
    returns is called: then the page hears it at once, behind all that it has heard meanwhile."""
    page.evaluate(
        r"""(kind) => {
          const { fetch } = window;
          const held = [];
          let isHolding = true;
          let told; // where the page listens now
          let letGo;
          const released = new Promise((done) => { letGo = done; });
          window.fetch = async (...asked) => {
            const response = await fetch(...asked);
            if (!response.url.includes('/queue/data')) return response;
            let rest = '';
            const holding = new TransformStream({
              start: (controller) => { told = controller; },
              transform(text, controller) {
                const said = (rest + text).split('\n\n');
                rest = said.pop();
                for (const each of said) {
                  if (isHolding && each.includes(`"msg":"${kind}"`)) held.push(each);
                  else controller.enqueue(`${each}\n\n`);
                }
              },
              flush: () => (held.length ? released : null),
            });
            const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(holding);
            return new Response(body.pipeThrough(new TextEncoderStream()), response);
          };
          window.letGo = () => {
            isHolding = false;
            for (const each of held) told.enqueue(`${each}\n\n`);
            letGo();
          };
        }""",
        kind,
    )

    def let_go() -> None:
        page.evaluate("window.letGo()")

    return let_go
