"""`python app.py read`: what it writes, what it keeps, what it says, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.batch_read import BatchReader, ReadSettings, read
from app.settings import read_settings_of
from model.engines.fake import FakeEngine
from model.errors import EngineError, RequestError, StudioError
from model.prompts import FIELD_PRESETS
from model.types import Chunk, FinishReason, Prompt
from tests.app.documents import LAYOUT, MARKDOWN, REPORT, encrypted
from tests.app.found import picture
from tests.model.tiny_models import save_tiny_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(MARKDOWN)


def _settings(folder: Path, *arguments: str) -> ReadSettings:
    return read_settings_of(
        ReadSettings, [*arguments, "--out", str(folder / "out"), "--data-dir", str(folder / "data")]
    )


def _read(folder: Path, engine: FakeEngine, *arguments: str) -> BatchReader:
    reader = BatchReader(_settings(folder, *arguments), engine)
    reader.run()
    return reader


def test_each_document_becomes_a_file(tmp_path: Path, engine: FakeEngine) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture(200, 150).data)
    other = tmp_path / "other" / "report.pdf"
    other.parent.mkdir()
    other.write_bytes(REPORT.read_bytes() + b"\n")
    summary = _read(tmp_path, engine, str(REPORT), str(other), str(photo)).summary
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["photo.md", "report-2.md", "report.md"]
    assert "# Water" in (tmp_path / "out" / "report.md").read_text("utf-8")
    assert (summary.read, summary.from_before, summary.failures) == (5, 0, [])
    assert str(summary) == "5 pages read."


def test_of_shorter_documents_the_pages_that_they_have_are_read(tmp_path: Path, engine: FakeEngine) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture(200, 150).data)
    summary = _read(tmp_path, engine, str(REPORT), str(photo), "--pages", "1-2, 4-").summary
    assert (summary.read, summary.failures) == (3, [])
    assert summary.problems == [
        "report.pdf: There is no page 4-: this document has 2 pages.",
        "photo.png: There is no page 2, 4-: this document has 1 page.",
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["photo.md", "report.md"]
    summary = _read(tmp_path, engine, str(REPORT), str(photo), "--pages", "2").summary
    assert (summary.from_before, len(summary.failures)) == (1, 1)
    assert summary.failures == ["photo.png: There is no page 2, only page 1."]


def test_a_second_run_reads_nothing_again_and_writes_the_same(tmp_path: Path, engine: FakeEngine) -> None:
    _read(tmp_path, engine, str(REPORT), "--pages", "1")
    written = (tmp_path / "out" / "report.md").read_bytes()
    summary = _read(tmp_path, engine, str(REPORT)).summary
    assert len(engine.prompts) == 2
    assert str(summary) == "2 pages read, 1 of them before."
    assert _read(tmp_path, engine, str(REPORT), "--pages", "1").summary.from_before == 1
    assert (tmp_path / "out" / "report.md").read_bytes() == written


@pytest.mark.parametrize(
    ("mode", "name"), [("text", "report.txt"), ("layout", "report.json"), ("tables", "report.csv.zip")]
)
def test_the_format_follows_the_mode(tmp_path: Path, mode: str, name: str) -> None:
    _read(tmp_path, FakeEngine(LAYOUT), str(REPORT), "--mode", mode)
    assert (tmp_path / "out" / name).stat().st_size


def test_another_format_can_be_asked_for(tmp_path: Path, engine: FakeEngine) -> None:
    _read(tmp_path, engine, str(REPORT), "--format", "json")
    assert len(json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["pages"]) == 2


def test_fields_of_all_documents_are_one_table(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture(200, 150).data)
    engine = FakeEngine(('{"total": "12.50"}',))
    _read(tmp_path, engine, str(REPORT), str(photo), "--mode", "fields", "--fields", "total, date")
    with (tmp_path / "out" / "fields.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][-2:] == ["total", "date"]
    assert [row[-2] for row in rows[1:]] == ["12.50"] * 3


def test_fields_can_be_a_kind_of_document(tmp_path: Path) -> None:
    assert _settings(tmp_path, "a.pdf", "--mode", "fields", "--fields", "receipt").ask().fields == (
        FIELD_PRESETS["receipt"].fields
    )
    with pytest.raises(RequestError, match=r"--fields: name the fields to read, .* business_card"):
        _settings(tmp_path, "a.pdf", "--mode", "fields").ask()
    with pytest.raises(RequestError, match="--fields: only for --mode fields"):
        _settings(tmp_path, "a.pdf", "--fields", "total").ask()


def test_what_fails_is_told_and_the_rest_is_read(tmp_path: Path, engine: FakeEngine) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    locked = encrypted(tmp_path, "sesame")
    files = [str(tmp_path / "notes.txt"), str(tmp_path / "gone.pdf"), str(locked), str(REPORT)]
    summary = _read(tmp_path, engine, *files).summary
    assert [line.split(":")[0] for line in summary.failures] == ["notes.txt", "gone.pdf", "locked.pdf"]
    assert str(summary) == "2 pages read. 3 failed:"
    assert summary.failures[1:] == [
        "gone.pdf: There is no such file, or it cannot be read.",
        "locked.pdf: --password is missing: it is encrypted.",
    ]
    wrong = _read(tmp_path, engine, str(locked), "--password", "open").summary.failures
    assert wrong == ["locked.pdf: --password does not open this document."]
    assert _read(tmp_path, engine, str(locked), "--password", "sesame").summary.failures == []


def test_a_folder_is_told_from_a_file(tmp_path: Path, engine: FakeEngine) -> None:
    (tmp_path / "scans").mkdir()
    summary = _read(tmp_path, engine, str(tmp_path / "scans")).summary
    assert summary.failures == ["scans: This is a folder. Name the files in it, as in scans/*.pdf."]


def test_no_model_is_loaded_where_there_is_nothing_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.batch_read.load_engine", lambda *_: pytest.fail("a model is loaded"))
    assert read([str(tmp_path / "gone.pdf"), str(tmp_path), "--data-dir", str(tmp_path / "data")]) == 1
    said = capsys.readouterr()
    assert said.out == "0 pages read. 2 failed:\n"
    assert said.err.splitlines()[0] == "  gone.pdf: There is no such file, or it cannot be read."


def test_the_same_file_is_written_once(tmp_path: Path, engine: FakeEngine) -> None:
    photo, link = tmp_path / "photo.png", tmp_path / "link.png"
    photo.write_bytes(picture(200, 150).data)
    link.symlink_to(photo)
    files = [str(photo), str(REPORT), str(tmp_path / "x" / ".." / "photo.png"), str(link)]
    assert str(_read(tmp_path, engine, *files).summary) == "3 pages read."
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["photo.md", "report.md"]


def test_a_page_that_fails_is_told_with_its_number(tmp_path: Path, engine: FakeEngine) -> None:
    _read(tmp_path, engine, str(REPORT), "--pages", "1")
    engine.fail_with = EngineError("The model stumbled.")
    summary = _read(tmp_path, engine, str(REPORT)).summary
    assert summary.failures == ["report.pdf, page 2: The model stumbled."]
    assert (tmp_path / "out" / "report.md").exists(), "what was read is written"


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path, engine: FakeEngine) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StudioError, match="--out"):
        _read(tmp_path, engine, str(REPORT))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "required: FILES"),
        (("a.pdf", "--mode", "paint"), "mode"),
        (("a.pdf", "--format", "doc"), "format"),
        (("a.pdf", "--mod", "text"), "unrecognized arguments: --mod"),
    ],
)
def test_options_that_cannot_be_used_end_the_program_with_status_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(list(arguments))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "python app.py read --help" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("a.pdf", "--mode", "fields"), "--fields"), (("a.pdf", "--pages", "x"), "Write pages as in")],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_read(
    arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(RequestError, match=sentence):
        read(list(arguments))


def _stop_at_page(reader: BatchReader, engine: FakeEngine, number: int) -> None:
    """Somebody stops the run while this page, of all that the engine is asked to read, is written."""
    prepare = engine.prepare

    def prepare_and_stop(*arguments: Any, **options: Any) -> Prompt:
        prompt = prepare(*arguments, **options)
        if len(engine.prompts) == number - 1:
            reader.stop()
        return prompt

    engine.prepare = prepare_and_stop  # type: ignore[method-assign]  # this one engine, for this run


def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path: Path, engine: FakeEngine) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture(200, 150).data)
    reader = BatchReader(_settings(tmp_path, str(photo), str(REPORT)), engine)
    _stop_at_page(reader, engine, 3)
    assert str(reader.run()) == "2 pages read. 1 left; the same command goes on with them."
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.md"], "nothing is written by halves"
    again = FakeEngine(MARKDOWN)
    assert str(_read(tmp_path, again, str(photo), str(REPORT)).summary) == "3 pages read, 2 of them before."
    assert len(again.prompts) == 1
    assert (tmp_path / "out" / "report.md").is_file()


@pytest.mark.parametrize(("fails", "status"), [(False, 0), (True, 1)])
def test_the_status_says_whether_everything_was_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    engine: FakeEngine,
    fails: bool,
    status: int,
) -> None:
    monkeypatch.setattr("app.batch_read.prepare_process", lambda settings: None)
    monkeypatch.setattr("app.batch_read.load_engine", lambda *_: engine)
    engine.fail_with = EngineError("The model stumbled.") if fails else None
    options = ["--pages", "1", "--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")]
    assert read([str(REPORT), *options]) == status
    assert engine.closed.is_set()
    said = capsys.readouterr()
    assert ("1 page read." in said.out) is not fails
    assert ("report.pdf, page 1: The model stumbled." in said.err) is fails


def test_what_is_wrong_with_a_page_that_was_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.batch_read.prepare_process", lambda settings: None)
    monkeypatch.setattr("app.batch_read.load_engine", lambda *_: FakeEngine(('{"total": "12.50"}',)))
    options = ["--mode", "fields", "--fields", "total, date", "--out", str(tmp_path / "out")]
    for _ in ("read", "from the store"):
        assert read([str(REPORT), *options, "--data-dir", str(tmp_path / "data")]) == 0
        said = capsys.readouterr()
        assert said.out.endswith("Read, but look at:\n")
        lines = [line.strip() for line in said.err.splitlines()]
        for page in (1, 2):
            (line,) = (line for line in lines if line.startswith(f"report.pdf, page {page}: "))
            assert "date" in line


@pytest.mark.parametrize("reason", ["length", "repetition"])
def test_a_page_that_was_cut_is_told(tmp_path: Path, reason: FinishReason) -> None:
    engine = FakeEngine(("# Water", Chunk(" was", finish_reason=reason)))
    for _ in ("read", "from the store"):
        summary = _read(tmp_path, engine, str(REPORT), "--pages", "1", "--format", "json").summary
        (problem,) = summary.problems
        assert problem.startswith("report.pdf, page 1: The answer re")
        assert problem.endswith("so something of the page may be missing.")
        (written,) = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["problems"]
        assert problem.endswith(written)
    assert len(engine.prompts) == 1


def test_ctrl_c_stops_in_order_and_says_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: FakeEngine
) -> None:
    monkeypatch.setattr("app.batch_read.prepare_process", lambda settings: None)
    monkeypatch.setattr("app.batch_read.load_engine", lambda *_: engine)
    engine.delay_s = 0.2
    threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,)).start()
    before = signal.getsignal(signal.SIGINT)
    options = ["--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")]
    assert read([str(REPORT), *options]) == 128 + signal.SIGINT
    assert engine.closed.is_set()
    assert signal.getsignal(signal.SIGINT) == before
    said = capsys.readouterr()
    assert "left; the same command goes on with them." in said.out
    assert said.err == "Stopping.\n"


def test_a_model_that_has_not_learned_to_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine
) -> None:
    monkeypatch.setattr("app.batch_read.prepare_process", lambda settings: None)
    pocket = FakeEngine(("Gibberish",), info=replace(engine.info, is_pocket=True))
    monkeypatch.setattr("app.batch_read.load_engine", lambda *_: pocket)
    with pytest.raises(RequestError, match="has not learned to read tables"):
        read([str(REPORT), "--mode", "tables", "--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")])
    assert pocket.prompts == []
    assert pocket.closed.is_set()
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_had_fails_instead_of_another_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.batch_read.prepare_process", lambda settings: None)
    assert read([str(REPORT), "--model", str(tmp_path / "no model"), "--data-dir", str(tmp_path / "data")]) == 1
    assert capsys.readouterr().err


def test_the_program_reads_with_a_model_from_a_folder(tmp_path: Path) -> None:
    """A real, tiny Qwen3-VL of random weights, whose words mean nothing."""
    model = save_tiny_model(tmp_path / "model", "qwen3_vl")
    page, broken = tmp_path / "page.png", tmp_path / "broken.pdf"
    page.write_bytes(picture(200, 150).data)
    broken.write_bytes(b"%PDF-1.7\n")
    ended = _run_program(page, broken, "--model", model, "--mode", "text", folder=tmp_path)
    assert ended.returncode == 1, ended.stderr
    assert "1 page read. 1 failed:" in ended.stdout
    assert (tmp_path / "out" / "page.txt").is_file()
    assert "broken.pdf: " in ended.stderr
    assert str(tmp_path) not in ended.stderr


def test_the_program_says_what_the_pocket_model_does_not_read(tmp_path: Path) -> None:
    ended = _run_program(REPORT, "--mode", "tables", folder=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("The pocket model has not learned to read tables;")


def _run_program(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    options = ("--out", folder / "out", "--data-dir", folder / "data")
    return subprocess.run(
        [sys.executable, "app.py", "read", *map(str, (*arguments, *options))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=170,
    )
