"""A page written out as HTML, Markdown or plain text becomes blocks, however well it is written. A row is a case."""

from __future__ import annotations

import pytest

from model.catalog import INPUT_PIXELS, PER_1000
from model.parsing import NO_BOXES, NOTHING_READ, DocumentParser, answer_to_json, parse_answer, read_document
from model.types import Block, Cell, Convention, MediumInput, ReadingMode, Table
from tests.model.parsing.answers import PICTURE

Row = tuple[ReadingMode, str, list[tuple[str, str, tuple[int, int, int, int] | None]]]
"""How the page is read, the answer, and of each block its kind, its text and its box."""

A, B = (1, 2, 30, 40), (5, 50, 60, 70)

ROWS: dict[str, Row] = {
    "wrapper and its img have one box": (
        "layout",
        '<div class="image" data-bbox="1 2 30 40"><img data-bbox="1 2 30 40"/></div>',
        [("figure", "", A)],
    ),
    "figure with a box of its own for the caption": (
        "layout",
        '<figure><img data-bbox="1 2 30 40" alt="A cup">'
        '<figcaption data-bbox="5 50 60 70">Fig. 1</figcaption></figure>',
        [("figure", "A cup", A), ("caption", "Fig. 1", B)],
    ),
    "image caption is what the figure shows": (
        "layout",
        '<div class="image caption" data-bbox="1 2 30 40"><img data-bbox="1 2 30 40"/><p>A cat.</p></div>',
        [("figure", "A cat.", A)],
    ),
    "formula loses its dollars": (
        "layout",
        '<div class="formula" data-bbox="1 2 30 40"><img data-bbox="1 2 30 40"/><div>$$E = mc^2$$</div></div>',
        [("formula", "E = mc^2", A)],
    ),
    "handwritten formula": (
        "layout",
        r'<div class="formula.handwritten" data-bbox="1 2 30 40">\[x < y\]</div>',
        [("formula", "x < y", A)],
    ),
    "chart keeps its numbers": (
        "layout",
        '<div class="chart" data-bbox="1 2 30 40"><img/><table><tr><td>a</td><td>1</td></tr></table></div>',
        [("figure", "a\t1", A)],
    ),
    "table in a wrapper": (
        "layout",
        '<div class="table" data-bbox="1 2 30 40"><table><tr><td>a</td></tr></table></div>',
        [("table", "a", A)],
    ),
    "caption inside of a table": (
        "layout",
        '<table data-bbox="1 2 30 40"><caption>Prices</caption><tr><td>a</td></tr></table>',
        [("caption", "Prices", None), ("table", "a", A)],
    ),
    "cells with boxes": (
        "layout",
        '<table data-bbox="1 2 30 40"><tr><td data-bbox="5 50 60 70">a</td><td data-bbox="7 8 9 9">b</td></tr></table>',
        [("table", "a\tb", A)],
    ),
    "table inside of a cell": (
        "layout",
        '<table data-bbox="1 2 30 40"><tr><td>a<table><tr><td>b</td><td>c</td></tr></table></td><td>d</td></tr>',
        [("table", "a b c\td", A)],
    ),
    "table without cells": ("layout", '<table data-bbox="1 2 30 40">just words</table>', [("table", "just words", A)]),
    "items with boxes": (
        "layout",
        '<ol><li data-bbox="1 2 30 40">one</li><li data-bbox="5 50 60 70">two</li></ol>',
        [("list", "1. one", A), ("list", "2. two", B)],
    ),
    "list with a box": (
        "layout",
        '<ul data-bbox="1 2 30 40"><li>one<ul><li>inner</li></ul></li><li>two</li></ul>',
        [("list", "one\ninner\ntwo", A)],
    ),
    "paragraph with a box in an item": (
        "layout",
        '<ul><li><p data-bbox="1 2 30 40">one</p></li><li><p data-bbox="5 50 60 70">two</p></li></ul>',
        [("list", "one", A), ("list", "two", B)],
    ),
    "numbers go on where the list says": ("markdown", '<ol start="7"><li>x<li>y</ol>', [("list", "7. x\n8. y", None)]),
    "blocks in a box share it": (
        "layout",
        '<div data-bbox="1 2 30 40"><h3>Title</h3><p>words</p></div>',
        [("heading", "Title", A), ("text", "words", A)],
    ),
    "a box around the page is none": (
        "layout",
        '<body data-bbox="0 0 1000 1000"><p>a</p><p data-bbox="1 2 30 40">b</p></body>',
        [("text", "a", None), ("text", "b", A)],
    ),
    "empty element with a box": ("layout", '<p data-bbox="1 2 30 40"></p>', [("text", "", A)]),
    "commas and brackets in the box": ("layout", '<p data-bbox="[1, 2, 30, 40]">a</p>', [("text", "a", A)]),
    "box without quotes": ("layout", "<p data-bbox=1,2,30,40>a</p>", [("text", "a", A)]),
    "polygon": ("layout", '<p data-polygon="5 2 30 9 28 40 1 33">a</p>', [("text", "a", A)]),
    "text in a div with a class": ("layout", '<div class="text" data-bbox="1 2 30 40">a</div>', [("text", "a", A)]),
    "span with a box": ("layout", '<span class="page-num" data-bbox="1 2 30 40">7</span>', [("text", "7", A)]),
    "end tags left out": (
        "layout",
        '<p data-bbox="1 2 30 40">a<p data-bbox="5 50 60 70">b</p>',
        [("text", "a", A), ("text", "b", B)],
    ),
    "quote that does not end": (
        "layout",
        '<h2 data-bbox="1 2 30 40">a</h2><p data-bbox="5 50 60 70>b</p>',
        [("heading", "a", A), ("text", "b", B)],
    ),
    "words in angle brackets": (
        "layout",
        '<p data-bbox="1 2 30 40">8.00<全> 3<x> 1 < 2</p>',
        [("text", "8.00<全> 3<x> 1 < 2", A)],
    ),
    "entities": ("layout", '<p data-bbox="1 2 30 40">R&amp;D&nbsp;&lt;b&gt;</p>', [("text", "R&D <b>", A)]),
    "raised and lowered": (
        "layout",
        '<p data-bbox="1 2 30 40">m<sup>2</sup> H<sub>2</sub>O x<sup>ab</sup></p>',
        [("text", "m² H₂O x^(ab)", A)],
    ),
    "boxes to tick": (
        "layout",
        '<p data-bbox="1 2 30 40"><input type="checkbox" checked>yes <input type="radio">no <input value="5"></p>',
        [("text", "☑ yes ☐ no 5", A)],
    ),
    "lines of an address": ("layout", '<p data-bbox="1 2 30 40">a<br>b<br/>c</p>', [("text", "a\nb\nc", A)]),
    "what acts is left out": (
        "layout",
        "<html><head><title>t</title><style>p{}</style></head><body><script>if (a</p>) x()</script>"
        '<p data-bbox="1 2 30 40">a</p><svg><text>s</text></svg><iframe src="http://x">i</iframe></body></html>',
        [("text", "a", A)],
    ),
    "introduction, fence and farewell": (
        "layout",
        'Here it is:\n```html\n<html><body>\n<p data-bbox="1 2 30 40">a</p>\n</body></html>\n```\nAnything else?',
        [("text", "a", A)],
    ),
    "farewell without the end of the page": (
        "layout",
        '```html\n<p data-bbox="1 2 30 40">a</p>\n```\nAnything else?',
        [("text", "a", A)],
    ),
    "token at the end": ("layout", '<p data-bbox="1 2 30 40">a<|im_end|></p>', [("text", "a", A)]),
    "thinking before": (
        "layout",
        '<think>maybe <p data-bbox="5 50 60 70">b</p></think><p data-bbox="1 2 30 40">a</p>',
        [("text", "a", A)],
    ),
    "thinking without its beginning": (
        "layout",
        'maybe <p data-bbox="5 50 60 70">b</p></think>\n<p data-bbox="1 2 30 40">a</p>',
        [("text", "a", A)],
    ),
    "nothing but a lone end of thinking behind": (
        "layout",
        '<p data-bbox="1 2 30 40">a</p></think>',
        [("text", "a", A)],
    ),
    "reversed box": ("layout", '<p data-bbox="30 40 1 2">a</p>', [("text", "a", A)]),
    "box with three numbers": ("layout", '<p data-bbox="1 2 30">a</p>', [("text", "a", None)]),
    "comments of QwenVL Markdown": (
        "layout",
        "# T\n\n<!-- Image (1, 2, 30, 40) -->\n\n<!-- Table (5, 50, 60, 70) -->\n"
        "\\begin{tabular}{|c|c|}\n\\hline\na & b \\\\ \\hline\n\\end{tabular}\n\nEnd.",
        [("heading", "T", None), ("figure", "", A), ("table", "a\tb", B), ("text", "End.", None)],
    ),
    "comment and picture are one figure": (
        "layout",
        "<!-- Image (1, 2, 30, 40) -->\n![](figure.png)\n\nwords",
        [("figure", "", A), ("text", "words", None)],
    ),
    "words between a table and its place": (
        "layout",
        "<!-- Table (1, 2, 30, 40) -->\nTable 1\n\n| a |\n|---|\n| b |",
        [("text", "Table 1", None), ("table", "a\nb", A)],
    ),
    "place of a table that was not written": (
        "layout",
        "words\n\n<!-- Table (1, 2, 30, 40) -->\n",
        [("text", "words", None), ("table", "", A)],
    ),
    "spans of LaTeX": (
        "markdown",
        "\\begin{tabular}{|l|c|}\n\\multirow{2}{*}{a} & \\multicolumn{2}{c|}{b \\& c} \\\\\n& \\textbf{d} & 5\\% \\\\\n"
        "\\end{tabular}",
        [("table", "a\tb & c\t\n\td\t5%", None)],
    ),
    "escaped dollars in LaTeX are money": (
        "markdown",
        "\\begin{tabular}{|c|c|}\nrent & \\$5.00 \\\\ \\hline\ntax & \\$6.00 or \\$7.00 \\\\ \\hline\n\\end{tabular}",
        [("table", "rent\t$5.00\ntax\t$6.00 or $7.00", None)],
    ),
    "Markdown in a fence": (
        "markdown",
        "Sure:\n\n```markdown\n# T\n\nwords\n```",
        [("heading", "T", None), ("text", "words", None)],
    ),
    "HTML in Markdown": (
        "markdown",
        "# T\n\n<table>\n<tr><td>a</td>\n\n<td>b</td></tr>\n</table>\n\nwords <b>bold</b>",
        [("heading", "T", None), ("table", "a\tb", None), ("text", "words bold", None)],
    ),
    "HTML instead of Markdown": (
        "tables",
        "Here:\n```html\n<table><tr><td>a</td></tr></table>\n```\n",
        [("table", "a", None)],
    ),
    "formulas of Markdown": (
        "markdown",
        "where $x_i^2$ and \\(y\\)\n\n$$\na\n\n= b\n$$\n\n\\[c\\]",
        [("text", "where $x_i^2$ and $y$", None), ("formula", "a = b", None), ("formula", "c", None)],
    ),
    "code of Markdown": (
        "markdown",
        "```py\nx = 1\n\n# y\n```\nwords",
        [("code", "x = 1\n\n# y", None), ("text", "words", None)],
    ),
    "loose list": ("markdown", "- a\n\n  more\n\n- b\n\nwords", [("list", "a more\nb", None), ("text", "words", None)]),
    "plain text means what it says": (
        "text",
        "# not a *heading*\n[1, 2, 3, 4]\n\n{'a': 1}",
        [("text", "# not a *heading*\n[1, 2, 3, 4]", None), ("text", "{'a': 1}", None)],
    ),
    "lines in JSON": (
        "lines",
        '```json\n[{"bbox_2d": [1, 2, 30, 40], "text_content": "a"},\n'
        '{"bbox_2d": [5, 50, 60, 70], "text_content": "b"},]\n```',
        [("text", "a", A), ("text", "b", B)],
    ),
    "layout in JSON": (
        "layout",
        '[{"bbox_2d": [1, 2, 30, 40], "label": "title", "text_content": "a"}, '
        '{"bbox_2d": [5, 50, 60, 70], "label": "figure"}]',
        [("heading", "a", A), ("figure", "", B)],
    ),
    "lines instead of Markdown": (
        "markdown",
        '```json\n[{"bbox_2d": [1, 2, 30, 40], "text_content": "a"}]\n```',
        [("text", "a", A)],
    ),
}


