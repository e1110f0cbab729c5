"""Bedrock's paths, errors and whole answers, and what cannot be done with what is signed."""

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.event import UsageSeen
from proxy.core.failure import Failure, FailureKind, Unfit
from proxy.dialects.bedrock.dialect import Bedrock
from proxy.dialects.bedrock.kinds import class_of
from proxy.dialects.dialect import Asked, Complaint
from proxy.dialects.judging import MOST_PARSED_BYTES

DIALECT = Bedrock()
HAIKU = "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"
PROFILE = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/invoke"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/model/m/converse", Operation.CHAT),
        ("POST", HAIKU, Operation.CHAT),
        ("POST", "/model/us.anthropic.claude:0/invoke?x=1", Operation.CHAT),
        ("POST", "/model/m/invoke-with-response-stream", Operation.CHAT),
        ("POST", PROFILE, Operation.CHAT),
        ("POST", "/model/amazon.titan-embed-text-v2%3A0/invoke", Operation.EMBEDDINGS),
        ("POST", "/model/cohere.rerank-v3-5%3A0/invoke", Operation.RERANK),
        ("POST", "/model/amazon.nova-canvas-v1%3A0/invoke", Operation.OTHER),
        ("POST", "/model/stability.sd3-large-v1%3A0/invoke", Operation.OTHER),
        ("POST", "/model/m/count-tokens", Operation.COUNT_TOKENS),
        ("POST", "/model/m/async-invoke", Operation.OTHER),
        ("GET", "/model/m/converse", Operation.OTHER),
        ("POST", "/agents/A/agentAliases/B/sessions/c/text", Operation.OTHER),
        ("POST", "/endpoints/mine/invocations", Operation.OTHER),
        ("POST", "/model//converse", Operation.OTHER),
        ("POST", "", Operation.OTHER),
    ],
)
def test_recognise(method: str, path: str, operation: Operation) -> None:
    assert DIALECT.recognise(method, path) is operation


def test_the_path_names_the_model() -> None:
    asked = DIALECT.read(Operation.CHAT, HAIKU, b"{}")
    assert asked == Asked("us.anthropic.claude-haiku-4-5-20251001-v1:0", stream=True)
    arn = "arn:aws:bedrock:us-east-1:1:inference-profile/x"
    assert DIALECT.read(Operation.CHAT, PROFILE, b"") == Asked(arn)
    assert DIALECT.read(Operation.OTHER, "/agents", b"{}") == Asked()


def test_what_is_signed_goes_as_it_is_or_not_at_all() -> None:
    model = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert DIALECT.readdress(HAIKU, model) == HAIKU
    assert DIALECT.rewrite(b"{}", None, {}) == b"{}"
    for change in (
        lambda: DIALECT.readdress(HAIKU, "other"),
        lambda: DIALECT.rewrite(b"{}", "other", {}),
        lambda: DIALECT.rewrite(b"{}", None, {"temperature": 0}),
        lambda: DIALECT.texts(b"{}"),
        lambda: DIALECT.question(Operation.CHAT, b"{}"),
    ):
        with pytest.raises(Unfit):
            change()
    assert DIALECT.sign("k") == (("Authorization", "Bearer k"),)
    assert not DIALECT.whole(Operation.CHAT, CIMultiDict(), b"{}", False)


def judged(status: int, body: bytes, error_type: str = "") -> Failure | UsageSeen | None:
    headers = CIMultiDict({"x-amzn-ErrorType": error_type} if error_type else {})
    return DIALECT.judge(Operation.CHAT, status, headers, body, 0.0)


def kind_of(status: int, message: str = "no", error_type: str = "", **fields: Any) -> str | None:
    found = judged(status, orjson.dumps({"message": message, **fields}), error_type)
    return found.kind.value if isinstance(found, Failure) else None


TAIL = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


