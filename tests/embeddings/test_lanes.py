"""The event loop never waits for a model; a model never works for nobody."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from proxy.core.clock import SystemClock
from proxy.core.event import ModelLoaded
from proxy.core.failure import Failure, FailureKind
from proxy.embeddings.encoder import Model
from proxy.embeddings.lanes import MOST_TEXTS, Lanes
from proxy.embeddings.model_files import ModelUnusable
from tests.calls import Heard
from tests.clock import FalseClock
from tests.embeddings.fake import FakeEncoder, fake_model, vector_of


def lanes_of(encoder: FakeEncoder) -> Lanes:
    return Lanes("fake", FalseClock(), Heard(), lambda name: fake_model(encoder))


async def until(true: Callable[[], bool]) -> None:
    # It happens in threads, which can set no asyncio.Event.
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_vectors_come_in_the_order_of_the_texts() -> None:
    encoder = FakeEncoder(batch_tokens=8)
    encoder.gate.set()
    lanes = lanes_of(encoder)
    texts = ["ccc", "a", "", "bb" * 20, "a"]
    made = await lanes.encode(texts)
    assert made.vectors == [vector_of([1, *map(ord, text)]) for text in texts]
    assert made.tokens == sum(len(text) + 1 for text in texts)
    assert (await lanes.encode([])).vectors == ()
    await lanes.close()


async def test_the_loop_runs_on_while_the_real_model_works(real: Model) -> None:
    lanes = Lanes("real", SystemClock(), Heard(), lambda name: real)
    texts = ["the quick brown fox " * 50000, *["jumps over the lazy dog " * 60] * 8]
    work = asyncio.create_task(lanes.encode(texts))
    longest = 0.0
    while not work.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - began)
    assert len((await work).vectors) == 9
    assert longest < 0.3, f"the loop stood still for {longest:.3f} s"
    await lanes.close()


async def test_many_wait_for_one_load() -> None:
    reads, heard, encoder, may_read = [], Heard(), FakeEncoder(), threading.Event()
    encoder.gate.set()

    def read(name: str) -> Model:
        reads.append(name)
        assert may_read.wait(5)
        return fake_model(encoder)

    lanes = Lanes("fake", FalseClock(), heard, read)
    assert lanes.model is None
    waiting = [asyncio.create_task(lanes.encode(["a"])) for _ in range(20)]
    await until(lambda: bool(reads))
    waiting[0].cancel()  # the first, who had it read
    await asyncio.sleep(0)
    may_read.set()
    made = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(made[0], asyncio.CancelledError)
    assert all(not isinstance(one, BaseException) for one in made[1:])
    assert reads == ["fake"]
    assert heard.events == [ModelLoaded("fake", "fake", 0.0)]
    assert lanes.model is not None
    await lanes.close()


async def test_a_model_that_cannot_be_loaded_is_not_tried_again_at_once() -> None:
    reads, heard, clock, encoder = [], Heard(), FalseClock(), FakeEncoder()
    encoder.gate.set()

    def read(name: str) -> Model:
        reads.append(name)
        if len(reads) == 1:
            raise ModelUnusable("no folder /models/x")
        return fake_model(encoder)

    lanes = Lanes("x", clock, heard, read)
    for _ in range(3):
        with pytest.raises(Failure, match="no folder /models/x") as failed:
            await lanes.encode(["a"])
        assert failed.value.kind is FailureKind.UNAVAILABLE
        assert failed.value.target == "local"
        assert not failed.value.sent
        clock.pass_time(14)
    assert reads == ["x"]
    assert lanes.error == "no folder /models/x"
    assert heard.events == [ModelLoaded("x", "", 0.0, "no folder /models/x")]
    assert lanes.texts == 0
    await lanes.encode(["a"])
    assert len(reads) == 2
    assert lanes.error is None
    await lanes.close()


async def test_a_bug_while_loading_is_no_failure_of_the_model() -> None:
    def read(name: str) -> Model:
        raise ZeroDivisionError

    heard = Heard()
    lanes = Lanes("x", FalseClock(), heard, read)
    with pytest.raises(ZeroDivisionError):
        await lanes.load()
    assert heard.events == [ModelLoaded("x", "", 0.0, "ZeroDivisionError()")]
    await lanes.close()


async def test_a_bug_while_encoding_reaches_those_it_befell() -> None:
    encoder = FakeEncoder(error=ZeroDivisionError())
    encoder.gate.set()
    lanes = lanes_of(encoder)
    with pytest.raises(ZeroDivisionError):
        await lanes.encode(["a"])
    encoder.error = None
    assert (await lanes.encode(["a"])).vectors == [vector_of([1, 97])]
    await lanes.close()


async def test_what_was_not_begun_is_dropped_with_its_caller() -> None:
    encoder = FakeEncoder(lanes=1, batch_tokens=4)
    lanes = lanes_of(encoder)
    first = asyncio.create_task(lanes.encode(["aaa", "aaa"]))
    await until(lambda: len(encoder.batches) == 1)
    second = asyncio.create_task(lanes.encode(["bbb"] * 50))
    third = asyncio.create_task(lanes.encode(["c"]))
    await until(lambda: lanes._line.waiting_jobs == 3)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert lanes.texts == 3
    first.cancel()  # half of it is in work
    encoder.gate.set()
    assert (await third).vectors == [vector_of([1, 99])]
    assert encoder.batches == [[[1, 97, 97, 97]], [[1, 99]]]
    await lanes.close()


async def test_the_queue_is_bounded() -> None:
    encoder = FakeEncoder(lanes=1)
    lanes = lanes_of(encoder)
    most = asyncio.create_task(lanes.encode(["a"] * (MOST_TEXTS - 1)))
    await until(lambda: bool(encoder.batches))
    with pytest.raises(Failure, match="4095 texts are waiting, and with 2 more") as failed:
        await lanes.encode(["b", "c"])
    assert failed.value.kind is FailureKind.LIMIT
    assert not failed.value.sent
    encoder.gate.set()
    assert len((await most).vectors) == MOST_TEXTS - 1
    assert len((await lanes.encode(["b", "c"])).vectors) == 2
    assert lanes.texts == 0
    await lanes.close()


async def test_closing_ends_what_waits_and_lets_running_work_end() -> None:
    encoder = FakeEncoder(lanes=1, batch_tokens=4)
    lanes = lanes_of(encoder)
    running = asyncio.create_task(lanes.encode(["aaa"]))
    await until(lambda: len(encoder.batches) == 1)
    waiting = asyncio.create_task(lanes.encode(["bbb"]))
    await until(lambda: lanes._line.waiting_jobs == 1)
    closing = asyncio.create_task(lanes.close())
    with pytest.raises(Failure, match="the program is stopping"):
        await waiting
    encoder.gate.set()
    assert (await running).vectors == [vector_of([1, 97, 97, 97])]
    await closing
    await lanes.close()
    with pytest.raises(Failure, match="the program is stopping"):
        await lanes.encode(["a"])
    assert len(encoder.batches) == 1
