"""The Document tab in a real browser, from drop to export, with a slow engine that says what it is told to."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from model.types import Chunk
from tests.app.documents import LAYOUT, MARKDOWN, REPORT, encrypted
from tests.app.found import picture
from tests.browser.conftest import NewPage, Running, drop, is_seen
from tests.model.parsing.answers import needs_real_outputs, raw_text, real_cases
from tests.model.pdfs import Page as PdfPage
from tests.model.pdfs import write_pdf


class DocumentPage:
    """The tab, and what a person does there."""

    def __init__(self, page: Page, running: Running) -> None:
        self.page = page
        self.asked = running.engine.prompts
        self.pages = page.locator("#document-strip .doc-page")
        self.blocks = page.locator("#document-result .doc-block")
        self.lines = page.locator("#document-viewer .sv-lines path")
        self.read = page.locator("#document-read")
        self.stop = page.locator("#document-stop")
        self.head = page.locator("#document-head")
        self.stage = page.locator("#document-stage")

    def choose(self, *files: Path) -> None:
        self.page.get_by_test_id("Choose documents-upload-button").set_input_files(files)
        expect(self.page.locator("#document-viewer .sv-picture")).to_be_visible()

    def mode(self, name: str) -> None:
        label = self.page.locator("#document-mode label", has_text=name)
        label.click()
        expect(label).to_have_class(re.compile("selected"))

    def read_all(self) -> None:
        """Read, and wait for the end."""
        before = len(self.asked)
        self.read.click()
        while len(self.asked) == before:
            self.page.wait_for_timeout(20)
        expect(self.page.locator("#document-strip").locator(".is-done, .is-cut, .is-failed").first).to_be_visible()
        expect(self.page.locator("#document-strip").locator(".is-reading, .is-waiting")).to_have_count(0)
        self.finished()

    def finished(self) -> None:
        expect(self.stop).to_be_hidden()
        expect(self.read.or_(self.page.locator("#document-ask-button")).first).to_be_enabled()

    def export(self, key: str) -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.page.locator(f"#document-export-{key}").click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the page, in fractions, is on the screen."""
        place = self.page.locator("#document-viewer .sv-picture").bounding_box()
        assert place is not None
        return place["x"] + x * place["width"], place["y"] + y * place["height"]


