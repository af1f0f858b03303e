"""From the text of an answer to places, events, fields and actions in pixels and seconds of what was given.

    text -> reader (prose, fences, thinking) -> scan (values) -> interpret -> findings -> Answer
                                             -> tags, lines  ------------------^
            regions, events, tools: what objects and lines mean      coords: written numbers -> pixels

Knows every form in which the Qwen-VL families and their neighbours answer. Does not know models, files or widgets, and
imports no tensor library. `python -m model.parsing --help` is the same for scripts.
"""

from model.parsing.answer import AnswerParser, parse_answer
from model.parsing.as_json import answer_to_json

__all__ = ["AnswerParser", "answer_to_json", "parse_answer"]
