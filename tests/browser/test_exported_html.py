"""A document exported as HTML, opened from disk in a real browser: nothing in it runs or is fetched, all is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from playwright.sync_api import Browser, Page

from model.types import Block, Cell, Table
from tests.app.exports.documents.read_pages import EVERYTHING, read_page, written

RUN = "window.hacked=1"
HOSTILE = (
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    '<img src="https://evil.example/p.png">',
    "![p](https://evil.example/p.png)",
    f"[x](javascript:{RUN})",
    f"<svg onload={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    "<style>body{background:url(https://evil.example/s)}</style>",
    "<link rel=stylesheet href=https://evil.example/s.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f'```"><img/src=x/onerror={RUN}>\ncode\n```',
    f"$$\\text{{<img src=x onerror={RUN}>}}$$",
    "</style><script>window.hacked=1</script>",
    f"--><img src=x onerror={RUN}>",
    f'" onmouseover="{RUN}',
)


def _opened(browser: Browser, path: Path, data: bytes, **options: Any) -> tuple[Page, list[str]]:
    """The file in a browser, and what it asked for."""
    path.write_bytes(data)
    page = browser.new_page(**options)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, asked


@pytest.mark.parametrize("is_without_policy", [False, True], ids=["as it is", "without its policy"])
def test_nothing_of_a_hostile_answer_runs_or_is_fetched(
    browser: Browser, tmp_path: Path, is_without_policy: bool
) -> None:
    """The policy of the file is a second wall: the first holds without it."""
    blocks = [
        block
        for evil in HOSTILE
        for block in (
            Block("text", evil, evil),
            Block("heading", evil, f"# {evil}", level=1),
            Block("table", evil, table=Table(((Cell(evil),),))),
            Block("figure", evil, "", (0, 0, 9, 9)),
            Block("caption", evil),
        )
    ]
    pages = (
        read_page(*blocks, source=HOSTILE[0], fields={evil: evil for evil in HOSTILE}),
        read_page(source=HOSTILE[-1]),
    )
    text = written("html", *pages)[0].decode()
    if is_without_policy:
        assert "Content-Security-Policy" in text
        text = text.replace("Content-Security-Policy", "X")
    page, asked = _opened(browser, tmp_path / "hostile.html", text.encode())
    for row in page.locator("th, td, p, img").all()[:40]:
        row.hover()
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.locator("main :is(script, iframe, object, embed, base, link, style, meta, form, svg)").count() == 0
    assert [
        href for href in page.locator("a").evaluate_all("all => all.map((a) => a.protocol)") if href != "https:"
    ] == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_it_is_readable_on_every_screen(browser: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    data, _ = written("html", read_page(*EVERYTHING, fields={"total": "5"}))
    size = {"width": width, "height": 900}
    page, _ = _opened(browser, tmp_path / "page.html", data, viewport=size, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.images.length && [...document.images].every((image) => image.naturalWidth > 0)")
    background, text = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (_lightness(background) > _lightness(text)) == (scheme == "light")
    assert page.locator("math").count() == 1
    assert page.locator("h1").inner_text() == "Title of it"
    page.close()


def _lightness(color: str) -> float:
    """Of the browser's "rgb(1, 2, 3)"."""
    return sum(float(number) for number in color[4:-1].split(","))


def test_every_page_begins_on_a_sheet_of_its_own(browser: Browser, tmp_path: Path) -> None:
    page, _ = _opened(browser, tmp_path / "page.html", written("html", *[read_page(*EVERYTHING[:3])] * 3)[0])
    printed = pdfium.PdfDocument(page.pdf(format="A4"))
    assert len(printed) == 3
    assert all("Title of it" in sheet.get_textpage().get_text_range() for sheet in printed)
    page.close()
