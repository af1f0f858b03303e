"""Open documents: addresses that cannot be guessed, and pages that cannot be drawn are tried once."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import document_shelf
from app.document_shelf import Shelf
from model.documents import DocumentFile
from model.errors import MediaError
from model.types import Image
from tests.app.documents import REPORT, encrypted


def test_a_page_that_cannot_be_drawn_is_tried_again_only_when_its_document_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def fail(file: DocumentFile, page: int, dpi: float) -> Image:
        tried.append(page)
        raise MediaError("It takes too long.")

    monkeypatch.setattr(document_shelf, "page_image", fail)
    shelf = Shelf()
    document = shelf.open(REPORT, "report.pdf")
    for _ in range(2):
        with pytest.raises(MediaError, match="too long"):
            shelf.page(document, 1)
    with pytest.raises(MediaError, match="too long"):
        shelf.thumbnail(document, 1)
    assert tried == [1]
    assert shelf.thumbnail(document, 2)
    monkeypatch.undo()
    assert shelf.page(shelf.open(REPORT, "report.pdf"), 1).size_wh == (1241, 1754)


def test_addresses_are_the_same_for_the_same_file_and_password_only(tmp_path: Path) -> None:
    shelf = Shelf()
    document = shelf.open(REPORT, "report.pdf")
    assert shelf.open(REPORT, "report.pdf").token == document.token
    assert shelf.open(REPORT, "other.pdf").token != document.token
    assert Shelf().open(REPORT, "report.pdf").token != document.token
    locked = shelf.open(encrypted(tmp_path, "sesame"), "locked.pdf", "sesame")
    assert shelf.find(locked.token) is locked
    with pytest.raises(MediaError, match="not open any more"):
        shelf.find("0" * 32)
