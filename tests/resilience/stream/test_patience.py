"""The body of an answer that has begun: whole events, time, and how it may end."""

import asyncio
import random
import zlib
from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.failure import Failure, FailureKind
from proxy.dialects.dialect import StreamReader
from proxy.dialects.recognise import dialect_named
from proxy.policy.schema import Timeout
from proxy.resilience.stream.patience import HELD_EVENT_BYTES, PatientBody
from tests.clock import FalseClock, settle
from tests.plays.stage import DONE, HELLO, ROLE, STOP, WHOLE_STREAM, WORLD, delta, error, sse
from tests.resilience.parts import Chunks

TIMEOUT = Timeout(idle=3.0, total=60.0)
BEGUN = b"".join(sse(ROLE, HELLO))


def _reader(coding: str) -> StreamReader:
    headers = CIMultiDict({"Content-Type": "text/event-stream", "Content-Encoding": coding})
    reader = dialect_named("openai").reader(Operation.CHAT, headers)
    assert reader is not None
    return reader


class Stage:
    """A body of `steps` after `held`, read by an app that takes `app_s` for each chunk."""

    def __init__(
        self,
        *steps: Any,
        held: bytes = BEGUN,
        follow: bool = True,
        app_s: float = 0.0,
        coding: str = "identity",
        end_by: float = inf,
        floor: float | None = None,
        clock: FalseClock | None = None,
    ) -> None:
        self.clock = clock or FalseClock()
        self.rest = Chunks(self.clock, *steps)
        reader = _reader(coding) if follow else None
        if reader is not None:
            reader.feed(held)
        timeout = TIMEOUT.model_copy(update={"tokens_per_second": floor})
        left_s = timeout.total
        self.body = PatientBody(
            held, self.rest, self.clock, timeout, left_s, "openai", reader, end_by=end_by
        )
        self.app_s = app_s
        self.got: list[bytes] = []

    async def read(self) -> None:
        async for chunk in self.body:
            self.got.append(chunk)
            if self.app_s:
                await self.clock.sleep(self.app_s)

    async def whole(self) -> bytes:
        await self.clock.run(self.read())
        return b"".join(self.got)

    async def failure(self) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.clock.run(self.read())
        assert caught.value.target == "openai"
        return caught.value


async def test_what_was_held_comes_first_and_then_the_rest_as_it_comes() -> None:
    rest = WHOLE_STREAM[2:]
    stage = Stage(*rest)
    assert await stage.whole() == b"".join(WHOLE_STREAM)
    assert stage.got == [BEGUN, *rest]


async def test_bytes_that_nobody_follows_are_passed_on_untouched() -> None:
    stage = Stage(b"", b"x\n", b"\n", b"y", held=b"held", follow=False)
    assert await stage.whole() == b"heldx\n\ny"
    assert await Stage(b"x", held=b"", follow=False).whole() == b"x"
    assert await Stage(held=b"", follow=False).whole() == b""


async def test_silence_ends_it() -> None:
    stage = Stage(2.9, *sse(WORLD), None)
    failure = await stage.failure()
    assert failure.kind is FailureKind.TIMEOUT_IDLE
    assert not failure.in_band
    assert stage.clock.now() == pytest.approx(1005.9), "3 s after the last chunk, not after a tick"


@pytest.mark.parametrize("follow", [False, True])
async def test_a_steady_trickle_is_not_silence(follow: bool) -> None:
    steps = [2.9, *sse(WORLD)] * 15
    stage = Stage(*steps, *sse(STOP, DONE), follow=follow)
    assert await stage.whole() == BEGUN + b"".join(sse(*[WORLD] * 15, STOP, DONE))


async def test_half_an_event_breaks_the_silence_too() -> None:
    stop = sse(STOP)[0]
    stage = Stage(2.0, stop[:5], 2.0, stop[5:9], 2.0, stop[9:], *sse(DONE))
    assert (await stage.whole()).endswith(stop + DONE)


