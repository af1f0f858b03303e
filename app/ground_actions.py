"""What happens in the Ground tab: plain functions from what a person did to what changes on the page.

Knows the pictures of one open page, their results and the edits made by hand, batches and exports. Knows no widgets:
`tabs/ground.py` turns clicks into these calls and a `Shown` into updates.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import ground_view as view
from app.examples import FOLDER, read_listing
from app.exports import FORMATS, Annotated
from app.exports.base import safe_name
from app.faults import sentence_of
from app.ground_corrections import read_anew
from app.grounding import Ask, Found, ground, look, not_learned
from app.media_store import media_url
from app.palette import label_order
from app.studio import Studio
from app.turnstile import Turnstile
from app.viewer import viewer_value
from app.wire import edited, label_of
from app.work_view import error_html, notes_html, progress_words, stage_html
from model.catalog import CONVENTIONS
from model.engines.base import Engine
from model.errors import RequestError, StudioError
from model.media import Limits, read_image_file
from model.parsing.camera import Camera
from model.prompts import Task
from model.types import Answer, Convention, Image, MediumInput, Region

_FIELD_OF_VIEW = math.radians(60)
"""Of the camera that 3D boxes are drawn for as long as nobody says better; the publisher's examples take the same."""

_TELL_EVERY_S = 0.5

XYXY = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class GroundExample:
    """A picture of the project's own and a task that can be tried on it."""

    path: Path
    task: Task
    query: str
    alt: str
    question: str


@dataclass(eq=False)
class Shot:
    """One picture of the tray. `answer` is what was found, with the edits made by hand; `found` what the model said.

    `corrected` of its results were not read anew with the others when the convention was changed.
    """

    sha256: str
    name: str
    size_wh: tuple[int, int]
    medium: MediumInput | None = None
    state: view.State = "new"
    found: Found | None = None
    answer: Answer | None = None
    ask_xyxy: XYXY | None = None
    corrected: int = 0
    error: str = ""

    @property
    def src(self) -> str:
        return media_url(self.sha256)

    @property
    def count(self) -> int | None:
        return None if self.answer is None else len(self.answer.regions) + len(self.answer.actions)


class Running:
    """A run that goes on, of one or many answers. Each answer has a cancel event of its own, which ends with it."""

    def __init__(self) -> None:
        self.is_stopped = False
        self.answer = threading.Event()

    def next_answer(self) -> threading.Event:
        self.answer = threading.Event()
        if self.is_stopped:
            self.answer.set()
        return self.answer

    def stop(self) -> None:
        self.is_stopped = True
        self.answer.set()


@dataclass
class Session:
    """One open page. `current` is the place of the picture that is shown large; `follows` a batch from one to the next.

    `labels` is the order of colours, the same for all pictures. `camera` draws 3D boxes; None is a guess.
    """

    shots: list[Shot] = field(default_factory=list)
    current: int = 0
    follows: bool = False
    labels: tuple[str, ...] = ()
    camera: Camera | None = None
    task: Task = "detect"
    preset: str = ""
    running: Running | None = None
    turnstile: Turnstile = field(default_factory=Turnstile, repr=False, compare=False)

    @property
    def shot(self) -> Shot | None:
        return self.shots[self.current] if self.current < len(self.shots) else None

    def shot_at(self, src: str) -> Shot | None:
        """The picture at this address; the same picture may be in the tray twice, then the one that is shown."""
        shots = [self.shots[self.current], *self.shots] if self.shot else []
        return next((shot for shot in shots if shot.src == src), None)

    def stop(self) -> None:
        """End what runs; results so far are kept."""
        if self.running is not None:
            self.running.stop()


@dataclass(frozen=True)
class Shown:
    """What changes on the page; None leaves a part as it is. All are HTML but `viewer`, which is a viewer's value.

    A slow page may miss all of a stream but its last value, so each value says `is_running`.
    """

    viewer: str | None = None
    tray: str | None = None
    status: str | None = None
    notes: str | None = None
    words: str | None = None
    area: str | None = None
    stage: str | None = None
    error: str | None = None
    pictures: int | None = None
    is_running: bool | None = None
    task: Task | None = None
    query: str | None = None


