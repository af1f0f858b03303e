"""Documents: pages as pictures, their own words in the right places, and what is refused in a plain sentence."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image as Pillow

from model.documents import (
    DEFAULT_LIMITS,
    DocumentLimits,
    open_document,
    page_dpi,
    page_image,
    page_text,
    page_thumbnail,
)
from model.errors import MediaError, MediaTooLarge, PasswordNeeded
from model.media import Limits, pixels
from model.types import Image
from tests.model.pdfs import Page, build_pdf, write_pdf

ROOT = Path(__file__).resolve().parents[2]


def dark_box(image: Image) -> tuple[int, int, int, int]:
    """The box around everything dark, in pixels."""
    dark = np.asarray(pixels(image).convert("L")) < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_pages_of_a_pdf_are_pictures_of_their_sizes(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "mixed.pdf", Page((612, 792)), Page((842, 595)), Page((144, 72)))
    document = open_document(path)
    assert (document.name, document.media_type, document.page_count) == ("mixed.pdf", "application/pdf", 3)
    assert document.notices == ()
    assert [page_image(document, page, dpi=72).size_wh for page in (1, 2, 3)] == [(612, 792), (842, 595), (144, 72)]
    assert page_image(document, 3, dpi=144).size_wh == (288, 144)
    assert page_image(document, 2).name == "mixed-2.png"


def test_the_same_page_has_the_same_bytes(tmp_path: Path) -> None:
    document = open_document(write_pdf(tmp_path / "a.pdf", Page(words=((100, 700, "Hello"),))))
    assert page_image(document, 1).sha256 == page_image(document, 1).sha256


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (50, 100, 550, 700)])
def test_own_words_lie_where_they_are_seen(tmp_path: Path, rotate: int, crop: tuple[float, ...] | None) -> None:
    page = Page(rotate=rotate, words=((120, 600, "Upper"), (300, 200, "lower words")), crop=crop)  # type: ignore[arg-type]  # four numbers
    document = open_document(write_pdf(tmp_path / "a.pdf", page))
    image = page_image(document, 1, dpi=144)
    found = page_text(document, 1, image.size_wh)
    assert sorted(line.text for line in found.lines) == ["Upper", "lower words"]
    boxes = [line.xyxy for line in found.lines]
    left, top, right, bottom = dark_box(image)
    xs, ys = [x for box in boxes for x in box[::2]], [y for box in boxes for y in box[1::2]]
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((left, top, right, bottom), abs=4)


def test_lines_are_told_apart_and_in_order(tmp_path: Path) -> None:
    words = tuple((100.0, 700.0 - 20 * index, f"Line {index}") for index in range(20))
    document = open_document(write_pdf(tmp_path / "a.pdf", Page(words=words)))
    found = page_text(document, 1, (612, 792))
    assert found.text.split("\n") == [text for _, _, text in words]
    tops = [line.xyxy[1] for line in found.lines]
    assert tops == sorted(tops)


def test_a_scan_has_no_words_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    Pillow.new("RGB", (200, 100), "white").save(path)
    assert page_text(open_document(path), 1, (200, 100)).lines == ()


def test_a_200_inch_page_is_bounded(tmp_path: Path) -> None:
    document = open_document(write_pdf(tmp_path / "poster.pdf", Page((14_400, 14_400), mark=(0, 7200, 7200, 7200))))
    image = page_image(document, 1)
    width, height = image.size_wh
    assert 3000**2 < width * height <= DEFAULT_LIMITS.max_page_pixels
    assert dark_box(image) == pytest.approx((0, 0, width / 2, height / 2), abs=2)


@pytest.mark.parametrize(
    ("size_wh", "rotate"), [((14_400, 14_400), 0), ((2384, 3370), 0), ((2384, 3370), 90), ((595, 842), 0)]
)
def test_however_small_a_page_is_made_its_inches_are_known(
    tmp_path: Path, size_wh: tuple[int, int], rotate: int
) -> None:
    document = open_document(write_pdf(tmp_path / "map.pdf", Page(size_wh, rotate=rotate)))
    limits = DocumentLimits(max_page_pixels=500_000)
    page = page_image(document, 1, 72.0, limits)
    dpi = page_dpi(document, 1, page.size_wh, 72.0, limits)
    points_wh = size_wh[::-1] if rotate else size_wh
    assert [side / dpi * 72 for side in page.size_wh] == pytest.approx(points_wh, rel=0.005)


@pytest.mark.parametrize(
    ("suffix", "written", "expected"),
    [("jpg", 300, 300), ("png", 200, 200), ("tiff", 400, 400), ("png", None, 150), ("jpg", 72, 150), ("jpg", 1, 150)],
)
def test_a_picture_has_as_many_dots_an_inch_as_it_says(
    tmp_path: Path, suffix: str, written: int | None, expected: float
) -> None:
    path = tmp_path / f"scan.{suffix}"
    resolution: dict[str, Any] = {"dpi": (written, written)} if written else {}
    Pillow.new("RGB", (60, 40)).save(path, **resolution)
    assert page_dpi(open_document(path), 1, (60, 40)) == pytest.approx(expected, abs=0.1)


def test_a_page_like_a_ribbon_is_refused_alone(tmp_path: Path) -> None:
    document = open_document(write_pdf(tmp_path / "ribbon.pdf", Page((14_400, 20)), Page()))
    with pytest.raises(MediaError, match="one side may be at most"):
        page_image(document, 1)
    assert page_image(document, 2).size_wh == (1275, 1650)


def test_an_encrypted_file_asks_for_its_password(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "locked.pdf", Page(words=((100, 700, "secret"),)), password="pässword")
    with pytest.raises(PasswordNeeded, match="Type its password"):
        open_document(path)
    with pytest.raises(PasswordNeeded, match="does not open"):
        open_document(path, password="wrong")
    document = open_document(path, password="pässword")
    assert page_text(document, 1, page_image(document, 1).size_wh).text == "secret"
    assert "pässword" not in repr(document)


def test_a_file_that_opens_for_everybody_needs_no_password(tmp_path: Path) -> None:
    path = tmp_path / "owned.pdf"
    build_pdf([Page()]).save(path, encryption=pikepdf.Encryption(user="", owner="owner"))
    assert open_document(path).page_count == 1


def test_scripts_and_attachments_do_nothing(tmp_path: Path) -> None:
    pdf = build_pdf([Page(words=((100, 700, "words"),))])
    script = Dictionary(S=Name.JavaScript, JS='app.alert("hi"); this.pageNum = 3; app.launchURL("http://127.0.0.1:9/")')
    pdf.Root.OpenAction = script
    pdf.pages[0].AA = Dictionary(O=script)
    pdf.attachments["run.exe"] = b"MZ"
    path = tmp_path / "active.pdf"
    pdf.save(path)
    document = open_document(path)
    assert document.page_count == 1
    assert page_text(document, 1, page_image(document, 1).size_wh).text == "words"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["active.pdf"]


def test_what_was_filled_into_a_form_is_seen(tmp_path: Path) -> None:
    pdf = build_pdf([Page((200, 200))])
    look = pdf.make_stream(b"0 0 100 50 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 100, 50]))
    field = Dictionary(
        Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T="name", V="Ada", Rect=Array([50, 100, 150, 150]), F=4
    )
    field.AP = Dictionary(N=look)
    field = pdf.make_indirect(field)
    pdf.pages[0].Annots = Array([field])
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))
    path = tmp_path / "form.pdf"
    pdf.save(path)
    assert dark_box(page_image(open_document(path), 1, dpi=72)) == pytest.approx((50, 50, 150, 100), abs=1)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.pdf", b"", "empty"),
        ("head.pdf", b"%PDF-1.7\n", "damaged"),
        ("noise.pdf", b"%PDF-1.4\n" + os.urandom(5000), "damaged"),
        ("words.pdf", b"just words", "neither a PDF nor a picture. Choose a PDF, PNG,"),
        ("zip.pdf", b"PK\x03\x04" + bytes(100), "zip archive"),
        ("cut.tif", b"II*\0\x08\0\0\0\xff\xff", "damaged"),
    ],
)
def test_what_is_damaged_or_something_else_is_refused_in_a_sentence(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(MediaError, match=message) as caught:
        open_document(path)
    assert str(tmp_path) not in str(caught.value)


def test_a_pdf_that_was_cut_is_mended_or_refused(tmp_path: Path) -> None:
    """A file without its table of contents can often still be read; whichever it is, nothing else is raised."""
    whole = write_pdf(tmp_path / "whole.pdf", *[Page(words=((100, 700, f"Page {n}"),)) for n in range(5)]).read_bytes()
    refusals = []
    for part in range(1, 20):
        path = tmp_path / "cut.pdf"
        path.write_bytes(whole[: len(whole) * part // 20])
        try:
            page_image(open_document(path), 1)
        except MediaError as error:
            refusals.append(str(error))
    assert refusals
    assert all(sentence.endswith(".") for sentence in refusals)


def test_a_page_that_is_not_there(tmp_path: Path) -> None:
    document = open_document(write_pdf(tmp_path / "a.pdf", Page()))
    for page in (0, 2):
        with pytest.raises(MediaError, match="There is no page"):
            page_image(document, page)
        with pytest.raises(MediaError, match="There is no page"):
            page_text(document, page, (10, 10))
        with pytest.raises(MediaError, match="There is no page"):
            page_thumbnail(document, page)


def test_a_file_that_went_away(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", Page())
    document = open_document(path)
    path.unlink()
    with pytest.raises(MediaError, match="no longer there"):
        page_image(document, 1)
    with pytest.raises(MediaError, match="could not be opened"):
        open_document(path)


def test_more_pages_than_are_read_are_told(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", Page(), Page(), Page())
    document = open_document(path, limits=DocumentLimits(max_pages=2))
    assert document.page_count == 2
    assert document.notices == ("Only the first 2 pages are read.",)
    with pytest.raises(MediaError):
        page_image(document, 3)


def test_a_file_with_too_many_bytes_is_not_even_read(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", Page())
    with pytest.raises(MediaTooLarge, match="Split it"):
        open_document(path, limits=DocumentLimits(max_bytes=100))


def colours(count: int) -> list[Pillow.Image]:
    return [Pillow.new("RGB", (40 + index, 30), (index * 20, 0, 0)) for index in range(count)]


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    first, *others = colours(4)
    path = tmp_path / "fax.tiff"
    first.save(path, save_all=True, append_images=others)
    document = open_document(path)
    assert (document.media_type, document.page_count) == ("image/tiff", 4)
    images = [page_image(document, page) for page in (1, 2, 3, 4)]
    assert [image.size_wh for image in images] == [(40, 30), (41, 30), (42, 30), (43, 30)]
    assert [pixels(image).getpixel((5, 5)) for image in images] == [(index * 20, 0, 0) for index in range(4)]
    assert page_text(document, 2, (40, 30)).lines == ()
    capped = open_document(path, limits=DocumentLimits(max_pages=3))
    assert (capped.page_count, len(capped.notices)) == (3, 1)


def test_pages_before_the_damage_of_a_tiff_can_be_read(tmp_path: Path) -> None:
    first, *others = colours(4)
    path = tmp_path / "fax.tiff"
    first.save(path, save_all=True, append_images=others)
    data = bytearray(path.read_bytes())
    directory = 4
    for _ in range(3):  # each directory ends with the place of the next one
        (directory,) = struct.unpack_from("<I", data, directory)
        (entries,) = struct.unpack_from("<H", data, directory)
        directory, third = directory + 2 + 12 * entries, directory
    data[third + 2 : third + 60] = b"\xff" * 58
    path.write_bytes(data)
    document = open_document(path)
    assert document.page_count == 2
    assert document.notices == ("This file is damaged behind page 2: what comes then cannot be read.",)
    assert page_image(document, 2).size_wh == (41, 30)


def test_a_tiff_page_with_too_many_pixels_is_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    Pillow.new("1", (20, 20)).save(path, save_all=True, append_images=[Pillow.new("1", (200, 200))])
    document = open_document(path)
    limits = DocumentLimits(picture=Limits(max_pixels=1000))
    assert page_image(document, 1, limits=limits).size_wh == (20, 20)
    with pytest.raises(MediaTooLarge):
        page_image(document, 2, limits=limits)


def test_a_picture_is_a_document_of_one_page(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (60, 40), "white").save(path, exif=exif)
    document = open_document(path, "my photo.jpg")
    assert (document.name, document.media_type, document.page_count) == ("my photo.jpg", "image/jpeg", 1)
    image = page_image(document, 1)
    assert image.size_wh == (40, 60)
    assert image.data == path.read_bytes()


def test_a_document_is_known_by_its_content(tmp_path: Path) -> None:
    first, second = write_pdf(tmp_path / "a.pdf", Page()), tmp_path / "b.pdf"
    second.write_bytes(first.read_bytes())
    one, two = open_document(first), open_document(second)
    assert one.sha256 == two.sha256
    assert replace(two, path=first, name="a.pdf") == one


@pytest.mark.parametrize("suffix", [".pdf", ".png"])
def test_thumbnails_are_small_pictures_of_the_page(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".pdf":
        write_pdf(path, Page((612, 792), mark=(0, 0, 612, 396)))
    else:
        picture = Pillow.new("RGB", (612, 792), "white")
        picture.paste("black", (0, 396, 612, 792))
        picture.save(path)
    small = Pillow.open(io.BytesIO(page_thumbnail(open_document(path), 1, max_side=100)))
    assert small.size == (77, 100)
    grey = np.asarray(small.convert("L"))
    assert grey[20, 30] > 200
    assert grey[80, 30] < 50


def test_many_threads_may_ask_at_once(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", *[Page((72, 72 + number)) for number in range(8)])
    document = open_document(path)
    sizes: dict[int, tuple[int, int]] = {}

    def render(page: int) -> None:
        sizes[page] = page_image(document, page, dpi=72).size_wh
        page_text(document, page, sizes[page])

    threads = [threading.Thread(target=render, args=(page,)) for page in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == {page: (72, 71 + page) for page in range(1, 9)}


READ_ALL = """
import resource, sys
from pathlib import Path
import psutil
from model.documents import open_document, page_image, page_text, page_thumbnail
from model import media
media._CACHE = media._PixelCache(0)
document = open_document(Path(sys.argv[1]))
def peak():
    workers = sum(worker.memory_info().rss for worker in psutil.Process().children())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + workers // 1024
