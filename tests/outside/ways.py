"""The ways in, as tests are run for each."""

from typing import NamedTuple

import pytest

from tests.outside.policies import HOST
from tests.outside.process import Serving
from tests.outside.tunnel import TlsWire, trusted_ca
from tests.outside.wire import Wire

WAYS_IN = pytest.mark.parametrize(
    "prefix", ["/openai", f"http://{HOST}"], ids=["base_url", "http_proxy"]
)
"""What stands before the path that the app asks for."""


class Way(NamedTuple):
    """As `prefix` above; with a `tunnel`, in TLS that was made inside of one."""

    prefix: str
    tunnel: bool

    def wire(self, proxy: Serving) -> Wire:
        """A connection on which the app asks."""
        if not self.tunnel:
            return Wire(proxy.port)
        return TlsWire(proxy.port, f"{HOST}:443", trusted_ca(proxy, HOST))


FACES = pytest.mark.parametrize(
    "way",
    [Way("/openai", False), Way(f"http://{HOST}", False), Way("", True)],
    ids=["base_url", "http_proxy", "https_proxy"],
)
