"""The PDF is read again with pdfium: what it shows, what it says, and where."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from app.exports.documents import ReadPage, searchable_pdf
from app.fonts import font_for
from model.catalog import FAMILIES
from model.errors import RequestError
from model.media import pixels, read_image, read_image_file
from model.parsing import read_document
from model.types import Block, Cell, Document, Image, Table
from tests.app.exports.documents.read_pages import EVERYTHING, page_picture, read_page, written
from tests.model.parsing.answers import REAL_OUTPUTS, media_of, needs_real_outputs, raw_text, real_cases
from tests.model.pictures import drawn, encoded

ROOT = Path(__file__).resolve().parents[4]
DPI = 100.0
Xyxy = tuple[float, float, float, float]


def _page(picture: Image, *blocks: Block, dpi: float = DPI) -> ReadPage:
    return ReadPage(1, picture.size_wh, Document(blocks), lambda: picture, dpi)


def _words_page(*words: str) -> tuple[ReadPage, list[Block]]:
    """A page with these lines one below the other, each in a box of its own."""
    blocks = [Block("text", text, text, (40, 20 + 40 * row, 740, 50 + 40 * row)) for row, text in enumerate(words)]
    return read_page(*blocks), blocks


def _opened(*pages: ReadPage) -> pdfium.PdfDocument:
    return pdfium.PdfDocument(written("pdf", *pages)[0])


def _said(page: pdfium.PdfPage) -> list[str]:
    return str(page.get_textpage().get_text_range()).split("\r\n")


def _place(page: pdfium.PdfPage, words: str, dpi: float = DPI) -> Xyxy:
    """The box around the first occurrence of some words, in pixels of the page's picture."""
    text = page.get_textpage()
    found = text.search(words, match_case=True).get_next()
    assert found, f"{words!r} is not found"
    boxes = [text.get_charbox(found[0] + offset) for offset in range(found[1])]
    left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
    scale, height = dpi / 72, page.get_height()
    return left * scale, (height - top) * scale, right * scale, (height - bottom) * scale


LINES = (
    "Invoice 2024-117, total 1,234.50 EUR",
    "Größe, naïve, Łódź, Ελληνικά, Русский",
    "日本語のテキスト、中文文本，한국어 텍스트",
    "مرحبا بالعالم العدد 12.50 ريال (قوس)",
    "می‌خواهم نمی‌شود",
    "שלום עולם 1948",
    "हिन्दी में लिखा हुआ",
    "ภาษาไทยไม่มีช่องว่าง",
    "emoji 😀 👨‍👩‍👧 𝒳",
    "e\u0301 combining, soft\u00adhyphen",
    "<00> Tj ET (Q) \\ /Words 1 Tf %",
    "x",
)


def test_every_script_is_read_back_as_it_was() -> None:
    page, _ = _words_page(*LINES)
    said = _said(_opened(page)[0])
    assert said == list(LINES)


def test_every_line_fills_its_own_box() -> None:
    page, blocks = _words_page(*LINES)
    text = _opened(page)[0].get_textpage()
    boxes = [text.get_charbox(place) for place in range(text.count_chars())]
    for words, block in zip(LINES, blocks, strict=True):
        x1, y1, x2, y2 = block.xyxy or (0.0, 0.0, 0.0, 0.0)
        on_line = [box for box in boxes if y1 < 1000 - (box[1] + box[3]) / 2 * DPI / 72 < y2 and box[2] > box[0]]
        sides = (min(box[0] for box in on_line), max(box[2] for box in on_line))
        assert [side * DPI / 72 for side in sides] == pytest.approx((x1, x2), abs=3), words


ENGLISH = (
    "Reading a page of print is what most people ask of such a program, and what they want to have in the end is a "
    "file in which every word can be found, marked and copied from the very place on which the eye sees it."
)
RUSSIAN = "Каждое слово документа должно находиться именно там, где его видит глаз читателя, а не где-нибудь рядом."
CHINESE = "每 一 个 字 都 应 该 在 读 者 看 到 它 的 地 方 被 找 到 、 标 记 和 复 制 ， 而 不 是 在 别 的 地 方 。"


