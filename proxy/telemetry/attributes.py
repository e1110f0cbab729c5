"""What spans say of a call and of its attempts: names and attributes."""

from proxy.core.call import Operation
from proxy.core.event import AttemptStarted
from proxy.telemetry.attempts import Attempt
from proxy.telemetry.outcome import BAD
from proxy.telemetry.redact import redact
from proxy.telemetry.story import Server, Story

Attributes = dict[str, str | int | float | bool]

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/#gen-ai-operation-name
_OPERATIONS = {
    Operation.CHAT: "chat",
    Operation.COMPLETIONS: "text_completion",
    Operation.EMBEDDINGS: "embeddings",
}
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))


def call_name(story: Story) -> str:
    """`POST chat`: few different ones, whatever is asked for."""
    return f"{_known(story.method) or 'HTTP'} {story.operation.value}"


def attempt_name(story: Story, started: AttemptStarted) -> str:
    """`chat gpt-4o`, as the GenAI conventions want it; `GET openai` of what is no inference."""
    operation = _OPERATIONS.get(story.operation)
    if operation is None:
        return f"{_known(story.method) or 'HTTP'} {started.target}"
    return f"{operation} {redact(started.model)}" if started.model else operation


def of_call(story: Story, attempts: int) -> Attributes:
    said: Attributes = {
        "http.request.method": _known(story.method) or "_OTHER",
        "http.response.status_code": story.status,
        "http.response.body.size": story.bytes_sent,
        "url.path": redact(story.path),
        "understudy.call_id": story.call_id,
        "understudy.upstream": story.upstream,
        "understudy.operation": story.operation.value,
        "understudy.route": story.route,
        "understudy.source": story.source.value,
        "understudy.target": story.target,
        "understudy.attempts": attempts,
        "understudy.fallback": story.fallback,
        "understudy.outcome": story.outcome.value,
        "understudy.first_byte_s": story.first_byte_s,
    }
    if story.model is not None:
        said["understudy.model"] = redact(story.model)
    if story.app_retry:
        said["understudy.app_retry"] = story.app_retry
    if story.degraded:
        said["understudy.degraded"] = redact(story.degraded)
    if story.kind is not None:
        said["understudy.failure.kind"] = story.kind.value
    if story.outcome in BAD:
        said["error.type"] = str(story.status) if story.kind is None else story.kind.value
    return said


def of_attempt(story: Story, attempt: Attempt, server: Server | None) -> Attributes:
    started = attempt.started
    said: Attributes = {
        "http.request.method": _known(story.method) or "_OTHER",
        "understudy.target": started.target,
        "understudy.attempt": started.number,
        **_gen_ai(story, attempt, story.dialect if server is None else server.dialect),
    }
    if attempt.resend:
        said["http.request.resend_count"] = attempt.resend
    if server is not None:
        said |= {"server.address": server.address, "server.port": server.port}
    if attempt.cancelled:
        said["understudy.cancelled"] = True
    if attempt.ended is None:
        return said
    if attempt.ended.status is not None:
        said["http.response.status_code"] = attempt.ended.status
    if attempt.ended.retry_after_s is not None:
        said["understudy.retry_after_s"] = attempt.ended.retry_after_s
    if attempt.ended.hop is not None:
        said["understudy.failure.hop"] = attempt.ended.hop.value
    failed = attempt.broke or attempt.ended
    if failed.kind is not None:
        said |= {"error.type": failed.kind.value, "understudy.failure.kind": failed.kind.value}
        said["understudy.failure.message"] = redact(failed.message)
    return said


def _gen_ai(story: Story, attempt: Attempt, dialect: str) -> Attributes:
    """The attributes of an inference; none of other requests."""
    operation = _OPERATIONS.get(story.operation)
    if operation is None:
        return {}
    said: Attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": dialect,
    }
    if attempt.started.model is not None:
        said["gen_ai.request.model"] = redact(attempt.started.model)
    if story.stream:
        said["gen_ai.request.stream"] = True
        if attempt.ended is not None and attempt.answered:
            said["gen_ai.response.time_to_first_chunk"] = attempt.ended.duration_s
    if attempt.usage is not None:
        if attempt.usage.input_tokens is not None:
            said["gen_ai.usage.input_tokens"] = attempt.usage.input_tokens
        if attempt.usage.output_tokens is not None:
            said["gen_ai.usage.output_tokens"] = attempt.usage.output_tokens
    return said


def _known(method: str) -> str | None:
    """Anyone can send any method; only known ones may name a span."""
    return method if method in _METHODS else None