def rows_of(blocks: tuple[Block, ...]) -> list[tuple[str, str, tuple[float, ...] | None]]:
    return [(block.kind, block.text, block.xyxy) for block in blocks]


@pytest.mark.parametrize("name", ROWS)
def test_what_is_read(name: str) -> None:
    mode, text, expected = ROWS[name]
    assert rows_of(read_document(text, mode, PER_1000, PICTURE).blocks) == expected


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("step", [1, 5])
def test_streamed_is_the_same_as_at_once(name: str, step: int) -> None:
    mode, text, _ = ROWS[name]
    parser = DocumentParser(mode, PER_1000, PICTURE)
    for start in range(0, len(text), step):
        parser.feed(text[start : start + step])
    assert parser.finish() == read_document(text, mode, PER_1000, PICTURE)


@pytest.mark.parametrize(
    ("convention", "medium"),
    [(PER_1000, MediumInput((2000, 500), (900, 300), 1)), (INPUT_PIXELS, MediumInput((2000, 500), (1000, 1000), 1))],
)
def test_boxes_are_in_pixels_of_the_page(convention: Convention, medium: MediumInput) -> None:
    html = read_document('<p data-bbox="100 200 300 400">a</p>', "layout", convention, medium)
    comment = read_document("<!-- Image (100, 200, 300, 400) -->", "layout", convention, medium)
    for document in (html, comment):
        assert [block.xyxy for block in document.blocks] == [(200, 100, 600, 200)]
        assert document.problems == ()


