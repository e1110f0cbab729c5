"""The CA's key and its certificate, as they lie in a folder and as they are believed."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxy.trust import certificate
from proxy.trust.error import NotTrustworthy
from proxy.trust.files import read_own, write_whole
from proxy.trust.permitted import Permitted

KEY_FILE = "ca.key"
CERTIFICATE_FILE = "ca.pem"

_ANEW = "put back the one that was there, or remove {}: the next one has to be trusted anew"


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and a certificate of it, of the form that `certificate.authority` makes."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    permitted: Permitted

    @classmethod
    def issued(cls, key: ec.EllipticCurvePrivateKey, permitted: Permitted, now: float) -> "Pair":
        return cls(key, certificate.authority(key, permitted, now), permitted)

    def __repr__(self) -> str:  # nothing of the key gets into a log by accident
        return f"Pair({', '.join(self.permitted.words())})"

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def public_key_der(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def begins_at(self) -> float:
        """Seconds since the epoch, as `ends_at` is."""
        return self.certificate.not_valid_before_utc.timestamp()

    @property
    def ends_at(self) -> float:
        return self.certificate.not_valid_after_utc.timestamp()

    def holds(self, now: float) -> bool:
        return self.begins_at <= now < self.ends_at


def read(folder: Path) -> tuple[ec.EllipticCurvePrivateKey | None, Pair | None]:
    """The key, and the key with its certificate; None for what is not there.

    Raises NotTrustworthy where others have access to the key, a file is none that we made, the
    certificate is of another key, or lets its key do more than ours let theirs.
    """
    shown = read_own(folder / CERTIFICATE_FILE, private=False)  # first: it is written last
    key = _key(folder / KEY_FILE)
    return key, None if shown is None else _pair(folder, key, shown)


def _key(file: Path) -> ec.EllipticCurvePrivateKey | None:
    content = read_own(file, private=True)
    if content is None:
        return None
    try:
        key = serialization.load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _foreign(file, "it holds no private key in PEM without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _foreign(file, "its key is not of the P-256 curve")
    return key


def _pair(folder: Path, key: ec.EllipticCurvePrivateKey | None, shown: bytes) -> Pair:
    file = folder / CERTIFICATE_FILE
    if key is None:
        raise _foreign(file, f"its key, {folder / KEY_FILE}, is gone")
    try:
        found = x509.load_pem_x509_certificate(shown)
        permitted = _permitted(found)
    except ValueError as error:
        raise _foreign(file, "it holds no certificate in PEM") from error
    if found.public_key() != key.public_key():
        raise _foreign(file, f"it is not of the key in {folder / KEY_FILE}")
    if permitted is None:
        raise _foreign(file, "it is no CA of ours: its name constraints are others, or none")
    return Pair(key, found, permitted)


def _permitted(found: x509.Certificate) -> Permitted | None:
    """What it is constrained to; None where we would have said that in other words."""
    try:
        told = found.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return None
    permitted = Permitted.read(told.value)
    return permitted if told.critical and permitted.said() == told.value else None


def write_key(folder: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """The one place that the key goes to."""
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_whole(folder / KEY_FILE, content, 0o600)


def write_certificate(folder: Path, pair: Pair) -> None:
    write_whole(folder / CERTIFICATE_FILE, pair.pem, 0o644)


def _foreign(file: Path, why: str) -> NotTrustworthy:
    return NotTrustworthy(f"{file}: {why}; " + _ANEW.format(file.with_name("ca.*")))
