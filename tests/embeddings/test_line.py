"""Which texts share a batch."""

import asyncio
from collections.abc import Sequence

from proxy.embeddings.line import Job, Line, Piece


def job(*lengths: int) -> Job:
    return Job([[0] * length for length in lengths], asyncio.get_running_loop().create_future())


def lengths(batch: Sequence[Piece]) -> list[int]:
    return [len(piece.numbers) for piece in batch]


async def test_texts_of_several_requests_share_a_batch() -> None:
    line, one, two = Line(), job(10, 20), job(30)
    line.add(one)
    line.add(two)
    batch = line.take(lanes=1, batch_tokens=512)
    assert [(piece.job, piece.index) for piece in batch] == [(one, 1), (one, 0), (two, 0)]
    assert line.take(lanes=1, batch_tokens=512) == []


async def test_a_batch_has_no_more_tokens_than_are_worth_it() -> None:
    line = Line()
    line.add(job(*[100] * 12))
    assert [len(line.take(1, 512)) for _ in range(4)] == [5, 5, 2, 0]


async def test_a_text_that_is_longer_than_a_batch_goes_alone() -> None:
    line = Line()
    line.add(job(600, 700, 5))
    assert [lengths(line.take(1, 512)) for _ in range(3)] == [[700], [600], [5]]


async def test_a_request_is_shared_out_over_the_lanes() -> None:
    line = Line()
    line.add(job(*[30] * 20))
    assert lengths(line.take(2, 512)) == [30] * 10


async def test_a_small_request_is_not_shared_out() -> None:
    line = Line()
    line.add(job(10, 10, 10, 10))
    assert lengths(line.take(4, 512)) == [10] * 4


async def test_a_large_request_lets_others_in_between() -> None:
    line, large, small = Line(), job(*[250] * 8), job(100)
    line.add(large)
    assert lengths(line.take(1, 512)) == [250, 250]
    line.add(small)
    assert lengths(line.take(1, 512)) == [250, 250]
    assert lengths(line.take(1, 512)) == [100, 250]
    assert lengths(line.take(1, 512)) == [250, 250]


async def test_who_found_no_room_keeps_its_turn() -> None:
    line = Line()
    for asked in (job(300), job(301), job(302)):
        line.add(asked)
    assert [lengths(line.take(1, 512)) for _ in range(3)] == [[300], [301], [302]]


async def test_what_nobody_wants_is_not_taken() -> None:
    line, gone, kept = Line(), job(5, 6), job(7)
    line.add(gone)
    line.add(kept)
    gone.done.cancel()
    assert lengths(line.take(1, 512)) == [7]


async def test_vectors_find_their_place() -> None:
    line, asked = Line(), job(1, 3, 2)
    line.add(asked)
    for piece in line.take(1, 512):
        assert not asked.done.done()
        piece.job.put(piece.index, bytes(len(piece.numbers)))
    assert asked.done.done()
    assert [len(vector) for vector in asked.vectors] == [1, 3, 2]
