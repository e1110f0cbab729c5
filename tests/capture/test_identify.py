"""Which upstream a request target names, and what is refused."""

import pytest
from multidict import CIMultiDict

from proxy.capture.identify import Refused, identify
from proxy.core.call import Face
from proxy.engine.compile import Program
from tests.plays.stage import Play

POLICY = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://api.openai.com}
  openrouter: {dialect: openai, url: https://openrouter.ai/api}
  near: {dialect: openai, url: "http://127.0.0.1:11434"}
"""
NO_HEADERS: CIMultiDict[str] = CIMultiDict()


@pytest.fixture(scope="module")
def program() -> Program:
    return Play(POLICY).program


@pytest.mark.parametrize(
    ("target", "upstream", "path"),
    [
        ("/openai/v1/models", "openai", "/v1/models"),
        ("/openai/a%3Ab/c%20d?x=%2F&y=a+b", "openai", "/a%3Ab/c%20d?x=%2F&y=a+b"),
        ("/openai//v1/../x", "openai", "//v1/../x"),
        ("/openai", "openai", "/"),
        ("/openai?x=/y", "openai", "/?x=/y"),
        ("/openrouter/v1/models", "openrouter", "/api/v1/models"),
        ("http://api.openai.com/v1/models", "openai", "/v1/models"),
        ("HTTP://API.OpenAI.com:80/v1/models", "openai", "/v1/models"),
        ("http://openrouter.ai/api/v1/models", "openrouter", "/api/v1/models"),
        ("http://127.0.0.1:11434/v1/models?a=b", "near", "/v1/models?a=b"),
        ("http://api.openai.com", "openai", "/"),
        ("http://api.openai.com?x=1", "openai", "/?x=1"),
    ],
)
def test_known(program: Program, target: str, upstream: str, path: str) -> None:
    place = identify("GET", target, NO_HEADERS, program, {}, False)
    assert (place.upstream, place.path, place.known) == (upstream, path, True)
    assert place.face is (Face.BASE_URL if target.startswith("/") else Face.HTTP_PROXY)


def test_a_stranger_is_passed_through_when_that_is_allowed(program: Program) -> None:
    target = "http://Example.com:8080/a%2Fb"
    place = identify("GET", target, NO_HEADERS, program, {}, True)
    assert (place.upstream, place.path, place.known) == ("example.com:8080", "/a%2Fb", False)
    with pytest.raises(Refused) as refused:
        identify("GET", target, NO_HEADERS, program, {}, False)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nobody/v1", 404),
        ("GET", "/", 404),
        ("CONNECT", "api.openai.com:443", 501),
        ("OPTIONS", "*", 400),
        ("GET", "ftp://api.openai.com/", 400),
        ("GET", "http://user:secret@api.openai.com/", 400),
        ("GET", "http://api.openai.com:99999/", 400),
        ("GET", "http:///v1", 400),
        ("GET", "http://127.0.0.1:8900/openai/v1", 508),
        ("GET", "http://localhost:8901/status", 508),
        ("GET", "http://[::1]:8901/status", 508),
    ],
)
def test_refused(program: Program, method: str, target: str, status: int) -> None:
    ports = {8900: "listen", 8901: "admin"}
    with pytest.raises(Refused) as refused:
        identify(method, target, NO_HEADERS, program, ports, True)
    assert refused.value.status == status
    assert "secret" not in refused.value.message


def test_what_came_through_us_before_is_refused(program: Program) -> None:
    via = CIMultiDict([("Via", "1.1 other"), ("Via", "1.0 nearer, 1.1 understudy")])
    with pytest.raises(Refused) as refused:
        identify("GET", "/openai/v1/models", via, program, {}, True)
    assert refused.value.status == 508
