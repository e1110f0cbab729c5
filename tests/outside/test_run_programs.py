"""Unmodified programs under `understudy run`, by each way in."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxy.drill.faults.good import GOOD
from proxy.drill.speech.anthropic import Anthropic
from tests.outside.clients.family import ANTHROPIC, OPENAI
from tests.outside.clients.hearing import Answer, Hearing, Held
from tests.outside.clients.table import CHAT, CLIENTS, STREAM, VECTOR, Client
from tests.outside.clients.workshop import Workshop, what_lacks
from tests.outside.policies import APP_KEY
from tests.outside.running import Place, held, policies
from tests.provider import Provider

WAYS = {"base URL": (), "interception": ("--no-base-url",)}
KEYS = {"OPENAI_API_KEY": APP_KEY, "ANTHROPIC_API_KEY": APP_KEY}
LEFT_OUT = (
    *("WithHttpClient.java", "with_wget.sh"),  # no variable says to them whom to trust
    *("with_langchain.py", "with_httpx2.py"),  # slow, and come in like openai and httpx
)
PROGRAMS = [
    client
    for client in CLIENTS
    if client.family in (OPENAI, ANTHROPIC) and client.program not in LEFT_OUT
]


@pytest.fixture(scope="module")
def both() -> Iterator[dict[str, Provider]]:
    with Provider("openai") as openai, Provider("anthropic", Anthropic()) as anthropic:
        yield {"openai": openai, "anthropic": anthropic}


@pytest.fixture(scope="module")
def environs(
    both: dict[str, Provider], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, str]]]:
    """What programs get, by way in."""
    with ExitStack() as runs:
        found = {}
        for way, flags in WAYS.items():
            folder = tmp_path_factory.mktemp("run")
            place = Place.of(policies(folder, both["openai"], both["anthropic"]), folder)
            found[way] = runs.enter_context(held(place, folder, *flags)) | KEYS
        yield found


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("client", PROGRAMS, ids=[client.program for client in PROGRAMS])
def test_a_program_comes_through(
    client: Client,
    way: str,
    both: dict[str, Provider],
    environs: dict[str, dict[str, str]],
    workshop: Workshop,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if lacks := what_lacks(client.program, client.package):
        pytest.skip(lacks)
    provider = both[client.family.name]
    streams = [Held() for asked in client.asks if asked is STREAM]
    waiting = iter(streams)
    script = [next(waiting) if asked is STREAM else GOOD for asked in client.asks]
    provider.plays(*script, GOOD)
    hearing = Hearing(streams)
    command = workshop.command(client.program) + list(client.arguments)
    done = hearing.run(command, environs[way], tmp_path_factory.mktemp("program"))
    assert done.status == 0, (done.err, hearing.answers)
    assert done.err == ""
    right = {CHAT: provider.text, STREAM: provider.text, VECTOR: "0.5 -0.5"}
    assert hearing.answers == [
        Answer(None if asked in client.silent else client.family.name, right[asked])
        for asked in (*client.asks, CHAT)
    ]
    for asked in provider.requests:
        keys = [value for _, value in asked.fields if value.endswith(APP_KEY)]
        assert len(keys) == 1, "the app's own key, and no other"
    assert not provider.errors
