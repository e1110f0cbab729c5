"""Whom a program trusts that trusts our CA as well: a bundle of certificates in one file."""

import os
import ssl
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import certifi

from proxy.trust.authority import Authority
from proxy.trust.files import make_folder, write_whole
from proxy.trust.variables import NAMED_BY

BUNDLE_FILE = "bundle.pem"

_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat, Fedora
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # newer ones
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS, BSD
)
"""As in Go's crypto/x509/root_linux.go: each has all of the system's roots."""

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def system_roots(environ: Mapping[str, str]) -> bytes:
    """PEM of the system's roots, or certifi's where it has none, and of those that `environ` names
    already. Each once; what OpenSSL does not take is left out, as is a file that is not there.

    What an administrator put into the keychain of macOS is not seen.
    """
    return _pem(_roots(environ))


def write_bundle(folder: Path, authority: Authority, environ: Mapping[str, str]) -> Path:
    """A file in `folder` (made for this user alone) with our CA first and then `system_roots`, less
    older certificates of our CA: OpenSSL would take either, and hold hosts against the older one.

    Raises NotTrustworthy where it cannot be written, or others have access to the folder.
    """
    make_folder(folder)
    ours = authority.public_key_der
    others = (root for root in _roots(environ) if ours not in root)
    bundle = folder / BUNDLE_FILE
    write_whole(bundle, authority.certificate_pem + _pem(others), 0o644)
    return bundle


def renew_bundle(folder: Path, authority: Authority, environ: Mapping[str, str]) -> None:
    """Write the bundle again where one lies that has another certificate of our CA. Raises as
    `write_bundle` does."""
    bundle = folder / BUNDLE_FILE
    if bundle.exists() and not bundle.read_bytes().startswith(authority.certificate_pem):
        write_bundle(folder, authority, environ)


def _roots(environ: Mapping[str, str]) -> list[bytes]:
    """DER of each."""
    reader = _Reader()
    found = dict.fromkeys(_system(reader) or reader.read(Path(certifi.where())))
    for name in NAMED_BY:
        value = environ.get(name, "")
        paths = value.split(os.pathsep) if name == "SSL_CERT_DIR" else [value]
        for path in filter(None, paths):
            found |= dict.fromkeys(reader.read(Path(path)))
    return list(found)


def _system(reader: "_Reader") -> Sequence[bytes]:
    if sys.platform == "win32":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        return context.get_ca_certs(binary_form=True)
    built_in = ssl.get_default_verify_paths()  # less its environment: that is looked at apart
    for place in (built_in.openssl_cafile, *_SYSTEM_FILES, built_in.openssl_capath):
        if found := reader.read(Path(place)):
            return found
    return ()


class _Reader:
    """Reads certificates that OpenSSL takes: it would refuse a whole bundle for one that it does
    not."""

    def __init__(self) -> None:
        self._openssl = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def read(self, path: Path) -> Sequence[bytes]:
        """DER of all in a file, or in the files of a folder. What cannot be read is left out, as
        it is by OpenSSL and Node."""
        try:
            inside = path.is_dir()
            files = {file.resolve() for file in path.iterdir()} if inside else {path}
            return [der for file in sorted(files) for der in self._in_file(file)]
        except OSError:
            return ()

    def _in_file(self, file: Path) -> Iterator[bytes]:
        for part in file.read_bytes().split(_BEGIN)[1:] if file.is_file() else ():
            block, end, _ = part.partition(_END)
            try:
                der = ssl.PEM_cert_to_DER_cert((_BEGIN + block + end).decode("ascii"))
                self._openssl.load_verify_locations(cadata=der)
            except (ValueError, ssl.SSLError):
                continue
            yield der


def _pem(certificates: Iterable[bytes]) -> bytes:
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()
