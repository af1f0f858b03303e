"""Nothing that could act in a browser comes through a page, however it was written and however it is shown."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from model.catalog import PER_1000
from model.parsing import read_document
from model.types import ReadingMode
from tests.model.parsing.answers import PICTURE

HOSTILE = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<script/src=data:,alert(1)>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img src="http://evil.example/pixel.gif" alt="a">',
    '<img data-bbox="1 2 3 4" src="javascript:alert(1)" alt="&quot;><script>alert(1)</script>">',
    "<svg onload=alert(1)><circle/></svg>",
    "<svg><script>alert(1)</script></svg>",
    '<math><mtext><img src=x onerror="alert(1)"></mtext></math>',
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<object data=//evil.example/x.swf></object>",
    "<embed src=//evil.example/x.swf>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    '<p style="background:url(//evil.example/x)">a</p>',
    "<div onclick=alert(1)>a</div>",
    '<a href="javascript:alert(1)">a</a>',
    '<a href=" java&#10;script:alert(1)">a</a>',
    '<a href="data:text/html,<script>alert(1)</script>">a</a>',
    '<a href="https://a.example/)![x](http://evil.example/x">a</a>',
    '<a href="vbscript:x">a</a>',
    "<form action=//evil.example/><input name=a value='<b>'><button formaction=javascript:alert(1)>go</button></form>",
    "<video src=//evil.example/x poster=//evil.example/y></video>",
    "<audio src=//evil.example/x autoplay>",
    "<table background=//evil.example/x><tr><td background=//evil.example/y>a</td></tr></table>",
    "<table><tr><td><script>alert(1)</script><img src=//evil.example/x></td></tr></table>",
    "<table><tr><td>![x](http://evil.example/x)</td><td>[a](javascript:alert(1))</td></tr></table>",
    "<h1>&lt;img src=x onerror=alert(1)&gt;</h1>",
    "<p>&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;</p>",
    "<p>![x](http://evil.example/x) [a](javascript:alert(1)) [b]: javascript:alert(1)</p>",
    "<p>![<b>x</b>](http://evil.example/x)</p>",
    "<p>[a]<b></b>(javascript:alert(1))</p>",
    "<p>&lt;<b></b>script&gt;alert(1)</p>",
    "<p>\\</p><p>&lt;script&gt;</p>",
    "<p>`</p><p>&lt;script&gt;alert(1)&lt;/script&gt;`</p>",
    "<code>`&lt;script&gt;alert(1)&lt;/script&gt;</code>",
    "<pre>```\n&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\n```</pre>",
    "<p>$&lt;script&gt;alert(1)&lt;/script&gt;$ and $$&lt;img src=x onerror=alert(1)&gt;$$</p>",
    '<div class="formula">$$\\href{javascript:alert(1)}{a} &lt;img src=x onerror=alert(1)&gt;$$</div>',
    "<ul><li>&lt;script&gt;alert(1)&lt;/script&gt;</li><li>    &lt;script&gt;</li></ul>",
    "<blockquote>&lt;script&gt;alert(1)&lt;/script&gt;</blockquote>",
    "<!-- --><script>alert(1)</script><!-- -->",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "<textarea></textarea><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<x onpointerenter=alert(1)>a</x>",
    "![x](http://evil.example/x)",
    "[a](javascript:alert(1)) <javascript:alert(1)> <http://a.example/>",
    "[a][1]\n\n[1]: javascript:alert(1)",
    "<details ontoggle=alert(1) open>a</details>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "```\n<script>alert(1)</script>",
    "\\begin{tabular}{c}<script>alert(1)</script> & <img src=x onerror=alert(1)> \\\\\\end{tabular}",
)

ALLOWED = {
    *(
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "code",
        "strong",
        "em",
        "s",
        "br",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "a", "hr"),
}


class Tags(HTMLParser):
    """The tags with their attributes in a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def shown(markdown: str) -> str:
    """As a reader shows it that lets all HTML through."""
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))


def test_the_check_sees_what_acts() -> None:
    tags = Tags(shown("a <script>a</script> ![x](http://evil.example) [a](https://a.example)")).found
    assert [tag for tag, _ in tags] == ["p", "script", "img", "a"]


@pytest.mark.parametrize("mode", ["layout", "markdown", "tables", "text", "lines"])
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_acts(text: str, mode: ReadingMode) -> None:
    assert read_document(f'<p data-bbox="1 2 3 4">a</p>{text}', mode, PER_1000, PICTURE).blocks
    forms = (
        text,
        f'<p data-bbox="1 2 3 4">a</p>{text}',
        f"<!-- Image (1, 2, 3, 4) -->\n{text}",
        f"```html\n<body>{text}</body>\n```",
    )
    for form in forms:
        blocks = read_document(form, mode, PER_1000, PICTURE).blocks
        for markdown in [*(block.markdown for block in blocks), "\n\n".join(block.markdown for block in blocks)]:
            for tag, attributes in Tags(shown(markdown)).found:
                assert tag in ALLOWED, markdown
                assert set(attributes) <= {"href", "start", "class", "style"}, markdown
                address = attributes.get("href") or "https:"
                assert address.startswith(("http:", "https:", "mailto:")), markdown
