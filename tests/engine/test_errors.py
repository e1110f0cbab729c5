"""Which status an app is told when nothing could answer it."""

import pytest

from proxy.core.failure import Exhausted, Failure, FailureKind
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
