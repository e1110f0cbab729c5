"""The store in memory stays within its bytes and forgets what is past its time."""

import tracemalloc

from proxy.cache.entry import Entry
from proxy.cache.memory import ENTRY_LIMIT_BYTES, MEMORY_LIMIT_BYTES, MemoryStore
from tests.cache.parts import START_S
from tests.clock import FalseClock


def entry(size_bytes: int = 10, keep_for_s: float = 60, fields: int = 2) -> Entry:
    return Entry(
        status=200,
        headers=tuple((f"x-name-{number}", f"value {number}") for number in range(fields)),
        body=bytes(size_bytes),
        target="openai",
        stored_at=START_S,
        keep_until=START_S + keep_for_s,
    )


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def test_what_is_put_is_there_until_its_time() -> None:
    clock = FalseClock(wall=START_S)
    store = MemoryStore(clock)
    kept = entry(keep_for_s=60)
    assert store.put(key(1), kept)
    clock.pass_time(59.9)
    assert await store.get(key(1)) is kept
    assert await store.get(key(2)) is None
    clock.pass_time(0.1)
    assert await store.get(key(1)) is None
    assert store.stats().entries == 0


async def test_the_bound_in_bytes_holds_and_the_longest_unused_goes_first() -> None:
    store = MemoryStore(FalseClock(wall=START_S), limit_bytes=100_000, entry_limit_bytes=50_000)
    for number in range(200):
        assert store.put(key(number), entry(2_000))
        assert store.stats().size_bytes <= 100_000
        assert await store.get(key(0)) is not None
    assert await store.get(key(1)) is None
    assert await store.get(key(199)) is not None


async def test_what_is_too_large_is_not_taken_and_drives_nothing_out() -> None:
    store = MemoryStore(FalseClock(wall=START_S), limit_bytes=100_000, entry_limit_bytes=50_000)
    assert store.put(key(1), entry())
    assert not store.put(key(2), entry(50_000))
    assert store.stats().entries == 1


async def test_a_newer_answer_takes_the_place_of_the_older() -> None:
    store = MemoryStore(FalseClock(wall=START_S))
    store.put(key(1), entry(1_000))
    store.put(key(1), entry(10))
    assert store.stats().entries == 1
    assert store.stats().size_bytes == entry(10).size_bytes


async def test_clear_forgets_everything_and_says_how_much() -> None:
    store = MemoryStore(FalseClock(wall=START_S))
    for number in range(3):
        store.put(key(number), entry())
    assert await store.clear() == 3
    assert await store.get(key(1)) is None
    assert store.stats().size_bytes == 0
    assert store.stats().limit_bytes == MEMORY_LIMIT_BYTES > ENTRY_LIMIT_BYTES


def test_an_entrys_size_covers_the_memory_it_takes() -> None:
    store = MemoryStore(FalseClock(wall=START_S))
    count = 500
    tracemalloc.start()
    for number in range(count):
        headers = tuple((f"x-name-{field}-{number}", f"value {number}") for field in range(12))
        body = b"%d" % number * 100
        store.put(key(number), Entry(200, headers, body, "openai", START_S + number, 2e9))
    taken_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.7 * taken_bytes < store.stats().size_bytes < 1.5 * taken_bytes
