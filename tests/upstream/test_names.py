"""Names are looked up beside everything else, so many at once, and what comes too late is lost."""

import asyncio
import socket
import threading

import pytest

from proxy.upstream.address import STRICT, AddressInfo
from proxy.upstream.names import LOOKUPS, GuardedResolver, Names
from tests.upstream.test_address import leading_to


async def test_the_system_knows_its_own_name() -> None:
    (family, *_, where), *_ = await Names().addresses("localhost", 80, None)
    assert family in (socket.AF_INET, socket.AF_INET6)
    assert where[1] == 80


async def test_what_is_not_known_is_told_as_the_system_does() -> None:
    def nothing(host: str, port: int) -> list[AddressInfo]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror):
        await Names(nothing).addresses("nobody.example", 80, None)
    with pytest.raises(socket.gaierror):
        await Names(leading_to()).addresses("nobody.example", 80, None)


async def test_a_resolver_for_the_connector() -> None:
    resolver = GuardedResolver(Names(leading_to("8.8.8.8", "2606:4700::1111")), STRICT)
    found = await resolver.resolve("a.example", 443)
    assert [(one["host"], one["port"], one["hostname"]) for one in found] == [
        ("8.8.8.8", 443, "a.example"),
        ("2606:4700::1111", 443, "a.example"),
    ]
    await resolver.close()


async def test_so_many_at_once_and_no_more_also_when_nobody_waits_any_more() -> None:
    go, lock, running, most = threading.Event(), threading.Lock(), 0, 0
    loop, full = asyncio.get_running_loop(), asyncio.Event()

    def slow(host: str, port: int) -> list[AddressInfo]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if most == LOOKUPS:
            loop.call_soon_threadsafe(full.set)
        go.wait(10)
        with lock:
            running -= 1
        return leading_to("8.8.8.8")(host, port)

    names = Names(slow)
    tasks = [
        asyncio.create_task(names.addresses("a.example", 80, None)) for _ in range(3 * LOOKUPS)
    ]
    await asyncio.wait_for(full.wait(), 5)
    for task in tasks[: 2 * LOOKUPS]:
        task.cancel()
    await asyncio.sleep(0.01)
    assert most == LOOKUPS, "who gave up has left a thread behind that still counts"
    go.set()
    await asyncio.gather(*tasks[2 * LOOKUPS :])
    assert most <= LOOKUPS
    assert all(task.cancelled() for task in tasks[: 2 * LOOKUPS])
