"""What happens in the Video tab: plain functions from what a person did to what changes on the page.

Knows the video of one open page, the frames read of it, the questions asked and their answers, the edits made by hand.
Knows no widgets: `tabs/video.py` turns clicks into these calls and a `Shown` into updates.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from app import video_view as view
from app.examples import FOLDER, read_listing
from app.exports.base import safe_name
from app.exports.events import EVENT_FORMATS, Timeline
from app.faults import sentence_of
from app.media_store import media_url, preview_url
from app.palette import label_order
from app.studio import Studio
from app.timeline import Lane, ShownVideo, edited_events, frames_value, timeline_value
from app.turnstile import Turnstile
from app.watching import VideoAsk, Watched, look, not_learned, prompt_of, sampling_of, watch
from app.work_view import error_html, notes_html, stage_html
from model.engines.base import Engine
from model.errors import RequestError, StudioError
from model.media import read_image_file
from model.prompts import VideoTask
from model.rewriting import from_pictures, preview
from model.types import Message, Text, TimeEvent, Video
from model.video import Sampling, VideoFile, VideoLimits, is_video, open_video, sample_times

_SAMPLINGS_KEPT = 4
"""So many choices of frames are kept decoded: the whole video and a few parts of it."""
_TELL_EVERY_S = 0.3
_WAIT_S = 0.05

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class VideoExample:
    """A clip of the project's own and a question that can be tried on it. `still` is a picture of it, beside it."""

    path: Path
    still: str
    task: VideoTask
    query: str
    alt: str
    question: str


@dataclass(frozen=True, eq=False)
class Sampled:
    """Frames that were read of the video, and the same as the timeline shows them."""

    video: Video
    strip: str


