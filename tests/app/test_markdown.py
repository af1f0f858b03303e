"""A model's text as HTML: readable, and unable to do anything."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.markdown import MarkdownStream, to_html

EVERYTHING = r"""# Title

Words with **weight**, `code < 1`, $a_1$ and \(b\). It costs $5 or $10.
Same paragraph.

\[ \frac{1}{2} \]

$$
\int_0^1 x^2\,dx
$$

| a | b |
|:-:|---|
| 1 | 2 |

- one
- two

  still two
1. first

```python
def f(x: int) -> str:
    return "<b>"
```

    indented

> quoted <ref>cup</ref><box>(1,2),(3,4)</box>
"""


def test_the_usual_markdown_becomes_html() -> None:
    shown = to_html(EVERYTHING)
    for piece in ("<h1>Title</h1>", "<strong>weight</strong>", "<table>", "<li>", "<blockquote>", "<code>code &lt; 1"):
        assert piece in shown
    assert '<th style="text-align:center">' in shown
    assert shown.count("<math") == 4
    assert "<mfrac>" in shown
    assert "$5 or $10" in shown
    assert '<span class="k">def</span>' in shown


def test_tags_of_the_model_are_shown_and_not_swallowed() -> None:
    assert "&lt;ref&gt;cup&lt;/ref&gt;&lt;box&gt;(1,2),(3,4)&lt;/box&gt;" in to_html(EVERYTHING)
    assert "&lt;|box_start|&gt;" in to_html("<|box_start|>")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<style>*{display:none}</style>",
        '<base href="https://evil.example/">',
        "[click](javascript:alert(1))",
        "[click](data:text/html,<script>alert(1)</script>)",
        "![](https://evil.example/pixel.png)",
        "![x][r]\n\n[r]: https://evil.example/pixel.png",
        "<iframe src=//evil.example></iframe>",
        "<svg onload=alert(1)>",
        r"$\href{javascript:alert(1)}{x}$",
        r"$\text{<img src=x onerror=alert(1)>}$",
        "```html\n<script>alert(1)</script>\n```",
        '```"><img src=x onerror=alert(1)>\nx\n```',
        "<form action=//evil.example><button>x</button></form>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_hostile_text_is_inert(hostile: str) -> None:
    shown = to_html(hostile)
    tags = re.findall(r"<([a-z0-9]+)", shown)
    assert not {"script", "img", "style", "base", "iframe", "svg", "form", "input", "object", "link"} & set(tags)
    inside_tags = " ".join(re.findall(r"<[^>]*>", shown))
    assert not re.search(r"\son\w+=|javascript:|data:|src=|evil\.example/pixel.*src", inside_tags)


def test_a_link_opens_outside_and_tells_nobody_where_it_was() -> None:
    shown = to_html("[link](https://example.org)")
    assert 'target="_blank"' in shown
    assert "noreferrer" in shown
    assert "noopener" in shown


@pytest.mark.parametrize("size", [1, 3, 17, 200])
def test_growing_text_ends_as_the_whole_does(size: int) -> None:
    stream = MarkdownStream()
    for end in range(0, len(EVERYTHING), size):
        stream.to_html(EVERYTHING[:end])
    assert stream.to_html(EVERYTHING) == to_html(EVERYTHING)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(EVERYTHING.split("\n")), max_size=20).map("\n".join), st.integers(1, 30))
def test_growing_text_ends_as_the_whole_does_for_any_order_of_lines(text: str, size: int) -> None:
    stream = MarkdownStream()
    for end in range(0, len(text), size):
        stream.to_html(text[:end])
    assert stream.to_html(text) == to_html(text)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="<>&\"'`*_[]()!$\\|#-\n ab:/=", max_size=80))
def test_no_text_gets_a_tag_of_its_own_through(text: str) -> None:
    tags = set(re.findall(r"<([a-z0-9]+)", to_html(text)))
    assert not tags & {"script", "img", "style", "base", "iframe", "svg", "form", "input", "object", "link"}


def test_settled_blocks_are_not_rendered_again() -> None:
    """Ten times the text costs about ten times as much, not a hundred times."""

    def cost(blocks: int) -> float:
        text = EVERYTHING * blocks
        stream, started = MarkdownStream(), time.process_time()
        for end in range(0, len(text), 50):
            stream.to_html(text[:end])
        return time.process_time() - started

    assert cost(20) < 40 * max(cost(2), 0.01)
