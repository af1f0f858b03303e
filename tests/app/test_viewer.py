"""The viewer's value: what goes to the browser, and what comes back from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.viewer import image_viewer, viewer_head, viewer_value
from app.wire import Edited, edited, label_of
from model.errors import RequestError
from model.parsing.camera import Camera
from model.types import Action, Answer, Box, Point
from tests.app.found import EVERYTHING, LABELS, picture


def _value(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(viewer_value(picture(), "/media/x", EVERYTHING, "raw text"))
    return value | changes


def test_nothing_is_lost_on_the_way_to_the_browser_and_back() -> None:
    back = edited(viewer_value(picture(), "/media/x", EVERYTHING, "raw text"))
    assert back.regions == EVERYTHING.regions
    assert back.actions == EVERYTHING.actions
    assert back.labels == LABELS


def test_only_regions_of_the_asked_picture_are_shown() -> None:
    answer = Answer(regions=(Box("a", (0, 0, 1, 1)), Point("b", (2.0, 3.0), image_index=1)))
    value = viewer_value(picture(), "/media/x", answer, image_index=1)
    assert [region["label"] for region in json.loads(value)["regions"]] == ["b"]
    assert edited(value, image_index=1).regions == answer.points


def test_no_picture_is_a_value_too() -> None:
    assert edited(viewer_value(None, "")) == Edited()


def test_a_camera_gives_3d_boxes_their_corners() -> None:
    value = viewer_value(picture(), "/media/x", EVERYTHING, camera=Camera(100, 100, 100, 75))
    box = next(region for region in json.loads(value)["regions"] if region["kind"] == "box_3d")
    assert len(box["xy"]) == 8
    # The near face is 8 m away and 2 m wide: 25 pixels around the principal point.
    assert sorted(x for x, _ in box["xy"])[0] == pytest.approx(100 - 12.5)


def test_an_agents_action_is_called_by_what_it_does() -> None:
    assert [label_of(action) for action in EVERYTHING.actions] == ["left_click", "swipe", "wait"]


def test_a_renamed_action_says_so_in_its_arguments() -> None:
    value = _value()
    for region in value["regions"]:
        region["label"] = "tap" if region["kind"] == "action" else region["label"]
    click, _, wait = edited(json.dumps(value)).actions
    assert click.arguments["action"] == "tap"
    assert click.name == "computer_use"
    assert wait == Action("tap", {})


def test_a_label_cannot_end_the_script_it_travels_in() -> None:
    label = "</script><script>alert(1)</script>"
    value = viewer_value(picture(), "/media/x", Answer(regions=(Box(label, (0, 0, 1, 1)),)))
    assert "<" not in value
    assert edited(value).labels == (label,)


def test_edits_are_kept_inside_the_picture_and_put_in_order() -> None:
    region = {"id": 0, "kind": "box", "label": "x", "span": None, "xyxy": [500, 90, -5, 20]}
    assert edited(json.dumps(_value(regions=[region]))).regions == (Box("x", (0, 20, 200, 90)),)


@pytest.mark.parametrize(
    "broken",
    [
        "no json",
        "[]",
        json.dumps(_value(regions=[{"kind": "box", "label": "x"}])),
        json.dumps(_value(regions=[{"kind": "box", "label": "x", "xyxy": [1, 2, 3]}])),
        json.dumps(_value(regions=[{"kind": "box", "label": "x", "xyxy": [1, 2, 3, float("nan")]}])),
        json.dumps(_value(regions=[{"kind": "point", "label": "x", "xy": [1, "2"]}])),
        json.dumps(_value(regions=[{"kind": "spline", "label": "x"}])),
        json.dumps(_value(ask_xyxy=[0, 0, 10**400, 1])),
    ],
)
def test_nonsense_from_the_browser_is_refused_in_words(broken: str) -> None:
    with pytest.raises(RequestError, match="could not be read"):
        edited(broken)


def test_the_area_to_ask_about_comes_back() -> None:
    assert edited(json.dumps(_value(ask_xyxy=[10, 10, 400, 50]))).ask_xyxy == (10, 10, 200, 50)


def test_the_head_carries_every_part_and_asks_nobody_else() -> None:
    head = viewer_head()
    assert head.count("<script>") == head.count("</script>") == 1
    for name in ("class Camera", "class Editor", "class Viewer", "StudioViewer.mount", ".sv-c11"):
        assert name in head
    assert "http://" not in head.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in head


def test_the_widgets_template_stays_as_it_is_whatever_the_value() -> None:
    """Its HTML must hold no place for a value: Gradio would draw it anew, and put text in unescaped."""
    viewer = image_viewer(editable=True)
    assert "${" not in viewer.html_template
    assert "{{" not in viewer.html_template
    assert edited(viewer.value) == Edited()
