"""Connections for tunnels: whom they reach, what comes early, and what is told when none stands."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import pytest

from proxy.core.failure import Failure, FailureKind, Hop
from proxy.upstream.address import AddressInfo
from proxy.upstream.dial import CONNECT_S, Dialler
from proxy.upstream.names import LookUp, Names
from tests.clock import FalseClock, settle
from tests.upstream.serving import serving
from tests.upstream.test_address import leading_to

HERE = leading_to("127.0.0.1")


class Ear(asyncio.Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.came = b""
        self.whole = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.came += data
        if self.came == b"hello there":
            self.whole.set()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of a server that speaks first, and repeats what it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello ")
        while told := await reader.read(100):
            writer.write(told)

    async with serving(serve) as port:
        yield port


async def _dial(look_up: LookUp, port: int, *, host: str = "a.example", **how: bool) -> Ear:
    dialler = Dialler(Names(look_up), FalseClock())
    transport = await dialler.dial(host, port, Ear, **{"exempt": True, **how})
    ear = transport.get_protocol()
    assert isinstance(ear, Ear)
    try:
        before = ear.came
        await asyncio.sleep(0.02)
        assert ear.came == before, "it is paused"
        transport.resume_reading()
        transport.write(b"there")
        await asyncio.wait_for(ear.whole.wait(), 5)
    finally:
        transport.abort()
    return ear


async def test_whoever_the_policy_means_may_be_private(port: int, connects: list[object]) -> None:
    await _dial(HERE, port)
    assert connects == [("127.0.0.1", port)], "so it is seen where one is dialled"
    await _dial(HERE, port, host="127.0.0.1")
    await _dial(HERE, port, host="localhost")


async def test_an_upstream_may_be_anywhere(port: int) -> None:
    await _dial(HERE, port, host="metadata.google.internal", exempt=False, upstream=True)


async def test_a_stranger_may_not(port: int, connects: list[object]) -> None:
    with pytest.raises(Failure) as caught:
        await _dial(HERE, port, exempt=False)
    assert (caught.value.status, caught.value.hop) == (403, Hop.PROHIBITED)
    assert caught.value.target == f"a.example:{port}"
    assert not connects


async def test_another_address_is_tried_where_one_refuses(port: int) -> None:
    """The first has nobody listening at this port."""
    await _dial(leading_to("127.0.0.2", "127.0.0.1"), port)


async def test_nobody_there(port: int) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = held.getsockname()[1]
        for addresses in (["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]):
            with pytest.raises(Failure) as caught:
                await _dial(leading_to(*addresses), nobody)
            failure = caught.value
            assert (failure.kind, failure.hop) == (FailureKind.NETWORK, Hop.REFUSED)
            assert failure.message == "no connection: Connection refused"
            assert not failure.sent


async def test_a_name_that_leads_nowhere(port: int) -> None:
    with pytest.raises(Failure) as caught:
        await _dial(leading_to(), port)
    assert (caught.value.kind, caught.value.hop) == (FailureKind.NETWORK, Hop.DNS_ERROR)


async def test_time_is_up_also_for_a_name() -> None:
    go = threading.Event()

    def slow(host: str, port: int) -> list[AddressInfo]:
        go.wait(10)
        return []

    clock = FalseClock()
    dialler = Dialler(Names(slow), clock)
    task = asyncio.create_task(dialler.dial("a.example", 80, Ear, exempt=False))
    await settle()
    clock.pass_time(CONNECT_S)
    with pytest.raises(Failure) as caught:
        await task
    go.set()
    assert caught.value.kind is FailureKind.TIMEOUT_CONNECT


async def test_who_is_cancelled_leaves_no_connection(port: int) -> None:
    dialler = Dialler(Names(HERE), FalseClock())
    task = asyncio.create_task(dialler.dial("a.example", port, Ear, exempt=True))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
