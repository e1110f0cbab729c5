"""Whole calls through a route that keeps answers."""

from proxy.core.event import CacheLooked, CacheOutcome, FellBack
from proxy.core.reply import End
from tests.plays.stage import (
    DONE,
    DOWN,
    HELLO,
    ROLE,
    WHOLE_STREAM,
    Answer,
    Play,
    Refuse,
    Stream,
    error,
    said,
    sse,
)

POLICY = """
version: 1
upstreams:
  openai:
    dialect: openai
    url: https://api.openai.com
    retry: {attempts: 2, backoff: {initial: 0}}
    breaker: {consecutive: 3, open: 1d}
  other: {dialect: openai, url: https://other.example, api_key: k, retry: {attempts: 1}}
routes:
  - name: chat
    match: {upstream: openai}
    targets: [openai, other]
    cache: {ttl: 10m, stale_if_error: 1h}
    last_resort: mock
"""
GOOD = Answer(200, said("Hi"), {"x-request-id": "req_1", "openai-version": "2020-10-01"})


async def test_the_second_time_nobody_is_asked() -> None:
    play = Play(POLICY, openai=[GOOD])
    first = await play.chat()
    assert first.headers["Cache-Status"] == "understudy; fwd=uri-miss"
    play.clock.pass_time(60.0)
    second = await play.chat()
    assert (second.asked, second.body) == ([], first.body)
    assert second.headers["x-understudy-source"] == "cache"
    assert second.headers["x-understudy-target"] == "openai"
    assert second.headers["x-understudy-attempts"] == "0"
    assert "x-understudy-fallback" not in second.headers
    assert second.headers["Age"] == "60"
    assert second.headers["Cache-Status"] == "understudy; hit; ttl=540"
    assert second.headers["openai-version"] == "2020-10-01"
    assert "x-request-id" not in second.headers, "that was another request"


async def test_a_stream_is_played_back_byte_for_byte() -> None:
    play = Play(POLICY, openai=[Stream([*WHOLE_STREAM[:2], 2.0, *WHOLE_STREAM[2:]])])
    first = await play.chat(stream=True)
    second = await play.chat(stream=True)
    assert second.asked == []
    assert second.body == first.body == b"".join(WHOLE_STREAM)
    assert second.headers["Content-Type"] == "text/event-stream"
    assert second.took_s == 0.0


async def test_another_question_another_key_and_another_form_are_asked_anew() -> None:
    play = Play(POLICY, openai=[GOOD, GOOD, GOOD, Stream()])
    await play.chat()
    assert (await play.chat(extra={"temperature": 0.5})).asked == ["openai"]
    assert (await play.chat(headers={"Authorization": "Bearer b"})).asked == ["openai"]
    assert (await play.chat(stream=True)).asked == ["openai"]
    assert (await play.chat()).asked == []


async def test_a_stale_answer_rather_than_none() -> None:
    play = Play(POLICY, openai=[GOOD, DOWN, DOWN], other=[DOWN])
    first = await play.chat()
    play.clock.pass_time(660.0)
    seen = await play.chat()
    assert (seen.status, seen.body) == (200, first.body)
    assert seen.asked == ["openai", "openai", "other"], "a fresh one was tried for"
    assert seen.headers["x-understudy-source"] == "stale"
    assert seen.headers["x-understudy-fallback"] == "true"
    assert seen.headers["x-understudy-degraded"] == "stale answer, 660 s old"
    assert seen.headers["Cache-Status"] == "understudy; hit; ttl=-60"


async def test_a_stale_answer_while_the_breaker_is_open_costs_no_call() -> None:
    play = Play(POLICY, openai=[GOOD, DOWN, DOWN, DOWN], other=[Refuse()] * 3)
    await play.chat()
    play.clock.pass_time(660.0)
    await play.chat()
    await play.chat()
    seen = await play.chat()
    assert seen.asked == ["other"]
    assert seen.headers["x-understudy-source"] == "stale"


async def test_a_fallback_is_better_than_a_stale_answer() -> None:
    play = Play(POLICY, openai=[GOOD, DOWN, DOWN], other=[Answer(200, said("fresh"))])
    await play.chat()
    play.clock.pass_time(660.0)
    assert (await play.chat()).json == said("fresh")


async def test_a_stale_answer_hides_no_refusal() -> None:
    no = Answer(401, error("no", code="invalid_api_key"))
    play = Play(POLICY, openai=[GOOD, no], other=[DOWN])
    await play.chat()
    play.clock.pass_time(660.0)
    seen = await play.chat()
    assert seen.headers["x-understudy-source"] != "stale"


async def test_in_the_end_even_a_stale_answer_is_gone() -> None:
    play = Play(POLICY, openai=[GOOD, DOWN, DOWN], other=[DOWN])
    await play.chat()
    play.clock.pass_time(600.0 + 3600.0)
    assert (await play.chat()).headers["x-understudy-source"] == "mock"


async def test_what_a_fallback_or_a_stand_in_said_is_never_kept() -> None:
    play = Play(POLICY, openai=[DOWN] * 4, other=[Answer(200, said("other")), DOWN])
    assert (await play.chat()).told(FellBack)
    assert play.store.stats().entries == 0
    assert (await play.chat()).headers["x-understudy-source"] == "mock"
    assert play.store.stats().entries == 0


async def test_what_came_at_the_second_attempt_is_kept() -> None:
    play = Play(POLICY, openai=[DOWN, GOOD])
    await play.chat()
    assert (await play.chat()).asked == []


async def test_errors_and_halves_are_never_kept() -> None:
    truncated = said("Hi")
    truncated["choices"][0]["finish_reason"] = "length"
    mistake = Answer(400, error("no", "invalid_request_error"))
    play = Play(POLICY, openai=[mistake, Answer(200, truncated)])
    assert (await play.chat()).status == 400
    assert (await play.chat()).status == 200
    cuts = (
        Stream(sse(ROLE, HELLO), end="cut"),
        Stream(sse(ROLE, HELLO), end="stall"),
        Stream(sse(ROLE, HELLO, error("overloaded"), DONE)),
    )
    play.scripts["openai"] += cuts
    play.reload(POLICY.replace("consecutive: 3", "consecutive: 30"))
    for _ in cuts:
        assert (await play.chat(stream=True)).end is End.BROKEN
    assert play.store.stats().entries == 0


async def test_the_app_may_ask_for_a_fresh_one() -> None:
    play = Play(POLICY, openai=[GOOD, GOOD])
    await play.chat()
    seen = await play.chat(headers={"Cache-Control": "no-cache"})
    assert seen.asked == ["openai"]
    assert seen.headers["Cache-Status"] == "understudy; fwd=request"
    looks = [event.outcome for event in seen.told(CacheLooked)]
    assert looks == [CacheOutcome.BYPASSED, CacheOutcome.STORED]


async def test_another_model_under_the_same_name_is_another_question() -> None:
    play = Play(POLICY, openai=[GOOD, Answer(200, said("Hi from the new one"))])
    await play.chat()
    play.reload(
        POLICY.replace(
            "url: https://api.openai.com",
            "url: https://api.openai.com\n    models: {gpt-4o: gpt-5}",
        )
    )
    seen = await play.chat()
    assert seen.asked == ["openai"]
    assert seen.json == said("Hi from the new one")
