"""Every fault by its name. To add one: a file with a class that has `play`, and a line here.

`BEFORE_A_WORD` are those that show before the app has anything, so that another provider can answer
instead; of the others, a stream has begun (a plain answer has not: it can still go elsewhere).
"""

from collections.abc import Mapping

from tests.faults.cut import Cut
from tests.faults.cut_inside import CutInside
from tests.faults.error_event import ErrorEvent
from tests.faults.error_in_200 import ErrorIn200
from tests.faults.error_page import ErrorPage
from tests.faults.garbage import Garbage
from tests.faults.hang_up import HangUp
from tests.faults.no_end import NoEnd
from tests.faults.rate_limit import RateLimit
from tests.faults.refused_key import RefusedKey
from tests.faults.reset import Reset
from tests.faults.server_error import ServerError
from tests.faults.silence import Silence
from tests.faults.stall import Stall
from tests.faults.turn import Fault

BEFORE_A_WORD: Mapping[str, Fault] = {
    "reset": Reset(),
    "hang_up": HangUp(),
    "garbage": Garbage(),
    "silence": Silence(),
    "rate_limit": RateLimit(),
    "rate_limit_for_long": RateLimit(wait="60"),
    "refused_key": RefusedKey(),
    "server_error": ServerError(500),
    "unavailable": ServerError(503),
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
