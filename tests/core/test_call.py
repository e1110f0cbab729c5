"""What a call allows to be done with it, and what its journal keeps."""

from collections.abc import AsyncIterator

import pytest

from proxy.core.call import Operation, Trace
from proxy.core.event import AttemptStarted, Event, Retrying
from proxy.core.failure import FailureKind
from proxy.core.journal import Journal
from tests.calls import a_call
from tests.clock import FalseClock


async def _rest() -> AsyncIterator[bytes]:
    yield b"more"


@pytest.mark.parametrize(
    ("method", "operation", "repeatable"),
    [
        ("POST", Operation.CHAT, True),
        ("POST", Operation.COMPLETIONS, True),
        ("POST", Operation.EMBEDDINGS, True),
        ("POST", Operation.RESPONSES, True),
        ("POST", Operation.RERANK, True),
        ("POST", Operation.MODERATIONS, True),
        ("GET", Operation.MODELS, True),
        ("GET", Operation.OTHER, True),
        ("HEAD", Operation.OTHER, True),
        ("OPTIONS", Operation.OTHER, True),
        ("POST", Operation.OTHER, False),
        ("PUT", Operation.OTHER, False),
        ("PATCH", Operation.OTHER, False),
        ("DELETE", Operation.OTHER, False),
    ],
)
def test_only_what_has_no_effect_may_be_sent_twice(
    method: str, operation: Operation, repeatable: bool
) -> None:
    assert a_call(method=method, operation=operation).repeatable is repeatable


def test_a_body_that_was_not_kept_cannot_be_sent_twice() -> None:
    assert not a_call(rest=_rest()).repeatable


def test_what_the_provider_keeps_is_not_sent_twice() -> None:
    assert not a_call(operation=Operation.RESPONSES, stateful=True).repeatable
    assert a_call(method="GET", operation=Operation.OTHER, stateful=True).repeatable


def test_a_call_never_changes() -> None:
    call = a_call()
    other = call.but(model="big", body=b"[]")
    assert (call.model, call.body) == ("gpt-4o", b"{}")
    assert (other.model, other.body, other.id) == ("big", b"[]", call.id)
    with pytest.raises(AttributeError):
        call.model = "big"  # type: ignore[misc]


def test_an_attempt_is_sent_under_its_own_span() -> None:
    assert (call := a_call()).under(7) is call, "nobody traces"
    trace = Trace(trace_id=0xABC, span_id=1, sampled=True)
    call = a_call(trace=trace)
    under = call.under(7).trace
    assert under is not None
    assert under.header() == "00-00000000000000000000000000000abc-0000000000000007-01"
    assert call.trace is trace
    assert Trace(1, 3, sampled=False).header().endswith("-0000000000000003-00")


def test_a_journal_keeps_everything_in_order_and_passes_it_on_at_once() -> None:
    clock, heard = FalseClock(), list[tuple[Event, Journal | None]]()
    journal = Journal("us-1", clock, lambda event, journal: heard.append((event, journal)))
    first = AttemptStarted("openai", 1, "gpt-4o", 0)
    second = Retrying("openai", FailureKind.NETWORK, 0.5)
    third = AttemptStarted("openai", 2, "gpt-4o", 0)
    journal.tell(first)
    clock.pass_time(2.0)
    journal.tell(second)
    journal.tell(third)
    assert [entry.event for entry in journal.entries] == [first, second, third]
    assert [entry.at - journal.opened_at for entry in journal.entries] == [0.0, 2.0, 2.0]
    assert heard == [(first, journal), (second, journal), (third, journal)]
    assert journal.attempts == 2, "calls of a provider are counted, nothing else"
