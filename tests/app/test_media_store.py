"""Pictures on disk: once each, whole or not at all."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest
from PIL import Image as Pillow

from app.media_store import THUMBNAIL_SIDE, MediaStore, media_url
from model.errors import MediaError, StudioError
from model.media import read_image
from tests.model.pictures import drawn, encoded, image


def test_a_picture_comes_back_as_it_was(tmp_path: Path) -> None:
    given = image()
    assert MediaStore(tmp_path).put(given) == media_url(given.sha256) == f"/media/{given.sha256}"
    found = MediaStore(tmp_path).get(given.sha256)
    assert (found.data, found.size_wh, found.media_type) == (given.data, given.size_wh, "image/png")


def test_the_same_picture_is_stored_once(tmp_path: Path) -> None:
    store = MediaStore(tmp_path)
    for name in ("a.png", "b.png"):
        store.put(read_image(encoded(drawn()), name))
    assert len([path for path in (tmp_path / "media").rglob("*") if path.is_file()]) == 1


def test_what_a_browser_gets_is_upright_and_of_a_kind_that_it_knows(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = read_image(encoded(drawn((96, 64)), "TIFF", exif=exif.tobytes()))
    store = MediaStore(tmp_path)
    store.put(turned)
    data, media_type = store.browser_copy(turned.sha256)
    assert media_type == "image/png"
    assert Pillow.open(io.BytesIO(data)).size == (64, 96)


def test_thumbnails_are_small_and_made_once(tmp_path: Path) -> None:
    large = read_image(encoded(drawn((1200, 600))))
    store = MediaStore(tmp_path)
    store.put(large)
    assert Pillow.open(io.BytesIO(store.thumbnail(large.sha256))).size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE // 2)
    made = (tmp_path / "media" / "thumbnails" / f"{large.sha256}.jpg").stat().st_mtime_ns
    store.thumbnail(large.sha256)
    assert (tmp_path / "media" / "thumbnails" / f"{large.sha256}.jpg").stat().st_mtime_ns == made


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64])
def test_what_is_not_stored_is_not_found(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(MediaError):
        MediaStore(tmp_path).get(sha256)


def test_a_picture_that_was_damaged_on_disk_is_not_passed_on(tmp_path: Path) -> None:
    given = image()
    MediaStore(tmp_path).put(given)
    path = tmp_path / "media" / given.sha256[:2] / given.sha256
    path.write_bytes(given.data[:-5])
    with pytest.raises(MediaError, match="damaged"):
        MediaStore(tmp_path).get(given.sha256)


def test_a_removed_picture_is_gone_with_its_thumbnail(tmp_path: Path) -> None:
    given = image()
    store = MediaStore(tmp_path)
    store.put(given)
    store.thumbnail(given.sha256)
    store.remove(given.sha256)
    assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
    with pytest.raises(MediaError):
        store.get(given.sha256)


@pytest.mark.skipif(os.name == "nt", reason="a folder cannot be made unwritable this way on Windows")
def test_a_full_disk_gives_a_sentence_and_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StudioError, match="full or cannot be written"):
        MediaStore(tmp_path).put(image())
    assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]


def test_many_threads_may_store_the_same_picture(tmp_path: Path) -> None:
    store, given = MediaStore(tmp_path), image()
    threads = [threading.Thread(target=store.put, args=(given,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert MediaStore(tmp_path).get(given.sha256).data == given.data


def test_the_pictures_in_memory_are_bounded_by_bytes(tmp_path: Path) -> None:
    store = MediaStore(tmp_path, max_cached_bytes=3000)
    images = [read_image(encoded(drawn((200 + i, 150)), "BMP")) for i in range(3)]
    for each in images:
        store.put(each)
        (tmp_path / "media" / each.sha256[:2] / each.sha256).unlink()
    with pytest.raises(MediaError, match="no longer"):
        store.get(images[0].sha256)