OpenDocument = Callable[..., DocumentPage]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The two-page report, with content of its own: what another test has read of it does not count."""
    path = tmp_path / "report.pdf"
    path.write_bytes(REPORT.read_bytes() + f"\n% {uuid.uuid4()}\n".encode())
    return path


@pytest.fixture
def open_tab(running: Running, new_page: NewPage) -> OpenDocument:
    running.engine.script, running.engine.delay_s, running.engine.fail_with = LAYOUT, 0.02, None
    running.engine.prompts.clear()

    def open_page(**options: object) -> DocumentPage:
        page = new_page(running.url, **options)
        page.get_by_role("tab", name="Document").click()
        expect(page.locator(".doc-welcome")).to_be_visible()
        return DocumentPage(page, running)

    return open_page


@pytest.fixture
def tab(open_tab: OpenDocument) -> DocumentPage:
    return open_tab()


def test_from_drop_to_export(tab: DocumentPage, running: Running, report: Path) -> None:
    drop(tab.page, "document", "report.pdf", report.read_bytes(), "application/pdf")
    expect(tab.pages).to_have_count(2)
    expect(tab.page.locator("#document-strip img").nth(1)).to_have_js_property("complete", True)
    assert tab.page.evaluate("document.querySelector('#document-strip img').naturalWidth") > 50
    tab.page.locator(".doc-own summary").click()
    expect(tab.page.locator(".doc-own pre")).to_contain_text("garden behind the library")
    tab.mode("Layout")
    running.engine.delay_s = 0.3
    tab.read.click()
    expect(tab.stage).to_contain_text("0 of 2 pages read")
    expect(tab.stage).to_contain_text(re.compile("1 of 2 pages read, about .* left"))
    running.engine.delay_s = 0.02
    tab.finished()
    expect(tab.page.locator("#document-strip .is-done")).to_have_count(2)
    expect(tab.blocks).to_have_count(4)
    expect(tab.lines).to_have_count(4)
    expect(tab.head).to_contain_text("page 2 of 2")
    tab.page.locator("#document-viewer summary").click()
    expect(tab.page.locator("#document-viewer pre")).to_contain_text('data-bbox="100 50 600 100"')

    name, data = tab.export("docx")
    assert name == "report.docx"
    assert "Rain was short in June." in [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]
    name, data = tab.export("pdf")
    with pypdfium2.PdfDocument(data) as pdf:
        assert len(pdf) == 2
        assert "Rain was short" in pdf[0].get_textpage().get_text_range()
    _, data = tab.export("json")
    assert [block["kind"] for block in json.loads(data)["pages"][0]["blocks"]] == ["heading", "text", "figure", "table"]
    name, data = tab.export("markdown")
    assert name == "report.zip", "with its figures"
    assert any(entry.endswith(".md") for entry in zipfile.ZipFile(io.BytesIO(data)).namelist())
    _, data = tab.export("xlsx")
    cells = [
        cell.value for sheet in openpyxl.load_workbook(io.BytesIO(data)) for row in sheet.iter_rows() for cell in row
    ]
    assert "Beans" in cells


def test_text_and_page_point_at_each_other_by_pointer_and_by_key(tab: DocumentPage, report: Path) -> None:
    tab.choose(report)
    tab.mode("Layout")
    tab.read_all()
    tab.page.mouse.move(*tab.at(0.3, 0.075))
    expect(tab.blocks.nth(0)).to_have_class(re.compile("is-hot"))
    tab.blocks.nth(3).hover()
    expect(tab.page.locator("#document-viewer .sv-spots path")).to_have_count(1)
    expect(tab.page.locator("#document-viewer .sv-tag.is-hot")).to_contain_text("table")
    tab.page.mouse.click(*tab.at(0.5, 0.16))
    expect(tab.blocks.nth(1)).to_have_class(re.compile("is-active"))
    tab.page.locator("#document-viewer .sv-stage").press("ArrowDown")
    expect(tab.blocks.nth(2)).to_have_class(re.compile("is-active"))
    tab.blocks.nth(0).focus()
    tab.page.keyboard.press("ArrowDown")
    expect(tab.blocks.nth(1)).to_be_focused()
    assert tab.page.evaluate("document.querySelector('#document-viewer .sv').viewer.active") == 1
    tab.page.keyboard.press("PageUp")
    expect(tab.head).to_contain_text("page 1 of 2")


def test_corrections_are_kept_exported_and_undone(tab: DocumentPage, report: Path) -> None:
    tab.choose(report)
    tab.mode("Layout")
    tab.read_all()
    tab.blocks.nth(1).dblclick()
    tab.page.keyboard.press("Control+a")
    tab.page.keyboard.type("It rained *much*.")
    tab.page.keyboard.press("Control+Enter")
    expect(tab.blocks.nth(1).locator("em")).to_have_text("much")
    expect(tab.head).to_contain_text("1 corrected")
    tab.blocks.nth(0).focus()
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.type("nothing of this stays")
    tab.page.keyboard.press("Escape")
    expect(tab.blocks.nth(0).locator("h2")).to_have_text("Water")
    name, data = tab.export("txt")
    assert name == "report.txt"
    assert "It rained much." in data.decode("utf-8-sig")
    tab.blocks.nth(0).focus()
    tab.page.keyboard.press("Control+z")
    expect(tab.blocks.nth(1)).to_contain_text("Rain was short in June.")
    expect(tab.head).not_to_contain_text("corrected")


def test_stop_keeps_what_is_done_and_a_failed_page_is_tried_again(
    tab: DocumentPage, running: Running, report: Path
) -> None:
    tab.choose(report)
    running.engine.delay_s = 0.4
    tab.read.click()
    expect(tab.stage).to_contain_text("1 of 2 pages read")
    expect(tab.stop).to_be_visible()
    expect(tab.read).to_be_hidden()
    expect(tab.page.locator("#document-mode")).to_have_attribute("inert", "")
    tab.page.keyboard.press("Escape")
    tab.finished()
    expect(tab.page.locator("#document-mode")).not_to_have_attribute("inert", "")
    expect(tab.pages.nth(0)).to_have_class(re.compile("is-done"))
    expect(tab.pages.nth(1)).to_have_class(re.compile("is-(new|stopped)"))
    running.engine.delay_s, running.engine.fail_with = 0.02, RuntimeError("/secret/path/model.py line 3")
    tab.read_all()
    expect(tab.pages.nth(1)).to_have_class(re.compile("is-failed"))
    expect(tab.page.locator("#document-notes")).to_contain_text("Something went wrong in the program")
    assert "secret" not in tab.page.locator("body").inner_text()
    running.engine.fail_with = None
    tab.page.get_by_role("button", name="Try again").click()
    expect(tab.pages.nth(1)).to_have_class(re.compile("is-done"))
    expect(tab.page.locator("#document-notes .error")).to_have_count(0)


def test_what_an_export_tells_is_seen_and_covers_no_button(
    open_tab: OpenDocument, running: Running, report: Path
) -> None:
    tab = open_tab(height=600)
    running.engine.script = ("# Water", Chunk(" was", finish_reason="length"))
    tab.choose(report)
    tab.read_all()
    expect(tab.pages.nth(1)).to_have_class(re.compile("is-cut"))
    expect(tab.page.locator("#document-notes")).to_contain_text("reached the limit of its length")
    tab.export("txt")
    said = tab.page.locator("#document-error .note")
    expect(said).to_contain_text("Pages 1-2: The answer reached the limit")
    assert is_seen(said)
    tab.read.click(trial=True)
    tab.page.locator("#document-export-csv").click(trial=True)


def test_pages_are_chosen_by_click_and_by_range(tab: DocumentPage, running: Running, report: Path) -> None:
    tab.choose(report)
    field = tab.page.get_by_role("textbox", name="Pages")
    tab.pages.nth(1).hover()
    tab.pages.nth(1).get_by_role("checkbox").click()
    expect(field).to_have_value("2")
    expect(tab.pages.nth(1)).to_have_class(re.compile("is-chosen"))
    tab.pages.nth(0).locator(".doc-open").click(modifiers=["Control"])
    expect(field).to_have_value("1-2")
    field.fill("1")
    field.press("Enter")
    expect(tab.page.locator("#document-strip .is-chosen")).to_have_count(1)
    tab.read_all()
    expect(tab.page.locator("#document-strip .is-done")).to_have_count(1)
    assert len(tab.asked) == 1
    field.fill("9")
    field.press("Enter")
    expect(tab.page.locator("#document-error")).to_contain_text("There is no page")


def test_an_encrypted_document_asks_for_its_password(tab: DocumentPage, tmp_path: Path) -> None:
    locked = encrypted(tmp_path, "sesame")
    tab.page.get_by_test_id("Choose documents-upload-button").set_input_files(locked)
    words = tab.page.locator("#document-locked-words")
    expect(words).to_contain_text("locked.pdf is encrypted")
    password = tab.page.locator("#document-password input")
    password.fill("wrong")
    password.press("Enter")
    expect(words).to_contain_text("not the password")
    password.fill("sesame")
    tab.page.locator("#document-unlock").click()
    expect(tab.pages).to_have_count(2)
    expect(words).to_be_hidden()


def test_fields_are_a_table_that_can_be_corrected(tab: DocumentPage, running: Running, report: Path) -> None:
    running.engine.script = ('{"merchant": "The Mill", "total": "12.50"}',)
    tab.choose(report)
    tab.mode("Fields")
    tab.page.locator("#document-kind input").click()
    tab.page.get_by_role("option", name="Receipt").click()
    expect(tab.page.locator("#document-fields .token").first).to_be_visible()
    tab.page.locator("#document-fields input").click()
    tab.page.keyboard.type("mood")
    tab.page.keyboard.press("Enter")
    tab.read_all()
    rows = tab.page.locator(".doc-fields tbody tr")
    expect(rows).to_have_count(2)
    assert "mood" in tab.asked[0].messages[-1].text
    cell = rows.nth(0).locator(".doc-cell").last
    cell.dblclick()
    tab.page.keyboard.type("cheerful")
    tab.page.keyboard.press("Enter")
    expect(rows.nth(0).locator(".doc-cell").last).to_have_text("cheerful")
    _, data = tab.export("csv")
    assert "cheerful" in data.decode("utf-8-sig").splitlines()[1]
    rows.nth(0).get_by_role("button", name="Page 1").click()
    expect(tab.head).to_contain_text("page 1 of 2")


def test_pages_that_an_answer_names_are_links(tab: DocumentPage, running: Running, report: Path) -> None:
    running.engine.script = ("The chart is on page 2", ", the table on page 1.")
    tab.choose(report)
    tab.mode("Ask")
    question = tab.page.locator("#document-question textarea")
    question.fill("Where is the chart?")
    question.press("Enter")
    expect(tab.page.locator(".doc-question")).to_have_text("Where is the chart?")
    tab.page.get_by_role("link", name="page 2").click()
    expect(tab.head).to_contain_text("page 2 of 2")
    tab.page.get_by_role("link", name="page 1").click()
    expect(tab.head).to_contain_text("page 1 of 2")
    assert len(tab.page.context.pages) == 1, "no other page is opened"


def test_a_layout_without_boxes_offers_to_spot_lines(tab: DocumentPage, running: Running, report: Path) -> None:
    running.engine.script = MARKDOWN
    tab.choose(report)
    tab.page.get_by_role("textbox", name="Pages").fill("1")
    tab.page.get_by_role("textbox", name="Pages").press("Enter")
    expect(tab.page.locator("#document-strip .is-chosen")).to_have_count(1)
    tab.mode("Layout")
    tab.read_all()
    running.engine.script = ('[{"bbox_2d": [100, 50, 600, 100], "text_content": "Water"}]',)
    tab.page.get_by_role("button", name="Spot lines").click()
    expect(tab.lines).to_have_count(1)
    expect(tab.head).to_contain_text("lines spotted")


def test_a_reload_brings_back_what_was_read(tab: DocumentPage, report: Path) -> None:
    unique = report.with_name(f"{uuid.uuid4().hex}.pdf")
    report.rename(unique)
    tab.choose(unique)
    tab.mode("Layout")
    tab.read_all()
    asked = len(tab.asked)
    tab.page.reload()
    tab.page.get_by_role("tab", name="Document").click()
    tab.page.get_by_role("button", name=unique.name).click()
    tab.mode("Layout")
    expect(tab.blocks).to_have_count(4)
    assert len(tab.asked) == asked


def test_an_example_opens_with_one_click(tab: DocumentPage) -> None:
    tab.page.get_by_role("button", name="Try an example").click()
    expect(tab.pages).to_have_count(2)
    expect(tab.head).to_contain_text("report.pdf")


def test_closing_lists_what_was_open_and_how_large_pages_are_can_be_chosen(tab: DocumentPage, report: Path) -> None:
    tab.choose(report)
    tab.page.get_by_role("button", name="Options").click()
    expect(
        tab.page.get_by_role("radio", name="Speed").and_(tab.page.locator("#document-options input"))
    ).to_be_visible()
    tab.page.get_by_role("button", name="Close all").click()
    expect(tab.page.locator(".doc-welcome li").first).to_contain_text("report.pdf")
    expect(tab.page.locator("#document-options")).to_be_hidden()


def test_a_page_that_cannot_be_drawn_says_why_and_others_are_read(tab: DocumentPage, tmp_path: Path) -> None:
    ribbon = write_pdf(tmp_path / f"{uuid.uuid4().hex}.pdf", PdfPage((14_400, 20)), PdfPage())
    tab.page.get_by_test_id("Choose documents-upload-button").set_input_files(ribbon)
    expect(tab.page.locator("#document-notes")).to_contain_text("one side may be at most 200 times the other")
    tab.read_all()
    expect(tab.pages.nth(0)).to_have_class(re.compile("is-failed"))
    expect(tab.pages.nth(1)).to_have_class(re.compile("is-done"))
    tab.pages.nth(1).locator(".doc-open").click()
    expect(tab.page.locator("#document-viewer .sv-picture")).to_be_visible()


def test_what_is_no_document_is_refused_in_words(tab: DocumentPage, report: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnot really")
    (tmp_path / "notes.txt").write_text("nothing to see")
    files = [tmp_path / "broken.pdf", tmp_path / "notes.txt"]
    tab.page.get_by_test_id("Choose documents-upload-button").set_input_files(files)
    expect(tab.page.locator("#document-error")).to_contain_text("broken.pdf: ")
    expect(tab.page.locator("#document-error")).to_contain_text("notes.txt: This file is neither a PDF nor a picture.")
    tab.choose(report)
    expect(tab.page.locator("#document-error p")).to_have_count(0)


@needs_real_outputs
@pytest.mark.parametrize("case", [case for case in real_cases() if case["id"] == "q25_html_report_page"], ids=["html"])
def test_a_real_answer_is_shown_and_exported(
    tab: DocumentPage, running: Running, tmp_path: Path, case: dict[str, Any]
) -> None:
    page = tmp_path / "page.png"
    page.write_bytes(picture(*case["image_wh"]).data + uuid.uuid4().bytes)
    running.engine.script = (raw_text(case),)
    tab.choose(page)
    tab.mode("Layout")
    tab.read_all()
    expect(tab.blocks.first).to_contain_text("Qwen2.5 Technical Report")
    expect(tab.lines).to_have_count(case["expected"]["count"])
    expect(tab.page.locator(".doc-figure svg")).to_have_count(2)
    _, data = tab.export("html")
    assert "Qwen2.5 Technical Report" in data.decode()


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (360, False), (360, True)])
def test_every_size_and_colour_shows_all_of_it(open_tab: OpenDocument, report: Path, width: int, dark: bool) -> None:
    tab = open_tab(width=width, height=900, dark=dark)
    tab.choose(report)
    tab.mode("Layout")
    tab.read_all()
    for selector in ("html", "#document"):
        assert tab.page.evaluate("s => document.querySelector(s).scrollWidth", selector) <= width
    too_wide = tab.page.evaluate(
        "[...document.querySelectorAll('#document button, #document label, #document p, #document section')]"
        ".filter(e => e.offsetParent && !e.closest('#document-strip'))"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert too_wide == []
    stage, side = (tab.page.locator(name).bounding_box() for name in ("#document-viewer .sv-stage", "#document-side"))
    assert stage
    assert side
    if width == 360:
        assert side["y"] >= stage["y"] + stage["height"]
    else:
        assert side["x"] >= stage["x"] + stage["width"]
