"""What real providers of this family sent: errors get the right kind, good answers stay good."""

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure
from proxy.dialects.openai.dialect import OpenAI
from tests.dialects.recordings import Recording, cuts, recordings

DIALECT = OpenAI()
NOW_S = 1_700_000_000.0

KIND_OF_LABEL = {
    "auth": "auth",
    "rate_limit": "rate_limit",
    "billing": "quota",
    "model_not_found": "model_not_found",
    "permission_model": "model_not_found",
    "context_or_size": "context_length",
    "rate_limit_no_retry": "context_length",
    "server_error": "unavailable",
    "overloaded": "unavailable",
    "timeout": "unavailable",
    "content_filter": "content_filter",
}
"""The reader's words of the labels in ours; every other one is a `bad_request`."""

DISAGREEMENTS = {
    # (what the label says, our kind, a phrase of the message): why
    ("synthetic", "rate_limit", "Mock rate limit error"): (
        "made up by a test, but with the status and the code of a rate limit"
    ),
    ("conflict_limit", "rate_limit", "fine-tune request has been rate-limited"): (
        "its status, code and text all say rate limit, and another account is not bound by it"
    ),
    ("billing", "auth", "Invalid API key or insufficient credits"): (
        "the provider cannot tell which, and its type says invalid_api_key"
    ),
}

FAMILY = (
    *("openai", "azure", "cerebras", "databricks", "deepseek", "github_models", "groq"),
    *("huggingface", "litellm_proxy", "local_openai_compat", "mistral", "ollama", "openrouter"),
    *("perplexity", "portkey", "together", "vercel_gateway", "voyage", "xai", "zai"),
)
READ = (Operation.CHAT, Operation.COMPLETIONS, Operation.EMBEDDINGS, Operation.MODELS)


def operation_of(recording: Recording) -> Operation:
    return DIALECT.recognise(recording.method, recording.path)


def failure_of(recording: Recording) -> Failure | None:
    """What the dialect makes of an answer, read as a stream where it is one."""
    operation = operation_of(recording)
    if recording.status == 200:
        reader = DIALECT.reader(operation, recording.headers)
        if reader is not None:
            reader.feed(recording.body)
            return reader.finish()
    found = DIALECT.judge(operation, recording.status, recording.headers, recording.body, NOW_S)
    return found if isinstance(found, Failure) else None


def errors(*providers: str) -> list[tuple[Recording, Failure | None]]:
    return [
        (recording, failure_of(recording))
        for recording in recordings(*providers)
        if recording.label is not None
        and (recording.provider == "openai" or operation_of(recording) in READ)
    ]


def test_errors_get_the_kind_that_a_reader_gave_them() -> None:
    wrong = []
    for recording, failure in errors(*FAMILY):
        assert recording.label is not None
        label = recording.label["class"]
        kind = failure.kind.value if failure else "good"
        if kind == KIND_OF_LABEL.get(label, "bad_request"):
            continue
        message = failure.message if failure else ""
        if not any((label, kind) == d[:2] and d[2] in message for d in DISAGREEMENTS):
            wrong.append(f"{recording.provider} {recording.status} {label}: {kind}: {message}")
    assert not wrong


def test_openai_agrees_nearly_always() -> None:
    judged = [(r.label, failure) for r, failure in errors("openai")]
    agreed = [
        failure is not None and failure.kind == KIND_OF_LABEL.get(label["class"], "bad_request")
        for label, failure in judged
        if label is not None
    ]
    assert len(agreed) > 200
    assert sum(agreed) / len(agreed) >= 0.97


def test_every_wait_that_a_provider_asks_for_is_seen() -> None:
    told = 0
    for recording, failure in errors(*FAMILY):
        assert recording.label is not None
        wait_s = recording.label.get("wait_hint_s")
        told += wait_s is not None
        assert (failure and failure.retry_after_s) == wait_s, recording.id
    assert told > 8


def test_no_good_answer_is_called_a_failure() -> None:
    seen: dict[str, int] = {}
    for recording in recordings(*FAMILY):
        operation = operation_of(recording)
        if recording.label is not None or b"tool_use_failed" in recording.body:
            continue  # the latter: two streams of Groq that end with an error event
        if recording.provider != "openai" and operation not in READ:
            continue
        failure = failure_of(recording)
        assert failure is None, f"{recording.provider} {recording.id}: {failure}"
        seen[operation] = seen.get(operation, 0) + 1
    assert seen["chat"] > 200
    assert seen["embeddings"] > 20
    assert seen["completions"] > 20


def test_errors_within_a_stream_are_seen() -> None:
    broken = [r for r in recordings("groq") if b"event: error" in r.body]
    assert len(broken) == 2
    for recording in broken:
        failure = failure_of(recording)
        assert failure is not None
        assert failure.kind == "bad_request"


def test_streams_read_the_same_however_they_are_cut() -> None:
    streams = 0
    for seed, recording in enumerate(recordings(*FAMILY)):
        operation = operation_of(recording)
        if recording.status != 200 or DIALECT.reader(operation, recording.headers) is None:
            continue
        streams += 1
        results = {_read_in(recording, pieces) for pieces in cuts(recording.body, seed)}
        assert len(results) == 1, recording.id
        assert next(iter(results))[0], f"{recording.id} was never useful"
    assert streams > 100


def _read_in(recording: Recording, pieces: list[bytes]) -> tuple[bool, str, UsageSeen | None]:
    reader = DIALECT.reader(operation_of(recording), recording.headers)
    assert reader is not None
    for piece in pieces:
        reader.feed(piece)
    return reader.useful, str(reader.finish()), reader.usage


def test_a_stream_cut_before_its_end_is_broken_wherever_it_is_cut() -> None:
    for seed, recording in enumerate(recordings("openai")):
        operation = operation_of(recording)
        if recording.status != 200 or DIALECT.reader(operation, recording.headers) is None:
            continue
        told = min(
            (
                at
                for word in (b'"finish_reason":"', b'"finish_reason": "', b"[DONE]")
                if (at := recording.body.find(word)) >= 0
            ),
        )
        for part in (1, told // 3, told // 2, told):
            reader = DIALECT.reader(operation, recording.headers)
            assert reader is not None
            reader.feed(recording.body[:part])
            failure = reader.finish()
            assert failure is not None, (seed, recording.id, part)
            assert failure.kind == "broken_stream"


def test_requests_are_read_and_rewritten() -> None:
    for recording in recordings("openai"):
        if operation_of(recording) not in READ or not recording.request.startswith(b"{"):
            continue
        asked = DIALECT.read(operation_of(recording), recording.request)
        assert asked.model
        changed = DIALECT.rewrite(recording.request, "other", {})
        assert DIALECT.read(Operation.CHAT, changed).model == "other"
        assert DIALECT.read(Operation.CHAT, changed).stream == asked.stream
