"""Which header fields outlive the exchange they came with."""

import pytest
from multidict import CIMultiDict

from proxy.cache.fields import directives, forward_status, hit_status, kept_fields
from tests.cache.parts import START_S


def test_what_belongs_to_one_connection_or_one_moment_is_left_out() -> None:
    came = CIMultiDict(
        [
            ("Date", "Wed, 19 Aug 2026 14:43:32 GMT"),
            ("Content-Type", "application/json"),
            ("Connection", "keep-alive, X-Hop"),
            ("X-Hop", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("X-RateLimit-Remaining-Requests", "9"),
            ("anthropic-ratelimit-tokens-reset", "1s"),
            ("Retry-After", "1"),
            ("x-request-id", "req_1"),
            ("Age", "3"),
            ("Content-Length", "5"),
            ("Content-Encoding", "gzip"),
            ("openai-version", "2020-10-01"),
            ("Vary", "Origin"),
            ("Vary", "Accept-Encoding"),
        ]
    )
    assert kept_fields(came, START_S, 1234) == (
        ("Date", "Wed, 19 Aug 2026 14:43:32 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
        ("openai-version", "2020-10-01"),
        ("Vary", "Origin"),
        ("Vary", "Accept-Encoding"),
        ("Content-Length", "1234"),
    )


def test_an_answer_without_a_date_gets_that_of_its_arrival() -> None:
    assert kept_fields(CIMultiDict(), 1_000_000_000.0, 0) == (
        ("Date", "Sun, 09 Sep 2001 01:46:40 GMT"),
        ("Content-Length", "0"),
    )


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], set()),
        (["no-store"], {"no-store"}),
        (["No-Cache , max-age=0", "must-revalidate"], {"no-cache", "max-age", "must-revalidate"}),
        (["private=no-store"], {"private"}),
    ],
)
def test_directives(lines: list[str], names: set[str]) -> None:
    assert directives(lines) == names


def test_cache_status_reads_as_in_rfc_9211() -> None:
    assert hit_status(376.9) == "understudy; hit; ttl=376"
    assert hit_status(-411.5) == "understudy; hit; ttl=-412"
    assert forward_status("uri-miss") == "understudy; fwd=uri-miss"