async def test_the_total_ends_what_goes_on_for_too_long() -> None:
    stage = Stage(*[2.0, *sse(WORLD)] * 40)
    failure = await stage.failure()
    assert failure.kind is FailureKind.TIMEOUT_TOTAL
    assert "60 s" in failure.message
    assert stage.clock.now() == 1060.0


async def test_a_slow_app_is_no_silent_provider() -> None:
    stage = Stage(*sse(WORLD, WORLD, WORLD, STOP, DONE), app_s=10.0)
    assert await stage.whole() == BEGUN + b"".join(sse(WORLD, WORLD, WORLD, STOP, DONE))
    assert stage.clock.now() == 1060.0


async def test_a_slow_app_does_not_use_up_the_providers_time() -> None:
    stage = Stage(*[1.0, *sse(WORLD)] * 5, *sse(STOP, DONE), app_s=50.0)
    assert (await stage.whole()).endswith(DONE)
    assert stage.clock.now() > 1300.0


@pytest.mark.parametrize(
    "after",
    [None, Failure(FailureKind.BROKEN_STREAM, "cut", target="openai")],
    ids=["stall", "cut"],
)
async def test_after_the_streams_own_end_nothing_matters(after: object) -> None:
    stage = Stage(*sse(WORLD, STOP, DONE), after)
    assert (await stage.whole()).endswith(DONE)
    assert stage.clock.now() <= 1001.0, "the connection is waited for, but not for long"


CUT = Failure(FailureKind.BROKEN_STREAM, "cut", target="openai")


@pytest.mark.parametrize("after", [None, CUT], ids=["stall", "cut"])
@pytest.mark.parametrize("half", [(), (b'data: {"choi',)], ids=["", "in the next event"])
async def test_who_has_told_why_it_stopped_is_whole(after: object, half: tuple[bytes, ...]) -> None:
    stage = Stage(*sse(WORLD, STOP), *half, after)
    assert (await stage.whole()).endswith(sse(STOP)[0])


async def test_two_answers_are_whole_when_both_have_told_why_they_stopped() -> None:
    def second(**fields: Any) -> dict[str, Any]:
        event = delta(**fields)
        event["choices"][0]["index"] = 1
        return event

    held = BEGUN + sse(second(content="Salut"))[0]
    assert await Stage(*sse(STOP), CUT, held=held).failure() is CUT
    assert (await Stage(*sse(STOP, second(finish="stop")), CUT, held=held).whole()).startswith(held)


async def test_the_calls_own_end_says_nothing_of_the_target() -> None:
    stage = Stage(*[2.0, *sse(WORLD)] * 40, end_by=1005.0)
    failure = await stage.failure()
    assert (failure.kind, failure.blameless) == (FailureKind.TIMEOUT_TOTAL, True)
    assert stage.clock.now() == 1005.0
    own = await Stage(*[2.0, *sse(WORLD)] * 40, end_by=1500.0).failure()
    assert (own.kind, own.blameless) == (FailureKind.TIMEOUT_TOTAL, False)


async def test_a_drip_slower_than_the_floor_counts_as_silence() -> None:
    stage = Stage(*[1.0, *sse(WORLD)] * 40, floor=2.0)
    failure = await stage.failure()
    assert failure.kind is FailureKind.TIMEOUT_IDLE
    assert "slower than 2 tokens a second" in failure.message
    assert stage.clock.now() == 1003.0, "for as long as it may be silent"


@pytest.mark.parametrize(
    ("step", "app_s"),
    [
        pytest.param([0.4, *sse(WORLD)], 0.0, id="fast enough"),
        pytest.param([2.0, b"".join(sse(*[WORLD] * 9))], 0.0, id="several events at once"),
        pytest.param([2.0, *sse(delta(content="word " * 100))], 0.0, id="long ones"),
        pytest.param(sse(WORLD), 5.0, id="a slow app"),
    ],
)
async def test_what_is_fast_enough_is_left_alone(step: Any, app_s: float) -> None:
    stage = Stage(*[*step] * 12, *sse(STOP, DONE), floor=2.0, app_s=app_s)
    assert (await stage.whole()).endswith(DONE)


