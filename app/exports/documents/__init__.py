"""A read document as files for other programs: one module a format. To add one, add a module and a row here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import IO

from app.exports.documents import csv_tables, markdown_text, page_json, plain_text, web_page
from app.exports.documents.base import DocumentFormat, ReadPage, Writer


def _late(module: str) -> Writer:
    """The `write` of a module here that is imported when something is written: office libraries take a second to
    import, which the first document can wait for and the page should not."""

    def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
        notes: list[str] = importlib.import_module(f"{__name__}.{module}").write(pages, file)
        return notes

    return write


DOCUMENT_FORMATS: Mapping[str, DocumentFormat] = MappingProxyType(
    {
        row.key: row
        for row in (
            DocumentFormat(
                "markdown",
                "Markdown",
                "Text with headings, lists, tables and formulas; figures beside it in a zip",
                markdown_text.write,
                ".md",
                ".zip",
                markdown_text.has_figures,
            ),
            DocumentFormat("html", "HTML", "One file for any browser, figures inside", web_page.write, ".html"),
            DocumentFormat("docx", "Word", "A document to go on writing in", _late("word"), ".docx"),
            DocumentFormat(
                "pdf", "PDF", "The pages as they look, with words to search and copy", _late("searchable_pdf"), ".pdf"
            ),
            DocumentFormat("xlsx", "Excel", "A sheet for each table, one for the fields", _late("workbook"), ".xlsx"),
            DocumentFormat(
                "csv",
                "CSV",
                "The table or the fields; a zip where there are several tables",
                csv_tables.write,
                ".csv",
                ".csv.zip",
                csv_tables.has_several,
            ),
            DocumentFormat("json", "JSON", "Every block with its place, as the API gives it", page_json.write, ".json"),
            DocumentFormat("txt", "Plain text", "The words alone", plain_text.write, ".txt"),
        )
    }
)
"""Every format by its key, in the order of the menu."""

__all__ = ["DOCUMENT_FORMATS", "DocumentFormat", "ReadPage"]
