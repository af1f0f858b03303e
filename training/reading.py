"""Conversations to learn reading from: a drawn page, screen or chart, what is asked about it, and the exact answer.

Knows what there is to draw and to ask, and in which lessons it is learnt: large type and few words first. Knows nothing
about networks; into how many cells a picture is seen is told by who asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from training import dictation, displays, wordings
from training.charts import random_chart
from training.columns import Placed, placed_of
from training.dialogues import Turn
from training.documents import MAX_CHARACTERS, WORN_SHARE, random_page
from training.layout import TEXT_PX
from training.pages import Page
from training.screens import random_screen
from training.telling import Sight

GridOf = Callable[[tuple[int, int]], tuple[int, int]]
"""From a picture's (width, height) in pixels to the rows and columns of cells in which it is seen."""

KINDS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "line": ("line",),
        "text": ("article", "article", "table", "receipt", "invoice", "form", "card"),
        "markdown": ("article", "article", "table", "invoice", "form", "card"),
        "layout": ("article", "article", "table", "receipt", "invoice", "form", "card"),
        "lines": ("line", "article", "receipt", "form", "card"),
        "tables": ("table", "table", "receipt", "invoice", "article"),
        "fields": ("receipt", "invoice", "form", "card"),
        "field": ("receipt", "invoice", "form", "card"),
    }
)
"""What each task that reads pages is about; "line" is the task "text" on a single line."""
SCREENS, CHARTS = tuple(displays.SCREEN_TALK), tuple(displays.CHART_TALK)
MOST_TURNS = 3
SHORT = ("field", "find_element", "state", *CHARTS)
"""Tasks with so short an answer that several follow each other."""
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt together: `tasks` with their shares, of any sum.

    `text_px` is the body text of pages, in pixels an em of the picture, `most_characters` their length, `worn_share`
    how many of them look printed, photographed and scanned. Screens and charts choose their sizes themselves.
    """

    tasks: Mapping[str, float]
    text_px: tuple[int, int] = TEXT_PX
    most_characters: int = MAX_CHARACTERS
    worn_share: float = WORN_SHARE


LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {
        "words": Lesson({"line": 1.0}, (24, 32), 16, worn_share=0.0),
        "lines": Lesson({"line": 4.0, "lines": 1.0}, (20, 30), 60, worn_share=0.2),
        "short": Lesson(
            {
                **{"line": 2.0, "text": 2.0, "markdown": 1.0, "lines": 1.5, "layout": 0.7, "field": 1.5, "fields": 1.0},
                **{"state": 0.3, "chart_title": 0.3},
            },
            (18, 30),
            200,
            worn_share=0.3,
        ),
        "all": Lesson(
            {
                **{"line": 1.0, "text": 2.0, "markdown": 1.0, "layout": 1.5, "lines": 1.5, "tables": 1.5},
                **{"fields": 1.5, "field": 1.0, "act": 2.0, "find_element": 1.0, "state": 0.5},
                **{"chart_value": 2.0, "chart_most": 0.5, "chart_title": 0.3},
            }
        ),
    }
)
"""In the order in which they are taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """A conversation about one picture, RGB of shape (height, width, 3); `system` is empty where there is none.

    `letters` are those of a page; of screens and charts they are not told.
    """

    pixels: NDArray[np.uint8]
    grid_hw: tuple[int, int]
    turns: tuple[Turn, ...]
    system: str = ""
    letters: Placed | None = None


def random_talk(rng: np.random.Generator, lesson: Lesson, grid_of: GridOf) -> Talk:
    """A conversation of one turn, or of up to `MOST_TURNS` with short answers."""
    names, shares = list(lesson.tasks), np.array(list(lesson.tasks.values()))
    task = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    talk = _about_screen if task in SCREENS else _about_chart if task in CHARTS else _about_page
    for _ in range(_TRIES):
        drawn = talk(rng, lesson, task, grid_of)
        if drawn.turns:
            return drawn
    raise ValueError(f"nothing is drawn that “{task}” can be asked about")


def _about_page(rng: np.random.Generator, lesson: Lesson, task: str, grid_of: GridOf) -> Talk:
    page = _page(rng, lesson, KINDS_OF[task])
    sight = Sight(page.size_wh, grid_of(page.size_wh))
    reader = dictation.READERS["text" if task == "line" else task]
    turns = _turns(rng, task, lambda: reader(page, sight, rng))
    return Talk(page.image, sight.grid_hw, turns, letters=placed_of(page))


def _page(rng: np.random.Generator, lesson: Lesson, kinds: tuple[str, ...]) -> Page:
    """A page that is short enough, or the shortest of some that are not."""
    drawn: list[Page] = []
    while len(drawn) < _TRIES:
        kind = wordings.pick(rng, kinds)
        page = random_page(rng, kind, text_px=lesson.text_px, worn_share=lesson.worn_share)
        if len(page.text) <= lesson.most_characters:
            return page
        drawn.append(page)
    return min(drawn, key=lambda page: len(page.text))


def _about_screen(rng: np.random.Generator, _: Lesson, task: str, grid_of: GridOf) -> Talk:
    screen = random_screen(rng)
    sight = Sight(screen.size_wh, grid_of(screen.size_wh))
    turns = _turns(rng, task, lambda: displays.SCREEN_TALK[task](screen, sight, rng))
    return Talk(screen.pixels, sight.grid_hw, turns, displays.system_of(screen) if task == "act" else "")


def _about_chart(rng: np.random.Generator, _: Lesson, task: str, grid_of: GridOf) -> Talk:
    chart = random_chart(rng)
    sight = Sight(chart.size_wh, grid_of(chart.size_wh))
    return Talk(chart.pixels, sight.grid_hw, _turns(rng, task, lambda: displays.CHART_TALK[task](chart, sight, rng)))


def _turns(rng: np.random.Generator, task: str, ask: Callable[[], list[Turn]]) -> tuple[Turn, ...]:
    """One question, or some whose answers are short and not the same; the first brings the picture."""
    asked = [ask() for _ in range(int(rng.integers(1, MOST_TURNS + 1)) if task in SHORT else 1)]
    turns = list({turn.answer: turn for turns in asked for turn in turns}.values())
    return (replace(turns[0], pictures=1), *turns[1:]) if turns else ()