class GroundActions:
    """Whatever a person can do in the tab; `session` is the open page it is done in."""

    def __init__(self, studio: Studio, examples: Sequence[GroundExample] | None = None) -> None:
        self._studio = studio
        self._limits = Limits(max_bytes=studio.settings.max_upload_bytes)
        self.examples = read_examples() if examples is None else examples

    def welcome(self) -> str:
        """What stands in the place of the picture at first."""
        rows = []
        for example in self.examples:
            image = read_image_file(example.path)
            rows.append((example.question, example.alt, self._studio.media.put(image)))
        return view.welcome_html(rows)

    # Pictures

    def add(self, session: Session, files: Sequence[Path], *, only_pictures: bool = False) -> Iterator[Shown]:
        """Put files into the tray and show the first of them. `only_pictures` passes over other files of a folder."""
        before, refused = len(session.shots), []
        told_s = time.monotonic()
        for place, file in enumerate(files):
            if time.monotonic() - told_s > _TELL_EVERY_S:
                told_s = time.monotonic()
                yield Shown(stage=stage_html(f"{place:,} of {len(files):,} files read", place / len(files)))
            try:
                session.shots.append(self._shot(read_image_file(file, self._limits)))
            except StudioError as error:
                refused.append((file.name, str(error)))
        if len(session.shots) > before:
            session.current = before
        refusal = error_html(_refusal(refused, len(files), only_pictures))
        yield replace(self.page(session), stage="", error=refusal)

    def try_example(self, session: Session, place: int) -> Shown:
        """Take an example's picture and task; asking is another step."""
        example = self.examples[place]
        *_, shown = self.add(session, [example.path])
        return replace(shown, task=example.task, query=example.query)

    def pick(self, session: Session, place: int) -> Shown:
        """Show another picture of the tray."""
        if 0 <= place < len(session.shots):
            session.current, session.follows = place, False
        return self.page(session)

    def discard(self, session: Session, place: int) -> Shown:
        """Take a picture out of the tray; not while a batch walks through it."""
        if session.running is not None:
            return Shown(error=error_html("Stop the run first, then remove pictures."))
        if 0 <= place < len(session.shots):
            del session.shots[place]
            session.current = max(min(session.current - (place < session.current), len(session.shots) - 1), 0)
        return self.page(session)

    def clear(self, session: Session) -> Shown:
        """Begin anew with an empty tray."""
        session.stop()
        session.shots, session.current, session.labels = [], 0, ()
        return self.page(session)

    def page(self, session: Session) -> Shown:
        """Everything about the picture that is shown large, as it stands."""
        shot = session.shot
        if shot is None:
            return Shown(viewer_value(None, ""), "", "", "", "", "", "", "", pictures=0)
        if shot.medium is None:
            shot.medium = self._medium(session, shot)
        return Shown(
            viewer=self._viewer(session, shot),
            tray=self._tray(session),
            status=view.status_html(shot.size_wh, shot.medium, shot.found),
            notes=view.notes_html(
                shot.answer, shot.found, self._camera_note(session, shot), view.corrected_words(shot.corrected)
            ),
            words=view.words_html(shot.found),
            area=view.area_html(shot.ask_xyxy),
            error=error_html(shot.error),
            pictures=len(session.shots),
        )

    def measure(self, session: Session, task: Task, preset: str) -> Shown:
        """Sizes and tokens anew, for another task, preset or model; of pictures that are not shown, once they are."""
        session.task, session.preset = task, preset
        for each in session.shots:
            each.medium = None
        return Shown(status=self.page(session).status)

    # Asking

    def advice(self, task: Task) -> str:
        """What to know about a task before it is run with the loaded model; mostly nothing."""
        engine = self._studio.engines.current()
        return notes_html(not_learned(engine.info, task) if engine else "")

    def run(self, session: Session, ask: Ask) -> Iterator[Shown]:
        """Ask about the picture that is shown."""
        shot = session.shot
        if shot is None:
            yield Shown(error=error_html("Choose a picture first."))
            return
        if len(session.shots) == 1:
            session.labels = ()
        yield from self._run(session, [shot], ask)

    def run_all(self, session: Session, ask: Ask) -> Iterator[Shown]:
        """Ask about every picture that has no answer to this question yet, one after another; all if none is left."""
        asked = replace(ask, box_xyxy=None)
        todo = [shot for shot in session.shots if not _has_answer(shot, asked)] or list(session.shots)
        if len(todo) == len(session.shots):
            session.labels = ()
        session.follows = True
        yield from self._run(session, todo, asked)

    def _run(self, session: Session, shots: Sequence[Shot], ask: Ask) -> Iterator[Shown]:
        if session.running is not None:
            yield Shown(error=error_html("An answer is being written. Stop it first."))
            return
        running = session.running = Running()
        session.labels = label_order(_categories(ask), session.labels)
        try:
            yield Shown(stage=stage_html("Preparing"), error="", is_running=True)
            engine = yield from self._engine(running)
            if sentence := not_learned(engine.info, ask.task):
                raise RequestError(sentence)
            yield from self._ask_each(session, shots, ask, engine, running)
            _settle(shots)
            yield replace(self.page(session), stage="", is_running=False)
        except StudioError as error:
            yield replace(self.page(session), error=error_html(str(error)), stage="", is_running=False)
        finally:
            running.stop()
            session.running = None
            _settle(shots)

    def _engine(self, running: Running) -> Generator[Shown, None, Engine]:
        """The current engine, waiting while it loads."""
        return self._studio.engines.awaited(
            lambda: running.is_stopped, lambda words: Shown(stage=stage_html(words), is_running=True)
        )

    def _ask_each(
        self, session: Session, shots: Sequence[Shot], ask: Ask, engine: Engine, running: Running
    ) -> Iterator[Shown]:
        start_s = time.monotonic()
        for shot in shots:
            shot.state = "waiting"
        for done, shot in enumerate(shots):
            if running.is_stopped:
                return
            if session.follows:
                session.current = session.shots.index(shot)
            yield from self._ask_one(session, shot, ask, engine, running, _Progress(done, len(shots), start_s))

    def _ask_one(
        self, session: Session, shot: Shot, ask: Ask, engine: Engine, running: Running, progress: _Progress
    ) -> Iterator[Shown]:
        """Ask about one picture of several; what goes wrong with it does not stop the others."""
        before, by_hand = (shot.found, shot.answer), _by_hand(shot)
        shot.state, shot.error, shot.corrected = "running", "", 0
        shot.found, shot.answer = None, _with(None, by_hand)
        _know_labels(session, shot)
        yield replace(self.page(session), stage=progress.html("Reading the picture"), error="", is_running=True)
        if progress.total == 1:
            ask = replace(ask, box_xyxy=shot.ask_xyxy)
        try:
            for found in ground(engine, self._image(shot), ask, running.next_answer()):
                shot.found, shot.answer, shot.medium = found, _with(found.answer, by_hand), found.medium
                _know_labels(session, shot)
                yield self._live(session, shot, progress)
            shot.state = "stopped" if running.is_stopped else "done"
        except Exception as error:
            shot.state, shot.error = "failed", sentence_of(error)
        if shot.state != "done" and not (shot.found and shot.found.raw):
            shot.found, shot.answer = before  # nothing has come: what was there stays
            _know_labels(session, shot)
        elif shot.found and not shot.found.is_finished:
            shot.found = shot.found.read_as(shot.found.ask.convention)
            shot.answer = _with(shot.found.answer, by_hand)

    def _live(self, session: Session, shot: Shot, progress: _Progress) -> Shown:
        """The answer in the making; of a picture that is not shown only how far it is."""
        if shot.found is None or session.shot is not shot:
            return Shown(stage=progress.html(""), is_running=True)
        return Shown(
            viewer=self._viewer(session, shot),
            words=view.words_html(shot.found),
            stage=progress.html(view.stage_words(shot.found)),
            is_running=True,
        )

    # After the answer

    def edit(self, session: Session, value: str) -> Shown:
        """Keep what a person changed in the viewer."""
        try:
            now = edited(value)
        except RequestError as error:
            return Shown(error=error_html(str(error)))
        shot = session.shot_at(now.src)
        if shot is None or shot.state == "running":
            return Shown()
        shot.answer = replace(shot.answer or Answer(), regions=now.regions, actions=now.actions)
        shot.corrected = 0
        session.labels = label_order(now.labels, session.labels)
        return Shown(tray=self._tray(session), error="")

    def mark(self, session: Session, value: str) -> Shown:
        """Remember the area that a person marked to ask about; a marked one asks for a question in their own words."""
        try:
            now = edited(value)
        except RequestError as error:
            return Shown(error=error_html(str(error)))
        shot = session.shot_at(now.src)
        if shot is None:
            return Shown()
        shot.ask_xyxy = now.ask_xyxy
        return Shown(area=view.area_html(shot.ask_xyxy), task="free" if shot.ask_xyxy else None)

    def unmark(self, session: Session) -> Shown:
        """Forget the area."""
        shot = session.shot
        if shot is None:
            return Shown()
        shot.ask_xyxy = None
        return Shown(area="", viewer=self._viewer(session, shot))

    def read_as(self, session: Session, name: str) -> Shown:
        """Read all answers again with coordinates in another convention; a name that is none is the family's own.

        What a person drew, changed or removed stays as it is, and is told.
        """
        convention = CONVENTIONS.get(name)
        for shot in session.shots:
            if shot.found and shot.state != "running" and shot.found.ask.convention != convention:
                _read_as(shot, shot.found, convention)
        return self.page(session)

    def set_camera(self, session: Session, text: str) -> Shown:
        """Take "fx, fy, cx, cy" in pixels for drawing 3D boxes; nothing goes back to the guess."""
        try:
            session.camera = _camera(text)
        except ValueError:
            return Shown(error=error_html("Write the camera as four numbers: fx, fy, cx, cy in pixels."))
        return self.page(session)

    def export(self, session: Session, key: str, folder: Path, *, everything: bool) -> tuple[Path, list[str]]:
        """Write the shown picture, or all that have results, into `folder`: the file, and notes for a person.

        Raises `RequestError` when there is nothing to write.
        """
        shots = [shot for shot in session.shots if shot.answer is not None]
        if not everything:
            shots = [shot for shot in shots if shot is session.shot]
        if not shots:
            raise RequestError("There are no results to export yet. Run first.")
        for shot in shots:
            _know_labels(session, shot)
        used = {label_of(item) for shot in shots for item in (*_answer(shot).regions, *_answer(shot).actions)}
        # In the picture a label has its colour from the page; as a class it must be one that occurs.
        labels = session.labels if key == "png" else tuple(label for label in session.labels if label in used)
        stem = safe_name(Path(shots[0].name).stem) or "picture" if len(shots) == 1 else "pictures"
        path = folder / FORMATS[key].file_name(stem, len(shots))
        with path.open("w+b") as file:
            notes = FORMATS[key].write((self._annotated(session, shot) for shot in shots), labels, file)
        return path, notes

    # Parts of the page

    def _shot(self, image: Image) -> Shot:
        self._studio.media.put(image)
        return Shot(image.sha256, image.name, image.size_wh)

    def _image(self, shot: Shot) -> Image:
        return replace(self._studio.media.get(shot.sha256), name=shot.name)

    def _medium(self, session: Session, shot: Shot) -> MediumInput | None:
        engine = self._studio.engines.current()
        try:
            return look(engine, self._image(shot), session.task, session.preset) if engine else None
        except StudioError:
            return None  # said in full when it is asked about

    def _viewer(self, session: Session, shot: Shot) -> str:
        found = shot.found
        return viewer_value(
            # The page gets the bytes from the address; a picture that was removed meanwhile must not stop a batch.
            Image(b"", shot.sha256, shot.size_wh, "", shot.name),
            shot.src,
            shot.answer,
            found.raw if found else "",
            labels=session.labels,
            numbered=bool(found and found.ask.task == "count"),
            streaming=shot.state == "running",
            ask_xyxy=shot.ask_xyxy,
            camera=_camera_of(session, shot),
        )

    def _tray(self, session: Session) -> str:
        items = [view.TrayItem(shot.sha256, shot.name, shot.state, shot.count) for shot in session.shots]
        return view.tray_html(items, session.current)

    def _camera_note(self, session: Session, shot: Shot) -> str:
        if session.camera or not (shot.answer and shot.answer.boxes_3d):
            return ""
        return (
            "3D boxes are drawn for a camera with a field of view of 60°. Under Options you can give its own numbers."
        )

    def _annotated(self, session: Session, shot: Shot) -> Annotated:
        found = shot.found
        return Annotated(
            self._image(shot),
            _answer(shot),
            raw=found.raw if found else "",
            model=found.info.name if found else "",
            numbered=bool(found and found.ask.task == "count"),
            camera=_camera_of(session, shot),
        )


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a run is: `done` of `total` pictures since `start_s`."""

    done: int
    total: int
    start_s: float

    def html(self, words: str) -> str:
        if self.total == 1:
            return stage_html(words or "Running")
        spent_s = time.monotonic() - self.start_s
        left_s = spent_s / self.done * (self.total - self.done) if self.done else None
        said = progress_words(self.done, self.total, "pictures done", left_s)
        return stage_html(f"{said} · {words}" if words else said, self.done / self.total)


def read_examples(folder: Path = FOLDER) -> list[GroundExample]:
    """The rows of `ground.json` (`file`, `task`, `query`, `alt`, `question`), in order; empty without that file."""
    return read_listing(GroundExample, folder / "ground.json")


def _settle(shots: Sequence[Shot]) -> None:
    """Nothing waits or runs any more."""
    for shot in shots:
        if shot.state == "waiting":
            shot.state = "new" if shot.answer is None else "done"
        elif shot.state == "running":
            shot.state = "stopped"


def _answer(shot: Shot) -> Answer:
    return shot.answer or Answer()


def _know_labels(session: Session, shot: Shot) -> None:
    """Give the labels of a picture that are new their colours."""
    answer = _answer(shot)
    session.labels = label_order(map(label_of, (*answer.regions, *answer.actions)), session.labels)


def _by_hand(shot: Shot) -> tuple[Region, ...]:
    """What a person drew: no words of a model belong to it."""
    return tuple(region for region in _answer(shot).regions if region.span is None)


def _read_as(shot: Shot, found: Found, convention: Convention | None) -> None:
    """Read the answer anew but for what a person corrected."""
    shown, new = _answer(shot), found.read_as(convention)
    regions, corrected = read_anew(shown.regions, found.answer.regions, new.answer.regions)
    actions, renamed = read_anew(shown.actions, found.answer.actions, new.answer.actions)
    shot.found, shot.answer = new, replace(new.answer, regions=regions, actions=actions)
    shot.corrected = corrected + renamed


def _with(answer: Answer | None, by_hand: tuple[Region, ...]) -> Answer | None:
    """The answer and behind it what was drawn by hand, which no new answer takes away."""
    answer = answer or (Answer() if by_hand else None)
    return replace(answer, regions=(*answer.regions, *by_hand)) if answer else None


def _has_answer(shot: Shot, ask: Ask) -> bool:
    """Whether the picture was asked just this, and answered to the end."""
    found = shot.found
    return shot.state == "done" and found is not None and replace(found.ask, convention=ask.convention) == ask


def _categories(ask: Ask) -> list[str]:
    """The categories asked for: they take the first colours, so that each has the same one in every answer."""
    return [part.strip() for part in ask.query.split(",") if part.strip()] if ask.task == "detect" else []


def _camera_of(session: Session, shot: Shot) -> Camera:
    """The camera given, or a guess as in the 3D grounding example of Qwen3-VL: focal lengths from the field of view."""
    width, height = shot.size_wh
    spread = 2 * math.tan(_FIELD_OF_VIEW / 2)
    return session.camera or Camera(width / spread, height / spread, width / 2, height / 2)


def _camera(text: str) -> Camera | None:
    numbers = [float(part) for part in text.replace(",", " ").split()]
    if not numbers:
        return None
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise ValueError("not a camera")
    return Camera(*numbers)


def _refusal(refused: Sequence[tuple[str, str]], total: int, only_pictures: bool) -> str:
    """What became of files that are no pictures, in one sentence."""
    if not refused:
        return ""
    if total == 1:
        return refused[0][1]
    if only_pictures and len(refused) < total:
        return f"{len(refused)} of {total} files are no usable pictures and were left out."
    named = ", ".join(name for name, _ in refused[:3]) + (" and others" if len(refused) > 3 else "")
    return f"{len(refused)} of {total} files could not be used ({named}). {refused[0][1]}"
