"""Streams that break after they began, under each word of `mid_stream`."""

import asyncio
from collections.abc import Sequence

import orjson
import pytest

from proxy.core.event import (
    AttemptCancelled,
    AttemptStarted,
    CallEnded,
    FellBack,
    Resumed,
    StreamBroke,
    UsageSeen,
)
from proxy.core.failure import FailureKind
from proxy.core.reply import End
from tests.plays.stage import (
    DONE,
    DOWN,
    HELLO,
    ROLE,
    STOP,
    WHOLE_STREAM,
    WORLD,
    Act,
    Answer,
    Play,
    Refuse,
    Seen,
    Silence,
    Stream,
    delta,
    error,
    said,
    sse,
)

POLICY = """
version: 1
upstreams:
  openai:
    dialect: openai
    url: https://api.openai.com
    retry: {attempts: 1}
    breaker: {consecutive: 1, open: 30s}
    timeout: {idle: 5s, total: 1m, first_byte: 10s}
  azure:
    dialect: openai
    url: https://azure.example
    api_key: k
    retry: {attempts: 1}
    prefill: PREFILL
  third: {dialect: openai, url: "https://third.example", api_key: k, retry: {attempts: 1}}
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai, azure, third]
    mid_stream: MODE
    cache: {ttl: 10m}
"""
MODES = ("error", "hold", "resume")
BEGUN = sse(ROLE, HELLO)
CUT = Stream(BEGUN, end="cut")
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
OTHER = Stream(sse(ROLE, delta(content="Good"), delta(content=" day"), STOP, DONE))
GOES_ON = Stream(sse(ROLE, WORLD, STOP, USAGE, DONE))
"""What a target says that continues from a prefill."""


def policy(mode: str, *, prefill: bool = False) -> str:
    return POLICY.replace("MODE", mode).replace("PREFILL", str(prefill).lower())


def text_of(seen: Seen) -> str:
    """What an app makes of the events that it got; it passes over comments."""
    told = []
    for event in seen.body.split(b"\n\n"):
        if event.startswith(b"data: {"):
            document = orjson.loads(event.removeprefix(b"data: "))
            told += [choice["delta"].get("content") or "" for choice in document["choices"]]
    return "".join(told)


def comments(seen: Seen) -> list[str]:
    events = seen.body.decode().split("\n\n")
    return [event[2:].removeprefix("understudy ") for event in events if event.startswith(":")]


async def chat(play: Play, **fields: object) -> Seen:
    return await play.chat(stream=True, **fields)


def breaker(play: Play, name: str = "openai") -> str:
    standing = play.standings.of(play.program.snapshot.upstreams[name])
    return standing.breaker.state


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(WHOLE_STREAM, id="as it should be"),
        pytest.param(sse(ROLE, HELLO, WORLD, STOP), id="a finish reason, no terminator"),
    ],
)
async def test_a_whole_stream_is_whole(mode: str, chunks: Sequence[bytes]) -> None:
    play = Play(policy(mode), openai=[Stream(chunks)])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.COMPLETE, ["openai"])
    assert seen.body == b"".join(chunks), "byte for byte"
    assert breaker(play) == "closed"


@pytest.mark.parametrize("mode", MODES)
async def test_a_malformed_event_is_passed_over_where_the_stream_goes_on_whole(mode: str) -> None:
    """The official SDKs would raise on it, and lose what comes after."""
    chunks = sse(ROLE, HELLO, b"data: {{{\n\n", WORLD, STOP, DONE)
    seen = await chat(Play(policy(mode), openai=[Stream(chunks)]))
    assert (seen.end, seen.asked, text_of(seen)) == (End.COMPLETE, ["openai"], "Hello world")
    assert b"{{{" not in seen.body
    assert comments(seen) == ["left out an event that was no JSON"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_cut_behind_the_finish_reason_takes_nothing_away(mode: str) -> None:
    play = Play(policy(mode), openai=[Stream(sse(ROLE, HELLO, STOP), end="cut")])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.COMPLETE, ["openai"])


