"""A reply is closed once, in order, and whatever one of those who are told does."""

from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from proxy.core.reply import End, Reply, Source, Whole


class Held:
    """A body that notes when it is given back."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"

    async def aclose(self) -> None:
        self._seen.append("body")


def _reply(seen: list[str]) -> Reply:
    return Reply(200, CIMultiDict(), Held(seen), source=Source.UPSTREAM, target="openai")


async def test_endings_are_told_last_added_first_and_the_body_goes_back_at_the_end() -> None:
    seen: list[str] = []
    reply = _reply(seen)
    for name in ("first", "second", "third"):
        reply.endings.append(lambda end, name=name: seen.append(f"{name} {end}"))
    assert reply.end is None
    await reply.close(End.BROKEN)
    assert seen == ["third broken", "second broken", "first broken", "body"]
    assert reply.end is End.BROKEN


async def test_only_the_first_close_counts() -> None:
    seen: list[str] = []
    reply = _reply(seen)
    reply.endings.append(lambda end: seen.append(end.value))
    await reply.close(End.COMPLETE)
    await reply.close(End.ABANDONED)
    assert seen == ["complete", "body"]
    assert reply.end is End.COMPLETE


async def test_an_ending_that_raises_keeps_nobody_else_from_being_told() -> None:
    """A bug in one room must not cost another its permit, its count or its connection."""
    seen: list[str] = []
    reply = _reply(seen)

    def bug(end: End) -> None:
        raise ZeroDivisionError

    def second_bug(end: End) -> None:
        raise KeyError(end)

    reply.endings += [lambda end: seen.append("a"), bug, lambda end: seen.append("b"), second_bug]
    with pytest.raises(ZeroDivisionError) as caught:
        await reply.close(End.COMPLETE)
    assert isinstance(caught.value.__context__, KeyError), "neither bug is lost"
    assert seen == ["b", "a", "body"]


async def test_a_whole_body_is_a_stream_of_one_chunk_again_and_again() -> None:
    body = Whole(b"answer")
    for _ in range(2):
        assert [chunk async for chunk in body] == [b"answer"]
    await body.aclose()
    await body.aclose()
    assert [chunk async for chunk in body] == [b"answer"]
