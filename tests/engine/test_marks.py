"""The headers by which an answer says where it comes from."""

import pytest
from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.event import AttemptCancelled, AttemptEnded, AttemptStarted, PassedOver, StreamBroke
from proxy.core.failure import FailureKind, Hop
from proxy.core.reply import Reply, Source, Whole
from proxy.engine.marks import mark
from proxy.engine.observe import is_fallback
from tests.calls import a_call
from tests.clock import FalseClock


def _reply(status: int = 200, **fields: object) -> Reply:
    known = {"source": Source.UPSTREAM, "target": "openai"}
    return Reply(status, CIMultiDict(), Whole(b""), **{**known, **fields})  # type: ignore[arg-type]


def _marks(call: Call, reply: Reply) -> dict[str, str]:
    fields: CIMultiDict[str] = CIMultiDict()
    mark(fields, call, reply)
    named = list(fields.items())
    assert len(named) == len(dict(named)), "each is there once"
    return {name.lower(): value for name, value in named}


def test_a_first_answer_of_the_provider_has_four() -> None:
    assert _marks(a_call(FalseClock()), _reply()) == {
        "x-understudy-request-id": "us-1",
        "x-understudy-source": "upstream",
        "x-understudy-target": "openai",
        "x-understudy-attempts": "0",
    }


@pytest.mark.parametrize(
    ("source", "target", "fallback"),
    [
        (Source.UPSTREAM, "openai", False),
        (Source.UPSTREAM, "other", True),
        (Source.CACHE, "openai", False),
        (Source.STALE, "openai", True),
        (Source.LOCAL, "local", True),
        (Source.MOCK, "mock", True),
    ],
)
def test_a_fallback_is_an_answer_of_somebody_else(
    source: Source, target: str, fallback: bool
) -> None:
    call = a_call(FalseClock())
    assert is_fallback(call, source, target) is fallback
    found = _marks(call, _reply(source=source, target=target))
    assert found.get("x-understudy-fallback") == ("true" if fallback else None)
    assert found["x-understudy-source"] == source.value


def test_an_error_is_no_fallback() -> None:
    found = _marks(a_call(FalseClock()), _reply(503, target="other"))
    assert "x-understudy-fallback" not in found


def test_why_an_answer_is_less_than_was_asked_for() -> None:
    found = _marks(a_call(FalseClock()), _reply(degraded="mock answer"))
    assert found["x-understudy-degraded"] == "mock answer"


def test_proxy_status_has_a_member_for_each_failure_in_order() -> None:
    call = a_call(FalseClock())
    tell = call.journal.tell
    tell(AttemptStarted("openai", 1, None, 0))
    tell(AttemptEnded("openai", 1, 1.0, 429, FailureKind.RATE_LIMIT, "slow down"))
    tell(AttemptStarted("openai", 2, None, 0))
    tell(AttemptEnded("openai", 2, 1.0, None, FailureKind.NETWORK, "reset"))
    tell(PassedOver("a", "it has no key"))
    tell(PassedOver("b", "open", FailureKind.CIRCUIT_OPEN))
    tell(AttemptStarted("c", 3, None, 0))
    tell(AttemptEnded("c", 3, 1.0, 200))
    found = _marks(call, _reply(target="c"))
    assert found["x-understudy-attempts"] == "3"
    assert found["proxy-status"].split(", ") == [
        'understudy; next-hop="openai"; received-status=429; details="rate_limit"',
        'understudy; next-hop="openai"; error=destination_unavailable; details="network"',
        'understudy; next-hop="b"; error=destination_unavailable; details="circuit_open"',
    ]


def test_a_target_that_was_held_back_is_one_member_however_often() -> None:
    call = a_call(FalseClock())
    tell = call.journal.tell
    for _ in range(3):
        tell(PassedOver("b", "it is unhealthy", FailureKind.CIRCUIT_OPEN))
        tell(PassedOver("c", "its rate limit is used up", FailureKind.LIMIT))
    found = _marks(call, _reply(target="openai"))
    assert found["proxy-status"].split(", ") == [
        'understudy; next-hop="b"; error=destination_unavailable; details="circuit_open"',
        'understudy; next-hop="c"; error=connection_limit_reached; details="limit"',
    ]


def test_a_finer_word_for_what_went_wrong_on_the_way_is_told() -> None:
    call = a_call(FalseClock())
    call.journal.tell(
        AttemptEnded("openai", 1, 1.0, None, FailureKind.NETWORK, "no", hop=Hop.DNS_ERROR)
    )
    found = _marks(call, _reply(target="b"))
    assert found["proxy-status"] == (
        'understudy; next-hop="openai"; error=dns_error; details="network"'
    )


def test_a_held_stream_that_broke_is_a_failure() -> None:
    call = a_call(FalseClock())
    call.journal.tell(StreamBroke("openai", FailureKind.BROKEN_STREAM, "cut"))
    found = _marks(call, _reply(target="b"))
    assert found["proxy-status"] == (
        'understudy; next-hop="openai"; error=http_response_incomplete; details="broken_stream"'
    )


def test_what_was_called_off_is_no_failure() -> None:
    call = a_call(FalseClock())
    call.journal.tell(AttemptStarted("openai", 1, None, 0))
    call.journal.tell(AttemptStarted("b", 2, None, 0))
    call.journal.tell(AttemptEnded("b", 2, 1.0, 200))
    call.journal.tell(AttemptCancelled("openai", 1, 1.0))
    found = _marks(call, _reply(target="b"))
    assert "proxy-status" not in found
    assert found["x-understudy-attempts"] == "2"


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_can_be_told_in_one_line_of_plain_text(kind: FailureKind) -> None:
    """Whatever a provider said: its words, which may hold anything, are not in a header."""
    call = a_call(FalseClock())
    call.journal.tell(AttemptEnded("openai", 1, 0.0, None, kind, 'x"\r\nset-cookie: a=b\u2028ü'))
    value = _marks(call, _reply())["proxy-status"]
    assert value.isascii()
    assert value.isprintable()
    assert "cookie" not in value
