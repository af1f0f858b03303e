"""Hostile answers in a real browser: whatever a model writes, nothing of it runs and nothing is fetched.

Each answer is shown in every form that the Document tab has for it, as a page of its own without any policy of the
server's, where scripts would run; then all of them in the real tab. Every request is watched.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from app.document_reading import ReadingAsk
from app.document_view import Exchange, FieldsRow, ShownPage, answers_html, fields_html, page_html
from tests.app.documents import REPORT, reading
from tests.browser.conftest import NewPage, Running

RUN = "window.hacked=(window.hacked||0)+1"

HOSTILE = {
    "script": f"<script>{RUN}</script>",
    "script in upper case": f"<SCRIPT>{RUN}</SCRIPT>",
    "script with a source": "<script src=https://evil.example/x.js></script>",
    "script split by a comment": f"<scr<!-- -->ipt>{RUN}</scr<!-- -->ipt>",
    "script inside a script": f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "script that is never closed": f"<script>{RUN}",
    "picture with an error": f"<img src=x onerror='{RUN}'>",
    "picture with an error, without spaces": f"<img/src=x/onerror={RUN}>",
    "remote picture": "<img src=https://evil.example/p.png>",
    "remote picture with a box": '<img data-bbox="10 10 500 500" src="https://evil.example/p.png"/>',
    "remote set of pictures": "<img srcset='https://evil.example/p.png 1x'>",
    "remote picture in Markdown": "![p](https://evil.example/p.png)",
    "remote picture by reference": "![p][r]\n\n[r]: https://evil.example/p.png",
    "remote style sheet": "<link rel=stylesheet href=https://evil.example/s.css>",
    "style with an address": "<style>body{background:url(https://evil.example/s)}</style>",
    "style attribute with an address": '<p data-bbox="1 1 9 9" style="background:url(https://evil.example/s)">x</p>',
    "svg that loads": f"<svg onload='{RUN}'></svg>",
    "svg with a script": f"<svg><script>{RUN}</script></svg>",
    "svg with an animated address": f"<svg><a><animate attributeName=href values='javascript:{RUN}'/>x</a></svg>",
    "mathml with a link": f"<math><mtext><a href='javascript:{RUN}'>x</a></mtext></math>",
    "mathml that breaks out": f"<math><mtext><table><mglyph><style><img src=x onerror='{RUN}'>",
    "frame": "<iframe src=https://evil.example/></iframe>",
    "frame with a document": f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    "object": "<object data=https://evil.example/x></object>",
    "embed": "<embed src=https://evil.example/x>",
    "base": "<base href=https://evil.example/>",
    "refresh": "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "form": "<form action=https://evil.example/><button autofocus>Send</button></form>",
    "details that open": f"<details open ontoggle='{RUN}'>x</details>",
    "focus": f"<input autofocus onfocus='{RUN}'>",
    "video": f"<video src=https://evil.example/v onerror='{RUN}'></video>",
    "link with a script": f"<a href='javascript:{RUN}'>click</a>",
    "link with a script in Markdown": f"[click](javascript:{RUN})",
    "link with an encoded script": f"[click](java&#115;cript:{RUN})",
    "link with a tab in its script": f"<a href='java\tscript:{RUN}'>click</a>",
    "link with data": f"[click](data:text/html,<script>{RUN}</script>)",
    "reference to a page with a script": f"[page 1](javascript:{RUN}) page 1",
    "table with a script": f"<table data-bbox='1 1 900 900'><tr><td><img src=x onerror='{RUN}'></td></tr></table>",
    "table with a handler": f"<table data-bbox='1 1 900 900' onmouseover='{RUN}'><tr><td>click</td></tr></table>",
    "box with a quote": f"<p data-bbox='1 1 900 900\" onmouseover=\"{RUN}'>x</p>",
    "heading with a script": f"# <img src=x onerror='{RUN}'>",
    "code with a script": f"```html\n<script>{RUN}</script>\n```",
    "language of code": f'```"><img/src=x/onerror={RUN}>\ncode\n```',
    "formula with HTML": f"$$\\text{{<img src=x onerror='{RUN}'>}}$$",
    "formula with a link": f"$\\href{{javascript:{RUN}}}{{x}}$",
    "comment with a box": f"<!-- Image (1, 1, 500, 500) --><img src=x onerror='{RUN}'>",
    "Markdown table with a script": f"| a |\n|---|\n| <img src=x onerror='{RUN}'> |",
    "marked cell with a script": f"| a |\n|---|\n| **b** $x$ [l](javascript:{RUN}) <img src=x onerror='{RUN}'> |",
    "formula with HTML in a cell": f"| a |\n|---|\n| $\\text{{<img src=x onerror='{RUN}'>}}$ |",
    "line with a script": json.dumps([{"bbox_2d": [1, 1, 900, 900], "text_content": f"<img src=x onerror='{RUN}'>"}]),
    "template": f"<template><img src=x onerror='{RUN}'></template>",
    "template of the page's framework": "{{constructor.constructor('window.hacked=1')()}} ${window.hacked=1}",
    "attribute of the page's own": f"<button data-do='again' data-page='theme' onclick='{RUN}'>click</button>",
}


FIELD = "<img src=x onerror=window.hacked=1>"
DANGEROUS = (
    "script, iframe, object, embed, base, link, meta, form, style, template, video, input, img, "
    "[onerror], [onload], [ontoggle], [onfocus], [onmouseover], [onclick]"
)


def _shown(answer: str) -> str:
    """The answer in every form that the tab has for it."""
    parts = []
    for mode in ("text", "markdown", "layout", "tables", "lines"):
        blocks = list(enumerate(reading(answer, ReadingAsk(mode)).document.blocks))
        parts.append(page_html(ShownPage("/documents/token/1", (1000, 1000), blocks)))
    fields = reading(json.dumps({FIELD: answer, "plain": [answer]}), ReadingAsk("fields", (FIELD, "plain")))
    parts.append(fields_html((FIELD, "plain"), [FieldsRow(0, FIELD, "done", fields.document.fields)], 0))
    parts.append(answers_html([Exchange(answer, f"{answer} page 1", error=answer)], 2))
    return "".join(parts)


@pytest.fixture(scope="module")
def bare_page(running: Running, new_shared_page: NewPage) -> Page:
    """A page without a content policy: what could run there would."""
    return new_shared_page("about:blank")


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 30


def test_the_watch_would_see_them(bare_page: Page) -> None:
    bare_page.set_content(HOSTILE["script"])
    assert bare_page.evaluate("window.hacked") == 1
    assert bare_page.locator(DANGEROUS).count() > 0


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_a_hostile_answer_runs_or_is_fetched(bare_page: Page, name: str) -> None:
    sent: list[str] = []

    def watch(request: Request) -> None:
        sent.append(request.url)

    bare_page.goto("about:blank")
    bare_page.on("request", watch)
    bare_page.set_content(f"<main>{_shown(HOSTILE[name])}</main>")
    bare_page.locator("main").click(position={"x": 5, "y": 5})
    bare_page.wait_for_timeout(50)
    bare_page.remove_listener("request", watch)
    assert bare_page.evaluate("window.hacked") is None
    assert sent == []
    assert bare_page.locator("main").locator(DANGEROUS).count() == 0
    links = bare_page.locator("main a").evaluate_all("links => links.map((link) => link.getAttribute('href') || '')")
    assert [href for href in links if not href.startswith(("#page-", "http://", "https://", "mailto:"))] == []


@pytest.mark.parametrize("mode", ["Markdown", "Layout", "Fields", "Ask"])
def test_all_of_them_in_the_tab(running: Running, new_page: NewPage, tmp_path: Path, mode: str) -> None:
    answers = "\n\n".join(HOSTILE.values())
    running.engine.script = (json.dumps({FIELD: answers}) if mode == "Fields" else answers,)
    running.engine.delay_s, running.engine.fail_with = 0, None
    file = tmp_path / f"{FIELD}.pdf"
    file.write_bytes(REPORT.read_bytes() + f"\n% {uuid.uuid4()}\n".encode())
    page = new_page(running.url)
    page.get_by_role("tab", name="Document").click()
    expect(page.locator(".doc-welcome")).to_be_visible()
    page.get_by_test_id("Choose documents-upload-button").set_input_files(file)
    expect(page.locator("#document-strip .doc-page")).to_have_count(2)
    page.locator("#document-mode label", has_text=mode).click()
    if mode == "Fields":
        page.locator("#document-fields input").click()
        page.keyboard.type(FIELD)
        page.keyboard.press("Enter")
        expect(page.locator("#document-fields .token")).to_have_count(1)
    if mode == "Ask":
        page.locator("#document-question textarea").fill(answers)
    page.locator("#document-ask-button" if mode == "Ask" else "#document-read").click()
    shown = {"Fields": ".doc-cell", "Ask": ".doc-answers article .prose-text *"}.get(mode, ".doc-block")
    expect(page.locator(f"#document-result {shown}").first).to_be_visible()
    expect(page.locator("#document-stop")).to_be_hidden()
    page.mouse.move(900, 400)
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#document-result").locator(DANGEROUS).count() == 0
    assert page.locator("#document img[src=x]").count() == 0
