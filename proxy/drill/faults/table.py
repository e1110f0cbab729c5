"""Every fault by its name. To add one: see README.md in this folder.

`BEFORE_A_WORD` are those that show before the app has anything, so that another provider can answer
instead; of `AFTER_A_WORD`, a stream has begun (a plain answer has not: it can still go elsewhere).
`OWN_MISTAKES` are the caller's, `HARMLESS` ones ask for patience only; `ABSENCES` cannot be played,
since nobody is there.
"""

from collections.abc import Mapping

from proxy.drill.faults.another_answer import AnotherAnswer
from proxy.drill.faults.content_filter import ContentFilter
from proxy.drill.faults.context_length import ContextLength
from proxy.drill.faults.cut import Cut
from proxy.drill.faults.cut_inside import CutInside
from proxy.drill.faults.drip import Drip
from proxy.drill.faults.error_event import ErrorEvent
from proxy.drill.faults.error_in_200 import ErrorIn200
from proxy.drill.faults.error_page import ErrorPage
from proxy.drill.faults.garbage import Garbage
from proxy.drill.faults.hang_up import HangUp
from proxy.drill.faults.late import Late
from proxy.drill.faults.malformed_event import MalformedEvent
from proxy.drill.faults.no_end import NoEnd
from proxy.drill.faults.no_such_name import NoSuchName
from proxy.drill.faults.overloaded import Overloaded
from proxy.drill.faults.prefill_refused import PrefillRefused
from proxy.drill.faults.quota import Quota
from proxy.drill.faults.rate_limit import RateLimit
from proxy.drill.faults.refused_connection import RefusedConnection
from proxy.drill.faults.refused_key import RefusedKey
from proxy.drill.faults.reset import Reset
from proxy.drill.faults.server_error import ServerError
from proxy.drill.faults.silence import Silence
from proxy.drill.faults.stall import Stall
from proxy.drill.server.presence import Absence
from proxy.drill.server.turn import Fault

BEFORE_A_WORD: Mapping[str, Fault] = {
    "reset": Reset(),
    "hang_up": HangUp(),
    "garbage": Garbage(),
    "silence": Silence(),
    "rate_limit": RateLimit(),
    "rate_limit_for_long": RateLimit(wait="60"),
    "quota": Quota(),
    "refused_key": RefusedKey(),
    "server_error": ServerError(500),
    "unavailable": ServerError(503),
    "overloaded": Overloaded(),
    "error_page": ErrorPage(),
    "error_in_200": ErrorIn200(),
    "error_event_first": ErrorEvent(),
    "error_event_after_role": ErrorEvent(pieces=1),
    "cut_at_once": Cut(pieces=0),
    "cut_before_a_word": Cut(pieces=1),
    "reset_before_a_word": Cut(pieces=1, reset=True),
    "cut_in_an_event": CutInside(pieces=0),
    "stall_before_a_word": Stall(pieces=1),
    "no_end_before_a_word": NoEnd(pieces=1),
    "context_length": ContextLength(),
}

AFTER_A_WORD: Mapping[str, Fault] = {
    "cut_after_a_word": Cut(pieces=2),
    "reset_after_a_word": Cut(pieces=2, reset=True),
    "cut_in_a_later_event": CutInside(pieces=3),
    "stall_after_a_word": Stall(pieces=2),
    "error_event_after_a_word": ErrorEvent(pieces=2),
    "no_end_after_a_word": NoEnd(pieces=3),
}

FAULTS: Mapping[str, Fault] = {**BEFORE_A_WORD, **AFTER_A_WORD}

OWN_MISTAKES: Mapping[str, Fault] = {"content_filter": ContentFilter()}

HARMLESS: Mapping[str, Fault] = {
    "drip": Drip(every_s=0.1),
    "late": Late(wait_s=0.1),
    "malformed_event": MalformedEvent(),
    "prefill_refused": PrefillRefused(),
    "another_answer": AnotherAnswer(),
}

ABSENCES: Mapping[str, Absence] = {
    "refused_connection": RefusedConnection(),
    "no_such_name": NoSuchName(),
}
