"""An unmodified application on the official SDK, while its provider misbehaves."""

import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from proxy.drill.faults.good import GOOD
from proxy.drill.faults.rate_limit import RateLimit
from proxy.drill.faults.server_error import ServerError
from proxy.drill.faults.table import AFTER_A_WORD, BEFORE_A_WORD, FAULTS
from tests.outside.policies import APP_KEY, OTHER_KEY, Providers, two
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import Way, app, chat
from tests.provider import Provider

RETRIED = {"reset", "hang_up", "rate_limit", "server_error", "unavailable", "error_page"}
RETRIED |= {"error_in_200", "error_event_first", "error_event_after_role", "overloaded"}
"""What is worth another attempt at the same target: rate_limit, unavailable, network."""

BOTH_WAYS = pytest.mark.parametrize("way", list(Way))
BOTH_FORMS = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(policy(tmp_path_factory.mktemp("sdk"), two(providers))) as running:
        yield running


@BOTH_WAYS
@BOTH_FORMS
@pytest.mark.parametrize("fault", BEFORE_A_WORD)
def test_the_whole_answer_comes_from_the_second_target(
    proxy: Serving, first: Provider, second: Provider, way: Way, stream: bool, fault: str
) -> None:
    first.plays(FAULTS[fault])
    with app(way, proxy.listen) as client:
        assert chat(client, stream=stream) == second.text
    plain_error = fault.startswith("error_event") and not stream
    attempts = 2 if fault in RETRIED or plain_error else 1
    assert (len(first.requests), len(second.requests)) == (attempts, 1)


@BOTH_WAYS
@pytest.mark.parametrize("fault", AFTER_A_WORD)
def test_a_plain_answer_that_breaks_comes_from_the_second_target(
    proxy: Serving, first: Provider, second: Provider, way: Way, fault: str
) -> None:
    first.plays(FAULTS[fault])
    with app(way, proxy.listen, max_retries=0) as client:
        assert chat(client, stream=False) == second.text


@BOTH_WAYS
@pytest.mark.parametrize("fault", AFTER_A_WORD)
def test_a_stream_that_breaks_after_a_word_is_an_exception(
    proxy: Serving, first: Provider, second: Provider, way: Way, fault: str
) -> None:
    first.plays(FAULTS[fault])
    with app(way, proxy.listen) as client, pytest.raises(openai.APIError):
        chat(client, stream=True)
    assert (len(first.requests), len(second.requests)) == (1, 0)


@BOTH_FORMS
def test_one_500_is_retried_at_the_same_target(
    proxy: Serving, first: Provider, second: Provider, stream: bool
) -> None:
    first.plays(ServerError(500), GOOD)
    with app(Way.BASE_URL, proxy.listen) as client:
        assert chat(client, stream=stream) == first.text
    assert (len(first.requests), len(second.requests)) == (2, 0)


def test_a_short_retry_after_is_waited_for(
    proxy: Serving, first: Provider, second: Provider
) -> None:
    first.plays(RateLimit(wait="1"), GOOD)
    started = time.monotonic()
    with app(Way.BASE_URL, proxy.listen) as client:
        assert chat(client, stream=False) == first.text
    assert 1.0 <= time.monotonic() - started < 3.0
    assert first.requests[1].came_at - first.requests[0].came_at >= 1.0


@BOTH_WAYS
@BOTH_FORMS
@pytest.mark.parametrize("max_retries", [None, 0], ids=["the SDK's retries", "no retries"])
def test_when_all_fail_the_sdk_does_not_multiply_the_attempts(
    proxy: Serving,
    first: Provider,
    second: Provider,
    way: Way,
    stream: bool,
    max_retries: int | None,
) -> None:
    first.plays(ServerError(503))
    second.plays(RateLimit(wait="30"))
    with (
        app(way, proxy.listen, max_retries=max_retries) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        chat(client, stream=stream)
    assert (len(first.requests), len(second.requests)) == (2, 1)
    assert caught.value.type == "fallback_exhausted"
    assert caught.value.code == "rate_limit"
    assert caught.value.response.headers["retry-after"] == "30"
    assert isinstance(caught.value.body, dict)
    tried = [(row["target"], row["kind"], row["status"]) for row in caught.value.body["attempts"]]
    assert tried == [
        ("openai", "unavailable", 503),
        ("openai", "unavailable", 503),
        ("other", "rate_limit", 429),
    ]


@BOTH_WAYS
def test_embeddings_come_from_the_second_target_too(
    proxy: Serving, first: Provider, second: Provider, way: Way
) -> None:
    first.plays(ServerError(503))
    with app(way, proxy.listen) as client:
        answer = client.embeddings.create(
            model="text-embedding-3-small", input="Hi", encoding_format="float"
        )
    assert answer.data[0].embedding == [0.5, -0.5]
    assert second.requests[0].target == "/api/v1/embeddings"


def test_each_provider_sees_its_own_key_and_name_for_the_model(
    proxy: Serving, first: Provider, second: Provider
) -> None:
    first.plays(ServerError(503))
    with app(Way.BASE_URL, proxy.listen) as client:
        chat(client, stream=False)
    (theirs,) = second.requests
    ours = first.requests[0]
    assert ours.values("Authorization") == [f"Bearer {APP_KEY}"]
    assert theirs.values("Authorization") == [f"Bearer {OTHER_KEY}"]
    assert (ours.json["model"], theirs.json["model"]) == ("gpt-4o", "vendor/gpt-4o")


def test_no_key_was_ever_logged_and_no_call_was_a_bug(proxy: Serving, tmp_path: Path) -> None:
    assert APP_KEY not in proxy.log
    assert OTHER_KEY not in proxy.log
    assert proxy.status()["overall"]["in_flight"] == 0
