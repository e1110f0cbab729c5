"""TLS with upstreams: always verified, by the system's roots and those of a policy's files.

It has no way to leave out the check of a certificate or of the name in it.
"""

import hashlib
import os
import ssl
import stat
from collections.abc import Iterable
from weakref import WeakValueDictionary

import certifi

from proxy.policy.tls import FileKey, Tls, TlsFiles, Unusable

FILE_BYTES = 4 * 2**20
"""Of a file of certificates: the system's own, of 150 roots, is a twentieth of it."""

_CERTIFICATE = "write its certificates as PEM text (-----BEGIN CERTIFICATE-----)"
_KEY = "write it as PEM text (-----BEGIN PRIVATE KEY-----)"
_OWN_ROOTS = frozenset(("SSL_CERT_FILE", "SSL_CERT_DIR"))
"""Variables by which a user says whom OpenSSL trusts: nobody else is then."""


class Contexts:
    """The context of each way to speak TLS, one for the same files, so that connections are shared.

    A context lives as long as a program in force holds it.
    """

    def __init__(self) -> None:
        self._made: WeakValueDictionary[Tls | None, ssl.SSLContext] = WeakValueDictionary()
        self._ready: tuple[ssl.SSLContext, ...] = ()

    def prepare(self, ways: Iterable[Tls | None]) -> None:
        """Make the contexts that a program is about to be compiled with. Takes tens of milliseconds
        for each: call it in a thread. Raises OSError where a file has changed since it was seen."""
        self._ready = tuple(self.of(tls) for tls in set(ways))

    def of(self, tls: Tls | None) -> ssl.SSLContext:
        """At once where it was prepared, or is in use."""
        context = self._made.get(tls)
        if context is None:
            context = self._made[tls] = context_for(tls)
        return context


def context_for(tls: Tls | None) -> ssl.SSLContext:
    """A new context; None: the system's roots and no certificate of ours. Raises OSError."""
    context = ssl.create_default_context()
    if lacks_roots(context):
        context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    if tls is not None and tls.ca_file is not None:
        context.load_verify_locations(tls.ca_file)
    if tls is not None and tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file, _no_password)
    return context


def lacks_roots(context: ssl.SSLContext) -> bool:
    """Whether the system has no roots to trust, as in a bare container image. A folder of them is
    read only when one is looked for; whom the user names by variables is asked no further."""
    if context.cert_store_stats()["x509_ca"] or _OWN_ROOTS & os.environ.keys():
        return False
    folder = ssl.get_default_verify_paths().capath
    return folder is None or not os.listdir(folder)


def look(files: TlsFiles) -> Tls | tuple[Unusable, ...]:
    """Reads the files and tries them: what they are good for, or everything wrong with them."""
    named: tuple[tuple[FileKey, str | None], ...] = (
        ("ca_file", files.ca_file),
        ("cert_file", files.cert_file),
        ("key_file", files.key_file),
    )
    found = hashlib.sha256()
    paths: dict[FileKey, str] = {}
    wrong: list[Unusable] = []
    for key, file in named:
        if file is None:
            continue
        path = paths[key] = os.path.abspath(file)
        try:
            content = _read(path)
        except OSError as error:
            why = error.strerror or str(error)
            right = "its path leads from where this policy file lies"
            wrong.append(Unusable(key, f"'{key}' cannot be read: {path}: {why}", right))
        else:
            found.update(f"{key} {len(content)} ".encode() + content)
    wrong = wrong or [*_try_roots(paths), *_try_own(paths)]
    if wrong:
        return tuple(wrong)
    told = (paths.get("ca_file"), paths.get("cert_file"), paths.get("key_file"))
    return Tls(*told, found.hexdigest())


def _read(path: str) -> bytes:
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is no file")
        content = file.read(FILE_BYTES + 1)
    if len(content) > FILE_BYTES:
        raise OSError(f"it is longer than {FILE_BYTES >> 20} MiB")
    return content


def _at_once(path: str, flags: int) -> int:
    """Open `path` without waiting for somebody to write into it, where it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _try_roots(paths: dict[FileKey, str]) -> Iterable[Unusable]:
    if "ca_file" in paths and not _has_certificate(paths["ca_file"]):
        yield Unusable("ca_file", "'ca_file' holds no certificate", _CERTIFICATE)


def _has_certificate(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


def _try_own(paths: dict[FileKey, str]) -> Iterable[Unusable]:
    cert = paths.get("cert_file")
    if cert is None:
        return
    if not _has_certificate(cert):
        yield Unusable("cert_file", "'cert_file' holds no certificate", _CERTIFICATE)
        return
    key: FileKey = "key_file" if "key_file" in paths else "cert_file"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(cert, paths.get("key_file"), _no_password)
    except _Locked:
        right = "write it without: openssl pkey -in KEY -out OPEN, readable by this user only"
        yield Unusable(key, "its key wants a password", right)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            right = "name the key that the certificate was made with"
            yield Unusable(key, "its key is not that of the certificate in 'cert_file'", right)
        elif error.reason is not None and error.reason != "NO_START_LINE":
            told = error.reason.lower().replace("_", " ")
            yield Unusable("cert_file", f"'cert_file' cannot be used: {told}", "make another")
        else:
            right = _KEY if key == "key_file" else f"name its key: key_file; or {_KEY}"
            yield Unusable(key, f"'{key}' holds no private key", right)


class _Locked(Exception):
    """A key that is encrypted."""


def _no_password() -> str:
    raise _Locked
