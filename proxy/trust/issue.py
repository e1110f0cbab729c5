"""Which certificate is in force: the one that lies in a folder, or one that is made for it."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from proxy.core.event import AuthorityIssued
from proxy.core.journal import Hear
from proxy.trust.error import NotTrustworthy
from proxy.trust.files import make_folder
from proxy.trust.lock import locked
from proxy.trust.pair import CERTIFICATE_FILE, Pair, read, write_certificate, write_key
from proxy.trust.permitted import Permitted

RENEW_S = 30 * 86_400.0
"""With less than this left the certificate is made anew. Whoever has to trust it by hand has this
long to do so."""


def in_force(folder: Path, wanted: Permitted, hear: Hear, now: float) -> Pair:
    """What lies in `folder`, if it is enough; else what is made and put there. Where that cannot
    be, what will do for now goes on, and `hear` is told why."""
    make_folder(folder)
    _, found = read(folder)
    if found is not None and _enough(found, wanted, now):
        return found
    try:
        with locked(folder):
            return _made(folder, wanted, hear, now)
    except NotTrustworthy as error:
        if found is None or not found.permitted >= wanted or not found.holds(now):
            raise
        hear(_issued(folder, found, renewed=True, error=str(error)), None)
        return found


def _made(folder: Path, wanted: Permitted, hear: Hear, now: float) -> Pair:
    """A new certificate, and a key where there is none, unless another process was first."""
    key, found = read(folder)
    if found is not None and _enough(found, wanted, now):
        return found
    renewed = key is not None
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
        write_key(folder, key)
    if found is not None and not ends_soon(found, now):
        wanted |= found.permitted
    pair = Pair.issued(key, wanted, now)
    write_certificate(folder, pair)
    hear(_issued(folder, pair, renewed=renewed), None)
    return pair


def ends_soon(pair: Pair, now: float) -> bool:
    """Or has not begun: it was made by a clock that was ahead."""
    return not pair.begins_at <= now < pair.ends_at - RENEW_S


def _enough(pair: Pair, wanted: Permitted, now: float) -> bool:
    return pair.permitted >= wanted and not ends_soon(pair, now)


def _issued(folder: Path, pair: Pair, *, renewed: bool, error: str = "") -> AuthorityIssued:
    return AuthorityIssued(str(folder / CERTIFICATE_FILE), pair.permitted.words(), renewed, error)