@pytest.mark.parametrize("text", [ENGLISH, RUSSIAN, CHINESE], ids=["English", "Russian", "Chinese"])
@pytest.mark.parametrize("width", [250, 680])
@pytest.mark.parametrize("colors", [("white", "black"), ("#20304a", "#f0e8d0")], ids=["dark on light", "light on dark"])
def test_words_of_a_printed_paragraph_lie_where_they_are_seen(text: str, width: int, colors: tuple[str, str]) -> None:
    """Only the paragraph's box is known, and it is larger than the print."""
    font = ImageFont.truetype(str(font_for(text)), 24)
    picture = Pillow.new("RGB", (800, 700), colors[0])
    words = list(_draw(ImageDraw.Draw(picture), text, font, (60, 40), width, 36, colors[1]))
    bottom = max(y2 for _, (_, _, _, y2) in words)
    page = _page(read_image(encoded(picture), "print.png"), Block("text", text, text, (50, 35, 70 + width, bottom + 5)))
    opened = _opened(page)[0]
    assert " ".join(_said(opened)).split() == text.split()
    off = [word for word, box in words if text.count(word) == 1 and not _is_about(_place(opened, word), box)]
    assert len(off) <= len(words) // 20, off


def test_words_of_a_printed_page_without_any_boxes_lie_where_they_are_seen() -> None:
    """As plain text and Markdown are read: the page's own print tells the places."""
    picture = Pillow.new("RGB", (800, 700), "white")
    draw, (heading, text) = ImageDraw.Draw(picture), ("What readers want", ENGLISH)
    large, usual = (ImageFont.truetype(str(font_for(text)), size) for size in (40, 24))
    words = [
        *_draw(draw, heading, large, (60, 40), 680, 60, "black"),
        *_draw(draw, text, usual, (60, 120), 680, 36, "black"),
        *_draw(draw, "The end", usual, (60, 400), 680, 36, "black"),
    ]
    blocks = [Block("heading", heading), Block("text", text), Block("text", "The end")]
    opened = _opened(_page(read_image(encoded(picture), "print.png"), *blocks))[0]
    said = "\n".join(block.text for block in blocks)
    off = [word for word, box in words if said.count(word) == 1 and not _is_about(_place(opened, word), box)]
    assert len(off) <= len(words) // 20, off


def _is_about(found: Xyxy, wanted: Xyxy) -> bool:
    """Whether the centre is within the other box, or before or behind it by less than a letter."""
    x, y = (found[0] + found[2]) / 2, (found[1] + found[3]) / 2
    return wanted[0] - 24 < x < wanted[2] + 24 and wanted[1] < y < wanted[3]


@needs_real_outputs
def test_a_page_read_by_a_large_model_has_its_words_in_their_lines() -> None:
    """Lines as they are printed; in justified print a line in four may be broken a word too early or too late."""
    case = next(case for case in real_cases() if case["id"] == "q25_html_report_page")
    image = read_image_file(REAL_OUTPUTS / case["image"])
    family = FAMILIES[case["model_family"]]
    document = read_document(raw_text(case), "layout", family.convention, media_of(case)[0])
    opened = _opened(ReadPage(1, image.size_wh, document, lambda: image, DPI))[0]
    printed = (
        "Qwen2.5 Technical Report",
        "Qwen Team",
        "Abstract",
        "In this report, we introduce Qwen2.5, a comprehensive series of large language models",
        "(LLMs) designed to meet diverse needs. Compared to previous iterations, Qwen 2.5 has",
        "been significantly improved during both the pre-training and post-training stages. In",
        "terms of pre-training, we have scaled the high-quality pre-training datasets from the",
        "GRPO. Post-training techniques significantly enhance human preference, and notably",
        "improve long text generation, structural data analysis, and instruction following.",
        "To handle diverse and varied use cases effectively, we present Qwen2.5 LLM series in rich",
        "configurations. The open-weight offerings include base models and instruction-tuned",
        "from Hugging Face Hub, ModelScope, and Kaggle. In addition, for hosted solutions, the",
        "a number of open and proprietary models and demonstrates competitive performance to",
        "the state-of-the-art open-weight model, Llama-3-405B-Instruct, which is around 5 times",
        "foundation, Qwen2.5 models have been instrumental in training specialized models such",
        "within the Qwen series, especially in terms of domain expertise, underscoring the importance of scale",
    )
    said = _said(opened)
    assert len([line for line in printed if line in said]) >= len(printed) * 0.75
    x1, y1, x2, y2 = _place(opened, "Abstract")
    assert (x1, y1, x2, y2) == pytest.approx((443, 294, 533, 312), abs=4)


