"""Pictures and videos on disk: once each, whole or not at all."""

from __future__ import annotations

import io
import os
import threading
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from app.media_store import THUMBNAIL_SIDE, MediaStore, media_url
from model.errors import MediaError, StudioError
from model.media import read_image
from model.video import VideoFile, open_video
from tests.model.clips import number_of, steady, write_clip
from tests.model.pictures import drawn, encoded, image


@pytest.fixture
def video(tmp_path: Path) -> VideoFile:
    """Three seconds whose frames say their number."""
    return open_video(write_clip(tmp_path / "clip.mp4", steady(30, 10.0)))


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


def test_a_video_comes_back_as_it_was_even_in_another_process(tmp_path: Path, video: VideoFile) -> None:
    assert MediaStore(tmp_path).put_video(video) == f"/media/{video.sha256}"
    found = MediaStore(tmp_path).video(video.sha256, "holiday.mp4")
    assert found.path.read_bytes() == video.path.read_bytes()
    assert (found.name, found.facts, found.media_type) == ("holiday.mp4", video.facts, "video/mp4")


def test_a_video_is_stored_once_and_never_whole_in_memory(tmp_path: Path, video: VideoFile) -> None:
    size = 32 * 2**20
    with video.path.open("ab") as file:
        file.write(b"\0\0\0\0free")  # a box that goes on to the end of the file
        file.truncate(size)
    store, padded = MediaStore(tmp_path / "data"), open_video(video.path)
    tracemalloc.start()
    store.put_video(padded)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.video_path(padded.sha256).stat().st_size == size
    assert peak < size / 4
    store.put_video(replace(padded, name="the same again.mp4"))
    assert len([path for path in (tmp_path / "data").rglob("*") if path.is_file()]) == 1


def test_a_small_picture_shows_a_moment_of_the_video(tmp_path: Path, video: VideoFile) -> None:
    store = MediaStore(tmp_path)
    store.put_video(video)
    small = Pillow.open(io.BytesIO(store.thumbnail(video.sha256)))
    assert number_of(np.asarray(small.convert("RGB"))) == 3  # a tenth of 3 s, at 10 pictures a second


def test_a_video_that_was_changed_since_it_was_opened_is_not_stored(tmp_path: Path, video: VideoFile) -> None:
    store = MediaStore(tmp_path / "data")
    video.path.write_bytes(video.path.read_bytes()[:-1])
    with pytest.raises(MediaError, match="changed"):
        store.put_video(video)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_a_video_that_was_damaged_or_lost_on_disk_is_not_passed_on(tmp_path: Path, video: VideoFile) -> None:
    MediaStore(tmp_path).put_video(video)
    store = MediaStore(tmp_path)
    with store.video_path(video.sha256).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(MediaError, match="damaged"):
        store.video(video.sha256)
    store.video_path(video.sha256).unlink()
    with pytest.raises(MediaError, match="no longer"):
        store.video(video.sha256)
    with pytest.raises(MediaError, match="no such"):
        store.video("../../etc/passwd")


def test_a_removed_video_is_gone_with_its_small_picture_and_its_preview(tmp_path: Path, video: VideoFile) -> None:
    store = MediaStore(tmp_path / "data")
    store.put_video(video)
    store.thumbnail(video.sha256)
    assert store.preview(video.sha256) is None
    assert store.put_preview(video.sha256, video.path) == f"/media/{video.sha256}/preview"
    preview = store.preview(video.sha256)
    assert preview is not None
    assert preview.read_bytes() == video.path.read_bytes()
    store.remove(video.sha256)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    with pytest.raises(MediaError, match="no longer"):
        store.video(video.sha256)


def test_a_video_that_nothing_has_used_for_a_week_is_removed(tmp_path: Path, video: VideoFile) -> None:
    store, week_s = MediaStore(tmp_path / "data"), 7 * 24 * 3600
    old_s = time.time() - week_s - 60
    store.put_video(video)
    path = store.video_path(video.sha256)
    store.remove_unused_videos(lambda sha256: False)
    assert path.exists(), "somebody may have it open"
    os.utime(path, (old_s, old_s))
    store.remove_unused_videos(lambda sha256: sha256 == video.sha256)
    assert path.exists(), "a conversation uses it"
    store.remove_unused_videos(lambda sha256: False)
    assert not path.exists()
