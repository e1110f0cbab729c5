"""Which calls are traced: decided once, before a call starts, by OpenTelemetry's own samplers."""

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from proxy.telemetry.context import Parent

_NO_PARENT = Context()


def sampler_named(name: str, ratio: float) -> Sampler:
    """The sampler of a name in `environment.SAMPLERS`. `ratio` is for those that take one."""
    root_name = name.removeprefix("parentbased_")
    roots = {
        "always_on": ALWAYS_ON,
        "always_off": ALWAYS_OFF,
        "traceidratio": TraceIdRatioBased(ratio),
    }
    root = roots[root_name]
    return root if name == root_name else ParentBased(root)


def is_sampled(sampler: Sampler, parent: Parent | None, trace_id: int) -> bool:
    context = _NO_PARENT if parent is None else set_span_in_context(_span(parent), _NO_PARENT)
    return sampler.should_sample(context, trace_id, "").decision is Decision.RECORD_AND_SAMPLE


def _span(parent: Parent) -> NonRecordingSpan:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return NonRecordingSpan(SpanContext(parent.trace_id, parent.span_id, True, flags))
