"""The queue that all engines share, and the fake engine that other tests rely on."""

from __future__ import annotations

import threading

import pytest

from model.engines.base import FairQueue, check_options
from model.engines.fake import FakeEngine
from model.errors import ContextOverflow, EngineBusy, EngineError, RequestError
from model.types import Chunk, GenerationOptions, Message, PixelBudget, Queued, StreamEvent, Text
from tests.model.pictures import image

HELLO = (Message("user", (Text("Hello there"),)),)


def collect(
    engine: FakeEngine, options: GenerationOptions | None = None, cancel: threading.Event | None = None
) -> list[StreamEvent]:
    return list(engine.stream(engine.prepare(HELLO), options or GenerationOptions(), cancel or threading.Event()))


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Chunk))


def test_the_script_is_played_with_running_totals() -> None:
    events = collect(FakeEngine(["One", Chunk("hm", "thinking"), " two"]))
    assert [
        (event.text, event.kind, event.generated_tokens, event.finish_reason)
        for event in events
        if isinstance(event, Chunk)
    ] == [
        ("One", "text", 1, None),
        ("hm", "thinking", 2, None),
        (" two", "text", 3, None),
        ("", "text", 3, "stop"),
    ]
    assert all(isinstance(event, Chunk) and event.prompt_tokens == 2 for event in events)


def test_length_cancel_and_failure_end_it() -> None:
    last = collect(FakeEngine(["a"] * 9), GenerationOptions(max_new_tokens=4))[-1]
    assert isinstance(last, Chunk)
    assert (last.finish_reason, last.generated_tokens) == ("length", 4)
    cancelled = threading.Event()
    cancelled.set()
    last = collect(FakeEngine(), cancel=cancelled)[-1]
    assert isinstance(last, Chunk)
    assert last.finish_reason == "cancelled"
    stream = FakeEngine(["a", "b"], fail_with=EngineError("It broke.")).stream(
        FakeEngine().prepare(HELLO), GenerationOptions(), threading.Event()
    )
    assert [event.text for event in (next(stream), next(stream)) if isinstance(event, Chunk)] == ["a", "b"]
    with pytest.raises(EngineError, match="It broke"):
        next(stream)


def test_pictures_are_counted_within_the_budget() -> None:
    engine = FakeEngine()
    messages = [Message("user", (image((320, 640)), Text("Hm?")))]
    assert [medium.tokens for medium in engine.prepare(messages).media] == [200]
    small = engine.prepare(messages, PixelBudget(1024, 64 * 1024)).media[0]
    assert small.source_size_wh == (320, 640)
    assert small.tokens <= 64


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (Message("user", (Text("  \n"),)),),
        (Message("user", ()),),
        (*HELLO, Message("assistant", (Text("Hi."),))),
        (Message("system", (Text("Be brief."),)),),
    ],
)
def test_a_conversation_that_asks_nothing_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(RequestError):
        FakeEngine().prepare(messages)


def test_a_conversation_that_is_too_long_is_refused() -> None:
    with pytest.raises(ContextOverflow):
        FakeEngine().prepare([Message("user", (Text("word " * 5000),))])


@pytest.mark.parametrize(
    "options",
    [
        GenerationOptions(max_new_tokens=0),
        GenerationOptions(temperature=-0.1),
        GenerationOptions(top_p=0),
        GenerationOptions(top_p=1.1),
        GenerationOptions(top_k=-1),
        GenerationOptions(repetition_penalty=0),
        GenerationOptions(seed=-1),
        GenerationOptions(seed=2**63),
        GenerationOptions(temperature=float("nan")),
    ],
)
def test_options_that_make_no_sense_are_refused(options: GenerationOptions) -> None:
    with pytest.raises(RequestError):
        collect(FakeEngine(), options)


def test_good_options_pass() -> None:
    for options in (
        GenerationOptions(),
        GenerationOptions(greedy=True),
        GenerationOptions(temperature=0, top_k=0, seed=0),
    ):
        check_options(options)


def test_the_queue_serves_in_order_and_tells_positions() -> None:
    queue = FairQueue(max_waiting=8)
    tickets = [queue.enter() for _ in range(4)]
    told: dict[int, list[int]] = {index: [] for index in range(4)}
    served: list[int] = []

    def serve(index: int) -> None:
        told[index] += [queued.position for queued in queue.wait(tickets[index], lambda: False)]
        served.append(index)
        queue.leave(tickets[index])

    threads = [threading.Thread(target=serve, args=(index,)) for index in (3, 2, 1)]
    for thread in threads:
        thread.start()
    serve(0)
    for thread in threads:
        thread.join(5)
    assert served == [0, 1, 2, 3]
    assert told[0] == []
    for index in (1, 2, 3):
        assert told[index] == sorted(told[index], reverse=True)
        assert told[index][:1] in ([], [index])


def test_who_waits_is_told_and_moves_up() -> None:
    queue = FairQueue(max_waiting=2)
    first, second, third = (queue.enter() for _ in range(3))
    waiting = queue.wait(third, lambda: False)
    assert next(waiting) == Queued(2)
    queue.leave(second)  # gave up
    assert next(waiting) == Queued(1)
    queue.leave(first)
    assert list(waiting) == []


def test_too_many_are_turned_away_at_once() -> None:
    queue = FairQueue(max_waiting=1)
    first = queue.enter()
    queue.enter()
    with pytest.raises(EngineBusy, match="Try again"):
        queue.enter()
    queue.leave(first)
    queue.enter()


def test_who_gives_up_waiting_is_let_go() -> None:
    queue = FairQueue(max_waiting=1)
    queue.enter()
    ticket, stopped = queue.enter(), threading.Event()
    waiting = queue.wait(ticket, stopped.is_set)
    assert next(waiting) == Queued(1)
    stopped.set()
    assert list(waiting) == []


def test_draining_waits_for_the_last() -> None:
    queue = FairQueue(max_waiting=1)
    ticket = queue.enter()
    drained = threading.Event()

    def drain() -> None:
        queue.drain()
        drained.set()

    thread = threading.Thread(target=drain)
    thread.start()
    assert not drained.wait(0.05)
    queue.leave(ticket)
    assert drained.wait(5)
    thread.join()


def test_the_fake_engine_queues_too() -> None:
    engine = FakeEngine(["a", "b"], delay_s=0.01)
    first = engine.stream(engine.prepare(HELLO), GenerationOptions(), threading.Event())
    assert isinstance(next(first), Chunk)
    second = engine.stream(engine.prepare(HELLO), GenerationOptions(), threading.Event())
    assert next(second) == Queued(1)
    first.close()
    assert text_of(list(second)) == "ab"
