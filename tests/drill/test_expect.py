"""What a policy promises is worked out from the policy, and from nothing else."""

import pytest

from proxy.drill.expect import Ended, Expected, expected
from proxy.policy.snapshot import Snapshot
from tests.drill.policies import UPSTREAMS, found, loaded, route, scenario

WHOLE, ERROR, BROKEN = {Ended.WHOLE}, {Ended.ERROR}, {Ended.BROKEN}
ALONE = loaded(UPSTREAMS)


def _promise(
    snapshot: Snapshot, name: str, *, stream: bool = False, primed: bool = False
) -> Expected:
    subject = found(snapshot)[0]
    struck = subject.providers[0]
    return expected(subject, scenario(name), struck, stream=stream, primed=primed)


@pytest.mark.parametrize(
    ("settings", "name", "stream", "ends"),
    [
        # another target is led to, or is not
        ({}, "503", False, WHOLE),
        ({}, "503", True, WHOLE),
        ({}, "cut", False, WHOLE),
        ({"targets": "[first, {upstream: second, on: [rate_limit]}]"}, "503", False, ERROR),
        ({"targets": "[first, {upstream: second, on: [rate_limit]}]"}, "rate_limit", True, WHOLE),
        # two words for one fault, and the policy goes elsewhere after one of them
        ({"targets": "[first, {upstream: second, on: [network]}]"}, "cut", False, WHOLE | ERROR),
        # nobody but who has failed; a last resort
        ({"targets": "[first]"}, "silence", True, ERROR),
        ({"targets": "[first]", "last_resort": "mock"}, "silence", True, WHOLE),
        # the caller's own mistake goes nowhere
        ({"last_resort": "mock"}, "content_filter", False, ERROR),
        ({}, "context_length", False, WHOLE),
        # it passes, or is to be borne
        ({"targets": "[first]"}, "500_once", False, WHOLE),
        ({"targets": "[{upstream: first, max_retries: 0}]"}, "500_once", False, ERROR),
        ({"targets": "[first]"}, "flapping", False, WHOLE),
        ({"targets": "[first]"}, "drip", True, WHOLE),
        ({"targets": "[first]"}, "malformed_event", True, WHOLE),
        ({"targets": "[first]"}, "late_first_token", False, WHOLE),
        # a stream that has begun
        ({}, "cut", True, BROKEN),
        ({"mid_stream": "resume"}, "cut", True, WHOLE),
        ({"mid_stream": "resume", "targets": "[first]"}, "cut", True, BROKEN),
        ({"mid_stream": "resume"}, "another_answer", True, BROKEN),
        ({"mid_stream": "hold"}, "cut", True, WHOLE),
        ({"mid_stream": "hold", "targets": "[first]"}, "cut", True, ERROR),
        # others that run beside it
        ({"strategy": "fastest"}, "content_filter", False, WHOLE | ERROR),
        ({"strategy": "load_balanced"}, "503", False, WHOLE),
        # no time for anything
        ({"deadline": "50s"}, "silence", True, WHOLE | ERROR | BROKEN),
        ({"deadline": "5m"}, "silence", True, WHOLE),
    ],
)
def test_a_route(settings: dict[str, str], name: str, stream: bool, ends: set[Ended]) -> None:
    assert _promise(route(**settings), name, stream=stream).ends == ends


@pytest.mark.parametrize(
    ("name", "stream", "ends", "statuses"),
    [
        ("wrong_key", False, ERROR, {401}),
        ("refused", False, ERROR, {502}),
        ("silence", False, ERROR, {504}),
        ("rate_limit_hint", False, WHOLE, {429}),
        ("stall", True, BROKEN, {504}),
    ],
)
def test_an_upstream_alone(name: str, stream: bool, ends: set[Ended], statuses: set[int]) -> None:
    promise = _promise(ALONE, name, stream=stream)
    assert (promise.ends, promise.statuses) == (ends, statuses)


def test_an_old_answer_stands_in_where_it_may() -> None:
    cached = route(targets="[first]", cache="{ttl: 1m, stale_if_error: 1h}")
    assert _promise(cached, "503").ends == ERROR
    assert _promise(cached, "503", primed=True).ends == WHOLE
    assert _promise(cached, "wrong_key", primed=True).ends == ERROR


def test_a_hint_that_is_too_long_is_not_waited_for() -> None:
    text = UPSTREAMS.replace("api.openai.com}", "api.openai.com, retry: {retry_after_max: 1s}}")
    assert _promise(loaded(text), "rate_limit_hint").ends == ERROR


def test_a_slow_stream_stalls_under_a_floor_of_tokens() -> None:
    text = UPSTREAMS.replace("com}", "com, timeout: {tokens_per_second: 2}}", 1)
    assert _promise(loaded(text), "drip", stream=True).ends == BROKEN
    assert _promise(loaded(text), "drip").ends == WHOLE


def test_a_call_that_nobody_reads_is_neither_repeated_nor_told_of() -> None:
    text = UPSTREAMS.replace("dialect: openai", "dialect: raw")
    assert _promise(loaded(text), "500_once").ends == ERROR
    assert _promise(loaded(text), "cut").ends == BROKEN
