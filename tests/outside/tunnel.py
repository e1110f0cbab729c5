"""An app behind HTTPS_PROXY, spoken by hand: CONNECT, TLS, and then HTTP as ever."""

import socket
import ssl
from pathlib import Path

from tests.outside.process import Serving
from tests.outside.wire import WAIT_S, Fields, Response, Wire, request


def connect(wire: Wire, authority: str, *, more: bytes = b"", fields: Fields = ()) -> Response:
    """Ask for a tunnel; `more` is sent in the same segment."""
    wire.send(request("CONNECT", authority, [("Host", authority), *fields]) + more)
    version, status, reason, fields = wire.head()
    return Response(version, status, reason, fields, b"", True)


def trusted_ca(proxy: Serving, host: str, port: int = 443) -> Path:
    """The certificate of the proxy's own CA, which it makes when it first answers as `host`."""
    file = proxy.state / "ca" / "ca.pem"
    if not file.exists():
        with Wire(proxy.port) as wire:
            connect(wire, f"{host}:{port}")
    return file


class TlsWire(Wire):
    """HTTP/1.1 inside TLS inside a tunnel to `authority`, which is established when this is made.

    `piece` is how many bytes of the ClientHello go into one segment; 0 sends it with CONNECT.
    Raises ssl.SSLError where the certificate is not that of `name`, by the CA of `trusted`.
    """

    def __init__(
        self,
        port: int,
        authority: str,
        trusted: Path | None,
        *,
        name: str | None = None,
        piece: int | None = None,
        alpn: tuple[str, ...] = ("http/1.1",),
        fields: Fields = (),
    ) -> None:
        super().__init__(port)
        context = ssl.create_default_context(cafile=trusted)
        context.set_alpn_protocols(list(alpn))
        host = authority.rpartition(":")[0].strip("[]")
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=name or host)
        try:
            self._begin(authority, piece, fields)
        except BaseException:
            self.close()
            raise

    def _begin(self, authority: str, piece: int | None, fields: Fields) -> None:
        hello = self._hello()
        more = hello if piece == 0 else b""
        self.connected = connect(self, authority, more=more, fields=fields)
        if piece != 0:
            step = piece or len(hello)
            for at in range(0, len(hello), step):
                self._socket.sendall(hello[at : at + step])
        if self._buffer:  # of TLS already
            self._in.write(self._take(len(self._buffer)))
        self._shake()

    def _hello(self) -> bytes:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self._out.read()
        raise AssertionError("nobody has answered yet")

    def _shake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLError:
                self._flush()  # the alert
                raise
            else:
                self._flush()
                return

    def _flush(self) -> None:
        if data := self._out.read():
            self._socket.sendall(data)

    def _fill(self) -> None:
        data = self._socket.recv(2**18)
        if not data:
            raise ConnectionError("it was closed within the handshake")
        self._in.write(data)

    def send(self, data: bytes) -> None:
        if not hasattr(self, "connected"):
            return super().send(data)
        self.tls.write(data)
        return self._flush()

    def _more(self) -> bool:
        if not hasattr(self, "connected"):
            return super()._more()
        while True:
            try:
                data = self.tls.read(2**18)
            except ssl.SSLWantReadError:
                try:
                    came = self._socket.recv(2**18)
                except ConnectionResetError:
                    self._reset = True
                    return False
                if came:
                    self._in.write(came)
                else:
                    self._in.write_eof()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return False
            else:
                self._buffer += data
                return bool(data)


def half_close(wire: Wire) -> None:
    """Nothing more comes from the app; it still listens."""
    wire._socket.shutdown(socket.SHUT_WR)


__all__ = ["WAIT_S", "TlsWire", "connect", "half_close"]
