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

from proxy.capture.identify import Refused, identify
from proxy.cli.flags import Flags, chosen_policies
from proxy.core.clock import SystemClock, SystemDice
from proxy.engine.compile import Program, compile_program
from proxy.engine.explain import Explanation, explain, explain_passthrough, lines
from proxy.engine.files import NoPolicy
from proxy.engine.reload import complaints_of, load_paths
from proxy.living import Living
from proxy.policy.complaint import PolicyError
from proxy.policy.snapshot import Snapshot
from proxy.settings import SettingError


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
        method, target = _line(request, program)
        passthrough = snapshot.passthrough != "deny"  # as on loopback, where `serve` listens
        place = identify(method, target, request.headers, program, {}, passthrough)
        if not place.known:
            return explain_passthrough(program, place.upstream)
        path = place.path.removeprefix(program.origins[place.upstream].prefix)
        return explain(program, place.upstream, path, request.method, request.headers, request.body)
    finally:
        await living.close()


def _line(request: _Request, program: Program) -> tuple[str, str]:
    """Method and target that an application sends: its path, or all of it to a proxy.

    A URL of the proxy itself is one whose path begins with an upstream's name; any other http or
    https URL is a provider's, as HTTP_PROXY and HTTPS_PROXY bring it. Raises Refused.
    """
    method, url = request.method, request.url
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused(400, f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https"):
        return method, url
    target = url.partition("://")[2]
    path = "/" + target.partition("/")[2]
    if program.snapshot.upstream_for_host(parts.hostname or "", port) is None:
        if path[1:].partition("/")[0] in program.origins:
            return method, path
        if parts.scheme == "https":
            return "CONNECT", parts.netloc
    return method, f"http://{target}"


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
