"""`understudy ca`: makes the local CA on first use, and says how programs are made to trust it."""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy.cli.flags import Flags, chosen_policies
from proxy.core.event import AuthorityIssued, Event
from proxy.core.journal import Journal
from proxy.engine.files import NoPolicy
from proxy.engine.reload import complaints_of, load_paths
from proxy.policy.complaint import PolicyError
from proxy.settings import ca_dir
from proxy.trust.error import NotTrustworthy
from proxy.trust.howto import advice

if TYPE_CHECKING:  # loaded when it is used: every command would wait for it
    from proxy.trust.authority import Authority


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("ca", help="make the local CA, and say how to trust it")
    flags = Flags(parser, environ)
    flags.policies()
    flags.state_dir()
    short = parser.add_mutually_exclusive_group()
    short.add_argument("--path", action="store_true", help="where its certificate is, nothing else")
    short.add_argument("--print", action="store_true", help="its certificate in PEM, nothing else")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0; 2 when a policy is wrong; 1 when the CA cannot be made, or others have access to it."""
    from proxy.trust.authority import Authority, check
    from proxy.trust.pair import CERTIFICATE_FILE
    from proxy.trust.roots import write_bundle

    try:
        snapshot = load_paths(chosen_policies(chosen), os.environ)
    except (PolicyError, NoPolicy, OSError) as error:
        for complaint in complaints_of(error):
            print(complaint, file=sys.stderr)
        return 2
    folder = ca_dir(Path(chosen.state_dir)).absolute()
    certificate = folder / CERTIFICATE_FILE
    try:
        if certificate.exists() and (chosen.path or chosen.print):
            check(folder)  # a look is no reason to have it sign for more hosts
        else:
            authority = Authority.open(folder, snapshot.hosts, _tell)
        if chosen.path:
            print(certificate)
        elif chosen.print:
            print(certificate.read_text(), end="")
        else:
            bundle = write_bundle(folder, authority, os.environ)
            print("\n".join(_words(authority, bundle)))
    except NotTrustworthy as error:
        print(f"understudy ca: {error}", file=sys.stderr)
        return 1
    return 0


def _tell(event: Event, _: Journal | None) -> None:
    if isinstance(event, AuthorityIssued):
        if event.error:
            print(f"understudy ca: not renewed: {event.error}", file=sys.stderr)
        else:
            done = "made anew: whoever was told to trust it has to be told again" * event.renewed
            print(f"understudy ca: {event.path}: {done or 'made'}", file=sys.stderr)


def _words(authority: "Authority", bundle: Path) -> Iterator[str]:
    ends = datetime.fromtimestamp(authority.ends_at, UTC)
    yield f"name         {authority.name}"
    yield f"certificate  {authority.path}"
    yield f"bundle       {bundle} (the system's certificates and this one)"
    yield f"fingerprint  SHA-256 {authority.fingerprint}"
    yield f"ends         {ends:%Y-%m-%d}; it is made anew in its last month"
    yield f"good for     {', '.join(authority.permitted) or 'no host'}, and names below; no others"
    yield ""
    yield "An application that comes by HTTPS_PROXY has to trust it. One of these will do:"
    for each in advice(authority.path, bundle, authority.name):
        yield ""
        yield each.subject
        yield f"  trust  {each.trust}"
        yield f"  undo   {each.undo}"
        if each.note:
            yield f"  {each.note}"
    yield ""
    yield "Another user cannot read these files, and has to be given `understudy ca --print`."
    yield f"Once nobody trusts it any more, remove {authority.path.parent}, and the key with it."
