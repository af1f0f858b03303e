"""Turns tables written in LaTeX into HTML, because QwenVL Markdown has its tables in LaTeX.

    \\begin{tabular}{|c|c|}
    a & \\multicolumn{2}{c}{b} \\\\ \\hline
    \\multirow{2}{*}{c} & d & \\textbf{e} \\\\
    & f & $g^2$ \\\\
    \\end{tabular}

Knows rows, cells, spans and the few commands that stand in cells. Does not know formulas: they stay as they are.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

BEGIN = re.compile(r"\\begin\{(?:tabular[xy*]?|longtable)\}")
END = re.compile(r"\\end\{(?:tabular[xy*]?|longtable)\}")
AROUND = re.compile(r"\\(?:begin|end)\{(?:table\*?|center)\}(?:\[[^\]]{0,10}\])?|\\centering\b")
COLUMNS = re.compile(r"\s*(?:\[[^\]]{0,20}\])?(?:\s*\{[^{}]{0,60}\}(?=\s*\{))?\s*\{(?:[^{}]|\{[^{}]{0,60}\}){0,300}\}")
LINES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|endhead|endfirsthead|endfoot|endlastfoot)(?![a-zA-Z])"
    r"|\\(?:cline|cmidrule|rowcolor|addlinespace)(?:[(\[][^)\]]{0,20}[)\]])?(?:\{[^}]{0,20}\})?"
)
MARK = re.compile(r"\\\\(?:\[[^\]]{0,20}\])?|\\[&{}$]|\$[^$]{0,500}\$|[&{}]")
SPAN = re.compile(
    r"\s*\\multi(column|row)\s*(?:\[[^\]]{0,10}\])?\s*\{\s*(\d{1,4})\s*\}\s*(?:\[[^\]]{0,10}\])?"
    r"\s*\{(?:[^{}]|\{[^{}]{0,60}\}){0,100}\}\s*\{"
)
FORMULA = re.compile(r"((?<!\\)\$[^$]{1,500}\$|\\\(.{1,500}?\\\))", re.DOTALL)
STYLED = re.compile(r"\\([a-zA-Z]{1,20})\s*\{([^{}]*)\}")
STYLES = {"textbf": "b", "textit": "i", "emph": "i", "texttt": "code", "textsuperscript": "sup", "textsubscript": "sub"}
ESCAPED = re.compile(r"\\([&%$#_{}])")
COMMAND = re.compile(r"\\[a-zA-Z]{1,20}\s?")
CAPTION = re.compile(r"\\caption\*?\s*\{((?:[^{}]|\{[^{}]{0,200}\}){0,1000})\}")
MAX_STYLES = 8
"""Commands nested deeper in a cell lose their name, and nothing else."""

MAX_COVERED_COLUMNS = 200
"""Further to the right no cell is taken for one of several rows."""


def tables_to_html(text: str) -> str:
    """The text with every LaTeX table in it as HTML; one that was cut goes as far as it came."""
    written, pos = [], 0
    while begin := BEGIN.search(text, pos):
        end = END.search(text, begin.end())
        written += [_between(text[pos : begin.start()]), _table(text[begin.end() : end.start() if end else None])]
        pos = end.end() if end else len(text)
    return "".join([*written, _between(text[pos:]) if written else text[pos:]])


def _between(text: str) -> str:
    """What stands around a table, with its caption as HTML."""
    return CAPTION.sub(lambda match: f"\n\n<figcaption>{_words(match[1])}</figcaption>\n\n", AROUND.sub("", text))


def _table(inside: str) -> str:
    columns = COLUMNS.match(inside)
    return f"<table>{''.join(_rows(inside[columns.end() if columns else 0 :]))}</table>"


def _rows(inside: str) -> Iterator[str]:
    """Rows as HTML. What a cell of several rows covers is an empty cell in LaTeX, and is none in HTML."""
    covered: dict[int, int] = {}  # column -> rows below that a cell still covers
    for cells in _split(LINES.sub(" ", inside)):
        if not any(cell.strip() for cell in cells):
            continue
        column, written, fresh = 0, [], dict[int, int]()
        for cell in cells:
            row_span, column_span, words = _unwrapped(cell)
            if words.strip() or not covered.get(column):
                spans = f' rowspan="{row_span}" colspan="{column_span}"' if row_span * column_span > 1 else ""
                written.append(f"<td{spans}>{_words(words)}</td>")
                columns = range(column, min(column + column_span, MAX_COVERED_COLUMNS))
                fresh |= dict.fromkeys(columns, row_span)
            column += column_span
        covered = {column: left - 1 for column, left in {**covered, **fresh}.items() if left > 1}
        yield f"<tr>{''.join(written)}</tr>"


def _split(inside: str) -> Iterator[list[str]]:
    """Rows of cells, at the marks that stand in no braces."""
    depth, start, row = 0, 0, list[str]()
    for mark in MARK.finditer(inside):
        if mark[0] in ("{", "}"):
            depth = max(depth + (1 if mark[0] == "{" else -1), 0)
        elif depth == 0 and (mark[0] == "&" or mark[0].startswith("\\\\")):
            row.append(inside[start : mark.start()])
            start = mark.end()
            if mark[0] != "&":
                yield row
                row = []
    yield [*row, inside[start:]]


def _unwrapped(cell: str) -> tuple[int, int, str]:
    """How many rows and columns a cell covers, and what it says."""
    spans = {"row": 1, "column": 1}
    for _ in spans:
        if (match := SPAN.match(cell)) is None:
            break
        spans[match[1]] = max(min(int(match[2]), 100), 1)
        inside, brace, rest = cell[match.end() :].rpartition("}")
        cell = inside + rest if brace else rest
    return spans["row"], spans["column"], cell


def _words(cell: str) -> str:
    """A cell's words as HTML."""
    parts = FORMULA.split(cell)
    return "".join(html.escape(part) if index % 2 else _plain(part) for index, part in enumerate(parts)).strip()


def _plain(part: str) -> str:
    written = html.escape(part, quote=False).replace("\\\\", "<br>").replace("~", " ")
    for _ in range(MAX_STYLES):
        written, count = STYLED.subn(_styled, written)
        if not count:
            break
    written = COMMAND.sub("", written)
    written = re.sub(r"(?<!\\)[{}]", "", written)
    return ESCAPED.sub(r"\1", written)


def _styled(match: re.Match[str]) -> str:
    tag = STYLES.get(match[1])
    return f"<{tag}>{match[2]}</{tag}>" if tag else match[2]
