"""What is in a bundle, and what is not."""

import os
import ssl
import stat
from pathlib import Path

import certifi
import pytest

from proxy.trust import roots
from proxy.trust.authority import NotTrustworthy
from proxy.trust.roots import system_roots, write_bundle
from proxy.trust.variables import NAMED_BY
from tests.trust.parties import opened, shake

_BEGIN = b"-----BEGIN CERTIFICATE-----"


def _count(bundle: bytes) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=bundle.decode("ascii"))
    return len(context.get_ca_certs())


@pytest.fixture
def no_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no roots of its own, as small containers have none."""
    monkeypatch.setattr(roots, "_system", lambda _: ())


def test_the_system_has_roots_or_certifi_has() -> None:
    found = system_roots({})
    assert found.count(_BEGIN) == len(set(found.split(_BEGIN))) - 1 > 50
    assert _count(found) > 50


@pytest.mark.usefixtures("no_system")
def test_certifi_stands_in_where_the_system_has_none() -> None:
    assert system_roots({}).count(_BEGIN) == Path(certifi.where()).read_bytes().count(_BEGIN)


def test_the_environment_of_this_process_is_not_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere"))
    assert system_roots({}).count(_BEGIN) > 50


@pytest.mark.usefixtures("no_system")
@pytest.mark.parametrize("name", NAMED_BY)
def test_what_is_named_already_is_added_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    one, two = opened(tmp_path / "one"), opened(tmp_path / "two")
    monkeypatch.setattr(certifi, "where", lambda: str(one.path))
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "a.pem").write_bytes(one.certificate_pem + two.certificate_pem)
    (folder / "hash.0").symlink_to(folder / "a.pem")
    named = f"{tmp_path / 'gone'}{os.pathsep}{folder}" if name == "SSL_CERT_DIR" else str(folder)
    assert system_roots({name: named}) == one.certificate_pem + two.certificate_pem
    if name != "SSL_CERT_DIR":
        file = str(folder / "a.pem")
        assert system_roots({name: file}) == one.certificate_pem + two.certificate_pem


@pytest.mark.usefixtures("no_system")
def test_what_openssl_does_not_take_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = opened(tmp_path / "ca")
    odd = [
        _BEGIN + b"\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n",
        _BEGIN + b"\n\xff\xff\n-----END CERTIFICATE-----\n",
        _BEGIN + b"\nMIIB",
    ]
    file = tmp_path / "odd.pem"
    file.write_bytes(b"# words\n" + odd[0] + odd[1] + good.certificate_pem + odd[2])
    monkeypatch.setattr(certifi, "where", lambda: str(file))
    assert system_roots({"SSL_CERT_FILE": str(tmp_path / "gone")}) == good.certificate_pem


def test_a_bundle_is_ours_and_the_systems(tmp_path: Path) -> None:
    authority = opened(tmp_path / "ca")
    bundle = write_bundle(tmp_path / "run", authority, {})
    assert bundle == tmp_path / "run" / "bundle.pem"
    assert bundle.read_bytes() == authority.certificate_pem + system_roots({})
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o644
    assert stat.S_IMODE(bundle.parent.stat().st_mode) == 0o700
    assert [file.name for file in bundle.parent.iterdir()] == ["bundle.pem"]
    context = ssl.create_default_context(cafile=bundle)
    shake(authority.context("127.0.0.1"), "127.0.0.1", authority.certificate_pem, context)


def test_an_older_certificate_of_ours_is_in_nobodys_way(tmp_path: Path) -> None:
    old = opened(tmp_path / "ca", "a.example")
    first = write_bundle(tmp_path / "ca", old, {})
    before = tmp_path / "before.pem"
    before.write_bytes(first.read_bytes())
    new = opened(tmp_path / "ca", "b.example")
    bundle = write_bundle(tmp_path / "ca", new, {"SSL_CERT_FILE": str(before)}).read_bytes()
    assert bundle.startswith(new.certificate_pem)
    assert old.certificate_pem not in bundle
    shake(new.context("b.example"), "b.example", bundle)


def test_a_bundle_that_others_could_change_is_not_written(tmp_path: Path) -> None:
    authority = opened(tmp_path / "ca")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(NotTrustworthy, match="its mode is 0777"):
        write_bundle(tmp_path / "open", authority, {})