BREAKS = [
    pytest.param(CUT, FailureKind.BROKEN_STREAM, id="cut"),
    pytest.param(Stream(BEGUN), FailureKind.BROKEN_STREAM, id="neither finished nor terminated"),
    pytest.param(
        Stream((*BEGUN, b'data: {"cho'), end="cut"), FailureKind.BROKEN_STREAM, id="in an event"
    ),
    pytest.param(Stream(BEGUN, end="stall"), FailureKind.TIMEOUT_IDLE, id="stall"),
    pytest.param(
        Stream(sse(ROLE, HELLO, error("overloaded"))), FailureKind.UNAVAILABLE, id="error event"
    ),
]


@pytest.mark.parametrize(("broken", "kind"), BREAKS)
async def test_error_says_so_in_the_stream(broken: Stream, kind: FailureKind) -> None:
    play = Play(policy("error"), openai=[broken])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.BROKEN, ["openai"])
    assert seen.broke is not None
    assert seen.broke.kind is kind
    assert seen.body.startswith(b"".join(BEGUN))
    assert breaker(play) == "open"


# hold


@pytest.mark.parametrize(("broken", "kind"), BREAKS)
async def test_hold_survives_a_break(broken: Stream, kind: FailureKind) -> None:
    play = Play(policy("hold"), openai=[broken], azure=[Stream()])
    seen = await chat(play)
    assert (seen.status, seen.end) == (200, End.COMPLETE)
    assert seen.body == b"".join(WHOLE_STREAM), "nothing of the first was seen"
    assert seen.asked == ["openai", "azure"]
    assert [(event.target, event.kind) for event in seen.told(StreamBroke)] == [("openai", kind)]
    assert breaker(play) == "open"
    assert all(body.closed for body in play.bodies)


def twice(policy: str) -> str:
    """The same target is asked again where a stream broke."""
    retry = "retry: {attempts: 2, on: [broken_stream], backoff: {initial: 1s}}"
    policy = policy.replace("retry: {attempts: 1}", retry, 1)
    return policy.replace("consecutive: 1", "consecutive: 9")


async def test_hold_asks_the_same_target_again_where_retry_says_so() -> None:
    play = Play(twice(policy("hold")), openai=[CUT, Stream()])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.COMPLETE, ["openai", "openai"])
    assert seen.body == b"".join(WHOLE_STREAM)


async def test_hold_tells_of_every_attempt_when_all_break() -> None:
    play = Play(policy("hold"), openai=[CUT], azure=[CUT], third=[CUT])
    seen = await chat(play)
    assert (seen.status, seen.end) == (502, End.COMPLETE)
    told = seen.json["error"]
    assert told["type"] == "fallback_exhausted"
    assert [attempt["target"] for attempt in told["attempts"]] == ["openai", "azure", "third"]
    assert {attempt["kind"] for attempt in told["attempts"]} == {"broken_stream"}
    assert b"Hello" not in seen.body


async def test_hold_gives_a_stream_with_its_length_known() -> None:
    play = Play(policy("hold"), openai=[Stream()])
    seen = await chat(play)
    assert seen.headers["Content-Type"] == "text/event-stream"
    assert len(seen.told(UsageSeen)) == 0
    assert seen.body == b"".join(WHOLE_STREAM)


# resume


@pytest.mark.parametrize(("broken", "kind"), BREAKS)
async def test_the_next_goes_on_where_it_repeats_what_was_sent(
    broken: Stream, kind: FailureKind
) -> None:
    again = Stream(sse(ROLE, delta(content="Hell"), delta(content="o world"), STOP, USAGE, DONE))
    play = Play(policy("resume"), openai=[broken], azure=[again])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.COMPLETE, ["openai", "azure"])
    assert text_of(seen) == "Hello world"
    assert seen.body.endswith(b"".join(sse(STOP, USAGE, DONE)))
    assert b"overloaded" not in seen.body
    assert comments(seen) == [
        f"lost openai ({kind}), looks for the rest",
        "resumed target=azure",
    ]
    assert seen.told(Resumed) == [Resumed("openai", "azure", kind)]
    assert seen.told(StreamBroke) == []
    assert seen.told(UsageSeen) == [UsageSeen(7, 2, "azure")]
    (ended,) = seen.told(CallEnded)
    assert (ended.degraded, ended.end) == ("resumed by azure", End.COMPLETE)
    assert seen.events[-1] is ended
    assert (breaker(play), breaker(play, "azure")) == ("open", "closed")
    assert all(body.closed for body in play.bodies)
    assert play.store.stats().entries == 0, "what two have said is never kept"


