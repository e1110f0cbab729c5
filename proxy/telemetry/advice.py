"""The sentences about a call that did not go plainly, with what a person can do about it."""

from proxy.core.event import AttemptEnded, CallEnded, Hedged, PassedOver, Resumed, StreamBroke
from proxy.core.failure import FailureKind
from proxy.core.journal import Journal
from proxy.core.reply import Source
from proxy.telemetry.outcome import Outcome
from proxy.telemetry.redact import redact

ADVICE: dict[FailureKind, str] = {
    FailureKind.RATE_LIMIT: "Raise the limits of the account, or give the route another target.",
    FailureKind.QUOTA: "Add credit to the account, or give the route another target.",
    FailureKind.AUTH: "Check the key that this upstream is called with.",
    FailureKind.UNAVAILABLE: "Give the route another target, or a last_resort.",
    FailureKind.TIMEOUT_CONNECT: "Check the upstream's url and the way to it.",
    FailureKind.TIMEOUT_FIRST_BYTE: "If it is merely slow, raise its timeout.first_byte.",
    FailureKind.TIMEOUT_IDLE: "If it is merely slow, raise its timeout.idle.",
    FailureKind.TIMEOUT_TOTAL: "If it is merely slow, raise what ended it: timeout.total, "
    "the route's deadline, or the app's own timeout.",
    FailureKind.NETWORK: "Check the upstream's url, name resolution and the way to it.",
    FailureKind.BROKEN_STREAM: "The app should ask again: what it got is only a part.",
    FailureKind.MALFORMED: "Check that the upstream's url and dialect belong together.",
    FailureKind.MODEL_NOT_FOUND: "Check the model's name, or map it under the upstream's models.",
    FailureKind.CONTEXT_LENGTH: "Shorten the request, or give the route a target that takes more.",
    FailureKind.CONTENT_FILTER: "The provider will not answer this.",
    FailureKind.BAD_REQUEST: "The app has to correct its request.",
    FailureKind.CIRCUIT_OPEN: "It is probed, and used again when it has recovered; /status "
    "says why it was left alone.",
    FailureKind.LIMIT: "Raise the limit that was reached, or send less at once.",
}


def sentence(event: CallEnded, outcome: Outcome, journal: Journal | None) -> str:
    """What happened to the call of `event`, what the app got, and what to do."""
    match outcome:
        case Outcome.FAILED | Outcome.REFUSED:
            advice = "" if event.kind is None else f" {ADVICE[event.kind]}"
            return f"No answer: {_trouble(event, journal)}. The app got {event.status}.{advice}"
        case Outcome.BROKEN:
            advice = ADVICE[event.kind or FailureKind.BROKEN_STREAM]
            return f"An answer of {event.target} broke; the app was told so. {advice}"
        case Outcome.ABANDONED:
            return f"The app hung up on the answer of {event.target}; the call was stopped."
        case Outcome.LOST:
            return (
                f"The answer of {event.target} was not delivered: the proxy stopped before its end."
            )
        case Outcome.COMPLETE:
            return _stood_in(event, journal)


def _stood_in(event: CallEnded, journal: Journal | None) -> str:
    trouble = _trouble(event, journal)
    match event.source:
        case Source.MOCK:
            return f"{trouble}; the app got a mock answer, marked as one."
        case Source.STALE:
            return f"{trouble}; the app got a stored answer past its time."
        case Source.LOCAL:
            return f"{trouble}; the app got vectors made here."
        case Source.UPSTREAM | Source.CACHE:
            resumed = _resumed(journal)
            if resumed is not None:
                origin, target, kind = resumed
                return f"{origin} broke off ({kind}); {target} went on with its answer."
            return f"{trouble}; {event.target} answered."


def _resumed(journal: Journal | None) -> Resumed | None:
    """The last time that one target went on for another; None in most calls."""
    for entry in reversed(journal.entries if journal is not None else ()):
        if isinstance(entry.event, Resumed):
            return entry.event
    return None


def _trouble(event: CallEnded, journal: Journal | None) -> str:
    """The last thing that went wrong, in the words of the provider if it said any."""
    passed_over = slow = ""
    for entry in reversed(journal.entries if journal is not None else ()):
        match entry.event:
            case AttemptEnded(target, _, _, status, FailureKind() as kind, message):
                answer = f"{kind} {status}" if status is not None else kind.value
                return f"{target} failed ({answer}{_words(message)})"
            case StreamBroke(target, kind, message):
                return f"{target} broke off ({kind}{_words(message)})"
            case Hedged(origin, target, waited_s) if target == event.target and not slow:
                slow = f"{origin} had not begun to answer after {waited_s:.2f} s"
            case PassedOver(target, reason) if not passed_over:
                passed_over = f"{target} was not asked ({redact(reason)})"
    if slow or passed_over:
        return slow or passed_over
    if event.degraded:
        return f"Degraded: {redact(event.degraded)}"
    return f"{event.target} failed" + ("" if event.kind is None else f" ({event.kind})")


def _words(message: str) -> str:
    return f": {redact(message)}" if message else ""
