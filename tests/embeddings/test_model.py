"""Which model serves, over reloads of the policy."""

import asyncio
import gc
import weakref

from proxy.core.clock import SystemClock
from proxy.embeddings.encoder import Model
from proxy.embeddings.model import LocalModel
from proxy.policy.schema import Backend
from tests.calls import Heard
from tests.embeddings.fake import FakeEncoder, fake_model


async def test_a_reload_changes_the_model_and_nothing_else() -> None:
    encoder = FakeEncoder()

    def read(name: str) -> Model:
        return fake_model(encoder, name)

    local = LocalModel(Backend(model="one"), SystemClock(), Heard(), read)
    assert repr(local) == "LocalModel('one')"
    assert local.report()["loaded"] is False
    await local.load()
    before = local.lanes
    local.configure(Backend(model="one", load="start"))
    assert local.lanes is before

    running = asyncio.create_task(before.encode(["a"]))
    while not encoder.batches:  # noqa: ASYNC110 - it happens in a thread
        await asyncio.sleep(0.001)
    local.configure(Backend(model="two"))
    assert local.report()["model"] == "two"
    assert local.report()["loaded"] is False
    encoder.gate.set()
    assert len((await running).vectors) == 1

    gone = weakref.ref(before)
    del before, running
    gc.collect()
    assert gone() is None, "the old model stays in memory"
    await local.close()


async def test_the_report() -> None:
    local = LocalModel(Backend(), SystemClock(), Heard(), lambda n: fake_model(FakeEncoder()))
    await local.load()
    assert local.report() == {
        "type": "fake",
        "device": "cpu",
        "model": "fake",
        "fell_back_from": None,
        "loaded": True,
        "error": None,
        "texts_waiting": 0,
    }
    await local.close()