@pytest.mark.parametrize(
    "strategy", ["sequential", "load_balanced", "fastest", "fastest\n    hedge_after: 0s"]
)
async def test_every_strategy_has_somebody_to_go_on(strategy: str) -> None:
    chosen = policy("resume").replace("    mid_stream", f"    strategy: {strategy}\n    mid_stream")
    slow = [5.0, *WHOLE_STREAM]
    play = Play(chosen, openai=[CUT], azure=[Stream(slow)] * 2, third=[Stream(slow)] * 2)
    seen = await chat(play)
    assert (seen.end, text_of(seen)) == (End.COMPLETE, "Hello world")
    assert all(body.closed for body in play.bodies)


async def test_the_first_ones_breaker_hears_of_it_at_once() -> None:
    play = Play(policy("resume"), openai=[CUT], azure=[Silence()])
    task = await play.begin(play.asks(stream=True), 1.0)
    assert breaker(play) == "open"
    task.cancel()
    await asyncio.wait([task])


async def test_what_is_asked_next_is_the_plain_question() -> None:
    play = Play(policy("resume"), openai=[CUT], azure=[Stream()])
    first, second = (await chat(play)).calls
    assert second.body == first.body
    assert second.headers["Accept-Encoding"] == "identity"


async def test_a_prefill_is_gone_on_from() -> None:
    play = Play(policy("resume", prefill=True), openai=[CUT], azure=[GOES_ON])
    seen = await chat(play)
    assert (seen.end, text_of(seen)) == (End.COMPLETE, "Hello world")
    messages = orjson.loads(seen.calls[1].body)["messages"]
    assert messages[-1] == {"role": "assistant", "content": "Hello"}
    assert len(seen.told(Resumed)) == 1


REFUSED = Answer(400, error("this model does not support prefill", "invalid_request_error"))


async def test_who_refuses_a_prefill_is_asked_without() -> None:
    play = Play(policy("resume", prefill=True), openai=[CUT], azure=[REFUSED, Stream()])
    seen = await chat(play)
    assert (seen.asked, text_of(seen)) == (["openai", "azure", "azure"], "Hello world")
    assert seen.end is End.COMPLETE
    assert breaker(play, "azure") == "closed"


@pytest.mark.parametrize("after", [DOWN, OTHER, CUT], ids=["down", "another answer", "cut"])
async def test_a_refused_prefill_is_never_the_error(after: Act) -> None:
    play = Play(policy("resume", prefill=True), openai=[CUT], azure=[REFUSED, after], third=[DOWN])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.BROKEN, ["openai", "azure", "azure", "third"])
    assert seen.broke is not None
    assert (seen.broke.target, seen.broke.kind) == ("openai", FailureKind.BROKEN_STREAM)


async def test_another_answer_is_not_gone_on_with() -> None:
    play = Play(policy("resume"), openai=[CUT], azure=[OTHER], third=[Stream()])
    seen = await chat(play)
    assert (seen.asked, text_of(seen)) == (["openai", "azure", "third"], "Hello world")
    assert [event.target for event in seen.told(AttemptCancelled)] == ["azure"]
    assert breaker(play, "azure") == "closed", "nothing is wrong with it"
    assert [event.target for event in seen.told(Resumed)] == ["third"]
    assert play.bodies[1].closed


