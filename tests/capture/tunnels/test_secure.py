"""TLS on a connection that was something else before, where none comes of it."""

import asyncio
import time
from pathlib import Path

import pytest

from proxy.capture.tunnels.secure import Antechamber, secure
from tests.capture.ends import Tls, open_end
from tests.capture.tunnels.test_tunnel import Run, run

HELLO = b"\x16\x03\x01"

__all__ = ["run"]


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told yet"])
def test_who_has_gone_is_not_waited_for(run: Run, tmp_path: Path, told: bool) -> None:
    tls = Tls.made_in(tmp_path)

    async def work() -> None:
        async with open_end() as app:
            app.ours.set_protocol(Antechamber())
            app.ours.abort()
            if told:
                await asyncio.sleep(0.01)
            began = time.monotonic()
            with pytest.raises(ConnectionError):
                await secure(app.ours, HELLO, tls.ours)
            assert time.monotonic() - began < 1

    run(work())
