import threading
from collections.abc import Sequence

import pytest

from proxy.core.call import Trace
from proxy.core.event import CallEnded
from proxy.telemetry import courier as room
from proxy.telemetry.courier import Courier
from proxy.telemetry.story import Story, story_of
from tests.calls import Heard
from tests.telemetry.calls import plain


def _story() -> Story:
    trace = Trace(1, 2, True)
    told = plain(Heard(), trace=trace)
    last = told.journal.entries[-1].event
    assert isinstance(last, CallEnded)
    return story_of(trace, last, told.journal, told.clock.now(), told.clock.wall())


STORY = _story()


class Sink:
    """Takes batches; `held` stops it in the first one until `free` is set."""

    def __init__(self, delivered: bool = True, *, held: bool = False) -> None:
        self.batches: list[int] = []
        self.delivered = delivered
        self.busy = threading.Event()
        self.free = threading.Event()
        if not held:
            self.free.set()

    def __call__(self, stories: Sequence[Story]) -> bool:
        self.busy.set()
        self.free.wait(10)
        self.batches.append(len(stories))
        return self.delivered


def test_what_was_offered_before_the_end_is_delivered() -> None:
    sink = Sink()
    courier = Courier(sink)
    for _ in range(3):
        courier.offer(STORY)
    assert courier.close(5.0)
    assert (sum(sink.batches), courier.dropped) == (3, 0)


def test_a_full_batch_goes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "INTERVAL_S", 60.0)
    sink = Sink()
    courier = Courier(sink)
    for _ in range(room.BATCH):
        courier.offer(STORY)
    assert sink.busy.wait(5)
    assert courier.close(5.0)
    assert sink.batches == [room.BATCH]


def test_a_full_queue_drops_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CAPACITY", 4)
    monkeypatch.setattr(room, "BATCH", 1)
    sink = Sink(held=True)
    courier = Courier(sink)
    courier.offer(STORY)
    assert sink.busy.wait(5)
    for _ in range(10):
        courier.offer(STORY)
    assert courier.dropped == 6
    sink.free.set()
    assert courier.close(5.0)
    assert sum(sink.batches) == 5
    courier.offer(STORY)
    assert courier.dropped == 7


def test_at_the_end_one_failure_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BATCH", 1)
    sink = Sink(delivered=False, held=True)
    courier = Courier(sink)
    for _ in range(5):
        courier.offer(STORY)
    assert sink.busy.wait(5)
    assert not courier.close(0.01)
    sink.free.set()
    assert courier.close(5.0)
    assert (len(sink.batches), courier.dropped) == (1, 5)


def test_a_bug_costs_one_batch_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def deliver(stories: Sequence[Story]) -> bool:
        raise ZeroDivisionError

    courier = Courier(deliver)
    courier.offer(STORY)
    assert courier.close(5.0)
    assert courier.dropped == 1
    assert "A bug in tracing" in caplog.text


def test_nothing_offered_is_no_thread() -> None:
    before = threading.active_count()
    assert Courier(Sink()).close(0.0)
    assert threading.active_count() == before
