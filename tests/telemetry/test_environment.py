import pytest

from proxy.telemetry.environment import SAMPLERS, Tracing, read_tracing
from proxy.telemetry.sampling import sampler_named

HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318/"}


def _read(environment: dict[str, str]) -> tuple[Tracing | None, list[str]]:
    complaints: list[str] = []
    return read_tracing(environment, complaints.append), complaints


@pytest.mark.parametrize(
    "environment",
    [
        {},
        HERE | {"OTEL_SDK_DISABLED": "True"},
        HERE | {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
    ],
)
def test_no_traces_without_a_word(environment: dict[str, str]) -> None:
    assert _read(environment) == (None, [])


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "http://"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://here:port"}, "http://"),
    ],
)
def test_no_traces_and_why(setting: dict[str, str], word: str) -> None:
    tracing, complaints = _read(HERE | setting)
    assert tracing is None
    assert len(complaints) == 1
    assert word in complaints[0]


def test_the_common_endpoint_gets_the_path_of_traces() -> None:
    tracing, complaints = _read(HERE)
    assert not complaints
    assert tracing == Tracing(
        endpoint="http://127.0.0.1:4318/v1/traces",
        headers={},
        compression="none",
        certificate=None,
        client_certificate=None,
        client_key=None,
        sampler="parentbased_always_on",
        ratio=1.0,
        resource={"service.name": "understudy"},
    )


def test_what_is_said_for_traces_goes_first() -> None:
    tracing, complaints = _read(
        HERE
        | {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/v1/x",
            "OTEL_EXPORTER_OTLP_HEADERS": "a=1",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Basic%20abc%3D, x=y,nothing",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,service.name=a",
            "OTEL_SERVICE_NAME": "b",
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
        }
    )
    assert not complaints
    assert tracing is not None
    assert tracing.endpoint == "https://collector/v1/x"
    assert tracing.headers == {"authorization": "Basic abc=", "x": "y"}
    assert (tracing.compression, tracing.certificate) == ("gzip", "/ca.pem")
    assert tracing.resource == {"deployment.environment.name": "prod", "service.name": "b"}
    assert (tracing.sampler, tracing.ratio) == ("traceidratio", 0.25)
    assert "abc" not in repr(tracing)


def test_wrong_words_are_told_and_do_no_harm() -> None:
    tracing, complaints = _read(
        HERE
        | {
            "OTEL_TRACES_SAMPLER": "sometimes",
            "OTEL_TRACES_SAMPLER_ARG": "2",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "br",
        }
    )
    assert tracing is not None
    assert (tracing.sampler, tracing.ratio) == ("parentbased_always_on", 1.0)
    assert tracing.compression == "none"
    assert len(complaints) == 3


def test_every_sampler_that_can_be_named_exists() -> None:
    described = {name: sampler_named(name, 0.5).get_description() for name in SAMPLERS}
    assert described["traceidratio"] == "TraceIdRatioBased{0.5}"
    assert described["parentbased_always_off"].startswith("ParentBased{root:AlwaysOffSampler")
    assert len(set(described.values())) == 6