def test_spans_and_heads_of_a_table() -> None:
    text = '<table><tr><th colspan="2">a</th></tr><tr><td rowspan=2>b|c</td><td>d<br>e</td></tr><tr><td>f</td></tr>'
    (block,) = read_document(text, "tables", PER_1000).blocks
    head, cell = Cell("a", column_span=2, is_header=True), Cell("b|c", row_span=2)
    assert block.table == Table(((head,), (cell, Cell("d\ne")), (Cell("f"),)))
    assert block.markdown == "| a |  |\n| --- | --- |\n| b\\|c | d e |\n|  | f |"


def test_spans_reach_no_further_than_the_table() -> None:
    text = '<table><tr><td rowspan="9999" colspan="999999">a</td></tr><tr><td>b</td></tr></table>'
    (block,) = read_document(text, "tables", PER_1000).blocks
    assert block.table is not None
    cell = block.table.rows[0][0]
    assert (cell.row_span, cell.column_span) == (2, 200)


MARKDOWN = {
    "emphasis": ("a <b>b </b><i>c</i> <s>d</s> <code>e*f</code>", "a **b** *c* ~~d~~ `e*f`"),
    "link": ('<a href="https://a.example/x(1)">a</a>', "[a](https://a.example/x%281%29)"),
    "link that acts": ('<a href="javascript:alert(1)">a</a>', "a"),
    "link that only looks like one": ("[a](javascript:alert(1))", r"[a\](javascript:alert(1))"),
    "tag in words": ("&lt;img src=x onerror=alert(1)&gt;", r"\<img src=x onerror=alert(1)>"),
    "signs of Markdown": ("# 1. *a* _b_ snake_case `c`", r"\# 1. \*a\* \_b\_ snake_case \`c\`"),
    "number that begins no list": ("2024. A year", r"2024\. A year"),
    "rule": ("---", r"\---"),
    "formula": ("cost $5 or $x_1*2$ or $9", "cost $5 or $x_1*2$ or $9"),
    "tag in a formula": ("$a<b$", "$a< b$"),
    "tag in words of a formula": (r"$\text{a <b c}$", r"$\text{a < b c}$"),
    "entity in words": ("&amp;lt;", r"\&lt;"),
}


