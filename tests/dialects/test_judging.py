"""What is the same for every dialect: redirections, codings, and bodies too large to read."""

import gzip
import os
import time

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Operation
from proxy.core.failure import Failure
from proxy.dialects.dialect import Dialect
from proxy.dialects.recognise import NAMES, dialect_named

JSON = CIMultiDict({"content-type": "application/json"})
GZIP = CIMultiDict({**JSON, "content-encoding": "gzip"})
READERS = [dialect_named(name) for name in NAMES if name != "raw"]


def kind_of(
    dialect: Dialect, status: int, body: bytes, headers: CIMultiDict[str] = JSON
) -> str | None:
    found = dialect.judge(Operation.CHAT, status, headers, body, 0.0)
    return found.kind.value if isinstance(found, Failure) else None


@pytest.mark.parametrize("dialect", READERS, ids=lambda dialect: dialect.name)
class TestEveryDialect:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirection_is_no_answer(self, dialect: Dialect, status: int) -> None:
        assert kind_of(dialect, status, b"") == "malformed"
        assert dialect.judge(Operation.OTHER, status, JSON, b"", 0.0) is None

    @pytest.mark.parametrize("body", [b"event:", b"data: {}\n\n", b"", b"<html>"])
    def test_a_failure_has_the_status_that_came(self, dialect: Dialect, body: bytes) -> None:
        for headers in (JSON, CIMultiDict({"content-type": "text/event-stream"})):
            found = dialect.judge(Operation.CHAT, 201, headers, body, 0.0)
            assert not isinstance(found, Failure) or found.status == 201

    def test_however_deep_it_is(self, dialect: Dialect) -> None:
        """orjson reads deeper than it writes."""
        deep = b"[" * 300 + b"]" * 300
        for body in (deep, b'{"error":{"message":%b}}' % deep, b'{"message":%b}' % deep):
            assert kind_of(dialect, 500, body) == "unavailable"
            kind_of(dialect, 200, body)

    def test_no_json_is_no_answer(self, dialect: Dialect) -> None:
        for body in (b"", b"[]", b"<html>", b'{"a"', b"\xff"):
            assert kind_of(dialect, 200, body) == "malformed"

    def test_codings(self, dialect: Dialect) -> None:
        shut = CIMultiDict({"content-encoding": "compress"})
        assert kind_of(dialect, 200, b"\x0b\x02", shut) is None
        assert kind_of(dialect, 429, b"\x0b\x02", shut) == "rate_limit"
        assert kind_of(dialect, 200, gzip.compress(b"{}")[:-4], GZIP) == "malformed"
        assert kind_of(dialect, 503, b"no gzip", GZIP) == "unavailable"

    def test_errors_of_any_size_and_shape(self, dialect: Dialect) -> None:
        page = b"<html><head><title>502 Bad Gateway</title></head></html>"
        for body in (b"", page, b"upstream connect error", b"{" * 10**6, b"\0" * 10**6):
            assert kind_of(dialect, 502, body) == "unavailable"
            assert kind_of(dialect, 502, gzip.compress(body), GZIP) == "unavailable"

    def test_a_large_body_does_not_hold_up_the_loop(self, dialect: Dialect) -> None:
        """Four MiB of what is slowest to read take 40 ms as JSON; the bound is for busy machines.
        The test of what a judge finds in them is each dialect's own."""
        token = {"token": "a", "logprob": -0.123456, "bytes": [97], "top": [1, 2, 3]}
        body = orjson.dumps({"x": [token] * 60_000})
        assert len(body) > 3 * 2**20
        noise = gzip.compress(os.urandom(3 * 2**20), 1)
        for status in (200, 400, 500):
            for headers, content in ((JSON, body), (GZIP, gzip.compress(body, 1)), (GZIP, noise)):
                started = time.perf_counter()
                kind_of(dialect, status, content, headers)
                assert time.perf_counter() - started < 0.03


def test_blanks_may_come_before_an_answer() -> None:
    """As many as a provider likes, to keep the connection open while it thinks (DeepSeek)."""
    words = {"content": "x" * 400_000}
    good = orjson.dumps({"choices": [{"message": words, "finish_reason": "stop"}]})
    dialect = dialect_named("openai")
    assert kind_of(dialect, 200, b"\n" * 700 + good) is None
    assert kind_of(dialect, 429, b"\n" * 700 + b'{"error":{"message":"%b"}}' % good) == "rate_limit"
