"""The Ground tab without a page: the tray, running one and many, edits, overrides, exports, and what goes wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.exports import FORMATS
from app.ground_actions import GroundActions, Session, Shown, read_examples
from app.ground_view import TrayItem, tray_html
from app.grounding import Ask
from app.studio import Studio
from model.engines.fake import FakeEngine
from model.errors import EngineError, OutOfMemory, RequestError
from model.parsing.camera import Camera
from model.types import Box
from tests.app.found import picture

BOXES = (
    "```json\n[\n",
    '\t{"bbox_2d": [100, 200, 500, 600], "label": "cup"},\n',
    '\t{"bbox_2d": [0, 0, 1000, 1000], "label": "table"}\n',
    "]\n```",
)
MakeStudio = Callable[..., Studio]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three pictures of different content."""
    paths = [tmp_path / f"photo-{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(picture(200 + number, 150).data)
    return paths


def _actions(make_studio: MakeStudio, engine: FakeEngine | None = None) -> GroundActions:
    return GroundActions(make_studio(engine or FakeEngine(BOXES)))


def _add(actions: GroundActions, session: Session, files: list[Path], *, only_pictures: bool = False) -> Shown:
    *_, shown = actions.add(session, files, only_pictures=only_pictures)
    return shown


def _value(shown: Shown) -> dict[str, Any]:
    assert shown.viewer is not None
    value: dict[str, Any] = json.loads(shown.viewer)
    return value


def _run(actions: GroundActions, session: Session, ask: Ask | None = None) -> list[Shown]:
    return list(actions.run(session, ask or Ask("detect", "cup, table")))


def test_what_the_pocket_model_has_not_learned_is_said_and_not_run(make_studio: MakeStudio, files: list[Path]) -> None:
    engine = FakeEngine(BOXES, info=replace(FakeEngine().info, is_pocket=True))
    actions, session = _actions(make_studio, engine), Session()
    _add(actions, session, files[:1])
    assert "has not learned" in actions.advice("act")
    *_, shown = _run(actions, session, Ask("act", "open the menu"))
    assert "has not learned" in (shown.error or "")
    assert not shown.is_running
    assert engine.prompts == []
    assert actions.advice("detect") == ""
    assert len(_value(_run(actions, session)[-1])["regions"]) == 2


def test_any_other_model_is_asked_to_read_and_to_act(make_studio: MakeStudio, files: list[Path]) -> None:
    engine = FakeEngine(BOXES)
    actions, session = _actions(make_studio, engine), Session()
    _add(actions, session, files[:1])
    assert actions.advice("read") == ""
    assert not _run(actions, session, Ask("read"))[-1].error


# Pictures


def test_dropped_pictures_go_into_the_tray_and_the_first_new_one_is_shown(
    make_studio: MakeStudio, files: list[Path]
) -> None:
    actions, session = _actions(make_studio), Session()
    shown = _add(actions, session, files[:1])
    assert (shown.pictures, shown.tray) == (1, ""), "one picture needs no tray"
    assert _value(shown)["size_wh"] == [200, 150]
    assert "200 × 150 →" in (shown.status or "")
    assert "visual tokens" in (shown.status or "")
    shown = _add(actions, session, files[1:])
    assert shown.pictures == 3
    assert _value(shown)["size_wh"] == [201, 150]
    assert (shown.tray or "").count("tray-open") == 3


def test_files_that_are_no_pictures_are_named_and_the_others_kept(
    make_studio: MakeStudio, files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    actions, session = _actions(make_studio), Session()
    assert "not a picture" in (_add(actions, session, [tmp_path / "notes.txt"]).error or "")
    mixed = _add(actions, session, [*files, tmp_path / "notes.txt"])
    assert len(session.shots) == 3
    assert "1 of 4 files could not be used (notes.txt)" in (mixed.error or "")
    folder = _add(actions, session, [*files, tmp_path / "notes.txt"], only_pictures=True)
    assert "1 of 4 files are no usable pictures" in (folder.error or "")


def test_pictures_can_be_picked_and_removed(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio), Session()
    _add(actions, session, files)
    assert _value(actions.pick(session, 2))["size_wh"] == [202, 150]
    assert _value(actions.discard(session, 0))["size_wh"] == [202, 150], "the shown one stays shown"
    assert _value(actions.discard(session, 1))["size_wh"] == [201, 150]
    assert actions.discard(session, 0).pictures == 0
    assert actions.discard(session, 5).pictures == 0
    assert actions.pick(session, 7).pictures == 0


def test_reading_many_files_says_how_far_it_is(
    make_studio: MakeStudio, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ground_actions._TELL_EVERY_S", 0)
    stages = [shown.stage or "" for shown in _actions(make_studio).add(Session(), files)]
    assert "2 of 3 files read" in stages[-2]
    assert stages[-1] == ""


@pytest.mark.parametrize("fault", [None, RuntimeError("broken")])
def test_what_was_drawn_by_hand_outlives_another_question(
    make_studio: MakeStudio, files: list[Path], fault: Exception | None, tmp_path: Path
) -> None:
    engine = FakeEngine(BOXES)
    actions, session = _actions(make_studio, engine), Session()
    value = _value(_add(actions, session, files[:1]))
    drawn = {"id": 0, "kind": "box", "label": "mine", "xyxy": [1, 2, 30, 40], "span": None, "text": None}
    actions.edit(session, json.dumps(value | {"regions": [drawn]}))
    engine.fail_with = fault
    *_, shown = _run(actions, session)
    regions = _value(shown)["regions"]
    assert [region["label"] for region in regions] == ["cup", "table", "mine"]
    path, _ = actions.export(session, "coco", tmp_path, everything=False)
    assert "mine" in path.read_text()
    engine.script, engine.fail_with = ("Nothing.",), None
    *_, shown = _run(actions, session, Ask("find", "spoon"))
    assert [region["label"] for region in _value(shown)["regions"]] == ["mine"]


@pytest.mark.parametrize(
    ("query", "fault", "words"),
    [("", None, "Write what to find first."), ("cup", OutOfMemory("The memory is full."), "The memory is full.")],
)
def test_a_question_that_gets_no_answer_leaves_the_last_results(
    make_studio: MakeStudio, files: list[Path], query: str, fault: Exception | None, words: str, tmp_path: Path
) -> None:
    engine = FakeEngine(BOXES)
    actions, session = _actions(make_studio, engine), Session()
    _add(actions, session, files[:1])
    _run(actions, session)
    engine.script, engine.fail_with = (), fault
    *_, shown = _run(actions, session, Ask("find", query))
    assert words in (shown.error or "")
    assert [region["label"] for region in _value(shown)["regions"]] == ["cup", "table"]
    path, _ = actions.export(session, "csv", tmp_path, everything=False)
    assert path.read_text("utf-8-sig").count("box") == 2
    actions.export(session, "coco", tmp_path, everything=False)


def test_a_stopped_batch_exports_the_results_of_two_questions(
    make_studio: MakeStudio, files: list[Path], tmp_path: Path
) -> None:
    engine = FakeEngine(BOXES)
    actions, session = _actions(make_studio, engine), Session()
    _add(actions, session, files)
    list(actions.run_all(session, Ask("detect", "cup, table")))
    engine.script = ('[{"bbox_2d": [1, 2, 3, 4], "label": "dog"}]',)
    for _ in actions.run_all(session, Ask("detect", "dog")):
        if session.shots[1].state == "running":
            session.stop()
    for key in FORMATS:
        path, _ = actions.export(session, key, tmp_path, everything=True)
        assert path.stat().st_size
    names = [category["name"] for category in json.loads((tmp_path / "pictures.coco.json").read_text())["categories"]]
    assert sorted(names) == ["cup", "dog", "table"]


def test_of_very_many_pictures_the_tray_shows_those_around_the_current_one() -> None:
    items = [TrayItem(f"{number:064}", f"{number}.png", "new") for number in range(500)]
    middle = tray_html(items, 250)
    assert middle.count("tray-open") == 60
    assert "220 before" in middle
    assert "220 more" in middle
    assert 'data-place="250"' in middle
    assert "before" not in tray_html(items, 0)
    assert "more" not in tray_html(items, 499)


def test_examples_can_be_tried(make_studio: MakeStudio) -> None:
    examples = read_examples()
    assert {example.task for example in examples} >= {"detect", "count", "point"}
    actions, session = _actions(make_studio), Session()
    for place, example in enumerate(examples):
        shown = actions.try_example(session, place)
        assert (shown.task, shown.query) == (example.task, example.query)
    assert len(session.shots) == len(examples)
    assert examples[0].question in actions.welcome()


# Asking


def test_boxes_are_shown_before_the_answer_has_ended(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio, FakeEngine((*BOXES, *" " * 2), delay_s=0.25)), Session()
    _add(actions, session, files[:1])
    values = [_value(shown) for shown in _run(actions, session) if shown.viewer]
    assert any(value["streaming"] and len(value["regions"]) == 1 for value in values)
    assert not values[-1]["streaming"]
    assert [region["label"] for region in values[-1]["regions"]] == ["cup", "table"]
    assert session.running is None


def test_the_page_says_what_goes_on_and_then_how_it_went(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio), Session()
    _add(actions, session, files[:1])
    first, *others, last = _run(actions, session)
    assert first.is_running
    assert others
    assert all(shown.is_running for shown in others), "a slow page may miss the first"
    assert "Preparing" in (first.stage or "")
    assert (last.is_running, last.stage) == (False, "")
    assert "coordinates read as 0-1000, as Qwen3-VL writes them" in (last.status or "")
    assert "first result after" in (last.status or "")


def test_categories_take_the_first_colours_in_their_order(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio), Session()
    _add(actions, session, files[:1])
    *_, last = _run(actions, session, Ask("detect", "table, spoon"))
    assert _value(last)["labels"] == ["table", "spoon", "cup"]


def test_a_cut_answer_keeps_what_was_complete_and_says_so(make_studio: MakeStudio, files: list[Path]) -> None:
    cut = FakeEngine((*BOXES[:2], '\t{"bbox_2d": [0, 0'))
    actions, session = _actions(make_studio, cut), Session()
    _add(actions, session, files[:1])
    *_, last = _run(actions, session)
    assert len(_value(last)["regions"]) == 1
    assert "The answer was cut; 1 object was complete." in (last.notes or "")


def test_words_beside_places_are_shown_and_made_harmless(make_studio: MakeStudio, files: list[Path]) -> None:
    said = FakeEngine(("There is no cup. <img src=x onerror=alert(1)>",))
    actions, session = _actions(make_studio, said), Session()
    _add(actions, session, files[:1])
    *_, last = _run(actions, session)
    assert "There is no cup." in (last.words or "")
    assert "<img" not in (last.words or "")


def test_a_fault_keeps_what_came_before_and_the_next_question_works(make_studio: MakeStudio, files: list[Path]) -> None:
    engine = FakeEngine((*BOXES[:2], *" " * 8), fail_with=OutOfMemory("The memory is full."), delay_s=0.02)
    actions, session = _actions(make_studio, engine), Session()
    _add(actions, session, files[:1])
    *_, last = _run(actions, session)
    assert "The memory is full." in (last.error or "")
    assert [region["label"] for region in _value(last)["regions"]] == ["cup"]
    engine.fail_with = None
    *_, last = _run(actions, session)
    assert last.error == ""


def test_nothing_to_ask_about_is_said(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio), Session()
    assert "Choose a picture first." in (_run(actions, session)[-1].error or "")
    _add(actions, session, files[:1])
    assert "Write what to find" in (_run(actions, session, Ask("find", ""))[-1].error or "")
    assert session.running is None


def test_without_a_model_it_says_why(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = GroundActions(make_studio()), Session()
    shown = _add(actions, session, files[:1])
    assert "known once it has loaded" in (shown.status or "")
    assert "No model is loaded." in (_run(actions, session)[-1].error or "")


def test_stop_keeps_what_was_found(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio, FakeEngine((*BOXES, *" " * 500), delay_s=0.05)), Session()
    _add(actions, session, files[:1])
    for shown in actions.run(session, Ask()):
        if shown.viewer and len(_value(shown)["regions"]) == 2:
            session.stop()
    assert session.shots[0].state == "stopped"
    assert len(_value(actions.page(session))["regions"]) == 2
    assert "stopped" in (actions.page(session).status or "")


def test_a_closed_page_ends_the_answer(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio, FakeEngine((*BOXES, *" " * 500), delay_s=0.02)), Session()
    _add(actions, session, files[:1])
    running = actions.run(session, Ask())
    next(running), next(running), next(running)
    answer = session.running.answer if session.running else threading.Event()
    assert isinstance(running, Generator)
    running.close()
    assert answer.is_set()
    assert session.running is None


def test_two_runs_at_once_are_refused(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio), Session()
    _add(actions, session, files[:1])
    running = actions.run(session, Ask())
    next(running)
    assert "Stop it first" in (_run(actions, session)[-1].error or "")
    assert list(running)


# Many pictures


def test_a_batch_asks_about_each_and_says_how_far_it_is(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio), Session()
    _add(actions, session, files)
    shown = list(actions.run_all(session, Ask("detect", "cup, table")))
    stages = " ".join(item.stage or "" for item in shown)
    assert "0 of 3 pictures done" in stages
    assert "2 of 3 pictures done, about" in stages
    assert [shot.state for shot in session.shots] == ["done"] * 3
    assert [shot.count for shot in session.shots] == [2, 2, 2]
    assert session.current == 2, "the page follows the batch"


def test_a_cancelled_batch_keeps_results_and_goes_on_later(make_studio: MakeStudio, files: list[Path]) -> None:
    engine = FakeEngine(BOXES, delay_s=0.02)
    actions, session = _actions(make_studio, engine), Session()
    _add(actions, session, files)
    for _ in actions.run_all(session, Ask("detect", "cup")):
        if session.shots[0].state == "done":
            session.stop()
    assert session.shots[0].state == "done"
    assert session.shots[2].state == "new"
    asked = len(engine.prompts)
    list(actions.run_all(session, Ask("detect", "cup")))
    assert [shot.state for shot in session.shots] == ["done"] * 3
    assert len(engine.prompts) - asked <= 2, "the first picture is not asked about again"
    list(actions.run_all(session, Ask("detect", "spoon")))
    assert len(engine.prompts) - asked >= 5, "another question is asked about all"


def test_one_bad_picture_does_not_stop_the_others(make_studio: MakeStudio, files: list[Path]) -> None:
    studio = make_studio(FakeEngine(BOXES))
    actions, session = GroundActions(studio), Session()
    _add(actions, session, files)
    session.shots[1].sha256 = "0" * 64
    list(actions.run_all(session, Ask("detect", "cup")))
    assert [shot.state for shot in session.shots] == ["done", "failed", "done"]
    assert session.shots[1].error


def test_a_person_may_look_at_another_picture_meanwhile(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio, FakeEngine(BOXES, delay_s=0.02)), Session()
    _add(actions, session, files)
    picked = False
    for shown in actions.run_all(session, Ask()):
        if picked and session.shots[1].state == "running":
            assert shown.viewer is None or _value(shown)["size_wh"] == [200, 150]
        if not picked and session.shots[0].state == "done":
            actions.pick(session, 0)
            picked = True
    assert session.current == 0


# After the answer


def _answered(make_studio: MakeStudio, files: list[Path], engine: FakeEngine | None = None) -> tuple[Any, Session, Any]:
    actions, session = _actions(make_studio, engine), Session()
    _add(actions, session, files)
    return actions, session, _value(_run(actions, session)[-1])


def test_edits_are_kept_and_exported(make_studio: MakeStudio, files: list[Path], tmp_path: Path) -> None:
    actions, session, value = _answered(make_studio, files[:1])
    value["regions"][0]["label"] = "mug"
    value["regions"].append({"id": 9, "kind": "box", "label": "new", "span": None, "xyxy": [1, 2, 30, 40]})
    actions.edit(session, json.dumps(value))
    answer = session.shots[0].answer
    assert answer is not None
    assert [box.label for box in answer.boxes] == ["mug", "table", "new"]
    assert session.labels == ("cup", "table", "mug", "new"), "colours stay as they were"
    path, notes = actions.export(session, "json", tmp_path, everything=False)
    assert path.name == "photo-0.json"
    assert notes == []
    assert [box["label"] for box in json.loads(path.read_text())["boxes"]] == ["mug", "table", "new"]


def test_an_edit_that_makes_no_sense_changes_nothing(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session, _ = _answered(make_studio, files[:1])
    before = session.shots[0].answer
    assert "could not be read" in actions.edit(session, "{}").error
    assert "could not be read" in actions.mark(session, "{}").error
    assert session.shots[0].answer is before


def test_an_edit_of_a_picture_that_is_gone_is_let_go(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session, value = _answered(make_studio, files[:1])
    assert actions.edit(session, json.dumps(value | {"src": "/media/other"})) == Shown()


def test_a_marked_area_goes_into_the_question(make_studio: MakeStudio, files: list[Path]) -> None:
    engine = FakeEngine(BOXES)
    actions, session, value = _answered(make_studio, files[:1], engine)
    shown = actions.mark(session, json.dumps(value | {"ask_xyxy": [20, 30, 100, 90]}))
    assert shown.task == "free"
    assert "20, 30 – 100, 90" in shown.area
    *_, last = _run(actions, session, Ask("free", "What is this?"))
    assert engine.prompts[-1].messages[-1].text == "What is this? (in the box [100, 200, 500, 600])"
    assert _value(last)["ask_xyxy"] == [20, 30, 100, 90]
    assert actions.unmark(session).area == ""
    _run(actions, session, Ask("free", "What is this?"))
    assert engine.prompts[-1].messages[-1].text == "What is this?"


def test_another_convention_moves_boxes_and_keeps_what_was_drawn(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session, value = _answered(make_studio, files[:1])
    value["regions"].append({"id": 9, "kind": "box", "label": "mine", "span": None, "xyxy": [1, 2, 30, 40]})
    actions.edit(session, json.dumps(value))
    shown = actions.read_as(session, "source pixels")
    assert [region["xyxy"] for region in _value(shown)["regions"]] == [
        [100, 150, 200, 150],
        [0, 0, 200, 150],
        [1, 2, 30, 40],
    ]
    assert "coordinates read as source pixels, chosen by you" in (shown.status or "")
    shown = actions.read_as(session, "As the model writes them")
    assert _value(shown)["regions"][0]["xyxy"] == [20, 30, 100, 90]


def test_another_convention_leaves_corrections_alone_and_says_so(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session, value = _answered(make_studio, files[:1])
    cup, table = value["regions"]
    moved = cup | {"xyxy": [30, 40, 110, 100], "label": "mug"}
    actions.edit(session, json.dumps(value | {"regions": [moved, table]}))
    shown = actions.read_as(session, "source pixels")
    assert [(region["label"], region["xyxy"]) for region in _value(shown)["regions"]] == [
        ("mug", [30, 40, 110, 100]),
        ("table", [0, 0, 200, 150]),
    ]
    assert "1 result that you changed or removed stays as you left it." in (shown.notes or "")
    actions.edit(session, json.dumps(value | {"regions": [moved]}))
    shown = actions.read_as(session, "As the model writes them")
    assert [region["label"] for region in _value(shown)["regions"]] == ["mug"]
    assert "2 results that you changed or removed stay as you left them." in (shown.notes or "")
    assert actions.read_as(session, "As the model writes them").notes == shown.notes, (
        "a list may tell twice of a choice"
    )
    assert "removed" not in (_run(actions, session)[-1].notes or "")


def test_counted_points_are_numbered(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio, FakeEngine(('[{"point_2d": [500, 500], "label": "apple"}]',))), Session()
    _add(actions, session, files[:1])
    assert _value(_run(actions, session, Ask("count", "apple"))[-1])["numbered"]
    assert not _value(_run(actions, session, Ask("point", "apple"))[-1])["numbered"]


def test_3d_boxes_are_drawn_for_a_guessed_camera_until_one_is_given(make_studio: MakeStudio, files: list[Path]) -> None:
    car = FakeEngine(('[{"bbox_3d": [0, 0, 10, 2, 2, 4, 0, 0, 0], "label": "car"}]',))
    actions, session = _actions(make_studio, car), Session()
    _add(actions, session, files[:1])
    *_, last = _run(actions, session)
    guessed = _value(last)["regions"][0]["xy"]
    assert len(guessed) == 8
    assert "field of view of 60°" in (last.notes or "")
    shown = actions.set_camera(session, "500, 500, 100, 75")
    assert session.camera == Camera(500, 500, 100, 75)
    assert _value(shown)["regions"][0]["xy"] != guessed
    assert shown.notes == ""
    assert "four numbers" in (actions.set_camera(session, "1, 2").error or "")
    assert "four numbers" in (actions.set_camera(session, "a b c d").error or "")
    assert _value(actions.set_camera(session, ""))["regions"][0]["xy"] == guessed


def test_sizes_follow_the_preset(make_studio: MakeStudio, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(picture(1600, 1200).data)
    actions, session = _actions(make_studio), Session()
    large = _add(actions, session, [tmp_path / "large.png"]).status
    small = actions.measure(session, "detect", "Low memory").status
    assert large != small
    assert actions.measure(Session(), "detect", "Speed") == Shown(status="")


def test_the_pocket_model_sees_pages_larger_than_things(make_studio: MakeStudio, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(picture(1600, 1200).data)
    actions = _actions(make_studio, FakeEngine(BOXES, info=replace(FakeEngine().info, is_pocket=True)))
    session = Session()
    assert "54 visual tokens" in (_add(actions, session, [tmp_path / "large.png"]).status or "")
    assert "972 visual tokens" in (actions.measure(session, "read", "").status or "")


@pytest.mark.parametrize("key", FORMATS)
def test_every_format_exports_one_and_all(make_studio: MakeStudio, files: list[Path], tmp_path: Path, key: str) -> None:
    actions, session = _actions(make_studio), Session()
    _add(actions, session, files)
    with pytest.raises(RequestError, match="no results to export"):
        actions.export(session, key, tmp_path, everything=True)
    list(actions.run_all(session, Ask()))
    one, _ = actions.export(session, key, tmp_path, everything=False)
    many, _ = actions.export(session, key, tmp_path, everything=True)
    assert one.name.startswith("photo-2.")
    assert many.name.startswith("pictures.")
    assert one.stat().st_size
    assert many.stat().st_size


def test_clear_begins_anew(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session, _ = _answered(make_studio, files)
    shown = actions.clear(session)
    assert shown.pictures == 0
    assert (session.shots, session.labels) == ([], ())


def test_a_box_that_a_person_drew_is_a_result_without_any_answer(
    make_studio: MakeStudio, files: list[Path], tmp_path: Path
) -> None:
    actions, session = _actions(make_studio), Session()
    value = _value(_add(actions, session, files[:1]))
    value["regions"] = [{"id": 0, "kind": "box", "label": "mine", "span": None, "xyxy": [1, 2, 30, 40]}]
    actions.edit(session, json.dumps(value))
    assert session.shots[0].answer is not None
    assert session.shots[0].answer.regions == (Box("mine", (1, 2, 30, 40)),)
    assert actions.export(session, "yolo", tmp_path, everything=False)[0].exists()


def test_a_fault_of_the_engine_is_a_sentence(make_studio: MakeStudio, files: list[Path]) -> None:
    actions, session = _actions(make_studio, FakeEngine((), fail_with=EngineError("It stopped."))), Session()
    _add(actions, session, files[:1])
    *_, last = _run(actions, session)
    assert "It stopped." in (last.error or "")
    assert session.shots[0].state == "failed"
