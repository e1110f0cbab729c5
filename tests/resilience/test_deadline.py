"""Until when an answer has to begin and to be whole, as the policy and the app have it."""

from dataclasses import dataclass
from math import inf

import pytest
from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.dialects.recognise import dialect_named
from proxy.resilience.deadline import Deadline, left_s
from tests.calls import a_call
from tests.clock import FalseClock
from tests.resilience.parts import Told, a_reply

READ, WHOLE = "x-stainless-read-timeout", "x-understudy-timeout"


@dataclass
class Limits:
    """How long an answer has to begin, and to be whole, in seconds from now."""

    begin_s: float
    end_s: float
    call: Call


async def _limits(
    total_s: float | None,
    dialect: str = "openai",
    stream: bool = False,
    chunks: bool = True,
    **headers: str,
) -> Limits:
    clock = FalseClock()
    inner = Told([a_reply()])
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    call = a_call(clock, headers=fields, stream=stream, chunks=chunks)
    await Deadline(inner, total_s, dialect_named(dialect), clock).handle(call)
    (passed_on,) = inner.calls
    return Limits(passed_on.begin_by - 1000.0, passed_on.end_by - 1000.0, passed_on)


async def test_where_nobody_says_anything_the_call_stays_as_it_is() -> None:
    clock, inner = FalseClock(), Told([a_reply()])
    call = a_call(clock)
    await Deadline(inner, None, dialect_named("openai"), clock).handle(call)
    assert inner.calls[0] is call
    assert left_s(call, clock) == inf


@pytest.mark.parametrize(
    ("total_s", "headers", "begin_s", "end_s"),
    [
        pytest.param(30.0, {}, 30.0, 30.0, id="the policy"),
        pytest.param(None, {WHOLE: "10"}, 9.5, 9.5, id="the app"),
        pytest.param(None, {WHOLE: "500ms"}, 0.475, 0.475, id="in milliseconds"),
        pytest.param(None, {WHOLE: "600s"}, 598.0, 598.0, id="no more than two seconds early"),
        pytest.param(5.0, {WHOLE: "10"}, 5.0, 5.0, id="the policy has less"),
        pytest.param(50.0, {WHOLE: "10"}, 9.5, 9.5, id="the app has less"),
        pytest.param(None, {READ: "20"}, 19.0, inf, id="its SDK bears silence"),
        pytest.param(None, {"x-stainless-timeout": "20"}, 19.0, inf, id="the other SDK"),
        pytest.param(60.0, {READ: "20"}, 19.0, 60.0, id="and may then take its time"),
        pytest.param(10.0, {READ: "20"}, 10.0, 10.0, id="but not more than there is"),
        pytest.param(60.0, {READ: "20", WHOLE: "10"}, 9.5, 9.5, id="all three"),
        pytest.param(None, {READ: "NOT_GIVEN"}, inf, inf, id="no number"),
        pytest.param(None, {WHOLE: "soon"}, inf, inf, id="no time"),
        pytest.param(None, {WHOLE: "-3"}, inf, inf, id="less than none"),
        pytest.param(None, {READ: "inf"}, inf, inf, id="for ever"),
    ],
)
async def test_the_smallest_counts(
    total_s: float | None, headers: dict[str, str], begin_s: float, end_s: float
) -> None:
    limits = await _limits(total_s, **headers)
    assert limits.begin_s == pytest.approx(begin_s)
    assert limits.end_s == pytest.approx(end_s)


async def test_silence_counts_for_no_stream_that_can_be_kept_alive() -> None:
    assert (await _limits(None, stream=True, **{READ: "20"})).begin_s == inf
    assert (await _limits(30.0, stream=True, **{READ: "20"})).begin_s == 30.0
    assert (await _limits(None, dialect="raw", stream=True, **{READ: "20"})).begin_s == 19.0
    http_1_0 = await _limits(None, stream=True, chunks=False, **{READ: "20"})
    assert http_1_0.begin_s == 19.0, "it can be sent no comments"


async def test_everything_else_of_the_call_is_left_alone() -> None:
    limits = await _limits(30.0, **{READ: "20"})
    clock = FalseClock()
    plain = a_call(clock, headers=limits.call.headers, journal=limits.call.journal)
    assert limits.call._replace(begin_by=inf, end_by=inf) == plain


def test_what_is_left() -> None:
    clock = FalseClock()
    assert left_s(a_call(clock, begin_by=1003.0, end_by=1010.0), clock) == 3.0
    assert left_s(a_call(clock, begin_by=1003.0, end_by=1002.0), clock) == 2.0
    assert left_s(a_call(clock, begin_by=999.0), clock) == -1.0
