"""A leaf for one host, ready to answer TLS connections with."""

import os
import secrets
import ssl
import tempfile
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxy.trust import certificate
from proxy.trust.error import NotTrustworthy
from proxy.trust.pair import Pair
from proxy.trust.permitted import Host

LEFT_OF_LIFE = 1 / 3
"""A leaf with less than this of its time left is made anew: a client whose clock is days ahead is
served too."""

_PROTOCOLS = ["http/1.1"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """What serves connections to one host. Times are seconds since the epoch."""

    context: ssl.SSLContext = field(repr=False)
    begins_at: float
    stale_at: float

    @classmethod
    def signed(cls, pair: Pair, host: Host, now: float) -> "Leaf":
        """A new key and a certificate of `pair` for `host`. Blocks for about 2 ms."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = certificate.leaf(pair.key, pair.certificate, key, host, now)
        ends_at = signed.not_valid_after_utc.timestamp()
        return cls(
            context=_context(key, signed.public_bytes(serialization.Encoding.PEM)),
            begins_at=signed.not_valid_before_utc.timestamp(),
            stale_at=ends_at - (ends_at - now) * LEFT_OF_LIFE,
        )

    def fresh(self, now: float) -> bool:
        return self.begins_at <= now < self.stale_at


def _context(key: ec.EllipticCurvePrivateKey, chain: bytes) -> ssl.SSLContext:
    """The CA's own certificate is not sent: a client that trusts it has it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_PROTOCOLS)
    _load(context, key, chain)
    return context


def _load(context: ssl.SSLContext, key: ec.EllipticCurvePrivateKey, chain: bytes) -> None:
    """The ssl module takes a key from a file and from nowhere else: so there is one for a moment,
    encrypted under a password that is in memory only."""
    password = secrets.token_bytes(32).hex().encode()
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
    try:
        descriptor, file = tempfile.mkstemp(prefix="understudy-", suffix=".pem")
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(sealed + chain)
            context.load_cert_chain(file, password=password)
        finally:
            os.unlink(file)
    except OSError as error:
        raise NotTrustworthy(
            f"{tempfile.gettempdir()}: a certificate cannot be put to use: {error}; the folder for "
            "temporary files (TMPDIR) has to be writable"
        ) from error
