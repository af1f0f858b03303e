"""PDF: the pictures of the pages, and over each its words, unseen but found, chosen and copied where they stand.

The words are drawn in text rendering mode 3, which shows nothing (ISO 32000-1, 9.3.6). Their font has boxes for letters
and can have every character of every script, so that no installed font is needed; its `ToUnicode` table says what each
is. Letters stand in the order in which they are seen, as readers of PDF expect it: lines from right to left are turned
by the Unicode bidirectional algorithm. Pages are written in batches to temporary files, which qpdf joins without
holding all of them in memory.
"""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np
from bidi.algorithm import get_display
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from pikepdf import AccessMode, Dictionary, Job, Name, Pdf, Stream
from PIL import Image as Pillow

from app.exports.base import picture_file
from app.exports.documents.base import ReadPage, compact, is_right_to_left, printable
from app.exports.documents.text_layer import WIDTHS_EM, Line, lines_of, width_class, width_em
from model.errors import RequestError
from model.media import pixels
from model.types import Image

_BATCH_PAGES = 20
_POINTS_PER_INCH = 72.0
_SIDE_MAX_POINTS = 14_400.0  # ISO 32000-1, annex C.2
_ASCENT, _DESCENT = 800, -200  # thousandths of the size of the letters
_CODE_MAX = 0xFFFF
# Joiners and soft hyphens take no part in the algorithm, which drops them: marks stand in for them meanwhile.
_STAND_INS = {0x200C: 0xFE00, 0x200D: 0xFE01, 0x00AD: 0xFE02}
_STOOD_FOR = {stand_in: character for character, stand_in in _STAND_INS.items()}


def write(pages: Sequence[ReadPage], file: IO[bytes]) -> list[str]:
    """Raises `RequestError` without any pages: no program opens such a PDF."""
    if not pages:
        raise RequestError("There are no pages to write. Read one first.")
    font, wordless = _Font(), 0
    with tempfile.TemporaryDirectory() as folder:
        parts, joined = [], Path(folder) / "joined.pdf"
        for first in range(0, len(pages), _BATCH_PAGES):
            parts.append(Path(folder) / f"{first}.pdf")
            wordless += _write_batch(pages[first : first + _BATCH_PAGES], font, parts[-1])
        # Unlike `Pdf.pages.extend`, this copies from file to file.
        Job({"empty": "", "pages": [{"file": str(part)} for part in parts], "outputFile": str(joined)}).run()
        with Pdf.open(joined, access_mode=AccessMode.stream) as whole:
            shared = font.in_pdf(whole)
            for page in whole.pages:
                page.Resources.Font = Dictionary(Words=shared)
            whole.docinfo["/Title"] = printable(next((page.source for page in pages if page.source), ""))
            whole.save(cast(BinaryIO, file))
    have = "1 page has" if wordless == 1 else f"{wordless:,} pages have"
    return [f"{have} no words to be found by: only the picture is there."] if wordless else []


def _write_batch(pages: Sequence[ReadPage], font: _Font, path: Path) -> int:
    """Write these pages to a file of their own; returns how many have no words."""
    with Pdf.new() as pdf:
        wordless = sum(not _add_page(pdf, page, font) for page in pages)
        pdf.save(path)
    return wordless


def _add_page(pdf: Pdf, page: ReadPage, font: _Font) -> bool:
    """Add the picture and the words; returns whether there are any."""
    width, height = page.size_wh
    scale = min(_POINTS_PER_INCH / page.dpi, _SIDE_MAX_POINTS / max(page.size_wh))
    data, suffix = _picture_file(page.picture())
    grey = np.asarray(Pillow.open(io.BytesIO(data)).convert("L"))
    words = "\n".join(font.draw(line, height) for line in lines_of(page, grey) if width_em(line.text))
    added = pdf.add_blank_page(page_size=(width * scale, height * scale))
    # Inside, a unit is a pixel of the page's picture.
    content = f"{scale:f} 0 0 {scale:f} 0 0 cm\nq {width} 0 0 {height} 0 0 cm /Page Do Q\nBT 3 Tr\n{words}\nET"
    added.Contents = pdf.make_stream(content.encode())
    added.Resources = Dictionary(XObject=Dictionary(Page=_embedded(pdf, data, suffix)))
    return bool(words)


def _picture_file(image: Image) -> tuple[bytes, str]:
    """The picture upright as a file, with its suffix, whose pixels can go into a PDF as they are."""
    data, suffix = picture_file(image)
    if _fits_jpeg(data) if suffix == ".jpg" else suffix == ".png" and _fits_png(data, image):
        return data, suffix
    data, media_type = compact(pixels(image))
    return data, {"image/jpeg": ".jpg", "image/png": ".png"}[media_type]


def _embedded(pdf: Pdf, data: bytes, suffix: str) -> Stream:
    """The contents of a JPEG, or the compressed rows of a PNG (ISO 32000-1, 7.4)."""
    header = Pillow.open(io.BytesIO(data))
    about: dict[str, Any] = {"Width": header.width, "Height": header.height, "BitsPerComponent": 8}
    about["ColorSpace"] = Name.DeviceGray if header.mode == "L" else Name.DeviceRGB
    if suffix == ".png":
        rows = Dictionary(Predictor=15, Colors=3, BitsPerComponent=8, Columns=header.width)
        about |= {"Filter": Name.FlateDecode, "DecodeParms": rows}
        data = b"".join(_png_chunks(data, b"IDAT"))
    else:
        about["Filter"] = Name.DCTDecode
    return pdf.make_stream(data, Type=Name.XObject, Subtype=Name.Image, **about)


