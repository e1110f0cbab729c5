"""Two providers that last as long as the tests of one file, and behave until they are told."""

from collections.abc import Iterator

import pytest

from proxy.drill.faults.good import GOOD
from tests.outside.policies import Providers
from tests.provider import Provider


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    with Provider("first") as first, Provider("second") as second:
        yield Providers(first, second)


@pytest.fixture
def first(providers: Providers) -> Iterator[Provider]:
    """The one that the app calls: `openai`."""
    providers.first.plays(GOOD)
    yield providers.first
    assert not providers.first.errors


@pytest.fixture
def second(providers: Providers) -> Iterator[Provider]:
    """The one that stands in: `other`."""
    providers.second.plays(GOOD)
    yield providers.second
    assert not providers.second.errors
