"""Conversations: answers are true of the scenes, and evaluation's words are never learnt."""

from __future__ import annotations

import re

import numpy as np

from training import dialogues, pairs, wordings
from training.dialogues import Phrase, View
from training.scenes import COLOR_NAMES, KINDS, Scene, random_scene

GRID = (8, 8)
HAS = rf"Picture (\d) has (\d|no) (?:({'|'.join(COLOR_NAMES)}) )?({'|'.join(KINDS)}|shape)(?:e?s)?\."


def views_of(rng: np.random.Generator, count: int) -> tuple[list[Scene], list[View]]:
    scenes = [random_scene(rng, (512, 512)) for _ in range(count)]
    return scenes, [View.of(scene, GRID, 64 * index) for index, scene in enumerate(scenes)]


def test_relations_are_true_of_the_scene() -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(300):
        _, (view,) = views_of(rng, 1)
        for turn in dialogues.relation(view, rng):
            match = re.search(r"(.+?) is (to the left of|to the right of|above|below) the (.+?)\.", turn.answer)
            if match:
                one, two = (view.shapes[view.cells.index((cells or ())[0])].center_xy for _, cells in turn.named)
                truth = {
                    "to the left of": one[0] < two[0],
                    "to the right of": one[0] > two[0],
                    "above": one[1] < two[1],
                    "below": one[1] > two[1],
                }
                assert truth[match[2]], turn
                seen += 1
    assert seen > 80


def test_counts_of_two_pictures_are_true() -> None:
    rng = np.random.default_rng(2)
    seen = 0
    for _ in range(300):
        _, views = views_of(rng, 2)
        for turn in pairs.compare(views, rng):
            for number, count, color, kind in re.findall(
                rf"Picture (\d) has (\d|no) (?:({'|'.join(COLOR_NAMES)}) )?({'|'.join(KINDS)}|shape)(?:e?s)?\.",
                turn.answer,
            ):
                phrase = Phrase(color or None, None if kind == "shape" else kind)
                found = len(views[int(number) - 1].matching(phrase))
                assert count == (str(found) if found else "no"), turn
                seen += 1
    assert seen > 80


def test_one_picture_shown_twice_has_no_difference() -> None:
    rng = np.random.default_rng(3)
    (scene,), _ = views_of(rng, 1)
    twice = [View.of(scene, GRID), View.of(scene, GRID, 64)]
    answers = {turn.answer for _ in range(20) for turn in pairs.difference(twice, rng)}
    assert answers == {"Yes, both pictures are the same.", "There is no difference."}


def test_an_empty_picture_can_be_talked_about() -> None:
    rng = np.random.default_rng(4)
    empty = random_scene(rng, (512, 512), max_shapes=0)
    assert not empty.shapes
    turns = pairs.about_scenes([empty], GRID, rng, 60)
    about_it = [turn for turn in turns if turn.learnt and turn.ability != "off_topic"]
    assert len(about_it) > 30
    assert all(re.search(r"\b(no|No)\b", turn.answer) for turn in about_it), about_it


def test_a_second_picture_may_come_later() -> None:
    rng = np.random.default_rng(5)
    shown = set()
    for _ in range(40):
        scenes, _ = views_of(rng, 2)
        turns = pairs.about_scenes(scenes, GRID, rng, 8)
        assert sum(turn.pictures for turn in turns) == 2
        shown.add(turns[0].pictures)
    assert shown == {1, 2}


def test_words_of_the_evaluation_are_never_learnt() -> None:
    def plain(form: str) -> str:
        return form.lower().rstrip("?.")

    learnt = {
        plain(form)
        for forms in vars(wordings).values()
        if isinstance(forms, tuple)
        for form in forms
        if isinstance(form, str)
    }
    assert len(learnt) > 100
    assert not learnt & {plain(form) for forms in wordings.HELD_OUT.values() for form in forms}


def test_hurried_typing_keeps_the_words() -> None:
    rng = np.random.default_rng(6)
    typed = {wordings.typed(rng, "Locate the red circle.") for _ in range(300)}
    assert {"Locate the red circle.", "locate the red circle.", "Locate the red circle"} <= typed
    assert all("locate the red circle" in question.lower() for question in typed)
