"""Answers that are no HTTP: the app gets the second target's, and hears of no byte of the first."""

import gzip
from collections.abc import Iterator

import orjson
import pytest

from proxy.drill.faults.canned import Canned
from proxy.drill.faults.server_error import ServerError
from tests.outside.policies import OTHER_KEY, Providers, two
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import QUESTION
from tests.outside.wire import Response, ask
from tests.provider import Provider

PLAIN = orjson.dumps(QUESTION)
STREAM = orjson.dumps({**QUESTION, "stream": True})
OK = b"HTTP/1.1 200 OK\r\n"
GOOD_BODY = b'{"choices": [{"message": {"content": "Hi"}}]}'
ODD = {
    "no words": b"\x16\x03\x01\x00\x00",
    "no head": b"Hello\r\n\r\n",
    "no status": b"HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "nothing but hints": b"HTTP/1.1 103 Early\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}",
    "no length": OK + b"Content-Length: -2\r\n\r\n{}",
    "length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "no chunks": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a field without end": OK + b"X-Long: " + b"x" * 70_000,
    "no end of fields": OK + b"X: y\r\n" * 300 + b"Content-Length: 2\r\n\r\n{}",
    "more than promised": OK + b"Content-Length: 9\r\n\r\n" + GOOD_BODY,
    "less than promised": OK + b"Content-Length: 99\r\n\r\n" + GOOD_BODY,
    "half of a gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(GOOD_BODY)[:-9],
}


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("odd"), two(providers))) as running:
        yield running


def _ask(proxy: Serving, body: bytes) -> Response:
    return ask(proxy.port, "POST", "/openai/v1/chat/completions", [], body)


@pytest.mark.parametrize("body", [PLAIN, STREAM], ids=["plain", "stream"])
@pytest.mark.parametrize("odd", list(ODD.values()), ids=list(ODD))
def test_the_second_target_answers(
    proxy: Serving, first: Provider, second: Provider, odd: bytes, body: bytes
) -> None:
    first.plays(Canned((odd,), closes=True))
    response = _ask(proxy, body)
    assert (response.status, response.whole) == (200, True)
    assert response.value("x-understudy-target") == "other"
    assert second.text.split()[-1].encode() in response.body


@pytest.mark.parametrize(
    ("name", "where"), [("no head", b"Hello"), ("no chunks", b"zz"), ("a field without end", b"xx")]
)
def test_no_key_is_quoted_out_of_them(
    proxy: Serving, first: Provider, second: Provider, name: str, where: bytes
) -> None:
    """The key of another provider than the app's, echoed by that one."""
    first.plays(ServerError(503))
    second.plays(Canned((ODD[name].replace(where, OTHER_KEY.encode(), 1),), closes=True))
    response = _ask(proxy, PLAIN)
    assert response.status == 503
    assert OTHER_KEY.encode() not in response.body


def test_a_status_that_is_none_is_not_passed_on(proxy: Serving, first: Provider) -> None:
    first.plays(Canned((ODD["no status"],)))
    assert ask(proxy.port, "GET", "/openai/v1/models").status == 502
