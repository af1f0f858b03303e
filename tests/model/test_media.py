"""Pictures are accepted by content, come out upright in RGB, and whatever is wrong with one becomes one sentence."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms

from model import media
from model.errors import MediaError, MediaTooLarge, RequestError
from model.media import Limits, read_image
from tests.model.pictures import BLUE, RED, drawn, encoded, image, png_that_claims, with_png_text

WITH_EXIF = ("PNG", "JPEG", "WEBP", "TIFF", "HEIF")


def near(pixel: Any, colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    ("format_", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("MPO", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("HEIF", "image/heic"),
    ],
)
def test_every_format_is_known_by_its_content(format_: str, media_type: str) -> None:
    data = encoded(drawn(), format_)
    read = read_image(data, "holiday.txt")
    assert (read.size_wh, read.media_type, read.name) == ((96, 64), media_type, "holiday.txt")
    assert read.sha256 == hashlib.sha256(data).hexdigest()
    pixels = media.pixels(read)
    assert pixels.mode == "RGB"
    assert near(pixels.getpixel((8, 8)), BLUE, 40)
    assert near(pixels.getpixel((88, 56)), RED, 40)


@pytest.mark.parametrize("format_", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_picture_upright_once(format_: str, orientation: int) -> None:
    """HEIC is written as phones do it: turned by a property of its container, with a copy in EXIF."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    read = read_image(encoded(drawn((96, 64)), format_, exif=exif.tobytes()))
    assert read.size_wh == ((96, 64) if orientation <= 4 else (64, 96))
    blue_corner = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}[orientation]
    pixels = media.pixels(read)
    for x in (0, 1):
        for y in (0, 1):
            pixel = pixels.getpixel((4 + x * (pixels.width - 9), 4 + y * (pixels.height - 9)))
            assert near(pixel, BLUE if (x, y) == blue_corner else RED, 40), (x, y)


def test_malformed_exif_is_ignored() -> None:
    broken = b"Exif\x00\x00MM\x00*\xff\xff\xff\xff" + b"\x99" * 40
    assert read_image(encoded(drawn(), "JPEG", exif=broken)).size_wh == (96, 64)


def test_only_the_first_frame_of_an_animation_counts() -> None:
    frames = [Pillow.new("RGB", (40, 30), colour) for colour in (RED, BLUE)]
    for format_ in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
        assert near(media.pixels(read_image(data)).getpixel((5, 5)), RED)


