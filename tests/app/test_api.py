"""Stored media as a browser fetches them: the right type, in parts, for ever, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from app.api import create_app
from app.studio import Studio
from model.video import open_video
from tests.model.clips import steady, write_clip
from tests.model.pictures import image


def test_stored_media_are_served_in_whole_and_in_part(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    studio = make_studio()
    video = open_video(write_clip(tmp_path / "clip.webm", steady(20, 10.0), codec="libvpx-vp9"))
    data = video.path.read_bytes()
    client = TestClient(create_app(studio), base_url="http://127.0.0.1")
    picture, video_url = image(), studio.media.put_video(video)

    assert client.get(studio.media.put(picture)).headers["content-type"] == "image/png"
    whole = client.get(video_url)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, data, "video/webm")
    assert "immutable" in whole.headers["cache-control"]
    part = client.get(video_url, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, data[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(data)}"
    assert client.get(video_url, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert client.get(f"{video_url}/small").headers["content-type"] == "image/jpeg"

    assert client.get(f"{video_url}/preview").status_code == 404
    preview = client.get(studio.media.put_preview(video.sha256, video.path), headers={"Range": "bytes=0-9"})
    assert (preview.status_code, preview.content) == (206, data[:10])

    studio.media.remove(video.sha256)
    for gone in (video_url, f"{video_url}/small", f"{video_url}/preview", "/media/../history.sqlite3"):
        assert client.get(gone).status_code == 404
