"""What happens in the Document tab: plain functions from what a person did to what changes on the page.

Knows the documents of one open page, which pages are chosen, what was read of them and what was corrected by hand.
Knows no widgets: `tabs/document.py` turns clicks into these calls and a `Shown` into updates.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from app import document_view as view
from app.document_corrections import corrected, corrected_blocks
from app.document_reading import (
    DocumentUse,
    Reading,
    ReadingAsk,
    advice,
    ask_about,
    check_reads,
    pixels_per_page,
)
from app.document_shelf import OpenDocument
from app.document_store import Corrections, KeptDocument, Question, hash_of
from app.document_work import DocumentReader, PageOf, Run, Step, exportable
from app.exports.base import safe_name
from app.exports.documents import DOCUMENT_FORMATS, ReadPage
from app.faults import sentence_of
from app.grounding import look
from app.page_ranges import read_ranges, write_ranges
from app.studio import Studio
from app.templates import ASSETS
from app.turnstile import Turnstile
from app.viewer import viewer_value
from app.work_view import error_html, notes_html, queue_words, stage_html
from model.documents import page_text
from model.engines.base import Engine
from model.errors import PasswordNeeded, RequestError, StudioError
from model.media import shrunk
from model.parsing import NO_BOXES
from model.types import Answer, Block, Box, Image, MediumInput, ReadingMode

Mode = Literal["text", "markdown", "layout", "tables", "fields", "ask"]

EXAMPLES: tuple[tuple[str, Path], ...] = (
    ("A two-page report: headings, a table, a formula, a chart", ASSETS / "examples" / "report.pdf"),
)

_STORED_INTERVAL_S = 0.25
_ROWS_WHILE_READING = 20
"""So many rows a table of fields has meanwhile: one of thousands would be made and sent again with every step."""
_DROPPED = "The new reading was not whole and is dropped. What was read before is still here."


class _StoppedError(Exception):
    """Somebody pressed Stop while pages were prepared."""


@dataclass(eq=False)
class Sheet:
    """One page of the strip. `reading` and `corrections` are of the mode that is chosen, None until they are wanted.

    `error` says why the page failed, `notice` what became of an attempt that did not. `medium` is how large the model
    sees the page, as far as it was asked for.
    """

    document: OpenDocument
    page: int
    state: view.State = "new"
    reading: Reading | None = None
    corrections: Corrections = field(default_factory=Corrections)
    error: str = ""
    notice: str = ""
    medium: MediumInput | None = None

    @property
    def name(self) -> str:
        return self.document.file.name

    @property
    def sha256(self) -> str:
        return self.document.file.sha256


@dataclass(frozen=True)
class Locked:
    """A document that waits for its password."""

    path: Path
    name: str


@dataclass(frozen=True)
class _Undo:
    """What there was before a correction."""

    sheet: Sheet
    reading: Reading
    corrections: Corrections


@dataclass
class Session:
    """One open page of the browser. `current` is the place of the page that is shown large; `follows` a run from one
    page to the next. `chosen` are places in the strip; empty for all of them."""

    owner: str = ""
    sheets: list[Sheet] = field(default_factory=list)
    current: int = 0
    chosen: set[int] = field(default_factory=set)
    follows: bool = False
    mode: Mode = "markdown"
    ask: ReadingAsk = field(default_factory=ReadingAsk)
    exchanges: list[view.Exchange] = field(default_factory=list)
    locked: list[Locked] = field(default_factory=list)
    undo: list[_Undo] = field(default_factory=list)
    recent: list[KeptDocument] = field(default_factory=list)
    running: Run | None = None
    turnstile: Turnstile = field(default_factory=Turnstile, repr=False, compare=False)

    @property
    def sheet(self) -> Sheet | None:
        return self.sheets[self.current] if self.current < len(self.sheets) else None

    def stop(self) -> None:
        """End what runs; what was read is kept."""
        if self.running is not None:
            self.running.set()


@dataclass(frozen=True)
class Shown:
    """What changes on the page; None leaves a part as it is. Texts are HTML but `viewer`, a value of a viewer, and what
    stands in fields: `pages`, the range of pages, and `question`."""

    viewer: str | None = None
    strip: str | None = None
    head: str | None = None
    notes: str | None = None
    result: str | None = None
    size: str | None = None
    own_text: str | None = None
    stage: str | None = None
    error: str | None = None
    locked: str | None = None
    advice: str | None = None
    welcome: str | None = None
    pages: str | None = None
    question: str | None = None
    page_count: int | None = None
    is_running: bool | None = None


class DocumentActions:
    """Whatever a person can do in the tab; `session` is the open page it is done in."""

    def __init__(self, studio: Studio, examples: Sequence[tuple[str, Path]] = EXAMPLES) -> None:
        self._studio = studio
        self._store = studio.documents
        self._shelf = studio.shelf
        self._reader = DocumentReader(self._shelf, self._store)
        self._examples = examples

    # Documents

    def welcome(self, session: Session, owner: str) -> Shown:
        """The page as it opens: what can be tried, and what was open before."""
        session.owner = owner
        session.recent = self._store.recent(owner)
        words = view.welcome_html([title for title, _ in self._examples], session.recent)
        # Nothing in place of no error: a page that comes up late leaves what was said meanwhile.
        return Shown(welcome=words, advice=self._advice(session), error=error_html(self._store.notice) or None)

    def model_changed(self, session: Session) -> Shown:
        """Another model: what this one has read counts now."""
        self._forget_readings(session)
        return replace(self.page(session), advice=self._advice(session), error=None)

    def add(self, session: Session, files: Sequence[Path]) -> Iterator[Shown]:
        """Open files one after another and show the first page that is new."""
        before, refused = len(session.sheets), []
        for place, file in enumerate(files):
            yield Shown(stage=stage_html(f"Opening {file.name}", place / len(files) if len(files) > 1 else None))
            try:
                self._open(session, self._store.keep(file), file.name)
            except StudioError as error:
                refused.append(f"{file.name}: {error}")
        yield self._after_opening(session, before, refused)

    def try_example(self, session: Session, place: int) -> Shown:
        *_, shown = self.add(session, [self._examples[place][1]])
        return shown

    def open_recent(self, session: Session, place: int) -> Shown:
        """Open a document of an earlier day again; what was read of it is there."""
        before, refused = len(session.sheets), []
        kept = session.recent[place]
        try:
            self._open(session, self._store.file(kept.sha256), kept.name)
        except StudioError as error:
            refused.append(str(error))
        return self._after_opening(session, before, refused)

    def unlock(self, session: Session, password: str) -> Shown:
        """Try a password on the document that waits for one."""
        if not session.locked:
            return Shown(locked="")
        before, locked = len(session.sheets), session.locked.pop(0)
        try:
            self._put(session, self._shelf.open(locked.path, locked.name, password))
        except PasswordNeeded:
            session.locked.insert(0, locked)
            return Shown(locked=view.locked_html(locked.name, is_wrong=True))
        except StudioError as error:
            return self._after_opening(session, before, [str(error)])
        return self._after_opening(session, before, [])

    def skip_locked(self, session: Session) -> Shown:
        """Leave out the document whose password is not known."""
        session.locked = session.locked[1:]
        return Shown(locked=self._locked(session))

    def clear(self, session: Session) -> Shown:
        """Close all documents; what was read stays in the store."""
        session.stop()
        session.sheets, session.current, session.chosen = [], 0, set()
        session.locked, session.undo, session.exchanges = [], [], []
        session.recent = self._store.recent(session.owner)
        return replace(self.page(session), welcome=self.welcome(session, session.owner).welcome, pages="", locked="")

    def _open(self, session: Session, path: Path, name: str) -> None:
        try:
            self._put(session, self._shelf.open(path, name))
        except PasswordNeeded:
            session.locked.append(Locked(path, name))

    def _put(self, session: Session, document: OpenDocument) -> None:
        file = document.file
        if any(sheet.sha256 == file.sha256 for sheet in session.sheets):
            raise RequestError("This document is open already.")
        session.sheets += [Sheet(document, page) for page in range(1, file.page_count + 1)]
        self._store.opened(session.owner, KeptDocument(file.sha256, file.name, file.page_count))

    def _after_opening(self, session: Session, before: int, refused: Sequence[str]) -> Shown:
        if len(session.sheets) > before:
            session.current, session.follows = before, False
            self._load_states(session)
            self._load_exchanges(session)
        error = " ".join(refused[:3]) + (f" {len(refused) - 3} more could not be opened." if len(refused) > 3 else "")
        return replace(self.page(session), stage="", error=error_html(error), locked=self._locked(session))

    @staticmethod
    def _locked(session: Session) -> str:
        return view.locked_html(session.locked[0].name if session.locked else "", is_wrong=False)

    # Pages

    def pick(self, session: Session, place: int) -> Shown:
        """Show another page."""
        if 0 <= place < len(session.sheets):
            session.current, session.follows = place, False
        return self.page(session)

    def stay(self, session: Session) -> None:
        """Somebody works on the page that is shown: a run does not move on from it."""
        session.follows = False

    def choose(self, session: Session, place: int, *, up_to: bool = False) -> Shown:
        """Choose a page, or let go of it; `up_to` chooses all from the one that is shown."""
        if not 0 <= place < len(session.sheets):
            return Shown()
        if up_to:
            session.chosen |= set(range(min(place, session.current), max(place, session.current) + 1))
        else:
            session.chosen ^= {place}
        return Shown(strip=self._strip(session), pages=write_ranges(at + 1 for at in session.chosen))

    def choose_range(self, session: Session, text: str) -> Shown:
        """Choose pages as in "1-3, 7"; nothing chooses all."""
        try:
            pages = read_ranges(text, len(session.sheets)) if text.strip() else ()
        except RequestError as error:
            return Shown(error=error_html(str(error)))
        chosen = {page - 1 for page in pages}
        if chosen == session.chosen:
            return Shown(error="")
        session.chosen = chosen
        if chosen and session.current not in chosen:
            return self.pick(session, min(chosen))
        return Shown(strip=self._strip(session), error="")

    def set_ask(self, session: Session, mode: Mode, fields: Sequence[str] = (), preset: str = "") -> Shown:
        """Show what was read in another mode, or of other fields; in the same one everything stays as it is."""
        if session.running is not None:
            return Shown(error=error_html("Pages are being read. Stop that first."))
        reading_mode: ReadingMode = "markdown" if mode == "ask" else mode
        before = session.mode, session.ask.fields
        session.mode = mode
        session.ask = ReadingAsk(reading_mode, tuple(fields) if mode == "fields" else (), preset)
        for sheet in session.sheets:
            sheet.medium = None
        if (session.mode, session.ask.fields) != before:
            self._forget_readings(session)
        return replace(self.page(session), advice=self._advice(session))

    def page(self, session: Session) -> Shown:
        """Everything about the page that is shown, as it stands."""
        sheet = session.sheet
        if sheet is None:
            return Shown(viewer_value(None, ""), "", "", "", "", "", "", "", "", page_count=0)
        self._load(session, sheet)
        return replace(
            self._page_result(session, sheet),
            strip=self._strip(session),
            size=self._size(session, sheet),
            own_text=self._own_text(sheet),
            error="",
            page_count=len(session.sheets),
        )

    def _page_result(self, session: Session, sheet: Sheet) -> Shown:
        """The page and what was read of it, without what does not change while it is read."""
        reading = sheet.reading
        blocks = self._blocks(session, sheet)
        corrections = len(sheet.corrections.blocks) + len(sheet.corrections.fields)
        facts = view.reading_facts(reading, len(blocks), corrections) if reading and session.mode != "ask" else []
        notes = [*sheet.document.file.notices, sheet.notice, *self._problems(session, sheet)]
        where = view.where_words(sheet.page, sheet.document.file.page_count, session.current, len(session.sheets))
        return Shown(
            viewer=self._viewer(session, sheet, [block for _, block in blocks]),
            head=view.head_html(
                sheet.name,
                session.current,
                len(session.sheets),
                [*where, *facts],
                can_undo=bool(session.undo),
                can_read_again=sheet.state in ("done", "cut", "failed", "stopped") and session.mode != "ask",
            ),
            notes=view.notes_html(list(filter(None, notes)), sheet.error),
            result=self._result(session, sheet, blocks),
        )

    @staticmethod
    def _problems(session: Session, sheet: Sheet) -> tuple[str, ...]:
        """What has to be known about what was read of the page; while it is read, what is known so far."""
        if sheet.reading is None or session.mode == "ask":
            return ()
        return sheet.reading.document.problems if sheet.state == "reading" else sheet.reading.problems

    def _result(self, session: Session, sheet: Sheet, blocks: Sequence[tuple[int, Block]]) -> str:
        if session.mode == "ask":
            return view.answers_html(session.exchanges, len(session.sheets))
        if session.mode == "fields":
            return self._fields_table(session)
        corrected_places = frozenset(sheet.corrections.blocks)
        url = sheet.document.page_url(sheet.page)
        size_wh = self._size_wh(sheet) or (1, 1)
        mode = sheet.reading.ask.mode if sheet.reading else session.ask.mode
        return view.page_html(view.ShownPage(url, size_wh, blocks, mode, corrected_places, sheet.state == "reading"))

    def _fields_table(self, session: Session) -> str:
        rows, targets = [], self._targets(session)
        places = targets if session.running is None else _around(targets, session.current)
        for place in places:
            sheet = session.sheets[place]
            self._load(session, sheet)
            reading = sheet.reading
            fields = corrected(reading.document, sheet.corrections, "fields").fields if reading else None
            name = f"{sheet.name}, page {sheet.page}" if self._has_several(session) else f"Page {sheet.page}"
            rows.append(view.FieldsRow(place, name, sheet.state, fields, frozenset(sheet.corrections.fields)))
        return view.fields_html(session.ask.fields, rows, session.current, len(targets) - len(places))

    # Reading

    def read(self, session: Session) -> Iterator[Shown]:
        """Read the chosen pages, or all, as far as this model has not read them."""
        places = self._targets(session)
        session.follows = True
        yield from self._run(session, places)

    def read_again(self, session: Session) -> Iterator[Shown]:
        """Read the shown page once more, whether it was read or failed."""
        yield from self._run(session, [session.current], again=True)

    def spot_lines(self, session: Session) -> Iterator[Shown]:
        """Read the lines of the shown page with their boxes, where its layout came without any."""
        yield from self._run(session, [session.current], ask=replace(session.ask, mode="lines"))

    def ask(self, session: Session, question: str) -> Iterator[Shown]:
        """Ask about the chosen pages, or all."""
        places = self._targets(session)
        if not question.strip():
            yield Shown(error=error_html("Write what you want to know first."))
            return
        yield from self._guarded(
            session, "ask", lambda engine, run: self._asked(session, places, question, engine, run)
        )

    def _run(
        self, session: Session, places: Sequence[int], *, again: bool = False, ask: ReadingAsk | None = None
    ) -> Iterator[Shown]:
        ask = ask or session.ask
        if ask.mode == "fields" and not ask.fields:
            yield Shown(error=error_html("Name the fields to read first, or choose a kind of document."))
            return
        sheets = [session.sheets[place] for place in places if place < len(session.sheets)]
        yield from self._guarded(
            session, ask.mode, lambda engine, run: self._read(session, sheets, ask, engine, run, again)
        )

    def _guarded(
        self, session: Session, use: DocumentUse, work: Callable[[Engine, Run], Iterator[Shown]]
    ) -> Iterator[Shown]:
        """Do something that takes time, one thing at a time; whatever happens, the page is settled afterwards."""
        if not session.sheets:
            yield Shown(error=error_html("Choose a document first."))
            return
        if session.running is not None:
            yield Shown(error=error_html("Something is being read. Stop that first."))
            return
        run = session.running = Run()
        error = ""
        try:
            yield Shown(stage=stage_html("Preparing"), error="", is_running=True)
            engine = yield from self._engine(run)
            check_reads(engine.info, use)
            yield from work(engine, run)
        except Exception as failure:
            error = sentence_of(failure)
        finally:
            run.set()
            session.running = None
            self._settle(session)
        last = replace(self.page(session), stage="", is_running=False)
        yield replace(last, error=error_html(error)) if error else last

    def _engine(self, run: Run) -> Generator[Shown, None, Engine]:
        """The current engine, waiting while it loads."""
        return self._studio.engines.awaited(run.is_set, lambda words: Shown(stage=stage_html(words)))

    def _read(
        self, session: Session, sheets: Sequence[Sheet], ask: ReadingAsk, engine: Engine, run: Run, again: bool
    ) -> Iterator[Shown]:
        for sheet in sheets:
            sheet.state, sheet.error, sheet.notice = "waiting", "", ""
        pages = [PageOf(sheet.document, sheet.page) for sheet in sheets]
        next_s = 0.0
        for step in self._reader.read(engine, pages, ask, run, again=again):
            sheet = sheets[step.place]
            if sheet not in session.sheets:  # closed meanwhile
                return
            is_new = sheet.state == "waiting"
            self._take(session, sheet, step)
            if is_new and session.follows:
                session.current = session.sheets.index(sheet)
            # Pages from the store come by the hundred: the browser could not keep up with showing each of them.
            if is_new and step.is_over and time.monotonic() < next_s:
                continue
            next_s = time.monotonic() + _STORED_INTERVAL_S
            stage = self._stage(step)
            if session.sheet is not sheet:
                yield Shown(strip=self._strip(session), stage=stage) if is_new or step.is_over else Shown(stage=stage)
            elif is_new or step.is_over:
                yield replace(self.page(session), stage=stage)
            else:
                yield replace(self._page_result(session, sheet), stage=stage)

    def _take(self, session: Session, sheet: Sheet, step: Step) -> None:
        """Note on a page what a step says of it."""
        sheet.reading, sheet.corrections, sheet.state = step.reading, Corrections(), "reading"
        if not step.is_over:
            return
        is_whole = step.reading is not None and step.reading.is_whole
        # One that is not whole is not in the store when there is a whole one, and one that broke off never is.
        kept = None if is_whole else self._stored(sheet, session.ask)
        is_dropped = kept is not None and (step.reading is None or kept.raw != step.reading.raw)
        sheet.reading = kept or step.reading
        sheet.state = "failed" if step.error else _state_of(sheet.reading)
        sheet.error = f"{step.error} What was read before is still here." if step.error and is_dropped else step.error
        sheet.notice = _DROPPED if is_dropped and not step.error else ""
        if sheet.reading is not None:
            sheet.corrections = self._store.corrections(session.owner, sheet.sha256, sheet.reading)

    @staticmethod
    def _stage(step: Step) -> str:
        progress = view.progress_words(step.done, step.total, step.left_s)
        if not progress:
            return stage_html("" if step.is_over else view.reading_words(step.reading))
        waiting = queue_words(step.reading.waiting if step.reading else 0)
        return stage_html(" · ".join(filter(None, (progress, waiting))), step.done / step.total)

    def _asked(
        self, session: Session, places: Sequence[int], question: str, engine: Engine, run: Run
    ) -> Iterator[Shown]:
        exchange = view.Exchange(question, pages=write_ranges(place + 1 for place in places), model=engine.info.name)
        documents, exchanges, total = self._documents_hash(session), session.exchanges, len(session.sheets)
        exchanges.append(exchange)
        yield Shown(result=view.answers_html(exchanges, total), question="")
        try:
            images = yield from self._looked_up(session, places, engine, run)
            for snapshot in ask_about(engine, images, total, question, run.next_page()):
                exchange = replace(exchange, answer=snapshot.text, finish_reason=snapshot.last.finish_reason)
                exchanges[-1] = exchange
                yield Shown(result=view.answers_html(exchanges, total), stage=stage_html(view.asking_words(snapshot)))
        except _StoppedError:
            exchange = replace(exchange, finish_reason="cancelled")
        except Exception as error:
            exchange = replace(exchange, error=sentence_of(error))
        exchanges[-1] = exchange
        if exchange.answer:
            pages = tuple(place + 1 for place in places)
            kept = Question(question, exchange.answer, pages, exchange.model, exchange.finish_reason or "cancelled")
            self._store.add_question(session.owner, documents, kept)

    def _looked_up(
        self, session: Session, places: Sequence[int], engine: Engine, run: Run
    ) -> Generator[Shown, None, list[tuple[int, Image]]]:
        """The pictures of pages with their numbers, no larger than a question about so many has use for.

        Raises `RequestError`, before any is rendered, when there are too many, and `_StoppedError`.
        """
        max_pixels = pixels_per_page(engine.info, len(places))
        sheets = [session.sheets[place] for place in places]
        images = []
        for done, (place, sheet) in enumerate(zip(places, sheets, strict=True)):
            if done:
                yield Shown(stage=stage_html(f"Preparing page {done + 1:,} of {len(places):,}", done / len(places)))
            if run.is_set():
                raise _StoppedError
            images.append((place + 1, shrunk(self._image(sheet), max_pixels)))
        return images

    # Corrections

    def correct(self, session: Session, place: int, text: str) -> Shown:
        """Keep a person's text of a block of the page that is shown."""
        sheet = session.sheet
        if sheet is None or sheet.reading is None or not 0 <= place < len(sheet.reading.document.blocks):
            return Shown()
        blocks = {**sheet.corrections.blocks, place: text}
        return self._corrected(session, sheet, replace(sheet.corrections, blocks=blocks))

    def correct_field(self, session: Session, at: int, name: str, text: str) -> Shown:
        """Keep a person's text of a field of the page at that place in the strip."""
        sheet = session.sheets[at] if 0 <= at < len(session.sheets) else None
        if sheet is None or sheet.reading is None or name not in sheet.reading.ask.fields:
            return Shown()
        fields = {**sheet.corrections.fields, name: text}
        return self._corrected(session, sheet, replace(sheet.corrections, fields=fields))

    def undo(self, session: Session) -> Shown:
        """Take the last correction back, and show the page that it was on."""
        while session.undo:
            last = session.undo.pop()
            if last.sheet in session.sheets and last.sheet.reading == last.reading:
                session.current, session.follows = session.sheets.index(last.sheet), False
                self._keep(session, last.sheet, last.corrections)
                break
        return self.page(session)

    def _corrected(self, session: Session, sheet: Sheet, corrections: Corrections) -> Shown:
        if sheet.state == "reading" or sheet.reading is None:
            return Shown(error=error_html("This page is being read. Correct it once it is done."))
        session.undo.append(_Undo(sheet, sheet.reading, sheet.corrections))
        try:
            self._keep(session, sheet, corrections)
        except StudioError as error:
            session.undo.pop()
            return Shown(error=error_html(str(error)))
        return self.page(session)

    def _keep(self, session: Session, sheet: Sheet, corrections: Corrections) -> None:
        assert sheet.reading is not None
        self._store.correct(session.owner, sheet.sha256, sheet.reading, corrections)
        sheet.corrections = corrections

    # Export

    def export(self, session: Session, key: str, folder: Path) -> tuple[Path, list[str]]:
        """Write the chosen pages, or all that were read, into `folder`: the file, and notes for a person.

        Raises `RequestError` when there is nothing to write.
        """
        places = self._places_read(session)
        if not places:
            raise RequestError("There is nothing to export yet. Read pages first.")
        pages = [self._exportable(session.sheets[place]) for place in places]
        names = list(dict.fromkeys(page.source for page in pages))
        stem = safe_name(Path(names[0]).stem) or "document" if len(names) == 1 else "documents"
        row = DOCUMENT_FORMATS[key]
        path = folder / row.file_name(stem, pages)
        with path.open("w+b") as file:
            notes = row.write(pages, file)
        return path, [*self._not_whole(session, places), *notes]

    def _places_read(self, session: Session) -> list[int]:
        """Where in the strip those of the chosen pages are of which anything was read."""
        if session.mode == "ask":
            return []
        places = self._targets(session)
        for place in places:
            self._load(session, session.sheets[place])
        return [place for place in places if session.sheets[place].reading is not None]

    def _exportable(self, sheet: Sheet) -> ReadPage:
        assert sheet.reading is not None
        return exportable(self._shelf, sheet.document, sheet.reading, sheet.corrections)

    @staticmethod
    def _not_whole(session: Session, places: Sequence[int]) -> list[str]:
        """Sentences about the pages that were not read to their end, one for each reason."""
        pages_of: dict[str, list[int]] = {}
        for place in places:
            reading = session.sheets[place].reading
            if reading is not None and not reading.is_whole:
                pages_of.setdefault(reading.problems[0], []).append(place + 1)
        return [f"Page{'s' * (len(cut) > 1)} {write_ranges(cut)}: {why}" for why, cut in pages_of.items()]

    # Parts

    def _targets(self, session: Session) -> list[int]:
        return sorted(place for place in session.chosen if place < len(session.sheets)) or list(
            range(len(session.sheets))
        )

    def _has_several(self, session: Session) -> bool:
        return len({sheet.sha256 for sheet in session.sheets}) > 1

    def _documents_hash(self, session: Session) -> str:
        return hash_of(list(dict.fromkeys(sheet.sha256 for sheet in session.sheets)))

    def _forget_readings(self, session: Session) -> None:
        for sheet in session.sheets:
            sheet.reading, sheet.corrections, sheet.medium = None, Corrections(), None
            sheet.error = sheet.notice = ""
        session.undo = []
        self._load_states(session)

    def _load_states(self, session: Session) -> None:
        """Which pages were read in this mode before."""
        read = self._read_before(session)
        for sheet in session.sheets:
            if sheet.reading is None:
                sheet.state = read[sheet.sha256].get(sheet.page, "new")

    def _read_before(self, session: Session) -> dict[str, dict[int, view.State]]:
        """The pages of each open document that are in the store, read in this mode by any model."""
        before: dict[str, dict[int, view.State]] = {}
        for sha256 in {sheet.sha256 for sheet in session.sheets}:
            pages = self._store.read_pages(sha256, session.ask)
            before[sha256] = {page: "done" if is_whole else "cut" for page, is_whole in pages.items()}
        return before

    def _settle(self, session: Session) -> None:
        """Nothing waits or is read any more; what a run did not come to is as it was before."""
        try:
            read = self._read_before(session)
        except StudioError:  # the run itself has said so
            read = {}
        for sheet in session.sheets:
            before = read.get(sheet.sha256, {}).get(sheet.page)
            if sheet.state == "waiting":
                sheet.state = before or ("stopped" if sheet.reading is not None else "new")
            elif sheet.state == "reading":
                # Left in the middle of the page: what was read of it before is loaded again when it is shown.
                sheet.reading = None if before else sheet.reading
                sheet.state = before or "stopped"

    def _load_exchanges(self, session: Session) -> None:
        """What was asked before about just these documents, behind what was asked here about the first of them."""
        kept = self._store.questions(session.owner, self._documents_hash(session))
        asked = [
            view.Exchange(each.question, each.answer, write_ranges(each.pages), each.model, each.finish_reason)
            for each in kept
        ]
        session.exchanges += [exchange for exchange in asked if exchange not in session.exchanges]

    def _load(self, session: Session, sheet: Sheet) -> None:
        """What was read of a page before, by this model or else by another one."""
        if sheet.reading is not None or sheet.state not in ("done", "cut"):
            return
        sheet.reading = self._stored(sheet, session.ask)
        if sheet.reading is not None:
            sheet.state = _state_of(sheet.reading)
            sheet.corrections = self._store.corrections(session.owner, sheet.sha256, sheet.reading)

    def _stored(self, sheet: Sheet, ask: ReadingAsk) -> Reading | None:
        engine = self._studio.engines.current()
        models = (engine.info.name, "") if engine else ("",)
        found = (self._store.get(sheet.sha256, sheet.page, ask, model) for model in models)
        reading = next((reading for reading in found if reading is not None), None)
        if reading is not None and NO_BOXES in reading.document.problems:
            lines = self._stored(sheet, replace(ask, mode="lines"))
            return lines or reading
        return reading

    def _image(self, sheet: Sheet) -> Image:
        return self._shelf.page(sheet.document, sheet.page)

    def _size_wh(self, sheet: Sheet) -> tuple[int, int] | None:
        """The size of the page's picture; None, with the reason noted on the sheet, when there cannot be one."""
        try:
            return sheet.reading.medium.source_size_wh if sheet.reading else self._image(sheet).size_wh
        except Exception as error:
            sheet.error = sheet.error or sentence_of(error, "a page could not be shown")
            return None

    def _size(self, session: Session, sheet: Sheet) -> str:
        """How large the page is for the model; in a question that depends on how many pages there are."""
        size_wh = self._size_wh(sheet)
        if size_wh is None or session.mode == "ask":
            return ""
        try:
            return view.size_html(size_wh, self._medium(session, sheet))
        except StudioError:
            return ""  # said in full when the page is read

    def _medium(self, session: Session, sheet: Sheet) -> MediumInput | None:
        """None as long as there is no model."""
        if sheet.reading is not None:
            return sheet.reading.medium
        engine = self._studio.engines.current()
        if sheet.medium is None and engine is not None:
            sheet.medium = look(engine, self._image(sheet), "read", session.ask.preset)
        return sheet.medium

    def _own_text(self, sheet: Sheet) -> str:
        size_wh = self._size_wh(sheet)
        if size_wh is None or sheet.document.file.media_type != "application/pdf":
            return ""
        try:
            return view.own_text_html(page_text(sheet.document.file, sheet.page, size_wh).text)
        except StudioError:
            return view.own_text_html("")

    def _blocks(self, session: Session, sheet: Sheet) -> list[tuple[int, Block]]:
        if sheet.reading is None or session.mode == "ask":
            return []
        return list(corrected_blocks(sheet.reading.document, sheet.corrections, sheet.reading.ask.mode))

    def _viewer(self, session: Session, sheet: Sheet, blocks: Sequence[Block]) -> str:
        """The page with its blocks; one that cannot be rendered is an empty viewer, with the reason beside it."""
        size_wh = self._size_wh(sheet)
        if size_wh is None:
            return viewer_value(None, "")
        boxes = [Box(view.region_label(b), b.xyxy, view.region_text(b), span=b.span) for b in blocks if b.xyxy]
        raw = sheet.reading.raw if sheet.reading and session.mode != "ask" else ""
        name = f"{sheet.name}, page {sheet.page}"
        # The page gets the bytes from the address.
        image = Image(b"", sheet.document.token, size_wh, "", name)
        streaming = sheet.state == "reading"
        url = sheet.document.page_url(sheet.page)
        return viewer_value(image, url, Answer(regions=tuple(boxes)), raw, streaming=streaming)

    def _strip(self, session: Session) -> str:
        items = [
            view.StripItem(
                sheet.document.page_url(sheet.page, small=True),
                sheet.name,
                sheet.page,
                sheet.state,
                place in session.chosen,
            )
            for place, sheet in enumerate(session.sheets)
        ]
        return view.strip_html(items, session.current)

    def _advice(self, session: Session) -> str:
        engine = self._studio.engines.current()
        return notes_html(advice(engine.info, session.mode) if engine else "")


def _around(places: Sequence[int], current: int) -> Sequence[int]:
    """A few of the places, which rise, with those next to the current one in their middle."""
    start = bisect_left(places, current) - _ROWS_WHILE_READING // 2
    start = max(min(start, len(places) - _ROWS_WHILE_READING), 0)
    return places[start : start + _ROWS_WHILE_READING]


def _state_of(reading: Reading | None) -> view.State:
    """What a page is called of which this is what was read, when nothing went wrong."""
    if reading is None or not reading.has_ended:
        return "stopped"
    return "done" if reading.is_whole else "cut"
