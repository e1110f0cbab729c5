"""What a provider says in place of an answer."""

from proxy.core.failure import FailureKind
from proxy.drill.faults.content_filter import ContentFilter
from proxy.drill.faults.context_length import ContextLength
from proxy.drill.faults.error_in_200 import ErrorIn200
from proxy.drill.faults.error_page import ErrorPage
from proxy.drill.faults.overloaded import Overloaded
from proxy.drill.faults.quota import Quota
from proxy.drill.faults.rate_limit import RateLimit
from proxy.drill.faults.refused_key import RefusedKey
from proxy.drill.faults.server_error import ServerError
from proxy.drill.scenario import HEALTHY, Scenario, always

_K = FailureKind
_RATE = always(_K.RATE_LIMIT)
_DOWN = always(_K.UNAVAILABLE)
_NO_CREDIT = always(_K.QUOTA, _K.AUTH, _K.RATE_LIMIT)
"""Not everybody has a word of its own for it."""
_HINT_S = 2.0
_HOUR_S = 3600.0

REFUSALS: tuple[Scenario, ...] = (
    Scenario(
        "rate_limit",
        "429 for good, without a word on when to come back",
        lambda upstream: (RateLimit(),),
        _RATE,
        _RATE,
    ),
    Scenario(
        "rate_limit_hint",
        "429 once: come back in 2 seconds; after that it is well",
        lambda upstream: (RateLimit(wait=f"{_HINT_S:g}"), HEALTHY),
        _RATE,
        _RATE,
        passes=True,
        wait_s=_HINT_S,
    ),
    Scenario(
        "rate_limit_hour",
        "429 for good: come back in an hour",
        lambda upstream: (RateLimit(wait=f"{_HOUR_S:g}"),),
        _RATE,
        _RATE,
        wait_s=_HOUR_S,
    ),
    Scenario(
        "quota",
        "no credit left",
        lambda upstream: (Quota(),),
        _NO_CREDIT,
        _NO_CREDIT,
    ),
    Scenario(
        "wrong_key",
        "401: the key is wrong",
        lambda upstream: (RefusedKey(),),
        always(_K.AUTH),
        always(_K.AUTH),
    ),
    Scenario(
        "500_once",
        "500 once; after that it is well",
        lambda upstream: (ServerError(500), HEALTHY),
        _DOWN,
        _DOWN,
        passes=True,
    ),
    Scenario("503", "503 for good", lambda upstream: (ServerError(503),), _DOWN, _DOWN),
    Scenario("529", "529: overloaded, for good", lambda upstream: (Overloaded(),), _DOWN, _DOWN),
    Scenario(
        "html_502",
        "502 with a page instead of JSON, for good",
        lambda upstream: (ErrorPage(),),
        _DOWN,
        _DOWN,
    ),
    Scenario(
        "error_in_200",
        "an error with status 200, for good",
        lambda upstream: (ErrorIn200(),),
        _DOWN,
        _DOWN,
        read=True,
    ),
    Scenario(
        "flapping",
        "503 and well by turns, over four calls",
        lambda upstream: (ServerError(503), HEALTHY) * 4,
        _DOWN,
        _DOWN,
        passes=True,
        calls=4,
    ),
    Scenario(
        "context_length",
        "the conversation is too long for the model",
        lambda upstream: (ContextLength(),),
        always(_K.CONTEXT_LENGTH),
        always(_K.CONTEXT_LENGTH),
        read=True,
    ),
    Scenario(
        "content_filter",
        "the provider will not answer such a thing",
        lambda upstream: (ContentFilter(),),
        always(_K.CONTENT_FILTER),
        always(_K.CONTENT_FILTER),
        read=True,
    ),
)
