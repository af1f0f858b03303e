"""PDF files made for tests: pages of any size and turn, with words at known places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name


@dataclass(frozen=True)
class Page:
    """Sizes in points. `words` are (x, y, text) counted from the lower left corner; a black square is at `mark`."""

    size_wh: tuple[float, float] = (612, 792)
    rotate: int = 0
    words: tuple[tuple[float, float, str], ...] = ()
    mark: tuple[float, float, float, float] | None = None
    crop: tuple[float, float, float, float] | None = None


def build_pdf(pages: Sequence[Page]) -> pikepdf.Pdf:
    pdf = pikepdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for page in pages:
        words = [f"BT /F1 12 Tf {x} {y} Td ({text}) Tj ET" for x, y, text in page.words]
        mark = ["{} {} {} {} re f".format(*page.mark)] if page.mark else []
        described = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, *page.size_wh]),
            Rotate=page.rotate,
            Resources=Dictionary(Font=Dictionary(F1=font)),
            Contents=pdf.make_stream("\n".join(words + mark).encode()),
        )
        if page.crop:
            described.CropBox = Array(list(page.crop))
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(described)))
    return pdf


def write_pdf(path: Path, *pages: Page, password: str | None = None) -> Path:
    """The file, encrypted if it has a password."""
    encryption = pikepdf.Encryption(user=password, owner="owner") if password else False
    build_pdf(pages).save(path, encryption=encryption)
    return path


def write_endless_pdf(path: Path) -> Path:
    """A first page that nobody could draw to its end, a form of forms of forms, and a second one with a square."""
    pdf = pikepdf.new()
    inner = None
    for _ in range(12):
        form = pdf.make_stream(b"/X Do " * 12 if inner else b"0 0 9 9 re f " * 10)
        form.stream_dict.update(Dictionary(Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 600, 800])))
        form.Resources = Dictionary(XObject=Dictionary(X=inner)) if inner else Dictionary()
        inner = pdf.make_indirect(form)
    for content in (b"/X Do", b"0 0 306 396 re f"):
        described = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, 612, 792]),
            Resources=Dictionary(XObject=Dictionary(X=inner)),
            Contents=pdf.make_stream(content),
        )
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(described)))
    pdf.save(path)
    return path
