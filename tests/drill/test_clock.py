"""Time jumps when everybody waits, and only then."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from proxy.core.clock import TimeLimit
from proxy.drill.clock import Clocks, JumpingClock


def _played(play: Callable[[JumpingClock], Awaitable[None]]) -> float:
    """Real seconds that `play` takes on a jumping clock."""
    clocks = Clocks()
    started = time.monotonic()

    async def run() -> None:
        with clocks.clock() as clock:
            await play(clock)

    with asyncio.Runner(loop_factory=clocks.loop) as runner:
        runner.run(run())
    return time.monotonic() - started


def test_hours_pass_at_once_and_in_order() -> None:
    rang: list[tuple[str, float]] = []

    async def play(clock: JumpingClock) -> None:
        clock.call_later(7200, lambda: rang.append(("two hours", clock.now())))
        clock.call_later(30, lambda: rang.append(("half a minute", clock.now())))
        clock.call_later(60, lambda: rang.append(("never", clock.now()))).cancel()
        started = clock.wall()
        await clock.sleep(10_000)
        assert clock.wall() - started == pytest.approx(10_000)

    assert _played(play) < 1.0
    assert rang == [("half a minute", 30.0), ("two hours", 7200.0)]


def test_a_limit_ends_what_never_comes() -> None:
    async def play(clock: JumpingClock) -> None:
        with pytest.raises(TimeoutError):
            async with TimeLimit(clock, 600):
                await asyncio.Event().wait()
        assert clock.now() == 600

    assert _played(play) < 1.0


def test_what_is_sent_over_a_socket_takes_no_time() -> None:
    async def play(clock: JumpingClock) -> None:
        gone = asyncio.Event()

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while piece := await reader.read(100):
                writer.write(piece)
            writer.close()
            await writer.wait_closed()
            gone.set()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with TimeLimit(clock, 0.001):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(50):
                writer.write(b"piece")
                assert await reader.readexactly(5) == b"piece"
        writer.close()
        await gone.wait()
        server.close()
        assert clock.now() == 0.0

    _played(play)


def test_it_is_held_while_a_thread_computes() -> None:
    async def play(clock: JumpingClock) -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def compute() -> None:
            time.sleep(0.05)
            loop.call_soon_threadsafe(done.set)

        async with TimeLimit(clock, 1):
            with clock.held():
                threading.Thread(target=compute).start()
                await done.wait()
        assert clock.now() == 0.0

    assert _played(play) >= 0.05


def test_each_play_has_a_time_of_its_own() -> None:
    clocks = Clocks()

    async def one(sleep_s: float) -> float:
        with clocks.clock() as clock:
            await clock.sleep(sleep_s)
            await clock.sleep(sleep_s)
            return clock.now()

    async def both() -> list[float]:
        return await asyncio.gather(one(1), one(1000))

    with asyncio.Runner(loop_factory=clocks.loop) as runner:
        assert runner.run(both()) == [2, 2000]