@pytest.mark.parametrize("name", MARKDOWN)
def test_markdown_says_just_the_words(name: str) -> None:
    inside, expected = MARKDOWN[name]
    (block,) = read_document(f'<p data-bbox="1 2 3 4">{inside}</p>', "layout", PER_1000, PICTURE).blocks
    assert block.markdown == expected


def test_markdown_of_each_kind() -> None:
    text = (
        "<h3>a</h3><ul><li>b<ol><li>c</li></ol></li></ul><blockquote>d<br>e</blockquote>"
        '<pre><code class="language-py">f</code></pre><div class="formula">$$g$$</div><hr><p>h</p>'
    )
    document = read_document(f"```html\n{text}\n```", "markdown", PER_1000)
    expected = ["### a", "- b\n  1. c", "> d\n> e", "```py\nf\n```", "$$\ng\n$$", "h"]
    assert [block.markdown for block in document.blocks] == expected


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("layout", '<html><body><p data-bbox="1 2 3 4">whole</p><p data-bbox="5 6 7 8">up to the c'),
        ("layout", '```html\n<p data-bbox="1 2 3 4">whole</p>\n<p data-bbox="5 6 7 8">up to the c</p'),
        ("tables", "whole\n\n<table><tr><td>up to the c"),
        ("tables", "whole\n\n\\begin{tabular}{c}\nup to the c"),
        ("markdown", "```markdown\nwhole\n\nup to the c"),
        ("layout", "<!-- Image (1, 2, 3, 4) -->\n\n```\nup to the c"),
    ],
)
def test_an_answer_that_was_cut_is_whole_up_to_the_cut(mode: ReadingMode, text: str) -> None:
    document = read_document(text, mode, PER_1000, PICTURE)
    assert [block.text for block in document.blocks][-1] == "up to the c"
    assert document.problems == ("The answer was cut; 1 block was complete.",)