@pytest.mark.parametrize(
    ("status", "message", "error_type", "kind"),
    [
        (400, "no", "ValidationException", "bad_request"),
        (400, "The provided model identifier is invalid.", "ValidationException", "model"),
        (400, "Invocation of model ID m with on-demand throughput isn't supported", "", "model"),
        (400, "Input is too long for requested model.", "ValidationException", "context"),
        (400, "too many total text bytes: 10000002 > 9000000", "", "context"),
        (400, "The model returned the following errors: prompt is too long: 9 > 8", "", "context"),
        (400, "The model returned the following errors: property 'x'", "", "bad_request"),
        (400, "Output blocked by content filtering policy", "ValidationException", "content"),
        (400, "Your request exceeds the service quota", "ServiceQuotaExceededException", "rate"),
        (403, "The security token included is invalid.", "UnrecognizedClientException", "auth"),
        (403, "expired", "ExpiredTokenException", "auth"),
        (403, "You don't have access to the model with that ID.", "AccessDeniedException", "model"),
        (403, "User: x is not authorized to perform", "AccessDeniedException", "auth"),
        (
            404,
            "This model version has reached the end of its life.",
            "ResourceNotFoundException",
            "m",
        ),
        (404, "No agent with that id", "ResourceNotFoundException", "bad_request"),
        (408, "Model timed out", "ModelTimeoutException", "unavailable"),
        (424, "The model failed", "ModelErrorException", "unavailable"),
        (429, "Too many requests", "ThrottlingException", "rate_limit"),
        (429, "not ready", "ModelNotReadyException", "unavailable"),
        (429, "Rate exceeded", "", "rate_limit"),
        (500, "oops", "InternalServerException", "unavailable"),
        (503, "busy", "ServiceUnavailableException", "unavailable"),
        (418, "new", "SomethingNewException", "bad_request"),
    ],
)
def test_kinds(status: int, message: str, error_type: str, kind: str) -> None:
    assert (kind_of(status, message, error_type) or "").startswith(kind)
    if error_type:
        assert (kind_of(status, message, error_type + TAIL) or "").startswith(kind)
        assert (kind_of(status, message, __type=error_type) or "").startswith(kind)
        named = f"com.amazon.coral.service#{error_type}"
        assert (kind_of(status, message, __type=named) or "").startswith(kind)


def test_a_capital_message() -> None:
    found = judged(429, b'{"Message":"Rate exceeded"}')
    assert isinstance(found, Failure)
    assert found.message == "Rate exceeded"


def test_classes() -> None:
    assert class_of("a.b#ThrottlingException:http://x/") == "throttling"
    assert class_of("") == ""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"output": {}, "usage": {"inputTokens": 5, "outputTokens": 2}}, UsageSeen(5, 2)),
        ({"content": [], "usage": {"input_tokens": 5, "output_tokens": 2}}, UsageSeen(5, 2)),
        ({"completion": "word"}, UsageSeen(7, 3)),
    ],
)
def test_good_answers(body: dict[str, Any], found: UsageSeen) -> None:
    counts = {"x-amzn-bedrock-input-token-count": "7", "x-amzn-bedrock-output-token-count": "3"}
    told = DIALECT.judge(Operation.CHAT, 200, CIMultiDict(counts), orjson.dumps(body), 0.0)
    assert told == found


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"a"'])
def test_no_answers(body: bytes) -> None:
    found = judged(200, body)
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.MALFORMED


def test_errors_in_good_answers() -> None:
    assert kind_of(200, __type="ThrottlingException") == "rate_limit"
    assert kind_of(200, "slow", "ThrottlingException") == "rate_limit"


def test_large_answers() -> None:
    body = orjson.dumps({"embedding": [0.5] * MOST_PARSED_BYTES})
    assert judged(200, body) is None
    assert isinstance(judged(200, body[:-1]), Failure)


def test_errors_are_told_with_a_class() -> None:
    body, content_type = DIALECT.error(Complaint(429, "slow", "fallback_exhausted", "rate_limit"))
    told = orjson.loads(body)
    assert content_type == "application/json"
    assert (told["__type"], told["code"], told["message"]) == (
        "ThrottlingException",
        "ThrottlingException",
        "slow",
    )
    body, _ = DIALECT.error(Complaint(502, "x", "t", "c", ({"target": "a"},)))
    assert orjson.loads(body)["attempts"] == [{"target": "a"}]
    assert orjson.loads(body)["__type"] == "ServiceUnavailableException"


@given(st.integers(200, 599), st.binary(max_size=60), st.text(max_size=30))
def test_garbage(status: int, body: bytes, error_type: str) -> None:
    found = judged(status, body, error_type)
    assert not isinstance(found, Failure) or found.status == status
    assert status < 400 or isinstance(found, Failure)


def test_a_slash_behind_the_path_is_none_of_it() -> None:
    asked = DIALECT.read(Operation.CHAT, "/model/m:0/converse?x=/a", b"")
    assert (asked.model, asked.stream) == ("m:0", False)
    assert DIALECT.recognise("POST", "/model/m:0/converse?x=/a") is Operation.CHAT


def test_the_longest_path_is_read_at_once() -> None:
    started = time.perf_counter()
    assert DIALECT.recognise("POST", "/model/a" * 8000 + "/A") is Operation.OTHER
    assert time.perf_counter() - started < 0.2
