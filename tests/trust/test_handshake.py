"""Real handshakes of Python's ssl, as strict as it can be."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from proxy.trust import certificate
from proxy.trust.leaf import Leaf
from proxy.trust.pair import Pair
from proxy.trust.permitted import host_of
from tests.trust.parties import opened, pair_of, shake


@pytest.mark.parametrize("host", ["api.example.com", "127.0.0.1", "::1"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_trusts_us_is_served(
    tmp_path: Path, host: str, version: ssl.TLSVersion
) -> None:
    authority = opened(tmp_path / "ca")
    client = ssl.create_default_context()
    client.minimum_version = client.maximum_version = version
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    shake(authority.context(host), host, authority.certificate_pem, client)


def test_http_1_1_is_what_is_spoken(tmp_path: Path) -> None:
    authority = opened(tmp_path / "ca")
    near, far = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    client.set_alpn_protocols(["h2", "http/1.1"])
    ours = authority.context("api.example.com").wrap_bio(near, far, server_side=True)
    theirs = client.wrap_bio(far, near, server_hostname="api.example.com")
    for end in (theirs, ours, theirs, ours):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert theirs.selected_alpn_protocol() == ours.selected_alpn_protocol() == "http/1.1"


def test_a_client_that_does_not_trust_us_goes(tmp_path: Path) -> None:
    authority, other = opened(tmp_path / "ca"), opened(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(authority.context("127.0.0.1"), "127.0.0.1", other.certificate_pem)


def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    context = opened(tmp_path / "ca").context("127.0.0.1")
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_a_stolen_key_deceives_no_client_about_another_host(tmp_path: Path) -> None:
    authority = opened(tmp_path / "ca")
    stolen = pair_of(tmp_path / "ca")
    now = stolen.begins_at + certificate.EARLIER_S
    forged = Leaf.signed(stolen, host_of("api.example.org"), now)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(forged.context, "api.example.org", authority.certificate_pem)
    honest = Leaf.signed(stolen, host_of("api.example.com"), now)
    shake(honest.context, "api.example.com", authority.certificate_pem)


def test_who_trusts_the_first_certificate_trusts_later_leaves(tmp_path: Path) -> None:
    first = opened(tmp_path / "ca", "a.example")
    later = opened(tmp_path / "ca", "a.example", "b.example")
    shake(later.context("a.example"), "a.example", first.certificate_pem)
    shake(later.context("b.example"), "b.example", later.certificate_pem)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(later.context("b.example"), "b.example", first.certificate_pem)


def test_leaves_of_another_authority_of_the_same_hosts_are_not_taken(tmp_path: Path) -> None:
    authority = opened(tmp_path / "ca")
    ours = pair_of(tmp_path / "ca")
    impostor = Pair.issued(ec.generate_private_key(ec.SECP256R1()), ours.permitted, ours.begins_at)
    forged = Leaf.signed(impostor, host_of("api.example.com"), ours.begins_at)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(forged.context, "api.example.com", authority.certificate_pem)
