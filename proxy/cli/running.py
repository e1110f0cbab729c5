"""What `understudy run` does: the flags become an order, the proxy's address an environment."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from proxy.cli.serving import settings_of
from proxy.core.event import AuthorityIssued, Event
from proxy.core.journal import Journal
from proxy.engine.files import NoPolicy
from proxy.engine.reload import load_paths
from proxy.launch.ending import end_as
from proxy.launch.environment import Doors, surroundings
from proxy.launch.order import NotStarted, Order, Where
from proxy.launch.report import Reports
from proxy.launch.signals import Signals
from proxy.launch.supervise import Supervisor
from proxy.policy.complaint import PolicyError
from proxy.settings import Settings
from proxy.trust.authority import Authority, NotTrustworthy
from proxy.trust.roots import write_bundle

_OWN = ("command", "no_base_url", "listen", "admin", "state_dir", "log_level")
"""What `serve` is not told as it was said here: it has no such flag, or another default."""


def run(chosen: argparse.Namespace, command: Sequence[str]) -> int:
    """As `understudy run` promises."""
    settings = settings_of(chosen)
    reports: Reports = SimpleQueue()
    with Signals(reports) as signals, _state(chosen.state_dir) as (state, temporary):
        order = Order(
            command=command,
            flags=(*_typed(chosen), "--state-dir", str(state), "--log-level", chosen.log_level),
            listen=chosen.listen,
            admin=chosen.admin,
            folder=str(state) if temporary else "",
            drain_s=settings.drain_s,
        )
        try:
            status = Supervisor(order, reports, signals, _say).run(
                lambda where: _environ(where, settings, state, base_urls=not chosen.no_base_url)
            )
        except NotStarted as error:
            status = error.status
    return end_as(status)


def _typed(chosen: argparse.Namespace) -> list[str]:
    """The flags of `serve` that were typed: it reads the variables of the others itself, and a
    token that is in none of its arguments is in no list of processes."""
    flags: list[str] = []
    for name, value in vars(chosen).items():
        if name in _OWN or name not in chosen.untyped or value == chosen.untyped[name]:
            continue
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        else:
            values = value if isinstance(value, list) else [value]
            flags += [f"{flag}={one}" for one in values]
    return flags


@contextmanager
def _state(named: str) -> Iterator[tuple[Path, bool]]:
    """The state folder, and whether it goes at the end. CMD may be told of it, and go elsewhere."""
    if named:
        yield Path(named).absolute(), False
        return
    folder = tempfile.mkdtemp(prefix="understudy-")
    try:
        yield Path(folder), True
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environ(
    where: Where, settings: Settings, state: Path, *, base_urls: bool
) -> Mapping[str, str]:
    """What CMD gets. The proxy has read the same policies, and would have refused bad ones."""
    try:
        snapshot = load_paths(settings.policies, os.environ)
        authority = Authority.open(state / "ca", snapshot.hosts, _heard)
        bundle = write_bundle(state / "ca", authority, os.environ)
    except (PolicyError, NoPolicy, NotTrustworthy, OSError) as error:
        _say(str(error))
        raise NotStarted(2) from error
    doors = Doors(where.listen, settings.proxy_token, bundle)
    found = surroundings(os.environ, snapshot, doors, base_urls=base_urls)
    for note in found.notes:
        _say(note)
    return found.environ


def _heard(event: Event, journal: Journal | None) -> None:
    """Of the CA. That there is a new one concerns nobody: CMD is told to trust it."""
    if isinstance(event, AuthorityIssued) and event.error:
        _say(event.error)


def _say(text: str) -> None:
    print(f"understudy run: {text}", file=sys.stderr, flush=True)
