"""The Document tab without a page: opening, choosing, reading, stopping, correcting, asking, exporting."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image as Pillow

from app.document_actions import DocumentActions, Session, Sheet, Shown, _around
from app.document_reading import ReadingAsk
from app.exports.documents import DOCUMENT_FORMATS
from app.studio import Studio
from model.catalog import FAMILIES
from model.engines.fake import FakeEngine
from model.errors import EngineError, RequestError
from model.types import Chunk, FinishReason, Image
from tests.app.documents import LAYOUT, MARKDOWN, REPORT, encrypted
from tests.app.found import picture

MakeStudio = Callable[..., Studio]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(MARKDOWN)


@pytest.fixture
def actions(make_studio: MakeStudio, engine: FakeEngine) -> DocumentActions:
    return DocumentActions(make_studio(engine))


@pytest.fixture
def session(actions: DocumentActions) -> Session:
    """A page of the browser in which the report is open."""
    session = Session()
    actions.welcome(session, "ann")
    _last(actions.add(session, [REPORT]))
    return session


def _last(shown: Iterator[Shown]) -> Shown:
    *_, last = shown
    return last


def _value(shown: Shown) -> dict[str, Any]:
    assert shown.viewer is not None
    value: dict[str, Any] = json.loads(shown.viewer)
    return value


def _states(session: Session) -> list[str]:
    return [sheet.state for sheet in session.sheets]


def _stages(shown: list[Shown]) -> str:
    return " ".join(each.stage or "" for each in shown)


# Opening


def test_a_document_opens_with_its_first_page_and_its_own_text(actions: DocumentActions) -> None:
    session = Session()
    assert "Try an example" in (actions.welcome(session, "ann").welcome or "")
    shown = _last(actions.add(session, [REPORT]))
    assert shown.page_count == 2
    assert (shown.strip or "").count("doc-open") == 2
    width, height = _value(shown)["size_wh"]
    assert 0.70 < width / height < 0.71, "A4"
    assert "garden behind the library" in (shown.own_text or "")
    assert "Not read yet" in (shown.result or "")


def test_several_documents_are_one_strip_and_what_is_none_is_named(
    actions: DocumentActions, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(picture(200, 150).data)
    (tmp_path / "notes.txt").write_text("nothing to see")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnot really")
    shown = _last(actions.add(session, [tmp_path / name for name in ("photo.png", "notes.txt", "broken.pdf")]))
    assert [sheet.name for sheet in session.sheets] == ["report.pdf", "report.pdf", "photo.png"]
    assert _value(shown)["size_wh"] == [200, 150], "the new one is shown"
    assert "notes.txt: " in (shown.error or "")
    assert "broken.pdf: " in (shown.error or "")
    assert shown.own_text == "", "a picture has no text of its own"
    assert "open already" in (_last(actions.add(session, [REPORT])).error or "")
    assert len(session.sheets) == 3


def test_an_encrypted_document_asks_for_its_password(
    actions: DocumentActions, tmp_path: Path, session: Session
) -> None:
    locked = encrypted(tmp_path, "sesame")
    shown = _last(actions.add(session, [locked]))
    assert "locked.pdf is encrypted" in (shown.locked or "")
    assert len(session.sheets) == 2
    assert "not the password" in (actions.unlock(session, "open").locked or "")
    shown = actions.unlock(session, "sesame")
    assert shown.locked == ""
    assert len(session.sheets) == 4
    assert "garden behind the library" in (shown.own_text or "")
    _last(actions.add(Session(owner="ann"), [locked]))
    other = Session(owner="ann")
    _last(actions.add(other, [locked]))
    assert actions.skip_locked(other).locked == ""
    assert other.locked == []


def test_an_example_opens_with_one_click(actions: DocumentActions) -> None:
    session = Session()
    actions.try_example(session, 0)
    assert [sheet.name for sheet in session.sheets] == ["report.pdf", "report.pdf"]


def test_closing_leaves_the_way_back(actions: DocumentActions, session: Session) -> None:
    shown = actions.clear(session)
    assert shown.page_count == 0
    assert "report.pdf" in (shown.welcome or "")
    assert actions.open_recent(session, 0).page_count == 2
    assert len(session.sheets) == 2


def test_a_page_says_how_large_the_model_sees_it_before_it_is_read(
    make_studio: MakeStudio, actions: DocumentActions, session: Session
) -> None:
    width, height = _value(actions.page(session))["size_wh"]
    shown = actions.page(session)
    assert f"{width:,} × {height:,} → " in (shown.size or "")
    assert "visual tokens" in (shown.size or "")
    assert actions.set_ask(session, "text", preset="Low memory").size != shown.size
    assert actions.set_ask(session, "ask").size == ""
    without_model, other = DocumentActions(make_studio()), Session()
    assert "known once it has loaded" in (_last(without_model.add(other, [REPORT])).size or "")


# Choosing


def test_pages_are_chosen_by_click_and_by_range(actions: DocumentActions, session: Session) -> None:
    assert actions.choose(session, 1).pages == "2"
    assert actions.choose(session, 1).pages == ""
    assert actions.choose(session, 1, up_to=True).pages == "1-2"
    assert actions.choose_range(session, "2").error == ""
    assert session.chosen == {1}
    assert "There is no page 3" in (actions.choose_range(session, "3").error or "")
    assert session.chosen == {1}, "as before"
    actions.choose_range(session, "")
    assert session.chosen == set()
    assert actions.choose(session, 9) == Shown()


def test_a_range_shows_its_first_page_unless_one_of_it_is_shown(actions: DocumentActions, session: Session) -> None:
    assert "page 2 of 2" in (actions.choose_range(session, "2").head or "")
    assert session.current == 1
    actions.pick(session, 0)
    assert actions.choose_range(session, "2").head is None, "leaving the field again changes nothing"
    assert session.current == 0
    actions.choose_range(session, "1-2")
    assert session.current == 0


def test_pages_of_several_documents_are_counted_on_and_say_so(
    actions: DocumentActions, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(picture(200, 150).data)
    shown = _last(actions.add(session, [tmp_path / "photo.png"]))
    assert "photo.png" in (shown.head or "")
    assert "page 1 of 1" in (shown.head or "")
    assert "3 of 3 in all" in (shown.head or "")
    assert "Page 3: page 1 of photo.png, not read yet" in (shown.strip or "")
    assert "in all" not in (actions.try_example(Session(), 0).head or "")


def test_only_chosen_pages_are_read(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    actions.choose_range(session, "2")
    _last(actions.read(session))
    assert _states(session) == ["new", "done"]
    assert len(engine.prompts) == 1


# Reading


def test_reading_says_how_far_it_is_and_shows_what_is_read(actions: DocumentActions, session: Session) -> None:
    shown = list(actions.read(session))
    assert "0 of 2 pages read" in _stages(shown)
    assert "1 of 2 pages read, about" in _stages(shown)
    assert "s left" in _stages(shown)
    assert _states(session) == ["done", "done"]
    last = shown[-1]
    assert last.is_running is False
    assert last.stage == ""
    assert "<h1>Water</h1>" in (last.result or "")
    assert "<em>short</em>" in (last.result or "")
    assert "<td" in (last.result or "")
    assert "report.pdf" in (last.head or "")
    assert "3 blocks" in (last.head or "")
    assert session.current == 1, "the page follows the run"


def test_the_same_page_is_never_read_twice(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    _last(actions.read(session))
    _last(actions.read(session))
    assert len(engine.prompts) == 2
    renamed = tmp_path / "renamed.pdf"
    renamed.write_bytes(REPORT.read_bytes())
    other = Session(owner="bob")
    shown = _last(actions.add(other, [renamed]))
    assert _states(other) == ["done", "done"]
    assert "<h1>Water</h1>" in (shown.result or "")


def test_a_restart_loses_nothing(make_studio: MakeStudio, engine: FakeEngine) -> None:
    before, session = DocumentActions(make_studio(engine)), Session()
    before.welcome(session, "local")
    _last(before.add(session, [REPORT]))
    _last(before.read(session))
    before.correct(session, 0, "# Waters")
    before.set_ask(session, "ask")
    engine.script = ("On page 2.",)
    _last(before.ask(session, "Where?"))
    after, session = DocumentActions(make_studio(engine)), Session()
    assert "report.pdf" in (after.welcome(session, "local").welcome or "")
    shown = after.open_recent(session, 0)
    assert _states(session) == ["done", "done"]
    assert "<h1>Water</h1>" in (shown.result or "")
    assert "<h1>Waters</h1>" in (after.pick(session, 1).result or "")
    assert "On <a" in (after.set_ask(session, "ask").result or "")


def test_what_another_model_read_is_shown_until_this_one_has_read_it(make_studio: MakeStudio) -> None:
    one, session = DocumentActions(make_studio(FakeEngine(MARKDOWN))), Session()
    _last(one.add(session, [REPORT]))
    _last(one.read(session))
    info = FakeEngine().info
    other_engine = FakeEngine(("Other words",), info=type(info)(**{**_fields_of(info), "name": "other"}))
    other, session = DocumentActions(make_studio(other_engine)), Session()
    shown = _last(other.add(session, [REPORT]))
    assert "<h1>Water</h1>" in (shown.result or "")
    assert "<span>fake</span>" in (shown.head or "")
    shown = _last(other.read(session))
    assert len(other_engine.prompts) == 2
    assert "Other words" in (shown.result or "")


def _fields_of(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def test_stop_keeps_what_is_done(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    engine.delay_s = 0.05
    engine.script = (*MARKDOWN, *"more and more and more")
    for _ in actions.read(session):
        if session.sheets[0].state == "done":
            session.stop()
    assert _states(session)[0] == "done"
    assert _states(session)[1] in ("new", "stopped")
    engine.delay_s = 0
    _last(actions.read(session))
    assert _states(session) == ["done", "done"]
    assert len(engine.prompts) <= 3, "the first page is not read again"


def test_pages_from_the_store_are_not_shown_one_by_one(
    actions: DocumentActions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.document_actions._STORED_INTERVAL_S", 60)
    _last(actions.read(session))
    sheet = session.sheets[0]
    session.sheets = [Sheet(sheet.document, 1) for _ in range(50)] + session.sheets[1:]
    actions.set_ask(session, "markdown")
    shown = list(actions.read(session))
    assert _states(session) == ["done"] * 51
    assert len([each for each in shown if each.strip is not None]) == 2, "the first of them, and the end"
    assert "51 pages" in _stages(shown)
    assert session.current == 50


def test_stop_leaves_pages_of_an_earlier_day_read(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    actions.choose_range(session, "2")
    _last(actions.read(session))
    later = Session(owner="ann")
    _last(actions.add(later, [REPORT]))
    assert later.sheets[1].reading is None, "in the store, but not shown yet"
    engine.delay_s = 0.05
    for _ in actions.read(later):
        if later.sheets[0].reading is not None:
            later.stop()
    assert _states(later) == ["stopped", "done"]
    assert "Not read yet" not in (actions.pick(later, 1).result or "")
    actions.choose_range(later, "2")
    assert actions.export(later, "txt", tmp_path)[0].stat().st_size


def test_a_closed_page_ends_the_reading(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    engine.delay_s = 0.05
    reading = actions.read(session)
    while session.sheets[0].state != "reading":
        next(reading)
    assert isinstance(reading, Generator)
    reading.close()
    assert session.running is None
    assert "reading" not in _states(session)
    assert "waiting" not in _states(session)


def test_closing_ends_the_reading_without_a_word(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    reading = actions.read(session)
    while session.sheets[0].state != "reading":
        next(reading)
    actions.clear(session)
    last = _last(reading)
    assert (last.error, last.strip, last.page_count, last.is_running) == ("", "", 0, False)
    assert session.running is None
    assert len(engine.prompts) <= 1


def test_a_failed_page_says_why_and_is_tried_again_alone(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    engine.fail_with = EngineError("The model stumbled.")
    shown = _last(actions.read(session))
    assert _states(session) == ["failed", "failed"]
    assert "The model stumbled." in (shown.notes or "")
    assert "Try again" in (shown.notes or "")
    engine.fail_with = None
    actions.pick(session, 0)
    shown = _last(actions.read_again(session))
    assert _states(session) == ["done", "failed"]
    assert shown.notes == ""


def _read_and_correct(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    """The first page is read and corrected; whatever reads it now is slow, and says something else."""
    actions.choose_range(session, "1")
    _last(actions.read(session))
    actions.correct(session, 0, "# Waters")
    engine.script, engine.delay_s = ("Half of ", "a page"), 0.02


def test_reading_again_that_fails_leaves_what_was_read(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    _read_and_correct(actions, session, engine)
    engine.fail_with = EngineError("The model stumbled.")
    shown = _last(actions.read_again(session))
    assert "<h1>Waters</h1>" in (shown.result or "")
    assert "The model stumbled. What was read before is still here." in (shown.notes or "")
    path, notes = actions.export(session, "txt", tmp_path)
    assert "Waters" in path.read_text("utf-8-sig")
    assert notes == [], "the page is whole"


@pytest.mark.parametrize("leave", ["stop", "close"])
def test_reading_again_that_is_stopped_leaves_what_was_read(
    actions: DocumentActions, session: Session, engine: FakeEngine, leave: str
) -> None:
    _read_and_correct(actions, session, engine)
    reading = actions.read_again(session)
    while session.sheets[0].reading is None or "Half" not in session.sheets[0].reading.raw:
        next(reading)
    if leave == "stop":
        session.stop()
        _last(reading)
    else:
        assert isinstance(reading, Generator)
        reading.close()
    assert _states(session)[0] == "done"
    shown = actions.page(session)
    assert "<h1>Waters</h1>" in (shown.result or "")
    assert (
        "The new reading was not whole and is dropped. What was read before is still here." in (shown.notes or "")
    ) is (leave == "stop")
    engine.delay_s = 0
    assert _last(actions.read_again(session)).notes == "", "said once"


@pytest.mark.parametrize("reason", ["length", "repetition"])
def test_reading_again_that_is_cut_leaves_what_was_read(
    actions: DocumentActions, session: Session, engine: FakeEngine, reason: FinishReason
) -> None:
    _read_and_correct(actions, session, engine)
    engine.script = ("Half of ", Chunk("a page", finish_reason=reason))
    shown = _last(actions.read_again(session))
    assert _states(session)[0] == "done"
    assert "<h1>Waters</h1>" in (shown.result or "")
    assert "is dropped" in (shown.notes or "")
    assert "1 corrected" in (shown.head or "")


@pytest.mark.parametrize(
    ("reason", "words"), [("length", "the limit of its length"), ("repetition", "repeated itself and was stopped")]
)
def test_a_page_that_was_cut_is_named_so(
    actions: DocumentActions,
    session: Session,
    engine: FakeEngine,
    tmp_path: Path,
    reason: FinishReason,
    words: str,
) -> None:
    engine.script = ("# Water\n\nRain ", Chunk("was", finish_reason=reason))
    actions.choose_range(session, "1")
    shown = _last(actions.read(session))
    later = Session(owner="ann")
    for each in (shown, _last(actions.add(later, [REPORT]))):
        assert words in (each.notes or "")
        assert "Page 1, read, but not to its end" in (each.strip or "")
        assert "Rain was" in (each.result or "")
    assert _states(later) == ["cut", "new"]
    path, notes = actions.export(session, "json", tmp_path)
    assert len(notes) == 1
    assert words in notes[0]
    assert words in json.loads(path.read_text("utf-8"))["problems"][0]
    _last(actions.read(later))
    assert len(engine.prompts) == 2, "page 1 is not read twice"
    engine.script = MARKDOWN
    assert _last(actions.read_again(session)).notes == ""
    assert _states(session)[0] == "done"


def test_an_export_says_which_pages_were_not_read_to_their_end(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    actions.choose_range(session, "1")
    _last(actions.read(session))
    actions.choose_range(session, "")
    engine.fail_with = EngineError("The model stumbled.")
    _last(actions.read(session))
    assert _states(session) == ["done", "failed"]
    path, notes = actions.export(session, "json", tmp_path)
    assert notes == ["Page 2: The page was not read to its end, so something is missing."]
    assert json.loads(path.read_text("utf-8"))["problems"] == notes


def test_reading_one_page_leaves_what_there_is_of_another(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    engine.fail_with = EngineError("The model stumbled.")
    actions.choose_range(session, "1")
    _last(actions.read(session))
    engine.fail_with = None
    actions.choose_range(session, "2")
    actions.set_ask(session, "markdown", preset="Low memory")
    _last(actions.read(session))
    assert _states(session) == ["failed", "done"]
    shown = actions.pick(session, 0)
    assert "<h1>Water</h1>" in (shown.result or "")
    assert "The model stumbled." in (shown.notes or "")
    assert _states(session) == ["failed", "done"]


def test_one_bad_page_does_not_stop_the_others(
    actions: DocumentActions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = actions._shelf.page

    def sometimes(document: Any, number: int) -> Any:
        if number == 1:
            raise RuntimeError("/secret/path")
        return page(document, number)

    monkeypatch.setattr(actions._shelf, "page", sometimes)
    _last(actions.read(session))
    assert _states(session) == ["failed", "done"]
    assert "secret" not in session.sheets[0].error


def test_what_broke_off_is_shown_up_to_there(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    engine.script = LAYOUT[:3]
    engine.fail_with = EngineError("The model stumbled.")
    actions.set_ask(session, "layout")
    shown = _last(actions.read(session))
    assert "Rain was short" in (shown.result or "")


def test_two_readings_at_once_are_refused(actions: DocumentActions, session: Session) -> None:
    reading = actions.read(session)
    next(reading)
    assert "Stop that first" in (_last(actions.read(session)).error or "")
    assert "Stop that first" in (actions.set_ask(session, "text").error or "")
    _last(reading)


def test_a_page_or_a_model_that_comes_late_leaves_what_was_said_meanwhile(actions: DocumentActions) -> None:
    session = Session()
    assert _last(actions.read(session)).error
    assert actions.welcome(session, "ann").error is None
    assert actions.model_changed(session).error is None


def test_without_a_document_there_is_nothing_to_read(actions: DocumentActions) -> None:
    assert "Choose a document first" in (_last(actions.read(Session())).error or "")
    assert "Choose a document first" in (_last(actions.ask(Session(), "What?")).error or "")


def test_a_model_that_has_not_learned_to_read_says_so_and_fills_no_page(make_studio: MakeStudio) -> None:
    pocket = FakeEngine(MARKDOWN, info=replace(FakeEngine().info, is_pocket=True))
    actions, session = DocumentActions(make_studio(pocket)), Session()
    _last(actions.add(session, [REPORT]))
    advice = actions.set_ask(session, "tables").advice or ""
    assert "pocket model has not learned to read tables" in advice
    assert "--model Qwen/" in advice, "what to do about it"
    assert actions.welcome(session, "ann").advice == advice
    for shown in (actions.read(session), actions.ask(session, "What?")):
        assert "has not learned to" in (_last(shown).error or "")
    assert (pocket.prompts, _states(session), session.exchanges) == ([], ["new", "new"], [])
    assert DocumentActions(make_studio(FakeEngine())).welcome(Session(), "ann").advice == ""


def test_what_the_pocket_model_reads_it_reads_with_a_word_of_caution(
    make_studio: MakeStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.document_reading.POCKET_LEARNED", frozenset({"text"}))
    pocket = FakeEngine(MARKDOWN, info=replace(FakeEngine().info, is_pocket=True))
    actions, session = DocumentActions(make_studio(pocket)), Session()
    _last(actions.add(session, [REPORT]))
    assert "large, clear type" in (actions.set_ask(session, "text").advice or "")
    assert not _last(actions.read(session)).error
    assert _states(session)[0] == "done"
    width, height = pocket.prompts[0].media[0].input_size_wh
    assert width * height > 256**2, "a page is seen larger than a picture"


def test_somebody_who_looks_elsewhere_is_left_there(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    engine.delay_s = 0.02
    for _ in actions.read(session):
        if session.sheets[1].state == "reading":
            actions.pick(session, 0)
    assert session.current == 0


# Layout


def test_blocks_of_a_layout_have_places_on_the_page(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    engine.script = LAYOUT
    actions.set_ask(session, "layout")
    shown = _last(actions.read(session))
    value = _value(shown)
    width, height = value["size_wh"]
    assert value["regions"][0]["xyxy"] == pytest.approx([width * 0.1, height * 0.05, width * 0.6, height * 0.1], abs=1)
    assert [region["label"] for region in value["regions"]] == ["heading", "text", "figure", "table"]
    assert [f'data-region="{region}"' in (shown.result or "") for region in range(5)] == [True] * 4 + [False]
    assert value["answer"] == "".join(LAYOUT)
    assert "<image href=" in (shown.result or ""), "a figure is a piece of the page"


def test_a_layout_without_boxes_offers_to_spot_lines(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    actions.choose_range(session, "1")
    actions.set_ask(session, "layout")
    shown = _last(actions.read(session))
    assert "Spot lines" in (shown.notes or "")
    engine.script = ('[{"bbox_2d": [100, 50, 600, 100], "text_content": "Water"}]',)
    shown = _last(actions.spot_lines(session))
    assert "Spot lines" not in (shown.notes or "")
    assert len(_value(shown)["regions"]) == 1
    assert "lines spotted" in (shown.head or "")
    actions.set_ask(session, "text")
    assert len(_value(actions.set_ask(session, "layout"))["regions"]) == 1, "found again"


def test_an_answer_at_the_limit_says_so(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    engine.script = tuple("word " for _ in range(9000))
    actions.choose_range(session, "1")
    shown = _last(actions.read(session))
    assert "reached the limit of its length" in (shown.notes or "")


# Fields


def test_fields_become_a_table_with_one_row_a_page(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    actions.set_ask(session, "fields")
    assert "Name the fields" in (_last(actions.read(session)).error or "")
    engine.script = ('```json\n{"total": "12.50", "date": null}\n```',)
    actions.set_ask(session, "fields", ("total", "date"))
    shown = _last(actions.read(session))
    assert (shown.result or "").count("12.50</td>") == 2
    assert all(name in engine.prompts[-1].messages[-1].text for name in ("total", "date"))
    shown = actions.correct_field(session, 0, "date", "3 May")
    assert "3 May" in (shown.result or "")
    path, _ = actions.export(session, "csv", tmp_path)
    rows = path.read_text("utf-8-sig").splitlines()
    assert "3 May" in rows[1]
    assert "3 May" not in rows[2]
    assert "3 May" not in (actions.undo(session).result or "")
    assert actions.correct_field(session, 0, "no such field", "x") == Shown()


def test_a_table_of_fields_costs_no_more_a_step_however_many_pages_there_are(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    path = tmp_path / "many.tiff"
    frames = [Pillow.new("RGB", (8, 8), (number, 0, 0)) for number in range(60)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    session.sheets = []
    _last(actions.add(session, [path]))
    engine.script = ('{"total": "12.50"}',)
    actions.set_ask(session, "fields", ("total",))
    *steps, last = actions.read(session)
    tables = [step.result.count("<tr") - 1 for step in steps if step.result]
    assert len(tables) >= 60, "one a page at least"
    assert max(tables) == 20
    assert sum(len(step.result or "") for step in steps) < 60 * 3 * 20 * 500, "bytes by pages, not by their square"
    assert "40 more rows once the reading is over" in " ".join(step.result or "" for step in steps)
    assert (last.result or "").count("12.50</td>") == 60
    assert "more row" not in (last.result or "")


def test_the_row_of_the_page_that_is_read_is_among_the_few() -> None:
    for current in range(0, 300, 7):
        places = _around(range(0, 300, 2), current)
        assert len(places) == 20
        assert current in places or current % 2
    assert _around(range(5), 100) == range(5)


# Corrections


def test_corrections_are_shown_exported_and_undone(actions: DocumentActions, session: Session, tmp_path: Path) -> None:
    _last(actions.read(session))
    actions.pick(session, 0)
    shown = actions.correct(session, 0, "# Rain *and* water")
    assert "<h1>Rain <em>and</em> water</h1>" in (shown.result or "")
    assert "1 corrected" in (shown.head or "")
    actions.correct(session, 1, "It rained.")
    path, _ = actions.export(session, "txt", tmp_path)
    said = path.read_text("utf-8-sig")
    assert "Rain and water" in said
    assert "It rained." in said
    actions.pick(session, 1)
    shown = actions.undo(session)
    assert session.current == 0, "where it was"
    assert "Rain was" in (shown.result or "")
    shown = actions.undo(session)
    assert "<h1>Water</h1>" in (shown.result or "")
    assert "corrected" not in (shown.head or "")
    assert actions.undo(session).result == shown.result


def test_plain_text_is_corrected_as_it_stands_on_the_page(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    engine.script = ("# 5 boxes",)
    actions.set_ask(session, "text")
    actions.choose_range(session, "1")
    assert "\\# 5 boxes" not in (_last(actions.read(session)).result or ""), "no escapes to edit"
    shown = actions.correct(session, 0, "# 6 boxes of 2*3*4")
    assert "<p># 6 boxes of 2*3*4</p>" in (shown.result or "")
    assert "# 6 boxes of 2*3*4" in actions.export(session, "txt", tmp_path)[0].read_text("utf-8-sig")


def test_a_correction_of_nothing_changes_nothing(actions: DocumentActions, session: Session) -> None:
    assert actions.correct(session, 0, "x") == Shown()
    _last(actions.read(session))
    assert actions.correct(session, 99, "x") == Shown()
    assert actions.correct(Session(), 0, "x") == Shown()


# Asking


def test_an_answer_links_the_pages_it_names(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    actions.set_ask(session, "ask")
    engine.script = ("The table is on page 1, the chart ", "on page 2. There is no page 9. <script>x</script>")
    shown = _last(actions.ask(session, "Where are <b>they</b>?"))
    assert '<a href="#page-1"' in (shown.result or "")
    assert '<a href="#page-2"' in (shown.result or "")
    assert "#page-9" not in (shown.result or "")
    assert "<script" not in (shown.result or "")
    assert "&lt;b&gt;they&lt;/b&gt;" in (shown.result or "")
    assert len(engine.prompts[-1].messages[-1].images) == 2
    assert "Where are <b>they</b>?" in engine.prompts[-1].messages[-1].text
    assert "Write what you want to know" in (_last(actions.ask(session, " ")).error or "")


def test_another_document_does_not_take_the_answers_away(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(picture(200, 150).data)
    _last(actions.ask(session, "Why?"))
    _last(actions.add(session, [tmp_path / "photo.png"]))
    _last(actions.ask(session, "And now?"))
    assert [exchange.question for exchange in session.exchanges] == ["Why?", "And now?"]
    later = Session(owner="ann")
    _last(actions.add(later, [REPORT]))
    _last(actions.add(later, [tmp_path / "photo.png"]))
    assert [exchange.question for exchange in later.exchanges] == ["Why?", "And now?"]


def test_a_question_leaves_its_field_once_it_stands_on_the_page(actions: DocumentActions, session: Session) -> None:
    shown = list(actions.ask(session, "Where is the <chart>?"))
    taken = next(each for each in shown if each.question is not None)
    assert taken.question == ""
    assert "Where is the &lt;chart&gt;?" in (taken.result or "")
    assert all(each.question is None for each in actions.ask(session, " "))


@pytest.mark.parametrize(
    ("reason", "words"),
    [("length", "cut at the limit of new tokens"), ("repetition", "stopped, it repeated itself"), ("stop", "")],
)
def test_an_answer_that_was_cut_says_so_also_on_a_later_day(
    actions: DocumentActions, session: Session, engine: FakeEngine, reason: FinishReason, words: str
) -> None:
    actions.set_ask(session, "ask")
    engine.script = (Chunk("The chart is", finish_reason=reason),)
    later = Session(owner="ann", mode="ask")
    for shown in (_last(actions.ask(session, "Where?")), _last(actions.add(later, [REPORT]))):
        assert f"fake · {words}</p>" in (shown.result or "") if words else "fake</p>" in (shown.result or "")


def test_more_pages_than_fit_are_refused_in_words_before_any_is_rendered(
    make_studio: MakeStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = FakeEngine().info
    engine = FakeEngine(info=type(info)(**{**_fields_of(info), "context_tokens": 100}))
    actions, session = DocumentActions(make_studio(engine)), Session()
    _last(actions.add(session, [REPORT]))
    actions.set_ask(session, "ask")
    monkeypatch.setattr(actions, "_image", lambda sheet: pytest.fail("a page is rendered"))
    monkeypatch.setattr(actions, "page", lambda session: Shown())
    _last(actions.ask(session, "What?"))
    assert "2 pages are more than this model can look at" in session.exchanges[-1].error
    assert engine.prompts == []


def test_stop_ends_a_question_while_its_pages_are_prepared(
    actions: DocumentActions, session: Session, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.sheets *= 20
    prepared: list[Image] = []
    monkeypatch.setattr("app.document_actions.shrunk", lambda image, most: prepared.append(image))
    actions.set_ask(session, "ask")
    for shown in actions.ask(session, "Where?"):
        if "Preparing page 3 of 40" in (shown.stage or ""):
            session.stop()
    assert len(prepared) == 2
    assert engine.prompts == []
    assert "stopped" in (actions.page(session).result or "")
    assert session.running is None


def test_closing_ends_a_question_while_its_pages_are_prepared(actions: DocumentActions, session: Session) -> None:
    actions.set_ask(session, "ask")
    for shown in actions.ask(session, "Where?"):
        if "Preparing page 2" in (shown.stage or ""):
            actions.clear(session)
        assert not shown.error
    assert session.exchanges == []


def test_pages_of_a_question_are_no_larger_than_the_model_sees_them(make_studio: MakeStudio) -> None:
    engine = FakeEngine(info=replace(FakeEngine().info, context_tokens=256))
    actions, session = DocumentActions(make_studio(engine)), Session()
    _last(actions.add(session, [REPORT]))
    actions.set_ask(session, "ask")
    _last(actions.ask(session, "What?"))
    (prompt,) = engine.prompts
    for given, seen in zip(prompt.messages[-1].images, prompt.media, strict=True):
        area = given.size_wh[0] * given.size_wh[1]
        assert seen.input_size_wh[0] * seen.input_size_wh[1] < area <= 2 * 96 * 32 * 32


def test_a_question_that_fails_keeps_what_was_said(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    actions.set_ask(session, "ask")
    engine.script, engine.fail_with = ("It is ",), EngineError("The model stumbled.")
    shown = _last(actions.ask(session, "Where?"))
    assert "It is" in (shown.result or "")
    assert "The model stumbled." in (shown.result or "")
    assert session.running is None


# Export


@pytest.mark.parametrize("key", DOCUMENT_FORMATS)
def test_every_format_writes_what_was_read(
    actions: DocumentActions, session: Session, engine: FakeEngine, tmp_path: Path, key: str
) -> None:
    with pytest.raises(RequestError, match="nothing to export"):
        actions.export(session, key, tmp_path)
    engine.script = LAYOUT
    actions.set_ask(session, "layout")
    _last(actions.read(session))
    path, _ = actions.export(session, key, tmp_path)
    assert path.name.startswith("report.")
    assert path.stat().st_size > 0


def test_a_searchable_pdf_keeps_the_size_of_the_paper(actions: DocumentActions, tmp_path: Path) -> None:
    session, scan = Session(owner="ann"), tmp_path / "scan.jpg"
    Pillow.new("RGB", (600, 900), "white").save(scan, dpi=(300, 300))
    _last(actions.add(session, [scan, REPORT]))
    _last(actions.read(session))
    path, _ = actions.export(session, "pdf", tmp_path)
    with pikepdf.open(path) as written:
        sizes = [[float(side) for side in page.mediabox[2:]] for page in written.pages]
    assert sizes[0] == pytest.approx([144, 216], abs=0.1), "two inches by three"
    assert sizes[1] == pytest.approx([595, 842], abs=1), "A4"


def test_thoughts_are_no_part_of_what_is_read(actions: DocumentActions, session: Session, engine: FakeEngine) -> None:
    engine.script = (Chunk("Let me see", "thinking"), "Words")
    shown = list(actions.read(session))
    assert "Thinking" in _stages(shown) or "Let me see" not in (shown[-1].result or "")
    assert "Let me see" not in (shown[-1].result or "")


def test_readings_keep_the_convention_of_the_model_that_wrote_them(
    actions: DocumentActions, session: Session, engine: FakeEngine
) -> None:
    engine.script = LAYOUT
    actions.set_ask(session, "layout")
    _last(actions.read(session))
    stored = actions._store.get(session.sheets[0].sha256, 1, ReadingAsk("layout"), "fake")
    assert stored is not None
    assert stored.family in FAMILIES
    assert stored == session.sheets[0].reading