@pytest.mark.parametrize(
    ("mode", "text"), [("layout", '<p data-bbox="1 2 3 4">up to the c'), ("markdown", "```markdown\nup to the c")]
)
def test_the_first_block_that_was_cut_is_there_and_named(mode: ReadingMode, text: str) -> None:
    document = read_document(text, mode, PER_1000, PICTURE)
    assert [block.text for block in document.blocks] == ["up to the c"]
    assert document.problems[0] == "The answer was cut inside its first block."


def test_a_name_cut_in_half_is_no_text() -> None:
    for rest in ("\\beg", "\\begin{tabul"):
        document = read_document(f"whole\n\n{rest}", "tables", PER_1000, PICTURE)
        assert [block.text for block in document.blocks] == ["whole"]
        assert document.problems == ("The answer was cut; 1 block was complete.",)


def test_a_layout_without_boxes_is_recognised() -> None:
    for text in ("<html><body><p>a</p></body></html>", "# a\n\nb", "just words"):
        assert NO_BOXES in read_document(text, "layout", PER_1000, PICTURE).problems
        assert NO_BOXES not in read_document(text, "markdown", PER_1000, PICTURE).problems


def test_words_instead_of_a_layout_are_kept() -> None:
    document = read_document("# a\n\nb", "layout", PER_1000, PICTURE)
    assert rows_of(document.blocks) == [("heading", "a", None), ("text", "b", None)]