async def test_without_a_floor_any_speed_will_do() -> None:
    stage = Stage(*[2.9, *sse(WORLD)] * 12, *sse(STOP, DONE))
    assert stage.body._rest is stage.rest, "and nobody counts"
    assert (await stage.whole()).endswith(DONE)


class _Hasty(FalseClock):
    """Rings early, as event loops do that count in milliseconds."""

    rung = 0

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Any:
        self.rung += 1
        return super().call_later(max(0.0, delay_s - 0.0005), call)


async def test_a_timer_that_rings_early_is_not_set_anew_for_the_rest() -> None:
    clock = _Hasty()
    failure = await Stage(None, clock=clock).failure()
    assert failure.kind is FailureKind.TIMEOUT_IDLE
    assert clock.rung == 1


async def test_silence_counts_from_when_the_app_asked_for_more() -> None:
    stage = Stage(*sse(WORLD), None, app_s=10.0)
    assert (await stage.failure()).kind is FailureKind.TIMEOUT_IDLE
    assert stage.clock.now() == 1023.0


@pytest.mark.parametrize("seed", range(8))
async def test_any_chunking_gives_the_same_bytes_in_whole_events(seed: int) -> None:
    chance = random.Random(seed)
    whole = b"".join(sse(*[WORLD] * 20, STOP, DONE))
    whole = whole.replace(b"\n", b"\r\n") if seed % 2 else whole
    cuts = sorted(chance.sample(range(1, len(whole)), 60))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    stage = Stage(*pieces)
    assert await stage.whole() == BEGUN + whole
    sent = b""
    for chunk in stage.got:
        sent += chunk
        assert sent.replace(b"\r\n", b"\n").replace(b"\r", b"\n").endswith(b"\n\n")


async def test_what_is_cut_in_an_event_is_not_sent_on() -> None:
    cut = Failure(FailureKind.BROKEN_STREAM, "cut", target="openai")
    stage = Stage(*sse(WORLD), b'data: {"choi', cut)
    assert await stage.failure() is cut
    assert b"".join(stage.got) == BEGUN + sse(WORLD)[0]


async def test_a_clean_end_of_half_a_stream_is_no_end() -> None:
    stage = Stage(*sse(WORLD), b'data: {"choi')
    failure = await stage.failure()
    assert failure.kind is FailureKind.BROKEN_STREAM
    assert not failure.in_band
    assert b"".join(stage.got) == BEGUN + sse(WORLD)[0]


async def test_bytes_after_the_last_event_of_a_whole_stream_go_out_as_well() -> None:
    assert (await Stage(*sse(STOP, DONE), b": bye", b"-bye").whole()).endswith(DONE + b": bye-bye")
    assert (await Stage(*sse(STOP), b"data: [DONE]\n").whole()).endswith(b"data: [DONE]\n")


async def test_a_providers_own_error_event_is_kept_for_who_has_nothing_better() -> None:
    told = sse(error("overloaded"))[0]
    stage = Stage(*sse(WORLD), sse(WORLD)[0] + told + b'data: {"half')
    failure = await stage.failure()
    assert failure.kind is FailureKind.UNAVAILABLE
    assert not failure.in_band
    assert failure.refusal is not None
    assert failure.refusal.body == told
    assert b"".join(stage.got) == BEGUN + sse(WORLD)[0] * 2, "what came before it has gone out"


async def test_an_error_event_in_pieces_is_whole_before_it_counts() -> None:
    told = sse(error("overloaded"))[0]
    stage = Stage(told[:9], told[9:-1], told[-1:], None)
    failure = await stage.failure()
    assert failure.refusal is not None
    assert failure.refusal.body == told
    assert b"".join(stage.got) == BEGUN