@pytest.mark.parametrize("other", [DOWN, OTHER, Refuse(), Answer(200, said("Hello world"))])
async def test_where_nobody_can_go_on_the_first_failure_is_told(other: Act) -> None:
    play = Play(policy("resume"), openai=[CUT], azure=[other], third=[OTHER])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.BROKEN, ["openai", "azure", "third"])
    assert text_of(seen) == "Hello"
    assert seen.broke is not None
    assert (seen.broke.target, seen.broke.kind) == ("openai", FailureKind.BROKEN_STREAM)
    assert [event.target for event in seen.told(StreamBroke)] == ["openai"]
    assert seen.told(Resumed) == []


async def test_the_providers_own_error_is_told_where_nobody_can_go_on() -> None:
    told = sse(error("overloaded"))
    play = Play(policy("resume"), openai=[Stream((*BEGUN, *told))], azure=[DOWN], third=[DOWN])
    seen = await chat(play)
    assert seen.body.endswith(told[0])


async def test_what_leads_nowhere_by_policy_is_not_resumed() -> None:
    filtered = error("it was filtered", "invalid_request_error", "content_filter")
    play = Play(policy("resume"), openai=[Stream((*BEGUN, *sse(filtered)))])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.BROKEN, ["openai"])
    assert b"it was filtered" in seen.body


async def test_who_goes_on_may_break_too_and_be_gone_on_with() -> None:
    azure = Stream(sse(ROLE, HELLO, delta(content=" wor")), end="cut")
    play = Play(policy("resume"), openai=[CUT], azure=[azure], third=[Stream()])
    seen = await chat(play)
    assert (seen.end, text_of(seen)) == (End.COMPLETE, "Hello world")
    pairs = [(event.origin, event.target) for event in seen.told(Resumed)]
    assert pairs == [("openai", "azure"), ("azure", "third")]
    (ended,) = seen.told(CallEnded)
    assert ended.degraded == "resumed by third"


async def test_who_breaks_before_its_place_is_told_of_and_passed_over() -> None:
    azure = Stream(sse(ROLE, delta(content="Hel")), end="cut")
    play = Play(policy("resume"), openai=[CUT], azure=[azure], third=[Stream()])
    seen = await chat(play)
    assert text_of(seen) == "Hello world"
    assert [event.target for event in seen.told(StreamBroke)] == ["azure"]
    assert seen.told(Resumed) == [Resumed("openai", "third", FailureKind.BROKEN_STREAM)]


