"""HTTP/1.1 from the app's side, spoken by hand: nothing is made nicer on either way."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Fields = Sequence[tuple[str, str]]

WAIT_S = 10.0
NEVER_BODY = frozenset((204, 304))


@dataclass(frozen=True)
class Response:
    """What came back. `whole` is False where the connection ended before the body's own end."""

    version: str
    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool

    def values(self, name: str) -> list[str]:
        return [value for field_name, value in self.fields if field_name.lower() == name.lower()]

    def value(self, name: str) -> str:
        """Of the one field of that name."""
        (value,) = self.values(name)
        return value


def request(
    method: str,
    target: str,
    fields: Fields = (),
    body: bytes | None = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """A request with exactly these fields; Host and Content-Length are added where missing."""
    fields = list(fields)
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "127.0.0.1"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


class Wire:
    """One connection to a proxy."""

    def __init__(self, port: int, timeout_s: float = WAIT_S) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._reset = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def ask(
        self, method: str, target: str, fields: Fields = (), body: bytes | None = None
    ) -> Response:
        self.send(request(method, target, fields, body))
        return self.response(method)

    def response(self, method: str = "GET") -> Response:
        """The next final response; 1xx ones are passed over."""
        while True:
            version, status, reason, fields = self.head()
            if status >= 200:
                break
        body, whole = self._body(method, status, fields)
        return Response(version, status, reason, fields, body, whole)

    def head(self) -> tuple[str, int, str, tuple[tuple[str, str], ...]]:
        """Status line and fields of the next response. ConnectionError where there is none."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not self._more():
                raise ConnectionError(f"no response, only {self._buffer!r}")
        first, *lines = self._take(end + 4)[:-4].decode("latin-1").split("\r\n")
        version, status, reason = first.split(" ", 2)
        parted = [line.partition(":") for line in lines]
        fields = tuple((name, value.strip(" \t")) for name, _, value in parted)
        return version, int(status), reason, fields

    def until(self, wanted: bytes) -> bytes:
        """Everything up to `wanted`, chunk sizes included."""
        while (at := self._buffer.find(wanted)) < 0:
            assert self._more(), f"ended before {wanted!r}: {self._buffer!r}"
        return self._take(at + len(wanted))

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        while self._more():
            pass
        return self._take(len(self._buffer))

    def closed_within(self, timeout_s: float) -> bool:
        """Whether the other side closes, and sends nothing before it does."""
        until = time.monotonic() + timeout_s
        self._socket.settimeout(timeout_s)
        try:
            return not self._more() and time.monotonic() <= until and not self._buffer
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(WAIT_S)

    def _body(
        self, method: str, status: int, fields: tuple[tuple[str, str], ...]
    ) -> tuple[bytes, bool]:
        if method == "HEAD" or status in NEVER_BODY:
            return b"", True
        by_name = {name.lower(): value for name, value in fields}
        if by_name.get("transfer-encoding") == "chunked":
            return self._chunks()
        if "content-length" in by_name:
            size = int(by_name["content-length"])
            while len(self._buffer) < size and self._more():
                pass
            body = self._take(min(size, len(self._buffer)))
            return body, len(body) == size
        body = self.rest()
        return body, not self._reset

    def _chunks(self) -> tuple[bytes, bool]:
        chunks: list[bytes] = []
        while True:
            line = self._exactly_until(b"\r\n")
            if line is None:
                return b"".join(chunks), False
            size = int(line, 16)
            while len(self._buffer) < size + 2:
                if not self._more():
                    return b"".join([*chunks, self._take(len(self._buffer))]), False
            chunks.append(self._take(size))
            assert self._take(2) == b"\r\n"
            if size == 0:
                return b"".join(chunks), True

    def _exactly_until(self, end: bytes) -> bytes | None:
        while (at := self._buffer.find(end)) < 0:
            if not self._more():
                return None
        return self._take(at + len(end))

    def _take(self, count: int) -> bytes:
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _more(self) -> bool:
        try:
            data = self._socket.recv(2**18)
        except ConnectionResetError:
            self._reset = True
            return False
        self._buffer += data
        return bool(data)


def ask(
    port: int, method: str, target: str, fields: Fields = (), body: bytes | None = None
) -> Response:
    """One request on a connection of its own."""
    with Wire(port) as wire:
        return wire.ask(method, target, fields, body)
