"""The lines about who came to the door: turned away, carried unread, or distrustful of us."""

import logging
from collections.abc import Callable

from proxy.core.event import AuthorityIssued, CertificateRefused, Tunnelled, TurnedAway
from proxy.telemetry.line import Field, Line, milliseconds
from proxy.telemetry.redact import redact

QUIET_S = 10.0
"""Who is turned away for the same reason again, or breaks off a tunnel again, is a line at debug
for so long: a client that asks in a circle, or an attack, must not fill the disk."""

_TOO_MANY = "too_many"
_BROKEN = "tunnel broken"
_HOSTS = 8
"""Named of a certificate at most; the file has them all."""
_DEBUG, _INFO, _WARNING = logging.DEBUG, logging.INFO, logging.WARNING

DoorEvent = TurnedAway | Tunnelled | CertificateRefused | AuthorityIssued


class _Quiet:
    """Has the same told again no sooner than after QUIET_S. It remembers words of ours only, so
    there are few."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def line(self, word: str, told: Line) -> Line:
        """`told`, and how many were not told meanwhile; or, at debug, one more of those."""
        now = self._now()
        if now - self._told_at.get(word, -QUIET_S) < QUIET_S:
            self._untold[word] = self._untold.get(word, 0) + 1
            return told._replace(level=_DEBUG)
        self._told_at[word] = now
        if not (untold := self._untold.pop(word, 0)):
            return told
        message = f"{told.message} (and {untold} more like it since the last such line)"
        return Line(told.level, message, {**told.fields, "untold": untold})


class Doors:
    """Words such events."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._quiet = _Quiet(now)

    def line_of(self, event: DoorEvent) -> Line:
        match event:
            case TurnedAway():
                return self._quiet.line(event.reason, _turned_away(event))
            case Tunnelled(error=""):
                return _tunnelled(event)
            case Tunnelled():
                return self._quiet.line(_BROKEN, _tunnelled(event))
            case CertificateRefused():
                return _distrusted(event)
            case AuthorityIssued():
                return _issued(event)


def _turned_away(event: TurnedAway) -> Line:
    reason = event.reason
    fields: dict[str, Field] = {"face": event.face, "status": event.status, "reason": reason}
    message = f"Turned away ({event.status} {reason}): {redact(event.message)}"
    serious = event.status >= 500 or event.status == 403 or reason == _TOO_MANY
    return Line(_WARNING if serious else _INFO, message, fields)


def _tunnelled(event: Tunnelled) -> Line:
    fields: dict[str, Field] = {
        "face": event.face,
        "up_bytes": event.up_bytes,
        "down_bytes": event.down_bytes,
        "duration_ms": milliseconds(event.duration_s),
    }
    if event.error:
        message = f"The tunnel to {event.authority} broke off: {redact(event.error)}"
        return Line(_INFO, message, fields)
    return Line(_DEBUG, f"The tunnel to {event.authority} has ended.", fields)


def _distrusted(event: CertificateRefused) -> Line:
    host = event.host
    told = f" ({redact(event.told)})" if event.told else ""
    if event.tunnelled:
        then = (
            "From now on its connections are carried unread: no retries, no fallbacks. To have"
            " those, let the application trust the local CA (`understudy ca` says how)."
        )
    else:
        then = (
            "Its calls fail. Let the application trust the local CA (`understudy ca` says how); or,"
            f" where it accepts one certificate only, name {host} in its NO_PROXY, or set"
            " `on_pinning: tunnel` in a policy."
        )
    who = "A client does not trust" if event.certain else "Clients seem not to trust"
    message = f"{who} the certificate for {host} that was shown{told}. {then}"
    return Line(_WARNING, message, {"host": host, "tunnelled": event.tunnelled})


def _issued(event: AuthorityIssued) -> Line:
    hosts = ", ".join(event.hosts[:_HOSTS])
    if (more := len(event.hosts) - _HOSTS) > 0:
        hosts += f" and {more} more"
    fields: dict[str, Field] = {"path": event.path, "renewed": event.renewed}
    if event.error:
        message = (
            f"The local CA has no certificate that is good for {hosts}: {redact(event.error)}."
            " Applications that come by HTTPS_PROXY cannot call those that are new among them."
        )
        return Line(_WARNING, message, fields)
    then = (
        "It takes the place of an older one: trust the new one, wherever that was copied to."
        if event.renewed
        else "Applications that come by HTTPS_PROXY have to trust it (`understudy ca` says how)."
    )
    message = f"The local CA has a new certificate, {event.path}, good for {hosts} only. {then}"
    return Line(_INFO, message, fields)
