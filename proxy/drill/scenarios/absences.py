"""A provider that cannot be reached, or says nothing that could be understood."""

from proxy.core.failure import FailureKind
from proxy.drill import patience
from proxy.drill.faults.garbage import Garbage
from proxy.drill.faults.hang_up import HangUp
from proxy.drill.faults.no_such_name import NoSuchName
from proxy.drill.faults.refused_connection import RefusedConnection
from proxy.drill.faults.reset import Reset
from proxy.drill.faults.silence import Silence
from proxy.drill.scenario import Scenario, always

_K = FailureKind
_NETWORK = always(_K.NETWORK)
_MALFORMED = always(_K.MALFORMED, _K.NETWORK)

ABSENCES: tuple[Scenario, ...] = (
    Scenario(
        "reset",
        "the connection is reset before the headers, for good",
        lambda upstream: (Reset(),),
        _NETWORK,
        _NETWORK,
    ),
    Scenario(
        "hang_up",
        "the connection is closed without an answer, for good",
        lambda upstream: (HangUp(),),
        _NETWORK,
        _NETWORK,
    ),
    Scenario(
        "garbage",
        "what comes is no HTTP, for good",
        lambda upstream: (Garbage(),),
        _MALFORMED,
        _MALFORMED,
    ),
    Scenario(
        "refused",
        "nobody listens: the connection is refused",
        lambda upstream: RefusedConnection(),
        _NETWORK,
        _NETWORK,
    ),
    Scenario(
        "no_such_name",
        "the host's name does not resolve",
        lambda upstream: NoSuchName(),
        _NETWORK,
        _NETWORK,
    ),
    Scenario(
        "silence",
        "the request is taken, and nothing ever comes",
        lambda upstream: (Silence(),),
        patience.silent,
        patience.no_first_word,
    ),
    Scenario(
        "late_first_token",
        "headers and role come at once, the first word after twice `first_byte`",
        patience.late,
        patience.late_plain,
        patience.no_first_word,
    ),
)
