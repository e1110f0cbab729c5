"""Every key that a policy file may have, its default and its meaning. Defaults live only here.

Durations are seconds once they are read. The models named `...Settings` are what was written;
`snapshot` has what is in force. Docstrings and descriptions are also what editors show.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    WithJsonSchema,
)

from proxy.core.call import Operation
from proxy.core.failure import ELSEWHERE, FailureKind
from proxy.policy.mode import Mode, Tier
from proxy.policy.passage import AllowDenyOrHosts, Passthrough
from proxy.policy.secret import ApiKey
from proxy.policy.size import SIZE_PATTERN, replay_bytes
from proxy.policy.words import (
    Duration,
    Failures,
    HeaderName,
    HeaderValue,
    Host,
    Number,
    OneOrMany,
    ProbePath,
    SomeTime,
    Url,
)

UPSTREAM_NAME = r"^[a-z0-9][a-z0-9_-]*$"
LOCAL = "local"

Count = Annotated[int, Field(ge=1), Number]
Share = Annotated[float, Field(gt=0, le=1), Number]
Factor = Annotated[float, Field(ge=1, allow_inf_nan=False), Number]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False), Number]
Word = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[Word, ...], OneOrMany(), Field(min_length=1)]
Operations = Annotated[tuple[Operation, ...], OneOrMany(), Field(min_length=1)]
Dialect = Literal["openai", "anthropic", "gemini", "cohere", "bedrock", "raw"]
LastResort = Literal["none", "mock"]
Strategy = Literal["sequential", "fastest", "load_balanced"]
WhenAllOpen = Literal["fail", "try"]
MidStream = Literal["error", "resume", "hold"]
OnPinning = Literal["refuse", "tunnel"]
Port = Annotated[int, Field(ge=1, le=65535), Number]
ReplaySize = Annotated[
    int,
    PlainValidator(replay_bytes),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN}),
]


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
    tokens_per_second: Rate | None = Field(
        default=None,
        description="Of a stream: slower than this for as long as `idle`, it counts as stalled; "
        "default: any speed will do.",
    )


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


class Budget(Settings):
    """How many calls of an upstream may be extra ones: retries and hedges together."""

    ratio: Annotated[float, Field(ge=0, le=1), Number] = Field(
        default=0.2, description="Extra calls for each request of the last ten seconds."
    )
    min_per_second: Annotated[float, Field(ge=0, allow_inf_nan=False), Number] = Field(
        default=10.0, description="As many are always allowed, however few requests there are."
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
    budget: Budget = Field(
        default_factory=Budget, description="What retries and hedges may add to the load."
    )


class Breaker(Settings):
    """When an upstream that keeps failing is left alone, and how it comes back."""

    window: SomeTime = Field(default=30.0, description="The failure rate is of this last time.")
    min_calls: Count = Field(default=10, description="Fewer calls in the window have no rate.")
    failure_rate: Share = Field(default=0.5, description="The share of failures that opens it.")
    consecutive: Count = Field(default=5, description="As many failures in a row open it too.")
    slow_call: SomeTime | None = Field(
        default=None,
        description="A call is slow when its answer begins later than this (a plain one begins "
        "when it is there); default: none is.",
    )
    slow_rate: Share = Field(
        default=0.9, description="The share of slow calls in the window that opens it."
    )
    open: SomeTime = Field(default=30.0, description="How long no call is let through.")
    open_credential: SomeTime = Field(
        default=300.0,
        description="The same after auth and quota failures, which seldom mend themselves.",
    )
    probes: Count = Field(
        default=1, description="Calls let through after that, at once, to see whether it is back."
    )


class Limit(Settings):
    """How much an upstream is asked at once."""

    concurrency: Count | None = Field(
        default=None, description="Calls at once; default: as many as come."
    )
    wait: Duration = Field(
        default=5.0,
        description="How long a call waits for its turn; then it fails with `limit`, and the next "
        "target is asked.",
    )
    learn: bool = Field(
        default=True,
        description="Heed the provider's own rate limit headers: while nothing is left, calls go "
        "to the next target, where there is one.",
    )


class Health(Settings):
    """When an upstream is called unhealthy: it is skipped while another target is healthy."""

    failures: Count = Field(default=3, description="As many in a row make it unhealthy.")
    rest: SomeTime = Field(
        default=30.0,
        description="An unhealthy one gets one call of the app's after this, to see how it is.",
    )
    probe: SomeTime | None = Field(
        default=None,
        description="How often it is asked something cheap of our own; default: never.",
    )
    probe_path: ProbePath | None = Field(
        default=None,
        description="What is asked, appended to url; default: the dialect's list of models.",
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
    limit: Limit = Field(default_factory=Limit, description="How much it is asked at once.")
    health: Health = Field(default_factory=Health, description="When it is skipped.")


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
    tier: Tier = Field(
        default=Tier.CLOUD, description="Where it runs: what `mode` sorts and filters by."
    )
    prefill: bool = Field(
        default=False,
        description="Its models go on with an assistant's message that ends the conversation, so "
        "that `mid_stream: resume` can hand them a broken answer.",
    )
    ca_file: Word | None = Field(
        default=None,
        description="PEM file of certificates that its own may be signed by, beside the system's; "
        "its path leads from where this policy file lies.",
    )
    cert_file: Word | None = Field(
        default=None, description="PEM file of the certificate that we show it, with its chain."
    )
    key_file: Word | None = Field(
        default=None, description="PEM file of that certificate's key; default: cert_file has it."
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
    max_retries: Annotated[int, Field(ge=0), Number] | None = Field(
        default=None,
        description="Retries here; default: as the upstream's `retry.attempts` has it.",
    )
    weight: Rate = Field(
        default=1.0, description="load_balanced: its share of the calls, beside the others'."
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
    strategy: Strategy = Field(
        default="sequential",
        description="sequential: one target after the other; fastest: the next is asked too while "
        "the one before has not begun to answer; load_balanced: the better of two picked by chance "
        "first, by latency, health and what is left of its rate limit.",
    )
    deadline: SomeTime | None = Field(
        default=None,
        description="Of the whole call, over all attempts and targets; default: as long as the app "
        "says that it waits.",
    )
    hedge_after: Duration | None = Field(
        default=None,
        description="fastest: how long the next target waits for the one before; 0: all at once; "
        "default: in 19 of 20 calls it had begun to answer by then.",
    )
    extra_calls: Count | None = Field(
        default=None,
        description="fastest: calls at once beside the first; default: every target.",
    )
    when_all_open: WhenAllOpen = Field(
        default="fail",
        description="When the breakers of all targets are open; try: the one whose time is nearest "
        "is asked all the same.",
    )
    mid_stream: MidStream = Field(
        default="error",
        description="When a stream breaks after its first chunk was sent; error: the app is told; "
        "resume: the next target goes on where it can; hold: nothing is sent before all is there.",
    )
    targets: tuple[TargetOrName, ...] = Field(min_length=1, description="Who answers, in order.")
    cache: Cache | None = Field(default=None, description="Default: nothing is kept.")
    last_resort: LastResort = Field(
        default="none", description="When every target failed; mock: an answer marked as made up."
    )


class PolicyFile(Settings):
    """A policy file of Understudy. All files of a folder are one policy set."""

    version: Literal[1] | None = Field(default=None, description="Of this format: 1.")
    mode: Mode | None = Field(
        default=None,
        description="Which tier comes first, or alone; AI_INFERENCE_MODE overrides it.",
    )
    passthrough: Annotated[Passthrough, AllowDenyOrHosts()] | None = Field(
        default=None,
        description="Hosts of no upstream: allow, deny, or a list of the allowed ones: hosts, "
        "*.suffixes, addresses, networks, or HOST:PORT, to which tunnels may lead as well; "
        "default: allow on a loopback listener, else deny.",
    )
    connect_ports: Annotated[tuple[Port, ...], OneOrMany(), Field(min_length=1)] = Field(
        default=(443,), description="Ports that a tunnel to such a host may lead to."
    )
    on_pinning: OnPinning = Field(
        default="refuse",
        description="When an application does not trust our certificate for a host; refuse: it "
        "gets nowhere; tunnel: from then on that host is tunnelled to, unread.",
    )
    replay_limit: ReplaySize = Field(
        default=8 * 2**20,
        description="A request's body of up to this is kept, to be sent again; a larger one is "
        "sent once.",
    )
    defaults: Defaults | None = Field(default=None, description="For every upstream.")
    upstreams: Mapping[Annotated[str, Field(pattern=UPSTREAM_NAME)], UpstreamSettings] = Field(
        default={},
        description="Providers by name.",
        json_schema_extra={"additionalProperties": False},
    )
    routes: tuple[RouteSettings, ...] = Field(default=(), description="The first match wins.")
    backend: Backend | None = Field(default=None, description="Local embeddings.")