def test_a_long_animation_costs_no_more_than_its_first_frame() -> None:
    frames = [Pillow.new("L", (8, 8), index % 256) for index in range(2000)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    start_s = time.perf_counter()
    assert read_image(data).size_wh == (8, 8)
    assert time.perf_counter() - start_s < 1.0


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_mode_of_png_comes_out_as_rgb(mode: str) -> None:
    assert media.pixels(read_image(encoded(Pillow.new(mode, (20, 10)), "PNG"))).mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGBA", "RGBX", "CMYK", "LAB", "I;16", "I", "F"])
def test_every_mode_of_tiff_comes_out_as_rgb(mode: str) -> None:
    assert media.pixels(read_image(encoded(Pillow.new(mode, (20, 10)), "TIFF"))).mode == "RGB"


def test_transparency_is_laid_on_white() -> None:
    rgba = Pillow.new("RGBA", (4, 1))
    rgba.putpixel((1, 0), (*RED, 255))
    rgba.putpixel((2, 0), (0, 0, 0, 128))
    pixels = media.pixels(read_image(encoded(rgba)))
    assert pixels.getpixel((0, 0)) == (255, 255, 255)
    assert pixels.getpixel((1, 0)) == RED
    assert near(pixels.getpixel((2, 0)), (127, 127, 127), 1)


def test_transparent_palette_entry_is_laid_on_white() -> None:
    palette = Pillow.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    pixels = media.pixels(read_image(encoded(palette, "PNG", transparency=0)))
    assert [pixels.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (200, 100, 50)]


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    values = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    pixels = media.pixels(read_image(encoded(Pillow.fromarray(values), "PNG")))
    assert [pixels.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (100,) * 3, (255,) * 3]


def test_float_grey_is_stretched_from_darkest_to_brightest() -> None:
    values = np.array([[-1.0, 0.0, 1.0]], dtype=np.float32)
    pixels = media.pixels(read_image(encoded(Pillow.fromarray(values), "TIFF")))
    assert [pixels.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (128,) * 3, (255,) * 3]


def test_cmyk_without_profile_is_converted_plainly() -> None:
    cyan = Pillow.new("CMYK", (32, 32), (255, 0, 0, 0))
    assert near(media.pixels(read_image(encoded(cyan, "JPEG", quality=95))).getpixel((9, 9)), (0, 255, 255))


def test_a_damaged_colour_profile_does_not_lose_the_picture() -> None:
    cyan = Pillow.new("CMYK", (32, 32), (255, 0, 0, 0))
    read = read_image(encoded(cyan, "TIFF", icc_profile=b"not a profile"))
    assert near(media.pixels(read).getpixel((9, 9)), (0, 255, 255))


def test_lab_is_converted_through_its_profile() -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(drawn(), to_lab)
    assert lab is not None
    assert near(media.pixels(read_image(encoded(lab, "TIFF"))).getpixel((80, 50)), RED)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02 no picture at all", "not a picture"),
        (b"SIMPLE  =                    T", "FITS"),
        (b"8BPS\x00\x01" + b"\x00" * 40, "Photoshop"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x00" * 40, "JPEG 2000"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x00\x00\x00\x1cftypavif" + b"\x00" * 40, "AVIF"),
        (b"\x00\x00\x00\x1cftypisom" + b"\x00" * 40, "video"),
        (png_that_claims((300, 200)), "damaged"),
        (encoded(drawn((400, 300)), "JPEG")[:-60], "damaged"),
        (encoded(drawn((400, 300)), "PNG")[:-40], "damaged"),
        (encoded(drawn(), "WEBP")[:-30], "damaged"),
        (encoded(drawn(), "GIF")[:-30], "damaged"),
        (encoded(drawn(), "BMP")[:-30], "damaged"),
        (encoded(drawn(), "HEIF")[:-30], "damaged"),
        (encoded(drawn((201, 1))), "200 times"),
        (encoded(drawn((1, 201))), "200 times"),
        (with_png_text(encoded(drawn()), 200 * 2**20), "damaged"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    start_s = time.perf_counter()
    with pytest.raises(MediaError, match=words) as refusal:
        read_image(data, "/home/me/secret.png")
    assert time.perf_counter() - start_s < 2.0
    assert str(refusal.value).endswith(".")
    assert "/" not in str(refusal.value)


@pytest.mark.parametrize("size_wh", [(65535, 65535), (20000, 10000), (12000, 10001)])
def test_a_header_that_claims_too_many_pixels_is_refused_before_decoding(size_wh: tuple[int, int]) -> None:
    start_s = time.perf_counter()
    with pytest.raises(MediaTooLarge, match="pixels"):
        read_image(png_that_claims(size_wh))
    assert time.perf_counter() - start_s < 1.0


def test_a_small_file_of_too_many_pixels_is_refused() -> None:
    bomb = encoded(Pillow.new("1", (15000, 14000)), "PNG")
    assert len(bomb) < 100_000
    with pytest.raises(MediaTooLarge):
        read_image(bomb)


@pytest.mark.parametrize("size_wh", [(1, 1), (200, 1), (1, 200)])
def test_the_smallest_and_thinnest_pictures_are_accepted(size_wh: tuple[int, int]) -> None:
    assert read_image(encoded(drawn(size_wh))).size_wh == size_wh


def test_limits_are_the_callers() -> None:
    data = encoded(drawn((96, 64)))
    with pytest.raises(MediaTooLarge, match="MiB"):
        read_image(data, limits=Limits(max_bytes=len(data) - 1))
    with pytest.raises(MediaTooLarge, match="pixels"):
        read_image(data, limits=Limits(max_pixels=96 * 64 - 1))
    assert read_image(data, limits=Limits(max_bytes=len(data), max_pixels=96 * 64)).size_wh == (96, 64)


@given(
    st.binary(max_size=400), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "HEIF"]), st.integers(0, 400)
)
@settings(max_examples=300, deadline=None)
def test_damaged_bytes_never_raise_anything_else(noise: bytes, format_: str, place: int) -> None:
    data = encoded(drawn((16, 12)), format_)
    with contextlib.suppress(MediaError):
        read = read_image(data[:place] + noise + data[place + len(noise) :])
        assert media.pixels(read).size == read.size_wh