def test_lines_that_are_not_seen_are_spread_over_their_box() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve"
    page = read_page(Block("text", text, text, (100, 100, 400, 220)))
    opened = _opened(page)[0]
    said = _said(opened)
    assert 2 <= len(said) <= 5
    assert " ".join(said) == text
    assert _place(opened, said[0])[:2] == pytest.approx((100, 100), abs=3)
    assert _place(opened, said[-1])[3] == pytest.approx(220, abs=3)


def _draw(
    draw: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont,
    xy: tuple[int, int],
    width: int,
    pitch: int,
    color: str,
) -> Iterator[tuple[str, Xyxy]]:
    """Write words line by line; yields each with its box."""
    x, y = map(float, xy)
    for word in text.split():
        if x + font.getlength(word) > xy[0] + width:
            x, y = float(xy[0]), y + pitch
        draw.text((x, y), word, color, font)
        yield word, (x, y, x + font.getlength(word), y + pitch)
        x += font.getlength(f"{word} ")


def test_cells_of_a_table_are_read_row_by_row_and_lie_in_their_places() -> None:
    table = Table(tuple(tuple(Cell(f"r{row}c{column}") for column in range(4)) for row in range(5)))
    opened = _opened(read_page(Block("table", "", table=table, xyxy=(100, 100, 700, 600))))[0]
    assert _said(opened) == [" ".join(f"r{row}c{column}" for column in range(4)) for row in range(5)]
    for row in range(5):
        for column in range(4):
            x1, y1, x2, y2 = _place(opened, f"r{row}c{column}")
            assert 100 + 150 * column - 2 <= x1 < x2 <= 100 + 150 * (column + 1)
            assert 100 + 100 * row - 2 <= y1 < y2 <= 100 + 100 * (row + 1) + 2


def test_text_without_a_place_is_found_on_its_page() -> None:
    opened = _opened(read_page(), read_page(Block("text", "lost words", "lost words")))
    assert _said(opened[0]) == [""]
    x1, y1, x2, y2 = _place(opened[1], "lost words")
    assert 0 <= x1 < x2 <= 800
    assert -2 <= y1 < y2 <= 100, "in letters of the size of print"


def test_pages_look_as_their_pictures_do() -> None:
    """The words are there and not seen."""
    page = read_page(*EVERYTHING)
    opened = _opened(page)[0]
    assert opened.get_size() == pytest.approx((800 * 0.72, 1000 * 0.72))
    shown = np.asarray(opened.render(scale=DPI / 72).to_pil().convert("RGB"), dtype=int)
    wanted = np.asarray(pixels(page_picture()), dtype=int)
    assert shown.shape == wanted.shape
    assert np.abs(shown - wanted).mean() < 0.5


def _noise(size_wh: tuple[int, int], mode: str = "RGB") -> Pillow.Image:
    channels = {"RGB": 3, "CMYK": 4}[mode]
    random = np.random.default_rng(0).integers(0, 255, (size_wh[1], size_wh[0], channels), dtype=np.uint8)
    return Pillow.fromarray(random, mode)


def test_a_jpeg_goes_in_as_it_is() -> None:
    data = encoded(drawn(), "JPEG")
    with pikepdf.open(io.BytesIO(written("pdf", _page(read_image(data, "a.jpg")))[0])) as opened:
        assert opened.pages[0].Resources.XObject.Page.read_raw_bytes() == data


def _turned(picture: Pillow.Image) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    return encoded(picture, "JPEG", exif=exif.tobytes())