@pytest.mark.parametrize(
    "spoiler",
    [
        delta(tool_calls=[{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{"}}]),
        delta(refusal="I will"),
    ],
)
async def test_tool_calls_and_refusals_are_never_continued(spoiler: dict[str, object]) -> None:
    play = Play(policy("resume"), openai=[Stream(sse(ROLE, HELLO, spoiler), end="cut")])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.BROKEN, ["openai"])


async def test_a_fallback_that_broke_is_resumed_as_well() -> None:
    play = Play(policy("resume"), openai=[Answer(401, error("no", code="invalid_api_key"))] * 2)
    play.scripts["azure"] += [CUT]
    play.scripts["third"] += [Stream()]
    seen = await chat(play)
    assert (seen.end, text_of(seen)) == (End.COMPLETE, "Hello world")
    assert seen.headers["x-understudy-target"] == "azure"
    assert seen.told(FellBack)[0].target == "azure"


async def test_no_time_is_left_to_go_on() -> None:
    late = policy("resume").replace("    mid_stream", "    deadline: 8s\n    mid_stream")
    play = Play(late, openai=[Stream([*BEGUN, 4.0, *sse(WORLD)], end="stall")])
    seen = await chat(play)
    assert (seen.asked, seen.took_s) == (["openai"], 8.0)
    assert seen.broke is not None
    assert seen.broke.kind is FailureKind.TIMEOUT_TOTAL
    assert breaker(play) == "closed", "the call was over: it says nothing of the target"


async def test_who_goes_on_has_to_begin_before_the_app_gives_up() -> None:
    play = Play(policy("resume"), openai=[CUT], azure=[Silence()], third=[Silence()])
    seen = await chat(play, headers={"x-stainless-read-timeout": "4"})
    assert seen.end is End.BROKEN
    assert seen.took_s <= 4.0


@pytest.mark.parametrize("mode", ["hold", "resume"])
async def test_what_may_not_be_asked_twice_is_not(mode: str) -> None:
    play = Play(policy(mode), openai=[CUT])
    seen = await play.serve(play.call({"stream": True, "input": "Hi"}, "/v1/assistants"))
    assert seen.asked == ["openai"]


# hanging up

STALLED = Stream(BEGUN, end="stall")
PHASES = [
    pytest.param("hold", [STALLED], [], 2.0, id="while it is held"),
    pytest.param("hold", [CUT, STALLED], [], 2.0, id="while the second attempt is held"),
    pytest.param("resume", [STALLED], [], 2.0, id="in the first"),
    pytest.param("resume", [CUT], [Silence()], 2.0, id="before the second began"),
    pytest.param("resume", [CUT], [Stream(sse(ROLE), end="stall")], 2.0, id="while it is held"),
    pytest.param("resume", [CUT], [STALLED], 2.0, id="before its place"),
    pytest.param(
        "resume", [CUT], [Stream(sse(ROLE, HELLO, WORLD), end="stall")], 2.0, id="in the second"
    ),
    pytest.param("resume", [STALLED], [STALLED], 6.0, id="at the second, after a stall"),
]


@pytest.mark.parametrize(("mode", "openai", "azure", "seconds"), PHASES)
async def test_hanging_up(mode: str, openai: list[Act], azure: list[Act], seconds: float) -> None:
    play = Play(twice(policy(mode)), openai=openai, azure=azure)
    before = asyncio.all_tasks()
    task = await play.begin(play.asks(stream=True), seconds)
    assert not task.done(), "the play was to stop in the middle"
    task.cancel()
    await asyncio.wait([task])
    assert asyncio.all_tasks() == before, "nothing runs on"
    assert all(body.closed for body in play.bodies), "every answer was given back"
    assert play.clock.next_due is None, "no timer is left"
    (ended,) = [event for event in play.events if isinstance(event, CallEnded)]
    assert ended.end is End.ABANDONED
    assert play.events[-1] is ended, "its end is the last that is told of a call"
    started = len([event for event in play.events if isinstance(event, AttemptStarted)])
    play.clock.pass_time(1000.0)
    await asyncio.sleep(0)
    assert len([event for event in play.events if isinstance(event, AttemptStarted)]) == started


@pytest.mark.parametrize("azure", [Silence(), STALLED], ids=["not begun", "before its place"])
async def test_hanging_up_while_the_rest_is_looked_for_hides_no_break(azure: Act) -> None:
    play = Play(policy("resume"), openai=[CUT], azure=[azure])
    task = await play.begin(play.asks(stream=True), 2.0)
    task.cancel()
    await asyncio.wait([task])
    broke = [event for event in play.events if isinstance(event, StreamBroke)]
    assert [(event.target, event.kind) for event in broke] == [
        ("openai", FailureKind.BROKEN_STREAM)
    ]


ONE_PIECE = Answer(200, said("Hi"))


async def test_an_answer_in_one_piece_to_who_wants_a_stream_goes_elsewhere() -> None:
    play = Play(policy("error"), openai=[ONE_PIECE], azure=[Stream(WHOLE_STREAM)])
    seen = await chat(play)
    assert (seen.end, seen.asked) == (End.COMPLETE, ["openai", "azure"])
    assert text_of(seen) == "Hello world"
    standing = play.standings.of(play.program.snapshot.upstreams["openai"])
    assert standing.health.report().failure_count == 0


async def test_where_nobody_else_can_it_has_to_do() -> None:
    alone = policy("error").replace("[openai, azure, third]", "[openai]")
    seen = await chat(Play(alone, openai=[ONE_PIECE]))
    assert (seen.status, seen.asked, seen.json) == (200, ["openai"], ONE_PIECE.body)
