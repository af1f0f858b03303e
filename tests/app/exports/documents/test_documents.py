"""Every format of a read document is written and opened with the program that reads it."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pypdfium2 as pdfium
import pytest
from docx import Document as open_word
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from app.exports.documents import DOCUMENT_FORMATS, ReadPage
from app.exports.documents.base import escaped, printable
from app.markdown import parse
from model.catalog import PER_1000
from model.parsing import read_document
from model.types import Block, Cell, Table
from tests.app.exports.documents.read_pages import EVERYTHING, TABLE, read_page, written

ROOT = Path(__file__).resolve().parents[4]
UGLY = "nul\0 bell\x07 half\ud83d next\x85line \ufffe 😀 مرحبا"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def _opened(key: str, data: bytes, pages: tuple[ReadPage, ...]) -> str:
    """All text of a file, by the program for its format; a file that is broken raises."""
    if zipfile.is_zipfile(io.BytesIO(data)) and key not in ("docx", "xlsx"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            return "\n".join(archive.read(name).decode() for name in archive.namelist() if not name.endswith(".png"))
    match key:
        case "docx":
            return "\n".join(str(text) for text in open_word(io.BytesIO(data)).element.body.itertext())
        case "xlsx":
            book = openpyxl.load_workbook(io.BytesIO(data))
            return "\n".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)
        case "pdf":
            opened = pdfium.PdfDocument(data)
            assert len(opened) == len(pages)
            return "\n".join(page.get_textpage().get_text_range() for page in opened)
        case "json":
            return "\n".join(page["text"] for page in json.loads(data)["pages"])
    return data.decode()


@pytest.mark.parametrize("key", DOCUMENT_FORMATS)
@pytest.mark.parametrize(
    "pages",
    [
        (),
        (read_page(),),
        (read_page(*EVERYTHING),),
        (read_page(*EVERYTHING), read_page(number=3, fields={"total": "=1+1"})),
        (read_page(Block("text", UGLY, UGLY, (0, 0, 9, 9)), Block("table", "", table=Table(((Cell(UGLY),),)))),),
        (read_page(Block("table", "", table=Table(()))), read_page(Block("figure", ""))),
        (read_page(fields={"name": UGLY, "parts": [{"a": 1}, None, True], UGLY: 1.5}),),
        (read_page(Block("text", "far", "far", (-50, 2000, 1e9, -7)), Block("figure", "", "", (900, 900, 5, 5))),),
    ],
    ids=["no pages", "empty page", "everything", "two pages", "ugly", "empty blocks", "fields", "outside"],
)
def test_whatever_was_read_becomes_a_good_file(key: str, pages: tuple[ReadPage, ...]) -> None:
    if key == "pdf" and not pages:
        pages = (read_page(),)  # no program opens a PDF without pages
    data, notes = written(key, *pages)
    _opened(key, data, pages)
    assert all(note.endswith(".") for note in notes)


@pytest.mark.parametrize("key", ["markdown", "html", "docx", "pdf", "json", "txt"])
def test_nothing_that_was_read_is_missing(key: str) -> None:
    page = read_page(*EVERYTHING)
    text = _opened(key, written(key, page)[0], (page,))
    text = re.sub(r"<[^>]+>", "", text) if key == "html" else text
    for word in ("Title of", "longer", "three", "مرحبا بالعالم", "日本語のテキスト", "no place 😀", "y()"):
        assert word in re.sub(r"\s+", " ", text), word


class _CountedBytes(bytes):
    """Knows how many of it there are, and how many there were at most."""

    alive = 0
    most = 0

    @classmethod
    def of(cls, data: bytes) -> _CountedBytes:
        cls.alive += 1
        cls.most = max(cls.most, cls.alive)
        return cls(data)

    def __del__(self) -> None:
        type(self).alive -= 1


@pytest.mark.parametrize("key", DOCUMENT_FORMATS)
def test_pictures_are_held_one_at_a_time(key: str) -> None:
    _CountedBytes.most = 0
    page = read_page(*EVERYTHING)
    picture = page.picture()
    pages = [
        replace(page, number=n, picture=lambda: replace(picture, data=_CountedBytes.of(picture.data)))
        for n in range(45)
    ]
    written(key, *pages)
    shown = key in ("markdown", "html", "docx", "pdf")
    assert _CountedBytes.most == (1 if shown else 0), "formats without pictures open none"
    assert _CountedBytes.alive == 0


def test_file_names_say_what_is_inside() -> None:
    plain, full = [read_page()], [read_page(*EVERYTHING), read_page(*EVERYTHING)]
    names = {key: (row.file_name("x", plain), row.file_name("x", full)) for key, row in DOCUMENT_FORMATS.items()}
    assert names["markdown"] == ("x.md", "x.zip")
    assert names["csv"] == ("x.csv", "x.csv.zip")
    assert names["docx"] == ("x.docx", "x.docx")


def test_the_page_does_not_wait_for_office_libraries() -> None:
    code = "import sys, app.exports.documents\nprint([n for n in ('docx', 'openpyxl', 'pikepdf') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_markdown_has_its_figures_beside_it() -> None:
    with zipfile.ZipFile(
        io.BytesIO(written("markdown", read_page(*EVERYTHING), read_page(EVERYTHING[7]))[0])
    ) as archive:
        text = archive.read("document.md").decode()
        assert re.findall(r"!\[(.*?)]\((.*?)\)", text) == [
            ("A red disc", "figures/figure-1.png"),
            ("A red disc", "figures/figure-2.png"),
        ]
        disc = Pillow.open(io.BytesIO(archive.read("figures/figure-1.png")))
    assert disc.size == (220, 220)
    assert disc.getpixel((110, 110)) == (255, 0, 0)
    assert "# Title of *it*" in text
    assert "| =door | -90.50 |" in text


def test_markdown_of_a_page_without_figures_is_one_plain_file() -> None:
    page = read_page(Block("text", "a * b_c", ""), Block("table", "", table=TABLE), fields={"a|b": "1\n2"})
    assert written("markdown", page)[0].decode() == (
        "<!-- Page 1 -->\n\n"
        "| Field | Value |\n| --- | --- |\n| a\\|b | 1 2 |\n\n"
        "a \\* b\\_c\n\n"
        "| Part | Size |  |\n| --- | --- | --- |\n|  | w | h |\n"
        "| \\=door | \\-90\\.50 | 210 high |\n| ragged |  |  |\n\n"
    )


@given(st.text(st.sampled_from("a1 \n*_#`[]()<>&|\\~$-+.=!:\t😀é")))
def test_escaped_words_show_exactly_themselves(text: str) -> None:
    shown = ""
    for token in parse(escaped(text)):
        assert token.type in ("paragraph_open", "inline", "paragraph_close")
        for child in token.children or ():
            assert child.type in ("text", "text_special", "hardbreak", "softbreak"), child
            shown += " " if "break" in child.type else child.content
        shown += " "
    assert shown.split() == text.split()


def test_html_is_one_file_that_shows_everything() -> None:
    text = written("html", read_page(*EVERYTHING, fields={"total": "5 <b>"}))[0].decode()
    for piece in (
        "<title>in.pdf</title>",
        "<h1>Title of <em>it</em></h1>",
        '<th rowspan="2" dir="auto">Part</th><th colspan="2" dir="auto">Size</th>',
        '<math display="block"',
        'src="data:image/png;base64,',
        'alt="A red disc"',
        '<td dir="auto">5 &lt;b&gt;</td>',
    ):
        assert piece in text, piece
    assert not re.search(r"(src|href|url)\W+(https?:)?//(?!example\.org)", text)
    assert "<button" not in text


MARKED_TABLES = {
    "Markdown": "| a | b |\n|---|---|\n| $x^2$ | **bold** words |",
    "LaTeX": r"\begin{tabular}{cc} a & b \\ $x^2$ & \textbf{bold} words \\ \end{tabular}",
    "HTML": "<table><tr><td>a<td>b</tr><tr><td>$x^2$<td><b>bold</b> words</table>",
}


@pytest.mark.parametrize("form", MARKED_TABLES)
def test_cells_have_their_emphasis_and_formulas(form: str) -> None:
    page = read_page(*read_document(MARKED_TABLES[form], "tables", PER_1000).blocks)
    text = written("html", page)[0].decode()
    assert '<td dir="auto"><strong>bold</strong> words</td>' in text
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in text
    formula, words = open_word(io.BytesIO(written("docx", page)[0])).tables[0].rows[1].cells
    assert [(run.text, run.bold) for run in words.paragraphs[0].runs if run.text] == [("bold", True), (" words", None)]
    assert [(run.text, run.font.name) for run in formula.paragraphs[0].runs if run.text] == [("x^2", "Cambria Math")]
    assert list(csv.reader(io.StringIO(written("csv", page)[0].decode("utf-8-sig"))))[1] == ["$x^2$", "bold words"]


def test_cells_are_as_harmless_as_other_words() -> None:
    evil = f"**b** [x](javascript:alert(1)) ![y](https://evil.example/p.png) {HOSTILE}"
    cells = Cell("b", markdown=evil), Cell("y", markdown=f"$$\\text{{{HOSTILE}}}$$")
    text = written("html", read_page(Block("table", "b", table=Table((cells,)))))[0].decode()
    assert "<strong>b</strong>" in text
    assert not re.search(r"<(script|img|svg)|href=\W?javascript|src=\W?https", text.partition("<body>")[2])


def test_html_has_nothing_of_a_hostile_answer_that_could_act() -> None:
    evil = "[x](javascript:alert(1)) ![y](https://evil.example/p.png)"
    blocks = (
        Block("text", HOSTILE, HOSTILE + "\n\n" + evil),
        Block("heading", HOSTILE, f"# {HOSTILE}"),
        Block("code", HOSTILE, f"```html\n{HOSTILE}\n```"),
        Block("table", HOSTILE, table=Table(((Cell(HOSTILE), Cell('" onload="alert(1)', column_span=2)),))),
        Block("figure", '"><script>alert(1)</script>', "", (0, 0, 50, 50)),
        Block("formula", r"\href{javascript:alert(1)}{x}", "$$\n\\href{javascript:alert(1)}{x}\n$$"),
    )
    page = read_page(*blocks, source=f"{HOSTILE}.pdf", fields={HOSTILE: HOSTILE})
    text = written("html", page, read_page(source=HOSTILE))[0].decode()
    assert "default-src 'none'" in text
    tags = re.findall(r"<([a-zA-Z]+)((?:\s[^>]*)?)>", text)
    assert not {name for name, _ in tags} & {"script", "iframe", "object", "link", "base", "form", "svg"}
    attributes = " ".join(re.sub(r'"[^"]*"', '""', rest) for _, rest in tags)
    assert not re.search(r"\son\w+=", attributes)
    assert not re.search(r'(href|src)="(?!data:image/png;base64,|https?://)', text)
    assert not re.search(r'src="https?:', text)


def test_word_has_headings_emphasis_lists_links_and_page_breaks() -> None:
    opened = open_word(io.BytesIO(written("docx", read_page(*EVERYTHING), read_page(*EVERYTHING[:3], number=2))[0]))
    paragraphs = {paragraph.text: paragraph for paragraph in opened.paragraphs}
    title = paragraphs["Title of it"]
    assert title.style is not None
    assert title.style.name == "Heading 1"
    assert [(run.text, run.italic) for run in title.runs] == [("Title of ", None), ("it", True)]
    words = next(text for text in paragraphs if text.startswith("Some words"))
    assert [run.text for run in paragraphs[words].runs if run.bold] == ["words"]
    assert [link.address for link in paragraphs[words].hyperlinks] == ["https://example.org/"]
    styles = {text: getattr(paragraph.style, "name", "") for text, paragraph in paragraphs.items()}
    assert (styles["one"], styles["three"]) == ("List Bullet", "List Number 2")
    assert styles["Figure 1: 日本語のテキスト"] == "Caption"
    assert "if x:\n    y()" in paragraphs
    assert "x^2 = 4" in paragraphs
    assert paragraphs["مرحبا بالعالم"]._p.xpath("w:pPr/w:bidi")
    assert opened.element.xml.count('<w:br w:type="page"/>') == 1


def test_every_numbered_list_of_a_word_document_begins_anew() -> None:
    lists = [Block("list", "", f"{start}. a\n{start + 1}. b") for start in (1, 1, 5)]
    opened = open_word(io.BytesIO(written("docx", read_page(*lists))[0]))
    numbers = [paragraph._p.xpath("w:pPr/w:numPr/w:numId/@w:val") for paragraph in opened.paragraphs]
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3] != numbers[4]
    starts = opened.part.numbering_part.element.xpath("//w:startOverride/@w:val")
    assert starts == ["1", "1", "5"]


def test_word_tables_have_merged_cells_and_pictures_their_size() -> None:
    opened = open_word(io.BytesIO(written("docx", read_page(*EVERYTHING))[0]))
    cells = [[cell.text for cell in row.cells] for row in opened.tables[0].rows]
    assert cells == [
        ["Part", "Size", "Size"],
        ["Part", "w", "h"],
        ["=door", "-90.50", "210\nhigh"],
        ["ragged", "", ""],
    ]
    assert len(opened.tables[0]._tbl.xpath(".//w:tblHeader")) == 2
    disc = opened.inline_shapes[0]
    assert disc.width.inches == pytest.approx(2.2)
    assert disc._inline.docPr.get("descr") == "A red disc"


def test_a_table_too_wide_for_word_becomes_lines_and_says_so() -> None:
    wide = Table((tuple(Cell(str(number)) for number in range(64)),))
    data, notes = written("docx", read_page(Block("table", "", table=wide)))
    assert notes == ["1 table was written as lines of text: DOCX has no place for more than 63 columns."]
    assert "62\t63" in open_word(io.BytesIO(data)).paragraphs[0].text


def test_a_table_in_words_of_markdown_becomes_one_in_word() -> None:
    text = "Before\n\n| a | b |\n| --- | --- |\n| 1 | **2** |\n\n> quoted"
    opened = open_word(io.BytesIO(written("docx", read_page(Block("text", text, text)))[0]))
    assert [[cell.text for cell in row.cells] for row in opened.tables[0].rows] == [["a", "b"], ["1", "2"]]
    assert getattr(opened.paragraphs[-1].style, "name", "") == "Quote"


def test_json_is_the_answer_of_the_api() -> None:
    page = read_page(*EVERYTHING, fields={"total": 5}, problems=("The answer was cut.",))
    one = json.loads(written("json", page)[0])
    assert (one["fields"], one["problems"]) == ({"total": 5}, ["The answer was cut."])
    first = one["pages"][0]
    assert (first["page"], first["size_wh"]) == (1, [800, 1000])
    assert first["blocks"][0] == {
        **{"kind": "heading", "text": "Title of it", "markdown": "# Title of *it*"},
        **{"xyxy": [50, 40, 600, 90], "level": 1, "page": 1},
    }
    assert first["blocks"][5]["table"]["rows"][0][1] == {"text": "Size", "column_span": 2, "is_header": True}
    assert first["text"].startswith("Title of it\n\nSome words")
    assert first["markdown"].startswith("# Title of *it*\n\nSome **words**")
    two = json.loads(written("json", page, read_page(number=4))[0])
    assert two["fields"] == [{"total": 5}, {}]
    assert two["problems"] == ["Page 1: The answer was cut."]
    assert [page["page"] for page in two["pages"]] == [1, 4]


def test_plain_text_has_a_form_feed_between_pages() -> None:
    data, _ = written("txt", read_page(*EVERYTHING[:2], fields={"total": 5}), read_page(Block("text", "next", "next")))
    assert data.decode() == "total: 5\n\nTitle of it\n\nSome words that go on for longer than a line.\n\fnext\n"


def _rows(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_csv_of_one_table_is_one_file_without_formulas() -> None:
    data, notes = written("csv", read_page(*EVERYTHING))
    assert _rows(data) == [["Part", "Size", ""], ["", "w", "h"], ["'=door", "-90.50", "210\nhigh"], ["ragged", "", ""]]
    assert notes == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("=1+1", "'=1+1"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2+3", "'-2+3"),
        ),
        *(
            ("\t=1", "'\t=1"),
            ("＝1+1", "'＝1+1"),
            ("-", "-"),
            ("-1,234.50", "-1,234.50"),
            ("+3 %", "+3 %"),
            ("a=b", "a=b"),
        ),
    ],
)
def test_csv_cells_are_never_calculated_and_numbers_stay_numbers(text: str, expected: str) -> None:
    data, _ = written("csv", read_page(Block("table", "", table=Table(((Cell("x"), Cell(text)),)))))
    assert _rows(data) == [["x", expected]]


def test_csv_of_fields_has_a_row_for_each_page() -> None:
    pages = [
        read_page(fields={"shop": "A", "total": 5}, source="a.jpg"),
        read_page(fields={"total": "=6", "items": [{"name": "tea", "price": 2}, {"name": "jam"}]}, source="b.jpg"),
        read_page(source="c.jpg"),
    ]
    assert _rows(written("csv", *pages)[0]) == [
        ["Page", "shop", "total", "items"],
        ["a.jpg, page 1", "A", "5", ""],
        ["b.jpg, page 1", "", "'=6", "name: tea, price: 2; name: jam"],
        ["c.jpg, page 1", "", "", ""],
    ]


def test_csv_of_several_tables_is_a_zip_and_of_none_says_so() -> None:
    data, _ = written("csv", read_page(*EVERYTHING, *EVERYTHING, fields={"total": 5}), read_page(*EVERYTHING, number=2))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["Fields.csv", "Page_1_table_1.csv", "Page_1_table_2.csv", "Page_2.csv"]
        assert _rows(archive.read("Fields.csv")) == [["Page", "total"], ["1", "5"], ["2", ""]]
    assert written("csv", read_page()) == (b"\xef\xbb\xbf", ["There are no tables or fields on these pages."])


def test_workbook_has_merged_cells_text_and_numbers() -> None:
    table = Table((*TABLE.rows, (Cell("1,5"), Cell("007"), Cell("1.234")), (Cell("42"), Cell("3.10"), Cell("1e5"))))
    book = openpyxl.load_workbook(io.BytesIO(written("xlsx", read_page(Block("table", "", table=table)))[0]))
    sheet = book["Page 1"]
    assert sorted(str(merged) for merged in sheet.merged_cells.ranges) == ["A1:A2", "B1:C1"]
    assert (sheet["A1"].value, sheet["B1"].value, sheet["A1"].font.bold) == ("Part", "Size", True)
    assert (sheet["A3"].value, sheet["A3"].data_type, sheet["A3"].quotePrefix) == ("=door", "s", True)
    assert (sheet["B3"].value, sheet["B3"].number_format) == (-90.5, "0.00")
    assert sheet["C3"].value == "210\nhigh"
    assert [cell.value for cell in sheet[5]] == ["1,5", "007", "1.234"]
    assert [cell.value for cell in sheet[6]] == [42, 3.1, "1e5"]


def test_workbook_sheets_have_names_that_excel_accepts() -> None:
    name = "a very long name of a [file]: 'x'?*.pdf"
    pages = [read_page(*EVERYTHING, *EVERYTHING, number=number, source=f"{number}{name}") for number in (1, 2)]
    book = openpyxl.load_workbook(io.BytesIO(written("xlsx", *pages, read_page(fields={"a": 1}))[0]))
    assert len(set(book.sheetnames)) == 5
    assert all(len(title) <= 31 and not set(title) & set("[]:*?/\\") for title in book.sheetnames)


def test_workbook_without_anything_and_with_too_long_a_text_says_so() -> None:
    data, notes = written("xlsx", read_page())
    assert openpyxl.load_workbook(io.BytesIO(data)).sheetnames == ["Nothing found"]
    assert notes == ["There are no tables or fields on these pages."]
    _, notes = written("xlsx", read_page(fields={"long": "x" * 40_000}))
    assert notes == ["1 cell was cut at 32,767 characters."]


@given(st.text())
def test_printable_text_can_be_written_anywhere(text: str) -> None:
    clean = printable(text + UGLY)
    clean.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", clean)
    assert "nul bell half next\nline" in clean
