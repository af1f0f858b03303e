"""Take the pictures of the README from the running program: `python -m docs.screenshots`.

Starts `python app.py` with the pocket model and a folder of its own, drives it in a real Chromium, and writes
`docs/screenshot*.png`. Knows what is worth showing; changes nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PATIENCE_MS = 120_000


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as data_dir:
        program = subprocess.Popen(
            [sys.executable, "app.py", "--port", "0", "--data-dir", data_dir],
            cwd=FOLDER.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert program.stdout is not None
            url = program.stdout.readline().split()[2]
            with sync_playwright() as playwright:
                path = next(filter(None, map(shutil.which, _NAMES)))
                _take(playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]), url)
        finally:
            program.terminate()
            program.wait()


def _take(browser: Browser, url: str) -> None:
    light = _page(browser, url, 1280, 800)
    for place in (0, 3, 2, 1):  # the last one stays in the picture
        light.get_by_role("button", name="New conversation").click()
        light.locator(".examples button").nth(place).click()
        light.locator("#conversation .turn-answer .stats").wait_for()
    light.screenshot(path=FOLDER / "screenshot.png")
    video = _page(browser, url, 1280, 800)
    video.get_by_role("tab", name="Video").click()
    video.locator("#video-welcome button").click()
    video.locator("#video-thread .vt-facts").wait_for()
    video.screenshot(path=FOLDER / "screenshot-video.png")
    narrow = _page(browser, light.url, 360, 740, dark=True)
    narrow.locator("#conversation .turn-answer .stats").wait_for()
    narrow.screenshot(path=FOLDER / "screenshot-narrow.png")


def _page(browser: Browser, url: str, width: int, height: int, *, dark: bool = False) -> Page:
    page = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        device_scale_factor=1.5,
    ).new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(url)
    page.locator(".status-ready").wait_for()
    return page


if __name__ == "__main__":
    main()
