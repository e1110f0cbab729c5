"""Every key that a policy file may have, its default and its meaning. Defaults live only here.

Durations are seconds once they are read. The models named `...Settings` are what was written;
`snapshot` has what is in force. Docstrings and descriptions are also what editors show.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from proxy.core.call import Operation
from proxy.core.failure import ELSEWHERE, FailureKind
from proxy.policy.secret import ApiKey
from proxy.policy.words import (
    Duration,
    Failures,
    HeaderName,
    HeaderValue,
    Host,
    Number,
    OneOrMany,
    SomeTime,
    Url,
)

UPSTREAM_NAME = r"^[a-z0-9][a-z0-9_-]*$"
LOCAL = "local"

Count = Annotated[int, Field(ge=1), Number]
Share = Annotated[float, Field(gt=0, le=1), Number]
Factor = Annotated[float, Field(ge=1), Number]
Word = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[Word, ...], OneOrMany(), Field(min_length=1)]
Operations = Annotated[tuple[Operation, ...], OneOrMany(), Field(min_length=1)]
Dialect = Literal["openai", "raw"]
LastResort = Literal["none", "mock"]
Passthrough = Literal["allow", "deny"]


class Settings(BaseModel):
    """A mapping of a policy file: frozen, and nothing in it that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Timeout(Settings):
    """How long one attempt may take."""

    connect: SomeTime = Field(default=5.0, description="Until a connection stands, TLS included.")
    first_byte: SomeTime = Field(
        default=60.0, description="Of a stream: until its first useful chunk."
    )
    idle: SomeTime = Field(default=30.0, description="Of a stream: between two chunks.")
    total: SomeTime = Field(default=600.0, description="Of the whole attempt.")


class Backoff(Settings):
    """How long to wait before the next attempt at the same target."""

    initial: Duration = Field(default=0.5, description="The upper bound of the first wait.")
    factor: Factor = Field(
        default=2.0, description="By how much the bound grows with each attempt."
    )
    max: Duration = Field(default=8.0, description="The bound grows no further than this.")
    jitter: Literal["full"] = Field(
        default="full", description="full: a wait is drawn evenly between 0 and the bound."
    )


class Retry(Settings):
    """When the same target is asked again."""

    attempts: Count = Field(
        default=2, description="Provider calls at one target, the first included; 1: no retry."
    )
    on: Failures = Field(
        default=frozenset((FailureKind.RATE_LIMIT, FailureKind.UNAVAILABLE, FailureKind.NETWORK)),
        description="The failures that are worth another attempt.",
    )
    backoff: Backoff = Field(default_factory=Backoff, description="The wait between attempts.")
    retry_after_max: Duration = Field(
        default=10.0,
        description="A Retry-After of up to this is waited for; a longer one ends the retrying.",
    )


class Breaker(Settings):
    """When an upstream that keeps failing is left alone, and how it comes back."""

    window: SomeTime = Field(default=30.0, description="The failure rate is of this last time.")
    min_calls: Count = Field(default=10, description="Fewer calls in the window have no rate.")
    failure_rate: Share = Field(default=0.5, description="The share of failures that opens it.")
    consecutive: Count = Field(default=5, description="As many failures in a row open it too.")
    open: SomeTime = Field(default=30.0, description="How long no call is let through.")
    probes: Count = Field(
        default=1, description="Calls let through after that, at once, to see whether it is back."
    )


class Cache(Settings):
    """Good answers kept for the same question."""

    ttl: SomeTime = Field(description="How long an answer is fresh.")
    stale_if_error: Duration = Field(
        default=0.0, description="How long after that it may stand in when the provider fails."
    )
    scope: Literal["credential"] = Field(
        default="credential", description="credential: never shared between keys of the app."
    )
    store: Literal["memory"] = Field(default="memory", description="Where answers are kept.")


class Backend(Settings):
    """The local embedding model."""

    type: Literal["numpy", "auto"] = Field(default="auto", description="What computes vectors.")
    device: Literal["cpu", "auto"] = Field(default="auto", description="Where it computes them.")
    model: Word = Field(
        default="all-MiniLM-L6-v2",
        description="A folder in sentence-transformers layout, or an installed model's name.",
    )
    load: Literal["on_use", "start"] = Field(
        default="on_use", description="When the model is read: at its first use, or at start."
    )


