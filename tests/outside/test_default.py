"""The set that ships, with no key and with nobody to reach: an app still gets its answers."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from socket import socket

import pytest

from proxy.embeddings.loading import load_model
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import QUESTION, Way, app, chat

DEFAULT = Path(__file__).parents[2] / "policies" / "default.yaml"
TEXTS = ["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose."]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Every provider is a port on loopback where nobody listens."""
    with socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{nobody.getsockname()[1]}"
        text = re.sub(r"(?m)^( +)url: https?://([^/\s]+)", rf"\1hosts: \2\n\1url: http://{closed}",
                      DEFAULT.read_text())  # fmt: skip
        assert text.count(closed) == 6
        with serving(policy(tmp_path_factory.mktemp("default"), text)) as running:
            yield running


@pytest.fixture(scope="module", autouse=True)
def _model_is_here() -> None:
    try:
        load_model("all-MiniLM-L6-v2")
    except Exception as error:
        pytest.skip(f"the local model is not installed: {error}")


def _alike(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_are_real_vectors_marked_local(proxy: Serving, encoding: str) -> None:
    with app(Way.BASE_URL, proxy.listen) as client:
        answer = client.embeddings.with_raw_response.create(
            model="text-embedding-3-small",
            input=TEXTS,
            **(
                {"encoding_format": "float"} if encoding == "float" else {}
            ),  # the SDK's own: base64
        )
    assert answer.headers["x-understudy-source"] == "local"
    assert answer.headers["x-understudy-fallback"] == "true"
    assert "384 dimensions" in answer.headers["x-understudy-degraded"]
    parsed = answer.parse()
    cat, kitten, rates = (row.embedding for row in parsed.data)
    assert [row.index for row in parsed.data] == [0, 1, 2]
    assert len(cat) == 384
    assert math.isclose(_alike(cat, cat), 1.0, abs_tol=1e-5)
    assert _alike(cat, kitten) > 0.6 > 0.2 > _alike(cat, rates)
    assert parsed.usage.total_tokens > 0


def test_chat_is_answered_by_the_mock_and_marked(proxy: Serving) -> None:
    with app(Way.BASE_URL, proxy.listen) as client:
        answer = client.chat.completions.with_raw_response.create(**QUESTION)
    assert answer.headers["x-understudy-source"] == "mock"
    assert answer.headers["x-understudy-degraded"]
    parsed = answer.parse()
    assert parsed.model_extra is not None
    assert parsed.model_extra["understudy"] == {"source": "mock"}
    assert "stand-in" in (parsed.choices[0].message.content or "")


def test_a_streamed_chat_too(proxy: Serving) -> None:
    with app(Way.BASE_URL, proxy.listen) as client:
        assert "stand-in" in chat(client, stream=True)


def test_what_has_no_stand_in_is_an_honest_error(proxy: Serving) -> None:
    with app(Way.BASE_URL, proxy.listen) as client:
        answer = client.models.with_raw_response
        with pytest.raises(Exception, match=r"its breaker is open|no connection") as caught:
            answer.list()
    assert "Connection error" not in str(caught.value), "it is the proxy that answers"


def test_the_status_says_so(proxy: Serving) -> None:
    told = proxy.status()
    assert told["sources"]["local"] > 0
    assert told["sources"]["mock"] > 0
    assert told["backend"]["model"] == "all-MiniLM-L6-v2"
    assert told["backend"]["type"] == "numpy"
