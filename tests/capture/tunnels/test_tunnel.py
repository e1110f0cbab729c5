"""The tunnel between real sockets, on both event loops: nothing lost, nothing kept, ends told."""

import asyncio
import tracemalloc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from proxy.capture.tunnels.tunnel import HALF_CLOSED_S, IDLE_S, Carried, Cut, join
from proxy.core.clock import Clock, SystemClock
from tests.capture.ends import End, Tls, open_end
from tests.clock import FalseClock

Run = Callable[[Coroutine[Any, Any, None]], None]
Work = Callable[[End, End, "asyncio.Task[Carried]"], Coroutine[Any, Any, None]]
LIMIT_S = 30.0
MIB = 2**20


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def bounded(work: Coroutine[Any, Any, None]) -> None:
        async def within() -> None:
            async with asyncio.timeout(LIMIT_S):
                await work

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(within())

    return bounded


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls.made_in(tmp_path_factory.mktemp("tls"))


async def between(
    work: Work,
    app_early: bytes = b"",
    far_early: bytes = b"",
    clock: Clock | None = None,
    app_tls: Tls | None = None,
    far_tls: Tls | None = None,
) -> None:
    async with open_end(app_tls) as app, open_end(far_tls) as far:

        async def joining() -> Carried:
            up, down = app_early + app.waiting.early, far_early + far.waiting.early
            return await join(app.ours, up, far.ours, down, clock or SystemClock())

        joined = asyncio.create_task(joining())
        try:
            await work(app, far, joined)
        finally:
            joined.cancel()
            await asyncio.gather(joined, return_exceptions=True)


def test_what_comes_before_it_begins_is_kept(run: Run) -> None:
    async def work() -> None:
        async with open_end() as app, open_end() as far:
            app.writer.write(b"hello")
            app.writer.write_eof()  # and this too
            await asyncio.sleep(0.05)
            early = app.waiting.early
            joined = asyncio.create_task(join(app.ours, early, far.ours, b"", SystemClock()))
            assert await far.reader.read() == b"hello"
            far.writer.write(b"bye")
            far.writer.write_eof()
            assert await app.reader.read() == b"bye"
            assert await joined == Carried(5, 3, None)

    run(work())


def test_early_bytes_go_first_and_both_ends_end_it(run: Run) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        app.writer.write(b"llo")
        assert await far.reader.readexactly(5) == b"hello"
        far.writer.write(b"bye")
        far.writer.write_eof()
        assert await app.reader.read() == b"gudbye"
        app.writer.write_eof()
        assert await far.reader.read() == b""
        assert await joined == Carried(5, 6, None)

    run(between(work, b"he", b"gud"))


@pytest.mark.parametrize("upwards", [True, False], ids=["from the app", "from far"])
def test_more_may_come_early_than_the_other_takes_at_once(run: Run, upwards: bool) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        asks, answers = (app, far) if upwards else (far, app)
        await asyncio.sleep(0.05)  # all that fits on the way is on it, and nobody reads
        assert await answers.reader.readexactly(len(much)) == much
        answers.writer.write(b"answer")
        assert await asks.reader.readexactly(6) == b"answer"
        asks.writer.write(b"more")
        assert await answers.reader.readexactly(4) == b"more"

    much = bytes(8 * MIB)
    run(between(work, much if upwards else b"", b"" if upwards else much))


@pytest.mark.parametrize("upwards", [True, False], ids=["from the app", "from far"])
def test_an_end_is_half_of_one(run: Run, upwards: bool) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        asks, answers = (app, far) if upwards else (far, app)
        asks.writer.write(b"?")
        asks.writer.write_eof()
        assert await answers.reader.read() == b"?"
        whole = bytes(10 * MIB)
        answers.writer.write(whole)
        answers.writer.write_eof()
        assert await asks.reader.read() == whole
        carried = await joined
        assert carried.error is None
        assert sorted((carried.up_bytes, carried.down_bytes)) == [1, 10 * MIB]

    run(between(work))