def test_a_file_is_read_by_path_and_its_folder_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a cat.jpeg"
    path.write_bytes(encoded(drawn(), "PNG"))
    read = media.read_image_file(path)
    assert (read.name, read.media_type) == ("a cat.jpeg", "image/png")
    with pytest.raises(MediaTooLarge):
        media.read_image_file(path, Limits(max_bytes=10))


@pytest.mark.parametrize("name", ["missing.png", "", "a\0b.png"])
def test_a_file_that_cannot_be_opened_is_named_without_its_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError, match="could not be opened") as refusal:
        media.read_image_file(f"{tmp_path}/{name}")
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\me\\cat.jpg", "cat.jpg"),
        ("a\0b\r\nc.png", "abc.png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("\u2067left\u2069.png", "left.png"),
        ("Übung é.png", "Übung é.png"),
        ("عكس.png", "عكس.png"),
        ("👩\u200d🚀.png", "👩\u200d🚀.png"),
        ('what?<is>"this".png', "what__is__this_.png"),
        (" .hidden. ", "hidden"),
        ("..", "picture"),
        (".png", "png"),
        ("\ud800.png", "png"),
        ("", ""),
    ],
)
def test_names_are_cleaned(name: str, cleaned: str) -> None:
    assert media.clean_name(name) == cleaned


@given(st.text(max_size=400))
def test_a_clean_name_is_short_and_stays_clean(name: str) -> None:
    cleaned = media.clean_name(name)
    assert len(cleaned.encode()) <= 200
    assert not set(cleaned) & set('/\\\0\n\r<>:"|?*\u202e\u2066')
    assert media.clean_name(cleaned) == cleaned


def test_a_long_name_keeps_its_extension() -> None:
    cleaned = media.clean_name("😀" * 300 + ".jpeg")
    assert cleaned.endswith("😀.jpeg")
    assert len(cleaned.encode()) <= 200


def test_data_urls_go_round() -> None:
    first = image()
    assert media.image_from_data_url(media.data_url(first)).sha256 == first.sha256


def test_data_urls_are_read_as_the_standard_says() -> None:
    plain = base64.b64encode(encoded(drawn())).decode()
    wrapped = "\n".join(plain[start : start + 76] for start in range(0, len(plain), 76))
    for url in (
        f"data:;base64,{plain}",
        f"DATA:image/jpeg;name=x;BASE64,{plain}",
        f"data:image/png;base64,{wrapped}",
        f"data:image/png;base64,{plain.replace('+', '%2B').replace('=', '%3D')}",
    ):
        assert media.image_from_data_url(url).media_type == "image/png"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x.png",
        "https://example.com/x.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "x.png",
        "",
        "data:image/png;base64",
        "data:image/png;base64,@@@@",
        "data:image/png;base64,QUJ",
    ],
)
def test_anything_but_a_whole_data_url_is_a_bad_request(url: str) -> None:
    with pytest.raises(RequestError) as refusal:
        media.image_from_data_url(url)
    assert "passwd" not in str(refusal.value)


