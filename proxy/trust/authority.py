"""The local CA of one folder.

open, cover:  files -> key and certificate -> enough? -> in force
                           | no: a host lacks, or the end is near
                           +-> lock -> files again -> the same key, a new certificate -> files
context:      host -> leaf at hand and fresh? -> its context
                           | no
                           +-> a new leaf of what is in force
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from proxy.core.journal import Hear
from proxy.trust import certificate
from proxy.trust.error import NotTrustworthy
from proxy.trust.files import check_folder
from proxy.trust.issue import ends_soon, in_force
from proxy.trust.leaf import Leaf
from proxy.trust.pair import CERTIFICATE_FILE, read
from proxy.trust.permitted import Host, Permitted, host_of

__all__ = ["Authority", "NotTrustworthy", "check"]


def check(folder: Path) -> None:
    """Raises NotTrustworthy where the CA in `folder` is not to be trusted, as `Authority.open`
    would; a folder that is not there, or empty, is fine. Nothing is made or changed."""
    try:
        check_folder(folder)
    except FileNotFoundError:
        return
    read(folder)


class Authority:
    """Signs for hosts of upstreams. Its methods may be called from any thread; all but
    `context_at_hand` block, for milliseconds as a rule.

    The certificate is made anew when a host lacks or its end is near, with the key and the subject
    it had, so that who trusts the old one goes on for the hosts of that. When hosts lack, those
    permitted so far stay: other proxies may use the folder, and a narrower certificate takes
    nothing from a thief while the wider one is trusted. When its end is near, only the hosts in
    force are permitted from then on.
    """

    def __init__(
        self, folder: Path, hosts: Permitted, hear: Hear, wall: Callable[[], float]
    ) -> None:
        self._folder = folder
        self._hosts = hosts
        self._hear = hear
        self._wall = wall
        self._lock = threading.Lock()
        self._pair = in_force(folder, hosts, hear, wall())
        self._leaves: dict[Host, Leaf] = {}  # no more than there are hosts in force

    @classmethod
    def open(
        cls,
        folder: Path,
        hosts: Iterable[str],
        hear: Hear,
        wall: Callable[[], float] = time.time,
    ) -> "Authority":
        """The CA in `folder`, made on first use, which may sign for `hosts` (ports are ignored).

        `hear` is told of a new certificate, and of one that could not be made in good time. Raises
        NotTrustworthy where others have access to the key, the files are not ours, or nothing will
        do and nothing can be made.
        """
        return cls(folder, Permitted.of(hosts), hear, wall)

    @property
    def path(self) -> Path:
        """Of the certificate, for trust stores. The file is always the one in force."""
        return self._folder / CERTIFICATE_FILE

    @property
    def name(self) -> str:
        """What the CA calls itself: the same for every certificate of its key."""
        return certificate.name_of(self._pair.key.public_key())

    @property
    def certificate_pem(self) -> bytes:
        return self._pair.pem

    @property
    def public_key_der(self) -> bytes:
        """As it stands in every certificate of this CA."""
        return self._pair.public_key_der

    @property
    def permitted(self) -> tuple[str, ...]:
        """What the certificate permits: names, then addresses."""
        return self._pair.permitted.words()

    @property
    def ends_at(self) -> float:
        """When the certificate ends, in seconds since the epoch."""
        return self._pair.ends_at

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers and `openssl x509 -fingerprint` show it."""
        return self._pair.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def cover(self, hosts: Iterable[str]) -> None:
        """From now on sign for `hosts`, and by the files as they are now. Raises NotTrustworthy as
        `open` does, and then signs as it did before."""
        wanted = Permitted.of(hosts)
        with self._lock:
            self._renew(wanted)
            self._hosts = wanted
            self._leaves = {host: leaf for host, leaf in self._leaves.items() if host in wanted}

    def context_at_hand(self, host: str) -> ssl.SSLContext | None:
        """What `context` returns where that need not make anything; None otherwise. Never waits."""
        leaf = self._leaves.get(host_of(host))
        return leaf.context if leaf is not None and leaf.fresh(self._wall()) else None

    def context(self, host: str) -> ssl.SSLContext:
        """For the server's side of connections to `host`: TLS 1.2 and up, HTTP/1.1 over it.

        Raises NotTrustworthy for a host that is not in force, and where the CA's certificate has
        ended and none can be made.
        """
        named = host_of(host)
        with self._lock:
            if named not in self._hosts:
                raise NotTrustworthy(f"{host}: the CA signs for hosts of upstreams only")
            now = self._wall()
            leaf = self._leaves.get(named)
            if leaf is None or not leaf.fresh(now):
                if ends_soon(self._pair, now):
                    self._renew(self._hosts)
                leaf = self._leaves[named] = Leaf.signed(self._pair, named, now)
            return leaf.context

    def _renew(self, wanted: Permitted) -> None:
        """Have in force what the files say, or will say. Another key makes all leaves void."""
        before = self._pair
        self._pair = in_force(self._folder, wanted, self._hear, self._wall())
        if self._pair.key.public_key() != before.key.public_key():
            self._leaves = {}
