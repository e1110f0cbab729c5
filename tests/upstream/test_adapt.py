"""The app's call as a target wants it, and the rest of a broken answer where it takes a prefill."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from proxy.core.failure import Failure, FailureKind, Unfit
from proxy.core.reply import Reply
from proxy.dialects.recognise import dialect_named
from proxy.upstream.adapt import Adapt
from tests.calls import a_call
from tests.resilience.parts import Act, Told, a_reply, an_upstream, failed

MESSAGES = [{"role": "user", "content": "Hi"}]
ASKED = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}
BEGUN = {"role": "assistant", "content": "Hello"}


class Stage:
    def __init__(
        self,
        *acts: Act,
        prefill: bool = True,
        model: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.inner = Told(acts)
        upstream = an_upstream(prefill=prefill)
        self.adapt = Adapt(self.inner, upstream, dialect_named("openai"), model, changes or {})

    async def ask(self, said: str = "Hello", asked: Mapping[str, Any] = ASKED) -> Reply:
        return await self.adapt.handle(a_call(body=orjson.dumps(asked), said=said, stream=True))

    @property
    def asked(self) -> list[Any]:
        return [orjson.loads(call.body) for call in self.inner.calls]


async def test_a_plain_call_goes_through_byte_for_byte() -> None:
    stage = Stage(a_reply())
    reply = await stage.ask(said="")
    assert stage.inner.calls[0].body == orjson.dumps(ASKED)
    assert not reply.continues


async def test_a_request_without_a_body_has_nothing_to_change() -> None:
    stage = Stage(a_reply(), model="small", changes={"seed": 1})
    await stage.adapt.handle(a_call(method="GET", path="/v1/models", body=b"", model=None))
    (asked,) = stage.inner.calls
    assert (asked.path, asked.body, asked.model) == ("/v1/models", b"", None)


async def test_an_upgrade_is_for_the_upstream_that_the_app_was_calling() -> None:
    stage = Stage(a_reply())
    call = a_call(method="GET", body=b"", upgrade="websocket")
    with pytest.raises(Unfit):
        await stage.adapt.handle(call.but(upstream="another"))
    assert not stage.inner.calls
    await stage.adapt.handle(call)
    assert stage.inner.calls == [call]


async def test_what_was_said_is_handed_over() -> None:
    stage = Stage(a_reply(), model="small", changes={"seed": 1})
    reply = await stage.ask()
    asked = {**ASKED, "model": "small", "seed": 1, "messages": [*MESSAGES, BEGUN]}
    assert stage.asked == [asked]
    assert reply.continues


async def test_who_takes_no_prefill_gets_the_plain_question() -> None:
    stage = Stage(a_reply(), prefill=False)
    assert not (await stage.ask()).continues
    assert stage.asked == [ASKED]


async def test_what_has_no_such_form_is_asked_plainly() -> None:
    stage = Stage(a_reply())
    assert not (await stage.ask(asked={"messages": []})).continues
    assert stage.asked == [{"messages": []}]


@pytest.mark.parametrize("kind", [FailureKind.BAD_REQUEST, FailureKind.CONTEXT_LENGTH])
async def test_a_refused_prefill_is_forgotten(kind: FailureKind) -> None:
    stage = Stage(failed(kind), a_reply())
    assert not (await stage.ask()).continues
    assert stage.asked == [{**ASKED, "messages": [*MESSAGES, BEGUN]}, ASKED]
    last = failed(FailureKind.UNAVAILABLE)
    with pytest.raises(Failure) as caught:
        await Stage(failed(kind), last).ask()
    assert caught.value is last


async def test_other_failures_are_the_targets_own() -> None:
    down = failed(FailureKind.UNAVAILABLE)
    stage = Stage(down, a_reply())
    with pytest.raises(Failure) as caught:
        await stage.ask()
    assert caught.value is down
    assert len(stage.asked) == 1
