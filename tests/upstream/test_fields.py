"""Headers on their way on: nothing meant for a neighbour, no secret for a stranger, no forgery."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.core.call import Call
from proxy.upstream.fields import UnsafeField, head, to_own, to_stranger, without_hop_by_hop
from proxy.upstream.via import Signature
from tests.calls import a_call

US = Signature("5f3a9c1e")


def call(*headers: tuple[str, str]) -> Call:
    return a_call(headers=CIMultiDictProxy(CIMultiDict(headers)), model=None)


def test_fields_between_neighbours_are_left_out() -> None:
    headers = CIMultiDict(
        [
            ("Connection", "close, X-Private"),
            ("connection", "x-other"),
            ("X-Private", "1"),
            ("X-Other", "1"),
            ("Keep-Alive", "timeout=5"),
            ("TE", "trailers"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Proxy-Authorization", "Basic x"),
            ("Set-Cookie", "a=1"),
            ("X-Kept", "1"),
            ("Set-Cookie", "b=2"),
        ]
    )
    assert list(without_hop_by_hop(headers).items()) == [
        ("Set-Cookie", "a=1"),
        ("X-Kept", "1"),
        ("Set-Cookie", "b=2"),
    ]
    assert "Connection" in headers, "what was given is left as it was"


def test_the_own_upstream_gets_the_apps_headers_as_they_are() -> None:
    fields = to_own(
        call(
            ("Host", "127.0.0.1:8900"),
            ("Authorization", "Bearer app"),
            ("x-Odd-Case", "1"),
            ("Expect", "100-continue"),
            ("Via", "1.1 nearer"),
        ),
        "api.openai.com",
        US,
    )
    assert list(fields.items()) == [
        ("Host", "api.openai.com"),
        ("Authorization", "Bearer app"),
        ("x-Odd-Case", "1"),
        ("Via", "1.1 nearer"),
        ("Via", "1.1 understudy (5f3a9c1e)"),
    ]


def test_a_stranger_gets_what_may_go_and_its_own_key() -> None:
    secrets = {
        "Authorization": "Bearer app-secret",
        "api-key": "app-secret",
        "Cookie": "session=app-secret",
        "OpenAI-Organization": "org-app-secret",
        "X-Amz-Security-Token": "app-secret",
        "Helicone-Auth": "app-secret",
        "X-Anything": "app-secret",
        "Proxy-Authorization": "app-secret",
    }
    fields = to_stranger(
        call(
            *secrets.items(),
            ("Content-Type", "application/json"),
            ("Accept", "*/*"),
            ("X-Stainless-Lang", "python"),
        ),
        "other.example",
        (("Authorization", "Bearer its-own"),),
        US,
    )
    assert "app-secret" not in str(list(fields.items()))
    assert fields["Authorization"] == "Bearer its-own"
    assert fields["Host"] == "other.example"
    assert fields["Content-Type"] == "application/json"
    assert fields["X-Stainless-Lang"] == "python"


def test_a_stranger_is_told_the_version_that_the_request_is_written_for() -> None:
    own = (("x-api-key", "its-own"), ("anthropic-version", "2023-06-01"))
    later = call(("anthropic-version", "2026-10-21"), ("x-api-key", "app-secret"))
    fields = to_stranger(later, "other.example", own, US)
    assert fields.getall("anthropic-version") == ["2026-10-21"]
    assert fields.getall("x-api-key") == ["its-own"]
    assert to_stranger(call(), "other.example", own, US)["anthropic-version"] == "2023-06-01"


def test_a_head_is_spelled_as_it_came() -> None:
    odd = b"caf\xe9 \xf0\x9f\x8e\xad".decode("utf-8", "surrogateescape")
    fields = CIMultiDict([("X-A", "1"), ("x-a", "2"), ("X-Odd", odd)])
    assert head("GET /a%3Ab HTTP/1.1", fields) == (
        b"GET /a%3Ab HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\nX-Odd: caf\xe9 \xf0\x9f\x8e\xad\r\n\r\n"
    )
    assert head("HTTP/1.1 204 No Content", CIMultiDict()) == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize("bad", ["a\r\nX-Forged: 1", "a\nb", "a\rb", "a\0b"])
def test_a_field_that_would_be_more_than_one_is_never_sent(bad: str) -> None:
    with pytest.raises(UnsafeField):
        head("GET / HTTP/1.1", CIMultiDict([("X-A", bad)]))
    with pytest.raises(UnsafeField):
        head("GET / HTTP/1.1", CIMultiDict([(bad, "x")]))
