"""The certificates of the CA and of its leaves: what stands in them, and for how long they hold.

Accepted by OpenSSL (also as strict as Python's VERIFY_X509_STRICT), Go, Java and Node.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy.trust.permitted import Host, Permitted, general_name

EARLIER_S = 3600.0
"""Certificates hold from this long ago: clients' clocks are slow, more often than fast."""

AUTHORITY_LIFE_S = 365 * 86_400.0
"""From beginning to end, the hour before its making included. Who forgets the CA in a trust store
is rid of it in a year."""

LEAF_LIFE_S = 14 * 86_400.0
"""Short, since nothing is ever revoked; long enough for a proxy that runs for weeks."""

_SERVERS_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def name_of(key: EllipticCurvePublicKey) -> str:
    """What a CA of this key is called."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    return f"Understudy CA {identifier.digest.hex()[:8]}"


def authority(key: EllipticCurvePrivateKey, permitted: Permitted, now: float) -> x509.Certificate:
    """A CA certificate for `key`, which may sign leaves of servers under `permitted`, nothing else.

    Subject and key identifier follow from the key: who trusts one certificate of a key goes on
    trusting its leaves when there is another, for the hosts of the one trusted.
    """
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    words = name_of(key.public_key())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
    begins = now - EARLIER_S
    return (
        _begun(name, name, key, begins, begins + AUTHORITY_LIFE_S)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=False, certifies=True), critical=True)
        .add_extension(_SERVERS_ONLY, critical=False)
        .add_extension(permitted.said(), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def leaf(
    issuer_key: EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    key: EllipticCurvePrivateKey,
    host: Host,
    now: float,
) -> x509.Certificate:
    """A certificate of a server at `host`, named there and nowhere else (RFC 9525 2): the subject
    is empty, so the name is critical (RFC 5280 4.2.1.6). It ends before its issuer does."""
    ends = min(now + LEAF_LIFE_S, issuer.not_valid_after_utc.timestamp())
    names = x509.SubjectAlternativeName([general_name(host)])
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        _begun(x509.Name([]), issuer.subject, key, now - EARLIER_S, ends)
        .add_extension(names, critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True, certifies=False), critical=True)
        .add_extension(_SERVERS_ONLY, critical=False)
        .add_extension(known, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    begins: float,
    ends: float,
) -> x509.CertificateBuilder:
    """What both have. Times are seconds since the epoch; the last second counts (4.1.2.5)."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(int(begins), UTC))
        .not_valid_after(datetime.fromtimestamp(int(ends), UTC) - timedelta(seconds=1))
    )


def _usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
