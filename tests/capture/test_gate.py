"""Who is let in by the token, and what those are told who are not."""

from base64 import b64encode

import pytest
from multidict import CIMultiDict

from proxy.capture.gate import Gate
from proxy.capture.refused import Refused

TOKEN = "0123456789abcdef._~-"
WRONG = "0123456789abcdef._~x"
GATE = Gate(TOKEN)
CHAT = "/openai/v1/chat/completions"
TARGETS = [("POST", CHAT), ("GET", "http://api.test/v1"), ("CONNECT", "api.test:443")]


def _basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


def _headers(*authorizations: str) -> CIMultiDict[str]:
    return CIMultiDict([("Proxy-Authorization", value) for value in authorizations])


@pytest.mark.parametrize(("method", "target"), TARGETS)
@pytest.mark.parametrize(
    "credentials",
    [
        _basic(f"understudy:{TOKEN}"),
        _basic(f":{TOKEN}"),
        f"Bearer {TOKEN}",
        f"bearer  {TOKEN} ",
        _basic(f"any:{TOKEN}").replace("Basic", "BASIC"),
    ],
)
def test_by_proxy_authorization(method: str, target: str, credentials: str) -> None:
    assert GATE.admit(method, target, _headers(credentials)) == target


@pytest.mark.parametrize(
    ("target", "rest"),
    [
        (f"/{TOKEN}{CHAT}", CHAT),
        (f"/{TOKEN}/openai/a%2Fb?x=/{TOKEN}", f"/openai/a%2Fb?x=/{TOKEN}"),
        (f"/{TOKEN}//openai", "//openai"),
        (f"/{TOKEN}", "/"),
        (f"/{TOKEN}/", "/"),
        (f"/{TOKEN}?x=1", "/?x=1"),
    ],
)
def test_by_the_first_part_of_a_path(target: str, rest: str) -> None:
    assert GATE.admit("GET", target, _headers()) == rest


def test_a_token_that_is_presented_twice_goes_no_further() -> None:
    headers = _headers(f"Bearer {TOKEN}")
    assert GATE.admit("GET", f"/{TOKEN}{CHAT}", headers) == CHAT


@pytest.mark.parametrize(("method", "target"), TARGETS)
@pytest.mark.parametrize(
    "credentials",
    [
        "",
        TOKEN,
        f"Bearer {WRONG}",
        f"Bearer {TOKEN}x",
        "Bearer",
        _basic(f"any:{WRONG}"),
        _basic(TOKEN),
        _basic(f"{TOKEN}:"),
        _basic(f"any:{TOKEN}:"),
        f"Basic any:{TOKEN}",
        "Basic =",
        "Basic \udcff\udcfe",
        "Bearer \udcff\u2028",
        f"Digest {TOKEN}",
    ],
)
def test_anything_else_is_turned_away(method: str, target: str, credentials: str) -> None:
    with pytest.raises(Refused) as refused:
        GATE.admit(method, target, _headers(credentials))
    challenges = dict(refused.value.fields)
    if target.startswith("/"):
        assert refused.value.status == 401
        assert set(challenges) == {"WWW-Authenticate"}
    else:
        assert refused.value.status == 407
        assert challenges == {"Proxy-Authenticate": 'Basic realm="understudy"'}
    assert refused.value.reason == "no_token"
    assert TOKEN not in str(refused.value)
    assert WRONG not in str(refused.value)


@pytest.mark.parametrize(
    "target",
    [
        f"/{WRONG}{CHAT}",
        f"/{TOKEN}x{CHAT}",
        f"//{TOKEN}{CHAT}",
        f"/openai/{TOKEN}/v1",
        f"/?/{TOKEN}/openai",
        f"/{TOKEN.upper()}/openai",
        f"/{TOKEN};x/openai",
        "/\udcff/openai",
        "*",
    ],
)
def test_another_path_does_not_open(target: str) -> None:
    with pytest.raises(Refused) as refused:
        GATE.admit("GET", target, _headers())
    assert refused.value.status == 401
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("target", [f"http://api.test/{TOKEN}/v1", f"/{TOKEN}/x"])
def test_a_path_that_a_proxy_is_asked_for_is_none_of_ours(target: str) -> None:
    method = "CONNECT" if target.startswith("/") else "GET"
    with pytest.raises(Refused) as refused:
        GATE.admit(method, target, _headers())
    assert refused.value.status == 407


def test_the_apps_own_authorization_is_no_token() -> None:
    headers = CIMultiDict([("Authorization", f"Bearer {TOKEN}"), ("Cookie", TOKEN)])
    with pytest.raises(Refused):
        GATE.admit("POST", CHAT, headers)


def test_where_no_token_is_wanted_everything_stays_as_it_is() -> None:
    for method, target in (*TARGETS, ("GET", f"/{TOKEN}{CHAT}"), ("OPTIONS", "*")):
        assert Gate("").admit(method, target, _headers("Bearer ")) == target


def test_the_token_is_not_in_its_repr() -> None:
    assert TOKEN not in repr(GATE)
