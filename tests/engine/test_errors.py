"""What an app is told when nothing could answer it."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.core.call import Call
from proxy.core.event import AttemptCancelled, AttemptEnded, AttemptStarted, PassedOver, StreamBroke
from proxy.core.failure import Exhausted, Failure, FailureKind, Refusal
from proxy.core.reply import Reply, Whole
from proxy.dialects.recognise import dialect_named
from proxy.engine.errors import error_reply
from tests.calls import a_call
from tests.clock import FalseClock

OPENAI = dialect_named("openai")


@pytest.mark.parametrize(
    ("kind", "target", "status"),
    [
        (FailureKind.BAD_REQUEST, "", 400),
        (FailureKind.BAD_REQUEST, "openai", 400),
        (FailureKind.BAD_REQUEST, "other", 503),
        (FailureKind.AUTH, "openai", 401),
        (FailureKind.AUTH, "other", 503),
        (FailureKind.RATE_LIMIT, "other", 429),
        (FailureKind.NETWORK, "other", 502),
    ],
)
def test_what_another_upstream_says_of_us_is_not_told_as_the_apps_mistake(
    kind: FailureKind, target: str, status: int
) -> None:
    reply = error_reply(a_call(FalseClock()), Failure(kind, "no", target=target), OPENAI)
    assert reply.status == status


def test_the_failure_that_tells_most_decides() -> None:
    failures = (
        Failure(FailureKind.UNAVAILABLE, "down", target="openai"),
        Failure(FailureKind.MODEL_NOT_FOUND, "no such model", target="other"),
    )
    assert error_reply(a_call(FalseClock()), Exhausted(failures), OPENAI).status == 503


def _asked(times: int) -> Call:
    call = a_call(FalseClock())
    for number in range(1, times + 1):
        call.journal.tell(AttemptStarted("openai", number, None, 0))
    return call


def _told(call: Call, failure: Failure) -> dict[str, Any]:
    body = error_reply(call, failure, OPENAI).body
    assert isinstance(body, Whole)
    error: dict[str, Any] = json.loads(body.content)["error"]
    return error


def _refused(call: Call, headers: list[tuple[str, str]]) -> Reply:
    refusal = Refusal(429, CIMultiDictProxy(CIMultiDict(headers)), b'{"own": "words"}', "Slow")
    failure = Failure(FailureKind.RATE_LIMIT, "no", target="openai", status=429, refusal=refusal)
    reply = error_reply(call, failure, OPENAI)
    assert list(refusal.headers.items()) == headers, "what was given is never changed"
    assert isinstance(reply.body, Whole)
    assert (reply.status, reply.reason, reply.body.content) == (429, "Slow", refusal.body)
    return reply


OWN = [("Retry-After", "7"), ("X-Twice", "a"), ("x-twice", "b"), ("Content-Type", "text/plain")]


@pytest.mark.parametrize("times", [0, 1])
def test_a_providers_own_error_goes_through_as_it_is(times: int) -> None:
    assert list(_refused(_asked(times), OWN).headers.items()) == OWN


@pytest.mark.parametrize("word", [None, "true", "false"])
def test_where_it_was_asked_again_the_sdk_need_not(word: str | None) -> None:
    """Else the app's retries multiply with ours."""
    own = OWN if word is None else [*OWN, ("X-Should-Retry", word)]
    sent = list(_refused(_asked(2), own).headers.items())
    assert sent[:4] == OWN
    assert [(name.lower(), value) for name, value in sent[4:]] == [("x-should-retry", "false")]


@pytest.mark.parametrize(
    ("after_s", "seconds", "milliseconds"),
    [(0.25, "1", "250"), (30.0, "30", "30000"), (30.2, "31", "30200"), (0.0, "1", "0")],
)
def test_when_a_later_try_is_worth_it_is_told_exactly_and_never_too_soon(
    after_s: float, seconds: str, milliseconds: str
) -> None:
    failure = Failure(FailureKind.RATE_LIMIT, "no", target="other", retry_after_s=after_s)
    headers = error_reply(_asked(1), failure, OPENAI).headers
    assert headers.get("x-should-retry") == "false"
    assert headers.get("Retry-After") == seconds
    assert headers.get("retry-after-ms") == milliseconds


def test_where_nobody_named_a_time_none_is_told() -> None:
    failure = Failure(FailureKind.UNAVAILABLE, "down", target="other")
    headers = error_reply(_asked(1), failure, OPENAI).headers
    assert headers.get("x-should-retry") == "false"
    assert "Retry-After" not in headers
    assert "retry-after-ms" not in headers


def test_what_was_tried_is_told_and_what_was_called_off_is_not() -> None:
    call = a_call(FalseClock())
    tell = call.journal.tell
    tell(AttemptStarted("openai", 1, None, 0))
    tell(AttemptStarted("other", 2, None, 0))
    tell(AttemptEnded("openai", 1, 0.0123, 503, FailureKind.UNAVAILABLE, "down"))
    tell(AttemptCancelled("other", 2, 0.02))
    tell(PassedOver("third", "it has no key: KEY is not set", unfit=FailureKind.UNAVAILABLE))
    tell(PassedOver("fourth", "its breaker is open", FailureKind.CIRCUIT_OPEN))
    told = _told(call, Failure(FailureKind.UNAVAILABLE, "down", target="other"))
    assert [(one["target"], one["kind"], one["status"]) for one in told["attempts"]] == [
        ("openai", "unavailable", 503),
        ("third", "unavailable", None),
        ("fourth", "circuit_open", None),
    ]
    assert told["attempts"][0]["duration_ms"] == 12.3


def test_a_stream_that_broke_while_it_was_held_back_was_tried_too() -> None:
    clock = FalseClock()
    call = a_call(clock)
    call.journal.tell(AttemptStarted("openai", 1, None, 0))
    clock.pass_time(0.5)
    call.journal.tell(AttemptEnded("openai", 1, 0.5, 200))
    clock.pass_time(1.0)
    call.journal.tell(StreamBroke("openai", FailureKind.BROKEN_STREAM, "cut"))
    told = _told(call, Failure(FailureKind.BROKEN_STREAM, "cut", target="openai"))
    assert told["attempts"] == [
        {
            "target": "openai",
            "kind": "broken_stream",
            "status": None,
            "message": "cut",
            "duration_ms": 1500.0,
        }
    ]
