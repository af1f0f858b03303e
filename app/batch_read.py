"""`python app.py read FILES... --mode markdown --out DIR`: documents read without a page.

Knows the command's options and what is said at the terminal. How pages are read and kept is the program's own business
(`document_work`): a run that was broken off goes on where it was, and what the page has read is not read again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg, SettingsConfigDict
from tqdm import tqdm

from app.document_reading import ReadingAsk, check_reads, fields_named
from app.document_shelf import OpenDocument, Shelf
from app.document_store import Corrections, DocumentStore
from app.document_work import DocumentReader, PageOf, Run, Step, exportable
from app.engine_manager import spec_of
from app.exports.base import safe_name
from app.exports.documents import DOCUMENT_FORMATS, ReadPage
from app.interrupt import stopped_by_ctrl_c
from app.main import prepare_process, say
from app.page_ranges import ranges_there, read_ranges
from app.settings import Settings, read_settings_of
from model.documents import DocumentLimits
from model.engines.base import Engine
from model.errors import ModelError, PasswordNeeded, RequestError, StudioError
from model.loading import load_engine
from model.prompts import FIELD_PRESETS
from model.types import ReadingMode

_FORMATS_OF: dict[ReadingMode, str] = {
    "text": "txt",
    "markdown": "markdown",
    "layout": "json",
    "tables": "csv",
    "fields": "csv",
}
_KINDS = ", ".join(FIELD_PRESETS)
FAILED = 1
"""The status with which the command ends when anything could not be read."""
STOPPED = 128 + signal.SIGINT
"""The status with which it ends after Ctrl+C, as shells have it."""


class ReadSettings(Settings):
    """Read documents without a page: python app.py read scan.pdf --mode markdown --out texts

    Writes one file for each document; fields of all documents go into one table. What was read is kept: a run that was
    broken off, or stopped with Ctrl+C, goes on where it was. The status is 0 when everything was read, also
    with something to look at, 1 when something failed, 2 when the options cannot be used, 130 when it was stopped.

    The other options are those of the program itself.
    """

    model_config = SettingsConfigDict(cli_prog_name="python app.py read")

    files: CliPositionalArg[list[Path]] = Field(description="PDFs and pictures of pages")
    mode: Literal["text", "markdown", "layout", "tables", "fields"] = Field(
        default="markdown", description="what to read"
    )
    out: Path = Field(default=Path("read"), description="the folder to write to")
    format: Literal["", "markdown", "html", "docx", "pdf", "xlsx", "csv", "json", "txt"] = Field(
        default="", description="the format to write; what suits the mode when empty"
    )
    fields: str = Field(
        default="",
        description=f"for the mode fields: names separated by commas, or one of {_KINDS}",
    )
    pages: str = Field(
        default="", description='which pages of each document, as far as it has them, as in "1-3, 7"; all when empty'
    )
    password: str | None = Field(default=None, description="of encrypted documents")

    def ask(self) -> ReadingAsk:
        """What to read. Raises `RequestError` when no field is named for the mode "fields", or any for another."""
        names = fields_named(self.fields.split(","))
        if self.mode != "fields":
            if names:
                raise RequestError("--fields: only for --mode fields.")
            return ReadingAsk(self.mode)
        if not names:
            raise RequestError(f"--fields: name the fields to read, separated by commas, or one of {_KINDS}.")
        return ReadingAsk("fields", names)


@dataclass
class Summary:
    """What became of a run: pages that a model read, those that were there before, and what failed, as sentences.

    `problems` are sentences about what was read and written all the same. `left` are the pages that a run which was
    stopped did not come to.
    """

    read: int = 0
    from_before: int = 0
    failures: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left: int = 0

    def __str__(self) -> str:
        done = self.read + self.from_before
        pages = "1 page" if done == 1 else f"{done:,} pages"
        before = f", {self.from_before:,} of them before" if self.from_before else ""
        left = f" {self.left:,} left; the same command goes on with them." if self.left else ""
        return f"{pages} read{before}.{left}" + (f" {len(self.failures):,} failed:" if self.failures else "")


class BatchReader:
    """Reads the files of one command."""

    def __init__(self, settings: ReadSettings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._ask = settings.ask()
        self._shelf = Shelf()
        self._reader = DocumentReader(self._shelf, DocumentStore(settings.data_dir))
        self._stems: set[str] = set()
        self._run = Run()
        self.summary = Summary()

    def stop(self) -> None:
        """End the run. What was read is kept; a document that is not read to its end is not written."""
        self._run.set()

    def run(self) -> Summary:
        """Read all files and write what was read. Raises `StudioError` when the folder cannot be written to."""
        opened = [opened for path in _each_once(self._settings.files) for opened in self._open(path)]
        rows: list[ReadPage] = []
        self.summary.left = sum(len(pages) for _, pages in opened)
        with tqdm(total=self.summary.left, unit="page", disable=None) as bar:
            for document, pages in opened:
                left_after = self.summary.left - len(pages)
                read = list(self._read(document, pages, bar))
                if self.summary.left > left_after:  # stopped
                    break
                if self._ask.mode == "fields":
                    rows += read
                elif read:
                    self._write(read, self._stem(document.file.name))
        if rows and not self.summary.left:
            self._write(rows, "fields")
        return self.summary

    def _open(self, path: Path) -> Iterator[tuple[OpenDocument, tuple[int, ...]]]:
        if fault := _fault_of(path):
            self.summary.failures.append(fault)
            return
        try:
            document = self._shelf.open(path, path.name, self._settings.password)
            pages = self._pages_of(document)
            self.summary.problems += [f"{path.name}: {notice}" for notice in document.file.notices]
            yield document, pages
        except PasswordNeeded:
            problem = "does not open this document" if self._settings.password else "is missing: it is encrypted"
            self.summary.failures.append(f"{path.name}: --password {problem}.")
        except StudioError as error:
            self.summary.failures.append(f"{path.name}: {error}")

    def _pages_of(self, document: OpenDocument) -> tuple[int, ...]:
        """Those of the pages that are asked for which it has; raises `RequestError` when it has none of them."""
        pages, missing = ranges_there(self._settings.pages, document.file.page_count)
        if not pages:
            return read_ranges(self._settings.pages, document.file.page_count)
        if missing:
            has = "1 page" if document.file.page_count == 1 else f"{document.file.page_count:,} pages"
            self.summary.problems.append(f"{document.file.name}: There is no page {missing}: this document has {has}.")
        return pages

    def _read(self, document: OpenDocument, pages: Sequence[int], bar: tqdm[None]) -> Iterator[ReadPage]:
        bar.set_description(document.file.name[:40])
        asked = False
        for step in self._reader.read(self._engine, [PageOf(document, page) for page in pages], self._ask, self._run):
            asked |= not step.is_over
            if not step.is_over or _was_stopped(step):
                continue
            bar.update()
            self.summary.left -= 1
            title = f"{document.file.name}, page {pages[step.place]}"
            if step.reading is None or step.error:
                self.summary.failures.append(f"{title}: {step.error}")
            else:
                self._count(asked)
                self.summary.problems += [f"{title}: {problem}" for problem in step.reading.problems]
                yield exportable(self._shelf, document, step.reading, Corrections())
            asked = False

    def _count(self, asked: bool) -> None:
        if asked:
            self.summary.read += 1
        else:
            self.summary.from_before += 1

    def _stem(self, name: str) -> str:
        """`scan`, then `scan-2` for another document of that name; the same in every run."""
        base = safe_name(Path(name).stem) or "document"
        stem, number = base, 2
        while stem.lower() in self._stems:
            stem, number = f"{base}-{number}", number + 1
        self._stems.add(stem.lower())
        return stem

    def _write(self, pages: Sequence[ReadPage], stem: str) -> None:
        row = DOCUMENT_FORMATS[self._settings.format or _FORMATS_OF[self._ask.mode]]
        path = self._settings.out / row.file_name(stem, pages)
        partial_path = path.with_name(f"{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial_path.open("w+b") as file:
                notes = row.write(pages, file)
            partial_path.replace(path)
        except OSError as error:
            raise StudioError("The files cannot be written. Choose another folder with --out.") from error
        except StudioError as error:
            self.summary.failures.append(f"{path.name}: {error}")
            return
        for note in notes:
            tqdm.write(f"{path.name}: {note}", file=sys.stderr)


def _each_once(paths: Sequence[Path]) -> Iterable[Path]:
    """Without what is the same file once more, however it is written."""
    files: dict[str, Path] = {}
    for path in paths:
        files.setdefault(os.path.realpath(path), path)
    return files.values()


def _fault_of(path: Path) -> str:
    """What is wrong with a path at first sight; empty for a file that can be read."""
    if path.is_dir():
        return f"{path.name}: This is a folder. Name the files in it, as in {path.name}/*.pdf."
    return "" if os.access(path, os.R_OK) else f"{path.name}: There is no such file, or it cannot be read."


def _was_stopped(step: Step) -> bool:
    return not step.error and (step.reading is None or not step.reading.has_ended)


def read(arguments: list[str]) -> int:
    """The command; returns the exit status.

    Raises `StudioError` when a folder cannot be written to, and ends the program with status 2 for options that cannot
    be used.
    """
    settings = read_settings_of(ReadSettings, arguments)
    settings.ask()
    if settings.pages:
        read_ranges(settings.pages, DocumentLimits().max_pages)  # what no document has is refused at once
    failures = list(filter(None, map(_fault_of, settings.files)))
    if len(failures) == len(settings.files):  # nothing to load a model for
        return _tell(Summary(failures=failures))
    prepare_process(settings)
    say(f"Loading the model: {settings.model}")
    try:
        engine = load_engine(spec_of(settings), lambda progress: None, threading.Event())
    except ModelError as error:
        # Another model than the one that was asked for would write other texts, so there is no falling back.
        print(error, file=sys.stderr)
        return FAILED
    try:
        check_reads(engine.info, settings.mode)
        reader = BatchReader(settings, engine)
        with stopped_by_ctrl_c(reader.stop):
            summary = reader.run()
    finally:
        engine.close()
    return _tell(summary)


def _tell(summary: Summary) -> int:
    """Say what became of a run; the status to end with."""
    say(str(summary))
    _list(summary.failures)
    if summary.problems:
        say("Read, but look at:")
        _list(summary.problems)
    return STOPPED if summary.left else FAILED if summary.failures else 0


def _list(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        print(f"  {sentence}", file=sys.stderr)
