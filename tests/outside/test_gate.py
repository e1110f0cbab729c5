"""Who may use a proxy that others can reach: those with its token, or whoever it is opened to."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from openai import OpenAI

from tests.outside.policies import APP_KEY, HOST, Providers, one
from tests.outside.process import Serving, policy, serving, understudy
from tests.outside.sdk import chat
from tests.outside.tunnel import connect
from tests.outside.wire import Response, Wire, ask
from tests.provider import Provider

TOKEN = "0123456789abcdef._~-"
BASIC = ("Proxy-Authorization", "Basic " + b64encode(f"x:{TOKEN}".encode()).decode())
BEARER = ("Proxy-Authorization", f"Bearer {TOKEN}")


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """On all addresses of the machine."""
    folder = policy(tmp_path_factory.mktemp("gate"), one(providers))
    with serving(
        folder, "--listen", "0.0.0.0:0", environ={"UNDERSTUDY_PROXY_TOKEN": TOKEN}
    ) as running:
        yield running


@pytest.mark.parametrize("credentials", [BASIC, BEARER], ids=["basic", "bearer"])
@pytest.mark.parametrize("target", ["/openai/v1/models", f"http://{HOST}/v1/models"])
def test_the_token_opens_and_goes_no_further(
    proxy: Serving, first: Provider, target: str, credentials: tuple[str, str]
) -> None:
    assert ask(proxy.port, "GET", target, [credentials]).status == 200
    (seen,) = first.requests
    assert seen.target == "/v1/models"
    assert not seen.values("Proxy-Authorization")


def test_the_token_in_a_base_url_goes_no_further(proxy: Serving, first: Provider) -> None:
    assert ask(proxy.port, "GET", f"/{TOKEN}/openai/v1/models?a=b").status == 200
    (seen,) = first.requests
    assert seen.target == "/v1/models?a=b"
    assert TOKEN not in str(seen.fields)


def test_the_token_opens_a_tunnel(proxy: Serving, first: Provider) -> None:
    with Wire(proxy.port) as wire:
        assert connect(wire, f"{HOST}:80", fields=[BASIC]).status == 200
        for _ in range(2):
            response = wire.ask("GET", "/v1/models", [("Host", HOST)])
            assert response.status == 200, "inside, nobody is asked for it again"


def _told(response: Response) -> str:
    assert response.values("Connection") == ["close"]
    message = orjson.loads(response.body)["error"]["message"]
    assert "--proxy-token" in message
    assert TOKEN not in message
    return str(message)


@pytest.mark.parametrize("target", ["/openai/v1/models", "/0123456789abcdef._~x/openai", "*"])
def test_without_it_a_base_url_is_401(proxy: Serving, first: Provider, target: str) -> None:
    method = "OPTIONS" if target == "*" else "GET"
    fields = [("Authorization", f"Bearer {TOKEN}")]
    response = ask(proxy.port, method, target, fields)
    assert response.status == 401
    assert len(response.values("WWW-Authenticate")) == 1
    _told(response)
    assert not first.requests


@pytest.mark.parametrize(("method", "target"), [("GET", f"http://{HOST}/v1"), ("CONNECT", "a:443")])
def test_without_it_a_proxy_is_407(
    proxy: Serving, first: Provider, method: str, target: str
) -> None:
    response = ask(proxy.port, method, target, [("Proxy-Authorization", "Basic eDp5")])
    assert response.status == 407
    assert response.values("Proxy-Authenticate") == ['Basic realm="understudy"']
    _told(response)
    assert not first.requests


def test_what_is_turned_away_is_counted_and_told(proxy: Serving, first: Provider) -> None:
    for _ in range(20):
        ask(proxy.port, "GET", "/openai/v1/models")
    wanted = 'understudy_turned_away_total{face="base_url",reason="no_token",status="401"}'
    (line,) = (line for line in proxy.ask("/metrics").splitlines() if line.startswith(wanted))
    assert float(line.rpartition(" ")[2]) >= 20
    proxy.log_has("no_token")
    assert proxy.log.count("no_token") < 10, "and does not fill the log"
    assert TOKEN not in proxy.log


def test_apps_that_are_told_where_and_with_what(proxy: Serving, first: Provider) -> None:
    base_url = f"http://127.0.0.1:{proxy.port}/{TOKEN}/openai/v1"
    with OpenAI(api_key=APP_KEY, base_url=base_url, max_retries=0) as client:
        assert chat(client, stream=False)
        assert chat(client, stream=True)
    with httpx.Client(proxy=f"http://understudy:{TOKEN}@127.0.0.1:{proxy.port}") as http:
        assert http.get(f"http://{HOST}/v1/models").status_code == 200


@pytest.mark.parametrize("told", [{"UNDERSTUDY_OPEN": "true"}, {"UNDERSTUDY_OPEN": "1"}])
def test_what_is_open_asks_nobody(
    providers: Providers, first: Provider, tmp_path: Path, told: dict[str, str]
) -> None:
    listen = ("--listen", "0.0.0.0:0")
    with serving(policy(tmp_path, one(providers)), *listen, environ=told) as proxy:
        assert ask(proxy.port, "GET", "/openai/v1/models").status == 200


def test_neither_is_refused_before_anything_is_opened(providers: Providers, tmp_path: Path) -> None:
    folder = policy(tmp_path, one(providers))
    done = understudy("serve", "--policies", str(folder), "--listen", "0.0.0.0:0")
    assert (done.status, done.out) == (2, "")
    for way_out in ("--proxy-token", "--open", "127.0.0.1"):
        assert way_out in done.err
