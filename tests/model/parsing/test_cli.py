"""`python -m model.parsing` as a script uses it: real processes, and for the tables of arguments its `main`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.parsing.__main__ import main
from tests.model.parsing.answers import needs_real_outputs, raw_text, real_cases

ROOT = Path(__file__).resolve().parents[3]
BOX = '[{"bbox_2d": [100, 200, 300, 400], "label": "cup"}]'


def run(*arguments: str, text: str | bytes = BOX, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "model.parsing", *arguments],
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


def printed(*arguments: str, text: str | bytes = BOX, **environment: str) -> dict[str, Any]:
    done = run(*arguments, text=text, **environment)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


Main = Callable[..., dict[str, Any]]


@pytest.fixture
def printed_by_main(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Main:
    """The same as `printed`, without the cost of a process."""

    def call(*arguments: str, text: str = BOX) -> dict[str, Any]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert main(list(arguments)) == 0
        sys.stdout.flush()
        found: dict[str, Any] = json.loads(capfdbinary.readouterr().out)
        return found

    return call


def test_the_documented_object() -> None:
    text = (
        'Look: {"bbox_2d": [100, 200, 300, 400], "text_content": "米"} {"point_2d": [1, 2], "label": "tip"}\n'
        '{"polygon": [[1, 2], [3, 4], [5, 6]], "label": "roof"}\n'
        '{"bbox_3d": [1, 2, 3, 4, 5, 6, 7, 8, 9], "label": "car"}\n'
        '{"start": 1, "end": 2, "label": "runs"}\n{"total": 5}\n'
        '{"name": "computer_use", "arguments": {"coordinate": [999, 0]}}'
    )
    assert printed("--family", "Qwen3-VL", "--image-size", "1000x500", text=text) == {
        "text": "Look:",
        "boxes": [{"label": "米", "xyxy": [100, 100, 300, 200], "text": "米"}],
        "points": [{"label": "tip", "xy": [1, 1]}],
        "polygons": [{"label": "roof", "xy": [[1, 1], [3, 2], [5, 3]]}],
        "boxes_3d": [{"label": "car", "bbox_3d": [1, 2, 3, 4, 5, 6, 7, 8, 9]}],
        "events": [{"label": "runs", "start_s": 1, "end_s": 2}],
        "fields": {"total": 5},
        "actions": [{"name": "computer_use", "arguments": {"coordinate": [999, 0]}, "xy": [1000, 0]}],
        "document": None,
        "problems": [],
    }


def test_an_empty_answer_has_every_key() -> None:
    found = printed("--family", "Qwen3-VL", text="")
    assert found.pop("text") == ""
    assert found.pop("document") is None
    assert found.pop("fields") == {}
    assert set(found) == {"boxes", "points", "polygons", "boxes_3d", "events", "actions", "problems"}
    assert not any(found.values())


@pytest.mark.parametrize(
    ("family", "xyxy"),
    [
        ("Qwen-VL", [64, 96, 192, 192]),
        ("Qwen2-VL", [64, 96, 192, 192]),
        ("Qwen2.5-VL", [200, 240, 600, 480]),
        ("Qwen3-VL", [64, 96, 192, 192]),
        ("Qwen3.5", [64, 96, 192, 192]),
        ("Molmo", [640, 480, 640, 480]),
    ],
)
def test_each_family_has_its_convention(family: str, xyxy: list[float], printed_by_main: Main) -> None:
    found = printed_by_main("--family", family, "--image-size", "640x480", "--input-size", "320x400")
    assert found["boxes"] == [{"label": "cup", "xyxy": xyxy}]


def test_the_convention_can_be_overridden(printed_by_main: Main) -> None:
    arguments = ("--family", "Qwen3-VL", "--image-size", "640x480", "--convention", "source pixels")
    assert printed_by_main(*arguments)["boxes"][0]["xyxy"] == [100, 200, 300, 400]


def test_without_the_input_size_it_says_what_it_assumed(printed_by_main: Main) -> None:
    found = printed_by_main("--family", "Qwen2.5-VL", "--image-size", "640x480")
    x, y = 640 / 644, 480 / 476
    assert found["boxes"][0]["xyxy"] == pytest.approx([100 * x, 200 * y, 300 * x, 400 * y], abs=0.01)
    assert "--input-size" in found["problems"][0]


def test_a_page_that_is_written_out_is_printed_as_blocks(printed_by_main: Main) -> None:
    page = '```html\n<html><body><h1 data-bbox="322 238 644 476">Title</h1></body></html>\n```'
    found = printed_by_main("--family", "Qwen2.5-VL", "--image-size", "640x480", text=page)
    (block,) = found["document"]["blocks"]
    assert (block["kind"], block["text"], block["level"]) == ("heading", "Title", 1)
    assert block["xyxy"] == pytest.approx([320, 240, 640, 480], abs=0.01)
    assert any("--input-size" in problem for problem in found["problems"])


def test_duration_bounds_events(printed_by_main: Main) -> None:
    found = printed_by_main("--family", "Qwen3-VL", "--duration-s", "70.5", text="It happens in 64.0 - 72.0 seconds.")
    assert found["events"] == [{"label": "", "start_s": 64, "end_s": 70.5}]


def test_needs_neither_torch_nor_transformers(tmp_path: Path) -> None:
    for name in ("torch", "transformers", "gradio"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')")
    assert len(printed("--family", "Qwen3-VL", PYTHONPATH=str(tmp_path))["boxes"]) == 1


def test_bytes_that_are_no_text() -> None:
    assert printed("--family", "Qwen3-VL", text=b"\xff\xfe" + BOX.encode())["boxes"][0]["label"] == "cup"


def test_works_where_the_terminal_is_not_utf_8() -> None:
    found = printed("--family", "Qwen3-VL", text='{"name": "米"}', PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert found["fields"] == {"name": "米"}


def test_help_is_worth_reading() -> None:
    done = run("--help")
    text = done.stdout.decode()
    assert done.returncode == 0
    for words in (
        "--family",
        "Qwen2.5-VL",
        "--image-size",
        "--input-size",
        "--duration-s",
        '"boxes"',
        "pixels",
        "example",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--family"),
        (("--family", "GPT"), "“GPT” is not a family; choose one of Qwen-VL"),
        (("--family", "Qwen3-VL", "--image-size", "640"), "“640” is not a size"),
        (("--family", "Qwen3-VL", "--image-size", "0x5"), "“0x5” is not a size"),
        (("--family", "Qwen3-VL", "--image-size"), "--image-size needs a value"),
        (("--family", "Qwen3-VL", "--duration-s", "-1"), "is not a length in seconds"),
        (("--family", "Qwen3-VL", "--duration-s", "long"), "is not a length in seconds"),
        (("--family", "Qwen3-VL", "--convention", "inches"), "is not a convention; choose one of 0-1000"),
        (("--family", "Qwen3-VL", "answer.txt"), "answer.txt"),
    ],
)
def test_wrong_arguments_get_one_sentence(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    message = capsys.readouterr().err
    assert ended.value.code == 2
    assert words in message
    assert message.count("\n") == 1


@needs_real_outputs
@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in real_cases()])
def test_real_answers(case: dict[str, Any], printed_by_main: Main) -> None:
    sizes = ["--image-size", "{}x{}".format(*case["image_wh"])] if case["image_wh"] else []
    if case["input_hw"]:
        sizes += ["--input-size", "{1}x{0}".format(*case["input_hw"])]
    expected = case["expected"]
    found = printed_by_main("--family", case["model_family"], *sizes, text=raw_text(case))
    if expected["kind"] == "boxes":
        boxes = [box["xyxy"] for box in found["boxes"]]
        assert boxes == [pytest.approx(xyxy, abs=1) for xyxy in expected["boxes_px"] or expected["boxes_raw"]]
    if expected["kind"] in ("points", "tool_calls"):
        places = [found_place["xy"] for found_place in (*found["points"], *found["actions"])]
        assert places == [pytest.approx(xy, abs=1) for xy in expected["points_px"]]
    assert len(found["events"]) == len(expected["times_s"] or ())
    assert found["fields"] == (expected["fields"] or {})