def test_an_answer_without_words_is_told() -> None:
    assert read_document(" \n", "text", PER_1000).problems == (NOTHING_READ,)


def test_a_loop_is_folded_and_told() -> None:
    text = '<p data-bbox="1 2 3 4">a</p>' + '<p data-bbox="5 6 7 8">b</p>' * 40 + "<p data-b"
    document = read_document(text, "layout", PER_1000, PICTURE)
    assert [block.text for block in document.blocks] == ["a", "b"]
    assert "The answer repeats itself; 39 repetitions were left out." in document.problems


def test_places_outside_of_the_page_are_told_once_for_a_wrapper_and_its_picture() -> None:
    text = '<div class="image" data-bbox="1 2 3 4000"><img data-bbox="1 2 3 4000"/></div>'
    document = read_document(text, "layout", PER_1000, PICTURE)
    assert document.problems == ("One place lay outside the picture and was moved to its edge.",)


def test_each_block_is_there_as_soon_as_it_is_complete() -> None:
    parser = DocumentParser("layout", PER_1000, PICTURE, page=3)
    assert parser.feed('<html><body><p data-bbox="1 2 3 4">a').blocks == ()
    (block,) = parser.feed("</p>").blocks
    assert (block.text, block.page) == ("a", 3)
    assert len(parser.feed('<p data-bbox="1 2 3 4">b</p>').blocks) == 2


def test_places_in_the_answer() -> None:
    first, second = '<p data-bbox="1 2 3 4">a</p>', "<!-- Image (1, 2, 3, 4) -->"
    text = f"Here:\n```html\n{first}\n```"
    (block,) = read_document(text, "layout", PER_1000).blocks
    assert block.span is not None
    assert text[slice(*block.span)] == first
    text = f"words\n\n{second}\n\nmore"
    spans = [block.span for block in read_document(text, "layout", PER_1000).blocks]
    assert [text[slice(*span)] for span in spans if span] == ["words", second, "more"]


@pytest.mark.parametrize(
    "text",
    [
        "Use the `<html>` tag.",
        "A list: <b>bold</b>, a comment <!-- hm --> and 1 < 2.",
        "```python\nprint('<p data-bbox=\"1 2 3 4\">')\n```",
        '[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}]',
    ],
)
def test_other_answers_are_no_documents(text: str) -> None:
    assert parse_answer(text, PER_1000, [PICTURE]).document is None


def test_a_document_in_any_answer_is_there_as_json() -> None:
    text = 'See:\n<h1 data-bbox="1 2 30 40">a</h1><table><tr><th colspan="2">b</th></tr></table>'
    found = answer_to_json(parse_answer(text, PER_1000, [PICTURE]))
    assert found["document"] == {
        "blocks": [
            {"kind": "heading", "text": "a", "markdown": "# a", "xyxy": [1, 2, 30, 40], "level": 1},
            {
                "kind": "table",
                "text": "b",
                "markdown": "| b |\n| --- |",
                "table": {"rows": [[{"text": "b", "column_span": 2, "is_header": True}]]},
            },
        ]
    }


@pytest.mark.parametrize(
    "text",
    [
        r"\begin{table}\caption{Cap \textbf{x}}\begin{tabular}{c} a \\ \end{tabular}\end{table}",
        "\\begin{table}[h]\n\\caption{Cap \\textbf{x}}\n\\begin{tabular}{c}\na\n\\end{tabular}\n\\end{table}",
    ],
)
def test_the_caption_of_a_latex_table(text: str) -> None:
    caption, table = read_document(text, "markdown", PER_1000).blocks
    assert (caption.kind, caption.text, caption.markdown) == ("caption", "Cap x", "Cap **x**")
    assert table.table == Table(((Cell("a"),),))
