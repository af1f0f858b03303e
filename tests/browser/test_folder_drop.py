"""A folder of numbered pictures that is dropped onto the page becomes a video."""

from __future__ import annotations

import base64
import io

from PIL import Image as Pillow
from playwright.sync_api import expect

from tests.browser.conftest import NewPage, Running
from tests.model.clips import numbered

# A page cannot make a drop that holds a folder: entries as a browser gives them stand in for one.
_DROP = """(pictures) => {
    const fileOf = ([name, data]) => new File([Uint8Array.from(atob(data), (char) => char.charCodeAt(0))], name);
    const entryOf = (picture) => ({
        isFile: true, isDirectory: false, name: picture[0], file: (done) => done(fileOf(picture)),
    });
    const entries = pictures.map(entryOf);
    const folder = {
        isFile: false, isDirectory: true, name: 'frames',
        createReader: () => ({ readEntries: (done) => done(entries.splice(0, 2)) }),
    };
    DataTransferItem.prototype.webkitGetAsEntry = () => folder;
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([], 'frames'));
    for (const type of ['dragenter', 'dragover', 'drop'])
        document.body.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true}));
}"""


def test_a_dropped_folder_becomes_a_video(running: Running, new_page: NewPage) -> None:
    page = new_page(running.url)
    expect(page.locator(".status-ready")).to_be_visible()
    page.get_by_role("tab", name="Video").click()
    expect(page.locator("#video-welcome")).to_contain_text("folder of numbered pictures")
    pictures = [(f"{number}.png", _png(number)) for number in (10, 9, 1, 2, 3)]
    page.evaluate(_DROP, [*pictures, (".hidden", _png(0))])
    expect(page.locator("#video-status")).to_contain_text("0:02.5")  # five pictures, two a second


def _png(number: int) -> str:
    file = io.BytesIO()
    Pillow.fromarray(numbered(number)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
