"""Told from the first bytes of a connection: what is spoken on it, and to whom.

first byte 0x16 ... a TLS ClientHello, read by OpenSSL: its server name (RFC 6066 3)
`GET / HTTP/1.1` .. HTTP: its Host, when the whole head is there
anything else ..... neither
"""

import re
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from proxy.capture.authority import read_authority
from proxy.core.headers import FIELD_COUNT

HELLO_BYTES = 64 * 2**10
"""Of what is read to find a name. Post-quantum key shares make hellos of 2 KiB, cookies heads of
some more; who sends this much without saying whom it is for is not waited for."""

_HANDSHAKE = 0x16  # RFC 8446 5.1
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?: |\Z)")
_FIRST_LINE = re.compile(rb"[^ ]+ [^ ]+ HTTP/1\.[0-9]\r?\n")
_HEAD_END = re.compile(rb"\n\r?\n")


class Tls(NamedTuple):
    """A TLS client is there. `name` is the server that it asks for, in lower case and without a
    final dot; None where it says none, or one that is no host's name."""

    name: str | None


class Plain(NamedTuple):
    """An HTTP/1 client is there. `host` is its Host without the port, in lower case, an IPv6
    address without brackets; None where that is missing, sent twice or no host's name."""

    host: str | None


class Other(NamedTuple):
    """Something else, or too much of it."""


Verdict = Tls | Plain | Other


class Hello:
    """Reads one connection's first bytes, which may come in any pieces. `data` keeps them."""

    __slots__ = ("_data", "_ear", "_verdict")

    def __init__(self) -> None:
        self._data = bytearray()
        self._ear: _Ear | None = None
        self._verdict: Verdict | None = None

    @property
    def data(self) -> bytes:
        """Everything that was fed."""
        return bytes(self._data)

    def feed(self, data: bytes) -> Verdict | None:
        """What is known with `data`; None when more is needed. A verdict stays as it is."""
        seen = len(self._data)
        self._data += data
        if self._verdict is None and self._data:
            self._verdict = self._look(data, seen)
            if self._verdict is None and len(self._data) > HELLO_BYTES:
                self._verdict = Other()
        return self._verdict

    def _look(self, data: bytes, seen: int) -> Verdict | None:
        if self._data[0] != _HANDSHAKE:
            return _read_http(self._data, seen)
        if self._ear is None:
            self._ear = _Ear.open()
        return self._ear.listen(data)


class _Ear(ssl.SSLObject):
    """A server's side of one handshake that ends when the client has said whom it wants."""

    heard = False
    name: str | None = None
    incoming: ssl.MemoryBIO

    @classmethod
    def open(cls) -> "_Ear":
        incoming = ssl.MemoryBIO()
        ear = _context().wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
        assert isinstance(ear, cls)  # as its context says
        ear.incoming = incoming
        return ear

    def listen(self, data: bytes) -> Verdict | None:
        self.incoming.write(data)
        try:
            with _names_that_are_none():
                self.do_handshake()
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError as error:
            if self.heard:
                return Tls(_server_name(self.name or ""))
            # A name that is not ASCII never comes to the callback, which fails all the same.
            return Tls(None) if error.reason == "CALLBACK_FAILED" else Other()
        raise AssertionError("a handshake without a certificate cannot end")


def _heard(ear: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int:
    """OpenSSL asks this when it has read a hello. The refusal is sent to nobody."""
    assert isinstance(ear, _Ear)
    ear.heard, ear.name = True, name
    return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


@cache
def _context() -> ssl.SSLContext:
    """One for all (making it takes ten times as long as reading a hello), and the same for ever:
    no handshake gets as far as leaving something in it. It reads the oldest hellos too; who
    answers them is strict."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.sslobject_class = _Ear
    context.sni_callback = _heard
    return context


@contextmanager
def _names_that_are_none() -> Iterator[None]:
    """CPython writes a name that is not ASCII to stderr, as an error that it ignores: a stranger's
    bytes in our log. Everything else that it ignores meanwhile goes where it always does."""
    before = sys.unraisablehook

    def quiet(ignored: "sys.UnraisableHookArgs") -> None:
        if not (
            isinstance(ignored.exc_value, UnicodeDecodeError) and type(ignored.object) is bytes
        ):
            before(ignored)

    sys.unraisablehook = quiet
    try:
        yield
    finally:
        sys.unraisablehook = before


def _read_http(data: bytearray, seen: int) -> Plain | Other | None:
    if _METHOD.match(data) is None:
        return Other()
    line_end = data.find(b"\n")
    if line_end >= 0 and _FIRST_LINE.match(data) is None:
        return Other()
    end = _HEAD_END.search(data, max(0, seen - 2))
    if end is None:
        return None
    return Plain(_host_of(data[line_end + 1 : end.start()].decode("latin-1").split("\n")))


def _host_of(lines: list[str]) -> str | None:
    """That of the one `Host` among header lines. A name before the colon may not be followed by a
    space, nor a line be folded (RFC 9112 5.1, 5.2): whoever sends such names no host."""
    hosts = [line for line in lines if line.partition(":")[0].strip().lower() == "host"]
    folded = any(line[:1] in (" ", "\t") for line in lines)
    if len(hosts) != 1 or folded or len(lines) > FIELD_COUNT:
        return None
    name, _, value = hosts[0].partition(":")
    authority = read_authority(value.strip(" \t\r"))
    return authority.host if authority is not None and name == name.strip() else None


def _server_name(said: str) -> str | None:
    """`said` as policies spell hosts; None where it is none. Labels outside ASCII are A-labels."""
    authority = None if ":" in said else read_authority(said)
    return authority.host if authority is not None else None
