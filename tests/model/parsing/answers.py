"""Shared by the tests of this folder: the stored real answers, and the objects of an answer in one comparable form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.catalog import FAMILIES
from model.parsing import AnswerParser
from model.types import Action, Answer, Convention, MediumInput, Region, TimeEvent

REAL_OUTPUTS = Path(__file__).resolve().parents[3] / "../shared/real_outputs"

PICTURE = MediumInput(source_size_wh=(1000, 1000), input_size_wh=(500, 500), tokens=1)
"""A picture in which 0-1000 is the same as pixels."""


def real_cases() -> list[dict[str, Any]]:
    path = REAL_OUTPUTS / "cases.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


NOT_STORED_HERE = "the stored answers of large models (../shared/real_outputs) are not beside this checkout"
needs_real_outputs = pytest.mark.skipif(not (REAL_OUTPUTS / "cases.json").exists(), reason=NOT_STORED_HERE)


def raw_text(case: dict[str, Any]) -> str:
    data = (REAL_OUTPUTS / str(case["raw"])).read_bytes()
    return data.decode()


def parser_of(case: dict[str, Any]) -> AnswerParser:
    """A parser as the program makes it for the model and the picture of a stored case."""
    family = FAMILIES[case["model_family"]]
    return AnswerParser(family.convention, media_of(case), action_convention=family.action_convention)


def media_of(case: dict[str, Any]) -> list[MediumInput]:
    if case["image_wh"] is None:
        return []
    source_wh = tuple(case["image_wh"])
    input_wh = tuple(reversed(case["input_hw"])) if case["input_hw"] else source_wh
    return [MediumInput(source_wh, input_wh, tokens=0)]


def objects(answer: Answer) -> list[Region | TimeEvent | Action]:
    """What was found, in the order in which it was complete in the text."""
    return sorted([*answer.regions, *answer.events, *answer.actions], key=lambda found: (found.span or (0, 0))[1])


def streamed(text: str, convention: Convention, media: list[MediumInput], step: int = 1) -> Answer:
    parser = AnswerParser(convention, media)
    for start in range(0, len(text), step):
        parser.feed(text[start : start + step])
    return parser.finish()
