"""`python -m evaluation run` with the real pocket model on drawn scenes, and what it says of what cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from evaluation.__main__ import FAILED, NOT_USABLE, main
from evaluation.abilities import SEED, picture_of
from model.loading import ModelSpec, load_engine
from tests.serving import Exchangeable, served
from training.scenes import Scene, random_scene

ROOT = Path(__file__).resolve().parents[2]
SCENES = 4


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RefCOCO's rows about scenes, in each of which one shape is the only one of its name."""
    folder = tmp_path_factory.mktemp("scenes")
    rows: list[dict[str, Any]] = []
    for index in range(100):
        scene = random_scene(np.random.default_rng((SEED + 5, index)))
        if name := _only_one(scene):
            picture = f"{len(rows)}.png"
            (folder / picture).write_bytes(picture_of(scene).data)
            box = next(shape.xyxy for shape in scene.shapes if shape.name == name)
            rows.append({"image": picture, "sent": name, "bbox": [float(value) for value in box]})
        if len(rows) == SCENES:
            break
    (folder / "refcoco.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return folder


def _only_one(scene: Scene) -> str | None:
    names = [shape.name for shape in scene.shapes]
    return next((name for name in names if names.count(name) == 1), None)


def last_line(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text.splitlines()[-1])
    return value


def test_the_pocket_model_finds_shapes_and_the_run_goes_on(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.jsonl"
    data = str(scenes / "refcoco.jsonl")
    arguments = ["run", "--task", "refcoco", "--data", data, "--model", "pocket", "--out", str(out)]
    assert main([*arguments, "--limit", "2"]) == 0
    assert last_line(capsys.readouterr().out)["samples"] == 2
    before = out.read_text("utf-8")

    assert main([*arguments, "--in-flight", "2"]) == 0
    assert out.read_text("utf-8").startswith(before)
    captured = capsys.readouterr()
    told = last_line(captured.out)
    assert (told["benchmark"], told["model"], told["samples"], told["failed"]) == ("refcoco", "pocket", SCENES, 0)
    assert told["figures"]["accuracy"] >= 0.75  # of four; guessing finds none
    assert "| accuracy |" in captured.out
    assert f"{SCENES}/{SCENES}" in captured.err

    command = [sys.executable, "-m", "evaluation", *arguments]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert last_line(again.stdout) == told
    assert "Loading the model" not in again.stderr


def test_the_pocket_model_answers_the_same_through_a_server(scenes: Path, tmp_path: Path) -> None:
    arguments = ["run", "--task", "refcoco", "--data", str(scenes / "refcoco.jsonl")]
    server = Exchangeable(tmp_path / "data")
    engine = load_engine(ModelSpec(), lambda _: None, Event())
    with served(server):
        server.use(engine)
        through = [*arguments, "--base-url", f"{server.url}/v1", "--out", str(tmp_path / "server.jsonl")]
        assert main(through) == 0
    assert main([*arguments, "--out", str(tmp_path / "here.jsonl")]) == 0
    answers = {name: answers_in(tmp_path / f"{name}.jsonl") for name in ("here", "server")}
    assert len(answers["here"]) == SCENES
    assert answers["server"] == answers["here"]


def answers_in(path: Path) -> dict[int, tuple[str, list[float]]]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()[1:]]
    return {row["number"]: (row["answer"], row["found"]) for row in rows}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--task", "coco"), "refcoco.jsonl: this is not a file for this task, which takes COCO's JSON"),
        (("--task", "refcoco", "--media", "/nowhere"), "refcoco.jsonl, line 1: there is no file “0.png” in the folder"),
        (("--task", "refcoco", "--prompt", "Where is it?"), "--prompt: the words of the question are missing; write"),
        (("--task", "refcoco", "--base-url", "http://x/v1", "--dtype", "float32"), "--base-url: the server has loaded"),
        (("--task", "refcoco", "--family", "Qwen2-VL"), "--family: this is for the model of a server; a model that"),
    ],
)
def test_what_cannot_be_used_is_told_before_a_model_is_loaded(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    out = tmp_path / "results.jsonl"
    assert main(["run", *arguments, "--data", str(scenes / "refcoco.jsonl"), "--out", str(out)]) == NOT_USABLE
    captured = capsys.readouterr()
    assert captured.err.startswith(sentence)
    assert captured.out == ""
    assert not out.exists()


@pytest.mark.parametrize("more", [(), ("--limit", "1", "--prompt", "Where is it?")], ids=["", "one wording for all"])
def test_a_model_that_cannot_be_had_is_told(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    (tmp_path / "model").mkdir()
    out = tmp_path / "results.jsonl"
    data = str(scenes / "refcoco.jsonl")
    arguments = ["run", "--task", "refcoco", "--data", data, "--out", str(out), "--model", str(tmp_path / "model")]
    assert main([*arguments, *more]) == FAILED
    assert capsys.readouterr().err.endswith("This folder holds no model: it has no config.json.\n")


def test_answers_with_an_adapter_are_those_of_another_run(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tuned" / "blue ones").mkdir(parents=True)
    arguments = ["run", "--task", "refcoco", "--data", str(scenes / "refcoco.jsonl")]
    with_adapter = [*arguments, "--adapter", "tuned/blue ones"]
    assert main(with_adapter) == FAILED  # there is no adapter in the folder
    out = Path("results") / "refcoco-refcoco-pocket+blue_ones.jsonl"
    assert out.is_file()
    capsys.readouterr()
    assert main([*arguments, "--out", str(out)]) == NOT_USABLE
    told = capsys.readouterr().err
    assert "these are the results of another run, with a different adapter, adapter weights." in told


@pytest.mark.parametrize("wrong", [("--limit", "0"), ("--limit", "many"), ("--task", "nothing"), ("--in-flight", "-1")])
def test_options_that_make_no_sense_are_refused(scenes: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--task", "refcoco", "--data", str(scenes / "refcoco.jsonl"), *wrong])
    assert ended.value.code == NOT_USABLE


def test_help_names_every_task_and_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    told = capsys.readouterr().out
    for word in ("refcoco", "coco", "docvqa", "chartqa", "vqa", "exact_match", "ocr", "tables", "charades_sta"):
        assert f"\n  {word}: " in told
    assert "PubTabNet's JSON lines" in told