def _fits_jpeg(data: bytes) -> bool:
    """Inks of CMYK files are turned about in some, which PDF would have to be told."""
    return Pillow.open(io.BytesIO(data)).mode in ("RGB", "L")


def _fits_png(data: bytes, image: Image) -> bool:
    """8-bit RGB, not interlaced, nothing transparent; not a photograph, which is far smaller as a JPEG."""
    width, height = image.size_wh
    is_plain = data[24:29] == b"\x08\x02\0\0\0" and not any(_png_chunks(data, b"tRNS"))
    return is_plain and len(data) < width * height


def _png_chunks(data: bytes, kind: bytes) -> Iterator[bytes]:
    """The contents of all chunks of that kind (https://www.w3.org/TR/png-3/#5Chunk-layout)."""
    place = 8
    while place + 8 <= len(data):
        length, found = struct.unpack_from(">I4s", data, place)
        if found == kind:
            yield data[place + 8 : place + 8 + length]
        place += 12 + length


class _Font:
    """The characters that were used so far, in the order of their codes, which are two bytes from 1."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def draw(self, line: Line, page_height: int) -> str:
        """The operators that set a line of text, in pixels of the page with y upwards."""
        text = _as_seen(line.text)
        x1, _, x2, y2 = line.xyxy
        size = y2 - line.xyxy[1]
        percent = 100 * (x2 - x1) / (width_em(text) * size)
        y = page_height - y2 - size * _DESCENT / 1000
        return f"/Words {size:.3f} Tf {percent:.3f} Tz 1 0 0 1 {x1:.3f} {y:.3f} Tm <{self._encoded(text)}> Tj"

    def _encoded(self, text: str) -> str:
        return "".join(f"{self._code(character):04x}" for character in text)

    def _code(self, character: str) -> int:
        if len(self._codes) >= _CODE_MAX:
            return self._codes.get(character, 1)
        return self._codes.setdefault(character, len(self._codes) + 1)

    def in_pdf(self, pdf: Pdf) -> Dictionary:
        """A composite font (ISO 32000-1, 9.7) with a glyph for each width that a character can have."""
        classes = [width_class(character) for character in self._codes]
        descriptor = {
            **{"/Type": Name.FontDescriptor, "/FontName": Name.Words, "/Flags": 4, "/StemV": 80, "/ItalicAngle": 0},
            **{"/FontBBox": [0, _DESCENT, 1000, _ASCENT], "/CapHeight": _ASCENT},
            **{"/Ascent": _ASCENT, "/Descent": _DESCENT, "/FontFile2": pdf.make_stream(_font_file())},
        }
        letters = {
            **{"/Type": Name.Font, "/Subtype": Name.CIDFontType2, "/BaseFont": Name.Words},
            "/CIDSystemInfo": Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
            "/FontDescriptor": pdf.make_indirect(Dictionary(descriptor)),
            "/W": [1, [round(1000 * WIDTHS_EM[number]) for number in classes]],
            "/CIDToGIDMap": pdf.make_stream(struct.pack(f">{len(classes) + 1}H", 0, *(i + 1 for i in classes))),
        }
        font = {
            **{"/Type": Name.Font, "/Subtype": Name.Type0, "/BaseFont": Name.Words},
            "/Encoding": Name("/Identity-H"),
            "/DescendantFonts": [pdf.make_indirect(Dictionary(letters))],
            "/ToUnicode": pdf.make_stream(_to_unicode(self._codes).encode()),
        }
        return pdf.make_indirect(Dictionary(font))


def _as_seen(text: str) -> str:
    """The characters from left to right."""
    if not any(is_right_to_left(character) for character in text):
        return text
    return str(get_display(text.translate(_STAND_INS))).translate(_STOOD_FOR)


def _font_file() -> bytes:
    """A TrueType font whose glyphs are boxes of the widths `WIDTHS_EM`."""
    names = [".notdef", *(f"box{number}" for number in range(len(WIDTHS_EM)))]
    widths = dict(zip(names, (1000, *(round(1000 * width) for width in WIDTHS_EM)), strict=True))
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({})
    builder.setupGlyf({name: _box(width) for name, width in widths.items()})
    builder.setupHorizontalMetrics({name: (width, 0) for name, width in widths.items()})
    builder.setupHorizontalHeader(ascent=_ASCENT, descent=_DESCENT)
    builder.setupNameTable({"familyName": "Words", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=_ASCENT, sTypoDescender=_DESCENT, usWinAscent=_ASCENT, usWinDescent=-_DESCENT)
    builder.setupPost(keepGlyphNames=False)
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()


def _box(width: int) -> Any:
    pen = TTGlyphPen(None)
    pen.moveTo((0, _DESCENT))
    for corner in ((0, _ASCENT), (width, _ASCENT), (width, _DESCENT)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


def _to_unicode(codes: dict[str, int]) -> str:
    """The table from codes to characters (Adobe Technical Note 5014; at most 100 rows in a section)."""
    rows = [f"<{code:04x}> <{character.encode('utf-16-be').hex()}>" for character, code in codes.items()]
    sections = (rows[first : first + 100] for first in range(0, len(rows), 100))
    table = "".join(f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar\n" for part in sections)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{table}"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    )
