"""Whom the files of the CA are believed from, and how they are written."""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from proxy.trust.authority import Authority, NotTrustworthy, check
from tests.trust.parties import HOSTS, Ears, opened, pair_of, pem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="access is otherwise there")

NOBODY = 65_534


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _unprivileged() -> Iterator[Path]:
    """A folder of somebody to whom modes mean something, who we are meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_files_are_made_for_their_owner_alone(tmp_path: Path, mask: int) -> None:
    folder = tmp_path / "state" / "ca"
    with _umask(mask):
        opened(folder)
    assert _mode(folder.parent) == 0o700
    assert _mode(folder) == 0o700
    assert _mode(folder / "ca.key") == 0o600
    assert _mode(folder / "ca.pem") == 0o644
    assert not [file.name for file in folder.iterdir() if file.name.startswith(".")]


def test_nothing_is_wrong_where_nothing_is(tmp_path: Path) -> None:
    check(tmp_path / "state" / "ca")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        ("", 0o750, "its mode is 0750, .*chmod 0700 "),
        ("", 0o701, "its mode is 0701, .*chmod 0700 "),
        ("ca.key", 0o640, "its mode is 0640, .*chmod 0600 .*ca.key"),
        ("ca.key", 0o604, "its mode is 0604, .*chmod 0600 "),
        ("ca.key", 0o602, "its mode is 0602, .*chmod 0600 "),
    ],
)
def test_files_that_others_have_access_to_are_refused(
    tmp_path: Path, name: str, mode: int, told: str
) -> None:
    opened(tmp_path / "ca")
    (tmp_path / "ca" / name).chmod(mode)
    with pytest.raises(NotTrustworthy, match=told):
        check(tmp_path / "ca")
    with pytest.raises(NotTrustworthy, match=told):
        opened(tmp_path / "ca")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["", "ca.key", "ca.pem"])
def test_files_of_somebody_else_are_refused(tmp_path: Path, name: str) -> None:
    opened(tmp_path / "ca")
    os.chown(tmp_path / "ca" / name, NOBODY, -1)
    with pytest.raises(NotTrustworthy, match=f"belongs to user {NOBODY} .*chown 0 "):
        check(tmp_path / "ca")


@pytest.mark.parametrize("name", ["ca.key", "ca.pem"])
def test_links_and_pipes_are_refused(tmp_path: Path, name: str) -> None:
    opened(tmp_path / "ca")
    file = tmp_path / "ca" / name
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotTrustworthy, match="it is a link"):
        check(tmp_path / "ca")
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(NotTrustworthy, match="it is no file"):
        check(tmp_path / "ca")


@pytest.mark.parametrize("name", ["ca.key", "ca.pem"])
def test_folders_in_the_place_of_files_are_refused(tmp_path: Path, name: str) -> None:
    opened(tmp_path / "ca")
    (tmp_path / "ca" / name).unlink()
    (tmp_path / "ca" / name).mkdir()
    with pytest.raises(NotTrustworthy, match=f"{name}: it is no file; remove it"):
        check(tmp_path / "ca")


@pytest.mark.parametrize(
    "content", [b"", b"no PEM", b"\xff\x00" * 40, b"-----BEGIN PRIVATE KEY-----\n"]
)
@pytest.mark.parametrize("name", ["ca.key", "ca.pem"])
def test_garbled_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    opened(tmp_path / "ca")
    (tmp_path / "ca" / name).write_bytes(content)
    with pytest.raises(NotTrustworthy, match=f"{name}: it holds no .* PEM"):
        check(tmp_path / "ca")


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "a")
    opened(tmp_path / "b")
    (tmp_path / "b" / "ca.key").replace(tmp_path / "a" / "ca.key")
    with pytest.raises(NotTrustworthy, match="it is not of the key in"):
        check(tmp_path / "a")


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "ca")
    (tmp_path / "ca" / "ca.key").unlink()
    with pytest.raises(NotTrustworthy, match=r"its key, .*ca\.key, is gone"):
        opened(tmp_path / "ca")


def test_an_unconstrained_certificate_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "ca")
    ours = pair_of(tmp_path / "ca")
    free = (
        x509.CertificateBuilder()
        .subject_name(ours.certificate.subject)
        .issuer_name(ours.certificate.subject)
        .public_key(ours.key.public_key())
        .serial_number(1)
        .not_valid_before(ours.certificate.not_valid_before_utc)
        .not_valid_after(ours.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ours.key, hashes.SHA256())
    )
    (tmp_path / "ca" / "ca.pem").write_bytes(pem(free))
    with pytest.raises(NotTrustworthy, match="its name constraints are others, or none"):
        check(tmp_path / "ca")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "ca")
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "ca" / "ca.key").write_bytes(other)
    with pytest.raises(NotTrustworthy, match="not of the P-256 curve"):
        check(tmp_path / "ca")


def test_a_folder_that_takes_no_files_is_named() -> None:
    with _unprivileged() as place:
        folder = place / "ca"
        folder.mkdir(mode=0o700)
        folder.chmod(0o500)
        with pytest.raises(NotTrustworthy, match="nothing can be written here: Permission denied"):
            opened(folder)


def test_a_folder_that_cannot_be_made_is_named() -> None:
    with _unprivileged() as place:
        place.chmod(0o500)
        with pytest.raises(NotTrustworthy, match="the folder of the CA cannot be made: Permission"):
            opened(place / "state" / "ca")


def test_a_folder_that_cannot_be_looked_at_is_named() -> None:
    with _unprivileged() as place:
        opened(place / "ca")
        place.chmod(0o600)
        with pytest.raises(NotTrustworthy, match="cannot be looked at: Permission denied"):
            check(place / "ca")
        place.chmod(0o700)


def test_a_state_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(NotTrustworthy, match="cannot be looked at: Not a directory"):
        check(tmp_path / "state" / "ca")
    with pytest.raises(NotTrustworthy, match="the folder of the CA cannot be made"):
        opened(tmp_path / "state" / "ca")


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca").touch()
    with pytest.raises(NotTrustworthy, match="it is no folder"):
        opened(tmp_path / "ca")


def test_a_key_without_a_certificate_gets_one(tmp_path: Path) -> None:
    opened(tmp_path / "ca")
    before = pair_of(tmp_path / "ca")
    (tmp_path / "ca" / "ca.pem").unlink()
    ears = Ears()
    authority = Authority.open(tmp_path / "ca", HOSTS[:1], ears)
    assert authority.public_key_der == before.public_key_der
    assert authority.permitted == ("api.example.com",)
    assert [event.renewed for event in ears.heard] == [True]


def test_the_key_is_in_its_file_and_nowhere_else(tmp_path: Path) -> None:
    authority = opened(tmp_path / "ca")
    authority.context("api.example.com")
    key = pair_of(tmp_path / "ca").key
    number = key.private_numbers().private_value.to_bytes(32, "big")
    told = f"{authority!r} {vars(authority)!r}".encode() + authority.certificate_pem
    assert number not in told
    assert number.hex().encode() not in told.lower()
    assert (tmp_path / "ca" / "ca.key").read_bytes() not in told
