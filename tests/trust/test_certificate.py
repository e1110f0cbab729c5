"""What OpenSSL thinks of our certificates, and what a thief of the key can do with it."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from proxy.trust import certificate
from proxy.trust.pair import Pair
from proxy.trust.permitted import Permitted, host_of
from tests.trust.parties import DAY_S, HOSTS, NOW, pem, said

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl here")


def _pair(*hosts: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    return Pair.issued(key, Permitted.of(hosts or HOSTS), NOW)


def _leaf(pair: Pair, host: str, now: float = NOW) -> x509.Certificate:
    """As whoever has the key can make it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return certificate.leaf(pair.key, pair.certificate, key, host_of(host), now)


def _verified(tmp_path: Path, pair: Pair, leaf: x509.Certificate, now: float = NOW) -> str:
    trusted, shown = tmp_path / "ca.pem", tmp_path / "leaf.pem"
    trusted.write_bytes(pair.pem)
    shown.write_bytes(pem(leaf))
    how = ("-x509_strict", "-purpose", "sslserver", "-attime", f"{now:.0f}", "-no-CApath")
    return said("openssl", "verify", *how, "-no-CAfile", "-CAfile", trusted, shown)


def test_the_authority_can_do_no_more_than_it_has_to() -> None:
    made = _pair().certificate
    extensions = {extension.oid: extension for extension in made.extensions}
    assert extensions[ExtensionOID.BASIC_CONSTRAINTS].critical
    assert extensions[ExtensionOID.BASIC_CONSTRAINTS].value == x509.BasicConstraints(True, 0)
    assert extensions[ExtensionOID.NAME_CONSTRAINTS].critical
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert not usage.value.crl_sign
    extended = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]
    key = made.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert made.not_valid_after_utc - made.not_valid_before_utc < timedelta(days=365)
    assert made.subject.rfc4514_string().startswith("CN=Understudy CA ")
    assert made.subject == made.issuer


def test_a_leaf_is_of_one_server_for_a_fortnight() -> None:
    made = _leaf(_pair(), "api.example.com")
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert list(names.value) == [x509.DNSName("api.example.com")]
    assert not list(made.subject)
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made.not_valid_after_utc.timestamp() == NOW + certificate.LEAF_LIFE_S - 1
    assert made.not_valid_before_utc.timestamp() == NOW - certificate.EARLIER_S


def test_a_leaf_ends_before_its_issuer() -> None:
    pair = _pair()
    late = pair.ends_at - DAY_S
    assert _leaf(pair, "api.example.com", late).not_valid_after_utc.timestamp() < pair.ends_at


@needs_openssl
@pytest.mark.parametrize("host", ["api.example.com", "127.0.0.1", "::1"])
def test_openssl_takes_a_leaf(tmp_path: Path, host: str) -> None:
    pair = _pair()
    assert _verified(tmp_path, pair, _leaf(pair, host)).endswith("leaf.pem: OK\n")


@needs_openssl
@pytest.mark.parametrize(
    ("permitted", "host"),
    [
        (HOSTS, "api.example.org"),
        (HOSTS, "example.com"),
        (HOSTS, "xapi.example.com"),
        (HOSTS, "127.0.0.2"),
        (HOSTS, "::2"),
        (("api.example.com",), "127.0.0.1"),
        (("api.example.com",), "::1"),
        (("127.0.0.1",), "::1"),
        (("127.0.0.1",), "api.example.com"),
        (("::1",), "127.0.0.1"),
        ((), "api.example.com"),
    ],
)
def test_a_stolen_key_is_good_for_no_other_host(
    tmp_path: Path, permitted: tuple[str, ...], host: str
) -> None:
    pair = Pair.issued(ec.generate_private_key(ec.SECP256R1()), Permitted.of(permitted), NOW)
    told = _verified(tmp_path, pair, _leaf(pair, host))
    assert "subtree violation" in told
    assert "status 2" in told


@needs_openssl
def test_a_stolen_key_makes_no_other_authority(tmp_path: Path) -> None:
    pair, other = _pair(), _pair()
    stolen = certificate.authority(other.key, other.permitted, NOW)
    below = (
        x509.CertificateBuilder()
        .subject_name(stolen.subject)
        .issuer_name(pair.certificate.subject)
        .public_key(other.key.public_key())
        .serial_number(1)
        .not_valid_before(stolen.not_valid_before_utc)
        .not_valid_after(stolen.not_valid_after_utc)
    )
    for extension in stolen.extensions:
        below = below.add_extension(extension.value, extension.critical)
    between = tmp_path / "between.pem"
    between.write_bytes(pem(below.sign(pair.key, stolen.signature_hash_algorithm)))
    trusted, shown = tmp_path / "ca.pem", tmp_path / "leaf.pem"
    trusted.write_bytes(pair.pem)
    shown.write_bytes(pem(_leaf(other, "api.example.com")))
    how = ("-attime", f"{NOW:.0f}", "-no-CApath", "-CAfile", trusted, "-untrusted", between)
    assert "path length constraint exceeded" in said("openssl", "verify", *how, shown)


@needs_openssl
def test_who_trusts_the_old_certificate_goes_on(tmp_path: Path) -> None:
    old = _pair("api.example.com")
    later = NOW + 30 * DAY_S
    new = Pair.issued(old.key, Permitted.of(["api.example.com", "b.example"]), later)
    leaf = _leaf(new, "api.example.com", later)
    assert _verified(tmp_path, old, leaf, later).endswith("OK\n")
    assert _verified(tmp_path, new, leaf, later).endswith("OK\n")
    assert "subtree" in _verified(tmp_path, old, _leaf(new, "b.example", later), later)