def test_much_goes_both_ways_in_little_memory(run: Run) -> None:
    size = 100 * MIB

    async def send(writer: asyncio.StreamWriter) -> None:
        piece = bytes(MIB)
        for _ in range(size // MIB):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()

    async def take(reader: asyncio.StreamReader, slowly: bool) -> int:
        taken = 0
        while chunk := await reader.read(MIB):
            taken += len(chunk)
            if slowly and taken % 7 == 0:
                await asyncio.sleep(0.001)
        return taken

    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        tracemalloc.start(1)
        try:
            up, down, _, _ = await asyncio.gather(
                take(far.reader, True),
                take(app.reader, False),
                send(app.writer),
                send(far.writer),
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert up == down == size
        assert await joined == Carried(size, size, None)
        assert peak < 16 * MIB

    run(between(work))


def test_who_reads_nothing_holds_up_who_writes(run: Run) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        async def send_on() -> None:
            for _ in range(200):
                far.writer.write(bytes(MIB))
                async with asyncio.timeout(0.5):
                    await far.writer.drain()

        with pytest.raises(TimeoutError):
            await send_on()
        assert app.ours.get_write_buffer_size() < MIB
        app.reset()
        assert await far.was_reset()
        assert (await joined).error is Cut.APP

    run(between(work))


@pytest.mark.parametrize("cut", [Cut.APP, Cut.FAR])
def test_a_reset_is_a_reset(run: Run, cut: Cut) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        leaves, stays = (app, far) if cut is Cut.APP else (far, app)
        leaves.writer.write(b"x")
        assert await stays.reader.readexactly(1) == b"x"
        leaves.reset()
        assert await stays.was_reset()
        assert (await joined).error is cut

    run(between(work))


def test_cancelling_cuts_both(run: Run) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        app.writer.write(b"x")
        assert await far.reader.readexactly(1) == b"x"
        joined.cancel()
        assert await app.was_reset()
        assert await far.was_reset()
        assert joined.cancelled()

    run(between(work))


def test_silence_ends_it(run: Run) -> None:
    clock = FalseClock()

    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        clock.pass_time(IDLE_S - 1)
        app.writer.write(b"x")
        assert await far.reader.readexactly(1) == b"x"
        clock.pass_time(IDLE_S - 1)
        assert not joined.done()
        clock.pass_time(1)
        assert await app.was_reset()
        assert await far.was_reset()
        assert await joined == Carried(1, 0, Cut.IDLE)

    run(between(work, clock=clock))


def test_half_an_end_is_waited_for_less_long(run: Run) -> None:
    clock = FalseClock()

    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        app.writer.write_eof()
        assert await far.reader.read() == b""
        clock.pass_time(HALF_CLOSED_S - 1)
        far.writer.write(b"x")
        assert await app.reader.readexactly(1) == b"x"
        clock.pass_time(HALF_CLOSED_S - 1)
        assert not joined.done()
        clock.pass_time(1)
        assert (await joined).error is Cut.IDLE

    run(between(work, clock=clock))


@pytest.mark.parametrize("secure", ["app", "far", "both"])
@pytest.mark.parametrize("upwards", [True, False], ids=["from the app", "from far"])
def test_tls_has_one_end_for_both_and_loses_nothing(
    run: Run, tls: Tls, secure: str, upwards: bool
) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        sends, takes = (app, far) if upwards else (far, app)
        whole = bytes(range(256)) * (4 * MIB // 256)
        sends.writer.write(whole)
        sends.writer.close()
        found = b""
        while chunk := await takes.reader.read(MIB):
            found += chunk
            await asyncio.sleep(0.001)  # slower than it comes
        assert found == whole
        takes.writer.close()
        carried = await joined
        assert carried.up_bytes + carried.down_bytes == len(whole)

    app_tls = tls if secure != "far" else None
    far_tls = tls if secure != "app" else None
    run(between(work, app_tls=app_tls, far_tls=far_tls))


@pytest.mark.parametrize("cut", [Cut.APP, Cut.FAR])
def test_a_reset_under_tls_is_a_reset(run: Run, tls: Tls, cut: Cut) -> None:
    async def work(app: End, far: End, joined: asyncio.Task[Carried]) -> None:
        leaves, stays = (app, far) if cut is Cut.APP else (far, app)
        leaves.writer.write(b"x")
        assert await stays.reader.readexactly(1) == b"x"
        leaves.reset()
        assert await stays.was_reset()
        assert (await joined).error is cut

    run(between(work, app_tls=tls))


@pytest.mark.parametrize("gone", ["app", "far"])
def test_who_went_before_it_began(run: Run, gone: str) -> None:
    async def work() -> None:
        async with open_end() as app, open_end() as far:
            (app if gone == "app" else far).ours.abort()
            await asyncio.sleep(0.01)
            carried = await join(app.ours, b"", far.ours, b"", SystemClock())
            assert carried == Carried(0, 0, None)

    run(work())
