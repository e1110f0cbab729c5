"""Where traces go, by the environment variables that OpenTelemetry defines for it.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Not read are the
batching's (`OTEL_BSP_*`) and `OTEL_EXPORTER_OTLP_TIMEOUT`, whose unit differs between languages:
their values are fixed in `courier` and `exporter`, so that nothing set there can slow a call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PREFIX = "OTEL_EXPORTER_OTLP_"
_PATH = "/v1/traces"
_COMPRESSIONS = frozenset(("none", "gzip", "deflate"))
_DEFAULT_SAMPLER = "parentbased_always_on"
SAMPLERS = frozenset(
    f"{parent}{root}"
    for parent in ("", "parentbased_")
    for root in ("always_on", "always_off", "traceidratio")
)

Complain = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where to send traces, and which. `ratio` is for the samplers that take one, 0.0 to 1.0.
    `resource` describes this process and always has `service.name`."""

    endpoint: str
    headers: Mapping[str, str] = field(repr=False)
    compression: str
    certificate: str | None
    client_certificate: str | None
    client_key: str | None
    sampler: str
    ratio: float
    resource: Mapping[str, str]


def read_tracing(environment: Mapping[str, str], complain: Complain) -> Tracing | None:
    """None when nothing says where traces should go, when they are turned off, or when they are
    asked for in a way that is not spoken here (then `complain` is told why)."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    endpoint = _endpoint(environment)
    if endpoint is None or exporter == "none":
        return None
    protocol = _setting(environment, "PROTOCOL") or "http/protobuf"
    if "otlp" not in exporter.split(","):
        complain(f"No traces: OTEL_TRACES_EXPORTER is {exporter!r}; set it to otlp or none.")
        return None
    if protocol != "http/protobuf":
        complain(
            f"No traces: OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}; only http/protobuf is"
            " spoken here. Set that, and the collector's HTTP port (usually 4318)."
        )
        return None
    if not _is_url(endpoint):
        complain("No traces: OTEL_EXPORTER_OTLP_ENDPOINT must be like http://127.0.0.1:4318.")
        return None
    sampler, ratio = _sampler(environment, complain)
    return Tracing(
        endpoint=endpoint,
        headers=_pairs(_setting(environment, "HEADERS")),
        compression=_compression(environment, complain),
        certificate=_setting(environment, "CERTIFICATE") or None,
        client_certificate=_setting(environment, "CLIENT_CERTIFICATE") or None,
        client_key=_setting(environment, "CLIENT_KEY") or None,
        sampler=sampler,
        ratio=ratio,
        resource=_resource(environment),
    )


def _setting(environment: Mapping[str, str], name: str) -> str:
    """What is said for traces, or else for all signals."""
    own = environment.get(f"{_PREFIX}TRACES_{name}", "").strip()
    return own or environment.get(f"{_PREFIX}{name}", "").strip()


def _endpoint(environment: Mapping[str, str]) -> str | None:
    own = environment.get(f"{_PREFIX}TRACES_ENDPOINT", "").strip()
    common = environment.get(f"{_PREFIX}ENDPOINT", "").strip()
    return own or (common.rstrip("/") + _PATH if common else None)


def _is_url(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        return False


def _compression(environment: Mapping[str, str], complain: Complain) -> str:
    name = _setting(environment, "COMPRESSION").lower() or "none"
    if name in _COMPRESSIONS:
        return name
    complain(f"OTEL_EXPORTER_OTLP_COMPRESSION is {name!r}; traces are sent uncompressed.")
    return "none"


def _sampler(environment: Mapping[str, str], complain: Complain) -> tuple[str, float]:
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower() or _DEFAULT_SAMPLER
    if name not in SAMPLERS:
        allowed = ", ".join(sorted(SAMPLERS))
        complain(f"OTEL_TRACES_SAMPLER is {name!r}, so all is traced; it can be {allowed}.")
        name = _DEFAULT_SAMPLER
    said = environment.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1"
    try:
        ratio = float(said)
    except ValueError:
        ratio = -1.0
    if not 0.0 <= ratio <= 1.0:
        complain(f"OTEL_TRACES_SAMPLER_ARG is {said!r} and not within 0 to 1; it counts as 1.")
        ratio = 1.0
    return name, ratio


def _resource(environment: Mapping[str, str]) -> Mapping[str, str]:
    named = {"service.name": "understudy"} | _pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    service = environment.get("OTEL_SERVICE_NAME", "").strip()
    return named | {"service.name": service} if service else named


def _pairs(text: str) -> dict[str, str]:
    """`a=1,b=2` with percent-encoded values; a part without `=` says nothing."""
    pairs = (part.partition("=") for part in text.split(","))
    return {
        key.strip(): unquote(value.strip()) for key, sign, value in pairs if sign and key.strip()
    }
