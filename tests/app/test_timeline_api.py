"""POST /v1/timeline, over HTTP against the real server, with real clips and an engine that says what it is told to."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from model import decoding
from model.catalog import presets_of
from model.engines.fake import FakeEngine
from model.media import pixels
from model.types import Chunk, Video
from model.video import DEFAULT_LIMITS
from tests.model.clips import number_of, sound_only, steady, write_clip, written
from tests.model.hanging import hang
from tests.serving import Exchangeable, served

INFO = FakeEngine().info
SAID = (
    'I see:\n```json\n[{"start_time": "00:03.00", "end_time": "00:04.50", "description": "It leaves."},\n',
    '{"start_time": "00:01.00", "end_time": "00:02.00", "description": "It comes."}]\n```',
)
SLOW = ["word "] * 10_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchangeable]:
    with served(Exchangeable(tmp_path_factory.mktemp("api"), max_upload_mb=4)) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", steady(60, 10))


@pytest.fixture
def engine(server: Exchangeable) -> FakeEngine:
    engine = FakeEngine(SAID)
    server.use(engine)
    return engine


def data_url(data: bytes) -> str:
    return f"data:video/mp4;base64,{base64.b64encode(data).decode()}"


def as_json(server: Exchangeable, path: Path, timeout: float = 60, **body: Any) -> httpx.Response:
    request = {"video": data_url(path.read_bytes()), **body}
    return httpx.post(f"{server.url}/v1/timeline", json=request, timeout=timeout)


def as_form(server: Exchangeable, path: Path, **body: Any) -> httpx.Response:
    if isinstance(body.get("range"), list):
        body["range"] = ", ".join(map(str, body["range"]))
    with path.open("rb") as file:
        return httpx.post(f"{server.url}/v1/timeline", data=body, files={"video": (path.name, file)}, timeout=60)


def sentence_of(response: httpx.Response) -> str:
    assert response.status_code in (400, 413), response.text
    return str(response.json()["error"]["message"])


Send = Callable[..., httpx.Response]


@pytest.mark.parametrize("send", [as_json, as_form])
def test_a_question_is_answered_with_events_in_seconds(
    server: Exchangeable, engine: FakeEngine, clip: Path, send: Send
) -> None:
    answer = send(server, clip, query="When does the red circle appear?").json()
    assert answer["events"] == [
        {"label": "It comes.", "start_s": 1.0, "end_s": 2.0},
        {"label": "It leaves.", "start_s": 3.0, "end_s": 4.5},
    ]
    assert answer["text"] == "I see:"
    assert answer["frames_s"] == pytest.approx(steady(12, 2), abs=0.01)
    assert answer["problems"] == []
    assert answer["raw"] == "".join(SAID)
    assert answer["finish_reason"] == "stop"
    assert answer["usage"]["prompt_tokens"] == engine.prompts[0].tokens
    (message,) = engine.prompts[0].messages
    assert message.text == "When does the red circle appear?"
    (video,) = message.media
    assert isinstance(video, Video)
    assert [number_of(np.asarray(pixels(frame))) for frame in video.frames] == list(range(0, 60, 5))


@pytest.mark.parametrize("send", [as_json, as_form])
def test_only_a_part_is_looked_at_and_times_stay_those_of_the_whole(
    server: Exchangeable, engine: FakeEngine, clip: Path, send: Send
) -> None:
    engine.script = ("It happens in 3.5 - 4.5 seconds.",)
    answer = send(server, clip, query="the door opens", range=[3, 5]).json()
    assert answer["frames_s"] == [3.0, 3.5, 4.0, 4.5]
    assert answer["events"] == [{"label": "the door opens", "start_s": 3.5, "end_s": 4.5}]
    assert answer["text"] == "It happens in 3.5 - 4.5 seconds."


def test_events_outside_of_the_part_are_left_out_and_told(server: Exchangeable, engine: FakeEngine, clip: Path) -> None:
    engine.script = ("The door is open from 1.0 to 2.5 seconds, and again from 4.0 to 5.0 seconds.",)
    answer = as_json(server, clip, query="the door opens", range=[2, 4]).json()
    assert answer["events"] == [{"label": "The door is open", "start_s": 2.0, "end_s": 2.5}]
    assert answer["problems"] == [
        "One event ran beyond the part of the video that was asked about and was shortened.",
        "One event was left out because it lies outside the part of the video that was asked about.",
    ]


def test_a_family_that_counts_from_the_part_is_read_so(server: Exchangeable, clip: Path) -> None:
    server.use(FakeEngine(("It happens in 0.5 - 1.5 seconds.",), info=replace(INFO, family="Qwen2.5-VL")))
    answer = as_json(server, clip, query="the door opens", range=[3, 5]).json()
    assert answer["events"] == [{"label": "the door opens", "start_s": 3.5, "end_s": 4.5}]
    assert answer["problems"] == [
        "Times in the model's words count from 3.0 s, where the part begins; those of events do not."
    ]


def test_boxes_in_time_are_put_together_to_what_moves(server: Exchangeable, engine: FakeEngine, clip: Path) -> None:
    engine.script = (
        '[{"time": 1.0, "bbox_2d": [0, 0, 500, 1000], "label": "car"}, {"time": 1.0, "bbox_2d": [900, 0, 1000, 100], '
        '"label": "car"}, {"time": 2.0, "bbox_2d": [100, 0, 600, 1000], "label": "car"}, {"bbox_2d": [1, 2, 3, 4]}]',
    )
    answer = as_json(server, clip, task="track", query="cars").json()
    assert answer["events"] == [
        {"label": "car", "start_s": 1.0, "end_s": 1.0, "boxes": [{"time_s": 1.0, "xyxy": [115.2, 0, 128, 6.4]}]},
        {
            "label": "car",
            "start_s": 1.0,
            "end_s": 2.0,
            "boxes": [{"time_s": 1.0, "xyxy": [0, 0, 64, 64]}, {"time_s": 2.0, "xyxy": [12.8, 0, 76.8, 64]}],
        },
    ]
    assert answer["problems"] == ["One place without a time was left out."]


def test_what_went_wrong_is_among_the_problems(server: Exchangeable, clip: Path) -> None:
    said = ("It happens in 5 - 64 seconds.", Chunk(" ", finish_reason="repetition"))
    server.use(FakeEngine(said, info=replace(INFO, is_pocket=True)))
    answer = as_json(server, clip, task="read").json()
    assert answer["finish_reason"] == "repetition"
    unlearned, *others = answer["problems"]
    assert unlearned.startswith("The pocket model has not learned to read text in videos; ")
    assert others == [
        "The answer repeated itself without end and was stopped.",
        "One event ran past the end of the video and was shortened.",
    ]


@pytest.mark.parametrize("send", [as_json, as_form])
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"task": "paint"}, "“task” has to be 'when', 'describe', 'chapters', 'read', 'track' or 'free'."),
        ({"question": "When?"}, "“question” is not known here."),
        ({"query": " "}, "Write what you want to know first."),
        ({"task": "track", "query": ""}, "Write what to follow first."),
        ({"range": [5, 3]}, "“range” has to be a part of the video, which has 6.0 seconds."),
        ({"range": [7, 9]}, "“range” has to be a part of the video, which has 6.0 seconds."),
        ({"range": [-1, 3]}, "“range” has to be a part of the video, which has 6.0 seconds."),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_what_cannot_be_answered_is_refused_in_words(
    server: Exchangeable, engine: FakeEngine, clip: Path, send: Send, body: dict[str, Any], sentence: str
) -> None:
    assert sentence_of(send(server, clip, **({"query": "When?"} | body))) == sentence
    assert engine.prompts == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"video": "https://127.0.0.1/clip.mp4"}, "Only media inside the request are accepted"),
        ({"video": "file:///etc/passwd"}, "Only media inside the request are accepted"),
        ({"video": "/etc/passwd"}, "Only media inside the request are accepted"),
        ({"video": None}, "“video” has to be a text."),
        ({"video": data_url(bytes(5 * 2**20))}, "more than the 4 MiB allowed"),
        ({"range": [3]}, "“range[1]” is missing."),
        ({"range": "3, 5"}, "“range” has to be "),
        ({"range": [0, "far"]}, "“range[1]” has to be a number."),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_what_is_wrong_with_a_request_is_named(
    server: Exchangeable, engine: FakeEngine, clip: Path, body: dict[str, Any], sentence: str
) -> None:
    assert sentence in sentence_of(as_json(server, clip, **({"query": "When?"} | body)))
    assert engine.prompts == []


@pytest.mark.parametrize("text", ["3", "3; 5", "now, then", "1, 2, 3", "nan, 3"])
def test_a_range_of_a_form_is_two_numbers(server: Exchangeable, engine: FakeEngine, clip: Path, text: str) -> None:
    refused = as_form(server, clip, query="When?", range=text)
    assert sentence_of(refused) == "“range” has to be two numbers of seconds, as in 3, 7.5."
    assert as_form(server, clip, query="When?", range="[3, 5]").status_code == 200


def test_a_form_has_one_video(server: Exchangeable, engine: FakeEngine, clip: Path) -> None:
    url, part = f"{server.url}/v1/timeline", ("clip.mp4", clip.read_bytes())
    assert "“video” is missing" in sentence_of(httpx.post(url, data={"query": "When?"}, files={"file": part}))
    assert "more than once" in sentence_of(httpx.post(url, files=[("video", part), ("video", part)]))
    large = ("clip.mp4", bytes(4 * 2**20 + 1))
    assert httpx.post(url, data={"query": "When?"}, files={"video": large}).status_code == 413


# --- what comes as a video --------------------------------------------------------------------------------------------


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing": (lambda folder: written(folder / "a.mp4", b""), "This file is empty"),
    "words": (lambda folder: written(folder / "a.mp4", b"What is this?" * 20), "This file is not a video."),
    "a playlist": (
        lambda folder: written(folder / "a.mp4", b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n"),
        "This file is not a video.",
    ),
    "sound": (lambda folder: sound_only(folder / "a.mp4"), "sound, but no pictures"),
    "one picture": (lambda folder: write_clip(folder / "a.mp4", [0.0]), "only one picture"),
    "the first half of an MP4": (
        lambda folder: written(folder / "b.mp4", halved(write_clip(folder / "a.mp4", steady(60, 10)))),
        "This video is damaged or incomplete.",
    ),
    "a head without a body": (
        lambda folder: written(folder / "a.mkv", b"\x1a\x45\xdf\xa3" + bytes(500)),
        "damaged or incomplete",
    ),
}


def halved(path: Path) -> bytes:
    """What is there of a file whose upload broke off: the table of its pictures, at the end, is not."""
    data = path.read_bytes()
    return data[: len(data) // 2]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_video_gets_a_plain_sentence_soon_and_the_next_one_works(
    server: Exchangeable, engine: FakeEngine, clip: Path, tmp_path: Path, name: str
) -> None:
    make, words = BAD[name]
    as_json(server, clip, query="When?")  # the process that decodes is up
    path, started = make(tmp_path), time.monotonic()
    sentence = sentence_of(as_json(server, path, query="When?"))
    assert time.monotonic() - started < 20
    assert words in sentence
    assert str(path.parent) not in sentence
    assert as_json(server, clip, query="When?").status_code == 200


def test_damage_in_the_middle_is_told_and_the_rest_is_used(
    server: Exchangeable, engine: FakeEngine, tmp_path: Path
) -> None:
    path = write_clip(tmp_path / "clip.mp4", steady(100, 10), keyframe_every=10, size_wh=(256, 128))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[start : start + 400] = b"\xff" * 400
    path.write_bytes(data)
    answer = as_json(server, path, task="describe").json()
    assert len(answer["frames_s"]) > 10
    assert len(answer["events"]) == 2
    assert "of the video w" in answer["problems"][0]
    assert answer["problems"][0].endswith(" left out.")


def test_ten_hours_are_looked_at_within_the_budget(server: Exchangeable, engine: FakeEngine, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", range(36_000), codec="mpeg4", keyframe_every=300, size_wh=(16, 16))
    answer = as_json(server, path, task="describe", range=[18_000, 36_000]).json()
    assert len(answer["frames_s"]) == presets_of(INFO)["Quality"].frames.max_frames
    assert answer["frames_s"][0] == pytest.approx(18_000, abs=1)
    assert answer["frames_s"][-1] > 35_000


# --- nobody waits any more --------------------------------------------------------------------------------------------


def test_a_client_that_leaves_stops_the_answer(server: Exchangeable, clip: Path) -> None:
    engine = FakeEngine(SLOW, delay_s=0.01)
    server.use(engine)
    with pytest.raises(httpx.ReadTimeout):
        as_json(server, clip, timeout=2, query="When?")
    engine.script = ("At 1.0 seconds.",)
    assert as_json(server, clip, query="When?", timeout=30).json()["events"][0]["start_s"] == 1.0


def test_a_client_that_leaves_ends_the_decoder(
    server: Exchangeable, engine: FakeEngine, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_json(server, clip, query="When?")
    before = processes()
    with monkeypatch.context() as patched:
        patched.setattr(decoding, "frames_at", hang)
        with pytest.raises(httpx.ReadTimeout):
            as_json(server, clip, timeout=1, query="When?")
    ends_at = time.monotonic() + DEFAULT_LIMITS.frames_s - 10
    while before <= processes():
        assert time.monotonic() < ends_at, "the process that hangs is still there"
        time.sleep(0.1)
    assert as_json(server, clip, query="When?").status_code == 200


def processes() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if child.status() != "zombie"}


def test_request_and_answer_are_described(server: Exchangeable) -> None:
    description = httpx.get(f"{server.url}/openapi.json").json()
    operation = description["paths"]["/v1/timeline"]["post"]
    content = operation["requestBody"]["content"]
    for kind in ("application/json", "multipart/form-data"):
        assert set(content[kind]["schema"]["properties"]) == {"video", "query", "task", "range"}
        assert content[kind]["schema"]["additionalProperties"] is False
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    described = description["components"]["schemas"][answer]["properties"]
    assert {"text", "events", "frames_s", "problems"} <= described.keys()
    assert {"label", "start_s", "end_s", "boxes"} == description["components"]["schemas"]["TimelineEvent"][
        "properties"
    ].keys()
