"""The operator's port, asked over a socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.admin.api import Api
from proxy.admin.view import Sights
from proxy.embeddings.model import LocalModel
from proxy.policy.schema import Backend
from proxy.telemetry.hub import Telemetry
from tests.clock import FalseClock, LoadedDice
from tests.engine.parts import POLICY, Stage

CHANGED = POLICY.replace("consecutive: 2", "consecutive: 3")
TOKEN = "a token ünlike others"


class Admin:
    """A running admin port and somebody who asks it."""

    def __init__(self, file: Path, token: str = "") -> None:
        self.file = file
        self.stage = Stage(file)
        parts = self.stage.parts
        clock = FalseClock()
        telemetry = Telemetry(clock, LoadedDice(), {}, version="0")
        model = LocalModel(Backend(), clock, parts.hear)
        self.api = Api(
            Sights(
                self.stage.engine,
                self.stage.reloader,
                parts.standings,
                parts.store,
                model,
                telemetry,
            ),
            token,
        )
        self.port = 0

    async def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, Any] | str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers) as answer,
        ):
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def say(self, request: bytes) -> bytes:
        """The answer to `request`, byte for byte."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "a.yaml"
    file.write_text(POLICY)
    return file


@pytest.fixture
async def admin(file: Path) -> AsyncIterator[Admin]:
    admin = Admin(file)
    admin.port = await admin.api.open("127.0.0.1", 0)
    yield admin
    await admin.api.close()


@pytest.fixture
async def guarded(file: Path) -> AsyncIterator[Admin]:
    admin = Admin(file, TOKEN)
    admin.port = await admin.api.open("127.0.0.1", 0)
    yield admin
    await admin.api.close()


async def test_alive_and_ready_are_two_things(admin: Admin) -> None:
    assert await admin.ask("/healthz") == (200, "ok\n")
    status, text = await admin.ask("/readyz")
    assert status == 503
    assert "not ready" in text
    admin.api.ready(True)
    assert await admin.ask("/readyz") == (200, "ready\n")
    admin.api.ready(False)
    assert (await admin.ask("/readyz"))[0] == 503
    assert (await admin.ask("/healthz"))[0] == 200


async def test_metrics_are_prometheus_text(admin: Admin) -> None:
    status, text = await admin.ask("/metrics")
    assert status == 200
    assert isinstance(text, str)
    assert "# TYPE understudy_" in text


async def test_status_says_how_it_is_doing(admin: Admin) -> None:
    status, told = await admin.ask("/status")
    assert status == 200
    assert isinstance(told, dict)
    assert told["policies"]["files"] == [str(admin.file)]
    assert told["policies"]["last_error"] is None
    (openai,) = told["upstreams"]
    assert openai["name"] == "openai"
    assert openai["breaker"]["state"] == "closed"
    assert openai["breaker"]["opened_count"] == 0
    assert set(openai["health"]) == {
        "success_count",
        "failure_count",
        "success_rate",
        "average_latency_ms",
        "consecutive_failures",
        "is_healthy",
    }
    assert told["overall"]["total_requests"] == 0
    assert told["fallback"]["fallback_rate"] == 0
    assert told["degraded"] is False
    assert told["degraded_why"] == []
    assert {"sources", "cache", "backend"} <= set(told)


async def test_status_says_why_it_is_degraded(admin: Admin) -> None:
    upstream = admin.stage.engine.program.snapshot.upstreams["openai"]
    standing = admin.stage.parts.standings.of(upstream)
    for _ in range(2):
        standing.breaker.permit().failed()
        standing.health.failed()
    _, told = await admin.ask("/status")
    assert isinstance(told, dict)
    assert told["degraded"] is True
    assert told["degraded_why"] == ["the breaker of openai is open"]
    assert told["upstreams"][0]["breaker"]["retry_after_s"] == 30.0
    assert told["upstreams"][0]["health"]["consecutive_failures"] == 2


async def test_reload_puts_a_changed_file_in_force(admin: Admin) -> None:
    before = admin.stage.engine.program.snapshot.digest
    admin.file.write_text(CHANGED)
    status, told = await admin.ask("/reload", "POST")
    after = admin.stage.engine.program.snapshot.digest
    assert after != before
    assert (status, told) == (200, {"reloaded": True, "digest": after, "complaints": []})


async def test_reload_tells_what_is_wrong_and_keeps_the_last_good_set(admin: Admin) -> None:
    before = admin.stage.engine.program.snapshot.digest
    admin.file.write_text(POLICY + "wrong: 1\n")
    status, told = await admin.ask("/reload", "POST")
    assert isinstance(told, dict)
    assert (status, told["reloaded"], told["digest"]) == (422, False, before)
    assert "wrong" in told["complaints"][0]
    _, shown = await admin.ask("/status")
    assert isinstance(shown, dict)
    assert shown["degraded"] is True
    assert "wrong" in shown["policies"]["last_error"]


async def test_looking_is_not_changing(admin: Admin) -> None:
    assert (await admin.ask("/reload"))[0] == 405
    assert (await admin.ask("/status", "POST"))[0] == 405
    assert (await admin.ask("/nothing"))[0] == 404


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "http://[", "//"],
)
async def test_a_page_of_another_site_may_not_change_anything(admin: Admin, origin: str) -> None:
    admin.file.write_text(CHANGED)
    before = admin.stage.engine.program
    status, _ = await admin.ask("/reload", "POST", Origin=origin)
    assert status == 403
    assert admin.stage.engine.program is before


async def test_our_own_page_may(admin: Admin) -> None:
    own = f"http://127.0.0.1:{admin.port}"
    assert (await admin.ask("/reload", "POST", Origin=own))[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:89", "localhost.evil", "[::1"],
)
async def test_a_name_that_was_made_to_lead_here_is_refused(admin: Admin, host: str) -> None:
    """DNS rebinding: to a browser, a page's name that leads to this machine is the same origin."""
    for path in ("/status", "/metrics", "/healthz"):
        status, told = await admin.ask(path, Host=host)
        assert status == 403
        assert isinstance(told, dict)
        assert "no name of this machine" in told["error"]["message"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8901", "127.0.0.1:1", "[::1]:8901"])
async def test_this_machine_may_be_called_by_any_of_its_addresses(admin: Admin, host: str) -> None:
    assert (await admin.ask("/healthz", Host=host))[0] == 200


async def test_who_names_no_host_is_no_browser(admin: Admin) -> None:
    answer = await admin.say(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert b" 200 OK\r\n" in answer


async def test_with_a_token_everything_but_the_probes_wants_it(guarded: Admin) -> None:
    for path, method in (("/status", "GET"), ("/metrics", "GET"), ("/reload", "POST")):
        for told in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            status, refusal = await guarded.ask(path, method, **told)
            assert status == 401
            assert TOKEN not in str(refusal)
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert (await guarded.ask(path, method, **right))[0] == 200
    assert (await guarded.ask("/healthz"))[0] == 200
    assert (await guarded.ask("/readyz"))[0] == 503


async def test_with_a_token_the_machine_may_be_called_by_any_name(guarded: Admin) -> None:
    right = {"Authorization": f"Bearer {TOKEN}", "Host": "understudy.internal"}
    assert (await guarded.ask("/status", **right))[0] == 200
    foreign = {**right, "Origin": "https://evil.example"}
    assert (await guarded.ask("/reload", "POST", **foreign))[0] == 403


async def test_a_token_that_is_no_text_is_a_wrong_one(guarded: Admin) -> None:
    answer = await guarded.say(
        b"GET /status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"Authorization: Bearer \xff\xfe\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 401 ")
