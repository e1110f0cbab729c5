"""The dialect that reads nothing says so, and judges by status."""

from collections.abc import Callable

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.failure import Failure, FailureKind, Unfit
from proxy.dialects.dialect import Complaint, Question, Texts
from proxy.dialects.raw import Raw

RAW = Raw()
JSON = CIMultiDict({"content-type": "application/json"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, None) for status in (200, 204, 301, 304)),
        *((status, "bad_request") for status in (400, 404, 405, 409, 422)),
        *((status, "auth") for status in (401, 403)),
        (402, "quota"),
        (413, "context_length"),
        (429, "rate_limit"),
        *((status, "unavailable") for status in (408, 500, 502, 503, 504, 529)),
    ],
)
def test_judged_by_status(status: int, kind: str | None) -> None:
    failure = RAW.judge(Operation.OTHER, status, JSON, b'{"error": {"code": "x"}}', 0.0)
    assert failure is None or isinstance(failure, Failure)
    assert (failure and failure.kind.value) == kind


def test_the_wait_is_read_from_headers() -> None:
    failure = RAW.judge(Operation.OTHER, 429, CIMultiDict({"retry-after": "7"}), b"", 0.0)
    assert isinstance(failure, Failure)
    assert failure is not None
    assert failure.retry_after_s == 7.0


def test_the_word_on_retries_is_read_from_headers() -> None:
    failure = RAW.judge(Operation.OTHER, 500, CIMultiDict({"x-should-retry": "false"}), b"", 0.0)
    assert isinstance(failure, Failure)
    assert failure.should_retry is False


def test_nothing_is_read() -> None:
    assert RAW.recognise("POST", "/v1/chat/completions") is Operation.OTHER
    assert RAW.read(Operation.OTHER, "/", b'{"model": "m"}').model is None
    assert RAW.reader(Operation.OTHER, CIMultiDict({"content-type": "text/event-stream"})) is None
    assert not RAW.whole(Operation.OTHER, JSON, b"{}", False)
    assert RAW.error_event(FailureKind.NETWORK, "cut") == b""
    assert RAW.sign("k") == (("Authorization", "Bearer k"),)


def test_a_request_goes_as_it_is_or_not_at_all() -> None:
    assert RAW.rewrite(b"\x00", None, {}) == b"\x00"
    with pytest.raises(Unfit):
        RAW.rewrite(b"{}", "other", {})


@pytest.mark.parametrize(
    "ask",
    [
        lambda: RAW.texts(b"{}"),
        lambda: RAW.vectors(Texts(("a",), "m"), [b""], "m", 1, "mock"),
        lambda: RAW.question(Operation.CHAT, b"{}"),
        lambda: RAW.say(Question(Operation.CHAT, "m"), "t", answer_id="1", created_s=1, mark="m"),
    ],
)
def test_it_stands_in_for_nothing(ask: Callable[[], object]) -> None:
    with pytest.raises(Unfit, match=r"the dialect raw (reads|makes) no"):
        ask()


def test_errors_are_told_as_json() -> None:
    body, content_type = RAW.error(Complaint(502, "gone", "network", "network"))
    assert content_type == "application/json"
    assert orjson.loads(body)["error"]["message"] == "gone"