@dataclass(eq=False)
class Exchange:
    """A question about the video, of which the model saw `frames`. `events` are the answer's, as changed by hand."""

    ask: VideoAsk
    frames: Sampled
    watched: Watched | None = None
    events: tuple[TimeEvent, ...] = ()
    state: view.State = "running"
    error: str = ""

    @property
    def is_corrected(self) -> bool:
        return self.watched is not None and self.events != _in_order(self.watched.answer.events)

    @property
    def notices(self) -> tuple[str, ...]:
        return self.watched.notices if self.watched else ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The question as it was put to the model, and what it said; nothing where it said nothing."""
        if self.watched is None or not self.watched.raw:
            return ()
        return self.watched.asked[-1], Message("assistant", (Text(self.watched.raw),))


@dataclass
class Session:
    """One open page. `src` is what the player plays, `thread` the questions so far, `chosen` the exchange and the place
    of its event that a person clicked last.

    `frames` are those of the next question, `cost` is what it takes; `kept` are those read so far, by how they were
    chosen, and `strip` are those that are shown. `run` ends what runs, `reading` the reading of
    frames for the next question, `copying` the making of a copy to play.
    """

    file: VideoFile | None = None
    src: str = ""
    word: str = ""
    note: str = ""
    range_s: Range | None = None
    preset: str = ""
    example: VideoExample | None = None
    frames: Sampled | None = None
    strip: Sampled | None = None
    cost: view.Cost | None = None
    kept: dict[Sampling, Sampled] = field(default_factory=dict)
    thread: list[Exchange] = field(default_factory=list)
    chosen: tuple[Exchange, int] | None = None
    labels: tuple[str, ...] = ()
    run: threading.Event | None = None
    reading: threading.Event | None = None
    copying: threading.Event | None = None
    turnstile: Turnstile = field(default_factory=Turnstile, repr=False, compare=False)

    def stop(self) -> None:
        """End what runs; results so far are kept."""
        if self.run is not None:
            self.run.set()
        if self.reading is not None:
            self.reading.set()

    def stop_reading(self) -> None:
        """Nobody waits for these frames any more."""
        if self.reading is not None:
            self.reading.set()
        self.reading = None

    def stop_copying(self) -> None:
        if self.copying is not None:
            self.copying.set()

    @property
    def current(self) -> Exchange | None:
        """The exchange that is exported: that of the chosen event, else the latest with events, else the latest."""
        if self.chosen and self.chosen[0] in self.thread:
            return self.chosen[0]
        with_events = (exchange for exchange in reversed(self.thread) if exchange.events)
        return next(with_events, self.thread[-1] if self.thread else None)


@dataclass(frozen=True)
class Shown:
    """What changes on the page; None leaves a part as it is. All are HTML but `timeline` and `frames`, the values of
    the timeline, and `query`, what stands in the field for the question.

    A slow page may miss all of a stream but its last value, so each value says `is_running`.
    """

    timeline: str | None = None
    frames: str | None = None
    thread: str | None = None
    status: str | None = None
    notes: str | None = None
    part: str | None = None
    stage: str | None = None
    preview: str | None = None
    error: str | None = None
    query: str | None = None
    videos: int | None = None
    is_running: bool | None = None


class VideoActions:
    """Whatever a person can do in the tab; `session` is the open page it is done in."""

    def __init__(self, studio: Studio, examples: Sequence[VideoExample] | None = None) -> None:
        self._studio = studio
        self._limits = VideoLimits(max_bytes=studio.settings.max_upload_bytes)
        self.examples = read_examples() if examples is None else examples

    def welcome(self) -> str:
        """What stands in the place of the video at first."""
        rows = []
        for example in self.examples:
            still = read_image_file(example.path.with_name(example.still))
            rows.append((example.question, example.alt, self._studio.media.put(still)))
        return view.welcome_html(rows)

    # The video

    def open(self, session: Session, path: Path, name: str = "", note: str = "") -> Iterator[Shown]:
        """Show a video in the place of the one before, and read the frames that the model would see.

        `note` is what else has to be known about it.
        """
        if session.run is not None:
            yield Shown(error=error_html("Stop what runs first, then open another video."))
            return
        yield Shown(stage=stage_html("Opening the video"), error="", preview="")
        try:
            file = open_video(path, name, self._limits)
            src = self._studio.media.put_video(file)
        except StudioError as error:
            yield Shown(stage="", error=error_html(str(error)))
            return
        self._begin(session, self._studio.media.video(file.sha256, file.name), src)
        session.note = note
        yield replace(self.page(session), stage=stage_html("Reading the frames"), error="", preview="")
        for shown in self.measure(session):
            yield _over(self.page(session), shown)

    def open_all(self, session: Session, paths: Sequence[Path], fps: float) -> Iterator[Shown]:
        """Open one video, or make one of numbered pictures, `fps` of them a second."""
        if len(paths) == 1:
            yield from self.open(session, paths[0])
            return
        if session.run is not None:
            yield Shown(error=error_html("Stop what runs first, then open another video."))
            return
        if any(is_video(path) for path in paths):
            yield Shown(error=error_html("Choose one video at a time, or all the numbered pictures of one."))
            return
        run = session.run = threading.Event()
        yield Shown(stage=stage_html(f"Making a video of {len(paths):,} pictures"), error="", is_running=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = from_pictures(paths, fps, Path(folder) / "pictures.mp4", run, f"{len(paths):,} pictures")
            except StudioError as error:
                yield Shown(stage="", error=error_html(str(error)), is_running=False)
                return
            finally:
                session.run = None
            for shown in self.open(session, made.path, made.name, " ".join(made.notices)):
                yield _over(Shown(is_running=False), shown)

    def take_example(self, session: Session, place: int) -> VideoExample:
        """Choose an example; opening its clip and asking are the next steps."""
        session.example = self.examples[place]
        return session.example

    def open_example(self, session: Session) -> Iterator[Shown]:
        """Open the clip of the example that was chosen."""
        if session.example is not None:
            yield from self.open(session, session.example.path)

    def clear(self, session: Session) -> Shown:
        """Begin anew without a video."""
        session.stop()
        self._begin(session, None, "")
        return replace(self.page(session), error="", stage="", preview="")

    def make_copy(self, session: Session, src: str) -> Iterator[Shown]:
        """Make a copy that the browser can play of the video at `src`, which it cannot; asking goes on meanwhile."""
        file = session.file
        if file is None or src != session.src:
            return
        if src != media_url(file.sha256):  # the copy itself
            session.src, session.word = "", "This browser cannot play this video. You can ask about it all the same."
            yield Shown(timeline=self._timeline(session))
            return
        session.src, session.word = "", f"This browser does not play {file.facts.codec} in such a file."
        session.copying = cancel = threading.Event()
        try:
            for fraction in self._copied(file, cancel):
                if session.file is file:
                    yield Shown(timeline=self._timeline(session), preview=view.preview_html(fraction))
            if session.file is not file:  # what was said of the copy is not to stay as the last word
                yield Shown(timeline=self._timeline(session), preview="")
            else:
                session.src, session.word = preview_url(file.sha256), ""
                session.note = "The player shows a copy that this browser can play; the model sees the video itself."
                yield Shown(timeline=self._timeline(session), preview="", notes=self._notes(session))
        except StudioError as error:
            if session.file is file:
                session.word = f"{session.word} You can ask about it all the same."
                yield Shown(timeline=self._timeline(session), preview="", error=error_html(str(error)))
            else:
                yield Shown(timeline=self._timeline(session), preview="")
        finally:
            cancel.set()

    def _copied(self, file: VideoFile, cancel: threading.Event) -> Iterator[float]:
        """Make the copy, unless there is one, and give how much of it is done."""
        if self._studio.media.preview(file.sha256) is not None:
            return
        with tempfile.TemporaryDirectory() as folder:
            made, shares = Path(folder) / "copy.mp4", [0.0]
            with ThreadPoolExecutor(1) as pool:
                work = pool.submit(preview, file, made, cancel, shares.append)
                try:
                    yield shares[-1]
                    while not wait([work], _TELL_EVERY_S).done:
                        yield shares[-1]
                    work.result()
                finally:
                    cancel.set()  # nobody waits for it any more
            self._studio.media.put_preview(file.sha256, made)

    def measure(self, session: Session) -> Iterator[Shown]:
        """Read the frames that the model would see now, and tell what a question would cost."""
        file, engine = session.file, self._studio.engines.current()
        if file is None or engine is None:
            yield Shown(stage="")
            return
        session.stop_reading()
        reading = session.reading = threading.Event()
        try:
            yield from self._measured(session, file, engine, reading)
        finally:
            if session.reading is reading:
                session.reading = None

    def _measured(self, session: Session, file: VideoFile, engine: Engine, reading: threading.Event) -> Iterator[Shown]:
        sampling = sampling_of(engine.info, session.preset, session.range_s)
        try:
            if sampling not in session.kept:
                yield Shown(stage=stage_html(_reading_words(file, sampling)), is_running=True)
            frames = self._frames(session, file, sampling, reading)
        except StudioError as error:
            if session.reading is not reading:
                yield self._as_it_stands(session)
                return
            sentence = "" if reading.is_set() else error_html(str(error))
            session.frames = session.cost = None
            is_running = session.run is not None
            yield replace(self._state(session), stage="", error=sentence, is_running=is_running)
            return
        if session.reading is not reading:
            yield self._as_it_stands(session)
            return
        session.frames, session.cost = frames, self._cost(session, engine, frames.video)
        is_running = session.run is not None
        shown = replace(self._state(session), frames=_strip(session, frames), is_running=is_running)
        yield shown if is_running else replace(shown, stage="")

    def _as_it_stands(self, session: Session) -> Shown:
        """The last word of a reading that something newer has made pointless: the page keeps what is said last."""
        while session.reading is not None:  # what it comes to has to be in the last word
            time.sleep(_WAIT_S)
        is_running = session.run is not None
        return replace(self._state(session), frames=_strip(session, session.frames, anyway=True), is_running=is_running)

    def choose_preset(self, session: Session, preset: str) -> Iterator[Shown]:
        session.preset = preset
        yield from self.measure(session)

    # Asking

    def advice(self, task: VideoTask) -> str:
        """What to know about a task before it is asked of the loaded model; mostly nothing."""
        engine = self._studio.engines.current()
        return notes_html(not_learned(engine.info, task) if engine else "")

    def ask(self, session: Session, ask: VideoAsk) -> Iterator[Shown]:
        """Ask about the video, or the chosen part of it; events are shown as they come."""
        if session.file is None:
            yield Shown(error=error_html("Choose a video first."))
            return
        if session.run is not None:
            yield Shown(error=error_html("An answer is being written. Stop it first."))
            return
        run = session.run = threading.Event()
        try:
            yield Shown(stage=stage_html("Preparing"), error="", is_running=True)
            yield from self._ask(session, session.file, replace(ask, range_s=session.range_s), run)
            yield replace(self.page(session), stage="", is_running=False)
        except Exception as error:
            yield replace(self.page(session), error=error_html(sentence_of(error)), stage="", is_running=False)
        finally:
            run.set()
            session.run = None

    def ask_again(self, session: Session, place: int) -> Iterator[Shown]:
        """Ask a question of the thread once more, about the same part; the new answer follows."""
        if 0 <= place < len(session.thread) and session.run is None:
            ask = session.thread[place].ask
            session.range_s = ask.range_s
            yield from self.ask(session, ask)

    def _ask(self, session: Session, file: VideoFile, ask: VideoAsk, run: threading.Event) -> Iterator[Shown]:
        engine = yield from self._studio.engines.awaited(
            run.is_set, lambda words: Shown(stage=stage_html(words), is_running=True)
        )
        if sentence := not_learned(engine.info, ask.task):
            raise RequestError(sentence)
        sampling = sampling_of(engine.info, ask.preset, ask.range_s)
        if sampling not in session.kept:
            yield Shown(stage=stage_html(_reading_words(file, sampling)), is_running=True)
        session.frames = self._frames(session, file, sampling, run)
        yield Shown(frames=_strip(session, session.frames), is_running=True)
        yield from self._watch(session, engine, Exchange(ask, session.frames), run)

    def _watch(self, session: Session, engine: Engine, exchange: Exchange, run: threading.Event) -> Iterator[Shown]:
        """The answer as it comes. A question that cannot be put raises; what breaks off later is kept and told."""
        earlier = [message for each in session.thread for message in each.messages]
        try:
            for watched in watch(engine, exchange.frames.video, exchange.ask, run, earlier):
                if exchange.watched is None:
                    session.thread.append(exchange)
                    session.chosen = None
                exchange.watched, exchange.events = watched, _in_order(watched.answer.events)
                session.labels = label_order((event.label for event in exchange.events), session.labels)
                yield self._live(session, watched)
            is_cancelled = exchange.watched and exchange.watched.snapshot.last.finish_reason == "cancelled"
            exchange.state = "stopped" if is_cancelled else "done"
        except Exception as error:
            if exchange.watched is None:
                raise
            exchange.state, exchange.error = "failed", sentence_of(error)
        finally:
            if exchange.state == "running":
                exchange.state = "stopped"
        session.cost = self._cost(session, engine, exchange.frames.video)

    def _live(self, session: Session, watched: Watched) -> Shown:
        return Shown(
            timeline=self._timeline(session),
            thread=self._thread(session),
            stage=stage_html(view.stage_words(watched)),
            query="",
            is_running=True,
        )

    # After the answer

    def edit(self, session: Session, value: str) -> Shown:
        """Keep what a person changed on the timeline, and which event is chosen there; its answer is exported."""
        try:
            now = edited_events(value)
        except RequestError as error:
            return Shown(error=error_html(str(error)))
        if now.src != session.src or len(now.lanes) != len(session.thread):
            return Shown()
        told = edited_events(self._timeline(session)).lanes
        for exchange, before, events in zip(session.thread, told, now.lanes, strict=True):
            if exchange.state != "running" and events != before:  # times are rounded on their way
                exchange.events = events
        session.labels = label_order(now.labels, session.labels)
        session.chosen = _chosen(session, now.chosen)
        frames = session.chosen[0].frames if session.chosen else session.frames
        return Shown(thread=self._thread(session), frames=_strip(session, frames), error="")

    def mark(self, session: Session, value: str) -> Iterator[Shown]:
        """Ask about a part of the video from now on, and read its frames."""
        try:
            now = edited_events(value)
        except RequestError as error:
            yield Shown(error=error_html(str(error)))
            return
        if now.src == session.src:
            yield from self._take_part(session, now.range_s)

    def unmark(self, session: Session) -> Iterator[Shown]:
        """Ask about all of it again."""
        for shown in self._take_part(session, None):
            yield replace(shown, timeline=self._timeline(session))

    def _take_part(self, session: Session, range_s: Range | None) -> Iterator[Shown]:
        session.range_s = range_s
        part = Shown(part=view.part_html(range_s))
        yield part
        for shown in self.measure(session):
            yield _over(part, shown)

    def discard(self, session: Session, place: int) -> Shown:
        """Take a question and its events out of the thread; the model does not hear of it any more."""
        if session.run is not None:
            return Shown(error=error_html("Stop the answer first, then remove others."))
        if 0 <= place < len(session.thread):
            del session.thread[place]
            session.chosen = None
        return self.page(session)

    def begin_anew(self, session: Session) -> Iterator[Shown]:
        """Let go of all questions and their events; the video stays."""
        if session.run is not None:
            yield Shown(error=error_html("Stop the answer first, then begin anew."))
            return
        session.thread, session.chosen, session.labels = [], None, ()
        yield replace(self.page(session), error="")
        for shown in self.measure(session):
            yield _over(self.page(session), shown)

    def export(self, session: Session, key: str, folder: Path) -> tuple[Path, list[str]]:
        """Write the events of the current answer into `folder`: the file, and notes for a person.

        Raises `RequestError` when there is nothing to write, or when it was stopped.
        """
        exchange, row = session.current, EVENT_FORMATS[key]
        if session.file is None or session.frames is None:
            raise RequestError("There is no answer to export yet. Ask first.")
        if session.run is not None:
            raise RequestError("Stop what runs first, then export.")
        seen = Timeline(session.file, session.frames.video, ())
        timeline = self._exported(session, session.file, exchange) if exchange else seen
        if sentence := row.why_not(timeline):
            raise RequestError(sentence if exchange else "There is no answer to export yet. Ask first.")
        path = folder / row.file_name(safe_name(Path(session.file.name).stem) or "video")
        run = session.run = threading.Event()
        try:
            with path.open("w+b") as file:
                return path, row.write(timeline, file, run)
        finally:
            session.run = None

    # Parts of the page

    def page(self, session: Session) -> Shown:
        """Everything about the video, as it stands."""
        return replace(
            self._state(session),
            timeline=self._timeline(session),
            frames=_strip(session, session.frames, anyway=True),
            thread=self._thread(session),
            part=view.part_html(session.range_s),
            videos=int(session.file is not None),
        )

    def _begin(self, session: Session, file: VideoFile | None, src: str) -> None:
        session.stop_copying()
        session.stop_reading()
        session.file, session.src, session.word, session.note = file, src, "", ""
        session.range_s = session.frames = session.cost = session.chosen = None
        session.kept, session.thread, session.labels = {}, [], ()

    def _state(self, session: Session) -> Shown:
        if session.file is None:
            return Shown(status="", notes="")
        video = session.frames.video if session.frames else None
        is_model_there = self._studio.engines.current() is not None
        status = view.status_html(session.file, video, session.cost, is_model_there)
        return Shown(status=status, notes=self._notes(session))

    def _notes(self, session: Session) -> str:
        told = session.frames.video if session.frames else session.file
        return notes_html(session.note, *(told.notices if told else ()))

    def _frames(self, session: Session, file: VideoFile, sampling: Sampling, cancel: threading.Event) -> Sampled:
        """The frames chosen so, read once. Raises `MediaError`, and `RequestError` when `cancel` is set meanwhile."""
        kept = session.kept
        if sampling not in kept:
            video = look(file, sampling, cancel)
            frames = Sampled(video, frames_value(video))
            while len(kept) >= _SAMPLINGS_KEPT:
                del kept[next(iter(kept))]
            kept[sampling] = frames
        return kept[sampling]

    def _cost(self, session: Session, engine: Engine, video: Video) -> view.Cost | None:
        """What one more question takes, the thread so far included."""
        earlier = [message for each in session.thread for message in each.messages]
        try:
            prompt = prompt_of(engine, video, VideoAsk("describe", preset=session.preset), earlier)
        except StudioError:
            return None  # said in full when it is asked
        media = [medium for message in prompt.messages for medium in message.media]
        return view.Cost(prompt.media[media.index(video)], prompt.tokens, prompt.memory_bytes)

    def _timeline(self, session: Session) -> str:
        file = session.file
        if file is None:
            return timeline_value(None)
        video = ShownVideo(
            session.src,
            media_url(file.sha256, small=True),
            file.name,
            file.size_wh,
            file.duration_s,
            file.facts.fps,
        )
        return timeline_value(
            video,
            [Lane(view.title_of(each.ask), each.events, each.frames.video.step_s) for each in session.thread],
            labels=session.labels,
            range_s=session.range_s,
            streaming=any(each.state == "running" for each in session.thread),
            word=session.word,
        )

    def _thread(self, session: Session) -> str:
        turns, first_id, current = [], 0, session.current
        for each in session.thread:
            is_chosen = each is current and len(session.thread) > 1
            known = each.frames.video.notices  # they stand below the player
            notices = tuple(notice for notice in each.notices if notice not in known)
            said = (each.ask, each.state, each.watched, each.events, first_id)
            turns.append(view.Turn(*said, each.error, notices, each.is_corrected, is_chosen))
            first_id += len(each.events)
        return view.thread_html(turns, session.labels)

    def _exported(self, session: Session, file: VideoFile, exchange: Exchange) -> Timeline:
        watched = exchange.watched
        return Timeline(
            file,
            exchange.frames.video,
            exchange.events,
            session.labels,
            session.chosen[1] if session.chosen and session.chosen[0] is exchange else None,
            watched.raw if watched else "",
            watched.info.name if watched else "",
        )


def read_examples(folder: Path = FOLDER) -> list[VideoExample]:
    """The rows of `video.json` (keys as `VideoExample` has, `file` for the path), in order; empty without that file."""
    return read_listing(VideoExample, folder / "video.json")


def _over(shown: Shown, newer: Shown) -> Shown:
    """Both: a page that misses the first value lacks nothing. Where both tell of a part, the newer one holds."""
    told = {field.name: getattr(newer, field.name) for field in fields(Shown)}
    return replace(shown, **{name: value for name, value in told.items() if value is not None})


def _strip(session: Session, frames: Sampled | None, *, anyway: bool = False) -> str | None:
    """The frames for the timeline, unless they are there already."""
    if frames is session.strip and not anyway:
        return None
    session.strip = frames
    return frames.strip if frames else frames_value(None)


def _chosen(session: Session, at: tuple[int, int] | None) -> tuple[Exchange, int] | None:
    """The exchange and the place of its event; none of an answer that is being written, whose events still change."""
    if at is None or session.thread[at[0]].state == "running":
        return None
    return session.thread[at[0]], at[1]


def _reading_words(file: VideoFile, sampling: Sampling) -> str:
    return f"Reading {len(sample_times(file, sampling))} frames"


def _in_order(events: Sequence[TimeEvent]) -> tuple[TimeEvent, ...]:
    return tuple(sorted(events, key=lambda event: (event.start_s, event.end_s)))
