"""From the text of an answer to places, events, fields and actions in pixels and seconds of what was given.

    text -> reader (prose, fences, thinking) -> scan (values) -> interpret -> findings -> Answer
                                             -> tags, lines  ------------------^
            regions, events, tools: what objects and lines mean      coords: written numbers -> pixels
         -> markup (HTML, Markdown) -> blocks -> Answer.document     document: one page's answer -> Document

To add a form: read it in a file of its own, call it from `reader` or `interpret`, and add rows to the table of
`tests/model/parsing/test_ugly_answers.py`.

Knows every form in which the Qwen-VL families and their neighbours answer. Does not know models, files or widgets, and
imports no tensor library. `python -m model.parsing --help` is the same for scripts.
"""

from model.parsing.answer import AnswerParser, parse_answer
from model.parsing.as_json import answer_to_json, block_to_json, document_to_json
from model.parsing.document import NO_BOXES, NOTHING_READ, DocumentParser, read_document
from model.parsing.references import PageReference, page_references

__all__ = [
    "NOTHING_READ",
    "NO_BOXES",
    "AnswerParser",
    "DocumentParser",
    "PageReference",
    "answer_to_json",
    "block_to_json",
    "document_to_json",
    "page_references",
    "parse_answer",
    "read_document",
]