@pytest.mark.parametrize(
    "data",
    [
        *(encoded(drawn(), "JPEG"), encoded(drawn().convert("L"), "JPEG"), encoded(drawn().convert("CMYK"), "JPEG")),
        *(_turned(drawn()), encoded(drawn().convert("P")), encoded(drawn().convert("RGBA")), encoded(drawn(), "WEBP")),
        *(encoded(drawn().convert("L")), encoded(drawn().convert("1")), encoded(drawn(), "GIF"), encoded(drawn())),
    ],
    ids=["jpeg", "grey jpeg", "cmyk", "turned", "palette", "alpha", "webp", "grey png", "bits", "gif", "png"],
)
def test_every_kind_of_picture_is_shown_right(data: bytes) -> None:
    image = read_image(data, "picture")
    shown = _opened(_page(image, dpi=72.0))[0].render(scale=1).to_pil().convert("RGB")
    assert shown.size == image.size_wh
    difference = np.abs(np.asarray(shown, dtype=int) - np.asarray(pixels(image), dtype=int))
    assert difference.mean() < 4


def test_a_scan_kept_as_png_does_not_make_a_huge_file() -> None:
    data = encoded(_noise((600, 800)))
    assert len(written("pdf", _page(read_image(data, "scan.png")))[0]) < len(data) * 0.7


def test_pages_of_all_sizes_stay_within_what_pdf_allows() -> None:
    tall = read_image(encoded(Pillow.new("RGB", (30, 3000))), "tall.png")
    opened = _opened(_page(tall, Block("text", "high", "high", (0, 0, 30, 3000)), dpi=10.0), read_page())
    assert opened[0].get_size() == pytest.approx((144, 14_400))
    assert opened[1].get_size() == pytest.approx((576, 720))
    assert "high" in _said(opened[0])[0]


def test_more_characters_than_a_font_has_codes_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searchable_pdf, "_CODE_MAX", 6)
    page, _ = _words_page("begins", "zebra")
    assert _said(_opened(page)[0]) == ["begins", "bebbb"]


def test_a_pdf_of_no_pages_is_refused_in_one_sentence() -> None:
    with pytest.raises(RequestError, match="no pages"):
        written("pdf")


def test_pages_without_words_are_told() -> None:
    _, notes = written("pdf", read_page(*EVERYTHING), read_page(EVERYTHING[7]), read_page())
    assert notes == ["2 pages have no words to be found by: only the picture is there."]


_THOUSAND_PAGES = """
import hashlib, io, resource, sys, tempfile
import numpy as np
import pypdfium2 as pdfium
from PIL import Image as Pillow
from app.exports.documents import DOCUMENT_FORMATS, ReadPage
from model.types import Block, Document, Image

noise = np.random.default_rng(0).integers(0, 255, (28, 20, 3), dtype=np.uint8)
encoded = io.BytesIO()
Pillow.fromarray(noise).save(encoded, "JPEG", quality=100, subsampling=0)
# What is behind a picture's end is no part of it: large files that are quickly decoded.
jpeg = encoded.getvalue() + np.random.default_rng(1).bytes(150_000)

def picture(number):
    data = jpeg + number.to_bytes(4, "big")
    return Image(data, hashlib.sha256(data).hexdigest(), (20, 28), "image/jpeg", f"{number}.jpg")

def pages(count):
    text = "{} words to be found on this page"
    return [
        ReadPage(n, (20, 28), Document((Block("text", text.format(n)),)), lambda n=n: picture(n))
        for n in range(1, count + 1)
    ]

def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

with tempfile.TemporaryFile() as file:
    DOCUMENT_FORMATS["pdf"].write(pages(60), file)
before = peak_kib()
with tempfile.TemporaryFile() as file:
    DOCUMENT_FORMATS["pdf"].write(pages(1000), file)
    growth, size = peak_kib() - before, file.seek(0, 2)
    document = pdfium.PdfDocument(file)
    print(growth / 1024, size / 2**20, len(document), document[999].get_textpage().get_text_range())
"""


def test_a_thousand_pages_take_the_memory_of_a_few() -> None:
    done = subprocess.run([sys.executable, "-c", _THOUSAND_PAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    growth_mib, size_mib, count, text = done.stdout.strip().split(maxsplit=3)
    assert (count, text) == ("1000", "1000 words to be found on this page")
    assert float(size_mib) > 100
    assert float(growth_mib) < 50
