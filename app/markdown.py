"""A model's text as HTML that cannot do anything: Markdown, tables, highlighted code, formulas as MathML.

HTML in the text is shown as text, pictures become links, and the result passes an allow-list. Knows nothing about
conversations; the text that is given is never changed, only shown.
"""

from __future__ import annotations

import html
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from latex2mathml.converter import convert as latex_to_mathml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.texmath import texmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_CODE_MAX_CHARS = 20_000
_GROWING_CODE_MAX_CHARS = 4_000
"""Longer code is shown plain: colouring it, 10 times a second while it grows, would hold the page up."""
_FORMULA_MAX_CHARS = 2_000

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "blockquote", "ul", "ol", "li", "a"),
    *("code", "pre", "span", "div", "button", "table", "thead", "tbody", "tr", "th", "td"),
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup"),
    *("munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "menclose", "mphantom"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "th": {"style"},
    "td": {"style"},
    "code": {"class"},
    "pre": {"class"},
    "span": {"class"},
    "div": {"class"},
    "button": {"type", "data-do"},
    "math": {"display"},
    "mo": {"stretchy", "fence", "separator", "lspace", "rspace", "minsize", "maxsize"},
    "mi": {"mathvariant"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"columnalign", "rowspacing", "columnspacing"},
    "menclose": {"notation"},
}
_MATH_TOKENS = ("math_inline", "math_inline_double", "math_block", "math_block_label", "math_block_eqno")


@lru_cache(maxsize=2048)
def to_html(text: str, copy_buttons: bool = True) -> str:
    """The whole text as safe HTML; `copy_buttons` over code need the page's script."""
    return _clean(_MARKDOWN.render(text, {"copy_buttons": copy_buttons}))


def parse(text: str) -> list[Token]:
    """The blocks of the text as markdown-it has them, for whoever writes them as something else than HTML."""
    return _MARKDOWN.parse(text)


class MarkdownStream:
    """The same for a text that grows: each block is rendered while it is the last, then never again."""

    def __init__(self) -> None:
        self._settled_chars = 0
        self._settled_html: list[str] = []

    def to_html(self, text: str) -> str:
        """HTML of `text`, which begins with every text that was given before."""
        tail = text[self._settled_chars :]
        env: MutableMapping[str, Any] = {"code_max_chars": _GROWING_CODE_MAX_CHARS}
        tokens = _MARKDOWN.parse(tail, env)
        split, line = _last_block(tokens)
        if split:
            self._settled_html.append(_clean(_MARKDOWN.renderer.render(tokens[:split], _MARKDOWN.options, env)))
            self._settled_chars += sum(len(row) for row in tail.splitlines(keepends=True)[:line])
        return "".join(self._settled_html) + _clean(_MARKDOWN.renderer.render(tokens[split:], _MARKDOWN.options, env))


def _last_block(tokens: Sequence[Token]) -> tuple[int, int]:
    """Place of the first top-level block among the tokens that more text can still change, and its first line.

    That is the last block, or an earlier one with a formula that is still open: its end may lie far below.
    """
    last = (0, 0)
    for place, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0 and token.map:
            last = (place, token.map[0])
        if token.type == "inline" and _opens_formula(token.content):
            break
    return last


def _opens_formula(text: str) -> bool:
    return text.count("$$") % 2 == 1 or text.count(r"\[") > text.count(r"\]")


def _clean(markup: str) -> str:
    return nh3.clean(
        markup,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties={"text-align"},
    )


def _code_block(_self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, env: Any) -> str:
    token = tokens[place]
    language = token.info.split()[0] if token.info.strip() else ""
    code = _highlighted(token.content, language, env.get("code_max_chars", _CODE_MAX_CHARS))
    if not env.get("copy_buttons", True):
        return f"<pre><code>{code}</code></pre>\n"
    label = html.escape(language or "text")
    bar = f'<div class="code-bar"><span>{label}</span><button type="button" data-do="copy-code">Copy</button></div>'
    return f'<div class="code">{bar}<pre><code>{code}</code></pre></div>'


def _highlighted(code: str, language: str, max_chars: int) -> str:
    if not language or len(code) > max_chars:
        return html.escape(code)
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return html.escape(code)
    return highlight(code, lexer, HtmlFormatter(nowrap=True))


def _formula(_self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any) -> str:
    token = tokens[place]
    display = "inline" if token.type == "math_inline" else "block"
    try:
        if len(token.content) > _FORMULA_MAX_CHARS:
            raise ValueError("too long")
        mathml = latex_to_mathml(token.content.strip(), display=display)
    except Exception:  # the converter raises many things on unfinished formulas: they are shown as they are written
        mathml = f"<code>{html.escape(token.content)}</code>"
    return f'<div class="formula">{mathml}</div>' if display == "block" else mathml


def _build() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    # A picture would be fetched from wherever the model says: without the rule `![a](b)` is "!" and a link.
    markdown.disable(["image", "html_block", "html_inline"])
    markdown.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    markdown.use(texmath_plugin, delimiters="brackets")
    for token_type in _MATH_TOKENS:
        markdown.add_render_rule(token_type, _formula)
    markdown.add_render_rule("fence", _code_block)
    markdown.add_render_rule("code_block", _code_block)
    return markdown


_MARKDOWN = _build()
