"""What travels between Python and the page: the number that tells a newer update from an older one."""

from __future__ import annotations

import gradio as gr

from app.tabs.parts import in_order
from app.timeline import edited_events, timeline_value
from app.viewer import viewer_value
from app.wire import Edited, edited, numbered, unnumbered


def test_every_update_has_a_greater_number_than_those_before() -> None:
    numbers = [int(numbered("<p>").partition("|")[0]) for _ in range(3)]
    assert numbers == sorted(set(numbers))


def test_the_number_comes_off_and_nothing_else_does() -> None:
    for text in ("", "<p>1|2</p>", "7|seven", "[]", "a\n|b"):
        assert unnumbered(numbered(text)) == text
    for own in ("", "<p>1|2</p>", '{"events": []}', "|", "no number | here"):
        assert unnumbered(own) == own


def test_html_is_numbered_and_other_widgets_have_their_values() -> None:
    with gr.Blocks():
        html, text, choice = gr.HTML(), gr.Textbox(), gr.Radio(["a"])
    skipped = gr.skip()
    updates = in_order({html: "<p>", text: "12|x", choice: skipped})
    assert unnumbered(updates[html]) == "<p>"
    assert updates[html] != "<p>"
    assert (updates[text], updates[choice]) == ("12|x", skipped)


def test_a_value_that_python_wrote_is_read_as_well_as_one_that_the_page_did() -> None:
    assert edited_events(numbered(timeline_value(None))).lanes == ()
    assert edited(numbered(viewer_value(None, ""))) == Edited()