@pytest.mark.parametrize("seed", range(4))
async def test_an_error_event_is_told_apart_in_any_chunking(seed: int) -> None:
    chance = random.Random(seed)
    told, before = sse(error("overloaded"))[0], b"".join(sse(WORLD, WORLD))
    stream = before + told
    cuts = sorted(chance.sample(range(1, len(stream)), 20))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    stage = Stage(*pieces)
    failure = await stage.failure()
    assert failure.refusal is not None
    assert (b"".join(stage.got), failure.refusal.body) == (BEGUN + before, told)


async def test_a_compressed_error_event_has_gone_out_when_it_is_known() -> None:
    squeeze = zlib.compressobj(wbits=31)
    pieces = [
        squeeze.compress(words) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        for words in (BEGUN, *sse(WORLD, error("overloaded")))
    ]
    stage = Stage(*pieces[1:], held=pieces[0], coding="gzip")
    failure = await stage.failure()
    assert failure.in_band
    assert failure.refusal is None
    assert stage.got == pieces


async def test_half_an_error_event_is_a_cut() -> None:
    stage = Stage(sse(error("overloaded"))[0][:-1])
    failure = await stage.failure()
    assert not failure.in_band
    assert b"".join(stage.got) == BEGUN


async def test_a_huge_event_is_not_held_whole() -> None:
    huge = sse(delta(content="x" * (5 * HELD_EVENT_BYTES)))[0]
    pieces = [huge[at : at + 5000] for at in range(0, len(huge), 5000)]
    stage = Stage(*pieces, *sse(STOP, DONE))
    assert await stage.whole() == BEGUN + huge + b"".join(sse(STOP, DONE))
    assert max(map(len, stage.got)) <= HELD_EVENT_BYTES + 5000
    assert len(stage.got) >= 5


async def test_a_huge_event_can_be_cut_too() -> None:
    stage = Stage(b"data: " + b"x" * (2 * HELD_EVENT_BYTES), None)
    assert (await stage.failure()).kind is FailureKind.TIMEOUT_IDLE


async def test_an_event_without_end_is_told_by_us() -> None:
    """Its own reader gave up on it: nobody has told the app, and nothing of it is an event."""
    stage = Stage(*[b"data: " + b"x" * 2**20] * 10)
    failure = await stage.failure()
    assert failure.kind is FailureKind.MALFORMED
    assert not failure.in_band


async def test_hanging_up_while_it_waits_stays_a_cancellation() -> None:
    stage = Stage(None)
    task = asyncio.create_task(stage.read())
    await settle()
    task.cancel("gone")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args == ("gone",)


@pytest.mark.parametrize("late_first", [False, True])
async def test_hanging_up_as_the_time_is_up_stays_a_cancellation(late_first: bool) -> None:
    stage = Stage(None)
    task = asyncio.create_task(stage.read())
    await settle()
    if late_first:
        stage.clock.pass_time(3.0)
        task.cancel()
    else:
        task.cancel()
        stage.clock.pass_time(3.0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_time_out_leaves_no_mark_on_the_task() -> None:
    stage = Stage(None)

    async def work() -> str:
        with pytest.raises(Failure):
            await stage.read()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await stage.clock.sleep(1.0)
        return "went on"

    assert await stage.clock.run(work()) == "went on"


async def test_closing_sets_everything_free() -> None:
    stage = Stage(*sse(WORLD), None)
    task = asyncio.create_task(stage.read())
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await stage.body.aclose()
    await stage.body.aclose()
    assert stage.rest.closed == 2
    stage.clock.pass_time(100.0)
    assert not stage.clock._timers, "no timer is left to ring"


async def test_it_may_be_closed_unread() -> None:
    stage = Stage(*sse(WORLD))
    await stage.body.aclose()
    assert stage.rest.closed == 1
