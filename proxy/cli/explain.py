"""`understudy explain`: what would become of a request."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from multidict import CIMultiDict

from proxy.capture.identify import identify
from proxy.capture.refused import Refused
from proxy.cli.flags import Flags, chosen_policies
from proxy.core.clock import SystemClock, SystemDice
from proxy.engine.compile import Program, compile_program
from proxy.engine.explain import (
    Explanation,
    explain,
    explain_passthrough,
    explain_tunnel,
    lines,
)
from proxy.engine.files import NoPolicy
from proxy.engine.reload import complaints_of, load_paths
from proxy.living import Living
from proxy.policy.complaint import PolicyError
from proxy.policy.passage import Passage
from proxy.policy.snapshot import Snapshot
from proxy.settings import SettingError
from proxy.upstream.address import LENIENT, STRICT, Forbidden, Rule
from proxy.upstream.origin import Origin


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("explain", help="say what would become of a request")
    parser.add_argument("method", metavar="METHOD")
    parser.add_argument("url", metavar="URL", help="as the application calls it, or only its path")
    parser.add_argument("--header", action="append", default=[], metavar="K:V", help="repeatable")
    parser.add_argument("--body", metavar="FILE", help="the request's body; - reads stdin")
    parser.add_argument("--json", action="store_true", help="the same as data")
    Flags(parser, environ).policies()
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0; 1 when nothing would handle the request."""
    try:
        snapshot = load_paths(chosen_policies(chosen), os.environ)
    except (PolicyError, NoPolicy, OSError) as error:
        raise SettingError("\n".join(complaints_of(error))) from error
    request = _Request(
        chosen.method.upper(), chosen.url, _headers(chosen.header), _body(chosen.body)
    )
    try:
        told = asyncio.run(_explain(snapshot, request))
    except Refused as refused:
        print(f"nothing would handle it: {refused.message}")
        return 1
    for warning in snapshot.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(json.dumps(asdict(told), indent=2) if chosen.json else _words(told))
    return 0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: CIMultiDict[str]
    body: bytes


async def _explain(snapshot: Snapshot, request: _Request) -> Explanation:
    """Compile the very tree that would serve `request`, and read it. Raises Refused."""
    living = Living(snapshot.backend, SystemClock(), SystemDice(), lambda event, journal: None)
    try:
        program = compile_program(snapshot, living.parts)
        target = _target(request, program)
        if target.lower().startswith("https://") and not _is_intercepted(target, program):
            return _tunnelled(target, program)
        # As on loopback, where `serve` listens.
        place = identify(request.method, target, request.headers, program, {}, True, None)
        if place is None:
            raise Refused(400, "CONNECT opens a tunnel; explain a request that goes through it")
        if not place.known:
            _judge(Origin.of(f"http://{place.upstream}"), program)
            return explain_passthrough(program, place.upstream)
        path = place.path.removeprefix(program.origins[place.upstream].prefix)
        return explain(program, place.upstream, path, request.method, request.headers, request.body)
    finally:
        await living.close()


def _target(request: _Request, program: Program) -> str:
    """What an application asks for: a path, or all of a URL, as it does of a proxy.

    A URL of the proxy itself is one whose path begins with an upstream's name; any other http or
    https URL is a provider's, as HTTP_PROXY and HTTPS_PROXY bring it. Raises Refused.
    """
    url = request.url
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Refused(400, f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https"):
        return url
    path = "/" + url.partition("://")[2].partition("/")[2]
    if _is_upstreams(url, program):
        return url
    return path if path[1:].partition("/")[0] in program.origins else url


def _is_upstreams(url: str, program: Program) -> bool:
    origin = Origin.of(url)
    return program.snapshot.upstream_for_host(origin.host, origin.port) is not None


def _is_intercepted(url: str, program: Program) -> bool:
    origin = Origin.of(url)
    return program.snapshot.intercepts(origin.host, origin.port)


def _tunnelled(url: str, program: Program) -> Explanation:
    """What becomes of TLS that is not intercepted: an app asks for a tunnel."""
    origin, snapshot = Origin.of(url), program.snapshot
    passage = Passage.of(snapshot.passthrough, loopback=True)
    if not passage.admits(origin.host, origin.port) and not _is_upstreams(url, program):
        raise Refused(403, f"{origin.host} is the host of no upstream and {passage.why_not}")
    listed = passage.lists(origin.host, origin.port)
    if origin.port not in snapshot.connect_ports and not listed:
        ports = ", ".join(map(str, sorted(snapshot.connect_ports)))
        raise Refused(403, f"no tunnel leads to port {origin.port}; connect_ports has {ports}")
    return explain_tunnel(origin.host, origin.port, _judge(origin, program).name)


def _judge(origin: Origin, program: Program) -> Rule:
    """The rule that a stranger's address has to pass. Raises Refused where that is seen in how it
    is written already; a name is not looked up."""
    passage = Passage.of(program.snapshot.passthrough, loopback=True)
    rule = LENIENT if passage.exempts(origin.host, origin.port) else STRICT
    try:
        rule.host(origin.host)
    except Forbidden as error:
        raise Refused(403, str(error)) from error
    return rule


def _headers(given: list[str]) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict()
    for line in given:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise SettingError(f"--header: {line!r} is no header; it wants NAME:VALUE")
        headers.add(name.strip(), value.strip())
    return headers


def _body(source: str | None) -> bytes:
    if source is None:
        return b""
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise SettingError(f"--body: {source}: {error.strerror}") from error


def _words(told: Explanation) -> str:
    asked = f"{told.operation} model={told.model or '-'} stream={str(told.stream).lower()}"
    heading = [
        f"upstream   {told.upstream} ({told.dialect})",
        f"operation  {asked}",
        f"route      {told.route or 'none: the upstream under its own settings'}",
        *(f"  not {name}: {reason}" for name, reason in told.why_not),
        "plan",
    ]
    return "\n".join([*heading, *(f"  {line}" for line in lines(told.plan))])
