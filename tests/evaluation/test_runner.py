"""Asking and keeping: resumed, stopped, with failures and with several questions at a time."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.data_files import DataError
from evaluation.report import failures, report
from evaluation.results import Results
from evaluation.runner import Asking, run
from evaluation.tasks import TASKS
from evaluation.tasks.base import Sample
from model.engines.base import Events
from model.engines.fake import FakeEngine
from model.errors import EngineBusy, EngineError, ModelNotFound, RequestError
from model.types import Chunk, GenerationOptions, Prompt, Video
from tests.model.clips import write_clip
from tests.model.pictures import drawn, encoded

TASK = TASKS["exact_match"]
RUN = {"task": "exact_match", "model": "fake"}


class Knowing(FakeEngine):
    """Answers each question by its first word; an error is raised instead."""

    def __init__(self, answers: Mapping[str, str | Exception]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[str] = []
        self.options: list[GenerationOptions] = []

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        word = prompt.messages[-1].text.split()[0]
        self.asked.append(word)
        self.options.append(options)
        answer = self.answers[word]
        if isinstance(answer, Exception):
            raise answer
        yield Chunk("let me see", "thinking")
        yield Chunk(answer, "text", prompt.tokens, 1, finish_reason="stop")


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample[list[str]]]:
    (tmp_path / "a.png").write_bytes(encoded(drawn()))
    words = ("one", "two", "three")
    return [Sample(number, f"q{number}", (tmp_path / "a.png",), word, [word]) for number, word in enumerate(words, 1)]


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    with Results(tmp_path / "out" / "results.jsonl", RUN) as results:
        yield results


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_answer_is_a_line(samples: list[Sample[list[str]]], results: Results) -> None:
    engine = Knowing({"one": "One", "two": "2", "three": "three"})
    assert run(engine, TASK, samples, Asking(), results)
    head, *rows = lines_of(results.path)
    assert head == {"run": RUN}
    assert [(row["number"], row["id"], row["answer"], row["scores"]) for row in rows] == [
        (1, "q1", "One", {"exact_match": 1.0}),
        (2, "q2", "2", {"exact_match": 0.0}),
        (3, "q3", "three", {"exact_match": 1.0}),
    ]
    assert [row["finish_reason"] for row in rows] == ["stop"] * 3
    assert all(options.greedy for options in engine.options)
    told = report(TASK, "fake", "data.json", samples, results)
    assert json.loads(told.json_line()) == {
        "benchmark": "exact_match",
        "model": "fake",
        "data": "data.json",
        "main": "exact_match",
        "value": 0.6667,
        "figures": {"exact_match": 0.6667},
        "samples": 3,
        "total": 3,
        "failed": 0,
        "cut_off": 0,
    }
    assert "| exact_match | 0.6667 |" in told.table()


def test_a_run_goes_on_where_it_was(samples: list[Sample[list[str]]], tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with Results(path, RUN) as results:
        run(Knowing({"one": "one", "two": "two"}), TASK, samples[:2], Asking(), results)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])  # broken off in the middle of a line
    engine = Knowing({"two": "two", "three": "three"})
    with Results(path, RUN) as results:
        assert run(engine, TASK, samples, Asking(), results)
        assert engine.asked == ["two", "three"]
        assert report(TASK, "fake", "data.json", samples, results).figures == {"exact_match": 1.0}
    assert [row.get("number") for row in lines_of(path)] == [None, 1, 2, 3]


def test_what_failed_counts_as_wrong_and_is_tried_again(
    samples: list[Sample[list[str]]], results: Results, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bad = Sample(4, "q4", (tmp_path / "bad.png",), "four", ["four"])
    engine = Knowing({"one": "one", "two": EngineError("The model stopped."), "three": "three"})
    assert run(engine, TASK, [*samples, bad], Asking(), results)
    told = report(TASK, "fake", "data.json", [*samples, bad], results)
    assert (told.failed, told.samples, told.figures) == (2, 4, {"exact_match": 0.5})
    assert "| failed, counted as empty answers | 2 |" in told.table()
    assert failures([*samples, bad], results) == [
        "a.png: The model stopped.",
        "bad.png: This file is not a picture. Choose a PNG, JPEG, WebP, GIF, BMP, TIFF or HEIC file.",
    ]
    engine = Knowing({"two": "two"})
    run(engine, TASK, samples, Asking(), results)
    assert engine.asked == ["two"]
    assert report(TASK, "fake", "data.json", samples, results).figures == {"exact_match": 1.0}


def test_several_questions_are_in_flight(samples: list[Sample[list[str]]], results: Results) -> None:
    class Together(FakeEngine):
        """Answers when three questions are there at the same time."""

        barrier = threading.Barrier(3)

        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            self.barrier.wait(timeout=30)
            yield Chunk(prompt.messages[-1].text.split()[0], finish_reason="stop")

    assert run(Together(), TASK, samples, Asking(), results, in_flight=3)
    assert report(TASK, "fake", "data.json", samples, results).figures == {"exact_match": 1.0}


def test_an_engine_that_is_busy_is_asked_again(samples: list[Sample[list[str]]], results: Results) -> None:
    class Busy(Knowing):
        is_busy = True

        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            if self.is_busy:
                self.is_busy = False
                raise EngineBusy("Too many are waiting.")
            yield from super().stream(prompt, options, cancel)

    assert run(Busy({"one": "one"}), TASK, samples[:1], Asking(), results)
    assert results.by_number[1].scores == {"exact_match": 1.0}


def test_ctrl_c_keeps_what_was_answered(samples: list[Sample[list[str]]], results: Results) -> None:
    class Stopped(Knowing):
        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            if prompt.messages[-1].text.startswith("two"):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                cancel.wait(30)
                yield Chunk("", finish_reason="cancelled")
            else:
                yield from super().stream(prompt, options, cancel)

    assert not run(Stopped({"one": "one", "three": "three"}), TASK, samples, Asking(), results)
    assert set(results.by_number) == {1}
    told = report(TASK, "fake", "data.json", samples, results)
    assert (told.samples, told.total) == (1, 3)


def test_an_answer_that_is_complete_as_the_run_is_stopped_is_kept(
    samples: list[Sample[list[str]]], results: Results
) -> None:
    class Late(Knowing):
        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            cancel.wait(30)
            yield from super().stream(prompt, options, cancel)

    assert not run(Late({"one": "one"}), TASK, samples, Asking(), results)
    assert {number: result.answer for number, result in results.by_number.items()} == {1: "one"}
    assert [row.get("number") for row in lines_of(results.path)] == [None, 1]


def test_ctrl_c_while_the_questions_are_still_being_lined_up(
    samples: list[Sample[list[str]]], results: Results
) -> None:
    class Early(Knowing):
        def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
            yield from super().stream(prompt, options, cancel)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    many = [replace(samples[0], number=number, id=f"q{number}") for number in range(1, 5000)]
    assert not run(Early({"one": "one"}), TASK, many, Asking(), results)
    assert results.by_number[1].answer == "one"
    assert len(results.by_number) < 10


def test_a_model_that_is_gone_ends_the_run_and_fails_no_sample(
    samples: list[Sample[list[str]]], results: Results
) -> None:
    engine = Knowing({"one": "one", "two": ModelNotFound("It is gone."), "three": "three"})
    with pytest.raises(ModelNotFound):
        run(engine, TASK, samples, Asking(), results)
    assert 2 not in results.by_number
    assert results.is_done(1)


def test_options_of_a_run(samples: list[Sample[list[str]]], results: Results) -> None:
    engine = Knowing({"one": "one", "Is": "two"})
    run(engine, TASK, samples[:1], Asking(max_new_tokens=5, preset="Speed"), results)
    run(engine, TASK, samples[1:2], Asking(prompt="Is it {question}?"), results)
    assert [options.max_new_tokens for options in engine.options] == [5, 2048]
    assert results.by_number[2].answer == "two"
    with pytest.raises(RequestError, match=r"There is no preset “Fast”\. Choose one of Quality, Speed, Low memory\."):
        run(engine, TASK, samples, Asking(preset="Fast"), results)


def test_a_long_answer_may_be_longer_than_the_preset_says(samples: list[Sample[list[str]]], results: Results) -> None:
    engine = Knowing({"Read": "one"})
    run(engine, TASKS["ocr"], [Sample(1, "", samples[0].media, "", "one")], Asking(), results)
    assert [options.max_new_tokens for options in engine.options] == [8192]
    assert report(TASKS["ocr"], "fake", "a", [Sample(1, "", samples[0].media, "", "one")], results).figures["cer"] == 0


def test_videos_are_asked_about_as_frames(results: Results, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [index / 10 for index in range(40)])
    sample = Sample(1, "clip", (clip,), "a square appears", [(1.0, 3.0)])
    engine = FakeEngine(["It happens ", "in 1.0 - 2.0 seconds."])
    assert run(engine, TASKS["charades_sta"], [sample], Asking(), results)
    assert results.by_number[1].found == [1.0, 2.0]
    assert results.by_number[1].scores["recall_at_0.5"] == 1.0
    (video,) = engine.prompts[0].messages[0].media
    assert isinstance(video, Video)


def test_progress_tells_the_time_left(
    samples: list[Sample[list[str]]], results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    run(Knowing({"one": "one", "two": "two", "three": "three"}), TASK, samples, Asking(), results)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3/3" in captured.err
    assert "<00:00" in captured.err


def test_results_of_another_run_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    Results(path, RUN).__exit__(None, None, None)
    before = path.read_bytes()
    with pytest.raises(DataError) as caught:
        Results(path, {**RUN, "model": "other", "max_new_tokens": 5})
    assert str(caught.value) == (
        "results.jsonl: these are the results of another run, with a different model, max new tokens. "
        "Name another file with --out, or start anew with --restart."
    )
    assert path.read_bytes() == before
    with Results(path, {**RUN, "model": "other"}, restart=True) as results:
        assert results.by_number == {}
    assert lines_of(path) == [{"run": {**RUN, "model": "other"}}]


@pytest.mark.parametrize("content", ['{"image": "a.png"}\n', "[1]\n", "text\n", "text"])
def test_a_file_that_holds_no_results_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError, match=r"^mine\.jsonl, line 1: this is not a line of results\. Name another file"):
        Results(path, RUN)
    assert path.read_text("utf-8") == content


def test_a_file_that_is_no_text_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(drawn()))
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(DataError, match=r"^a\.png: the results cannot be written there\."):
        Results(tmp_path / "a.png", RUN)
    assert (tmp_path / "a.png").read_bytes() == before


def test_a_run_that_was_broken_off_in_its_first_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"run": {"task": "ex', "utf-8")
    with Results(path, RUN):
        pass
    assert lines_of(path) == [{"run": RUN}]
