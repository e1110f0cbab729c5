"""Many calls at once, with every fault among them: each ends right, and nothing is left over."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import orjson
import pytest

from proxy.drill.faults.good import GOOD
from proxy.drill.faults.table import AFTER_A_WORD, BEFORE_A_WORD, FAULTS
from tests.outside.policies import HOST, Providers, two
from tests.outside.process import Serving, policy, serving
from tests.outside.sdk import QUESTION
from tests.outside.wire import Wire
from tests.provider import Provider

CALLS = 240
AT_ONCE = 24


@pytest.fixture(scope="module")
def proxy(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    text = two(providers, last_resort="mock").replace("500ms", "2s")
    with serving(policy(tmp_path_factory.mktemp("many"), text)) as running:
        yield running


def _ends_right(proxy: Serving, seed: int) -> bool:
    """A whole answer of somebody; or else a stream that says that it broke."""
    random = Random(seed)
    stream = random.random() < 0.5
    prefix = random.choice(["/openai", f"http://{HOST}"])
    body = orjson.dumps({**QUESTION, "stream": stream})
    with Wire(proxy.port) as wire:
        for _ in range(random.randrange(1, 3)):
            response = wire.ask("POST", f"{prefix}/v1/chat/completions", [], body)
            if response.status != 200:
                return False
            if not response.whole:
                return stream and b'data: {"error"' in response.body
            if stream and not response.body.endswith(b"data: [DONE]\n\n"):
                return b'data: {"error"' in response.body
            if not stream and not orjson.loads(response.body)["choices"][0]["message"]["content"]:
                return False
    return True


def test_each_of_many_calls_ends_right(proxy: Serving, first: Provider, second: Provider) -> None:
    random = Random(7)
    quick = [fault for name, fault in FAULTS.items() if "stall" not in name and name != "silence"]
    first.plays(*random.choices([GOOD, *quick], k=CALLS * 2), GOOD)
    second.plays(*random.choices([GOOD, GOOD, *quick], k=CALLS * 2), GOOD)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(lambda seed: _ends_right(proxy, seed), range(CALLS)))
    assert all(ended)
    assert len(BEFORE_A_WORD) + len(AFTER_A_WORD) == len(FAULTS)
    assert proxy.status()["overall"]["in_flight"] == 0