def read(page):
    page_text(document, page, page_image(document, page, dpi=50).size_wh)
for page in range(1, 11):
    read(page)
before = peak()
for page in range(1, document.page_count + 1):
    page_thumbnail(document, page) if page % 10 else read(page)
print(document.page_count, (peak() - before) / 1024)
"""


def test_500_pages_come_one_by_one_and_memory_stays_flat(tmp_path: Path) -> None:
    """The first page is there at once, and after all of them no more memory is in use than after ten."""
    rng = np.random.default_rng(0)
    pdf = build_pdf([Page(words=((50, 750, f"Page {number}"),)) for number in range(1, 501)])
    for page in pdf.pages:
        noise = pdf.make_stream(rng.integers(0, 255, (140, 140, 3), dtype=np.uint8).tobytes())
        noise.stream_dict.update(
            Dictionary(
                Type=Name.XObject,
                Subtype=Name.Image,
                Width=140,
                Height=140,
                ColorSpace=Name.DeviceRGB,
                BitsPerComponent=8,
            )
        )
        page.Resources.XObject = Dictionary(I=noise)
        page.contents_add(b"q 200 0 0 200 100 100 cm /I Do Q")
    path = tmp_path / "long.pdf"
    pdf.save(path)
    start = time.perf_counter()
    page_image(open_document(path), 1)
    assert time.perf_counter() - start < 10, "2 seconds on an idle machine"
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pages, grown_mib = done.stdout.split()
    assert int(pages) == 500
    assert float(grown_mib) < 20, "the file alone has 29 MB"
