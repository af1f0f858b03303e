"""PDF files that mean harm, or that PDFium tells little about: one sentence each, and the next page is there."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest

from model import pdf
from model.errors import MediaError, PasswordNeeded
from tests.model.pdfs import Page, write_endless_pdf, write_pdf


def test_a_page_that_cannot_be_drawn_to_its_end_is_given_up_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_endless_pdf(tmp_path / "endless.pdf")
    assert pdf.count_pages(path, None) == 2
    monkeypatch.setattr(pdf, "TIME_LIMIT_S", 2.0)
    with pytest.raises(MediaError, match="too much time or memory"):
        pdf.render(path, None, 1, 1.0, 10**6)
    monkeypatch.undo()
    assert pdf.render(path, None, 2, 1.0, 10**6).getpixel((10, 780)) == (0, 0, 0)


def test_a_file_without_pages_is_never_taken_for_a_locked_one(tmp_path: Path) -> None:
    """PDFium's code for an error stays as it was when nothing goes wrong."""
    locked = write_pdf(tmp_path / "locked.pdf", Page(), password="sesame")
    empty = tmp_path / "empty.pdf"
    pikepdf.new().save(empty)
    for _ in range(4):  # whichever worker takes it
        with pytest.raises(PasswordNeeded):
            pdf.count_pages(locked, None)
        assert pdf.count_pages(empty, None) == 0
