"""Answers that go wrong on the way."""

from proxy.core.failure import FailureKind
from proxy.drill import patience
from proxy.drill.faults.another_answer import AnotherAnswer
from proxy.drill.faults.cut import Cut
from proxy.drill.faults.error_event import ErrorEvent
from proxy.drill.faults.malformed_event import MalformedEvent
from proxy.drill.faults.no_end import NoEnd
from proxy.drill.faults.prefill_refused import PrefillRefused
from proxy.drill.faults.stall import Stall
from proxy.drill.scenario import HEALTHY, Scenario, always

_K = FailureKind
_DOWN = always(_K.UNAVAILABLE)
_BROKEN = always(_K.BROKEN_STREAM, _K.NETWORK)
_BORNE = always()

STREAMS: tuple[Scenario, ...] = (
    Scenario(
        "error_event_first",
        "the first event of a stream is an error, for good",
        lambda upstream: (ErrorEvent(),),
        _DOWN,
        _DOWN,
        read=True,
    ),
    Scenario(
        "error_event_after_role",
        "an error comes after the event that only has the role, for good",
        lambda upstream: (ErrorEvent(pieces=1),),
        _DOWN,
        _DOWN,
        read=True,
    ),
    Scenario(
        "error_event_later",
        "an error comes after the first word of a stream",
        lambda upstream: (ErrorEvent(pieces=2),),
        _DOWN,
        _DOWN,
        after_a_word=True,
        read=True,
        streams_only=True,
    ),
    Scenario(
        "cut",
        "the connection is closed in the middle of the answer",
        lambda upstream: (Cut(pieces=2),),
        _BROKEN,
        _BROKEN,
        after_a_word=True,
    ),
    Scenario(
        "reset_midway",
        "the connection is reset in the middle of the answer",
        lambda upstream: (Cut(pieces=2, reset=True),),
        _BROKEN,
        _BROKEN,
        after_a_word=True,
    ),
    Scenario(
        "no_end",
        "a stream ends cleanly, with neither finish reason nor terminator",
        lambda upstream: (NoEnd(pieces=3),),
        always(_K.BROKEN_STREAM, _K.MALFORMED),
        always(_K.BROKEN_STREAM),
        after_a_word=True,
        read=True,
    ),
    Scenario(
        "stall",
        "nothing more comes in the middle of the answer, and the connection stays",
        lambda upstream: (Stall(pieces=2),),
        patience.stalled_plain,
        patience.stalled,
        after_a_word=True,
    ),
    Scenario(
        "drip",
        "a word comes just before `idle` is over, again and again",
        patience.drip,
        patience.dripped_plain,
        patience.dripped,
        after_a_word=True,
    ),
    Scenario(
        "malformed_event",
        "one event of a stream is no JSON; the stream goes on whole",
        lambda upstream: (MalformedEvent(),),
        _BORNE,
        _BORNE,
        read=True,
        streams_only=True,
    ),
    Scenario(
        "prefill_refused",
        "a stream is cut, and who is to go on with it refuses the beginning of the answer",
        lambda upstream: (Cut(pieces=2),),
        _BROKEN,
        _BROKEN,
        after_a_word=True,
        read=True,
        streams_only=True,
        others=PrefillRefused(HEALTHY),
    ),
    Scenario(
        "another_answer",
        "a stream is cut, and who is to go on with it says something else (`resume` only)",
        lambda upstream: (Cut(pieces=2),),
        _BROKEN,
        _BROKEN,
        after_a_word=True,
        read=True,
        streams_only=True,
        others=AnotherAnswer(HEALTHY),
        prefill_only=True,
    ),
)
