"""Which upstream a request target names, and what is refused."""

import pytest
from multidict import CIMultiDict

from proxy.capture.identify import Place, identify
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
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


PORTS = {8900: "listen", 8901: "admin"}


def asked(
    program: Program,
    target: str,
    host: str | None = None,
    inside: Inside | None = None,
    *,
    method: str = "GET",
    loopback: bool = True,
) -> Place:
    headers = NO_HEADERS if host is None else CIMultiDict({"Host": host})
    place = identify(method, target, headers, program, PORTS, loopback, inside)
    assert place is not None
    return place


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
        ("http://api.openai.com./v1", "openai", "/v1"),
        ("https://api.openai.com/v1", "openai", "/v1"),
    ],
)
def test_known(program: Program, target: str, upstream: str, path: str) -> None:
    place = asked(program, target)
    assert (place.upstream, place.path, place.known) == (upstream, path, True)
    assert place.face is (Face.BASE_URL if target.startswith("/") else Face.HTTP_PROXY)


def test_a_stranger_is_passed_through_when_that_is_allowed(program: Program) -> None:
    target = "http://Example.com:8080/a%2Fb"
    place = asked(program, target)
    assert (place.upstream, place.path, place.known) == ("example.com:8080", "/a%2Fb", False)
    with pytest.raises(Refused) as refused:
        asked(program, target, loopback=False)
    assert (refused.value.status, refused.value.reason) == (403, "passthrough_denied")


def test_a_connect_names_no_place(program: Program) -> None:
    assert identify("CONNECT", "a:443", NO_HEADERS, program, PORTS, True, None) is None


def test_options_without_a_path_ask_for_the_server_itself(program: Program) -> None:
    assert asked(program, "http://api.openai.com", method="OPTIONS").path == "*"
    assert asked(program, "http://api.openai.com/", method="OPTIONS").path == "/"


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [
        ("/nobody/v1", 404, "unknown_upstream"),
        ("/", 404, "unknown_upstream"),
        ("/openai/v1#x", 400, "bad_request"),
        ("*", 400, "bad_request"),
        ("ftp://api.openai.com/", 400, "bad_request"),
        ("http://user:secret@api.openai.com/", 400, "bad_request"),
        ("http://api.openai.com:99999/", 400, "bad_request"),
        ("http://api.openai.com:0/", 400, "bad_request"),
        ("http://[::x]/", 400, "bad_request"),
        ("http:///v1", 400, "bad_request"),
        ("https://example.com/v1", 400, "bad_request"),
        ("http://127.0.0.1:8900/openai/v1", 508, "loop"),
        ("http://localhost:8901/status", 508, "loop"),
        ("http://localhost.:8901/status", 508, "loop"),
        ("http://[::1]:8901/status", 508, "loop"),
    ],
)
def test_refused(program: Program, target: str, status: int, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(program, target)
    assert (refused.value.status, refused.value.reason) == (status, reason)
    assert "secret" not in refused.value.message


TLS = Inside("api.openai.com", 443, True, Face.HTTPS_PROXY)
PLAIN = Inside("127.0.0.1", 11434, False, Face.TRANSPARENT)


@pytest.mark.parametrize(
    ("inside", "target", "host", "upstream", "path"),
    [
        (TLS, "/openai/v1?x", "api.openai.com", "openai", "/openai/v1?x"),
        (TLS, "/v1", "API.openai.com.:443", "openai", "/v1"),
        (TLS, "/v1", None, "openai", "/v1"),
        (TLS, "https://api.openai.com/v1", "api.openai.com", "openai", "/v1"),
        (TLS, "https://API.openai.com:443", "api.openai.com", "openai", "/"),
        (PLAIN, "/v1", "127.0.0.1:11434", "near", "/v1"),
        (PLAIN, "http://127.0.0.1:11434/v1", "127.0.0.1:11434", "near", "/v1"),
    ],
)
def test_inside_a_tunnel_all_is_for_its_server(
    program: Program, inside: Inside, target: str, host: str | None, upstream: str, path: str
) -> None:
    place = asked(program, target, host, inside)
    assert place == Place(upstream, path, inside.face, True)


@pytest.mark.parametrize(
    ("inside", "target", "host"),
    [
        (TLS, "/v1", "openrouter.ai"),
        (TLS, "/v1", "api.openai.com:80"),
        (TLS, "http://api.openai.com/v1", "api.openai.com"),
        (TLS, "https://openrouter.ai/v1", "api.openai.com"),
        (PLAIN, "/v1", "127.0.0.1"),
        (Inside("gone.test", 443, True, Face.HTTPS_PROXY), "/v1", "gone.test"),
    ],
)
def test_what_is_for_another_is_misdirected(
    program: Program, inside: Inside, target: str, host: str
) -> None:
    with pytest.raises(Refused) as refused:
        asked(program, target, host, inside)
    assert (refused.value.status, refused.value.reason) == (421, "misdirected")


@pytest.mark.parametrize(
    "host", ["", " ", "a@b", "a/b", "a, b", "a b", "http://a", "a:x", "a:1:2", "::1", "[::1", "a?b"]
)
def test_what_is_no_host(program: Program, host: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(program, "/openai/v1", host)
    assert refused.value.status == 400
