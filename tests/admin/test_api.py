"""The operator's port, asked over a socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.admin.api import Api
from proxy.admin.view import Sights
from proxy.core.event import BY_HAND, BreakerMoved, HealthMoved, Probed
from proxy.core.failure import Failure, FailureKind
from proxy.dialects.allowance import Allowance
from proxy.embeddings.model import LocalModel
from proxy.policy.schema import Backend
from proxy.policy.snapshot import Upstream
from proxy.resilience.standing.prober import Prober
from proxy.resilience.standing.quotas import Caller
from proxy.resilience.standing.state import Standing
from proxy.telemetry.hub import Telemetry
from tests.calls import a_call
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
        self.probed: list[str] = []
        self.ill: Failure | None = None
        prober = Prober(self.stage.clock, parts.dice, parts.standings, self._probe, parts.hear)
        self.api = Api(
            Sights(
                self.stage.engine,
                self.stage.reloader,
                parts.standings,
                prober,
                parts.store,
                model,
                telemetry,
                tuple,
            ),
            token,
        )
        self.port = 0

    async def _probe(self, upstream: Upstream) -> Failure | None:
        self.probed.append(upstream.name)
        return self.ill

    @property
    def standing(self) -> Standing:
        """Of openai."""
        upstream = self.stage.engine.program.snapshot.upstreams["openai"]
        return self.stage.parts.standings.of(upstream)

    async def told(self, path: str, method: str = "GET") -> dict[str, Any]:
        """The document that comes with a 200."""
        status, told = await self.ask(path, method)
        assert status == 200
        assert isinstance(told, dict)
        return told

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


async def test_status_says_how_each_upstream_stands(admin: Admin) -> None:
    told = await admin.told("/status")
    assert told["policies"]["mode"] is None
    (openai,) = told["upstreams"]
    assert openai["tier"] == "cloud"
    assert openai["breaker"]["cause"] is None
    assert openai["breaker"]["by_hand"] is False
    assert openai["limit"] == {"concurrency": None, "in_use": 0, "waiting": 0}
    assert openai["budget"] == {"ratio": 0.2, "min_per_second": 10.0, "spent": 0.0}
    assert openai["quota"] == {"share": 1.0, "spent_s": None}
    standing = admin.standing
    standing.quotas.of(Caller(a_call()), "gpt-4o").learn((Allowance("requests", 25, 100, 60.0),))
    for _ in range(50):
        assert standing.budget.withdraw()
    (openai,) = (await admin.told("/status"))["upstreams"]
    assert openai["quota"]["share"] == 0.25
    assert openai["budget"]["spent"] == 0.5
    standing.quotas.of(Caller(a_call()), "gpt-4o").refused(12.0)
    (openai,) = (await admin.told("/status"))["upstreams"]
    assert openai["quota"] == {"share": 0.0, "spent_s": 12.0}


async def test_status_names_the_mode(admin: Admin) -> None:
    admin.file.write_text("mode: server_first" + POLICY)
    assert (await admin.ask("/reload", "POST"))[0] == 200
    assert (await admin.told("/status"))["policies"]["mode"] == "server_first"


async def test_status_says_why_it_is_degraded(admin: Admin) -> None:
    standing = admin.standing
    for _ in range(2):
        standing.breaker.permit().failed(FailureKind.UNAVAILABLE, 1.0)
    standing.health.failed(FailureKind.UNAVAILABLE, "down")
    told = await admin.told("/status")
    assert told["degraded"] is True
    assert told["degraded_why"] == ["the breaker of openai is open (unavailable)"]
    assert told["upstreams"][0]["breaker"]["cause"] == "unavailable"
    assert told["upstreams"][0]["breaker"]["retry_after_s"] == 30.0
    assert told["upstreams"][0]["health"]["consecutive_failures"] == 1


async def test_an_unhealthy_upstream_is_a_reason_without_its_keys(admin: Admin) -> None:
    for _ in range(3):
        admin.standing.health.failed(FailureKind.AUTH, "no such key: sk-proj-0123456789abcdef")
    told = await admin.told("/status")
    assert told["degraded"] is True
    (why,) = told["degraded_why"]
    assert why.startswith("openai is unhealthy: 3 failures in a row, the last auth: ")
    assert "0123456789" not in why
    assert told["upstreams"][0]["health"]["is_healthy"] is False


async def test_an_upstream_is_taken_out_and_put_back(admin: Admin) -> None:
    out = await admin.told("/breakers/openai/open", "POST")
    assert (out["name"], out["breaker"]["state"]) == ("openai", "open")
    assert out["breaker"]["by_hand"] is True
    assert out["breaker"]["retry_after_s"] is None
    told = await admin.told("/status")
    assert told["degraded_why"] == ["the breaker of openai is open (by hand)"]
    admin.stage.clock.pass_time(100_000.0)
    assert admin.standing.aside(Caller(a_call()), "gpt-4o") is not None, "no time puts it back"
    back = await admin.told("/breakers/openai/close", "POST")
    assert (back["breaker"]["state"], back["breaker"]["by_hand"]) == ("closed", False)
    assert admin.standing.aside(Caller(a_call()), "gpt-4o") is None
    moves = [event for event in admin.stage.events if isinstance(event, BreakerMoved)]
    assert [(move.after, move.reason) for move in moves] == [("open", BY_HAND), ("closed", BY_HAND)]


async def test_reset_forgets_all_that_speaks_against_an_upstream(admin: Admin) -> None:
    standing = admin.standing
    for _ in range(3):
        standing.breaker.permit(insist=True).failed(FailureKind.RATE_LIMIT, 1.0)
        standing.health.failed(FailureKind.RATE_LIMIT, "slow down")
    standing.quotas.of(Caller(a_call()), "gpt-4o").refused(60.0)
    closed = await admin.told("/breakers/openai/close", "POST")
    assert closed["breaker"]["state"] == "closed"
    assert closed["health"]["is_healthy"] is False
    told = await admin.told("/breakers/openai/reset", "POST")
    assert told["breaker"]["state"] == "closed"
    assert told["health"]["is_healthy"] is True
    assert told["health"]["failure_count"] == 3
    assert told["quota"]["share"] == 1.0
    assert standing.aside(Caller(a_call()), "gpt-4o") is None
    health = [event.healthy for event in admin.stage.events if isinstance(event, HealthMoved)]
    assert health == [False, True]


async def test_an_upstream_is_probed_when_somebody_asks(admin: Admin) -> None:
    told = await admin.told("/probe/openai", "POST")
    assert (told["name"], told["ok"], told["kind"], told["message"]) == ("openai", True, None, None)
    assert told["upstream"]["health"]["success_count"] == 1
    assert admin.probed == ["openai"]
    assert any(isinstance(event, Probed) for event in admin.stage.events)


async def test_a_probe_says_what_is_wrong(admin: Admin) -> None:
    admin.ill = Failure(FailureKind.NETWORK, "its name does not resolve", target="openai")
    told = await admin.told("/probe/openai", "POST")
    assert (told["ok"], told["kind"]) == (False, "network")
    assert told["message"] == "its name does not resolve"
    assert told["upstream"]["health"]["consecutive_failures"] == 1


async def test_a_probe_goes_through_a_breaker_that_opened_by_itself_only(admin: Admin) -> None:
    for _ in range(2):
        admin.standing.breaker.permit().failed(FailureKind.UNAVAILABLE, 1.0)
    told = await admin.told("/probe/openai", "POST")
    assert (told["ok"], told["upstream"]["breaker"]["state"]) == (True, "closed")
    await admin.told("/breakers/openai/open", "POST")
    told = await admin.told("/probe/openai", "POST")
    assert (told["ok"], told["kind"]) == (False, "circuit_open")
    assert admin.probed == ["openai"]


ACTS = ("/breakers/{}/open", "/breakers/{}/close", "/breakers/{}/reset", "/probe/{}")


@pytest.mark.parametrize("path", ACTS)
async def test_acts_on_upstreams_are_as_guarded_as_any(admin: Admin, path: str) -> None:
    status, told = await admin.ask(path.format("nobody"), "POST")
    assert status == 404
    assert isinstance(told, dict)
    assert told["error"]["message"] == "no upstream is called 'nobody'; there are: openai"
    assert (await admin.ask(path.format("openai")))[0] == 405
    assert (await admin.ask(path.format("openai"), "POST", Origin="https://evil.example"))[0] == 403
    assert admin.standing.breaker.state == "closed"
    assert admin.probed == []


async def test_there_are_three_acts(admin: Admin) -> None:
    assert (await admin.ask("/breakers/openai/explode", "POST"))[0] == 404
    assert (await admin.ask("/breakers/openai", "POST"))[0] == 404


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
    [
        *("https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"),
        *("http://[", "//", "http://evil.\udcff"),
    ],
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
    for path, method in (
        ("/status", "GET"),
        ("/metrics", "GET"),
        ("/reload", "POST"),
        ("/breakers/openai/close", "POST"),
        ("/probe/openai", "POST"),
    ):
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
