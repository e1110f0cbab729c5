"""What 36 real providers sent, each read by the dialect that fits it: errors get the kind and the
wait that a reader gave them, and no good answer is ever called a failure, however it is cut."""

from collections import Counter

import pytest

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import TRAITS, Failure, FailureKind
from proxy.dialects.dialect import Dialect
from proxy.dialects.recognise import dialect_named
from tests.dialects.recordings import Recording, cuts, recordings

NOW_S = 1_700_000_000.0

DIALECTS = {
    "anthropic": "anthropic",
    "gemini": "gemini",
    "vertexai": "gemini",
    "bedrock": "bedrock",
    "sagemaker": "bedrock",
    "cohere": "cohere",
}
"""All others imitate OpenAI."""

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
    "model_output_invalid": "malformed",
}
"""The reader's words of the labels in ours; every other one is a `bad_request`."""

DISAGREEMENTS = {
    # (what the label says, our kind, a phrase of the message): why
    ("synthetic", "rate_limit", "Mock rate limit error"): (
        "made up by a test, but with the status and the code of a rate limit"
    ),
    ("billing", "auth", "Invalid API key or insufficient credits"): (
        "the provider cannot tell which, and its type says invalid_api_key"
    ),
}
WAIT_DISAGREEMENTS: dict[str, str] = {}
"""By the id of a recording: why our wait is another. There are none."""

FAILED_STREAMS = ("Tool choice is required", "Tool call validation failed")
"""Two streams of Groq, status 200, that end with `event: error`: the label has none for them."""


def dialect_of(recording: Recording) -> Dialect:
    return dialect_named(DIALECTS.get(recording.provider, "openai"))


def operation_of(recording: Recording) -> Operation:
    return dialect_of(recording).recognise(recording.method, recording.path)


def failure_of(recording: Recording) -> Failure | None:
    """What its dialect makes of an answer, read as a stream where it is one."""
    read = read_in(recording, [recording.body])
    if read is not None:
        return read[2]
    found = dialect_of(recording).judge(
        operation_of(recording), recording.status, recording.headers, recording.body, NOW_S
    )
    return found if isinstance(found, Failure) else None


def read_in(
    recording: Recording, pieces: list[bytes]
) -> tuple[bool, UsageSeen | None, Failure | None] | None:
    """Useful, usage and failure of a stream that comes in `pieces`; None where it is none."""
    dialect, operation = dialect_of(recording), operation_of(recording)
    if recording.status >= 400:
        return None
    asked = dialect.read(operation, recording.path, recording.request)
    reader = dialect.reader(operation, recording.headers, asked.stream)
    if reader is None:
        return None
    for piece in pieces:
        reader.feed(piece)
    failure = reader.finish()
    return reader.useful, reader.usage, failure


@pytest.fixture(scope="module")
def judged() -> list[tuple[Recording, Failure | None]]:
    return [(recording, failure_of(recording)) for recording in recordings()]


def test_errors_get_the_kind_that_a_reader_gave_them(
    judged: list[tuple[Recording, Failure | None]],
) -> None:
    wrong, right, used = [], 0, set()
    for recording, failure in judged:
        if recording.label is None:
            continue
        label = recording.label["class"]
        kind = failure.kind.value if failure else "good"
        if kind == KIND_OF_LABEL.get(label, "bad_request"):
            right += 1
            continue
        message = failure.message if failure else ""
        known = [d for d in DISAGREEMENTS if (label, kind) == d[:2] and d[2] in message]
        used.update(known)
        if not known:
            wrong.append(f"{recording.provider} {recording.id} {label}: {kind}: {message}")
    assert not wrong
    assert used == set(DISAGREEMENTS), "a disagreement that is none any more"
    assert right > 450


def test_every_wait_that_a_provider_asks_for_is_seen(
    judged: list[tuple[Recording, Failure | None]],
) -> None:
    wrong, told = [], 0
    for recording, failure in judged:
        if recording.label is None or recording.id in WAIT_DISAGREEMENTS:
            continue
        wait_s = recording.label.get("wait_hint_s")
        told += wait_s is not None
        if (failure and failure.retry_after_s) != wait_s:
            wrong.append((recording.provider, recording.id, wait_s, failure and str(failure)))
    assert not wrong
    assert told >= 17


def test_no_good_answer_is_called_a_failure(
    judged: list[tuple[Recording, Failure | None]],
) -> None:
    wrong, seen = [], Counter[str]()
    for recording, failure in judged:
        if recording.status >= 400:
            continue
        seen[operation_of(recording)] += 1
        if failure is not None and not failure.message.startswith(FAILED_STREAMS):
            wrong.append(f"{recording.provider} {recording.id}: {failure}")
    assert not wrong
    assert seen["chat"] > 500
    assert seen["responses"] > 80
    assert seen["embeddings"] > 50


def test_errors_within_streams_are_seen(judged: list[tuple[Recording, Failure | None]]) -> None:
    failed = [
        failure for recording, failure in judged if recording.status == 200 and failure is not None
    ]
    assert len(failed) == 2
    assert all(f.kind is FailureKind.MALFORMED and f.blameless for f in failed)


def test_streams_read_the_same_however_they_are_cut(
    judged: list[tuple[Recording, Failure | None]],
) -> None:
    wrong, streams = [], Counter[str]()
    for seed, (recording, _) in enumerate(judged):
        if len(recording.body) > 200_000 or read_in(recording, []) is None:
            continue
        streams[dialect_of(recording).name] += 1
        results = {str(read_in(recording, pieces)) for pieces in cuts(recording.body, seed)}
        if len(results) > 1 or not next(iter(results)).startswith("(True"):
            wrong.append(f"{recording.provider} {recording.id}: {results}")
    assert not wrong
    assert streams["openai"] > 150
    assert streams["bedrock"] > 25
    assert streams["cohere"] > 12


def test_what_a_caller_did_wrong_stays_with_the_caller(
    judged: list[tuple[Recording, Failure | None]],
) -> None:
    for recording, failure in judged:
        label = recording.label["class"] if recording.label is not None else ""
        if not label.startswith(("bad_request", "resource_not_found", "content_filter")):
            continue
        assert failure is not None
        assert not TRAITS[failure.kind].elsewhere, recording.id
        assert not TRAITS[failure.kind].blame, recording.id


def test_models_are_read_from_paths_and_bodies(
    judged: list[tuple[Recording, Failure | None]],
) -> None:
    unread = [
        f"{recording.provider} {recording.path}"
        for recording, _ in judged
        if operation_of(recording) in (Operation.CHAT, Operation.RESPONSES)
        and recording.request[:1] in (b"{", b"")
        and b'"model"' in recording.request
        and not dialect_of(recording)
        .read(operation_of(recording), recording.path, recording.request)
        .model
    ]
    assert not unread
