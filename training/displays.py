"""Conversations about drawn screens and charts: what is asked of them, and the exact answer.

Knows elements, marks and words; nothing about networks. The wording of finding and acting is that of `model.prompts`;
a chart is asked about in a person's words alone, as in Chat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np

from model.catalog import FAMILIES, PER_1000
from model.prompts import system_prompt, task_prompt, to_convention
from model.types import MediumInput
from training import wordings
from training.charts import Chart, Mark
from training.controls import Element
from training.dialogues import Cells, Piece, Spelled, Turn
from training.offtopic import FAMILY
from training.screens import Screen
from training.telling import Sight, sentence, union
from training.wordings import pick, typed

_SWITCHED = ("check box", "switch")
"""What can be on and off; of radio buttons and tabs one is always on."""


def system_of(screen: Screen) -> str:
    """The system message with which the program sends a screen to be acted on."""
    return system_prompt(FAMILY, "act", _medium(screen)) or ""


def act(screen: Screen, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """A goal, and the click that leads to it; needs `system_of` before it."""
    chosen = random_goal(screen, rng)
    if chosen is None:
        return []
    element, goal = chosen
    question, cells = task_prompt(FAMILY, "act", goal), sight.cells(element.xyxy)
    named = question[: question.index(goal) + goal.rindex(element.name) + len(element.name)]
    return [Turn(question, ((click(screen, element), cells), ("}}\n</tool_call>", ())), "act", ((named, cells),))]


def random_goal(screen: Screen, rng: np.random.Generator) -> tuple[Element, str] | None:
    """An element that can be used, and what to do to it; None on a screen without one."""
    targets = [element for element in screen.elements if _goal_key(element)]
    if not targets:
        return None
    element = targets[int(rng.integers(len(targets)))]
    return element, pick(rng, wordings.GOALS[_goal_key(element)]).format(element.name)


def _goal_key(element: Element) -> str:
    """Under which name `wordings.GOALS` has what can be done to an element; empty where that would change nothing."""
    if not element.is_enabled:
        return ""
    if element.kind in _SWITCHED:
        return "off" if element.is_on else "on"
    return "" if element.is_on else element.kind


def click(screen: Screen, element: Element) -> str:
    """The call of the device's tool, but for the brackets at its end."""
    is_phone = '"mobile_use"' in system_of(screen)
    device, action = ("mobile_use", "click") if is_phone else ("computer_use", "left_click")
    place = to_convention(element.center_xy * 2, FAMILIES[FAMILY].action_convention, _medium(screen))[:2]
    arguments = json.dumps({"action": action, "coordinate": place})
    return f'<tool_call>\n{{"name": "{device}", "arguments": {arguments[:-1]}'


def find(screen: Screen, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """Where an element is."""
    element = screen.elements[int(rng.integers(len(screen.elements)))]
    name = f"{element.name} {element.kind}"
    question = task_prompt(FAMILY, "find", name)
    if rng.random() < 0.4:
        question = typed(rng, pick(rng, wordings.FIND).format(name))
    box = list(to_convention(element.xyxy, PER_1000, _medium(screen)))
    cells = sight.cells(element.xyxy)
    said = (f'```json\n[\n\t{{"bbox_2d": {box}, "label": "{name}', cells), ('"}\n]\n```', ())
    return [Turn(question, said, "find_element", ((name, cells),))]


def state(screen: Screen, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """Whether something is on, or what has been typed into a field."""
    options = [element for element in screen.elements if element.is_on is not None or element.kind == "field"]
    if not options:
        return []
    element = options[int(rng.integers(len(options)))]
    cells = sight.cells(element.xyxy)
    name = element.name
    answer: tuple[str, ...]
    if element.kind == "field":
        question = typed(rng, pick(rng, wordings.FIELD_SAYS).format(name))
        says = f'The field {name} says "', Spelled(element.value), '"'
        answer = says if element.value else (f"The field {name} is empty",)
    else:
        question = typed(rng, pick(rng, wordings.IS_ON).format(name))
        answer = (f"Yes, {name} is on" if element.is_on else f"No, {name} is off",)
    return [Turn(question, sentence(*((text, cells) for text in answer)), "state", ((name, cells),))]


def value(
    chart: Chart, sight: Sight, rng: np.random.Generator, forms: Sequence[str] = wordings.CHART_VALUE
) -> list[Turn]:
    """What one mark stands for."""
    mark = chart.marks[int(rng.integers(len(chart.marks)))]
    name, cells = name_of(mark), sight.cells(mark.xyxy)
    question = typed(rng, pick(rng, forms).format(name))
    labels = _labels(chart, mark, sight)
    said = sentence((f"The value of {name} is", labels), (Spelled(f" {_number(chart, mark)}"), cells))
    return [Turn(question, said, "chart_value", ((name, labels),))]


def most(chart: Chart, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """Which mark stands for the highest or the lowest value of all, if there is only one such."""
    which = pick(rng, tuple(wordings.CHART_MOST))
    ordered = sorted(chart.marks, key=lambda mark: mark.value, reverse=which == "highest")
    if ordered[0].value == ordered[1].value:
        return []
    question = typed(rng, pick(rng, wordings.CHART_MOST[which]))
    mark = ordered[0]
    cells = sight.cells(mark.xyxy)
    both = union([cells, _labels(chart, mark, sight)])
    name: Piece = Spelled(f" {name_of(mark)}"), both
    number: Piece = Spelled(f" {_number(chart, mark)}"), cells
    return [Turn(question, sentence((f"The {which} is", both), name, (" with", cells), number), "chart_most")]


def title(chart: Chart, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """The title may be set in several lines, which follow each other."""
    spans = [chart.runs[start:end] for start, end in combinations(range(len(chart.runs) + 1), 2)]
    runs = next(span for span in spans if " ".join(run.text for run in span) == chart.title)
    cells = sight.cells(*(run.xyxy for run in runs))
    question = typed(rng, pick(rng, wordings.CHART_TITLE))
    return [Turn(question, ((Spelled(chart.title), cells), ("", ())), "chart_title")]


def name_of(mark: Mark) -> str:
    return f"{mark.series} in {mark.category}" if mark.series else mark.category


SCREEN_TALK: Mapping[str, Callable[[Screen, Sight, np.random.Generator], list[Turn]]] = {
    "act": act,
    "find_element": find,
    "state": state,
}
CHART_TALK: Mapping[str, Callable[[Chart, Sight, np.random.Generator], list[Turn]]] = {
    "chart_value": value,
    "chart_most": most,
    "chart_title": title,
}


def _medium(screen: Screen) -> MediumInput:
    """Of the sizes only the picture's own matter in this family."""
    return MediumInput(screen.size_wh, screen.size_wh, 0)


def _labels(chart: Chart, mark: Mark, sight: Sight) -> Cells:
    """Where the mark's category and series are written."""
    names = tuple(filter(None, (mark.category, mark.series)))
    runs = [run for run in chart.runs if run.text in names or run.text.rpartition(" ")[0] in names]
    return sight.cells(*(run.xyxy for run in runs)) or sight.cells(mark.xyxy)


def _number(chart: Chart, mark: Mark) -> str:
    """As short as it can be written."""
    return f"{round(mark.value, 4):.10g}{'%' if chart.unit == '%' else ''}"