class Defaults(Settings):
    """Settings of every upstream that has none of its own, key by key."""

    timeout: Timeout = Field(default_factory=Timeout, description="How long it may take.")
    retry: Retry = Field(default_factory=Retry, description="When it is asked again.")
    breaker: Breaker = Field(default_factory=Breaker, description="When it is left alone.")


class UpstreamSettings(Defaults):
    """A provider, or a server that answers like one."""

    dialect: Dialect = Field(
        description="The API it speaks, or raw: relay and resilience, no reading of bodies."
    )
    url: Url = Field(description="What the path of a request is appended to.")
    hosts: Annotated[tuple[Host, ...], OneOrMany(), Field(min_length=1)] | None = Field(
        default=None, description="Hosts by which the app calls it; default: the host of url."
    )
    api_key: ApiKey | None = Field(
        default=None, description="Sent when a fallback lands here, as ${NAME} as a rule."
    )
    headers: Mapping[HeaderName, HeaderValue] = Field(
        default={}, repr=False, description="Added to every request."
    )
    models: Mapping[Word, Word] = Field(
        default={}, description="Models by another name here: asked name to sent name."
    )


class MatchSettings(Settings):
    """Which requests a route governs: those that fit every key given. Lists mean any of."""

    upstream: Words | None = Field(default=None, description="Upstreams that the app called.")
    operation: Operations | None = Field(default=None, description="What the app asked for.")
    model: Words | None = Field(
        default=None, description="Models asked for; * ? and [] as in file names; case counts."
    )
    headers: Mapping[HeaderName, Words] = Field(
        default={}, description="Request headers and their values; * ? and [] as in file names."
    )


class TargetSettings(Settings):
    """Somebody who may answer: an upstream, or `local` (vectors made in this process)."""

    upstream: Word = Field(description="An upstream's name, or local.")
    model: Word | None = Field(default=None, description="The model to ask for here.")
    set: Mapping[str, JsonValue] = Field(
        default={}, description="Fields of the request's body to have other values here."
    )
    on: Failures = Field(
        default=ELSEWHERE,
        description="Failures of the target before it that lead here; default: all that another "
        "target may do better at.",
    )


def _target(value: object) -> object:
    return {"upstream": value} if isinstance(value, str) else value


TargetOrName = Annotated[
    TargetSettings, BeforeValidator(_target, json_schema_input_type=str | TargetSettings)
]


class RouteSettings(Settings):
    """Who answers a kind of request, in which order, and what if nobody can."""

    name: Word = Field(description="Its name in logs, metrics and traces.")
    match: MatchSettings = Field(
        default_factory=MatchSettings, description="Default: every request."
    )
    strategy: Literal["sequential"] = Field(
        default="sequential", description="sequential: one target after the other."
    )
    targets: tuple[TargetOrName, ...] = Field(min_length=1, description="Who answers, in order.")
    cache: Cache | None = Field(default=None, description="Default: nothing is kept.")
    last_resort: LastResort = Field(
        default="none", description="When every target failed; mock: an answer marked as made up."
    )


class PolicyFile(Settings):
    """A policy file of Understudy. All files of a folder are one policy set."""

    version: Literal[1] | None = Field(default=None, description="Of this format: 1.")
    passthrough: Passthrough | None = Field(
        default=None,
        description="Hosts of no upstream; default: allow on a loopback listener, else deny.",
    )
    defaults: Defaults | None = Field(default=None, description="For every upstream.")
    upstreams: Mapping[Annotated[str, Field(pattern=UPSTREAM_NAME)], UpstreamSettings] = Field(
        default={},
        description="Providers by name.",
        json_schema_extra={"additionalProperties": False},
    )
    routes: tuple[RouteSettings, ...] = Field(default=(), description="The first match wins.")
    backend: Backend | None = Field(default=None, description="Local embeddings.")
