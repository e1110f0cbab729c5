"""`understudy status`: asks a running proxy how it is."""

import argparse
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.cli.flags import ADMIN, Flags
from proxy.running import running_file
from proxy.settings import Address

ASK_S = 5.0
WATCH_S = 2.0


def add_to(commands: Any, environ: Mapping[str, str]) -> None:
    parser = commands.add_parser("status", help="ask a running proxy how it is")
    flags = Flags(parser, environ)
    flags.add("--admin", "", "its admin port; by default the one last started", metavar="HOST:PORT")
    flags.add("--admin-token", "", "what it wants to be shown")
    flags.state_dir()
    parser.add_argument("--watch", action="store_true", help="again every two seconds")
    parser.add_argument("--json", action="store_true", help="all of it, as JSON")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0; 1 when no proxy answers."""
    url = _url(chosen)
    while True:
        try:
            told = _ask(url, chosen.admin_token)
        except urllib.error.HTTPError as error:
            hint = "; give its --admin-token" if error.code == 401 else ""
            print(f"the admin port at {url} refuses: {error}{hint}")
            return 1
        except (OSError, ValueError) as error:
            print(f"no proxy answers at {url}: {error}; start one, or give its --admin HOST:PORT")
            return 1
        print(json.dumps(told, indent=2) if chosen.json else _words(told), flush=True)
        if not chosen.watch:
            return 0
        time.sleep(WATCH_S)


def _url(chosen: argparse.Namespace) -> str:
    if chosen.admin:
        address = Address.parse(chosen.admin, "--admin")
        return address.url(address.port)
    file = running_file(Path(chosen.state_dir))
    try:
        return str(json.loads(file.read_text())["admin"])
    except (OSError, ValueError, KeyError):
        return f"http://{ADMIN}"


def _ask(url: str, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{url}/status", headers=headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=ASK_S) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def _words(told: Mapping[str, Any]) -> str:
    policies, overall, fallback = told["policies"], told["overall"], told["fallback"]
    mode = f", mode {policies['mode']}" if policies["mode"] else ""
    lines = [
        f"policies  {policies['digest']} since {policies['loaded_at']}{mode}",
        f"requests  {overall['total_requests']}, {overall['overall_success_rate']:.1%} answered, "
        f"{fallback['fallback_rate']:.1%} by a fallback",
        "sources   " + ", ".join(f"{name} {count}" for name, count in told["sources"].items()),
    ]
    rows = [("upstream", "tier", "health", "breaker", "calls")]
    rows += [_row(upstream) for upstream in told["upstreams"]]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        padded = [f"{word:<{width}}" for word, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*padded, row[-1]]))
    lines += [f"degraded  {why}" for why in told["degraded_why"]] or ["all is well"]
    return "\n".join(lines)


def _row(upstream: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    health = upstream["health"]
    well = "healthy" if health["is_healthy"] else f"unhealthy ({health['consecutive_failures']})"
    return upstream["name"], upstream["tier"], well, _breaker(upstream["breaker"]), _calls(upstream)


def _breaker(breaker: Mapping[str, Any]) -> str:
    state: str = breaker["state"]
    if breaker["by_hand"]:
        return f"{state} by hand"
    if state == "open":
        state += f" for {breaker['retry_after_s']:.0f} s"
    return f"{state} ({breaker['cause']})" if breaker["cause"] else state


def _calls(upstream: Mapping[str, Any]) -> str:
    """How they went, and what they are short of."""
    health, limit, quota = upstream["health"], upstream["limit"], upstream["quota"]
    words = [
        f"{health['success_count']} ok, {health['failure_count']} failed",
        f"{health['average_latency_ms']:.0f} ms",
    ]
    if limit["concurrency"] is not None:
        words.append(f"{limit['in_use']} of {limit['concurrency']} at once")
    if limit["waiting"]:
        words.append(f"{limit['waiting']} waiting")
    if quota["spent_s"] is not None:
        words.append(f"rate limit used up for {quota['spent_s']:.0f} s")
    elif quota["share"] < 1:
        words.append(f"{quota['share']:.0%} of its rate limit left")
    if upstream["budget"]["spent"] >= 1:
        words.append("retry budget spent")
    return ", ".join(words)
