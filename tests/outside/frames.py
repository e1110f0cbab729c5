"""WebSocket from the app's side, spoken by hand (RFC 6455 5.2), over whatever socket there is."""

import socket
import struct
from typing import Self

from tests.outside.wire import WAIT_S, request

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of that key: RFC 6455 1.3
_MASK = b"\1\2\3\4"


def asking(target: str, host: str = "127.0.0.1", **more: str) -> bytes:
    """The request for an upgrade."""
    fields = {
        "Host": host,
        "Connection": "keep-alive, Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        "Authorization": "Bearer sk-app",
    }
    return request("GET", target, list((fields | more).items()))


def frame(text: str) -> bytes:
    """A masked text frame."""
    said = text.encode()
    assert len(said) < 126
    masked = bytes(byte ^ _MASK[at % 4] for at, byte in enumerate(said))
    return bytes((0x81, 0x80 | len(said))) + _MASK + masked


class Talk:
    """One connection, from its upgrade on."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(WAIT_S)
        self.connection = connection
        self._file = connection.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.connection.close()

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def head(self) -> tuple[int, dict[str, str]]:
        status = int(self._file.readline().split()[1])
        fields = {}
        while (line := self._file.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return status, fields

    def text(self) -> str:
        """Of the next frame; empty where the connection has ended."""
        start = self._file.read(2)
        if not start:
            return ""
        assert start[0] == 0x81, start
        size = start[1]
        if size == 126:
            (size,) = struct.unpack("!H", self._file.read(2))
        return self._file.read(size).decode()

    def rest(self) -> bytes:
        """Everything until the connection's end."""
        return self._file.read()