def test_a_data_url_with_too_much_in_it_is_refused_undecoded() -> None:
    with pytest.raises(MediaTooLarge):
        media.image_from_data_url("data:image/png;base64," + "A" * 4000, Limits(max_bytes=1000))


def test_a_data_url_of_something_else_is_a_media_error() -> None:
    with pytest.raises(MediaError, match="not a picture"):
        media.image_from_data_url("data:image/png;base64," + base64.b64encode(b"hello there").decode())


def test_pixels_may_be_drawn_on() -> None:
    read = image()
    media.pixels(read).paste((0, 0, 0), (0, 0, 96, 64))
    assert media.pixels(read).getpixel((0, 0)) == BLUE


def test_pixels_come_back_when_the_cache_has_dropped_them(monkeypatch: pytest.MonkeyPatch) -> None:
    first = image((64, 64))
    monkeypatch.setattr(media, "_CACHE", media._PixelCache(max_bytes=64 * 64 * 4))
    for size in range(2, 40):
        media.pixels(image((64, size)))
    assert media.pixels(first).size == (64, 64)


def test_the_cache_holds_no_more_than_it_may_and_drops_the_oldest() -> None:
    cache = media._PixelCache(max_bytes=2 * 10 * 10 * 4)
    for key in "abc":
        cache.put(key, Pillow.new("RGB", (10, 10)))
        assert cache.get("b" if key == "c" else key) is not None
    assert cache.get("a") is None
    assert cache.get("b") is not None
    cache.put("huge", Pillow.new("RGB", (100, 100)))
    assert cache.get("huge") is None


def test_pictures_are_read_from_many_threads() -> None:
    sources = [encoded(drawn((40 + index, 30))) for index in range(8)]
    sizes: list[tuple[int, int]] = []

    def read_all() -> None:
        sizes.extend(media.pixels(read_image(data)).size for data in sources)

    threads = [threading.Thread(target=read_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sizes) == sorted([(40 + index, 30) for index in range(8)] * 6)


def test_thumbnails_are_small_jpegs() -> None:
    thumbnail = Pillow.open(io.BytesIO(media.thumbnail(image((300, 200)), 64)))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (64, 43))


def test_browsers_get_the_original_where_they_show_it_right() -> None:
    plain = image()
    assert media.browser_copy(plain) == (plain.data, "image/png")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (encoded(drawn(), "TIFF"), "image/png"),
        (encoded(drawn(), "BMP"), "image/png"),
        (encoded(drawn(), "HEIF"), "image/jpeg"),
        (encoded(drawn(), "GIF", save_all=True, append_images=[Pillow.new("RGB", (96, 64))]), "image/png"),
    ],
)
def test_browsers_get_a_copy_of_what_they_would_show_differently(data: bytes, media_type: str) -> None:
    copy, copy_type = media.browser_copy(read_image(data))
    shown = Pillow.open(io.BytesIO(copy))
    assert (copy_type, shown.size, getattr(shown, "n_frames", 1)) == (media_type, (96, 64), 1)
    assert near(shown.convert("RGB").getpixel((8, 8)), BLUE, 40)


def test_browsers_get_a_turned_picture_already_turned() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    copy, _ = media.browser_copy(read_image(encoded(drawn(), "JPEG", exif=exif)))
    shown = Pillow.open(io.BytesIO(copy))
    assert shown.size == (64, 96)
    assert shown.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(("size_wh", "small_wh"), [((96, 64), (48, 32)), ((1200, 6), (554, 2)), ((40, 30), (40, 30))])
def test_a_shrunk_picture_has_its_form_and_no_more_pixels(size_wh: tuple[int, int], small_wh: tuple[int, int]) -> None:
    picture = image(size_wh)
    small = media.shrunk(picture, 1536)
    assert small.size_wh == small_wh
    assert (small is picture) is (size_wh == small_wh)
    assert media.pixels(small).size == small_wh
