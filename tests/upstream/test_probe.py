"""What is asked of an upstream to see how it is, and which answers mean that it is well."""

from collections.abc import Mapping

import orjson
import pytest
from multidict import CIMultiDict

from proxy.core.call import Call
from proxy.core.failure import Failure, FailureKind
from proxy.core.handler import Handler
from proxy.core.reply import End, Reply, Source, Whole
from proxy.dialects.dialect import Dialect
from proxy.policy.schema import Health
from proxy.policy.secret import Secret
from proxy.policy.snapshot import Upstream
from proxy.upstream.origin import Origin
from proxy.upstream.probe import PROBE_S, READ_BYTES, Probe
from tests.clock import FalseClock
from tests.plays.stage import error
from tests.resilience.parts import Chunks, an_upstream

KEY = Secret("our-key")
LIST = Whole(b'{"object": "list", "data": []}')


class Stage:
    """A provider that answers one probe."""

    def __init__(self, act: Reply | Failure | None = None, status: int = 200) -> None:
        self.clock = FalseClock()
        self.act = act or _answer(status, LIST)
        self.calls: list[Call] = []

    def send(self, upstream: Upstream, origins: Mapping[str, Origin], dialect: Dialect) -> Handler:
        assert origins == {upstream.name: Origin.of(upstream.url)}
        assert dialect.name == upstream.dialect
        return self

    async def handle(self, call: Call) -> Reply:
        self.calls.append(call)
        if isinstance(self.act, Failure):
            raise self.act
        return self.act

    async def probe(self, **settings: object) -> Failure | None:
        probe = Probe(self.send, self.clock)
        return await self.clock.run(probe(an_upstream(**settings)))


def _answer(status: int, body: Whole | Chunks, **headers: str) -> Reply:
    fields = CIMultiDict({"Content-Type": "application/json", **headers})
    return Reply(status, fields, body, source=Source.UPSTREAM, target="openai")  # type: ignore[arg-type]


def _error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    body = Whole(orjson.dumps(error(message, "invalid_request_error", code)))
    return _answer(status, body, **headers)


async def test_the_list_of_models_is_asked_for_with_our_own_key() -> None:
    stage = Stage()
    assert await stage.probe(api_key=KEY, url="https://gateway.example/api/") is None
    (call,) = stage.calls
    assert (call.method, call.path, call.upstream) == ("GET", "/api/v1/models", "openai")
    assert call.headers.get("Authorization") == "Bearer our-key"
    assert call.body == b""
    assert stage.act.end is End.COMPLETE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"health": Health(probe=1.0, probe_path="/healthz?deep=1")}, "/healthz?deep=1"),
        ({"dialect": "raw"}, "/"),
        ({"dialect": "raw", "url": "https://host.example/api"}, "/api"),
    ],
)
async def test_or_what_the_policy_says(settings: dict[str, object], path: str) -> None:
    stage = Stage()
    assert await stage.probe(**settings) is None
    assert stage.calls[0].path == path
    assert "Authorization" not in stage.calls[0].headers


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 405])
async def test_without_a_key_of_ours_any_answer_of_its_own_means_that_it_is_well(
    status: int,
) -> None:
    assert await Stage(_error(status)).probe() is None


@pytest.mark.parametrize("status", [401, 403])
async def test_that_it_refuses_our_key_is_passed_on(status: int) -> None:
    failure = await Stage(_error(status, code="invalid_api_key")).probe(api_key=KEY)
    assert failure is not None
    assert (failure.kind, failure.status, failure.target) == (FailureKind.AUTH, status, "openai")


async def test_that_there_is_no_such_list_is_nothing_bad_whoever_asks() -> None:
    assert await Stage(_error(404)).probe(api_key=KEY) is None


async def test_that_it_is_asked_too_much_is_passed_on_with_its_wish() -> None:
    stage = Stage(_error(429, "slow down", "rate_limit_exceeded", **{"Retry-After": "7"}))
    failure = await stage.probe()
    assert failure is not None
    assert (failure.kind, failure.retry_after_s) == (FailureKind.RATE_LIMIT, 7.0)


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_its_errors_are_told(status: int) -> None:
    failure = await Stage(_error(status)).probe()
    assert failure is not None
    assert failure.kind is FailureKind.UNAVAILABLE


async def test_a_connection_that_fails_is_told() -> None:
    refused = Failure(FailureKind.NETWORK, "refused", target="openai", sent=False)
    assert await Stage(refused).probe() is refused


async def test_a_cut_answer_is_told_and_closed() -> None:
    stage = Stage()
    cut = Failure(FailureKind.BROKEN_STREAM, "cut")
    body = Chunks(stage.clock, b'{"object"', cut)
    stage.act = _answer(200, body)
    assert await stage.probe() is cut
    assert body.closed == 1
    assert cut.target == "openai"


async def test_silence_is_not_waited_for_for_long() -> None:
    stage = Stage()
    body = Chunks(stage.clock, b'{"object"', None)
    stage.act = _answer(200, body)
    failure = await stage.probe()
    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT_TOTAL
    assert stage.clock.now() == 1000.0 + PROBE_S
    assert body.closed == 1
    assert stage.clock.next_due is None


async def test_of_an_endless_answer_a_part_is_read() -> None:
    stage = Stage()
    body = Chunks(stage.clock, *[bytes(READ_BYTES // 4)] * 100)
    stage.act = _answer(200, body)
    assert await stage.probe() is None
    assert body.closed == 1


async def test_nobody_hears_of_a_probe_as_of_a_call() -> None:
    stage = Stage()
    await stage.probe()
    (call,) = stage.calls
    assert not call.journal.entries
    assert call.trace is None
