"""An error's words are found in every shape that providers have for them."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.judging import MOST_PARSED_BYTES
from proxy.dialects.said import Said, glimpse, said, said_in

NOW_S = 1_741_305_570.0


def words(document: Any) -> Said:
    return said(orjson.dumps(document), NOW_S)


@pytest.mark.parametrize(
    ("document", "message", "codes"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c"}}, "m", ("c",)),
        ({"error": "m", "code": "c"}, "m", ("c",)),
        ({"message": "m", "code": 7}, "m", ("7",)),
        ({"Message": "m"}, "m", ()),
        ({"detail": "m"}, "m", ()),
        ({"errors": [{"code": "c", "message": "m"}], "status_code": 404}, "m", ("c",)),
        ({"error_type": "TOO_MANY_TOKENS", "message": "m"}, "m", ("TOO_MANY_TOKENS",)),
        ([{"error": {"message": "m"}}], "m", ()),
        ({"error": {"message": "m", "innererror": {"code": "c"}}}, "m", ("c",)),
        ({"error": {"message": "m", "status": "S", "details": [{"reason": "R"}]}}, "m", ("R", "S")),
        ({"error": {}}, "", ()),
        ({"errors": []}, "", ()),
        ("m", "m", ()),
        (None, "", ()),
    ],
)
def test_shapes(document: Any, message: str, codes: tuple[str, ...]) -> None:
    found = words(document)
    assert (found.message, found.codes) == (message, codes)


RAW = {"error": {"message": "quota", "type": "insufficient_quota", "code": "insufficient_quota"}}


@pytest.mark.parametrize(
    "raw", [RAW, orjson.dumps(RAW).decode(), f" [{orjson.dumps(RAW).decode()}]"]
)
def test_an_error_behind_a_gateway(raw: Any) -> None:
    found = words(
        {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": raw}}}
    )
    assert found == Said(
        "quota", "insufficient_quota", ("429", "insufficient_quota"), status=429, wait_s=None
    )


def test_text_behind_a_gateway() -> None:
    raw = "m is temporarily rate-limited upstream. Try again in 3s"
    found = words({"error": {"message": "Provider returned error", "metadata": {"raw": raw}}})
    assert (found.message, found.wait_s) == (raw, 3.0)
    page = words({"error": {"message": "x", "metadata": {"raw": "<title>502 Bad</title>"}}})
    assert page.message == "502 Bad"


def test_an_error_as_the_text_of_another() -> None:
    inner = orjson.dumps({"error": {"message": "no", "code": "invalid_api_key"}}).decode()
    assert words({"html-message": inner}).codes == ("invalid_api_key",)
    assert words({"error": {"message": inner}}).message == "no"
    assert words({"error": {"message": "{no json"}}).message == "{no json"


def test_errors_within_errors_have_an_end() -> None:
    told: dict[str, Any] = {"message": "deep"}
    for _ in range(50):
        told = {"error": {"message": "outer", "metadata": {"raw": told}}}
    assert words(told).message == "outer"


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [
        ({"details": [{}, {"retryDelay": "22.5s"}]}, 22.5),
        ({"retry_after": 9}, 9.0),
        ({"metadata": {"retry_after_seconds": 30}}, 30.0),
        (
            {
                "metadata": {
                    "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1741305600000"}
                }
            },
            30.0,
        ),
        ({"message": "Please try again in 2.3s."}, 2.3),
        ({"metadata": {"raw": '{"error": {"message": "try again in 4s"}}'}}, 4.0),
        ({"message": "later"}, None),
    ],
)
def test_waits(error: dict[str, Any], wait_s: float | None) -> None:
    assert words({"error": error}).wait_s == wait_s


def test_without_the_time_moments_are_not_read() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1741305600"}
    assert said_in({"error": {"metadata": {"headers": headers}}}).wait_s is None


def test_large_errors_are_read_at_their_beginning() -> None:
    echo = "x" * MOST_PARSED_BYTES
    body = orjson.dumps({"error": {"message": 'say "no"', "code": "c", "input": echo}})
    assert said(body) == Said('say "no"', codes=("c",))
    assert said(body[:-5]).message == 'say "no"'
    page = b"<html><title>413 Too Large</title>" + b" " * MOST_PARSED_BYTES
    assert said(page).message == "413 Too Large"
    assert said(b"[" + b"1," * MOST_PARSED_BYTES).message == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *("error", "errors", "message", "code", "metadata", "raw", "headers"),
                    *("details", "retryDelay", "retry_after", "status", "type", "detail"),
                    "html-message",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_garbage(document: Any) -> None:
    try:
        found = words(document)
    except TypeError:  # integers beyond 64 bits are none of JSON's that orjson writes
        return
    assert found.status is None or 400 <= found.status < 600
    assert found.wait_s is None or found.wait_s >= 0
    assert len(found.message) <= 4096


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    assert isinstance(said(body, NOW_S), Said)
    assert isinstance(glimpse(body), dict)
