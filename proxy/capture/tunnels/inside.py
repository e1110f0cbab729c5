"""What a connection is for that came through a tunnel, or was redirected here."""

from typing import NamedTuple

from proxy.core.call import Face

_PORTS = {True: 443, False: 80}


class Inside(NamedTuple):
    """Every request on the connection is for this server: it says so, or is turned away.

    `host` is lower-case, an IPv6 address without brackets. `secure`: the app speaks TLS with us.
    """

    host: str
    port: int
    secure: bool
    face: Face

    @property
    def authority(self) -> str:
        """As `Host` has it: without the port where it is the scheme's own (RFC 9110 4.2.3)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.secure] else f"{host}:{self.port}"
